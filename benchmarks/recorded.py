"""One visit to a page as a real Chromium makes it, to which a viewer without a browser is held."""

from __future__ import annotations

import base64
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.page import settle
from benchmarks.servers import Server
from benchmarks.table import Line

MOVES = 5
APART = 5000  # milliseconds between two moves
CLOSE = 0.1  # how far the two may lie apart, as a share
_WARM = 120  # tries, a second each, until the server says that it is ready


@dataclass
class Traffic:
    """What went to and fro: requests by path, messages by kind, and the bytes of both."""

    requests: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    answered: int = 0  # bytes of the answers to requests, as they came over the wire
    told: int = 0  # bytes of the messages that were received, before any compression

    def hear(self, frame: bytes) -> ForwardMsg:
        """Counts a message that was received."""
        message = ForwardMsg.FromString(frame)
        self.received[kind_of(message)] += 1
        self.told += len(frame)
        return message


def kind_of(message: ForwardMsg) -> str:
    """What a message brings: its type, and of what is drawn the element's."""
    kind = message.WhichOneof("type") or ""
    if kind != "delta":
        return kind
    delta = message.delta
    element = delta.new_element.WhichOneof("type") if delta.HasField("new_element") else None
    return f"delta {element or delta.WhichOneof('type')}"


@dataclass
class Visit:
    """A page that is opened, and moved a few times; `files` are what it loaded, `told` the widgets whose values it sends."""

    opened: Traffic = field(default_factory=Traffic)
    moved: Traffic = field(default_factory=Traffic)
    files: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)


def wait_until_ready(server: Server) -> None:
    """Until TensorFlow has warmed up: a page that is opened before it waits, and hears of it five times a second."""
    for _try in range(_WARM):
        try:
            with urllib.request.urlopen(
                f"http://localhost:{server.port}/lstmviz/ready", timeout=10
            ) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.HTTPError, OSError):
            pass
        time.sleep(1)
    raise RuntimeError("the server did not become ready")


def record(browser: Browser, server: Server) -> Visit:
    """What Chromium asks for and hears, nothing cached, while somebody opens the page and moves `num_units` a few times."""
    visit = Visit()
    page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US").new_page()
    _Listener(page.context.new_cdp_session(page), visit)
    page.goto(server.url, wait_until="commit")
    slider = page.locator(".st-key-num_units input[type=range]").first
    slider.wait_for(state="attached", timeout=120_000)
    page.wait_for_timeout(2 * APART)
    settle(page)
    slider.focus()
    visit.opened, visit.moved = visit.moved, Traffic()
    for _move in range(MOVES):
        slider.press("ArrowRight")
        page.wait_for_timeout(APART)
    page.context.close()
    return visit


class _Listener:
    """Chromium's own account of its network, written into the part of a visit that goes on."""

    def __init__(self, session: Any, visit: Visit) -> None:
        self.visit, self.paths = visit, dict[str, str]()
        for name, hear in {
            "Network.requestWillBeSent": self.hear_request,
            "Network.loadingFinished": self.hear_end,
            "Network.webSocketFrameSent": self.hear_sent,
            "Network.webSocketFrameReceived": self.hear_received,
        }.items():
            session.on(name, hear)
        session.send("Network.enable")

    def hear_request(self, event: dict[str, Any]) -> None:
        place = urlsplit(event["request"]["url"])
        if place.scheme in ("http", "https"):
            self.paths[event["requestId"]] = place.path
            self.visit.moved.requests[place.path] += 1
            if "/numbers/" not in place.path:
                self.visit.files.append(place.path)

    def hear_end(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.paths:
            self.visit.moved.answered += int(event["encodedDataLength"])

    def hear_sent(self, event: dict[str, Any]) -> None:
        message = BackMsg.FromString(base64.b64decode(event["response"]["payloadData"]))
        self.visit.moved.sent[message.WhichOneof("type") or ""] += 1
        for widget in message.rerun_script.widget_states.widgets:
            self.visit.told.add(key_of(widget.id))

    def hear_received(self, event: dict[str, Any]) -> None:
        self.visit.moved.hear(base64.b64decode(event["response"]["payloadData"]))


def key_of(widget: str) -> str:
    """The key in a widget's id: `$$ID-…-num_units`."""
    return widget.rsplit("-", 1)[-1]


def compare(simulated: Visit, recorded: Visit) -> Iterator[Line]:
    """How far a simulated visit is from the recorded one, each as a share of the recorded."""
    for name, of in {
        "opening": lambda visit: visit.opened,
        f"{MOVES} moves": lambda visit: visit.moved,
    }.items():
        yield from _compare(name, of(simulated), of(recorded))


def _compare(name: str, ours: Traffic, real: Traffic) -> Iterator[Line]:
    counts: dict[str, Callable[[Traffic], int]] = {
        "requests": lambda traffic: traffic.requests.total(),
        "messages sent": lambda traffic: traffic.sent.total(),
        "messages received": lambda traffic: traffic.received.total(),
        "bytes of answers": lambda traffic: traffic.answered,
        "bytes of messages": lambda traffic: traffic.told,
    }
    for what, count in counts.items():
        yield Line(f"{name}: {what}, simulated and Chromium's", "", count(ours), count(real))
    apart = max(abs(count(ours) - count(real)) / max(1, count(real)) for count in counts.values())
    yield Line("  the furthest apart", "%", 100 * apart, None, 100 * CLOSE)
    kinds = (ours.received - real.received) + (real.received - ours.received)
    yield Line(
        "  messages of other kinds",
        "%",
        100 * kinds.total() / max(1, real.received.total()),
        None,
        100 * CLOSE,
    )
