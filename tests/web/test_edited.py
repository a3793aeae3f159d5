"""Weights that are edited on the page: in the address, in what is drawn, and in what is taken along."""

from __future__ import annotations

import io
import itertools
import json
import struct

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.formats.load import load
from lstmviz.web import downloads, parameters, pictures, render, sections, snippets, stage, trained
from lstmviz.web import view as views
from lstmviz.web.stage import moved
from lstmviz.web.view import View, other, parse, to_query

GENERATED = {"sequence": "sine", "num_units": "5", "input_size": "3", "time_steps": "12"}
EDIT = "kernel:3,5:0.25;bias:7:-1.5"
EDITED = {"kernel": {(3, 5): 0.25}, "bias": {(7,): -1.5}}


def _view(**query: str) -> View:
    view, problems = parse(query)
    assert problems == []
    return view


def _fit(**query: str):
    sequence, view, problems = render.fit(_view(**query), None)
    assert problems == []
    return sequence, view


def test_an_address_says_which_weights_are_edited():
    view = _view(**GENERATED, edit=EDIT)
    assert view.edited == EDITED and to_query(view)["edit"] == EDIT and parse(to_query(view))[0] == view
    assert _view(**GENERATED).edited == {} and "edit" not in to_query(_view(**GENERATED, edit="none"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("kernel:8,5:1", "none"),  # 3 + 5 rows
        ("kernel:7,20:1", "none"),
        ("kernel:7:1", "none"),
        ("bias:20:1", "none"),
        ("bias:-1:1", "none"),
        ("forget_bias:0:1", "none"),
        ("kernel:3,5:nan;bias:0:1", "bias:0:1"),
        ("kernel:3,5:1e31", "none"),
        ("kernel", "none"),
        ("kernel:" * 10_000, "none"),
        (";".join(f"kernel:{row},{column}:1" for row in range(8) for column in range(20)), None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_edited_is_left_out_and_told(given, kept):
    view, problems = parse({**GENERATED, "edit": given})
    assert len(problems) == 1 and problems[0].startswith("edit was ")
    if kept is None:
        assert len(view.edit.split(";")) == parameters.MAX_EDITED
    else:
        assert view.edit == kept
        assert "kernel:7,19:0.25; kernel [8, 20], bias [20]" in problems[0]


def test_rows_of_a_sequence_that_brings_its_features_are_checked_when_it_is_there():
    query = {"sequence": "text", "text": "abc", "num_units": "4", "edit": "kernel:6,1:1;kernel:7,1:1"}
    view, problems = parse(query)
    assert problems == [] and view.edit == query["edit"]
    _sequence, view, problems = render.fit(view, None)
    assert view.edit == "kernel:6,1:1" and "kernel [7, 16]" in problems[0]  # 3 + 4 rows


_CASES = [
    {"cell": name, **GENERATED, **options}
    for name, options in [
        *((name, {}) for name in lv.KINDS),
        ("LSTMCell", {"use_peepholes": "true", "num_proj": "3"}),
    ]
]


@pytest.mark.parametrize("query", _CASES, ids=lambda query: f"{query['cell']} {query.get('num_proj', '')}")
def test_the_page_runs_the_librarys_cell_with_the_same_weights_whatever_the_kind(query):
    shapes = _view(**query).shapes
    edit = ";".join(f"{name}:{','.join(str(n - 1) for n in shape)}:0.75" for name, shape in shapes.items())
    sequence, view = _fit(**query, edit=edit)
    plain = render.load_cell(views.unedited(view))
    expected = plain.with_weights(
        {name: {tuple(n - 1 for n in shape): 0.75} for name, shape in shapes.items()}
    )
    found = render.load_cell(view)
    for name, weight in expected.weights.items():
        np.testing.assert_array_equal(found.weights[name], weight)
        assert plain.weights[name][(-1,) * weight.ndim] != 0.75, "this one stays as it is"
    trace = lv.run(found, sequence, engine="numpy")
    np.testing.assert_array_equal(trace.states["h"], lv.run(expected, sequence, engine="numpy").states["h"])
    assert not np.array_equal(trace.states["h"], lv.run(plain, sequence, engine="numpy").states["h"])


def _head(made: bytes) -> dict:
    (length,) = struct.unpack_from("<I", made)
    return json.loads(made[4 : 4 + length])


@pytest.mark.parametrize("query", _CASES, ids=lambda query: f"{query['cell']} {query.get('num_proj', '')}")
def test_the_stage_says_where_in_a_weight_each_number_below_the_kernel_stands(query):
    view = _view(**query)
    cell = render.load_cell(view)
    made = _head(stage.read("stage", {**query, "engine": "numpy"}).make())
    for group in made["groups"]:
        for vector, gate in itertools.product(group["vectors"], range(len(group["gates"]))):
            start = vector["starts"][gate]
            assert (start >= 0) == (vector["of"][gate] and vector["name"] in cell.weights)
            if start >= 0:
                assert start + cell.num_units <= cell.weights[vector["name"]].size


def test_the_stage_tells_what_is_edited_and_what_it_was():
    query = {**GENERATED, "edit": EDIT, "engine": "numpy"}
    made = _head(stage.read("stage", query).make())
    cell = render.load_cell(_view(**GENERATED))
    assert "edited: kernel[3, 5] = 0.25, bias[7] = -1.5" in made["told"]
    assert made["edits"] == [
        {"name": "kernel", "place": [3, 5], "value": 0.25, "was": float(cell.kernel[3, 5])},
        {"name": "bias", "place": [7], "value": -1.5, "was": 0.0},
    ]


def test_a_cell_of_another_size_has_none_of_the_edits():
    view = _view(**GENERATED, edit=EDIT)
    assert moved(view, {"num_units": 6}).edited == {} and moved(view, {"input_size": 2}).edited == {}
    assert moved(view, {"num_units": 5, "t": 3}).edited == EDITED
    assert moved(view, {"set": {"edit": "none"}}).edited == {}


def test_an_edited_cell_is_compared_with_its_own():
    view = _view(**GENERATED, edit=EDIT, **{"b.edit": "none"})
    assert other(view).edited == {} and other(view).num_units == 5
    assert _view(**GENERATED, edit=EDIT, **{"b.dtype": "float64"}).edited == EDITED
    assert other(_view(**GENERATED, edit=EDIT, **{"b.dtype": "float64"})).edited == EDITED
    assert other(_view(**GENERATED, edit=EDIT, **{"b.cell": "GRUCell"})).edited == {}
    assert other(_view(**GENERATED, edit=EDIT, **{"b.num_units": "9"})).edited == {}


def test_of_two_numbers_for_one_weight_it_is_said_that_the_last_counts():
    _shown, problems = parse(GENERATED | {"edit": "kernel:3,5:1;kernel:3,5:2"})
    assert problems == [
        "edit was “kernel:3,5:1;kernel:3,5:2”; showing kernel:3,5:2: of two for the same numbers the last one counts."
    ]


def test_how_many_rows_there_are_is_not_said_before_the_sequence_is_read():
    _shown, (told,) = parse({"sequence": "brackets", "edit": "foo:1,2:3"})
    assert "kernel […, 32], bias [32]" in told and "as kernel:0,31:0.25" in told
    _shown, (told,) = parse(GENERATED | {"edit": "foo:1,2:3"})
    assert "kernel [8, 20], bias [20]" in told and "as kernel:7,19:0.25" in told


def test_behind_a_linear_layer_the_folded_kernel_is_edited_and_that_is_said():
    query = {**GENERATED, "linear": "true", "edit": "kernel:0,0:0.25"}
    sequence, view = _fit(**query)
    plain = render.load_cell(views.unedited(view))
    np.testing.assert_array_equal(
        render.load_cell(view).kernel, plain.with_weights({"kernel": {(0, 0): 0.25}}).kernel
    )
    told = _head(stage.read("stage", {**query, "engine": "numpy"}).make())
    assert "folded into this kernel, and its weights are edited after that" in told["told"]
    assert told["difference"] is None
    assert render.run_picture(view, sequence, None).fold_difference is None


def test_a_trained_cells_answer_follows_and_what_was_measured_of_it_is_not_said():
    sequence, view = _fit(edit="kernel:0,0:5")
    example = trained.find(view)
    edited, _truth = trained.answers(example, render.load_trace(view, sequence))
    own, _truth = trained.answers(example, render.load_trace(views.unedited(view), sequence))
    assert example and not np.allclose(edited, own)
    assert trained.errors(views.unedited(view)) and not trained.errors(view)
    assert "RMSE" not in trained.describe(view)


def test_the_code_on_the_page_makes_the_same_cell():
    for more in ({}, {"linear": "true"}, {"linear": "true", "use_bias": "false"}):
        query = {**GENERATED, "cell": "LSTMCell", "seed": "3", "edit": "kernel:3,5:0.25;bias:7:-1.5", **more}
        _sequence, view = _fit(**(query if not more else query | {"edit": "kernel:3,5:0.25"}))
        cell = render.load_cell(view)
        code = snippets.this_library(
            cell,
            sections.sequence_code(view),
            trained.drawn_as(view),
            view.seed,
            edited=view.edited,
            before=render.load_unfolded(view) if view.linear else None,
        )
        line = [line for line in code.splitlines() if line.startswith("cell = ")]
        names: dict = {"lv": lv}
        exec("\n".join(line), names)
        for name, weight in cell.weights.items():
            np.testing.assert_array_equal(names["cell"].weights[name], weight)


def test_what_is_taken_along_says_what_was_edited():
    _sequence, view = _fit(**GENERATED, edit=EDIT)
    cell, said = render.load_cell(view), render.say_edits(view)
    assert said[0].startswith("kernel[3, 5] = 0.25, edited; it was ")
    made = downloads.kernel_npz(cell, edited=said)
    assert np.load(io.BytesIO(made))["edited"].tolist() == said
    loaded = load(made, name="cell.npz")
    np.testing.assert_array_equal(loaded["BasicLSTMCell"].kernel, cell.kernel)
    assert not loaded.skipped


def test_a_layout_of_an_edited_cell_is_proved_with_its_edits():
    sequence, view = _fit(**GENERATED, edit=EDIT, layout="keras")
    assert render.proof(view, sequence, None).ok


def test_a_pictures_name_tells_an_edited_cell_from_its_own():
    view = _view(**GENERATED, edit=EDIT)
    assert pictures.name(view) != pictures.name(views.unedited(view))
