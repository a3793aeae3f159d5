"""What a cell is: shapes, options, weights, and what is refused."""

import inspect
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz import cells
from lstmviz.equation import sigmoid
from lstmviz.plot import flow

with warnings.catch_warnings():  # TensorFlow's own use of deprecated APIs while it loads
    warnings.simplefilter("ignore")
    import keras

# What a caller without the tests' shape checks gets.
build = inspect.unwrap(lv.build)
check_options = inspect.unwrap(cells.check_options)
sizes = st.integers(1, 40)
WITH_USE_BIAS = [name for name, kind in lv.KINDS.items() if any(o.name == "use_bias" for o in kind.options)]
OF_X_ALONE = ("minGRU", "minLSTM", "IndRNN", "RG-LRU")  # whose kernel no h meets


# --- Shapes ----------------------------------------------------------------------------------------------------------


@given(st.sampled_from(sorted(lv.KINDS)), sizes, sizes)
@settings(deadline=None)
def test_the_kernel_is_the_gates_blocks_side_by_side(kind, num_units, input_size):
    cell = lv.build(kind, num_units, input_size)
    gates = [gate.name for gate in cell.kind.gates]
    rows = input_size + (0 if kind in OF_X_ALONE else num_units)
    assert cell.kernel.shape == (rows, len(gates) * num_units)
    assert cell.bias.shape == (len(gates) * num_units,)
    np.testing.assert_array_equal(cell.kernel, np.concatenate([cell.gate(g).kernel for g in gates], axis=1))
    np.testing.assert_array_equal(cell.bias, np.concatenate([cell.gate(g).bias for g in gates]))
    for name in gates:
        block = cell.gate(name)
        assert block.kernel_x.shape == (input_size, num_units)
        np.testing.assert_array_equal(np.concatenate([block.kernel_x, block.kernel_h]), block.kernel)


@given(st.sampled_from(["BasicRNNCell", "BasicLSTMCell", "LSTMCell", "GRUCell"]), st.booleans(), sizes, sizes)
@settings(max_examples=30, deadline=None)
def test_the_count_of_parameters_is_keras_own(kind, use_bias, num_units, input_size):
    layer = {
        "BasicRNNCell": lambda **options: keras.layers.SimpleRNN(num_units, **options),
        "BasicLSTMCell": lambda **options: keras.layers.LSTM(num_units, **options),
        "LSTMCell": lambda **options: keras.layers.LSTM(num_units, **options),
        "GRUCell": lambda **options: keras.layers.GRU(num_units, reset_after=False, **options),
    }[kind](use_bias=use_bias)
    layer.build((1, None, input_size))
    cell = lv.build(kind, num_units, input_size, use_bias=use_bias)
    assert cell.parameter_count == layer.count_params()
    assert bool(cell.biased) == use_bias


def test_a_gru_that_resets_after_the_product_has_two_biases_in_its_candidate_alone():
    # Keras has two in r and u as well, where only their sum counts.
    layer = keras.layers.GRU(5, reset_after=True)
    layer.build((1, None, 3))
    cell = lv.build("CudnnCompatibleGRUCell", 5, 3)
    assert {name: weight.shape for name, weight in cell.weights.items()} == {
        "gates/kernel": (8, 10),
        "gates/bias": (10,),
        "candidate/input_projection/kernel": (3, 5),
        "candidate/input_projection/bias": (5,),
        "candidate/hidden_projection/kernel": (5, 5),
        "candidate/hidden_projection/bias": (5,),
    }
    assert cell.parameter_count == layer.count_params() - 10
    assert (cell.biased, cell.hidden_biased) == (("r", "u", "c"), ("c",))


def test_the_kernel_joins_what_a_cell_stores_apart_and_each_bias_stays_itself():
    cell = lv.build("CudnnCompatibleGRUCell", 2, 1)
    weights = {name: np.full_like(weight, k) for k, (name, weight) in enumerate(cell.weights.items())}
    cell = lv.build("CudnnCompatibleGRUCell", 2, 1, weights=weights)
    assert cell.kernel.tolist() == [[0, 0, 0, 0, 2, 2], [0, 0, 0, 0, 4, 4], [0, 0, 0, 0, 4, 4]]
    assert cell.bias.tolist() == [1, 1, 1, 1, 3, 3]
    assert cell.hidden_bias.tolist() == [0, 0, 0, 0, 5, 5]
    assert cell.gate("c").hidden_bias.tolist() == [5, 5]
    with pytest.raises(ValueError, match="read-only"):
        cell.hidden_bias[0] = 1


