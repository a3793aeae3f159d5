"""What the stage's routes make of an address, and what the page makes of what a browser says was moved."""

from __future__ import annotations

import asyncio
import json
import struct
from urllib.parse import urlencode

import pytest

import lstmviz as lv
from lstmviz.plot import stage as stages
from lstmviz.web import limits, pictures, render, server, stage, unmade
from lstmviz.web import view as views
from lstmviz.web.view import View
from tests import coroutines

QUERY = {"num_units": "5", "sequence": "sine", "time_steps": "12", "input_size": "3", "engine": "numpy"}


@pytest.fixture(autouse=True, scope="module")
def _warm():
    assert server.wait_warm(120)
    server._warming.join()


def head(made: bytes) -> dict:
    (length,) = struct.unpack_from("<I", made)
    return json.loads(made[4 : 4 + length])


def ask(key: str, **query: str) -> bytes | None:
    wanted = stage.read(key, QUERY | query)
    return wanted.make() if wanted else None


# --- Addresses


@pytest.mark.parametrize(
    "query",
    [
        {"t": "-1"},
        {"t": "1e999"},
        {"t": "nan"},
        {"t": ""},
        {"t": "1.0"},
        {"t": "\u0663"},  # a digit, but none of ASCII's
        {"unit": "abc"},
        {"unit": "-1"},
        {"unit": "0x1"},
        {"num_units": "-5"},
        {"num_units": "1e9"},
        {"cell": "Foo"},
        {"colour": "red"},
        {"sequence": "csv"},
        {"sequence": "csv", "upload": "../../etc/passwd"},
        {"model": "none"},
        {"num_units": "5" * 10**5},
    ],
)
@pytest.mark.parametrize("key", stage.NUMBERS)
def test_an_address_that_asks_for_nothing_is_answered_with_nothing(key, query):
    wanted = stage.read(key, QUERY | query)
    assert wanted is None or wanted.make() is None


@pytest.mark.parametrize("name", ["t", "unit", "num_units", "name"])
def test_a_name_that_stands_twice_is_answered_with_nothing(name):
    assert stage.read("stage", QUERY, [name]) is None


@pytest.mark.parametrize(
    "name", ["f" * 10**6, "", "x", "\0", "<script>", "../f", "f\n", "__class__", "é" * 10**5]
)
def test_a_number_of_no_gate_and_no_state_is_answered_with_nothing(name):
    wanted = stage.read("number", QUERY | {"name": name})
    assert wanted and len(wanted.name) <= 80 and wanted.make() is None


def test_what_cannot_be_made_is_said_in_the_log_once_and_without_what_was_given(monkeypatch, caplog):
    def fail(*_given):
        raise KeyError("my-own-words")

    monkeypatch.setattr(unmade, "_noted", set())
    monkeypatch.setitem(stage.NUMBERS, "number", fail)
    monkeypatch.setitem(pictures.PICTURES, "gates", fail)
    for _again in range(2):
        assert ask("number", name="my-own-words") is None
        assert pictures.fetch("gates", QUERY) is None
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["number was not made"]
    assert f"KeyError at {__file__}:" in caplog.text and "my-own-words" not in caplog.text


@pytest.mark.parametrize("beyond", ["11", "12", "9999", "9" * 400])
def test_a_step_and_a_unit_beyond_the_last_are_the_last(beyond):
    made = head(ask("stage", t=beyond, unit=beyond))
    assert made["step"]["first"] + made["step"]["count"] == 12 and made["step"]["unit"] == 4
    made = json.loads(ask("number", t=beyond, unit=beyond, name="f"))
    assert made["title"] == "f[4] at step 11"


def test_the_routes_numbers_are_those_of_the_library():
    cell = lv.build("BasicLSTMCell", num_units=5, input_size=3)
    sequence = lv.sequences.make("sine", time_steps=12, input_size=3)
    trace = lv.run(cell, sequence, engine="numpy")
    view, _problems = views.parse(QUERY | {"engine": ""})
    assert ask("steps", t="3", unit="2") == stages.pack(stages.make_steps(trace, 3, 2)), view
    told = head(ask("stage", t="3", unit="2"))
    own = {
        name: told[name]
        for name in (
            "told",
            "drawn",
            "linear",
            "difference",
            "dtype",
            "errors",
            "look",
            "edits",
            "hasLedger",
            "isText",
            "alternatives",
        )
    }
    assert ask("stage", t="3", unit="2") == stages.pack(stages.make_stage(trace, 3, 2), **own)
    assert (own["linear"], own["difference"], own["dtype"]) == (False, None, "float32")
    assert json.loads(ask("number", t="3", unit="2", name="o")) == json.loads(
        json.dumps(stages.make_number(trace, 3, "o", 2))
    )


