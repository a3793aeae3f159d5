"""A presenter's move reaches a room: `python -m benchmarks.rooms [--json] [--followers 200] [--moves 20] [--largest 256]`.

Each follower hears of the move over its WebSocket and fetches the stage's numbers for it, as its page does, over a connection of
its own. What is counted is the time from the presenter's sending to a follower's last byte: all but the browser's drawing.

A page in a real Chromium follows first, through as many moves: what it asks for and hears is printed beside a follower's.

Each move is to a random size up to the largest, by default the slider's whole range: 735 KB of numbers a move, at the median.

The followers are in this process, beside the server on the same machine.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from playwright.async_api import async_playwright
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.page import ARGUMENTS, find_chromium
from benchmarks.recorded import wait_until_ready
from benchmarks.servers import PAGE, Server, serve
from benchmarks.table import Line, parse_arguments, report
from lstmviz.web.server import assets_path

LARGEST = 256  # units at the slider's end
PAUSE = 1.0  # seconds between two moves
LIMIT = 30.0  # seconds after which a move has not arrived


@dataclass
class Traffic:
    """What a page asks for and hears while a presenter moves: requests by path, bytes of their answers, messages of the room."""

    requests: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    states: int = 0
    others: Counter[str] = field(default_factory=Counter)


async def watch_chromium(server: Server, moves: int, largest: int) -> Traffic:
    """What a page in Chromium asks for and hears, that follows through some moves."""
    traffic, is_counted = Traffic(), False
    presenter, opened = await _open_room(server)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-US")
        session = await page.context.new_cdp_session(page)

        def hear_request(event: dict[str, Any]) -> None:
            place = urlsplit(event["request"]["url"])
            if is_counted and place.scheme in ("http", "https"):
                traffic.requests[place.path] += 1

        def hear_end(event: dict[str, Any]) -> None:
            traffic.answered += int(event["encodedDataLength"]) if is_counted else 0

        def hear_frame(event: dict[str, Any]) -> None:
            if not is_counted:
                return
            if event["response"]["opcode"] != 1:  # Streamlit's own are bytes
                traffic.others["of the script"] += 1
                return
            told = json.loads(event["response"]["payloadData"])["is"]
            traffic.states += told == "state"
            traffic.others[told] += told != "state"

        session.on("Network.requestWillBeSent", hear_request)
        session.on("Network.loadingFinished", hear_end)
        session.on("Network.webSocketFrameReceived", hear_frame)
        await session.send("Network.enable")
        await page.goto(f"{server.url}/?room={opened['room']}")
        await page.locator(".st-key-kernel .gtitle").first.wait_for(timeout=1000 * LIMIT)
        await page.wait_for_timeout(5000)
        is_counted = True
        for size in _sizes(moves, largest):
            await presenter.send(_state(opened, size))
            title = page.locator(".st-key-kernel .gtitle").filter(has_text=f", {4 * size}]")
            await title.first.wait_for(timeout=1000 * LIMIT)
            await page.wait_for_timeout(1000 * PAUSE)
        await browser.close()
    await presenter.close()
    return traffic


def compare(simulated: Found, real: Traffic) -> Iterator[Line]:
    """A follower's part of what the simulated ones asked for and heard, beside what Chromium did."""
    followers = len(simulated.heard) / simulated.moves
    yield Line("requests of a follower, simulated and Chromium's", "", simulated.moves, real.requests.total())
    yield Line("  bytes of answers", "", sum(simulated.received) / followers, real.answered)
    yield Line("  messages of the room", "", simulated.moves, real.states)
    yield Line("  messages otherwise", "", 0, real.others.total())


@dataclass
class Found:
    """Seconds from a move to each follower, who has then heard of it, and has its numbers; and how it went otherwise."""

    heard: list[float] = field(default_factory=list)
    fetched: list[float] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    joined: float = 0.0
    errors: list[str] = field(default_factory=list)
    cpu: float = 0.0
    moves: int = 0


