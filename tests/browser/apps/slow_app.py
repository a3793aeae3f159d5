"""The real page, on a machine where a run of thousands of steps takes many minutes."""

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from lstmviz.run import engine
from lstmviz.web import server

_quick_run = engine.run


def _slow_run(
    cell: Any,
    x: Any,
    device: Any = None,
    initial_state: Any = None,
    progress: Callable[[int, int], None] | None = None,
    *more: Any,
) -> Any:
    def report(done: int, steps: int) -> None:
        time.sleep(0.2)  # a run of fewer steps ends before its first report
        assert progress
        progress(done, steps)

    return _quick_run(cell, x, device, initial_state, report if progress else None, *more)


engine.run = _slow_run
app = st.App(
    "../../../lstmviz/web/page.py",
    lifespan=server.lifespan,
    routes=server.routes(),
    middleware=server.middleware(),
)
