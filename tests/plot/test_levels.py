"""Pictures of more than a screen can show: extremes survive, parts never mix, and a window shows single numbers."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import lstmviz as lv
from lstmviz.plot import levels

FINITE = st.floats(-1e6, 1e6, width=32)
NUMBERS = st.one_of(FINITE, st.sampled_from([np.nan, np.inf, -np.inf]))


@st.composite
def tilings(draw, elements=NUMBERS):
    shape = draw(st.tuples(st.integers(1, 23), st.integers(1, 23)))
    values = draw(arrays.arrays(np.float32, shape, elements=elements))
    windows = []
    for length in shape:
        start = draw(st.integers(0, length - 1))
        windows.append((start, draw(st.integers(start + 1, length))))
    borders = [sorted(draw(st.sets(st.integers(0, length), max_size=3))) for length in shape]
    return values, windows, borders, draw(st.integers(1, 7)), draw(st.integers(1, 7))


def tiles_of(values, windows, borders, tile_rows, tile_columns):
    return [
        levels.tile(values, rows, columns, tile_rows, tile_columns)
        for rows in levels.split(windows[0], borders[0])
        for columns in levels.split(windows[1], borders[1])
    ]


@settings(max_examples=200)
@given(tilings())
def test_each_tile_tells_of_its_own_numbers(tiling):
    values, windows, borders, tile_rows, tile_columns = tiling
    met = np.zeros(values.shape, int)
    for tiles in tiles_of(*tiling):
        for (row, column), low in np.ndenumerate(tiles.low):
            top, left = tiles.rows[0] + row * tile_rows, tiles.columns[0] + column * tile_columns
            place = (
                slice(top, min(top + tile_rows, tiles.rows[1])),
                slice(left, min(left + tile_columns, tiles.columns[1])),
            )
            met[place] += 1
            finite = values[place][np.isfinite(values[place])]
            assert tiles.nonfinite[row, column] == values[place].size - finite.size
            if not finite.size:
                assert np.isnan(low) and np.isnan(tiles.mean[row, column])
                continue
            assert (low, tiles.high[row, column]) == (finite.min(), finite.max())
            expected = finite.mean(dtype=np.float64)
            # Half of the smallest number that a float32 has is 0 in it.
            least = np.finfo(np.float32).smallest_subnormal + 1e-6 * np.abs(finite).max()
            assert np.isclose(tiles.mean[row, column], expected, rtol=1e-5, atol=least)
            shown = tiles.farthest(0.5)[row, column]
            assert shown in finite and abs(shown - 0.5) >= np.abs(finite - 0.5).max() * (1 - 1e-6)
        for border in borders[0]:
            assert not tiles.rows[0] < border < tiles.rows[1]
        for border in borders[1]:
            assert not tiles.columns[0] < border < tiles.columns[1]
    inside = np.zeros(values.shape, int)
    inside[slice(*windows[0]), slice(*windows[1])] = 1
    assert (met == inside).all()  # every number of the window is in one tile


@given(tilings(FINITE))
def test_totals_agree(tiling):
    values, windows, *_rest = tiling
    total = 0.0
    for tiles in tiles_of(*tiling):
        counts = np.outer(
            levels._lengths(tiles.rows[1] - tiles.rows[0], tiles.tile_rows),
            levels._lengths(tiles.columns[1] - tiles.columns[0], tiles.tile_columns),
        )
        total += float((tiles.mean.astype(np.float64) * counts).sum())
    window = values[slice(*windows[0]), slice(*windows[1])].astype(np.float64)
    assert np.isclose(total, window.sum(), rtol=1e-5, atol=1e-5 * np.abs(window).sum() + 1e-6)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=5), st.integers(1, 400))
def test_the_chosen_tile_is_the_smallest_that_fits(lengths, most):
    spans, start = [], 0
    for length in lengths:
        spans.append((start, start + length))
        start += length

    def count(tile):
        return sum(-(-length // tile) for length in lengths)

    tile = levels.choose(spans, most)
    assert count(tile) <= max(most, len(lengths))
    assert tile == 1 or count(tile - 1) > max(most, len(lengths))


@given(arrays.arrays(np.float32, st.integers(1, 300), elements=FINITE), st.integers(1, 20))
def test_a_thin_line_keeps_the_extremes(values, most):
    points, apart = levels.thin(values, most)
    assert points.min() == values.min() and points.max() == values.max()
    assert len(points) <= max(2 * most, len(values) if len(values) <= 2 * most else 0)
    assert (len(points) - 1) * apart <= len(values) + 2 * apart


@given(arrays.arrays(np.float32, st.integers(1, 300), elements=NUMBERS), st.integers(1, 20))
def test_a_thin_line_breaks_where_numbers_are_not_finite_and_keeps_the_extremes_of_the_others(values, most):
    points, apart = levels.thin(values, most)
    finite, shown = values[np.isfinite(values)], points[np.isfinite(points)]
    assert len(shown) == 0 or (shown.min(), shown.max()) == (finite.min(), finite.max())
    assert bool(len(shown)) == bool(len(finite))
    stretch = levels.choose_stretch(len(values), most)
    each = round(stretch / apart)  # points of a stretch
    for step in np.flatnonzero(~np.isfinite(values)):
        first = step // stretch * each
        assert not np.isfinite(points[first : first + each]).all()


@pytest.fixture(scope="module")
def large():
    cell = lv.build("BasicLSTMCell", num_units=400, input_size=100, seed=1)
    kernel = cell.kernel.copy()
    kernel[7, 399], kernel[99, 400], kernel[100, 1300], kernel[499, 1599] = 5, -6, 7, -8
    kernel[300, 20] = np.nan
    return lv.build("BasicLSTMCell", 400, 100, weights={"kernel": kernel, "bias": cell.bias})


def test_a_large_kernel_shows_tiles_that_respect_its_blocks(large):
    figure = lv.plot.kernel(large)
    tiles = [
        drawn for drawn in figure.data if drawn.customdata is not None and np.ndim(drawn.customdata) == 3
    ]
    kernel = [drawn for drawn in tiles if drawn.yaxis != "y2"]
    assert len(kernel) == 2 * 4
    starts = sorted({drawn.x0 - (drawn.dx - 1) / 2 for drawn in kernel})
    assert starts == [0, 400, 800, 1200]
    assert sorted({drawn.y0 - (drawn.dy - 1) / 2 for drawn in kernel}) == [0, 100]
    for value in (5, -6, 7, -8):
        assert sum(int((drawn.z == value).sum()) for drawn in kernel) == 1
    rows, columns = figure.layout.meta["levels"]["tile"]
    text = " ".join(note.text for note in figure.layout.annotations)
    assert f"{rows} × {columns} weights" in text and "NaN or infinite: 1" in text
    assert figure.layout.title.text == "BasicLSTMCell kernel [500, 1600]"


def test_a_window_of_it_shows_single_weights(large):
    figure = lv.plot.kernel(large, rows=(90, 120), columns=(380, 460))
    shown = figure.data[0]
    assert (shown.z == large.kernel[90:120, 380:460]).all()
    assert (shown.x0, shown.y0) == (380, 90)
    assert figure.layout.meta["levels"] == {
        "rows": [90, 120],
        "columns": [380, 460],
        "of": [500, 1600],
        "tile": [1, 1],
    }
    assert figure.layout.xaxis.range == (379.5, 459.5) and figure.layout.yaxis.range == (119.5, 89.5)
    assert (figure.data[1].z[0] == large.bias[380:460]).all()


def test_the_page_zooms_by_itself(large):
    whole, window = (
        json.loads(lv.plot.kernel_json(large, rows=rows, columns=columns))["layout"]
        for rows, columns in ((None, None), ((90, 120), (380, 460)))
    )
    for axis in ("xaxis", "yaxis"):
        assert window[axis]["range"] == whole[axis]["range"]


def test_a_window_names_round_units_and_rows_and_the_gates_in_it(large):
    layout = lv.plot.kernel(large, rows=(90, 120), columns=(380, 460)).layout
    assert list(layout.yaxis.ticktext)[:3] == ["x[90]", "x[95]", "h[0]"]
    assert list(layout.yaxis.tickvals)[:3] == [90, 95, 100]
    assert list(layout.xaxis.ticktext) == ["i[380]", "j[0]", "j[20]", "j[40]"]
    np.testing.assert_allclose(layout.xaxis.tickvals, [380, 400, 420, 440], atol=0.05)
    middles = {note.text[3]: note.x for note in layout.annotations[:4]}
    assert (middles["i"], middles["j"]) == (389.5, 429.5)
    assert not 380 <= middles["f"] < 460


@given(st.data())
def test_names_at_a_windows_axes_tell_their_place(data):
    from lstmviz.plot.kernel import draw_kernel

    cell = lv.build("GRUCell", 60, 40, initial_weights="zeros")
    windows = [(data.draw(st.integers(0, length - 1)), length) for length in cell.kernel.shape]
    rows, columns = ((start, data.draw(st.integers(start + 1, length))) for start, length in windows)
    layout = draw_kernel(cell, rows, columns)["layout"]
    for axis, (start, stop), names in (
        ("yaxis", rows, [f"x[{k}]" for k in range(40)] + [f"h[{k}]" for k in range(60)]),
        ("xaxis", columns, [f"{gate}[{k}]" for gate in "ruc" for k in range(60)]),
    ):
        if (start, stop) == (0, len(names)) and axis == "xaxis" and rows == (0, 100):
            continue  # the whole is named by its blocks
        places = [round(place) for place in layout[axis]["tickvals"]]
        assert [names[place] for place in places] == layout[axis]["ticktext"]
        assert 1 <= len(places) <= 15 and all(start <= place < stop for place in places)


@pytest.mark.parametrize("rows", [(5, 5), (-1, 3), (0, 501)])
def test_a_window_beyond_the_kernel_is_refused(large, rows):
    with pytest.raises(ValueError, match=r"rows is .*; it must be a pair \(first, stop\) within 0 and 500"):
        lv.plot.kernel(large, rows=rows)


def test_packed_tiles_are_what_they_were(large):
    plain = lv.plot.kernel(large)
    packed = json.loads(lv.plot.kernel_json(large))["data"]
    for drawn, sent in zip(plain.data, packed, strict=True):
        if "packed" not in sent:
            continue
        told = sent["packed"]
        steps = np.frombuffer(base64.b64decode(told["numbers"]), "<i2")
        numbers = steps.reshape(3, told["rows"], told["columns"]).transpose(1, 2, 0) * (
            told["largest"] / 32767
        )
        known = np.asarray(drawn.customdata)
        missing = np.isnan(known)
        assert (steps.reshape(3, told["rows"], told["columns"]).transpose(1, 2, 0)[missing] == -32768).all()
        assert np.allclose(numbers[~missing], known[~missing], atol=told["largest"] / 32767)
    assert any("packed" in sent for sent in packed)


@pytest.mark.parametrize("largest", [3e-6, 0.02, 1.0, 4.5, 300.0])
def test_a_packed_number_shows_no_digit_that_was_not_sent(largest):
    from lstmviz.plot.json import pack

    tiles = np.full((1, 1, 3), largest)
    trace = {"customdata": tiles, "meta": {"middle": 0.0}, "hovertemplate": "%{z:.4g} %{customdata[2]:.4g}"}
    (sent,) = pack({"data": [trace]})["data"]
    decimals = re.findall(r":\.(\d+)f}", sent["hovertemplate"])
    assert len(decimals) == 2 and len(set(decimals)) == 1
    last_digit = 10.0 ** -int(decimals[0])
    assert last_digit / 10 < largest / 32767 <= last_digit


@pytest.mark.parametrize(("units", "inputs"), [(2048, 512), (4096, 64)])
def test_a_huge_kernel_takes_less_than_a_megabyte(units, inputs):
    cell = lv.build("GRUCell", units, inputs, initial_weights="zeros")
    assert len(lv.plot.kernel_json(cell)) < 1_000_000


def test_a_long_trace_shows_tiles_and_a_window_of_it_single_values():
    cell = lv.build("BasicLSTMCell", num_units=40, input_size=3)
    trace = lv.run(cell, lv.sequences.make("white_noise", time_steps=2000, input_size=3))
    figure = lv.plot.gates(trace)
    tiles = {drawn.yaxis: drawn for drawn in figure.data}
    assert len(tiles) == 7
    rows, columns = figure.layout.meta["levels"]["tile"]
    forget = np.asarray(tiles["y4"].customdata)
    assert forget[..., 0].min() == trace.gates["f"].min() and forget[..., 1].max() == trace.gates["f"].max()
    assert abs(np.asarray(tiles["y4"].z) - 0.5).max() == abs(trace.gates["f"] - 0.5).max()
    assert rows * columns > 1 and figure.layout.title.text == "BasicLSTMCell: 2000 steps × 40 units"
    close = lv.plot.gates(trace, seen_units=(5, 25), seen_steps=(1000, 1100))
    shown = {drawn.yaxis: drawn for drawn in close.data}
    assert (shown["y4"].z == trace.gates["f"][1000:1100, 5:25].T).all()
    assert (shown["y"].z == trace.x[1000:1100].T).all()
    assert (shown["y4"].x0, shown["y4"].y0) == (1000, 5)
    assert len(lv.plot.gates_json(trace)) < 1_000_000


@pytest.fixture(scope="module")
def wide():
    """A run of more numbers than were ever computed: the largest that a page shows, in little memory."""
    cell = lv.build("BasicLSTMCell", 1024, 1024, initial_weights="zeros")
    values = np.zeros((10_000, 1024), np.float32)
    gates = dict.fromkeys("ijfo", values)
    sequence = lv.sequences.wrap(values)
    states = {"c": values, "h": values}
    return lv.Trace(cell, sequence, gates, gates, states, {"c": values[0], "h": values[0]}, "CPU:0", 1.0)


@pytest.mark.parametrize("units", [None, (5, 6), (0, 3), (100, 1024)])
@pytest.mark.parametrize("steps", [None, (7, 8), (0, 35), (0, 9000)])
def test_no_window_of_a_long_trace_takes_more_than_2_megabytes(wide, units, steps):
    assert len(lv.plot.gates_json(wide, seen_units=units, seen_steps=steps)) < 2_000_000


def test_lines_over_a_wide_input_take_less_than_2_megabytes(wide):
    assert len(lv.plot.gates_json(wide, units=[0, 1, 2, 3])) < 2_000_000


def test_a_tile_over_time_says_that_it_is_about_a_unit_and_a_step(wide):
    hover = {drawn.yaxis: drawn.hovertemplate for drawn in lv.plot.gates(wide).data}
    assert "f[≈%{y:.0f}]" in hover["y4"] and "step ≈%{x:.0f}" in hover["y4"]
    exact = {
        drawn.yaxis: drawn.hovertemplate
        for drawn in lv.plot.gates(wide, seen_units=(0, 9), seen_steps=(5, 99)).data
    }
    assert "f[%{y:.0f}]" in exact["y4"] and "step %{x:.0f}" in exact["y4"]


def test_a_wide_input_of_a_short_run_is_shown_number_by_number():
    trace = lv.run(lv.build("GRUCell", 2, 300), np.arange(1500, dtype=np.float32).reshape(5, 300))
    figure = lv.plot.gates(trace)
    assert (figure.data[0].z == trace.x.T).all() and "levels" not in figure.layout.meta


def test_the_note_says_whose_tiles_are_others():
    cell = lv.build("GRUCell", num_units=100, input_size=3)
    trace = lv.run(cell, lv.sequences.make("white_noise", time_steps=3000, input_size=3))
    notes = lv.plot.gates(trace).layout.annotations[-1].text.split("<br>")
    assert notes[0].startswith("a cell stands for 4 × 8 values") and notes[1] == "x: 1 × 1"


@pytest.mark.parametrize("seen", [(0, 10_000), (1000, 1400), (4321, 4330)])
def test_a_window_of_steps_has_their_labels_at_its_axis(wide, seen):
    layout = lv.plot.gates(wide, seen_steps=seen).layout
    assert layout.xaxis.range == (seen[0] - 0.5, seen[1] - 0.5)
    shown = list(zip(layout.xaxis.tickvals, layout.xaxis.ticktext, strict=True))
    assert len(shown) >= 4
    for place, words in shown:
        assert abs(place - int(words.removeprefix("step "))) < (seen[1] - seen[0]) / 4000
        assert seen[0] <= place < seen[1]


def test_a_window_names_units_in_it(wide):
    layout = lv.plot.gates(wide, seen_units=(10, 60)).layout
    assert list(layout.yaxis4.ticktext) == ["f[20]", "f[40]"]
    assert layout.yaxis4.range == (59.5, 9.5) and layout.yaxis.range == (1023.5, -0.5)


def test_long_lines_keep_their_extremes():
    cell = lv.build("GRUCell", num_units=4, input_size=1)
    trace = lv.run(cell, lv.sequences.make("white_noise", time_steps=9000, input_size=1))
    figure = lv.plot.gates(trace, units=[2])
    line = next(drawn for drawn in figure.data if drawn.yaxis == "y2")
    assert len(line.y) <= 2000
    assert (min(line.y), max(line.y)) == (trace.gates["r"][:, 2].min(), trace.gates["r"][:, 2].max())
    assert figure.layout.meta["levels"]["tile"] == [1, 9]
    assert figure.layout.annotations[-1].text == "a line shows the smallest and the largest of every 9 steps"
    near = lv.plot.gates(trace, units=[2], seen_steps=(100, 1100))
    assert near.layout.meta["levels"]["tile"] == [1, 1]
    line = next(drawn for drawn in near.data if drawn.yaxis == "y2")
    assert (line.y == trace.gates["r"][100:1100, 2]).all() and (line.x0, line.dx) == (100, 1)


def test_small_pictures_have_no_levels(large):
    assert "levels" not in lv.plot.kernel(lv.build("BasicLSTMCell", 8, 4)).layout.meta
    most = lv.build("BasicLSTMCell", 256, 64, initial_weights="zeros")  # of the slider
    assert "levels" not in lv.plot.kernel(most).layout.meta
