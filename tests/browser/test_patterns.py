"""The search for steps at which the same units are on, on Memory."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

import lstmviz as lv

_LIMIT = 60_000  # milliseconds
TEXT = "(ab)c(ab)(a)cc(ab)"


def test_a_pattern_is_searched_for_here_and_in_a_further_text_and_a_click_goes_there(
    open_page, app_url, tmp_path
):
    query = f"sequence=text&text={TEXT}&num_units=8&seed=7&pattern=4-4&threshold=0.05"
    page = open_page(f"{app_url}/memory?{query}", alone=True)
    text = lv.sequences.from_text(TEXT)
    trace = lv.run(lv.build("BasicLSTMCell", 8, text.input_size, seed=7), text)
    found = lv.search(trace, (4, 5), threshold=0.05)
    said = page.get_by_text(re.compile(r"On at the steps 4 to 4"))
    expect(said).to_contain_text(f"{found.total} other places", timeout=_LIMIT)
    first = found.places[0]
    page.locator(".st-key-pattern_go").get_by_text(str(first.start), exact=True).click()
    expect(page).to_have_url(re.compile(rf"t={first.start}\b.*unit={first.units[0]}\b"), timeout=_LIMIT)
    page.get_by_text("Search a further text too").click()
    file = tmp_path / "further.txt"
    file.write_text("c(ab)(b)a" * 40, encoding="utf-8")
    page.locator(".st-key-search_text input[type=file]").set_input_files(file)
    expect(said).to_contain_text(re.compile(r"379 steps searched in \d+\.\d\d s"), timeout=_LIMIT)


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_what_was_asked_for_is_in_view_as_the_page_opens_and_after_a_click(open_page, app_url, width, height):
    query = f"sequence=text&text={TEXT}&num_units=8&seed=7&pattern=4-4&threshold=0.05"
    page = open_page(f"{app_url}/memory?{query}", width=width, alone=True)
    page.set_viewport_size({"width": width, "height": height})
    said = page.get_by_text("On at the steps 4 to 4")
    expect(said).to_be_in_viewport(ratio=1, timeout=_LIMIT)
    expect(page.locator(".st-key-gradients_figure .gtitle").first).to_be_attached(timeout=_LIMIT)
    expect(said).to_be_in_viewport(ratio=1)
    go = page.locator(".st-key-pattern_go button")
    expect(go.last).to_be_in_viewport(ratio=1)
    numbers = go.all_text_contents()
    assert len(numbers) == len(set(numbers)) > 1
    go.nth(1).click()
    see = page.get_by_role("button", name=f"See step {numbers[1]} in Explore")
    expect(see).to_be_in_viewport(ratio=1, timeout=_LIMIT)
    expect(said).to_be_in_viewport(ratio=1)
    see.click()
    now = page.locator(".lv-letters .lv-now")
    expect(now).to_be_in_viewport(timeout=_LIMIT)
    assert now.get_attribute("data-t") == numbers[1]


def test_the_search_stays_where_its_steps_were_picked(open_page, app_url):
    page = open_page(f"{app_url}/memory?sequence=text&text={TEXT}&num_units=8&seed=7", alone=True)
    for key in (
        "gradients_figure",
        "contrast_figure",
        "ledger",
        "summary",
        "saturation",
    ):  # all above it is there
        expect(page.locator(f".st-key-{key} .js-plotly-plot")).to_be_attached(timeout=_LIMIT)
    last = page.locator(".st-key-pattern_last input")
    last.scroll_into_view_if_needed()
    last.fill("2", timeout=_LIMIT)
    last.press("Enter")
    expect(page).to_have_url(re.compile("pattern=0-2"), timeout=_LIMIT)
    expect(page.locator(".st-key-pattern_answer")).to_contain_text(re.compile("steps 0 to 2"), timeout=_LIMIT)
    headings = page.locator("h2")
    assert headings.last.text_content() == "Where else does it do that?"
    expect(last).to_be_in_viewport()
    page.goto(f"{app_url}/memory?sequence=text&text={TEXT}&num_units=8&seed=7&pattern=15-60")
    expect(headings.first).to_have_text("Where else does it do that?", timeout=_LIMIT)
    expect(page.get_by_text("pattern was 15-60; showing 15-17")).to_be_in_viewport(timeout=_LIMIT)
