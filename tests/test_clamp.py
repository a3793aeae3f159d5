"""What if a gate or a state had been another number, against an equation that is computed node by node."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.plot.stage import make_number
from lstmviz.run.clamp import read_clamp, say_held
from lstmviz.run.ledger import list_ledgers
from tests.kinds_of_ones_own import STEPS, declared, run
from tests.runs import make_run, runs

SQUASH = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0), "linear": lambda z: z,
    "softplus": lambda z: np.logaddexp(0, z), "exponential": np.exp, "elu": lambda z: np.where(z > 0, z, np.expm1(z)),
    "softsign": lambda z: z / (1 + np.abs(z)), "hard_sigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
    "legacy_hard_sigmoid": lambda z: np.clip(0.2 * z + 0.5, 0, 1), "leaky_relu": lambda z: np.where(z > 0, z, 0.2 * z),
    "silu": lambda z: z / (1 + np.exp(-z)), "gelu": lambda z: 0.5 * z * (1 + np.vectorize(math.erf)(z / math.sqrt(2))),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z)),
}  # fmt: skip


def compute(node, known, cell):
    """A node's numbers at one step, each made of what it is made from, held ones being in `known`."""
    if id(node) in known:
        return known[id(node)]
    args = [compute(each, known, cell) for each in node.args]
    made = {
        "weight": lambda: cell.weights[node.value].astype(float),
        "number": lambda: node.value,
        "option": lambda: cell.options[node.value],
        "called": lambda: args[0],
        "activation": lambda: SQUASH[node.value](args[0]),
        "add": lambda: args[0] + args[1],
        "sub": lambda: args[0] - args[1],
        "mul": lambda: args[0] * args[1],
        "div": lambda: args[0] / args[1],
        "neg": lambda: -args[0],
        "matmul": lambda: args[0] @ args[1],
        "concat": lambda: np.concatenate(args),
        "part": lambda: np.split(args[0], node.value.count)[node.value.index],
        "clip": lambda: np.clip(args[0], -args[1], args[1]),
        "max": lambda: np.maximum(*args),
        "min": lambda: np.minimum(*args),
        "sqrt": lambda: np.sqrt(args[0]),
        "log": lambda: np.log(args[0]),
        "if_zero": lambda: np.where(args[0] == 0, args[1], args[2]),
        "norm": lambda: (args[0] - args[0].mean()) / np.sqrt(args[0].var() + node.value) * args[1] + args[2],
    }[node.op]()
    known[id(node)] = made
    return made


def run_held(cell, x, state, held):
    """Every gate and state, with `held` `{name: [time, size]}`, NaN where free."""
    equation = cell.equation
    state = {name: values.astype(float) for name, values in state.items()}
    found = {name: [] for name in (*equation.gates, *equation.states)}
    for t, row in enumerate(x):
        known = {id(equation.x): row.astype(float)}
        known |= {id(leaf): state[name] for name, leaf in equation.states.items()}
        hold = [(equation.gates[n], n) for n in equation.gates] + [
            (equation.new[n], n) for n in equation.states
        ]
        order = {id(node): at for at, node in enumerate(equation.nodes)}
        for node, name in sorted(hold, key=lambda each: order[id(each[0])]):
            made = compute(node, known, cell)
            if name in held:
                made = np.where(np.isnan(held[name][t]), made, held[name][t])
                known[id(node)] = made
            found[name].append(made)
        state = {name: found[name][-1] for name in equation.states}
    return {name: np.array(values) for name, values in found.items()}


