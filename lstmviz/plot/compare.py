"""Two runs beside each other: their kernels, and how far apart they are over time."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.plot import levels
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes
from lstmviz.plot.curves import DASHES, ENTRY, has_single_points, legend_rows, log_axis
from lstmviz.plot.kernel import column_names, names_axis, row_names
from lstmviz.plot.link import link
from lstmviz.plot.panels import NARROW, WIDE, Panel, row_axis, share_height, step_names, time_ticks, width
from lstmviz.run.compare import Comparison, Parting

_ROW, _LEAST, _MOST = 12, 110, 300  # pixels of a kernel's row, and of its height
_CURVES, _PANEL, _GAP, _LINE = 150, 70, 25, 19  # pixels
_TITLE, _HEADING, _BOTTOM, _LEFT = 34, 42, 34, 50  # pixels
_LETTER = 6.2  # pixels of a letter
_SCREEN, _PHONE = 560, 300  # pixels of a line of text
_EXACT = 200_000  # numbers of a kernel, or of all differences, that are shown one by one
_TILES = (100, 200)  # beyond that, rows and columns of tiles
_DOTTED = 60  # up to so many steps each has its dot
_KERNELS, _CHANGES, _GATES, _STATES = (f"coloraxis{number}" for number in ("", 2, 3, 4))


@dataclass(frozen=True, eq=False)
class _Curve:
    """How far apart one gate or state is at most, step by step: `distances` `[time]`."""

    name: str
    distances: np.ndarray

    @property
    def words(self) -> str:
        largest = float(self.distances.max(initial=0))
        return f"{self.name}: {scales.write(largest)}"


@dataclass(frozen=True, eq=False)
class _Kernel:
    """A kernel, or the difference of two: `values` of the shape of the kernel of `cell`."""

    letter: str
    cell: Cell
    values: np.ndarray
    scale: str


def draw_compare(comparison: Comparison, values: str) -> dict[str, Any]:
    """The plain dictionary of the comparison's figure."""
    panels = _panels(comparison, values)
    curves = [_Curve(panel.name, _distances(panel.values)) for panel in panels]
    found, kernels = comparison.parting(values), _kernels(comparison)
    kernel_scales = _kernel_scales(comparison)
    legends = [ENTRY * legend_rows([curve.words for curve in curves], room) for room in (WIDE, NARROW)]
    heights = [_kernel_height(kernels), _CURVES, *(_PANEL for _panel in panels)]
    gaps = [0, _HEADING + legends[1], *(_GAP for _panel in panels)]
    gaps[1] += _LINE * len(_say_scales(kernel_scales))
    domains = share_height(heights, gaps)
    top, bottom = _above(comparison, found), _below(comparison, panels, kernels)
    layout = _lay_out(comparison, top, bottom, sum(heights) + sum(gaps))
    narrow = layout["meta"]["narrow"]
    layout |= {
        "xaxis": _time_axis(comparison, len(panels) + 1, narrow),
        "yaxis": log_axis(_on_axis(curves, comparison), domain=domains[1]),
        **{name: scale.axis for name, scale in kernel_scales.items()},
        "shapes": [],
    }
    level = _find_level(panels, comparison)
    steps = layout["xaxis"]["categoryarray"]
    if not level.is_exact:  # Plotly makes a column for each name of an axis
        steps = range(len(comparison))
        for name in ("type", "categoryorder", "categoryarray"):
            del layout["xaxis"][name]
    data = _draw_curves(curves, list(steps), found)
    data += _draw_panels(panels, level, comparison, domains[2:], layout)
    data += _draw_kernels(kernels, domains[0], len(panels) + 2, layout)
    _say_between(kernel_scales, comparison, domains, legends, layout)
    if comparison.tolerance and len(comparison):
        layout["shapes"].append(_level(comparison.tolerance))
    if found:
        down = f"M{found.t - 0.5},{domains[-1][0]:.4f}V{domains[1][1]:.4f}"
        layout["shapes"].append(themes.lines(down, xref="x", yref="paper"))
    names = ["unit" if panel.name != "h" else "hidden" for panel in panels]
    layout["meta"]["link"] = link(
        min((comparison.a.cell, comparison.b.cell), key=lambda cell: cell.num_units),
        [
            ("x", f"y{k}", panel.name, "step", row)
            for k, (panel, row) in enumerate(zip(panels, names, strict=True), 2)
        ],
        steps=len(comparison),
    )
    return {"data": data, "layout": layout}


