"""Rooms: who may drive one, how it ends, and what strangers make of it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

from lstmviz.web import metrics
from lstmviz.web.rooms import connection, hub, record, state
from lstmviz.web.rooms.allowance import Allowance, group
from lstmviz.web.rooms.connection import Gone, House, serve
from lstmviz.web.rooms.hub import Hub, Listener
from lstmviz.web.rooms.record import Refused
from lstmviz.web.rooms.stores import Memory
from tests import coroutines

ORIGIN = "https://lstm.example"
PAGE = f"{ORIGIN}/learn/"
SETTING = {
    "path": "explore",
    "query": "num_units=9&sequence=sine",
    "t": 3,
    "unit": 2,
    "gate": "f",
    "step": "",
    "play": 0,
}


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Socket:
    """The browser's side of a connection."""

    sent: list[str] = field(default_factory=list)
    _to_server: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _read: int = 0

    async def receive(self) -> str | bytes:
        found = await self._to_server.get()
        if found is None:
            raise Gone
        return found

    async def send(self, message: str) -> None:
        self.sent.append(message)
        self._heard.set()

    def say(self, **message: Any) -> None:
        self._to_server.put_nowait(json.dumps(message))

    def close(self) -> None:
        self._to_server.put_nowait(None)

    async def hear(self, *kinds: str) -> dict[str, Any]:
        """The next message of one of these kinds."""
        async with asyncio.timeout(5):
            while True:
                while self._read < len(self.sent):
                    self._read += 1
                    found: dict[str, Any] = json.loads(self.sent[self._read - 1])
                    if found["is"] in kinds:
                        return found
                self._heard.clear()
                await self._heard.wait()


class Rooms:
    """A server's rooms, and browsers that connect."""

    def __init__(self, most: int = 5, followers: int = 5, **allowances: Allowance) -> None:
        self.clock = Clock()
        self.hub = Hub(followers, self.clock)
        self.store = Memory(self.hub.hear, most, idle=60, life=600, clock=self.clock)
        self.house = House(self.store, self.hub, self.clock, **allowances)
        self._talks: list[asyncio.Task[None]] = []

    def connect(self, address: str = "10.0.0.1", origin: str = ORIGIN, **first: Any) -> Socket:
        socket = Socket()
        socket.say(**first)
        self._talks.append(asyncio.create_task(serve(self.house, socket, address, origin)))
        return socket

    async def open(self) -> tuple[Socket, dict[str, Any]]:
        presenter = self.connect(do="open", page=PAGE)
        return presenter, await presenter.hear("opened")

    async def follow(self, room: str) -> Socket:
        follower = self.connect(do="follow", room=room)
        await follower.hear("following")
        return follower

    async def end(self) -> None:
        for talk in self._talks:
            talk.cancel()
        for found in await asyncio.gather(*self._talks, return_exceptions=True):
            assert found is None or isinstance(found, asyncio.CancelledError), found


def run(journey: Callable[[Rooms], Any], **given: Any) -> None:
    async def whole() -> None:
        rooms = Rooms(**given)
        await journey(rooms)
        await rooms.end()

    coroutines.run(whole())


def test_a_follower_is_shown_what_the_presenter_shows_and_the_newest_at_once():
    async def journey(rooms: Rooms) -> None:
        presenter, opened = await rooms.open()
        early = await rooms.follow(opened["room"])
        presenter.say(do="move", epoch=opened["epoch"], state=SETTING)
        first = await early.hear("state")
        assert first["state"] == SETTING and first["number"] == 1
        presenter.say(do="move", epoch=opened["epoch"], state=SETTING | {"query": "num_units=10"})
        assert (await early.hear("state"))["state"]["query"] == "num_units=10"
        late = await rooms.follow(opened["room"])
        assert (await late.hear("state"))["number"] == 2

    run(journey)


