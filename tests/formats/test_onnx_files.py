"""ONNX models, made by hand and run by ONNX Runtime: every operator runs here as it runs there."""

import contextlib
import resource
import time
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import lstmviz as lv
from lstmviz.formats import onnx_files
from lstmviz.formats.found import Content, FormatError
from tests.formats.models import TOLERANCE, differs
from tests.formats.mutate import mutations

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
TENSOR = onnx.TensorProto
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


@pytest.fixture(autouse=True)
def here(request):
    """The reader in this process; what is marked runs where it always runs."""
    if "sandboxed" not in request.fixturenames:
        request.getfixturevalue("in_this_process")


@pytest.fixture
def sandboxed():
    """The reader in its own process."""


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
    assert "in a branch of" in loaded.notes["it"]
    assert list(loaded) == ["it", "it#2"]
    assert loaded.skipped == {
        "other operators": "the model has them too; recurrent operators alone are shown: If"
    }


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


def test_weights_that_are_given_at_run_time_are_left_out():
    model = make("RNN", weights("RNN", 2, 2, np.random.default_rng(0)), hidden_size=2)
    model.graph.input.append(helper.make_tensor_value_info("R", 1, [1, 2, 2]))
    del model.graph.initializer[1]
    assert "'R', which is given when the model runs" in lv.load(model.SerializeToString()).skipped["it"]


def test_weights_that_are_nowhere_are_left_out():
    model = make("RNN", weights("RNN", 2, 2, np.random.default_rng(0)), hidden_size=2)
    del model.graph.initializer[1]
    assert "'R', which is not in the model" in lv.load(model.SerializeToString()).skipped["it"]


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


# --- Constants ---------------------------------------------------------------------------------------------------------


def graph_of(nodes, tensors, sides=1, inputs=3, more=()):
    return helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("X", 1, ["time", 1, inputs]), *more],
        [helper.make_tensor_value_info("Y", 1, ["time", sides, 1, None])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in tensors.items()],
    )


def model_of(nodes, tensors, functions=(), opset=14, domains=(), **words):
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    graph = graph_of(nodes, tensors, **words)
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, functions=functions)


def op(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs, output if isinstance(output, list) else [output], **attributes)


def lstm(units=4, inputs=("X", "W", "R", "B"), name="lstm", **attributes):
    return op("LSTM", list(inputs), "Y", name=name, hidden_size=units, **attributes)


def numbers(units=4, inputs=3, sides=1, seed=0):
    arrays = weights("LSTM", units, inputs, np.random.default_rng(seed), sides)
    return arrays["W"], arrays["R"], arrays["B"]


def int64(*values):
    return np.array(values, np.int64)


def test_weights_behind_constant_operators():
    w, r, b = numbers()
    cases = {
        "Unsqueeze": ([op("Unsqueeze", ["w", "a"], "W")], {"w": w[0], "a": int64(0), "R": r, "B": b}),
        "Concat": ([op("Concat", ["b1", "b2"], "B", axis=1)], {"W": w, "R": r, "b1": b[:, :16], "b2": b[:, 16:]}),
        "Transpose": ([op("Transpose", ["r"], "R", perm=[0, 2, 1])], {"W": w, "r": r.swapaxes(1, 2).copy(), "B": b}),
        "Slice": ([op("Slice", ["r", "s", "e", "x"], "R")],
                  {"W": w, "B": b, "r": np.concatenate([b[:, :16, None].repeat(4, 2), r], 1),
                   "s": int64(16), "e": int64(32), "x": int64(1)}),
        "Slice backwards": ([op("Slice", ["r", "s", "e", "x", "d"], "R")],
                  {"W": w, "r": r[:, ::-1].copy(), "B": b, "s": int64(-1), "e": int64(-1000), "x": int64(1), "d": int64(-1)}),
        "Gather": ([op("Gather", ["r", "k"], "R", axis=1)],
                   {"W": w, "r": r[:, ::-1].copy(), "B": b, "k": int64(*range(15, -1, -1))}),
        "Reshape": ([op("Reshape", ["w", "k"], "W")], {"w": w.reshape(-1), "k": int64(1, 16, -1), "R": r, "B": b}),
        "Squeeze": ([op("Squeeze", ["w", "k"], "W")], {"w": w[None], "k": int64(0), "R": r, "B": b}),
        "Split": ([op("Split", ["rr", "k"], ["R", "other"], axis=0)],
                  {"W": w, "rr": np.concatenate([r, r + 1]), "B": b, "k": int64(1, 1)}),
        "Expand": ([op("Expand", ["half", "k"], "B")],
                   {"W": w, "R": r, "half": np.full((1, 1), 0.5, "float32"), "k": int64(1, 32)}),
        "Pad": ([op("Pad", ["b1", "k"], "B")], {"W": w, "R": r, "b1": b[:, :16], "k": int64(0, 0, 0, 16)}),
        "ConstantOfShape": ([op("ConstantOfShape", ["k"], "B", value=numpy_helper.from_array(np.array([0.25], "float32")))],
                            {"W": w, "R": r, "k": int64(1, 32)}),
        "Add, Mul": ([op("Mul", ["r", "two"], "r2"), op("Add", ["r2", "one"], "R")],
                     {"W": w, "r": r, "B": b, "two": np.float32(0.5), "one": np.float32(0.1)}),
        "weight norm": ([op("ReduceL2", ["r"], "n", axes=[2]), op("Div", ["r", "n"], "d"), op("Mul", ["d", "g"], "R")],
                        {"W": w, "r": r, "B": b, "g": np.float32(0.7)}),
        "Identity": ([op("Identity", ["w"], "w2"), op("Identity", ["w2"], "W")], {"w": w, "R": r, "B": b}),
        "Where": ([op("Greater", ["r", "zero"], "c"), op("Where", ["c", "r", "zero"], "R")],
                  {"W": w, "r": r, "B": b, "zero": np.float32(0)}),
    }  # fmt: skip
    x = np.random.default_rng(1).normal(size=(6, 3))
    for name, (nodes, tensors) in cases.items():
        model = model_of([*nodes, lstm()], tensors)
        loaded = lv.load(model.SerializeToString())
        assert list(loaded) == ["lstm"], (name, loaded.skipped)
        assert differs(loaded["lstm"], x, run(model, x)[:, 0]) <= TOLERANCE, name


