"""What a benchmark found, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class Line:
    """One measure of ours beside the floor's; `target` bounds ours or, as is said, its ratio to the floor's.

    It is the most that passes, or the least.
    """

    name: str
    unit: str
    ours: float
    floor: float | None = None
    target: float | None = None
    bounds: Literal["ours", "ratio"] = "ours"
    at_least: bool = False

    @property
    def ratio(self) -> float | None:
        return self.ours / self.floor if self.floor else None

    @property
    def passed(self) -> bool | None:
        value = self.ours if self.bounds == "ours" else self.ratio
        if self.target is None or value is None:
            return None
        return value >= self.target if self.at_least else value <= self.target


def report(lines: Iterable[Line], as_json: bool) -> None:
    """Prints the lines, as a table or as JSON."""
    if as_json:
        found = [asdict(line) | {"ratio": line.ratio, "passed": line.passed} for line in lines]
        print(json.dumps(found, indent=2))
        return
    print(f"{'':58}{'page':>14}{'floor':>14}{'ratio':>9}{'target':>15}")
    for line in lines:
        ours = f"{line.ours:,.3g} {line.unit}" if line.ours < 1000 else f"{line.ours:,.0f} {line.unit}"
        floor = "" if line.floor is None else f"{line.floor:,.3g} {line.unit}"
        ratio = "" if line.ratio is None else f"{line.ratio:.2f} ×"
        unit = line.unit if line.bounds == "ours" else "×"
        target = "" if line.target is None else f"{'≥' if line.at_least else '≤'} {line.target:g} {unit}"
        verdict = {None: "", True: "pass", False: "MISS"}[line.passed]
        print(f"{line.name:58}{ours:>14}{floor:>14}{ratio:>9}{target:>15} {verdict}".rstrip())


def parse_arguments(
    description: str, *adders: Callable[[argparse.ArgumentParser], object]
) -> argparse.Namespace:
    """The command line: `--json`, and what the adders add."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    for add in adders:
        add(parser)
    return parser.parse_args()
