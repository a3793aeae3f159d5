"""Which step wrote what share of a state, against loops that leave one step's write out."""

import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.equation import clip, concat, exp, norm, relu, sigmoid, split, sqrt, tanh
from lstmviz.run.ledger import ledger, list_ledgers
from tests.kinds_of_ones_own import declared, run
from tests.runs import CHOICES, make_trace, runs

ROUNDING = {"float32": 2e-6, "float64": 1e-13}


def squash(z):
    return 1 / (1 + np.exp(-z))


def gru(trace, t, old):
    u, c = (trace.gates[name][t].astype(float) for name in "uc")
    return u, (1 - u) * c


def lstm(trace, t, old):
    i, j, f = (trace.gates[name][t].astype(float) for name in "ijf")
    return f, i * j


def coupled(trace, t, old):
    j, f = (trace.gates[name][t].astype(float) for name in "jf")
    return f, (1 - f) * j


def kept_of_slstm(trace, t):
    m = trace.before(t, "m").astype(float)
    return np.exp(np.minimum(np.log(trace.gates["f"][t].astype(float)) + m - trace.states["m"][t], 64))


def slstm(trace, t, old):
    return kept_of_slstm(trace, t), trace.gates["i"][t].astype(float) * trace.gates["z"][t]


def slstm_n(trace, t, old):
    return kept_of_slstm(trace, t), trace.gates["i"][t].astype(float)


def opposite(gate):
    def read(trace, t, old):
        z, c = (trace.gates[name][t].astype(float) for name in (gate, "c"))
        return 1 - z, z * c

    return read


def min_lstm(trace, t, old):
    f, i, c = (trace.gates[name][t].astype(float) for name in "fic")
    return f / (f + i), i / (f + i) * c


def janet(trace, t, old):
    f, c = (trace.gates[name][t].astype(float) for name in "fc")
    met = np.concatenate([trace.x[t], trace.before(t, "h")]).astype(float)
    s = (met @ trace.cell.weights["kernel"] + trace.cell.weights["bias"])[: trace.cell.num_units]
    return f, (1 - squash(s - trace.cell.options["beta"])) * c


def ind_rnn(trace, t, old):
    slope = {"linear": (1, 1), "relu": (0, 1), "leaky_relu": (0.2, 1)}[trace.cell.options["activation"]]
    slopes = np.where(trace.gates["z"][t] > 0, slope[1], slope[0])
    weights = {name: each.astype(float) for name, each in trace.cell.weights.items()}
    return slopes * weights["recurrent_kernel"], slopes * (trace.x[t] @ weights["kernel"] + weights["bias"])


def li_gru(trace, t, old):
    z, c = (trace.gates[name][t].astype(float) for name in "zc")
    return z, (1 - z) * c


def rg_lru(trace, t, old):
    r, i, j = (trace.gates[name][t].astype(float) for name in "rij")
    a = np.exp(-8 * r * np.log1p(np.exp(trace.cell.weights["a_param"].astype(float))))
    return a, np.sqrt(1 - a * a) * i * j


BY_HAND = {
    ("BasicLSTMCell", "c"): lstm,
    ("LSTMCell", "c"): lstm,
    ("GRUCell", "h"): gru,
    ("CudnnCompatibleGRUCell", "h"): gru,
    ("CoupledInputForgetGateLSTMCell", "c"): coupled,
    ("sLSTM", "c"): slstm,
    ("sLSTM", "n"): slstm_n,
    ("minGRU", "h"): opposite("z"),
    ("minLSTM", "h"): min_lstm,
    ("MGU", "h"): opposite("f"),
    ("JANET", "h"): janet,
    ("IndRNN", "h"): ind_rnn,
    ("LiGRU", "h"): li_gru,
    ("RG-LRU", "h"): rg_lru,
}


def run_without(trace, state, read, left_out):
    """The state after each step with the gates held at what they were, and one step not writing; -1 is the start."""
    value = trace.initial_state[state].astype(float) * (left_out != -1)
    after = []
    for t in range(len(trace)):
        kept, write = read(trace, t, value)
        value = kept * value + write * (left_out != t)
        after.append(value)
    return np.array(after)


