"""Which step wrote what share of a state: what it wrote, times all that was kept of it since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz.cells import Cell
from lstmviz.equation import Equation, Node
from lstmviz.equation.carry import Carry, Obstacle, find_carry
from lstmviz.equation.nodes import walk
from lstmviz.language import _, _mark
from lstmviz.run.terms import name_obstacle, name_values
from lstmviz.run.trace import Trace, check_index
from lstmviz.run.values import Values
from lstmviz.run.written import plain, say

# What mixes units, as a sentence's subject.
_MIXING = {
    "matmul": _mark("a matrix, which mixes the units,"),
    "part": _mark("a split into blocks"),
    "concat": _mark("a row of several vectors"),
}


_MOST_SHARES = 2**27  # a gigabyte in float64


class NoLedger(ValueError):
    """A state that is not its old value times a factor and something added, unit by unit."""


@dataclass(frozen=True, eq=False)
class Ledger:
    """The shares that each step has in a state after step `t`, the gates being what they were.

    The equation says of the state that it is `factor * old + write`, `f * c + i * j` in an LSTM. So after step `t` there
    is left of each earlier write the product of all factors since; what is left of the initial state stands apart, in
    `initial`. The first axis of each array is the step that wrote: `shares.sum(axis=0) + initial` is the state, up to the
    rounding of the run. All are float64, computed from what was recorded. Where the run held the state itself, that step
    wrote all of it.

    Attributes:
        trace: The run.
        state: The state's name, `c`.
        unit: The unit; None for all of them, which are a last axis then.
        t: The step after which the state is told.
        writes: What each step added, `[t + 1]`, or `[t + 1, num_units]` for all units.
        factors: How much of the old value each step kept, alike.
        written: How a formula writes what was added, `i · j`; `0` where nothing is.
        factor: How it writes the factor, `f`.
    """

    trace: Trace = field(repr=False)
    state: str
    unit: int | None
    t: int
    writes: Float[np.ndarray, "steps ..."] = field(repr=False)
    factors: Float[np.ndarray, "steps ..."] = field(repr=False)
    written: str
    factor: str

    def __len__(self) -> int:
        return len(self.writes)

    @cached_property
    def survival(self) -> Float[np.ndarray, "steps ..."]:
        """How much of each step's write is left after step `t`: 1 of the last one's."""
        left = np.ones_like(self.factors)
        with np.errstate(all="ignore"):
            np.cumprod(self.factors[:0:-1], axis=0, out=left[-2::-1])
        return _frozen(left)

    @cached_property
    def shares(self) -> Float[np.ndarray, "steps ..."]:
        """What each step's write is worth after step `t`; with `initial` they add up to the state."""
        with np.errstate(all="ignore"):
            return _frozen(self.survival * self.writes)

    @cached_property
    def initial(self) -> Float[np.ndarray, "*units"]:
        """What is left of the initial state after step `t`: 0 where that was 0."""
        start = self._column(self.trace.initial_state[self.state]).astype(np.float64)
        with np.errstate(all="ignore"):
            return _frozen(np.asarray(self.survival[0] * self.factors[0] * start))

    @property
    def value(self) -> Float[np.ndarray, "*units"]:
        """The state after step `t`, as the run recorded it."""
        return self._column(self.trace.states[self.state][self.t]).astype(np.float64)

    def over_time(self, first: int = 0) -> Float[np.ndarray, "steps steps ..."]:
        """The shares after every step up to `t`: `[s, r]` is what step `s` wrote as it is after step `r`; 0 before it.

        The last column is `shares`. For all units these are `(t + 1)² * num_units` numbers; where that is a gigabyte and more,
        `each_step` has them one step after the other.

        Args:
            first: The first step that is told of, as one that wrote and as one after which is told; the axes begin with it.

        Raises:
            ValueError: they are too many to be kept at once, or there is no such step.
        """
        first = check_index("first", first, len(self))
        writes, factors = self.writes[first:], self.factors[first:]
        if (count := writes.size * len(writes)) > _MOST_SHARES:
            raise ValueError(
                _(
                    "the shares after every step are {count:,} numbers, and at most {most:,} are made at once: take one unit, an "
                    "earlier t, or each_step(), which gives them step by step."
                ).format(count=count, most=_MOST_SHARES)
            )
        found = np.zeros(
            (len(writes), *writes.shape), np.float64
        )  # [r, s], which is written from front to back
        with np.errstate(all="ignore"):
            for step in range(len(writes)):
                if step:
                    np.multiply(found[step - 1, :step], factors[step], out=found[step, :step])
                found[step, step] = writes[step]
        return found.swapaxes(0, 1)

    def each_step(self) -> Iterator[Float[np.ndarray, "written ..."]]:
        """The shares after each step up to `t`, one step after the other: what the steps up to that one wrote, as it is then.

        Of step `r` these are `over_time()[: r + 1, r]`, `r + 1` shares of each unit; all steps' need not be kept at once.
        """
        left = np.empty_like(self.writes)
        for step in range(len(self)):
            with np.errstate(all="ignore"):
                left[:step] *= self.factors[step]
            left[step] = self.writes[step]
            yield left[: step + 1].copy()

    def initial_over_time(self) -> Float[np.ndarray, "steps ..."]:
        """What is left of the initial state after every step up to `t`."""
        start = self._column(self.trace.initial_state[self.state]).astype(np.float64)
        with np.errstate(all="ignore"):
            left: np.ndarray = np.cumprod(self.factors, axis=0) * start
        return left

    @property
    def held(self) -> np.ndarray:
        """At which steps up to `t` the run held the state, shaped as `writes`: there all of it counts as written."""
        return _find_held(self.trace, self.state, self.unit, len(self))

    def _column(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values if self.unit is None else values[self.unit])


