"""The real page, on a machine where a run of thousands of steps takes many minutes."""

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from lstmviz.run import engine
from lstmviz.web import server

_AT_ONCE = 100  # steps; a run of fewer ends before its first report
_quick_run = engine.run


def _slow_run(
    cell: Any,
    x: Any,
    device: Any = None,
    initial_state: Any = None,
    progress: Callable[[int, int], None] | None = None,
    *more: Any,
) -> Any:
    told = 0

    def report(done: int, steps: int) -> None:
        # However many steps this machine takes at once, it tells of them as one that takes 500 in a second.
        nonlocal told
        assert progress
        for step in range(told + _AT_ONCE, done + 1, _AT_ONCE):
            time.sleep(_AT_ONCE / 500)
            progress(step, steps)
        told = done

    return _quick_run(cell, x, device, initial_state, report if progress else None, *more)


engine.run = _slow_run
app = st.App(
    "../../../lstmviz/web/page.py",
    lifespan=server.lifespan,
    routes=server.routes(),
    middleware=server.middleware(),
)
