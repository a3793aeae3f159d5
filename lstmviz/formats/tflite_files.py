"""TensorFlow Lite: the operators that are recurrent layers, by the schema `tensorflow/compiler/mlir/lite/schema/schema.fbs`.

A file is a FlatBuffer. Its operators keep a matrix for each gate; here they become TensorFlow 1's one kernel. The
operators' inputs are numbered in `tensorflow/lite/kernels/lstm_shared.h` and `bidirectional_sequence_lstm.cc`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstmviz.formats.budget import MOST_LAYERS, Budget, say_beyond
from lstmviz.formats.flatbuffer import Table
from lstmviz.formats.found import MAX_PARTS, Assumption, Content, FormatError, Found, Layer, Reads
from lstmviz.formats.tensors import widen
from lstmviz.language import _

_MOST_PARTS = 10 * MAX_PARTS  # operators and tensors

_OPERATORS = {
    6: "DEQUANTIZE", 16: "LSTM", 24: "RNN", 27: "SVDF", 32: "CUSTOM", 35: "UNIDIRECTIONAL_SEQUENCE_RNN",
    44: "UNIDIRECTIONAL_SEQUENCE_LSTM", 46: "BIDIRECTIONAL_SEQUENCE_RNN", 52: "BIDIRECTIONAL_SEQUENCE_LSTM",
    105: "REVERSE_V2", 119: "WHILE", 200: "STABLEHLO_WHILE",
}  # fmt: skip
_TYPES = {0: "<f4", 1: "<f2", 3: "u1", 7: "<i2", 9: "i1", 2: "<i4", 10: "<f8", 18: "bfloat16"}
_TYPE_NAMES = (
    "FLOAT32", "FLOAT16", "INT32", "UINT8", "INT64", "STRING", "BOOL", "INT16", "COMPLEX64", "INT8", "FLOAT64",
    "COMPLEX128", "UINT64", "RESOURCE", "VARIANT", "UINT32", "UINT16", "INT4", "BFLOAT16", "INT2", "UINT4",
)  # fmt: skip
_ACTIVATIONS = {0: "linear", 1: "relu", 4: "tanh"}
_ACTIVATION_NAMES = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")


@dataclass(frozen=True)
class _Options:
    """Which fields of an operator's options say what.

    Attributes:
        type: The number of the options' table.
        activation: The field of the activation.
        clips: The fields of `cell_clip` and `proj_clip`.
        kernel: The field of the kernel's type.
        rounds: The field that says that x and h are rounded.
        diagonal: The field that says that the recurrent matrices are diagonal.
        time_first: The field that says that x begins with its steps, and what it says where it is not stored.
    """

    type: int
    activation: int
    rounds: int
    clips: tuple[int, ...] = ()
    kernel: int | None = None
    diagonal: int | None = None
    time_first: tuple[int, bool] | None = None


_OPTIONS = {
    "LSTM": _Options(14, 0, 4, (1, 2), kernel=3),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _Options(71, 0, 4, (1, 2), diagonal=5, time_first=(3, False)),
    "BIDIRECTIONAL_SEQUENCE_LSTM": _Options(69, 0, 5, (1, 2), time_first=(4, True)),
    "RNN": _Options(7, 0, 1),
    "UNIDIRECTIONAL_SEQUENCE_RNN": _Options(31, 1, 2, time_first=(0, False)),
    "BIDIRECTIONAL_SEQUENCE_RNN": _Options(70, 1, 3, time_first=(0, False)),
}


@dataclass(frozen=True)
class _Side:
    """Which inputs of an operator are one direction's.

    Attributes:
        weights: The first of the matrices for x; those for h follow, the peepholes, the biases, the projection.
        states: The inputs of h and of c.
        norms: The first of the four norms' coefficients.
        other: What adds an input of its own to the gates: the matrices for it.
    """

    weights: int
    states: tuple[int, ...]
    norms: int | None = None
    other: tuple[int, ...] = ()


_SIDES = {
    "LSTM": (_Side(1, (18, 19), norms=20),),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (_Side(1, (18, 19), norms=20),),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (
        _Side(1, (35, 36), other=(40, 41, 42, 43)),
        _Side(18, (37, 38), other=(44, 45, 46, 47)),
    ),
    "RNN": (_Side(1, (4,)),),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (_Side(1, (4,)),),
    "BIDIRECTIONAL_SEQUENCE_RNN": (_Side(1, (4,), other=(10,)), _Side(5, (8,), other=(11,))),
}
_STORED_GATES = ("i", "f", "c", "o")
_KERNEL_GATES = ("i", "c", "f", "o")  # TensorFlow 1's i, j, f, o
_FULL, _BASIC = 0, 1
_AUX = {"BIDIRECTIONAL_SEQUENCE_LSTM": 39, "BIDIRECTIONAL_SEQUENCE_RNN": 9}


def knows(content: Content) -> bool:
    """Whether it bears the identifier of a model."""
    return content.data[4:8] == b"TFL3"


def read(content: Content, layout: str | None) -> Found:  # the operators say what is what
    """The layers in a model's graphs."""
    found, budget, beyond, others = Found(), Budget(content.allowed), 0, 0
    try:
        for graph, operator, kind in _walk(content.data):
            if (
                kind not in _SIDES
                and kind not in ("WHILE", "STABLEHLO_WHILE", "SVDF")
                and not _is_foreign(kind)
            ):
                others += 1
            elif budget.is_spent or len(found.layers) + len(found.skipped) >= MOST_LAYERS:
                beyond += 1
            elif kind in _SIDES:
                _take(found, budget, graph, operator, kind, len(content.data))
            else:
                found.skipped[found.free_title(kind)] = _say_left_out(kind)
    except (ValueError, IndexError) as error:
        raise FormatError(
            _("{name} is a damaged TensorFlow Lite model: {cause}").format(name=content.name, cause=error)
        ) from error
    if beyond:
        title = found.free_title(_("{count:,} more recurrent operators").format(count=beyond))
        found.skipped[title] = say_beyond()
    if others:
        title = found.free_title(_("other operators"))
        found.skipped[title] = _(
            "{count:,} that are not recurrent; what they make together is not read"
        ).format(count=others)
    return found


