"""A kind that is declared in the tests alone goes through every section of the page and every file."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import lstmviz as lv
from lstmviz import notebook
from lstmviz.equation import sigmoid
from lstmviz.plot.handout import handout_html
from lstmviz.plot.number import write
from lstmviz.plot.page import page_html
from lstmviz.web import downloads, pictures, render, server, snippets, stage, tables
from lstmviz.web import view as views
from tests.kinds_of_ones_own import FILED, declared

_SCRIPT = Path(__file__).parent / "apps" / "document.py"
SECTIONS = (
    "What is num_units?",
    "The kernel, gate by gate",
    "Every gate, step by step",
    "How open was each gate?",
    "Where does a number come from?",
    "One step of time",
    "How far back does it remember?",
    "Beside another setting",
    "Does the input need a layer of its own?",
    "The same cell as code",
    "The same weights in another framework",
    "The same as tables",
    "Take it along",
)


@pytest.fixture(scope="module", autouse=True)
def own_kinds():
    with declared(FILED):
        yield


@pytest.fixture(scope="module", params=FILED)
def kind(request):
    return lv.KINDS[request.param]


def query(kind, **more):
    asked = dict(cell=kind.name, num_units="3", input_size="2", sequence="sine", time_steps="8", seed="4")
    return asked | more


def opened(kind, **more):
    page = AppTest.from_file(_SCRIPT, default_timeout=120)
    for name, value in query(kind, **more).items():
        page.query_params[name] = value
    page.run()
    assert not page.exception, page.exception
    return page


def cell_of(kind, **options):
    return lv.build(kind.name, 3, 2, seed=4, **options)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_section_of_the_page_shows_it(kind, lang):
    pinned = {"t": "3", "gate": kind.gates[-1].name, "unit": "1"}
    page = opened(
        kind, gradients="true", contrast="true", tables="true", lang=lang, **pinned, **{"b.seed": "2"}
    )
    assert not page.warning and not page.error
    text = "\n".join(element.value for element in page.markdown)
    if lang == "en":
        for section in SECTIONS:
            assert f"## {section}" in text
        assert "No layer of Keras or TensorFlow is known to compute it." in text
        assert f"has a form for `{kind.name}`: there is nothing to convert." in text
    cell = cell_of(kind)
    assert f"`{list(cell.kernel.shape)}`" in text and f"**{cell.parameter_count:,}**" in text
    assert "Project-Id-Version" not in text  # what a catalogue has for an empty text
    assert all(head.strip(" *`") for head in text.splitlines() if head.startswith("#"))
    for formula in lv.cells.formulas(cell):
        assert formula.latex in text
    assert {code.value.splitlines()[0] for code in page.code} == {"import lstmviz as lv"}
    assert page.selectbox(key="cell").value == kind.name


def test_it_stands_last_and_as_ones_own(kind):
    shown = opened(kind).selectbox(key="cell").options
    assert shown[-len(FILED) :] == [f"own · {name}" for name in FILED]


def test_every_picture_of_the_route_is_made(kind):
    server.wait_warm(60)
    for key in pictures.PICTURES:
        made = pictures.fetch(key, query(kind, t="3", unit="1"))
        assert made, key


def test_its_options_are_parameters_but_for_those_that_the_page_has_for_something_else():
    kind = lv.KINDS["Odd"]
    page = opened(kind, slope="1.5", mixes="false", activation="relu", period="7")
    assert not page.warning
    view = page.session_state["view"]
    assert dict(view.options) == {"slope": 1.5, "mixes": False, "activation": "relu"}
    assert dict(view.signal)["period"] == 7
    told = [each.value.replace("\\", "") for each in page.caption]
    assert any(each.startswith("period = 2.0: as by default") for each in told)
    assert render.load_cell(view).options == {
        "slope": 1.5,
        "mixes": False,
        "period": 2.0,
        "activation": "relu",
    }
    page.number_input(key="option_slope").set_value(0.0).run()
    assert not page.exception
    assert views.to_query(page.session_state["view"])["slope"] == "0"
    again, problems = views.parse(views.to_query(page.session_state["view"]))
    assert again == page.session_state["view"] and not problems


def test_its_code_runs_where_it_is_declared(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cell = cell_of(kind)
    sequence = 'lv.sequences.make("sine", time_steps=8, input_size=2)'
    codes, _missing = snippets.all_of(cell, sequence, "glorot_uniform", 4, 8)
    names: dict = {}
    exec(codes["lstmviz"], names)
    expected = lv.run(cell, names["x"], engine="numpy").states["h"]
    np.testing.assert_allclose(names["trace"].states["h"], expected, rtol=1e-5, atol=1e-6)
    assert f'@lv.kind("{kind.name}")' in codes["lstmviz"]


def test_its_files_hold_it(kind):
    cell = cell_of(kind)
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=8, input_size=2))
    loaded = lv.load(downloads.kernel_npz(cell))[kind.name]
    np.testing.assert_array_equal(lv.run(loaded, trace.x).states["h"], trace.states["h"])
    head, *lines = downloads.kernel_csv(cell).decode("utf-8-sig").splitlines()
    assert len(lines) >= len(cell.kernel) + 1 and head.count(",") == cell.kernel.shape[1]
    assert len(downloads.trace_csv(trace).splitlines()) == 9
    assert len(downloads.trace_npz(trace)) > 1_000
    page = page_html(cell, trace).decode()
    assert f"<h1>{kind.name}, num_units 3, input_size 2</h1>" in page


def test_a_notebook_shows_it(kind):
    cell = cell_of(kind)
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=8, input_size=2), engine="numpy")
    for value in (cell, trace):
        shown = notebook.show(value)
        assert shown["text/plain"].startswith(f"{kind.name}, num_units 3")
        assert json.dumps(shown[notebook.PLOTLY])


def test_it_is_a_file_of_ones_own_on_the_page(kind):
    page = AppTest.from_file(_SCRIPT, default_timeout=120)
    page.query_params["sequence"] = "sine"
    page.query_params["input_size"] = "2"
    page.query_params["time_steps"] = "8"
    page.run()
    page.file_uploader(key="model_file").upload(
        "cell.npz", downloads.kernel_npz(cell_of(kind)), "application/zip"
    )
    page.run()
    assert not page.exception and not page.error, (page.exception, page.error)
    view = page.session_state["view"]
    assert (view.cell, view.layer, view.num_units) == (kind.name, kind.name, 3)
    text = "\n".join(element.value for element in page.markdown)
    assert f"Parameters of {kind.name}" in text


def test_tables_of_a_gate_that_is_no_sum_show_the_sums_inside_it(kind, monkeypatch):
    drawn: list[str] = []
    monkeypatch.setattr(tables.st, "html", drawn.append)
    trace = lv.run(cell_of(kind), lv.sequences.make("sine", time_steps=8, input_size=2), engine="numpy")
    for gate in kind.gates:
        view, _problems = views.parse(query(kind, t="3", gate=gate.name))
        tables.draw(view, trace.cell, trace)
        found = trace.inside(3, gate.name, 0)
        assert f"{gate.name}[0] at step 3" in drawn[-1]
        assert all(write(each.sum) in drawn[-1] for each in found.sums)
        assert (html.escape(found.sentence) in drawn[-1]) == bool(found.obstacles)


def test_a_link_to_it_where_it_is_not_declared_gets_the_nearest_kind():
    view, problems = views.parse({"cell": "NobodysCell", "slope": "1"})
    assert view.cell in lv.KINDS and "NobodysCell" in problems[0]
    assert urlencode(views.to_query(view)) == "", "the nearest kind is the usual one"


def test_a_kind_without_a_single_kernel_is_shown_without_its_picture():
    @lv.kind("Apart")
    def apart(x, h, w):
        f = sigmoid((x @ w("one")) * (x @ w("other")) + w("slope") * h).called("f")
        return {"h": f * h + (1 - f)}

    try:
        cell = lv.build("Apart", 3, 2, seed=4)
        assert not cell.rows
        text = "\n".join(element.value for element in opened(lv.KINDS["Apart"], tables="true").markdown)
        assert "Apart has no single kernel" in text and f"**{cell.parameter_count}**" in text
        server.wait_warm(60)
        for key in stage.NUMBERS:
            wanted = stage.read(key, query(lv.KINDS["Apart"], t="3", unit="1", name="f", select="2-3"))
            assert wanted is not None and wanted.make(), key
        trace = lv.run(cell, lv.sequences.make("sine", time_steps=8, input_size=2))
        assert handout_html(trace).startswith(b"<!doctype html>")
        run = snippets.Run("apart.npz", "Apart", 'lv.sequences.make("sine")', None, False, 8)
        assert "plot.kernel" in snippets.this_library_from_file(run)
        assert "plot.kernel" not in snippets.this_library_from_file(replace(run, has_kernel=False))
        again = lv.load(downloads.kernel_npz(cell))["Apart"]
        np.testing.assert_array_equal(again.weights["other"], cell.weights["other"])
        assert downloads.kernel_csv(cell)
    finally:
        del lv.KINDS["Apart"]
