"""What an example is: a trained cell, the layer behind it, and what it was trained for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz.cells import Cell
from lstmviz.language import _, _mark
from lstmviz.sequences import Sequence

Figures = Mapping[str, Any]


def _square(outputs: np.ndarray) -> np.ndarray:
    return np.square(np.maximum(outputs[..., 0], 0))


READINGS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "number": lambda outputs: outputs[..., 0],
        "square": _square,
        "sign": lambda outputs: np.where(outputs[..., 0] > 0, 1, -1),
        "largest": lambda outputs: outputs.argmax(axis=-1),
    }
)
"""How outputs become an answer: the number itself, its square (0 of a negative one), its sign, which output is the largest."""


def _log_of_share(outputs: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The logarithm of the right output's part of the softmax."""
    apart = outputs - outputs.max(axis=-1, keepdims=True)
    logs: np.ndarray = apart - np.log(np.exp(apart).sum(axis=-1, keepdims=True))
    return np.take_along_axis(logs, right[..., np.newaxis].astype(int), axis=-1)[..., 0]


LOSSES: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "number": lambda outputs, right: np.square(outputs[..., 0] - right),
        "square": lambda outputs, right: np.square(outputs[..., 0] - np.sqrt(right)),
        "sign": lambda outputs, right: np.logaddexp(0, -right * outputs[..., 0]),
        "largest": lambda outputs, right: -_log_of_share(outputs, right),
    }
)
"""How wrong each of some outputs is, by how they are read: what training made small. A squared difference, of a square the roots';
of a sign or of the largest output its cross-entropy, in nats."""


def _share_of_largest(outputs: np.ndarray) -> np.ndarray:
    """The largest output's part of the softmax."""
    apart = outputs - outputs.max(axis=-1, keepdims=True)
    share: np.ndarray = 1 / np.exp(apart).sum(axis=-1)
    return share


SURENESS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "sign": lambda outputs: 1 / (1 + np.exp(-np.abs(outputs[..., 0]))),
        "largest": _share_of_largest,
    }
)
"""How sure an answer is: the probability that the outputs give it, by how they are read; a number has none."""


@dataclass(frozen=True, eq=False)
class Head:
    """The dense layer behind a cell: kernel `[output_size, outputs]`, bias `[outputs]`.

    Attributes:
        kernel: The weights that meet h.
        bias: What is added.
        reads: How the outputs become an answer, a key of `READINGS`.
    """

    kernel: Float[np.ndarray, "output_size outputs"]
    bias: Float[np.ndarray, " outputs"]
    reads: str

    def outputs(self, h: Float[np.ndarray, "*batch output_size"]) -> Float[np.ndarray, "*batch outputs"]:
        """What the layer makes of h."""
        made: np.ndarray = h @ self.kernel + self.bias
        return made

    def __call__(self, h: Float[np.ndarray, "*batch output_size"]) -> np.ndarray:
        """The answers, `[*batch]`."""
        return READINGS[self.reads](self.outputs(h))

    def sureness(self, h: Float[np.ndarray, "*batch output_size"]) -> np.ndarray | None:
        """The probability that the layer gives each of its answers, `[*batch]`; None where an answer is a plain number."""
        measure = SURENESS.get(self.reads)
        return measure(self.outputs(h).astype(np.float64)) if measure else None


@dataclass(frozen=True, eq=False)
class Task:
    """What cells are trained for.

    Attributes:
        name: What it is called in code and addresses.
        title: What it is called on the page, before its translation.
        look: What to look at in each kind that ships, in a sentence, before its translation.
        says: A sentence with the facts in it, `{rmse:.1f}`, before its translation.
        reads: How a head's outputs become an answer, a key of `READINGS`.
        make: The sequence that is shown, and the right answer to each of its steps, NaN where there is none.
        score: The figures of a cell and its head on data that training did not see.
        compare: The same figures of what needs no recurrent cell.
        source: Where the data come from; before its translation.
        licence: Their licence; before its translation.
    """

    name: str
    title: str
    look: Mapping[str, str]
    says: str
    reads: str
    make: Callable[[], tuple[Sequence, np.ndarray]]
    score: Callable[[Cell, Head], Figures]
    compare: Callable[[], Figures]
    source: str = _mark("made by a program, with a seed")
    licence: str = _mark("Apache 2.0, as the program")


