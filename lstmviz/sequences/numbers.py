"""Numbers as people write them, and a sequence from typed ones."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence as Ordered
from contextlib import suppress

import numpy as np

from lstmviz.language import _
from lstmviz.sequences.scale import narrowed, standardised
from lstmviz.sequences.sequence import MAX_STEPS, Sequence, numbered

MAX_COLUMNS = 1_000
"""As many columns are read from numbers or from a file."""

# What Japanese keyboards type for digits, signs and points: U+FF01 to U+FF5E stand for ASCII.
_NARROW = str.maketrans(
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {"−": "-", "ー": "-", "。": "."}
)

# With the full-width forms of each, and the Japanese comma U+3001. A tab separates, so it is no space to skip beside another.
_COMMAS = re.compile(r"\s*[,\uFF0C\u3001]\s*|[^\S\t]*\t[^\S\t]*|[^\S\t]+")
_SEMICOLONS = re.compile(r"\s*[;\uFF1B]\s*|[^\S\t]*\t[^\S\t]*|[^\S\t]+")
_SPACES = " \u3000\xa0"


def from_numbers(text: str, standardise: bool = False) -> Sequence:
    r"""Typed or pasted numbers: a line a step, its features separated by commas, semicolons, tabs or spaces.

    A single line is one feature, a number a step. Where semicolons separate, a comma is a decimal comma. Full-width
    digits, signs and commas, as Japanese keyboards type them, count. `nan` and `inf` are numbers, to see what a cell makes
    of them. Empty lines are skipped.

    Args:
        text: The numbers.
        standardise: Shifts and scales each feature to mean 0 and deviation 1; a constant one becomes 0.

    Returns:
        `[time, input_size]` float32, its steps and features numbered.

    Raises:
        ValueError: something is no number or missing (the line and the text are named), lines differ in length, or there
            are too many.

    >>> from_numbers("0 1 0 -1").values.shape
    (4, 1)
    >>> from_numbers("1.5; 2\n3; 4").values.tolist()
    [[1.5, 2.0], [3.0, 4.0]]
    """
    semicolons = ";" in text.translate(_NARROW)
    rows = []
    for line_number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if line.strip():
            rows.append((line_number, _cells(line, _SEMICOLONS if semicolons else _COMMAS)))
    if not rows:
        raise ValueError(_("There are no numbers; type at least one."))
    if len(rows) == 1:
        line_number, cells = rows[0]
        rows = [(line_number, [cell]) for cell in cells]
    width = len(rows[0][1])
    _check_size(len(rows), width)
    for line_number, cells in rows:
        if len(cells) != width:
            raise ValueError(
                _(
                    "Line {line} has {given} numbers, the first line has {expected}; give each line as many."
                ).format(line=line_number, given=len(cells), expected=width)
            )
    places = [_("line {line}").format(line=line_number) for line_number, _cells in rows]
    values = np.empty((len(rows), width))
    for t, (_line, cells) in enumerate(rows):
        for feature, cell in enumerate(cells):
            number = parse_number(cell, decimal_comma=semicolons)
            if number is None or is_too_large(cell, number):
                raise refuse(cell, places[t], number)
            values[t, feature] = number
    if standardise and not np.isfinite(values).all():
        t, feature = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(
            _(
                "{given!r} at {place} cannot be standardised; correct it, or take the numbers as they are."
            ).format(given=rows[t][1][feature], place=places[t])
        )
    return numbered(
        standardised(values) if standardise else narrowed(values, lambda t, _k: places[t]), _("typed numbers")
    )


def _cells(line: str, separator: re.Pattern[str]) -> list[str]:
    bare = line.strip(_SPACES)
    # A separator at the end of a line is a habit; anywhere else it stands between two numbers.
    if bare and separator.fullmatch(bare[-1]):
        bare = bare[:-1].rstrip(_SPACES)
    return separator.split(bare)


def parse_number(text: str, *, decimal_comma: bool = False) -> float | None:
    """The number that a text is, or None.

    >>> parse_number(" 12.5 "), parse_number("1,5", decimal_comma=True), parse_number("1,5")
    (12.5, 1.5, None)
    """
    plain = text if text.isascii() else text.translate(_NARROW)
    if decimal_comma:
        plain = plain.replace(",", ".")
    if "_" in plain:  # Python's own way to group digits
        return None
    try:
        return float(plain)
    except ValueError:
        return None


def parse_numbers(cells: Ordered[str], *, decimal_comma: bool = False) -> list[float | None]:
    """`parse_number` of each cell of a column, in a fifth of the time where all are plain numbers.

    >>> parse_numbers(["1", "2.5"]), parse_numbers(["1", "x"])
    ([1.0, 2.5], [1.0, None])
    """
    every = "".join(cells)
    if every.isascii() and "_" not in every and not (decimal_comma and "," in every):
        with suppress(ValueError):
            return list(map(float, cells))
    return [parse_number(cell, decimal_comma=decimal_comma) for cell in cells]


def refuse(text: str, place: str, number: float | None) -> ValueError:
    """The error for what is no number that can be used.

    Args:
        text: What was written.
        place: Where.
        number: What `parse_number` made of it.
    """
    if not text.strip():
        message = _("There is nothing at {place}; fill the gap, or leave it out.")
    elif number is None:
        message = _("{given!r} at {place} is no number; correct it, or leave it out.")
    elif is_too_large(text, number):
        message = _("{given!r} at {place} is too large; scale it down.")
    else:
        message = _("{given!r} at {place} is not finite; correct it, or leave it out.")
    return ValueError(message.format(given=shorten(text), place=place))


def is_too_large(text: str, number: float) -> bool:
    """Whether a number was written in digits and is beyond float64, not `inf` itself."""
    return math.isinf(number) and any(letter.isdigit() for letter in text)


def shorten(text: str) -> str:
    """The first 40 characters of a text."""
    return text if len(text) <= 40 else text[:39] + "…"


def _check_size(rows: int, columns: int) -> None:
    if rows > MAX_STEPS or columns > MAX_COLUMNS:
        raise ValueError(
            _(
                "There are {rows:,} steps of {columns:,} features; {most_rows:,} of {most_columns:,} can be read. Take fewer."
            ).format(rows=rows, columns=columns, most_rows=MAX_STEPS, most_columns=MAX_COLUMNS)
        )
