"""TensorFlow's own TF1 cells, the oracle of everything that computes."""

import warnings

with warnings.catch_warnings():  # TensorFlow's own use of deprecated APIs while it loads
    warnings.simplefilter("ignore")
    import tensorflow as tf  # noqa: F401  # before what lies inside it
    from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl

KINDS = ("BasicRNNCell", "BasicLSTMCell", "LSTMCell", "GRUCell")
UNSAYABLE = ("recurrent_activation", "use_bias")
"""Options that TensorFlow 1 has not: its cells are as they are by default."""
RUNS = {
    "kinds": KINDS,
    "fixed": UNSAYABLE,
    "choices": {"activation": ["tanh", "relu", "sigmoid", "linear", "softsign", "softplus", "elu", "selu"]},
}
"""What `tests.runs.runs` may draw for these cells; TensorFlow knows not all activations by Keras 3's names."""

LSTMStateTuple = rnn_cell_impl.LSTMStateTuple


def build_layer(cell):
    """TensorFlow's TF1 layer of the same name, with the cell's sizes, options and weights."""
    defaults = {option.name: option.default for option in cell.kind.options}
    assert all(cell.options[name] == defaults[name] for name in UNSAYABLE if name in defaults)
    options = {name: value for name, value in cell.options.items() if name not in UNSAYABLE}
    with warnings.catch_warnings():
        # The classes announce their own removal, and build their variables in a deprecated way.
        warnings.filterwarnings("ignore", message=".*is deprecated and will be removed.*")
        layer = getattr(rnn_cell_impl, cell.kind.name)(cell.num_units, dtype=cell.dtype.name, **options)
        layer.build((1, cell.input_size))
    named = {variable.name.split("/", 1)[1].removesuffix(":0"): variable for variable in layer.weights}
    assert set(named) == set(cell.weights)
    for name, variable in named.items():
        variable.assign(cell.weights[name])
    return layer


def step(layer, x, tensors):
    """The states after a step from x `[1, input_size]` and the states `[1, size]`, in the kind's order."""
    output, after = layer(x, tensors[0] if len(tensors) == 1 else LSTMStateTuple(*tensors))
    return output, list(after) if len(tensors) > 1 else [after]
