"""What the cells whose data a program makes can do, on sequences that training did not see."""

from __future__ import annotations

import numpy as np
import pytest

import lstmviz as lv
from lstmviz import examples
from lstmviz.examples.tasks import adding, brackets, echo, latch, parity
from lstmviz.examples.tasks.table import TASKS

MADE = [name for name in examples.names() if name in ("brackets", "latch", "echo", "adding", "parity")]
EVERY = [
    (name, kind, size) for name in MADE for kind, sizes in examples.cells(name).items() for size in sizes
]
_measured = {}


def measure(name, kind=None):
    """The figures of a shipped cell, computed from its weights."""
    example = examples.load(name, kind)
    key = name, example.cell.kind.name
    if key not in _measured:
        _measured[key] = TASKS[name].score(example.cell, example.head)
    return _measured[key]


@pytest.mark.parametrize(("name", "kind", "size"), EVERY)
def test_the_figures_that_are_said_are_what_the_weights_give(name, kind, size):
    facts = examples.load(name, kind, size).facts
    for figure, value in measure(name, kind).items():
        assert value == pytest.approx(facts[figure], rel=1e-2, abs=1e-3), figure
    for figure, value in TASKS[name].compare().items():
        assert value == facts[figure]


def test_an_lstm_of_4_units_keeps_a_bit_over_100_noisy_steps_and_a_plain_cell_does_not():
    assert measure("latch", "BasicLSTMCell")["accuracy"] >= 0.99
    assert measure("latch", "BasicLSTMCell")["accuracy_long"] >= 0.99
    assert abs(measure("latch", "BasicRNNCell")["accuracy"] - 0.5) < 0.05


def test_the_latch_forgets_little_and_lets_nothing_in_once_the_bit_is_there():
    example = examples.load("latch")
    gates = lv.run(example.cell, example.sequence, engine="numpy").gates
    written = int(example.sequence.values[:, 1].argmax())
    after = slice(written + 1, None)
    kept = gates["f"][after].mean(axis=0) > 0.98
    assert kept.any()  # a unit that keeps,
    shut = gates["i"][after].mean(axis=0) < gates["i"][written]
    assert (kept & shut).any()  # and lets in less than when the bit came


def test_an_lstm_of_4_units_tells_parity_at_every_step():
    assert measure("parity")["accuracy"] >= 0.99
    assert measure("parity")["accuracy_long"] >= 0.99


@pytest.mark.parametrize("kind", ["BasicLSTMCell", "sLSTM"])
def test_two_marked_numbers_are_added(kind):
    assert measure("adding", kind)["mse"] <= 0.01


@pytest.mark.parametrize("draw", [brackets.draw, latch.draw, echo.draw, adding.draw, parity.draw])
def test_a_seed_gives_the_same_sequences_and_another_seed_others(draw):
    (x, right), (again, _right), (other, _others) = draw(3, 40, 5), draw(3, 40, 5), draw(3, 40, 6)
    np.testing.assert_array_equal(x, again)
    assert not np.array_equal(x, other)
    assert right.shape == x.shape[:2]


def test_brackets_close_as_they_open_and_depths_are_counted():
    x, depths = brackets.draw(50, 80, 1)
    for symbols, counted in zip(x.argmax(axis=2), depths, strict=True):
        text = "".join(brackets.ALPHABET[symbol] for symbol in symbols)
        still_open = []
        for character, depth in zip(text, counted, strict=True):
            if character in "([":
                still_open.append(character)
            elif character in ")]":
                assert still_open.pop() + character in ("()", "[]")
            assert len(still_open) == depth <= 8
        np.testing.assert_array_equal(brackets.count_depths(text), counted)


def test_the_sequences_mean_what_they_say():
    x, bits = latch.draw(20, 110, 3)
    rows, when = np.nonzero(x[..., 1])
    np.testing.assert_array_equal(rows, np.arange(20))
    np.testing.assert_array_equal(x[rows, when, 0], bits[:, -1])
    assert (when < 10).all()
    x, sums = adding.draw(20, 50, 3)
    assert (x[..., 1].sum(axis=1) == 2).all()
    np.testing.assert_allclose(sums[:, -1], [each[each[:, 1] == 1, 0].sum() for each in x], rtol=1e-6)
    x, odd = parity.draw(5, 30, 3)
    assert [1 if each.sum() % 2 else -1 for each in x] == odd[:, -1].tolist()
    x, heard = echo.draw(5, 30, 3)
    np.testing.assert_array_equal(heard[:, 10:], x[:, :-10, 0])
    assert np.isnan(heard[:, :10]).all()
