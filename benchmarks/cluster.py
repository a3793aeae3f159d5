"""Three servers behind nginx, one of which dies, and then all are started anew: `python -m benchmarks.cluster [--json]`.

- viewers without browsers and some real Chromium pages move `num_units` every five seconds or so, each with a setting of its own
- one server is killed (-9): how long until each of its viewers is back on another one, with the view that it had
- all are started anew, one after the other, while everybody goes on: what anybody is told

`tools/cluster.py` starts them, as `make cluster` does. A viewer without a browser comes back as Streamlit's page does
(`viewer.py`). It is back once its connection is there, the script has drawn its own setting, and the numbers of it are there. A
Chromium page is back once its connection is there and the script has come to rest. All are on the machine that the servers are on.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
from playwright.async_api import Page, async_playwright
from websockets.exceptions import ConnectionClosed

import lstmviz as lv
from benchmarks.page import ARGUMENTS, find_chromium, launch
from benchmarks.recorded import Visit, record
from benchmarks.servers import WARM_LIMIT, Cluster, Server, serve_cluster
from benchmarks.table import Line, parse_arguments, report
from benchmarks.viewer import Viewer
from lstmviz.formats.save import save_bytes

START = 8  # units of the default view
LARGEST = 256  # units at the slider's end
PAUSE = 5.0  # seconds between two moves of a viewer, on average
SETTLED = 20.0  # seconds of moves before one is killed
AFTER = 30.0  # seconds of moves after it
WATCHED = 8.0  # seconds after it in which the viewers' own process is watched
LIMIT = 60.0  # seconds after which a viewer gives up
TOLD = "The model file is not here any more"
# What a Chromium page notes by itself: when its connections opened, when the script had come to rest on the last one, what it said.
WATCH = """(() => {
  const seen = (window.seen = {opened: [], closed: [], heard: 0, rested: [], said: []});
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...how) {
      super(...how);
      if (!String(how[0]).includes("_stcore/stream")) return;
      this.addEventListener("open", () => { seen.opened.push(Date.now()); seen.heard = 0; });
      this.addEventListener("close", () => seen.closed.push(Date.now()));
      this.addEventListener("message", () => seen.heard++);
    }
  };
  setInterval(() => {
    const app = document.querySelector("[data-test-script-state]");
    const state = app && app.getAttribute("data-test-script-state");
    if (seen.heard && state === "notRunning" && seen.rested.length < seen.opened.length) seen.rested.push(Date.now());
    for (const each of document.querySelectorAll(".lv-notice, [data-testid=stAlert], [data-testid=stException], [role=dialog]")) {
      const text = each.checkVisibility() ? each.textContent.trim() : "";
      if (text && seen.said.at(-1) !== text) seen.said.push(text);
    }
  }, 50);
})()"""


@dataclass
class Person:
    """Who looks at the page: what became of them in one part of the measurement.

    Attributes:
        replica: The server that they were on at its beginning.
        connected: Seconds since the epoch at which their connection was there again, each time.
        back: The same for their view.
        said: What their page told them.
        errors: What should not have been.
    """

    replica: str = ""
    connected: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    moves: int = 0


@dataclass
class Simulated:
    """A viewer without a browser, and its setting, which no other has."""

    viewer: Viewer
    seed: int
    person: Person = field(default_factory=Person)

    async def live(self, ended: asyncio.Event, chance: random.Random) -> None:
        """Moves every few seconds, and comes back where the connection closes."""
        lost = asyncio.create_task(self.viewer.wait_lost())
        over = asyncio.create_task(ended.wait())
        at = time.monotonic() + chance.uniform(0, PAUSE)
        try:
            while not ended.is_set():
                await asyncio.wait(
                    {lost, over},
                    timeout=max(0.0, at - time.monotonic()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if lost.done():
                    await self._come_back()
                    lost = asyncio.create_task(self.viewer.wait_lost())
                elif not ended.is_set():
                    at = time.monotonic() + PAUSE * chance.uniform(0.8, 1.2)
                    await self._move(chance.randint(1, LARGEST))
        except Exception as error:
            self.person.errors.append(f"{type(error).__name__}: {error}")
        finally:
            lost.cancel()
            over.cancel()

    async def _move(self, size: int) -> None:
        try:
            async with asyncio.timeout(LIMIT):
                await self.viewer.move(size)
        except ConnectionClosed:  # it comes back at once, with the size that the stage shows
            return
        self.person.moves += 1

    async def _come_back(self) -> None:
        async with asyncio.timeout(LIMIT):
            while True:
                try:
                    await self.viewer.find_server()
                    self.person.connected.append(time.time())
                    await self.viewer.show_again()
                    break
                except ConnectionClosed:
                    continue
        of, units = self.viewer.of, self.viewer.units
        if (of.get("seed"), of.get("num_units", str(START))) != (str(self.seed), str(units)):
            self.person.errors.append(f"had seed {self.seed} and {units} units, is told {of}")
        self.person.back.append(time.time())

    def begin(self) -> None:
        """A part of the measurement begins."""
        self.viewer.said.clear()
        self.viewer.refused.clear()
        self.person = Person(self.viewer.replica, said=self.viewer.said, refused=self.viewer.refused)


@dataclass
class Chromium:
    """A page in a real Chromium, and its setting."""

    page: Page
    seed: int
    units: int = START
    person: Person = field(default_factory=Person)

    async def live(self, ended: asyncio.Event, chance: random.Random) -> None:
        """Moves every few seconds; whatever happens else is the browser's."""
        slider = self.page.locator(".st-key-num_units input[type=range]").first
        while not ended.is_set():
            try:
                await asyncio.wait_for(ended.wait(), PAUSE * chance.uniform(0.8, 1.2))
                break
            except TimeoutError:
                pass
            self.units += 1
            try:
                await slider.press("ArrowRight")
                await self._see()
            except Exception as error:
                self.person.errors.append(f"{type(error).__name__}: {error}")
                return
            self.person.moves += 1

    async def _see(self) -> None:
        wanted = f"[{self.units + 4}, {4 * self.units}]"
        title = self.page.locator(".st-key-kernel .gtitle").filter(has_text=wanted)
        await title.first.wait_for(timeout=1000 * LIMIT)

    async def begin(self) -> None:
        """A part of the measurement begins."""
        await self.page.evaluate("() => Object.assign(seen, {opened: [], closed: [], rested: [], said: []})")
        cookies = {each.get("name"): each.get("value", "") for each in await self.page.context.cookies()}
        self.person = Person(cookies.get("lstmviz_replica", ""))

    async def end(self) -> None:
        """What it has noted meanwhile; whether it shows its own view."""
        for _try in range(100):  # a move that goes on now is told in a moment
            if self._is_own():
                break
            await asyncio.sleep(0.1)
        else:
            self.person.errors.append(f"had seed {self.seed} and {self.units} units, is at {self.page.url}")
        seen: dict[str, Any] = await self.page.evaluate("() => seen")
        self.person.connected = [at / 1000 for at in seen["opened"]]
        self.person.back = [at / 1000 for at in seen["rested"]]
        self.person.said = seen["said"]
        if len(seen["opened"]) != len(seen["closed"]):
            self.person.errors.append(f"{len(seen['closed'])} closed, {len(seen['opened'])} opened")

    def _is_own(self) -> bool:
        query = dict(parse_qsl(urlsplit(self.page.url).query))
        return (query.get("seed"), query.get("num_units", str(START))) == (str(self.seed), str(self.units))


