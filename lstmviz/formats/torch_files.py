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
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstmviz.formats import pickles, tensors
from lstmviz.formats.bare import find_bare
from lstmviz.formats.found import MAX_PARTS, Content, FormatError, Found
from lstmviz.formats.pickles import Made, Name, Persistent, PickleError
from lstmviz.formats.state_dicts import QUANTISED, Module, find_pytorch
from lstmviz.formats.zips import unzip
from lstmviz.language import _

_STORAGES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16", "LongStorage": "I64",
    "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL",
    "QInt8Storage": "I8", "QUInt8Storage": "U8", "QInt32Storage": "I32",
}  # fmt: skip
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
_HALVES = {"BF16": "bfloat16"}  # of float16, NumPy says it itself
_MAGIC = 0x1950A86A20F9469CFC6C  # of the container before PyTorch 1.6
_REBUILDERS = {"_rebuild_tensor", "_rebuild_tensor_v2"}
_DEEPEST = 16  # containers in containers
_LONGEST = 400  # characters of a tensor's name
_MOST_LOOKED_AT = 30_000  # containers and objects: what is in further ones is not looked for
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
        tree = _Tree(numbers, content.allowed)
        tree.walk(whole)
    except (PickleError, *_DAMAGES) as error:
        raise FormatError(_("{name} is damaged: {cause}").format(name=content.name, cause=error)) from error
    return _tell_calls(_find(tree, layout), tree, content.name)


def _find(tree: _Tree, layout: str | None) -> Found:
    """The layers by PyTorch's names; where there are none of these, by others that say what they are."""
    others = tree.objects | tree.unread
    found = find_pytorch(tree.arrays, tree.modules, others, tree.types)
    if not found.layers and not tree.modules and not found.skipped.keys() - tree.arrays.keys():
        bare = find_bare(tree.arrays, layout)
        found = bare if bare.layers else found
    found.skipped |= tree.unread
    return found


_DAMAGES = (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)


def _tell_calls(found: Found, tree: _Tree, name: str) -> Found:
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


@dataclass(frozen=True, eq=False)
class _Numbers:
    """The raw numbers of a file by their keys; `little`: whether their bytes are in that order."""

    parts: Mapping[str, bytes | memoryview]
    is_little: bool = True

    def read(self, storage: _Storage, offset: Any, shape: Any, strides: Any) -> np.ndarray:
        """A tensor of a storage.

        Raises:
            ValueError: there are not so many numbers.
        """
        data = self.parts.get(storage.key)
        if data is None:
            raise ValueError(_("the numbers {key!r} of a tensor are missing").format(key=storage.key[:40]))
        if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
            raise ValueError(_("a tensor has no numbers"))
        size = 2 if storage.type == "BF16" else np.dtype(tensors.TYPES[storage.type]).itemsize
        part = memoryview(data)[(storage.start + offset) * size :]
        if not self.is_little:
            count = len(part) // size
            part = memoryview(np.frombuffer(part, f">u{size}", count).astype(f"<u{size}").tobytes())
        return tensors.read(part, storage.type, shape, strides)


def _find_pickle(content: Content) -> str | None:
    names = [
        name
        for name in content.files
        if name == "data.pkl" or (name.count("/") == 1 and name.endswith("/data.pkl"))
    ]
    return names[0] if names else None


def _open_zip(content: Content, place: str) -> tuple[Any, _Numbers]:
    folder = place.removesuffix("data.pkl")
    whole, _end = pickles.run(content.files[place])
    head = f"{folder}data/"
    parts = {name.removeprefix(head): data for name, data in content.files.items() if name.startswith(head)}
    return whole, _Numbers(parts, content.files.get(f"{folder}byteorder", b"little") != b"big")


def _is_old(data: bytes) -> bool:
    """Whether it begins with the pickle of the magic number."""
    if data[:1] != b"\x80":
        return False
    try:
        return pickles.run(data[:32])[0] == _MAGIC
    except PickleError:
        return False


def _open_old(data: bytes) -> tuple[Any, _Numbers]:
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
    return whole, _Numbers(parts, is_little)


def _sizes_of(whole: Any) -> dict[str, int]:
    """How many bytes a number has in each of the storages that a structure names."""
    sizes: dict[str, int] = {}
    for value in _everything(whole):
        if isinstance(value, Persistent) and (storage := _as_storage(value)) is not None:
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