def test_the_linear_layer_is_told_of():
    assert "the linear layer in front is folded into this kernel" in head(ask("stage", linear="true"))["told"]
    assert "linear" not in head(ask("stage"))["told"]
    assert 0 < head(ask("stage", linear="true"))["difference"] < 1e-5  # both ways give the same


def test_words_are_in_the_language_that_is_asked_for():
    english, japanese = head(ask("stage")), head(ask("stage", lang="ja"))
    assert japanese["titles"]["gates"] != english["titles"]["gates"]
    assert [each["role"] for each in japanese["gates"]] != [each["role"] for each in english["gates"]]


def test_what_takes_longer_than_the_stage_waits_is_left_to_the_script(monkeypatch):
    monkeypatch.setattr(stage, "_LONGEST_RUN", 0.001)
    wanted = stage.read("stage", QUERY | {"time_steps": "10000", "num_units": "40"})
    assert wanted and wanted.make() is None


def test_a_long_run_waits_in_the_lane_of_the_long_ones():
    quick, long = (
        stage.read("stage", QUERY | {"time_steps": steps, "num_units": "40"}) for steps in ("9", "10000")
    )
    assert quick and long and quick.seconds < server._MOMENT < long.seconds


def test_a_number_that_is_none_is_sent_by_its_name():
    sent = stage.write_json(
        {"value": float("nan"), "terms": [["x[0]", float("inf"), -float("inf"), 1.5]], "n": 3}
    )
    assert json.loads(sent, parse_constant=pytest.fail) == {
        "value": "NaN",
        "terms": [["x[0]", "Infinity", "-Infinity", 1.5]],
        "n": 3,
    }


def test_a_run_that_explodes_has_numbers_all_the_same():
    query = {
        "cell": "BasicRNNCell",
        "activation": "exponential",
        "time_steps": "60",
    }
    found = [
        ask("number", **query, t=str(t), name="z", unit=str(unit)) for t in (0, 30, 59) for unit in range(5)
    ]
    assert all(json.loads(each, parse_constant=pytest.fail)["sums"] for each in found)


# --- The route


def call(key: str, query: str) -> tuple[int, bytes]:
    """What the server's own routes answer, without a server."""
    from starlette.applications import Starlette

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/{server.assets_path()}/numbers/{key}",
        "query_string": query.encode(),
    }
    scope |= {"headers": [], "client": ("127.0.0.1", 1), "root_path": "", "http_version": "1.1"}
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        await asyncio.sleep(60)  # a browser that waits
        return {"type": "http.disconnect"}

    coroutines.run(Starlette(routes=server.routes())(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def test_the_route_answers_with_bytes_and_refuses_what_is_none_of_its_names():
    status, made = call("stage", urlencode(QUERY | {"t": "1"}))
    assert status == 200 and head(made)["numUnits"] == 5
    status, said = call("pictures", urlencode(QUERY))
    assert status == 404 and b"stage, steps, number" in said
    assert call("stage", urlencode(QUERY | {"t": "-1"}))[0] == 204
    assert call("stage", f"{urlencode(QUERY)}&t=1&t=2")[0] == 204
    assert call("number", urlencode(QUERY | {"name": "f" * 10**6}))[0] == 414


# --- What was moved


@pytest.mark.parametrize(
    ("sent", "units"),
    [
        (30, 30),
        (0, 1),
        (-7, 1),
        (10**9, limits.MAX_UNITS),
        (True, 8),
        ("9", 8),
        (9.5, 8),
        (None, 8),
        ([9], 8),
        (float("nan"), 8),
    ],
)
def test_what_was_moved_is_a_number_of_units_within_bounds(sent, units):
    assert stage.moved(View(), {"num_units": sent}).num_units == units


def test_a_pin_that_was_moved_is_one_of_the_view():
    moved = stage.moved(View(), {"num_units": 4, "t": 7, "unit": 3, "gate": "f"})
    assert (moved.num_units, moved.t, moved.unit, moved.gate) == (4, 7, 3, "f")
    for wrong in (
        {"t": -1},
        {"t": "7"},
        {"t": True},
        {"t": 10**12},
        {"unit": 4},
        {"unit": -1},
        {"unit": None},
        {"gate": "q"},
        {"gate": 3},
    ):
        moved = stage.moved(View(), {"num_units": 4, **wrong})
        assert (moved.t, moved.unit, moved.gate) == (None, None, ""), wrong


def test_units_that_are_gone_are_not_drawn_as_lines_any_more():
    assert stage.moved(View(units=(1, 5, 7)), {"num_units": 6}).units == (1, 5)
    assert stage.moved(View(units=(1, 5, 7)), {}).units == (1, 5, 7)


def test_a_trained_layer_keeps_its_units():
    view = View(model="mine", layer="lstm", num_units=8)
    assert stage.moved(view, {"num_units": 30}).num_units == 8


# --- Where a link goes


def test_the_stage_at_rest_says_whose_run_it_is_and_how_far_the_other_is_from_it():
    view, _problems = views.parse({name: value for name, value in QUERY.items() if name != "engine"})
    sequence, view, _problems = render.fit(view, None)
    wanted = stage.read("stage", views.to_query(view))
    assert wanted
    made = head(wanted.make())
    assert made["drawn"].startswith("CPU:0 · differs from NumPy's by at most ")
    assert 0 < render.difference(view, sequence, None) < 1e-5


# --- Units in another order


def test_the_stages_rows_stand_in_the_order_that_the_address_asks_for():
    cell = lv.build("BasicLSTMCell", num_units=5, input_size=3)
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=12, input_size=3), engine="numpy")
    for by in ("half_life", "f.high", "similarity", "without", "impulse"):
        assert head(ask("stage", order=by))["order"] == lv.order_units(trace, by).tolist()
    assert head(ask("stage"))["order"] is None
    assert ask("stage", order="size") is None and ask("stage", order="r.low") is None


