"""Two runs beside each other, as pictures and in words."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.plot.theme import DIVERGING
from tests.runs import count, make_run, runs

SUNSPOTS = lv.sequences.make("sunspots", time_steps=60, input_size=4)


def run(kind="BasicLSTMCell", num_units=8, x=SUNSPOTS, **options):
    return lv.run(lv.build(kind, num_units, lv.sequences.wrap(x).input_size, **options), x, "CPU:0")


@pytest.fixture(scope="module")
def trace():
    return run()


@pytest.fixture(scope="module")
def comparison(trace):
    return lv.compare(trace, run(forget_bias=0.0))


def kernels(figure):
    return [drawn for drawn in figure.data if drawn.type == "heatmap" and drawn.xaxis != "x" and drawn.xaxis]


def panels(figure):
    return [drawn for drawn in figure.data if drawn.type == "heatmap" and drawn.xaxis in (None, "x")]


def lines(figure):
    return [drawn for drawn in figure.data if drawn.type == "scatter" and "lines" in drawn.mode]


def circles(figure):
    return [drawn for drawn in figure.data if drawn.type == "scatter" and drawn.mode == "markers"]


def texts(figure):
    return [annotation.text for annotation in figure.layout.annotations]


@settings(max_examples=30)
@given(runs(compiled=False), st.integers(0, 9), st.sampled_from(["activations", "preactivations"]))
def test_the_picture_holds_the_differences_and_the_largest_of_each_step(case, other_seed, values):
    cell, x, _state = make_run(*case)
    other, _x, _state = make_run(*case[:-1], other_seed)
    a, b = (lv.run(each, x, engine="numpy") for each in (cell, other))
    comparison = lv.compare(a, b, tolerance=0.1)
    figure = lv.plot.compare(comparison, values=values)
    shown = comparison.shown(values)
    assert len(panels(figure)) == len(lines(figure)) == len(shown)
    low, high = figure.layout.yaxis.range
    for panel, line, array in zip(panels(figure), lines(figure), shown.values(), strict=True):
        if len(comparison):
            np.testing.assert_array_equal(panel.z, array.T.astype(np.float32))
        scale = figure.layout[panel.coloraxis]
        assert -scale.cmin == scale.cmax >= np.abs(array).max(initial=0) * (1 - 1e-6)
        distances = np.abs(array).max(axis=1, initial=0)
        drawn = np.asarray(line.y, float)
        np.testing.assert_allclose(drawn[distances > 1e-30], distances[distances > 1e-30], rtol=1e-6)
        assert np.isnan(drawn[distances == 0]).all()
        assert low < np.log10(comparison.tolerance) < high
        assert ((drawn[distances > 0] < 10**high) & (drawn[distances > 0] > 10**low)).all()
    a, b, difference = kernels(figure)
    np.testing.assert_array_equal(a.z, cell.kernel)
    np.testing.assert_array_equal(b.z, other.kernel)
    np.testing.assert_allclose(difference.z, cell.kernel - other.kernel, atol=1e-6)
    assert figure.layout.title.text == f"a − b: {count(len(x), cell.num_units)}"


def test_both_kernels_share_a_scale_and_their_difference_states_its_own(trace):
    other = run(seed=1)
    figure = lv.plot.compare(lv.compare(trace, other))
    a, b, difference = kernels(figure)
    assert a.coloraxis == b.coloraxis != difference.coloraxis
    shared, own = figure.layout[a.coloraxis], figure.layout[difference.coloraxis]
    assert shared.cmax == max(np.abs(cell.kernel).max() for cell in (trace.cell, other.cell))
    assert own.cmax == pytest.approx(np.abs(trace.cell.kernel - other.cell.kernel).max())
    (said,) = [text for text in texts(figure) if "kernels a and b" in text]
    assert f"{shared.cmax:.2g} kernels a and b" in said and f"{own.cmax:.2g} kernel a − b" in said
    for axis in (shared, own):
        assert [list(stop) for stop in axis.colorscale] == DIVERGING["light"]


def test_gates_share_a_scale_and_states_another(comparison):
    axes = [panel.coloraxis for panel in panels(lv.plot.compare(comparison))]
    assert len(set(axes[:4])) == len(set(axes[4:])) == 1 and axes[0] != axes[4]


def test_equal_kernels_are_said_to_be_equal(comparison):
    figure = lv.plot.compare(comparison)
    assert "<b>a − b</b> = 0" in texts(figure)
    assert not any("kernel a − b" in text for text in texts(figure))


def test_the_first_parting_is_told_circled_and_marked_through_all_panels(trace):
    x = np.array(SUNSPOTS.values)
    x[:12] = 0
    x[12:, :3] = 0
    a = run(x=x)
    kernel = np.array(a.cell.kernel)
    kernel[3, 2 * 8 + 3] += 1.0  # x[3], first fed at step 12, to f[3]
    cell = lv.build("BasicLSTMCell", 8, 4, weights={"kernel": kernel, "bias": a.cell.bias})
    comparison = lv.compare(a, lv.run(cell, x, "CPU:0"))
    figure, first = lv.plot.compare(comparison), comparison.first
    assert (first.t, first.name, first.unit) == (12, "f", 3)
    assert f"a and b first part at step 12 in f[3]: {first.a:.3g} against {first.b:.3g}." in texts(figure)[0]
    assert "differ in their weights alone: kernel" in texts(figure)[0]
    (circle,) = circles(figure)
    assert list(circle.x) == [figure.layout.xaxis.categoryarray[12]]
    assert circle.y[0] == pytest.approx(abs(first.difference))
    assert any(shape.path and shape.path.startswith("M11.5,") for shape in figure.layout.shapes)


def test_numbers_are_written_with_as_many_digits_as_tell_them_apart(trace):
    double = lv.run(trace.cell.astype("float64"), SUNSPOTS, "CPU:0")
    comparison = lv.compare(trace, double, tolerance=0)
    written = texts(lv.plot.compare(comparison))[0].split("]: ")[1].split(".</b>")[0]
    a, b = (float(part.replace("−", "-")) for part in written.split(" against "))
    assert a != b and a == pytest.approx(comparison.first.a, rel=1e-3)


def test_what_never_parts_says_so_and_has_no_circle(trace):
    figure = lv.plot.compare(lv.compare(trace, trace))
    assert "a and b never part by more than 1e−05." in texts(figure)[0]
    assert "the same settings and weights" in texts(figure)[0]
    assert not circles(figure)
    (tolerance,) = [shape for shape in figure.layout.shapes if shape.yref == "y"]
    assert tolerance.y0 == tolerance.y1 == 1e-5


def test_what_is_left_out_is_said_in_the_picture(trace):
    comparison = lv.compare(trace, run("GRUCell", num_units=5))
    figure = lv.plot.compare(comparison)
    assert len(kernels(figure)) == 2 and len(panels(figure)) == 1
    below = figure.layout.annotations[-1].text.replace("<br>", " ")
    for sentence in comparison.left_out:
        assert sentence in below
    assert "a: BasicLSTMCell, num_units=8; b: GRUCell, num_units=5" in texts(figure)[0]


def test_other_inputs_are_said(trace):
    x = np.array(SUNSPOTS.values)
    x[7] += 1
    assert "Their inputs differ, from step 7 on." in texts(lv.plot.compare(lv.compare(trace, run(x=x))))[-1]


def test_what_is_not_finite_is_marked_counted_and_told(trace):
    x = np.array(SUNSPOTS.values)
    x[30, 0] = np.nan
    comparison = lv.compare(trace, run(x=x))
    figure = lv.plot.compare(comparison)
    count = sum(int(np.isnan(array).sum()) for array in comparison.differences.values())
    assert texts(figure)[-1].endswith(f"NaN or infinite: {count:,}")
    assert "f[0]" not in texts(figure)[0] and "against NaN" in texts(figure)[0]
    assert lines(figure)[0].name == "i: NaN"
    assert not circles(figure)  # NaN has no place on the axis


def test_a_phone_gets_its_lines_broken_where_there_is_room(trace):
    figure = lv.plot.compare(lv.compare(trace, run("GRUCell", num_units=5)))
    narrow = figure.layout.meta["narrow"]
    for index in (0, len(texts(figure)) - 1):
        words = narrow[f"annotations[{index}].text"]
        assert max(len(line.replace("<b>", "").replace("</b>", "")) for line in words.split("<br>")) <= 49
        assert words.replace("<br>", " ").split() == texts(figure)[index].replace("<br>", " ").split()
    assert narrow["margin.b"] > figure.layout.margin.b
    with lv.language.use("ja"):
        lv.plot.compare(lv.compare(trace, trace))


def test_hover_tells_unit_difference_and_step_in_all_panels(comparison):
    figure = lv.plot.compare(comparison)
    assert (figure.layout.hovermode, figure.layout.hoversubplots) == ("x", "axis")
    assert panels(figure)[2].hovertemplate == "<b>f[%{y:d}]</b> a − b = %{z:.4g}<br>%{x}<extra></extra>"
    assert "kernel column 19" in figure.layout.xaxis4.categoryarray[19]
    assert kernels(figure)[1].hovertemplate.startswith("b: %{y} → %{x}<br>")


def test_panels_stand_below_each_other(comparison):
    layout = lv.plot.compare(comparison).layout
    tops = [layout.yaxis8.domain, layout.yaxis.domain, *(layout[f"yaxis{k}"].domain for k in range(2, 8))]
    assert all(above[0] > below[1] for above, below in itertools.pairwise(tops))
    assert layout.yaxis8.domain == layout.yaxis9.domain == layout.yaxis10.domain
    assert (
        layout.xaxis2.domain[1] < layout.xaxis3.domain[0] < layout.xaxis3.domain[1] < layout.xaxis4.domain[0]
    )


def test_no_steps_at_all(trace):
    comparison = lv.compare(trace, run(x=np.zeros((0, 4), np.float32)))
    figure = lv.plot.compare(comparison)
    assert figure.layout.title.text.startswith("a − b: 0 steps")
    assert json.loads(lv.plot.compare_json(comparison))["layout"]["title"]["text"] == figure.layout.title.text


def test_the_text_says_what_the_picture_does(comparison):
    text = lv.plot.describe_compare(comparison)
    assert "over 60 steps" in text and "a: forget_bias=1; b: forget_bias=0" in text
    assert "first part at step 0 in f[" in text
    assert f"c {comparison.largest['c']:.2g}" in text
    before = lv.plot.describe_compare(comparison, values="preactivations")
    assert f"f {np.abs(comparison.preactivations['f']).max():.2g}, o" in before


def test_values_that_are_not_there_are_refused(comparison):
    with pytest.raises(ValueError, match="values is 'gates'; it must be one of activations, preactivations"):
        lv.plot.compare(comparison, values="gates")


def test_large_runs_are_compared_in_tiles_that_keep_the_extremes():
    a, b = (lv.build("BasicLSTMCell", 300, 20, seed=1, forget_bias=bias) for bias in (0.0, 1.0))
    kernel = b.kernel.copy()
    kernel[5, 900] += 3
    b = lv.build("BasicLSTMCell", 300, 20, weights={"kernel": kernel, "bias": b.bias})
    x = lv.sequences.make("sine", time_steps=300, input_size=20)
    found = lv.compare(lv.run(a, x), lv.run(b, x))
    figure = lv.plot.compare(found)
    assert all(np.size(drawn.z) <= 400 * 100 for drawn in figure.data if drawn.type == "heatmap")
    kernels = [drawn for drawn in figure.data if drawn.type == "heatmap" and drawn.xaxis == "x4"]
    assert max(np.abs(drawn.z).max() for drawn in kernels) == pytest.approx(3, abs=1e-6)
    forget = [
        drawn for drawn in figure.data if drawn.type == "heatmap" and drawn.hovertemplate.startswith("<b>f[")
    ]
    largest = np.abs(found.differences["f"]).max() if "f" in found.differences else None
    assert largest is None or np.abs(forget[0].z).max() == pytest.approx(largest, rel=1e-6)
    assert any("several numbers" in note.text for note in figure.layout.annotations)
    assert len(lv.plot.compare_json(found)) < 1_500_000


def test_what_differs_over_time_has_its_units_in_an_order_and_the_kernels_say_that_theirs_is_stored(
    comparison,
):
    order = np.array([3, 1, 7, 0, 2, 6, 5, 4])
    plain, ordered = lv.plot.compare(comparison), lv.plot.compare(comparison, order=order)
    assert [np.array_equal(a.z, b.z) for a, b in zip(kernels(plain), kernels(ordered), strict=True)] == [
        True
    ] * 3
    assert len(panels(plain)) == 6
    for before, after in zip(panels(plain), panels(ordered), strict=True):
        np.testing.assert_array_equal(after.z, before.z[order])
        assert [row[0] for row in after.text] == [
            f"{unit}]" for unit in order
        ] and "%{text}" in after.hovertemplate
    assert ordered.layout.meta["link"]["order"] == order.tolist()
    told = [text for text in texts(ordered) if "kernels are as they are stored" in text]
    assert len(told) == 1 and not any("as they are stored" in text for text in texts(plain))
    first = [
        figure.layout[panels(figure)[0].yaxis.replace("y", "yaxis")].ticktext[0]
        for figure in (plain, ordered)
    ]
    assert first == ["i[0]", "i[3]"]
    with pytest.raises(ValueError, match="order must have each unit from 0 to 7 once"):
        lv.plot.compare(comparison, order=[0, 1])
