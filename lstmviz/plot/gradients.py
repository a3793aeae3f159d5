"""How far back a cell remembers: gradients over time, and their norms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes
from lstmviz.plot.curves import ENTRY, draw_curve, legend_rows, log_axis
from lstmviz.plot.names import state_title
from lstmviz.plot.over_time import (
    NARROW,
    TITLE,
    Recorded,
    row_axis,
    state_rows,
    step_names,
    time_axis,
)
from lstmviz.plot.panels import ABOVE, BELOW, Margins, Note, Panel, Row, Sheet, build, head, measure
from lstmviz.plot.unit_order import name_rows, order_of, put_in_order, rows_of
from lstmviz.plot.words import shorten
from lstmviz.run.trace import Gradients

_NORMS, _PANEL, _GAP, _TOP, _BOTTOM, _LINE = 170, 80, 27, 62, 34, 19  # pixels
_SCREEN = 560  # pixels of the legend on the smallest screen that is no phone
_SCALE = "coloraxis"


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of the norms: `norms` `[time]`, and how many steps before the last it has faded, if it has."""

    name: str
    norms: np.ndarray
    reach: int | None

    @property
    def words(self) -> str:
        """What the legend says of it."""
        if self.reach is not None:
            return _("{name}: fades to 1% in {steps} steps").format(name=self.name, steps=self.reach)
        if not self.norms.any():
            return _("{name}: 0 at every step").format(name=self.name)
        return _("{name}: does not fade to 1%").format(name=self.name)


def draw_gradients(found: tuple[Gradients, ...], order: Any = None) -> dict[str, Any]:
    """The plain dictionary of the gradients' figure; the first one's heatmaps have their units in an `order`, if one is given."""
    curves, first = draw_curves(found), found[0]
    trace = first.trace
    arrays = put_in_order(_arrays(found), order, trace.cell.num_units)
    scale = replace(scales.centre([one.values for one in arrays]), logarithmic=True)
    notes = [*_explain_colours(scale), *_name_zeros(curves, str(trace.cell.dtype))]
    notes += scales.name_nonfinite([*(one.values for one in arrays), *(other.x for other in found[1:])])
    # A phone's legend is the highest; on a screen, the panels take the room.
    legend, high_legend = (ENTRY * legend_rows([c.words for c in curves], room) for room in (_SCREEN, NARROW))
    margins = Margins(50, 8, _TOP + legend, _BOTTOM + _LINE * len(notes), phone_top=_TOP + high_legend)
    names = step_names(trace)[: len(first)]
    across, narrow = time_axis(trace, (0, len(first)), names)
    heading, short = _headings(found)
    above = Note(heading, ABOVE | {"yshift": legend}, {"text": short, "yshift": high_legend})
    rows = [Row([_draw_norms(curves, names)], _NORMS)]
    rows += [Row([_draw_heatmap(one, first, scale)], _PANEL, _GAP) for one in arrays]
    return build(
        Sheet(
            _("{kind} gradients: {steps} steps × {units} units").format(
                kind=trace.cell.kind.name, steps=len(first), units=trace.cell.num_units
            ),
            rows,
            margins,
            across=across,
            scales={_SCALE: scale},
            above=[above],
            below=[_foot(notes)],
            cell=trace.cell,
            steps=len(first),
            layout=_lay_out(measure(rows) + margins.height),
            # The title names the kind too: on a phone it begins at the edge, in a smaller font.
            narrow=narrow | {"title.xref": "container", "title.font.size": 12},
            order=order_of(arrays),
        )
    )


def _lay_out(height: int) -> dict[str, Any]:
    """Hover and legend of a figure that is so many pixels high."""
    return {
        "hovermode": "x",
        "hoversubplots": "axis",
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "yref": "container", "yanchor": "top",
                   "y": 1 - (_TOP - 2) / height, "tracegroupgap": 0, "bgcolor": "rgba(0,0,0,0)"},
    }  # fmt: skip


def draw_curves(found: tuple[Gradients, ...]) -> list[Curve]:
    """The norms of one's x and states; of several, each one's x.

    Raises:
        ValueError: there is none, or their steps differ.
    """
    _check(found)
    if len(found) == 1:
        reach = found[0].reach()
        return [Curve(name, norms, reach[name]) for name, norms in found[0].norms().items()]
    return [
        Curve(label, one.norms()["x"], one.reach()["x"])
        for label, one in zip(_labels(found), found, strict=True)
    ]


def _check(found: tuple[Gradients, ...]) -> None:
    if not found:
        raise ValueError(_("there are no gradients to draw; give at least one of what lv.gradients returns."))
    steps = {one.t for one in found}
    if len(steps) > 1:
        raise ValueError(
            _("t is {given}; gradients in one figure must be of the same step.").format(
                given=", ".join(map(str, sorted(steps)))
            )
        )


