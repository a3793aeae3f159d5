"""The next character of Python's own standard library.

The modules at the top of CPython's library, in the order of their names, are the training's text. One of them is held out
and comes along, cut to 12,000 characters, so that a cell can be measured wherever it is.
"""

from __future__ import annotations

import hashlib
import sysconfig
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from lstmviz import sequences
from lstmviz.cells import Cell
from lstmviz.examples.batches import run_many
from lstmviz.examples.example import Head, Task
from lstmviz.language import _, _mark
from lstmviz.sequences import Sequence

ALPHABET = "\n" + "".join(map(chr, range(32, 127)))
HELD_OUT = "textwrap.py"
VERSION = "3.11.7"
_LIBRARY = "233c425baee79ef2"  # the start of the SHA-256 of its text
_FILE = Path(__file__).parents[1] / "trained" / "characters" / "held_out.txt"
_PIECES, _PIECE = 24, 500
_SHOWN, _SHOWN_FROM = 300, "    def _munge_whitespace"  # a method: its name, its text in quotes, its lines
_ORDER = 5


def read_held_out() -> str:
    """The text that training did not see."""
    return _FILE.read_text("ascii")


def read_library() -> str:
    """The text of the training, from the Python that runs.

    Raises:
        ValueError: it is another Python than the cells were trained with.
    """
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = [path for path in sorted(folder.glob("*.py")) if path.name != HELD_OUT and path.name[0] != "_"]
    text = "".join(path.read_text("utf-8", errors="ignore").expandtabs() for path in files)
    kept = text.translate(dict.fromkeys(set(map(ord, text)) - set(map(ord, ALPHABET))))
    if hashlib.sha256(kept.encode()).hexdigest()[:16] != _LIBRARY:
        raise ValueError(
            _("the library of this Python is not that of {version}, which the cells were trained on.").format(
                version=VERSION
            )
        )
    return kept


def encode(text: str) -> Int[np.ndarray, " length"]:
    """The place in the alphabet of each character."""
    places = np.zeros(128, np.int64)
    places[[*map(ord, ALPHABET)]] = np.arange(len(ALPHABET))
    return places[np.frombuffer(text.encode("ascii"), np.uint8)]


def make() -> tuple[Sequence, Float[np.ndarray, " time"]]:
    """A piece of the held-out text, and the place in the alphabet of each next character."""
    text = read_held_out()
    start = text.index(_SHOWN_FROM)
    shown = sequences.from_text(text[start : start + _SHOWN], alphabet=ALPHABET)
    return shown, encode(text[start + 1 : start + 1 + _SHOWN]).astype(np.float64)


def _pieces() -> Int[np.ndarray, "pieces length"]:
    return encode(read_held_out())[: _PIECES * _PIECE].reshape(_PIECES, _PIECE)


def score(cell: Cell, head: Head) -> dict[str, float]:
    """Bits for a character of the held-out text, in pieces of 500, and how often the likeliest one is right."""
    pieces = _pieces()
    h = run_many(cell, np.eye(len(ALPHABET), dtype=np.float32)[pieces[:, :-1]])
    outputs = head.outputs(h).astype(np.float64)
    top = outputs.max(axis=-1, keepdims=True)
    logarithms = outputs - top - np.log(np.exp(outputs - top).sum(axis=-1, keepdims=True))
    of_next = np.take_along_axis(logarithms, pieces[:, 1:, np.newaxis], axis=-1)
    return {
        "bits": float(-of_next.mean() / np.log(2)),
        "accuracy": float((outputs.argmax(axis=-1) == pieces[:, 1:]).mean()),
    }


@cache
def compare() -> dict[str, float]:
    """The bits of a model of the last four characters, counted in the training's text (Witten and Bell 1991).

    Raises:
        ValueError: that text is not here.
    """
    text, pieces = encode(read_library()), _pieces()
    chance = np.full(pieces[:, 1:].shape, 1 / len(ALPHABET))
    for order in range(1, _ORDER + 1):
        chance = _interpolate(text, pieces, order, chance)
    return {"bits_of_5_grams": float(-np.log2(chance).mean())}


def _interpolate(text: np.ndarray, pieces: np.ndarray, order: int, lower: np.ndarray) -> np.ndarray:
    """The chance of each next character by the `order - 1` before it, mixed with that by one less."""
    grams, times = np.unique(_join(text, order), return_counts=True)
    contexts, kinds = np.unique(grams // len(ALPHABET), return_counts=True)
    totals = np.add.reduceat(times, np.searchsorted(grams // len(ALPHABET), contexts))
    made = lower.copy()
    for row, piece in enumerate(pieces):
        there = _join(piece, order)
        if order == 1:
            there = there[1:]  # the first character is given
        start = pieces.shape[1] - 1 - len(there)
        seen = _look_up(grams, times, there)
        before = there // len(ALPHABET)
        total, different = _look_up(contexts, totals, before), _look_up(contexts, kinds, before)
        known = total > 0
        mixed = (seen + different * lower[row, start:]) / np.maximum(total + different, 1)
        made[row, start:] = np.where(known, mixed, lower[row, start:])
    return made


def _join(text: np.ndarray, order: int) -> np.ndarray:
    """Each run of so many characters as one number."""
    length = len(text) - order + 1
    joined = np.zeros(length, np.int64)
    for place in range(order):
        joined = joined * len(ALPHABET) + text[place : place + length]
    return joined


def _look_up(keys: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    places = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[places] == asked, values[places], 0)


TASK = Task(
    "characters",
    _mark("the next character of Python's library"),
    {
        "BasicLSTMCell": _mark(
            "Units that follow the line: c of unit 18 falls and that of unit 8 rises as it grows longer, that of unit 1 tells "
            "spaces from letters. How deep a line stands and whether a quote is open no single unit follows closely."
        ),
        "GRUCell": _mark(
            "Units that follow the text: h of unit 50 falls as the line grows longer, that of unit 21 falls at spaces, that "
            "of unit 81 at letters. How deep a line stands no single unit follows closely."
        ),
    },
    _mark(
        "The next character of a module that training did not see: {bits:.2f} bits each, the likeliest right at {accuracy:.0%}; "
        "a model of 5-grams of the same text has {bits_of_5_grams:.2f} bits."
    ),
    "largest",
    make,
    score,
    compare,
    _mark("the source text of CPython 3.11.7's standard library"),
    _mark("Python Software Foundation License"),
)
