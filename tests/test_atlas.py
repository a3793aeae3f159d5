"""What each unit keeps and how it answers, against cells of which that is known."""

import inspect

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.run.atlas import _halve


def leaky(keeps, gain=1.0, num_units=None):
    """A cell whose units keep such shares of h and add x: h = keeps * h + (1 - keeps) * gain * x."""
    keeps = np.asarray(keeps, float)
    weights = {
        "kernel": ((1 - keeps) * gain)[np.newaxis],
        "recurrent_kernel": keeps,
        "bias": np.zeros(len(keeps)),
    }
    return lv.build("IndRNN", len(keeps), 1, weights=weights, activation="linear", dtype="float64")


KEEPS = np.array([0.0, 0.5, 0.9, 0.95])


def test_the_half_life_of_what_keeps_a_share_is_its_logarithm():
    found = lv.atlas(leaky(KEEPS))
    assert (found.state, found.half_life[0]) == ("h", 0)
    np.testing.assert_allclose(found.half_life[1:], np.log(0.5) / np.log(KEEPS[1:]))


def test_the_half_life_is_that_of_the_mean_logarithm_of_the_runs_forget_gates():
    rng = np.random.default_rng(0)
    cell = lv.build("BasicLSTMCell", num_units=5, input_size=3, seed=0)
    trace = lv.run(cell, rng.normal(size=(40, 3)), engine="numpy")
    found = lv.atlas(trace)
    assert (found.trace, found.state) == (trace, "c")
    mean = np.log(trace.gates["f"].astype(float)).mean(axis=0)
    np.testing.assert_allclose(found.half_life, np.log(0.5) / mean)


def test_what_grows_or_stays_never_halves_and_what_is_no_number_has_no_half_life():
    factors = np.array([[1.0, 2.0, -0.5, 0.0, np.nan], [1.0, 1.0, 0.5, 1.0, 1.0]])
    np.testing.assert_array_equal(_halve(factors), [np.inf, np.inf, 1, 0, np.nan])


def test_where_no_state_is_kept_by_a_factor_there_is_no_half_life():
    found = lv.atlas(lv.build("BasicRNNCell", num_units=3, input_size=2))
    assert found.state is None and found.half_life is None


def test_a_step_is_answered_as_the_equation_says():
    found = lv.atlas(leaky(KEEPS, gain=2.0), amplitude=0.5).step
    steps = np.arange(1, 201)[:, np.newaxis]
    np.testing.assert_allclose(found.h, 2.0 * 0.5 * (1 - KEEPS**steps), atol=1e-12)
    np.testing.assert_allclose(found.gain, 2.0, rtol=1e-4)
    # Half is reached where keeps ** (t + 1) is a half, and 5% are left where it is 0.05.
    np.testing.assert_array_equal(found.delay, [0, 0, np.ceil(np.log(0.5) / np.log(0.9)) - 1, 13])
    expected = [0, *(np.ceil(np.log(0.05) / np.log(KEEPS[1:])) - 1)]
    np.testing.assert_allclose(found.settling, expected, atol=1)
    np.testing.assert_array_equal(found.x, np.full((200, 1), 0.5))


def test_an_impulse_is_answered_as_the_equation_says():
    found = lv.atlas(leaky(KEEPS)).impulse
    steps = np.arange(200)[:, np.newaxis]
    np.testing.assert_allclose(found.h, (1 - KEEPS) * KEEPS**steps, atol=1e-12)
    np.testing.assert_allclose(found.gain, 1 - KEEPS)
    np.testing.assert_array_equal(found.delay, 0)
    np.testing.assert_array_equal(found.settling, [1, *np.floor(np.log(0.05) / np.log(KEEPS[1:])) + 1])


def test_a_sine_is_damped_and_lags_as_a_first_order_filter_does():
    found = lv.atlas(leaky(KEEPS), period=20, steps=600).sine
    passed = (1 - KEEPS) / (1 - KEEPS * np.exp(-2j * np.pi / 20))
    np.testing.assert_allclose(found.gain, np.abs(passed), atol=1e-6)
    lag = np.mod(-np.angle(passed) * 20 / (2 * np.pi) + 10, 20) - 10
    np.testing.assert_allclose(np.mod(found.delay + 10, 20) - 10, lag, atol=1e-6)
    assert np.isnan(found.settling).all()


