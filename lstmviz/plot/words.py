"""How much room words take, and words cut or broken to the room there is."""

from __future__ import annotations

import re
import unicodedata

from lstmviz.plot import theme as themes

LETTER = 6.2
"""Pixels of a Latin letter."""

PHONE = 358
"""Pixels of a figure on a phone, whose screen has 390."""

LINE = 17
"""Pixels of a line."""

_SIZE = 13  # of the words that all these are measured in


def shorten(text: str, most: int) -> str:
    """`text`, cut to the room that `most` Latin letters take; a Chinese or Japanese character takes two."""
    room, kept = most, ""
    for letter in text:
        room -= width(letter)
        if room < 0:
            return themes.escape(kept[:-1] + "…")
        kept += letter
    return themes.escape(kept)


def width(letter: str) -> int:
    """How many Latin letters' room a letter takes."""
    return 2 if unicodedata.east_asian_width(letter) in "FW" else 1


def measure(words: str) -> float:
    """How many pixels words take, without their markup."""
    return LETTER * sum(map(width, re.sub("<[^>]*>", "", words)))


def brief(title: str, most: int) -> str:
    """A title in the room of `most` Latin letters; where it has none, without what explains it."""
    return shorten(
        title if measure(title) <= LETTER * most else re.split("[,;:(。、]", title)[0].rstrip(), most
    )


def fold(words: str, room: float, size: float = _SIZE) -> str:
    """Lines of Plotly's markup, those that are wider than so many pixels on several."""
    most = room * _SIZE / size
    lines = words.split("<br>")
    return "<br>".join(
        part for line in lines for part in ([line] if measure(line) <= most else wrap([line], int(most)))
    )


def wrap(texts: list[str], room: int) -> list[str]:
    """Each text in lines of so many pixels, broken between words, or between letters that are as wide as high."""
    lines: list[str] = []
    for text in texts:
        line, used = "", 0.0
        for word in re.findall(r"<[^>]*>|[^\s<\u2e80-\uffef]+\s*|.\s*", text):
            needed = 0 if word.startswith("<") else LETTER * sum(map(width, word.rstrip()))
            if line and used + needed > room:
                lines.append(line.rstrip())
                line, used = "", 0.0
            line += word
            used += needed + LETTER * (len(word) - len(word.rstrip()))
        lines.append(line)
    return lines
