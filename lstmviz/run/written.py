"""Operations as they are written in a line of text, and with their numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lstmviz.equation import Node
from lstmviz.equation.nodes import walk

SUM, PRODUCT, ALONE = 1, 2, 3
"""How tightly an expression holds together."""

_ACTIVATIONS: Mapping[str, str] = {
    "sigmoid": "σ",
    "linear": "",
    "hard_sigmoid": "hard σ",
    "legacy_hard_sigmoid": "legacy hard σ",
    "leaky_relu": "leaky relu",
    "exponential": "exp",
}  # the others are written by their names


@dataclass(frozen=True, eq=False)
class Written:
    """An expression.

    Attributes:
        symbols: How it is written, `f · c_{t-1} + i · j`.
        form: The same with a `#` for each number.
        numbers: The numbers for these, `[steps]` each.
        holds: How tightly it holds together.
    """

    symbols: str
    form: str
    numbers: tuple[np.ndarray, ...] = ()
    holds: int = ALONE

    def within(self, binds: int) -> Written:
        """In brackets, where what it stands in binds tighter than it holds together."""
        if self.holds >= binds:
            return self
        return Written(f"({self.symbols})", f"({self.form})", self.numbers)


@dataclass(frozen=True)
class _Text:
    """How an operation is written, with `{0}`, `{1}` for its operands; how it holds together, and how it binds them."""

    text: str
    holds: int = ALONE
    binds: tuple[int, ...] = (0, 0)


_TEXTS: Mapping[str, _Text] = {
    "add": _Text("{0} + {1}", SUM, (SUM, SUM)),
    "sub": _Text("{0} − {1}", SUM, (SUM, PRODUCT)),
    "neg": _Text("−{0}", SUM, (PRODUCT,)),
    "mul": _Text("{0} · {1}", PRODUCT, (PRODUCT, PRODUCT)),
    "div": _Text("{0} / {1}", PRODUCT, (PRODUCT, ALONE)),
    "max": _Text("max({0}, {1})"),
    "min": _Text("min({0}, {1})"),
    "if_zero": _Text("if {0} = 0: {1}, else {2}", SUM, (PRODUCT, PRODUCT, PRODUCT)),
    "select": _Text("if {0} ≥ 0: {1}, else {2}", SUM, (PRODUCT, PRODUCT, PRODUCT)),
    "sqrt": _Text("√({0})"),
    "log": _Text("log({0})"),
    "clip": _Text("clip({0}, ±{1})", binds=(0, ALONE)),
    "matmul": _Text("{0} · {1}", PRODUCT, (PRODUCT, PRODUCT)),
    "norm": _Text("({0} − {1}) / {2} · {3} + {4}", SUM, (SUM, PRODUCT, ALONE, PRODUCT, SUM)),
}


def write_activation(name: str) -> str:
    """An activation as it is written in a formula."""
    return _ACTIVATIONS.get(name, name)


def write_number(value: float) -> Written:
    """A number that an equation has in it."""
    text = f"{value:g}".replace("-", "−")
    return Written(text, text, holds=ALONE if value >= 0 else SUM)


def write(number: float) -> str:
    """A number in a sentence, with four digits and a minus sign as wide as a plus."""
    return f"{number:.4g}".replace("-", "−").replace("inf", "∞").replace("nan", "NaN")


def write_numbers(written: Written, steps: int, write: Callable[[float], str]) -> list[list[str]]:
    """Each step's numbers for the holes of a form; one that is taken away is in brackets where it is negative."""
    taken = [before.endswith("− ") for before in written.form.split("#")[:-1]]
    columns = []
    for column, bracket in zip(written.numbers, taken, strict=True):
        words = [write(number) for number in column.tolist()]
        columns.append([f"({word})" if bracket and word.startswith("−") else word for word in words])
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _step in range(steps)]


def subscript(symbol: str, name: str) -> str:
    """A symbol with a gate's name below it, `Σ_f` or `Σ_{out}`."""
    return f"{symbol}_{name}" if len(name) == 1 else f"{symbol}_{{{name}}}"


def fill_in(form: str, numbers: Sequence[str]) -> str:
    """A form with its numbers; `1 + −2` becomes `1 − 2`."""
    filled = iter(numbers)
    return re.sub("#", lambda _hole: next(filled), form).replace("+ −", "− ")


def plain(symbols: str) -> str:
    """Symbols without brackets around subscripts: `c_{t-1}` stays, `z_{f}` becomes `z_f`."""
    return re.sub(r"_\{(\w+)\}", r"_\1", symbols)


def write_leaf(name: str, values: np.ndarray) -> Written:
    """A value that is written by its name."""
    return Written(name, "#", (values,))


def write_operation(node: Node, operands: list[Written]) -> Written:
    """What an operation makes of operands that are written; of a norm: what goes in, mean, deviation, factor and summand."""
    if node.op == "activation":
        name = write_activation(node.value)
        return _fill(_Text(f"{name}({{0}})"), operands) if name else operands[0]
    text = _TEXTS[node.op]
    if node.op in ("mul", "add") and node.args[0].op == "number":  # a minus in front needs no brackets
        text = _Text(text.text, text.holds, (SUM, text.binds[1]))
    return _fill(text, operands)


def _fill(text: _Text, operands: list[Written]) -> Written:
    binds = (*text.binds, *[0] * len(operands))
    inside = [each.within(tight) for each, tight in zip(operands, binds, strict=False)]
    return Written(
        text.text.format(*(each.symbols for each in inside)),
        text.text.format(*(each.form for each in inside)),
        tuple(number for each in inside for number in each.numbers),
        text.holds,
    )


@lru_cache(4096)
def is_constant(node: Node) -> bool:
    """Whether a value is the same at each step, being made of weights and numbers alone."""
    return all(each.op not in ("x", "state", "called") for each in walk(node))


def say(node: Node, names: Mapping[int, str]) -> str:
    """An expression in symbols alone, `names` being those of its values that have one."""
    return _say(node, names).symbols


def say_factor(node: Node) -> str:
    """An expression of weights and numbers, in brackets where it is made of several."""
    said = _say(node, {})
    return said.symbols if said.holds >= PRODUCT else f"({said.symbols})"


def _say(node: Node, names: Mapping[int, str]) -> Written:
    if id(node) in names:
        return Written(names[id(node)], "")
    if node.op in ("x", "state", "weight", "option"):
        return Written(str(node.value or "x"), "")
    if node.op == "number":
        return write_number(node.value)
    if node.op == "called":
        return Written(node.value.name, "")
    operands = [_say(each, names) for each in node.args]
    if node.op in ("concat", "part"):
        name = "" if node.op == "concat" else f"_{node.value.name}"
        return Written(f"[{', '.join(each.symbols for each in operands)}]{name}", "")
    if node.op == "norm":
        return Written(f"norm({operands[0].symbols})", "")
    return write_operation(node, operands)
