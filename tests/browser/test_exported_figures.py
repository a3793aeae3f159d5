"""Figures as files of their own, opened without the page and without a network."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from urllib.parse import urlsplit

import numpy as np
import plotly.offline
import pytest

import lstmviz as lv
from lstmviz import cli, notebook


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of figures with one script of Plotly's beside them."""
    made = tmp_path_factory.mktemp("figures")
    (made / "plotly.min.js").write_text(plotly.offline.get_plotlyjs(), encoding="utf-8")
    return made


@pytest.fixture
def open_figure(open_page, folder):
    """`open_figure(figure, width, alone=True)` writes a self-contained file, and opens it; else one beside Plotly's script."""

    def open_(figure, width=1280, alone=True):
        path = folder / "figure.html"
        figure.write_html(path, include_plotlyjs=alone or "plotly.min.js")
        page = open_page(path.as_uri(), width=width)
        page.wait_for_selector(".gtitle")
        return page

    return open_


@pytest.fixture(scope="module")
def trace():
    cell = lv.build("BasicLSTMCell", num_units=8, input_size=4)
    return lv.run(cell, lv.sequences.make("sunspots", time_steps=60, input_size=4))


def hover(page, panel, across, down):
    box = page.locator(".nsewdrag").nth(panel).bounding_box()
    page.mouse.move(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
    page.wait_for_selector(".hoverlayer .hovertext")
    return [label.replace("\n", "") for label in page.locator(".hoverlayer .hovertext").all_text_contents()]


def test_hover_shows_step_unit_and_value_in_all_panels(open_figure, trace):
    labels = hover(open_figure(lv.plot.gates(trace)), panel=3, across=30.5 / 60, down=2.5 / 8)
    shown = {}
    for label in labels:
        name, number = re.fullmatch(r"(.*) (\S+)step 30: 1979", label).groups()
        shown[name] = float(number.replace("−", "-"))
    panels = {"x": trace.x, **trace.gates, **trace.states}
    assert shown == {f"{name}[2]": pytest.approx(values[30, 2], rel=1e-3) for name, values in panels.items()}


def test_hover_over_a_label_of_the_axis_names_the_whole_column(open_figure, trace):
    labels = hover(open_figure(lv.plot.kernel(trace.cell)), panel=0, across=16.5 / 32, down=5.5 / 12)
    assert len(labels) == 1
    assert labels[0].startswith("h[1] → f[0], kernel column 16")


def test_lines_lie_over_the_steps_that_they_tell_of(open_figure, trace):
    page = open_figure(lv.plot.gates(trace, units=[0, 3]))
    lines = page.locator(".scatterlayer .js-line")
    assert lines.count() == 12
    area, line = page.locator(".nsewdrag").nth(1).bounding_box(), lines.nth(0).bounding_box()
    assert line["x"] == pytest.approx(area["x"], abs=area["width"] / 60)
    assert line["width"] == pytest.approx(area["width"] * 59 / 60, rel=0.02)


def words(page):
    """Each of a figure's words with its box: left, top, right, bottom, text."""
    selectors = ".annotation-text, .gtitle, [class$=tick] text"
    return page.locator(selectors).evaluate_all(
        "all => all.map(e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom, e.textContent] })"
    )


@pytest.mark.parametrize("language", lv.language.LANGUAGES)
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["kernel", "gates", "lines"])
def test_no_words_overlap_or_leave_the_picture(open_figure, trace, name, width, language):
    cell = lv.build("LSTMCell", 8, 4, use_peepholes=True, num_proj=3)
    with lv.language.use(language):
        sequence = lv.sequences.make("sunspots", time_steps=60, input_size=4)
        trace = dataclasses.replace(trace, sequence=sequence)
        figure = {
            "kernel": lambda: lv.plot.kernel(cell),
            "gates": lambda: lv.plot.gates(trace),
            "lines": lambda: lv.plot.gates(trace, units=[0, 3]),
        }[name]()
    if width < 640:
        figure.plotly_relayout(dict(figure.layout.meta["narrow"]))  # as the page does
    boxes = words(open_figure(figure, width=width, alone=False))
    assert len(boxes) > 10
    assert [box for box in boxes if box[0] < 0 or box[2] > width] == []
    for one, other in itertools.combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] + 4 or other[3] <= one[1] + 4
        assert apart, (one, other)


