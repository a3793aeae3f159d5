"""The section that searches for steps at which the same units are on as at some that are picked, here and in further texts."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from lstmviz.language import _
from lstmviz.run import run
from lstmviz.run.search import Found, Place, search
from lstmviz.run.trace import Trace
from lstmviz.sequences import Sequence, from_text
from lstmviz.sequences.text import character_of, write_letter
from lstmviz.web import address, limits, models, parameters, render, sections, uploads
from lstmviz.web.cost import estimate
from lstmviz.web.fixed import is_hidden, is_locked, offer
from lstmviz.web.markup import escape
from lstmviz.web.paths import names
from lstmviz.web.render import Upload
from lstmviz.web.view import View

_SHOWN = 50  # places
_CHUNK = 8_192  # steps of a further text that are one-hot at a time
_MOST_NAMED = 5  # characters that are no sequence's
_AROUND = 12  # labels before and behind a place
_MOST_PATTERN = 200  # steps
_WIDTH = 150  # pixels of a field: a phone has two beside each other
_TABLE, _ROW = 200, 35  # pixels of the table's height at most, and of a row's
_MB = 16
_MOST_KEPT = 64 * 2**20  # bytes of a run over a further text, in a viewer's session
_DRAWN = "pattern_drawn"  # in the session's state: the steps that the fields were drawn with
_STANDS = "pattern_stands"  # in the session's state: the pattern that was seen last, and whether its section stands first


@dataclass(frozen=True, eq=False)
class Searched:
    """A search's outcome: `first` is the first step of the further text, behind those of the sequence; what it took.

    `on` are the units that are on at all steps of the pattern, where none of them is off around these.
    """

    found: Found
    first: int
    labels: tuple[str, ...]
    seconds: float
    on: tuple[int, ...] = ()


def is_asked(view: View, *, has_come: bool) -> bool:
    """Whether the search is what its reader came for: it stands first then, for as long as the path is open.

    A pattern came with the address, from the stage or by Back; one that is picked in the section leaves it where it is.

    Args:
        view: The view.
        has_come: Whether the path was opened by this run.
    """
    seen, stands = st.session_state.get(_STANDS, ("", False))
    if has_come or seen != view.pattern:
        stands = bool(view.pattern)
    st.session_state[_STANDS] = view.pattern, stands
    return stands


def draw(view: View, sequence: Sequence, upload: Upload | None, *, is_first: bool = False) -> None:
    """The section; the answer above what it was asked by, where that `is_first` on the path."""
    answer = None
    if is_first:
        sections.write(_("Where else does it do that?"))
        answer = st.container(key="pattern_answer")
        st.markdown(_tell_question())
    else:
        sections.write(_("Where else does it do that?"), _tell_question())
    if not len(sequence):
        return
    _draw_pattern(view, len(sequence))
    # What a layer reads from its end, the further text would have to be turned round for.
    text = "" if view.model and models.is_reversed(view) else _draw_text(sequence)
    with answer or st.container(key="pattern_answer"):
        _draw_answer(view, sequence, upload, text)


def _tell_question() -> str:
    return _(
        "Pick some steps: which units' `h` is on, at least the threshold, at all of them, and off just before and just behind? "
        "Every other stretch at which units of these are on so is found, those with most of them first."
    )


def _draw_answer(view: View, sequence: Sequence, upload: Upload | None, text: str) -> None:
    """What was found, or why nothing was; nothing where nothing is asked."""
    if not view.pattern:
        return
    if told := cut(view.pattern, len(sequence)):
        st.warning(escape(told))
    try:
        with st.spinner(_("Searching")):
            done = _find_with(view, sequence, upload, text)
    except ValueError as error:
        st.warning(escape(str(error)))
        return
    if text and always_held(view).clamp != view.clamp:
        st.caption(
            _("What is held at some steps alone is held in this sequence, and not in the further text.")
        )
    _tell(done, view, sequence)


def _find_with(view: View, sequence: Sequence, upload: Upload | None, text: str) -> Searched:
    """What is found in the sequence and the further text; where that is refused, which is said, in the sequence alone."""
    try:
        return find(view, sequence, upload, text, st.session_state.setdefault("further", {}))
    except ValueError as error:
        if not text:
            raise
        found = find(view, sequence, upload)
        st.warning(escape(str(error)))
        return found


def _draw_pattern(view: View, steps: int) -> None:
    """Which steps, from which number on a unit is on, and whether it must be off around them."""
    first, last = read(view.pattern, steps) or (0, 0)
    drawn = first, max(first, last - 1)
    st.session_state.update({"pattern_first": drawn[0], "pattern_last": drawn[1], _DRAWN: drawn})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if not is_hidden("pattern"):
            of_steps: dict[str, Any] = {
                "on_change": _pick,
                "disabled": is_locked("pattern"),
                "width": _WIDTH,
            }
            st.number_input(_("from step"), 0, steps - 1, key="pattern_first", **of_steps)
            st.number_input(_("to step"), 0, steps - 1, key="pattern_last", **of_steps)
        offer(st.number_input, "threshold")(
            _("threshold"), -parameters.LARGEST, parameters.LARGEST, step=0.1, format="%g", width=_WIDTH
        )
        offer(st.toggle, "around")(_("off around them"))
        if view.pattern and not is_hidden("pattern"):
            st.button(
                _("Clear the pattern"),
                key="pattern_clear",
                icon=":material/close:",
                on_click=_clear,
                disabled=is_locked("pattern"),
            )


def _clear() -> None:
    """Nothing is searched for any more; where the section stands, it stays."""
    _seen, stands = st.session_state.get(_STANDS, ("", False))
    st.session_state[_STANDS] = "", stands
    st.session_state["view"] = replace(st.session_state["view"], pattern=View.pattern)


def _pick() -> None:
    first, last = st.session_state["pattern_first"], st.session_state["pattern_last"]
    # A field that was away for a run is new to Streamlit, which takes what stands in it for a change: nobody picked it.
    if first is not None and last is not None and (first, last) != st.session_state.get(_DRAWN):
        pattern = f"{min(first, last)}-{max(first, last)}"
        _seen, stands = st.session_state.get(_STANDS, ("", False))
        st.session_state[_STANDS] = pattern, stands  # where the section is, it stays
        st.session_state["view"] = replace(st.session_state["view"], pattern=pattern)


def read(pattern: str, steps: int) -> tuple[int, int] | None:
    """The first step of a pattern and the one behind its last; None where no steps of the sequence are picked."""
    span = parameters.Steps.find(pattern)
    if span is None or span[0] >= steps:
        return None
    return span[0], min(span[1] + 1, steps, span[0] + _MOST_PATTERN)


def cut(pattern: str, steps: int) -> str:
    """What is searched for in place of a pattern that is not whole in a sequence, or too long, in a sentence; else ""."""
    span, given = read(pattern, steps), parameters.Steps.find(pattern)
    if span is None or given is None or span[1] == given[1] + 1:
        return ""
    cause = (
        _("the sequence has {steps} steps").format(steps=steps)
        if span[1] == steps
        else _("a pattern has at most {most} steps").format(most=_MOST_PATTERN)
    )
    return parameters.changed("pattern", pattern, f"{span[0]}-{span[1] - 1}", cause)


def _draw_text(sequence: Sequence) -> str:
    """A further text to be searched in, where the sequence is one; it stays in the viewer's session."""
    if not is_text(sequence):
        return ""
    with st.expander(_("Search a further text too")):
        uploads.draw(
            _("a text in UTF-8"), "search_text", _MB, type=["txt", "md", "csv", "json", "xml", "html", "py"]
        )
        st.caption(
            _(
                "At most {most:,} characters, each one that this sequence has too. It stays in your session."
            ).format(most=limits.MAX_SEARCH)
        )
    file = next(iter(uploads.kept("search_text")), None)
    if file is None:
        return ""
    try:
        return render.decode(file.getvalue())
    except UnicodeDecodeError:
        st.warning(_("The further text is none in UTF-8, so it is not searched."))
        return ""


