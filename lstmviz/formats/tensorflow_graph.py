"""TensorFlow's graphs as data: which operation feeds which, through loops of both kinds. Nothing of a graph is run."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from lstmviz.formats import protobuf
from lstmviz.language import _

_MOST_FIELDS = 3_000_000
_MOST_NODES = 200_000  # with the functions' nodes, once for each call
_MOST_NESTED = 6
_MOST_STEPS = 1000  # through operations that hand on what they are given

# `tensorflow/core/framework/types.proto`: each type's numbers, and the field of a TensorProto that may list them.
_TYPES = {
    1: ("<f4", "float_val"), 2: ("<f8", "double_val"), 3: ("<i4", "int_val"), 9: ("<i8", "int64_val"), 19: ("<f2", "half_val"),
}  # fmt: skip
_FLOATS = (1, 2, 19)
VARIABLES = ("VariableV2", "Variable", "VarHandleOp", "Const")
"""The operations that hold a cell's weights: a frozen graph has them as constants."""
_HANDS_ON = {
    "Identity", "Enter", "RefEnter", "Switch", "RefSwitch", "Exit", "RefIdentity", "Snapshot", "StopGradient",
    "PreventGradient", "ReadVariableOp", "EnsureShape",
}  # fmt: skip
_LOOPS = ("While", "StatelessWhile")
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_LOOPED, _MERGE, _ARGUMENT = "_Looped", ("Merge", "RefMerge"), "_Argument"
# The outputs of operations with several names of them, in order; of all others the number alone counts.
_OF_LSTM = ("i", "cs", "f", "o", "ci", "co", "h")
_OUTPUTS = {
    "LSTMBlockCell": _OF_LSTM, "BlockLSTM": _OF_LSTM, "GRUBlockCell": ("r", "u", "c", "h"),
    "Switch": ("output_false", "output_true"),
}  # fmt: skip


class Tensor(NamedTuple):
    """One output of an operation: the operation's name and the output's number."""

    node: str
    output: int = 0


@dataclass(frozen=True, eq=False)
class Node:
    """An operation.

    Attributes:
        name: Its name, behind those of the loops and calls it is in.
        kind: What it does: "MatMul".
        inputs: What it is given; of a value that a loop carries, its first value and the next step's.
        told: Its attributes.
    """

    name: str
    kind: str
    inputs: tuple[Tensor, ...]
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)


def parse(data: bytes, message: str = "GraphDef") -> Any:
    """A graph as TensorFlow's library makes it of a file, `GraphDef`, after a count of its parts.

    Args:
        data: A graph by itself, a `.meta` beside a checkpoint, or a `saved_model.pb`.
        message: Which it is: "GraphDef", "MetaGraphDef", "SavedModel".

    Raises:
        ValueError: it is damaged, or has more parts than are read.
    """
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    kind = {"GraphDef": GraphDef, "MetaGraphDef": MetaGraphDef, "SavedModel": SavedModel}[message]
    if protobuf.count_fields(data, kind, _MOST_FIELDS) > _MOST_FIELDS:
        raise ValueError(_("it has more than {most:,} parts").format(most=_MOST_FIELDS))
    try:
        parsed = kind.FromString(data)
    except Exception as error:  # DecodeError, and what protobuf's own libraries raise
        raise ValueError(_("it is no graph that can be read")) from error
    if message == "SavedModel":
        if len(parsed.meta_graphs) != 1:
            raise ValueError(_("it has {count:,} graphs").format(count=len(parsed.meta_graphs)))
        parsed = parsed.meta_graphs[0]
    return parsed if message == "GraphDef" else parsed.graph_def


def read_constant(told: Mapping[str, Any], most: int) -> np.ndarray | None:
    """A constant's numbers; None for what is no number of a common type, or takes more than so many bytes."""
    tensor = told["value"].tensor if "value" in told else None
    if tensor is None or tensor.dtype not in _TYPES:
        return None
    shape = tuple(axis.size for axis in tensor.tensor_shape.dim)
    name, listed = _TYPES[tensor.dtype]
    dtype = np.dtype(name)
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count * dtype.itemsize > most:
        return None
    if tensor.tensor_content:
        if len(tensor.tensor_content) != count * dtype.itemsize:
            return None
        return np.frombuffer(tensor.tensor_content, dtype).reshape(shape)
    values = np.asarray(getattr(tensor, listed), np.uint16 if tensor.dtype == 19 else dtype)
    values = values.view(dtype)
    if len(values) > count or (count and not len(values)):
        return None
    # The last stands for all that follow.
    return np.concatenate([values, np.repeat(values[-1:], count - len(values))]).reshape(shape)


