"""How the shipped cells were trained: what Keras computes is what the cell computes, and a training can be repeated."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

import lstmviz as lv

pytest.importorskip("keras")

from lstmviz.examples.batches import run_many
from lstmviz.examples.example import Head
from lstmviz.examples.tasks import parity
from lstmviz.examples.train import live, made, sunspots
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


@pytest.fixture
def short(monkeypatch):
    """Parity as it is trained, but of 160 sequences, twice."""
    monkeypatch.setitem(made.RECIPES, "parity", replace(made.RECIPES["parity"], count=160, epochs=2))


def _watch(control=None, on=lambda _control, _told: None, **order):
    """Everything that a watched training sends; `on` may ask for something at each of it."""
    sent = []
    control = control or live.Control()

    def send(told, arrays):
        sent.append((told, arrays))
        on(control, told)

    live.train(
        live.Order(**{"task": "parity", "kind": "GRUCell", "num_units": 3, "seed": 5} | order), send, control
    )
    return sent


def _told(sent, name):
    return [told[name] for told, _arrays in sent]


def test_a_watched_training_gives_what_the_scripts_own_loop_gives(short, monkeypatch):
    monkeypatch.setitem(made.RECIPES, "parity", replace(made.RECIPES["parity"], cells={"GRUCell": 3}, seed=5))
    model = made.train("parity", "GRUCell")
    monkeypatch.setattr(live, "EVERY", 0.0)
    last, arrays = _watch()[-1]
    assert last["state"] == "ended" and last["step"] == last["steps"] == 10
    cell = to_cell("GRUCell", model.layers[0])
    for name, weight in cell.weights.items():
        np.testing.assert_array_equal(arrays[name], weight)
    for name, weight in zip((live.KERNEL, live.BIAS), model.layers[-1].get_weights(), strict=True):
        np.testing.assert_array_equal(arrays[name], weight)
    head = Head(arrays[live.KERNEL], arrays[live.BIAS], "sign")
    assert last["facts"] == {**parity.score(cell, head), **parity.compare()}


def test_another_seed_gives_other_first_weights_and_the_same_sequences():
    first, second = (made.prepare("parity", "GRUCell", 3, seed) for seed in (5, 6))
    assert not np.array_equal(first.cell().kernel, second.cell().kernel)
    np.testing.assert_array_equal(first.x, second.x)


def test_every_loss_is_told_once_and_is_its_batchs_own(short, monkeypatch):
    monkeypatch.setattr(live, "EVERY", 0.0)
    sent = _watch()
    assert _told(sent, "state") == ["compiling", *["running"] * 10, "measuring", "ended"]
    assert [len(losses) for losses in _told(sent, "losses")] == [0, *[1] * 10, 0, 0]
    head, arrays = Head(*(sent[0][1][name] for name in (live.KERNEL, live.BIAS)), "sign"), sent[0][1]
    cell = lv.build("GRUCell", 3, 1, weights={name: arrays[name] for name in arrays if "head" not in name})
    x, right, _counts = made.draw(made.RECIPES["parity"])
    outputs = head.outputs(run_many(cell, x))
    every = np.log1p(np.exp(np.where(right == 1, -outputs, outputs))).mean()
    assert sent[1][0]["losses"][0] == pytest.approx(every, abs=0.05), "the first batch is a sample of all"


def test_it_waits_goes_a_batch_further_and_goes_on(short):
    asked = iter([{"do": "step", "batches": 1}, {"do": "step", "batches": 2}, {"do": "go_on"}])

    def ask(control, told):
        if told["state"] == "paused":
            control.hear(next(asked))

    control = live.Control()
    control.hear({"do": "pause"})
    sent = _watch(control, ask)
    assert [told["step"] for told, _arrays in sent if told["state"] == "paused"] == [0, 1, 3]
    assert sent[-1][0]["step"] == 10


def test_a_reset_begins_anew_from_the_same_weights_and_a_stop_measures_what_there_is(short, monkeypatch):
    monkeypatch.setattr(live, "EVERY", 0.0)
    asked = iter([(4, {"do": "reset"}), (0, {"do": "step", "batches": 3}), (3, {"do": "stop"})])
    awaited = [next(asked)]

    def ask(control, told):
        if awaited and told["step"] == awaited[0][0] and (told["state"] == "paused" or told["step"] == 4):
            control.hear(awaited.pop()[1])
            awaited.extend(itertools.islice(asked, 1))

    sent = _watch(None, ask)
    again = [index for index, (told, _arrays) in enumerate(sent) if told["step"] == 0]
    assert len(again) >= 2 and sent[again[1]][0]["state"] == "paused"
    np.testing.assert_array_equal(sent[0][1][live.KERNEL], sent[again[1]][1][live.KERNEL])
    assert sent[-1][0]["state"] == "ended" and sent[-1][0]["step"] == 3
    np.testing.assert_array_equal(sent[3][1][live.KERNEL], sent[-1][1][live.KERNEL])


def test_a_rate_of_nearly_nothing_leaves_the_weights_and_one_that_is_much_too_large_ends_it(short):
    sent = _watch(rate=1e-6)
    np.testing.assert_allclose(sent[-1][1][live.KERNEL], sent[0][1][live.KERNEL], atol=1e-4)
    sent = _watch(rate=1e38)
    last, arrays = sent[-1]
    assert last["state"] == "diverged" and not arrays
    assert all(np.isfinite(each).all() for _told, arrays in sent for each in arrays.values())
