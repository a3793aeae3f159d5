"""Where else the same units are on together: a pattern search as in LSTMVis (Strobelt et al. 2018, arXiv:1606.07461)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from lstmviz.language import _
from lstmviz.run.trace import Trace, check_index

_BLOCK = 65536  # steps that are compared with the threshold at a time: a long run's states may lie in a file


@dataclass(frozen=True)
class Place:
    """Some steps at which units of the pattern are on.

    Attributes:
        start: The first step.
        stop: The step after the last one.
        units: The units of the pattern that are on at every one of these steps, and off around them where that was asked.
    """

    start: int
    stop: int
    units: tuple[int, ...]

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Found:
    """A pattern and where else it is.

    Attributes:
        steps: The steps that the pattern was read from, (first, stop).
        units: The units that are on at every one of them, and off around them where that was asked.
        places: Where units of the pattern are on as they are there, the place with most of them first; of as many, the one
            whose length is nearest to that of `steps`, then the earlier one. The pattern's own place is not among them.
        total: How many places there are; `places` has the first of them, and no two with a step in common where windows were
            looked at.
    """

    steps: tuple[int, int]
    units: tuple[int, ...]
    places: tuple[Place, ...]
    total: int


def search(
    run: Trace | np.ndarray,
    steps: tuple[int, int],
    *,
    state: str = "h",
    threshold: float = 0.3,
    around: bool = True,
    units: Iterable[int] | None = None,
    least: int = 1,
    most: int = 50,
) -> Found:
    """Finds the units that are on over some steps, and other places at which they are.

    A unit is on where its number is at least the threshold. Exact: with `around`, a place is every stretch of steps, of
    whatever length, before and after which units of the pattern are off, and over which the same units are on; without it,
    every window as long as `steps` over which they are on and which has no step in common with `steps`.

    Args:
        run: The run, or any array `[time, units]`, such as millions of steps in a memory map.
        steps: The pattern's steps, (first, stop).
        state: Which state of the run is looked at.
        threshold: From where on a unit is on.
        around: Whether the units must be off just before and just after; what is before the first step and after the last
            one counts as off.
        units: The units that may be in the pattern; all by default.
        least: How many units of the pattern a place must have.
        most: How many places to give.

    Raises:
        ValueError: there are no such steps, units or state, or a number is none.

    >>> import numpy as np
    >>> h = np.array([[0, 0], [1, 0], [1, 0], [0, 1], [1, 0], [1, 0], [0, 0]])
    >>> found = search(h, (1, 3))
    >>> found.units, [(place.start, place.stop) for place in found.places]
    ((0,), [(4, 6)])
    """
    values = _take(run, state)
    start, stop = _check_steps(steps, len(values))
    if (
        not isinstance(threshold, int | float | np.number)
        or isinstance(threshold, bool)
        or np.isnan(threshold)
    ):
        raise ValueError(_("threshold is {given!r}; it must be a number.").format(given=threshold))
    for name, given in (("least", least), ("most", most)):
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise ValueError(
                _("{name} is {given!r}; it must be a whole number from 1 on.").format(name=name, given=given)
            )
    every = range(values.shape[1]) if units is None else units
    wanted = [check_index("unit", unit, values.shape[1]) for unit in every]
    pattern = _find_pattern(values, wanted, start, stop, threshold, around)
    if not pattern:
        return Found((start, stop), (), (), 0)
    on = _compare(values, pattern, threshold)
    find = _find_stretches if around else _find_windows
    starts, stops, counts = find(on, stop - start, least)
    others = (starts != start) | (stops != stop) if around else (starts >= stop) | (stops <= start)
    starts, stops, counts = starts[others], stops[others], counts[others]
    order = np.lexsort((starts, np.abs(stops - starts - (stop - start)), -counts))
    order = order[:most] if around else _choose_apart(starts[order], stop - start, most, order)
    places = tuple(_place(on, pattern, int(starts[k]), int(stops[k]), around) for k in order)
    return Found((start, stop), tuple(pattern), places, len(starts))


def _take(run: Trace | np.ndarray, state: str) -> np.ndarray:
    if isinstance(run, Trace):
        if state not in run.states:
            raise ValueError(
                _("state is {given!r}; {kind} has the states {allowed}.").format(
                    given=state, kind=run.cell.kind.name, allowed=", ".join(run.states)
                )
            )
        return run.states[state]
    if run.ndim != 2:
        raise ValueError(
            _("the run has the shape {given}; it must be [time, units].").format(given=list(run.shape))
        )
    return run


def _check_steps(steps: Any, length: int) -> tuple[int, int]:
    start, stop = steps
    if not all(
        isinstance(each, int | np.integer) and not isinstance(each, bool) for each in (start, stop)
    ) or not (0 <= start < stop <= length):
        raise ValueError(
            _("steps is {given}; it must be (first, stop), from 0 to {last}.").format(
                given=steps, last=length
            )
        )
    return int(start), int(stop)


def _find_pattern(
    values: np.ndarray, units: list[int], start: int, stop: int, threshold: float, around: bool
) -> list[int]:
    """The units that are on at every step, and off around them where that is asked."""
    on = np.logical_and.reduce(np.asarray(values[start:stop]) >= threshold, axis=0)
    if around:
        for step in (start - 1, stop):
            if 0 <= step < len(values):
                on &= ~(np.asarray(values[step]) >= threshold)
    return [unit for unit in units if on[unit]]


def _compare(
    values: Float[np.ndarray, "time units"] | Int[np.ndarray, "time units"] | Any,
    units: list[int],
    threshold: float,
) -> Bool[np.ndarray, "pattern time"]:
    """Where each unit of the pattern is on."""
    on = np.empty((len(units), len(values)), bool)
    for first in range(0, len(values), _BLOCK):
        block = np.asarray(values[first : first + _BLOCK])
        on[:, first : first + _BLOCK] = (block[:, units] >= threshold).T
    return on


def _find_stretches(on: np.ndarray, _length: int, least: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every stretch that is all of some unit's steps without a break: first steps, stops, and of how many units."""
    keys = []
    width = on.shape[1] + 1
    for row in on:
        turns = np.flatnonzero(np.diff(row, prepend=False, append=False))
        keys.append(turns[::2] * width + turns[1::2])
    found, counts = np.unique(np.concatenate(keys), return_counts=True)
    enough = counts >= least
    return found[enough] // width, found[enough] % width, counts[enough]


