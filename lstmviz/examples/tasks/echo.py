"""What was heard ten steps ago: uniform noise, said again."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from lstmviz.cells import Cell
from lstmviz.examples.batches import run_many
from lstmviz.examples.example import Head, Task
from lstmviz.language import _, _mark
from lstmviz.sequences import Sequence

DELAY = 10
TRAINED_LENGTH, LONG, SHOWN = 60, 500, 60
_HELD_OUT = 10_000


def draw(
    count: int, length: int, seed: int
) -> tuple[Float[np.ndarray, "count length 1"], Float[np.ndarray, "count length"]]:
    """Noise from -1 to 1, and what it was ten steps before; NaN in the first ten."""
    x = np.random.default_rng(seed).uniform(-1, 1, (count, length)).astype(np.float32)
    targets = np.full((count, length), np.nan)
    targets[:, DELAY:] = x[:, :-DELAY]
    return x[..., np.newaxis], targets


def make() -> tuple[Sequence, Float[np.ndarray, " time"]]:
    """One sequence, and its echo."""
    x, targets = draw(1, SHOWN, _HELD_OUT + 2)
    return Sequence(x[0], tuple(map(str, range(SHOWN))), (_("x[0]: noise"),), _("noise")), targets[0]


def score(cell: Cell, head: Head) -> dict[str, float]:
    """Which share of the echo's variance is said, in sequences as in the training and in longer ones."""
    return {
        "r2": _explain(cell, head, 200, TRAINED_LENGTH, _HELD_OUT),
        "r2_long": _explain(cell, head, 40, LONG, _HELD_OUT + 1),
    }


def _explain(cell: Cell, head: Head, count: int, length: int, seed: int) -> float:
    x, targets = draw(count, length, seed)
    wrong = np.nanmean((head(run_many(cell, x)) - targets) ** 2)
    return float(1 - wrong / np.nanvar(targets))


def compare() -> dict[str, float]:
    """Saying the mean."""
    return {"r2_of_mean": 0.0}


TASK = Task(
    "echo",
    _mark("echo after 10 steps"),
    {
        "BasicLSTMCell": _mark(
            "A shift register: the last ten numbers are all in h, handed on from step to step, each spread over several units."
        )
    },
    _mark(
        "What was heard ten steps ago: R² = {r2:.3f} in sequences that training did not see, {r2_long:.3f} in sequences of 500 "
        "steps; saying the mean has {r2_of_mean:.0f}."
    ),
    "number",
    make,
    score,
    compare,
)
