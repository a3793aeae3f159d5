"""Next year's sunspot number, from this year's and the three before it.

Inputs are what `lstmviz.sequences.sunspots` gives: standardised over all years, 1700 to 2008, so that mean and deviation
know the held-out years too; an affine change of units, nothing else. No year from 1950 on is a target of the training.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from jaxtyping import Float

from lstmviz import sequences
from lstmviz.cells import Cell
from lstmviz.examples.batches import run_many
from lstmviz.examples.example import Head, Task
from lstmviz.language import _mark
from lstmviz.sequences import Sequence
from lstmviz.sequences.bundled import SUNSPOTS_SOURCE

INPUT_SIZE = 4
SHOWN = 60
"""The steps shown: the years 1949 to 2008, which answer for 1950 to 2009."""
FIRST_HELD_OUT = 1950
_ORDER = 9


@cache
def numbers() -> Mapping[int, float]:
    """The sunspot number of every year."""
    whole = sequences.sunspots(309, 1, standardise=False)
    return {int(year): float(value) for year, value in zip(whole.labels, whole.values[:, 0], strict=True)}


def inputs() -> tuple[Float[np.ndarray, "years 4"], Float[np.ndarray, " years"]]:
    """Every year that has all its features, from 1703 on, and the number of the year after it; NaN after the last one."""
    whole = sequences.make("sunspots", time_steps=309 - INPUT_SIZE + 1, input_size=INPUT_SIZE)
    return whole.values, _targets(whole)


def _targets(sequence: Sequence) -> Float[np.ndarray, " time"]:
    return np.array([numbers().get(int(year) + 1, np.nan) for year in sequence.labels])


def make() -> tuple[Sequence, Float[np.ndarray, " time"]]:
    """The last 60 years, and each next year's number."""
    shown = sequences.make("sunspots", time_steps=SHOWN, input_size=INPUT_SIZE)
    return shown, _targets(shown)


def measure_error(answers: Float[np.ndarray, " time"], targets: Float[np.ndarray, " time"]) -> float:
    """The root of the mean squared error, over the years whose next one is known."""
    return float(np.sqrt(np.nanmean((answers - targets) ** 2)))


def score(cell: Cell, head: Head) -> dict[str, float]:
    """The error on 1950 to 2008: as shown, from a state of zeros in 1949, and from one in 1703."""
    (shown, targets), (whole, _all) = make(), inputs()
    cold = head(run_many(cell, shown.values[np.newaxis]))[0]
    warm = head(run_many(cell, whole[np.newaxis]))[0, -SHOWN:]
    return {"rmse": measure_error(cold, targets), "rmse_warm": measure_error(warm, targets)}


def compare() -> dict[str, float]:
    """The error of saying the same number again, and of linear regressions on the last nine years."""
    known = np.array(list(numbers().values()))
    start = FIRST_HELD_OUT - min(numbers())
    return {
        "persistence": measure_error(known[start - 1 : -1], known[start:]),
        "ar9": measure_error(_regress(known, start), known[start:]),
        "ar9_roots": measure_error(np.maximum(_regress(np.sqrt(known), start), 0) ** 2, known[start:]),
    }


def _regress(values: Float[np.ndarray, " years"], start: int) -> Float[np.ndarray, " held_out"]:
    """Least squares on the nine values before, fitted to those before `start`, asked for the others."""
    before = np.lib.stride_tricks.sliding_window_view(values[:-1], _ORDER)
    rows = np.column_stack([np.ones(len(before)), before])
    count = start - _ORDER
    fitted, *_rest = np.linalg.lstsq(rows[:count], values[_ORDER:start])
    return rows[count:] @ fitted


TASK = Task(
    "sunspots",
    _mark("next year's sunspots"),
    {
        "BasicLSTMCell": _mark(
            "The sunspots come and go in about 11 years: look for gates that open and close with them, most of all f and o."
        ),
        "GRUCell": _mark(
            "The sunspots come and go in about 11 years: look for a unit whose r or u opens and closes with them."
        ),
        "BasicRNNCell": _mark(
            "The sunspots come and go in about 11 years: with no gate to hold anything, h of some unit goes along with them, "
            "or against them."
        ),
    },
    _mark(
        "Next year's sunspot number, on the years 1950 to 2008, which training did not see: it is off by {rmse:.1f} (RMSE); "
        "this year's number again by {persistence:.1f}, a linear AR(9) by {ar9:.1f}, on square roots by {ar9_roots:.1f}. "
        "Some settings of the training were chosen knowing errors on these years."
    ),
    "square",
    make,
    score,
    compare,
    SUNSPOTS_SOURCE.removesuffix(", public domain"),
    _mark("public domain"),
)
