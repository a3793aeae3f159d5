"""The Streamlit script: one run of it draws one view."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lstmviz import language
from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.plot.page import page_html
from lstmviz.run import has_tensorflow
from lstmviz.run.trace import Trace
from lstmviz.sequences import Sequence
from lstmviz.web import (
    address,
    beside,
    controls,
    downloads,
    elsewhere,
    figure,
    lessons,
    limits,
    models,
    origin,
    own_words,
    pictures,
    reconnect,
    remember,
    render,
    sections,
    server,
    size,
    stage,
    tables,
    words,
)
from lstmviz.web import view as views
from lstmviz.web.draft import Drawn
from lstmviz.web.markup import escape
from lstmviz.web.render import Upload
from lstmviz.web.style import STYLE
from lstmviz.web.view import View

EXPLORE, LEARN, DOCUMENT = "explore", *server.PATHS
# In the page itself: a file of Streamlit's is gone while a browser that goes back twice still asks for it.
_ICON = (
    "data:image/png;base64," + base64.b64encode((Path(__file__).parent / "icon.png").read_bytes()).decode()
)
_PATIENCE = 0.5  # seconds of a run before its progress is shown


@dataclass(frozen=True)
class _Settled:
    """A view that can be shown: its sequence (None if that cannot be made), what had to give way, and what is wrong still.

    `is_early` says that TensorFlow was not there yet: NumPy's run is drawn, and the page is drawn anew when it has come.
    """

    view: View
    sequence: Sequence | None
    upload: Upload | None
    gave_way: list[str]
    faults: list[str]
    is_early: bool

    @property
    def is_quick(self) -> bool:
        """Whether the pictures are there at once."""
        return self.sequence is None or render.is_quick(self.view, len(self.sequence))


def main(first: str = EXPLORE) -> None:
    """Draws the path that is open, for the view in the address, or for what the controls have made of it since.

    Args:
        first: The path that stands under the page's own address.
    """
    st.set_page_config(page_title="lstmviz", page_icon=_ICON, layout="wide")
    draw = {EXPLORE: _draw_explore, LEARN: _draw_learn, DOCUMENT: _draw_document}
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


def _every_parameter() -> list[tuple[str, str]]:
    """The address's parameters, those that stand more than once among them."""
    return [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]


def _draw_explore() -> None:
    """One screen: the controls in a strip, everything else on the stage."""
    if "view" not in st.session_state and stage.is_beyond(st.query_params.to_dict()):
        # A link to what is shown in a section of its own.
        st.switch_page(st.session_state["paths"][DOCUMENT], query_params=_every_parameter())
    _draw_screen()


def _draw_learn() -> None:
    """The same screen with a lesson at its left."""
    if "view" not in st.session_state:
        # A link says what its sender saw; what it leaves out is as the step starts.
        query = st.query_params.to_dict()
        with suppress(ValueError), language.use(address.language_asked()):
            st.query_params.update(lessons.start(query.get("step", ""), query))
    _draw_screen(learns=True)


def _draw_screen(learns: bool = False) -> None:
    sent = reconnect.sent_before()
    settled = _settle(reconnect.numbers(sent))
    view = settled.view
    address.write(view)
    with language.use(view.lang):
        _draw_strip(view)
    st.session_state["settled"] = settled
    _draw_on_stage(learns)
    reconnect.replay(sent)
    if settled.is_early:
        _follow_tensorflow()


@st.fragment
def _draw_on_stage(learns: bool) -> None:
    """The stage and what it has to say; what is moved on it draws this part alone."""
    settled = st.session_state.pop("settled", None)
    if settled is None:
        before = st.session_state["shown"]
        settled = _settle()
        sizes = {"num_units": before.num_units, "units": before.units, "input_size": before.input_size}
        if replace(settled.view, **sizes).unpinned != before.unpinned:
            st.session_state["problems"] = settled.gave_way  # the strip has to show it too
            size.rerun()
        address.write(settled.view)
    st.session_state["shown"] = view = settled.view
    with language.use(view.lang):
        if server.has_failed() and has_tensorflow():
            st.warning(_cannot_start())
        for problem in [*settled.gave_way, *settled.faults]:
            st.warning(escape(problem))
        lesson = _load_lesson(view) if learns else None
        if settled.sequence and stage.can_show(view, len(settled.sequence)):
            shown = replace(view, engine=Drawn.WHILE_STARTING.engine) if settled.is_early else view
            stage.draw(shown, settled.upload, _move, lesson)
        elif settled.sequence:
            st.info(_("This takes longer than a moment; in sections it is shown on its way."))


