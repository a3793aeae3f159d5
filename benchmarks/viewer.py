"""A viewer without a browser: speaks Streamlit's WebSocket protocol as its page does."""

from __future__ import annotations

import asyncio
import gzip
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

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
        answer = await self._rerun(size)
        if not self.server.app.pictures:
            return answer
        figures, received = await self._fetch(self.query, size)
        return Answer(answer.finished + figures, answer.finished + figures, answer.received + received)

    async def move(self, size: int) -> Answer:
        """Moves the slider, and waits for the page with the figures of that size."""
        self.widgets[self.slider].double_array_value.data[:] = [size]
        if not self.server.app.pictures:
            return await self._rerun(size)
        query = urlencode(dict(parse_qsl(self.query, keep_blank_values=True)) | {"num_units": size})
        (figures, received), answer = await asyncio.gather(self._fetch(query, size), self._rerun(size))
        return Answer(figures, max(figures, answer.finished), received + answer.received)

    async def close(self) -> None:
        if self._socket:
            await self._socket.close()

    async def _fetch(self, query: str, size: int) -> tuple[float, int]:
        """Asks for both pictures at once, as the page does; seconds until both are there, and the bytes."""
        started = time.perf_counter()
        wanted = {wanted["selector"]: wanted["text"] for wanted in self.server.app.wanted(size)}
        each = await asyncio.gather(
            *(
                self._get(path, query, wanted[f".st-key-{key} .gtitle"])
                for key, path in self.server.app.pictures.items()
            )
        )
        return time.perf_counter() - started, sum(each)

    async def _get(self, path: str, query: str, text: str) -> int:
        # A connection each: a browser's are gone too after five seconds without a request.
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        request = f"GET /{path}?{query} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        head, _end, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        content = gzip.decompress(body) if b"content-encoding: gzip" in head.lower() else body
        if b" 200 " not in head.split(b"\r\n")[0] or text.encode() not in content:
            raise ValueError(f"{path}?{query} answered {head!r} without {text!r}")
        return len(body)

    async def _rerun(self, size: int) -> Answer:
        assert self._socket
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self.query
        state.page_script_hash = self._script
        state.page_name = "" if self._script else self.server.app.path.strip("/")
        state.widget_states.widgets.extend(self.widgets.values())
        state.fragment_id = self.fragments.get(self.slider, "")
        state.cached_message_hashes.extend(self._kept)
        state.context_info.locale = "en-US"
        state.context_info.timezone = "UTC"
        state.context_info.url = self.server.url + "/"
        data = message.SerializeToString()
        missing = {wanted["text"].encode() for wanted in self.server.app.wanted(size)}
        if self.server.app.pictures:  # the script says which they are
            shown = {"num_units": size, **dict(parse_qsl(self.query, keep_blank_values=True))} | {
                "num_units": size
            }
            missing = {f'"of": "{urlencode(shown)}"'.encode()}
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
