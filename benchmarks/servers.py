"""Starts the servers that the benchmarks measure: the page as `make run` starts it, and the floor."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_LIMIT = 60.0  # seconds
QUIET = ("--server.headless=true", "--server.showEmailPrompt=false", "--logger.hideWelcomeMessage=true")


@dataclass(frozen=True)
class App:
    """A Streamlit app and what its figures' titles say at `n` units, by the figure's key.

    `path` is what of the app is measured.
    """

    name: str
    script: Path
    folder: Path | None
    titles: dict[str, str]
    path: str = ""

    def wanted(self, n: int) -> list[dict[str, str]]:
        """What to look for in the page at `n` units."""
        return [
            {"selector": f".st-key-{key} .gtitle", "text": text.format(n=n, columns=4 * n)}
            for key, text in self.titles.items()
        ]


_TITLES = {"kernel": ", {columns}]", "gates": "× {n} units"}
PAGE = App("page", ROOT / "app.py", ROOT, _TITLES)
DOCUMENT = App("document", ROOT / "app.py", ROOT, _TITLES, path="/document")
# In a folder of its own: the project's settings are not the floor's.
FLOOR = App("floor", ROOT / "benchmarks" / "floor_app.py", None, {"kernel": ", {columns}]"})


@dataclass(frozen=True)
class Server:
    """A running server; `started` is in seconds since the epoch, as a browser's clock counts too."""

    app: App
    port: int
    pid: int
    started: float

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}{self.app.path}"

    def resident(self) -> int:
        """The bytes of memory that the process holds now; Linux alone tells."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise ValueError(f"process {self.pid} has no VmRSS; is it still running?")

    def cpu_seconds(self) -> float:
        """The processor time that the process has used so far."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1].split()[11:13]
        return (int(user) + int(system)) / 100  # USER_HZ, 100 on every Linux

    def metrics(self, path: str = "/_stcore/metrics") -> dict[str, float]:
        """Figures about the server: Streamlit's own, or the page's under `/lstmviz/metrics`."""
        with urllib.request.urlopen(f"http://localhost:{self.port}{path}", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}


@contextmanager
def serve(app: App) -> Iterator[Server]:
    """Starts an app on a free port, waits until the port answers, and stops it in the end."""
    with tempfile.TemporaryDirectory() as empty:
        port = find_free_port()
        command = [sys.executable, "-m", "streamlit", "run", str(app.script), f"--server.port={port}", *QUIET]
        with (Path(empty) / "log").open("w+") as log:
            started = time.time()
            process = subprocess.Popen(command, cwd=app.folder or empty, stdout=log, stderr=subprocess.STDOUT)
            try:
                _wait_for_port(port, process, log.name)
                yield Server(app, port, process.pid, started)
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return int(listener.getsockname()[1])


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: str) -> None:
    limit = time.time() + START_LIMIT
    while time.time() < limit and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise RuntimeError(f"the server did not open port {port}:\n{Path(log).read_text()}")
