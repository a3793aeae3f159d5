"""Weights in: the recurrent layers of a model file, each a cell. Nothing in a file is executed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.cells import Cell
from lstmviz.formats import (
    cures,
    keras_files,
    keras_h5,
    numpy_files,
    onnx_files,
    own,
    safetensors_files,
    sandbox,
    tensorflow_files,
    tfjs_files,
    tflite_files,
    torch_files,
)
from lstmviz.formats.choose import choose
from lstmviz.formats.files import read_path, without_hidden
from lstmviz.formats.found import (
    MAX_FILE_BYTES,
    Assumption,
    Content,
    FormatError,
    Found,
    Layer,
    Reads,
    say_assumed,
    say_too_large,
)
from lstmviz.formats.zips import is_zip, unpack, unzip
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS, Stored, describe_stored, from_layout

_MOST_COPIES = 2  # of a file's weights, in layers that share them
_SMALL = 2**26  # bytes for which nobody counts


@dataclass(frozen=True)
class Reader:
    """One format of files.

    Attributes:
        title: What people call it.
        knows: Whether a file is of the format: it looks at the first bytes or the members' names alone.
        read: What is found in a file; the second argument names the layout of bare arrays. It raises nothing but
            FormatError.
        endings: How such files' names end, for a file picker; the content decides.
    """

    title: str
    knows: Callable[[Content], bool]
    read: Callable[[Content, str | None], Found]
    endings: tuple[str, ...]


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "keras": Reader("Keras 3", keras_files.knows, keras_files.read, (".keras", ".weights.h5")),
        "keras_h5": Reader("Keras, HDF5", keras_h5.knows, keras_h5.read, (".h5", ".hdf5", ".hdf", ".ckpt")),
        "tfjs": Reader("TensorFlow.js", tfjs_files.knows, tfjs_files.read, (".json",)),
        "tensorflow": Reader(
            "TensorFlow checkpoint, SavedModel or frozen graph",
            tensorflow_files.knows,
            tensorflow_files.read,
            (".ckpt", ".pb", ".meta"),
        ),
        "safetensors": Reader(
            "safetensors", safetensors_files.knows, safetensors_files.read, (".safetensors",)
        ),
        "torch": Reader(
            "PyTorch", torch_files.knows, torch_files.read, (".pt", ".pth", ".pt2", ".ckpt", ".bin")
        ),
        "numpy": Reader("NumPy", numpy_files.knows, numpy_files.read, (".npz", ".npy")),
        "tflite": Reader("TensorFlow Lite", tflite_files.knows, tflite_files.read, (".tflite",)),
        "onnx": Reader("ONNX", onnx_files.knows, onnx_files.read, (".onnx",)),
    }
)
"""Every format, in the order in which a file is held against them: what has no first bytes of its own comes last."""

PACKED = (".zip", ".tar", ".tar.gz", ".tgz", ".gz")
"""How files end in which a model of any format may lie."""

ENDINGS: tuple[str, ...] = tuple(
    dict.fromkeys([*(ending for reader in READERS.values() for ending in reader.endings), *PACKED])
)
"""How files end that may be read, for a file picker and a help text; the content decides."""


class Loaded(dict[str, Cell]):
    """The cells of a file, by the layers' names.

    Attributes:
        format: What the file is, a key of `READERS`.
        layers: What the file holds of each: its arrays as the framework stores them, and what the file says.
        stored: Each in its framework's words: its class, its gates' order and places, its count of parameters.
        assumed: What each is shown by and the file does not say, by its name; empty where it says everything.
        reads: How each reads its sequence: from which end, to which step, from which states.
        notes: What there is to know of a layer, its assumptions among it, by its name; "" for the file as a whole.
        skipped: What else is in the file, by name, with the reason why it cannot be shown.
        arrays: Arrays that belong to no known layer, by name.
    """

    def __init__(self, format_: str, found: Found) -> None:
        super().__init__()
        self.format = format_
        self.layers: dict[str, Layer] = {}
        self.stored: dict[str, Stored] = {}
        self.assumed: dict[str, tuple[Assumption, ...]] = {}
        self.reads: dict[str, Reads] = {}
        self.notes: dict[str, str] = {"": " ".join(found.notes)} if found.notes else {}
        self.skipped: dict[str, str] = dict(found.skipped)
        self.arrays: dict[str, np.ndarray] = dict(found.arrays)

    @property
    def named_arrays(self) -> dict[str, np.ndarray]:
        """Every array of the file by name: a layer's behind the layer's name, `encoder/weight_ih_l0`."""
        of_layers = {
            f"{title}/{name}": array
            for title, layer in self.layers.items()
            for name, array in layer.arrays.items()
        }
        return of_layers | self.arrays

    def take(self, title: str, layer: Layer) -> None:
        """Adds a layer's cell, or the reason why it makes none."""
        words: dict[str, Any] = {"layout": layer.layout, "family": layer.family, **layer.options}
        try:
            note = _say_types(layer)
            if layer.layout == own.LAYOUT:
                cell, said_of_kind = own.make(layer)
                layer, stored = replace(layer, notes=(*layer.notes, *said_of_kind)), own.describe(cell)
            else:
                cell = from_layout(layer.arrays, **words)
                stored = describe_stored(
                    layer.arrays, called=layer.called, framework=layer.framework, **words
                )
        except ValueError as error:
            self.skipped[title] = str(error)
            self.arrays |= {f"{title}/{name}": array for name, array in layer.arrays.items()}
            return
        self[title], self.layers[title], self.stored[title] = cell, layer, stored
        self.assumed[title], self.reads[title] = layer.assumed, layer.reads
        said = dict.fromkeys(
            [*layer.notes, *note, *layer.reads.tell()]
        )  # a reader may have said how it reads already
        if layer.assumed:
            said[say_assumed(layer.assumed)] = None
        if said:
            self.notes[title] = " ".join(said)

    def drop_arrays(self, most: int) -> None:
        """Drops what arrays of no layer there are beyond so many numbers, and says so."""
        kept: dict[str, np.ndarray] = {}
        count = dropped = 0
        for name, array in self.arrays.items():
            if count + array.size <= most:
                kept[name] = array
                count += array.size
            else:
                dropped += 1
        if dropped:
            note = _("Arrays that are too large to be kept for the detective: {count:,}.").format(
                count=dropped
            )
            self.notes[""] = " ".join(filter(None, [self.notes.get(""), note]))
        self.arrays = kept