def test_what_never_settles_says_so():
    weights = {"kernel": np.ones((1, 2)), "recurrent_kernel": np.array([1.0, -1.0]), "bias": np.zeros(2)}
    cell = lv.build("IndRNN", 2, 1, weights=weights, activation="linear", dtype="float64")
    found = lv.atlas(cell)
    np.testing.assert_array_equal(found.half_life, np.inf)
    np.testing.assert_array_equal(found.step.settling, np.inf)
    np.testing.assert_array_equal(found.impulse.settling, np.inf)


def test_a_unit_that_does_not_see_the_feature_gives_no_answer():
    kernel = np.array([[1.0, 0.0], [0.0, 1.0]])
    weights = {"kernel": kernel, "recurrent_kernel": np.full(2, 0.5), "bias": np.zeros(2)}
    cell = lv.build("IndRNN", 2, 2, weights=weights, activation="linear", dtype="float64")
    found = lv.atlas(cell, feature=1)
    assert found.step.gain[0] == 0
    for each in (found.step.delay, found.step.settling, found.impulse.delay, found.sine.delay):
        assert np.isnan(each[0])
    assert found.step.gain[1] == pytest.approx(2)
    np.testing.assert_array_equal(found.step.x, np.tile([0.0, 1.0], (200, 1)))


def test_the_answer_is_to_the_input_alone_and_begins_at_rest():
    weights = {"kernel": np.ones((1, 1)), "recurrent_kernel": np.array([0.5]), "bias": np.array([3.0])}
    cell = lv.build("IndRNN", 1, 1, weights=weights, activation="linear", dtype="float64")
    np.testing.assert_allclose(lv.atlas(cell).impulse.h[:3, 0], [1, 0.5, 0.25], atol=1e-12)


def test_saturation_is_counted_by_gate_and_unit():
    rng = np.random.default_rng(0)
    cell = lv.build("BasicLSTMCell", num_units=5, input_size=3, seed=0, initial_weights="random_normal")
    trace = lv.run(cell, 8 * rng.normal(size=(60, 3)), engine="numpy")
    found = lv.atlas(trace).saturation
    for gate, low, high in (("f", 0.1, 0.9), ("j", -0.9, 0.9)):
        np.testing.assert_allclose(found[gate].left, (trace.gates[gate] < low).mean(axis=0))
        np.testing.assert_allclose(found[gate].right, (trace.gates[gate] > high).mean(axis=0))
    assert sum(float(each.left.sum() + each.right.sum()) for each in found.values()) > 0


def test_a_gate_without_bounds_is_not_counted():
    assert set(lv.atlas(lv.build("minGRU", num_units=2, input_size=2)).saturation) == {"z"}


@pytest.mark.parametrize("kind", list(lv.KINDS))
def test_every_kind_has_an_atlas(kind):
    cell = lv.build(kind, num_units=3, input_size=2, seed=1)
    found = lv.atlas(cell)
    for response in (found.step, found.impulse, found.sine):
        assert response.h.shape == (200, cell.output_size)
        assert response.gain.shape == response.delay.shape == response.settling.shape == (3,)
    assert np.abs(found.step.h).max() > 0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"feature": 2}, "feature is 2; it must be 0 to 1"),
        ({"amplitude": 0.0}, "amplitude is 0.0; it must be a finite number other than 0"),
        ({"amplitude": float("nan")}, "amplitude is nan"),
        ({"period": 1}, "period is 1; it must be a whole number from 2 on"),
        ({"steps": 39}, "steps is 39; it must be at least two periods, 40"),
    ],
)
def test_what_cannot_be_is_said(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        lv.atlas(lv.build("GRUCell", num_units=3, input_size=2), **given)


def test_a_run_of_no_steps_says_nothing_of_its_gates():
    cell = lv.build("GRUCell", num_units=3, input_size=2)
    with pytest.raises(ValueError, match="the trace has no steps"):
        lv.atlas(lv.run(cell, np.zeros((0, 2)), engine="numpy"))


@pytest.mark.parametrize("amplitude", ["a", None, [1], 1j, 1e39], ids=str)
def test_an_amplitude_that_no_float32_holds_is_refused(amplitude):
    cell = lv.build("GRUCell", num_units=2, input_size=1)
    with pytest.raises(ValueError, match="amplitude is"):
        inspect.unwrap(lv.atlas)(cell, amplitude=amplitude)


def test_whole_numbers_of_numpy_are_whole_numbers():
    cell = lv.build("GRUCell", num_units=2, input_size=1)
    found = inspect.unwrap(lv.atlas)(cell, period=np.int64(10), steps=np.int64(40))
    assert found.sine.h.shape == (40, 2)
