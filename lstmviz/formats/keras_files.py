"""Keras 3's .keras and .weights.h5: `keras/src/saving/saving_lib.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstmviz.formats import hdf5
from lstmviz.formats.found import Assumption, Content, FormatError, Found
from lstmviz.formats.keras_config import Described, describe, parse
from lstmviz.formats.keras_variables import ARRAYS, Held, assume_own, take_described, take_undescribed
from lstmviz.formats.naming import find_family
from lstmviz.language import _

_WEIGHTS, _CONFIG, _METADATA = "model.weights.h5", "config.json", "metadata.json"
_OPTIMIZER = "optimizer"
_VARIABLE = re.compile(r"(?:(?P<place>.*)/)?vars/(?P<number>\d{1,9})")
_SEED = re.compile(r"(^|/)seed_generator(_\d+)?$")  # of dropout
_CELL = re.compile(r"(lstm|gru|simple_rnn)_cell(_\d+)?")


@dataclass(frozen=True, eq=False)
class _Stored:
    """The variables of each object of a model.

    Attributes:
        groups: In their order, by the object's place, `layers/lstm/cell`.
        names: What each object is called, by its place.
    """

    groups: Mapping[str, Sequence[np.ndarray]]
    names: Mapping[str, str]

    def hold(self, place: str, under: str) -> Held:
        """A cell: what is at its place, and what else is under its layer's."""
        own = self.groups[place]
        beside: dict[str, np.ndarray] = {}
        for other in self.groups:
            if other != place and _is_under(other, under) and not _SEED.search(other):
                beside |= self.full(other)
        if len(own) > len(ARRAYS):
            beside |= dict(list(self.full(place).items())[len(ARRAYS) :])
        return Held(place, dict(zip(ARRAYS, own, strict=False)), beside)

    def full(self, place: str) -> dict[str, np.ndarray]:
        """An object's variables by their full names."""
        return {
            f"{place}/vars/{number}".lstrip("/"): array for number, array in enumerate(self.groups[place])
        }


def knows(content: Content) -> bool:
    """Whether it is a model's zip, or an HDF5 file in which variables have numbers for names."""
    if _WEIGHTS in content.files:
        return _CONFIG in content.files
    # Groups' names stand in the file as they are.
    return (
        content.data.startswith(hdf5.MAGIC) and b"layer_names" not in content.data and b"vars" in content.data
    )


def read(
    content: Content, layout: str | None
) -> Found:  # the description, or Keras's way to store, says what is what
    """The layers of a model."""
    is_whole = not content.data
    data, name = (
        (content.files[_WEIGHTS], f"{content.name}, {_WEIGHTS}") if is_whole else (content.data, content.name)
    )
    tree = hdf5.read_tree(data, name, content.allowed, unread=(_OPTIMIZER,))
    stored = _Stored(_group(tree), _name_objects(tree))
    found = Found(notes=tree.say_widened())
    described = _read_description(content) if is_whole else None
    if described is None:
        _take_all(stored, found, ())
    elif [each.names for each in described] == [()]:  # a class of the model's own, which is not looked up
        _take_all(stored, found, assume_own(described[0].kind))
    else:
        _take_described(stored, described, found)
    if f"{_OPTIMIZER}/vars" in tree.attributes:
        found.leave_out(_OPTIMIZER, _("the optimizer's own numbers, which are no layer's"), {})
    return found


def _group(tree: hdf5.Tree) -> dict[str, list[np.ndarray]]:
    """The variables of each object, in their order: a cell's are its kernel, its recurrent kernel and its bias."""
    groups: dict[str, list[tuple[int, np.ndarray]]] = {}
    for path, array in sorted(
        tree.arrays.items(), key=lambda item: tree.places[item[0]]
    ):  # as the model has them
        if match := _VARIABLE.fullmatch(path):
            place = (match["place"] or "").replace("_layer_checkpoint_dependencies", "layers")  # Keras 2.12
            groups.setdefault(place, []).append((int(match["number"]), array))
    return {
        place: [array for _number, array in sorted(groups[place], key=lambda part: part[0])]
        for place in _forward_first(list(groups))
    }


def _forward_first(places: list[str]) -> list[str]:
    """The places with the first direction of a Bidirectional before its second: Keras writes them by their names."""
    ranks = {place: number for number, place in enumerate(places)}
    for place, number in list(ranks.items()):
        twin = ranks.get(place.replace("/backward_layer/", "/forward_layer/"))
        if twin is not None and twin > number:
            ranks[place], ranks[places[twin]] = twin, number
    return sorted(places, key=lambda place: ranks[place])


