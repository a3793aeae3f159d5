"""The stage in a browser, beside a floor in the same run: `python -m benchmarks.stage [--json]`.

- the server's processor for one move of `num_units` and all that the browser then asks for
- an arrow key held, and a mouse dragged over the slider: sizes a second that sentence and both pictures show together, and how
  long after the release the last is there
- frames of these in which the three tell different sizes
- a click in a picture until its number is taken apart
- frames while a text of 10,000 characters is scrolled
- requests and bytes of the first load

The floor is one slider and one heatmap of Streamlit's own, moved in the same way.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, Locator, Page

from benchmarks.page import START, launch, open_page, settle
from benchmarks.servers import FLOOR, PAGE, Server, serve
from benchmarks.table import Line, parse_arguments, report

WARM = 30_000  # milliseconds until TensorFlow has warmed up
APART = 5000  # milliseconds between moves
HELD = 3.0  # seconds
PRESS = 33  # milliseconds between two presses of a held key
AFTER = 4000  # milliseconds in which the last one has to come
WATCH = """() => {
  const number = (key, pattern) => Number((document.querySelector(`.st-key-${key}`)?.textContent.match(pattern) ?? [])[1]);
  const stage = () => [...floor(), number("gates", /× (\\d+) units/), number("sentence", /num_units (\\d+)/)];
  const floor = () => [number("kernel", /, (\\d+)\\]/) / 4];
  const read = document.querySelector(".st-key-sentence") ? stage : floor;
  window.frames_ = [];
  const look = () => { window.frames_.push([performance.now(), ...read()]); requestAnimationFrame(look); };
  requestAnimationFrame(look);
}"""


def _open(browser: Browser, server: Server) -> tuple[Page, Locator]:
    page, _times = open_page(browser, server.url, server.app.wanted(START))
    page.wait_for_timeout(WARM if server.app is PAGE else 3000)
    settle(page)
    return page, page.locator(".st-key-num_units input[type=range]").first


def measure_cost(browser: Browser, servers: list[Server], moves: int) -> Line:
    medians = {}
    for server in servers:
        page, slider = _open(browser, server)
        before = server.cpu_seconds()
        page.wait_for_timeout(2 * APART)
        idle = (server.cpu_seconds() - before) / 2
        spent = []
        for _move in range(moves):
            slider.focus()
            before = server.cpu_seconds()
            slider.press("ArrowRight")
            page.wait_for_timeout(APART)
            spent.append((server.cpu_seconds() - before - idle) * 1000)
        medians[server.app.name] = statistics.median(spent)
        page.context.close()
    name = f"processor for one move and all that follows, median of {moves}"
    return Line(name, "ms", medians[PAGE.name], medians[FLOOR.name], 40)


def measure_held(browser: Browser, servers: list[Server], how: str) -> Iterator[Line]:
    """A held key, or a drag."""
    rates, lags, mixed = {}, {}, {}
    for server in servers:
        page, slider = _open(browser, server)
        page.evaluate(WATCH)
        begin = page.evaluate("performance.now()")
        _hold(page, slider) if how == "key" else _drag(page, slider)
        released = page.evaluate("performance.now()")
        page.wait_for_timeout(AFTER)
        wanted = float(slider.get_attribute("aria-valuenow") or slider.input_value())
        frames = page.evaluate("window.frames_")
        rates[server.app.name], lags[server.app.name], mixed[server.app.name] = _read(
            frames, begin, released, wanted
        )
        page.context.close()
    name = "arrow key held" if how == "key" else "mouse dragged"
    yield Line(f"{name}: sizes shown a second", "", rates[PAGE.name], rates[FLOOR.name], 10, at_least=True)
    yield Line("  the last one right after the release", "ms", lags[PAGE.name], lags[FLOOR.name], 200)
    yield Line("  frames of different settings", "%", 100 * mixed[PAGE.name], None, 0.5)


def _read(
    frames: list[list[float]], begin: float, released: float, wanted: float
) -> tuple[float, float, float]:
    """Sizes a second while held, milliseconds from the release to the last one, the share of mixed frames."""
    shown = [(time, sizes[0]) for time, *sizes in frames if len(set(sizes)) == 1]
    changes = [now for before, now in itertools.pairwise(shown) if before[1] != now[1]]
    rate = sum(begin < time < released for time, _size in changes) / HELD
    last = [time for time, size in changes if size == wanted]
    lag = max(0.0, last[-1] - released) if last and shown[-1][1] == wanted else float("inf")
    return rate, lag, sum(len(set(sizes)) > 1 for _time, *sizes in frames) / len(frames)


def _hold(page: Page, slider: Locator) -> None:
    slider.focus()
    start = page.evaluate("performance.now()")
    presses = 0
    while (now := page.evaluate("performance.now()")) - start < 1000 * HELD:
        slider.press("ArrowRight")
        presses += 1
        page.wait_for_timeout(max(1, presses * PRESS - (now - start)))


def _drag(page: Page, slider: Locator) -> None:
    box = slider.bounding_box()
    assert box
    y, steps = box["y"] + box["height"] / 2, int(1000 * HELD / PRESS)
    page.mouse.move(box["x"] + box["width"] * 0.05, y)
    page.mouse.down()
    for step in range(steps):
        page.mouse.move(box["x"] + box["width"] * (0.05 + 0.85 * step / steps), y)
        page.wait_for_timeout(PRESS)
    page.mouse.up()


def measure_clicks(browser: Browser, server: Server, clicks: int) -> Line:
    """From the click until another number's title is in the drawer."""
    page, _slider = _open(browser, server)
    times = []
    for click in range(clicks):
        times.append(page.evaluate(CLICK, [0.15 + 0.05 * click, 0.3]))
        page.wait_for_timeout(1000)
    page.context.close()
    return Line("a click until its number is taken apart, median", "ms", statistics.median(times), None, 100)


