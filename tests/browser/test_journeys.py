"""Whole journeys over the real page, each number in it beside the library's own.

Every one of them fails on anything in the browser's console and on any request to another machine: the page's
fixture sees to that.
"""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import lstmviz as lv
from tests.browser.lists import choose

_FIRST = 40_000  # milliseconds: a server's first visitor waits for TensorFlow
# Words of no language.
_PARAMETERS = {"num_units", "input_size", "time_steps", "seed", "lstmviz", "kernel (.npz)", "kernel (.csv)"}
_PARAMETERS |= {layout.title for layout in lv.layouts.LAYOUTS.values()}
_JAPANESE = re.compile(r"[぀-ヿ一-鿿]")


# --- what a visitor sees


def _await(page: Page, kernel: str, gates: str) -> Page:
    """Waits for both figures, by what their titles end in."""
    for key, text in (("kernel", kernel), ("gates", gates)):
        # As a list: where a long run follows a short one, the figure before it stays until the script has ended.
        expect(_title(page, key)).to_have_text([re.compile(re.escape(text) + "$")], timeout=_FIRST)
    return page


def _settle(page: Page) -> Page:
    """Waits for what follows the pictures."""
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_FIRST)
    return page


def _title(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} .gtitle")


def _address(page: Page) -> str:
    # Asked for in the page: what Playwright keeps of it comes late.
    return str(page.evaluate("location.href"))


def _query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(_address(page)).query).items()}


def _await_query(page: Page, **expected: str) -> None:
    _until(lambda: expected.items() <= _query(page).items(), lambda: f"{expected} in {_address(page)}")


def _until(condition: Callable[[], bool], what: Callable[[], str] = lambda: "it") -> None:
    # Playwright's own waiting evaluates text in the page, which the page's security policy forbids.
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, f"never true: {what()}"
        time.sleep(0.05)


def _drawn(page: Page, key: str, kind: str = "heatmap") -> list[np.ndarray]:
    """The numbers of each heatmap, or of each line, of a figure, as Plotly has them."""
    script = """([key, kind]) => document.querySelector(`.st-key-${key} .js-plotly-plot`)._fullData
        .filter(trace => trace.type === kind)
        .map(trace => kind === "heatmap" ? Array.from(trace.z, row => Array.from(row)) : Array.from(trace.y))"""
    return [np.array(numbers, np.float32) for numbers in page.evaluate(script, [key, kind])]


def _alerts(page: Page) -> list[str]:
    return page.get_by_test_id("stAlert").all_inner_texts()


def _labels(page: Page, key: str) -> list[str]:
    return page.locator(f".st-key-{key} .hovertext").all_text_contents()


def _number(text: str) -> float:
    return float(text.replace("−", "-"))


# --- what a visitor does


def _press(page: Page, key: str, times: int = 1) -> None:
    page.locator(".st-key-num_units input[type=range]").focus()
    for _time in range(times):
        page.keyboard.press(key)


def _type(page: Page, key: str, text: str) -> None:
    field = page.locator(f".st-key-{key} input, .st-key-{key} textarea").first
    field.fill(text)
    field.press("Control+Enter")


def _upload(page: Page, name: str, content: bytes) -> None:
    field = page.locator(".st-key-csv input[type=file]")
    field.wait_for(state="attached", timeout=_FIRST)
    field.set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})


