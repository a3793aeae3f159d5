"""Runs a cell over a sequence on a device: the one room that computes with TensorFlow.

The steps come from the declarations in `cells.py`; the loop around them is compiled once for a kind and its options,
with open dimensions, so that a new size never costs a new trace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, cached_property, partial
from threading import Lock
from typing import Any

import numpy as np

from lstmviz.run import devices  # isort: skip  # before TensorFlow: it sets the log level
import tensorflow as tf
from tensorflow.python.eager import context

from lstmviz.cells import KINDS, Cell, Kind, build, structure_of
from lstmviz.equation import Node
from lstmviz.equation.nodes import walk
from lstmviz.language import _
from lstmviz.run.clamp import pack, read_clamp, widen
from lstmviz.run.compiled import CompiledShapes
from lstmviz.run.lowered import AHEAD, CONSTANT, STEP, Lowered, lower
from lstmviz.run.numpy_engine import DEVICE
from lstmviz.run.plan import Group, Plan, make_plan
from lstmviz.run.start import check_start, named
from lstmviz.run.trace import Gradients, Trace, check_index
from lstmviz.run.turns import TURNS, OutOfMemory
from lstmviz.sequences import make

Progress = Callable[[int, int], None]

_CHUNK_SECONDS = 0.1  # how often a long run reports, and can be left
# From here on each product is made as two of half the columns: TensorFlow computes a row's product on one core, and
# the two at once on two. Measured on 2 cores: 0.65 of the time at 256 units, about the same at 65 to 128. A narrower
# cell's loop runs in one thread, in 0.75 to 0.9 of the time; at 72 units and more that would cost half as much again.
_WIDE = 65
# Steps written out in one turn of the loop: its upkeep is as dear as a small step. More only lengthen the tracing.
_UNROLLED, _UNROLLED_WIDE = 8, 4

_LARGE = 2**20  # numbers of an array from which on a copy of it counts
_ALIGNMENT = 64  # bytes, at which TensorFlow's own tensors begin: its kernels take no others

# Weights up to which a loop that XLA compiles for one shape is faster: of a product it makes one core's work. Measured
# on one core over 100 and 200 steps: 0.25 of the time at 64 units, 0.55 at 256, 0.85 at 512, 0.9 at 1,024.
_SMALL = 2**19
_FEW = 16  # steps of which a compilation is not worth its while

shapes = CompiledShapes()
"""The loops compiled for one shape each, on a CPU."""

_compiling = Lock()  # two first runs at once trace once


@contextmanager
def _at_once(place: str) -> Iterator[None]:
    """Computes at once, and on `place`, whatever the program around us has made of TensorFlow.

    In a TF1 graph or session, inside a `tf.function`, or once eager execution is disabled, an operation would only become
    a node of somebody else's graph. `tf.init_scope` does not help with the last of these: it looks for the outermost
    context, which is a graph then.
    """
    with context.eager_mode(), tf.device(place):
        yield


def is_for_one(place: str) -> bool:
    """Whether a device runs one thing at a time: several at once on a GPU are no sooner done, and need their memory at once."""
    return place.startswith("GPU")


def _alone(place: str, progress: Progress | None = None) -> AbstractContextManager[None]:
    """One's turn on a device; who has a `progress.waits` is told there how many are before."""
    return TURNS.take(place, getattr(progress, "waits", None)) if is_for_one(place) else nullcontext()


