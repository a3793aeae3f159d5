"""Explore: one screen, the controls in a strip, everything else on the stage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from lstmviz import language
from lstmviz.language import _
from lstmviz.run import has_tensorflow
from lstmviz.web import (
    address,
    controls,
    fixed,
    frame,
    lessons,
    models,
    notices,
    parameters,
    reconnect,
    server,
    settle,
    size,
    stage,
    trained,
    trainer,
)
from lstmviz.web import view as views
from lstmviz.web.draft import Drawn
from lstmviz.web.markup import escape
from lstmviz.web.paths import names
from lstmviz.web.progress import follow_tensorflow, tell_failure
from lstmviz.web.settle import Settled
from lstmviz.web.view import View

_GO_TO = "go_to"  # in the session's state: the path that was asked for on the stage


def draw() -> None:
    """The path."""
    if "view" not in st.session_state:
        # A link may ask for what another path shows; older ones do.
        path = views.home(st.query_params.to_dict())
        if path != names.EXPLORE:
            st.switch_page(st.session_state["paths"][path], query_params=address.every_parameter())
    draw_screen()


def draw_screen(mode: str = "") -> None:
    """The screen; with a lesson at its left, and nothing else, where `mode` says so, see `stage.draw`."""
    sent = reconnect.sent_before()
    settled = settle.settle(reconnect.numbers(sent))
    view = settled.view
    _go(view)
    address.write(view)
    with language.use(view.lang):
        if mode == "present":
            fixed.draw_note(alone=True)
        else:
            _draw_strip(settled)
    st.session_state["settled"] = settled
    _draw_on_stage(mode)
    reconnect.replay(sent)
    if settled.is_early:
        follow_tensorflow()


@st.fragment
def _draw_on_stage(mode: str) -> None:
    """The stage and what it has to say; what is moved on it draws this part alone."""
    settled = st.session_state.pop("settled", None)
    if settled is None:
        before = st.session_state["shown"]
        settled = settle.settle()
        _go(settled.view)
        sizes = {"num_units": before.num_units, "units": before.units, "input_size": before.input_size}
        if replace(settled.view, **sizes).unpinned != before.unpinned:
            st.session_state["problems"] = settled.gave_way  # the strip has to show it too
            size.rerun()
        address.write(settled.view)
    st.session_state["shown"] = view = settled.view
    with language.use(view.lang):
        if server.has_failed() and has_tensorflow():
            st.warning(tell_failure())
        notices.draw(settled.gave_way, settled.faults)
        lesson = _load_lesson(view) if mode or view.room else None
        if settled.sequence and stage.can_show(view, len(settled.sequence)):
            shown = replace(view, engine=Drawn.WHILE_STARTING.engine) if settled.is_early else view
            # A lesson is of a cell as it is built: its bias is zeros, its gates are open halfway, no trained one's edits are in it.
            aside = ""
            if mode and not view.follows:
                aside = _say_untrained(view)
                edit = parameters.NOTHING if shown.initial_weights == trained.TRAINED else shown.edit
                shown = replace(shown, initial_weights=trained.drawn_as(shown), edit=edit)
            offer = None if mode or view.room else trainer.offer(shown)
            stage.draw(shown, settled.upload, _move, lesson, mode, offer, aside)
        elif settled.sequence:
            st.info(_("This takes longer than a moment; in sections it is shown on its way."))
            st.page_link(st.session_state["paths"][names.DOCUMENT], label=_("In sections"))
            frame.follow(view)


def _say_untrained(view: View) -> str:
    """That a lesson has not the trained cell that the address asks for, where there is one."""
    if view.model or trained.base(view) is None:
        return ""
    return _("random weights, as built: the lesson is of these; Explore has the trained ones")


def _go(view: View) -> None:
    """To the path that was asked for on the stage, if one was: one entry of the browser's history, with what is shown there."""
    path = st.session_state.pop(_GO_TO, "")
    if path:
        address.set_out(view, path)
        st.switch_page(st.session_state["paths"][path])


def _load_lesson(view: View) -> dict[str, Any] | None:
    """What the browser draws the lesson from; None where its file is wrong, which is said."""
    try:
        lesson = lessons.load(view.lang)
    except ValueError as error:
        st.error(escape(str(error)))
        return None
    for problem in lessons.missing(lesson, view):
        st.warning(escape(problem))
    return lessons.tell(lesson, lessons.step_of(lesson, view))


def _draw_strip(settled: Settled) -> None:
    view = settled.view
    fixed.draw_note()
    with st.container(horizontal=True, vertical_alignment="bottom", key="strip"):
        if view.layer:
            st.page_link(st.session_state["paths"][names.MODEL], label=_("My model"))
        if not view.model:
            controls.draw_kind()
        controls.draw_sequence_choice()
        frame.draw_more(settled)


def _move(sent: dict[str, Any]) -> None:
    last = st.session_state["view"]
    address.hear_move()
    if trainer.is_asked(given := stage.asked(sent)):
        st.session_state["view"] = view = trainer.obey(last, given)
        controls.write(view)
        return
    view = stage.moved(last, sent)
    if not view.follows:
        view = fixed.hold(last, view)
    st.session_state["view"] = view
    # What the browser goes by: whether the script has heard of the last that it was told.
    st.session_state["followed"] = {
        name: sent[name] for name in ("turn", "heard") if isinstance(sent.get(name), int)
    }
    if sent.get("go") in (names.COMPARE, names.LEARN, names.MEMORY, names.PRESENT):
        st.session_state[_GO_TO] = sent["go"]
    is_other = "cell" in stage.asked(sent) and "cell" not in last.lock
    if (is_other or (last.model and not view.model)) and st.session_state.get("model"):
        models.leave()
    controls.write(view)
