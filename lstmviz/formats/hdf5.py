"""HDF5 files, opened in memory: only what is in the file itself, and no more than was allowed.

HDF5 can send a reader elsewhere (links to other files, external storage, virtual datasets) and can promise sizes that it
does not hold (chunks that were never written, one text that a list names a thousand times); its library has been crashed
by damaged files before, so whoever calls this does so in another process.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstmviz.formats.found import MAX_FILE_BYTES, MAX_PARTS, FormatError, needing
from lstmviz.formats.tensors import widen
from lstmviz.language import _

MAGIC = b"\x89HDF\r\n\x1a\n"
_DEEPEST = 32  # groups in groups
_MOST_TEXT = 2**23  # bytes of an attribute
_MOST_LISTED = 2**28  # bytes that a list of texts could come to
_DENSEST = 1100  # deflate packs 1032 bytes into one
_FILTERS = frozenset(("gzip", "lzf", "shuffle", "fletcher32", "1", "2", "3", "32000"))


@dataclass(frozen=True, eq=False)
class Tree:
    """What is in a file.

    Attributes:
        arrays: The datasets of numbers by path, `layers/lstm/cell/vars/0`.
        attributes: Those of each group by path; "" is the file's own. Text and lists of texts alone.
        widened: The paths of those that HDF5 has no type for: bfloat16.
        places: Where in the file each dataset begins, by path: in the order in which they were written.
    """

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    attributes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    widened: set[str] = field(default_factory=set)

    def say_widened(self) -> list[str]:
        """That numbers are in another type than the file has them in."""
        if not self.widened:
            return []
        return [
            _("Its numbers are bfloat16 in the file, and shown as float32: {count:,} arrays.").format(
                count=len(self.widened)
            )
        ]


def read_tree(data: bytes, name: str, allowed: int = MAX_FILE_BYTES, unread: tuple[str, ...] = ()) -> Tree:
    """Everything in a file.

    Args:
        data: The file.
        name: What it is called in messages.
        allowed: What its numbers may come to, in bytes.
        unread: Groups at the top whose numbers are not read, such as an optimizer's.

    Raises:
        FormatError: it is damaged, leads out of itself, or holds more than is read.
    """
    with needing("h5py", "cpu", name):
        import h5py
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            return _Walk(h5py, name, data, allowed, unread).run(file)
    except FormatError:
        raise
    except Exception as error:  # h5py raises whatever its library has found
        cause = str(error)[:300]
        raise FormatError(
            _("{name} is a damaged HDF5 file: {cause}").format(name=name, cause=cause)
        ) from error


class _Walk:
    def __init__(self, h5py: Any, name: str, data: bytes, allowed: int, unread: tuple[str, ...]) -> None:
        self._h5py, self._name, self._allowed, self._unread = h5py, name, allowed, unread
        self._size, self._longest = len(data), _longest_text(data)
        self._bytes = self._stored = self._count = 0
        self._known: dict[int, str] = {}
        self._tree = Tree()

    def run(self, file: Any) -> Tree:
        self._enter(file, "", 0)
        return self._tree

    def _enter(self, group: Any, path: str, depth: int) -> None:
        self._count += 1
        if depth > _DEEPEST or self._count > MAX_PARTS:
            raise FormatError(_("{name} has too many groups in groups.").format(name=self._name))
        self._tree.attributes[path] = dict(_read_attributes(group, self._longest))
        for key in group:
            place = f"{path}/{key}" if path else key
            link = group.get(key, getlink=True)
            if not isinstance(link, self._h5py.HardLink):
                raise FormatError(
                    _("{name} has a link in place of {place}, and links are not followed.").format(
                        name=self._name, place=place
                    )
                )
            item = group[key]
            if isinstance(item, self._h5py.Group):
                self._know(item, place)
                self._enter(item, place, depth + 1)
            elif isinstance(item, self._h5py.Dataset):
                self._take(item, place)

    def _know(self, item: Any, place: str) -> int:
        """Where it is in the file; refuses what was met before: a thousand names of one thing would make a thousand."""
        key = self._h5py.h5o.get_info(item.id).addr
        if key in self._known:
            raise FormatError(
                _("{name} has the same thing under two names, {place} and {other}.").format(
                    name=self._name, place=place, other=self._known[key]
                )
            )
        self._known[key] = place
        return key

    def _take(self, dataset: Any, place: str) -> None:
        self._count += 1
        if self._count > MAX_PARTS:
            raise FormatError(_("{name} has too many groups in groups.").format(name=self._name))
        type_ = _type_of(dataset)
        if dataset.shape is None or place.partition("/")[0] in self._unread:
            return
        if (
            type_ is None
        ):  # no numbers that are read, but something that its group has: its type and its shape
            key, kept = self._know(dataset, place), "S1" if dataset.dtype.kind == "O" else dataset.dtype
            self._tree.arrays[place] = np.broadcast_to(np.zeros((), kept), dataset.shape)
            self._tree.places[place] = key
            return
        if dataset.external or dataset.is_virtual:
            raise FormatError(
                _("{name} keeps {place} in another file, which is not opened.").format(
                    name=self._name, place=place
                )
            )
        key = self._know(dataset, place)
        self._count_bytes(dataset, place)
        array = np.asarray(dataset[()])
        if type_ == "bfloat16":
            self._tree.widened.add(place)
            array = widen(array.view("<u2"))
        self._tree.arrays[place], self._tree.places[place] = array, key

    def _count_bytes(self, dataset: Any, place: str) -> None:
        """Refuses what is more than was allowed, or than the file can hold."""
        declared = math.prod(dataset.shape) * dataset.dtype.itemsize
        chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
        self._bytes += max(declared, chunk)
        if self._bytes > self._allowed:
            raise FormatError(
                _(
                    "{name} says that it holds {given:,.0f} MB of numbers; at most {allowed:,.0f} MB are read."
                ).format(name=self._name, given=self._bytes / 2**20, allowed=self._allowed / 2**20)
            )
        stored = dataset.id.get_storage_size()
        self._stored += stored
        packing = dataset._filters  # h5py's own name for all filters, those of others too
        known = set(packing) <= _FILTERS
        densest = _DENSEST if packing else 1
        if not known or self._stored > self._size or declared > densest * stored or chunk > _DENSEST * stored:
            raise FormatError(
                _(
                    "{name} says that {place} has {given:,} bytes of numbers, and holds only {stored:,} bytes for it."
                ).format(name=self._name, place=place, given=declared, stored=stored)
            )
        if dataset.chunks:
            needed = math.prod(
                -(-size // step) for size, step in zip(dataset.shape, dataset.chunks, strict=True)
            )
            if dataset.id.get_num_chunks() < needed:
                raise FormatError(
                    _("{name} has a {place} of which parts were never written.").format(
                        name=self._name, place=place
                    )
                )


def _type_of(dataset: Any) -> str | None:
    """What a dataset's numbers are; None where it has none."""
    if dataset.dtype.kind in "fiu":
        return str(dataset.dtype)
    # HDF5 has no bfloat16: Keras writes its two bytes as they are.
    return "bfloat16" if dataset.dtype.kind == "V" and dataset.dtype.str[1:] == "V2" else None


