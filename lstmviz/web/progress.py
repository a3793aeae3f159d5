"""What takes its time: a long run on its way, and TensorFlow's start."""

from __future__ import annotations

import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lstmviz.language import _
from lstmviz.web import server, size

_PATIENCE = 0.5  # seconds of a run before its progress is shown


def follow_tensorflow() -> None:
    """Draws the page anew once TensorFlow is there, or has failed."""
    place = st.empty()
    while not server.wait_warm(0.2) and not server.has_failed():
        # Said again and again: here Streamlit ends this run if a control was moved meanwhile, and a browser whose parts come
        # late draws with the next message what it has left out.
        place.empty()
    size.rerun()


def tell_failure() -> str:
    """That TensorFlow is installed and cannot be started."""
    return _(
        "TensorFlow cannot be started on this server: NumPy computes the same equation instead. Whoever runs the server finds "
        "the reason in its log."
    )


class Overtaken(Exception):
    """TensorFlow is there before NumPy's long run is."""


class Progress:
    """The progress bar of a long run; one that `ends_early` ends when TensorFlow is there.

    Raises:
        Overtaken: TensorFlow is there.
    """

    def __init__(self, place: DeltaGenerator, ends_early: bool) -> None:
        self._place = place
        self._ends_early = ends_early
        self._started = time.perf_counter()
        self._bar: DeltaGenerator | None = None

    def __call__(self, done: int, steps: int) -> None:
        """Shows how far the run is, once it has taken long enough to be noticed."""
        if self._ends_early and server.wait_warm(0):
            raise Overtaken
        if time.perf_counter() - self._started < _PATIENCE:
            return
        # Drawing is also where Streamlit ends this run if a control was moved: that is how a long run is cancelled.
        text = _("Step {done:,} of {steps:,}. Change any control to stop.").format(done=done, steps=steps)
        self._bar = (self._bar or self._place.empty()).progress(done / steps, text=text)

    def waits(self, ahead: int) -> None:
        """Shows how many runs the GPU does before this one."""
        if time.perf_counter() - self._started < _PATIENCE:
            return
        text = (
            _("The GPU runs another cell; yours is next. Change any control to stop.")
            if ahead == 1
            else _("The GPU runs other cells: {ahead} are before yours. Change any control to stop.").format(
                ahead=ahead
            )
        )
        self._bar = (self._bar or self._place.empty()).progress(0.0, text=text)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar:
            self._bar.empty()
