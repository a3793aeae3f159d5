"""Compare: one sequence through two settings, a and b, and where they part."""

from __future__ import annotations

import streamlit as st

from lstmviz.language import _
from lstmviz.web import beside, controls, frame, render
from lstmviz.web.settle import Settled


def draw() -> None:
    """The path."""
    frame.draw(_draw)


def _draw(settled: Settled) -> None:
    notices = frame.draw_settings(settled)
    beside.tell()
    sequence = settled.sequence
    if sequence is None:
        return
    if settled.is_early:
        st.info(_("TensorFlow is starting; the comparison comes with it."))
        return
    frame.run(settled, notices)
    view = beside.with_other(settled.view)
    beside.draw_questions(view, render.device_names())
    beside.draw_choice(view, is_optional=False)
    beside.draw_settings(view)
    if beside.draw_picture(view, sequence, settled.upload):
        controls.draw_values()
        controls.draw_order(view)
        beside.tell_order(view)
        beside.draw_gates(view, sequence, settled.upload)
