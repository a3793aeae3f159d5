"""Many sequences through one cell at once: a kind's equation over arrays with further axes in front.

`lstmviz.run` records everything of one sequence; a held-out figure needs h alone, of thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz.cells import Cell
from lstmviz.equation import Equation
from lstmviz.run.arrays import activate

Library = Mapping[str, Callable[..., Any]]


def _activate(name: str, a: np.ndarray) -> np.ndarray:
    return activate(name, np.ascontiguousarray(a))


def _norm(a: np.ndarray, gamma: Any, beta: Any, epsilon: float) -> np.ndarray:
    centred = a - a.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + epsilon) * gamma + beta


NUMPY: Library = MappingProxyType(
    {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative,
        "max": np.maximum, "min": np.minimum, "sqrt": np.sqrt, "log": np.log, "matmul": np.matmul, "norm": _norm,
        "activation": _activate,
        "clip": lambda a, bound: np.clip(a, -bound, bound),
        "if_zero": lambda a, then, other: np.where(a == 0, then, other),
        "concat": lambda *parts: np.concatenate(parts, axis=-1),
        "part": lambda a, index, count: np.split(a, count, axis=-1)[index],
    }
)  # fmt: skip
"""What computes each operation of an equation, in NumPy."""


def step(
    equation: Equation,
    x: Any,
    states: Mapping[str, Any],
    weights: Mapping[str, Any],
    options: Mapping[str, Any],
    library: Library = NUMPY,
) -> dict[str, Any]:
    """The states after one step, of arrays whose last axis is the equation's."""
    known: dict[int, Any] = {}
    leaves: dict[str, Callable[[Any], Any]] = {
        "x": lambda _value: x,
        "state": states.__getitem__,
        "weight": weights.__getitem__,
        "option": options.__getitem__,
        "number": float,
    }
    for node in equation.nodes:
        args = [known[id(each)] for each in node.args]
        if node.op in leaves:
            known[id(node)] = leaves[node.op](node.value)
        elif node.op == "called":
            known[id(node)] = args[0]
        elif node.op == "part":
            known[id(node)] = library["part"](args[0], node.value.index, node.value.count)
        elif node.op == "activation":
            known[id(node)] = library["activation"](node.value, args[0])
        elif node.op == "norm":
            known[id(node)] = library["norm"](*args, node.value)
        else:
            known[id(node)] = library[node.op](*args)
    return {name: known[id(node)] for name, node in equation.new.items()}


def run_many(
    cell: Cell, x: Float[np.ndarray, "batch time input_size"]
) -> Float[np.ndarray, "batch time output_size"]:
    """The outputs h at every step of many sequences, each from states of zero."""
    x = x.astype(cell.dtype, copy=False)
    states = {name: np.zeros((len(x), cell.state_size(name)), cell.dtype) for name in cell.kind.states}
    options = {name: cell.dtype.type(v) for name, v in cell.options.items() if isinstance(v, float)}
    h = np.zeros((*x.shape[:2], cell.output_size), cell.dtype)
    for t in range(x.shape[1]):
        states = step(cell.equation, x[:, t], states, cell.weights, options)
        h[:, t] = states["h"]
    return h