@pytest.mark.parametrize("opset", [10, 13, 21])
@pytest.mark.parametrize("per_channel", [False, True])
def test_quantized_weights_are_dequantized_and_told(opset, per_channel):
    if per_channel and opset < 13:
        pytest.skip("scales by channel are of opset 13")
    w, r, b = numbers()
    scale = np.linspace(0.01, 0.03, 16).astype("float32") if per_channel else np.float32(0.02)
    grid = scale[None, :, None] if per_channel else scale
    zero = np.full(np.shape(scale), 3, "int8")
    tensors = {"R": r, "B": b, "w": np.clip(w / grid, -100, 100).astype("int8"), "s": scale, "z": zero}
    axis = {"axis": 1} if per_channel else {}
    model = model_of([op("DequantizeLinear", ["w", "s", "z"], "W", **axis), lstm()], tensors, opset=opset)
    x = np.random.default_rng(1).normal(size=(6, 3))
    loaded = lv.load(model.SerializeToString())
    assert "shown dequantized" in loaded.notes["lstm"]
    assert differs(loaded["lstm"], x, run(model, x)[:, 0]) <= TOLERANCE


@pytest.mark.parametrize("type_", ["float16", "bfloat16", "float8_e4m3fn"])
def test_narrow_weights_are_widened_and_told(type_):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype = np.dtype(getattr(ml_dtypes, type_, type_))
    w, r, b = (array.astype(dtype) for array in numbers())
    model = make("LSTM", {"W": w, "R": r, "B": b}, hidden_size=4)
    loaded = lv.load(model.SerializeToString())
    assert loaded["it"].dtype == np.float32
    assert type_ in loaded.notes["it"]
    same = make(
        "LSTM",
        {name: array.astype("float32") for name, array in (("W", w), ("R", r), ("B", b))},
        hidden_size=4,
    )
    x = np.random.default_rng(1).normal(size=(6, 3))
    assert differs(loaded["it"], x, run(same, x)[:, 0]) <= TOLERANCE


def test_double_weights_stay_double_and_nothing_is_told():
    arrays = {name: a.astype("float64") for name, a in zip("WRB", numbers(), strict=True)}
    loaded = lv.load(make("LSTM", arrays, hidden_size=4).SerializeToString())
    assert loaded["it"].dtype == np.float64
    assert loaded.notes == {}


def test_weights_that_depend_on_the_input_are_left_out_with_what_they_depend_on():
    w, r, b = numbers()
    nodes = [op("ReduceSum", ["X"], "s", keepdims=0), op("Mul", ["r", "s"], "R"), lstm()]
    loaded = lv.load(model_of(nodes, {"W": w, "r": r, "B": b}).SerializeToString())
    assert loaded.skipped["lstm"] == "its R: it depends on 'X', which is given when the model runs"


