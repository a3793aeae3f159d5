"""The search for steps at which the same units are on, on Memory."""

from __future__ import annotations

import re

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
