"""Gates that are as good as shut or open: what rounds to 0 or 1 must not become NaN, and its gradient neither.

The references are written in decimal numbers of 60 digits, whose exponents have no end: the papers' plain equations, in
which nothing has to be kept small.
"""

from decimal import Decimal, getcontext, localcontext

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.equation import concat, exp, if_zero, log, minimum, relu, sigmoid, split, sqrt, tanh
from tests.kinds_of_ones_own import declared

getcontext().prec = 60
UNITS, INPUTS, STEPS = 2, 2, 4
ENGINES = [{"engine": "numpy"}, {"device": "CPU:0"}]
WITHIN = {"float64": 1e-12, "float32": 2e-5}


def as_decimals(array):
    if np.ndim(array):
        return [as_decimals(row) for row in array]
    return array if isinstance(array, Decimal) else Decimal(float(array))


def sigma(z):
    return 1 / (1 + (-z).exp())


def squash(z):
    return 2 * sigma(2 * z) - 1


def blocks(inputs, weights, count):
    columns = zip(*weights["kernel"], weights["bias"], strict=True)
    sums = [
        sum((a * b for a, b in zip([*inputs, Decimal(1)], each, strict=True)), Decimal(0)) for each in columns
    ]
    return [sums[place * UNITS : (place + 1) * UNITS] for place in range(count)]


def slstm(x, states, weights):
    """The paper's equations 8 to 14, c and n as they are, however small or large."""
    z_i, z_f, z_z, z_o = blocks([*x, *states["h"]], weights, 4)
    after = {"c": [], "n": [], "h": []}
    for unit in range(UNITS):
        f, i = sigma(z_f[unit]), z_i[unit].exp()
        after["c"].append(f * states["c"][unit] + i * squash(z_z[unit]))
        after["n"].append(f * states["n"][unit] + i)
        after["h"].append(sigma(z_o[unit]) * after["c"][unit] / after["n"][unit])
    return after


def min_lstm(x, states, weights):
    z_f, z_i, z_c = blocks(x, weights, 3)
    h = []
    for unit in range(UNITS):
        f, i = sigma(z_f[unit]), sigma(z_i[unit])
        h.append((f * states["h"][unit] + i * z_c[unit]) / (f + i))
    return {"h": h}


def rg_lru(x, states, weights):
    z_r, z_i, z_j = blocks(x, weights, 3)
    h = []
    for unit in range(UNITS):
        fades = 8 * sigma(z_r[unit]) * softplus(weights["a_param"][unit])
        written = lost(2 * fades).sqrt() * sigma(z_i[unit]) * z_j[unit]
        h.append((-fades).exp() * states["h"][unit] + written)
    return {"h": h}


def softplus(z):
    return z.exp() if z < -70 else (1 + z.exp()).ln()  # 60 digits hold no 1 + exp(-140)


def lost(share):
    """1 - exp(-share), by its series where the difference would have no digits."""
    if share > Decimal("1e-20"):
        return 1 - (-share).exp()
    return share - share**2 / 2 + share**3 / 6


PLAIN = {"sLSTM": slstm, "minLSTM": min_lstm, "RG-LRU": rg_lru}
LETTERS = {"sLSTM": "ifzo", "minLSTM": "fic", "RG-LRU": "rij"}
WRITTEN = {"c": [0.3, -0.4], "n": [1.0, 1.0]}
EDGES = [
    pytest.param(kind, shift, start, a_param, id=f"{kind} {shift} {'from a state' if start else 'from zeros'} {a_param or ''}")
    for kind, shift, start, a_param in [
        *(("sLSTM", {"i": down}, {}, None) for down in (-60, -90, -200, -800)),
        *(("sLSTM", {"f": down}, WRITTEN, None) for down in (-60, -90, -200, -800)),
        *(("sLSTM", {"f": down, "i": down}, WRITTEN, None) for down in (-90, -200, -800)),
        ("sLSTM", {"f": -800, "i": -90}, WRITTEN, None),
        ("sLSTM", {"i": 90}, WRITTEN, None),
        ("sLSTM", {"f": 90}, {}, None),
        *(("minLSTM", {"f": down, "i": down}, {"h": [1.0, -0.5]}, None) for down in (-60, -90, -200, -800)),
        ("minLSTM", {"f": -800}, {"h": [1.0, -0.5]}, None),
        ("minLSTM", {"i": -800}, {"h": [1.0, -0.5]}, None),
        ("minLSTM", {"f": 200, "i": 200}, {"h": [1.0, -0.5]}, None),
        *(("RG-LRU", {}, {"h": [1.0, -0.5]}, a) for a in (-10.0, -25.0, -90.0, -200.0, 3.0, 50.0)),
        *(("RG-LRU", {"r": down}, {"h": [1.0, -0.5]}, None) for down in (-20, -90, -800)),
    ]
]  # fmt: skip


