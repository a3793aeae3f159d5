"""What strangers' addresses cost everybody else: `python -m benchmarks.addresses [--json]`.

A real server. Twelve sockets ask, again and again, for the dearest picture that an address can have, each with a seed of its
own so that nothing is kept, and hang up. Meanwhile another viewer asks for small pictures that nobody has asked for before, and
somebody for the server's health. Beside each stands the same on the idle server, in the same run. Last, what the dearest
picture costs when somebody waits for it: seconds of processor, and the memory at its height.
"""

from __future__ import annotations

import http.client
import itertools
import socket
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME

from benchmarks.servers import PAGE, Server, serve
from benchmarks.table import Line, parse_arguments, report
from lstmviz.cells import INITIAL_WEIGHTS, KINDS
from lstmviz.web import view as views
from lstmviz.web.cost import estimate
from lstmviz.web.server import assets_path

SOCKETS = 12
ROUNDS = 15
PAUSE = 0.2  # seconds between two of the other viewer's pictures
_HEIGHT = 0.02  # seconds between two looks at the memory
_seeds = itertools.count(1)


def dearest() -> dict[str, str]:
    """The address of those that a server draws as they are whose weights take longest to be made, by the estimate."""
    units, inputs = (300, 700, 1400, 2300, 3000, 3900), (64, 1000, 2000, 3000, 4096)
    queries = [
        {
            "cell": cell,
            "num_units": str(num_units),
            "input_size": str(input_size),
            "sequence": "sine",
            "time_steps": "5",
            "initial_weights": initial,
            "dtype": dtype,
            "linear": linear,
        }
        for cell, num_units, input_size in itertools.product(KINDS, units, inputs)
        for initial, dtype, linear in itertools.product(INITIAL_WEIGHTS, views.DTYPES, ("false", "true"))
    ]
    drawn = [query for query in queries if not views.parse(query)[1]]
    return max(drawn, key=lambda query: estimate(replace(views.parse(query)[0]), 5).build)


def picture(query: dict[str, str]) -> str:
    """The path of a kernel's picture that nobody has asked for yet."""
    return f"/{assets_path()}/pictures/kernel?{urlencode(query | {'seed': str(next(_seeds))})}"


def seconds(server: Server, path: str, expected: int = 200) -> float:
    """How long a path takes."""
    connection = http.client.HTTPConnection("localhost", server.port, timeout=120)
    started = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": f"{XSRF_COOKIE_NAME}=another"})  # a browser has one
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != expected:
        raise RuntimeError(f"{path} gave {answer.status}")
    return time.perf_counter() - started


def times(server: Server) -> tuple[list[float], list[float]]:
    """A viewer's small pictures, and the server's health, in turns."""
    small, health = [], []
    for _round in range(ROUNDS):
        small.append(seconds(server, picture({"num_units": "12", "sequence": "sine", "time_steps": "30"})))
        health.append(seconds(server, "/_stcore/health"))
        time.sleep(PAUSE)
    return small, health


def beset(server: Server, query: dict[str, str]) -> Callable[[], None]:
    """Has sockets ask and hang up until the function that this returns is called."""
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            with socket.create_connection(("localhost", server.port)) as asking:
                asking.sendall(f"GET {picture(query)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                stop.wait(0.1)

    threads = [threading.Thread(target=ask) for _socket in range(SOCKETS)]
    for thread in threads:
        thread.start()

    def end() -> None:
        stop.set()
        for thread in threads:
            thread.join()

    return end


def height(server: Server, work: Callable[[], object]) -> int:
    """The most memory that the server held while `work` went on."""
    ended = threading.Event()
    most = server.resident()

    def look() -> None:
        nonlocal most
        while not ended.wait(_HEIGHT):
            most = max(most, server.resident())

    looking = threading.Thread(target=look)
    looking.start()
    work()
    ended.set()
    looking.join()
    return most


def measure() -> list[Line]:
    query = dearest()
    with serve(PAGE) as server:
        while True:
            try:
                seconds(server, "/lstmviz/ready")
                break
            except RuntimeError:
                time.sleep(0.2)
        time.sleep(5)  # the other kinds are compiled meanwhile
        times(server)
        idle_small, idle_health = times(server)
        end = beset(server, query)
        try:
            time.sleep(1)
            small, health = times(server)
        finally:
            end()
        time.sleep(15)  # what was begun is done, and memory is given back
        before, busy = server.resident(), server.cpu_seconds()
        started = time.perf_counter()
        most = height(server, lambda: seconds(server, picture(query)))
        took, worked = time.perf_counter() - started, server.cpu_seconds() - busy
    path = picture(query)
    return [
        Line(
            f"a small picture while {SOCKETS} sockets ask and hang up, slowest",
            "s", max(small), max(idle_small), 0.5,
        ),
        Line("the same, median", "s", statistics.median(small), statistics.median(idle_small)),
        Line("the server's health meanwhile, slowest", "s", max(health), max(idle_health), 0.3),
        Line(f"the dearest picture, {len(path.split('?')[1])} bytes of query", "s", took),
        Line("processor for it", "s", worked),
        Line("memory at its height, above rest", "MB", (most - before) / 1e6),
    ]  # fmt: skip


if __name__ == "__main__":
    arguments = parse_arguments(__doc__)
    report(measure(), arguments.json)
