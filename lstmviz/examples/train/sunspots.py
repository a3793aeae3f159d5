"""Trains the cells that say next year's sunspots, every size from 1 to 32: `python -m lstmviz.examples.train.sunspots`.

Targets are square roots, so that an error counts alike in quiet years and in loud ones. What else was chosen, by what, and
what of it knowing errors on the years from 1950 on, stands in `lstmviz/examples/README.md`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from lstmviz.examples.tasks.sunspots import FIRST_HELD_OUT, INPUT_SIZE, SHOWN, inputs, measure_error, numbers
from lstmviz.examples.train.training import Falling, Training
from lstmviz.examples.train.with_keras import FAMILIES, finish, log, make_model, start

SIZES = range(1, 33)
BATCH, RATE, SEED = 16, 0.01, 0
LARGE, DROPPED = 16, 0.2  # units, and which share of a larger cell's h the dense layer is kept from
# Years whose cycles are the loudest before 1950: left out at once, they are to those that stay what the years from 1950 on
# are to all before, louder than anything seen.
LOUD = ((1775, 1783), (1784, 1797), (1834, 1843), (1867, 1878), (1944, 1949))
LOUDER = 1.5
_WARMING = 8  # years before each of them, so that the state is not zeros
_SCALE, _SHIFT = 4.0, 6.0  # roots of sunspot numbers, about 2 to 12, become numbers around 0
_FIRST = 1703  # the first year with all its features


def choose_epochs(num_units: int) -> int:
    """How often each window is seen: a large cell knows 246 years by heart soon, a small one never does."""
    return int(np.clip(400 // num_units, 12, 30))


def draw(epochs: int, left_out: Sequence[tuple[int, int]] = ()) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows of 60 years before 1950, each as loud as chance has it: inputs, roots as the loss takes them, what counts.

    A cycle is told by its shape; how loud the next ones will be, the years before do not say. So every window is seen
    up to one and a half times as loud or as quiet as it was.
    """
    rng = np.random.default_rng(SEED)
    x, following = inputs()
    every = np.array([*numbers().values()])
    mean, deviation = every.mean(), every.std()
    answers = np.arange(_FIRST + 1, FIRST_HELD_OUT)  # the years that are answered for
    counts = np.array([not any(first <= year <= last for first, last in left_out) for year in answers])
    starts = np.concatenate([rng.permutation(len(answers) - SHOWN + 1) for _epoch in range(epochs)])
    windows = starts[:, np.newaxis] + np.arange(SHOWN)
    loud = np.exp(rng.uniform(-np.log(LOUDER), np.log(LOUDER), (len(windows), 1)))
    scaled = ((x[windows] * deviation + mean) * loud[..., np.newaxis] - mean) / deviation
    roots = (np.sqrt(following[windows] * loud) - _SHIFT) / _SCALE
    return (
        scaled.astype(np.float32),
        roots[..., np.newaxis].astype(np.float32),
        counts[windows].astype(np.float32),
    )


def prepare(
    kind: str, num_units: int, left_out: Sequence[tuple[int, int]] = (), seed: int = SEED
) -> Training:
    """A training on all windows of 60 years before 1950 that has not begun.

    Args:
        kind: The kind of cell.
        num_units: Its size.
        left_out: Years whose targets do not count, from the first to the last.
        seed: Of the first weights; the windows are the same for every seed.
    """
    epochs = choose_epochs(num_units)
    x, roots, counts = draw(epochs, left_out)
    keras.utils.set_random_seed(seed)
    dropped = DROPPED if num_units > LARGE else 0.0
    model = make_model(kind, num_units, INPUT_SIZE, 1, dropped=dropped, seed=seed)
    rate = Falling(RATE, -(-len(x) // BATCH))
    model.compile(keras.optimizers.Adam(rate), "mse")
    return Training(
        *("sunspots", kind, model, rate, x, roots, counts),
        batch=BATCH,
        epochs=epochs,
        shuffles=False,
        scale=_SCALE,
        shift=_SHIFT,
    )


def train(kind: str, num_units: int, left_out: Sequence[tuple[int, int]] = ()) -> Any:
    """A model that was trained on all windows of 60 years before 1950, the targets of some years not counted."""
    training = prepare(kind, num_units, left_out)
    model, head = training.run(), training.head()
    model.layers[-1].set_weights([head.kernel, head.bias])  # the root itself again
    return model


def validate(kind: str, num_units: int) -> float:
    """The error on the loudest cycles before 1950, left out of the training."""
    x, following = inputs()
    model = train(kind, num_units, LOUD)
    answers, right = [], []
    for first, last in LOUD:
        start_, stop = first - 1 - _FIRST, last - _FIRST
        roots = model.predict(x[np.newaxis, start_ - _WARMING : stop], verbose=0)[0, _WARMING:, 0]
        answers.append(np.maximum(roots, 0) ** 2)
        right.append(following[start_:stop])
    return measure_error(np.concatenate(answers), np.concatenate(right))


def main() -> None:
    """Trains what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[*SIZES])
    parser.add_argument("--kind", choices=[*FAMILIES], default="BasicLSTMCell")
    parser.add_argument(
        "--validate", action="store_true", help="print the error on left-out years, and ship nothing"
    )
    asked = parser.parse_args()
    start(SEED)
    for num_units in asked.sizes:
        if asked.validate:
            log.info("%s %d: %.1f", asked.kind, num_units, validate(asked.kind, num_units))
            continue
        started = time.process_time()
        model = train(asked.kind, num_units)
        known = {"trained_on": "1704-1949", "seed": SEED, "epochs": choose_epochs(num_units)}
        finish("sunspots", asked.kind, model, started, **known)


if __name__ == "__main__":
    main()
