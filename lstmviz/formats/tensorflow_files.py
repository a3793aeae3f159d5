"""TensorFlow's checkpoints, of TensorFlow 1 and 2, SavedModels and frozen graphs; graphs are read as data, never run."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from lstmviz.formats import protobuf
from lstmviz.formats.found import MAX_PARTS, Content, FormatError, Found, needing, say_too_large
from lstmviz.formats.keras_h5 import arrange, by_layer
from lstmviz.formats.tensorflow_graph import Graph, parse, weights_of
from lstmviz.formats.tensorflow_metadata import Told, name_variables, read_metadata
from lstmviz.formats.variables import find_layers, is_slot, say_slots
from lstmviz.language import _

_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_MOST_STATE = 2**20
# `tensorflow/core/framework/node_def.proto` and `op_def_builder.cc`: how operations are called.
_NAME = re.compile(rb"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]{0,1000}")
_OPERATION = re.compile(rb"_?[A-Z][A-Za-z0-9_>]{1,100}")
_DATA = re.compile(r"\.data-\d{5}-of-\d{5}")


def knows(content: Content) -> bool:
    """Whether there is a checkpoint's index with its data, or a graph by itself."""
    if "" in content.files:
        return _is_graph(content.data)
    return bool(_find_prefixes(content))


def _is_graph(data: bytes) -> bool:
    """Whether a file begins as a GraphDef does: an operation's name, and what it does."""
    if data[:1] != b"\n":
        return False
    try:
        node = next(protobuf.scan(data))
        fields = protobuf.scan(data, node.start, node.end)
        name, kind = next(fields), next(fields)
    except (ValueError, IndexError, StopIteration):
        return False
    if node.end > len(data) or (name.number, name.kind, kind.number, kind.kind) != (1, 2, 2, 2):
        return False
    called, does = data[name.start : name.end], data[kind.start : kind.end]
    return bool(_NAME.fullmatch(called) and _OPERATION.fullmatch(does))


def read(content: Content, layout: str | None) -> Found:  # the names say what is what
    """The layers in a checkpoint's variables, as Keras described them where it did."""
    with needing("tensorflow", "cpu", content.name):
        import tensorflow  # noqa: F401  # its parts are imported where they are used
    if "" in content.files:
        return _read_frozen(content)
    chosen = _choose(content)
    assert chosen is not None
    prefix, notes = chosen
    rests = {name.removeprefix(prefix): name for name in content.files if name.startswith(prefix)}
    parts = {
        f"checkpoint{rest}": name for rest, name in rests.items() if rest == ".index" or _DATA.fullmatch(rest)
    }
    told = _read_told(content, prefix)
    with content.on_disk(parts) as folder:
        try:
            variables, slots = _read_variables(str(folder / "checkpoint"), content, told)
        except FormatError:
            raise
        except Exception as error:  # TensorFlow's own errors
            cause = str(error).replace(str(folder), "").split("\n")[0]
            raise FormatError(
                _("{name} is a damaged checkpoint: {cause}").format(name=content.name, cause=cause)
            ) from error
    if told is None:
        graph, why = _read_graph(content, prefix)
        found = find_layers(variables, slots, graph)
        notes += why
    else:
        found = arrange(by_layer(variables, told.described), told.described, told.version)
        if slots:
            found.leave_out("optimizer", say_slots(slots), {})
    found.notes += notes
    return found


def _read_frozen(content: Content) -> Found:
    """The layers of a graph that holds its weights as constants."""
    try:
        proto = parse(content.data)
        constants = weights_of(proto, content.allowed)
        if not constants:
            raise FormatError(
                _(
                    "{name} is a graph of TensorFlow without weights in it; give the checkpoint or the SavedModel that "
                    "holds them."
                ).format(name=content.name)
            )
        return find_layers(constants, graph=Graph(proto))
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FormatError(
            _("{name} is a graph of TensorFlow that is not read: {cause}.").format(
                name=content.name, cause=error
            )
        ) from error


def _read_graph(content: Content, prefix: str) -> tuple[Graph | None, list[str]]:
    """The graph that lies beside a checkpoint or is its SavedModel's, and why it is not read where it is not."""
    root = prefix.removesuffix("variables/variables")
    part, message = (
        (f"{prefix}.meta", "MetaGraphDef") if root == prefix else (f"{root}saved_model.pb", "SavedModel")
    )
    if (data := content.files.get(part)) is None:
        return None, []
    try:
        return Graph(parse(data, message)), []
    except (ValueError, RecursionError) as error:
        note = _("The graph beside the checkpoint, {part}, is not read: {cause}.")
        return None, [note.format(part=part, cause=error)]


def _read_told(content: Content, prefix: str) -> Told | None:
    """What Keras wrote beside a SavedModel's graph; None where it is no SavedModel, or Keras wrote nothing."""
    root = prefix.removesuffix("variables/variables")
    if root == prefix:
        return None
    try:
        return read_metadata(
            content.files.get(f"{root}keras_metadata.pb"), content.files.get(f"{root}saved_model.pb")
        )
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            _("what {name} says of its layers is damaged: {cause}.").format(name=content.name, cause=error)
        ) from error


# --- Which checkpoint -------------------------------------------------------------------------------------------------


def _find_prefixes(content: Content) -> list[str]:
    """What the checkpoints' files' names begin with, the newest last: the last step's, by number."""
    found = [
        name.removesuffix(".index")
        for name in content.files
        if name.endswith(".index")
        and any(other.startswith(f"{name.removesuffix('.index')}.data-") for other in content.files)
    ]
    return sorted(found, key=natural)


