"""The section that finds out which framework stored bare arrays: the detective."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from lstmviz import detective, sequences
from lstmviz.detective import Match
from lstmviz.formats import sandbox
from lstmviz.formats.found import FormatError
from lstmviz.language import _
from lstmviz.web import limits, models, sections, uploads
from lstmviz.web.markup import escape

_MOST = 8  # readings that are listed
_MOST_ARRAYS = 8  # that are chosen at first
_ARRAYS_MB, _SAMPLE_MB = 64, 4


@dataclass(frozen=True, eq=False)
class _Source:
    """The files whose arrays are tried: `key` tells them from others, `shapes` are the arrays' by name; or a `problem`."""

    key: str
    name: str
    shapes: dict[str, tuple[int, ...]]
    problem: str = ""


def draw(then: Callable[[], None] | None = None) -> None:
    """The section: files in, the arrays of one layer chosen from them, and the readings that fit.

    Args:
        then: What follows when the cell that was found is shown.
    """
    sections.write(
        _("Which order is my file?"),
        _(
            "Weights of unknown origin: give the arrays of one layer, and one input with the output that it is known to have. "
            "Every gate order, orientation, bias and activation is tried, and those that fit are named. Without a sample there "
            "is a hint from the weights alone."
        ),
    )
    x, h = _draw_uploads()
    if files := _find_files():
        _draw_answer(files, x, h, then)


def _draw_uploads() -> tuple[Any, Any]:
    """Where files go in; the sample's input and known output."""
    weights, inputs, outputs = st.columns(3)
    with weights:
        uploads.draw(
            _("arrays"),
            "origin_arrays",
            _ARRAYS_MB,
            accept_multiple_files=True,
            help=_(
                "The arrays of one layer, under whatever names. Without a file, those of your own model above."
            ),
        )
    with inputs:
        uploads.draw(
            _("sample input"),
            "origin_inputs",
            _SAMPLE_MB,
            type=["csv", "tsv", "txt"],
            help=_("A table: a row for each step, a column for each feature."),
        )
    with outputs:
        uploads.draw(
            _("its known output"),
            "origin_outputs",
            _SAMPLE_MB,
            type=["csv", "tsv", "txt"],
            help=_("A table: a row for each step or the last one alone, a column for each unit."),
        )
    x, h = (next(iter(uploads.kept(key)), None) for key in ("origin_inputs", "origin_outputs"))
    return x, h


def _find_files() -> list[Any]:
    """The files whose arrays are meant: those given here, else one's own model's where they are asked about."""
    is_own = not uploads.kept("origin_arrays")
    files = uploads.kept("model_file") if is_own else uploads.kept("origin_arrays")
    if not files:
        st.session_state.pop("origin", None)
        st.session_state.pop("origin_source", None)
        return []
    if is_own and not st.toggle(
        _("I do not know the order of {name}").format(name=escape(", ".join(file.name for file in files))),
        key="origin_own",
        help=_("Tries the arrays of your own model above."),
    ):
        return []
    return files


def _draw_answer(files: list[Any], x: Any, h: Any, then: Callable[[], None] | None) -> None:
    """The arrays to choose from, and what the detective says of those that are chosen."""
    source = _read_source(files)
    if source.problem:
        st.warning(escape(source.problem))
        st.button(
            _("Read it again"),
            key="origin_again",
            on_click=lambda: st.session_state.pop("origin_source", None),
        )
        return
    chosen = _choose(source)
    if not chosen:
        return
    matches, problem = _find(source, files, chosen, x, h)
    if problem:
        st.warning(escape(problem))
        return
    _tell(matches)
    if matches and matches[0].fits:
        is_asked = st.button(
            _("Explore this cell"),
            key="origin_explore",
            on_click=models.show,
            args=(source.name, _("identified"), matches[0].cell),
            help=_("Shows it in the pictures above.") if then is None else None,
        )
        if is_asked and then is not None:
            then()


def _read_source(files: list[Any]) -> _Source:
    """What arrays there are, read once; the arrays themselves are not kept."""
    key = " ".join(file.file_id for file in files)
    kept: _Source | None = st.session_state.get("origin_source")
    if kept and kept.key == key:
        return kept
    name = ", ".join(file.name for file in files)
    try:
        shapes = {array: values.shape for array, values in _read_arrays(files).items()}
        source = _Source(key, name, shapes)
    except ValueError as error:
        source = _Source(key, name, {}, str(error))
    st.session_state["origin_source"] = source
    st.session_state["origin_chosen"] = _first_layer(list(source.shapes))
    return source


def _read_arrays(files: list[Any]) -> dict[str, np.ndarray]:
    """Every array of the files by name, a layer's behind the layer's.

    Raises:
        FormatError: the files cannot be read, or have none.
    """
    name, data = uploads.join(files)
    _format, content = sandbox.read(data, name, max_bytes=limits.MAX_MODEL)
    named = dict(content.arrays)
    for layer_name, layer in content.layers.items():
        named |= {f"{layer_name}/{part}": array for part, array in layer.arrays.items()}
    if not named:
        raise FormatError(_("{name} holds no arrays.").format(name=name))
    return named


def _first_layer(names: list[str]) -> list[str]:
    """All arrays where they are few enough for one layer, else those that stand with the first one."""
    if len(names) <= _MOST_ARRAYS:
        return names
    room = re.split(r"[^/.]*$", names[0])[0]
    return [name for name in names if re.split(r"[^/.]*$", name)[0] == room][:_MOST_ARRAYS]


def _choose(source: _Source) -> tuple[str, ...]:
    """The names of the arrays that are taken for one layer."""
    known = [name for name in st.session_state.get("origin_chosen", ()) if name in source.shapes]
    st.session_state["origin_chosen"] = known
    return tuple(
        st.multiselect(
            _("arrays of one layer"),
            list(source.shapes),
            key="origin_chosen",
            format_func=lambda name: f"{name} {list(source.shapes[name])}",
            placeholder=_("choose the arrays of one layer"),
            help=_("The kernel, the recurrent kernel where it is apart, the biases."),
        )
    )


def _find(
    source: _Source, files: list[Any], chosen: tuple[str, ...], x: Any, h: Any
) -> tuple[list[Match], str]:
    """The readings, or why there are none; found once for the same arrays and samples."""
    key = (source.key, chosen, *(file.file_id if file else "" for file in (x, h)))
    kept = st.session_state.get("origin")
    if not kept or kept[0] != key:
        kept = key, *_identify(files, chosen, x, h)
        st.session_state["origin"] = kept
    _key, matches, problem = kept
    return matches, problem


def _identify(files: list[Any], chosen: tuple[str, ...], x: Any, h: Any) -> tuple[list[Match], str]:
    try:
        arrays = _read_arrays(files)
        named = {name: arrays[name] for name in chosen}
        samples = [None if file is None else _read_table(file) for file in (x, h)]
        with st.spinner(_("Trying every reading…")):
            return detective.identify(named, *samples), ""
    except ValueError as error:
        return [], str(error)


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
