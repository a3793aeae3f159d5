"""The figures as one file."""

from __future__ import annotations

import re

import pytest

import lstmviz as lv
from lstmviz.plot.page import page_html


@pytest.fixture(scope="module", params=list(lv.KINDS))
def trace(request):
    return lv.run(lv.build(request.param, num_units=3, input_size=2), lv.sequences.from_text("abba"))


@pytest.mark.parametrize("dark", [False, True])
def test_the_figures_open_as_one_file_without_a_network(trace, dark):
    page = page_html(trace.cell, trace, dark=dark, link="http://here/?cell=x&lang=en").decode()
    assert page.count("Plotly.newPlot(") >= 3
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page)
    assert "http://here/?cell=x&amp;lang=en" in page
    rows, columns = trace.cell.kernel.shape
    assert rows in (2, 5)  # x's, and h's where the kernel meets h
    assert f"kernel [{rows}, {columns}]" in page
    assert "4 steps × 3 units" in page or r"4 steps \u00d7 3 units" in page


def test_a_page_without_an_address_has_no_link(trace):
    assert "<a href=" not in page_html(trace.cell, trace).decode().split("<body>")[1][:500]


def test_a_layers_name_is_text_and_no_markup(trace):
    page = page_html(trace.cell, trace, name="<b>rnn</b>").decode()
    assert "<h1>&lt;b&gt;rnn&lt;/b&gt;: " in page
    assert "<b>rnn" not in page


def test_what_is_to_be_known_of_a_layer_stands_beside_its_pictures(trace):
    page = page_html(trace.cell, trace, notes=["Assumed: <tanh>.", "It reads the sequence from its end."])
    head = page.decode().partition("Plotly")[0]
    assert "<p>Assumed: &lt;tanh&gt;.</p>" in head and "<p>It reads the sequence from its end.</p>" in head
