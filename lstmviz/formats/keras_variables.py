"""A layer of Keras's in variables: `sequential/lstm/lstm_cell/kernel` and what stands beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from lstmviz.formats.found import Assumption, Found, Layer, Reads
from lstmviz.formats.keras_config import Described
from lstmviz.formats.naming import find_family, say_backward
from lstmviz.language import _


def take_keras(
    place: str, parts: dict[str, np.ndarray], described: Sequence[Described], found: Found
) -> None:
    """Adds the layer of Keras's whose variables are at a place, as the file describes it."""
    matches = [each for each in described if each.family and _is_within(each.names, place.split("/"))]
    if matches:
        best = max(matches, key=lambda each: len(each.names))
        found.layers[found.free_title(best.title)] = Layer(
            "keras",
            best.family,
            parts,
            best.options,
            notes=(say_backward(),) if best.reverse else (),
            reads=Reads(reverse=best.reverse),
        )
        return
    title = re.sub(r"/(lstm|gru|simple_rnn)_cell(_\d+)?$", "", place) or "layer"
    take_undescribed(found.free_title(title), parts, found)


def take_undescribed(title: str, parts: Mapping[str, np.ndarray], found: Found) -> None:
    """Adds a layer of Keras's of which there are the weights alone."""
    try:
        family = find_family(parts, "keras")
    except ValueError as error:
        found.skipped[title] = str(error)
        found.arrays |= {f"{title}/{name}": array for name, array in parts.items()}
        return
    is_back = bool(re.search(r"(^|/)backward_", title))
    found.layers[title] = Layer(
        "keras",
        family,
        parts,
        notes=(say_backward(),) if is_back else (),
        assumed=(Assumption(_("its activations are Keras's defaults"), _("the file does not say")),),
        reads=Reads(reverse=is_back),
    )


def _is_within(names: Sequence[str], path: Sequence[str]) -> bool:
    """Whether a path passes the names, in their order."""
    rest = iter(path)
    return all(name in rest for name in names)
