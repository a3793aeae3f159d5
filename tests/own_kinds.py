"""Kinds of cell that nobody but the tests declares."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lstmviz as lv
from lstmviz.equation import activate, concat, maximum, norm, sigmoid, split, tanh


def minimal_gru(x, h, w):
    f = sigmoid(concat(x, h) @ w("gates/kernel") + w("gates/bias")).called("f", "forget gate")
    c = tanh(concat(x, f * h) @ w("candidate/kernel") + w("candidate/bias")).called("c", "candidate")
    return {"h": (1 - f) * h + f * c}


def odd(x, n, h, w, *, slope=0.5, mixes=True, period=2.0, activation="tanh"):
    """A cell | of the tests: *no* paper has it."""
    a, b = split("ab", concat(x, h) @ w("kernel") + w("bias"))
    a = sigmoid(a + slope).called("a", "first | gate", "opens *and* shuts")
    b = activate(activation, norm(b, w("scale/gamma"), w("scale/beta"))).called("wide")
    n = maximum(a * n, b) / period
    return {"n": n, "h": n * b + w("more") * h if mixes else n * b}


DECLARED = {"MinimalGRU": minimal_gru, "Odd": odd}

SOURCE = Path(__file__).read_text(encoding="utf-8").partition("\n\nDECLARED")[0] + (
    '\n\nlv.kind("MinimalGRU")(minimal_gru)\nlv.kind("Odd", "odd one", source="tests")(odd)\n'
)
"""A program that declares them."""


@contextmanager
def declared() -> Iterator[None]:
    """They are there, and no other test sees them."""
    lv.kind("MinimalGRU")(minimal_gru)
    lv.kind("Odd", "odd one", source="tests")(odd)
    try:
        yield
    finally:
        for name in DECLARED:
            del lv.KINDS[name]
