"""In which order units are worth looking at."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.run.order import list_orders
from lstmviz.run.trace import RANGES


def make(kind="BasicLSTMCell", num_units=6, steps=40, **options):
    cell = lv.build(kind, num_units, 3, seed=2, initial_weights="orthogonal", **options)
    return lv.run(cell, np.random.default_rng(1).normal(size=(steps, 3)) * 2, engine="numpy")


@pytest.mark.parametrize("kind", lv.KINDS)
def test_every_order_has_each_unit_once_or_says_why_there_is_none(kind):
    trace = make(kind)
    for by in list_orders(trace.cell.kind):
        gate, _dot, end = by.rpartition(".")
        without_ends = end in ("low", "high") and trace.cell.activation_of(gate) not in RANGES
        if without_ends or (by == "half_life" and lv.atlas(trace).half_life is None):
            with pytest.raises(ValueError, match=r"fades by a factor|no ends"):
                lv.order_units(trace, by)
        else:
            assert sorted(lv.order_units(trace, by).tolist()) == list(range(6)), by


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
            assert [row[0] for row in own.text] == [str(unit) for unit in order]
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
    from lstmviz.plot.stage import make_stage

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
