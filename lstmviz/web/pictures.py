"""The page's two pictures as messages to their figures: from the page's script, and ahead of it on a route.

A moved slider starts a run of the script, and the browser draws the page's elements anew before it comes to the figures.
Over the route it has both pictures meanwhile; the script's messages are the same bytes, and change nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from lstmviz import language
from lstmviz.web import figure, render, server
from lstmviz.web import view as views
from lstmviz.web.view import View

KEYS = ("kernel", "gates")


def kernel(view: View) -> bytes:
    """The kernel figure's message."""
    picture = render.kernel_picture(view)
    return figure.message(picture.figure, key="kernel", alt=picture.alternative, of=name(view))


def gates(view: View, picture: render.RunPicture) -> bytes:
    """The gates figure's message."""
    return figure.message(picture.figure, key="gates", alt=picture.alternative, of=name(view))


def name(view: View) -> str:
    """What tells a view from another one."""
    return urlencode(views.to_query(view))


def ahead(key: str, query: Mapping[str, str]) -> bytes | None:
    """The message that the page's script will send for a figure at an address; None where the script has to be waited for.

    That is where something has to give way and be told, where the viewer has a file, and where the run is long: its
    progress is shown, and it ends when a control moves.
    """
    view, problems = views.parse(query)
    if problems or view.sequence == views.CSV:
        return None
    with language.use(view.lang):
        if key == "kernel":
            return kernel(view)
        if not server.wait_warm(0) or view.device:
            return None
        try:
            sequence, cut = render.load_sequence(view, None)
        except ValueError:
            return None
        if cut or sequence.input_size != view.input_size or not render.is_quick(view, len(sequence)):
            return None
        return gates(view, render.run_picture(view, sequence, None))
