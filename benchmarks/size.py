"""How a kernel of 21 million weights is shown: `python -m benchmarks.size [--json]`.

- from opening a link until its kernel is painted, beside the default view's on the same server
- the bytes of that picture, and of the whole page
- a zoom, from the change of the axes until the finer level is drawn
- the server's memory: the most it grew by, and what is left of it after a while, in kernels
- the tiles alone, beside one plain pass over the weights
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks.page import launch, open_page
from benchmarks.servers import DOCUMENT, Server, serve
from benchmarks.table import Line, parse_arguments, report
from lstmviz import plot
from lstmviz.cells import build

UNITS, INPUTS = 2048, 512
VIEW = f"num_units={UNITS}&input_size={INPUTS}"
KERNEL = [{"selector": ".st-key-kernel .gtitle", "text": f"kernel [{UNITS + INPUTS}, {4 * UNITS}]"}]
DEFAULT = [{"selector": ".st-key-kernel .gtitle", "text": "kernel [12, 32]"}]
GATES = [{"selector": ".st-key-gates .gtitle", "text": f"× {UNITS} units"}]
ZOOMS = ((0.4, 0.15), (0.1, 0.03), (0.7, 0.02), (0.3, 0.15), (0.55, 0.01))  # where, and the share in view
FORGOTTEN = 75  # seconds after which nothing of it should be left


def measure_opening(browser: Browser, server: Server, rounds: int) -> Iterator[Line]:
    large, default = [], []
    for seed in range(rounds):
        for times, query, wanted in ((default, "", DEFAULT), (large, f"{VIEW}&", KERNEL)):
            page, (painted,) = open_page(browser, f"{server.url}/?{query}seed={seed}", wanted)
            times.append(painted - page.evaluate("performance.timeOrigin") / 1000)
            page.context.close()
    ours, floor = statistics.median(large), statistics.median(default)
    yield Line("a link until its kernel is painted (floor: the default view)", "s", ours, floor)
    yield Line("  beyond the default view's, the cell's making included", "s", ours - floor, None, 2)


def measure_bytes_and_zooms(browser: Browser, server: Server) -> Iterator[Line]:
    page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US").new_page()
    page.add_init_script(path=Path(__file__).with_name("watch.js"))
    kernel: list[int] = []
    received = [0]

    def note(answer: object) -> None:
        if "pictures/" in answer.url:  # type: ignore[attr-defined]
            size = len(answer.body())  # type: ignore[attr-defined]
            received[0] += size
            if "pictures/kernel" in answer.url:  # type: ignore[attr-defined]
                kernel.append(size)

    page.on("response", note)
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framereceived", lambda data: received.__setitem__(0, received[0] + len(data))
        ),
    )
    page.goto(f"{server.url}/?{VIEW}")
    page.evaluate("wanted => whenShown(wanted)", [*KERNEL, *GATES])
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.wait_for_timeout(2000)
    yield Line("bytes of the kernel's picture", "KB", kernel[0] / 1000, None, 1000)
    yield Line("bytes of the page: pictures and messages", "KB", received[0] / 1000)
    times = [_zoom(page, *zoom) for zoom in ZOOMS]
    yield Line(
        f"a zoom until the finer level is drawn, median of {len(times)}",
        "ms",
        statistics.median(times),
        None,
        500,
    )
    yield Line("  slowest", "ms", max(times), None, 500)
    page.context.close()


def _zoom(page: Page, place: float, share: float) -> float:
    """Milliseconds from the change of the axes until another level is drawn."""
    found: float = page.evaluate(
        """async ([place, share]) => {
          const plot = document.querySelector(".st-key-kernel .js-plotly-plot");
          const [rows, columns] = plot.layout.meta.levels.of;
          const before = plot.layout.meta.levels;
          const cut = (length) => [place * length - 0.5, (place + share) * length - 0.5];
          const start = performance.now();
          Plotly.relayout(plot, { "xaxis.range": cut(columns), "yaxis.range": cut(rows).reverse() });
          while (JSON.stringify(plot.layout.meta.levels) === JSON.stringify(before)) {
            if (performance.now() - start > 20000) throw new Error("no finer level came");
            await new Promise((resolve) => requestAnimationFrame(resolve));
          }
          await new Promise((resolve) => requestAnimationFrame(resolve));
          return performance.now() - start;
        }""",
        [place, share],
    )
    page.wait_for_timeout(300)
    return found


def measure_memory(browser: Browser, server: Server) -> Iterator[Line]:
    """Linux alone tells; the most is that since the process's record was cleared."""
    page, _times = open_page(browser, server.url, DEFAULT)
    page.wait_for_timeout(8000)  # what the start has left
    before = server.resident()
    with suppress(OSError):
        Path(f"/proc/{server.pid}/clear_refs").write_text("5")
    page.goto(f"{server.url}/?{VIEW}&seed=77")
    page.evaluate("wanted => whenShown(wanted)", [*KERNEL, *GATES])
    page.wait_for_timeout(2000)
    for place, share in ZOOMS:
        _zoom(page, place, share)
    most = _peak(server) - before
    size = 4 * (UNITS + INPUTS) * 4 * UNITS
    yield Line("memory: the most that the server grew by, in kernels", "×", most / size, None, 3)
    page.context.close()
    time.sleep(FORGOTTEN)
    yield Line(
        f"  what is left of it {FORGOTTEN} s after the page was closed",
        "×",
        (server.resident() - before) / size,
    )


def _peak(server: Server) -> int:
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {server.pid} has no VmHWM; is it still running?")


def measure_tiles(rounds: int) -> Iterator[Line]:
    cell = build("BasicLSTMCell", UNITS, INPUTS)
    ours, floor = [], []
    for _round in range(rounds):
        for times, work in (
            (floor, lambda: np.abs(cell.kernel).max()),
            (ours, lambda: plot.kernel_json(cell)),
        ):
            started = time.perf_counter()
            work()
            times.append((time.perf_counter() - started) * 1000)
    yield Line(
        f"the picture of {cell.kernel.size / 1e6:.0f} million weights (floor: abs and max)",
        "ms", statistics.median(ours), statistics.median(floor),
    )  # fmt: skip


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "", lambda parser: parser.add_argument("--rounds", type=int, default=3)
    )
    lines = list(measure_tiles(arguments.rounds + 2))
    with launch() as browser, serve(DOCUMENT) as server:
        lines += measure_memory(browser, server)
        lines += measure_opening(browser, server, arguments.rounds)
        lines += measure_bytes_and_zooms(browser, server)
    report(lines, arguments.json)


if __name__ == "__main__":
    main()
