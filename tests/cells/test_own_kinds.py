"""Kinds of one's own, odd ones too: each has what follows from its equation, or is refused with a sentence."""

import itertools

import numpy as np
import pytest

import lstmviz as lv
from lstmviz import cells
from lstmviz.cells.kind import make_kind
from lstmviz.equation import activate, clip, concat, exp, log, norm, sigmoid, split, tanh
from tests.kinds_of_ones_own import apart

UNITS, INPUTS = 3, 2
counted = itertools.count()


@pytest.fixture
def declare():
    """Declares a kind that is gone after the test, and gives its name."""

    def declare(step):
        name = f"Own{next(counted)}"
        lv.kind(name)(step)
        return name

    with apart():
        yield declare


def squash(z):
    return 1 / (1 + np.exp(-z))


# --- Each as an equation, and as a step in NumPy ----------------------------------------------------------------------


def two_heights(x, h, w):
    f = sigmoid(concat(x, h) @ w("a") + w("b")).called("f")
    return {"h": f * h + (1 - f) * tanh(x @ w("k")).called("g")}


def two_heights_plain(x, s, w):
    f, g = squash(np.r_[x, s["h"]] @ w["a"] + w["b"]), np.tanh(x @ w["k"])
    return {"h": f * s["h"] + (1 - f) * g}


def gate_of_a_gate(x, h, w):
    f = sigmoid(concat(x, h) @ w("kernel")).called("f")
    return {"h": f * h + tanh(f * w("v") + 2.0).called("g")}


def gate_of_a_gate_plain(x, s, w):
    f = squash(np.r_[x, s["h"]] @ w["kernel"])
    return {"h": f * s["h"] + np.tanh(f * w["v"] + 2.0)}


def no_kernel(x, h, w):
    f = sigmoid(w("v") * h + w("b")).called("f")
    return {"h": f * h + 0.1}


def no_kernel_plain(x, s, w):
    return {"h": squash(w["v"] * s["h"] + w["b"]) * s["h"] + 0.1}


def another_letter(x, q, h, w):
    f = sigmoid(concat(h, q, x) @ w("kernel") + w("bias")).called("f")
    q = f * q + (1 - f) * tanh(h)
    return {"q": q, "h": tanh(q)}


def another_letter_plain(x, s, w):
    f = squash(np.r_[s["h"], s["q"], x] @ w["kernel"] + w["bias"])
    q = f * s["q"] + (1 - f) * np.tanh(s["h"])
    return {"q": q, "h": np.tanh(q)}


def matrix_of_a_gate(x, h, w):
    f = sigmoid(x @ w("k")).called("f")
    return {"h": f * h + tanh(f @ w("u")).called("g")}


def matrix_of_a_gate_plain(x, s, w):
    f = squash(x @ w["k"])
    return {"h": f * s["h"] + np.tanh(f @ w["u"])}


def one_weight_twice(x, h, w):
    f = sigmoid(x @ w("k") + h @ w("u")).called("f")
    return {"h": f * h + tanh(x @ w("k")).called("g")}


def one_weight_twice_plain(x, s, w):
    f = squash(x @ w["k"] + s["h"] @ w["u"])
    return {"h": f * s["h"] + np.tanh(x @ w["k"])}


def a_block_without_a_gate(x, h, w):
    a, b, c = split("abc", concat(x, h) @ w("k") + w("b"))
    return {"h": tanh(a).called("a") * sigmoid(c).called("c") + 0.1 * b}


def a_block_without_a_gate_plain(x, s, w):
    a, b, c = np.split(np.r_[x, s["h"]] @ w["k"] + w["b"], 3)
    return {"h": np.tanh(a) * squash(c) + 0.1 * b}


def one_split_twice(x, h, w):
    z = x @ w("k")
    a, b = split("ab", z)
    c, d = split("cd", z)
    return {"h": sigmoid(a + 1.0).called("a") * tanh(c).called("c") * b * d + 0.1 * h}


def one_split_twice_plain(x, s, w):
    a, b = np.split(x @ w["k"], 2)
    return {"h": squash(a + 1.0) * np.tanh(a) * b * b + 0.1 * s["h"]}


def blocks_and_their_whole(x, h, w):
    z = x @ w("k")
    a, b = split("ab", z)
    return {"h": sigmoid(a + 1.0).called("a") * tanh(b).called("b") + z @ w("p")}


