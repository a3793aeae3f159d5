"""What a run recorded, explained and summed up."""

import importlib
import inspect
from dataclasses import FrozenInstanceError, fields, is_dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.run import trace as traces
from tests import keras3
from tests.runs import TOLERANCE, make_run, make_trace, runs

# What a caller without the tests' shape checks gets.
explain = inspect.unwrap(lv.Trace.explain)


NORMED = "LayerNormBasicLSTMCell"  # whose gates are norms over all units before their activation, and no sums
SUMS = tuple(sorted(set(lv.KINDS) - {NORMED}))


def sine(kind="BasicLSTMCell", num_units=4, input_size=2, steps=12, **options):
    cell = lv.build(kind, num_units, input_size, seed=1, **options)
    return lv.run(cell, lv.sequences.make("sine", time_steps=steps, input_size=input_size))


# --- explain ---------------------------------------------------------------------------------------------------------


@given(runs(SUMS), st.data())
@settings(max_examples=60, deadline=None)
def test_the_terms_add_up_to_the_recorded_preactivation(case, data):
    kind, options, num_units, input_size, steps, dtype, seed = case
    cell, x, state = make_run(kind, options, num_units, input_size, steps + 1, dtype, seed)
    trace = lv.run(cell, x, initial_state=state)
    t, unit = data.draw(st.integers(0, steps)), data.draw(st.integers(0, num_units - 1))
    for gate in cell.kind.gates:
        explanation = trace.explain(t=t, gate=gate.name, unit=unit)
        scale = max(1.0, *(abs(term.product) for term in explanation.terms))
        assert abs(explanation.sum - explanation.preactivation) <= 1e-5 * scale
        assert explanation.preactivation == trace.preactivations[gate.name][t, unit]
        assert explanation.activation == trace.gates[gate.name][t, unit]
        activated = float(keras3.activation(trace.activation_of(gate))(np.float32(explanation.sum)))
        assert abs(activated - explanation.activation) <= 1e-5 * scale


def test_each_term_is_an_input_times_its_weight():
    trace = sine(forget_bias=1.5)
    explanation = trace.explain(t=5, gate="f", unit=3)
    block = trace.cell.gate("f")
    assert [term.name for term in explanation.terms] == [
        "x[0]", "x[1]", "h[0]", "h[1]", "h[2]", "h[3]", "bias", "forget_bias",
    ]  # fmt: skip
    values = [term.value for term in explanation.terms]
    np.testing.assert_array_equal(values, [*trace.x[5], *trace.states["h"][4], 1, 1])
    weights = [term.weight for term in explanation.terms]
    np.testing.assert_array_equal(weights, [*block.kernel[:, 3], block.bias[3], 1.5])
    assert [term.product for term in explanation.terms] == [
        v * w for v, w in zip(values, weights, strict=True)
    ]
    assert (explanation.bias, explanation.forget_bias) == (0.0, 1.5)
    assert trace.explain(5, "i", 3).forget_bias == 0.0


def test_the_first_step_is_explained_from_the_initial_state():
    cell = lv.build("BasicLSTMCell", 2, 1)
    trace = lv.run(cell, [[1.0]], initial_state={"h": [0.25, -0.5]})
    assert [term.value for term in trace.explain(0, "i", 0).terms] == [1.0, 0.25, -0.5, 1.0]


def test_a_grus_candidate_sees_h_through_the_reset_gate():
    trace = sine("GRUCell")
    term = trace.explain(t=3, gate="c", unit=0).terms[3]
    assert term.name == "r[1] * h[1]"
    assert term.value == pytest.approx(trace.gates["r"][3, 1] * trace.states["h"][2, 1])
    assert trace.explain(t=3, gate="u", unit=0).terms[3].name == "h[1]"


def test_a_candidate_reset_after_its_product_meets_h_and_the_hidden_bias_through_its_own_unit_of_r():
    weights = lv.build("CudnnCompatibleGRUCell", 4, 2, seed=1).weights
    hidden_bias = np.array([0.5, -1, 2, 3], "float32")
    weights = {**weights, "candidate/hidden_projection/bias": hidden_bias}
    cell = lv.build("CudnnCompatibleGRUCell", 4, 2, weights=weights)
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=12, input_size=2))
    explanation = trace.explain(t=3, gate="c", unit=2)
    assert [term.name for term in explanation.terms] == [
        "x[0]", "x[1]", "r[2] * h[0]", "r[2] * h[1]", "r[2] * h[2]", "r[2] * h[3]", "bias", "r[2] * hidden_bias",
    ]  # fmt: skip
    r, term, last = trace.gates["r"][3, 2], explanation.terms[3], explanation.terms[-1]
    assert term.value == pytest.approx(r * trace.states["h"][2, 1])
    assert term.weight == cell.weights["candidate/hidden_projection/kernel"][1, 2]
    assert (last.value, last.weight) == (r, 2.0)
    assert (explanation.hidden_bias, explanation.bias) == (2.0, 0.0)
    assert trace.explain(t=3, gate="u", unit=2).hidden_bias == 0.0
    assert explanation.sum == pytest.approx(explanation.preactivation, abs=1e-6)
    assert [term.name for term in trace.explain(t=3, gate="u", unit=2).terms][2:] == [
        "h[0]", "h[1]", "h[2]", "h[3]", "bias",
    ]  # fmt: skip


