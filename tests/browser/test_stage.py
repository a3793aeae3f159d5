"""The stage: one screen that answers at once, by mouse, key, finger and link."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

import lstmviz as lv
from lstmviz.plot.number import write
from lstmviz.web.view import View
from tests.browser.test_accessibility import _violations

_FIRST = 60_000
_KEYS = ("kernel", "step", "gates")
_VIEW = "sequence=sine"  # whose steps have numbers alone


def _open(open_page: Any, address: str, **how: Any) -> Page:
    page: Page = open_page(address, **how)
    expect(page.locator(".st-key-kernel .gtitle")).to_have_text(re.compile(r"\[\d+, \d+\]$"), timeout=_FIRST)
    return page


def _resize(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(400)  # it is drawn anew in the next frame


@pytest.fixture
def opened(open_page, app_url) -> Page:
    return _open(open_page, f"{app_url}/?{_VIEW}")


def _title(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} .gtitle")


def _slider(page: Page) -> Locator:
    return page.locator(".st-key-num_units input[type=range]")


def _box(page: Page, selector: str) -> dict[str, float]:
    box = page.locator(selector).bounding_box()
    assert box
    return {name: round(value, 1) for name, value in box.items()}


def _trace(num_units: int = View.num_units, kind: str = View.cell) -> lv.Trace:
    """The run that a page is opened on."""
    cell = lv.build(kind, num_units=num_units, input_size=View.input_size, seed=View.seed)
    sequence = lv.sequences.make("sine", time_steps=View.time_steps, input_size=View.input_size)
    return lv.run(cell, sequence, engine="numpy")


def _point(page: Page, key: str, wanted: str) -> str:
    """Moves the pointer over a picture until it tells of a number whose name begins so; gives what it tells."""
    box = page.locator(f".st-key-{key} canvas").bounding_box()
    assert box
    tip = page.locator(".lv-tip")
    for down in range(2, 98, 2):
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * down / 100)
        if tip.is_visible() and tip.inner_text().startswith(wanted):
            return tip.inner_text()
    raise AssertionError(f"no {wanted} in the picture")


def _drawer(page: Page) -> Locator:
    return page.locator(".st-key-number")


# --- One screen


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (1366, 768), (1920, 1080)])
def test_nothing_is_a_scroll_away(open_page, app_url, width, height):
    page = _open(open_page, app_url, width=width)
    _resize(page, width, height)
    for place in ("document.scrollingElement", "document.querySelector('[data-testid=stMain]')"):
        for side in ("Height", "Width"):
            over = page.evaluate(f"{place}.scroll{side} - {place}.client{side}")
            assert over <= 0, f"{place} scrolls by {over} pixels"
    for key in _KEYS:
        box = _box(page, f".st-key-{key} .lv-box")
        assert box["height"] > 120 and box["width"] > 300, key
        expect(page.locator(f".st-key-{key} .lv-box")).to_be_in_viewport(ratio=1)
        expect(_title(page, key)).to_be_in_viewport(ratio=1)
    expect(page.locator(".st-key-sentence")).to_be_in_viewport(ratio=1)
    expect(_slider(page)).to_be_in_viewport(ratio=1)
    expect(page.locator(".lstmviz-play")).to_be_in_viewport(ratio=1)


def test_nothing_moves_when_num_units_does(opened):
    selectors = [f".st-key-{key} .lv-box" for key in _KEYS] + [".st-key-sentence", ".st-key-num_units"]
    before = [_box(opened, selector) for selector in selectors]
    _slider(opened).focus()
    for _press in range(22):
        opened.keyboard.press("ArrowRight")
    expect(_title(opened, "kernel")).to_have_text("kernel [34, 120]")
    expect(opened).to_have_url(re.compile("num_units=30"), timeout=20_000)
    opened.wait_for_timeout(600)
    assert [_box(opened, selector) for selector in selectors] == before


def test_a_run_that_takes_longer_than_the_stage_waits_is_told_in_the_pages_language(open_page, app_url):
    page = open_page(f"{app_url}/?lang=ja&sequence=sine&num_units=1024&time_steps=10000")
    expect(page.get_by_text("計算に時間がかかります")).to_be_visible(timeout=_FIRST)
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "ja", timeout=_FIRST)


@pytest.mark.parametrize("locale", ["en-US", "ja"])
def test_what_needs_no_cell_stands_whole_beside_the_trained_cells_title(look_at, app_url, locale):
    page = look_at(app_url, locale=locale)
    said = page.locator(".lv-counts-told > span")
    for name in ("AR(9) 18.7", "33.2", "16.4"):
        expect(said).to_contain_text(name, timeout=_FIRST)
    assert said.evaluate("told => told.scrollWidth <= told.clientWidth")
    curve = page.locator(".lv-of-errors").evaluate("curve => [curve.scrollWidth, curve.clientWidth]")
    assert curve[0] <= curve[1]


@pytest.mark.parametrize(
    ("lang", "cell", "is_trained"),
    [
        ("en", "BasicLSTMCell", True),
        ("ja", "BasicLSTMCell", True),
        ("ja", "GRUCell", True),
        ("ja", "LayerNormBasicLSTMCell", False),  # whose name leaves its head the least room
    ],
)
def test_nothing_moves_whatever_is_said_of_a_size(open_page, app_url, lang, cell, is_trained):
    page = _open(open_page, f"{app_url}/?lang={lang}&cell={cell}", width=1280)
    assert page.evaluate("() => document.documentElement.lang") == lang
    selectors = [f".st-key-{key} .lv-box" for key in _KEYS] + [".st-key-sentence", ".st-key-num_units"]
    said = page.locator(".lv-counts-told")
    number = page.locator(".st-key-num_units input[type=number]")
    for width, height in [(1280, 720), (1366, 768), (1920, 1080)]:
        _resize(page, width, height)
        before, seen = None, set()
        for units in (8, 32, 33, 256):
            number.fill(str(units))
            number.press("Enter")
            expect(page).to_have_url(re.compile(f"num_units={units}" if units != 8 else r"^(?!.*num_units=)"))
            expect(said).to_contain_text("CPU:0 ·", timeout=_FIRST)
            boxes = [_box(page, selector) for selector in selectors]
            assert boxes == (before := before or boxes), (width, units)
            seen.add(said.inner_text().split("CPU:0")[0])
        assert len(seen) > 1 or not is_trained, "another thing is said of a size that was not trained"


def test_what_is_cut_off_is_whole_under_the_focus(open_page, app_url):
    page = _open(open_page, f"{app_url}/?num_units=33", width=1280)
    _resize(page, 480, 700)
    said = page.locator(".lv-counts-told > span")
    expect(page.locator(".lv-counts-told")).to_have_class(re.compile("lv-cut"))
    before = _box(page, ".st-key-kernel .lv-box")
    assert said.evaluate("(text) => text.scrollWidth > text.clientWidth")
    page.locator(".lv-counts-told").focus()
    assert said.evaluate("(text) => text.scrollWidth <= text.clientWidth")
    assert _box(page, ".st-key-kernel .lv-box") == before


def test_the_number_says_what_is_shown_while_it_has_the_focus(open_page, serve):
    page = _open(open_page, f"{serve('app.py', LSTMVIZ_MAX_WEIGHTS='100000')}/?{_VIEW}")
    number = page.locator(".st-key-num_units input[type=number]")
    number.fill("4096")
    assert number.input_value() == "4096"
    number.press("Enter")
    expect(page.locator(".st-key-sentence")).not_to_contain_text("num_units 8 ")
    expect(number).not_to_have_value("4096")
    expect(number).to_be_focused()
    shown = re.search(r"num_units (\d+)", page.locator(".st-key-sentence").inner_text())
    assert shown
    expect(number).to_have_value(shown[1])


# --- num_units

_SAMPLE = """() => {
  window.seen = [];
  const text = (selector) => document.querySelector(selector)?.textContent ?? "";
  const look = () => {
    window.seen.push([text(".st-key-kernel .gtitle"), text(".st-key-gates .gtitle"), text(".st-key-sentence"),
      document.querySelector(".st-key-num_units input[type=range]").value]);
    window.sampling = requestAnimationFrame(look);
  };
  look();
}"""


def test_whatever_is_seen_while_the_slider_is_held_is_of_one_setting(opened):
    opened.evaluate(_SAMPLE)
    _slider(opened).focus()
    for _repeat in range(24):
        opened.keyboard.down("ArrowRight")  # as a key that is held repeats itself
        opened.wait_for_timeout(30)
    opened.keyboard.up("ArrowRight")
    expect(_title(opened, "gates")).to_have_text(re.compile("32 units$"))
    opened.wait_for_timeout(1_000)  # the run at rest
    seen = opened.evaluate("() => { cancelAnimationFrame(window.sampling); return window.seen; }")
    units = []
    for kernel, gates, sentence, slider in seen:
        (n,) = re.findall(r"(\d+) units$", gates)
        n = int(n)
        assert kernel == f"kernel [{n + 4}, {4 * n}]"
        assert sentence.startswith(f"num_units {n} → kernel [4 + {n}, 4 × {n}] = [{n + 4}, {4 * n}]"), (
            sentence
        )
        assert f"{(n + 4) * 4 * n + 4 * n:,} parameters" in sentence
        assert int(slider) >= n, "the slider leads"
        units.append(n)
    assert units == sorted(units) and units[0] == 8 and units[-1] == 32
    assert len(set(units)) >= 4, "drawn while it is held"


def test_the_address_has_num_units_once_the_slider_rests_and_opens_it_again(opened, open_page):
    _slider(opened).focus()
    for _press in range(3):
        opened.keyboard.press("ArrowRight")
    expect(_title(opened, "kernel")).to_have_text("kernel [15, 44]")
    expect(opened).to_have_url(re.compile(r"[?&]num_units=11(&|$)"), timeout=20_000)
    other = _open(open_page, opened.url)
    expect(_title(other, "kernel")).to_have_text("kernel [15, 44]")
    expect(_slider(other)).to_have_js_property("value", "11")
    expect(_slider(other)).to_have_attribute("aria-valuenow", "11")


def test_back_and_forward_show_what_the_address_says(open_page, app_url):
    page = _open(
        open_page, f"{app_url}/?{_VIEW}", alone=True
    )  # another test's entries would be in its history
    _slider(page).focus()
    for _press in range(3):
        page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"[?&]num_units=11(&|$)"), timeout=20_000)
    page.wait_for_timeout(1_000)
    page.go_back()
    expect(_title(page, "kernel")).to_have_text("kernel [12, 32]", timeout=20_000)
    expect(_slider(page)).to_have_js_property("value", "8")
    page.go_forward()
    expect(_title(page, "kernel")).to_have_text("kernel [15, 44]", timeout=20_000)
    expect(_slider(page)).to_have_js_property("value", "11")


def _rest(page: Page) -> None:
    """Waits until the script has nothing more to do."""
    page.wait_for_timeout(500)
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=_FIRST)
    page.wait_for_timeout(500)


def _seed(page: Page) -> Locator:
    return page.locator(".st-key-seed input")


@pytest.fixture
def seeded(open_page, app_url) -> Page:
    """A page on which three seeds were picked, one after the other, and whose field for them is open."""
    page = _open(open_page, f"{app_url}/?{_VIEW}", alone=True)
    _rest(page)
    page.get_by_role("button", name="More").click()
    for seed in (1, 2, 3):
        page.locator(".st-key-seed").get_by_test_id("stNumberInputStepUp").click()
        expect(page).to_have_url(re.compile(rf"seed={seed}$"), timeout=20_000)
        _rest(page)
    return page


@pytest.mark.parametrize("gap", [20, 90])
def test_two_backs_in_a_row_end_where_they_lead_and_lose_nothing_that_lies_ahead(seeded, gap):
    entries = seeded.evaluate("history.length")
    go = "([name, gap]) => { history[name](); setTimeout(() => history[name](), gap); }"
    for _round in range(3):
        for name, seed in (("back", 1), ("forward", 3)):
            seeded.evaluate(go, [name, gap])
            _rest(seeded)
            expect(seeded).to_have_url(re.compile(rf"seed={seed}$"), timeout=20_000)
            expect(_seed(seeded)).to_have_value(str(seed))
    assert seeded.evaluate("history.length") == entries


def test_a_key_held_in_a_number_field_is_one_entry(seeded):
    entries = seeded.evaluate("history.length")
    _seed(seeded).focus()
    for _repeat in range(8):
        seeded.keyboard.down("ArrowUp")
        seeded.wait_for_timeout(120)
    seeded.keyboard.up("ArrowUp")
    expect(seeded).to_have_url(re.compile(r"seed=11$"), timeout=20_000)
    _rest(seeded)
    assert seeded.evaluate("history.length") == entries + 1
    seeded.go_back()
    expect(_seed(seeded)).to_have_value("3", timeout=20_000)
    expect(seeded).to_have_url(re.compile(r"seed=3$"))
    _rest(seeded)
    number = seeded.locator(".st-key-input_size input")
    seeded.keyboard.press("Escape")
    number.focus()
    for _repeat in range(5):
        seeded.keyboard.down("ArrowUp")
        seeded.wait_for_timeout(400)  # longer than the rest after which the script is told
    expect(_title(seeded, "kernel")).to_have_text("kernel [17, 32]", timeout=20_000)
    assert "input_size" not in seeded.url, "nothing is written while the key is held"
    seeded.keyboard.up("ArrowUp")
    expect(seeded).to_have_url(re.compile(r"input_size=9"), timeout=20_000)
    _rest(seeded)
    assert seeded.evaluate("history.length") == entries + 1, "instead of what lay ahead"


def test_a_number_is_typed_exactly(opened):
    number = opened.locator(".st-key-num_units input[type=number]")
    number.fill("300")
    number.press("Enter")
    expect(_title(opened, "kernel")).to_have_text("kernel [304, 1200]", timeout=20_000)
    expect(opened).to_have_url(re.compile("num_units=300"), timeout=20_000)
    number.fill("0")
    number.press("Enter")
    expect(_title(opened, "kernel")).to_have_text("kernel [5, 4]", timeout=20_000)


# --- One number


def test_a_click_in_a_strip_takes_that_number_apart(opened):
    told = _point(opened, "gates", "f[")
    found = re.match(r"f\[(\d+)\], \D*(\d+)\n(.+)$", told)
    assert found, told
    unit, t = int(found[1]), int(found[2])
    trace = _trace()
    assert found[3] == write(trace.gates["f"][t, unit])
    with opened.expect_response(re.compile("numbers/number")) as answer:
        opened.mouse.down()
        opened.mouse.up()
    expect(_drawer(opened).locator("h3")).to_have_text(f"f[{unit}] at step {t}")
    expect(_title(opened, "step")).to_have_text(f"BasicLSTMCell: step {t}, unit {unit}")
    (told_sum,) = json.loads(answer.value.body())["sums"]
    explained = trace.explain(t, "f", unit)
    total = sum(term[3] for term in told_sum["terms"]) + told_sum["rest"]
    assert total == pytest.approx(sum(term.product for term in explained.terms), abs=1e-5)
    assert total == pytest.approx(explained.preactivation, abs=1e-5)
    rows = _drawer(opened).locator("tr").all_inner_texts()
    assert len(rows) == len(told_sum["terms"]) + 1 + bool(told_sum["others"])
    assert rows[-1].split()[-1] == write(explained.preactivation)
    for row, (name, _value, _weight, product) in zip(rows, told_sum["terms"], strict=False):
        assert row.startswith(name.replace("_", "")) or row.startswith(name)
        assert row.split()[-1] == write(product)
    expect(opened).to_have_url(
        re.compile(rf"(?=.*\bt={t}\b)(?=.*unit={unit}\b)(?=.*gate=f\b)"), timeout=20_000
    )
    _drawer(opened).locator("button").first.click()
    expect(_drawer(opened)).to_be_hidden()


def test_a_link_with_a_pin_opens_on_it(open_page, app_url):
    page = _open(open_page, f"{app_url}/?{_VIEW}&t=17&unit=3&gate=f")
    expect(_title(page, "step")).to_have_text("BasicLSTMCell: step 17, unit 3")
    expect(_drawer(page).locator("h3")).to_have_text("f[3] at step 17")
    expect(_drawer(page).locator("tr").last).to_contain_text(write(_trace().preactivations["f"][17, 3]))


def test_a_link_to_a_comparison_goes_to_the_path_that_shows_it(open_page, app_url):
    page: Page = open_page(f"{app_url}/?b.num_units=4&num_units=6")
    expect(page.locator(".st-key-compare .gtitle")).to_be_visible(timeout=_FIRST)
    expect(page).to_have_url(re.compile(r"/compare\?"), timeout=20_000)
    expect(page).to_have_url(re.compile(r"b\.num_units=4"), timeout=20_000)
    expect(page).to_have_url(re.compile(r"[?&]num_units=6"), timeout=20_000)


def test_a_weight_is_named_with_its_number_and_its_unit_is_marked_everywhere(opened):
    told = _point(opened, "kernel", "h[")
    found = re.match(r"h\[(\d+)\] → (\w)\[(\d+)\]\n(.+)$", told)
    assert found, told
    kernel = _trace().cell.weights["kernel"]
    weight = kernel[4 + int(found[1]), "ijfo".index(found[2]) * 8 + int(found[3])]
    assert found[4] == write(weight)
    opened.mouse.down()
    opened.mouse.up()
    expect(_title(opened, "step")).to_have_text(re.compile(rf"unit {found[3]}$"))
    expect(_drawer(opened).locator("h3")).to_have_text(f"{found[2]}[{found[3]}] at step 0")


# --- Time


def test_play_moves_time_and_stops(opened):
    title = _title(opened, "step")
    expect(title).to_have_text(re.compile("step 0, "))
    opened.evaluate("window.speed = document.querySelector('.lstmviz-player option')")
    opened.locator(".lstmviz-play").click()
    expect(title).not_to_have_text(re.compile("step 0, "))
    assert opened.evaluate("window.speed.isConnected"), "a list of speeds that is open stays open"
    expect(opened.locator(".lstmviz-play")).to_have_attribute("aria-label", "Pause")
    opened.locator(".lstmviz-play").click()
    stopped = title.inner_text()
    opened.wait_for_timeout(700)
    assert title.inner_text() == stopped
    found = re.search(r"step (\d+), ", stopped)
    assert found
    expect(opened).to_have_url(re.compile(rf"[?&]t={found[1]}(&|$)"), timeout=20_000)
    assert f"t = {found[1]}" in opened.locator(".lstmviz-player").inner_text()


def test_the_cell_shows_the_runs_numbers_at_the_step(open_page, app_url):
    page = _open(open_page, f"{app_url}/?{_VIEW}&t=9&unit=5")
    trace = _trace()
    numbers = page.locator(".st-key-step .lv-number").all_text_contents()
    expected = [write(values[9, 5]) for values in (*trace.gates.values(), *trace.states.values())]
    assert set(expected) <= set(numbers), (expected, numbers)
    page.keyboard.press("Tab")
    for name in ("i", "j", "f", "o", "c", "h"):
        expect(page.locator(f".st-key-step [role=button][aria-label='{name}']")).to_be_visible()


# --- Other cells

_WRITTEN = """() => {
  window.written = [];
  const fillText = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    window.written.push(text);
    return fillText.call(this, text, ...rest);
  };
}"""


def test_a_gru_has_two_kernels_and_the_reset_state_beside_the_candidates(open_page, app_url):
    page = _open(open_page, f"{app_url}/?cell=GRUCell", alone=True)
    expect(_title(page, "kernel")).to_have_text("gates/kernel [12, 16] · candidate/kernel [12, 8]")
    page.evaluate(_WRITTEN)
    _resize(page, 1280, 880)
    written = page.evaluate("window.written")
    drawings = written.count("reset gate") // 2  # above its block and beside its strip
    assert "".join(written).count("r · ht−1") == drawings > 0, written
    assert "".join(written).count("ht−1") == 2 * drawings, "beside each kernel"
    assert {"r", "u", "c"} <= set(written)
    text = page.locator(".st-key-sentence").inner_text()
    assert (
        "gates/kernel [4 + 8, 2 × 8] = [12, 16]" in text and "candidate/kernel [4 + 8, 8] = [12, 8]" in text
    )


@pytest.mark.parametrize("kind", list(lv.KINDS))
def test_every_kind_has_a_stage(open_page, app_url, kind):
    page = _open(open_page, f"{app_url}/?cell={kind}&num_units=5&t=3&unit=4")
    expect(_title(page, "gates")).to_have_text(f"{kind}: 60 steps × 5 units")
    for name in [gate.name for gate in lv.KINDS[kind].gates]:
        node = page.locator(f".st-key-step [role=button][aria-label='{name}']").first
        expect(node).to_be_visible()
        box, around = node.bounding_box(), page.locator(".st-key-step .lv-box").bounding_box()
        assert box and around
        assert box["x"] >= around["x"] - 1 and box["x"] + box["width"] <= around["x"] + around["width"] + 1
        assert box["y"] >= around["y"] - 1 and box["y"] + box["height"] <= around["y"] + around["height"] + 1
    assert "…" not in page.locator(".st-key-step .lv-number").all_text_contents()


# --- By keys alone


def test_num_units_is_within_the_first_five_tab_stops(open_page, app_url):
    page = _open(open_page, f"{app_url}/?{_VIEW}", alone=True)
    page.wait_for_timeout(500)  # the first drawing's task ends
    stops = []
    while len(stops) < 5 and (not stops or stops[-1] != "range num_units"):
        page.keyboard.press("Tab")
        stops.append(
            page.evaluate(
                "`${document.activeElement.type} ${document.activeElement.getAttribute('aria-label')}`"
            )
        )
    assert stops[-1] == "range num_units", stops
    page.keyboard.press("ArrowRight")
    expect(_title(page, "kernel")).to_have_text("kernel [13, 36]")
    page.keyboard.press("Shift+Tab")
    above = page.evaluate(
        "document.activeElement.closest('[data-testid=stMainBlockContainer], header') !== null"
    )
    assert above, "what stands above the stage is before it"


def test_the_first_stop_of_the_whole_page_is_a_link_to_num_units(opened):
    first = opened.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input, select, textarea, [tabindex]")]
            .find((each) => each.tabIndex >= 0 && !each.disabled).textContent"""
    )
    link = opened.get_by_role("link", name="Go to num_units")
    assert first == link.text_content()
    assert not opened.evaluate(
        "[...document.querySelectorAll('[tabindex]')].some((each) => each.tabIndex > 0)"
    )
    link.focus()
    box = link.bounding_box()
    assert box and box["width"] > 60 and box["height"] > 20, "who comes to it sees it"
    before = opened.url
    opened.keyboard.press("Enter")
    expect(_slider(opened)).to_be_focused()
    assert opened.url == before


