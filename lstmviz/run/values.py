"""What the values inside a step were, from what a run recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmviz.cells import Cell
from lstmviz.equation import Node
from lstmviz.equation.activations import ACTIVATIONS
from lstmviz.equation.stable import rewrite
from lstmviz.run.arrays import activate, find_operation
from lstmviz.run.lowered import find_held


class NoSum(ValueError):
    """A number that is no sum of terms: a norm over all units, say."""


class Values:
    """The values of an equation's nodes at some steps.

    Args:
        cell: The cell that ran.
        x: Its input at these steps, `[steps, input_size]`.
        before: The states that each step started from, `[steps, size]`.
        gates: The gates, after their activation.
        after: The states after each step.
        dtype: In which type the rest is computed; by default the cell's.
        clamped: The gates and states of which a run held something: what they are made of does not say what they were.
    """

    def __init__(
        self, cell: Cell, x: np.ndarray, before: Mapping[str, np.ndarray], gates: Mapping[str, np.ndarray],
        after: Mapping[str, np.ndarray], dtype: Any = None, clamped: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.cell, self.equation = cell, cell.equation
        self.dtype = np.dtype(dtype or cell.dtype)
        self.steps = len(x)
        held = find_held(self.equation, clamped)
        self._held = held.keys()
        self._columns: dict[tuple[int, int], Any] = {}
        self._kept: list[Node] = []  # so that no node's id is given to another one
        self._known: dict[int, Any] = {id(self.equation.x): x}
        self._known |= {id(node): before[name] for name, node in self.equation.states.items()}
        self._known |= {id(node): gates[name] for name, node in self.equation.gates.items()}
        # Where a gate is a new state, both were recorded, and differ by rounding at most: the state is what goes on.
        self._known |= {
            id(node): after[name]
            for name, node in self.equation.new.items()
            if name not in clamped or name in held.get(id(node), ())
        }

    def of(self, node: Node) -> Any:
        """The node's value: `[steps, size]`, or `[size]`, or a number where it is the same at each step."""
        if id(node) not in self._known:
            with np.errstate(all="ignore"):
                self._known[id(node)] = self._compute(node)
        return self._known[id(node)]

    def of_column(self, node: Node, column: int) -> Any:
        """One column of the node's value, without the others where it is made unit by unit: `[steps]`, or a number."""
        if id(node) not in self._known:
            with np.errstate(all="ignore"):
                return self._compute_column(node, column)
        value = self._known[id(node)]
        return value if np.ndim(value) == 0 else value[..., column].astype(self.dtype, copy=False)

    def find_column(self, node: Node, column: int) -> tuple[Node, int]:
        """Where a column of a part, or of vectors one behind the other, comes from."""
        if node.op == "part":
            return node.args[0], column + node.value.index * self.width(node)
        for each in node.args:
            if column < (width := self.width(each)):
                return each, column
            column -= width
        raise IndexError(column)

    def width(self, node: Node) -> int:
        """How many numbers a node of the equation has at one step."""
        if node.op == "weight":
            return int(self.cell.weights[node.value].shape[-1])
        width = self.equation.width(node)
        return 1 if width is None else int(width.evaluate(self.cell.sizes))

    def _compute_column(self, node: Node, column: int) -> Any:
        if node.op == "weight":
            return self.cell.weights[node.value][column].astype(self.dtype)
        if node.op in ("part", "concat"):
            return self.of_column(*self.find_column(node, column))
        if node.op == "called":
            return self.of_column(node.args[0], column)
        if node.op == "matmul":
            return self.of(node.args[0]) @ self.cell.weights[node.args[1].value][:, column].astype(self.dtype)
        if node.op in ("number", "option", "norm"):
            value = self.of(node)
            return value if np.ndim(value) == 0 else value[..., column]
        key = id(node), column
        if key not in self._columns:
            self._columns[key] = self._operate(node, column)
        return self._columns[key]

    def _operate(self, node: Node, column: int) -> Any:
        """What an operation that is made unit by unit makes of its operands' columns."""
        if (stable := rewrite(node, self._held)) is not None:
            self._kept.append(stable)
            return self.of_column(stable, column)
        args = [self.of_column(each, column) for each in node.args]
        if node.op == "activation" and ACTIVATIONS[node.value].made is not None:
            return activate(node.value, args[0])
        if node.op == "clip":
            return np.clip(args[0], -args[1], args[1])
        out = np.empty(np.broadcast_shapes(*map(np.shape, args)), self.dtype)
        find_operation(node)(*args, out=out)
        return out

    def compute(self, node: Node) -> Any:
        """What the node's operation makes of what it is made from, whatever was recorded of it; x and states as they are."""
        if node.op in ("x", "state"):
            return self.of(node)
        with np.errstate(all="ignore"):
            return self._compute(node)

    def _compute(self, node: Node) -> Any:
        if node.op == "weight":
            return self.cell.weights[node.value].astype(self.dtype, copy=False)
        if node.op in ("number", "option"):
            return self.dtype.type(node.value if node.op == "number" else self.cell.options[node.value])
        if (stable := rewrite(node, self._held)) is not None:
            self._kept.append(stable)
            return self.of(stable)
        if node.op == "activation" and ACTIVATIONS[node.value].made is not None:
            return activate(node.value, self.of(node.args[0]).astype(self.dtype, copy=False))
        args = [self.of(each) for each in node.args]
        args = [
            each.astype(self.dtype, copy=False) if isinstance(each, np.ndarray) else each for each in args
        ]
        if node.op == "called":
            return args[0]
        if node.op == "clip":
            return np.clip(args[0], -args[1], args[1])
        if node.op == "part":
            width = args[0].shape[-1] // node.value.count
            return args[0][..., node.value.index * width : (node.value.index + 1) * width]
        out = np.empty(self._shape(node, args), self.dtype)
        find_operation(node)(*args, out=out)
        return out

    def _shape(self, node: Node, args: list[Any]) -> tuple[int, ...]:
        if node.op == "matmul":
            return (*args[0].shape[:-1], args[1].shape[1])
        if node.op == "concat":
            return (self.steps, sum(each.shape[-1] for each in args))
        shape: tuple[int, ...] = np.broadcast_shapes(*(np.shape(each) for each in args))
        return shape
