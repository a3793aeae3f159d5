"""Gradients over time, as pictures and in words."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plotly.colors import sample_colorscale

import lstmviz as lv
from lstmviz.plot import theme as themes
from tests.runs import count, make_trace, runs

SUNSPOTS = lv.sequences.make("sunspots", time_steps=60, input_size=4)


def find(kind="BasicLSTMCell", unit=3, t=None, x=SUNSPOTS, num_units=8, **options):
    x = lv.sequences.wrap(x)
    return lv.gradients(lv.run(lv.build(kind, num_units, x.input_size, **options), x), unit, t)


@pytest.fixture(scope="module")
def found():
    return find()


def heatmaps(figure):
    return [drawn for drawn in figure.data if drawn.type == "heatmap"]


def lines(figure):
    return [drawn for drawn in figure.data if drawn.type == "scatter" and "lines" in drawn.mode]


def notes(figure):
    return figure.layout.annotations[-1].text


def make_gradients(case, t, unit):
    """Gradients with respect to all that a run has: each step's of another order, some of them nothing."""
    trace, rng = make_trace(*case), np.random.default_rng(case[-1])
    cell = trace.cell

    def make_rows(size):
        orders = 10.0 ** rng.uniform(-30, 3, size=(t + 1, 1)) * (rng.random((t + 1, 1)) > 0.2)
        return (rng.normal(size=(t + 1, size)) * orders).astype(cell.dtype)

    states = {name: make_rows(cell.state_size(name)) for name in trace.states}
    states["h"][-1] = np.eye(cell.output_size)[unit]
    return lv.Gradients(trace, unit, t, make_rows(cell.input_size), states, trace.initial_state)


@settings(max_examples=40)
@given(runs(compiled=False), st.data())
def test_the_picture_holds_the_gradients_and_their_norms(run, data):
    kind, options, num_units, input_size, steps, dtype, seed = run
    t = data.draw(st.integers(0, steps))
    unit = data.draw(st.integers(0, (options.get("num_proj") or num_units) - 1))
    found = make_gradients((kind, options, num_units, input_size, steps + 1, dtype, seed), t, unit)
    figure = lv.plot.gradients(found)
    arrays = [found.x, *found.states.values()]
    assert len(heatmaps(figure)) == len(arrays)
    largest = max(np.abs(array).max() for array in arrays)
    for heatmap, array in zip(heatmaps(figure), arrays, strict=True):
        np.testing.assert_array_equal(heatmap.z, array.T)
        scale = figure.layout[heatmap.coloraxis]
        assert -scale.cmin == scale.cmax == pytest.approx(largest)
    low, high = figure.layout.yaxis.range
    for line, norms in zip(lines(figure), found.norms().values(), strict=True):
        shown = norms[norms > 0]
        np.testing.assert_array_equal(np.asarray(line.y)[norms > 0], shown)
        assert np.isnan(np.asarray(line.y)[norms <= 0]).all()
        assert ((10**low < shown) & (shown < 10**high)).all()
    assert figure.layout.title.text.endswith(count(t + 1, num_units))


def test_one_shows_x_and_each_state_of_its_kind(found):
    assert [line.legendgroup for line in lines(lv.plot.gradients(found))] == ["x", "c", "h"]
    assert [line.legendgroup for line in lines(lv.plot.gradients(find("GRUCell")))] == ["x", "h"]


def test_several_show_their_x_beside_each_other_and_the_heatmaps_of_the_first(found):
    rnn = find("BasicRNNCell")
    figure = lv.plot.gradients(rnn, found)
    assert [line.legendgroup for line in lines(figure)] == ["BasicRNNCell", "BasicLSTMCell"]
    np.testing.assert_array_equal(lines(figure)[1].y, found.norms()["x"])
    assert len(heatmaps(figure)) == 2
    np.testing.assert_array_equal(heatmaps(figure)[0].z, rnn.x.T)
    assert figure.layout.title.text.startswith("BasicRNNCell")


def test_several_of_a_kind_are_told_apart_by_what_differs():
    def labels(*several):
        return [line.legendgroup for line in lines(lv.plot.gradients(*several))]

    assert labels(find(forget_bias=0.5), find(forget_bias=3), find("GRUCell")) == [
        "BasicLSTMCell forget_bias=0.5", "BasicLSTMCell forget_bias=3", "GRUCell",
    ]  # fmt: skip
    assert labels(find(unit=1), find(num_units=5)) == [
        "num_units=8, unit=1",
        "num_units=5, unit=3",
    ]
    assert labels(find(), find()) == ["BasicLSTMCell (1)", "BasicLSTMCell (2)"]