@contextmanager
def _within_memory(cell: Cell, steps: int, place: str) -> Iterator[None]:
    """Says in a sentence that a device has no memory left.

    Raises:
        OutOfMemory: it has none.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise OutOfMemory(
            _(
                "{device} has no memory left for {weights:,} weights over {steps:,} steps; take fewer units or steps, or "
                "another device."
            ).format(device=place, weights=cell.parameter_count, steps=steps)
        ) from error


_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "add": tf.add, "sub": tf.subtract, "mul": tf.multiply, "div": tf.divide, "neg": tf.negative, "max": tf.maximum,
    "min": tf.minimum, "sqrt": tf.sqrt, "log": tf.math.log, "abs": tf.abs, "expm1": tf.math.expm1, "erfc": tf.math.erfc,
    "select": lambda a, b, c: tf.where(a >= 0, b, c), "if_zero": lambda a, b, c: tf.where(tf.equal(a, 0), b, c),
    "concat": lambda *parts: tf.concat(parts, axis=-1),
    "matmul": tf.matmul,
}  # fmt: skip
_ACTIVATE: Mapping[str, Callable[..., Any]] = {
    "tanh": tf.tanh, "relu": tf.nn.relu, "sigmoid": tf.sigmoid, "softplus": tf.math.softplus, "exponential": tf.exp,
}  # fmt: skip


def _compute(node: Node, args: list[Any]) -> Any:
    """What a node gives for its operands, whose last axis are the units."""
    if node.op == "activation":
        return _ACTIVATE[node.value](*args)
    if node.op == "norm":
        a, gamma, beta = args
        centred = a - tf.reduce_mean(a, axis=-1, keepdims=True)
        variance = tf.reduce_mean(centred * centred, axis=-1, keepdims=True)
        return centred / tf.sqrt(variance + tf.constant(node.value, a.dtype)) * gamma + beta
    return _OPERATIONS[node.op](*args)


def run(
    cell: Cell,
    x: Any,
    device: str | None = None,
    initial_state: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    clamp: Any = None,
) -> Trace:
    """See `lstmviz.run.run`."""
    sequence, start = check_start(cell, x, initial_state)
    held = read_clamp(cell, clamp, len(sequence))
    place = devices.find(device).name
    with _within_memory(cell, len(sequence), place), _alone(place, progress), _at_once(place):
        carried = widen(cell, held, len(sequence))
        loop = _find_loop(cell, place, tuple(carried))
        started = time.perf_counter()  # a loop that is not compiled yet is no part of the run
        blocks, activations, states, ran_on = _run_in_chunks(
            cell, loop, pack(sequence.values.astype(cell.dtype, copy=False), carried), start, place, progress,
            by_shape=not held,
        )  # fmt: skip
        seconds = time.perf_counter() - started
    names = [gate.name for gate in cell.kind.gates]
    return Trace(
        cell=cell,
        sequence=sequence,
        preactivations=named(names, blocks),
        gates=named(names, activations),
        states=named(cell.kind.states, states),
        initial_state=named(cell.kind.states, [state[0] for state in start]),
        device=ran_on,
        seconds=seconds,
        clamp=held,
    )


def gradients(trace: Trace, unit: int, t: int | None = None) -> Gradients:
    """See `lstmviz.run.gradients`."""
    cell = trace.cell
    if not len(trace):
        raise ValueError(_("the trace has no steps, so it has no gradients; run the cell over at least one."))
    t = check_index("t", len(trace) - 1 if t is None else t, len(trace))
    unit = check_index("unit", unit, cell.output_size)
    before = {
        name: np.concatenate([trace.initial_state[name][np.newaxis], states[:t]])
        for name, states in trace.states.items()
    }
    # Step t + 1 meets the states after step t; of these, h[unit] depends on itself alone.
    last = {name: np.zeros((1, cell.state_size(name)), cell.dtype) for name in cell.kind.states}
    last["h"][0, unit] = 1
    place = devices.find(None if trace.device == DEVICE else trace.device).name
    with _within_memory(cell, t + 1, place), _alone(place), _at_once(place):
        carried = widen(cell, trace.clamp, len(trace))
        with _compiling:
            loop = _compiled_backward(
                cell.kind, structure_of(cell.options), cell.dtype.name, place, tuple(carried)
            )
        x = pack(trace.x.astype(cell.dtype, copy=False), carried)[: t + 1]
        recorded, after = (
            tuple(tf.convert_to_tensor(arrays[name]) for name in cell.kind.states)
            for arrays in (before, last)
        )
        dx, found = loop(tf.convert_to_tensor(x), recorded, after, *_inputs(cell, place))
    # The first row is the initial state's; what is left are the states after each step.
    rows = [np.concatenate([each, last[name]]) for name, each in zip(cell.kind.states, found, strict=True)]
    return Gradients(
        trace=trace,
        unit=unit,
        t=t,
        x=named(["x"], [np.asarray(dx)[:, : cell.input_size]])["x"],
        states=named(cell.kind.states, [row[1:] for row in rows]),
        initial_state=named(cell.kind.states, [row[0] for row in rows]),
    )


def warm_up(kinds: Iterable[str] = KINDS, *, backward: bool = False) -> None:
    """Compiles the loops for each of `kinds` with its default options, so that the first viewer does not wait for them.

    Args:
        kinds: Names of kinds.
        backward: Whether to compile the loop of the gradients too.
    """
    place = devices.find(None).name
    for kind in kinds:
        trace = run(build(kind, num_units=2, input_size=1), make("sine", time_steps=2, input_size=1))
        with _at_once(place):
            _find_loop(build(kind, num_units=_WIDE, input_size=1), place)
        if backward:
            gradients(trace, unit=0)


def _find_loop(cell: Cell, place: str, clamped: tuple[str, ...] = ()) -> Any:
    """The loop for the cell's kind, options, width and what is held, compiled where it is the first of them."""
    with _compiling:
        return _compiled(
            cell.kind, structure_of(cell.options), cell.dtype.name, place, cell.num_units >= _WIDE, clamped
        )


