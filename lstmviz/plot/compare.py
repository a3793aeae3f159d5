"""Two runs beside each other: their kernels, and how far apart they are over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.plot import levels
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes
from lstmviz.plot.curves import ENTRY, draw_curve, legend_rows, log_axis
from lstmviz.plot.names import (
    borders,
    column_groups,
    column_names,
    gate_title,
    row_groups,
    row_names,
    state_title,
)
from lstmviz.plot.over_time import (
    NARROW,
    SHORT_TITLE,
    TITLE,
    WIDE,
    Recorded,
    row_axis,
    state_rows,
    step_names,
    time_axis,
)
from lstmviz.plot.panels import (
    ABOVE,
    BELOW,
    Margins,
    Note,
    Panel,
    Row,
    Sheet,
    Span,
    build,
    head,
    share_height,
)
from lstmviz.plot.ticks import edges, names_axis
from lstmviz.plot.unit_order import groups_apart, name_rows, order_of, put_in_order, rows_of
from lstmviz.plot.words import brief, shorten, wrap
from lstmviz.run.compare import Comparison, Parting

_ROW, _LEAST, _MOST = 12, 110, 300  # pixels of a kernel's row, and of its height
_CURVES, _PANEL, _GAP, _LINE = 150, 70, 25, 19  # pixels
_BETWEEN = 0.03  # of the width, between two kernels
_TITLE, _HEADING, _BOTTOM, _LEFT = 34, 42, 34, 50  # pixels
_SCREEN, _PHONE = 560, 300  # pixels of a line of text
_EXACT = 200_000  # numbers of a kernel, or of all differences, that are shown one by one
_TILES = (100, 200)  # beyond that, rows and columns of tiles
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


def draw_compare(comparison: Comparison, values: str, order: Any = None) -> dict[str, Any]:
    """The plain dictionary of the comparison's figure; what differs over time has its units in an `order`, where one is given."""
    arrays, found = (
        put_in_order(_arrays(comparison, values), order, comparison.num_units),
        comparison.parting(values),
    )
    curves = [_Curve(one.name, _distances(one.values)) for one in arrays]
    kernels, kernel_scales = _kernels(comparison), _kernel_scales(comparison)
    level, scale_of = _find_level(arrays, comparison), _scales(arrays)
    names = step_names(comparison.a)[: len(comparison)] if level.is_exact else None
    across, narrow = time_axis(comparison.a, (0, len(comparison)), names)
    legends = [ENTRY * legend_rows([curve.words for curve in curves], room) for room in (WIDE, NARROW)]
    rows = [
        *([Row(list(_draw_kernels(kernels, kernel_scales)), _kernel_height(kernels))] if kernels else []),
        Row(
            [_draw_distances(curves, comparison, names, found, legends)],
            _CURVES,
            _HEADING + legends[1] + _LINE * len(kernel_scales),
        ),
        *(
            Row([_draw_difference(one, level, comparison, scale_of[one.scale])], _PANEL, _GAP)
            for one in arrays
        ),
    ]
    is_ordered = order_of(arrays) is not None
    texts = _above(comparison, found), _below(comparison, arrays, kernels, is_ordered=is_ordered)
    margins, above, below = _lay_out(*texts)
    return build(
        Sheet(
            _("a − b: {steps} steps × {units} units").format(
                steps=len(comparison), units=comparison.num_units
            ),
            rows,
            margins,
            across=across,
            columns_apart=[found.t] if found else [],
            scales=kernel_scales | scale_of,
            above=[above],
            below=[below],
            cell=min((comparison.a.cell, comparison.b.cell), key=lambda cell: cell.num_units),
            steps=len(comparison),
            layout=_legend(share_height(rows)[1]),
            narrow=narrow,
            order=order_of(arrays),
        )
    )


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
    if comparison.other_weights and not comparison.holds_others:
        return _("{kind}, a and b differ in their weights alone: {names}").format(
            kind=kind, names=", ".join(comparison.other_weights)
        )
    if comparison.holds_others:
        return _("{kind}, a and b differ in what is held of {names} alone").format(
            kind=kind, names=", ".join(comparison.a.clamp)
        )
    return _("{kind}, a and b have the same settings and weights").format(kind=kind)


# --- What is drawn ---------------------------------------------------------------------------------------------------


def _arrays(comparison: Comparison, values: str) -> list[Recorded]:
    """The differences of gates and states, in the order of computation."""
    gates = {gate.name: gate_title(gate) for gate in comparison.a.cell.kind.gates}
    return [
        Recorded(name, gates[name], array.astype(np.float32), _GATES, "unit")
        if name in comparison.a.gates
        else Recorded(
            name,
            state_title(comparison.a.cell.kind, name),
            array.astype(np.float32),
            _STATES,
            state_rows(name),
        )
        for name, array in comparison.shown(values).items()
    ]


def _distances(values: np.ndarray) -> np.ndarray:
    distances: np.ndarray = np.abs(values).max(axis=1, initial=0)
    return distances


