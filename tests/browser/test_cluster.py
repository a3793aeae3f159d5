"""Replicas behind nginx, as `make cluster` starts them: what their viewers see when one dies, and when all are started anew.

A room's presenter is served by one replica, and who follows by another.
"""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import lstmviz as lv
from lstmviz.formats.save import save_bytes
from tests import servers
from tests.web.test_rooms_redis import Redis

REPLICAS = 2
_LIMIT = 60_000  # milliseconds

pytestmark = pytest.mark.skipif(
    shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None,
    reason="there is no nginx here",
)


@dataclass(frozen=True)
class Cluster:
    """What `tools/cluster.py` has started."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def pids(self) -> dict[str, int]:
        """The process of each replica, by its number."""
        lines = re.findall(
            r"^replica (\d+): pid (\d+), port \d+$", self.log.read_text(errors="replace"), re.MULTILINE
        )
        return {number: int(pid) for number, pid in lines}

    def is_ready(self) -> bool:
        """Whether every replica runs cells."""
        ports = [self.port + 100 + n for n in range(REPLICAS)]
        return all(_get(port, "/lstmviz/ready") == (200, b"ready") for port in ports)


def _get(port: int, path: str) -> tuple[int, bytes] | None:
    try:
        return servers.Served(port, None, None).get(path)  # type: ignore[arg-type]  # only its port is asked for
    except OSError:
        return None


def _find_free_ports() -> int:
    while True:
        port = servers.find_free_port()
        if port + 100 + REPLICAS <= 65_535 and all(
            _get(port + 100 + n, "/") is None for n in range(REPLICAS)
        ):
            return port


def _until(condition, limit: float = 120.0) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


HAS_REDIS = shutil.which("redis-server") is not None


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    """Replicas; where there is a Redis here, all of them have its rooms."""
    folder = tmp_path_factory.mktemp("cluster")
    port, log = _find_free_ports(), folder / "log"
    redis = Redis(servers.find_free_port(), folder)
    if HAS_REDIS:
        redis.start()
    settings = {"LSTMVIZ_ROOMS": redis.address} if HAS_REDIS else {}
    command = [sys.executable, "tools/cluster.py", f"--replicas={REPLICAS}", f"--port={port}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=servers.ROOT,
            env=servers.environment(**settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    found = Cluster(process, port, log)
    try:
        _until(lambda: process.poll() is not None or found.is_ready())
        assert process.poll() is None, log.read_text()
        yield found
        process.terminate()
        assert process.wait(40) == 0, log.read_text()
        assert not any(Path(f"/proc/{pid}").exists() for pid in found.pids.values()), "all end with it"
    finally:
        process.kill()
        process.wait()
        redis.end()


def _open(browser: Browser, cluster: Cluster, path: str) -> Page:
    page = browser.new_context().new_page()
    page.goto(f"http://127.0.0.1:{cluster.port}/{path}")
    expect(page.locator(".st-key-kernel .gtitle")).to_contain_text("[12, 32]", timeout=_LIMIT)
    expect(page.locator(".st-key-cell")).to_be_visible(timeout=_LIMIT)
    return page


def _replica(page: Page) -> str:
    (value,) = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "lstmviz_replica"]
    return str(value)


def _move(page: Page, units: int) -> None:
    page.locator(".st-key-num_units input[type=range]").press("ArrowRight")
    expect(page).to_have_url(re.compile(rf"num_units={units}\b"), timeout=_LIMIT)
    expect(page.locator(".st-key-kernel .gtitle")).to_contain_text(
        f"[{units + 4}, {4 * units}]", timeout=_LIMIT
    )


def test_who_was_served_by_a_replica_that_died_goes_on_with_another(browser, cluster):
    page = _open(browser, cluster, "document?seed=4")
    page.locator(".st-key-own_model summary").click()
    cell = lv.build("BasicLSTMCell", num_units=5, input_size=4)
    file = {
        "name": "a.safetensors",
        "mimeType": "application/octet-stream",
        "buffer": save_bytes(cell, ".safetensors"),
    }
    page.locator(".st-key-model_file input[type=file]").set_input_files(file)
    expect(page.locator(".st-key-kernel .gtitle")).to_contain_text("[9, 20]", timeout=_LIMIT)
    page.wait_for_timeout(1000)  # what was picked has been told
    replica = _replica(page)
    os.kill(cluster.pids[replica], signal.SIGKILL)
    expect(page.get_by_text("The model file is not here any more")).to_be_visible(timeout=_LIMIT)
    assert _replica(page) != replica and "seed=4" in page.url
    _until(lambda: "ended with -9" in cluster.log.read_text() and cluster.is_ready())
    page.context.close()


def test_nobody_sees_an_error_while_all_replicas_are_started_anew(browser, cluster):
    page = _open(browser, cluster, "?seed=3")
    before, units = cluster.pids, 8
    cluster.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 180
    while any(cluster.pids[number] == pid for number, pid in before.items()) or not cluster.is_ready():
        assert time.monotonic() < end, cluster.log.read_text()
        units += 1
        _move(page, units)
        assert page.get_by_test_id("stAlert").count() == 0 and page.locator(".lv-notice").is_hidden()
        page.wait_for_timeout(
            250
        )  # as a person moves it; without a pause the moves cost more than the replicas
    assert "seed=3" in page.url
    page.context.close()


# --- Rooms

SETTING = {"path": "explore", "query": "num_units=9", "t": 3, "unit": None, "gate": "", "step": "", "play": 0}


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


@pytest.mark.skipif(not HAS_REDIS, reason="there is no redis-server here; Debian's package is redis-server")
def test_a_follower_of_a_replica_that_dies_follows_on_another(cluster: Cluster):
    port = cluster.port
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
        os.kill(cluster.pids["2"], signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            _hear(follower, "ended")
        presenter.send(json.dumps({"do": "move", "epoch": opened["epoch"], "state": SETTING | {"t": 5}}))
        while _hear(presenter, "state")["state"]["t"] != 5:
            pass  # who presents hears it too, once it is there
        moved = None
        end = time.monotonic() + _LIMIT / 1000
        while moved is None and time.monotonic() < end:
            try:
                moved = _connect(stack, port, 2, do="follow", room=opened["room"])
            except (InvalidStatus, OSError):
                time.sleep(0.2)
        assert moved and _hear(moved, "state")["state"]["t"] == 5, "the newest, at once"
        presenter.send(json.dumps({"do": "move", "epoch": opened["epoch"], "state": SETTING | {"t": 6}}))
        assert _hear(moved, "state")["state"]["t"] == 6
