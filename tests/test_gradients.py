"""Gradients against finite differences of the engine's own runs, and against TensorFlow's tape over its TF1 cells."""

import inspect
import logging

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz import cells
from lstmviz.run import engine
from tests import tf1
from tests.loops import forget_loops
from tests.runs import make_run, runs
from tests.tf1 import tf

# What a caller without the tests' shape checks gets.
gradients = inspect.unwrap(engine.gradients)

_NUDGE = 1e-5  # central differences in float64: their error is about its square, the rounding 1e-16 over it


def sine_trace(kind="BasicLSTMCell", num_units=4, steps=12, **options):
    cell = lv.build(kind, num_units, 2, seed=1, **options)
    return lv.run(cell, lv.sequences.make("sine", time_steps=steps, input_size=2))


def h_at_the_end(cell, x, state, unit):
    return lv.run(cell, x, initial_state=state).states["h"][-1, unit] if len(x) else state["h"][unit]


def differences(evaluate, array):
    """Central differences of `evaluate()` by each number of `array`, and whether the two sides agree."""
    found, smooth, middle = np.zeros_like(array), True, evaluate()
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + _NUDGE
        high = evaluate()
        array[index] = kept - _NUDGE
        low = evaluate()
        array[index] = kept
        found[index] = (high - low) / (2 * _NUDGE)
        scale = max(1.0, abs(middle), abs(found[index]))
        smooth = smooth and abs(high - 2 * middle + low) < 1e-7 * scale
    return found, smooth


@given(runs(), st.data())
@settings(max_examples=25, deadline=None)
def test_gradients_equal_finite_differences_of_runs(case, data):
    kind, options, num_units, input_size, steps, _dtype, seed = case
    cell, x, state = make_run(kind, options, num_units, input_size, steps % 5 + 1, "float64", seed)
    trace = lv.run(cell, x, initial_state=state)
    t = data.draw(st.integers(0, len(x) - 1))
    unit = data.draw(st.integers(0, cell.output_size - 1))
    found = lv.gradients(trace, unit, t)
    pairs = []
    for s in range(-1, t + 1):
        # The run is resumed after step s, from its recorded states with one number changed.
        resumed = {name: np.array(state[name] if s < 0 else trace.states[name][s]) for name in state}
        left = x[s + 1 : t + 1].copy()
        for name, array in resumed.items():
            rows = found.initial_state[name] if s < 0 else found.states[name][s]
            pairs.append((rows, *differences(lambda: h_at_the_end(cell, left, resumed, unit), array)))  # noqa: B023
        if s < t:
            one = left[0]
            pairs.append(
                (found.x[s + 1], *differences(lambda: h_at_the_end(cell, left, resumed, unit), one))  # noqa: B023
            )
    assume(
        all(smooth for _rows, _expected, smooth in pairs)
    )  # a corner of relu or of a clip lies between the two
    for rows, expected, _smooth in pairs:
        scale = max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-7 * scale)


