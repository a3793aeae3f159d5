"""Conversions against the frameworks themselves, in both directions. cuDNN's buffer against PyTorch's flat weights alone:
without a GPU there is no cuDNN to ask."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz import layouts
from tests import tf1
from tests.conversions import conversions
from tests.runs import make_run, runs

with warnings.catch_warnings():  # TensorFlow's own use of deprecated APIs while it loads
    warnings.simplefilter("ignore")
    import keras

EXAMPLES = settings(max_examples=25, deadline=None)
# What PyTorch says the first time that it runs a projection on a CPU.
IN_TORCH = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
ATOL = 2e-5  # float32, and the longest sequences


def start(state, *axes):
    """The initial states as frameworks take them, h then c, with leading axes of length 1."""
    return [state[name].reshape(*axes, -1) for name in ("h", "c") if name in state]


def make(case, dtype="float32"):
    kind, options, units, inputs, steps, _dtype, seed = case
    return make_run(kind, options, units, inputs, steps % 8 + 1, dtype, seed)


def compare(cell, x, state, h, c=None):
    """The cell's run against a framework's h at each step, and its last c."""
    trace = lv.run(cell, x, initial_state=state)
    np.testing.assert_allclose(trace.states["h"], h, rtol=0, atol=ATOL)
    if c is not None:
        np.testing.assert_allclose(trace.states["c"][-1], c, rtol=0, atol=ATOL)


def compare_drawn(cell, x, state, h, *c):
    """`compare` for cells drawn at random: gates without bounds make a system in which rounding grows."""
    assume(np.abs(h).max() < 20)
    compare(cell, x, state, h, *c)


# --- Keras -----------------------------------------------------------------------------------------------------------


def run_keras(layer, x, state):
    h, _last, *c = layer(x[np.newaxis], initial_state=start(state, 1))
    return h.numpy()[0], *(each.numpy()[0] for each in c)


@given(conversions(["keras"]))
@EXAMPLES
def test_keras_computes_the_same_from_the_converted_weights(conversion):
    cell, x, state = make(conversion[1])
    converted = layouts.to_layout(cell, "keras")
    layer = getattr(keras.layers, converted.layer)(
        **converted.options, return_sequences=True, return_state=True
    )
    layer.build((1, None, cell.input_size))
    assert [weight.name for weight in layer.weights] == list(converted.arrays)
    layer.set_weights(list(converted.arrays.values()))
    compare_drawn(cell, x, state, *run_keras(layer, x, state))


KERAS_LAYERS = [
    ("LSTM", {}),
    ("GRU", {"reset_after": True}),
    ("GRU", {"reset_after": False}),
    ("SimpleRNN", {}),
]


@pytest.mark.parametrize(("name", "options"), KERAS_LAYERS)
@pytest.mark.parametrize("use_bias", [True, False])
def test_a_cell_from_keras_own_weights_computes_the_same(name, options, use_bias):
    layer = getattr(keras.layers, name)(
        6, **options, use_bias=use_bias, return_sequences=True, return_state=True, bias_initializer="normal"
    )
    layer.build((1, None, 4))
    arrays = {weight.name: weight.numpy() for weight in layer.weights}
    config = layer.get_config()
    told = {key: config[key] for key in ("units", "activation", "recurrent_activation") if key in config}
    cell = layouts.from_layout(arrays, "keras", name.lower().removeprefix("simple"), **told, **options)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(9, 4)).astype("float32")
    state = {n: rng.normal(size=6).astype("float32") for n in cell.kind.states}
    compare(cell, x, state, *run_keras(layer, x, state))


# --- PyTorch ---------------------------------------------------------------------------------------------------------


def run_torch(layer, x, state):
    import torch

    begin = [torch.from_numpy(each) for each in start(state, 1)]
    with torch.no_grad():
        h, last = layer(torch.from_numpy(x), tuple(begin) if len(begin) > 1 else begin[0])
    return (h.numpy(), last[1].numpy()[0]) if len(begin) > 1 else (h.numpy(),)


@IN_TORCH
@given(conversions(["pytorch"]))
@EXAMPLES
def test_pytorch_computes_the_same_from_the_converted_weights(conversion):
    torch = pytest.importorskip("torch")
    cell, x, state = make(conversion[1])
    assume(cell.output_size < cell.num_units or not cell.options.get("num_proj"))  # PyTorch's own limit
    converted = layouts.to_layout(cell, "pytorch")
    layer = getattr(torch.nn, converted.layer)(**converted.options)
    layer.load_state_dict({name: torch.tensor(array) for name, array in converted.arrays.items()})
    compare_drawn(cell, x, state, *run_torch(layer, x, state))


@IN_TORCH
@pytest.mark.parametrize(
    ("name", "options"),
    [("LSTM", {}), ("LSTM", {"proj_size": 3}), ("GRU", {}), ("RNN", {}), ("RNN", {"nonlinearity": "relu"})],
)
@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_from_pytorchs_own_weights_computes_the_same(name, options, bias):
    torch = pytest.importorskip("torch")
    torch.manual_seed(4)
    layer = getattr(torch.nn, name)(4, 6, bias=bias, **options)
    arrays = {key: tensor.numpy() for key, tensor in layer.state_dict().items()}
    cell = layouts.from_layout(arrays, "pytorch", name.lower(), **options, bias=bias)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(9, 4)).astype("float32")
    state = {n: rng.normal(size=cell.state_size(n)).astype("float32") for n in cell.kind.states}
    compare(cell, x, state, *run_torch(layer, x, state))
    back = layouts.to_layout(cell, "pytorch")
    for key in arrays:
        if "weight" in key:
            np.testing.assert_array_equal(back.arrays[key], arrays[key])


@given(conversions(["cudnn"]))
@EXAMPLES
def test_cudnns_buffer_is_in_the_order_of_pytorchs_flat_weights(conversion):
    torch = pytest.importorskip("torch")
    cell, _x, _state = make(conversion[1])
    cell = lv.build(
        cell.kind.name, cell.num_units, cell.input_size, seed=conversion[1][-1] % 2**31,
        **{name: value for name, value in cell.options.items() if name != "use_bias"},
    )  # fmt: skip
    converted = layouts.to_layout(cell, "pytorch")
    layer = getattr(torch.nn, converted.layer)(**converted.options)
    layer.load_state_dict({name: torch.tensor(array) for name, array in converted.arrays.items()})
    with torch.no_grad():  # what PyTorch hands to cuDNN, in this order
        flat = np.concatenate([weight.numpy().ravel() for weight in layer._flat_weights])
    np.testing.assert_array_equal(layouts.to_layout(cell, "cudnn").arrays["params"], flat)


# --- ONNX ------------------------------------------------------------------------------------------------------------


def run_onnx(layer, arrays, attributes, x, state):
    """ONNX Runtime on a graph of one node."""
    helper = pytest.importorskip("onnx").helper
    runtime = pytest.importorskip("onnxruntime")
    from onnx import TensorProto, numpy_helper

    states = {f"initial_{name}": state[name].reshape(1, 1, -1) for name in ("h", "c") if name in state}
    names = ["X", "W", "R", "B" if "B" in arrays else "", "", *states]
    names += ["P"] if "P" in arrays else []
    given = {"X": x[:, np.newaxis], **states}
    outputs = ["Y", "Y_h", "Y_c"][: 1 + len(states)]
    graph = helper.make_graph(
        [helper.make_node(layer, names, outputs, **attributes)], "one",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape) for name, value in given.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in arrays.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # on an operator with unused inputs it would warn
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    y, _h, *c = session.run(None, given)
    return y[:, 0, 0], *(each[0, 0] for each in c)


@given(conversions(["onnx"]))
@EXAMPLES
def test_onnx_runtime_computes_the_same_from_the_converted_weights(conversion):
    cell, x, state = make(conversion[1])
    converted = layouts.to_layout(cell, "onnx")
    compare_drawn(cell, x, state, *run_onnx(converted.layer, converted.arrays, converted.options, x, state))


@pytest.mark.parametrize(
    ("layer", "gates", "options"),
    [
        ("LSTM", 4, {}),
        ("LSTM", 4, {"activations": ["HardSigmoid", "LeakyRelu", "LeakyRelu"], "activation_alpha": [0.2, 0.2, 0.2]}),
        ("GRU", 3, {}),
        ("GRU", 3, {"linear_before_reset": 1, "activations": ["HardSigmoid", "Softsign"]}),
        ("GRU", 3, {"activations": ["Sigmoid", "Affine"], "activation_alpha": [1.0], "activation_beta": [0.0]}),
        ("RNN", 1, {"activations": ["Elu"]}),
        ("RNN", 1, {"activations": ["Relu"], "hidden_size": 5}),
    ],
)  # fmt: skip
def test_a_cell_from_onnxs_two_biases_computes_the_same(layer, gates, options):
    rng = np.random.default_rng(6)
    shapes = {"W": (1, gates * 5, 3), "R": (1, gates * 5, 5), "B": (1, 2 * gates * 5)}
    if layer == "LSTM":
        shapes["P"] = (1, 15)
    arrays = {name: (rng.normal(size=shape) / 3).astype("float32") for name, shape in shapes.items()}
    cell = layouts.from_layout(arrays, "onnx", layer.lower(), **options)
    x = rng.normal(size=(9, 3)).astype("float32")
    state = {n: rng.normal(size=5).astype("float32") for n in cell.kind.states}
    compare(cell, x, state, *run_onnx(layer, arrays, {"hidden_size": 5} | options, x, state))


# --- TensorFlow 1 ----------------------------------------------------------------------------------------------------


@given(runs(**tf1.RUNS))
@EXAMPLES
def test_tensorflow_1s_variables_come_back_as_they_are(case):
    cell, _x, _state = make(case)
    layer = tf1.build_layer(cell)
    arrays = {v.name.split("/", 1)[1].removesuffix(":0"): v.numpy() for v in layer.weights}
    converted = layouts.to_layout(cell, "tf1")
    assert {name: a.tobytes() for name, a in arrays.items()} == {
        name: a.tobytes() for name, a in converted.arrays.items()
    }
    assert converted.layer == type(layer).__name__
    told = {key: value for key, value in converted.options.items() if key != "num_units"}
    back = layouts.from_layout(arrays, "tf1", converted.family, **told)
    assert all(back.weights[name].tobytes() == cell.weights[name].tobytes() for name in cell.weights)
    assert all(value == cell.options[name] for name, value in back.options.items() if name in cell.options)


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_a_cell_may_go_through_every_framework_that_can_store_it(data):
    kind = data.draw(st.sampled_from(["BasicLSTMCell", "CudnnCompatibleGRUCell", "BasicRNNCell"]))
    way = data.draw(st.permutations(["keras", "pytorch", "onnx", "cudnn", "tf1"]))
    cell, x, state = make_run(kind, {}, 5, 3, 6, "float32", 8)
    expected = lv.run(cell, x, initial_state=state)
    for name in way:
        converted = layouts.to_layout(cell, name)
        cell = layouts.from_layout(converted.arrays, name, converted.family, **converted.options)
    trace = lv.run(cell, x, initial_state=state)
    np.testing.assert_allclose(trace.states["h"], expected.states["h"], rtol=0, atol=1e-6)