def _run_in_chunks(
    cell: Cell, loop: Any, x: np.ndarray, start: list[np.ndarray], place: str, progress: Progress | None,
    *, by_shape: bool,
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray], str]:  # fmt: skip
    """The recorded blocks, activations and states, and the device that the last states were on."""
    inputs = _inputs(cell, place)
    state = [tf.convert_to_tensor(array) for array in start]
    steps, length = len(x), len(x)
    if progress:
        # A first guess from the number of weights; the clock corrects it from the second chunk on.
        length = _round_down(np.clip(4e7 / cell.parameter_count, 16, 4096))
    recorded: list[list[list[np.ndarray]]] = []
    done = 0
    while True:
        chunk_started = time.perf_counter()
        chunk = tf.convert_to_tensor(x[done : done + length])
        shape = _shape_of(cell, len(chunk), place) if by_shape else None
        own = None if shape is None else shapes.find(shape)
        outputs = (own or loop)(chunk, tuple(state), *inputs)
        state = list(outputs[3])
        recorded.append([[np.asarray(tensor) for tensor in group] for group in outputs[:3]])
        done = min(done + length, steps)
        elapsed = time.perf_counter() - chunk_started
        if shape is not None and own is None:
            shapes.note(shape, elapsed, partial(_compile_shape, cell, len(chunk), place))
        if done >= steps:
            break
        assert progress is not None
        progress(done, steps)
        wanted = np.clip(length * _CHUNK_SECONDS / elapsed, length / 4 + 1, length * 4)
        length = _round_down(wanted)
    blocks, activations, states = (
        [np.concatenate(parts) if len(parts) > 1 else parts[0] for parts in zip(*group, strict=True)]
        for group in zip(*recorded, strict=True)
    )
    return blocks, activations, states, devices.where(state[-1])


def _round_down(length: float) -> int:
    """To a power of two: of few lengths, each may come often enough to be compiled."""
    return 1 << (int(length).bit_length() - 1)


def _shape_of(cell: Cell, steps: int, place: str) -> Hashable | None:
    """What a loop can be compiled for; None where that is not worth its while."""
    if not place.startswith("CPU") or steps < _FEW or cell.parameter_count > _SMALL:
        return None
    sizes = tuple(cell.sizes.values())
    return cell.kind, structure_of(cell.options), cell.dtype.name, place, sizes, steps


def compile_shape(cell: Cell, steps: int, device: str | None = None) -> bool:
    """Compiles a loop for runs of `cell`, and of all others of its sizes and options, over so many steps.

    Else that happens beside the runs, once they have taken long enough. Gives whether there is such a loop: not on a GPU,
    nor for a wide cell, nor where a process has many of them already.

    Raises:
        DeviceError: the device is not there.
    """
    place = devices.find(device).name
    shape = _shape_of(cell, steps, place)
    return shape is not None and shapes.compile_now(shape, partial(_compile_shape, cell, steps, place))


def _compile_shape(cell: Cell, steps: int, place: str) -> Callable[..., Any]:
    with _at_once(place):
        loop = _compiled_by_shape(cell.kind, structure_of(cell.options), cell.dtype.name, place)
        x = tf.zeros([steps, cell.input_size], cell.dtype)
        state = tuple(tf.zeros([1, cell.state_size(name)], cell.dtype) for name in cell.kind.states)
        loop(x, state, *_inputs(cell, place))
    return loop


