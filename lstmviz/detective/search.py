"""The readings, run: every variant of each beside the others, and given up once it is clear that it does not fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz.detective.readings import Reading
from lstmviz.layouts import FAMILIES

Array = np.ndarray

KEPT = 16
"""How many of the readings that do not fit are run to the end and told, the closest ones."""

_WORK = 3e8  # multiplications: below, no reading is given up before the sample's end
_LOOSE = 1e-3  # how far float32 may stray from the sample before a reading counts as one that does not fit

# Each takes an array it may overwrite; NumPy's tanh is several times faster than its exp-based sigmoid.
_SQUASH: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "tanh": np.tanh,
        "relu": lambda a: np.maximum(a, 0),
        "sigmoid": lambda a: 0.5 * np.tanh(0.5 * a) + 0.5,
        "hard_sigmoid": lambda a: np.clip(a / 6 + 0.5, 0, 1),
        "legacy_hard_sigmoid": lambda a: np.clip(0.2 * a + 0.5, 0, 1),
    }
)
ACTIVATIONS = ("tanh", "relu")
RECURRENT = ("sigmoid", "hard_sigmoid", "legacy_hard_sigmoid")


@dataclass(frozen=True)
class Variant:
    """What the shapes do not say about a cell.

    Attributes:
        order: The gates as they are stored, in our letters.
        activation: A name in `lstmviz.cells.ACTIVATIONS`.
        recurrent_activation: The one of the gates; None for an RNN.
        forget_bias: What is added to f when the cell runs, beside the bias; None where there is no f.
        reset_after: Whether a GRU's r meets h after its product with the kernel; None where there is no r.
        update_keeps: Whether a GRU's u is the share of the old h (else of the candidate); None where there is no u.
    """

    order: tuple[str, ...]
    activation: str
    recurrent_activation: str | None = None
    forget_bias: float | None = None
    reset_after: bool | None = None
    update_keeps: bool | None = None


def _lstm(run: Run, x: Array, product: Array, rows: Array, first: Variant) -> tuple[Array, Array]:
    i, j, f, o = run.gates(x + product[rows], rows)
    gate, squash = _SQUASH[str(first.recurrent_activation)], _SQUASH[first.activation]
    c = run.c[rows] * gate(f + run.forget_bias[rows]) + gate(i) * squash(j)
    return c, squash(c) * gate(o)


def _gru(run: Run, x: Array, product: Array, rows: Array, first: Variant) -> tuple[Array, Array]:
    gate, squash = _SQUASH[str(first.recurrent_activation)], _SQUASH[first.activation]
    h = run.h[rows]
    part_x = run.gates(np.broadcast_to(x, (len(rows), *x.shape)), rows)
    part_h = run.gates(product[rows] + run.bias_h, rows)
    r, u = (gate(a + b) for a, b in zip(part_x[:2], part_h[:2], strict=True))
    hidden = r * part_h[2] if first.reset_after else run.candidate(r * h, rows)
    c = squash(part_x[2] + hidden)
    u = np.where(run.update_keeps[rows], u, 1 - u)
    h = u * h + (1 - u) * c
    return h, h


def _rnn(run: Run, x: Array, product: Array, rows: Array, first: Variant) -> tuple[Array, Array]:
    h = _SQUASH[first.activation]((x + product[rows])[:, 0])
    return h, h


@dataclass(frozen=True)
class Search:
    """What is tried for a family: every combination of the choices, and the step that runs one."""

    step: Callable[[Run, Array, Array, Array, Variant], tuple[Array, Array]]
    choices: Mapping[str, Sequence[Any]]

    def variants(self, reading: Reading) -> Iterator[Variant]:
        """Every variant of a reading."""
        for activation in ACTIVATIONS:
            for others in _product(self.choices):
                # Which of two biases is which matters only to a reset after the product.
                if not reading.swapped or others.get("reset_after"):
                    for order in reading.orders:
                        yield Variant(order, activation, **others)


def _product(choices: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [{}]
    for name, values in choices.items():
        made = [{**one, name: value} for one in made for value in values]
    return made


SEARCHES: Mapping[str, Search] = MappingProxyType(
    {
        "lstm": Search(_lstm, {"recurrent_activation": RECURRENT, "forget_bias": (0.0, 1.0)}),
        "gru": Search(
            _gru,
            {
                "recurrent_activation": RECURRENT,
                "reset_after": (False, True),
                "update_keeps": (True, False),
            },
        ),
        "rnn": Search(_rnn, {}),
    }
)


@dataclass(frozen=True, eq=False)
class Sample:
    """The input, and the known output: of every step, or of the last one alone."""

    inputs: Float[np.ndarray, "time input_size"]
    outputs: Float[np.ndarray, "known num_units"]
    scale: float
    tolerance: float

    def known(self, t: int) -> Array | None:
        """The known h after step t."""
        row = t - (len(self.inputs) - len(self.outputs))
        return self.outputs[row] if row >= 0 else None


class Run:
    """Many variants of one reading, run side by side.

    Their states stand in rows, `[variants, num_units]`, and meet the hidden kernel in one product: another order of
    the gates picks other blocks of the same product.
    """

    def __init__(self, reading: Reading, variants: Sequence[Variant], sample: Sample, dtype: str):
        self.reading, self.sample = reading, sample
        n, units = reading.bias_x.shape
        self.kernel_h = reading.kernel_h.reshape(units, n * units).astype(dtype)
        self.bias_h = reading.bias_h.astype(dtype)
        x = sample.inputs.astype(dtype) @ reading.kernel_x.reshape(-1, n * units).astype(dtype)
        bias = reading.bias_x if reading.family == "gru" else reading.bias_x + reading.bias_h
        self.x = x.reshape(-1, n, units) + bias.astype(dtype)
        self.t = 0
        self.h = np.zeros((len(variants), units), dtype)
        self.c = self.h.copy()
        self.worst = np.zeros(len(variants))  # the largest difference so far
        self.logs = np.zeros(len(variants))  # the sum of the differences' logarithms
        self.first_step = np.full(len(variants), -1)
        self.first_unit = np.full(len(variants), -1)
        self._describe(variants)

    def _describe(self, variants: Sequence[Variant]) -> None:
        self.variants = list(variants)
        gates, dtype = FAMILIES[self.reading.family].gates, self.h.dtype
        self.positions = np.array([[v.order.index(gate) for gate in gates] for v in variants]).reshape(
            -1, len(gates)
        )
        self.forget_bias = np.array([[v.forget_bias or 0.0] for v in variants], dtype)
        self.update_keeps = np.array([[v.update_keeps] for v in variants], bool)
        alike: dict[tuple[Any, ...], list[int]] = {}
        for k, v in enumerate(variants):
            alike.setdefault((v.activation, v.recurrent_activation, v.reset_after), []).append(k)
        self.groups = [np.array(rows) for rows in alike.values()]

    def keep(self, chosen: Array) -> None:
        """Drop the variants that are not chosen."""
        for name in ("h", "c", "worst", "logs", "first_step", "first_unit"):
            setattr(self, name, getattr(self, name)[chosen])
        self._describe([v for v, stays in zip(self.variants, chosen, strict=True) if stays])

    def gates(self, blocks: Array, rows: Array) -> list[Array]:
        """The gates' blocks in our order, out of `[variants, n_gates, num_units]` as they are stored."""
        return [blocks[np.arange(len(rows)), place] for place in self.positions[rows].T]

    def candidate(self, reset: Array, rows: Array) -> Array:
        """A GRU's reset state times the candidate's block, with its bias."""
        places = self.positions[rows, 2]
        units = reset.shape[1]
        result = np.empty_like(reset)
        for place in np.unique(places):
            block = self.kernel_h[:, place * units : (place + 1) * units]
            result[places == place] = reset[places == place] @ block + self.bias_h[place]
        return result

    def advance(self, until: int) -> None:
        """Run up to step `until` and compare."""
        step = SEARCHES[self.reading.family].step
        while self.t < until and self.variants:
            product = (
                self.h @ self.kernel_h if self.t else np.zeros((len(self.h), self.x[0].size), self.h.dtype)
            )
            product = product.reshape(-1, *self.x.shape[1:])
            results = [
                step(self, self.x[self.t], product, rows, self.variants[rows[0]]) for rows in self.groups
            ]
            for rows, (c, h) in zip(self.groups, results, strict=True):
                self.c[rows], self.h[rows] = c, h
            self._compare(self.sample.known(self.t))
            self.t += 1

    def _compare(self, known: Array | None) -> None:
        if known is None:
            return
        difference = np.abs(self.h - known)
        difference = np.where(np.isfinite(difference), difference, np.inf)
        worst = difference.max(axis=1)
        limit = self.sample.tolerance * self.sample.scale
        new = (self.first_step < 0) & (worst > limit)
        self.first_step[new], self.first_unit[new] = self.t, difference[new].argmax(axis=1)
        self.worst = np.maximum(self.worst, worst)
        floor, ceiling = max(limit, 1e-30), max(1e6 * self.sample.scale, 1e-20)
        self.logs += np.log(np.clip(difference, floor, ceiling)).sum(axis=1)


