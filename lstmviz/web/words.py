"""Strangers' words: what an address says, read as numbers, and quoted where the page tells of it."""

from __future__ import annotations

import math
import re
import unicodedata

MOST = 60
"""So many characters of a stranger's words are shown; no name or number of the page's own is longer."""

_WHOLE = re.compile(r"\s*([+-]?)([0-9]+)\s*", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", re.ASCII)
_MOST_DIGITS = 18  # beyond, a whole number is larger than any bound of the page
BEYOND = 10**_MOST_DIGITS
"""What each of those is read as."""
_MOST_LETTERS = 400  # of a number with a point: 1e-308 written out
_MARKS = dict.fromkeys(map(ord, "“”„«»「」『』\"'`"), "’")


def read_whole(text: str) -> int | None:
    """The whole number that a text is, in ASCII digits; None where it is none.

    However long it is, it takes a moment: one of more than 18 digits is read as 10^18, which is beyond every bound.

    >>> read_whole(" -5"), read_whole("8.0"), read_whole("9" * 5000) == 10**18
    (-5, None, True)
    """
    found = _WHOLE.fullmatch(text)
    if not found:
        return None
    sign, digits = found.groups()
    digits = digits.lstrip("0") or "0"
    value = int(digits) if len(digits) <= _MOST_DIGITS else BEYOND
    return -value if sign == "-" else value


def read_number(text: str) -> float | None:
    """The finite number that a text is, in ASCII digits; None where it is none.

    >>> read_number("-.5"), read_number("1e400"), read_number("nan")
    (-0.5, None, None)
    """
    if len(text) > _MOST_LETTERS or not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def quote(text: str) -> str:
    """A stranger's words as a sentence of the page can hold them: between quotation marks, on one line, the first 60 letters.

    What would end the quotation, or turn it around, is made harmless; so nobody takes it for the page's own words.

    >>> quote('a”. The file is gone. “')
    '“a’. The file is gone. ’”'
    """
    plain = "".join(" " if _is_unseen(letter) else letter for letter in text[:MOST])
    cut = "…" if len(text) > MOST else ""
    return f"“{plain.translate(_MARKS)}{cut}”"


_JOINERS = "\u200c\u200d"  # which Persian and pictures of people need; they turn nothing around
_MOST_MARKS = 3  # above or below one letter; more would reach into the lines beside


def plain_line(text: str) -> str:
    r"""A stranger's sentence on one line: without control characters, line ends and marks that turn the writing around.

    >>> plain_line("  Which gate\n\u202e forgets? ")
    'Which gate forgets?'
    """
    seen, marks = [], 0
    for letter in text:
        marks = marks + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if marks <= _MOST_MARKS:
            seen.append(letter if letter in _JOINERS or not _is_unseen(letter) else _gap(letter))
    return " ".join("".join(seen).split())


def _gap(letter: str) -> str:
    """What stands for a letter that is not seen: a space for what parts words, for others nothing."""
    return " " if letter.isspace() else ""


def _is_unseen(letter: str) -> bool:
    """Whether a letter has no picture of its own: control characters, line ends, marks that turn the writing around."""
    return unicodedata.category(letter)[0] in "CZ"
