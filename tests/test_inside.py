"""An explanation is right or refused: of every gate of every kind, and of kinds of one's own."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from tests import kinds_of_ones_own

OURS = tuple(lv.KINDS)
REFUSED = {"LayerNormBasicLSTMCell": "ijfo", "OwnNormed": "ijfo",
           "OwnConstant": "g", "OwnRefused": ("one", "two", "three", "four", "five", "six")}  # fmt: skip


@pytest.fixture(autouse=True)
def own():
    with kinds_of_ones_own.declared():
        yield


def tolerance(terms):
    return 1e-12 * max([1.0, *(abs(term.product) for term in terms)])


EVERY = pytest.mark.parametrize("kind", [*OURS, *kinds_of_ones_own.STEPS])
SIZES = st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32))


@EVERY
@settings(max_examples=4)
@given(SIZES)
def test_every_gate_is_a_sum_to_the_last_digit_or_refused(kind, sizes):
    trace = kinds_of_ones_own.run(kind, *sizes)
    t = len(trace) - 1
    for gate in trace.gates:
        for unit in {0, trace.cell.num_units - 1}:
            recorded = trace.preactivations[gate][t, unit]
            if gate in REFUSED.get(kind, ()):
                with pytest.raises(lv.NoSum, match=f"what {gate} is before its activation is no sum"):
                    trace.explain(t, gate, unit)
                continue
            found = trace.explain(t, gate, unit)
            assert found.preactivation == recorded
            assert abs(found.sum - recorded) <= tolerance(found.terms)


@EVERY
@settings(max_examples=4)
@given(SIZES)
def test_what_is_inside_adds_up_and_gives_the_recorded_number(kind, sizes):
    trace = kinds_of_ones_own.run(kind, *sizes)
    t = len(trace) - 1
    for gate in trace.gates:
        for unit in {0, trace.cell.num_units - 1}:
            found = trace.inside(t, gate, unit)
            assert bool(found.obstacles) == (gate in REFUSED.get(kind, ()))
            for each in found.sums:
                assert abs(each.sum - each.value) <= tolerance(each.terms)
            assert found.result == pytest.approx(found.preactivation, rel=1e-12, abs=1e-12)
            assert found.activation == trace.gates[gate][t, unit]


FUNCTIONS = {"max": np.maximum, "sqrt": np.sqrt, "exp": np.exp, "relu": lambda a: np.maximum(a, 0),
             "clip": lambda a, bound: np.clip(a, -bound, bound), "tanh": np.tanh,
             "σ": lambda a: 1 / (1 + np.exp(-a))}  # fmt: skip


def evaluate(words):
    """A formula with its numbers, read as Python."""
    python = words.replace("·", "*").replace("−", "-").replace("±", "").replace("√", "sqrt")
    return float(eval(python, dict(FUNCTIONS)))


@pytest.mark.parametrize(
    ("kind", "gate"), [(kind, gate) for kind, gates in REFUSED.items() for gate in gates]
)
def test_the_sentence_computes_what_it_says(kind, gate):
    trace = kinds_of_ones_own.run(kind)
    for unit in range(5):
        found = trace.inside(4, gate, unit)
        steps, _colon, why = found.sentence.partition(": ")
        name, _symbols, numbers, before, after = steps.split(" = ")
        assert name == gate
        assert why.startswith("before its activation it is no sum of terms, for ")
        assert evaluate(numbers) == pytest.approx(found.activation, abs=0.004)
        assert evaluate(before) == pytest.approx(found.activation, abs=0.001)
        assert evaluate(after) == pytest.approx(found.activation, abs=0.0001)


def test_a_norm_says_of_what_it_takes_mean_and_deviation():
    trace = kinds_of_ones_own.run("LayerNormBasicLSTMCell", num_units=4)
    found = trace.inside(2, "f", 1)
    assert found.obstacles == ("a norm over all units",)
    assert "f = σ((z_f − mean) / deviation · gamma + beta + forget_bias) = σ((" in found.sentence
    assert found.sentence.endswith("mean and deviation are those of z_f over all 4 units.")
    kernel = trace.cell.weights["kernel"]
    z = np.concatenate([trace.x[2], trace.states["h"][1]]) @ kernel[:, trace.cell.columns("f")]
    assert [each.name for each in found.sums] == ["z_f"]
    assert found.sums[0].value == pytest.approx(z[1], abs=1e-12)
    mean, deviation = re.search(r"− \(?(−?[\d.e−+]+)\)?\) / ([\d.]+)", found.sentence).groups()
    assert float(mean.replace("−", "-")) == pytest.approx(z.mean(), rel=1e-3)
    assert float(deviation) == pytest.approx(z.std(), rel=1e-3)


def test_two_norms_have_a_sum_each():
    found = kinds_of_ones_own.run("OwnNormed").inside(3, "f", 2)
    assert [each.name for each in found.sums] == ["z_f", "z_f'"]
    assert [term.name for term in found.sums[0].terms] == ["x[0]", "x[1]", "x[2]"]
    assert {term.name[0] for term in found.sums[1].terms} == {"h"}


@pytest.mark.parametrize(
    ("gate", "what", "sums"),
    [("one", "a maximum", 2), ("two", "a product of two sums", 2), ("three", "a quotient", 1),
     ("four", "a square root and a clip", 2), ("five", "the activation relu and an exponential", 2),
     ("six", "a maximum", 0)],
)  # fmt: skip
def test_what_stands_in_the_way_is_named(gate, what, sums):
    trace = kinds_of_ones_own.run("OwnRefused")
    found = trace.inside(3, gate, 1)
    assert set(found.obstacles) >= set(what.split(" and "))
    assert len(found.sums) == sums
    with pytest.raises(lv.NoSum, match=r"trace\.inside"):
        trace.terms(gate, 1)


def test_a_gate_that_is_a_sum_is_its_own_inside():
    trace = kinds_of_ones_own.run("BasicLSTMCell")
    found, explained = trace.inside(3, "f", 2), trace.explain(3, "f", 2)
    assert [each.terms for each in found.sums] == [explained.terms]
    assert found.sums[0].name == "Σ_f"
    assert (found.obstacles, found.activation) == ((), explained.activation)


def test_a_factor_that_is_no_gate_is_written_with_the_term():
    trace = kinds_of_ones_own.run("OwnWords")
    names = [term.name for term in trace.explain(3, "new", 2).terms]
    assert names[:3] == ["(1 − opening[2]) * h[0]", "(1 − opening[2]) * h[1]", "(1 − opening[2]) * h[2]"]
    assert names[-1] == "2 * x[2]"


def test_a_state_that_is_taken_away_is_a_term_with_minus_one():
    found = kinds_of_ones_own.run("sLSTM").explain(3, "i", 2)
    assert [(term.name, term.weight) for term in found.terms][-1] == ("m[2]", -1.0)


@pytest.mark.parametrize("given", [(9, "f", 0), (0, "q", 0), (0, "f", 5)])
def test_inside_says_what_is_not_there(given):
    with pytest.raises(ValueError, match=r"must be|has the gates"):
        kinds_of_ones_own.run("LayerNormBasicLSTMCell").inside(*given)
