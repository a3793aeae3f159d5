"""Pickles, read without unpickling: what a program for Python's pickle machine would put together, as inert data.

A pickle is a program that can call anything. The machine here runs the part of it that puts containers, numbers and texts
together. What it would look up is kept as a `Name`, what it would call or make as a `Made`, and neither is ever looked up,
called or made. https://github.com/python/cpython/blob/main/Lib/pickletools.py describes the operations.

Nothing that the program's bytes decide is unbounded: each operation takes its time once, a mark is found at once, a
dictionary's keys are texts and numbers (a tuple of doubled tuples takes 2^n steps to hash), and no text is made of a structure.
"""

from __future__ import annotations

import io
import pickletools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lstmviz.language import _

MOST_OPERATIONS = 500_000
"""A longer program is not run: half a million operations take about a second, and are 15,000 tensors."""
_MOST_TEXT = 200  # characters of a name in a message


class PickleError(ValueError):
    """The program is damaged, or does what the machine does not do."""


@dataclass(frozen=True)
class Name:
    """Something that a pickle asks for by its module and its name. It is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"[:_MOST_TEXT]


@dataclass(eq=False)
class Made:
    """What a pickle would make or call elsewhere: it stands for that, and does nothing.

    Attributes:
        of: What would be called, or whose instance it would be.
        arguments: With what.
        is_call: Whether it is the result of a call; else an instance that is made without one.
        state: What it would get as its state.
        items: What would be put into it as into a dictionary.
        parts: What would be appended to it, or added.
    """

    of: Name
    arguments: tuple[Any, ...] = ()
    is_call: bool = False
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    parts: list[Any] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Persistent:
    """What a pickle names as kept outside of it: of PyTorch, a tensor's numbers."""

    id: Any


def run(program: bytes, position: int = 0) -> tuple[Any, int]:
    """What the program puts together, and where it ends.

    Args:
        program: The bytes in which it is.
        position: Where it begins.

    Raises:
        PickleError: it is damaged or too long, or no pickle.
    """
    file = io.BytesIO(program)
    file.seek(position)
    try:
        with warnings.catch_warnings():  # a backslash in a name is damage, and no matter of Python's
            warnings.simplefilter("ignore")
            return _Machine(len(program)).run(file), file.tell()
    except PickleError:
        raise
    except (
        *(ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError),
        *(UnicodeDecodeError, MemoryError),
    ) as error:
        raise PickleError(str(error)[:_MOST_TEXT] or type(error).__name__) from error