def test_every_kind_of_tensorflow_and_keras_has_the_choice_of_no_bias():
    assert WITH_USE_BIAS == ["BasicRNNCell", "BasicLSTMCell", "LSTMCell", "GRUCell", "CudnnCompatibleGRUCell"]


@pytest.mark.parametrize("kind", WITH_USE_BIAS)
def test_without_use_bias_no_bias_is_stored_and_the_joined_one_is_zeros(kind):
    cell = lv.build(kind, 3, 2, use_bias=False)
    assert not any("bias" in name for name in cell.weights)
    np.testing.assert_array_equal(cell.bias, np.zeros(cell.kernel.shape[1]))
    np.testing.assert_array_equal(cell.hidden_bias, np.zeros(cell.kernel.shape[1]))
    formulas = cells.formulas(cell)
    assert all(formula.operation != "bias add" and "bias" not in formula.latex for formula in formulas)
    assert any("bias" in formula.latex for formula in cells.formulas(lv.build(kind, 3, 2)))
    with pytest.raises(ValueError, match=r"weights has .*bias"):
        build(kind, 3, 2, weights=lv.build(kind, 3, 2).weights, use_bias=False)


def test_formulas_write_the_gates_activation():
    plain, changed = (
        {
            formula.result: formula.latex
            for formula in cells.formulas(lv.build("BasicLSTMCell", 4, 3, **options))
        }
        for options in ({}, {"recurrent_activation": "hard_sigmoid", "activation": "relu"})
    )
    assert plain["i"] == r"i = \sigma(z_i)"
    assert plain["j"] == r"j = \tanh(z_j)"
    assert changed["i"] == r"i = \mathrm{hard\_sigmoid}(z_i)"
    assert changed["j"] == r"j = \mathrm{relu}(z_j)"
    assert not any(r"\sigma" in latex or r"\tanh" in latex for latex in changed.values())


def test_peepholes_and_projection_add_their_weights():
    cell = lv.build("LSTMCell", num_units=5, input_size=3, use_peepholes=True, num_proj=2)
    assert {name: weight.shape for name, weight in cell.weights.items()} == {
        "kernel": (5, 20),
        "bias": (20,),
        "w_f_diag": (5,),
        "w_i_diag": (5,),
        "w_o_diag": (5,),
        "projection/kernel": (5, 2),
    }
    assert (cell.output_size, cell.state_size("c"), cell.state_size("h")) == (2, 5, 2)
    assert cell.gate("f").kernel_h.shape == (2, 5)


def test_forget_bias_is_added_when_the_cell_runs_not_stored():
    cell = lv.build("BasicLSTMCell", num_units=3, input_size=2, forget_bias=2.5)
    np.testing.assert_array_equal(cell.bias, np.zeros(12))
    np.testing.assert_array_equal(cell.offset, [0] * 6 + [2.5] * 3 + [0] * 3)


def test_the_formulas_carry_the_options_and_the_shapes():
    cell = lv.build("LSTMCell", 4, 3, use_peepholes=True, num_proj=2, cell_clip=0.5, forget_bias=1.5)
    rows = {formula.operation: formula for formula in cells.formulas(cell)}
    assert len(rows) == len(cells.formulas(cell))
    assert rows["concat"].shape == (1, 5)
    assert rows["matmul"].shape == (1, 16)
    assert rows["split"].shape == (1, 4)
    assert rows["project h"].shape == (1, 2)
    assert r"\pm 0.5" in rows["clip c"].latex
    assert "1.5 + w_f" in rows["forget gate"].latex
    assert "clip h" not in rows


def test_the_formulas_stand_in_the_order_of_the_lesson():
    operations = [formula.operation for formula in cells.formulas(lv.build("BasicLSTMCell", 4, 3))]
    assert operations[:4] == ["concat", "matmul", "bias add", "split"]
    assert operations[4:] == ["input gate", "new input", "forget gate", "output gate", "new c", "new h"]
    seeing = [formula.operation for formula in cells.formulas(lv.build("LSTMCell", 4, 3, use_peepholes=True))]
    assert seeing[4:] == ["input gate", "new input", "forget gate", "new c", "output gate", "new h"]


