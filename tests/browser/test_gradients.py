"""How far back the cell remembers, on the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

_WAIT = 40_000
_TITLE = ".st-key-gradients_figure .gtitle"


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_switch_shows_gradients_and_the_link_does_too(open_page, app_url, width, dark):
    view = "num_units=4&input_size=2&time_steps=20&sequence=sine"
    page = open_page(f"{app_url}/?{view}", width=width, dark=dark)
    page.locator(".st-key-gradients label").first.click(timeout=_WAIT)
    expect(page.locator(_TITLE)).to_have_text("BasicLSTMCell gradients: 20 steps × 4 units", timeout=_WAIT)
    box = page.locator(".st-key-gradients_figure .js-plotly-plot").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
    page.locator(".st-key-contrast label").first.click(timeout=_WAIT)
    expect(page.locator(".st-key-gradients_figure")).to_contain_text("BasicRNNCell: ", timeout=_WAIT)
    page.wait_for_timeout(500)
    other = open_page(page.evaluate("location.href"), width=width, dark=dark)
    expect(other.locator(".st-key-gradients_figure")).to_contain_text("BasicRNNCell: ", timeout=_WAIT)


def test_another_pin_asks_another_question(open_page, app_url):
    view = "num_units=4&input_size=2&time_steps=20&sequence=sine&gradients=true"
    page = open_page(f"{app_url}/?{view}")
    expect(page.locator(_TITLE)).to_be_visible(timeout=_WAIT)
    panel = page.locator(".st-key-gates .nsewdrag").nth(1)
    panel.scroll_into_view_if_needed()
    box = panel.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 7.5 / 20, box["y"] + box["height"] * 2.5 / 4)
    expect(page.locator(_TITLE)).to_have_text("BasicLSTMCell gradients: 8 steps × 4 units", timeout=_WAIT)
    expect(page.locator(".st-key-gradients_figure")).to_contain_text("h[2]")
