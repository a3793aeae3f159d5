"""What layer arrays are by their shapes, and what is said of every format's layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.layouts import FAMILIES, describe_stored


def find_family(
    arrays: Mapping[str, np.ndarray],
    layout: str,
    options: Mapping[str, Any] = MappingProxyType({}),
    of: Iterable[str] = FAMILIES,
) -> str:
    """The first family that a layout stores in arrays of these shapes.

    Raises:
        ValueError: there is none; the message is the last family's.
    """
    empty = {name: np.broadcast_to(np.float32(0), array.shape) for name, array in arrays.items()}
    causes = []
    for family in of:
        try:
            describe_stored(empty, layout, family, **options)
        except ValueError as error:
            causes.append(str(error))
            continue
        return family
    raise ValueError(causes[-1])


def say_unread(name: str, reason: str) -> str:
    """Why a layer is left out of whose arrays one is not read."""
    return _("its {name} is not read: {reason}").format(name=name, reason=reason)


def say_no_floats(name: str, array: np.ndarray) -> str:
    """Why a layer is left out one of whose arrays holds no floating-point numbers."""
    return _("its {name} is kept as {dtype}, and what a number of it stands for is not in the file").format(
        name=name, dtype=array.dtype
    )


def say_backward() -> str:
    """What is to be said of a layer that reads its sequence from the end."""
    return _("It reads the sequence from its end.")
