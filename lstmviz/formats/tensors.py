"""Numbers from raw bytes, in the types that PyTorch's files have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt16

from lstmviz.language import _

TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "bf16", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U8": "u1", "BOOL": "?",
}  # fmt: skip
"""NumPy's types by safetensors' names of them; bfloat16 is none of NumPy's."""


_MOST_DIMENSIONS = 32  # of NumPy before 2.0, and more than any file's


def read(
    data: bytes | memoryview, type_: str, shape: Sequence[int], strides: Sequence[int] | None = None
) -> np.ndarray:
    """An array; bfloat16 as float32.

    Args:
        data: The bytes from its first number on.
        type_: A key of `TYPES`.
        shape: Its shape.
        strides: How many numbers there are from one to the next along each axis; by default rows follow each other.

    Raises:
        ValueError: there is no such type, or there are not so many numbers.
    """
    if type_ not in TYPES:
        raise ValueError(
            _("type {given} is not read; {allowed} are").format(given=type_, allowed=", ".join(TYPES))
        )
    # What is none is not told: a pickle's tuple of tuples can be longer to write than any file.
    if not _are_sizes(shape) or not (strides is None or _are_sizes(strides)):
        raise ValueError(_("its shape is none"))
    is_bfloat = TYPES[type_] == "bf16"
    dtype = np.dtype("<u2" if is_bfloat else TYPES[type_])
    count = math.prod(shape)
    if count * dtype.itemsize > len(data):  # also where strides of 0 would make much of little
        raise ValueError(_too_few(shape, count * dtype.itemsize, len(data)))
    if strides is not None:
        if len(strides) != len(shape):
            raise ValueError(
                _("{given} are no strides of {shape}").format(given=list(strides), shape=list(shape))
            )
        count = 1 + sum((size - 1) * step for size, step in zip(shape, strides, strict=True)) if count else 0
    if count * dtype.itemsize > len(data):
        raise ValueError(_too_few(shape, count * dtype.itemsize, len(data)))
    flat = np.frombuffer(data, dtype, count)
    if is_bfloat:
        flat = widen(flat)
    if strides is None:
        return flat.reshape(tuple(shape))
    if not flat.size:
        return np.zeros(tuple(shape), flat.dtype)
    steps = [step * flat.itemsize for step in strides]
    return np.array(np.lib.stride_tricks.as_strided(flat, tuple(shape), steps, writeable=False))


def widen(bits: UInt16[np.ndarray, ...]) -> Float32[np.ndarray, ...]:
    """The bits of bfloat16 numbers as the float32 that they are the first half of."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _are_sizes(given: Sequence[Any]) -> bool:
    return len(given) <= _MOST_DIMENSIONS and all(type(size) is int and 0 <= size < 2**63 for size in given)


def size_of(type_: str, shape: Sequence[int]) -> int:
    """How many bytes the numbers of a shape take; `type_` is a key of `TYPES`."""
    return math.prod(shape) * (2 if TYPES[type_] == "bf16" else np.dtype(TYPES[type_]).itemsize)


def _too_few(shape: Sequence[int], needed: int, given: int) -> str:
    return _("its shape {shape} takes {needed:,} bytes, and there are {given:,}").format(
        shape=list(shape), needed=needed, given=given
    )
