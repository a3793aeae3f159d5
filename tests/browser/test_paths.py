"""From path to path: the bar, Back and Forward, the setting that is carried along, a file's layer on the stage."""

from __future__ import annotations

import inspect
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect

import lstmviz as lv
from lstmviz.formats.save import save_bytes

build = inspect.unwrap(lv.build)
_WAIT = 60_000  # milliseconds
# What stands in the bar, the address behind it, and a figure's title that it alone shows.
PATHS = [
    ("Memory", "/memory", "gradients_figure", "GRUCell gradients: 20 steps × 5 units"),
    ("Compare", "/compare", "compare", "a − b: 20 steps × 5 units"),
    ("My model", "/model", "layout_figure", "GRUCell → Keras GRU"),
    ("Take along", "/take_along", "kernel", "GRUCell kernel [7, 15]"),
    ("Explore", "/", "kernel", "gates/kernel [7, 10] · candidate/kernel [7, 5]"),
]
_SETTING = {"cell": "GRUCell", "num_units": "5", "input_size": "2", "time_steps": "20", "sequence": "sine"}


def _expect(page: Page, path: str, key: str, title: str, query: dict[str, str]) -> None:
    """Waits for a path's own figure, and then for its address and its controls."""
    expect(page.locator(f".st-key-{key} .gtitle")).to_have_text(title, timeout=_WAIT)
    limit = _WAIT // 100
    while _place(page) != (path, query):
        limit -= 1
        assert limit, f"{path} {query} in {_place(page)}"
        page.wait_for_timeout(100)
    if path != "/":
        expect(page.locator(".st-key-cell input").first).to_have_value(query["cell"])
        expect(page.locator(".st-key-num_units_exact input")).to_have_value(query["num_units"])


def _place(page: Page) -> tuple[str, dict[str, str]]:
    parts = urlsplit(str(page.evaluate("location.href")))
    return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))


def _rest(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=_WAIT
    )
    page.wait_for_timeout(300)


def test_the_setting_is_carried_along_all_paths_and_back_and_forward_go_through_them(open_page, app_url):
    start = "&".join(f"{name}={value}" for name, value in (_SETTING | {"num_units": "6"}).items())
    page = open_page(f"{app_url}/memory?{start}", alone=True)
    _expect(page, "/memory", *PATHS[0][2:3], PATHS[0][3].replace("5", "6"), _SETTING | {"num_units": "6"})
    page.locator(".st-key-num_units_exact input").fill("5")
    page.locator(".st-key-num_units_exact input").press("Enter")
    _expect(page, *PATHS[0][1:], _SETTING)
    for name, *shown in PATHS[1:]:
        _rest(page)
        page.get_by_role("link", name=name, exact=True).click()
        _expect(page, *shown, _SETTING)
    for _name, *shown in reversed(PATHS[:-1]):
        _rest(page)
        page.go_back()
        _expect(page, *shown, _SETTING)
    _rest(page)
    page.go_back()
    _expect(page, "/memory", *PATHS[0][2:3], PATHS[0][3].replace("5", "6"), _SETTING | {"num_units": "6"})
    for _name, *shown in PATHS[:2]:
        _rest(page)
        page.go_forward()
        _expect(page, *shown, _SETTING)


def test_a_files_layer_opens_in_explore_and_stays_on_the_other_paths(open_page, app_url):
    page = open_page(f"{app_url}/model?sequence=sine&input_size=4", alone=True)
    field = page.locator(".st-key-model_file input[type=file]")
    field.wait_for(state="attached", timeout=_WAIT)
    cell = build("BasicLSTMCell", num_units=5, input_size=4, seed=4, forget_bias=0.0)
    content = save_bytes(cell, ".safetensors", name="encoder")
    field.set_input_files(
        {"name": "model.safetensors", "mimeType": "application/octet-stream", "buffer": content}
    )
    expect(page.get_by_text("Parameters of PyTorch LSTM")).to_contain_text("= 220", timeout=_WAIT)
    page.locator(".st-key-open_in_explore button").click()
    title = page.locator(".st-key-step .gtitle")
    expect(title).to_have_text(re.compile("^PyTorch LSTM: step"), timeout=_WAIT)
    expect(page).to_have_url(re.compile(r"//[^/]+/\?.*layer=encoder"), timeout=_WAIT)
    _rest(page)
    page.get_by_role("link", name="Memory").click()
    gradients = page.locator(".st-key-gradients_figure .gtitle")
    expect(gradients).to_have_text("PyTorch LSTM gradients: 60 steps × 5 units", timeout=_WAIT)
    _rest(page)
    page.get_by_role("link", name="My model").click()
    expect(page.get_by_text("Parameters of PyTorch LSTM")).to_be_visible(timeout=_WAIT)
    _rest(page)
    page.go_back()
    expect(gradients).to_be_visible(timeout=_WAIT)
    _rest(page)
    page.go_back()
    expect(title).to_have_text(re.compile("^PyTorch LSTM: step"), timeout=_WAIT)
    _rest(page)
    page.go_back()  # the file is in its uploader no more, but in the session
    expect(page.get_by_text("Parameters of PyTorch LSTM")).to_be_visible(timeout=_WAIT)
    _rest(page)
    page.locator(".st-key-leave_model button").click()
    expect(page.locator(".st-key-num_units input[type=range]")).to_be_visible(timeout=_WAIT)
    expect(page).not_to_have_url(re.compile("layer="), timeout=_WAIT)


@pytest.mark.parametrize("path", ["memory", "compare", "model", "take_along"])
def test_nothing_is_wider_than_a_telephone(open_page, app_url, path):
    page = open_page(f"{app_url}/{path}?lang=ja", width=390)
    expect(page.locator(".st-key-settings")).to_be_visible(timeout=_WAIT)
    key = {"memory": "ledger", "compare": "gates_b", "model": "layout_figure", "take_along": "step"}[path]
    expect(page.locator(f".st-key-{key} .gtitle")).to_be_visible(timeout=_WAIT)
    assert page.evaluate("document.querySelector('.stMain').scrollWidth") <= 390
    wide = "[...document.querySelectorAll('.st-key-settings *')].filter(e => e.getBoundingClientRect().right > 391).length"
    assert page.evaluate(wide) == 0


def test_a_held_arrow_key_is_one_entry_on_a_path_with_a_strip(open_page, app_url):
    page = open_page(f"{app_url}/memory?sequence=sine&time_steps=20", alone=True)
    title = page.locator(".st-key-gradients_figure .gtitle")
    expect(title).to_have_text("BasicLSTMCell gradients: 20 steps × 8 units", timeout=_WAIT)
    _rest(page)
    before = page.evaluate("history.length")
    page.locator(".st-key-num_units input[type=range]").focus()
    page.keyboard.down("ArrowRight")
    page.wait_for_timeout(700)  # a keyboard waits before it repeats
    for _repeat in range(11):
        page.keyboard.down("ArrowRight")
        page.wait_for_timeout(60)
    page.keyboard.up("ArrowRight")
    expect(title).to_have_text("BasicLSTMCell gradients: 20 steps × 20 units", timeout=_WAIT)
    expect(page).to_have_url(re.compile("num_units=20"), timeout=_WAIT)
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    expect(title).to_have_text("BasicLSTMCell gradients: 20 steps × 8 units", timeout=_WAIT)
