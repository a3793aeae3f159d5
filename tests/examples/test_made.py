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


def follow(values, number):
    """How closely each unit goes with a number over time, from -1 to 1."""
    values, number = values - values.mean(axis=0), number - number.mean()
    return number @ values / np.sqrt((values**2).sum(axis=0) * (number**2).sum())


def run(name, kind=None):
    example = examples.load(name, kind)
    return example, lv.run(example.cell, example.sequence, engine="numpy")


def test_the_latch_opens_at_the_bit_and_is_nearly_shut_from_then_on():
    example, trace = run("latch")
    written = int(example.sequence.values[:, 1].argmax())
    after = slice(written + 1, None)
    unit = int(trace.gates["i"][written].argmax())
    assert trace.gates["i"][written, unit] > 5 * trace.gates["i"][after, unit].mean()
    assert (trace.gates["i"][after].mean(axis=0) < 0.05).all()
    assert (trace.gates["f"][after].mean(axis=0) > 0.98).all()


def test_what_the_latch_holds_in_the_end_was_written_a_little_at_each_step_with_the_bits_sign():
    example, x = examples.load("latch"), latch.draw(20, latch.TRAINED_LENGTH, 12345)[0]
    of_the_bit, alike = [], []
    for sequence in x:
        written = int(sequence[:, 1].argmax())
        trace = lv.run(example.cell, sequence, engine="numpy")
        for unit in range(4):
            shares, held = lv.ledger(trace, unit).shares, trace.states["c"][-1, unit]
            of_the_bit.append(abs(shares[written] / held))
            alike.append((shares[written + 1 :] * held > 0).mean())
    assert np.median(of_the_bit) < 0.2 and np.mean(alike) > 0.9


def test_a_unit_of_the_parity_cell_flips():
    example, trace = run("parity")
    assert np.abs(follow(trace.states["h"], example.targets)).max() > 0.95


def test_the_adding_cell_writes_where_a_number_is_marked():
    example, trace = run("adding")
    marked = example.sequence.values[:, 1] == 1
    opened = trace.gates["i"][marked].mean(axis=0) / trace.gates["i"][~marked].mean(axis=0)
    assert opened.max() > 5
    assert (trace.gates["i"][~marked].mean(axis=0) < 0.1).all()
    assert (trace.gates["f"].mean(axis=0) > 0.95).all()


def test_unit_13_of_the_adding_gru_opens_where_a_number_is_marked():
    example = examples.load("adding", "minGRU")
    for x in [example.sequence.values, *adding.draw(20, adding.TRAINED_LENGTH, 77)[0]]:
        z = lv.run(example.cell, x, engine="numpy").gates["z"][:, 13]
        marked = x[:, 1] == 1
        assert z[~marked].mean() < 0.03 and z[marked].mean() > 5 * z[~marked].mean()


def test_unit_14_of_the_adding_slstm_is_written_anew_where_a_number_is_marked():
    example, trace = run("adding", "sLSTM")
    marked = example.sequence.values[:, 1] == 1
    kept, f = lv.ledger(trace, 14).factors, trace.gates["f"][:, 14]
    written = trace.gates["i"][:, 14] / trace.states["n"][:, 14]
    assert (
        (written[marked] > 0.85).all()
        and (kept[marked] < 0.1).all()
        and f[marked].max() < 0.3 < 0.8 < f[~marked].mean()
    )
    assert written[~marked].mean() < 0.2 and kept[~marked].mean() > 0.9


@pytest.mark.parametrize("length", [adding.TRAINED_LENGTH, adding.LONG])
def test_saying_the_mean_sum_is_as_far_off_at_either_length(length):
    _x, sums = adding.draw(20_000, length, 3)
    assert ((sums[:, -1] - 1) ** 2).mean() == pytest.approx(adding.compare()["mse_of_mean"], rel=0.03)


def test_a_plain_cell_follows_the_noise_and_has_nothing_of_the_bit_left_after_25_steps():
    example, trace = run("latch", "BasicRNNCell")
    x = example.sequence.values
    written = int(x[:, 1].argmax())
    assert (np.abs(follow(trace.states["h"].astype(float), x[:, 0].astype(float))) > 0.55).all()
    other = x.copy()
    other[written, 0] *= -1
    apart = np.abs(lv.run(example.cell, other, engine="numpy").states["h"] - trace.states["h"])
    assert apart[written + 1].max() > 0.5 and apart[written + 25 :].max() < 1e-3


def test_an_lstm_of_4_units_tells_parity_at_every_step():
    assert measure("parity")["accuracy"] >= 0.99
    assert measure("parity")["accuracy_long"] >= 0.99


@pytest.mark.parametrize("kind", ["BasicLSTMCell", "sLSTM", "minGRU"])
def test_two_marked_numbers_are_added(kind):
    assert measure("adding", kind)["mse"] <= 0.01


def test_an_lstm_and_a_gru_of_8_units_count_brackets_to_eight_deep():
    for kind in ("BasicLSTMCell", "GRUCell"):
        assert measure("brackets", kind)["accuracy"] >= 0.99
        assert measure("brackets", kind)["accuracy_deepest"] >= 0.99


def test_a_plain_cell_loses_count_where_an_lstm_keeps_it():
    plain, lstm = measure("brackets", "BasicRNNCell"), measure("brackets", "BasicLSTMCell")
    assert lstm["accuracy_long_end"] > 0.99 > 0.95 > plain["accuracy_long_end"]


def test_one_unit_of_the_lstm_counts_the_brackets():
    example, trace = run("brackets")
    assert follow(trace.states["c"], example.targets).max() > 0.98
    assert (example.answers(trace) == example.targets).all()


def test_a_unit_of_the_gru_rises_with_each_bracket_that_opens_and_falls_with_each_that_closes():
    example, trace = run("brackets", "GRUCell")
    unit = int(follow(trace.states["h"], example.targets).argmax())
    h, depth = trace.states["h"][:, unit], example.targets
    moved = np.diff(depth) != 0
    assert follow(trace.states["h"], depth)[unit] > 0.9
    assert (np.sign(np.diff(h)) == np.sign(np.diff(depth)))[moved].mean() > 0.9


def test_a_unit_of_the_plain_cell_follows_the_depth_and_some_of_its_answers_are_wrong():
    example, trace = run("brackets", "BasicRNNCell")
    assert follow(trace.states["h"], example.targets).max() > 0.9
    assert 0 < (example.answers(trace) != example.targets).mean() < 0.2


def test_an_lstm_of_16_units_says_again_what_it_heard_ten_steps_ago():
    assert measure("echo")["r2"] >= 0.95
    assert measure("echo")["r2_long"] >= 0.95


def test_the_last_ten_numbers_are_all_in_h_of_the_echo_cell():
    x, _heard = echo.draw(1, 2000, 20_000)
    h = lv.run(examples.load("echo").cell, x[0], engine="numpy").states["h"]
    for delay in range(11):
        rows = np.column_stack([np.ones(1980 - delay), h[20 + delay :]])
        said, right = x[0, 20 : 2000 - delay, 0], slice(1000, None)
        fitted = np.linalg.lstsq(rows[:1000], said[:1000])[0]
        wrong = rows[right] @ fitted - said[right]
        assert 1 - (wrong**2).mean() / said[right].var() > 0.95


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