@dataclass(frozen=True)
class _Storage:
    """A tensor's numbers: their type, where they are, and from which one on."""

    type: str
    key: str
    start: int = 0


def _as_storage(persistent: Any) -> _Storage | None:
    """The storage that a persistent id names; None where it names something else."""
    if (
        not isinstance(persistent, Persistent)
        or not isinstance(persistent.id, tuple)
        or len(persistent.id) < 5
    ):
        return None
    kind, type_, key, _place, _count, *view = persistent.id
    if (
        kind != "storage"
        or not isinstance(type_, Name)
        or type_.name not in _STORAGES
        or not isinstance(key, str)
    ):
        return None
    start = 0
    if view and isinstance(view[0], tuple) and len(view[0]) == 3 and isinstance(view[0][1], int):
        start = max(0, view[0][1])
    return _Storage(_STORAGES[type_.name], key, start)


# --- What the pickle holds --------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Tree:
    """The tensors of a structure by names joined with dots, and what else is in it.

    Attributes:
        numbers: The raw numbers.
        allowed: What the tensors may come to, in bytes.
        arrays: The tensors.
        types: How each is stored, where that is not how it is read.
        modules: The modules of a whole model, by their names.
        objects: What each other object is, a sentence, by its name.
        unread: Why a tensor is not read, by its name.
        calls: What would be called when the file is unpickled and is not known to be harmless.
    """

    numbers: _Numbers
    allowed: int
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    looked_at: int = 0
    _seen: set[int] = field(default_factory=set)
    _bytes: int = 0

    def walk(self, whole: Any) -> None:
        """Takes what is in a structure, containers in containers, each once."""
        waiting: list[tuple[str, Any, int, bool]] = [("", whole, 0, True)]
        while waiting:
            name, value, depth, is_told = waiting.pop()
            if value is None or isinstance(value, str | bytes | int | float):
                continue
            self.looked_at += 1
            if self.looked_at > _MOST_LOOKED_AT:
                self.objects[_("the rest")] = _(
                    "more than {allowed:,} containers are not looked through"
                ).format(allowed=_MOST_LOOKED_AT)
                return
            if depth > _DEEPEST or len(name) > _LONGEST:
                raise PickleError(_("it has too many containers in containers"))
            if isinstance(value, Made):
                inside, is_told = self._enter(name, value, is_told)
            elif isinstance(value, dict | list | tuple):
                inside = self._items(value)
            else:
                if is_told and not isinstance(value, Name):
                    self.objects[name] = _("it is kept outside of the file's pickle, and not read")
                continue
            waiting += [
                (join(name, key), each, depth + 1, is_told)
                for key, each in reversed(inside)
                if isinstance(each, Made | Persistent) or (isinstance(each, dict | list | tuple) and each)
            ]
            if len(self.arrays) + len(self.unread) > MAX_PARTS:
                raise PickleError(_("it holds more than {allowed:,} tensors").format(allowed=MAX_PARTS))

    def _items(self, value: Any) -> list[tuple[Any, Any]]:
        """What is in a container that was not met before: a pickle can put one into another a thousand times."""
        if id(value) in self._seen:
            return []
        self._seen.add(id(value))
        return list(value.items() if isinstance(value, dict) else enumerate(value))

    def _enter(self, name: str, value: Made, is_told: bool) -> tuple[list[tuple[Any, Any]], bool]:
        """A tensor, a module or another object; what is to be looked at inside, and whether that is told."""
        if (tensor := self._as_tensor(value)) is not None:
            self._take(name or "tensor", *tensor)
            return [], False
        if id(value) in self._seen:
            return [], False
        self._seen.add(id(value))
        state = value.state[0] if isinstance(value.state, tuple) and value.state else value.state
        if isinstance(state, dict) and (_is_module(value.of, state)):
            return self._enter_module(name, value.of, state), is_told
        if is_told:
            self._tell(name or _("the file"), value)
        inside = [] if value.is_call else [(key, each) for key, each in self._parts(state)]
        return [*inside, *value.items.items(), *enumerate(value.parts)], False

    @staticmethod
    def _parts(state: Any) -> list[tuple[Any, Any]]:
        return list(state.items()) if isinstance(state, dict) else []

    def _tell(self, name: str, value: Made) -> None:
        packed = value.state[1] if isinstance(value.state, tuple) and len(value.state) == 2 else None
        if value.of.module == "torch._utils" and value.of.name.startswith("_rebuild_"):
            self.unread[name] = _("it is a tensor of a kind that is not read: {given}").format(given=value.of)
        elif str(value.of) == "torch.ScriptObject" and isinstance(packed, str):
            self.objects[name] = _(
                "it holds weights of a quantised layer as PyTorch packs them, {given}; save the model before it is quantised"
            ).format(given=packed[:_LONGEST].rpartition("classes.")[2])
        elif value.is_call and str(value.of) not in _HARMLESS:
            self.calls.append(str(value.of))
            self.objects[name] = _(
                "it would call {given} where it is unpickled; here it was not called"
            ).format(given=value.of)
        else:
            self.objects[name] = _("it is an object of {given}: nothing of it is looked up or run").format(
                given=value.of
            )

    def _enter_module(self, name: str, of: Name, state: dict[Any, Any]) -> list[tuple[Any, Any]]:
        options = {
            key: value.name if isinstance(value, Name) else value
            for key, value in state.items()
            if isinstance(value, str | int | float | bool | Name) and isinstance(key, str)
        }
        self.modules[name] = Module(_class_of(of), options)
        if "_parameters" not in state:  # TorchScript has them side by side
            return [(key, each) for key, each in state.items() if not str(key).startswith("_")]
        own = [*self._parts(state["_parameters"]), *self._parts(state.get("_buffers"))]
        others = [
            (key, each)
            for key, each in state.items()
            if isinstance(each, Made) and not str(key).startswith("_")
        ]
        return [*own, *others, *self._parts(state.get("_modules"))]

    def _as_tensor(self, value: Made) -> tuple[Any, ...] | None:
        """The storage, offset, shape, strides and, of quantised numbers, the scale of a tensor."""
        of, arguments = value.of, value.arguments
        for _wrapped in range(4):  # a parameter is made of a tensor, a tensor of another class by its maker
            if of.module in ("torch._utils", "torch._tensor") and arguments:
                if of.name.startswith("_rebuild_parameter") and isinstance(arguments[0], Made):
                    of, arguments = arguments[0].of, arguments[0].arguments
                    continue
                if (
                    of.name == "_rebuild_from_type_v2"
                    and len(arguments) > 2
                    and isinstance(arguments[0], Name)
                ):
                    of, arguments = arguments[0], arguments[2]
                    continue
            break
        if of.module == "torch._utils" and isinstance(arguments, tuple) and len(arguments) >= 4:
            storage = _as_storage(arguments[0])
            if storage is not None and of.name in _REBUILDERS:
                return (storage, *arguments[1:4], None)
            if storage is not None and of.name == "_rebuild_qtensor" and len(arguments) > 4:
                return (storage, *arguments[1:4], arguments[4])
        return _as_numpy(value)

    def _take(self, name: str, storage: Any, offset: Any, shape: Any, strides: Any, scale: Any) -> None:
        if isinstance(storage, np.ndarray):
            array = storage
        else:
            try:
                array = self.numbers.read(storage, offset, shape, strides)
                array = array if scale is None else _dequantise(array, scale)
            except ValueError as error:
                if "type" not in str(error) and scale is None:
                    raise
                self.unread[name] = str(error)
                return
            if scale is not None:
                self.types[name] = QUANTISED
            elif storage.type in _HALVES:
                self.types[name] = _HALVES[storage.type]
        self._bytes += array.nbytes  # a small file can name its numbers a million times
        if self._bytes > self.allowed:
            raise PickleError(_("its tensors are larger than is read"))
        self.arrays[name] = array