def _say_types(layer: Layer) -> tuple[str, ...]:
    """That numbers are shown in another type than they have.

    Raises:
        ValueError: they are whole numbers of 8 bits, which stand for others by a scale.
    """
    types = {array.dtype.newbyteorder("=") for array in layer.arrays.values()}
    if any(each.kind in "iub" and each.itemsize == 1 for each in types):
        raise ValueError(
            _(
                "its weights are whole numbers of 8 bits, as quantised ones are; what scales them is not known here"
            )
        )
    others = sorted(each.name for each in types if each not in (np.float32, np.float64))
    shown = "float64" if np.dtype(np.float64) in types else "float32"
    said = _("Its numbers are {types} in the file, and shown as {shown}.")
    return (said.format(types=", ".join(others), shown=shown),) if others else ()


def load(
    source: str | os.PathLike[str] | bytes,
    *,
    name: str | None = None,
    layout: str | None = None,
    max_bytes: int = MAX_FILE_BYTES,
    max_weights: int | None = None,
) -> Loaded:
    """The recurrent layers of a model file: Keras, TensorFlow, TensorFlow Lite, PyTorch, ONNX or NumPy.

    The file's content decides what it is, not its name. Nothing in it is executed or unpickled. A layer is there only if
    every array and every option under its name is accounted for; what the file does not say is assumed, and told.

    Args:
        source: A file, a SavedModel's folder, a checkpoint's prefix, or a file's bytes.
        name: What the file is called in messages; by default its own name.
        layout: For bare arrays (`.npz`) that do not say how they are stored: a key of `LAYOUTS`.
        max_bytes: What everything that is read may come to once unpacked.
        max_weights: A layer of more numbers is left out, and so are arrays of no layer beyond so many; None for no bound.

    Returns:
        {layer name: Cell}, in the file's order; its `skipped`, `notes` and `assumed` tell of the rest.

    Raises:
        FormatError: the file cannot be read, is damaged, too large, of no known format, or has nothing recurrent; a
            ValueError, in one sentence.
        FileNotFoundError: there is no such file.
        OSError: the file cannot be read.
    """
    if layout is not None and layout not in LAYOUTS:
        raise FormatError(
            _("layout is {given!r}; it must be one of {allowed}.").format(
                given=layout, allowed=", ".join(LAYOUTS)
            )
        )
    format_, found = sandbox.read(source, name, layout, max_bytes)
    loaded = Loaded(format_, found)
    copies = _Copies(found)
    for title, layer in found.layers.items():
        own.check_declared(layer)
        count = sum(array.size for array in layer.arrays.values())
        if max_weights is not None and count > max_weights:
            loaded.skipped[title] = _("it has {given:,} weights; at most {allowed:,} are shown").format(
                given=count, allowed=max_weights
            )
        elif not copies.take(layer):
            loaded.skipped[title] = _(
                "its weights are those of layers before it, of which there are too many"
            )
        else:
            loaded.take(title, layer)
    if max_weights is not None:
        loaded.drop_arrays(max_weights)
    return loaded


