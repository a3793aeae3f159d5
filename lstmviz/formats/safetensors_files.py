"""safetensors: https://github.com/huggingface/safetensors, mostly PyTorch state dicts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from lstmviz.formats import tensors
from lstmviz.formats.bare import find_bare
from lstmviz.formats.found import MAX_PARTS, Content, FormatError, Found, needing
from lstmviz.formats.state_dicts import find_pytorch
from lstmviz.language import _

_MOST_HEAD = 2**25  # bytes
_HALVES = {"BF16": "bfloat16"}  # of float16, NumPy says it itself


def knows(content: Content) -> bool:
    """Whether there is the length of a header, and then the header's brace."""
    length = int.from_bytes(content.data[:8], "little")
    return content.data[8:9] == b"{" and 2 <= length <= len(content.data) - 8


def read(content: Content, layout: str | None) -> Found:
    """The layers in a file's tensors."""
    with needing("safetensors", "safetensors", content.name):
        import safetensors  # noqa: F401  # what is written back needs it
    arrays: dict[str, np.ndarray] = {}
    types: dict[str, str] = {}
    skipped: dict[str, str] = {}
    try:
        head, start = _read_head(content)
        for name, (type_, shape, first, last) in head.items():
            try:
                arrays[name] = tensors.read(
                    memoryview(content.data)[start + first : start + last], type_, shape
                )
            except ValueError as error:
                skipped[name] = str(error)
                continue
            if type_ in _HALVES:
                types[name] = _HALVES[type_]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            _("{name} is a damaged safetensors file: {cause}").format(
                name=content.name, cause=str(error)[:200]
            )
        ) from error
    found = find_pytorch(arrays, objects=skipped, types=types)
    if not found.layers and not found.skipped.keys() - arrays.keys():
        bare = find_bare(arrays, layout, skipped)
        found = bare if bare.layers else found
    found.skipped |= skipped
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError(_("its header has a name twice"))
    return made


def _read_head(content: Content) -> tuple[dict[str, tuple[str, list[int], int, int]], int]:
    """Each tensor's type, shape and place, in the order of the numbers; and where the numbers begin.

    Raises:
        ValueError: there are too many, they overlap, or they are not where they are said to be.
    """
    length = int.from_bytes(content.data[:8], "little")
    if length > _MOST_HEAD:
        raise ValueError(_("its header has {given:,} bytes").format(given=length))
    if content.data.count(b"data_offsets", 0, 8 + length) > MAX_PARTS:  # before anything is made of them
        raise ValueError(_("it holds more than {allowed:,} tensors").format(allowed=MAX_PARTS))
    told = json.loads(content.data[8 : 8 + length], object_pairs_hook=_once)
    told.pop("__metadata__", None)
    found = {}
    for name, each in sorted(told.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = each["data_offsets"]
        found[name] = (str(each["dtype"]), list(each["shape"]), int(first), int(last))
        if found[name][0] in tensors.TYPES and tensors.size_of(*found[name][:2]) != last - first:
            raise ValueError(_("{name} has other numbers than its shape says").format(name=name[:200]))
    end = 0
    for first, last in ((first, last) for _type, _shape, first, last in found.values()):
        if first != end or last < first:  # as the format asks: no gaps, nothing twice
            raise ValueError(_("its tensors overlap, or leave room between them"))
        end = last
    if 8 + length + end != len(content.data):
        raise ValueError(_("its numbers have another size than its header says"))
    return found, 8 + length
