"""A number of the run held at another value, from where it is taken apart."""

from __future__ import annotations

import re

from playwright.sync_api import expect

_LIMIT = 60_000  # milliseconds


def test_a_gate_is_held_seen_compared_and_let_go(open_page, app_url):
    page = open_page(f"{app_url}/?num_units=4&sequence=sine&time_steps=12&t=5&gate=f&unit=2", alone=True)
    hold = page.locator(".lv-hold")
    expect(hold).to_be_visible(timeout=_LIMIT)
    hold.get_by_label("Hold f[2] at").fill("1")
    hold.get_by_role("button", name="Hold", exact=True).click()
    expect(page.locator(".lv-drawer")).to_contain_text("f is held at 1 at this step", timeout=_LIMIT)
    expect(page.locator(".st-key-sentence")).to_contain_text("held: f[2] = 1")
    expect(page).to_have_url(re.compile(r"clamp=f\.2%3A1"), timeout=_LIMIT)
    beside = hold.get_by_role("link").get_attribute("href")
    assert "b.clamp=none" in beside
    hold.get_by_role("button", name="Let go", exact=True).click()
    expect(page.locator(".st-key-sentence")).not_to_contain_text("held:", timeout=_LIMIT)
    expect(page).not_to_have_url(re.compile("clamp"), timeout=_LIMIT)
    page.go_back()
    expect(page.locator(".st-key-sentence")).to_contain_text("held: f[2] = 1", timeout=_LIMIT)
    page.goto(beside)
    expect(page.locator(".st-key-compare .gtitle").first).to_be_visible(timeout=_LIMIT)
    assert "b.clamp=none" in page.url


def test_a_gate_is_held_at_some_steps_and_in_all_units(open_page, app_url):
    page = open_page(f"{app_url}/?num_units=4&sequence=sine&time_steps=12&t=5&gate=f&unit=2", alone=True)
    hold, sentence = page.locator(".lv-hold"), page.locator(".st-key-sentence")
    hold.get_by_label("Hold f[2] at").fill("1", timeout=_LIMIT)
    hold.get_by_label("from step").fill("3")
    hold.get_by_label("to step").fill("6")
    hold.get_by_role("button", name="Hold", exact=True).click()
    expect(sentence).to_contain_text("held: f[2] = 1 at steps 3–6", timeout=_LIMIT)
    expect(page.locator(".lv-drawer")).to_contain_text("f is held at 1 at this step", timeout=_LIMIT)
    expect(page).to_have_url(re.compile(r"clamp=f\.2\.3-6%3A1"), timeout=_LIMIT)
    hold.get_by_label("all units of f").check()
    hold.get_by_label("Hold f[2] at").fill("0.5")
    hold.get_by_label("from step").fill("5")
    hold.get_by_label("to step").fill("11")
    hold.get_by_role("button", name="Hold", exact=True).click()
    # At its steps it takes the single unit's place, which would be counted before it.
    expect(page).to_have_url(re.compile(r"clamp=f\.2\.3-4%3A1%2Cf\.all\.5-11%3A0\.5"), timeout=_LIMIT)
    expect(page.locator(".lv-drawer")).to_contain_text("f is held at 0.5 at this step", timeout=_LIMIT)
    expect(hold.get_by_label("Hold f[2] at")).to_have_value("0.5", timeout=_LIMIT)
    hold.get_by_label("from step").fill("0")
    hold.get_by_role("button", name="Hold", exact=True).click()
    expect(page).to_have_url(re.compile(r"clamp=f\.all%3A0\.5"), timeout=_LIMIT)
    expect(sentence).not_to_contain_text("f[2]", timeout=_LIMIT)
    expect(page.locator(".lv-drawer")).to_contain_text("f is held at 0.5 at this step", timeout=_LIMIT)
    expect(hold.get_by_label("all units of f")).to_be_checked()
    hold.get_by_label("from step").fill("40")
    hold.get_by_role("button", name="Hold", exact=True).click()  # there is no such step: the browser says so
    expect(page).to_have_url(re.compile(r"clamp=f\.all%3A0\.5"))
    hold.get_by_role("button", name="Let go", exact=True).click()
    expect(page).not_to_have_url(re.compile("clamp"), timeout=_LIMIT)