def _download(page: Page, key: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.locator(f".st-key-{key} button").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def _hover(page: Page, panel: Locator, across: float, down: float) -> None:
    """Points at a share of a panel's width and height."""
    panel.scroll_into_view_if_needed()
    box = panel.bounding_box()
    assert box
    x, y = box["x"] + box["width"] * across, box["y"] + box["height"] * down
    page.mouse.move(x - 2, y)
    page.mouse.move(x, y)


# --- what the library says


def _trained(num_units: int) -> lv.Cell:
    """The cell of that size on which the page opens; beyond those that were trained, the one that a seed draws."""
    if num_units in lv.examples.cells("sunspots")["BasicLSTMCell"]:
        return lv.examples.load("sunspots", num_units=num_units).cell
    return lv.build("BasicLSTMCell", num_units=num_units, input_size=4)


def _first_view() -> lv.Trace:
    cell = _trained(8)
    return lv.run(cell, lv.sequences.make("sunspots", time_steps=60, input_size=4), device="CPU:0")


def _panels(trace: lv.Trace, values: str = "activations") -> list[np.ndarray]:
    gates = trace.gates if values == "activations" else trace.preactivations
    return [panel.T for panel in (trace.x, *gates.values(), *trace.states.values())]


def _await_same(page: Page, key: str, computed: list[np.ndarray], kind: str = "heatmap") -> None:
    """Waits for a picture: its view is in the address before it has come."""
    limit = time.monotonic() + 60
    while not _is_same(drawn := _drawn(page, key, kind), computed) and time.monotonic() < limit:
        time.sleep(0.05)
    _assert_same(drawn, computed)


def _is_same(drawn: list[np.ndarray], computed: list[np.ndarray]) -> bool:
    return len(drawn) == len(computed) and all(
        one.shape == other.shape and np.allclose(one, other, atol=1e-5)
        for one, other in zip(drawn, computed, strict=True)
    )


def _assert_same(drawn: list[np.ndarray], computed: list[np.ndarray]) -> None:
    assert len(drawn) == len(computed)
    for one, other in zip(drawn, computed, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.fixture
def opened(open_page, document_url) -> Page:
    """The first view, with everything on it."""
    return _settle(_await(open_page(document_url), "kernel [12, 32]", "60 steps × 8 units"))


@pytest.fixture
def looked_at(look_at, document_url) -> Page:
    """The same, for who changes nothing there."""
    page = _settle(_await(look_at(document_url), "kernel [12, 32]", "60 steps × 8 units"))
    expect(page.locator(".hovertext")).to_have_count(0)  # of another test's pointer
    return page


# --- the journeys


def test_the_first_view_needs_no_click(looked_at):
    assert _alerts(looked_at) == []
    assert _query(looked_at) == {}, "an address says only what was picked"
    np.testing.assert_array_equal(_drawn(looked_at, "kernel")[0], _first_view().cell.kernel)
    _assert_same(_drawn(looked_at, "gates"), _panels(_first_view()))


def test_everything_follows_num_units(opened):
    opened.evaluate(
        "document.querySelectorAll('.js-plotly-plot, .js-plotly-plot .main-svg').forEach(e => e.marked = true)"
    )
    marked = (
        "[...document.querySelectorAll('.js-plotly-plot, .js-plotly-plot .main-svg')].filter(e => e.marked)"
    )
    before = opened.evaluate(f"{marked}.length")
    assert before >= 6
    _press(opened, "ArrowRight", times=3)
    _await(opened, "kernel [15, 44]", "60 steps × 11 units")
    layer = opened.locator(".lv-layer")
    expect(layer).to_have_attribute("aria-label", re.compile(r"4 gates of 11 nodes each, then h with 11\."))
    expect(layer.get_by_text("f 11")).to_be_visible()
    expect(opened.get_by_text("[4 + 11, 4 × 11]")).to_be_visible()
    expect(opened.get_by_text("15 × 44 (kernel) + 44 (bias) = 704")).to_be_visible()
    expect(opened.locator(".st-key-num_units_exact input")).to_have_value("11")
    _await_query(opened, num_units="11")
    expect(opened.locator(".st-key-formulas")).to_contain_text("[1, 44]")
    expect(opened.locator("pre", has_text="num_units=11")).to_be_visible()
    assert opened.evaluate(f"{marked}.length") == before, "a figure was drawn anew"
    assert (
        opened.locator(".js-plotly-plot").count()
        == opened.locator(".js-plotly-plot:has(> .plot-container)").count()
    )
    _assert_same(_drawn(opened, "kernel")[:1], [_trained(11).kernel])


def test_num_units_beyond_the_slider_can_be_typed(opened):
    _type(opened, "num_units_exact", "300")
    _await(opened, "kernel [304, 1200]", "60 steps × 300 units")
    expect(opened.locator(".st-key-num_units input[type=range]")).to_have_value("256")
    _await_query(opened, num_units="300")


def test_another_kind_then_a_text(opened):
    choose(opened, "cell", "GRUCell")
    _await(opened, "kernel [12, 24]", "60 steps × 8 units")
    expect(opened.locator(".lv-layer")).to_have_attribute("aria-label", re.compile("3 gates of 8 nodes"))
    choose(opened, "sequence", "text")
    _await(opened, "kernel [16, 24]", "11 steps × 8 units")
    _type(opened, "text", "so long")
    _await(opened, "kernel [14, 24]", "7 steps × 8 units")
    ticks = opened.locator(".st-key-gates .xtick").all_text_contents()
    assert [*filter(None, ticks)] == ["s", "o", "space", "l", "o", "n", "g"]
    _await_query(opened, cell="GRUCell", sequence="text", text="so long")
    _settle(opened)
    trace = lv.run(
        lv.build("GRUCell", num_units=8, input_size=6), lv.sequences.from_text("so long"), device="CPU:0"
    )
    _assert_same(_drawn(opened, "gates"), _panels(trace))


def test_cells_of_today_are_picked_under_more_and_the_file_of_each_is_a_model(opened, tmp_path):
    for kind, rows, columns in (("sLSTM", 12, 32), ("minGRU", 4, 16), ("LayerNormBasicLSTMCell", 12, 32)):
        choose(opened, "cell", f"more · {kind}")
        _await(opened, f"{kind} kernel [{rows}, {columns}]", "60 steps × 8 units")
        _await_query(opened, cell=kind)
        expect(opened.locator(".st-key-controls")).to_contain_text(lv.KINDS[kind].source)
        # The pictures come first; until the script has ended, the buttons below are those of the cell before.
        expect(opened.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning", timeout=_FIRST
        )
        layers = lv.load(_download(opened, "kernel_npz", tmp_path))
        assert list(layers) == [kind]
        loaded = layers[kind]
        trace = lv.run(loaded, lv.sequences.make("sunspots", time_steps=60, input_size=4), device="CPU:0")
        _await_same(opened, "gates", _panels(trace))
        opened.reload()
        _settle(_await(opened, f"{kind} kernel [{rows}, {columns}]", "60 steps × 8 units"))


def test_hovering_a_gate_reads_that_step_in_every_panel(looked_at):
    trace = _first_view()
    step, unit = 42, 2
    _hover(
        looked_at, looked_at.locator(".st-key-gates .nsewdrag").nth(3), (step + 0.5) / 60, (unit + 0.5) / 8
    )
    _until(
        lambda: len(_labels(looked_at, "gates")) == 7,
        lambda: f"seven labels, not {_labels(looked_at, 'gates')}",
    )
    read = {}
    for label in _labels(looked_at, "gates"):
        found = re.fullmatch(r"(\w)\[(\d)\] ([-−\d.e]+)step (\d+): (\d+)", label)
        assert found, label
        name, row, value, at, year = found.groups()
        assert int(at) == step
        assert year == trace.sequence.labels[step]
        read[name] = int(row), _number(value)
    assert list(read) and read["f"][0] == unit
    computed = {"x": trace.x, **trace.gates, **trace.states}
    assert read.keys() == computed.keys()
    for name, (row, value) in read.items():
        assert value == pytest.approx(float(computed[name][step, row]), rel=6e-4), name


@pytest.mark.parametrize(("row", "name"), [(2, "x[2]"), (9, "h[5]")])
def test_hovering_the_kernel_names_the_weight(looked_at, row, name):
    kernel, column = _trained(8).kernel, 19
    _hover(
        looked_at, looked_at.locator(".st-key-kernel .nsewdrag").first, (column + 0.5) / 32, (row + 0.5) / 12
    )
    head = f"{name} → f[3], kernel column {column}"
    _until(lambda: _labels(looked_at, "kernel")[:1] != [], lambda: "a label")
    (label,) = _labels(looked_at, "kernel")
    assert label.startswith(head)
    assert _number(label.removeprefix(head)) == pytest.approx(float(kernel[row, column]), rel=6e-4)


def test_a_link_with_many_parameters_opens_what_the_library_computes(open_page, document_url):
    options = {
        "num_proj": 3,
        "use_peepholes": True,
        "forget_bias": 0.5,
        "cell_clip": 0.75,
        "activation": "relu",
    }
    link = {
        "cell": "LSTMCell", "num_units": 6, "input_size": 2, **options, "use_peepholes": "true", "seed": 11,
        "initial_weights": "orthogonal", "sequence": "sine", "time_steps": 33, "values": "preactivations",
    }  # fmt: skip
    page = open_page(f"{document_url}/?{urlencode(link)}")
    _settle(_await(page, "kernel [5, 24]", "33 steps × 6 units"))
    assert _alerts(page) == []
    cell = lv.build("LSTMCell", num_units=6, input_size=2, seed=11, initial_weights="orthogonal", **options)
    drawn = _drawn(page, "kernel")
    np.testing.assert_array_equal(drawn[0], cell.kernel)
    np.testing.assert_array_equal(drawn[-1], cell.weights["projection/kernel"])
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=33, input_size=2, seed=11), device="CPU:0")
    _assert_same(_drawn(page, "gates"), _panels(trace, "preactivations"))
    assert {name: str(value) for name, value in link.items()}.items() <= _query(page).items()


