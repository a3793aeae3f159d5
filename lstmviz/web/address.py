"""The address bar, and when it says what is shown.

What is picked in the widgets is written into the address, and each time that is an entry of the browser's history. A run of the
script obeys the address where somebody went to it: in a new session, and by Back or Forward. Else the widgets are newer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lstmviz import language
from lstmviz.language import LANGUAGES
from lstmviz.web import parameters
from lstmviz.web import view as views
from lstmviz.web.paths import names
from lstmviz.web.view import View

# In the session's state: the last address, behind those before it that its browser may still send, since it has not heard of
# the last one; what that address stands for, as `of` has it; and the language that it names.
_LAST, _STANDS_FOR, _LANGUAGE = "addresses", "address_stands_for", "address_language"
_PATH = "path"
_IS_MOVED = "is_moved"  # in the session's state: whether the stage has said what no run has shown yet
_HAS_COME = "has_come"  # in the session's state: whether another path was open before, or none
_MOST = 20  # addresses that a browser can be behind


def is_asked() -> bool:
    """Whether the address says what is shown; to be asked once in each run."""
    last: list[dict[str, str]] | None = st.session_state.get(_LAST)
    shown, is_moved = st.query_params.to_dict(), st.session_state.pop(_IS_MOVED, False)
    if last is None or went_to():
        # Who goes back and forth fast may come to the same address again, with what the widgets held on the way.
        return True
    if shown == last[-1]:
        del last[:-1]
        return False
    if is_moved:  # what a hand has moved is newer than any address that its browser still has, as while it changes the path
        return False
    # A browser that has not heard of the last address yet sends one of those before.
    return shown not in last


def hear_move() -> None:
    """Notes that the stage has said what was moved on it: the next run shows that, whatever address comes with it."""
    st.session_state[_IS_MOVED] = True


def went_to() -> bool:
    """Whether Back or Forward asked for this run."""
    context: Any = get_script_run_ctx()
    return context is not None and bool(context.is_history_navigation)


def path() -> str:
    """The path that is open."""
    return str(st.session_state.get(_PATH, names.EXPLORE))


def carry_to(opened: str) -> None:
    """Takes the view along to a path of the page: who follows a link to it leaves the address's parameters behind.

    To be called before Streamlit's navigation, too: a browser that has the parameters first makes one entry of its history of
    both. It makes none of parameters that it has already, so they are those of the path before; what this path says
    otherwise, `write` writes.
    """
    before = st.session_state.get(_PATH)
    st.session_state[_PATH] = opened
    if before != opened:
        st.session_state[_HAS_COME] = True
    if (
        before not in (None, opened)
        and not went_to()
        and not st.query_params.to_dict()
        and st.session_state.get(_LAST)
    ):
        last = st.session_state[_LAST][-1]
        st.session_state[_LAST] = [*st.session_state[_LAST][-_MOST:], {}, last]
        st.query_params.from_dict(last)


def has_come() -> bool:
    """Whether the open path was opened since this was last asked."""
    return bool(st.session_state.pop(_HAS_COME, False))


def asked_page() -> str:
    """What Streamlit calls the page that a browser asks for in a session; "" as the session begins."""
    context: Any = get_script_run_ctx()
    return str(context.page_script_hash) if context else ""


def every_parameter() -> list[tuple[str, str]]:
    """The address's parameters, those that stand more than once among them."""
    return [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]


def language_asked() -> str:
    """The language that the address names, else the browser's; English where that is none of ours."""
    asked = st.query_params.get("lang", _own_language())
    return asked if asked in LANGUAGES else "en"


def read() -> tuple[View, list[str]]:
    """The view that the address asks for, and a sentence for each thing in it that was wrong."""
    query = st.query_params.to_dict()
    repeated = [name for name in query if len(st.query_params.get_all(name)) > 1]
    own = _own_language()
    asked = query.get("lang", own)
    st.session_state[_LANGUAGE] = asked if "lang" in query else ""
    with language.use(asked if asked in LANGUAGES else "en"):
        view, problems = views.parse(query, own, repeated)
        if "view" in st.session_state:
            view = views.kept(st.session_state["view"], view, path())
    st.session_state[_STANDS_FOR] = None if problems else of(view)
    st.session_state[_LAST] = None  # until it is obeyed: a run can end before
    return view, problems


def keep() -> None:
    """Notes that what the address asks for is in the widgets."""
    if st.session_state[_LAST] is None:
        st.session_state[_LAST] = [st.query_params.to_dict()]


def write(view: View) -> None:
    """Puts a view into the address bar, where the address there is not of that view; it may well say so in more words."""
    query = of(view)
    if query != st.session_state[_STANDS_FOR]:
        st.session_state[_LAST] = [*st.session_state[_LAST][-_MOST:], query]
        st.session_state[_STANDS_FOR] = query
        st.query_params.from_dict(query)
    elif went_to():
        # A pick that was still being answered may have put its address into the bar since.
        st.query_params.from_dict(st.query_params.to_dict())


def set_out(view: View, opened: str) -> None:
    """Has `carry_to` take a view along that the address does not say yet: the other path and it are one entry of the history."""
    st.session_state[_LAST] = [*st.session_state[_LAST][-_MOST:], of(view, opened)]


def of(view: View, to: str = "") -> dict[str, str]:
    """The parameters of a view's address: those that the path `to` shows, by default the open one.

    A language that came in an address stays in it. Of who follows a presenter it says that alone, and so shows them what the
    presenter shows when it is opened again.
    """
    came = {"lang": view.lang} if view.lang == st.session_state[_LANGUAGE] else {}
    query = views.to_query(view, _own_language()) | came
    if view.follows:
        return {name: value for name, value in query.items() if name in views.FOLLOWING}
    return {name: value for name, value in query.items() if parameters.is_shown(name, to or path())}


def link(view: View, to: str = "") -> str:
    """A view's whole address: on the path `to`, by default on the open one."""
    page = str(st.context.url or "").partition("#")[0].partition("?")[0]
    if to:
        root, _slash, last = page.rstrip("/").rpartition("/")
        page = f"{root if last in names.ALL else page.rstrip('/')}/{to if to != names.EXPLORE else ''}"
    query = urlencode(of(replace(view, room="", follows=False), to))  # what was seen, whoever showed it
    return f"{page}?{query}" if query else page


def _own_language() -> str:
    """The language of the viewer's browser, as far as the page has it."""
    own = (st.context.locale or "en").split("-")[0]
    return own if own in LANGUAGES else "en"
