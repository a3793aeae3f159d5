"""The engine against TensorFlow's own TF1 cells, and at its edges."""

import inspect
import logging
import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz import cells
from lstmviz.equation import concat, sigmoid
from lstmviz.run import engine
from tests import tf1
from tests.loops import forget_loops
from tests.runs import TOLERANCE, make_run, runs

with warnings.catch_warnings():  # TensorFlow's own use of deprecated APIs while it loads
    warnings.simplefilter("ignore")
    import keras
    import tensorflow as tf

# What a caller without the tests' shape checks gets.
run = inspect.unwrap(engine.run)


def run_tf1(cell, x, state):
    """Every state after every step, by TensorFlow's TF1 class of the same name."""
    layer = tf1.build_layer(cell)
    tensors = [tf.constant(state[name][np.newaxis]) for name in cell.kind.states]
    rows = {name: [] for name in cell.kind.states}
    for row in x:
        output, tensors = tf1.step(layer, tf.constant(row[np.newaxis]), tensors)
        np.testing.assert_array_equal(output, tensors[-1])
        for name, tensor in zip(cell.kind.states, tensors, strict=True):
            rows[name].append(tensor.numpy()[0])
    return {name: np.reshape(each, (len(x), cell.state_size(name))) for name, each in rows.items()}


def rederive_preactivations(cell, x, state, states):
    """Each gate's pre-activation in float64 NumPy, from the oracle's states and the joined kernel alone."""
    x = x.astype(np.float64)
    before = {name: np.concatenate([state[name][np.newaxis], states[name]])[: len(x)] for name in states}
    z = np.concatenate([x, before["h"]], axis=1) @ cell.kernel.astype(np.float64) + cell.bias
    blocks = {gate.name: z[:, cell.columns(gate.name)] for gate in cell.kind.gates}
    if cell.kind.name == "GRUCell":
        r = 1 / (1 + np.exp(-blocks["r"]))
        candidate = cell.gate("c")
        blocks["c"] = x @ candidate.kernel_x + (r * before["h"]) @ candidate.kernel_h + candidate.bias
    if "forget_bias" in cell.options:
        blocks["f"] = blocks["f"] + cell.options["forget_bias"]
    if cell.options.get("use_peepholes"):
        blocks["i"] = blocks["i"] + cell.weights["w_i_diag"] * before["c"]
        blocks["f"] = blocks["f"] + cell.weights["w_f_diag"] * before["c"]
        blocks["o"] = blocks["o"] + cell.weights["w_o_diag"] * states["c"]
    return blocks