def test_nothing_that_a_follower_gets_has_the_token_or_a_digest_of_it():
    async def journey(rooms: Rooms) -> None:
        presenter, opened = await rooms.open()
        follower = await rooms.follow(opened["room"])
        presenter.say(do="code")
        code = (await presenter.hear("code"))["code"]
        presenter.say(do="move", epoch=opened["epoch"], state=SETTING)
        await follower.hear("state")
        second = rooms.connect(do="redeem", room=opened["room"], code=code, page=PAGE)
        other = await second.hear("opened")
        second.say(do="end")
        await follower.hear("ended")
        kept = record.make(0)[0]
        secrets = [opened["token"], other["token"], code, kept.keys[0]]
        said = "\n".join(follower.sent)
        assert not [secret for secret in secrets if secret in said]
        assert {*json.loads(follower.sent[0])} == {"is", "room"}
        assert opened["token"] not in opened["link"] and opened["token"] not in opened["qr"]

    run(journey)


def test_what_is_kept_of_a_token_is_not_the_token():
    kept, token = record.make(0)
    assert token not in kept.write() and record.holds(kept, token)
    assert not record.holds(kept, token[:-1]) and not record.holds(kept, None) and not record.holds(kept, "")
    assert record.read(kept.write()) == kept


def test_a_name_has_45_bits_and_is_found_however_it_is_written():
    names = {record.make(0)[0].name for _room in range(200)}
    assert len(names) == 200 and all(set(name) <= set(record.ALPHABET) for name in names)
    assert record.NAME_LENGTH * 5 >= 40
    assert record.find_name(" K7M-2QX-9F0 ") == "k7m2qx9f0" == record.find_name("k7m2qx9fo")
    assert not any(map(record.find_name, ["", "k7m2qx9f", "k7m2qx9f0x", "k7m2qx9fü", None, 3, "x" * 10_000]))


def test_a_follower_moves_nothing():
    async def journey(rooms: Rooms) -> None:
        _presenter, opened = await rooms.open()
        follower = await rooms.follow(opened["room"])
        for do in ("move", "take", "code", "end"):
            follower.say(do=do, epoch=opened["epoch"], state=SETTING, token=opened["token"])
            assert (await follower.hear("refused", "state", "code", "ended"))["why"] == "message"
        assert await rooms.store.read(opened["room"])

    run(journey)


def test_a_wrong_token_drives_nothing():
    async def journey(rooms: Rooms) -> None:
        _presenter, opened = await rooms.open()
        for token in ("", "x" * 43, None, opened["token"][::-1], {"token": opened["token"]}):
            stranger = rooms.connect(do="drive", room=opened["room"], token=token, epoch=1, take=True)
            assert (await stranger.hear("refused", "driving"))["why"] == "token"

    run(journey)


def test_of_two_devices_one_drives_and_what_the_other_still_sends_is_refused():
    async def journey(rooms: Rooms) -> None:
        first, opened = await rooms.open()
        follower = await rooms.follow(opened["room"])
        first.say(do="move", epoch=opened["epoch"], state=SETTING)
        await follower.hear("state")
        first.say(do="code")
        code = (await first.hear("code"))["code"]
        second = rooms.connect(do="redeem", room=opened["room"], code=code, page=PAGE)
        taken = await second.hear("opened")
        assert taken["epoch"] == opened["epoch"] + 1 and taken["state"] == SETTING
        assert taken["token"] != opened["token"] and taken["link"] == opened["link"]
        assert (await first.hear("driver"))["epoch"] == taken["epoch"]
        first.say(do="move", epoch=opened["epoch"], state=SETTING | {"t": 7})
        assert (await first.hear("refused"))["why"] == "driver"
        second.say(do="move", epoch=taken["epoch"], state=SETTING | {"t": 5})
        assert (await follower.hear("state"))["state"]["t"] == 5
        first.say(do="take")
        assert (await first.hear("driving"))["state"]["t"] == 5
        assert (await second.hear("driver"))["epoch"] == taken["epoch"] + 1

    run(journey)


