"""Several servers of the page behind nginx, as plain processes: `python tools/cluster.py --replicas 3 --port 8501`.

nginx is configured by the script that a host with containers uses too, `deploy/nginx/configure.sh`. A replica that ends is
started again. SIGHUP starts all of them anew, one after the other, each once the one before is ready; Ctrl-C or SIGTERM ends all.
"""

from __future__ import annotations

import argparse
import getpass
import http.client
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
FIRST = 100
"""The first replica's port is that far above nginx's."""
_READY = "/lstmviz/ready"
_READY_LIMIT = 120.0  # seconds
_END_LIMIT = 20.0  # seconds; a replica gives its runs ten
_LOOK = 0.1  # seconds
_AGAIN = 5.0  # seconds until one that ended is started again: its viewers, who move over, need the processors first


@dataclass
class Replica:
    """A server of the page, started again where it ends."""

    number: int
    port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes] = field(init=False)
    ended: float | None = field(init=False, default=None)

    def start(self) -> None:
        """Starts it, and says so."""
        command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={self.port}"]
        command += ["--server.address=127.0.0.1", "--logger.hideWelcomeMessage=true"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL)
        self.ended = None
        _say(f"replica {self.number}: pid {self.process.pid}, port {self.port}")

    def is_ready(self) -> bool:
        """Whether it runs cells."""
        base = self.environment.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", (f"/{base}" if base else "") + _READY)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


class Ended(Exception):
    """Somebody has asked for the end."""


class Cluster:
    """Replicas and the nginx before them.

    Args:
        replicas: How many.
        port: nginx's port; the replicas' are `FIRST` and more above it.
        folder: Where nginx keeps its files.
    """

    def __init__(self, replicas: int, port: int, folder: Path) -> None:
        # The same secret on all, or a cookie of one would be none of another's.
        environment = {"STREAMLIT_SERVER_COOKIE_SECRET": secrets.token_hex(32), **os.environ}
        self.replicas = [Replica(n + 1, port + FIRST + n, environment) for n in range(replicas)]
        self.port = port
        self._folder = folder
        self._anew = False

    def run(self) -> None:
        """Until somebody asks for the end."""
        with _heard(self):
            nginx = self._start_nginx()
            try:
                for replica in self.replicas:
                    replica.start()
                _say(f"nginx: pid {nginx.pid}, http://localhost:{self.port}")
                while True:
                    self._look_after(nginx)
                    time.sleep(_LOOK)
            except Ended:
                pass
            finally:
                self._end(nginx)

    def roll(self) -> None:
        """Asks for new processes, one after the other."""
        self._anew = True

    def _look_after(self, nginx: subprocess.Popen[bytes]) -> None:
        if nginx.poll() is not None:
            raise SystemExit(f"nginx ended with {nginx.returncode}.")
        self._revive()
        if self._anew:
            self._anew = False
            for replica in self.replicas:
                replica.process.terminate()
                self._await_end(replica)
                replica.start()
                self._await_ready(replica)

    def _revive(self) -> None:
        for replica in self.replicas:
            if replica.process.poll() is None:
                continue
            if replica.ended is None:
                replica.ended = time.monotonic()
                _say(f"replica {replica.number}: ended with {replica.process.returncode}")
            elif time.monotonic() - replica.ended > _AGAIN:
                replica.start()

    def _await_ready(self, replica: Replica) -> None:
        limit = time.monotonic() + _READY_LIMIT
        while not replica.is_ready() and time.monotonic() < limit:
            self._revive()
            time.sleep(_LOOK)

    @staticmethod
    def _await_end(replica: Replica) -> None:
        try:
            replica.process.wait(_END_LIMIT)
        except subprocess.TimeoutExpired:
            replica.process.kill()
            replica.process.wait()

    def _start_nginx(self) -> subprocess.Popen[bytes]:
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise SystemExit("There is no nginx here; install Debian's package nginx-light, then try again.")
        site = self._folder / "lstmviz.conf"
        addresses = " ".join(f"127.0.0.1:{replica.port}" for replica in self.replicas)
        told = {"LSTMVIZ_REPLICAS": addresses, "LSTMVIZ_LISTEN": str(self.port), "LSTMVIZ_CONF": str(site)}
        subprocess.run([ROOT / "deploy" / "nginx" / "configure.sh"], env={**os.environ, **told}, check=True)
        main = self._folder / "nginx.conf"
        main.write_text(_nginx(self._folder, site))
        return subprocess.Popen([program, "-c", str(main), "-p", str(self._folder)], stdin=subprocess.DEVNULL)

    def _end(self, nginx: subprocess.Popen[bytes]) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        started = [replica for replica in self.replicas if hasattr(replica, "process")]
        nginx.terminate()  # first, so that nobody comes to one that is ending
        for replica in started:
            replica.process.terminate()
        for replica in started:
            self._await_end(replica)
        nginx.wait()


def _nginx(folder: Path, site: Path) -> str:
    # nginx ignores a user where it is not started by root.
    user = f"user {getpass.getuser()};\n" if os.geteuid() == 0 else ""
    kept = "".join(
        f"    {what}_temp_path {folder}/{what};\n"
        for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log stderr error;\nworker_processes auto;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{\n    access_log off;\n{kept}    include {site};\n}}\n"
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def _heard(cluster: Cluster) -> Iterator[None]:
    """While signals mean what the module says."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise Ended

    was = {
        signal.SIGINT: signal.signal(signal.SIGINT, end),
        signal.SIGTERM: signal.signal(signal.SIGTERM, end),
        signal.SIGHUP: signal.signal(signal.SIGHUP, lambda _number, _frame: cluster.roll()),
    }
    try:
        yield
    finally:
        for number, handler in was.items():
            signal.signal(number, handler)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Servers of the page behind nginx, as plain processes.")
    parser.add_argument("--replicas", type=int, default=3, help="how many, 1 to 32 (3)")
    parser.add_argument("--port", type=int, default=8501, help="nginx's port (8501)")
    given = parser.parse_args()
    if not 1 <= given.replicas <= 32:
        parser.error(f"--replicas is {given.replicas}; it must be from 1 to 32")
    if not 1 <= given.port <= 65535 - FIRST - given.replicas:
        parser.error(f"--port is {given.port}; it must be from 1 to {65535 - FIRST - given.replicas}")
    with tempfile.TemporaryDirectory(prefix="lstmviz-") as folder:
        Cluster(given.replicas, given.port, Path(folder)).run()


if __name__ == "__main__":
    main()
