"""Keras's older .h5, a whole model or its weights: `keras/src/legacy/saving/legacy_h5_format.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lstmviz.formats import hdf5
from lstmviz.formats.found import Assumption, Content, FormatError, Found
from lstmviz.formats.keras_cells import Version, is_no_layer, say_own
from lstmviz.formats.keras_config import Described, describe, parse
from lstmviz.formats.keras_variables import (
    ARRAYS,
    Held,
    assume_own,
    is_recurrent,
    take_described,
    take_undescribed,
    title_of,
)
from lstmviz.language import _

_OPTIMIZER = "optimizer_weights"
# A cell's array: with a number where TensorFlow kept a second cell's of the same name apart; and Keras 1's.
_LEAF = re.compile(rf"(?P<name>{'|'.join(sorted(ARRAYS, reverse=True))})(?P<number>_\d+)?")
_LEAF_OF_KERAS_1 = re.compile(r"(?P<layer>.+)_(?P<name>[WUb](?:_[ifcozrh])?)")
_SEED = re.compile(r"(^|/)seed_generator(_\d+)?/|(^|/)seed_generator_state")  # of dropout


def knows(content: Content) -> bool:
    """Whether it is any HDF5 file."""
    return content.data.startswith(hdf5.MAGIC)


def read(content: Content, layout: str | None) -> Found:  # the names say what is what
    """The layers of a model, or of its weights."""
    tree = hdf5.read_tree(content.data, content.name, content.allowed, unread=(_OPTIMIZER,))
    root = "model_weights" if "model_weights" in tree.attributes else ""
    told = {**tree.attributes.get(root, {}), **tree.attributes[""]}
    if not {"layer_names", "layer_names0"} & tree.attributes.get(root, {}).keys():
        raise FormatError(_say_not_ours(content.name, tree))
    described = _describe(content.name, told)
    version = Version(_text(told.get("keras_version")))
    layers = _read_layers(tree, root)
    found = arrange(layers, described, version)
    found.notes += tree.say_widened()
    if _OPTIMIZER in tree.attributes:
        found.leave_out(_OPTIMIZER, _("the optimizer's own numbers, which are no layer's"), {})
    return found


def _describe(name: str, told: Mapping[str, Any]) -> list[Described] | None:
    config = told.get("model_config")
    if not isinstance(config, str):
        return None
    try:
        return describe(parse(config), _text(told.get("keras_version")) or "1")
    except ValueError as error:
        raise FormatError(_("{name} cannot be read: {cause}.").format(name=name, cause=error)) from error


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _say_not_ours(name: str, tree: hdf5.Tree) -> str:
    if "layer_0" in tree.attributes:
        return _(
            "{name} has weights of Keras before 1.0, which have no names; save them anew with Keras 1 or 2."
        ).format(name=name)
    return _("{name} is an HDF5 file, but not one of Keras's.").format(name=name)


def _read_layers(tree: hdf5.Tree, root: str) -> dict[str, dict[str, np.ndarray]]:
    """Each layer's variables by their names, in the model's order."""
    found: dict[str, dict[str, np.ndarray]] = {}
    listed = _listed(tree.attributes[root], "layer_names")
    for layer in dict.fromkeys([*listed, "top_level_model_weights"]):
        place = f"{root}/{layer}" if root else layer
        variables = {
            name.removesuffix(":0"): array
            for name in _listed(tree.attributes.get(place, {}), "weight_names")
            if (array := tree.arrays.get(f"{place}/{name}")) is not None
        }
        if variables or layer in listed:
            found[layer] = variables
    return found


def _listed(attributes: Mapping[str, Any], key: str) -> list[str]:
    """A list of names; Keras cuts a long one into several: `weight_names0`, `weight_names1` and so on."""
    found = list(attributes.get(key, ()))
    number = 0
    while not found or number:
        part = attributes.get(f"{key}{number}")
        if part is None:
            break
        found += part
        number += 1
    return found


# --- Which arrays are which cell's ------------------------------------------------------------------------------------


def arrange(
    layers: Mapping[str, Mapping[str, np.ndarray]], described: Sequence[Described] | None, version: Version
) -> Found:
    """The layers that variables make.

    Args:
        layers: Each of the model's layers' variables by their names, in the model's order.
        described: What the file says of its layers; None where it has the weights alone.
        version: The Keras that wrote it.
    """
    found = Found()
    is_own = described is not None and [each.names for each in described] == [()]
    if described is None or is_own:  # weights alone, or a class of the model's own, which is not looked up
        assumed = assume_own(described[0].kind) if described else ()
        for layer, variables in layers.items():
            _take_bare(layer, variables, version, found, assumed)
        return found
    for layer in dict.fromkeys([*(each.names[0] for each in described if each.names), *layers]):
        own = [each for each in described if each.names[:1] == (layer,)]
        _take_layer(layer, layers.get(layer, {}), own, version, found)
    return found


def by_layer(
    variables: Mapping[str, np.ndarray], described: Sequence[Described]
) -> dict[str, dict[str, np.ndarray]]:
    """The variables by the model's layer that is on their way."""
    tops = dict.fromkeys(each.names[0] for each in described if each.names)
    layers: dict[str, dict[str, np.ndarray]] = {top: {} for top in tops}
    for name, array in variables.items():
        path = name.split("/")
        top = next((part for part in path if part in tops), path[0])
        layers.setdefault(top, {})[name] = array
    return layers


