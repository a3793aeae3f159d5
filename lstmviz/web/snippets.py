"""The same cell as code: TensorFlow 1, Keras 3 and this library, each a program that runs as it stands."""

from __future__ import annotations

from collections.abc import Mapping

from lstmviz.cells import Cell, OptionValue
from lstmviz.language import _

# How Keras 3 says what TensorFlow 1's kinds say; a kind's options missing here cannot be said in Keras.
_KERAS_LAYERS = {
    "BasicRNNCell": ("SimpleRNN", {}),
    "BasicLSTMCell": ("LSTM", {}),
    "LSTMCell": ("LSTM", {}),
    "GRUCell": ("GRU", {"reset_after": False}),
}
_TENSORFLOW_FUNCTIONS = {
    "tanh": "tf.tanh",
    "relu": "tf.nn.relu",
    "sigmoid": "tf.sigmoid",
    "linear": "tf.identity",
}
_KERAS_OPTIONS = ("activation", "forget_bias")


def tensorflow1(cell: Cell, time_steps: int) -> str:
    """The cell in TensorFlow 1, whose `tf.contrib` the article read."""
    changed = _changed(cell)
    arguments = [
        str(cell.num_units),
        *(f"{name}={value!r}" for name, value in changed.items() if name != "activation"),
    ]
    if "activation" in changed:
        arguments.append(f"activation={_TENSORFLOW_FUNCTIONS[str(changed['activation'])]}")
    return "\n".join(
        [
            "import tensorflow as tf  # 1.x",
            "",
            f"cell = tf.contrib.rnn.{cell.kind.name}({', '.join(arguments)})",
            f"x = tf.placeholder(tf.float32, [1, {time_steps}, {cell.input_size}])  # [batch, time, input_size]",
            "outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)",
            f"print([v.shape for v in cell.variables])  # {_shapes(cell)}",
        ]
    )


def keras3(cell: Cell, time_steps: int) -> str:
    """The nearest layer of Keras 3, with a comment for what it cannot say."""
    layer, fixed = _KERAS_LAYERS[cell.kind.name]
    arguments = [str(cell.num_units), "return_sequences=True", *_written(fixed)]
    changed = _changed(cell)
    if "activation" in changed:
        arguments.append(f"activation={changed['activation']!r}")
    notes = [
        "# " + _("Keras has no {option}: this layer leaves it out.").format(option=name)
        for name in changed
        if name not in _KERAS_OPTIONS
    ]
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


def this_library(cell: Cell, sequence: str, initial_weights: str, seed: int) -> str:
    """The cell in this library, with its weights and a run; `sequence` is the code of its input."""
    arguments = [
        f'"{cell.kind.name}"',
        f"num_units={cell.num_units}",
        f"input_size={cell.input_size}",
        f"seed={seed}",
        *([f'initial_weights="{initial_weights}"'] if initial_weights != "glorot_uniform" else []),
        *_written(_changed(cell)),
    ]
    gate = cell.kind.gates[-1].name
    return "\n".join(
        [
            "import lstmviz as lv",
            "",
            f"cell = lv.build({', '.join(arguments)})",
            f"print(cell.kernel.shape, cell.bias.shape)  # {cell.kernel.shape} {cell.bias.shape}",
            f"x = {sequence}",
            "trace = lv.run(cell, x)",
            f'print(trace.gates["{gate}"].shape, trace.device)',
            'lv.plot.gates(trace).write_html("gates.html")',
        ]
    )


def this_library_from_file(file: str, layer: str, sequence: str) -> str:
    """A layer of a file in this library, with a run; `sequence` is the code of its input."""
    return "\n".join(
        [
            "import lstmviz as lv",
            "",
            f"cells = lv.load({file!r})",
            f"cell = cells[{layer!r}]",
            f"x = {sequence}",
            "trace = lv.run(cell, x)",
            'lv.plot.kernel(cell).write_html("kernel.html")',
            'lv.plot.gates(trace).write_html("gates.html")',
        ]
    )


def _changed(cell: Cell) -> dict[str, OptionValue]:
    """The options that differ from their defaults."""
    return {o.name: cell.options[o.name] for o in cell.kind.options if cell.options[o.name] != o.default}


def _written(options: Mapping[str, OptionValue]) -> list[str]:
    return [f"{name}={value!r}" for name, value in options.items()]


def _shapes(cell: Cell) -> str:
    return ", ".join(str(list(weight.shape)) for weight in cell.weights.values())
