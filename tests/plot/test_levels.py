"""Pictures of more than a screen can show: extremes survive, parts never mix, and a window shows single numbers."""

from __future__ import annotations

import base64
import json

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
            assert np.isclose(tiles.mean[row, column], expected, rtol=1e-5, atol=1e-6 * np.abs(finite).max())
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
    assert figure.layout.xaxis.range == lv.plot.kernel(large).layout.xaxis.range
    assert (figure.data[1].z[0] == large.bias[380:460]).all()


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


def test_long_lines_keep_their_extremes():
    cell = lv.build("GRUCell", num_units=4, input_size=1)
    trace = lv.run(cell, lv.sequences.make("white_noise", time_steps=9000, input_size=1))
    figure = lv.plot.gates(trace, units=[2])
    line = next(drawn for drawn in figure.data if drawn.yaxis == "y2")
    assert len(line.y) <= 2000
    assert (min(line.y), max(line.y)) == (trace.gates["r"][:, 2].min(), trace.gates["r"][:, 2].max())
    assert "levels" in figure.layout.meta


def test_small_pictures_have_no_levels(large):
    assert "levels" not in lv.plot.kernel(lv.build("BasicLSTMCell", 8, 4)).layout.meta
    most = lv.build("BasicLSTMCell", 256, 64, initial_weights="zeros")  # of the slider
    assert "levels" not in lv.plot.kernel(most).layout.meta
