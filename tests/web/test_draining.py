"""A server that is told to end."""

from __future__ import annotations

import asyncio
import signal
import time
from types import FrameType

import pytest

from lstmviz.web import draining
from lstmviz.web.draining import Draining
from tests import coroutines

HEALTH = "/_stcore/health"


@pytest.fixture
def told(monkeypatch):
    """Signals that the server's own handler was called with, and when; SIGTERM is as it was afterwards."""
    monkeypatch.setattr(draining, "_STUCK", 0.1)
    heard: list[tuple[int, float]] = []

    def end(number: int, _frame: FrameType | None) -> None:
        heard.append((number, time.monotonic()))

    before = signal.signal(signal.SIGTERM, end)
    yield heard
    signal.signal(signal.SIGTERM, before)
    draining._draining.clear()


async def _send_sigterm(busy: list[bool], times: int = 1, wait: float = 0.6) -> float:
    draining.begin_on_signal(lambda: bool(busy) and busy.pop())
    sent = time.monotonic()
    for _time in range(times):
        signal.raise_signal(signal.SIGTERM)
    await asyncio.sleep(wait)
    return sent


def test_what_runs_is_waited_for_and_then_the_servers_own_handler_is_called(told):
    sent = coroutines.run_here(_send_sigterm([True] * 3))
    assert draining.is_draining()
    (first, at), (second, _later) = told
    assert (first, second) == (signal.SIGTERM, signal.SIGINT), (
        "the second ends uvicorn's waiting for connections"
    )
    assert at - sent >= 3 * draining._LOOK * 0.9


def test_a_run_that_does_not_end_is_not_waited_for_longer_than_the_grace(told, monkeypatch):
    monkeypatch.setattr(draining, "GRACE", 0.2)
    coroutines.run_here(_send_sigterm([True] * 1000))
    assert told[0][0] == signal.SIGTERM


def test_a_second_signal_ends_the_waiting(told):
    sent = coroutines.run_here(_send_sigterm([True] * 1000, times=2, wait=0))
    assert told[0][0] == signal.SIGTERM and told[0][1] - sent < 0.1


def _ask(path: str = "/", kind: str = "http", accept: bytes = b"*/*", extensions: bool = True) -> list[dict]:
    """What an application behind the middleware answers; it says 200 itself."""
    sent: list[dict] = []

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "path": path, "method": "GET", "headers": [(b"accept", accept)]}
    if kind == "websocket" and extensions:
        scope["extensions"] = {"websocket.http.response": {}}
    coroutines.run(Draining(app, frozenset({HEALTH}))(scope, receive, send))
    return sent


NEW = [(HEALTH, "http", b"*/*"), ("/learn", "http", b"text/html"), ("/_stcore/stream", "websocket", b"")]


@pytest.mark.parametrize(("path", "kind", "accept"), NEW)
def test_whoever_comes_anew_is_refused_while_the_server_ends(told, path, kind, accept):
    assert _ask(path, kind, accept)[0]["status"] == 200
    draining._draining.set()
    assert _ask(path, kind, accept)[0]["status"] == 503


def test_an_open_page_is_still_answered_while_the_server_ends(told):
    draining._draining.set()
    assert _ask("/lstmviz/numbers/stage")[0]["status"] == 200


def test_a_socket_is_closed_where_the_server_cannot_refuse_it_with_a_status(told):
    draining._draining.set()
    assert _ask("/_stcore/stream", "websocket", extensions=False) == [
        {"type": "websocket.close", "code": 1012}
    ]
