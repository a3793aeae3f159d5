"""Hints: what the shapes, and biases near 1, suggest where there is no sample."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from lstmviz.detective.answers import CONFIDENCE, Match, make_match
from lstmviz.detective.known import KNOWN, Known
from lstmviz.detective.readings import Reading, find_readings
from lstmviz.detective.search import Variant
from lstmviz.language import _
from lstmviz.layouts import FAMILIES

Array = np.ndarray

_COUNTS = {len(family.gates) for family in FAMILIES.values()}


def guess_input_sizes(named: Mapping[str, Array]) -> list[int]:
    """The numbers of features that the arrays' shapes leave open: an axis, or what a joined kernel has beyond its h."""
    sizes = set()
    for shape in {array.shape for array in named.values() if array.ndim == 2}:
        for rows, columns in (shape, shape[::-1]):
            sizes |= {rows, *(rows - columns // n for n in _COUNTS if columns % n == 0)}
    return sorted(size for size in sizes if size > 0)


def give_hints(named: Mapping[str, Array], input_sizes: Sequence[int]) -> list[Match]:
    """What the shapes, and biases near 1, suggest: never more than a guess.

    Raises:
        ValueError: the shapes fit no layer.
    """
    lengths = {length for array in named.values() for length in array.shape}
    sizes = sorted({length // n for length in lengths for n in _COUNTS if length % n == 0} - {0})
    found: list[Reading] = []
    for input_size in input_sizes:
        with suppress(ValueError):
            found += find_readings(named, input_size, sizes)
    if not found:
        if len(input_sizes) == 1:
            find_readings(named, input_sizes[0], sizes)  # which says why
        given = ", ".join(f"{name} {list(array.shape)}" for name, array in [*named.items()][:12])
        raise ValueError(
            _(
                "the arrays fit no LSTM, GRU or RNN: {given}. Give all arrays of one layer and no others."
            ).format(given=given)
        )
    hints = [hint for reading in found if not reading.swapped for hint in _hints_of(reading)]
    return sorted(hints, key=lambda hint: list(CONFIDENCE).index(hint.confidence))


def _hints_of(reading: Reading) -> Iterator[Match]:
    """One for each framework that shapes its arrays so; else one that says only where f seems to be."""
    forget = _near_one(reading) if "f" in FAMILIES[reading.family].gates else None
    found = [known for known in KNOWN if known.stores(reading)]
    for known in found:
        confidence = "possible"
        if forget is not None:
            confidence = "likely" if known.order[forget] == "f" else "unlikely"
        yield _hint(reading, known.order, known.layout, confidence, known)
    if not found or (forget is not None and all(known.order[forget] != "f" for known in found)):
        order = ["?"] * len(FAMILIES[reading.family].gates)
        if len(order) == 1:
            order = list(FAMILIES[reading.family].gates)
        if forget is not None:
            order[forget] = "f"
        yield _hint(reading, tuple(order), None, "possible" if forget is not None else "unlikely")


def _near_one(reading: Reading) -> int | None:
    """The one block whose bias lies near 1 while the others lie near 0, as Keras's `unit_forget_bias` starts it."""
    bias = (reading.bias_x + reading.bias_h).mean(axis=1)
    (near,) = np.nonzero(np.abs(bias - 1) < 0.35)
    far = np.abs(np.delete(bias, near)) < 0.4
    return int(near[0]) if len(near) == 1 and far.all() else None


def _hint(
    reading: Reading, order: tuple[str, ...], layout: str | None, confidence: str, known: Known | None = None
) -> Match:
    gates = FAMILIES[reading.family].gates
    variant = Variant(
        order,
        "tanh",
        recurrent_activation=None if reading.family == "rnn" else "sigmoid",
        forget_bias=(known.forget_bias[0] if known else 0.0) if "f" in gates else None,
        reset_after=known.reset_after[-1] if known and "r" in gates else None,
        update_keeps=True if "u" in gates else None,
    )
    match = make_match(reading, variant, 0, math.nan, (0, 0))
    return replace(
        match,
        layouts=() if layout is None else (layout,),
        first_difference=None,
        is_hint=True,
        confidence=confidence,
    )