def weights_of(graph: Any, allowed: int) -> dict[str, np.ndarray]:
    """The constants of a frozen graph that may be weights: numbers with a point, along an axis at least.

    Raises:
        ValueError: they take more than is allowed.
    """
    found: dict[str, np.ndarray] = {}
    for node in graph.node:
        if node.op == "Const" and node.attr["value"].tensor.dtype in _FLOATS:
            array = read_constant(node.attr, allowed)
            if array is None:
                continue
            if (allowed := allowed - array.nbytes) < 0:
                raise ValueError(_("its constants take more than is read"))
            if array.ndim and array.size > 1:
                found[node.name] = array
    return found


class Graph:
    """A graph with its functions written out where they are called, read from its ends backwards and from its variables on.

    Attributes:
        nodes: The operations by name.
    """

    def __init__(self, proto: Any) -> None:
        self.nodes: dict[str, Node] = {}
        self._functions = {each.signature.name: each for each in proto.library.function}
        self._returned: dict[str, list[Tensor]] = {}
        self._add(proto.node, "", {}, 0)
        self._found: dict[Tensor, Tensor] = {}
        self._users: dict[Tensor, list[Node]] = {}
        for node in list(self.nodes.values()):
            if _is_gradient(node.name):
                continue
            for given in dict.fromkeys(map(self.resolve, node.inputs)):
                self._users.setdefault(given, []).append(node)

    def node(self, tensor: Tensor) -> Node:
        """What makes a tensor; an operation of no kind where the graph lacks it."""
        return self.nodes.get(tensor.node) or Node(tensor.node, "", ())

    def users(self, tensor: Tensor) -> list[Node]:
        """The operations that are given a tensor, directly or by some that hand it on; none of a gradient's."""
        return self._users.get(self.resolve(tensor), [])

    def inputs(self, node: Node) -> list[Tensor]:
        """What an operation is given, each as the operation that made it gave it."""
        return [self.resolve(given) for given in node.inputs]

    def resolve(self, tensor: Tensor) -> Tensor:
        """Where a tensor comes from, past all that hands it on; a value that a loop changes is the loop's."""
        if tensor in self._found:
            return self._found[tensor]
        passed: list[Tensor] = []
        while len(passed) < _MOST_STEPS:
            passed.append(tensor)
            node = self.node(tensor)
            if node.kind in _HANDS_ON and node.inputs:
                tensor = node.inputs[0]
            elif tensor.node in self._returned and tensor.output < len(self._returned[tensor.node]):
                tensor = self._returned[tensor.node][tensor.output]
            elif node.kind == _ARGUMENT or (node.kind in (_LOOPED, *_MERGE) and self._is_kept(node, tensor)):
                tensor = node.inputs[0]
            else:
                break
        self._found |= dict.fromkeys(passed, tensor)
        return tensor

    def _is_kept(self, node: Node, tensor: Tensor) -> bool:
        """Whether a loop hands a value on as it was."""
        if len(node.inputs) != 2:
            return False
        given = node.inputs[1]
        for _step in range(_MOST_STEPS):
            if given.node == tensor.node:
                return True
            inner = self.node(given)
            if inner.kind not in _HANDS_ON | {"NextIteration", "RefNextIteration"} or not inner.inputs:
                return False
            given = inner.inputs[0]
        return False

    def next_of(self, tensor: Tensor) -> Tensor | None:
        """What a value that a loop carries is in the next step; None for what no loop carries."""
        node = self.node(self.resolve(tensor))
        if node.kind not in (_LOOPED, *_MERGE) or len(node.inputs) != 2:
            return None
        given = self.resolve(node.inputs[1])
        after = self.node(given)
        return (
            self.resolve(after.inputs[0])
            if after.kind in ("NextIteration", "RefNextIteration") and after.inputs
            else given
        )

    def constant(self, tensor: Tensor) -> float | None:
        """The one number of a constant; None for anything else."""
        node = self.node(self.resolve(tensor))
        if node.kind != "Const":
            return None
        value = read_constant(node.told, 64)
        return float(value.reshape(-1)[0]) if value is not None and value.size == 1 else None

    def variable(self, tensor: Tensor) -> str:
        """The name of the variable that a tensor is; "" for none."""
        node = self.node(self.resolve(tensor))
        return node.name if node.kind in VARIABLES else ""

    # --- Building it

    def _add(self, nodes: Any, within: str, arguments: Mapping[str, Tensor], depth: int) -> None:
        if len(self.nodes) + len(nodes) > _MOST_NODES or depth > _MOST_NESTED:
            raise ValueError(_("it has more than {most:,} operations").format(most=_MOST_NODES))
        kinds = {node.name: node.op for node in nodes}
        for proto in nodes:
            name = within + proto.name
            inputs = tuple(
                _name_input(given, within, arguments, kinds) for given in proto.input if given[:1] != "^"
            )
            self.nodes[name] = Node(name, proto.op, inputs, proto.attr)
            if proto.op in _LOOPS:
                self._add_loop(name, proto, inputs, depth)
            elif proto.op in _CALLS:
                function = self._functions.get(proto.attr["f"].func.name)
                if function is not None and not _is_gradient(function.signature.name):
                    given = dict(enumerate(inputs))
                    self._returned[name] = self._add_function(name, function, given, depth)

    def _add_loop(self, name: str, proto: Any, inputs: tuple[Tensor, ...], depth: int) -> None:
        function = self._functions.get(proto.attr["body"].func.name)
        if function is None or len(function.signature.input_arg) != len(inputs):
            return
        carried = {k: Tensor(f"{name}//{k}") for k in range(len(inputs))}
        returned = self._add_function(name, function, carried, depth)
        for k, (first, following) in enumerate(zip(inputs, returned, strict=False)):
            self.nodes[carried[k].node] = Node(carried[k].node, _LOOPED, (first, following))
        self._returned[name] = list(carried.values())

    def _add_function(
        self, name: str, function: Any, given: Mapping[int, Tensor], depth: int
    ) -> list[Tensor]:
        """Writes a function out under its caller's name; what it returns."""
        arguments = {
            argument.name: given[k] for k, argument in enumerate(function.signature.input_arg) if k in given
        }
        within = f"{name}//"
        self._add(function.node_def, within, arguments, depth + 1)
        kinds = {node.name: node.op for node in function.node_def}
        return [
            _name_input(function.ret.get(result.name, ""), within, arguments, kinds)
            for result in function.signature.output_arg
        ]


