"""The section that finds out which framework stored bare arrays: the detective."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from lstmviz import detective, sequences
from lstmviz.detective import Match
from lstmviz.formats import sandbox
from lstmviz.formats.found import FormatError
from lstmviz.language import _
from lstmviz.web import models, sections
from lstmviz.web.markup import escape

_MOST = 8  # readings that are listed
_ARRAYS_MB, _SAMPLE_MB = 64, 4


def draw() -> None:
    """The section: three files in, and the readings that fit."""
    sections.write(
        _("Which order is my file?"),
        _(
            "Weights of unknown origin: give the arrays of one layer, and one input with the output that it is known to have. "
            "Every gate order, orientation, bias and activation is tried, and those that fit are named. Without a sample there "
            "is a hint from the weights alone."
        ),
    )
    weights, inputs, outputs = st.columns(3)
    arrays = weights.file_uploader(
        _("arrays"),
        ["npz", "npy", "safetensors", "pt", "pth", "h5"],
        key="origin_arrays",
        max_upload_size=_ARRAYS_MB,
        help=_("The arrays of one layer, under whatever names."),
    )
    x = inputs.file_uploader(
        _("sample input"),
        ["csv", "tsv", "txt"],
        key="origin_inputs",
        max_upload_size=_SAMPLE_MB,
        help=_("A table: a row for each step, a column for each feature."),
    )
    h = outputs.file_uploader(
        _("its known output"),
        ["csv", "tsv", "txt"],
        key="origin_outputs",
        max_upload_size=_SAMPLE_MB,
        help=_("A table: a row for each step or the last one alone, a column for each unit."),
    )
    if arrays is None:
        st.session_state.pop("origin", None)
        return
    try:
        matches = _find(arrays, x, h)
    except ValueError as error:
        st.warning(escape(str(error)))
        return
    _tell(matches)
    if matches and matches[0].fits:
        st.button(
            _("Explore this cell"),
            key="origin_explore",
            on_click=models.show,
            args=(arrays.name, _("identified"), matches[0].cell),
            help=_("Shows it in the pictures above."),
        )


def _find(arrays: Any, x: Any, h: Any) -> list[Match]:
    """The readings, found once for the same files."""
    key = tuple(file.file_id if file else "" for file in (arrays, x, h))
    kept = st.session_state.get("origin")
    if kept and kept[0] == key:
        found: list[Match] = kept[1]
        return found
    _format, content = sandbox.read(arrays.getvalue(), arrays.name)
    named = dict(content.arrays)
    for name, layer in content.layers.items():
        named |= {f"{name}/{part}": array for part, array in layer.arrays.items()}
    if not named:
        raise FormatError(_("{name} holds no arrays.").format(name=arrays.name))
    with st.spinner(_("Trying every reading…")):
        matches = detective.identify(named, *(None if file is None else _read_table(file) for file in (x, h)))
    st.session_state["origin"] = key, matches
    return matches


def _read_table(file: Any) -> np.ndarray:
    values: np.ndarray = sequences.from_csv(file.getvalue(), standardise=False).values
    return values


def _tell(matches: list[Match]) -> None:
    """The best reading as a sentence, the others as a table."""
    if not matches:
        st.warning(_("No layer has arrays of these shapes."))
        return
    best = matches[0]
    show = st.success if best.fits else st.info if best.is_hint else st.error
    show(escape(str(best)))
    others = matches[1:_MOST]
    if others:
        with st.expander(_("The next best readings")):
            st.markdown("\n".join(f"- {escape(str(match))}" for match in others))
