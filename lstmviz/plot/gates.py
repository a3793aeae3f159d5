"""Every gate and state over time, on one axis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot import levels
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes
from lstmviz.plot.names import gate_title, state_title
from lstmviz.plot.over_time import (
    SHORT_TITLE,
    TITLE,
    Recorded,
    row_axis,
    state_rows,
    step_names,
    time_axis,
)
from lstmviz.plot.panels import BELOW, Margins, Note, Panel, Row, Sheet, build, head
from lstmviz.plot.ticks import edges
from lstmviz.plot.unit_order import groups_apart, is_of_units, name_rows, order_of, put_in_order, rows_of
from lstmviz.plot.words import brief, shorten
from lstmviz.run.clamp import say_held
from lstmviz.run.trace import Trace

VALUES = ("activations", "preactivations")

_PANEL, _GAP, _TOP, _BOTTOM, _LINE = 70, 25, 62, 34, 19  # pixels
_EXACT = 200_000  # values that a picture shows one by one
_MOST_ROWS, _LEAST_ROWS, _MOST_COLUMNS, _MOST_TILES = 100, 32, 400, 7_000  # of a panel's tiles beyond that
_DASHES = ("solid", "dash", "solid", "dot", "dash", "solid", "dot", "dashdot")  # of themes.LINES
_MOST_STEPS = 1_000  # beyond twice as many, a line keeps the extremes of so many stretches
_STATES = "coloraxis"
_SIGMOIDS = "coloraxis2"
_INPUT = "coloraxis3"
_PREACTIVATIONS = "coloraxis4"


@dataclass(frozen=True, eq=False)
class _View:
    """What of a trace is shown, and how finely.

    Attributes:
        trace: The run.
        arrays: The sequence, the gates and the states, from the top.
        chosen: The units that are drawn as lines; none where all are drawn as heatmaps.
        units: The window's units.
        steps: Its steps.
        levels: How finely the heatmaps show it, in their order; with lines, the sequence is the only one.
        in_tiles: Whether the whole of it needs tiles.
        for_page: Whether the axes stay those of the whole.
    """

    trace: Trace
    arrays: list[Recorded]
    chosen: list[int]
    units: levels.Span
    steps: levels.Span
    levels: list[levels.Level]
    in_tiles: bool
    for_page: bool

    @property
    def is_large(self) -> bool:
        """Whether steps are numbers on the axis, and not names."""
        return self.in_tiles or (bool(self.chosen) and len(self.trace) > 2 * _MOST_STEPS)

    @property
    def units_axis(self) -> str:
        """The axis of the first array whose rows are the cell's units; the others go along when it is zoomed."""
        of_units = [is_of_units(one, self.trace.cell.num_units) for one in self.arrays]
        return f"y{of_units.index(True) + 1}"

    @property
    def stretch(self) -> int:
        """How many steps two points of a line stand for."""
        return levels.choose_stretch(self.steps[1] - self.steps[0], _MOST_STEPS)


def draw_gates(
    trace: Trace,
    values: str,
    units: Iterable[int] | None,
    seen_units: tuple[int, int] | None = None,
    seen_steps: tuple[int, int] | None = None,
    for_page: bool = False,
    order: Any = None,
) -> dict[str, Any]:
    """The plain dictionary of the gates' figure; of a window of units and steps alone where one is given.

    Heatmaps whose rows are the cell's units have them in their `order`, where one is given.

    The axes end with the window, unless it is `for_page`: there they stay those of the whole, into which the page has zoomed.
    """
    view = _look(trace, values, units, seen_units, seen_steps, for_page, order)
    notes, scale_of = _notes(view), _scales(view.arrays)
    names = None if view.is_large else step_names(trace)
    reach = (0, max(len(trace), 1)) if for_page or not len(trace) else view.steps
    across, narrow = time_axis(trace, view.steps, names, reach)
    panels = [
        _draw_lines(view, one, scale_of[one.scale], names, first=index == 1)
        if view.chosen and index
        else _draw_heatmap(view, one, view.levels[index], scale_of[one.scale])
        for index, one in enumerate(view.arrays)
    ]
    bottom = _BOTTOM + _LINE * len(notes) + (_LINE + 4 if view.chosen else 0)
    foot = Note("<br>".join(notes), BELOW | {"yshift": 4 - _BOTTOM})
    return build(
        Sheet(
            _("{kind}: {steps} steps × {units} units").format(
                kind=trace.cell.kind.name, steps=len(trace), units=trace.cell.num_units
            ),
            [Row([panel], _PANEL, _GAP if index else 0) for index, panel in enumerate(panels)],
            Margins(50, 8, _TOP, bottom),
            across=across,
            scales={one.scale: scale_of[one.scale] for one in view.arrays[: len(view.levels)]},
            below=[foot] if notes else [],
            cell=trace.cell,
            steps=len(trace),
            layout={"hovermode": "x", "hoversubplots": "axis", **(_LEGEND if view.chosen else {})},
            narrow=narrow,
            levels=_tell_level(view),
            order=order_of(view.arrays),
        )
    )