def test_a_link_copied_after_clicks_opens_the_same_pictures(opened, open_page):
    choose(opened, "cell", "BasicRNNCell")
    _await(opened, "kernel [12, 8]", "60 steps × 8 units")
    choose(opened, "sequence", "random walk")
    _await_query(opened, sequence="random_walk")
    _type(opened, "seed", "5")
    _await_query(opened, seed="5")
    _press(opened, "ArrowLeft", times=2)
    _await(opened, "kernel [10, 6]", "60 steps × 6 units")
    _await_query(opened, num_units="6")
    other = _settle(_await(open_page(_address(opened)), "kernel [10, 6]", "60 steps × 6 units"))
    assert _query(other) == _query(opened)
    for key in ("kernel", "gates"):
        for one, same in zip(_drawn(other, key), _drawn(opened, key), strict=True):
            np.testing.assert_array_equal(one, same)
    cell = lv.build("BasicRNNCell", num_units=6, input_size=4, seed=5)
    np.testing.assert_array_equal(_drawn(other, "kernel")[0], cell.kernel)
    walk = lv.sequences.make("random_walk", time_steps=60, input_size=4, seed=5)
    _assert_same(_drawn(other, "gates"), _panels(lv.run(cell, walk, device="CPU:0")))


def test_a_bad_link_shows_the_nearest_view_and_says_what_was_wrong(open_page, document_url):
    page = open_page(f"{document_url}/?num_units=-5&cell=Foo")
    _settle(_await(page, "kernel [5, 4]", "60 steps × 1 unit"))
    page.get_by_text("2 values of this setting are not as they were asked for").click()
    _until(lambda: len([*filter(None, _alerts(page))]) == 2, lambda: str(_alerts(page)))
    kind, size = _alerts(page)
    assert "Foo" in kind
    assert "BasicLSTMCell" in kind
    assert "-5" in size
    assert "1 to 4096" in size
    assert "Traceback" not in page.content()
    _until(lambda: _query(page) == {"num_units": "1"}, lambda: _address(page))
    _press(page, "ArrowRight")
    _await(page, "kernel [6, 8]", "60 steps × 2 units")
    _until(
        lambda: _alerts(page) == [],
        lambda: f"what was wrong with the link is said of another view: {_alerts(page)}",
    )


