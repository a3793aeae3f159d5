"""Which step wrote what of one unit's state: the shares after one step, and after every step before it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lstmviz.equation.carry import find_carry
from lstmviz.language import _
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes
from lstmviz.plot.flow import write_with_letters
from lstmviz.plot.number import write
from lstmviz.plot.over_time import step_names, time_axis
from lstmviz.plot.panels import BELOW, Margins, Note, Panel, Row, Sheet, build, head
from lstmviz.plot.ticks import ends
from lstmviz.plot.words import wrap
from lstmviz.run.ledger import Ledger, ledger
from lstmviz.run.trace import Trace

MOST = 400
"""Steps of a triangle: 160,000 cells."""
_BLOCK = (
    MOST // 2
)  # steps, at the end of which the triangle of a longer run ends: a click within keeps what was clicked

_STRIP, _TRIANGLE, _TOP, _GAP, _BOTTOM, _LINE = 120, 320, 62, 46, 34, 17  # pixels
_LEFT, _ROOM = 62, 300  # pixels of the margin, and of a note's line on a phone
_NAMED = 3  # shares that a description names
_SCALE = "coloraxis"


@dataclass(frozen=True, eq=False)
class View:
    """A ledger as far as it is drawn.

    Attributes:
        found: The ledger of one unit after the step that is asked for.
        last: The same after the last step drawn.
        first: The first step drawn.
    """

    found: Ledger
    last: Ledger
    first: int

    @property
    def name(self) -> str:
        """How the number is written, `c[3]`."""
        return f"{self.found.state}[{self.found.unit}]"

    @cached_property
    def triangle(self) -> np.ndarray:
        """Each row's step's state as what each column's step wrote of it, `[shown, shown]`."""
        return self.last.over_time(self.first).T

    @property
    def shares(self) -> np.ndarray:
        """The shares after the step that is asked for, of the steps drawn."""
        return self.found.shares[self.first :]

    @property
    def sentence(self) -> str:
        """What the state is, and what of it no bar shows."""
        words = _("{name} is {value} after step {t}; of its initial state {initial} is left.").format(
            name=self.name,
            value=write(float(self.found.value)),
            t=self.found.t,
            initial=write(float(self.found.initial)),
        )
        if not self.first:
            return words
        earlier = float(self.found.shares[: self.first].sum())
        return f"{words} " + _("Steps 0 to {last}, which are not drawn, wrote {earlier} together.").format(
            last=self.first - 1, earlier=write(earlier)
        )


def draw_ledger(trace: Trace, unit: int, t: int | None, state: str | None) -> dict[str, Any]:
    """The plain dictionary of the ledger's figure."""
    view = view_ledger(trace, unit, t, state)
    triangle, steps = view.triangle, len(view.last)
    scale = scales.centre([triangle])
    said = [_explain(view), view.sentence, *scales.name_nonfinite([triangle])]
    notes, high_notes = ([*map(_mark_up, wrap(said, room))] for room in (_ROOM * 2, _ROOM))
    foot = Note(
        "<br>".join(notes),
        BELOW | {"xshift": 8 - _LEFT, "yshift": -24},
        {"text": "<br>".join(high_notes), "font.size": 11},
    )
    names = None if len(trace) > MOST else step_names(trace)
    across, narrow = time_axis(trace, (view.first, steps), names)
    rows = [
        Row([_draw_strip(view, names)], _STRIP),
        Row([_draw_triangle(view, scale)], _TRIANGLE, _GAP),
    ]
    return build(
        Sheet(
            _("{kind} ledger of {name}: {steps} steps").format(
                kind=trace.cell.kind.name, name=view.name, steps=steps
            ),
            rows,
            Margins(
                _LEFT, 8, _TOP, _BOTTOM + _LINE * len(notes), phone_bottom=_BOTTOM + _LINE * len(high_notes)
            ),
            across=across,
            scales={_SCALE: scale},
            below=[foot],
            cell=trace.cell,
            steps=steps,
            layout={"hovermode": "closest", "bargap": 0.1},
            narrow=narrow | {"title.xref": "container", "title.font.size": 12},
        )
    )


