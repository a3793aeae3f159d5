"""What crosses between a server and the process that trains for it: something told as JSON, and arrays.

A message is its length, the JSON's length, the JSON, and the arrays, each float32 and in C order. Who reads takes whole messages
alone, so that of a process that ends on the way no half of its weights is seen. Nothing here needs TensorFlow.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_LONGEST = 2**24  # bytes; 64 units of any kind are a tenth of it
_HEAD = struct.Struct("<II")


class BrokenError(ValueError):
    """What was sent is no message."""


@dataclass(frozen=True, eq=False)
class Message:
    """What was sent.

    Attributes:
        told: As JSON has it.
        arrays: By name.
    """

    told: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]


def write(told: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> bytes:
    """A message as bytes."""
    numbers = {name: np.asarray(array, "<f4") for name, array in (arrays or {}).items()}
    shapes = {name: list(array.shape) for name, array in numbers.items()}
    text = json.dumps({"told": told, "shapes": shapes}).encode()
    body = b"".join((text, *(array.tobytes() for array in numbers.values())))
    return _HEAD.pack(len(body), len(text)) + body


@dataclass
class Reader:
    """Takes bytes as they come, and gives messages when they are whole."""

    kept: bytearray = field(default_factory=bytearray)

    def feed(self, content: bytes) -> Iterator[Message]:
        """The messages that are whole with these bytes.

        Raises:
            BrokenError: it is none.
        """
        self.kept += content
        while len(self.kept) >= _HEAD.size:
            length, text = _HEAD.unpack_from(self.kept)
            if length > _LONGEST or text > length:
                raise BrokenError(f"a message of {length} bytes, {text} of them text")
            if len(self.kept) < _HEAD.size + length:
                return
            body = bytes(self.kept[_HEAD.size : _HEAD.size + length])
            del self.kept[: _HEAD.size + length]
            yield _read(body, text)


def _read(body: bytes, text: int) -> Message:
    try:
        head = json.loads(body[:text])
        arrays, at = {}, text
        for name, shape in head["shapes"].items():
            count = int(np.prod(shape, dtype=np.int64))
            arrays[name] = np.frombuffer(body, "<f4", count, at).reshape(shape)
            at += 4 * count
        if at != len(body):
            raise BrokenError(f"{len(body) - at} bytes beside the arrays")
        return Message(head["told"], arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenError(str(error)) from error
