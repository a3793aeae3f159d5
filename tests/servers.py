"""Servers as `streamlit run app.py` starts them, in an environment of choice."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_LIMIT = 120.0  # seconds


@dataclass(frozen=True)
class Served:
    """A running server and what it has written so far."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, timeout: float = 60.0, **headers: str) -> tuple[int, bytes]:
        """The status and the body of a path."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def wait_for(self, path: str, expected: tuple[int, bytes]) -> None:
        """Waits until a path gives that."""
        limit = time.monotonic() + START_LIMIT
        answer: tuple[int, bytes] | None = None
        while answer != expected:
            said = self.log.read_text(errors="replace")
            assert self.process.poll() is None, said
            assert time.monotonic() < limit, (answer, said)
            time.sleep(0.1)
            try:
                answer = self.get(path)
            except OSError:
                answer = None


def command(port: int) -> list[str]:
    """What starts a server."""
    return [
        *(sys.executable, "-m", "streamlit", "run", "app.py"),
        *(f"--server.port={port}", "--server.address=127.0.0.1"),
    ]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, in which the checkout's own lstmviz is found, with changes."""
    paths = [path for path in (changes.pop("PYTHONPATH", ""), str(ROOT)) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **changes}


def find_free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serve(log: Path, port: int | None = None, **changes: str) -> Iterator[Served]:
    """A server that answers; it ends with the block."""
    port = find_free_port() if port is None else port
    base = changes.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
    with log.open("ab") as output:
        process = subprocess.Popen(
            command(port), cwd=ROOT, env=environment(**changes), stdout=output, stderr=subprocess.STDOUT
        )
    served = Served(port, process, log)
    try:
        served.wait_for(f"/{base}/_stcore/health".replace("//", "/"), (200, b"ok"))
        yield served
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