@pytest.mark.parametrize("kind", lv.KINDS)
def test_no_formula_has_an_options_name_in_it_and_each_has_its_shape(kind):
    cell = lv.build(kind, 4, 3)
    found = cells.formulas(cell)
    for formula in found:
        assert not any(option.name.replace("_", r"\_") in formula.latex for option in cell.kind.options), (
            formula
        )
        assert not any(option.name in formula.latex for option in cell.kind.options), formula
        assert all(isinstance(axis, int) for axis in formula.shape)
    assert {formula.result for formula in found if formula.result} >= set(cell.kind.states)


# --- Initial weights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", lv.KINDS)
@pytest.mark.parametrize("initial_weights", cells.INITIAL_WEIGHTS)
def test_a_seed_repeats_the_weights_and_another_does_not(kind, initial_weights):
    one, same, other = (lv.build(kind, 6, 4, seed=s, initial_weights=initial_weights) for s in (3, 3, 4))
    for name in one.weights:
        np.testing.assert_array_equal(one.weights[name], same.weights[name])
    assert np.array_equal(one.kernel, other.kernel) == (initial_weights == "zeros")


@pytest.mark.parametrize("kind", lv.KINDS)
def test_biases_start_as_tensorflow_has_them(kind):
    cell = lv.build(kind, 3, 2, initial_weights="random_normal")
    ones = 6 if kind in ("GRUCell", "CudnnCompatibleGRUCell") else 0
    np.testing.assert_array_equal(cell.bias, [1] * ones + [0] * (cell.bias.size - ones))
    np.testing.assert_array_equal(cell.hidden_bias, np.zeros(cell.bias.size))


def test_a_norm_starts_as_one_that_changes_nothing():
    weights = lv.build("LayerNormBasicLSTMCell", 3, 2, initial_weights="random_normal").weights
    scopes = ("input", "transform", "forget", "output", "state")
    np.testing.assert_array_equal([weights[f"{scope}/gamma"] for scope in scopes], np.ones((5, 3)))
    np.testing.assert_array_equal([weights[f"{scope}/beta"] for scope in scopes], np.zeros((5, 3)))


@given(sizes, sizes, st.integers(0, 100))
@settings(deadline=None)
def test_glorot_weights_keep_within_their_limit_and_come_near_it(num_units, input_size, seed):
    kernel = lv.build("BasicLSTMCell", num_units, input_size, seed=seed).kernel
    limit = math.sqrt(6 / sum(kernel.shape))
    assert np.abs(kernel).max() <= np.float32(limit)
    if kernel.size > 500:
        assert np.abs(kernel).max() > 0.95 * limit
        assert abs(kernel.mean()) < 0.2 * limit


@given(sizes, sizes)
@settings(deadline=None)
def test_orthogonal_kernels_have_orthonormal_rows_or_columns(num_units, input_size):
    cell = lv.build(
        "LSTMCell", num_units, input_size, initial_weights="orthogonal", dtype="float64", use_peepholes=True
    )
    kernel = cell.kernel if cell.kernel.shape[0] <= cell.kernel.shape[1] else cell.kernel.T
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(len(kernel)), atol=1e-12)
    assert np.linalg.norm(cell.weights["w_i_diag"]) == pytest.approx(1)


def test_a_random_normal_kernel_has_keras_deviation():
    kernel = lv.build("BasicLSTMCell", 100, 100, initial_weights="random_normal").kernel
    assert kernel.std() == pytest.approx(keras.initializers.RandomNormal().stddev, rel=0.02)


@pytest.mark.parametrize("initial_weights", cells.INITIAL_WEIGHTS)
def test_a_float32_cell_is_the_float64_one_rounded(initial_weights):
    narrow, wide = (
        lv.build("GRUCell", 5, 3, initial_weights=initial_weights, dtype=dtype)
        for dtype in ("float32", "float64")
    )
    assert (narrow.dtype, wide.dtype) == (np.float32, np.float64)
    for name, weight in wide.weights.items():
        np.testing.assert_array_equal(narrow.weights[name], weight.astype("float32"))


# --- Given weights ---------------------------------------------------------------------------------------------------


