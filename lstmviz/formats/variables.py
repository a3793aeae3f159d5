"""Recurrent layers in variables whose names are paths: `rnn/basic_lstm_cell/kernel`, `sequential/lstm/lstm_cell/bias`."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from lstmviz.formats.found import Found
from lstmviz.formats.keras_h5 import split_cells
from lstmviz.formats.keras_variables import take_undescribed, title_of
from lstmviz.formats.tensorflow_cells import is_within_rnn, take_cells
from lstmviz.formats.tensorflow_graph import Graph
from lstmviz.language import _

_AVERAGE = "/ExponentialMovingAverage"
_OPTIMIZERS = (
    "Adam|AdamW|Adamax|AdaMax|Nadam|SGD|RMSprop|RMSProp|Momentum|Adagrad|Adadelta|Ftrl|Lion|LAMB|Adafactor"
    "|LossScaleOptimizer"
)
_SLOT = re.compile(
    # TensorFlow 1 writes a slot's name behind its variable's, Keras before it.
    rf"(?:^|.*/)(?:(?:{_OPTIMIZERS})(?:_\d+)?(?:/[^/]+)?|adam_[mv]|[^/]+/ExponentialMovingAverage/[^/]+)"
    rf"|(?:training(?:_\d+)?/)?(?:{_OPTIMIZERS})(?:_\d+)?/.*"
    r"|(?:^|.*/)(?:global_step|beta[12]_power(?:_\d+)?|iterations?|learning_rate|current_loss_scale)",
)


def is_slot(name: str) -> bool:
    """Whether a variable is an optimizer's: what it keeps of each weight, its counters and its rates."""
    return bool(_SLOT.fullmatch(name))


def say_slots(count: int) -> str:
    """Why an optimizer's variables are left out, which are told together."""
    return _("variables of the optimizer's own, which are no layer's: {count:,}").format(count=count)


def find_layers(variables: Mapping[str, np.ndarray], slots: int = 0, graph: Graph | None = None) -> Found:
    """The layers that variables make, by the names of the modules that hold them.

    Args:
        variables: By their full names, without `:0`.
        slots: How many variables of an optimizer's there are beside them.
        graph: What the model does with them, where that is known.
    """
    found = Found()
    slots += sum(map(is_slot, variables))
    weights = {name: array for name, array in variables.items() if not is_slot(name)}
    averages = {
        name.removesuffix(_AVERAGE): array for name, array in weights.items() if name.endswith(_AVERAGE)
    }
    own = {name: array for name, array in weights.items() if not name.endswith(_AVERAGE)}
    _take_all(own, found, graph)
    if averages:
        _take_averages(averages, found, graph)
    if slots:
        found.leave_out("optimizer", say_slots(slots), {})
    return found


def _take_all(variables: Mapping[str, np.ndarray], found: Found, graph: Graph | None) -> None:
    cells, others = split_cells("", variables)
    for cell in cells:
        own = cell.place.rpartition("/")[2]
        name = own if "/" in cell.place and "cell" in own else ""
        take_undescribed(title_of(cell.place), cell.parts, found, beside=cell.beside, cell=name)
    others = take_cells(others, found, graph)
    for name, array in others.items():
        reason = _("it belongs to no recurrent layer that is known here")
        if is_within_rnn(name):
            reason = _(
                "it stands under a recurrent layer's name, and is no part of a cell that is known here"
            )
        found.leave_out(name, reason, {name: array})


def _take_averages(averages: Mapping[str, np.ndarray], found: Found, graph: Graph | None) -> None:
    """Adds the layers of moving averages, called what they are."""
    inner = Found()
    _take_all(averages, inner, graph)
    for title, layer in inner.layers.items():
        found.layers[found.free_title(_("{title} (moving average)").format(title=title))] = layer
    if inner.skipped:
        rest = {f"{name}{_AVERAGE}": array for name, array in inner.arrays.items()}
        reason = _("moving averages of variables that make no layer shown: {count:,}").format(
            count=len(inner.skipped)
        )
        found.leave_out(_("moving averages"), reason, rest)
