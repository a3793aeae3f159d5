"""An ONNX model's operators, with what each can name: graphs in graphs see the names around them, functions do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lstmviz.language import _

STANDARD = ("", "ai.onnx")
"""The domain of ONNX's own operators, by its two names."""
RECURRENT = {("", "LSTM"), ("", "GRU"), ("", "RNN"), ("com.microsoft", "DynamicQuantizeLSTM")}
"""The operators that are layers, each with its domain."""
_LOOPS = {("", "Loop"), ("", "Scan")}
_MOST_NAMES = 100_000  # of operators and what they take and give, each counted as often as it is met
_DEEPEST = 8  # graphs in graphs
_DEEPEST_CALL = 32  # functions that call functions

Key = tuple[str, str, str]


class TooLarge(ValueError):
    """A model has more operators than are looked at."""


def key_of(node: Any) -> tuple[str, str]:
    """An operator's domain and type; ONNX's own domain is ""."""
    return ("" if node.domain in STANDARD else node.domain), node.op_type


@dataclass(eq=False)
class Scope:
    """One graph, or one call of a function, and what can be named in it.

    Attributes:
        body: The graph or the function.
        opsets: The version of each domain's operators.
        outer: The graph around it, whose names it sees too.
        bound: Of a function, what each of its inputs is at this call: where it is named, and its name there.
        attributes: Of a function, its attributes at this call.
        calls: The functions being called, the outermost first.
        path: What the calls are called, the outermost first.
        around: The operators that hold it, `Loop`, `Scan`, `If`, each with its name.
        tensors: Its initializers by name.
        makers: Which of its operators makes a name, and as which of its outputs.
        sparse: The names of its sparse initializers.
        given: The names that are given to it when it runs.
    """

    body: Any
    opsets: Mapping[str, int]
    outer: Scope | None = None
    bound: Mapping[str, tuple[Scope, str]] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    calls: tuple[Key, ...] = ()
    path: tuple[str, ...] = ()
    around: tuple[tuple[str, str], ...] = ()
    tensors: Mapping[str, Any] = field(init=False)
    makers: Mapping[str, tuple[int, int]] = field(init=False)
    sparse: frozenset[str] = field(init=False)
    given: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        is_function = self.bound is not None
        self.tensors = {} if is_function else {tensor.name: tensor for tensor in self.body.initializer}
        self.makers = {
            name: (number, place)
            for number, node in enumerate(self.body.node)
            for place, name in enumerate(node.output)
            if name
        }
        self.sparse = frozenset(
            () if is_function else (each.values.name for each in self.body.sparse_initializer)
        )
        names = () if is_function else (each.name for each in self.body.input)
        self.given = frozenset(name for name in names if name not in self.tensors and name not in self.sparse)

    def home(self, name: str) -> tuple[Scope, str] | None:
        """The graph in which a name is made or given, with its name there; None where there is no such name."""
        scope: Scope | None = self
        while scope is not None:
            if any(name in names for names in (scope.makers, scope.tensors, scope.sparse, scope.given)):
                return scope, name
            if scope.bound is not None:
                if name not in scope.bound:
                    return None
                scope, name = scope.bound[name]
            else:
                scope = scope.outer
        return None


