"""Trained cells on the page: which view shows one, and what it says where there is none."""

from __future__ import annotations

import json
import struct
from dataclasses import fields, replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import lstmviz as lv
from lstmviz.web import parameters, render, sections, snippets, stage, trained
from lstmviz.web.view import View, parse, to_query
from tests import servers

SIZES = lv.examples.cells("sunspots")["BasicLSTMCell"]


def _view(**query: str) -> View:
    view, problems = parse(query)
    assert problems == []
    return render.fit(view, None)[1]


def test_the_page_opens_on_a_trained_cell():
    view = _view()
    cell = lv.examples.load("sunspots", "BasicLSTMCell", 8).cell
    shown = render.load_cell(view)
    assert shown.kernel.shape == (12, 32) and to_query(view) == {}
    np.testing.assert_array_equal(shown.kernel, cell.kernel)
    np.testing.assert_array_equal(shown.bias, cell.bias)


@pytest.mark.parametrize("num_units", SIZES)
def test_another_size_is_another_trained_cell(num_units):
    view = _view(num_units=str(num_units))
    assert trained.find(view).cell.num_units == num_units
    assert "sunspots" in trained.tell(view)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"num_units": "500"}, "trained ones have 1–32 units"),
        ({"input_size": "3"}, "trained ones take 4 features"),
        ({"use_bias": "false"}, "with these options"),
        ({"cell": "sLSTM"}, "no such cell"),
        ({"sequence": "latch"}, "trained ones have 4 units"),
    ],
)
def test_why_weights_are_random_is_said_as_it_is(query, said):
    assert said in trained.tell(_view(**query))


def test_the_features_of_an_example_go_with_it():
    last = _view()
    echo = parameters.read_widgets(last, parameters.widgets(last) | {"sequence": "echo"})
    _sequence, echo, _problems = render.fit(echo, None)
    back = parameters.read_widgets(echo, parameters.widgets(echo) | {"sequence": "sunspots"})
    assert back.input_size == 4 and back.initial_weights == "trained"


RANDOM = [{"num_units": "500"}, {"cell": "sLSTM"}, {"input_size": "3"}, {"cell": "LSTMCell", "num_proj": "3"}]


@pytest.mark.parametrize("query", RANDOM, ids=str)
def test_where_there_is_no_trained_cell_the_weights_are_random_and_the_page_says_so(query):
    view = _view(**query)
    options = dict(view.options)
    random = lv.build(view.cell, num_units=view.num_units, input_size=view.input_size, **options)
    shown = render.load_cell(view)
    for name, weights in random.weights.items():
        np.testing.assert_array_equal(shown.weights[name], weights)
    assert trained.tell(view).startswith("random weights") and trained.is_random(view)


@pytest.mark.parametrize("seed", ["0", "3"])
def test_an_address_that_says_its_seed_asks_for_random_weights(seed):
    view = _view(seed=seed)
    random = lv.build("BasicLSTMCell", num_units=8, input_size=4, seed=int(seed))
    np.testing.assert_array_equal(render.load_cell(view).kernel, random.kernel)
    assert parse(to_query(view))[0] == view


def test_an_option_that_changes_no_weight_leaves_the_cell_trained():
    view = _view(forget_bias="0")
    shown = render.load_cell(view)
    assert shown.options["forget_bias"] == 0
    np.testing.assert_array_equal(shown.kernel, lv.examples.load("sunspots", "BasicLSTMCell", 8).cell.kernel)


def test_a_trained_cell_with_other_options_is_said_to_be_one():
    assert "with other options than these" in trained.tell(_view(forget_bias="0"))
    assert "options" not in trained.tell(_view())


def test_behind_a_layer_that_nobody_trained_no_cell_is_a_trained_one():
    view = _view(linear="true")
    assert trained.find(view) is None and not trained.is_as_trained(view) and trained.errors(view) == {}
    assert trained.tell(view).startswith("not as it was trained")
    head, _arrays = _stage(linear="true")
    assert "answer" not in head and "trained: next" not in head["told"]
    trained_cell = lv.examples.load("sunspots", "BasicLSTMCell", 8).cell
    np.testing.assert_array_equal(render.load_unfolded(view).kernel, trained_cell.kernel)
    assert not np.array_equal(render.load_cell(view).kernel, trained_cell.kernel)


def test_what_a_view_has_beside_what_is_known_to_leave_a_cell_as_it_was_trained_makes_it_another():
    names = {field.name for field in fields(View)}
    assert names >= trained._TRAINED_WITH and names - trained._TRAINED_WITH == {"linear"}


def test_a_moved_seed_makes_the_weights_random():
    last = _view()
    held = parameters.widgets(last)
    assert parameters.read_widgets(last, held) == last
    moved = parameters.read_widgets(last, held | {"seed": 1})
    assert moved.initial_weights == "glorot_uniform"
    chosen = parameters.read_widgets(moved, parameters.widgets(moved) | {"initial_weights": "trained"})
    assert trained.find(chosen) is not None and parse(to_query(chosen))[0] == chosen


def test_another_sequence_has_its_own_usual_weights():
    last = _view()
    sine = parameters.read_widgets(last, parameters.widgets(last) | {"sequence": "sine"})
    assert sine.initial_weights == "glorot_uniform" and to_query(sine) == {"sequence": "sine"}
    back = parameters.read_widgets(sine, parameters.widgets(sine) | {"sequence": "sunspots"})
    assert back == last


