"""Next year's sunspots, on the years that training did not see."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import lstmviz as lv
from lstmviz import examples

FILE = Path(lv.__file__).parent / "data" / "sunspots.csv"
SIZES = range(1, 33)


def numbers():
    rows = list(csv.reader(FILE.read_text("utf-8").splitlines()))[1:]
    return {int(year): float(number) for year, number in rows}


@cache
def error(kind, num_units):
    """The error of what a run that is shown answers for 1950 to 2008."""
    example = examples.load("sunspots", kind, num_units)
    answers = example.answers(lv.run(example.cell, example.sequence, engine="numpy"))
    right = numbers()
    wrong = [
        answer - right[int(year) + 1]
        for year, answer in zip(example.sequence.labels, answers, strict=True)
        if int(year) + 1 in right
    ]
    assert len(wrong) == 2008 - 1950 + 1
    return np.sqrt(np.mean(np.square(wrong)))


def test_there_is_a_cell_of_every_size_that_the_slider_has_first():
    assert examples.cells("sunspots")["BasicLSTMCell"] == tuple(SIZES)


def test_it_is_shown_the_years_that_the_page_shows():
    example = examples.load("sunspots")
    shown = lv.sequences.make("sunspots", time_steps=60, input_size=4)
    np.testing.assert_array_equal(example.sequence.values, shown.values)
    assert example.sequence.labels == tuple(map(str, range(1949, 2009)))
    assert np.isnan(example.targets).tolist() == [False] * 59 + [True]


@pytest.mark.parametrize("num_units", SIZES)
def test_the_error_that_is_said_is_the_error(num_units):
    for kind, sizes in examples.cells("sunspots").items():
        if num_units in sizes:
            said = examples.load("sunspots", kind, num_units).facts["rmse"]
            assert error(kind, num_units) == pytest.approx(said, rel=1e-3)


def test_the_baselines_that_are_said_are_what_they_are():
    known = numbers()
    facts = examples.load("sunspots").facts
    held_out = range(1950, 2009)

    def measure(say):
        return np.sqrt(np.mean([(say(year) - known[year]) ** 2 for year in held_out]))

    def regress(change, back):
        rows = [[1.0, *(change(known[year - k]) for k in range(1, 10))] for year in range(1709, 1950)]
        right = [change(known[year]) for year in range(1709, 1950)]
        fitted = np.linalg.lstsq(np.array(rows), np.array(right))[0]
        return lambda year: back(fitted[0] + sum(fitted[k] * change(known[year - k]) for k in range(1, 10)))

    assert measure(lambda year: known[year - 1]) == pytest.approx(facts["persistence"], rel=1e-6)
    assert measure(regress(lambda n: n, lambda n: n)) == pytest.approx(facts["ar9"], rel=1e-6)
    assert measure(regress(np.sqrt, lambda root: max(root, 0) ** 2)) == pytest.approx(
        facts["ar9_roots"], rel=1e-6
    )


def test_no_year_from_1950_on_is_a_target_of_the_training(monkeypatch):
    pytest.importorskip("keras")
    from lstmviz.examples.train import sunspots as training

    x, following = training.inputs()
    answered_for = np.arange(1704, 2010)
    unknown = np.where(answered_for >= 1950, np.nan, following)
    monkeypatch.setattr(training, "inputs", lambda: (x, unknown))
    _x, roots, counts = training.draw(1)
    assert np.isfinite(roots).all() and (counts == 1).all()
    monkeypatch.setattr(training, "inputs", lambda: (x, np.where(answered_for >= 1949, np.nan, following)))
    assert np.isnan(training.draw(1)[1]).any()  # 1949 is one, so the test would see 1950


def test_the_error_falls_with_the_first_units():
    one, two, four, eight = (error("BasicLSTMCell", num_units) for num_units in (1, 2, 4, 8))
    assert one > two > four > eight


def test_larger_cells_are_no_better_than_8_units_and_from_5_on_all_are_better_than_a_linear_regression():
    facts = examples.load("sunspots").facts
    assert error("BasicLSTMCell", 8) < facts["ar9_roots"] < facts["ar9"] < facts["persistence"]
    for num_units in range(5, 33):
        assert error("BasicLSTMCell", num_units) < facts["ar9"]
    assert error("BasicLSTMCell", 32) > error("BasicLSTMCell", 8)


@pytest.mark.parametrize("num_units", SIZES)
def test_gates_come_and_go_with_the_sunspots_and_where_there_are_none_h_does(num_units):
    def follow(kind, name):
        example = examples.load("sunspots", kind, num_units)
        trace = lv.run(example.cell, example.sequence, engine="numpy")
        this_year = example.sequence.values[:, 0].astype(np.float64)
        values = trace.gates[name] if name in trace.gates else trace.states[name]
        return max(abs(np.corrcoef(this_year, unit)[0, 1]) for unit in values.T)

    assert min(follow("BasicLSTMCell", "f"), follow("BasicLSTMCell", "o")) > 0.75
    assert max(follow("GRUCell", "r"), follow("GRUCell", "u")) > 0.7
    assert follow("BasicRNNCell", "h") > 0.85


def test_a_gru_does_as_well_as_an_lstm_and_no_plain_cell_as_well_as_a_linear_regression():
    ar9 = examples.load("sunspots").facts["ar9"]
    assert set(examples.cells("sunspots")) == {"BasicLSTMCell", "GRUCell", "BasicRNNCell"}
    for sizes in examples.cells("sunspots").values():
        assert sizes == tuple(SIZES)
    assert all(error("BasicRNNCell", num_units) > ar9 for num_units in SIZES)
    assert all(error("GRUCell", num_units) < ar9 for num_units in range(8, 33))
    gru, lstm = (np.median([error(kind, n) for n in range(8, 33)]) for kind in ("GRUCell", "BasicLSTMCell"))
    assert gru == pytest.approx(lstm, rel=0.05)