async def hold_room(server: Server, followers: int, moves: int, largest: int) -> Found:
    found = Found()
    presenter, opened = await _open_room(server)
    started = time.perf_counter()
    sockets = await asyncio.gather(*(connect(_address(server)) for _follower in range(followers)))
    await asyncio.gather(*(_ask(each, "following", do="follow", room=opened["room"]) for each in sockets))
    found.joined = time.perf_counter() - started
    used = server.cpu_seconds()
    for number, size in enumerate(_sizes(moves, largest), 1):
        sent = time.perf_counter()
        await presenter.send(_state(opened, size))
        await asyncio.gather(*(_follow(found, server, each, number, sent) for each in sockets))
        await asyncio.sleep(PAUSE)
    found.cpu, found.moves = server.cpu_seconds() - used, moves
    await asyncio.gather(*(each.close() for each in (presenter, *sockets)))
    return found


def _address(server: Server) -> str:
    return f"ws://127.0.0.1:{server.port}/lstmviz/rooms"


async def _open_room(server: Server) -> tuple[ClientConnection, dict[str, Any]]:
    """A presenter, and what was said of their room."""
    presenter = await connect(_address(server))
    return presenter, await _ask(presenter, "opened", do="open")


def _sizes(moves: int, largest: int) -> list[int]:
    chance = random.Random(0)
    return [chance.randint(1, largest) for _move in range(moves)]


def _state(opened: dict[str, Any], size: int) -> str:
    """A move of the presenter's."""
    state = {"path": "explore", "query": f"num_units={size}", "t": None, "unit": None}
    return json.dumps({"do": "move", "epoch": opened["epoch"], "state": state})


async def _ask(socket: ClientConnection, kind: str, **message: Any) -> dict[str, Any]:
    await socket.send(json.dumps(message))
    return await _hear(socket, lambda told: told["is"] == kind)


async def _hear(socket: ClientConnection, is_wanted: Any) -> dict[str, Any]:
    async with asyncio.timeout(LIMIT):
        while True:
            told: dict[str, Any] = json.loads(await socket.recv())
            if is_wanted(told):
                return told


async def _follow(found: Found, server: Server, socket: ClientConnection, number: int, sent: float) -> None:
    try:
        told = await _hear(socket, lambda told: told["is"] == "state" and told["number"] == number)
        heard = time.perf_counter()
        async with asyncio.timeout(LIMIT):
            received = await _fetch(server, told["state"]["query"])
    except (OSError, TimeoutError, ValueError) as error:
        found.errors.append(f"{type(error).__name__}: {error}")
        return
    found.heard.append(heard - sent)
    found.fetched.append(time.perf_counter() - sent)
    found.received.append(received)


async def _fetch(server: Server, query: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    path = f"/{assets_path()}/numbers/stage?{query}&engine=numpy&t=0&unit=0"
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n".encode()
    )
    head, _end, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise ValueError(f"{path} answered {head[:80]!r}")
    return len(head) + len(body)


def tell(found: Found, followers: int) -> Iterator[Line]:
    def percentile(times: list[float], percent: int) -> float:
        return float(np.percentile(times, percent)) if times else float("nan")

    yield Line(f"{followers} followers come at once, all within", "s", found.joined)
    yield Line(
        f"a move, until a follower has its numbers, median of {len(found.fetched):,}",
        "s",
        percentile(found.fetched, 50),
        None,
        0.5,
    )
    yield Line("  95th percentile", "s", percentile(found.fetched, 95), None, 1.5)
    yield Line("  slowest", "s", percentile(found.fetched, 100))
    yield Line("  until a follower has heard of it, median", "s", percentile(found.heard, 50))
    yield Line("  95th percentile", "s", percentile(found.heard, 95))
    yield Line("  bytes for a follower, median", "KB", float(np.median(found.received or [0])) / 1000)
    yield Line(
        "  the server's processor time for a move and a follower",
        "ms",
        1000 * found.cpu / max(1, found.moves * followers),
    )
    yield Line("errors", "", len(found.errors), None, 0)


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "",
        lambda parser: parser.add_argument("--followers", type=int, default=200),
        lambda parser: parser.add_argument("--moves", type=int, default=20),
        lambda parser: parser.add_argument("--largest", type=int, default=LARGEST),
    )
    with serve(PAGE) as server:
        wait_until_ready(server)
        real = asyncio.run(watch_chromium(server, arguments.moves, arguments.largest))
        found = asyncio.run(hold_room(server, arguments.followers, arguments.moves, arguments.largest))
    for error in found.errors[:5]:
        print(error, file=sys.stderr)
    report([*compare(found, real), *tell(found, arguments.followers)], arguments.json)


if __name__ == "__main__":
    main()
