"""The engine that needs no TensorFlow: an equation's step in NumPy, recorded whole."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from lstmviz.equation import Node
from lstmviz.equation.activations import expand
from lstmviz.equation.nodes import walk
from lstmviz.run.lowered import AHEAD, STEP, Lowered

Array = np.ndarray
_CHUNK_SECONDS = 0.1  # how often a long run reports, and can be left


@cache
def _erfc() -> Callable[[Any], Any]:
    return np.vectorize(math.erfc, otypes=[float])  # NumPy has none


def _sigmoid(a: Array, out: Array) -> None:
    np.negative(a, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    np.divide(1, out, out=out)


def _relu(a: Array, out: Array) -> None:
    np.maximum(a, 0, out=out)


def _softplus(a: Array, out: Array) -> None:
    np.logaddexp(a.dtype.type(0), a, out=out)


def _select(a: Array, b: Array, c: Array, out: Array) -> None:
    out[...] = np.where(a >= 0, b, c)


def _compute_erfc(a: Array, out: Array) -> None:
    out[...] = _erfc()(a)


def _norm(a: Array, gamma: Array, beta: Array, out: Array, epsilon: float) -> None:
    mean = a.mean(axis=-1, keepdims=True)
    centred = a - mean
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    np.multiply(centred / np.sqrt(variance + a.dtype.type(epsilon)), gamma, out=out)
    np.add(out, beta, out=out)


def _concat(*parts: Array, out: Array) -> None:
    np.concatenate(parts, axis=-1, out=out)


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative, "max": np.maximum,
    "min": np.minimum, "sqrt": np.sqrt, "log": np.log, "abs": np.abs, "expm1": np.expm1, "erfc": _compute_erfc,
    "select": _select, "concat": _concat, "matmul": np.dot,
}  # fmt: skip
ACTIVATE: Mapping[str, Callable[..., Any]] = {
    "tanh": np.tanh, "relu": _relu, "sigmoid": _sigmoid, "softplus": _softplus, "exponential": np.exp,
}  # fmt: skip


def find_operation(node: Node) -> Callable[..., Any]:
    """The function `(*operands, out=)` that computes a node."""
    if node.op == "activation":
        return ACTIVATE[node.value]
    if node.op == "norm":
        epsilon = node.value
        return lambda a, gamma, beta, out: _norm(a, gamma, beta, out, epsilon)
    return OPERATIONS[node.op]


def activate(name: str, a: Array) -> Array:
    """An activation function of an array, by its name in `ACTIVATIONS`."""
    leaf = Node("x")
    known: dict[int, Any] = {id(leaf): a}
    for node in walk(_expand_all(Node("activation", (leaf,), name))):
        if node is leaf:
            continue
        if node.op == "number":
            known[id(node)] = a.dtype.type(node.value)
            continue
        out = np.empty_like(a)
        find_operation(node)(*(known[id(each)] for each in node.args), out=out)
        known[id(node)] = out
        result = out
    return result if name != "linear" else a


def _expand_all(node: Node) -> Node:
    """A node with every activation made of what NumPy has."""
    made = expand(node) if node.op == "activation" else node
    return Node(made.op, tuple(map(_expand_all, made.args)), made.value) if made.args else made


class Program:
    """The step of a lowered equation for one cell: its values before the first step, and a list of calls for each step."""

    def __init__(
        self, lowered: Lowered, weights: Mapping[str, Array], numbers: Mapping[str, float], sizes: Mapping[str, int],
        dtype: np.dtype[Any],
    ) -> None:  # fmt: skip
        self.lowered, self.weights, self.numbers, self.sizes, self.dtype = (
            lowered,
            weights,
            numbers,
            sizes,
            dtype,
        )
        self.known: dict[int, Any] = {}
        self.nodes = lowered.nodes

    def phase(self, node: Node) -> int:
        """When the node's value is known."""
        return self.lowered.phases[id(node)]

    def size(self, node: Node) -> int:
        """How many numbers the node has."""
        width = self.lowered.widths.get(id(node))
        return 1 if width is None else width.evaluate(self.sizes)

    def run(
        self, x: Array, states: Mapping[str, Array], progress: Callable[[int, int], None] | None = None
    ) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
        """Each gate before and after its activation, and the states after each step, `[time, size]`."""
        steps = len(x)
        for node in self.nodes:
            if self.phase(node) != STEP:
                self.known[id(node)] = self._make_ahead(node, x)
        recorded = self._run_steps(steps, states, progress)
        found = []
        for group in (self.lowered.before, self.lowered.after, self.lowered.new):
            arrays = {}
            for name, node in group.items():
                values = recorded[id(node)] if self.phase(node) == STEP else self.known[id(node)]
                arrays[name] = np.broadcast_to(values, (steps, self.size(node)))
            found.append(arrays)
        before, after, new = found
        return before, after, new

    def _make_ahead(self, node: Node, x: Array) -> Any:
        """What a node gives before the first step: one vector, or one for each step."""
        if node.op == "x":
            return x
        if node.op == "weight":
            return self.weights[node.value]
        if node.op in ("number", "option"):
            return self.dtype.type(node.value if node.op == "number" else self.numbers[node.value])
        args = [self.known[id(each)] for each in node.args]
        if node.op == "rows":
            first, size = (each.evaluate(self.sizes) for each in node.value)
            return args[0][first : first + size]
        if node.op == "part":
            return args[0][..., self._columns(node)]
        if node.op == "in_block":
            row = np.zeros(self.size(node), self.dtype)
            width = self.size(node) // node.value.count
            row[node.value.index * width : (node.value.index + 1) * width] = args[0]
            return row
        rows = (len(x),) if self.phase(node) == AHEAD else ()
        out = np.empty((*rows, self.size(node)), self.dtype)
        find_operation(node)(*args, out=out)
        return out

    def _columns(self, node: Node) -> slice:
        width = self.size(node)
        return slice(node.value.index * width, (node.value.index + 1) * width)

    def _run_steps(
        self, steps: int, states: Mapping[str, Array], progress: Callable[[int, int], None] | None
    ) -> dict[int, Array]:
        """The values of each node that depends on the states, at each step."""
        stepped = [
            node for node in self.nodes if self.phase(node) == STEP and node.op not in ("state", "part")
        ]
        outputs = [*self.lowered.new.values(), *self.lowered.before.values(), *self.lowered.after.values()]
        wanted = {id(self._holder(node)) for node in outputs if self.phase(node) == STEP}
        stepped_first = sorted(stepped, key=lambda node: id(node) not in wanted)
        places, end = {}, 0
        for node in stepped_first:
            places[id(node)] = slice(end, end + self.size(node))
            end += self.size(node)
            if id(node) in wanted:
                width = end
        scratch = np.empty(end, self.dtype)
        views = {id(node): scratch[places[id(node)]] for node in stepped}
        old = {name: state.copy() for name, state in states.items()}
        for node in self.nodes:
            if self.phase(node) == STEP and node.op == "state":
                views[id(node)] = old[node.value]
            elif self.phase(node) == STEP and node.op == "part":
                views[id(node)] = views[id(node.args[0])][self._columns(node)]
        fixed: list[tuple[Callable[..., Any], list[Any], Array]] = []
        moving: list[tuple[int, int]] = []
        rows: list[list[Array]] = []
        for node in stepped:
            args: list[Any] = []
            for each in node.args:
                if self.phase(each) == AHEAD:
                    moving.append((len(fixed), len(args)))
                    rows.append(list(self.known[id(each)]))
                    args.append(None)
                else:
                    args.append(views[id(each)] if self.phase(each) == STEP else self.known[id(each)])
            fixed.append((find_operation(node), args, views[id(node)]))
        record = np.empty((steps, width if wanted else 0), self.dtype)
        kept = scratch[: record.shape[1]]
        carry = [(old[name], views.get(id(node)), node) for name, node in self.lowered.new.items()]
        slots = [(fixed[call][1], position) for call, position in moving]
        with np.errstate(all="ignore"):
            told = time.perf_counter()
            for step in range(steps):
                if progress and time.perf_counter() - told > _CHUNK_SECONDS:
                    told = time.perf_counter()
                    progress(step, steps)
                for (args, position), row in zip(slots, rows, strict=True):
                    args[position] = row[step]
                for function, args, out in fixed:
                    function(*args, out=out)
                record[step] = kept
                for state, view, node in carry:
                    state[...] = self.known[id(node)][step] if view is None else view
        found = {}
        for node in outputs:
            if self.phase(node) == STEP:
                holder = self._holder(node)
                values = record[:, places[id(holder)]]
                found[id(node)] = values[:, self._columns(node)] if holder is not node else values
        return found

    def _holder(self, node: Node) -> Node:
        """What holds a node's numbers: a part lies in what it is a part of."""
        return node.args[0] if node.op == "part" else node
