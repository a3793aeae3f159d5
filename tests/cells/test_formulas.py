"""The formulas that are printed, read back as text and computed: they are what runs."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

import lstmviz as lv
from lstmviz import cells
from lstmviz.cells.kind import make_kind
from lstmviz.cells.latex import ALONE, name_weight, write_number
from lstmviz.equation import (
    clip,
    concat,
    exp,
    log,
    maximum,
    norm,
    relu,
    sigmoid,
    softplus,
    split,
    sqrt,
    tanh,
)
from tests.kinds_of_ones_own import declared
from tests.latex import FUNCTIONS, Page, Unreadable, plain, tokens

# What each weight is called in a formula, written down here once more.
WEIGHTS = {
    "kernel": r"\mathrm{kernel}",
    "bias": r"\mathrm{bias}",
    "recurrent_kernel": r"\mathrm{recurrent\_kernel}",
    "a_param": r"\mathrm{a\_param}",
    "projection/kernel": r"\mathrm{projection}",
    "gates/kernel": r"\mathrm{kernel}_{\mathrm{gates}}",
    "gates/bias": r"\mathrm{bias}_{\mathrm{gates}}",
    "candidate/kernel": r"\mathrm{kernel}_{\mathrm{candidate}}",
    "candidate/bias": r"\mathrm{bias}_{\mathrm{candidate}}",
    "candidate/input_projection/kernel": r"\mathrm{kernel}_{\mathrm{input}}",
    "candidate/input_projection/bias": r"\mathrm{bias}_{\mathrm{input}}",
    "candidate/hidden_projection/kernel": r"\mathrm{kernel}_{\mathrm{hidden}}",
    "candidate/hidden_projection/bias": r"\mathrm{bias}_{\mathrm{hidden}}",
    **{f"w_{gate}_diag": f"w_{gate}" for gate in "fio"},
    **{
        f"{scope}/{name}": rf"\{name}_{{\mathrm{{{scope}}}}}"
        for scope in ("input", "transform", "forget", "output", "state")
        for name in ("gamma", "beta")
    },
}


def make_trace(cell, steps=3, seed=0, engine="numpy"):
    """A run from a random state."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(steps, cell.input_size))
    states = {name: rng.normal(size=cell.state_size(name)) for name in cell.kind.states}
    if "n" in states:
        states["n"] = (
            np.abs(states["n"]) + 0.5
        )  # what was counted is not negative, and 0 where nothing was written
        states["n"][::2] = 0
        states.get("c", states["n"])[::2] = 0
    return lv.run(cell, x, initial_state=states, engine=engine)


def build(kind, options, num_units=5, input_size=3, seed=0):
    """A cell with random weights, biases among them, in float64."""
    plain_cell = lv.build(kind, num_units, input_size, dtype="float64", **options)
    rng = np.random.default_rng(seed)
    weights = {name: rng.normal(scale=0.6, size=each.shape) for name, each in plain_cell.weights.items()}
    return lv.build(kind, num_units, input_size, weights=weights, dtype="float64", **options)


def symbol(name, when=""):
    """How the state or the gate of a name is written."""
    word = name if len(name) == 1 else rf"\mathrm{{{name}}}".replace("_", r"\_")
    return f"{word}_{when}" if when else word


def compute(trace, t, rows, names=WEIGHTS):
    """What the formulas give, one after the other, in the step `t` of a run: of each, of each gate and state, of each symbol."""
    known = {names.get(name, name): value for name, value in trace.cell.weights.items()} | {"x_t": trace.x[t]}
    known |= {symbol(name, "{t-1}"): trace.before(t, name) for name in trace.cell.kind.states}
    page = Page(known)
    values, results = [], {}
    for row in rows:
        values.append(page.read(row.latex))
        if row.result:
            written = symbol(row.result, "t" if row.result in trace.states else "")
            if written not in page.known:
                raise Unreadable(f"{row.latex} does not give {written}")
            results[row.result] = page.known[written]
    return values, results, page.known


