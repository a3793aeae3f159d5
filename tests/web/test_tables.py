"""The pictures as tables."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.plot.number import write
from lstmviz.web import tables
from lstmviz.web.view import View


@pytest.fixture
def shown(monkeypatch):
    drawn = []
    monkeypatch.setattr(tables.st, "html", drawn.append)

    def show(view, cell, trace):
        tables.draw(view, cell, trace)
        return ElementTree.fromstring(f"<all>{drawn[-1]}</all>").findall(".//table")

    return show


def rows(table):
    return {
        row.find("th").text: [cell.text or "" for cell in row.findall("td")]
        for row in table.findall("tbody/tr")
    }


def test_the_tables_hold_the_numbers_of_the_pictures(shown):
    cell = lv.build("BasicLSTMCell", 3, 2, seed=1)
    trace = lv.run(cell, np.random.default_rng(0).normal(size=(5, 2)).astype("float32"))
    kernel, step, terms = shown(replace(View(), t=2, gate="f", unit=1), cell, trace)
    assert [head.text for head in kernel.findall("thead/tr/th")][1:4] == ["i[0]", "i[1]", "i[2]"]
    assert rows(kernel)["h[2]"] == [write(number) for number in cell.kernel[4].tolist()]
    assert rows(kernel)["bias"] == [write(number) for number in cell.bias.tolist()]
    named = dict(zip([head.text for head in step.findall("thead/tr/th")][1:], rows(step)["1"], strict=True))
    assert named["f"] == write(float(trace.gates["f"][2, 1])) and named["c"] == write(
        float(trace.states["c"][2, 1])
    )
    explained = trace.explain(2, "f", 1)
    assert set(rows(terms)) == {term.name for term in explained.terms} | {"sum", "activation"}
    assert rows(terms)["sum"][-1] == write(explained.sum)
    for table in (kernel, step, terms):
        assert table.find("caption").text
        assert all(head.get("scope") == "col" for head in table.findall("thead/tr/th"))
        assert all(row.find("th").get("scope") == "row" for row in table.findall("tbody/tr"))


def test_a_large_cells_tables_are_cut_and_say_so(shown):
    cell = lv.build("GRUCell", 100, 3)
    trace = lv.run(cell, np.ones((2, 3), "float32"))
    kernel, step, terms = shown(View(), cell, trace)
    assert len(rows(kernel)) == 33 and len(rows(kernel)["x[0]"]) == 32
    for table in (kernel, step, terms):
        assert "the first 32 rows" in table.find("caption").text


def test_nan_and_markup_do_no_harm(shown):
    cell = lv.build("BasicRNNCell", 2, 1)
    trace = lv.run(cell, np.array([[np.nan], [1.0]], "float32"))
    _kernel, step, terms = shown(replace(View(), cell="BasicRNNCell", t=0, gate="h", unit=0), cell, trace)
    assert rows(step)["0"] == ["NaN", "NaN"] and rows(terms)["sum"][-1] == "NaN"
