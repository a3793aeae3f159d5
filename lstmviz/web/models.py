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

_MOST = 20  # things left out of a file that are told
_SUFFIXES = ["keras", "h5", "zip", "safetensors", "pt", "pth", "onnx", "npz", "npy"]


@dataclass(frozen=True, eq=False)
class Model:
    """What a file held.

    Attributes:
        name: The file's name.
        cells: Its layers that can be shown, by name.
        skipped: Why the others cannot.
        notes: What had to be assumed of a layer, by its name.
        problem: Why none can, where the file could not be read at all.
        ticket: Names the model on the routes; nobody guesses it.
        shelf: What was computed of it.
    """

    name: str
    cells: Mapping[str, Cell]
    skipped: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
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
            max_upload_size=max(1, limits.MAX_MODEL // 2**20),
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
        if note := model.notes.get(st.session_state.get("layer", "")):
            st.caption(escape(note))
        for name, reason in [*model.skipped.items()][:_MOST]:
            st.caption(_("Left out: {name}: {reason}").format(name=escape(name), reason=escape(reason)))
        if len(model.skipped) > _MOST:
            st.caption(_("Left out beside these: {count:,}").format(count=len(model.skipped) - _MOST))
        if "model_file" not in st.session_state or st.session_state["model_file"] is None:
            st.button(_("Back to the page's own cells"), key="leave_model", on_click=_leave)


def show(name: str, layer: str, cell: Cell) -> None:
    """Shows a cell that came otherwise than as a layer of a model file."""
    _take(Model(name, {layer: cell}))
    st.session_state["layer"] = layer


def _leave() -> None:
    _take(None)


def _take(model: Model | None) -> None:
    st.session_state["model"] = model
    st.session_state["standardise"] = model is None  # a trained layer reads its numbers as they are


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
        contrast=False,
        versus=tuple((name, value) for name, value in view.versus if name in ("dtype", "device")),
        unit=None if view.unit is None else min(view.unit, cell.num_units - 1),
        units=tuple(unit for unit in view.units if unit < cell.num_units),
    )


def _read() -> Model | None:
    """The model that is shown; read from the uploader when another file is in it."""
    file: Any = st.session_state.get("model_file")
    key = file.file_id if file else ""
    if st.session_state.get("model_file_id", "") != key:
        st.session_state["model_file_id"] = key
        _take(_load(file.name, file.getvalue()) if file else None)
    model: Model | None = st.session_state.get("model")
    return model


def _load(name: str, content: bytes) -> Model:
    from lstmviz.formats.load import load  # the readers of every format

    try:
        loaded = load(content, name=name)
    except ValueError as error:
        return Model(name, {}, problem=str(error))
    problem = "" if loaded else _("{name} holds no layer that can be shown.").format(name=name)
    return Model(name, dict(loaded), loaded.skipped, loaded.notes, problem)


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