def differences(trace, rows, names=WEIGHTS):
    """How far each gate and each state that is printed is from what ran, at most; infinity where one cannot be read."""
    worst = 0.0
    for t in range(len(trace)):
        try:
            with np.errstate(all="ignore"):
                _values, results, _known = compute(trace, t, rows, names)
        except (Unreadable, ValueError, IndexError):
            return np.inf
        for name, value in results.items():
            ran = (trace.states if name in trace.states else trace.gates)[name][t]
            if value.shape != ran.shape:
                return np.inf
            with np.errstate(all="ignore"):
                off = np.abs(value - ran) / (1 + np.abs(ran))
            off[(value == ran) | (np.isnan(value) & np.isnan(ran))] = (
                0  # exp of exp may be infinite after two steps
            )
            worst = max(worst, float(np.nan_to_num(off, nan=np.inf).max()))
    return worst


def assert_printed_is_what_ran(trace, names=WEIGHTS):
    rows = cells.formulas(trace.cell)
    values, results, _known = compute(trace, 0, rows, names)
    assert differences(trace, rows, names) <= 1e-12
    ends = {id(node) for node in trace.cell.equation.new.values()}
    gates = {name for name, node in trace.cell.equation.gates.items() if id(node) not in ends}
    assert set(results) - set(trace.gates) == set(trace.states)
    assert set(results) >= gates
    for row, value in zip(rows, values, strict=True):
        if value.size:  # all but the definition of a function
            assert row.shape == (1, value.size), row.latex
    return rows


def _pool():
    """Kinds with options: every value of every option by itself, and all together."""
    for name, kind in lv.KINDS.items():
        yield name, {}
        choices = {}
        for option in kind.options:
            if option.type is bool:
                choices[option.name] = [not option.default]
            elif option.type is str:
                # exp not at an end: together with another of its kind nothing stays finite.
                names = sorted(set(cells.ACTIVATIONS) - {option.default, "exponential"})
                choices[option.name] = [names[0], "exponential", *names[1:]]
            elif option.name == "num_proj":
                choices[option.name] = [2]
            elif option.default is None:
                choices[option.name] = [0.25, 2.5]
            else:
                choices[option.name] = [0.25, 0.0, -1.5]
        for option, values in choices.items():
            for value in values:
                if option == "proj_clip":
                    yield name, {option: value, "num_proj": 4}
                else:
                    yield name, {option: value}
        if len(choices) > 1:
            yield name, {option: values[0] for option, values in choices.items()}
            # Clips that nothing reaches: what is clipped is the same, whatever is in it.
            yield name, {option: values[-1] for option, values in choices.items()}


POOL = list(_pool())
_CHANGED = [
    (kind, options)
    for kind, options in POOL
    if not options or (len(options) > 2 and options.get("cell_clip") != 0.25)
]
"""Those whose formulas are changed, to see that it is noticed."""


@pytest.mark.parametrize(("kind", "options"), POOL)
def test_the_printed_formulas_give_every_gate_and_state_of_the_run(kind, options):
    assert_printed_is_what_ran(make_trace(build(kind, options)))


@pytest.mark.parametrize("kind", ["LSTMCell", "LayerNormBasicLSTMCell", "sLSTM"])
def test_the_printed_formulas_give_what_tensorflow_ran(kind):
    options = {"use_peepholes": True, "num_proj": 2, "cell_clip": 0.25} if kind == "LSTMCell" else {}
    assert_printed_is_what_ran(make_trace(build(kind, options), engine="tensorflow"))


@pytest.mark.parametrize(("units", "size"), [(1, 1), (1, 3), (4, 1), (7, 6)])
@pytest.mark.parametrize("kind", lv.KINDS)
def test_the_shapes_printed_are_those_computed(kind, units, size):
    assert_printed_is_what_ran(make_trace(build(kind, {}, units, size)))


# --- Formulas that say something else are noticed --------------------------------------------------------------------


def _is_value(sort, text):
    return sort == "symbol" and plain(text) not in (*FUNCTIONS, "split", "norm")


def _symbols(latex):
    """What stands for a value in a formula, each once."""
    return list(dict.fromkeys(text for sort, text in tokens(latex) if _is_value(sort, text)))


def _write(pieces):
    return " ".join(text for _sort, text in pieces)


def _change(rows, index, latex):
    row = rows[index]
    return [*rows[:index], cells.Formula(row.operation, latex, row.shape, row.result), *rows[index + 1 :]]


