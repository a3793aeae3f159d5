"""Keras's description of a model, read as the JSON that it is: no class in it is looked up, nothing is made from it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lstmviz.language import _

CELLS = {
    "LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn", "LSTMCell": "lstm", "GRUCell": "gru", "SimpleRNNCell": "rnn",
}  # fmt: skip
"""The families of Keras's layers and cells."""
_OPTIONS = {
    "lstm": ("activation", "recurrent_activation"),
    "gru": ("activation", "recurrent_activation", "reset_after"),
    "rnn": ("activation",),
}
_DEEPEST = 32


@dataclass(frozen=True)
class Described:
    """A cell in a model's description, or a layer that has none.

    Attributes:
        names: The names of the layers that hold it, its own last.
        place: Where Keras 3 keeps its weights in `model.weights.h5`, without `/vars`.
        kind: Keras's class of it.
        family: "lstm", "gru" or "rnn"; "" where it is no recurrent layer.
        options: What the layer was told, in Keras's words.
        reverse: Whether it reads the sequence from its end.
    """

    names: tuple[str, ...]
    place: str
    kind: str
    family: str
    options: Mapping[str, Any]
    reverse: bool = False

    @property
    def title(self) -> str:
        """What the layer is called."""
        return "/".join(self.names)


def describe(config: Any, version: str) -> list[Described]:
    """Every layer of a model, those in wrappers and in nested models too.

    Args:
        config: What the file's JSON says.
        version: Keras's version that wrote it; before 3 another function was called hard_sigmoid.

    Raises:
        ValueError: it is not as Keras writes it.
    """
    is_old = not re.match(r"[3-9]|\d\d", version)
    try:
        return list(_walk(config, (), "", is_old, 0))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(_("its description of the model is not as Keras writes it")) from error


def _walk(entry: Any, names: tuple[str, ...], place: str, is_old: bool, depth: int) -> Iterator[Described]:
    """The cells of a layer, or of a model in a model."""
    if depth > _DEEPEST:
        raise ValueError(_("it has too many models in models"))
    kind, config = str(entry["class_name"]), entry["config"]
    layers = config.get("layers") if isinstance(config, dict) else config  # Keras 1's Sequential is a list
    if isinstance(layers, list):
        seen: Counter[str] = Counter()
        for layer in layers:
            key = to_snake_case(str(layer["class_name"]))
            own = f"{key}_{seen[key]}" if seen[key] else key
            seen[key] += 1
            inner = f"{place}/layers/{own}" if place else f"layers/{own}"
            yield from _walk(layer, (*names, _name_of(layer)), inner, is_old, depth + 1)
    elif kind == "Bidirectional":
        yield from _both(config, names, place, is_old, depth)
    elif kind == "RNN":
        yield from _in_rnn(config, names, place, is_old)
    elif kind in CELLS:
        cell = _cell(kind, config, names, f"{place}/cell", is_old)
        yield _turned(cell) if config.get("go_backwards") else cell
    elif kind != "InputLayer":
        inside = config.get("layer") if isinstance(config, dict) else None
        if isinstance(inside, dict):
            yield from _walk(inside, (*names, _name_of(inside)), f"{place}/layer", is_old, depth + 1)
        else:
            yield Described(names, place, kind, "", {})


def _both(config: Any, names: tuple[str, ...], place: str, is_old: bool, depth: int) -> Iterator[Described]:
    """The two directions of a Bidirectional; of old, the second is described by the first."""
    forward = config["layer"]
    for side, entry in (("forward", forward), ("backward", config.get("backward_layer") or forward)):
        own = _name_of(entry).removeprefix("forward_").removeprefix("backward_")
        for cell in _walk(entry, (*names, f"{side}_{own}"), f"{place}/{side}_layer", is_old, depth + 1):
            is_turned = bool(entry["config"].get("go_backwards"))
            is_back = is_turned if entry is not forward else side == "backward"
            yield replace(cell, reverse=is_back)


def _in_rnn(config: Any, names: tuple[str, ...], place: str, is_old: bool) -> Iterator[Described]:
    """The cell or the cells of an RNN."""
    cell = config["cell"]
    if cell["class_name"] == "StackedRNNCells":
        seen: Counter[str] = Counter()
        cells = []
        for each in cell["config"]["cells"]:
            key = to_snake_case(str(each["class_name"]))
            cells.append((each, f"{place}/cell/cells/{key}" + (f"_{seen[key]}" if seen[key] else "")))
            seen[key] += 1
    else:
        cells = [(cell, f"{place}/cell")]
    for each, inner in cells:
        own = names if len(cells) == 1 else (*names, _name_of(each))
        found = _cell(str(each["class_name"]), each["config"], own, inner, is_old)
        yield _turned(found) if config.get("go_backwards") else found


def _turned(cell: Described) -> Described:
    return replace(cell, reverse=True)


def _cell(kind: str, config: Any, names: tuple[str, ...], place: str, is_old: bool) -> Described:
    family = CELLS.get(kind, "")
    options = {key: _function(config[key], is_old) for key in _OPTIONS.get(family, ()) if key in config}
    return Described(names, place, kind, family, options)


def _function(value: Any, is_old: bool) -> Any:
    if isinstance(value, dict):  # a function of the model's own, or one with settings
        inside = value.get("config")
        value = inside if isinstance(inside, str) else value.get("class_name")
    return "legacy_hard_sigmoid" if is_old and value == "hard_sigmoid" else value


def _name_of(entry: Any) -> str:
    return str(entry["config"].get("name") or entry.get("name") or entry["class_name"])


def to_snake_case(name: str) -> str:
    """A class's name as `keras/src/utils/naming.py` writes it for files."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