def _name_objects(tree: hdf5.Tree) -> dict[str, str]:
    return {
        place.removesuffix("vars").rstrip("/"): told["name"]
        for place, told in tree.attributes.items()
        if place.rpartition("/")[2] == "vars" and isinstance(told.get("name"), str)
    }


# --- With the model's description -------------------------------------------------------------------------------------


def _read_description(content: Content) -> list[Described]:
    try:
        config, metadata = (parse(content.files.get(part, b"{}")) for part in (_CONFIG, _METADATA))
        version = metadata.get("keras_version") if isinstance(metadata, dict) else None
        return describe(config, version if isinstance(version, str) else "3")
    except ValueError as error:
        raise FormatError(
            _("{name} cannot be read: {cause}.").format(name=content.name, cause=error)
        ) from error


def _take_described(stored: _Stored, described: Sequence[Described], found: Found) -> None:
    taken: set[str] = set()
    for each in described:
        under = each.place.removesuffix("/cell")
        if each.place in stored.groups and each.family:
            take_described(each, stored.hold(each.place, under), found)
        else:
            held = [place for place in stored.groups if place == under or place.startswith(f"{under}/")]
            arrays = {name: array for place in held for name, array in stored.full(place).items()}
            reason = each.problem or _("its weights are not in the file")
            found.leave_out(each.title, reason, arrays)
        taken |= {place for place in stored.groups if place == under or place.startswith(f"{under}/")}
    for place in stored.groups:
        if place not in taken and not _SEED.search(place):
            found.leave_out(
                place or "vars", _("it is no part of a layer that is described"), stored.full(place)
            )


# --- Weights alone ----------------------------------------------------------------------------------------------------


def _take_all(stored: _Stored, found: Found, assumed: Sequence[Assumption]) -> None:
    cells = {place: place.removesuffix("/cell") for place in stored.groups if _is_cell(place, stored)}
    for place in stored.groups:
        title = _title(place, stored.names)
        if place in cells:
            held = stored.hold(place, cells[place])
            others = {
                name: array
                for name, array in held.beside.items()
                if not any(name.startswith(f"{cell}/vars/") for cell in cells if cell != place)
            }
            cell = stored.names.get(place, "")
            take_undescribed(
                title,
                held.parts,
                found,
                beside=others,
                cell=cell,
                kind=_kind_of(cells[place]),
                assumed=assumed,
            )
        elif not _SEED.search(place) and not any(_is_under(place, under) for under in cells.values()):
            found.leave_out(
                title, _("it belongs to no recurrent layer that is known here"), stored.full(place)
            )


def _kind_of(place: str) -> str:
    """The class of a layer in a list of layers: there Keras calls its folder so; "" where the model's own code named it."""
    around, _slash, folder = re.sub("/(forward|backward)_layer$|/layer$", "", place).rpartition("/")
    is_wrapped = re.fullmatch(r"(bidirectional|time_distributed)(_\d+)?", folder)
    return folder if around.rpartition("/")[2] == "layers" and not is_wrapped else ""


def _is_under(place: str, under: str) -> bool:
    return not under or place == under or place.startswith(f"{under}/")


def _is_cell(place: str, stored: _Stored) -> bool:
    """Whether an object's variables are a cell's: Keras keeps those at `cell`; else by their shapes, all three."""
    arrays = stored.groups[place]
    if len(arrays) < 2 or arrays[1].ndim < 2:
        return False
    steps = place.split("/")
    if steps[-1] == "cell" or "cells" in steps[-2:-1] or _CELL.fullmatch(stored.names.get(place, "")):
        return True
    if len(arrays) != len(ARRAYS):
        return False
    try:
        find_family(dict(zip(ARRAYS, arrays, strict=True)), "keras")
    except ValueError:
        return False
    return True


def _title(place: str, names: Mapping[str, str]) -> str:
    """The names of the layers on the way to a cell; where the file has none, the parts of the path."""
    title, path = [], ""
    for part in place.split("/"):
        path = f"{path}/{part}" if path else part
        if part not in ("layers", "cells", "cell"):
            title.append(names.get(path, part))
    return "/".join(title) or "layer"
