"""What stands on a figure has the room that it takes, on a phone too, in each language."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz import language
from lstmviz.plot.words import LETTER, PHONE, brief, fold, measure, wrap

_KINDS = {"LSTMCell": {"use_peepholes": True, "num_proj": 5}, "BasicLSTMCell": {}, "GRUCell": {}, "sLSTM": {}}


def _run(kind: str, num_units: int, seed: int = 1) -> lv.Trace:
    cell = lv.build(kind, num_units=num_units, input_size=4, seed=seed, **_KINDS[kind])
    return lv.run(cell, lv.sequences.make("sine", time_steps=300, input_size=4), engine="numpy")


def _draw(kind: str, num_units: int):
    trace = _run(kind, num_units)
    yield "kernel", lv.plot.kernel(trace.cell)
    yield "gates", lv.plot.gates(trace)
    yield "compare", lv.plot.compare(lv.compare(trace, _run(kind, num_units, seed=2)))
    if kind != "sLSTM" and num_units < 100:
        yield "gradients", lv.plot.gradients(lv.gradients(trace, unit=0))
    for layout in ("keras", "pytorch", "onnx"):
        try:
            yield layout, lv.plot.layout(trace.cell, layout)
        except ValueError:
            continue  # the framework has no such cell
    try:
        yield "ledger", lv.plot.ledger(trace, 0)
    except ValueError:
        return  # its state is no sum


def _on_a_phone(figure) -> tuple[dict, list[dict]]:
    """The margins and the notes as they are there."""
    layout = figure.to_dict()["layout"]
    margins, notes = dict(layout["margin"]), [dict(note) for note in layout["annotations"]]
    for path, value in (layout.get("meta") or {}).get("narrow", {}).items():
        if found := re.fullmatch(r"annotations\[(\d+)\]\.(\w+)(\.size)?", path):
            notes[int(found[1])][found[2]] = {"size": value} if found[3] else value
        elif path.startswith("margin."):
            margins[path[-1]] = value
    return margins, notes


def _place(note: dict, margins: dict) -> tuple[float, float]:
    """From where to where its words go."""
    share = note["font"]["size"] / 13
    wide = max(measure(html.unescape(line)) for line in note["text"].split("<br>")) * share
    x = margins["l"] + note["x"] * (PHONE - margins["l"] - margins["r"]) + note.get("xshift", 0)
    left = x - wide * {"left": 0, "center": 0.5, "right": 1}[note.get("xanchor", "center")]
    return left, left + wide


@pytest.mark.parametrize("num_units", [8, 256])
@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("spoken", [*language.LANGUAGES])
def test_on_a_phone_no_word_is_cut_and_no_title_lies_on_a_scale(spoken, kind, num_units):
    with language.use(spoken):
        for name, figure in _draw(kind, num_units):
            margins, notes = _on_a_phone(figure)
            heads: dict[float, list[tuple[float, float]]] = {}
            for note in notes:
                if not note["text"] or note["xref"] != "paper":
                    continue
                left, right = _place(note, margins)
                assert left > -2 and right < PHONE + 2, (name, note["text"])
                if note.get("yanchor") == "bottom" and "yshift" not in note and note["y"]:
                    heads.setdefault(round(note["y"], 4), []).append((left, right))
                if note.get("yanchor") == "top" and not note["y"]:
                    lines = note["text"].count("<br>") + 1
                    assert margins["b"] >= 1.3 * note["font"]["size"] * lines - note.get("yshift", 0), name
            for places in heads.values():
                for (_left, right), (left, _right) in zip(sorted(places), sorted(places)[1:], strict=False):
                    assert right < left + 2, (name, places)
            for axis in figure.select_yaxes():
                assert all(measure(words) * 12 / 13 < margins["l"] for words in axis.ticktext or ()), name


_WORDS = st.text("ab 語、<br>")


@given(_WORDS, st.integers(40, 400))
def test_folded_words_are_the_same_words_and_those_that_fit_stay_as_they_are(words, room):
    folded = fold(words, room)
    assert re.sub(r"\s|<br>", "", folded) == re.sub(r"\s|<br>", "", words)
    for line in words.split("<br>"):
        if measure(line) <= room:
            assert line in folded.split("<br>")
        assert wrap([line], 10**6) in ([line.rstrip()], [line])


def test_a_title_that_is_too_long_loses_what_explains_it_first():
    assert brief("hidden state, the output", 30) == "hidden state, the output"
    assert brief("hidden state, the output", 20) == "hidden state"
    assert brief("正規化の状態。書き込まれたすべて", 14) == "正規化の状態"
    assert brief("no comma anywhere in it", 10) == "no comma …"
    assert measure("<b>ab</b>") == 2 * LETTER
