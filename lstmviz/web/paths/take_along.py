"""Take along: the cell as code and formulas, its weights and its run as files, its pictures, its numbers as tables."""

from __future__ import annotations

import streamlit as st

from lstmviz.language import _
from lstmviz.web import controls, download_buttons, frame, pictures, render, sections, share, tables
from lstmviz.web.paths import names
from lstmviz.web.settle import Settled


def draw() -> None:
    """The path."""
    frame.draw(_draw)


def _draw(settled: Settled) -> None:
    notices = frame.draw_settings(settled)
    view, sequence, upload = settled.view, settled.sequence, settled.upload
    cell = render.load_cell(view)
    if sequence is None:
        sections.step(view, cell)
        return
    sections.code(view, cell, sequence)
    frame.run(settled, notices)
    if settled.is_early:
        st.info(_("TensorFlow is starting; the files come with it."))
    else:
        download_buttons.draw(view, cell, sequence, upload)
    share.draw(view)
    tables.draw_switch()
    if view.tables:
        tables.draw(view, render.dressed_cell(view), render.dressed_trace(view, sequence, upload))
    sections.figures()
    controls.draw_picture(view)
    pictures.show_kernel(view, sequence)
    picture = render.run_picture(view, sequence, upload)
    pictures.show_gates(view, sequence, picture, upload, is_held=False)
    pictures.show_step(view, sequence, upload)
    sections.step(view, cell)
    st.page_link(st.session_state["paths"][names.DOCUMENT], label=_("In sections"))
