"""FlatBuffers, https://flatbuffers.dev/internals: tables whose fields are found by number, every offset held against the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from lstmviz.language import _


class Table:
    """One table of a buffer; a field that is not stored has its default.

    Args:
        data: The whole buffer.
        at: Where the table begins.

    Raises:
        ValueError: it leads out of the buffer, as everything below does.
    """

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._fields = at - _number(data, at, "<i")
        self._size = _number(data, self._fields, "<H")

    @classmethod
    def root(cls, data: bytes) -> Table:
        """The table that a buffer holds."""
        return cls(data, _number(data, 0, "<I"))

    def _place(self, field: int) -> int:
        """Where a field's value is; 0 where it is not stored."""
        entry = 4 + 2 * field
        if entry + 2 > self._size:
            return 0
        offset = _number(self._data, self._fields + entry, "<H")
        return self._at + offset if offset else 0

    def number(self, field: int, kind: str, default: Any = 0) -> Any:
        """A number, of `struct`'s kind: "b", "i", "f", "?"."""
        place = self._place(field)
        return _number(self._data, place, f"<{kind}") if place else default

    def table(self, field: int) -> Table | None:
        """A table in this one."""
        place = self._place(field)
        return Table(self._data, place + _number(self._data, place, "<I")) if place else None

    def array(self, field: int, dtype: str) -> np.ndarray:
        """A list of numbers, a view of the buffer; empty where it is not stored."""
        start, count = self._list(field)
        size = count * np.dtype(dtype).itemsize
        if start + size > len(self._data):
            raise ValueError(_("it leads out of the file"))
        return np.frombuffer(self._data, dtype, count, start) if count else np.empty(0, dtype)

    def tables(self, field: int) -> Tables:
        """A list of tables."""
        start, count = self._list(field)
        if start + 4 * count > len(self._data):
            raise ValueError(_("it leads out of the file"))
        return Tables(self._data, start, count)

    def text(self, field: int) -> str:
        """A name; "" where it is not stored."""
        return self.array(field, "u1").tobytes()[:200].decode("utf-8", "replace")

    def _list(self, field: int) -> tuple[int, int]:
        """Where a list's values begin, and how many there are."""
        place = self._place(field)
        if not place:
            return 0, 0
        start = place + _number(self._data, place, "<I")
        return start + 4, _number(self._data, start, "<I")


class Tables:
    """A list of tables, each made when it is asked for."""

    def __init__(self, data: bytes, start: int, count: int) -> None:
        self._data, self._start, self._count = data, start, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Table:
        if not 0 <= number < self._count:
            raise IndexError(
                _("there is no number {number:,} of {count:,}").format(number=number, count=self._count)
            )
        place = self._start + 4 * number
        return Table(self._data, place + _number(self._data, place, "<I"))

    def __iter__(self) -> Iterator[Table]:
        return (self[number] for number in range(self._count))


def _number(data: bytes, at: int, kind: str) -> Any:
    if at < 0 or at + struct.calcsize(kind) > len(data):
        raise ValueError(_("it leads out of the file"))
    return struct.unpack_from(kind, data, at)[0]
