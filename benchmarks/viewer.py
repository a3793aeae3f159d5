"""A viewer without a browser: speaks Streamlit's protocol and asks for the stage's numbers as its page does, and draws nothing."""

from __future__ import annotations

import asyncio
import json
import random
import struct
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import h11
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake

from benchmarks.http import Connections
from benchmarks.recorded import Visit, key_of
from benchmarks.servers import PAGE, Server
from lstmviz.web.server import assets_path

CACHED_RUNS = 2  # script runs for which Streamlit's page keeps a large message it did not see again
REST = 0.25  # seconds of quiet after which a stage asks for the run at rest, `REST` in `web/js/stage.js`
PASSING = (429, 502, 503, 504)  # after which the page asks again, `askPatiently` in `web/js/assets.js`
_FIRST, _LONGEST = 1.0, 8.0  # seconds until it does, each time twice as long
_QUIET = 1  # tries in vain of which the stage says nothing
# What Streamlit's page does where its connection closed: seconds before it looks for the server, each time up to twice as long;
# then between two looks; the looks in vain after which it says so; the seconds that it waits for an answer.
_APART, _LONGEST_APART = 0.5, 4.0
_LOOK, _LONGEST_LOOK = 0.1, 4.0
_LOOKS = 6
_NO_ANSWER = 15.0
_LOST = (OSError, TimeoutError, InvalidHandshake, h11.RemoteProtocolError)
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
        refused: What it was answered in vain, as a status or the error's name; the page asks again by itself.
        said: What its page would have said of that, or of a lost connection.
    """

    server: Server
    real: Visit = field(default_factory=Visit)
    visit: Visit = field(default_factory=Visit)
    query: str = ""
    widgets: dict[str, WidgetState] = field(default_factory=dict)
    slider: str = ""
    fragment: str = ""
    of: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    units: int = 0
    _session: str = ""
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
        await self._connect()
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
        await self._tell_moved()
        await self._ask(size, "")
        return Answer(figures, figures + time.perf_counter() - rested)

    async def wait_lost(self) -> None:
        """Until the connection closes."""
        assert self._socket
        await self._socket.wait_closed()

    async def find_server(self) -> None:
        """Connects again as Streamlit's page does once its connection has closed."""
        for attempt in range(10**6):
            apart = min(_LONGEST_APART, _APART * 2**attempt)
            await asyncio.sleep(random.uniform(apart / 2, apart))
            await self._look()
            try:
                async with asyncio.timeout(_NO_ANSWER):
                    await self._connect()
            except _LOST:
                continue
            return

    async def show_again(self) -> None:
        """Tells the script what is shown, as the stage does once the connection is there again, and asks for that.

        Raises:
            ConnectionClosed: it has closed again.
        """
        await self._tell_moved()
        await self._ask(self.units, "")

    @property
    def replica(self) -> str:
        """Which of several servers it is served by, as the proxy's cookie says."""
        return self._http.cookies.get("lstmviz_replica", "")

    async def close(self) -> None:
        self._http.close()
        if self._socket:
            await self._socket.close()

    async def _connect(self) -> None:
        cookies = self._http.cookies
        tokens = [cookies.get(XSRF_COOKIE_NAME, "PLACEHOLDER_AUTH_TOKEN"), *filter(None, [self._session])]
        self._socket = await connect(
            f"ws://127.0.0.1:{self.server.port}/_stcore/stream",
            subprotocols=["streamlit", *tokens],  # type: ignore[list-item]
            additional_headers={"Cookie": cookies.line} if cookies else {},
            max_size=None,
            compression="deflate",
        )
        if self._socket.response:
            cookies.take(self._socket.response.headers.get_all("Set-Cookie"))

    async def _look(self) -> None:
        """Asks whether the server is there, until it is."""
        for tried in range(1, 10**6):
            try:
                async with asyncio.timeout(_NO_ANSWER):
                    found = await asyncio.gather(
                        *(self._http.get(f"/_stcore/{name}") for name in ("health", "host-config"))
                    )
            except _LOST as error:
                self.refused.append(type(error).__name__)
            else:
                if all(status == 200 for status, _body, _received in found):
                    return
                self.refused += [str(status) for status, _body, _received in found if status != 200]
            if tried == _LOOKS:
                self.said.append("Connection error")
            await asyncio.sleep(min(_LONGEST_LOOK, _LOOK * 2 ** (tried - 1)) * random.uniform(0.7, 1))

    async def _tell_moved(self) -> None:
        """Tells the script what the stage shows, and waits until it has drawn."""
        said = {"num_units": self.units, "input_size": 4, "t": None, "unit": None, "gate": "", "set": {}}
        event = json.dumps([{"event": "moved", "value": said}], separators=(",", ":"))
        await self._rerun(b"", WidgetState(id=self.slider, json_trigger_value=event))

    async def _ask(self, size: int, engine: str) -> None:
        """Asks for a stage's numbers, and holds them to the size that was asked for."""
        self.units = size
        asked = self.of | {"num_units": str(size)} | ({"engine": engine} if engine else {})
        body = await self._get(f"{assets_path()}/numbers/stage", urlencode(asked | {"t": 0, "unit": 0}))
        (length,) = struct.unpack_from("<I", body)
        head = json.loads(body[4 : 4 + length])
        if head["numUnits"] != size:
            raise ValueError(f"asked for {size} units, the numbers are of {head['numUnits']}")

    async def _get(self, path: str, query: str = "") -> bytes:
        """What a path has, asked for as often as the page does."""
        path = "/" + path.lstrip("/")
        self.visit.moved.requests[path] += 1
        for tried in range(10**6):
            status, body = await self._try(f"{path}?{query}" if query else path)
            if status in (200, 204):
                return body
            if status and status not in PASSING:
                raise ValueError(f"{path}?{query} answered {status}")
            if tried == _QUIET:
                self.said.append(f"not drawn: {self.refused[-1]}")
            await asyncio.sleep(min(_LONGEST, _FIRST * 2**tried) * random.uniform(0.75, 1.25))
        raise AssertionError

    async def _try(self, target: str) -> tuple[int, bytes]:
        """The status, 0 where there was no answer, and the body."""
        try:
            status, body, received = await self._http.get(target)
        except _LOST as error:
            self.refused.append(type(error).__name__)
            return 0, b""
        self.visit.moved.answered += received
        if status in PASSING:
            self.refused.append(str(status))
        return status, body

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
                self._session = answer.new_session.initialize.session_id
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
        if name == "alert":
            self.said.append(element.alert.body)
        if name == "exception":
            raise ValueError(f"the page shows an exception: {element.exception.message}")
        if name == "bidi_component" and key_of(element.bidi_component.id) == _STAGE:
            self.slider = f"$$STREAMLIT_INTERNAL_KEY_{element.bidi_component.id}__events"
            self.fragment = message.delta.fragment_id
            (told,) = json.loads(element.bidi_component.json)
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
