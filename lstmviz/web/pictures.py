"""The page's two pictures, for its script and for the route from which the browser fetches them.

A moved slider starts a run of the script, and the browser draws the page's elements anew before it comes to the figures.
Over the route it has both pictures meanwhile. It also keeps them out of the script's messages, which Streamlit holds
for each viewer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from lstmviz import language
from lstmviz.sequences import Sequence
from lstmviz.web import figure, models, render, server
from lstmviz.web import view as views
from lstmviz.web.figure import Made
from lstmviz.web.render import Upload
from lstmviz.web.view import View


def show_kernel(view: View, sequence: Sequence | None) -> None:
    """Shows the kernel's picture on the page; without a sequence its address does not tell the number of features."""
    is_for_all = sequence is not None and view.sequence != views.CSV
    figure.picture("kernel", name(view), None if is_for_all else _kernel(view, sequence))


def show_gates(view: View, sequence: Sequence, picture: render.RunPicture) -> None:
    """Shows the gates' picture on the page."""
    made = None if _is_for_all(view, sequence) else Made(picture.figure, picture.alternative)
    figure.picture("gates", name(view), made)


def show_step(view: View, sequence: Sequence, upload: Upload | None) -> None:
    """Shows time's controls and the step that is pinned, or the first one."""
    made = None
    if not _is_for_all(view, sequence):
        picture = render.step_picture(view, sequence, upload)
        made = Made(picture.figure, picture.alternative, picture.frames)
    figure.step(name(view), len(sequence), made)


def name(view: View) -> str:
    """What tells a view's pictures from another's: its query, without what is only pinned in them."""
    own = {"model": view.model, "layer": view.layer} if view.model else {}
    return urlencode(views.to_query(view.unpinned) | own)


def fetch(key: str, query: Mapping[str, str]) -> bytes | None:
    """A picture as its figure's component reads it; None where only the page's script can make it, or there is no such view.

    That is where something has to give way and be told, where the viewer has a file, and where the run is long: its
    progress is shown, and it ends when a control moves.
    """
    own = {name: query[name] for name in ("model", "layer") if name in query}
    view, problems = views.parse({name: value for name, value in query.items() if name not in own})
    if problems or view.sequence == views.CSV:
        return None
    if own:
        model = models.find(own.get("model", ""))
        if model is None or own.get("layer") not in model.cells:
            return None
        view = models.with_layer(view, model, own["layer"])
    with language.use(view.lang):
        try:
            sequence, view, problems = render.fit(view, None)
        except ValueError:
            return None
        made = None if problems else PICTURES[key](view, sequence)
        return figure.drawing(made) if made else None


def _kernel(view: View, _sequence: Sequence | None) -> Made:
    picture = render.kernel_picture(view)
    return Made(picture.figure, picture.alternative)


def _gates(view: View, sequence: Sequence) -> Made | None:
    if not server.wait_warm(0) or not _has_device(view) or not _is_for_all(view, sequence):
        return None
    picture = render.run_picture(view, sequence, None)
    return Made(picture.figure, picture.alternative)


def _step(view: View, sequence: Sequence) -> Made | None:
    if not server.wait_warm(0) or not _has_device(view) or not _is_for_all(view, sequence):
        return None
    picture = render.step_picture(view, sequence, None)
    return Made(picture.figure, picture.alternative, picture.frames)


PICTURES: Mapping[str, Callable[[View, Sequence], Made | None]] = {
    "kernel": _kernel,
    "gates": _gates,
    "step": _step,
}


def _is_for_all(view: View, sequence: Sequence) -> bool:
    """Whether a run is a matter of the view alone, and of a moment."""
    return view.sequence != views.CSV and render.is_quick(view, len(sequence))


def _has_device(view: View) -> bool:
    from lstmviz import devices  # TensorFlow: warm by now

    return not view.device or view.device in {device.name for device in devices.list_devices()}
