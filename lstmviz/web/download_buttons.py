"""The section with the files to take along, each made when its button is pressed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import streamlit as st

from lstmviz import language
from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.plot import stage as stages
from lstmviz.plot.handout import Told, handout_html
from lstmviz.plot.page import page_html
from lstmviz.run.trace import Trace
from lstmviz.sequences import Sequence
from lstmviz.web import address, downloads, limits, models, own_words, render, sections, trained
from lstmviz.web.paths import names
from lstmviz.web.render import Upload
from lstmviz.web.view import View


def draw(view: View, cell: Cell, sequence: Sequence, upload: Upload | None) -> None:
    """The section."""
    sections.write(
        _("Take it along"),
        _(
            "The address of this page holds everything picked here: copy it, and it opens this view again, anywhere."
        )
        if not view.is_uploaded and not view.model
        else _(
            "The address of this page holds everything picked here but the cell that was trained here, which stays in this session."
        )
        if trained.is_made_here(view) and not view.is_uploaded
        else _("The address of this page holds everything picked here but your file, which stays with you."),
    )
    name = file_name(view)
    facts = models.facts(view)
    letters = own_words.letters(facts)
    edited = render.say_edits(view)
    notes = own_words.notes(cell, facts) + render.told_reading(view, upload) + edited
    dark = st.context.theme.type == "dark"
    link, stage_link = address.link(view), address.link(view, names.EXPLORE)

    def in_language(make: Callable[[], bytes]) -> Callable[[], bytes]:
        # Streamlit calls it on a thread of its own, when the button is pressed.
        def made() -> bytes:
            with language.use(view.lang):
                return make()

        return made

    def trace() -> Trace:
        return render.load_trace(view, sequence, upload)

    def trace_dressed() -> Trace:
        return render.dressed_trace(view, sequence, upload)

    files: list[tuple[str, str, str, Callable[[], bytes]]] = [
        (
            "kernel_npz",
            _("Kernel (.npz)"),
            f"{name}-kernel.npz",
            lambda: downloads.kernel_npz(cell, letters, edited),
        ),
        ("kernel_csv", _("Kernel (.csv)"), f"{name}-kernel.csv", lambda: downloads.kernel_csv(cell, letters)),
        (
            "trace_npz",
            _("Trace (.npz)"),
            f"{name}-trace.npz",
            lambda: downloads.trace_npz(trace(), letters, edited),
        ),
        ("trace_csv", _("Trace (.csv)"), f"{name}-trace.csv", lambda: downloads.trace_csv(trace(), letters)),
        (
            "page_html",
            _("Figures (.html)"),
            f"{name}.html",
            lambda: page_html(
                render.dressed_cell(view),
                trace_dressed(),
                values=view.values,
                units=list(view.units) or None,
                dark=dark,
                link=link,
                name=view.layer if view.model else "",
                order=render.unit_order(view, sequence, upload)[0],
                notes=notes,
            ),
        ),
    ]
    files.append(
        (
            "stage_html",
            _("Stage (.html)"),
            f"{name}-stage.html",
            lambda: _make_handout(view, trace_dressed(), stage_link, notes, dark),
        )
    )
    per_step = cell.num_units * (2 * len(cell.kind.gates) + len(cell.kind.states)) + cell.input_size
    sizes = {"kernel_csv": cell.kernel.size if cell.rows else 0, "trace_csv": len(sequence) * per_step}
    with st.container(horizontal=True):
        for key, label, called, make in files:
            is_large = sizes.get(key, 0) > limits.MAX_TABLE
            st.download_button(
                label,
                in_language(make),
                called,
                key=key,
                on_click="ignore",
                disabled=is_large,
                help=_("{count:,} numbers are more than a spreadsheet reads; take the .npz.").format(
                    count=sizes[key]
                )
                if is_large
                else None,
            )


def _make_handout(view: View, trace: Trace, link: str, notes: Iterable[str], dark: bool) -> bytes:
    """The stage as a file, at the step, the unit and the number that are pinned; its units stand as they are stored."""
    t, unit = min(view.t or 0, len(trace) - 1), min(view.unit or 0, trace.cell.num_units - 1)
    made = stages.make_stage(trace, t, unit)
    if example := trained.find(view):
        answers, truth = trained.answers(example, trace)
        made = stages.with_answers(
            made,
            example.title,
            answers,
            truth,
            trained.name_answers(example),
            trained.sureness(example, trace),
        )
    own = {"errors": trained.errors(view), "look": trained.say_look(view), "edits": render.told_edits(view)}
    made = replace(made, head={**made.head, **own})
    beside = " · ".join(filter(None, [trained.tell(view), view.say_held(), view.say_edited(), trace.device]))
    told = Told(link=link, name=view.layer if view.model else "", notes=tuple(notes), beside=beside)
    return handout_html(trace, told, t=t, unit=unit, gate=view.gate, dark=dark, stage=made)


def file_name(view: View) -> str:
    """What the files that a view gives are called."""
    own = re.sub(r"[^\w.-]+", "-", view.layer) if view.model else ""
    name = own or f"{view.cell}-{view.num_units}"
    return f"{name}-edited" if view.edited else name
