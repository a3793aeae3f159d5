"""Gates over time."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.plot.theme import DIVERGING, SEQUENTIAL
from tests.runs import count, make_trace, runs


@pytest.fixture(scope="module")
def trace():
    cell = lv.build("BasicLSTMCell", num_units=8, input_size=4)
    return lv.run(cell, lv.sequences.make("sunspots", time_steps=60, input_size=4))


@pytest.fixture(scope="module")
def text_trace():
    sequence = lv.sequences.from_text("hello world")
    return lv.run(lv.build("GRUCell", 3, sequence.input_size), sequence)


def panels(figure):
    """The heatmaps by the letter in front of their title, from the top."""
    letters = [a.text[3] for a in figure.layout.annotations if a.text.startswith("<b>") and a.x == 0]
    return dict(zip(letters, figure.data, strict=True))


@settings(max_examples=40)
@given(runs(compiled=False), st.sampled_from(["activations", "preactivations"]))
def test_the_picture_holds_what_the_run_recorded(run, values):
    trace = make_trace(*run)
    cell = trace.cell
    figure = lv.plot.gates(trace, values=values)
    drawn = list(figure.data)
    recorded = trace.gates if values == "activations" else trace.preactivations
    expected = [trace.x, *recorded.values(), *trace.states.values()]
    assert len(drawn) == len(expected)
    for heatmap, array in zip(drawn, expected, strict=True):
        if len(trace):  # Plotly drops the axes of an empty array
            np.testing.assert_array_equal(heatmap.z, array.T)
        assert heatmap.xaxis in (None, "x")
    assert figure.layout.title.text.endswith(count(len(trace), cell.num_units))
    for heatmap, array in zip(drawn, expected, strict=True):
        scale = figure.layout[heatmap.coloraxis]
        assert scale.cmin <= array.min(initial=0) and array.max(initial=0) <= scale.cmax  # nothing is clipped
        assert scale.cmin == (0 if heatmap.coloraxis == "coloraxis2" else -scale.cmax)


@pytest.mark.parametrize(
    ("name", "is_share"),
    [("sigmoid", True), ("hard_sigmoid", True), ("legacy_hard_sigmoid", True), ("tanh", False)],
)
def test_gates_from_0_to_1_have_the_colours_of_0_to_1(name, is_share):
    cell = lv.build("CudnnCompatibleGRUCell", 3, 2, recurrent_activation=name)
    _x, r, u, c, _h = lv.plot.gates(lv.run(cell, np.ones((4, 2), "float32"))).data
    assert (r.coloraxis == u.coloraxis == "coloraxis2") == is_share
    assert c.coloraxis != "coloraxis2"


def test_panels_follow_the_cells_order(trace):
    assert list(panels(lv.plot.gates(trace))) == ["x", "i", "j", "f", "o", "c", "h"]


def test_sigmoid_gates_have_a_scale_from_0_to_1_and_all_others_one_centred_on_0(trace):
    figure = lv.plot.gates(trace)
    axes = {name: panel.coloraxis for name, panel in panels(figure).items()}
    assert {name for name, axis in axes.items() if axis == "coloraxis2"} == {"i", "f", "o"}
    sequential = figure.layout.coloraxis2
    assert (sequential.cmin, sequential.cmax) == (0, 1)
    assert [list(stop) for stop in sequential.colorscale] == SEQUENTIAL
    assert [list(stop) for stop in figure.layout.coloraxis.colorscale] == DIVERGING["light"]


def test_a_sigmoid_where_tanh_is_usual_has_the_scale_of_a_sigmoid():
    cell = lv.build("BasicRNNCell", 3, 2, activation="sigmoid")
    figure = lv.plot.gates(lv.run(cell, np.ones((4, 2), np.float32)))
    assert panels(figure)["z"].coloraxis == "coloraxis2"


def test_preactivations_share_a_scale_centred_on_0(trace):
    figure = lv.plot.gates(trace, values="preactivations")
    assert {panels(figure)[name].coloraxis for name in "ijfo"} == {"coloraxis4"}
    largest = max(np.abs(values).max() for values in trace.preactivations.values())
    assert figure.layout.coloraxis4.cmax == pytest.approx(largest)


def test_each_panel_states_its_scale(trace):
    figure = lv.plot.gates(trace)
    bars = [annotation.text for annotation in figure.layout.annotations if "█" in annotation.text]
    assert len(bars) == 7
    largest = np.abs(trace.states["c"]).max()
    assert bars[5].startswith(f"−{largest:.2g} ") and bars[5].endswith(f" {largest:.2g}")


def test_hover_joins_all_panels_and_names_gate_unit_value_and_step(trace):
    figure = lv.plot.gates(trace)
    assert (figure.layout.hovermode, figure.layout.hoversubplots) == ("x", "axis")
    assert panels(figure)["f"].hovertemplate == "<b>f[%{y:d}]</b> %{z:.4g}<br>%{x}<extra></extra>"
    assert figure.layout.xaxis.categoryarray[12] == "step 12: 1961"


def test_steps_are_called_by_their_characters(text_trace):
    axis = lv.plot.gates(text_trace).layout.xaxis
    assert list(axis.ticktext) == [*"hello", "space", *"world"]  # every one of them, as they fit
    assert axis.categoryarray[1] == "step 1: e"
    assert len(set(axis.categoryarray)) == len("hello world")


def test_what_cannot_be_seen_is_a_word_at_the_axes_or_nothing_where_that_has_no_room():
    def draw(text):
        sequence = lv.sequences.from_text(text)
        cell = lv.build("GRUCell", 2, sequence.input_size)
        return lv.plot.gates(lv.run(cell, sequence, engine="numpy")).layout

    few = draw("a b")
    assert list(few.xaxis.ticktext) == ["a", "space", "b"] and few.xaxis.categoryarray[1] == "step 1: space"
    assert few.yaxis.ticktext[0] == "space"  # the first feature
    assert draw("(a").xaxis.categoryarray[0] == "step 0: “(”"  # a mark alone could be the sentence's own
    many = draw("a b" * 26)
    assert set(many.xaxis.ticktext) == {"a", "", "b"} and "␠" not in str(many)


def test_markup_in_labels_and_titles_is_shown_as_it_is():
    names = ("<b>", "a&b", "</b>")
    sequence = lv.Sequence(np.zeros((3, 2), np.float32), names, ("<i>", "y"), "<a href='x'>t</a>")
    layout = lv.plot.gates(lv.run(lv.build("GRUCell", 2, 2), sequence)).layout
    assert list(layout.xaxis.ticktext) == ["&lt;b&gt;", "a&amp;b", "&lt;/b&gt;"]
    assert layout.xaxis.categoryarray[0] == "step 0: &lt;b&gt;"
    assert layout.yaxis.ticktext[0] == "&lt;i&gt;"
    assert layout.annotations[0].text == "<b>x</b> &lt;a href='x'&gt;t&lt;/a&gt;"


def test_numbered_steps_are_named_once():
    trace = lv.run(lv.build("GRUCell", 2, 1), np.zeros((3, 1), np.float32))
    axis = lv.plot.gates(trace).layout.xaxis
    assert list(axis.categoryarray) == ["step 0", "step 1", "step 2"]
    assert list(axis.ticktext) == ["step 0", "1", "2"]


@given(st.integers(0, 3_000), st.integers(1, 8))
def test_labels_at_the_time_axis_have_room(steps, letters):
    from lstmviz.plot.over_time import time_ticks

    labels = tuple("x" * letters for _ in range(steps))
    for room in (720, 300):
        ticks = time_ticks(labels, room)
        assert len(ticks["ticktext"]) <= max(1, room // (8 * letters) + 1)
        assert all(abs(place - round(place)) <= 1 for place in ticks["tickvals"])
        assert len(ticks["tickvals"]) == len(ticks["ticktext"]) >= min(steps, 1)


def test_a_narrow_screen_gets_fewer_labels(trace):
    layout = lv.plot.gates(trace).layout
    narrow = layout.meta["narrow"]
    assert 0 < len(narrow["xaxis.ticktext"]) < len(layout.xaxis.ticktext)


@pytest.mark.parametrize(
    ("title", "shown"), [("t" * 70, "t" * 59 + "…"), ("年" * 40, "年" * 29 + "…"), ("t" * 60, "t" * 60)]
)
def test_long_titles_are_cut_to_the_room_there_is(title, shown):
    sequence = lv.Sequence(np.zeros((1, 1), np.float32), ("0",), ("x[0]",), title)
    layout = lv.plot.gates(lv.run(lv.build("GRUCell", 1, 1), sequence)).layout
    assert layout.annotations[0].text == f"<b>x</b> {shown}"


def test_chosen_units_are_lines_of_one_colour_in_all_panels(trace):
    figure = lv.plot.gates(trace, units=[0, 3])
    lines = [drawn for drawn in figure.data if drawn.type == "scatter"]
    assert len(lines) == 2 * 6
    np.testing.assert_array_equal(lines[1].y, trace.gates["i"][:, 3])
    np.testing.assert_array_equal(lines[-1].y, trace.states["h"][:, 3])
    colours = {(line.name, line.line.color) for line in lines}
    assert len(colours) == 2
    assert [line.name for line in lines if line.showlegend] == ["unit 0", "unit 3"]
    assert figure.data[0].type == "heatmap"  # x has no units


def test_a_projected_h_lacks_the_lines_of_units_it_does_not_have():
    cell = lv.build("LSTMCell", 6, 2, num_proj=2)
    figure = lv.plot.gates(lv.run(cell, np.ones((3, 2), np.float32)), units=[1, 5])
    assert [line.name for line in figure.data if line.yaxis == "y7"] == ["unit 1"]
    assert [line.name for line in figure.data if line.yaxis == "y6"] == ["unit 1", "unit 5"]


@pytest.mark.parametrize("units", [[8], [-1], [True]])
def test_a_unit_that_is_not_there_is_refused(trace, units):
    with pytest.raises(ValueError, match=r"units has .*; a unit is a whole number from 0 to 7"):
        lv.plot.gates(trace, units=units)


def test_other_values_are_refused(trace):
    with pytest.raises(ValueError, match="values is 'gates'; it must be one of activations, preactivations"):
        lv.plot.gates(trace, values="gates")


@pytest.mark.parametrize("units", [None, [0]])
def test_no_steps_at_all(units):
    trace = lv.run(lv.build("BasicLSTMCell", 2, 3), np.zeros((0, 3), np.float32))
    figure = lv.plot.gates(trace, units=units)
    assert figure.layout.title.text.endswith("0 steps × 2 units")
    assert json.loads(lv.plot.gates_json(trace, units=units))["data"][0]["z"] == [[], [], []]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_marked_and_counted(number):
    x = np.zeros((6, 2), np.float32)
    x[4, 1] = number
    trace = lv.run(lv.build("BasicRNNCell", 3, 2), x)
    figure = lv.plot.gates(trace)
    recorded = [trace.x, trace.gates["z"], trace.states["h"]]
    count = sum(int((~np.isfinite(array)).sum()) for array in recorded)
    assert figure.layout.annotations[-1].text.endswith(f"NaN or infinite: {count}")
    mark = figure.data[1]
    assert [tuple(at) for at in np.argwhere(np.isfinite(mark.z))] == [(1, 4)]
    assert {"nan": "NaN", "inf": "∞", "-inf": "−∞"}[str(float(number))] in mark.hovertemplate


def test_a_long_trace_travels_as_four_bytes_a_number():
    values = np.zeros((10_000, 32), np.float32)
    cell = lv.build("GRUCell", 32, 32)
    gates = dict.fromkeys("ruc", values)
    trace = lv.Trace(
        cell, lv.sequences.wrap(values), gates, gates, {"h": values}, {"h": values[0]}, "CPU:0", 1.0
    )
    assert len(lv.plot.gates_json(trace)) < 1.02 * 5 * values.nbytes * 4 / 3 + 200_000


def test_panels_stand_below_each_other_at_a_height_of_their_own(trace):
    for figure in (lv.plot.gates(trace), lv.plot.gates(trace, units=[1])):
        layout = figure.layout
        axes = [layout["yaxis" if k == 1 else f"yaxis{k}"] for k in range(1, 8)]
        for above, below in itertools.pairwise(axes):
            assert above.domain[0] > below.domain[1]
        assert layout.xaxis.anchor == "y7"
        drawn = layout.height - layout.margin.t - layout.margin.b
        assert {round((axis.domain[1] - axis.domain[0]) * drawn) for axis in axes} == {70}
