"""A training on its way: the loop in which the cells that ship were trained, and into which others may look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from lstmviz.cells import Cell
from lstmviz.examples.example import Head
from lstmviz.examples.tasks.table import TASKS
from lstmviz.examples.train.with_keras import log, to_cell


class Falling(keras.optimizers.schedules.CosineDecay):  # type: ignore[misc]
    """A learning rate that falls to 0, times a factor that can be set on the way.

    Args:
        rate: The rate at the start.
        steps: After so many it is 0.
    """

    def __init__(self, rate: float, steps: int) -> None:
        super().__init__(rate, steps)
        self.factor = keras.Variable(1.0, trainable=False)

    def __call__(self, step: Any) -> Any:
        """The rate at a step."""
        return super().__call__(step) * self.factor


@dataclass(frozen=True, eq=False)
class Training:
    """A model and what it is trained on.

    Attributes:
        task: The task's name.
        kind: The kind of cell.
        model: A recurrent layer and a dense one, compiled.
        rate: The model's learning rate.
        x: Sequences.
        right: What is right, as the loss takes it.
        weights: How much each answer counts.
        batch: Sequences in a batch.
        rounds: How often Keras goes through all of `x`.
        epochs: How often each sequence is seen: `x` may hold it more than once.
        shuffles: Whether each round has an order of its own.
        scale: What the dense layer's outputs are multiplied with to be those of the head.
        shift: What is added then.
    """

    task: str
    kind: str
    model: Any
    rate: Falling
    x: np.ndarray
    right: np.ndarray
    weights: np.ndarray
    batch: int
    rounds: int = 1
    epochs: int = 1
    shuffles: bool = True
    scale: float = 1.0
    shift: float = 0.0

    @property
    def steps(self) -> int:
        """The batches of the whole training."""
        return self.rounds * -(-len(self.x) // self.batch)

    def run(self, *watchers: Any) -> Any:
        """The model when it is trained; `watchers` are Keras's callbacks."""
        for index in range(self.rounds):
            seen = self.model.fit(
                self.x,
                self.right,
                sample_weight=self.weights,
                batch_size=self.batch,
                shuffle=self.shuffles,
                callbacks=list(watchers),
                verbose=0,
            )
            log.info("%s, epoch %d: %.4f", self.kind, index, seen.history["loss"][0])
        return self.model

    def cell(self) -> Cell:
        """The cell with the weights as they are now."""
        return to_cell(self.kind, self.model.layers[0])

    def head(self) -> Head:
        """The layer behind it as it is now."""
        kernel, bias = map(np.array, self.model.layers[-1].get_weights())
        return Head(kernel * self.scale, bias * self.scale + self.shift, TASKS[self.task].reads)
