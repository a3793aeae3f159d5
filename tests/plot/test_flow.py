"""The data flow as a graph: its numbers against the run's, its places, its formulas."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz import cells
from lstmviz.plot.flow import START, build_graph, follow, mark_up, write_activation
from tests import keras3
from tests.runs import TOLERANCE, make_trace, runs

FULL = {"use_peepholes": True, "num_proj": 2, "cell_clip": 0.2, "proj_clip": 0.1}


def run(kind, **options):
    x = lv.sequences.make("sine", time_steps=6, input_size=2)
    return lv.run(lv.build(kind, 4, 2, seed=1, **options), x)


@st.composite
def places(draw):
    chosen = draw(runs(compiled=False))
    return chosen, draw(st.integers(0, chosen[2] - 1))


def find(place):
    chosen, unit = place
    return make_trace(*chosen), unit


@settings(max_examples=60)
@given(places())
def test_the_graph_has_the_runs_numbers(place):
    trace, unit = find(place)
    nodes = {node.name: node for node in build_graph(trace, unit, slice(None)).nodes}
    for gate in trace.cell.kind.gates:
        np.testing.assert_array_equal(
            nodes[f"Σ_{gate.name}"].values, trace.preactivations[gate.name][:, unit]
        )
        np.testing.assert_array_equal(nodes[gate.name].values, trace.gates[gate.name][:, unit])
        assert (nodes[gate.name].scale == "sigmoid") == trace.is_share(gate)
    for name, values in trace.states.items():
        if unit < values.shape[1]:
            last = [node for node in nodes.values() if re.fullmatch(rf"{name}_t'*", node.name)][-1]
            np.testing.assert_array_equal(last.values, values[:, unit])
        if old := nodes.get(f"{name}_{{t-1}}"):
            np.testing.assert_array_equal(old.values, trace.before_each(name, slice(None))[:, unit])


@settings(max_examples=60)
@given(places())
def test_every_number_stands_right_of_what_made_it_and_apart_from_the_others(place):
    trace, unit = find(place)
    graph = build_graph(trace, unit, slice(0, 1))
    columns = {node.name: node.column for node in graph.nodes} | {START: -1}
    for node in graph.nodes:
        assert all(columns[operand] < node.column for operand in node.operands)
    for one, other in itertools.combinations(graph.nodes, 2):
        assert one.name != other.name
        assert one.column != other.column or abs(one.row - other.row) >= 1 - 1e-9
    # Every number but the last is used, and there are wires from each to its users.
    ends = {(wire[0], wire[-1]) for wire in graph.wires}
    at = {node.name: (float(node.column), node.row) for node in graph.nodes}
    for node in graph.nodes:
        for operand in set(node.operands) - {START}:
            assert any(np.allclose((at[operand], at[node.name]), end) for end in ends)
    used = {operand for node in graph.nodes for operand in node.operands}
    made = {f"{state}_t" for state in trace.states}
    assert {node.name.rstrip("'") for node in graph.nodes if node.name not in used} <= made | {"o"}


@settings(max_examples=60)
@given(places())
def test_formulas_have_a_number_for_each_hole(place):
    trace, unit = find(place)
    for made in follow(trace, unit, slice(None)):
        assert len(made.numbers) == len(made.values) == len(trace)
        assert all(len(row) == made.form.count("#") for row in made.numbers)


# What stands in a formula beside numbers and names, as Keras and NumPy have it.
FUNCTIONS = {
    "clip": lambda a, bound: np.clip(a, -bound, bound), "max": np.maximum, "min": np.minimum, "√": np.sqrt, "log": np.log,
    **{write_activation(name): keras3.activation(name) for name in cells.ACTIVATIONS if name != "linear"},
}  # fmt: skip
ROUGH = ("gelu", "leaky_relu")  # of which Keras keeps a constant in float32, whatever the type


def evaluate(symbols, known):
    """A formula read as Python, with the numbers that its names stand for."""
    if case := re.fullmatch("if (.+) = 0: (.+), else (.+)", symbols):
        asked, zero, other = (evaluate(part, known) for part in case.groups())
        return np.where(asked == 0, zero, other)
    names = sorted((*known, *FUNCTIONS), key=len, reverse=True)
    python = re.sub("|".join(map(re.escape, names)), lambda found: f"of[{found[0]!r}]", symbols)
    python = python.replace("·", "*").replace("−", "-").replace("±", "")
    return np.asarray(eval(python, {"of": FUNCTIONS | known}), np.float64)


def follow_all(trace):
    """Each unit's operations, and what the names in its formulas stand for before the first of them."""
    numbers = {f"Σ_{name}": values for name, values in trace.preactivations.items()} | trace.gates
    numbers |= {f"{name}_{{t-1}}": trace.before_each(name, slice(None)) for name in trace.states}
    for variable in trace.cell.kind.variables:
        vector = trace.cell.weights.get(variable.name)
        if vector is not None and vector.ndim == 1 and not variable.gates:
            numbers[variable.name] = np.broadcast_to(vector, (len(trace), vector.size))
    for unit in range(trace.cell.num_units):
        own = {
            name: values[:, unit].astype(float) for name, values in numbers.items() if unit < values.shape[1]
        }
        sources = {
            node.name: node.values
            for node in build_graph(trace, unit, slice(None)).nodes
            if re.match("[zsyvq]_", node.name)
        }
        yield unit, own | sources, follow(trace, unit, slice(None))