def _exchange(latex, one, other):
    swapped = {one: other, other: one}
    return _write([(sort, swapped.get(text, text)) for sort, text in tokens(latex)])


@pytest.mark.parametrize(("kind", "options"), _CHANGED)
def test_one_symbol_in_place_of_another_is_noticed(kind, options):
    assert _try_each_symbol(make_trace(build(kind, options, 12), steps=1), WEIGHTS) > 20


def _try_each_symbol(trace, names):
    """Puts each symbol in the place of each other one; how many formulas these are, all of them noticed."""
    rows = cells.formulas(trace.cell)
    known = compute(trace, 0, rows, names)[2]
    seen = 0
    for index, row in enumerate(rows):
        if not _equation(row):
            continue
        pieces = tokens(row.latex)
        for place, (sort, text) in enumerate(pieces):
            for other in known if _is_value(sort, text) else ():
                if np.array_equal(known[other], known.get(text, np.nan)):
                    continue  # the same, or its other name
                changed = _write([*pieces[:place], (sort, other), *pieces[place + 1 :]])
                assert differences(trace, _change(rows, index, changed), names) > 1e-10, (row.latex, changed)
                seen += 1
    return seen


def _equation(row):
    """Whether a formula gives a value: a vector put together alone is read again in the next one."""
    return "=" in row.latex or r"\leftarrow" in row.latex


@pytest.mark.parametrize(("kind", "options"), _CHANGED)
def test_two_symbols_exchanged_in_a_formula_are_noticed(kind, options):
    trace = make_trace(build(kind, options), steps=2)
    rows = cells.formulas(trace.cell)
    for index, row in enumerate(rows):
        for one, other in itertools.combinations(_symbols(row.latex), 2) if _equation(row) else ():
            changed = _exchange(row.latex, one, other)
            if _is_the_same(row.latex, one, other):
                continue
            assert differences(trace, _change(rows, index, changed)) > 1e-10, (row.latex, changed)


def _is_the_same(latex, one, other):
    """Whether both are the two factors of one product, or the two summands that a quotient's denominator is."""
    dots = [rf"{re.escape(a)} \\odot {re.escape(b)}" for a, b in ((one, other), (other, one))]
    return any(re.search(rf"(?<![\w}}]){dot}(?![\w_'])", latex) for dot in dots)


@pytest.mark.parametrize(("kind", "options"), _CHANGED)
def test_a_sign_turned_is_noticed(kind, options):
    trace = make_trace(build(kind, options), steps=2)
    rows = cells.formulas(trace.cell)
    seen = 0
    for index, row in enumerate(rows):
        pieces = tokens(row.latex)
        for place, (sort, text) in enumerate(pieces):
            if (
                text in ("+", "-")
                and _write(pieces[place + 1 :])[:4] != "10 ^"
                and pieces[place - 2][1] != "^"
            ):
                other = (sort, {"+": "-", "-": "+"}[text])
                changed = _write([*pieces[:place], other, *pieces[place + 1 :]])
                assert differences(trace, _change(rows, index, changed)) > 1e-10, (row.latex, changed)
                seen += 1
    assert seen or kind == "BasicRNNCell"


