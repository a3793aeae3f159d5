"""How fast the page is in a browser, beside a floor in the same run: `python -m benchmarks.page [--json]`.

- a move of `num_units` by one, from the key press until every figure's title shows the new size
- the bytes that the server sends for it
- a cold start, from starting the server until the figures are there, beside `import tensorflow` and the floor's
- a link that was opened before, by another viewer

The page and the floor take turns, so that whatever else the machine does meets both. All times are taken inside the
page, so the driver's own delays count in none.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.servers import FLOOR, PAGE, App, Server, serve
from benchmarks.table import Line, parse_arguments, report

START = 8  # units of the default view
WARM_UP = (1, -1, 1, -1, 1)
# Around the default view: four new sizes, five seen, five new, five seen.
PATH = (1,) * 4 + (-1,) * 10 + (1,) * 5
PAUSE = 300  # milliseconds of quiet before each move
FRAME = [{"selector": ".st-key-cell", "text": "cell"}]
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip


def find_chromium() -> str | None:
    """The machine's own Chromium; without one Playwright takes its own."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def launch() -> Iterator[Browser]:
    """Chromium, without a page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


def open_page(browser: Browser, url: str, *wanted: list[dict[str, str]]) -> tuple[Page, list[float]]:
    """A page of a viewer's own, and when each of `wanted` was painted, in seconds since the epoch."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US").new_page()
    page.add_init_script(path=Path(__file__).with_name("watch.js"))
    page.goto(url, wait_until="commit")
    times = page.evaluate("each => Promise.all(each.map(whenShown))", wanted)
    return page, [time["painted"] / 1000 for time in times]


def settle(page: Page) -> None:
    """Waits until the script has run and the page is quiet."""
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.wait_for_timeout(PAUSE)


class Slider:
    """The `num_units` slider of an open page."""

    def __init__(self, app: App, page: Page) -> None:
        self.app, self.page, self.size = app, page, START
        settle(page)

    def move(self, by: int) -> dict[str, float]:
        """Moves by one; the milliseconds until the titles are `shown`, and until the frame is `painted`."""
        self.size += by
        self.page.bring_to_front()
        self.page.evaluate("wanted => timeMove(wanted)", self.app.wanted(self.size))
        self.page.keyboard.press("ArrowRight" if by > 0 else "ArrowLeft")
        times: dict[str, float] = self.page.evaluate("() => window.move")
        settle(self.page)
        return times


def measure_moves(browser: Browser, servers: list[Server], rounds: int) -> Iterator[Line]:
    times: dict[str, list[dict[str, Any]]] = {server.app.name: [] for server in servers}
    for seed in range(rounds):
        # Another seed is another view: nothing of it was computed in the round before.
        pages = [
            open_page(browser, f"{server.url}/?seed={seed}", server.app.wanted(START))[0]
            for server in servers
        ]
        sliders = [Slider(server.app, page) for server, page in zip(servers, pages, strict=True)]
        seen = {START}
        for number, by in enumerate((*WARM_UP, *PATH)):
            for slider in sliders:
                found = slider.move(by)
                if number >= len(WARM_UP):
                    times[slider.app.name].append(found | {"new": slider.size not in seen})
            seen.add(sliders[0].size)
        for page in pages:
            page.context.close()

    def line(what: str, name: str, percent: int, new: tuple[bool, ...], target: float | None = None) -> Line:
        ours, floor = (
            float(np.percentile([t[what] for t in times[app.name] if t["new"] in new], percent))
            for app in (PAGE, FLOOR)
        )
        return Line(name, "ms", ours, floor, target, "ratio")

    count = len(times[PAGE.name])
    yield line("shown", f"move num_units by one until shown, median of {count}", 50, (True, False), 0.5)
    yield line("shown", "  95th percentile", 95, (True, False))
    yield line("shown", "  sizes that nobody has looked at, median", 50, (True,))
    yield line("shown", "  sizes looked at before, median", 50, (False,))
    yield line("painted", "  until painted, median", 50, (True, False))


def measure_bytes(browser: Browser, servers: list[Server], moves: int = 6) -> Line:
    medians = {}
    for server in servers:
        page, _times = open_page(browser, server.url, server.app.wanted(START))
        slider = Slider(server.app, page)
        received = 0

        def count(event: dict[str, Any]) -> None:
            nonlocal received
            payload = event["response"]["payloadData"]  # base64
            received += len(payload) * 3 // 4 - payload.count("=", -2)

        def count_http(event: dict[str, Any]) -> None:
            nonlocal received
            received += int(event["encodedDataLength"])

        session = page.context.new_cdp_session(page)
        session.on("Network.webSocketFrameReceived", count)
        session.on("Network.loadingFinished", count_http)
        session.send("Network.enable")
        each = []
        for _move in range(moves):
            received = 0
            slider.move(1)
            each.append(received / 1000)
        medians[server.app.name] = statistics.median(each)
        page.context.close()
    return Line("bytes for it, median", "KB", medians[PAGE.name], medians[FLOOR.name], 150)


def measure_cold_start(browser: Browser, rounds: int) -> Iterator[Line]:
    floor, tensorflow, frame, figures = [], [], [], []
    for _round in range(rounds):
        tensorflow.append(time_import("tensorflow"))
        with serve(FLOOR) as server:
            page, (painted,) = open_page(browser, server.url, FLOOR.wanted(START))
            floor.append(painted - server.started)
            page.context.close()
        with serve(PAGE) as server:
            page, (framed, painted) = open_page(browser, server.url, FRAME, PAGE.wanted(START))
            frame.append(framed - server.started)
            figures.append(painted - server.started)
            page.context.close()
    peers = [sum(pair) for pair in zip(tensorflow, floor, strict=True)]
    yield Line(
        "cold start until the figures (floor: import tensorflow + its own)",
        "s", statistics.median(figures), statistics.median(peers), 0.5, "ratio",
    )  # fmt: skip
    yield Line("  until the page's frame", "s", statistics.median(frame), statistics.median(floor))


def time_import(module: str) -> float:
    """Seconds to import a module in a fresh process."""
    program = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure_links(browser: Browser, server: Server, links: int) -> Line:
    """A link opened by its first viewer and by the next: `floor` is the first one's."""
    first, again = [], []
    for seed in range(100, 100 + links):
        for times in (first, again):
            page, (painted,) = open_page(browser, f"{server.url}/?num_units=32&seed={seed}", PAGE.wanted(32))
            times.append(painted - page.evaluate("performance.timeOrigin") / 1000)
            page.context.close()
    return Line(
        "open a link seen before (floor: the link's first viewer)",
        "s", statistics.median(again), statistics.median(first),
    )  # fmt: skip


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "",
        lambda parser: parser.add_argument("--rounds", type=int, default=2, help="of 19 moves each"),
        lambda parser: parser.add_argument("--starts", type=int, default=3, help="cold starts"),
    )
    lines: list[Line] = []
    with launch() as browser, ExitStack() as stack:
        lines += measure_cold_start(browser, arguments.starts) if arguments.starts else ()
        servers = [stack.enter_context(serve(app)) for app in (FLOOR, PAGE)]
        lines += measure_moves(browser, servers, arguments.rounds)
        lines.append(measure_bytes(browser, servers))
        lines.append(measure_links(browser, servers[1], 3))
    report(lines, arguments.json)


if __name__ == "__main__":
    main()
