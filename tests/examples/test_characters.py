"""The cells that say the next character, on a module of Python's library that training did not see."""

from __future__ import annotations

import io
import tokenize
from contextlib import suppress

import numpy as np
import pytest

import lstmviz as lv
from lstmviz import examples
from lstmviz.examples.tasks import characters


@pytest.fixture(scope="module")
def trace():
    return lv.run(examples.load("characters").cell, _one_hot(characters.read_held_out()), engine="numpy")


def _one_hot(text):
    return np.eye(len(characters.ALPHABET), dtype=np.float32)[characters.encode(text)]


def _follow(unit, number):
    return np.corrcoef(unit, number)[0, 1]


def _columns(text):
    return np.concatenate([np.arange(len(line)) for line in text.splitlines(keepends=True)])


@pytest.mark.parametrize("kind", examples.cells("characters"))
def test_a_cell_says_the_next_character_better_than_a_model_of_5_grams_of_the_same_text(kind):
    example = examples.load("characters", kind)
    found = characters.score(example.cell, example.head)
    assert found["bits"] == pytest.approx(example.facts["bits"], rel=1e-3)
    assert found["accuracy"] == pytest.approx(example.facts["accuracy"], abs=1e-3)
    assert found["bits"] < example.facts["bits_of_5_grams"] - 0.05


def test_the_bits_of_5_grams_are_counted_in_the_text_of_the_training():
    try:
        found = characters.compare()
    except ValueError as error:
        pytest.skip(str(error))
    for kind in examples.cells("characters"):
        assert found["bits_of_5_grams"] == examples.load("characters", kind).facts["bits_of_5_grams"]


def test_a_model_of_5_grams_knows_a_text_that_repeats_itself(monkeypatch):
    monkeypatch.setattr(characters, "read_library", lambda: "abcdefghij" * 200)
    monkeypatch.setattr(characters, "read_held_out", lambda: "abcdefghij" * 1200)
    characters.compare.cache_clear()
    try:
        assert characters.compare()["bits_of_5_grams"] < 0.2
        monkeypatch.setattr(characters, "read_held_out", lambda: "jihgfedcba" * 1200)
        characters.compare.cache_clear()
        assert characters.compare()["bits_of_5_grams"] > 5
    finally:
        characters.compare.cache_clear()


def test_units_follow_the_length_of_the_line_and_tell_spaces_from_letters(trace):
    text, c = characters.read_held_out(), trace.states["c"]
    column, space = _columns(text), np.array([character == " " for character in text])
    assert _follow(c[:, 18], column) < -0.75
    assert _follow(c[:, 8], column) > 0.65
    assert _follow(c[:, 1], space) < -0.65


def test_units_of_the_gru_follow_the_length_of_the_line_spaces_and_letters():
    text = characters.read_held_out()
    trace = lv.run(examples.load("characters", "GRUCell").cell, _one_hot(text), engine="numpy")
    h, lines = trace.states["h"], text.splitlines(keepends=True)
    deep = np.concatenate([np.full(len(line), len(line) - len(line.lstrip(" "))) for line in lines])
    assert _follow(h[:, 50], _columns(text)) < -0.6
    assert _follow(h[:, 21], np.array([character == " " for character in text])) < -0.7
    assert _follow(h[:, 81], np.array([character.isalpha() for character in text])) < -0.7
    assert max(abs(_follow(unit, deep)) for unit in h.T) < 0.4


def test_no_single_unit_follows_closely_how_deep_a_line_stands_or_whether_a_quote_is_open(trace):
    text, c = characters.read_held_out(), trace.states["c"]
    lines = text.splitlines(keepends=True)
    deep = np.concatenate([np.full(len(line), len(line) - len(line.lstrip(" "))) for line in lines])
    starts, quoted = np.cumsum([0, *map(len, lines)]), np.zeros(len(text))
    with suppress(tokenize.TokenError):  # the text may be cut within one
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.STRING:
                (row, column), (last, end) = token.start, token.end
                quoted[starts[row - 1] + column : starts[last - 1] + end - 1] = 1
    assert 0.1 < quoted.mean() < 0.9
    for number in (deep, quoted):
        assert max(abs(_follow(unit, number)) for unit in c.T) < 0.6


def test_the_answers_on_the_page_are_characters():
    from lstmviz.web import trained

    example = examples.load("characters")
    assert trained.name_answers(example) == tuple(example.sequence.features)
    assert trained.name_answers(examples.load("brackets")) == ()
    right = [example.sequence.features[int(place)] for place in example.targets[:-1]]
    assert right == list(example.sequence.labels[1:])


def test_only_the_alphabet_is_in_the_held_out_text():
    assert set(characters.read_held_out()) <= set(characters.ALPHABET)
    assert len(characters.read_held_out()) == 12_000
