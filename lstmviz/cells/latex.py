"""An equation's expressions in LaTeX: a symbol for each value that has one, brackets where they would be read otherwise."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from lstmviz.cells.options import OptionValue
from lstmviz.equation import ACTIVATIONS, Equation, Node

# How tightly an expression holds together. A product with a matrix stands alone or in a sum: beside a product of units,
# `r ⊙ h · kernel` would be read as the product of r ⊙ h.
SUM, MATMUL, PRODUCT, ALONE = range(1, 5)

_DIGITS = 10  # a number with more is cut to six, and says so
# What no formula can have as it is; a dollar sign would end it where a page's text has it inside.
_PLAIN = {
    "$": r"\text{\textdollar}",
    "\\": r"\backslash ",
    "^": r"\hat{}",
    "~": r"\sim ",
    "|": r"\vert ",
    "`": r"\grave{}",
}


class Tex(NamedTuple):
    """An expression, and how tightly it holds together."""

    text: str
    holds: int = ALONE

    def within(self, binds: int) -> str:
        """The expression as it stands in another one, in brackets where it holds less tightly than that binds."""
        return self.text if self.holds >= binds else f"({self.text})"


class Symbols:
    """What values are called, no two alike."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._taken: set[str] = set()

    def __contains__(self, node: Node) -> bool:
        return id(node) in self._names

    def __getitem__(self, node: Node) -> str:
        return self._names[id(node)]

    def is_free(self, name: str) -> bool:
        """Whether nothing is called so."""
        return name not in self._taken

    def name(self, node: Node, *names: str) -> None:
        """Calls a value by the first of `names` that is free, else by the last with primes."""
        found = next(filter(self.is_free, names), names[-1])
        while not self.is_free(found):
            found += "'"
        self._taken.add(found)
        self._names[id(node)] = found


class Latex:
    """The expressions of an equation.

    Args:
        equation: The equation.
        options: The values of its options.
        symbols: What its values are called: x, states and weights, and all else that has a formula of its own.
    """

    def __init__(self, equation: Equation, options: Mapping[str, OptionValue], symbols: Symbols) -> None:
        self.equation, self.options, self.symbols = equation, options, symbols
        epsilons = dict.fromkeys(node.value for node in equation.nodes if node.op == "norm")
        self.norms = {
            each: r"\mathrm{norm}" + (f"_{{{write_number(each).text}}}" if len(epsilons) > 1 else "")
            for each in epsilons
        }

    def write(self, node: Node) -> Tex:
        """The value's symbol, or what it is made of."""
        return Tex(self.symbols[node]) if node in self.symbols else self.expand(node)

    def expand(self, node: Node) -> Tex:
        """What the value is made of."""
        if node.op in ("number", "option"):
            return write_number(self.number(node))
        if node.op in ("add", "sub"):
            return self._sum(node)
        if node.op in ("mul", "matmul", "neg"):
            return self._product(node)
        if node.op == "called" or (node.op == "activation" and node.value == "linear"):
            return self.write(node.args[0])
        return self._call(node, [self.write(each) for each in node.args])

    def number(self, node: Node) -> float:
        """The value of a number or an option."""
        return float(node.value if node.op == "number" else self.options[node.value])  # type: ignore[arg-type]

    def adds_nothing(self, node: Node) -> bool:
        """Whether a summand is an option that is 0."""
        return node.op == "option" and self.number(node) == 0

    def _sum(self, node: Node) -> Tex:
        one, other = node.args
        if self.adds_nothing(other):
            return self.write(one)
        if node.op == "add" and self.adds_nothing(one):
            return self.write(other)
        return add(self.write(one), self.write(other), minus=node.op == "sub")

    def _product(self, node: Node) -> Tex:
        one = self.write(node.args[0])
        if node.op == "neg":
            inside = one.within(MATMUL)
            holds = MATMUL if one.holds == MATMUL else PRODUCT
            return Tex(inside[1:] if inside.startswith("-") else f"-{inside}", holds)
        if node.op == "matmul":
            return Tex(rf"{one.within(ALONE)} \cdot {self.symbols[node.args[1]]}", MATMUL)
        if node.args[0] is node.args[1] and node.args[0] in self.symbols and "'" not in one.text:
            return Tex(f"{one.text}^2")
        other = self.write(node.args[1]).within(PRODUCT)
        other = f"({other})" if other.startswith("-") else other
        dot = r"\cdot" if any(map(self._is_number, node.args)) else r"\odot"
        return Tex(f"{one.within(PRODUCT)} {dot} {other}", PRODUCT)

    def _is_number(self, node: Node) -> bool:
        return node.op != "weight" and self.equation.width(node) is None

    def _call(self, node: Node, args: list[Tex]) -> Tex:
        inside = ", ".join(each.text for each in args)
        if node.op == "concat":
            return Tex(f"[{inside}]")
        if node.op == "div":
            return Tex(rf"\frac{{{args[0].text}}}{{{args[1].text}}}")
        if node.op == "sqrt":
            return Tex(rf"\sqrt{{{inside}}}")
        if node.op == "clip":
            return Tex(rf"\mathrm{{clip}}({args[0].text}, {write_bounds(args[1])})")
        if node.op == "norm":
            a, gamma, beta = args
            return add(
                Tex(rf"{self.norms[node.value]}({a.text}) \odot {gamma.within(PRODUCT)}", PRODUCT), beta
            )
        if node.op == "if_zero":
            number, then, other = (each.text for each in args)
            return Tex(rf"\begin{{cases}} {then} & {number} = 0 \\ {other} & {number} \ne 0 \end{{cases}}")
        if node.op == "activation":
            return Tex(f"{ACTIVATIONS[node.value].latex or write_word(node.value)}({inside})")
        return Tex(rf"\{node.op}({inside})")  # \max, \min, \log


