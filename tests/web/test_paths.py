"""The page's paths, without a browser: each shows its own subject, and its address says what it shows."""

from __future__ import annotations

import colorsys
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import lstmviz as lv
from lstmviz.formats.save import save_bytes
from lstmviz.language import LANGUAGES
from lstmviz.plot import theme
from lstmviz.web import models, server
from lstmviz.web import view as views
from lstmviz.web.paths import names
from lstmviz.web.style import STYLE
from lstmviz.web.view import View

build = inspect.unwrap(lv.build)
_SCRIPT = Path(__file__).parent / "apps" / "paths.py"
_SMALL = {"num_units": "4", "input_size": "2", "time_steps": "20", "sequence": "sine"}


def _open(path: str, **query: str) -> AppTest:
    page = AppTest.from_file(_SCRIPT, default_timeout=60)
    page.session_state["first"] = path
    for name, value in query.items():
        page.query_params[name] = value
    return _run(page)


def _run(page_or_widget: Any) -> AppTest:
    page = page_or_widget.run()
    assert not page.exception, page.exception
    return page


def _go(page: AppTest, path: str) -> AppTest:
    """Follows a link of the bar, which leaves the address's parameters behind."""
    page._page_hash = page.session_state["paths"][path]._script_hash
    page.query_params.clear()
    return _run(page)


def _query(page: AppTest) -> dict[str, str]:
    return {
        name: values[-1] if isinstance(values, list) else values for name, values in page.query_params.items()
    }


def _figures(page: AppTest) -> set[str]:
    """The keys of the components that are on the page, figures among them."""
    return {element.proto.id.split("-")[-1] for element in page.get("bidi_component")} - {"follower"}


def _said(page: AppTest) -> str:
    """All that the page says in words, without the backslashes of its Markdown."""
    parts = [*page.markdown, *page.caption, *page.info, *page.warning, *page.success, *page.error]
    return "\n".join(re.sub(r"\\(.)", r"\1", each.value) for each in parts)


@pytest.fixture(autouse=True, scope="module")
def _warm():
    assert server.wait_warm(120)


# --- What each path shows


def test_memory_shows_gradients_an_rnn_beside_and_the_ledger_without_a_click():
    page = _open(names.MEMORY, **_SMALL)
    assert _figures(page) == {"gradients_figure", "contrast_figure", "ledger", "summary", "saturation"}
    assert [toggle.key for toggle in page.toggle] == ["linear", "around"] and _query(page) == _SMALL
    said = _said(page)
    assert "the same seed of the weights" in said and "every gate being what it was" in said
    cell = lv.build("BasicLSTMCell", num_units=4, input_size=2)
    rnn = lv.build("BasicRNNCell", num_units=4, input_size=2)
    x = lv.sequences.make("sine", time_steps=20, input_size=2)
    for one in (cell, rnn):
        reach = lv.gradients(lv.run(one, x), unit=0).reach()["x"]
        told = "does not fade to 1%" if reach is None else f"fades to 1% in {reach} steps"
        assert f"{one.kind.name}: {told}" in said


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            {"sequence": "adding", "num_units": "16"},
            "its weights are random, for none of its kind was trained here",
        ),
        ({"sequence": "latch", "num_units": "4"}, "and trained on it too"),
        ({"seed": "3"}, "the same seed of the weights"),
        ({"cell": "JANET"}, "the same seed of the weights"),
    ],
)
def test_what_stands_beside_a_cell_says_whose_weights_it_has(query, said):
    assert said in _said(_open(names.MEMORY, **query))


def test_memory_asks_about_another_unit_and_step():
    page = _open(names.MEMORY, **_SMALL)
    assert (page.number_input(key="asked_unit").value, page.number_input(key="asked_t").value) == (0, 19)
    _run(page.number_input(key="asked_unit").set_value(3))
    assert _query(page) == _SMALL | {"unit": "3"}
    _run(page.number_input(key="asked_t").set_value(7))
    assert _query(page) == _SMALL | {"unit": "3", "t": "7"}
    assert "`h[3]` at step 7" in _said(page)
    _run(page.number_input(key="num_units_exact").set_value(2))
    assert page.number_input(key="asked_unit").value == 1 and not page.warning


