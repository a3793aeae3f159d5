"""A viewer's own model: the file in the uploader, its layers, and which of them is shown.

The file is read once and stays in the viewer's session, under a ticket that only this viewer's browser learns; nothing of
it is kept where another viewer could come across it, and it goes when the session ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakValueDictionary

import streamlit as st

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.web import limits
from lstmviz.web.markup import escape
from lstmviz.web.shelf import Shelf
from lstmviz.web.view import View

MAX_BYTES = 200 * 2**20
_SUFFIXES = ["keras", "h5", "zip", "safetensors", "pt", "pth", "onnx", "npz"]


@dataclass(frozen=True, eq=False)
class Model:
    """What a file held.

    Attributes:
        name: The file's name.
        cells: Its layers that can be shown, by name.
        skipped: Why the others cannot.
        problem: Why none can, where the file could not be read at all.
        ticket: Names the model on the routes; nobody guesses it.
        shelf: What was computed of it.
    """

    name: str
    cells: Mapping[str, Cell]
    skipped: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    shelf: Shelf = field(default_factory=lambda: Shelf(max_entries=32, max_bytes=256 * 2**20, seconds=600))

    def __post_init__(self) -> None:
        _models[self.ticket] = self


_models: WeakValueDictionary[str, Model] = WeakValueDictionary()


def find(ticket: str) -> Model | None:
    """The model of that ticket, if its viewer's session still holds it."""
    return _models.get(ticket)


def file_name(view: View) -> str:
    """The name of the file whose layer the view shows."""
    model = find(view.model)
    return model.name if model else ""


def draw() -> None:
    """The uploader, which layer is shown, and what of the file is not."""
    with st.expander(_("Your own model"), key="own_model"):
        st.file_uploader(
            _("model file"),
            type=_SUFFIXES,
            key="model_file",
            max_upload_size=MAX_BYTES // 2**20,
            help=_(
                "Keras (.keras, .h5), TensorFlow (a zip of a SavedModel or of a checkpoint), PyTorch (.safetensors, .pt), "
                "ONNX or NumPy. It stays in your session, and nothing in it is executed."
            ),
        )
        model = st.session_state.get("model")
        if model is None:
            return
        if model.problem:
            st.error(escape(model.problem))
        if model.cells:
            st.selectbox(_("layer"), list(model.cells), key="layer", help=_("The layers of the file."))
        for name, reason in model.skipped.items():
            st.caption(_("Left out: {name}: {reason}").format(name=escape(name), reason=escape(reason)))


def choose(view: View) -> tuple[View, list[str]]:
    """The view with the uploaded layer in it, if there is one, and a sentence if it cannot be shown."""
    model = _read()
    if model is None or not model.cells:
        return replace(view, model="", layer=""), []
    layer = str(st.session_state.get("layer", ""))
    if layer not in model.cells:
        layer = st.session_state["layer"] = next(iter(model.cells))
    cell = model.cells[layer]
    if too_large := _tell_size(layer, cell):
        return replace(view, model="", layer=""), [too_large]
    return with_layer(view, model, layer), []


def with_layer(view: View, model: Model, layer: str) -> View:
    """The view showing a layer of a model."""
    cell = model.cells[layer]
    return replace(
        view,
        model=model.ticket,
        layer=layer,
        cell=cell.kind.name,
        num_units=cell.num_units,
        input_size=cell.input_size,
        options=tuple(cell.options.items()),
        linear=False,
        versus=tuple((name, value) for name, value in view.versus if name in ("dtype", "device")),
        unit=None if view.unit is None else min(view.unit, cell.num_units - 1),
        units=tuple(unit for unit in view.units if unit < cell.num_units),
    )


def _read() -> Model | None:
    """The model in the uploader; read when it is new."""
    file: Any = st.session_state.get("model_file")
    if file is None:
        st.session_state.pop("model", None)
        st.session_state.pop("model_id", None)
        return None
    if st.session_state.get("model_id") != file.file_id:
        st.session_state["model"] = _load(file.name, file.getvalue())
        st.session_state["model_id"] = file.file_id
    model: Model = st.session_state["model"]
    return model


def _load(name: str, content: bytes) -> Model:
    from lstmviz import formats  # the readers of every format

    try:
        loaded = formats.load(content, name=name)
    except ValueError as error:
        return Model(name, {}, problem=str(error))
    problem = "" if loaded else _("{name} holds no layer that can be shown.").format(name=name)
    return Model(name, dict(loaded), dict(loaded.skipped), problem)


def _tell_size(layer: str, cell: Cell) -> str:
    sizes = (cell.num_units, cell.input_size, cell.kernel.size)
    most = (limits.MAX_UNITS, limits.MAX_INPUT_SIZE, limits.MAX_WEIGHTS)
    if all(size <= bound for size, bound in zip(sizes, most, strict=True)):
        return ""
    words = _("{units:,} units, {inputs:,} inputs and {weights:,} weights")
    given, allowed = (
        words.format(units=units, inputs=inputs, weights=weights) for units, inputs, weights in (sizes, most)
    )
    return _("{layer} has {given}; this page shows at most {allowed}.").format(
        layer=layer, given=given, allowed=allowed
    )