def say_parting(comparison: Comparison, found: Parting | None) -> str:
    """Where the runs first part, or that they do not, in a sentence."""
    if found is None:
        return _("a and b never part by more than {tolerance}.").format(
            tolerance=scales.write(comparison.tolerance)
        )
    a, b = _write_apart(found.a, found.b)
    return _("a and b first part at step {t} in {name}[{unit}]: {a} against {b}.").format(
        t=found.t, name=found.name, unit=found.unit, a=a, b=b
    )


def say_settings(comparison: Comparison) -> str:
    """What sets the runs apart, in a line."""
    a, b = comparison.labels
    kind = comparison.a.cell.kind.name
    if a and comparison.b.cell.kind.name == kind:
        return _("{kind}, a: {a}; b: {b}").format(kind=kind, a=a, b=b)
    if a:
        return _("a: {a}; b: {b}").format(a=a, b=b)
    if comparison.other_weights:
        return _("{kind}, a and b differ in their weights alone: {names}").format(
            kind=kind, names=", ".join(comparison.other_weights)
        )
    return _("{kind}, a and b have the same settings and weights").format(kind=kind)


# --- What is drawn ---------------------------------------------------------------------------------------------------


def _panels(comparison: Comparison, values: str) -> list[Panel]:
    titles = {
        gate.name: _(gate.title) for gate in comparison.a.cell.kind.gates if gate.name in comparison.b.gates
    }
    titles = {"c": _("cell state"), "h": _("hidden state, the output"), **titles}
    return [
        Panel(name, titles[name], array.astype(np.float32), _GATES if name in comparison.a.gates else _STATES)
        for name, array in comparison.shown(values).items()
    ]


def _distances(values: np.ndarray) -> np.ndarray:
    distances: np.ndarray = np.abs(values).max(axis=1, initial=0)
    return distances


def _kernels(comparison: Comparison) -> list[_Kernel]:
    a, b = comparison.a.cell, comparison.b.cell
    kernels = [_Kernel("a", a, a.kernel, _KERNELS), _Kernel("b", b, b.kernel, _KERNELS)]
    if comparison.kernel_difference is not None:
        scale = _CHANGES if comparison.kernel_difference.any() else _KERNELS
        kernels.append(_Kernel("a − b", a, comparison.kernel_difference.astype(np.float32), scale))
    return kernels


def _kernel_scales(comparison: Comparison) -> dict[str, scales.Scale]:
    """One scale for both kernels, and one for their difference where there is any."""
    found = {_KERNELS: scales.centre([comparison.a.cell.kernel, comparison.b.cell.kernel])}
    if comparison.kernel_difference is not None and comparison.kernel_difference.any():
        found[_CHANGES] = scales.centre([comparison.kernel_difference])
    return found


def _kernel_height(kernels: list[_Kernel]) -> int:
    return int(np.clip(max(kernel.values.shape[0] for kernel in kernels) * _ROW, _LEAST, _MOST))


def _draw_curves(curves: list[_Curve], names: list[Any], found: Parting | None) -> list[dict[str, Any]]:
    """Each distance as a line, with a circle where the runs first part."""
    data: list[dict[str, Any]] = []
    for index, curve in enumerate(curves):
        shown = np.isfinite(curve.distances) & (curve.distances > 0)
        dotted = len(names) <= _DOTTED or has_single_points(shown)
        colour = themes.LINES[index % len(themes.LINES)]
        data.append(
            {"type": "scatter", "mode": "lines+markers" if dotted else "lines", **({"x0": names[0]} if names else {}),
             "y": np.where(shown, curve.distances, np.nan), "name": curve.words, "legendgroup": curve.name,
             "line": {"color": colour, "width": 2, "dash": DASHES[index % len(DASHES)]},
             "marker": {"color": colour, "size": 4},
             "hovertemplate": f"<b>{curve.name}</b> %{{y:.3g}}<extra></extra>"}
        )  # fmt: skip
        if found and found.name == curve.name and shown[found.t]:
            data.append(
                {"type": "scatter", "mode": "markers", "x": [names[found.t]], "y": [curve.distances[found.t]],
                 "marker": {"symbol": "circle-open", "color": colour, "size": 14, "line": {"width": 3}},
                 "legendgroup": curve.name, "showlegend": False, "hoverinfo": "skip"}
            )  # fmt: skip
    return data