def _load_lesson(view: View) -> dict[str, Any] | None:
    """What the browser draws the lesson from; None where its file is wrong, which is said."""
    try:
        lesson = lessons.load(view.lang)
    except ValueError as error:
        st.error(escape(str(error)))
        return None
    for problem in lessons.missing(lesson, view.step):
        st.warning(escape(problem))
    return lessons.tell(lesson, view.step)


def _draw_strip(view: View) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="strip"):
        if not view.model:
            controls.draw_kind()
        controls.draw_sequence_choice()
        with st.popover(_("More"), icon=":material/settings:"):
            controls.draw_language()
            if not view.model:
                controls.draw_options(view)
            controls.draw_sequence_options(view)
            controls.draw_reading(view)


def _move(sent: dict[str, Any]) -> None:
    view = stage.moved(st.session_state["view"], sent)
    st.session_state["view"] = view
    if "cell" in stage.asked(sent) and st.session_state.get("model"):
        models.leave()
    controls.write(view)


def _draw_document() -> None:
    """The page as a document, one section below the other."""
    sent = reconnect.sent_before()
    before = st.session_state.get("view")
    settled = _settle(reconnect.numbers(sent))
    if settled.is_quick or not _is_slide(before, settled.view):
        address.write(settled.view)
    with language.use(settled.view.lang):
        st.markdown(
            "# lstmviz\n"
            + _("What is inside a recurrent cell: build one, run it, and see where every number comes from.")
        )
        with st.container(key="page"):
            left, right = st.columns([1, 3], gap="large")
        with left.container(key="controls"):
            controls.draw_language()
            controls.draw_cell(settled.view)
            controls.draw_sequence(settled.view)
            controls.draw_reading(settled.view)
            device = st.container()
        st.session_state["settled"] = settled
        with right:
            if settled.is_quick:
                _draw_stage_alone()
            else:
                _draw_stage()
            shown = replace(settled, view=st.session_state["view"])
            address.write(shown.view)
            _draw_rest(shown)
        with device:
            _draw_device(settled)
    st.html(STYLE)
    reconnect.replay(sent)
    if settled.is_early:
        _follow_tensorflow()


def _is_slide(before: View | None, view: View) -> bool:
    """Whether a view differs from the one before in no more than a slider changes."""
    return before is not None and replace(view, num_units=before.num_units, units=before.units) == before


def _draw_stage() -> None:
    """`num_units` and what it is first seen in."""
    settled = st.session_state.pop("settled", None)
    drawn = Drawn.AT_REST
    if settled is None:  # the slider alone was moved
        drawn = Drawn.AT_REST if server.has_failed() else Drawn.WHILE_HELD
        before = st.session_state["view"]
        settled = _settle()
        if not (_is_slide(before, settled.view) and settled.is_quick):
            # Something beside the pictures had to give way, and the other controls have to show it; or the run is long.
            st.session_state["problems"] = settled.gave_way
            size.rerun()
    if settled.is_early:
        drawn = Drawn.WHILE_STARTING
    view, sequence, gave_way = settled.view, settled.sequence, settled.gave_way
    with language.use(view.lang):
        notices = st.container()
        if not view.model:  # a file's layer has as many as it has
            size.draw()
        cell = render.load_cell(view)
        sections.layer(view, cell)
        sections.kernel(view, cell, sequence)
        if sequence:
            _draw_gates(settled, drawn, notices)
        if server.has_failed() and has_tensorflow():
            notices.warning(_cannot_start())
        for problem in [*gave_way, *settled.faults]:
            notices.warning(escape(problem))


_draw_stage_alone = st.fragment(_draw_stage)
"""The same where the pictures are there at once: a moved slider draws this part alone.

The fewer elements a run has, the sooner the browser shows them; the rest of the page follows when the slider rests. No
control ends such a run, so a long one is no fragment.
"""


def _settle(sent: Mapping[str, int] | None = None) -> _Settled:
    """What the controls or the address ask for, as far as it can be shown; kept in the controls.

    The address follows in a run of the whole script, and where a slider was moved when its pictures are there: a slider that is
    held is one entry of the browser's history.

    `sent` are the numbers in the controls of a browser that comes back to a new session.
    """
    view, problems = _current_view(sent or {})
    faults: list[str] = []  # found again in each run for as long as they are there
    with language.use(view.lang):
        view, more = models.choose(view)
        faults += more
        upload = controls.read_upload(view)
        sequence: Sequence | None = None
        try:
            sequence, view, more = render.fit(view, upload)
            problems += more
        except ValueError as error:
            faults.append(str(error))
        problems = [*st.session_state.pop("problems", ()), *problems]
        is_early = not server.is_warm() and not server.has_failed()
        if not is_early:
            view, more = _check_device(view)
            problems += more
    st.session_state["view"] = view
    controls.write(view)
    address.keep()
    return _Settled(view, sequence, upload, _say(view, upload, problems), faults, is_early)


