"""The drawing of the layer."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from lstmviz.cells import KINDS, build
from lstmviz.web.drawing import PITCH, draw_layer


def _dots(block: ElementTree.Element) -> float:
    sizes = (re.search(r"width:(\d+)px;height:(\d+)px", each.get("style", "")) for each in block.iter("div"))
    return sum(int(size[1]) * int(size[2]) for size in sizes if size) / PITCH**2


@given(st.sampled_from(list(KINDS)), st.integers(1, 300), st.integers(1, 300))
def test_each_gate_is_drawn_with_as_many_dots_as_units(kind, num_units, input_size):
    layer = ElementTree.fromstring(draw_layer(build(kind, num_units, input_size)))
    gates = [gate.name for gate in KINDS[kind].gates]
    assert [block.find(".//b").text for block in layer] == ["x", *gates, "h"]
    assert [_dots(block) for block in layer] == [input_size] + [num_units] * (len(gates) + 1)


def test_the_drawing_says_its_sizes_to_who_cannot_see_it():
    layer = ElementTree.fromstring(draw_layer(build("BasicLSTMCell", 100, 4)))
    assert layer.get("role") == "img"
    assert "4 gates of 100 nodes" in layer.get("aria-label")


def test_a_large_layer_weighs_no_more_than_a_small_one():
    small, large = (draw_layer(build("GRUCell", n, n)) for n in (20, 250))
    assert len(large) < 1.2 * len(small)


@given(st.integers(513, 4096), st.integers(1, 4096))
def test_a_dot_of_a_huge_layer_stands_for_several_nodes_and_says_so(num_units, input_size):
    cell = build("BasicRNNCell", num_units, input_size, initial_weights="zeros")
    layer = ElementTree.fromstring(draw_layer(cell))
    *blocks, note = layer
    each = int(re.search(r"stands for (\d+) nodes", note.text)[1])
    dots = [_dots(block) for block in blocks]
    assert dots == [-(-input_size // each)] + [-(-num_units // each)] * 2
    assert 256 < max(dots) <= 512
    assert note.text in layer.get("aria-label")
