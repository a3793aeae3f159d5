"""What the paths below a strip of controls have in common: the strip, what gave way, a long run, what the pictures send back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lstmviz import language
from lstmviz.language import _
from lstmviz.run import has_tensorflow
from lstmviz.web import (
    address,
    controls,
    figure,
    fixed,
    parameters,
    pictures,
    reconnect,
    render,
    server,
    settle,
    size,
)
from lstmviz.web import notices as notices_of
from lstmviz.web import view as views
from lstmviz.web.draft import Drawn
from lstmviz.web.markup import escape
from lstmviz.web.progress import Overtaken, Progress, follow_tensorflow, tell_failure
from lstmviz.web.settle import Settled
from lstmviz.web.style import STYLE
from lstmviz.web.view import View

_RESTED = "has_rested"  # in the session's state: whether this run was asked for because what was moved rests


def draw(draw_content: Callable[[Settled], None]) -> None:
    """A path: what the address or the controls ask for, as `draw_content` shows it.

    Until TensorFlow is there the view that it gets is NumPy's to run.
    """
    sent = reconnect.sent_before()
    before, has_rested = st.session_state.get("view"), st.session_state.pop(_RESTED, False)
    settled = settle.settle(reconnect.numbers(sent))
    view = settled.view
    # A slider that is held is one entry of the browser's history: it says when the slider rests.
    is_moved = before is not None and before.num_units != view.num_units and is_slide(before, view)
    is_behind = is_moved and not has_rested and not address.went_to()
    if not is_behind:
        address.write(view)
    st.html(STYLE)
    with language.use(view.lang):
        engine = Drawn.WHILE_STARTING.engine if settled.is_early else ""
        draw_content(replace(settled, view=replace(view, engine=engine)))
        follow(view, _rest, is_behind)
    reconnect.replay(sent)
    if settled.is_early:
        follow_tensorflow()


def follow(view: View, on_rested: Callable[[], None] = lambda: None, is_behind: bool = False) -> None:
    """Has the browser say what is shown and pinned in the figures once they rest; see `figure.follow`."""
    pinned = {"t": view.t, "gate": view.gate, "unit": view.unit}
    figure.follow(pictures.name(view), pinned, pin, on_rested, is_behind)


def is_slide(before: View | None, view: View) -> bool:
    """Whether a view differs from the one before in no more than a slider changes."""
    return before is not None and replace(view, num_units=before.num_units, units=before.units) == before


def _rest() -> None:
    st.session_state[_RESTED] = True


def pin(sent: dict[str, Any]) -> None:
    """Takes what was pinned in a picture."""
    last = st.session_state["view"]
    st.session_state["view"] = fixed.hold(last, views.pinned(last, sent))


def draw_title(title: str, told: str) -> None:
    """The path's heading, and what it is for."""
    st.markdown("\n\n".join([f"## {title}", told]))


def draw_settings(settled: Settled) -> DeltaGenerator:
    """The strip, and below it what gave way; gives the place for notices."""
    view = settled.view
    fixed.draw_note()
    with st.container(horizontal=True, vertical_alignment="bottom", key="settings"):
        if not view.model:
            controls.draw_kind()
            with st.container(key="settings_size"):
                size.draw(number=2)
            controls.draw_input_size(view)
        controls.draw_sequence_choice()
        draw_more(settled)
    notices = st.container()
    for said in filter(None, (view.say_held(), view.say_edited())):
        notices.caption(escape(said))
    if server.has_failed() and has_tensorflow():
        notices.warning(tell_failure())
    notices_of.draw(settled.gave_way, settled.faults, notices)
    return notices


def draw_more(settled: Settled) -> None:
    """The controls that are behind a button."""
    view = settled.view
    if fixed.is_hidden(parameters.MORE):
        return
    with st.popover(_("More"), icon=":material/settings:"):
        controls.draw_language()
        if not view.model:
            controls.draw_options(view)
        controls.draw_sequence_options(view)
        controls.draw_reading(view)
        if not view.model:  # a trained layer is what it is
            controls.draw_linear(view)
        settle.draw_device(settled)


def run(settled: Settled, notices: DeltaGenerator) -> None:
    """Makes a long run, on its way in the place for notices: whatever is drawn of it afterwards finds it there."""
    if settled.sequence is None or settled.is_quick:
        return
    progress = Progress(notices, ends_early=settled.is_early)
    try:
        render.load_trace(settled.view, settled.sequence, settled.upload, progress)
    except Overtaken:
        size.rerun()
    progress.close()
