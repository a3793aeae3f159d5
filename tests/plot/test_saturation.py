"""The scatter of how often each unit's gates are at their ends, beside what was recorded."""

from __future__ import annotations

import numpy as np
import pytest

import lstmviz as lv


def _points(figure):
    return [data for data in figure.data if data.mode == "markers"]


def test_each_unit_is_where_the_shares_of_its_steps_put_it():
    example = lv.examples.load("brackets")
    trace = lv.run(example.cell, example.sequence, engine="numpy")
    for gate, points in zip(trace.cell.kind.gates, _points(lv.plot.saturation(trace)), strict=True):
        values = trace.gates[gate.name]
        lower = 0.1 if trace.is_share(gate) else -0.9
        at = {
            unit: (x, y)
            for x, y, text in zip(points.x, points.y, points.text, strict=True)
            for unit in map(int, text.split(", "))
        }
        assert sorted(at) == list(range(8))
        for unit, (low, high) in at.items():
            assert low == np.mean(values[:, unit] < lower) and high == np.mean(values[:, unit] > 0.9)


def test_units_at_one_place_are_one_larger_point_that_names_them():
    trace = lv.run(
        lv.build("BasicLSTMCell", 9, 3, seed=0), np.zeros((4, 3)), engine="numpy", clamp={"f": 1.0}
    )
    points = _points(lv.plot.saturation(trace))[2]
    assert list(points.x) == [0] and list(points.y) == [1]
    assert points.text == ("0, 1, 2, 3, 4, 5 and 3 more",) and points.marker.size[0] > 7
    assert "f mostly low: 0 of 9, mostly high: 9 of 9" in lv.plot.describe_saturation(trace)


def test_each_point_says_which_units_a_click_pins():
    example = lv.examples.load("brackets")
    figure = lv.plot.saturation(lv.run(example.cell, example.sequence, engine="numpy"))
    panels = figure.layout.meta["link"]["panels"]
    assert [(panel["name"], panel["columns"]) for panel in panels] == [(gate, "point") for gate in "ijfo"]
    for points in _points(figure):
        named = [(", ".join(map(str, units)), words) for units, words in points.customdata]
        assert [text for text, _words in named] == list(points.text)
        low, high = points.x[0], points.y[0]
        assert named[0][1] == f"steps at the lower end: {low:.0%}, at the upper: {high:.0%}"


def test_a_gate_without_ends_has_no_points_and_a_cell_without_any_is_refused():
    cell = lv.build("BasicRNNCell", 3, 2, activation="relu")
    with pytest.raises(ValueError, match="No gate of this cell has ends"):
        lv.plot.saturation(lv.run(cell, np.ones((3, 2)), engine="numpy"))
    mixed = lv.build("BasicLSTMCell", 3, 2, activation="relu")
    figure = lv.plot.saturation(lv.run(mixed, np.ones((3, 2)), engine="numpy"))
    assert len(_points(figure)) == 3  # i, f and o, and no j
    with pytest.raises(ValueError, match="no steps"):
        lv.plot.saturation(lv.run(cell, np.ones((0, 2)), engine="numpy"))


@pytest.mark.parametrize("kind", [kind for kind in lv.KINDS if kind != "IndRNN"])  # its gate is a relu
def test_every_kind_is_drawn(kind):
    cell = lv.build(kind, 5, 3, seed=0)
    trace = lv.run(cell, np.random.default_rng(0).normal(size=(20, 3)), engine="numpy")
    figure = lv.plot.saturation(trace, theme="dark")
    assert _points(figure) and lv.plot.saturation_json(trace).startswith("{")
