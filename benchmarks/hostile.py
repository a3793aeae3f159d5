"""What small files can cost that ask for far more than they are: `python -m benchmarks.hostile [--json]`.

- each attack of `tests/formats/attacks.py`, loaded in a fresh process: its seconds, and what the process that asked and
  the one that read had beyond the file's own size
- the page's health, asked for while the server's own process loads the slowest and the largest of them

The floor is a small file that is what it says, loaded in the same way.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.servers import ROOT, find_free_port
from benchmarks.table import Line, parse_arguments, report
from tests.formats import attacks

SECONDS, MEMORY, HEALTH = 2.0, 300.0, 0.3
WORST = 8  # that are loaded in the server
# Loads a file in a fresh process and tells what it took. `ru_maxrss` of a child counts what its parent had as it was
# started, so the file is given by its path.
LOAD = """
import json, resource, sys, time
import lstmviz as lv
lv.load
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
try:
    said = f"{len(lv.load(sys.argv[1]))} layers"
except ValueError as error:
    said = str(error)
seconds = time.perf_counter() - start
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
child = resource.getrusage(resource.RUSAGE_CHILDREN)
told = {"seconds": seconds, "processor": child.ru_utime + child.ru_stime, "own": own / 1024, "child": child.ru_maxrss / 1024}
print(json.dumps({**told, "said": said}))
"""
# The page's server, and in its process a thread that loads files as uploads are loaded.
SERVE = """
import json, pathlib, sys, threading, time, uvicorn
import lstmviz as lv
from app import app
files = json.loads(sys.argv[2])
def load():
    time.sleep(8)  # TensorFlow is warmed up meanwhile
    print("loading", flush=True)
    for path in files:
        try:
            lv.load(pathlib.Path(path).read_bytes(), name=pathlib.Path(path).name)
        except ValueError:
            pass
    print("loaded", flush=True)
threading.Thread(target=load, daemon=True).start()
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""


@dataclass(frozen=True)
class Cost:
    """What a file took: seconds of the clock and of the reader's processor, megabytes of both processes, what was said."""

    seconds: float
    processor: float
    own: float
    child: float
    said: str


def measure(path: Path, floor: float) -> Cost:
    """What one file takes; `floor` megabytes are what the process that reads has before it reads."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    told, size = json.loads(done.stdout), path.stat().st_size / 2**20
    return Cost(
        told["seconds"],
        told["processor"],
        max(0, told["own"] - size),
        max(0, told["child"] - floor - size),
        told["said"],
    )


def make_small(folder: Path) -> Path:
    """A file of bare arrays that is what it says."""
    path = folder / "small.npz"
    np.savez(
        path, kernel=np.zeros((2, 8), "f4"), recurrent_kernel=np.zeros((2, 8), "f4"), bias=np.zeros(8, "f4")
    )
    return path


def ask_while_loading(paths: list[Path]) -> list[float]:
    """Seconds until each answer of a server that loads these files."""
    port, times = find_free_port(), []
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port), json.dumps([str(path) for path in paths])],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as server:  # fmt: skip
        said: list[str] = []
        listener = threading.Thread(target=lambda: said.extend(map(str.strip, server.stdout or ())))
        listener.start()
        try:
            while "loaded" not in said and server.poll() is None:
                if "loading" in said:
                    times.append(_ask(port))
                time.sleep(0.02)
        finally:
            server.kill()
    if "loaded" not in said:
        raise RuntimeError("the server did not outlive the files")
    return times


def _ask(port: int) -> float:
    start = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=60) as answer:
        answer.read()
    return time.perf_counter() - start


def measure_all(folder: Path, wanted: str) -> tuple[dict[str, Cost], list[Path], Cost]:
    """What each attack takes, the worst of them, and what a file takes that is what it says."""
    small = make_small(folder)
    measure(small, 0)  # from here on everything is in the system's cache
    floor = measure(small, 0)
    costs, places = {}, {}
    for name in attacks.ATTACKS:
        if wanted in name:
            places[name] = attacks.lay_out(folder, name)
            costs[name] = measure(places[name], floor.child)
            print(f"{name}: {costs[name].said[:140]}", file=sys.stderr, flush=True)
    by_time = sorted(costs, key=lambda name: costs[name].seconds)[-WORST // 2 :]
    by_size = sorted(costs, key=lambda name: places[name].stat().st_size)[-WORST // 2 :]
    return costs, [places[name] for name in dict.fromkeys([*by_time, *by_size])], floor


def main() -> None:
    arguments = parse_arguments(
        __doc__,
        lambda parser: parser.add_argument("--only", default="", help="attacks with this in their name"),
    )
    with tempfile.TemporaryDirectory() as folder:
        costs, worst, floor = measure_all(Path(folder), arguments.only)
        health = ask_while_loading(worst)
    lines = [Line("a small file that is what it says", "s", floor.seconds)]
    for name, cost in costs.items():
        lines += [
            Line(name, "s", cost.seconds, floor.seconds, SECONDS),
            Line("   of a processor, of the process that read it", "s", cost.processor, floor.processor),
            Line("   memory of the process that read it", "MB", cost.child, None, MEMORY),
            Line("   memory of the process that asked", "MB", cost.own, None, MEMORY),
        ]
    lines.append(
        Line(
            f"health while {len(worst)} of them are loaded, worst of {len(health)}",
            "s",
            max(health),
            None,
            HEALTH,
        )
    )
    lines.append(Line("   95th percentile", "s", float(np.percentile(health, 95)), None, HEALTH))
    report(lines, arguments.json)


if __name__ == "__main__":
    main()
