"""Every gate and state over time, on one axis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot import levels
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes
from lstmviz.plot.link import link
from lstmviz.plot.panels import NARROW, TITLE, WIDE, Panel, row_axis, shorten, step_names, time_ticks
from lstmviz.trace import Trace

VALUES = ("activations", "preactivations")

_PANEL, _GAP, _TOP, _BOTTOM, _LINE = 70, 25, 62, 34, 19  # pixels
_EXACT = 200_000  # values that a picture shows one by one
_MOST_ROWS, _LEAST_ROWS, _MOST_COLUMNS, _MOST_TILES = 100, 32, 400, 7_000  # of a panel's tiles beyond that
_MOST_STEPS = 1_000  # beyond twice as many, a line keeps the extremes of so many stretches
_SHORT_TITLE = 26  # characters of the sequence's title on a phone
_STATES = "coloraxis"
_SIGMOIDS = "coloraxis2"
_INPUT = "coloraxis3"
_PREACTIVATIONS = "coloraxis4"


def draw_gates(
    trace: Trace,
    values: str,
    units: Iterable[int] | None,
    seen_units: tuple[int, int] | None = None,
    seen_steps: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """The plain dictionary of the gates' figure; of a window of units and steps alone where one is given."""
    chosen = _check_units(trace, units)
    rows = levels.check_window("units", seen_units, trace.cell.num_units)
    columns = levels.check_window("steps", seen_steps, len(trace)) if len(trace) else (0, 0)
    if values not in VALUES:
        raise ValueError(
            _("values is {given!r}; it must be one of {allowed}.").format(
                given=values, allowed=", ".join(VALUES)
            )
        )
    panels = _panels(trace, values)
    height = len(panels) * _PANEL + (len(panels) - 1) * _GAP
    title = _("{kind}: {steps} steps × {units} units").format(
        kind=trace.cell.kind.name, steps=len(trace), units=trace.cell.num_units
    )
    whole = _find_level(panels[0].values, panels[1:], (0, trace.cell.num_units), (0, len(trace)), chosen)
    level = _find_level(panels[0].values, panels[1:], rows, columns, chosen)
    notes = levels.note(level, _("values")) if not chosen else []
    notes += scales.name_nonfinite(panel.values for panel in panels)
    bottom = _BOTTOM + _LINE * len(notes) + (_LINE + 4 if chosen else 0)
    layout = themes.base_layout(title, height + _TOP + bottom)
    is_large = not whole.is_exact or (bool(chosen) and len(trace) > 2 * _MOST_STEPS)
    names = step_names(trace)
    # Plotly makes a column for each name of an axis, however few there are in view.
    named = {"type": "category", "categoryorder": "array", "categoryarray": names}
    steps_axis: dict[str, Any] = {} if is_large else named
    step = _("step {t}").format(t="%{x:.0f}") if is_large else "%{x}"
    wide, narrow = (time_ticks(trace.sequence.labels, room) for room in (WIDE, NARROW))
    layout |= {
        "margin": {"l": 50, "r": 8, "t": _TOP, "b": bottom},
        "hovermode": "x",
        "hoversubplots": "axis",
        "xaxis": themes.axis(anchor=f"y{len(panels)}", **steps_axis,
                             range=[-0.5, max(len(trace), 1) - 0.5], ticks="outside", ticklen=4, **wide),
        "annotations": [],
        "meta": {"narrow": {f"xaxis.{name}": value for name, value in narrow.items()}},
    }  # fmt: skip
    if is_large:
        layout["meta"]["levels"] = level.tell((trace.cell.num_units, len(trace)))
    in_lines = [bool(chosen) and index > 0 for index in range(len(panels))]
    shown = ["input", *("" if lines else "hidden" if panel.name == "h" else "unit"
                       for panel, lines in zip(panels[1:], in_lines[1:], strict=True))]  # fmt: skip
    axes = ["y", *(f"y{number}" for number in range(2, len(panels) + 1))]
    layout["meta"]["link"] = link(
        trace.cell,
        [("x", axis, panel.name, "step", row) for axis, panel, row in zip(axes, panels, shown, strict=True)],
        steps=len(trace),
    )
    scale_of = _scales(panels)
    data: list[dict[str, Any]] = []
    for index, panel in enumerate(panels):
        top = 1 - index * (_PANEL + _GAP) / height
        axis = "y" if not index else f"y{index + 1}"
        place = {"domain": [max(0.0, top - _PANEL / height), top]}
        scale = scale_of[panel.scale]
        is_units = index > 0 and panel.values.shape[1] == trace.cell.num_units
        words = f"<b>{panel.name}</b> {shorten(panel.title, TITLE)}"
        layout["annotations"].append(themes.text(words, x=0, y=top, xanchor="left", yanchor="bottom"))
        if in_lines[index]:
            data += _draw_lines(panel, chosen, axis, columns, None if is_large else names, first=index == 1)
            reach = scale if panel.scale == _SIGMOIDS else scales.centre([panel.values])
            layout[axis.replace("y", "yaxis")] = _value_axis(reach, **place)
        else:
            data += _level_of(panel, level, is_units).draw(
                panel.values.T,
                middle=0.5 if panel.scale == _SIGMOIDS else 0.0,
                yaxis=axis,
                coloraxis=panel.scale,
                hovertemplate=f"<b>{panel.name}[%{{y:{'.0f' if is_large else 'd'}}}]</b> %{{z:.4g}}<br>{step}<extra></extra>",
            )
            layout[axis.replace("y", "yaxis")] = row_axis(panel, trace, **place)
            if is_units and not whole.is_exact:
                layout[axis.replace("y", "yaxis")] |= {"fixedrange": False, "matches": "y2"}
            layout[panel.scale] = scale.axis
            layout["annotations"].append(
                themes.text(scale.bar, x=1, y=top, xanchor="right", yanchor="bottom")
            )
    layout["meta"]["narrow"]["annotations[0].text"] = f"<b>x</b> {shorten(panels[0].title, _SHORT_TITLE)}"
    if notes:
        words = "<br>".join(notes)
        layout["annotations"].append(
            themes.text(words, x=0, y=0, xanchor="left", yanchor="top", yshift=4 - _BOTTOM, align="left")
        )
    if chosen:
        legend = {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 0,
            "yanchor": "bottom",
            "yref": "container",
        }
        layout |= {"showlegend": True, "legend": legend}
    return {"data": data, "layout": layout}


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