# --- All else


def test_the_linear_layer_and_the_device_are_chosen_beside_the_stage(opened):
    opened.get_by_role("button", name="More").click()
    expect(opened.locator(".st-key-device")).to_be_visible(timeout=_FIRST)
    sentence = opened.locator(".st-key-sentence")
    expect(sentence).not_to_contain_text("linear layer")
    opened.locator(".st-key-linear label").click()
    expect(sentence).to_contain_text("the linear layer in front is folded into this kernel", timeout=20_000)
    expect(sentence).to_contain_text(re.compile(r"h (differs from|is equal to) that behind the layer itself"))
    expect(opened).to_have_url(re.compile(r"[?&]linear=true"), timeout=20_000)
    opened.keyboard.press("Escape")
    opened.locator(".st-key-kernel .lv-box").hover()  # the popover is gone from over the picture
    layer = lv.build_linear(View.input_size, View.input_size, seed=View.seed)
    folded = lv.fold(layer, _trace().cell)
    told = _point(opened, "kernel", "x[")
    found = re.match(r"x\[(\d+)\] → (\w)\[(\d+)\]\n(.+)$", told)
    assert found, told
    weight = folded.weights["kernel"][int(found[1]), "ijfo".index(found[2]) * 8 + int(found[3])]
    assert found[4] == write(weight), "the kernel that is shown is the folded one"


