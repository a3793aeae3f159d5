"""TensorFlow's checkpoints, of TensorFlow 1 and 2, and the variables of a SavedModel; its graph is not loaded."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from lstmviz.formats.found import MAX_FILE_BYTES, MAX_PARTS, Content, FormatError, Found, need
from lstmviz.formats.variables import find_layers
from lstmviz.language import _

_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
_DATA = re.compile(r"\.data-\d{5}-of-\d{5}")


def knows(content: Content) -> bool:
    """Whether there is a checkpoint's index with its data."""
    return _find_prefix(content) is not None


def read(content: Content, layout: str | None) -> Found:  # the names say what is what
    """The layers in a checkpoint's variables."""
    need("tensorflow", "cpu", content.name)
    prefix = _find_prefix(content)
    assert prefix is not None
    rests = {name.removeprefix(prefix): name for name in content.files if name.startswith(prefix)}
    parts = {
        f"checkpoint{rest}": name for rest, name in rests.items() if rest == ".index" or _DATA.fullmatch(rest)
    }
    with content.on_disk(parts) as folder:
        try:
            variables = _read_variables(str(folder / "checkpoint"), content.name)
        except FormatError:
            raise
        except Exception as error:  # TensorFlow's own errors
            cause = str(error).replace(str(folder), "").split("\n")[0]
            raise FormatError(
                _("{name} is a damaged checkpoint: {cause}").format(name=content.name, cause=cause)
            ) from error
    return find_layers(variables)


def _find_prefix(content: Content) -> str | None:
    """What a checkpoint's files' names begin with; of several, a SavedModel's, else the last."""
    found = [
        name.removesuffix(".index")
        for name in sorted(content.files)
        if name.endswith(".index")
        and any(other.startswith(f"{name.removesuffix('.index')}.data-") for other in content.files)
    ]
    saved = [prefix for prefix in found if prefix.endswith("variables/variables")]
    chosen = saved or found
    return chosen[-1] if chosen else None


def _read_variables(path: str, name: str) -> dict[str, np.ndarray]:
    # What `tf.train.load_checkpoint` calls; all of TensorFlow would be imported for that name.
    from tensorflow.python.training.py_checkpoint_reader import NewCheckpointReader

    reader = NewCheckpointReader(path)
    shapes, types = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    sizes = {key: math.prod(shape) * max(1, types[key].size) for key, shape in shapes.items()}
    if (
        len(shapes) > 10 * MAX_PARTS
        or sum(sizes.values()) > 2 * MAX_FILE_BYTES
        or min(sizes.values(), default=0) < 0
    ):
        raise FormatError(
            _(
                "{name} says that it holds {given:,.0f} MB of numbers; at most {allowed:,.0f} MB are read."
            ).format(name=name, given=sum(sizes.values()) / 2**20, allowed=MAX_FILE_BYTES / 2**20)
        )
    names = _read_names(reader, shapes)
    return {
        full: np.asarray(reader.get_tensor(key))
        for full, key in names.items()
        if shapes[key] and types[key].is_floating
    }


def _read_names(reader: Any, shapes: Any) -> dict[str, str]:
    """Each variable's key in the checkpoint by its own name; TensorFlow 2 keeps the names in a graph of objects."""
    if _OBJECTS not in shapes:
        return {
            key: key for key in shapes if not re.search(r"(^|/)(Adam|RMSProp|Momentum|Adagrad)(_\d+)?$", key)
        }
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    graph = TrackableObjectGraph.FromString(reader.get_tensor(_OBJECTS))
    names: dict[str, str] = {}
    for node in graph.nodes:
        for attribute in node.attributes:
            key = attribute.checkpoint_key
            if key in shapes and "/.OPTIMIZER_SLOT/" not in key:
                full = attribute.full_name or key.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE")
                names.setdefault(full, key)
    return names