@given(runs(**tf1.RUNS))
@settings(max_examples=60, deadline=None)
def test_every_step_equals_tensorflows_own_cells(case):
    cell, x, state = make_run(*case)
    trace = lv.run(cell, x, initial_state=state)
    expected = run_tf1(cell, x, state)
    tolerance = TOLERANCE[cell.dtype.name]
    for name, values in expected.items():
        assert trace.states[name].dtype == cell.dtype
        scale = max(1.0, float(np.abs(values).max(initial=0)))  # relu and linear have no bound
        np.testing.assert_allclose(trace.states[name], values, rtol=0, atol=tolerance * scale)
    for gate, values in rederive_preactivations(cell, x, state, expected).items():
        scale = max(1.0, float(np.abs(values).max(initial=0)))
        np.testing.assert_allclose(trace.preactivations[gate], values, rtol=0, atol=tolerance * scale)
        activated = keras.activations.get(cell.activation_of(gate))(values)
        np.testing.assert_allclose(trace.gates[gate], activated, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("kind", tf1.KINDS)
def test_the_options_are_by_default_what_tensorflow_has(kind):
    usual = inspect.signature(getattr(tf1.rnn_cell_impl, kind)).parameters
    for option in lv.KINDS[kind].options:
        if option.name not in (*tf1.UNSAYABLE, "activation"):  # where TensorFlow's None is tanh
            assert option.default == usual[option.name].default, option.name


@pytest.mark.parametrize("kind", tf1.KINDS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_wide_cell_equals_tensorflows_own_too(kind, dtype):
    # From 65 units on the products are made in two parts.
    options = {"use_peepholes": True, "num_proj": 70} if kind == "LSTMCell" else {}
    cell = lv.build(kind, num_units=131, input_size=3, dtype=dtype, seed=4, **options)
    rng = np.random.default_rng(4)
    x = rng.normal(size=(21, 3)).astype(dtype)
    state = {name: rng.normal(size=cell.state_size(name)).astype(dtype) for name in cell.kind.states}
    trace = lv.run(cell, x, initial_state=state)
    expected = run_tf1(cell, x, state)
    for name, values in expected.items():
        np.testing.assert_allclose(trace.states[name], values, rtol=0, atol=TOLERANCE[dtype])
    for gate, values in rederive_preactivations(cell, x, state, expected).items():
        np.testing.assert_allclose(trace.preactivations[gate], values, rtol=0, atol=TOLERANCE[dtype] * 10)


def test_keras_gives_the_same_outputs_with_its_own_order_and_the_forget_bias_folded_in():
    cell = lv.build("BasicLSTMCell", num_units=6, input_size=3, seed=2, forget_bias=0.7)
    x = np.random.default_rng(2).normal(size=(15, 3)).astype("float32")
    layer = keras.layers.LSTM(6, return_sequences=True)
    layer.build((1, None, 3))
    order = [cell.gate(name) for name in ("i", "f", "j", "o")]
    bias = np.concatenate([each.bias + (0.7 if each.gate.name == "f" else 0.0) for each in order])
    kernels = (
        np.concatenate([each.kernel_x for each in order], 1),
        np.concatenate([each.kernel_h for each in order], 1),
    )
    layer.set_weights([*kernels, bias])
    np.testing.assert_allclose(lv.run(cell, x).states["h"], layer(x[np.newaxis])[0], rtol=0, atol=1e-5)


# --- Edges -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", lv.KINDS)
@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("num_units", [1, 200])
def test_no_steps_and_one_step_and_one_unit_have_traces(kind, steps, num_units):
    cell = lv.build(kind, num_units=num_units, input_size=2)
    trace = lv.run(cell, np.ones((steps, 2), "float32"))
    assert len(trace) == steps
    for values in (*trace.gates.values(), *trace.preactivations.values(), *trace.states.values()):
        assert values.shape == (steps, num_units)
        assert values.dtype == np.float32
        assert np.isfinite(values).all()


@pytest.mark.parametrize("kind", tf1.KINDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_pass_through_as_in_tensorflow(kind, bad):
    cell = lv.build(kind, num_units=3, input_size=2, seed=1)
    x = np.ones((6, 2), "float32")
    x[3, 1] = bad
    trace = lv.run(cell, x)
    state = {name: np.zeros(3, "float32") for name in cell.kind.states}
    expected = run_tf1(cell, x, state)
    for name, values in expected.items():
        np.testing.assert_allclose(trace.states[name], values, rtol=0, atol=1e-5)
    bad_steps = [t for t in range(6) if not all(np.isfinite(values[t]).all() for values in expected.values())]
    assert trace.first_nonfinite() == (bad_steps[0] if bad_steps else None)
    if np.isnan(bad):
        assert bad_steps == [3, 4, 5]


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.zeros((4, 3)), r"\[4, 3\].*\[time, 2\]"),
        (np.zeros(4), "x "),
        (np.zeros((1, 4, 2)), "x "),
        (np.zeros((4, 2), complex), "x "),
        (np.full((4, 2), "1.5"), "x "),
        (np.full((4, 2), None), "x "),
        ([[1.0, 2.0], [3.0]], "x "),
        (None, "x "),
        ("sine", "x "),
    ],
)
def test_a_wrong_sequence_is_refused_with_what_is_allowed(x, text):
    with pytest.raises(ValueError, match=text):
        run(lv.build("GRUCell", num_units=3, input_size=2), x)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float16", "float64"])
def test_numbers_of_every_type_are_taken(dtype):
    cell = lv.build("BasicLSTMCell", num_units=3, input_size=2)
    x = np.array([[1, 0], [0, 1], [1, 1]])
    expected = lv.run(cell, x.astype("float32"))
    np.testing.assert_array_equal(lv.run(cell, x.astype(dtype)).states["h"], expected.states["h"])


