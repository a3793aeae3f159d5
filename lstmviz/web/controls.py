"""The controls: widgets whose values are the view, in Streamlit's session state under the parameters' names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from lstmviz import cells, sequences
from lstmviz.cells import Kind, Option
from lstmviz.language import LANGUAGES, _
from lstmviz.web import address, kinds, limits, models, orders, parameters, size, trained, uploads
from lstmviz.web import view as views
from lstmviz.web.fixed import is_hidden, offer
from lstmviz.web.markup import escape
from lstmviz.web.render import Upload
from lstmviz.web.view import View

_CSV_MB = 20
_TEXT_MB = 4


def read(last: View) -> View:
    """The view that the widgets show now; a widget that is not on the page leaves its part of `last` as it was."""
    held: dict[str, Any] = dict(
        st.session_state.to_dict()
    )  # at once: each key asked for is a turn of Streamlit's own
    view = parameters.read_widgets(replace(last, reverse=_read_reverse(last)), held)
    picked = size.read(last.num_units)
    if view.num_units == last.num_units:  # an example that was picked brings its own
        view = replace(view, num_units=picked)
    return replace(
        view,
        units=tuple(sorted(unit for unit in view.units if unit < view.num_units)),
        gate=view.gate if view.gate in view.recorded else "",
        versus=views.compare_with(view, dict(last.versus))[0].versus,
    )


def write(view: View) -> None:
    """Lets the widgets show `view`; to be called before they are drawn."""
    # A widget that comes back shows its least value, unless it is set in the same run; on another path each one is another.
    which = (address.path(), bool(view.model), view.sequence, view.cell)
    is_other = st.session_state.get("which_widgets", which) != which
    st.session_state["which_widgets"] = which
    size.write(view.num_units, is_new=is_other)
    for name, value in (parameters.widgets(view) | {"reverse": models.is_reversed(view)}).items():
        if is_other or name not in st.session_state or st.session_state[name] != value:
            st.session_state[name] = value


def draw_cell(view: View) -> None:
    """The cell: its kind, input size, options and weights; `size` has the other size."""
    models.draw(view)
    if view.model:  # the file says all of it
        stored = models.facts(view).stored
        st.markdown(
            _("**{layer}**: {kind}, {units:,} units, takes {inputs:,} features.").format(
                layer=escape(view.layer),
                kind=stored.title if stored else view.cell,
                units=view.num_units,
                inputs=view.input_size,
            )
        )
        return
    draw_kind()
    if told := kinds.tell(view.kind):
        st.caption(told)
    draw_input_size(view)
    with st.expander(_("Options and weights")):
        draw_options(view)


def draw_kind() -> None:
    """The kind of cell."""
    offer(st.selectbox, "cell")(
        _("cell"),
        kinds.ordered(),
        format_func=kinds.label,
        help=_("The kinds of cell, by TensorFlow's names where it has one, else by the paper's."),
    )


def draw_input_size(view: View) -> None:
    """The number of features."""
    offer(st.number_input, "input_size")(
        "input_size",
        1,
        limits.MAX_INPUT_SIZE,
        disabled=not view.is_generated,
        help=_("The number of features of x. Text, typed numbers and files bring their own."),
    )


def draw_options(view: View) -> None:
    """What can be chosen of a cell beside its kind and sizes."""
    for option in parameters.own_options(view.kind):
        _draw_option(option, view.kind)
    if kept := parameters.kept_options(view.kind):
        values = ", ".join(f"{option.name} = {option.default}" for option in kept)
        told = _(
            "{options}: as by default, for this page calls something else so. Give the option another name in the kind "
            "to choose it here."
        )
        st.caption(escape(told.format(options=values)))
    offer(st.selectbox, "initial_weights")(
        _("initial weights"),
        trained.weights(view.sequence),
        format_func=lambda name: _("trained") if name == trained.TRAINED else name,
        help=_(
            "How the kernel starts, by Keras's names. TensorFlow's cells start as glorot_uniform. Trained are those "
            "that come with the package, where there are any for the sequence."
        ),
    )
    if told := trained.describe(view):
        st.caption(escape(told))
    offer(st.segmented_control, "dtype")(
        "dtype",
        views.DTYPES,
        required=True,
        help=_("The type of the weights, in which the cell also computes."),
    )


def draw_sequence(view: View) -> None:
    """The sequence and its options."""
    draw_sequence_choice()
    draw_sequence_options(view)


def draw_sequence_choice() -> None:
    """Which sequence it is."""
    titles = {name: _(generator.title) for name, generator in sequences.GENERATORS.items()}
    titles |= {name: trained.title(name) for name in trained.SEQUENCES}
    titles |= {views.TEXT: _("text"), views.NUMBERS: _("typed numbers")}
    titles |= {views.CSV: _("CSV file"), views.TEXT_FILE: _("text file")}
    offer(st.selectbox, "sequence")(
        _("sequence"),
        list(views.SEQUENCES),
        format_func=titles.__getitem__,
        help=_("What the cell reads."),
    )


def draw_sequence_options(view: View) -> None:
    """What can be chosen of a sequence."""
    steps, seed = st.columns(2)
    offer(seed.number_input, "seed")(
        "seed",
        0,
        views.MAX_SEED,
        help=_("The same seed gives the same noise. The weights are those of the file.")
        if view.model
        else _("The same seed gives the same weights, and the same noise."),
    )
    if view.is_generated:
        longest = sequences.longest(view.sequence, view.input_size) or limits.MAX_STEPS
        offer(steps.number_input, "time_steps")(
            "time_steps", 1, longest, help=_("The number of steps of the sequence.")
        )
        for option in sequences.GENERATORS[view.sequence].options:
            offer(st.number_input, option.name)(
                _(option.title), option.minimum, option.maximum, step=option.step
            )
        return
    if view.sequence == views.TEXT:
        offer(st.text_area, "text")(_("text"), max_chars=views.MAX_TEXT, height=100)
        _draw_encoding()
        return
    if view.sequence == views.TEXT_FILE:
        _draw_text_upload()
        _draw_encoding()
        return
    if view.sequence == views.NUMBERS:
        offer(st.text_area, "numbers")(
            _("numbers"),
            max_chars=views.MAX_TEXT,
            height=100,
            help=_(
                "One step a line, its features separated by spaces or commas; or a single line, a step each."
            ),
        )
    else:
        _draw_upload()
    offer(st.checkbox, "standardise")(
        _("standardise"), help=_("Shift and scale each feature to mean 0 and deviation 1.")
    )


def _draw_encoding() -> None:
    offer(st.segmented_control, "encoding")(
        _("one-hot by"),
        views.ENCODINGS,
        required=True,
        format_func={"character": _("character"), "byte": _("byte")}.__getitem__,
    )
    offer(st.text_area, "alphabet")(
        _("alphabet"),
        max_chars=views.MAX_TEXT,
        height=68,
        placeholder=_("those of the text, sorted"),
        help=_(
            "The characters that have a feature each, in this order: a model that was trained on characters has one of its own."
        ),
    )


def _draw_text_upload() -> None:
    uploads.draw(
        _("text file"), "text_file", _TEXT_MB, type=["txt", "md", "csv", "json", "xml", "html", "py"]
    )
    if not uploads.kept("text_file") and (taken := st.session_state.get("text_upload")):
        st.caption(_("In use: {name}").format(name=escape(taken.name)))
    st.caption(
        _("A text in UTF-8. It stays in your session: the link does not carry it, as it carries a typed one.")
    )


def draw_reading(view: View) -> None:
    """How a file's layer takes the sequence; its file's own way at first."""
    if not view.model:
        return
    offer(st.toggle, "reverse")(
        _("turn the input round"),
        help=_(
            "Whether the layer reads the sequence from its end. What the file says of it is set at first."
        ),
    )
    if models.facts(view).reads.initial_state:
        offer(st.segmented_control, "initial_state")(
            _("initial state"),
            views.STARTS,
            required=True,
            format_func={"file": _("from the file"), "zeros": _("zeros")}.__getitem__,
            help=_("The states before the first step."),
        )


def draw_picture(view: View) -> None:
    """How the gates' figure shows the run."""
    values, units = st.columns(2)
    with values:
        draw_values()
        draw_order(view)
    offer(units.multiselect, "units")(
        _("units as lines"),
        range(view.num_units),
        max_selections=limits.MAX_LINES,
        placeholder=_("none: all units as a heatmap"),
        help=_("Draws the chosen units as lines."),
    )


