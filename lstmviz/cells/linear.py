"""A linear layer in front of a cell, and how it folds into the kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lstmviz.cells.cell import Cell
from lstmviz.cells.numbers import float_type, positive
from lstmviz.cells.weights import INITIAL_WEIGHTS, check_seed, weight_shapes
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
        ValueError: the layer's outputs are not as many as the cell's inputs.
    """
    features, outputs = linear.kernel.shape
    if outputs != cell.input_size:
        raise ValueError(
            _("the linear layer gives {given} features; the cell takes {allowed}.").format(
                given=outputs, allowed=cell.input_size
            )
        )
    options = {name: True if name == "use_bias" else value for name, value in cell.options.items()}
    shapes = weight_shapes(cell.kind, cell.num_units, features, options)
    weights = {name: cell.weights.get(name, np.zeros(shape, cell.dtype)) for name, shape in shapes.items()}
    biases = {(v.gates, v.meets): v.name for v in cell.kind.variables if v.is_bias}
    kernel, bias = linear.kernel.astype(np.float64), linear.bias.astype(np.float64)
    for variable in cell.kind.variables:
        if variable.is_kernel and "x" in variable.meets:
            stored, name = cell.weights[variable.name], biases[variable.gates, variable.meets]
            rows_x, rows_h = stored[: cell.input_size], stored[cell.input_size :]
            weights[variable.name] = np.concatenate([(kernel @ rows_x).astype(cell.dtype), rows_h])
            weights[name] = (weights[name] + bias @ rows_x).astype(cell.dtype)
    return Cell(cell.kind, cell.num_units, features, options, weights)
