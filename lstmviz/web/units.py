"""The section that ranks a cell's units: how long each keeps, how its gates saturate, how it answers, and what hangs on it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from lstmviz.language import _
from lstmviz.run.atlas import Atlas
from lstmviz.run.silence import Silenced
from lstmviz.sequences import Sequence
from lstmviz.web import figure, render, sections, trained
from lstmviz.web.cost import estimate
from lstmviz.web.fixed import hold
from lstmviz.web.render import Upload
from lstmviz.web.view import View

_KEY = "ranked_units"
_UNITS = "ranked_units_shown"  # in the session's state: the units of the table's rows
_LONGEST = 5.0  # seconds, by estimate, that every unit's own run may take together
_PROBED = 600  # steps of an atlas's own runs: 200 for a step, an impulse and a sine each


def draw(view: View, sequence: Sequence, upload: Upload | None) -> None:
    """The section."""
    sections.write(
        _("Which units are worth looking at?"),
        _(
            "One row a unit; a click on a column's head sorts by it, one on a row pins its unit. *Without it* is {what}, "
            "where this unit's `h` is held at 0; *half-life* how many steps it takes until half of what it holds is left "
            "(empty where nothing fades); *low* and *high* the share of steps at which a gate is within 0.1 of its ends. "
            "Behind them is how its `h` answers a step, an impulse and a sine of 20 steps: how much, after how many steps, and "
            "when it has settled (empty where it does not)."
        ).format(what=_say_without(view, sequence)),
    )
    if not len(sequence):
        return
    _draw_table(view, sequence, upload)
    _draw_saturation(view, sequence, upload)


def _say_without(view: View, sequence: Sequence) -> str:
    """What the units are ranked by."""
    asked = trained.asked(trained.find(view), sequence)
    if asked.get("loss"):
        return _("by how much the loss of this run rises, over all steps that have a right answer")
    if asked:
        return _("how much what the layer trained with it puts out after the last step changes")
    return _("how much `h` of the last step changes")


def _draw_saturation(view: View, sequence: Sequence, upload: Upload | None) -> None:
    """Karpathy's scatter: how often each unit's gates are at their ends in the run that is shown."""
    try:
        picture = render.saturation_picture(view, sequence, upload)
    except ValueError:  # no gate of it has ends
        return
    st.caption(
        _(
            "Each point is a unit, which a click pins: right, its gate is mostly at the lower end; up, mostly at the upper. A "
            "unit high up in `f` keeps nearly all that it holds; one at the right of `i` hardly writes."
        )
        if {"f", "i"} <= {gate.name for gate in view.kind.gates}
        else _(
            "Each point is a unit, which a click pins: right, its gate is mostly at the lower end; up, mostly at the upper."
        )
    )
    figure.figure(picture.figure, key="saturation", alt=picture.alternative)


def _draw_table(view: View, sequence: Sequence, upload: Upload | None) -> None:
    """A row a unit, or why there is none."""
    if view.held:
        st.info(
            _(
                "Units are ranked by runs of their own, in which nothing is held: let go of what is held first."
            )
        )
        return
    seconds = estimate(view, len(sequence)).run * view.num_units + estimate(view, _PROBED).run
    if seconds > _LONGEST:
        st.info(
            _(
                "A run without each of {units:,} units takes longer than {seconds:.0f} s here. In Python, `lv.silence` and "
                "`lv.atlas` have no such bound."
            ).format(units=view.num_units, seconds=_LONGEST)
        )
        return
    table = columns(*render.ranked_units(view, sequence, upload))
    _show_pinned(table, view.unit)
    st.dataframe(
        table,
        key=_KEY,
        hide_index=True,
        on_select=_pin,
        selection_mode="single-cell",
    )


def _show_pinned(table: dict[str, list[Any]], pinned: int | None) -> None:
    """Selects the pinned unit's row, in the column that was clicked last."""
    units = next(iter(table.values()))
    last = st.session_state.get(_KEY, {}).get("selection", {}).get("cells", [])
    column = last[0][1] if last and last[0][1] in table else next(iter(table))
    cells = [(units.index(pinned), column)] if pinned in units else []
    st.session_state[_KEY] = {"selection": {"rows": [], "columns": [], "cells": cells}}
    st.session_state[_UNITS] = units


def _pin() -> None:
    """Pins the unit whose row was clicked, as a click in any picture does."""
    cells, units = st.session_state[_KEY]["selection"]["cells"], st.session_state[_UNITS]
    view = st.session_state["view"]
    if cells and 0 <= cells[0][0] < len(units):
        st.session_state["view"] = hold(view, replace(view, unit=units[cells[0][0]]))


def columns(atlas: Atlas, silenced: Silenced) -> dict[str, list[Any]]:
    """The table: by what each column is called its numbers, a row a unit, the one on which most hangs first.

    A projected h has numbers of its own, none a unit's: then there is nothing of its answers.
    """
    names = {"step": _("a step"), "impulse": _("an impulse"), "sine": _("a sine")}
    size = atlas.trace.cell.num_units
    found: dict[str, Any] = {_("unit"): np.arange(size)}
    if len(silenced.units) == size:
        found[_("without it")] = silenced.changes
    if atlas.half_life is not None:
        found[_("half-life of {state}").format(state=atlas.state)] = atlas.half_life
    for gate, saturation in atlas.saturation.items():
        found[_("{gate} low").format(gate=gate)] = saturation.left
        found[_("{gate} high").format(gate=gate)] = saturation.right
    for part, name in names.items():
        response = getattr(atlas, part)
        if len(response.gain) == size:
            found[_("{input}: gain").format(input=name)] = response.gain
            found[_("{input}: delay").format(input=name)] = response.delay
            if part != "sine":  # which never settles
                found[_("{input}: settling").format(input=name)] = response.settling
    order = np.argsort(-silenced.changes) if len(silenced.units) == size else np.arange(size)
    return {name: [_plain(values[unit]) for unit in order] for name, values in found.items()}


def _plain(number: Any) -> float | int | None:
    """In three digits; none where it is no finite number, for no table sorts by others."""
    if isinstance(number, np.integer):
        return int(number)
    return float(f"{number:.3g}") if math.isfinite(number) else None