def _labels(found: tuple[Gradients, ...]) -> list[str]:
    """Each one's kind where they differ, with what sets it apart from the others of its kind; no two alike."""
    facts = [
        {"num_units": one.trace.cell.num_units, **one.trace.cell.options, "unit": one.unit} for one in found
    ]
    kinds = [one.trace.cell.kind.name for one in found]
    labels = []
    for kind, own in zip(kinds, facts, strict=True):
        alike = [other for other, name in zip(facts, kinds, strict=True) if name == kind]
        apart = [
            f"{name}={_write_option(own[name])}"
            for name in own
            if any(own[name] != other[name] for other in alike)
        ]
        of = [kind] if len(set(kinds)) > 1 or not apart else []
        labels.append(" ".join([*of, ", ".join(apart)]).strip())
    return [
        f"{label} ({labels[: index + 1].count(label)})" if labels.count(label) > 1 else label
        for index, label in enumerate(labels)
    ]


def _write_option(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _headings(found: tuple[Gradients, ...]) -> tuple[str, str]:
    """The words above the norms, and those for a phone."""
    h = f"h[{found[0].unit}]" if len({one.unit for one in found}) == 1 else "h"
    if len(found) == 1:
        words = _("<b>norm</b> of the gradient of {h} at step {t}").format(h=h, t=found[0].t)
        return words, words
    words = _("<b>norm</b> of the gradient of {h} at step {t} with respect to x").format(h=h, t=found[0].t)
    return words, _("<b>norm</b> of ∂{h} / ∂x, step {t}").format(h=h, t=found[0].t)


def _arrays(found: tuple[Gradients, ...]) -> list[Recorded]:
    """The first one's heatmaps; beside others, under its label."""
    one, label = found[0], _labels(found)[0] if len(found) > 1 else None
    arrays = [Recorded("x", label or one.trace.sequence.title, one.x, _SCALE, "input")]
    return arrays + [
        Recorded(name, label or state_title(one.trace.cell.kind, name), values, _SCALE, state_rows(name))
        for name, values in one.states.items()
    ]


def _draw_norms(curves: list[Curve], names: list[str]) -> Panel:
    """The norms are of no gate and no unit: they show a step alone."""
    axis = log_axis(np.concatenate([curve.norms for curve in curves]))
    return Panel(axis, _draw_lines(curves, names), linked=("", "step", ""))


def _draw_heatmap(one: Recorded, found: Gradients, scale: scales.Scale) -> Panel:
    slope = f"∂h[{found.unit}] / ∂{one.name}"
    drawn, row = rows_of(one), "%{y:d}]" if one.order is None else "%{text}"
    names = (
        {}
        if one.order is None
        else {"text": name_rows(one, range(drawn.shape[0]), range(drawn.shape[1]), (1, 1))}
    )
    data = scales.heatmap(
        drawn,
        coloraxis=_SCALE,
        hovertemplate=f"<b>∂{one.name}[{row}</b> %{{z:.4g}}<br>%{{x}}<extra></extra>",
        **names,
    )
    words = f"<b>{slope}</b> {shorten(one.title, TITLE - len(slope))}"
    notes = head(words, scale.bar, {"text": f"<b>{slope}</b>"})
    return Panel(
        row_axis(one, found.trace), data, notes, rows_apart=one.groups, linked=(one.name, "step", one.rows)
    )


def _draw_lines(curves: list[Curve], names: list[str]) -> list[dict[str, Any]]:
    """Each norm as a line, with a circle where it has faded."""
    data: list[dict[str, Any]] = []
    for index, curve in enumerate(curves):
        faded = None if curve.reach is None else len(names) - 1 - curve.reach
        data += draw_curve(curve.name, curve.words, curve.norms, names, index, faded, circle=(12, 2.5))
    return data


def _explain_colours(scale: scales.Scale) -> list[str]:
    return [
        _("Colours are logarithmic: one step along a bar is a factor of 100,"),
        _("and its middle is whatever is nearer to 0 than {least}").format(
            least=scales.write(scale.high / 10**themes.DECADES)
        ),
    ]


def _name_zeros(curves: list[Curve], dtype: str) -> list[str]:
    """Where a norm is 0, for no logarithmic axis shows it: in itself, or because `dtype` holds nothing as small."""
    notes = []
    for curve in curves:
        zeros = np.flatnonzero(curve.norms == 0)
        if zeros.size == 1:
            words = _("{name} is 0 at step {t}, so not on the log axis").format(name=curve.name, t=zeros[0])
            notes.append(words)
        elif zeros.size:
            words = _("{name} is 0 in {dtype} at {count:,} steps, so not on the log axis")
            notes.append(words.format(name=curve.name, dtype=dtype, count=zeros.size))
    return notes


def _foot(notes: list[str]) -> Note:
    return Note("<br>".join(notes), BELOW | {"xshift": -42, "yshift": -24}, {"font.size": 11})
