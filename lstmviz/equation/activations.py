"""The activation functions by name, the few that a library computes and the others made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lstmviz.equation.nodes import Node, activate, wrap


@dataclass(frozen=True)
class Activation:
    """An activation function, element by element.

    Attributes:
        made: What it is made of; None for those that the libraries have themselves.
        bounds: What it approaches or reaches on either side; None where it has no two bounds.
        latex: How a formula writes it; None for its name.
    """

    made: Callable[[Node], Node] | None = None
    bounds: tuple[float, float] | None = None
    latex: str | None = None


_UNIT = (0.0, 1.0)
# Klambauer et al. 2017, as in keras/src/backend/tensorflow/nn.py's `selu`.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def _of(op: str, *args: Node | float) -> Node:
    return Node(op, tuple(map(wrap, args)))


def _between(a: Node) -> Node:
    return _of("min", _of("max", a, 0.0), 1.0)


def _elu(a: Node, alpha: float = 1.0) -> Node:
    # relu: the side not taken must not overflow
    return _of("select", a, a, alpha * _of("expm1", -activate("relu", -a)))


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "tanh": Activation(bounds=(-1.0, 1.0), latex=r"\tanh"),
        "relu": Activation(),
        "sigmoid": Activation(bounds=_UNIT, latex=r"\sigma"),
        "linear": Activation(lambda a: a),
        "hard_sigmoid": Activation(lambda a: _between(a / 6 + 0.5), _UNIT),
        # What Keras 2 called hard_sigmoid, and what ONNX's HardSigmoid does by default.
        "legacy_hard_sigmoid": Activation(lambda a: _between(0.2 * a + 0.5), _UNIT),
        "softsign": Activation(lambda a: a / (1 + _of("abs", a)), (-1.0, 1.0)),
        "softplus": Activation(),
        "elu": Activation(_elu),
        "selu": Activation(lambda a: _SELU_SCALE * _elu(a, _SELU_ALPHA)),
        "silu": Activation(lambda a: a * activate("sigmoid", a)),
        "gelu": Activation(lambda a: 0.5 * a * _of("erfc", -a * math.sqrt(0.5))),
        "leaky_relu": Activation(lambda a: _of("select", a, a, 0.2 * a)),  # the slope is Keras 3's default
        "exponential": Activation(latex=r"\exp"),
    }
)
"""Activation functions by Keras 3's names, beside `legacy_hard_sigmoid`."""


def expand(node: Node) -> Node:
    """An activation's node as what it is made of; the node itself where a library has it."""
    made = ACTIVATIONS[node.value].made
    return node if made is None else made(node.args[0])
