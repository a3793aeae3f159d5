"""Trains the cells whose data a program makes: `python -m lstmviz.examples.train.made brackets latch`.

Every kind of a task sees the same sequences in the same order, as often and at the same rate. An LSTM may start with a
forget bias and an input bias of its own (Tallec and Ollivier 2018): at the usual ones nearly half of what it keeps is
gone after two steps, and nothing of an answer a hundred steps later reaches it. Other cells have no such bias.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from lstmviz.examples.tasks import adding, brackets, echo, latch, parity
from lstmviz.examples.train.training import Falling, Training
from lstmviz.examples.train.with_keras import finish, make_model, start


@dataclass(frozen=True)
class Recipe:
    """How the cells of a task are trained.

    Attributes:
        draw: `(count, length, seed)` to inputs and right answers; NaN where none is asked for.
        length: The steps of a sequence.
        cells: The kinds, each with its size.
        loss: "number", "sign" or "choice": a squared error, or a cross-entropy.
        outputs: How many outputs the dense layer has.
        count: How many sequences there are.
        epochs: How often each is seen.
        last_only: Whether the last answer alone counts.
        keeps: How many steps an LSTM keeps a number at the start; None for Keras's own start.
        rate: Adam's, at the start; it falls to 0.
        seed: Of the sequences, their order and the first weights.
    """

    draw: Callable[[int, int, int], tuple[np.ndarray, np.ndarray]]
    length: int
    cells: Mapping[str, int]
    loss: str
    outputs: int = 1
    count: int = 6400
    epochs: int = 10
    last_only: bool = False
    keeps: int | None = None
    rate: float = 0.01
    seed: int = 0


_BATCH = 32
_LOSSES: Mapping[str, Callable[[], Any]] = {
    "number": keras.losses.MeanSquaredError,
    "sign": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
    "choice": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}
RECIPES: Mapping[str, Recipe] = {
    "brackets": Recipe(
        brackets.draw,
        brackets.TRAINED_LENGTH,
        {"BasicLSTMCell": 8, "GRUCell": 8, "BasicRNNCell": 8},
        "choice",
        brackets.DEEPEST + 1,
    ),
    "latch": Recipe(
        latch.draw,
        latch.TRAINED_LENGTH,
        {"BasicLSTMCell": 4, "BasicRNNCell": 4},
        "sign",
        last_only=True,
        keeps=100,
    ),
    "echo": Recipe(echo.draw, echo.TRAINED_LENGTH, {"BasicLSTMCell": 16}, "number"),
    "adding": Recipe(
        adding.draw,
        adding.TRAINED_LENGTH,
        {"BasicLSTMCell": 16, "sLSTM": 16, "minGRU": 16},
        "number",
        last_only=True,
        keeps=50,
    ),
    "parity": Recipe(parity.draw, parity.TRAINED_LENGTH, {"BasicLSTMCell": 4}, "sign"),
}
"""How the cells of each task are trained."""


def draw(recipe: Recipe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, right answers as the loss takes them, and how much each answer counts."""
    x, targets = recipe.draw(recipe.count, recipe.length, recipe.seed)
    counts = np.isfinite(targets)
    if recipe.last_only:
        counts = counts & (np.arange(recipe.length) == recipe.length - 1)
    # A mean over all steps would be divided by those that do not count.
    weights = counts / counts.mean()
    right = np.nan_to_num(targets)
    if recipe.loss == "sign":
        right = (right > 0).astype(np.float32)
    return x, right[..., np.newaxis].astype(np.float32), weights.astype(np.float32)


def keep_at_first(layer: Any, steps: int) -> None:
    """Biases with which an LSTM keeps for about so many steps what it has, and takes in as little."""
    kernel, recurrent, bias = layer.get_weights()
    units = len(bias) // 4
    bias[:units], bias[units : 2 * units] = -np.log(steps), np.log(steps)
    layer.set_weights([kernel, recurrent, bias])


def prepare(
    task: str, kind: str, num_units: int | None = None, seed: int | None = None, epochs: int | None = None
) -> Training:
    """A training that has not begun.

    Args:
        task: A key of `RECIPES`.
        kind: The kind of cell.
        num_units: Its size; by default the recipe's.
        seed: Of the first weights and of the order; by default the recipe's. The sequences stay the recipe's own, so that
            no seed can draw those that are held out.
        epochs: How often each sequence is seen; by default as the recipe says.
    """
    recipe = RECIPES[task]
    seed, epochs = recipe.seed if seed is None else seed, epochs or recipe.epochs
    keras.utils.set_random_seed(seed)
    x, right, weights = draw(recipe)
    size = num_units or recipe.cells[kind]
    model = make_model(kind, size, x.shape[-1], recipe.outputs, length=recipe.length, seed=seed)
    if recipe.keeps is not None and kind == "BasicLSTMCell":
        keep_at_first(model.layers[0], recipe.keeps)
    rate = Falling(recipe.rate, epochs * recipe.count // _BATCH)
    # Compiled as a whole, a step of so small a model takes a tenth of the time.
    model.compile(keras.optimizers.Adam(rate, clipnorm=1), _LOSSES[recipe.loss](), jit_compile=True)
    return Training(task, kind, model, rate, x, right, weights, batch=_BATCH, rounds=epochs, epochs=epochs)


def train(task: str, kind: str) -> Any:
    """A trained model."""
    return prepare(task, kind).run()


def main() -> None:
    """Trains the cells of the tasks that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=[*RECIPES], help=", ".join(RECIPES))
    parser.add_argument("--kind", help="one kind alone")
    asked = parser.parse_args()
    for task in asked.tasks:
        recipe = RECIPES[task]
        start(recipe.seed)
        for kind in recipe.cells:
            if asked.kind in (None, kind):
                started = time.process_time()
                model = train(task, kind)
                finish(
                    task,
                    kind,
                    model,
                    started,
                    trained_on=f"{recipe.count} × {recipe.length}",
                    seed=recipe.seed,
                    epochs=recipe.epochs,
                )


if __name__ == "__main__":
    main()