def test_a_copied_tab_has_the_same_token_and_does_not_fight_the_first():
    async def journey(rooms: Rooms) -> None:
        first, opened = await rooms.open()
        copy = rooms.connect(
            do="drive", room=opened["room"], token=opened["token"], epoch=opened["epoch"], page=PAGE
        )
        driving = await copy.hear("driving", "driver")
        assert driving["is"] == "driving" and driving["epoch"] == opened["epoch"] + 1
        assert (await first.hear("driver"))["epoch"] == driving["epoch"]
        first.close()
        again = rooms.connect(
            do="drive", room=opened["room"], token=opened["token"], epoch=opened["epoch"], page=PAGE
        )
        assert (await again.hear("driving", "driver"))["is"] == "driver"

    run(journey)


def test_a_code_is_good_once_for_a_while_and_for_five_tries():
    kept, _token = record.make(0.0)
    rule, code = record.hand_over(10.0)
    kept = rule(kept)
    assert re.fullmatch(r"\d{6}", code) and code not in kept.write()
    wrong = "000000" if code != "000000" else "000001"
    for _try in range(record.CODE_TRIES - 1):
        rule, token = record.redeem(wrong, 11.0)
        kept = rule(kept)
        assert not record.holds(kept, token)
    rule, token = record.redeem(f" {code[:3]} {code[3:]}", 12.0)
    taken = rule(kept)
    assert record.holds(taken, token) and taken.epoch == kept.epoch + 1
    for refused, at in ((taken, 12.0), (kept, 10.0 + record.CODE_SECONDS + 1)):
        with pytest.raises(Refused, match="code"):
            record.redeem(code, at)[0](refused)
    spent = record.redeem(wrong, 12.0)[0](kept)
    with pytest.raises(Refused, match="code"):
        record.redeem(code, 12.0)[0](spent)


def test_a_room_is_handed_to_a_few_devices_at_most():
    kept, _token = record.make(0.0)
    while len(kept.keys) < record.MOST_KEYS:
        rule, code = record.hand_over(0.0)
        kept = record.redeem(code, 0.0)[0](rule(kept))
    with pytest.raises(Refused, match="devices"):
        record.hand_over(0.0)[0](kept)


def test_a_room_ends_some_time_after_its_presenter_is_gone_and_the_followers_are_told():
    async def journey(rooms: Rooms) -> None:
        presenter, opened = await rooms.open()
        follower = await rooms.follow(opened["room"])
        rooms.clock.now += 50
        await rooms.hub.look(rooms.store)  # the presenter is there, if only to look
        rooms.clock.now += 50
        await rooms.hub.look(rooms.store)
        assert await rooms.store.read(opened["room"])
        presenter.close()
        await asyncio.sleep(0.01)
        rooms.clock.now += 61
        await rooms.hub.look(rooms.store)
        assert (await follower.hear("ended"))["why"] == "over"
        await asyncio.sleep(0.01)
        assert not rooms.hub.followers
        again = rooms.connect(do="follow", room=opened["room"])
        assert (await again.hear("refused"))["why"] == "gone"

    run(journey)


def test_a_room_ends_after_its_life_even_with_its_presenter_there():
    async def journey(rooms: Rooms) -> None:
        presenter, opened = await rooms.open()
        for _minute in range(12):
            rooms.clock.now += 50
            await rooms.hub.look(rooms.store)
        assert (await presenter.hear("ended"))["why"] == "over"
        assert await rooms.store.read(opened["room"]) is None

    run(journey)


def test_there_are_no_more_rooms_and_no_more_followers_than_may_be():
    async def journey(rooms: Rooms) -> None:
        opened = [(await rooms.open())[1] for _room in range(2)]
        assert (await rooms.connect(do="open").hear("refused"))["why"] == "full"
        for _follower in range(3):
            await rooms.follow(opened[0]["room"])
        crowded = rooms.connect(do="follow", room=opened[0]["room"])
        assert (await crowded.hear("refused"))["why"] == "crowded"
        await rooms.follow(opened[1]["room"])
        assert rooms.hub.followers == 4
        token = opened[0]["token"]
        again = rooms.connect(do="drive", room=opened[0]["room"], token=token, epoch=1)
        await again.hear("driving")  # the presenter always gets in

    run(journey, most=2, followers=3)