@dataclass(frozen=True, eq=False)
class Example:
    """A trained cell with what it was trained for.

    Attributes:
        name: The example's name, one of `names()`.
        title: What it is called.
        look: What to look at, in a sentence; empty of a cell that does not ship.
        cell: The cell.
        head: The dense layer behind it, which gives its answers.
        sequence: An input to show it with, which training did not see.
        targets: The right answer to each step of `sequence`; NaN where none is asked for, or none is known.
        facts: What was measured on data that training did not see, beside what needs no cell, and how it was trained.
        source: Where the data come from.
        licence: Their licence.
    """

    name: str
    title: str
    look: str
    cell: Cell
    head: Head
    sequence: Sequence
    targets: Float[np.ndarray, " time"]
    facts: Mapping[str, Any] = field(repr=False)
    source: str
    licence: str
    says: str = field(repr=False)

    def answers(self, trace: Any) -> Float[np.ndarray, " time"]:
        """What the cell answers at each step: of a run's trace, or of its h `[time, output_size]`."""
        h = trace.states["h"] if hasattr(trace, "states") else np.asarray(trace)
        if h.ndim != 2 or h.shape[1] != len(self.head.kernel):
            raise ValueError(
                _("h has the shape {given}; the layer behind this cell takes [time, {allowed}].").format(
                    given=list(h.shape), allowed=len(self.head.kernel)
                )
            )
        return np.asarray(self.head(h), np.float64)

    def loss(
        self, outputs: Float[np.ndarray, "time outputs"], targets: Float[np.ndarray, " known"] | None = None
    ) -> float:
        """How wrong outputs of the layer are, on average over the steps that have a right answer; what training made small.

        Args:
            outputs: What the layer makes of h after each step, as `head.outputs` gives it.
            targets: The right answers, NaN where there is none; by default those to `sequence`.

        Raises:
            ValueError: there are not as many right answers as outputs, or there is none at all.

        >>> import lstmviz as lv
        >>> parity = lv.examples.load("parity")
        >>> h = lv.run(parity.cell, parity.sequence, engine="numpy").states["h"]
        >>> bool(parity.loss(parity.head.outputs(h)) < 0.01)
        True
        """
        right = self.targets if targets is None else np.asarray(targets, np.float64)
        if len(right) != len(outputs):
            raise ValueError(
                _("There are {given} outputs and {right} right answers; give one for each step.").format(
                    given=len(outputs), right=len(right)
                )
            )
        known = ~np.isnan(right)
        if not known.any():
            raise ValueError(_("None of these steps has a right answer, so no output is wrong."))
        return float(LOSSES[self.head.reads](np.asarray(outputs, np.float64)[known], right[known]).mean())

    @property
    def sentence(self) -> str:
        """What was measured, in a sentence."""
        return self.says.format(**self.facts)


def name_fact(name: str) -> str:
    """What a fact is called; its own name where it has no other."""
    return _(FACTS[name]) if name in FACTS else name


FACTS: Mapping[str, str] = MappingProxyType(
    {
        "rmse": _mark("error (RMSE), in sunspots"),
        "rmse_warm": _mark("error (RMSE) after a start in 1703, in sunspots"),
        "persistence": _mark("error of this year's number again"),
        "ar9": _mark("error of a linear AR(9)"),
        "ar9_roots": _mark("error of a linear AR(9) on square roots"),
        "accuracy": _mark("share of right answers"),
        "accuracy_deepest": _mark("share of right answers where the brackets are deepest"),
        "accuracy_long": _mark("share of right answers in longer sequences"),
        "accuracy_long_end": _mark("share of right answers in the last 100 steps of longer sequences"),
        "commonest": _mark("share of the commonest answer"),
        "chance": _mark("share of right answers of a guess"),
        "r2": _mark("share of the variance explained (R²)"),
        "r2_long": _mark("share of the variance explained (R²) in longer sequences"),
        "r2_of_mean": _mark("share of the variance explained by the mean"),
        "mse": _mark("mean squared error"),
        "mse_long": _mark("mean squared error in longer sequences"),
        "mse_of_mean": _mark("mean squared error of the mean"),
        "bits": _mark("bits for a character"),
        "bits_of_5_grams": _mark("bits for a character of a model of 5-grams"),
        "trained_on": _mark("trained on"),
        "seed": _mark("seed of the training"),
        "epochs": _mark("epochs"),
        "minutes": _mark("minutes of a processor"),
        "python": "Python",
        "keras": "Keras",
        "tensorflow": "TensorFlow",
    }
)
"""What each fact is called, before its translation."""
