"""The pictures ahead of the script are the script's own."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmviz import cells, language, sequences
from lstmviz.web import figure, pictures, render, server
from lstmviz.web import view as views
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
def test_a_picture_ahead_is_the_scripts(**picked):
    view, _problems = views.parse(views.to_query(View(**picked)))
    sequence, _cut = render.load_sequence(view, None)
    query = views.to_query(view)
    ahead = {key: pictures.ahead(key, query) for key in pictures.KEYS}
    with language.use(view.lang):
        shown = replace(view, input_size=sequence.input_size)
        assert ahead["kernel"] == pictures.kernel(view)
        if shown == view:
            assert ahead["gates"] == pictures.gates(view, render.run_picture(view, sequence, None))
        else:
            assert ahead["gates"] is None
    told = json.loads(ahead["kernel"])
    assert told["key"] == "kernel" and told["of"] == pictures.name(view)


@pytest.mark.parametrize(
    "query",
    [
        {"num_units": "-5"},
        {"cell": "Foo"},
        {"num_units": "9", "colour": "red"},
        {"sequence": "csv"},
        {"sequence": "numbers", "numbers": "one two"},
        {"sequence": "sine", "time_steps": "10000", "num_units": "20"},
    ],
)
def test_what_must_be_told_or_waited_for_is_left_to_the_script(query):
    assert pictures.ahead("gates", query) is None


def test_a_message_carries_what_the_figure_needs():
    message = json.loads(figure.message(b'{"data":[]}', key="k", alt="seen", height=7, of="a=1"))
    assert message["figure"] == {"data": []}
    assert (message["key"], message["alt"], message["height"], message["of"]) == ("k", "seen", 7, "a=1")