def test_weights_behind_an_operator_that_is_not_computed_are_left_out_by_its_name():
    w, r, b = numbers()
    nodes = [op("Sin", ["r"], "R", name="odd"), lstm()]
    loaded = lv.load(model_of(nodes, {"W": w, "r": r, "B": b}).SerializeToString())
    assert "computed by the operator Sin (odd)" in loaded.skipped["lstm"]


def test_weights_that_depend_on_themselves_are_left_out():
    w, r, b = numbers()
    nodes = [op("Add", ["R", "r"], "r2"), op("Neg", ["r2"], "R"), lstm()]
    loaded = lv.load(model_of(nodes, {"W": w, "r": r, "B": b}).SerializeToString())
    assert "it depends on itself" in loaded.skipped["lstm"]


# --- Another file ------------------------------------------------------------------------------------------------------


def save_apart(folder, **attributes):
    w, r, b = numbers(9)
    model = make("LSTM", {"W": w, "R": r, "B": b}, hidden_size=9, **attributes)
    x = np.random.default_rng(1).normal(size=(6, 3))
    outputs = run(model, x)
    onnx.save(model, folder / "m.onnx", save_as_external_data=True, location="m.onnx.data", size_threshold=0)
    return x, outputs


def test_weights_in_a_file_beside_the_model(tmp_path, sandboxed):
    x, outputs = save_apart(tmp_path)
    deep = tmp_path / "m.zip"
    with zipfile.ZipFile(deep, "w") as archive:
        for part in ("m.onnx", "m.onnx.data"):
            archive.write(tmp_path / part, f"net/{part}")
    for source in (tmp_path / "m.onnx", deep.read_bytes()):
        assert differs(lv.load(source)["it"], x, outputs[:, 0]) <= TOLERANCE
    deep.unlink()
    assert differs(lv.load(tmp_path)["it"], x, outputs[:, 0]) <= TOLERANCE


def test_weights_in_a_file_that_did_not_come_are_told_with_the_cure(tmp_path):
    save_apart(tmp_path)
    data = (tmp_path / "m.onnx").read_bytes()
    (tmp_path / "m.onnx.data").unlink()
    for source in (data, tmp_path / "m.onnx"):
        loaded = lv.load(source)
        assert loaded.skipped["it"] == (
            "its W: it is in m.onnx.data, which did not come with the model: give both, as a folder or a zip"
        )


