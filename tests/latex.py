"""Formulas read as anybody reads them, and computed: LaTeX as text in, numbers out.

Nothing here comes from lstmviz: the formulas are strings, what a symbol starts as is given, and the functions are written
down once more. A formula that could be read in two ways is refused.
"""

from __future__ import annotations

import math
import re
from functools import cache

import numpy as np

TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>\d+(?:\.\d+)?(?:\\ldots)?)
    | (?P<symbol>(?:
        \\mathrm\{(?:[^{}\\]|\\[_{}\#$%&\ ]|\\text\{\\\w+\}|\\\w+\ |\\hat\{\}|\\grave\{\})*\} | \\gamma | \\beta | \\_ | [^\W\d_]
        )'*(?:_(?:\{(?:[^{}\\]|\\.|\{[^{}]*\})*\}|\w))?)
    | (?P<command>\\(?:frac|sqrt|odot|cdot|leftarrow|pm|tanh|sigma|exp|max|min|log|ne)
        |\\(?:begin|end)\{cases\}|\\\\|&)
    | (?P<sign>[-+=^(){}\[\],])
    )""",
    re.VERBOSE,
)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


FUNCTIONS = {
    r"\tanh": np.tanh,
    r"\sigma": sigmoid,
    r"\exp": np.exp,
    r"\log": np.log,
    r"\max": np.maximum,
    r"\min": np.minimum,
    "relu": lambda a: a * (a > 0),
    "hard_sigmoid": lambda a: np.clip((a + 3) / 6, 0, 1),
    "legacy_hard_sigmoid": lambda a: np.clip(0.2 * a + 0.5, 0, 1),
    "softsign": lambda a: a / (1 + np.abs(a)),
    "softplus": lambda a: np.log1p(np.exp(a)),
    "elu": lambda a: np.where(a > 0, a, np.exp(a) - 1),
    "selu": lambda a: 1.0507009873554805 * np.where(a > 0, a, 1.6732632423543772 * (np.exp(a) - 1)),
    "silu": lambda a: a * sigmoid(a),
    "gelu": lambda a: a * np.vectorize(lambda each: (1 + math.erf(each / math.sqrt(2))) / 2)(a),
    "leaky_relu": lambda a: np.where(a > 0, a, 0.2 * a),
    "clip": lambda a, bound: np.minimum(np.maximum(a, -bound), bound),
    "mean": lambda a: a.mean(axis=-1, keepdims=True),
    "var": lambda a: a.var(axis=-1, keepdims=True),
}  # fmt: skip
"""What a function's name means; a formula may define another."""


class Unreadable(ValueError):
    """What is no formula, or could be read in two ways."""


@cache
def tokens(latex: str) -> list[tuple[str, str]]:
    """The formula in pieces, each with its sort."""
    found, place = [], 0
    while place < len(latex.rstrip()):
        match = TOKEN.match(latex, place)
        if match is None:
            raise Unreadable(f"{latex[place:]!r} in {latex!r}")
        found.append((match.lastgroup, match[0].strip()))
        place = match.end()
    return found


def plain(symbol: str) -> str:
    r"""A symbol without its marks: `\mathrm{hard\_sigmoid}` is `hard_sigmoid`."""
    return re.sub(r"\\mathrm\{((?:[^{}\\]|\\.)*)\}", r"\1", symbol).replace(r"\_", "_")


class Page:
    """Formulas one below the other, computed in their order.

    Args:
        known: What symbols mean before the first formula: vectors `[size]`, matrices, numbers.
    """

    def __init__(self, known: dict[str, np.ndarray]) -> None:
        self.known = {name: np.asarray(value, np.float64) for name, value in known.items()}
        self.given = frozenset(known)
        self.functions = dict(FUNCTIONS)

    def read(self, latex: str) -> np.ndarray:
        """Computes a formula, notes what it gives, and returns it."""
        found = tokens(latex)
        equals = [index for index, (_sort, text) in enumerate(found) if text in ("=", r"\leftarrow")]
        if not equals:
            return _Reader(found, self).all()
        at = equals[0]
        if len(equals) != 1 + found.count(("command", r"\begin{cases}")):
            raise Unreadable(f"two equals signs: {latex}")
        left, right = found[:at], found[at + 1 :]
        if right[0][1] == r"\mathrm{split}":
            return self._split([text for sort, text in left if sort != "sign"], right)
        if len(left) == 4:  # a function: its name, its argument in brackets
            self._define(left[0][1], left[2][1], right)
            return np.empty(0)
        ((sort, name),) = left
        if sort != "symbol":
            raise Unreadable(latex)
        again = found[at][1] == r"\leftarrow"
        if again != (name in self.known) or name in self.given or (again and ("symbol", name) not in right):
            raise Unreadable(f"{name} is given twice, or changed before it is there: {latex}")
        self.known[name] = _Reader(right, self).all()
        return self.known[name]

    def _split(self, names: list[str], right: list[tuple[str, str]]) -> np.ndarray:
        _name, _bracket, (_sort, whole), _comma, (_number, count), _end = right
        if len(names) != int(count) or whole not in self.known:
            raise Unreadable(f"{count} blocks of {whole} have the names {names}")
        blocks = np.split(self.known[whole], int(count), axis=-1)
        for name, block in zip(names, blocks, strict=True):
            if name != r"\_":
                if name in self.known:
                    raise Unreadable(f"{name} is given twice")
                self.known[name] = block
        return blocks[0]

    def _define(self, name: str, argument: str, right: list[tuple[str, str]]) -> None:
        def function(a: np.ndarray) -> np.ndarray:
            inside = Page({})
            inside.known = {argument: a}
            return _Reader(right, inside).all()

        if argument in self.known:
            raise Unreadable(f"{argument} is the argument of {name}, and something else")
        self.functions[plain(name)] = function


class _Reader:
    """sum = [-] product {± product}; product = power {· power}; power = atom [^ whole number]."""

    def __init__(self, found: list[tuple[str, str]], page: Page) -> None:
        self.found, self.page, self.place = [*found, ("end", "")], page, 0

    def all(self) -> np.ndarray:
        value = self.sum()
        if self.peek() != "":
            raise Unreadable(f"{self.peek()} at the end of {self.found}")
        return value

    def peek(self) -> str:
        return self.found[self.place][1]

    def take(self, expected: str | None = None) -> tuple[str, str]:
        sort, text = self.found[self.place]
        if sort == "end" or (expected is not None and text != expected):
            raise Unreadable(f"{text or 'the end'} where {expected or 'a value'} was expected: {self.found}")
        self.place += 1
        return sort, text

    def sum(self) -> np.ndarray:
        negative = self.peek() == "-" and bool(self.take())
        value = -self.product() if negative else self.product()
        while self.peek() in ("+", "-"):
            _sort, sign = self.take()
            other = self.product()
            self.check(sign, value, other)
            value = value + other if sign == "+" else value - other
        return value

    def product(self) -> np.ndarray:
        value, factors = self.power(), 1
        while self.peek() in (r"\cdot", r"\odot"):
            _sort, dot = self.take()
            other = self.power()
            factors += 1
            if other.ndim == 2 and dot == r"\cdot" and value.ndim == 1:
                if factors > 2 or self.peek() in (r"\cdot", r"\odot"):
                    raise Unreadable(f"what does the matrix meet? {self.found}")
                value = value @ other
                continue
            self.check(dot, value, other)
            value = value * other
        return value

    def check(self, sign: str, one: np.ndarray, other: np.ndarray) -> None:
        """Refuses matrices, vectors that are not as long, and `⊙` where a number stands, `·` where none does."""
        numbers = 0 in (one.ndim, other.ndim)
        fits = numbers or one.shape == other.shape or (1,) in (one.shape, other.shape)
        if 2 in (one.ndim, other.ndim) or not fits or {r"\odot": numbers, r"\cdot": not numbers}.get(sign):
            raise Unreadable(f"{one.shape} {sign} {other.shape}: {self.found}")

    def power(self) -> np.ndarray:
        value = self.atom()
        if self.peek() == "^":
            self.take()
            value = value ** self.exponent()
        return value

    def exponent(self) -> float:
        if self.peek() != "{":
            return float(self.take()[1])
        self.take("{")
        sign = -1.0 if self.peek() == "-" and self.take() else 1.0
        value = sign * float(self.take()[1])
        self.take("}")
        return value

    def atom(self) -> np.ndarray:
        sort, text = self.take()
        if sort == "number":
            return np.asarray(float(text.removesuffix(r"\ldots")))
        if text in (r"\frac", r"\sqrt"):
            inside = self.inside("{", "}")
            return inside / self.inside("{", "}") if text == r"\frac" else np.sqrt(inside)
        if text == "(":
            return self.until(")", self.sum())
        if text == "[":
            parts = [self.sum()]
            while self.peek() == ",":
                self.take()
                parts.append(self.sum())
            return self.until("]", np.concatenate(parts, axis=-1))
        if text == r"\begin{cases}":
            return self.cases()
        if self.peek() == "(":
            return self.call(plain(text))
        if text not in self.page.known:
            raise Unreadable(f"{text} is not there yet; there are {sorted(self.page.known)}")
        return self.page.known[text]

    def until(self, bracket: str, value: np.ndarray) -> np.ndarray:
        self.take(bracket)
        return value

    def inside(self, first: str, last: str) -> np.ndarray:
        self.take(first)
        return self.until(last, self.sum())

    def cases(self) -> np.ndarray:
        """What stands first where something is 0, what stands last where it is not."""
        then, first = self.case("=")
        self.take(r"\\")
        other, second = self.case(r"\ne")
        self.take(r"\end{cases}")
        if not np.array_equal(first, second):
            raise Unreadable(f"two cases of different values: {self.found}")
        return np.where(first == 0, then, other)

    def case(self, sign: str) -> tuple[np.ndarray, np.ndarray]:
        value = self.sum()
        self.take("&")
        decides = self.sum()
        self.take(sign)
        self.take("0")
        return value, decides

    def call(self, name: str) -> np.ndarray:
        if name not in self.page.functions:
            raise Unreadable(f"{name} is no function")
        self.take("(")
        args = [self.sum()]
        while self.peek() == ",":
            self.take()
            if self.peek() == r"\pm":
                self.take()
            args.append(self.sum())
        return self.until(")", self.page.functions[name](*args))
