"""In which order the heatmaps over time have the cell's units as their rows, and what each row is called then."""

from __future__ import annotations

import reprlib
from dataclasses import replace
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot.levels import Span
from lstmviz.plot.over_time import Recorded
from lstmviz.run.ranked import Ranked

_NAMED = 3  # units of a tile that the hover names
_THINNEST = 7.5  # pixels of a group beside a line of 1.5: a fifth at most


def put_in_order(arrays: list[Recorded], order: Any, num_units: int) -> list[Recorded]:
    """The arrays, those whose rows are units with these in an order, and in its groups; as they are stored where it is None.

    Raises:
        ValueError: the order has not each unit once.
    """
    if order is None:
        return arrays
    rows, groups = check_order(order, num_units), order.groups if isinstance(order, Ranked) else ()
    return [replace(one, order=rows, groups=groups) if is_of_units(one, num_units) else one for one in arrays]


def check_order(order: Any, num_units: int) -> np.ndarray:
    """The order as an array.

    Raises:
        ValueError: it has not each unit once.
    """
    found = np.asarray(order)
    if found.dtype.kind not in "iu" or not np.array_equal(np.sort(found, axis=None), np.arange(num_units)):
        raise ValueError(
            _("order must have each unit from 0 to {last} once; it has {given}.").format(
                last=num_units - 1, given=reprlib.repr(found.tolist())
            )
        )
    return found


def is_of_units(one: Recorded, num_units: int) -> bool:
    """Whether an array's rows are the cell's units; those of the input and of a projected h are others."""
    return one.rows != "input" and one.values.shape[1] == num_units


def groups_apart(one: Recorded, height: float, rows: Span) -> list[int]:
    """The rows before which a line parts two groups, where both are thick enough: lines must not cover what they part.

    Args:
        one: What is drawn.
        height: Pixels of the heatmap.
        rows: Of its rows those that are seen.
    """
    borders = [0, *one.groups, one.values.shape[1]]
    least = _THINNEST * (rows[1] - rows[0]) / height
    parted = zip(borders, borders[1:], borders[2:], strict=False)
    return [row for before, row, after in parted if min(row - before, after - row) >= least]


def order_of(arrays: list[Recorded]) -> list[int] | None:
    """The units in the order of their rows; None where these are as they are stored."""
    return next((list(one.numbers) for one in arrays if one.order is not None), None)


def rows_of(one: Recorded) -> np.ndarray:
    """What is drawn of an array, a row a unit, from the top."""
    rows: np.ndarray = one.values.T if one.order is None else np.take(one.values.T, one.order, axis=0)
    return rows


def name_rows(one: Recorded, rows: range, columns: range, tile: tuple[int, int]) -> list[list[str]]:
    """What the hover calls a row, at each of its steps: its unit's number, or those of some of the units of a tile."""
    found = []
    for first in rows:
        units = one.numbers[first : first + tile[0]]
        more = "…" if len(units) > _NAMED else ""
        found.append([", ".join(map(str, units[:_NAMED])) + more] * len(columns))
    return found