def given_weights(dtype="float32"):
    rng = np.random.default_rng(0)
    return {"kernel": rng.normal(size=(5, 12)).astype(dtype), "bias": rng.normal(size=12).astype(dtype)}


def test_given_weights_are_copied_and_the_callers_arrays_stay_theirs():
    weights = given_weights()
    built = lv.build("BasicLSTMCell", 3, 2, weights=weights)
    made = cells.Cell(lv.KINDS["BasicLSTMCell"], 3, 2, {}, weights)
    before = weights["kernel"].copy()
    weights["kernel"][...] = 7
    for cell in (built, made):
        np.testing.assert_array_equal(cell.weights["kernel"], before)
        for array in (cell.kernel, cell.bias, cell.gate("f").kernel, cell.gate("f").kernel_x, cell.offset):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
        with pytest.raises(TypeError):
            cell.weights["kernel"] = before


def test_a_read_only_view_of_somebodys_array_is_copied_too():
    weights = given_weights()
    base = weights["kernel"]
    weights["kernel"] = base[:]
    weights["kernel"].setflags(write=False)
    cell = cells.Cell(lv.KINDS["BasicLSTMCell"], 3, 2, {}, weights)
    base[...] = 7
    assert not (cell.kernel == 7).any()


def test_the_weights_of_one_cell_serve_another():
    one = lv.build("LSTMCell", 3, 2, use_peepholes=True)
    two = lv.build("LSTMCell", 3, 2, use_peepholes=True, weights=one.weights)
    for name in one.weights:
        np.testing.assert_array_equal(one.weights[name], two.weights[name])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_weights_that_are_not_finite_are_taken_for_they_are_what_one_looks_for(value):
    weights = given_weights("float64")
    weights["kernel"][0, 0] = value
    kernel = lv.build("BasicLSTMCell", 3, 2, weights=weights).kernel
    assert not np.isfinite(kernel[0, 0])
    assert np.isfinite(kernel).sum() == kernel.size - 1


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"kernel": np.zeros((5, 8))},
            r"kernel has the shape \[5, 8\]; with num_units 3 and input_size 2 .*\[5, 12\]",
        ),
        ({"bias": np.zeros((12, 1))}, r"bias has the shape \[12, 1\].*\[12\]"),
        (
            {"kernel": np.zeros((5, 12), complex)},
            "kernel is an array of complex128; it must be one of real numbers",
        ),
        ({"kernel": np.full((5, 12), "1.5")}, "kernel is an array of <U3"),
        ({"kernel": np.full((5, 12), None)}, "kernel is an array of object"),
        ({"kernel": [[1.0], [1.0, 2.0]]}, "kernel is not an array of numbers"),
        (
            {"recurrent_kernel": np.zeros(1)},
            "weights has bias, kernel, recurrent_kernel; .* takes exactly kernel, bias",
        ),
    ],
)
def test_wrong_weights_are_refused_with_what_is_allowed(change, text):
    with pytest.raises(ValueError, match=text):
        lv.build("BasicLSTMCell", 3, 2, weights=given_weights() | change)


def test_missing_weights_are_refused_with_those_there_should_be():
    with pytest.raises(
        ValueError, match=r"weights has nothing; LSTMCell .* takes exactly kernel, bias, w_f_diag"
    ):
        lv.build("LSTMCell", 3, 2, weights={}, use_peepholes=True)


@pytest.mark.parametrize("types", [("float32", "float64"), ("float16", "float16"), ("int32", "int32")])
def test_a_cell_made_directly_refuses_weights_of_other_types(types):
    weights = {
        name: array.astype(type_) for (name, array), type_ in zip(given_weights().items(), types, strict=True)
    }
    with pytest.raises(ValueError, match="must be all float32 or all float64"):
        cells.Cell(lv.KINDS["BasicLSTMCell"], 3, 2, {}, weights)


# --- Sizes and options -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["num_units", "input_size"])
@pytest.mark.parametrize("value", [0, -5, 2.0, "8", None, True, float("nan")])
def test_sizes_that_are_no_whole_numbers_of_at_least_one_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is .*; it must be a whole number, at least 1"):
        build(**{"kind": "GRUCell", "num_units": 2, "input_size": 2, name: value})