def blocks_and_their_whole_plain(x, s, w):
    z = x @ w["k"]
    a, b = np.split(z, 2)
    return {"h": squash(a + 1.0) * np.tanh(b) + z @ w["p"]}


def blocks_of_an_activation(x, h, w):
    a, b = split("ab", activate("hard_sigmoid", x @ w("k")))
    return {"h": (a + 1.0).called("a") * h + b.called("b")}


def blocks_of_an_activation_plain(x, s, w):
    a, b = np.split(np.clip(x @ w["k"] / 6 + 0.5, 0, 1), 2)
    return {"h": (a + 1.0) * s["h"] + b}


def one_factor_a_unit(x, h, w):
    return {"h": sigmoid(x @ w("k")).called("f") * h * exp(2.0 * w("alpha")) + 0.2}


def one_factor_a_unit_plain(x, s, w):
    return {"h": squash(x @ w["k"]) * s["h"] * np.exp(2.0 * w["alpha"]) + 0.2}


def a_norm_of_numbers(x, h, w):
    return {"h": tanh(norm(x @ w("k"), 1.0, 0.0)).called("f") * log(2.0) + 0.5 * h}


def a_norm_of_numbers_plain(x, s, w):
    z = x @ w["k"]
    return {"h": np.tanh((z - z.mean()) / np.sqrt(z.var() + 1e-12)) * np.log(2.0) + 0.5 * s["h"]}


def states_that_are_others(x, a, b, k, h, w):
    f = sigmoid(concat(x, h) @ w("kernel") + k).called("f")
    new = f * a + (1 - f) * tanh(x @ w("v"))
    return {"a": h, "b": new, "k": w("k"), "h": new}


def states_that_are_others_plain(x, s, w):
    f = squash(np.r_[x, s["h"]] @ w["kernel"] + s["k"])
    new = f * s["a"] + (1 - f) * np.tanh(x @ w["v"])
    return {"a": s["h"], "b": new, "k": w["k"], "h": new}


def a_gate_that_is_a_state(x, c, h, w):
    k = c.called("k")
    f = sigmoid(x @ w("kernel") + h).called("f")
    return {"c": f * c + (1 - f) * h, "h": f * k}


def a_gate_that_is_a_state_plain(x, s, w):
    f = squash(x @ w["kernel"] + s["h"])
    return {"c": f * s["c"] + (1 - f) * s["h"], "h": f * s["c"]}


ODD = [
    (two_heights, two_heights_plain),
    (gate_of_a_gate, gate_of_a_gate_plain),
    (no_kernel, no_kernel_plain),
    (another_letter, another_letter_plain),
    (matrix_of_a_gate, matrix_of_a_gate_plain),
    (one_weight_twice, one_weight_twice_plain),
    (a_block_without_a_gate, a_block_without_a_gate_plain),
    (one_split_twice, one_split_twice_plain),
    (blocks_and_their_whole, blocks_and_their_whole_plain),
    (blocks_of_an_activation, blocks_of_an_activation_plain),
    (one_factor_a_unit, one_factor_a_unit_plain),
    (a_norm_of_numbers, a_norm_of_numbers_plain),
    (states_that_are_others, states_that_are_others_plain),
    (a_gate_that_is_a_state, a_gate_that_is_a_state_plain),
]


NO_SUMS = {blocks_of_an_activation: {"a", "b"}, a_norm_of_numbers: {"f"}}


def draw(name, seed=0):
    rng = np.random.default_rng(seed)
    cell = lv.build(name, UNITS, INPUTS, dtype="float64")
    weights = {each: rng.normal(size=weight.shape) / 2 for each, weight in cell.weights.items()}
    start = {state: rng.normal(size=UNITS) for state in cell.kind.states}
    return (
        lv.build(name, UNITS, INPUTS, dtype="float64", weights=weights),
        rng.normal(size=(4, INPUTS)),
        start,
    )


def run_plain(plain, cell, x, start):
    rows = []
    states = start
    for row in x:
        states = plain(row, states, cell.weights)
        rows.append(states)
    return {name: np.array([each[name] for each in rows]) for name in start}


