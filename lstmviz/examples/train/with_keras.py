"""A recurrent layer of Keras and a dense one behind it, and what becomes of them here."""

from __future__ import annotations

import logging
import platform
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lstmviz.cells import Cell, build
from lstmviz.examples import shipped
from lstmviz.examples.example import Head
from lstmviz.examples.tasks.table import TASKS
from lstmviz.examples.train.own_kinds import make_equation_cell
from lstmviz.layouts import from_layout

FAMILIES: Mapping[str, tuple[str, Callable[..., Any]]] = {
    "BasicLSTMCell": ("lstm", keras.layers.LSTM),
    "GRUCell": ("gru", lambda units, **options: keras.layers.GRU(units, reset_after=False, **options)),
    "BasicRNNCell": ("rnn", keras.layers.SimpleRNN),
}
"""The kinds that Keras has a layer for, with the layer."""

log = logging.getLogger("lstmviz.examples.train")


def start(seed: int) -> None:
    """One thread and a seed, so that a training can be repeated."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("absl").setLevel(logging.WARNING)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(seed)


def make_model(
    kind: str,
    num_units: int,
    input_size: int,
    outputs: int,
    *,
    length: int | None = None,
    dropped: float = 0.0,
    seed: int = 0,
) -> Any:
    """A layer of the kind, and a dense one with as many outputs, both of every step.

    Args:
        kind: A key of `FAMILIES`, or a kind of which Keras knows nothing.
        num_units: The layer's size.
        input_size: The number of features.
        outputs: The dense layer's size.
        length: The steps of a sequence, where it is compiled for them.
        dropped: Which share of h the dense layer is kept from while it is trained.
        seed: Of the first weights of a kind of which Keras knows nothing; Keras's own layers take theirs from its global seed.
    """
    if kind in FAMILIES:
        _family, make = FAMILIES[kind]
        layer = make(num_units, return_sequences=True)
    else:
        layer = keras.layers.RNN(
            make_equation_cell(build(kind, num_units, input_size, seed=seed)), return_sequences=True
        )
    between = [keras.layers.Dropout(dropped)] if dropped else []
    return keras.Sequential([keras.Input((length, input_size)), layer, *between, keras.layers.Dense(outputs)])


def to_cell(kind: str, layer: Any) -> Cell:
    """The cell of a layer. An LSTM's stored bias holds the forget bias in Keras; here it is 1 apart, as the kind has it."""
    if kind not in FAMILIES:
        return layer.cell.trained()
    family, _make = FAMILIES[kind]
    names = ("kernel", "recurrent_kernel", "bias")
    told = {"reset_after": False} if family == "gru" else {}
    found = from_layout(
        dict(zip(names, map(np.array, layer.get_weights()), strict=True)), "keras", family, **told
    )
    if family != "lstm":
        return found
    weights = {name: weight.copy() for name, weight in found.weights.items()}
    weights["bias"][found.columns("f")] -= 1
    return build(kind, found.num_units, found.input_size, weights=weights)


def finish(task: str, kind: str, model: Any, started: float, **known: Any) -> None:
    """Measures a trained model as it will be shipped, and ships it."""
    recurrent, *_between, dense = model.layers
    kernel, bias = map(np.array, dense.get_weights())
    ship(task, to_cell(kind, recurrent), kernel, bias, started, **known)


def ship(task: str, cell: Cell, kernel: np.ndarray, bias: np.ndarray, started: float, **known: Any) -> None:
    """Measures a cell and its head on what is held out, and writes them with what is known of them."""
    minutes = (time.process_time() - started) / 60
    head = Head(kernel, bias, TASKS[task].reads)
    figures = {**TASKS[task].score(cell, head), **TASKS[task].compare()}
    versions = {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
    shipped.write(task, cell, head, {**figures, **known, "minutes": round(minutes, 2), **versions})
    log.info("%s %s %d: %s", task, cell.kind.name, cell.num_units, figures)