class _Machine:
    """Args: size: how many bytes the program has; what is copied is no more than they could be."""

    def __init__(self, size: int) -> None:
        self._left = 2 * size
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []  # the stacks below each mark
        self._memo: dict[int, Any] = {}

    def run(self, file: io.BytesIO) -> Any:
        for count, (operation, argument, _position) in enumerate(pickletools.genops(file)):
            if count > MOST_OPERATIONS:
                raise PickleError(
                    _("its pickle has more than {allowed:,} operations").format(allowed=MOST_OPERATIONS)
                )
            name = operation.name
            if name == "STOP":
                return self._stack.pop()
            step = _STEPS.get(name)
            if step is None:
                raise PickleError(_("its pickle has the operation {name}").format(name=name))
            step(self, argument)
        raise PickleError(_("its pickle has no end"))

    def spend(self, count: int) -> None:
        """Counts what is copied: a program can have one thing copied again and again."""
        self._left -= count
        if self._left < 0:
            raise PickleError(_("its pickle copies the same things again and again"))

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def pop(self) -> Any:
        return self._stack.pop()

    def drop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:  # POP takes a mark away where nothing is above it
            self.since_mark()

    def top(self) -> Any:
        return self._stack[-1]

    def mark(self) -> None:
        self._marked.append(self._stack)
        self._stack = []

    def since_mark(self) -> list[Any]:
        taken, self._stack = self._stack, self._marked.pop()
        return taken

    def drop_marked(self) -> None:
        self.since_mark()

    def keep(self, number: Any) -> None:
        self._memo[len(self._memo) if number is None else int(number)] = self.top()

    def get(self, number: Any) -> None:
        self.push(self._memo[int(number)])

    def last(self, count: int) -> None:
        taken = [self.pop() for _each in range(count)]
        self.push(tuple(taken[::-1]))

    def name(self, argument: str) -> None:
        module, _space, attribute = argument.partition(" ")
        self.push(Name(module, attribute))

    def name_from_stack(self) -> None:
        attribute, module = self.pop(), self.pop()
        if not isinstance(attribute, str) or not isinstance(module, str):
            raise PickleError(_("it asks for a name that is no text"))
        self.push(Name(module, attribute))

    def set_items(self, taken: list[Any]) -> None:
        target = self.top()
        items = target.items if isinstance(target, Made) else target
        if not isinstance(items, dict):
            raise PickleError(_("it puts items into what is no dictionary"))
        put(items, taken)

    def append(self, taken: list[Any]) -> None:
        target = self.top()
        parts = target.parts if isinstance(target, Made) else target
        if not isinstance(parts, list):
            raise PickleError(_("it appends to what is no list"))
        parts.extend(taken)

    def make(self, of: Any, arguments: Any, is_call: bool) -> None:
        if isinstance(of, Persistent):  # a class with its source beside it, as PyTorch before 1.6 wrote one
            of = (
                next((part for part in of.id if isinstance(part, Name)), None)
                if isinstance(of.id, tuple)
                else None
            )
        if not isinstance(of, Name) or not isinstance(arguments, tuple):
            raise PickleError(_("it calls what has no name"))
        known = _KNOWN.get((of.module, of.name)) if is_call else None
        self.push(Made(of, arguments, is_call) if known is None else known(self, arguments))

    def reduce(self) -> None:
        arguments, of = self.pop(), self.pop()
        self.make(of, arguments, is_call=True)

    def new(self) -> None:
        arguments, of = self.pop(), self.pop()
        self.make(of, arguments, is_call=False)

    def new_with_names(self) -> None:
        names, arguments, of = self.pop(), self.pop(), self.pop()
        self.make(of, arguments, is_call=False)
        if isinstance(names, dict) and isinstance(self.top(), Made):
            self.top().items.update(names)

    def object(self) -> None:
        of, *arguments = self.since_mark()
        self.make(of, tuple(arguments), is_call=False)

    def instance(self, argument: str) -> None:
        module, _space, attribute = argument.partition(" ")
        self.make(Name(module, attribute), tuple(self.since_mark()), is_call=False)

    def build(self) -> None:
        state, target = self.pop(), self.top()
        if isinstance(target, Made):
            target.state = state
        elif not isinstance(target, dict):  # a dictionary's own attributes, such as a state dict's _metadata
            raise PickleError(_("it gives a state to what has none"))


def put(items: dict[Any, Any], taken: list[Any]) -> None:
    """Puts keys and values, in turn, into a dictionary; a key that is neither text nor number gets a text for it."""
    if len(taken) % 2:
        raise PickleError(_("it has a key without a value"))
    for key, value in zip(taken[::2], taken[1::2], strict=True):
        is_plain = key is None or isinstance(key, str | int | float | bool)
        items[key if is_plain else f"({len(items)})"] = value