def test_a_link_cannot_put_pictures_or_links_on_the_page(open_page, document_url):
    image = "![x](http://example.invalid/x.png)"
    query = urlencode(
        {"cell": f"<b>{image}", "device": image, image: "1", "sequence": "[go](http://example.invalid)"}
    )
    page = open_page(f"{document_url}/?{query}")
    _settle(_await(page, "kernel [12, 32]", "60 steps × 8 units"))
    page.get_by_text("4 values of this setting are not as they were asked for").click()
    _until(lambda: len([*filter(None, _alerts(page))]) == 4, lambda: str(_alerts(page)))
    assert page.locator("[data-testid=stAlert] :is(img, a, b)").count() == 0
    assert "example.invalid" in " ".join(_alerts(page))


def test_a_csv_file_in_then_a_broken_one_and_on(open_page, document_url):
    page = open_page(f"{document_url}/?sequence=csv&num_units=3")
    expect(page.get_by_test_id("stAlert")).to_contain_text("no CSV file yet", timeout=_FIRST)
    rows = [(1900 + t, "even odd".split()[t % 2], t % 5 / 4) for t in range(12)]
    _upload(page, "good.csv", "\n".join(["year;name;a", *("{};{};{}".format(*row) for row in rows)]).encode())
    _settle(_await(page, "kernel [5, 12]", "12 steps × 3 units"))
    assert _alerts(page) == []
    expect(page.get_by_text("Left out, for they hold text: name.")).to_be_visible()
    x = np.array([[year, a] for year, _name, a in rows])
    np.testing.assert_allclose(_drawn(page, "gates")[0], ((x - x.mean(0)) / x.std(0)).T, atol=1e-5)

    _upload(page, "broken.csv", b"a,b\n1,2\n3\n")
    expect(page.get_by_test_id("stAlert")).to_contain_text("3", timeout=_FIRST)
    (said,) = _alerts(page)
    assert "\n" not in said.strip()
    assert "Traceback" not in page.content()
    expect(_title(page, "kernel")).to_be_visible()
    expect(page.locator(".st-key-gates")).to_have_count(0)
    page.wait_for_selector("[data-test-script-state=notRunning]")

    choose(page, "sequence", "sine")
    _settle(_await(page, "kernel [5, 12]", "60 steps × 3 units"))  # as many features as the file had
    _until(lambda: _alerts(page) == [], lambda: f"nothing is said any more: {_alerts(page)}")


