"""A cell's step as formulas, in the order of the lesson: concat, product, bias, split, activations, new states."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lstmviz.cells.cell import Cell
from lstmviz.cells.kind import parts_of
from lstmviz.equation import ACTIVATIONS, Node
from lstmviz.equation.nodes import walk
from lstmviz.language import _mark

_SUM, _PRODUCT, _ALONE = 1, 2, 3  # how tightly an expression holds together


@dataclass(frozen=True)
class Formula:
    """One operation of the step.

    Attributes:
        operation: What it is called, in English, to be translated.
        latex: Its formula.
        shape: The shape of what it gives, one sequence at a time: one row.
        result: The gate or the state that it gives, where it gives one.
    """

    operation: str
    latex: str
    shape: tuple[int, ...]
    result: str | None = None


def formulas(cell: Cell) -> list[Formula]:
    """The step of `cell` as formulas, with the numbers of its options."""
    return list(_Writer(cell).write())


class _Writer:
    def __init__(self, cell: Cell) -> None:
        self.cell, self.equation = cell, cell.equation
        self.ends = {id(node): name for name, node in self.equation.new.items()}
        self.named = {id(node): name for name, node in self.equation.gates.items()}
        gates = [name for name, node in self.equation.gates.items() if id(node) not in self.ends]
        letter = next(letter for letter in "zsy" if letter not in gates)
        splits = [
            node for node in self.equation.nodes if any(each.op == "part" for each in self._users(node))
        ]
        alone = [
            node for node in self.equation.before.values() if any(n.op == "matmul" for n in _inside(node))
        ]
        shown = splits or alone[:1]
        # The sums that get a letter and rows of their own, in the order in which they are made.
        self.letters = {id(node): letter + "'" * index for index, node in enumerate(shown)}
        self.sums = shown

    def write(self) -> Iterator[Formula]:
        """The rows."""
        pending = list(self.sums)
        for node in walk(*self.equation.new.values()):
            if id(node) in self.letters and any(node is each for each in pending):
                yield from self._write_sum(node)
            if id(node) in self.ends:
                yield from self._write_state(node, self.ends[id(node)])
            elif id(node) in self.named:
                gate = node.value
                latex = f"{_letter(gate.name)} = {self._tex(node.args[0])}"
                yield Formula(gate.title or gate.name, latex, self._shape(node), gate.name)

    def _users(self, node: Node) -> list[Node]:
        return [each for each in self.equation.nodes if any(arg is node for arg in each.args)]

    def _shape(self, node: Node) -> tuple[int, ...]:
        width = self.equation.width(node)
        return (1, 1 if width is None else width.evaluate(self.cell.sizes))

    def _write_sum(self, node: Node) -> Iterator[Formula]:
        letter = self.letters[id(node)]
        summands = _summands(node)
        product = summands[0]
        if product.op == "matmul":
            if len(parts_of(product.args[0])) > 1:
                yield Formula(_mark("concat"), self._tex(product.args[0]), self._shape(product.args[0]))
            yield Formula(_mark("matmul"), f"{letter} = {self._tex(product, top=True)}", self._shape(node))
            biases = summands[1:]
        else:
            yield Formula(_mark("sum"), f"{letter} = {self._tex(node, top=True)}", self._shape(node))
            biases = []
        for each in biases:
            operation = _mark("bias add") if each.op == "weight" else _mark("add")
            yield Formula(
                operation, rf"{letter} \leftarrow {letter} + {self._tex(each, binds=_SUM)}", self._shape(node)
            )
        parts = [each for each in self.equation.nodes if each.op == "part" and each.args[0] is node]
        if parts:
            names = ", ".join(self._tex(each) for each in sorted(parts, key=lambda each: each.value.index))
            count = parts[0].value.count
            yield Formula(
                _mark("split"), rf"{names} = \mathrm{{split}}({letter}, {count})", self._shape(parts[0])
            )

    def _write_state(self, node: Node, state: str) -> Iterator[Formula]:
        """The new state, and then what is done to it at last: a clip, a projection."""
        last: list[Node] = []
        while node.op == "clip" or (node.op == "matmul" and not last_is_gate(node)):
            last.append(node)
            node = node.args[0]
        symbol = f"{_letter(state)}_t"
        inside = node.args[0] if node.op == "called" else node
        own = _NAMES.get(state, _mark("new state"))
        yield Formula(
            own, f"{symbol} = {self._tex(inside, top=True)}", self._shape(node), state if not last else None
        )
        for index, each in enumerate(reversed(last)):
            result = state if index == len(last) - 1 else None
            if each.op == "clip":
                latex = rf"{symbol} \leftarrow \mathrm{{clip}}({symbol}, \pm {self._tex(each.args[1])})"
                yield Formula(_CLIPS.get(state, _mark("clip")), latex, self._shape(each), result)
            else:
                latex = rf"{symbol} \leftarrow {symbol} \cdot {_name_weight(each.args[1].value)}"
                yield Formula(_mark("project h"), latex, self._shape(each), result)

    def _tex(self, node: Node, binds: int = 0, top: bool = False) -> str:
        """The expression; in brackets where it holds together less tightly than what it stands in."""
        if not top:
            if id(node) in self.ends:
                return f"{_letter(self.ends[id(node)])}_t"
            if id(node) in self.named:
                return _letter(self.named[id(node)])
            if id(node) in self.letters:
                return self.letters[id(node)]
        latex, holds = self._express(node)
        return latex if holds >= binds else rf"({latex})"

    def _express(self, node: Node) -> tuple[str, int]:
        args, op = node.args, node.op
        if op == "x":
            return "x_t", _ALONE
        if op == "state":
            return f"{_letter(node.value)}_{{t-1}}", _ALONE
        if op == "weight":
            return _name_weight(node.value), _ALONE
        if op in ("number", "option"):
            value = float(node.value if op == "number" else self.cell.options[node.value])  # type: ignore[arg-type]
            return f"{value:g}", _ALONE if value >= 0 else _SUM
        if op == "part":
            return f"{self._tex(args[0])}_{{{_letter(node.value.name)}}}", _ALONE
        if op == "concat":
            return f"[{', '.join(map(self._tex, args))}]", _ALONE
        if op == "called":
            return self._express(args[0])
        if op == "activation":
            return self._call(node.value, args[0])
        if op in ("add", "sub") and args[1].op == "option" and not self.cell.options[args[1].value]:
            return self._tex(args[0], top=False), _ALONE if id(args[0]) in self.letters or args[
                0
            ].op == "part" else _SUM
        if op in ("add", "sub"):
            sign = "+" if op == "add" else "-"
            return (
                f"{self._tex(args[0], _SUM)} {sign} {self._tex(args[1], _SUM if op == 'add' else _PRODUCT)}",
                _SUM,
            )
        if op == "neg":
            return f"-{self._tex(args[0], _PRODUCT)}", _SUM
        if op in ("mul", "matmul"):
            dot = (
                r"\cdot"
                if op == "matmul" or any(each.op in ("number", "option") for each in args)
                else r"\odot"
            )
            return f"{self._tex(args[0], _PRODUCT)} {dot} {self._tex(args[1], _PRODUCT)}", _PRODUCT
        if op == "div":
            return rf"\frac{{{self._tex(args[0])}}}{{{self._tex(args[1])}}}", _ALONE
        if op == "norm":
            a, gamma, beta = args
            return rf"\mathrm{{norm}}({self._tex(a)}) \odot {self._tex(gamma)} + {self._tex(beta)}", _SUM
        if op == "clip":
            return rf"\mathrm{{clip}}({self._tex(args[0])}, \pm {self._tex(args[1])})", _ALONE
        name = {"max": r"\max", "sqrt": r"\sqrt", "log": r"\log"}[op]
        inside = ", ".join(map(self._tex, args))
        return (rf"\sqrt{{{inside}}}" if op == "sqrt" else rf"{name}({inside})"), _ALONE

    def _call(self, activation: str, inside: Node) -> tuple[str, int]:
        if activation == "linear":
            return self._express(inside) if id(inside) not in self.letters else (self._tex(inside), _ALONE)
        escaped = activation.replace("_", r"\_")
        name = ACTIVATIONS[activation].latex or rf"\mathrm{{{escaped}}}"
        return f"{name}({self._tex(inside)})", _ALONE


_NAMES = {"c": _mark("new c"), "h": _mark("new h")}
_CLIPS = {"c": _mark("clip c"), "h": _mark("clip h")}


def last_is_gate(node: Node) -> bool:
    """Whether a product belongs to a gate: its vector has x in it, or the states before the step."""
    return any(each.op in ("x", "state") for each in parts_of(node.args[0]))


def _summands(node: Node) -> list[Node]:
    return [each for arg in node.args for each in _summands(arg)] if node.op == "add" else [node]


def _inside(node: Node) -> Iterator[Node]:
    """What a gate's own sum is made of, other gates left out."""
    yield node
    for each in node.args:
        if each.op != "called":
            yield from _inside(each)


def _letter(name: str) -> str:
    """A name in a formula: a letter as it is, a word upright."""
    return name if len(name) == 1 else rf"\mathrm{{{name}}}".replace("_", r"\_")


def _name_weight(name: str) -> str:
    """A weight in a formula: `gates/kernel` is `kernel_{gates}`, `w_f_diag` is `w_f`."""
    if found := re.fullmatch(r"w_(\w)_diag", name):
        return f"w_{found[1]}"
    if name == "projection/kernel":
        return "projection"
    *scopes, last = name.split("/")
    last = {"gamma": r"\gamma", "beta": r"\beta"}.get(last, last if last.isalpha() else rf"\mathrm{{{last}}}")
    last = last.replace("_", r"\_") if r"\mathrm" in last else last
    scope = scopes[-1].removesuffix("_projection").replace("_", r"\_") if scopes else ""
    return f"{last}_{{{scope}}}" if scope else last
