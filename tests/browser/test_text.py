"""A text that is lit up by one unit, on the stage."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import expect

import lstmviz as lv

_LIMIT = 60_000  # milliseconds
TEXT = "ab [c]\nab [c]"


def test_a_text_that_a_presenters_link_shows_is_not_dimmed_and_gives_way_to_the_strips(open_page, app_url):
    page = open_page(f"{app_url}/present?sequence=text&text=ab%20[c]&num_units=4&show=text", alone=True)
    expect(page.locator(".lv-letters span")).to_have_count(6, timeout=_LIMIT)
    expect(page.locator(".lv-of-step .lv-box")).to_have_css("opacity", "0.5")
    expect(page.locator(".lv-of-gates .lv-box")).to_have_css("opacity", "1")
    page.get_by_role("button", name="Strips", exact=True).click()
    expect(page.locator(".lv-text")).to_be_hidden()


def test_each_character_has_the_colour_of_its_step_and_is_pinned_by_a_click(open_page, app_url):
    page = open_page(f"{app_url}/?sequence=text&text=ab%20[c]%0Aab%20[c]&num_units=4&unit=2&t=5")
    page.get_by_role("button", name="Text", exact=True).click(timeout=_LIMIT)
    letters = page.locator(".lv-letters span")
    expect(letters).to_have_count(len(TEXT), timeout=_LIMIT)
    assert "".join(letters.all_text_contents()).replace("¶", "") == TEXT
    expect(letters.nth(5)).to_have_class("lv-now")
    page.locator(".lv-text select").nth(1).select_option("f")
    expect(page.locator(".lv-text p")).to_contain_text("0 … 1.00", timeout=_LIMIT)

    def bright() -> list[float]:
        colours = letters.evaluate_all("all => all.map(one => getComputedStyle(one).backgroundColor)")
        return [
            float(np.dot([int(part) for part in re.findall(r"\d+", c)[:3]], [0.3, 0.6, 0.1])) for c in colours
        ]

    cell = lv.build("BasicLSTMCell", num_units=4, input_size=len(set(TEXT)))
    forget = lv.run(cell, lv.sequences.from_text(TEXT)).gates["f"][:, 2]
    order = np.argsort(forget)
    assert np.diff(np.array(bright())[order]).min() >= -2, "the more open, the brighter"
    page.locator(".lv-text select").nth(1).select_option("ledger")
    expect(page.locator(".lv-text p")).to_contain_text("what each step wrote of c at step 5", timeout=_LIMIT)
    expect(letters.nth(6)).not_to_have_attribute("style", re.compile("rgb"))
    letters.nth(9).click()
    expect(letters.nth(9)).to_have_class("lv-now")
    expect(page).to_have_url(re.compile(r"t=9\b"), timeout=_LIMIT)
    page.get_by_role("button", name="Strips", exact=True).click()
    expect(page.locator(".lv-text")).to_be_hidden()


def test_a_sequence_that_is_no_text_has_no_text(open_page, app_url):
    page = open_page(f"{app_url}/?sequence=sine&num_units=4")
    expect(page.locator(".st-key-gates .gtitle")).to_contain_text("× 4 units", timeout=_LIMIT)
    expect(page.locator(".lv-toggle")).to_be_hidden()


def test_the_units_that_differ_at_some_characters_are_found_tried_and_picked(open_page, app_url):
    address = f"{app_url}/?sequence=text&text=a(b)c(d)a(b)&num_units=12&show=text&colour=h&unit=3"
    page = open_page(address, alone=True)
    letters = page.locator(".lv-letters span")
    expect(letters).to_have_count(12, timeout=_LIMIT)  # the address says that the text is shown, and by what
    choices = page.locator(".lv-text p select")
    expect(choices.nth(0)).to_have_value("3")
    expect(choices.nth(1)).to_have_value("h")
    expect(page.locator(".lv-text p")).to_contain_text("h[3], on a scale of its own:", timeout=_LIMIT)
    page.locator(".lv-find input").fill("(")
    page.locator(".lv-find input").press("Enter")
    found = page.locator(".lv-find button")
    expect(found).to_have_count(
        12, timeout=_LIMIT
    )  # ten units, one that searches for a range, and one that clears it
    text = lv.sequences.from_text("a(b)c(d)a(b)")
    trace = lv.run(lv.build("BasicLSTMCell", num_units=12, input_size=text.input_size), text)
    units = lv.differ(trace, [t for t, label in enumerate(text.labels) if label == "("], "h").units
    assert found.all_text_contents()[:10] == [f"h[{unit}]" for unit in units]
    expect(letters.nth(1)).to_have_class(re.compile("lv-selected"))
    expect(letters.nth(2)).not_to_have_class(re.compile("lv-selected"))
    before = letters.nth(4).get_attribute("style")
    found.nth(0).hover()
    expect(letters.nth(4)).not_to_have_attribute("style", before, timeout=_LIMIT)
    page.locator(".st-key-kernel .gtitle").hover()
    expect(letters.nth(4)).to_have_attribute("style", before, timeout=_LIMIT)
    found.nth(0).click()
    expect(choices.nth(0)).to_have_value(str(units[0]))
    expect(page).to_have_url(re.compile(rf"unit={units[0]}\b"), timeout=_LIMIT)
    choices.nth(1).select_option("f")
    expect(page).to_have_url(re.compile(r"colour=f"), timeout=_LIMIT)
    page.get_by_role("button", name="Strips", exact=True).click()
    expect(page).not_to_have_url(re.compile(r"show="), timeout=_LIMIT)


def test_a_range_of_characters_is_searched_for_on_memory(open_page, app_url):
    page = open_page(f"{app_url}/?sequence=text&text=a(b)c(d)a(b)&num_units=8&show=text", alone=True)
    letters = page.locator(".lv-letters span")
    expect(letters).to_have_count(12, timeout=_LIMIT)
    first, last = (letters.nth(t).bounding_box() for t in (1, 3))
    page.mouse.move(first["x"] + 1, first["y"] + first["height"] / 2)
    page.mouse.down()
    page.mouse.move(last["x"] + last["width"] - 1, last["y"] + last["height"] / 2, steps=5)
    page.mouse.up()
    expect(page.locator(".lv-find")).to_contain_text("Characters selected: 3", timeout=_LIMIT)
    page.get_by_role("button", name="Where else does it do that?").click()
    expect(page).to_have_url(re.compile(r"/memory\?.*pattern=1-3"), timeout=_LIMIT)
    expect(page.locator(".st-key-pattern_last input")).to_have_value("3", timeout=_LIMIT)


def test_a_long_text_is_a_file_and_no_link_says_that_it_carries_it(open_page, app_url, tmp_path):
    file = tmp_path / "long.txt"
    file.write_text("(ab)c\n" * 1500, encoding="utf-8")
    page = open_page(f"{app_url}/?sequence=text_file&num_units=4&show=text", alone=True)
    page.get_by_role("button", name="More").click(timeout=_LIMIT)
    expect(page.get_by_text("the link does not carry it")).to_be_visible(timeout=_LIMIT)
    page.locator(".st-key-text_file input[type=file]").set_input_files(file)
    letters = page.locator(".lv-letters span")
    expect(letters).to_have_count(9000, timeout=_LIMIT)
    page.keyboard.press("Escape")
    page.locator(".lv-text").evaluate("box => (box.scrollTop = box.scrollHeight)")
    expect(letters.last).to_be_in_viewport()
    letters.last.click()
    expect(page).to_have_url(re.compile(r"\bt=8999\b"), timeout=_LIMIT)


def test_what_cannot_be_seen_is_called_by_a_word_in_letters_that_every_font_has(open_page, app_url):
    page = open_page(f"{app_url}/?sequence=text&text=a%20b%0Ac&t=1")
    title = page.locator(".st-key-step .gtitle, .lv-of-cell .gtitle").first
    expect(title).to_contain_text("step 1 · space", timeout=_LIMIT)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Text", exact=True).click()
    page.locator(".lv-letters span").nth(3).click()
    expect(title).to_contain_text("step 3 · line end")


def test_where_no_right_answer_is_given_nothing_is_said_of_why(open_page, app_url):
    page = open_page(f"{app_url}/?sequence=adding&num_units=16", alone=True)
    expect(page.locator(".st-key-gates .gtitle")).to_contain_text("× 16 units", timeout=_LIMIT)
    box, tip = page.locator(".lv-of-gates canvas").first.bounding_box(), page.locator(".lv-tip")
    said = set()
    for down in range(20, 60, 4):  # the last strip, above the axis
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - down)
        said.add(tip.text_content().split("\n")[1] if tip.is_visible() else "")
    # The sum is asked for at the last step alone: there is nothing to be known before.
    assert any(re.fullmatch(r"answer \S+; no right answer is given for this step", text) for text in said), (
        said
    )


def test_a_character_that_the_text_does_not_have_is_said_to_be_none_of_it(open_page, app_url):
    page = open_page(f"{app_url}/?sequence=text&text=aaa%20b&num_units=4&show=text", alone=True)
    expect(page.locator(".lv-letters span")).to_have_count(5, timeout=_LIMIT)
    field, found = page.locator(".lv-find input"), page.locator(".lv-find")
    for character in ("é", "Q"):
        field.fill(character)
        field.press("Enter")
        expect(found).to_contain_text("The text has none of these.", timeout=_LIMIT)
    field.fill(" ")  # which has a name of its own
    field.press("Enter")
    expect(found).to_contain_text("Characters selected: 1", timeout=_LIMIT)
    page.locator(".lv-letters").evaluate(
        """one => {
          getSelection().setBaseAndExtent(one.firstChild.firstChild, 0, one.lastChild.firstChild, 1);
          one.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
        }"""
    )
    expect(found).to_contain_text("That is the whole text", timeout=_LIMIT)


def test_a_unit_of_the_row_is_tried_while_the_pointer_is_on_it_and_picked_by_a_click(open_page, app_url):
    address = f"{app_url}/?sequence=text&text=a(b)c(d)a(b)&num_units=12&show=text&colour=h&unit=3"
    page = open_page(address, alone=True)
    units, said = page.locator(".lv-units button"), page.locator(".lv-text p")
    expect(units).to_have_count(12, timeout=_LIMIT)
    expect(said).to_contain_text("h[3], on a scale", timeout=_LIMIT)
    letter = page.locator(".lv-letters span").nth(4)
    before = letter.get_attribute("style")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "numbers/row" in request.url else None)
    units.nth(7).hover()
    expect(said).to_contain_text("h[7], on a scale", timeout=_LIMIT)
    expect(letter).not_to_have_attribute("style", before)
    expect(units.nth(3)).to_have_attribute("aria-pressed", "true")  # it is tried, not picked
    page.locator(".st-key-kernel .gtitle").hover()
    expect(said).to_contain_text("h[3], on a scale", timeout=_LIMIT)
    expect(letter).to_have_attribute("style", before)
    assert len(asked) == 1, "the picked unit's colours are kept"
    row = units.nth(0).bounding_box(), units.nth(11).bounding_box()
    page.mouse.move(row[0]["x"] + 4, row[0]["y"] + 8)
    page.mouse.move(row[1]["x"] + 4, row[1]["y"] + 8, steps=40)
    expect(said).to_contain_text("h[11], on a scale", timeout=_LIMIT)
    units.nth(7).click()
    expect(page).to_have_url(re.compile(r"unit=7\b"), timeout=_LIMIT)
    expect(units.nth(7)).to_have_attribute("aria-pressed", "true")
    units.nth(7).press("ArrowRight")
    expect(units.nth(8)).to_be_focused()
    expect(said).to_contain_text("h[8], on a scale", timeout=_LIMIT)
    page.locator(".lv-text p select").nth(1).select_option("f")  # of a share the scale is that of all shares
    expect(said).to_contain_text("f[8]: 0 … 1.00", timeout=_LIMIT)


def test_the_picked_unit_is_seen_in_a_row_that_is_longer_than_its_room(open_page, app_url):
    page = open_page(f"{app_url}/?sequence=characters&num_units=128&show=text&unit=120", alone=True)
    row, picked = page.locator(".lv-units"), page.locator(".lv-units [aria-pressed=true]")
    expect(picked).to_have_text("120", timeout=_LIMIT)
    (room, box) = row.bounding_box(), picked.bounding_box()
    assert room["y"] - 1 <= box["y"] and box["y"] + box["height"] <= room["y"] + room["height"] + 1, (
        room,
        box,
    )
