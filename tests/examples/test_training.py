"""How the shipped cells were trained: what Keras computes is what the cell computes, and a training can be repeated."""

from __future__ import annotations

import numpy as np
import pytest

import lstmviz as lv

pytest.importorskip("keras")

from lstmviz.examples.train import made, sunspots
from lstmviz.examples.train.with_keras import FAMILIES, make_model, to_cell


@pytest.mark.parametrize("kind", [*FAMILIES, "sLSTM", "minGRU"])
def test_the_cell_made_of_a_keras_layer_gives_its_outputs(kind):
    rng = np.random.default_rng(0)
    model = make_model(kind, 5, 3, 2, length=20)
    weights = [rng.normal(0, 0.5, weight.shape) for weight in model.get_weights()]
    model.set_weights(weights)
    x = rng.normal(size=(1, 20, 3)).astype(np.float32)
    recurrent, dense = model.layers
    cell = to_cell(kind, recurrent)
    h = lv.run(cell, x[0], engine="numpy").states["h"]
    kernel, bias = dense.get_weights()
    np.testing.assert_allclose(h @ kernel + bias, model.predict(x, verbose=0)[0], atol=1e-5)
    assert cell.kind.name == kind
    assert cell.options.get("forget_bias", 1.0) == 1.0


def test_a_training_can_be_repeated(monkeypatch):
    monkeypatch.setattr(sunspots, "choose_epochs", lambda _num_units: 1)
    first, second = (sunspots.train("BasicLSTMCell", 2).get_weights() for _time in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_only_the_last_answer_counts_where_the_recipe_says_so():
    _x, right, counts = made.draw(made.RECIPES["latch"])
    assert (counts[:, :-1] == 0).all() and (counts[:, -1] == counts.shape[1]).all()
    assert set(np.unique(right)) == {0, 1}
    _x, right, counts = made.draw(made.RECIPES["echo"])
    assert (counts[:, :10] == 0).all() and (counts[:, 10:] > 1).all()
    assert np.isfinite(right).all()
