"""What a reader found, as two files: a JSON head and the arrays' bytes, one after the other.

It crosses from the process that read a stranger's file, whose native libraries may have been taken over by it. So what
comes back is held against bounds of its own, and nothing in it can be more than text and numbers.
"""

from __future__ import annotations

import io
import json
import math
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstmviz.formats.found import MAX_PARTS, Assumption, FormatError, Found, Layer, Reads
from lstmviz.language import _

HEAD, NUMBERS = "answer.json", "answer.bin"
_MOST_HEAD = 2**23  # bytes: 10,000 names and reasons of 800 characters
_MOST_SENTENCE = 10_000
_MOST_DIMENSIONS = 32
_TYPES = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}


@dataclass(frozen=True)
class Failure:
    """Why there is nothing.

    Attributes:
        kind: "refused" with the reader's sentence, "missing" and "system" with the system's, "memory", "numbers" or "disk".
        sentence: For people.
    """

    kind: str
    sentence: str = ""


def write(folder: Path, format_: str, found: Found) -> None:
    """Writes what was found.

    Raises:
        OSError: the disk is full.
        FormatError: it has more names and reasons than are told.
    """
    arrays = _Numbered()
    layers = {name: _tell_layer(layer, arrays) for name, layer in found.layers.items()}
    told: dict[str, Any] = {
        "format": format_,
        "layers": layers,
        "skipped": found.skipped,
        "notes": found.notes,
    }
    told |= {"arrays": arrays.number(found.arrays), "types": arrays.types}
    _write_head(folder, told)
    with Path(folder, NUMBERS).open("wb") as file:
        for array in arrays.kept:  # one after the other: no second copy of them all
            if array.size:  # NumPy's own way to write does not say why it could not
                file.write(np.ascontiguousarray(array).data.cast("B"))


def write_failure(folder: Path, failure: Failure) -> None:
    """Writes why there is nothing."""
    _write_head(folder, {"kind": failure.kind, "sentence": failure.sentence[:_MOST_SENTENCE]})


def read(folder: Path) -> tuple[str, Found] | Failure:
    """The format and what was found, or why there is nothing.

    Raises:
        ValueError: it is no answer.
        OSError: there is none.
    """
    try:
        with _open(folder / HEAD) as file:
            data = file.read(_MOST_HEAD + 1)
        if len(data) > _MOST_HEAD:
            raise ValueError("its head is too long")
        head = json.loads(data)
        if "kind" in head:
            return Failure(str(head["kind"]), str(head["sentence"])[:_MOST_SENTENCE])
        with _open(folder / NUMBERS) as file:
            arrays = _read_arrays(file, head["types"])
        return str(head["format"]), _make_found(head, arrays)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"it is no answer: {error}") from error


class _Numbered:
    """Arrays in the order in which they are written, each once."""

    def __init__(self) -> None:
        self.kept: list[np.ndarray] = []
        self._numbers: dict[object, int] = {}

    def number(self, named: Mapping[str, np.ndarray]) -> dict[str, int]:
        return {name: self._place(array) for name, array in named.items()}

    def _place(self, array: np.ndarray) -> int:
        # Views of the same numbers are one array; what is kept keeps its place in memory.
        place = array.__array_interface__["data"][0]
        key = (place, array.shape, array.strides, array.dtype.str)
        if key not in self._numbers:
            self._numbers[key] = len(self.kept)
            self.kept.append(array)
        return self._numbers[key]

    @property
    def types(self) -> list[tuple[str, tuple[int, ...]]]:
        return [(array.dtype.str, array.shape) for array in self.kept]


def _tell_layer(layer: Layer, arrays: _Numbered) -> dict[str, Any]:
    return {
        "layout": layer.layout,
        "family": layer.family,
        "arrays": arrays.number(layer.arrays),
        "options": dict(layer.options),
        "notes": layer.notes,
        "assumed": [asdict(each) for each in layer.assumed],
        "called": layer.called,
        "framework": layer.framework,
        "reads": {
            "reverse": layer.reads.reverse,
            "steps": layer.reads.steps,
            "mask_value": layer.reads.mask_value,
            "initial_state": arrays.number(layer.reads.initial_state),
        },
    }


def _write_head(folder: Path, told: Mapping[str, Any]) -> None:
    data = json.dumps(told, default=_as_plain).encode()
    if len(data) > _MOST_HEAD:
        raise FormatError(_("The file has more names in it, or longer ones, than can be told."))
    Path(folder, HEAD).write_bytes(data)


def _as_plain(value: Any) -> Any:
    """NumPy's numbers among options as Python's."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is neither text nor a number")


@contextmanager
def _open(path: Path) -> Iterator[io.BufferedReader]:
    """A plain file: no link to another, nothing that could keep its reader waiting."""
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(f"{path.name} is no plain file")
        yield file


def _read_arrays(file: io.BufferedReader, types: list[Any]) -> list[np.ndarray]:
    """The arrays. They are copied and not mapped: whoever can cut a mapped file short ends the process that reads it."""
    if len(types) > 10 * MAX_PARTS or any(type_[1:] not in _TYPES for type_, _shape in types):
        raise ValueError("arrays of other types than numbers")
    for _type, shape in types:
        if len(shape) > _MOST_DIMENSIONS or any(type(size) is not int or size < 0 for size in shape):
            raise ValueError(f"{shape} is no shape")
    sizes = [math.prod(shape) * np.dtype(type_).itemsize for type_, shape in types]
    if sum(sizes) != os.fstat(file.fileno()).st_size:
        raise ValueError("other arrays than it says")
    return [_read_array(file, np.dtype(type_), shape) for type_, shape in types]


def _read_array(file: io.BufferedReader, dtype: np.dtype, shape: list[int]) -> np.ndarray:
    array = np.empty(shape, dtype)
    if array.size and file.readinto(array.data.cast("B")) != array.nbytes:
        raise ValueError("fewer numbers than it says")
    array.flags.writeable = False
    return array


def _make_found(head: dict[str, Any], arrays: list[np.ndarray]) -> Found:
    def named(numbers: dict[str, int]) -> dict[str, np.ndarray]:
        return {str(name): arrays[number] for name, number in numbers.items()}

    if len(head["layers"]) > MAX_PARTS:
        raise ValueError("more layers than are read")
    layers = {name: _make_layer(told, named) for name, told in head["layers"].items()}
    skipped = {str(name): str(reason) for name, reason in head["skipped"].items()}
    return Found(layers, skipped, named(head["arrays"]), [str(note) for note in head["notes"]])


def _make_layer(told: dict[str, Any], named: Any) -> Layer:
    reads = told["reads"]
    steps, mask = reads["steps"], reads["mask_value"]
    return Layer(
        str(told["layout"]),
        str(told["family"]),
        named(told["arrays"]),
        dict(told["options"]),
        tuple(map(str, told["notes"])),
        tuple(Assumption(str(each["that"]), str(each["why"])) for each in told["assumed"]),
        str(told["called"]),
        Reads(
            bool(reads["reverse"]),
            None if steps is None else int(steps),
            None if mask is None else float(mask),
            named(reads["initial_state"]),
        ),
        str(told["framework"]),
    )