def run_all(pool: Sequence[tuple[Reading, list[Variant]]], sample: Sample) -> list[Run]:
    """Every variant in float32, given up once it is clear; then the best in float64."""
    runs = [Run(reading, variants, sample, "float32") for reading, variants in pool]
    steps, t = len(sample.inputs), 1
    while True:
        for run in runs:
            run.advance(min(t, steps))
        work = math.prod(runs[0].kernel_h.shape) * max(steps - t, 1)
        done = t >= steps
        if len(sample.outputs) == steps or done:
            _give_up(runs, KEPT if done else max(KEPT, int(_WORK / work)))
        if done:
            break
        t *= 2
    final = [Run(run.reading, run.variants, sample, "float64") for run in runs if run.variants]
    for run in final:
        run.advance(steps)
    return final


def _give_up(runs: Sequence[Run], count: int) -> None:
    """Keep what still fits, and the `count` closest of the rest."""
    logs = np.concatenate([run.logs for run in runs])
    fits = np.concatenate([run.worst <= max(_LOOSE, run.sample.tolerance) * run.sample.scale for run in runs])
    chosen = fits.copy()
    chosen[np.argsort(np.where(fits, np.inf, logs), kind="stable")[:count]] = True
    ends = np.cumsum([len(run.variants) for run in runs])[:-1]
    for run, stays in zip(runs, np.split(chosen, ends), strict=True):
        run.keep(stays)
