"""In which order units are worth looking at."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.plot.stage import make_stage
from lstmviz.run.order import list_orders
from lstmviz.run.ranked import Ranked
from lstmviz.run.trace import RANGES


def make(kind="BasicLSTMCell", num_units=6, steps=40, **options):
    cell = lv.build(kind, num_units, 3, seed=2, initial_weights="orthogonal", **options)
    return lv.run(cell, np.random.default_rng(1).normal(size=(steps, 3)) * 2, engine="numpy")


@pytest.mark.parametrize("kind", lv.KINDS)
def test_every_order_has_each_unit_once_or_says_why_there_is_none(kind):
    trace = make(kind)
    ends = [f"{gate.name}.{end}" for gate in trace.cell.kind.gates for end in ("low", "high")]
    for by in ("stored", "half_life", *ends, "step", "impulse", "sine", "without", "similarity"):
        gate, _dot, end = by.rpartition(".")
        without_ends = end in ("low", "high") and trace.cell.activation_of(gate) not in RANGES
        is_missing = without_ends or (by == "half_life" and lv.atlas(trace).half_life is None)
        assert is_missing == (by not in list_orders(trace.cell.kind, trace.cell.options)), by
        if is_missing:
            with pytest.raises(ValueError, match=r"fades by a factor|no ends"):
                lv.order_units(trace, by)
        else:
            assert sorted(lv.order_units(trace, by).tolist()) == list(range(6)), by


def test_which_orders_there_are_hangs_on_the_options():
    relu = {"activation": "relu"}
    assert "j.low" not in list_orders(lv.KINDS["BasicLSTMCell"], relu)
    assert {"j.low", "half_life"} <= set(list_orders(lv.KINDS["BasicLSTMCell"]))
    assert "half_life" not in list_orders(lv.KINDS["BasicRNNCell"])


def test_the_numbers_that_units_are_ordered_by_come_along():
    trace = make()
    ranked = lv.rank_units(trace, "f.high")
    np.testing.assert_array_equal(ranked.values, lv.atlas(trace).saturation["f"].right)
    alike = lv.rank_units(trace, "similarity")
    h = trace.states["h"].astype(np.float64)
    for before, unit in itertools.pairwise(alike.order.tolist()):
        assert alike.values[unit] == pytest.approx(np.corrcoef(h[:, before], h[:, unit])[0, 1], abs=1e-5)
    assert np.isnan(alike.values[alike.order[0]]) and lv.rank_units(trace, "stored").values is None


def test_every_heatmap_in_an_order_says_what_each_row_has_of_it():
    trace = make()
    both = lv.compare(trace, make(num_units=6, forget_bias=0.0))
    ranked = lv.rank_units(trace, "f.high")
    figures = (
        lv.plot.gates(trace, order=ranked),
        lv.plot.compare(both, order=replace(ranked, whose="a")),
        lv.plot.gradients(lv.gradients(trace, 0), order=ranked),
    )
    for figure, whose in zip(figures, ("", "a: ", ""), strict=True):
        ordered = [drawn for drawn in figure.data if drawn.type == "heatmap" and drawn.text is not None]
        assert ordered
        for drawn in ordered:
            said = [row[0] for row in drawn.text]
            assert said == [f"{unit}] ({whose}f high {ranked.values[unit]:.3g})" for unit in ranked.order]
            assert "[%{text}</b>" in drawn.hovertemplate
    measured = make_stage(trace, order=ranked)
    told = measured.head["measured"]
    assert told["title"] == "f high"
    np.testing.assert_allclose(measured.arrays[told["values"]], ranked.values, rtol=1e-6)
    assert make_stage(trace).head["measured"] is None


def test_the_units_with_most_come_first():
    trace = make()
    atlas, without = lv.atlas(trace), lv.silence(trace.cell, trace.sequence)
    measured = {
        "half_life": atlas.half_life,
        "f.low": atlas.saturation["f"].left,
        "j.high": atlas.saturation["j"].right,
        "sine": np.abs(atlas.sine.gain),
        "without": without.changes,
    }
    for by, numbers in measured.items():
        order = lv.order_units(trace, by)
        assert (np.diff(numbers[order]) <= 0).all(), by
        alike = np.flatnonzero(np.diff(numbers[order]) == 0)
        assert (np.diff(order)[alike] > 0).all(), "of as many the lower number comes first"
    assert lv.order_units(trace, "stored").tolist() == list(range(6))


def test_units_that_do_alike_stand_beside_each_other():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(50, 3))
    trace = make(num_units=9, steps=50)
    mixed = np.concatenate([base, base + 0.01 * rng.normal(size=(50, 3)), 2 * base], axis=1).astype(
        np.float32
    )
    states = {**trace.states, "h": mixed}
    order = lv.order_units(replace(trace, states=states), "similarity")
    groups = [unit % 3 for unit in order.tolist()]
    assert sum(a != b for a, b in itertools.pairwise(groups)) == 2, groups


def test_a_head_says_what_the_answer_is():
    trace = make()
    head = lv.Linear(np.eye(6, 1, k=-4, dtype=np.float32), np.zeros(1, np.float32))
    assert lv.order_units(trace, "without", head)[0] == 4


def test_a_projected_h_has_no_numbers_of_the_units():
    trace = make("LSTMCell", num_proj=2)
    for by in ("without", "sine"):
        with pytest.raises(ValueError, match="projected"):
            lv.order_units(trace, by)
    assert sorted(lv.order_units(trace, "similarity").tolist()) == list(range(6))


@pytest.mark.parametrize(
    ("given", "by", "sentence"),
    [
        (None, "stored", "units are ordered by a run; NoneType is none"),
        (..., "size", "the order is 'size'; it must be one of stored, half_life, i.low"),
        (..., 3, "the order is 3"),
    ],
)
def test_an_order_that_is_none_is_refused(given, by, sentence):
    with pytest.raises(ValueError, match=sentence):
        lv.order_units(make() if given is ... else given, by)


def test_the_gates_figure_has_its_rows_in_the_order_and_each_its_own_number():
    trace = make()
    order = lv.order_units(trace, "f.high")
    figure = lv.plot.gates(trace, order=order)
    plain = lv.plot.gates(trace)
    of = {each.yaxis: each for each in figure.data}
    for each in plain.data:
        own = of[each.yaxis]
        if own.text is None:
            np.testing.assert_array_equal(own.z, each.z)  # x
        else:
            np.testing.assert_array_equal(own.z, np.asarray(each.z)[order])
            assert [row[0] for row in own.text] == [f"{unit}]" for unit in order]
    assert figure.layout.meta["link"]["order"] == order.tolist()
    assert "order" not in plain.layout.meta["link"]
    assert figure.layout.yaxis2.ticktext[0] == f"i[{order[0]}]"
    lines = lv.plot.gates(trace, units=[1], order=order)
    np.testing.assert_array_equal(lines.data[1].y, lv.plot.gates(trace, units=[1]).data[1].y)


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 1, 2, 3, 4, 4], [0.0, 1, 2, 3, 4, 5], [[0]]])
def test_an_order_without_some_unit_is_refused(order):
    with pytest.raises(ValueError, match="order must have each unit from 0 to 5 once"):
        lv.plot.gates(make(), order=order)


@pytest.mark.parametrize("steps", [40, 9_000])
def test_the_stages_strips_stand_in_the_order_and_the_kernels_gates_do_not(steps):
    trace = make(steps=steps)
    order = lv.order_units(trace, "half_life")
    plain, made = make_stage(trace), make_stage(trace, order=order)
    assert made.head["order"] == order.tolist() and plain.head["order"] is None
    for strip, own in zip(plain.head["strips"], made.head["strips"], strict=True):
        as_stored, found = plain.arrays[strip["values"]], made.arrays[own["values"]]
        if strip["tile"] == [1, 1] or own["name"] == "x":
            expected = as_stored[order] if own["ordered"] else as_stored
            np.testing.assert_array_equal(found, expected)
        assert own["ordered"] == (own["name"] != "x")
        if "stored" in own:
            np.testing.assert_array_equal(made.arrays[own["stored"]], as_stored)
    assert all(("stored" in own) == (steps > 40) for own in made.head["strips"] if own["name"] in "ijfo")


def test_units_that_differ_by_more_than_a_fifth_are_in_groups_of_their_own():
    cell = lv.build("BasicLSTMCell", 6, 2, seed=0)
    held = {
        0: 0.0,
        1: 1.0,
        2: 0.95,
        3: {range(5): 1.0, range(5, 10): 0.5},
        4: 0.0,
        5: {range(6): 1.0, range(6, 10): 0.5},
    }
    trace = lv.run(cell, np.zeros((10, 2)), engine="numpy", clamp={"f": held})
    ranked = lv.rank_units(trace, "f.high")  # shares 0, 1, 1, 0.5, 0 and 0.6
    assert ranked.order.tolist() == [1, 2, 5, 3, 0, 4] and ranked.groups == (2, 4)
    np.testing.assert_array_equal(ranked.order, lv.order_units(trace, "f.high"))
    assert lv.rank_units(trace, "stored").groups == ()


def test_half_lives_are_in_groups_by_their_ratios_and_none_stands_behind():
    cell = lv.build("BasicLSTMCell", 5, 2, seed=0)
    factors = 0.5 ** (1 / np.array([10.0, 9.0, 2.0, 1.9]))
    held = dict(enumerate(factors.tolist())) | {4: 1.0}
    trace = lv.run(cell, np.zeros((10, 2)), engine="numpy", clamp={"f": held})
    ranked = lv.rank_units(trace, "half_life")
    assert ranked.order.tolist() == [4, 0, 1, 2, 3] and ranked.groups == (1, 3)


def test_units_that_go_alike_are_one_group():
    t = np.linspace(0, 12, 50)
    h = np.stack([np.sin(t), np.cos(t), np.sin(t + 0.1), np.cos(t + 0.1)], axis=1)
    trace = lv.run(
        lv.build("BasicRNNCell", 4, 2, seed=0),
        np.zeros((50, 2)),
        engine="numpy",
        clamp={"h": {unit: dict(enumerate(h[:, unit].tolist())) for unit in range(4)}},
    )
    ranked = lv.rank_units(trace, "similarity")
    assert {frozenset(ranked.order[:2].tolist()), frozenset(ranked.order[2:].tolist())} == {
        frozenset({0, 2}),
        frozenset({1, 3}),
    }
    assert ranked.groups == (2,)


def test_groups_are_parted_by_lines_in_heatmaps_and_told_to_the_stage():
    example = lv.examples.load("sunspots", num_units=8)
    trace = lv.run(example.cell, example.sequence, engine="numpy")
    ranked = lv.rank_units(trace, "f.high")
    assert ranked.groups
    parted = len(lv.plot.gates(trace, order=ranked).layout.shapes)
    plain = len(lv.plot.gates(trace, order=ranked.order).layout.shapes)
    assert parted > plain
    assert make_stage(trace, order=ranked).head["apart"] == list(ranked.groups)
    assert make_stage(trace, order=ranked.order).head["apart"] == []


def test_lines_between_groups_never_cover_what_they_part():
    from lstmviz.plot.compare import draw_compare

    trace, height = make(num_units=64), 70  # pixels of a panel
    order = np.arange(64)

    def lines(*groups):
        figure = lv.plot.gates(trace, order=Ranked(order, groups))
        paths = [shape.path for shape in figure.layout.shapes if shape.type == "path" and "H1" in shape.path]
        return {path.count("M") for path in paths}

    assert lines(16, 32) == {2}
    assert lines(16, 17, 32) == {1}, "a line beside a single unit of 64 would cover it"
    assert lines(*range(1, 64)) == set()
    assert all(7.5 * count <= height for count in lines(*range(8, 64, 8)) | lines(*range(9, 64, 9)))
    both = lv.compare(trace, make(num_units=64))
    parted, thin = (
        str(draw_compare(both, "activations", Ranked(order, groups))["layout"]["shapes"]).count("M0,")
        for groups in ((16, 32), tuple(range(1, 64)))
    )
    assert parted and not thin
    # The stage knows its own height: it is told all of them.
    assert make_stage(trace, order=Ranked(order, (16, 17))).head["apart"] == [16, 17]
