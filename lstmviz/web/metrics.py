"""What a host reads of a server, as Prometheus asks for it; beside it stands Streamlit's own `/_stcore/metrics`, with the sessions.

Numbers of the server alone: nothing of a viewer, and nothing that anybody picked, is counted by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

MEDIA = CONTENT_TYPE_LATEST
_REGISTRY = CollectorRegistry()
ProcessCollector(registry=_REGISTRY)

_RUNS = Histogram(
    "lstmviz_run_seconds",
    "How long a run of a cell took, by engine",
    ["engine"],
    registry=_REGISTRY,
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
)
_FAILED = Counter(
    "lstmviz_runs_failed", "Runs that ended in an error, by engine", ["engine"], registry=_REGISTRY
)
_MOVES = Counter("lstmviz_room_moves", "What presenters have shown their rooms", registry=_REGISTRY)
_GAUGES: dict[str, Gauge] = {}


@contextmanager
def timed_run(engine: str) -> Iterator[None]:
    """Counts a run and its time."""
    try:
        with _RUNS.labels(engine).time():
            yield
    except Exception:
        _FAILED.labels(engine).inc()
        raise


def count_move() -> None:
    """Counts what a presenter has shown a room."""
    _MOVES.inc()


def watch(name: str, meaning: str, read: Callable[[], float], **labels: str) -> None:
    """Has a number read whenever somebody asks.

    Args:
        name: Without what all have in front.
        meaning: A sentence.
        read: Gives the number.
        labels: Which of several of that name it is.
    """
    gauge = _GAUGES.get(name)
    if gauge is None:
        gauge = _GAUGES[name] = Gauge(f"lstmviz_{name}", meaning, [*labels], registry=_REGISTRY)
    (gauge.labels(**labels) if labels else gauge).set_function(read)


def text() -> bytes:
    """All of it, in the OpenMetrics format."""
    return bytes(generate_latest(_REGISTRY))  # type: ignore[no-untyped-call]
