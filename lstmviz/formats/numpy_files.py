"""NumPy's .npz and .npy: bare arrays, which are a layer's if their names or the layout asked for say so."""

from __future__ import annotations

import io
import math

import numpy as np

from lstmviz.formats import own
from lstmviz.formats.bare import find_bare
from lstmviz.formats.found import Content, FormatError, Found
from lstmviz.language import _

_MAGIC = b"\x93NUMPY"
_NUMBERS = "fiu"
_MOST_AXES = 32
_MOST_HEADER = 2**16  # bytes; a header is read as Python's literals, which takes time


def knows(content: Content) -> bool:
    """Whether it is an array, or a zip of arrays."""
    if content.data:
        return content.data.startswith(_MAGIC)
    return bool(content.files) and all(part.startswith(_MAGIC) for part in content.files.values())


def read(content: Content, layout: str | None) -> Found:
    """The layers that the arrays make; those of other names are left for the detective."""
    text = own.read_text(content)
    arrays, skipped = read_arrays(content)
    if text is not None:
        return own.find(content.name, text, arrays, skipped)
    found = find_bare(arrays, layout, skipped)
    found.skipped |= skipped
    return found


def read_arrays(content: Content) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of numbers by name, and why others are none.

    Raises:
        FormatError: one is damaged, or holds Python objects.
    """
    arrays: dict[str, np.ndarray] = {}
    skipped: dict[str, str] = {}
    for name, part in content.files.items():
        title = name.removesuffix(".npy") or "array"
        array = _read_array(part, f"{content.name}, {name}" if name else content.name)
        if isinstance(array, np.ndarray):
            arrays[title] = array
        else:
            skipped[title] = array
    return arrays, skipped


def _read_array(part: bytes, name: str) -> np.ndarray | str:
    """An array of numbers, or why it is none, after a look at its header alone.

    Raises:
        FormatError: it is damaged, or holds Python objects.
    """
    file = io.BytesIO(part[: _MOST_HEADER + 16])
    try:
        version = np.lib.format.read_magic(file)
        if version == (3, 0):  # which is for fields named in other letters than ASCII's
            return _("it holds records, not numbers")
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, is_fortran, dtype = read_header[version](file, max_header_size=_MOST_HEADER)
    except (
        Exception
    ) as error:  # a header is a Python literal: what may be wrong with one is not listed anywhere
        cause = str(error).split("\n", 1)[0]
        raise FormatError(_("{name} is a damaged array: {cause}").format(name=name, cause=cause)) from error
    if dtype.hasobject:
        raise FormatError(
            _("{name} holds Python objects, which are not read: they could run any program.").format(
                name=name
            )
        )
    if dtype.kind not in _NUMBERS:
        return _say_type(dtype)
    if not _is_shape(shape) or math.prod(shape) * dtype.itemsize > len(part) - file.tell():
        raise FormatError(
            _("{name} says that it has the shape {shape}, which is more than is in it.").format(
                name=name, shape=str(list(shape))[:200]
            )
        )
    flat = np.frombuffer(part, dtype, math.prod(shape), file.tell())
    return flat.reshape(shape, order="F" if is_fortran else "C")


def _is_shape(shape: tuple[int, ...]) -> bool:
    return len(shape) <= _MOST_AXES and all(type(size) is int and 0 <= size < 2**62 for size in shape)


def _say_type(dtype: np.dtype) -> str:
    if dtype.names is None and dtype.kind == "V" and dtype.itemsize <= 2:
        return _(
            "its numbers are of a type that NumPy has no name for, as bfloat16 is; save them with .astype('float32')"
        )
    return _("it holds no real numbers, but {type}").format(type=str(dtype)[:100])
