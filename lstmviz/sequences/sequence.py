"""What a sequence is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz.language import _

MAX_STEPS = 10_000
"""As many steps are read from a text, from numbers or from a file."""


@dataclass(frozen=True, eq=False)
class Sequence:
    """An input of a cell, with names for its steps and features.

    Attributes:
        values: `[time, input_size]`, float32 or float64; read-only, a copy of an array that could still be written to.
        labels: A name for each step: its number, year or character.
        features: A name for each feature.
        title: What it is.
        source: Where its data come from, if they were not made here.

    Raises:
        ValueError: the values are no such array, or labels and features are not one a step and one a feature.
    """

    values: Float[np.ndarray, "time input_size"]
    labels: tuple[str, ...]
    features: tuple[str, ...]
    title: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.dtype not in (np.float32, np.float64):
            raise ValueError(
                _(
                    "values is an array {shape} of {dtype}; it must be [time, input_size] of float32 or float64."
                ).format(shape=list(self.values.shape), dtype=self.values.dtype.name)
            )
        if (len(self.labels), len(self.features)) != self.values.shape:
            raise ValueError(
                _(
                    "a sequence {given} has {labels} labels and {features} feature names; it needs one for each."
                ).format(given=list(self.values.shape), labels=len(self.labels), features=len(self.features))
            )
        if self.values.flags.writeable:
            object.__setattr__(self, "values", _frozen(self.values.copy()))

    def __len__(self) -> int:
        return self.time_steps

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype, copy=copy)

    def take(self, steps: Any) -> Sequence:
        """The steps of these numbers, in this order, each with its own label."""
        order = [int(step) for step in steps]
        labels = tuple(self.labels[step] for step in order)
        return replace(self, values=_frozen(self.values[order]), labels=labels)

    @property
    def time_steps(self) -> int:
        """The number of steps."""
        return self.values.shape[0]

    @property
    def input_size(self) -> int:
        """The number of features."""
        return self.values.shape[1]


def wrap(x: Any) -> Sequence:
    """`x` as a sequence: itself, or an array `[time, input_size]` with its steps and features numbered.

    NaN and infinity are let through: what a cell makes of them is worth seeing. float64 stays float64, all other
    numbers become float32.

    Raises:
        ValueError: `x` is no array of real numbers with two axes and a feature at least.

    >>> wrap([[0, 1], [2, 3], [4, 5]]).features
    ('x[0]', 'x[1]')
    """
    if isinstance(x, Sequence):
        return x
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ValueError(_("x is no array [time, input_size]: {cause}.").format(cause=error)) from error
    if array.dtype.kind not in "biuf":
        raise ValueError(
            _("x is an array of {given}; it must be real numbers [time, input_size].").format(
                given=array.dtype.name
            )
        )
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(
            _("x has the shape {given}; it must be [time, input_size], one feature at least.").format(
                given=list(array.shape)
            )
        )
    with np.errstate(over="ignore"):  # infinity is allowed here
        return numbered(np.array(array, np.float64 if array.dtype == np.float64 else np.float32))


def numbered(values: Float[np.ndarray, "time input_size"], title: str = "") -> Sequence:
    """A sequence whose steps are named 0, 1, … and whose features x[0], x[1], …; the array is the sequence's from here on."""
    time_steps, input_size = values.shape
    return Sequence(_frozen(values), tuple(map(str, range(time_steps))), feature_names(input_size), title)


def feature_names(input_size: int) -> tuple[str, ...]:
    """The names x[0], x[1] and so on, for features without any."""
    return tuple(f"x[{k}]" for k in range(input_size))


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
