"""What a cell is given, as numbers of the right sort."""

from __future__ import annotations

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