@pytest.mark.parametrize(("step", "plain"), ODD)
def test_an_odd_kind_runs_as_its_equation_says(step, plain, declare):
    cell, x, start = draw(declare(step))
    expected = run_plain(plain, cell, x, start)
    for engine in ({"engine": "numpy"}, {"device": "CPU:0"}):
        trace = lv.run(cell, x, initial_state=start, **engine)
        for name, values in expected.items():
            np.testing.assert_allclose(trace.states[name], values, rtol=1e-12, atol=1e-12)
    found = lv.gradients(trace, unit=1)
    for place in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        for each, by in zip(moved, (1e-5, -1e-5), strict=True):
            each[place] += by
        up, down = (run_plain(plain, cell, each, start)["h"][-1, 1] for each in moved)
        assert found.x[place] == pytest.approx((up - down) / 2e-5, abs=1e-8)


@pytest.mark.parametrize("initial_weights", cells.INITIAL_WEIGHTS)
@pytest.mark.parametrize(("step", "_plain"), ODD)
def test_an_odd_kind_has_all_initial_weights(step, _plain, initial_weights, declare):
    cell = lv.build(declare(step), 5, 4, initial_weights=initial_weights)
    assert all(np.isfinite(weight).all() for weight in cell.weights.values())


def test_a_weight_starts_as_said_else_as_what_changes_nothing_where_it_stands(declare):
    def step(x, h, w):
        z = (
            w("before")
            + x @ w("kernel")
            - w("after")
            + w("said", -0.25)
            + w("said")
            - w("twice") * w("twice")
        )
        f = sigmoid(norm(z, w("gamma"), w("beta"))).called("f")
        return {"h": f * h + w("minuend") - h + norm(w("both") * h, w("both"), 0.0)}

    weights = lv.build(declare(step), UNITS, INPUTS, initial_weights="random_normal", seed=1).weights
    constants = {"before": 0.0, "after": 0.0, "said": -0.25, "gamma": 1.0, "beta": 0.0, "minuend": 0.0}
    for name, value in constants.items():
        np.testing.assert_array_equal(weights[name], np.full(UNITS, value), err_msg=name)
    for name in set(weights) - set(constants):
        assert np.unique(weights[name]).size == weights[name].size, name


@pytest.mark.parametrize(("step", "_plain"), ODD)
def test_what_is_explained_of_an_odd_kind_is_what_ran(step, _plain, declare):
    cell, x, start = draw(declare(step))
    trace = lv.run(cell, x, initial_state=start, engine="numpy")
    for name in sorted({gate.name for gate in cell.kind.gates} - NO_SUMS.get(step, set())):
        explained = trace.explain(2, name, 1)
        assert explained.sum == pytest.approx(explained.preactivation, rel=1e-12, abs=1e-12)
    for name in NO_SUMS.get(step, ()):
        with pytest.raises(ValueError, match="is no sum of terms"):
            trace.explain(2, name, 1)


@pytest.mark.parametrize(("step", "_plain"), ODD)
def test_the_gates_of_an_odd_kind_have_their_figure(step, _plain, declare):
    cell, x, start = draw(declare(step))
    assert lv.plot.gates(lv.run(cell, x, initial_state=start, engine="numpy")).data


# --- The kernel as one matrix ----------------------------------------------------------------------------------------


def test_a_gate_that_sees_x_alone_has_zeros_in_the_rows_of_h(declare):
    cell, _x, _start = draw(declare(two_heights))
    assert cell.kernel.shape == (INPUTS + UNITS, 2 * UNITS)
    np.testing.assert_array_equal(cell.gate("f").kernel, cell.weights["a"])
    np.testing.assert_array_equal(cell.gate("g").kernel_x, cell.weights["k"])
    assert not cell.gate("g").kernel_h.any()
    np.testing.assert_array_equal(cell.bias, np.r_[cell.weights["b"], np.zeros(UNITS)])


def test_a_gate_of_another_gate_alone_has_zeros_for_a_kernel(declare):
    cell, _x, _start = draw(declare(gate_of_a_gate))
    np.testing.assert_array_equal(cell.gate("f").kernel, cell.weights["kernel"])
    assert not cell.gate("g").kernel.any()
    assert cell.offsets["g"] == {"2": 2.0}