def is_text(sequence: Sequence) -> bool:
    """Whether each step is a character, and each feature one of the alphabet."""
    is_labelled = set(sequence.labels) <= set(sequence.features)
    return is_labelled and None not in map(character_of, sequence.features)


def find(
    view: View,
    sequence: Sequence,
    upload: Upload | None,
    text: str = "",
    kept: dict[object, np.ndarray] | None = None,
) -> Searched:
    """Searches a view's run, and a further text that its cell reads, for what its units do at the steps of its pattern.

    Args:
        view: The view.
        sequence: What its cell reads.
        upload: The viewer's file.
        text: The further text; "" for none.
        kept: Where the run over it is kept, the last one alone.

    Raises:
        ValueError: there are no such steps; the text has other characters, or takes too much.
    """
    trace = render.load_trace(view, sequence, upload)
    steps = read(view.pattern, len(trace))
    if steps is None:
        raise ValueError(
            _("The pattern is {given}; the sequence has the steps 0 to {last}.").format(
                given=view.pattern, last=len(trace) - 1
            )
        )
    started = time.perf_counter()
    h, labels = trace.states["h"], trace.sequence.labels
    if text:
        text = unicodedata.normalize("NFC", text)  # a step each, as `from_text` has them
        _check(view, text, _alphabet(trace.sequence))
        kept, key = {} if kept is None else kept, (render.run_key(view, sequence), text)
        further = kept.get(key)
        if further is None:
            further = np.concatenate(list(_run_on(view, trace, text)))
            kept.clear()
            if further.nbytes <= _MOST_KEPT:
                kept[key] = further
        # Between the two is a step at which nothing is on: no stretch reaches from one into the other.
        h = np.concatenate([h, np.full((1, h.shape[1]), -np.inf, h.dtype), further])
        labels = (*labels, "", *text)
    threshold = np.float64(view.threshold)
    found = search(h, steps, threshold=threshold, around=view.around, most=_SHOWN)
    seconds = time.perf_counter() - started
    on = () if found.units else search(h, steps, threshold=threshold, around=False, most=1).units
    return Searched(found, len(trace) + 1, labels, seconds, on)


