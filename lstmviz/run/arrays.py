"""The engine that needs no TensorFlow: an equation's step in NumPy, recorded whole.

A small cell's step costs what its calls cost, a large one's what its product costs. So the calls are few (see
`lstmviz.run.plan`), and bound to their arrays before the first step; a new state is written where the old one was.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import repeat
from typing import Any

import numpy as np

from lstmviz.equation import Node
from lstmviz.equation.activations import expand
from lstmviz.equation.nodes import walk
from lstmviz.run.lowered import AHEAD, STEP
from lstmviz.run.plan import Group, Plan, hold, list_packs

Array = np.ndarray
Call = Callable[[], Any]

_CHUNK_SECONDS = 0.1  # how often a long run reports, and can be left
_ELEMENT_BY_ELEMENT = (
    "add",
    "sub",
    "mul",
    "div",
    "neg",
    "max",
    "min",
    "sqrt",
    "log",
    "abs",
    "expm1",
    "activation",
)


# --- One operation ---------------------------------------------------------------------------------------------------


@cache
def _erfc() -> Callable[[Any], Any]:
    return np.vectorize(math.erfc, otypes=[float])  # NumPy has none


def _select(a: Any, b: Any, c: Any, out: Array) -> None:
    out[...] = np.where(a >= 0, b, c)


def _if_zero(a: Any, then: Any, other: Any, out: Array) -> None:
    out[...] = np.where(a == 0, then, other)


def _compute_erfc(a: Array, out: Array) -> None:
    out[...] = _erfc()(a)


def _norm(epsilon: Any, a: Array, gamma: Any, beta: Any, out: Array) -> None:
    mean = a.mean(axis=-1, keepdims=True)
    centred = a - mean
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    np.multiply(centred / np.sqrt(variance + epsilon), gamma, out=out)
    np.add(out, beta, out=out)


_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative, "max": np.maximum,
    "min": np.minimum, "sqrt": np.sqrt, "log": np.log, "abs": np.abs, "expm1": np.expm1, "erfc": _compute_erfc,
    "select": _select, "if_zero": _if_zero, "matmul": np.dot,
}  # fmt: skip


def calls_of(node: Node, args: Sequence[Any], out: Array) -> list[Call]:
    """What computes a node into `out`: calls without arguments, one after the other."""
    if node.op == "activation":
        return _activation(node.value, args[0], out)
    if node.op == "norm":
        return [_bind(partial(_norm, out.dtype.type(node.value)), *args, out=out)]
    if node.op == "concat":
        return [partial(np.concatenate, tuple(args), axis=-1, out=out)]
    return [_bind(_OPERATIONS[node.op], *args, out=out)]


def find_operation(node: Node) -> Callable[..., None]:
    """The function `(*operands, out=)` that computes a node."""

    def compute(*args: Any, out: Array) -> None:
        for call in calls_of(node, args, out):
            call()

    return compute


def _activation(name: str, a: Any, out: Array) -> list[Call]:
    # Two arrays are added faster than an array and a number.
    ones = np.ones(out.shape[-1:], out.dtype)
    if name == "sigmoid":
        return [partial(np.negative, a, out), *_after_exp(out, out, ones)]
    if name == "relu":
        return [_bind(np.maximum, a, 0 * ones, out=out)]
    if name == "softplus":
        return [partial(np.logaddexp, 0 * ones, a, out)]
    return [partial({"tanh": np.tanh, "exponential": np.exp}[name], a, out)]


def _after_exp(a: Array, out: Array, ones: Array) -> list[Call]:
    """A sigmoid, its argument negated already. Its form keeps the digits of what is nearly 0."""
    return [partial(np.exp, a, out), partial(np.add, out, ones, out), partial(np.reciprocal, out, out)]


def _bind(function: Callable[..., Any], *args: Any, out: Array) -> Call:
    if function in (np.maximum, np.minimum):  # they take `out` by its name alone
        return partial(function, *args, out=out)
    return partial(function, *args, out)  # by its place, which is faster


def activate(name: str, a: Array) -> Array:
    """An activation function of an array, by its name in `ACTIVATIONS`."""
    leaf = Node("x")
    known: dict[int, Any] = {id(leaf): a}
    result = a
    for node in walk(_expand_all(Node("activation", (leaf,), name))):
        if node.op == "number":
            known[id(node)] = a.dtype.type(node.value)
        elif node is not leaf:
            known[id(node)] = result = np.empty_like(a)
            find_operation(node)(*(known[id(each)] for each in node.args), out=result)
    return result


def _expand_all(node: Node) -> Node:
    """A node with every activation made of what NumPy has."""
    made = expand(node) if node.op == "activation" else node
    return Node(made.op, tuple(map(_expand_all, made.args)), made.value) if made.args else made


# --- A step ----------------------------------------------------------------------------------------------------------


class Program:
    """A plan for one cell: the values before the first step, and a list of calls for each step."""

    def __init__(
        self, plan: Plan, weights: Mapping[str, Array], numbers: Mapping[str, float], sizes: Mapping[str, int],
        dtype: np.dtype[Any],
    ) -> None:  # fmt: skip
        self.plan, self.lowered = plan, plan.lowered
        self.weights, self.numbers, self.sizes, self.dtype = weights, numbers, sizes, dtype
        self.nodes = self.lowered.nodes
        self.outputs = [
            *self.lowered.new.values(),
            *self.lowered.before.values(),
            *self.lowered.after.values(),
        ]
        self.known: dict[int, Any] = {}
        self.places: dict[int, slice] = {}

    def phase(self, node: Node) -> int:
        """When the node's value is known."""
        return self.lowered.phases[id(node)]

    def size(self, node: Node) -> int:
        """How many numbers the node has."""
        width = self.lowered.widths.get(id(node))
        return 1 if width is None else width.evaluate(self.sizes)

    def run(
        self, x: Array, states: Mapping[str, Array], progress: Callable[[int, int], None] | None = None
    ) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
        """Each gate before and after its activation, and the states after each step, `[time, size]`."""
        steps = len(x)
        with np.errstate(all="ignore"):
            self.make_ahead(x)
            recorded = self._run_steps(steps, states, progress)
        found = []
        for group in (self.lowered.before, self.lowered.after, self.lowered.new):
            arrays = {}
            for name, node in group.items():
                values = recorded[id(node)] if self.phase(node) == STEP else self.known[id(node)]
                arrays[name] = np.broadcast_to(values, (steps, self.size(node)))
            found.append(arrays)
        before, after, new = found
        return before, after, new

    # What is known before the first step

    def make_ahead(self, x: Array) -> None:
        """Computes what is known before the first step, into `known`."""
        ahead = [node for node in self.nodes if self.phase(node) != STEP]
        uses: dict[int, int] = {id(node): 1 for node in self.outputs}
        for node in self.nodes:
            for each in node.args:
                uses[id(each)] = uses.get(id(each), 0) + 1
        for node in ahead:
            self.known[id(node)] = self._make(node, x, uses)

    def _make(self, node: Node, x: Array, uses: Mapping[int, int]) -> Any:
        """What a node gives before the first step: one vector, or one for each step."""
        if node.op in ("x", "given"):
            return x[:, self.lowered.columns(node, self.sizes)] if self.lowered.given else x
        if node.op == "weight":
            return self.weights[node.value]
        if node.op in ("number", "option"):
            return self.dtype.type(node.value if node.op == "number" else self.numbers[node.value])
        args = [self.known[id(each)] for each in node.args]
        if node.op == "rows":
            first, size = (each.evaluate(self.sizes) for each in node.value)
            return args[0][first : first + size]
        if node.op == "part":
            return args[0][..., self._columns(node)]
        if node.op == "in_block":
            row = np.zeros(self.size(node), self.dtype)
            width = self.size(node) // node.value.count
            row[node.value.index * width : (node.value.index + 1) * width] = args[0]
            return row
        rows = (len(x),) if self.phase(node) == AHEAD else ()
        shape = (*rows, self.size(node))
        out = self._find_room(node, shape, uses)
        find_operation(node)(*args, out=out)
        return out

    def _find_room(self, node: Node, shape: tuple[int, ...], uses: Mapping[int, int]) -> Array:
        """An operand's memory, if nobody else needs the operand; else fresh memory, which is dear."""
        for each in node.args:
            made = node.op in ("add", "sub", "mul") and each.op in ("matmul", "add", "sub", "mul")
            if made and uses[id(each)] == 1 and self.known[id(each)].shape == shape:
                return self.known[id(each)]
        return np.empty(shape, self.dtype)

    # What each step computes

    def _run_steps(
        self, steps: int, states: Mapping[str, Array], progress: Callable[[int, int], None] | None
    ) -> dict[int, Array]:
        """The values of each output that depends on the states, at each step."""
        leaves = {node.value: node for node in self.nodes if node.op == "state"}
        in_place = self._find_in_place(leaves)
        width = self._place([leaves[name] for name in leaves if name not in in_place])
        for name in in_place:
            self.places[id(leaves[name])] = self.places[id(self.lowered.new[name])]
        self.scratch = np.zeros(max((place.stop for place in self.places.values()), default=0), self.dtype)
        for name, leaf in leaves.items():
            self._view(leaf)[:] = states[name]
        calls = [call for group in self.plan.calls for call in self._calls(group)]
        carry = [
            (self._view(leaf), self._rows(self.lowered.new[name], steps))
            for name, leaf in leaves.items()
            if name not in in_place
        ]
        record = np.empty((steps, width), self.dtype)
        kept = self.scratch[:width]
        told = time.perf_counter()
        for step, row in enumerate(record):
            if progress and time.perf_counter() - told > _CHUNK_SECONDS:
                told = time.perf_counter()
                progress(step, steps)
            for call in calls:
                call()
            row[:] = kept
            if carry:
                fresh = [np.array(next(values)) for _state, values in carry]
                for (state, _values), new in zip(carry, fresh, strict=True):
                    state[:] = new
        return self._read(record)

    def _rows(self, node: Node, steps: int) -> Any:
        """A value at one step after the other."""
        if self.phase(node) == STEP:
            return repeat(self._view(node))
        return iter(np.broadcast_to(self.known[id(node)], (steps, self.size(node))))

    def _find_in_place(self, leaves: Mapping[str, Node]) -> list[str]:
        """The states that are written where the old one is, which nobody reads any more."""
        found: list[str] = []
        for name, leaf in leaves.items():
            new = self.lowered.new[name]
            at = next((at for at, group in enumerate(self.plan.calls) if group == (new,)), None)
            if at is None or any(new is self.lowered.new[each] for each in found):
                continue
            read = any(
                hold(each) is leaf for group in self.plan.calls[at + 1 :] for n in group for each in n.args
            )
            by_element = new.op in _ELEMENT_BY_ELEMENT or all(hold(each) is not leaf for each in new.args)
            if by_element and not read and all(hold(node) is not leaf for node in self.outputs):
                found.append(name)
        return found

    def _place(self, leaves: Sequence[Node]) -> int:
        """Gives each value its place, what is recorded first; gives how many numbers that are."""
        wanted = {id(hold(node)) for node in self.outputs if self.phase(node) == STEP}
        packs: list[Group] = [*list_packs(self.plan.calls), *((leaf,) for leaf in leaves)]
        packs = [pack for pack in packs if pack[0].op != "part"]
        packs.sort(key=lambda pack: (len(pack) == 1, not wanted & {id(node) for node in pack}))
        packs.sort(key=lambda pack: not wanted & {id(node) for node in pack})
        end = width = 0
        for pack in packs:
            for node in pack:
                if (
                    id(node) not in self.places
                ):  # of those that stand alone, some have their place beside others
                    self.places[id(node)] = slice(end, end + self.size(node))
                    end += self.size(node)
            if wanted & {id(node) for node in pack}:
                width = end
        return width

    def _view(self, node: Node) -> Array:
        if node.op == "part":
            return self._view(node.args[0])[self._columns(node)]
        return self.scratch[self.places[id(node)]]

    def _columns(self, node: Node) -> slice:
        width = self.size(node)
        order = self.plan.blocks.get(id(node.args[0]))
        at = order.index(node.value.index) if order else node.value.index
        return slice(at * width, (at + 1) * width)

    def _calls(self, group: Group) -> list[Call]:
        """What computes a value, or several at once."""
        node = group[0]
        moving = [self.phase(each) == AHEAD for each in node.args]
        if any(moving):
            args = [self._operand(node, at) for at in range(len(node.args))]
            return [_bind_moving(node, args, moving, self._view(node))]
        if len(group) == 1:
            args = [self._operand(node, at) for at in range(len(node.args))]
            out = self._view(node)
        else:
            views = [[self._view(each) for each in (one.args[0], one)] for one in group]
            inside, out = (_join(each) for each in zip(*views, strict=True))
            args = [inside]
            for at in range(1, len(node.args)):
                args.append(np.stack([self._operand(one, at) for one in group]))
            if node.op == "norm":
                args[0], out = (each.reshape(len(group), -1) for each in (inside, out))
        if self._is_flipped(group):
            return _after_exp(args[0], out, np.ones(out.shape, self.dtype))
        return calls_of(node, args, out)

    def _is_flipped(self, group: Group) -> bool:
        inside = group[0].args[0]
        return inside.op == "part" and inside.value.index in self.plan.flipped.get(id(inside.args[0]), ())

    def _operand(self, node: Node, at: int) -> Any:
        """What a value is made from: a place, or what is known of it, one for each step or for all."""
        operand = node.args[at]
        if self.phase(operand) == STEP:
            return self._view(operand)
        known = self.known[id(operand)]
        if node.op == "matmul":
            return self._move(known, self.plan.moved.get((id(node), at)))
        if self.phase(operand) != AHEAD and np.shape(known) != (self.size(node),) and node.op != "concat":
            known = np.full(self.size(node), known, self.dtype)
        return self._move(known, self.plan.moved.get((id(node), at)))

    def _move(self, array: Array, whole: Node | None) -> Array:
        """The array with its columns in the order and with the signs of a value that is split."""
        order = self.plan.blocks[id(whole)] if whole is not None else None
        if whole is None or order is None:
            return array
        flipped = self.plan.flipped[id(whole)]
        if not flipped and order == tuple(range(len(order))):
            return array
        width = self.size(whole) // len(order)
        moved = np.empty(array.shape, self.dtype)
        for at, index in enumerate(order):
            out = moved[..., at * width : (at + 1) * width]
            block = array[..., index * width : (index + 1) * width]
            _change_sign(block, out) if index in flipped else np.copyto(out, block)
        return moved

    def _read(self, record: Array) -> dict[int, Array]:
        """The outputs in what was recorded, with their own signs."""
        found: dict[int, Array] = {}
        for node in self.outputs:
            if self.phase(node) != STEP or id(node) in found:
                continue
            values = record[:, self._place_of(node)]
            if node.op == "part" and node.value.index in self.plan.flipped.get(id(node.args[0]), ()):
                _change_sign(values, values)
            found[id(node)] = values
        return found

    def _place_of(self, node: Node) -> slice:
        if node.op != "part":
            return self.places[id(node)]
        start, columns = self._place_of(node.args[0]).start, self._columns(node)
        return slice(start + columns.start, start + columns.stop)


def _bind_moving(node: Node, args: Sequence[Any], moving: Sequence[bool], out: Array) -> Call:
    """A call whose operands are other rows at each step."""
    sources = [iter(arg) if moves else repeat(arg) for arg, moves in zip(args, moving, strict=True)]
    function = _OPERATIONS.get(node.op) or find_operation(node)
    return lambda: function(*map(next, sources), out=out)


def _change_sign(a: Array, out: Array) -> None:
    # `np.negative` mixes up rows of some strides, among them a column of four (NumPy 2.4.6, AVX-512).
    np.multiply(a, -1, out=out)


def _join(views: Sequence[Array]) -> Array:
    """Views that stand side by side, as one."""
    base = views[0].base
    assert base is not None  # they are views of the scratch
    start = (views[0].ctypes.data - base.ctypes.data) // base.itemsize
    return base[start : start + sum(map(len, views))]
