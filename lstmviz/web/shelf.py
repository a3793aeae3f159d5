"""What was computed once and is kept for every viewer, within bounds."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any


@dataclass
class _Kept:
    value: Any
    size: int
    used: float


@dataclass
class _Place:
    lock: Lock = field(default_factory=Lock)
    waiting: int = 0


class Shelf:
    """A cache bounded in entries and bytes, which drops what was not used for longest, and what was not used for `seconds`.

    Streamlit's own caches replay the elements that a cached function draws and count entries alone; a run here draws a
    progress bar, and its pictures differ in size by a thousand times.
    """

    def __init__(self, max_entries: int, max_bytes: int, seconds: float = math.inf) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._bytes = 0
        self._places: dict[Hashable, _Place] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """What is kept under `key`, else what `make` returns; viewers who ask at once wait for one of them to make it.

        What raises in `make` goes to its caller, and nothing is kept.
        """
        with self._lock:
            if key in self._kept:
                return self._use(key)
            place = self._places.setdefault(key, _Place())
            place.waiting += 1
        try:
            with place.lock:
                with self._lock:
                    if key in self._kept:
                        return self._use(key)
                value = make()
                self._keep(key, value, size(value))
                return value
        finally:
            with self._lock:
                place.waiting -= 1
                if not place.waiting:
                    self._places.pop(key, None)

    def find(self, key: Hashable) -> Any:
        """What is kept under `key`; None where nothing is."""
        with self._lock:
            return self._use(key) if key in self._kept else None

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """The bytes of everything kept."""
        return self._bytes

    def sweep(self) -> None:
        """Drops what was not used for so long that it need not be kept; whoever owns the shelf calls it now and then."""
        oldest = time.monotonic() - self._seconds
        with self._lock:
            for key in [key for key, kept in self._kept.items() if kept.used < oldest]:
                self._bytes -= self._kept.pop(key).size

    def _use(self, key: Hashable) -> Any:
        self._kept.move_to_end(key)
        self._kept[key].used = time.monotonic()
        return self._kept[key].value

    def _keep(self, key: Hashable, value: Any, size: int) -> None:
        if size > self._max_bytes:
            return
        with self._lock:
            self._kept[key] = _Kept(value, size, time.monotonic())
            self._bytes += size
            while len(self._kept) > self._max_entries or self._bytes > self._max_bytes:
                _key, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.size
