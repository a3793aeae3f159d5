"""The section that asks how far back the cell remembers."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lstmviz.language import _
from lstmviz.sequences import Sequence
from lstmviz.web import figure, render, sections, trained
from lstmviz.web import view as views
from lstmviz.web.fixed import hold, offer
from lstmviz.web.markup import escape
from lstmviz.web.render import Upload
from lstmviz.web.view import View

_DRAWN = "asked_drawn"  # in the session's state: what the fields were drawn with, by their keys


def draw(view: View, sequence: Sequence, upload: Upload | None) -> None:
    """The section of the document: its switches, and the picture if it is switched on."""
    tell(view)
    switch, other = st.columns(2)
    offer(switch.toggle, "gradients")(_("gradients over time"))
    if not view.gradients:
        return
    if not view.model:  # beside a trained layer, one that is not would mislead
        offer(other.toggle, "contrast")(_("beside a {kind}").format(kind=views.contrast(view)))
    draw_gradients(view, sequence, upload)


def tell(view: View) -> None:
    """What there is to see."""
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


def draw_gradients(view: View, sequence: Sequence, upload: Upload | None) -> bool:
    """The picture, and what it is of; where there is none, why, and False."""
    try:
        t, unit = render.asked_gradient(view, sequence)
        picture = render.gradients_picture(view, sequence, upload)
    except ValueError as error:
        st.warning(escape(str(error)))
        return False
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
    return True


def draw_contrast(view: View, sequence: Sequence, upload: Upload | None) -> None:
    """The same of the other kind of cell, in a figure of its own, below what sets the two apart."""
    sections.write(_("Beside it: a {kind}").format(kind=views.contrast(view)))
    if view.model:
        st.caption(_("A cell with random weights beside a trained layer would mislead: none is shown."))
        return
    try:
        picture = render.contrast_picture(view, sequence, upload)
    except ValueError as error:
        st.warning(escape(str(error)))
        return
    st.markdown(
        f"{_say_beside(view, render.contrasted(view, sequence))} "
        + _("The norm of the gradient with respect to `x`, back from the same step: {curves}.").format(
            curves=escape(picture.curves)
        )
    )
    figure.figure(picture.figure, key="contrast_figure", alt=picture.alternative)


def _say_beside(view: View, other: View) -> str:
    """What the two have in common."""
    if not trained.base(view):
        return _("The same sizes, the same seed of the weights, the same sequence.")
    if trained.base(other):
        return _("The same sizes, the same sequence, and trained on it too.")
    return _(
        "The same sizes and the same sequence; its weights are random, for none of its kind was trained here."
    )


def draw_ledger(view: View, sequence: Sequence, upload: Upload | None) -> None:
    """What each step wrote of the state, for each state that can be told apart so; else why not."""
    sections.write(
        _("Which step wrote it?"),
        _(
            "The **ledger** says what the state *is* made of: what each step wrote, times all that was kept of it since, every "
            "gate being what it was; the **gradient** says what *would* change, the gates too."
        ),
        _(
            "A click in the triangle asks for the step of its **row**: its bars come above, and the step that wrote is marked."
        ),
    )
    states = render.ledger_states(view)
    for state in states or (None,):
        try:
            picture = render.ledger_picture(view, sequence, upload, state)
        except ValueError as error:
            st.info(escape(str(error)))
            return
        key = "ledger" if state in (None, states[0]) else f"ledger_{state}"
        figure.figure(picture.figure, key=key, alt=picture.alternative)


def draw_question(view: View, sequence: Sequence) -> None:
    """Which unit's `h`, and at which step."""
    last, outputs = len(sequence) - 1, int(dict(view.options).get("num_proj") or view.num_units)
    asked = {"asked_unit": min(view.unit or 0, outputs - 1), "asked_t": last if view.t is None else view.t}
    st.session_state.update(asked | {_DRAWN: asked})
    unit, step = st.columns(2)
    offer(unit.number_input, "unit", "asked_unit")(
        _("unit of h"),
        0,
        outputs - 1,
        on_change=_ask,
        args=("unit", "asked_unit"),
        help=_("Whose gradient is shown."),
    )
    offer(step.number_input, "t", "asked_t")(
        _("at step"),
        0,
        last,
        on_change=_ask,
        args=("t", "asked_t"),
        help=_("From which step back. A click in a picture below asks about its step and unit."),
    )


def _ask(name: str, widget: str) -> None:
    value = st.session_state[widget]
    # A field that was away for a run is new to Streamlit, which takes what stands in it for a change: nobody asked.
    if value is not None and value != st.session_state.get(_DRAWN, {}).get(widget):
        view = st.session_state["view"]
        st.session_state["view"] = hold(view, replace(view, **{name: value}))
