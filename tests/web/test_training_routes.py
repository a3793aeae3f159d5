"""What a browser asks of a training."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pytest
from starlette.requests import Request

from lstmviz import examples
from lstmviz.examples.train.live import BIAS, KERNEL, Order
from lstmviz.examples.train.messages import Message
from lstmviz.web import (
    beside,
    limits,
    models,
    render,
    server,
    stage,
    trained,
    trainer,
    training,
    training_routes,
)
from lstmviz.web import view as views
from tests import coroutines

_PARITY = {"sequence": "parity", "cell": "BasicLSTMCell", "num_units": "4"}


def ask(what, method="GET", headers=((b"x-lstmviz-training", b"1"),), **query):
    """What a route answers to a browser that stays."""

    async def receive():
        await asyncio.sleep(60)

    scope = {
        "type": "http",
        "method": method,
        "path": f"/training/{what}",
        "path_params": {"what": what},
        "query_string": urlencode(query).encode(),
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
    }
    return coroutines.run(training_routes.serve(Request(scope, receive)))


def head(answer) -> dict:
    """What a stage tells beside its numbers."""
    length = int.from_bytes(answer.body[:4], "little")
    return json.loads(answer.body[4 : 4 + length])


@pytest.fixture(autouse=True)
def lane(monkeypatch):
    """A lane belongs to an event loop, and every question here has one of its own."""

    async def make(_request, make):
        return server._pack(make(), False, "application/octet-stream")

    monkeypatch.setattr(server, "make_quickly", make)


@pytest.fixture
def found():
    """A training whose process is left out: the shipped cell arrives as a process would send it."""
    view = trained.fitted(views.parse(_PARITY)[0])
    made = training.Training(view, Order("parity", "BasicLSTMCell", 4, 0))
    training._trainings[made.ticket] = made
    hear(made)
    yield made
    training._trainings.pop(made.ticket, None)


def hear(found, scale=1.0, **told):
    example = examples.load("parity", "BasicLSTMCell", 4)
    where = {
        "state": "running",
        "step": 5,
        "steps": 2000,
        "losses": [0.5],
        "epoch": 0,
        "epochs": 10,
        "batches": 200,
    }
    weights = {name: weight * np.float32(scale) for name, weight in example.cell.weights.items()}
    arrays = {**weights, KERNEL: example.head.kernel, BIAS: example.head.bias}
    found._take(Message(where | {"rate": 0.01} | told, arrays))


def test_a_look_has_the_stage_of_the_weights_and_where_the_training_is(found):
    told = head(ask("look", ticket=found.ticket, after="-1", t="3", unit="1"))
    assert told["numUnits"] == 4 and told["answer"]["title"] == "parity of the bits so far"
    assert told["told"].startswith("trained here: parity") and "while it is trained" in told["drawn"]
    row = told["training"]
    assert (row["state"], row["step"], row["curve"], row["isOver"]) == ("running", 5, [0.5], False)


def test_what_is_taken_apart_is_of_the_same_weights_and_of_those_before_for_a_while(found):
    names = []
    for scale in (1.0, 0.5):
        hear(found, scale)
        names.append(head(ask("look", ticket=found.ticket, after="0"))["training"]["of"])
    taken = []
    for name in names:
        asked = stage.read(
            "number", dict(parse_qsl(name)) | {"engine": "numpy", "t": "3", "unit": "1", "name": "f"}
        )
        taken.append(json.loads(asked.make())["sums"])
    assert taken[0] != taken[1]
    cell = examples.load("parity", "BasicLSTMCell", 4).cell
    assert taken[1][0]["terms"][0][2] == pytest.approx(cell.kernel[0, cell.columns("f")][1] / 2, rel=1e-5)


def test_a_look_at_what_is_known_waits_for_something_new(found, monkeypatch):
    monkeypatch.setattr(training_routes, "_LONGEST", 0.3)
    begun = time.monotonic()
    assert ask("look", ticket=found.ticket, after=str(found.heard.version)).status_code == 204
    assert time.monotonic() - begun >= 0.3
    assert head(ask("look", ticket=found.ticket, after="0"))["training"]["version"] == found.heard.version


def test_who_looks_keeps_a_training_alive(found):
    found._seen = 0.0
    assert found._find_end() == "Nobody looked on any more."
    ask("look", ticket=found.ticket, after="0")
    assert found._find_end() is None


def test_of_a_training_that_nobody_knows_it_is_said_that_it_is_over(found):
    for ticket in ("", "x", found.ticket[:-1]):
        assert head(ask("look", ticket=ticket))["training"]["isOver"]


@pytest.mark.parametrize(
    ("method", "what", "headers", "status"),
    [
        ("POST", "begin", (), 403),
        ("POST", "do", (), 403),
        ("GET", "begin", ((b"x-lstmviz-training", b"1"),), 404),
        ("POST", "other", ((b"x-lstmviz-training", b"1"),), 404),
        ("GET", "other", (), 404),
    ],
)
def test_no_page_of_another_site_begins_or_ends_one(method, what, headers, status):
    assert ask(what, method, headers, **_PARITY).status_code == status


def test_there_are_no_routes_where_nothing_is_trained(monkeypatch):
    monkeypatch.setattr(limits, "MAX_TRAININGS", 0)
    assert ask("begin", "POST", **_PARITY).status_code == ask("look").status_code == 404


@pytest.mark.parametrize("query", [{"num_units": "many"}, {"rate": "fast"}, {"nothing": "1"}])
def test_what_is_no_view_is_not_trained(query):
    assert ask("begin", "POST", **(_PARITY | query)).status_code == 400


def test_what_cannot_be_trained_is_told_as_a_sentence(monkeypatch):
    told = json.loads(ask("begin", "POST", sequence="parity", cell="MGU").body)
    assert told["problem"].startswith("MGU is not trained here")
    monkeypatch.setattr(
        training, "UNSEEN", -1.9
    )  # as long as a page that was loaded anew waits for its place

    def refuse(*_arguments):
        raise training.BusyError("as many as it may")

    monkeypatch.setattr(training, "begin", refuse)
    assert json.loads(ask("begin", "POST", **_PARITY).body) == {"problem": "as many as it may"}


@pytest.mark.parametrize(
    ("query", "command"),
    [
        ({"do": "pause"}, {"do": "pause"}),
        ({"do": "step", "batches": "200"}, {"do": "step", "batches": 200}),
        ({"do": "rate", "rate": "1e9"}, {"do": "rate", "rate": 10.0}),
        ({"do": "rate", "rate": "1e-99"}, {"do": "rate", "rate": 1e-6}),
        ({"do": "step", "batches": "0"}, None),
        ({"do": "step", "batches": "9" * 40}, None),
        ({"do": "rate", "rate": "nan"}, None),
        ({"do": "rate", "rate": "-1"}, None),
        ({"do": "__import__"}, None),
        ({}, None),
    ],
)
def test_only_what_can_be_done_reaches_the_process(found, monkeypatch, query, command):
    heard = []
    monkeypatch.setattr(found, "ask", heard.append)
    assert ask("do", "POST", ticket=found.ticket, **query).status_code == 204
    assert heard == ([command] if command else [])


def test_who_leaves_ends_it(found):
    ask("do", "POST", ticket=found.ticket, do="leave")
    assert found._find_end() == "Nobody looked on any more."


# --- What the page's script knows of it


def _kept(found):
    hear(found, state="ended", facts={"accuracy": 0.75, "accuracy_long": 0.5, "chance": 0.5})
    return training_routes.shown(found.view, found.heard.model)


def test_a_kept_cell_says_what_was_measured_and_that_no_link_takes_it_along(found):
    told = trainer.offer(_kept(found))["kept"]
    assert (
        "no link takes it along" in told
        and "right at 75.0% of the steps" in told
        and "a guess at 50%" in told
    )


def test_it_is_offered_where_there_is_a_task_and_nowhere_where_nothing_is_trained(found, monkeypatch):
    assert trainer.offer(found.view)["why"] == ""
    assert trainer.offer(replace(found.view, cell="MGU"))["why"]
    assert trainer.offer(views.parse({"sequence": "sine"})[0]) is None
    assert trainer.offer(replace(found.view, lock=("seed",))) is None, (
        "a link holds the weights that it shows"
    )
    monkeypatch.setattr(limits, "MAX_TRAININGS", 0)
    assert trainer.offer(found.view) is None


def test_a_kept_cell_is_compared_with_the_one_that_ships(found):
    hear(found, 0.5)
    view = beside.with_other(training_routes.shown(found.view, found.heard.model))
    other = replace(views.other(view), input_size=view.input_size)  # both read the same sequence
    assert other.model == "" and trained.find(other).cell is examples.load("parity", "BasicLSTMCell", 4).cell
    np.testing.assert_array_equal(render.load_cell(other).kernel, 2 * render.load_cell(view).kernel)
    facts = [beside._facts(each, ("initial_weights", "num_units")) for each in (view, other)]
    assert [each["initial_weights"] for each in facts] == ["trained here", "trained"]
    assert facts[0]["num_units"] == facts[1]["num_units"] == "4"


def test_a_link_to_a_kept_cell_says_elsewhere_that_it_stayed_in_its_session(found):
    view = replace(_kept(found), model="")
    shown, problems = models._without_file(view)
    assert "stayed in the session that trained it" in problems[0] and not shown.model
    assert views.to_query(view)["layer"] == "trained here: parity"


def test_an_address_that_is_longer_than_any_views_is_not_read():
    assert ask("begin", "POST", text="a" * 70_000).status_code == 414


def test_another_sequence_is_none_that_the_cell_was_trained_for(found):
    view = _kept(found)
    assert trained.find(view) and trained.find(replace(view, sequence="echo")) is None
