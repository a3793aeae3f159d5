"""Runs a cell over a sequence on a device: the one room that computes with TensorFlow.

The steps come from the declarations in `cells.py`; the loop around them is compiled once for a kind and its options,
with open dimensions, so that a new size never costs a new trace.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Lock
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.run import devices  # isort: skip  # before TensorFlow: it sets the log level
import tensorflow as tf
from tensorflow.python.eager import context

from lstmviz.cells import ACTIVATIONS, KINDS, Cell, Kind, Variable, as_numbers, build, is_on
from lstmviz.language import _
from lstmviz.run.trace import Gradients, Trace, check_index
from lstmviz.sequences import make, wrap

Progress = Callable[[int, int], None]

_CHUNK_SECONDS = 0.1  # how often a long run reports, and can be left
# From here on each product is made as two of half the columns: TensorFlow computes a row's product on one core, and
# the two at once on two. Measured on 2 cores: 0.65 of the time at 256 units; below 128 the extra operations cost more.
_WIDE = 128
# Steps written out in one turn of the loop: its upkeep is as dear as a small step. More only lengthen the tracing.
_UNROLLED, _UNROLLED_WIDE = 8, 4

_LARGE = 2**20  # numbers of an array from which on a copy of it counts
_ALIGNMENT = 64  # bytes, at which TensorFlow's own tensors begin: its kernels take no others

_compiling = Lock()  # two first runs at once trace once


def _is_about_other_functions(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not any(f"{made}.<locals>.loop" in message for made in ("_compiled", "_compiled_backward"))


# TensorFlow takes each kind and each set of options for a needless retrace of one function, and warns the user of it.
tf.get_logger().addFilter(_is_about_other_functions)


@contextmanager
def _at_once(place: str) -> Iterator[None]:
    """Computes at once, and on `place`, whatever the program around us has made of TensorFlow.

    In a TF1 graph or session, inside a `tf.function`, or once eager execution is disabled, an operation would only become
    a node of somebody else's graph. `tf.init_scope` does not help with the last of these: it looks for the outermost
    context, which is a graph then.
    """
    with context.eager_mode(), tf.device(place):
        yield


class _TensorFlowOps:
    """The operations of a step, as `cells.Ops` asks for them."""

    sigmoid = staticmethod(tf.sigmoid)
    tanh = staticmethod(tf.tanh)
    relu = staticmethod(tf.nn.relu)
    softplus = staticmethod(tf.math.softplus)
    exp = staticmethod(tf.exp)
    expm1 = staticmethod(tf.math.expm1)
    erfc = staticmethod(tf.math.erfc)
    where = staticmethod(tf.where)
    matmul = staticmethod(tf.matmul)
    clip = staticmethod(tf.clip_by_value)


def run(
    cell: Cell,
    x: Any,
    device: str | None = None,
    initial_state: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Trace:
    """See `lstmviz.run.run`."""
    sequence = wrap(x)
    if sequence.input_size != cell.input_size:
        raise ValueError(
            _("x has the shape {given}; this cell takes [time, {input_size}].").format(
                given=list(sequence.values.shape), input_size=cell.input_size
            )
        )
    start = _initial_state(cell, initial_state)
    started = time.perf_counter()
    place = devices.find(device).name
    with _at_once(place):
        blocks, activations, states, ran_on = _run_in_chunks(cell, sequence.values, start, place, progress)
    seconds = time.perf_counter() - started
    names = [gate.name for gate in cell.kind.gates]
    return Trace(
        cell=cell,
        sequence=sequence,
        preactivations=_named(names, blocks),
        gates=_named(names, activations),
        states=_named(cell.kind.states, states),
        initial_state=_named(cell.kind.states, [state[0] for state in start]),
        device=ran_on,
        seconds=seconds,
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
    place = devices.find(trace.device).name
    with _at_once(place):
        with _compiling:
            loop = _compiled_backward(cell.kind, _structure(cell), cell.dtype.name, place)
        x = tf.convert_to_tensor(trace.x[: t + 1].astype(cell.dtype, copy=False))
        recorded, after = (
            tuple(tf.convert_to_tensor(arrays[name]) for name in cell.kind.states)
            for arrays in (before, last)
        )
        dx, found = loop(x, recorded, after, *_inputs(cell, place))
    # The first row is the initial state's; what is left are the states after each step.
    rows = [np.concatenate([each, last[name]]) for name, each in zip(cell.kind.states, found, strict=True)]
    return Gradients(
        trace=trace,
        unit=unit,
        t=t,
        x=_named(["x"], [np.asarray(dx)])["x"],
        states=_named(cell.kind.states, [row[1:] for row in rows]),
        initial_state=_named(cell.kind.states, [row[0] for row in rows]),
    )


def warm_up(kinds: Iterable[str] = KINDS, *, backward: bool = False) -> None:
    """Compiles the loop for each of `kinds` with its default options, so that the first viewer does not wait for it.

    Args:
        kinds: Names of kinds.
        backward: Whether to compile the loop of the gradients too.
    """
    for kind in kinds:
        trace = run(build(kind, num_units=2, input_size=1), make("sine", time_steps=2, input_size=1))
        if backward:
            gradients(trace, unit=0)


def _run_in_chunks(
    cell: Cell, x: np.ndarray, start: list[np.ndarray], place: str, progress: Progress | None
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray], str]:
    """The recorded blocks, activations and states, and the device that the last states were on."""
    with _compiling:
        loop = _compiled(cell.kind, _structure(cell), cell.dtype.name, place)
    weights, numbers = _inputs(cell, place)
    state = [tf.convert_to_tensor(array) for array in start]
    steps, length = len(x), len(x)
    if progress:
        # A first guess from the kernel's size; the clock corrects it from the second chunk on.
        length = int(np.clip(4e7 / cell.kernel.size, 16, 4096))
    recorded: list[list[list[np.ndarray]]] = []
    done = 0
    while True:
        chunk_started = time.perf_counter()
        chunk = tf.convert_to_tensor(x[done : done + length].astype(cell.dtype, copy=False))
        outputs = loop(chunk, tuple(state), weights, numbers)
        state = list(outputs[3])
        recorded.append([[np.asarray(tensor) for tensor in group] for group in outputs[:3]])
        done = min(done + length, steps)
        if done >= steps:
            break
        assert progress is not None
        progress(done, steps)
        elapsed = time.perf_counter() - chunk_started
        length = int(np.clip(length * _CHUNK_SECONDS / elapsed, length / 4 + 1, length * 4))
    blocks, activations, states = (
        [np.concatenate(parts) if len(parts) > 1 else parts[0] for parts in zip(*group, strict=True)]
        for group in zip(*recorded, strict=True)
    )
    return blocks, activations, states, devices.where(state[-1])


def _inputs(cell: Cell, place: str) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """The weights and the options' numbers, as a compiled loop takes them."""
    weights = {name: _to_tensor(weight, place) for name, weight in _with_biases(cell).items()}
    numbers = {
        name: tf.constant(cell.options[name], cell.dtype) for name in _step_numbers(cell.kind, cell.options)
    }
    return weights, numbers


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


