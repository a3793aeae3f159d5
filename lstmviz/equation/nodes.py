"""What an equation is made of: operations on x, the states and the weights, as symbols."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any, NoReturn

from lstmviz.language import _

Number = int | float

# How operations are written, and how tightly they hold together.
_SIGNS = {
    "add": ("+", 1),
    "sub": ("-", 1),
    "neg": ("-", 2),
    "mul": ("*", 2),
    "div": ("/", 2),
    "matmul": ("@", 2),
}


@dataclass(frozen=True)
class Name:
    """What an equation calls one of its values: the gate's letter, its title, and what it does, in a sentence."""

    name: str
    title: str = ""
    role: str = ""


@dataclass(frozen=True)
class Block:
    """Which of the equal blocks, side by side, a part is."""

    name: str
    index: int
    count: int


@dataclass(frozen=True, eq=False)
class Node:
    """An operation and what it is made from.

    `a + b`, `a - b`, `a * b`, `a / b` and `-a` are element by element, `a @ w("kernel")` is a product with a matrix.

    Attributes:
        op: The operation: a leaf (`x`, `state`, `weight`, `number`, `option`), or what is done with `args`.
        args: What it is made from.
        value: What belongs to the operation beside: a leaf's name, a number, an activation's name, a part's `Block`, the
            `Name` that something is called by.
    """

    op: str
    args: tuple[Node, ...] = ()
    value: Any = None

    __array_ufunc__ = None  # NumPy leaves `array * node` to the node, which refuses it

    def __add__(self, other: Node | Number) -> Node:
        return Node("add", (self, wrap(other)))

    def __radd__(self, other: Number) -> Node:
        return Node("add", (wrap(other), self))

    def __sub__(self, other: Node | Number) -> Node:
        return Node("sub", (self, wrap(other)))

    def __rsub__(self, other: Number) -> Node:
        return Node("sub", (wrap(other), self))

    def __mul__(self, other: Node | Number) -> Node:
        return Node("mul", (self, wrap(other)))

    def __rmul__(self, other: Number) -> Node:
        return Node("mul", (wrap(other), self))

    def __truediv__(self, other: Node | Number) -> Node:
        return Node("div", (self, wrap(other)))

    def __rtruediv__(self, other: Number) -> Node:
        return Node("div", (wrap(other), self))

    def __neg__(self) -> Node:
        return Node("neg", (self,))

    def __matmul__(self, other: Any) -> Node:
        if not isinstance(other, Node) or other.op != "weight":
            raise ValueError(
                _('the right side of @ is {given}; it must be weights, w("kernel").').format(given=other)
            )
        return Node("matmul", (self, other))

    def __bool__(self) -> bool:  # noqa: PLE0304  # it raises
        _refuse_to_decide()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Real):
            _refuse_to_decide()
        return self is other

    __hash__ = object.__hash__

    def __lt__(self, other: Any) -> bool:
        _refuse_to_decide()

    __le__ = __gt__ = __ge__ = __lt__

    def __float__(self) -> float:  # what `math.tanh` asks for
        _refuse_to_decide()

    def __repr__(self) -> str:
        """The value as Python writes it, so that whoever wrote an equation finds the place that a message is about."""
        return self._write(0)

    def _write(self, within: int) -> str:
        """The value, in brackets where it holds less tightly than what it stands in."""
        if self.op in ("x", "state", "weight", "number", "option"):
            return str("x" if self.value is None else self.value)
        if self.op in _SIGNS:
            sign, holds = _SIGNS[self.op]
            sides = [each._write(holds + place) for place, each in enumerate(self.args)]
            written = f"{sign}{sides[0]}" if len(sides) == 1 else f" {sign} ".join(sides)
            return f"({written})" if holds < within else written
        inside = ", ".join(map(repr, self.args))
        if isinstance(self.value, Name | Block):
            return f"{self.value.name}({inside})"
        return f"{self.value if self.op == 'activation' else self.op}({inside})"

    def called(self, name: Any, title: Any = "", role: Any = "") -> Node:
        """The same value under a name: a gate, which a run records.

        Args:
            name: A letter or a short word, `f`.
            title: What it is called, "forget gate".
            role: What it does, in a sentence without its subject: "decides how much of the old c stays".

        Raises:
            ValueError: the name is no word, or the title or the role no text.
        """
        if not isinstance(name, str) or not re.fullmatch(r"[^\W\d_]\w{0,15}", name):
            raise ValueError(
                _(
                    "a gate is called {given!r}; it must be a letter, or a word of at most 16 letters and digits."
                ).format(given=name)
            )
        if not isinstance(title, str) or not isinstance(role, str):
            raise ValueError(
                _("the title of {name} is {title!r}, and its role {role!r}; both must be texts.").format(
                    name=name, title=title, role=role
                )
            )
        return Node("called", (self,), Name(name, title, role))


