"""How many brackets are open: strings of `( ) [ ]` and letters, at most eight deep.

Which bracket is open does not matter to the answer: a single number has to be kept, one up or one down at each bracket.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from lstmviz import sequences
from lstmviz.cells import Cell
from lstmviz.examples.batches import run_many
from lstmviz.examples.example import Head, Task
from lstmviz.language import _mark
from lstmviz.sequences import Sequence

ALPHABET = "()[]a"
DEEPEST = 8
TRAINED_LENGTH, LONG = 60, 300
_LETTER = 0.2  # how often a letter stands between brackets
_OPENS = (
    0.55  # how often a bracket opens, where it may do both: seven strings in ten get eight deep in 60 steps
)
_HELD_OUT = 10_000  # seeds from here on were not trained on
_SHOWN = "(a[(a)]([a](())))[[((([[(a)]])))]]a[((([([(a)])]))a)]"


def draw(
    count: int, length: int, seed: int
) -> tuple[Float[np.ndarray, "count length 5"], Int[np.ndarray, "count length"]]:
    """Strings, one-hot, and the depth after each of their characters."""
    rng = np.random.default_rng(seed)
    symbols = np.zeros((count, length), np.int64)
    depths = np.zeros((count, length), np.int64)
    open_ones = np.zeros((count, DEEPEST + 1), np.int64)  # which bracket is open at each depth
    depth, rows = np.zeros(count, np.int64), np.arange(count)
    for t in range(length):
        letter = rng.random(count) < _LETTER
        opens = ((rng.random(count) < _OPENS) | (depth == 0)) & (depth < DEEPEST)
        kind = np.where(opens, rng.integers(0, 2, count), open_ones[rows, depth])
        depth = depth + np.where(letter, 0, np.where(opens, 1, -1))
        opened = opens & ~letter
        open_ones[rows[opened], depth[opened]] = kind[opened]
        symbols[:, t] = np.where(letter, 4, 2 * kind + ~opens)
        depths[:, t] = depth
    return np.eye(len(ALPHABET), dtype=np.float32)[symbols], depths


def count_depths(text: str) -> Float[np.ndarray, " time"]:
    """The depth after each character of a text."""
    return np.cumsum([(each in "([") - (each in ")]") for each in text], dtype=np.float64)


def make() -> tuple[Sequence, Float[np.ndarray, " time"]]:
    """A string that goes eight deep twice."""
    return sequences.from_text(_SHOWN, alphabet=ALPHABET), count_depths(_SHOWN)


def score(cell: Cell, head: Head) -> dict[str, float]:
    """Which share of depths is right: in strings as long as those of the training, where they are deepest, and in longer ones."""
    x, depths = draw(400, TRAINED_LENGTH, _HELD_OUT)
    right = head(run_many(cell, x)) == depths
    x_long, depths_long = draw(50, LONG, _HELD_OUT + 1)
    right_long = head(run_many(cell, x_long)) == depths_long
    return {
        "accuracy": float(right.mean()),
        "accuracy_deepest": float(right[depths == DEEPEST].mean()),
        "accuracy_long": float(right_long.mean()),
        "accuracy_long_end": float(right_long[:, -100:].mean()),
    }


def compare() -> dict[str, float]:
    """How often the commonest depth is right."""
    _x, depths = draw(400, TRAINED_LENGTH, _HELD_OUT)
    return {"commonest": float(np.bincount(depths.ravel()).max() / depths.size)}


TASK = Task(
    "brackets",
    _mark("brackets that are open"),
    {
        "BasicLSTMCell": _mark(
            "Units that count: look for one whose c goes up a step with each bracket that opens, and down with each that closes."
        ),
        "GRUCell": _mark(
            "A unit that counts: look for one whose h rises with each bracket that opens, and falls with each that closes."
        ),
        "BasicRNNCell": _mark(
            "Look for a unit whose h rises and falls with how many brackets are open; it keeps no exact count, and some of "
            "its answers here are wrong."
        ),
    },
    _mark(
        "How many brackets are open, up to eight: right at {accuracy:.1%} of the steps of strings that training did not see, at "
        "{accuracy_long:.1%} in strings five times as long as those of the training; the commonest depth alone would be right "
        "at {commonest:.1%}."
    ),
    "largest",
    make,
    score,
    compare,
)