def test_memory_searches_for_the_steps_that_are_picked_and_the_address_says_them():
    page = _open(names.MEMORY, **_SMALL, pattern="2-3", threshold="0.01")
    cell = lv.build("BasicLSTMCell", num_units=4, input_size=2)
    trace = lv.run(cell, lv.sequences.make("sine", time_steps=20, input_size=2))
    on = lv.search(trace, (2, 4), threshold=0.01, around=False)
    assert on.units and not lv.search(trace, (2, 4), threshold=0.01).units
    named = ", ".join(f"`h[{unit}]`" for unit in on.units)
    assert f"On at all of the steps 2 to 3: {named}; but each is on just before or just behind" in _said(page)
    _run(page.toggle(key="around").set_value(False))
    assert _query(page)["around"] == "false"
    assert f"On at the steps 2 to 3: {named}. {on.total:,} other places" in _said(page)
    _run(page.number_input(key="pattern_last").set_value(6))
    assert _query(page)["pattern"] == "2-6"


def test_a_cell_without_a_ledger_says_why():
    page = _open(names.MEMORY, cell="BasicRNNCell", **_SMALL)
    assert "ledger" not in _figures(page) and "h of BasicRNNCell has no ledger" in _said(page)


def test_every_state_that_has_a_ledger_shows_it():
    page = _open(names.MEMORY, cell="sLSTM", **_SMALL)
    trace = lv.run(lv.build("sLSTM", num_units=4, input_size=2), [[0.0, 1.0]])
    states = []
    for state in trace.states:
        try:
            lv.ledger(trace, unit=0, state=state)
        except ValueError:
            continue
        states.append(state)
    assert states and {key for key in _figures(page) if key.startswith("ledger")} == {
        "ledger" if index == 0 else f"ledger_{state}" for index, state in enumerate(states)
    }


def test_gradients_that_are_too_many_are_refused_on_their_path_and_the_rest_is_shown():
    page = _open(names.MEMORY, num_units="200", time_steps="2000", sequence="sine")
    assert "at most 400,000" in _said(page)
    assert {"ledger", "summary", "saturation"} <= _figures(page) and "contrast_figure" not in _figures(page)


def test_a_pattern_is_cleared_and_its_section_stays_where_it_is():
    page = _open(names.MEMORY, **_SMALL, pattern="2-3", threshold="-1", around="false")
    assert "On at the steps 2 to 3" in _said(page)
    headings = [each.value.splitlines()[0] for each in page.markdown]
    _run(page.button(key="pattern_clear").click())
    assert _query(page) == _SMALL | {"threshold": "-1", "around": "false"} and "On at the steps" not in _said(
        page
    )
    assert [each.value.splitlines()[0] for each in page.markdown if each.value.startswith("## ")] == [
        each for each in headings if each.startswith("## ")
    ]
    assert not [button for button in page.button if button.key == "pattern_clear"]
    locked = _open(names.MEMORY, **_SMALL, pattern="2-3", lock="pattern")
    assert locked.button(key="pattern_clear").disabled


def test_what_another_size_or_kind_has_not_is_told_in_a_sentence():
    page = _open(names.MEMORY, **_SMALL, clamp="f.3:1,c.1.2-4:0", edit="kernel:0,0:0.5;bias:3:1")
    _run(page.number_input(key="num_units_exact").set_value(3))
    assert _query(page) == _SMALL | {"num_units": "3", "clamp": "c.1.2-4:0"}
    told = "The cell with num_units = 4 had 2 weights edited and 1 number held, which this one has not."
    assert told in _said(page)
    _run(page.selectbox(key="cell").set_value("GRUCell"))
    assert "which this one has not" not in _said(page), "a GRU has a c too"
    _run(page.selectbox(key="cell").set_value("BasicRNNCell"))
    assert "The cell with cell = GRUCell had 1 number held, which this one has not." in _said(page)


