"""Whose turn it is."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lstmviz.web.lanes import Client, Lane, NotDone
from tests import coroutines

ROOM = "10.0.0.1"


def _in_a_loop(make):
    return coroutines.run(make())


async def _stays():
    return False


async def _is_gone():
    return True


class _Line:
    """A lane whose one thread is held until everybody has come; then what is done is written down, in order."""

    def __init__(self, **changes):
        bounds = {"threads": 1, "each_running": 1, "each_waiting": 3, "address_waiting": 8} | changes
        self.lane = Lane("test", **bounds)
        self.done = []
        self.held = threading.Event()
        self.asked = []

    async def hold(self):
        self.asked.append(asyncio.ensure_future(self.lane.run(Client("", ""), self.held.wait, _stays)))
        await asyncio.sleep(0.01)

    async def ask(self, address, browser, name, is_gone=_stays):
        work = self.lane.run(Client(address, browser), lambda: self.done.append(name), is_gone)
        self.asked.append(asyncio.ensure_future(work))
        await asyncio.sleep(0)

    async def finish(self):
        self.held.set()
        return [type(each) for each in await asyncio.gather(*self.asked, return_exceptions=True)]


def test_the_newest_of_one_client_is_kept_and_the_oldest_refused():
    line = _Line()

    async def work():
        await line.hold()
        for number in range(6):
            await line.ask(ROOM, "a", number)
        assert line.lane.waiting == 3
        return await line.finish()

    ended = _in_a_loop(work)
    assert line.done == [3, 4, 5] and ended.count(NotDone) == 3


def test_work_for_a_client_that_is_gone_is_not_begun():
    line = _Line()

    async def work():
        await line.hold()
        await line.ask(ROOM, "a", "gone", _is_gone)
        await line.ask(ROOM, "b", "here")
        return await line.finish()

    ended = _in_a_loop(work)
    assert line.done == ["here"] and ended.count(NotDone) == 1


def test_browsers_of_one_room_take_turns():
    line = _Line()

    async def work():
        await line.hold()
        for number in range(3):
            await line.ask(ROOM, "greedy", f"greedy {number}")
        for number in range(3):
            await line.ask(ROOM, f"other {number}", f"other {number}")
        return await line.finish()

    _in_a_loop(work)
    assert line.done[:4] == ["greedy 0", "other 0", "other 1", "other 2"]


def test_an_address_that_makes_up_browsers_waits_its_turn_and_keeps_no_other_out():
    line = _Line()

    async def work():
        await line.hold()
        for number in range(1000):
            await line.ask("10.6.6.6", f"made up {number}", f"made up {number}")
        await line.ask(ROOM, "a", "first of the room")
        await line.ask(ROOM, "b", "second of the room")
        assert line.lane.waiting == 8 + 2
        return await line.finish()

    _in_a_loop(work)
    assert line.done.index("first of the room") == 1 and line.done.index("second of the room") == 3


def test_one_client_never_has_all_threads():
    running, most = 0, 0
    lock = threading.Lock()

    def work():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.02)
        with lock:
            running -= 1

    async def ask():
        lane = Lane("test", threads=4, each_running=2, each_waiting=9, address_waiting=99)
        await asyncio.gather(*(lane.run(Client(ROOM, "a"), work, _stays) for _number in range(8)))
        assert lane.waiting == 0

    _in_a_loop(ask)
    assert most == 2


def test_what_fails_in_the_work_goes_to_who_asked_and_the_lane_goes_on():
    async def work():
        lane = Lane("test", threads=1, each_running=1, each_waiting=9, address_waiting=99)
        with pytest.raises(ZeroDivisionError):
            await lane.run(Client(ROOM, "a"), lambda: 1 / 0, _stays)
        return await lane.run(Client(ROOM, "a"), lambda: "made", _stays)

    assert _in_a_loop(work) == "made"