CLICK = """async ([across, down]) => {
  const canvas = document.querySelector(".st-key-gates canvas");
  const box = canvas.getBoundingClientRect();
  const read = () => document.querySelector(".st-key-number h3")?.textContent;
  const [before, start] = [read(), performance.now()];
  const place = { clientX: box.left + across * box.width, clientY: box.top + down * box.height, bubbles: true };
  canvas.dispatchEvent(new MouseEvent("click", place));
  while (read() === before && performance.now() - start < 10000) await new Promise((resolve) => requestAnimationFrame(resolve));
  return performance.now() - start;
}"""


def measure_scroll(browser: Browser, server: Server) -> Line:
    """From one frame to the next, while a text of one's own is scrolled by a mouse's wheel's worth in each."""
    page, _slider = _open(browser, server)
    page.goto(f"{server.url}/?sequence=text_file&num_units=8&show=text")
    page.get_by_role("button", name="More").click()
    text = {"name": "long.txt", "mimeType": "text/plain", "buffer": b"def f(x):\n" * 1000}
    page.locator(".st-key-text_file input[type=file]").set_input_files([text])
    page.locator(".lv-letters span").nth(9999).wait_for(state="attached", timeout=60_000)
    page.keyboard.press("Escape")
    page.wait_for_timeout(2000)
    frames: list[float] = page.evaluate(SCROLL)
    page.context.close()
    return Line(
        "a frame while 10,000 characters are scrolled, 95th percentile",
        "ms",
        frames[int(0.95 * len(frames))],
        1000 / 60,
        50,
    )


SCROLL = """async () => {
  const box = document.querySelector(".lv-text"), times = [];
  let last = performance.now();
  for (let k = 0; k < 80; k++) {
    box.scrollTop += 120;
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - last);
    last = performance.now();
  }
  return times.slice(2).sort((a, b) => a - b);
}"""


def measure_load(browser: Browser, servers: list[Server]) -> Iterator[Line]:
    found = {}
    for server in servers:
        page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US").new_page()
        session = page.context.new_cdp_session(page)
        counted = [0, 0]

        def count(event: dict[str, Any], counted: list[int] = counted) -> None:
            counted[0] += 1
            counted[1] += int(event["encodedDataLength"])

        session.on("Network.loadingFinished", count)
        session.send("Network.enable")
        page.goto(server.url)
        page.wait_for_timeout(8000)
        found[server.app.name] = counted
        page.context.close()
    (requests, size), (floor, plain) = found[PAGE.name], found[FLOOR.name]
    yield Line("first load: requests", "", requests, floor, 100)
    yield Line("  bytes", "MB", size / 1e6, plain / 1e6, 4.5)


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "", lambda parser: parser.add_argument("--moves", type=int, default=10)
    )
    lines: list[Line] = []
    with launch() as browser, serve(FLOOR) as floor, serve(PAGE) as page:
        servers = [floor, page]
        lines += measure_load(browser, servers)
        lines.append(measure_cost(browser, servers, arguments.moves))
        lines += measure_held(browser, servers, "key")
        lines += measure_held(browser, servers, "mouse")
        lines.append(measure_clicks(browser, page, arguments.moves))
        lines.append(measure_scroll(browser, page))
    report(lines, arguments.json)


if __name__ == "__main__":
    main()