def _find_level(panels: list[Panel], comparison: Comparison) -> levels.Level:
    """How finely the differences are shown: all panels have the same tiles."""
    units = max((panel.values.shape[1] for panel in panels), default=0)
    exact = _EXACT // max(1, len(panels))
    return levels.fit((0, units), (0, len(comparison)), (), (), exact=exact, most=_TILES)


def _draw_panels(
    panels: list[Panel],
    level: levels.Level,
    comparison: Comparison,
    domains: list[list[float]],
    layout: dict[str, Any],
) -> list[dict[str, Any]]:
    """The differences as heatmaps; adds their axes and headings to `layout`."""
    data: list[dict[str, Any]] = []
    found = {
        name: scales.centre([panel.values for panel in panels if panel.scale == name])
        for name in {panel.scale for panel in panels}
    }
    layout |= {name: scale.axis for name, scale in found.items()}
    for index, (panel, domain) in enumerate(zip(panels, domains, strict=True), 2):
        layout[f"yaxis{index}"] = row_axis(panel, comparison.a, domain=domain)
        layout["annotations"] += [
            themes.text(
                f"<b>{panel.name}</b> {panel.title}", x=0, y=domain[1], xanchor="left", yanchor="bottom"
            ),
            themes.text(found[panel.scale].bar, x=1, y=domain[1], xanchor="right", yanchor="bottom"),
        ]
        row, column = level.hovered
        unit, step = ("%{y:d}", "%{x}") if level.is_exact else (row, _("step {t}").format(t=column))
        data += replace(level, rows=(0, panel.values.shape[1])).draw(
            panel.values.T,
            yaxis=f"y{index}",
            coloraxis=panel.scale,
            hovertemplate=f"<b>{panel.name}[{unit}]</b> a − b = %{{z:.4g}}<br>{step}<extra></extra>",
        )
    return data


def _draw_kernels(
    kernels: list[_Kernel], domain: list[float], first: int, layout: dict[str, Any]
) -> list[dict[str, Any]]:
    """The kernels side by side on axes of their own, from y axis `first` on; adds what they need to `layout`."""
    data: list[dict[str, Any]] = []
    share, gap = 1 / len(kernels), 0.03
    for index, kernel in enumerate(kernels):
        x, y = f"x{index + 2}", f"y{first + index}"
        (rows, columns), cell = kernel.values.shape, kernel.cell
        left, right = (
            index * share + gap / 2 * (index > 0),
            (index + 1) * share - gap / 2 * (index < len(kernels) - 1),
        )
        named = {
            row: name for row, name in enumerate(row_names(cell)) if row in (0, cell.input_size, rows - 1)
        }
        borders = (cell.input_size,), range(cell.num_units, columns, cell.num_units)
        level = levels.fit((0, rows), (0, columns), *borders, exact=_EXACT, most=_TILES)
        layout[f"xaxis{index + 2}"] = themes.axis(
            **names_axis(column_names(cell) if level.is_exact else None), anchor=y,
            domain=[left, right], range=[-0.5, columns - 0.5], showticklabels=False,
        )  # fmt: skip
        layout[f"yaxis{first + index}"] = themes.axis(
            **names_axis(row_names(cell) if level.is_exact else None), anchor=x,
            domain=domain, range=[rows - 0.5, -0.5], showticklabels=not index,
            tickvals=list(named), ticktext=list(named.values()),
        )  # fmt: skip
        layout["shapes"].append(_blocks(cell, x, y))
        layout["annotations"] += _name_blocks(kernel, x, y, left)
        numbers = _("row {row}, column {column}").format(row=level.hovered[0], column=level.hovered[1])
        place = "%{y} → %{x}" if level.is_exact else numbers
        data += level.draw(
            kernel.values,
            xaxis=x,
            yaxis=y,
            coloraxis=kernel.scale,
            hovertemplate=f"{kernel.letter}: {place}<br><b>%{{z:.4g}}</b><extra></extra>",
        )
    return data