@dataclass
class Part:
    """A part of the measurement: what began it, when, and what became of everybody.

    `late` are the seconds by which the viewers' own process was late: it runs on the servers' cores, and waits in the times.
    """

    at: float = 0.0
    simulated: list[Person] = field(default_factory=list)
    chromium: list[Person] = field(default_factory=list)
    uploaded: float = float("nan")
    late: list[float] = field(default_factory=list)

    @property
    def people(self) -> list[Person]:
        return [*self.simulated, *self.chromium]


@asynccontextmanager
async def open_pages(server: Server, count: int) -> AsyncIterator[tuple[Page, list[Chromium]]]:
    """Chromium pages with settings of their own; the first one is that of somebody with a model file."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        pages = []
        for number in range(count + 1):
            context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
            page = await context.new_page()
            await page.add_init_script(WATCH)
            path = f"?seed={1001 + number}" if number else "document?seed=1001"
            await page.goto(f"http://127.0.0.1:{server.port}/{path}")
            await page.locator(".st-key-kernel .gtitle").first.wait_for(timeout=1000 * LIMIT)
            pages.append(page)
        await _upload(pages[0])
        yield pages[0], [Chromium(page, 1002 + number) for number, page in enumerate(pages[1:])]
        await browser.close()


async def _upload(page: Page) -> None:
    """Picks a model file of five units."""
    cell = lv.build("BasicLSTMCell", num_units=5, input_size=4)
    await page.locator(".st-key-own_model summary").click()
    await page.locator(".st-key-model_file input[type=file]").set_input_files(
        {
            "name": "a.safetensors",
            "mimeType": "application/octet-stream",
            "buffer": save_bytes(cell, ".safetensors"),
        }
    )
    title = page.locator(".st-key-kernel .gtitle").filter(has_text="[9, 20]")
    await title.first.wait_for(timeout=1000 * LIMIT)


async def hold(cluster: Cluster, real: Visit, viewers: int, pages: int) -> tuple[Part, Part]:
    """What became of everybody as one server was killed, and as all were started anew."""
    server = cluster.server()
    everyone = [Simulated(Viewer(server, real, query=f"seed={seed}"), seed) for seed in range(1, viewers + 1)]
    await asyncio.gather(*(asyncio.wait_for(each.viewer.open(START), 5 * LIMIT) for each in everyone))
    async with open_pages(server, pages) as (uploader, chromium):
        ended = asyncio.Event()
        lives = [
            asyncio.create_task(each.live(ended, random.Random(number)))
            for number, each in enumerate([*everyone, *chromium])
        ]
        await asyncio.sleep(SETTLED)
        cookies = {each.get("name"): each.get("value", "") for each in await uploader.context.cookies()}
        killed = Part()
        await _begin(everyone, chromium)
        killed.at = time.time()
        watching = asyncio.create_task(_watch(killed.late))
        os.kill(cluster.pids[cookies["lstmviz_replica"]], signal.SIGKILL)
        await uploader.get_by_text(TOLD).first.wait_for(timeout=1000 * LIMIT)
        killed.uploaded = time.time() - killed.at
        await asyncio.sleep(AFTER)
        watching.cancel()
        await _wait_ready(cluster)
        await _finish(killed, everyone, chromium)

        rolled = Part()
        await _begin(everyone, chromium)
        rolled.at, before = time.time(), cluster.pids
        cluster.process.send_signal(signal.SIGHUP)
        while any(cluster.pids[number] == pid for number, pid in before.items()):
            await asyncio.sleep(0.5)
        await _wait_ready(cluster)
        await asyncio.sleep(2 * PAUSE)
        ended.set()
        await asyncio.gather(*lives)
        await asyncio.sleep(2)  # what was moved last has been told
        await _finish(rolled, everyone, chromium)
    await asyncio.gather(*(each.viewer.close() for each in everyone))
    return killed, rolled


async def _watch(late: list[float]) -> None:
    """Notes by how much the event loop is late, in the first seconds after a server died."""
    end = time.monotonic() + WATCHED
    while time.monotonic() < end:
        due = time.monotonic() + 0.05
        await asyncio.sleep(0.05)
        late.append(time.monotonic() - due)


async def _wait_ready(cluster: Cluster) -> None:
    async with asyncio.timeout(WARM_LIMIT):
        while not await asyncio.to_thread(cluster.is_ready):
            await asyncio.sleep(0.5)


async def _begin(everyone: Iterable[Simulated], chromium: Iterable[Chromium]) -> None:
    for simulated in everyone:
        simulated.begin()
    for page in chromium:
        await page.begin()


async def _finish(part: Part, everyone: list[Simulated], chromium: list[Chromium]) -> None:
    for page in chromium:
        await page.end()
    part.simulated = [each.person for each in everyone]
    part.chromium = [each.person for each in chromium]


def tell(name: str, part: Part) -> Iterator[Line]:
    """What one part found."""
    for kind, people in {"without a browser": part.simulated, "in Chromium": part.chromium}.items():
        moved = [person for person in people if person.back]
        yield Line(f"{name}: viewers {kind}, of {len(people)}, that moved over", "", len(moved))
        if name == "one killed" and moved:
            found = [max(person.connected) - part.at for person in moved]
            yield Line("  their connection is there again, median", "s", float(np.median(found)))
            yield Line("  the last one", "s", max(found))
            times = [max(person.back) - part.at for person in moved]
            yield Line("  back on another with their view, median", "s", float(np.median(times)), None, 5)
            yield Line("  the last one", "s", max(times), None, 5)
    people = part.people
    yield Line(f"{name}: moves meanwhile", "", sum(person.moves for person in people))
    yield Line("  viewers whose page said anything", "", sum(bool(p.said) for p in people), None, 0)
    yield Line("  answers that a page asked for again", "", sum(len(p.refused) for p in people))
    yield Line("  errors, and views that were another", "", sum(len(p.errors) for p in people), None, 0)
    if name == "one killed":
        yield Line("  who had uploaded a model is told, after", "s", part.uploaded, None, 5)
        yield Line("  the viewers' own process was late by, median", "s", float(np.median(part.late)))
        yield Line("  at most", "s", max(part.late))


def _print_details(name: str, part: Part) -> None:
    for what in ("said", "refused", "errors"):
        counts = Counter(text[:200] for person in part.people for text in getattr(person, what))
        for text, count in counts.most_common(8):
            print(f"{name}, {what}: {count} × {text}", file=sys.stderr)


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "",
        lambda parser: parser.add_argument("--replicas", type=int, default=3),
        lambda parser: parser.add_argument("--viewers", type=int, default=45),
        lambda parser: parser.add_argument("--pages", type=int, default=5),
    )
    load = os.getloadavg()[0]  # of what else the machine does
    with serve_cluster(arguments.replicas) as cluster:
        with launch() as browser:
            real = record(browser, cluster.server())
        killed, rolled = asyncio.run(hold(cluster, real, arguments.viewers, arguments.pages))
    parts = {"one killed": killed, "all anew": rolled}
    for name, part in parts.items():
        _print_details(name, part)
    lines = [line for name, part in parts.items() for line in tell(name, part)]
    report([Line("the machine's load before", "", load), *lines], arguments.json)


if __name__ == "__main__":
    main()
