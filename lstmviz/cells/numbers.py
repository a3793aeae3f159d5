"""What a cell is given, as numbers of the right sort."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from lstmviz.language import _


def positive(name: str, value: Any) -> int:
    """`value` as a whole number of at least 1; `name` is what an error calls it.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(
            _("{name} is {given!r}; it must be a whole number, at least 1.").format(name=name, given=value)
        )
    return int(value)


def float_type(dtype: Any) -> np.dtype[Any]:
    """float32 or float64, by name or type.

    Raises:
        ValueError: it is neither.
    """
    for type_ in (np.dtype(np.float32), np.dtype(np.float64)):
        if dtype in (type_.name, type_.type) or dtype is type_:
            return type_
    raise ValueError(_("dtype is {given!r}; it must be float32 or float64.").format(given=dtype))


def as_numbers(name: str, value: Any, dtype: np.dtype[Any], *, copy: bool = True) -> np.ndarray:
    """A copy of `value` as an array of `dtype`; `name` is what an error calls it.

    Without `copy`, an array that is one already is given back as it is.

    Raises:
        ValueError: `value` is no array of real numbers: text, complex numbers, rows of several lengths, None.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of several lengths
        raise ValueError(
            _("{name} is not an array of numbers: {cause}").format(name=name, cause=error)
        ) from error
    if array.dtype.kind not in "biuf":
        raise ValueError(
            _("{name} is an array of {given}; it must be one of real numbers.").format(
                name=name, given=array.dtype
            )
        )
    with np.errstate(over="ignore"):  # beyond float32 is infinity, which a figure shows as such
        return array.astype(dtype, copy=copy)


def frozen(array: np.ndarray) -> np.ndarray:
    """`array`, or a copy where somebody else could still write to it."""
    if array.flags.writeable or not array.flags.owndata:
        array = array.copy()
        array.setflags(write=False)
    return array


def with_numbers(name: str, array: np.ndarray, numbers: Mapping[Any, Any]) -> np.ndarray:
    """A copy of `array` with some numbers in place of its own, read-only; `name` is what an error calls it.

    Args:
        name: The array's name.
        array: The array.
        numbers: By where it stands, a whole number for each axis, or a single one of a vector, what stands there then.

    Raises:
        ValueError: there is no such place, or a number is not finite in the array's type.
    """
    found = array.copy()
    for place, number in numbers.items():
        index = place if isinstance(place, tuple) else (place,)
        is_whole = all(isinstance(at, int | np.integer) and not isinstance(at, bool) for at in index)
        if not is_whole or len(index) != array.ndim or not all(map(_is_within, index, array.shape)):
            raise ValueError(
                _("{name} has the shape {shape}; there is no number at {given}.").format(
                    name=name, shape=list(array.shape), given=reprlib.repr(place)
                )
            )
        is_number = isinstance(number, Real) and not isinstance(number, bool)
        if not is_number or not abs(number) <= float(np.finfo(array.dtype).max):
            raise ValueError(
                _("{name} is to have {given} at {place}; it must be a finite number.").format(
                    name=name, given=reprlib.repr(number), place=list(map(int, index))
                )
            )
        found[index] = number
    found.setflags(write=False)
    return found


def _is_within(index: Any, length: int) -> bool:
    return bool(0 <= index < length)
