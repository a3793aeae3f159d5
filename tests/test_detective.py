"""Which order is my file: weights of other people's layers, and what those layers gave, are the oracle."""

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.layouts import FAMILIES
from tests import tf1

with warnings.catch_warnings():  # TensorFlow's own use of deprecated APIs while it loads
    warnings.simplefilter("ignore")
    import keras

UNITS, INPUTS, STEPS = 5, 3, 6


def draw(rng, *shape):
    return (rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)


def make_inputs(rng, steps=STEPS, inputs=INPUTS):
    return rng.normal(size=(steps, inputs)).astype(np.float32)


def run_keras(layer, rng, x):
    """The layer's arrays, of random numbers, and what it gives for x."""
    layer.build((1, None, x.shape[1]))
    layer.set_weights([draw(rng, *weight.shape) for weight in layer.get_weights()])
    return layer.get_weights(), np.asarray(layer(x[np.newaxis]))[0]


def keras_lstm(rng, units=UNITS, inputs=INPUTS, steps=STEPS, **options):
    x = make_inputs(rng, steps, inputs)
    arrays, h = run_keras(keras.layers.LSTM(units, return_sequences=True, **options), rng, x)
    return arrays, x, h


def shuffled(rng, arrays):
    """The arrays under names that say nothing, in another order."""
    names = [f"a{k}" for k in rng.permutation(len(arrays))]
    mixed = dict(sorted(zip(names, arrays, strict=True)))
    assert len(mixed) == len(arrays)
    return mixed


def only_fit(matches):
    assert [match.fits for match in matches[:2]] == [True, False], [str(match) for match in matches[:3]]
    assert matches[0].ambiguous_with == ()
    return matches[0]


def assert_cell_gives(match, x, h):
    trace = lv.run(match.cell, x, device="CPU:0")
    np.testing.assert_allclose(trace.states["h"], h, atol=2e-5)


# --- Frameworks -------------------------------------------------------------------------------------------------------

KERAS = [
    ("LSTM", {}, ("i", "f", "j", "o")),
    ("LSTM", {"activation": "relu"}, ("i", "f", "j", "o")),
    ("LSTM", {"use_bias": False}, ("i", "f", "j", "o")),
    ("GRU", {"reset_after": True}, ("u", "r", "c")),
    ("GRU", {"reset_after": False}, ("u", "r", "c")),
    ("GRU", {"reset_after": False, "use_bias": False}, ("u", "r", "c")),
    ("SimpleRNN", {}, ("z",)),
    ("SimpleRNN", {"activation": "relu", "use_bias": False}, ("z",)),
]


@pytest.mark.parametrize(("name", "options", "order"), KERAS)
def test_keras_layers_are_recognised(name, options, order):
    rng = np.random.default_rng(1)
    x = make_inputs(rng)
    layer = getattr(keras.layers, name)(UNITS, return_sequences=True, **options)
    arrays, h = run_keras(layer, rng, x)
    match = only_fit(lv.identify(shuffled(rng, arrays), x, h))
    assert match.order == order
    assert "keras" in match.layouts
    assert (match.orientation, match.rows) == ("in, out", "split")
    assert match.biases == (
        0 if not options.get("use_bias", True) else 2 if options.get("reset_after") else 1
    )
    assert match.activation == options.get("activation", "tanh")
    assert match.reset_after == options.get("reset_after")
    assert match.forget_bias == (0.0 if name == "LSTM" else None)


@pytest.mark.parametrize(("name", "options", "order"), KERAS)
def test_the_cell_of_a_match_runs_as_the_layer_did(name, options, order):
    rng = np.random.default_rng(2)
    x = make_inputs(rng)
    arrays, h = run_keras(getattr(keras.layers, name)(UNITS, return_sequences=True, **options), rng, x)
    match = lv.identify(arrays, x, h)[0]
    assert_cell_gives(match, x, h)
    assert match.cell.options["use_bias"] == options.get("use_bias", True)


