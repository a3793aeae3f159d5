"""A viewer without a browser: speaks Streamlit's WebSocket protocol as its page does."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.servers import Server

CACHED_RUNS = 2  # script runs for which Streamlit's page keeps a large message it did not see again
_DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


@dataclass(frozen=True)
class Answer:
    """What came back for one rerun: seconds until the figures and until the script's end, and the bytes."""

    figures: float
    finished: float
    received: int


@dataclass
class Viewer:
    """One open page: its widgets' values and the messages that its browser keeps."""

    server: Server
    query: str = ""
    widgets: dict[str, WidgetState] = field(default_factory=dict)
    fragments: dict[str, str] = field(default_factory=dict)
    slider: str = ""
    _socket: ClientConnection | None = None
    _kept: dict[str, tuple[ForwardMsg, int]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _script: str = ""
    _runs: int = 0

    async def open(self, size: int) -> Answer:
        """Connects, and waits for the page with the figures of `size` units."""
        self._socket = await connect(
            f"ws://127.0.0.1:{self.server.port}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
            compression="deflate",
        )
        return await self._rerun(size)

    async def move(self, size: int) -> Answer:
        """Moves the slider, and waits for the page with the figures of that size."""
        self.widgets[self.slider].double_array_value.data[:] = [size]
        return await self._rerun(size)

    async def close(self) -> None:
        if self._socket:
            await self._socket.close()

    async def _rerun(self, size: int) -> Answer:
        assert self._socket
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self.query
        state.page_script_hash = self._script
        state.widget_states.widgets.extend(self.widgets.values())
        state.fragment_id = self.fragments.get(self.slider, "")
        state.cached_message_hashes.extend(self._kept)
        state.context_info.locale = "en-US"
        state.context_info.timezone = "UTC"
        state.context_info.url = self.server.url + "/"
        data = message.SerializeToString()
        missing = {wanted["text"].encode() for wanted in self.server.app.wanted(size)}
        figures, received = None, 0
        started = time.perf_counter()
        await self._socket.send(data)
        while True:
            frame = await self._socket.recv()
            assert isinstance(frame, bytes)
            received += len(frame)
            answer = ForwardMsg.FromString(frame)
            kind = answer.WhichOneof("type")
            if kind == "ref_hash":
                answer = self._kept[answer.ref_hash][0]
                kind = answer.WhichOneof("type")
            if answer.metadata.cacheable:
                self._kept[answer.hash] = (answer, self._runs)
            if kind == "delta":
                missing -= self._take(answer, missing)
                if figures is None and not missing:
                    figures = time.perf_counter() - started
            elif kind == "script_finished" and answer.script_finished in _DONE:
                if figures is None:
                    raise ValueError(
                        f"the page has no figure with {sorted(missing)} after a move to {size} units"
                    )
                self._forget()
                return Answer(figures, time.perf_counter() - started, received)
            elif kind == "new_session":
                self._script = answer.new_session.page_script_hash
            elif kind == "page_info_changed":
                self.query = answer.page_info_changed.query_string
            elif kind == "session_event":
                raise ValueError(f"the page's script failed: {answer.session_event}")

    def _take(self, message: ForwardMsg, missing: set[bytes]) -> set[bytes]:
        """Notes an element's widget state; returns which of `missing` are in its figure."""
        element = message.delta.new_element
        name = element.WhichOneof("type")
        if name == "exception":
            raise ValueError(f"the page shows an exception: {element.exception.message}")
        if name == "bidi_component":
            figure = element.bidi_component.bytes or element.bidi_component.json.encode()
        elif name == "plotly_chart":
            figure = element.plotly_chart.spec.encode()
        else:
            if name in _VALUES:
                self._note_widget(name, getattr(element, name), message.delta.fragment_id)
            return set()
        # A figure's text may be escaped as JSON allows.
        return {text for text in missing if text in figure or _escape(text) in figure}

    def _note_widget(self, name: str, widget: Any, fragment: str) -> None:
        self._seen.add(widget.id)
        if widget.id in self.widgets and not widget.set_value:
            return
        state = WidgetState(id=widget.id)
        _VALUES[name](state, widget)
        self.widgets[widget.id] = state
        self.fragments[widget.id] = fragment
        if name == "slider" and widget.id.endswith("-num_units"):
            self.slider = widget.id

    def _forget(self) -> None:
        self._runs += 1
        self.widgets = {key: state for key, state in self.widgets.items() if key in self._seen}
        self._seen.clear()
        self._kept = {key: kept for key, kept in self._kept.items() if self._runs - kept[1] <= CACHED_RUNS}


def _escape(text: bytes) -> bytes:
    return text.decode().encode("ascii", "backslashreplace").replace(b"\\x", b"\\u00")


def _slider(state: WidgetState, widget: Any) -> None:
    state.double_array_value.data[:] = widget.value if widget.set_value else widget.default


def _number(state: WidgetState, widget: Any) -> None:
    if widget.set_value or widget.HasField("default"):
        state.double_value = widget.value if widget.set_value else widget.default


def _choice(state: WidgetState, widget: Any) -> None:
    if widget.set_value:
        if widget.HasField("raw_value"):
            state.string_value = widget.raw_value
    elif widget.options:
        state.string_value = widget.options[widget.default]


def _choices(state: WidgetState, widget: Any) -> None:
    state.string_array_value.data[:] = (
        widget.raw_values if widget.set_value else [_content(widget.options[i]) for i in widget.default]
    )


def _content(option: Any) -> str:
    return option if isinstance(option, str) else option.content


def _check(state: WidgetState, widget: Any) -> None:
    state.bool_value = widget.value if widget.set_value else widget.default


def _text(state: WidgetState, widget: Any) -> None:
    state.string_value = widget.value if widget.set_value else widget.default


# How each widget of Streamlit's page tells its value; a widget that is not here tells none.
_VALUES = {
    "slider": _slider,
    "number_input": _number,
    "selectbox": _choice,
    "multiselect": _choices,
    "button_group": _choices,
    "checkbox": _check,
    "text_area": _text,
    "text_input": _text,
}
