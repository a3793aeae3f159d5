"""How fast large kernels and long traces become tiles: `python -m benchmarks.levels [--json]`.

- all weights in tiles, and the whole picture's JSON, beside one plain pass over the weights (abs and max)
- the JSON of a window of single weights: what a zoom asks for
- the most memory that a picture takes beside the kernel, in kernels, and its bytes
- the same for a trace of 10,000 steps of 1,024 units, beside one plain pass over what it recorded

Ours and the plain pass take turns, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.table import Line, parse_arguments, report
from lstmviz import plot
from lstmviz.cells import Cell, build
from lstmviz.plot import levels
from lstmviz.run.trace import Trace
from lstmviz.sequences import wrap

KERNELS = ((2048, 512), (3328, 1472))  # num_units, input_size: 21 and 64 million weights
TRACE = (10_000, 1024, 16)  # steps, num_units, input_size
TILES = (160, 320)  # as many as the kernel's figure has


def take_turns(*calls: Callable[[], object], rounds: int) -> list[float]:
    """The median time of each call in ms."""
    times: list[list[float]] = [[] for _call in calls]
    for round_ in range(rounds + 1):
        for each, call in zip(times, calls, strict=True):
            started = time.perf_counter()
            call()
            if round_:  # the first warms up
                each.append((time.perf_counter() - started) * 1000)
    return [statistics.median(each) for each in times]


def find_peak(call: Callable[[], object]) -> int:
    """The most bytes that a call holds at once; NumPy tells `tracemalloc` of its arrays."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def measure_kernel(cell: Cell, rounds: int) -> Iterator[Line]:
    kernel, (rows, columns) = cell.kernel, cell.kernel.shape
    borders = (cell.input_size,), range(cell.num_units, columns, cell.num_units)
    level = levels.fit((0, rows), (0, columns), *borders, exact=0, most=TILES)
    tiles, picture, window, floor = take_turns(
        lambda: level.draw(kernel, coloraxis="coloraxis", hovertemplate="%{z:.4g}"),
        lambda: plot.kernel_json(cell),
        lambda: plot.kernel_json(cell, rows=(100, 300), columns=(100, 400)),
        lambda: np.abs(kernel).max(),
        rounds=rounds,
    )
    size = f"{kernel.size / 1e6:.0f} million weights"
    is_bound = cell.num_units == KERNELS[0][0]
    yield Line(f"{size} in tiles (floor: abs and max)", "ms", tiles, floor, 300 if is_bound else None)
    yield Line("  the whole picture's JSON", "ms", picture, floor)
    yield Line("  that of a window of 200 × 300 single weights", "ms", window, floor)
    peak = find_peak(lambda: plot.kernel_json(cell))
    yield Line("  memory beside the kernel, in kernels", "×", peak / kernel.nbytes, None, 3)
    yield Line("  bytes of the picture", "KB", len(plot.kernel_json(cell)) / 1000, None, 1000)


def make_trace(steps: int, num_units: int, input_size: int) -> Trace:
    """A trace as large as a long run's, drawn at random: no run is measured here."""
    rng = np.random.default_rng(0)
    cell = build("BasicLSTMCell", num_units, input_size)
    walk = np.cumsum(rng.normal(size=(steps, num_units)).astype(np.float32), axis=0) / 60
    sums = {gate.name: walk * (index + 1) for index, gate in enumerate(cell.kind.gates)}
    gates = {name: (np.tanh(value) + 1) / 2 for name, value in sums.items()}
    states = {name: np.tanh(walk) for name in cell.kind.states}
    starts = {name: np.zeros(num_units, np.float32) for name in states}
    x = rng.normal(size=(steps, input_size)).astype(np.float32)
    return Trace(cell, wrap(x), sums, gates, states, starts, "CPU:0", 0.0)


def measure_trace(trace: Trace, rounds: int) -> Iterator[Line]:
    recorded = [trace.x, *trace.gates.values(), *trace.states.values()]
    picture, window, floor = take_turns(
        lambda: plot.gates_json(trace),
        lambda: plot.gates_json(trace, seen_units=(10, 60), seen_steps=(1000, 1400)),
        lambda: [np.abs(values).max() for values in recorded],
        rounds=rounds,
    )
    steps, units = len(trace), trace.cell.num_units
    yield Line(
        f"{steps:,} × {units:,} in {len(recorded)} panels (floor: abs and max)", "ms", picture, floor, 1500
    )
    yield Line("  that of a window of 400 × 50 single values", "ms", window, floor)
    yield Line("  bytes of the picture", "KB", len(plot.gates_json(trace)) / 1000, None, 2000)
    lines = len(plot.gates_json(trace, units=[0, 1, 2])) / 1000
    yield Line("  bytes of three units as lines", "KB", lines, None, 2000)


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "", lambda parser: parser.add_argument("--rounds", type=int, default=7)
    )
    lines: list[Line] = []
    for num_units, input_size in KERNELS:
        lines += measure_kernel(build("BasicLSTMCell", num_units, input_size), arguments.rounds)
    lines += measure_trace(make_trace(*TRACE), arguments.rounds)
    report(lines, arguments.json)


if __name__ == "__main__":
    main()
