"""The kernel's picture."""

from __future__ import annotations

import itertools
import json
import re

import numpy as np
import pytest
from hypothesis import given

import lstmviz as lv
from tests.runs import make_run, runs

LSTM = lv.build("BasicLSTMCell", num_units=8, input_size=4)
OF_X_ALONE = ("minGRU", "minLSTM", "IndRNN", "RG-LRU")  # whose kernel no h meets
PEEPHOLES = lv.build("LSTMCell", num_units=8, input_size=4, use_peepholes=True, num_proj=3)


def numbers(path):
    """The coordinates along the axis of a path's `M` commands."""
    return [float(x) for x in re.findall(r"M([-.\d]+),", path)]


def with_kernel(kernel):
    rows, columns = kernel.shape
    return lv.build(
        "BasicLSTMCell",
        columns // 4,
        rows - columns // 4,
        weights={"kernel": kernel, "bias": np.zeros(columns, np.float32)},
    )


@given(runs(compiled=False))
def test_the_picture_holds_the_kernel_the_bias_and_every_other_weight(run):
    kind, options, num_units, input_size, _steps, dtype, seed = run
    cell, _x, _state = make_run(kind, options, num_units, input_size, 0, dtype, seed)
    figure = lv.plot.kernel(cell)
    kernel, strips, *others = figure.data
    np.testing.assert_array_equal(kernel.z, cell.kernel)
    np.testing.assert_array_equal(strips.z[0], cell.bias)
    rows, columns = cell.kernel.shape
    assert figure.layout.title.text.endswith(f"kernel [{rows}, {columns}]")
    apart = [cell.weights[v.name] for v in cell.kind.variables if not v.gates and v.name in cell.weights]
    assert len(others) == len(apart)
    for weights in apart:
        assert any(np.array_equal(np.squeeze(other.z), np.squeeze(weights)) for other in others)
    assert all(trace.coloraxis == "coloraxis" for trace in figure.data)


@given(runs(compiled=False))
def test_lines_part_the_gates_blocks_and_the_rows_of_x_and_h(run):
    kind, options, num_units, input_size, _steps, dtype, seed = run
    cell, _x, _state = make_run(kind, options, num_units, input_size, 0, dtype, seed)
    paths = [shape.path for shape in lv.plot.kernel(cell).layout.shapes]
    if kind not in OF_X_ALONE:  # below whose rows of x is nothing
        assert paths.pop() == f"M0,{cell.input_size - 0.5}H1"
    edges = [edge for path in paths for edge in numbers(path)]
    assert edges == [k * cell.num_units - 0.5 for k in range(1, len(cell.kind.gates))]


@given(runs(compiled=False))
def test_the_colours_are_centred_on_0_and_hold_the_largest_weight(run):
    kind, options, num_units, input_size, _steps, dtype, seed = run
    cell, _x, _state = make_run(kind, options, num_units, input_size, 0, dtype, seed)
    scale = lv.plot.kernel(cell).layout.coloraxis
    assert scale.cmin == -scale.cmax
    assert scale.cmax >= np.abs(cell.kernel).max()


def test_the_first_row_is_on_top():
    low, high = lv.plot.kernel(LSTM).layout.yaxis.range
    assert low > high


def test_hover_names_rows_and_columns():
    layout = lv.plot.kernel(LSTM).layout
    assert layout.yaxis.categoryarray[2] == "x[2]"
    assert layout.yaxis.categoryarray[4 + 5] == "h[5]"
    assert layout.xaxis.categoryarray[19] == "f[3], kernel column 19"
    assert len(layout.xaxis.categoryarray) == 32
    assert len(layout.yaxis.categoryarray) == 12


def test_each_block_is_named_over_its_middle():
    annotations = lv.plot.kernel(LSTM).layout.annotations
    names = [(a.x, a.text.replace("<br>", " ")) for a in annotations if a.xref == "x"]
    assert names == [
        (3.5, "<b>i</b> input gate"),
        (11.5, "<b>j</b> new input"),
        (19.5, "<b>f</b> forget gate"),
        (27.5, "<b>o</b> output gate"),
    ]


def test_names_of_one_word_stand_below_their_letter():
    with lv.language.use("ja"):
        texts = [a.text for a in lv.plot.kernel(LSTM).layout.annotations if a.xref == "x"]
    assert all(text.startswith(f"<b>{name}</b><br>") for text, name in zip(texts, "ijfo", strict=True))


def test_the_rows_groups_are_named_with_their_sizes():
    texts = [annotation.text for annotation in lv.plot.kernel(LSTM).layout.annotations]
    assert {"<b>x</b> [4]", "<b>h</b> [8]"} <= set(texts)


def test_forget_bias_is_a_strip_of_its_own_and_not_in_the_bias():
    figure = lv.plot.kernel(lv.build("BasicLSTMCell", 8, 4, forget_bias=0.75))
    bias, added = figure.data[1].z
    assert not bias.any()
    np.testing.assert_array_equal(added, [0.0] * 16 + [0.75] * 8 + [0.0] * 8)
    assert list(figure.layout.yaxis2.categoryarray) == ["bias", "+ forget_bias"]
    assert "forget_bias 0.75 is added when the cell runs, not stored" in figure.layout.annotations[-1].text


