"""The same cell as code: TensorFlow 1, Keras 3 and this library, each a program that runs as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lstmviz.cells import Cell, OptionValue
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS

# How Keras 3 says what TensorFlow 1's kinds say; a kind's options missing here cannot be said in Keras.
_KERAS_LAYERS = {
    "BasicRNNCell": ("SimpleRNN", {}),
    "BasicLSTMCell": ("LSTM", {}),
    "LSTMCell": ("LSTM", {}),
    "GRUCell": ("GRU", {"reset_after": False}),
    "CudnnCompatibleGRUCell": ("GRU", {"reset_after": True}),
}
# What TensorFlow 1.15 had: each class by its room in `tf.contrib`.
_TENSORFLOW_CELLS = {
    **dict.fromkeys(("BasicRNNCell", "BasicLSTMCell", "LSTMCell", "GRUCell"), "rnn"),
    "CudnnCompatibleGRUCell": "cudnn_rnn",
    "CoupledInputForgetGateLSTMCell": "rnn",
    "LayerNormBasicLSTMCell": "rnn",
    "IndRNN": "rnn",
}
# Those of them that no TensorFlow since has had, with what `tensorflow/contrib/rnn/python/ops/rnn_cell.py` calls their variables.
_CONTRIB_VARIABLES = {
    "CoupledInputForgetGateLSTMCell": "W_0, B, W_F_diag, W_O_diag",
    "LayerNormBasicLSTMCell": "kernel, input/gamma, input/beta, …",
    "IndRNN": "kernel_w, kernel_u [1, num_units], bias",
}
_TENSORFLOW_NAMES = {"IndRNN": "IndRNNCell"}
_TENSORFLOW_FUNCTIONS = {
    "tanh": "tf.tanh",
    "relu": "tf.nn.relu",
    "sigmoid": "tf.sigmoid",
    "linear": "tf.identity",
    "softsign": "tf.nn.softsign",
    "softplus": "tf.nn.softplus",
    "elu": "tf.nn.elu",
    "selu": "tf.nn.selu",
    "exponential": "tf.exp",
    "hard_sigmoid": "lambda a: tf.nn.relu6(a + 3.0) / 6.0",
    "legacy_hard_sigmoid": "lambda a: tf.clip_by_value(0.2 * a + 0.5, 0.0, 1.0)",
    "silu": "lambda a: a * tf.sigmoid(a)",
    "gelu": "lambda a: 0.5 * a * tf.erfc(-a / 2.0**0.5)",
    "leaky_relu": "lambda a: tf.nn.leaky_relu(a, 0.2)",
}
_KERAS_FUNCTIONS = {"legacy_hard_sigmoid": "lambda a: keras.ops.clip(0.2 * a + 0.5, 0.0, 1.0)"}
_KERAS_ACTIVATIONS = ("activation", "recurrent_activation")
_KERAS_OPTIONS = (*_KERAS_ACTIVATIONS, "use_bias", "forget_bias")


def all_of(
    cell: Cell,
    sequence: str,
    initial_weights: str,
    seed: int,
    time_steps: int,
    weights: str = "",
    held: Mapping[str, Any] | None = None,
    edited: Mapping[str, Any] | None = None,
    before: Cell | None = None,
) -> tuple[dict[str, str], list[str]]:
    """The code by what it is for, and a sentence about each that there is none of.

    Args:
        cell: The cell.
        sequence: The code of its input.
        initial_weights: How its weights start.
        seed: What makes them repeatable.
        time_steps: The length of its input.
        weights: The code of its weights, where they are not drawn by a seed.
        held: What its run holds.
        edited: Which of its weights are others, as `Cell.with_weights` takes them.
        before: The cell before a linear layer was folded into it; None where none was.
    """
    name = cell.kind.name
    codes = {"lstmviz": this_library(cell, sequence, initial_weights, seed, weights, held, edited, before)}
    if name in _KERAS_LAYERS:
        codes["Keras 3"] = keras3(cell, time_steps)
    if name in _TENSORFLOW_CELLS:
        codes["TensorFlow 1"] = tensorflow1(cell, time_steps)
    missing = []
    if name in _CONTRIB_VARIABLES:
        missing.append(
            _(
                "Keras 3 has no layer of this kind. TensorFlow 1.15 had it in `tf.contrib.rnn`, which ended with it: "
                "TensorFlow 2 has no such class."
            )
        )
    elif not cell.kind.is_ours:
        missing.append(
            _(
                "The equation of {kind} stands in the code that declares it, which is not known here: run that first. No layer "
                "of Keras or TensorFlow is known to compute it."
            ).format(kind=f"`{name}`")
        )
    elif len(codes) == 1:
        missing.append(_("Neither Keras 3 nor TensorFlow 1 has a layer of this kind."))
    return codes, missing


def tensorflow1(cell: Cell, time_steps: int) -> str:
    """The cell in TensorFlow 1, whose `tf.contrib` the article read."""
    changed = _changed(cell)
    name = cell.kind.name
    room = _TENSORFLOW_CELLS[name]
    if name == "IndRNN":  # whose activation is tanh there by default
        changed["activation"] = cell.options["activation"]
    unsayable = {"recurrent_activation", "use_bias"} | ({"activation"} if room != "rnn" else set())
    notes = [
        "# " + _("TensorFlow 1 has no {option} here: this cell leaves it out.").format(option=option)
        for option in changed
        if option in unsayable
    ]
    if name in _CONTRIB_VARIABLES:
        words = _("TensorFlow 1.15 is the last that has it; there the variables are {names}.")
        notes.append("# " + words.format(names=_CONTRIB_VARIABLES[name]))
    told = {name: value for name, value in changed.items() if name not in unsayable}
    arguments = [str(cell.num_units), *_written({k: v for k, v in told.items() if k != "activation"})]
    if "activation" in told:
        arguments.append(f"activation={_TENSORFLOW_FUNCTIONS[str(told['activation'])]}")
    is_same = "use_bias" not in changed and name != "IndRNN"
    shapes = f"  # {_shapes(cell)}" if is_same else ""
    class_ = _TENSORFLOW_NAMES.get(name, name)
    return "\n".join(
        [
            "import tensorflow as tf  # 1.x",
            "",
            *notes,
            f"cell = tf.contrib.{room}.{class_}({', '.join(arguments)})",
            f"x = tf.placeholder(tf.float32, [1, {time_steps}, {cell.input_size}])  # [batch, time, input_size]",
            "outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)",
            f"print([v.shape for v in cell.variables]){shapes}",
        ]
    )


def keras3(cell: Cell, time_steps: int) -> str:
    """The nearest layer of Keras 3, with a comment for what it cannot say."""
    layer, fixed = _KERAS_LAYERS[cell.kind.name]
    arguments = [str(cell.num_units), "return_sequences=True", *_written(fixed)]
    changed = _changed(cell)
    for name in _KERAS_ACTIVATIONS:
        if name in changed:
            value = str(changed[name])
            arguments.append(f"{name}={_KERAS_FUNCTIONS.get(value, repr(value))}")
    arguments += _written({name: value for name, value in changed.items() if name == "use_bias"})
    notes = [
        "# " + _("Keras has no {option}: this layer leaves it out.").format(option=name)
        for name in changed
        if name not in _KERAS_OPTIONS
    ]
    if cell.hidden_biased:
        once = ", ".join(gate for gate in cell.biased if gate not in cell.hidden_biased)
        notes.append(
            "# "
            + _("Keras stores two biases for {gates} too, where only their sum counts.").format(gates=once)
        )
    forget_bias = cell.options.get("forget_bias", 0.0)
    if forget_bias == 0.0 and "forget_bias" in cell.options:
        arguments.append("unit_forget_bias=False")
    elif forget_bias:
        notes.append(
            "# "
            + _("Keras starts f's bias at 1 and trains it; TensorFlow 1 adds forget_bias outside the bias.")
        )
    return "\n".join(
        [
            "import keras",
            "import numpy as np",
            "",
            *notes,
            f"layer = keras.layers.{layer}({', '.join(arguments)})",
            f'outputs = layer(np.zeros((1, {time_steps}, {cell.input_size}), "float32"))  # [batch, time, input_size]',
            "print(layer.count_params(), [tuple(w.shape) for w in layer.weights])",
        ]
    )


def this_library(
    cell: Cell,
    sequence: str,
    initial_weights: str,
    seed: int,
    weights: str = "",
    held: Mapping[str, Any] | None = None,
    edited: Mapping[str, Any] | None = None,
    before: Cell | None = None,
) -> str:
    """The cell in this library, with its weights and a run; `sequence` is the code of its input, see `all_of`."""
    drawn = [f"seed={seed}"]
    if initial_weights != "glorot_uniform":
        drawn.append(f'initial_weights="{initial_weights}"')
    arguments = [
        f'"{cell.kind.name}"',
        f"num_units={cell.num_units}",
        f"input_size={cell.input_size}",
        *([f"weights={weights}"] if weights else drawn),
        *_written(_changed(before or cell)),
    ]
    gate = cell.kind.gates[-1].name
    first = _('the code with @lv.kind("{kind}") comes first: it is not known here')
    declared = [] if cell.kind.is_ours else ["# " + first.format(kind=cell.kind.name)]
    return "\n".join(
        [
            "import lstmviz as lv",
            "",
            *declared,
            f"cell = lv.build({', '.join(arguments)})",
            *(
                [f"cell = lv.fold(lv.build_linear({cell.input_size}, {cell.input_size}, seed={seed}), cell)"]
                if before
                else []
            ),
            *_edit(edited),
            f"print(cell.kernel.shape, cell.bias.shape)  # {cell.kernel.shape} {cell.bias.shape}"
            if cell.rows
            else "print({name: weight.shape for name, weight in cell.weights.items()})",
            f"x = {sequence}",
            f"trace = lv.run(cell, x{f', clamp={held}' if held else ''})",
            f'print(trace.gates["{gate}"].shape, trace.device)',
            'lv.plot.gates(trace).write_html("gates.html")',
        ]
    )


@dataclass(frozen=True)
class Run:
    """How a layer of a file is run.

    Attributes:
        path: The file, as code names it.
        layer: The layer's name in it.
        sequence: The code of its input.
        reverse: Whether it reads its input from the end, where that is not as the file says; None where it is.
        has_state: Whether it starts from the file's own initial state.
        time_steps: The length of its input.
        stored_as: How its arrays are said to be stored; "" where the file says it.
        held: What it holds.
        edited: Which of its weights are others than the file's.
        has_kernel: Whether its cell has a single kernel, which can be drawn.
    """

    path: str
    layer: str
    sequence: str
    reverse: bool | None
    has_state: bool
    time_steps: int
    stored_as: str = ""
    held: Mapping[str, Any] = field(default_factory=dict)
    edited: Mapping[str, Any] = field(default_factory=dict)
    has_kernel: bool = True


def this_library_from_file(run: Run) -> str:
    """A layer of a file in this library, with a run as the page makes it."""
    layout = f", layout={run.stored_as!r}" if run.stored_as else ""
    turned = [] if run.reverse is None else [f"reads = replace(reads, reverse={run.reverse})"]
    state = ", initial_state=reads.initial_state" if run.has_state else ""
    state += f", clamp={run.held}" if run.held else ""
    return "\n".join(
        [
            *(["from dataclasses import replace", ""] if turned else []),
            "import lstmviz as lv",
            "",
            f"cells = lv.load({run.path!r}{layout})",
            f"cell, reads = cells[{run.layer!r}], cells.reads[{run.layer!r}]",
            *_edit(run.edited),
            *turned,
            f"x = {run.sequence}",
            f"trace = lv.run(cell, x.take(reads.order(x.values)){state})",
            *(['lv.plot.kernel(cell).write_html("kernel.html")'] if run.has_kernel else []),
            'lv.plot.gates(trace).write_html("gates.html")',
        ]
    )


def this_library_identified(file: str) -> str:
    """Arrays of unknown origin in this library, identified by a known output."""
    return "\n".join(
        [
            "import lstmviz as lv",
            "import numpy as np",
            "",
            f"arrays = dict(np.load({file!r}))"
            if file.endswith(".npz")
            else f"arrays = lv.load({file!r}).named_arrays",
            'x, h = (np.loadtxt(name, delimiter=",", ndmin=2) for name in ("x.csv", "h.csv"))  # a known input and output',
            "cell = lv.identify(arrays, x, h)[0].cell",
            "trace = lv.run(cell, x)",
        ]
    )


def own_framework(cell: Cell, layout: str, run: Run) -> dict[str, str]:
    """A layer of a file as its own framework makes one, by the framework's name; of some frameworks there is no such code."""
    if layout == "keras":
        return {"Keras 3": _keras_own(cell, run)}
    if layout == "pytorch":
        return {"PyTorch": _pytorch_own(cell, run)}
    return {"TensorFlow 1": tensorflow1(cell, run.time_steps)} if layout == "tf1" else {}


