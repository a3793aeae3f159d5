"""Recurrent layers in arrays that have nothing but names: which belong together, and what layer they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.formats.found import Assumption, Found, Layer, Reads
from lstmviz.language import _
from lstmviz.layouts import FAMILIES, from_layout

_PYTORCH = re.compile(
    r"(?:(?P<prefix>.*)\.)?(?P<part>weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)(?:_l(?P<layer>\d+)(?P<back>_reverse)?)?"
)
_NUMBERS = "fiu"  # NumPy's kinds of number


def find_family(
    arrays: Mapping[str, np.ndarray],
    layout: str,
    options: Mapping[str, Any] = MappingProxyType({}),
    of: Iterable[str] = FAMILIES,
) -> str:
    """The first family that a layout stores in arrays of these shapes.

    Raises:
        ValueError: there is none; the message is the last family's.
    """
    empty = {name: np.broadcast_to(np.float32(0), array.shape) for name, array in arrays.items()}
    causes = []
    for family in of:
        try:
            from_layout(empty, layout, family, **options)
        except ValueError as error:
            causes.append(str(error))
            continue
        return family
    raise ValueError(causes[-1])


def find_pytorch(arrays: Mapping[str, np.ndarray]) -> Found:
    """The layers of a state dict: each of a stack and each direction by itself.

    PyTorch's names are `weight_ih_l0`, for the other direction `weight_ih_l0_reverse`, before them those of the modules
    that hold the layer; a cell alone, `torch.nn.LSTMCell`, has no `_l0`.
    """
    found = Found()
    groups: dict[tuple[str, int, str], dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        match = _PYTORCH.fullmatch(name)
        if match and array.dtype.kind in _NUMBERS:
            key = match["prefix"] or "", int(match["layer"] or 0), match["back"] or ""
            groups.setdefault(key, {})[f"{match['part']}_l0"] = array
        elif array.dtype.kind in _NUMBERS:
            found.arrays[name] = array
            found.skipped[name] = _("it is no part of a recurrent layer")
        else:
            found.skipped[name] = _("it holds no numbers")
    depths = {prefix: 1 + max(k for p, k, _back in groups if p == prefix) for prefix, _k, _back in groups}
    for (prefix, depth, back), parts in groups.items():
        title = prefix or "layer"
        if depths[prefix] > 1:
            title += f".l{depth}"
        title += back
        try:
            family = find_family(parts, "pytorch")
        except ValueError as error:
            found.skipped[title] = str(error)
            found.arrays |= {f"{title}.{name}": array for name, array in parts.items()}
            continue
        found.layers[title] = Layer(
            "pytorch",
            family,
            parts,
            notes=(say_backward(),) if back else (),
            assumed=(Assumption(_("its nonlinearity is tanh"), _("a state dict does not hold it")),)
            if family == "rnn"
            else (),
            reads=Reads(reverse=bool(back)),
        )
    return found


def say_backward() -> str:
    """What is to be said of a layer that reads its sequence from the end."""
    return _("It reads the sequence from its end.")
