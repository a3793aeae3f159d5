"""Keras's own layers, the oracle of what TensorFlow 1's cells cannot say."""

import warnings

import numpy as np

with warnings.catch_warnings():  # TensorFlow's own use of deprecated APIs while it loads
    warnings.simplefilter("ignore")
    import keras

# The layer, what it is told beside the cell's options, and the gates in its kernel's order.
LAYERS = {
    "BasicRNNCell": (keras.layers.SimpleRNN, {}, ("z",)),
    "BasicLSTMCell": (keras.layers.LSTM, {}, ("i", "f", "j", "o")),
    "GRUCell": (keras.layers.GRU, {"reset_after": False}, ("u", "r", "c")),
    "CudnnCompatibleGRUCell": (keras.layers.GRU, {"reset_after": True}, ("u", "r", "c")),
}


def activation(name):
    """The function that Keras has under the name; of `legacy_hard_sigmoid` what Keras 2.15's source says."""
    if name == "legacy_hard_sigmoid":
        return lambda a: keras.ops.clip(0.2 * a + 0.5, 0.0, 1.0)
    return keras.activations.get(name)


def build_layer(cell, rng):
    """Keras's layer with the cell's options and weights; biases that Keras has twice are shared out by chance."""
    make, fixed, order = LAYERS[cell.kind.name]
    told = {
        n: activation(cell.options[n]) for n in ("activation", "recurrent_activation") if n in cell.options
    }
    layer = make(
        cell.num_units, **fixed, **told, use_bias=cell.options["use_bias"],
        return_sequences=True, return_state=True, dtype=cell.dtype.name,
    )  # fmt: skip
    layer.build((1, None, cell.input_size))
    gates = [cell.gate(name) for name in order]
    weights = [np.concatenate([g.kernel_x for g in gates], 1), np.concatenate([g.kernel_h for g in gates], 1)]
    if cell.options["use_bias"]:
        bias, hidden = (np.concatenate([getattr(g, name) for g in gates]) for name in ("bias", "hidden_bias"))
        bias = bias + np.concatenate([cell.offset[cell.columns(name)] for name in order])
        if layer.weights[-1].shape == (2, bias.size):
            free = np.repeat([name not in cell.hidden_biased for name in order], cell.num_units)
            shift = np.where(free, rng.normal(size=bias.size), 0)
            bias = np.stack([bias - shift, hidden + shift])
        weights.append(bias)
    layer.set_weights(weights)
    return layer


def start(cell, state):
    """The initial state as Keras takes it: h, then c."""
    return [state[name][np.newaxis] for name in reversed(cell.kind.states)]