_LEGEND = {
    "showlegend": True,
    "legend": {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "bottom",
        "yref": "container",
    },
}


def _look(
    trace: Trace,
    values: str,
    units: Iterable[int] | None,
    seen_units: levels.Span | None,
    seen_steps: levels.Span | None,
    for_page: bool,
    order: Any = None,
) -> _View:
    """What is asked for.

    Raises:
        ValueError: a unit, the window, the order or `values` is none that there is.
    """
    chosen, num_units = _check_units(trace, units), trace.cell.num_units
    rows = levels.check_window("units", seen_units, num_units)
    columns = levels.check_window("steps", seen_steps, len(trace)) if len(trace) else (0, 0)
    if values not in VALUES:
        raise ValueError(
            _("values is {given!r}; it must be one of {allowed}.").format(
                given=values, allowed=", ".join(VALUES)
            )
        )
    arrays = _arrays(trace, values)
    ordered = put_in_order(arrays, order, num_units)  # refused where it is none, whatever is drawn
    arrays = arrays if chosen else ordered
    heatmaps = arrays[:1] if chosen else arrays
    whole = _find_levels(heatmaps, num_units, (0, num_units), (0, len(trace)))
    found = _find_levels(heatmaps, num_units, rows, columns)
    in_tiles = not all(level.is_exact for level in whole)
    return _View(trace, arrays, chosen, rows, columns, found, in_tiles, for_page)


def _check_units(trace: Trace, units: Iterable[int] | None) -> list[int]:
    chosen = list(dict.fromkeys(units or ()))
    for unit in chosen:
        if (
            isinstance(unit, bool)
            or not isinstance(unit, int | np.integer)
            or not 0 <= unit < trace.cell.num_units
        ):
            raise ValueError(
                _("units has {given!r}; a unit is a whole number from 0 to {last}.").format(
                    given=unit, last=trace.cell.num_units - 1
                )
            )
    return [int(unit) for unit in chosen]


def _arrays(trace: Trace, values: str) -> list[Recorded]:
    """The sequence, the gates before or after their activations, and the states."""
    arrays = [Recorded("x", trace.sequence.title, trace.x, _INPUT, "input")]
    for gate in trace.cell.kind.gates:
        if values == "preactivations":
            recorded, scale = trace.preactivations[gate.name], _PREACTIVATIONS
        else:
            recorded = trace.gates[gate.name]
            scale = _SIGMOIDS if trace.is_share(gate) else _STATES
        arrays.append(Recorded(gate.name, gate_title(gate), recorded, scale, "unit"))
    arrays += [
        Recorded(name, state_title(trace.cell.kind, name), array, _STATES, state_rows(name))
        for name, array in trace.states.items()
    ]
    return arrays


def _scales(arrays: list[Recorded]) -> dict[str, scales.Scale]:
    """One scale for all arrays of a colour axis."""
    found = {_SIGMOIDS: scales.UNIT}
    for name in {one.scale for one in arrays} - set(found):
        found[name] = scales.centre([one.values for one in arrays if one.scale == name])
    return found


def _find_levels(
    heatmaps: list[Recorded], num_units: int, units: levels.Span, steps: levels.Span
) -> list[levels.Level]:
    """How finely each heatmap shows a window of units and steps.

    All of the cell's units have the same tiles; other panels show all of their rows, for they do not zoom.
    """
    rows = [units if is_of_units(panel, num_units) else (0, panel.values.shape[1]) for panel in heatmaps]
    cells = sum((stop - start) * (steps[1] - steps[0]) for start, stop in rows)
    exact = cells if cells <= _EXACT else _EXACT // len(heatmaps)
    return [levels.fit(some, steps, (), (), exact=exact, most=_tiles(steps)) for some in rows]


