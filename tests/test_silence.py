"""The cell without each of its units, against a run for each with that unit's h held at 0."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.equation import concat, relu, sigmoid, tanh
from lstmviz.run import silence as module
from tests.kinds_of_ones_own import STEPS, declared, run
from tests.runs import TOLERANCE, make_run, runs


def run_without(cell, x, state, unit, t=-1):
    return lv.run(cell, x, initial_state=state, engine="numpy", clamp={"h": {unit: 0.0}}).states["h"][t]


@given(runs(compiled=False))
@settings(max_examples=80)
def test_each_answer_is_that_of_a_run_of_its_own(case):
    kind, options, num_units, input_size, steps, dtype, seed = case
    cell, x, state = make_run(kind, options, num_units, input_size, steps + 1, dtype, seed)
    found = lv.silence(cell, x, initial_state=state)
    assert found.units == tuple(range(cell.output_size))
    whole = lv.run(cell, x, initial_state=state, engine="numpy").states["h"][-1]
    expected = [run_without(cell, x, state, unit) for unit in found.units]
    scale = max(1.0, float(np.abs([whole, *expected]).max()))
    near = TOLERANCE[dtype] * scale
    np.testing.assert_allclose(found.answer, whole, rtol=0, atol=near)
    np.testing.assert_allclose(found.answers, expected, rtol=0, atol=near)


@pytest.mark.parametrize("kind", STEPS)
def test_a_kind_of_ones_own_is_silenced_too(kind):
    with declared():
        plain = run(kind, steps=7)
        found = lv.silence(plain.cell, plain.x, initial_state=plain.initial_state)
        np.testing.assert_allclose(found.answer, plain.states["h"][-1], atol=1e-12)
        for unit in found.units:
            expected = run_without(plain.cell, plain.x, plain.initial_state, unit)
            np.testing.assert_allclose(found.answers[unit], expected, atol=1e-12)


def test_an_h_that_no_state_goes_into_is_silenced_too():
    def forward(x, h, last, w):
        f = sigmoid(x @ w("f")).called("f")
        return {"h": relu(f - 0.25), "last": tanh(concat(last, h) @ w("last")) * f}

    with declared({"Forward": forward}):
        cell = lv.build("Forward", num_units=3, input_size=2, seed=0, dtype="float64")
        x = np.random.default_rng(0).normal(size=(5, 2))
        found = lv.silence(cell, x)
        np.testing.assert_allclose(found.answer, lv.run(cell, x, engine="numpy").states["h"][-1], atol=1e-12)
        for unit in range(3):
            np.testing.assert_allclose(found.answers[unit], run_without(cell, x, None, unit), atol=1e-12)


def make(num_units=6, steps=15):
    rng = np.random.default_rng(0)
    cell = lv.build("BasicLSTMCell", num_units, 3, seed=0, dtype="float64")
    return cell, rng.normal(size=(steps, 3)), rng


def test_the_units_are_ranked_by_how_much_the_heads_answer_changes():
    cell, x, rng = make()
    head = lv.Linear(rng.normal(size=(6, 2)), rng.normal(size=2))
    found = lv.silence(cell, x, head)
    whole = lv.run(cell, x, engine="numpy").states["h"][-1:]
    changes = [
        np.linalg.norm(head(run_without(cell, x, None, u)[np.newaxis]) - head(whole)) for u in range(6)
    ]
    np.testing.assert_allclose(found.changes, changes, atol=1e-12)
    assert found.order.tolist() == np.argsort(changes)[::-1].tolist()
    assert found.answers.shape == (6, 2)


@pytest.mark.parametrize("at_once", [4, 256])
def test_with_a_loss_the_units_are_ranked_by_how_much_it_rises(at_once, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    cell, x, rng = make()
    head, right = lv.Linear(rng.normal(size=(6, 2)), rng.normal(size=2)), rng.normal(size=(11, 2))

    def loss(answers):
        assert answers.shape == (11, 2)
        return np.square(answers - right).mean()

    found = lv.silence(cell, x, head, loss=loss, t=10)
    whole = loss(head(lv.run(cell, x, engine="numpy").states["h"][:11]))
    losses = [loss(head(run_without(cell, x, None, unit, slice(11)))) for unit in range(6)]
    np.testing.assert_allclose(found.loss, whole, atol=1e-12)
    np.testing.assert_allclose(found.losses, losses, atol=1e-12)
    np.testing.assert_allclose(found.changes, np.array(losses) - whole, atol=1e-12)
    assert found.order.tolist() == np.argsort(losses)[::-1].tolist()
    np.testing.assert_allclose(found.answers, lv.silence(cell, x, head, t=10).answers, atol=1e-12)
    trace = lv.run(cell, x[:11], engine="numpy")
    assert lv.order_units(trace, "without", head, loss=loss).tolist() == found.order.tolist()


@pytest.mark.parametrize("loss", [3.0, lambda answers: answers, lambda answers: "low"])
def test_what_is_no_loss_is_said(loss):
    cell, x, _rng = make()
    with pytest.raises(ValueError, match=r"^loss (is|gives)"):
        lv.silence(cell, x, loss=loss)


def test_a_unit_that_nothing_sees_changes_nothing():
    cell, x, _rng = make()
    kernel = np.array(cell.weights["kernel"])
    kernel[3 + 2] = 0  # h[2] meets no gate
    cell = lv.build("BasicLSTMCell", 6, 3, weights={**cell.weights, "kernel": kernel}, dtype="float64")
    found = lv.silence(cell, x, head=lambda h: np.delete(h, 2, axis=1))
    assert found.changes[2] == 0
    assert (np.delete(found.changes, 2) > 0).all()
    assert found.order[-1] == 2


def test_an_earlier_step_and_some_units_alone():
    cell, x, _rng = make()
    found = lv.silence(cell, x, units=[4, 1], t=6)
    assert (found.units, found.t, found.answers.shape) == ((4, 1), 6, (2, 6))
    np.testing.assert_allclose(found.answers[0], run_without(cell, x, None, 4, 6), atol=1e-12)
    assert set(found.order.tolist()) == {1, 4}


def test_runs_that_do_not_fit_side_by_side_come_one_after_the_other(monkeypatch):
    cell, x, _rng = make()
    whole = lv.silence(cell, x)
    monkeypatch.setattr(module, "_AT_ONCE", 4)
    np.testing.assert_allclose(lv.silence(cell, x).answers, whole.answers, atol=1e-14)


def test_a_run_without_a_number_comes_first():
    cell, x, _rng = make()
    found = lv.silence(cell, x, head=lambda h: np.where(h == 0, np.nan, 1.0)[:, :3])
    assert found.order[:3].tolist() == [0, 1, 2]
    assert np.isnan(found.changes[:3]).all() and not found.changes[3:].any()


@given(st.sampled_from([{"units": [6]}, {"t": 15}, {"units": [-1]}]))
@settings(max_examples=3)
def test_what_is_not_there_is_said(given_):
    cell, x, _rng = make()
    with pytest.raises(ValueError, match=r"it must be 0 to \d+"):
        lv.silence(cell, x, **given_)


def test_no_steps_and_no_answers_are_said():
    cell, x, _rng = make()
    with pytest.raises(ValueError, match="x has no steps"):
        lv.silence(cell, x[:0])
    with pytest.raises(ValueError, match=r"head gives \[2\] for 7 rows of h"):
        lv.silence(cell, x, head=lambda h: np.zeros(2))


@pytest.mark.parametrize(
    ("cell", "more", "sentence"),
    [
        (None, {}, "cell is NoneType; it must be a cell"),
        ("GRUCell", {}, "cell is str; it must be a cell"),
        (..., {"head": 3}, "head is int; it must be a function of h"),
        (..., {"units": 1}, "units is 1; it must be some units of h"),
        (..., {"units": "01"}, "units is '01'; it must be some units of h"),
    ],
    ids=str,
)
def test_what_cannot_be_silenced_is_refused_in_a_sentence(cell, more, sentence):
    cell = lv.build("GRUCell", 2, 2) if cell is ... else cell
    with pytest.raises(ValueError, match=sentence):
        lv.silence(cell, np.zeros((3, 2)), **more)
