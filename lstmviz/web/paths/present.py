"""Present: Learn's screen with nothing else on it, in large type, driven by keys."""

from __future__ import annotations

import streamlit as st

from lstmviz.web.paths import explore, learn

_STYLE = """<style>
[data-testid=stHeader], [data-testid=stToolbar] { display: none; }
.stMainBlockContainer:has(.lv-stage) { padding-top: .75rem; }
.st-key-note [role=note] { font-size: clamp(1rem, 1.4vw, 3.5rem); }
</style>"""


def draw() -> None:
    """The path."""
    learn.begin()
    st.html(_STYLE)
    explore.draw_screen("present")
