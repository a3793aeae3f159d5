"""A viewer's own model: the file in the uploader, its layers, and which of them is shown.

The file is read once and stays in the viewer's session, under a ticket that only this viewer's browser learns; nothing of
it is kept where another viewer could come across it, and it goes when the session ends. The address says which layer was
shown, so that a page that opens without the file can say so.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

import streamlit as st

from lstmviz.cells import KINDS, Cell
from lstmviz.formats.found import Assumption, Reads, say_assumed, say_if
from lstmviz.formats.load import PACKED, READERS, load
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS, Stored
from lstmviz.web import limits, trained, uploads, words
from lstmviz.web.fixed import offer
from lstmviz.web.markup import escape
from lstmviz.web.shelf import Shelf
from lstmviz.web.view import WHAT_IFS, View

_BARE = ("numpy", "safetensors", "torch")  # formats of arrays that have nothing but names
_MOST = 20  # things left out of a file that are told
_ASIDE = "model_aside"  # in the session's state: the model that an address without a layer was gone to from


@dataclass(frozen=True, eq=False)
class Facts:
    """What a file says of a layer beside its weights.

    Attributes:
        stored: The layer in its framework's words; None where no framework is known.
        layout: A key of `LAYOUTS`; "" where none is known.
        options: What the framework was told, in its words.
        notes: What there is to know of it, sentences.
        assumed: What it is shown by and the file does not say.
        reads: How it reads its sequence.
    """

    stored: Stored | None = None
    layout: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    assumed: tuple[Assumption, ...] = ()
    reads: Reads = field(default_factory=Reads)

    @property
    def assumption(self) -> str:
        """What is assumed, as a sentence; "" for nothing."""
        return say_assumed(self.assumed) if self.assumed else ""

    @property
    def condition(self) -> str:
        """Under which what is said of the layer holds, a clause that begins with "if"; "" for none."""
        return say_if(self.assumed)


@dataclass(frozen=True, eq=False)
class Model:
    """What a file held.

    Attributes:
        name: The file's name, or those of several that were given together.
        cells: Its layers that can be shown, by name.
        facts: What the file says of each.
        skipped: Why the others cannot.
        note: What there is to know of the file as a whole.
        problem: Why none can, where the file could not be read at all.
        path: What code that loads it calls it.
        layout: How its arrays are said to be stored, a key of `LAYOUTS`; "" where their names say it.
        takes_layout: Whether it can be said: it has bare arrays.
        ticket: Names the model on the routes; nobody guesses it.
        shelf: What was computed of it.
    """

    name: str
    cells: Mapping[str, Cell]
    facts: Mapping[str, Facts] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    problem: str = ""
    path: str = ""
    layout: str = ""
    takes_layout: bool = False
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    shelf: Shelf = field(default_factory=lambda: Shelf(max_entries=32, max_bytes=256 * 2**20, seconds=600))

    @property
    def is_found(self) -> bool:
        """Whether it is a cell that the detective found, rather than what a file says."""
        return bool(self.cells) and not self.facts

    def __post_init__(self) -> None:
        _models[self.ticket] = self


_models: WeakValueDictionary[str, Model] = WeakValueDictionary()


def find(ticket: str) -> Model | None:
    """The model of that ticket, if its viewer's session still holds it."""
    return _models.get(ticket)


def path(view: View) -> str:
    """What code that loads the file whose layer the view shows calls it."""
    model = find(view.model)
    return model.path or model.name if model else ""


def layout(view: View) -> str:
    """How the arrays of the file whose layer the view shows are said to be stored; "" where their names say it."""
    model = find(view.model)
    return model.layout if model else ""


def facts(view: View) -> Facts:
    """What the file says of the layer that the view shows; of the page's own cells, nothing."""
    model = find(view.model)
    return model.facts.get(view.layer, Facts()) if model else Facts()


def dress(view: View, cell: Cell) -> Cell:
    """The cell for the pictures: called what the view's file calls it, without a `forget_bias` that its framework has not.

    What runs and what is converted keeps its own kind.
    """
    stored = facts(view).stored
    if stored is None:
        return cell
    return replace(cell, kind=replace(cell.kind, name=stored.title))


def is_reversed(view: View) -> bool:
    """Whether the view's layer reads its sequence from the end: as the viewer says, else as the file does."""
    return facts(view).reads.reverse if view.reverse is None else view.reverse


def is_missing(view: View) -> bool:
    """Whether the view is of a file's layer, and the file is not here."""
    return bool(view.layer) and not view.model