# --- Words that can be read

_SETTINGS = [
    "num_units=1",
    "num_units=8",
    "num_units=256&lang=ja",
    "cell=LSTMCell&use_peepholes=true&num_proj=5&num_units=32",
    "cell=LayerNormBasicLSTMCell",
    "cell=CudnnCompatibleGRUCell",
    "cell=sLSTM&num_units=32",
]
_WINDOWS = [(1920, 1080), (1366, 768), (1280, 900), (390, 844)]

# Every word on a canvas since it was wiped, with its place.
_PLACED = """() => {
  const { fillText, clearRect, setTransform } = CanvasRenderingContext2D.prototype;
  window.placed = new Map();
  const forget = (canvas) => window.placed.set(canvas, []);
  Object.assign(CanvasRenderingContext2D.prototype, {
    setTransform(...matrix) { forget(this.canvas); return setTransform.apply(this, matrix); },
    fillText(text, x, y, ...rest) {
      const [size, wide] = [parseFloat(this.font.match(/([\\d.]+)px/)[1]), this.measureText(text).width];
      window.placed.get(this.canvas)?.push({ text, size, left: x, right: x + wide, top: y - 0.36 * size, bottom: y + 0.36 * size });
      return fillText.call(this, text, x, y, ...rest);
    },
  });
}"""
_SIZES = """() => {
  const seen = (element) => element.getClientRects().length > 0;
  const canvases = [...window.placed].filter(([canvas]) => canvas.isConnected && seen(canvas));
  const words = [...document.querySelectorAll(".lv-panels :is(text, tspan, h2, span, p, th, td)")]
    .filter((each) => seen(each) && each.textContent.trim());
  return [
    ...canvases.flatMap(([, found]) => found.map(({ text, size }) => [size, text])),
    ...words.map((each) => [parseFloat(getComputedStyle(each).fontSize), each.textContent]),
  ].sort(([a], [b]) => a - b);
}"""
_FAULTS = """() => {
  const faults = [];
  const meet = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  const check = (found, wide, high) => {
    for (const [k, one] of found.entries()) {
      if (/…$/.test(one.text)) faults.push(`${one.text} is shortened`);
      if (one.left < -1 || one.top < -1 || one.right > wide + 1 || one.bottom > high + 1) faults.push(`${one.text} is cut`);
      for (const other of found.slice(k + 1)) if (meet(one, other)) faults.push(`${one.text} lies on ${other.text}`);
    }
  };
  for (const [canvas, found] of window.placed) {
    if (canvas.isConnected && canvas.clientWidth) check(found, canvas.clientWidth, canvas.clientHeight);
  }
  const cell = document.querySelector(".lv-cell");
  if (cell.getClientRects().length) {
    const from = cell.getBoundingClientRect();
    const all = [...cell.querySelectorAll("text, .lv-back")].filter((each) => each.matches(".lv-back") || each.textContent);
    const placed = all.map((each) => {
      const [box, isBack] = [each.getBoundingClientRect(), each.matches(".lv-back")];
      const air = isBack ? 0 : 0.2 * box.height;  // above and below a line of words
      const [left, right] = [box.left - from.left, box.right - from.left];
      const [top, bottom] = [box.top - from.top + air, box.bottom - from.top - air];
      return { isBack, text: each.textContent || "a node", left, right, top, bottom };
    });
    for (const isBack of [true, false]) check(placed.filter((each) => each.isBack === isBack), from.width, from.height);
  }
  return faults;
}"""