def has_ledger(case):
    options = case[1]
    return options.get("cell_clip") is None and options.get("activation") in (
        None,
        *(("relu", "leaky_relu", "linear") if case[0] == "IndRNN" else CHOICES["activation"]),
    )


@given(runs(kinds=sorted({kind for kind, _state in BY_HAND}), compiled=False), st.data())
@settings(max_examples=120)
def test_a_share_is_what_the_state_is_short_of_when_that_step_does_not_write(case, data):
    assume(has_ledger(case) and case[4] > 0)
    trace = make_trace(*case)
    t = data.draw(st.integers(0, len(trace) - 1))
    for state in list_ledgers(trace.cell):
        read = BY_HAND[trace.cell.kind.name, state]
        found = lv.ledger(trace, None, t, state)
        whole = run_without(trace, state, read, None)
        # A logarithm of a gate, and a share in two, come from the recorded numbers on another way than by hand.
        near = {"float32": 1e-6, "float64": 1e-11}[trace.cell.dtype.name]
        near *= np.maximum(1, np.abs(found.shares).sum(axis=0) + np.abs(found.initial))
        for step in range(t + 1):
            short = whole[t] - run_without(trace, state, read, step)[t]
            assert np.all(np.abs(found.shares[step] - short) <= near), step
        short = whole[t] - run_without(trace, state, read, -1)[t]
        assert np.all(np.abs(found.initial - short) <= near)


@given(runs(compiled=False))
@settings(max_examples=120)
def test_the_shares_and_what_is_left_of_the_start_add_up_to_the_state(case):
    assume(case[4] > 0)
    trace = make_trace(*case)
    for state in list_ledgers(trace.cell):
        found = lv.ledger(trace, None, state=state)
        scale = np.maximum(1, np.abs(found.over_time()).sum(axis=0).max(axis=0) + np.abs(found.initial))
        if "m" in trace.states:  # what is kept is exp of a difference of two, each rounded at its own size
            scale = scale * max(1, np.abs(trace.initial_state["m"]).max(), np.abs(trace.states["m"]).max())
        rounding = ROUNDING[trace.cell.dtype.name] * scale
        assert np.all(np.abs(found.shares.sum(axis=0) + found.initial - found.value) <= rounding)
        over_time = found.over_time().sum(axis=0) + found.initial_over_time()
        assert np.all(np.abs(over_time - trace.states[state]) <= rounding)


@given(runs(compiled=False), st.data())
@settings(max_examples=60)
def test_one_unit_is_a_column_of_all(case, data):
    assume(case[4] > 0)
    trace = make_trace(*case)
    for state in list_ledgers(trace.cell):
        unit = data.draw(st.integers(0, trace.cell.state_size(state) - 1))
        one, every = lv.ledger(trace, unit, state=state), lv.ledger(trace, None, state=state)
        for name in ("writes", "factors", "survival", "shares", "initial", "value"):
            got, expected = getattr(one, name), getattr(every, name)[..., unit]
            np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11, err_msg=name)
        np.testing.assert_allclose(one.over_time(), every.over_time()[..., unit], rtol=1e-9, atol=1e-11)


def test_every_kind_that_lstmviz_brings_has_the_ledgers_that_were_written_by_hand():
    found = {
        (name, state)
        for name in lv.KINDS
        for state in list_ledgers(lv.build(name, num_units=2, input_size=2))
    }
    assert found == set(BY_HAND)


def make(kind="BasicLSTMCell", steps=9, **options):
    return run(kind, num_units=4, input_size=3, steps=steps, options=options)


def test_without_a_start_the_shares_alone_are_the_state():
    cell = lv.build("BasicLSTMCell", num_units=4, input_size=3, seed=0)
    trace = lv.run(cell, np.random.default_rng(0).normal(size=(30, 3)), engine="numpy")
    found = lv.ledger(trace, unit=2)
    assert found.shares.shape == (30,)
    assert found.initial == 0
    assert found.shares.sum() == pytest.approx(trace.states["c"][-1, 2], abs=1e-6)