def test_the_legend_and_a_circle_say_where_a_norm_has_faded(found):
    figure = lv.plot.gradients(found)
    steps = found.reach()["x"]
    assert lines(figure)[0].name == f"x: fades to 1% in {steps} steps"
    (circle,) = [d for d in figure.data if d.legendgroup == "x" and d.mode == "markers"]
    assert list(circle.x) == [figure.layout.xaxis.categoryarray[59 - steps]]
    norms = found.norms()["x"]
    assert circle.y[0] == norms[59 - steps] < 0.01 * norms.max() <= norms[60 - steps]


def test_what_does_not_fade_says_so():
    kept = find(forget_bias=8.0)
    assert kept.reach()["c"] is None
    figure = lv.plot.gradients(kept)
    assert lines(figure)[1].name == "c: does not fade to 1%"


def test_colours_stand_for_powers_of_ten_in_both_themes(found):
    # Three colours on either side of the middle, a hundredfold each; plotly's own reading of the scale is the oracle.
    for theme in ("light", "dark"):
        figure = lv.plot.gradients(found, theme=theme)
        scale = [list(stop) for stop in figure.layout.coloraxis.colorscale]
        reach = 10.0 ** np.array([-6, -4, -2, 0])
        values = [*-reach[::-1], 0, *reach]
        drawn = sample_colorscale(scale, [(1 + v) / 2 for v in values], colortype="tuple")
        evenly = [themes.DIVERGING[theme][k][1] for k in (0, 1, 2, 3, 3, 3, 4, 5, 6)]
        expected = [[int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)] for colour in evenly]
        np.testing.assert_allclose(drawn, expected, atol=1e-6)


def test_a_hundredfold_is_one_colour_wherever_it_starts(found):
    scale = [list(stop) for stop in lv.plot.gradients(found).layout.coloraxis.colorscale]
    places = [place for place, _colour in scale]
    assert places == sorted(places) and (places[0], places[-1]) == (0, 1)
    np.testing.assert_allclose(np.diff(np.log10(np.array(places[15:]) - 0.5)), 0.5, atol=1e-6)


def test_the_picture_says_what_its_colours_mean(found):
    figure = lv.plot.gradients(found)
    assert "one step along a bar is a factor of 100" in notes(figure)
    assert f"nearer to 0 than {figure.layout.coloraxis.cmax / 1e6:.2g}".replace("-", "−") in notes(figure)


def test_numbers_that_no_log_axis_shows_are_named(found):
    assert "c is 0 at step 59, so not on the log axis" in notes(lv.plot.gradients(found))
    long = find("BasicRNNCell", x=lv.sequences.make("white_noise", time_steps=2_000, input_size=4))
    zeros = int((long.norms()["x"] == 0).sum())
    assert zeros > 1_000  # float32 holds nothing as small
    figure = lv.plot.gradients(long)
    assert f"x is 0 in float32 at {zeros:,} steps" in notes(figure)
    assert np.isnan(lines(figure)[0].y[0])


def test_no_gradient_at_all_is_drawn_and_named():
    zeros = lv.build("BasicRNNCell", 2, 1, initial_weights="zeros")
    figure = lv.plot.gradients(lv.gradients(lv.run(zeros, np.ones((4, 1), "float32")), 0))
    assert lines(figure)[0].name == "x: 0 at every step"
    assert "x is 0 in float32 at 4 steps" in notes(figure)
    assert figure.layout.coloraxis.cmax == 1


def test_what_is_not_finite_is_marked_and_counted():
    x = np.ones((6, 2), np.float32)
    x[4] = np.nan
    found = find("BasicRNNCell", unit=0, x=x, num_units=3)
    figure = lv.plot.gradients(found)
    count = sum(int((~np.isfinite(array)).sum()) for array in (found.x, found.states["h"]))
    assert count > 0
    assert notes(figure).endswith(f"NaN or infinite: {count}")
    assert lv.plot.describe_gradients(found)


@pytest.mark.parametrize(
    ("value", "low", "high"), [(5e-324, -324, -323), (1.7e308, 308, 309), (0.5, -1, 0), (1.0, -1, 0)]
)
def test_the_log_axis_holds_every_number_there_is(value, low, high):
    cell = lv.build("BasicRNNCell", 1, 1, dtype="float64")
    trace = lv.run(cell, [[1.0]])
    h, x = np.ones((1, 1)), np.array([[value]])
    axis = lv.plot.gradients(lv.Gradients(trace, 0, 0, x, {"h": h * value}, {"h": h[0]})).layout.yaxis
    assert axis.range[0] <= low < high <= axis.range[1]
    assert len(axis.tickvals) >= 1
    assert all(0 < tick < np.inf for tick in axis.tickvals)


