"""A linear layer in front of a cell, and how it folds into the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lstmviz.cells.cell import Cell
from lstmviz.cells.kind import Kind
from lstmviz.cells.numbers import float_type, positive
from lstmviz.cells.options import OptionValue
from lstmviz.cells.weights import INITIAL_WEIGHTS, check_seed, weight_shapes
from lstmviz.equation import Node
from lstmviz.language import _


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear layer, `x @ kernel + bias`: kernel `[features, input_size]`, bias `[input_size]`."""

    kernel: Float[np.ndarray, "features input_size"]
    bias: Float[np.ndarray, " input_size"]

    def __post_init__(self) -> None:
        if self.kernel.ndim != 2 or self.bias.shape != self.kernel.shape[1:]:
            raise ValueError(
                _(
                    "the linear layer's kernel is {kernel} and its bias {bias}; they must be [a, b] and [b]."
                ).format(kernel=list(self.kernel.shape), bias=list(self.bias.shape))
            )

    def __call__(self, x: Float[np.ndarray, "time features"]) -> Float[np.ndarray, "time input_size"]:
        """The layer's output for each step."""
        y: np.ndarray = x @ self.kernel + self.bias
        return y


def build_linear(features: int, input_size: int, *, seed: int = 0, dtype: str = "float32") -> Linear:
    """A linear layer with Glorot uniform kernel and a random normal bias (a zero one would show nothing)."""
    features, input_size = positive("features", features), positive("input_size", input_size)
    rng = np.random.default_rng((features, input_size, check_seed(seed)))
    type_ = float_type(dtype)
    return Linear(
        INITIAL_WEIGHTS["glorot_uniform"](rng, (features, input_size), type_),
        rng.normal(0.0, 0.5, input_size).astype(type_),
    )


def fold(linear: Linear, cell: Cell) -> Cell:
    """The cell that does alone what `linear` in front of `cell` does.

    The layer's kernel goes into the kernel's x rows, its bias into the bias:
    `(x @ A + a) @ K + b = x @ (A @ K) + (a @ K + b)`. A cell without biases gets them, to hold the layer's.

    Raises:
        ValueError: the layer's outputs are not as many as the cell's inputs, or the cell has no place for its bias.
    """
    features, outputs = linear.kernel.shape
    if outputs != cell.input_size:
        raise ValueError(
            _("the linear layer gives {given} features; the cell takes {allowed}.").format(
                given=outputs, allowed=cell.input_size
            )
        )
    options = with_bias(cell.options)
    shapes = weight_shapes(cell.kind, cell.num_units, features, options)
    weights = {name: cell.weights.get(name, np.zeros(shape, cell.dtype)) for name, shape in shapes.items()}
    biases = _find_biases(cell.kind, options)
    if biases is None:
        raise ValueError(
            _("{kind} has no bias beside each product with x, so no linear layer folds into it.").format(
                kind=cell.kind.name
            )
        )
    kernel, bias = linear.kernel.astype(np.float64), linear.bias.astype(np.float64)
    for weight, name in biases.items():
        stored = cell.weights[weight]
        rows_x, rows_h = stored[: cell.input_size], stored[cell.input_size :]
        weights[weight] = np.concatenate([(kernel @ rows_x).astype(cell.dtype), rows_h])
        weights[name] = (weights[name] + bias @ rows_x).astype(cell.dtype)
    return Cell(cell.kind, cell.num_units, features, options, weights)


def can_fold(kind: Kind, options: Mapping[str, OptionValue]) -> bool:
    """Whether a linear layer in front of such a cell folds into it: x meets kernels alone, with a bias beside each product."""
    return _find_biases(kind, with_bias(options)) is not None


def with_bias(options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """The options of a cell that a linear layer is folded into: it has biases, to hold the layer's."""
    return {name: True if name == "use_bias" else value for name, value in options.items()}


def _find_biases(kind: Kind, options: Mapping[str, OptionValue]) -> dict[str, str] | None:
    """The kernels that x meets with its first rows, and the bias that is added to each's product; None if x does more."""
    equation = kind.equation(options)
    users: dict[int, list[Node]] = {}
    for node in equation.nodes:
        for each in node.args:
            users.setdefault(id(each), []).append(node)
    meeting = [
        equation.x,
        *(
            node
            for node in users.get(id(equation.x), ())
            if node.op == "concat" and sum(each is equation.x for each in node.args) == 1
        ),
    ]
    found: dict[str, str] = {}
    for met in meeting:
        for node in users.get(id(met), ()):
            if met is equation.x and any(node is each for each in meeting):
                if node.args[0] is not equation.x:
                    return None
                continue
            bias = _bias_beside(node, users) if node.op == "matmul" else None
            if bias is None or len(users[id(node.args[1])]) > 1:
                return None
            found[node.args[1].value] = bias
    return found


def _bias_beside(product: Node, users: Mapping[int, list[Node]]) -> str | None:
    """The weight that is a summand of the same sum as a product, and of no other; None where there is none."""
    node = product
    while len(above := users.get(id(node), [])) == 1 and above[0].op == "add":
        for each in above[0].args:
            if each.op == "weight" and len(users[id(each)]) == 1:
                return str(each.value)
        node = above[0]
    return None