@settings(max_examples=60)
@given(runs(compiled=False))
def test_every_formula_gives_the_number_that_stands_beside_it(chosen):
    trace = make_trace(*chosen)
    cell = trace.cell
    rough = any(cell.options.get(name) in ROUGH for name in ("activation", "recurrent_activation"))
    within = max(TOLERANCE[cell.dtype.name], 1e-6 if rough else 0)
    for unit, known, operations in follow_all(trace):
        for made in operations:
            if made.operator not in ("matmul", "norm"):  # which take all units
                expected = evaluate(made.symbols, known)
                np.testing.assert_allclose(
                    made.values, expected, rtol=within, atol=within, err_msg=made.symbols
                )
            if made.is_state or made.letter:
                known[made.result or made.letter] = made.values
        for name, values in trace.states.items():
            if unit < values.shape[1]:
                np.testing.assert_array_equal(known[f"{name}_t"], values[:, unit])


@pytest.mark.parametrize(
    ("kind", "options", "operator", "compute"),
    [
        ("LSTMCell", {"num_proj": 3}, "matmul", lambda a, w: a @ w["projection/kernel"]),
        (
            "LayerNormBasicLSTMCell",
            {},
            "norm",
            lambda a, w: (
                (a - a.mean(1)[:, None]) / np.sqrt(a.var(1)[:, None] + 1e-12) * w["state/gamma"]
                + w["state/beta"]
            ),
        ),
    ],
)
def test_what_takes_all_units_is_made_from_the_numbers_of_all(kind, options, operator, compute):
    trace = run(kind, dtype="float64", **options)
    units = [{made.name: made for made in follow(trace, unit, slice(None))} for unit in range(3)]
    (whole,) = (made for made in units[0].values() if made.operator == operator)
    (inside,) = whole.operands
    columns = [follow(trace, unit, slice(None)) for unit in range(4)]
    operand = np.stack([next(m.values for m in made if m.name == inside) for made in columns], axis=1)
    expected = compute(operand, trace.cell.weights)
    for unit in range(3):
        np.testing.assert_allclose(units[unit][whole.name].values, expected[:, unit], rtol=0, atol=1e-12)


def test_the_flow_of_a_run_without_steps_has_no_numbers():
    trace = lv.run(lv.build("LSTMCell", 3, 2, cell_clip=0.5), np.zeros((0, 2)))
    made = follow(trace, 0, slice(None))
    assert made and all(each.values.shape == (0,) and each.numbers == () for each in made)


@pytest.mark.parametrize(
    ("kind", "options", "symbols"),
    [
        ("BasicRNNCell", {}, {"h_t": ["z"]}),
        ("BasicLSTMCell", {}, {"c_t": ["f · c_{t-1} + i · j"], "h_t": ["tanh(c_t) · o"]}),
        ("BasicLSTMCell", {"activation": "linear"}, {"h_t": ["c_t · o"]}),
        ("LSTMCell", FULL, {"c_t": ["f · c_{t-1} + i · j", "clip(c_t, ±0.20)"]}),
        ("GRUCell", {}, {"h_t": ["u · h_{t-1} + (1 − u) · c"]}),
    ],
)
def test_new_states_are_written_as_the_declarations_have_them(kind, options, symbols):
    found = {}
    for made in follow(run(kind, **options), 1, slice(None)):
        if made.is_state:
            found.setdefault(made.result, []).append(made.symbols)
    for name, expected in symbols.items():
        assert sorted(found[name]) == sorted(expected)


def test_a_state_given_again_takes_the_place_of_the_one_before():
    made = [each for each in follow(run("LSTMCell", **FULL), 1, slice(None)) if each.is_state]
    assert [(each.name, each.is_again) for each in made] == [
        ("c_t", False), ("c_t'", True), ("h_t", False), ("h_t'", True), ("h_t''", True),
    ]  # fmt: skip


def test_where_a_projection_leaves_no_h_the_flow_ends_before_it():
    made = follow(run("LSTMCell", **FULL), 2, slice(None))
    assert [each.operator for each in made][-1] == "mul"
    assert {each.result for each in made} == {"c_t", "h_t", ""}


def test_subscripts_and_activations_are_written_for_people():
    assert mark_up("c_{t-1}") == "c<sub>t−1</sub>"
    assert mark_up("lambda__{t-1} · lambda__t") == "lambda_<sub>t−1</sub> · lambda_<sub>t</sub>"
    assert mark_up("h_t + Σ_f") == "h<sub>t</sub> + Σ<sub>f</sub>"
    assert write_activation("sigmoid") == "σ"
    assert write_activation("tanh") == "tanh"