def _refuse_to_decide() -> NoReturn:
    raise ValueError(
        _(
            "an equation decides nothing by the numbers that run through it; write `if` over what is there or not "
            "(`is None`), and `maximum` or `clip` over values."
        )
    )


def wrap(value: Any) -> Node:
    """A number as a node.

    Raises:
        ValueError: the value is neither a number nor a part of an equation.
    """
    if isinstance(value, Node):
        return value
    if isinstance(value, bool) or not isinstance(value, Real):  # NumPy's numbers are among these
        raise ValueError(
            _(
                "an equation has {given!r} in it; it may have numbers, x, states, weights and what they make."
            ).format(given=value)
        )
    return Node("number", (), float(value))


def concat(*parts: Node | Number) -> Node:
    """The vectors one behind the other: `concat(x, h)` has `input_size + num_units` numbers."""
    return Node("concat", tuple(map(wrap, parts)))


def split(names: Any, node: Any) -> tuple[Node, ...]:
    """Equal blocks of `node` side by side, one for each of `names`: `split("ijfo", z)`.

    A block that makes a gate is called as that gate is; formulas and figures write it so.

    Args:
        names: A letter for each block, or a list of words.
        node: What is split.

    Raises:
        ValueError: two blocks have one name, or a name is no text.
    """
    if (
        not isinstance(names, str | list | tuple)
        or not names
        or not all(isinstance(name, str) and name for name in names)
        or len(set(names)) != len(names)
    ):
        raise ValueError(
            _("the blocks of a split are called {given}; each must have a name of its own.").format(
                given=", ".join(map(str, names)) if isinstance(names, str | list | tuple) else repr(names)
            )
        )
    node = wrap(node)
    return tuple(Node("part", (node,), Block(name, index, len(names))) for index, name in enumerate(names))


def maximum(a: Node | Number, b: Node | Number) -> Node:
    """The larger of two numbers, element by element."""
    return Node("max", (wrap(a), wrap(b)))


def minimum(a: Node | Number, b: Node | Number) -> Node:
    """The smaller of two numbers, element by element."""
    return Node("min", (wrap(a), wrap(b)))


def if_zero(a: Node, then: Node | Number, other: Node | Number) -> Node:
    """`then` where `a` is exactly 0, else `other`, element by element."""
    return Node("if_zero", (wrap(a), wrap(then), wrap(other)))


def clip(a: Node, bound: Node | Number) -> Node:
    """`a` from `-bound` to `bound`."""
    return Node("clip", (wrap(a), wrap(bound)))


def norm(a: Node, gamma: Node | Number, beta: Node | Number, epsilon: Any = 1e-12) -> Node:
    """Layer normalisation (Ba et al. 2016): `(a - mean) / sqrt(variance + epsilon) * gamma + beta`, over all units.

    Raises:
        ValueError: `epsilon` is no number of at least 0.
    """
    if isinstance(epsilon, bool) or not isinstance(epsilon, Real) or not 0 <= float(epsilon) < math.inf:
        raise ValueError(
            _("epsilon of a norm is {given!r}; it must be a number, at least 0.").format(given=epsilon)
        )
    return Node("norm", (wrap(a), wrap(gamma), wrap(beta)), float(epsilon))


def log(a: Node | Number) -> Node:
    """The natural logarithm, element by element."""
    return Node("log", (wrap(a),))


def sqrt(a: Node | Number) -> Node:
    """The square root, element by element."""
    return Node("sqrt", (wrap(a),))


def activate(name: str, a: Node | Number) -> Node:
    """An activation function by its name in `ACTIVATIONS`, element by element."""
    return Node("activation", (wrap(a),), name)


def tanh(a: Node | Number) -> Node:
    """The hyperbolic tangent, element by element."""
    return activate("tanh", a)


def sigmoid(a: Node | Number) -> Node:
    """`1 / (1 + exp(-a))`, element by element."""
    return activate("sigmoid", a)


def relu(a: Node | Number) -> Node:
    """`max(a, 0)`, element by element."""
    return activate("relu", a)


def softplus(a: Node | Number) -> Node:
    """`log(1 + exp(a))`, element by element; `-softplus(-a)` is the logarithm of `sigmoid(a)`."""
    return activate("softplus", a)


def exp(a: Node | Number) -> Node:
    """The exponential function, element by element."""
    return activate("exponential", a)


def walk(*ends: Node) -> Iterator[Node]:
    """Every node that the ends are made from, each once, after what it is made from."""
    seen: set[int] = set()
    for end in ends:
        stack = [(end, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                yield node
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((each, False) for each in reversed(node.args))


def summands_of(node: Node, sign: float = 1.0) -> Iterator[tuple[Node, float]]:
    """What a sum is the sum of, each with its sign."""
    if node.op in ("add", "sub"):
        yield from summands_of(node.args[0], sign)
        yield from summands_of(node.args[1], -sign if node.op == "sub" else sign)
    elif node.op == "neg":
        yield from summands_of(node.args[0], -sign)
    else:
        yield node, sign
