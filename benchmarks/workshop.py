"""A room of viewers on one server, beside the floor under the same load: `python -m benchmarks.workshop [--json]`.

- all open the page at once
- each moves `num_units` to a random value of the slider every five seconds or so
- what the server's memory grows by; Linux alone tells

The viewers are in this process, beside the server on the same machine.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmarks.servers import DOCUMENT, FLOOR, App, Server, serve
from benchmarks.table import Line, parse_arguments, report
from benchmarks.viewer import Answer, Viewer

START = 8  # units of the default view
LARGEST = 256  # units at the slider's end
PAUSE = 5.0  # seconds between two moves of a viewer, on average
REST = 10.0  # seconds after which what is not used should have been given back
LIMIT = 60.0  # seconds after which a viewer gives up


@dataclass
class Found:
    """What a workshop told about a server.

    Memory in bytes: before the viewers, when all had opened, when they had moved, and when they had rested.
    """

    opened: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    cpu: float = 0.0

    def percentile(self, name: str, percent: int) -> float:
        times = [getattr(answer, name) for answer in self.answers]
        return float(np.percentile(times, percent)) if times else float("nan")


async def hold_workshop(server: Server, viewers: int, seconds: float) -> Found:
    found = Found()
    # One comes first, as the presenter does: the server is warm, and what it loads once is in "before".
    presenter = Viewer(server)
    await asyncio.wait_for(presenter.open(START), LIMIT)
    for size in (START + 1, START):
        await asyncio.wait_for(presenter.move(size), LIMIT)
    found.memory.append(server.resident())
    room = [Viewer(server) for _viewer in range(viewers)]

    started = time.perf_counter()
    await asyncio.gather(*(_try(found, viewer.open(START)) for viewer in room))
    found.opened = time.perf_counter() - started
    await asyncio.sleep(1)
    found.memory.append(server.resident())

    used, end = server.cpu_seconds(), time.perf_counter() + seconds
    each = await asyncio.gather(
        *(_attend(found, viewer, end, random.Random(i)) for i, viewer in enumerate(room))
    )
    found.answers = [answer for answers in each for answer in answers]
    found.cpu = server.cpu_seconds() - used
    found.memory.append(server.resident())
    await asyncio.sleep(REST)
    found.memory.append(server.resident())
    await asyncio.gather(*(viewer.close() for viewer in (presenter, *room)))
    return found


async def _attend(found: Found, viewer: Viewer, end: float, chance: random.Random) -> list[Answer]:
    answers = []
    at = time.perf_counter() + chance.uniform(0, PAUSE)
    while at < end:
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        answer = await _try(found, viewer.move(chance.randint(1, LARGEST)))
        if answer is None:
            break
        answers.append(answer)
        at = max(at + PAUSE * chance.uniform(0.8, 1.2), time.perf_counter())
    return answers


async def _try(found: Found, job: object) -> Answer | None:
    try:
        answer: Answer = await asyncio.wait_for(job, LIMIT)  # type: ignore[arg-type]
    except Exception as error:
        found.errors.append(f"{type(error).__name__}: {error}")
        return None
    return answer


def tell(page: Found, floor: Found, viewers: int) -> Iterator[Line]:
    def growth(found: Found, at: int) -> float:
        return (found.memory[at] - found.memory[0]) / viewers / 2**20

    yield Line(f"{viewers} open the page at once, all served within", "s", page.opened, floor.opened, 5)
    name = f"move num_units, until the script is done, median of {len(page.answers):,}"
    yield Line(name, "s", page.percentile("finished", 50), floor.percentile("finished", 50), 0.1)
    yield Line(
        "  95th percentile", "s", page.percentile("finished", 95), floor.percentile("finished", 95), 0.5
    )
    yield Line("  slowest", "s", page.percentile("finished", 100), floor.percentile("finished", 100))
    yield Line(
        "  until the figures, median", "s", page.percentile("figures", 50), floor.percentile("figures", 50)
    )
    yield Line("  95th percentile", "s", page.percentile("figures", 95), floor.percentile("figures", 95))
    size = (page.percentile("received", 50) / 1000, floor.percentile("received", 50) / 1000)
    yield Line("  bytes for a move, median", "KB", *size)
    each = (found.cpu / max(1, len(found.answers)) * 1000 for found in (page, floor))
    yield Line("  processor time for a move", "ms", *each)
    yield Line("errors", "", len(page.errors), len(floor.errors), 0)
    yield Line("memory for a viewer with the page open", "MB", growth(page, 1), growth(floor, 1), 1)
    yield Line("  as the last one moves, with what is kept for all", "MB", growth(page, 2), growth(floor, 2))
    yield Line(f"  when the room has rested for {REST:.0f} s", "MB", growth(page, 3), growth(floor, 3), 1)


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "",
        lambda parser: parser.add_argument("--viewers", type=int, default=100),
        lambda parser: parser.add_argument("--seconds", type=float, default=60),
    )

    def hold(app: App) -> Found:
        with serve(app) as server:
            found = asyncio.run(hold_workshop(server, arguments.viewers, arguments.seconds))
        for error in found.errors[:5]:
            print(f"{app.name}: {error}", file=sys.stderr)
        return found

    floor, page = hold(FLOOR), hold(DOCUMENT)
    report(tell(page, floor, arguments.viewers), arguments.json)


if __name__ == "__main__":
    main()