def _inputs(
    cell: Cell, place: str
) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """The weights, the options' numbers and the sizes, as a compiled loop takes them."""
    weights = {name: _to_tensor(weight, place) for name, weight in cell.weights.items()}
    used = {node.value for node in cell.equation.nodes if node.op == "option"}
    numbers = {name: tf.constant(value, cell.dtype) for name, value in cell.options.items() if name in used}
    return weights, numbers, {name: tf.constant(size) for name, size in cell.sizes.items()}


def _to_tensor(array: np.ndarray, place: str) -> tf.Tensor:
    """The array as a tensor; of a large one on a CPU there is one copy, which goes with the tensor.

    `tf.convert_to_tensor` makes two, in memory that TensorFlow never gives back.
    """
    if array.size < _LARGE or not place.startswith("CPU"):
        return tf.convert_to_tensor(array)
    room = np.empty(array.nbytes + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    aligned = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    aligned[...] = array
    return tf.experimental.dlpack.from_dlpack(aligned.__dlpack__())


@dataclass(frozen=True)
class _Run:
    """Blocks side by side: those that one call activates, or one block alone."""

    group: Group | None
    blocks: tuple[int, ...]
    activations: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class _Piece:
    """Some columns of a product: its runs of blocks, how wide each is, and the columns."""

    runs: tuple[_Run, ...]
    widths: list[Any]
    columns: Any

    @property
    def blocks(self) -> tuple[int, ...]:
        """The blocks, in the order in which they stand."""
        return tuple(block for run in self.runs for block in run.blocks)


def _meet(
    whole: Node, pieces: list[_Piece], values: Mapping[int, Any]
) -> tuple[list[Any], dict[int, Any], dict[int, Any]]:
    """One step's pieces, blocks by their index, and those of their activations that are made at once, by node."""
    added, product = whole.args
    met = values[id(product.args[0])]
    found: list[Any] = []
    blocks: dict[int, Any] = {}
    squashed: dict[int, Any] = {}
    for piece, row in zip(pieces, values[id(added)], strict=True):
        z = row + tf.matmul(met, piece.columns)
        found.append(z)
        for run, columns in zip(piece.runs, _split(z, piece.widths), strict=True):
            blocks |= zip(run.blocks, _split_equally(columns, len(run.blocks)), strict=True)
            if len(run.activations) > 1:
                made = _split_equally(_compute(run.activations[0], [columns]), len(run.blocks))
                squashed |= zip(map(id, run.activations), made, strict=True)
    return found, blocks, squashed


def _split_equally(a: Any, count: int) -> list[Any]:
    return list(tf.split(a, count, axis=-1)) if count > 1 else [a]


@dataclass(frozen=True, eq=False)
class _Step:
    """A lowered step in TensorFlow's operations: what is made before the loop, and one step of it."""

    lowered: Lowered

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return self.lowered.nodes

    def phase(self, node: Node) -> int:
        return self.lowered.phases[id(node)]

    @cached_property
    def stepped(self) -> list[Node]:
        """The nodes that depend on the states, each after what it is made from."""
        return [
            node
            for node in walk(*self.lowered.new.values(), *self.lowered.before.values())
            if self.phase(node) == STEP
        ]

    @cached_property
    def moving(self) -> list[Node]:
        """What differs from step to step and is known before: it goes into the loop row by row."""
        inside = [each for node in self.stepped for each in node.args]
        found = [node for node in (*inside, *self.lowered.new.values()) if self.phase(node) == AHEAD]
        return list({id(node): node for node in found}.values())

    @cached_property
    def recorded(self) -> list[Node]:
        """The gates before their activation, as far as only the loop knows them."""
        found = [node for node in self.lowered.before.values() if self.phase(node) == STEP]
        return list({id(node): node for node in found}.values())

    def signature(self, dtype: str) -> tuple[dict[str, tf.TensorSpec], ...]:
        """The weights, the numbers and the sizes, with open dimensions."""
        equation = self.lowered.equation
        numbers = {node.value for node in self.nodes if node.op == "option"}
        return (
            {
                name: tf.TensorSpec([None] * len(axes), dtype)
                for name, axes in equation.shapes.weights.items()
            },
            {name: tf.TensorSpec([], dtype) for name in sorted(numbers)},
            {name: tf.TensorSpec([], tf.int32) for name in ("input_size", "num_units", "output_size")},
        )

    def size(self, node: Node, sizes: Mapping[str, Any]) -> Any:
        """How many numbers a node has."""
        return self.lowered.widths[id(node)].evaluate(sizes)

    def make_ahead(self, x: Any, weights: Any, numbers: Any, sizes: Any) -> dict[int, Any]:
        """What is known before the first step, by node: of the weights a vector, of x one for each step."""
        known: dict[int, Any] = {}
        for node in self.nodes:
            if self.phase(node) != STEP:
                known[id(node)] = self._make(node, known, x, weights, numbers, sizes)
        return known

    def _make(
        self, node: Node, known: Mapping[int, Any], x: Any, weights: Any, numbers: Any, sizes: Any
    ) -> Any:
        if node.op in ("x", "given"):
            return x[:, self.lowered.columns(node, sizes)] if self.lowered.given else x
        if node.op == "weight":
            return weights[node.value]
        if node.op in ("number", "option"):
            return numbers[node.value] if node.op == "option" else tf.constant(node.value, x.dtype)
        args = [known[id(each)] for each in node.args]
        if node.op == "rows":
            first, size = (each.evaluate(sizes) if each.terms else 0 for each in node.value)
            return args[0][first : first + size]
        if node.op == "part":
            return tf.split(args[0], node.value.count, axis=-1)[node.value.index]
        if node.op == "in_block":
            width = self.size(node, sizes) // node.value.count
            return tf.repeat(tf.one_hot(node.value.index, node.value.count, dtype=x.dtype) * args[0], width)
        return _compute(node, args)

    def take(self, values: dict[int, Any], state: Any, pieces: Mapping[int, list[_Piece]]) -> list[Any]:
        """One step: adds its values to `values`, and gives the new states, each `[1, size]`."""
        for name, tensor in zip(self.lowered.new, state, strict=True):
            values[id(self.lowered.equation.states[name])] = tensor
        parts: dict[int, Any] = {}  # by the block's number
        cut = {id(node.args[1]) for node, _count in self.wide if id(node) in pieces}
        for node in self.stepped:
            if id(node) in values or id(node) in cut:
                continue
            if id(node) in pieces:
                values[id(node)], parts[id(node)], squashed = _meet(node, pieces[id(node)], values)
                values |= squashed
            elif node.op == "part":
                whole = node.args[0]
                if id(whole) not in parts:
                    parts[id(whole)] = tf.split(values[id(whole)], node.value.count, axis=-1)
                values[id(node)] = parts[id(whole)][node.value.index]
            else:
                values[id(node)] = _compute(node, [values[id(each)] for each in node.args])
        return [self._row(node, values[id(node)]) for node in self.lowered.new.values()]

    def _row(self, node: Node, value: Any) -> Any:
        return value if self.phase(node) != CONSTANT else value[tf.newaxis]

    def list_runs(self, whole: Node, blocks: tuple[int, ...], *, reorder: bool) -> tuple[_Run, ...]:
        """The blocks of a piece, those together that have one activation and nothing else to meet."""
        groups = [
            group for group in self.plans[reorder].calls
            if group[0].op == "activation" and all(n.args[0].op == "part" and n.args[0].args[0] is whole for n in group)
        ]  # fmt: skip
        runs: list[_Run] = []
        for block in blocks:
            own = [(group, node) for group in groups for node in group if node.args[0].value.index == block]
            group = own[0][0] if len(own) == 1 else None
            made = tuple(node for _group, node in own) if group else ()
            if runs and group is not None and runs[-1].group is group:
                runs[-1] = _Run(group, (*runs[-1].blocks, block), (*runs[-1].activations, *made))
            else:
                runs.append(_Run(group, (block,), made))
        return tuple(runs)

    @cached_property
    def plans(self) -> Mapping[bool, Plan]:
        """What is computed at once, with blocks as they are and with those put side by side."""
        return {reorder: make_plan(self.lowered, reorder=reorder) for reorder in (False, True)}

    @cached_property
    def wide(self) -> list[tuple[Node, int]]:
        """The sums of a known row and one product that are only split into blocks, and into how many."""
        uses: dict[int, list[Node]] = {}
        for node in self.stepped:
            for each in node.args:
                uses.setdefault(id(each), []).append(node)
        found = []
        for node in self.stepped:
            users = uses.get(id(node), [])
            is_sum = node.op == "add" and self.phase(node.args[0]) == AHEAD and node.args[1].op == "matmul"
            if (
                is_sum
                and users
                and all(user.op == "part" for user in users)
                and len(uses[id(node.args[1])]) == 1
            ):
                alone = len([user for user in self.stepped if any(a is node.args[0] for a in user.args)]) == 1
                if alone and node not in self.lowered.new.values():
                    found.append((node, users[0].value.count))
        return found


@cache
def _step(kind: Kind, structure: tuple[tuple[str, Any], ...], clamped: tuple[str, ...] = ()) -> _Step:
    return _Step(lower(kind.equation(dict(structure)), clamped))


@cache
def _compiled(
    kind: Kind, structure: tuple[tuple[str, Any], ...], dtype: str, place: str, wide: bool, clamped: tuple[str, ...] = ()
) -> Any:  # fmt: skip
    """The loop of a kind and its options, for a narrow cell or for a wide one.

    It takes `(x, state, weights, numbers, sizes)` and gives the recorded groups and the last state. It is traced here, once,
    on the device that is current; `place` names it so that each device has its own. Were both branches of one graph, a short
    run would spend about a tenth of its time on passing the other one by.
    """
    step = _step(kind, structure, clamped)
    if wide:
        return _trace(step, dtype, 2, _UNROLLED_WIDE)
    if not place.startswith("CPU"):
        return _trace(step, dtype, 1, _UNROLLED)
    with _in_one_thread():
        loop = _trace(step, dtype, 1, _UNROLLED)

    def run_in_one_thread(*inputs: Any) -> Any:
        with _in_one_thread():
            return loop(*inputs)

    return run_in_one_thread


def _in_one_thread() -> AbstractContextManager[None]:
    """Has TensorFlow compute one operation after the other: to hand a narrow cell's to other threads takes longer than they do.

    The loop is traced so too, and keeps its turns as a function: this way of running knows no nodes of a loop.
    """
    return context.function_executor_type("SINGLE_THREADED_EXECUTOR")


@cache
def _compiled_by_shape(
    kind: Kind, structure: tuple[tuple[str, Any], ...], dtype: str, place: str
) -> Any:  # fmt: skip
    """A loop as those of `_compiled` which XLA compiles anew for each shape that it meets."""
    # XLA's loops have no upkeep that would be worth writing out several steps in a turn.
    return _trace(_step(kind, structure), dtype, 1, 1, by_shape=True)


def _trace(step: _Step, dtype: str, parts: int, unrolled: int, *, by_shape: bool = False) -> Any:
    signature = [
        tf.TensorSpec([None, None], dtype),
        tuple(tf.TensorSpec([1, None], dtype) for _state in step.lowered.new),
        *step.signature(dtype),
    ]

    @tf.function(input_signature=signature, autograph=False, jit_compile=by_shape or None)  # type: ignore[untyped-decorator]
    def loop(x: Any, state: Any, weights: Any, numbers: Any, sizes: Any) -> Any:
        known = step.make_ahead(x, weights, numbers, sizes)
        recorded = _record(step, known, x, state, sizes, parts, unrolled)
        states = recorded[len(step.recorded) :]
        found = dict(known)
        found |= {id(node): values for node, values in zip(step.recorded, recorded, strict=False)}
        blocks = [_spread(found[id(node)], tf.shape(x)[0]) for node in step.lowered.before.values()]
        activations = [_spread(_find(node, found), tf.shape(x)[0]) for node in step.lowered.after.values()]
        last_state = [
            tf.concat([before, after[-1:]], 0)[-1:] for before, after in zip(state, states, strict=True)
        ]
        return blocks, activations, states, last_state

    return loop.get_concrete_function()  # binds its arguments in half the time that `loop` takes


def _record(
    step: _Step, known: Mapping[int, Any], x: Any, state: Any, sizes: Any, parts: int, unrolled: int
) -> list[Any]:  # fmt: skip
    """What is recorded at all steps, `unrolled` a turn, with the columns of each wide product in so many `parts`."""
    steps, dtype = tf.shape(x)[0], x.dtype
    # Where there are no steps: one turn, all of it cut off below.
    turns = tf.maximum((steps + unrolled - 1) // unrolled, 1)
    pieces = {id(whole): _cut(step, whole, count, known, sizes, parts) for whole, count in step.wide}
    cut = {id(whole.args[0]): pieces[id(whole)] for whole, _count in step.wide}
    inputs = {}
    for node in step.moving:
        rows = known[id(node)]
        own = [rows] if id(node) not in cut else _take_blocks(rows, cut[id(node)])
        filled = [tf.pad(each, [[0, turns * unrolled - steps], [0, 0]]) for each in own]
        inputs[id(node)] = [tf.reshape(each, [turns, unrolled, tf.shape(each)[1]]) for each in filled]
    constant = {id(node): known[id(node)] for node in step.nodes if step.phase(node) == CONSTANT}
    # The blocks of one product are recorded as they come, all at once.
    holders = [node.args[0] if node.op == "part" else node for node in step.recorded]
    holders = [h if id(h) in pieces else node for h, node in zip(holders, step.recorded, strict=True)]
    holders = list({id(node): node for node in holders}.values())

    def turn(number: Any, state: Any, records: Any) -> Any:
        rows = {
            key: [tf.split(tf.gather(array, number), unrolled) for array in arrays]
            for key, arrays in inputs.items()
        }
        made: list[Any] = []
        for index in range(unrolled):
            values = dict(constant)
            for key, arrays in rows.items():
                row = [array[index] for array in arrays]
                values[key] = row if key in cut else row[0]
            state = step.take(values, state, pieces)
            for node in holders:
                made += values[id(node)] if id(node) in pieces else [values[id(node)]]
            made += state
        return number + 1, tuple(state), records.write(number, tf.concat(made, axis=1))

    _turns, _last, records = tf.while_loop(
        lambda number, *_rest: number < turns,
        turn,
        (0, state, tf.TensorArray(dtype, turns)),
        parallel_iterations=1,
        shape_invariants=(
            tf.TensorShape([]),
            tuple(tf.TensorShape([1, None]) for _state in state),
            tf.TensorShape(None),
        ),
    )
    # Steps beyond the last one only filled up the last turn.
    recorded = tf.reshape(records.concat(), [turns * unrolled, -1])[:steps]
    return _name_columns(step, recorded, holders, pieces, state, sizes)


def _name_columns(
    step: _Step, recorded: Any, holders: list[Node], pieces: Mapping[int, list[_Piece]], state: Any, sizes: Any
) -> list[Any]:  # fmt: skip
    """The recorded gates and then the states, in the step's order, out of their columns."""
    keys: list[Any] = []
    widths: list[Any] = []
    for node in holders:
        blocks = [block for piece in pieces.get(id(node), ()) for block in piece.blocks]
        keys += [(id(node), block) for block in blocks] or [id(node)]
        widths += [step.size(node, sizes) // max(len(blocks), 1)] * max(len(blocks), 1)
    columns = _split(recorded, [*widths, *(tf.shape(each)[1] for each in state)])
    by_key = dict(zip(keys, columns, strict=False))
    gates = [
        by_key[id(node)] if id(node) in by_key else by_key[id(node.args[0]), node.value.index]
        for node in step.recorded
    ]
    return [*gates, *columns[len(keys) :]]


def _cut(
    step: _Step, whole: Node, count: int, known: Mapping[int, Any], sizes: Any, parts: int
) -> list[_Piece]:  # fmt: skip
    """A product's kernel in so many pieces. In one piece, equal activations stand side by side."""
    width = step.size(whole, sizes) // count
    order = step.plans[parts == 1].blocks[id(whole)]
    size = -(-count // parts)
    found = []
    for blocks in (order[first : first + size] for first in range(0, count, size)):
        runs = step.list_runs(whole, blocks, reorder=parts == 1)
        widths = [width * len(run.blocks) for run in runs]
        found.append(
            _Piece(runs, widths, _take_columns(step, whole.args[1].args[1], blocks, width, known, sizes))
        )
    return found


def _take_columns(
    step: _Step, rows: Node, blocks: tuple[int, ...], width: Any, known: Mapping[int, Any], sizes: Any
) -> Any:  # fmt: skip
    """Some blocks of a weight's rows. Cut at once: the rows first would be one more copy of a large kernel."""
    whole, first, size = known[id(rows)], 0, None
    if rows.op == "rows":
        whole = known[id(rows.args[0])]
        first, size = (each.evaluate(sizes) if each.terms else 0 for each in rows.value)
    last = None if size is None else first + size
    return _beside([whole[first:last, a * width : b * width] for a, b in _spans(blocks)])


def _take_blocks(rows: Any, pieces: list[_Piece]) -> list[Any]:
    """The columns of each piece."""
    count = sum(len(piece.blocks) for piece in pieces)
    width = tf.shape(rows)[1] // count
    return [_beside([rows[:, a * width : b * width] for a, b in _spans(piece.blocks)]) for piece in pieces]


def _beside(columns: list[Any]) -> Any:
    return tf.concat(columns, axis=1) if len(columns) > 1 else columns[0]


def _spans(blocks: tuple[int, ...]) -> list[tuple[int, int]]:
    """From where to where blocks follow each other."""
    found: list[tuple[int, int]] = []
    for block in blocks:
        if found and found[-1][1] == block:
            found[-1] = (found[-1][0], block + 1)
        else:
            found.append((block, block + 1))
    return found


@cache
def _compiled_backward(
    kind: Kind, structure: tuple[tuple[str, Any], ...], dtype: str, place: str, clamped: tuple[str, ...] = ()
) -> Any:  # fmt: skip
    """The loop from the last step back: `(x, recorded, after, weights, numbers, sizes)` to gradients for x and the states.

    `recorded` are the states before each step, `[time, size]`; `after` the gradient for those after the last one,
    `[1, size]`. Each turn takes it back by one step, at the numbers that the run recorded: nothing piles up in memory.
    Traced once, as `_compiled` is.
    """
    step = _step(kind, structure, clamped)
    signature = [
        tf.TensorSpec([None, None], dtype),
        tuple(tf.TensorSpec([None, None], dtype) for _state in kind.states),
        tuple(tf.TensorSpec([1, None], dtype) for _state in kind.states),
        *step.signature(dtype),
    ]

    @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
    def loop(x: Any, recorded: Any, after: Any, weights: Any, numbers: Any, sizes: Any) -> Any:
        steps = tf.shape(x)[0]
        with tf.GradientTape() as ahead:
            ahead.watch(x)
            known = step.make_ahead(x, weights, numbers, sizes)
        moving = [known[id(node)] for node in step.moving]
        constant = {id(node): known[id(node)] for node in step.nodes if step.phase(node) == CONSTANT}

        def turn(number: Any, gradient: Any, records: Any) -> Any:
            rows, state = tf.nest.map_structure(lambda array: array[number : number + 1], (moving, recorded))
            with tf.GradientTape() as tape:
                tape.watch([rows, state])
                values = constant | {id(node): row for node, row in zip(step.moving, rows, strict=True)}
                new = step.take(values, state, {})
            to_rows, to_state = tape.gradient(
                tuple(new), (rows, state), gradient, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            return number - 1, to_state, records.write(number, tf.concat([*to_rows, *to_state], axis=1))

        _step_number, _first, records = tf.while_loop(
            lambda number, *_rest: number >= 0,
            turn,
            (steps - 1, after, tf.TensorArray(dtype, steps)),
            parallel_iterations=1,
            shape_invariants=(
                tf.TensorShape([]),
                tuple(tf.TensorShape([None, None]) for _state in kind.states),
                tf.TensorShape(None),
            ),
        )
        widths = [step.size(node, sizes) for node in step.moving] + [tf.shape(each)[1] for each in after]
        columns = _split(records.concat(), widths)
        if not moving:
            return tf.zeros_like(x), columns
        to_x = ahead.gradient(
            moving, x, columns[: len(moving)], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return to_x, columns[len(moving) :]

    return loop.get_concrete_function()


def _find(node: Node, found: dict[int, Any]) -> Any:
    """A node's value at all steps, from what is known of those that it is made from."""
    if id(node) not in found:
        found[id(node)] = _compute(node, [_find(each, found) for each in node.args])
    return found[id(node)]


def _spread(values: Any, steps: Any) -> Any:
    """The same for each step, where it is the same."""
    return tf.tile(values[tf.newaxis], [steps, 1]) if len(values.shape) == 1 else values


def _split(a: tf.Tensor, widths: list[Any]) -> list[tf.Tensor]:
    """Columns of these widths, which only the run knows."""
    return tf.split(a, tf.stack(widths), axis=1, num=len(widths)) if len(widths) > 1 else [a]
