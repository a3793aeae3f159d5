"""A gate's pre-activation as the sum that it is, or the refusal to call it one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmviz.cells.kind import parts_of
from lstmviz.equation import Equation, Node
from lstmviz.language import _, _mark
from lstmviz.run.values import NoSum, Values
from lstmviz.run.written import is_constant, say, write_activation


@dataclass(frozen=True, eq=False)
class Summand:
    """One term at each step: `values * weight`.

    Attributes:
        label: How it is written: `x[2]`, `h[5]`; a state that the same step made with `_t`, `c_t[3]`.
        name: The same without that.
        values: What meets the weight, `[steps]`.
        weight: The number from the cell's weights and options.
        rank: Terms stand in the order of the kernel's rows, biases, hidden biases, offsets, others.
        alone: Whether no number of x or of a state is in it, but at most a gate: a bias, an offset.
        symbol: How a formula writes it where no product with a matrix is in it, with its sign: `−m_t`, `w_o · c_t`; else empty.
    """

    label: str
    name: str
    values: np.ndarray
    weight: float
    rank: int
    alone: bool = False
    symbol: str = ""


# What no sum goes through, as a sentence's subject.
_OBSTACLES: Mapping[str, str] = {
    "norm": _mark("a norm over all units"),
    "max": _mark("a maximum"),
    "min": _mark("a minimum"),
    "if_zero": _mark("a choice between two values"),
    "div": _mark("a quotient"),
    "mul": _mark("a product of two sums"),
    "sqrt": _mark("a square root"),
    "log": _mark("a logarithm"),
    "clip": _mark("a clip"),
}


def take_apart(values: Values, gate: str, unit: int) -> list[Summand]:
    """The terms of a gate's pre-activation for one unit.

    Raises:
        NoSum: it is no sum of terms; the sentence says what stands in the way.
    """
    return Expansion(values, gate).expand(values.equation.before[gate], unit, unit)


class Expansion:
    """The terms of sums inside a gate's pre-activation."""

    def __init__(self, values: Values, gate: str) -> None:
        self.values, self.gate = values, gate
        self.equation = values.equation
        self.named = {id(node): name for name, node in self.equation.gates.items()}
        self.named |= {id(node): name for name, node in self.equation.states.items()}
        self.named |= {
            id(node): f"{name}_t" for name, node in self.equation.new.items() if id(node) not in self.named
        }
        self.made = re.compile(rf"\b({'|'.join(map(re.escape, self.equation.new))})_t(?=\[)")
        self.symbols = name_values(self.equation)
        self.ones = np.ones(values.steps, values.dtype)

    def expand(self, node: Node, column: int, unit: int) -> list[Summand]:
        """The terms of one column of `node`; `unit` is what that column is called.

        Raises:
            NoSum: it is no sum.
        """
        terms = self._expand(node, column, unit, top=True)
        return sorted(terms, key=lambda term: term.rank)  # stable

    def _expand(
        self, node: Node, column: int, unit: int, *, top: bool = False, prefix: str = "", by: Any = None, sign: float = 1.0
    ) -> Iterator[Summand]:  # fmt: skip
        """The summands of `node` in one column; each times `by`, which `prefix` names."""
        factor = self.ones if by is None else by

        def term(
            name: str, values: Any, weight: float, rank: int, alone: bool = False, symbol: str = ""
        ) -> Summand:
            met = np.asarray(values, factor.dtype)
            if by is not None or met.shape != factor.shape:
                met = met * factor
            return self._summand(prefix + name, met, sign * weight, rank, alone, _signed(symbol, sign))

        if (not top or node.op == "state") and id(node) in self.named:
            name, symbol = f"{self.named[id(node)]}[{unit}]", "" if prefix else self.symbols[id(node)]
            yield term(name, self.values.of(node)[..., column], 1.0, 4, symbol=symbol)
        elif node.op in ("add", "sub"):
            for each, own in zip(node.args, (sign, -sign if node.op == "sub" else sign), strict=True):
                yield from self._expand(each, column, unit, prefix=prefix, by=by, sign=own)
        elif node.op == "neg":
            yield from self._expand(node.args[0], column, unit, prefix=prefix, by=by, sign=-sign)
        elif node.op == "called" or (node.op == "activation" and node.value == "linear"):
            yield from self._expand(node.args[0], column, unit, prefix=prefix, by=by, sign=sign)
        elif node.op in ("part", "concat"):
            inside, of = self.find_column(node, column)
            yield from self._expand(inside, of, unit, prefix=prefix, by=by, sign=sign)
        elif node.op == "matmul":
            weights = self.values.of(node.args[1])[:, column]
            for name, values, weight in zip(*self._met(node.args[0]), weights, strict=True):
                yield term(name, values, float(weight), 0)
        elif node.op == "weight":
            name, rank = self._name_bias(node.value)
            yield term(name, 1.0, float(self.values.of(node)[column]), rank, alone=True)
        elif node.op in ("number", "option"):
            value = float(self.values.of(node))
            if value or node.op == "number":  # an option at 0 adds nothing, and is in no formula either
                yield term(say(node, {}), 1.0, value, 3, alone=True)
        elif is_constant(node):
            yield term(say(node, {}), 1.0, float(self.column(node, column)), 4, alone=True)
        elif node.op == "mul":
            yield from self._multiply(node, column, unit, prefix, factor, sign)
        else:
            raise self._refuse(node)

    def _summand(self, label: str, *rest: Any) -> Summand:
        return Summand(label, self.made.sub(r"\1", label) if "_t[" in label else label, *rest)

    def _write_vector(self, weight: Node, by: Node, prefix: str) -> str:
        """A vector of weights that meets a value unit by unit, as a formula writes it: `w_o · c_t`."""
        symbols = {key: name for key, name in self.symbols.items() if key in self.named}
        words = say(by, symbols)
        met = f"({words})" if by.op in ("add", "sub", "neg") and id(by) not in symbols else words
        name = str(weight.value).removesuffix("_diag").rpartition("/")[2]
        times = re.sub(r"\[\d+\] \* ", " · ", prefix)
        return f"{times}{name} · {met}"

    def find_column(self, node: Node, column: int) -> tuple[Node, int]:
        """Where a column of a part, or of vectors one behind the other, comes from."""
        return self.values.find_column(node, column)

    def column(self, node: Node, column: int) -> Any:
        """A node's value in one column: `[steps]`, or a number where it is the same at each step."""
        value = self.values.of(node)
        return value if np.ndim(value) == 0 else value[..., column]

    def _multiply(
        self, node: Node, column: int, unit: int, prefix: str, factor: np.ndarray, sign: float
    ) -> Iterator[Summand]:  # fmt: skip
        by, of = self._find_factor(node)
        name, value = self._name_factor(by, unit), self.column(by, column)
        if of.op == "weight":
            weight = float(self.values.of(of)[column])
            met = np.broadcast_to(value, factor.shape) * factor
            symbol = "" if is_constant(by) else self._write_vector(of, by, prefix)
            label = prefix + name
            yield self._summand(label, met, sign * weight, 4, is_constant(by), _signed(symbol, sign))
        else:
            own = f"{prefix}{name} * "
            yield from self._expand(of, column, unit, prefix=own, by=factor * value, sign=sign)

    def _find_factor(self, node: Node) -> tuple[Node, Node]:
        """A product's factor that is one number a unit, and the other one; a vector of weights comes last.

        Raises:
            NoSum: both are sums.
        """
        a, b = node.args
        for by, of in ((a, b), (b, a)):
            if by.op != "weight" and self._is_factor(by):
                return by, of
        for by, of in ((a, b), (b, a)):
            if by.op == "weight":
                return by, of
        raise self._refuse(node)

    def _is_factor(self, node: Node) -> bool:
        """Whether a value is one number a unit: no product with a matrix is in it, and no norm."""
        return not any(each.op in ("matmul", "norm", "part", "concat", "x") for each in self._inside(node))

    def _name_factor(self, node: Node, unit: int) -> str:
        """How a factor is written."""
        if id(node) in self.named:
            return f"{self.named[id(node)]}[{unit}]"
        inside = self._inside(node)
        names = {id(each): f"{self.named[id(each)]}[{unit}]" for each in inside if id(each) in self.named}
        words = say(node, names)
        return f"({words})" if node.op in ("add", "sub", "neg") else words

    def _inside(self, node: Node) -> Iterator[Node]:
        """What a node is made of, as far as what has a name."""
        yield node
        if id(node) not in self.named:
            for each in node.args:
                yield from self._inside(each)

    def _met(self, met: Node) -> tuple[list[str], list[np.ndarray]]:
        names: list[str] = []
        columns: list[np.ndarray] = []
        for part in parts_of(met):
            values = np.broadcast_to(self.values.of(part), (self.values.steps, self.values.width(part)))
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
        if part.op in ("number", "option"):
            return say(part, {})
        return f"({say(part, self.named)})[{index}]"

    def _name_bias(self, name: str) -> tuple[str, int]:
        biases = [v for v in self.values.cell.kind.variables if v.is_bias and self.gate in v.gates]
        own = next((v for v in biases if v.name == name), None)
        if own is None:
            return name, 4
        alike = [v for v in biases if v.is_hidden == own.is_hidden]
        if len(alike) > 1:
            return name, 1
        return ("hidden_bias", 2) if own.is_hidden else ("bias", 1)

    def _refuse(self, node: Node) -> NoSum:
        return NoSum(
            _(
                "what {gate} is before its activation is no sum of terms: {what} is in it. trace.preactivations has the number, "
                "trace.inside(t, gate, unit) the sums inside it."
            ).format(gate=self.gate, what=name_obstacle(node, self.equation))
        )