def test_the_downloads_open(looked_at, open_page, tmp_path):
    trace = _first_view()
    with np.load(_download(looked_at, "kernel_npz", tmp_path), allow_pickle=False) as saved:
        np.testing.assert_array_equal(saved["kernel"], trace.cell.kernel)
        np.testing.assert_array_equal(saved["bias"], trace.cell.bias)
    with np.load(_download(looked_at, "trace_npz", tmp_path), allow_pickle=False) as saved:
        assert saved["labels"].tolist() == list(trace.sequence.labels)
        for name, values in trace.gates.items():
            np.testing.assert_allclose(saved[f"gate_{name}"], values, atol=1e-5)
    head, *lines = _read_csv(_download(looked_at, "kernel_csv", tmp_path))
    assert head[:2] + head[-1:] == ["row", "i[0]", "o[7]"]
    assert [line[0] for line in lines] == [f"x[{k}]" for k in range(4)] + [f"h[{k}]" for k in range(8)] + [
        "bias"
    ]
    np.testing.assert_allclose(np.array([line[1:] for line in lines[:12]], "f"), trace.cell.kernel, rtol=1e-6)
    head, *lines = _read_csv(_download(looked_at, "trace_csv", tmp_path))
    assert [line[1] for line in lines] == list(trace.sequence.labels)
    h = [line[head.index("state h[0]") : head.index("state h[7]") + 1] for line in lines]
    np.testing.assert_allclose(np.array(h, "f"), trace.states["h"], atol=1e-5)

    exported = _download(looked_at, "page_html", tmp_path)
    alone = open_page("about:blank", alone=True)
    alone.context.set_offline(True)
    requests: list[str] = []
    alone.on("request", lambda request: requests.append(request.url))
    alone.goto(exported.as_uri())
    expect(alone.locator(".js-plotly-plot .main-svg .gtitle", has_text="kernel [12, 32]")).to_be_visible()
    expect(alone.locator(".gtitle", has_text="60 steps × 8 units")).to_be_visible()
    assert alone.locator(".js-plotly-plot").count() == 3
    assert [request for request in requests if not request.startswith(("data:", "blob:"))] == [
        exported.as_uri()
    ]
    back = alone.locator("a[href^='http://127.0.0.1']").get_attribute("href")
    assert back and parse_qs(urlsplit(back).query) == parse_qs(urlsplit(_address(looked_at)).query)
    assert urlsplit(back).netloc == urlsplit(_address(looked_at)).netloc


