"""The same values on ways on which no digit is lost: what rounds to 0 or 1 still has its logarithm, and its share.

`sigmoid(z)` is 0 in float32 from z = -104 on (TensorFlow: -88), and its logarithm is -infinity where z is right; a share
`a / (a + b)` of two such numbers is 0 / 0. An equation says what is meant; what computes it asks here how.
"""

from __future__ import annotations

from collections.abc import Set

from lstmviz.equation.nodes import Node, activate, wrap

_NONE: frozenset[int] = frozenset()


def rewrite(node: Node, held: Set[int] = _NONE) -> Node | None:
    """The same value as `node`'s, made in another way; None where its own operation loses nothing.

    - `log(a)` is the logarithm that follows from how a was made;
    - `1 - a` of an exponential is `-expm1` of its exponent;
    - `a / (a + b)` is the sigmoid of the difference of both logarithms.

    Args:
        node: The operation.
        held: The values, by `id`, that are not what they are made of, for a run holds them at something else.
    """
    if node.op == "log":
        return _logarithm(node.args[0], held)
    if node.op == "sub" and _is_one(node.args[0]) and _is_exponential(node.args[1], held):
        exponent = _logarithm(node.args[1], held)
        return None if exponent is None else -Node("expm1", (exponent,))
    if node.op == "div" and node.args[1].op == "add" and id(node.args[1]) not in held:
        return _share(node, held)
    return None


def _share(node: Node, held: Set[int]) -> Node | None:
    """The share of one number in the sum of it and another one."""
    part, (one, other) = node.args[0], node.args[1].args
    if part is other:
        one, other = other, one
    a, b = _logarithm(one, held), _logarithm(other, held)
    return activate("sigmoid", a - b) if part is one and a is not None and b is not None else None


def _logarithm(node: Node, held: Set[int]) -> Node | None:
    """The logarithm of what an exponential or a sigmoid is in, without ever making that number itself."""
    if id(node) in held:
        return None
    if node.op == "called":
        return _logarithm(node.args[0], held)
    if node.op == "activation" and node.value == "exponential":
        return node.args[0]
    if node.op == "activation" and node.value == "sigmoid":
        return -activate("softplus", -node.args[0])
    if node.op == "sub" and _is_one(node.args[0]):
        rest = _inside(node.args[1], held)
        is_sigmoid = rest.op == "activation" and rest.value == "sigmoid" and id(rest) not in held
        return -activate("softplus", rest.args[0]) if is_sigmoid else None
    if node.op in ("mul", "div"):
        a, b = (_logarithm(each, held) for each in node.args)
        if a is None or b is None:
            return None
        return a + b if node.op == "mul" else a - b
    return None


def _is_exponential(node: Node, held: Set[int]) -> bool:
    """Whether it is an exponential, or a product of some."""
    node = _inside(node, held)
    if id(node) in held:
        return False
    if node.op == "mul":
        return all(_is_exponential(each, held) for each in node.args)
    return node.op == "activation" and node.value == "exponential"


def _inside(node: Node, held: Set[int]) -> Node:
    """What something is that may have a name."""
    return _inside(node.args[0], held) if node.op == "called" and id(node) not in held else node


def _is_one(node: Node) -> bool:
    return node.op == "number" and node.value == 1.0


def root(a: Node) -> Node:
    """The square root of `a`, whose gradient is 0 where `a` is 0.

    Its slope is infinite there, and whatever made `a` so small has a slope of 0: infinity times 0 is NaN.
    """
    return Node("if_zero", (a, wrap(0.0), Node("sqrt", (Node("if_zero", (a, wrap(1.0), a)),))))
