"""The kernel as a picture, gate by gate."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.plot import theme as themes

_ROW = 22  # pixels a row of a small kernel
_STRIP = 26  # pixels a row below the kernel
_LEAST, _MOST = 150, 520  # pixels of the kernel itself
_TOP, _BOTTOM, _GAP = 96, 30, 12


def draw_kernel(cell: Cell) -> dict[str, Any]:
    """The plain dictionary of the kernel's figure."""
    rows, columns = cell.kernel.shape
    strips = _strips(cell)
    projections = [v.name for v in cell.kind.variables if v.name in cell.weights and _is_apart(v)]
    kernel_height = int(np.clip(rows * _ROW, _LEAST, _MOST))
    heights = [kernel_height, len(strips) * _STRIP]
    heights += [int(np.clip(cell.weights[name].shape[0] * _ROW / 2, 80, 240)) for name in projections]
    gaps = [0, _GAP] + [58] * len(projections)
    domains = _domains(heights, gaps)
    names = [f"{gate.name}[{unit}]" for gate in cell.kind.gates for unit in range(cell.num_units)]
    names = [f"{name}, {_('kernel column {number}').format(number=k)}" for k, name in enumerate(names)]
    row_names = [f"x[{k}]" for k in range(cell.input_size)] + [f"h[{k}]" for k in range(cell.output_size)]
    limit = max([_largest(cell.kernel)] + [_largest(w) for n, w in cell.weights.items() if w.ndim == 1 and "bias" not in n]
                + [_largest(cell.weights[name]) for name in projections]) or 1.0  # fmt: skip
    values = np.stack([row for _name, row in strips])
    clipped = bool(np.any(np.abs(values[np.isfinite(values)]) > limit))

    layout = themes.base_layout(f"{cell.kind.name} kernel [{rows}, {columns}]", sum(heights) + sum(gaps) + _TOP + _BOTTOM)
    layout |= {
        "margin": {"l": 70, "r": 8, "t": _TOP, "b": _BOTTOM},
        "coloraxis": {
            "colorscale": themes.DIVERGING["light"], "cmin": -limit, "cmax": limit, "cmid": 0,
            "colorbar": {"thickness": 12, "outlinewidth": 0, "tickfont": {"size": 12}, "x": 1.01, "xpad": 2,
                         "tickvals": [-limit, 0, limit], "ticktext": _scale_text(limit, clipped)},
        },
        "xaxis": themes.axis(type="category", anchor="y2", tickvals=_ticks(columns, cell.num_units),
                             ticktext=[str(k) for k in _ticks(columns, cell.num_units)], ticks="", range=[-0.5, columns - 0.5],
                             tickangle=0, side="bottom"),
        "yaxis": themes.axis(type="category", domain=domains[0], range=[rows - 0.5, -0.5],
                             **_row_ticks(row_names, kernel_height)),
        "yaxis2": themes.axis(type="category", domain=domains[1], range=[len(strips) - 0.5, -0.5], fixedrange=True,
                              tickfont={"size": 12}, tickvals=list(range(len(strips))),
                              ticktext=[name.replace("_", "<br>_") for name, _row in strips]),
        "shapes": _separators(cell, domains),
        "annotations": _gate_names(cell) + _row_groups(cell, domains[0]),
    }  # fmt: skip
    hover = "%{y} → %{x}<br><b>%{z:.4f}</b><extra></extra>"
    data: list[dict[str, Any]] = [
        {"type": "heatmap", "z": cell.kernel, "x": names, "y": row_names, "coloraxis": "coloraxis", "hovertemplate": hover},
        {"type": "heatmap", "z": values, "x": names, "y": [name for name, _row in strips], "yaxis": "y2",
         "coloraxis": "coloraxis", "hovertemplate": hover, "hoverongaps": False},
    ]  # fmt: skip
    for index, name in enumerate(projections):
        matrix, number = cell.weights[name], index + 3
        layout[f"yaxis{number}"] = themes.axis(domain=domains[index + 2], range=[matrix.shape[0] - 0.5, -0.5], anchor="x2",
                                               nticks=4)  # fmt: skip
        layout["xaxis2"] = themes.axis(anchor=f"y{number}", range=[-0.5, matrix.shape[1] - 0.5], nticks=8, tickformat="d")
        layout["annotations"].append(
            _text(f"{name} {list(matrix.shape)}", x=0, y=domains[index + 2][1], xanchor="left", yanchor="bottom", yshift=4)
        )
        data.append(
            {"type": "heatmap", "z": matrix, "xaxis": "x2", "yaxis": f"y{number}", "coloraxis": "coloraxis",
             "hovertemplate": "%{y} → h[%{x}]<br><b>%{z:.4f}</b><extra></extra>"}
        )  # fmt: skip
    return {"data": data, "layout": layout}


