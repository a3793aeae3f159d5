"""In which order units are worth looking at: by a number that is known of each, or like beside like."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lstmviz.cells import Kind, OptionValue
from lstmviz.language import _
from lstmviz.run.atlas import atlas, measure_kept
from lstmviz.run.ledger import list_carried
from lstmviz.run.ranked import HALF_LIFE, SIMILARITY, STORED, WITHOUT, Ranked
from lstmviz.run.silence import Head, Loss, silence
from lstmviz.run.trace import MARGIN, RANGES, Trace

RESPONSES = ("step", "impulse", "sine")
LOW, HIGH = ".low", ".high"

_MOST_STEPS = 2_000  # of which units are told alike
_FALLS = 0.2  # of the whole range: by so much two neighbours are of two groups
_ALIKE = 0.5  # the correlation below which they are


def list_orders(kind: Kind, options: Mapping[str, OptionValue] | None = None) -> tuple[str, ...]:
    """What the units of a kind's cells can be ordered by.

    Args:
        kind: The kind.
        options: The cell's options; where one is left out, its default.
    """
    return tuple(name for name in _every_order(kind) if not why_no_order(kind, name, options))


def _every_order(kind: Kind) -> tuple[str, ...]:
    ends = [f"{gate.name}{end}" for gate in kind.gates for end in (LOW, HIGH)]
    return (STORED, HALF_LIFE, *ends, *RESPONSES, WITHOUT, SIMILARITY)


def why_no_order(kind: Kind, name: str, options: Mapping[str, OptionValue] | None = None) -> str:
    """Why the units of a kind's cells cannot be ordered so, as the rest of a sentence; empty where they can.

    Args:
        kind: The kind.
        name: The order.
        options: As `list_orders` takes them.
    """
    if name not in _every_order(kind):
        return _("it must be one of {allowed}").format(allowed=", ".join(list_orders(kind, options)))
    given = options or {}
    equation = kind.equation({each.name: given.get(each.name, each.default) for each in kind.options})
    if name == HALF_LIFE and not list_carried(equation):
        return _("nothing that {kind} holds fades by a factor").format(kind=kind.name)
    gate, _dot, end = name.rpartition(".")
    if f".{end}" in (LOW, HIGH) and equation.activation_of(gate) not in RANGES:
        return _("{gate} has no ends at which it is saturated").format(gate=gate)
    return ""


def rank_units(
    trace: Any, by: Any, head: Head | None = None, *, loss: Loss | None = None, initial_state: Any = None
) -> Ranked:
    """The units of a run as `order_units` orders them, and in groups.

    Another group begins where what they are ordered by falls by more than a fifth of its whole range (of a share of the
    steps: by more than a fifth), where a half-life falls to less than half, where what was a number is none, and with
    `similarity` where a unit's correlation with the one before is below 0.5. Stored units have no groups.

    Args:
        trace: The run.
        by: As `order_units` takes it.
        head: As `order_units` takes it.
        loss: As `order_units` takes it.
        initial_state: As `order_units` takes it.

    Raises:
        ValueError: as `order_units`.
    """
    if not isinstance(trace, Trace):
        raise ValueError(
            _("units are ordered by a run; {given} is none: give what lstmviz.run made of the cell.").format(
                given=type(trace).__name__
            )
        )
    cell = trace.cell
    if why := why_no_order(cell.kind, by if isinstance(by, str) else "", cell.options):
        raise ValueError(_("the order is {given!r}; {why}.").format(given=by, why=why))
    if by == STORED or not len(trace):
        return Ranked(np.arange(cell.num_units), ())
    if by == SIMILARITY:
        return _chain(_states(trace))
    found = _measure(trace, by, head, loss, initial_state)
    if len(found) != cell.num_units:
        raise ValueError(_("h of this cell is projected: its numbers are none of its units'."))
    order = np.argsort(np.where(np.isnan(found), np.inf, -found), kind="stable")
    found = found.astype(np.float64)
    return Ranked(order, _split(found[order], by), by, found)


def _split(falling: Float[np.ndarray, " units"], by: str) -> tuple[int, ...]:
    """The places at which another group begins, of numbers that fall, with those that are none behind."""
    if by == HALF_LIFE:  # of lengths of time the ratio counts
        with np.errstate(divide="ignore"):
            falling = np.log2(falling)
        most = 1.0
    else:
        finite = falling[np.isfinite(falling)]
        is_share = by.endswith((LOW, HIGH))
        most = _FALLS if is_share or not len(finite) else _FALLS * float(finite[0] - finite[-1])
    before, after = falling[:-1], falling[1:]
    with np.errstate(invalid="ignore"):
        apart = (before - after > most) | (np.isfinite(before) & ~np.isfinite(after))
    return tuple((np.flatnonzero(apart) + 1).tolist())


def order_units(
    trace: Any, by: Any, head: Head | None = None, *, loss: Loss | None = None, initial_state: Any = None
) -> Int[np.ndarray, " num_units"]:
    """The units of a run, those first that have most of something; where they have as much, the one with the lower number.

    Args:
        trace: The run.
        by: `half_life` of what a unit's state holds; the share of steps at which a gate is nearly shut or nearly open,
            `f.low`, `f.high`; how strongly h answers a `step`, an `impulse` or a `sine`, whatever the sign; how much the answer
            changes, or a loss of it rises, `without` the unit, which takes a run for each; `similarity`: each unit beside the
            one that is most like it of those left; or `stored`.
        head: What makes the answer of h, as `silence` takes it; h by default.
        loss: What says how wrong the answers are, as `silence` takes it.
        initial_state: What the runs without a unit start from.

    Raises:
        ValueError: there is no such order, or the cell has no such number of its units.

    >>> import lstmviz as lv
    >>> trace = lv.run(lv.build("GRUCell", num_units=3, input_size=2), [[0.0, 1.0], [1.0, 0.0]], engine="numpy")
    >>> sorted(order_units(trace, "half_life").tolist())
    [0, 1, 2]
    """
    return rank_units(trace, by, head, loss=loss, initial_state=initial_state).order


def _measure(trace: Trace, by: str, head: Any, loss: Any, initial_state: Any) -> Float[np.ndarray, " units"]:
    """What each unit has of it."""
    if by == HALF_LIFE:
        _state, half_life = measure_kept(trace)
        return np.full(trace.cell.num_units, np.nan) if half_life is None else half_life
    if by == WITHOUT:
        return silence(trace.cell, trace.sequence, head, loss=loss, initial_state=initial_state).changes
    if by in RESPONSES:
        found: np.ndarray = np.abs(getattr(atlas(trace), by).gain)
        return found
    gate, _dot, end = by.rpartition(".")
    bounds = RANGES[trace.cell.activation_of(gate)]
    return _saturated(trace, gate, bounds, is_low=f".{end}" == LOW)


def _saturated(
    trace: Trace, gate: str, bounds: tuple[float, float], is_low: bool
) -> Float[np.ndarray, " units"]:
    """The share of steps at which each unit of a gate is near an end, as `Saturation` has it."""
    values = trace.gates[gate]
    near = values < bounds[0] + MARGIN if is_low else values > bounds[1] - MARGIN
    share: np.ndarray = np.mean(near, axis=0)
    return share


def _states(trace: Trace) -> Float[np.ndarray, "steps units"]:
    """What the units are told alike by: their h, and where that is projected another state, or a gate."""
    units = trace.cell.num_units
    found = [*[*trace.states.values()][::-1], *trace.gates.values()]
    return next(values for values in found if values.shape[1] == units)[:: max(1, len(trace) // _MOST_STEPS)]


def _chain(values: Float[np.ndarray, "steps units"]) -> Ranked:
    """Each unit beside the one of those left whose numbers go most alike with its own; the one that moves most comes first."""
    moved = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    moved -= moved.mean(axis=0)
    size = np.sqrt((moved * moved).sum(axis=0))
    alike = (moved / np.where(size, size, 1)).astype(np.float32)  # of many units the square is large
    alike = alike.T @ alike
    order = [int(np.argmax(size))]
    left = np.ones(len(size), bool)
    left[order[0]] = False
    groups, values = [], np.full(len(size), np.nan)
    for place in range(1, len(size)):
        order.append(int(np.argmax(np.where(left, alike[order[-1]], -np.inf))))
        left[order[-1]] = False
        values[order[-1]] = alike[order[-2], order[-1]]
        if values[order[-1]] < _ALIKE:
            groups.append(place)
    return Ranked(np.array(order), tuple(groups), SIMILARITY, values)


COSTS: Mapping[str, int] = MappingProxyType({**dict.fromkeys(RESPONSES, 1_000)})
"""How many steps of runs of its own an order takes beside the one it is of; `without` takes as many again for each unit."""

__all__ = [
    "COSTS", "HALF_LIFE", "SIMILARITY", "STORED", "WITHOUT", "Ranked",
    "list_orders", "order_units", "rank_units", "why_no_order",
]  # fmt: skip
