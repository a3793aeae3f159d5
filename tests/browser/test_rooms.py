"""A presenter and those who follow, each in a browser of their own."""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests import servers
from tests.web.test_rooms_redis import Redis

_WAIT = 60_000


@pytest.fixture
def open_alone(open_page: Any) -> Any:
    def open_(address: str, **how: Any) -> Page:
        page = open_page(address, alone=True, **how)
        expect(page.locator(".st-key-kernel .gtitle")).to_contain_text("kernel [", timeout=_WAIT)
        return page

    return open_


def _set_units(page: Page, units: int) -> None:
    """Moves the slider as a finger does."""
    page.locator(".lv-size input[type=range]").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }",
        str(units),
    )


def _open_room(page: Page) -> str:
    page.locator(".lv-room-button").click()
    page.get_by_role("button", name="Open a room").click()
    link = page.locator(".lv-sharing .lv-link input")
    expect(link).to_have_value(re.compile(r"/\?room=[0-9a-z]{9}$"))
    expect(page.locator(".lv-sharing .lv-qr")).to_be_visible()
    page.wait_for_function("document.querySelector('.lv-sharing .lv-qr').naturalWidth > 0")
    address = link.input_value()
    page.get_by_role("button", name="Close", exact=True).click()
    return str(address)


def _kernel(units: int) -> str:
    return f"[{units + 4}, {4 * units}]"


def _expect_kernel(page: Page, units: int) -> None:
    expect(page.locator(".st-key-kernel .gtitle")).to_contain_text(_kernel(units))


def test_a_follower_in_japanese_and_dark_sees_the_presenters_moves_looks_around_and_comes_back(
    open_alone: Any, app_url: str
):
    presenter = open_alone(f"{app_url}/?seed=3&sequence=sine")
    link = _open_room(presenter)
    follower = open_alone(link, locale="ja-JP", dark=True, width=1366)
    expect(follower.locator(".lv-room")).to_have_attribute("data-follows", "true")
    _set_units(presenter, 11)
    _expect_kernel(follower, 11)
    expect(follower.locator(".lv-stage")).to_have_class(re.compile("lv-dark"))
    expect(follower.locator(".lv-sentence")).to_contain_text(re.compile("[ぁ-ん]"))
    expect(presenter.locator(".lv-room-button")).to_contain_text("1")
    assert follower.url == link, "who only follows has the room's address alone"

    _set_units(follower, 5)  # looks around
    _expect_kernel(follower, 5)
    expect(follower.locator(".lv-room")).to_have_attribute("data-follows", "false")
    expect(follower).to_have_url(re.compile(r"num_units=5\b.*seed=3.*room="), timeout=_WAIT)
    _set_units(presenter, 12)
    _expect_kernel(presenter, 12)
    follower.wait_for_timeout(700)
    _expect_kernel(follower, 5)
    follower.locator(".lv-return").click()
    _expect_kernel(follower, 12)
    expect(follower).to_have_url(link, timeout=_WAIT)
    _set_units(presenter, 13)
    _expect_kernel(follower, 13)
    follower.go_back()  # to what was looked at
    _expect_kernel(follower, 5)
    expect(follower.locator(".lv-room")).to_have_attribute("data-follows", "false")
    follower.reload()
    _expect_kernel(follower, 5)
    expect(presenter).to_have_url(re.compile(r"num_units=13\b"))
    assert "room=" not in presenter.url


def test_pin_step_and_play_are_followed_and_the_end_is_told(open_alone: Any, app_url: str):
    presenter = open_alone(f"{app_url}/learn")
    link = _open_room(presenter)
    follower = open_alone(link)
    expect(follower.locator(".lv-step h2")).to_have_text("num_units is a number of nodes")
    presenter.locator(".lv-steps button[data-step=memory]").click()
    expect(follower.locator(".lv-steps button[aria-current]")).to_have_attribute("data-step", "memory")
    presenter.locator(".lv-cell [aria-label=c]").click()
    expect(follower.locator(".lv-drawer")).to_be_visible()
    expect(follower.locator(".lv-drawer h3")).to_have_text(presenter.locator(".lv-drawer h3").inner_text())
    presenter.locator(".lv-close").click()
    expect(follower.locator(".lv-drawer")).to_be_hidden()
    before = follower.locator(".lstmviz-player output").inner_text()
    presenter.locator(".lstmviz-play").click()
    expect(follower.locator(".lstmviz-player output")).not_to_have_text(before)
    presenter.locator(".lstmviz-play").click()
    rests = presenter.locator(".lstmviz-player output").inner_text()
    expect(follower.locator(".lstmviz-player output")).to_have_text(rests)
    expect(follower.locator(".lv-room")).to_have_attribute("data-follows", "true")
    presenter.locator(".lv-room-button").click()
    presenter.get_by_role("button", name="End the room").click()
    expect(follower.locator(".lv-room")).to_contain_text("The room is over")
    expect(follower.locator(".lv-code-ask")).to_be_hidden()  # nobody presents in a room that is over
    expect(presenter.get_by_role("button", name="Open a room")).to_be_visible()


