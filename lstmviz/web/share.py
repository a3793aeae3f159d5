"""The section that writes a link for a class: what it hides and holds, the lesson's step it opens, a sentence of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from lstmviz import language
from lstmviz.language import _
from lstmviz.web import address, lessons, parameters, sections, server, words
from lstmviz.web import view as views
from lstmviz.web.lessons import Step
from lstmviz.web.paths import names
from lstmviz.web.view import View

_mount = st.components.v2.component("lstmviz_share", js=server.loader("share.js"), isolate_styles=False)


def draw(view: View) -> None:
    """The section."""
    sections.write(
        _("A link for a class"),
        _(
            "Tick what who opens the link shall not see, and what shall stay as it is now. It is a courtesy, not a safeguard: "
            "whoever edits the address undoes it."
        ),
    )
    hide, lock = _draw_ticks(view)
    steps = _load_steps()
    opens, said = st.columns(2)
    step = opens.selectbox(
        _("opens"),
        range(len(steps) + 1),
        key="share_step",
        format_func=lambda number: _tell_step(steps, number),
    )
    note = said.text_input(
        _("a sentence of yours, shown above the page as the link's words"),
        key="share_note",
        max_chars=parameters.MAX_NOTE,
    )
    if view.model or view.sequence == views.CSV:
        st.caption(_("Your file is in no link: who opens it sees what the link says without the file."))
    _mount(
        key="share_link",
        data=[{"link": write(view, hide, lock, step, note), "words": _words()}],
    )


def write(view: View, hide: Sequence[str], lock: Sequence[str], step: int, note: str) -> str:
    """The link to a view that hides and holds so much, at a lesson's step, counted from 1; 0 opens Explore."""
    shared = replace(
        view,
        hide=tuple(hide),
        lock=tuple(lock),
        note=words.plain_line(note)[: parameters.MAX_NOTE].rstrip(),
        step="",
        lesson=step or None,
    )
    return address.link(shared, names.LEARN if step else names.EXPLORE)


def _draw_ticks(view: View) -> tuple[list[str], list[str]]:
    """What is ticked; at first what the link that was opened itself hides and holds."""
    controls = [row.name for row in parameters.rows(view) if row.name in parameters.controls()]
    pinned = [name for name in ("gate", "unit") if getattr(view, name) not in (None, "")]
    found = []
    for key, label, choices, own in (
        ("share_hide", _("hidden"), [*controls, *parameters.PARTS], view.hide),
        ("share_lock", _("held as it is now"), [*controls, *pinned], view.lock),
    ):
        ticked = st.session_state.get(key, own)
        st.session_state[key] = [name for name in ticked if name in choices]
        found.append(st.pills(label, choices, selection_mode="multi", key=key))
    return list(found[0]), list(found[1])


def _load_steps() -> Sequence[Step]:
    """The lesson's steps; none where its file cannot be read, of which Learn tells."""
    try:
        return lessons.load(language.current()).steps
    except ValueError:
        return ()


def _tell_step(steps: Sequence[Step], number: int) -> str:
    if not number:
        return _("Explore")
    return _("Learn, step {number}: {title}").format(number=number, title=steps[number - 1].title)


def _words() -> dict[str, str]:
    return {
        "link": _("The link"),
        "copy": _("Copy the link"),
        "copied": _("Copied."),
        "by_hand": _("The browser does not let the page copy it: it is marked, Ctrl+C or ⌘C copies it."),
    }