def draw(kind, shift, start, a_param, dtype):
    """A cell, its input and its initial state, in numbers that float32 has too."""
    rng = np.random.default_rng(3)
    cell = lv.build(kind, UNITS, INPUTS, dtype=dtype)
    weights = {
        name: rng.normal(size=weight.shape).astype("float32") / 2 for name, weight in cell.weights.items()
    }
    for gate, down in shift.items():
        place = LETTERS[kind].index(gate) * UNITS
        weights["bias"][place : place + UNITS] += down
    if a_param is not None:
        weights["a_param"][:] = a_param
    x = rng.normal(size=(STEPS, INPUTS)).astype("float32")
    states = {name: np.zeros(UNITS, "float32") for name in cell.kind.states}
    states |= {name: np.array(values, "float32") for name, values in start.items()}
    return lv.build(kind, UNITS, INPUTS, dtype=dtype, weights=weights), x, states


def plain_run(cell, x, start):
    """h of each step in decimals; a c and an n at the scale of an m are brought to that of 1."""
    weights = {name: as_decimals(weight) for name, weight in cell.weights.items()}
    states = {name: as_decimals(state) for name, state in start.items()}
    if "m" in states:
        scale = [m.exp() for m in states.pop("m")]
        for name in "cn":
            states[name] = [a * b for a, b in zip(states[name], scale, strict=True)]
    rows = []
    for row in as_decimals(x):
        states = PLAIN[cell.kind.name](row, states, weights)
        rows.append(states["h"])
    return rows


def differences(cell, x, start, unit, digits):
    """The gradients of the last h of a unit, by central differences in decimals that are 10 ** -`digits` apart."""
    with localcontext() as context:
        context.prec = digits + 40
        return _differences(cell, x, start, unit, Decimal(10) ** -digits)


def _differences(cell, x, start, unit, delta):

    def slopes(array, run):
        found = np.empty(array.shape)
        for place in np.ndindex(array.shape):
            values = []
            for sign in (1, -1):
                moved = array.astype(object)
                moved[place] = Decimal(float(array[place])) + sign * delta
                values.append(run(moved)[-1][unit])
            found[place] = float((values[0] - values[1]) / (2 * delta))
        return found

    states = {
        name: slopes(state, lambda moved, name=name: plain_run(cell, x, start | {name: moved}))
        for name, state in start.items()
    }
    return slopes(x, lambda moved: plain_run(cell, moved, start)), states


def as_floats(rows):
    return np.array([[float(number) for number in row] for row in rows])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("kind", "shift", "start", "a_param"), EDGES)
def test_a_gate_as_good_as_shut_or_open_computes_what_the_paper_says(kind, shift, start, a_param, dtype):
    cell, x, states = draw(kind, shift, start, a_param, dtype)
    expected = as_floats(plain_run(cell, x, states))
    for engine in ENGINES:
        trace = lv.run(cell, x, initial_state=states, **engine)
        np.testing.assert_allclose(
            trace.states["h"], expected, rtol=WITHIN[dtype], atol=WITHIN[dtype], err_msg=str(engine)
        )
        assert trace.first_nonfinite() is None


@pytest.mark.parametrize(("kind", "shift", "start", "a_param"), EDGES)
def test_the_gradients_there_are_those_of_the_paper(kind, shift, start, a_param):
    cell, x, states = draw(kind, shift, start, a_param, "float64")
    # From zeros the first n that counts is as small as what is written first.
    to_x, to_states = differences(cell, x, states, 1, digits=370 if shift == {"i": -800} else 110)
    for dtype, within in WITHIN.items():
        trace = lv.run(cell.astype(dtype), x, initial_state=states, device="CPU:0")
        found = lv.gradients(trace, unit=1)
        assert_near(found.x, to_x, within * 10)
        for name, expected in to_states.items():
            if np.abs(expected).max() > 1e25:  # the slightest trace in c or n would be all that there is
                assert np.isfinite(found.initial_state[name]).all()
            else:
                assert_near(found.initial_state[name], expected, within * 10)
        assert all(np.isfinite(values).all() for values in found.states.values())


def assert_near(found, expected, within):
    np.testing.assert_allclose(found, expected, rtol=within, atol=within)


# ------------------------------------------------------------------------------------------- one's own equations


def two_exponentials(x, h, w):
    a, b = split("ab", concat(x, h) @ w("kernel") + w("bias"))
    a, b = exp(a).called("a"), exp(b).called("b")
    return {"h": a / (b + a) * h + b / (b + a)}


def plain_two_exponentials(a, b, h):
    return (a.exp() * h + b.exp()) / (a.exp() + b.exp())


def a_logarithm_of_what_is_left(x, h, w):
    a, b = split("ab", concat(x, h) @ w("kernel") + w("bias"))
    a = sigmoid(a).called("a")
    return {"h": tanh(h) + b.called("b") + 0.01 * log(1 - a)}


def plain_logarithm_of_what_is_left(a, b, h):
    return squash(h) + b - (1 + a.exp()).ln() / 100


