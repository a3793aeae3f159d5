"""CSV files as sequences."""

from __future__ import annotations

import os
from collections.abc import Iterable
from collections.abc import Sequence as Ordered
from itertools import pairwise
from pathlib import Path

import numpy as np

from lstmviz.language import _
from lstmviz.sequences.numbers import MAX_COLUMNS, parse_number, refuse, shorten
from lstmviz.sequences.scale import narrowed, standardised
from lstmviz.sequences.sequence import MAX_STEPS, Sequence
from lstmviz.sequences.tables import Table, read_table

MAX_BYTES = 20 * 2**20
"""As many bytes are read from a file unless told otherwise."""

Source = bytes | str | os.PathLike[str]


def from_csv(
    data: Source,
    *,
    columns: Iterable[str | int] | str | int | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    standardise: bool = True,
    max_rows: int = MAX_STEPS,
    max_bytes: int = MAX_BYTES,
) -> Sequence:
    r"""A CSV file, a row a step.

    Understood are UTF-8 and UTF-16 with or without their marks, Shift JIS (Japanese Excel) and Windows-1252 (western
    Excel); any line ends; quoted cells; Excel's `sep=;`; full-width digits; and a decimal comma where something else
    separates and no number has a decimal point. Blank lines, and empty rows at the end, are skipped.

    Args:
        data: The file's bytes, or its path.
        columns: The columns to take, in this order, by name or by index from 0; by default each that is made of numbers:
            most of its cells are, and then all must be.
        delimiter: What separates the cells; by default found out: comma, semicolon, tab, bar or space.
        header: Whether the first row names the columns; by default, whether it has text above a column of numbers.
            Columns without a name are called `x[0]`, `x[1]`, …
        standardise: Shifts and scales each column to mean 0 and deviation 1; a constant one becomes 0.
        max_rows: As many rows are allowed, the header not counted.
        max_bytes: As many bytes are allowed; and a million cells.

    Returns:
        `[rows, columns]` float32. The first column, where it is not taken and has text or rising numbers (a year, a
        date), names the steps; else they are numbered.

    Raises:
        ValueError: the file cannot be read, is no table, is too large; there is no such column, or none of numbers; a
            cell of a column has text, or nothing (row, column and text are named).

    >>> from_csv(b"year,sun\n1700,5\n1701,11", columns=["sun"], standardise=False).labels
    ('1700', '1701')
    """
    content = _read(data, max_bytes)
    table = read_table(content, delimiter, header, max_rows=max_rows, max_columns=MAX_COLUMNS)
    taken = _pick(table, columns)

    def place(row: int, column: int) -> str:
        return _("line {line}, column {column!r}").format(
            line=table.lines[row], column=table.names[taken[column]]
        )

    values = np.array([table.numbers[index] for index in taken], np.float64).T  # NaN for what is no number
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = map(int, bad[0])
        index = taken[column]
        raise refuse(table.rows[row][index], place(row, column), table.numbers[index][row])
    values = np.ascontiguousarray(values)
    made = standardised(values) if standardise else narrowed(values, place)
    made.setflags(write=False)
    labels = _labels(table, taken)
    return Sequence(made, labels, tuple(table.names[index] for index in taken), _("CSV file"))


def csv_columns(
    data: Source,
    *,
    delimiter: str | None = None,
    header: bool | None = None,
    max_rows: int = MAX_STEPS,
    max_bytes: int = MAX_BYTES,
) -> dict[str, bool]:
    r"""The columns of a CSV file by name, in their order, and whether each is made of numbers.

    Those are what `from_csv` takes by default; one of them may still have a cell that it refuses. The arguments and errors
    are `from_csv`'s.

    >>> csv_columns(b"month,sun\nMay,5\nJune,11")
    {'month': False, 'sun': True}
    """
    table = read_table(_read(data, max_bytes), delimiter, header, max_rows=max_rows, max_columns=MAX_COLUMNS)
    return dict(zip(table.names, table.numeric, strict=True))


def _read(data: Source, max_bytes: int) -> bytes:
    """The content, and no more of it than is allowed."""
    if isinstance(data, bytes):
        content, name = data, _("The file")
    else:
        content, name = _read_path(data, max_bytes), shorten(Path(data).name)
    if len(content) > max_bytes:
        raise ValueError(
            _("{name} has more than {most:,} bytes; take a part of it.").format(name=name, most=max_bytes)
        )
    return content


def _read_path(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(max_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ValueError(
            _("{path!r} cannot be read: {cause}. Give the path of a CSV file, or its bytes.").format(
                path=str(path), cause=getattr(error, "strerror", None) or error
            )
        ) from error


def _pick(table: Table, columns: Iterable[str | int] | str | int | None) -> list[int]:
    """The indices of the columns to take."""
    if columns is None:
        taken = [index for index, numeric in enumerate(table.numeric) if numeric]
        if not taken:
            raise ValueError(
                _("No column of the file is made of numbers; it has {allowed}.").format(
                    allowed=_list(table.names)
                )
            )
        return taken
    asked = [columns] if isinstance(columns, str | int) else list(columns)
    if not asked:
        raise ValueError(
            _("columns is empty; take at least one of {allowed}.").format(allowed=_list(table.names))
        )
    taken = [_find(table, column) for column in asked]
    for column, index in zip(asked, taken, strict=True):
        if taken.count(index) > 1:
            raise ValueError(_("columns has {given!r} twice; take it once.").format(given=column))
    return taken


def _find(table: Table, column: str | int) -> int:
    if isinstance(column, str):
        if column in table.names:
            return table.names.index(column)
    elif 0 <= column < len(table.names):
        return int(column)
    raise ValueError(
        _("There is no column {given!r}; the file has {allowed}, or 0 to {last}.").format(
            given=column, allowed=_list(table.names), last=len(table.names) - 1
        )
    )


def _list(names: Ordered[str]) -> str:
    shown = [repr(shorten(name)) for name in names[:20]]
    return ", ".join(shown + ["…"] * (len(names) > 20))


def _labels(table: Table, taken: list[int]) -> tuple[str, ...]:
    """The names of the steps: the first column, where it can be that."""
    names = [cells[0] for cells in table.rows]
    if 0 not in taken and all(names):
        numbers = [parse_number(name, decimal_comma=table.decimal_comma) for name in names]
        known = [number for number in numbers if number is not None]
        if len(known) < len(names) or all(earlier < later for earlier, later in pairwise(known)):
            return tuple(map(shorten, names))
    return tuple(map(str, range(len(names))))