def test_cells_without_an_offset_have_no_such_strip():
    assert list(lv.plot.kernel(lv.build("GRUCell", 3, 2)).layout.yaxis2.categoryarray) == ["bias"]


def test_a_hidden_bias_is_a_strip_of_its_own_with_what_multiplies_it():
    weights = dict(lv.build("CudnnCompatibleGRUCell", 2, 1).weights)
    weights["candidate/hidden_projection/bias"] = np.array([0.5, -0.25], np.float32)
    figure = lv.plot.kernel(lv.build("CudnnCompatibleGRUCell", 2, 1, weights=weights))
    assert list(figure.layout.yaxis2.categoryarray) == ["bias", "hidden bias"]
    assert figure.data[1].z.tolist() == [[1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0.5, -0.25]]
    assert "Σ of c = x · kernel + bias + r · (h · kernel + hidden bias)" in figure.layout.annotations[-1].text


def test_a_cell_without_biases_says_so():
    plain, without = (lv.plot.kernel(lv.build("GRUCell", 3, 2, use_bias=on)) for on in (True, False))
    assert "the cell stores no bias" in without.layout.annotations[-1].text
    assert "the cell stores no bias" not in plain.layout.annotations[-1].text


def test_peepholes_stand_under_the_gates_that_they_belong_to():
    figure = lv.plot.kernel(PEEPHOLES)
    starts = {trace.hovertemplate.split(" ")[0]: trace.x0 for trace in figure.data[2:5]}
    assert starts == {"w_i_diag": 0, "w_f_diag": 16, "w_o_diag": 24}
    assert {trace.y0 for trace in figure.data[2:5]} == {2}
    assert figure.layout.yaxis2.categoryarray[2] == "peepholes"


def test_a_projection_is_a_panel_of_its_own():
    figure = lv.plot.kernel(PEEPHOLES)
    assert (figure.data[5].xaxis, figure.data[5].yaxis) == ("x2", "y3")
    assert any(a.text == "<b>projection/kernel</b> [8, 3]" for a in figure.layout.annotations)


def test_biases_beyond_the_kernels_scale_are_drawn_in_the_last_colours_and_it_is_said():
    assert "≥" in lv.plot.kernel(LSTM).layout.annotations[-1].text
    quiet = lv.build("BasicLSTMCell", 8, 4, forget_bias=0.0)
    assert "≥" not in lv.plot.kernel(quiet).layout.annotations[-1].text


def test_a_kernel_of_zeros_has_a_scale():
    cell = lv.build("BasicRNNCell", 3, 2, initial_weights="zeros")
    assert tuple(lv.plot.kernel(cell).layout.coloraxis[end] for end in ("cmin", "cmax")) == (-1, 1)


def test_what_is_not_finite_is_marked_counted_and_keeps_out_of_the_scale():
    kernel = np.full((3, 8), 0.25, np.float32)
    kernel[0, 1], kernel[1, 2], kernel[2, 3] = np.nan, np.inf, -np.inf
    figure = lv.plot.kernel(with_kernel(kernel))
    assert figure.layout.coloraxis.cmax == 0.25
    assert "NaN or infinite: 3" in figure.layout.annotations[-1].text
    marks = figure.data[1:4]
    for mark, name, place in zip(marks, ("NaN", "∞", "−∞"), ((0, 1), (1, 2), (2, 3)), strict=True):
        assert f"<b>{name}</b>" in mark.hovertemplate
        assert [tuple(at) for at in np.argwhere(np.isfinite(mark.z))] == [place]


def test_a_kernel_of_nothing_but_nan_is_drawn():
    figure = lv.plot.kernel(with_kernel(np.full((3, 8), np.nan, np.float32)))
    assert figure.layout.coloraxis.cmax == 1  # forget_bias


def test_a_large_kernel_travels_as_four_bytes_a_weight():
    cell = lv.build("BasicLSTMCell", num_units=256, input_size=64)
    text = lv.plot.kernel_json(cell)
    assert len(text) < 1.05 * cell.kernel.nbytes * 4 / 3 + 60_000
    assert json.loads(text)["data"][0]["z"]["dtype"] == "f4"


@pytest.mark.parametrize(
    "cell", [LSTM, PEEPHOLES, lv.build("BasicRNNCell", 1, 1), lv.build("GRUCell", 128, 64)]
)
def test_no_two_panels_overlap(cell):
    layout = lv.plot.kernel(cell).layout
    axes = [layout[name] for name in ("yaxis", "yaxis2", "yaxis3") if name in layout and layout[name].domain]
    for above, below in itertools.pairwise(axes):
        assert above.domain[0] > below.domain[1] >= below.domain[0] >= 0
