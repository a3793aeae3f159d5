"""The path Learn: each step is done on the stage's own controls, and says so."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Locator, Page, expect

from lstmviz.web import lessons

_WAIT = 60_000
_AXE = (resources.files(axe_playwright_python) / "axe.min.js").read_text()
_STEPS = [step.name for step in lessons.load("en").steps]


@pytest.fixture(scope="session")
def learn_url(app_url: str) -> str:
    return f"{app_url}/learn"


def _open(open_page: Any, address: str, step: str = "", **how: Any) -> Page:
    page = open_page(f"{address}/?step={step}" if step else f"{address}/", **how)
    expect(page.locator(".lv-step h2")).to_be_visible(timeout=_WAIT)
    expect(page.locator(".lv-sentence")).to_contain_text("parameters" if not how.get("locale") else "")
    return page


def _button(page: Page, step: str) -> Locator:
    return page.locator(f".lv-steps button[data-step={step}]")


def _expect_done(page: Page, step: str, is_done: bool = True) -> None:
    expect(_button(page, step)).to_have_attribute("data-done", str(is_done).lower())
    expect(page.locator(f"[data-task={step}]")).to_have_attribute("data-done", str(is_done).lower())


def _set(page: Page, selector: str, value: str) -> None:
    """Moves a slider as a finger does."""
    page.locator(selector).evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }",
        value,
    )


def _move_num_units(page: Page) -> None:
    _set(page, ".lv-size input[type=range]", "11")


def _open_each_gate(page: Page) -> None:
    for gate in "ijfo":
        _expect_done(page, "gates", False)
        page.locator(".lv-role", has=page.locator(f"b:text-is('{gate}')")).click()
    page.locator(".lv-close").click()


def _take_a_node_from_f(page: Page) -> None:
    told = page.locator(".lv-figure .lv-told")
    expect(told).to_have_text("Every product has its partner.")
    _set(page, "input[data-of=partner]", "10")
    expect(told).to_have_text("Products without a partner: 1")
    _expect_done(page, "partner", False)
    _set(page, "input[data-of=partner]", "11")


def _build_and_cut(page: Page) -> None:
    page.locator("button[data-to=cut]").click()  # what is not built cannot be used
    _expect_done(page, "kernel", False)
    page.locator("button[data-to=built]").click()
    page.locator("button[data-to=cut]").click()


def _go_on_a_step(page: Page) -> None:
    expect(page.locator(".st-key-step .gtitle")).to_contain_text("step 5")
    page.locator(".lstmviz-player button").nth(3).click()


def _open_c(page: Page) -> None:
    page.locator(".lv-cell [aria-label=c]").click()


def _change_forget_bias(page: Page) -> None:
    _set(page, "input[data-of=forget_bias]", "2.5")


def _switch_the_layer_on(page: Page) -> None:
    page.locator("input[data-of=linear]").check()


_ACTIONS = {
    "layer": _move_num_units,
    "gates": _open_each_gate,
    "partner": _take_a_node_from_f,
    "kernel": _build_and_cut,
    "step": _go_on_a_step,
    "memory": _open_c,
    "forget_bias": _change_forget_bias,
    "linear": _switch_the_layer_on,
}


def test_each_step_is_done_by_its_action_and_is_then_marked(open_page: Any, learn_url: str):
    assert [*_ACTIONS] == _STEPS
    page = _open(open_page, learn_url)
    for step, act in _ACTIONS.items():
        expect(_button(page, step)).to_have_attribute("aria-current", "step")
        expect(page).to_have_url(re.compile(f"step={step}" if step != "layer" else "learn"), timeout=_WAIT)
        _expect_done(page, step, False)
        act(page)
        _expect_done(page, step)
        page.locator(".lv-next").click()
    expect(_button(page, "questions")).to_have_attribute("aria-current", "step")
    expect(page).to_have_url(re.compile("step=questions"), timeout=_WAIT)
    page.reload()  # it is remembered for this visit
    expect(page.locator(".lv-steps button[data-done=true]")).to_have_count(len(_STEPS), timeout=_WAIT)
    expect(_button(page, "questions")).to_have_attribute("aria-current", "step")


def test_what_a_step_sets_itself_does_not_count(open_page: Any, learn_url: str):
    page = _open(open_page, learn_url)
    _button(page, "step").click()
    expect(page.locator(".st-key-step .gtitle")).to_contain_text("step 5")
    expect(page).to_have_url(re.compile("t=5.*step=step"), timeout=_WAIT)
    _expect_done(page, "step", False)


def test_the_numbers_below_tensorflows_lines_add_up_to_the_stages(open_page: Any, learn_url: str):
    page = _open(open_page, learn_url, "step")
    rows = page.locator(".lv-row")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("[1, 12]")
    expect(rows.nth(3)).to_contain_text("4 × [1, 8]")
    split = rows.nth(3).locator(".lv-value > span")
    sums = page.evaluate(
        "() => [...document.querySelectorAll('.lv-cell .lv-node')].filter((node) => /^Σ/.test(node.textContent))"
        ".map((node) => node.querySelector('.lv-number').textContent)"
    )
    shown = [float(text.replace("−", "-")) for text in split.all_text_contents()]
    told = [float(text.replace("−", "-")) for text in sums]
    assert len(shown) == len(told) == 4
    told[2] -= 1  # forget_bias is added later, in no variable
    assert shown == pytest.approx(told, abs=0.0101)


def test_the_layer_in_front_folds_away_and_the_page_says_how_equal_both_are(open_page: Any, learn_url: str):
    page = _open(open_page, learn_url, "linear")
    _switch_the_layer_on(page)
    told = page.locator(".lv-figure .lv-told")
    expect(told).to_contain_text("h differs by at most", timeout=_WAIT)
    said = re.search(r"at most ([\de−.+]+),", told.inner_text())
    assert said
    difference = float(said[1].replace("−", "-"))
    assert 0 < difference < 1e-5
    expect(page).to_have_url(re.compile("linear=true"), timeout=_WAIT)
    page.locator("input[data-of=linear]").uncheck()
    expect(told).to_be_empty()


def test_forget_bias_moves_f_and_neither_kernel_nor_bias(open_page: Any, learn_url: str):
    page = _open(open_page, learn_url, "forget_bias")
    text = page.locator(".lv-step > p").nth(1)
    before, opened = text.inner_text(), page.locator(".lv-slide output").nth(1).inner_text()
    _set(page, "input[data-of=forget_bias]", "3")
    expect(page.locator(".lv-step > p").first).to_contain_text("forget_bias = 3")
    expect(page.locator(".lv-slide output").nth(1)).not_to_have_text(opened)
    assert text.inner_text() == before
    expect(page).to_have_url(re.compile("forget_bias=3"), timeout=_WAIT)


@pytest.mark.parametrize("locale", ["en-US", "ja-JP"])
def test_nothing_scrolls_and_every_place_is_filled_in_at_1280_by_900(
    open_page: Any, learn_url: str, locale: str
):
    page = _open(open_page, learn_url, locale=locale)
    heading = page.locator(".lv-step h2")
    lesson = lessons.load(locale[:2])
    for step in lesson.steps:
        _button(page, step.name).click()
        expect(heading).to_have_text(step.title)
        over = page.evaluate(
            "() => ['.lv-step', '.lv-lesson', '.stMain'].map((each) => document.querySelector(each))"
            ".map((each) => [each.scrollHeight - each.clientHeight, each.scrollWidth - each.clientWidth])"
        )
        assert over == [[0, 0]] * 3, step.name
        assert not re.search(r"\{[a-z]\w*\}", page.locator(".lv-lesson").inner_text().replace("{t-1}", ""))
    for width in (1280, 1101):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            "width => document.querySelector('.lv-controls').getBoundingClientRect().right < width", arg=width
        )
        boxes = page.evaluate(
            "() => [...document.querySelectorAll('.lv-controls :is(input, button, output, label > span)')]"
            ".filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect())"
            ".map(({ left, right, top, bottom }) => [left, right, top, bottom].map(Math.round))"
        )
        assert max(right for _, right, _, _ in boxes) <= width - 24
        for k, (left, right, top, bottom) in enumerate(boxes):
            for other in boxes[:k]:  # none lies over another
                assert right <= other[0] or other[1] <= left or bottom <= other[2] or other[3] <= top, width
    page.set_viewport_size({"width": 1280, "height": 900})
    _button(page, "questions").click()
    expect(page.locator(".lv-questions li")).to_have_count(len(lesson.questions))


def test_each_question_shows_its_answer_on_the_stage(open_page: Any, learn_url: str):
    page = _open(open_page, learn_url, "questions")
    for question in lessons.load("en").questions:
        item = page.locator(f"li[data-question={question.name}]")
        item.locator(".lv-ask").click()
        item.locator(".lv-show").click()
        expect(item).to_have_attribute("data-done", "true")
        answer = item.locator(".lv-answer p")
        expect(answer).to_be_visible()
        for name in ("num_units", "linear", "forget_bias"):
            if name in question.show:
                usual = question.show[name] in ("false", "1", "8")
                said = f"{name}={question.show[name]}"
                expect(page).to_have_url(re.compile(f"^(?!.*{name}=)" if usual else said), timeout=_WAIT)
        expect(answer).not_to_contain_text("{")
        if question.name == "columns":
            expect(answer).to_have_text("64: four gates of 16 columns each.", timeout=_WAIT)
        if question.name == "beyond":
            expect(answer).to_have_text(re.compile(r"within 0\.\d+ of 0\. c can.* as far as [1-9]"))
    expect(_button(page, "questions")).to_have_attribute("data-done", "true")


def test_with_another_kind_it_says_so_and_offers_the_way_back(open_page: Any, learn_url: str):
    page = open_page(f"{learn_url}/?cell=GRUCell&step=memory")
    other = page.locator(".lv-other")
    expect(other).to_contain_text("On the stage is GRUCell", timeout=_WAIT)
    expect(page.locator(".lv-step")).to_be_hidden()
    other.locator("button").click()
    expect(page.locator(".lv-step h2")).to_be_visible(timeout=_WAIT)
    expect(page.locator(".st-key-kernel .gtitle")).to_contain_text("kernel [12, 32]")
    expect(page).not_to_have_url(re.compile("cell="), timeout=_WAIT)  # it is the usual one


def test_a_step_that_is_not_there_is_said(open_page: Any, learn_url: str):
    page = _open(open_page, learn_url, "nowhere")
    expect(page.get_by_text("step was nowhere")).to_be_visible()
    expect(_button(page, "layer")).to_have_attribute("aria-current", "step")


def test_the_arrow_keys_stay_the_sliders_and_times(open_page: Any, learn_url: str):
    page = _open(open_page, learn_url, "layer")
    page.locator(".lv-size input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".lv-sentence")).to_contain_text("num_units 9")
    expect(_button(page, "layer")).to_have_attribute("aria-current", "step")
    page.locator(".lv-next").focus()
    page.keyboard.press("ArrowRight")  # on a button it is nobody's
    expect(_button(page, "layer")).to_have_attribute("aria-current", "step")
    page.keyboard.press("Enter")
    expect(_button(page, "gates")).to_have_attribute("aria-current", "step")
    expect(page.locator(".lv-next")).to_be_focused()


def test_on_a_telephone_the_sheet_takes_a_third_and_turns_to_the_steps_panel(open_page: Any, learn_url: str):
    page = _open(open_page, learn_url, width=390, touch=True)
    page.set_viewport_size({"width": 390, "height": 844})
    for step in lessons.load("en").steps:
        _button(page, step.name).click()
        expect(page.locator(f".lv-of-{step.panel}")).to_be_visible()
        sheet = page.locator(".lv-lesson").bounding_box()
        assert sheet and sheet["height"] <= 844 / 3 + 1
        wide, tall = page.evaluate(
            "() => [document.documentElement.scrollWidth, document.querySelector('.stMain').scrollHeight]"
        )
        assert wide == 390 and tall <= 844


def test_on_a_telephone_the_share_button_stands_beside_the_player(open_page: Any, learn_url: str):
    page = _open(open_page, learn_url, width=390, touch=True)
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 844})
        player, share = (page.locator(each).bounding_box() for each in (".lstmviz-player", ".lv-room-button"))
        assert player and share
        assert player["y"] <= share["y"] < player["y"] + player["height"] / 2
        assert player["x"] + player["width"] <= share["x"] <= width - 12 - 44


@pytest.mark.parametrize("locale", ["en-US", "ja-JP"])
def test_play_has_its_speed_and_num_units_its_way_at_1280(open_page: Any, learn_url: str, locale: str):
    page = _open(open_page, learn_url, locale=locale)
    speed = page.locator(".lstmviz-player select")
    expect(speed).to_be_visible()
    speed.select_option("40")
    slider = page.locator(".lv-size input[type=range]").bounding_box()
    assert slider and slider["width"] > 120


_NOTE = "Which+gate+keeps+what+was+read+twenty+steps+ago,+and+why?+"


@pytest.mark.parametrize(("width", "height", "is_touch"), [(1280, 900, False), (390, 844, True)])
def test_a_note_of_any_height_moves_no_page_and_leaves_the_kernel_its_room(
    open_page: Any, learn_url: str, width: int, height: int, is_touch: bool
):
    page = _open(open_page, f"{learn_url}?note={(4 * _NOTE)[:199]}", width=width, touch=is_touch)
    page.set_viewport_size({"width": width, "height": height})
    note = page.locator("[role=note]")
    for size in ("1rem", "1.3rem"):  # a font that comes late makes it higher, and tells nobody
        note.evaluate("(note, size) => (note.style.fontSize = size)", size)
        page.wait_for_function(
            "() => { const main = document.querySelector('.stMain'); return main.scrollHeight <= main.clientHeight; }"
        )
    kernel = page.locator(".st-key-kernel canvas").bounding_box()
    assert kernel and kernel["height"] > 100
    shown, whole = note.evaluate("(note) => [note.clientHeight, note.scrollHeight]")
    assert whole <= shown or note.evaluate("(note) => getComputedStyle(note).overflowY") == "auto"


def test_explore_has_no_lesson_and_keeps_the_setting(open_page: Any, learn_url: str):
    page = _open(open_page, learn_url, "layer")
    _move_num_units(page)
    expect(page).to_have_url(re.compile("num_units=11"), timeout=_WAIT)
    page.get_by_role("link", name="Explore").click()
    expect(page.locator(".lv-lesson")).to_have_count(0, timeout=_WAIT)
    expect(page.locator(".lv-sentence")).to_contain_text("num_units 11", timeout=_WAIT)
    page.get_by_role("link", name="Learn").click()
    expect(_button(page, "layer")).to_have_attribute("data-done", "true", timeout=_WAIT)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_axe_finds_nothing_in_the_lesson(open_page: Any, learn_url: str, width: int, dark: bool):
    page = _open(open_page, learn_url, width=width, dark=dark)
    page.evaluate(_AXE)
    for step in [*_STEPS, "questions"]:
        _button(page, step).click()
        expect(_button(page, step)).to_have_attribute("aria-current", "step")
        page.wait_for_timeout(400)  # what fades is of full colour
        found = page.evaluate("axe.run('.lv-lesson', { resultTypes: ['violations'] })")
        said = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]]
        assert said == [], step


def test_the_steps_are_one_tab_stop_with_arrow_keys_among_them(open_page: Any, learn_url: str):
    page = _open(open_page, learn_url, "layer")
    _button(page, "layer").focus()
    stops = 0
    while "num_units" not in (page.evaluate("document.activeElement.getAttribute('aria-label')") or ""):
        page.keyboard.press("Tab")
        stops += 1
        assert stops < 5
    _button(page, "layer").focus()
    page.keyboard.press("ArrowRight")
    expect(_button(page, "gates")).to_be_focused()
    expect(_button(page, "layer")).to_have_attribute("aria-current", "step")
    page.keyboard.press("End")
    expect(page.locator(".lv-steps button").last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")  # there is none before the first
    expect(_button(page, "layer")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(_button(page, "gates")).to_have_attribute("aria-current", "step")


def test_a_weight_that_was_edited_in_a_trained_cell_is_not_edited_in_the_lessons(
    open_page: Any, app_url: str
):
    page = open_page(f"{app_url}/?num_units=8", alone=True)
    page.goto(f"{app_url}/learn?edit=kernel:5,13:3&step=layer")
    expect(page.locator(".lv-step h2")).to_be_visible(timeout=_WAIT)
    expect(page.locator(".lv-sentence")).to_contain_text("416 parameters")
    expect(page.locator(".lv-sentence")).not_to_contain_text("edited")
    expect(page.locator(".lv-sentence")).to_contain_text("random weights, as built")
    page.goto(f"{app_url}/learn?edit=kernel:5,13:3&seed=4&step=layer")
    expect(page.locator(".lv-sentence")).to_contain_text("edited", timeout=_WAIT)
    expect(page.locator(".lv-sentence")).not_to_contain_text("as built")