def test_a_float64_cell_computes_a_float32_sequence_in_float64():
    cell = lv.build("BasicLSTMCell", num_units=3, input_size=2, dtype="float64")
    x = np.random.default_rng(0).normal(size=(9, 2)).astype("float32")
    narrow, wide = lv.run(cell, x), lv.run(cell, x.astype("float64"))
    assert narrow.states["h"].dtype == np.float64
    np.testing.assert_array_equal(narrow.states["h"], wide.states["h"])


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"m": np.zeros(3)}, "initial_state has m; BasicLSTMCell has the states c, h"),
        ({"h": np.zeros(4)}, r"initial_state h has the shape \[4\]; it must be \[3\]"),
        ({"c": np.zeros((1, 3))}, r"\[1, 3\]; it must be \[3\]"),
        ({"c": ["a", "b", "c"]}, "initial_state c is an array of <U1"),
        ({"c": [None] * 3}, "initial_state c is an array of object"),
        ({"c": np.zeros(3, complex)}, "initial_state c is an array of complex128"),
        (np.zeros(3), "initial_state is ndarray; it must be a mapping from c, h"),
    ],
)
def test_a_wrong_initial_state_is_refused_with_what_is_allowed(state, text):
    with pytest.raises(ValueError, match=text):
        run(lv.build("BasicLSTMCell", num_units=3, input_size=2), np.zeros((4, 2)), initial_state=state)


def test_states_that_are_left_out_start_at_zero():
    cell = lv.build("BasicLSTMCell", num_units=3, input_size=2)
    trace = lv.run(cell, np.ones((2, 2)), initial_state={"h": [1, 2, 3]})
    np.testing.assert_array_equal(trace.initial_state["c"], np.zeros(3))
    np.testing.assert_array_equal(trace.initial_state["h"], [1, 2, 3])
    assert trace.initial_state["h"].dtype == np.float32


