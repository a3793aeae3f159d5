"""Keras 3's .keras and .weights.h5: `keras/src/saving/saving_lib.py`."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from lstmviz.formats import hdf5
from lstmviz.formats.found import Content, FormatError, Found, Layer, Reads
from lstmviz.formats.keras_config import describe
from lstmviz.formats.keras_variables import take_undescribed
from lstmviz.formats.naming import say_backward
from lstmviz.language import _

IN_ANOTHER_PROCESS = True
_WEIGHTS, _CONFIG, _METADATA = "model.weights.h5", "config.json", "metadata.json"
_NAMES = ("kernel", "recurrent_kernel", "bias")
_VARIABLE = re.compile(r"(?:(?P<place>.*)/)?vars/(?P<number>\d+)")
_MOST_JSON = 2**26  # bytes


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
    if not content.data:
        tree = hdf5.read_tree(content.files[_WEIGHTS], f"{content.name}, {_WEIGHTS}")
        return _read_described(content, _group(tree))
    tree = hdf5.read_tree(content.data, content.name)
    return _read_bare(_group(tree), tree)


def _group(tree: hdf5.Tree) -> dict[str, dict[str, np.ndarray]]:
    """The variables of each object, in their order: a cell's are its kernel, its recurrent kernel and its bias."""
    groups: dict[str, list[tuple[int, np.ndarray]]] = {}
    for path, array in tree.arrays.items():
        if match := _VARIABLE.fullmatch(path):
            groups.setdefault(match["place"] or "", []).append((int(match["number"]), array))
    return {
        place: dict(
            zip(_NAMES, (array for _number, array in sorted(parts, key=lambda part: part[0])), strict=False)
        )
        for place, parts in groups.items()
        if len(parts) <= len(_NAMES)
    }


def _read_described(content: Content, groups: dict[str, dict[str, np.ndarray]]) -> Found:
    found = Found()
    config, metadata = (_read_json(content, part) for part in (_CONFIG, _METADATA))
    try:
        described = describe(config, str(metadata.get("keras_version", "3")))
    except ValueError as error:
        raise FormatError(
            _("{name} cannot be read: {cause}.").format(name=content.name, cause=error)
        ) from error
    for each in described:
        if not each.family:
            found.skipped[each.title] = _("{kind} is no recurrent layer").format(kind=each.kind)
        elif each.place not in groups:
            found.skipped[each.title] = _("its weights are not in the file")
        else:
            found.layers[each.title] = Layer(
                "keras",
                each.family,
                groups[each.place],
                each.options,
                notes=(say_backward(),) if each.reverse else (),
                reads=Reads(reverse=each.reverse),
            )
    if not described:  # a class of the model's own, which is not looked up
        _take_all(groups, {}, found)
    return found


def _read_bare(groups: dict[str, dict[str, np.ndarray]], tree: hdf5.Tree) -> Found:
    found = Found()
    names = {
        place.removesuffix("vars").rstrip("/"): str(told["name"])
        for place, told in tree.attributes.items()
        if place.rpartition("/")[2] == "vars" and "name" in told
    }
    _take_all(groups, names, found)
    return found


def _take_all(groups: dict[str, dict[str, np.ndarray]], names: dict[str, str], found: Found) -> None:
    for place, parts in groups.items():
        title = _title(place, names)
        if parts.keys() < {"kernel", "recurrent_kernel"} or any(parts[name].ndim != 2 for name in _NAMES[:2]):
            found.skipped[title] = _("it is no part of a recurrent layer")
        else:
            take_undescribed(title, parts, found)


def _title(place: str, names: dict[str, str]) -> str:
    """The names of the layers on the way to a cell; where the file has none, the parts of the path."""
    title, path = [], ""
    for part in place.split("/"):
        path = f"{path}/{part}" if path else part
        if part not in ("layers", "cells", "cell"):
            title.append(names.get(path, part))
    return "/".join(title) or "layer"


def _read_json(content: Content, part: str) -> Any:
    data = content.files.get(part, b"{}")
    if len(data) > _MOST_JSON:
        raise FormatError(_("{name} has a {part} that is too large.").format(name=content.name, part=part))
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            _("{name} has a damaged {part}: {cause}").format(name=content.name, part=part, cause=error)
        ) from error
