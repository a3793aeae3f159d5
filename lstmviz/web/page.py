"""The Streamlit script: one run of it draws the path that is open."""

from __future__ import annotations

import base64
from pathlib import Path

import streamlit as st

from lstmviz import language
from lstmviz.language import _
from lstmviz.web import address
from lstmviz.web.paths import document, explore, learn
from lstmviz.web.paths.names import DOCUMENT, EXPLORE, LEARN

# In the page itself: a file of Streamlit's is gone while a browser that goes back twice still asks for it.
_ICON = (
    "data:image/png;base64," + base64.b64encode((Path(__file__).parent / "icon.png").read_bytes()).decode()
)


def main(first: str = EXPLORE) -> None:
    """Draws the path that is open, for the view in the address, or for what the controls have made of it since.

    Args:
        first: The path that stands under the page's own address.
    """
    st.set_page_config(page_title="lstmviz", page_icon=_ICON, layout="wide")
    draw = {EXPLORE: explore.draw, LEARN: learn.draw, DOCUMENT: document.draw}
    with language.use(
        st.session_state["view"].lang if "view" in st.session_state else address.language_asked()
    ):
        titles = {EXPLORE: _("Explore"), LEARN: _("Learn"), DOCUMENT: _("In sections")}
    paths = {
        name: st.Page(draw[name], title=titles[name], url_path=name, default=name == first) for name in draw
    }
    st.session_state["paths"] = paths
    opened = st.navigation(list(paths.values()), position="top")
    address.carry_to(opened.url_path)
    opened.run()


if __name__ == "__main__":
    main()