def ledger(trace: Any, unit: int | None, t: int | None = None, state: str | None = None) -> Ledger:
    """Which step wrote what share of a state, exactly, and read from the equation: a kind of one's own has it too.

    A share is what the state would be short of had that step not written, every gate being held at what it was; what
    the write did to later gates is not in it (`gradients` tells of that).

    Args:
        trace: The run.
        unit: A unit of the state, from 0; None for all.
        t: The step after which the state is told, from 0; the last one by default.
        state: The state; by default the first, in the equation's order, of which there is one: c of an LSTM, h of a GRU.

    Raises:
        NoLedger: a `ValueError`: the state is no sum of what earlier steps wrote; the sentence says what stands in the way.
        ValueError: the trace has no steps, or there is no such unit, step or state.

    >>> import lstmviz as lv
    >>> trace = lv.run(lv.build("GRUCell", num_units=3, input_size=2), [[0.0, 1.0], [1.0, 0.0]], engine="numpy")
    >>> found = ledger(trace, unit=1)
    >>> found.state, found.factor, found.written, found.shares.shape
    ('h', 'u', '(1 − u) · c', (2,))
    >>> bool(abs(found.shares.sum() - trace.states["h"][-1, 1]) < 1e-6)
    True
    """
    if not isinstance(trace, Trace):
        raise ValueError(
            _("a ledger is of a run; {given} is none: give what lstmviz.run made of the cell.").format(
                given=type(trace).__name__
            )
        )
    if not len(trace):
        raise ValueError(
            _("the trace has no steps, so no step wrote anything; run the cell over at least one.")
        )
    t = check_index("t", len(trace) - 1 if t is None else t, len(trace))
    state, carry = _choose(trace.cell, state)
    if unit is not None:
        unit = check_index("unit", unit, trace.cell.state_size(state))
    values = trace.values(slice(0, t + 1), np.float64)
    size = trace.cell.state_size(state)
    names = name_values(trace.cell.equation)
    writes, factors = (_spread(values, node, unit, size) for node in (carry.write, carry.factor))
    _hold(trace, state, unit, writes, factors)
    return Ledger(
        trace=trace,
        state=state,
        unit=unit,
        t=t,
        writes=_frozen(writes),
        factors=_frozen(factors),
        written="0" if carry.write is None else plain(say(carry.write, names)),
        factor=plain(say(carry.factor, names)),
    )


