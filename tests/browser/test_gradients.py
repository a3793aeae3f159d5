"""How far back the cell remembers, on the page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

import lstmviz as lv

_WAIT = 40_000
_TITLE = ".st-key-gradients_figure .gtitle"
_STEPS, _UNITS = 20, 4


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_switch_shows_gradients_and_the_link_does_too(open_page, document_url, width, dark):
    view = "num_units=4&input_size=2&time_steps=20&sequence=sine"
    page = open_page(f"{document_url}/?{view}", width=width, dark=dark)
    page.locator(".st-key-gradients label").first.click(timeout=_WAIT)
    expect(page.locator(_TITLE)).to_have_text("BasicLSTMCell gradients: 20 steps × 4 units", timeout=_WAIT)
    box = page.locator(".st-key-gradients_figure .js-plotly-plot").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
    page.locator(".st-key-contrast label").first.click(timeout=_WAIT)
    expect(page.locator(".st-key-gradients_figure")).to_contain_text("BasicRNNCell: ", timeout=_WAIT)
    page.wait_for_timeout(500)
    other = open_page(page.evaluate("location.href"), width=width, dark=dark)
    expect(other.locator(".st-key-gradients_figure")).to_contain_text("BasicRNNCell: ", timeout=_WAIT)


def test_another_pin_asks_another_question(open_page, document_url):
    view = "num_units=4&input_size=2&time_steps=20&sequence=sine&gradients=true"
    page = open_page(f"{document_url}/?{view}")
    expect(page.locator(_TITLE)).to_be_visible(timeout=_WAIT)
    panel = page.locator(".st-key-gates .nsewdrag").nth(1)
    panel.scroll_into_view_if_needed()
    box = panel.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 7.5 / 20, box["y"] + box["height"] * 2.5 / 4)
    expect(page.locator(_TITLE)).to_have_text("BasicLSTMCell gradients: 8 steps × 4 units", timeout=_WAIT)
    expect(page.locator(".st-key-gradients_figure")).to_contain_text("h[2]")


_VIEW = "num_units=4&input_size=2&time_steps=20&sequence=sine&gradients=true"


def _rest(page: Page) -> Page:
    expect(page.locator(_TITLE)).to_be_visible(timeout=_WAIT)
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_WAIT)
    page.wait_for_timeout(500)  # what still follows the first run
    return page


@pytest.fixture
def opened(open_page, document_url) -> Page:
    return _rest(open_page(f"{document_url}/?{_VIEW}"))


@pytest.fixture
def looked_at(look_at, document_url) -> Page:
    """The same, for who changes nothing there."""
    return _rest(look_at(f"{document_url}/?{_VIEW}"))


def _point(page: Page, key: str, panel: int, column: float, row: float) -> tuple[float, float]:
    place = page.locator(f".st-key-{key} .nsewdrag").nth(panel)
    place.evaluate("place => place.scrollIntoView({ block: 'center' })")
    box = place.bounding_box()
    assert box
    x, y = box["x"] + box["width"] * column, box["y"] + box["height"] * row
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    return x, y


def _marked(page: Page, key: str, panel: int) -> set[int]:
    """The steps that are marked in a panel."""
    page.wait_for_timeout(50)
    box = page.locator(f".st-key-{key} .nsewdrag").nth(panel).bounding_box()
    assert box
    marks = page.evaluate(
        """key => [...document.querySelectorAll(`.st-key-${key} .lstmviz-figure > [aria-hidden] > div`)]
            .filter(mark => mark.style.display !== "none").map(mark => mark.getBoundingClientRect().toJSON())""",
        key,
    )
    inside = [m for m in marks if box["y"] <= m["y"] + m["height"] / 2 <= box["y"] + box["height"]]
    return {round((mark["x"] - box["x"]) / box["width"] * _STEPS) for mark in inside}


def test_a_step_under_the_pointer_is_marked_in_every_picture(looked_at):
    for panel, step in enumerate((13, 4, 17, 8)):
        _point(looked_at, "gradients_figure", panel, (step + 0.5) / _STEPS, 0.4)
        for each in range(4):
            assert _marked(looked_at, "gradients_figure", each) == {step}, (panel, each)
        for each in range(7):
            assert _marked(looked_at, "gates", each) == {step}, (panel, each)


def test_a_step_in_a_gate_is_marked_in_the_norms(looked_at):
    _point(looked_at, "gates", 3, 6.5 / _STEPS, 0.4)
    assert _marked(looked_at, "gradients_figure", 0) == {6}


def test_a_click_in_the_norms_asks_about_that_step_and_pins_no_gate(opened):
    opened.mouse.click(*_point(opened, "gradients_figure", 0, 11.5 / _STEPS, 0.4))
    expect(opened.locator(_TITLE)).to_have_text("BasicLSTMCell gradients: 12 steps × 4 units", timeout=_WAIT)
    opened.wait_for_function("location.search.includes('t=11')")
    assert "gate=" not in opened.url and "unit=" not in opened.url


def test_the_keyboard_reads_the_norms_of_a_step(looked_at):
    figure = looked_at.locator(".st-key-gradients_figure .lstmviz-figure")
    figure.focus()
    looked_at.keyboard.press("Home")
    for _press in range(15):
        looked_at.keyboard.press("ArrowRight")
    said = figure.locator(".lstmviz-reading").inner_text()
    x = lv.sequences.make("sine", time_steps=_STEPS, input_size=2)
    cell = lv.build("BasicLSTMCell", num_units=_UNITS, input_size=2)
    norms = lv.gradients(lv.run(cell, x, device="CPU:0"), unit=0).norms()
    read = dict(re.findall(r"(\w) ([\d.e−+]+)", said.removeprefix("step 15: ")))
    assert said.startswith("step 15: ") and set(read) == set(norms)
    for name, number in read.items():
        assert float(number.replace("−", "-")) == pytest.approx(float(norms[name][15]), rel=1e-3)


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("cell", ["GRUCell", "sLSTM", max(lv.KINDS, key=len)])  # most states, longest title
def test_nothing_is_cut_off_on_a_phone(open_page, app_url, lang, cell):
    page = open_page(f"{app_url}/memory?cell={cell}&time_steps=280&lang={lang}", width=390)
    expect(page.locator(_TITLE)).to_be_visible(timeout=_WAIT)
    figure = page.locator(".st-key-gradients_figure .js-plotly-plot").bounding_box()
    assert figure
    for words in page.locator(".st-key-gradients_figure svg text").all():
        box = words.bounding_box()
        if box and box["width"]:
            assert figure["x"] - 1 <= box["x"], words.text_content()
            assert box["x"] + box["width"] <= figure["x"] + figure["width"] + 1, words.text_content()
