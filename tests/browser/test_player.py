"""Time is played in the browser: cursor and step drawing together, without the server."""

from __future__ import annotations

import html
import itertools
import re
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

import lstmviz as lv
from lstmviz.plot.step import draw_step

_WAIT = 40_000
_BAR = ".st-key-step .lstmviz-player"
_DRAWING = ".st-key-step .js-plotly-plot"


def _open(open_page: Callable[..., Page], address: str, **options: object) -> Page:
    page = open_page(address, **options)
    expect(page.locator(_DRAWING)).to_contain_text("t = 0", timeout=_WAIT)
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_WAIT)
    page.wait_for_timeout(500)
    return page


@pytest.fixture
def opened(open_page, document_url) -> Page:
    return _open(open_page, document_url)


@pytest.fixture
def at_start(look_at, document_url) -> Page:
    """The same for who moves nothing but time: it is put back to the first step, where the page has come to rest."""
    page = look_at(document_url)
    expect(page.locator(".st-key-page_html button")).to_be_visible(timeout=_WAIT)
    page.get_by_role("button", name="First step").click()
    expect(page.locator(_DRAWING)).to_contain_text(re.compile(r"t = 0\b"), timeout=_WAIT)
    _until(lambda: _query(page).get("t", "0") == "0", "the address has the first step")
    page.wait_for_timeout(500)
    page.evaluate("document.activeElement?.blur()")
    return page


def _query(page: Page) -> dict[str, str]:
    return {n: v[0] for n, v in parse_qs(urlsplit(page.evaluate("location.href")).query).items()}


def _until(condition: Callable[[], bool], what: object = "it") -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, f"never true: {what}"
        time.sleep(0.05)


def _step(page: Page) -> int:
    found = re.search(r"t = (\d+)", page.locator(_DRAWING).text_content() or "")
    assert found
    return int(found[1])


