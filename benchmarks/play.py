"""How fast time plays in a browser, beside a floor in the same run: `python -m benchmarks.play [--json]`.

- updates a second of the step's drawing together with the mark in the gates' picture, at the player's fastest speed
- how far apart they are
- what is sent to the server meanwhile, which has to be nothing

The floor is a page that changes one text in each frame: what Chromium manages on this machine without any of the drawing.
Both take turns, so that whatever else the machine does meets both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks.page import START, launch, open_page, settle
from benchmarks.servers import DOCUMENT, Server, serve
from benchmarks.table import Line, parse_arguments, report

SCRIPT = Path(__file__).with_name("watch.js")
STEP = [{"selector": ".st-key-step .js-plotly-plot", "text": "t = 0"}]
LEAST = 30  # updates a second
WARM_UP = 500  # milliseconds that time plays before it is measured


@dataclass
class Played:
    """What was seen over all rounds: the milliseconds between updates, and what was sent meanwhile."""

    seconds: float = 0.0
    updates: int = 0
    gaps: list[float] = field(default_factory=list)
    sent: int = 0
    asked: int = 0

    def add(self, times: list[float], seconds: float) -> None:
        self.seconds += seconds
        self.updates += len(times)
        self.gaps += np.diff(times).tolist()

    @property
    def rate(self) -> float:
        """Updates a second."""
        return self.updates / self.seconds


def play_floor(browser: Browser, played: Played, seconds: float) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.add_init_script(path=SCRIPT)
    page.goto("about:blank")
    page.wait_for_timeout(WARM_UP)
    played.add(page.evaluate("ms => timeChanges(startFloor(), ms)", seconds * 1000), seconds)
    page.context.close()


LONG = "?sequence=sine&time_steps=1000"  # steps: it plays to the last one and stops


def play_step(browser: Browser, server: Server, played: Played, seconds: float) -> int:
    """Plays the default view's step; returns the speed that was chosen, in steps a second."""
    page, _times = open_page(browser, server.url + LONG, DOCUMENT.wanted(START), STEP)
    settle(page)
    player = page.locator(".st-key-step .lstmviz-player")
    player.evaluate("bar => bar.scrollIntoView()")  # so that the drawing below it is painted
    fastest = max(map(int, player.locator("option").evaluate_all("all => all.map((one) => one.value)")))
    player.locator("select").select_option(str(fastest))
    player.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(WARM_UP)
    with count_traffic(page, played):
        played.add(page.evaluate("ms => timeChanges(readStep, ms)", seconds * 1000), seconds)
    page.context.close()
    return fastest


@contextmanager
def count_traffic(page: Page, played: Played) -> Iterator[None]:
    """Counts the page's WebSocket messages and its requests."""

    def count_message(_event: object) -> None:
        played.sent += 1

    def count_request(_event: object) -> None:
        played.asked += 1

    session = page.context.new_cdp_session(page)
    session.on("Network.webSocketFrameSent", count_message)
    session.on("Network.requestWillBeSent", count_request)
    session.send("Network.enable")
    yield
    session.detach()


def tell(ours: Played, floor: Played, speed: int) -> Iterator[Line]:
    name = f"step and mark drawn while time plays, at {speed} a second"
    yield Line(name, "/s", ours.rate, floor.rate, LEAST, at_least=True)
    for words, percent in (("median", 50), ("95th percentile", 95), ("longest", 100)):
        gaps = (float(np.percentile(played.gaps, percent)) for played in (ours, floor))
        yield Line(f"  from one to the next, {words}", "ms", *gaps)
    yield Line("WebSocket messages sent meanwhile", "", ours.sent, target=0)
    yield Line("requests made meanwhile", "", ours.asked, target=0)


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "",
        lambda parser: parser.add_argument("--rounds", type=int, default=3),
        lambda parser: parser.add_argument("--seconds", type=float, default=6, help="that a round plays"),
    )
    ours, floor, speed = Played(), Played(), 0
    with launch() as browser, serve(DOCUMENT) as server:
        for _round in range(arguments.rounds):
            play_floor(browser, floor, arguments.seconds)
            speed = play_step(browser, server, ours, arguments.seconds)
    report(tell(ours, floor, speed), arguments.json)


if __name__ == "__main__":
    main()
