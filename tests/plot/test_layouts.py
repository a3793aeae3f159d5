"""The picture of the same weights in two layouts."""

import inspect
import json

import pytest
from hypothesis import given, settings

import lstmviz as lv
from lstmviz import layouts
from lstmviz.plot import theme
from lstmviz.plot.layouts import draw_layout
from tests.conversions import conversions
from tests.runs import make_run

build = inspect.unwrap(lv.build)


def blocks(drawn):
    return [trace for trace in drawn["data"] if trace.get("fill")]


def ways(drawn):
    return [trace for trace in drawn["data"] if not trace.get("fill")]


def words(drawn):
    return [note["text"] for note in drawn["layout"]["annotations"]]


@given(conversions(compiled=False))
@settings(max_examples=60, deadline=None)
def test_every_block_is_drawn_once_and_every_move_has_its_way(conversion):
    layout, case = conversion
    cell, _x, _state = make_run(*case)
    converted, drawn = layouts.to_layout(cell, layout), draw_layout(cell, layout)
    texts = [move.text for move in converted.moves]
    assert [block["text"] for block in blocks(drawn)][-len(texts) :] == texts
    assert len(ways(drawn)) == sum(move.source is not None for move in converted.moves)
    assert len(blocks(drawn)) == len(texts) + len(ways(drawn))
    for array, numbers in {**cell.weights, **converted.arrays}.items():
        assert f"<b>{array}</b> {list(numbers.shape)}" in words(drawn)


@given(conversions(compiled=False))
@settings(max_examples=40, deadline=None)
def test_nothing_lies_on_anything_else_or_outside(conversion):
    layout, case = conversion
    cell, _x, _state = make_run(*case)
    drawn = draw_layout(cell, layout)
    (low, high), (bottom, top) = (drawn["layout"][axis]["range"] for axis in ("xaxis", "yaxis"))
    seen = []
    for block in blocks(drawn):
        x0, x1, y0, y1 = *block["x"][:2], block["y"][0], block["y"][2]
        assert low <= x0 < x1 <= high and top <= y0 < y1 <= bottom
        assert all(x0 >= b or x1 <= a or y0 >= d or y1 <= c for a, b, c, d in seen)
        seen.append((x0, x1, y0, y1))


def test_a_gate_keeps_its_colour_and_takes_the_frameworks_letter():
    cell = build("BasicLSTMCell", 8, 4)
    drawn = draw_layout(cell, "pytorch")
    colours = theme.gate_colours("ijfo")
    by_text = {block["text"]: block["line"]["color"] for block in blocks(drawn)}
    for move in layouts.to_layout(cell, "pytorch").moves:
        if move.source:
            assert by_text[move.text] == colours[move.target.gate]
    assert words(drawn).count("<b>g</b>") == 3  # of x, of h, of the bias
    assert "j → g" in words(drawn)[-1]


def test_what_is_added_or_empty_is_written_into_the_block():
    drawn = draw_layout(build("BasicLSTMCell", 8, 4, forget_bias=1.5), "pytorch")
    assert words(drawn).count("<b>f</b> + 1.5") == 1
    assert words(drawn).count("0") == 4
    assert "forget_bias 1.5 is added to f’s bias" in words(drawn)[-1]
    assert "transposed" in words(drawn)[-1] and "that the cell has not" in words(drawn)[-1]
    plain = draw_layout(build("BasicLSTMCell", 8, 4, forget_bias=0.0), "keras")
    assert "0" not in words(plain) and words(plain)[-1] == "pale: meets x; full: meets h · j → c"


@pytest.mark.parametrize("name", ["light", "dark"])
def test_it_is_a_figure_in_both_themes(name):
    figure = lv.plot.layout(build("LSTMCell", 8, 400, num_proj=3), "pytorch", theme=name)
    assert figure.layout.title.text == "LSTMCell → PyTorch LSTM"
    assert figure.layout.font.color == theme.FONT[name]


def test_its_json_is_the_pages():
    drawn = json.loads(lv.plot.layout_json(build("GRUCell", 8, 4), "onnx"))
    assert drawn["layout"]["title"]["text"] == "GRUCell → ONNX GRU" and "dark" in drawn["layout"]["meta"]


def test_what_cannot_be_converted_has_no_picture():
    with pytest.raises(ValueError, match="only after it"):
        lv.plot.layout(build("GRUCell", 8, 4), "pytorch")
