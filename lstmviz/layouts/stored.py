"""A framework's own arrays in the framework's own words: what its layer is called, and which gate is where in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.layouts.convert import find_layout, find_stored
from lstmviz.layouts.table import Place, places


@dataclass(frozen=True)
class StoredGate:
    """One gate of a framework's arrays.

    Attributes:
        letter: The framework's letter of it.
        gate: Our name.
        places: Where its blocks are, in the order stored.
    """

    letter: str
    gate: str
    places: tuple[Place, ...] = field(repr=False)


@dataclass(frozen=True)
class Stored:
    """A layer as its framework stores it.

    Attributes:
        title: The framework and its name for such a layer: "PyTorch LSTM".
        layer: The framework's name alone.
        parameter_count: How many numbers it stores, as the framework counts them.
        gates: Its gates in the order in which it stores them.
        shapes: Its arrays' shapes by the framework's names.
        adds_forget_bias: Whether it adds a `forget_bias` when the cell runs; else it has none of its own.
    """

    title: str
    layer: str
    parameter_count: int
    gates: tuple[StoredGate, ...]
    shapes: Mapping[str, tuple[int, ...]]
    adds_forget_bias: bool


def describe_stored(
    arrays: Mapping[str, Any],
    layout: str,
    family: str,
    *,
    called: str = "",
    framework: str = "",
    **options: Any,
) -> Stored:
    """A framework's arrays in its own words: its gate order, its ranges, its count of parameters.

    Args:
        arrays: As for `from_layout`; only their shapes are read.
        layout: A key of `LAYOUTS`.
        family: "lstm", "gru" or "rnn".
        called: The framework's class, where it is known; by default the layout's usual one.
        framework: Whose class that is; by default the layout's.
        **options: As for `from_layout`.

    Raises:
        ValueError: as `from_layout`.

    >>> r = np.zeros
    >>> arrays = {"weight_ih_l0": r((40, 3)), "weight_hh_l0": r((40, 10)), "bias_ih_l0": r(40), "bias_hh_l0": r(40)}
    >>> stored = describe_stored(arrays, "pytorch", "lstm")
    >>> stored.title, stored.parameter_count, "".join(gate.letter for gate in stored.gates)
    ('PyTorch LSTM', 600, 'ifgo')
    """
    known = find_layout(layout)
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    empty = {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
    form, slots, sizes = find_stored(known, family, empty, options)
    found = [place for slot in slots for place in places(form, slot, sizes)]
    layer = called or form.title
    return Stored(
        title=_("{framework} {layer}").format(framework=framework or known.title, layer=layer),
        layer=layer,
        parameter_count=sum(int(np.prod(shape)) for shape in shapes.values()),
        gates=tuple(
            StoredGate(letter, gate, tuple(place for place in found if place.gate == gate))
            for letter, gate in form.letters.items()
        ),
        shapes=shapes,
        adds_forget_bias=known.adds_forget_bias and any(told.option == "forget_bias" for told in form.told),
    )
