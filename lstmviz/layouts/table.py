"""How frameworks store the weights of a recurrent cell: declarations, read by all that converts, proves or draws.

Gate orders and equations are those of each framework's own documentation or source:

- `tf1`: `tensorflow/python/keras/layers/legacy_rnn/rnn_cell_impl.py`, and TensorFlow 1.15's `cudnn_rnn_ops.py`; the
  declarations in `lstmviz.cells` follow them, and the arrays here are made from those.
- `keras`: `keras/src/layers/rnn/lstm.py`, `gru.py` and `simple_rnn.py`.
- `pytorch`: the documentation of `torch.nn.LSTM`, `GRU` and `RNN`.
- `onnx`: the operators LSTM, GRU and RNN, https://onnx.ai/onnx/operators/.
- `cudnn`: `cudnnGetRNNWeightParams` and `cudnnRNNMode_t` in NVIDIA's cuDNN API reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.cells import ACTIVATIONS, KINDS, Kind, evaluate
from lstmviz.language import _, _mark


@dataclass(frozen=True)
class Family:
    """What frameworks agree on about one kind of layer.

    Attributes:
        title: What people call it.
        gates: Our letters, in our order.
    """

    title: str
    gates: tuple[str, ...]


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "lstm": Family("LSTM", ("i", "j", "f", "o")),
        "gru": Family("GRU", ("r", "u", "c")),
        "rnn": Family("RNN", ("z",)),
    }
)
"""The layers that every framework has, by the name of each."""

PARTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "x": ("input_size", "num_units"),
        "h": ("output_size", "num_units"),
        "bias": ("1", "num_units"),
        "hidden_bias": ("1", "num_units"),
        "peephole": ("1", "num_units"),
        "projection": ("num_units", "output_size"),
    }
)
"""What a cell's weights consist of: each part's block for one gate, as rows and columns."""


@dataclass(frozen=True)
class Slot:
    """One array that a framework stores.

    Attributes:
        name: The framework's name for it.
        parts: The parts it holds, one after another: names in `PARTS`.
        axes: Its axes, of "rows" and "columns" of its parts' blocks. Transposed weights name the columns first; "one" is
            an axis of length 1; "flat" stands alone for numbers without axes, every matrix transposed. Parts follow each
            other along the rows, or along the columns where there are no rows; gates follow each other along the columns.
        gates: Its gates in order, by our names; None for the order of the form.
        when: The option of ours that has to be on for the array to exist.
    """

    name: str
    parts: tuple[str, ...]
    axes: tuple[str, ...] = ("rows", "columns")
    gates: tuple[str, ...] | None = None
    when: str | None = None


@dataclass(frozen=True)
class Told:
    """An option of a cell in a framework's words.

    Attributes:
        option: Our name.
        name: The framework's.
        values: What it says for each of our values; None for the same value.
        heard: What it also understands, by its own words.
        places: Where the value stands, if what it is told is a list.
    """

    option: str
    name: str
    values: Mapping[Any, Any] | None = None
    heard: Mapping[Any, Any] = field(default_factory=dict)
    places: tuple[int, ...] = ()


@dataclass(frozen=True)
class Form:
    """How one framework stores one family of cells.

    Attributes:
        layer: The framework's name for such a layer; "" where it is the kind's.
        family: A name in `FAMILIES`.
        kinds: The kinds of cell that can be stored so; what is stored so is the first that offers what is there.
        letters: The framework's letter of each gate, in the order stored, with our name.
        slots: Its arrays.
        told: The options it can be told.
        fixed: What it has to be told to be this form.
    """

    layer: str
    family: str
    kinds: tuple[str, ...]
    letters: Mapping[str, str]
    slots: tuple[Slot, ...]
    told: tuple[Told, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What an error calls it."""
        return self.layer or " / ".join(self.kinds)

    @property
    def order(self) -> tuple[str, ...]:
        """Our names of the gates in the order stored."""
        return tuple(self.letters.values())

    def letter(self, gate: str) -> str:
        """The framework's letter of our gate."""
        return next((theirs for theirs, ours in self.letters.items() if ours == gate), gate)

    def slot(self, name: str) -> Slot:
        """The array called `name`."""
        return next(slot for slot in self.slots if slot.name == name)


_UNKNOWN = _mark('no form for cells of this kind is known here; lv.save(cell, "cell.npz") keeps it as it is.')