def test_who_follows_still_does_when_play_has_come_to_its_end(open_alone: Any, app_url: str):
    presenter = open_alone(f"{app_url}/?seed=3&sequence=sine&time_steps=12&num_units=6")
    follower = open_alone(_open_room(presenter))
    _expect_kernel(follower, 6)
    presenter.locator(".lstmviz-player select").select_option("40")
    presenter.locator(".lstmviz-play").click()
    for page in (presenter, follower):
        expect(page.locator(".lstmviz-player output")).to_have_text("t = 11")
    follower.wait_for_timeout(700)
    expect(follower.locator(".lv-room")).to_have_attribute("data-follows", "true")


def test_a_code_makes_a_second_device_the_presenters_and_the_first_can_take_over(
    open_alone: Any, app_url: str
):
    first = open_alone(f"{app_url}/?seed=3&sequence=sine&num_units=6")
    link = _open_room(first)
    second, follower = open_alone(link), open_alone(link)
    _expect_kernel(second, 6)
    first.locator(".lv-room-button").click()
    first.get_by_role("button", name="Present from a second device").click()
    code = first.locator(".lv-code b").inner_text()
    second.locator(".lv-code-ask").click()
    second.locator(".lv-room input").fill("000000" if code != "000000" else "000001")
    second.locator(".lv-room form button").click()
    expect(second.locator(".lv-room")).to_contain_text("This is not the code")
    second.locator(".lv-room input").fill(code)
    second.locator(".lv-room form button").click()
    expect(second.locator(".lv-room-button")).to_have_attribute("data-state", "shared")
    expect(first.locator(".lv-sharing")).to_contain_text("Another of your devices presents now.")
    expect(first.locator(".lv-code")).to_have_count(0)  # the code is used up
    _set_units(second, 9)
    _expect_kernel(follower, 9)
    first.get_by_role("button", name="Take over").click()
    first.get_by_role("button", name="Close", exact=True).click()
    _expect_kernel(first, 9)
    expect(second.locator(".lv-room-button")).to_have_attribute("data-state", "held")
    _set_units(first, 7)
    _expect_kernel(follower, 7)
    first.reload()
    expect(first.locator(".lv-room-button")).to_have_attribute("data-state", "shared", timeout=_WAIT)
    _set_units(first, 10)
    _expect_kernel(follower, 10)
    first.locator(".lv-room-button").click()
    first.get_by_role("button", name="End the room").click()
    for page in (second, follower):  # a device that presented is told what all are told
        expect(page.locator(".lv-room")).to_contain_text("The room is over. What you see stays.")
        expect(page.locator(".lv-room")).not_to_contain_text("no such room")


def test_nothing_that_a_follower_has_holds_the_token(open_alone: Any, app_url: str):
    presenter = open_alone(f"{app_url}/")
    link = _open_room(presenter)
    token = presenter.evaluate("JSON.parse(sessionStorage.getItem('lstmviz-room')).token")
    follower = open_alone(link)
    expect(follower.locator(".lv-room")).to_have_attribute("data-follows", "true")
    _set_units(presenter, 5)
    _expect_kernel(follower, 5)
    held = follower.evaluate(
        "[document.documentElement.outerHTML, location.href, JSON.stringify(sessionStorage), JSON.stringify(localStorage)]"
    )
    assert len(token) > 40 and token not in "".join(held)
    assert token not in presenter.evaluate("document.documentElement.outerHTML + location.href")


def test_followers_are_told_that_the_presenter_is_on_another_part_of_the_page_and_keep_what_was_shown(
    open_alone: Any, app_url: str
):
    presenter = open_alone(f"{app_url}/?seed=3&sequence=sine&num_units=6")
    follower = open_alone(_open_room(presenter))
    said = follower.locator(".lv-room p")
    _expect_kernel(follower, 6)
    presenter.get_by_role("link", name="Memory").click()
    expect(said).to_contain_text("The presenter is on another part of the page", timeout=_WAIT)
    late = open_alone(follower.url)  # who comes meanwhile sees what was shown
    _expect_kernel(late, 6)
    expect(late.locator(".lv-room p")).to_contain_text("another part of the page")
    presenter.go_back()
    expect(said).not_to_contain_text("another part of the page", timeout=_WAIT)
    _set_units(presenter, 11)
    _expect_kernel(follower, 11)


@pytest.fixture
def presented(open_alone: Any, app_url: str) -> tuple[Page, BrowserContext]:
    page = open_alone(f"{app_url}/learn?seed=3&sequence=sine")
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile("/present"), timeout=_WAIT)
    expect(page.locator(".lv-presenting .st-key-kernel .gtitle")).to_contain_text("[12, 32]", timeout=_WAIT)
    return page, page.context