def list_ledgers(cell: Cell) -> tuple[str, ...]:
    """The states of which there is a ledger, in the equation's order."""
    return list_carried(cell.equation)


@lru_cache(64)
def list_carried(equation: Equation) -> tuple[str, ...]:
    """The states that an equation keeps by a factor for each unit, in its order."""
    found = []
    for name in equation.states:
        with suppress(Obstacle):
            find_carry(equation, name)
            found.append(name)
    return tuple(found)


def _choose(cell: Cell, state: str | None) -> tuple[str, Carry]:
    """The state that was asked for, or the first that has a ledger.

    Raises:
        NoLedger: there is none.
        ValueError: there is no such state.
    """
    if state is not None and state not in cell.kind.states:
        raise ValueError(
            _("state is {given!r}; {kind} has the states {allowed}.").format(
                given=state, kind=cell.kind.name, allowed=", ".join(cell.kind.states)
            )
        )
    why = []
    for name in cell.kind.states if state is None else (state,):
        try:
            return name, find_carry(cell.equation, name)
        except Obstacle as obstacle:
            why.append(_refuse(obstacle.node, name, cell))
    raise NoLedger(" ".join(why))


def _refuse(node: Node, state: str, cell: Cell) -> str:
    """Why a state has no ledger, in a sentence."""
    kind, equation = cell.kind.name, cell.equation
    if node is equation.states[state] and node not in walk(equation.new[state]):
        return _("{state} of {kind} has no ledger: each step makes it anew, without its old value.").format(
            state=state, kind=kind
        )
    if node is equation.states[state]:
        return _(
            "{state} of {kind} has no ledger: each step makes it anew, and its old value enters through gates alone."
        ).format(state=state, kind=kind)
    if node.op == "state":
        return _(
            "{state} of {kind} has no ledger: it and {other} are made of each other outside the gates."
        ).format(state=state, kind=kind, other=node.value)
    words = _MIXING.get(node.op)
    return _(
        "{state} of {kind} has no ledger, for {what} is between its old value and the new one; it must be its old value "
        "times a factor for each unit, and something added."
    ).format(state=state, kind=kind, what=_(words) if words else name_obstacle(node, equation))


def _spread(values: Values, node: Node | None, unit: int | None, size: int) -> np.ndarray:
    """A value at each step in float64: of one unit, or of all."""
    if node is None:
        value: Any = np.zeros(())
    else:
        value = values.of(node) if unit is None else values.of_column(node, unit)
    shape = (values.steps, size) if unit is None else (values.steps,)
    return np.array(np.broadcast_to(value, shape), np.float64)


def _hold(trace: Trace, state: str, unit: int | None, writes: np.ndarray, factors: np.ndarray) -> None:
    """Where the run held the state, its step wrote all of it and kept nothing."""
    at = slice(len(writes)), slice(None) if unit is None else unit
    held = _find_held(trace, state, unit, len(writes))
    writes[held] = trace.states[state][at][held]
    factors[held] = 0


def _find_held(trace: Trace, state: str, unit: int | None, steps: int) -> np.ndarray:
    """Where the run held a state, at each of the first steps."""
    equation, at = trace.cell.equation, (slice(steps), slice(None) if unit is None else unit)
    held = np.zeros(trace.states[state][at].shape, bool)
    # Where the new state has a name, it may be held as the gate of that name.
    for name in (state, *(name for name, gate in equation.gates.items() if gate is equation.new[state])):
        if name in trace.clamp:
            held |= ~np.isnan(trace.clamp[name][at])
    return held


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


__all__ = ["Ledger", "NoLedger", "ledger", "list_carried", "list_ledgers"]
