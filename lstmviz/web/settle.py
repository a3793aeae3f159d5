"""What is shown: what the controls or the address ask for, as far as it can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from lstmviz import language
from lstmviz.language import _
from lstmviz.run import has_tensorflow
from lstmviz.sequences import Sequence
from lstmviz.web import address, controls, fixed, models, render, server, size, words
from lstmviz.web import view as views
from lstmviz.web.render import Upload
from lstmviz.web.view import View

_WHAT_IFS = "what_ifs"  # in the session's state: the view that was settled last
_SIZES = ("cell", "num_units", "input_size")


@dataclass(frozen=True)
class Settled:
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


def settle(sent: Mapping[str, int] | None = None) -> Settled:
    """What the controls or the address ask for, as far as it can be shown; kept in the controls.

    The address follows in a run of the whole script, and where a slider was moved when its pictures are there: a slider that is
    held is one entry of the browser's history.

    `sent` are the numbers in the controls of a browser that comes back to a new session.
    """
    is_asked = address.is_asked()
    view, problems = _current_view(sent or {}, is_asked)
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
        view = _edit_the_same(view, is_asked)
        problems += _tell_lost(view, is_asked)
        is_early = not server.is_warm() and not server.has_failed()
        if not is_early:
            view, more = _check_device(view)
            problems += more
    st.session_state["view"] = view
    controls.write(view)
    address.keep()
    return Settled(view, sequence, upload, _say(view, upload, problems), faults, is_early)


def _say(view: View, upload: Upload | None, problems: list[str]) -> list[str]:
    """What gave way, to be said for as long as what it gave way for is shown: a run of the script may follow at once.

    It belongs to a view and the viewer's files: with another file the same view may be right.
    """
    shown = (view, upload, st.session_state.get("model"))
    said_of, said = st.session_state.get("said", (None, []))
    problems = problems or (said if said_of == shown else [])
    st.session_state["said"] = (shown, problems)
    return problems


def _edit_the_same(view: View, is_asked: bool) -> View:
    """The view without the edits that were made to weights of other shapes; an address means those of its own."""
    shapes = view.shapes
    if not is_asked and shapes != st.session_state.get("shapes", shapes):
        view = views.unedited(view)
    st.session_state["shapes"] = shapes
    return view


def _tell_lost(view: View, is_asked: bool) -> list[str]:
    """What was held or edited of a cell of another size or kind and is not in this one, in a sentence.

    Whoever lets go of it, opens an address, follows a presenter or takes a cell from elsewhere knows.
    """
    before: View = st.session_state.get(_WHAT_IFS, view)
    st.session_state[_WHAT_IFS] = view
    if is_asked or view.follows or before.model != view.model:
        return []
    other = next((name for name in _SIZES if getattr(before, name) != getattr(view, name)), None)
    if other is None and dict(before.options) == dict(view.options):
        return []
    of = f"{other} = {getattr(before, other)}" if other else _("other options")
    edited, held = _count_edits(before) - _count_edits(view), len(before.holds) - len(view.holds)
    lost = [
        *([_("{count} weights edited").format(count=edited)] if edited > 0 else []),
        *([_("{count} numbers held").format(count=held)] if held > 0 else []),
    ]
    if not lost:
        return []
    told = _(
        "The cell with {of} had {what}, which this one has not. Back in the browser brings that cell again."
    )
    return [told.format(of=of, what=_(" and ").join(lost))]


def _count_edits(view: View) -> int:
    return sum(map(len, view.edited.values()))


def _current_view(sent: Mapping[str, int], is_asked: bool) -> tuple[View, list[str]]:
    if not is_asked:
        last = st.session_state["view"]
        view = fixed.hold(last, controls.read(last))
        # Who picks something looks around on their own; a language is each one's own anyway.
        view = replace(view, follows=view.follows and replace(view, lang=last.lang) == last)
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


def _check_device(view: View) -> tuple[View, list[str]]:
    """The view on a device that is there, and a sentence if it is not the one asked for."""
    if server.has_failed():
        return _without_devices(view)
    titles = device_titles()
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


def device_titles() -> dict[str, str]:
    """What each device is called, by name."""
    from lstmviz.run import devices  # TensorFlow: warm by now

    return {device.name: device.title for device in devices.list_devices()}


def draw_device(settled: Settled) -> None:
    """The device to run on; without TensorFlow, why there is none."""
    if not server.has_failed():
        if not settled.is_early:
            controls.draw_device(device_titles())
    elif not has_tensorflow():
        st.caption(
            _(
                "TensorFlow is not installed on this server: NumPy computes the same equation. "
                '`pip install "lstmviz[cpu]"` brings TensorFlow, and with it devices and gradients.'
            )
        )
