"""The address bar: what stands in it, and when it says what is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.scriptrunner import RerunData
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.testing.v1 import AppTest

import lstmviz as lv
from lstmviz import language
from lstmviz.web import address, downloads
from lstmviz.web.view import View, parse, to_query

_SCRIPT = Path(__file__).parent / "apps" / "document.py"
_SMALL = {"num_units": "3", "time_steps": "9", "sequence": "sine"}

# What the page wrote before it left out what is as usual.
_OLD = {
    "cell": "BasicLSTMCell", "num_units": "8", "input_size": "4", "sequence": "sunspots", "time_steps": "60", "seed": "0",
    "initial_weights": "glorot_uniform", "forget_bias": "1", "activation": "tanh", "recurrent_activation": "sigmoid",
    "use_bias": "true", "lang": "en",
}  # fmt: skip


def _open(query: dict[str, str]) -> AppTest:
    page = AppTest.from_file(_SCRIPT, default_timeout=120)
    return _go(page, query)


def _go(page: AppTest, query: dict[str, str]) -> AppTest:
    """Runs the script as a browser asks for it that has this address."""
    page.query_params.clear()
    for name, value in query.items():
        page.query_params[name] = value
    return _run(page)


def _run(page_or_widget: Any) -> AppTest:
    page = page_or_widget.run()
    assert not page.exception, page.exception
    return page


def _query(page: AppTest) -> dict[str, str]:
    return {
        name: values[-1] if isinstance(values, list) else values for name, values in page.query_params.items()
    }


def _shown(page: AppTest) -> View:
    view: View = page.session_state["view"]
    return view


@pytest.fixture
def japanese(monkeypatch):
    """A browser that asks for Japanese."""
    monkeypatch.setattr(address, "_own_language", lambda: "ja")


@pytest.fixture
def went_back(monkeypatch):
    """Has each run say that Back or Forward asked for it, as Streamlit's browser side does."""
    original = ScriptRunContext.reset

    def reset(self, *args, **kwargs):
        original(self, *args, **kwargs | {"is_history_navigation": True})

    assert "is_history_navigation" in RerunData.__dataclass_fields__
    return lambda: monkeypatch.setattr(ScriptRunContext, "reset", reset)


def test_an_old_link_with_everything_in_it_is_the_usual_view():
    random = {"initial_weights": "glorot_uniform"}
    assert parse(_OLD) == parse(random), "it is from before the page opened on a trained cell"
    assert to_query(parse(_OLD)[0]) == random
    grown = _OLD | {"cell": "LSTMCell", "num_units": "16", "use_peepholes": "true", "cell_clip": "0.5"}
    view, problems = parse(grown)
    assert problems == []
    assert to_query(view) == {
        "cell": "LSTMCell",
        "num_units": "16",
        "initial_weights": "glorot_uniform",
        "use_peepholes": "true",
        "cell_clip": "0.5",
    }


def test_what_is_usual_depends_on_the_rest_of_the_address():
    wide, problems = parse({"input_size": "512"})
    assert problems == [] and wide.sequence == "sine"
    assert to_query(wide) == {"input_size": "512"}, (
        "an address that names no sequence gets one that is long enough"
    )
    assert to_query(parse({"sequence": "sine"})[0]) == {"sequence": "sine"}
    short, _problems = parse({"input_size": "290", "sequence": "sunspots"})
    assert to_query(short) == {
        "input_size": "290",
        "sequence": "sunspots",
        "time_steps": str(short.time_steps),
    }
    assert to_query(parse({"cell": "JANET", "beta": "1"})[0]) == {"cell": "JANET"}
    assert to_query(parse({"sequence": "square", "period": "20"})[0]).keys() <= {"sequence", "period"}


def test_a_language_is_in_the_address_where_it_is_not_the_readers():
    view, _problems = parse({"lang": "ja"})
    assert to_query(view, "ja") == {} and to_query(view, "en") == {"lang": "ja"}
    assert parse({}, "ja")[0].lang == "ja"


def test_an_address_that_says_the_same_in_more_words_stays_until_something_is_picked():
    page = _open(_OLD | _SMALL)
    assert _query(page) == _OLD | _SMALL
    _run(page)
    assert _query(page) == _OLD | _SMALL, "another entry of the history would not bring the viewer back"
    _run(page.slider(key="num_units").set_value(4))
    assert _query(page) == {"num_units": "4", "time_steps": "9", "sequence": "sine", "lang": "en"}


def test_a_japanese_browser_gets_japanese_and_sends_links_in_no_language(japanese):
    page = _open(_SMALL)
    assert _shown(page).lang == "ja" and "lang" not in _query(page)
    with language.use("ja"):  # the test's own tool asks the choices for their labels
        _run(page.slider(key="num_units").set_value(4))
        assert "lang" not in _query(page)
        page.session_state["lang"] = "en"
        _run(page)
    assert _query(page)["lang"] == "en", "picked against the browser's own"
    page.session_state["lang"] = "ja"
    _run(page)
    assert "lang" not in _query(page)


