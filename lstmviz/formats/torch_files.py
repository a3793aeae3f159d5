"""PyTorch's .pt and .pth, without PyTorch and without unpickling: https://pytorch.org/docs/stable/notes/serialization.html.

The zip holds a pickle, `data.pkl`, and each tensor's numbers in a file of its own, `data/0`. A pickle is a program for a
machine that can call anything. The one here knows as much of it as tensors, containers, numbers and names need, and calls
nothing of what the file names; at anything else it stops.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmviz.formats import tensors
from lstmviz.formats.found import MAX_FILE_BYTES, MAX_PARTS, Content, FormatError, Found
from lstmviz.formats.naming import find_pytorch
from lstmviz.language import _

_STORAGES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16", "LongStorage": "I64",
    "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL",
}  # fmt: skip
_MOST_OPERATIONS = 1_000_000
_DEEPEST = 16  # containers in containers


def knows(content: Content) -> bool:
    """Whether it is PyTorch's zip, or the pickle that it wrote before 1.6."""
    return _find_pickle(content) is not None or content.data[:2] in (
        b"\x80\x02",
        b"\x80\x03",
        b"\x80\x04",
        b"\x80\x05",
    )


def read(content: Content, layout: str | None) -> Found:  # the names say what is what
    """The layers in a file's tensors."""
    place = _find_pickle(content)
    if place is None:
        raise FormatError(
            _(
                "{name} is a bare pickle, which is not read, for it could run any program; save the state dict with "
                "torch.save of PyTorch 1.6 or later, or as safetensors."
            ).format(name=content.name)
        )
    folder = place.removesuffix("data.pkl")
    if content.files.get(f"{folder}byteorder", b"little") != b"little":
        raise FormatError(
            _("{name} was written by a big-endian machine, which is not read.").format(name=content.name)
        )
    try:
        whole = _Machine(content.files, f"{folder}data/").run(content.files[place])
        arrays = _flatten(whole)
    except _RefusedError as error:
        raise FormatError(
            _(
                "{name} holds more than tensors, {given}, which is not read, for it could run any program; save "
                "model.state_dict() alone."
            ).format(name=content.name, given=error)
        ) from error
    except (
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise FormatError(_("{name} is damaged: {cause}").format(name=content.name, cause=error)) from error
    return find_pytorch(arrays)


def _find_pickle(content: Content) -> str | None:
    names = [
        name
        for name in content.files
        if name == "data.pkl" or (name.count("/") == 1 and name.endswith("/data.pkl"))
    ]
    return names[0] if names else None


class _RefusedError(Exception):
    """The pickle asks for something that is no tensor."""


@dataclass(frozen=True)
class _Global:
    """A name that the pickle asks for. It is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class _Storage:
    """A tensor's numbers."""

    type: str
    key: str


_MARK = object()


class _Machine:
    """Runs the part of a pickle's program that makes tensors and containers.

    Args:
        files: The zip's files.
        folder: Where the tensors' numbers are in it.
    """

    def __init__(self, files: Mapping[str, bytes], folder: str) -> None:
        self._files, self._folder = files, folder
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._bytes = 0

    def run(self, program: bytes) -> Any:
        """What the program makes.

        Raises:
            _RefusedError: it is more than tensors, containers and constants.
            ValueError: the program is damaged, as are other errors of Python's.
        """
        for count, (operation, argument, _position) in enumerate(pickletools.genops(program)):
            if count > _MOST_OPERATIONS:
                raise ValueError(_("its pickle is too long"))
            if operation.name == "STOP":
                return self._stack.pop()
            self._do(operation.name, argument)
        raise ValueError(_("its pickle has no end"))

    def _do(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name]() if callable(_CONSTANTS[name]) else _CONSTANTS[name])
        elif name in _LITERALS:
            stack.append(argument)
        elif name in ("PROTO", "FRAME"):
            pass
        elif name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            self._memo[len(self._memo) if argument is None else int(argument)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self._memo[int(argument)])
        elif name == "GLOBAL":
            module, _space, attribute = argument.partition(" ")
            stack.append(_Global(module, attribute))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(_Global(str(module), str(attribute)))
        elif name in _STEPS:
            _STEPS[name](self)
        else:
            raise _RefusedError(_("the operation {name}").format(name=name))

    def since_mark(self) -> list[Any]:
        place = max(k for k, each in enumerate(self._stack) if each is _MARK)
        taken = self._stack[place + 1 :]
        del self._stack[place:]
        return taken

    def tuple_of(self, count: int | None) -> None:
        taken = self.since_mark() if count is None else [self._stack.pop() for _each in range(count)][::-1]
        self._stack.append(tuple(taken))

    def set_items(self, taken: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise _RefusedError(type(target).__name__)
        target |= {_as_key(key): value for key, value in zip(taken[::2], taken[1::2], strict=True)}

    def append_all(self, taken: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise _RefusedError(type(self._stack[-1]).__name__)
        self._stack[-1].extend(taken)

    def reduce(self) -> None:
        """What is called elsewhere; here it is known by its name, or refused."""
        arguments, function = self._stack.pop(), self._stack.pop()
        made = _MADE.get(str(function)) if isinstance(function, _Global) else None
        if made is None:
            raise _RefusedError(str(function)[:200])
        self._stack.append(made(self, *arguments))

    def build(self) -> None:
        """A container's attributes, of which tensors have none that count."""
        state = self._stack.pop()
        if not isinstance(self._stack[-1], dict) or not isinstance(state, dict):
            raise _RefusedError(_("an object with a state"))

    def load_storage(self) -> None:
        _kind, type_, key, _place, _count = self._stack.pop()
        if not isinstance(type_, _Global) or type_.module != "torch" or type_.name not in _STORAGES:
            raise _RefusedError(str(type_)[:200])
        self._stack.append(_Storage(_STORAGES[type_.name], str(key)))

    def make_tensor(self, storage: Any, offset: Any, shape: Any, strides: Any, *_rest: Any) -> np.ndarray:
        if not isinstance(storage, _Storage) or not isinstance(offset, int) or offset < 0:
            raise ValueError(_("a tensor has no numbers"))
        data = self._files.get(self._folder + storage.key)
        if data is None:
            raise ValueError(_("the numbers {key!r} of a tensor are missing").format(key=storage.key))
        size = 2 if storage.type == "BF16" else np.dtype(tensors.TYPES[storage.type]).itemsize
        made = tensors.read(memoryview(data)[offset * size :], storage.type, shape, strides)
        self._bytes += made.nbytes  # a small file can name its numbers a million times
        if self._bytes > MAX_FILE_BYTES:
            raise ValueError(_("its tensors are larger than is read"))
        return made

    def make_parameter(self, tensor: Any, *_rest: Any) -> Any:
        return tensor

    def make_dict(self, pairs: Any = ()) -> dict[Any, Any]:
        return {_as_key(key): value for key, value in pairs}


_CONSTANTS: Mapping[str, Any] = {
    "NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": (),
    "MARK": lambda: _MARK,
}  # fmt: skip
_LITERALS = frozenset(
    {
        "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE",
        "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES",
    }
)  # fmt: skip
_STEPS: Mapping[str, Callable[[_Machine], None]] = {
    "TUPLE": lambda m: m.tuple_of(None),
    "TUPLE1": lambda m: m.tuple_of(1),
    "TUPLE2": lambda m: m.tuple_of(2),
    "TUPLE3": lambda m: m.tuple_of(3),
    "LIST": lambda m: m._stack.append(m.since_mark()),
    "DICT": lambda m: m._stack.append(m.make_dict(_pairs(m.since_mark()))),
    "SETITEM": lambda m: m.set_items([m._stack.pop(), m._stack.pop()][::-1]),
    "SETITEMS": lambda m: m.set_items(m.since_mark()),
    "APPEND": lambda m: m.append_all([m._stack.pop()]),
    "APPENDS": lambda m: m.append_all(m.since_mark()),
    "POP": lambda m: m._stack.pop() and None,
    "REDUCE": lambda m: m.reduce(),
    "BUILD": lambda m: m.build(),
    "BINPERSID": lambda m: m.load_storage(),
}
_MADE: Mapping[str, Callable[..., Any]] = {
    "collections.OrderedDict": _Machine.make_dict,
    "torch._utils._rebuild_tensor_v2": _Machine.make_tensor,
    "torch._utils._rebuild_tensor": _Machine.make_tensor,
    "torch._utils._rebuild_parameter": _Machine.make_parameter,
}


def _pairs(taken: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(taken[::2], taken[1::2], strict=True))


def _as_key(key: Any) -> Any:
    if not isinstance(key, str | int | float | bool | tuple | None):
        raise _RefusedError(type(key).__name__)
    return key


def _flatten(whole: Any) -> dict[str, np.ndarray]:
    """The tensors in containers, by names joined with dots: a training checkpoint holds the state dict among others."""
    found: dict[str, np.ndarray] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, Any, int]] = [("", whole, 0)]
    while waiting:
        name, value, depth = waiting.pop()
        if isinstance(value, np.ndarray):
            found[name or "tensor"] = value
        elif isinstance(value, dict | list | tuple) and id(value) not in seen and depth <= _DEEPEST:
            seen.add(id(value))  # a pickle can put one container into another a thousand times
            items = value.items() if isinstance(value, dict) else enumerate(value)
            inside = [(f"{name}.{key}" if name else str(key), each, depth + 1) for key, each in items]
            waiting += reversed(inside)
        if len(found) > MAX_PARTS:
            raise ValueError(_("it holds more than {allowed:,} tensors").format(allowed=MAX_PARTS))
    return found
