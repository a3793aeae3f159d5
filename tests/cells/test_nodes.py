"""A value of an equation is written as Python that computes it: whoever wrote the equation finds the place by that."""

from __future__ import annotations

import operator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lstmviz.equation import Node, tanh

_VECTORS = {"x": Node("x"), "h": Node("state", value="h"), "b": Node("weight", value="b")}
_KERNEL = Node("weight", value="kernel")
_OPERATIONS = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "neg": operator.neg,
    "matmul": operator.matmul, "activation": np.tanh,
}  # fmt: skip


def _extend(inner):
    two = st.tuples(inner, inner)
    return st.one_of(
        two.map(lambda ab: ab[0] + ab[1]),
        two.map(lambda ab: ab[0] - ab[1]),
        two.map(lambda ab: ab[0] * ab[1]),
        two.map(lambda ab: ab[0] / ab[1]),
        inner.map(lambda a: -a),
        inner.map(lambda a: 1.0 - a),
        inner.map(lambda a: 2 * a),
        inner.map(lambda a: a @ _KERNEL),
        inner.map(tanh),
    )


def compute(node, given):
    if node.op in ("x", "state", "weight", "number"):
        return given.get("x" if node.op == "x" else node.value, node.value)
    return _OPERATIONS[node.op](*(compute(each, given) for each in node.args))


@given(st.recursive(st.sampled_from(list(_VECTORS.values())), _extend, max_leaves=8), st.integers(0, 99))
def test_what_a_value_is_written_as_computes_the_same(node, seed):
    rng = np.random.default_rng(seed)
    known = {name: rng.uniform(0.5, 2.0, 3) for name in _VECTORS} | {"kernel": rng.uniform(0.5, 2.0, (3, 3))}
    with np.errstate(all="ignore"):
        expected = compute(node, known)
        written = eval(repr(node), {"__builtins__": {}, "tanh": np.tanh, **known})
    np.testing.assert_allclose(written, expected, rtol=1e-9, atol=1e-9)


def test_brackets_stand_only_where_they_are_needed():
    x, h, b = _VECTORS.values()
    for node, written in [
        (x + h - b, "x + h - b"), (x - (h - b), "x - (h - b)"), (x * h / b, "x * h / b"), (x / (h * b), "x / (h * b)"),
        (-(x + h) * b, "-(x + h) * b"), (-x * h, "-x * h"), (x * -h, "x * (-h)"), ((x + h) @ _KERNEL + b, "(x + h) @ kernel + b"),
        ((x @ _KERNEL) * b, "x @ kernel * b"), (1 - tanh(x + h), "1.0 - tanh(x + h)"),
    ]:  # fmt: skip
        assert repr(node) == written
