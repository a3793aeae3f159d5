"""What every engine checks before it runs, and how what it recorded is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.cells import Cell, as_numbers
from lstmviz.language import _
from lstmviz.sequences import Sequence, wrap


def check_start(cell: Cell, x: Any, initial_state: Any) -> tuple[Sequence, list[np.ndarray]]:
    """The input as a sequence, and each state as `[1, size]`, in the kind's order.

    Raises:
        ValueError: `x` or a state has the wrong shape.
    """
    sequence = wrap(x)
    if sequence.input_size != cell.input_size:
        raise ValueError(
            _("x has the shape {given}; this cell takes [time, {input_size}].").format(
                given=list(sequence.values.shape), input_size=cell.input_size
            )
        )
    return sequence, _initial_state(cell, initial_state)


def _initial_state(cell: Cell, given: Any) -> list[np.ndarray]:
    """Each state as `[1, size]`, in the kind's order."""
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise ValueError(
            _("initial_state is {given}; it must be a mapping from {allowed} to arrays.").format(
                given=type(given).__name__, allowed=", ".join(cell.kind.states)
            )
        )
    unknown = set(given) - set(cell.kind.states)
    if unknown:
        raise ValueError(
            _("initial_state has {given}; {kind} has the states {allowed}.").format(
                given=", ".join(sorted(map(str, unknown))),
                kind=cell.kind.name,
                allowed=", ".join(cell.kind.states),
            )
        )
    states = []
    for name in cell.kind.states:
        size = cell.state_size(name)
        state = as_numbers(f"initial_state {name}", given.get(name, np.zeros(size)), cell.dtype)
        if state.shape != (size,):
            raise ValueError(
                _("initial_state {name} has the shape {given}; it must be {allowed}.").format(
                    name=name, given=list(state.shape), allowed=[size]
                )
            )
        states.append(state[np.newaxis])
    return states


def named(names: Iterable[str], arrays: Iterable[np.ndarray]) -> Mapping[str, np.ndarray]:
    """The arrays by name, read-only."""
    arrays = list(arrays)
    for array in arrays:
        array.setflags(write=False)
    return MappingProxyType(dict(zip(names, arrays, strict=True)))