def draw_values() -> None:
    """Whether gates are shown before or after their activation."""
    offer(st.segmented_control, "values")(
        _("gates"),
        views.VALUES,
        required=True,
        format_func={"activations": _("activations"), "preactivations": _("pre-activations")}.__getitem__,
        help=_("A gate after its sigmoid or tanh, or before."),
    )


def draw_order(view: View) -> None:
    """In which order the rows of the gates' heatmaps are."""
    titles = orders.titles(view)
    offer(st.selectbox, "order")(
        _("order of the units"),
        list(titles),
        format_func=lambda name: titles.get(name, name),
        help=_(
            "Which rows of the heatmaps come first: those with most of it. Each keeps its unit's own number."
        ),
    )
    if view.order != orders.STORED and (why := orders.why_not(view, view.time_steps)):
        st.caption(escape(why))


def read_upload(view: View) -> Upload | None:
    """The file in the uploader, if the view shows one. It stays in the viewer's session."""
    if view.sequence == views.TEXT_FILE:
        return _read_text_upload()
    if view.sequence != views.CSV:
        return None
    kept: Upload | None = st.session_state.get("upload")
    file = next(iter(uploads.kept("csv")), None)
    if uploads.is_changed("csv") or file:
        columns = tuple(st.session_state.get("columns", ()))
        upload = Upload(file.name, file.getvalue(), columns) if file else None
        if upload != kept:
            st.session_state["upload"] = kept = upload
    return kept


