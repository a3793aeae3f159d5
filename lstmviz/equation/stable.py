"""The same values on ways on which no digit is lost: what rounds to 0 or 1 still has its logarithm, and its share.

`sigmoid(z)` is 0 in float32 from z = -104 on (TensorFlow: -88), and its logarithm is -infinity where z is right; a share
`a / (a + b)` of two such numbers is 0 / 0. An equation says what is meant; what computes it asks here how.
"""

from __future__ import annotations

from lstmviz.equation.nodes import Node, activate, wrap


def rewrite(node: Node) -> Node | None:
    """The same value as `node`'s, made in another way; None where its own operation loses nothing.

    - `log(a)` is the logarithm that follows from how a was made;
    - `1 - a` of an exponential is `-expm1` of its exponent;
    - `a / (a + b)` is the sigmoid of the difference of both logarithms.
    """
    if node.op == "log":
        return _logarithm(node.args[0])
    if node.op == "sub" and _is_one(node.args[0]) and _is_exponential(node.args[1]):
        exponent = _logarithm(node.args[1])
        return None if exponent is None else -Node("expm1", (exponent,))
    if node.op == "div" and node.args[1].op == "add":
        return _share(node.args[0], *node.args[1].args)
    return None


def _share(part: Node, one: Node, other: Node) -> Node | None:
    """The share of `part` in the sum of `one` and `other`, where it is one of them."""
    if part is other:
        one, other = other, one
    a, b = _logarithm(one), _logarithm(other)
    return activate("sigmoid", a - b) if part is one and a is not None and b is not None else None


def _logarithm(node: Node) -> Node | None:
    """The logarithm of what an exponential or a sigmoid is in, without ever making that number itself."""
    if node.op == "called":
        return _logarithm(node.args[0])
    if node.op == "activation" and node.value == "exponential":
        return node.args[0]
    if node.op == "activation" and node.value == "sigmoid":
        return -activate("softplus", -node.args[0])
    if node.op == "sub" and _is_one(node.args[0]):
        rest = _inside(node.args[1])
        is_sigmoid = rest.op == "activation" and rest.value == "sigmoid"
        return -activate("softplus", rest.args[0]) if is_sigmoid else None
    if node.op in ("mul", "div"):
        a, b = map(_logarithm, node.args)
        if a is None or b is None:
            return None
        return a + b if node.op == "mul" else a - b
    return None


def _is_exponential(node: Node) -> bool:
    """Whether it is an exponential, or a product of some."""
    node = _inside(node)
    if node.op == "mul":
        return all(map(_is_exponential, node.args))
    return node.op == "activation" and node.value == "exponential"


def _inside(node: Node) -> Node:
    """What something is that may have a name."""
    return _inside(node.args[0]) if node.op == "called" else node


def _is_one(node: Node) -> bool:
    return node.op == "number" and node.value == 1.0


def root(a: Node) -> Node:
    """The square root of `a`, whose gradient is 0 where `a` is 0.

    Its slope is infinite there, and whatever made `a` so small has a slope of 0: infinity times 0 is NaN.
    """
    return Node("if_zero", (a, wrap(0.0), Node("sqrt", (Node("if_zero", (a, wrap(1.0), a)),))))