@dataclass(frozen=True)
class Layout:
    """How one framework stores weights.

    Attributes:
        name: A key of `LAYOUTS`.
        title: What the framework is called.
        source: Where the order is documented.
        forms: How each family is stored; where a family has two forms, the framework's default first.
        sizes: The framework's names of `input_size`, `num_units` and `num_proj`.
        adds_forget_bias: Whether it adds `forget_bias` when the cell runs; where it does not, the stored bias holds it.
        missing: Why kinds of cell, or options, cannot be stored, where there is more to say than that.
        only: What the framework can be told that no cell does: the one value understood, and why.
    """

    name: str
    title: str
    source: str
    forms: tuple[Form, ...]
    sizes: Mapping[str, str] = field(default_factory=dict)
    adds_forget_bias: bool = False
    missing: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, tuple[Any, str]] = field(default_factory=dict)

    def form_of(self, kind: Kind) -> Form:
        """How a cell of `kind` is stored.

        Raises:
            ValueError: it cannot be.
        """
        for form in self.forms:
            if kind.name in form.kinds:
                return form
        raise ValueError(
            _("{kind} cannot be stored as {layout}: {reason}").format(
                kind=kind.name, layout=self.title, reason=_(self.missing.get(kind.name, _UNKNOWN))
            )
        )


