"""Every gate and state over time, on one axis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot import theme as themes
from lstmviz.trace import Trace

VALUES = ("activations", "preactivations")

_PANEL, _GAP, _TOP, _BOTTOM = 76, 30, 66, 40  # pixels
_TICKS = 60  # labels on the time axis at most, where they are single characters


def draw_gates(trace: Trace, values: str, units: Iterable[int] | None) -> dict[str, Any]:
    """The plain dictionary of the gates' figure."""
    chosen = _check_units(trace, units)
    if values not in VALUES:
        raise ValueError(
            _("values is {given!r}; it must be one of {allowed}.").format(given=values, allowed=", ".join(VALUES))
        )
    panels = _panels(trace, values)
    height = len(panels) * _PANEL + (len(panels) - 1) * _GAP
    title = _("{kind}: {steps} steps × {units} units").format(
        kind=trace.cell.kind.name, steps=len(trace), units=trace.cell.num_units
    )
    layout = themes.base_layout(title, height + _TOP + _BOTTOM)
    last = "y" if len(panels) == 1 else f"y{len(panels)}"
    layout |= {
        "margin": {"l": 44, "r": 8, "t": _TOP, "b": _BOTTOM},
        "hovermode": "x",
        "hoversubplots": "axis",
        "hoverlabel": {"font": {"size": 12}, "namelength": 0},
        "xaxis": themes.axis(anchor=last, range=[-0.5, max(len(trace), 1) - 0.5], **_time_ticks(trace.sequence.labels)),
        "annotations": [],
    }
    data: list[dict[str, Any]] = []
    scales: dict[str, list[tuple[float, float]]] = {}
    for index, (title, name, array, scale) in enumerate(panels):
        top = 1 - index * (_PANEL + _GAP) / height
        domain = [max(0.0, top - _PANEL / height), top]
        axis = "y" if not index else f"y{index + 1}"
        layout["annotations"].append(_panel_title(title, domain[1]))
        layout[axis.replace("y", "yaxis")] = _value_axis(domain, array, bool(chosen) and name != "x", scale)
        if chosen and name != "x":
            data += _lines(array, [unit for unit in chosen if unit < array.shape[1]], name, axis, first=index == 1)
        else:
            scales.setdefault(scale, []).append((domain[0], domain[1]))
            data.append(_heatmap(array, name, axis, scale))
    for scale, domains in scales.items():
        arrays = [array for _title, _name, array, its in panels if its == scale]
        layout[scale] = _colour_axis(scale, arrays, domains, height)
    if chosen:
        layout |= {"showlegend": True, "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom",
                                                  "yref": "container", "font": {"size": 12}}}  # fmt: skip
        layout["legend"] |= {"yanchor": "top"}
    return {"data": data, "layout": layout}


def _check_units(trace: Trace, units: Iterable[int] | None) -> list[int]:
    chosen = list(units or ())
    for unit in chosen:
        if isinstance(unit, bool) or not isinstance(unit, int | np.integer) or not 0 <= unit < trace.cell.num_units:
            raise ValueError(
                _("units has {given!r}; a unit is a whole number from 0 to {last}.").format(
                    given=unit, last=trace.cell.num_units - 1
                )
            )
    return [int(unit) for unit in chosen]


def _panels(trace: Trace, values: str) -> list[tuple[str, str, np.ndarray, str]]:
    """Each panel's title, short name, array and colour axis, from the top."""
    panels = [(f"<b>x</b> {trace.sequence.title}", "x", trace.x, "coloraxis3")]
    for gate in trace.cell.kind.gates:
        title = f"<b>{gate.name}</b> {_(gate.title)}"
        if values == "preactivations":
            panels.append((title, gate.name, trace.preactivations[gate.name], "coloraxis4"))
        else:
            scale = "coloraxis2" if trace.activation_of(gate) == "sigmoid" else "coloraxis"
            panels.append((title, gate.name, trace.gates[gate.name], scale))
    titles = {"c": _("cell state"), "h": _("hidden state, the output")}
    for name, array in trace.states.items():
        scale = "coloraxis" if name == "h" else "coloraxis5"  # h is bounded as j is, c is not
        panels.append((f"<b>{name}</b> {titles[name]}", name, array, scale))
    return panels


