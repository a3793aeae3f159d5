"""The drawing of the layer."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from lstmviz.cells import KINDS, build
from lstmviz.web.drawing import layer_svg

_COLOURS = ("#111111", "#222222", "#333333", "#444444")
_SVG = "{http://www.w3.org/2000/svg}"


@given(st.sampled_from(list(KINDS)), st.integers(1, 300), st.integers(1, 300))
def test_each_gate_is_drawn_with_as_many_dots_as_units(kind, num_units, input_size):
    root = ElementTree.fromstring(layer_svg(build(kind, num_units, input_size), _COLOURS))
    pitch = float(root.find(f".//{_SVG}pattern").get("width"))
    dots: dict[str, float] = {}
    for rect in root.iter(f"{_SVG}rect"):
        number = re.search(r"\d+", rect.get("fill")).group()
        dots[number] = dots.get(number, 0) + float(rect.get("width")) * float(rect.get("height")) / pitch**2
    gates = len(KINDS[kind].gates)
    assert list(dots.values()) == [input_size] + [num_units] * gates + [num_units]


def test_the_drawing_grows_with_num_units_and_says_its_sizes():
    small, large = (layer_svg(build("BasicLSTMCell", n, 4), _COLOURS) for n in (2, 100))
    width, height = (lambda svg, n: float(svg.get("viewBox").split()[n])), 3
    small_root, large_root = ElementTree.fromstring(small), ElementTree.fromstring(large)
    assert width(small_root, 2) < width(large_root, 2)
    assert width(small_root, height) < width(large_root, height)
    assert "4 gates of 100 nodes" in large_root.get("aria-label")


def test_a_large_layer_weighs_no_more_than_a_small_one():
    assert len(layer_svg(build("GRUCell", 250, 250), _COLOURS)) < 1.2 * len(layer_svg(build("GRUCell", 20, 20), _COLOURS))
