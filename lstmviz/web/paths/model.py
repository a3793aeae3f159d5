"""My model: a file in, what it says of itself, its weights as other frameworks store them, and the way to Explore."""

from __future__ import annotations

import streamlit as st

from lstmviz.language import _
from lstmviz.web import download_buttons, elsewhere, frame, models, origin, render, sections
from lstmviz.web.paths import names
from lstmviz.web.settle import Settled


def draw() -> None:
    """The path."""
    frame.draw(_draw)


def _draw(settled: Settled) -> None:
    view = settled.view
    frame.draw_title(
        _("My model"),
        _(
            "Drop a trained model's file: its layers are shown in its own framework's words, and can be explored and converted."
        ),
    )
    models.draw_file()
    models.draw_way_back(view)
    if view.model:
        _draw_file(settled)
    with st.expander(_("I do not know the order"), key="order"):
        origin.draw(then=_explore)
    if not view.model:
        st.caption(_("No layer of a file is shown: below is a cell of the page's own."))
    notices = frame.draw_settings(settled)
    if settled.sequence is None:
        return
    if settled.is_early:
        st.info(_("TensorFlow is starting; the layouts and their proof come with it."))
        return
    frame.run(settled, notices)
    view = elsewhere.with_layout(view)
    elsewhere.draw(
        view,
        render.load_cell(view),
        settled.sequence,
        settled.upload,
        download_buttons.file_name(view),
        is_always=True,
    )


def _draw_file(settled: Settled) -> None:
    """What the file says of the layer that is shown, and the way to its pictures."""
    view = settled.view
    sections.stored(view, render.load_cell(view))
    if st.button(
        _("Open in Explore"), key="open_in_explore", type="primary", icon=":material/arrow_forward:"
    ):
        _explore()


def _explore() -> None:
    st.switch_page(st.session_state["paths"][names.EXPLORE])