def _say(view: View, upload: Upload | None, problems: list[str]) -> list[str]:
    """What gave way, to be said for as long as what it gave way for is shown: a run of the script may follow at once.

    It belongs to a view and the viewer's files: with another file the same view may be right.
    """
    shown = (view, upload, st.session_state.get("model"))
    said_of, said = st.session_state.get("said", (None, []))
    problems = problems or (said if said_of == shown else [])
    st.session_state["said"] = (shown, problems)
    return problems


def _current_view(sent: Mapping[str, int]) -> tuple[View, list[str]]:
    if not address.is_asked():
        view = controls.read(st.session_state["view"])
        with language.use(view.lang):
            return views.bound(view)
    view, problems = address.read()
    models.obey(view)
    picked = size.come_back(view.num_units, sent)
    if picked == view.num_units:
        return view, problems
    units = tuple(unit for unit in view.units if unit < picked)
    with language.use(view.lang):
        view, bounded = views.bound(replace(view, num_units=picked, units=units))
    return view, [*problems, *bounded]


def _follow_tensorflow() -> None:
    """Draws the page anew once TensorFlow is there, or has failed."""
    place = st.empty()
    while not server.wait_warm(0.2) and not server.has_failed():
        # Said again and again: here Streamlit ends this run if a control was moved meanwhile, and a browser whose parts come
        # late draws with the next message what it has left out.
        place.empty()
    size.rerun()


def _cannot_start() -> str:
    return _(
        "TensorFlow cannot be started on this server: NumPy computes the same equation instead. Whoever runs the server finds "
        "the reason in its log."
    )


def _draw_gates(settled: _Settled, drawn: Drawn, notices: DeltaGenerator) -> None:
    assert settled.sequence is not None
    view = replace(settled.view, engine=drawn.engine)
    progress = _Progress(notices, ends_early=drawn is Drawn.WHILE_STARTING)
    try:
        picture = render.run_picture(view, settled.sequence, settled.upload, progress)
    except _Overtaken:
        size.rerun()
    progress.close()
    sections.gates(view, settled.sequence, picture, settled.upload, drawn)


class _Overtaken(Exception):
    """TensorFlow is there before NumPy's long run is."""


class _Progress:
    """The progress bar of a long run; one that `ends_early` ends when TensorFlow is there.

    Raises:
        _Overtaken: TensorFlow is there.
    """

    def __init__(self, place: DeltaGenerator, ends_early: bool) -> None:
        self._place = place
        self._ends_early = ends_early
        self._started = time.perf_counter()
        self._bar: DeltaGenerator | None = None

    def __call__(self, done: int, steps: int) -> None:
        """Shows how far the run is, once it has taken long enough to be noticed."""
        if self._ends_early and server.wait_warm(0):
            raise _Overtaken
        if time.perf_counter() - self._started < _PATIENCE:
            return
        # Drawing is also where Streamlit ends this run if a control was moved: that is how a long run is cancelled.
        text = _("Step {done:,} of {steps:,}. Change any control to stop.").format(done=done, steps=steps)
        self._bar = (self._bar or self._place.empty()).progress(done / steps, text=text)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar:
            self._bar.empty()


def _draw_rest(settled: _Settled) -> None:
    view, sequence = settled.view, settled.sequence
    cell = render.load_cell(view)
    controls.draw_picture(view)
    if sequence:
        drawn = replace(view, engine=Drawn.WHILE_STARTING.engine) if settled.is_early else view
        sections.summary(drawn, sequence, settled.upload)
        sections.taken_apart(drawn, sequence, settled.upload)
    sections.step(view, cell)
    # What can be taken along, and what TensorFlow alone can do, waits for it.
    if sequence and not settled.is_early:
        _draw_at_rest(view, cell, sequence, settled.upload)
    figure.follow(pictures.name(view), {"t": view.t, "gate": view.gate, "unit": view.unit}, _pin)


def _draw_at_rest(view: View, cell: Cell, sequence: Sequence, upload: Upload | None) -> None:
    """The sections that say of a run what it is, prove it or hand it over."""
    remember.draw(view, sequence, upload)
    beside.draw(view, sequence, upload, render.device_names())
    if not view.model:  # a trained layer is what it is
        sections.linear(view, cell, render.run_picture(view, sequence, upload))
    sections.code(view, cell, sequence)
    elsewhere.draw(view, cell, sequence, upload, _file_name(view))
    origin.draw()
    tables.draw_switch()
    if view.tables:
        tables.draw(view, render.dressed_cell(view), render.dressed_trace(view, sequence, upload))
    _draw_downloads(view, cell, sequence, upload)


