"""What a link hides, holds and says: read from strangers, held against every control, and nothing that a picture is kept by."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st

from lstmviz.web import fixed, lessons, parameters, pictures, render, stage, words
from lstmviz.web import view as views
from lstmviz.web.view import View

_WIDGETS = (
    "selectbox",
    "number_input",
    "toggle",
    "checkbox",
    "segmented_control",
    "text_area",
    "multiselect",
    "slider",
    "pills",
)


def parse(**query: str) -> tuple[View, list[str]]:
    return views.parse(query)


# --- What an address says


def test_names_are_taken_in_any_order_and_each_once():
    view, problems = parse(lock="seed, num_units,seed", hide="cell,paths,more,forget_bias,period")
    assert not problems
    assert view.lock == ("seed", "num_units")
    assert view.hide == ("cell", "paths", "more", "forget_bias", "period")
    assert views.to_query(view) == {"lock": "seed,num_units", "hide": "cell,paths,more,forget_bias,period"}


@pytest.mark.parametrize(
    "given", ["colour", "seed,colour", "<b>", "note", "hide", "lock", "b.seed", "x" * 10**5]
)
def test_a_name_that_is_none_is_left_out_with_the_pages_usual_sentence(given):
    view, (said,) = parse(lock=given)
    assert view.lock == (("seed",) if "seed," in given else ())
    assert said.startswith(("lock was “", "of lock, “")) and ("num_units" in said or "seed" in said)


def test_of_some_names_those_that_are_none_are_left_out_and_the_others_are_hidden():
    view, (said,) = parse(hide="nonsense,cell")
    assert view.hide == ("cell",)
    assert (
        said.startswith("of hide, “nonsense” is left out: ") and "onset" not in said and "showing" not in said
    )


def test_of_a_name_that_is_none_the_nearest_are_told_and_never_the_whole_list():
    assert parse(hide="nosuch,num_unit")[1][0].endswith("nearest: num_units.")
    for given in ("nosuch", "0000", "nosuch," * 100, "x" * 10**5):
        (said,) = parse(hide=given)[1]
        assert "left out" in said and len(said) < 60 + 160, said


def test_what_is_pinned_can_be_held_and_has_no_control_to_hide():
    view, problems = parse(lock="t,unit,gate")
    assert (view.lock, problems) == (("t", "unit", "gate"), [])
    assert parse(hide="unit")[1] and not parse(hide="t")[1]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Which gate forgets?", "Which gate forgets?"),
        ("  two\n lines\t", "two lines"),
        ("\u202eabc\u2066\u200b", "abc"),
        ("a\u0000b\u2028c", "ab c"),
        ("<script>alert(1)</script> **bold** [a](b)", "<script>alert(1)</script> **bold** [a](b)"),
        ("a" + "\u0301" * 50, "a" + "\u0301" * 3),
        ("忘れるのは f", "忘れるのは f"),
        ("", ""),
    ],
)
def test_a_note_is_one_line_of_letters_that_are_seen(given, shown):
    view, problems = parse(note=given)
    assert view.note == shown == words.plain_line(shown)
    assert bool(problems) == (given != shown)


def test_a_text_where_none_is_read_is_the_links_sentence():
    assert parse(text="Look at f.")[0].note == "Look at f."
    assert parse(text="Look at f.", note="No, at i.")[0].note == "No, at i."
    view, problems = parse(sequence="text", text="abab")
    assert (view.text, view.note, problems) == ("abab", "", [])


def test_a_note_is_bounded():
    view, (said,) = parse(note="abc " * 10**4)
    assert len(view.note) <= parameters.MAX_NOTE and "40000" in said


def test_a_lessons_step_has_a_number_and_its_name_comes_first():
    lesson = lessons.load("en")
    third = lesson.steps[2].name
    assert lessons.step_of(lesson, parse(lesson="3")[0]) == third
    assert lessons.step_of(lesson, parse(lesson="3", step="linear")[0]) == "linear"
    view, problems = parse(lesson="29")
    assert not problems and lessons.step_of(lesson, view) == lesson.steps[-1].name
    (said,) = lessons.missing(lesson, view)
    assert said.startswith("lesson was 29; showing 8")
    for number in ("99", "9" * 30):
        view, problems = parse(lesson=number)
        assert len([*problems, *lessons.missing(lesson, view)]) == 1  # one fault, one sentence
    assert parse(lesson="0")[1] == ["lesson was “0”; showing 1: it must be at least 1."]
    assert parse(lesson="three")[0].lesson == 1 and parse(lesson="three")[1]


def test_a_link_with_a_lesson_opens_learn():
    assert views.home({"lesson": "3", "hide": "seed", "note": "Look."}) == "learn"
    assert views.home({"hide": "seed", "lock": "cell", "note": "Look."}) == "explore"


# --- One setting has one key, whatever its link hides


@pytest.mark.parametrize("what", sorted(parameters.CELL | parameters.RUN))
def test_two_links_that_hide_and_say_different_things_show_one_setting(what):
    plain, link = parse(num_units="5")[0], parse(num_units="5", hide="seed", lock="cell", note="Look.")[0]
    assert plain != link
    assert render._key(plain, what) == render._key(link, what)
    assert pictures.name(plain) == pictures.name(link)


# --- What is held


@pytest.fixture
def opened(monkeypatch):
    """The view of a link that holds some of its parameters."""

    def open_(**query: str) -> View:
        view, problems = parse(**query)
        assert not problems
        monkeypatch.setattr(st, "session_state", {"view": view})
        return view

    return open_


@pytest.mark.parametrize(
    "row",
    [row for row in parameters.rows(View()) if row.name in (*parameters.controls(), "gate", "unit")],
    ids=lambda row: row.name,
)
def test_each_parameter_that_can_be_held_is_held_against_every_change(row):
    other = parse(cell="LSTMCell", sequence="sine", num_units="3", t="4")[0]
    last = View(lock=(row.name,), options=(("forget_bias", 1.0), ("activation", "tanh")))
    kept = fixed.hold(last, other)
    assert row.get(kept) == row.get(last)
    assert kept.lock == last.lock
    free = fixed.hold(replace(last, lock=()), other)
    assert replace(free, hide=other.hide, lock=other.lock, note=other.note) == other


def test_a_kind_that_is_held_keeps_its_options_and_no_others():
    last = parse(cell="GRUCell", lock="cell")[0]
    kept = fixed.hold(last, parse(cell="LSTMCell", use_peepholes="true")[0])
    assert (kept.cell, kept.options) == ("GRUCell", last.options)


def test_an_option_that_is_held_stays_where_another_kind_has_it_too():
    last = parse(cell="BasicLSTMCell", forget_bias="2", lock="forget_bias")[0]
    other = fixed.hold(last, parse(cell="LSTMCell")[0])
    assert dict(other.options)["forget_bias"] == 2.0
    assert fixed.hold(last, parse(cell="GRUCell")[0]).options == parse(cell="GRUCell")[0].options


def test_what_a_browser_sends_moves_nothing_that_is_held(opened):
    view = opened(
        num_units="5", t="3", lock="num_units,t,step,linear,clamp", step="layer", cell="BasicLSTMCell"
    )
    sent = {
        "num_units": 9,
        "t": 7,
        "unit": 1,
        "gate": "f",
        "step": "memory",
        "set": {"linear": "true", "clamp": "f.0:1"},
    }
    moved = fixed.hold(view, stage.moved(view, sent))
    assert (moved.num_units, moved.t, moved.step, moved.linear, moved.clamp) == (5, 3, "layer", False, "none")
    assert (moved.unit, moved.gate) == (1, "f")


def test_no_control_changes_what_a_link_holds_hides_or_says(opened):
    view = opened(hide="seed", lock="cell", note="Look.")
    moved = fixed.hold(view, stage.moved(view, {"set": {"hide": "", "lock": "", "note": "Mine."}}))
    assert (moved.hide, moved.lock, moved.note) == (("seed",), ("cell",), "Look.")


def test_a_lessons_start_leaves_what_is_held_as_the_link_has_it():
    step = next(step for step in lessons.load("en").steps if step.start)
    name = next(iter(step.start))
    assert name in lessons.start({"step": step.name})
    assert name not in lessons.start({"step": step.name, "lock": name})


# --- What is drawn of it


def test_a_hidden_widget_is_not_drawn_and_a_locked_one_cannot_be_moved(opened):
    opened(hide="seed", lock="cell")
    drawn: list[dict[str, object]] = []
    for name in ("seed", "cell", "time_steps"):
        fixed.offer(lambda *_given, **options: drawn.append(options), name)(1, 2)
    assert drawn == [{"key": "cell", "disabled": True}, {"key": "time_steps", "disabled": False}]


def test_the_links_words_are_its_own_letter_by_letter(opened, monkeypatch):
    opened(note="<img src=x onerror=alert(1)> **bold** & more", lock="cell", hide="seed")
    shown: list[str] = []
    monkeypatch.setattr(st, "html", shown.append)
    fixed.draw_note()
    (text,) = shown
    assert (
        "From the link:" in text
        and "<bdi>&lt;img src=x onerror=alert(1)&gt; **bold** &amp; more</bdi>" in text
    )
    assert "Held by the link: cell" in text and "Hidden by the link: seed" in text


def test_a_link_that_says_nothing_of_it_shows_nothing_of_it(opened, monkeypatch):
    opened(num_units="5")
    monkeypatch.setattr(st, "html", lambda _text: pytest.fail("something is shown"))
    fixed.draw_note()


def test_no_widget_of_a_parameter_is_drawn_past_the_link():
    widgets = {row.widget for row in parameters.ROWS if row.widget} | {"num_units", "layer", "reverse"}
    inner = r"(?:[^()]|\([^()]*\))*"  # one call deep, as `_("cell")` is
    past = re.compile(rf"(?:{'|'.join(_WIDGETS)})\({inner}key=\"(?:{'|'.join(sorted(widgets))})\"")
    files = sorted(Path(fixed.__file__).parent.rglob("*.py"))
    assert len(files) > 40
    assert [file.name for file in files if past.search(file.read_text(encoding="utf-8"))] == []
    assert past.search('st.toggle(\n    _("tables"), key="tables")')
