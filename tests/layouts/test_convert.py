"""Conversions between layouts: what is kept, what is merged, what is refused."""

import inspect
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from hypothesis import given, settings

import lstmviz as lv
from lstmviz import layouts
from tests.conversions import NAMES, conversions, read_back
from tests.runs import make_run

build = inspect.unwrap(lv.build)
LSTMS = ("BasicLSTMCell", "LSTMCell")


@given(conversions(forget_bias=[0.0], compiled=False))
@settings(max_examples=200, deadline=None)
def test_there_and_back_is_bitwise_without_a_forget_bias(conversion):
    layout, case = conversion
    cell, _x, _state = make_run(*case)
    back = read_back(layouts.to_layout(cell, layout))
    assert (back.num_units, back.input_size, back.output_size) == (
        cell.num_units, cell.input_size, cell.output_size,
    )  # fmt: skip
    for name, weight in back.weights.items():
        expected = cell.weights.get(name, np.zeros_like(weight))  # biases that the framework always has
        assert weight.tobytes() == expected.tobytes()
    lost = set(cell.weights) - set(back.weights)
    assert not lost
    for name, value in back.options.items():
        if name != "use_bias" or not value:
            assert value == cell.options.get(name, value)


@given(conversions(forget_bias=[0.0], compiled=False))
@settings(max_examples=50, deadline=None)
def test_the_arrays_cannot_be_written_to_either_way(conversion):
    layout, case = conversion
    cell, _x, _state = make_run(*case)
    converted = layouts.to_layout(cell, layout)
    assert not any(array.flags.writeable for array in converted.arrays.values())
    assert not any(array.flags.writeable for array in read_back(converted).weights.values())


@pytest.mark.parametrize("layout", NAMES)
def test_a_move_says_transposed_where_the_numbers_are(layout):
    cell = build("BasicLSTMCell", 3, 2, seed=1, forget_bias=0.0)
    converted = layouts.to_layout(cell, layout)
    matrices = [move for move in converted.moves if move.source and move.source.part in ("x", "h")]
    assert matrices
    for move in matrices:
        assert ("transposed" in move.text) == (layout in ("pytorch", "onnx", "cudnn")), move.text
    rest = [move for move in converted.moves if move not in matrices]
    assert not any("transposed" in move.text for move in rest)


# cuDNN's one vector of all weights says none.
@given(conversions([name for name in NAMES if name != "cudnn"], forget_bias=[0.0], compiled=False))
@settings(max_examples=100, deadline=None)
def test_sizes_that_the_shapes_say_need_not_be_told(conversion):
    layout, case = conversion
    cell, _x, _state = make_run(*case)
    converted = layouts.to_layout(cell, layout)
    sizes = layouts.LAYOUTS[layout].sizes.values()
    told = {name: value for name, value in converted.options.items() if name not in sizes}
    back = layouts.from_layout(converted.arrays, layout, converted.family, **told)
    assert back.sizes == cell.sizes


@given(conversions(NAMES[1:], LSTMS, forget_bias=[1.0, -0.75], compiled=False))
@settings(max_examples=60, deadline=None)
def test_a_forget_bias_goes_into_fs_bias_alone_and_the_move_says_so(conversion):
    layout, case = conversion
    cell, _x, _state = make_run(*case)
    converted = layouts.to_layout(cell, layout)
    back = read_back(converted)
    assert back.options["forget_bias"] == 0
    np.testing.assert_array_equal(back.kernel, cell.kernel)
    np.testing.assert_array_equal(back.bias, cell.bias + cell.offset)
    told = [move for move in converted.moves if move.added]
    assert [(move.target.part, move.target.gate) for move in told] == [("bias", "f")]
    assert f"forget_bias {cell.options['forget_bias']:g} added; read back" in told[0].text


@given(conversions(["pytorch", "onnx"], ("CudnnCompatibleGRUCell", *LSTMS, "BasicRNNCell"), compiled=False))
@settings(max_examples=60, deadline=None)
def test_two_biases_that_are_only_ever_added_become_their_sum(conversion):
    layout, (kind, options, *case) = conversion
    cell, _x, _state = make_run(kind, options | {"use_bias": True}, *case)
    converted = layouts.to_layout(cell, layout)
    arrays = {name: array.copy() for name, array in converted.arrays.items()}
    rng, shifts = np.random.default_rng(0), {}
    for move in converted.moves:
        if move.target.part == "hidden_bias":
            shift = shifts[move.target.gate] = rng.normal(size=(1, cell.num_units)).astype(cell.dtype)
            move.target.write(arrays, move.target.read(arrays) + shift)
    back = layouts.from_layout(arrays, layout, converted.family, **converted.options)
    assert set(shifts) == {gate.name for gate in cell.kind.gates}
    for gate, shift in shifts.items():
        own, other = cell.gate(gate), back.gate(gate)
        bias, hidden = own.bias + cell.offset[cell.columns(gate)], own.hidden_bias
        if gate in cell.hidden_biased:
            hidden = hidden + shift[0]
        else:
            bias = bias + shift[0]
        np.testing.assert_array_equal(other.bias, bias)
        np.testing.assert_array_equal(other.hidden_bias, hidden)


