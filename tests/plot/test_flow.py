"""The data flow as a graph: its numbers against the run's, its places, its formulas."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.plot.flow import START, build_graph, follow, mark_up, write_activation
from tests.runs import make_run, runs

FULL = {"use_peepholes": True, "num_proj": 2, "cell_clip": 0.2, "proj_clip": 0.1}


def run(kind, **options):
    x = lv.sequences.make("sine", time_steps=6, input_size=2)
    return lv.run(lv.build(kind, 4, 2, seed=1, **options), x)


@st.composite
def places(draw):
    chosen = draw(runs())
    return chosen, draw(st.integers(0, chosen[2] - 1))


def find(place):
    chosen, unit = place
    cell, x, state = make_run(*chosen)
    return lv.run(cell, x, initial_state=state), unit


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


@pytest.mark.parametrize(
    ("kind", "options", "symbols"),
    [
        ("BasicRNNCell", {}, {"h_t": ["z"]}),
        ("BasicLSTMCell", {}, {"c_t": ["f · c_{t-1} + i · j"], "h_t": ["tanh(c_t) · o"]}),
        ("BasicLSTMCell", {"activation": "linear"}, {"h_t": ["(c_t) · o"]}),
        ("LSTMCell", FULL, {"c_t": ["f · c_{t-1} + i · j", "clip(c_t, ±0.20)"]}),
        ("GRUCell", {}, {"h_t": ["u · h_{t-1} + (1 − u) · c"]}),
    ],
)
def test_new_states_are_written_as_the_declarations_have_them(kind, options, symbols):
    found = {}
    for made in follow(run(kind, **options), 1, slice(None)):
        if made.is_state:
            found.setdefault(made.operation.result, []).append(made.symbols)
    for name, expected in symbols.items():
        assert sorted(found[name]) == sorted(expected)


def test_a_state_given_again_takes_the_place_of_the_one_before():
    made = [each for each in follow(run("LSTMCell", **FULL), 1, slice(None)) if each.is_state]
    assert [(each.name, each.is_again) for each in made] == [
        ("c_t", False), ("c_t'", True), ("h_t", False), ("h_t'", True), ("h_t''", True),
    ]  # fmt: skip


def test_where_a_projection_leaves_no_h_the_flow_ends_before_it():
    made = follow(run("LSTMCell", **FULL), 2, slice(None))
    assert [each.operation.operator for each in made][-1] == "product"


def test_subscripts_and_activations_are_written_for_people():
    assert mark_up("c_{t-1}") == "c<sub>t−1</sub>"
    assert mark_up("h_t + Σ_f") == "h<sub>t</sub> + Σ<sub>f</sub>"
    assert write_activation("sigmoid") == "σ"
    assert write_activation("tanh") == "tanh"