def _find_windows(on: np.ndarray, length: int, least: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every window of that length over which units are on: first steps, stops, and how many units."""
    counts = np.zeros(on.shape[1] - length + 1, np.int64)
    for row in on:
        steps = np.concatenate([[0], np.cumsum(row)])
        counts += steps[length:] - steps[:-length] == length
    starts = np.flatnonzero(counts >= least)
    return starts, starts + length, counts[starts]


def _choose_apart(starts: np.ndarray, length: int, most: int, order: np.ndarray) -> np.ndarray:
    """The first windows, in their order, that have no step in common."""
    blocked = np.zeros(int(starts.max(initial=0)) + 1, bool)
    chosen: list[int] = []
    for at, start in enumerate(starts.tolist()):
        if len(chosen) == most:
            break
        if not blocked[start]:
            chosen.append(int(order[at]))
            blocked[max(start - length + 1, 0) : start + length] = True
    return np.array(chosen, np.int64)


def _place(on: np.ndarray, pattern: list[int], start: int, stop: int, around: bool) -> Place:
    whole = np.logical_and.reduce(on[:, start:stop], axis=1)
    if around:
        for step in (start - 1, stop):
            if 0 <= step < on.shape[1]:
                whole &= ~on[:, step]
    return Place(start, stop, tuple(unit for unit, is_on in zip(pattern, whole, strict=True) if is_on))


__all__ = ["Found", "Place", "search"]
