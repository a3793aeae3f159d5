"""Another viewer's moves while a cell is trained, beside the same on the idle server: `python -m benchmarks.train [--json]`.

A Chromium moves `num_units` on Explore by arrow keys; a client without a browser begins a training and looks on as the stage does.
Idle and training take turns, so that what else the machine does meets both.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser

from benchmarks.page import launch
from benchmarks.servers import PAGE, Server, serve
from benchmarks.table import Line, parse_arguments, report
from lstmviz.web.server import assets_path
from lstmviz.web.training_routes import HEADER

REST = 600  # milliseconds between moves
WARM = 30_000  # milliseconds until TensorFlow has warmed up
LONG = {"sequence": "latch", "cell": "BasicLSTMCell", "num_units": "64", "initial_weights": "glorot_uniform"}
MOVE = """async (size) => {
  const slider = document.querySelector(".st-key-num_units input[type=range]");
  const read = () => document.querySelector(".st-key-gates .gtitle")?.textContent.includes(`× ${size} units`);
  const start = performance.now();
  slider.value = size;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  while (!read() && performance.now() - start < 10000) await new Promise((resolve) => setTimeout(resolve, 1));
  return performance.now() - start;
}"""


def read_stage(content: bytes) -> dict[str, object]:
    """What a stage tells beside its numbers."""
    length = int.from_bytes(content[:4], "little")
    return json.loads(content[4 : 4 + length])


@dataclass
class Look:
    """A viewer of a training: how often weights came, and the loss at first and now."""

    server: Server
    seen: int = 0
    losses: list[float] = field(default_factory=list)
    state: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def ask(self, what: str, query: dict[str, str], method: str) -> bytes:
        address = f"http://127.0.0.1:{self.server.port}/{assets_path()}/training/{what}?{urlencode(query)}"
        request = urllib.request.Request(address, method=method, headers={HEADER: "1"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def follow(self) -> None:
        ticket = json.loads(self.ask("begin", LONG, "POST"))["ticket"]
        version = -1
        while not self.ended.is_set():
            content = self.ask("look", {"ticket": ticket, "after": str(version)}, "GET")
            if not content:
                continue
            told: dict[str, object] = read_stage(content)["training"]  # type: ignore[assignment]
            version, self.state = int(str(told["version"])), str(told["state"])
            self.seen += "of" in told
            self.losses = list(told["curve"])  # type: ignore[call-overload]
            if told["isOver"]:
                break
        self.ask("do", {"ticket": ticket, "do": "leave"}, "POST")


@contextmanager
def training(server: Server) -> Iterator[Look]:
    """A training that is under way, and its viewer."""
    look = Look(server)
    thread = threading.Thread(target=look.follow)
    thread.start()
    limit = time.monotonic() + 120
    while look.state != "running" and time.monotonic() < limit:
        time.sleep(0.1)
    yield look
    look.ended.set()
    thread.join()


def move(browser: Browser, server: Server, seed: int, moves: int) -> list[float]:
    """Milliseconds of each move to a size that nobody has looked at."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-US")
    page.goto(f"{server.url}/?seed={seed}&initial_weights=glorot_uniform")
    page.wait_for_selector(".st-key-gates .gtitle")
    page.wait_for_timeout(WARM if seed == 1 else 4000)
    times = []
    for index in range(moves):
        times.append(page.evaluate(MOVE, 9 + index))
        page.wait_for_timeout(REST)
    page.close()
    return times


def measure(browser: Browser, server: Server, rounds: int, moves: int) -> Iterator[Line]:
    idle: list[float] = []
    busy: list[float] = []
    rates, taken = [], []
    move(browser, server, 1, moves)  # nothing of the first round's start counts
    for turn in range(rounds):
        idle += move(browser, server, 100 + turn, moves)
        with training(server) as look:
            started, seen, spent = time.monotonic(), look.seen, child_seconds(server)
            busy += move(browser, server, 200 + turn, moves)
            passed = time.monotonic() - started
            rates.append((look.seen - seen) / passed)
            taken.append((child_seconds(server) - spent) / passed)
            assert look.state == "running", f"the training is {look.state}: it did not last for the round"
    count = len(idle)
    for name, of in (
        ("median", statistics.median),
        ("95th percentile", lambda t: sorted(t)[int(0.95 * len(t))]),
    ):
        yield Line(f"another viewer's move, {name} of {count}", "ms", of(busy), of(idle), 1.5, "ratio")
    yield Line(
        "sets of weights a second that the training's viewer sees", "", min(rates), None, 2, at_least=True
    )
    yield Line("processor cores that the training's process takes", "", max(taken), None, 1.1)


def child_seconds(server: Server) -> float:
    """The processor time of the processes that the server has started."""
    children = " ".join(
        path.read_text() for path in Path(f"/proc/{server.pid}/task").glob("*/children")
    ).split()
    stats = [Path(f"/proc/{child}/stat").read_text().rsplit(") ", 1)[1].split() for child in children]
    return sum(int(each[11]) + int(each[12]) for each in stats) / 100  # USER_HZ


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "",
        lambda parser: parser.add_argument("--moves", type=int, default=25),
        lambda parser: parser.add_argument("--rounds", type=int, default=2),
    )
    with launch() as browser, serve(PAGE) as page:
        lines = list(measure(browser, page, arguments.rounds, arguments.moves))
    report(lines, arguments.json)


if __name__ == "__main__":
    main()
