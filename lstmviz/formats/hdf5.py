"""HDF5 files, opened in memory: only what is in the file itself, and no more than was allowed.

HDF5 can send a reader elsewhere (links to other files, external storage, virtual datasets) and can promise sizes that it
does not hold; its library has been crashed by damaged files before, so whoever calls this does so in another process.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstmviz.formats.found import MAX_FILE_BYTES, MAX_PARTS, FormatError, need
from lstmviz.language import _

MAGIC = b"\x89HDF\r\n\x1a\n"
_DEEPEST = 32  # groups in groups
_MOST_TEXT = 2**24  # bytes of an attribute


@dataclass(frozen=True, eq=False)
class Tree:
    """What is in a file.

    Attributes:
        arrays: The datasets of numbers by path, `layers/lstm/cell/vars/0`.
        attributes: Those of each group by path; "" is the file's own. Text and lists of texts alone.
    """

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    attributes: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def read_tree(data: bytes, name: str) -> Tree:
    """Everything in a file.

    Raises:
        FormatError: it is damaged, leads out of itself, or holds more than is read.
    """
    h5py = need("h5py", "cpu", name)
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            return _Walk(h5py, name).run(file)
    except FormatError:
        raise
    except Exception as error:  # h5py raises whatever its library has found
        raise FormatError(
            _("{name} is a damaged HDF5 file: {cause}").format(name=name, cause=error)
        ) from error


class _Walk:
    def __init__(self, h5py: Any, name: str) -> None:
        self._h5py, self._name = h5py, name
        self._bytes = self._count = 0
        self._tree = Tree()

    def run(self, file: Any) -> Tree:
        self._enter(file, "", 0)
        return self._tree

    def _enter(self, group: Any, path: str, depth: int) -> None:
        self._count += 1
        if depth > _DEEPEST or self._count > MAX_PARTS:
            raise FormatError(_("{name} has too many groups in groups.").format(name=self._name))
        self._tree.attributes[path] = dict(_read_attributes(group))
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
                self._enter(item, place, depth + 1)
            elif isinstance(item, self._h5py.Dataset):
                self._take(item, place)

    def _take(self, dataset: Any, place: str) -> None:
        if dataset.dtype.kind not in "fiu":
            return
        if dataset.external or dataset.is_virtual:
            raise FormatError(
                _("{name} keeps {place} in another file, which is not opened.").format(
                    name=self._name, place=place
                )
            )
        self._count += 1
        self._bytes += math.prod(dataset.shape or ()) * dataset.dtype.itemsize
        if self._bytes > MAX_FILE_BYTES or self._count > MAX_PARTS:
            raise FormatError(
                _(
                    "{name} says that it holds {given:,.0f} MB of numbers; at most {allowed:,.0f} MB are read."
                ).format(name=self._name, given=self._bytes / 2**20, allowed=MAX_FILE_BYTES / 2**20)
            )
        if dataset.shape:
            self._tree.arrays[place] = np.asarray(dataset[()])


def _read_attributes(group: Any) -> Iterator[tuple[str, Any]]:
    for key in group.attrs:
        kind = group.attrs.get_id(key)
        if math.prod(kind.shape or ()) * kind.dtype.itemsize > _MOST_TEXT:
            continue
        value = group.attrs[key]
        if isinstance(value, bytes | str):
            yield key, _text(value)
        elif isinstance(value, np.ndarray) and value.ndim == 1:
            yield key, [_text(each) for each in value.tolist() if isinstance(each, bytes | str)]


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
