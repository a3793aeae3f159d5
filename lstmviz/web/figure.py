"""Puts a Plotly figure on the page through a component of the project's own.

Streamlit's own chart draws a new plot at each change; this one changes the plot that is there, which is most
of what a moved slider waits for.
"""

from __future__ import annotations

import json as json_module
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import streamlit as st

from lstmviz import language
from lstmviz.language import _
from lstmviz.plot.stage_words import player_words
from lstmviz.web import fixed, server

_mount = st.components.v2.component(
    "lstmviz_figure", js=server.loader("figure.js", "default"), isolate_styles=False
)
_mount_step = st.components.v2.component(
    "lstmviz_step", js=server.loader("figure.js", "step"), isolate_styles=False
)
_mount_follower = st.components.v2.component(
    "lstmviz_follower", js=server.loader("figure.js", "follow"), isolate_styles=False
)


class Made(NamedTuple):
    """A figure as its component draws it.

    Attributes:
        json: The figure as plotly.js reads it, in UTF-8, `{"data": [...], "layout": {...}}`. `layout.meta.dark` may
            hold what changes in the dark theme, as a flat patch like `{"font.color": "#eee"}`, `layout.meta.narrow` what
            changes on a phone. The width is the page's, the background transparent.
        alt: What the figure shows, for who cannot see it.
        frames: What of it changes with the step, as JSON; see `plot.step_frames`.
    """

    json: bytes
    alt: str
    frames: bytes = b"null"


def drawing(made: Made, more: Mapping[str, Any] | None = None) -> bytes:
    """All that a figure's component needs to draw it, in UTF-8, with what else it is told."""
    head = json_module.dumps({"alt": made.alt, "words": _words(), **(more or {})}, ensure_ascii=False)
    return b"".join((head[:-1].encode(), b',"frames":', made.frames, b',"figure":', made.json, b"}"))


def figure(json: bytes, *, key: str, alt: str) -> None:
    """Shows a figure, in the place of an earlier one under the same key if there is one.

    Args:
        json: As `Made` has it; also `alt`.
        key: Names the figure on the page: its element has the class `st-key-<key>`.
        alt: What the figure shows.
    """
    # Bytes pass as they are; a mapping would be serialised twice here and parsed twice in the browser.
    _mount(key=key, data=drawing(Made(json, alt)))


class Run(NamedTuple):
    """Whose run a picture is of.

    Attributes:
        engine: What the route is asked for it with; empty for the run at rest.
        is_held: Whether the run at rest is to follow once the controls rest.
    """

    engine: str = ""
    is_held: bool = False


def picture(key: str, of: str, made: Made | None = None, finer: str = "", run: Run | None = None) -> None:
    """Shows a picture of a view, which the browser fetches from `server`'s route, unless the slider has already done so.

    Args:
        key: Names the figure on the page, and the picture on the route.
        of: The view's query; see also `follow`.
        made: The figure, where the route cannot make it.
        finer: What the route is asked for a window of it with, where that is not `of`.
        run: Whose run it is of, where it is of one.
    """
    told = {"engine": run.engine, "held": run.is_held} if run else {}
    _mount(key=key, data=_refer({"key": key, "of": of, "finer": finer or of, **told}, made))


def step(
    of: str, steps: int, made: Made | None = None, run: Run | None = None, held: Iterable[int] = ()
) -> None:
    """Shows time's controls, and the pinned unit at the pinned step, which the browser fetches from `server`'s route.

    Args:
        of: The view's query.
        steps: How many steps there are.
        made: The figure, where the route cannot make it.
        run: Whose run it is of.
        held: The units that have no such figure, for something of them is held.
    """
    told = {
        "of": of,
        "steps": steps,
        "held": sorted(held),
        "player": player_words(),
        "engine": run.engine if run else "",
    }
    _mount_step(key="step", data=_refer(told, made))


def _refer(head: Mapping[str, Any], made: Made | None) -> bytes:
    if made:
        return drawing(made, head)
    return json_module.dumps({**head, "words": _words()}, ensure_ascii=False).encode()


def follow(
    of: str,
    pin: dict[str, int | str | None],
    on_pinned: Callable[[dict[str, Any]], None],
    on_rested: Callable[[], None] = lambda: None,
    is_behind: bool = False,
) -> None:
    """Runs the whole script again once the page's figures show something else than `of`, or another pin, and rest.

    Args:
        of: What the page tells of.
        pin: The step `t`, the `gate` and the `unit` that are pinned, where any are.
        on_pinned: Called before that run with what was pinned; the browser may send anything.
        on_rested: Called before that run where nothing was pinned.
        is_behind: Whether something else has to follow once the controls rest.
    """

    def pinned() -> None:
        sent = st.session_state["follower"].get("pinned")
        if isinstance(sent, dict):
            on_pinned(sent)

    _mount_follower(
        key="follower",
        data=[
            {
                "of": of,
                "pin": pin,
                "behind": is_behind,
                "held": [*filter(fixed.is_locked, pin)],
                "language": language.current(),
            }
        ],
        height=1,
        on_moved_change=on_rested,
        on_pinned_change=pinned,
    )


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
