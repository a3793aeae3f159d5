"""The cells against Keras 3's own layers: every kind that Keras has, with every activation, with and without biases."""

import inspect
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz import cells
from lstmviz.run.arrays import activate
from tests import keras3
from tests.runs import TOLERANCE, make_run, runs

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import tensorflow as tf

build = inspect.unwrap(lv.build)
EVERY = tuple(cells.ACTIVATIONS)
KERAS_RUNS = {
    "kinds": tuple(keras3.LAYERS),
    "choices": {"activation": EVERY, "recurrent_activation": EVERY, "forget_bias": [0.0]},
}


def find_tolerance(cell):
    # TensorFlow keeps gelu's square root of 2 and leaky_relu's slope in float32, whatever the type: 3e-8 off.
    rough = {"gelu", "leaky_relu"} & {value for value in cell.options.values() if isinstance(value, str)}
    return TOLERANCE["float32" if rough else cell.dtype.name]


@given(runs(**KERAS_RUNS))
@settings(max_examples=60, deadline=None)
def test_every_step_equals_keras_layers(case):
    kind, options, num_units, input_size, steps, dtype, seed = case
    cell, x, state = make_run(kind, options, num_units, input_size, steps % 8 + 1, dtype, seed)
    outputs, *last = keras3.build_layer(cell, np.random.default_rng(seed))(
        x[np.newaxis], initial_state=keras3.start(cell, state)
    )
    expected = {
        "h": outputs[0].numpy(),
        **{n: s.numpy() for n, s in zip("hc", last, strict=False) if n == "c"},
    }
    # Gates without bounds make a system in which rounding grows.
    assume(all(np.abs(values).max() < 20 for values in expected.values()))
    trace = lv.run(cell, x, initial_state=state)
    tolerance = 10 * find_tolerance(cell)
    np.testing.assert_allclose(trace.states["h"], expected["h"], rtol=0, atol=tolerance)
    if "c" in expected:
        np.testing.assert_allclose(trace.states["c"][-1:], expected["c"], rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", keras3.LAYERS)
@pytest.mark.parametrize("use_bias", [True, False])
def test_a_wide_cell_equals_keras_layers_too(kind, use_bias):
    # From 65 units on the products are made in two parts.
    options = {"forget_bias": 0.0} if kind == "BasicLSTMCell" else {}
    cell, x, state = make_run(kind, {"use_bias": use_bias, **options}, 131, 3, 21, "float32", 4)
    layer = keras3.build_layer(cell, np.random.default_rng(4))
    expected, *_last = layer(x[np.newaxis], initial_state=keras3.start(cell, state))
    trace = lv.run(cell, x, initial_state=state)
    np.testing.assert_allclose(trace.states["h"], expected[0], rtol=0, atol=1e-5)


@given(runs(**KERAS_RUNS), st.data())
@settings(max_examples=25, deadline=None)
def test_gradients_equal_tensorflows_tape_over_keras_layers(case, data):
    kind, options, num_units, input_size, steps, _dtype, seed = case
    cell, x, state = make_run(kind, options, num_units, input_size, steps % 8 + 1, "float64", seed)
    unit = data.draw(st.integers(0, num_units - 1))
    layer, begin = keras3.build_layer(cell, np.random.default_rng(seed)), keras3.start(cell, state)
    sequence, tensors = tf.constant(x[np.newaxis]), [tf.constant(each) for each in begin]
    with tf.GradientTape() as tape:
        tape.watch([sequence, *tensors])
        outputs, *_last = layer(sequence, initial_state=tensors)
        target = outputs[0, -1, unit]
    to_x, *to_start = tape.gradient(
        target, [sequence, *tensors], unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    expected = [to_x[0].numpy(), *(each[0].numpy() for each in to_start)]
    assume(all(np.abs(values).max() < 20 for values in (outputs, *expected)))
    found = lv.gradients(lv.run(cell, x, initial_state=state), unit)
    pairs = zip(
        [found.x, *(found.initial_state[name] for name in reversed(cell.kind.states))], expected, strict=True
    )
    for own, keras in pairs:
        np.testing.assert_allclose(own, keras, rtol=0, atol=100 * find_tolerance(cell))


@pytest.mark.parametrize("name", EVERY)
def test_activations_are_keras_own(name):
    a = np.array([-1e30, -90, -3, -2.5, -1, -1e-3, -0.0, 0, 1e-3, 0.5, 1, 2.5, 3, 40, 80], "float32")
    with np.errstate(over="ignore"):
        own = activate(name, a.astype("float64"))
    np.testing.assert_allclose(own, keras3.activation(name)(a), rtol=2e-6, atol=1e-7)
    cell = build("BasicRNNCell", 1, 1, weights={"kernel": [[1.0], [0.0]], "bias": [0.0]}, activation=name)
    recorded = lv.run(cell, a[:, np.newaxis]).gates["z"][:, 0]
    np.testing.assert_allclose(recorded, keras3.activation(name)(a), rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("name", EVERY)
def test_an_activations_bounds_are_what_it_approaches_and_never_leaves(name):
    bounds = cells.ACTIVATIONS[name].bounds
    values = keras3.activation(name)(np.array([-1e9, -5, 0, 5, 1e9], "float32"))
    low, high = float(values[0]), float(values[-1])
    if bounds is None:
        assert high - low > 1e6
    else:
        assert bounds == pytest.approx((low, high))