@pytest.mark.parametrize(
    ("name", "options"), [("LSTM", {}), ("GRU", {"reset_after": True}), ("GRU", {"reset_after": False})]
)
def test_hard_sigmoids_are_told_from_the_sigmoid(name, options):
    rng = np.random.default_rng(3)
    x = make_inputs(rng)
    hard = {
        "hard_sigmoid": "hard_sigmoid",
        # Keras 2's, which Keras 3 no longer has: clip(0.2 a + 0.5, 0, 1).
        "legacy_hard_sigmoid": lambda a: keras.ops.clip(0.2 * a + 0.5, 0.0, 1.0),
    }
    for expected, function in hard.items():
        layer = getattr(keras.layers, name)(
            UNITS, return_sequences=True, recurrent_activation=function, **options
        )
        match = only_fit(lv.identify(*run_and_give(layer, rng, x)))
        assert match.recurrent_activation == expected


def run_and_give(layer, rng, x):
    arrays, h = run_keras(layer, rng, x)
    return arrays, x, h


@pytest.mark.parametrize(
    ("name", "order"), [("LSTM", ("i", "f", "j", "o")), ("GRU", ("r", "u", "c")), ("RNN", ("z",))]
)
@pytest.mark.parametrize("bias", [True, False])
def test_torch_layers_are_recognised(name, order, bias):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    x = make_inputs(rng)
    torch.manual_seed(0)
    layer = getattr(torch.nn, name)(INPUTS, UNITS, bias=bias)
    with torch.no_grad():
        h = layer(torch.from_numpy(x))[0].numpy()
    arrays = [parameter.detach().numpy() for parameter in layer.parameters()]
    match = only_fit(lv.identify(shuffled(rng, arrays), x, h))
    assert match.order == order
    assert "pytorch" in match.layouts
    assert "keras" not in match.layouts
    assert (match.orientation, match.rows, match.biases) == ("out, in", "split", 2 if bias else 0)
    if name != "GRU":
        assert_cell_gives(match, x, h)


def test_a_framework_is_not_named_where_it_has_no_such_activation():
    rng = np.random.default_rng(26)
    zeros = np.zeros(4 * UNITS, np.float32)
    for activation, expected in (("sigmoid", ("pytorch",)), ("hard_sigmoid", ())):
        (kernel, recurrent), x, h = keras_lstm(rng, recurrent_activation=activation, use_bias=False)
        match = only_fit(lv.identify([kernel.T, recurrent.T, zeros, zeros], x, h))
        assert match.layouts == expected


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_a_single_buffer_of_kernels_and_biases_is_taken_apart(name):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    x = make_inputs(rng)
    torch.manual_seed(0)
    layer = getattr(torch.nn, name)(INPUTS, UNITS)
    with torch.no_grad():
        h = layer(torch.from_numpy(x))[0].numpy()
    buffer = np.concatenate([weight.detach().numpy().reshape(-1) for weight in layer._flat_weights])
    match = only_fit(lv.identify([buffer], x, h))
    assert match.order == {"LSTM": ("i", "f", "j", "o"), "GRU": ("r", "u", "c")}[name]


