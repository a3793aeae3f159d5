"""Whose run the pictures show while the slider is held, and when it rests."""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
from playwright.sync_api import Page, expect

import lstmviz as lv
from tests.browser.conftest import ROOT

_FIRST = 60_000  # milliseconds: a server's first visitor waits for TensorFlow
_RESTS = re.compile(r"on CPU:0 · differs from NumPy's by at most \d\.?\d*(e-\d+)?\.$")


def _caption(page: Page):
    return page.get_by_test_id("stCaptionContainer").filter(has_text="Ran ").first


def _open(open_page, address: str) -> tuple[Page, list[tuple[str, str, str]]]:
    """A page at rest, and which pictures it asks for: which, of how many units, whose run."""
    page = open_page(address, alone=True)
    expect(_caption(page)).to_have_text(_RESTS, timeout=_FIRST)
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_FIRST)
    expect(page.locator(".st-key-gates .gtitle")).to_be_visible(timeout=_FIRST)
    page.wait_for_timeout(500)
    asked: list[tuple[str, str, str]] = []

    def note(url: str) -> None:
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if "/pictures/" in parts.path:
            asked.append((parts.path.rpartition("/")[2], query["num_units"], query.get("engine", "")))

    page.on("request", lambda request: note(request.url))
    return page, asked


def _drawn(page: Page) -> np.ndarray:
    """The numbers of the forget gate, as Plotly has them."""
    z = page.evaluate(
        "() => document.querySelector('.st-key-gates .js-plotly-plot')._fullData[3].z.map(row => [...row])"
    )
    return np.array(z, np.float32)


def _range(page: Page) -> list[float]:
    """The steps in view."""
    range_: list[float] = page.evaluate(
        "() => [...document.querySelector('.st-key-gates .js-plotly-plot').layout.xaxis.range]"
    )
    return range_


def _zoom_in(page: Page) -> list[float]:
    """Drags over a part of a panel, and gives the steps that are in view then."""
    before = _range(page)
    area = page.locator(".st-key-gates .nsewdrag").nth(3)
    area.evaluate("area => area.scrollIntoView({ block: 'center' })")
    box = area.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=4)
    page.mouse.up()
    page.wait_for_timeout(1000)
    assert _range(page) != before
    return _range(page)


def _hold(page: Page, *keys: str) -> None:
    page.locator(".st-key-num_units input[type=range]").focus()
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(40)


def test_numpys_run_is_drawn_while_the_slider_is_held_and_tensorflows_when_it_rests(open_page, document_url):
    page, asked = _open(open_page, f"{document_url}/?num_units=8&seed=41")
    page.evaluate(
        """() => { window.said = []; new MutationObserver(() => {
          for (const each of document.querySelectorAll('[data-testid=stCaptionContainer]'))
            if (each.innerText.includes('Ran ') && window.said.at(-1) !== each.innerText) window.said.push(each.innerText);
        }).observe(document.body, { subtree: true, childList: true, characterData: true }); }"""
    )
    _hold(page, "ArrowRight", "ArrowRight", "ArrowRight")
    expect(page.locator(".st-key-gates .gtitle")).to_have_text(re.compile("× 11 units$"), timeout=_FIRST)
    expect(page).to_have_url(re.compile("num_units=11"), timeout=_FIRST)
    expect(_caption(page)).to_have_text(_RESTS, timeout=_FIRST)
    page.wait_for_timeout(1000)
    said = page.evaluate("() => window.said")
    assert any(each.endswith("on NumPy, for now.") for each in said), said
    assert _RESTS.search(said[-1])
    gates = [(units, engine) for key, units, engine in asked if key == "gates"]
    assert gates[-1] == ("11", "") and gates.count(("11", "")) == 1, "TensorFlow's picture comes once"
    assert all(engine == "numpy" for _units, engine in gates[:-1]) and len(gates) > 1
    assert {engine for key, _units, engine in asked if key == "step"} <= {""}, (
        "the rest is drawn at rest alone"
    )
    cell = lv.build("BasicLSTMCell", 11, 4, seed=41)
    trace = lv.run(cell, lv.sequences.make("sunspots", time_steps=60, input_size=4, seed=41), device="CPU:0")
    assert (_drawn(page) == trace.gates["f"].T).all(), "to the last bit TensorFlow's"