def test_marks_of_what_is_not_finite_say_what_it_is(open_figure):
    x = np.zeros((4, 2), np.float32)
    x[2, 1] = -np.inf
    trace = lv.run(lv.build("BasicRNNCell", 2, 2), x)
    labels = hover(open_figure(lv.plot.gates(trace)), panel=0, across=2.5 / 4, down=1.5 / 2)
    assert any(label.startswith("x[1] −∞") for label in labels)


@pytest.fixture
def open_alone(open_page):
    """`open_alone(path, **page)` opens a file without a network, and gives the page and what it asked for."""

    def open_(path, **page):
        opened = open_page("about:blank", alone=True, **page)
        opened.context.set_offline(True)
        requests = []
        opened.on("request", lambda request: requests.append(request.url))
        opened.goto(path.as_uri())
        return opened, requests

    return open_


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_that_the_command_line_writes_opens_without_a_network(open_alone, tmp_path, capsys, dark):
    cell = lv.build("BasicLSTMCell", num_units=8, input_size=2, forget_bias=0.0)
    lv.save(cell, tmp_path / "model.safetensors")
    (tmp_path / "x.csv").write_text("day,rain </script><b>,sun\nmon,1,2\ntue,3,-4\nwed,5,6\n")
    arguments = ["--input", str(tmp_path / "x.csv"), "-o", str(tmp_path / "page.html"), *["--dark"] * dark]
    assert cli.main(["render", str(tmp_path / "model.safetensors"), *arguments]) == 0, capsys.readouterr().err
    page, requests = open_alone(tmp_path / "page.html", width=1000)
    page.wait_for_selector(".gtitle >> text=3 steps × 8 units")
    page.wait_for_selector(".gtitle >> text=kernel [10, 32]")
    assert page.locator(".js-plotly-plot .main-svg").count() >= 3
    assert page.locator("b", has_text="sun").count() == 0  # a column's name is no markup
    drawn = page.evaluate(
        "document.querySelectorAll('.js-plotly-plot')[1]._fullData[0].z.map(row => [...row])"
    )
    np.testing.assert_allclose(np.array(drawn), [[1, 3, 5], [2, -4, 6]])
    red = int(re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[0])
    assert (red < 60) == dark
    assert [url for url in requests if urlsplit(url).scheme not in ("data", "blob")] == [
        (tmp_path / "page.html").as_uri()
    ]


@pytest.mark.parametrize("width", [1000, 640])
def test_what_a_notebook_shows_has_its_facts_apart_from_all_other_words(open_alone, trace, tmp_path, width):
    for name, value in {"cell": trace.cell, "trace": trace}.items():
        sent = json.dumps(notebook.show(value)[notebook.PLOTLY])
        path = tmp_path / f"{name}.html"
        path.write_text(
            f"<!doctype html><meta charset=utf-8><script>{plotly.offline.get_plotlyjs()}</script><div id=here></div>"
            f"<script>const sent = {sent}; Plotly.newPlot('here', sent.data, sent.layout, sent.config)</script>",
            encoding="utf-8",
        )
        page, requests = open_alone(path, width=width)
        page.wait_for_selector(".gtitle-subtitle >> text=num_units 8")
        assert requests == [path.as_uri()]
        facts = page.locator(".gtitle-subtitle").bounding_box()
        assert facts["x"] >= 0 and facts["x"] + facts["width"] <= width
        for left, top, right, bottom, text in words(page):
            beside = right <= facts["x"] or left >= facts["x"] + facts["width"]
            above = bottom <= facts["y"] + 2 or top >= facts["y"] + facts["height"] - 2
            assert "num_units" in text or beside or above, text