def test_the_rows_of_x_stand_above_those_of_h_and_these_above_other_states(declare):
    cell, _x, _start = draw(declare(another_letter))
    assert dict(cell.rows) == {"x": slice(0, 2), "h": slice(2, 5), "q": slice(5, 8)}
    of_h, of_q, of_x = np.split(cell.weights["kernel"], [UNITS, 2 * UNITS])
    np.testing.assert_array_equal(cell.kernel, np.vstack([of_x, of_h, of_q]))


def test_a_block_that_no_gate_is_made_of_is_left_out_of_the_joined_kernel(declare):
    cell, _x, _start = draw(declare(a_block_without_a_gate))
    a, _b, c = np.split(cell.weights["k"], 3, axis=1)
    np.testing.assert_array_equal(cell.kernel, np.hstack([a, c]))


def test_a_weight_that_two_gates_share_stands_in_the_columns_of_both(declare):
    cell, _x, _start = draw(declare(one_weight_twice))
    np.testing.assert_array_equal(cell.gate("f").kernel, np.vstack([cell.weights["k"], cell.weights["u"]]))
    np.testing.assert_array_equal(cell.gate("g").kernel_x, cell.weights["k"])


def test_rows_that_meet_a_gate_stand_in_no_joined_kernel(declare):
    cell, _x, _start = draw(declare(matrix_of_a_gate))
    assert not cell.rows
    with pytest.raises(ValueError, match=r"no single kernel: the gate g takes from u .* cell.weights"):
        cell.gate("g")


def another_state_through_a_gate(x, q, h, w):
    r = sigmoid(concat(x, h) @ w("r/kernel")).called("r")
    c = tanh(concat(x, r * q) @ w("c/kernel")).called("c")
    return {"q": r * q + (1 - r) * c, "h": tanh(q)}


def test_rows_that_meet_a_state_through_a_gate_are_that_states(declare):
    cell, x, start = draw(declare(another_state_through_a_gate))  # r itself is made from h
    np.testing.assert_array_equal(
        cell.kernel[cell.rows["q"], cell.columns("c")], cell.weights["c/kernel"][INPUTS:]
    )
    assert not cell.gate("c").kernel[cell.rows["h"]].any()
    assert [each.meets for each in cell.kind.variables] == [("x", "h"), ("x", "q")]
    explained = lv.run(cell, x, initial_state=start, engine="numpy").explain(2, "c", 1)
    assert [term.name for term in explained.terms][INPUTS:] == [
        f"r[{unit}] * q[{unit}]" for unit in range(UNITS)
    ]


def of_a_new_state(x, s, h, w):
    s = 0.9 * s + 0.1 * (x @ w("in"))
    return {"s": s, "h": sigmoid(s @ w("p") + x @ w("k")).called("z")}


def test_rows_that_meet_a_new_state_are_that_states(declare):
    cell, _x, _start = draw(declare(of_a_new_state))
    assert dict(cell.rows) == {"x": slice(0, 2), "s": slice(2, 5)}
    np.testing.assert_array_equal(cell.kernel, np.vstack([cell.weights["k"], cell.weights["p"]]))
    assert {each.name: each.meets for each in cell.kind.variables} == {"in": ("x",), "p": ("s",), "k": ("x",)}


def of_two_states(x, c, h, w):
    f = sigmoid(concat(x, c + h) @ w("kernel") + w("bias")).called("f")
    return {"c": f * c, "h": f * h}


def of_a_state_and_a_gate(x, h, w):
    g = tanh(x @ w("k")).called("g")
    return {"h": sigmoid((g + (1 - g) * h) @ w("kernel")).called("f") * h}


def of_x_through_a_layer(x, h, w):
    e = tanh(x @ w("embed"))
    f = sigmoid(concat(e, h) @ w("kernel")).called("f")
    return {"h": f * h + e}


@pytest.mark.parametrize(
    "step", [of_two_states, of_a_state_and_a_gate, of_x_through_a_layer, matrix_of_a_gate]
)
def test_rows_that_meet_what_is_no_state_and_not_x_stand_in_no_joined_kernel_whatever_their_number(
    step, declare
):
    cell = lv.build(declare(step), num_units=3, input_size=3)
    assert not cell.rows and "has no single kernel" in cell.why_no_kernel
    (kernel,) = [each for each in cell.kind.variables if each.name in ("kernel", "u")]
    assert "" in kernel.meets and not kernel.is_hidden


