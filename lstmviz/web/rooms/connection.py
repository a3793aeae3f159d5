"""One that is connected: follows a room, or holds its token and drives.

What is said, in JSON. The first message says what for, by `do`:

- `open`: a new room; answered with `opened`, its name, its token, the link for followers and that link's QR code
- `follow`, with `room`: answered with `following`, then with each `state`
- `drive`, with `room`, `token` and the last `epoch`: answered with `driving`, or with `driver` where another device drives
- `redeem`, with `room` and `code`: a token of its own, answered as `open` is

Who holds the token then sends `move` with `epoch` and `state`, `take`, `code`, `end`. Everybody hears `state`, `ended`, `lost` and
`found`, and at least a `beat` every quarter of a minute; what is not done is answered with `refused` and `why`.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable
from urllib.parse import urlsplit

from lstmviz.web import metrics
from lstmviz.web.rooms import record as records
from lstmviz.web.rooms.allowance import Allowance
from lstmviz.web.rooms.hub import Hub, Listener
from lstmviz.web.rooms.record import Record, Refused
from lstmviz.web.rooms.state import read_message, read_state
from lstmviz.web.rooms.stores import Store, Unreachable

_FIRST_LIMIT = 10.0  # seconds in which the first message has to come
_MOST_MOVES = 12  # a second, of one connection; who sends more is read more slowly
_PAGE = re.compile(r"https?://[\w.:\[\]-]{1,200}(/[\w.~%-]{0,100}){1,8}", re.ASCII)


@runtime_checkable
class Socket(Protocol):
    """What a WebSocket does here."""

    async def receive(self) -> str | bytes:
        """The next message; raises `Gone`."""

    async def send(self, message: str) -> None:
        """Raises `Gone`."""


class Gone(Exception):
    """The other side has closed, or is to be closed."""


@dataclass(frozen=True)
class House:
    """What all connections of a server share."""

    store: Store
    hub: Hub
    clock: Callable[[], float] = time.time
    opens: Allowance = field(default_factory=lambda: Allowance(20, 600))
    """Rooms that an address opens."""
    misses: Allowance = field(default_factory=lambda: Allowance(60, 60))
    """Names, tokens and codes of an address that are none: at that rate, of 45 bits."""


async def serve(house: House, socket: Socket, address: str, origin: str) -> None:
    """Talks with one that has connected, until either goes.

    Args:
        house: The rooms.
        socket: The connection.
        address: Where from.
        origin: The page's, as the browser says it; empty where it says none.
    """
    listener = Listener()
    try:
        async with asyncio.timeout(_FIRST_LIMIT):
            first = read_message(await socket.receive())
        connection = _Connection(house, socket, listener, address, origin)
        name = await connection.begin(first)
    except Refused as refused:
        with suppress(Gone):
            await socket.send(_refusal(refused.why))
        return
    except Unreachable:
        with suppress(Gone):
            await socket.send('{"is":"lost"}')
        return
    except (Gone, TimeoutError):
        return
    try:
        await connection.talk()
    finally:
        house.hub.leave(name, listener)


def _refusal(why: str) -> str:
    return json.dumps({"is": "refused", "why": why})


class _Connection:
    def __init__(self, house: House, socket: Socket, listener: Listener, address: str, origin: str) -> None:
        self._house, self._socket, self._listener = house, socket, listener
        self._address, self._origin = address, origin
        self._name = ""

    # --- The first message

    async def begin(self, first: dict[str, Any]) -> str:
        """Does what the first message asks for, and gives the room's name; raises `Refused`."""
        ways = {"open": self._open, "follow": self._follow, "drive": self._drive, "redeem": self._redeem}
        way = ways.get(str(first.get("do")))
        if way is None:
            raise Refused("message")
        return await way(first)

    async def _open(self, first: dict[str, Any]) -> str:
        if not self._house.opens.use(self._address):
            raise Refused("slower")
        record, token = records.make(self._house.clock())
        await self._house.store.add(record)
        self._join(record, presents=True)
        self._welcome("opened", record, first, token=token)
        return record.name

    async def _follow(self, first: dict[str, Any]) -> str:
        record = await self._find(first)
        self._join(record, presents=False)
        self._listener.reply(**{"is": "following", "room": record.name})
        if record.state:
            self._listener.offer(record)
        return record.name

    async def _drive(self, first: dict[str, Any]) -> str:
        record = await self._find(first)
        if not records.holds(record, first.get("token")):
            self._miss("token")
        rule = records.drive(first.get("epoch"), first.get("take") is True, self._house.clock())
        before, record = record, await self._house.store.change(record.name, rule)
        self._join(record, presents=True)
        self._welcome("driving" if record.epoch > before.epoch else "driver", record, first)
        return record.name

    async def _redeem(self, first: dict[str, Any]) -> str:
        record = await self._find(first)
        rule, token = records.redeem(first.get("code"), self._house.clock())
        record = await self._house.store.change(record.name, rule)
        if not records.holds(record, token):
            self._miss("code")
        self._join(record, presents=True)
        self._welcome("opened", record, first, token=token)
        return record.name

    async def _find(self, first: dict[str, Any]) -> Record:
        if not self._house.misses.has(self._address):
            raise Refused("slower")
        name = records.find_name(first.get("room"))
        record = await self._house.store.read(name) if name else None
        if record is None:
            self._miss("gone")
        return record  # type: ignore[return-value]  # else it has raised

    def _miss(self, why: str) -> None:
        self._house.misses.use(self._address)
        raise Refused(why)

    def _join(self, record: Record, *, presents: bool) -> None:
        self._listener.presents = presents
        self._house.hub.join(record.name, self._listener)
        self._name = record.name
        if presents:
            self._listener.knows(record)

    def _welcome(self, what: str, record: Record, first: dict[str, Any], **more: Any) -> None:
        link = self._link(first.get("page"), record.name)
        self._listener.reply(
            **{"is": what, "room": record.name, "epoch": record.epoch, "shared": self._house.store.is_shared},
            state=json.loads(record.state) if record.state else None,
            link=link,
            qr=draw_qr(link) if link else "",
            **more,
        )

    def _link(self, page: Any, name: str) -> str:
        """The followers' link: behind the page's own address, which the browser alone knows where a proxy changes it."""
        if not isinstance(page, str) or not self._origin or not _PAGE.fullmatch(page):
            return ""
        parts = urlsplit(page)
        return f"{page}?room={name}" if f"{parts.scheme}://{parts.netloc}" == self._origin else ""

    # --- What follows

    async def talk(self) -> None:
        """Hears and tells until either side goes."""
        jobs = [asyncio.ensure_future(job) for job in (self._hear(), self._tell())]
        try:
            await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for job in jobs:
                job.cancel()
            for found in await asyncio.gather(*jobs, return_exceptions=True):
                if isinstance(found, Exception) and not isinstance(found, Gone):
                    raise found

    async def _tell(self) -> None:
        while True:
            for message in await self._listener.take():
                await self._socket.send(message)
            if self._listener.has_ended:
                return

    async def _hear(self) -> None:
        while True:
            message = await self._socket.receive()
            started = time.monotonic()
            try:
                await self._obey(read_message(message))
            except Refused as refused:
                self._listener.reply(**{"is": "refused", "why": refused.why})
            except Unreachable:
                self._listener.lose(True)
            await asyncio.sleep(max(0.0, 1 / _MOST_MOVES - (time.monotonic() - started)))

    async def _obey(self, message: dict[str, Any]) -> None:
        ways = {"move": self._move, "take": self._take, "code": self._hand_over, "end": self._end}
        way = ways.get(str(message.get("do")))
        if way is None or not self._listener.presents:
            raise Refused("message")
        await way(message)

    async def _move(self, message: dict[str, Any]) -> None:
        state = await asyncio.to_thread(read_state, message.get("state"))
        rule = records.move(message.get("epoch"), state, self._house.clock())
        await self._house.store.change(self._name, rule)
        metrics.count_move()

    async def _take(self, _message: dict[str, Any]) -> None:
        rule = records.drive(None, True, self._house.clock())
        record = await self._house.store.change(self._name, rule)
        state = json.loads(record.state) if record.state else None
        self._listener.reply(**{"is": "driving", "epoch": record.epoch, "state": state})

    async def _hand_over(self, _message: dict[str, Any]) -> None:
        rule, code = records.hand_over(self._house.clock())
        await self._house.store.change(self._name, rule)
        self._listener.reply(**{"is": "code", "code": code, "seconds": records.CODE_SECONDS})

    async def _end(self, _message: dict[str, Any]) -> None:
        await self._house.store.end(self._name)


def draw_qr(link: str) -> str:
    """A link as a QR code, in SVG."""
    import segno

    made = io.BytesIO()
    code = segno.make(link, error="m", micro=False)
    code.save(made, kind="svg", border=4, dark="#000", light="#fff", omitsize=True, xmldecl=False, nl=False)
    return made.getvalue().decode()