def _kernels(comparison: Comparison) -> list[_Kernel]:
    a, b = comparison.a.cell, comparison.b.cell
    kernels = [
        _Kernel(letter, cell, cell.kernel, _KERNELS) for letter, cell in (("a", a), ("b", b)) if cell.rows
    ]
    if comparison.kernel_difference is not None:
        scale = _CHANGES if comparison.kernel_difference.any() else _KERNELS
        kernels.append(_Kernel("a − b", a, comparison.kernel_difference.astype(np.float32), scale))
    return kernels


def _kernel_scales(comparison: Comparison) -> dict[str, scales.Scale]:
    """One scale for both kernels, and one for their difference where there is any."""
    kernels = [cell.kernel for cell in (comparison.a.cell, comparison.b.cell) if cell.rows]
    found = {_KERNELS: scales.centre(kernels)} if kernels else {}
    if comparison.kernel_difference is not None and comparison.kernel_difference.any():
        found[_CHANGES] = scales.centre([comparison.kernel_difference])
    return found


def _scales(arrays: list[Recorded]) -> dict[str, scales.Scale]:
    """One scale for all gates, and one for all states."""
    return {
        name: scales.centre([one.values for one in arrays if one.scale == name])
        for name in {one.scale for one in arrays}
    }


def _kernel_height(kernels: list[_Kernel]) -> int:
    return int(np.clip(max(kernel.values.shape[0] for kernel in kernels) * _ROW, _LEAST, _MOST))


def _draw_distances(
    curves: list[_Curve],
    comparison: Comparison,
    names: list[str] | None,
    found: Parting | None,
    legends: list[int],
) -> Panel:
    """How far apart the runs are at most, step by step, below a heading and the legend, which has two heights."""
    words = _("<b>largest |a − b|</b> of all units at each step")
    short = _("<b>largest |a − b|</b> at each step")
    if comparison.tolerance:
        dashed = _(", dashed: {tolerance}").format(tolerance=scales.write(comparison.tolerance))
        words, short = words + dashed, short + dashed
    return Panel(
        log_axis(_on_axis(curves, comparison)),
        _draw_curves(curves, list(range(len(comparison))) if names is None else names, found),
        head(words, narrow={"text": short, "yshift": legends[1]}, align="left", yshift=legends[0]),
        level=comparison.tolerance if comparison.tolerance and len(comparison) else None,
    )


def _draw_curves(curves: list[_Curve], steps: list[Any], found: Parting | None) -> list[dict[str, Any]]:
    """Each distance as a line, with a circle where the runs first part."""
    data: list[dict[str, Any]] = []
    for index, curve in enumerate(curves):
        marked = found.t if found and found.name == curve.name else None
        data += draw_curve(curve.name, curve.words, curve.distances, steps, index, marked, circle=(14, 3))
    return data


def _find_level(arrays: list[Recorded], comparison: Comparison) -> levels.Level:
    """How finely the differences are shown: all have the same tiles."""
    units = max((one.values.shape[1] for one in arrays), default=0)
    exact = _EXACT // max(1, len(arrays))
    return levels.fit((0, units), (0, len(comparison)), (), (), exact=exact, most=_TILES)


def _draw_difference(
    one: Recorded, level: levels.Level, comparison: Comparison, scale: scales.Scale
) -> Panel:
    row, column = level.hovered
    unit, step = ("%{y:d}", "%{x}") if level.is_exact else (row, _("step {t}").format(t=column))
    unit = f"{unit}]" if one.order is None else "%{text}"
    data = replace(level, rows=(0, one.values.shape[1])).draw(
        rows_of(one),
        names=None if one.order is None else partial(name_rows, one),
        coloraxis=one.scale,
        hovertemplate=f"<b>{one.name}[{unit}</b> a − b = %{{z:.4g}}<br>{step}<extra></extra>",
    )
    narrow = {"text": f"<b>{one.name}</b> {brief(one.title, SHORT_TITLE)}"}
    notes = head(f"<b>{one.name}</b> {shorten(one.title, TITLE)}", scale.bar, narrow)
    return Panel(
        row_axis(one, comparison.a),
        data,
        notes,
        rows_apart=groups_apart(one, _PANEL, (0, one.values.shape[1])),
        linked=(one.name, "step", one.rows),
    )


def _draw_kernels(kernels: list[_Kernel], kernel_scales: dict[str, scales.Scale]) -> Iterator[Panel]:
    """The kernels side by side, each on axes of its own; below the first are the scales of all."""
    share = 1 / len(kernels)
    for index, kernel in enumerate(kernels):
        left = index * share + (_BETWEEN / 2 if index else 0)
        right = (index + 1) * share - (_BETWEEN / 2 if index < len(kernels) - 1 else 0)
        panel = _draw_kernel(kernel, (left, right), is_first=not index)
        if not index:
            said = Note("<br>".join(_say_scales(kernel_scales)), BELOW | {"yshift": -2})
            panel = replace(panel, notes=[*panel.notes, said])
        yield panel


