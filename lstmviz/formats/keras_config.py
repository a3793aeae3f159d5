"""Keras's description of a model, read as the JSON that it is: no class in it is looked up, nothing is made from it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lstmviz.formats.found import Assumption
from lstmviz.formats.keras_cells import (
    CELLS,
    UNKNOWN,
    Says,
    Version,
    class_of,
    is_no_layer,
    read_cell,
    say_class,
)
from lstmviz.formats.keras_graph import Feed, name_of, read_feeds
from lstmviz.language import _

MOST_JSON = 2**23
"""Bytes of a description; Python makes up to thirty of each."""
_DEEPEST = 32
_MOST_LAYERS = 3000


@dataclass(frozen=True)
class Described:
    """A cell in a model's description, or a layer that has none.

    Attributes:
        names: The names of the layers that hold it, its own last.
        place: Where Keras 3 keeps its weights in `model.weights.h5`, without `/vars`.
        kind: Keras's class of it.
        family: "lstm", "gru" or "rnn"; "" where it cannot be shown.
        options: What the layer was told, in Keras's words.
        reverse: Whether it reads the sequence from its end.
        problem: Why it cannot be shown; "" where it can.
        notes: What there is to know of it, sentences.
        assumed: What its description does not say.
        mask_value: A step whose features all equal it is passed over.
        units: Its `num_units` as stated; None where they are not.
        has_bias: Whether it states a bias; None where it does not say.
        version: The Keras that wrote it.
    """

    names: tuple[str, ...]
    place: str
    kind: str
    family: str
    options: Mapping[str, Any]
    reverse: bool = False
    problem: str = ""
    notes: tuple[str, ...] = ()
    assumed: tuple[Assumption, ...] = ()
    mask_value: float | None = None
    units: int | None = None
    has_bias: bool | None = None
    version: Version = UNKNOWN

    @property
    def title(self) -> str:
        """What the layer is called."""
        return "/".join(self.names)


def parse(text: str | bytes) -> Any:
    """A description, from its JSON.

    Raises:
        ValueError: it is damaged, too long, or too deep.
    """
    if len(text) > MOST_JSON:
        raise ValueError(_("its description of the model is too long"))
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(_("its description of the model is too deep")) from error


def describe(config: Any, version: str) -> list[Described]:
    """Every layer of a model, those in wrappers and in nested models too.

    Args:
        config: What the file's JSON says.
        version: Keras's version that wrote it; its defaults are those of what the description leaves out.

    Raises:
        ValueError: it is not as Keras writes it.
    """
    try:
        return _Walk(Version(version)).run(config)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise ValueError(_("its description of the model is not as Keras writes it")) from error


class _Walk:
    """A walk through a description."""

    def __init__(self, version: Version) -> None:
        self._version, self._count = version, 0

    def run(self, config: Any) -> list[Described]:
        return list(self._enter(config, (), "", Feed(), 0))

    def _enter(
        self, entry: Any, names: tuple[str, ...], place: str, feed: Feed, depth: int
    ) -> Iterator[Described]:
        """The cells of a layer, or of a model in a model."""
        self._count += 1
        if depth > _DEEPEST or self._count > _MOST_LAYERS:
            raise ValueError(_("it has too many models in models"))
        kind, config = class_of(entry), entry["config"]
        layers = (
            config.get("layers") if isinstance(config, dict) else config
        )  # Keras 1's Sequential is a list
        if isinstance(layers, list):
            yield from self._in_model(layers, names, place, feed, depth)
        elif kind == "Bidirectional":
            yield from self._both(config, names, place, feed)
        elif kind == "TimeDistributed":
            yield from self._each_step(config, names, place, depth)
        elif kind == "RNN":
            yield from self._in_rnn(config, names, place, feed)
        elif kind in CELLS:
            cell_place = f"{place}/cell" if not kind.startswith("CuDNN") else place
            yield self._cell(entry, config, names, cell_place, feed)
        elif kind != "InputLayer" and not str(entry.get("module")).startswith("keras.src.ops"):
            yield Described(
                names, place, kind, "", {}, problem=_say_wrapped(kind, config), version=self._version
            )

    def _in_model(
        self, layers: list[Any], names: tuple[str, ...], place: str, feed: Feed, depth: int
    ) -> Iterator[Described]:
        if len(layers) > _MOST_LAYERS:
            raise ValueError(_("it has more layers than are read: {count:,}").format(count=len(layers)))
        seen: Counter[str] = Counter()
        feeds = read_feeds(layers, feed)
        for number, layer in enumerate(layers):
            inner = "/".join([*filter(None, [place]), "layers", _count(layer, seen)])
            yield from self._enter(
                layer, (*names, name_of(layer)), inner, feeds.get(number, Feed()), depth + 1
            )

    def _both(self, config: Any, names: tuple[str, ...], place: str, feed: Feed) -> Iterator[Described]:
        """The two directions of a Bidirectional; what describes no second one is described by the first, turned."""
        forward = config["layer"]
        backward = config.get("backward_layer")
        for side, entry in (("forward", forward), ("backward", backward or forward)):
            kind, inside = class_of(entry), entry["config"]
            is_turned = bool(inside.get("go_backwards"))
            if side == "backward" and not backward:
                is_turned = not is_turned
            own = name_of(entry)
            if side == "forward" or not backward:
                own = f"{side}_{own.removeprefix('forward_').removeprefix('backward_')}"
            told = {**inside, "go_backwards": is_turned}
            at, called = f"{place}/{side}_layer", (*names, own)
            if kind == "RNN":
                yield from self._in_rnn(told, called, at, feed)
            else:  # one of Keras's, or a reason
                cell_place = f"{at}/cell" if not kind.startswith("CuDNN") else at
                yield self._cell(entry, told, called, cell_place, feed)

    def _each_step(self, config: Any, names: tuple[str, ...], place: str, depth: int) -> Iterator[Described]:
        """A TimeDistributed: what it wraps is run on each step by itself."""
        inside = config["layer"]
        note = _("A TimeDistributed runs it anew for each step of an outer sequence, from zeros each time.")
        for each in self._enter(inside, (*names, name_of(inside)), f"{place}/layer", Feed(), depth + 1):
            yield replace(each, notes=(*each.notes, note)) if each.family else each

    def _in_rnn(self, config: Any, names: tuple[str, ...], place: str, feed: Feed) -> Iterator[Described]:
        """The cell or the cells of an RNN."""
        cell = config["cell"]
        if isinstance(cell, list):  # as Keras 2.1 had it
            cell = {"class_name": "StackedRNNCells", "config": {"cells": cell}}
        if class_of(cell) == "StackedRNNCells":
            seen: Counter[str] = Counter()
            cells = [
                (each, f"{place}/cell/cells/{_count(each, seen)}", (*names, name_of(each)))
                for each in cell["config"]["cells"]
            ]
        else:
            cells = [(cell, f"{place}/cell", names)]
        for number, (each, inner, own) in enumerate(cells):
            fed = (
                feed if not number or not feed.mask else replace(feed, mask=replace(feed.mask, is_seen=False))
            )
            found = self._cell(each, {**each["config"], **_of_rnn(config)}, own, inner, fed)
            constants = config.get("num_constants")
            if constants and found.family:
                problem = _("it is given constants beside its sequence, which no cell here takes")
                found = replace(found, family="", problem=problem)
            yield found

    def _cell(
        self, entry: Any, config: Mapping[str, Any], names: tuple[str, ...], place: str, feed: Feed
    ) -> Described:
        self._count += 1
        says: Says = read_cell({**entry, "config": config}, self._version)
        if not says.family:
            return Described(
                names, place, class_of(entry), "", {}, problem=says.problem, version=self._version
            )
        units = config.get("units", config.get("output_dim"))
        bias = config.get("use_bias")
        return Described(
            names,
            place,
            class_of(entry),
            says.family,
            says.options,
            bool(config.get("go_backwards")),
            notes=(*says.notes, *feed.notes),
            assumed=(*says.assumed, *feed.assumed),
            mask_value=feed.mask_value,
            units=units if isinstance(units, int) else None,
            has_bias=bias if isinstance(bias, bool) else None,
            version=self._version,
        )


def _of_rnn(config: Mapping[str, Any]) -> dict[str, Any]:
    """What an RNN says of how its cells are run."""
    return {name: config[name] for name in ("go_backwards", "stateful") if name in config}


def _say_wrapped(kind: str, config: Any) -> str:
    inside = config.get("layer") if isinstance(config, Mapping) else None
    if isinstance(inside, Mapping) and "class_name" in inside:
        return _("it is a {kind} around a {inner}, and what it does with that is not in the file").format(
            kind=kind, inner=class_of(inside)
        )
    if is_no_layer(kind) and not (isinstance(config, Mapping) and "name" in config):
        return _("it is called {kind} and is not described as Keras's own is, which has a name").format(
            kind=kind
        )
    return say_class(kind)


def _count(layer: Any, seen: Counter[str]) -> str:
    """What Keras 3 calls a layer's folder: its class, numbered from the second on."""
    key = to_snake_case(str(layer["class_name"]).rpartition(">")[2])
    own = f"{key}_{seen[key]}" if seen[key] else key
    seen[key] += 1
    return own


def to_snake_case(name: str) -> str:
    """A class's name as `keras/src/utils/naming.py` writes it for files."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
