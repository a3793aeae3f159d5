"""A kind that Keras has no layer for, as a cell of Keras: its equation, step by step, in TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import keras
import tensorflow as tf

from lstmviz.cells import Cell
from lstmviz.examples.batches import Library, step

_ACTIVATIONS = {
    "tanh": tf.tanh,
    "sigmoid": tf.sigmoid,
    "relu": tf.nn.relu,
    "softplus": tf.math.softplus,
    "exponential": tf.exp,
    "linear": tf.identity,
}
TENSORFLOW: Library = MappingProxyType(
    {
        "add": tf.add, "sub": tf.subtract, "mul": tf.multiply, "div": tf.divide, "neg": tf.negative,
        "max": tf.maximum, "min": tf.minimum, "sqrt": tf.sqrt, "log": tf.math.log, "matmul": tf.matmul,
        "activation": lambda name, a: _ACTIVATIONS[name](a),
        "if_zero": lambda a, then, other: tf.where(tf.equal(a, 0), then, other),
        "concat": lambda *parts: tf.concat(parts, axis=-1),
        "part": lambda a, index, count: tf.split(a, count, axis=-1)[index],
    }
)  # fmt: skip
"""What computes the operations of the kinds trained here, in TensorFlow."""


class EquationCell(keras.layers.Layer):  # type: ignore[misc]
    """A cell for `keras.layers.RNN` that computes a kind's equation."""

    start: Cell
    variables_by_name: dict[str, Any]

    def build(self, _shape: Any) -> None:
        """Makes a variable of each weight, which starts as the cell's."""
        for name, weight in self.start.weights.items():
            made = self.add_weight(shape=weight.shape, name=name.replace("/", "_"), initializer="zeros")
            made.assign(weight)
            self.variables_by_name[name] = made

    def call(self, x: Any, states: Any) -> tuple[Any, list[Any]]:
        """One step."""
        names = self.start.kind.states
        options = {name: value for name, value in self.start.options.items() if isinstance(value, float)}
        weights: Mapping[str, Any] = {
            name: tf.convert_to_tensor(value) for name, value in self.variables_by_name.items()
        }
        new = step(
            self.start.equation, x, dict(zip(names, states, strict=True)), weights, options, TENSORFLOW
        )
        return new["h"], [new[name] for name in names]

    def trained(self) -> Cell:
        """The cell with the weights as they are now."""
        weights = {name: value.numpy() for name, value in self.variables_by_name.items()}
        return replace(self.start, weights=weights)


def make_equation_cell(start: Cell) -> EquationCell:
    """A cell for `keras.layers.RNN` that starts with the weights of a cell of ours."""
    made = EquationCell()  # no `__init__` of its own: Keras looks into its arguments for a configuration
    made.start, made.variables_by_name = start, {}
    made.state_size = [start.state_size(name) for name in start.kind.states]
    made.output_size = start.output_size
    return made
