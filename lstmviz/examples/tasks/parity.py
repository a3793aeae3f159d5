"""Whether the ones so far are odd in number: each 1 has to turn around what is kept."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from lstmviz.cells import Cell
from lstmviz.examples.batches import run_many
from lstmviz.examples.example import Head, Task
from lstmviz.language import _, _mark
from lstmviz.sequences import Sequence

TRAINED_LENGTH, LONG, SHOWN = 40, 400, 40
_HELD_OUT = 10_000


def draw(
    count: int, length: int, seed: int
) -> tuple[Float[np.ndarray, "count length 1"], Float[np.ndarray, "count length"]]:
    """Bits, and after each whether the ones so far are odd in number, 1, or even, -1."""
    bits = np.random.default_rng(seed).integers(0, 2, (count, length))
    return bits[..., np.newaxis].astype(np.float32), 2.0 * (bits.cumsum(axis=1) % 2) - 1


def make() -> tuple[Sequence, Float[np.ndarray, " time"]]:
    """One sequence, and its answers."""
    x, parity = draw(1, SHOWN, _HELD_OUT + 2)
    return Sequence(x[0], tuple(map(str, range(SHOWN))), (_("x[0]: a bit"),), _("bits")), parity[0]


def score(cell: Cell, head: Head) -> dict[str, float]:
    """Which share of the answers is right, in sequences as in the training and in longer ones."""
    return {
        "accuracy": _count_right(cell, head, 500, TRAINED_LENGTH, _HELD_OUT),
        "accuracy_long": _count_right(cell, head, 100, LONG, _HELD_OUT + 1),
    }


def _count_right(cell: Cell, head: Head, count: int, length: int, seed: int) -> float:
    x, parity = draw(count, length, seed)
    return float((head(run_many(cell, x)) == parity).mean())


def compare() -> dict[str, float]:
    """A guess."""
    return {"chance": 0.5}


TASK = Task(
    "parity",
    _mark("parity of the bits so far"),
    {
        "BasicLSTMCell": _mark(
            "A state turns around at each 1 and stays at each 0: look for the unit that flips."
        )
    },
    _mark(
        "Whether the ones so far are odd in number: right at {accuracy:.1%} of the steps of sequences that training did not see, "
        "at {accuracy_long:.1%} in sequences ten times as long; a guess at {chance:.0%}."
    ),
    "sign",
    make,
    score,
    compare,
)