def test_one_step_is_a_dot():
    figure = lv.plot.gradients(find(t=0))
    assert figure.layout.title.text.endswith("1 step × 8 units")
    assert lines(figure)[0].mode == "lines+markers"
    assert np.isfinite(lines(figure)[0].y).all()


def test_a_point_between_two_that_are_not_drawn_is_a_dot_in_a_long_run_too():
    from lstmviz.plot.curves import has_single_points

    assert has_single_points(np.array([False, True, False]))
    assert has_single_points(np.array([False, True]))
    assert not has_single_points(np.array([False, True, True]))


def test_the_time_axis_ends_at_the_step():
    axis = lv.plot.gradients(find(t=20)).layout.xaxis
    assert len(axis.categoryarray) == 21
    assert axis.categoryarray[20] == "step 20: 1969"
    assert tuple(axis.range) == (-0.5, 20.5)


def test_the_legend_has_room_on_a_phone():
    several = [find(forget_bias=b) for b in (0.0, 1.0, 2.0, 3.0)]
    layout = lv.plot.gradients(*several).layout
    narrow = layout.meta["narrow"]
    assert narrow["margin.t"] == 62 + 4 * 21 > layout.margin.t  # a row each, where a screen needs fewer
    drawn = layout.height - narrow["margin.t"] - layout.margin.b
    assert drawn * (layout.yaxis.domain[1] - layout.yaxis.domain[0]) == pytest.approx(170)


@pytest.mark.parametrize("draw", [lv.plot.gradients, lv.plot.gradients_json, lv.plot.describe_gradients])
def test_gradients_of_none_or_of_different_steps_are_refused(draw, found):
    with pytest.raises(ValueError, match="there are no gradients to draw"):
        draw()
    with pytest.raises(ValueError, match="t is 20, 59; gradients in one figure must be of the same step"):
        draw(found, find(t=20))


def test_the_text_names_shape_and_finding(found):
    text = lv.plot.describe_gradients(found)
    assert "h[3] at step 59 of BasicLSTMCell" in text
    assert "x, c, h over 60 steps, 8 units" in text
    for name, steps in found.reach().items():
        assert f"{name}: fades to 1% in {steps} steps" in text


def test_the_text_of_several_compares_them(found):
    rnn = find("BasicRNNCell")
    text = lv.plot.describe_gradients(rnn, found)
    assert f"BasicRNNCell: fades to 1% in {rnn.reach()['x']} steps" in text
    assert f"BasicLSTMCell: fades to 1% in {found.reach()['x']} steps" in text


def test_markup_in_labels_and_titles_is_shown_as_it_is():
    sequence = lv.Sequence(np.zeros((2, 2), np.float32), ("<b>", "a"), ("<i>", "y"), "<a href='x'>t</a>")
    layout = lv.plot.gradients(find(unit=0, x=sequence, num_units=2)).layout
    assert layout.xaxis.categoryarray[0] == "step 0: &lt;b&gt;"
    assert layout.annotations[1].text == "<b>∂h[0] / ∂x</b> &lt;a href='x'&gt;t&lt;/a&gt;"


def test_numbers_travel_as_they_are(found):
    sent = json.loads(lv.plot.gradients_json(found))
    assert sent["data"][-1]["z"]["dtype"] == "f4"


def test_norms_and_heatmaps_are_linked_with_the_other_pictures(found):
    drawn = lv.plot.gradients(found)
    told = drawn.layout.meta["link"]
    assert [(panel["name"], panel["columns"], panel["rows"]) for panel in told["panels"]] == [
        ("", "step", ""),
        ("x", "step", "input"),
        ("c", "step", "unit"),
        ("h", "step", "hidden"),
    ]
    assert {panel["y"] for panel in told["panels"][1:]} == {each.yaxis for each in heatmaps(drawn)}
    assert {told["panels"][0]["y"]} == {each.yaxis or "y" for each in lines(drawn)}
    assert told["steps"] == len(found)


def test_the_heatmaps_have_their_units_in_an_order_and_x_its_features_as_they_are(found):
    order = [3, 1, 7, 0, 2, 6, 5, 4]
    plain, ordered = heatmaps(lv.plot.gradients(found)), heatmaps(lv.plot.gradients(found, order=order))
    np.testing.assert_array_equal(ordered[0].z, plain[0].z)
    for before, after in zip(plain[1:], ordered[1:], strict=True):
        np.testing.assert_array_equal(after.z, before.z[order])
        assert [row[0] for row in after.text] == [
            f"{unit}]" for unit in order
        ] and "%{text}" in after.hovertemplate
    assert lv.plot.gradients(found, order=order).layout.meta["link"]["order"] == order
    with pytest.raises(ValueError, match="order must have each unit"):
        lv.plot.gradients(found, order=[0])
