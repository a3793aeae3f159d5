"""What Keras 2 wrote of a model's layers beside its SavedModel's graph: JSON on each of the model's objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lstmviz.formats.found import Assumption
from lstmviz.formats.keras_cells import CELLS, Version
from lstmviz.formats.keras_config import Described, describe, parse
from lstmviz.language import _

_MOST_NODES = 20_000
# The Keras of TensorFlow 2, which alone writes SavedModels with metadata, and one with the defaults before that.
_USUAL, _OLDER = "2.4", "2.2"
_WRAPPERS = ("RNN", "Bidirectional", "TimeDistributed")


@dataclass(frozen=True)
class Told:
    """What Keras wrote of a SavedModel's objects.

    Attributes:
        nodes: The description of each layer, by the number of its object.
        described: The layers, in the model's order.
        version: The Keras that wrote it.
    """

    nodes: Mapping[int, Mapping[str, Any]]
    described: list[Described]
    version: Version


def read_metadata(keras: bytes | None, saved: bytes | None) -> Told | None:
    """What Keras wrote of a SavedModel; None where it wrote nothing, as Keras 3 does not.

    Args:
        keras: `keras_metadata.pb`, of TensorFlow 2.5 to 2.15.
        saved: `saved_model.pb`, in which TensorFlow 2.0 to 2.4 keep the same.

    Raises:
        ValueError: it is damaged.
    """
    found = dict(_in_keras_metadata(keras)) if keras else {}
    found = found or (dict(_in_saved_model(saved)) if saved else {})
    nodes = {number: node for number, text in found.items() if isinstance(node := parse(text), dict)}
    layers = {number: node for number, node in nodes.items() if "class_name" in node and "config" in node}
    if not layers:
        return None
    top = nodes.get(0, {})
    version = Version(str(top.get("keras_version", ""))[:100])
    config = top.get("model_config")
    if not isinstance(config, dict):
        config = top
    inside = config.get("config")
    if isinstance(inside, (dict, list)) and (isinstance(inside, list) or "layers" in inside):
        return Told(layers, _describe(config, version), version)
    described = [
        each
        for node in layers.values()
        if (node["class_name"] in CELLS and not node["class_name"].endswith("Cell"))
        or node["class_name"] in _WRAPPERS
        for each in _describe({"class_name": "Sequential", "config": {"layers": [node]}}, version)
    ]
    return Told(layers, list({each.names: each for each in described}.values()), version)


def _describe(config: Any, version: Version) -> list[Described]:
    """The layers of a description; where it does not say which Keras wrote it, what that changes is assumed."""
    if version.text:
        return describe(config, version.text)
    return [
        _assume_version(each, older)
        for each, older in zip(describe(config, _USUAL), describe(config, _OLDER), strict=True)
    ]


def _assume_version(each: Described, older: Described) -> Described:
    if each.options == older.options:
        return each
    rests = ", ".join(
        f"{name} {value}" for name, value in each.options.items() if older.options.get(name) != value
    )
    assumed = Assumption(
        _("it has the defaults of Keras {version}: {options}").format(version=_USUAL, options=rests),
        _("the file says neither which Keras wrote it nor these options"),
    )
    return replace(each, assumed=(*each.assumed, assumed))


def _in_keras_metadata(data: bytes) -> Iterator[tuple[int, bytes]]:
    """`tf_keras/protobuf/saved_metadata.proto`: each object's number and its JSON."""
    for node in _within(data, 1):
        number, text = 0, b""
        for field, value in _fields(node):
            if field == 2 and isinstance(value, int):
                number = value
            elif field == 5 and isinstance(value, bytes):
                text = value
        if text:
            yield number, text


def _in_saved_model(data: bytes) -> Iterator[tuple[int, bytes]]:
    """`saved_model.proto`, `meta_graph.proto`, `saved_object_graph.proto`: the JSON of each object, by its place in the list."""
    for graph in list(_within(data, 2))[:1]:
        for objects in _within(graph, 7):
            for number, node in enumerate(_within(objects, 1)):
                for own in _within(node, 4):
                    kept = dict(_fields(own))
                    text = kept.get(3)
                    if text and isinstance(text, bytes) and str(kept.get(1)).startswith("b'_tf_keras_"):
                        yield number, text


def _within(data: bytes, field: int) -> Iterator[bytes]:
    """The messages of one field."""
    return (value for number, value in _fields(data) if number == field and isinstance(value, bytes))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message as protocol buffers write them: each number with its value.

    Raises:
        ValueError: they are not written so.
    """
    at = count = 0
    while at < len(data):
        key, at = _varint(data, at)
        count += 1
        if count > 10 * _MOST_NODES:
            raise ValueError(_("it has too many objects"))
        size, value = {1: 8, 5: 4}.get(key & 7, 0), 0
        if key & 7 == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if key & 7 == 2:
            size, at = _varint(data, at)
        elif not size:
            raise ValueError(_("it is no protocol buffer"))
        if at + size > len(data):
            raise ValueError(_("it ends too early"))
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError(_("it ends too early"))
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return value, at


def name_variables(graph: Any, told: Told) -> dict[str, str]:
    """What each variable of a checkpoint is called behind the names of the layers that hold it, by its key there.

    Args:
        graph: The checkpoint's graph of objects; its numbers are those of `told`.
        told: What Keras wrote.
    """
    names: dict[str, str] = {}
    places = {0: ""}
    waiting = [0]
    for number in waiting:
        if not 0 <= number < len(graph.nodes):
            continue
        for child in graph.nodes[number].children:
            if child.node_id in places or not 0 <= child.node_id < len(graph.nodes):
                continue
            node = told.nodes.get(child.node_id)
            own = str(node.get("name", ""))[:200] if node else ""
            places[child.node_id] = "/".join(filter(None, [places[number], own]))
            waiting.append(child.node_id)
    for number in told.nodes:
        for child in graph.nodes[number].children if 0 <= number < len(graph.nodes) and number else ():
            for attribute in (
                graph.nodes[child.node_id].attributes if child.node_id < len(graph.nodes) else ()
            ):
                full = f"{places.get(number, '')}/{child.local_name}".strip("/")
                known = names.get(attribute.checkpoint_key, "")
                if full.count("/") >= known.count("/"):
                    names[attribute.checkpoint_key] = full
    return names