def test_a_language_that_came_in_the_address_stays_in_it(japanese):
    page = _open(_SMALL | {"lang": "ja"})
    with language.use("ja"):
        _run(page.slider(key="num_units").set_value(4))
    assert _query(page) == _SMALL | {"num_units": "4", "lang": "ja"}


def test_an_address_that_was_gone_to_wins_over_the_widgets():
    page = _open(_SMALL)
    _run(page.slider(key="num_units").set_value(4))
    _run(page.selectbox(key="cell").set_value("GRUCell"))
    _run(page.number_input(key="seed").set_value(7))
    assert _query(page) == {"cell": "GRUCell", **_SMALL, "num_units": "4", "seed": "7"}
    _go(page, _SMALL | {"num_units": "4"})
    assert (_shown(page).cell, _shown(page).num_units, _shown(page).seed) == ("BasicLSTMCell", 4, 0)
    assert page.selectbox(key="cell").value == "BasicLSTMCell" and page.number_input(key="seed").value == 0
    assert page.slider(key="num_units").value == page.number_input(key="num_units_exact").value == 4
    assert _query(page) == _SMALL | {"num_units": "4"}
    _run(page.slider(key="num_units").set_value(5))
    assert _query(page) == _SMALL | {"num_units": "5"}, "then the widgets do again"


def test_every_parameter_of_an_address_that_was_gone_to_is_shown():
    page = _open(_SMALL)
    other = {
        "cell": "LSTMCell", "num_units": "5", "sequence": "text", "seed": "3", "use_peepholes": "true", "num_proj": "2",
        "text": "so", "values": "preactivations", "units": "1,3", "t": "1", "gate": "f", "unit": "2", "dtype": "float64",
        "b.seed": "9", "tolerance": "1e-3", "tables": "true", "lang": "ja",
    }  # fmt: skip
    _go(page, other)
    assert _query(page) == other and to_query(_shown(page)) == other
    _run(page)
    assert to_query(_shown(page)) == other, "the widgets hold all of it"
    _go(page, _SMALL)
    assert to_query(_shown(page)) == _SMALL


def test_a_pick_that_its_browser_sent_before_it_heard_of_the_last_address_counts():
    page = _open(_SMALL)
    _run(page.slider(key="num_units").set_value(4))
    page.number_input(key="seed").set_value(7)
    _go(page, _SMALL)
    assert (_shown(page).num_units, _shown(page).seed) == (4, 7)
    assert _query(page) == _SMALL | {"num_units": "4", "seed": "7"}


def test_what_the_stage_has_said_counts_whatever_address_its_browser_still_has():
    page = _open({"num_units": "5", "seed": "3"})
    view = page.session_state["view"]
    page.session_state["view"] = replace(view, num_units=7)
    page.session_state[address._IS_MOVED] = True
    page.slider(key="num_units").set_value(7)
    _go(page, {"seed": "4"})
    assert (_shown(page).num_units, _shown(page).seed) == (7, 3)
    assert _query(page) == {"num_units": "7", "seed": "3"}
    assert _shown(_go(page, {"seed": "4"})).seed == 4, "once: what is gone to afterwards is gone to"


def test_back_counts_even_before_the_browser_has_heard_of_the_last_address(went_back):
    page = _open(_SMALL)
    _run(page.slider(key="num_units").set_value(4))
    went_back()
    _go(page, _SMALL)
    assert _shown(page).num_units == 3 and _query(page) == _SMALL


def test_an_anchor_that_is_left_by_back_changes_nothing(went_back):
    page = _open(_SMALL)
    _run(page.slider(key="num_units").set_value(4))
    shown = _shown(page)
    went_back()
    _run(page)
    assert _shown(page) == shown and _query(page) == _SMALL | {"num_units": "4"}


def test_what_is_wrong_in_an_address_that_was_gone_to_is_said():
    page = _open(_SMALL)
    _go(page, _SMALL | {"num_units": "-5"})
    assert any("-5" in warning.value for warning in page.warning)
    assert _query(page) == _SMALL | {"num_units": "1"}


def test_back_leaves_a_model_file_and_forward_takes_it_again():
    page = _open(_SMALL)
    own = lv.build("GRUCell", num_units=5, input_size=4, seed=3)
    page.file_uploader(key="model_file").upload("own.npz", downloads.kernel_npz(own), "application/zip")
    _run(page)
    named = _query(page)
    assert named["layer"] == "GRUCell" and _shown(page).model and _shown(page).num_units == 5
    _run(page)
    _go(page, _SMALL)
    assert not _shown(page).model and (_shown(page).cell, _shown(page).num_units) == ("BasicLSTMCell", 3)
    assert _query(page) == _SMALL and not page.warning
    _go(page, named)
    assert _shown(page).model and _shown(page).layer == "GRUCell" and _query(page) == named
    assert not page.warning