def _is_foreign(kind: str) -> bool:
    return any(word in kind.upper() for word in ("LSTM", "GRU", "RNN"))


def _say_left_out(kind: str) -> str:
    """Why an operator that keeps a state is no layer here."""
    if kind == "SVDF":
        return _("it is SVDF, a filter with a memory of its own, which no cell has")
    if kind in ("WHILE", "STABLEHLO_WHILE"):
        return _(
            "it is a loop in single operators, as a GRU, a SimpleRNN or a layer of Keras 3 comes out of the converter, and "
            "not one recurrent operator; give the model that it was converted from"
        )
    return _("it is the custom operator {name}, whose weights' order is not documented").format(name=kind)


# --- The graphs -------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Graph:
    """One graph of a model.

    Attributes:
        data: The whole file.
        name: Its name.
        tensors: Its tensors.
        buffers: The model's buffers.
        makers: Which operator makes a tensor, with the operator's kind; of those that are looked through.
        is_main: Whether it is what the model runs.
    """

    data: bytes
    name: str
    tensors: Any
    buffers: Any
    makers: dict[int, tuple[str, Table]]
    is_main: bool


def _walk(data: bytes) -> Iterator[tuple[_Graph, Table, str]]:
    """Every operator of every graph, with its kind."""
    model = Table.root(data)
    kinds = [_kind_of(code) for code in _bounded(model.tables(1))]
    met = 0
    for number, table in enumerate(_bounded(model.tables(2))):
        operators = _bounded(table.tables(3))
        met += len(operators)
        if met > _MOST_PARTS:
            raise ValueError(_("it has more than {most:,} operators").format(most=_MOST_PARTS))
        graph = _Graph(data, table.text(4), table.tables(0), model.tables(4), {}, number == 0)
        for operator in operators:
            code = operator.number(0, "I")
            if code >= len(kinds):
                raise ValueError(_("an operator of it has no kind"))
            if kinds[code] in ("DEQUANTIZE", "REVERSE_V2"):
                graph.makers |= {int(made): (kinds[code], operator) for made in operator.array(2, "<i4")[:1]}
            yield graph, operator, kinds[code]


def _bounded(tables: Any) -> Any:
    if len(tables) > _MOST_PARTS:
        raise ValueError(_("it has more than {most:,} operators").format(most=_MOST_PARTS))
    return tables


def _kind_of(code: Table) -> str:
    """What an operator is called; of one that is not looked at, its number."""
    number = max(code.number(0, "b"), code.number(3, "i"))
    return code.text(1) if number == 32 else _OPERATORS.get(number, str(number))