@pytest.mark.parametrize("query", _SETTINGS)
def test_words_are_large_enough_and_none_is_cut_or_lies_on_another(open_page, app_url, query):
    page = _open(open_page, f"{app_url}/?{query}", alone=True)
    page.evaluate(_PLACED)
    for width, height in _WINDOWS:
        _resize(page, width, height)
        tabs = page.locator(".lv-stage [role=tab]")
        for tab in tabs.all() if width < 700 else [None]:
            if tab:
                tab.click()
                page.wait_for_timeout(100)
            sizes = page.evaluate(_SIZES)
            assert len(sizes) > 10, "words were drawn"
            least, word = sizes[0]
            # Read from the last row on a projector: 18 pixels; before that, as large as the page's own small words.
            assert least >= (18 if width == 1920 else 12.5), (
                f"{word} has {least} pixels at {width} × {height}"
            )
            assert page.evaluate(_FAULTS) == [], f"at {width} × {height}"
        if width == 1920:
            sentence = page.locator(".st-key-sentence").evaluate(
                "p => parseFloat(getComputedStyle(p).fontSize)"
            )
            assert sentence >= 28
        over = page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth")
        assert over <= 0, f"{width} × {height} is too narrow by {over} pixels"


# --- A phone


@pytest.fixture
def phone(open_page, app_url) -> Page:
    page = _open(open_page, f"{app_url}/?{_VIEW}", width=390, touch=True)
    _resize(page, 390, 844)
    return page


