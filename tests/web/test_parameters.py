"""The table of the address's parameters: each row is tested as it stands there, a new one too."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from lstmviz import build, language
from lstmviz.formats.found import Reads
from lstmviz.web import models, parameters, pictures, render
from lstmviz.web import view as views
from lstmviz.web.parameters import (
    Choice,
    Device,
    Edits,
    Flag,
    Holds,
    Names,
    Number,
    Orders,
    Plain,
    RoomName,
    StepName,
    Steps,
    Text,
    Units,
    Whole,
)
from lstmviz.web.shelf import Shelf
from lstmviz.web.view import View

_ASKED = {"num_units": "3", "input_size": "2", "time_steps": "7", "sequence": "sine"}
_BASES = {
    "generated": {**_ASKED, "cell": "LSTMCell", "num_proj": "2", "cell_clip": "0.5"},
    "compared": {**_ASKED, "b.seed": "3", "gradients": "true", "contrast": "true", "layout": "keras"},
    "pinned": {**_ASKED, "t": "2", "gate": "f", "unit": "1", "lang": "ja", "show": "text", "colour": "c"},
    "text": {"num_units": "3", "sequence": "text"},
    "numbers": {"num_units": "3", "sequence": "numbers", "units": "1", "values": "preactivations"},
}
_OWN = models.Model(
    "own.npz",
    {"one": build("BasicLSTMCell", 3, 2, seed=1), "two": build("BasicLSTMCell", 3, 2, seed=2)},
    {
        "one": models.Facts(
            reads=Reads(initial_state={"c": np.full(3, 0.5, np.float32), "h": np.full(3, -0.5, np.float32)})
        )
    },
)


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    """Every picture is made when it is asked for."""
    monkeypatch.setattr(Shelf, "get", lambda _shelf, _key, make, _bytes: make())


def _open(base: str) -> View:
    if base == "own model":
        view, problems = models.with_layer(views.parse({**_ASKED, "layer": "one"})[0], _OWN, "one"), []
    else:
        view, problems = views.parse(_BASES[base])
    assert not problems
    return view if base == "compared" else replace(view, engine=render.NUMPY)


def _others(row: parameters.Row, view: View) -> list[object]:
    """Another value that a parameter may have."""
    own, values = row.get(view), row.of(view)
    match values:
        case Flag():
            candidates: list[object] = [True, False]
        case Choice(allowed):
            candidates = list(allowed)[:2]
        case Whole(minimum, maximum):
            candidates = [min(max(number, minimum), maximum) for number in (1, 2)]
        case Number(minimum, maximum):
            candidates = [min(max(number, minimum), maximum) for number in (0.25,)]
        case Text() if row.name == "alphabet":
            candidates = ["".join(sorted(set(view.text), reverse=True)) + "~"]
        case Text():
            candidates = ["two"] if row.name == "layer" else ["0 1 1 0 2"]
        case Device():
            candidates = ["CPU:0"]
        case StepName():
            candidates = ["memory"]
        case Orders():
            candidates = list(values.allowed)[:2]
        case Steps():
            candidates = ["1-2"]
        case RoomName():
            candidates = ["k7m2qx9f0"]
        case Units():
            candidates = [(0,), (0, 2)]
        case Names(allowed):
            candidates = [(allowed[0],), (allowed[1], allowed[0])]
        case Plain():
            candidates = ["Which gate forgets?"]
        case Holds(sizes):
            candidates = [f"{next(iter(sizes))}.1:0.25"]
        case Edits(shapes):
            name, shape = next(iter(shapes.items()))
            candidates = [f"{name}:{','.join(str(length - 1) for length in shape)}:0.25"]
    return [value for value in candidates if value != own][:1]


def _put(row: parameters.Row, view: View, value: object) -> View:
    if not row.group:
        return row.put(view, value)
    return replace(view, **{row.group: tuple((dict(getattr(view, row.group)) | {row.name: value}).items())})


def _neighbours(base: str) -> list[tuple[str, View, View]]:
    """A view beside others that differ from it in one parameter each, by its name."""
    view, found = _open(base), []
    for row in parameters.rows(view):
        for value in _others(row, view):
            if row.name in ("cell", "sequence", "num_units", "input_size", "linear") and view.model:
                continue  # the file says it
            other = _put(row, view, value)
            if row.name in ("cell", "sequence"):
                other = views.parse(
                    parameters.in_full(replace(view, options=(), signal=())) | {row.name: str(value)}
                )[0]
            found.append((row.name, view, other))
    found.append(("engine", view, replace(view, engine="" if view.engine else render.NUMPY)))
    found.append(("versus", view, replace(view, versus=(("dtype", "float64"),))))
    return found


@cache
def _draw(view: View, what: str) -> object:
    """What is drawn of a view, to be compared; None where it has nothing of that kind."""
    with language.use(view.lang):
        try:
            sequence, shown, _problems = render.fit(view, None)
            return _DRAWN[what](shown, sequence)
        except ValueError:
            return None


def _tell_trace(view, sequence):
    trace = render.load_trace(view, sequence)
    return {name: values.tobytes() for name, values in (trace.gates | trace.states).items()}


_DRAWN = {
    "cells": lambda view, _x: {name: w.tobytes() for name, w in render.load_cell(view).weights.items()},
    "kernel": lambda view, _x: render.kernel_picture(view).figure,
    "layout": lambda view, _x: render.layout_picture(view).figure if view.layout else None,
    "trace": _tell_trace,
    "difference": lambda view, x: render.difference(view, x, None),
    "gates": lambda view, x: render.run_picture(view, x, None).figure,
    "summary": lambda view, x: render.summary_picture(view, x, None).figure,
    "saturation": lambda view, x: render.saturation_picture(view, x, None).figure,
    "step": lambda view, x: (lambda made: (made.figure, made.frames))(render.step_picture(view, x, None)),
    "compare": lambda view, x: render.comparison_picture(view, x, None).figure,
    "beside": lambda view, x: render.beside_picture(view, x, None).figure,
    "gradients": lambda view, x: render.gradients_picture(view, x, None).figure,
    "contrast": lambda view, x: render.contrast_picture(view, x, None),
    "ledger": lambda view, x: render.ledger_picture(view, x, None).figure,
}


_OF_ALL = ("cells", "kernel", "trace", "gates", "summary", "saturation", "step")
_OF_ONE = (
    "layout",
    "difference",
    "compare",
    "beside",
    "gradients",
    "contrast",
    "ledger",
)  # of one view here: TensorFlow makes them, and takes its time


def _key(view: View, what: str) -> tuple[object, ...]:
    with language.use(view.lang):
        _sequence, shown, _problems = render.fit(view, None)  # the data say how many features there are
        return render._key(shown, what)


def _check(base: str, kinds: tuple[str, ...], rows: frozenset[str] | None = None) -> None:
    """Draws, of a view and of each that differs in one of `rows`, what has the same key or name for both."""
    for name, view, other in _neighbours(base):
        if rows is not None and name not in rows:
            continue
        for what in kinds:
            if _key(view, what) == _key(other, what):
                assert _draw(view, what) == _draw(other, what), f"{what} is kept whatever {name} is"
        for what in ("kernel", "gates"):
            if pictures.name(view) == pictures.name(other) and view.engine == other.engine:
                assert _draw(view, what) == _draw(other, what), (
                    f"{what} is called the same whatever {name} is"
                )


@pytest.mark.parametrize(
    ("base", "kinds", "beside"),
    [
        ("generated", _OF_ALL, ""),
        ("text", _OF_ALL, "generated"),
        ("numbers", _OF_ALL, "text"),
        ("own model", _OF_ALL, "generated"),
        ("compared", _OF_ONE, ""),
    ],
)
def test_what_is_kept_differs_in_its_key_wherever_a_parameter_changes_it(base, kinds, beside):
    known = {row.name for row in parameters.rows(_open(beside))} if beside else set()
    own = {row.name for row in parameters.rows(_open(base))} - known
    _check(base, kinds, frozenset(own | {"engine", "versus", "layer", "reverse", "initial_state"}))


@pytest.mark.parametrize("name", ["seed", "values", "numbers"])
def test_a_row_that_says_too_much_is_found(monkeypatch, name):
    wrong = {**parameters._spares(), name: parameters.CELL | parameters.RUN}
    monkeypatch.setattr(parameters, "_spares", lambda: wrong)
    with pytest.raises(AssertionError, match=f"whatever {name} is"):
        _check("numbers", _OF_ALL, frozenset({name}))


def test_every_name_that_something_is_kept_under_is_drawn_here():
    assert set(_DRAWN) == {*_OF_ALL, *_OF_ONE}
    assert set(_DRAWN) == parameters.CELL | parameters.RUN
    assert {row.name for base in [*_BASES, "own model"] for row in parameters.rows(_open(base))} >= {
        row.name for row in parameters.ROWS
    }, "every row matters to one of the views"


def test_a_field_of_the_view_without_a_row_changes_everything():
    known = {row.name for row in parameters.ROWS} | {"options", "signal", "versus", "engine", "follows"}
    assert {field.name for field in fields(View)} - known == {"model"}
    view = View()
    for what in parameters.CELL | parameters.RUN:
        assert parameters.key(view, what) != parameters.key(replace(view, model="ticket"), what)


@pytest.mark.parametrize("base", _BASES)
def test_the_address_says_one_parameter_more_for_each_that_is_picked(base):
    view = _open(base)
    plain = views.to_query(view)
    for row in parameters.rows(view):
        assert (row.name in plain) == (row.get(view) != row.usual(view)), row.name
        for value in _others(row, view):
            if row.name in ("cell", "sequence", "input_size", "num_units"):
                continue  # others depend on it
            query = views.to_query(_put(row, view, value))
            assert query.keys() - {row.name} == plain.keys() - {row.name}, row.name
            assert row.get(views.parse(query)[0]) == value, row.name


@pytest.mark.parametrize("base", _BASES)
def test_the_widgets_show_the_view_and_say_it_again(base):
    view = _open(base)
    assert parameters.read_widgets(view, parameters.widgets(view)) == view
    for row in parameters.rows(view):
        for value in _others(row, view) if row.widget else ():
            if row.name not in ("cell", "sequence"):
                picked = parameters.read_widgets(view, parameters.widgets(view) | {row.widget: value})
                assert row.get(picked) == value, row.name


@pytest.mark.parametrize("held", [None, "基本", -1, 1e40, True, [], [99], "x" * 5000])
def test_a_widget_that_holds_what_is_none_of_its_values_changes_nothing_else(held):
    view = _open("pinned")
    for row in parameters.rows(view):
        if row.widget:
            picked = parameters.read_widgets(view, parameters.widgets(view) | {row.widget: held})
            assert _put(row, picked, row.get(view)) == view or row.name in ("cell", "sequence"), row.name
            query = parameters.in_full(picked)
            assert views.parse(query)[1] == [], (row.name, held)


def test_whatever_an_address_says_the_sentence_about_it_shows_something_or_says_that_it_is_left_out():
    for row in parameters.rows(View()):
        _value, said = row.of(View()).read(row.name, "$", row.usual(View(), "en"))
        assert not re.search(r"showing (None)?[:,]|one of ,|: \.", said), said
