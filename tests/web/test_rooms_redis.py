"""Rooms of several servers, kept in a real Redis."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lstmviz.web.rooms import record as records
from lstmviz.web.rooms import redis_store
from lstmviz.web.rooms.connection import House
from lstmviz.web.rooms.hub import Hub
from lstmviz.web.rooms.record import Refused
from lstmviz.web.rooms.redis_store import RedisStore
from lstmviz.web.rooms.stores import Unreachable
from tests import coroutines, servers
from tests.web.test_rooms import PAGE, SETTING, Clock, Rooms

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None,
    reason="there is no redis-server here; Debian's package is redis-server",
)


@dataclass
class Redis:
    """A Redis of one test's own, which can be ended and started again."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.folder),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            with socket.socket() as asking:
                if asking.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("redis-server did not start")

    def end(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def redis(tmp_path) -> Iterator[Redis]:
    found = Redis(servers.find_free_port(), tmp_path)
    found.start()
    yield found
    found.end()


class Server(Rooms):
    """One of several servers."""

    def __init__(self, redis: Redis, clock: Clock, most: int = 5) -> None:
        super().__init__()
        self.clock = clock
        self.hub = Hub(5, clock)
        self.store: Any = RedisStore(redis.address, self.hub.hear, most, idle=60, life=600, clock=clock)
        self.house = House(self.store, self.hub, clock)
        self._talks.append(asyncio.create_task(self.store.run()))


def run(redis: Redis, journey: Callable[[Server, Server], Any], **given: Any) -> None:
    async def whole() -> None:
        clock = Clock(time.time())
        one, other = Server(redis, clock, **given), Server(redis, clock, **given)
        await asyncio.sleep(0.3)  # both listen
        await journey(one, other)
        await one.end()
        await other.end()

    coroutines.run(whole())


def test_a_follower_of_another_server_sees_the_move_and_comes_back_to_the_newest(redis):
    async def journey(one: Server, other: Server) -> None:
        presenter, opened = await one.open()
        assert opened["shared"] is True
        follower = await other.follow(opened["room"])
        started = time.monotonic()
        presenter.say(do="move", epoch=opened["epoch"], state=SETTING)
        assert (await follower.hear("state"))["state"] == SETTING
        assert time.monotonic() - started < 2
        late = await other.follow(opened["room"])
        assert (await late.hear("state"))["number"] == 1
        presenter.say(do="end")
        assert (await follower.hear("ended"))["why"] == "over"

    run(redis, journey)


def test_of_two_devices_on_two_servers_one_drives(redis):
    async def journey(one: Server, other: Server) -> None:
        first, opened = await one.open()
        first.say(do="code")
        code = (await first.hear("code"))["code"]
        second = other.connect(do="redeem", room=opened["room"], code=code, page=PAGE)
        taken = await second.hear("opened")
        assert (await first.hear("driver"))["epoch"] == taken["epoch"]
        first.say(do="move", epoch=opened["epoch"], state=SETTING)
        assert (await first.hear("refused"))["why"] == "driver"
        again = one.connect(do="redeem", room=opened["room"], code=code)
        assert (await again.hear("refused"))["why"] == "code"

    run(redis, journey)


def test_many_changes_at_one_moment_are_all_counted(redis):
    async def journey(one: Server, other: Server) -> None:
        kept, _token = records.make(one.clock())
        await one.store.add(kept)
        moves = [
            server.store.change(kept.name, records.move(1, f'{{"t":{number}}}', one.clock()))
            for number in range(4)
            for server in (one, other)
        ]
        await asyncio.gather(*moves)
        found = await other.store.read(kept.name)
        assert found and found.number == 8

    run(redis, journey)


def test_a_room_ends_by_itself_on_every_server_and_makes_room_for_another(redis):
    async def journey(one: Server, other: Server) -> None:
        rooms = [(await one.open())[1]["room"] for _room in range(2)]
        with pytest.raises(Refused, match="full"):
            await other.store.add(records.make(one.clock())[0])
        assert await other.store.count() == 2
        one.clock.now += 61
        assert await other.store.read(rooms[0]) is None and await other.store.count() == 0
        await other.store.add(records.make(one.clock())[0])

    run(redis, journey, most=2)


def test_followers_of_all_servers_are_counted(redis):
    async def journey(one: Server, other: Server) -> None:
        presenter, opened = await one.open()
        for server in (one, other, other):
            await server.follow(opened["room"])
        await other.hub.look(other.store)
        await one.hub.look(one.store)
        while (await presenter.hear("people"))["count"] != 3:
            pass

    run(redis, journey)


def test_nothing_that_all_servers_hear_has_a_token_a_digest_or_a_code():
    kept, token = records.make(0.0)
    rule, code = records.hand_over(0.0)
    kept = rule(kept)
    told = redis_store._tell(kept)
    assert not [secret for secret in (token, kept.keys[0], kept.code, code) if secret in told]
    assert {*json.loads(told)} == {"name", "epoch", "number", "state"}


def test_while_redis_is_gone_a_room_says_so_and_afterwards_goes_on_by_itself(redis):
    async def journey(one: Server, other: Server) -> None:
        presenter, opened = await one.open()
        follower = await other.follow(opened["room"])
        await asyncio.to_thread(redis.end)
        presenter.say(do="move", epoch=opened["epoch"], state=SETTING)
        await presenter.hear("lost")
        await other.hub.look(other.store)
        await follower.hear("lost")
        stranger = other.connect(do="follow", room=opened["room"])
        await stranger.hear("lost")
        with pytest.raises(Unreachable):
            await one.store.count()
        kept, _token = records.make(one.clock())
        await asyncio.to_thread(redis.start)
        await one.store.add(kept)  # another room: this Redis keeps none over its end
        await other.hub.look(other.store)
        assert (await follower.hear("ended"))["why"] == "over"
        again = await other.follow(kept.name)
        await asyncio.sleep(redis_store._AGAIN[1] + 1)  # both listen again
        await one.store.change(kept.name, records.move(1, json.dumps(SETTING), one.clock()))
        assert (await again.hear("state"))["state"] == SETTING

    run(redis, journey)
