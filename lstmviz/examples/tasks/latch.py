"""One bit over a hundred noisy steps: x[0] has the bit where x[1] is 1, and noise as large everywhere else."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from lstmviz.cells import Cell
from lstmviz.examples.batches import run_many
from lstmviz.examples.example import Head, Task
from lstmviz.language import _, _mark
from lstmviz.sequences import Sequence

TRAINED_LENGTH, LONG = 110, 510
_LATEST = 10  # the bit comes before this step, so that a hundred or more follow it
_HELD_OUT = 10_000


def draw(
    count: int, length: int, seed: int
) -> tuple[Float[np.ndarray, "count length 2"], Float[np.ndarray, "count length"]]:
    """Sequences, and the bit, 1 or -1, from the step on that has it; NaN before."""
    rng = np.random.default_rng(seed)
    bits = rng.choice([-1.0, 1.0], count)
    when = rng.integers(0, _LATEST, count)
    x = np.zeros((count, length, 2), np.float32)
    x[..., 0] = rng.normal(0, 1, (count, length))
    x[np.arange(count), when] = np.stack([bits, np.ones(count)], axis=-1)
    there = np.arange(length) >= when[:, np.newaxis]
    return x, np.where(there, bits[:, np.newaxis], np.nan)


def make() -> tuple[Sequence, Float[np.ndarray, " time"]]:
    """One sequence, and its bit."""
    x, bits = draw(1, TRAINED_LENGTH, _HELD_OUT + 2)
    labels = tuple(map(str, range(TRAINED_LENGTH)))
    features = (_("x[0]: the bit, or noise"), _("x[1]: 1 where the bit is"))
    return Sequence(x[0], labels, features, _("a bit among noise")), bits[0]


def score(cell: Cell, head: Head) -> dict[str, float]:
    """How often the bit is right at the last step, of sequences as in the training and of longer ones."""
    return {
        "accuracy": _count_right(cell, head, 2000, TRAINED_LENGTH, _HELD_OUT),
        "accuracy_long": _count_right(cell, head, 500, LONG, _HELD_OUT + 1),
    }


def _count_right(cell: Cell, head: Head, count: int, length: int, seed: int) -> float:
    x, bits = draw(count, length, seed)
    return float((head(run_many(cell, x)[:, -1]) == bits[:, -1]).mean())


def compare() -> dict[str, float]:
    """A guess."""
    return {"chance": 0.5}


TASK = Task(
    "latch",
    _mark("one bit over 100 noisy steps"),
    {
        "BasicLSTMCell": _mark(
            "At the step that has the bit, i opens in one unit; from then on i is nearly shut and f near 1. The little that is "
            "still written at each step has the bit's sign too, and in the end c is mostly made of that, as Memory's ledger "
            "shows."
        ),
        "BasicRNNCell": _mark(
            "It forgets: h of each unit goes along with the noise, or against it, and 25 steps after the bit nothing of it "
            "is left."
        ),
    },
    _mark(
        "The bit 100 and more noisy steps later: right at {accuracy:.1%} of sequences that training did not see, at "
        "{accuracy_long:.1%} after 500 steps and more; a guess at {chance:.0%}."
    ),
    "sign",
    make,
    score,
    compare,
)