def test_the_last_step_is_told_by_default_and_an_earlier_one_in_as_many_steps():
    trace = make()
    assert (lv.ledger(trace, 1).t, lv.ledger(trace, 1).shares.shape) == (8, (9,))
    early = lv.ledger(trace, 1, t=4)
    assert early.shares.shape == (5,)
    assert early.shares.sum() + early.initial == pytest.approx(trace.states["c"][4, 1], abs=1e-12)
    np.testing.assert_allclose(lv.ledger(trace, 1).over_time()[:5, 4], early.shares, rtol=1e-14)


def test_all_of_the_last_write_is_left_and_of_an_earlier_one_what_the_forget_gates_kept():
    trace = make()
    found = lv.ledger(trace, 3)
    assert found.survival[-1] == 1
    assert found.survival[5] == pytest.approx(np.prod(trace.gates["f"][6:, 3]))
    assert (found.state, found.factor, found.written) == ("c", "f", "i · j")


def test_what_was_not_written_yet_is_0():
    found = lv.ledger(make(), 0).over_time()
    assert not found[np.tril_indices(9, -1)].any()
    assert found[np.triu_indices(9)].all()


def test_a_state_is_chosen_by_its_name():
    trace = make("sLSTM")
    assert lv.ledger(trace, 0).state == "c"
    found = lv.ledger(trace, 0, state="n")
    assert (found.state, found.written) == ("n", "i")


def test_after_a_step_that_shuts_the_forget_gate_nothing_earlier_is_left():
    weights = {"kernel": np.zeros((3, 8)), "bias": np.array([0.0, 0, 1, 1, 0, 0, 0, 0])}
    weights["kernel"][0, 4:6] = -1e4  # x shuts f
    cell = lv.build("BasicLSTMCell", num_units=2, input_size=1, weights=weights, dtype="float64")
    found = lv.ledger(lv.run(cell, [[0.0], [0.0], [1.0], [0.0]], engine="numpy"), 0)
    np.testing.assert_array_equal(found.shares[:2], 0)
    assert found.shares[2:].all()


@pytest.mark.parametrize("engine", ["tensorflow", "numpy"])
def test_either_engines_trace_has_a_ledger(engine):
    cell = lv.build("GRUCell", num_units=3, input_size=2, seed=1)
    trace = lv.run(cell, np.ones((12, 2)), engine=engine)
    assert lv.ledger(trace, 0).shares.sum() == pytest.approx(trace.states["h"][-1, 0], abs=1e-6)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "linear"])
def test_a_layer_of_two_slopes_or_one_keeps_what_its_weight_keeps(activation):
    trace = make("IndRNN", activation=activation)
    for unit in range(4):
        found = lv.ledger(trace, unit)
        assert found.shares.sum() + found.initial == pytest.approx(trace.states["h"][-1, unit], abs=1e-12)


REFUSED = [
    ("BasicRNNCell", {}, None, "the activation tanh is between"),
    ("BasicRNNCell", {"activation": "linear"}, None, "a matrix, which mixes the units, is between"),
    ("BasicRNNCell", {"activation": "relu"}, None, "a matrix, which mixes the units, is between"),
    ("LSTMCell", {"cell_clip": 1.0}, "c", "a clip is between"),
    ("LSTMCell", {}, "h", "h of LSTMCell has no ledger: each step makes it anew"),
    ("LayerNormBasicLSTMCell", {}, "c", "a norm over all units is between"),
    ("sLSTM", {}, "m", "a choice between two values is between"),
    ("sLSTM", {}, "h", "each step makes it anew"),
    ("IndRNN", {"activation": "tanh"}, None, "the activation tanh is between"),
    ("IndRNN", {"activation": "elu"}, None, "the activation elu is between"),
]


@pytest.mark.parametrize(("kind", "options", "state", "why"), REFUSED)
def test_what_is_no_sum_of_writes_is_refused(kind, options, state, why):
    with pytest.raises(lv.NoLedger, match=why):
        lv.ledger(make(kind, **options), 0, state=state)


