"""Which units' gates sit at their ends: for each gate a point a unit, as in Karpathy et al. 2015 (arXiv:1506.02078)."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot import theme as themes
from lstmviz.plot.names import gate_title
from lstmviz.plot.panels import BELOW, Margins, Note, Panel, Row, Sheet, build, head
from lstmviz.run.saturation import Saturation, measure_saturation
from lstmviz.run.trace import Trace

_ACROSS = 2  # gates in a row: what a phone can show
_HEIGHT, _TITLE, _LEFT, _BOTTOM = 170, 94, 44, 58  # pixels
_APART = 0.06  # of the width, on either side of the middle
_SMALLEST, _LARGEST = 7, 24  # pixels of a point
_NAMED = 6  # units of a point that the hover names
_EDGE = 0.04  # beyond the ends, so that no point is cut


def draw_saturation(trace: Trace) -> dict[str, Any]:
    """The plain dictionary of the scatter's figure.

    Raises:
        ValueError: the run has no steps, or none of its gates has ends.
    """
    found = measure_saturation(trace)
    gates = [gate for gate in trace.cell.kind.gates if gate.name in found]
    colours = themes.gate_colours([gate.name for gate in trace.cell.kind.gates])
    panels = [
        _draw_gate(index, gate.name, gate_title(gate), found[gate.name], colours[gate.name])
        for index, gate in enumerate(gates)
    ]
    rows = [Row(panels[k : k + _ACROSS], _HEIGHT, _TITLE) for k in range(0, len(panels), _ACROSS)]
    words = _("across: share of the steps near the lower end · up: near the upper end")
    short = _("across: share of steps at the lower end<br>up: at the upper end")
    below = Note(words, BELOW | {"yshift": -24}, {"text": short})
    margins = Margins(_LEFT, 8, 0, _BOTTOM)
    return build(Sheet("", rows, margins, below=[below], cell=trace.cell, steps=len(trace)))


def _draw_gate(index: int, name: str, title: str, found: Saturation, colour: str) -> Panel:
    """A gate's points, below the line that none can pass: there a unit is at one of the ends at every step."""
    column = index % _ACROSS
    left = column / _ACROSS + (_APART if column else 0)
    right = (column + 1) / _ACROSS - (_APART if column < _ACROSS - 1 else 0)
    line = {
        "type": "scatter", "mode": "lines", "x": [0, 1], "y": [1, 0],
        "line": {"color": themes.NEUTRAL, "width": 1}, "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip
    words = _("steps at the lower end: {low}, at the upper: {high}")
    places, members = _gather(found)
    said = [words.format(low=f"{low:.0%}", high=f"{high:.0%}") for low, high in places.tolist()]
    points = {
        "type": "scatter", "mode": "markers", "x": places[:, 0], "y": places[:, 1],
        "text": [_name(units) for units in members],
        "customdata": [[units, words] for units, words in zip(members, said, strict=True)],
        "marker": {"color": colour, "opacity": 0.8, "size": [_size(len(units)) for units in members]},
        "hovertemplate": f"<b>{name}[%{{text}}]</b><br>%{{customdata[1]}}<extra></extra>", "showlegend": False,
    }  # fmt: skip
    axis = {
        "range": [-_EDGE, 1 + _EDGE],
        "tickformat": ".0%",
        "nticks": 3,
        "fixedrange": True,
        "ticks": "outside",
    }
    return Panel(
        themes.axis(**axis),
        [line, points],
        head("<br>".join([f"<b>{name}</b> {title}", *_say(found)]), align="left", yshift=2),
        across=themes.axis(**axis),
        span=(left, right),
        linked=(name, "point", ""),
    )


def _gather(found: Saturation) -> tuple[np.ndarray, list[list[int]]]:
    """Where there are units, `[places, 2]`, and which: of those that are at one place each would hide the others."""
    every = np.column_stack([found.left, found.right]).astype(np.float64)
    places, which = np.unique(every, axis=0, return_inverse=True)
    members: list[list[int]] = [[] for _place in places]
    for unit, place in enumerate(which.ravel().tolist()):
        members[place].append(unit)
    return places, members


def _size(count: int) -> float:
    """A point's diameter: its area goes with how many units it stands for."""
    return float(min(_LARGEST, _SMALLEST * np.sqrt(count)))


def _name(units: list[int]) -> str:
    more = _(" and {count:,} more").format(count=len(units) - _NAMED) if len(units) > _NAMED else ""
    return ", ".join(map(str, units[:_NAMED])) + more


def _say(found: Saturation) -> tuple[str, str]:
    """How many units are at an end at more than half of the steps: the lower, the upper one."""
    counts = {"low": int((found.left > 0.5).sum()), "high": int((found.right > 0.5).sum())}
    units = len(found.left)
    return (
        _("mostly low: {low:,} of {units:,}").format(low=counts["low"], units=units),
        _("mostly high: {high:,} of {units:,}").format(high=counts["high"], units=units),
    )


def describe_saturation(trace: Trace) -> str:
    """Of each gate how many units are at an end at more than half of the steps.

    Raises:
        ValueError: as `draw_saturation`.
    """
    parts = [f"{name} {', '.join(_say(found))}" for name, found in measure_saturation(trace).items()]
    return _("A point a unit, by the shares of steps at which its gate is near its ends: {parts}.").format(
        parts="; ".join(parts)
    )