def test_what_is_let_go_by_hand_is_not_told():
    page = _open(names.MEMORY, **_SMALL, clamp="f.3:1", edit="bias:3:1")
    page.session_state["view"] = views.unedited(page.session_state["view"])
    _run(page)
    assert "edited" not in _said(page) and not page.warning


@pytest.mark.parametrize("path", [names.EXPLORE, names.MEMORY, names.DOCUMENT])
def test_several_values_that_make_no_sense_take_one_line(path):
    wrong = {
        "cell": "nothing",
        "num_units": "-5",
        "seed": "x",
        "clamp": "q.1:1",
        "t": "9999",
        "nonsense": "1",
    }
    page = _open(path, **wrong)
    (folded,) = [each for each in page.expander if "asked for" in each.label]
    assert (
        folded.label.startswith(f"{len(page.warning)} values")
        and len(folded.warning) == len(page.warning) > 4
    )
    page = _open(path, num_units="-5")
    assert not [each for each in page.expander if "asked for" in each.label] and len(page.warning) == 1


def test_compare_compares_at_once_and_its_address_does_not_say_so():
    page = _open(names.COMPARE, **_SMALL)
    assert _figures(page) == {"compare", "gates_a", "gates_b"} and _query(page) == _SMALL
    assert page.selectbox(key="versus_name").value == "forget_bias"
    assert "-" not in page.selectbox(key="versus_name").options
    _run(page.number_input(key="versus_number").set_value(0.5))
    assert _query(page) == _SMALL | {"b.forget_bias": "0.5"}
    _run(page.selectbox(key="versus_name").set_value("cell"))
    _run(page.selectbox(key="versus_value").set_value("GRUCell"))
    assert _query(page) == _SMALL | {"b.cell": "GRUCell"}


def test_what_differs_is_marked_in_both_columns_and_nothing_else_is():
    page = _open(names.COMPARE, **_SMALL, **{"b.num_units": "5", "b.seed": "7"})
    (table,) = [each.proto.body for each in page.get("html") if "<table" in each.proto.body]
    rows = re.findall(r"<tr( class=\"lv-differs\")?><th scope=\"row\">(≠ )?(.*?)</th>(.*?)</tr>", table)
    found = {name: (re.findall(r">([^<]*)</td>", cells), bool(marked)) for marked, _sign, name, cells in rows}
    assert found["num_units"] == (["4", "5"], True) and found["seed"] == (["0", "7"], True)
    assert found["kernel"] == (["[6, 16]", "[7, 20]"], True) and found["parameters"][1]
    assert found["cell"] == (["BasicLSTMCell", "BasicLSTMCell"], False)
    assert [bool(marked) for marked, *_rest in rows] == [bool(sign) for _marked, sign, *_rest in rows]


def test_the_hues_of_two_settings_are_no_gates():
    hues = dict(re.findall(r"\.lv-of-([ab]) \{ --lv-hue: color-mix\(in srgb, (#\w{6})", STYLE))
    assert set(hues) == {"a", "b"}
    gates = [_hue(colour) for colour in theme.GATES]
    for colour in hues.values():
        assert min(min(abs(_hue(colour) - gate), 360 - abs(_hue(colour) - gate)) for gate in gates) > 15


