"""The page for everyone: axe-core finds no violation of our own making, and the keyboard reaches everything."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page, expect

_WAIT = 60_000
_AXE = (resources.files(axe_playwright_python) / "axe.min.js").read_text()
_EVERYTHING = (
    "gradients=true&contrast=true&forget_bias=0&b.forget_bias=1&linear=true&t=3&gate=f&unit=2&tables=true"
)

# What Streamlit's own elements do, and no page can change: a rule, what the element looks like, and why.
STREAMLITS = {
    (
        "scrollable-region-focusable",
        "<pre",
    ): "a code block that is wider than a phone takes no keyboard focus",
    (
        "presentation-role-conflict",
        "stFileUploaderDropzone",
    ): "the uploader's drop zone has a role and a label",
}


def _open(open_page: Any, address: str, **how: Any) -> Page:
    page: Page = open_page(address, **how)
    if "sequence=csv" in address:
        expect(page.locator(".st-key-kernel .gtitle")).to_be_visible(timeout=_WAIT)
        expect(page.locator(".st-key-csv [data-testid=stFileUploaderDropzone]").first).to_be_visible(
            timeout=_WAIT
        )
        page.wait_for_timeout(3000)
    else:
        expect(page.locator(".st-key-gates .gtitle")).to_be_visible(timeout=_WAIT)
        expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_WAIT)
        page.wait_for_timeout(800)
    return page


def _violations(page: Page) -> list[tuple[str, str, str]]:
    """Each violation's rule, element and what to do. The page's policy forbids a script tag, so the text is evaluated."""
    page.evaluate(_AXE)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        (violation["id"], node["html"], node["failureSummary"])
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


# What axe looks at, others look at too: a width, whether it is dark, a language, and what the address says.
_WIDE = (1280, False, "en-US", _EVERYTHING)
_JAPANESE = (1280, True, "ja-JP", _EVERYTHING)
_NARROW = (390, True, "en-US", "")
_WITHOUT_A_FILE = (390, False, "ja-JP", "sequence=csv")


@pytest.fixture
def opened(look_at: Any, document_url: str) -> Any:
    """`opened(_WIDE)` gives that page, which no test here changes but by folding something open."""

    def open_(how: tuple[int, bool, str, str]) -> Page:
        width, dark, locale, query = how
        return _open(look_at, f"{document_url}/?{query}", width=width, dark=dark, locale=locale)

    return open_


@pytest.mark.parametrize(
    "how", [_WIDE, _JAPANESE, _NARROW, _WITHOUT_A_FILE], ids=["wide", "Japanese", "narrow", "without a file"]
)
def test_axe_finds_nothing_of_our_own_making(opened, how):
    page = opened(how)
    ours = [
        violation
        for violation in _violations(page)
        if not any(violation[0] == rule and part in violation[1] for rule, part in STREAMLITS)
    ]
    assert not ours, "\n\n".join(f"{rule}: {html[:300]}\n{advice}" for rule, html, advice in ours)


def test_what_is_said_of_streamlit_still_holds(opened):
    found = [*_violations(opened(_NARROW)), *_violations(opened(_WITHOUT_A_FILE))]
    for rule, part in STREAMLITS:
        assert any(rule == violation[0] and part in violation[1] for violation in found), (rule, part)


def test_the_keyboard_reaches_every_control_and_each_says_what_it_is(opened):
    page = opened(_WIDE)
    for summary in page.locator("summary").all():  # what is folded away is reached once it is unfolded
        summary.focus()
        page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    page.evaluate("scrollTo(0, 0)")
    page.locator("h1").click()  # where the keyboard goes on from
    wanted = set(
        page.evaluate(
            """() => [...document.querySelectorAll("[class*=st-key-]")]
              .filter((each) => each.querySelector("input, button, textarea, select, .js-plotly-plot[tabindex]"))
              .flatMap((element) => [...element.classList].filter((name) => name.startsWith("st-key-")))"""
        )
    )
    reached: set[str] = set()
    unnamed: list[str] = []
    for _press in range(400):
        page.keyboard.press("Tab")
        keys, name, html = page.evaluate(
            """() => {
              const element = document.activeElement, keys = [];
              for (let at = element; at; at = at.parentElement)
                for (const c of at.classList ?? []) if (c.startsWith("st-key-")) keys.push(c);
              const labels = [...(element.labels ?? [])].map((label) => label.textContent).join(" ");
              const ids = (element.getAttribute("aria-labelledby") ?? "").split(" ");
              const by = ids.map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
              const own = [element.title, element.textContent, element.placeholder];
              const name = [element.getAttribute("aria-label"), by, labels, ...own];
              return [keys, name.filter(Boolean).join(" ").trim(), element.outerHTML.slice(0, 200)];
            }"""
        )
        reached |= set(keys)
        if keys and not name:
            unnamed.append(html)
        if wanted <= reached:
            break
    assert not unnamed, unnamed
    missing = {
        key
        for key in wanted - reached
        if not page.locator(f".{key}").first.evaluate(
            "element => [...element.querySelectorAll('input, button, textarea')].every(each => each.disabled)"
        )
    }
    assert not missing, missing


def test_the_arrow_keys_reach_any_cell_and_enter_pins_it(open_page, document_url):
    page = _open(open_page, f"{document_url}/?num_units=3&input_size=2&sequence=sine&time_steps=12")
    plot = page.locator(".st-key-gates .js-plotly-plot")
    plot.focus()
    expect(plot).to_be_focused()
    reading = page.locator(".st-key-gates .lstmviz-reading")
    for key in ("ArrowRight", "ArrowDown", "End"):
        page.keyboard.press(key)
    expect(reading).to_have_attribute("role", "status")
    seen = set()
    for _row in range(2 + 4 * 3 + 2 * 3):
        page.keyboard.press("ArrowDown")
        seen.add(re.match(r"(\w+)\[(\d+)\]", reading.text_content() or "")[0])
    for _row in range(2 + 4 * 3 + 2 * 3):
        page.keyboard.press("ArrowUp")
        seen.add(re.match(r"(\w+)\[(\d+)\]", reading.text_content() or "")[0])
    gates = {f"{gate}[{unit}]" for gate in "ijfoch" for unit in range(3)} | {"x[0]", "x[1]"}
    assert gates <= seen
    assert "step 11" in (reading.text_content() or "")
    page.keyboard.press("Home")
    assert "step 0" in (reading.text_content() or "")
    for _row in range(3):
        page.keyboard.press("ArrowDown")
    place = re.match(r"(\w+)\[(\d+)\]", reading.text_content() or "")
    assert place
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"gate={place[1]}&unit={place[2]}|unit={place[2]}.*gate={place[1]}"))


def test_every_figure_has_a_text_alternative_and_the_page_its_language(opened):
    page = opened(_JAPANESE)
    for key in ("kernel", "gates", "summary", "step", "gradients_figure", "compare"):
        figure = page.locator(f".st-key-{key} .lstmviz-figure")
        expect(figure).to_have_attribute("role", re.compile("figure|img"), timeout=_WAIT)
        assert len(figure.get_attribute("aria-label") or "") > 20, key
    assert page.evaluate("document.documentElement.lang") == "ja"
