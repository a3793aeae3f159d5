"""Runs a cell over a sequence on a device: the one room that computes with TensorFlow.

The steps come from the declarations in `cells.py`; the loop around them is compiled once for a kind and its options,
with open dimensions, so that a new size never costs a new trace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz import devices  # isort: skip  # before TensorFlow: it sets the log level
import tensorflow as tf

from lstmviz.cells import ACTIVATIONS, KINDS, Cell, build
from lstmviz.language import _
from lstmviz.sequences import Sequence, make, wrap
from lstmviz.trace import Trace

Progress = Callable[[int, int], None]

# Steps written out in one turn of the loop: the loop's own upkeep is as dear as a small step.
_UNROLLED = 4
_CHUNK_SECONDS = 0.1  # how often a long run reports, and can be left


class _TensorFlowOps:
    """The operations of a step, as `cells.Ops` asks for them."""

    sigmoid = staticmethod(tf.sigmoid)
    tanh = staticmethod(tf.tanh)
    relu = staticmethod(tf.nn.relu)
    matmul = staticmethod(tf.matmul)

    @staticmethod
    def split(a: tf.Tensor, parts: int) -> list[tf.Tensor]:
        return list(tf.split(a, parts, axis=1))

    @staticmethod
    def clip(a: tf.Tensor, limit: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(a, -limit, limit)


def run(
    cell: Cell,
    x: Any,
    device: str | None = None,
    initial_state: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Trace:
    """Runs `cell` over `x` and records every gate and state at every step.

    Args:
        cell: The cell; it computes in its weights' type.
        x: The sequence, `[time, input_size]`: an array or a `Sequence`. No steps give a trace of no steps. NaN and
            infinity are let through, as TensorFlow's cells do; `Trace.first_nonfinite` says where a state took them on.
        device: A name from `devices.list_devices()`; by default the first GPU, else the first CPU.
        initial_state: `{"c": [num_units], "h": [output_size]}`, or some of it; zeros by default.
        progress: Called with the steps done and the steps in all, about ten times a second while the run goes on.
            An exception from it ends the run.

    Raises:
        ValueError: `x` or a state has the wrong shape.
        DeviceError: the device is not there.

    >>> import lstmviz as lv
    >>> trace = run(lv.build("GRUCell", num_units=3, input_size=2), [[0.0, 1.0], [1.0, 0.0]], device="CPU:0")
    >>> trace.gates["u"].shape
    (2, 3)
    """
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
    with tf.device(place):
        blocks, activations, states, ran_on = _run_in_chunks(cell, sequence.values, start, progress)
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


def warm_up() -> None:
    """Compiles the loop for each kind with its default options, so that the first viewer does not wait for it."""
    for kind in KINDS:
        run(build(kind, num_units=2, input_size=1), make("sine", time_steps=2, input_size=1))


def _run_in_chunks(
    cell: Cell, x: np.ndarray, start: list[np.ndarray], progress: Progress | None
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray], str]:
    """The recorded blocks, activations and states, and the device that the last states were on."""
    loop = _compiled(cell.kind.name, _structure(cell), cell.dtype.name)
    weights = {name: tf.convert_to_tensor(weight) for name, weight in cell.weights.items()}
    numbers = {name: tf.constant(value, cell.dtype) for name, value in cell.options.items() if type(value) is float}
    offset = tf.convert_to_tensor(cell.offset)
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
        outputs = loop(chunk, tuple(state), weights, offset, numbers)
        state = list(outputs[3])
        recorded.append([[tensor.numpy() for tensor in group] for group in outputs[:3]])
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


def _structure(cell: Cell) -> tuple[tuple[str, Any], ...]:
    """The options as far as they change the graph: a number only by being there, its value being an input."""
    return tuple(
        (name, True if isinstance(value, int | float) and not isinstance(value, bool) else value)
        for name, value in cell.options.items()
    )


@cache
def _compiled(kind_name: str, structure: tuple[tuple[str, Any], ...], dtype: str) -> Any:
    """The loop of a kind and its options: `(x, state, weights, offset, numbers)` to recorded groups and the last state."""
    kind = KINDS[kind_name]
    options = dict(structure)
    ops = _TensorFlowOps()
    squash = {gate.name: _activation(ops, options, gate.activation) for gate in kind.gates}
    squash["activation"] = _activation(ops, options, "activation")
    matrices = [v for v in kind.variables if v.gates and len(v.shape) == 2]
    vectors = {v.gates: v.name for v in kind.variables if v.gates and len(v.shape) == 1}
    present = [v for v in kind.variables if v.when is None or options[v.when] not in (None, False)]
    open_matrix = tf.TensorSpec([None, None], dtype)
    signature = [
        open_matrix,
        tuple(tf.TensorSpec([1, None], dtype) for _state in kind.states),
        {v.name: tf.TensorSpec([None] * len(v.shape), dtype) for v in present},
        tf.TensorSpec([None], dtype),
        {option.name: tf.TensorSpec([], dtype) for option in kind.options if option.type is float and options[option.name]},
    ]

    @tf.function(input_signature=signature, autograph=False)
    def loop(x, state, weights, offset, numbers):  # type: ignore[no-untyped-def]
        steps, input_size = tf.shape(x)[0], tf.shape(x)[1]
        turns = tf.maximum((steps + _UNROLLED - 1) // _UNROLLED, 1)  # no steps: one turn, all of it cut off below
        num_units = tf.shape(offset)[0] // len(kind.gates)
        values = options | numbers
        inputs, hidden_rows, first = {}, {}, 0
        for variable in matrices:
            kernel = weights[variable.name]
            last = first + num_units * len(variable.gates)
            bias = weights[vectors[variable.gates]] + offset[first:last]
            from_x = tf.matmul(x, kernel[:input_size]) + bias
            padded = tf.pad(from_x, [[0, turns * _UNROLLED - steps], [0, 0]])
            in_turns = tf.reshape(padded, [turns, _UNROLLED, last - first])
            inputs[variable.name] = tf.TensorArray(dtype, turns).unstack(in_turns)
            hidden_rows[variable.name] = kernel[input_size:]
            first = last

        def turn(number, state, records):  # type: ignore[no-untyped-def]
            rows = {name: tf.split(array.read(number), _UNROLLED) for name, array in inputs.items()}
            made = []
            for step in range(_UNROLLED):

                def product(name, h, step=step):  # type: ignore[no-untyped-def]
                    return rows[name][step] + tf.matmul(h, hidden_rows[name])

                blocks, state = kind.step(ops, product, state, weights, values, squash)
                made.append((_join(blocks), *state))
            written = [
                record.write(number, tf.concat(parts, 0))
                for record, parts in zip(records, zip(*made, strict=True), strict=True)
            ]
            return number + 1, state, tuple(written)

        records = tuple(tf.TensorArray(dtype, turns) for _record in range(1 + len(kind.states)))
        _turns, _last, records = tf.while_loop(
            lambda number, *_rest: number < turns,
            turn,
            (0, state, records),
            parallel_iterations=1,
            shape_invariants=(
                tf.TensorShape([]),
                tuple(tf.TensorShape([1, None]) for _state in state),
                tuple(tf.TensorShape(None) for _record in records),
            ),
        )
        # Steps beyond the last one only filled up the last turn.
        joined, *states = (record.concat()[:steps] for record in records)
        blocks = tf.split(joined, len(kind.gates), axis=1)
        activations = [squash[gate.name](block) for gate, block in zip(kind.gates, blocks, strict=True)]
        last_state = [tf.concat([before, after], 0)[-1:] for before, after in zip(state, states, strict=True)]
        return blocks, activations, states, last_state

    return loop


def _join(blocks: tuple[tf.Tensor, ...]) -> tf.Tensor:
    return blocks[0] if len(blocks) == 1 else tf.concat(blocks, axis=1)


def _activation(ops: _TensorFlowOps, options: Mapping[str, Any], name: str) -> Callable[[tf.Tensor], tf.Tensor]:
    function = ACTIVATIONS[options["activation"] if name == "activation" else name]
    return lambda a: function(ops, a)


def _initial_state(cell: Cell, given: Mapping[str, Any] | None) -> list[np.ndarray]:
    """Each state as `[1, size]`, in the kind's order."""
    given = given or {}
    unknown = set(given) - set(cell.kind.states)
    if unknown:
        raise ValueError(
            _("initial_state has {given}; {kind} has the states {allowed}.").format(
                given=", ".join(sorted(unknown)), kind=cell.kind.name, allowed=", ".join(cell.kind.states)
            )
        )
    states = []
    for name in cell.kind.states:
        size = cell.state_size(name)
        state = np.array(given.get(name, np.zeros(size)), cell.dtype)
        if state.shape != (size,):
            raise ValueError(
                _("initial_state {name} has the shape {given}; it must be {allowed}.").format(
                    name=name, given=list(state.shape), allowed=[size]
                )
            )
        states.append(state[np.newaxis])
    return states


def _named(names: Any, arrays: list[np.ndarray]) -> Mapping[str, Float[np.ndarray, "time size"]]:
    for array in arrays:
        array.setflags(write=False)
    return MappingProxyType(dict(zip(names, arrays, strict=True)))