def _check(view: View, text: str, alphabet: str) -> None:
    """Refuses a text that the cell cannot read, or that takes too much.

    Raises:
        ValueError: it is so.
    """
    others = sorted(set(text) - set(alphabet))
    if others:
        raise ValueError(
            _(
                "The further text has characters that this sequence has not: {characters}. It is searched once they are taken "
                "out of it, or stand in the sequence too."
            ).format(
                characters=" ".join(map(repr, others[:_MOST_NAMED])) + " …" * (len(others) > _MOST_NAMED)
            )
        )
    most = min(limits.MAX_SEARCH, limits.MAX_RECORDED // max(1, view.num_units))
    if len(text) > most:
        raise ValueError(
            _(
                "The further text has {given:,} characters; with {units:,} units at most {most:,} are searched."
            ).format(given=len(text), units=view.num_units, most=most)
        )
    seconds = estimate(view, len(text)).run
    if seconds > limits.MAX_RUN:
        raise ValueError(
            _(
                "A run over the further text takes about {seconds:,.0f} s; at most {most:,} s are spent."
            ).format(seconds=seconds, most=limits.MAX_RUN)
        )


def _run_on(view: View, trace: Trace, text: str) -> Iterator[np.ndarray]:
    """The h of the trace's cell over a further text, as the trace began and with what the view holds, some steps at a time."""
    alphabet = _alphabet(trace.sequence)
    state = dict(trace.initial_state)
    always = always_held(view)
    for first in range(0, len(text), _CHUNK):
        part = from_text(text[first : first + _CHUNK], alphabet=alphabet)
        made = run(trace.cell, part, engine="numpy", initial_state=state, clamp=always.held or None)
        state = {name: values[-1] for name, values in made.states.items()}
        yield made.states["h"]


def _alphabet(sequence: Sequence) -> str:
    """The characters that a sequence has a feature for."""
    return "".join(filter(None, map(character_of, sequence.features)))


def always_held(view: View) -> View:
    """The view that holds what it holds at every step: the others are steps of its own sequence, and of no further text."""
    return replace(view, clamp=",".join(str(hold) for hold in view.holds if hold.steps is None) or View.clamp)


def _name_units(units: tuple[int, ...]) -> str:
    return ", ".join(f"`h[{unit}]`" for unit in units)


def _tell(done: Searched, view: View, sequence: Sequence) -> None:
    """What was found, and the way to each place of the sequence."""
    found, steps = done.found, len(sequence)
    first, last = found.steps[0], found.steps[1] - 1
    if done.on:
        st.info(
            _(
                "On at all of the steps {first} to {last}: {units}; but each is on just before or just behind them too. Switch "
                "“{switch}” off, or take other steps."
            ).format(
                first=first,
                last=last,
                units=_name_units(done.on),
                switch=_("off around them"),
            )
        )
        return
    if not found.units:
        st.info(
            _(
                "No unit is on at all of the steps {first} to {last}: take a lower threshold or other steps."
            ).format(first=first, last=last)
        )
        return
    st.markdown(
        _(
            "On at the steps {first} to {last}: {units}. {total:,} other places, the first {shown:,} below; {steps:,} steps "
            "searched in {seconds:.2f} s."
        ).format(
            first=first,
            last=last,
            units=_name_units(found.units),
            total=found.total,
            shown=len(found.places),
            steps=len(done.labels),
            seconds=done.seconds,
        )
    )
    if not found.places:
        return
    _draw_ways(starts(done, steps), view, is_lit=is_text(sequence))
    height = min(_TABLE, _ROW * (len(found.places) + 1) + 3)
    st.dataframe(table(done, steps), key="pattern_places", hide_index=True, height=height)


def starts(done: Searched, steps: int) -> dict[int, Place]:
    """The places of the sequence to which one can go, by their first steps; of several that begin there, the best."""
    found: dict[int, Place] = {}
    for place in done.found.places:
        if place.start < steps:
            found.setdefault(place.start, place)
    return found


def _draw_ways(places: dict[int, Place], view: View, *, is_lit: bool) -> None:
    """The steps to which one can go; of the one that is pinned, the way to what the cell does there."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="pattern_ways"):
        st.pills(
            _("Go to the step"),
            list(places),
            key="pattern_go",
            format_func=str,
            on_change=_go,
            args=(places,),
            width="content",
        )
        if view.t in places and st.button(
            _("See step {t} in Explore").format(t=view.t),
            key="pattern_see",
            icon=":material/arrow_forward:",
            width="content",
        ):
            # Nothing that is taken apart lies over the text.
            _see(replace(view, show=parameters.LIT, gate="") if is_lit else view)


def _go(places: dict[int, Place]) -> None:
    """Pins the first step of the place that was picked, and a unit that is on there."""
    picked = st.session_state["pattern_go"]
    st.session_state["pattern_go"] = None  # to be picked again
    if picked is not None:
        place = places[picked]
        st.session_state["view"] = replace(
            st.session_state["view"], t=place.start, unit=place.units[0], gate="h"
        )


def _see(view: View) -> None:
    """To the stage, on which the step is pinned: a text is lit up there."""
    st.session_state["view"] = replace(view, engine=View.engine)
    address.set_out(st.session_state["view"], names.EXPLORE)
    st.switch_page(st.session_state["paths"][names.EXPLORE])


def table(done: Searched, steps: int) -> dict[str, list[object]]:
    """The places, the best first."""
    places = done.found.places
    return {
        _("in"): [_("this sequence") if place.start < steps else _("the further text") for place in places],
        _("from step"): [place.start - (0 if place.start < steps else done.first) for place in places],
        _("steps"): [len(place) for place in places],
        _("units"): [", ".join(map(str, place.units)) for place in places],
        _("there"): [_quote(done.labels, place) for place in places],
    }


def _quote(labels: tuple[str, ...], place: Place) -> str:
    """What stands at a place, and around it."""
    before = labels[max(0, place.start - _AROUND) : place.start]
    within = labels[place.start : min(place.stop, place.start + 3 * _AROUND)]
    behind = labels[place.stop : place.stop + _AROUND]
    if max(map(len, (*before, *within, *behind)), default=0) > 1:  # years, features: not letters
        return " ".join(within[:3]) + (" …" if len(within) > 3 else "")
    parts = ["".join(map(write_letter, part)) for part in (before, within, behind)]
    return "{}⟦{}⟧{}".format(*parts)


__all__ = ["Searched", "cut", "draw", "find", "is_asked", "is_text", "read", "starts", "table"]