@pytest.mark.parametrize("location", ["{elsewhere}", "../secret", "..\\secret", "C:/secret", "link", ""])
def test_weights_outside_the_models_folder_are_not_opened(tmp_path, location):
    (tmp_path / "net").mkdir()
    (tmp_path / "secret").write_bytes(bytes(10_000))
    (tmp_path / "net" / "link").symlink_to(tmp_path / "secret")
    model = make("LSTM", dict(zip("WRB", numbers(), strict=True)), hidden_size=4)
    for tensor in model.graph.initializer:
        onnx.external_data_helper.set_external_data(tensor, location.format(elsewhere=tmp_path / "secret"))
        tensor.ClearField("raw_data")
    path = tmp_path / "net" / "m.onnx"
    path.write_bytes(model.SerializeToString())
    loaded = lv.load(path)
    assert not loaded
    assert "outside its own folder" in loaded.skipped["it"] or "did not come" in loaded.skipped["it"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("offset", "-4"),
        ("offset", "100000000"),
        ("length", "4"),
        ("length", "9" * 4000),
        ("offset", "x"),
        ("length", "1e3"),
    ],
)
def test_a_place_beyond_the_file_is_refused(tmp_path, key, value):
    save_apart(tmp_path)
    model = onnx.load(tmp_path / "m.onnx", load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == key:
            entry.value = value
            break
    else:
        model.graph.initializer[0].external_data.add(key=key, value=value)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    loaded = lv.load(tmp_path / "m.onnx")
    assert not loaded
    assert "m.onnx.data" in loaded.skipped["it"]


# --- Graphs in graphs, and functions -----------------------------------------------------------------------------------


def test_an_operator_in_a_loop_sees_the_constants_around_it():
    w, r, b = numbers()
    body = helper.make_graph(
        [lstm(name="inner"), op("Identity", ["c"], "c2")],
        "body",
        [helper.make_tensor_value_info("i", 7, []), helper.make_tensor_value_info("c", 9, [])],
        [helper.make_tensor_value_info("c2", 9, []), helper.make_tensor_value_info("Y", 1, None)],
    )
    nodes = [op("Loop", ["n", "t"], "Z", body=body, name="thrice")]
    tensors = {"W": w, "R": r, "B": b, "n": np.array(3), "t": np.array(True)}
    loaded = lv.load(model_of(nodes, tensors).SerializeToString())
    assert list(loaded) == ["inner"]
    assert "It is in the loop thrice" in loaded.notes["inner"]


def test_a_loop_without_a_recurrent_operator_is_told_as_what_it_is():
    body = helper.make_graph(
        [op("Identity", ["c"], "c2")],
        "body",
        [helper.make_tensor_value_info("i", 7, []), helper.make_tensor_value_info("c", 9, [])],
        [helper.make_tensor_value_info("c2", 9, [])],
    )
    nodes = [op("Loop", ["n", "t"], [], body=body, name="spelled"), lstm()]
    tensors = dict(zip("WRB", numbers(), strict=True)) | {"n": np.array(3), "t": np.array(True)}
    loaded = lv.load(model_of(nodes, tensors).SerializeToString())
    assert "a loop without an LSTM" in loaded.skipped["spelled"]


def function_model(calls=1):
    """A function with weights and attributes bound at its calls, called by another function."""
    inner = op("LSTM", ["x", "w", "r", "b"], "y", name="it")
    inner.attribute.add(name="hidden_size", ref_attr_name="size", type=onnx.AttributeProto.INT)
    inner.attribute.add(name="direction", ref_attr_name="way", type=onnx.AttributeProto.STRING)
    flip = op("Transpose", ["rt"], "r", perm=[0, 2, 1])
    net = helper.make_function(
        "local",
        "Net",
        ["x", "w", "rt", "b"],
        ["y"],
        [flip, inner],
        [helper.make_opsetid("", 14)],
        ["size", "way"],
    )
    outer = op("Net", ["x", "w", "r", "b"], "y", domain="local", name="net", size=4, way="reverse")
    wrap = helper.make_function(
        "local", "Wrap", ["x", "w", "r", "b"], ["y"], [outer], [helper.make_opsetid("local", 1)]
    )
    w, r, b = numbers()
    nodes = [
        op("Wrap", ["X", f"W{k}", "R", "B"], "Y" if not k else f"Y{k}", domain="local", name=f"wrap{k}")
        for k in range(calls)
    ]
    tensors = {"R": r.swapaxes(1, 2).copy(), "B": b} | {f"W{k}": w * (k + 1) for k in range(calls)}
    return model_of(nodes, tensors, [net, wrap], domains=["local"])


def test_an_operator_in_a_function_has_what_each_call_gives_it():
    model = function_model(2)
    x = np.random.default_rng(1).normal(size=(6, 3))
    loaded = lv.load(model.SerializeToString())
    assert list(loaded) == ["wrap0/net/it", "wrap1/net/it"]
    assert differs(loaded["wrap0/net/it"], x, run(model, x)[:, 0], backward=True) <= TOLERANCE
    assert not np.array_equal(loaded["wrap0/net/it"].kernel, loaded["wrap1/net/it"].kernel)


def test_weights_that_a_function_computes_are_computed():
    half = helper.make_function(
        "local", "Half", ["a"], ["b"], [op("Mul", ["a", "h"], "b")], [helper.make_opsetid("", 14)]
    )
    half.node.insert(0, op("Constant", [], "h", value_float=0.5))
    w, r, b = numbers()
    model = model_of(
        [op("Half", ["r"], "R", domain="local"), lstm()], {"W": w, "r": r, "B": b}, [half], domains=["local"]
    )
    x = np.random.default_rng(1).normal(size=(6, 3))
    assert differs(lv.load(model.SerializeToString())["lstm"], x, run(model, x)[:, 0]) <= TOLERANCE


def test_a_function_that_calls_itself_is_refused():
    own = [op("Net", ["x"], "z", domain="local", name="again"), lstm(inputs=("x", "W", "R"))]
    net = helper.make_function("local", "Net", ["x"], ["Y"], own, [helper.make_opsetid("local", 1)])
    model = model_of([op("Net", ["X"], "Y", domain="local", name="net")], {}, [net], domains=["local"])
    loaded = lv.load(model.SerializeToString())
    assert "calls itself" in loaded.skipped["net/again"]


# --- Everything that an operator is told -------------------------------------------------------------------------------


def run_all(model, **inputs):
    session = runtime.InferenceSession(model.SerializeToString())
    return session.run(None, inputs)[0]


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_lengths_and_initial_states_that_the_file_holds_are_read(kind, direction):
    rng = np.random.default_rng(len(kind + direction))
    sides, units, inputs, steps, length = 1 + (direction == "bidirectional"), 5, 3, 9, 6
    arrays = weights(kind, units, inputs, rng, sides)
    tensors = arrays | {
        "n": np.array([length], "int32"),
        "h0": rng.normal(size=(sides, 1, units)).astype("float32"),
    }
    names = ["X", "W", "R", "B", "n", "h0"]
    if kind == "LSTM":
        tensors["c0"] = rng.normal(size=(sides, 1, units)).astype("float32")
        names.append("c0")
    node = op(kind, names, "Y", name="it", hidden_size=units, direction=direction)
    model = model_of([node], tensors, sides=sides)
    x = rng.normal(size=(steps, inputs)).astype("float32")
    outputs = run_all(model, X=x[:, None])[:length, :, 0]
    loaded = lv.load(model.SerializeToString())
    assert len(loaded) == sides
    for side, (name, cell) in enumerate(loaded.items()):
        reads = loaded.reads[name]
        assert reads.steps == length
        assert reads.reverse == (direction == "reverse" or side == 1)
        assert not loaded.assumed[name]
        trace = lv.run(cell, reads.arrange(x), initial_state=dict(reads.initial_state))
        h = trace.states["h"]
        assert np.max(np.abs((h[::-1] if reads.reverse else h) - outputs[:, side])) <= TOLERANCE


def test_states_of_several_sequences_are_told_and_the_first_is_taken():
    rng = np.random.default_rng(0)
    w, r, b = numbers()
    tensors = {
        "W": w,
        "R": r,
        "B": b,
        "n": np.array([4, 2], "int32"),
        "h0": rng.normal(size=(1, 2, 4)).astype("float32"),
    }
    model = model_of([lstm(inputs=("X", "W", "R", "B", "n", "h0"))], tensors)
    loaded = lv.load(model.SerializeToString())
    assert loaded.reads["lstm"].steps == 4
    assert np.array_equal(loaded.reads["lstm"].initial_state["h"], tensors["h0"][0, 0])
    assert "2 sequences' states" in loaded.notes["lstm"] and "2 sequences lengths" in loaded.notes["lstm"]


def test_states_stand_the_other_way_round_with_layout_1():
    rng = np.random.default_rng(0)
    w, r, b = numbers(sides=2)
    h0 = rng.normal(size=(3, 2, 4)).astype("float32")
    node = lstm(inputs=("X", "W", "R", "B", "", "h0"), layout=1, direction="bidirectional")
    loaded = lv.load(model_of([node], {"W": w, "R": r, "B": b, "h0": h0}, sides=2).SerializeToString())
    for side, name in enumerate(("lstm", "lstm_reverse")):
        assert np.array_equal(loaded.reads[name].initial_state["h"], h0[0, side])


def test_states_and_lengths_that_the_model_is_given_are_assumptions():
    tensors = dict(zip("WRB", numbers(), strict=True))
    more = [helper.make_tensor_value_info("n", 6, [1]), helper.make_tensor_value_info("h0", 1, [1, 1, 4])]
    model = model_of([lstm(inputs=("X", "W", "R", "B", "n", "h0"))], tensors, more=more)
    assumed = lv.load(model.SerializeToString()).assumed["lstm"]
    assert [each.that for each in assumed] == ["every step of its sequence counts", "its h starts from zeros"]
    assert "'h0', which is given when the model runs" in assumed[1].why


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_a_state_of_one_number_as_large_as_the_batch_is_no_assumption(value):
    nodes = [
        op("Shape", ["X"], "s"),
        op("Gather", ["s", "one"], "batch", axis=0),
        op("Concat", ["lead", "batch", "last"], "shape", axis=0),
        op("ConstantOfShape", ["shape"], "z", value=numpy_helper.from_array(np.array([value], "float32"))),
        op("Unsqueeze", ["z", "first"], "z4"),
        op("Squeeze", ["z4", "first"], "h0"),
        lstm(inputs=("X", "W", "R", "B", "", "h0", "h0")),
    ]
    tensors = dict(zip("WRB", numbers(), strict=True))
    tensors |= {"one": int64(1), "lead": int64(1), "last": int64(4), "first": int64(0)}
    model = model_of(nodes, tensors)
    loaded, x = (
        lv.load(model.SerializeToString()),
        np.random.default_rng(1).normal(size=(6, 3)).astype("float32"),
    )
    assert not loaded.assumed["lstm"]
    trace = lv.run(loaded["lstm"], x, initial_state=dict(loaded.reads["lstm"].initial_state))
    assert np.max(np.abs(trace.states["h"] - run(model, x)[:, 0])) <= TOLERANCE


@pytest.mark.parametrize(
    ("attributes", "cause"),
    [
        ({"hidden_size": 3}, "3"),
        ({"hidden_size": 4, "direction": "sideways"}, "sideways"),
        ({"hidden_size": 4, "layout": 2}, "layout"),
        ({"hidden_size": 4, "activations": ["Sigmoid", "Tanh"]}, "activations"),
        ({"hidden_size": 4, "activations": ["Sigmoid", "Tanh", "Tanh", "Tanh"]}, "activations"),
        ({"hidden_size": 4, "linear_before_reset": 1}, "linear_before_reset"),
        ({"hidden_size": 4, "invented": 1.0}, "invented"),
        ({"hidden_size": 4, "clip": [1.0]}, "clip"),
    ],
)
def test_what_is_told_and_not_understood_leaves_it_out(attributes, cause):
    node = op("LSTM", ["X", "W", "R", "B"], "Y", name="it", **attributes)
    loaded = lv.load(model_of([node], dict(zip("WRB", numbers(), strict=True))).SerializeToString())
    assert not loaded
    assert cause in loaded.skipped["it"]


@pytest.mark.parametrize("lengths", [int64(0), int64(-1), np.array([2.5], "float32"), int64()])
def test_lengths_that_are_none_leave_it_out(lengths):
    tensors = dict(zip("WRB", numbers(), strict=True)) | {"n": lengths}
    loaded = lv.load(model_of([lstm(inputs=("X", "W", "R", "B", "n"))], tensors).SerializeToString())
    assert "sequence_lens" in loaded.skipped["lstm"]


def test_more_alphas_than_the_activations_take_are_not_used():
    attributes = {"activations": ["Sigmoid", "LeakyRelu", "LeakyRelu"], "activation_alpha": [0.2, 0.2, 9.0]}
    tensors = dict(zip("WRB", numbers(), strict=True))
    model = model_of([lstm(**attributes)], tensors)
    loaded, x = lv.load(model.SerializeToString()), np.random.default_rng(1).normal(size=(6, 3))
    assert "are not used" in loaded.notes["lstm"]
    assert differs(loaded["lstm"], x, run(model, x)[:, 0]) <= TOLERANCE


def quantize_dynamically(arrays, per_channel, rng):
    """W and R as the quantized operator has them: `[sides, rows, gates]`, 8 bits, with scales and zero points."""
    tensors = {"B": arrays["B"]}
    for key in "WR":
        array = arrays[key].swapaxes(1, 2)
        top = np.abs(array).max(axis=1) if per_channel else np.abs(array).max(axis=(1, 2))
        scale = (top / 127).astype("float32")
        shaped = scale.reshape(scale.shape[0], 1, -1)
        tensors |= {
            key: np.round(array / shaped).astype("int8"),
            f"{key}s": scale,
            f"{key}z": np.zeros(scale.shape, "int8"),
        }
    return tensors


@pytest.mark.parametrize("per_channel", [False, True])
def test_onnx_runtimes_quantized_lstm_is_dequantized(per_channel):
    rng = np.random.default_rng(3)
    arrays = weights("LSTM", 8, 5, rng, sides=2)
    tensors = quantize_dynamically(arrays, per_channel, rng)
    names = ["X", "W", "R", "B", "", "", "", "", "Ws", "Wz", "Rs", "Rz"]
    node = op(
        "DynamicQuantizeLSTM",
        names,
        "Y",
        domain="com.microsoft",
        name="q",
        hidden_size=8,
        direction="bidirectional",
    )
    model = model_of([node], tensors, sides=2, inputs=5, domains=["com.microsoft"])
    loaded, x = lv.load(model.SerializeToString()), rng.normal(size=(7, 5)).astype("float32")
    assert loaded.stored["q"].layer == "DynamicQuantizeLSTM"
    assert "x and h are rounded" in loaded.notes["q"]
    outputs = run(model, x)
    floats = {
        key: (tensors[key].astype("float32") * tensors[f"{key}s"].reshape(2, 1, -1)).swapaxes(1, 2)
        for key in "WR"
    }
    exact = run(make("LSTM", {**floats, "B": arrays["B"]}, hidden_size=8, direction="bidirectional"), x)
    for side, name in enumerate(("q", "q_reverse")):
        assert differs(loaded[name], x, exact[:, side], backward=bool(side)) <= TOLERANCE
        assert differs(loaded[name], x, outputs[:, side], backward=bool(side)) <= 0.05


@pytest.mark.parametrize(("domain", "kind"), [("com.microsoft", "AttnLSTM"), ("ai.vendor", "FusedGRU")])
def test_recurrent_operators_of_others_are_left_out_by_their_name(domain, kind):
    node = op(kind, ["X", "W"], "Z", domain=domain, name="theirs")
    model = model_of([node, lstm()], dict(zip("WRB", numbers(), strict=True)), domains=[domain])
    assert kind in lv.load(model.SerializeToString()).skipped["theirs"]


def test_operators_without_names_are_numbered_in_the_files_order():
    tensors = dict(zip("WRB", numbers(), strict=True))
    nodes = [lstm(name=""), op("LSTM", ["X", "W", "R"], "Y2", hidden_size=4)]
    loaded = lv.load(model_of(nodes, tensors).SerializeToString())
    assert list(loaded) == ["LSTM", "LSTM#2"]


def test_what_else_is_in_a_model_is_told_once_with_counts():
    nodes = [op("Relu", ["X"], f"a{k}") for k in range(3)] + [op("Sin", ["X"], "s"), lstm()]
    loaded = lv.load(model_of(nodes, dict(zip("WRB", numbers(), strict=True))).SerializeToString())
    assert loaded.skipped == {
        "other operators": "the model has them too; recurrent operators alone are shown: Relu (3), Sin"
    }


# --- Exporters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "words", "how"),
    [
        *((kind, words, how) for kind, words in (("LSTM", {}), ("GRU", {}), ("LSTM", {"bidirectional": True}))
          for how in ("default", "inside", "torchscript")),
        ("RNN", {}, "torchscript"),  # of an RNN, today's exporter writes out every step
    ],
)  # fmt: skip
def test_what_torch_exports_today(tmp_path, kind, words, how):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    model = getattr(torch.nn, kind)(5, 9, **words)
    options = {"default": {}, "inside": {"external_data": False}, "torchscript": {"dynamo": False}}[how]
    example = torch.randn(6, 1, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model.eval(), (example,), tmp_path / "m.onnx", verbose=False, **options)
    loaded = lv.load(tmp_path / "m.onnx")
    with torch.no_grad():
        outputs = model(example)[0][:, 0].numpy()
    assert len(loaded) == 1 + bool(words)
    for side, (name, cell) in enumerate(loaded.items()):
        assert not loaded.assumed[name]
        own = outputs[:, 9 * side : 9 * side + 9]
        assert differs(cell, example[:, 0].numpy(), own, backward=bool(side)) <= TOLERANCE