def test_what_no_state_and_no_x_is_in_stands_alone_among_the_terms(declare):
    def step(x, h, w):
        z = x @ w("k") + w("b") + 2.0 * w("v") + exp(w("a")) + 0.5
        return {"h": sigmoid(z - h).called("f") * h}

    cell, x, start = draw(declare(step))
    trace = lv.run(cell, x, initial_state=start, engine="numpy")
    terms = trace.terms("f", 1)
    np.testing.assert_allclose(
        terms.products.sum(axis=1), trace.preactivations["f"][:, 1], rtol=1e-12, atol=1e-12
    )
    assert dict(zip(terms.names, terms.alone, strict=True)) == {
        "x[0]": False, "x[1]": False, "bias": True, "0.5": True, "2 · v": True, "exp(a)": True, "h[1]": False,
    }  # fmt: skip


def test_a_kind_without_a_kernel_says_so(declare):
    cell, _x, _start = draw(declare(no_kernel))
    with pytest.raises(ValueError, match=r"has no kernel: no gate is made from a product"):
        cell.kernel  # noqa: B018


def test_a_layer_is_not_folded_where_nothing_holds_its_bias(declare):
    with pytest.raises(ValueError, match=r"has no bias beside each product with x"):
        lv.fold(lv.build_linear(4, INPUTS), draw(declare(gate_of_a_gate))[0])


# --- What is refused ---------------------------------------------------------------------------------------------------


def gate(x, w, name="f"):
    return tanh(x @ w("k")).called(name)


