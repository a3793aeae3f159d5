"""What each unit does for the answer: the run without it, for all units at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lstmviz.cells import Cell, structure_of
from lstmviz.equation import Node
from lstmviz.language import _
from lstmviz.run.arrays import Program, find_operation
from lstmviz.run.lowered import CONSTANT, STEP, Lowered, lower
from lstmviz.run.plan import make_plan
from lstmviz.run.start import check_start
from lstmviz.run.trace import check_index

Head = Callable[[np.ndarray], np.ndarray]
Loss = Callable[[np.ndarray], float]

_AT_ONCE = 256  # runs side by side: what a step computes stays in a core's cache
_MOST_KEPT = 2**24  # numbers of the answers that are kept at once, where a loss is of every step
_HELD = "h"


@dataclass(frozen=True, eq=False)
class Silenced:
    """The answers of a cell without one of its units, for each unit.

    Attributes:
        units: The units that were silenced, one after the other: each with its h held at 0.
        t: The step after which the answer is told.
        answer: The answer with all units, `[size]`: what the head makes of h, or h itself.
        answers: The answer without each unit, `[units, size]`.
        loss: How wrong the answers after all steps up to t are with all units; None where no loss was given.
        losses: The same without each unit, `[units]`, in float64.
    """

    units: tuple[int, ...]
    t: int
    answer: Float[np.ndarray, " size"] = field(repr=False)
    answers: Float[np.ndarray, "units size"] = field(repr=False)
    loss: float | None = None
    losses: Float[np.ndarray, " units"] | None = field(repr=False, default=None)

    @cached_property
    def changes(self) -> Float[np.ndarray, " units"]:
        """By how much the loss rises without each unit; without a loss how far each answer is from the one with all units.

        That is the Euclidean norm of the difference, in float64. A loss may fall.
        """
        with np.errstate(all="ignore"):
            if self.losses is not None:
                return self.losses - self.loss
            differences = self.answers.astype(np.float64) - self.answer.astype(np.float64)
            changes: np.ndarray = np.sqrt((differences * differences).sum(axis=1))
        return changes

    @cached_property
    def order(self) -> Int[np.ndarray, " units"]:
        """The units, the one without which the answer changes most, or the loss rises most, first; NaN before all others."""
        changes = np.where(np.isnan(self.changes), np.inf, self.changes)
        order: np.ndarray = np.asarray(self.units)[np.argsort(-changes, kind="stable")]
        return order


def silence(
    cell: Any,
    x: Any,
    head: Any = None,
    *,
    loss: Any = None,
    units: Any = None,
    t: int | None = None,
    initial_state: Mapping[str, Any] | None = None,
) -> Silenced:
    """Runs the cell once without each unit, and ranks the units by how much the answer changes.

    A silenced unit's h is held at 0 at every step, as `run(cell, x, clamp={"h": {unit: 0.0}})` does, so neither the gates
    nor the answer see it; its initial h stays. Computed in NumPy, all units side by side.

    Args:
        cell: The cell.
        x: The sequence, `[time, input_size]`.
        head: What makes the answer of h, `[rows, output_size]` to `[rows, ...]`: a layer behind the cell, such as a `Linear`. By
            default h is the answer, the silenced unit's own 0 in it.
        loss: What says how wrong answers are: a function of those after every step up to t, `[steps, size]`, to a number. With
            it the units are ranked by how much it rises.
        units: The units of h to silence; all by default.
        t: The step after which the answer is told; the last one by default.
        initial_state: As `run` takes it.

    Raises:
        ValueError: there are no steps, or there is no such unit or step; the head does not give one answer a row.

    >>> import lstmviz as lv
    >>> found = silence(lv.build("GRUCell", num_units=3, input_size=2, seed=0), [[0.0, 1.0], [1.0, 0.0]])
    >>> found.answers.shape, sorted(found.order.tolist())
    ((3, 3), [0, 1, 2])
    """
    if not isinstance(cell, Cell):
        raise ValueError(
            _("cell is {given}; it must be a cell, as lstmviz.build makes one.").format(
                given=type(cell).__name__
            )
        )
    if head is not None and not callable(head):
        raise ValueError(
            _(
                "head is {given}; it must be a function of h, such as a Linear, or left out: then h is the answer."
            ).format(given=type(head).__name__)
        )
    if loss is not None and not callable(loss):
        raise ValueError(
            _("loss is {given}; it must be a function of the answers, or left out.").format(
                given=type(loss).__name__
            )
        )
    if units is not None and (isinstance(units, str | bytes) or not isinstance(units, Iterable)):
        raise ValueError(
            _("units is {given!r}; it must be some units of h, such as [0, 3].").format(given=units)
        )
    sequence, start = check_start(cell, x, initial_state)
    if not len(sequence):
        raise ValueError(_("x has no steps, so there is no answer; give at least one."))
    t = check_index("t", len(sequence) - 1 if t is None else t, len(sequence))
    every = range(cell.output_size) if units is None else units
    wanted = tuple(check_index("unit", unit, cell.output_size) for unit in every)
    values = sequence.values[: t + 1].astype(cell.dtype, copy=False)
    last: list[np.ndarray] = []
    losses: list[float] = []
    at_once = (
        _AT_ONCE if loss is None else max(1, min(_AT_ONCE, _MOST_KEPT // (len(values) * cell.output_size)))
    )
    for steps in _run_without(cell, values, start, [None, *wanted], at_once):
        # Without a loss the last step's answers are enough.
        answers = [_answer(head, h) for h in (steps if loss is not None else deque(steps, 1))]
        last.append(answers[-1])
        if loss is not None:
            losses += [_measure(loss, each) for each in np.stack(answers, axis=1)]
    found, without = np.concatenate(last).astype(cell.dtype, copy=False), np.array(losses[1:], np.float64)
    for each in (found, without):
        each.setflags(write=False)
    is_measured = loss is not None
    return Silenced(
        wanted, t, found[0], found[1:], losses[0] if is_measured else None, without if is_measured else None
    )


def _answer(head: Head | None, h: np.ndarray) -> np.ndarray:
    """The answers of some runs after a step, `[runs, size]`."""
    answers = h if head is None else np.asarray(head(h))
    if answers.ndim < 1 or len(answers) != len(h):
        raise ValueError(
            _("head gives {given} for {rows} rows of h; it must give an answer for each row.").format(
                given=list(answers.shape), rows=len(h)
            )
        )
    return np.array(answers.reshape(len(h), -1))


def _measure(loss: Loss, answers: np.ndarray) -> float:
    """How wrong the answers of a run are."""
    found = np.asarray(loss(answers))
    if found.shape or found.dtype.kind not in "fiu":
        raise ValueError(
            _("loss gives {given} for answers {shape}; it must give one number.").format(
                given=f"{found.dtype} {list(found.shape)}", shape=list(answers.shape)
            )
        )
    return float(found)


def _run_without(
    cell: Cell, x: np.ndarray, start: list[np.ndarray], units: list[int | None], at_once: int
) -> Iterator[Iterator[np.ndarray]]:
    """Of some runs side by side the h after each step, `[runs, output_size]`; and of the next ones."""
    lowered = lower(cell.kind.equation(dict(structure_of(cell.options))), (_HELD,))
    numbers = {name: value for name, value in cell.options.items() if isinstance(value, float)}
    program = Program(make_plan(lowered, reorder=False), cell.weights, numbers, cell.sizes, cell.dtype)
    with np.errstate(all="ignore"):
        # No number of the clamp is in what is known ahead: it differs from run to run, and is no column beside x.
        program.make_ahead(np.pad(x, [(0, 0), (0, 2 * cell.output_size)]))
        for first in range(0, len(units), at_once):
            yield _Batch(lowered, program, units[first : first + at_once]).run(len(x), start)


class _Batch:
    """Runs side by side, each without one unit: each value is `[runs, size]`."""

    def __init__(self, lowered: Lowered, program: Program, units: list[int | None]) -> None:
        self.lowered, self.program, self.count = lowered, program, len(units)
        where, value = lowered.given
        silent = np.zeros((self.count, program.size(where)), program.dtype)
        for row, unit in enumerate(units):
            if unit is not None:
                silent[row, unit] = 1
        self.values: dict[int, Any] = {id(where): silent, id(value): np.zeros_like(silent)}
        self.stepped = self._find_stepped()
        self.held = {id(where), id(value), *(id(node) for node in self.stepped)}
        self.calls = [(node, find_operation(node), self._make_room(node)) for node in self.stepped]

    def _find_stepped(self) -> list[Node]:
        """What differs from run to run, each after what it is made from."""
        found = {id(leaf) for leaf in self.lowered.given}
        nodes = []
        for node in self.lowered.nodes:
            if node.op == "state" or (
                node.args
                and (self.program.phase(node) == STEP or any(id(each) in found for each in node.args))
            ):
                found.add(id(node))
                nodes.append(node)
        return nodes

    def _make_room(self, node: Node) -> np.ndarray:
        """Where a value is written at every step; a part lies in what it is a part of."""
        if node.op == "part":
            whole, width = self.values[id(node.args[0])], self.program.size(node)
            room = whole[:, node.value.index * width : (node.value.index + 1) * width]
        else:
            room = np.empty((self.count, self.program.size(node)), self.program.dtype)
        self.values[id(node)] = room
        return room

    def run(self, steps: int, start: list[np.ndarray]) -> Iterator[np.ndarray]:
        """The h of each run after each step."""
        leaves = {node.value: self.values[id(node)] for node in self.stepped if node.op == "state"}
        for name, state in zip(self.lowered.new, start, strict=True):
            if name in leaves:
                leaves[name][:] = state
        for step in range(steps):
            for node, compute, room in self.calls:
                if node.op not in ("state", "part"):
                    compute(*(self._read(each, node, step) for each in node.args), out=room)
            new = {name: np.array(self._read(node, node, step)) for name, node in self.lowered.new.items()}
            for name, leaf in leaves.items():
                leaf[:] = new[name]
            yield np.broadcast_to(new[_HELD], (self.count, new[_HELD].shape[-1]))

    def _read(self, node: Node, within: Node, step: int) -> Any:
        """What an operand is at a step."""
        if id(node) in self.values:
            return self.values[id(node)]
        known = self.program.known[id(node)]
        is_moving = np.ndim(known) == 2 and within.op != "matmul" and self.program.phase(node) != CONSTANT
        row = known[step] if is_moving else known
        if within.op == "concat":
            return np.broadcast_to(row, (self.count, np.shape(row)[-1]))
        return row


__all__ = ["Silenced", "silence"]
