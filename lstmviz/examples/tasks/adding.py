"""The sum of two of fifty numbers, those that a 1 beside them marks (Hochreiter and Schmidhuber 1997)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from lstmviz.cells import Cell
from lstmviz.examples.batches import run_many
from lstmviz.examples.example import Head, Task
from lstmviz.language import _, _mark
from lstmviz.sequences import Sequence

TRAINED_LENGTH, LONG = 50, 200
_HELD_OUT = 10_000


def draw(
    count: int, length: int, seed: int
) -> tuple[Float[np.ndarray, "count length 2"], Float[np.ndarray, "count length"]]:
    """Numbers from 0 to 1 with their marks, one in each half; and the sum of the marked ones so far."""
    rng = np.random.default_rng(seed)
    x = np.zeros((count, length, 2), np.float32)
    x[..., 0] = rng.random((count, length))
    rows, half = np.arange(count), length // 2
    x[rows, rng.integers(0, half, count), 1] = 1
    x[rows, rng.integers(half, length, count), 1] = 1
    return x, (x[..., 0] * x[..., 1]).cumsum(axis=1).astype(np.float64)


def make() -> tuple[Sequence, Float[np.ndarray, " time"]]:
    """One sequence, and the sum, which is asked for at the last step alone."""
    x, sums = draw(1, TRAINED_LENGTH, _HELD_OUT + 2)
    labels = tuple(map(str, range(TRAINED_LENGTH)))
    features = (_("x[0]: a number"), _("x[1]: 1 where it counts"))
    asked = np.where(np.arange(TRAINED_LENGTH) == TRAINED_LENGTH - 1, sums[0], np.nan)
    return Sequence(x[0], labels, features, _("numbers, two of them marked")), asked


def score(cell: Cell, head: Head) -> dict[str, float]:
    """The mean squared error of the sum at the last step, in sequences as in the training and in longer ones."""
    return {
        "mse": _measure(cell, head, 2000, TRAINED_LENGTH, _HELD_OUT),
        "mse_long": _measure(cell, head, 500, LONG, _HELD_OUT + 1),
    }


def _measure(cell: Cell, head: Head, count: int, length: int, seed: int) -> float:
    x, sums = draw(count, length, seed)
    return float(((head(run_many(cell, x)[:, -1]) - sums[:, -1]) ** 2).mean())


def compare() -> dict[str, float]:
    """The error of saying 1, the mean, each time: the variance of the sum of two such numbers."""
    return {"mse_of_mean": 1 / 6}


TASK = Task(
    "adding",
    _mark("the sum of two marked numbers"),
    {
        "BasicLSTMCell": _mark(
            "Where a number is marked, it is written; elsewhere i is nearly shut and f near 1: two writes into c, one sum at "
            "the end."
        ),
        "minGRU": _mark(
            "Where a number is marked, z of unit 13 opens; elsewhere it is nearly shut, so that h of that unit hardly changes."
        ),
        "sLSTM": _mark(
            "Where a number is marked, unit 14 is written nearly anew: f falls, and i is most of what n has counted then. "
            "Elsewhere nearly all of its c and n stays."
        ),
    },
    _mark(
        "The sum of the two marked numbers, asked for at the last step: among 50 numbers, as in the training, its mean squared "
        "error is {mse:.4f} in sequences that training did not see; among 200, which it was not trained for, {mse_long:.2f}. "
        "Saying "
        "the mean sum, 1, each time has {mse_of_mean:.3f} at either length."
    ),
    "number",
    make,
    score,
    compare,
)