@pytest.mark.parametrize(
    ("name", "order", "attributes"),
    [
        ("LSTM", ("i", "o", "f", "j"), {}),
        ("GRU", ("u", "r", "c"), {"linear_before_reset": 0}),
        ("GRU", ("u", "r", "c"), {"linear_before_reset": 1}),
        ("RNN", ("z",), {}),
    ],
)
def test_onnx_nodes_are_recognised(name, order, attributes):
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(6)
    x = make_inputs(rng)
    columns = len(order) * UNITS
    arrays = {
        "W": draw(rng, 1, columns, INPUTS),
        "R": draw(rng, 1, columns, UNITS) / 2,
        "B": draw(rng, 1, 2 * columns),
    }
    node = onnx.helper.make_node(name, ["X", *arrays], ["Y"], hidden_size=UNITS, **attributes)
    shapes = {"X": (STEPS, 1, INPUTS), "Y": (STEPS, 1, 1, UNITS)}
    values = {
        key: onnx.helper.make_tensor_value_info(key, onnx.TensorProto.FLOAT, s) for key, s in shapes.items()
    }
    graph = onnx.helper.make_graph(
        [node],
        "one",
        [values["X"]],
        [values["Y"]],
        [onnx.numpy_helper.from_array(array, key) for key, array in arrays.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)
    (y,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"X": x[:, np.newaxis]})
    match = only_fit(lv.identify(shuffled(rng, list(arrays.values())), x[:, np.newaxis], y))
    assert match.order == order
    assert "onnx" in match.layouts
    assert match.reset_after == (bool(attributes["linear_before_reset"]) if attributes else None)
    assert match.biases == 2


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("BasicLSTMCell", {"forget_bias": 1.0}),
        ("BasicLSTMCell", {"forget_bias": 0.0}),
        ("GRUCell", {}),
        ("BasicRNNCell", {}),
    ],
)
def test_tensorflow_1_cells_are_recognised(kind, options):
    rng = np.random.default_rng(7)
    cell = lv.build(kind, UNITS, INPUTS, seed=3, **options)
    x = make_inputs(rng)
    layer, states, h = tf1.build_layer(cell), [np.zeros((1, UNITS), np.float32)] * len(cell.kind.states), []
    for t in range(STEPS):
        output, states = tf1.step(layer, x[t : t + 1], states)
        h.append(np.asarray(output)[0])
    match = only_fit(lv.identify(shuffled(rng, list(cell.weights.values())), x, np.array(h)))
    assert match.order == tuple(gate.name for gate in cell.kind.gates)
    assert "tf1" in match.layouts
    assert (match.orientation, match.rows) == ("in, out", "x, h")
    assert match.forget_bias == options.get("forget_bias")
    assert match.cell.kind.name == kind
    for name, weight in cell.weights.items():
        np.testing.assert_array_equal(match.cell.weights[name], weight)


# --- What the shapes leave open ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations("ijfo")), ids="".join)
def test_every_order_of_an_lstm_is_found(order):
    rng = np.random.default_rng(8)
    arrays, x, h = keras_lstm(rng)
    places = ["ifjo".index(gate) for gate in order]
    stored = [
        array.reshape(*array.shape[:-1], 4, UNITS)[..., places, :].reshape(array.shape) for array in arrays
    ]
    assert only_fit(lv.identify(stored, x, h)).order == order
    assert only_fit(lv.identify(stored, x, h[-1])).order == order


@pytest.mark.parametrize("order", list(itertools.permutations("ruc")), ids="".join)
@pytest.mark.parametrize("reset_after", [False, True])
def test_every_order_of_a_gru_is_found(order, reset_after):
    rng = np.random.default_rng(9)
    x = make_inputs(rng)
    layer = keras.layers.GRU(UNITS, return_sequences=True, reset_after=reset_after)
    arrays, h = run_keras(layer, rng, x)
    places = ["urc".index(gate) for gate in order]
    stored = [
        array.reshape(*array.shape[:-1], 3, UNITS)[..., places, :].reshape(array.shape) for array in arrays
    ]
    match = only_fit(lv.identify(stored, x, h))
    assert (match.order, match.reset_after, match.update_keeps) == (order, reset_after, True)


def test_an_update_gate_of_the_other_sense_is_found():
    rng = np.random.default_rng(10)
    x = make_inputs(rng)
    arrays, h = run_keras(keras.layers.GRU(UNITS, return_sequences=True, reset_after=False), rng, x)
    for array in arrays:
        array[..., :UNITS] *= -1  # sigmoid(-a) = 1 - sigmoid(a)
    match = only_fit(lv.identify(arrays, x, h))
    assert match.update_keeps is False
    assert match.layouts == ()
    assert_cell_gives(match, x, h)


def test_the_two_biases_of_a_gru_are_told_apart():
    rng = np.random.default_rng(11)
    x = make_inputs(rng)
    (kernel, recurrent, bias), h = run_keras(keras.layers.GRU(UNITS, return_sequences=True), rng, x)
    match = only_fit(lv.identify({"k": kernel, "r": recurrent, "hidden": bias[1], "in": bias[0]}, x, h))
    assert (match.arrays["bias_x"], match.arrays["bias_h"]) == ("in", "hidden")


def test_fresh_zero_biases_of_a_gru_are_no_second_reading():
    rng = np.random.default_rng(25)
    x = make_inputs(rng)
    layer = keras.layers.GRU(UNITS, return_sequences=True)
    h = np.asarray(layer(x[np.newaxis]))[0]
    assert only_fit(lv.identify(layer.get_weights(), x, h)).layouts == ("keras",)


