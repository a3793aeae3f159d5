"""The stage as one file: what is in it, how large it gets, and what it says of what is not in it."""

from __future__ import annotations

import base64
import gzip
import json
import re
import struct

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.plot import handout
from lstmviz.plot import stage as stages
from lstmviz.plot.handout import Told, handout_html


def _run(kind: str = "BasicLSTMCell", units: int = 5, steps: int = 12, **options) -> lv.Trace:
    cell = lv.build(kind, num_units=units, input_size=3, seed=1, **options)
    return lv.run(cell, lv.sequences.make("sine", time_steps=steps, input_size=3), engine="numpy")


def _parts(made: bytes) -> dict[str, bytes]:
    found = re.findall(r'<script type="text/plain" id="([\w-]+)">([^<]*)</script>', made.decode())
    return {key: gzip.decompress(base64.b64decode(text)) for key, text in found}


def _contents(made: bytes) -> dict:
    (text,) = re.findall(r'id="lv-contents">(.*?)</script>', made.decode(), re.DOTALL)
    return json.loads(text)


@pytest.mark.parametrize("kind", ["BasicLSTMCell", "GRUCell", "sLSTM"])
def test_each_units_steps_and_numbers_are_those_that_the_server_would_send(kind):
    trace = _run(kind)
    made = handout_html(trace, t=3, unit=2)
    parts, contents = _parts(made), _contents(made)
    assert contents["units"] == [2, 0, 1, 3, 4] and contents["firsts"] == [0]
    for unit in contents["units"]:
        assert parts[f"lv-steps-{unit}-0"] == stages.pack(stages.make_steps(trace, 0, unit))
        numbers = json.loads(parts[f"lv-numbers-{unit}"])
        assert len(numbers) == len(trace) * len(contents["names"])
        at = 7 * len(contents["names"]) + contents["names"].index("h")
        told = stages.make_number(trace, 7, "h", unit)
        assert numbers[at]["title"] == told["title"] and numbers[at]["lines"] == told["lines"]
    (length,) = struct.unpack_from("<I", parts["lv-stage"])
    head = json.loads(parts["lv-stage"][4 : 4 + length])
    assert (head["kind"], head["numUnits"], head["steps"]) == (kind, 5, 12)


def test_a_long_run_has_all_its_steps_in_parts_that_follow_each_other(monkeypatch):
    monkeypatch.setattr(stages, "_VALUES", 2_000)
    trace = _run(steps=40)
    made = handout_html(trace)
    parts, contents = _parts(made), _contents(made)
    seen: set[int] = set()
    for place, first in enumerate(contents["firsts"]):
        (length,) = struct.unpack_from("<I", parts[f"lv-steps-0-{place}"])
        step = json.loads(parts[f"lv-steps-0-{place}"][4 : 4 + length])["step"]
        assert step["first"] == first
        seen |= set(range(first, first + step["count"]))
    assert len(contents["firsts"]) > 2 and seen == set(range(40))


def test_a_projection_has_fewer_outputs_than_units_and_those_alone_are_taken_apart():
    trace = _run("LSTMCell", num_proj=2)
    numbers = json.loads(_parts(handout_html(trace))["lv-numbers-4"])
    names = _contents(handout_html(trace))["names"]
    assert numbers[names.index("h")] is None and numbers[names.index("c")]["title"].startswith("c[4]")


def test_what_there_is_no_room_for_is_left_out_and_said(monkeypatch):
    trace = _run(units=20)
    whole = len(handout_html(trace))
    monkeypatch.setattr(handout, "MAX_BYTES", 200_000)
    made = handout_html(trace, unit=9)
    units = _contents(made)["units"]
    assert 0 < len(units) < 20 and units[0] == 9
    assert len(made) < whole
    assert (
        sum(len(base64.b64encode(gzip.compress(part, 6, mtime=0))) for part in _parts(made).values())
        <= 200_000
    )
    said = f"units: 0\u2013{max(units[1:])}, 9; of the others, {20 - len(units)} in all"
    assert said in made.decode()
    monkeypatch.undo()
    assert "This file holds" not in handout_html(_run()).decode().split("<main")[0]


def test_a_run_that_is_too_long_to_be_taken_apart_says_so(monkeypatch):
    monkeypatch.setattr(handout, "MAX_TERMS", 100)
    made = handout_html(_run())
    assert _contents(made)["units"] == [] and "The run is too long for this file" in made.decode()


def test_the_largest_cell_of_the_page_makes_a_file_that_is_bounded():
    cell = lv.build("BasicLSTMCell", num_units=512, input_size=64, seed=0)
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=600, input_size=64), engine="numpy")
    assert len(handout_html(trace)) < handout.MAX_BYTES + 2**19


def test_strangers_words_are_words():
    trace = _run()
    made = handout_html(
        trace, Told(name="</title><script>", notes=("<b>",), link='https://a/?x="<', beside="</script>")
    )
    text = made.decode()
    assert "<script>" not in text.split("</head>")[0] and "<b>" not in text.split("<main")[0]
    assert text.count("</script>") == text.count("<script ")


def test_numbers_that_are_none_stand_as_the_browser_reads_them():
    told = handout._json({"a": [float("inf"), (float("nan"), -float("inf"))], "b": "</script>"})
    assert told == '{"a": ["Infinity", ["NaN", "-Infinity"]], "b": "\\u003c/script>"}'


def test_a_run_without_steps_is_refused():
    cell = lv.build("BasicRNNCell", num_units=2, input_size=1, seed=0)
    with pytest.raises(ValueError, match="no steps"):
        handout_html(lv.run(cell, np.zeros((0, 1), np.float32), engine="numpy"))