def _longest_text(data: bytes) -> int:
    """The longest text in a file's heaps: what a list of texts points to, each as often as it likes.

    A heap is its signature, a version, its size, then objects: a number, a count of references, a size, the object itself
    up to the next eight bytes. HDF5's library does not end on some heaps whose sizes are not true.

    Raises:
        ValueError: a size in a heap is not true.
    """
    longest, start = 0, 0
    while (start := data.find(b"GCOL\1\0\0\0", start)) >= 0:
        end = start + _number(data, start + 8)
        if end > len(data) or end < start + 4096:  # the library makes none smaller
            raise ValueError("a global heap has a size that the file has not")
        at = start + 16
        while at + 16 <= end:
            index, size = int.from_bytes(data[at : at + 2], "little"), _number(data, at + 8)
            if not index:  # what is left of the heap; the library never ends on one that is empty
                if size != end - at:
                    raise ValueError("a global heap has another end than it says")
                break
            at += 16 + -(-size // 8) * 8
            longest = max(longest, size)
        if at > end or longest > len(data):
            raise ValueError("an object of a global heap is larger than the heap")
        start = end
    return longest


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _read_attributes(group: Any, longest: int) -> Iterator[tuple[str, Any]]:
    for key in group.attrs:
        kind = group.attrs.get_id(key)
        count = math.prod(kind.shape or ())
        is_text = kind.dtype.kind in "SO"
        if not is_text or count * kind.dtype.itemsize > _MOST_TEXT or count > MAX_PARTS:
            continue
        if kind.dtype.kind == "O" and count * longest > _MOST_LISTED:
            continue
        value = group.attrs[key]
        if isinstance(value, bytes | str):
            yield key, _text(value)
        elif isinstance(value, np.ndarray) and value.ndim == 1:
            yield key, [_text(each) for each in value.tolist() if isinstance(each, bytes | str)]


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
