"""Running a cell: the engines, the devices, what a run recorded, and two runs beside each other.

`lstmviz.run` is the package and, on the package `lstmviz`, the function: `lv.run(cell, x)`. The function is defined here,
so that it knows the engines without importing them before they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lstmviz.run.trace import Gradients, Trace


def run(
    cell: Any,
    x: Any,
    device: str | None = None,
    initial_state: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trace:
    """See `lstmviz.run.engine.run`."""
    from lstmviz.run import engine

    return engine.run(cell, x, device, initial_state, progress)


def gradients(trace: Trace, unit: int, t: int | None = None) -> Gradients:
    """See `lstmviz.run.engine.gradients`."""
    from lstmviz.run import engine

    return engine.gradients(trace, unit, t)
