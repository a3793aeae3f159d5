"""Every gate and state over time, on one axis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot import levels
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes
from lstmviz.plot.link import link
from lstmviz.plot.panels import NARROW, TITLE, WIDE, Panel, row_axis, shorten, step_names, time_ticks
from lstmviz.run.trace import Trace

VALUES = ("activations", "preactivations")

_PANEL, _GAP, _TOP, _BOTTOM, _LINE = 70, 25, 62, 34, 19  # pixels
_EXACT = 200_000  # values that a picture shows one by one
_MOST_ROWS, _LEAST_ROWS, _MOST_COLUMNS, _MOST_TILES = 100, 32, 400, 7_000  # of a panel's tiles beyond that
_DASHES = ("solid", "dash", "solid", "dot", "dash", "solid", "dot", "dashdot")  # of themes.LINES
_MOST_STEPS = 1_000  # beyond twice as many, a line keeps the extremes of so many stretches
_SHORT_TITLE = 22  # characters of the sequence's title on a phone, in wide letters too: DejaVu is all that some machines have
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
    for_page: bool = False,
) -> dict[str, Any]:
    """The plain dictionary of the gates' figure; of a window of units and steps alone where one is given.

    The axes end with the window, unless it is `for_page`: there they stay those of the whole, into which the page has zoomed.
    """
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
    in_lines = [bool(chosen) and index > 0 for index in range(len(panels))]
    heatmaps = [panel for panel, lines in zip(panels, in_lines, strict=True) if not lines]
    whole = _find_levels(heatmaps, trace, (0, trace.cell.num_units), (0, len(trace)))
    found = _find_levels(heatmaps, trace, rows, columns)
    notes = _say_levels(found)
    stretch = levels.choose_stretch(columns[1] - columns[0], _MOST_STEPS)
    if chosen and stretch > 1:
        notes.append(
            _("a line shows the smallest and the largest of every {count} steps").format(count=stretch)
        )
    notes += scales.name_nonfinite(panel.values for panel in panels)
    bottom = _BOTTOM + _LINE * len(notes) + (_LINE + 4 if chosen else 0)
    layout = themes.base_layout(title, height + _TOP + bottom)
    in_tiles = not all(level.is_exact for level in whole.values())
    is_large = in_tiles or (bool(chosen) and len(trace) > 2 * _MOST_STEPS)
    names = step_names(trace)
    # Plotly makes a column for each name of an axis, however few there are in view.
    named = {"type": "category", "categoryorder": "array", "categoryarray": names}
    steps_axis: dict[str, Any] = {} if is_large else named
    wide, narrow = (time_ticks(trace.sequence.labels, room, columns) for room in (WIDE, NARROW))
    across = (0, max(len(trace), 1)) if for_page or not len(trace) else columns
    layout |= {
        "margin": {"l": 50, "r": 8, "t": _TOP, "b": bottom},
        "hovermode": "x",
        "hoversubplots": "axis",
        "xaxis": themes.axis(anchor=f"y{len(panels)}", **steps_axis,
                             range=_edges(across), ticks="outside", ticklen=4, **wide),
        "annotations": [],
        "meta": {"narrow": {f"xaxis.{name}": value for name, value in narrow.items()}},
    }  # fmt: skip
    if is_large:
        # Two points of a line stand for so many steps.
        lines = levels.Level(rows, columns, tile_columns=stretch)
        told = lines if chosen else found[panels[1].name]
        layout["meta"]["levels"] = told.tell((trace.cell.num_units, len(trace)))
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
        words = f"<b>{panel.name}</b> {shorten(panel.title, TITLE)}"
        layout["annotations"].append(themes.text(words, x=0, y=top, xanchor="left", yanchor="bottom"))
        if in_lines[index]:
            data += _draw_lines(panel, chosen, axis, columns, None if is_large else names, first=index == 1)
            reach = scale if panel.scale == _SIGMOIDS else scales.centre([panel.values])
            layout[axis.replace("y", "yaxis")] = _value_axis(reach, **place)
        else:
            level, is_units = found[panel.name], _is_of_units(panel, trace)
            data += level.draw(
                panel.values.T,
                middle=0.5 if panel.scale == _SIGMOIDS else 0.0,
                yaxis=axis,
                coloraxis=panel.scale,
                hovertemplate=_hover(panel, level, is_large),
            )
            layout[axis.replace("y", "yaxis")] = row_axis(panel, trace, level.rows, **place)
            if not for_page:
                layout[axis.replace("y", "yaxis")]["range"] = _edges(level.rows)[::-1]
            if is_units and in_tiles:
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


def _is_of_units(panel: Panel, trace: Trace) -> bool:
    """Whether a panel's rows are the cell's units; those of the input and of a projected h are others."""
    return panel.name != "x" and panel.values.shape[1] == trace.cell.num_units


def _find_levels(
    heatmaps: list[Panel], trace: Trace, units: levels.Span, steps: levels.Span
) -> dict[str, levels.Level]:
    """How finely each heatmap shows a window of units and steps, by its panel's name.

    All of the cell's units have the same tiles; other panels show all of their rows, for they do not zoom.
    """
    rows = {
        panel.name: units if _is_of_units(panel, trace) else (0, panel.values.shape[1]) for panel in heatmaps
    }
    cells = sum((stop - start) * (steps[1] - steps[0]) for start, stop in rows.values())
    exact = cells if cells <= _EXACT else _EXACT // len(heatmaps)
    return {
        name: levels.fit(some, steps, (), (), exact=exact, most=_tiles(steps)) for name, some in rows.items()
    }


def _tiles(steps: levels.Span) -> tuple[int, int]:
    """The most rows and columns of a panel's tiles: few steps leave room for more rows."""
    columns = min(steps[1] - steps[0], _MOST_COLUMNS)
    return min(_MOST_ROWS, max(_LEAST_ROWS, _MOST_TILES // max(1, columns))), columns


def _say_levels(found: dict[str, levels.Level]) -> list[str]:
    """The lines that say what a cell stands for: most panels agree, the others are named."""
    usual = list(found.values())[-1 if len(found) == 1 else 1]
    notes = levels.note(usual, _("values"))
    for name, level in found.items():
        if level.tile != usual.tile and usual.is_exact:
            notes += [f"{name}: {words}" for words in levels.note(level, _("values"))[:1]]
        elif level.tile != usual.tile:
            notes.insert(1, f"{name}: {level.tile_rows} × {level.tile_columns}")
    return notes


def _hover(panel: Panel, level: levels.Level, is_large: bool) -> str:
    row, column = level.hovered
    step = _("step {t}").format(t=column) if is_large else "%{x}"
    return f"<b>{panel.name}[{row if is_large else '%{y:d}'}]</b> %{{z:.4g}}<br>{step}<extra></extra>"


def _edges(span: levels.Span) -> list[float]:
    return [span[0] - 0.5, span[1] - 0.5]


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
    """The first lines' own, which tell apart those whose colours look alike to somebody; the colours come again in others."""
    again, index = divmod(index, len(themes.LINES))
    return _DASHES[index] if not again else ("longdash", "longdashdot")[(again - 1) % 2]


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
