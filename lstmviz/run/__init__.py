"""Running a cell: the engines, the devices, what a run recorded, and two runs beside each other.

`lstmviz.run` is the package and, on the package `lstmviz`, the function: `lv.run(cell, x)`. The function is defined here,
so that it knows the engines without importing them before they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lstmviz.cells import Cell
from lstmviz.run.trace import Gradients, Trace


def run(
    cell: Cell,
    x: Any,
    device: str | None = None,
    initial_state: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trace:
    """Runs `cell` over `x` and records every gate and state at every step.

    Args:
        cell: The cell; it computes in its weights' type.
        x: The sequence, `[time, input_size]`: an array or a `Sequence`. No steps give a trace of no steps. NaN and
            infinity are let through, as TensorFlow's cells do; `Trace.first_nonfinite` says where a state took them on.
        device: A name from `devices.list_devices()`; by default the first GPU, else the first CPU.
        initial_state: `{"c": [num_units], "h": [output_size]}`, or some of it; zeros by default.
        progress: Called with the steps done and the steps in all, about ten times a second while the run goes on.
            An exception from it ends the run.

    Raises:
        ValueError: `x` or a state has the wrong shape.
        DeviceError: the device is not there.

    >>> import lstmviz as lv
    >>> trace = run(lv.build("GRUCell", num_units=3, input_size=2), [[0.0, 1.0], [1.0, 0.0]], device="CPU:0")
    >>> trace.gates["u"].shape
    (2, 3)
    """
    from lstmviz.run import engine

    return engine.run(cell, x, device, initial_state, progress)


def gradients(trace: Trace, unit: int, t: int | None = None) -> Gradients:
    """How much `h[unit]` at step `t` depends on every x and every state before it.

    TensorFlow differentiates the step that `run` took, at what it recorded, from step `t` back to the first one; on
    the trace's device, in the cell's type. NaN and infinity are let through.

    Args:
        trace: The run.
        unit: A unit of h, from 0.
        t: The step, from 0; the last one by default.

    Raises:
        ValueError: the trace has no steps, or there is no such unit or step.
        DeviceError: the trace's device is not there.

    >>> import lstmviz as lv
    >>> trace = run(lv.build("BasicLSTMCell", num_units=3, input_size=2), [[0.0, 1.0], [1.0, 0.0]], device="CPU:0")
    >>> found = gradients(trace, unit=1)
    >>> found.x.shape, found.states["h"][-1]
    ((2, 2), array([0., 1., 0.], dtype=float32))
    """
    from lstmviz.run import engine

    return engine.gradients(trace, unit, t)