def _take(found: Found, budget: Budget, graph: _Graph, operator: Table, kind: str, stored: int) -> None:
    """Adds an operator's layers, or the reason why it makes none."""
    sides = _SIDES[kind]
    try:
        reader = _Operator(graph, operator, kind)
        layers = [reader.read(side, bool(number)) for number, side in enumerate(sides)]
        budget.charge(layers, stored)
    except (ValueError, IndexError) as error:
        found.skipped[found.free_title(kind)] = str(error)
        return
    for number, layer in enumerate(layers):
        found.layers[found.free_title(kind + ("_reverse" if number else ""))] = layer


# --- One operator -----------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Operator:
    """A recurrent operator.

    Attributes:
        graph: Its graph.
        table: The operator.
        kind: What it is called.
        told: What is to be said of its numbers' types.
    """

    graph: _Graph
    table: Table
    kind: str
    told: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._inputs = self.table.array(1, "<i4")
        self._names = _OPTIONS[self.kind]
        self._options = self.table.table(4)
        if self._options is not None and self.table.number(3, "B") != self._names.type:
            raise ValueError(_("its options are those of another operator"))

    def read(self, side: _Side, is_back: bool) -> Layer:
        """One direction of it.

        Raises:
            ValueError: it is left out; the message says why.
        """
        self.told = {}
        is_lstm = "LSTM" in self.kind
        options: dict[str, Any] = {"activation": self._activation()}
        if not is_lstm:
            arrays = self._read_rnn(side)
        elif self._option(self._names.kernel, "b") == _BASIC:
            arrays, options = self._read_basic(), {"forget_bias": 0.0, **options}
            side = _Side(0, (1, 4))
        else:
            arrays = self._read_lstm(side)
            options = {"forget_bias": 0.0, **options, **self._clips("projection/kernel" in arrays)}
        if any(self._has(number) for number in side.other):
            raise ValueError(_("a second input has weights of its own in it, which no cell has"))
        reverse = is_back != self._is_reversed(is_back)
        return Layer(
            "tf1",
            "lstm" if is_lstm else "rnn",
            arrays,
            options,
            notes=(*self._say_assembled(is_lstm), *self.told, *self._say_more(side, is_back)),
            assumed=tuple(self._assume_states(side, "hc" if is_lstm else "h")),
            called=self.kind,
            framework="TensorFlow Lite",
            reads=Reads(reverse=reverse),
        )

    # Its options

    def _option(self, number: int | None, kind: str) -> Any:
        return 0 if number is None or self._options is None else self._options.number(number, kind)

    def _activation(self) -> str:
        given = self._option(self._names.activation, "b")
        if given not in _ACTIVATIONS:
            name = _ACTIVATION_NAMES[given] if 0 <= given < len(_ACTIVATION_NAMES) else given
            raise ValueError(_("its activation is {given}, which no cell has").format(given=name))
        if given == 0 and "LSTM" in self.kind and self._option(self._names.kernel, "b") != _BASIC:
            # ApplyActivationToVector returns without writing, and the operator multiplies by what was there before.
            raise ValueError(
                _("its activation is NONE, with which TensorFlow Lite's operator does what no cell does")
            )
        return _ACTIVATIONS[given]

    def _clips(self, is_projected: bool) -> Mapping[str, float]:
        """Where c and the projected h are clipped; 0 is nowhere, and without a projection the second says nothing."""
        cell, projected = (float(self._option(number, "f")) for number in self._names.clips)
        found = {"cell_clip": cell} if cell > 0 else {}
        return {**found, "proj_clip": projected} if projected > 0 and is_projected else found

    # Its weights

    def _has(self, number: int) -> bool:
        return 0 <= number < len(self._inputs) and bool(self._inputs[number] >= 0)

    def _array(self, number: int, what: str) -> np.ndarray:
        if not self._has(number):
            raise ValueError(_("it has no {what}").format(what=what))
        try:
            return _read_tensor(self.graph, int(self._inputs[number]), self.told)
        except (ValueError, IndexError) as error:
            raise ValueError(_("its {what}: {reason}").format(what=what, reason=error)) from error

    def _gates(self, first: int, what: str) -> dict[str, np.ndarray]:
        """The arrays of the four gates, all of one shape."""
        found = {gate: self._array(first + k, f"{what} ({gate})") for k, gate in enumerate(_STORED_GATES)}
        if len({array.shape for array in found.values()}) > 1:
            raise ValueError(
                _("its {what} have the shapes {shapes}").format(
                    what=what, shapes=", ".join(str(list(array.shape)) for array in found.values())
                )
            )
        return found

    def _read_lstm(self, side: _Side) -> dict[str, np.ndarray]:
        """TensorFlow 1's arrays of an LSTM: the matrices side by side, those for x above those for h."""
        first = side.weights
        if side.norms is not None and any(self._has(side.norms + k) for k in range(4)):
            raise ValueError(_("it normalises its gates (layer normalization), which no cell has"))
        if not self._has(first) and not self._has(first + 4) and self._has(first + 1):
            raise ValueError(
                _("it has no input gate: i is 1 - f (CIFG), and a cell's i is a gate of its own")
            )
        if self._option(self._names.diagonal, "?"):
            raise ValueError(_("its recurrent matrices are stored as diagonals, which no cell has"))
        from_x, from_h = (
            self._gates(first, _("input weights")),
            self._gates(first + 4, _("recurrent weights")),
        )
        biases = self._gates(first + 11, _("biases"))
        if from_x["i"].ndim != 2 or from_h["i"].ndim != 2 or biases["i"].ndim != 1:
            raise ValueError(_("its weights are no matrices"))
        arrays = {
            "kernel": np.concatenate(
                [np.concatenate([part[gate].T for gate in _KERNEL_GATES], 1) for part in (from_x, from_h)]
            ),
            "bias": np.concatenate([biases[gate] for gate in _KERNEL_GATES]),
        }
        if any(self._has(first + 8 + k) for k in range(3)):
            peepholes = _("peephole weights")
            for k, name in enumerate(("w_i_diag", "w_f_diag", "w_o_diag")):
                arrays[name] = self._array(first + 8 + k, f"{peepholes} ({name[2]})")
        if self._has(first + 15):
            arrays["projection/kernel"] = self._array(first + 15, _("projection weights")).T
        if self._has(first + 16) and np.any(self._array(first + 16, _("projection bias"))):
            raise ValueError(_("its projection has a bias, which no cell has"))
        return arrays

    def _read_basic(self) -> dict[str, np.ndarray]:
        """The operator's older form: one matrix, its gates as TensorFlow 1 has them."""
        return {"kernel": self._array(2, _("weights")).T, "bias": self._array(3, _("bias"))}

    def _read_rnn(self, side: _Side) -> dict[str, np.ndarray]:
        from_x = self._array(side.weights, _("input weights"))
        from_h = self._array(side.weights + 1, _("recurrent weights"))
        if from_x.ndim != 2 or from_h.ndim != 2 or len(from_x) != len(from_h):
            raise ValueError(_("its weights are no matrices of one height"))
        return {
            "kernel": np.concatenate([from_x.T, from_h.T]),
            "bias": self._array(side.weights + 2, _("bias")),
        }

    # What is to be said

    def _say_assembled(self, is_lstm: bool) -> Iterator[str]:
        if not is_lstm:
            yield _("Its kernel is put together here of the file's two matrices: x's rows above h's.")
        elif self._option(self._names.kernel, "b") != _BASIC:
            yield _(
                "Its kernel and bias are put together here of the file's matrices, one for each gate, in TensorFlow 1's order "
                "i, j, f, o: x's rows above h's."
            )

    def _say_more(self, side: _Side, is_back: bool) -> Iterator[str]:
        if self._option(self._names.rounds, "?") or any("INT" in each for each in self.told):
            yield _(
                "Where TensorFlow Lite runs it, x and h may be rounded to whole numbers too: its numbers differ by that from "
                "those here."
            )
        if all(self._is_variable(number) for number in side.states):
            yield _(
                "TensorFlow Lite keeps its states from one run to the next until they are reset; here it starts from zeros."
            )
        if self.kind in ("LSTM", "RNN"):
            yield _("The operator does one step; a loop around it, if any, is outside the file.")
        if is_back and self._has(_AUX[self.kind]):
            yield _("It reads an input of its own, not that of the other direction.")
        if not self.graph.is_main:
            yield _("It is in the graph {name}, which another operator runs.").format(name=self.graph.name)

    def _is_variable(self, number: int) -> bool:
        return self._has(number) and bool(self.graph.tensors[int(self._inputs[number])].number(5, "?"))

    def _assume_states(self, side: _Side, names: str) -> Iterator[Assumption]:
        for number, name in zip(side.states, names, strict=True):
            if not self._is_variable(number):
                yield Assumption(
                    _("its {state} starts from zeros").format(state=name),
                    _("the model is given it when it runs, or computes it"),
                )

    def _is_reversed(self, is_back: bool) -> bool:
        """Whether the sequence was turned before it comes in."""
        number = _AUX[self.kind] if is_back and self._has(_AUX[self.kind]) else 0
        if not self._has(number):
            return False
        kind, maker = self.graph.makers.get(int(self._inputs[number]), ("", None))
        if kind != "REVERSE_V2" or maker is None or self._names.time_first is None:
            return False
        field_, default = self._names.time_first
        time = 0 if (default if self._options is None else self._options.number(field_, "?", default)) else 1
        axes = _read_buffer(self.graph, self.graph.tensors[int(maker.array(1, "<i4")[1])].number(2, "I"))
        return bool(axes.size == 4 and axes.view("<i4")[0] in (time, time - 3))  # of x's three axes


