"""The page's logic, without a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import lstmviz as lv
from lstmviz.web import parameters, render, sections
from lstmviz.web import view as views

_SCRIPT = Path(__file__).parent / "apps" / "document.py"


def _open(**query: str) -> AppTest:
    page = AppTest.from_file(_SCRIPT, default_timeout=60)
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


def _texts(page: AppTest) -> str:
    return "\n".join(element.value for element in page.markdown)


def _warnings(page: AppTest) -> str:
    """What the page warns of, without the backslashes of its Markdown."""
    return " ".join(re.sub(r"\\(.)", r"\1", warning.value) for warning in page.warning)


def test_the_first_view_needs_no_click():
    page = _open()
    assert not page.warning
    assert "[12, 32]" in _texts(page)
    assert _query(page) == {}, "nothing was picked yet"
    assert page.selectbox(key="cell").value == "BasicLSTMCell" and page.slider(key="num_units").value == 8


def test_moving_num_units_changes_the_kernel_and_the_address():
    page = _open()
    _run(page.slider(key="num_units").set_value(9))
    assert "[13, 36]" in _texts(page)
    assert _query(page)["num_units"] == "9"
    assert page.number_input(key="num_units_exact").value == 9


def test_the_number_field_goes_beyond_the_slider():
    page = _open(time_steps="5")
    _run(page.number_input(key="num_units_exact").set_value(300))
    assert "[304, 1200]" in _texts(page)
    assert page.slider(key="num_units").value == 256
    _run(page.slider(key="num_units").set_value(10))
    assert "[14, 40]" in _texts(page)


@pytest.mark.parametrize("kind", list(lv.KINDS))
def test_every_kind_shows_its_kernel_and_its_parameters(kind):
    page = _open(cell=kind, num_units="5", input_size="3")
    cell = lv.build(kind, 5, 3)
    assert f"{list(cell.kernel.shape)}" in _texts(page)
    assert f"**{cell.parameter_count:,}**" in _texts(page)
    names = "input_size + num_units" if len(cell.kernel) == 8 else "input_size"
    times = "" if len(cell.kind.gates) == 1 else f"{len(cell.kind.gates)} × "
    assert f"`[{names}, {times}num_units]`" in _texts(page)
    said = re.sub(r"\\(.)", r"\1", page.caption[0].value)
    assert said == f"{cell.kind.purpose} ({cell.kind.source})"
    assert page.selectbox(key="cell").value == kind


def test_the_kinds_that_frameworks_have_come_first_and_the_others_as_more():
    page = _open()
    shown = page.selectbox(key="cell").options
    first = ["BasicRNNCell", "BasicLSTMCell", "LSTMCell", "GRUCell", "CudnnCompatibleGRUCell"]
    assert shown[:5] == first and all(name.startswith("more · ") for name in shown[5:])
    assert [name.removeprefix("more · ") for name in shown] == list(lv.KINDS)
    _run(page.selectbox(key="cell").set_value("JANET"))
    assert _query(page) == {"cell": "JANET"} and page.number_input(key="beta").value == 1
    _run(page.number_input(key="beta").set_value(0.25))
    assert _query(page)["beta"] == "0.25"
    _run(page.selectbox(key="cell").set_value("sLSTM"))
    assert "beta" not in _query(page)


def test_a_linear_layer_is_not_offered_where_it_cannot_be_folded():
    page = _open(cell="LayerNormBasicLSTMCell", linear="true", time_steps="5", sequence="sine")
    assert "no bias beside each product with x" in _warnings(page)
    assert "cannot be folded away here" in _texts(page)
    assert not [toggle for toggle in page.toggle if toggle.key == "linear"] and "linear" not in _query(page)


def test_options_of_the_kind_come_and_go_with_it_and_keep_their_values():
    page = _open(cell="LSTMCell")
    _run(page.checkbox(key="use_peepholes").set_value(True))
    _run(page.number_input(key="num_proj").set_value(3))
    assert _query(page)["use_peepholes"] == "true" and _query(page)["num_proj"] == "3"
    assert "`[input_size + num_proj, 4 × num_units]`" in _texts(page)
    _run(page.selectbox(key="cell").set_value("GRUCell"))
    assert "num_proj" not in _query(page)


@pytest.mark.parametrize("name", [n for n in views.SEQUENCES if n not in parameters.FILES])
def test_every_sequence_runs(name):
    page = _open(sequence=name)
    assert not page.warning


def test_text_brings_its_own_input_size_and_going_back_works():
    page = _open(sequence="text", text="hello")
    assert page.number_input(key="input_size").value == 4
    assert page.number_input(key="input_size").disabled
    _run(page.selectbox(key="sequence").set_value("sine"))
    assert not page.number_input(key="input_size").disabled


def test_a_csv_file_is_read_and_its_columns_can_be_chosen():
    page = _open(sequence="csv")
    assert "upload" in _warnings(page)
    table = "year,a,b\n" + "\n".join(f"{1900 + t},{t % 3},{t % 5}" for t in range(20))
    page.file_uploader(key="csv").upload("table.csv", table.encode(), "text/csv")
    _run(page)
    assert not page.warning
    _run(page.multiselect(key="columns").set_value(["b"]))
    assert page.number_input(key="input_size").value == 1


def test_a_text_file_is_read_as_the_same_text_typed_and_the_link_does_not_hold_it():
    page = _open(sequence="text_file")
    assert "There is no text file yet" in _warnings(page)
    text = "abc\nä" * 900  # more than an address holds
    page.file_uploader(key="text_file").upload("long.txt", text.encode("utf-8-sig"), "text/plain")
    _run(page)
    assert not page.warning and _said_input(page) == "long.txt"
    assert "text" not in _query(page) and _query(page)["sequence"] == "text_file"
    page.file_uploader(key="text_file").upload("bytes.txt", b"ab\xff", "text/plain")
    _run(page)
    assert "bytes.txt is no text in UTF-8: byte 2 does not belong to it" in _warnings(page)


def test_of_a_text_that_is_too_long_the_first_steps_are_shown_and_its_length_is_said():
    text = "abc\nä" * 4_000 + "z"
    view, _problems = views.parse({"sequence": "text_file"})
    sequence, view, problems = render.fit(view, render.Upload("long.txt", text.encode()))
    assert problems == ["The text has 20,001 steps; the page shows the first 10,000."]
    assert len(sequence) == 10_000 and "z" in sequence.features, "the whole text can be searched in"
    view, _problems = views.parse({"sequence": "text_file", "encoding": "byte"})
    _sequence, _view, problems = render.fit(view, render.Upload("long.txt", text.encode()))
    assert problems == ["The text has 24,001 steps; the page shows the first 10,000."]
    wide, _problems = views.parse({"sequence": "text_file", "num_units": "2000"})
    sequence, _view, problems = render.fit(wide, render.Upload("long.txt", text.encode()))
    assert len(sequence) < 10_000 and problems[0].startswith("The sequence has 20001 steps; with 2000 units")


def test_an_alphabet_says_which_characters_have_a_feature_and_in_which_order():
    view, problems = views.parse({"sequence": "text", "text": "abba", "alphabet": "cba"})
    sequence, view, more = render.fit(view, None)
    assert problems == more == [] and view.input_size == 3
    assert sequence.values.argmax(axis=1).tolist() == [2, 1, 1, 2] and sequence.features == ("c", "b", "a")
    assert views.to_query(view)["alphabet"] == "cba"
    assert "alphabet='cba'" in sections.sequence_code(view)
    for_file, _problems = views.parse({"sequence": "text_file", "alphabet": "cba"})
    read, _view, _more = render.fit(for_file, render.Upload("a.txt", b"abba"))
    assert (read.values == sequence.values).all()
    other, _problems = views.parse({"sequence": "text", "text": "abba", "alphabet": "bc"})
    with pytest.raises(ValueError, match="a at step 0, which is not in the alphabet"):
        render.fit(other, None)


def _said_input(page) -> str:
    (caption,) = [each.value for each in page.caption if each.value.startswith("Input: ")]
    return caption.removeprefix("Input: ").partition(". Ran")[0].replace("\\", "")


def test_a_table_with_as_many_features_as_before_takes_the_want_of_a_file_away():
    page = _open(sequence="csv")
    assert "upload" in _warnings(page)
    table = "a,b,c,d\n" + "\n".join(f"{t % 3},{t % 5},{t % 7},{t % 2}" for t in range(20))
    page.file_uploader(key="csv").upload("table.csv", table.encode(), "text/csv")
    _run(page)
    assert not page.warning, "the view is the same, but its file is there now"


def test_a_file_that_is_mended_is_complained_of_no_more():
    page = _open(sequence="csv", num_units="70", cell="GRUCell")
    page.file_uploader(key="csv").upload("table.csv", b"a,b,c,d\n1,2,3,4\n1,2,3\n", "text/csv")
    _run(page)
    assert page.warning
    page.file_uploader(key="csv").upload("table.csv", b"a,b,c,d\n1,2,3,4\n1,2,3,5\n", "text/csv")
    _run(page)
    assert not page.warning


def test_what_gave_way_is_said_until_something_else_is_shown():
    page = _open(num_units="-5")
    _run(page)
    assert "num_units was “-5”" in _warnings(page)
    _run(page.slider(key="num_units").set_value(9))
    assert not page.warning


_HOSTILE = st.sampled_from(
    [
        "9" * 5000,
        "1e400",
        "1e30",
        "-1e30",
        "nan",
        "٣",
        "",
        "x" * 5000,
        "**b**",
        "$x$ :red[y]",
        "\x00",
        "0,1,2",
    ]
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(
            [*views.PARAMETERS, "period", "forget_bias", "num_proj", "cell_clip", "b.seed", "b.forget_bias"]
        )
        | _HOSTILE.filter(bool),
        _HOSTILE,
        max_size=6,
    )
)
def test_the_page_is_drawn_whatever_its_address_says(query):
    page = _open(**query)
    assert len(page.warning) < 40 and all(len(warning.value) < 1500 for warning in page.warning)
    again = _open(**_query(page))
    assert not [warning for warning in again.warning if "In the address" in warning.value]


def test_a_csv_file_that_cannot_be_read_says_why_and_the_page_goes_on():
    page = _open(sequence="csv")
    page.file_uploader(key="csv").upload("table.csv", b"a,b\n1,x\n2,y\n3\n", "text/csv")
    _run(page)
    assert page.warning
    assert "[12, 32]" in _texts(page)
    _run(page.selectbox(key="sequence").set_value("sine"))
    assert not page.warning


def test_wrong_numbers_name_the_text_and_the_page_goes_on():
    page = _open(sequence="numbers", numbers="1 2\n3 four")
    assert "four" in _warnings(page)
    _run(page.text_area(key="numbers").set_value("1 2\n3 4"))
    assert not page.warning


def test_a_bad_link_shows_the_nearest_view_and_says_what_was_wrong():
    page = _open(num_units="-5", cell="Foo")
    said = _warnings(page)
    assert "num_units" in said and "-5" in said and "Foo" in said
    assert "[5, 4]" in _texts(page)
    assert _query(page)["num_units"] == "1"


def test_a_device_that_is_not_there_is_said_and_another_is_taken():
    page = _open(device="GPU:7")
    assert "GPU:7" in _warnings(page)
    assert "device" not in _query(page)


def test_the_linear_layer_shows_how_little_the_outputs_differ():
    page = _open(linear="true")
    assert any("largest difference" in element.value for element in page.markdown)


def test_japanese_is_chosen_by_the_link_and_by_the_switch():
    page = _open(lang="ja")
    japanese = _texts(page)
    assert "隠れ層" in japanese
    english = _open()
    english.session_state["lang"] = "ja"
    _run(english)
    assert _texts(english) == japanese
    assert _query(english)["lang"] == "ja"


def test_a_link_of_one_viewer_opens_the_same_page_for_another():
    sender = _open()
    _run(sender.slider(key="num_units").set_value(13))
    _run(sender.selectbox(key="sequence").set_value("chirp"))
    _run(sender.selectbox(key="cell").set_value("GRUCell"))
    receiver = _open(**_query(sender))
    assert _texts(receiver) == _texts(sender)
    assert json.dumps(_query(receiver), sort_keys=True) == json.dumps(_query(sender), sort_keys=True)


def test_a_question_compares_with_one_click():
    page = _open(num_units="3", time_steps="9")
    _run(page.button(key="ask_forget_bias").click())
    query = _query(page)
    assert query["forget_bias"] == "0" and query["b.forget_bias"] == "1"
    assert page.number_input(key="forget_bias").value == 0
    assert page.selectbox(key="versus_name").value == "forget_bias"
    _run(page.number_input(key="versus_number").set_value(2.5))
    assert _query(page)["b.forget_bias"] == "2.5"
    _run(page.selectbox(key="versus_name").set_value("cell"))
    assert _query(page)["b.cell"] == "BasicRNNCell" and "b.forget_bias" not in _query(page)
    _run(page.selectbox(key="versus_value").set_value("GRUCell"))
    assert _query(page)["b.cell"] == "GRUCell"
    _run(page.selectbox(key="tolerance").set_value("1e-3"))
    assert _query(page)["tolerance"] == "1e-3"
    _run(page.selectbox(key="versus_name").set_value("-"))
    assert not [name for name in _query(page) if name.startswith("b.")]


def test_cpu_against_gpu_says_why_it_cannot_be_had():
    from lstmviz.run import devices

    button = _open(num_units="2", time_steps="3").button(key="ask_device")
    assert button.disabled == (not any(device.name.startswith("GPU") for device in devices.list_devices()))


def test_what_is_compared_follows_another_kind():
    page = _open(num_units="3", time_steps="9", **{"b.forget_bias": "0", "b.num_units": "5"})
    _run(page.selectbox(key="cell").set_value("GRUCell"))
    assert _query(page)["b.num_units"] == "5" and "b.forget_bias" not in _query(page)
    _run(page.slider(key="num_units").set_value(5))
    assert "b.num_units" not in _query(page), "nothing differs any more"


def test_a_compared_device_that_is_not_there_is_said():
    page = _open(num_units="2", time_steps="3", **{"b.device": "GPU:7"})
    assert "GPU:7" in _warnings(page)


def test_gradients_are_there_when_they_are_asked_for():
    page = _open(time_steps="20", sequence="sine")
    assert not page.session_state["gradients"]
    assert "contrast" not in [toggle.key for toggle in page.toggle]
    _run(page.toggle(key="gradients").set_value(True))
    assert _query(page)["gradients"] == "true"
    assert "last step, 19" in " ".join(caption.value for caption in page.caption)
    _run(page.toggle(key="contrast").set_value(True))
    assert _query(page)["contrast"] == "true"
    asked = _open(time_steps="20", sequence="sine", gradients="true", t="7", unit="3", cell="BasicRNNCell")
    assert "`h[3]` at step 7" in " ".join(caption.value for caption in asked.caption)
    assert "BasicLSTMCell" in asked.toggle(key="contrast").label


def test_gradients_that_are_too_many_are_refused_with_what_to_do():
    page = _open(num_units="200", time_steps="2000", sequence="sine", gradients="true")
    assert "step 1999" in _warnings(page) and "at most 400,000" in _warnings(page)
    assert _query(page)["time_steps"] == "2000", "the run itself is shown"
    page = _open(num_units="200", time_steps="2000", sequence="sine", gradients="true", t="100")
    assert not page.warning


def test_a_table_that_no_spreadsheet_reads_is_not_offered():
    page = _open(num_units="900", input_size="50", sequence="sine", time_steps="3")
    buttons = {button.key: button for button in page.get("download_button")}
    assert buttons["kernel_csv"].proto.disabled and "take the .npz" in buttons["kernel_csv"].proto.help
    assert not buttons["kernel_npz"].proto.disabled and not buttons["trace_csv"].proto.disabled
