"""A link that hides controls, holds some at its values, opens a lesson's step and has a sentence of its own."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

_WAIT = 40_000
_NOTE = ".st-key-note"
_SIZE = ".st-key-num_units"


def _query(page: Page) -> dict[str, str]:
    return {n: v[0] for n, v in parse_qs(urlsplit(page.evaluate("location.href")).query).items()}


@pytest.fixture
def opened(open_page, app_url):
    def open_(path: str = "", **query: str) -> Page:
        page = open_page(f"{app_url}/{path}?{urlencode(query)}")
        expect(page.locator(".st-key-kernel .gtitle")).to_contain_text("kernel [", timeout=_WAIT)
        return page

    return open_


def test_a_locked_control_shows_its_value_and_no_hand_no_key_and_no_play_moves_it(opened):
    page = opened(num_units="5", seed="1", t="3", lock="num_units,t,cell")
    slider = page.locator(f"{_SIZE} input[type=range]")
    expect(slider).to_be_disabled()
    expect(slider).to_have_value("5")
    expect(page.locator(f"{_SIZE} input[type=number]")).to_be_disabled()
    expect(page.locator(".st-key-cell input")).to_be_disabled()
    expect(page.locator(".lstmviz-play")).to_be_disabled()
    expect(page.locator(_NOTE)).to_contain_text("Held by the link: num_units, t, cell")
    page.keyboard.press(" ")
    page.keyboard.press("ArrowRight")
    strips = page.locator(".st-key-gates canvas").first
    box = strips.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5)
    expect(page.locator(".lv-drawer")).to_be_visible()  # a unit and a gate are free, and are pinned
    page.wait_for_url(re.compile(r"[?&]gate="))
    expect(page.locator(".lstmviz-player output")).to_have_text("t = 3")
    asked = _query(page)
    assert (asked["num_units"], asked["t"], asked["lock"]) == ("5", "3", "num_units,t,cell")


def test_hidden_controls_and_parts_are_gone_and_stay_gone_on_other_paths_and_after_a_reload(opened):
    page = opened(num_units="5", seed="1", hide="num_units,more,sentence,t")
    for gone in (_SIZE, ".lv-sentence", ".lstmviz-player"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.get_by_text("More", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Memory").click()
    expect(page.locator(".st-key-settings")).to_be_visible(timeout=_WAIT)
    expect(page.locator(".st-key-cell")).to_be_visible()
    expect(page.locator(".st-key-num_units")).to_have_count(0)
    assert _query(page)["hide"] == "num_units,more,sentence,t"
    page.go_back()
    expect(page.locator(".lv-panels")).to_be_visible(timeout=_WAIT)
    assert _query(page)["hide"] == "num_units,more,sentence,t"
    page.reload()
    expect(page.locator(".st-key-kernel .gtitle")).to_contain_text("kernel [", timeout=_WAIT)
    expect(page.locator(_SIZE).first).to_be_hidden()


def test_the_way_to_other_paths_can_be_hidden(opened):
    page = opened(num_units="5", seed="1", hide="paths")
    expect(page.get_by_role("link", name="Memory")).to_have_count(0)


def test_a_note_is_shown_as_the_links_own_words_and_as_plain_text(opened):
    page = opened(
        num_units="5", seed="1", note="**Which** gate <b>forgets</b>? https://example.org $x$ :material/bolt:"
    )
    note = page.locator(f"{_NOTE} [role=note]")
    expect(note).to_have_text(
        "From the link: **Which** gate <b>forgets</b>? https://example.org $x$ :material/bolt:"
    )
    assert note.locator("q a, q b, q em, q .katex").count() == 0
    assert page.evaluate("document.querySelector('.st-key-note').getBoundingClientRect().height") < 60


def test_a_presenters_screen_has_the_links_note_and_not_what_it_holds(opened):
    page = opened("present", note="Which gate forgets?", lock="seed", hide="device")
    expect(page.locator(f"{_NOTE} [role=note]")).to_have_text("From the link: Which gate forgets?")


def test_a_lessons_step_is_opened_by_its_number_and_says_what_the_link_holds(opened):
    page = opened(lesson="6", lock="forget_bias,step", note="Look at f.")
    assert urlsplit(page.url).path == "/learn"
    expect(page.locator(".lv-steps button[aria-current=step]")).to_have_text("6")
    expect(page.locator(".lv-steps button").nth(0)).to_be_disabled()
    expect(page.locator(".lv-next")).to_be_disabled()
    expect(page.locator(_NOTE)).to_contain_text("Look at f.")


def test_a_lesson_says_what_of_a_steps_task_the_link_holds(opened):
    page = opened("learn", step="layer", num_units="5", lock="num_units")
    expect(page.locator(".lv-held")).to_have_text("The link that was opened holds num_units where it is.")
    expect(page.locator(f"{_SIZE} input[type=range]")).to_be_disabled()


def test_what_a_step_would_set_and_the_link_holds_stays_and_is_said(opened):
    page = opened("learn", step="layer", num_units="5", t="9", lock="t")
    expect(page.locator(".lv-held")).to_have_count(0)
    page.locator(".lv-next").click()
    expect(page.locator(".lv-held")).to_contain_text(
        "This would set t = 5; the link that was opened holds that where it is."
    )
    page.wait_for_url(re.compile(r"step=gates"))
    assert _query(page)["t"] == "9"
    expect(page.locator(".lstmviz-player output")).to_have_text("t = 9")


def test_back_leads_to_a_link_that_holds_nothing(opened, app_url):
    page = opened(num_units="5", seed="1")
    page.goto(f"{app_url}/?num_units=6&seed=1&lock=num_units")
    expect(page.locator(f"{_SIZE} input[type=range]")).to_be_disabled(timeout=_WAIT)
    page.go_back()
    expect(page.locator(f"{_SIZE} input[type=range]")).to_be_enabled(timeout=_WAIT)
    expect(page.locator(_NOTE)).to_have_count(0)
