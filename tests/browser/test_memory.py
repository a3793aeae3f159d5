"""Memory: what a click in its pictures and its table pins."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

_LIMIT = 60_000  # milliseconds
_QUERY = "sequence=sine&input_size=2&time_steps=20&num_units=4&seed=1"


def _open(open_page, app_url: str, query: str = _QUERY) -> Page:
    page: Page = open_page(f"{app_url}/memory?{query}", alone=True)
    for key in ("ledger", "saturation"):
        expect(page.locator(f".st-key-{key} .nsewdrag").first).to_be_attached(timeout=_LIMIT)
    return page


def _click(page: Page, key: str, index: int, across: float, down: float) -> None:
    panel = page.locator(f".st-key-{key} .nsewdrag").nth(index)
    panel.evaluate("panel => panel.scrollIntoView({ block: 'center' })")
    box = panel.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)


def _marks(page: Page, key: str) -> int:
    return int(
        page.evaluate(
            """key => [...document.querySelectorAll(`.st-key-${key} .lstmviz-figure > [aria-hidden] > div`)]
            .filter(mark => mark.style.display !== "none").length""",
            key,
        )
    )


def test_a_click_in_the_triangle_asks_for_its_row_and_the_triangle_stays(open_page, app_url):
    page = _open(open_page, app_url)
    title = page.locator(".st-key-ledger .gtitle").first
    expect(title).to_have_text(re.compile(r"c\[0\]: 20 steps"))
    _click(page, "ledger", 1, 4.5 / 20, 12.5 / 20)
    expect(page).to_have_url(re.compile(r"[?&]t=12\b"), timeout=_LIMIT)
    expect(page.get_by_text("after step 12: what each step wrote")).to_be_attached(timeout=_LIMIT)
    expect(title).to_have_text(re.compile(r"c\[0\]: 20 steps"))
    assert _marks(page, "ledger") == 4, "in the bars its column, in the triangle column, row and cell"
    _click(page, "ledger", 0, 6.5 / 20, 0.5)
    page.wait_for_timeout(1000)
    expect(page).to_have_url(re.compile(r"[?&]t=12\b"))
    _click(page, "ledger", 1, 15.5 / 20, 3.5 / 20)  # nothing was written there yet
    page.wait_for_timeout(1000)
    expect(page).to_have_url(re.compile(r"[?&]t=12\b"))


def test_a_click_on_a_point_pins_its_unit(open_page, app_url):
    page = _open(open_page, app_url)
    points = page.locator(".st-key-saturation .point")
    points.first.evaluate("point => point.scrollIntoView({ block: 'center' })")
    box = points.first.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile(r"[?&]gate=i\b.*[?&]unit=\d"), timeout=_LIMIT)
    unit = re.search(r"unit=(\d)", page.url)
    assert unit
    expect(page.locator(".st-key-ledger .gtitle").first).to_have_text(
        re.compile(rf"c\[{unit[1]}\]"), timeout=_LIMIT
    )


def test_a_click_on_a_row_of_the_table_pins_its_unit(open_page, app_url):
    page = _open(open_page, app_url)
    table = page.locator(".st-key-ranked_units canvas").first
    table.evaluate("table => table.scrollIntoView({ block: 'center' })")
    box = table.bounding_box()
    assert box
    page.mouse.click(box["x"] + 60, box["y"] + 2.5 * 35)  # its second row
    expect(page).to_have_url(re.compile(r"[?&]unit=\d"), timeout=_LIMIT)


def test_a_pattern_is_cleared_and_the_address_follows(open_page, app_url):
    page = _open(open_page, app_url, f"{_QUERY}&pattern=2-3&threshold=-1")
    page.locator(".st-key-pattern_clear button").click()
    expect(page).not_to_have_url(re.compile("pattern="), timeout=_LIMIT)
    expect(page.locator(".st-key-pattern_clear")).to_have_count(0)
    page.go_back()
    expect(page).to_have_url(re.compile("pattern=2-3"), timeout=_LIMIT)
    expect(page.locator(".st-key-pattern_clear")).to_be_visible(timeout=_LIMIT)
