"""The ledger as a picture and in words."""

import json

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.plot import theme as themes
from lstmviz.plot.ledger import MOST
from lstmviz.plot.number import write
from lstmviz.run.ledger import list_ledgers
from tests.runs import make_trace, runs


def make(steps=12, kind="BasicLSTMCell", seed=1, start=None, x=None):
    cell = lv.build(kind, num_units=4, input_size=3, seed=seed)
    x = np.random.default_rng(seed).normal(size=(steps, 3)) if x is None else x
    return lv.run(cell, x, initial_state=start, engine="numpy")


def parts(figure):
    (bars,) = [drawn for drawn in figure.data if drawn.type == "bar"]
    heatmaps = [drawn for drawn in figure.data if drawn.type == "heatmap"]
    return bars, heatmaps[0], heatmaps[1:]


def texts(figure):
    return " ".join(note.text.replace("<br>", " ") for note in figure.layout.annotations)


@given(runs(compiled=False), st.data())
@settings(max_examples=30)
def test_the_bars_are_a_row_of_the_triangle_and_both_are_the_ledger(case, data):
    assume(case[4] > 0)
    trace = make_trace(*case)
    for state in list_ledgers(trace.cell):
        t = data.draw(st.integers(0, len(trace) - 1))
        unit = data.draw(st.integers(0, trace.cell.num_units - 1))
        found = lv.ledger(trace, unit, t, state)
        bars, triangle, _marks = parts(lv.plot.ledger(trace, unit, t, state))
        np.testing.assert_array_equal(bars.y, found.shares)
        z = np.asarray(triangle.z)
        np.testing.assert_allclose(z[t, : t + 1], found.shares, rtol=1e-6, atol=1e-30)
        written = np.tri(len(trace), dtype=bool)
        whole = lv.ledger(trace, unit, state=state).over_time().T
        np.testing.assert_allclose(z[written], whole[written], rtol=1e-6, atol=1e-30)


def test_whatever_step_is_asked_for_the_triangle_is_the_same():
    trace = make()
    _bars, whole, _marks = parts(lv.plot.ledger(trace, 2))
    for t in range(12):
        figure = lv.plot.ledger(trace, 2, t=t)
        bars, triangle, _marks = parts(figure)
        np.testing.assert_array_equal(triangle.z, whole.z)
        assert len(bars.y) == t + 1
        assert [text for text in figure.layout.yaxis2.ticktext if "<b>" in text] == [f"<b>t = {t}</b>"]


