"""PyTorch's files without PyTorch and without unpickling: https://docs.pytorch.org/docs/stable/notes/serialization.html.

Four containers hold the same things, a pickle and each tensor's raw numbers beside it:

- the zip of `torch.save` since PyTorch 1.6: `data.pkl`, and the numbers in `data/0`;
- TorchScript's zip, whose classes' names begin with `__torch__`;
- the file of `torch.save` before 1.6: five pickles, then the numbers one after another;
- the zip of `torch.export`, where JSON takes the pickle's place.

Class names and attributes in a pickle are data: what `torch.nn.LSTM` states of itself is taken from there, and a class of the
file's own is told by its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from lstmviz.formats import pickles, tensors
from lstmviz.formats.bare import find_bare
from lstmviz.formats.found import MAX_PARTS, Content, FormatError, Found
from lstmviz.formats.pickles import Made, Persistent, PickleError
from lstmviz.formats.state_dicts import Module, find_pytorch
from lstmviz.formats.torch_objects import HALVES, LONGEST, Numbers, Storage, Tree, as_storage
from lstmviz.formats.zips import unzip
from lstmviz.language import _

# torch/_export/serde/schema.py's ScalarType, as torch.export writes a tensor's type.
_EXPORTED = {
    1: "U8",
    2: "I8",
    3: "I16",
    4: "I32",
    5: "I64",
    6: "F16",
    7: "F32",
    8: "F64",
    12: "BOOL",
    13: "BF16",
}
_MAGIC = 0x1950A86A20F9469CFC6C  # of the container before PyTorch 1.6
_MOST_TOLD = 20  # objects that are told one by one


def knows(content: Content) -> bool:
    """Whether it is one of PyTorch's zips, or the file that it wrote before 1.6."""
    return _find_pickle(content) is not None or _find_exported(content) is not None or _is_old(content.data)


def read(content: Content, layout: str | None) -> Found:
    """The layers in a file's tensors."""
    if (exported := _find_exported(content)) is not None:
        return _read_exported(content, exported)
    place = _find_pickle(content)
    try:
        whole, numbers = _open_old(content.data) if place is None else _open_zip(content, place)
        tree = Tree(numbers, content.allowed)
        tree.walk(whole)
    except (PickleError, *_DAMAGES) as error:
        raise FormatError(_("{name} is damaged: {cause}").format(name=content.name, cause=error)) from error
    return _tell_calls(_find(tree, layout), tree, content.name)


def _find(tree: Tree, layout: str | None) -> Found:
    """The layers by PyTorch's names; where there are none of these, by others that say what they are."""
    others = tree.objects | tree.unread
    found = find_pytorch(tree.arrays, tree.modules, others, tree.types)
    if not found.layers and not tree.modules and not found.skipped.keys() - tree.arrays.keys():
        bare = find_bare(tree.arrays, layout, others)
        found = bare if bare.layers else found
    found.skipped |= tree.unread
    return found


_DAMAGES = (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)


def _tell_calls(found: Found, tree: Tree, name: str) -> Found:
    """Refuses what has nothing but calls; else tells of the objects, one by one or how many there are."""
    if tree.calls and not found.layers:
        raise FormatError(
            _(
                "{name} holds more than tensors, {given}, which is not read, for it could run any program; save "
                "model.state_dict() alone."
            ).format(name=name, given=tree.calls[0])
        )
    told = list(tree.objects.items())
    found.skipped |= {key: words for key, words in told[:_MOST_TOLD] if key not in found.skipped}
    if len(told) > _MOST_TOLD:
        found.skipped[_("{count:,} more objects").format(count=len(told) - _MOST_TOLD)] = _(
            "they are kept as they are: nothing in them is run"
        )
    return found


# --- The containers ---------------------------------------------------------------------------------------------------


def _find_pickle(content: Content) -> str | None:
    names = [
        name
        for name in content.files
        if name == "data.pkl" or (name.count("/") == 1 and name.endswith("/data.pkl"))
    ]
    return names[0] if names else None


def _open_zip(content: Content, place: str) -> tuple[Any, Numbers]:
    folder = place.removesuffix("data.pkl")
    whole, _end = pickles.run(content.files[place])
    head = f"{folder}data/"
    parts = {name.removeprefix(head): data for name, data in content.files.items() if name.startswith(head)}
    return whole, Numbers(parts, content.files.get(f"{folder}byteorder", b"little") != b"big")


def _is_old(data: bytes) -> bool:
    """Whether it begins with the pickle of the magic number."""
    if data[:1] != b"\x80":
        return False
    try:
        return pickles.run(data[:32])[0] == _MAGIC
    except PickleError:
        return False


