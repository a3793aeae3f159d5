"""Two settings beside each other, on the page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

_WAIT = 40_000


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_one_click_compares_and_its_link_does_too(open_page, app_url, width, dark):
    page = open_page(
        f"{app_url}/compare?num_units=4&input_size=2&time_steps=20&sequence=sine", width=width, dark=dark
    )
    page.locator(".st-key-ask_forget_bias button").click(timeout=_WAIT)
    title = page.locator(".st-key-compare .gtitle")
    expect(title).to_be_visible(timeout=_WAIT)
    figure = page.locator(".st-key-compare .js-plotly-plot")
    expect(figure).to_contain_text(re.compile(r"step 0 in f\["))
    box = figure.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    expect(page).to_have_url(re.compile(r"b\.forget_bias=1"), timeout=_WAIT)
    address = page.evaluate("location.href")
    assert "forget_bias=0" in address and "b.forget_bias=1" in address
    other = open_page(address, width=width, dark=dark)
    expect(other.locator(".st-key-compare .gtitle")).to_have_text(title.text_content(), timeout=_WAIT)
