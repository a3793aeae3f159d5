"""Weights in: the recurrent layers of a model file, each a cell. Nothing in a file is executed."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from lstmviz.cells import Cell
from lstmviz.formats import wall
from lstmviz.formats.found import MAX_FILE_BYTES, MAX_PARTS, Content, FormatError, Found
from lstmviz.formats.zips import is_zip, unzip
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS, from_layout


@dataclass(frozen=True)
class Reader:
    """One format of files.

    Attributes:
        title: What people call it.
        module: The module of `lstmviz.formats` with `knows(content) -> bool`, which looks at the first bytes or the
            members' names alone, and `read(content, layout) -> Found`, which raises nothing but FormatError.
        endings: How such files' names end, for a file picker; the content decides.
    """

    title: str
    module: str
    endings: tuple[str, ...]


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "keras": Reader("Keras 3", "keras_files", (".keras", ".weights.h5")),
        "keras_h5": Reader("Keras, HDF5", "keras_h5", (".h5", ".hdf5")),
        "tensorflow": Reader("TensorFlow checkpoint or SavedModel", "tensorflow_files", (".zip",)),
        "safetensors": Reader("safetensors", "safetensors_files", (".safetensors",)),
        "torch": Reader("PyTorch", "torch_files", (".pt", ".pth")),
        "numpy": Reader("NumPy", "numpy_files", (".npz", ".npy")),
        "onnx": Reader("ONNX", "onnx_files", (".onnx",)),
    }
)
"""Every format, in the order in which a file is held against them: what has no first bytes of its own comes last."""


class Loaded(dict[str, Cell]):
    """The cells of a file, by the layers' names.

    Attributes:
        format: What the file is, a key of `READERS`.
        skipped: What else is in it, by name, with the reason why it cannot be shown.
        notes: What had to be assumed of a layer, by its name.
        arrays: Arrays that belong to no known layer, by name.
    """

    format: str = ""
    skipped: dict[str, str]
    notes: dict[str, str]
    arrays: dict[str, np.ndarray]


def load(
    source: str | os.PathLike[str] | bytes, *, name: str | None = None, layout: str | None = None
) -> Loaded:
    """The recurrent layers of a model file: Keras, TensorFlow, PyTorch, ONNX or NumPy.

    The file's content decides what it is, not its name. Nothing in it is executed or unpickled.

    Args:
        source: A file, a SavedModel's folder, a checkpoint's prefix, or a file's bytes.
        name: What the file is called in messages; by default its own name.
        layout: For bare arrays (`.npz`) that do not say how they are stored: a key of `LAYOUTS`.

    Returns:
        {layer name: Cell}, in the file's order; its `skipped` and `notes` tell of the rest.

    Raises:
        FormatError: the file cannot be read, is damaged, too large, of no known format, or has nothing recurrent; a
            ValueError, in one sentence.
        FileNotFoundError: there is no such file.
    """
    if layout is not None and layout not in LAYOUTS:
        raise FormatError(
            _("layout is {given!r}; it must be one of {allowed}.").format(
                given=layout, allowed=", ".join(LAYOUTS)
            )
        )
    content = read_content(source, name)
    format_, found = read(content, layout)
    loaded = Loaded()
    loaded.format, loaded.skipped, loaded.arrays = format_, dict(found.skipped), dict(found.arrays)
    loaded.notes = {}
    for title, layer in found.layers.items():
        try:
            loaded[title] = from_layout(layer.arrays, layer.layout, layer.family, **layer.options)
        except ValueError as error:
            loaded.skipped[title] = str(error)
            continue
        if layer.note:
            loaded.notes[title] = layer.note
    return loaded


def read(content: Content, layout: str | None = None) -> tuple[str, Found]:
    """What is in a file, and of which format it is.

    Raises:
        FormatError: see `load`.
    """
    if not any(content.files.values()):
        raise FormatError(_("{name} is empty.").format(name=content.name))
    for key, reader in READERS.items():
        module = importlib.import_module(f"lstmviz.formats.{reader.module}")
        if module.knows(content):
            is_walled = getattr(module, "IN_ANOTHER_PROCESS", False)
            return key, wall.read(reader.module, content, layout) if is_walled else module.read(
                content, layout
            )
    raise FormatError(
        _("{name} is none of the formats that are read: {allowed}.").format(
            name=content.name, allowed=", ".join(reader.title for reader in READERS.values())
        )
    )


def read_content(source: str | os.PathLike[str] | bytes, name: str | None = None) -> Content:
    """A file's bytes, or those of a folder, a zip or a checkpoint's parts.

    Raises:
        FormatError: it is larger than is read.
        FileNotFoundError: there is no such file.
    """
    if isinstance(source, bytes):
        files, name = {"": source}, name or _("the file")
    else:
        path = Path(source)
        files, name = _read_path(path), name or path.name
    total = sum(map(len, files.values()))
    if total > MAX_FILE_BYTES:
        raise FormatError(_too_large(name, total))
    data = files.get("", b"")
    return Content(name, unzip(data, name)) if is_zip(data) else Content(name, files)


def _read_path(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        parts = {part.relative_to(path).as_posix(): part for part in _list_files(path)}
    elif path.exists():
        parts = {"": path}
    else:  # a checkpoint is named by what its parts' names begin with
        parts = {
            part.name: part for part in sorted(path.parent.glob(f"{path.name}.*")) if _is_part(part, path)
        }
    if not parts:
        raise FileNotFoundError(_("there is no file {path}.").format(path=path))
    total = sum(part.stat().st_size for part in parts.values())
    if total > MAX_FILE_BYTES or len(parts) > MAX_PARTS:
        raise FormatError(_too_large(path.name, total))
    return {name: part.read_bytes() for name, part in parts.items()}


def _list_files(folder: Path) -> list[Path]:
    """A folder's own files, without what links lead to."""
    found = []
    for place, _folders, names in os.walk(folder):  # does not follow links to folders
        found += [Path(place, name) for name in names if Path(place, name).is_file()]
        if len(found) > MAX_PARTS:
            break
    return sorted(part for part in found if not part.is_symlink())


def _is_part(part: Path, prefix: Path) -> bool:
    return part.is_file() and part.name[len(prefix.name) :].startswith((".index", ".data-"))


def _too_large(name: str, size: int) -> str:
    return _("{name} has {given:.0f} MB; at most {allowed:.0f} MB are read.").format(
        name=name, given=size / 2**20, allowed=MAX_FILE_BYTES / 2**20
    )