def _pin(sent: dict[str, Any]) -> None:
    st.session_state["view"] = views.pinned(st.session_state["view"], sent)


def _draw_downloads(view: View, cell: Cell, sequence: Sequence, upload: Upload | None) -> None:
    sections.write(
        _("Take it along"),
        _(
            "The address of this page holds everything picked here: copy it, and it opens this view again, anywhere."
        )
        if view.sequence != views.CSV and not view.model
        else _("The address of this page holds everything picked here but your file, which stays with you."),
    )
    name = _file_name(view)
    facts = models.facts(view)
    letters = own_words.letters(facts)
    notes = own_words.notes(cell, facts) + render.told_reading(view, upload)
    dark = st.context.theme.type == "dark"
    link = address.link(view)

    def in_language(make: Callable[[], bytes]) -> Callable[[], bytes]:
        # Streamlit calls it on a thread of its own, when the button is pressed.
        def made() -> bytes:
            with language.use(view.lang):
                return make()

        return made

    def trace() -> Trace:
        return render.load_trace(view, sequence, upload)

    files: list[tuple[str, str, str, Callable[[], bytes]]] = [
        ("kernel_npz", _("Kernel (.npz)"), f"{name}-kernel.npz", lambda: downloads.kernel_npz(cell, letters)),
        ("kernel_csv", _("Kernel (.csv)"), f"{name}-kernel.csv", lambda: downloads.kernel_csv(cell, letters)),
        ("trace_npz", _("Trace (.npz)"), f"{name}-trace.npz", lambda: downloads.trace_npz(trace(), letters)),
        ("trace_csv", _("Trace (.csv)"), f"{name}-trace.csv", lambda: downloads.trace_csv(trace(), letters)),
        (
            "page_html",
            _("Figures (.html)"),
            f"{name}.html",
            lambda: page_html(
                render.dressed_cell(view),
                render.dressed_trace(view, sequence, upload),
                values=view.values,
                units=list(view.units) or None,
                dark=dark,
                link=link,
                name=view.layer if view.model else "",
                notes=notes,
            ),
        ),
    ]
    per_step = cell.num_units * (2 * len(cell.kind.gates) + len(cell.kind.states)) + cell.input_size
    sizes = {"kernel_csv": cell.kernel.size if cell.rows else 0, "trace_csv": len(sequence) * per_step}
    with st.container(horizontal=True):
        for key, label, file_name, make in files:
            is_large = sizes.get(key, 0) > limits.MAX_TABLE
            st.download_button(
                label,
                in_language(make),
                file_name,
                key=key,
                on_click="ignore",
                disabled=is_large,
                help=_("{count:,} numbers are more than a spreadsheet reads; take the .npz.").format(
                    count=sizes[key]
                )
                if is_large
                else None,
            )


def _file_name(view: View) -> str:
    """What the files that a view gives are called."""
    own = re.sub(r"[^\w.-]+", "-", view.layer) if view.model else ""
    return own or f"{view.cell}-{view.num_units}"


def _check_device(view: View) -> tuple[View, list[str]]:
    """The view on a device that is there, and a sentence if it is not the one asked for."""
    if server.has_failed():
        return _without_devices(view)
    titles = _device_titles()
    if not view.device or view.device in titles:
        return view, []
    if view.device.upper() in titles:
        view = replace(view, device=view.device.upper())
        problems = []
    else:
        problems = [
            _(
                "device was {given}, which this machine does not have; it has {allowed}, and chose for itself."
            ).format(given=words.quote(view.device), allowed=", ".join(titles))
        ]
        view = replace(view, device="")
    return view, problems


def _without_devices(view: View) -> tuple[View, list[str]]:
    """The view with no device in it, and a sentence for each that was asked for: NumPy knows none."""
    versus = dict(view.versus)
    asked = [("device", view.device), ("b.device", versus.pop("device", ""))]
    problems = [
        _("{name} was {given}; there is no TensorFlow here, and NumPy knows no devices.").format(
            name=name, given=words.quote(given)
        )
        for name, given in asked
        if given
    ]
    return replace(view, device="", versus=tuple(versus.items())), problems


def _draw_device(settled: _Settled) -> None:
    """The device to run on; without TensorFlow, why there is none."""
    if not server.has_failed():
        if not settled.is_early:
            controls.draw_device(_device_titles())
    elif not has_tensorflow():
        st.caption(
            _(
                "TensorFlow is not installed on this server: NumPy computes the same equation. "
                '`pip install "lstmviz[cpu]"` brings TensorFlow, and with it devices and gradients.'
            )
        )


def _device_titles() -> dict[str, str]:
    from lstmviz.run import devices  # TensorFlow: warm by now

    return {device.name: device.title for device in devices.list_devices()}


if __name__ == "__main__":
    main()
