"""How far back a cell remembers: gradients over time, and their norms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes
from lstmviz.plot.curves import DASHES, ENTRY, has_single_points, legend_rows, log_axis
from lstmviz.plot.link import link
from lstmviz.plot.panels import NARROW, TITLE, WIDE, Panel, row_axis, shorten, step_names, time_ticks
from lstmviz.run.trace import Gradients

_NORMS, _PANEL, _GAP, _TOP, _BOTTOM, _LINE = 170, 80, 27, 62, 34, 19  # pixels
_SCREEN = 560  # pixels of the legend on the smallest screen that is no phone
_DOTTED = 60  # up to so many steps each has its dot
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


def draw_gradients(found: tuple[Gradients, ...]) -> dict[str, Any]:
    """The plain dictionary of the gradients' figure."""
    curves, first = draw_curves(found), found[0]
    trace, panels = first.trace, _panels(found)
    height = _NORMS + len(panels) * (_PANEL + _GAP)
    scale = replace(scales.centre([panel.values for panel in panels]), logarithmic=True)
    notes = [*_explain_colours(scale), *_name_zeros(curves, str(trace.cell.dtype))]
    notes += scales.name_nonfinite([*(panel.values for panel in panels), *(other.x for other in found[1:])])
    margin, layout = {"l": 50, "r": 8, "t": _TOP, "b": _BOTTOM + _LINE * len(notes)}, _lay_out(found, curves)
    # A phone's legend is the highest; on a screen, the panels take the room.
    legend, high_legend = (ENTRY * legend_rows([c.words for c in curves], room) for room in (_SCREEN, NARROW))
    layout["height"] = height + margin["t"] + high_legend + margin["b"]
    layout["margin"] = margin | {"t": _TOP + legend}
    layout["meta"]["narrow"]["margin.t"] = _TOP + high_legend
    layout["legend"]["y"] = 1 - (_TOP - 2) / layout["height"]
    layout["annotations"][0]["yshift"] = legend
    layout["meta"]["narrow"]["annotations[0].yshift"] = high_legend
    layout |= {
        "xaxis": _time_axis(first, len(panels) + 1, layout["meta"]["narrow"]),
        "yaxis": log_axis(np.concatenate([curve.norms for curve in curves]), domain=[1 - _NORMS / height, 1]),
        _SCALE: scale.axis,
    }
    data = _draw_lines(curves, list(layout["xaxis"]["categoryarray"]))
    for index, panel in enumerate(panels):
        top = 1 - (_NORMS + _GAP + index * (_PANEL + _GAP)) / height
        layout[f"yaxis{index + 2}"] = row_axis(panel, trace, domain=[max(0.0, top - _PANEL / height), top])
        _head_panel(panel, first, top, scale, layout)
        data += scales.heatmap(
            panel.values.T,
            yaxis=f"y{index + 2}",
            coloraxis=_SCALE,
            hovertemplate=f"<b>∂{panel.name}[%{{y:d}}]</b> %{{z:.4g}}<br>%{{x}}<extra></extra>",
        )
    rows = {"x": "input", "h": "hidden"}
    linked = [
        ("x", f"y{n}", panel.name, "step", rows.get(panel.name, "unit")) for n, panel in enumerate(panels, 2)
    ]
    # The norms are of no gate and no unit: they show a step alone.
    layout["meta"]["link"] = link(trace.cell, [("x", "y", "", "step", ""), *linked], steps=len(first))
    layout["meta"]["narrow"][f"annotations[{len(layout['annotations'])}].font.size"] = 11
    layout["annotations"].append(_foot(notes))
    return {"data": data, "layout": layout}


