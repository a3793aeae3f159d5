"""A presenter's move reaches a room: `python -m benchmarks.rooms [--json] [--followers 200] [--moves 20] [--largest 256]`.

Each follower hears of the move over its WebSocket and fetches the stage's numbers for it, as its page does, over a connection of
its own. What is counted is the time from the presenter's sending to a follower's last byte: all but the browser's drawing.

Each move is to a random size up to the largest, by default the slider's whole range: 735 KB of numbers a move, at the median.

The followers are in this process, beside the server on the same machine.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.servers import PAGE, Server, serve
from benchmarks.table import Line, parse_arguments, report
from lstmviz.web.server import assets_path

LARGEST = 256  # units at the slider's end
PAUSE = 1.0  # seconds between two moves
LIMIT = 30.0  # seconds after which a move has not arrived


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
    address = f"ws://127.0.0.1:{server.port}/lstmviz/rooms"
    presenter = await connect(address)
    opened = await _ask(presenter, "opened", do="open")
    started = time.perf_counter()
    sockets = await asyncio.gather(*(connect(address) for _follower in range(followers)))
    await asyncio.gather(*(_ask(each, "following", do="follow", room=opened["room"]) for each in sockets))
    found.joined = time.perf_counter() - started
    chance, used = random.Random(0), server.cpu_seconds()
    for number in range(1, moves + 1):
        state = {
            "path": "explore",
            "query": f"num_units={chance.randint(1, largest)}",
            "t": None,
            "unit": None,
        }
        sent = time.perf_counter()
        await presenter.send(json.dumps({"do": "move", "epoch": opened["epoch"], "state": state}))
        await asyncio.gather(*(_follow(found, server, each, number, sent) for each in sockets))
        await asyncio.sleep(PAUSE)
    found.cpu, found.moves = server.cpu_seconds() - used, moves
    await asyncio.gather(*(each.close() for each in (presenter, *sockets)))
    return found


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
    return len(body)


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
        _wait_warm(server)
        found = asyncio.run(hold_room(server, arguments.followers, arguments.moves, arguments.largest))
    for error in found.errors[:5]:
        print(error, file=sys.stderr)
    report(tell(found, arguments.followers), arguments.json)


def _wait_warm(server: Server) -> None:
    import urllib.error
    import urllib.request

    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://localhost:{server.port}/lstmviz/ready", timeout=10):
                return
        except urllib.error.HTTPError:
            time.sleep(0.2)
    raise RuntimeError("TensorFlow did not start")


if __name__ == "__main__":
    main()