def _with_biases(cell: Cell) -> dict[str, np.ndarray]:
    """The weights and every bias, stored or not, with what is added when the cell runs added to x's."""
    weights = dict(cell.weights)
    for variable in cell.kind.variables:
        if variable.is_bias:
            columns = slice(cell.columns(variable.gates[0]).start, cell.columns(variable.gates[-1]).stop)
            bias, offset = (
                (cell.bias, cell.offset)
                if "x" in variable.meets
                else (cell.hidden_bias, np.zeros_like(cell.offset))
            )
            weights[variable.name] = bias[columns] + offset[columns]
    return weights


def _structure(cell: Cell) -> tuple[tuple[str, Any], ...]:
    """The options as far as they change the graph: a number only by being there, its value being an input."""
    return tuple(
        (name, True if isinstance(value, int | float) and not isinstance(value, bool) else value)
        for name, value in cell.options.items()
    )


@dataclass(frozen=True, eq=False)
class _Plan:
    """What a compiled loop reads from a declaration: activations, kernels, their biases, what else is given."""

    squash: Mapping[str, Callable[[tf.Tensor], tf.Tensor]]
    kernels: Mapping[str, Variable]
    biases: Mapping[str, str]
    present: tuple[Variable, ...]
    numbers: tuple[str, ...]

    def signature(self, dtype: str) -> tuple[dict[str, tf.TensorSpec], dict[str, tf.TensorSpec]]:
        """The weights and the numbers, with open dimensions."""
        return (
            {v.name: tf.TensorSpec([None] * len(v.shape), dtype) for v in self.present},
            {name: tf.TensorSpec([], dtype) for name in self.numbers},
        )

    @property
    def meet_x(self) -> list[Variable]:
        """The kernels with rows for x."""
        return [v for v in self.kernels.values() if "x" in v.meets]

    @property
    def meet_h(self) -> list[Variable]:
        """The kernels with rows for h."""
        return [v for v in self.kernels.values() if "h" in v.meets]

    def multiply_x(self, x: tf.Tensor, weights: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Each kernel's x rows times every step's x, plus the bias, `[time, columns]`."""
        input_size = tf.shape(x)[1]
        return {
            v.name: tf.matmul(x, weights[v.name][:input_size]) + weights[self.biases[v.name]]
            for v in self.meet_x
        }

    def rows_of_h(self, input_size: tf.Tensor, weights: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Each kernel's rows that meet h, `[output_size, columns]`."""
        return {v.name: weights[v.name][input_size if "x" in v.meets else 0 :] for v in self.meet_h}


def _plan(kind: Kind, options: Mapping[str, Any]) -> _Plan:
    ops = _TensorFlowOps()
    squash = {gate.name: _activation(ops, options, gate.activation) for gate in kind.gates}
    squash |= {
        name: _activation(ops, options, name) for name, value in options.items() if value in ACTIVATIONS
    }
    kernels = {v.name: v for v in kind.variables if v.is_kernel}
    biases = {(v.gates, v.meets): v.name for v in kind.variables if v.is_bias}
    return _Plan(
        squash=squash,
        kernels=kernels,
        biases={name: biases[v.gates, v.meets] for name, v in kernels.items()},
        present=tuple(v for v in kind.variables if v.is_bias or is_on(v.when, options)),
        numbers=tuple(_step_numbers(kind, options)),
    )


@cache
def _compiled(kind: Kind, structure: tuple[tuple[str, Any], ...], dtype: str, place: str) -> Any:
    """The loop of a kind and its options: `(x, state, weights, numbers)` to recorded groups and the last state.

    It is traced once, here, on the device that is current; `place` names it so that each device has its own.
    """
    options, ops = dict(structure), _TensorFlowOps()
    plan = _plan(kind, options)
    squash, kernels = plan.squash, plan.kernels
    first = next(iter(kernels.values()))
    signature = [
        tf.TensorSpec([None, None], dtype),
        tuple(tf.TensorSpec([1, None], dtype) for _state in kind.states),
        *plan.signature(dtype),
    ]

    @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
    def loop(x: Any, state: Any, weights: Any, numbers: Any) -> Any:
        steps, input_size = tf.shape(x)[0], tf.shape(x)[1]
        num_units = tf.shape(weights[first.name])[1] // len(first.gates)
        from_x = plan.multiply_x(x, weights)

        def record(parts: int, unrolled: int) -> Any:
            """All steps, `unrolled` a turn, with each kernel's columns in so many `parts`."""
            # Where there are no steps: one turn, all of it cut off below.
            turns = tf.maximum((steps + unrolled - 1) // unrolled, 1)
            gates = {name: _parts(v.gates, parts) for name, v in kernels.items()}
            widths = {name: [num_units * len(part) for part in gates[name]] for name in kernels}
            inputs = {}
            for name, rows_of_x in from_x.items():
                padded = tf.pad(rows_of_x, [[0, turns * unrolled - steps], [0, 0]])
                inputs[name] = [
                    tf.TensorArray(dtype, turns).unstack(tf.reshape(columns, [turns, unrolled, width]))
                    for columns, width in zip(_split(padded, widths[name]), widths[name], strict=True)
                ]
            # Cut at once: the rows of h first, and their columns then, would be one more copy of a large kernel.
            hidden_rows = {
                v.name: _cut(weights[v.name], input_size if "x" in v.meets else 0, widths[v.name])
                for v in plan.meet_h
            }
            alone = {
                name: _split(weights[plan.biases[name]], widths[name]) for name in set(kernels) - set(from_x)
            }

            def turn(number: Any, state: Any, records: Any) -> Any:
                rows = {
                    name: [tf.split(array.read(number), unrolled) for array in arrays]
                    for name, arrays in inputs.items()
                }
                made = []
                for step in range(unrolled):

                    def product(kernel: str, h: Any, step: int = step) -> list[Any]:
                        blocks: list[Any] = []
                        for index, part in enumerate(gates[kernel]):
                            z = rows[kernel][index][step] if kernel in rows else alone[kernel][index]
                            if kernel in hidden_rows:
                                z += tf.matmul(h, hidden_rows[kernel][index])
                            blocks += tf.split(z, len(part), axis=1) if len(part) > 1 else [z]
                        return blocks

                    blocks, state = kind.step(ops, product, state, weights, options | numbers, squash)
                    made += [*blocks, *state]
                return number + 1, state, records.write(number, tf.concat(made, axis=1))

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
            return tf.reshape(records.concat(), [turns * unrolled, -1])[:steps]

        # A branch in the graph, for two graphs would mean a new trace at the first wide cell.
        recorded = tf.cond(
            num_units >= _WIDE, lambda: record(2, _UNROLLED_WIDE), lambda: record(1, _UNROLLED)
        )
        widths = [num_units] * len(kind.gates) + [tf.shape(each)[1] for each in state]
        columns = _split(recorded, widths)
        blocks, states = columns[: len(kind.gates)], columns[len(kind.gates) :]
        activations = [squash[gate.name](block) for gate, block in zip(kind.gates, blocks, strict=True)]
        last_state = [
            tf.concat([before, after[-1:]], 0)[-1:] for before, after in zip(state, states, strict=True)
        ]
        return blocks, activations, states, last_state

    return loop.get_concrete_function()  # binds its arguments in half the time that `loop` takes


@cache
def _compiled_backward(kind: Kind, structure: tuple[tuple[str, Any], ...], dtype: str, place: str) -> Any:
    """The loop from the last step back: `(x, recorded, after, weights, numbers)` to gradients for x and the states.

    `recorded` are the states before each step, `[time, size]`; `after` the gradient for those after the last one,
    `[1, size]`. Each turn takes it back by one step, at the numbers that the run recorded: nothing piles up in memory.
    Traced once, as `_compiled` is.
    """
    options, ops = dict(structure), _TensorFlowOps()
    plan = _plan(kind, options)
    signature = [
        tf.TensorSpec([None, None], dtype),
        tuple(tf.TensorSpec([None, None], dtype) for _state in kind.states),
        tuple(tf.TensorSpec([1, None], dtype) for _state in kind.states),
        *plan.signature(dtype),
    ]

    @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
    def loop(x: Any, recorded: Any, after: Any, weights: Any, numbers: Any) -> Any:
        steps, input_size = tf.shape(x)[0], tf.shape(x)[1]
        hidden_rows = plan.rows_of_h(input_size, weights)
        inputs = (plan.multiply_x(x, weights), recorded)

        def turn(step: Any, gradient: Any, records: Any) -> Any:
            rows, state = tf.nest.map_structure(lambda array: array[step : step + 1], inputs)

            def product(kernel: str, h: Any) -> Any:
                z = rows[kernel] if kernel in rows else weights[plan.biases[kernel]]
                if kernel in hidden_rows:
                    z += tf.matmul(h, hidden_rows[kernel])
                return tf.split(z, len(plan.kernels[kernel].gates), axis=1)

            with tf.GradientTape() as tape:
                tape.watch([rows, state])
                _blocks, new = kind.step(ops, product, state, weights, options | numbers, plan.squash)
            to_rows, to_state = tape.gradient(
                tuple(new), (rows, state), gradient, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            made = tf.concat([*(to_rows[v.name] for v in plan.meet_x), *to_state], axis=1)
            return step - 1, to_state, records.write(step, made)

        _step, _first, records = tf.while_loop(
            lambda step, *_rest: step >= 0,
            turn,
            (steps - 1, after, tf.TensorArray(dtype, steps)),
            parallel_iterations=1,
            shape_invariants=(
                tf.TensorShape([]),
                tuple(tf.TensorShape([None, None]) for _state in kind.states),
                tf.TensorShape(None),
            ),
        )
        widths = [tf.shape(weights[v.name])[1] for v in plan.meet_x] + [tf.shape(each)[1] for each in after]
        columns = _split(records.concat(), widths)
        to_x = [
            tf.matmul(columns[index], weights[v.name][:input_size], transpose_b=True)
            for index, v in enumerate(plan.meet_x)
        ]
        return tf.add_n(to_x), columns[len(plan.meet_x) :]

    return loop.get_concrete_function()


def _step_numbers(kind: Kind, options: Mapping[str, Any]) -> list[str]:
    """The numbers that the step reads: those that are set, and are not part of the bias already."""
    offsets = {gate.offset for gate in kind.gates}
    return [
        o.name
        for o in kind.options
        if o.type is float and options[o.name] is not None and o.name not in offsets
    ]


def _parts(gates: tuple[str, ...], parts: int) -> list[tuple[str, ...]]:
    """`gates` in so many runs, nearly equal."""
    size = -(-len(gates) // parts)
    return [gates[first : first + size] for first in range(0, len(gates), size)]


def _split(a: tf.Tensor, widths: list[Any]) -> list[tf.Tensor]:
    """Columns of these widths, which only the run knows."""
    return tf.split(a, tf.stack(widths), axis=1, num=len(widths)) if len(widths) > 1 else [a]


def _cut(a: tf.Tensor, top: Any, widths: list[Any]) -> list[tf.Tensor]:
    """Columns of these widths, of the rows from `top` on."""
    pieces, left = [], 0
    for width in widths:
        pieces.append(a[top:, left : left + width])
        left += width
    return pieces


def _activation(
    ops: _TensorFlowOps, options: Mapping[str, Any], name: str
) -> Callable[[tf.Tensor], tf.Tensor]:
    function = ACTIVATIONS[options.get(name, name)]
    return lambda a: function(ops, a)


def _initial_state(cell: Cell, given: Any) -> list[np.ndarray]:
    """Each state as `[1, size]`, in the kind's order."""
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise ValueError(
            _("initial_state is {given}; it must be a mapping from {allowed} to arrays.").format(
                given=type(given).__name__, allowed=", ".join(cell.kind.states)
            )
        )
    unknown = set(given) - set(cell.kind.states)
    if unknown:
        raise ValueError(
            _("initial_state has {given}; {kind} has the states {allowed}.").format(
                given=", ".join(sorted(map(str, unknown))),
                kind=cell.kind.name,
                allowed=", ".join(cell.kind.states),
            )
        )
    states = []
    for name in cell.kind.states:
        size = cell.state_size(name)
        state = as_numbers(f"initial_state {name}", given.get(name, np.zeros(size)), cell.dtype)
        if state.shape != (size,):
            raise ValueError(
                _("initial_state {name} has the shape {given}; it must be {allowed}.").format(
                    name=name, given=list(state.shape), allowed=[size]
                )
            )
        states.append(state[np.newaxis])
    return states


def _named(names: Any, arrays: list[np.ndarray]) -> Mapping[str, np.ndarray]:
    for array in arrays:
        array.setflags(write=False)
    return MappingProxyType(dict(zip(names, arrays, strict=True)))