@pytest.mark.parametrize("gate", "ijfo")
def test_a_gate_that_is_normed_is_refused_and_never_explained_wrongly(gate):
    trace = sine(NORMED)
    for take_apart in (lambda: trace.explain(3, gate, 1), lambda: trace.terms(gate, 1)):
        with pytest.raises(
            ValueError, match=f"what {gate} is before its activation is no sum of terms: a norm"
        ):
            take_apart()


def test_without_a_bias_there_is_no_term_for_it():
    trace = sine("BasicLSTMCell", use_bias=False)
    names = [term.name for term in trace.explain(t=3, gate="f", unit=0).terms]
    assert "bias" not in names
    assert names[-1] == "forget_bias"
    assert trace.explain(t=3, gate="f", unit=0).bias == 0.0


@pytest.mark.parametrize("name", ["hard_sigmoid", "legacy_hard_sigmoid"])
def test_hard_sigmoids_saturate_at_0_and_1(name):
    cell = lv.build(
        "BasicLSTMCell", 1, 1, recurrent_activation=name, use_bias=False, forget_bias=0.0,
        weights={"kernel": np.array([[1, 0, 1, 1], [0, 0, 0, 0]])},
    )  # fmt: skip
    summary = lv.run(cell, [[-9.0], [0.0], [0.0], [9.0]]).summary()["i"]
    assert (summary.low, summary.high, summary.mean) == (0.25, 0.25, 0.5)
    assert (summary.edges[0], summary.edges[-1]) == (0.0, 1.0)


def test_peepholes_see_the_old_c_and_in_the_output_gate_the_new_one():
    trace = sine("LSTMCell", use_peepholes=True)
    last = {gate: trace.explain(t=6, gate=gate, unit=2).terms[-1] for gate in "ifo"}
    assert {term.name for term in last.values()} == {"c[2]"}
    assert last["i"].value == last["f"].value == trace.states["c"][5, 2]
    assert last["o"].value == trace.states["c"][6, 2]
    assert last["f"].weight == trace.cell.weights["w_f_diag"][2]
    assert trace.explain(t=6, gate="j", unit=2).terms[-1].name == "bias"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((12, "f", 0), "t is 12; it must be 0 to 11"),
        ((-1, "f", 0), "t is -1; it must be 0 to 11"),
        ((1.0, "f", 0), r"t is 1\.0; it must be 0 to 11"),
        ((True, "f", 0), "t is True"),
        ((0, "z", 0), "gate is 'z'; BasicLSTMCell has the gates i, j, f, o"),
        ((0, "f", 4), "unit is 4; it must be 0 to 3"),
    ],
)
def test_what_is_not_there_cannot_be_explained(arguments, text):
    with pytest.raises(ValueError, match=text):
        explain(sine(), *arguments)


def test_a_trace_of_no_steps_explains_nothing():
    with pytest.raises(ValueError, match="t is 0; it must be nothing, for the trace has no steps"):
        lv.run(lv.build("GRUCell", 2, 1), np.zeros((0, 1))).explain(0, "r", 0)


def test_numpys_integers_serve_as_step_and_unit():
    trace = sine()
    explanation = explain(trace, np.int64(3), "f", np.uint8(1))
    assert explanation == trace.explain(3, "f", 1)
    assert (type(explanation.t), type(explanation.unit)) == (int, int)


# --- terms --------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(runs(SUMS, compiled=False), st.data())
def test_terms_over_steps_add_up_as_exactly_as_the_type_allows(case, data):
    trace = make_trace(*case)
    cell = trace.cell
    first, last = sorted(data.draw(st.integers(0, len(trace))) for _end in range(2))
    steps, unit = slice(first, last), data.draw(st.integers(0, cell.num_units - 1))
    for gate in cell.kind.gates:
        found = trace.terms(gate.name, unit, steps)
        assert found.values.shape == (last - first, len(found.names))
        sums = found.products.sum(axis=1)
        recorded = trace.preactivations[gate.name][steps, unit]
        np.testing.assert_allclose(sums, recorded, rtol=0, atol=TOLERANCE[str(cell.dtype)] * scale_of(found))
        for t in range(first, last):
            terms = trace.explain(t, gate.name, unit).terms
            assert tuple(term.name for term in terms) == found.names
            np.testing.assert_array_equal([term.value for term in terms], found.values[t - first])
            np.testing.assert_array_equal([term.weight for term in terms], found.weights)


def scale_of(terms):
    """Rounding grows with what is added."""
    return max(1.0, float(np.abs(terms.products).max(initial=0)))


def test_terms_of_no_steps_are_none():
    assert sine(steps=0).terms("f", 0).values.shape == (0, 8)