def _signed(symbol: str, sign: float) -> str:
    return f"−{symbol}" if symbol and sign < 0 else symbol


def name_values(equation: Equation) -> dict[int, str]:
    """How formulas write gates, old states and new ones: `f`, `c_{t-1}`, `c_t`."""
    names = {id(node): name for name, node in equation.gates.items()}
    names |= {id(node): f"{name}_{{t-1}}" for name, node in equation.states.items()}
    return {id(node): f"{name}_t" for name, node in equation.new.items()} | names


def name_obstacle(node: Node, equation: Equation) -> str:
    """What stands in the way of a sum, as the subject of a sentence."""
    width = equation.width(node) if node.op == "norm" else None
    if width is not None and str(width) != "num_units":  # such as several gates' numbers at once
        return _("a norm over all {count} numbers").format(count=width)
    if node.op == "activation":
        name = write_activation(node.value) or node.value
        return (
            _("an exponential")
            if node.value == "exponential"
            else _("the activation {name}").format(name=name)
        )
    words = _OBSTACLES.get(node.op)
    return _(words) if words else _("the operation {op}").format(op=node.op)


def has_product(node: Node) -> bool:
    """Whether a product with a matrix is in a value, other gates left out."""
    return node.op == "matmul" or any(has_product(each) for each in node.args if each.op != "called")