def _name_input(text: str, within: str, arguments: Mapping[str, Tensor], kinds: Mapping[str, str]) -> Tensor:
    """An input as a graph writes it, "split:2", or a function, "split:output:2"."""
    name, *rest = text.split(":")
    if not rest and name in arguments:
        return arguments[name]
    number = int(rest[-1]) if rest and rest[-1].isdecimal() and len(rest[-1]) < 9 else 0
    outputs = _OUTPUTS.get(kinds.get(name, ""), ())
    if len(rest) == 2 and rest[0] in outputs:
        number += outputs.index(rest[0])
    return Tensor(within + name, number)


def _is_gradient(name: str) -> bool:
    return bool(re.search(r"(^|/)(gradients|gradient_tape)(_\d+)?/|__backward_", name))


def describe_between(graph: Graph, last: Tensor, first: Tensor, most: int = 12) -> list[str]:
    """The kinds of the operations that lead from one tensor to another, the last first."""
    return list(dict.fromkeys(_walk_back(graph, graph.resolve(last), graph.resolve(first), most)))


def _walk_back(graph: Graph, last: Tensor, first: Tensor, most: int) -> Iterator[str]:
    waiting, seen = [last], {first}
    while waiting and len(seen) <= most:
        tensor = waiting.pop(0)
        node = graph.node(tensor)
        if tensor in seen or not node.kind or node.kind in ("Const", _LOOPED, *_MERGE):
            continue
        seen.add(tensor)
        yield node.kind
        waiting += graph.inputs(node)
