"""The Streamlit script: one run of it draws the path that is open."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

import streamlit as st

from lstmviz import language
from lstmviz.language import _
from lstmviz.web import address, fixed, parameters
from lstmviz.web.paths import compare, document, explore, learn, memory, model, names, present, take_along

# In the page itself: a file of Streamlit's is gone while a browser that goes back twice still asks for it.
_ICON = (
    "data:image/png;base64," + base64.b64encode((Path(__file__).parent / "icon.png").read_bytes()).decode()
)


_DRAW: Mapping[str, Callable[[], None]] = {
    names.EXPLORE: explore.draw,
    names.LEARN: learn.draw,
    names.MEMORY: memory.draw,
    names.COMPARE: compare.draw,
    names.MODEL: model.draw,
    names.TAKE_ALONG: take_along.draw,
    names.PRESENT: present.draw,
    names.DOCUMENT: document.draw,
}


def main(first: str = names.EXPLORE) -> None:
    """Draws the path that is open, for the view in the address, or for what the controls have made of it since.

    Args:
        first: The path that stands under the page's own address.
    """
    st.set_page_config(page_title="lstmviz", page_icon=_ICON, layout="wide")
    with language.use(
        st.session_state["view"].lang if "view" in st.session_state else address.language_asked()
    ):
        titles = _titles()
    pages = {
        name: st.Page(
            _DRAW[name],
            title=titles[name],
            url_path=name,
            default=name == first,
            visibility="hidden" if name == names.DOCUMENT else "visible",
        )
        for name in names.ALL
    }
    st.session_state["paths"] = pages
    asked = address.asked_page()
    for name, page in pages.items():
        if page._script_hash == asked:
            address.carry_to(name)
    opened = st.navigation(list(pages.values()), position="hidden" if _is_alone() else "top")
    address.carry_to(opened.url_path or first)
    opened.run()


def _is_alone() -> bool:
    """Whether a link hides the way to the other paths; before it was read it says so itself."""
    if "view" in st.session_state and not address.went_to():
        return fixed.is_hidden(parameters.PATHS_BAR)
    return parameters.PATHS_BAR in st.query_params.get("hide", "").split(",")


def _titles() -> Mapping[str, str]:
    return {
        names.EXPLORE: _("Explore"),
        names.LEARN: _("Learn"),
        names.MEMORY: _("Memory"),
        names.COMPARE: _("Compare"),
        names.MODEL: _("My model"),
        names.TAKE_ALONG: _("Take along"),
        names.PRESENT: _("Present"),
        names.DOCUMENT: _("In sections"),
    }


if __name__ == "__main__":
    main()