def test_a_phone_shows_one_panel_at_a_time(phone):
    tabs = phone.locator(".lv-stage [role=tab]")
    assert tabs.count() == 3
    for index, shown in enumerate(_KEYS):
        tabs.nth(index).tap()
        expect(tabs.nth(index)).to_have_attribute("aria-selected", "true")
        for key in _KEYS:
            panel = phone.locator(f".st-key-{key} .lv-box")
            expect(panel).to_be_visible() if key == shown else expect(panel).to_be_hidden()
        expect(phone.locator(f".st-key-{shown} .lv-box")).to_be_in_viewport(ratio=0.99)
        expect(_slider(phone)).to_be_in_viewport(ratio=0.99)
        expect(phone.locator(".lstmviz-play")).to_be_in_viewport(ratio=0.99)
        expect(phone.locator(".st-key-sentence")).to_be_in_viewport(ratio=0.99)
    for place in ("document.scrollingElement", "document.querySelector('[data-testid=stMain]')"):
        assert phone.evaluate(f"{place}.scrollWidth - {place}.clientWidth") <= 0


def test_what_a_finger_is_to_hit_is_large_enough(phone):
    small = phone.locator(".lv-stage :is(button, input, select)").evaluate_all(
        """elements => elements.map((element) => [element, element.getBoundingClientRect()])
            .filter(([_element, box]) => box.width && (box.width < 44 || box.height < 44))
            .map(([element, box]) => `${element.outerHTML.slice(0, 120)} ${box.width} × ${box.height}`)"""
    )
    assert not small, "\n".join(small)


