"""Two runs beside each other."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from tests.runs import make_run, make_trace, runs

SINE = lv.sequences.make("sine", time_steps=20, input_size=2)
# What a caller without the tests' shape checks gets.
compare = inspect.unwrap(lv.compare)


def run(kind="BasicLSTMCell", num_units=4, x=SINE, *, seed=1, state=None, **options):
    x = lv.sequences.wrap(x)
    return lv.run(lv.build(kind, num_units, x.input_size, seed=seed, **options), x, "CPU:0", state)


def change(trace, name, row, column, by, x=None):
    """The same run with one weight changed."""
    weights = {key: np.array(value) for key, value in trace.cell.weights.items()}
    weights[name][row, column] += by
    cell = lv.Cell(trace.cell.kind, trace.cell.num_units, trace.cell.input_size, trace.cell.options, weights)
    return lv.run(cell, trace.sequence if x is None else x, "CPU:0")


@settings(max_examples=40)
@given(runs(compiled=False))
def test_a_run_against_itself_never_parts(case):
    trace = make_trace(*case)
    comparison = lv.compare(trace, trace, tolerance=0)
    assert comparison.first is comparison.parting("preactivations") is comparison.input_parting is None
    assert not any(comparison.largest.values()) and not comparison.kernel_difference.any()
    assert comparison.labels == ("", "") and comparison.left_out == comparison.other_weights == ()
    assert set(comparison.differences) == {*trace.gates, *trace.states}


@settings(max_examples=40)
@given(runs(compiled=False), st.integers(0, 100))
def test_differences_are_a_minus_b_over_what_both_have(case, other_seed):
    kind, options, num_units, input_size, steps, dtype, _seed = case
    a_cell, x, _state = make_run(*case)
    b_cell, _x, _state = make_run(kind, options, num_units + 2, input_size, steps, dtype, other_seed)
    a = lv.run(a_cell, x, engine="numpy")
    b = lv.run(b_cell, x[: steps // 2], engine="numpy")
    comparison = lv.compare(a, b)
    assert (len(comparison), comparison.num_units) == (steps // 2, num_units)
    for name, array in comparison.differences.items():
        one, other = ({**t.gates, **t.states}[name] for t in (a, b))
        rows, units = len(comparison), min(one.shape[1], other.shape[1])
        expected = one[:rows, :units].astype(np.float64) - other[:rows, :units]
        np.testing.assert_array_equal(array, expected)
        assert comparison.largest[name] == np.abs(expected).max(initial=0)
    for name, array in comparison.preactivations.items():
        np.testing.assert_array_equal(
            array, a.preactivations[name][: steps // 2].astype(np.float64)
            - b.preactivations[name][: steps // 2, :num_units],
        )  # fmt: skip
    assert comparison.kernel_difference is None
    said = " ".join(comparison.left_out)
    assert f"num_units: {num_units} in a, {num_units + 2} in b; the first {num_units} are compared" in said
    assert "The kernels are" in said
    assert (f"steps: {steps} in a, {steps // 2} in b" in said) == (steps > 0)


@pytest.mark.parametrize(("gate", "unit"), list(itertools.product("ijfo", range(4))))
def test_a_changed_weight_parts_first_in_the_gate_that_reads_it_at_the_first_step_that_feeds_it(gate, unit):
    x = np.zeros((9, 2), np.float32)
    x[5, 1] = 0.7  # the row that meets x[1] is met by nothing but 0 before step 5
    a = run(x=x)
    b = change(a, "kernel", 1, a.cell.columns(gate).start + unit, by=0.5)
    comparison = lv.compare(a, b)
    first = comparison.first
    assert (first.t, first.name, first.unit) == (5, gate, unit)
    assert first.a == a.gates[gate][5, unit] and first.b == b.gates[gate][5, unit]
    assert first.difference == pytest.approx(first.a - first.b)
    before = comparison.parting("preactivations")
    assert (before.t, before.name, before.unit) == (5, gate, unit)
    assert before.difference == pytest.approx(-0.5 * 0.7, abs=1e-6)
    assert comparison.other_weights == ("kernel",) and comparison.labels == ("", "")
    assert np.argwhere(comparison.kernel_difference).tolist() == [[1, a.cell.columns(gate).start + unit]]


def test_a_changed_hidden_row_of_a_gru_parts_at_the_step_after_h_leaves_0():
    x = np.zeros((6, 2), np.float32)
    x[2:] = 1
    a = run("GRUCell", 3, x)
    b = change(a, "candidate/kernel", 2 + 1, 0, by=0.5)  # h[1] to c[0]
    first = lv.compare(a, b).first
    assert (first.t, first.name, first.unit) == (3, "c", 0)


def test_forget_bias_parts_at_step_0_in_f_and_nowhere_in_the_weights():
    comparison = lv.compare(run(forget_bias=0.0), run(forget_bias=1.0))
    assert (comparison.first.t, comparison.first.name) == (0, "f")
    np.testing.assert_allclose(comparison.preactivations["f"][0], -1, atol=1e-6)
    assert not comparison.kernel_difference.any() and comparison.other_weights == ()
    assert comparison.labels == ("forget_bias=0", "forget_bias=1")


@settings(max_examples=30)
@given(runs(compiled=False))
def test_float32_stays_near_float64(case):
    kind, options, num_units, input_size, steps, _dtype, seed = case
    cell, x, state = make_run(kind, options, num_units, input_size, steps, "float32", seed)
    single, double = (
        lv.run(each, x, initial_state=state, engine="numpy") for each in (cell, cell.astype("float64"))
    )
    assert double.states["h"].dtype == np.float64
    comparison = lv.compare(single, double, tolerance=1e-4)
    scale = max(1.0, *(np.abs(values).max(initial=0) for values in double.states.values()))
    assert max(comparison.largest.values()) <= 1e-4 * scale
    assert not comparison.kernel_difference.any()
    assert comparison.labels == ("dtype=float32", "dtype=float64")


def test_single_precision_is_seen_where_the_tolerance_is_below_it():
    trace = run(num_units=16)
    double = lv.run(trace.cell.astype("float64"), trace.sequence, "CPU:0")
    assert lv.compare(trace, double, tolerance=1e-4).first is None
    assert lv.compare(trace, double, tolerance=0).first.t == 0


@settings(max_examples=40)
@given(runs(compiled=False), st.lists(st.floats(0, 2), min_size=2, max_size=4), st.integers(0, 9))
def test_a_larger_tolerance_never_parts_earlier(case, tolerances, other_seed):
    cell, x, _state = make_run(*case)
    other, _x, _state = make_run(*case[:-1], other_seed)
    a, b = (lv.run(each, x, engine="numpy") for each in (cell, other))
    found = [lv.compare(a, b, tolerance).first for tolerance in sorted(tolerances)]
    steps = [len(a) if first is None else first.t for first in found]
    assert steps == sorted(steps)
    for first, tolerance in zip(found, sorted(tolerances), strict=True):
        if first is not None:
            assert abs(first.difference) > tolerance
            earlier = [d[: first.t] for d in lv.compare(a, b).differences.values()]
            assert max(np.abs(d).max(initial=0) for d in earlier) <= tolerance


def test_other_kinds_are_compared_in_what_has_one_name():
    comparison = lv.compare(run("BasicLSTMCell"), run("GRUCell"))
    assert list(comparison.differences) == ["h"] and not comparison.preactivations
    assert comparison.labels == ("BasicLSTMCell", "GRUCell")
    assert comparison.left_out == (
        "Only a has i, j, f, o, c.",
        "Only b has r, u, c.",
        "The kernels are [6, 16] (i, j, f, o) and [6, 12] (r, u, c): they have no difference.",
    )


def test_kernels_of_one_shape_and_other_gates_are_not_subtracted():
    # [2 + 4, 4] and [5 + 1, 4 * 1]
    a = run("BasicRNNCell", 4)
    b = run("BasicLSTMCell", 1, np.zeros((20, 5), np.float32))
    assert a.cell.kernel.shape == b.cell.kernel.shape
    assert lv.compare(a, b).kernel_difference is None


def test_names_stand_in_the_order_of_computation():
    def names(*traces):
        return "".join(lv.compare(*traces).differences)

    peeping = run("LSTMCell", use_peepholes=True)
    assert names(run(), run()) == "ijfoch"
    assert names(peeping, peeping) == names(run(), peeping) == names(peeping, run()) == "ijfcoh"
    assert names(run("GRUCell"), run("GRUCell")) == "ruch"


def test_a_projected_h_is_compared_as_far_as_both_have_it():
    comparison = lv.compare(run("LSTMCell"), run("LSTMCell", num_proj=3))
    assert comparison.differences["h"].shape == (20, 3) and comparison.differences["c"].shape == (20, 4)
    assert "h: 4 in a, 3 in b; the first 3 are compared." in comparison.left_out


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_equals_itself_and_parts_from_a_number(number):
    x = np.zeros((6, 2), np.float32)
    broken = x.copy()
    broken[4, 1] = number
    rnn = dict(kind="BasicRNNCell", activation="linear")
    a = run(x=broken, **rnn)
    assert not np.isfinite(a.states["h"]).all()
    assert lv.compare(a, a, tolerance=0).first is None
    comparison = lv.compare(a, run(x=x, **rnn), tolerance=1e30)
    assert (comparison.first.t, comparison.first.name, comparison.input_parting) == (4, "z", 4)
    assert not np.isfinite(comparison.first.difference) and not np.isfinite(comparison.largest["h"])


def test_where_the_input_parts_is_said():
    x = np.array(SINE.values)
    x[7, 0] += 1
    assert lv.compare(run(), run(x=x)).input_parting == 7
    assert lv.compare(run(), run(x=np.zeros((20, 3), np.float32))).input_parting == 0


def test_no_steps_at_all_never_part():
    empty = run(x=np.zeros((0, 2), np.float32))
    comparison = lv.compare(run(), empty)
    assert comparison.first is None and comparison.largest["h"] == 0


@pytest.mark.parametrize("tolerance", [-1e-9, np.nan, np.inf, "1", None, True])
def test_a_tolerance_that_is_no_number_from_0_up_is_refused(tolerance):
    with pytest.raises(ValueError, match=r"tolerance is .*; it must be a finite number, at least 0"):
        compare(run(), run(), tolerance)


def test_values_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="values is 'gates'; it must be one of activations, preactivations"):
        lv.compare(run(), run()).shown("gates")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_cell_in_the_other_type_keeps_everything_but_its_type(dtype):
    cell = lv.build("LSTMCell", 3, 2, use_peepholes=True, forget_bias=0.1)
    other = cell.astype(dtype)
    assert other.dtype == dtype and other.options == cell.options and set(other.weights) == set(cell.weights)
    for name, weight in cell.weights.items():
        np.testing.assert_array_equal(other.weights[name], weight)


def test_a_type_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="dtype is 'float16'; it must be float32 or float64"):
        run().cell.astype("float16")