def make_clamp(cell, steps, seed):
    """A clamp in the words of `lv.run`, and the same as arrays."""
    rng = np.random.default_rng(seed)
    sizes = dict.fromkeys(cell.equation.gates, cell.num_units)
    sizes |= {name: cell.state_size(name) for name in cell.kind.states}
    clamp, held = {}, {}
    for name in rng.permutation(sorted(sizes))[: rng.integers(1, 4)].tolist():
        array = np.full((steps, sizes[name]), np.nan)
        if rng.random() < 0.3:
            clamp[name] = array[:] = rng.choice([0.25, 1.0])
        else:
            clamp[name] = {}
            for unit in rng.permutation(sizes[name])[:3].tolist():
                if rng.random() < 0.5:
                    clamp[name][unit] = array[:, unit] = rng.uniform()
                else:
                    at = rng.permutation(steps)[:4].tolist()
                    clamp[name][unit] = {step: rng.uniform() for step in at}
                    array[at, unit] = list(clamp[name][unit].values())
        held[name] = array
    return clamp, held


def assert_held(trace, expected, near):
    for name, values in expected.items():
        recorded = trace.gates if name in trace.gates else trace.states
        scale = max(1.0, float(np.abs(values).max(initial=0)))
        np.testing.assert_allclose(recorded[name], values, rtol=0, atol=near * scale, err_msg=name)


def is_plain(cell):
    """Whether each state is a value of its own."""
    new = list(cell.equation.new.values())
    return len({id(node) for node in new}) == len(new)


@given(runs(compiled=False), st.integers(0, 2**32))
@settings(max_examples=200)
def test_what_is_held_is_what_all_that_comes_after_sees(case, seed):
    assume(case[4] > 0)
    cell, x, state = make_run(*case)
    assume(cell.dtype == np.float64 and is_plain(cell))
    clamp, held = make_clamp(cell, len(x), seed)
    trace = lv.run(cell, x, initial_state=state, engine="numpy", clamp=clamp)
    with np.errstate(all="ignore"):
        expected = run_held(cell, x, state, held)
    assume(all(np.isfinite(values).all() for values in expected.values()))
    assert_held(trace, expected, 1e-9)
    assert set(trace.clamp) == set(held)
    for name, array in held.items():
        np.testing.assert_array_equal(trace.clamp[name], array)


@pytest.mark.parametrize("kind", [k for k in STEPS if k != "OwnStates"])
def test_a_kind_of_ones_own_is_held_too(kind):
    with declared():
        plain = run(kind, steps=8)
        cell, state = plain.cell, plain.initial_state
        gate, unit = next(iter(cell.equation.gates)), 2
        clamp = {gate: {unit: 0.5}, "h": {0: {3: 0.25}}}
        trace = lv.run(cell, plain.x, initial_state=state, engine="numpy", clamp=clamp)
        held = {gate: np.full((8, 5), np.nan), "h": np.full((8, 5), np.nan)}
        held[gate][:, unit], held["h"][3, 0] = 0.5, 0.25
        assert_held(trace, run_held(cell, plain.x, state, held), 1e-12)


