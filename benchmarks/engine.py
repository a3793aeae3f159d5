"""How fast the engine is, beside its peers in the same process: `python -m benchmarks.engine [--json]`.

- recording everything, beside a compiled `keras.layers.LSTM(return_sequences=True)` that records nothing
- recording everything, beside the bare recurrent matrix-vector products
- a size never seen before, beside the same size again
- ten thousand steps
- `import lstmviz` in a fresh process

Peers take turns with the engine, so that whatever else the machine does meets both; the ratio is that of the medians.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import keras
import numpy as np
import tensorflow as tf

import lstmviz as lv

PEER_SIZES = ((256, 64, 200), (64, 16, 100))
WIDE = (1024, 256, 200)


@dataclass(frozen=True)
class Line:
    """One measurement: `ours` and `peer` in ms; `target` bounds `value`, which is their ratio or a time of its own."""

    name: str
    ours: float
    peer: float | None
    value: float
    target: float | None
    unit: str = "×"

    @property
    def passed(self) -> bool | None:
        return None if self.target is None else self.value <= self.target


def take_turns(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median time of each call in ms."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
        call()
    for _round in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - started) * 1e3)
    return {name: float(np.median(each)) for name, each in times.items()}


def make_inputs(num_units: int, input_size: int, steps: int) -> tuple[lv.Cell, np.ndarray]:
    cell = lv.build("BasicLSTMCell", num_units, input_size)
    return cell, np.random.default_rng(0).normal(size=(steps, input_size)).astype(np.float32)


def measure_keras(num_units: int, input_size: int, steps: int, rounds: int) -> Line:
    cell, x = make_inputs(num_units, input_size, steps)
    layer = keras.layers.LSTM(num_units, return_sequences=True)
    layer.build((1, None, input_size))
    compiled = tf.function(layer)
    times = take_turns(
        {
            "ours": lambda: lv.run(cell, x, device="CPU:0"),
            "peer": lambda: compiled(tf.convert_to_tensor(x[np.newaxis])).numpy(),
        },
        rounds,
    )
    name = f"run / compiled Keras LSTM at {num_units, input_size, steps}"
    return Line(name, times["ours"], times["peer"], times["ours"] / times["peer"], 0.75)


def measure_products(num_units: int, input_size: int, steps: int, rounds: int) -> list[Line]:
    cell, x = make_inputs(num_units, input_size, steps)
    rows_h = np.ascontiguousarray(cell.kernel[input_size:])
    h = np.random.default_rng(1).normal(size=(1, num_units)).astype(np.float32)
    kernel, start = tf.constant(rows_h), tf.constant(h)

    @tf.function
    def products(h: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        for _step in tf.range(steps):
            # Each product depends on the one before, as in the cell.
            h = tf.matmul(h, kernel)[:, :num_units]
        return h

    def products_in_numpy() -> np.ndarray:
        row = h[0]
        for _step in range(steps):
            row = (row @ rows_h)[:num_units]
        return row

    times = take_turns(
        {
            "ours": lambda: lv.run(cell, x, device="CPU:0"),
            "peer": lambda: products(start, kernel).numpy(),
        },
        rounds,
    )
    # Apart: NumPy's threads go on spinning for a while, and would slow down whoever comes next.
    numpy_time = take_turns({"numpy": products_in_numpy}, rounds)["numpy"]
    at = f"at {num_units, input_size, steps}"
    ours = times["ours"]
    return [
        Line(f"run / bare products in TensorFlow {at}", ours, times["peer"], ours / times["peer"], 1.5),
        Line(f"run / bare products in NumPy {at}", ours, numpy_time, ours / numpy_time, None),
    ]


def measure_new_sizes(rounds: int) -> Line:
    # Every round has a size of its own; the runs before have traced the loop.
    first, again = [], []
    for number in range(rounds):
        cell, x = make_inputs(65 + number, 17 + number, 100 + number)
        for times in (first, again):
            started = time.perf_counter()
            lv.run(cell, x, device="CPU:0")
            times.append((time.perf_counter() - started) * 1e3)
    ours, peer = float(np.median(first)), float(np.median(again))
    return Line("a size never seen before / the same again", ours, peer, ours / peer, 2.0)


def measure_long_run(steps: int = 10_000) -> Line:
    cell, x = make_inputs(64, 16, steps)
    times = take_turns(
        {"ours": lambda: lv.run(cell, x, device="CPU:0", progress=lambda done, steps: None)}, 3
    )
    return Line(
        f"a step of {steps:,} at (64, 16)", times["ours"], None, times["ours"] / steps * 1e3, None, "µs"
    )


def measure_import(rounds: int) -> Line:
    def import_fresh(module: str) -> float:
        program = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        return float(done.stdout) * 1e3

    pairs = [(import_fresh("lstmviz"), import_fresh("numpy")) for _round in range(rounds)]
    ours, peer = (float(np.median(each)) for each in zip(*pairs, strict=True))
    return Line("import lstmviz (beside: import numpy)", ours, peer, ours / 1e3, 0.5, "s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=41)
    arguments = parser.parse_args()
    rounds = arguments.rounds
    lines = [
        *(measure_keras(*size, rounds) for size in PEER_SIZES),
        *measure_products(*WIDE, max(rounds // 2, 1)),
        measure_new_sizes(rounds),
        measure_long_run(),
        measure_import(7),
    ]
    if arguments.json:
        print(json.dumps([asdict(line) | {"passed": line.passed} for line in lines], indent=2))
        return
    print(f"{'':62}{'ours':>10}{'peer':>10}{'value':>12}{'target':>9}")
    for line in lines:
        peer = "" if line.peer is None else f"{line.peer:.2f} ms"
        target = "" if line.target is None else f"≤ {line.target:g}"
        verdict = {None: "", True: "pass", False: "MISS"}[line.passed]
        print(
            f"{line.name:62}{line.ours:7.2f} ms{peer:>10}{line.value:9.2f} {line.unit:2}{target:>9} {verdict}"
        )


if __name__ == "__main__":
    main()