def draw(view: View) -> None:
    """The uploader, which layer is shown, and what of the file is not."""
    with st.expander(_("Your own model"), key="own_model"):
        draw_file()
    draw_way_back(view)


def draw_file() -> None:
    """Where the file goes in, and what it held."""
    uploads.draw(
        _("model file"),
        "model_file",
        max(1, limits.MAX_MODEL // 2**20),
        accept_multiple_files=True,
        help=_(
            "{formats}; or any of them in {packed}. Files that belong together, such as a checkpoint's parts, go in "
            "together. They stay in your session, and nothing in them is executed."
        ).format(
            formats=", ".join(f"{each.title} ({', '.join(each.endings)})" for each in READERS.values()),
            packed=", ".join(PACKED),
        ),
    )
    if (model := st.session_state.get("model")) is not None:
        _tell(model)


def draw_way_back(view: View) -> None:
    """The way back to the file's layers, or to the page's own cells, where no uploader has it."""
    model = st.session_state.get("model")
    has_file = bool(uploads.kept("model_file"))
    if is_missing(view) or (model is not None and (model.is_found or not has_file)):
        label = _("Back to the file's layers") if has_file else _("Back to the page's own cells")
        st.button(label, key="leave_model", on_click=_leave)


def _tell(model: Model) -> None:
    """What the file held."""
    if model.problem:
        st.error(escape(model.problem))
        st.button(_("Read it again"), key="read_again", on_click=_read_again)
    if model.takes_layout and uploads.kept("model_file"):
        st.selectbox(
            _("stored as"),
            ["", *LAYOUTS],
            key="model_layout",
            on_change=_read_again,
            format_func={
                "": _("its names say"),
                **{key: each.title for key, each in LAYOUTS.items()},
            }.__getitem__,
            help=_("How the file stores its arrays, where their names do not say it."),
        )
    if model.cells:
        offer(st.selectbox, "layer")(_("layer"), list(model.cells), help=_("The layers of the file."))
    said = model.facts.get(st.session_state.get("layer", ""), Facts())
    for note in (model.note, " ".join(said.notes), said.assumption):
        if note:
            st.caption(escape(note))
    for name, reason in [*model.skipped.items()][:_MOST]:
        st.caption(_("Left out: {name}: {reason}").format(name=escape(name), reason=escape(reason)))
    if len(model.skipped) > _MOST:
        st.caption(_("Left out beside these: {count:,}").format(count=len(model.skipped) - _MOST))


def show(name: str, layer: str, cell: Cell) -> None:
    """Shows a cell that came otherwise than as a layer of a model file."""
    take(Model(name, {layer: cell}))


def take(model: Model) -> None:
    """Shows the first layer of a model that came otherwise than as a file; the session keeps it."""
    _take(model)
    st.session_state["layer"] = next(iter(model.cells))


def put_away() -> None:
    """Goes back to the page's own cells from a model that came otherwise than as a file; Back brings it again."""
    aside = st.session_state.get("model")
    _take(None)
    st.session_state[_ASIDE] = aside


def _leave() -> None:
    _take(None)
    uploads.forget("model_file")  # what is still there is read again
    st.session_state["leave_model_asked"] = True


def leave() -> None:
    """Goes back to the page's own cells and forgets the file: for where its uploader is not."""
    st.session_state.pop("model_file", None)
    _leave()


def _read_again() -> None:
    uploads.forget("model_file")


def _take(model: Model | None) -> None:
    st.session_state["model"], st.session_state[_ASIDE] = model, None
    st.session_state["standardise"] = model is None  # a trained layer reads its numbers as they are


def obey(view: View) -> None:
    """Leaves the file where an address names none of its layers, and takes it again where it names one."""
    if not view.layer:
        aside = st.session_state.get("model") or st.session_state.get(_ASIDE)
        _take(None)
        st.session_state[_ASIDE] = aside
    elif st.session_state.get("model") is None:
        aside = st.session_state.get(_ASIDE)
        if aside is None:
            _read_again()
        else:
            _take(aside)


def choose(view: View) -> tuple[View, list[str]]:
    """The view with the uploaded layer in it, if there is one, and a sentence for what is not as it was asked for."""
    if st.session_state.pop("leave_model_asked", False):
        view = _without_layer(view)
    model = _read()
    if model is None or not model.cells:
        return _without_file(view)
    layer = str(st.session_state.get("layer", view.layer))
    if is_missing(view) and view.layer in model.cells:
        layer = view.layer  # the one that the address names
    if layer not in model.cells:
        layer = next(iter(model.cells))
    st.session_state["layer"] = layer
    if (view.model, view.layer) != (model.ticket, layer):
        st.session_state["assume"] = False  # what was agreed to was another layer's
        if view.layer != layer:
            view = replace(view, reverse=View.reverse, initial_state=View.initial_state)
    return with_layer(view, model, layer), []


def _without_file(view: View) -> tuple[View, list[str]]:
    view = replace(view, model="")
    if not view.layer:
        return replace(view, reverse=View.reverse, initial_state=View.initial_state), []
    if trained.is_made_here(view):
        return view, [
            _(
                "The cell that was trained here stayed in the session that trained it, and is not here any more. In its place the "
                "page shows a cell of its own."
            )
        ]
    return view, [
        _(
            "The model file is not here any more; upload it again. In place of its layer {layer} the page shows a cell of "
            "its own, with random weights."
        ).format(layer=words.quote(view.layer))
    ]


def _without_layer(view: View) -> View:
    """The view with the cell that the page opens with."""
    return replace(
        view,
        model="",
        layer="",
        cell=View.cell,
        num_units=View.num_units,
        input_size=View.input_size,
        options=tuple((option.name, option.default) for option in KINDS[View.cell].options),
        versus=(),
        unit=None,
        gate="",
        units=(),
    )


def with_layer(view: View, model: Model, layer: str) -> View:
    """The view showing a layer of a model."""
    cell, reads = model.cells[layer], model.facts.get(layer, Facts()).reads
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
        versus=tuple((name, value) for name, value in view.versus if name in ("dtype", "device", *WHAT_IFS)),
        unit=None if view.unit is None else min(view.unit, cell.num_units - 1),
        units=tuple(unit for unit in view.units if unit < cell.num_units),
        reverse=None if view.reverse == reads.reverse else view.reverse,
        initial_state=view.initial_state if reads.initial_state else View.initial_state,
    )