class _Copies:
    """What the cells of a file may take: a small file can name the same weights for ten thousand layers."""

    def __init__(self, found: Found) -> None:
        arrays = {id(array): array for layer in found.layers.values() for array in layer.arrays.values()}
        self._left = _MOST_COPIES * sum(array.nbytes for array in arrays.values()) + _SMALL

    def take(self, layer: Layer) -> bool:
        """Whether there is room for a layer's cell."""
        self._left -= sum(array.nbytes for array in layer.arrays.values())
        return self._left >= 0


def read(content: Content, layout: str | None = None) -> tuple[str, Found]:
    """What is in a file, and of which format it is, read in this process; `sandbox.read` calls it in another.

    Raises:
        FormatError: see `load`.
    """
    if not any(content.files.values()):
        raise FormatError(_("{name} is empty.").format(name=content.name))
    chosen, note = choose(content, know)
    if (key := know(chosen)) is None:
        raise FormatError(cures.find(chosen) or _say_unknown(chosen.name))
    found = READERS[key].read(chosen, layout)
    if note:
        found.notes.insert(0, note)
    return key, found


def know(content: Content) -> str | None:
    """Of which format a file or a folder is, a key of `READERS`; None where it is of none."""
    if cures.is_impostor(content):
        return None
    return next((key for key, reader in READERS.items() if reader.knows(content)), None)


def _say_unknown(name: str) -> str:
    return _("{name} is none of the formats that are read: {allowed}.").format(
        name=name, allowed=", ".join(reader.title for reader in READERS.values())
    )


def read_content(
    source: str | os.PathLike[str] | bytes, name: str | None = None, max_bytes: int = MAX_FILE_BYTES
) -> Content:
    """A file's bytes, or those of a folder, a zip or a checkpoint's parts.

    Raises:
        FormatError: it is no file, or larger than is read.
        FileNotFoundError: there is no such file.
        OSError: it cannot be read.
    """
    files: Mapping[str, bytes]
    folder: Path | None = None
    if isinstance(source, bytes):
        files, name = {"": source}, name or _("the file")
        if len(source) > max_bytes:
            raise FormatError(say_too_large(name, len(source), max_bytes))
    else:
        files, folder = read_path(source, max_bytes, ENDINGS)
        name = name or Path(source).name or str(source)
    if "" in files and (unpacked := _unpack(files[""], name, max_bytes)) is not None:
        files, folder = unpacked, None
    return Content(name, files, folder=folder, allowed=max_bytes)


def _unpack(data: bytes, name: str, allowed: int) -> Mapping[str, bytes] | None:
    """What an archive holds, of a gzipped file also what is in it if that is a zip; None where it is no archive."""
    files = unpack(data, name, allowed)
    if files is not None and "" in files and is_zip(files[""]):
        files = unzip(files[""], name, allowed - len(files[""]))
    if files is None or "" in files:
        return files
    if not (kept := without_hidden(files)):
        raise FormatError(_("{name} is empty.").format(name=name))
    return kept
