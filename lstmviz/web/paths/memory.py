"""Memory: how far back a cell remembers, and which step wrote what it holds."""

from __future__ import annotations

import streamlit as st

from lstmviz.language import _
from lstmviz.web import address, controls, frame, patterns, remember, sections, units
from lstmviz.web.settle import Settled


def draw() -> None:
    """The path."""
    frame.draw(_draw)


def _draw(settled: Settled) -> None:
    notices = frame.draw_settings(settled)
    view, sequence, upload = settled.view, settled.sequence, settled.upload
    is_searched = patterns.is_asked(view, has_come=address.has_come())
    if sequence is not None:
        frame.run(settled, notices)
        if is_searched:
            patterns.draw(view, sequence, upload, is_first=True)
    remember.tell(view)
    if sequence is None:
        return
    remember.draw_question(view, sequence)
    controls.draw_order(view)
    if settled.is_early:
        st.info(_("TensorFlow is starting; the gradients come with it."))
    elif remember.draw_gradients(view, sequence, upload):
        remember.draw_contrast(view, sequence, upload)
    remember.draw_ledger(view, sequence, upload)
    sections.summary(view, sequence, upload)
    units.draw(view, sequence, upload)
    if not is_searched:
        patterns.draw(view, sequence, upload)