def _read_csv(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))


@pytest.mark.parametrize("width", [390, 768])
def test_a_narrow_screen_holds_everything(open_page, document_url, width):
    page = _settle(_await(open_page(document_url, width=width), "kernel [12, 32]", "60 steps × 8 units"))
    page.wait_for_timeout(200)  # a plot follows its container after a moment
    for place in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
        assert page.evaluate(f"{place}.scrollWidth - {place}.clientWidth") <= 0, place
    controls = page.locator(".st-key-controls").bounding_box()
    size = page.locator(".st-key-num_units").bounding_box()
    picture = page.locator(".st-key-kernel").bounding_box()
    assert controls["y"] + controls["height"] <= size["y"] + 1 < size["y"] + size["height"] <= picture["y"]
    for key in ("kernel", "gates", "summary"):
        plot = page.locator(f".st-key-{key} .js-plotly-plot")
        box = plot.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        cut = plot.evaluate("""plot => {
            const { left, right } = plot.getBoundingClientRect();
            return [...plot.querySelectorAll(".main-svg text")].filter(text => text.textContent).filter(text => {
                const box = text.getBoundingClientRect();
                return box.left < left - 1 || box.right > right + 1;
            }).map(text => text.textContent);
        }""")
        assert cut == [], f"texts of {key} are cut"
    for key in ("kernel", "gates"):
        _title(page, key).scroll_into_view_if_needed()
        expect(_title(page, key)).to_be_in_viewport(ratio=1)


def test_a_dark_page_has_light_text_in_its_figures(open_page, document_url):
    page = _settle(_await(open_page(document_url, dark=True), "kernel [12, 32]", "60 steps × 8 units"))
    script = """texts => texts.filter(text => text.textContent && !text.querySelector("tspan"))
        .map(text => getComputedStyle(text).fill)"""
    for key in ("kernel", "gates", "summary"):
        colours = page.locator(f".st-key-{key} .main-svg text").evaluate_all(script)
        assert len(colours) > 3
        for colour in set(colours):
            assert min(map(int, re.findall(r"\d+", colour)[:3])) > 120, f"{key}: {colour} on a dark page"
    _press(page, "ArrowRight")
    _await(page, "kernel [13, 36]", "60 steps × 9 units")
    expect(_title(page, "kernel")).to_have_css("fill", "rgb(240, 244, 247)")


def _english(page: Page) -> list[str]:
    """Headings, labels and sentences of the page that are not Japanese."""
    texts = page.locator(
        # Streamlit's uploader speaks English alone.
        "h1, h2, h3, .stMain [data-testid=stWidgetLabel] p, .stMain button:not([data-testid=stFileUploader] *) p"
    ).all_inner_texts()
    left = [text for text in texts if text and text not in _PARAMETERS and not _JAPANESE.search(text)]
    texts = page.locator(".stMain p, .stMain li, .stMain td, .stMain th").all_inner_texts()
    texts += page.locator(".js-plotly-plot text").all_text_contents()
    figures = page.get_by_role("figure").or_(page.get_by_role("img")).all()
    texts += [figure.get_attribute("aria-label") or "" for figure in figures]
    texts = [
        re.sub(r"\([^()]*\b\d{4}\b[^()]*\)", "", text) for text in texts
    ]  # who wrote what is no sentence
    return left + [text for text in texts if re.search(r"[A-Za-z]+( [a-z]+){2,}", text)]