# --- What a file is not ------------------------------------------------------------------------------------------------


def test_other_protocol_buffers_are_not_taken_for_models():
    model = make("RNN", weights("RNN", 2, 2, np.random.default_rng(0)), hidden_size=2).SerializeToString()
    assert onnx_files.knows(Content("m", {"": model}))
    others = {
        "SavedModel": b"\x08\x01\x12\x04\x0a\x02\x0a\x00",
        "GraphDef": b"\x0a\x05\x0a\x03abc\x22\x03\x08\xb0\x0f",
        "Core ML": b"\x08\x04\x12\x02\x0a\x00\xa2\x1f\x02\x08\x01",
        "a version alone": b"\x08\x08",
        "text": b"\x08 is no model",
        "nothing": b"",
    }
    for name, data in others.items():
        assert not onnx_files.knows(Content("m", {"": data})), name


def test_a_model_that_was_cut_off_is_a_damaged_model():
    model = make("RNN", weights("RNN", 2, 2, np.random.default_rng(0)), hidden_size=2).SerializeToString()
    with pytest.raises(FormatError, match="damaged ONNX model"):
        lv.load(model[:-40])


def test_names_that_are_no_text_are_damage():
    model = make("RNN", weights("RNN", 2, 2, np.random.default_rng(0)), hidden_size=2).SerializeToString()
    with pytest.raises(FormatError, match="no text"):
        lv.load(model.replace(b"RNN", b"R\xffN"))


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(mutations(function_model(2).SerializeToString()))
def test_damaged_models_are_read_or_refused(data):
    with contextlib.suppress(FormatError):
        found = onnx_files.read(Content("m", {"": data}), None)
        assert found.layers or found.skipped