def add(one: Tex, other: Tex, *, minus: bool = False) -> Tex:
    """The sum or the difference; `a + -b` is written `a - b`."""
    right = other.within(MATMUL if minus else SUM)
    if right.startswith("-"):
        minus, right = not minus, right[1:]
    return Tex(f"{one.within(SUM)} {'-' if minus else '+'} {right}", SUM)


def write_bounds(bound: Tex) -> str:
    """`±b`."""
    inside = bound.within(ALONE)
    return rf"\pm ({inside})" if inside.startswith("-") else rf"\pm {inside}"


def write_number(value: float) -> Tex:
    """A number as people write it: `2.5 · 10^-7`; one with many digits is cut, and ends in dots."""
    if not math.isfinite(value):
        return Tex({math.inf: r"\infty", -math.inf: r"-\infty"}.get(value, r"\mathrm{nan}"))
    short = f"{value:.{_DIGITS}g}"
    dots = "" if float(short) == value else r"\ldots"
    mantissa, _e, exponent = (f"{value:g}" if dots else short).partition("e")
    if not exponent:
        return Tex(mantissa + dots)
    power = f"10^{{{int(exponent)}}}"
    if mantissa in ("1", "-1") and not dots:
        return Tex(mantissa.replace("1", power))
    return Tex(rf"{mantissa}{dots} \cdot {power}", PRODUCT)


def write_word(name: str) -> str:
    """A name in a formula: a letter as it is, a word upright."""
    if len(name) == 1 and name.isalpha():
        return name
    escaped = re.sub(r"[\\^~|`#$%&_{} ]", lambda found: _PLAIN.get(found[0], f"\\{found[0]}"), name)
    return rf"\mathrm{{{escaped}}}"


def write_subscript(symbol: str, below: str) -> str:
    """A symbol with another one below it."""
    return f"{symbol}_{below}" if len(below) == 1 else f"{symbol}_{{{below}}}"


def name_weight(name: str) -> tuple[str, ...]:
    """What a weight may be called, the shortest first: `gates/kernel` is kernel with gates below it, `w_f_diag` is `w_f`."""
    whole = write_subscript(r"\mathrm{weight}", write_word(name))
    if found := re.fullmatch(r"w_([^\W\d_])_diag", name):
        return f"w_{found[1]}", whole
    if name == "projection/kernel":
        return r"\mathrm{projection}", whole
    *scopes, last = name.split("/")
    symbol = {"gamma": r"\gamma", "beta": r"\beta"}.get(last) or write_word(last)
    if not scopes or not all((*scopes, last)):
        return (symbol, whole) if last else (whole,)
    short = write_subscript(symbol, write_word(scopes[-1].removesuffix("_projection")))
    return short, write_subscript(symbol, write_word("/".join(scopes))), whole
