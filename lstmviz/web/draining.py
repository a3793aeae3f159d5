"""A server that is told to end: it says so, lets what runs end, and then closes its connections, for its viewers to move over.

A proxy that has other servers sends whoever comes to one of them, since this one refuses: new pages, new sessions, and whether
it is ready or healthy. Whoever is here keeps what is on the screen and in the address; where the connection closes, Streamlit's
page asks for another, and the proxy gives it another server's.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_log = logging.getLogger(__name__)

GRACE = 10.0
"""Seconds that runs have to end."""
_STUCK = 3.0  # seconds after which a connection that does not close keeps nobody waiting
_LOOK = 0.1  # seconds

_draining = threading.Event()


def is_draining() -> bool:
    """Whether this server has been told to end."""
    return _draining.is_set()


def begin_on_signal(is_busy: Callable[[], bool]) -> None:
    """Lets SIGTERM wait for runs before it does what it did; a second one does that at once.

    To be called in the event loop, once the server has set its own handler.

    Args:
        is_busy: Whether a run goes on.
    """
    if threading.current_thread() is not threading.main_thread():
        return  # a server in a thread hears no signals
    ends = signal.getsignal(signal.SIGTERM)
    if not callable(ends):
        return
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Task[None]] = []  # the loop itself holds its tasks but weakly

    def drain(number: int, frame: FrameType | None) -> None:
        if _draining.is_set():
            ends(number, frame)
            return
        _draining.set()
        loop.call_soon_threadsafe(lambda: waiting.append(loop.create_task(_end(ends, number, is_busy))))

    signal.signal(signal.SIGTERM, drain)


async def _end(
    ends: Callable[[int, FrameType | None], Any], number: int, is_busy: Callable[[], bool]
) -> None:
    started = time.monotonic()
    _log.info("Ending: new viewers are refused; what runs has %.0f s", GRACE)
    while is_busy() and time.monotonic() - started < GRACE:
        await asyncio.sleep(_LOOK)
    ends(number, None)
    await asyncio.sleep(_STUCK)
    # uvicorn waits for every connection to close; that is what makes it stop waiting.
    ends(signal.SIGINT, None)


class Draining:
    """Refuses pages, sessions and questions after its health, once the server has been told to end.

    What an open page asks for is still answered.

    Args:
        app: The application to wrap.
        refused: The paths, without a page's own, that whoever comes anew asks for.
    """

    def __init__(self, app: ASGIApp, refused: frozenset[str]) -> None:
        self._app = app
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if _draining.is_set() and self._is_refused(scope):
            if scope["type"] == "http":
                await PlainTextResponse("This server is ending.", 503, {"Cache-Control": "no-store"})(
                    scope, receive, send
                )
            else:
                await _refuse_socket(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_refused(self, scope: Scope) -> bool:
        if scope["type"] == "websocket":
            return True
        if scope["type"] != "http":
            return False
        accepted = [value for name, value in scope["headers"] if name == b"accept"]
        return scope["path"] in self._refused or (
            scope["method"] == "GET" and any(b"text/html" in value for value in accepted)
        )


async def _refuse_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """As an HTTP answer, which a proxy understands; where the server cannot give one, as a closed socket."""
    await receive()  # websocket.connect
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": 503, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"This server is ending."})
    else:
        await send({"type": "websocket.close", "code": 1012})
