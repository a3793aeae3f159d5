"""The pictures on the route are those of the script."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmviz import cells, language, sequences
from lstmviz.web import figure, pictures, render, server
from lstmviz.web import view as views
from lstmviz.web.figure import Made
from lstmviz.web.view import View


@pytest.fixture(autouse=True, scope="module")
def _warm():
    server.wait_warm(60)
    assert server._warming
    server._warming.join()  # the other kinds too: Hypothesis would take TensorFlow's random numbers for its own


@settings(max_examples=15, deadline=None)
@given(
    cell=st.sampled_from(sorted(cells.KINDS)),
    num_units=st.integers(1, 12),
    input_size=st.integers(1, 4),
    sequence=st.sampled_from([*sequences.GENERATORS, views.TEXT, views.NUMBERS]),
    time_steps=st.integers(1, 20),
    seed=st.integers(0, 3),
    values=st.sampled_from(views.VALUES),
    linear=st.booleans(),
    lang=st.sampled_from(sorted(language.LANGUAGES)),
)
def test_the_route_has_every_view_that_the_script_refers_to(**picked):
    view, _problems = views.parse(views.to_query(View(**picked)))
    sequence, view, _problems = render.fit(view, None)
    query = views.to_query(view)
    with language.use(view.lang):
        kernel, run = render.kernel_picture(view), render.run_picture(view, sequence, None)
        expected = {
            "kernel": figure.drawing(Made(kernel.figure, kernel.alternative)),
            "gates": figure.drawing(Made(run.figure, run.alternative)),
        }
    assert {key: pictures.fetch(key, query) for key in expected} == expected
    assert json.loads(pictures.fetch("step", query))["frames"]["steps"] == len(sequence)
    named = {"num_units": str(view.num_units)} | query  # the browser goes ahead with that one
    assert dict(parse_qsl(pictures.name(view), keep_blank_values=True)) == named


@pytest.mark.parametrize(
    "query",
    [
        {"num_units": "-5"},
        {"cell": "Foo"},
        {"num_units": "9", "colour": "red"},
        {"device": "GPU:7"},
        {"sequence": "csv"},
        {"sequence": "numbers", "numbers": "one two"},
        {"sequence": "sine", "time_steps": "10000", "num_units": "20"},
    ],
)
def test_what_must_be_told_or_waited_for_is_left_to_the_script(query):
    assert pictures.fetch("gates", query) is None


def test_a_drawing_holds_what_the_component_needs():
    message = json.loads(figure.drawing(Made(b'{"data":[]}', "seen", b'{"steps":3}'), {"of": "a=1"}))
    assert message["figure"] == {"data": []}
    assert (message["alt"], message["frames"], message["of"]) == ("seen", {"steps": 3}, "a=1")
