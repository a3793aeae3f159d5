"""ONNX models, made by hand and run by ONNX Runtime: every operator runs here as it runs there."""

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.formats.found import FormatError
from tests.formats.models import TOLERANCE, differs

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def weights(kind, units, inputs, rng, sides=1, bias=True, peepholes=False):
    size = GATES[kind] * units
    arrays = {"W": (sides, size, inputs), "R": (sides, size, units)}
    arrays |= {"B": (sides, 2 * size)} if bias else {}
    arrays |= {"P": (sides, 3 * units)} if peepholes else {}
    return {name: rng.normal(size=shape, scale=0.5).astype("float32") for name, shape in arrays.items()}


def make(kind, arrays, constants=False, **attributes):
    """A model of one operator from X `[time, 1, inputs]` to Y `[time, sides, 1, units]`."""
    names = ["X", *(name if name in arrays else "" for name in ("W", "R", "B")), "", "", "", "P"]
    names = names if "P" in arrays else names[:4]
    sides, inputs = arrays["W"].shape[0], arrays["W"].shape[2]
    node = helper.make_node(kind, names, ["Y"], name="it", **attributes)
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    nodes = [helper.make_node("Constant", [], [t.name], value=t) for t in tensors] if constants else []
    graph = helper.make_graph(
        [*nodes, node],
        "g",
        [helper.make_tensor_value_info("X", 1, ["time", 1, inputs])],
        [helper.make_tensor_value_info("Y", 1, ["time", sides, 1, arrays["R"].shape[2]])],
        [] if constants else tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def run(model, x):
    session = runtime.InferenceSession(model.SerializeToString())
    return session.run(None, {"X": x[:, None].astype("float32")})[0][:, :, 0]


CASES = {
    "lstm": ("LSTM", {}, {}),
    "lstm-bare": ("LSTM", {"bias": False}, {}),
    "peepholes": ("LSTM", {"peepholes": True}, {}),
    "lstm-others": (
        "LSTM",
        {},
        {"activations": ["HardSigmoid", "Relu", "Relu"], "activation_alpha": [0.2], "activation_beta": [0.5]},
    ),
    "gru": ("GRU", {}, {}),
    "gru-after": ("GRU", {}, {"linear_before_reset": 1}),
    "gru-softsign": ("GRU", {}, {"activations": ["Sigmoid", "Softsign"]}),
    "rnn": ("RNN", {}, {}),
    "rnn-relu": ("RNN", {}, {"activations": ["Relu"]}),
    "reverse": ("LSTM", {}, {"direction": "reverse"}),
}  # fmt: skip


@pytest.mark.parametrize("constants", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_every_operator(case, constants):
    kind, shape, attributes = CASES[case]
    rng = np.random.default_rng(len(case))
    units, inputs = (int(size) for size in rng.integers(1, 7, 2))
    model = make(kind, weights(kind, units, inputs, rng, **shape), constants, hidden_size=units, **attributes)
    x = rng.normal(size=(8, inputs))
    ((name, cell),) = lv.load(model.SerializeToString(), name="m.onnx").items()
    assert name == "it"
    assert differs(cell, x, run(model, x)[:, 0], attributes.get("direction") == "reverse") <= TOLERANCE


def test_both_directions_with_functions_of_their_own():
    rng = np.random.default_rng(0)
    arrays = weights("GRU", 3, 2, rng, sides=2)
    model = make(
        "GRU",
        arrays,
        hidden_size=3,
        direction="bidirectional",
        activations=["HardSigmoid", "Tanh", "Sigmoid", "LeakyRelu"],
        activation_alpha=[0.2, 0.2],
        activation_beta=[0.5],
    )
    x = rng.normal(size=(6, 2))
    loaded, outputs = lv.load(model.SerializeToString()), run(model, x)
    assert list(loaded) == ["it", "it_reverse"]
    assert "from its end" in loaded.notes["it_reverse"]
    assert differs(loaded["it"], x, outputs[:, 0]) <= TOLERANCE
    assert differs(loaded["it_reverse"], x, outputs[:, 1], backward=True) <= TOLERANCE


def test_an_operator_in_a_branch():
    rng = np.random.default_rng(1)
    inner = make("RNN", weights("RNN", 2, 3, rng), hidden_size=2)
    branch = helper.make_graph(inner.graph.node, "then", [], [helper.make_tensor_value_info("Y", 1, None)])
    other = helper.make_node("If", ["c"], ["Y"], then_branch=branch, else_branch=branch)
    graph = helper.make_graph(
        [other], "g", list(inner.graph.input), list(inner.graph.output), list(inner.graph.initializer)
    )
    loaded = lv.load(helper.make_model(graph, ir_version=8).SerializeToString())
    assert "it" in loaded
    assert loaded.skipped == {"If": "it is not a recurrent operator"}


@pytest.mark.parametrize(
    ("attributes", "cause"),
    [
        ({"clip": 1.0}, "clip"),
        ({"input_forget": 1}, "f is a gate"),
        ({"activations": ["Sigmoid", "ScaledTanh", "Tanh"]}, "ScaledTanh"),
    ],
)
def test_what_no_cell_does_is_left_out_with_the_reason(attributes, cause):
    model = make("LSTM", weights("LSTM", 2, 2, np.random.default_rng(0)), hidden_size=2, **attributes)
    loaded = lv.load(model.SerializeToString())
    assert not loaded
    assert cause in loaded.skipped["it"]


def test_weights_elsewhere_are_not_opened(tmp_path):
    arrays = weights("LSTM", 2, 2, np.random.default_rng(0))
    model = make("LSTM", arrays, hidden_size=2)
    secret = tmp_path / "secret"
    secret.write_bytes(arrays["W"].tobytes())
    tensor = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, str(secret))
    tensor.ClearField("raw_data")
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    for source in (path, path.read_bytes()):
        loaded = lv.load(source)
        assert not loaded
        assert "in another file" in loaded.skipped["it"]


def test_weights_that_are_given_at_run_time_are_left_out():
    model = make("RNN", weights("RNN", 2, 2, np.random.default_rng(0)), hidden_size=2)
    del model.graph.initializer[1]
    assert "given to it" in lv.load(model.SerializeToString()).skipped["it"]


def test_tensors_that_promise_more_than_they_hold():
    model = make("RNN", weights("RNN", 2, 2, np.random.default_rng(0)), hidden_size=2)
    model.graph.initializer[0].dims[1] = 2**40
    loaded = lv.load(model.SerializeToString())
    assert not loaded
    assert "it" in loaded.skipped


def test_a_model_without_operators():
    graph = helper.make_graph([], "g", [], [])
    with pytest.raises(FormatError, match=r"m\.onnx"):
        lv.load(helper.make_model(graph).SerializeToString(), name="m.onnx")