def _read() -> Model | None:
    """The model that is shown; read from the uploader when other files are in it."""
    if uploads.is_changed("model_file"):
        files = uploads.kept("model_file")
        key = " ".join(file.file_id for file in files)
        if st.session_state.get("model_layout_of", "") != key:  # what was said was of another file
            st.session_state["model_layout"], st.session_state["model_layout_of"] = "", key
        layout = str(st.session_state.get("model_layout", ""))
        _take(None)  # also where the next line does not come to an end
        _take(_load(*uploads.join(files), uploads.path(files), layout) if files else None)
    model: Model | None = st.session_state.get("model")
    return model


def _load(name: str, content: bytes, path: str, layout: str) -> Model:
    bounds = {"max_bytes": limits.MAX_MODEL, "max_weights": limits.MAX_WEIGHTS}
    try:
        loaded = load(content, name=name, layout=layout or None, **bounds)
    except ValueError as error:
        return Model(name, {}, problem=str(error), takes_layout=bool(layout))
    skipped = loaded.skipped | {
        layer: too_large for layer, cell in loaded.items() if (too_large := _tell_size(cell))
    }
    cells = {layer: cell for layer, cell in loaded.items() if layer not in skipped}
    said = {
        layer: Facts(
            stored=loaded.stored[layer],
            layout=loaded.layers[layer].layout,
            options=dict(loaded.layers[layer].options),
            notes=tuple(dict.fromkeys([*loaded.layers[layer].notes, *loaded.reads[layer].tell()])),
            assumed=tuple(loaded.assumed[layer]),
            reads=loaded.reads[layer],
        )
        for layer in cells
    }
    problem = "" if cells else _("{name} holds no layer that can be shown.").format(name=name)
    takes_layout = bool(layout) or (not cells and loaded.format in _BARE and bool(loaded.arrays))
    note = loaded.notes.get("", "")
    return Model(name, cells, said, skipped, note, problem, path, layout, takes_layout)


def _tell_size(cell: Cell) -> str:
    """Why a layer is more than the page shows; "" where it is not."""
    sizes = (cell.num_units, cell.input_size, cell.kernel.size if cell.rows else cell.parameter_count)
    most = (limits.MAX_UNITS, limits.MAX_INPUT_SIZE, limits.MAX_WEIGHTS)
    if all(size <= bound for size, bound in zip(sizes, most, strict=True)):
        return ""
    counted = _("{units:,} units, {inputs:,} inputs and {weights:,} weights")
    given, allowed = (
        counted.format(units=units, inputs=inputs, weights=weights)
        for units, inputs, weights in (sizes, most)
    )
    return _("it has {given}; this page shows at most {allowed}").format(given=given, allowed=allowed)
