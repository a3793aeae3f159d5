"""What pictures over time share: arrays by steps and rows, their axes, and the names of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot import theme as themes
from lstmviz.plot.levels import Span
from lstmviz.plot.ticks import edges, names_axis, round_places
from lstmviz.plot.words import width
from lstmviz.run.ranked import Ranked
from lstmviz.run.trace import Trace
from lstmviz.sequences.text import is_unseen, say_label, spell

WIDE, NARROW = 720, 300
"""Pixels of the time axis on a small screen and on a phone."""

TITLE, SHORT_TITLE = 60, 22
"""Characters of a panel's title on a screen and on a phone, in wide letters too: DejaVu is all that some machines have."""

_NAME = 6, 8  # letters of a feature beside its row; of a character that cannot be seen
_ROWS = 3  # names that a panel's rows have room for
_LETTER, _AIR = 8, 3  # pixels of a character at the time axis; characters between two labels


@dataclass(frozen=True, eq=False)
class Recorded:
    """An array over time: `values` `[time, rows]` on the colour axis `scale`; its rows are "input", "hidden" or "unit".

    Where they are drawn in another order, `order` has the number of each row, `groups` the rows at which a group begins, and
    `ranked`, where it is known, by what they are ordered.
    """

    name: str
    title: str
    values: np.ndarray
    scale: str
    rows: str
    order: np.ndarray | None = None
    groups: tuple[int, ...] = ()
    ranked: Ranked | None = None

    @property
    def numbers(self) -> Sequence[int]:
        """The number of each row, from the top."""
        return range(self.values.shape[1]) if self.order is None else self.order.tolist()


def state_rows(name: str) -> str:
    """What a state's rows are: h, the output, may be projected, and then has other ones than the cell's units."""
    return "hidden" if name == "h" else "unit"


def row_axis(one: Recorded, trace: Trace, seen: Span | None = None) -> dict[str, Any]:
    """The axis of an array's rows: the first and the last are named, an input's by its feature where that is short.

    Of a window, the rows that it has `seen`, a few round numbers are named.
    """
    rows = one.values.shape[1]
    shown = (
        sorted({0, rows - 1})
        if seen in (None, (0, rows))
        else round_places(*seen, (seen[1] - seen[0]) / _ROWS)
    )
    names = {row: f"{one.name}[{one.numbers[row]}]" for row in shown}
    if one.rows == "input":
        features = trace.sequence.features
        names |= {row: words for row in shown if (words := _short(features[row]))}
    return themes.axis(
        range=[rows - 0.5, -0.5], tickvals=shown, ticktext=list(names.values()), fixedrange=True
    )


def _short(feature: str) -> str:
    """What a row of x is called where there is room for that, else ""; a character as it is where it can be seen."""
    words = spell(feature)
    return themes.escape(words) if _room(words) <= _NAME[is_unseen(feature)] else ""


def _room(words: str) -> int:
    """How many Latin letters' room words take."""
    return len(words) if words.isascii() else sum(map(width, words))


def step_names(trace: Trace) -> list[str]:
    """What the hover calls each step; all different, as Plotly's categories have to be."""
    plain, labelled = _("step {t}"), _("step {t}: {label}")
    return [
        plain.format(t=t) if label == str(t) else labelled.format(t=t, label=themes.escape(say_label(label)))
        for t, label in enumerate(trace.sequence.labels)
    ]


def time_axis(
    trace: Trace, seen: Span, names: list[str] | None, reach: Span | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The axis of the steps, and what of it is different on a phone, by paths.

    Args:
        trace: The run.
        seen: The steps in view.
        names: What the hover calls the steps; None for their numbers, for Plotly makes a column for each name of an axis,
            however few there are in view.
        reach: From where to where the axis goes; by default as far as is seen, one step at least.
    """
    wide, narrow = (time_ticks(trace.sequence.labels, room, seen) for room in (WIDE, NARROW))
    first, last = reach or (seen[0], max(seen[1], seen[0] + 1))
    axis = themes.axis(**names_axis(names), range=edges((first, last)), ticks="outside", ticklen=4, **wide)
    return axis, {f"xaxis.{name}": value for name, value in narrow.items()}


def time_ticks(labels: tuple[str, ...], room: int, seen: Span | None = None) -> dict[str, Any]:
    """As many steps' labels as there is room for, evenly spaced; each step's where all fit.

    Args:
        labels: All steps' labels.
        room: Pixels of the axis.
        seen: The steps in view; by default all.
    """
    start, stop = seen or (0, len(labels))
    in_view = labels[start:stop]
    longest = max(map(_room, in_view), default=1)
    wanted = _LETTER * (1 if longest == 1 else longest + _AIR)
    shown = round_places(start, stop, len(in_view) * wanted / room)
    words = [themes.escape(_fit(labels[t], room / len(shown))) for t in shown]
    if words[:1] == ["0"]:
        words[0] = _("step {t}").format(t=0)
    return themes.ticks(shown, words, len(in_view))


def _fit(label: str, room: float) -> str:
    """A label at the time axis: of a character that cannot be seen the words, where there is room, or nothing."""
    words = spell(label)
    return words if words == label or _LETTER * _room(words) <= room else ""
