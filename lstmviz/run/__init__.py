"""Running a cell: the engines, the devices, what a run recorded, and two runs beside each other.

`lstmviz.run` is the package and, on the package `lstmviz`, the function: `lv.run(cell, x)`. The function is defined here,
so that it knows the engines without importing them before they are needed.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.run.trace import Gradients, Trace

ENGINES = ("tensorflow", "numpy")


def run(
    cell: Cell,
    x: Any,
    device: str | None = None,
    initial_state: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    engine: str | None = None,
    clamp: Mapping[str, Any] | None = None,
) -> Trace:
    """Runs `cell` over `x` and records every gate and state at every step.

    Args:
        cell: The cell; it computes in its weights' type.
        x: The sequence, `[time, input_size]`: an array or a `Sequence`. No steps give a trace of no steps. NaN and
            infinity are let through, as TensorFlow's cells do; `Trace.first_nonfinite` says where a state took them on.
        device: A name from `devices.list_devices()`; by default the first GPU, else the first CPU. NumPy knows none.
        initial_state: `{"c": [num_units], "h": [output_size]}`, or some of it; zeros by default.
        progress: Called with the steps done and the steps in all, about ten times a second while the run goes on.
            An exception from it ends the run. A GPU does one run at a time: where it has a `waits`, that is called
            with the number of runs before this one, while there are any.
        engine: "tensorflow", or "numpy", which needs no TensorFlow and knows no devices; both compute the same equation.
            By default TensorFlow, and where it is not installed NumPy, which is said once.
        clamp: What the run holds, by gate or state: `{"f": {3: 1.0}}` holds the forget gate of unit 3 open at every step,
            `{"f": {3: {10: 1.0, 11: 1.0}}}` at two steps, `{"f": 1.0}` that of all units; a range stands for several
            units or steps, `{"f": {3: {range(10, 20): 1.0}}}`, and of two that say something else the later counts. Whatever
            comes after sees the held number: a state as step `t` leaves it, whereas the initial state is what
            `initial_state` says. A pre-activation is what it would be; what is held is in `Trace.clamp`.

    Raises:
        ValueError: `x` or a state has the wrong shape; there is no such engine, or it is not installed; `clamp` names
            what is not there, or no finite number.
        DeviceError: the device is not there.
        OutOfMemory: the device has no memory left for it; a `ValueError`.

    >>> import lstmviz as lv
    >>> trace = run(lv.build("GRUCell", num_units=3, input_size=2), [[0.0, 1.0], [1.0, 0.0]], engine="numpy")
    >>> trace.gates["u"].shape
    (2, 3)
    """
    if engine not in (None, *ENGINES):
        raise ValueError(
            _("engine is {given!r}; it must be one of {allowed}.").format(
                given=engine, allowed=", ".join(ENGINES)
            )
        )
    if engine is None and device is None and not has_tensorflow():
        _say_once()
        engine = "numpy"
    if engine == "numpy":
        from lstmviz.run import numpy_engine

        if device is not None:
            raise ValueError(
                _(
                    "device is {given!r}, and NumPy knows no devices; leave it out, or take TensorFlow."
                ).format(given=device)
            )
        return numpy_engine.run(cell, x, initial_state, progress, clamp)
    need_tensorflow(_("A run on {device}").format(device=device) if device else _("This engine"))
    from lstmviz.run import engine as tensorflow

    return tensorflow.run(cell, x, device, initial_state, progress, clamp)


def gradients(trace: Trace, unit: int, t: int | None = None) -> Gradients:
    """How much `h[unit]` at step `t` depends on every x and every state before it.

    TensorFlow differentiates the step that `run` took, at what it recorded, from step `t` back to the first one; on
    the trace's device, in the cell's type. NaN and infinity are let through. What the run held depends on nothing: it has
    the gradient 0 where it meets what it would have been made of.

    Args:
        trace: The run.
        unit: A unit of h, from 0.
        t: The step, from 0; the last one by default.

    Raises:
        ValueError: the trace has no steps, or there is no such unit or step; or TensorFlow is not installed.
        DeviceError: the trace's device is not there.

    >>> import lstmviz as lv
    >>> trace = run(lv.build("BasicLSTMCell", num_units=3, input_size=2), [[0.0, 1.0], [1.0, 0.0]], device="CPU:0")
    >>> found = gradients(trace, unit=1)
    >>> found.x.shape, found.states["h"][-1]
    ((2, 2), array([0., 1., 0.], dtype=float32))
    """
    need_tensorflow(_("The gradient"))
    from lstmviz.run import engine

    return engine.gradients(trace, unit, t)


@cache
def has_tensorflow() -> bool:
    """Whether TensorFlow is installed; it is not imported for that."""
    if sys.modules.get("tensorflow") is not None:
        return True
    try:
        return find_spec("tensorflow") is not None
    except (ImportError, ValueError):  # a finder refuses it, or a None stands in its place
        return False


def need_tensorflow(what: str) -> None:
    """Does nothing where TensorFlow is installed.

    Raises:
        ValueError: it is not, so there is no `what`.
    """
    if not has_tensorflow():
        raise ValueError(
            _('{what} needs TensorFlow, which is not installed: pip install "lstmviz[cpu]"').format(what=what)
        )


@cache
def _say_once() -> None:
    warnings.warn(
        "TensorFlow is not installed: NumPy computes the same equation. "
        'pip install "lstmviz[cpu]" brings TensorFlow.',
        stacklevel=3,
    )