def test_an_order_that_cannot_be_had_is_told():
    query = {k: v for k, v in QUERY.items() if k != "engine"} | {"order": "half_life", "cell": "BasicRNNCell"}
    view, problems = views.parse(query)
    assert (view.order, problems) == (
        "stored",
        ["order was “half_life”; showing stored: nothing that BasicRNNCell holds fades by a factor."],
    )
    assert ask("stage", order="half_life", cell="BasicRNNCell") is None, "the page says so"
    told = head(ask("stage", order="without", clamp="h.0:0"))
    assert told["order"] is None and "runs of its own, in which nothing is held" in told["told"]


def test_an_order_that_takes_too_long_is_not_begun(monkeypatch):
    monkeypatch.setattr("lstmviz.web.orders.LONGEST", 1e-5)
    told = head(ask("stage", order="without"))
    assert told["order"] is None and "it takes more than" in told["told"]
    monkeypatch.setattr("lstmviz.web.orders._MOST_KEPT", 59)
    told = head(ask("stage", order="half_life"))  # 12 steps of 5 units
    assert told["order"] is None and "it takes too much memory" in told["told"]


def test_another_kind_has_no_order_by_a_gate_that_it_has_not():
    view, _problems = views.parse({**{k: v for k, v in QUERY.items() if k != "engine"}, "order": "f.low"})
    assert stage.moved(view, {"set": {"cell": "GRUCell"}}).order == "stored"


# --- Characters that are selected


@pytest.mark.parametrize(
    ("asked", "steps"),
    [
        ("=(", [1, 4]),
        ("2-4", [2, 3, 4]),
        ("4-2", [2, 3, 4]),
        ("4-99", [4, 5]),
        ("=q", []),
        ("", []),
        ("-", []),
        ("1-x", []),
        ("--3", []),
        ("9" * 400 + "-1", [1, 2, 3, 4, 5]),
    ],
)
def test_steps_are_selected_by_a_range_or_by_what_they_are_called(asked, steps):
    assert stage.select(asked, tuple("a(b)()")) == steps


def test_the_route_tells_which_units_differ_at_the_characters_that_are_selected():
    query = {"sequence": "text", "text": "a(b)a(b)", "num_units": "12", "engine": "numpy"}
    wanted = stage.read("contrast", query | {"name": "c", "select": "=("})
    told = json.loads(wanted.make())
    text = lv.sequences.from_text("a(b)a(b)")
    trace = lv.run(lv.build("BasicLSTMCell", 12, text.input_size), text, engine="numpy")
    found = lv.differ(trace, [1, 5], "c")
    assert [each[0] for each in told["units"]] == list(found.units) and told["steps"] == 2
    for nothing in (
        {"select": "=q", "name": "c"},
        {"select": "0-99", "name": "c"},
        {"select": "=(", "name": "q"},
    ):
        assert stage.read("contrast", query | nothing).make() is None