@given(conversions(compiled=False))
@settings(max_examples=80, deadline=None)
def test_moves_are_the_whole_conversion(conversion):
    layout, case = conversion
    cell, _x, _state = make_run(*case)
    converted = layouts.to_layout(cell, layout)
    rebuilt = {name: np.full_like(array, np.nan) for name, array in converted.arrays.items()}
    for move in converted.moves:
        block = move.source.read(cell.weights) if move.source else np.zeros(move.target.shape, cell.dtype)
        move.target.write(rebuilt, block + cell.dtype.type(move.added))
        assert str(move.target) in move.text
    for name, array in converted.arrays.items():
        np.testing.assert_array_equal(rebuilt[name], array)


def test_orders_are_those_of_the_frameworks_documentation():
    orders = {
        (layout.name, form.family): "".join(form.letters)
        for layout in layouts.LAYOUTS.values()
        for form in layout.forms
    }
    lstm = {name: order for (name, family), order in orders.items() if family == "lstm"}
    assert lstm == {"tf1": "ijfo", "keras": "ifco", "pytorch": "ifgo", "onnx": "iofc", "cudnn": "ifgo"}
    assert (orders["keras", "gru"], orders["pytorch", "gru"], orders["onnx", "gru"]) == ("zrh", "rzn", "zrh")


REFUSED = [
    ("GRUCell", {}, "pytorch", "only after it"),
    ("GRUCell", {}, "cudnn", "Take keras"),
    ("LSTMCell", {"use_peepholes": True}, "keras", "use_peepholes=False, or take tf1, onnx"),
    ("LSTMCell", {"use_peepholes": True}, "pytorch", "use_peepholes True"),
    ("LSTMCell", {"num_proj": 2}, "keras", "num_proj=None, or take tf1, pytorch"),
    ("LSTMCell", {"num_proj": 2}, "onnx", "num_proj 2"),
    ("LSTMCell", {"num_proj": 2}, "cudnn", "not documented"),
    ("LSTMCell", {"cell_clip": 1.0}, "keras", "or take tf1"),
    ("LSTMCell", {"cell_clip": 1.0}, "onnx", "not on c"),
    ("LSTMCell", {"num_proj": 2, "proj_clip": 1.0}, "pytorch", "proj_clip 1.0"),
    ("BasicLSTMCell", {"activation": "relu"}, "pytorch", "activation='tanh', or take tf1, keras, onnx"),
    ("BasicLSTMCell", {"activation": "gelu"}, "onnx", "activation gelu"),
    ("BasicLSTMCell", {"recurrent_activation": "hard_sigmoid"}, "tf1", "or take keras, onnx"),
    ("BasicLSTMCell", {"recurrent_activation": "legacy_hard_sigmoid"}, "keras", "or take onnx"),
    ("BasicRNNCell", {"activation": "sigmoid"}, "pytorch", "activation sigmoid"),
    ("BasicRNNCell", {"activation": "sigmoid"}, "cudnn", "activation sigmoid"),
    ("CudnnCompatibleGRUCell", {"activation": "relu"}, "tf1", "or take keras, onnx"),
]


@pytest.mark.parametrize(("kind", "options", "layout", "said"), REFUSED)
def test_what_a_framework_has_not_is_refused_with_the_reason(kind, options, layout, said):
    with pytest.raises(ValueError, match=said):
        layouts.to_layout(build(kind, 3, 2, **options), layout)


def test_an_unbiased_cell_with_a_forget_bias_gets_a_bias_where_it_has_to():
    cell = build("BasicLSTMCell", 3, 2, use_bias=False)
    converted = layouts.to_layout(cell, "keras")
    np.testing.assert_array_equal(converted.arrays["bias"], np.repeat([0, 1, 0, 0], 3))
    assert converted.options["use_bias"] is True
    bare = layouts.to_layout(build("BasicLSTMCell", 3, 2, use_bias=False, forget_bias=0.0), "keras")
    assert set(bare.arrays) == {"kernel", "recurrent_kernel"} and bare.options["use_bias"] is False


