"""A viewer without a browser: speaks Streamlit's protocol and asks for the stage's numbers as its page does, and draws nothing."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.http import Connections
from benchmarks.recorded import Visit, key_of
from benchmarks.servers import PAGE, Server
from lstmviz.web.server import assets_path

CACHED_RUNS = 2  # script runs for which Streamlit's page keeps a large message it did not see again
REST = 0.25  # seconds of quiet after which a stage asks for the run at rest, `REST` in `web/js/stage.js`
_DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
_STAGE = "stage"


@dataclass(frozen=True)
class Answer:
    """Seconds from a move until its figures are there, and until all that follows is; the wait until rest is no part of it."""

    figures: float
    finished: float


@dataclass
class Viewer:
    """One open page: its widgets' values and the messages that its browser keeps.

    Attributes:
        server: Where it is.
        real: What a browser asked for and told there: the files that a page loads, the widgets whose values it sends.
        visit: What this viewer asked for and heard.
    """

    server: Server
    real: Visit = field(default_factory=Visit)
    visit: Visit = field(default_factory=Visit)
    query: str = ""
    widgets: dict[str, WidgetState] = field(default_factory=dict)
    slider: str = ""
    fragment: str = ""
    of: dict[str, str] = field(default_factory=dict)
    _socket: ClientConnection | None = None
    _kept: dict[str, tuple[ForwardMsg, int]] = field(default_factory=dict)
    _script: str = ""
    _runs: int = 0

    def __post_init__(self) -> None:
        self._http = Connections(self.server.port)

    @property
    def has_stage(self) -> bool:
        return self.server.app is PAGE

    async def open(self, size: int) -> Answer:
        """Loads the page's files, nothing of them kept, connects, and waits for the figures of `size` units."""
        started = time.perf_counter()
        # The page itself comes first; what it loads while it runs comes as soon as it can.
        first, *others = self.real.files or ["/"]
        await self._get(first)
        files = asyncio.gather(*map(self._get, others))
        self._socket = await connect(
            f"ws://127.0.0.1:{self.server.port}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
            compression="deflate",
        )
        await self._rerun(b"" if self.has_stage else _title(size))
        if self.has_stage:
            await self._ask(size, "numpy")
        await files
        figures = time.perf_counter() - started
        if self.has_stage:
            await self._ask(size, "")
        self.visit.opened, self.visit.moved = self.visit.moved, self.visit.opened
        return Answer(figures, time.perf_counter() - started)

    async def move(self, size: int) -> Answer:
        """Moves the slider, and waits for the figures of that size and for all that its page asks for then."""
        started = time.perf_counter()
        if not self.has_stage:
            self.widgets[self.slider].double_array_value.data[:] = [size]
            figures = await self._rerun(_title(size))
            return Answer(figures, time.perf_counter() - started)
        await self._ask(size, "numpy")
        figures = time.perf_counter() - started
        await asyncio.sleep(REST)
        rested = time.perf_counter()
        said = {"num_units": size, "input_size": 4, "t": None, "unit": None, "gate": "", "set": {}}
        event = json.dumps([{"event": "moved", "value": said}], separators=(",", ":"))
        await self._rerun(b"", WidgetState(id=self.slider, json_trigger_value=event))
        await self._ask(size, "")
        return Answer(figures, figures + time.perf_counter() - rested)

    async def close(self) -> None:
        self._http.close()
        if self._socket:
            await self._socket.close()

    async def _ask(self, size: int, engine: str) -> None:
        """Asks for a stage's numbers, and holds them to the size that was asked for."""
        asked = self.of | {"num_units": str(size)} | ({"engine": engine} if engine else {})
        body = await self._get(f"{assets_path()}/numbers/stage", urlencode(asked | {"t": 0, "unit": 0}))
        (length,) = struct.unpack_from("<I", body)
        head = json.loads(body[4 : 4 + length])
        if head["numUnits"] != size:
            raise ValueError(f"asked for {size} units, the numbers are of {head['numUnits']}")

    async def _get(self, path: str, query: str = "") -> bytes:
        path = "/" + path.lstrip("/")
        self.visit.moved.requests[path] += 1
        status, body, received = await self._http.get(f"{path}?{query}" if query else path)
        self.visit.moved.answered += received
        if status not in (200, 204):
            raise ValueError(f"{path}?{query} answered {status}")
        return body

    async def _rerun(self, wanted: bytes, trigger: WidgetState | None = None) -> float:
        """Has the script run; seconds until `wanted` was in a figure, or until it was done."""
        assert self._socket
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self.query
        state.page_script_hash = self._script
        state.widget_states.widgets.extend(
            state
            for state in self.widgets.values()
            if not self.has_stage or key_of(state.id) in self.real.told
        )
        if trigger is not None:
            state.widget_states.widgets.append(trigger)
            state.fragment_id = self.fragment
        state.cached_message_hashes.extend(self._kept)
        state.context_info.locale = "en-US"
        state.context_info.timezone = "UTC"
        state.context_info.url = self.server.url + "/"
        state.context_info.color_scheme = "light"
        self.visit.moved.sent["rerun_script"] += 1
        figures = None
        started = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        while True:
            frame = await self._socket.recv()
            assert isinstance(frame, bytes)
            answer = self.visit.moved.hear(frame)
            if answer.WhichOneof("type") == "ref_hash":
                answer = self._kept[answer.ref_hash][0]
            if answer.metadata.cacheable:
                self._kept[answer.hash] = (answer, self._runs)
            kind = answer.WhichOneof("type")
            if kind == "delta":
                if self._take(answer, wanted) and figures is None:
                    figures = time.perf_counter() - started
            elif kind == "script_finished" and answer.script_finished in _DONE:
                if wanted and figures is None:
                    raise ValueError(f"the page has no figure with {wanted!r}")
                self._forget()
                return figures or time.perf_counter() - started
            elif kind == "new_session":
                self._script = answer.new_session.page_script_hash
            elif kind == "navigation":  # which of the app's pages is open
                self._script = answer.navigation.page_script_hash
            elif kind == "page_info_changed":
                self.query = answer.page_info_changed.query_string
            elif kind == "session_event":
                raise ValueError(f"the page's script failed: {answer.session_event}")

    def _take(self, message: ForwardMsg, wanted: bytes) -> bool:
        """Notes an element's widget state or what the stage is told; whether `wanted` is in its figure."""
        element = message.delta.new_element
        name = element.WhichOneof("type")
        if name == "exception":
            raise ValueError(f"the page shows an exception: {element.exception.message}")
        if name == "bidi_component" and key_of(element.bidi_component.id) == _STAGE:
            self.slider = f"$$STREAMLIT_INTERNAL_KEY_{element.bidi_component.id}__events"
            self.fragment = message.delta.fragment_id
            told = json.loads(element.bidi_component.json or "{}")
            self.of = dict(parse_qsl(told["of"], keep_blank_values=True))
        elif name in _VALUES:
            self._note_widget(name, getattr(element, name), message.delta.fragment_id)
        return name == "plotly_chart" and wanted in element.plotly_chart.spec.encode()

    def _note_widget(self, name: str, widget: Any, fragment: str) -> None:
        if widget.id in self.widgets and not widget.set_value:
            return
        state = WidgetState(id=widget.id)
        _VALUES[name](state, widget)
        self.widgets[widget.id] = state
        if name == "slider" and key_of(widget.id) == "num_units":
            self.slider, self.fragment = widget.id, fragment

    def _forget(self) -> None:
        self._runs += 1
        self._kept = {key: kept for key, kept in self._kept.items() if self._runs - kept[1] <= CACHED_RUNS}


def _title(size: int) -> bytes:
    """What the floor's figure says at a size."""
    return f", {4 * size}]".encode()


def _slider(state: WidgetState, widget: Any) -> None:
    state.double_array_value.data[:] = widget.value if widget.set_value else widget.default


def _choice(state: WidgetState, widget: Any) -> None:
    if widget.set_value:
        if widget.HasField("raw_value"):
            state.string_value = widget.raw_value
    elif widget.options:
        state.string_value = widget.options[widget.default]


# How a widget tells its value; of those on the page that a recorded visit showed, only these tell one.
_VALUES = {"slider": _slider, "selectbox": _choice}
