"""In which order the heatmaps over time have the cell's units as their rows, and what each row is called then."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot.levels import Span
from lstmviz.plot.over_time import Recorded
from lstmviz.plot.scale import write
from lstmviz.run.ranked import HALF_LIFE, SIMILARITY, STORED, WITHOUT, Ranked

_NAMED = 3  # units of a tile that the hover names
_THINNEST = 7.5  # pixels of a group beside a line of 1.5: a fifth at most


def order_title(name: str) -> str:
    """What an order is called."""
    known = {
        STORED: _("as stored"),
        WITHOUT: _("what changes without it"),
        HALF_LIFE: _("half-life"),
        SIMILARITY: _("like beside like"),
        "step": _("answer to a step"),
        "impulse": _("answer to an impulse"),
        "sine": _("answer to a sine"),
    }
    if name in known:
        return known[name]
    gate, _dot, end = name.rpartition(".")
    return _("{gate} low").format(gate=gate) if end == "low" else _("{gate} high").format(gate=gate)


def measure_title(ranked: Ranked) -> str:
    """What the number is called by which units are ordered; "" where there is none."""
    if ranked.values is None:
        return ""
    title = _("correlation with the row above") if ranked.by == SIMILARITY else order_title(ranked.by)
    return f"{ranked.whose}: {title}" if ranked.whose else title


def put_in_order(arrays: list[Recorded], order: Any, num_units: int) -> list[Recorded]:
    """The arrays, those whose rows are units with these in an order, and in its groups; as they are stored where it is None.

    Raises:
        ValueError: the order has not each unit once.
    """
    if order is None:
        return arrays
    rows, ranked = check_order(order, num_units), order if isinstance(order, Ranked) else None
    groups = ranked.groups if ranked else ()
    return [
        replace(one, order=rows, groups=groups, ranked=ranked) if is_of_units(one, num_units) else one
        for one in arrays
    ]


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
    """What the hover says of a row, at each of its steps, behind a `[`: its unit, or some of a tile's; by what it has its place."""
    found = []
    for first in rows:
        units = one.numbers[first : first + tile[0]]
        more = "…" if len(units) > _NAMED else ""
        found.append(
            [f"{', '.join(map(str, units[:_NAMED]))}{more}]{_say_values(one, units)}"] * len(columns)
        )
    return found


def _say_values(one: Recorded, units: Sequence[int]) -> str:
    """What units have of what the rows are ordered by, in brackets: the first and the last of several."""
    if one.ranked is None or one.ranked.values is None:
        return ""
    ends = [one.ranked.values[unit] for unit in dict.fromkeys((units[0], units[-1]))]
    if np.isnan(ends).any():
        return ""
    return f" ({measure_title(one.ranked)} {' … '.join(write(float(end), 3) for end in ends)})"
