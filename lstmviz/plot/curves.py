"""What lines on a logarithmic axis share: the axis, the dashes, and the room of a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstmviz.plot import theme as themes
from lstmviz.plot.words import LETTER, width

DASHES = ("solid", "dash", "dot", "dashdot")
"""How lines are told apart without colour, in order."""

ENTRY = 21
"""Pixels of a legend's row."""

_DOTTED = 60  # up to so many steps each has its dot
_SAMPLE = 46  # pixels of a line's sample


def has_single_points(shown: np.ndarray) -> bool:
    """Whether a point stands between two that are not drawn, and would be lost in a line."""
    beside = np.concatenate([[False], shown, [False]])
    return bool((shown & ~beside[:-2] & ~beside[2:]).any())


def draw_curve(
    name: str,
    words: str,
    values: np.ndarray,
    steps: Sequence[Any],
    index: int,
    marked: int | None,
    circle: tuple[float, float],
) -> list[dict[str, Any]]:
    """A line of what the axis can show, and a circle at one of its steps.

    Args:
        name: What the hover calls it.
        words: What the legend says.
        values: Its numbers, `[steps]`.
        steps: What the axis calls the steps.
        index: Which of the figure's lines it is, from 0.
        marked: The step with the circle, if any.
        circle: The circle's size and line, in pixels.
    """
    shown = np.isfinite(values) & (values > 0)
    dotted = len(steps) <= _DOTTED or has_single_points(shown)
    colour = themes.LINES[index % len(themes.LINES)]
    line = {
        "type": "scatter", "mode": "lines+markers" if dotted else "lines", **({"x0": steps[0]} if len(steps) else {}),
        "y": np.where(shown, values, np.nan), "name": words, "legendgroup": name,
        "line": {"color": colour, "width": 2, "dash": DASHES[index % len(DASHES)]},
        "marker": {"color": colour, "size": 4},
        "hovertemplate": f"<b>{name}</b> %{{y:.3g}}<extra></extra>",
    }  # fmt: skip
    if marked is None or not shown[marked]:
        return [line]
    size, thick = circle
    mark = {
        "type": "scatter", "mode": "markers", "x": [steps[marked]], "y": [values[marked]],
        "marker": {"symbol": "circle-open", "color": colour, "size": size, "line": {"width": thick}},
        "legendgroup": name, "showlegend": False, "hoverinfo": "skip",
    }  # fmt: skip
    return [line, mark]


def log_axis(drawn: np.ndarray) -> dict[str, Any]:
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
    ) | {"showgrid": True, "gridcolor": themes.GRID["light"]}


def legend_rows(entries: list[str], room: int) -> int:
    """The legend's rows in so many pixels, entry after entry."""
    rows, left = 1, float(room)
    for words in entries:
        needed = _SAMPLE + LETTER * sum(map(width, words))
        if needed > left and left < room:
            rows, left = rows + 1, float(room)
        left -= needed
    return rows
