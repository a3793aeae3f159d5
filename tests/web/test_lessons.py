"""The lesson's files: the same lesson in every language, and a sentence where one is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lstmviz import language
from lstmviz.cells import KINDS
from lstmviz.web import lessons, parameters
from lstmviz.web import stage as stages
from lstmviz.web import view as views
from lstmviz.web.paths import names
from lstmviz.web.view import View
from tests.test_javascript import call

LANGUAGES = sorted(language.LANGUAGES)
_GOOD = """
source_file = "somewhere"

[[steps]]
name = "one"
title = "A title"
text = "{num_units} nodes, and c_{t-1}"
key = "A key"
action = "Do it"
done = ["changed num_units"]
start = { num_units = 4, linear = false, t = 2 }

[[questions]]
name = "why"
ask = "Why?"
answer = "{rows}"
"""


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """`written(old, new)` is the path of a good lesson in which one thing was replaced."""

    def write(old: str = "", new: str = "") -> Path:
        path = tmp_path / "own.toml"
        assert old in _GOOD
        path.write_text(_GOOD.replace(old, new, 1) if old else _GOOD, encoding="utf-8")
        return path

    return write


def _texts(entry: Any) -> str:
    names = ("title", "text", "key", "action", "ask", "answer")
    return " ".join(getattr(entry, name, "") for name in names)


def _holes(text: str) -> set[str]:
    return set(re.findall(r"\{([a-z]\w*)\}", text))


def test_there_are_eight_steps_and_ten_questions():
    lesson = lessons.load("en")
    assert (len(lesson.steps), len(lesson.questions)) == (8, 10)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_the_same_steps_questions_settings_and_places_to_fill_in(lang: str):
    english, other = lessons.load("en"), lessons.load(lang)
    assert other.source_file == english.source_file
    same = ("name", "done", "panel", "lights", "figure", "source", "start")
    for one, two in zip(english.steps, other.steps, strict=True):
        assert [getattr(one, name) for name in same] == [getattr(two, name) for name in same]
        assert _holes(_texts(one)) == _holes(_texts(two)), one.name
    for ask, asked in zip(english.questions, other.questions, strict=True):
        same = ("name", "panel", "lights", "show")
        assert [getattr(ask, name) for name in same] == [getattr(asked, name) for name in same]
        assert _holes(_texts(ask)) == _holes(_texts(asked)), ask.name


@pytest.mark.parametrize("lang", [lang for lang in LANGUAGES if lang != "en"])
def test_no_text_is_left_in_english(lang: str):
    english, other = lessons.load("en"), lessons.load(lang)
    pairs = zip([*english.steps, *english.questions], [*other.steps, *other.questions], strict=True)
    for one, two in pairs:
        for name in ("title", "text", "action", "ask", "answer"):
            if hasattr(one, name):
                assert getattr(one, name) != getattr(two, name), f"{one.name}.{name}"


def test_the_browser_knows_what_a_text_can_have_filled_in_and_which_drawings_there_are():
    (facts, _none), (figures, _nothing) = call(
        ("lesson_facts.js", "names", []), ("lesson_figures.js", "names", [])
    )
    assert set(facts) == lessons.PLACEHOLDERS
    assert set(figures) == set(filter(None, lessons.FIGURES))


def test_the_quoted_lines_stand_in_tensorflows_own_source():
    tensorflow = pytest.importorskip("tensorflow")
    root = Path(tensorflow.__file__).parent
    source = (root / "python/keras/layers/legacy_rnn/rnn_cell_impl.py").read_text(encoding="utf-8")
    cell = source[source.index("class BasicLSTMCell") : source.index("class LSTMCell")]
    lines = {line.strip() for line in cell.splitlines()}
    quoted = [line for step in lessons.load("en").steps for line in step.source.splitlines()]
    code = [line.strip() for line in quoted if line != "..." and not line.startswith(">>>")]
    assert len(code) > 20
    assert set(code) <= lines


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_setting_of_a_lesson_is_one_that_the_stage_can_show(lang: str):
    lesson = lessons.load(lang)
    for setting in [*(step.start for step in lesson.steps), *(each.show for each in lesson.questions)]:
        view = views.with_parameters(View(options=KINDS_OPTIONS), setting)
        said = parameters.in_full(view)
        assert views.parse(said)[1] == []
        assert views.home(views.to_query(view)) == names.EXPLORE
        assert {name: said[name] for name in setting} == setting


KINDS_OPTIONS = tuple((o.name, o.default) for o in parameters.own_options(KINDS["BasicLSTMCell"]))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "one"', 'name = "One!"', r"own\.toml, step One!.*small letters"),
        ('name = "one"', "", r"own\.toml, step 1.*small letters"),
        ('name = "one"', 'name = "questions"', r"own\.toml.*no step can be called questions"),
        ("{num_units} nodes", "{nodes} nodes", r"own\.toml, step one.*text has nodes.*num_units"),
        ('key = "A key"', "key = 3", r"own\.toml, step one.*key must be a text"),
        ('key = "A key"', "", r"own\.toml, step one.*key must be a text"),
        ('key = "A key"', f'key = "{"k" * 2001}"', r"own\.toml, step one.*at most 2,000"),
        ('action = "Do it"', 'action = "Do it"\nhint = "x"', r"own\.toml, step one.*knows no hint"),
        ('["changed num_units"]', '["moved num_units"]', r"own\.toml, step one.*done must be among"),
        ('["changed num_units"]', "[]", r"own\.toml, step one.*done must be among"),
        ('["changed num_units"]', '["figure"]', r"own\.toml, step one.*no figure of this step"),
        ("num_units = 4", "num_units = -4", r"own\.toml, step one.*start.*num_units was “-4”"),
        ("num_units = 4", "units_num = 4", r"own\.toml, step one.*“units_num” is not a parameter"),
        ("num_units = 4", "num_units = [4]", r"own\.toml, step one.*start must be a table"),
        ('title = "A title"', 'title = "A title"\nfigure = "cat"', r"step one.*figure must be one of layer"),
        ('title = "A title"', 'title = "A title"\npanel = "cat"', r"step one.*panel must be one of kernel"),
        ('title = "A title"', 'title = "A title"\nlights = ["cat"]', r"step one.*lights must be one of"),
        ('title = "A title"', 'title = "A title"\nsource = ">>> cat"', r"step one.*can stand concat"),
        ("[[questions]]", "[[answers]]", r"own\.toml.*knows no answers"),
        ('answer = "{rows}"', 'answer = "{raws}"', r"own\.toml, question why.*answer has raws"),
        ("[[steps]]", "[[steps]", r"own\.toml.*cannot be read"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_by_file_and_step(written: Any, old: str, new: str, said: str):
    with pytest.raises(ValueError, match=said):
        lessons.read(written(old, new))


def test_a_good_file_is_read(written: Any):
    (step,) = lessons.read(written()).steps
    assert step.start == {"num_units": "4", "linear": "false", "t": "2"}


def test_a_file_without_end_is_refused_and_one_that_is_not_there_too(tmp_path: Path):
    large = tmp_path / "large.toml"
    large.write_text(_GOOD + "#" * 2**18, encoding="utf-8")
    with pytest.raises(ValueError, match=r"large\.toml.*larger than 262,144 bytes"):
        lessons.read(large)
    with pytest.raises(ValueError, match=r"none\.toml.*cannot be read"):
        lessons.read(tmp_path / "none.toml")


def test_two_steps_of_one_name_are_refused(tmp_path: Path):
    path = tmp_path / "twice.toml"
    step = _GOOD[_GOOD.index("[[steps]]") : _GOOD.index("[[questions]]")]
    path.write_text(_GOOD.replace("[[questions]]", step + "[[questions]]", 1), encoding="utf-8")
    with pytest.raises(ValueError, match="two of one, one are one"):
        lessons.read(path)


def test_a_step_that_is_not_there_opens_the_first_and_is_said():
    lesson = lessons.load("en")
    assert lessons.tell(lesson, "nowhere")["step"] == "layer"
    (said,) = lessons.missing(lesson, View(step="nowhere"))
    assert "nowhere" in said and "forget_bias" in said
    assert list(lessons.missing(lesson, View(step="linear"))) == list(lessons.missing(lesson, View())) == []


def test_an_address_says_more_than_a_steps_start():
    assert lessons.start({"step": "step", "t": "9"}) == {"linear": "false"}
    assert lessons.start({"step": "nowhere"}) == {}


def test_what_a_browser_sets_is_read_as_an_address_is():
    view = View(options=KINDS_OPTIONS)
    sent = {"num_units": 8, "t": None, "unit": None, "gate": "", "step": "forget_bias"}
    moved = stages.moved(view, {**sent, "set": {"forget_bias": "2.5", "cat": "1", "linear": 3}})
    assert (dict(moved.options)["forget_bias"], moved.linear, moved.step) == (2.5, False, "forget_bias")
    assert stages.moved(view, {**sent, "step": "../x"}).step == ""
    assert stages.moved(view, {**sent, "step": "x", "set": [1]}) == stages.moved(view, {**sent, "step": "x"})


def test_going_back_to_the_lstm_leaves_the_other_kinds_options_behind():
    gru = views.parse({"cell": "GRUCell", "num_units": "5", "t": "3"})[0]
    back = views.with_parameters(gru, {"cell": "BasicLSTMCell"})
    assert (back.cell, back.num_units, back.t, back.options) == ("BasicLSTMCell", 5, 3, KINDS_OPTIONS)
    assert views.parse(views.to_query(back))[1] == []


def test_the_address_holds_the_step_and_the_pictures_do_not_depend_on_it():
    view, problems = views.parse({"step": "forget_bias"})
    assert (view.step, problems) == ("forget_bias", [])
    assert views.to_query(view) == {"step": "forget_bias"}
    assert view.unpinned == views.parse({})[0].unpinned
    _view, (said,) = views.parse({"step": "a step!"})
    assert "step was" in said
