"""Learn: Explore's screen with a lesson at its left."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from lstmviz import language
from lstmviz.web import address, lessons
from lstmviz.web.paths import explore


def draw() -> None:
    """The path."""
    begin()
    explore.draw_screen("learn")


def begin() -> None:
    """Has a step that a link names begin as it does where one turns to it."""
    if "view" not in st.session_state:
        # A link says what its sender saw; what it leaves out is as the step starts.
        query = st.query_params.to_dict()
        with suppress(ValueError), language.use(address.language_asked()):
            st.query_params.update(lessons.start(query))
