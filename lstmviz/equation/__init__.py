"""A step of a cell, written once as its equation, and what is read from it.

>>> from lstmviz.equation import concat, sigmoid
>>> def step(x, h, w):
...     f = sigmoid(concat(x, h) @ w("kernel") + w("bias")).called("f", "forget gate")
...     return {"h": f * h}
"""

from lstmviz.equation.activations import ACTIVATIONS, Activation
from lstmviz.equation.definition import Equation, Weights, define
from lstmviz.equation.nodes import (
    Node,
    activate,
    clip,
    concat,
    exp,
    if_zero,
    log,
    maximum,
    minimum,
    norm,
    relu,
    sigmoid,
    softplus,
    split,
    sqrt,
    tanh,
)

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Equation",
    "Node",
    "Weights",
    "activate",
    "clip",
    "concat",
    "define",
    "exp",
    "if_zero",
    "log",
    "maximum",
    "minimum",
    "norm",
    "relu",
    "sigmoid",
    "softplus",
    "split",
    "sqrt",
    "tanh",
]
