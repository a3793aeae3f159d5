"""Where rooms are kept: in one server's memory, or, for several, elsewhere (`redis_store`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from lstmviz.web.rooms import record as records
from lstmviz.web.rooms.record import Record, Refused, Rule

Hear = Callable[[str, Record | None], None]
"""Called with a room's name and what it has become; None where it has ended."""


class Unreachable(Exception):
    """The store does not answer."""


@runtime_checkable
class Store(Protocol):
    """Keeps rooms, changes them one change after the other, and tells of each change, wherever it was made."""

    is_shared: bool
    """Whether other servers know its rooms."""

    async def add(self, record: Record) -> None:
        """Keeps a new one; raises `Refused` where there are as many as may be."""

    async def read(self, name: str) -> Record | None:
        """A room that has not ended."""

    async def change(self, name: str, rule: Rule) -> Record:
        """What a rule makes of a room; raises `Refused`."""

    async def end(self, name: str) -> None:
        """Forgets a room."""

    async def count(self) -> int:
        """How many there are."""

    async def tally(self, name: str, followers: int) -> int:
        """Says how many follow a room here, and gives how many do elsewhere."""

    async def run(self) -> None:
        """Listens for what others change, until it is cancelled."""


class Memory:
    """Rooms of one server, gone with it.

    Args:
        hear: Called after each change.
        most: How many there may be.
        idle: Seconds after which a room ends whose presenter is gone.
        life: Seconds after which any ends.
        clock: Seconds since 1970.
    """

    is_shared = False

    def __init__(
        self, hear: Hear, most: int, idle: float, life: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._hear, self._most, self._idle, self._life, self._clock = hear, most, idle, life, clock
        self._kept: dict[str, Record] = {}

    async def add(self, record: Record) -> None:  # noqa: D102
        self._sweep()
        if len(self._kept) >= self._most:
            raise Refused("full")
        self._kept[record.name] = record

    async def read(self, name: str) -> Record | None:  # noqa: D102
        self._sweep()
        return self._kept.get(name)

    async def change(self, name: str, rule: Rule) -> Record:  # noqa: D102
        found = await self.read(name)
        if found is None:
            raise Refused("gone")
        self._kept[name] = found = rule(found)
        self._hear(name, found)
        return found

    async def end(self, name: str) -> None:  # noqa: D102
        if self._kept.pop(name, None):
            self._hear(name, None)

    async def count(self) -> int:  # noqa: D102
        self._sweep()
        return len(self._kept)

    async def tally(self, name: str, followers: int) -> int:  # noqa: D102
        return 0

    async def run(self) -> None:  # noqa: D102
        return

    def _sweep(self) -> None:
        now = self._clock()
        over = [
            name for name, each in self._kept.items() if records.ends(each, self._idle, self._life) <= now
        ]
        for name in over:
            del self._kept[name]
            self._hear(name, None)
