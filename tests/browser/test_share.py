"""A link for a class, written by clicking, copied by the keyboard, and opened."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.lists import choose

_WAIT = 40_000
_LINK = ".st-key-share_link input"


def test_a_link_is_ticked_copied_with_the_keyboard_and_opens_what_was_ticked(open_page, app_url):
    page = open_page(f"{app_url}/take_along?num_units=5&seed=1", alone=True)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    field = page.locator(_LINK)
    expect(field).to_have_value(re.compile(r"/\?.*num_units=5"), timeout=_WAIT)
    page.locator(".st-key-share_hide").get_by_role("button", name="paths", exact=True).click()
    expect(field).to_have_value(re.compile(r"hide=paths"))
    page.locator(".st-key-share_lock").get_by_role("button", name="num_units", exact=True).click()
    expect(field).to_have_value(re.compile(r"lock=num_units"))
    choose(page, "share_step", re.compile("Learn, step 2"))
    expect(field).to_have_value(re.compile(r"/learn\?.*lesson=2"))
    said = page.locator(".st-key-share_note input")
    said.fill("Which gate forgets?")
    said.press("Enter")
    expect(field).to_have_value(re.compile(r"note=Which\+gate"))
    field.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-share_link [role=status]")).to_have_text("Copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == field.input_value()
    page.goto(link)
    expect(page.locator(".st-key-note")).to_contain_text("From the link: Which gate forgets?", timeout=_WAIT)
    expect(page.locator(".st-key-num_units input[type=range]")).to_be_disabled()
    expect(page.locator(".lv-steps button[aria-current=step]")).to_have_text("2")
    expect(page.get_by_role("link", name="Memory")).to_have_count(0)


def test_where_the_page_may_not_copy_the_link_is_marked_and_that_is_said(open_page, app_url):
    page = open_page(f"{app_url}/take_along?num_units=5&seed=1")
    expect(page.locator(_LINK)).to_have_value(re.compile(r"num_units=5"), timeout=_WAIT)
    page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); document.execCommand = () => false; }"
    )
    page.locator(".st-key-share_link button").click()
    expect(page.locator(".st-key-share_link [role=status]")).to_contain_text("it is marked")
    assert page.evaluate("getSelection().toString()") == page.locator(_LINK).input_value()