CLAMPS = {
    "BasicLSTMCell": {"f": {3: 1.0}},
    "LSTMCell": {"i": 0.5, "c": {0: {2: -1.0}}, "h": {1: 0.0}},
    "GRUCell": {"u": {0: 0.0, 2: {1: 1.0, 7: 1.0}}},
    "LayerNormBasicLSTMCell": {"f": {1: 0.9}},
    "sLSTM": {"f": {2: 0.5}, "n": {0: {3: 2.0}}},
    "minGRU": {"z": {1: 0.3}},
    "minLSTM": {"f": {1: 0.2}},
    "JANET": {"c": {1: -0.5}, "h": {0: 0.25}},
    "IndRNN": {"z": {1: 0.5}},
    "RG-LRU": {"r": 0.25},
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", CLAMPS)
def test_both_engines_hold_the_same(kind, dtype):
    rng = np.random.default_rng(3)
    cell = lv.build(kind, num_units=4, input_size=3, seed=1, dtype=dtype)
    x = rng.normal(size=(40, 3))
    one, other = (lv.run(cell, x, engine=engine, clamp=CLAMPS[kind]) for engine in ("numpy", "tensorflow"))
    near = {"float32": 1e-6, "float64": 1e-13}[dtype]
    for group in ("states", "gates", "preactivations"):
        for name, values in getattr(one, group).items():
            np.testing.assert_allclose(getattr(other, group)[name], values, rtol=near, atol=near)
    for name, array in one.clamp.items():
        np.testing.assert_array_equal(other.clamp[name], array)


@pytest.mark.parametrize(
    ("kind", "clamp"),
    [("BasicLSTMCell", {"f": {3: 1.0}, "h": {129: 0.0}}), ("GRUCell", {"u": {0: 0.5}, "c": {1: {7: 0.25}}})],
)
def test_a_wide_cell_whose_products_come_in_pieces_holds_the_same(kind, clamp):
    cell = lv.build(kind, num_units=130, input_size=3, seed=1, dtype="float64")
    x = np.random.default_rng(3).normal(size=(30, 3))
    one, other = (lv.run(cell, x, engine=engine, clamp=clamp) for engine in ("numpy", "tensorflow"))
    for group in ("states", "gates", "preactivations"):
        for name, values in getattr(one, group).items():
            np.testing.assert_allclose(getattr(other, group)[name], values, rtol=0, atol=1e-12)


def make(clamp=None, kind="BasicLSTMCell", steps=12, engine="numpy", **options):
    cell = lv.build(kind, num_units=4, input_size=3, seed=0, dtype="float64", **options)
    return lv.run(cell, np.random.default_rng(0).normal(size=(steps, 3)), engine=engine, clamp=clamp)


def test_an_open_forget_gate_forgets_nothing():
    trace = make({"f": {3: 1.0}})
    np.testing.assert_array_equal(trace.gates["f"][:, 3], 1)
    written = np.cumsum(trace.gates["i"][:, 3] * trace.gates["j"][:, 3])
    np.testing.assert_allclose(trace.states["c"][:, 3], written, atol=1e-14)
    np.testing.assert_allclose(trace.gates["f"][0, :3], make().gates["f"][0, :3])


def test_the_preactivation_is_what_the_gate_would_be_made_from():
    trace = make({"f": {3: {4: 1.0}}})
    assert trace.preactivations["f"][4, 3] == pytest.approx(make().preactivations["f"][4, 3])
    assert trace.terms("f", 3).products.sum(axis=1) == pytest.approx(trace.preactivations["f"][:, 3])


def test_what_is_held_has_no_terms_and_says_what_it_would_be():
    trace = make({"f": {3: {4: 1.0}}})
    with pytest.raises(lv.NoSum, match=r"f\[3\] is held at 1 at step 4"):
        trace.explain(4, "f", 3)
    free = make().gates["f"][4, 3]
    assert trace.inside(4, "f", 3).sentence.startswith(
        "f is held at 1 at this step; else it would be σ(Σ_f) = σ("
    )
    assert trace.inside(4, "f", 3).sentence.endswith(f"= {free:.4g}.")
    assert trace.explain(5, "f", 3).sum == pytest.approx(trace.preactivations["f"][5, 3])
    assert trace.explain(4, "f", 2).sum == pytest.approx(trace.preactivations["f"][4, 2])


def test_a_state_is_held_from_the_first_step_on_but_not_before_it():
    trace = make({"h": {1: 0.0}})
    np.testing.assert_array_equal(trace.states["h"][:, 1], 0)
    assert trace.is_clamped(0, "h", 1) and not trace.is_clamped(0, "h", 0)
    assert trace.states["c"][:, 1].any()


def test_a_peephole_sees_the_held_c():
    trace = make({"c": {1: 5.0}}, "LSTMCell", use_peepholes=True)
    names = [term.name for term in trace.explain(3, "o", 1).terms]
    (peephole,) = [t for t in trace.explain(3, "o", 1).terms if t.name == "c[1]"]
    assert peephole.value == 5.0, names


def test_nothing_held_is_a_run_as_any_other():
    for clamp in (None, {}, {"f": {}}, {"f": {1: {}}}):
        trace = make(clamp)
        assert not trace.clamp
        np.testing.assert_array_equal(trace.states["h"], make().states["h"])


def test_a_state_that_is_another_one_too_is_held_alone():
    from lstmviz.equation import concat, tanh

    def twins(x, h, last, w):
        new = tanh(concat(x, h, last) @ w("kernel")).called("new")
        return {"h": 0.5 * h + new, "last": h}

    with declared({"Twins": twins}):
        cell = lv.build("Twins", num_units=3, input_size=2, seed=0)
        x = np.random.default_rng(0).normal(size=(5, 2))
        plain, held = (lv.run(cell, x, engine="numpy", clamp=c) for c in (None, {"last": 9.0}))
        np.testing.assert_array_equal(held.states["last"], 9)
        np.testing.assert_allclose(held.states["h"][0], plain.states["h"][0])
        assert held.explain(1, "new", 0).sum == pytest.approx(held.preactivations["new"][1, 0], abs=1e-6)
        other = lv.run(cell, x, clamp={"last": 9.0})
        np.testing.assert_allclose(other.states["h"], held.states["h"], atol=1e-6)


def test_a_long_run_in_pieces_holds_the_right_steps():
    cell = lv.build("GRUCell", num_units=4, input_size=3, seed=0)
    x = np.random.default_rng(0).normal(size=(9000, 3))
    clamp = {"u": {0: dict.fromkeys(range(8000, 8100), 0.5)}, "h": {1: {5000: 0.25}}}
    pieces = []
    whole = lv.run(cell, x, clamp=clamp)
    parts = lv.run(cell, x, clamp=clamp, progress=lambda done, steps: pieces.append(done))
    assert pieces
    np.testing.assert_allclose(parts.states["h"], whole.states["h"], atol=1e-6)
    np.testing.assert_array_equal(parts.gates["u"][8000:8100, 0], 0.5)


@pytest.mark.parametrize("kind", ["BasicLSTMCell", "GRUCell", "sLSTM", "IndRNN"])
def test_the_gradient_is_that_of_the_held_run(kind):
    gate = next(iter(lv.KINDS[kind].equation({o.name: o.default for o in lv.KINDS[kind].options}).gates))
    clamp = {gate: {2: 0.5}, "h": {1: {3: 0.25}}}
    plain = make(None, kind, steps=6)
    cell, x = plain.cell, plain.x

    def end(x):
        return lv.run(cell, x, engine="numpy", clamp=clamp).states["h"][-1, 0]

    found = lv.gradients(lv.run(cell, x, engine="numpy", clamp=clamp), unit=0)
    for t, feature in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[t, feature] = 1e-6
        slope = (end(x + step) - end(x - step)) / 2e-6
        assert found.x[t, feature] == pytest.approx(slope, abs=1e-7), (t, feature)


def test_what_is_held_depends_on_nothing():
    found = lv.gradients(make({"h": {2: 0.5}}), unit=2)
    assert found.x.shape == (12, 3)
    assert not found.x.any()


@pytest.mark.parametrize("kind", ["BasicLSTMCell", "GRUCell", "sLSTM", "IndRNN", "minLSTM"])
def test_the_ledger_is_that_of_the_held_run(kind):
    names = list(lv.KINDS[kind].gates)
    state = "c" if "c" in lv.KINDS[kind].states else "h"
    clamp = {
        names[0].name: {0: 0.5},
        names[1 % len(names)].name: {0: 0.25, 1: {4: 0.75}},
        state: {2: {5: 0.25}},
    }
    trace = make(clamp, kind)
    for name in list_ledgers(trace.cell):
        for unit in range(4):
            found = lv.ledger(trace, unit, state=name)
            assert found.shares.sum() + found.initial == pytest.approx(found.value, abs=1e-12)
    found = lv.ledger(trace, 2, state=state)
    np.testing.assert_array_equal(found.shares[:5], 0)
    assert found.writes[5] == 0.25


def test_what_would_be_untrue_of_a_held_number_is_refused():
    trace = make({"f": {3: {4: 1.0}}})
    with pytest.raises(ValueError, match="the run held f, which no framework's equations do"):
        lv.layouts.prove(trace, "keras")
    with pytest.raises(ValueError, match=r"f\[3\] is held at step 4"):
        lv.plot.step(trace, 4, 3)
    with pytest.raises(ValueError, match=r"f\[3\] is held at step 4"):
        lv.plot.step_frames(trace, 3, 0)
    assert lv.plot.step(trace, 5, 3).data and lv.plot.step(trace, 4, 2).data
    assert "f is held at 1.00;" in lv.plot.describe_step(trace, 4, 3)


def test_a_held_number_that_is_clicked_says_that_it_is_held():
    trace = make({"f": {3: {4: 1.0}}, "c": {2: {4: 0.5}}})
    assert make_number(trace, 4, "c", 2)["lines"] == ["c is held at 0.50 at this step."]
    assert make_number(trace, 4, "f", 3)["lines"][0].startswith("f is held at 1 at this step;")
    assert make_number(trace, 5, "c", 2)["lines"][0].startswith("c_t = f · c_{t-1} + i · j")
    # The state that a held gate makes is what its formula says of the held number.
    assert "1.00 · " in make_number(trace, 4, "c", 3)["lines"][0]


def test_the_gates_figure_says_what_is_held():
    trace = make({"f": {3: 1.0}, "h": {0: 0.25, 1: 0.5}})
    said = [note.text for note in lv.plot.gates(trace).layout.annotations]
    assert any("held by the run: f[3]=1, h" in text for text in said)
    assert "The run held f[3]=1, h." in lv.plot.describe_gates(trace)
    assert not any("held" in note.text for note in lv.plot.gates(make()).layout.annotations)
    assert "held" not in lv.plot.describe_gates(make())


def test_two_runs_are_told_apart_by_what_is_held():
    held, other = make({"f": {3: 1.0}}), make({"f": {3: 0.5}})
    assert lv.compare(make(), held).labels == ("nothing held", "held: f[3]=1")
    assert lv.compare(held, other).labels == ("held: f[3]=1", "held: f[3]=0.5")
    assert not lv.compare(held, held).holds_others
    many = make({"f": {3: {1: 0.5, 2: 0.25}}})
    few = make({"f": {3: {1: 0.25, 2: 0.5}}})
    assert "a and b differ in what is held of f alone" in lv.plot.describe_compare(lv.compare(many, few))


def test_a_range_stands_for_its_units_and_its_steps():
    one = make({"f": {range(1, 3): {range(4, 7): 0.5}, 2: {5: 0.25}}, "h": {range(4): 0.0}})
    other = make(
        {
            "f": {1: {4: 0.5, 5: 0.5, 6: 0.5}, 2: {4: 0.5, 5: 0.25, 6: 0.5}},
            "h": {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0},
        }
    )
    assert one.clamp.keys() == other.clamp.keys() == {"f", "h"}
    for name, held in other.clamp.items():
        np.testing.assert_array_equal(one.clamp[name], held)
    assert one.is_clamped(6, "f", 2) and not one.is_clamped(7, "f", 2) and not one.is_clamped(4, "f", 3)


@pytest.mark.parametrize(
    ("clamp", "said"),
    [
        ({"f": {3: 1.0}}, "f[3]=1"),
        ({"f": {3: {4: 1.0}}}, "f[3]=1 (at step 4)"),
        ({"f": {range(4): {range(4, 7): 1.0}}}, "f=1 (at the steps 4 to 6)"),
        ({"f": {3: {4: 1.0, 6: 0.5}}}, "f[3] (at some steps from 4 to 6)"),
    ],
)
def test_at_which_steps_a_run_held_something_is_said(clamp, said):
    assert say_held(make(clamp).clamp) == said


@pytest.mark.parametrize(
    ("clamp", "sentence"),
    [
        ({"q": 1.0}, "clamp has q; BasicLSTMCell has the gates i, j, f, o and the states c, h"),
        ({"f": {4: 1.0}}, "clamp f has 4; it must be 0 to 3"),
        ({"f": {-1: 1.0}}, "clamp f has -1; it must be 0 to 3"),
        ({"f": {True: 1.0}}, "clamp f has True; it must be 0 to 3"),
        ({"f": {"3": 1.0}}, "clamp f has '3'; it must be 0 to 3"),
        ({"f": {3: {12: 1.0}}}, r"clamp f\[3\], step has 12; it must be 0 to 11"),
        ({"f": {range(2, 5): 1.0}}, "clamp f has 4; it must be 0 to 3"),
        ({"f": {range(0): 1.0}}, r"clamp f has range\(0, 0\); a range must go up in ones, and not be empty"),
        ({"f": {range(0, 4, 2): 1.0}}, "a range must go up in ones"),
        ({"f": {3: {range(10, 13): 1.0}}}, r"clamp f\[3\], step has 12; it must be 0 to 11"),
        ({"f": {3: math.nan}}, r"clamp holds f\[3\] at nan; it must be a finite number"),
        ({"f": {3: {1: math.inf}}}, r"clamp holds f\[3\] at inf; it must be a finite number"),
        ({"f": {3: 10**400}}, r"clamp holds f\[3\] at 1000.*; it must be a finite number"),
        ({"f": "open"}, "clamp holds f at 'open'; it must be a finite number"),
        ({"f": {3: True}}, r"clamp holds f\[3\] at True; it must be a finite number"),
        ({"f": {3: [1.0]}}, r"clamp holds f\[3\] at \[1.0\]; it must be a finite number"),
    ],
)
@pytest.mark.parametrize("engine", ["numpy", "tensorflow"])
def test_what_cannot_be_held_is_said(clamp, sentence, engine):
    with pytest.raises(ValueError, match=sentence):
        make(clamp, engine=engine)


def test_a_float32_holds_no_number_that_it_has_not():
    cell = lv.build("BasicLSTMCell", num_units=4, input_size=3)
    with pytest.raises(ValueError, match="clamp holds f at 1e\\+39; it must be a finite number"):
        lv.run(cell, np.zeros((2, 3)), engine="numpy", clamp={"f": 1e39})


def test_a_clamp_is_a_mapping():
    with pytest.raises(ValueError, match="clamp is list; it must be a mapping"):
        read_clamp(make().cell, [1.0], 12)


def test_no_steps_hold_nothing():
    assert not make({"f": {3: 1.0}}, steps=0).clamp


def test_one_loop_serves_whatever_is_held():
    from lstmviz.run import engine

    make({"f": {3: 1.0}}, engine="tensorflow")
    traced = engine._compiled.cache_info().misses
    for clamp in ({"i": {0: 0.5}}, {"h": {1: 0.0}, "c": {2: 1.0}}, {"o": 1.0}):
        found, expected = (make(clamp, engine=name) for name in ("tensorflow", "numpy"))
        np.testing.assert_allclose(found.states["h"], expected.states["h"], atol=1e-13)
        assert set(found.clamp) == set(clamp)
    assert engine._compiled.cache_info().misses == traced


def test_what_is_computed_in_another_way_with_something_held_carries_that_alone():
    from lstmviz.run.clamp import read_clamp, widen

    for kind, names in (("BasicLSTMCell", ["i", "j", "f", "o", "c", "h"]), ("minLSTM", ["f"])):
        cell = lv.build(kind, num_units=4, input_size=3)
        assert list(widen(cell, read_clamp(cell, {"f": {1: 0.2}}, 5), 5)) == names
        assert not widen(cell, read_clamp(cell, None, 5), 5)
    large = lv.build("BasicLSTMCell", num_units=512, input_size=1, initial_weights="zeros")
    assert list(widen(large, read_clamp(large, {"f": {1: 0.2}}, 1000), 1000)) == ["f"]