# --- Bounds ------------------------------------------------------------------------------------------------------------


def nested(depth):
    graph = helper.make_graph([op("Identity", ["X"], "Y")], "g", [], [])
    for _level in range(depth):
        graph = helper.make_graph([op("If", ["c"], "Y", then_branch=graph, else_branch=graph)], "g", [], [])
    return helper.make_model(graph)


def calls(depth, width):
    """Functions that call the next one `width` times: as many operators as `width ** depth`."""
    functions = [
        helper.make_function(
            "local",
            f"F{k}",
            ["x"],
            ["y"],
            [op(f"F{k + 1}", ["x"], "y", domain="local")] * width
            if k < depth
            else [lstm(inputs=("x", "W", "R"))],
            [helper.make_opsetid("local", 1)],
        )
        for k in range(depth + 1)
    ]
    return model_of([op("F0", ["X"], "Y", domain="local")], {}, functions, domains=["local"])


def grown(kind, *inputs, count=1, **attributes):
    """An initial operator whose result is far larger than the file."""
    w, r, b = numbers()
    nodes = [op(kind, ["a", *[f"k{n}" for n in range(len(inputs))]], "R", **attributes), lstm()]
    names = {f"k{n}": each for n, each in enumerate(inputs)}
    return model_of(nodes, {"W": w, "a": r, "B": b, **names})