def test_who_guesses_names_is_soon_told_to_go_slower_and_nobody_else_is():
    async def journey(rooms: Rooms) -> None:
        _presenter, opened = await rooms.open()
        for _guess in range(3):
            assert (await rooms.connect(do="follow", room="000000000").hear("refused"))["why"] == "gone"
        guesser = rooms.connect(do="follow", room=opened["room"])
        assert (await guesser.hear("refused"))["why"] == "slower"
        other = rooms.connect(do="follow", room=opened["room"], address="10.0.0.2")
        await other.hear("following")

    run(journey, misses=Allowance(3, 1000))


def test_an_allowance_comes_back_and_a_network_of_the_newer_addresses_is_one():
    clock = Clock()
    allowance = Allowance(2, 10, clock)
    assert [allowance.use("10.0.0.1") for _time in range(3)] == [True, True, False]
    assert allowance.use("10.0.0.2") and not allowance.has("10.0.0.1")
    clock.now += 5.1
    assert allowance.use("10.0.0.1") and not allowance.use("10.0.0.1")
    assert group("2001:db8::1") == group("2001:db8::ffff:2") != group("2001:db8:0:1::1")
    assert group("no address") == "no address"


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "3",
        "[]",
        "null",
        '{"do":',
        "[" * 20_000,
        '{"do":{"a":1}}',
        '{"do":"talk"}',
        '{"do":"follow"}',
        '{"do":"follow","room":["x"]}',
        b"\xff\xfe\x00",
        '{"do":"follow","room":"' + "x" * 23_000 + '"}',
        '{"do":"open","page":"' + "x" * 30_000 + '"}',
    ],
)
def test_a_strangers_first_message_is_refused_and_harms_nothing(message):
    async def journey(rooms: Rooms) -> None:
        socket = Socket()
        socket._to_server.put_nowait(message)
        await serve(rooms.house, socket, "10.0.0.1", ORIGIN)
        assert json.loads(socket.sent[0])["is"] == "refused"
        assert len(socket.sent) == 1 and not rooms.hub.followers

    run(journey)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "state"),
        ([], "state"),
        ({}, "state"),
        ({"query": 3}, "state"),
        ({"query": "num_units=0"}, "address"),
        ({"query": "num_units=3&num_units=4"}, "address"),
        ({"query": "cell=<script>"}, "address"),
        ({"query": "model=x&layer=y"}, "address"),
        ({"query": "upload=7&sequence=csv"}, "address"),
        ({"query": "&".join(f"n{number}=" for number in range(500))}, "address"),
        ({"query": "units=" + "9" * 5000}, "address"),
    ],
)
def test_what_is_no_setting_of_the_page_is_told_to_nobody(given, why):
    with pytest.raises(Refused, match=why):
        state.read_state(given)


def test_a_setting_is_told_as_a_link_would_say_it_without_what_is_the_viewers_own():
    sent = {
        "query": "seed=0&num_units=9&lang=ja&room=k7m2qx9f0&cell=GRUCell",
        "t": True,
        "unit": 99,
        "gate": "<b>",
        "play": 1e9,
    }
    told = json.loads(state.read_state(sent | {"step": "<b>", "path": "/etc", "more": "x" * 100}))
    assert told.pop("query").split("&") == ["num_units=9", "cell=GRUCell", "initial_weights=glorot_uniform"]
    assert told == {"path": "explore", "t": None, "unit": None, "gate": "", "step": "", "play": 0}


def test_a_file_of_the_presenters_is_told_of_and_not_told():
    for given in ({"own": True, "query": "num_units=3"}, {"query": "layer=a"}, {"query": "sequence=csv"}):
        assert json.loads(state.read_state(given)) == {"path": "explore", "own": True}


