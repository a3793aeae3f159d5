"""Text as a sequence, one-hot."""

from __future__ import annotations

import re
import sys
import unicodedata

import numpy as np

from lstmviz.language import _, _mark
from lstmviz.sequences.sequence import MAX_STEPS, Sequence

MAX_ALPHABET = 1_000
"""As many different characters may have a column."""

_UNSEEN = {
    " ": ("␠", _mark("space")),
    "\n": ("⏎", _mark("line end")),
    "\t": ("⇥", _mark("tab")),
    "\r": ("␍", _mark("carriage return")),
    "\u3000": ("□", _mark("wide space")),  # Japan's
}
"""Characters that cannot be seen, the label of each, which few fonts have, and the words for it."""
_VISIBLE = {character: label for character, (label, _words) in _UNSEEN.items()}
_WORDS = dict(_UNSEEN.values())


def from_text(
    text: str, encoding: str = "character", alphabet: str | None = None, time_steps: int | None = None
) -> Sequence:
    """Text as one-hot rows, a step a character or byte, `[time, alphabet]` float32.

    A character is a code point of the text's composed form (Unicode's NFC): a letter and its accent, a kana and its
    voicing mark are one step wherever Unicode has one code point for both. An emoji that is joined from several code
    points, or a mark that composes with nothing, is several steps, as it is for most tokenisers.

    Args:
        text: The text.
        encoding: "character", or "byte" for the bytes of UTF-8.
        alphabet: The characters that have a column, in order; by default those of the text, sorted.
        time_steps: How many steps to take from the start; by default all.

    Raises:
        ValueError: the text is empty, shorter than `time_steps`, too long, too varied, or has characters that are not in
            the alphabet.

    >>> from_text("abba").values.tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
    """
    if encoding not in ("character", "byte"):
        raise ValueError(_("encoding is {given!r}; it must be character or byte.").format(given=encoding))
    tokens = _tokenise(text, encoding)
    columns = (
        list(dict.fromkeys(_tokenise(alphabet, encoding))) if alphabet is not None else sorted(set(tokens))
    )
    tokens = _check_length(tokens, time_steps)
    if len(columns) > MAX_ALPHABET:
        raise ValueError(
            _(
                "The text has {given:,} different characters; it may have {most:,} at most. Take a shorter one."
            ).format(given=len(columns), most=MAX_ALPHABET)
        )
    show = _show_character if encoding == "character" else _show_byte
    index = {token: column for column, token in enumerate(columns)}
    for t, token in enumerate(tokens):
        if token not in index:
            raise ValueError(
                _(
                    "The text has {given} at step {t}, which is not in the alphabet; add it there, or leave it out."
                ).format(given=show(token), t=t)
            )
    values = np.zeros((len(tokens), len(columns)), np.float32)
    values[np.arange(len(tokens)), [index[token] for token in tokens]] = 1
    values.setflags(write=False)
    title = _("text by character") if encoding == "character" else _("text by byte")
    return Sequence(values, tuple(map(show, tokens)), tuple(map(show, columns)), title)


def count_steps(text: str, encoding: str = "character") -> int:
    """How many steps `from_text` would make of a text, however long it is."""
    return len(_tokenise(text, encoding))


def _tokenise(text: str, encoding: str) -> str:
    """The characters, or the bytes as the characters U+0000 to U+00FF."""
    composed = unicodedata.normalize("NFC", text)
    # A half of a surrogate pair is no text, but may well be pasted.
    return (
        composed if encoding == "character" else composed.encode("utf-8", "surrogatepass").decode("latin-1")
    )


def _check_length(tokens: str, time_steps: int | None) -> str:
    if not tokens:
        raise ValueError(_("The text is empty; type at least one character."))
    if time_steps is not None:
        if not 0 <= time_steps <= len(tokens):
            raise ValueError(
                _("time_steps is {given:,}; the text has {most:,} steps.").format(
                    given=time_steps, most=len(tokens)
                )
            )
        tokens = tokens[:time_steps]
    if len(tokens) > MAX_STEPS:
        raise ValueError(
            _("The text has {given:,} steps; it may have {most:,} at most. Take a shorter one.").format(
                given=len(tokens), most=MAX_STEPS
            )
        )
    return tokens


def _show_character(character: str) -> str:
    """A form of a character that can be seen."""
    if unicodedata.combining(character):
        return "◌" + character  # a mark needs something to sit on
    return _VISIBLE.get(character) or (character if character.isprintable() else f"U+{ord(character):04X}")


def character_of(label: str) -> str | None:
    """The character that `from_text` shows by a label; None where it shows none by it.

    >>> character_of("␠"), character_of("U+0041"), character_of("x[0]")
    (' ', 'A', None)
    """
    for character, seen in _VISIBLE.items():
        if label == seen:
            return character
    bare = label.removeprefix("◌") if len(label) == 2 else label
    if len(bare) == 1:
        return bare
    code = re.fullmatch(r"U\+([0-9A-F]{4,6})", label)
    return chr(int(code[1], 16)) if code and int(code[1], 16) <= sys.maxunicode else None


def spell(label: str) -> str:
    """A label in letters that every font has.

    >>> spell("␠"), spell("]")
    ('space', ']')
    """
    words = _WORDS.get(label)
    return _(words) if words else label


def say_label(label: str) -> str:
    """A label in letters that every font has, and such that it cannot be taken for what stands around it.

    >>> say_label("␠"), say_label("]"), say_label("1949")
    ('space', '“]”', '1949')
    """
    words = spell(label)
    return words if not words or any(map(str.isalnum, words)) else _("“{label}”").format(label=words)


def is_unseen(label: str) -> bool:
    """Whether a label stands for a character that cannot be seen."""
    return label in _WORDS


def unseen() -> dict[str, str]:
    """The characters that cannot be seen, by their labels."""
    return {label: character for character, (label, _words) in _UNSEEN.items()}


def write_letter(label: str) -> str:
    """A label, or a character, within others of its text: in one line, in letters that every font has.

    >>> "".join(map(write_letter, ["a", "␠", "b", "⏎", "c"]))
    'a b¶c'
    """
    character = next((each for each, (seen, _words) in _UNSEEN.items() if seen == label), label)
    return {"\n": "¶", "\r": "\\r", "\t": "\\t"}.get(character, character)


def _show_byte(byte: str) -> str:
    """The character of an ASCII byte, the number of another."""
    seen = _VISIBLE.get(byte) or byte
    return seen if byte.isascii() and seen.isprintable() else f"0x{ord(byte):02X}"
