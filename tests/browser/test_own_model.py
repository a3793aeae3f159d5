"""A model file on the page in a real browser: shown, compared, converted, and gone again."""

import inspect
import io
import json
import re
import time

import numpy as np
import pytest
from playwright.sync_api import expect

import lstmviz as lv
from lstmviz.formats.save import save_bytes

build = inspect.unwrap(lv.build)
_FIRST = 60_000  # milliseconds


def _await(page, kernel, gates):
    for key, text in (("kernel", kernel), ("gates", gates)):
        title = page.locator(f".st-key-{key} .gtitle")
        expect(title).to_have_text([re.compile(re.escape(text) + "$")], timeout=_FIRST)
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_FIRST)
    return page


def _upload(page, key, name, content):
    field = page.locator(f".st-key-{key} input[type=file]")
    field.wait_for(state="attached", timeout=_FIRST)
    field.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})


@pytest.fixture
def opened(open_page, document_url):
    page = _await(
        open_page(document_url + "/?sequence=sine&input_size=4"), "kernel [12, 32]", "60 steps × 8 units"
    )
    page.locator(".st-key-own_model summary").click()
    return page


def test_a_layer_is_shown_zoomed_converted_and_left(opened, tmp_path):
    cell = build("BasicLSTMCell", num_units=300, input_size=40, seed=4, forget_bias=0.0)
    _upload(opened, "model_file", "model.safetensors", save_bytes(cell, ".safetensors", name="encoder"))
    _await(opened, "kernel [340, 1200]", "60 steps × 300 units")
    assert opened.locator(".st-key-num_units").count() == 0
    assert "model=" not in opened.url

    # A kernel as large as this is drawn in tiles; a zoom fetches the numbers of this viewer's own file.
    plot = 'document.querySelector(".st-key-kernel .js-plotly-plot")'
    opened.evaluate(
        f'() => window.Plotly.relayout({plot}, {{"xaxis.range": [-0.5, 15.5], "yaxis.range": [15.5, -0.5]}})'
    )
    drawn = f"""() => {{
        const levels = {plot}.layout.meta.levels, [trace] = {plot}._fullData;
        return [levels.tile, levels.rows[0], levels.columns[0], Array.from(trace.z[0]).slice(0, 8)];
    }}"""
    limit = time.monotonic() + 60
    while (found := opened.evaluate(drawn))[0] != [1, 1]:
        assert time.monotonic() < limit, found
        time.sleep(0.1)
    assert found[1:3] == [0, 0]
    np.testing.assert_allclose(found[3], cell.kernel[0, :8], rtol=1e-6)

    opened.get_by_role("radio", name="PyTorch").or_(
        opened.get_by_role("button", name="PyTorch")
    ).first.click()
    expect(opened.get_by_text("Proved")).to_be_visible(timeout=_FIRST)
    with opened.expect_download() as download:
        opened.locator(".st-key-weights_safetensors button").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    (back,) = lv.load(path).values()
    np.testing.assert_array_equal(back.kernel, cell.kernel)
    np.testing.assert_array_equal(back.bias, cell.bias)

    opened.get_by_role("button", name=re.compile("Remove model|Delete")).first.click()
    expect(opened.locator(".st-key-num_units input[type=range]")).to_be_visible(timeout=_FIRST)


def test_a_bad_file_is_told_and_the_page_goes_on(opened):
    _upload(opened, "model_file", "broken.pt", b"\x80\x02cos\nsystem\n(X\x02\x00\x00\x00lstR.")
    expect(opened.get_by_text("broken.pt is a pickle")).to_be_visible(timeout=_FIRST)
    expect(opened.locator(".st-key-kernel .gtitle")).to_have_text(re.compile(r"\[12, 32\]$"))


def test_what_is_agreed_to_is_read_to_its_end_on_a_telephone(open_page, document_url):
    page = open_page(document_url + "/?sequence=sine&layout=pytorch", width=390)
    page.locator(".st-key-own_model summary").click()
    cell = build("BasicLSTMCell", num_units=5, input_size=4, seed=4, forget_bias=1.0)
    _upload(page, "model_file", "lstm.weights.h5", save_bytes(cell, ".weights.h5"))
    label = page.locator(".st-key-assume label")
    expect(label).to_contain_text("I take it that its", timeout=_FIRST)
    cut = """label => [...label.querySelectorAll("[data-testid=stMarkdownContainer], p")]
        .filter(each => each.scrollWidth > each.clientWidth && getComputedStyle(each).overflow === "hidden")
        .map(each => each.textContent)"""
    assert label.evaluate(cut) == []