def test_of_a_long_run_a_click_leaves_in_view_what_was_clicked():
    trace = make(steps=3 * MOST)
    for t in (0, MOST // 2 - 1, MOST - 1, MOST, 2 * MOST + 7, 3 * MOST - 1):
        bars, triangle, _marks = parts(lv.plot.ledger(trace, 2, t=t))
        first, last = int(triangle.y0), int(triangle.y0) + len(triangle.z) - 1
        assert first <= t <= last and len(triangle.z) <= MOST
        np.testing.assert_array_equal(bars.y, lv.ledger(trace, 2, t).shares[first:])
        for row in range(max(t - 250, first), last + 1, 50):  # the step asked for next, which was in view
            _bars, then, _marks = parts(lv.plot.ledger(trace, 2, t=row))
            assert then.y0 <= first or row > last, "no step that wrote is gone"


def test_what_was_not_written_yet_is_no_cell():
    figure = lv.plot.ledger(make(), 2)
    _bars, triangle, marks = parts(figure)
    assert np.isnan(np.asarray(triangle.z)[np.triu_indices(12, 1)]).all()
    assert np.isfinite(np.asarray(triangle.z)[np.tril_indices(12)]).all()
    assert not marks
    assert "NaN" not in texts(figure)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_part_at_0_and_reach_as_far_as_the_shares(theme):
    trace = make()
    figure = lv.plot.ledger(trace, 2, theme=theme)
    _bars, triangle, _marks = parts(figure)
    scale = figure.layout[triangle.coloraxis]
    largest = np.abs(lv.ledger(trace, 2).over_time()).max()
    assert -scale.cmin == scale.cmax == pytest.approx(largest)
    assert [list(stop) for stop in scale.colorscale] == themes.DIVERGING[theme]


def test_a_bar_has_the_colour_of_its_sign():
    bars, _triangle, _marks = parts(lv.plot.ledger(make(), 2))
    assert {share < 0 for share in bars.y} == {True, False}
    for share, colour in zip(bars.y, bars.marker.color, strict=True):
        assert colour == (themes.FALLS if share < 0 else themes.RISES)


def test_it_says_how_a_share_is_made_and_what_is_left_of_the_start():
    trace = make(steps=3, start={"c": np.full(4, 2.0)})
    found = lv.ledger(trace, 1)
    said = texts(lv.plot.ledger(trace, 1))
    assert "A share is what its step wrote, i · j, times each later f." in said
    assert found.initial > 0.1
    assert f"of its initial state {write(float(found.initial))} is left" in said


def test_bars_and_cells_stand_at_their_steps():
    figure = lv.plot.ledger(make(), 2, t=7)
    bars, triangle, _marks = parts(figure)
    assert list(bars.x) == [f"step {t}" for t in range(8)]
    assert list(figure.layout.xaxis.categoryarray) == [f"step {t}" for t in range(12)]
    assert (triangle.y0, tuple(figure.layout.yaxis2.range)) == (0, (11.5, -0.5))
    assert figure.layout.title.text == "BasicLSTMCell ledger of c[2]: 12 steps"


def test_of_many_steps_the_last_are_drawn_and_the_others_said():
    trace = make(steps=MOST + 30, start={"c": np.ones(4)})
    figure, found = lv.plot.ledger(trace, 2), lv.ledger(trace, 2)
    bars, triangle, _marks = parts(figure)
    assert np.shape(triangle.z) == (MOST, MOST)
    np.testing.assert_array_equal(bars.y, found.shares[30:])
    assert (bars.x0, triangle.x0, triangle.y0) == (30, 30, 30)
    assert tuple(figure.layout.xaxis.range) == (29.5, MOST + 29.5)
    assert "Steps 0 to 29, which are not drawn, wrote" in texts(figure)


def test_a_share_that_is_no_number_is_marked_and_counted():
    x = np.random.default_rng(0).normal(size=(6, 3))
    x[4] = np.nan
    figure = lv.plot.ledger(make(x=x), 0)
    _bars, _triangle, marks = parts(figure)
    nan = np.isnan(lv.ledger(make(x=x), 0).over_time())
    assert nan.sum() == 4 + 1 + 6
    assert np.nansum(np.asarray(marks[0].z)) == nan.sum()
    assert "NaN or infinite: 11" in texts(figure)


def test_of_steps_at_which_the_state_was_held_it_says_what_they_wrote():
    cell = lv.build("BasicLSTMCell", num_units=4, input_size=3)
    x = np.random.default_rng(1).normal(size=(12, 3))
    trace = lv.run(cell, x, clamp={"c": {1: {range(3, 6): 1.0}}}, engine="numpy")
    told = "Steps at which the run held c[1]: 3; what was held is what these wrote"
    assert lv.ledger(trace, 1).held.nonzero()[0].tolist() == [3, 4, 5]
    assert told in texts(lv.plot.ledger(trace, 1)) and "held" not in texts(lv.plot.ledger(trace, 2))
    assert told in texts(lv.plot.ledger(trace, 1, t=2)), "the triangle has them all the same"


def test_it_is_described_by_its_largest_shares():
    trace = make()
    shares = lv.ledger(trace, 2).shares
    words = lv.plot.describe_ledger(trace, 2)
    assert words.startswith("The ledger of c[2] of BasicLSTMCell")
    for step in np.argsort(-np.abs(shares))[:3]:
        assert f"step {step} " in words.partition("The largest shares:")[2]


def test_the_pages_json_is_the_figure():
    trace = make()
    drawn = go.Figure(json.loads(lv.plot.ledger_json(trace, 1)))
    figure = go.Figure(json.loads(lv.plot.to_json(lv.plot.ledger(trace, 1))))
    assert drawn.to_plotly_json() == figure.to_plotly_json()


def test_a_state_without_a_ledger_has_no_picture():
    with pytest.raises(lv.NoLedger, match="h of BasicLSTMCell has no ledger"):
        lv.plot.ledger(make(), 0, state="h")
    with pytest.raises(ValueError, match="unit is 4"):
        lv.plot.describe_ledger(make(), 4)
