"""How fast the engines are, beside their peers in the same process: `python -m benchmarks.engine [--json]`.

- TensorFlow's loop, the same compiled for its one shape, and NumPy, all of them recording everything, beside a compiled
  `keras.layers.LSTM(return_sequences=True)` that records nothing, beside the bare products `h @ K` in NumPy, and NumPy also beside
  a loop written by hand for this one cell: what there is to win
- a size never seen before, beside the same size again
- ten thousand steps
- `import lstmviz` in a fresh process

Peers take turns with the engines, each round in another order, so that whatever else the machine does meets all; the
ratio is that of the medians, and beside it that of the shortest times, which a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import keras
import numpy as np
import tensorflow as tf

import lstmviz as lv
from lstmviz.run import engine
from lstmviz.run.compiled import CompiledShapes

# (num_units, input_size, steps), and the most that NumPy may take, in compiled Keras's times.
SIZES = {(64, 16, 100): 0.5, (256, 64, 200): 0.3, (1024, 256, 200): None}
TENSORFLOW = 0.7  # the most that TensorFlow may take, at each size, in compiled Keras's times
PRODUCTS = 1.25  # the most that NumPy may take at the widest, in the bare products' times
# Seconds between calls: a product leaves one of OpenBLAS's threads spinning for about 0.1 s, which takes a core from whoever
# comes next. After 0.05 s TensorFlow's loop for 1,024 units took 88 ms, with 149 of processor; after 0.5 s 68, with 103.
PAUSE = 0.25


@dataclass(frozen=True)
class Line:
    """One measurement: `ours` and `peer` in ms; `target` bounds `value`, which is their ratio or a time of its own.

    `least` is the ratio of the shortest times.
    """

    name: str
    ours: float
    peer: float | None
    value: float
    target: float | None
    unit: str = "×"
    least: float | None = None

    @property
    def passed(self) -> bool | None:
        return None if self.target is None else self.value <= self.target


@dataclass(frozen=True)
class Times:
    """What a call took in ms: the median of all rounds, and the shortest."""

    median: float
    least: float


def take_turns(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    """What each call takes."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
        call()
    order = random.Random(0)  # who always comes after the same one pays for what that one leaves behind
    for _round in range(rounds):
        for name, call in order.sample(list(calls.items()), len(calls)):
            time.sleep(PAUSE)
            started = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - started) * 1e3)
    return {name: Times(float(np.median(each)), min(each)) for name, each in times.items()}


def compare(name: str, ours: Times, peer: Times, target: float | None) -> Line:
    """One beside the other."""
    return Line(
        name, ours.median, peer.median, ours.median / peer.median, target, least=ours.least / peer.least
    )


def make_inputs(num_units: int, input_size: int, steps: int) -> tuple[lv.Cell, np.ndarray]:
    cell = lv.build("BasicLSTMCell", num_units, input_size)
    return cell, np.random.default_rng(0).normal(size=(steps, input_size)).astype(np.float32)


def run_by(shapes: CompiledShapes, cell: lv.Cell, x: np.ndarray) -> lv.Trace:
    """A run in TensorFlow that knows these compiled shapes and no others."""
    engine.shapes = shapes
    return lv.run(cell, x, device="CPU:0")


def run_by_hand(cell: lv.Cell, x: np.ndarray) -> dict[str, np.ndarray]:
    """A `BasicLSTMCell` over `x`, everything recorded, in as few of NumPy's calls as go."""
    units, steps = cell.num_units, len(x)
    i, j, f, o = (slice(k * units, (k + 1) * units) for k in range(4))
    rows_h = np.ascontiguousarray(cell.kernel[cell.input_size :])
    from_x = x @ cell.kernel[: cell.input_size] + cell.bias + cell.offset
    before, gates = np.empty_like(from_x), np.empty_like(from_x)
    cs, hs = (np.empty((steps, units), np.float32) for _state in range(2))
    c = h = np.zeros(units, np.float32)
    for t in range(steps):
        z, gate = before[t], gates[t]
        np.dot(h, rows_h, out=z)
        z += from_x[t]
        np.multiply(z, 0.5, out=gate)  # a sigmoid of z is half of 1 and the tanh of half of z
        gate[j] = z[j]
        np.tanh(gate, out=gate)
        for share in (i, slice(f.start, None)):
            gate[share] *= 0.5
            gate[share] += 0.5
        np.multiply(gate[f], c, out=cs[t])
        cs[t] += gate[i] * gate[j]
        np.tanh(cs[t], out=hs[t])
        hs[t] *= gate[o]
        c, h = cs[t], hs[t]
    return {"before": before, "gates": gates, "c": cs, "h": hs}