@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("exchanged", [False, True])
def test_square_kernels_are_tried_both_ways(transposed, exchanged):
    # An RNN of as many units as inputs: both kernels are [5, 5].
    rng = np.random.default_rng(12)
    x = make_inputs(rng, inputs=UNITS)
    (kernel, recurrent, bias), h = run_keras(keras.layers.SimpleRNN(UNITS, return_sequences=True), rng, x)
    kernels = {"x": kernel.T if transposed[0] else kernel, "h": recurrent.T if transposed[1] else recurrent}
    names = ("h", "x") if exchanged else ("x", "h")
    match = only_fit(lv.identify({**{name: kernels[name] for name in names}, "b": bias}, x, h))
    assert (match.arrays["kernel_x"], match.arrays["kernel_h"]) == ("x", "h")
    expected = {(False, False): "in, out", (True, True): "out, in"}.get(transposed, "mixed")
    assert match.orientation == expected


def test_an_lstm_with_a_square_kernel_of_x_is_tried_both_ways():
    rng = np.random.default_rng(13)
    (kernel, recurrent, bias), x, h = keras_lstm(rng, inputs=4 * UNITS)
    assert only_fit(lv.identify([kernel.T, recurrent.T, bias], x, h)).orientation == "out, in"
    assert only_fit(lv.identify([kernel, recurrent, bias], x, h)).orientation == "in, out"


@pytest.mark.parametrize("rows", ["x, h", "h, x"])
@pytest.mark.parametrize("inputs", [INPUTS, UNITS, 3 * UNITS])
def test_a_joined_kernel_may_have_either_rows_first(rows, inputs):
    rng = np.random.default_rng(14)
    (kernel, recurrent, bias), x, h = keras_lstm(rng, inputs=inputs)
    parts = [kernel, recurrent] if rows == "x, h" else [recurrent, kernel]
    match = only_fit(lv.identify([np.concatenate(parts), bias], x, h))
    assert match.rows == rows
    assert_cell_gives(match, x, h)


@pytest.mark.parametrize("inputs", [INPUTS, UNITS])
@pytest.mark.parametrize("together", [True, False])
def test_gates_may_have_arrays_of_their_own(inputs, together):
    rng = np.random.default_rng(15)
    (kernel, recurrent, bias), x, h = keras_lstm(rng, inputs=inputs)
    blocks = {"W": np.split(kernel, 4, axis=1), "U": np.split(recurrent, 4, axis=1), "b": np.split(bias, 4)}
    places = list(itertools.product("WUb", range(4)))
    if not together:
        places.sort(key=lambda place: place[1])
    match = only_fit(lv.identify({f"{part}{k}": blocks[part][k] for part, k in places}, x, h))
    assert match.order == ("i", "f", "j", "o")
    assert match.arrays["kernel_h"] == "U0, U1, U2, U3"


def test_the_arrays_may_be_a_stack_of_gates():
    rng = np.random.default_rng(16)
    (kernel, recurrent, bias), x, h = keras_lstm(rng)
    stacks = [np.stack(np.split(array, 4, axis=-1)) for array in (kernel, recurrent, bias)]
    assert only_fit(lv.identify(stacks, x, h)).order == ("i", "f", "j", "o")


@settings(max_examples=25)
@given(
    units=st.integers(1, 6),
    inputs=st.integers(1, 6),
    steps=st.integers(1, 7),
    seed=st.integers(0, 2**16),
    last=st.booleans(),
)
def test_the_truth_is_among_what_fits_at_every_size(units, inputs, steps, seed, last):
    rng = np.random.default_rng(seed)
    arrays, x, h = keras_lstm(rng, units, inputs, steps)
    matches = lv.identify(shuffled(rng, arrays), x, h[-1] if last else h)
    fitting = [match for match in matches if match.fits]
    assert any(
        match.order == ("i", "f", "j", "o") and match.layouts == ("keras",) and match.forget_bias == 0
        for match in fitting
    )
    assert all(len(match.ambiguous_with) == len(fitting) - 1 for match in fitting)


