"""How fast the detective is, beside bare products in the same run: `python -m benchmarks.identify [--json]`.

- an LSTM of 512 units, 128 inputs and 50 steps: 24 orders × 12 variants of bare arrays, the output of every step known
- the same with the last h alone known, where no candidate can be given up before the end
- arrays that nothing fits
- a GRU of the same size
- a learner's size

The floor is what trying one candidate after the other takes at the least: one candidate's recurrent products, measured,
times the candidates. `in one product` is the same number of products made side by side, as the detective makes them.
"""

from __future__ import annotations

import numpy as np

import lstmviz as lv
from benchmarks.engine import take_turns
from benchmarks.table import Line, parse_arguments, report

SIZE = (512, 128, 50)
SMALL = (8, 4, 20)
ROUNDS = 5


def make_sample(kind: str, num_units: int, input_size: int, steps: int) -> tuple[list[np.ndarray], ...]:
    """The arrays of a cell, an input and the cell's output."""
    cell = lv.build(kind, num_units, input_size)
    x = np.random.default_rng(0).normal(size=(steps, input_size)).astype(np.float32)
    return list(cell.weights.values()), x, lv.run(cell, x, device="CPU:0").states["h"]


def products(rows: int, gates: int, num_units: int, steps: int) -> None:
    """The recurrent products of `rows` candidates side by side, and nothing else."""
    kernel = np.full((num_units, gates * num_units), 1e-3, np.float32)
    h = np.ones((rows, num_units), np.float32)
    for _step in range(steps):
        h = (h @ kernel)[:, :num_units]


def measure(kind: str, gates: int, size: tuple[int, int, int], name: str, target: float | None) -> list[Line]:
    num_units, _input_size, steps = size
    arrays, x, h = make_sample(kind, *size)
    wrong = np.roll(h, 1, axis=1)
    tried = lv.identify(arrays, x, h)[0].tried
    times = take_turns(
        {
            "every step known": lambda: lv.identify(arrays, x, h),
            "the last h alone known": lambda: lv.identify(arrays, x, h[-1]),
            "nothing fits": lambda: lv.identify(arrays, x, wrong),
            "one": lambda: products(1, gates, num_units, steps),
            "side by side": lambda: products(tried, gates, num_units, steps),
        },
        ROUNDS,
    )
    floor = times.pop("one") * tried
    together = times.pop("side by side")
    return [
        *(Line(f"{name}, {tried} ways: {case}", "ms", time, floor, target) for case, time in times.items()),
        Line(
            f"{name}: the last h alone, beside in one product",
            "ms",
            times["the last h alone known"],
            together,
        ),
    ]


def main() -> None:
    arguments = parse_arguments(__doc__)
    lines = [
        *measure("BasicLSTMCell", 4, SIZE, f"LSTM {SIZE}", 2000),
        *measure("GRUCell", 3, SIZE, f"GRU {SIZE}", 2000),
        *measure("BasicLSTMCell", 4, SMALL, f"LSTM {SMALL}", None),
    ]
    report(lines, arguments.json)


if __name__ == "__main__":
    main()
