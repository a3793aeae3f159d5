"""Reads the bytes of a CSV file as a table of cells: finds out its encoding, its delimiter and its header."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from lstmviz.language import _
from lstmviz.sequences.numbers import parse_number, parse_numbers, shorten
from lstmviz.sequences.sequence import feature_names

if TYPE_CHECKING:
    import _csv

_DELIMITERS = "\t;|, "  # of two that fit alike the earlier: what has them rarely has them by chance
_MAX_CELLS = 1_000_000  # a second's work
_SAMPLE = 50  # rows that tell the delimiter,
_SAMPLE_LENGTH = 2**18  # and characters


@dataclass(frozen=True)
class Table:
    """The cells of a file, as text without space around.

    Attributes:
        names: The columns' names, all different.
        rows: The cells, each row as long as `names`.
        lines: The line of the file, from 1, on which each row starts.
        decimal_comma: Whether a comma in a number stands before its decimals.
        numbers: What number each cell is, by column; None where it is none. They are parsed once: it takes the longest.
    """

    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    decimal_comma: bool
    numbers: list[list[float | None]]

    @cached_property
    def numeric(self) -> tuple[bool, ...]:
        """Of each column, whether most of its cells that are not empty are numbers."""
        columns = zip(zip(*self.rows, strict=True), self.numbers, strict=True)
        return tuple(_is_numeric(cells, numbers) for cells, numbers in columns)


def read_table(
    data: bytes, delimiter: str | None, header: bool | None, *, max_rows: int, max_columns: int
) -> Table:
    """The cells of a CSV file.

    Args:
        data: The file's bytes.
        delimiter: What separates the cells; None to find out.
        header: Whether the first row has the columns' names; None to find out.
        max_rows: As many rows are allowed, the header not counted.
        max_columns: As many columns are allowed.

    Raises:
        ValueError: the file is empty, no text, no table, ragged or too large.
    """
    text, delimiter = _take_declared_delimiter(_decode(data), delimiter)
    if delimiter is None:
        delimiter = _find_delimiter(text)
    elif len(delimiter) != 1 or delimiter in '\r\n"\0':
        raise ValueError(
            _("delimiter is {given!r}; it must be one character, such as ; or ,.").format(given=delimiter)
        )
    rows, lines = _read_rows(text, delimiter, max_rows=max_rows, max_columns=max_columns)
    decimal_comma = delimiter != "," and not any(
        "." in cell and parse_number(cell) is not None for row in rows for cell in row
    )
    numbers = [parse_numbers(cells, decimal_comma=decimal_comma) for cells in zip(*rows, strict=True)]
    if header is None:
        header = _has_header(rows, numbers)
    names = _unique(rows[0]) if header else feature_names(len(rows[0]))
    if header:
        rows, lines = rows[1:], lines[1:]
        numbers = [column[1:] for column in numbers]
    if not rows:
        raise ValueError(_("The file has column names and no row below; it needs one for each step."))
    if len(rows) > max_rows:
        raise _too_many_rows(max_rows)
    return Table(names, rows, lines, decimal_comma, numbers)


# --- Encoding


def _decode(data: bytes) -> str:
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise ValueError(_("The file is no text in UTF-8, UTF-16 or Shift JIS; save it as CSV in UTF-8."))


def _encodings(data: bytes) -> tuple[str, ...]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ("utf-16",)
    if b"\0" in data[:2]:  # a mark is missing, but the first character is from ASCII
        return ("utf-16-be",) if data[:1] == b"\0" else ("utf-16-le",)
    return ("utf-8-sig", "cp1252", "cp932") if _looks_western(data) else ("utf-8-sig", "cp932", "cp1252")


def _looks_western(data: bytes) -> bool:
    """Whether bytes above ASCII stand alone or in pairs, and could all be accented letters.

    Shift JIS starts nearly all its characters with a byte from 0x81 to 0x9F, where Windows-1252 has no letters of use.
    """
    return not re.search(rb"[\x80-\xff]{3}|[\x80-\xbf]", data)


# --- Delimiter


def _take_declared_delimiter(text: str, delimiter: str | None) -> tuple[str, str | None]:
    """Excel's first line `sep=;` is for whoever reads the file; it stays as an empty one, so that lines keep their count."""
    declared = re.match(r"\"?sep=(.)\"?(?=[\r\n])", text)
    return (text[declared.end() :], delimiter or declared[1]) if declared else (text, delimiter)


def _find_delimiter(text: str) -> str:
    """The delimiter that cuts all rows into as many cells, and of several the one whose cells are numbers most often."""
    fits = {delimiter: _fit(text, delimiter) for delimiter in _DELIMITERS}
    best = max(fits, key=fits.__getitem__)
    return best if any(fits[best]) else ","


