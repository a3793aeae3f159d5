"""The Streamlit script: one run of it draws one view."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lstmviz import language
from lstmviz.cells import Cell
from lstmviz.language import LANGUAGES, _
from lstmviz.sequences import Sequence
from lstmviz.trace import Trace
from lstmviz.web import controls, downloads, render, sections, server
from lstmviz.web import view as views
from lstmviz.web.render import Upload
from lstmviz.web.style import STYLE
from lstmviz.web.view import View

_SECTIONS = ("layer", "kernel", "gates", "summary", "step", "linear", "code", "downloads")
_ICON = Path(__file__).parent / "icon.png"
_HEAD_START = 0.03  # seconds
_PATIENCE = 0.5  # seconds of a run before its progress is shown


def main() -> None:
    """Draws the page for the view in the address, or for what the controls have made of it since."""
    st.set_page_config(page_title="lstmviz", page_icon=str(_ICON), layout="wide")
    view, problems = _current_view()
    with language.use(view.lang):
        _draw(view, problems)


def _current_view() -> tuple[View, list[str]]:
    if "view" in st.session_state:
        view = controls.read(st.session_state["view"])
        with language.use(view.lang):
            return views.bound(view)
    query = st.query_params.to_dict()
    preferred = query.get("lang", (st.context.locale or "en").split("-")[0])
    with language.use(preferred if preferred in LANGUAGES else "en"):
        return views.parse(query, language.current())


def _draw(view: View, problems: list[str]) -> None:
    st.html(STYLE)
    head, switch = st.columns([3, 1], vertical_alignment="center")
    head.title("lstmviz", anchor=False)
    head.caption(_("What is inside a recurrent cell: build one, run it, and see where every number comes from."))
    notices = st.container()
    with st.container(key="page"):
        left, right = st.columns([1, 3], gap="large")
    boxes = left.container(key="controls")
    cell_box, sequence_box, upload_box, device_box = (boxes.container() for _box in range(4))
    places = {name: right.container() for name in _SECTIONS}

    sequence, upload = None, None
    try:
        with upload_box:
            upload = controls.draw_upload(view)
        sequence, cut = render.load_sequence(view, upload)
        problems += [cut] if cut else []
        view, bounded = views.bound(replace(view, input_size=sequence.input_size))
        problems += bounded
    except ValueError as error:
        problems.append(str(error))

    _remember(view)
    cell = render.load_cell(view)
    with places["kernel"]:
        sections.kernel(view, cell)

    def draw_controls() -> None:
        with switch:
            controls.draw_language()
        with cell_box:
            controls.draw_cell(view)
        with sequence_box:
            controls.draw_sequence(view)

    # The pictures first, since they are what a moved slider waits for; but not before TensorFlow is there.
    warm = server.wait_warm(0)
    if not warm:
        draw_controls()
        with places["gates"], st.spinner(_("TensorFlow is starting; this takes a few seconds once.")):
            while not server.wait_warm(0.2):
                st.empty()  # lets Streamlit end this run when a control is moved meanwhile
    view, unknown = _check_device(view)
    problems += unknown
    picture = _draw_gates(view, sequence, upload, places["gates"]) if sequence else None
    if warm:
        # The browser builds all that has come before it draws any of it: let it draw the pictures before the rest comes.
        time.sleep(_HEAD_START)
        draw_controls()
    with device_box:
        controls.draw_device(_device_titles())
    for problem in problems:
        notices.warning(problem)
    _draw_rest(view, cell, sequence, upload, picture, places)


def _draw_gates(view: View, sequence: Sequence, upload: Upload | None, place: DeltaGenerator) -> render.RunPicture:
    with place:
        bar = st.empty()
        picture = render.run_picture(view, sequence, upload, partial(_report, bar, time.perf_counter()))
        bar.empty()
        sections.gates(view, sequence, picture)
    return picture


def _report(bar: DeltaGenerator, started: float, done: int, steps: int) -> None:
    # Drawing the bar is also where Streamlit ends this run if a control was moved: that is how a long run is cancelled.
    if time.perf_counter() - started > _PATIENCE:
        text = _("Step {done:,} of {steps:,}. Change any control to stop.").format(done=done, steps=steps)
        bar.progress(done / steps, text=text)


def _draw_rest(
    view: View,
    cell: Cell,
    sequence: Sequence | None,
    upload: Upload | None,
    picture: render.RunPicture | None,
    places: dict[str, DeltaGenerator],
) -> None:
    with places["layer"]:
        sections.layer(cell)
    with places["step"]:
        sections.step(cell)
    if sequence is None or picture is None:
        return
    with places["summary"]:
        sections.summary(picture)
    with places["linear"]:
        sections.linear(view, cell, picture)
    with places["code"]:
        sections.code(view, cell, sequence)
    with places["downloads"]:
        _draw_downloads(view, cell, sequence)


def _draw_downloads(view: View, cell: Cell, sequence: Sequence) -> None:
    st.subheader(_("Take it along"), anchor="downloads")
    st.markdown(
        _("The address of this page holds everything picked here: copy it, and it opens this view again, anywhere.")
        if view.sequence != views.CSV
        else _("The address of this page holds everything picked here but your file, which stays with you.")
    )
    name = f"{view.cell}-{view.num_units}"
    dark = st.context.theme.type == "dark"
    link = str(st.context.url or "").split("?")[0] + "?" + urlencode(views.to_query(view))

    def in_language(make: Callable[[], bytes]) -> Callable[[], bytes]:
        # Streamlit calls it on a thread of its own, when the button is pressed.
        def made() -> bytes:
            with language.use(view.lang):
                return make()

        return made

    def trace() -> Trace:
        return render.load_trace(view, sequence)

    files: list[tuple[str, str, str, Callable[[], bytes]]] = [
        ("kernel_npz", _("Kernel (.npz)"), f"{name}-kernel.npz", lambda: downloads.kernel_npz(cell)),
        ("kernel_csv", _("Kernel (.csv)"), f"{name}-kernel.csv", lambda: downloads.kernel_csv(cell)),
        ("trace_npz", _("Trace (.npz)"), f"{name}-trace.npz", lambda: downloads.trace_npz(trace())),
        ("trace_csv", _("Trace (.csv)"), f"{name}-trace.csv", lambda: downloads.trace_csv(trace())),
        (
            "page_html",
            _("Figures (.html)"),
            f"{name}.html",
            lambda: downloads.page_html(cell, trace(), view.values, list(view.units) or None, dark, link),
        ),
    ]
    with st.container(horizontal=True):
        for key, label, file_name, make in files:
            st.download_button(label, in_language(make), file_name, key=key, on_click="ignore")


def _check_device(view: View) -> tuple[View, list[str]]:
    """The view on a device that is there, and a sentence if it is not the one asked for."""
    titles = _device_titles()
    if not view.device or view.device in titles:
        return view, []
    if view.device.upper() in titles:
        view = replace(view, device=view.device.upper())
        problems = []
    else:
        problems = [
            _("device was {given}, which this machine does not have; it has {allowed}, and chose for itself.").format(
                given=view.device[:80], allowed=", ".join(titles)
            )
        ]
        view = replace(view, device="")
    _remember(view)
    return view, problems


def _device_titles() -> dict[str, str]:
    from lstmviz import devices  # TensorFlow: warm by now

    return {device.name: device.title for device in devices.list_devices()}


def _remember(view: View) -> None:
    """Keeps the view in the widgets and in the address bar."""
    st.session_state["view"] = view
    controls.write(view)
    query = views.to_query(view)
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


main()