@pytest.mark.parametrize(
    ("kind", "options", "printed", "instead"),
    [
        ("BasicLSTMCell", {}, "z_f + 1", "z_f"),  # forget_bias left out
        ("BasicLSTMCell", {"forget_bias": -1.5}, "z_f - 1.5", "z_f + 1.5"),
        ("LSTMCell", {"use_peepholes": True}, r"w_o \odot c_t", r"w_o \odot c_{t-1}"),
        ("LSTMCell", {"use_peepholes": True}, r"w_f \odot c_{t-1}", r"w_i \odot c_{t-1}"),
        ("LSTMCell", {"cell_clip": 0.25}, r"\pm 0.25", r"\pm 0.5"),
        ("LSTMCell", {}, "z_i, z_j, z_f, z_o", "z_i, z_f, z_j, z_o"),
        ("GRUCell", {}, r"u \odot h_{t-1} + (1 - u) \odot c", r"(1 - u) \odot h_{t-1} + u \odot c"),
        ("GRUCell", {}, "[x_t, h_{t-1}] \\cdot", "[h_{t-1}, x_t] \\cdot"),
        (
            "CudnnCompatibleGRUCell",
            {"use_bias": False},
            r"r \odot (h_{t-1} \cdot \mathrm{kernel}_{\mathrm{hidden}})",
            r"r \odot h_{t-1} \cdot \mathrm{kernel}_{\mathrm{hidden}}",
        ),
        ("JANET", {}, "(1 - \\sigma(z_f - 1))", "(1 - \\sigma(z_f))"),
        ("RG-LRU", {}, "a^2", "a"),
        ("RG-LRU", {}, "-8", "8"),
        ("LayerNormBasicLSTMCell", {}, r"\mathrm{var}(a)", r"\mathrm{mean}(a)"),
    ],
)
def test_the_errors_that_books_have_are_noticed(kind, options, printed, instead):
    trace = make_trace(build(kind, options))
    rows = cells.formulas(trace.cell)
    found = [index for index, row in enumerate(rows) if printed in row.latex]
    assert found
    for index in found:
        if _equation(rows[index]):
            changed = rows[index].latex.replace(printed, instead)
            assert differences(trace, _change(rows, index, changed)) > 1e-10


# --- Kinds that anybody declares -------------------------------------------------------------------------------------


def minimal_gru(x, h, w):
    """The design's example."""
    f = sigmoid(concat(x, h) @ w("gates/kernel") + w("gates/bias")).called("f", "forget gate")
    c = tanh(concat(x, f * h) @ w("candidate/kernel") + w("candidate/bias")).called("c", "candidate")
    return {"h": (1 - f) * h + f * c}


def everything(x, m, h, w, *, gain: float = 0.5):
    """Each operation that an equation can have."""
    z, forget, y = split("zfy", concat(x, h, m) @ w("kernel") + w("bias"))
    forget = sigmoid(norm(forget, w("forget/gamma"), w("forget/beta"), epsilon=0.01)).called("forget_gate")
    y = softplus(y - -0.5 * m).called("y")
    z = relu(-z * (y * gain)).called("z")
    root = sqrt(1 + y * y) - (z - (m - 0.25))
    low, high = log(1 + exp(-y)), clip(root / (1 + y), w("bound") * w("bound") + 0.125)
    new_m = maximum(low, high) + 0.25 * low - 0.5 * high  # whichever is larger, both count
    return {"m": new_m, "h": clip(-(forget * h) - -(1 - forget) * (new_m / (1 + exp(root))), 0.9)}


def words(x, state_one, h, w):
    """Words for states, gates, parts and weights, with signs that LaTeX has a meaning for."""
    opened, closed = split(["open gate", "shut_100%"], concat(x, h) @ w("a/b/kernel") + w("c/b/kernel_#1"))
    opened = sigmoid(opened).called("open_gate")
    new = tanh(closed).called("übrig")
    one = opened * state_one + (1 - opened) * new
    return {"state_one": one, "h": tanh(one) * w("$cale & {co}^") + w("b|\\`~")}


def letters(x, z, s, y, v, q, h, w):
    """No letter is left for the sum, and weights are called as gates and states are."""
    a, b = split("ab", concat(x, h) @ w("b") + w("c/b/h") + w("d/b/h"))
    a, b = sigmoid(a).called("a"), tanh(b + w("a")).called("b")
    new = a * z + (1 - a) * b
    return {"z": new, "s": z + y, "y": s, "v": a, "q": new, "h": new * w("x_t") + v + q}


def twice(x, n, h, w):
    """A product, a sum and a block used twice, a value split twice, blocks that nothing needs."""
    both = concat(x, h) @ w("kernel")
    i, _unused, f = split("ijf", both)
    early, late = split(["early", "late"], concat(h, h) + concat(n, n))
    again = x @ w("again")
    f = sigmoid(f + again + early).called("f")
    i = tanh(i * again).called("i")
    kept = exp(-softplus(f * n + i))
    return {"n": kept + h @ w("last"), "h": kept * kept + (1 - kept) * late}


def one_behind_the_other(x, c, n, h, w):
    """Clips and projections of what is a state or a gate already."""
    j = tanh(x @ w("kernel")).called("j")
    c = clip(j, 0.5)
    n = clip(c + n, 2.0)
    return {"c": c, "n": n, "h": clip(clip(n, 1.0) @ w("projection/kernel"), 0.75)}