@pytest.mark.parametrize("num_units", [10**7, 10**12, 10**30])
def test_a_cell_beyond_the_machines_memory_is_refused_with_its_size(num_units):
    count = 4 * num_units * (num_units + 2) + 4 * num_units
    with pytest.raises(ValueError, match=f"num_units {num_units} and input_size 2 make {count:,} weights"):
        lv.build("BasicLSTMCell", num_units, 2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"kind": "Foo"}, "cell is 'Foo'; it must be one of BasicRNNCell, BasicLSTMCell, LSTMCell, GRUCell"),
        ({"dtype": "float16"}, "dtype is 'float16'; it must be float32 or float64"),
        ({"dtype": "foo"}, "dtype is 'foo'; it must be float32 or float64"),
        ({"initial_weights": "he"}, "initial_weights is 'he'; it must be one of glorot_uniform, orthogonal"),
        ({"seed": -1}, "seed is -1; it must be a whole number, at least 0"),
        ({"seed": 1.5}, "seed is 1.5"),
        (
            {"units": 3},
            "units is no option of LSTMCell; it has forget_bias, activation, use_peepholes, num_proj",
        ),
        ({"activation": "softmax"}, "activation is 'softmax'; it must be one of tanh, relu, sigmoid, linear"),
        # TensorFlow takes None for tanh, Keras for linear: whoever writes it has to say which.
        ({"activation": None}, "activation is None; it must be one of tanh"),
        ({"forget_bias": "1"}, "forget_bias is '1'; it must be a finite number"),
        ({"forget_bias": True}, "forget_bias is True; it must be a finite number"),
        ({"forget_bias": None}, "forget_bias is None; it must be a finite number"),
        ({"forget_bias": math.inf}, "forget_bias is inf; it must be a finite number"),
        ({"forget_bias": 1j}, "forget_bias is 1j; it must be a finite number"),
        ({"use_peepholes": 1}, "use_peepholes is 1; it must be True or False"),
        # TensorFlow's own class makes a cell of this one that cannot run.
        ({"num_proj": 0}, "num_proj is 0; it must be a whole number, at least 1"),
        ({"num_proj": 2.5}, "num_proj is 2.5"),
        ({"cell_clip": -1.0}, "cell_clip is -1.0; it must be at least 0"),
        # TensorFlow's own class takes it and leaves it unused.
        (
            {"proj_clip": 1.0},
            "proj_clip is 1.0, but num_proj is not set; set num_proj too, or leave proj_clip out",
        ),
    ],
)
def test_a_wrong_argument_is_refused_with_what_is_allowed(arguments, text):
    with pytest.raises(ValueError, match=text):
        build(**({"kind": "LSTMCell", "num_units": 2, "input_size": 2} | arguments))


def test_numpys_numbers_serve_as_sizes_and_options():
    cell = build(
        "LSTMCell",
        np.int64(3),
        np.uint8(2),
        seed=np.int32(1),
        forget_bias=np.float32(0.5),
        num_proj=np.int16(2),
        use_peepholes=np.bool_(True),
        cell_clip=1,
    )
    assert (cell.num_units, cell.input_size) == (3, 2)
    assert cell.options == {
        "forget_bias": 0.5, "activation": "tanh", "use_peepholes": True, "num_proj": 2, "cell_clip": 1.0, "proj_clip": None,
        "recurrent_activation": "sigmoid", "use_bias": True,
    }  # fmt: skip
    assert {type(value) for value in cell.options.values()} <= {float, int, str, bool, type(None)}


def test_an_unknown_gate_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="gate is 'i'; GRUCell has the gates r, u, c"):
        lv.build("GRUCell", 2, 2).gate("i")


# --- The linear layer ------------------------------------------------------------------------------------------------


def test_a_layer_that_does_not_fit_the_cell_is_refused():
    with pytest.raises(ValueError, match="the linear layer gives 3 features; the cell takes 2"):
        lv.fold(lv.build_linear(4, 3), lv.build("GRUCell", 2, 2))


def test_a_layer_whose_bias_does_not_fit_its_kernel_is_refused():
    linear = object.__new__(lv.Linear)  # around the tests' shape checks
    object.__setattr__(linear, "kernel", np.zeros((4, 3), "float32"))
    object.__setattr__(linear, "bias", np.zeros(2, "float32"))
    with pytest.raises(ValueError, match=r"kernel is \[4, 3\] and its bias \[2\]"):
        linear.__post_init__()