# --- Tensors ----------------------------------------------------------------------------------------------------------


def _read_tensor(graph: _Graph, number: int, told: dict[str, None]) -> np.ndarray:
    """A constant's numbers as float32, float64 where it is; `told` takes what is to be said of their type.

    Raises:
        ValueError: it is no constant, or of a type that is not read.
    """
    kind, maker = graph.makers.get(number, ("", None))
    if kind == "DEQUANTIZE" and maker is not None:
        number = int(maker.array(1, "<i4")[0])
    tensor = graph.tensors[number]
    type_, name = tensor.number(1, "b"), tensor.text(3)
    if tensor.table(6) is not None:
        raise ValueError(_("it is stored as a sparse array, which is not read"))
    if tensor.number(10, "I"):
        raise ValueError(_("it is in another file, which is not opened"))
    raw = _read_buffer(graph, tensor.number(2, "I"))
    if not len(raw):
        raise ValueError(_("{tensor!r} is given or computed when the model runs").format(tensor=name))
    if type_ not in _TYPES:
        word = _TYPE_NAMES[type_] if 0 <= type_ < len(_TYPE_NAMES) else type_
        raise ValueError(_("it is stored as {type}, which is not read").format(type=word))
    shape = [int(each) for each in tensor.array(0, "<i4")[:32]]
    dtype = "<u2" if _TYPES[type_] == "bfloat16" else _TYPES[type_]
    needed = math.prod(shape) * np.dtype(dtype).itemsize
    if min(shape, default=0) < 0 or needed != len(raw):
        raise ValueError(
            _(
                "it promises {shape} numbers and holds others: {given:,} bytes where {needed:,} would be"
            ).format(shape=shape, given=len(raw), needed=needed)
        )
    stored = raw.view(dtype).reshape(shape)
    if _TYPES[type_] == "bfloat16":
        stored = widen(stored)
    if stored.dtype.kind in "iu":
        told[
            _("Weights of it are stored as {type} with a scale, and are shown dequantized.").format(
                type=_TYPE_NAMES[type_]
            )
        ] = None
        return _dequantize(stored, tensor.table(4))
    if type_ in (1, 18):
        told[
            _("Weights of it are stored as {type}, and are shown as float32.").format(type=_TYPE_NAMES[type_])
        ] = None
    return stored.astype(np.float64 if stored.dtype.itemsize == 8 else np.float32)


