"""A number of the run held at another value, from where it is taken apart."""

from __future__ import annotations

import re

from playwright.sync_api import expect

_LIMIT = 60_000  # milliseconds


def test_a_gate_is_held_seen_compared_and_let_go(open_page, app_url):
    page = open_page(f"{app_url}/?num_units=4&sequence=sine&time_steps=12&t=5&gate=f&unit=2", alone=True)
    hold = page.locator(".lv-hold")
    expect(hold).to_be_visible(timeout=_LIMIT)
    hold.locator("input").fill("1")
    hold.get_by_role("button", name="Hold", exact=True).click()
    expect(page.locator(".lv-drawer")).to_contain_text("f is held at 1 at this step", timeout=_LIMIT)
    expect(page.locator(".st-key-sentence")).to_contain_text("held: f[2] = 1")
    expect(page).to_have_url(re.compile(r"clamp=f\.2%3A1"), timeout=_LIMIT)
    beside = hold.get_by_role("link").get_attribute("href")
    assert "b.clamp=none" in beside
    hold.get_by_role("button", name="Let go", exact=True).click()
    expect(page.locator(".st-key-sentence")).not_to_contain_text("held:", timeout=_LIMIT)
    expect(page).not_to_have_url(re.compile("clamp"), timeout=_LIMIT)
    page.go_back()
    expect(page.locator(".st-key-sentence")).to_contain_text("held: f[2] = 1", timeout=_LIMIT)
    page.goto(beside)
    expect(page.locator(".st-key-compare .gtitle").first).to_be_visible(timeout=_LIMIT)
    assert "b.clamp=none" in page.url