def _draw_kernel(kernel: _Kernel, span: Span, is_first: bool) -> Panel:
    (rows, columns), cell = kernel.values.shape, kernel.cell
    parts = borders(row_groups(cell)), borders(column_groups(cell))
    named = {row: name for row, name in enumerate(row_names(cell)) if row in (0, *parts[0], rows - 1)}
    level = levels.fit((0, rows), (0, columns), *parts, exact=_EXACT, most=_TILES)
    numbers = _("row {row}, column {column}").format(row=level.hovered[0], column=level.hovered[1])
    place = "%{y} → %{x}" if level.is_exact else numbers
    data = level.draw(
        kernel.values,
        coloraxis=kernel.scale,
        hovertemplate=f"{kernel.letter}: {place}<br><b>%{{z:.4g}}</b><extra></extra>",
    )
    across = names_axis(column_names(cell) if level.is_exact else None)
    down = names_axis(row_names(cell) if level.is_exact else None)
    return Panel(
        themes.axis(**down, range=edges((0, rows))[::-1], showticklabels=is_first,
                    tickvals=list(named), ticktext=list(named.values())),
        data,
        _name_blocks(kernel),
        across=themes.axis(**across, range=edges((0, columns)), showticklabels=False),
        span=span,
        rows_apart=parts[0],
        columns_apart=parts[1],
    )  # fmt: skip


def _name_blocks(kernel: _Kernel) -> list[Note]:
    """The gates' letters above their blocks, and above them whose kernel it is."""
    shape = list(kernel.values.shape) if kernel.values.any() else "= 0"
    return [
        *head(f"<b>{kernel.letter}</b> {shape}", yshift=18),
        *(
            Note(letter, {"x": start + (length - 1) / 2, "xref": "x", "y": 1, "yanchor": "bottom"})
            for letter, start, length in column_groups(kernel.cell)
        ),
    ]


def _on_axis(curves: list[_Curve], comparison: Comparison) -> np.ndarray:
    """What the axis of the distances has to hold: the tolerance too, that one sees how far it is."""
    return np.concatenate([[comparison.tolerance], *(curve.distances for curve in curves)])


# --- What is said ----------------------------------------------------------------------------------------------------


def _lay_out(above: list[str], below: list[str]) -> tuple[Margins, Note, Note]:
    """Sentences above and notes below, with the room that they take on a screen and on a phone."""
    (top, foot), (phone_top, phone_foot) = (
        [wrap(lines, room) for lines in (above, below)] for room in (_SCREEN, _PHONE)
    )
    tops = [_TITLE + _HEADING + _LINE * len(lines) for lines in (top, phone_top)]
    bottoms = [_BOTTOM + _LINE * len(lines) for lines in (foot, phone_foot)]
    margins = Margins(_LEFT, 8, tops[0], bottoms[0], phone_top=tops[1], phone_bottom=bottoms[1])
    place = ABOVE | {"align": "left", "yshift": _HEADING - 2}
    under = BELOW | {"xshift": 8 - _LEFT, "yshift": -24}
    return (
        margins,
        Note("<br>".join(top), place, {"text": "<br>".join(phone_top)}),
        Note("<br>".join(foot), under, {"text": "<br>".join(phone_foot)}),
    )


def _legend(curves: Span) -> dict[str, Any]:
    """Hover, and the legend above the curves, which have this share of the height."""
    return {
        "hovermode": "x",
        "hoversubplots": "axis",
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": curves[1], "yref": "paper",
                   "yanchor": "bottom", "tracegroupgap": 0, "bgcolor": "rgba(0,0,0,0)"},
    }  # fmt: skip


def _above(comparison: Comparison, found: Parting | None) -> list[str]:
    return [
        f"<b>{themes.escape(say_parting(comparison, found))}</b>",
        themes.escape(say_settings(comparison)),
    ]


def _below(
    comparison: Comparison, arrays: list[Recorded], kernels: list[_Kernel], *, is_ordered: bool
) -> list[str]:
    notes = list(comparison.left_out)
    if comparison.input_parting is not None:
        notes.append(_("Their inputs differ, from step {t} on.").format(t=comparison.input_parting))
    if is_ordered and kernels:
        notes.append(
            _("The units over time are in another order; the kernels are as they are stored, row by row.")
        )
    if not _find_level(arrays, comparison).is_exact or any(kernel.values.size > _EXACT for kernel in kernels):
        notes.append(_("a cell stands for several numbers, and shows the one farthest from 0"))
    shown = [*(one.values for one in arrays), *(kernel.values for kernel in kernels)]
    return [*notes, *scales.name_nonfinite(shown)]


def _say_scales(found: dict[str, scales.Scale]) -> list[str]:
    words = {_KERNELS: _("kernels a and b"), _CHANGES: _("kernel a − b")}
    return [f"{scale.bar} {words[name]}" for name, scale in found.items()]


def _write_apart(a: float, b: float) -> tuple[str, str]:
    """Both numbers, with as many digits as it takes to tell them apart, at least three."""
    for digits in range(3, 18):
        written = scales.write(a, digits), scales.write(b, digits)
        if written[0] != written[1]:
            break
    return written
