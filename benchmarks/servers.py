"""Starts the servers that the benchmarks measure: the page as `make run` or `make cluster` starts it, and the floor."""

from __future__ import annotations

import re
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
WARM_LIMIT = 180.0  # seconds until all of several servers must be ready
FIRST = 100  # the first replica's port is that far above nginx's, as in `tools/cluster.py`
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
    """A running server; `started` is in seconds since the epoch, as a browser's clock counts too.

    Behind a proxy it is several: what `behind` has, each of which answers on a port of its own.
    """

    app: App
    port: int
    pid: int
    started: float
    behind: tuple[Server, ...] = ()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}{self.app.path}"

    def resident(self) -> int:
        """The bytes of memory that it holds now; Linux alone tells."""
        if self.behind:
            return sum(each.resident() for each in self.behind)
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise ValueError(f"process {self.pid} has no VmRSS; is it still running?")

    def cpu_seconds(self) -> float:
        """The processor time that the process has used so far; where there is a proxy, it and all that is behind it."""
        return sum(map(_used, _family(self.pid) if self.behind else [self.pid]))

    def kept(self) -> float:
        """The bytes that the page keeps for all."""
        if self.behind:
            return sum(each.kept() for each in self.behind)
        told = self.metrics("/lstmviz/metrics")
        return sum(value for name, value in told.items() if name.startswith("lstmviz_kept_bytes"))

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


def _used(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[11:13]
    return (int(user) + int(system)) / 100  # USER_HZ, 100 on every Linux


def _family(pid: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))


@dataclass
class Cluster:
    """What `tools/cluster.py` has started."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    replicas: int

    @property
    def pids(self) -> dict[str, int]:
        """The process of each replica, by its number."""
        lines = re.findall(r"^replica (\d+): pid (\d+), port \d+$", self.log.read_text(), re.MULTILINE)
        return {number: int(pid) for number, pid in lines}

    def is_ready(self) -> bool:
        return all(_is_ready(self.port + FIRST + n) for n in range(self.replicas))

    def server(self) -> Server:
        now = time.time()
        behind = (Server(PAGE, self.port + FIRST + int(n) - 1, pid, now) for n, pid in self.pids.items())
        return Server(PAGE, self.port, self.process.pid, now, tuple(behind))


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/lstmviz/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def serve_cluster(replicas: int) -> Iterator[Cluster]:
    """The page on several servers behind nginx, ready."""
    with tempfile.TemporaryDirectory() as folder:
        log, port = Path(folder) / "log", find_free_port()
        command = [sys.executable, str(ROOT / "tools" / "cluster.py")]
        command += [f"--replicas={replicas}", f"--port={port}"]
        with log.open("w") as output:
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        cluster = Cluster(process, port, log, replicas)
        try:
            end = time.monotonic() + WARM_LIMIT
            while not cluster.is_ready():
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"the servers did not start:\n{log.read_text()}")
                time.sleep(0.2)
            yield cluster
        finally:
            process.terminate()
            process.wait()