def test_japanese_by_the_browsers_language(open_page, document_url):
    page = _settle(
        _await(open_page(document_url, locale="ja-JP"), "kernel [12, 32]", "60 ステップ × 8 ユニット")
    )
    assert "lang" not in _query(page), "whoever gets the link reads it in their own language"
    assert [
        text for text in _english(page) if text not in {"English", "lstmviz", "Keras 3", "TensorFlow 1"}
    ] == []
    assert page.evaluate("document.documentElement.lang") == "ja"


def test_japanese_by_the_switch_and_back(opened):
    headings = opened.locator("h2").all_inner_texts()
    opened.locator(".st-key-lang").get_by_role("radio", name="日本語").click()
    _await(opened, "kernel [12, 32]", "60 ステップ × 8 ユニット")
    expect(opened.get_by_role("heading", name="num_units とは何か")).to_be_visible()
    _await_query(opened, lang="ja")
    _until(
        lambda: all(map(_JAPANESE.search, opened.locator("h2").all_inner_texts())),
        lambda: "Japanese headings",
    )
    assert opened.locator("h2").count() == len(headings)
    opened.locator(".st-key-lang").get_by_role("radio", name="English").click()
    _until(lambda: "lang" not in _query(opened), lambda: _address(opened))
    _until(
        lambda: opened.locator("h2").all_inner_texts() == headings,
        lambda: f"{headings}, not {opened.locator('h2').all_inner_texts()}",
    )


def test_a_linear_layer_folds_into_the_kernel(opened):
    before = _drawn(opened, "kernel")[0]
    opened.get_by_role("switch", name="linear layer in front").click(force=True)
    told = opened.locator(".stMarkdown p", has_text="largest difference between their outputs")
    expect(told).to_be_visible()
    found = re.search(r"outputs is ([-\d.e]+),", told.inner_text())
    assert found
    assert 0 < float(found[1]) < 1e-5
    _await_query(opened, linear="true")
    cell = lv.fold(lv.build_linear(4, 4), _trained(8))
    _until(lambda: np.array_equal(_drawn(opened, "kernel")[0], cell.kernel), lambda: "the folded kernel")
    folded = _drawn(opened, "kernel")[0]
    np.testing.assert_array_equal(folded[4:], before[4:])
    assert not np.allclose(folded[:4], before[:4])


def test_pre_activations_and_lines(opened):
    trace = _first_view()
    opened.locator(".st-key-values").get_by_role("radio", name="pre-activations").click()
    _await_query(opened, values="preactivations")
    _await_same(opened, "gates", _panels(trace, "preactivations"))
    opened.locator(".st-key-values").get_by_role("radio", name="activations", exact=True).click()
    _until(lambda: "values" not in _query(opened), lambda: "the default is left out of the address")
    for unit in ("1", "5"):
        choose(opened, "units", unit)
        opened.keyboard.press("Escape")
    _await_query(opened, units="1,5")
    lines = [panel[unit] for panel in _panels(trace)[1:] for unit in (1, 5)]
    _await_same(opened, "gates", lines, "scatter")


def test_a_long_run_shows_how_far_it_is_and_ends_when_a_control_moves(open_page, serve):
    page = open_page(
        f"{serve('tests/browser/apps/slow_app.py')}/document/?sequence=sine&time_steps=10000&num_units=40"
    )
    bar = page.get_by_test_id("stProgress")
    expect(bar).to_contain_text(
        re.compile(r"Step [\d,]+ of 10,000\. Change any control to stop\."), timeout=_FIRST
    )
    expect(_title(page, "kernel")).to_have_text(re.compile(r"kernel \[44, 160\]$"))
    _press(page, "ArrowLeft")
    expect(_title(page, "kernel")).to_have_text(re.compile(r"kernel \[43, 156\]$"))
    expect(bar).to_contain_text("of 10,000")
    _type(page, "time_steps", "50")
    _settle(_await(page, "kernel [43, 156]", "50 steps × 39 units"))
    expect(bar).to_have_count(0)
    assert _alerts(page) == []


