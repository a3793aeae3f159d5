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
    run: Any,
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
        if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1:
            raise ValueError(
                _("{name} is {given!r}; it must be a whole number from 1 on.").format(name=name, given=given)
            )
    every = range(values.shape[1]) if units is None else units
    wanted = list(dict.fromkeys(check_index("unit", unit, values.shape[1]) for unit in every))
    pattern = _find_pattern(values, wanted, start, stop, threshold, around)
    if not pattern:
        return Found((start, stop), (), (), 0)
    on = _compare(values, pattern, threshold)
    find = _find_stretches if around else _find_windows
    total, spans = find(on, start, stop, int(least), int(most))
    places = tuple(_place(on, pattern, *span, around) for span in spans)
    return Found((start, stop), tuple(pattern), places, total)


def _take(run: Any, state: str) -> np.ndarray:
    if isinstance(run, Trace):
        if state not in run.states:
            raise ValueError(
                _("state is {given!r}; {kind} has the states {allowed}.").format(
                    given=state, kind=run.cell.kind.name, allowed=", ".join(run.states)
                )
            )
        return run.states[state]
    run = np.asanyarray(run)
    if run.ndim != 2 or run.dtype.kind not in "fiub":
        raise ValueError(
            _("the run has the shape {given}; it must be [time, units].").format(given=list(run.shape))
        )
    found: np.ndarray = run
    return found


def _check_steps(steps: Any, length: int) -> tuple[int, int]:
    is_pair = isinstance(steps, tuple | list) and len(steps) == 2
    is_whole = is_pair and all(
        isinstance(each, int | np.integer) and not isinstance(each, bool) for each in steps
    )
    if not is_whole or not 0 <= steps[0] < steps[1] <= length:
        raise ValueError(
            _("steps is {given}; it must be (first, stop), from 0 to {last}.").format(
                given=steps, last=length
            )
        )
    return int(steps[0]), int(steps[1])


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


def _find_stretches(
    on: np.ndarray, start: int, stop: int, least: int, most: int
) -> tuple[int, list[tuple[int, int]]]:
    """Every stretch that is all of some unit's steps without a break: how many there are, and the first of them."""
    width = on.shape[1] + 1
    turns = [np.flatnonzero(np.diff(row, prepend=False, append=False)) for row in on]
    keys = np.concatenate([each[::2] * width + each[1::2] for each in turns])
    found, counts = np.unique(keys, return_counts=True)
    others = (counts >= least) & (found != start * width + stop)
    found, counts = found[others], counts[others]
    total = len(found)
    if total > most:  # of those with fewer units than so many others have, none is among the first
        enough = counts >= np.partition(counts, -most)[-most]
        found, counts = found[enough], counts[enough]
    starts, stops = found // width, found % width
    order = np.lexsort((starts, np.abs(stops - starts - (stop - start)), -counts))[:most]
    return total, [(int(starts[k]), int(stops[k])) for k in order]


def _find_windows(
    on: np.ndarray, start: int, stop: int, least: int, most: int
) -> tuple[int, list[tuple[int, int]]]:
    """Every window of that length over which units are on: how many there are, and the first that share no step."""
    length = stop - start
    counts = np.zeros(on.shape[1] - length + 1, np.int32)
    for row in on:
        counts += _cover(row, length)
    counts[max(start - length + 1, 0) : stop] = 0  # those that share a step with the pattern
    blocked = np.zeros(len(counts), bool)
    chosen: list[tuple[int, int]] = []
    for count in range(int(counts.max(initial=0)), least - 1, -1):
        left = np.flatnonzero(counts == count)
        # Each one that is chosen blocks less than twice its length: of so many, enough are left.
        for first in left[: 2 * length * most].tolist():
            if len(chosen) < most and not blocked[first]:
                chosen.append((first, first + length))
                blocked[max(first - length + 1, 0) : first + length] = True
    return int(np.count_nonzero(counts >= least)), chosen


def _cover(row: np.ndarray, length: int) -> np.ndarray:
    """For each window of that length whether a unit is on at all of its steps."""
    covered, all_on = 1, row
    while covered < length:
        step = min(covered, length - covered)
        all_on = all_on[:-step] & all_on[step:]
        covered += step
    return all_on


def _place(on: np.ndarray, pattern: list[int], start: int, stop: int, around: bool) -> Place:
    whole = np.logical_and.reduce(on[:, start:stop], axis=1)
    if around:
        for step in (start - 1, stop):
            if 0 <= step < on.shape[1]:
                whole &= ~on[:, step]
    return Place(start, stop, tuple(unit for unit, is_on in zip(pattern, whole, strict=True) if is_on))


__all__ = ["Found", "Place", "search"]