def join(name: str, key: Any) -> str:
    """A thing's name in a container, behind the container's."""
    text = key if isinstance(key, str) else str(key)
    return f"{name}.{text}"[: _LONGEST + 1] if name else text[: _LONGEST + 1]


def _is_module(of: Name, state: Mapping[Any, Any]) -> bool:
    return "_parameters" in state or of.module.startswith("__torch__") or "training" in state


def _class_of(of: Name) -> str:
    """A class's own name: TorchScript puts `__torch__` before it, and numbers between."""
    name = f"{of.module}.{of.name}".removeprefix("__torch__.")
    return re.sub(r"\.?___torch_mangle_\d+", "", name)[:_LONGEST]


# Calls of these, in a pickle, only put data together: what they make is kept as it is.
_HARMLESS = {
    *(
        "torch.Size",
        "torch.device",
        "torch.torch.Size",
        "torch.serialization._get_layout",
        "torch._utils._rebuild_wrapper",
    ),
    *(
        "torch.jit._pickle.restore_type_tag",
        "torch.jit._pickle.build_intlist",
        "torch.jit._pickle.build_tensorlist",
    ),
    *("torch.jit._pickle.build_doublelist", "torch.jit._pickle.build_boollist"),
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *(
        "numpy.dtype",
        "numpy.ndarray",
        "numpy.random._pickle.__randomstate_ctor",
        "numpy.random._pickle.__generator_ctor",
    ),
    *("datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone"),
    *(
        "decimal.Decimal",
        "fractions.Fraction",
        "uuid.UUID",
        "copyreg._reconstructor",
        "copy_reg._reconstructor",
    ),
    *(
        f"pathlib.{name}"
        for name in ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
    ),
    *(f"pathlib._local.{name}" for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")),
    *(
        f"{module}.{name}"
        for module in ("builtins", "__builtin__")
        for name in ("complex", "slice", "range", "bytearray")
    ),
    *(
        f"{module}.{name}"
        for module in ("builtins", "__builtin__")
        for name in ("object", "list", "dict", "tuple")
    ),
    *("collections.deque", "argparse.Namespace", "types.SimpleNamespace", "__builtin__.set"),
}


def _as_numpy(value: Made) -> tuple[Any, ...] | None:
    """A NumPy array, which a pickle makes empty and then gives its shape, type and bytes."""
    if not (
        value.of.name == "_reconstruct"
        and value.of.module.startswith("numpy")
        and isinstance(value.state, tuple)
    ):
        return None
    if len(value.state) != 5:
        return None
    _version, shape, type_, is_fortran, data = value.state
    dtype = _as_dtype(type_)
    if dtype is None or not isinstance(data, bytes) or not isinstance(shape, tuple):
        return None
    if any(isinstance(size, bool) or not isinstance(size, int) or size < 0 for size in shape):
        raise PickleError(_("an array has no shape"))
    if int(np.prod(shape, dtype=object)) * dtype.itemsize != len(data):
        raise PickleError(_("an array has other bytes than its shape says"))
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")
    return array, 0, shape, None, None


def _as_dtype(made: Any) -> np.dtype[Any] | None:
    """One of NumPy's types of numbers, from the two letters and the order of bytes that a pickle gives for it."""
    if not isinstance(made, Made) or made.of.name != "dtype" or not made.arguments:
        return None
    letters = made.arguments[0]
    if not isinstance(letters, str) or not re.fullmatch(r"[fiu][1248]|b1", letters) or letters == "f1":
        return None
    order = made.state[1] if isinstance(made.state, tuple) and len(made.state) > 1 else "<"
    return np.dtype(letters).newbyteorder(">" if order == ">" else "<")


def _dequantise(array: np.ndarray, scale: Any) -> np.ndarray:
    """The numbers that whole ones stand for, one scale for all of them."""
    if not (isinstance(scale, tuple) and len(scale) == 3 and str(scale[0]) == "torch.per_tensor_affine"):
        raise ValueError(_("its type is quantised with a scale for each channel, which is not read"))
    return ((array.astype(np.float64) - int(scale[2])) * float(scale[1])).astype(np.float32)


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
            tree = _Tree(numbers, content.allowed)
            tree.walk(whole)
            tree.modules |= modules
            return _find(tree, None)
        arrays, types, unread = _exported_arrays(content, place)
    except (PickleError, *_DAMAGES) as error:
        raise FormatError(_("{name} is damaged: {cause}").format(name=content.name, cause=error)) from error
    found = find_pytorch(arrays, modules, types=types)
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
        arrays[name] = _Numbers({"": data}).read(_Storage(type_, ""), offset, shape, strides)
        if type_ in _HALVES:
            types[name] = _HALVES[type_]
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
                found[parts[1][:_LONGEST]] = Module(parts[2][:_LONGEST], {})
    return found
