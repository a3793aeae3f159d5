"""Whose run the page draws, and what it says of it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from lstmviz.run import arrays
from lstmviz.run.compare import largest_difference
from lstmviz.web import downloads, draft, pictures, render, server, size
from lstmviz.web import view as views
from lstmviz.web.draft import Drawn
from lstmviz.web.shelf import Shelf
from tests import coroutines

_SCRIPT = Path(__file__).parent / "apps" / "document.py"
_QUERY = {"num_units": "5", "sequence": "sine", "time_steps": "12", "input_size": "3"}


@pytest.fixture(autouse=True, scope="module")
def _warm():
    assert server.wait_warm(120)
    server._warming.join()


@pytest.fixture(autouse=True)
def _empty(monkeypatch):
    """A server that has drawn nothing yet."""
    for name in ("_shelf", "_spare", "_runs"):
        monkeypatch.setattr(render, name, Shelf(max_entries=64, max_bytes=2**24))


def _views(**query):
    view, problems = views.parse(_QUERY | query)
    assert not problems
    sequence, view, _problems = render.fit(view, None)
    return view, replace(view, engine=render.NUMPY), sequence


def _numbers(trace):
    return [*trace.preactivations.values(), *trace.gates.values(), *trace.states.values()]


def _captions(page):
    assert not page.exception, page.exception
    return " ".join(caption.value for caption in page.caption)


def _open(**query):
    page = AppTest.from_file(_SCRIPT, default_timeout=120)
    for name, value in (_QUERY | query).items():
        page.query_params[name] = value
    return page.run()


# --- what is said


@given(st.floats(1e-44, 1e30))
def test_the_difference_that_is_told_is_rounded_up_to_one_digit(number):
    told = draft.round_up(number)
    assert number <= float(told) <= 2 * number
    assert sum(letter in "123456789" for letter in told.partition("e")[0]) == 1


def test_the_device_says_whose_run_is_drawn_and_how_far_the_engines_lie_apart():
    assert draft.tell(Drawn.WHILE_STARTING, "NumPy", None) == "NumPy, while TensorFlow starts"
    assert draft.tell(Drawn.WHILE_HELD, "NumPy", None) == "NumPy, for now"
    assert draft.tell(Drawn.AT_REST, "CPU:0", 2.98e-8) == "CPU:0 · differs from NumPy's by at most 3e-8"
    assert draft.tell(Drawn.AT_REST, "CPU:0", 0.0) == "CPU:0 · equal to NumPy's"
    assert draft.tell(Drawn.AT_REST, "CPU:0", None) == "CPU:0"
    assert "NaN" in draft.tell(Drawn.AT_REST, "CPU:0", float("nan"))


# --- what is drawn, and what is at rest


@pytest.mark.parametrize("cell", ["BasicLSTMCell", "GRUCell", "sLSTM"])
def test_the_difference_is_that_of_every_number_of_the_two_runs(cell):
    resting, early, sequence = _views(cell=cell)
    ours, numpys = render.load_trace(resting, sequence), render.load_trace(early, sequence)
    assert (ours.device, numpys.device) == ("CPU:0", "NumPy")
    expected = max(
        float(np.abs(a.astype(float) - b.astype(float)).max())
        for a, b in zip(_numbers(ours), _numbers(numpys), strict=True)
    )
    assert render.difference(resting, sequence, None) == expected
    assert render.difference(early, sequence, None) == expected


def test_a_state_that_has_nan_in_one_run_alone_is_no_difference_of_nought():
    resting, _early, sequence = _views()
    trace = render.load_trace(resting, sequence)
    spoilt = trace.states["h"].copy()
    spoilt[3, 1] = np.nan
    other = replace(trace, states={**trace.states, "h": spoilt})
    assert np.isnan(largest_difference(trace, other))


def test_a_long_run_is_not_run_again_for_the_difference(monkeypatch):
    monkeypatch.setattr(render, "is_quick", lambda _view, _steps: False)
    resting, early, sequence = _views()
    render.load_trace(resting, sequence)
    assert render.difference(resting, sequence, None) is None
    render.load_trace(early, sequence)  # as the page does while TensorFlow starts
    assert render.difference(resting, sequence, None) is not None


def test_numpys_picture_and_tensorflows_are_kept_apart():
    resting, early, sequence = _views()
    for one, other in ((early, resting), (resting, early)):
        render._shelf = Shelf(max_entries=64, max_bytes=2**24)
        first, second = (render.run_picture(view, sequence, None) for view in (one, other))
        assert {first.device, second.device} == {"NumPy", "CPU:0"}
        assert first.figure != second.figure
    early = replace(early, t=3, unit=2)
    assert render.step_picture(early, sequence, None) is not render.step_picture(
        replace(early, engine=""), sequence, None
    )


def test_what_is_proved_or_taken_along_is_never_numpys(monkeypatch):
    resting, early, sequence = _views(layout="keras", device="CPU:0")
    render.run_picture(early, sequence, None)
    asked = []
    original = render.prove
    monkeypatch.setattr(render, "prove", lambda trace, layout: asked.append(trace) or original(trace, layout))
    assert render.proof(resting, sequence, None).ok
    kept = np.load(io.BytesIO(downloads.trace_npz(render.load_trace(resting, sequence), {})))
    recorded = render.load_trace(replace(resting, engine=""), sequence)
    assert asked[0].device == recorded.device == "CPU:0"
    assert any(np.array_equal(kept[name], recorded.states["h"]) for name in kept.files)


def test_no_address_and_no_link_holds_whose_run_was_drawn():
    resting, early, _sequence = _views()
    assert views.to_query(early) == views.to_query(resting)
    assert "engine" not in views.PARAMETERS


# --- while TensorFlow starts


@pytest.fixture
def starting(monkeypatch):
    monkeypatch.setattr(server, "is_warm", lambda: False)


def test_the_route_has_numpys_run_before_tensorflow_is_there_and_never_as_tensorflows(starting):
    assert pictures.fetch("gates", _QUERY) is None and pictures.fetch("step", _QUERY) is None
    _resting, early, sequence = _views()
    made = render.run_picture(early, sequence, None)
    drawing = json.loads(pictures.fetch("gates", _QUERY | {"engine": "numpy"}))
    assert drawing["figure"] == json.loads(made.figure)
    assert json.loads(pictures.fetch("step", _QUERY | {"engine": "numpy"}))["frames"]["steps"] == 12
    assert pictures.fetch("gates", _QUERY | {"engine": "other"}) is None


def test_the_page_draws_numpys_run_until_tensorflow_is_there_and_hands_nothing_of_it_over(monkeypatch):
    with monkeypatch.context() as early:
        early.setattr(server, "is_warm", lambda: False)
        early.setattr(size, "rerun", lambda: None)  # the page as it stands until TensorFlow has come
        page = _open(device="CPU:0")
        said = _captions(page)
        assert "on NumPy, while TensorFlow starts." in said and "CPU:0" not in said
        keys = {button.key for button in page.get("download_button")}
        assert not keys and not [toggle for toggle in page.toggle if toggle.key == "gradients"]
        assert not page.warning and not page.info
    said = _captions(page.run())
    assert "on CPU:0 · differs from NumPy's by at most " in said and "on NumPy" not in said
    assert "trace_npz" in {button.key for button in page.get("download_button")}


def test_the_page_is_drawn_anew_by_itself_once_tensorflow_has_come(monkeypatch):
    answers = iter([False, False, False])
    monkeypatch.setattr(server, "is_warm", lambda: next(answers, True))
    assert "on CPU:0 · differs from NumPy's by at most " in _captions(_open())


def test_a_long_run_of_numpys_ends_when_tensorflow_is_there(monkeypatch):
    answers = iter([False])
    monkeypatch.setattr(server, "is_warm", lambda: next(answers, True))
    monkeypatch.setattr(arrays, "_CHUNK_SECONDS", 0.0)
    said = _captions(_open(time_steps="2000"))
    assert "Ran 2000 steps" in said and "on CPU:0" in said


# --- without TensorFlow

_WITHOUT = """
import sys, warnings
from importlib.abc import MetaPathFinder