def test_where_no_state_has_one_each_is_said_to_have_none():
    with pytest.raises(lv.NoLedger, match=r"c of LSTMCell has no ledger.* h of LSTMCell has no ledger"):
        lv.ledger(make("LSTMCell", cell_clip=1.0), 0)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"unit": 4}, "unit is 4; it must be 0 to 3"),
        ({"unit": 0, "t": 9}, "t is 9; it must be 0 to 8"),
        ({"unit": 0, "state": "k"}, "state is 'k'; BasicLSTMCell has the states c, h"),
    ],
)
def test_what_is_not_there_is_said(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        lv.ledger(make(), **given)


def test_no_steps_wrote_nothing():
    with pytest.raises(ValueError, match="the trace has no steps"):
        lv.ledger(make(steps=0), 0)


def gate(x, h, w, name="f"):
    return sigmoid(concat(x, h) @ w(f"{name}/kernel") + w(f"{name}/bias")).called(name)


def added(x, h, w):
    f = gate(x, h, w)
    return {"h": -(-(f * h) - x @ w("kernel")) / 2}


def twice(x, h, w):
    f = gate(x, h, w)
    return {"h": f * h - (h * 0.25 - tanh(h)) + 1.0}


def named_and_opened(x, h, w):
    f = gate(x, h, w)
    return {"h": relu(f * h + x @ w("kernel")).called("new")}


def nothing_added(x, h, w):
    return {"h": gate(x, h, w) * h}


def cascade(x, c, h, w):
    f, g = gate(x, h, w), gate(x, h, w, "g")
    c = f * c + x @ w("kernel")
    return {"c": c, "h": g * h + c}


def scaled(x, h, w):
    f = gate(x, h, w)
    return {"h": f * (0.5 * h) + 2.0 * (f * (x @ w("kernel")))}


@pytest.mark.parametrize(
    ("step", "states"),
    [
        (added, "h"),
        (twice, "h"),
        (scaled, "h"),
        (named_and_opened, "h"),
        (nothing_added, "h"),
        (cascade, "ch"),
    ],
)
def test_a_kind_of_ones_own_has_one_wherever_its_equation_does(step, states):
    with declared({"Own": step}):
        trace = run("Own", steps=8)
        assert list_ledgers(trace.cell) == tuple(states)
        for state in states:
            found = lv.ledger(trace, None, state=state)
            assert np.abs(found.shares).sum() > 0 or step is nothing_added
            total = found.shares.sum(axis=0) + found.initial
            np.testing.assert_allclose(total, trace.states[state][-1], rtol=0, atol=1e-12)


def two_of_one(x, c, h, w):
    f = gate(x, h, w)
    return {"c": f * c + 0.5 * h, "h": 0.5 * h - 0.1 * c}


def squared(x, h, w):
    return {"h": gate(x, h, w) * h * h}


def below(x, h, w):
    return {"h": gate(x, h, w) / (2 + h)}


def rooted(x, h, w):
    return {"h": sqrt(1 + gate(x, h, w) * h)}


def mixed(x, h, w):
    f = gate(x, h, w)
    return {"h": f * h + (h @ w("recurrent")) * f}


def parted(x, h, w):
    a, b = split("ab", concat(h, h))
    return {"h": gate(x, h, w) * a + b}


def clipped(x, h, w):
    return {"h": clip(gate(x, h, w) * h, 0.5)}


def normed(x, h, w):
    return {"h": gate(x, h, w) + norm(h, w("gamma"), w("beta"))}


def grown(x, h, w):
    return {"h": exp(gate(x, h, w) * h - 1)}


def measured(x, h, w):
    k = sigmoid(x @ w("k")).called("k")
    return {"h": h + k * (x @ w("y") - h)}


def test_what_a_correction_keeps_is_written_as_one_difference():
    with declared({"Own": measured}):
        found = lv.ledger(trace := run("Own"), None)
    assert (found.factor, found.written) == ("1 − k", "k · x · y")
    np.testing.assert_allclose(found.factors, 1 - trace.gates["k"], rtol=1e-15)
    np.testing.assert_allclose(found.shares.sum(axis=0) + found.initial, found.value, rtol=1e-12, atol=1e-13)


def unread(x, c, h, w):
    f = sigmoid(x @ w("k")).called("f")
    return {"c": f * c + 1 - f, "h": f * tanh(c)}


def squashed(x, h, w):
    f = sigmoid(concat(x, h) @ w("k")).called("f")
    return {"h": f * tanh(h) + 1 - f}


def gated(x, c, h, w):
    f = sigmoid(concat(x, h) @ w("k")).called("f")
    return {"c": f * c + 1 - f, "h": f * tanh(c)}


def gated_inside(x, h, w):
    f = sigmoid(concat(x, h) @ w("k")).called("f")
    return {"h": tanh(x @ w("kernel") + f)}


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (
            gated_inside,
            "h of Own has no ledger: each step makes it anew, and its old value enters through gates alone.$",
        ),
        (unread, "h of Own has no ledger: each step makes it anew, without its old value.$"),
        (
            squashed,
            "h of Own has no ledger, for the activation tanh is between its old value and the new one",
        ),
        (
            gated,
            "h of Own has no ledger: each step makes it anew, and its old value enters through gates alone.$",
        ),
    ],
)
def test_how_the_old_value_enters_a_state_that_is_made_anew_is_said_as_it_is(step, why):
    with declared({"Own": step}), pytest.raises(lv.NoLedger, match=why):
        lv.ledger(run("Own"), 0, state="h")


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (two_of_one, "it and h are made of each other"),
        (squared, "a product of two sums is between"),
        (below, "a quotient is between"),
        (rooted, "a square root is between"),
        (mixed, "a matrix, which mixes the units, is between"),
        (parted, "a split into blocks is between"),
        (clipped, "a clip is between"),
        (normed, "a norm over all units is between"),
        (grown, "an exponential is between"),
    ],
)
def test_a_kind_of_ones_own_has_none_where_its_equation_has_none(step, why):
    with declared({"Own": step}), pytest.raises(lv.NoLedger, match=why):
        lv.ledger(run("Own"), 0)


