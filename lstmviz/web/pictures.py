"""The page's two pictures, for its script and for the route from which the browser fetches them.

A moved slider starts a run of the script, and the browser draws the page's elements anew before it comes to the figures.
Over the route it has both pictures meanwhile. It also keeps them out of the script's messages, which Streamlit holds
for each viewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import streamlit as st

from lstmviz import language, plot
from lstmviz.language import _
from lstmviz.plot.levels import Span
from lstmviz.sequences import Sequence
from lstmviz.web import figure, models, orders, render, server, unmade, words
from lstmviz.web import view as views
from lstmviz.web.cost import estimate
from lstmviz.web.figure import Made
from lstmviz.web.parameters import Hold
from lstmviz.web.render import Upload
from lstmviz.web.view import View


def show_kernel(view: View, sequence: Sequence | None) -> None:
    """Shows the kernel's picture on the page; without a sequence its address does not tell the number of features."""
    is_for_all = sequence is not None and not view.is_uploaded
    figure.picture("kernel", name(view), None if is_for_all else _kernel(view, sequence))


def show_gates(
    view: View, sequence: Sequence, picture: render.RunPicture, upload: Upload | None, is_held: bool
) -> None:
    """Shows the gates' picture on the page; `is_held` says that the run at rest is to follow."""
    made = None if _is_for_all(view, sequence) else Made(picture.figure, picture.alternative)
    finer = f"{name(view)}&upload={upload.ticket}" if upload else name(view)
    run = figure.Run(_engine(view), is_held)
    if run.engine:
        finer = f"{finer}&engine={run.engine}"
    figure.picture("gates", name(view), made, finer, run)


def show_step(view: View, sequence: Sequence, upload: Upload | None) -> None:
    """Shows time's controls and the step that is pinned, or the first one."""
    made = None
    held = {unit for hold in view.holds for unit in _units(hold, view.num_units)}
    if view.pin[2] in held:
        st.info(
            _("Unit {unit} is held, so it is not what the formulas of its step say: pin another one.").format(
                unit=view.pin[2]
            )
        )
        return
    if not _is_for_all(view, sequence):
        picture = render.step_picture(view, sequence, upload)
        made = Made(picture.figure, picture.alternative, picture.frames)
    figure.step(name(view), len(sequence), made, figure.Run(_engine(view)), held)


def _units(hold: Hold, num_units: int) -> Iterable[int]:
    return range(num_units) if hold.unit is None else (hold.unit,)


def _engine(view: View) -> str:
    """What the route is asked for a view's run with: who asks for NumPy's is not kept waiting for TensorFlow's."""
    return render.NUMPY if render.engine_of(view) == render.NUMPY else ""


def name(view: View) -> str:
    """What tells a view's pictures from another's: its query, without what is only pinned in them.

    The browser sets the one parameter that it goes ahead with, so that one always stands there.
    """
    own = {"model": view.model, "layer": view.layer} if view.model else {}
    return urlencode({"num_units": str(view.num_units)} | views.to_query(view.unpinned) | own)


@dataclass(frozen=True)
class Asked:
    """A picture that the route can make.

    Attributes:
        key: A name in `PICTURES`.
        view: What it is of, as the address has it.
        upload: The viewer's file.
        window: The rows and columns that are asked for, where not all are.
        seconds: What it takes, by estimate.
    """

    key: str
    view: View
    upload: Upload | None
    window: tuple[Span, Span] | None
    seconds: float

    def make(self) -> bytes | None:
        """The picture as its figure's component reads it; None where something has to give way and be told."""
        with language.use(self.view.lang):
            try:
                sequence, view, problems = render.fit(self.view, self.upload)
                if problems:
                    return None
                made = (
                    _WINDOWS[self.key](view, sequence, self.upload, self.window)
                    if self.window
                    else PICTURES[self.key](view, sequence)
                )
            except (KeyError, ValueError) as error:
                unmade.note(self.key, error)
                return None
            return figure.drawing(made) if made else None


