"""The initial weights, and the shapes of what a cell stores."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.cells.kind import Kind
from lstmviz.cells.options import OptionValue
from lstmviz.language import _

Draw = Callable[[np.random.Generator, tuple[int, ...], np.dtype[Any]], np.ndarray]


def _glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    # Glorot and Bengio 2010; a vector's fans are both its length, as in TensorFlow's _compute_fans.
    fan_in, fan_out = shape[0], shape[-1]
    limit = math.sqrt(6 / (fan_in + fan_out))
    return _draw_in_parts(lambda part: rng.uniform(-limit, limit, part), shape, dtype)


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    # Saxe et al. 2013. A vector (a peephole) has no orthogonal rows: it becomes one of length 1.
    rows, columns = shape if len(shape) == 2 else (1, shape[0])
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return (q if rows >= columns else q.T).reshape(shape).astype(dtype)


def _random_normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    # The standard deviation is Keras's RandomNormal default.
    return _draw_in_parts(lambda part: rng.normal(0.0, 0.05, part), shape, dtype)


def _zeros(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    return np.zeros(shape, dtype)


def _draw_in_parts(
    draw: Callable[[tuple[int, ...]], np.ndarray], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> np.ndarray:
    """The numbers that one call of `draw` would give, without ever having all of them in float64."""
    drawn = np.empty(shape, dtype)
    rows = max(1, 2**20 // math.prod(shape[1:]))
    for start in range(0, len(drawn), rows):
        part = drawn[start : start + rows]
        part[...] = draw(part.shape)
    return drawn


INITIAL_WEIGHTS: Mapping[str, Draw] = MappingProxyType(
    {
        "glorot_uniform": _glorot_uniform,
        "orthogonal": _orthogonal,
        "random_normal": _random_normal,
        "zeros": _zeros,
    }
)
"""Initial weights by Keras's names; `glorot_uniform` is what TensorFlow's cells take by default."""


def draw(
    kind: Kind,
    num_units: int,
    input_size: int,
    options: Mapping[str, OptionValue],
    initial_weights: str,
    seed: Any,
    dtype: np.dtype[Any],
) -> dict[str, np.ndarray]:
    """The initial weights of a cell, by TensorFlow's names, read-only.

    Raises:
        ValueError: there are no initial weights of that name, or the seed is no whole number.
        MemoryError: there are more of them than memory holds.
    """
    if initial_weights not in INITIAL_WEIGHTS:
        raise ValueError(
            _("initial_weights is {given!r}; it must be one of {allowed}.").format(
                given=initial_weights, allowed=", ".join(INITIAL_WEIGHTS)
            )
        )
    rng = np.random.default_rng(check_seed(seed))
    shapes = weight_shapes(kind, num_units, input_size, options)
    if max(map(math.prod, shapes.values())) > sys.maxsize // 8:  # NumPy words this one differently
        raise MemoryError
    arrays = {}
    for variable in kind.variables:
        if variable.name in shapes:
            shape = shapes[variable.name]
            # Drawn in float64 for both types: a float32 cell is the float64 one, rounded.
            arrays[variable.name] = (
                INITIAL_WEIGHTS[initial_weights](rng, shape, dtype)
                if variable.initial is None
                else np.full(shape, variable.initial, dtype)
            )
            arrays[variable.name].setflags(write=False)
    return arrays


def check_seed(seed: Any) -> int:
    """`seed` as a whole number of at least 0.

    Raises:
        ValueError: it is none.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(_("seed is {given!r}; it must be a whole number, at least 0.").format(given=seed))
    return int(seed)


def weight_shapes(
    kind: Kind, num_units: int, input_size: int, options: Mapping[str, OptionValue]
) -> dict[str, tuple[int, ...]]:
    """The shape of each variable of a cell with these sizes and options, by TensorFlow's name."""
    equation, sizes = kind.equation(options), sizes_of(num_units, input_size, options)
    return {
        name: tuple(axis.evaluate(sizes) for axis in equation.shapes.weights[name])
        for name in equation.weights
    }


def sizes_of(num_units: int, input_size: int, options: Mapping[str, OptionValue]) -> dict[str, int]:
    """What the sizes in an equation stand for."""
    num_proj = options.get("num_proj")
    output_size = num_units if num_proj is None else int(num_proj)
    return {"input_size": input_size, "num_units": num_units, "output_size": output_size}
