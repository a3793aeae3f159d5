"""A room behind nginx: its presenter served by one replica, a follower by another, and what becomes of them when one dies."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests import servers
from tests.web.test_rooms_redis import Redis

REPLICAS = 2
SETTING = {"path": "explore", "query": "num_units=9", "t": 3, "unit": None, "gate": "", "step": "", "play": 0}
_LIMIT = 120.0  # seconds

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None
    or shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None,
    reason="there is no nginx or no redis-server here",
)


def _until(condition: Any) -> None:
    end = time.monotonic() + _LIMIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def _is_healthy(port: int) -> bool:
    try:
        return servers.Served(port, None, None).get("/_stcore/health") == (200, b"ok")  # type: ignore[arg-type]
    except OSError:
        return False


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port of nginx, and what the replicas' starter says."""
    redis, port, log = Redis(servers.find_free_port(), tmp_path), servers.find_free_port(), tmp_path / "log"
    redis.start()
    command = [sys.executable, "tools/cluster.py", f"--replicas={REPLICAS}", f"--port={port}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=servers.ROOT,
            env=servers.environment(LSTMVIZ_ROOMS=redis.address),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _until(
            lambda: process.poll() is not None or all(_is_healthy(port + 100 + n) for n in range(REPLICAS))
        )
        assert process.poll() is None, log.read_text()
        yield port, log
    finally:
        process.terminate()
        process.wait(60)
        redis.end()


def _connect(stack: ExitStack, port: int, replica: int, **first: Any) -> ClientConnection:
    """As a browser that was served by a replica before, and goes to another where that one is gone."""
    connecting = connect(
        f"ws://127.0.0.1:{port}/lstmviz/rooms",
        origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
        additional_headers={"Cookie": f"lstmviz_replica={replica}"},
        proxy=None,
    )
    side: ClientConnection = stack.enter_context(connecting)
    side.send(json.dumps(first))
    return side


def _hear(side: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = json.loads(side.recv(timeout=20))
        if found["is"] == kind:
            return found


def test_a_follower_of_a_replica_that_dies_follows_on_another(cluster: tuple[int, Path]):
    port, log = cluster
    with ExitStack() as stack:
        presenter = _connect(stack, port, 1, do="open", page=f"http://127.0.0.1:{port}/")
        opened = _hear(presenter, "opened")
        assert (
            opened["shared"] is True and opened["link"] == f"http://127.0.0.1:{port}/?room={opened['room']}"
        )
        follower = _connect(stack, port, 2, do="follow", room=opened["room"])
        _hear(follower, "following")
        presenter.send(json.dumps({"do": "move", "epoch": opened["epoch"], "state": SETTING}))
        assert _hear(follower, "state")["state"]["t"] == 3
        (pid,) = re.findall(r"^replica 2: pid (\d+)", log.read_text(), re.MULTILINE)
        os.kill(int(pid), signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            _hear(follower, "ended")
        presenter.send(json.dumps({"do": "move", "epoch": opened["epoch"], "state": SETTING | {"t": 5}}))
        while _hear(presenter, "state")["state"]["t"] != 5:
            pass  # who presents hears it too, once it is there
        moved = None
        end = time.monotonic() + _LIMIT
        while moved is None and time.monotonic() < end:
            try:
                moved = _connect(stack, port, 2, do="follow", room=opened["room"])
            except (InvalidStatus, OSError):
                time.sleep(0.2)
        assert moved and _hear(moved, "state")["state"]["t"] == 5, "the newest, at once"
        presenter.send(json.dumps({"do": "move", "epoch": opened["epoch"], "state": SETTING | {"t": 6}}))
        assert _hear(moved, "state")["state"]["t"] == 6
