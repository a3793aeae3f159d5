"""What the detective is given, checked: the arrays, the inputs and the known outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstmviz.cells import as_numbers
from lstmviz.language import _

Array = np.ndarray


def check_arrays(arrays: Mapping[str, Any] | Sequence[Any]) -> dict[str, Array]:
    """The arrays by name, all of float64 if one is, else of float32.

    Raises:
        ValueError: there is none, or one is not of finite numbers.
    """
    if isinstance(arrays, np.ndarray) or not isinstance(arrays, Mapping):
        listed = [arrays] if isinstance(arrays, np.ndarray) else list(arrays)
        arrays = {f"arrays[{k}]": array for k, array in enumerate(listed)}
    if not arrays:
        raise ValueError(_("arrays is empty; give the kernels and biases of one layer."))
    exact = any(np.asarray(array).dtype == np.float64 for array in arrays.values())
    dtype = np.dtype(np.float64 if exact else np.float32)
    return {
        str(name): _finite(str(name), as_numbers(str(name), array, dtype)) for name, array in arrays.items()
    }


def _finite(name: str, array: Array) -> Array:
    if not array.size or not np.isfinite(array).all():
        raise ValueError(_("{name} must be finite numbers, at least one.").format(name=name))
    return array


def check_sequence(name: str, value: Any) -> Array:
    """`value` as `[time, features]`, without a batch of one.

    Raises:
        ValueError: it is not one sequence of finite numbers.
    """
    array = _finite(name, as_numbers(name, value, np.dtype(np.float64)))
    lengths = [length for length in array.shape[:-1] if length != 1]
    if array.ndim < 2 or len(lengths) > 1:
        raise ValueError(
            _("{name} has the shape {given}; it must be one sequence, [time, features].").format(
                name=name, given=list(array.shape)
            )
        )
    return array.reshape(-1, array.shape[-1])


def check_output(outputs: Any, steps: int) -> Array:
    """The known output as `[known, num_units]`, of every step or of the last one alone.

    Raises:
        ValueError: it is not one sequence of finite numbers, or has another count of steps.
    """
    array = as_numbers("outputs", outputs, np.dtype(np.float64))
    h = check_sequence("outputs", array[np.newaxis] if array.ndim == 1 else array)
    if len(h) not in (1, steps):
        raise ValueError(
            _("outputs has {given} steps; it must have {steps} as inputs has, or only the last one.").format(
                given=len(h), steps=steps
            )
        )
    return h
