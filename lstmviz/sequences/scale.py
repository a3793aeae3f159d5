"""Numbers made fit for a cell: standardised, or as they are, in float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, Float64

from lstmviz.language import _


def standardised(values: Float64[np.ndarray, "time input_size"]) -> Float32[np.ndarray, "time input_size"]:
    """Each column shifted and scaled to mean 0 and (population) deviation 1; a constant one becomes 0. All are finite.

    >>> standardised(np.array([[1.0, 7.0], [3.0, 7.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    if len(values) == 0:
        return values.astype(np.float32)
    # A power of two changes no digit, and lets the largest numbers have squares.
    _mantissa, exponents = np.frexp(np.abs(values).max(axis=0))
    scaled = np.ldexp(values, -exponents - 1)
    # From the first row, since the mean of large numbers loses what is small about them.
    shifted = scaled - scaled[0]
    _mantissa, exponents = np.frexp(np.abs(shifted).max(axis=0))
    shifted = np.ldexp(shifted, -exponents)
    centred = shifted - shifted.mean(axis=0)
    constant = (shifted == 0).all(axis=0)
    return np.where(constant, 0, centred / np.where(constant, 1, centred.std(axis=0))).astype(np.float32)


def narrowed(
    values: Float64[np.ndarray, "time input_size"], place: Callable[[int, int], str]
) -> Float32[np.ndarray, "time input_size"]:
    """The values in float32.

    Raises:
        ValueError: one is too large for it; `place(row, column)` says where it came from.
    """
    too_large = np.isfinite(values) & (np.abs(values) > np.finfo(np.float32).max)
    if too_large.any():
        row, column = map(int, np.argwhere(too_large)[0])
        raise ValueError(
            _("{given:g} at {place} is too large for float32; standardise, or scale it down.").format(
                given=values[row, column], place=place(row, column)
            )
        )
    return values.astype(np.float32)