def _blocks(cell: Cell, x: str, y: str) -> dict[str, Any]:
    """Lines between the gates' blocks, and between the rows of x and those of h."""
    rows, columns = cell.kernel.shape
    down = "".join(
        f"M{edge - 0.5},-0.5V{rows - 0.5}" for edge in range(cell.num_units, columns, cell.num_units)
    )
    return themes.lines(f"{down}M-0.5,{cell.input_size - 0.5}H{columns - 0.5}", xref=x, yref=y)


def _name_blocks(kernel: _Kernel, x: str, y: str, left: float) -> list[dict[str, Any]]:
    """The gates' letters above their blocks, and above them whose kernel it is."""
    top = {"yref": f"{y} domain", "y": 1, "yanchor": "bottom"}
    middle = (kernel.cell.num_units - 1) / 2
    shape = list(kernel.values.shape) if kernel.values.any() else "= 0"
    words = f"<b>{kernel.letter}</b> {shape}"
    return [
        themes.text(words, x=left, xanchor="left", yshift=18, **top),
        *(
            themes.text(gate.name, x=index * kernel.cell.num_units + middle, xref=x, **top)
            for index, gate in enumerate(kernel.cell.kind.gates)
        ),
    ]


def _level(tolerance: float) -> dict[str, Any]:
    """A dashed line at the tolerance."""
    line = {"color": themes.FONT["light"], "width": 1.5, "dash": "dash"}
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": "y",
        "y0": tolerance,
        "y1": tolerance,
        "line": line,
    }


def _on_axis(curves: list[_Curve], comparison: Comparison) -> np.ndarray:
    """What the axis of the distances has to hold: the tolerance too, that one sees how far it is."""
    return np.concatenate([[comparison.tolerance], *(curve.distances for curve in curves)])


def _time_axis(comparison: Comparison, last: int, narrow: dict[str, Any]) -> dict[str, Any]:
    """The steps that both have, at the foot of panel `last`; adds a phone's ticks to `narrow`."""
    one = comparison.a
    labels = one.sequence.labels[: len(comparison)]
    narrow |= {f"xaxis.{name}": value for name, value in time_ticks(labels, NARROW).items()}
    return themes.axis(
        anchor=f"y{last}",
        type="category",
        categoryorder="array",
        categoryarray=step_names(one)[: len(comparison)],
        range=[-0.5, max(len(comparison), 1) - 0.5],
        ticks="outside",
        ticklen=4,
        **time_ticks(labels, WIDE),
    )


# --- What is said ----------------------------------------------------------------------------------------------------


def _lay_out(comparison: Comparison, above: list[str], below: list[str], height: int) -> dict[str, Any]:
    """Title, sentences above and notes below, with the room that they take on a screen and on a phone."""
    title = _("a − b: {steps} steps × {units} units").format(
        steps=len(comparison), units=comparison.num_units
    )
    texts = [[_wrap(lines, room) for lines in (above, below)] for room in (_SCREEN, _PHONE)]
    (top, foot), (phone_top, phone_foot) = texts
    margins = [_TITLE + _HEADING + _LINE * len(t) for t in (top, phone_top)]
    bottoms = [_BOTTOM + _LINE * len(f) for f in (foot, phone_foot)]
    narrow = {
        "margin.t": margins[1],
        "margin.b": bottoms[1],
        "annotations[0].text": "<br>".join(phone_top),
        "annotations[1].text": "<br>".join(phone_foot),
    }
    place = {"x": 0, "xanchor": "left", "align": "left"}
    return themes.base_layout(title, height + margins[1] + bottoms[1]) | {
        "margin": {"l": _LEFT, "r": 8, "t": margins[0], "b": bottoms[0]},
        "hovermode": "x",
        "hoversubplots": "axis",
        "showlegend": True,
        "annotations": [
            themes.text("<br>".join(top), y=1, yanchor="bottom", yshift=_HEADING - 2, **place),
            themes.text("<br>".join(foot), y=0, yanchor="top", xshift=8 - _LEFT, yshift=-24, **place),
        ],
        "meta": {"narrow": narrow},
    }


