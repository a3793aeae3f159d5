"""Rooms of several servers, kept in a Redis that all of them reach: `LSTMVIZ_ROOMS=redis://…`."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, WatchError

from lstmviz.web.rooms import record as records
from lstmviz.web.rooms.record import Record, Refused, Rule
from lstmviz.web.rooms.stores import Hear, Unreachable

_log = logging.getLogger(__name__)

_PREFIX = "lstmviz:room:"
_ALL = "lstmviz:rooms"  # of each room, when it ends; also the channel on which every change is told
_LIMIT = 2.0  # seconds in which an answer has to come
_TRIES = 20  # of a change that another overtakes
_COUNTED = 30.0  # seconds for which what a server said of its followers holds
_AGAIN = (0.5, 5.0)  # seconds until a lost connection is asked for again, at first and at last


class RedisStore:
    """Keeps rooms in Redis; each change is one transaction, told on a channel to all servers.

    Args:
        address: As redis-py reads it, such as `redis://user:password@host:6379/0`.
        hear: Called after each change, wherever it was made.
        most: How many rooms there may be.
        idle: Seconds after which a room ends whose presenter is gone.
        life: Seconds after which any ends.
        clock: Seconds since 1970; the servers' clocks have to agree by some seconds.
    """

    is_shared = True

    def __init__(
        self,
        address: str,
        hear: Hear,
        most: int,
        idle: float,
        life: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._hear, self._most, self._idle, self._life, self._clock = hear, most, idle, life, clock
        self._own = secrets.token_hex(8)  # tells this server from others
        self._redis: Any = Redis.from_url(
            address,
            decode_responses=True,
            socket_timeout=_LIMIT,
            socket_connect_timeout=_LIMIT,
            retry=Retry(NoBackoff(), 1),  # once: a connection that a restarted Redis has closed
        )

    async def add(self, record: Record) -> None:  # noqa: D102
        async with _reached():
            await self._redis.zremrangebyscore(_ALL, "-inf", self._clock())
            if await self._redis.zcard(_ALL) >= self._most:
                raise Refused("full")
            async with self._redis.pipeline(transaction=True) as pipe:
                self._write(pipe, record)
                await pipe.execute()

    async def read(self, name: str) -> Record | None:  # noqa: D102
        async with _reached():
            return self._read(await self._redis.get(_PREFIX + name))

    async def change(self, name: str, rule: Rule) -> Record:  # noqa: D102
        async with _reached():
            for _try in range(_TRIES):
                async with self._redis.pipeline(transaction=True) as pipe:
                    await pipe.watch(_PREFIX + name)
                    found = self._read(await pipe.get(_PREFIX + name))
                    if found is None:
                        raise Refused("gone")
                    changed = rule(found)
                    pipe.multi()
                    self._write(pipe, changed)
                    pipe.publish(_ALL, _tell(changed))
                    try:
                        await pipe.execute()
                    except WatchError:
                        continue
                    return changed
        raise Unreachable

    async def end(self, name: str) -> None:  # noqa: D102
        async with _reached(), self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(_PREFIX + name)
            pipe.zrem(_ALL, name)
            pipe.publish(_ALL, json.dumps({"name": name, "over": True}))
            await pipe.execute()

    async def count(self) -> int:  # noqa: D102
        async with _reached():
            return int(await self._redis.zcount(_ALL, self._clock(), "+inf"))

    async def tally(self, name: str, followers: int) -> int:  # noqa: D102
        key, now = f"lstmviz:followers:{name}", self._clock()
        async with _reached(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, self._own, json.dumps([followers, now]))
            pipe.expire(key, int(2 * _COUNTED))
            pipe.hgetall(key)
            told = {server: json.loads(text) for server, text in (await pipe.execute())[-1].items()}
        others = (told[server] for server in told if server != self._own)
        return sum(count for count, at in others if now - at < _COUNTED)

    async def run(self) -> None:  # noqa: D102
        wait = _AGAIN[0]
        try:
            while True:
                try:
                    async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                        await channel.subscribe(_ALL)
                        wait = _AGAIN[0]
                        await self._listen(channel)
                except (RedisError, OSError, TimeoutError) as error:
                    if wait == _AGAIN[0]:  # once for as long as it lasts
                        _log.warning(
                            "The rooms' Redis does not answer (%s); it is asked again", type(error).__name__
                        )
                await asyncio.sleep(wait)
                wait = min(2 * wait, _AGAIN[1])
        finally:
            await self._redis.aclose()

    async def _listen(self, channel: Any) -> None:
        while True:
            message = await channel.get_message(timeout=_LIMIT / 2)
            if message is None:
                continue
            told = json.loads(message["data"])
            name = told.pop("name")
            record = None if told.pop("over", False) else Record(name, (), 0.0, 0.0, **told)
            self._hear(name, record)

    def _read(self, text: str | None) -> Record | None:
        found = records.read(text) if text else None
        is_over = found is None or records.ends(found, self._idle, self._life) <= self._clock()
        return None if is_over else found

    def _write(self, pipe: Any, record: Record) -> None:
        end = records.ends(record, self._idle, self._life)
        # Redis counts by its own clock, so it is told how long.
        pipe.set(_PREFIX + record.name, record.write(), px=max(1, int(1000 * (end - self._clock()))))
        pipe.zadd(_ALL, {record.name: end})


def _tell(record: Record) -> str:
    """What all servers hear of a change: nothing of tokens and codes."""
    told = {"name": record.name, "epoch": record.epoch, "number": record.number, "state": record.state}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise Unreachable from error
