"""A room of viewers on a server, beside the floor under the same load: `python -m benchmarks.workshop [--json]`.

- one visit in a real Chromium is recorded first; the simulated viewers are held to it
- all open the page at once, nothing cached
- each moves `num_units` to a random value of the slider every five seconds or so
- what the server's memory grows by; Linux alone tells

`--seconds 600` is a soak: each half minute it says what memory and errors have come to. `--servers 2` has so many of them behind
nginx, as `make cluster` starts them; memory and processor are then of all.

The viewers are in this process, beside the server on the same machine.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from benchmarks.page import launch
from benchmarks.recorded import MOVES, Visit, compare, record, wait_until_ready
from benchmarks.servers import FLOOR, PAGE, App, Server, serve, serve_cluster
from benchmarks.table import Line, parse_arguments, report
from benchmarks.viewer import Answer, Viewer

START = 8  # units of the default view
LARGEST = 256  # units at the slider's end
PAUSE = 5.0  # seconds between two moves of a viewer, on average
REST = 10.0  # seconds after which what is not used should have been given back
LIMIT = 60.0  # seconds after which a viewer gives up
OPENING = 300.0  # the same while all open at once
LOOK = 30.0  # seconds between two looks at a soak
FLAT = 60.0  # seconds of moves after which memory should stay as it is: what is kept for all is full


@dataclass
class Found:
    """What a workshop told about a server.

    Memory in bytes: before the viewers, when all had opened, when they had moved, and when they had rested. `looks` are seconds
    of moving, memory, and what of it is kept for all, every half minute; `refused` what a page asked for again by itself.
    """

    viewers: int
    opened: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    looks: list[tuple[float, int, float]] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    opening: float = 0.0
    cpu: float = 0.0
    seconds: float = 0.0

    def percentile(self, name: str, percent: int) -> float:
        times = [getattr(answer, name) for answer in self.answers]
        return float(np.percentile(times, percent)) if times else float("nan")

    def growth(self, at: int) -> float:
        return (self.memory[at] - self.memory[0]) / self.viewers / 2**20

    def rise(self) -> float | None:
        """What each viewer's share of the memory rose by, in MB, between the time when what is kept is full and the end."""
        late = [memory for at, memory, _kept in self.looks if at >= FLAT]
        return (late[-1] - late[0]) / self.viewers / 2**20 if len(late) > 1 else None


async def simulate(server: Server, real: Visit) -> Visit:
    """The recorded visit, without a browser."""
    viewer = Viewer(server, real)
    await asyncio.wait_for(viewer.open(START), LIMIT)
    for size in range(START + 1, START + 1 + MOVES):
        await asyncio.wait_for(viewer.move(size), LIMIT)
    await viewer.close()
    return viewer.visit


async def hold_workshop(server: Server, real: Visit, viewers: int, seconds: float) -> Found:
    found, first = Found(viewers), []
    # One comes first, as the presenter does, on each server: it is warm, and what it loads once is in "before".
    for each in server.behind or (server,):
        presenter = Viewer(each, real)
        await asyncio.wait_for(presenter.open(START), LIMIT)
        for size in (START + 1, START):
            await asyncio.wait_for(presenter.move(size), LIMIT)
        first.append(presenter)
    found.memory.append(server.resident())
    room = [Viewer(server, real) for _viewer in range(viewers)]

    used, started = server.cpu_seconds(), time.perf_counter()
    await asyncio.gather(*(_try(found, viewer.open(START), OPENING) for viewer in room))
    found.opened, found.opening = time.perf_counter() - started, server.cpu_seconds() - used
    await asyncio.sleep(1)
    found.memory.append(server.resident())

    used, started = server.cpu_seconds(), time.perf_counter()
    looking = asyncio.create_task(_look(found, server, room))
    await asyncio.gather(
        *(_attend(found, viewer, started + seconds, random.Random(i)) for i, viewer in enumerate(room))
    )
    looking.cancel()
    found.cpu, found.seconds = server.cpu_seconds() - used, time.perf_counter() - started
    found.memory.append(server.resident())
    await asyncio.sleep(REST)
    found.memory.append(server.resident())
    for viewer in room:
        found.refused.update(viewer.refused)
        found.said.update(viewer.said)
    await asyncio.gather(*(viewer.close() for viewer in (*first, *room)))
    return found


async def _look(found: Found, server: Server, room: list[Viewer]) -> None:
    """Notes the memory every half minute, and says so."""
    started = time.perf_counter()
    while True:
        await asyncio.sleep(LOOK)
        kept = await asyncio.to_thread(server.kept) if server.app is PAGE else 0.0
        at, memory = time.perf_counter() - started, server.resident()
        found.looks.append((at, memory, kept))
        refused = sum(len(viewer.refused) for viewer in room)
        print(
            f"{server.app.name}, {at:4.0f} s: {memory / 2**20:,.0f} MB resident, {kept / 2**20:.0f} MB of it kept for all; "
            f"{len(found.answers):,} moves, {refused} asked for again, {len(found.errors)} errors",
            file=sys.stderr,
            flush=True,
        )