def _click_weight(page, row, column):
    """Clicks a weight of the kernel's picture: its box is the image beside the names, found by what the pointer says."""
    canvas = page.locator(".lv-of-kernel canvas").first
    box = canvas.bounding_box()
    tip = page.locator(".lv-tip")

    def point(x, y):
        page.mouse.move(box["x"] + x, box["y"] + y)
        return tip.text_content() if tip.is_visible() else ""

    width, height = int(box["width"]), int(box["height"])
    # Up and down the picture's middle to any row of x or h, along it to the column, and along that to the row.
    first = next((y for y in range(40, height, 7) if re.match(r"\w\[\d\] → ", point(width / 2, y))), 0)
    x = next((x for x in range(30, width, 11) if f" → {column}\n" in point(x, first)), None)
    assert x is not None, f"there is no column {column}"
    y = next((y for y in range(40, height, 7) if point(x, y).startswith(f"{row} → {column}\n")), None)
    assert y is not None, f"there is no weight {row} → {column}"
    page.mouse.click(box["x"] + x, box["y"] + y)


def test_a_weight_is_edited_seen_compared_and_undone(open_page, app_url):
    page = open_page(f"{app_url}/?num_units=4&input_size=3&sequence=sine&time_steps=12&seed=1", alone=True)
    expect(page.locator(".st-key-kernel .gtitle")).to_contain_text("kernel [7, 16]", timeout=_LIMIT)
    page.keyboard.press("Escape")
    _click_weight(page, "h[1]", "f[2]")
    edit = page.locator(".lv-edit")
    expect(edit).to_contain_text("kernel[4, 10], now", timeout=_LIMIT)
    edit.locator("input").fill("2.5")
    edit.get_by_role("button", name="Edit", exact=True).click()
    sentence = page.locator(".st-key-sentence")
    expect(sentence).to_contain_text("edited: kernel[4, 10] = 2.5", timeout=_LIMIT)
    expect(edit).to_contain_text("It was", timeout=_LIMIT)
    expect(page).to_have_url(re.compile(r"edit=kernel%3A4%2C10%3A2\.5"), timeout=_LIMIT)
    # Its column's vector too: the bias of the same gate's unit.
    _click_weight(page, "bias", "f[2]")
    expect(edit).to_contain_text("bias[10], now 0", timeout=_LIMIT)
    edit.locator("input").fill("-1")
    edit.locator("input").press("Enter")
    expect(sentence).to_contain_text("bias[10] = -1", timeout=_LIMIT)
    expect(page).to_have_url(re.compile(r"bias%3A10%3A-1"), timeout=_LIMIT)
    expect(edit).to_contain_text("now −1.00", timeout=_LIMIT)
    expect(edit.locator("input")).to_be_focused()  # who goes by keys goes on there
    edit.get_by_role("button", name="Undo", exact=True).click()
    expect(sentence).not_to_contain_text("bias[10]", timeout=_LIMIT)
    expect(page).not_to_have_url(re.compile(r"bias"), timeout=_LIMIT)
    page.keyboard.press("Escape")
    expect(page.locator(".lv-drawer")).to_be_hidden()
    _click_weight(page, "forget_bias", "f[2]")
    expect(page.locator(".lv-drawer")).to_contain_text(
        "forget_bias is an option and no weight", timeout=_LIMIT
    )
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo 1 edited").click()
    expect(sentence).not_to_contain_text("edited", timeout=_LIMIT)
    expect(page).not_to_have_url(re.compile("edit="), timeout=_LIMIT)
    weights = page.locator(".lv-of-kernel .lv-box")
    weights.focus()
    for _press in range(8):  # the first marks a weight of the first row; below the seventh is the bias
        weights.press("ArrowDown")
    expect(page.locator(".lv-line")).to_contain_text("bias →")
    weights.press("Enter")
    expect(edit).to_contain_text("bias[", timeout=_LIMIT)


def test_what_is_held_is_compared_with_one_click_and_one_entry_of_the_history(open_page, app_url):
    address = f"{app_url}/?num_units=4&sequence=sine&time_steps=12&seed=1&t=5&gate=f&unit=2&clamp=f.2%3A1"
    page = open_page(address, alone=True)
    hold = page.locator(".lv-hold")
    link = hold.get_by_role("link", name="Compare with nothing held")
    expect(link).to_be_visible(timeout=_LIMIT)
    for part in ("b.clamp=none", "t=5", "unit=2", "gate=f"):
        assert part in link.get_attribute("href")
    before = page.evaluate("history.length")
    link.click()
    expect(page.locator(".st-key-compare .gtitle").first).to_be_visible(timeout=_LIMIT)
    expect(page).to_have_url(re.compile(r"/compare\?.*b\.clamp=none"), timeout=_LIMIT)
    assert all(part in page.url for part in ("t=5", "unit=2", "gate=f"))
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    expect(page.locator(".lv-drawer")).to_contain_text("f is held at 1 at this step", timeout=_LIMIT)