def test_what_has_a_name_is_held_whatever_it_holds():
    def through_a_name(x, h, w):
        mix = (gate(x, h, w) * h).called("mix")
        return {"h": 0.5 * h + mix @ w("recurrent")}

    with declared({"Own": through_a_name}):
        trace = run("Own")
        found = lv.ledger(trace, 1)
        np.testing.assert_array_equal(found.factors, 0.5)
        expected = trace.gates["mix"] @ trace.cell.weights["recurrent"][:, 1]
        np.testing.assert_allclose(found.writes, expected, atol=1e-12)


def test_the_arrays_cannot_be_written_to():
    found = lv.ledger(make(), 0)
    for name in ("writes", "factors", "survival", "shares"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(found, name)[0] = 1


def test_the_shares_after_every_step_come_one_step_after_the_other_too():
    trace = lv.run(
        lv.build("BasicLSTMCell", 3, 2, seed=1), np.random.default_rng(0).normal(size=(9, 2)), engine="numpy"
    )
    for unit in (None, 2):
        found = ledger(trace, unit)
        at_once, steps = found.over_time(), list(found.each_step())
        np.testing.assert_allclose(
            found.over_time(len(found) // 2), at_once[len(found) // 2 :, len(found) // 2 :], rtol=1e-12
        )
        assert len(steps) == 9
        for step, shares in enumerate(steps):
            np.testing.assert_array_equal(shares, at_once[: step + 1, step])


def test_more_shares_than_memory_holds_are_refused_with_what_to_do(monkeypatch):
    trace = lv.run(lv.build("BasicLSTMCell", 3, 2), np.zeros((9, 2)), engine="numpy")
    monkeypatch.setattr(sys.modules["lstmviz.run.ledger"], "_MOST_SHARES", 242)
    with pytest.raises(ValueError, match=r"243 numbers.*each_step\(\)"):
        ledger(trace, None).over_time()
    assert ledger(trace, 1).over_time().shape == (9, 9)


@pytest.mark.parametrize("given", [None, "trace", np.zeros((3, 2)), lv.build("GRUCell", 2, 2)])
def test_a_ledger_of_what_is_no_run_is_refused(given):
    with pytest.raises(ValueError, match=r"a ledger is of a run; \w+ is none"):
        ledger(given, 0)
