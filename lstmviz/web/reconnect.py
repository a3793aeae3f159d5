"""The first change after a reconnect.

Where a server was started anew, or gave a session up, an open page comes back as a new session. Its browser says nothing until
its viewer changes a control; then it sends what all its widgets hold, and means the old session by it. Streamlit does not know
these widgets yet: it takes the state of none of them, calls no callback, and where the change asks for a fragment runs nothing.
So the page is drawn first as the address has it, and then the browser's message is heard again.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.runtime.state.session_state import Serialized

DRAWN = "is_drawn"
"""Where a session keeps that it has drawn the page."""


def sent_before() -> WidgetStates | None:
    """What the browser of a new session says of the widgets that an earlier session drew; None where there were none.

    To be called as a run begins: as the widgets are drawn, Streamlit takes its copy for known.
    """
    context: Any = get_script_run_ctx()
    if context is None or DRAWN in st.session_state:
        return None
    if context.is_history_navigation:  # the address was asked for since
        return None
    states = context.session_state._state._new_widget_state.states.values()
    sent = [state.value for state in states if isinstance(state, Serialized)]
    return WidgetStates(widgets=sent) if sent else None


def numbers(sent: WidgetStates | None) -> dict[str, int]:
    """The whole numbers in what a browser says, by the keys of their widgets."""
    found = {}
    for widget in sent.widgets if sent else ():
        key = widget.id.split("-", 2)[-1]  # $$ID-<hash>-<key>
        kind = widget.WhichOneof("value")
        if kind == "int_value":
            found[key] = widget.int_value
        elif kind == "double_array_value" and len(widget.double_array_value.data) == 1:
            number = widget.double_array_value.data[0]
            if number.is_integer():
                found[key] = int(number)
    return found


def replay(sent: WidgetStates | None) -> None:
    """Ends a run in which the page was drawn for the first time, and has the browser's message heard again."""
    st.session_state[DRAWN] = True
    context = get_script_run_ctx()
    if sent is None or context is None or context.script_requests is None:
        return
    context.script_requests.request_rerun(
        RerunData(
            query_string=context.query_string,
            widget_states=sent,
            page_script_hash=context.page_script_hash,
            cached_message_hashes=context.cached_message_hashes,
            context_info=context.context_info,
        )
    )
    st.empty()  # where Streamlit looks for such a request