@dataclass(frozen=True)
class Place:
    """Where one gate's block of one part lies in the arrays of a layout.

    Attributes:
        array: The array's name.
        part: A name in `PARTS`.
        gate: Our name of the gate; "" for weights that belong to none.
        index: Where in the array it lies.
        stored: The block's shape as stored.
        transposed: Whether it is stored with its columns first.
    """

    array: str
    part: str
    gate: str
    index: tuple[int | slice, ...]
    stored: tuple[int, int]
    transposed: bool

    @property
    def shape(self) -> tuple[int, int]:
        """The block's shape, `[rows, columns]`."""
        return self.stored[::-1] if self.transposed else self.stored

    def read(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """The block, `[rows, columns]`."""
        block = arrays[self.array][self.index].reshape(self.stored)
        return block.T if self.transposed else block

    def __str__(self) -> str:
        axes = (f"{at.start}:{at.stop}" if isinstance(at, slice) else str(at) for at in self.index)
        return f"{self.array}[{', '.join(axes)}]"

    def write(self, arrays: Mapping[str, np.ndarray], block: np.ndarray) -> None:
        """Puts the block, `[rows, columns]`, in its place."""
        part = arrays[self.array][self.index]
        part[...] = (block.T if self.transposed else block).reshape(part.shape)


def shape_of(form: Form, slot: Slot, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of an array for these sizes: `input_size`, `num_units`, `output_size`."""
    blocks = [[evaluate(axis, sizes) for axis in PARTS[part]] for part in slot.parts]
    gates = len(form.order if slot.gates is None else slot.gates)
    rows, columns = sum(block[0] for block in blocks), gates * blocks[0][1]
    if "rows" not in slot.axes:
        columns *= len(slot.parts)
    total = sum(gates * block[0] * block[1] for block in blocks)
    lengths = {"rows": rows, "columns": columns, "one": 1, "flat": total}
    return tuple(lengths[axis] for axis in slot.axes)


def places(form: Form, slot: Slot, sizes: Mapping[str, int]) -> Iterator[Place]:
    """Where each block lies in an array, in the order stored."""
    flat = "flat" in slot.axes
    row = column = start = 0
    for part in slot.parts:
        rows, columns = (evaluate(axis, sizes) for axis in PARTS[part])
        # A row of numbers without axes is as it was.
        transposed = PARTS[part][0] != "1" if flat else _is_transposed(slot.axes)
        first = column
        for gate in form.order if slot.gates is None else slot.gates:
            at: dict[str, int | slice] = {
                "rows": slice(row, row + rows),
                "columns": slice(column, column + columns),
                "flat": slice(start, start + rows * columns),
                "one": 0,
            }
            stored = (columns, rows) if transposed else (rows, columns)
            yield Place(slot.name, part, gate, tuple(at[axis] for axis in slot.axes), stored, transposed)
            column += columns
            start += rows * columns
        if "rows" in slot.axes and not flat:
            row, column = row + rows, first


def _is_transposed(axes: tuple[str, ...]) -> bool:
    return "rows" in axes and axes.index("columns") < axes.index("rows")


# --- The declarations ------------------------------------------------------------------------------------------------


def slots_of(kind: Kind) -> tuple[Slot, ...]:
    """The variables of a kind as arrays of a layout."""
    return tuple(_slots(kind))


def _slots(kind: Kind) -> Iterator[Slot]:
    for variable in kind.variables:
        if variable.is_kernel:
            yield Slot(variable.name, variable.meets, gates=variable.gates, when=variable.when)
        elif variable.is_bias:
            part = "hidden_bias" if variable.is_hidden else "bias"
            yield Slot(variable.name, (part,), ("columns",), variable.gates, variable.when)
        elif variable.touches:
            yield Slot(variable.name, ("peephole",), ("columns",), variable.touches, variable.when)
        else:
            yield Slot(variable.name, ("projection",), gates=("",), when=variable.when)


def form_of_ours(kind: Kind) -> Form:
    """How this library stores a kind."""
    return Form("", "", (kind.name,), {gate.name: gate.name for gate in kind.gates}, slots_of(kind))


# TensorFlow 1 has no cells without a bias, no other recurrent activation, and its reset_after GRU no choice at all.
_UNSAYABLE_IN_TF1 = ("recurrent_activation", "use_bias", "num_proj")


def _tf1(family: str, kinds: tuple[str, ...], told: bool = True) -> Form:
    own = form_of_ours(KINDS[kinds[-1]])
    slots = tuple(replace(slot, when=None if slot.when == "use_bias" else slot.when) for slot in own.slots)
    options = [option.name for option in KINDS[kinds[-1]].options if option.name not in _UNSAYABLE_IN_TF1]
    return replace(
        own,
        family=family,
        kinds=kinds,
        slots=slots,
        told=tuple(Told(name, name) for name in options) if told else (),
    )


_KERAS_NAMES = {name: name for name in ACTIVATIONS if name != "legacy_hard_sigmoid"}
# Keras 2's hard_sigmoid has no name in Keras 3, and swish has two.
_KERAS_HEARD = {"legacy_hard_sigmoid": "legacy_hard_sigmoid", "swish": "silu"}
_KERAS_ACTIVATION = Told("activation", "activation", _KERAS_NAMES, _KERAS_HEARD)
_KERAS_RECURRENT = Told("recurrent_activation", "recurrent_activation", _KERAS_NAMES, _KERAS_HEARD)
_KERAS_BIAS = Told("use_bias", "use_bias")
_KERAS_KERNELS = (Slot("kernel", ("x",)), Slot("recurrent_kernel", ("h",)))
_KERAS_SLOTS = (*_KERAS_KERNELS, Slot("bias", ("bias",), ("columns",), when="use_bias"))
_KERAS_SLOTS_AFTER = (*_KERAS_KERNELS, Slot("bias", ("bias", "hidden_bias"), when="use_bias"))

_PYTORCH_SLOTS = (
    Slot("weight_ih_l0", ("x",), ("columns", "rows")),
    Slot("weight_hh_l0", ("h",), ("columns", "rows")),
    Slot("bias_ih_l0", ("bias",), ("columns",), when="use_bias"),
    Slot("bias_hh_l0", ("hidden_bias",), ("columns",), when="use_bias"),
)
_PYTORCH_PROJECTION = Slot("weight_hr_l0", ("projection",), ("columns", "rows"), ("",), "num_proj")
_PYTORCH_BIAS = Told("use_bias", "bias")

_ONNX_SLOTS = (
    Slot("W", ("x",), ("one", "columns", "rows")),
    Slot("R", ("h",), ("one", "columns", "rows")),
    Slot("B", ("bias", "hidden_bias"), ("one", "columns"), when="use_bias"),
)
_ONNX_PEEPHOLES = Slot("P", ("peephole",), ("one", "columns"), ("i", "o", "f"), "use_peepholes")
# Function, alpha, beta; None where the function takes none. There is no linear, but Affine is one.
ONNX_FUNCTIONS: Mapping[str, tuple[str, float | None, float | None]] = MappingProxyType(
    {
        "tanh": ("Tanh", None, None),
        "relu": ("Relu", None, None),
        "sigmoid": ("Sigmoid", None, None),
        "linear": ("Affine", 1.0, 0.0),
        "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
        "legacy_hard_sigmoid": ("HardSigmoid", 0.2, 0.5),
        "softsign": ("Softsign", None, None),
        "softplus": ("Softplus", None, None),
        "elu": ("Elu", 1.0, None),
        "leaky_relu": ("LeakyRelu", 0.2, None),
    }
)
"""Our activation functions in the words of ONNX's recurrent operators."""
# What a function takes where the lists say nothing; Affine's are ONNX Runtime's, for the specification has none.
ONNX_DEFAULTS: Mapping[str, tuple[float | None, float | None]] = MappingProxyType(
    {
        "affine": (0.0, 0.0),
        "elu": (1.0, None),
        "hardsigmoid": (0.2, 0.5),
        "leakyrelu": (0.01, None),
        "scaledtanh": (1.0, 1.0),
        "thresholdedrelu": (1.0, None),
    }
)
"""The numbers alpha and beta that ONNX's functions take, with their defaults; None for what they do not take."""


def _onnx_activations(*options: str) -> tuple[Told, ...]:
    """What stands at each place of the operator's list `activations`."""
    return tuple(
        Told(
            option,
            "activations",
            ONNX_FUNCTIONS,
            places=tuple(n for n, o in enumerate(options) if o == option),
        )
        for option in dict.fromkeys(options)
    )


_BOTH_LSTMS = ("BasicLSTMCell", "LSTMCell")
_RESETS_BEFORE = _mark(
    "it resets h before the product with the kernel, and this framework only after it, which gives other numbers. "
    "Take keras (reset_after=False) or onnx (linear_before_reset=0)."
)
_IFGO = {"i": "i", "f": "f", "g": "j", "o": "o"}

# cudnnRNNBiasMode_t: which of the two biases there are; two where it is not set.
_CUDNN_BIASES = {
    "CUDNN_RNN_DOUBLE_BIAS": ("bias", "hidden_bias"),
    "CUDNN_RNN_SINGLE_INP_BIAS": ("bias",),
    "CUDNN_RNN_SINGLE_REC_BIAS": ("hidden_bias",),
    "CUDNN_RNN_NO_BIAS": (),
}
_CUDNN_MODES = {"tanh": "CUDNN_RNN_TANH", "relu": "CUDNN_RNN_RELU"}
_CLIPS_ELSEWHERE = _mark("the operator's clip acts on the gates before their activations, not on c")
_UNDOCUMENTED = _mark("where the projection lies in its buffer is not documented")


def _cudnn(family: str, layer: str, kinds: tuple[str, ...], letters: Mapping[str, str]) -> Iterator[Form]:
    """One form for each mode of biases: the buffer has no names by which to tell what is in it."""
    for bias_mode, biases in _CUDNN_BIASES.items():
        slots = (Slot("params", ("x", "h", *biases), ("flat",)),)
        fixed = {"biasMode": bias_mode}
        if family == "rnn":
            told = (Told("activation", "cellMode", _CUDNN_MODES),)
            yield Form(layer, family, kinds, letters, slots, told, fixed)
        else:
            yield Form(layer, family, kinds, letters, slots, fixed={**fixed, "cellMode": layer})


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        layout.name: layout
        for layout in (
            Layout(
                "tf1",
                "TensorFlow 1",
                "tensorflow/python/keras/layers/legacy_rnn/rnn_cell_impl.py",
                (
                    _tf1("lstm", _BOTH_LSTMS),
                    _tf1("gru", ("GRUCell",)),
                    _tf1("gru", ("CudnnCompatibleGRUCell",), told=False),
                    _tf1("rnn", ("BasicRNNCell",)),
                ),
                sizes={"num_units": "num_units", "num_proj": "num_proj"},
                adds_forget_bias=True,
            ),
            Layout(
                "keras",
                "Keras",
                "https://keras.io/api/layers/recurrent_layers/",
                (
                    Form(
                        "LSTM",
                        "lstm",
                        _BOTH_LSTMS,
                        {"i": "i", "f": "f", "c": "j", "o": "o"},
                        _KERAS_SLOTS,
                        (_KERAS_ACTIVATION, _KERAS_RECURRENT, _KERAS_BIAS),
                    ),
                    Form(
                        "GRU",
                        "gru",
                        ("CudnnCompatibleGRUCell",),
                        {"z": "u", "r": "r", "h": "c"},
                        _KERAS_SLOTS_AFTER,
                        (_KERAS_ACTIVATION, _KERAS_RECURRENT, _KERAS_BIAS),
                        fixed={"reset_after": True},
                    ),
                    Form(
                        "GRU",
                        "gru",
                        ("GRUCell",),
                        {"z": "u", "r": "r", "h": "c"},
                        _KERAS_SLOTS,
                        (_KERAS_ACTIVATION, _KERAS_RECURRENT, _KERAS_BIAS),
                        fixed={"reset_after": False},
                    ),
                    Form(
                        "SimpleRNN",
                        "rnn",
                        ("BasicRNNCell",),
                        {"h": "z"},
                        _KERAS_SLOTS,
                        (_KERAS_ACTIVATION, _KERAS_BIAS),
                    ),
                ),
                sizes={"num_units": "units"},
            ),
            Layout(
                "pytorch",
                "PyTorch",
                "https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html",
                (
                    Form(
                        "LSTM",
                        "lstm",
                        _BOTH_LSTMS,
                        _IFGO,
                        (*_PYTORCH_SLOTS, _PYTORCH_PROJECTION),
                        (_PYTORCH_BIAS,),
                    ),
                    Form(
                        "GRU",
                        "gru",
                        ("CudnnCompatibleGRUCell",),
                        {"r": "r", "z": "u", "n": "c"},
                        _PYTORCH_SLOTS,
                        (_PYTORCH_BIAS,),
                    ),
                    Form(
                        "RNN",
                        "rnn",
                        ("BasicRNNCell",),
                        {"h": "z"},
                        _PYTORCH_SLOTS,
                        (_PYTORCH_BIAS, Told("activation", "nonlinearity", {"tanh": "tanh", "relu": "relu"})),
                    ),
                ),
                sizes={"input_size": "input_size", "num_units": "hidden_size", "num_proj": "proj_size"},
                missing={"GRUCell": _RESETS_BEFORE},
            ),
            Layout(
                "onnx",
                "ONNX",
                "https://onnx.ai/onnx/operators/onnx__LSTM.html",
                (
                    Form(
                        "LSTM",
                        "lstm",
                        _BOTH_LSTMS,
                        {"i": "i", "o": "o", "f": "f", "c": "j"},
                        (*_ONNX_SLOTS, _ONNX_PEEPHOLES),
                        _onnx_activations("recurrent_activation", "activation", "activation"),
                    ),
                    Form(
                        "GRU",
                        "gru",
                        ("GRUCell",),
                        {"z": "u", "r": "r", "h": "c"},
                        _ONNX_SLOTS,
                        _onnx_activations("recurrent_activation", "activation"),
                        fixed={"linear_before_reset": 0},
                    ),
                    Form(
                        "GRU",
                        "gru",
                        ("CudnnCompatibleGRUCell",),
                        {"z": "u", "r": "r", "h": "c"},
                        _ONNX_SLOTS,
                        _onnx_activations("recurrent_activation", "activation"),
                        fixed={"linear_before_reset": 1},
                    ),
                    Form(
                        "RNN",
                        "rnn",
                        ("BasicRNNCell",),
                        {"i": "z"},
                        _ONNX_SLOTS,
                        _onnx_activations("activation"),
                    ),
                ),
                sizes={"num_units": "hidden_size"},
                missing={"cell_clip": _CLIPS_ELSEWHERE},
                only={
                    "clip": (None, _CLIPS_ELSEWHERE),
                    "input_forget": (0, _mark("a cell's f is a gate of its own, not 1 - i")),
                    "direction": ("forward", _mark("a cell runs forward; take the directions apart")),
                },
            ),
            Layout(
                "cudnn",
                "cuDNN",
                "https://docs.nvidia.com/deeplearning/cudnn/backend/latest/api/cudnn-adv-library.html",
                (
                    *_cudnn("lstm", "CUDNN_LSTM", _BOTH_LSTMS, _IFGO),
                    *_cudnn("gru", "CUDNN_GRU", ("CudnnCompatibleGRUCell",), {"r": "r", "i": "u", "h": "c"}),
                    *_cudnn("rnn", "CUDNN_RNN", ("BasicRNNCell",), {"i": "z"}),
                ),
                sizes={"input_size": "inputSize", "num_units": "hiddenSize"},
                missing={"GRUCell": _RESETS_BEFORE, "num_proj": _UNDOCUMENTED},
            ),
        )
    }
)
"""The layouts by name."""


def is_stored(kind: Kind) -> bool:
    """Whether there is a layout that stores cells of this kind."""
    return any(kind.name in form.kinds for layout in LAYOUTS.values() for form in layout.forms)
