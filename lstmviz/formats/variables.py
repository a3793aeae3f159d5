"""Recurrent layers in variables whose names are paths: `rnn/basic_lstm_cell/kernel`, `sequential/lstm/lstm_cell/bias`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from lstmviz.formats.found import Assumption, Found, Layer
from lstmviz.formats.keras_config import Described
from lstmviz.formats.keras_variables import take_keras
from lstmviz.language import _

_LEAVES = (
    *("candidate/input_projection/kernel", "candidate/input_projection/bias"),
    *("candidate/hidden_projection/kernel", "candidate/hidden_projection/bias"),
    *("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias", "projection/kernel"),
    *("w_f_diag", "w_i_diag", "w_o_diag", "recurrent_kernel", "kernel", "bias"),
)
_TENSORFLOW_CELLS = {
    "basic_lstm_cell": "lstm", "lstm_cell": "lstm", "gru_cell": "gru", "cudnn_compatible_gru_cell": "gru",
    "basic_rnn_cell": "rnn",
}  # fmt: skip


def find_layers(variables: Mapping[str, np.ndarray], described: Sequence[Described] = ()) -> Found:
    """The layers that variables make, by the names of the modules that hold them.

    Args:
        variables: By their full names, without `:0`.
        described: What the file says of its layers.
    """
    found = Found()
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name, array in variables.items():
        leaf = next((leaf for leaf in _LEAVES if name == leaf or name.endswith(f"/{leaf}")), None)
        if leaf is None or array.dtype.kind not in "fiu":
            found.skipped[name] = _("it is no part of a recurrent layer")
        else:
            groups.setdefault(name[: -len(leaf)].rstrip("/"), {})[leaf] = array
    for place, parts in groups.items():
        if "recurrent_kernel" in parts:
            take_keras(place, parts, described, found)
        else:
            _take_tensorflow(place, parts, found)
    return found


def _take_tensorflow(place: str, parts: dict[str, np.ndarray], found: Found) -> None:
    title = place or "layer"
    own = re.sub(r"_\d+$", "", place.rpartition("/")[2])
    if own not in _TENSORFLOW_CELLS:
        found.skipped[title] = _("its name is that of no cell: {allowed}").format(
            allowed=", ".join(_TENSORFLOW_CELLS)
        )
        found.arrays |= {f"{title}/{name}": array for name, array in parts.items()}
        return
    family = _TENSORFLOW_CELLS[own]
    assumed = [Assumption(_("its activation is tanh"), _("a checkpoint does not hold it"))]
    if family == "lstm":
        assumed.insert(0, Assumption(_("its forget_bias is 1"), _("a checkpoint does not hold it")))
    found.layers[title] = Layer("tf1", family, parts, assumed=tuple(assumed))