# --- What does not fit, or fits too often -----------------------------------------------------------------------------


@settings(max_examples=20)
@given(t=st.integers(0, STEPS - 1), unit=st.integers(0, UNITS - 1), seed=st.integers(0, 2**16))
def test_a_wrong_number_in_the_output_is_pointed_at(t, unit, seed):
    arrays, x, h = keras_lstm(np.random.default_rng(seed))
    h = h.copy()
    h[t, unit] += 0.5
    matches = lv.identify(arrays, x, h)
    assert not any(match.fits for match in matches)
    assert matches[0].is_closest
    assert matches[0].order == ("i", "f", "j", "o")
    assert matches[0].first_difference == (t, unit)
    assert matches[0].error == pytest.approx(0.5, abs=1e-4)
    assert f"step {t} in unit {unit}" in str(matches[0])
    assert str(matches[0]).startswith("None of the 288 readings fits.")


def test_a_wide_layer_with_a_wrong_first_number_still_comes_closest():
    # Wide enough that readings are given up after the first steps.
    arrays, x, h = keras_lstm(np.random.default_rng(17), units=300, inputs=20, steps=20)
    h = h.copy()
    h[0, 7] += 0.5
    (best, *others) = lv.identify(arrays, x, h)
    assert (best.order, best.first_difference) == (("i", "f", "j", "o"), (0, 7))
    assert len(others) < 100


def test_zero_weights_are_told_to_fit_every_way():
    zeros = {"kernel": np.zeros((INPUTS, 4 * UNITS)), "recurrent": np.zeros((UNITS, 4 * UNITS))}
    matches = lv.identify(zeros, np.ones((STEPS, INPUTS)), np.zeros((STEPS, UNITS)))
    assert all(match.fits for match in matches)
    assert len(matches) == matches[0].tried == 288
    assert len(matches[0].ambiguous_with) == 287
    assert "Other readings that fit as well: 287" in str(matches[0])


def test_a_single_step_cannot_tell_the_forget_bias():
    arrays, x, h = keras_lstm(np.random.default_rng(18), steps=1)
    fitting = [match for match in lv.identify(arrays, x, h) if match.fits]
    assert {match.order for match in fitting} == {("i", "f", "j", "o")}
    assert sorted(match.forget_bias for match in fitting) == [0.0, 1.0]
    assert "forget_bias 1" in " ".join(str(text) for match in fitting for text in match.ambiguous_with)


def test_equal_blocks_of_two_gates_are_told_apart_by_nothing():
    # i and o alike: exchanged, they do the same.
    rng = np.random.default_rng(19)
    x = make_inputs(rng)
    layer = keras.layers.LSTM(UNITS, return_sequences=True)
    arrays, _output = run_keras(layer, rng, x)
    for array in arrays:
        array[..., 3 * UNITS :] = array[..., :UNITS]
    layer.set_weights(arrays)
    fitting = [match for match in lv.identify(arrays, x, np.asarray(layer(x[np.newaxis]))[0]) if match.fits]
    assert {match.order for match in fitting} == {("i", "f", "j", "o"), ("o", "f", "j", "i")}


def test_the_tolerance_is_the_callers():
    arrays, x, h = keras_lstm(np.random.default_rng(20))
    rounded = np.round(h, 3)  # as somebody printed it
    assert not lv.identify(arrays, x, rounded)[0].fits
    match = lv.identify(arrays, x, rounded, tolerance=5e-3)[0]
    assert match.fits
    assert match.order == ("i", "f", "j", "o")


# --- Hints ------------------------------------------------------------------------------------------------------------


def test_without_an_output_a_forget_bias_near_one_is_a_hint():
    rng = np.random.default_rng(21)
    layer = keras.layers.LSTM(UNITS)
    layer.build((1, None, INPUTS))
    hints = lv.identify(shuffled(rng, layer.get_weights()), make_inputs(rng))
    assert all(hint.is_hint and not hint.fits and np.isnan(hint.error) for hint in hints)
    assert (hints[0].layouts, hints[0].confidence) == (("keras",), "likely")
    assert hints[0].order == ("i", "f", "j", "o")
    assert str(hints[0]).startswith("A hint from the weights alone, likely: ")


