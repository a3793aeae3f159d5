"""Journeys over the real page, as a visitor makes them."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import lstmviz as lv

_WAIT = 30_000  # milliseconds, for the first run waits for TensorFlow
_SLIDER = ".st-key-num_units input[type=range]"


def _title(key: str) -> str:
    return f".st-key-{key} .gtitle"


def _see(page: Page, kernel: str, gates: str) -> None:
    expect(page.locator(_title("kernel"))).to_contain_text(kernel, timeout=_WAIT)
    expect(page.locator(_title("gates"))).to_contain_text(gates, timeout=_WAIT)


def _query(page: Page) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(page.url).query).items()}


def _until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < limit, "it did not come to be"
        time.sleep(0.05)


def _drawn(page: Page, key: str) -> list[list[list[float]]]:
    """The values of each heatmap of a figure, as Plotly has them."""
    script = """key => document.querySelector(`.st-key-${key} .js-plotly-plot`)._fullData
        .filter(trace => trace.type === "heatmap").map(trace => Array.from(trace.z, row => Array.from(row)))"""
    made: list[list[list[float]]] = page.evaluate(script, key)
    return made


def _choose(page: Page, key: str, option: str) -> None:
    page.locator(f".st-key-{key} input").first.click()
    page.get_by_role("option", name=option, exact=True).click()


@pytest.fixture
def opened(open_page: Any, app_url: str) -> Page:
    """The page at its first view."""
    page: Page = open_page(app_url)
    _see(page, "kernel [12, 32]", "60 steps × 8 units")
    return page


def test_the_first_view_needs_no_click_and_is_in_the_address(opened):
    _until(lambda: _query(opened).get("num_units") == "8")
    expected = {
        "cell": "BasicLSTMCell",
        "sequence": "sunspots",
        "input_size": "4",
        "time_steps": "60",
        "seed": "0",
    }
    assert expected.items() <= _query(opened).items()


def test_a_moved_slider_changes_every_picture_in_its_place(opened):
    nodes = opened.evaluate("window.plots = [...document.querySelectorAll('.js-plotly-plot')]; plots.length")
    opened.focus(_SLIDER)
    opened.keyboard.press("ArrowRight")
    _see(opened, "kernel [13, 36]", "60 steps × 9 units")
    assert nodes == opened.evaluate("plots.filter(plot => plot.isConnected).length")
    expect(opened.get_by_text("num_units = 9", exact=False).first).to_be_visible()
    _until(lambda: _query(opened)["num_units"] == "9")
    # What follows the pictures when the slider rests:
    expect(opened.locator(".st-key-step")).to_contain_text("[1, 36]", timeout=_WAIT)
    expect(opened.locator("code").filter(has_text="num_units=9").first).to_be_attached()


def test_what_is_drawn_is_what_the_library_computes(open_page, app_url):
    page = open_page(
        f"{app_url}/?cell=GRUCell&num_units=5&input_size=3&sequence=chirp&time_steps=40&seed=7&activation=relu"
    )
    _see(page, "kernel [8, 15]", "40 steps × 5 units")
    cell = lv.build("GRUCell", num_units=5, input_size=3, seed=7, activation="relu")
    trace = lv.run(cell, lv.sequences.make("chirp", time_steps=40, input_size=3, seed=7), device="CPU:0")
    np.testing.assert_array_equal(np.array(_drawn(page, "kernel")[0], "f"), cell.kernel)
    panels = [trace.x, *trace.gates.values(), *trace.states.values()]
    for drawn, panel in zip(_drawn(page, "gates"), panels, strict=True):
        np.testing.assert_allclose(np.array(drawn), panel.T, atol=1e-5)


def test_a_link_of_what_was_picked_opens_the_same_pictures_for_another(opened, open_page):
    _choose(opened, "cell", "GRUCell")
    _see(opened, "kernel [12, 24]", "60 steps × 8 units")
    _choose(opened, "sequence", "random walk")
    opened.focus(_SLIDER)
    opened.keyboard.press("ArrowRight")
    _see(opened, "kernel [13, 27]", "60 steps × 9 units")
    _until(lambda: _query(opened)["num_units"] == "9" and _query(opened)["sequence"] == "random_walk")
    other = open_page(opened.url)
    _see(other, "kernel [13, 27]", "60 steps × 9 units")
    assert _drawn(other, "kernel") == _drawn(opened, "kernel")
    assert _drawn(other, "gates") == _drawn(opened, "gates")


def test_a_bad_link_shows_the_nearest_view_and_says_what_was_wrong(open_page, app_url):
    page = open_page(f"{app_url}/?num_units=-5&cell=Foo")
    _see(page, "kernel [5, 4]", "60 steps × 1 units")
    said = " ".join(page.get_by_test_id("stAlert").all_inner_texts())
    assert "-5" in said
    assert "Foo" in said
    assert "Traceback" not in page.content()


def test_hovering_a_step_shows_it_in_every_panel(opened):
    plot = opened.locator(".st-key-gates .nsewdrag").first
    plot.scroll_into_view_if_needed()
    box = opened.locator(".st-key-gates .js-plotly-plot").bounding_box()
    opened.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 110)
    opened.mouse.move(box["x"] + box["width"] * 0.5 + 3, box["y"] + 112)
    _until(lambda: opened.locator(".st-key-gates .hovertext").count() >= 7)


def test_hovering_the_kernel_names_the_row_the_unit_and_the_value(opened):
    kernel = lv.build("BasicLSTMCell", num_units=8, input_size=4).kernel
    box = opened.locator(".st-key-kernel .nsewdrag").first.bounding_box()
    row, column = 2, 19
    opened.mouse.move(
        box["x"] + box["width"] * (column + 0.5) / 32, box["y"] + box["height"] * (row + 0.4) / 12
    )
    opened.mouse.move(
        box["x"] + box["width"] * (column + 0.5) / 32, box["y"] + box["height"] * (row + 0.5) / 12
    )
    label = opened.locator(".st-key-kernel .hovertext")
    expect(label).to_contain_text("x[2]")
    expect(label).to_contain_text("f[3]")
    expect(label).to_contain_text("19")
    assert f"{abs(kernel[row, column]):.3f}"[1:4] in (label.text_content() or "")


def test_a_text_sequence_labels_its_steps_with_its_characters(open_page, app_url):
    page = open_page(f"{app_url}/?sequence=text&text=hello&num_units=3")
    _see(page, "kernel [7, 12]", "5 steps × 3 units")
    ticks = page.locator(".st-key-gates .xtick").all_text_contents()
    assert [tick.strip() for tick in ticks if tick.strip()] == ["h", "e", "l", "l", "o"]


def test_a_csv_file_comes_in_and_a_broken_one_says_why(open_page, app_url):
    page = open_page(f"{app_url}/?sequence=csv&num_units=3")
    table = "year,a,b\n" + "\n".join(f"{1900 + t},{t % 3},{t % 5}" for t in range(12))
    file = {"name": "good.csv", "mimeType": "text/csv", "buffer": table.encode()}
    page.locator(".st-key-csv input[type=file]").set_input_files(file, timeout=_WAIT)
    _see(page, "kernel [6, 12]", "12 steps × 3 units")
    broken = {"name": "bad.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2\n3\n"}
    page.locator(".st-key-csv input[type=file]").set_input_files(broken)
    expect(page.get_by_test_id("stAlert").first).to_contain_text("3", timeout=_WAIT)
    assert "Traceback" not in page.content()


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (768, False), (1280, True)])
def test_nothing_hangs_over_the_edge_and_the_theme_is_followed(open_page, app_url, width, dark):
    page = open_page(app_url, width=width, dark=dark)
    _see(page, "kernel [12, 32]", "60 steps × 8 units")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for key in ("kernel", "gates"):
        box = page.locator(f".st-key-{key} .js-plotly-plot").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    colour = page.locator(_title("kernel")).evaluate("text => getComputedStyle(text).fill")
    lightness = sum(map(int, re.findall(r"\d+", colour)[:3])) / 3
    assert (lightness > 128) == dark


def test_the_browsers_language_decides_and_the_switch_changes_it(open_page, app_url):
    page = open_page(app_url, locale="ja-JP")
    expect(page.get_by_role("heading", name="num_units とは何か")).to_be_visible(timeout=_WAIT)
    _until(lambda: _query(page).get("lang") == "ja")
    page.get_by_role("radio", name="English").or_(page.get_by_role("button", name="English")).first.click()
    expect(page.get_by_role("heading", name="What is num_units?")).to_be_visible(timeout=_WAIT)
    _until(lambda: _query(page)["lang"] == "en")


def test_the_linear_layer_folds_and_the_difference_is_told(opened):
    opened.locator(".st-key-linear label").first.click()
    expect(opened.get_by_text("largest difference", exact=False)).to_be_visible(timeout=_WAIT)


def _download(page: Page, key: str, folder: Path) -> Path:
    button = page.locator(f".st-key-{key} button")
    button.scroll_into_view_if_needed(timeout=_WAIT)
    with page.expect_download(timeout=_WAIT) as download:
        button.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_the_downloads_open(opened, browser, tmp_path):
    cell = lv.build("BasicLSTMCell", num_units=8, input_size=4)
    with np.load(_download(opened, "kernel_npz", tmp_path), allow_pickle=False) as saved:
        np.testing.assert_array_equal(saved["kernel"], cell.kernel)
    table = _download(opened, "trace_csv", tmp_path).read_text("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(table)))) == 61
    exported = _download(opened, "page_html", tmp_path)
    context = browser.new_context(offline=True)
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(exported.as_uri())
    expect(page.locator(".js-plotly-plot .gtitle", has_text="kernel [12, 32]")).to_be_visible()
    assert page.locator(".js-plotly-plot").count() == 3
    assert [address for address in requests if not address.startswith(("file:", "data:", "blob:"))] == []
    context.close()


def test_a_control_moved_during_a_long_run_starts_the_next_one(open_page, app_url):
    page = open_page(
        f"{app_url}/?sequence=sine&time_steps=10000&num_units=35&cell=LSTMCell&use_peepholes=true"
    )
    _see(page, "kernel [39, 140]", "steps × 35 units")
    page.focus(_SLIDER)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    _see(page, "kernel [41, 148]", "steps × 37 units")