def test_a_finger_takes_a_number_apart(phone):
    phone.locator(".lv-stage [role=tab]").nth(2).tap()
    box = phone.locator(".st-key-gates canvas").bounding_box()
    assert box
    phone.touchscreen.tap(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    heading = _drawer(phone).locator("h3")
    expect(heading).to_have_text(re.compile(r"^\w\[\d\] at step \d+$"))
    found = re.match(r"(\w)\[(\d)\] at step (\d+)", heading.inner_text())
    assert found
    value = _trace().preactivations[found[1]][int(found[3]), int(found[2])]
    expect(_drawer(phone).locator("tr").last).to_contain_text(write(value))
    close = _drawer(phone).locator("button").first
    box = close.bounding_box()
    assert box and box["width"] >= 44 and box["height"] >= 44
    close.tap()
    expect(_drawer(phone)).to_be_hidden()


def test_play_and_the_slider_work_on_a_phone(phone):
    phone.locator(".lv-stage [role=tab]").nth(1).tap()
    phone.locator(".lstmviz-play").tap()
    expect(_title(phone, "step")).not_to_have_text(re.compile("step 0, "))
    phone.locator(".lstmviz-play").tap()
    slider = _slider(phone)
    box = slider.bounding_box()
    assert box
    phone.touchscreen.tap(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    expect(slider).not_to_have_js_property("value", "8")
    units = int(slider.input_value())
    expect(phone.locator(".st-key-sentence")).to_contain_text(f"num_units {units} ")


# --- Dark, Japanese, without a mouse


def _light(colour: str) -> float:
    red, green, blue = map(float, re.findall(r"[\d.]+", colour)[:3])
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_a_dark_stage_has_light_words_and_its_own_colours(open_page, app_url):
    colours = {}
    for dark in (False, True):
        page = _open(open_page, f"{app_url}/?t=3", dark=dark)
        words = page.locator(".lv-stage :is(p, h2, span, button, text)")
        found = words.evaluate_all(
            """all => all.filter((each) => each.textContent).map((each) => getComputedStyle(each))
              .map(({ color, fill }) => [color, fill])"""
        )
        lights = [_light(colour) for colour, _fill in found]
        assert min(lights) > 110 if dark else max(lights) < 160, sorted(set(found))
        # A weight of 0 is drawn like the page behind it: nearly black on the one, nearly white on the other.
        colours[dark] = page.locator(".st-key-kernel canvas").evaluate(
            """canvas => {
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              let [sum, count] = [0, 0];
              for (let k = 0; k < data.length; k += 4) {
                if (data[k + 3] === 255) [sum, count] = [sum + data[k] + data[k + 1] + data[k + 2], count + 1];
              }
              return sum / count / 3;
            }"""
        )
    assert colours[True] < colours[False] - 40


def test_a_stage_follows_the_theme_while_it_is_open(opened):
    opened.emulate_media(color_scheme="dark")
    opened.wait_for_timeout(500)
    expect(opened.locator(".lv-stage")).to_have_class(re.compile("lv-dark"))


_OURS = {
    "lstmviz",
    "num_units",
    "input_size",
    "tensorflow",
    "numpy",
    "cpu",
    "kernel",
    "forget",
    "bias",
    "forget_bias",
    "rmse",
}


def test_a_japanese_stage_speaks_japanese(open_page, app_url):
    page = _open(open_page, f"{app_url}/?lang=ja&t=7&unit=2&gate=f", alone=True)
    page.evaluate(_WRITTEN)
    _resize(page, 1280, 880)
    expect(_drawer(page)).to_be_visible()
    texts = page.locator(".lv-stage").evaluate(
        """stage => { const found = [];
          const walk = document.createTreeWalker(stage, NodeFilter.SHOW_TEXT);
          while (walk.nextNode()) found.push(walk.currentNode.textContent);
          for (const each of stage.querySelectorAll("[aria-label], [title]")) {
            found.push(each.getAttribute("aria-label") ?? "", each.getAttribute("title") ?? "");
          }
          return found; }"""
    )
    texts += page.evaluate("window.written")
    words = {word for text in texts for word in re.findall(r"[A-Za-z_]{4,}", text)}
    words -= {"tanh", "sigmoid", View.cell}
    assert {word for word in words if word.lower() not in _OURS} == set()


@pytest.mark.parametrize(
    ("width", "dark", "query"),
    [
        (1280, False, "t=7&unit=2&gate=f"),
        (1280, True, ""),
        (390, False, ""),
        (390, True, "lang=ja&gate=f&t=3"),
    ],
)
def test_axe_finds_nothing_on_the_stage(open_page, app_url, width, dark, query):
    page = _open(open_page, f"{app_url}/?{query}", width=width, dark=dark)
    page.wait_for_timeout(800)
    found = _violations(page)
    assert not found, "\n\n".join(f"{rule}: {html[:300]}\n{advice}" for rule, html, advice in found)


def test_the_keyboard_opens_a_number_of_the_cell_and_shuts_it(opened):
    node = opened.locator(".st-key-step [role=button][aria-label='o']")
    node.focus()
    opened.keyboard.press("Enter")
    expect(_drawer(opened).locator("h3")).to_have_text("o[0] at step 0")
    expect(_drawer(opened).locator("tr").last).to_contain_text(write(_trace().preactivations["o"][0, 0]))
    _drawer(opened).locator("button").first.focus()
    opened.keyboard.press("Enter")
    expect(_drawer(opened)).to_be_hidden()


# --- Without eyes, and without a mouse


def test_the_strips_say_what_they_show_and_are_moved_through_by_keys(opened):
    box = opened.locator(".st-key-gates [role=figure]")
    described = lv.plot.describe_gates(_trace())
    expect(box).to_have_attribute("aria-label", re.compile(re.escape(described[:30])), timeout=_FIRST)
    box.focus()
    for key in (
        "ArrowRight",
        "ArrowRight",
        "ArrowRight",
        "ArrowLeft",
        "ArrowDown",
        "ArrowDown",
        "ArrowDown",
        "ArrowUp",
    ):
        opened.keyboard.press(key)
    reading = box.locator("[role=status]")
    expect(reading).to_contain_text("i[2], step 2")
    expect(reading).to_contain_text(write(float(_trace().gates["i"][2, 2])))
    opened.keyboard.press("Enter")
    expect(_drawer(opened).locator("h3")).to_have_text("i[2] at step 2", timeout=_FIRST)


def test_the_weights_are_moved_through_by_keys(opened):
    box = opened.locator(".st-key-kernel [role=figure]")
    line = opened.locator(".st-key-kernel [role=status]")
    kernel = _trace().cell.weights["kernel"]
    box.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"):
        opened.keyboard.press(key)
    # The first key marks the first row of the pinned unit's column; then down to the last row of x.
    expect(line).to_have_text(f"h[0] → i[0]: {write(float(kernel[4, 0]))}")
    for _press in range(9):
        opened.keyboard.press("ArrowRight")
    expect(line).to_have_text(f"h[0] → j[1]: {write(float(kernel[4, 9]))}")
    opened.keyboard.press("End")
    opened.keyboard.press("ArrowRight")
    expect(line).to_have_text(f"h[0] → o[7]: {write(float(kernel[4, 31]))}")
    expect(_drawer(opened)).to_be_hidden()
    opened.keyboard.press("Enter")
    expect(_drawer(opened).locator("h3")).to_have_text("o[7] at step 0")
    expect(opened).to_have_url(re.compile(r"(?=.*unit=7\b)(?=.*gate=o\b)"), timeout=20_000)
    expect(box).to_be_focused()
    opened.keyboard.press("Escape")
    expect(_drawer(opened)).to_be_hidden()
    opened.locator("#lv-num-units").focus()
    expect(line).to_have_text("")


def test_keys_go_from_one_matrix_to_the_next(open_page, app_url):
    page = _open(open_page, f"{app_url}/?{_VIEW}&cell=CudnnCompatibleGRUCell")
    line = page.locator(".st-key-kernel [role=status]")
    page.locator(".st-key-kernel [role=figure]").focus()
    page.keyboard.press("ArrowRight")
    expect(line).to_have_text(re.compile(r"^x\[0\] → r\[0\]: "))
    page.keyboard.press("End")
    expect(line).to_have_text(re.compile(r"^x\[0\] → u\[7\]: "))
    page.keyboard.press("ArrowRight")
    expect(line).to_have_text(re.compile(r"^x\[0\] → c\[0\]: "))
    for _press in range(4):
        page.keyboard.press("ArrowDown")
    expect(line).to_have_text(re.compile(r"^h\[0\] → c\[0\]: "))
    page.keyboard.press("ArrowLeft")
    expect(line).to_have_text(re.compile(r"^x\[\d\] → u\[7\]: |^h\[\d\] → u\[7\]: "))


@pytest.mark.parametrize(
    ("kind", "gate", "more"),
    [
        ("BasicLSTMCell", "f", ""),
        ("LayerNormBasicLSTMCell", "f", " · No sum of terms: a norm over all units is in it."),
        (
            "CudnnCompatibleGRUCell",
            "c",
            " · Not the sum of this column alone: it has r[2] * h[0], r[2] * h[1], ….",
        ),
    ],
)
def test_beneath_the_weights_stands_what_the_pinned_column_comes_to(open_page, app_url, kind, gate, more):
    page = _open(open_page, f"{app_url}/?{_VIEW}&cell={kind}&t=4&unit=2&gate={gate}")
    trace = _trace(kind=kind)
    before, after = (write(values[gate][4, 2]) for values in (trace.preactivations, trace.gates))
    line = page.locator(".st-key-kernel [role=status]")
    expect(line).to_have_text(
        f"{gate}[2] at step 4: Σ{gate} = {before}, {gate} = {after}{more}", timeout=_FIRST
    )
    _drawer(page).locator("button").first.focus()
    page.keyboard.press("Escape")
    expect(_drawer(page)).to_be_hidden()
    expect(line).to_have_text("")
