"""The WebSocket by which pages and rooms talk, beside Streamlit's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.web.server.server_util import is_url_from_allowed_origins
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from lstmviz.web import limits, metrics, settings
from lstmviz.web.rooms.connection import Gone, House, serve
from lstmviz.web.rooms.hub import Hub
from lstmviz.web.rooms.stores import Hear, Memory, Store

PATH = "/lstmviz/rooms"
_house: House | None = None


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    """While the server runs, it has rooms."""
    global _house
    hub = Hub(limits.MAX_FOLLOWERS)
    store = _make_store(hub.hear)
    _house = House(store, hub)
    metrics.watch("rooms", "Rooms that presenters share, as of some seconds ago", lambda: hub.rooms)
    metrics.watch("room_followers", "Those who follow a room on this server", lambda: hub.followers)
    jobs = [asyncio.create_task(store.run()), asyncio.create_task(hub.watch(store))]
    try:
        yield
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        _house = None


def _make_store(hear: Hear) -> Store:
    where = settings.read_rooms()
    if where != settings.MEMORY:
        from lstmviz.web.rooms.redis_store import RedisStore

        return RedisStore(where, hear, limits.MAX_ROOMS, limits.ROOM_IDLE, limits.ROOM_LIFE)
    return Memory(hear, limits.MAX_ROOMS, limits.ROOM_IDLE, limits.ROOM_LIFE)


def route(root: str) -> WebSocketRoute:
    """The route, below the path under which the server's own paths lie."""
    return WebSocketRoute(f"{root}{PATH}", _serve)


async def _serve(websocket: WebSocket) -> None:
    origin = websocket.headers.get("origin", "")
    if _house is None or not is_allowed(origin, websocket.headers.get("host")):
        await websocket.close()  # before it is accepted: an answer of 403
        return
    await websocket.accept()
    address = websocket.client.host if websocket.client else ""
    await serve(_house, _Socket(websocket), address, origin)
    with suppress(RuntimeError, WebSocketDisconnect):  # the other side has
        await websocket.close()


def is_allowed(origin: str, host: str | None) -> bool:
    """Whether a page may talk to this server: one of its own, as Streamlit's WebSocket has it too."""
    if not is_host_allowed(host):
        return False
    return not origin or urlsplit(origin).netloc == host or is_url_from_allowed_origins(origin)


class _Socket:
    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> str | bytes:
        message: dict[str, Any] = dict(await self._websocket.receive())
        if message["type"] != "websocket.receive":
            raise Gone
        text = message.get("text")
        return text if text is not None else message.get("bytes") or b""

    async def send(self, message: str) -> None:
        try:
            await self._websocket.send_text(message)
        except (RuntimeError, WebSocketDisconnect, OSError) as error:
            raise Gone from error