@pytest.mark.parametrize(("name", "layout"), [("LSTM", "keras"), ("GRU", "keras"), ("SimpleRNN", "keras")])
def test_a_hint_needs_no_sample_at_all(name, layout):
    layer = getattr(keras.layers, name)(UNITS)
    layer.build((1, 3, 5))
    hints = lv.identify([np.asarray(weight) for weight in layer.get_weights()])
    assert any(layout in hint.layouts for hint in hints)
    cell = lv.build("BasicLSTMCell", num_units=6, input_size=5)
    joined = lv.identify([cell.kernel, cell.bias])
    assert "tf1" in joined[0].layouts and all(hint.is_hint for hint in joined)


def test_what_no_sample_can_help():
    with pytest.raises(ValueError, match="fit no LSTM, GRU or RNN"):
        lv.identify([np.zeros(5)])
    with pytest.raises(ValueError, match="outputs and no inputs"):
        lv.identify([np.zeros((7, 11))], outputs=np.zeros(3))


def test_a_hint_does_not_name_gates_it_cannot_know():
    rng = np.random.default_rng(22)
    kernel, recurrent = draw(rng, INPUTS, 4 * UNITS), draw(rng, UNITS, 4 * UNITS)
    bias = np.repeat(np.float32([0, 0, 0, 1]), UNITS)  # no framework has f last
    hints = lv.identify([kernel, recurrent, bias], make_inputs(rng))
    assert (hints[0].order, hints[0].confidence) == (("?", "?", "?", "f"), "possible")
    assert (hints[1].layouts, hints[1].confidence) == (("keras",), "unlikely")
    with pytest.raises(ValueError, match="give a sample input and its output"):
        hints[0].cell  # noqa: B018


def test_shapes_alone_are_no_more_than_possible():
    arrays, x, _h = keras_lstm(np.random.default_rng(23))
    assert {hint.confidence for hint in lv.identify([array.T for array in arrays], x)} <= {
        "possible",
        "unlikely",
    }


# --- What is refused --------------------------------------------------------------------------------------------------


def test_shapes_that_fit_nothing_are_told():
    with pytest.raises(ValueError, match=r"a \[3, 18\], b \[5, 20\].*LSTM: kernel \[8, 20\]") as caught:
        lv.identify({"a": np.ones((3, 18)), "b": np.ones((5, 20))}, np.ones((4, 3)), np.ones((4, 5)))
    assert all(family.title in str(caught.value) for family in FAMILIES.values())


def test_an_array_too_many_is_not_ignored():
    arrays, x, h = keras_lstm(np.random.default_rng(24))
    with pytest.raises(ValueError, match="Give all arrays of one layer and no others"):
        lv.identify([*arrays, np.ones((UNITS, 2))], x, h)


def test_the_arrays_of_a_whole_model_are_refused_at_once():
    arrays = {f"layer{k}": np.ones((UNITS, UNITS)) for k in range(200)}
    with pytest.raises(ValueError, match="of one layer and no others"):
        lv.identify(arrays, np.ones((4, UNITS)), np.ones((4, UNITS)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arrays": []}, "arrays is empty"),
        ({"arrays": {"a": np.array(["x"])}}, "a is an array of"),
        ({"arrays": {"a": np.full((8, 20), np.nan)}}, "a must be finite numbers"),
        ({"inputs": np.ones(4)}, r"inputs has the shape \[4\]"),
        ({"inputs": np.ones((2, 4, 3))}, r"one sequence, \[time, features\]"),
        ({"inputs": np.full((4, 3), np.inf)}, "inputs must be finite numbers"),
        ({"outputs": np.ones((2, 5))}, "outputs has 2 steps; it must have 4"),
        ({"outputs": np.ones((4, 6))}, "num_units 6"),
        ({"tolerance": 0.0}, "tolerance is 0.0"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
    ],
)
def test_wrong_input_is_refused(change, message):
    given = {
        "arrays": {"kernel": np.ones((8, 20)), "bias": np.ones(20)},
        "inputs": np.ones((4, 3)),
        "outputs": np.ones((4, 5)),
    }
    with pytest.raises(ValueError, match=message):
        lv.identify(**(given | change))