class Model:
    """A model's functions, and the walk over its operators.

    Args:
        proto: The parsed model.

    Attributes:
        functions: The functions by their names.
        top: The names of the model's own graph.
        refused: Operators that were not looked into, with the reason.
        bare_loops: Loops in which there is no recurrent operator.
    """

    def __init__(self, proto: Any) -> None:
        self.functions: dict[Key, Any] = {
            (each.domain, each.name, getattr(each, "overload", "")): each for each in proto.functions
        }
        opsets = _versions(proto.opset_import)
        self.top = Scope(proto.graph, opsets)
        self._names = self._met = 0
        self._recurrent = self._find_recurrent()
        self.refused: dict[str, str] = {}
        self.bare_loops: list[str] = []

    def function_of(self, node: Any) -> Key | None:
        """The function that an operator calls; None where it is no call of one."""
        key = (node.domain, node.op_type, getattr(node, "overload", ""))
        return key if key in self.functions else None

    def walk(self) -> Iterator[tuple[Any, Scope]]:
        """Every operator in the file's order: those in a branch, a loop or a called function behind the one that holds them.

        Raises:
            TooLarge: there are more than are looked at.
        """
        yield from self._walk(self.top)

    def _walk(self, scope: Scope) -> Iterator[tuple[Any, Scope]]:
        for number, node in enumerate(scope.body.node):
            self._names += 1 + len(node.input) + len(node.output)
            if self._names > _MOST_NAMES:
                raise TooLarge(
                    _(
                        "its operators, those of a function as often as it is called, come to more than are looked at"
                    )
                )
            met, is_loop = self._met, key_of(node) in _LOOPS
            self._met += key_of(node) in RECURRENT
            yield node, scope
            for graph in _graphs_in(node):
                if len(scope.around) >= _DEEPEST:
                    self.refused[title_of(node, scope)] = _(
                        "it holds graphs in graphs, more than {most} deep, which are not looked into"
                    ).format(most=_DEEPEST)
                    continue
                yield from self._walk(inner_scope(scope, node, number, graph))
            if is_loop and self._met == met:
                self.bare_loops.append(title_of(node, scope))
            key = self.function_of(node)
            if key in self._recurrent and key is not None:
                if reason := why_not_called(scope, key):
                    self.refused[title_of(node, scope)] = reason
                    continue
                yield from self._walk(self.call(scope, node, key))

    def call(self, scope: Scope, node: Any, key: Key) -> Scope:
        """A function's names at one of its calls."""
        function = self.functions[key]
        default = {each.name: each for each in getattr(function, "attribute_proto", ())}
        given = {each.name: bind(each, scope) for each in node.attribute}
        self._names += len(function.input)
        return Scope(
            function,
            _versions(function.opset_import),
            bound={
                name: (scope, outer) for name, outer in zip(function.input, node.input, strict=False) if outer
            },
            attributes={name: value for name, value in {**default, **given}.items() if value is not None},
            calls=(*scope.calls, key),
            path=(*scope.path, node.name or node.op_type),
            around=scope.around,
        )

    def _find_recurrent(self) -> set[Key]:
        """The functions that hold a recurrent operator or a loop, or call one that does."""
        found: list[Key] = []
        callers: dict[Key, list[Key]] = {}
        for key, function in self.functions.items():
            for node in _nodes_in(function):
                self._names += 1
                if key_of(node) in RECURRENT | _LOOPS or is_recurrent_elsewhere(node):
                    found.append(key)
                if (called := self.function_of(node)) is not None:
                    callers.setdefault(called, []).append(key)
        known = set(found)
        while found:
            for caller in callers.get(found.pop(), ()):
                if caller not in known:
                    known.add(caller)
                    found.append(caller)
        return known


def why_not_called(scope: Scope, key: Key) -> str:
    """Why a function is not looked into at a call; "" where it is."""
    if key in scope.calls:
        return _("the model's function {name} calls itself, which ONNX does not allow").format(name=key[1])
    if len(scope.calls) >= _DEEPEST_CALL:
        return _("it calls functions in functions, more than {most} deep, which are not looked into").format(
            most=_DEEPEST_CALL
        )
    return ""


def inner_scope(scope: Scope, node: Any, number: int, graph: Any) -> Scope:
    """The names of a graph that an operator holds."""
    around = (*scope.around, (node.op_type, node.name or f"{node.op_type} {number}"))
    return Scope(graph, scope.opsets, scope, None, scope.attributes, scope.calls, scope.path, around)


def is_recurrent_elsewhere(node: Any) -> bool:
    """Whether another framework's operator is, by its name, a recurrent layer."""
    name = node.op_type.upper()
    return key_of(node) not in RECURRENT and any(word in name for word in ("LSTM", "GRU", "RNN"))


def bind(attribute: Any, scope: Scope) -> Any:
    """An attribute's value where the operator stands: in a function it may be the call's. None where it is not given."""
    return scope.attributes.get(attribute.ref_attr_name) if attribute.ref_attr_name else attribute


def bound_attributes(node: Any, scope: Scope) -> Mapping[str, Any]:
    """An operator's attributes by name, those that a function hands down as the call has them."""
    found = {each.name: bind(each, scope) for each in node.attribute}
    return MappingProxyType({name: value for name, value in found.items() if value is not None})


def title_of(node: Any, scope: Scope) -> str:
    """What people call an operator: its name, behind those of the calls that it is in, or else what it does."""
    return "/".join((*scope.path, node.name or node.op_type))


def _versions(imports: Any) -> dict[str, int]:
    return {("" if each.domain in STANDARD else each.domain): each.version for each in imports}


def _graphs_in(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _nodes_in(body: Any) -> Iterator[Any]:
    """The operators of a function and of the graphs in it."""
    rest = [body]
    while rest:
        for node in rest.pop().node:
            yield node
            rest.extend(_graphs_in(node))
