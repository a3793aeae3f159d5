"""What can be shown of a pre-activation that is no sum of terms: the sums inside it, and what is done to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz.equation import Equation, Node
from lstmviz.language import _
from lstmviz.run.terms import Expansion, Summand, has_product, name_obstacle, name_values
from lstmviz.run.values import NoSum, Values
from lstmviz.run.written import (
    Written,
    is_constant,
    say,
    say_factor,
    subscript,
    write_leaf,
    write_number,
    write_operation,
)

_LETTERS = "zsyvq"  # what sums are called, as in a cell's formulas


@dataclass(frozen=True, eq=False)
class InnerSum:
    """A sum inside a pre-activation: its name, its terms, and its value at each step, `[steps]`."""

    name: str
    terms: list[Summand]
    values: Float[np.ndarray, " steps"]


@dataclass(frozen=True, eq=False)
class Outline:
    """How a pre-activation is made of the sums inside it.

    Attributes:
        sums: The sums, in the order in which they are met; the pre-activation itself where it is one.
        written: What is done to them.
        obstacles: What keeps it from being one sum; nothing where it is one.
        norms: What is normalised, and over how many numbers, so that a mean and a deviation are of something.
        values: What this gives, `[steps]`, from the numbers that are written.
    """

    sums: tuple[InnerSum, ...]
    written: Written
    obstacles: tuple[str, ...]
    norms: tuple[tuple[str, int], ...]
    values: Float[np.ndarray, " steps"]


def outline(values: Values, gate: str, unit: int) -> Outline:
    """The sums inside a gate's pre-activation for one unit, and what is done to them."""
    return _Outliner(values, gate, unit).outline()


class _Outliner:
    def __init__(self, values: Values, gate: str, unit: int) -> None:
        self.values, self.gate, self.unit = values, gate, unit
        self.equation, self.expansion = values.equation, Expansion(values, gate)
        self.letter = choose_letter(self.equation)
        self.names = name_values(self.equation)
        self.sums: dict[tuple[int, int], InnerSum] = {}
        self.obstacles: dict[str, None] = {}
        self.norms: dict[tuple[str, int], None] = {}

    def outline(self) -> Outline:
        before = self.equation.before[self.gate]
        made = self._spread(self.values.compute(before), self.unit)
        try:
            terms = self.expansion.expand(before, self.unit, self.unit)
        except NoSum:
            written = self._express(before, self.unit)
            return Outline(tuple(self.sums.values()), written, tuple(self.obstacles), tuple(self.norms), made)
        name = subscript("Σ", self.gate)
        return Outline((InnerSum(name, terms, made),), write_leaf(name, made), (), (), made)

    def _spread(self, value: Any, column: int) -> np.ndarray:
        """One column of a value at each step, in float64."""
        column_ = value if np.ndim(value) == 0 else value[..., column]
        return np.broadcast_to(column_, self.values.steps).astype(np.float64)

    def _column(self, node: Node, column: int) -> np.ndarray:
        return self._spread(self.values.of(node), column)

    def _write(self, node: Node, column: int) -> Written:
        """A value inside: by its name, as a sum, or as what it is made of."""
        if id(node) in self.names:
            return write_leaf(self.names[id(node)], self._column(node, column))
        if node.op == "number":
            return write_number(node.value)
        if is_constant(node):
            return write_leaf(say_factor(node), self._column(node, column))
        if has_product(node):
            try:
                return self._write_sum(node, column)
            except NoSum:
                pass
        return self._express(node, column)

    def _write_sum(self, node: Node, column: int) -> Written:
        key = id(node), column
        if key not in self.sums:
            terms = self.expansion.expand(node, column, column)
            name = subscript(self.letter, self.gate) + "'" * len(self.sums)
            self.sums[key] = InnerSum(name, terms, self._column(node, column))
        return write_leaf(self.sums[key].name, self.sums[key].values)

    def _express(self, node: Node, column: int) -> Written:
        """A value as what is done to what it is made of."""
        if node.op in ("part", "concat"):
            return self._write(*self.expansion.find_column(node, column))
        if node.op == "called":
            return self._write(node.args[0], column)
        if node.op == "x":
            return write_leaf(f"x[{column}]", self._column(node, column))
        if node.op in ("add", "sub", "neg"):
            return write_operation(node, [self._write(each, column) for each in node.args])
        is_scaled = node.op == "mul" and not all(map(has_product, node.args))
        if not is_scaled and not (node.op == "activation" and node.value == "linear"):
            self.obstacles[name_obstacle(node, self.equation)] = None
        if node.op == "norm":
            return self._write_norm(node, column)
        return write_operation(node, [self._write(each, column) for each in node.args])

    def _write_norm(self, node: Node, column: int) -> Written:
        inside, gamma, beta = node.args
        written = self._write(inside, column)
        count = self.values.of(inside).shape[-1]
        self.norms[written.symbols, count] = None
        mean, deviation = find_moments(self.values.of(inside), node.value)
        operands = [written, write_leaf("mean", mean), write_leaf("deviation", deviation)]
        operands += [write_leaf(name_factor(each), self._column(each, column)) for each in (gamma, beta)]
        return write_operation(node, operands)


def choose_letter(equation: Equation) -> str:
    """What an equation's sums are called beside its gates and states, which have letters too."""
    taken = {*equation.gates, *equation.states}
    return next((letter for letter in _LETTERS if letter not in taken), "sum")


def find_moments(values: Any, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean over all units at each step, and the deviation that a norm divides by, `[steps]` each."""
    wide = np.asarray(values, np.float64)
    with np.errstate(all="ignore"):
        mean = wide.mean(axis=-1)
        centred = wide - mean[..., np.newaxis]
        return mean, np.sqrt((centred * centred).mean(axis=-1) + epsilon)


def name_factor(node: Node) -> str:
    """How a norm's factor or summand is written: a weight by the last word of its name, `gamma` of `forget/gamma`."""
    return str(node.value).rpartition("/")[2] if node.op == "weight" else say(node, {})


def say_norms(norms: tuple[tuple[str, int], ...], num_units: int) -> str:
    """Of what a written norm's mean and deviation are, in a clause; empty where there is none."""
    if not norms:
        return ""
    names, count = ", ".join(dict.fromkeys(name for name, _count in norms)), norms[0][1]
    if count == num_units:
        return _("mean and deviation are those of {names} over all {count} units").format(
            names=names, count=count
        )
    return _("mean and deviation are those of {names} over all {count} numbers of their product").format(
        names=names, count=count
    )