def test_the_controls_stay_in_view_on_a_wide_screen(looked_at):
    looked_at.locator(".st-key-page_html").scroll_into_view_if_needed()
    expect(looked_at.locator(".st-key-cell")).to_be_in_viewport()


# --- pictures ahead of the page's script


def _drag(page: Page, by: float) -> None:
    """Takes the slider's thumb along by a share of the slider, and holds it there."""
    slider = page.locator(".st-key-num_units [role=group]").bounding_box()
    thumb = page.locator(".st-key-num_units [data-testid=stSliderThumbValue]").locator("..").bounding_box()
    assert slider and thumb
    x, y = thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by * slider["width"] / 2, y)
    page.mouse.move(x + by * slider["width"], y)


def _shown_size(page: Page, key: str = "gates") -> int:
    found = re.search(r"× (\d+) units|, (\d+)\]", _title(page, key).text_content() or "")
    assert found
    return int(found[1] or found[2])


def test_the_pictures_follow_the_slider_while_it_is_held(opened):
    _drag(opened, 0.1)
    held = int(opened.locator(".st-key-num_units input[type=range]").input_value())
    assert held > 20
    _until(lambda: _shown_size(opened) == held, lambda: f"{held} units, where the slider is held")
    assert "num_units" not in _query(opened), "the script knows nothing yet"
    assert _shown_size(opened, "kernel") == 4 * held
    opened.wait_for_timeout(500)
    assert _shown_size(opened) == held, "the rest of the page took the pictures back"
    opened.mouse.up()
    _await_query(opened, num_units=str(held))
    _settle(opened)
    cell = _trained(held)
    np.testing.assert_array_equal(_drawn(opened, "kernel")[0], cell.kernel)
    expect(opened.locator(".st-key-formulas")).to_contain_text(f"[1, {4 * held}]")


def test_many_quick_moves_end_at_the_last_one(opened):
    sizes = opened.evaluate_handle(
        """() => {
            const title = document.querySelector(".st-key-gates .gtitle").parentElement, sizes = [];
            new MutationObserver(() => sizes.push(+title.textContent.match(/× (\\d+) units/)?.[1]))
                .observe(title, { subtree: true, childList: true, characterData: true });
            return sizes;
        }"""
    )
    _press(opened, "ArrowRight", times=12)
    _await(opened, "kernel [24, 80]", "60 steps × 20 units")
    _await_query(opened, num_units="20")
    opened.wait_for_timeout(1000)
    seen = [size for size in sizes.json_value() if size]
    assert seen == sorted(seen), "a picture of an earlier size came after a later one"
    assert _shown_size(opened) == 20


def test_what_has_to_give_way_is_left_to_the_script(open_page, serve):
    bounded = serve("app.py", LSTMVIZ_MAX_RECORDED="250000")
    page = open_page(f"{bounded}/document/?num_units=29&input_size=4&sequence=sine&time_steps=1000")
    _settle(_await(page, "kernel [33, 116]", "1000 steps × 29 units"))
    _type(page, "num_units_exact", "41")
    _settle(_await(page, "kernel [45, 164]", "1000 steps × 41 units"))
    _press(page, "ArrowRight")
    _settle(_await(page, "kernel [46, 168]", "976 steps × 42 units"))
    (said,) = _alerts(page)
    assert "1000" in said
    assert "976" in said


def test_a_picture_of_its_own_address(looked_at):
    status = """async path => {
        const script = performance.getEntriesByType("resource").find(entry => entry.name.endsWith("figure.js")).name;
        const answer = await fetch(new URL(path, script));
        return [answer.status, answer.headers.get("content-type"), await answer.text()];
    }"""
    code, kind, text = looked_at.evaluate(status, "pictures/kernel?num_units=5&input_size=2")
    assert (code, kind) == (200, "application/json")
    assert "kernel [7, 20]" in text
    assert looked_at.evaluate(status, "pictures/gates?num_units=-5")[0] == 204
