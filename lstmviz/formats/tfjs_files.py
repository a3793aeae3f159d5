"""TensorFlow.js's `model.json` and the shards beside it: Keras's description of the model, and where its numbers are.

The format is that of `tensorflowjs/write_weights.py` and `tfjs-core/src/io/io_utils.ts`: the shards of a group, one after
another, hold its weights, one after another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lstmviz.formats.found import MAX_PARTS, Assumption, Content, FormatError, Found, say_too_large
from lstmviz.formats.keras_cells import Version
from lstmviz.formats.keras_config import Described, describe, parse
from lstmviz.formats.keras_h5 import arrange, by_layer, split_cells
from lstmviz.formats.keras_variables import take_undescribed, title_of
from lstmviz.language import _

_TYPES = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "uint16": "<u2", "bool": "u1"}
_MANIFEST, _TOPOLOGY = b'"weightsManifest"', b'"modelTopology"'


def knows(content: Content) -> bool:
    """Whether it is such a file, or a folder with one in it."""
    return _find(content) is not None


def _find(content: Content) -> bytes | None:
    """The one `model.json`, whatever it is called."""
    found = [data for name, data in content.files.items() if _is_model(name, data)]
    return found[0] if len(found) == 1 else None


def _is_model(name: str, data: bytes) -> bool:
    return (
        (not name or (name.endswith(".json") and "/" not in name))
        and data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
        and _MANIFEST in data
        and _TOPOLOGY in data
    )


def read(content: Content, layout: str | None) -> Found:  # the description, or the names, say what is what
    """The layers of a model.

    Raises:
        FormatError: it is damaged, a shard is missing, or no weight of a graph is a layer's by its name.
    """
    data = _find(content)
    assert data is not None
    try:
        model = parse(data.decode("utf-8-sig"))
        variables, quantised = _read_weights(content, model["weightsManifest"])
        described, version = _describe(model["modelTopology"])
    except FormatError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise FormatError(
            _("{name} is no model.json as TensorFlow.js writes it: {cause}").format(
                name=content.name, cause=str(error)[:300]
            )
        ) from error
    if described is None:
        found = _read_graph(content.name, variables)
    else:
        found = arrange(by_layer(variables, described), described, version)
    if quantised:
        found.notes.append(
            _("Its numbers were quantised to {types}; they are shown as what these stand for.").format(
                types=", ".join(quantised)
            )
        )
    return found


def _describe(topology: Any) -> tuple[list[Described] | None, Version]:
    """What a topology says of its layers; None of a graph, which has none."""
    if "node" in topology or "library" in topology:
        return None, Version()
    version = Version(str(topology.get("keras_version", ""))[:100])
    config = topology.get("model_config", topology)
    return describe(_text_or_json(config), version.text or "1"), version


def _text_or_json(config: Any) -> Any:
    """A description, which older converters wrote as a text in the text."""
    return parse(config) if isinstance(config, str) else config


def _read_graph(name: str, variables: Mapping[str, np.ndarray]) -> Found:
    """The layers that a graph's weights show by their names; what the graph does with them is not read."""
    found = Found()
    cells, others = split_cells("", variables)
    if not cells:
        raise FormatError(
            _(
                "{name} is a graph of TensorFlow.js, whose weights do not say which layer's they are; give the Keras model or "
                "the SavedModel that it was converted from, or convert that with --output_format=tfjs_layers_model."
            ).format(name=name)
        )
    assumed = (
        Assumption(
            _("the graph runs it as Keras does"), _("only the names of its weights are read, not the graph")
        ),
    )
    for cell in cells:
        take_undescribed(title_of(cell.place), cell.parts, found, beside=cell.beside, assumed=assumed)
    if others:
        found.leave_out(
            _("the rest of the graph"), _("it belongs to no recurrent layer that is known here"), others
        )
    return found


# --- Numbers ----------------------------------------------------------------------------------------------------------


def _read_weights(content: Content, manifest: Any) -> tuple[dict[str, np.ndarray], list[str]]:
    """Every weight by its name, and the types to which some were quantised."""
    if sum(len(group["weights"]) + len(group["paths"]) for group in manifest) > MAX_PARTS:
        raise ValueError(_("it has too many weights"))
    found: dict[str, np.ndarray] = {}
    quantised: dict[str, None] = {}
    names: set[str] = set()
    total = 0
    for group in manifest:
        shards = [_read_shard(content, str(path), names) for path in group["paths"]]
        data = shards[0] if len(shards) == 1 else b"".join(shards)
        for name, array, type_ in _cut(data, group["weights"]):
            total += 4 * array.size
            if total > content.allowed:
                raise FormatError(say_too_large(content.name, total, content.allowed))
            found[name] = array
            if type_:
                quantised[type_] = None
    return found, list(quantised)


def _read_shard(content: Content, path: str, names: set[str]) -> bytes:
    if path in names:
        raise ValueError(_("it names the shard {part} twice").format(part=path[:200]))
    names.add(path)
    data = content.companion(path)
    if data is None:
        raise FormatError(
            _(
                "{name} keeps its weights in {part}, which is not beside it; give the folder, or a zip of it."
            ).format(name=content.name, part=path[:200])
        )
    return data


def _cut(data: bytes, weights: Any) -> Iterator[tuple[str, np.ndarray, str]]:
    """Each weight's name, its numbers, and the type to which they were quantised, "" where they were not."""
    start = 0
    for weight in weights:
        name, shape = str(weight["name"]), [_length(axis) for axis in weight["shape"]]
        count, told = math.prod(shape), weight.get("quantization")
        kept = str(told["dtype"] if told else weight["dtype"])
        if kept in ("string", "complex64"):
            start = _skip(data, start, count, kept)
            continue
        if kept not in _TYPES:
            raise ValueError(_("{part} is of the type {dtype}").format(part=name[:200], dtype=kept[:50]))
        type_ = np.dtype(_TYPES[kept])
        if start + count * type_.itemsize > len(data):
            raise ValueError(_("its shards end before {part}").format(part=name[:200]))
        array = np.frombuffer(data, type_, count, start).reshape(shape)
        start += count * type_.itemsize
        yield name, _stand_for(array, told) if told else array, kept if told else ""


def _length(axis: Any) -> int:
    if isinstance(axis, bool) or not isinstance(axis, int) or axis < 0:
        raise ValueError(_("a shape has the length {given!r}").format(given=str(axis)[:50]))
    return axis


def _skip(data: bytes, start: int, count: int, kept: str) -> int:
    """Where the next weight begins, after one that holds no numbers that are shown."""
    if kept == "complex64":
        return start + 8 * count
    for _number in range(count):
        if start + 4 > len(data):
            raise ValueError(_("its shards end within a text"))
        start += 4 + int.from_bytes(data[start : start + 4], "little")
    return start


def _stand_for(array: np.ndarray, told: Mapping[str, Any]) -> np.ndarray:
    """What quantised numbers stand for: those of float16 themselves, others `number * scale + min`."""
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    scale, least = np.float32(told["scale"]), np.float32(told["min"])
    return array.astype(np.float32) * scale + least
