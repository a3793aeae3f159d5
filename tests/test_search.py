"""Where else units are on together, against a search that looks at every place by itself."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import lstmviz as lv
from lstmviz.run import search as module


def is_on(h, unit, start, stop, threshold, around):
    inside = all(h[step, unit] >= threshold for step in range(start, stop))
    edges = [step for step in (start - 1, stop) if 0 <= step < len(h)] if around else []
    return inside and not any(h[step, unit] >= threshold for step in edges)


def look_everywhere(h, steps, threshold, around, least):
    """Every place with its units, in the order of the ranking."""
    start, stop = steps
    pattern = [u for u in range(h.shape[1]) if is_on(h, u, start, stop, threshold, around)]
    places = []
    for first in range(len(h)):
        lasts = range(first + 1, len(h) + 1) if around else [first + stop - start]
        for last in lasts:
            apart = (first, last) != steps if around else last <= start or first >= stop
            if last <= len(h) and apart:
                units = tuple(u for u in pattern if is_on(h, u, first, last, threshold, around))
                if len(units) >= least:
                    places.append((first, last, units))
    length = stop - start
    return tuple(pattern), sorted(places, key=lambda p: (-len(p[2]), abs(p[1] - p[0] - length), p[0]))


def keep_apart(places):
    kept = []
    for place in places:
        if all(place[1] <= other[0] or place[0] >= other[1] for other in kept):
            kept.append(place)
    return kept


SHAPES = st.tuples(st.integers(1, 25), st.integers(1, 4))
NUMBERS = st.sampled_from([0.0, 0.25, 0.5, 1.0, float("nan")])


@given(arrays.arrays(np.float32, SHAPES, elements=NUMBERS), st.data(), st.booleans(), st.integers(1, 2))
@settings(max_examples=200)
def test_every_place_is_found_and_no_other(h, data, around, least):
    start = data.draw(st.integers(0, len(h) - 1))
    stop = data.draw(st.integers(start + 1, len(h)))
    found = lv.search(h, (start, stop), threshold=0.5, around=around, least=least, most=1000)
    units, places = look_everywhere(h, (start, stop), 0.5, around, least)
    assert (found.steps, found.units) == ((start, stop), units)
    if not units:
        assert not found.places and not found.total
        return
    assert found.total == len(places)
    expected = places if around else keep_apart(places)
    assert [(p.start, p.stop, p.units) for p in found.places] == expected


def test_a_run_is_searched_in_the_state_that_is_asked_for():
    cell = lv.build("BasicLSTMCell", num_units=8, input_size=3, seed=0)
    x = np.tile(np.random.default_rng(0).normal(size=(20, 3)), (5, 1))
    trace = lv.run(cell, x, engine="numpy")
    for state in ("h", "c"):
        found = lv.search(trace, (43, 46), state=state, threshold=0.1, around=False)
        units, places = look_everywhere(trace.states[state], (43, 46), 0.1, False, 1)
        assert found.units == units
        assert [(p.start, p.stop, p.units) for p in found.places] == keep_apart(places)[:50]
    # The sequence comes again every 20 steps, and with it the pattern.
    assert {3, 23, 63, 83} <= {
        p.start for p in lv.search(trace, (43, 46), threshold=0.1, around=False).places
    }


def test_so_many_places_are_given_and_all_are_counted():
    h = np.tile(np.array([[0.0], [1.0]]), (50, 1))
    found = lv.search(h, (1, 2), most=7)
    assert (len(found.places), found.total) == (7, 49)
    assert [place.start for place in found.places] == [3, 5, 7, 9, 11, 13, 15]
    assert [len(place) for place in found.places] == [1] * 7


def test_only_the_units_that_may_be_are_in_the_pattern():
    h = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 0, 0]], float)
    assert lv.search(h, (1, 2)).units == (0, 1)
    found = lv.search(h, (1, 2), units=[1, 2])
    assert (found.units, found.places[0].units) == ((1,), (1,))


def test_more_steps_than_are_compared_at_a_time(monkeypatch):
    h = np.random.default_rng(0).normal(size=(100, 5))
    whole = lv.search(h, (10, 11), around=False)
    monkeypatch.setattr(module, "_BLOCK", 7)
    assert lv.search(h, (10, 11), around=False) == whole
    assert whole.units and whole.places


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        ({"steps": (3, 3)}, r"steps is \(3, 3\); it must be \(first, stop\), from 0 to 5"),
        ({"steps": (0, 6)}, "from 0 to 5"),
        ({"steps": (-1, 2)}, "from 0 to 5"),
        ({"threshold": float("nan")}, "threshold is nan; it must be a number"),
        ({"least": 0}, "least is 0; it must be a whole number from 1 on"),
        ({"most": 0}, "most is 0; it must be a whole number from 1 on"),
        ({"units": [2]}, "unit is 2; it must be 0 to 1"),
    ],
)
def test_what_is_not_there_is_said(given_, sentence):
    wanted = {"steps": (0, 2), **given_}
    with pytest.raises(ValueError, match=sentence):
        lv.search(np.zeros((5, 2)), **wanted)


def test_an_array_of_another_shape_and_a_state_that_is_not_there_are_said():
    with pytest.raises(ValueError, match=r"the run has the shape \[5\]; it must be \[time, units\]"):
        lv.search(np.zeros(5), (0, 1))
    trace = lv.run(lv.build("GRUCell", 2, 2), np.zeros((3, 2)), engine="numpy")
    with pytest.raises(ValueError, match="state is 'c'; GRUCell has the states h"):
        lv.search(trace, (0, 1), state="c")


@pytest.mark.parametrize("steps", [(1, 2, 3), [1], (0.0, 2.0), (True, 2)], ids=str)
def test_steps_that_are_no_two_numbers_are_refused(steps):
    with pytest.raises(ValueError, match="it must be \\(first, stop\\)"):
        inspect.unwrap(lv.search)(np.zeros((5, 2)), steps)


def test_a_list_of_rows_is_a_run_and_a_unit_that_is_named_twice_counts_once():
    rows = [[0, 0], [1, 0], [0, 0], [1, 0], [0, 0]]
    found = inspect.unwrap(lv.search)(rows, (1, 2), units=[0, 0], most=np.int64(3))
    assert found.units == (0,) and [(place.start, place.stop) for place in found.places] == [(3, 4)]
    with pytest.raises(ValueError, match="the run has the shape"):
        inspect.unwrap(lv.search)([["a", "b"]], (0, 1))
