"""What a pickle of PyTorch's holds: tensors by names, modules with their classes and attributes, and other objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstmviz.formats import tensors
from lstmviz.formats.found import MAX_PARTS
from lstmviz.formats.pickles import Made, Name, Persistent, PickleError
from lstmviz.formats.state_dicts import QUANTISED, Module
from lstmviz.language import _

STORAGES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16", "LongStorage": "I64",
    "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL",
    "QInt8Storage": "I8", "QUInt8Storage": "U8", "QInt32Storage": "I32",
}  # fmt: skip
HALVES = {"BF16": "bfloat16"}  # of float16, NumPy says it itself
LONGEST = 400  # characters of a tensor's name
_REBUILDERS = {"_rebuild_tensor", "_rebuild_tensor_v2"}
_DEEPEST = 16  # containers in containers
_MOST_LOOKED_AT = 30_000  # containers and objects: what is in further ones is not looked for


@dataclass(frozen=True, eq=False)
class Numbers:
    """The raw numbers of a file by their keys; `little`: whether their bytes are in that order."""

    parts: Mapping[str, bytes | memoryview]
    is_little: bool = True

    def read(self, storage: Storage, offset: Any, shape: Any, strides: Any) -> np.ndarray:
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


@dataclass(frozen=True)
class Storage:
    """A tensor's numbers: their type, where they are, and from which one on."""

    type: str
    key: str
    start: int = 0


def as_storage(persistent: Any) -> Storage | None:
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
        or type_.name not in STORAGES
        or not isinstance(key, str)
    ):
        return None
    start = 0
    if view and isinstance(view[0], tuple) and len(view[0]) == 3 and isinstance(view[0][1], int):
        start = max(0, view[0][1])
    return Storage(STORAGES[type_.name], key, start)


@dataclass(eq=False)
class Tree:
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

    numbers: Numbers
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
            if depth > _DEEPEST or len(name) > LONGEST:
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
            ).format(given=packed[:LONGEST].rpartition("classes.")[2])
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
            storage = as_storage(arguments[0])
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
            elif storage.type in HALVES:
                self.types[name] = HALVES[storage.type]
        self._bytes += array.nbytes  # a small file can name its numbers a million times
        if self._bytes > self.allowed:
            raise PickleError(_("its tensors are larger than is read"))
        self.arrays[name] = array


def join(name: str, key: Any) -> str:
    """A thing's name in a container, behind the container's."""
    text = key if isinstance(key, str) else str(key)
    return f"{name}.{text}"[: LONGEST + 1] if name else text[: LONGEST + 1]


def _is_module(of: Name, state: Mapping[Any, Any]) -> bool:
    return "_parameters" in state or of.module.startswith("__torch__") or "training" in state


def _class_of(of: Name) -> str:
    """A class's own name: TorchScript puts `__torch__` before it, and numbers between."""
    name = f"{of.module}.{of.name}".removeprefix("__torch__.")
    return re.sub(r"\.?___torch_mangle_\d+", "", name)[:LONGEST]


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
