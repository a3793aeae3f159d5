"""Keras's older .h5, a whole model or its weights: `keras/src/legacy/saving/legacy_h5_format.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmviz.formats import hdf5
from lstmviz.formats.found import Content, FormatError, Found
from lstmviz.formats.keras_config import describe
from lstmviz.formats.variables import find_layers
from lstmviz.language import _

IN_ANOTHER_PROCESS = True


def knows(content: Content) -> bool:
    """Whether it is any HDF5 file."""
    return content.data.startswith(hdf5.MAGIC)


def read(content: Content, layout: str | None) -> Found:  # the names say what is what
    """The layers of a model, or of its weights."""
    tree = hdf5.read_tree(content.data, content.name)
    root = "model_weights" if "model_weights" in tree.attributes else ""
    told = {**tree.attributes.get(root, {}), **tree.attributes[""]}
    if not {"layer_names", "layer_names0"} & tree.attributes.get(root, {}).keys():
        raise FormatError(_("{name} is an HDF5 file, but not one of Keras's.").format(name=content.name))
    config = told.get("model_config")
    try:
        described = describe(json.loads(config), str(told.get("keras_version", "1"))) if config else []
    except (ValueError, RecursionError) as error:
        raise FormatError(
            _("{name} cannot be read: {cause}.").format(name=content.name, cause=error)
        ) from error
    found = find_layers(_read_variables(tree, root), described)
    found.skipped |= {
        each.title: _("{kind} is no recurrent layer").format(kind=each.kind)
        for each in described
        if not each.family
    }
    return found


def _read_variables(tree: hdf5.Tree, root: str) -> dict[str, np.ndarray]:
    """The variables by their names, in the model's order."""
    found = {}
    for layer in _listed(tree.attributes[root], "layer_names"):
        place = f"{root}/{layer}" if root else layer
        for name in _listed(tree.attributes.get(place, {}), "weight_names"):
            if (array := tree.arrays.get(f"{place}/{name}")) is not None:
                found[f"{layer}/{name.removesuffix(':0')}"] = array
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
