"""How much room words take, and words cut or broken to the room there is."""

from __future__ import annotations

import re
import unicodedata

from lstmviz.plot import theme as themes

LETTER = 6.2
"""Pixels of a Latin letter."""


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