def test_play_moves_cursor_and_drawing_together_and_sends_nothing(opened):
    session = opened.context.new_cdp_session(opened)
    sent: list[object] = []
    session.on("Network.webSocketFrameSent", lambda event: sent.append(event["requestId"]))
    opened.on("request", lambda request: sent.append(request.url))
    session.send("Network.enable")
    seen = opened.evaluate_handle(
        """() => {
            const seen = [];
            const cursor = () => document.querySelector(".st-key-gates .lstmviz-figure > [aria-hidden] > div");
            const look = () => {
                const t = +/t = (\\d+)/.exec(document.querySelector(".st-key-step .js-plotly-plot").textContent)[1];
                const place = cursor() && cursor().getBoundingClientRect().x;
                if (place !== null && t !== seen.at(-1)?.[0]) seen.push([t, place]);
                requestAnimationFrame(look);
            };
            look();
            return seen;
        }"""
    )
    opened.locator(".lstmviz-player select").first.select_option("20")
    opened.get_by_role("button", name="Play", exact=True).click()
    expect(opened.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    _until(lambda: len(seen.json_value()) > 25, "time goes on")
    assert sent == []
    opened.get_by_role("button", name="Pause", exact=True).click()
    places = dict(seen.json_value()[1:])
    steps = sorted(places)
    assert all(places[a] < places[b] for a, b in itertools.pairwise(steps))
    t = _step(opened)
    _until(lambda: _query(opened).get("t") == str(t), "the address has the step where it stopped")
    opened.wait_for_timeout(600)
    session.detach()
    assert _step(opened) == t


def test_the_drawing_has_the_runs_numbers_at_each_step(at_start):
    trace = lv.run(
        lv.examples.load("sunspots", num_units=8).cell,
        lv.sequences.make("sunspots", time_steps=60, input_size=4),
        device="CPU:0",
    )
    at_start.locator(f"{_BAR} input").focus()
    for t in range(1, 4):
        at_start.keyboard.press("ArrowRight")
        expect(at_start.locator(_DRAWING)).to_contain_text(f"t = {t}")
        text = at_start.locator(_DRAWING).text_content()
        for name in ("i", "f", "o"):
            assert f"{trace.gates[name][t, 0]:.2f}" in text, (t, name)


# What the step's drawing shows: its words by trace, the colours of its squares, and its bars.
_READ = """
    const plot = document.querySelector(".st-key-step .js-plotly-plot");
    const colour = (element) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
        canvas.fillStyle = getComputedStyle(element).fill;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const read = () => ({
        texts: plot.data.filter(({ uid }) => uid?.startsWith("texts-")).map(({ uid }) =>
            [...plot.querySelectorAll(`.trace${CSS.escape(uid)} text`)].map((text) => text.textContent)),
        fills: [...plot.querySelectorAll("path.point")].map(colour).flat(),
        bars: [...plot.querySelectorAll(".trace.bars path")].map((bar) => bar.getAttribute("d").match(/-?[\\d.]+/g).map(Number)),
        colours: [...plot.querySelectorAll(".trace.bars path")].map(colour).flat(),
    });
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
"""


@pytest.mark.parametrize(
    "address", ["?", "?cell=LSTMCell&use_peepholes=true&cell_clip=0.5&unit=2", "?cell=GRUCell"]
)
def test_what_is_painted_while_time_goes_on_is_what_plotly_draws(open_page, document_url, address):
    page = _open(open_page, f"{document_url}/{address}")
    for _step in range(3):
        painted, settled = page.evaluate(
            f"""async () => {{
                {_READ}
                document.querySelector("[aria-label='One step on']").click();
                const painted = read();
                await wait(1500);
                return [painted, read()];
            }}"""
        )
        assert painted["texts"] == settled["texts"]
        assert len(painted["bars"]) > 8
        for one, other in zip(painted["bars"], settled["bars"], strict=True):
            if len(one) == len(other):  # left, top, bottom, right, top; Plotly takes whole pixels
                assert one == pytest.approx(other, abs=1)
            else:  # Plotly draws no bar without a length
                assert abs(one[0] - one[3]) < 1
        assert painted["fills"] == pytest.approx(settled["fills"], abs=2)
        assert painted["colours"] == settled["colours"]


def test_the_drawing_has_every_word_of_the_notebooks_figure(at_start):
    trace = lv.run(
        lv.examples.load("sunspots", num_units=8).cell,
        lv.sequences.make("sunspots", time_steps=60, input_size=4),
        device="CPU:0",
    )
    for t in (1, 2):
        at_start.get_by_role("button", name="One step on").click()
        shown = at_start.evaluate(f"() => {{ {_READ} return read().texts; }}")
        figure = draw_step(trace, t, 0, None)
        texts = [each["text"] for each in figure["data"] if each.get("uid", "").startswith("texts-")]
        assert shown == [[html.unescape(text) for text in each] for each in texts]


def test_space_plays_and_the_arrows_step(at_start):
    at_start.locator(_BAR).scroll_into_view_if_needed()
    at_start.evaluate("document.activeElement.blur()")
    at_start.keyboard.press("ArrowRight")
    at_start.keyboard.press("ArrowRight")
    at_start.keyboard.press("ArrowLeft")
    expect(at_start.locator(_DRAWING)).to_contain_text("t = 1")
    at_start.keyboard.press("Space")
    expect(at_start.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    at_start.keyboard.press("Space")
    expect(at_start.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_an_end_leads_to_the_other(at_start):
    at_start.get_by_role("button", name="One step back").click()
    expect(at_start.locator(_DRAWING)).to_contain_text("t = 59")
    at_start.get_by_role("button", name="One step on").click()
    expect(at_start.locator(_DRAWING)).to_contain_text(re.compile(r"t = 0\b"))
    at_start.get_by_role("button", name="Last step").click()
    _until(lambda: _query(at_start).get("t") == "59")


def test_play_begins_slowly_stops_at_the_last_step_and_begins_anew_from_there(opened):
    speed = opened.locator(".lstmviz-player select").first
    expect(speed).to_have_value("2")
    speed.select_option("40")
    play = opened.get_by_role("button", name="Play", exact=True)
    play.click()
    expect(play).to_be_visible(timeout=_WAIT)
    assert _step(opened) == 59
    _until(lambda: _query(opened).get("t") == "59")
    speed.select_option("5")
    play.click()
    _until(lambda: 0 < _step(opened) < 20, "it begins anew")


def test_where_motion_is_unwanted_play_goes_one_step(open_page, document_url):
    page = open_page("about:blank")
    page.emulate_media(reduced_motion="reduce")
    page.goto(document_url)
    expect(page.locator(_DRAWING)).to_contain_text("t = 0", timeout=_WAIT)
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(500)
    assert _step(page) == 1


def test_another_unit_is_taken_apart_after_a_click(opened):
    panel = opened.locator(".st-key-gates .nsewdrag").nth(3)
    panel.evaluate("panel => panel.scrollIntoView({ block: 'center' })")
    box = panel.bounding_box()
    opened.mouse.click(box["x"] + box["width"] * 20.5 / 60, box["y"] + box["height"] * 5.5 / 8)
    expect(opened.locator(_DRAWING)).to_contain_text("t = 20")
    expect(opened.locator(f"{_DRAWING} .gtitle")).to_contain_text("unit 5")