class Hidden(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
import lstmviz as lv

cell, x = lv.build("GRUCell", 3, 2), [[0.0, 1.0], [1.0, 0.0]]
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    traces = [lv.run(cell, x) for _again in range(2)]
assert [str(each.message) for each in said] == [
    "TensorFlow is not installed: NumPy computes the same equation. "
    'pip install "lstmviz[cpu]" brings TensorFlow.'
], said

def refused(call):
    try:
        call()
    except ValueError as error:
        assert 'pip install "lstmviz[cpu]"' in str(error), error
    else:
        raise AssertionError(call)

refused(lambda: lv.gradients(traces[0], unit=0))
refused(lambda: lv.run(cell, x, device="CPU:0"))
refused(lambda: lv.run(cell, x, engine="tensorflow"))

from streamlit.testing.v1 import AppTest
from lstmviz.web import pictures, server

def open_page(**query):
    page = AppTest.from_file(SCRIPT, default_timeout=120)
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception, page.exception
    return page

server._start_warming()
server._warming.join()
page = open_page(layout="keras", linear="true")
captions = " ".join(each.value for each in page.caption)
assert "ms on NumPy." in captions, captions
assert 'TensorFlow is not installed on this server: NumPy computes the same equation. `pip install "lstmviz[cpu]"`' in captions
assert not page.warning and not page.error, (page.warning, page.error)
assert {"trace_npz", "page_html"} <= {each.key for each in page.get("download_button")}
assert "Proved" in page.success[0].value
assert "device" not in {each.key for each in page.selectbox}
page = open_page(gradients="true", device="CPU:0", **{"b.device": "GPU:0", "b.seed": "3"})
warned = " ".join(each.value for each in page.warning).replace("\\\\", "")
assert 'pip install "lstmviz[cpu]"' in warned, warned
assert "device was “CPU:0”; there is no TensorFlow here" in warned and "b.device was “GPU:0”" in warned, warned
assert pictures.fetch("gates", {"num_units": "3"}) == pictures.fetch("gates", {"num_units": "3", "engine": "numpy"})
assert pictures.fetch("gates", {"num_units": "3"}) is not None
assert not {"tensorflow", "keras"} & set(sys.modules)
"""


def test_without_tensorflow_the_page_is_numpys_and_says_so_and_what_needs_it_is_refused_in_a_sentence():
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT.replace("SCRIPT", repr(str(_SCRIPT)))],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_server_without_tensorflow_is_ready(monkeypatch):

    monkeypatch.setattr(server, "_warming_error", ModuleNotFoundError())
    monkeypatch.setattr(server, "has_tensorflow", lambda: False)

    answer = coroutines.run(server._serve_ready(None))
    assert answer.status_code == 200