def _hue(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return colorsys.rgb_to_hsv(red, green, blue)[0] * 360


@pytest.mark.parametrize("text", [(49, 51, 63), (250, 250, 250)], ids=["light", "dark"])
def test_the_hues_of_two_settings_are_read_in_both_themes(text):
    page = (255, 255, 255) if text[0] < 128 else (14, 17, 23)
    for colour, share in re.findall(r"--lv-hue: color-mix\(in srgb, #(\w{6}) (\d+)%, currentColor\)", STYLE):
        hue = [int(colour[at : at + 2], 16) for at in (0, 2, 4)]
        mixed = [
            int(share) / 100 * one + (1 - int(share) / 100) * other
            for one, other in zip(hue, text, strict=True)
        ]
        bright, dim = sorted([_luminance(mixed), _luminance(page)], reverse=True)
        assert (bright + 0.05) / (dim + 0.05) > 4.5


def _luminance(colour: Any) -> float:
    linear = [c / 12.92 if (c := part / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_take_along_has_code_files_tables_pictures_and_formulas():
    page = _open(names.TAKE_ALONG, **_SMALL)
    assert {"kernel", "gates", "step"} <= _figures(page)
    keys = {button.key for button in page.get("download_button")}
    assert keys == {"kernel_npz", "kernel_csv", "trace_npz", "trace_csv", "page_html", "stage_html"}
    assert any("lv.build" in each.value for each in page.code) and "new c" in _said(page)
    _run(page.toggle(key="tables").set_value(True))
    assert _query(page) == _SMALL | {"tables": "true"}
    assert any("lv-table" in each.proto.body for each in page.get("html"))
    _run(page.multiselect(key="units").set_value([1, 3]))
    assert _query(page) == _SMALL | {"tables": "true", "units": "1,3"}


def test_a_sequence_that_cannot_be_made_is_said_on_every_path():
    for path in names.ALL:
        page = _open(path, sequence="csv")
        assert "upload" in " ".join(warning.value for warning in page.warning), path


# --- My model


def _give(page: AppTest, content: bytes, name: str = "model.safetensors") -> AppTest:
    page.file_uploader(key="model_file").upload(name, content, "application/octet-stream")
    return _run(page)


def test_without_a_file_the_layouts_are_of_the_pages_own_cell_and_the_usual_one_is_not_in_the_address():
    page = _open(names.MODEL, **_SMALL)
    assert _figures(page) == {"layout_figure"} and _query(page) == _SMALL
    assert any("Proved" in each.value for each in page.success)
    keras = _open(names.MODEL, **_SMALL, layout="keras")
    assert _figures(keras) == {"layout_figure"} and _query(keras) == _SMALL | {"layout": "keras"}


def test_a_pytorch_lstm_is_told_of_as_pytorch_has_it():
    cell = build("BasicLSTMCell", num_units=10, input_size=3, seed=3, forget_bias=0.0)
    page = _give(_open(names.MODEL), save_bytes(cell, ".safetensors", name="encoder"))
    said = _said(page)
    assert "encoder: PyTorch LSTM" in said and "weight_ih_l0" in said
    assert (
        "Parameters of PyTorch LSTM" in said and "**600**" in said
    )  # 4 · 10 · (3 + 10) weights and two biases of 40
    letters = re.findall(r"^\| \*\*`(\w)`\*\* \|", said, re.MULTILINE)
    assert letters == ["i", "f", "g", "o"]
    assert page.button(key="open_in_explore") and _figures(page) == {"layout_figure"}


def test_a_layer_of_a_file_stays_where_the_uploader_is_not():
    cells = {
        "first": build("GRUCell", num_units=3, input_size=4),
        "second": build("GRUCell", num_units=5, input_size=4),
    }
    page = _open(names.MODEL, **_SMALL)
    page.session_state["model"] = models.Model("two.npz", cells)
    _run(page)
    _run(page.selectbox(key="layer").set_value("second"))
    assert page.session_state["view"].num_units == 5 and _query(page)["layer"] == "second"
    _go(page, names.MEMORY)
    _run(page)  # which finds no widget of the other path's any more
    assert page.session_state["view"].model and page.session_state["view"].layer == "second"
    assert "would mislead" in _said(page) and "contrast_figure" not in _figures(page)


def test_the_detective_is_the_branch_of_who_does_not_know_the_order():
    page = _open(names.MODEL, **_SMALL)
    (branch,) = [each for each in page.expander if each.label == "I do not know the order"]
    assert not branch.proto.expanded
    assert {each.key for each in branch.get("file_uploader")} == {
        "origin_arrays",
        "origin_inputs",
        "origin_outputs",
    }


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_uploader_speaks_the_pages_language_alone(lang):
    page = _open(names.MODEL, **_SMALL, lang=lang)
    styles = "".join(each.proto.body for each in page.get("html"))
    uploaders = [each.key for each in page.get("file_uploader")]
    assert uploaders == ["model_file", "origin_arrays", "origin_inputs", "origin_outputs"]
    for key in uploaders:
        said = re.findall(rf'\.st-key-{key} [^{{]*::after {{[^}}]*content: "([^"]+)"', styles)
        assert len(said) == (0 if lang == "en" else 2), key


# --- Addresses


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({}, names.EXPLORE),
        ({"num_units": "30", "cell": "GRUCell", "t": "7", "unit": "3", "gate": "u"}, names.EXPLORE),
        ({"sequence": "text", "text": "b.num_units=3", "seed": "1", "lang": "ja", "linear": "true"}, names.EXPLORE),
        ({"gradients": "false", "contrast": "false", "tables": "false", "values": View.values, "layout": ""}, names.EXPLORE),
        ({"utm_source": "mail", "layer": "encoder"}, names.EXPLORE),
        ({"gradients": "true"}, names.MEMORY),
        ({"gradients": "true", "contrast": "true", "unit": "3"}, names.MEMORY),
        ({"b.num_units": "30"}, names.COMPARE),
        ({"b.cell": "GRUCell", "cell": "LSTMCell", "values": "preactivations"}, names.COMPARE),
        ({"tolerance": "1e-3"}, names.COMPARE),
        ({"layout": "keras"}, names.MODEL),
        ({"tables": "true"}, names.TAKE_ALONG),
        ({"units": "1,3", "values": "preactivations"}, names.TAKE_ALONG),
        ({"values": "preactivations"}, names.DOCUMENT),
        ({"gradients": "true", "layout": "keras"}, names.DOCUMENT),
        ({"b.seed": "1", "units": "1", "tables": "true"}, names.DOCUMENT),
    ],
)  # fmt: skip
def test_a_link_goes_to_the_path_that_shows_what_it_asks_for(query, path):
    assert views.home(query) == path


def test_an_address_says_what_its_path_shows_and_the_rest_stays_in_the_session():
    everything = {"b.seed": "1", "layout": "onnx", "tables": "true", "values": "preactivations", "units": "2"}
    page = _open(names.DOCUMENT, **_SMALL, **everything)
    assert _query(page) == _SMALL | everything
    shown = {
        names.EXPLORE: (),
        names.LEARN: (),
        names.MEMORY: (),
        names.COMPARE: ("b.seed", "values"),
        names.MODEL: ("layout",),
        names.TAKE_ALONG: ("tables", "values", "units"),
        names.DOCUMENT: tuple(everything),
    }
    for path, of_it in shown.items():
        _go(page, path)
        assert _query(page) == _SMALL | {name: everything[name] for name in of_it}, path


def test_an_address_that_is_gone_to_on_one_path_keeps_what_another_shows():
    page = _open(names.COMPARE, **_SMALL, **{"b.seed": "1"})
    _go(page, names.MEMORY)
    _run(page.number_input(key="seed").set_value(5))
    page.query_params.clear()
    for name, value in (_SMALL | {"seed": "9"}).items():
        page.query_params[name] = value
    _run(page)
    view = page.session_state["view"]
    assert view.seed == 9 and dict(view.versus) == {"seed": "1"}


@pytest.mark.parametrize("path", [name for name in names.ALL if name not in (names.EXPLORE, names.LEARN)])
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_path_is_drawn_whatever_its_address_says(path, lang):
    hostile = {
        "num_units": "9" * 500,
        "cell": "**b**",
        "layout": "x",
        "units": "99",
        "t": "1e9",
        "tolerance": "nan",
    }
    page = _open(path, **hostile, time_steps="9", lang=lang)  # the largest cell there may be, over few steps
    assert page.warning and len(page.warning) < 40
