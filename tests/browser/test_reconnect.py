"""A page whose server was started anew while it was open."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests import servers
from tests.browser.lists import choose

_LIMIT = 60_000  # milliseconds


def _move_slider(page: Page) -> None:
    page.locator(".st-key-num_units input[type=range]").press("ArrowRight")


def _step_seed(page: Page) -> None:
    page.locator(".st-key-seed").get_by_test_id("stNumberInputStepUp").click()


def _pick_kind(page: Page) -> None:
    choose(page, "cell", "GRUCell")


def _ask(page: Page) -> None:
    page.locator(".st-key-ask_seed button").click()


# What is changed first, and what the address says of it then.
CHANGES: list[tuple[Callable[[Page], None], str, str]] = [
    (_move_slider, "num_units", "9"),
    (_step_seed, "seed", "4"),
    (_pick_kind, "cell", "GRUCell"),
    (_ask, "b.seed", "4"),
]


def test_the_first_change_after_a_reconnect_counts(browser: Browser, tmp_path):
    port = servers.find_free_port()
    pages = [browser.new_page() for _change in CHANGES]
    opened: list[list[str]] = [[] for _page in pages]
    for page, sockets in zip(pages, opened, strict=True):
        page.on("websocket", lambda socket, sockets=sockets: sockets.append(socket.url))
    with servers.serve(tmp_path / "log", port) as first:
        for page in pages:
            page.goto(
                f"http://127.0.0.1:{port}/document?num_units=8&sequence=sine&time_steps=20&seed=3&values=preactivations"
            )
            expect(page.locator(".st-key-gates .gtitle")).to_be_visible(timeout=_LIMIT)
            expect(page.locator(".st-key-ask_seed button")).to_be_visible(timeout=_LIMIT)
        page.wait_for_timeout(1000)
        first.process.kill()
        first.process.wait()
    seen = [len(sockets) for sockets in opened]
    with servers.serve(tmp_path / "log", port) as second:
        second.wait_for("/lstmviz/ready", (200, b"ready"))
        for page, sockets, before, (change, name, value) in zip(pages, opened, seen, CHANGES, strict=True):
            for _wait in range(150):
                if len(sockets) > before:
                    break
                page.wait_for_timeout(200)
            page.wait_for_timeout(1000)
            change(page)
            page.wait_for_function(
                "([name, value]) => new URL(location).searchParams.get(name) === value",
                arg=[name, value],
                timeout=_LIMIT,
            )
            query = page.evaluate("Object.fromEntries(new URL(location).searchParams)")
            kept = {"sequence": "sine", "seed": "3", "time_steps": "20", "values": "preactivations"}
            assert {**kept, name: value}.items() <= query.items(), f"{name}: the rest is as it was"
            assert name == "num_units" or "num_units" not in query, "the slider still shows what is usual"
            if name == "num_units":
                expect(page.locator(".st-key-kernel .gtitle")).to_contain_text("[13, 36]", timeout=_LIMIT)
    for page in pages:
        page.close()


def test_a_stage_goes_on_after_a_reconnect(browser: Browser, tmp_path):
    port = servers.find_free_port()
    page, sockets = browser.new_page(), []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    slider, title = (
        page.locator(".st-key-num_units input[type=range]"),
        page.locator(".st-key-kernel .gtitle"),
    )
    with servers.serve(tmp_path / "log", port) as first:
        page.goto(f"http://127.0.0.1:{port}/?sequence=sine&time_steps=20&seed=3&t=4")
        expect(title).to_have_text("kernel [12, 32]", timeout=_LIMIT)
        slider.press("ArrowRight")
        expect(page).to_have_url(re.compile("num_units=9"), timeout=_LIMIT)
        first.process.kill()
        first.process.wait()
    before = len(sockets)
    page.locator(".lv-order select").select_option("half_life")
    slider.press("ArrowRight")
    expect(page.locator(".lv-notice")).to_be_visible(timeout=_LIMIT)
    expect(title).to_have_text("kernel [13, 36]")
    page.evaluate(
        """() => {
            const slider = document.querySelector(".st-key-num_units input[type=range]");
            window.seen = [];
            const look = () => {
                if (seen.at(-1) !== Number(slider.value)) seen.push(Number(slider.value));
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    with servers.serve(tmp_path / "log", port) as second:
        second.wait_for("/lstmviz/ready", (200, b"ready"))
        for _wait in range(150):
            if len(sockets) > before:
                break
            page.wait_for_timeout(200)
        page.wait_for_timeout(1000)
        slider.press("ArrowRight")
        expect(page).to_have_url(re.compile("num_units=11"), timeout=_LIMIT)
        expect(title).to_have_text("kernel [15, 44]", timeout=_LIMIT)
        expect(page.locator(".lv-notice")).to_be_hidden()
        query = page.evaluate("Object.fromEntries(new URL(location).searchParams)")
        assert {
            "sequence": "sine",
            "seed": "3",
            "time_steps": "20",
            "t": "4",
            "order": "half_life",
        }.items() <= query.items()
        sizes = page.evaluate("seen")
        assert sizes == sorted(sizes) and set(sizes) <= {9, 10, 11}, "no script that knows less sets it back"
    page.close()


def _refuse(page: Page, pattern: str, times: int, answer: Callable[[Route], None]) -> list[str]:
    """Has the first requests for each address of a kind answered otherwise; what was asked for."""
    asked: list[str] = []

    def hear(route: Route) -> None:
        asked.append(route.request.url)
        answer(route) if asked.count(route.request.url) <= times else route.continue_()

    page.route(re.compile(pattern), hear)
    return asked


def _be_busy(route: Route) -> None:
    route.fulfill(status=429, headers={"Retry-After": "1"}, body="busy")


def _break_off(route: Route) -> None:
    route.abort("connectionreset")


@pytest.mark.parametrize("answer", [_be_busy, _break_off], ids=["too busy", "gone"])
def test_what_a_server_had_no_time_for_is_asked_for_again_without_a_word(browser, app_url, answer):
    page = browser.new_page()
    page.goto(f"{app_url}/?sequence=sine&time_steps=20&seed=3")
    title = page.locator(".st-key-kernel .gtitle")
    expect(title).to_have_text("kernel [12, 32]", timeout=_LIMIT)
    page.wait_for_timeout(1000)
    page.evaluate(
        """() => {
            window.said = [];
            const notice = document.querySelector(".lv-notice");
            const hear = () => !notice.hidden && notice.textContent && said.push(notice.textContent);
            new MutationObserver(hear).observe(notice, {attributes: true, childList: true});
        }"""
    )
    asked = _refuse(page, "/numbers/stage", 1, answer)
    page.locator(".st-key-num_units input[type=range]").press("ArrowRight")
    expect(title).to_have_text("kernel [13, 36]", timeout=_LIMIT)
    expect(page).to_have_url(re.compile("num_units=9"), timeout=_LIMIT)
    assert max(map(asked.count, asked)) == 2 and page.evaluate("said") == []
    page.close()


def test_a_newer_wish_waits_for_no_older_one_that_was_refused(browser, app_url):
    page = browser.new_page()
    page.goto(f"{app_url}/?sequence=sine&time_steps=20&seed=3")
    slider, title = (
        page.locator(".st-key-num_units input[type=range]"),
        page.locator(".st-key-kernel .gtitle"),
    )
    expect(title).to_have_text("kernel [12, 32]", timeout=_LIMIT)
    page.wait_for_timeout(1000)
    _refuse(
        page,
        r"/numbers/stage\?.*num_units=9\b",
        99,
        lambda route: route.fulfill(status=429, headers={"Retry-After": "600"}, body="busy"),
    )
    slider.press("ArrowRight")
    page.wait_for_timeout(100)
    slider.press("ArrowRight")
    expect(title).to_have_text("kernel [14, 40]", timeout=5000)
    page.close()


def test_a_picture_of_the_document_is_asked_for_again_too(browser, app_url):
    page = browser.new_page()
    page.goto(f"{app_url}/document?sequence=sine&time_steps=20&seed=3")
    title = page.locator(".st-key-gates .gtitle")
    expect(title).to_contain_text("8 units", timeout=_LIMIT)
    page.wait_for_timeout(1000)
    asked = _refuse(page, "/pictures/gates", 1, _be_busy)
    page.locator(".st-key-num_units input[type=range]").press("ArrowRight")
    expect(title).to_contain_text("9 units", timeout=_LIMIT)
    assert max(map(asked.count, asked)) == 2
    page.close()