@pytest.mark.parametrize("at", ["memory", "compare", "model", "take_along", "document"])
def test_of_a_presenter_who_has_gone_to_a_path_without_a_stage_it_is_told_beside_what_was_shown(at):
    shown = {"query": "num_units=9", "path": "learn"}
    assert json.loads(state.read_state(shown | {"at": at})) == json.loads(state.read_state(shown)) | {
        "at": at
    }


@pytest.mark.parametrize("at", ["explore", "learn", "present", "<b>", "", 3, ["memory"], None])
def test_no_other_place_is_one(at):
    assert "at" not in json.loads(state.read_state({"query": "num_units=9", "at": at}))


def test_who_is_slow_gets_the_newest_alone():
    async def journey(_rooms: Rooms) -> None:
        listener = Listener()
        kept, _token = record.make(0.0)
        for number in range(1, 100):
            kept = record.move(1, f'{{"t":{number}}}', 0.0)(kept)
            listener.offer(kept)
        told = await listener.take()
        assert [json.loads(each) for each in told] == [{"is": "state", "number": 99, "state": {"t": 99}}]
        listener.offer(record.Record(**asdict(kept) | {"number": 50}))  # late, of another server
        listener.offer(kept)
        assert [json.loads(each)["is"] for each in await listener.take()] == ["beat"]

    run(journey)


def test_who_is_told_nothing_hears_that_the_server_is_there(monkeypatch):
    monkeypatch.setattr(hub, "_BEAT", 0.01)

    async def journey(rooms: Rooms) -> None:
        _presenter, opened = await rooms.open()
        follower = await rooms.follow(opened["room"])
        assert await follower.hear("beat") == {"is": "beat"}

    run(journey)


def test_the_presenter_hears_how_many_follow_and_a_follower_does_not():
    async def journey(rooms: Rooms) -> None:
        presenter, opened = await rooms.open()
        first, second = [await rooms.follow(opened["room"]) for _follower in range(2)]
        while (await presenter.hear("people"))["count"] != 2:
            pass
        second.close()
        assert (await presenter.hear("people"))["count"] == 1
        assert "people" not in "".join(first.sent)

    run(journey)


@pytest.mark.parametrize(
    ("page", "origin", "link"),
    [
        (PAGE, ORIGIN, f"{PAGE}?room="),
        ("http://127.0.0.1:8501/", "http://127.0.0.1:8501", "http://127.0.0.1:8501/?room="),
        ("https://evil.example/", ORIGIN, ""),
        (PAGE, "", ""),
        (f"{ORIGIN}/?x=", ORIGIN, ""),
        ("javascript:alert(1)//", ORIGIN, ""),
        (f"{ORIGIN}/<svg>", ORIGIN, ""),
        (3, ORIGIN, ""),
    ],
)
def test_the_followers_link_is_of_the_presenters_own_page(page, origin, link):
    async def journey(rooms: Rooms) -> None:
        opened = await rooms.connect(do="open", page=page, origin=origin).hear("opened")
        assert opened["link"] == (f"{link}{opened['room']}" if link else "")
        assert opened["qr"].startswith("<svg") == bool(link)

    run(journey)


def test_who_says_nothing_is_let_go(monkeypatch):
    monkeypatch.setattr(connection, "_FIRST_LIMIT", 0.01)

    async def journey(rooms: Rooms) -> None:
        socket = Socket()
        await asyncio.wait_for(serve(rooms.house, socket, "10.0.0.1", ORIGIN), 2)
        assert not socket.sent

    run(journey)


def test_a_host_reads_how_much_is_shown():
    def value() -> float:
        found = re.search(r"^lstmviz_room_moves_total (\S+)$", metrics.text().decode(), re.MULTILINE)
        assert found
        return float(found[1])

    async def journey(rooms: Rooms) -> None:
        presenter, opened = await rooms.open()
        follower = await rooms.follow(opened["room"])
        before = value()
        presenter.say(do="move", epoch=opened["epoch"], state=SETTING)
        await follower.hear("state")
        assert value() == before + 1
        presenter.say(do="move", epoch=opened["epoch"] - 1, state=SETTING)
        await presenter.hear("refused")
        assert value() == before + 1

    run(journey)
