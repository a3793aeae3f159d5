"""How many people a server holds, by what they do, as tables: `python -m benchmarks.hosting [--measure 50 100] [--write]`.

`--measure` holds rooms of so many viewers, one after the other, each on a fresh server, and a room that follows a presenter,
and keeps what it found in `hosting.json`. Without it the tables are made of what was found before; what nobody has measured
says so. `--write` puts them into `docs/hosting.md`.

What is computed is so: processor for a thing, times how often a person does it. A server is one Python process, and is counted on
for `SHARE` of a core: more, and who moves waits for who moved before.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import platform
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.page import launch
from benchmarks.recorded import Visit, record, wait_until_ready
from benchmarks.rooms import hold_room
from benchmarks.servers import PAGE, ROOT, serve
from benchmarks.table import parse_arguments
from benchmarks.workshop import Found, hold_workshop

KEPT = Path(__file__).with_name("hosting.json")
PAGE_OF_HOSTS = ROOT / "docs" / "hosting.md"
ROOMS = (50, 100, 200, 500)
SECONDS = 60.0
FOLLOWERS, MOVES = 50, 20
SHARE = 0.6  # of a core that a server is counted on for
LEAST = 2  # servers where nobody may notice that one ends
NOT_YET = "not measured yet"


def measure(viewers: int, real: Visit) -> dict[str, float]:
    """One server with so many viewers, each of whom moves every five seconds."""
    load = os.getloadavg()[0]  # of what else the machine does
    with serve(PAGE) as server:
        wait_until_ready(server)
        found = asyncio.run(hold_workshop(server, real, viewers, SECONDS))
    return {"load": load, **summarise(found)}


def summarise(found: Found) -> dict[str, float]:
    return {
        "opened_s": found.opened,
        "open_ms": 1000 * found.opening / found.viewers,
        "moves": len(found.answers),
        "moves_a_second": len(found.answers) / found.seconds,
        "move_ms": 1000 * found.cpu / max(1, len(found.answers)),
        "median_s": found.percentile("figures", 50),
        "p95_s": found.percentile("figures", 95),
        "cores": found.cpu / found.seconds,
        "first_mb": found.memory[0] / 2**20,
        "open_mb": found.memory[1] / 2**20,
        "moving_mb": found.memory[2] / 2**20,
        "rested_mb": found.memory[3] / 2**20,
        "errors": len(found.errors),
        "said": found.said.total(),
    }


def measure_room() -> dict[str, float]:
    """A presenter's room: what each move costs the server for each who follows."""
    with serve(PAGE) as server:
        wait_until_ready(server)
        found = asyncio.run(hold_room(server, FOLLOWERS, MOVES, 256))
    return {
        "followers": FOLLOWERS,
        "follow_ms": 1000 * found.cpu / (MOVES * FOLLOWERS),
        "median_s": float(np.median(found.fetched)),
        "errors": len(found.errors),
    }


def gather(viewers: Iterable[int], kept: dict[str, Any]) -> dict[str, Any]:
    """What was kept, and what is measured now."""
    with serve(PAGE) as server, launch() as browser:
        wait_until_ready(server)
        real = record(browser, server)
    held = dict(kept.get("held", {}))
    for count in viewers:
        held[str(count)] = measure(count, real)
    machine = f"{os.cpu_count()} cores of {platform.machine()}, Python {platform.python_version()}"
    return {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine,
        "held": dict(sorted(held.items(), key=lambda each: int(each[0]))),
        "room": measure_room(),
    }


# --- The tables


def write_measured(kept: dict[str, Any]) -> Iterator[str]:
    """One server, and everybody moves."""
    yield "| viewers | all open within | a move, median | 95 % within | moves a second | cores | memory, moving | at rest | load |"
    yield f"|{' --- |' * 9}"
    counts = sorted({*ROOMS, *map(int, kept.get("held", {}))})
    for count in counts:
        found = kept.get("held", {}).get(str(count))
        if found is None:
            yield f"| {count} | {NOT_YET} | | | | | | | |"
            continue
        yield (
            f"| {count} | {found['opened_s']:.1f} s | {found['median_s']:.2f} s | {found['p95_s']:.2f} s "
            f"| {found['moves_a_second']:.1f} | {found['cores']:.2f} "
            f"| {found['moving_mb']:,.0f} MB | {found['rested_mb']:,.0f} MB | {found['load']:.1f} |"
        )


