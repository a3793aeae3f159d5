"""What the values inside a step were, from what a run recorded; and a gate's pre-activation as the sum that it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmviz.cells import Cell
from lstmviz.cells.kind import parts_of
from lstmviz.equation import Node
from lstmviz.equation.activations import ACTIVATIONS
from lstmviz.equation.stable import rewrite
from lstmviz.language import _
from lstmviz.run.arrays import activate, find_operation


class NoSum(ValueError):
    """A number that is no sum of terms: a norm over all units, say."""


class Values:
    """The values of an equation's nodes at some steps.

    Args:
        cell: The cell that ran.
        x: Its input at these steps, `[steps, input_size]`.
        before: The states that each step started from, `[steps, size]`.
        gates: The gates, after their activation.
        after: The states after each step.
        dtype: In which type the rest is computed; by default the cell's.
    """

    def __init__(
        self, cell: Cell, x: np.ndarray, before: Mapping[str, np.ndarray], gates: Mapping[str, np.ndarray],
        after: Mapping[str, np.ndarray], dtype: Any = None,
    ) -> None:  # fmt: skip
        self.cell, self.equation = cell, cell.equation
        self.dtype = np.dtype(dtype or cell.dtype)
        self.steps = len(x)
        self._kept: list[Node] = []  # so that no node's id is given to another one
        self._known: dict[int, Any] = {id(self.equation.x): x}
        self._known |= {id(node): before[name] for name, node in self.equation.states.items()}
        self._known |= {id(node): gates[name] for name, node in self.equation.gates.items()}
        # Where a gate is a new state, both were recorded, and differ by rounding at most: the state is what goes on.
        self._known |= {id(node): after[name] for name, node in self.equation.new.items()}

    def of(self, node: Node) -> Any:
        """The node's value: `[steps, size]`, or `[size]`, or a number where it is the same at each step."""
        if id(node) not in self._known:
            with np.errstate(all="ignore"):
                self._known[id(node)] = self._compute(node)
        return self._known[id(node)]

    def compute(self, node: Node) -> Any:
        """What the node's operation makes of what it is made from, whatever was recorded of it."""
        with np.errstate(all="ignore"):
            return self._compute(node)

    def _compute(self, node: Node) -> Any:
        if node.op == "weight":
            return self.cell.weights[node.value].astype(self.dtype, copy=False)
        if node.op in ("number", "option"):
            return self.dtype.type(node.value if node.op == "number" else self.cell.options[node.value])
        if (stable := rewrite(node)) is not None:
            self._kept.append(stable)
            return self.of(stable)
        if node.op == "activation" and ACTIVATIONS[node.value].made is not None:
            return activate(node.value, self.of(node.args[0]).astype(self.dtype, copy=False))
        args = [self.of(each) for each in node.args]
        args = [
            each.astype(self.dtype, copy=False) if isinstance(each, np.ndarray) else each for each in args
        ]
        if node.op == "called":
            return args[0]
        if node.op == "clip":
            return np.clip(args[0], -args[1], args[1])
        if node.op == "part":
            width = args[0].shape[-1] // node.value.count
            return args[0][..., node.value.index * width : (node.value.index + 1) * width]
        out = np.empty(self._shape(node, args), self.dtype)
        find_operation(node)(*args, out=out)
        return out

    def _shape(self, node: Node, args: list[Any]) -> tuple[int, ...]:
        if node.op == "matmul":
            return (*args[0].shape[:-1], args[1].shape[1])
        if node.op == "concat":
            return (self.steps, sum(each.shape[-1] for each in args))
        shape: tuple[int, ...] = np.broadcast_shapes(*(np.shape(each) for each in args))
        return shape


@dataclass(frozen=True, eq=False)
class Summand:
    """One term at each step: `values * weight`; `rank` orders terms as the kernel's rows, biases, offsets, others."""

    name: str
    values: np.ndarray
    weight: float
    rank: int


def take_apart(values: Values, gate: str, unit: int) -> list[Summand]:
    """The terms of a gate's pre-activation for one unit.

    Raises:
        NoSum: it is no sum of terms; the sentence says what stands in the way.
    """
    node = values.equation.before[gate]
    terms = _Terms(values, gate)
    return sorted(terms.expand(node, unit, unit, top=True), key=lambda term: term.rank)  # stable


