"""How fast a run is taken apart after it: `python -m benchmarks.ledger [--json]`.

- the ledger of one unit and of all, beside a product and a running product of the same gates in plain NumPy
- its triangle, and the figure's JSON, beside as many bare products
- a run that holds a gate, beside the same run without, in NumPy
- the cell without each of its units, all side by side, beside the bare products with the kernel, and beside a run for each
- a pattern search in 100,000 and in two million steps, beside one comparison of every number with the threshold

Ours and the floor take turns, so that whatever else the machine does meets both.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.levels import take_turns
from benchmarks.table import Line, parse_arguments, report
from lstmviz import plot
from lstmviz.cells import Cell, build
from lstmviz.run import run
from lstmviz.run.ledger import Ledger, ledger
from lstmviz.run.search import search
from lstmviz.run.silence import silence
from lstmviz.run.trace import Trace

KIND, NUM_UNITS, INPUT_SIZE = "BasicLSTMCell", 256, 32
SHORT, LONG = 200, 1000  # steps
SEARCHED = (100_000, 2_000_000)  # steps
SEARCHED_UNITS = 32


def make_trace(cell: Cell, steps: int) -> Trace:
    x = np.random.default_rng(0).normal(size=(steps, cell.input_size))
    return run(cell, x, engine="numpy")


def take(found: Ledger) -> np.ndarray:
    """What is computed once it is asked for."""
    return found.shares + found.initial


def add_up(trace: Trace, units: slice) -> np.ndarray:
    """The shares of the last step's c in plain NumPy."""
    i, j, f = (trace.gates[name][:, units].astype(np.float64) for name in "ijf")
    left = np.ones_like(f)
    left[:-1] = np.cumprod(f[:0:-1], axis=0)[::-1]
    shares: np.ndarray = left * (i * j)
    return shares


def measure_ledger(cell: Cell, rounds: int) -> Iterator[Line]:
    short, long = make_trace(cell, SHORT), make_trace(cell, LONG)
    sizes = f"{cell.num_units} × {SHORT}", f"{cell.num_units} × {LONG:,}"
    ours, floor = take_turns(
        lambda: take(ledger(short, 3)), lambda: add_up(short, slice(3, 4)), rounds=10 * rounds
    )
    yield Line(f"ledger of one unit of {sizes[0]} (floor: plain)", "ms", ours, floor, 5)
    ours, floor = take_turns(
        lambda: take(ledger(long, None)), lambda: add_up(long, slice(None)), rounds=rounds
    )
    yield Line(f"ledger of all units of {sizes[1]}", "ms", ours, floor, 2000)
    row = np.random.default_rng(0).normal(size=LONG)
    triangle, picture, floor = take_turns(
        lambda: ledger(short, 3).over_time(),
        lambda: plot.ledger_json(short, 3),
        lambda: [row[:step] * 0.5 for step in range(SHORT)],
        rounds=rounds,
    )
    yield Line(f"  a triangle of {SHORT} steps (floor: as many products)", "ms", triangle, floor)
    yield Line("  the figure's JSON", "ms", picture, floor)


def measure_clamp(cell: Cell, rounds: int) -> Iterator[Line]:
    x = np.random.default_rng(0).normal(size=(SHORT, cell.input_size))
    ours, floor = take_turns(
        lambda: run(cell, x, engine="numpy", clamp={"f": {3: 1.0}}),
        lambda: run(cell, x, engine="numpy"),
        rounds=rounds,
    )
    yield Line("a run that holds a gate (floor: one that does not)", "ms", ours, floor)


def measure_silence(cell: Cell, rounds: int) -> Iterator[Line]:
    x = np.random.default_rng(0).normal(size=(SHORT, cell.input_size)).astype(np.float32)
    h, kernel = np.ones((cell.num_units, cell.num_units), np.float32), cell.gate("f").kernel_h
    kernel = np.concatenate([kernel] * 4, axis=1)
    room = np.empty((cell.num_units, kernel.shape[1]), np.float32)
    ours, floor, one = take_turns(
        lambda: silence(cell, x),
        lambda: [np.dot(h, kernel, out=room) for _step in range(SHORT)],
        lambda: run(cell, x, engine="numpy", clamp={"h": {0: 0.0}}),
        rounds=rounds,
    )
    name = f"each of {cell.num_units} units silenced, {SHORT} steps (floor: h @ K)"
    yield Line(name, "ms", ours, floor, 2000)
    yield Line(
        f"  beside {cell.num_units} runs of their own (one is {one:.3g} ms)", "ms", ours, one * cell.num_units
    )


def measure_search(rounds: int) -> Iterator[Line]:
    for steps in SEARCHED:
        # Numbers that stay for a while, as states do.
        rng = np.random.default_rng(0)
        h = np.repeat(rng.normal(size=(steps // 4, SEARCHED_UNITS)).astype(np.float32), 4, axis=0)
        ours, windows, floor = take_turns(
            lambda h=h: search(h, (400, 404)),
            lambda h=h: search(h, (400, 404), around=False),
            lambda h=h: h >= 0.3,
            rounds=rounds,
        )
        yield Line(f"search in {steps:,} steps × {SEARCHED_UNITS} (floor: compare)", "ms", ours, floor)
        yield Line("  whatever is around", "ms", windows, floor)


def main() -> None:
    arguments = parse_arguments(
        __doc__ or "", lambda parser: parser.add_argument("--rounds", type=int, default=5)
    )
    cell = build(KIND, NUM_UNITS, INPUT_SIZE)
    lines = [
        *measure_ledger(cell, arguments.rounds),
        *measure_clamp(cell, arguments.rounds),
        *measure_silence(cell, arguments.rounds),
        *measure_search(arguments.rounds),
    ]
    report(lines, arguments.json)


if __name__ == "__main__":
    main()