def chain(kind, count, **attributes):
    """Operators behind each other."""
    w, r, _b = numbers()
    nodes = [op(kind, [f"r{k}"], f"r{k + 1}", **attributes) for k in range(count)]
    return model_of([*nodes, lstm(inputs=("X", "W", f"r{count}"))], {"W": w, "r0": r})


def shared(count, units):
    zeros = np.zeros((1, 4 * units, units), "float32")
    nodes = [op("LSTM", ["X", "W", "W"], f"Y{k}", name=f"n{k}", hidden_size=units) for k in range(count)]
    return model_of(nodes, {"W": zeros}, inputs=units)


def doubled(count):
    """Each operator takes the one before it twice: a walk without a memory takes 2 to the count steps."""
    w, r, _b = numbers()
    nodes = [op("Concat", [f"z{k}"] * 2, f"z{k + 1}", axis=1) for k in range(count)]
    nodes[:0] = [op("Shape", ["X"], "s"), op("ConstantOfShape", ["s"], "z0")]
    return model_of([*nodes, lstm(inputs=("X", "W", "R", "", "", f"z{count}"))], {"W": w, "R": r})


def listed(count):
    model = make("RNN", weights("RNN", 2, 2, np.random.default_rng(0)), hidden_size=2)
    model.graph.node[0].attribute.append(helper.make_attribute("activation_alpha", [0.5] * count))
    return model


