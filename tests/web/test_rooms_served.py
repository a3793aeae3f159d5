"""Rooms of the real server, behind a path of its own."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests import servers
from tests.servers import Served

SETTING = {
    "path": "learn",
    "query": "num_units=9",
    "t": 3,
    "unit": None,
    "gate": "",
    "step": "memory",
    "play": 0,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    log = tmp_path_factory.mktemp("rooms") / "log"
    names = "127.0.0.1 lstm.example"
    with servers.serve(
        log, STREAMLIT_SERVER_ALLOWED_HOSTS=names, STREAMLIT_SERVER_BASE_URL_PATH="lstm"
    ) as server:
        yield server


def _connect(server: Served, origin: str | None = None, host: str = "127.0.0.1") -> ClientConnection:
    own = f"http://127.0.0.1:{server.port}"
    address = f"ws://{host}:{server.port}/lstm/lstmviz/rooms"
    sock = socket.create_connection(("127.0.0.1", server.port))
    return connect(address, origin=origin or own, sock=sock, proxy=None)  # type: ignore[arg-type]


def _hear(side: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = json.loads(side.recv(timeout=20))
        if found["is"] == kind:
            return found


def _say(side: ClientConnection, **message: Any) -> None:
    side.send(json.dumps(message))


def test_a_move_comes_from_the_presenter_to_a_follower_and_its_numbers_are_the_stages(served):
    with _connect(served) as presenter, _connect(served) as follower:
        _say(presenter, do="open", page=f"http://127.0.0.1:{served.port}/lstm/")
        opened = _hear(presenter, "opened")
        assert opened["link"].endswith(f"/lstm/?room={opened['room']}") and opened["shared"] is False
        _say(follower, do="follow", room=opened["room"])
        _hear(follower, "following")
        sent = time.monotonic()
        _say(presenter, do="move", epoch=opened["epoch"], state=SETTING)
        told = _hear(follower, "state")["state"]
        assert time.monotonic() - sent < 2  # milliseconds, where nothing else runs
        assert told["step"] == "memory" and told["path"] == "learn"
        assert opened["token"] not in served.log.read_text()
        status, numbers = served.get(f"/lstm/{_numbers()}/stage?{told['query']}&engine=numpy&t=3&unit=0")
        assert status == 200 and b"kernel [" in numbers


def _numbers() -> str:
    from lstmviz.web.server import assets_path

    return f"{assets_path()}/numbers"


@pytest.mark.parametrize(
    ("origin", "host"),
    [("https://evil.example", "127.0.0.1"), ("http://evil.example", "evil.example"), ("null", "127.0.0.1")],
)
def test_a_page_of_strangers_gets_no_room(served, origin, host):
    with pytest.raises(InvalidStatus) as refused, _connect(served, origin, host):
        pass
    assert refused.value.response.status_code == 403


def test_a_message_too_large_is_refused_and_the_server_goes_on(served):
    with _connect(served) as stranger:
        stranger.send("x" * 1_000_000)
        assert _hear(stranger, "refused")["why"] == "size"
    assert served.get("/lstm/_stcore/health") == (200, b"ok")
    assert "Traceback" not in served.log.read_text()


def test_a_room_that_has_ended_lets_everybody_go(served):
    with _connect(served) as presenter, _connect(served) as follower:
        _say(presenter, do="open")
        room = _hear(presenter, "opened")["room"]
        _say(follower, do="follow", room=room)
        _hear(follower, "following")
        _say(presenter, do="end")
        assert _hear(follower, "ended")["why"] == "over"
        assert _hear(presenter, "ended")["why"] == "over"
    metrics = served.get("/lstm/lstmviz/metrics", Host="127.0.0.1")[1].decode()
    assert "lstmviz_room_followers" in metrics and "lstmviz_rooms" in metrics and room not in metrics