def products(x, h, w):
    """Products with matrices beside products of units, numbers and quotients."""
    r = sigmoid(x @ w("kernel_r")).called("r")
    a = r * (h @ w("kernel_a")) * 0.5
    b = (r * h) @ w("kernel_b") - (h + h @ w("kernel_c")) @ w("kernel_d")
    c = -(h @ w("kernel_e")) + (a - b) / (2 + r * r) - 1e-7 * b + 0.12345678 * a
    less = r - 1
    return {"h": tanh(c + 2.5e-9 - (-3.0) * r + less * less)}


def squashed_together(x, h, w):
    """An activation for all blocks at once, and one gate that is the new state."""
    f, o = split("fo", sigmoid(concat(x, h) @ w("kernel") + w("bias")))
    f, o = f.called("f"), o.called("o")
    return {"h": (f * h + (1 - f) * o).called("new")}


def two_norms(x, h, w):
    """Norms with different epsilons, and one with no weights of its own."""
    z = x @ w("kernel")
    a = norm(z, w("one/gamma"), w("one/beta"), epsilon=0.1).called("a")
    return {"h": tanh(norm(a * h, w("two/gamma") * a, a - h, epsilon=0.5))}


OWN = [
    minimal_gru,
    everything,
    words,
    letters,
    twice,
    one_behind_the_other,
    products,
    squashed_together,
    two_norms,
]
OWN_NAMES = {
    **WEIGHTS,
    "bound": r"\mathrm{bound}",
    "a/b/kernel": r"\mathrm{kernel}_b",
    "c/b/kernel_#1": r"\mathrm{kernel\_\#1}_b",
    "$cale & {co}^": r"\mathrm{\text{\textdollar}cale\ \&\ \{co\}\hat{}}",
    "b|\\`~": r"\mathrm{b\vert \backslash \grave{}\sim }",
    "b": r"\mathrm{weight}_b",
    "a": r"\mathrm{weight}_a",
    "c/b/h": "h_b",
    "d/b/h": r"h_{\mathrm{d/b}}",
    "x_t": r"\mathrm{x\_t}",
    **{each: rf"\mathrm{{{each}}}" for each in ("again", "last")},
    **{f"kernel_{each}": rf"\mathrm{{kernel\_{each}}}" for each in "rabcde"},
    **{f"{a}/{b}": rf"\{b}_{{\mathrm{{{a}}}}}" for a in ("one", "two") for b in ("gamma", "beta")},
}


def run_own(monkeypatch, step, steps=3):
    """A run of a kind that nobody else has."""
    name = step.__name__
    monkeypatch.setitem(lv.KINDS, name, make_kind(step, name))
    # Of many units some are on either side of a maximum and of a clip.
    return make_trace(build(name, {}, 16), steps)


@pytest.mark.parametrize("step", OWN)
def test_the_formulas_of_a_kind_of_ones_own_give_what_ran(monkeypatch, step):
    trace = run_own(monkeypatch, step)
    assert_printed_is_what_ran(trace, OWN_NAMES)


@pytest.mark.parametrize("step", OWN)
def test_one_symbol_in_place_of_another_is_noticed_in_a_kind_of_ones_own(monkeypatch, step):
    assert _try_each_symbol(run_own(monkeypatch, step, steps=1), OWN_NAMES) > 20


@pytest.mark.parametrize("step", OWN)
def test_no_two_values_are_written_alike(monkeypatch, step):
    monkeypatch.setitem(lv.KINDS, step.__name__, make_kind(step, step.__name__))
    cell = build(step.__name__, {})
    given = [OWN_NAMES.get(name, name) for name in cell.weights] + ["x_t"]
    given += [symbol(name, "{t-1}") for name in cell.kind.states]
    made = [text for row in cells.formulas(cell) for text in _given_by(row.latex)]
    assert len(made + given) == len({*made, *given})


def _given_by(latex):
    """The symbols that a formula gives a value for the first time."""
    left, equals, _right = latex.partition(" = ")
    return [text for text in (_symbols(left) if equals and "(" not in left else ()) if text != r"\_"]