def test_the_detective_names_the_order(opened):
    cell = build("BasicLSTMCell", num_units=3, input_size=2, seed=5, forget_bias=0.0)
    arrays = lv.layouts.to_layout(cell, "onnx").arrays
    content = io.BytesIO()
    np.savez(content, a=arrays["W"][0], b=arrays["R"][0], c=arrays["B"][0, :12])
    x = np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
    h = lv.run(cell, x).states["h"]
    _upload(opened, "origin_arrays", "bare.npz", content.getvalue())
    expect(opened.locator(".st-key-origin_chosen")).to_be_visible(timeout=_FIRST)
    for key, values in (("origin_inputs", x), ("origin_outputs", h)):
        rows = "\n".join(",".join(f"{number:.9g}" for number in row) for row in values.tolist())
        _upload(opened, key, f"{key}.csv", rows.encode())
        # A person gives the next file when this one is there.
        expect(opened.locator(f".st-key-{key} [data-testid=stFileChipName]")).to_be_visible(timeout=_FIRST)
        expect(opened.locator(f".st-key-{key} [data-testid=stFileChipIconSpinner]")).to_have_count(0)
    expect(opened.get_by_text("gives the known output")).to_be_visible(timeout=_FIRST)
    opened.locator(".st-key-origin_explore button").first.click()
    _await(opened, "kernel [5, 12]", "3 units")


def test_the_drawing_of_two_layouts_can_be_hovered(open_page, document_url):
    page = open_page(document_url + "/?layout=keras")
    _await(page, "kernel [12, 32]", "60 steps × 8 units")
    plot = page.locator(".st-key-layout_figure .js-plotly-plot")
    expect(plot).to_be_visible(timeout=_FIRST)
    texts = json.loads(
        page.evaluate("""() => JSON.stringify(document.querySelector(
        ".st-key-layout_figure .js-plotly-plot")._fullData.map(trace => trace.text ?? ""))""")
    )
    assert any("j → c" in str(text) for text in texts)


_GONE = "The model file is not here any more; upload it again."


def _show_layer(page):
    cell = build("BasicLSTMCell", num_units=5, input_size=4, seed=4, forget_bias=0.0)
    _upload(page, "model_file", "model.safetensors", save_bytes(cell, ".safetensors", name="encoder"))
    _await(page, "PyTorch LSTM kernel [9, 20]", "PyTorch LSTM: 60 steps × 5 units")
    expect(page).to_have_url(re.compile("layer=encoder"))


def _expect_own_cell_of(page, num_units, input_size):
    expect(page.get_by_text(_GONE)).to_be_visible(timeout=_FIRST)
    for key in ("num_units", "num_units_exact"):
        expect(page.locator(f".st-key-{key} input").first).to_have_value(str(num_units))
    expect(page.locator(".st-key-input_size input").first).to_have_value(str(input_size))
    expect(page).to_have_url(re.compile("layer=encoder"))


def test_after_a_reload_the_page_says_that_the_file_is_gone_until_it_comes_back(opened):
    _show_layer(opened)
    opened.reload()
    _await(opened, "BasicLSTMCell kernel [9, 20]", "60 steps × 5 units")
    _expect_own_cell_of(opened, 5, 4)
    opened.locator(".st-key-own_model summary").click()
    _show_layer(opened)
    expect(opened.get_by_text(_GONE)).to_have_count(0)


def test_without_its_file_the_controls_are_true(opened):
    _show_layer(opened)
    opened.locator(".st-key-model_file button[aria-label*=emove]").first.click()
    _expect_own_cell_of(opened, 5, 4)
    opened.locator(".st-key-leave_model button").click()
    _await(opened, "kernel [12, 32]", "60 steps × 8 units")
    expect(opened.get_by_text(_GONE)).to_have_count(0)