def measure_size(num_units: int, input_size: int, steps: int, rounds: int) -> list[Line]:
    cell, x = make_inputs(num_units, input_size, steps)
    layer = keras.layers.LSTM(num_units, return_sequences=True)
    layer.build((1, None, input_size))
    compiled = tf.function(layer)
    rows_h = np.ascontiguousarray(cell.kernel[input_size:])
    start = np.random.default_rng(1).normal(size=num_units).astype(np.float32)

    def products() -> None:
        h = start
        for _step in range(steps):
            # Each product depends on the one before, as in the cell.
            h = (h @ rows_h)[:num_units]

    none, own = CompiledShapes(most=0), CompiledShapes()
    engine.shapes = own
    calls: dict[str, Callable[[], object]] = {
        "keras": lambda: compiled(tf.convert_to_tensor(x[np.newaxis])).numpy(),
        "loop": lambda: run_by(none, cell, x),
        "numpy": lambda: lv.run(cell, x, engine="numpy"),
        "products": products,
        "hand": lambda: run_by_hand(cell, x),
    }
    np.testing.assert_allclose(
        run_by_hand(cell, x)["h"], lv.run(cell, x, engine="numpy").states["h"], atol=1e-5
    )
    if engine.compile_shape(cell, steps):
        calls["shape"] = lambda: run_by(own, cell, x)
    times = take_turns(calls, rounds)
    at = f"at {num_units, input_size, steps}"
    widest = num_units == max(units for units, *_rest in SIZES)
    keras_target = SIZES[num_units, input_size, steps]
    lines = [
        compare(f"TensorFlow / compiled Keras LSTM {at}", times["loop"], times["keras"], TENSORFLOW),
        compare(f"NumPy / compiled Keras LSTM {at}", times["numpy"], times["keras"], keras_target),
        compare(f"NumPy / bare products h @ K {at}", times["numpy"], times["products"], PRODUCTS if widest else None),
        compare(f"NumPy / a loop written by hand {at}", times["numpy"], times["hand"], None),
        compare(f"  that loop / compiled Keras LSTM {at}", times["hand"], times["keras"], None),
    ]  # fmt: skip
    if "shape" in times:
        lines.insert(1, compare("  the same compiled for its shape", times["shape"], times["keras"], None))
    return lines


def measure_new_sizes(rounds: int) -> Line:
    # Every round has a size of its own; the runs before have traced the loop.
    engine.shapes = CompiledShapes()
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
        f"a step of {steps:,} at (64, 16)",
        times["ours"].median,
        None,
        times["ours"].median / steps * 1e3,
        None,
        "µs",
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
    parser.add_argument(
        "--threads", type=int, default=0,
        help="TensorFlow's threads; with OPENBLAS_NUM_THREADS=1 before the command, 1 compares the work on one core",
    )  # fmt: skip
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    rounds = arguments.rounds
    lines = [
        *(line for size in SIZES for line in measure_size(*size, rounds if size[0] < 1024 else rounds // 2)),
        measure_new_sizes(rounds),
        measure_long_run(),
        measure_import(7),
    ]
    if arguments.json:
        print(json.dumps([asdict(line) | {"passed": line.passed} for line in lines], indent=2))
        return
    print(f"{'':62}{'ours':>10}{'peer':>10}{'value':>12}{'least':>7}{'target':>9}")
    for line in lines:
        peer = "" if line.peer is None else f"{line.peer:.2f} ms"
        least = "" if line.least is None else f"{line.least:.2f}"
        target = "" if line.target is None else f"≤ {line.target:g}"
        verdict = {None: "", True: "pass", False: "MISS"}[line.passed]
        print(
            f"{line.name:62}{line.ours:7.2f} ms{peer:>10}{line.value:9.2f} {line.unit:2}{least:>7}"
            f"{target:>9} {verdict}"
        )


if __name__ == "__main__":
    main()