def test_a_presenters_screen_has_the_stage_alone_and_its_keys_do_what_the_help_says(presented: Any):
    page, _context = presented
    expect(page.locator(".st-key-strip")).to_have_count(0, timeout=_WAIT)
    assert page.evaluate("Boolean(document.fullscreenElement)")
    expect(page.get_by_test_id("stHeader")).to_be_hidden()
    for away in (".lv-controls", ".lv-order"):
        expect(page.locator(away)).to_be_hidden()
    expect(page.locator(".st-key-kernel .gtitle")).to_be_visible()
    expect(page.locator(".lv-stage")).to_have_count(1)
    page.wait_for_selector("[data-test-script-state=notRunning]")  # the page has come to rest
    page.keyboard.press("?")
    expect(page.locator(".lv-help")).to_contain_text("next step")
    page.keyboard.press("Escape")
    expect(page.locator(".lv-help")).to_be_hidden()
    page.keyboard.press("+")
    _expect_kernel(page, 9)
    page.keyboard.press("?")
    expect(page).to_have_url(re.compile(r"/present\?.*num_units=9\b"), timeout=_WAIT)
    page.wait_for_selector(
        "[data-test-script-state=notRunning]"
    )  # it has said its words anew behind the help
    page.keyboard.press("Escape")  # which shuts the help, and leaves nothing
    expect(page.locator(".lv-help")).to_be_hidden()
    page.keyboard.press("-")
    _expect_kernel(page, 8)
    page.keyboard.press("n")
    expect(page.locator(".lv-step h2")).to_contain_text("why four")
    page.keyboard.press("PageUp")
    expect(page.locator(".lv-step h2")).to_have_text("num_units is a number of nodes")
    page.keyboard.press("d")
    expect(page.locator(".lv-stage")).to_have_class(re.compile("lv-dark"))
    title = page.locator(".st-key-step .gtitle")
    before = title.inner_text()
    page.keyboard.press(" ")
    expect(title).not_to_have_text(before)
    page.keyboard.press(" ")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("/learn"), timeout=_WAIT)
    expect(page.locator(".st-key-strip")).to_be_visible(timeout=_WAIT)
    expect(page.locator(".lv-stage")).not_to_have_class(re.compile("lv-dark"))


def test_a_key_that_comes_right_after_the_help_was_shut_is_the_presenters(presented: Any):
    page, _context = presented
    page.keyboard.press("?")
    expect(page.locator(".lv-help button")).to_be_focused()
    pressed_at = page.evaluate(
        """() => {
            document.querySelector(".lv-help").close();
            const target = document.activeElement; // until the next frame that is what the dialog has in it
            target.dispatchEvent(new KeyboardEvent("keydown", { key: "+", bubbles: true, cancelable: true }));
            return target.tagName;
        }"""
    )
    assert pressed_at == "BUTTON"
    _expect_kernel(page, 9)


def test_notes_in_a_second_window_go_along_without_a_network(presented: Any):
    page, context = presented
    with page.expect_popup() as opened:
        page.keyboard.press("o")
    notes = opened.value
    expect(notes.locator("#title")).to_contain_text("1 / 8")
    context.set_offline(True)
    page.keyboard.press("n")
    expect(notes.locator("#title")).to_contain_text("2 / 8")
    expect(notes.locator("#parts")).to_contain_text("Why all four have one size")
    notes.bring_to_front()
    notes.keyboard.press("b")  # a key there does what it does here
    expect(notes.locator("#title")).to_contain_text("1 / 8")
    assert re.fullmatch(r"\d+:\d\d", notes.locator("#time").inner_text())
    context.set_offline(False)


@pytest.mark.skipif(
    shutil.which("redis-server") is None,
    reason="there is no redis-server here; Debian's package is redis-server",
)
def test_a_room_goes_on_where_its_server_was_killed_and_another_has_the_same_rooms(
    browser: Browser, tmp_path: Any
):
    redis, port = Redis(servers.find_free_port(), tmp_path), servers.find_free_port()
    redis.start()
    presenter, follower = [browser.new_context().new_page() for _page in range(2)]
    try:
        with servers.serve(tmp_path / "log", port, LSTMVIZ_ROOMS=redis.address) as first:
            presenter.goto(f"http://127.0.0.1:{port}/?seed=3&sequence=sine&num_units=6")
            _expect_kernel(presenter, 6)
            link = _open_room(presenter)
            follower.goto(link)
            _expect_kernel(follower, 6)
            first.process.kill()
            first.process.wait()
        expect(follower.locator(".lv-room")).to_contain_text("The room does not answer")
        with servers.serve(tmp_path / "log", port, LSTMVIZ_ROOMS=redis.address) as second:
            second.wait_for("/lstmviz/ready", (200, b"ready"))
            expect(follower.locator(".lv-room")).not_to_contain_text("does not answer", timeout=_WAIT)
            expect(presenter.locator(".lv-room-button")).to_have_attribute(
                "data-state", "shared", timeout=_WAIT
            )
            presenter.wait_for_timeout(1000)
            _set_units(presenter, 9)
            _expect_kernel(presenter, 9)
            _expect_kernel(follower, 9)
            expect(follower.locator(".lv-room")).to_have_attribute("data-follows", "true")
    finally:
        redis.end()
        for page in (presenter, follower):
            page.context.close()
