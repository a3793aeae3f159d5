"""What if a gate or a state had another value: which numbers of a run are held, and at what."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from numbers import Real
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.cells import Cell
from lstmviz.equation.stable import rewrite
from lstmviz.language import _
from lstmviz.run.start import named

Clamp = Mapping[str, np.ndarray]
"""By gate or state what each number is held at, `[time, size]`, NaN where it is free."""

NOTHING: Clamp = MappingProxyType({})
_MOST_CARRIED = 4_000_000  # numbers that say what is held and what not


def read_clamp(cell: Cell, clamp: Any, steps: int) -> Clamp:
    """What a run is to hold, as arrays, in the order of the kind's gates and states.

    Args:
        cell: The cell.
        clamp: As `lstmviz.run.run` takes it.
        steps: How many steps the run has.

    Raises:
        ValueError: there is no such gate, state, unit or step, or a value is no finite number.
    """
    if clamp is None:
        return NOTHING
    if not isinstance(clamp, Mapping):
        raise ValueError(
            _(
                'clamp is {given}; it must be a mapping from gates and states to what holds them, {{"f": {{3: 1.0}}}}.'
            ).format(given=type(clamp).__name__)
        )
    names = [*cell.equation.gates, *cell.kind.states]
    unknown = [name for name in clamp if name not in names]
    if unknown:
        raise ValueError(
            _("clamp has {given}; {kind} has the gates {gates} and the states {states}.").format(
                given=", ".join(map(str, unknown)),
                kind=cell.kind.name,
                gates=", ".join(cell.equation.gates),
                states=", ".join(cell.kind.states),
            )
        )
    held = {name: _read_one(cell, name, clamp[name], steps) for name in names if name in clamp}
    held = {name: array for name, array in held.items() if not np.isnan(array).all()}
    return named(held, held.values()) if held else NOTHING


def _read_one(cell: Cell, name: str, given: Any, steps: int) -> np.ndarray:
    """What is held of one gate or state."""
    size = cell.state_size(name) if name in cell.kind.states else cell.num_units
    found = np.full((steps, size), np.nan, cell.dtype)
    if not isinstance(given, Mapping):
        found[:] = _read_number(name, given, cell.dtype)
        return found
    for unit, value in given.items():
        columns = _read_places(f"clamp {name}", unit, size)
        words = f"{name}[{_say_places(columns)}]"
        if not isinstance(value, Mapping):
            found[:, columns] = _read_number(words, value, cell.dtype)
            continue
        for step, number in value.items():
            rows = _read_places(_("clamp {name}, step").format(name=words), step, steps)
            found[rows, columns] = _read_number(words, number, cell.dtype)
    return found


def _read_places(what: str, given: Any, length: int) -> slice:
    """Which units or steps: a number for one, a range for several that follow each other."""
    if not isinstance(given, range):
        first = _check(what, given, length)
        return slice(first, first + 1)
    if not given or given.step != 1:
        raise ValueError(
            _("{what} has {given!r}; a range must go up in ones, and not be empty.").format(
                what=what, given=given
            )
        )
    return slice(_check(what, given[0], length), _check(what, given[-1], length) + 1)


def _say_places(places: slice) -> str:
    last = places.stop - 1
    return str(places.start) if places.start == last else f"{places.start}…{last}"


def _read_number(name: str, given: Any, dtype: np.dtype[Any]) -> float:
    is_number = isinstance(given, Real) and not isinstance(given, bool)
    # What a float32 cannot hold would be infinite in the run.
    # A whole number has no bounds in Python, and compares with any float.
    if not is_number or not abs(given) <= float(np.finfo(dtype).max):
        raise ValueError(
            _("clamp holds {name} at {given}; it must be a finite number.").format(
                name=name, given=reprlib.repr(given)
            )
        )
    return float(given)


def _check(what: str, given: Any, length: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or not 0 <= given < length:
        raise ValueError(
            _("{what} has {given!r}; it must be {allowed}.").format(
                what=what,
                given=given,
                allowed=_("0 to {last}").format(last=length - 1)
                if length
                else _("nothing, for there is none"),
            )
        )
    return int(given)


def widen(cell: Cell, clamp: Clamp, steps: int) -> Clamp:
    """What is held, with all that could be held beside it, free: the same loop then serves whatever is held.

    Only what is held, where the equation is computed in another way with something held, or where so much would be carried
    through the loop for nothing.
    """
    names = [*cell.equation.gates, *cell.kind.states]
    sizes = {name: cell.state_size(name) if name in cell.kind.states else cell.num_units for name in names}
    is_large = 2 * steps * sum(sizes.values()) > _MOST_CARRIED
    if not clamp or is_large or any(rewrite(node) is not None for node in cell.equation.nodes):
        return clamp
    free = {name: np.full((steps, size), np.nan, cell.dtype) for name, size in sizes.items()}
    return MappingProxyType(free | dict(clamp))


def pack(x: np.ndarray, clamp: Clamp) -> np.ndarray:
    """What goes into an engine's loop row by row: x, then of each name where it is held (1, else 0), and at what."""
    if not clamp:
        return x
    columns = [x]
    for array in clamp.values():
        held = ~np.isnan(array)
        columns += [held.astype(x.dtype), np.where(held, array, 0).astype(x.dtype)]
    return np.concatenate(columns, axis=1)


def say_held(clamp: Clamp) -> str:
    """What a run held: `f[3]=1` for one unit, `f` for more, with their value where it is one; empty where it held nothing."""
    return ", ".join(_say_one(name, held) for name, held in clamp.items())


def _say_one(name: str, held: np.ndarray) -> str:
    steps, units = np.nonzero(~np.isnan(held))
    numbers = np.unique(held[~np.isnan(held)])
    words = f"{name}[{units[0]}]" if len(set(units.tolist())) == 1 else name
    said = f"{words}={numbers[0]:g}" if len(numbers) == 1 else words
    return said if len(set(steps.tolist())) == len(held) else f"{said} {_say_steps(steps)}"


def _say_steps(steps: np.ndarray) -> str:
    """At which of a run's steps it is, where that is not all of them."""
    first, last = int(steps.min()), int(steps.max())
    if first == last:
        return _("(at step {t})").format(t=first)
    if len(set(steps.tolist())) == last - first + 1:
        return _("(at the steps {first} to {last})").format(first=first, last=last)
    return _("(at some steps from {first} to {last})").format(first=first, last=last)


__all__ = ["NOTHING", "Clamp", "pack", "read_clamp", "say_held", "widen"]