KERNELS = {"kernel": np.ones((2, 9)), "recurrent_kernel": np.ones((3, 9))}
ONNX_RNN = {"W": np.ones((1, 3, 2)), "R": np.ones((1, 3, 3))}
ONNX_LSTM = {"W": np.ones((1, 12, 2)), "R": np.ones((1, 12, 3))}
TORCH_RNN = {"weight_ih_l0": np.ones((3, 2)), "weight_hh_l0": np.ones((3, 3))}
WRONG = [
    ({}, "keras", "gru", {}, r"arrays has nothing; Keras stores GRU: kernel, recurrent_kernel \(bias\)"),
    (KERNELS, "caffe", "gru", {}, "layout is 'caffe'"),
    (KERNELS, "keras", "attention", {}, "family is 'attention'"),
    (KERNELS | {"more": np.ones(3)}, "keras", "gru", {}, "more"),
    (KERNELS | {"bias": np.ones(8)}, "keras", "gru", {}, r"bias has the shape \[8\]"),
    (KERNELS | {"bias": np.ones((2, 9))}, "keras", "gru", {"reset_after": False}, "bias"),
    (KERNELS, "keras", "gru", {"reset_after": "maybe"}, "maybe"),
    (KERNELS, "keras", "gru", {"units": 4}, "kernel has the shape"),
    (KERNELS, "keras", "gru", {"units": "4"}, "units is '4'"),
    (KERNELS, "keras", "gru", {"use_bias": True}, "use_bias is True"),
    (KERNELS, "keras", "gru", {"activation": "wobble"}, "wobble"),
    (KERNELS, "keras", "gru", {"go_faster": True}, "go_faster is no option of Keras's GRU"),
    ({"kernel": np.ones((0, 9)), "recurrent_kernel": np.ones((3, 9))}, "keras", "gru", {}, "shape"),
    ({"kernel": np.ones((2, 2)), "recurrent_kernel": np.ones((0, 0))}, "keras", "gru", {}, "shape"),
    ({"kernel": np.ones((2, 10)), "recurrent_kernel": np.ones((3, 9))}, "keras", "gru", {}, "kernel has the shape"),
    ({"params": np.ones(60)}, "cudnn", "gru", {}, "inputSize, hiddenSize"),
    ({"params": np.ones(60)}, "cudnn", "gru", {"inputSize": 2, "hiddenSize": 3}, "params has the shape"),
    (TORCH_RNN | {"bias_ih_l0": np.ones(3)}, "pytorch", "rnn", {}, "bias_ih_l0"),
    (ONNX_RNN, "onnx", "rnn", {"clip": 1.0}, "not on c"),
    (ONNX_RNN, "onnx", "rnn", {"direction": "reverse"}, "runs forward"),
    (ONNX_RNN, "onnx", "rnn", {"activations": ["ScaledTanh"]}, "ScaledTanh"),
    (ONNX_RNN, "onnx", "rnn", {"activations": ["Tanh", "Tanh"]}, "takes 1"),
    ({"W": np.ones((2, 3, 2)), "R": np.ones((2, 3, 3))}, "onnx", "rnn", {}, r"W has the shape \[2, 3, 2\]"),
    (ONNX_LSTM, "onnx", "lstm", {"activations": ["Sigmoid", "Tanh", "Relu"]}, "two functions"),
    ({"kernel": np.ones((5, 12)), "bias": np.ones(12)}, "tf1", "lstm", {"cell_clip": -1.0}, "cell_clip"),
    ({"kernel": [["a"]], "recurrent_kernel": [["b"]]}, "keras", "rnn", {}, "real numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("arrays", "layout", "family", "options", "said"), WRONG)
def test_what_cannot_be_read_is_refused_with_the_reason(arrays, layout, family, options, said):
    with pytest.raises(ValueError, match=said):
        layouts.from_layout(arrays, layout, family, **options)


def test_defaults_are_the_frameworks_own():
    gru = layouts.from_layout(KERNELS, "keras", "gru")
    assert gru.kind.name == "CudnnCompatibleGRUCell"  # reset_after is True in Keras
    onnx = layouts.from_layout({"W": np.ones((1, 9, 2)), "R": np.ones((1, 9, 3))}, "onnx", "gru")
    assert onnx.kind.name == "GRUCell"  # linear_before_reset is 0 in ONNX
    tf1 = layouts.from_layout({"kernel": np.ones((5, 12)), "bias": np.zeros(12)}, "tf1", "lstm")
    assert (tf1.kind.name, tf1.options["forget_bias"]) == ("BasicLSTMCell", 1.0)


def test_what_an_lstm_shows_decides_its_kind():
    arrays = {"W": np.ones((1, 12, 2)), "R": np.ones((1, 12, 3)), "P": np.arange(9.0)[np.newaxis]}
    cell = layouts.from_layout(arrays, "onnx", "lstm")
    assert cell.kind.name == "LSTMCell" and cell.options["use_peepholes"] and not cell.options["use_bias"]
    np.testing.assert_array_equal(cell.weights["w_o_diag"], [3, 4, 5])
    clipped = layouts.from_layout(
        {"kernel": np.ones((5, 12)), "bias": np.zeros(12)}, "tf1", "lstm", cell_clip=3.0
    )
    assert clipped.kind.name == "LSTMCell" and clipped.options["cell_clip"] == 3.0


def test_the_last_kind_of_a_form_has_every_option_that_the_form_speaks_of():
    for layout in layouts.LAYOUTS.values():
        for form in layout.forms:
            spoken = {told.option for told in form.told} | {slot.when for slot in form.slots} - {
                None,
                "use_bias",
            }
            assert spoken - {"use_bias"} <= {option.name for option in lv.KINDS[form.kinds[-1]].options}, form
    peepholes = ONNX_LSTM | {"P": np.ones((1, 9))}
    cell = layouts.from_layout(peepholes, "onnx", "lstm", activations=["HardSigmoid", "Tanh", "Tanh"])
    assert cell.kind.name == "LSTMCell" and cell.options["recurrent_activation"] == "legacy_hard_sigmoid"


@pytest.mark.parametrize(
    ("given", "dtype"), [("float16", "float32"), ("float32", "float32"), ("float64", "float64")]
)
def test_a_cell_has_the_precision_of_its_arrays(given, dtype):
    arrays = {name: array.astype(given) for name, array in KERNELS.items()}
    assert layouts.from_layout(arrays, "keras", "gru").dtype == dtype


@pytest.mark.parametrize("mode", ["SINGLE_INP_BIAS", "SINGLE_REC_BIAS", "NO_BIAS", "DOUBLE_BIAS"])
def test_cudnns_bias_modes(mode):
    biases = {"SINGLE_INP_BIAS": 1, "SINGLE_REC_BIAS": 1, "NO_BIAS": 0, "DOUBLE_BIAS": 2}[mode]
    params = np.arange(3 * 3 * (2 + 3 + biases), dtype="float32")
    cell = layouts.from_layout(
        {"params": params}, "cudnn", "gru", inputSize=2, hiddenSize=3, biasMode=f"CUDNN_RNN_{mode}"
    )
    np.testing.assert_array_equal(cell.gate("u").kernel_x, params[6:12].reshape(3, 2).T)
    np.testing.assert_array_equal(cell.gate("c").kernel_h, params[36:45].reshape(3, 3).T)
    assert cell.options["use_bias"] == (biases > 0)
    hidden = {"SINGLE_REC_BIAS": params[51:54], "DOUBLE_BIAS": params[60:63]}.get(mode, np.zeros(3))
    np.testing.assert_array_equal(cell.gate("c").hidden_bias, hidden)
    first = sum((params[start : start + 3] for start in (45, 54)[:biases]), np.zeros(3, "float32"))
    np.testing.assert_array_equal(cell.gate("r").bias, first)


@given(conversions(compiled=False))
@settings(max_examples=100, deadline=None)
def test_options_come_back_from_the_frameworks_words(conversion):
    layout, case = conversion
    cell, _x, _state = make_run(*case)
    back = read_back(layouts.to_layout(cell, layout))
    for name, value in cell.options.items():
        if name not in ("forget_bias", "use_bias"):
            assert back.options.get(name) == value or (name not in back.options and value in (None, False))


def test_a_conversion_and_its_moves_are_frozen():
    converted = layouts.to_layout(build("BasicLSTMCell", 3, 2), "keras")
    for value in (converted, converted.moves[0], converted.moves[0].target):
        with pytest.raises(FrozenInstanceError):
            setattr(value, fields(value)[0].name, "")
    assert "array" not in repr(converted)


def test_a_move_says_where_its_numbers_are_from_and_of_what_the_cell_has_not_that_it_has_not():
    converted = layouts.to_layout(build("BasicLSTMCell", 3, 2, forget_bias=0.0), "pytorch")
    without = [move for move in converted.moves if move.source is None]
    stored = [move for move in converted.moves if move.source is not None]
    assert without and stored
    for move in without:
        assert f"0 → {move.target}" in move.text and "the cell stores no such numbers" in move.text
    for move in stored:
        assert f"{move.source} → {move.target}" in move.text and "no such numbers" not in move.text


def test_of_two_biases_one_that_is_zero_leaves_the_others_sign_of_zero():
    converted = layouts.to_layout(build("BasicLSTMCell", 3, 2, forget_bias=0.0), "pytorch")
    arrays = {name: np.zeros_like(array) for name, array in converted.arrays.items()}
    [first] = [name for name in arrays if "bias_ih" in name]
    arrays[first] = -arrays[first]
    bias = layouts.from_layout(arrays, "pytorch", family=converted.family).weights["bias"]
    assert np.signbit(bias).all()
