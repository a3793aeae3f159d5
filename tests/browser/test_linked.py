"""The pictures are linked: one place is marked in all of them, without the server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

import lstmviz as lv

_WAIT = 40_000
_STEPS, _UNITS, _ROWS = 60, 8, 12


@pytest.fixture
def opened(open_page, document_url) -> Page:
    return _wait(open_page(document_url))


@pytest.fixture
def looked_at(look_at, document_url) -> Page:
    """The same, for who pins nothing there."""
    return _wait(look_at(document_url))


def _wait(page: Page) -> Page:
    for key in ("kernel", "gates"):
        expect(page.locator(f".st-key-{key} .gtitle")).to_be_visible(timeout=_WAIT)
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_WAIT)
    page.wait_for_timeout(500)  # what still follows the first run
    return page


def _until(condition: Callable[[], bool], what: Any = "it") -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, f"never true: {what}"
        time.sleep(0.05)


def _query(page: Page) -> dict[str, str]:
    return {n: v[0] for n, v in parse_qs(urlsplit(page.evaluate("location.href")).query).items()}


def _pin(page: Page) -> tuple[str | None, ...]:
    return tuple(_query(page).get(name) for name in ("t", "gate", "unit"))


def _panel(page: Page, key: str, index: int) -> dict[str, float]:
    box = page.locator(f".st-key-{key} .nsewdrag").nth(index).bounding_box()
    assert box
    return box


def _move(page: Page, key: str, index: int, column: float, row: float) -> None:
    # To the middle: at the top lies Streamlit's header.
    panel = page.locator(f".st-key-{key} .nsewdrag").nth(index)
    panel.evaluate("panel => panel.scrollIntoView({ block: 'center' })")
    box = _panel(page, key, index)
    x, y = box["x"] + box["width"] * column, box["y"] + box["height"] * row
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)


def _marks(page: Page, key: str, index: int, columns: int, rows: int) -> set[tuple[int, int, int, int]]:
    """What is marked in a panel: first column, first row, columns and rows."""
    page.wait_for_timeout(50)
    script = """key => [...document.querySelectorAll(`.st-key-${key} .lstmviz-figure > [aria-hidden] > div`)]
        .filter(mark => mark.style.display !== "none").map(mark => mark.getBoundingClientRect().toJSON())"""
    box = _panel(page, key, index)
    wide, high = box["width"] / columns, box["height"] / rows
    found = set()
    for mark in page.evaluate(script, f"{key}"):
        middle = mark["y"] + mark["height"] / 2 - box["y"]
        if 0 <= middle <= box["height"]:
            left, top = (mark["x"] - box["x"]) / wide, (mark["y"] - box["y"]) / high
            found.add((round(left), round(top), round(mark["width"] / wide), round(mark["height"] / high)))
    return found


def test_a_place_in_a_gate_is_marked_in_every_picture(looked_at):
    _move(looked_at, "gates", 3, 24.5 / _STEPS, 2.5 / _UNITS)
    for panel in range(1, 7):
        assert _marks(looked_at, "gates", panel, _STEPS, _UNITS) == {(24, 0, 1, 8), (24, 2, 1, 1)}
    assert _marks(looked_at, "gates", 0, _STEPS, 4) == {(24, 0, 1, 4)}
    columns = {(block * _UNITS + 2, 0, 1, _ROWS) for block in range(4)}
    assert _marks(looked_at, "kernel", 0, 4 * _UNITS, _ROWS) == columns
    looked_at.mouse.move(5, 5)
    assert _marks(looked_at, "gates", 3, _STEPS, _UNITS) == set()


@pytest.mark.parametrize(("row", "panel", "rows", "marked"), [(2, 0, 4, 2), (9, 6, 8, 5)])
def test_a_weight_marks_its_unit_and_what_its_row_meets(opened, row, panel, rows, marked):
    _move(opened, "kernel", 0, 19.5 / 32, (row + 0.5) / _ROWS)
    columns = {(block * _UNITS + 3, 0, 1, _ROWS) for block in range(4)}
    assert _marks(opened, "kernel", 0, 32, _ROWS) == columns | {(0, row, 32, 1)}
    opened.keyboard.press("Escape")
    _click_step(opened, 10)
    _move(opened, "kernel", 0, 19.5 / 32, (row + 0.5) / _ROWS)
    assert (10, marked, 1, 1) in _marks(opened, "gates", panel, _STEPS, rows)
    assert (10, 3, 1, 1) in _marks(opened, "gates", 3, _STEPS, _UNITS)


def _click_step(page: Page, t: int) -> None:
    _move(page, "gates", 0, (t + 0.5) / _STEPS, 0.5)
    page.mouse.down()
    page.mouse.up()
    _until(lambda: _pin(page)[0] == str(t))


def test_a_click_pins_and_the_link_brings_it_back(opened, open_page):
    _move(opened, "gates", 4, 41.5 / _STEPS, 6.5 / _UNITS)
    opened.mouse.down()
    opened.mouse.up()
    _until(lambda: _pin(opened) == ("41", "o", "6"), "the pin in the address")
    opened.mouse.move(5, 5)
    marks = {(41, 0, 1, 8), (41, 6, 1, 1)}
    assert _marks(opened, "gates", 3, _STEPS, _UNITS) == marks
    other = _wait(open_page(opened.evaluate("location.href")))
    assert _marks(other, "gates", 3, _STEPS, _UNITS) == marks
    opened.locator(".st-key-num_units input[type=range]").focus()
    for _time in range(3):
        opened.keyboard.press("ArrowLeft")
    expect(opened.locator(".st-key-gates .gtitle")).to_contain_text("× 5 units")
    _until(lambda: _pin(opened) == ("41", "o", "4"), "the nearest unit there is")


def test_the_keyboard_reaches_every_cell(opened):
    figure = opened.locator(".st-key-gates .lstmviz-figure")
    figure.focus()
    trace = lv.run(
        lv.examples.load("sunspots", num_units=8).cell,
        lv.sequences.make("sunspots", time_steps=60, input_size=4),
        device="CPU:0",
    )
    panels = {"x": trace.x, **trace.gates, **trace.states}
    reading = figure.locator(".lstmviz-reading")
    opened.keyboard.press("End")
    seen = set()
    for _press in range(60):
        name, unit, t, number = re.fullmatch(
            r"(\w)\[(\d+)\], step (\d+): (\S+)", reading.inner_text()
        ).groups()
        value = float(panels[name][int(t), int(unit)])
        assert float(number.replace("−", "-")) == pytest.approx(value, rel=6e-4)
        assert t == "59"
        seen.add((name, int(unit)))
        opened.keyboard.press("ArrowDown")
    assert seen == {(name, row) for name, values in panels.items() for row in range(values.shape[1])}
    opened.keyboard.press("Home")
    opened.keyboard.press("Enter")
    _until(lambda: _pin(opened) == ("0", "h", "7"))
    opened.keyboard.press("Escape")
    expect(reading).to_be_hidden()


def test_the_keyboard_reads_the_lines_of_a_panel(open_page, document_url):
    page = _wait(open_page(f"{document_url}/?num_units=4&input_size=2&time_steps=20&sequence=sine&units=1,3"))
    figure = page.locator(".st-key-gates .lstmviz-figure")
    figure.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")  # x has two rows, then comes the first gate
    page.keyboard.press("ArrowDown")
    for _press in range(12):
        page.keyboard.press("ArrowRight")
    said = re.fullmatch(
        r"step 12: i\[1\] (\S+), i\[3\] (\S+)", figure.locator(".lstmviz-reading").inner_text()
    )
    assert said
    cell = lv.build("BasicLSTMCell", num_units=4, input_size=2)
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=20, input_size=2), device="CPU:0")
    for unit, number in zip((1, 3), said.groups(), strict=True):
        assert float(number.replace("−", "-")) == pytest.approx(float(trace.gates["i"][12, unit]), rel=6e-4)


def test_nothing_is_sent_while_hovering(looked_at):
    sent: list[str] = []
    looked_at.context.on("request", lambda request: sent.append(request.url))
    session = looked_at.context.new_cdp_session(looked_at)
    session.on("Network.webSocketFrameSent", lambda event: sent.append(json.dumps(event)))
    session.send("Network.enable")
    for step in range(0, 60, 3):
        _move(looked_at, "gates", 2, (step + 0.5) / _STEPS, 0.4)
    for column in range(0, 32, 4):
        _move(looked_at, "kernel", 0, (column + 0.5) / 32, 0.4)
    looked_at.wait_for_timeout(600)
    session.detach()
    assert sent == []


def test_the_exported_page_keeps_the_linked_hover(looked_at, open_page, tmp_path):
    with looked_at.expect_download() as download:
        looked_at.locator(".st-key-page_html button").click()
    path = tmp_path / "page.html"
    download.value.save_as(path)
    page = open_page(path.as_uri())
    plots = page.locator(".js-plotly-plot")
    expect(plots.nth(1).locator(".gtitle")).to_be_visible()
    panel = plots.nth(1).locator(".nsewdrag").nth(3)
    panel.scroll_into_view_if_needed()
    box = panel.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 5)
    page.mouse.move(box["x"] + box["width"] * 0.5 + 2, box["y"] + 7)
    assert (
        plots.nth(0).locator("> [aria-hidden] > div").count() == 8
    )  # a column in each block, and of its bias
    assert plots.nth(1).locator("> [aria-hidden] > div").count() == 13
