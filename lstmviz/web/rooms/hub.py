"""Who listens to which room on this server, and what they are told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lstmviz.web.rooms import record as records
from lstmviz.web.rooms.record import Record, Refused
from lstmviz.web.rooms.stores import Store, Unreachable

LOOK = 5.0
"""Seconds between two looks at every room that somebody listens to: whether it is still there, and who follows."""
_BEAT = 15.0  # seconds after which one who was told nothing hears that the server is there
_MOST_REPLIES = 32  # that somebody may leave unread


class Listener:
    """One that is connected. Of a room it is told the newest: who is slow misses what came before, and nothing piles up.

    Args:
        presents: Whether it holds the room's token.
    """

    def __init__(self, presents: bool = False) -> None:
        self.presents = presents
        self._newest: Record | None = None
        self._told = (-1, -1)  # the number and the epoch of what it was told last
        self._replies: list[str] = []
        self._people: int | None = None
        self._wake = asyncio.Event()
        self.has_ended = False
        self._is_lost = False

    def knows(self, record: Record) -> None:
        """Takes note of what it was told beside."""
        self._told = (record.number, record.epoch)

    def offer(self, record: Record) -> None:
        """Has it told what a room has become."""
        if self._newest is None or (record.number, record.epoch) >= (
            self._newest.number,
            self._newest.epoch,
        ):
            self._newest = record
            self._wake.set()

    def reply(self, **message: Any) -> None:
        """Has it told something else, each of these in turn."""
        self._replies.append(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
        self.has_ended |= len(self._replies) > _MOST_REPLIES
        self._wake.set()

    def count(self, people: int) -> None:
        """Has a presenter told how many follow."""
        if self.presents:
            self._people = people
            self._wake.set()

    def end(self, why: str) -> None:
        """Has it told that the room is over."""
        self.reply(**{"is": "ended", "why": why})
        self.has_ended = True

    def lose(self, is_lost: bool) -> None:
        """Has it told that what keeps the rooms does not answer, or answers again; once each."""
        if is_lost != self._is_lost:
            self._is_lost = is_lost
            self.reply(**{"is": "lost" if is_lost else "found"})

    async def take(self) -> list[str]:
        """What it is to be told next, in JSON; waits for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_BEAT):
                await self._wake.wait()
        self._wake.clear()
        told, self._replies = self._replies, []
        told += self._take_newest()
        if self._people is not None:
            told.append(json.dumps({"is": "people", "count": self._people}))
            self._people = None
        return told or ['{"is":"beat"}']

    def _take_newest(self) -> list[str]:
        newest, self._newest = self._newest, None
        if newest is None:
            return []
        number, epoch = self._told
        self._told = (max(number, newest.number), max(epoch, newest.epoch))
        told = []
        if self.presents and newest.epoch > epoch:
            told.append(json.dumps({"is": "driver", "epoch": newest.epoch}))
        if newest.state and newest.number > number:
            told.append(f'{{"is":"state","number":{newest.number},"state":{newest.state}}}')
        return told


class Hub:
    """The rooms that somebody listens to here.

    Args:
        most: How many may follow one room here.
        clock: Seconds since 1970.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.time) -> None:
        self._most, self._clock = most, clock
        self._rooms: dict[str, set[Listener]] = {}
        self._elsewhere: dict[str, int] = {}
        self.rooms = 0  # how many there are, as of the last look

    @property
    def followers(self) -> int:
        """How many follow any."""
        return sum(not each.presents for listeners in self._rooms.values() for each in listeners)

    def join(self, name: str, listener: Listener) -> None:
        """Raises `Refused` where as many follow as may."""
        listeners = self._rooms.setdefault(name, set())
        if not listener.presents and self._count(name) >= self._most:
            raise Refused("crowded")
        listeners.add(listener)
        self._tell_people(name)

    def leave(self, name: str, listener: Listener) -> None:
        """Forgets one that is gone."""
        listeners = self._rooms.get(name, set())
        listeners.discard(listener)
        self._tell_people(name)
        if not listeners:
            self._rooms.pop(name, None)
            self._elsewhere.pop(name, None)

    def hear(self, name: str, record: Record | None) -> None:
        """What a room has become, to whoever listens to it; None where it has ended."""
        for listener in [*self._rooms.get(name, ())]:
            if record is None:
                listener.end("over")
            else:
                listener.offer(record)

    async def watch(self, store: Store) -> None:
        """Looks after the rooms until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            await self.look(store)

    async def look(self, store: Store) -> None:
        """Ends what is over, and keeps what has its presenter; what a lost message would have told is told now."""
        for name, listeners in [*self._rooms.items()]:
            try:
                await self._look_at(store, name, listeners)
            except Unreachable:
                for listener in listeners:
                    listener.lose(True)
            else:
                for listener in listeners:
                    listener.lose(False)
        with suppress(Unreachable):
            self.rooms = await store.count()

    async def _look_at(self, store: Store, name: str, listeners: set[Listener]) -> None:
        found = await store.read(name)
        if found and any(each.presents for each in listeners):
            with suppress(Refused):
                found = await store.change(name, records.touch(self._clock()))
        self.hear(name, found)
        self._elsewhere[name] = await store.tally(name, self._count(name))
        self._tell_people(name)

    def _count(self, name: str) -> int:
        return sum(not each.presents for each in self._rooms.get(name, ()))

    def _tell_people(self, name: str) -> None:
        count = self._count(name) + self._elsewhere.get(name, 0)
        for listener in self._rooms.get(name, ()):
            listener.count(count)