def test_folding_keeps_the_cells_type_and_its_hidden_rows():
    cell = lv.build("LSTMCell", 3, 2, use_peepholes=True)
    folded = lv.fold(lv.build_linear(5, 2, dtype="float64"), cell)
    assert folded.dtype == np.float32
    assert folded.input_size == 5
    np.testing.assert_array_equal(folded.kernel[5:], cell.kernel[2:])
    np.testing.assert_array_equal(folded.weights["w_i_diag"], cell.weights["w_i_diag"])
    assert folded.parameter_count == cell.parameter_count + 3 * 12


def test_a_clip_at_zero_is_on():
    cell = lv.build("LSTMCell", 2, 1, cell_clip=0.0)
    assert any(formula.operation == "clip c" for formula in cells.formulas(cell))
    trace = lv.run(cell, [[1.0], [2.0]])
    np.testing.assert_array_equal(trace.states["c"], np.zeros((2, 2)))
    followed = flow.follow(trace, 1, slice(None))
    assert [made.operator for made in followed].count("clip") == 1


def test_a_cell_with_other_weights_is_another_cell():
    cell = build("BasicLSTMCell", num_units=4, input_size=3, seed=1)
    other = cell.with_weights({"kernel": {(2, 5): 0.25}, "bias": np.arange(16.0)})
    assert other.kernel[2, 5] == np.float32(0.25) != cell.kernel[2, 5]
    assert np.count_nonzero(other.kernel != cell.kernel) == 1
    assert other.bias.tolist() == list(range(16)) and not cell.bias.any()
    assert cell.with_weights({"bias": {3: 1}}).bias[3] == 1
    with pytest.raises(ValueError, match="read-only"):
        other.kernel[0, 0] = 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"weights": {0: 1.0}}, "has no weight 'weights'; it has kernel, bias"),
        ({"kernel": {(7, 0): 1.0}}, r"the shape \[7, 16\]; there is no number at \(7, 0\)"),
        ({"kernel": {3: 1.0}}, "no number at 3"),
        ({"kernel": {(-1, 0): 1.0}}, "no number at"),
        ({"kernel": {(True, 0): 1.0}}, "no number at"),
        ({"kernel": {"a": 1.0}}, "no number at 'a'"),
        ({"bias": {0: float("nan")}}, r"nan at \[0\]; it must be a finite number"),
        ({"bias": {0: 1e39}}, "must be a finite number"),
        ({"bias": {0: "1"}}, "must be a finite number"),
        ({"bias": np.zeros(3)}, "must be"),
        ([("bias", 1)], "a mapping from weights"),
    ],
    ids=str,
)
def test_weights_that_a_cell_cannot_have_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        build("BasicLSTMCell", num_units=4, input_size=3).with_weights(changes)


# --- What is read from an equation ------------------------------------------------------------------------------------


def test_what_is_added_to_a_gate_has_its_options_name_or_its_number():
    assert dict(lv.build("BasicLSTMCell", 2, 2, forget_bias=0.75).offsets["f"]) == {"forget_bias": 0.75}

    def step(x, h, w):
        return {"h": h * sigmoid(x @ w("k") - 0.5).called("f")}

    lv.kind("Own")(step)
    assert dict(lv.build("Own", 2, 2).offsets["f"]) == {"0.5": -0.5}


def test_a_peephole_touches_its_own_gate_alone():
    touched = {variable.name: variable.touches for variable in lv.KINDS["LSTMCell"].variables}
    assert {name: gates for name, gates in touched.items() if gates} == {
        "w_f_diag": ("f",),
        "w_i_diag": ("i",),
        "w_o_diag": ("o",),
    }


@pytest.mark.parametrize(("given", "is_usual"), [(0.5, True), (None, True), (True, False)])
def test_a_usual_option_has_its_usual_title_where_its_default_is_of_its_type(given, is_usual):
    def step(x, h, w, *, forget_bias=given):
        f = sigmoid(x @ w("k") + forget_bias if given == 0.5 else x @ w("k")).called("f")
        return {"h": f * h}

    lv.kind("Own")(step)
    (option,) = lv.KINDS["Own"].options
    assert option.default == given
    assert (option.title == cells.OPTIONS["forget_bias"].title) == is_usual
