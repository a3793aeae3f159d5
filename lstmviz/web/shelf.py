"""What was computed once and is kept for every viewer, within bounds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any


@dataclass
class _Place:
    lock: Lock = field(default_factory=Lock)
    waiting: int = 0


class Shelf:
    """A cache bounded in entries and bytes, which drops what was not used for longest.

    Streamlit's own caches replay the elements that a cached function draws and count entries alone; a run here draws a
    progress bar, and its pictures differ in size by a thousand times.
    """

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._places: dict[Hashable, _Place] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """What is kept under `key`, else what `make` returns; viewers who ask at once wait for one of them to make it.

        What raises in `make` goes to its caller, and nothing is kept.
        """
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            place = self._places.setdefault(key, _Place())
            place.waiting += 1
        try:
            with place.lock:
                with self._lock:
                    if key in self._kept:
                        return self._kept[key][0]
                value = make()
                self._keep(key, value, size(value))
                return value
        finally:
            with self._lock:
                place.waiting -= 1
                if not place.waiting:
                    self._places.pop(key, None)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """The bytes of everything kept."""
        return self._bytes

    def _keep(self, key: Hashable, value: Any, size: int) -> None:
        if size > self._max_bytes:
            return
        with self._lock:
            self._kept[key] = (value, size)
            self._bytes += size
            while len(self._kept) > self._max_entries or self._bytes > self._max_bytes:
                _oldest, (_value, freed) = self._kept.popitem(last=False)
                self._bytes -= freed
