"""`num_units`, as a slider and as a number: two widgets for one value."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import NoReturn

import streamlit as st

from lstmviz.language import _
from lstmviz.web import fixed, limits

SLIDER_UNITS = 256
_WIDGETS = ("num_units", "num_units_exact")
_LATE = 3.0  # seconds that a browser may take to hear what its other widget was set to


def read(last: int) -> int:
    """The value that was picked last."""
    state = st.session_state
    is_from_here = state.pop("rerun_from_here", False)
    for name in _WIDGETS:
        if name in state and not is_from_here:
            _sent()[name] = state[name]
            if state[name] == next(reversed(_told(name)), None):
                _told(name).clear()  # the browser has caught up
    return int(state.get("picked_units", last))


def come_back(last: int, sent: Mapping[str, int]) -> int:
    """The value that was picked in a browser whose session the server has lost.

    Drawn with the value of the address instead, the slider would leap back under the finger that has just moved it.

    Args:
        last: The value of the address.
        sent: What the browser's widgets hold, by their keys.
    """
    shown = dict(zip(_WIDGETS, (min(last, SLIDER_UNITS), last), strict=True))
    held = {name: sent[name] for name in _WIDGETS if 1 <= sent.get(name, 0) <= limits.MAX_UNITS}
    _sent().update(held)
    return next((value for name, value in held.items() if value != shown[name]), last)


def rerun() -> NoReturn:
    """Runs the script again; what the widgets hold then was not sent by a browser."""
    st.session_state["rerun_from_here"] = True
    st.rerun()


def write(num_units: int, *, is_new: bool = False) -> None:
    """Lets both widgets show a value; to be called before they are drawn. `is_new`: they may not have been there before."""
    state = st.session_state
    state["picked_units"] = num_units
    for name, value in zip(_WIDGETS, (min(num_units, SLIDER_UNITS), num_units), strict=True):
        if is_new or name not in state or state[name] != value:
            state[name] = value
            _told(name).pop(value, None)
            _told(name)[value] = time.monotonic()


def draw(number: int = 1) -> None:
    """Draws the two, the number's field this wide beside the slider's 3."""
    if fixed.is_hidden("num_units"):
        return
    slider, field = st.columns([3, number], gap="medium")
    fixed.offer(slider.slider, "num_units")(
        "num_units",
        1,
        SLIDER_UNITS,
        on_change=partial(_hear, "num_units"),
        help=_("The number of nodes of the hidden layer. Every gate has this many."),
    )
    fixed.offer(field.number_input, "num_units", "num_units_exact")(
        _("num_units, exactly"),
        1,
        limits.MAX_UNITS,
        on_change=partial(_hear, "num_units_exact"),
        help=_("The same number, for values beyond the slider."),
    )


def _hear(name: str) -> None:
    """Takes what a widget was set to by its viewer.

    A browser sends the values of all widgets each time. When one was moved, the other is set from here; until the browser
    hears of that, it goes on to send what the other showed before. Taken for a move, it would undo the real one.
    """
    value = st.session_state[name]
    if value is None or _is_late(name, value):
        return
    _told(name).clear()
    _sent()[name] = value
    st.session_state["picked_units"] = value


def _is_late(name: str, value: int) -> bool:
    told = _told(name)
    is_catching_up = bool(told) and time.monotonic() - max(told.values()) < _LATE
    return is_catching_up and (value == _sent().get(name) or value in told)


def _sent() -> dict[str, int | None]:
    """What the browser sent last, by widget."""
    sent: dict[str, int | None] = st.session_state.setdefault("sent_units", {})
    return sent


def _told(name: str) -> dict[int, float]:
    """What a widget was set to since it was moved or the browser last showed the same, and when; the latest at the end."""
    told: dict[int, float] = st.session_state.setdefault(f"told_{name}", {})
    return told
