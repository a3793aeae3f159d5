"""A page that follows a presenter: what its script makes of it, and what many ask for at one moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from starlette.responses import Response

from lstmviz.web import parameters, pictures, stage
from lstmviz.web import view as views
from lstmviz.web.rooms import words
from lstmviz.web.together import Together
from lstmviz.web.view import View
from tests import coroutines

ROOM = "k7m2qx9f0"


def _follower(**given: str) -> View:
    view, problems = views.parse({"room": ROOM, **given})
    assert not problems
    return view


def test_an_address_with_a_room_alone_follows_and_one_that_says_more_shows_that():
    assert _follower().follows and _follower(lang="ja").follows
    assert not _follower(num_units="9").follows and not views.parse({})[0].follows
    assert _follower(room="K7M-2QX-9FO") == _follower()


def test_who_looks_around_at_what_is_usual_has_an_address_that_says_so():
    strayed = replace(_follower(), follows=False)
    assert views.parse(views.to_query(strayed))[0] == strayed
    assert views.parse(views.to_query(_follower()))[0] == _follower()


def test_a_room_that_cannot_be_called_so_gets_a_sentence():
    view, (problem,) = views.parse({"room": "<b>"})
    assert view.room == "" and not view.follows and "<b>" in problem


def test_a_room_changes_nothing_that_is_kept_and_no_picture():
    plain = views.parse({})[0]
    assert pictures.name(_follower()) == pictures.name(plain)
    for what in parameters.CELL | parameters.RUN:
        assert parameters.key(_follower(), what) == parameters.key(plain, what)


def test_who_follows_is_shown_the_presenters_setting_and_keeps_what_is_their_own():
    last = _follower(lang="ja", tables="true")
    sent = {
        "follow": "num_units=11&sequence=sine&lang=en&room=other",
        "t": 4,
        "unit": 2,
        "gate": "f",
        "step": "memory",
    }
    view = stage.moved(last, sent | {"follows": True})
    assert (view.num_units, view.sequence, view.t, view.unit, view.gate, view.step) == (
        11,
        "sine",
        4,
        2,
        "f",
        "memory",
    )
    assert (view.room, view.lang, view.tables, view.follows) == (ROOM, "ja", True, True)


def test_the_first_deed_of_who_followed_begins_where_the_presenter_was():
    view = stage.moved(_follower(), {"follow": "num_units=11&sequence=sine&seed=4", "num_units": 12})
    assert (view.num_units, view.seed, view.room, view.follows) == (12, 4, ROOM, False)
    view = stage.moved(_follower(), {"follow": "cell=GRUCell", "set": {"seed": "5"}})
    assert (view.cell, view.seed, view.room, view.follows) == ("GRUCell", 5, ROOM, False)


@pytest.mark.parametrize(
    "follow", ["num_units=0", "model=x", "&".join("a=" for _name in range(500)), 3, None, "x" * 10**5]
)
def test_what_is_no_setting_is_not_followed(follow):
    last = replace(_follower(), num_units=7)
    assert stage.moved(last, {"follow": follow, "follows": True}) == last
    assert not stage.moved(View(), {"follows": True}).follows, "there is no room"


def test_the_browser_is_told_what_it_told():
    told = words.tell(ROOM, True, {"turn": 3, "heard": 12})
    assert told and (told["name"], told["follows"], told["turn"], told["heard"]) == (ROOM, True, 3, 12)
    assert words.tell("", True, {}) is None


def _run(journey):
    return coroutines.run(journey())


def test_what_many_ask_for_at_one_moment_is_made_once_and_again_after_a_while(monkeypatch):
    made: list[int] = []

    async def make() -> Response:
        await asyncio.sleep(0.01)
        made.append(1)
        return Response(str(len(made)))

    async def journey() -> None:
        together = Together()
        answers = await asyncio.gather(*(together.answer("a", make) for _asker in range(50)))
        assert {answer.body for answer in answers} == {b"1"}
        assert (await together.answer("b", make)).body == b"2"
        assert (await together.answer("a", make)).body == b"1"
        monkeypatch.setattr("lstmviz.web.together._SECONDS", 0.0)
        assert (await together.answer("a", make)).body == b"3"

    _run(journey)


def test_where_the_first_one_hangs_up_everybody_else_still_gets_an_answer():
    made: list[int] = []

    async def make() -> Response:
        made.append(1)
        number = len(made)
        await asyncio.sleep(0.05)
        if number == 2:
            raise ValueError("wrong")
        return Response("right")

    async def journey() -> None:
        together = Together()
        first = asyncio.create_task(together.answer("a", make))
        await asyncio.sleep(0.01)
        others = [asyncio.create_task(together.answer("a", make)) for _asker in range(3)]
        await asyncio.sleep(0.01)
        first.cancel()
        found = await asyncio.gather(*others, return_exceptions=True)
        assert [type(each) for each in found].count(ValueError) == 1
        assert [each.body for each in found if isinstance(each, Response)] == [b"right"] * 2
        await asyncio.gather(first, return_exceptions=True)
        assert not together._making

    _run(journey)


def test_what_cannot_be_made_is_not_kept():
    made: list[int] = []

    async def make() -> Response:
        made.append(1)
        return Response(status_code=204 if len(made) < 3 else 200)

    async def journey() -> None:
        together = Together()
        for _ask in range(5):
            await together.answer("a", make)
        assert len(made) == 3

    _run(journey)