def _read_buffer(graph: _Graph, number: int) -> np.ndarray:
    """A buffer's bytes: in the table, or behind all tables of a large file."""
    buffer = graph.buffers[number]
    offset, size = buffer.number(1, "Q"), buffer.number(2, "Q")
    if offset <= 1:
        return buffer.array(0, "u1")
    if offset + size > len(graph.data):
        raise ValueError(_("it leads out of the file"))
    return np.frombuffer(graph.data, np.uint8, size, offset)


def _dequantize(stored: np.ndarray, told: Table | None) -> np.ndarray:
    scale = np.empty(0) if told is None else told.array(2, "<f4")
    if told is None or not scale.size:
        raise ValueError(_("it is whole numbers, and what scales them is not in the file"))
    if told.number(4, "B"):
        raise ValueError(_("it is quantized in a way that is not read"))
    zero, axis = told.array(3, "<i8"), told.number(6, "i")
    if scale.size > 1:
        if (
            not 0 <= axis < stored.ndim
            or stored.shape[axis] != scale.size
            or zero.size not in (0, 1, scale.size)
        ):
            raise ValueError(
                _("it has {count:,} scales for the shape {shape}").format(
                    count=scale.size, shape=list(stored.shape)
                )
            )
        along = [-1 if place == axis else 1 for place in range(stored.ndim)]
        scale, zero = scale.reshape(along), zero.reshape(along) if zero.size > 1 else zero
    shift = zero.astype(np.float32) if zero.size else np.float32(0)
    if np.size(shift) == 1:
        shift = np.float32(np.ravel(shift)[0])
    return np.asarray(
        (stored.astype(np.float32) - shift) * (scale if scale.size > 1 else scale[0]), np.float32
    )
