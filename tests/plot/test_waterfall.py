"""Waterfalls: which terms get a bar of their own, and where bars end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.plot.waterfall import PLACES, find_reach, make_waterfall, shorten
from lstmviz.run.trace import Terms
from tests.runs import TOLERANCE, make_trace, runs


def terms(products, alone=0):
    """Terms with these products, `[steps][terms]`, the last `alone` of them added as they are."""
    products = np.array(products, np.float64)
    met = products.shape[1] - alone
    names = [*(f"x[{k}]" for k in range(met)), *("bias", "forget_bias")[:alone]]
    return Terms(
        tuple(names),
        tuple(names),
        products,
        np.ones(products.shape[1]),
        (False,) * met + (True,) * alone,
        ("",) * (met + alone),
    )


@settings(max_examples=60)
@given(runs(compiled=False), st.integers(1, 8), st.data())
def test_the_bars_of_a_step_add_up_to_the_traced_preactivation(case, largest, data):
    trace = make_trace(*case)
    cell = trace.cell
    unit = data.draw(st.integers(0, cell.num_units - 1))
    for gate in cell.kind.gates:
        try:
            found = trace.terms(gate.name, unit)
        except lv.NoSum:  # a norm is in it: its figure has the sums inside instead
            assert cell.kind.name == "LayerNormBasicLSTMCell"
            continue
        waterfall = make_waterfall(found, largest)
        tolerance = TOLERANCE[str(cell.dtype)] * max(1.0, float(np.abs(found.products).max(initial=0)))
        recorded = trace.preactivations[gate.name][:, unit]
        np.testing.assert_allclose(waterfall.sums[:, -1], recorded, rtol=0, atol=tolerance)
        assert waterfall.products.shape[1] == len(waterfall.forms) + len(waterfall.ends)


@given(st.data(), st.integers(0, 4), st.integers(1, 12), st.integers(1, 6), st.integers(0, 2))
def test_no_bar_of_its_own_is_smaller_than_what_is_summed(data, steps, met, largest, alone):
    numbers = st.lists(st.floats(-1e3, 1e3), min_size=met + alone, max_size=met + alone)
    given_ = terms(
        data.draw(st.lists(numbers, min_size=steps, max_size=steps)) if steps else np.zeros((0, met + alone)),
        alone,
    )
    waterfall = make_waterfall(given_, largest)
    own = len(waterfall.forms)
    assert own == (largest if met > largest + 1 else met)
    for row, bars in zip(given_.products, waterfall.products, strict=True):
        ordered = sorted(row[:met], key=abs, reverse=True)
        np.testing.assert_array_equal(np.abs(bars[:own]), np.abs(ordered[:own]))
        assert sum(bars) == pytest.approx(sum(row), abs=1e-9)
        if own < met:
            assert bars[own] == pytest.approx(sum(row[:met]) - sum(bars[:own]), abs=1e-9)
        np.testing.assert_array_equal(bars[len(bars) - alone :], row[met:])


def test_a_single_term_is_shown_rather_than_summed():
    assert make_waterfall(terms([[1, 2, 3]]), 2).ends == ()
    waterfall = make_waterfall(terms([[1, 2, 3, 4]]), 2)
    assert waterfall.ends == ("2 others",)
    assert waterfall.products.tolist() == [[4, 3, 3]]


def test_what_is_not_finite_has_a_bar_before_all_others_but_no_length():
    waterfall = make_waterfall(terms([[1, np.nan, 9, np.inf, 2, -3, 0.5]], alone=1), 2)
    np.testing.assert_array_equal(waterfall.products, [[np.nan, np.inf, 9, 0.5]])
    np.testing.assert_array_equal(waterfall.sums, [[0, 0, 9, 9.5]])
    assert waterfall.forms[0] == ("x[1]  # · 1.00",)


def test_many_that_are_not_finite_are_summed_to_what_is_not():
    waterfall = make_waterfall(terms([[np.inf] * 3 + [-np.inf] * 3]), 2)
    np.testing.assert_array_equal(waterfall.products, [[np.inf, np.inf, np.nan]])


@given(st.lists(st.lists(st.floats(), min_size=4, max_size=4), min_size=1, max_size=4))
def test_every_bar_ends_within_the_reach_which_holds_zero(products):
    waterfalls = [make_waterfall(terms([row]), 2) for row in products]
    reach = find_reach(waterfalls)
    assert reach.low < 0 < reach.high
    for waterfall in waterfalls:
        places = reach.place(waterfall.sums)
        assert places.min() >= 0 and places.max() < PLACES
        back = reach.low + places / (PLACES - 1) * (reach.high - reach.low)
        np.testing.assert_allclose(back, waterfall.sums, rtol=0, atol=(reach.high - reach.low) / PLACES)


def test_no_steps_have_a_reach_too():
    waterfall = make_waterfall(terms(np.zeros((0, 3))), 2)
    reach = find_reach([waterfall])
    assert reach.low < 0 < reach.high


@pytest.mark.parametrize(
    ("name", "short"),
    [("x[2]", "x[2]"), ("r[5] * h[5]", "r·h[5]"), ("c[3]", "c[3]"), ("c_t[3]", "cₜ[3]"), ("bias", "bias")],
)
def test_a_name_is_shortened_where_a_gate_multiplies(name, short):
    assert shorten(name) == short
