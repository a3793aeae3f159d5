"""Kinds that nobody has thought of go through every reading: none falls over, and what is said of a number is that number."""

from __future__ import annotations

import numpy as np
import pytest

import lstmviz as lv
from lstmviz import notebook
from lstmviz.plot import stage
from lstmviz.plot.page import page_html
from lstmviz.run.ledger import list_ledgers
from tests.kinds_of_ones_own import apart
from tests.random_kinds import make_step

SEEDS = range(24)
STEPS, UNIT = 4, 1


def run(seed):
    """A run in NumPy of the kind of a number."""
    lv.kind("Drawn")(make_step(seed))
    rng = np.random.default_rng(seed)
    inputs = 3 - seed % 2
    shapes = lv.build("Drawn", 3, inputs).weights
    weights = {name: rng.normal(size=each.shape) * 0.4 for name, each in shapes.items()}
    cell = lv.build("Drawn", 3, inputs, weights=weights, dtype="float64")
    start = {name: rng.uniform(0.2, 1.0, 3) for name in cell.kind.states}
    return lv.run(cell, rng.normal(size=(STEPS, inputs)), initial_state=start, engine="numpy")


@pytest.fixture(params=SEEDS)
def trace(request):
    with apart():
        yield run(request.param)


def near(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_what_is_said_of_a_number_is_that_number(trace):
    for gate in trace.gates:
        told = trace.inside(2, gate, UNIT)
        near(told.result, told.preactivation)
        for each in told.sums:
            near(each.sum, each.value)
        if not told.obstacles:
            near(trace.explain(2, gate, UNIT).sum, told.preactivation)
    for state in list_ledgers(trace.cell):
        found = lv.ledger(trace, None, state=state)
        near(found.shares.sum(axis=0) + found.initial, trace.states[state][-1])


def test_every_figure_and_file_is_made(trace, tmp_path):
    cell = trace.cell
    assert lv.plot.describe_kernel(cell) and bool(cell.rows) != bool(cell.why_no_kernel)
    for figure in (lv.plot.gates, lv.plot.summary):
        assert figure(trace).data
    assert lv.plot.step(trace, 2, UNIT).data and lv.plot.describe_step(trace, 2, UNIT).endswith(".")
    assert lv.plot.compare(lv.compare(trace, trace)).data
    for state in list_ledgers(cell):
        assert lv.plot.ledger(trace, unit=UNIT, state=state).data
    stage.make_stage(trace, 1, UNIT)
    for name in (*trace.gates, *trace.states):
        assert stage.make_number(trace, 2, name, UNIT)["lines"] is not None
    assert page_html(cell, trace) and notebook.show(trace) and lv.cells.formulas(cell)
    lv.save(cell, tmp_path / "drawn.npz")
    again = lv.run(
        lv.load(tmp_path / "drawn.npz")["Drawn"], trace.x, initial_state=trace.initial_state, engine="numpy"
    )
    np.testing.assert_array_equal(again.states["h"], trace.states["h"])


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_both_engines_and_the_gradients_agree(seed):
    with apart():
        trace = run(seed)
        other = lv.run(trace.cell, trace.x, "CPU:0", initial_state=trace.initial_state)
        for name, values in trace.states.items():
            near(other.states[name], values)
        found = lv.gradients(trace, unit=UNIT)
        for place in ((0, 0), (STEPS - 1, 1)):
            ends = []
            for by in (1e-6, -1e-6):
                x = trace.x.copy()
                x[place] += by
                moved = lv.run(trace.cell, x, initial_state=trace.initial_state, engine="numpy")
                ends.append(moved.states["h"][-1, UNIT])
            assert found.x[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-6)
