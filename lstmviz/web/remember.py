"""The section that asks how far back the cell remembers."""

from __future__ import annotations

import streamlit as st

from lstmviz.language import _
from lstmviz.sequences import Sequence
from lstmviz.web import figure, render, sections
from lstmviz.web import view as views
from lstmviz.web.markup import escape
from lstmviz.web.render import Upload
from lstmviz.web.view import View


def draw(view: View, sequence: Sequence, upload: Upload | None) -> None:
    """The section: its switches, and the picture if it is switched on."""
    sections.write(
        _("How far back does it remember?"),
        _(
            "The gradient of one unit's `h` with respect to every earlier {names}: where it has faded, what happened "
            "there no longer matters. Left of the last step, a line that falls straight on the logarithmic axis is a memory "
            "that fades at the same rate at every step: the **vanishing gradient**."
        ).format(names=", ".join(f"`{name}`" for name in ("x", *view.kind.states))),
        _("An LSTM's `c` fades as slowly as its forget gate stays open.")
        if view.cell in ("BasicLSTMCell", "LSTMCell", "CoupledInputForgetGateLSTMCell")
        else "",
    )
    switch, other = st.columns(2)
    switch.toggle(_("gradients over time"), key="gradients")
    if not view.gradients:
        return
    if not view.model:  # beside a trained layer, one that is not would mislead
        other.toggle(_("beside a {kind}").format(kind=views.contrast(view)), key="contrast")
    try:
        t, unit = render.asked_gradient(view, sequence)
        picture = render.gradients_picture(view, sequence, upload)
    except ValueError as error:
        st.warning(escape(str(error)))
        return
    figure.figure(picture.figure, key="gradients_figure", alt=picture.alternative)
    st.caption(
        _(
            "Of `h[{unit}]` at step {t}: click another unit or step in a picture above to ask about it."
        ).format(unit=unit, t=t)
        if view.t is not None or view.unit is not None
        else _(
            "Of `h[{unit}]` at the last step, {t}: click a unit and a step in a picture above to ask about them."
        ).format(unit=unit, t=t)
    )
