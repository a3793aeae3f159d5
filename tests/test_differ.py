"""Which units are otherwise at some steps than at the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.plot.stage import make_contrast

TEXT = lv.sequences.from_text("a(b)c(d)(e)")


def make(kind="BasicLSTMCell", **options):
    cell = lv.build(kind, 12, TEXT.input_size, seed=2, **options)
    return lv.run(cell, TEXT, engine="numpy")


def opened():
    return [t for t, label in enumerate(TEXT.labels) if label == "("]


@pytest.mark.parametrize("name", ["h", "c", "f"])
def test_the_units_that_differ_most_come_first(name):
    trace = make()
    found = lv.differ(trace, opened(), name, most=4)
    values = {**trace.gates, **trace.states}[name].astype(float)
    inside, outside = values[opened()], np.delete(values, opened(), axis=0)
    left = np.sqrt((inside.var(axis=0) * 3 + outside.var(axis=0) * 8) / 9)
    apart = (inside.mean(axis=0) - outside.mean(axis=0)) / left
    assert list(found.units) == np.argsort(-np.abs(apart))[:4].tolist()
    np.testing.assert_allclose(found.apart, apart[list(found.units)])
    np.testing.assert_allclose(found.inside, inside.mean(axis=0)[list(found.units)])
    np.testing.assert_allclose(found.outside, outside.mean(axis=0)[list(found.units)])


def test_a_unit_that_tells_them_apart_without_fail_comes_before_all_others_and_one_that_never_moves_last():
    trace = make()
    h = np.array(trace.states["h"])
    h[:, 7] = [label == "(" for label in TEXT.labels]
    h[:, 3] = 0.5
    found = lv.differ(replace(trace, states={**trace.states, "h": h}), opened(), most=12)
    assert found.units[0] == 7 and np.isposinf(found.apart[0])
    assert found.units[-1] == 3 and found.apart[-1] == 0


@pytest.mark.parametrize(
    ("steps", "more", "sentence"),
    [
        ([], {}, "0 of 11 steps are selected"),
        (range(11), {}, "11 of 11 steps are selected"),
        ([11], {}, "a step is 11; it must be 0 to 10"),
        ([-1], {}, "a step is -1"),
        ([1], {"name": "q"}, "has no gate or state 'q'; it has i, j, f, o, c, h"),
        ([1], {"most": 0}, "most is 0"),
        ([1], {"most": True}, "most is True"),
    ],
    ids=str,
)
def test_what_cannot_be_told_apart_is_said(steps, more, sentence):
    with pytest.raises(ValueError, match=sentence):
        lv.differ(make(), steps, **more)


def test_a_cell_is_no_run():
    with pytest.raises(ValueError, match="Cell is none"):
        lv.differ(lv.build("GRUCell", 2, 2), [0])


def test_the_stage_tells_ten_units():
    told = make_contrast(make(), "h", opened())
    assert told["steps"] == 3 and len(told["units"]) == 10
    assert told["units"][0][0] == lv.differ(make(), opened()).units[0]