def a_logarithm_of_a_product(x, h, w):
    a, b = split("ab", concat(x, h) @ w("kernel") + w("bias"))
    a, b = sigmoid(a).called("a"), exp(b).called("b")
    return {"h": 0.5 * h + 0.01 * log(a * b)}


def plain_logarithm_of_a_product(a, b, h):
    return h / 2 + (b - (1 + (-a).exp()).ln()) / 100


def a_logarithm_of_a_quotient(x, h, w):
    a, b = split("ab", concat(x, h) @ w("kernel") + w("bias"))
    a, b = sigmoid(a).called("a"), sigmoid(b).called("b")
    return {"h": 0.5 * h + 0.01 * log(a / b)}


def plain_logarithm_of_a_quotient(a, b, h):
    return h / 2 + ((1 + (-b).exp()).ln() - (1 + (-a).exp()).ln()) / 100


def what_an_exponential_leaves(x, h, w):
    a, b = split("ab", concat(x, h) @ w("kernel") + w("bias"))
    a = sigmoid(a).called("a")
    return {"h": 0.5 * h + sqrt(1 - exp(-a)) * b.called("b")}


def plain_what_an_exponential_leaves(a, b, h):
    return h / 2 + lost(sigma(a)).sqrt() * b


def a_bounded_gate(x, h, w):
    a, b = split("ab", concat(x, h) @ w("kernel") + w("bias"))
    a = exp(minimum(a, 0.5)).called("a")
    return {"h": if_zero(relu(b), 0.25, a * 0.1) * h + tanh(b).called("b")}


def plain_a_bounded_gate(a, b, h):
    return (min(a, Decimal("0.5")).exp() / 10 if b > 0 else Decimal("0.25")) * h + squash(b)


OWN = [
    (two_exponentials, plain_two_exponentials),
    (a_logarithm_of_what_is_left, plain_logarithm_of_what_is_left),
    (a_logarithm_of_a_product, plain_logarithm_of_a_product),
    (a_logarithm_of_a_quotient, plain_logarithm_of_a_quotient),
    (what_an_exponential_leaves, plain_what_an_exponential_leaves),
    (a_bounded_gate, plain_a_bounded_gate),
]
SHIFTS = [(0, 0), (-90, -90), (-200, -95), (95, 90), (-5, 95)]


@pytest.fixture(scope="module")
def own():
    """Declares the kinds for this file alone, once: each is compiled once."""
    with declared({step.__name__: step for step, _plain in OWN}):
        yield


def own_cell(kind, shift, dtype):
    rng = np.random.default_rng(8)
    weights = {
        "kernel": rng.normal(size=(4, 4)).astype("float32") / 2,
        "bias": np.repeat(shift, 2).astype("float32"),
    }
    x = rng.normal(size=(STEPS, 2)).astype("float32")
    return (
        lv.build(kind, UNITS, INPUTS, dtype=dtype, weights=weights),
        x,
        {"h": np.array([0.5, -0.25], "float32")},
    )


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize(("step", "plain"), OWN)
def test_an_equation_of_ones_own_loses_no_digits_there_either(step, plain, shift, monkeypatch):
    cell, x, start = own_cell(step.__name__, shift, "float64")

    def own_step(x, states, weights):
        a, b = blocks([*x, *states["h"]], weights, 2)
        return {"h": [plain(*numbers) for numbers in zip(a, b, states["h"], strict=True)]}

    monkeypatch.setitem(PLAIN, step.__name__, own_step)
    expected = as_floats(plain_run(cell, x, start))
    to_x, to_states = differences(cell, x, start, 1, digits=110)
    for dtype, within in WITHIN.items():
        traces = [lv.run(cell.astype(dtype), x, initial_state=start, **engine) for engine in ENGINES]
        for trace in traces:
            assert_near(trace.states["h"], expected, within * 5)
        found = lv.gradients(traces[1], unit=1)
        assert_near(found.x, to_x, within * 20)
        assert_near(found.initial_state["h"], to_states["h"], within * 20)


# ------------------------------------------------------------------------------------------- explanations


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("kind", "shift", "start", "a_param"), EDGES)
def test_the_values_inside_a_step_are_those_that_the_run_had(kind, shift, start, a_param, dtype):
    """Every new state follows from what is recorded, where a gate is recorded as 0 too."""
    cell, x, states = draw(kind, shift, start, a_param, dtype)
    trace = lv.run(cell, x, initial_state=states, engine="numpy")
    values = trace.values()
    for name, node in cell.equation.new.items():
        np.testing.assert_allclose(
            values.compute(node), trace.states[name], rtol=WITHIN[dtype], atol=WITHIN[dtype], err_msg=name
        )
    for gate in cell.kind.gates:
        explained = trace.explain(2, gate.name, 0)
        assert explained.sum == pytest.approx(explained.preactivation, rel=1e-5, abs=1e-4)  # of terms of 800