def fetch(key: str, query: Mapping[str, str]) -> bytes | None:
    """The picture that an address asks for; see `read`."""
    asked = read(key, query)
    return asked.make() if asked else None


def read(key: str, query: Mapping[str, str], repeated: Iterable[str] = ()) -> Asked | None:
    """What an address asks for; None where only the page's script can make it, or there is no such view.

    That is where something has to give way and be told, where the viewer has a file, and where the run is long: its
    progress is shown, and it ends when a control moves.

    Args:
        key: A name in `PICTURES`.
        query: The view's address; also `rows` and `columns`, each like `0-64`, for a window of the picture, `upload`, the
            ticket of the file that the view shows, and `engine`, whose run it is to be where not the one at rest.
        repeated: The names that the address gives more than once.
    """
    own = {name: query[name] for name in _OWN if name in query}
    view, problems = views.parse(
        {name: value for name, value in query.items() if name not in own}, repeated=repeated
    )
    upload = render.find_upload(own.get("upload", ""))
    if problems or view.is_uploaded != (upload is not None):
        return None
    if "model" in own:
        model = models.find(own.get("model", ""))
        if model is None or own.get("layer") not in model.cells:
            return None
        view = models.with_layer(view, model, own["layer"])
    if own.get("engine") == render.NUMPY:
        view = replace(view, engine=render.NUMPY)
    window: tuple[Span, Span] | None = None
    if "rows" in own and "columns" in own:
        rows, columns = _read_span(own["rows"]), _read_span(own["columns"])
        if rows is None or columns is None:
            return None
        window = rows, columns
    return Asked(key, view, upload, window, _estimate(view, window is not None))


def _estimate(view: View, is_window: bool) -> float:
    """Seconds; without the run where it is not quick, for then the route makes none but of what is kept."""
    cost = estimate(view, view.time_steps)
    is_run = is_window or render.is_quick(view, view.time_steps)
    return cost.build + (cost.run + orders.seconds(view, view.time_steps) if is_run else 0)


_OWN = ("rows", "columns", "upload", "model", "layer", "engine")


def _read_span(text: str) -> Span | None:
    first, _dash, last = text.partition("-")
    begin, end = words.read_whole(first), words.read_whole(last)
    return None if begin is None or end is None else (begin, end)


def _kernel_window(
    view: View, _sequence: Sequence, _upload: Upload | None, window: tuple[Span, Span]
) -> Made:
    rows, columns = window
    cell = render.dressed_cell(view)
    return Made(plot.kernel_json(cell, rows=rows, columns=columns).encode(), plot.describe_kernel(cell))


def _gates_window(
    view: View, sequence: Sequence, upload: Upload | None, window: tuple[Span, Span]
) -> Made | None:
    if not can_run(view):
        return None
    rows, columns = window
    trace = render.dressed_trace(view, sequence, upload)
    units, (order, _why_not) = list(view.units) or None, render.unit_order(view, sequence, upload)
    made = plot.gates_json(
        trace, values=view.values, units=units, seen_units=rows, seen_steps=columns, order=order
    )
    return Made(made.encode(), plot.describe_gates(trace))


_WINDOWS = {"kernel": _kernel_window, "gates": _gates_window}


def _kernel(view: View, _sequence: Sequence | None) -> Made:
    picture = render.kernel_picture(view)
    return Made(picture.figure, picture.alternative)


def _gates(view: View, sequence: Sequence) -> Made | None:
    if not can_run(view) or not _is_for_all(view, sequence):
        return None
    picture = render.run_picture(view, sequence, None)
    return Made(picture.figure, picture.alternative)


def _step(view: View, sequence: Sequence) -> Made | None:
    if not can_run(view) or not _is_for_all(view, sequence):
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
    return not view.is_uploaded and render.is_quick(view, len(sequence))


def can_run(view: View) -> bool:
    """Whether the view's run can be had now, on its device."""
    if view.engine == render.NUMPY:
        return True
    if not server.is_warm():
        return server.has_failed() and not view.device
    from lstmviz.run import devices  # TensorFlow: warm by now

    return not view.device or view.device in {device.name for device in devices.list_devices()}