REFUSED = {
    r"a gate is called h, as the state": lambda x, h, w: {"h": gate(x, w, "h")},
    r"a gate is called x, as the state or x": lambda x, h, w: {"h": gate(x, w, "x")},
    r"two values are called f": lambda x, h, w: {"h": gate(x, w) * gate(x, w)},
    r"a gate is called 3; it must be a letter": lambda x, h, w: {"h": gate(x, w, 3)},
    r"gives \['h'\]; it must give the new states": lambda x, h, w: {"h": 0.5},
    r"gives f\(tanh\(x @ k\)\)": lambda x, h, w: gate(x, w),
    r"gives None; it must": lambda x, h, w: None,
    r"gives \['c', 'h'\]; it must give the new states by name: h": lambda x, h, w: {"h": gate(x, w), "c": h},
    r"is a function of \(h, x, w\)": lambda h, x, w: {"h": gate(x, w)},
    r"is a function of \(x, h\)": lambda x, h: {"h": x},
    r"is a function of \(x, c, w\)": lambda x, c, w: {"c": gate(x, w)},
    r"is a function of \(x, \*h\)": lambda x, *h, w: {"h": gate(x, w)},
    r"is a function of \(x, h, w, \*\*more\)": lambda x, h, w, **more: {"h": gate(x, w)},
    r"the option a has no default": lambda x, h, w, *, a: {"h": gate(x, w)},
    r"mode is 'fast'; a text among the options": lambda x, h, w, *, mode="fast": {"h": gate(x, w)},
    r"n is 2; an option's default is True": lambda x, h, w, *, n=2: {"h": gate(x, w)},
    r"has the gate g only with the option more": (
        lambda x, h, w, *, more=False: {"h": gate(x, w) * (sigmoid(h @ w("u")).called("g") if more else 1.0)}
    ),
    r"nothing in the equation has a name": lambda x, h, w: {"h": tanh(x @ w("k"))},
    r"the equation has no weights": lambda x, h, w: {"h": tanh(h).called("f")},
    r"no state depends on q": lambda x, h, w: (w("q"), {"h": gate(x, w)})[1],
    r"a vector of input_size \+ num_units meets one of input_size": (
        lambda x, h, w: {"h": tanh(concat(x, h) @ w("k")).called("g") * gate(x, w)}
    ),
    r"k is a matrix, and stands in .* as a vector": lambda x, h, w: {"h": gate(x, w) * w("k")},
    r"a vector of input_size meets one of num_units": lambda x, h, w: {"h": gate(x, w) + x * h},
    r"concat\(x, 1.0\) has a number where a vector must be": (
        lambda x, h, w: {"h": tanh(concat(x, 1.0) @ w("k")).called("f")}
    ),
    r"a vector of num_units meets one of 2 \*": (
        lambda x, h, w: {"h": gate(x, w) + concat(*split("ab", h))}
    ),
    r"nothing says how many numbers k1 has": lambda x, h, w: {"h": tanh(x @ w("k1") @ w("k2")).called("f")},
    r"the right side of @ is h; it must be weights": lambda x, h, w: {"h": ((x @ w("k")) @ h).called("f")},
    r"cannot be read: .*ufuncs": lambda x, h, w: {"h": np.tanh(x @ w("k")).called("f")},
    r"cannot be read: .*\*\*": lambda x, h, w: {"h": (gate(x, w) ** 2)},
    r"decides nothing by the numbers": lambda x, h, w: {"h": max(h, gate(x, w))},
    r"decides nothing by the numbers that": lambda x, h, w: {"h": gate(x, w) * float(h)},
    r"activation is 'swish'; it must be one of tanh": (
        lambda x, h, w: {"h": activate("swish", x @ w("k")).called("f")}
    ),
    r"the weight k starts as 'zeros'": lambda x, h, w: {"h": tanh(x @ w("k", "zeros")).called("f")},
    r"a weight is called '/k'; between its slashes": lambda x, h, w: {"h": tanh(x @ w("/k")).called("f")},
    r"a weight is called 'a;b'; it must have no semicolon": lambda x, h, w: {"h": tanh(x @ w("a;b")).called("f")},
    r"a weight is called ' k'; it must have no": lambda x, h, w: {"h": tanh(x @ w(" k")).called("f")},
    r"a weight is called 'k\\n'; it must have no": lambda x, h, w: {"h": tanh(x @ w("k\n")).called("f")},
    r"a weight is called 'a/../k'; between": lambda x, h, w: {"h": tanh(x @ w("a/../k")).called("f")},
    r"decides nothing by the numbers that run": lambda x, h, w: {"h": h if h == 0 else gate(x, w)},
    r"the blocks of a split are called x @ k; each": lambda x, h, w: {"h": split(x @ w("k"), "ab")[0].called("f")},
    r"the blocks of a split are called 2; each": lambda x, h, w: {"h": split(2, x @ w("k"))[0].called("f")},
    r"the title of f is 3, and its role ''; both": lambda x, h, w: {"h": tanh(x @ w("k")).called("f", 3)},
    r"the right side of @ is w; it must be weights": lambda x, h, w: {"h": tanh(x @ w).called("f")},
    r"a gate is called x_t, as the state or x": lambda x, h, w: {"h": gate(x, w, "x_t")},
    r"a state is called t, as the step": lambda x, t, h, w: {"t": t, "h": gate(x, w)},
    r"a state is called c_t, as the step, x or a new state": lambda x, c, c_t, h, w: {"c": c, "c_t": c_t, "h": gate(x, w)},
    r"with more=False: no state depends on u; leave it out": (
        lambda x, h, w, *, more=True: {"h": (gate(x, w), h @ w("u"))[more] * gate(x, w, "g")}
    ),
    r"with most=1.0: in tanh\(x @ k\) \+ x \* v a vector|with most=1.0: in f\(tanh\(x @ k\)\) \+ x \* v a vector": (
        lambda x, h, w, *, most=None: {"h": gate(x, w) if most is None else gate(x, w) + x * w("v")}
    ),
    r"cannot be read: .*no attribute 'kernel'": lambda x, h, w: {"h": tanh(x @ w.kernel).called("f")},
    r"a gate is called h_t, as the state": lambda x, h, w: {"h": gate(x, w, "h_t")},
    r"the blocks of a split are called ;": lambda x, h, w: {"h": split("", gate(x, w))[0].called("g")},
    r"epsilon of a norm is 'a'; it must": lambda x, h, w: {"h": norm(gate(x, w), 1.0, 0.0, epsilon="a")},
    r"epsilon of a norm is nan; it must": (
        lambda x, h, w: {"h": norm(gate(x, w), 1.0, 0.0, epsilon=float("nan"))}
    ),
    r"an option is called seed": lambda x, h, w, *, seed=1.0: {"h": seed * gate(x, w)},
    r"v @ m multiplies weights with a matrix; let x": (
        lambda x, h, w: {"h": gate(x, w) + w("v") @ w("m")}
    ),
    r"multiplies weights with a matrix; let x or a state be in what meets it": (
        lambda x, h, w: {"h": tanh(concat(x, w("v")) @ w("kernel")).called("f")}
    ),
    r"the weight k starts as nan": lambda x, h, w: {"h": tanh(x @ w("k", float("nan"))).called("f")},
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_equation_of_a_cell_is_refused_with_a_sentence(text, declare):
    with pytest.raises(ValueError, match=text):
        declare(REFUSED[text])


def test_a_linear_activation_inside_a_gate_leaves_it_a_sum(declare):
    def step(x, h, w):
        f = sigmoid(activate("linear", x @ w("k") + w("b")) - h).called("f")
        return {"h": f * h + 0.1}

    cell, x, start = draw(declare(step))
    explained = lv.run(cell, x, initial_state=start, engine="numpy").explain(2, "f", 1)
    assert [(term.name, term.weight < 0) for term in explained.terms][-2:] == [
        ("bias", cell.weights["b"][1] < 0), ("h[1]", True),
    ]  # fmt: skip
    assert explained.sum == pytest.approx(explained.preactivation, rel=1e-12, abs=1e-12)


def test_each_state_may_have_a_title_and_what_is_no_state_none():
    def step(x, c, q, h, w):
        f = gate(x, w)
        return {"c": f * c, "q": f * q + c, "h": f * h + q}

    titles = {"c": "memory", "q": "queue", "h": "output"}
    assert make_kind(step, "Titled", states=titles).state_titles == titles
    with pytest.raises(ValueError, match="states has x; the equation of Titled has the states c, q, h"):
        make_kind(step, "Titled", states={"x": "input", **titles})


@pytest.mark.parametrize(
    "words", [{"title": 3}, {"states": {1: "one"}}, {"states": ["h"]}, {"states": {"h": 2}}]
)
def test_what_is_said_of_a_kind_is_texts(words):
    with pytest.raises(ValueError, match="what is said of Told must be texts"):
        make_kind(lambda x, h, w: {"h": gate(x, w)}, "Told", **words)


def test_a_letter_that_python_writes_otherwise_among_its_names_is_the_same_one():
    typed, written = "\u00b5", "\u03bc"  # the micro sign, which keyboards have, and the letter
    names = {"gate": gate}
    exec(
        f"def step(x, {typed}, h, w):\n    f = gate(x, w)\n    return {{'{typed}': f * {typed} + 1, 'h': f * h}}",
        names,
    )
    kind = make_kind(names["step"], "Greek", states={typed: "mean"})
    assert kind.states == (written, "h") == tuple(kind.equation({}).new) and kind.state_titles == {
        written: "mean"
    }


# --- Options -----------------------------------------------------------------------------------------------------------


def with_options(x, h, w, *, limit=None, use_v=False, slope=1.0, unheard=3.0, activation="tanh"):
    z = x @ w("k")
    if use_v:
        z = z + w("v") * h
    f = activate(activation, slope * z).called("f")
    return {"h": f * h + 0.3 if limit is None else clip(f * h + 0.3, limit)}


@pytest.mark.parametrize(
    "options", [{}, {"limit": 0.35}, {"use_v": True, "slope": 0.5, "limit": 0.4}, {"activation": "relu"}]
)
def test_options_of_ones_own_do_what_the_equation_says(options, declare):
    name = declare(with_options)
    rng = np.random.default_rng(2)
    shapes = {each: weight.shape for each, weight in lv.build(name, UNITS, INPUTS, **options).weights.items()}
    assert set(shapes) == {"k", "v"} if options.get("use_v") else {"k"}
    weights = {each: rng.normal(size=shape) for each, shape in shapes.items()}
    cell = lv.build(name, UNITS, INPUTS, dtype="float64", weights=weights, **options)
    x, h, rows = rng.normal(size=(4, INPUTS)), np.full(UNITS, 0.5), []
    for row in x:
        z = row @ weights["k"] + (weights["v"] * h if "v" in weights else 0)
        z = options.get("slope", 1.0) * z
        h = (np.maximum(z, 0) if options.get("activation") == "relu" else np.tanh(z)) * h + 0.3
        h = np.clip(h, -options["limit"], options["limit"]) if "limit" in options else h
        rows.append(h)
    for engine in ({"engine": "numpy"}, {"device": "CPU:0"}):
        trace = lv.run(cell, x, initial_state={"h": np.full(UNITS, 0.5)}, **engine)
        np.testing.assert_allclose(trace.states["h"], rows, rtol=1e-12, atol=1e-12)


# --- What is as good as what was meant ---------------------------------------------------------------------------------


def test_numbers_of_numpy_are_numbers(declare):
    name = declare(lambda x, h, w: {"h": gate(x, w) * np.float32(0.5) + np.int64(2)})
    cell, x, _start = draw(name)
    found = lv.run(cell, x, engine="numpy")
    np.testing.assert_allclose(found.states["h"], 0.5 * found.gates["f"] + 2, rtol=1e-12)


def test_what_is_added_twice_counts_twice(declare):
    cell, _x, _start = draw(declare(lambda x, h, w: {"h": tanh(x @ w("k") + 1.5 + 1.5).called("f")}))
    np.testing.assert_array_equal(cell.offset, 3.0)


def test_a_bias_of_a_product_that_x_is_in_is_no_hidden_one_whatever_comes_first(declare):
    name = declare(lambda x, h, w: {"h": tanh(concat(h, x) @ w("k") + w("b")).called("f")})
    cell, x, start = draw(name)
    np.testing.assert_array_equal(cell.bias, cell.weights["b"])
    assert cell.biased == ("f",) and not cell.hidden_biased
    explained = lv.run(cell, x, initial_state=start, engine="numpy").explain(0, "f", 1)
    assert explained.bias == cell.weights["b"][1] and explained.hidden_bias == 0


@pytest.mark.parametrize(
    ("given", "name"), [("IndRNNCell", "IndRNN"), ("slstm", "sLSTM"), ("RGLRU", "RG-LRU"), ("GRU", "GRUCell")]
)
def test_a_kind_by_another_writing_of_its_name_is_refused_with_its_name(given, name):
    with pytest.raises(ValueError, match=rf"^cell is '{given}'; here it is called {name}.$"):
        lv.build(given, UNITS, INPUTS)


def test_a_bias_that_two_gates_share_is_in_the_columns_of_both():
    def shared(x, h, w):
        a, b = split("fg", concat(x, h) @ w("kernel"))
        f = sigmoid(a + w("bias")).called("f")
        g = tanh(b - w("bias")).called("g")
        return {"h": f * h + (1 - f) * g}

    with apart():
        lv.kind("Shared")(shared)
        bias = np.array([1.0, 2.0, 3.0])
        weights = {"kernel": np.zeros((5, 6)), "bias": bias}
        cell = lv.build("Shared", num_units=3, input_size=2, weights=weights, dtype="float64")
        np.testing.assert_array_equal(cell.bias, [*bias, *-bias])
        assert cell.biased == ("f", "g")
        trace = lv.run(cell, np.ones((4, 2)), engine="numpy")
        for gate in "fg":
            np.testing.assert_allclose(trace.preactivations[gate], [cell.gate(gate).bias] * 4, atol=1e-15)
        said = [note.text for note in lv.plot.kernel(cell).layout.annotations]
        assert not any("stores no bias" in text for text in said)


@pytest.mark.parametrize("is_turned", [False, True])
def test_a_sum_has_its_sizes_whichever_of_its_operands_comes_first(is_turned):
    def blocked(x, h, w):
        z = x @ w("k")
        a, b = split("ab", z)  # the number of z's columns is even from here on, and the bias's is not known
        c, d = split("cd", w("bias") + z if is_turned else z + w("bias"))
        return {"h": tanh(a).called("a") * sigmoid(c).called("c") + 0.1 * b * d + 0.1 * h}

    with apart():
        lv.kind("Blocked")(blocked)
        cell = lv.build("Blocked", num_units=UNITS, input_size=INPUTS, dtype="float64")
        trace = lv.run(cell, x := np.random.default_rng(0).normal(size=(5, INPUTS)), engine="numpy")
        h = np.zeros(UNITS)
        for t, row in enumerate(x):
            z = row @ cell.weights["k"]
            (a, b), (c, d) = np.split(z, 2), np.split(z + cell.weights["bias"], 2)
            h = np.tanh(a) * squash(c) + 0.1 * b * d + 0.1 * h
            np.testing.assert_allclose(trace.states["h"][t], h, atol=1e-14)