def test_a_slider_that_comes_back_to_where_it_was_rests_on_tensorflows_run(open_page, document_url):
    page, asked = _open(open_page, f"{document_url}/?num_units=8&seed=42")
    _hold(page, "ArrowRight", "ArrowLeft")
    limit = 100
    while not [each for each in asked if each == ("gates", "8", "")] and limit:
        page.wait_for_timeout(100)
        limit -= 1
    page.wait_for_timeout(500)
    assert asked[-1] == ("gates", "8", "") or asked[-2] == ("gates", "8", ""), asked
    expect(_caption(page)).to_have_text(_RESTS)
    cell = lv.build("BasicLSTMCell", 8, 4, seed=42)
    trace = lv.run(cell, lv.sequences.make("sunspots", time_steps=60, input_size=4, seed=42), device="CPU:0")
    assert (_drawn(page) == trace.gates["f"].T).all()


_WAITS = """
import os, sys, time
from pathlib import Path

while not Path(os.environ["GO"]).exists():
    time.sleep(0.05)
sys.path.remove(str(Path(__file__).parent.parent))
del sys.modules["tensorflow"]
import tensorflow
"""


def test_numpys_run_is_drawn_before_tensorflow_is_there_and_tensorflows_once_it_is(
    open_page, serve, tmp_path
):
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text(_WAITS)
    go = tmp_path / "go"
    url = serve("app.py", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}", GO=str(go))
    page = open_page(f"{url}/document/?seed=43", alone=True)
    expect(_caption(page)).to_have_text(re.compile("on NumPy, while TensorFlow starts.$"), timeout=_FIRST)
    expect(page.locator(".st-key-gates .gtitle")).to_be_visible(timeout=_FIRST)
    expect(page.locator(".st-key-step .js-plotly-plot")).to_be_visible(timeout=_FIRST)
    assert not page.locator(".st-key-page_html button").count(), "nothing of NumPy's run is handed over"
    page.evaluate(
        """() => { const plot = document.querySelector('.st-key-gates .js-plotly-plot');
          window.drawn = 0; plot.on('plotly_afterplot', () => window.drawn++); }"""
    )
    _hold(page, "ArrowRight")  # the controls work meanwhile
    expect(page.locator(".st-key-gates .gtitle")).to_have_text(re.compile("× 9 units$"), timeout=_FIRST)
    expect(page).to_have_url(re.compile("num_units=9"), timeout=_FIRST)
    expect(_caption(page)).to_have_text(re.compile("on NumPy, while TensorFlow starts.$"), timeout=_FIRST)
    stage = open_page(f"{url}/?seed=43&num_units=9", alone=True)
    told = stage.locator(".st-key-sentence")
    expect(told).to_have_text(re.compile("NumPy, while TensorFlow starts$"), timeout=_FIRST)
    zoomed = _zoom_in(page)
    page.wait_for_timeout(1000)
    before = page.evaluate("() => window.drawn")
    go.touch()
    expect(_caption(page)).to_have_text(_RESTS, timeout=_FIRST)
    expect(told).to_have_text(re.compile(r"CPU:0 · differs from NumPy's by at most \S+$"), timeout=_FIRST)
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_FIRST)
    page.wait_for_timeout(1000)
    assert _range(page) == zoomed, "what was zoomed into stays in view"
    assert page.evaluate("() => window.drawn") == before + 1, "the figure is drawn once more"
    cell = lv.build("BasicLSTMCell", 9, 4, seed=43)
    trace = lv.run(cell, lv.sequences.make("sunspots", time_steps=60, input_size=4, seed=43), device="CPU:0")
    assert (_drawn(page) == trace.gates["f"].T).all()
