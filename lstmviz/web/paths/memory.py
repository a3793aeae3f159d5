"""Memory: how far back a cell remembers, and which step wrote what it holds."""

from __future__ import annotations

import streamlit as st

from lstmviz.language import _
from lstmviz.web import frame, patterns, remember, sections, units
from lstmviz.web.settle import Settled


def draw() -> None:
    """The path."""
    frame.draw(_draw)


def _draw(settled: Settled) -> None:
    notices = frame.draw_settings(settled)
    remember.tell(settled.view)
    view, sequence, upload = settled.view, settled.sequence, settled.upload
    if sequence is None:
        return
    frame.run(settled, notices)
    remember.draw_question(view, sequence)
    if settled.is_early:
        st.info(_("TensorFlow is starting; the gradients come with it."))
    elif remember.draw_gradients(view, sequence, upload):
        remember.draw_contrast(view, sequence, upload)
    remember.draw_ledger(view, sequence, upload)
    sections.summary(view, sequence, upload)
    units.draw(view, sequence, upload)
    patterns.draw(view, sequence, upload)