def _keras_own(cell: Cell, run: Run) -> str:
    layer, fixed = _KERAS_LAYERS[cell.kind.name]
    changed = _changed(cell)
    arguments = [str(cell.num_units), "return_sequences=True", *_written(fixed)]
    for name in _KERAS_ACTIVATIONS:
        if name in changed:
            value = str(changed[name])
            arguments.append(f"{name}={_KERAS_FUNCTIONS.get(value, repr(value))}")
    arguments += _written({name: value for name, value in changed.items() if name == "use_bias"})
    arguments += ["go_backwards=True"] if run.reverse else []
    note = _("with new weights, which set_weights replaces")
    return "\n".join(
        [
            "import keras",
            "import numpy as np",
            "",
            f"layer = keras.layers.{layer}({', '.join(arguments)})  # {note}",
            f'outputs = layer(np.zeros((1, {run.time_steps}, {cell.input_size}), "float32"))  # [batch, time, input_size]',
            "print(layer.count_params(), [tuple(w.shape) for w in layer.weights])",
        ]
    )


def _pytorch_own(cell: Cell, run: Run) -> str:
    form = LAYOUTS["pytorch"].form_of(cell.kind)
    arguments = [str(cell.input_size), str(cell.num_units)]
    arguments += ["bias=False"] if cell.options.get("use_bias") is False else []
    if form.family == "rnn" and cell.options.get("activation") == "relu":
        arguments.append('nonlinearity="relu"')
    if cell.output_size != cell.num_units:
        arguments.append(f"proj_size={cell.output_size}")
    note = _("with new weights, which load_state_dict replaces")
    return "\n".join(
        [
            "import torch",
            "",
            f"layer = torch.nn.{form.layer}({', '.join(arguments)})  # {note}",
            f"outputs, state = layer(torch.zeros({run.time_steps}, {cell.input_size}))  # [time, input_size]",
            "print(sum(p.numel() for p in layer.parameters()), {n: tuple(p.shape) for n, p in layer.named_parameters()})",
        ]
    )


def _edit(edited: Mapping[str, Any] | None) -> list[str]:
    """The line that edits weights; none where none is."""
    if not edited:
        return []
    changes = {name: dict(numbers) for name, numbers in edited.items()}
    note = _("some weights are edited")
    return [f"cell = cell.with_weights({changes!r})  # {note}"]


def _changed(cell: Cell) -> dict[str, OptionValue]:
    """The options that differ from their defaults."""
    return {o.name: cell.options[o.name] for o in cell.kind.options if cell.options[o.name] != o.default}


def _written(options: Mapping[str, OptionValue]) -> list[str]:
    return [f"{name}={value!r}" for name, value in options.items()]


def _shapes(cell: Cell) -> str:
    return ", ".join(str(list(weight.shape)) for weight in cell.weights.values())
