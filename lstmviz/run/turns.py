"""What a GPU has once and many ask for: its time, in the order in which it was asked for, and its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

_LOOK = 0.2  # seconds between two words to who waits


class OutOfMemory(ValueError):
    """A device has no memory left for a run; what is smaller may run there all the same."""


class Turns:
    """Lines of those who want a device, one line for each device."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._lines: dict[str, list[object]] = {}

    @contextmanager
    def take(self, place: str, tell: Callable[[int], None] | None = None) -> Iterator[None]:
        """Waits until it is one's turn on a device, which the block then is.

        Args:
            place: The device.
            tell: Called with how many are before one, several times a second. An exception from it leaves the line.
        """
        ticket = object()
        with self._changed:
            line = self._lines.setdefault(place, [])
            line.append(ticket)
        try:
            while ahead := self._count_ahead(line, ticket):
                if tell:
                    tell(ahead)
            yield
        finally:
            with self._changed:
                line.remove(ticket)
                self._changed.notify_all()

    def _count_ahead(self, line: list[object], ticket: object) -> int:
        """How many are before one, a moment later where there are any."""
        with self._changed:
            if line.index(ticket):
                self._changed.wait(_LOOK)
            return line.index(ticket)

    @property
    def waiting(self) -> int:
        """How many wait, at all devices."""
        with self._changed:
            return sum(len(line) - 1 for line in self._lines.values() if line)


TURNS = Turns()
"""Those of this process."""
