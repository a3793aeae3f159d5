"""Trains the cells that say the next character: `python -m lstmviz.examples.train.characters BasicLSTMCell`.

Characters go through an embedding, which is a linear layer in front of the cell; it is folded into the kernel, so that the
shipped cell takes the characters themselves, one-hot.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import keras
import numpy as np

from lstmviz.cells import Linear, fold
from lstmviz.examples.tasks.characters import ALPHABET, encode, read_library
from lstmviz.examples.train.with_keras import FAMILIES, log, ship, start, to_cell

UNITS, EMBEDDED, LENGTH, BATCH, STEPS, RATE, SEED = 128, 32, 64, 32, 8000, 0.005, 0
_TOLD = 100  # steps


def make_model(kind: str) -> Any:
    """An embedding, a layer of the kind, and a dense one."""
    _family, layer = FAMILIES[kind]
    return keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            keras.layers.Embedding(len(ALPHABET), EMBEDDED),
            layer(UNITS, return_sequences=True),
            keras.layers.Dense(len(ALPHABET)),
        ]
    )


def train(kind: str) -> Any:
    """A model that was trained on windows from anywhere in the library's text."""
    text, rng = encode(read_library()).astype(np.int32), np.random.default_rng(SEED)
    keras.utils.set_random_seed(SEED)
    model = make_model(kind)
    schedule = keras.optimizers.schedules.CosineDecay(RATE, STEPS)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule, clipnorm=1), loss, jit_compile=True)
    for done in range(0, STEPS, _TOLD):
        starts = rng.integers(0, len(text) - LENGTH, (_TOLD * BATCH, 1))
        windows = text[starts + np.arange(LENGTH + 1)]
        seen = model.fit(
            windows[:, :-1], windows[:, 1:, np.newaxis], batch_size=BATCH, shuffle=False, verbose=0
        )
        log.info("%s, step %d: %.3f bits", kind, done + _TOLD, seen.history["loss"][0] / np.log(2))
    return model


def main() -> None:
    """Trains the kinds that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=["BasicLSTMCell", "GRUCell"], help=", ".join(FAMILIES))
    for kind in parser.parse_args().kinds:
        start(SEED)
        started = time.process_time()
        embedding, recurrent, dense = train(kind).layers
        (table,) = embedding.get_weights()
        cell = fold(Linear(np.array(table), np.zeros(EMBEDDED, np.float32)), to_cell(kind, recurrent))
        kernel, bias = map(np.array, dense.get_weights())
        known = {"trained_on": f"{STEPS * BATCH} × {LENGTH}", "seed": SEED, "epochs": 1}
        ship("characters", cell, kernel, bias, started, **known)


if __name__ == "__main__":
    main()