def _above(comparison: Comparison, found: Parting | None) -> list[str]:
    return [
        f"<b>{themes.escape(say_parting(comparison, found))}</b>",
        themes.escape(say_settings(comparison)),
    ]


def _below(comparison: Comparison, panels: list[Panel], kernels: list[_Kernel]) -> list[str]:
    notes = list(comparison.left_out)
    if comparison.input_parting is not None:
        notes.append(_("Their inputs differ, from step {t} on.").format(t=comparison.input_parting))
    if not _find_level(panels, comparison).is_exact or any(kernel.values.size > _EXACT for kernel in kernels):
        notes.append(_("a cell stands for several numbers, and shows the one farthest from 0"))
    arrays = [*(panel.values for panel in panels), *(kernel.values for kernel in kernels)]
    return [*notes, *scales.name_nonfinite(arrays)]


def _say_scales(found: dict[str, scales.Scale]) -> list[str]:
    words = {_KERNELS: _("kernels a and b"), _CHANGES: _("kernel a − b")}
    return [f"{scale.bar} {words[name]}" for name, scale in found.items()]


def _say_between(
    kernel_scales: dict[str, scales.Scale],
    comparison: Comparison,
    domains: list[list[float]],
    legends: list[int],
    layout: dict[str, Any],
) -> None:
    """Adds to `layout` the scales below the kernels, and heading and legend of the distances."""
    words = _("<b>largest |a − b|</b> of all units at each step")
    short = _("<b>largest |a − b|</b> at each step")
    if comparison.tolerance:
        dashed = _(", dashed: {tolerance}").format(tolerance=scales.write(comparison.tolerance))
        words, short = words + dashed, short + dashed
    place = {"x": 0, "xanchor": "left", "align": "left", "yanchor": "bottom"}
    said = "<br>".join(_say_scales(kernel_scales))
    place_below = {**place, "y": domains[0][0], "yanchor": "top", "yshift": -2}
    index = len(layout["annotations"])
    layout["meta"]["narrow"] |= {
        f"annotations[{index}].text": short,
        f"annotations[{index}].yshift": legends[1],
    }
    layout["annotations"] += [
        themes.text(words, y=domains[1][1], yshift=legends[0], **place),
        themes.text(said, **place_below),
    ]
    layout["legend"] = {
        "orientation": "h", "x": 0, "xanchor": "left", "y": domains[1][1], "yref": "paper", "yanchor": "bottom",
        "tracegroupgap": 0, "bgcolor": "rgba(0,0,0,0)",
    }  # fmt: skip


def _wrap(texts: list[str], room: int) -> list[str]:
    """Each text in lines of so many pixels, broken between words, or between letters that are as wide as high."""
    lines: list[str] = []
    for text in texts:
        line, used = "", 0.0
        for word in re.findall(r"<[^>]*>|[^\s<\u2e80-\uffef]+\s*|.\s*", text):
            needed = 0 if word.startswith("<") else _LETTER * sum(map(width, word.rstrip()))
            if line and used + needed > room:
                lines.append(line.rstrip())
                line, used = "", 0.0
            line += word
            used += needed + _LETTER * (len(word) - len(word.rstrip()))
        lines.append(line)
    return lines


def _write_apart(a: float, b: float) -> tuple[str, str]:
    """Both numbers, with as many digits as it takes to tell them apart, at least three."""
    for digits in range(3, 18):
        written = scales.write(a, digits), scales.write(b, digits)
        if written[0] != written[1]:
            break
    return written