def natural(name: str) -> list[tuple[int, int | str]]:
    """A key by which `cell_10` comes after `cell_9`."""
    return [
        (0, int(part)) if part.isdecimal() and len(part) < 20 else (1, part)
        for part in re.split(r"(\d+)", name)
        if part
    ]


def _choose(content: Content) -> tuple[str, list[str]] | None:
    """The one checkpoint that is read, and what is to be said of the others: a SavedModel's, else the newest."""
    found = _find_prefixes(content)
    saved = [prefix for prefix in found if prefix.endswith("variables/variables")]
    if not found or len(found) == 1:
        return (found[0], []) if found else None
    told = [prefix for prefix in found if prefix == _told_newest(content, prefix.rpartition("/")[0])]
    if saved:
        chosen, why = saved[-1], _("the variables of the SavedModel")
    elif told:
        chosen, why = told[-1], _("the one that the file `checkpoint` names as the newest")
    else:
        steps = [prefix for prefix in found if re.search(r"-\d+$", prefix)]
        chosen, why = (steps or found)[-1], _("the last by its number")
    others = [prefix for prefix in found if prefix != chosen]
    listed = ", ".join(others[:8] + ["…"] * (len(others) > 8))
    note = _("Of {count} checkpoints, {part} is read, {why}; the others: {others}.").format(
        count=len(found), part=chosen, why=why, others=listed
    )
    return chosen, [note]


def _told_newest(content: Content, folder: str) -> str:
    """The checkpoint that a folder's file `checkpoint` names; "" where it names none."""
    at = f"{folder}/" if folder else ""
    text = content.files.get(f"{at}checkpoint", b"")[:_MOST_STATE].decode("utf-8", "replace")
    match = re.search(r'^\s*model_checkpoint_path:\s*"([^"\n]*)"', text, re.MULTILINE)
    # It may be the whole path that the file had where it was made.
    return at + re.split(r"[/\\]", match[1])[-1] if match else ""


# --- Its variables ----------------------------------------------------------------------------------------------------


def _read_variables(path: str, content: Content, told: Told | None) -> tuple[dict[str, np.ndarray], int]:
    """The variables that are no optimizer's by their names, and how many are."""
    # What `tf.train.load_checkpoint` calls; all of TensorFlow would be imported for that name.
    from tensorflow.python.training.py_checkpoint_reader import NewCheckpointReader

    reader = NewCheckpointReader(path)
    shapes, types = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    sizes = {key: math.prod(shape) * max(1, types[key].size) for key, shape in shapes.items()}
    stored = sum(len(data) for name, data in content.files.items() if ".data-" in name)
    if sum(size for key, size in sizes.items() if types[key].is_floating) > stored:
        raise FormatError(
            _(
                "{name} is a damaged checkpoint: it says that it holds {given:,.0f} MB of numbers, and its data are "
                "{stored:,.0f} MB."
            ).format(name=content.name, given=sum(sizes.values()) / 2**20, stored=stored / 2**20)
        )
    if (
        len(shapes) > 10 * MAX_PARTS
        or sum(sizes.values()) > 2 * content.allowed
        or min(sizes.values(), default=0) < 0
    ):
        raise FormatError(
            _(
                "{name} says that it holds {given:,.0f} MB of numbers; at most {allowed:,.0f} MB are read."
            ).format(name=content.name, given=sum(sizes.values()) / 2**20, allowed=content.allowed / 2**20)
        )
    names = _read_names(reader, shapes, told)
    slots = {full for full, key in names.items() if is_slot(full) or _is_optimizers(key)}
    kept = {full: key for full, key in names.items() if full not in slots and _is_held(full, types[key])}
    floats = {full: key for full, key in kept.items() if types[key].is_floating}
    total = sum(sizes[key] for key in floats.values())
    if total > content.allowed:
        raise FormatError(say_too_large(content.name, total, content.allowed))
    return {
        full: np.asarray(reader.get_tensor(key))
        if full in floats
        else np.broadcast_to(np.zeros((), types[key].as_numpy_dtype), shapes[key])
        for full, key in kept.items()
    }, len(slots)


def _is_held(name: str, type_: Any) -> bool:
    """Whether a variable may be a cell's: what is no floating-point number has to be known of, too, under its name."""
    return type_.is_floating or ("/" in name and (type_.is_integer or type_.is_bool or type_.is_complex))


def _is_optimizers(key: str) -> bool:
    """Whether TensorFlow 2's key of a variable says that it is an optimizer's."""
    return "/.OPTIMIZER_SLOT/" in key or bool(re.match(r"(.*/)?_?optimizer/", key))


def _read_names(reader: Any, shapes: Any, told: Told | None) -> dict[str, str]:
    """Each variable's key in the checkpoint by its own name; TensorFlow 2 keeps the names in a graph of objects."""
    if _OBJECTS not in shapes:
        return {key: key for key in sorted(shapes, key=natural)}
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    graph = TrackableObjectGraph.FromString(reader.get_tensor(_OBJECTS))
    layers = {} if told is None else name_variables(graph, told)
    names: dict[str, str] = {}
    for node in graph.nodes:
        for attribute in node.attributes:
            key = attribute.checkpoint_key
            if key in shapes and key not in names.values():
                full = layers.get(key) or attribute.full_name or key.removesuffix(_VALUE)
                names[full if full not in names else key.removesuffix(_VALUE)] = key
    return names
