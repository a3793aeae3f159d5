"""What lines on a logarithmic axis share: the axis, the dashes, and the room of a legend."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lstmviz.plot import theme as themes
from lstmviz.plot.panels import width

DASHES = ("solid", "dash", "dot", "dashdot")
"""How lines are told apart without colour, in order."""

ENTRY = 21
"""Pixels of a legend's row."""

_LETTER, _SAMPLE = 6.2, 46  # pixels of a letter in the legend, of a line's sample


def has_single_points(shown: np.ndarray) -> bool:
    """Whether a point stands between two that are not drawn, and would be lost in a line."""
    beside = np.concatenate([[False], shown, [False]])
    return bool((shown & ~beside[:-2] & ~beside[2:]).any())


def log_axis(drawn: np.ndarray, **place: Any) -> dict[str, Any]:
    """From the power of ten below the smallest number to the one above the largest, with a few of them named."""
    drawn = drawn[np.isfinite(drawn) & (drawn > 0)]
    low, high = (
        (math.floor(math.log10(drawn.min())), math.ceil(math.log10(drawn.max()))) if drawn.size else (-1, 0)
    )
    low = min(low, high - 1)
    every = max(1, -(-(high - low) // 5))
    powers = [power for power in range(high, low - 1, -every) if -323 <= power <= 308]  # what a float64 holds
    pad = (high - low) * 0.04
    return themes.axis(
        type="log",
        range=[low - pad, high + pad],
        tickvals=[float(f"1e{power}") for power in powers],
        ticktext=["1" if not power else f"1e{power}".replace("-", "−") for power in powers],
        **place,
    ) | {"showgrid": True, "gridcolor": themes.GRID["light"]}


def legend_rows(entries: list[str], room: int) -> int:
    """The legend's rows in so many pixels, entry after entry."""
    rows, left = 1, float(room)
    for words in entries:
        needed = _SAMPLE + _LETTER * sum(map(width, words))
        if needed > left and left < room:
            rows, left = rows + 1, float(room)
        left -= needed
    return rows
