"""The engine that needs no TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from lstmviz.cells import Cell, Kind, structure_of
from lstmviz.run.arrays import Program
from lstmviz.run.lowered import Lowered, lower
from lstmviz.run.start import check_start, named
from lstmviz.run.trace import Trace

DEVICE = "NumPy"
"""What a trace of this engine names as its device."""


def run(
    cell: Cell, x: Any, initial_state: Mapping[str, Any] | None = None, progress: Callable[[int, int], None] | None = None
) -> Trace:  # fmt: skip
    """Runs `cell` over `x` in NumPy and records every gate and state at every step: see `lstmviz.run.run`."""
    sequence, start = check_start(cell, x, initial_state)
    started = time.perf_counter()
    numbers = {name: value for name, value in cell.options.items() if isinstance(value, float)}
    program = Program(
        _lowered(cell.kind, structure_of(cell.options)), cell.weights, numbers, cell.sizes, cell.dtype
    )
    states = {name: state[0] for name, state in zip(cell.kind.states, start, strict=True)}
    values = sequence.values.astype(cell.dtype, copy=False)
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
    )


@cache
def _lowered(kind: Kind, structure: tuple[tuple[str, Any], ...]) -> Lowered:
    return lower(kind.equation(dict(structure)))
