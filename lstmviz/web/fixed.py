"""What a link takes away, what it holds at its value, and its own sentence.

It is a courtesy to who is shown something, and no safety: whoever edits the address has all of it back.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from lstmviz.language import _
from lstmviz.web import parameters
from lstmviz.web.view import View

_OWN = ("hide", "lock", "note")
_ALONG = {"num_units": ("num_units", "units"), "step": ("step", "lesson")}
"""What else is the same thing, said otherwise."""


def is_hidden(name: str) -> bool:
    """Whether the link that was opened takes a control or a part of the page away."""
    return name in _view().hide


def is_locked(name: str) -> bool:
    """Whether the link that was opened holds a parameter at its value."""
    return name in _view().lock


def offer(draw: Callable[..., Any], name: str, key: str = "") -> Callable[..., Any]:
    """What draws a parameter's widget: nothing where it is hidden, and where it is locked one that cannot be moved.

    Args:
        draw: Streamlit's own function.
        name: The parameter.
        key: The widget's key, where it is not called as its parameter.
    """
    if is_hidden(name):
        return lambda *_arguments, **_options: None

    def offered(*arguments: Any, disabled: bool = False, **options: Any) -> Any:
        return draw(*arguments, key=key or name, disabled=disabled or is_locked(name), **options)

    return offered


def hold(last: View, view: View) -> View:
    """A view with what the last one's link holds as it was; a link is changed by none of the page's controls."""
    held = {other for name in last.lock for other in _ALONG.get(name, (name,))}
    return parameters.hold(last, view, {*held, *_OWN})


def draw_note(*, alone: bool = False) -> None:
    """What the link that was opened says, and unless that is to be `alone` what it holds: as its words and none of the page's."""
    view = _view()
    parts = []
    if view.note:
        # Not Markdown: a link can say anything, and is shown letter by letter, whichever way it is written.
        said = f"<q><bdi>{html.escape(view.note)}</bdi></q>"
        whose = html.escape(_("From the link:"))
        parts.append(f"<strong>{whose}</strong> {said}")
    if view.lock and not alone:
        told = _("Held by the link: {names}").format(names=", ".join(view.lock))
        parts.append(f"<small>{html.escape(told)}</small>")
    if view.hide and not alone:
        told = _("Hidden by the link: {names}").format(names=", ".join(view.hide))
        parts.append(f"<small>{html.escape(told)}</small>")
    if parts:
        # On a telephone a long one is read by scrolling it, and leaves what it is about on the screen.
        style = (
            "border-left: 4px solid currentColor; padding: .1rem .7rem; overflow-wrap: anywhere; "
            "max-height: max(3.2rem, 9dvh); overflow: auto; scrollbar-width: thin"
        )
        with st.container(key="note"):
            st.html(f'<div role="note" style="{style}">{" · ".join(parts)}</div>')


def tell(view: View) -> Mapping[str, Any]:
    """What the browser is told of it; `kept` is what an address says of it."""
    kept = {name: parameters.write(value) for name in _OWN if (value := getattr(view, name))}
    return {
        "hide": list(view.hide),
        "lock": list(view.lock),
        "kept": kept,
        "held": _("The link that was opened holds {name} where it is."),
        "would": _("This would set {setting}; the link that was opened holds that where it is."),
    }


def _view() -> View:
    found: View = st.session_state.get("view") or View()
    return found
