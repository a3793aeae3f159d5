"""The rows of the stage's strips in the order of what is known of the units."""

from __future__ import annotations

import re

from playwright.sync_api import expect

import lstmviz as lv

_LIMIT = 60_000  # milliseconds


def test_the_strips_are_ordered_a_row_keeps_its_units_number_and_the_link_says_it(open_page, app_url):
    page = open_page(f"{app_url}/?num_units=6&sequence=sine&time_steps=20&input_size=3&seed=2", alone=True)
    choice = page.locator(".lv-order select")
    expect(choice).to_have_value("stored", timeout=_LIMIT)
    choice.select_option("f.high")
    expect(page).to_have_url(re.compile(r"order=f\.high"), timeout=_LIMIT)
    cell = lv.build("BasicLSTMCell", num_units=6, input_size=3, seed=2)
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=20, input_size=3, seed=2), engine="numpy")
    order = lv.order_units(trace, "f.high").tolist()
    canvas = page.locator(".lv-of-gates canvas").first
    box = canvas.bounding_box()
    tip, seen = page.locator(".lv-tip"), []
    for y in range(2, int(box["height"]), 2):
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + y)
        text = tip.text_content() if tip.is_visible() else ""
        if (found := re.match(r"f\[(\d+)\]", text)) and int(found[1]) not in seen:
            seen.append(int(found[1]))
            value = trace.gates["f"][:, seen[-1]]
            shown = float(text.split("\n")[1].replace("−", "-"))
            assert abs(value - shown).min() < 0.006, text
    assert seen == order
    page.reload()
    expect(page.locator(".lv-order select")).to_have_value("f.high", timeout=_LIMIT)


def test_a_figures_rows_are_read_out_and_pinned_by_their_units_own_numbers(open_page, app_url):
    query = "num_units=6&sequence=sine&time_steps=20&input_size=3&seed=2&order=f.high"
    cell = lv.build("BasicLSTMCell", num_units=6, input_size=3, seed=2)
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=20, input_size=3, seed=2), engine="numpy")
    order = lv.order_units(trace, "f.high").tolist()
    page = open_page(f"{app_url}/take_along?{query}&gate=f&unit={order[0]}&t=5", alone=True)
    plot = page.locator(".st-key-gates .lstmviz-figure")
    expect(page.locator(".st-key-gates .gtitle")).to_be_visible(timeout=_LIMIT)
    plot.focus()
    reading = plot.locator(".lstmviz-reading")
    for unit in order[1:4]:  # from the pinned one down
        plot.press("ArrowDown")
        value = float(trace.gates["f"][5, unit])
        expect(reading).to_contain_text(f"f[{unit}], step 5: ", timeout=_LIMIT)
        assert abs(float(reading.inner_text().split(": ")[1]) - value) < 1e-3
    plot.press("Enter")
    expect(page).to_have_url(re.compile(rf"unit={order[3]}\b"), timeout=_LIMIT)