# --- Blocks are called as the gates that they make -------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "options"), POOL)
def test_each_block_of_a_split_has_the_letter_of_the_gate_that_it_makes(kind, options):
    rows = cells.formulas(build(kind, options))
    blocks = [text for row in rows if row.operation == "split" for text in _given_by(row.latex)]
    read = {row.result: [text for text in _symbols(row.latex) if text in blocks] for row in rows}
    for block in blocks:
        assert [block] == read[block.partition("_")[2]], block


@pytest.mark.parametrize("letters", ["ifo", "foi", "iof"])
def test_blocks_called_by_each_others_gates_are_refused(letters):
    def step(x, c, h, w):
        f, i, o = split(letters, concat(x, h) @ w("kernel"))
        f, i, o = sigmoid(f).called("f"), tanh(i).called("i"), sigmoid(o).called("o")
        c = f * c + i
        return {"c": c, "h": o * c}

    with pytest.raises(ValueError, match="call each block of a split as its gate is"):
        make_kind(step, "Swapped").variables  # noqa: B018


def test_blocks_may_be_called_as_no_gate_is_or_make_several_gates_together():
    def step(x, h, w):
        a, f, both = split(["a", "f", "both"], concat(x, h) @ w("kernel"))
        f, i = sigmoid(a + both + f).called("f"), tanh(a * both).called("i")
        return {"h": f * h + i}

    assert [gate.name for gate in make_kind(step, "Mixed").gates] == ["f", "i"]


def test_blocks_of_two_splits_may_be_called_alike():
    def step(x, h, w):
        f, other = split("fi", concat(x, h) @ w("kernel"))
        a, b = split("fi", x @ w("beside"))
        f, i, o = sigmoid(f).called("f"), tanh(a + b).called("i"), sigmoid(other).called("o")
        return {"h": o * (f * h + i)}

    assert {gate.name for gate in make_kind(step, "Twice").gates} == {"f", "i", "o"}


@pytest.mark.parametrize("names", ["ff", ["f", ""]])
def test_blocks_without_names_of_their_own_are_refused(names):
    def step(x, h, w):
        f, i = split(names, concat(x, h) @ w("kernel"))
        return {"h": sigmoid(f).called("f") * h + i}

    with pytest.raises(ValueError, match="each must have a name of its own"):
        make_kind(step, "Alike").variables  # noqa: B018


def test_a_weight_called_as_x_or_a_state_is_not_written_as_that_is():
    def step(x, h, w):
        f = sigmoid(x @ w("x") + w("h") * h).called("f")
        return {"h": f * h}

    with declared({"Own": step}):
        rows = cells.formulas(lv.build("Own", 3, 2))
    assert rows[0].latex == r"z = x_t \cdot \mathrm{weight}_x"
    assert rows[1].latex == r"z \leftarrow z + \mathrm{weight}_h \odot h_{t-1}"


def test_a_sum_that_begins_with_no_product_is_written_in_its_gate():
    def step(x, h, w):
        f = sigmoid(w("v") * h + w("b")).called("f", "forget gate")
        return {"h": f * h + x @ w("k")}

    with declared({"Own": step}):
        rows = cells.formulas(lv.build("Own", 3, 3))
    assert [row.operation for row in rows] == ["forget gate", "new h"]
    assert rows[0].latex == r"f = \sigma(v \odot h_{t-1} + b)"


def test_norms_are_told_apart_by_their_epsilons_where_these_differ():
    def step(x, h, w, *, alike=True):
        f = sigmoid(norm(x @ w("k"), w("gamma"), w("beta"), 0.5)).called("f")
        return {"h": norm(f * h + x @ w("u"), w("more"), w("other"), 0.5 if alike else 0.25)}

    for alike in (True, False):
        with declared({"Own": step}):
            written = "".join(row.latex for row in cells.formulas(lv.build("Own", 3, 2, alike=alike)))
        assert (r"\mathrm{norm}_{0.5}" in written) == (r"\mathrm{norm}_{0.25}" in written) == (not alike)
        assert r"\mathrm{norm}" in written


