"""Kernels and runs that are larger than a screen: shown in tiles, and finer where one looks closer."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import numpy as np
from playwright.sync_api import Page, expect

import lstmviz as lv

_WAIT = 60_000


def _levels(page: Page, key: str) -> dict[str, Any]:
    told = page.evaluate(
        "key => JSON.stringify(document.querySelector(`.st-key-${key} .js-plotly-plot`).layout.meta.levels)",
        key,
    )
    return json.loads(told)


def _drag(page: Page, key: str, panel: int, start: tuple[float, float], end: tuple[float, float]) -> None:
    area = page.locator(f".st-key-{key} .nsewdrag").nth(panel)
    area.evaluate("area => area.scrollIntoView({ block: 'center' })")
    box = area.bounding_box()
    assert box
    (x0, y0), (x1, y1) = (
        (box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (start, end)
    )
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=4)
    page.mouse.up()


def _wait_for_level(page: Page, key: str, fits: Any) -> dict[str, Any]:
    limit = time.monotonic() + 60
    while not fits(levels := _levels(page, key)):
        assert time.monotonic() < limit, levels
        time.sleep(0.05)
    return levels


def _shown(page: Page, key: str, index: int) -> np.ndarray:
    z = page.evaluate(
        "([key, index]) => document.querySelector(`.st-key-${key} .js-plotly-plot`)._fullData[index].z.map(row => [...row])",
        [key, index],
    )
    return np.array(z, np.float32)


def test_a_kernel_of_millions_shows_tiles_and_single_weights_where_one_zooms_in(open_page, document_url):
    page = open_page(f"{document_url}/?num_units=1024&input_size=256&sequence=sine&time_steps=10", alone=True)
    sent = []
    page.on("response", lambda answer: "pictures/kernel" in answer.url and sent.append(len(answer.body())))
    expect(page.locator(".st-key-kernel .gtitle")).to_have_text(
        "BasicLSTMCell kernel [1280, 4096]", timeout=_WAIT
    )
    expect(page.locator(".st-key-gates .gtitle")).to_be_visible(timeout=_WAIT)
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_WAIT)
    first = _levels(page, "kernel")
    assert first["of"] == [1280, 4096] and min(first["tile"]) > 1
    expect(page.locator(".st-key-kernel .js-plotly-plot")).to_contain_text("a cell stands for")
    _drag(page, "kernel", 0, (0.5, 0.5), (0.54, 0.55))
    close = _wait_for_level(page, "kernel", lambda levels: levels["tile"] == [1, 1])
    kernel = lv.build("BasicLSTMCell", 1024, 256).kernel
    assert (_shown(page, "kernel", 0) == kernel[slice(*close["rows"]), slice(*close["columns"])]).all()
    area = page.locator(".st-key-kernel .nsewdrag").first
    box = area.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".st-key-kernel .hoverlayer")).to_contain_text("→ f[", timeout=_WAIT)
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert (
        _wait_for_level(page, "kernel", lambda levels: levels["rows"] == [0, 1280])["tile"] == first["tile"]
    )
    assert all(size < 1_000_000 for size in sent) and sent


def test_a_long_run_shows_tiles_and_single_values_where_one_zooms_in(open_page, document_url):
    page = open_page(f"{document_url}/?num_units=64&input_size=2&sequence=sine&time_steps=4000&seed=5")
    expect(page.locator(".st-key-gates .gtitle")).to_have_text(
        "BasicLSTMCell: 4000 steps × 64 units", timeout=_WAIT
    )
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_WAIT)
    assert _levels(page, "gates")["of"] == [64, 4000]
    _drag(page, "gates", 3, (0.5, 0.1), (0.55, 0.9))
    close = _wait_for_level(page, "gates", lambda levels: levels["tile"] == [1, 1])
    cell = lv.build("BasicLSTMCell", 64, 2, seed=5)
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=4000, input_size=2, seed=5))
    expected = trace.gates["f"][slice(*close["columns"]), slice(*close["rows"])].T
    assert np.allclose(_shown(page, "gates", 3), expected, atol=1e-6)


def test_the_keyboard_reads_a_tile(open_page, document_url):
    page = open_page(f"{document_url}/?num_units=400&input_size=4&sequence=sine&time_steps=10")
    expect(page.locator(".st-key-kernel .gtitle")).to_be_visible(timeout=_WAIT)
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_WAIT)
    page.locator(".st-key-kernel .js-plotly-plot").focus()
    page.keyboard.press("ArrowDown")
    reading = page.locator(".st-key-kernel .lstmviz-reading")
    expect(reading).to_have_text(re.compile(r"x\[1\] → i\[0\]: −?0\.\d+"))