def test_what_a_run_recorded_cannot_be_written_to():
    trace = lv.run(lv.build("GRUCell", num_units=3, input_size=2), np.ones((2, 2)))
    for array in (trace.gates["r"], trace.preactivations["c"], trace.states["h"], trace.initial_state["h"]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(TypeError):
        trace.gates["r"] = np.zeros((2, 3))


def test_an_unknown_device_is_refused_with_those_there_are():
    with pytest.raises(lv.devices.DeviceError, match=r"device is 'TPU:0'; TensorFlow sees .*CPU:0"):
        lv.run(lv.build("GRUCell", num_units=3, input_size=2), np.ones((2, 2)), device="TPU:0")


def test_a_new_kind_is_one_new_declaration(own_kinds):
    @lv.kind("Leaky")
    def leaky(x, h, w):
        f = sigmoid(concat(x, h) @ w("kernel") + w("bias")).called("f", "forget", "forgets")
        return {"h": (1 - f) * h + f}

    weights = {"kernel": np.ones((3, 2), "float32"), "bias": np.zeros(2, "float32")}
    cell = cells.Cell(own_kinds["Leaky"], 2, 1, {}, weights)
    trace = lv.run(cell, [[0.0], [1.0]], device="CPU:0")
    forget = 1 / (1 + np.exp(-2.0))
    np.testing.assert_allclose(trace.gates["f"], [[0.5, 0.5], [forget, forget]], rtol=1e-6)
    np.testing.assert_allclose(trace.states["h"][:, 0], [0.5, 0.5 * (1 - forget) + forget], rtol=1e-6)
    assert trace.explain(1, "f", 0).sum == pytest.approx(2.0)


# --- Long runs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", lv.KINDS)
def test_ten_thousand_steps_run_in_reported_parts_as_in_one(kind):
    cell = lv.build(kind, num_units=16, input_size=2)
    x = np.random.default_rng(0).normal(size=(10_000, 2)).astype("float32")
    seen = []
    parts = lv.run(cell, x, progress=lambda done, steps: seen.append((done, steps)))
    whole = lv.run(cell, x)
    assert len(whole) == 10_000
    assert seen
    assert all(steps == 10_000 for _done, steps in seen)
    done = [done for done, _steps in seen]
    assert done == sorted(set(done))
    assert done[-1] < 10_000
    for name, values in whole.states.items():
        np.testing.assert_allclose(parts.states[name], values, rtol=0, atol=1e-5)
    for name, values in whole.gates.items():
        np.testing.assert_allclose(parts.gates[name], values, rtol=0, atol=1e-5)


def test_an_exception_from_progress_ends_the_run():
    class Cancelled(Exception):
        pass

    calls = []

    def cancel(done, steps):
        calls.append(done)
        raise Cancelled

    with pytest.raises(Cancelled):
        lv.run(lv.build("GRUCell", num_units=16, input_size=2), np.zeros((10_000, 2)), progress=cancel)
    assert len(calls) == 1


# --- Tracing and threads ---------------------------------------------------------------------------------------------


@pytest.fixture
def traced(monkeypatch):
    """The functions that `tf.function` made meanwhile, where none is known yet."""
    made = []
    real = tf.function

    def count(*args, **kwargs):
        def decorate(function):
            made.append(real(*args, **kwargs)(function))
            return made[-1]

        return decorate

    monkeypatch.setattr(tf, "function", count)
    forget_loops(monkeypatch)
    return made


def test_a_number_of_an_option_costs_no_trace_but_a_new_structure_one(traced):
    x = np.zeros((3, 2))
    for num_proj, cell_clip, forget_bias in ((1, 0.5, 1.0), (2, 0.25, 0.0), (3, 2.0, -1.0)):
        lv.run(lv.build("LSTMCell", 3, 2, num_proj=num_proj, cell_clip=cell_clip, forget_bias=forget_bias), x)
    assert len(traced) == 1
    lv.run(lv.build("LSTMCell", 3, 2, use_peepholes=True), x)
    assert len(traced) == 2


def test_many_threads_run_different_cells_at_once_and_trace_each_kind_once(traced):
    jobs = [(kind, size) for size in (1, 2, 5, 9) for kind in lv.KINDS] * 2
    x = np.random.default_rng(0).normal(size=(30, 3)).astype("float32")
    made, start = {}, threading.Barrier(len(jobs))

    def work(number, kind, size):
        start.wait()
        made[number] = lv.run(lv.build(kind, size, 3, seed=size), x)

    threads = [threading.Thread(target=work, args=(number, *job)) for number, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [loop.experimental_get_tracing_count() for loop in traced] == [1] * len(lv.KINDS)
    for number, (kind, size) in enumerate(jobs):
        expected = lv.run(lv.build(kind, size, 3, seed=size), x)
        np.testing.assert_array_equal(made[number].states["h"], expected.states["h"])


def test_tensorflows_advice_on_retracing_stays_out_of_the_log(caplog, monkeypatch):
    forget_loops(monkeypatch)
    caplog.set_level(logging.WARNING, "tensorflow")
    tf.get_logger().addHandler(caplog.handler)
    try:
        for activation in list(cells.ACTIVATIONS)[:6]:  # it warns from five on
            lv.run(lv.build("BasicRNNCell", 2, 1, activation=activation), np.zeros((2, 1)))
        tf.get_logger().warning("other warnings of TensorFlow still show")
    finally:
        tf.get_logger().removeHandler(caplog.handler)
    assert {record.getMessage() for record in caplog.records} == {"other warnings of TensorFlow still show"}


def test_warm_up_traces_every_kind_before_the_first_run(traced):
    engine.warm_up()
    assert len(traced) == 2 * len(lv.KINDS)  # narrow, wide
    for kind in lv.KINDS:
        for num_units in (5, 200):
            lv.run(lv.build(kind, num_units, input_size=7), np.zeros((9, 7)))
    assert len(traced) == 2 * len(lv.KINDS)


def test_warm_up_traces_the_gradients_of_the_kinds_that_are_named(monkeypatch):
    forget_loops(monkeypatch)
    engine.warm_up(["GRUCell"], backward=True)
    warm = engine._compiled_backward.cache_info()
    lv.gradients(lv.run(lv.build("GRUCell", num_units=20, input_size=7), np.zeros((9, 7))), unit=3)
    after = engine._compiled_backward.cache_info()
    assert (warm.misses, after.misses, after.hits) == (1, 1, warm.hits + 1)


# --- The linear layer ------------------------------------------------------------------------------------------------


# A layer norm takes its product with x from its mean over all units: there is no bias beside it to hold the layer's.
WITH_BIAS = tuple(sorted(set(lv.KINDS) - {"LayerNormBasicLSTMCell"}))


@given(runs(WITH_BIAS), st.integers(1, 6), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_folded_cell_does_alone_what_the_layer_and_the_cell_do(case, features, seed):
    cell, x, state = make_run(*case)
    linear = lv.build_linear(features, cell.input_size, seed=seed, dtype=cell.dtype.name)
    given_x = np.random.default_rng(seed).normal(size=(len(x), features)).astype(cell.dtype)
    behind = lv.run(cell, linear(given_x), initial_state=state)
    alone = lv.run(lv.fold(linear, cell), given_x, initial_state=state)
    for name, values in behind.states.items():
        scale = max(1.0, float(np.abs(values).max(initial=0)))
        tolerance = TOLERANCE[cell.dtype.name] * 10 * scale
        np.testing.assert_allclose(alone.states[name], values, rtol=0, atol=tolerance)


def test_a_large_cell_gives_what_kerass_layer_does():
    units, inputs, steps = 600, 500, 4
    cell = lv.build("BasicLSTMCell", units, inputs, seed=4)
    assert cell.kernel.size > 2**20  # its weights reach TensorFlow another way
    x = np.random.default_rng(1).normal(size=(steps, inputs)).astype("float32")
    trace = lv.run(cell, x, device="CPU:0")
    layer = tf.keras.layers.LSTM(units, return_sequences=True)
    layer.build((1, steps, inputs))
    order = np.concatenate([np.arange(units) + block * units for block in (0, 2, 1, 3)])  # i, f, c, o
    kernel, bias = cell.kernel[:, order], (cell.bias + cell.offset)[order]
    layer.set_weights([kernel[:inputs], kernel[inputs:], bias])
    assert np.abs(np.asarray(layer(x[np.newaxis]))[0] - trace.states["h"]).max() < 1e-5
    assert not cell.kernel.flags.writeable


_TF1_PROGRAM = """
import os
import sys
import numpy as np
import tensorflow as tf
import lstmviz as lv

def measure():
    found = []
    for kind in ("LSTMCell", "GRUCell"):
        cell = lv.build(kind, num_units=130, input_size=2, seed=1)
        trace = lv.run(cell, np.sin(np.arange(10.0)).reshape(5, 2), device="CPU:0")
        gradients = lv.gradients(trace, unit=1)
        found += [each.astype(np.float64).sum() for each in (*trace.states.values(), gradients.x)]
    return found

def inside_a_function():
    found = []

    @tf.function
    def called():
        found.extend(measure())
        return tf.constant(0)

    called()
    return found

def inside(place):
    with place:
        return measure()

def inside_a_session():
    x = tf.compat.v1.placeholder(tf.float32, [])
    with tf.compat.v1.Session() as session:
        first = session.run(2 * x, {x: 3})
        found = measure()
        assert first == session.run(2 * x, {x: 3}) == 6, "the caller's own graph goes on"
        return found

for program in sys.argv[1:]:
    child = os.fork() if len(sys.argv) > 2 else 0
    if not child:
        known = globals() | {"FOUND": None}
        exec(program, known)
        print(*(repr(float(number)) for number in known["FOUND"]), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print("failed", flush=True)
"""

_WHERE = {
    "eager": "FOUND = measure()",
    "eager disabled": "tf.compat.v1.disable_eager_execution(); FOUND = measure()",
    "v2 disabled": "tf.compat.v1.disable_v2_behavior(); FOUND = measure()",
    "v2 disabled, session": "tf.compat.v1.disable_v2_behavior(); FOUND = inside_a_session()",
    "graph": "FOUND = inside(tf.Graph().as_default())",
    "session": "FOUND = inside(tf.compat.v1.Session(graph=tf.Graph()))",
    "its graph": "FOUND = inside(tf.compat.v1.Session(graph=tf.Graph()).graph.as_default())",
    "tf.function": "FOUND = inside_a_function()",
}


@pytest.fixture(scope="module")
def measured():
    """What each program measured, and what they said beside.

    What one does to TensorFlow cannot be undone: each has a process of its own. They begin as one, which imports TensorFlow
    and does nothing else: that takes longer than all that follows.
    """
    programs = [[*_WHERE.values()]] if hasattr(os, "fork") else [[program] for program in _WHERE.values()]
    done = [
        subprocess.run(
            [sys.executable, "-c", _TF1_PROGRAM, *some],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        for some in programs
    ]
    lines = [line for each in done for line in each.stdout.splitlines() or ["failed"]]
    return dict(zip(_WHERE, lines, strict=True)), "".join(each.stderr for each in done)


@pytest.mark.parametrize("where", list(_WHERE)[1:])
def test_a_run_and_its_gradients_are_the_same_wherever_tf1_cells_live(where, measured):
    lines, said = measured
    assert lines[where] != "failed", said
    found, eager = ([float(number) for number in lines[name].split()] for name in (where, "eager"))
    assert len(found) == len(eager) == 5
    np.testing.assert_array_equal(found, eager)