def _tiles(steps: levels.Span) -> tuple[int, int]:
    """The most rows and columns of a panel's tiles: few steps leave room for more rows."""
    columns = min(steps[1] - steps[0], _MOST_COLUMNS)
    return min(_MOST_ROWS, max(_LEAST_ROWS, _MOST_TILES // max(1, columns))), columns


def _notes(view: _View) -> list[str]:
    """The lines below the picture: what a cell or a point stands for, what was held, and how many numbers are not finite."""
    notes = _say_levels(view)
    if view.chosen and view.stretch > 1:
        notes.append(
            _("a line shows the smallest and the largest of every {count} steps").format(count=view.stretch)
        )
    if view.trace.clamp:
        notes.append(_("held by the run: {names}").format(names=themes.escape(say_held(view.trace.clamp))))
    return notes + scales.name_nonfinite(one.values for one in view.arrays)


def _say_levels(view: _View) -> list[str]:
    """The lines that say what a cell stands for: most panels agree, the others are named."""
    usual = view.levels[min(1, len(view.levels) - 1)]
    notes = levels.note(usual, _("values"))
    for one, level in zip(view.arrays, view.levels, strict=False):  # lines have none
        if level.tile != usual.tile and usual.is_exact:
            notes += [f"{one.name}: {words}" for words in levels.note(level, _("values"))[:1]]
        elif level.tile != usual.tile:
            notes.insert(1, f"{one.name}: {level.tile_rows} × {level.tile_columns}")
    return notes


def _tell_level(view: _View) -> dict[str, Any] | None:
    """What a page needs to ask for a finer level, where there is one."""
    if not view.is_large:
        return None
    # Two points of a line stand for so many steps.
    lines = levels.Level(view.units, view.steps, tile_columns=view.stretch)
    level = lines if view.chosen else view.levels[1]
    return level.tell((view.trace.cell.num_units, len(view.trace)))


def _draw_heatmap(view: _View, one: Recorded, level: levels.Level, scale: scales.Scale) -> Panel:
    down = row_axis(one, view.trace, level.rows)
    if not view.for_page:
        down["range"] = edges(level.rows)[::-1]
    if view.in_tiles and is_of_units(one, view.trace.cell.num_units):
        down |= {"fixedrange": False, "matches": view.units_axis}
    data = level.draw(
        rows_of(one),
        names=None if one.order is None else partial(name_rows, one),
        middle=0.5 if one.scale == _SIGMOIDS else 0.0,
        coloraxis=one.scale,
        hovertemplate=_hover(one, level, view.is_large),
    )
    return Panel(
        down,
        data,
        _head(one, scale.bar),
        rows_apart=groups_apart(one, _PANEL, level.rows),
        linked=(one.name, "step", one.rows),
    )


def _head(one: Recorded, bar: str = "") -> tuple[Note, ...]:
    narrow = f"<b>{one.name}</b> {brief(one.title, SHORT_TITLE)}"
    words = f"<b>{one.name}</b> {shorten(one.title, TITLE)}"
    return head(words, bar, {} if narrow == words else {"text": narrow})


def _hover(one: Recorded, level: levels.Level, is_large: bool) -> str:
    row, column = level.hovered
    step = _("step {t}").format(t=column) if is_large else "%{x}"
    unit = "%{text}" if one.order is not None else f"{row}]" if is_large else "%{y:d}]"
    return f"<b>{one.name}[{unit}</b> %{{z:.4g}}<br>{step}<extra></extra>"


def _draw_lines(
    view: _View, one: Recorded, scale: scales.Scale, names: list[str] | None, first: bool
) -> Panel:
    """The chosen units as lines; only the first panel's are in the legend, which stands for all."""
    units = [
        (index, unit) for index, unit in enumerate(view.chosen) if unit < one.values.shape[1]
    ]  # a projected h has fewer
    data = [
        _draw_line(one, unit, view.steps, names) | _style(index) | {"showlegend": first}
        for index, unit in units
    ]
    reach = scale if one.scale == _SIGMOIDS else scales.centre([one.values])
    return Panel(_value_axis(reach), data, _head(one), linked=(one.name, "step", ""))


def _draw_line(one: Recorded, unit: int, steps: levels.Span, names: list[str] | None) -> dict[str, Any]:
    points, apart = levels.thin(one.values[slice(*steps), unit], _MOST_STEPS)
    # A line without a start would begin at a category of its own, after all steps.
    begin = {"x0": names[steps[0]]} if names else {"x0": steps[0], "dx": apart}
    return {
        "type": "scatter",
        "mode": "lines",
        "y": points,
        **begin,
        "name": _("unit {number}").format(number=unit),
        "legendgroup": str(unit),
        "hovertemplate": f"<b>{one.name}[{unit}]</b> %{{y:.4g}}<extra></extra>",
    }


def _style(index: int) -> dict[str, Any]:
    return {"line": {"color": themes.LINES[index % len(themes.LINES)], "width": 2, "dash": _dash(index)}}


def _dash(index: int) -> str:
    """The first lines' own, which tell apart those whose colours look alike to somebody; the colours come again in others."""
    again, index = divmod(index, len(themes.LINES))
    return _DASHES[index] if not again else ("longdash", "longdashdot")[(again - 1) % 2]


def _value_axis(scale: scales.Scale) -> dict[str, Any]:
    pad = (scale.high - scale.low) * 0.04
    middle = (scale.low + scale.high) / 2
    ticks = [scale.low, middle, scale.high]
    return themes.axis(
        range=[scale.low - pad, scale.high + pad],
        tickvals=ticks,
        ticktext=[scales.write(tick) for tick in ticks],
    ) | {"showgrid": True, "gridcolor": themes.GRID["light"]}