def tape_gradients(cell, x, state, unit):
    """By TensorFlow's tape over all steps of its TF1 cell: with respect to x and to the initial states."""
    layer = tf1.build_layer(cell)
    sequence = tf.constant(x)
    start = [tf.constant(state[name][np.newaxis]) for name in cell.kind.states]
    with tf.GradientTape() as tape:
        tape.watch([sequence, *start])
        tensors = start
        for number in range(len(x)):
            output, tensors = tf1.step(layer, sequence[number : number + 1], tensors)
        target = output[0, unit]
    to_x, *to_start = tape.gradient(
        target, [sequence, *start], unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    return to_x.numpy(), {name: g.numpy()[0] for name, g in zip(cell.kind.states, to_start, strict=True)}


@given(runs(**tf1.RUNS), st.data())
@settings(max_examples=50, deadline=None)
def test_gradients_equal_tensorflows_tape_over_its_own_cells(case, data):
    kind, options, num_units, input_size, steps, dtype, seed = case
    cell, x, state = make_run(kind, options, num_units, input_size, steps + 1, dtype, seed)
    unit = data.draw(st.integers(0, cell.output_size - 1))
    t = data.draw(st.integers(0, steps))
    expected_x, expected_start = tape_gradients(cell, x[: t + 1], state, unit)
    found = lv.gradients(lv.run(cell, x, initial_state=state), unit, t)
    tolerance = {"float32": 1e-4, "float64": 1e-11}[dtype]
    for rows, expected in (
        (found.x, expected_x),
        *((found.initial_state[name], expected_start[name]) for name in state),
    ):
        assert rows.dtype == cell.dtype
        scale = max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(rows, expected, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("kind", lv.KINDS)
def test_the_last_row_is_the_unit_itself(kind):
    found = lv.gradients(sine_trace(kind), unit=2, t=7)
    np.testing.assert_array_equal(found.states["h"][-1], [0, 0, 1, 0])
    for name in set(found.states) - {"h"}:
        np.testing.assert_array_equal(found.states[name][-1], np.zeros(4))
    assert len(found) == found.t + 1 == 8
    assert {len(rows) for rows in found.states.values()} == {8}


def test_the_last_step_is_taken_by_default():
    trace = sine_trace(steps=9)
    assert lv.gradients(trace, 0).t == 8
    np.testing.assert_array_equal(lv.gradients(trace, 0).x, lv.gradients(trace, 0, t=8).x)


def test_a_projected_h_has_the_projections_units():
    trace = sine_trace("LSTMCell", num_units=5, num_proj=2, use_peepholes=True)
    found = lv.gradients(trace, unit=1)
    assert found.states["h"].shape == (12, 2)
    assert found.states["c"].shape == (12, 5)
    with pytest.raises(ValueError, match="unit is 2; it must be 0 to 1"):
        gradients(trace, 2)


@pytest.mark.parametrize(
    ("unit", "t", "text"),
    [
        (4, None, "unit is 4; it must be 0 to 3"),
        (-1, None, "unit is -1; it must be 0 to 3"),
        (True, None, "unit is True; it must be 0 to 3"),
        (0, 12, "t is 12; it must be 0 to 11"),
        (0, -1, "t is -1; it must be 0 to 11"),
        (0, 1.0, "t is 1.0; it must be 0 to 11"),
    ],
)
def test_a_unit_or_step_that_is_not_there_is_refused(unit, t, text):
    with pytest.raises(ValueError, match=text):
        gradients(sine_trace(), unit, t)


def test_no_steps_have_no_gradients():
    with pytest.raises(ValueError, match="the trace has no steps"):
        gradients(lv.run(lv.build("GRUCell", 2, 1), np.zeros((0, 1))), 0)


def test_gradients_cannot_be_written_to():
    found = lv.gradients(sine_trace(), 0)
    for array in (found.x, found.states["c"], found.initial_state["h"]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_nan_leaves_no_gradient_through_it_but_later_ones_do_not_count():
    x = np.ones((8, 2), "float32")
    x[5] = np.nan
    trace = lv.run(lv.build("BasicLSTMCell", 3, 2), x)
    assert np.isfinite(lv.gradients(trace, 0, t=4).x).all()
    assert np.isnan(lv.gradients(trace, 0, t=6).x[:5]).all()


# --- Norms and reach -------------------------------------------------------------------------------------------------


def test_norms_are_the_lengths_of_the_rows():
    found = lv.gradients(sine_trace(), 1)
    norms = found.norms()
    assert list(norms) == ["x", "c", "h"]
    np.testing.assert_allclose(norms["x"], np.linalg.norm(found.x, axis=1), rtol=1e-6)
    np.testing.assert_allclose(norms["c"], np.linalg.norm(found.states["c"], axis=1), rtol=1e-6)


def with_rows(x):
    """Gradients whose x are `x`, of a trace as long."""
    cell = lv.build("BasicRNNCell", 1, np.shape(x)[1], dtype="float64")
    trace = lv.run(cell, np.zeros(np.shape(x)))
    h = np.zeros((len(x), 1))
    return lv.Gradients(trace, 0, len(x) - 1, np.asarray(x, float), {"h": h}, {"h": np.zeros(1)})


def test_the_norm_of_numbers_whose_square_is_none_is_still_theirs():
    norms = with_rows([[3e-200, 4e-200], [3e200, 4e200], [0, 0], [np.inf, 1], [np.nan, 1]]).norms()["x"]
    np.testing.assert_allclose(norms[:3], [5e-200, 5e200, 0])
    assert np.isinf(norms[3]) and np.isnan(norms[4])


@pytest.mark.parametrize(
    ("x", "steps"),
    [
        ([0.001, 0.5, 1.0], 2),
        ([0.001, 0.5, 0.001, 1.0, 0.0], 4),  # comes back: below for good only then
        ([0.0, 1.0], 1),
        ([0.5, 1.0], None),
        ([1.0, 0.001], None),  # the farthest counts most
        ([0.0, 0.0], None),
        ([np.nan, 1.0], None),
    ],
)
def test_reach_counts_the_steps_to_a_hundredth_of_the_largest(x, steps):
    assert with_rows(np.reshape(x, (-1, 1))).reach()["x"] == steps


def test_a_basic_cell_forgets_where_an_lstm_with_a_large_forget_bias_does_not():
    x = lv.sequences.make("white_noise", time_steps=60, input_size=2, seed=0)
    rnn = lv.gradients(lv.run(lv.build("BasicRNNCell", 8, 2), x), 0)
    lstm = lv.gradients(lv.run(lv.build("BasicLSTMCell", 8, 2, forget_bias=6.0), x), 0)
    assert rnn.reach()["x"] is not None and rnn.reach()["x"] < 40
    assert lstm.reach()["x"] is None


# --- Long runs, tracing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", lv.KINDS)
def test_ten_thousand_steps_give_the_gradients_of_their_end(kind):
    cell = lv.build(kind, 16, 2, seed=3)
    x = np.random.default_rng(3).normal(size=(10_000, 2)).astype("float32")
    trace = lv.run(cell, x)
    whole = lv.gradients(trace, 5)
    assert whole.x.shape == (10_000, 2)
    state = {name: trace.states[name][9_899] for name in trace.states}
    end = lv.gradients(lv.run(cell, x[9_900:], initial_state=state), 5)
    np.testing.assert_allclose(whole.x[9_900:], end.x, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", lv.KINDS)
def test_a_size_never_seen_before_costs_no_trace_there_or_back(kind, monkeypatch):
    made = []
    real = tf.function
    monkeypatch.setattr(tf, "function", lambda **given: lambda f: made.append(real(**given)(f)) or made[-1])
    forget_loops(monkeypatch)
    for num_units, input_size, steps in ((2, 1, 3), (7, 5, 11), (150, 3, 1), (150, 3, 0), (300, 20, 40)):
        trace = lv.run(lv.build(kind, num_units, input_size), np.zeros((steps, input_size)))
        if steps:
            lv.gradients(trace, 0)
    # Narrow and wide there, one back.
    assert [loop.experimental_get_tracing_count() for loop in made] == [1, 1, 1]


def test_tensorflows_advice_on_retracing_stays_out_of_the_log(caplog, monkeypatch):
    forget_loops(monkeypatch)
    caplog.set_level(logging.WARNING, "tensorflow")
    tf.get_logger().addHandler(caplog.handler)
    try:
        for activation in list(cells.ACTIVATIONS)[:6]:  # it warns from five on
            lv.gradients(lv.run(lv.build("BasicRNNCell", 2, 1, activation=activation), np.zeros((2, 1))), 0)
    finally:
        tf.get_logger().removeHandler(caplog.handler)
    assert not caplog.records
