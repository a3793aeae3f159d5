"""A cell trained on the stage, step by step."""

from __future__ import annotations

import re
import time
from urllib.parse import urlencode

from playwright.sync_api import Page, expect

LATCH = {
    "sequence": "latch",
    "cell": "BasicLSTMCell",
    "num_units": "4",
    "seed": "3",
    "initial_weights": "trained",
}
_WAIT = 120_000  # a training that yields to others starts when they let it


def _open(open_page, app_url: str, **query: str) -> Page:
    page: Page = open_page(f"{app_url}/?{urlencode(LATCH | query)}")
    expect(page.locator(".lv-train")).to_be_visible()
    expect(page.locator(".st-key-sentence")).to_contain_text("num_units 4")
    return page


def _kernel(page: Page) -> str:
    return page.evaluate("document.querySelector('.st-key-kernel canvas').toDataURL()")


def _press(page: Page, name: str) -> None:
    page.locator(".lv-training").get_by_role("button", name=name, exact=True).click()


def _batch(page: Page) -> int:
    text = page.locator(".lv-where").inner_text()
    found = re.search(r"batch ([\d,]+) of", text)
    assert found, text
    return int(found[1].replace(",", ""))


def _wait_for(page: Page, state: str) -> None:
    expect(page.locator(".lv-training strong")).to_have_text(state, timeout=_WAIT)


def _loss(page: Page) -> float:
    return float(page.locator(".lv-where").inner_text().split("loss ")[1])


def test_a_cell_is_trained_paused_stepped_reset_stopped_and_kept(open_page, app_url):
    page = _open(open_page, app_url)
    before = _kernel(page)
    page.locator(".lv-train").click()
    _wait_for(page, "training")
    expect(page.locator(".lv-loss")).to_be_visible()
    assert _kernel(page) != before, "the fresh cell's weights"
    _press(page, "Pause")
    _wait_for(page, "paused")
    paused, at = _kernel(page), _batch(page)
    page.wait_for_timeout(700)
    assert (_kernel(page), _batch(page)) == (paused, at)
    _press(page, "One batch")
    expect(page.locator(".lv-where")).to_contain_text(f"batch {at + 1:,} of")
    assert _kernel(page) != paused
    _press(page, "One epoch")
    expect(page.locator(".lv-where")).to_contain_text(f"batch {at + 201:,} of", timeout=_WAIT)
    _wait_for(page, "paused")
    points = page.locator(".lv-loss polyline").get_attribute("points").split()
    assert len(points) >= 201 // 7
    _press(page, "Reset")
    expect(page.locator(".lv-where")).to_contain_text("batch 0 of", timeout=_WAIT)
    expect(page.locator(".lv-loss")).to_have_count(0)
    field = page.get_by_label("learning rate")
    field.fill("0.03")
    field.press("Enter")
    _press(page, "One epoch")
    expect(page.locator(".lv-where")).to_contain_text("batch 200 of", timeout=_WAIT)
    assert field.input_value() == "0.03"
    _press(page, "Stop")
    expect(page.locator(".lv-where")).to_contain_text("no link takes it along", timeout=_WAIT)
    expect(page.locator(".lv-where")).to_contain_text(
        "Batch 200 of 2,000. The bit 100 and more noisy steps later: right at"
    )
    assert "layer=trained+here" in page.url
    expect(page.locator(".st-key-sentence")).to_contain_text("trained here: one bit over 100 noisy steps")
    page.get_by_role("link", name="Compare").click()
    expect(page.locator(".lv-setting")).to_contain_text("trained here")
    page.go_back()
    _press(page, "Back to the page's own cells")
    expect(page.locator(".lv-train")).to_be_visible()
    expect(page.locator(".st-key-sentence")).to_contain_text("trained: one bit")


def test_the_loss_falls_and_the_numbers_taken_apart_are_of_the_weights_that_are_shown(open_page, app_url):
    page = _open(open_page, app_url, sequence="parity", gate="f", unit="1", t="3")
    expect(page.locator(".st-key-number h3")).to_be_visible()
    page.locator(".lv-train").click()
    _wait_for(page, "training")
    first = _loss(page)
    limit = time.monotonic() + _WAIT / 1000
    while _batch(page) < 1500:
        assert time.monotonic() < limit
        page.wait_for_timeout(100)
    _press(page, "Pause")
    _wait_for(page, "paused")
    assert _loss(page) < first / 2
    # The sum that is taken apart, and the cell's own drawing of it.
    taken = page.locator(".st-key-number tr").last.locator("td").last.inner_text()
    drawn = page.locator(".lv-cell .lv-number").all_text_contents()
    assert taken in drawn, "of the same weights"
    _press(page, "Continue")
    _wait_for(page, "training")
    expect(page.locator(".lv-where")).to_contain_text("no link takes it along", timeout=_WAIT)
    expect(page.locator(".lv-where")).to_contain_text("Batch 2,000 of 2,000.")


def test_who_moves_on_leaves_the_training_and_its_place_is_free_again(open_page, app_url):
    page = _open(open_page, app_url)
    page.locator(".lv-train").click()
    _wait_for(page, "training")
    page.locator(".st-key-num_units input[type=range]").press("ArrowRight")
    expect(page.locator(".st-key-sentence")).to_contain_text("num_units 5")
    expect(page.locator(".lv-training")).to_be_hidden()
    told = "The training of the BasicLSTMCell with num_units = 4 ended with this change"
    expect(page.locator(".lv-notice")).to_contain_text(told)
    expect(page).to_have_url(re.compile("num_units=5"), timeout=_WAIT)
    expect(page.locator(".lv-notice")).to_contain_text(told)  # also once the script has heard of it
    page.locator(".st-key-num_units input[type=range]").press("ArrowRight")
    expect(page.locator(".lv-notice")).to_be_hidden()
    page.locator(".lv-train").click()
    _wait_for(page, "training")
    page.reload()
    expect(page.locator(".lv-train")).to_be_visible()
    begun = time.monotonic()
    page.locator(".lv-train").click()
    _wait_for(page, "training")
    assert time.monotonic() - begun < _WAIT / 1000
    page.locator(".lv-training").get_by_role("button", name="Stop").click()
    expect(page.locator(".lv-where")).to_contain_text("no link takes it along", timeout=_WAIT)


def test_what_cannot_be_trained_says_why_and_what_has_no_task_offers_nothing(open_page, app_url):
    page = _open(open_page, app_url)
    assert page.locator(".lv-train").is_enabled()
    page.goto(f"{app_url}/?{urlencode(LATCH | {'cell': 'MGU'})}")
    expect(page.locator(".lv-train")).to_be_disabled()
    assert "MGU is not trained here" in page.locator(".lv-train").get_attribute("title")
    page.goto(f"{app_url}/?sequence=sine")
    expect(page.locator(".st-key-sentence")).to_contain_text("num_units 8")
    expect(page.locator(".lv-train")).to_be_hidden()
