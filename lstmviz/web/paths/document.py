"""In sections: everything one below the other, for links from before there were paths and for who wants it in one piece."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lstmviz import language
from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.run import has_tensorflow
from lstmviz.sequences import Sequence
from lstmviz.web import (
    address,
    beside,
    controls,
    download_buttons,
    elsewhere,
    fixed,
    frame,
    origin,
    patterns,
    reconnect,
    remember,
    render,
    sections,
    server,
    settle,
    size,
    tables,
)
from lstmviz.web import notices as notices_of
from lstmviz.web.draft import Drawn
from lstmviz.web.progress import Overtaken, Progress, follow_tensorflow, tell_failure
from lstmviz.web.render import Upload
from lstmviz.web.settle import Settled
from lstmviz.web.style import STYLE
from lstmviz.web.view import View


def draw() -> None:
    """The page as a document, one section below the other."""
    sent = reconnect.sent_before()
    before = st.session_state.get("view")
    settled = settle.settle(reconnect.numbers(sent))
    if settled.is_quick or not frame.is_slide(before, settled.view):
        address.write(settled.view)
    with language.use(settled.view.lang):
        st.markdown(
            "# lstmviz\n"
            + _("What is inside a recurrent cell: build one, run it, and see where every number comes from.")
        )
        fixed.draw_note()
        with st.container(key="page"):
            left, right = st.columns([1, 3], gap="large")
        with left.container(key="controls"):
            controls.draw_language()
            controls.draw_cell(settled.view)
            controls.draw_sequence(settled.view)
            controls.draw_reading(settled.view)
            device = st.container()
        st.session_state["settled"] = settled
        with right:
            if settled.is_quick:
                _draw_stage_alone()
            else:
                _draw_stage()
            shown = replace(settled, view=st.session_state["view"])
            address.write(shown.view)
            _draw_rest(shown)
        with device:
            settle.draw_device(settled)
    st.html(STYLE)
    reconnect.replay(sent)
    if settled.is_early:
        follow_tensorflow()


def _draw_stage() -> None:
    """`num_units` and what it is first seen in."""
    settled = st.session_state.pop("settled", None)
    drawn = Drawn.AT_REST
    if settled is None:  # the slider alone was moved
        drawn = Drawn.AT_REST if server.has_failed() else Drawn.WHILE_HELD
        before = st.session_state["view"]
        settled = settle.settle()
        if not (frame.is_slide(before, settled.view) and settled.is_quick):
            # Something beside the pictures had to give way, and the other controls have to show it; or the run is long.
            st.session_state["problems"] = settled.gave_way
            size.rerun()
    if settled.is_early:
        drawn = Drawn.WHILE_STARTING
    view, sequence, gave_way = settled.view, settled.sequence, settled.gave_way
    with language.use(view.lang):
        notices = st.container()
        if not view.model:  # a file's layer has as many as it has
            size.draw()
        cell = render.load_cell(view)
        sections.layer(view, cell)
        sections.kernel(view, cell, sequence)
        if sequence:
            _draw_gates(settled, drawn, notices)
        if server.has_failed() and has_tensorflow():
            notices.warning(tell_failure())
        notices_of.draw(gave_way, settled.faults, notices)


_draw_stage_alone = st.fragment(_draw_stage)
"""The same where the pictures are there at once: a moved slider draws this part alone.

The fewer elements a run has, the sooner the browser shows them; the rest of the page follows when the slider rests. No
control ends such a run, so a long one is no fragment.
"""


def _draw_gates(settled: Settled, drawn: Drawn, notices: DeltaGenerator) -> None:
    assert settled.sequence is not None
    view = replace(settled.view, engine=drawn.engine)
    progress = Progress(notices, ends_early=drawn is Drawn.WHILE_STARTING)
    try:
        picture = render.run_picture(view, settled.sequence, settled.upload, progress)
    except Overtaken:
        size.rerun()
    progress.close()
    sections.gates(view, settled.sequence, picture, settled.upload, drawn)


def _draw_rest(settled: Settled) -> None:
    view, sequence = settled.view, settled.sequence
    cell = render.load_cell(view)
    controls.draw_picture(view)
    if sequence:
        drawn = replace(view, engine=Drawn.WHILE_STARTING.engine) if settled.is_early else view
        sections.summary(drawn, sequence, settled.upload)
        sections.taken_apart(drawn, sequence, settled.upload)
    sections.step(view, cell)
    # What can be taken along, and what TensorFlow alone can do, waits for it.
    if sequence and not settled.is_early:
        _draw_at_rest(view, cell, sequence, settled.upload)
    frame.follow(view)


def _draw_at_rest(view: View, cell: Cell, sequence: Sequence, upload: Upload | None) -> None:
    """The sections that say of a run what it is, prove it or hand it over."""
    remember.draw(view, sequence, upload)
    patterns.draw(view, sequence, upload)
    beside.draw(view, sequence, upload, render.device_names())
    if not view.model:  # a trained layer is what it is
        sections.linear(view, cell, render.run_picture(view, sequence, upload))
    sections.code(view, cell, sequence)
    elsewhere.draw(view, cell, sequence, upload, download_buttons.file_name(view))
    origin.draw()
    tables.draw_switch()
    if view.tables:
        tables.draw(view, render.dressed_cell(view), render.dressed_trace(view, sequence, upload))
    download_buttons.draw(view, cell, sequence, upload)
