"""The engine that needs no TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from lstmviz.cells import Cell, Kind, structure_of
from lstmviz.run.arrays import Program
from lstmviz.run.clamp import pack, read_clamp
from lstmviz.run.lowered import lower
from lstmviz.run.plan import Plan, make_plan
from lstmviz.run.start import check_start, named
from lstmviz.run.trace import Trace

DEVICE = "NumPy"
"""What a trace of this engine names as its device."""

# Numbers copied in the time of the calls that one step saves when equal activations stand side by side: about five calls
# of 0.4 µs, at 1 ns a number.
_WORTH_A_STEP = 2000


def run(
    cell: Cell, x: Any, initial_state: Mapping[str, Any] | None = None, progress: Callable[[int, int], None] | None = None,
    clamp: Any = None,
) -> Trace:  # fmt: skip
    """Runs `cell` over `x` in NumPy and records every gate and state at every step: see `lstmviz.run.run`."""
    sequence, start = check_start(cell, x, initial_state)
    held = read_clamp(cell, clamp, len(sequence))
    started = time.perf_counter()
    numbers = {name: value for name, value in cell.options.items() if isinstance(value, float)}
    plan = _find_plan(cell, len(sequence), tuple(held))
    program = Program(plan, cell.weights, numbers, cell.sizes, cell.dtype)
    states = {name: state[0] for name, state in zip(cell.kind.states, start, strict=True)}
    values = pack(sequence.values.astype(cell.dtype, copy=False), held)
    before, after, new = program.run(values, states, progress)
    seconds = time.perf_counter() - started
    return Trace(
        cell=cell,
        sequence=sequence,
        preactivations=named([gate.name for gate in cell.kind.gates], before.values()),
        gates=named([gate.name for gate in cell.kind.gates], after.values()),
        states=named(cell.kind.states, new.values()),
        initial_state=named(cell.kind.states, states.values()),
        device=DEVICE,
        seconds=seconds,
        clamp=held,
    )


def _find_plan(cell: Cell, steps: int, clamped: tuple[str, ...] = ()) -> Plan:
    """The plan that is worth its preparation over so many steps."""
    structure = structure_of(cell.options)
    plan = _plan(cell.kind, structure, clamped, reorder=True)
    wholes = {id(whole) for whole in plan.moved.values()}
    columns = sum(plan.lowered.widths[whole].evaluate(cell.sizes) for whole in wholes)
    # Each column is copied for every row of h and for every step.
    if columns * (cell.output_size + steps) <= _WORTH_A_STEP * steps:
        return plan
    return _plan(cell.kind, structure, clamped, reorder=False)


@cache
def _plan(
    kind: Kind, structure: tuple[tuple[str, Any], ...], clamped: tuple[str, ...], *, reorder: bool
) -> Plan:
    return make_plan(lower(kind.equation(dict(structure)), clamped), reorder=reorder)
