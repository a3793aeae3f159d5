"""Back, Forward, reload and a second tab: the address of the page is its state."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect

from lstmviz import language
from tests.browser.lists import choose

_LIMIT = 60_000  # milliseconds
SLIDER = ".st-key-num_units input[type=range]"


def _await(page: Page, query: dict[str, str], kernel: str, gates: str) -> None:
    """Waits for an address that says just this, and for both pictures, by what their titles end in."""
    limit = _LIMIT // 100
    while _query(page) != query:
        limit -= 1
        assert limit, f"{query} in {page.evaluate('location.href')}"
        page.wait_for_timeout(100)
    for key, text in (("kernel", kernel), ("gates", gates)):
        expect(page.locator(f".st-key-{key} .gtitle")).to_have_text(
            re.compile(re.escape(text) + "$"), timeout=_LIMIT
        )


def _query(page: Page) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(str(page.evaluate("location.href"))).query, keep_blank_values=True))


def _rest(page: Page) -> None:
    """Waits until the script has drawn all of the page."""
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_LIMIT)
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=_LIMIT
    )
    page.wait_for_timeout(500)


def _say(text: str) -> str:
    with language.use("ja"):
        return language._(text)


def _entries(page: Page) -> int:
    return int(page.evaluate("history.length"))


@pytest.fixture
def opened(open_page, document_url) -> Page:
    page = open_page(document_url, alone=True)  # another test's entries would be in its history
    _await(page, {}, "kernel [12, 32]", "60 steps × 8 units")
    _rest(page)
    return page


def _move(page: Page) -> None:
    page.locator(SLIDER).press("ArrowRight")


def _step_seed(page: Page) -> None:
    page.locator(".st-key-seed").get_by_test_id("stNumberInputStepUp").click()


def _pick_kind(page: Page) -> None:
    choose(page, "cell", "GRUCell")


# What is picked one after the other, and what the page shows then: the address, the pictures' titles, and the controls.
PICKS: list[tuple[Callable[[Page], None] | None, dict[str, str], str, str, tuple[str, str, str]]] = [
    (None, {}, "BasicLSTMCell kernel [12, 32]", "60 steps × 8 units", ("8", "0", "BasicLSTMCell")),
    (_move, {"num_units": "9"}, "kernel [13, 36]", "60 steps × 9 units", ("9", "0", "BasicLSTMCell")),
    (
        _step_seed,
        {"num_units": "9", "seed": "1"},
        "kernel [13, 36]",
        "60 steps × 9 units",
        ("9", "1", "BasicLSTMCell"),
    ),
    (
        _pick_kind,
        {"cell": "GRUCell", "num_units": "9", "seed": "1"},
        "GRUCell kernel [13, 27]",
        "60 steps × 9 units",
        ("9", "1", "GRUCell"),
    ),
]


def _await_pick(page: Page, number: int) -> None:
    _pick, query, kernel, gates, (num_units, seed, cell) = PICKS[number]
    _await(page, query, kernel, gates)
    expect(page.locator(SLIDER)).to_have_value(num_units)
    expect(page.locator(".st-key-seed input")).to_have_value(seed)
    expect(page.locator(".st-key-cell input").first).to_have_value(cell)
    _rest(page)
    assert _query(page) == query, "and so it stays"


def test_back_and_forward_step_through_what_was_picked(opened):
    before = _entries(opened)
    for number, (pick, *_shown) in enumerate(PICKS):
        if pick:
            pick(opened)
            _await_pick(opened, number)
    assert _entries(opened) == before + 3, "each pick is one entry"
    for number in (2, 1, 0):
        opened.go_back()
        _await_pick(opened, number)
    for number in (1, 2, 3):
        opened.go_forward()
        _await_pick(opened, number)
    opened.go_back()
    _await_pick(opened, 2)
    _move(opened)
    _await(opened, {"num_units": "10", "seed": "1"}, "kernel [14, 40]", "60 steps × 10 units")
    _rest(opened)
    opened.go_back()
    _await_pick(opened, 2)


def test_a_held_arrow_key_is_one_entry(opened):
    before = _entries(opened)
    opened.locator(SLIDER).focus()
    opened.keyboard.down("ArrowRight")
    opened.wait_for_timeout(700)  # a keyboard waits before it repeats
    for _repeat in range(11):
        opened.keyboard.down("ArrowRight")
        opened.wait_for_timeout(60)
    expect(opened.locator(".st-key-gates .gtitle")).to_have_text(re.compile("× 20 units$"), timeout=_LIMIT)
    opened.wait_for_timeout(1500)
    assert _entries(opened) == before, "nothing is written while the key is held"
    opened.keyboard.up("ArrowRight")
    _await(opened, {"num_units": "20"}, "kernel [24, 80]", "60 steps × 20 units")
    _rest(opened)
    assert _entries(opened) == before + 1
    opened.go_back()
    _await_pick(opened, 0)


def test_a_drag_is_one_entry(opened):
    before = _entries(opened)
    thumb = opened.locator(".st-key-num_units [data-testid=stSliderThumbValue]").locator("..").bounding_box()
    x, y = thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2
    opened.mouse.move(x, y)
    opened.mouse.down()
    for step in range(1, 6):
        opened.mouse.move(x + 6 * step, y)
        opened.wait_for_timeout(400)
    held = opened.locator(SLIDER).input_value()
    opened.mouse.up()
    _await(opened, {"num_units": held}, f"{4 * int(held)}]", f"60 steps × {held} units")
    _rest(opened)
    assert int(held) > 8 and _entries(opened) == before + 1


def test_a_reload_and_a_second_tab_show_the_same(opened, open_page):
    for number in (1, 2, 3):
        PICKS[number][0](opened)
        _await_pick(opened, number)
    opened.reload()
    _await_pick(opened, 3)
    _await_pick(open_page(str(opened.evaluate("location.href"))), 3)


def test_an_anchor_in_the_address_loses_nothing(open_page, document_url):
    page = open_page(f"{document_url}/?num_units=9#gates", alone=True)
    _await_pick(page, 1)
    assert page.evaluate("location.hash") == "#gates"
    before = _entries(page)
    runs = page.evaluate_handle(
        """() => {
            const runs = [], app = document.querySelector("[data-testid=stApp]");
            new MutationObserver(() => runs.push(app.dataset.testScriptState))
                .observe(app, { attributeFilter: ["data-test-script-state"] });
            return runs;
        }"""
    )
    page.evaluate("location.hash = 'elsewhere'")
    page.wait_for_timeout(1500)
    assert runs.json_value() == [] and _entries(page) == before + 1
    _step_seed(page)
    _await_pick(page, 2)
    page.go_back()
    _await_pick(page, 1)
    page.go_back()
    _await_pick(page, 1)


def test_what_is_pinned_and_a_language_are_gone_back_from(opened):
    opened.locator(".st-key-lang").get_by_role("radio", name="日本語").click()
    _await(opened, {"lang": "ja"}, "kernel [12, 32]", "60 ステップ × 8 ユニット")
    _rest(opened)
    opened.locator(f"[aria-label='{_say('One step on')}']").click()
    _await(opened, {"lang": "ja", "t": "1"}, "kernel [12, 32]", "60 ステップ × 8 ユニット")
    _rest(opened)
    opened.go_back()
    _await(opened, {"lang": "ja"}, "kernel [12, 32]", "60 ステップ × 8 ユニット")
    _rest(opened)
    opened.go_back()
    _await_pick(opened, 0)


def test_a_japanese_browser_gets_japanese_without_a_word_in_the_address(open_page, document_url):
    page = open_page(f"{document_url}/?num_units=9", locale="ja-JP", alone=True)
    _await(page, {"num_units": "9"}, "kernel [13, 36]", "60 ステップ × 9 ユニット")
    assert page.evaluate("document.documentElement.lang") == "ja"
    english = open_page(f"{document_url}/?num_units=9&lang=en", locale="ja-JP", alone=True)
    _await(english, {"num_units": "9", "lang": "en"}, "kernel [13, 36]", "60 steps × 9 units")