def _is_apart(variable: Any) -> bool:
    """Whether a variable is a matrix that belongs to no gate, such as the projection."""
    return not variable.gates and len(variable.shape) == 2


def _strips(cell: Cell) -> list[tuple[str, np.ndarray]]:
    """What is added to each column below the kernel: the bias, the offset, the peepholes; NaN where there is nothing."""
    strips = [("bias", np.asarray(cell.bias, np.float32))]
    offsets = [gate for gate in cell.kind.gates if gate.offset]
    for gate in offsets:
        row = np.full(cell.bias.size, np.nan, np.float32)
        row[cell.columns(gate.name)] = cell.offset[cell.columns(gate.name)]
        strips.append((f"+ {gate.offset}", row))
    peepholes = [gate for gate in cell.kind.gates if gate.peephole in cell.weights]
    if peepholes:
        row = np.full(cell.bias.size, np.nan, np.float32)
        for gate in peepholes:
            row[cell.columns(gate.name)] = cell.weights[str(gate.peephole)]
        strips.append((_("peepholes"), row))
    return strips


def _domains(heights: list[int], gaps: list[int]) -> list[list[float]]:
    """The panels' shares of the height, from the top."""
    total = sum(heights) + sum(gaps)
    domains, top = [], float(total)
    for height, gap in zip(heights, gaps, strict=True):
        top -= gap
        domains.append([max(0.0, (top - height) / total), top / total])
        top -= height
    return domains


def _largest(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def _scale_text(limit: float, clipped: bool) -> list[str]:
    low, high = f"−{limit:.2g}", f"{limit:.2g}"
    return [f"≤ {low}", "0", f"≥ {high}"] if clipped else [low, "0", high]


def _ticks(columns: int, num_units: int) -> list[int]:
    return list(range(0, columns, num_units)) if num_units > 1 else list(range(columns))


def _row_ticks(names: list[str], height: int) -> dict[str, Any]:
    every = max(1, -(-len(names) * 15 // height))
    shown = list(range(0, len(names), every))
    return {"tickvals": shown, "ticktext": [names[k] for k in shown], "tickfont": {"size": 12}, "ticks": ""}


def _separators(cell: Cell, domains: list[list[float]]) -> list[dict[str, Any]]:
    bottom, top = domains[1][0], domains[0][1]
    lines = [
        themes.separator(xref="x", yref="paper", x0=edge - 0.5, x1=edge - 0.5, y0=bottom, y1=top)
        for edge in range(cell.num_units, cell.kernel.shape[1], cell.num_units)
    ]
    border = cell.input_size - 0.5
    lines.append(themes.separator(xref="paper", yref="y", x0=0, x1=1, y0=border, y1=border))
    return lines


def _gate_names(cell: Cell) -> list[dict[str, Any]]:
    middle = (cell.num_units - 1) / 2
    names = []
    for index, gate in enumerate(cell.kind.gates):
        title = _(gate.title).replace(" ", "<br>")  # a word a line, so that the names of narrow blocks do not meet
        x = index * cell.num_units + middle
        names.append(_text(f"<b>{gate.name}</b><br>{title}", x=x, y=1, xref="x", yanchor="bottom", yshift=2))
    return names


def _row_groups(cell: Cell, domain: list[float]) -> list[dict[str, Any]]:
    rows = cell.kernel.shape[0]

    def at(row: float) -> float:
        return domain[1] - (domain[1] - domain[0]) * row / rows

    return [
        _text(f"<b>{name}</b>", x=0, y=at(middle), xanchor="right", yanchor="middle", xshift=-52)
        for name, middle in (("x", cell.input_size / 2), ("h", cell.input_size + cell.output_size / 2))
    ]


def _text(text: str, **place: Any) -> dict[str, Any]:
    return {"text": text, "showarrow": False, "xref": "paper", "yref": "paper", "font": {"size": 13}, **place}
