"""The stage as a file, opened from the disk: it plays, is pointed at and pinned, and asks nobody for anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import lstmviz as lv
from lstmviz import cli
from lstmviz.plot import handout
from lstmviz.plot import stage as stages
from lstmviz.plot.handout import Told, handout_html

_TAKEN = ".lv-drawer"


@pytest.fixture(scope="module")
def trace() -> lv.Trace:
    cell = lv.build("BasicLSTMCell", num_units=5, input_size=3, seed=1)
    return lv.run(cell, lv.sequences.make("sine", time_steps=12, input_size=3), engine="numpy")


@pytest.fixture
def opened(open_page, tmp_path):
    """`opened(content)` opens a file from the disk; the page may ask for nothing but that file."""
    asked: list[str] = []

    def open_(content: bytes, **options: object) -> Page:
        path = tmp_path / "stage.html"
        path.write_bytes(content)
        page = open_page("about:blank", alone=True, **options)
        page.context.set_offline(True)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        expect(page.locator(".st-key-kernel .gtitle")).to_contain_text("kernel [")
        return page

    yield open_
    assert [
        url for url in asked if not url.endswith("/stage.html") and not url.startswith(("data:", "blob:"))
    ] == []


def _click_strips(page: Page, across: float, down: float) -> None:
    box = page.locator(".st-key-gates canvas").first.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)


def test_it_plays_in_the_browser_alone_and_each_step_has_its_numbers(opened, trace):
    page = opened(handout_html(trace, Told(beside="CPU")))
    expect(page.locator("h1")).to_have_text("BasicLSTMCell · num_units 5 · input_size 3")
    expect(page.locator(".lv-sentence")).to_contain_text("num_units 5 → kernel [3 + 5, 4 × 5] = [8, 20]")
    expect(page.locator(".st-key-num_units")).to_be_hidden()  # its value is printed
    numbers = page.locator(".lv-cell .lv-number")
    seen = set()
    page.locator(".lstmviz-player button").nth(3).focus()
    for _step in range(4):
        page.keyboard.press("Enter")
        page.wait_for_timeout(100)
        seen.add(" ".join(numbers.all_text_contents()))
    assert len(seen) == 4 and not any("…" in each for each in seen)
    page.locator(".lstmviz-play").click()
    expect(page.locator(".lstmviz-player output")).not_to_have_text("t = 4")
    page.locator(".lstmviz-play").click()


def test_what_is_under_the_pointer_is_told_and_a_click_takes_it_apart(opened, trace):
    page = opened(handout_html(trace))
    box = page.locator(".st-key-kernel canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4)
    expect(page.locator(".lv-tip")).to_contain_text("→")
    _click_strips(page, 0.5, 0.3)
    expect(page.locator(f"{_TAKEN} h3")).to_be_visible()
    title = page.locator(f"{_TAKEN} h3").inner_text()
    found = re.fullmatch(r"(\w)\[(\d)\] at step (\d+)", title)
    assert found, title
    told = stages.make_number(trace, int(found[3]), found[1], int(found[2]))
    rows = page.locator(f"{_TAKEN} tbody tr")
    expect(rows).to_have_count(sum(len(each["terms"]) + 1 for each in told["sums"]))
    expect(page.locator(f"{_TAKEN} fieldset")).to_have_count(
        0
    )  # nothing computes here what would be, were it held
    page.keyboard.press("Escape")


def test_a_unit_that_there_was_no_room_for_says_so_where_it_is_taken_apart(opened, trace, monkeypatch):
    monkeypatch.setattr(handout, "MAX_TERMS", 12 * 6 * 108)
    page = opened(handout_html(trace, unit=0))
    sentence = "This file holds the own numbers of these units: 0; of the others, 4 in all"
    expect(page.locator("body > header")).to_contain_text(sentence)
    _click_strips(page, 0.5, 0.98 / 8 * 2)  # the lowest row of the first gate
    expect(page.locator(_TAKEN)).to_contain_text(sentence)


@pytest.mark.parametrize("width", [1280, 1024])
def test_the_speed_is_whole(opened, trace, width):
    shown, words = opened(handout_html(trace, Told(beside="CPU")), width=width).evaluate(
        """() => {
          const speed = document.querySelector(".lstmviz-player select");
          const pen = document.createElement("canvas").getContext("2d");
          pen.font = getComputedStyle(speed).font;
          return [speed.clientWidth, Math.max(...[...speed.options].map(({ text }) => pen.measureText(text).width))];
        }"""
    )
    assert 0 < words < shown - 20  # its arrow


@pytest.mark.parametrize("dark", [False, True])
def test_the_theme_is_the_files(opened, trace, dark):
    page = opened(handout_html(trace, dark=dark))
    assert page.locator(".lv-stage").first.evaluate("each => each.classList.contains('lv-dark')") is dark
    page.set_viewport_size({"width": 1280, "height": 720})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_command_line_writes_it(opened, trace, tmp_path: Path):
    model, out = tmp_path / "cell.npz", tmp_path / "out.html"
    lv.save(trace.cell, model, "lstmviz")
    assert cli.main(["render", str(model), "--stage", "-o", str(out)]) == 0
    page = opened(out.read_bytes())
    expect(page.locator(".st-key-gates .gtitle")).to_contain_text("60 steps × 5 units")
    assert cli.main(["render", str(model), "-o", str(out)]) == 0
    assert b"plotly" in out.read_bytes()[:20_000].lower()


def test_take_along_gives_the_stage_of_the_view_with_its_answers_and_its_way_back(
    open_page, opened, app_url, tmp_path
):
    page = open_page(f"{app_url}/take_along?t=7&unit=3&gate=f", alone=True)
    button = page.locator(".st-key-stage_html button")
    expect(button).to_be_enabled(timeout=60_000)
    with page.expect_download(timeout=60_000) as download:
        button.click()
    assert download.value.suggested_filename == "BasicLSTMCell-8-stage.html"
    path = tmp_path / "taken.html"
    download.value.save_as(path)
    content = path.read_bytes()
    assert len(content) < 3 * 2**20
    file = opened(content)
    expect(file.locator(f"{_TAKEN} h3")).to_contain_text("f[3] at step")
    expect(file.locator(".lstmviz-player output")).to_have_text("t = 7")
    expect(file.locator(".lv-sentence")).to_contain_text("CPU:0")
    link = file.locator("body > header a").get_attribute("href") or ""
    assert link.startswith(f"{app_url}/?") and "gate=f" in link
