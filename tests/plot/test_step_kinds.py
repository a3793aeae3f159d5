"""One step taken apart: activations and biases that TensorFlow 1 has not."""

import json

import numpy as np

import lstmviz as lv


def texts(cell, gate=None):
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=5, input_size=cell.input_size))
    return json.dumps(lv.plot.step(trace, 3, 1, gate=gate).to_plotly_json(), ensure_ascii=False, default=str)


def test_a_candidate_reset_after_its_product_shows_both_biases_and_what_multiplies_one():
    weights = dict(lv.build("CudnnCompatibleGRUCell", 3, 2).weights)
    weights["candidate/hidden_projection/bias"] = np.array([1, 2, 3], "float32")
    words = texts(lv.build("CudnnCompatibleGRUCell", 3, 2, weights=weights), gate="c")
    assert "c = tanh(x · W + r·h · W + bias + r·hidden_bias)" in words


def test_without_a_bias_no_formula_has_one():
    assert "r = σ(x · W + h · W)" in texts(lv.build("GRUCell", 3, 2, use_bias=False), gate="r")


def test_names_with_an_underscore_are_written_in_words():
    words = texts(
        lv.build("BasicLSTMCell", 3, 2, recurrent_activation="hard_sigmoid", activation="leaky_relu")
    )
    assert "i = hard σ(x · W + h · W + bias)" in words
    assert "leaky relu(c<sub>t</sub>)" in words
    assert "<sub>s</sub>" not in words