def _open_old(data: bytes) -> tuple[Any, Numbers]:
    """The file before PyTorch 1.6: torch/serialization.py's `_legacy_save`."""
    position, said = 0, []
    for _pickle in ("magic", "protocol", "system", "object", "keys"):
        made, position = pickles.run(data, position)
        said.append(made)
    _magic, _protocol, system, whole, keys = said
    is_little = not (isinstance(system, dict) and system.get("little_endian") is False)
    sizes = _sizes_of(whole)
    parts: dict[str, bytes | memoryview] = {}
    for key in keys if isinstance(keys, list) else ():
        count = int.from_bytes(data[position : position + 8], "little" if is_little else "big")
        length = count * sizes.get(str(key), 0)
        position += 8
        if length > len(data) - position:
            raise PickleError(_("the numbers {key!r} of a tensor are missing").format(key=str(key)[:40]))
        parts[str(key)] = memoryview(data)[position : position + length]
        position += length
    return whole, Numbers(parts, is_little)


def _sizes_of(whole: Any) -> dict[str, int]:
    """How many bytes a number has in each of the storages that a structure names."""
    sizes: dict[str, int] = {}
    for value in _everything(whole):
        if isinstance(value, Persistent) and (storage := as_storage(value)) is not None:
            type_ = tensors.TYPES[storage.type]
            sizes[storage.key] = 2 if type_ == "bf16" else np.dtype(type_).itemsize
    return sizes


def _everything(whole: Any) -> Iterator[Any]:
    """Each thing in a structure, once."""
    seen: set[int] = set()
    waiting = [whole]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, str | bytes | int | float | None):
            continue
        seen.add(id(value))
        yield value
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
        elif isinstance(value, Made):
            waiting += [value.arguments, value.state, value.items, value.parts]


# --- torch.export -----------------------------------------------------------------------------------------------------

_CONFIG, _GRAPH = "data/weights/model_weights_config.json", "models/model.json"
_INSIDE = (
    "serialized_state_dict.pt",
    "data/weights/model.pt",
)  # what was torch.save's own zip until PyTorch 2.8
_MOST_GRAPH = 2**26  # bytes of the description of a graph


def _find_exported(content: Content) -> str | None:
    """The weights in the zip of `torch.export`, or their description."""
    return next((name for name in content.files if name.endswith((_CONFIG, *_INSIDE))), None)


def _read_exported(content: Content, place: str) -> Found:
    try:
        modules = _exported_modules(content)
        if place.endswith(_INSIDE):
            inside = unzip(content.files[place], content.name, content.allowed)
            pickle = _find_pickle(Content(content.name, inside))
            if pickle is None:
                raise PickleError(_("{part} is no file of PyTorch's").format(part=place))
            whole, numbers = _open_zip(Content(content.name, inside), pickle)
            tree = Tree(numbers, content.allowed)
            tree.walk(whole)
            tree.modules |= modules
            return _find(tree, None)
        arrays, types, unread = _exported_arrays(content, place)
    except (PickleError, *_DAMAGES) as error:
        raise FormatError(_("{name} is damaged: {cause}").format(name=content.name, cause=error)) from error
    found = find_pytorch(arrays, modules, unread, types)
    found.skipped |= unread
    return found


def _exported_arrays(
    content: Content, place: str
) -> tuple[dict[str, np.ndarray], dict[str, str], dict[str, str]]:
    """The tensors, how each is stored where that is not how it is read, and why others are not read."""
    arrays: dict[str, np.ndarray] = {}
    types: dict[str, str] = {}
    unread: dict[str, str] = {}
    total = 0
    for name, told in json.loads(content.files[place])["config"].items():
        meta, data = (
            told["tensor_meta"],
            content.files[place.replace("model_weights_config.json", told["path_name"])],
        )
        type_ = _EXPORTED.get(meta["dtype"])
        if told.get("use_pickle") or type_ is None:
            unread[name] = _("it is stored in a way that is not read: type {given}").format(
                given=meta["dtype"]
            )
            continue
        shape, strides = ([each["as_int"] for each in meta[key]] for key in ("sizes", "strides"))
        offset = meta.get("storage_offset", {}).get("as_int", 0)
        arrays[name] = Numbers({"": data}).read(Storage(type_, ""), offset, shape, strides)
        if type_ in HALVES:
            types[name] = HALVES[type_]
        total += arrays[name].nbytes
        if total > content.allowed or len(arrays) > MAX_PARTS:
            raise PickleError(_("its tensors are larger than is read"))
    return arrays, types, unread


def _exported_modules(content: Content) -> dict[str, Module]:
    """The classes of the modules that a graph's operators came from, by the modules' names."""
    graph = next((data for name, data in content.files.items() if name.endswith(_GRAPH)), b"{}")
    if len(graph) > _MOST_GRAPH:
        return {}
    found: dict[str, Module] = {}
    for node in json.loads(graph).get("graph_module", {}).get("graph", {}).get("nodes", []):
        for entry in str(node.get("metadata", {}).get("nn_module_stack", "")).split(";"):
            parts = entry.split(",")
            if len(parts) == 3 and parts[1]:
                found[parts[1][:LONGEST]] = Module(parts[2][:LONGEST], {})
    return found
