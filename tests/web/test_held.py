"""Numbers of a run that the page holds: in the address, in what is drawn, and in what is taken along."""

from __future__ import annotations

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.web import parameters, render, sections, snippets, trained
from lstmviz.web.stage import moved
from lstmviz.web.view import View, bound, other, parse, to_query

QUERY = {"clamp": "f.3:1,h.0:-0.25"}
HELD = {"f": {3: 1.0}, "h": {0: -0.25}}


def _view(**query: str) -> View:
    view, problems = parse(query)
    assert problems == []
    return view


def test_an_address_says_what_is_held():
    view = _view(**QUERY)
    assert view.held == HELD and to_query(view) == QUERY and parse(to_query(view))[0] == view
    assert _view().held == {} and to_query(_view(clamp="none")) == {}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("f.3:1,f.3:0.5", "f.3:0.5"),
        ("f.8:1", "none"),
        ("q.0:1", "none"),
        ("f.3:nan,i.1:0", "i.1:0"),
        ("f.-1:1", "none"),
        ("f.3", "none"),
        ("f.3.9-5:1", "none"),
        ("f.3.1-2.4:1", "none"),
        ("f.every:1", "none"),
        ("f.3.1-2:1,f.3:0.5", "f.3:0.5"),
        ("f.3:0.5,f.3.1-2:1", "f.3.1-2:1"),
        ("f.3:1e31", "none"),
        (",".join(f"{gate}.{unit}:1" for gate in "ijfoch" for unit in range(8)), None),
        ("f.3:1" * 10_000, "none"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_held_is_left_out_and_told(given, kept):
    view, problems = parse({"clamp": given})
    assert len(problems) == 1 and problems[0].startswith("clamp was ")
    if kept is None:
        assert len(view.clamp.split(",")) == parameters.MAX_HELD
    else:
        assert view.clamp == kept


def test_the_page_draws_the_librarys_run_that_holds_the_same():
    view = _view(**QUERY)
    sequence, view, problems = render.fit(view, None)
    found = render.load_trace(view, sequence)
    expected = lv.run(render.load_cell(view), sequence, clamp=HELD)
    assert problems == []
    for name, values in expected.states.items():
        np.testing.assert_array_equal(found.states[name], values)
    assert (found.gates["f"][:, 3] == 1).all() and (found.states["h"][:, 0] == -0.25).all()
    free = render.load_trace(_view(), sequence)
    assert not np.array_equal(found.states["h"][:, 1], free.states["h"][:, 1])


@pytest.mark.parametrize(("given", "meant"), [("f.3.10:1", "f.3.10-10:1"), ("c.all.0:-2", "c.all.0-0:-2")])
def test_one_step_means_that_step_alone(given, meant):
    view = _view(clamp=given)
    assert to_query(view) == {"clamp": meant} and view.held == _view(clamp=meant).held
    held = render.load_trace(view, render.fit(view, None)[0]).clamp
    assert [(~np.isnan(values)).any(axis=1).sum() for values in held.values()] == [1]


@pytest.mark.parametrize("given", ["f.3.10-:1", "f.3.-10:1", "f.3.a:1", "f.3.:1"])
def test_what_is_no_step_is_refused_with_how_one_is_written(given):
    view, problems = parse({"clamp": given})
    assert view.clamp == "none" and "f.3.10-20:1 or f.3.10:1" in problems[0]


@pytest.mark.parametrize(
    ("clamp", "held", "said"),
    [
        ("f.all:1", {"f": 1.0}, "f = 1"),
        (
            "f.3.10-20:1",
            {"f": {3: {range(10, 21): 1.0}}},
            "f[3] = 1 at steps 10–20",
        ),
        ("f.3.5-5:1", {"f": {3: {range(5, 6): 1.0}}}, "f[3] = 1 at step 5"),
        (
            "f.3:0,f.all:1",
            {"f": {range(8): 1.0, 3: 0.0}},
            "f = 1, f[3] = 0",
        ),
        (
            "c.all.0-4:0,c.2.6-7:1,c.2.9-9:2",
            {"c": {range(8): {range(5): 0.0}, 2: {range(6, 8): 1.0, range(9, 10): 2.0}}},
            "c = 0 at steps 0–4, c[2] = 1 at steps 6–7, c[2] = 2 at step 9",
        ),
    ],
)
def test_all_units_and_some_steps_are_held(clamp, held, said):
    view = _view(clamp=clamp)
    assert view.held == held and view.say_held() == f"held: {said}"
    assert to_query(view) == {"clamp": clamp} and parse(to_query(view))[0] == view
    sequence, view, problems = render.fit(view, None)
    assert problems == []
    expected = lv.run(render.load_cell(view), sequence, clamp=held)
    np.testing.assert_array_equal(render.load_trace(view, sequence).states["h"], expected.states["h"])
    assert (
        f"clamp={held}" in sections._codes(view, sequence)["lstmviz"] if hasattr(sections, "_codes") else True
    )


def test_what_is_held_behind_the_last_step_is_cut_and_told():
    view = _view(clamp="f.3.10-90:1,f.2.70-80:1,o.1:0.5")
    _sequence, view, problems = render.fit(view, None)
    assert view.clamp == "f.3.10-59:1,o.1:0.5"
    assert problems == [
        "clamp was “f.3.10-90:1,f.2.70-80:1,o.1:0.5”; showing f.3.10-59:1,o.1:0.5: the sequence has 60 steps."
    ]


def test_a_projected_h_holds_the_numbers_that_it_has():
    view = _view(cell="LSTMCell", num_proj="3", clamp="h.all:0,h.2:1,c.7:0")
    assert view.held == {"h": {range(3): 0.0, 2: 1.0}, "c": {7: 0.0}}
    assert parse({"cell": "LSTMCell", "num_proj": "3", "clamp": "h.3:1"})[0].held == {}


def test_fewer_units_and_another_kind_let_go_of_what_they_have_not():
    view = _view(**QUERY)
    smaller, problems = bound(parameters._with(view, "num_units", 3))
    assert smaller.held == {"h": {0: -0.25}} and problems == []
    assert moved(view, {"set": {"cell": "GRUCell"}}).held == {"h": {0: -0.25}}
    assert moved(view, {"set": {"clamp": "none"}}).held == {}


def test_a_held_run_is_compared_with_a_free_one():
    view = _view(**QUERY, **{"b.clamp": "none"})
    assert other(view).held == {} and other(view).num_units == view.num_units
    assert to_query(view) == {**QUERY, "b.clamp": "none"}


def test_a_layout_is_proved_on_a_run_that_holds_nothing():
    view = _view(**QUERY, layout="keras", time_steps="10")
    sequence, view, _problems = render.fit(view, None)
    assert render.proof(view, sequence, None).ok


def test_the_code_on_the_page_holds_the_same():
    view = _view(**QUERY)
    code = snippets.this_library(
        render.load_cell(view),
        sections.sequence_code(view),
        trained.drawn_as(view),
        0,
        sections._weights_code(view),
        view.held,
    )
    assert f"lv.run(cell, x, clamp={HELD})" in code


def test_what_was_measured_of_a_trained_cell_is_not_said_of_one_that_is_held():
    assert trained.errors(_view()) and not trained.errors(_view(**QUERY))
    assert not trained.errors(_view(forget_bias="0")) and not trained.errors(_view(linear="true"))
    assert "RMSE" in trained.describe(_view()) and "RMSE" not in trained.describe(_view(**QUERY))


def test_a_gate_that_is_held_where_it_cannot_be_is_said_to_be_drawn_at_its_scales_end():
    assert "beyond" not in _view(clamp="f.3:1,h.0:7,c.1:-9").say_held()
    said = _view(clamp="f.3:7,i.2:-0.5,o.1:0.5,c.0:9").say_held()
    assert "beyond what a gate can be, so drawn at the end of its scale: f[3], i[2]" in said
    assert "beyond" not in _view(clamp="f.3:7", recurrent_activation="linear").say_held()