HOSTILE = {
    "graphs in graphs": lambda: nested(12),
    "calls of calls": lambda: calls(20, 4),
    "Expand": lambda: grown("Expand", int64(2**26, 16, 4)),
    "Tile": lambda: grown("Tile", int64(2**20, 2**10, 1)),
    "Pad": lambda: grown("Pad", int64(0, 0, 0, 2**20, 2**10, 2**10)),
    "Gather": lambda: grown("Gather", np.zeros((1000, 1000), "int64")),
    "Split": lambda: grown("Split", np.zeros(3_000_000, "int64")),
    "identities": lambda: chain("Identity", 15_000),
    "copies": lambda: chain("Neg", 15_000),
    "shared weights": lambda: shared(60, 512),
    "small layers": lambda: shared(20_000, 1),
    "doubled": lambda: doubled(60),
    "attributes": lambda: listed(900_000),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_small_file_costs_little(case):
    data = HOSTILE[case]().SerializeToString()
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        found = onnx_files.read(Content("m.onnx", {"": data}), None)
    except FormatError:
        found = None
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # KB
    assert (
        time.process_time() - start < 20
    )  # the checks of types take ten times as long; without a bound it is hours
    assert grown * 2**10 < len(data) + 300 * 2**20
    assert found is None or len(found.layers) <= 1000


def test_a_model_of_too_many_parts_is_refused_before_it_is_parsed():
    model = helper.make_model(
        helper.make_graph([helper.make_node("Relu", ["a"], ["b"])] * 200_000, "g", [], [])
    )
    with pytest.raises(FormatError, match="more than is read"):
        lv.load(model.SerializeToString())


@pytest.mark.parametrize("dims", [[-1, 4, 2], [2**62, 2**62, 4], [1, 3, 2], [0, 0, 0], [2] * 200])
def test_tensors_of_impossible_shapes_are_left_out(dims):
    model = make("RNN", weights("RNN", 4, 2, np.random.default_rng(0)), hidden_size=4)
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend(dims)
    loaded = lv.load(model.SerializeToString())
    assert not loaded
    assert "W" in loaded.skipped["it"]


def test_tensors_of_text_are_left_out():
    model = make("RNN", weights("RNN", 4, 2, np.random.default_rng(0)), hidden_size=4)
    model.graph.initializer[0].CopyFrom(helper.make_tensor("W", TENSOR.STRING, [1, 4, 2], [b"a"] * 8))
    assert "no numbers" in lv.load(model.SerializeToString()).skipped["it"]