def test_gates_that_are_the_new_states_keep_their_letters_where_there_are_several():
    def step(x, a, h, w):
        return {"a": tanh(x @ w("k") + a).called("f"), "h": sigmoid(x @ w("u") + h).called("g")}

    with declared({"Own": step}):
        written = [row.latex for row in cells.formulas(lv.build("Own", 3, 2))]
    for letter in "fg":
        assert any(row.startswith(f"{letter} = ") for row in written), written


def test_of_several_sums_without_a_split_the_first_one_has_a_letter():
    def step(x, h, w):
        f, g = sigmoid(x @ w("k")).called("f"), tanh(x @ w("m")).called("g")
        return {"h": f * h + (1 - f) * g}

    with declared({"Own": step}):
        written = [row.latex for row in cells.formulas(lv.build("Own", 3, 2))]
    assert written[:3] == [r"z = x_t \cdot k", r"f = \sigma(z)", r"g = \tanh(x_t \cdot m)"]


def test_a_product_of_what_was_before_the_step_is_no_projection():
    def step(x, c, h, w):
        f = sigmoid(x @ w("k")).called("f")
        return {"c": f * c, "h": concat(x, h) @ w("u")}

    with declared({"Own": step}):
        operations = [row.operation for row in cells.formulas(lv.build("Own", 3, 2))]
    assert operations[-1] == "new h" and "project h" not in operations


def test_a_second_product_is_added_and_a_weight_is_a_bias_added():
    def step(x, h, w):
        f = sigmoid(x @ w("k") + h @ w("u") + w("b")).called("f", "forget gate")
        return {"h": f * h}

    kind = make_kind(step, "Second")
    shapes = cells.weight_shapes(kind, 3, 2, {})
    cell = cells.Cell(kind, 3, 2, {}, {name: np.zeros(shape, "float32") for name, shape in shapes.items()})
    operations = [formula.operation for formula in cells.formulas(cell)]
    assert operations == ["matmul", "add", "bias add", "forget gate", "new h"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.5, "0.5"), (-3.0, "-3"), (1e-12, "10^{-12}"), (-1e-12, "-10^{-12}"), (2.5e-7, r"2.5 \cdot 10^{-7}"),
        (1 / 3, r"0.333333\ldots"), (1e20 / 3, r"3.33333\ldots \cdot 10^{19}"), (1.0000000001e12, r"1\ldots \cdot 10^{12}"),
        (1234567890.0, "1234567890"), (np.inf, r"\infty"), (-np.inf, r"-\infty"), (np.nan, r"\mathrm{nan}"),
    ],
)  # fmt: skip
def test_a_number_is_written_to_its_last_digit_or_ends_in_dots(number, text):
    assert write_number(number).text == text


def test_a_power_stands_in_brackets_where_a_power_of_ten_alone_does_not():
    assert (write_number(2.5e-7).within(ALONE), write_number(1e-7).within(ALONE)) == (
        r"(2.5 \cdot 10^{-7})", "10^{-7}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("weight", "names"),
    [
        ("w_f_diag", ("w_f", r"\mathrm{weight}_{\mathrm{w\_f\_diag}}")),
        ("kernel", (r"\mathrm{kernel}", r"\mathrm{weight}_{\mathrm{kernel}}")),
        ("a/b/gamma", (r"\gamma_b", r"\gamma_{\mathrm{a/b}}", r"\mathrm{weight}_{\mathrm{a/b/gamma}}")),
        ("a//b", ("b", r"\mathrm{weight}_{\mathrm{a//b}}")),
        ("a/", (r"\mathrm{weight}_{\mathrm{a/}}",)),
        (
            "$^",
            (r"\mathrm{\text{\textdollar}\hat{}}", r"\mathrm{weight}_{\mathrm{\text{\textdollar}\hat{}}}"),
        ),
    ],
)
def test_a_weight_has_the_shortest_name_first_and_at_last_the_whole(weight, names):
    assert name_weight(weight) == names


def test_a_split_of_an_activation_is_written_as_one():
    def step(x, h, w):
        a, b = split("ab", tanh(x @ w("k")))
        return {"h": (a + 1.0).called("a", "gate") * h + b}

    kind = make_kind(step, "Activated")
    cell = cells.Cell(kind, 3, 2, {}, {"k": np.zeros((2, 6), "float32")})
    assert [formula.operation for formula in cells.formulas(cell)] == ["activation", "split", "gate", "new h"]