def test_weights_that_were_picked_stay_with_another_sequence():
    view = _view(initial_weights="orthogonal", sequence="sine")
    moved = parameters.read_widgets(view, parameters.widgets(view) | {"sequence": "square"})
    assert moved.initial_weights == "orthogonal"


@pytest.mark.parametrize("name", trained.SEQUENCES)
def test_whoever_picks_an_example_sees_it(name):
    last = _view(num_units="37", cell="sLSTM")
    view = parameters.read_widgets(last, parameters.widgets(last) | {"sequence": name})
    sequence, view, problems = render.fit(view, None)
    found, example = trained.find(view), lv.examples.load(name)
    assert found is not None and found.name == name and problems == []
    np.testing.assert_array_equal(sequence.values, example.sequence.values)
    # An address does not say how many features a sequence brings.
    assert parse(to_query(view))[0] == replace(view, input_size=View.input_size)
    assert example.licence in trained.describe(view)


def test_the_code_on_the_page_makes_the_trained_cell():
    view = _view()
    cell = render.load_cell(view)
    weights = sections._weights_code(view)
    code = snippets.this_library(cell, sections.sequence_code(view), trained.drawn_as(view), 0, weights)
    made: dict[str, object] = {}
    exec("\n".join(code.splitlines()[:5]), made)
    np.testing.assert_array_equal(made["cell"].kernel, cell.kernel)
    np.testing.assert_array_equal(made["x"].values, render.fit(view, None)[0].values)


# --- What the stage is told


def _stage(**query: str) -> tuple[dict, list[np.ndarray]]:
    made = stage.read("stage", {"engine": "numpy"} | query).make()
    (length,) = struct.unpack_from("<I", made)
    head, at, arrays = json.loads(made[4 : 4 + length]), 4 + length, []
    for shape in head["shapes"]:
        count = int(np.prod(shape))
        arrays.append(np.frombuffer(made, "<f4", count, at).reshape(shape))
        at += 4 * count
    return head, arrays


@pytest.mark.parametrize("name", lv.examples.names())
def test_the_stage_has_what_the_cell_answers_beside_what_is_right(name):
    example = lv.examples.load(name)
    query = {"sequence": name, "cell": example.cell.kind.name, "num_units": str(example.cell.num_units)}
    head, arrays = _stage(**query)
    trace = lv.run(example.cell, example.sequence, engine="numpy")
    told = head["answer"]
    np.testing.assert_allclose(arrays[told["answers"]], example.answers(trace), rtol=1e-4, atol=1e-4)
    sure = example.head.sureness(trace.states["h"])
    assert ("sure" in told) == (sure is not None)
    if sure is not None:
        np.testing.assert_allclose(arrays[told["sure"]], sure, atol=1e-3)
    np.testing.assert_allclose(arrays[told["truth"]], example.targets, rtol=1e-6)
    assert told["title"] == example.title and f"trained: {example.title}" in head["told"]


def test_of_a_longer_run_only_the_years_that_training_did_not_see_are_called_right():
    head, arrays = _stage(time_steps="100")
    truth = arrays[head["answer"]["truth"]]
    example = lv.examples.load("sunspots")
    assert np.isnan(truth[:40]).all()
    np.testing.assert_allclose(truth[40:], example.targets, rtol=1e-6)


def test_of_a_text_that_is_cut_each_step_keeps_what_is_right_for_it():
    example = lv.examples.load("brackets")
    whole = example.sequence
    cut = replace(whole, values=whole.values[:20], labels=whole.labels[:20])
    _answers, truth = trained.answers(example, lv.run(example.cell, cut, engine="numpy"))
    np.testing.assert_array_equal(truth, example.targets[:20])
    later = replace(whole, values=whole.values[5:], labels=whole.labels[5:])
    _answers, truth = trained.answers(example, lv.run(example.cell, later, engine="numpy"))
    assert np.isnan(truth).all(), "a bracket does not say which step it was"


def test_the_curve_beside_the_answers_has_what_was_measured_of_each_size_and_of_what_needs_no_cell():
    head, _arrays = _stage(num_units="4")
    told = {int(size): error for size, error in head["errors"]["sizes"]}
    assert told == {n: lv.examples.load("sunspots", num_units=n).facts["rmse"] for n in SIZES}
    facts = lv.examples.load("sunspots").facts
    baselines = [facts[name] for name in ("persistence", "ar9", "ar9_roots")]
    assert [error for _name, error in head["errors"]["without"]] == baselines


@pytest.mark.parametrize("query", [{"seed": "1"}, {"num_units": "99"}, {"sequence": "sine"}], ids=str)
def test_random_weights_answer_nothing(query):
    head, _arrays = _stage(**query)
    assert "answer" not in head and head["errors"] == {}


@pytest.mark.parametrize("script", ["lstmviz/web/page.py", "tests/web/apps/document.py"])
def test_an_example_that_is_picked_on_the_page_is_shown_and_so_is_the_one_before(script):
    page = AppTest.from_file(str(servers.ROOT / script), default_timeout=120).run()
    for name in ("latch", "sunspots", "echo", "sunspots"):
        page = page.selectbox(key="sequence").set_value(name).run()
        assert not page.exception
        view = page.session_state["view"]
        assert trained.find(view) is not None, (name, view.num_units, view.input_size)