@pytest.mark.parametrize(
    ("arguments", "text"), [(("z", 0), "gate is 'z'"), (("f", 4), "unit is 4; it must be 0 to 3")]
)
def test_there_are_no_terms_of_what_is_not_there(arguments, text):
    with pytest.raises(ValueError, match=text):
        sine().terms(*arguments)


# --- summary ---------------------------------------------------------------------------------------------------------


@given(runs(compiled=False), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_a_summary_counts_every_value_once(case, bins):
    trace = make_trace(*case)
    for name, summary in trace.summary(bins=bins).items():
        values = trace.gates[name]
        assert summary.counts.shape == (bins,)
        assert summary.edges.shape == (bins + 1,)
        assert summary.counts.sum() + summary.nonfinite == values.size
        if values.size:
            assert summary.mean == pytest.approx(values.mean(dtype=np.float64), abs=1e-9)
        else:
            assert np.isnan(summary.mean)


def with_gates(**gates):
    trace = sine("GRUCell", num_units=1, input_size=1, steps=4)
    recorded = dict(trace.gates) | {name: np.array(v, "float32")[:, None] for name, v in gates.items()}
    return traces.Trace(
        trace.cell,
        trace.sequence,
        trace.preactivations,
        recorded,
        trace.states,
        trace.initial_state,
        "CPU:0",
        0.0,
    )


def test_saturation_is_the_share_of_values_near_a_bound():
    summary = with_gates(r=[0.05, 0.5, 0.95, 0.99], c=[-0.95, -0.85, 0.0, 0.95]).summary()
    assert (summary["r"].low, summary["r"].high) == (0.25, 0.5)
    assert (summary["c"].low, summary["c"].high) == (0.25, 0.25)
    assert (summary["r"].edges[0], summary["r"].edges[-1]) == (0, 1)
    assert (summary["c"].edges[0], summary["c"].edges[-1]) == (-1, 1)


def test_an_activation_without_bounds_has_no_saturation():
    summary = sine("GRUCell", activation="relu").summary()
    assert summary["c"].low is None
    assert summary["c"].high is None
    assert summary["r"].low is not None


def test_values_that_are_not_finite_are_counted_apart():
    summary = with_gates(r=[np.nan, np.inf, 0.5, 0.25]).summary()["r"]
    assert summary.nonfinite == 2
    assert summary.counts.sum() == 2
    assert summary.mean == pytest.approx(0.375)


def test_the_summary_of_no_steps_is_empty():
    summary = lv.run(lv.build("GRUCell", 2, 1), np.zeros((0, 1))).summary()["r"]
    assert summary.counts.sum() == 0
    assert summary.low is None
    assert np.isnan(summary.mean)


# --- the rest --------------------------------------------------------------------------------------------------------


def test_the_first_step_that_is_not_finite_is_found():
    x = np.zeros((9, 1), "float32")
    cell = lv.build("BasicRNNCell", 2, 1)
    assert lv.run(cell, x).first_nonfinite() is None
    x[6] = np.nan
    assert lv.run(cell, x).first_nonfinite() == 6
    assert lv.run(cell, x[:0]).first_nonfinite() is None


def test_a_trace_carries_what_it_was_made_from_and_is_frozen():
    trace = sine()
    assert len(trace) == 12
    assert trace.x is trace.sequence.values
    assert trace.device == "CPU:0" or trace.device.startswith("GPU")
    assert trace.seconds > 0
    np.testing.assert_array_equal(trace.before(0, "c"), np.zeros(4))
    np.testing.assert_array_equal(trace.before(3, "c"), trace.states["c"][2])
    with pytest.raises(FrozenInstanceError):
        trace.device = "GPU:0"


def test_what_a_run_recorded_is_not_printed_number_by_number():
    trace = sine(num_units=20, input_size=20)
    steps = np.zeros((3, 20), "float32")
    found = lv.Gradients(trace, 1, 2, steps, {"c": steps, "h": steps}, {"c": steps[0], "h": steps[0]})
    assert repr(found) == "Gradients(unit=1, t=2)"
    assert "array" not in repr(trace)
    assert "array" not in repr(trace.cell)
    held = lv.run(trace.cell, np.zeros((3, 20), "float32"), engine="numpy", clamp={"f": 0.5})
    assert "array" not in repr(held)


@pytest.mark.parametrize(
    "module", ["cells.cell", "cells.linear", "run.trace", "run.terms", "run.inside", "layouts.convert"]
)
def test_a_value_is_frozen_and_one_that_holds_arrays_is_equal_to_itself_alone(module):
    # Arrays are compared number by number: whether two are equal is no yes or no.
    module = importlib.import_module(f"lstmviz.{module}")
    values = [
        each for each in vars(module).values() if is_dataclass(each) and each.__module__ == module.__name__
    ]
    assert values
    for each in values:
        assert each.__dataclass_params__.frozen
        if any("ndarray" in str(field.type) for field in fields(each)):
            assert each.__eq__ is object.__eq__ and each.__hash__ is object.__hash__, each