def _heatmap(array: np.ndarray, name: str, axis: str, scale: str) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "z": array.T,
        "yaxis": axis,
        "coloraxis": scale,
        "hovertemplate": f"<b>{name}[%{{y}}]</b> %{{z:.4f}}<extra></extra>",
    }


def _lines(array: np.ndarray, units: list[int], name: str, axis: str, first: bool) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "y": array[:, unit],
            "yaxis": axis,
            "name": _("unit {number}").format(number=unit),
            "legendgroup": str(unit),
            "showlegend": first,
            "line": {"color": themes.LINES[index % len(themes.LINES)], "width": 2},
            "hovertemplate": f"<b>{name}[{unit}]</b> %{{y:.4f}}<extra></extra>",
        }
        for index, unit in enumerate(units)
    ]


def _value_axis(domain: list[float], array: np.ndarray, lines: bool, scale: str) -> dict[str, Any]:
    if lines:
        fixed = {"range": [-0.05, 1.05], "tickvals": [0, 0.5, 1]} if scale == "coloraxis2" else {"nticks": 4}
        return themes.axis(domain=domain, **fixed) | {"showgrid": True, "gridcolor": "#c5cdd4", "tickfont": {"size": 12}}
    rows = array.shape[1]
    shown = sorted({0, rows - 1}) if rows > 4 else list(range(rows))
    return themes.axis(domain=domain, range=[rows - 0.5, -0.5], tickvals=shown, tickfont={"size": 12}, fixedrange=True)


def _colour_axis(
    scale: str, arrays: list[np.ndarray], domains: list[tuple[float, float]], height: int
) -> dict[str, Any]:
    """One scale for its panels, its bar beside the first run of them."""
    finite = np.concatenate([array[np.isfinite(array)] for array in arrays])
    if scale == "coloraxis2":
        colours: dict[str, Any] = {"colorscale": themes.SEQUENTIAL, "cmin": 0, "cmax": 1}
        ticks: dict[str, Any] = {"tickvals": [0, 0.5, 1]}
    else:
        limit = float(np.abs(finite).max()) if finite.size and np.abs(finite).max() > 0 else 1.0
        colours = {"colorscale": themes.DIVERGING["light"], "cmin": -limit, "cmax": limit, "cmid": 0}
        ticks = {"tickvals": [-limit, 0, limit], "ticktext": [f"−{limit:.2g}", "0", f"{limit:.2g}"]}
    # Beside the last panel that has it: the states below, the sigmoid gates above them.
    low, high = domains[0] if scale != "coloraxis" else domains[-1]
    bar = {"thickness": 10, "outlinewidth": 0, "tickfont": {"size": 12}, "x": 1.005, "xpad": 2, "ypad": 0,
           "y": (low + high) / 2, "len": high - low, **ticks}  # fmt: skip
    return colours | {"colorbar": bar}


def _time_ticks(labels: tuple[str, ...]) -> dict[str, Any]:
    """Names at the time axis: each step's where they are characters and fit, else a dozen of them."""
    longest = max(map(len, labels), default=1)
    every = max(1, -(-len(labels) * (1 if longest == 1 else 5) // _TICKS))
    shown = list(range(0, len(labels), every))
    return {"tickvals": shown, "ticktext": [labels[t] for t in shown], "tickangle": 0, "ticks": "outside", "ticklen": 4,
            "hoverformat": "d"}  # fmt: skip


def _panel_title(text: str, top: float) -> dict[str, Any]:
    return {"text": text, "showarrow": False, "xref": "paper", "yref": "paper", "x": 0, "y": top, "xanchor": "left",
            "yanchor": "bottom", "font": {"size": 13}}  # fmt: skip