async def _attend(found: Found, viewer: Viewer, end: float, chance: random.Random) -> None:
    at = time.perf_counter() + chance.uniform(0, PAUSE)
    while at < end:
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        answer = await _try(found, viewer.move(chance.randint(1, LARGEST)), LIMIT)
        if answer is None:
            break
        found.answers.append(answer)
        at = max(at + PAUSE * chance.uniform(0.8, 1.2), time.perf_counter())


async def _try(found: Found, job: object, limit: float) -> Answer | None:
    try:
        answer: Answer = await asyncio.wait_for(job, limit)  # type: ignore[arg-type]
    except Exception as error:
        found.errors.append(f"{type(error).__name__}: {error}")
        return None
    return answer


@contextmanager
def serve_page(servers: int) -> Iterator[Server]:
    """The page on so many servers, ready."""
    if servers > 1:
        with serve_cluster(servers) as cluster:
            yield cluster.server()
    else:
        with serve(PAGE) as server:
            wait_until_ready(server)
            yield server


def tell(page: Found, floor: Found | None) -> Iterator[Line]:
    """What one size of room found; the floor where it was measured too."""

    def line(name: str, unit: str, read: object, target: float | None = None) -> Line:
        return Line(name, unit, read(page), read(floor) if floor else None, target)  # type: ignore[operator]

    yield line(f"{page.viewers} open the page at once, all served within", "s", lambda found: found.opened)
    yield line("  processor for each", "ms", lambda found: 1000 * found.opening / found.viewers)
    moves = len(page.answers)
    yield line(f"move num_units, median of {moves:,}", "s", lambda f: f.percentile("figures", 50), 0.1)
    yield line("  95th percentile", "s", lambda f: f.percentile("figures", 95), 0.5)
    yield line("  slowest", "s", lambda f: f.percentile("figures", 100))
    yield line("  until all that follows, median", "s", lambda f: f.percentile("finished", 50), 0.1)
    yield line("  95th percentile", "s", lambda f: f.percentile("finished", 95), 0.5)
    yield line("  processor for a move", "ms", lambda f: 1000 * f.cpu / max(1, len(f.answers)))
    yield line("  cores that the server keeps busy", "", lambda f: f.cpu / f.seconds)
    yield line("  moves a second", "", lambda f: len(f.answers) / f.seconds)
    yield line("errors", "", lambda f: len(f.errors), 0)
    yield line("  answers that a page asked for again", "", lambda f: f.refused.total())
    yield line("  times that a page said so", "", lambda f: f.said.total(), 0)
    yield line("memory with one viewer", "MB", lambda f: f.memory[0] / 2**20)
    yield line("memory for a viewer with the page open", "MB", lambda f: f.growth(1), 1)
    yield line("  as the last one moves, with what is kept for all", "MB", lambda f: f.growth(2))
    yield line(f"  when the room has rested for {REST:.0f} s", "MB", lambda f: f.growth(3), 1)
    if (rise := page.rise()) is not None:
        yield Line(f"  its rise from {FLAT:.0f} s of moves to the end", "MB", rise, floor and floor.rise(), 1)


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "",
        lambda parser: parser.add_argument("--viewers", type=int, nargs="+", default=[100]),
        lambda parser: parser.add_argument("--seconds", type=float, default=60),
        lambda parser: parser.add_argument("--servers", type=int, default=1),
        lambda parser: parser.add_argument("--no-floor", action="store_true", help="leave the floor out"),
    )
    lines: list[Line] = []
    recorded: dict[str, Visit] = {}
    for app in (PAGE,) if arguments.no_floor else (FLOOR, PAGE):
        with serve(app) as server:
            if app is PAGE:
                wait_until_ready(server)
            with launch() as browser:
                real = recorded[app.name] = record(browser, server)
            if app is PAGE:
                lines += compare(asyncio.run(simulate(server, real)), real)

    def hold(app: App, viewers: int) -> Found:
        with serve_page(arguments.servers) if app is PAGE else serve(app) as server:
            found = asyncio.run(hold_workshop(server, recorded[app.name], viewers, arguments.seconds))
        for what in ("errors", "refused", "said"):
            for text, count in Counter(getattr(found, what)).most_common(5):
                print(f"{app.name}, {what}: {count} × {text[:200]}", file=sys.stderr)
        return found

    for number, viewers in enumerate(arguments.viewers):
        floor = (
            None if number or arguments.no_floor else hold(FLOOR, viewers)
        )  # one size is enough to know the machine by
        lines += tell(hold(PAGE, viewers), floor)
    report(lines, arguments.json)


if __name__ == "__main__":
    main()