def _read_text_upload() -> Upload | None:
    kept: Upload | None = st.session_state.get("text_upload")
    file = next(iter(uploads.kept("text_file")), None)
    if uploads.is_changed("text_file") or file:
        upload = Upload(file.name, file.getvalue()) if file else None
        if upload != kept:
            st.session_state["text_upload"] = kept = upload
    return kept


def draw_device(names: dict[str, str]) -> None:
    """The device: `names` are those that TensorFlow sees, with what they are called."""
    first = next(iter(names))
    titles = {"": _("automatic ({device})").format(device=first)} | {
        n: f"{n} · {title}" for n, title in names.items()
    }
    offer(st.selectbox, "device")(_("device"), list(titles), format_func=titles.__getitem__)
    if is_hidden("device"):
        return
    if not any(name.startswith("GPU") for name in names):
        st.caption(
            _("TensorFlow sees no GPU here. For one, install `requirements-gpu.txt` or start the GPU image.")
        )


def draw_linear(view: View) -> None:
    """Whether a linear layer stands in front of the cell; not where it would not fold into it."""
    can_fold = cells.can_fold(view.kind, dict(view.options))
    why_not = _("{kind} has no bias beside each product with x").format(kind=view.cell)
    offer(st.toggle, "linear")(
        _("linear layer in front, folded into the kernel"),
        disabled=not can_fold,
        help=None if can_fold else why_not,
    )


def draw_language() -> None:
    """The language switch."""
    offer(st.segmented_control, "lang")(
        _("Language"),
        list(LANGUAGES),
        required=True,
        format_func=LANGUAGES.__getitem__,
        label_visibility="collapsed",
    )


def _read_reverse(last: View) -> bool | None:
    """Whether a file's layer is turned round; None for as its file says."""
    held = st.session_state.get("reverse")
    if not last.model or not isinstance(held, bool):
        return last.reverse
    return None if held == models.facts(last).reads.reverse else held


def _draw_upload() -> None:
    uploads.draw(_("CSV file"), "csv", _CSV_MB, type=["csv", "tsv", "txt"])
    file = next(iter(uploads.kept("csv")), None)
    if file is None:
        if taken := st.session_state.get("upload"):
            st.caption(_("In use: {name}").format(name=escape(taken.name)))
        return
    try:
        columns = sequences.csv_columns(file.getvalue())
    except ValueError:
        return  # the sequence, made from the same file, says why
    numeric = [column for column, holds_numbers in columns.items() if holds_numbers]
    st.session_state["columns"] = [name for name in st.session_state.get("columns", ()) if name in numeric]
    st.multiselect(_("columns"), numeric, key="columns", placeholder=_("all numeric"))
    if left_out := [column for column in columns if column not in numeric]:
        st.caption(_("Left out, for they hold text: {columns}.").format(columns=escape(", ".join(left_out))))


def _draw_option(option: Option, kind: Kind) -> None:
    label, key = _(option.title), parameters.widget_of(option.name)
    # What a usual option does is known of the kinds here; of one of a viewer's own its equation says it.
    text = _(option.help) if kind.is_ours and option.help else None
    if option.type is bool:
        offer(st.checkbox, option.name, key)(label, help=text)
    elif option.type is str:
        offer(st.selectbox, option.name, key)(label, option.choices, help=text)
    elif option.type is int:
        offer(st.number_input, option.name, key)(
            label,
            int(option.minimum),
            limits.MAX_UNITS,
            None,
            help=text,
            placeholder=_("off"),
        )
    else:
        minimum = max(float(option.minimum), -views.LARGEST)
        # What is shown comes from the session state; None lets the field be empty, which means "off".
        empty: Any = None if option.default is None else "min"
        offer(st.number_input, option.name, key)(
            label,
            minimum,
            views.LARGEST,
            empty,
            step=0.5,
            help=text,
            placeholder=_("off"),
        )