def _lay_out(found: tuple[Gradients, ...], curves: list[Curve]) -> dict[str, Any]:
    """Title, heading and legend; the rest of the layout depends on the panels."""
    trace = found[0].trace
    title = _("{kind} gradients: {steps} steps × {units} units").format(
        kind=trace.cell.kind.name, steps=len(found[0]), units=trace.cell.num_units
    )
    heading, short = _headings(found)
    return themes.base_layout(title, 0) | {
        "hovermode": "x",
        "hoversubplots": "axis",
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "yref": "container", "yanchor": "top",
                   "tracegroupgap": 0, "bgcolor": "rgba(0,0,0,0)"},
        "annotations": [themes.text(heading, x=0, y=1, xanchor="left", yanchor="bottom")],
        # The title names the kind too: on a phone it begins at the edge, in a smaller font.
        "meta": {"narrow": {"annotations[0].text": short, "title.xref": "container", "title.font.size": 13}},
    }  # fmt: skip


def _time_axis(one: Gradients, last: int, narrow: dict[str, Any]) -> dict[str, Any]:
    """The steps up to `t`, at the foot of panel `last`; adds a phone's ticks to `narrow`."""
    labels = one.trace.sequence.labels[: len(one)]
    narrow |= {f"xaxis.{name}": value for name, value in time_ticks(labels, NARROW).items()}
    return themes.axis(
        anchor=f"y{last}",
        type="category",
        categoryorder="array",
        categoryarray=step_names(one.trace)[: len(one)],
        range=[-0.5, len(one) - 0.5],
        ticks="outside",
        ticklen=4,
        **time_ticks(labels, WIDE),
    )


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


def _panels(found: tuple[Gradients, ...]) -> list[Panel]:
    """The first one's heatmaps; beside others, under its label."""
    one = found[0]
    titles = {"x": one.trace.sequence.title, "c": _("cell state"), "h": _("hidden state, the output")}
    if len(found) > 1:
        titles = dict.fromkeys(titles, _labels(found)[0])
    return [
        Panel(name, titles.get(name, ""), values, _SCALE)
        for name, values in {"x": one.x, **one.states}.items()
    ]


def _draw_lines(curves: list[Curve], names: list[str]) -> list[dict[str, Any]]:
    """Each norm as a line, with a circle where it has faded."""
    data: list[dict[str, Any]] = []
    for index, curve in enumerate(curves):
        shown = np.isfinite(curve.norms) & (curve.norms > 0)
        dotted = len(names) <= _DOTTED or has_single_points(shown)
        colour = themes.LINES[index % len(themes.LINES)]
        data.append(
            {"type": "scatter", "mode": "lines+markers" if dotted else "lines", "x0": names[0],
             "y": np.where(shown, curve.norms, np.nan), "name": curve.words, "legendgroup": curve.name,
             "line": {"color": colour, "width": 2, "dash": DASHES[index % len(DASHES)]},
             "marker": {"color": colour, "size": 4},
             "hovertemplate": f"<b>{curve.name}</b> %{{y:.3g}}<extra></extra>"}
        )  # fmt: skip
        faded = None if curve.reach is None else len(names) - 1 - curve.reach
        if faded is not None and shown[faded]:
            data.append(
                {"type": "scatter", "mode": "markers", "x": [names[faded]], "y": [curve.norms[faded]],
                 "marker": {"symbol": "circle-open", "color": colour, "size": 12, "line": {"width": 2.5}},
                 "legendgroup": curve.name, "showlegend": False, "hoverinfo": "skip"}
            )  # fmt: skip
    return data


def _head_panel(
    panel: Panel, one: Gradients, top: float, scale: scales.Scale, layout: dict[str, Any]
) -> None:
    """Adds to `layout` what stands above a heatmap: of what it is, and its scale."""
    slope = f"∂h[{one.unit}] / ∂{panel.name}"
    words = f"<b>{slope}</b> {shorten(panel.title, TITLE - len(slope))}"
    layout["meta"]["narrow"][f"annotations[{len(layout['annotations'])}].text"] = f"<b>{slope}</b>"
    layout["annotations"] += [
        themes.text(words, x=0, y=top, xanchor="left", yanchor="bottom"),
        themes.text(scale.bar, x=1, y=top, xanchor="right", yanchor="bottom"),
    ]


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


def _foot(notes: list[str]) -> dict[str, Any]:
    return themes.text(
        "<br>".join(notes), x=0, y=0, xanchor="left", yanchor="top", align="left", xshift=-42, yshift=-24
    )