def _fit(text: str, delimiter: str) -> tuple[float, float]:
    try:
        rows = [
            row for row in islice(_reader(text[:_SAMPLE_LENGTH], delimiter, strict=False), _SAMPLE) if row
        ]
    except csv.Error:
        return 0.0, 0.0
    width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (1, 0)
    if width == 1:
        return 0.0, 0.0
    filled = [cell for row in rows for cell in row if cell.strip()]
    numbers = sum(parse_number(cell, decimal_comma=delimiter != ",") is not None for cell in filled)
    return count / len(rows), numbers / max(len(filled), 1)


# --- Rows


def _reader(text: str, delimiter: str, *, strict: bool) -> _csv.Reader:
    return csv.reader(
        _split_lines(text, delimiter), delimiter=delimiter, skipinitialspace=True, strict=strict
    )


def _split_lines(text: str, delimiter: str) -> Iterator[str]:
    for line in io.StringIO(text, newline=""):
        if line.count(delimiter) > _MAX_CELLS:  # before the reader makes cells of it
            raise csv.Error(_("it has more than {most:,} cells").format(most=_MAX_CELLS))
        yield line


def _read_rows(
    text: str, delimiter: str, *, max_rows: int, max_columns: int
) -> tuple[list[list[str]], list[int]]:
    """The rows, and the line on which each starts."""
    rows: list[list[str]] = []
    lines: list[int] = []
    reader = _reader(text, delimiter, strict=True)  # else a quote left open swallows every row behind it
    start = 1
    try:
        for cells in reader:
            row = [cell.strip() for cell in cells]
            if row:
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
            if len(row) > max_columns:
                raise ValueError(
                    _("The file has more than {most:,} columns; take fewer.").format(most=max_columns)
                )
            # Rows without content at the end may still go, and blank lines cost time alone; but not without end.
            if len(rows) > 2 * max_rows + 1 or start > 100 * (max_rows + 1):
                raise _too_many_rows(max_rows)
            if len(rows) * len(row) > _MAX_CELLS:
                raise ValueError(
                    _("The file has more than {most:,} cells; take fewer rows or columns.").format(
                        most=_MAX_CELLS
                    )
                )
    except csv.Error as error:
        raise ValueError(
            _("Line {line} is no row of a table: {cause}.").format(line=start, cause=error)
        ) from error
    while rows and not any(rows[-1]):
        rows.pop()
        lines.pop()
    if any(len(row) > 1 for row in rows):  # a line of spaces; with one column it may be a gap
        kept = [index for index, row in enumerate(rows) if row != [""]]
        rows, lines = [rows[index] for index in kept], [lines[index] for index in kept]
    if not rows:
        raise ValueError(_("The file is empty; it needs a row for each step."))
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(rows[0]):
            raise ValueError(
                _(
                    "Line {line} has {given} cells, the first row has {expected}; give each row as many."
                ).format(line=line, given=len(row), expected=len(rows[0]))
            )
    return rows, lines


def _too_many_rows(max_rows: int) -> ValueError:
    return ValueError(
        _("The file has more than {most:,} rows; take a part of it, or every n-th row.").format(most=max_rows)
    )


# --- Header


def _has_header(rows: list[list[str]], numbers: list[list[float | None]]) -> bool:
    """Whether the first row has text above numbers; where there are no numbers below, whether it is all text."""
    first = rows[0]
    is_text = [bool(cell) and column[0] is None for cell, column in zip(first, numbers, strict=True)]
    over_numbers = [
        _is_numeric(cells[1:], column[1:])
        for cells, column in zip(zip(*rows, strict=True), numbers, strict=True)
    ]
    if not any(over_numbers):
        return all(is_text)
    # pandas leaves the name of its index empty.
    return (not first[0] and over_numbers[0]) or any(
        text and over for text, over in zip(is_text, over_numbers, strict=True)
    )


def _is_numeric(cells: Ordered[str], numbers: Ordered[float | None]) -> bool:
    finite = sum(number is not None and math.isfinite(number) for number in numbers)
    return 2 * finite > sum(map(bool, cells))


def _unique(names: list[str]) -> tuple[str, ...]:
    """The names, `x[k]` for an empty one and a number behind one that was there before."""
    unique: dict[str, None] = {}
    given = set(names)
    for name, number in zip(names, feature_names(len(names)), strict=True):
        plain = candidate = shorten(name) or number
        times = 1
        while candidate in unique or (times > 1 and candidate in given):
            times += 1
            candidate = f"{plain} ({times})"
        unique[candidate] = None
    return tuple(unique)
