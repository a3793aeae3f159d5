"""safetensors: https://github.com/huggingface/safetensors, mostly PyTorch state dicts."""

from __future__ import annotations

import json

from lstmviz.formats import tensors
from lstmviz.formats.found import MAX_PARTS, Content, FormatError, Found, need
from lstmviz.formats.naming import find_pytorch
from lstmviz.language import _


def knows(content: Content) -> bool:
    """Whether there is the length of a header, and then the header's brace."""
    length = int.from_bytes(content.data[:8], "little")
    return content.data[8:9] == b"{" and 2 <= length <= len(content.data) - 8


def read(content: Content, layout: str | None) -> Found:  # the names say what is what
    """The layers in a file's tensors."""
    safetensors = need("safetensors", "safetensors", content.name)
    try:
        parts = dict(safetensors.deserialize(content.data))  # in no order
        head = json.loads(content.data[8 : 8 + int.from_bytes(content.data[:8], "little")])
        names = sorted(parts, key=lambda name: (head[name]["data_offsets"], name))
    except Exception as error:  # SafetensorError, and whatever a damaged header brings
        raise FormatError(
            _("{name} is a damaged safetensors file: {cause}").format(name=content.name, cause=error)
        ) from error
    if len(parts) > MAX_PARTS:
        raise FormatError(
            _("{name} holds {given:,} tensors; at most {allowed:,} are read.").format(
                name=content.name, given=len(parts), allowed=MAX_PARTS
            )
        )
    arrays, skipped = {}, {}
    for name in names:
        part = parts[name]
        try:
            arrays[name] = tensors.read(memoryview(part["data"]), part["dtype"], part["shape"])
        except ValueError as error:
            skipped[name] = str(error)
    found = find_pytorch(arrays)
    found.skipped |= skipped
    return found
