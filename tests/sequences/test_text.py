"""Text, one-hot."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmviz import language
from lstmviz.sequences import MAX_ALPHABET, MAX_STEPS, from_text
from lstmviz.sequences.text import character_of, is_unseen, say_label, unseen, write_letter

TEXTS = st.text(min_size=1, max_size=60)  # surrogates left out


def _unvisible(label: str) -> str:
    return {"␠": " ", "⏎": "\n", "⇥": "\t"}.get(label, label)


@given(TEXTS)
def test_each_step_is_one_hot_and_all_characters_have_a_column_in_order(text):
    made = from_text(text)
    composed = unicodedata.normalize("NFC", text)
    assert made.values.shape == (len(composed), len(set(composed)))
    assert made.values.dtype == np.float32
    assert (made.values.sum(axis=1) == 1).all() and set(np.unique(made.values)) <= {0, 1}
    alphabet = sorted(set(composed))
    assert "".join(alphabet[column] for column in made.values.argmax(axis=1)) == composed


@given(TEXTS)
def test_each_step_and_column_shows_its_character(text):
    made = from_text(text)
    assert made.labels == tuple(made.features[column] for column in made.values.argmax(axis=1))
    assert all(label.strip() and label.isprintable() for label in made.labels if not label.startswith("◌"))
    assert len(set(made.features)) == made.input_size or any(c in text for c in "␠⏎⇥␍□◌")


@given(TEXTS)
def test_the_bytes_are_utf8s(text):
    made = from_text(text, encoding="byte")
    content = unicodedata.normalize("NFC", text).encode()
    columns = sorted(set(content))
    assert bytes(columns[column] for column in made.values.argmax(axis=1)) == content


def test_spaces_and_line_ends_have_visible_labels():
    assert from_text("a b\n\t\r\u3000").labels == ("a", "␠", "b", "⏎", "⇥", "␍", "□")
    assert from_text("a\u200b\x00").labels == ("a", "U+200B", "U+0000")


_FEW_FONTS = re.compile("[\u2190-\u2bff]")  # arrows, pictures of control characters, shapes


@given(TEXTS)
def test_a_label_is_said_in_letters_that_every_font_has_and_never_as_a_mark_alone(text):
    for label in from_text(text).labels:
        said = say_label(label)
        assert said == label or is_unseen(label) or said == f"“{label}”"
        assert any(map(str.isalnum, said)) or said[0] + said[-1] == "“”"
        assert is_unseen(label) <= (not _FEW_FONTS.search(said))


def test_what_cannot_be_seen_is_said_by_words_in_each_language():
    assert [say_label(label) for label in unseen()] == [
        *("space", "line end", "tab", "carriage return", "wide space")
    ]
    with language.use("ja"):
        assert not any(say_label(label).isascii() for label in unseen())
    assert {label: character_of(label) for label in unseen()} == unseen()
    assert from_text("".join(unseen().values())).labels == tuple(unseen())


def test_within_its_text_a_label_is_a_character_on_one_line_that_every_font_has():
    text = "if a:\n\treturn\r"
    written = "".join(map(write_letter, from_text(text).labels))
    assert written == "if a:¶\\treturn\\r" == "".join(map(write_letter, text))


def test_japanese_text_is_a_character_a_step():
    made = from_text("吾輩は猫である。猫")
    assert made.labels == tuple("吾輩は猫である。猫")
    assert made.input_size == 8


def test_a_byte_shows_its_character_or_its_number():
    assert from_text("a é\x7f\n", encoding="byte").labels == ("a", "␠", "0xC3", "0xA9", "0x7F", "⏎")


def test_a_voicing_mark_typed_apart_is_one_step_with_its_kana():
    assert from_text("か\u3099").labels == ("が",)
    assert from_text("e\u0301", encoding="byte").labels == ("0xC3", "0xA9")


def test_a_mark_that_composes_with_nothing_is_a_step_that_can_be_seen():
    assert from_text("x\u0301").labels == ("x", "◌\u0301")


def test_half_a_surrogate_pair_is_a_step():
    assert from_text("\ud800").labels == ("U+D800",)
    assert from_text("\ud800", encoding="byte").time_steps == 3


def test_an_alphabet_gives_the_columns_their_order():
    made = from_text("abba", alphabet="cbaa")
    assert made.features == ("c", "b", "a")
    assert made.values.argmax(axis=1).tolist() == [2, 1, 1, 2]


def test_an_alphabet_is_composed_like_the_text():
    assert from_text("が", alphabet="か\u3099").features == ("が",)


@pytest.mark.parametrize("time_steps", [0, 1, 4])
def test_so_many_steps_as_asked_for_are_taken_and_the_columns_stay(time_steps):
    made = from_text("abca", time_steps=time_steps)
    assert made.values.shape == (time_steps, 3)
    assert made.labels == tuple("abca"[:time_steps])


def test_the_longest_text_and_the_largest_alphabet_are_taken():
    assert from_text("ab" * (MAX_STEPS // 2)).time_steps == MAX_STEPS
    assert from_text("".join(map(chr, range(0x4E00, 0x4E00 + MAX_ALPHABET)))).input_size == MAX_ALPHABET


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"text": ""}, "text is empty.*at least one"),
        ({"text": "a", "encoding": "word"}, "'word'.*character or byte"),
        ({"text": "abc", "alphabet": "ab"}, "has c at step 2.*not in the alphabet"),
        ({"text": "a b", "alphabet": "ab"}, "has ␠ at step 1"),
        ({"text": "a", "alphabet": ""}, "has a at step 0"),
        ({"text": "abc", "time_steps": 4}, "time_steps is 4; .*3 steps"),
        ({"text": "abc", "time_steps": -1}, "time_steps is -1; .*3 steps"),
        ({"text": "a" * (MAX_STEPS + 1)}, "10,001 steps; .*10,000 at most"),
        (
            {"text": "".join(map(chr, range(0x4E00, 0x4E01 + MAX_ALPHABET)))},
            "1,001 different characters; .*1,000 at most",
        ),
    ],
)
def test_a_text_that_cannot_be_taken_is_refused_by_what_is_wrong(asked, named):
    with pytest.raises(ValueError, match=named):
        from_text(**asked)


@pytest.mark.parametrize(
    "character", [*"a(", " ", "\n", "\t", "\r", "\u3000", "\u0301", "\x00", "\u2028", "\U0001f600"]
)
def test_a_label_leads_back_to_its_character(character):
    (label,) = from_text(character).labels
    assert character_of(label) == character


@pytest.mark.parametrize("label", ["", "ab", "x[0]", "1949", "U+110000", "U+12", "0xE3"])
def test_what_is_no_characters_label_leads_to_none(label):
    assert character_of(label) is None
