"""Which places of an axis are named."""

from __future__ import annotations

import math
from typing import Any

from lstmviz.plot.levels import Span


def names_axis(names: list[str] | None) -> dict[str, Any]:
    """An axis of names, which the hover shows; without names, of numbers: Plotly makes a cell for each name there is."""
    return {} if names is None else {"type": "category", "categoryorder": "array", "categoryarray": names}


def edges(span: Span) -> list[float]:
    """From where to where an axis goes that shows a span."""
    return [span[0] - 0.5, span[1] - 0.5]


def ends(length: int) -> list[int]:
    """The first place and the last one."""
    return sorted({0, length - 1})


def round_places(start: int, stop: int, least: float) -> list[int]:
    """The multiples of a round number, at least `least`, from `start` up to, and without, `stop`."""
    every = _round_up(max(1, math.ceil(least)))
    return list(range(-(-start // every) * every, stop, every))


def _round_up(number: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50 and so on."""
    power = 1
    while True:
        for step in (1, 2, 5):
            if step * power >= number:
                return step * power
        power *= 10