class _Terms:
    def __init__(self, values: Values, gate: str) -> None:
        self.values, self.gate = values, gate
        self.equation = values.equation
        self.named = {id(node): name for name, node in self.equation.gates.items()}
        self.named |= {id(node): name for name, node in self.equation.states.items()}
        self.named |= {
            id(node): name for name, node in self.equation.new.items() if id(node) not in self.named
        }
        self.ones = np.ones(values.steps, values.dtype)

    def expand(
        self, node: Node, column: int, unit: int, *, top: bool = False, prefix: str = "", by: Any = None, sign: float = 1.0
    ) -> Iterator[Summand]:  # fmt: skip
        """The summands of `node` in one column; each times `by`, which `prefix` names."""
        factor = self.ones if by is None else by

        def term(name: str, values: Any, weight: float, rank: int) -> Summand:
            return Summand(prefix + name, np.broadcast_to(values, factor.shape) * factor, sign * weight, rank)

        if not top and id(node) in self.named:
            yield term(f"{self.named[id(node)]}[{unit}]", self.values.of(node)[..., column], 1.0, 4)
        elif node.op in ("add", "sub"):
            for each, own in zip(node.args, (sign, -sign if node.op == "sub" else sign), strict=True):
                yield from self.expand(each, column, unit, prefix=prefix, by=by, sign=own)
        elif node.op == "neg":
            yield from self.expand(node.args[0], column, unit, prefix=prefix, by=by, sign=-sign)
        elif node.op == "called":
            yield from self.expand(node.args[0], column, unit, prefix=prefix, by=by, sign=sign)
        elif node.op == "part":
            width = self.values.equation.width(node).evaluate(self.values.cell.sizes)  # type: ignore[union-attr]
            inside = column + node.value.index * width
            yield from self.expand(node.args[0], inside, unit, prefix=prefix, by=by, sign=sign)
        elif node.op == "matmul":
            weights = self.values.of(node.args[1])[:, column]
            for name, values, weight in zip(*self._met(node.args[0]), weights, strict=True):
                yield term(name, values, float(weight), 0)
        elif node.op == "weight":
            name, rank = self._name_bias(node.value)
            yield term(name, 1.0, float(self.values.of(node)[column]), rank)
        elif node.op in ("number", "option"):
            name = node.value if node.op == "option" else f"{node.value:g}"
            yield term(name, 1.0, float(self.values.of(node)), 3)
        elif node.op == "mul":
            yield from self._multiply(node, column, unit, prefix, factor, sign)
        else:
            self._refuse(node)

    def _multiply(
        self, node: Node, column: int, unit: int, prefix: str, factor: np.ndarray, sign: float
    ) -> Iterator[Summand]:  # fmt: skip
        for by, of in (node.args, node.args[::-1]):
            name = self._name_factor(by)
            if name is None:
                continue
            value = self.values.of(by)
            value = value if np.ndim(value) == 0 else value[..., column]
            if of.op == "weight":
                weight = float(self.values.of(of)[column])
                yield Summand(
                    f"{prefix}{name}[{unit}]", np.broadcast_to(value, factor.shape) * factor, sign * weight, 4
                )
            else:
                own = f"{prefix}{name}[{unit}] * " if np.ndim(value) else f"{prefix}{name} * "
                yield from self.expand(of, column, unit, prefix=own, by=factor * value, sign=sign)
            return
        self._refuse(node)

    def _name_factor(self, node: Node) -> str | None:
        """How a factor is written that is one number a unit, recorded or given."""
        if id(node) in self.named:
            return self.named[id(node)]
        if node.op == "option":
            return str(node.value)
        return f"{node.value:g}" if node.op == "number" else None

    def _met(self, met: Node) -> tuple[list[str], list[np.ndarray]]:
        names: list[str] = []
        columns: list[np.ndarray] = []
        for part in parts_of(met):
            values = self.values.of(part)
            names += [self._write(part, index) for index in range(values.shape[-1])]
            columns += list(values.T)
        return names, columns

    def _write(self, part: Node, index: int) -> str:
        if part is self.equation.x:
            return f"x[{index}]"
        if id(part) in self.named:
            return f"{self.named[id(part)]}[{index}]"
        if part.op == "mul":
            return " * ".join(self._write(each, index) for each in part.args)
        return f"({part!r})[{index}]"

    def _name_bias(self, name: str) -> tuple[str, int]:
        biases = [v for v in self.values.cell.kind.variables if v.is_bias and self.gate in v.gates]
        own = next((v for v in biases if v.name == name), None)
        if own is None:
            return name, 4
        alike = [v for v in biases if (v.meets[0] == "x") == (own.meets[0] == "x")]
        if len(alike) > 1:
            return name, 1
        return ("bias", 1) if own.meets[0] == "x" else ("hidden_bias", 2)

    def _refuse(self, node: Node) -> None:
        what = _("a norm over all units") if node.op == "norm" else _("the operation {op}").format(op=node.op)
        raise NoSum(
            _(
                "what {gate} is before its activation is no sum of terms: {what} is in it. trace.preactivations has the number, "
                "trace.inside(t, gate, unit) the sums inside it."
            ).format(gate=self.gate, what=what)
        )