def _take_layer(
    layer: str,
    variables: Mapping[str, np.ndarray],
    described: Sequence[Described],
    version: Version,
    found: Found,
) -> None:
    """Adds what the file describes of one of the model's layers, in that order."""
    cells, others = split_cells(layer, variables)
    if not described:  # the description has no layer of that name: what it is may be there under another
        if variables:
            found.leave_out(
                layer, _("the file's description of the model has no layer of this name"), variables
            )
        return
    if cells and len(described) == 1 and is_no_layer(described[0].kind):
        described = [replace(described[0], problem=say_own(described[0].kind))]
    matches = _match(cells, described)
    if len(described) == 1 and described[0].family:  # everything under its name is its own
        for cell in matches.values():
            cell.beside.update(others)
        others = {}
    _take_matches(matches, described, found)
    taken = {id(cell) for cell in matches.values()}
    for cell in cells:
        if id(cell) not in taken:
            others |= cell.arrays
    if any(not each.family for each in described):  # told with the layers that are left out
        found.arrays |= _numbers(others)
    elif others:
        found.leave_out(f"{layer}/…", _("it belongs to no recurrent layer that is known here"), others)


def _take_matches(matches: Mapping[int, Held], described: Sequence[Described], found: Found) -> None:
    """Adds what is described, each with the cell that it is of, or the reason why it is left out."""
    for number, each in enumerate(described):
        if number in matches:
            take_described(each, matches[number], found)
        elif each.family:
            found.leave_out(each.title, _("its weights are not in the file"), {})
        else:
            found.leave_out(each.title, each.problem, {})


def _match(cells: Sequence[Held], described: Sequence[Described]) -> dict[int, Held]:
    """Which description is of which cell: by the names on its way, else by the order."""
    found: dict[int, Held] = {}
    for number, each in enumerate(described):
        inside = [cell for cell in cells if _passes(each.names, cell.place.split("/"))]
        free = [cell for cell in inside if cell not in found.values()]
        if free and (each.family or len(each.names) > 1 or len(cells) == 1):
            found[number] = free[0]
    left = [cell for cell in cells if cell not in found.values()]
    open_ = [number for number, each in enumerate(described) if each.family and number not in found]
    if len(left) == len(open_):
        found |= dict(zip(open_, left, strict=True))
    return found


def _passes(names: Sequence[str], path: Sequence[str]) -> bool:
    rest = iter(path)
    return all(name in rest for name in names)


def _take_bare(
    layer: str,
    variables: Mapping[str, np.ndarray],
    version: Version,
    found: Found,
    assumed: Sequence[Assumption],
) -> None:
    """Adds the cells of a layer of which there are the weights alone."""
    cells, others = split_cells(layer, variables)
    for cell in cells:
        take_undescribed(
            title_of(cell.place), cell.parts, found, beside=cell.beside, version=version,
            cell=_cell_name(cell.place), assumed=assumed,
        )  # fmt: skip
    if others:
        found.leave_out(layer, _say_others(layer, others), others)


def _cell_name(place: str) -> str:
    own = place.rpartition("/")[2]
    return own if "/" in place and re.search("cell|norm|zoneout|peephole", own) else ""


def _say_others(layer: str, others: Mapping[str, np.ndarray]) -> str:
    if re.search("lstm|gru|rnn", layer, re.IGNORECASE):
        names = ", ".join(f"{name} {list(array.shape)}" for name, array in list(others.items())[:6])
        return _("its arrays are not those of a plain layer of Keras's: {names}").format(names=names)
    return _("it belongs to no recurrent layer that is known here")


def _numbers(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in arrays.items() if array.dtype.kind in "fiu"}


def split_cells(layer: str, variables: Mapping[str, np.ndarray]) -> tuple[list[Held], dict[str, np.ndarray]]:
    """The cells in a layer's variables, each with what stands beside it, and the rest, by full names."""
    groups: dict[str, dict[str, np.ndarray]] = {}
    full: dict[tuple[str, str], str] = {}
    for name, array in variables.items():
        if _SEED.search(name):
            continue
        place, leaf = _split_name(name)
        groups.setdefault(place, {})[leaf] = array
        full[place, leaf] = name
    cells = [Held(_join(layer, place), parts) for place, parts in groups.items() if is_recurrent(parts)]
    others: dict[str, np.ndarray] = {}
    for place, parts in groups.items():
        at = _join(layer, place)
        owners = [cell for cell in cells if cell.place == at] or [
            cell for cell in cells if _is_under(at, cell.place)
        ]
        owner = owners[0] if owners else None
        for leaf, array in parts.items():
            name = _join(layer, full[place, leaf])
            if owner is None:
                others[name] = array
            elif owner.place != at:
                owner.beside[name] = array
    for cell in cells:
        for leaf in [leaf for leaf in cell.parts if not _is_plain(leaf)]:
            cell.beside[f"{cell.place}/{leaf}"] = cell.parts.pop(leaf)
    return cells, others


def _is_plain(leaf: str) -> bool:
    return leaf in ARRAYS or bool(re.fullmatch("[WUb](_[ifcozrh])?", leaf))


def _is_under(place: str, cell: str) -> bool:
    """Whether something stands under a cell's own name, or under its layer's."""
    own = title_of(cell)
    return place in (cell, own) or place.startswith((f"{cell}/", f"{cell}#", f"{own}/"))


def _split_name(name: str) -> tuple[str, str]:
    """Where a variable is, and what it is there called."""
    place, _slash, leaf = name.rpartition("/")
    if match := _LEAF.fullmatch(leaf):
        return place + (match["number"] or "").replace("_", "#"), match["name"]
    if match := _LEAF_OF_KERAS_1.fullmatch(leaf):
        return _join(place, match["layer"]), match["name"]
    return place, leaf


def _join(layer: str, place: str) -> str:
    """A place in a layer, from the layer's own name on, which it mostly repeats."""
    path = place.split("/") if place else []
    own = path[path.index(layer) :] if layer in path else [*filter(None, [layer]), *path]
    return "/".join(own)
