"""The component that draws figures, on a page with nothing else."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Locator, Page, expect

ONE = ".st-key-one .lstmviz-figure"
MANY = ".st-key-many .lstmviz-figure"


@pytest.fixture
def page(open_page, figures_url) -> Page:
    return _wait(open_page(figures_url))


@pytest.fixture
def looked_at(look_at, figures_url) -> Page:
    """The same, for who changes nothing there."""
    return _wait(look_at(figures_url))


@pytest.fixture
def dark(look_at, figures_url) -> Page:
    """The same, dark from its first moment on."""
    return _wait(look_at(figures_url, dark=True))


def _wait(page: Page, size: int = 8) -> Page:
    expect(_title(page, ONE)).to_have_text(f"kernel [{size + 4}, {size * 4}]", timeout=20_000)
    return page


def _title(page: Page, figure: str) -> Locator:
    return page.locator(f"{figure} .gtitle")


def _press(page: Page, key: str, times: int = 1) -> None:
    page.locator(".st-key-size input[type=range]").focus()
    for _time in range(times):
        page.keyboard.press(key)


def _until(page: Page, expression: str) -> None:
    # Playwright's own waiting evaluates text in the page, which the page's security policy forbids.
    limit = time.monotonic() + 10
    while not page.evaluate(expression):
        assert time.monotonic() < limit, f"never true: {expression}"
        page.wait_for_timeout(30)


def _color(page: Page) -> str:
    return str(_title(page, ONE).evaluate("text => getComputedStyle(text).fill"))


def test_new_data_is_drawn_into_the_plot_that_is_there(page):
    expect(_title(page, MANY)).to_be_visible()
    page.evaluate(
        "document.querySelectorAll('.lstmviz-figure, .main-svg, .nsewdrag').forEach(e => e.marked = true)"
    )
    _press(page, "ArrowRight")
    _wait(page, 9)
    expect(_title(page, MANY)).to_have_text("60 steps × 9 units")
    for figure in (ONE, MANY):
        nodes = page.locator(f"{figure}, {figure} > * .main-svg, {figure} .nsewdrag")
        assert nodes.evaluate_all("nodes => nodes.length > 3 && nodes.every(node => node.marked)")


def test_the_last_of_many_quick_changes_is_what_stays(page):
    _press(page, "ArrowRight", times=12)
    _wait(page, 20)
    expect(_title(page, MANY)).to_have_text("60 steps × 20 units")
    rows = page.evaluate(f"document.querySelector('{MANY}').calcdata[0][0].z.length")
    assert rows == 20


def test_the_theme_changes_the_figure_and_keeps_the_zoom(page):
    assert _color(page) == "rgb(17, 17, 17)"
    zoom = f"document.querySelector('{ONE}').layout.xaxis.range"
    page.evaluate(f"Plotly.relayout(document.querySelector('{ONE}'), {{'xaxis.range': [3, 9]}})")
    page.emulate_media(color_scheme="dark")
    expect(_title(page, ONE)).to_have_css("fill", "rgb(250, 250, 250)")
    assert page.evaluate(zoom) == [3, 9]
    page.emulate_media(color_scheme="light")
    expect(_title(page, ONE)).to_have_css("fill", "rgb(17, 17, 17)")
    _press(page, "ArrowRight")
    _wait(page, 9)
    assert page.evaluate(zoom) != [3, 9]


def test_a_dark_page_is_drawn_dark_at_once(dark):
    assert _color(dark) == "rgb(250, 250, 250)"
    # The patch names an annotation that this figure lacks.
    assert dark.evaluate(f"document.querySelector('{MANY}').layout.annotations ?? []") == []


def test_a_patch_of_what_is_there_alone(dark):
    assert dark.evaluate(f"document.querySelector('{ONE}').layout.annotations[0].font.color") == "#ffffff"


def test_plotly_comes_once_from_the_app_itself(open_page, figures_url):
    page = _wait(open_page(figures_url))
    expect(_title(page, MANY)).to_be_visible()
    _press(page, "ArrowRight")
    _wait(page, 9)
    names = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    scripts = [name for name in names if "plotly" in name.lower()]
    assert len(scripts) == 1, scripts
    assert re.fullmatch(rf"{figures_url}/lstmviz/[\w.-]+/plotly\.min\.js", scripts[0])


def test_the_buttons_do_not_send_the_figure_away(looked_at):
    titles = looked_at.locator(f"{ONE} .modebar-btn").evaluate_all(
        "buttons => buttons.map(b => b.dataset.title)"
    )
    assert titles == ["Download as PNG", "Download as SVG", "Zoom", "Pan", "Reset axes"]


@pytest.mark.parametrize(("kind", "begins"), [("PNG", b"\x89PNG"), ("SVG", b"<svg")])
def test_a_figure_can_be_taken_as_a_picture(looked_at, kind, begins):
    looked_at.locator(ONE).hover()
    with looked_at.expect_download() as download:
        looked_at.locator(f"{ONE} .modebar-btn[data-title='Download as {kind}']").click()
    assert download.value.suggested_filename == f"lstmviz-one.{kind.lower()}"
    assert download.value.path().read_bytes().startswith(begins)


def test_a_figure_says_what_it_shows(page):
    expect(page.get_by_role("figure", name="One heatmap of 8 units")).to_be_visible()
    _press(page, "ArrowRight")
    expect(page.get_by_role("figure", name="One heatmap of 9 units")).to_be_visible()


def test_hovering_a_heatmap_shows_the_cell_in_all_of_them(looked_at):
    expect(_title(looked_at, MANY)).to_be_visible()
    looked_at.locator(f"{MANY} .nsewdrag").nth(2).hover()
    labels = looked_at.locator(f"{MANY} .hovertext")
    expect(labels).to_have_count(7)
    cells = {text.split(":")[0] for text in labels.evaluate_all("labels => labels.map(l => l.textContent)")}
    assert len(cells) == 1, cells


@pytest.mark.parametrize("width", [390, 768])
def test_a_figure_follows_the_page_and_never_overflows_it(open_page, figures_url, width):
    page = _wait(open_page(figures_url))
    page.set_viewport_size({"width": width, "height": 900})
    inside = f"document.querySelector('{ONE}').clientWidth"
    _until(page, f"{inside} < {width} && document.querySelector('{ONE} .main-svg').clientWidth === {inside}")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.set_viewport_size({"width": 1280, "height": 900})
    _until(page, f"{inside} > 900 && document.querySelector('{ONE} .main-svg').clientWidth === {inside}")


def test_a_finger_scrolls_the_page_over_a_figure(open_page, figures_url):
    page = _wait(open_page(figures_url, width=390, touch=True))
    expect(_title(page, MANY)).to_be_visible()
    box = page.locator(f"{ONE} .nsewdrag").bounding_box()
    scrolled = "document.querySelector('[data-testid=stMain]').scrollTop"
    assert page.evaluate(scrolled) == 0
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    finger = page.context.new_cdp_session(page)
    for kind, moved in [("Start", 0), *(("Move", 20 * step) for step in range(10)), ("End", None)]:
        points = [] if moved is None else [{"x": x, "y": y - moved}]
        finger.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    _until(page, f"{scrolled} > 100")
    finger.detach()


def test_a_figure_that_goes_leaves_nothing_and_can_come_back(page):
    expect(_title(page, MANY)).to_be_visible()
    plot = page.evaluate_handle(f"document.querySelector('{MANY}')")
    page.locator(".st-key-seven label").first.click()
    expect(page.locator(MANY)).to_have_count(0)
    assert plot.evaluate("plot => !plot._fullLayout && !plot.isConnected")
    page.locator(".st-key-seven label").first.click()
    expect(_title(page, MANY)).to_have_text("60 steps × 8 units")