def view_ledger(trace: Trace, unit: int, t: int | None, state: str | None) -> View:
    """What a figure draws of a ledger: every step; where there are many, those up to the end of a block and some before."""
    found = ledger(trace, unit, t, state)
    last = len(trace) if len(trace) <= MOST else min(len(trace), (found.t // _BLOCK + 1) * _BLOCK)
    return View(found, ledger(trace, unit, last - 1, state), max(0, last - MOST))


def describe_ledger(trace: Trace, unit: int, t: int | None = None, state: str | None = None) -> str:
    """What the state is, which steps wrote most of it, and what is left of the initial one.

    Raises:
        NoLedger: a `ValueError`: the state is no sum of what earlier steps wrote.
        ValueError: there is no such unit, step or state.
    """
    view = view_ledger(trace, unit, t, state)
    shares = np.nan_to_num(np.abs(view.found.shares), nan=np.inf)
    most = sorted(np.argsort(-shares, kind="stable")[:_NAMED].tolist())
    said = ", ".join(
        _("step {t} {share}").format(t=step, share=write(float(view.found.shares[step]))) for step in most
    )
    return " ".join(
        [
            _(
                "The ledger of {name} of {kind}: what each step wrote of it, after step {t} as bars, and after every step as a "
                "triangle."
            ).format(name=view.name, kind=trace.cell.kind.name, t=view.found.t),
            view.sentence,
            _("The largest shares: {shares}.").format(shares=said),
        ]
    )


def _explain(view: View) -> str:
    """How a share is made, by the letters of the equation."""
    words = _("A share is what its step wrote, {written}, times each later {factor}.")
    equation = view.found.trace.cell.equation
    carry = find_carry(equation, view.found.state)
    parts = [carry.factor, *([] if carry.write is None else [carry.write])]
    (factor, *written), letters = write_with_letters(equation, *parts)
    words = words.format(written=themes.escape(*written or ["0"]), factor=themes.escape(factor))
    if letters:
        words = f"{words} " + _("Here {letters}.").format(letters=themes.escape(", ".join(letters)))
    count = int(np.count_nonzero(view.last.held))
    if not count:
        return words
    return f"{words} " + _(
        "Steps at which the run held {name}: {count}; what was held is what these wrote, and nothing from before them is left."
    ).format(name=view.name, count=count)


def _mark_up(line: str) -> str:
    """A line with the subscripts of formulas below it, in Plotly's markup; a variable's name stays as it is."""
    below = re.sub(r"_\{([^{}]*)\}|(?<=\b\w)_(\w)\b", r"<sub>\1\2</sub>", line)
    return below.replace("<sub>t-1</sub>", "<sub>t−1</sub>")


def _draw_strip(view: View, names: list[str] | None) -> Panel:
    shares = view.shares
    bars = {
        "type": "bar",
        # Without its name a bar stands nowhere.
        **(_place(view) if names is None else {"x": names[: len(view.found)]}),
        "y": shares,
        "marker": {"color": [themes.FALLS if share < 0 else themes.RISES for share in shares.tolist()]},
        "customdata": np.column_stack([view.found.writes, view.found.survival])[view.first :].tolist(),
        "hovertemplate": "<br>".join(
            [
                _("%{x} wrote %{y:.4g}"),
                _("(%{customdata[0]:.4g} then, of which %{customdata[1]:.1%} is left)"),
            ]
        )
        + "<extra></extra>",
    }
    axis = themes.axis(nticks=4, ticks="outside", ticklen=4, fixedrange=True, zeroline=True)
    words = _("<b>{name}</b> after step {t}: what each step wrote of it").format(
        name=view.name, t=view.found.t
    )
    notes = head(words, narrow={"text": f"<b>{view.name}</b>, t = {view.found.t}"})
    return Panel(axis | {"zerolinecolor": themes.NEUTRAL}, [bars], notes, linked=("", "written", ""))


def _draw_triangle(view: View, scale: scales.Scale) -> Panel:
    triangle = view.triangle
    drawn = scales.heatmap(
        triangle,
        **_place(view),
        y0=view.first,
        coloraxis=_SCALE,
        hovertemplate=_("after step %{y:d}, %{x} wrote %{z:.4g}") + "<extra></extra>",
    )
    # What was not written yet is no 0: there is no cell.
    drawn[0]["z"] = np.where(np.tri(len(triangle), dtype=bool), triangle, np.nan).astype(np.float32)
    named = _named(view)
    axis = themes.axis(
        range=[len(view.last) - 0.5, view.first - 0.5],
        tickvals=named,
        ticktext=[f"<b>t = {step}</b>" if step == view.found.t else f"t = {step}" for step in named],
        fixedrange=True,
    )
    words = _("<b>{name}</b> after every step, down").format(name=view.name)
    notes = head(words, scale.bar, {"text": f"<b>{view.name}</b>"})
    return Panel(axis, drawn, notes, linked=("", "written", "step"))


def _named(view: View) -> list[int]:
    """The rows that are named: the one that the bars are, and the first and the last where they are not too near."""
    asked, count = view.found.t, len(view.triangle)
    apart = _LINE * count / _TRIANGLE
    others = (view.first + place for place in ends(count))
    return sorted({asked, *(step for step in others if abs(step - asked) >= apart)})


def _place(view: View) -> dict[str, Any]:
    """Where the first column stands: Plotly counts names from 0."""
    return {"x0": view.first} if view.first else {}


__all__ = ["describe_ledger", "draw_ledger"]