def _panels(trace: Trace, values: str) -> list[Panel]:
    panels = [Panel("x", trace.sequence.title, trace.x, _INPUT)]
    for gate in trace.cell.kind.gates:
        if values == "preactivations":
            recorded, scale = trace.preactivations[gate.name], _PREACTIVATIONS
        else:
            recorded = trace.gates[gate.name]
            scale = _SIGMOIDS if trace.is_share(gate) else _STATES
        panels.append(Panel(gate.name, _(gate.title), recorded, scale))
    titles = {"c": _("cell state"), "h": _("hidden state, the output")}
    panels += [Panel(name, titles[name], array, _STATES) for name, array in trace.states.items()]
    return panels


def _scales(panels: list[Panel]) -> dict[str, scales.Scale]:
    """One scale for all panels of a colour axis."""
    found = {_SIGMOIDS: scales.UNIT}
    for name in {panel.scale for panel in panels} - set(found):
        found[name] = scales.centre([panel.values for panel in panels if panel.scale == name])
    return found


def _find_level(
    x: np.ndarray, panels: list[Panel], units: levels.Span, steps: levels.Span, chosen: list[int]
) -> levels.Level:
    """How finely the panels' heatmaps show a window of units and steps: all of them have the same tiles."""
    if chosen:
        return levels.Level(units, steps)
    cells = len(panels) * (units[1] - units[0]) * (steps[1] - steps[0]) + x[slice(*steps)].size
    exact = _EXACT // max(1, len(panels)) if cells > _EXACT else cells
    return levels.fit(units, steps, (), (), exact=exact, most=_tiles(units, steps))


def _tiles(units: levels.Span, steps: levels.Span) -> tuple[int, int]:
    """The most rows and columns of a panel's tiles: few steps leave room for more units, and the other way round."""
    columns = min(steps[1] - steps[0], _MOST_COLUMNS)
    return min(_MOST_ROWS, max(_LEAST_ROWS, _MOST_TILES // max(1, columns))), columns


def _level_of(panel: Panel, level: levels.Level, is_units: bool) -> levels.Level:
    """The level for a panel: the input, and a projected h, have rows of their own, and all of them."""
    if is_units:
        return level
    rows = panel.values.shape[1]
    return replace(level, rows=(0, rows), tile_rows=levels.choose([(0, rows)], _MOST_ROWS))


def _draw_lines(
    panel: Panel, units: list[int], axis: str, steps: levels.Span, names: list[str] | None, first: bool
) -> list[dict[str, Any]]:
    lines = []
    for index, unit in enumerate(units):
        if unit >= panel.values.shape[1]:  # a projected h has fewer
            continue
        points, apart = levels.thin(panel.values[slice(*steps), unit], _MOST_STEPS)
        # A line without a start would begin at a category of its own, after all steps.
        begin = {"x0": names[steps[0]]} if names else {"x0": steps[0], "dx": apart}
        lines.append(
            {
                "type": "scatter",
                "mode": "lines",
                "y": points,
                **begin,
                "yaxis": axis,
                "name": _("unit {number}").format(number=unit),
                "legendgroup": str(unit),
                "showlegend": first,
                "line": {"color": themes.LINES[index % len(themes.LINES)], "width": 2, "dash": _dash(index)},
                "hovertemplate": f"<b>{panel.name}[{unit}]</b> %{{y:.4g}}<extra></extra>",
            }
        )
    return lines


def _dash(index: int) -> str:
    """Solid for the first lines; the colours come again dotted, then dashed."""
    return ("solid", "dot", "dash")[index // len(themes.LINES) % 3]


def _value_axis(scale: scales.Scale, **place: Any) -> dict[str, Any]:
    pad = (scale.high - scale.low) * 0.04
    middle = (scale.low + scale.high) / 2
    ticks = [scale.low, middle, scale.high]
    return themes.axis(
        range=[scale.low - pad, scale.high + pad],
        tickvals=ticks,
        ticktext=[scales.write(tick) for tick in ticks],
        **place,
    ) | {"showgrid": True, "gridcolor": themes.GRID["light"]}