def _dict_of(machine: _Machine, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """`OrderedDict()`, `Counter()` and the like: of what they are called with, what is a dictionary or pairs."""
    made: dict[Any, Any] = {}
    for argument in arguments:
        if isinstance(argument, dict):
            machine.spend(len(argument))
            made |= argument
        elif isinstance(argument, list):
            machine.spend(len(argument))
            for pair in argument:
                if not isinstance(pair, tuple | list) or len(pair) != 2:
                    raise PickleError(_("it makes a dictionary of what are no pairs"))
                put(made, list(pair))
    return made


def _bytes_of(machine: _Machine, arguments: tuple[Any, ...]) -> Any:
    """`_codecs.encode(text, "latin1")`: how protocol 2 writes bytes."""
    text, encoding = arguments
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise PickleError(_("it encodes what is no text"))
    machine.spend(len(text))
    return text.encode("latin1")


def _sequence_of(machine: _Machine, arguments: tuple[Any, ...]) -> list[Any]:
    if not arguments or not isinstance(arguments[0], list | tuple):
        return []
    machine.spend(len(arguments[0]))
    return list(arguments[0])


# What is harmless and has a counterpart among Python's own constants is made, by ourselves and of what is known to be data.
_KNOWN: Mapping[tuple[str, str], Callable[[_Machine, tuple[Any, ...]], Any]] = {
    ("collections", "OrderedDict"): _dict_of,
    ("collections", "defaultdict"): _dict_of,
    ("collections", "Counter"): _dict_of,
    ("_codecs", "encode"): _bytes_of,
    **{(module, "set"): _sequence_of for module in ("builtins", "__builtin__")},
    **{(module, "frozenset"): _sequence_of for module in ("builtins", "__builtin__")},
}


def _constant(value: Any) -> Callable[[_Machine, Any], None]:
    return lambda machine, _argument: machine.push(value)


def _literal(machine: _Machine, argument: Any) -> None:
    machine.push(argument)


def _nothing(_machine: _Machine, _argument: Any) -> None:
    pass


_STEPS: Mapping[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(
        [
            *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
            *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
            *(
                "STRING",
                "BINSTRING",
                "SHORT_BINSTRING",
                "BINBYTES",
                "SHORT_BINBYTES",
                "BINBYTES8",
                "BYTEARRAY8",
            ),
        ],
        _literal,
    ),
    **dict.fromkeys(["PROTO", "FRAME"], _nothing),
    **dict.fromkeys(["PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"], lambda m, a: m.keep(a)),
    **dict.fromkeys(["GET", "BINGET", "LONG_BINGET"], lambda m, a: m.get(a)),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "EMPTY_TUPLE": _constant(()),
    "EMPTY_DICT": lambda m, a: m.push({}),
    "EMPTY_LIST": lambda m, a: m.push([]),
    "EMPTY_SET": lambda m, a: m.push([]),
    "MARK": lambda m, a: m.mark(),
    "POP": lambda m, a: m.drop(),
    "POP_MARK": lambda m, a: m.drop_marked(),
    "DUP": lambda m, a: m.push(m.top()),
    "TUPLE": lambda m, a: m.push(tuple(m.since_mark())),
    "TUPLE1": lambda m, a: m.last(1),
    "TUPLE2": lambda m, a: m.last(2),
    "TUPLE3": lambda m, a: m.last(3),
    "LIST": lambda m, a: m.push(m.since_mark()),
    "FROZENSET": lambda m, a: m.push(m.since_mark()),
    "DICT": lambda m, a: m.push(_dict_from(m.since_mark())),
    "SETITEM": lambda m, a: m.set_items([m.pop(), m.pop()][::-1]),
    "SETITEMS": lambda m, a: m.set_items(m.since_mark()),
    "APPEND": lambda m, a: m.append([m.pop()]),
    "APPENDS": lambda m, a: m.append(m.since_mark()),
    "ADDITEMS": lambda m, a: m.append(m.since_mark()),
    "GLOBAL": lambda m, a: m.name(a),
    "STACK_GLOBAL": lambda m, a: m.name_from_stack(),
    "REDUCE": lambda m, a: m.reduce(),
    "NEWOBJ": lambda m, a: m.new(),
    "NEWOBJ_EX": lambda m, a: m.new_with_names(),
    "OBJ": lambda m, a: m.object(),
    "INST": lambda m, a: m.instance(a),
    "BUILD": lambda m, a: m.build(),
    "BINPERSID": lambda m, a: m.push(Persistent(m.pop())),
    "PERSID": lambda m, a: m.push(Persistent(a)),
}


def _dict_from(taken: list[Any]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    put(made, taken)
    return made
