"""Puts a Plotly figure on the page through a component of the project's own.

Streamlit's own chart draws a new plot at each change; this one changes the plot that is there, which is most
of what a moved slider waits for.
"""

from __future__ import annotations

import json as json_module

import streamlit as st

from lstmviz import language
from lstmviz.language import _
from lstmviz.web import server

# Travels with each message, so it only says where the module is; Streamlit makes a blob of it, hence the base.
_LOADER = f"""\
const module = await import(new URL("{server.assets_path()}/figure.js", document.baseURI).href);
export default module.NAME;
"""

_mount = st.components.v2.component(
    "lstmviz_figure", js=_LOADER.replace("NAME", "default"), isolate_styles=False
)
_mount_follower = st.components.v2.component(
    "lstmviz_follower", js=_LOADER.replace("NAME", "follow"), isolate_styles=False
)


def message(json: bytes, *, key: str, alt: str, height: int | None = None, of: str = "") -> bytes:
    """What a figure's component is told, in UTF-8.

    Args:
        json: The figure as plotly.js reads it, in UTF-8, `{"data": [...], "layout": {...}}`. `layout.meta.dark` may
            hold what changes in the dark theme, as a flat patch like `{"font.color": "#eee"}`. The width is the
            page's, the background transparent.
        key: Names the figure on the page: its element has the class `st-key-<key>`.
        alt: What the figure shows, for who cannot see it.
        height: Pixels; `layout.height` where none is given.
        of: What the figure is a picture of; see `follow`.
    """
    head = {"key": key, "of": of, "alt": alt, "height": height, "words": _words()}
    return b"".join((json_module.dumps(head, ensure_ascii=False)[:-1].encode(), b',"figure":', json, b"}"))


def show(key: str, message: bytes) -> None:
    """Shows a figure, in the place of an earlier one under the same key if there is one."""
    # Bytes pass as they are; a mapping would be serialised twice here and parsed twice in the browser.
    _mount(key=key, data=message)


def figure(json: bytes, *, key: str, alt: str, height: int | None = None) -> None:
    """Shows a figure; the arguments are `message`'s."""
    show(key, message(json, key=key, alt=alt, height=height))


def follow(of: str) -> None:
    """Runs the whole script again once the page's figures show something else than `of`, and rest."""
    _mount_follower(key="follower", data={"of": of}, height=1, on_moved_change=lambda: None)


def _words() -> dict[str, str]:
    """What a figure's buttons say; those that are Plotly's own under Plotly's English."""
    return {
        "language": language.current(),
        "download-png": _("Download as PNG"),
        "download-svg": _("Download as SVG"),
        "Zoom": _("Zoom"),
        "Pan": _("Pan"),
        "Reset axes": _("Reset axes"),
        "Double-click to zoom back out": _("Double-click to zoom back out"),
        "failed": _("The figure could not be drawn, since a part of the page did not load. Reload the page."),
    }
