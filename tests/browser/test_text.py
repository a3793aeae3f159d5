"""A text that is lit up by one unit, on the stage."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import expect

import lstmviz as lv

_LIMIT = 60_000  # milliseconds
TEXT = "ab [c]\nab [c]"


def test_each_character_has_the_colour_of_its_step_and_is_pinned_by_a_click(open_page, app_url):
    page = open_page(f"{app_url}/?sequence=text&text=ab%20[c]%0Aab%20[c]&num_units=4&unit=2&t=5")
    page.get_by_role("button", name="Text", exact=True).click(timeout=_LIMIT)
    letters = page.locator(".lv-letters span")
    expect(letters).to_have_count(len(TEXT), timeout=_LIMIT)
    assert "".join(letters.all_text_contents()).replace("⏎", "") == TEXT
    expect(letters.nth(5)).to_have_class("lv-now")
    page.locator(".lv-text select").select_option("f")
    expect(page.locator(".lv-text p")).to_contain_text("0 … 1.00", timeout=_LIMIT)

    def bright() -> list[float]:
        colours = letters.evaluate_all("all => all.map(one => getComputedStyle(one).backgroundColor)")
        return [
            float(np.dot([int(part) for part in re.findall(r"\d+", c)[:3]], [0.3, 0.6, 0.1])) for c in colours
        ]

    cell = lv.build("BasicLSTMCell", num_units=4, input_size=len(set(TEXT)))
    forget = lv.run(cell, lv.sequences.from_text(TEXT)).gates["f"][:, 2]
    order = np.argsort(forget)
    assert np.diff(np.array(bright())[order]).min() >= -2, "the more open, the brighter"
    page.locator(".lv-text select").select_option("ledger")
    expect(page.locator(".lv-text p")).to_contain_text("what each step wrote of c at step 5", timeout=_LIMIT)
    expect(letters.nth(6)).not_to_have_attribute("style", re.compile("rgb"))
    letters.nth(9).click()
    expect(letters.nth(9)).to_have_class("lv-now")
    expect(page).to_have_url(re.compile(r"t=9\b"), timeout=_LIMIT)
    page.get_by_role("button", name="Strips", exact=True).click()
    expect(page.locator(".lv-text")).to_be_hidden()


def test_a_sequence_that_is_no_text_has_no_text(open_page, app_url):
    page = open_page(f"{app_url}/?sequence=sine&num_units=4")
    expect(page.locator(".st-key-gates .gtitle")).to_contain_text("× 4 units", timeout=_LIMIT)
    expect(page.locator(".lv-toggle")).to_be_hidden()