def costs(kept: dict[str, Any]) -> dict[str, float]:
    """Milliseconds of processor that one person takes in a second, by what they do."""
    move, follow = cheapest(kept, "move_ms"), kept["room"]["follow_ms"]
    return {
        "read, and play time on the stage (the browser plays by itself)": 0.0,
        # The numbers are made once for all; once the presenter rests, each one's script hears of it, as of a move of their own.
        "follow a presenter who moves every ten seconds, at most": (follow + move) / 10,
        "move now and then, every twenty seconds": move / 20,
        "move all the time, every five seconds": move / 5,
    }


def cheapest(kept: dict[str, Any], name: str) -> float:
    """Of a room that one server still holds: where it is behind, it does less for each."""
    return max(float(found[name]) for found in kept["held"].values())


def write_computed(kept: dict[str, Any]) -> Iterator[str]:
    """Cores and servers, by what people do."""
    yield f"| what they do | of a core each | a core holds | {' | '.join(f'{count}' for count in ROOMS)} |"
    yield f"| --- | --- | --- |{' --- |' * len(ROOMS)}"
    for what, each in costs(kept).items():
        holds = f"{math.floor(1000 * SHARE / each):,}" if each else "any number"
        cells = [f"{count * each / 1000:.1f} cores, {servers(count, each)}" for count in ROOMS]
        yield f"| {what} | {each / 10:.2g} % | {holds} | {' | '.join(cells)} |"


def servers(count: int, each: float) -> str:
    needed = max(1, math.ceil(count * each / 1000 / SHARE))
    return f"{needed} server{'s' if needed > 1 else ''}"


def write_opening(kept: dict[str, Any]) -> Iterator[str]:
    """A room that comes in one moment."""
    each = cheapest(kept, "open_ms")
    yield f"| who open the page in one moment | {' | '.join(str(count) for count in ROOMS)} |"
    yield f"| --- |{' --- |' * len(ROOMS)}"
    cells = [f"{count * each / 1000:.0f} s" for count in ROOMS]
    yield f"| wait at most, on one server and a core of its own: {each:.0f} ms each | {' | '.join(cells)} |"


def write_memory(kept: dict[str, Any]) -> Iterator[str]:
    """What a server holds with so many sessions."""
    first = cheapest(kept, "first_mb")
    each = max((found["open_mb"] - found["first_mb"]) / int(count) for count, found in kept["held"].items())
    moving = max(found["moving_mb"] - found["open_mb"] for found in kept["held"].values())
    yield f"| sessions on one server | {' | '.join(str(count) for count in ROOMS)} |"
    yield f"| --- |{' --- |' * len(ROOMS)}"
    cells = [f"{first + moving + count * each:,.0f} MB" for count in ROOMS]
    yield (
        f"| {first:,.0f} MB with the first, {each:.2f} MB for each session, {moving:,.0f} MB for all once they move "
        f"| {' | '.join(cells)} |"
    )


TABLES = {
    "measured": write_measured,
    "computed": write_computed,
    "opening": write_opening,
    "memory": write_memory,
}


def fill(page: str, kept: dict[str, Any]) -> str:
    """The page with its tables as they are now."""
    for name, write in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- {name}, end -->"
        before, rest = page.split(begin)
        after = rest.split(end)[1]
        page = f"{before}{begin}{chr(10).join(write(kept))}\n{end}{after}"
    day = f"<!-- day -->{kept['day']}, {kept['machine']}<!-- day, end -->"
    before, rest = page.split("<!-- day -->")
    return before + day + rest.split("<!-- day, end -->")[1]


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "",
        lambda parser: parser.add_argument("--measure", type=int, nargs="+", default=[]),
        lambda parser: parser.add_argument("--write", action="store_true", help="into docs/hosting.md"),
    )
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if arguments.measure:
        kept = gather(arguments.measure, kept)
        KEPT.write_text(json.dumps(kept, indent=2) + "\n")
    if arguments.json:
        print(json.dumps(kept, indent=2))
    elif arguments.write:
        PAGE_OF_HOSTS.write_text(fill(PAGE_OF_HOSTS.read_text(), kept))
    else:
        for name, write in TABLES.items():
            print(f"{name}\n\n{chr(10).join(write(kept))}\n")


if __name__ == "__main__":
    main()
