"""What pictures over time share: panels one below the other, their axes, and the names of steps."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot import theme as themes
from lstmviz.plot.levels import Span
from lstmviz.run.trace import Trace

WIDE, NARROW = 720, 300
"""Pixels of the time axis on a small screen and on a phone."""

TITLE = 60
"""Characters of a panel's title on a screen."""

_ROWS = 3  # names that a panel's rows have room for
_LETTER, _AIR = 8, 3  # pixels of a character at the time axis; characters between two labels


@dataclass(frozen=True, eq=False)
class Panel:
    """One of the pictures above each other: `values` `[time, rows]` on the colour axis `scale`."""

    name: str
    title: str
    values: np.ndarray
    scale: str


def row_axis(panel: Panel, trace: Trace, seen: Span | None = None, **place: Any) -> dict[str, Any]:
    """The axis of a panel's rows: the first and the last are named, an input's by its feature where that is short.

    Of a window, the rows that it has `seen`, a few round numbers are named.
    """
    rows = panel.values.shape[1]
    shown = (
        sorted({0, rows - 1})
        if seen in (None, (0, rows))
        else round_places(*seen, (seen[1] - seen[0]) / _ROWS)
    )
    names = {row: f"{panel.name}[{row}]" for row in shown}
    if panel.name == "x":
        short = trace.sequence.features
        names |= {row: themes.escape(short[row]) for row in shown if len(short[row]) < len("x[1000]")}
    return themes.axis(
        range=[rows - 0.5, -0.5],
        tickvals=shown,
        ticktext=list(names.values()),
        fixedrange=True,
        **place,
    )


def step_names(trace: Trace) -> list[str]:
    """What the hover calls each step; all different, as Plotly's categories have to be."""
    plain, labelled = _("step {t}"), _("step {t}: {label}")
    return [
        plain.format(t=t) if label == str(t) else labelled.format(t=t, label=themes.escape(label))
        for t, label in enumerate(trace.sequence.labels)
    ]


def time_ticks(labels: tuple[str, ...], room: int, seen: Span | None = None) -> dict[str, Any]:
    """As many steps' labels as there is room for, evenly spaced; each step's where all fit.

    Args:
        labels: All steps' labels.
        room: Pixels of the axis.
        seen: The steps in view; by default all.
    """
    start, stop = seen or (0, len(labels))
    in_view = labels[start:stop]
    longest = max((len(a) if a.isascii() else sum(map(width, a)) for a in in_view), default=1)
    wanted = _LETTER * (1 if longest == 1 else longest + _AIR)
    shown = round_places(start, stop, len(in_view) * wanted / room)
    words = [themes.escape(labels[t]) for t in shown]
    if words[:1] == ["0"]:
        words[0] = _("step {t}").format(t=0)
    return themes.ticks(shown, words, len(in_view))


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


def shorten(text: str, most: int) -> str:
    """`text`, cut to the room that `most` Latin letters take; a Chinese or Japanese character takes two."""
    room, kept = most, ""
    for letter in text:
        room -= width(letter)
        if room < 0:
            return themes.escape(kept[:-1] + "…")
        kept += letter
    return themes.escape(kept)


def width(letter: str) -> int:
    """How many Latin letters' room a letter takes."""
    return 2 if unicodedata.east_asian_width(letter) in "FW" else 1


def share_height(heights: list[int], gaps: list[int]) -> list[list[float]]:
    """The panels' shares of the height, from the top."""
    total = sum(heights) + sum(gaps)
    domains, top = [], float(total)
    for height, gap in zip(heights, gaps, strict=True):
        top -= gap
        domains.append([max(0.0, (top - height) / total), top / total])
        top -= height
    return domains
