"""NumPy's .npz and .npy: bare arrays, which are a layer's if their names or the layout asked for say so."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping

import numpy as np

from lstmviz.formats.found import MAX_FILE_BYTES, Assumption, Content, FormatError, Found, Layer
from lstmviz.formats.naming import find_family, find_pytorch
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS

_MAGIC = b"\x93NUMPY"
_NUMBERS = "fiu"
# Layouts whose arrays have names that no other has.
_TOLD = {"keras": {"kernel", "recurrent_kernel"}, "onnx": {"W", "R"}}


def knows(content: Content) -> bool:
    """Whether it is an array, or a zip of arrays."""
    if content.data:
        return content.data.startswith(_MAGIC)
    return bool(content.files) and all(part.startswith(_MAGIC) for part in content.files.values())


def read(content: Content, layout: str | None) -> Found:
    """The layers that the arrays make; those of other names are left for the detective."""
    arrays = {
        name.removesuffix(".npy") or "array": _read_array(
            part, f"{content.name}, {name}" if name else content.name
        )
        for name, part in content.files.items()
    }
    numbers = {name: array for name, array in arrays.items() if array.dtype.kind in _NUMBERS}
    found = _find(numbers, layout)
    found.skipped |= {name: _("it holds no numbers") for name in arrays if name not in numbers}
    return found


def _find(arrays: Mapping[str, np.ndarray], layout: str | None) -> Found:
    if layout == "pytorch" or (layout is None and any("weight_ih" in name for name in arrays)):
        return find_pytorch(arrays)
    told = [name for name, parts in _TOLD.items() if parts <= set(arrays)]
    chosen = layout or (told[0] if told else None)
    if chosen is None:
        why = _("the arrays' names do not say how they are stored; name the layout, one of {allowed}").format(
            allowed=", ".join(LAYOUTS)
        )
        return Found(skipped=dict.fromkeys(arrays, why), arrays=dict(arrays))
    try:
        family = find_family(arrays, chosen)
    except ValueError as error:
        return Found(skipped={"layer": str(error)}, arrays=dict(arrays))
    notes = (
        [_("Taken to be stored as {layout} does.").format(layout=LAYOUTS[chosen].title)]
        if layout is None
        else []
    )
    assumed = Assumption(_("its activations are the framework's defaults"), _("arrays do not hold them"))
    layer = Layer(chosen, family, arrays, notes=tuple(notes), assumed=(assumed,))
    return Found({"layer": layer}, arrays=dict(arrays))


def _read_array(part: bytes, name: str) -> np.ndarray:
    """An array whose header was looked at before anything is made."""
    file = io.BytesIO(part)
    try:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _order, dtype = read_header(file)
        if dtype.hasobject:
            raise FormatError(
                _("{name} holds Python objects, which are not read: they could run any program.").format(
                    name=name
                )
            )
        if math.prod(shape) * dtype.itemsize > min(len(part), MAX_FILE_BYTES):
            raise FormatError(
                _("{name} says that it has the shape {shape}, which is more than is in it.").format(
                    name=name, shape=list(shape)
                )
            )
        file.seek(0)
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
    except FormatError:
        raise
    except (
        Exception
    ) as error:  # a header is a Python literal: what may be wrong with one is not listed anywhere
        raise FormatError(_("{name} is a damaged array: {cause}").format(name=name, cause=error)) from error
    return array
