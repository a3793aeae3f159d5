"""Inputs: signals, text, numbers, CSV files and a bundled data set, each as `[time, input_size]`."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz.language import _

MAX_ROWS = 10_000
MAX_BYTES = 20 * 2**20
MAX_COLUMNS = 1_000
MAX_ALPHABET = 1_000

_GOLDEN = (math.sqrt(5) - 1) / 2  # multiples of it, modulo 1, are spread evenly and never meet


@dataclass(frozen=True, eq=False)
class Sequence:
    """An input of a cell, with names for its steps and features.

    Attributes:
        values: `[time, input_size]`, read-only, float32 or float64.
        labels: A name for each step: its number, year or character.
        features: A name for each feature.
        title: What it is.
    """

    values: Float[np.ndarray, "time input_size"]
    labels: tuple[str, ...]
    features: tuple[str, ...]
    title: str = ""

    def __post_init__(self) -> None:
        time_steps, input_size = self.values.shape
        if len(self.labels) != time_steps or len(self.features) != input_size:
            raise ValueError(
                _("a sequence of {given} has {labels} labels and {features} feature names; it needs one for each.").format(
                    given=[time_steps, input_size], labels=len(self.labels), features=len(self.features)
                )
            )
        self.values.setflags(write=False)

    def __len__(self) -> int:
        return self.values.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype, copy=copy)

    @property
    def input_size(self) -> int:
        """The number of features."""
        return self.values.shape[1]

    @property
    def time_steps(self) -> int:
        """The number of steps."""
        return self.values.shape[0]


def wrap(x: Any) -> Sequence:
    """`x` as a sequence: itself, or an array `[time, input_size]` with its steps numbered.

    NaN and infinity are let through. float64 stays float64, everything else becomes float32.

    Raises:
        ValueError: `x` is no array of numbers with two axes.
    """
    if isinstance(x, Sequence):
        return x
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ValueError(_("x is no array [time, input_size]: {cause}.").format(cause=error)) from error
    if array.dtype.kind not in "biuf":
        raise ValueError(
            _("x is an array of {given}; it must be real numbers [time, input_size].").format(given=array.dtype.name)
        )
    if array.ndim != 2:
        raise ValueError(
            _("x has the shape {given}; it must be [time, input_size].").format(given=list(array.shape))
        )
    values = np.array(array, np.float64 if array.dtype == np.float64 else np.float32)
    return _numbered(values)


# --- Signals


@dataclass(frozen=True)
class SignalOption:
    """A number that shapes a signal, with its bounds and what it is called."""

    name: str
    default: float
    minimum: float
    maximum: float
    title: str


Signal = Callable[..., Float[np.ndarray, "time input_size"]]


@dataclass(frozen=True)
class Generator:
    """A sequence that can be made with any number of features.

    `function(time_steps, input_size, seed, **options)` returns `[time, input_size]`; adding features leaves the earlier
    ones as they are. `longest` says how many steps there are for a number of features, where they end.
    """

    name: str
    title: str
    function: Signal
    options: tuple[SignalOption, ...] = ()
    longest: Callable[[int], int] | None = None
    labels: Callable[[int, int], tuple[str, ...]] | None = None
    features: Callable[[int], tuple[str, ...]] | None = None


def make(name: str, *, time_steps: int, input_size: int, seed: int = 0, **options: float) -> Sequence:
    """Makes one of the `GENERATORS`.

    Args:
        name: A name in `GENERATORS`.
        time_steps: How many steps, from 0.
        input_size: How many features, from 1; each has a phase, a delay or a seed of its own.
        seed: For those that are random.
        **options: What shapes the signal, `period=20`.

    Raises:
        ValueError: a name or number that is not allowed, or more steps than there are.

    >>> make("sine", time_steps=60, input_size=4, period=12).values.shape
    (60, 4)
    """
    if name not in GENERATORS:
        raise ValueError(
            _("sequence is {given!r}; it must be one of {allowed}.").format(given=name, allowed=", ".join(GENERATORS))
        )
    generator = GENERATORS[name]
    time_steps = _whole("time_steps", time_steps, 0)
    input_size = _whole("input_size", input_size, 1)
    seed = _whole("seed", seed, 0)
    most = longest(name, input_size)
    if most is not None and time_steps > most:
        raise ValueError(
            _("time_steps is {given}; {name} with {input_size} features has {most} at most.").format(
                given=time_steps, name=name, input_size=input_size, most=max(most, 0)
            )
        )
    values = generator.function(time_steps, input_size, seed, **_check_options(generator, options))
    made = _numbered(values.astype(np.float32), _(generator.title))
    labels = generator.labels(time_steps, input_size) if generator.labels else made.labels
    features = generator.features(input_size) if generator.features else made.features
    return Sequence(made.values, labels, features, made.title)


def longest(name: str, input_size: int) -> int | None:
    """How many steps a generated sequence can have with so many features; None where it never ends.

    Zero or less means that there are not even enough data for one step.
    """
    most = GENERATORS[name].longest
    return most(input_size) if most else None


def sunspots(time_steps: int, input_size: int, standardise: bool = True) -> Sequence:
    """The last years of the yearly sunspot numbers 1700-2008; `x[k]` is the number k years before the step's own.

    Source: NOAA's National Geophysical Data Center, public domain; see `lstmviz/data/README.md`.

    Raises:
        ValueError: more years than there are.
    """
    made = make("sunspots", time_steps=time_steps, input_size=input_size)
    if standardise:
        return made
    return replace(made, values=_sunspots(time_steps, input_size, 0, standardise=False).astype(np.float32))


def _phases(input_size: int) -> np.ndarray:
    return np.arange(input_size) * _GOLDEN % 1


def _cycles(time_steps: int, input_size: int, period: float) -> np.ndarray:
    """How many periods have passed, `[time, input_size]`, each feature with a phase of its own."""
    return np.arange(time_steps)[:, np.newaxis] / period + _phases(input_size)


def _sine(time_steps: int, input_size: int, seed: int, period: float) -> np.ndarray:
    return np.sin(2 * np.pi * _cycles(time_steps, input_size, period))


def _square(time_steps: int, input_size: int, seed: int, period: float) -> np.ndarray:
    return np.where(_cycles(time_steps, input_size, period) % 1 < 0.5, 1.0, -1.0)


def _ramp(time_steps: int, input_size: int, seed: int, period: float) -> np.ndarray:
    return _cycles(time_steps, input_size, period) % 1 * 2 - 1


def _chirp(time_steps: int, input_size: int, seed: int, period: float, last_period: float) -> np.ndarray:
    t = np.arange(time_steps)[:, np.newaxis]
    first, last = 1 / period, 1 / last_period
    cycles = first * t + (last - first) * t**2 / (2 * max(time_steps - 1, 1))
    return np.sin(2 * np.pi * (cycles + _phases(input_size)))


def _delays(time_steps: int, input_size: int, onset: float) -> tuple[np.ndarray, np.ndarray]:
    """The step at which each feature begins, one later each, round again at the end; and its height, all different."""
    return (int(onset) + np.arange(input_size)) % max(time_steps, 1), 1 - _phases(input_size) / 2


def _impulse(time_steps: int, input_size: int, seed: int, onset: float) -> np.ndarray:
    starts, heights = _delays(time_steps, input_size, onset)
    return np.where(np.arange(time_steps)[:, np.newaxis] == starts, heights, 0.0)


def _step(time_steps: int, input_size: int, seed: int, onset: float) -> np.ndarray:
    starts, heights = _delays(time_steps, input_size, onset)
    return np.where(np.arange(time_steps)[:, np.newaxis] >= starts, heights, 0.0)


def _white_noise(time_steps: int, input_size: int, seed: int, deviation: float) -> np.ndarray:
    columns = [np.random.default_rng((seed, k)).normal(0, deviation, time_steps) for k in range(input_size)]
    return np.stack(columns, axis=1)


def _random_walk(time_steps: int, input_size: int, seed: int, step_deviation: float) -> np.ndarray:
    return np.cumsum(_white_noise(time_steps, input_size, seed, step_deviation), axis=0)


@cache
def _sunspot_table() -> tuple[tuple[str, ...], np.ndarray]:
    """The years and their numbers."""
    content = (resources.files("lstmviz") / "data" / "sunspots.csv").read_text("utf-8")
    rows = list(csv.reader(io.StringIO(content)))[1:]
    return tuple(year for year, _number in rows), np.array([float(number) for _year, number in rows])


def _sunspots(time_steps: int, input_size: int, seed: int, standardise: bool = True) -> np.ndarray:
    _years, numbers = _sunspot_table()
    if standardise:
        numbers = (numbers - numbers.mean()) / numbers.std()  # over all years, so that any window of them agrees
    last = len(numbers) - np.arange(time_steps)[::-1, np.newaxis] - 1
    return numbers[last - np.arange(input_size)]


def _sunspot_labels(time_steps: int, input_size: int) -> tuple[str, ...]:
    years, _numbers = _sunspot_table()
    return years[len(years) - time_steps :]


def _sunspot_features(input_size: int) -> tuple[str, ...]:
    return tuple("x[0]" if not k else f"x[{k}] (-{k})" for k in range(input_size))


def _mark(message: str) -> str:
    """Marks a text for the catalogues; whoever shows it translates it."""
    return message


_PERIOD = SignalOption("period", 20.0, 2.0, 10_000.0, _mark("period in steps"))
_ONSET = SignalOption("onset", 5.0, 0.0, 10_000.0, _mark("first step"))

GENERATORS: Mapping[str, Generator] = MappingProxyType(
    {
        generator.name: generator
        for generator in (
            Generator(
                "sunspots",
                _mark("sunspots, yearly 1700-2008"),
                _sunspots,
                longest=lambda input_size: len(_sunspot_table()[0]) - input_size + 1,
                labels=_sunspot_labels,
                features=_sunspot_features,
            ),
            Generator("sine", _mark("sine"), _sine, (_PERIOD,)),
            Generator("square", _mark("square wave"), _square, (_PERIOD,)),
            Generator("impulse", _mark("impulse"), _impulse, (_ONSET,)),
            Generator("step", _mark("step"), _step, (_ONSET,)),
            Generator("ramp", _mark("ramp"), _ramp, (_PERIOD,)),
            Generator(
                "chirp",
                _mark("chirp"),
                _chirp,
                (_PERIOD, SignalOption("last_period", 5.0, 2.0, 10_000.0, _mark("period at the end"))),
            ),
            Generator(
                "white_noise",
                _mark("white noise"),
                _white_noise,
                (SignalOption("deviation", 1.0, 0.0, 100.0, _mark("standard deviation")),),
            ),
            Generator(
                "random_walk",
                _mark("random walk"),
                _random_walk,
                (SignalOption("step_deviation", 0.3, 0.0, 100.0, _mark("standard deviation of a step")),),
            ),
        )
    }
)
"""Every sequence that can be generated, by name."""


def _check_options(generator: Generator, given: Mapping[str, float]) -> dict[str, float]:
    known = {option.name: option for option in generator.options}
    for name in given:
        if name not in known:
            raise ValueError(
                _("{name} is no option of {generator}; it has {allowed}.").format(
                    name=name, generator=generator.name, allowed=", ".join(known) or _("none")
                )
            )
    values = {name: float(given.get(name, option.default)) for name, option in known.items()}
    for name, value in values.items():
        low, high = known[name].minimum, known[name].maximum
        if not low <= value <= high:
            raise ValueError(
                _("{name} is {given}; it must be from {low:g} to {high:g}.").format(
                    name=name, given=value, low=low, high=high
                )
            )
    return values


# --- Text

_VISIBLE = {" ": "␠", "\n": "⏎", "\t": "⇥", "\r": "␍"}


def from_text(text: str, encoding: str = "character", alphabet: str | None = None) -> Sequence:
    """Text as one-hot rows, a step a character or byte.

    Args:
        text: The text, in Unicode's composed form (NFC), so that one letter with its accent is one character.
        encoding: "character", or "byte" for the bytes of UTF-8.
        alphabet: The characters that have a column, in order; by default those of the text, sorted.

    Raises:
        ValueError: the text is empty, too varied, or has characters outside the alphabet.

    >>> from_text("abba").values.tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
    """
    if encoding not in ("character", "byte"):
        raise ValueError(_("encoding is {given!r}; it must be character or byte.").format(given=encoding))
    composed = unicodedata.normalize("NFC", text)
    if not composed:
        raise ValueError(_("The text is empty; type at least one character."))
    tokens = _tokens(composed, encoding)
    columns = list(dict.fromkeys(_tokens(alphabet, encoding))) if alphabet else sorted(set(tokens))
    if len(columns) > MAX_ALPHABET:
        raise ValueError(
            _("The text has {given} different characters; {most} at most can be shown.").format(
                given=len(columns), most=MAX_ALPHABET
            )
        )
    index = {token: column for column, token in enumerate(columns)}
    strange = next((token for token in tokens if token not in index), None)
    if strange is not None:
        raise ValueError(_("The text has {given!r}, which is not in the alphabet.").format(given=_show(strange)))
    values = np.zeros((len(tokens), len(columns)), np.float32)
    values[np.arange(len(tokens)), [index[token] for token in tokens]] = 1
    title = _("text by character") if encoding == "character" else _("text by byte")
    return Sequence(values, tuple(map(_show, tokens)), tuple(map(_show, columns)), title)


def _tokens(text: str, encoding: str) -> list[str] | list[int]:
    return list(text) if encoding == "character" else list(text.encode("utf-8", "replace"))


def _show(token: str | int) -> str:
    if isinstance(token, int):
        letter = chr(token)
        return _show(letter) if token < 128 and (letter.isprintable() or letter in _VISIBLE) else f"0x{token:02X}"
    return _VISIBLE.get(token) or (token if token.isprintable() else f"U+{ord(token):04X}")


# --- Numbers and tables


def from_numbers(text: str, standardise: bool = False) -> Sequence:
    """Typed or pasted numbers: a line a step, its features separated by spaces, commas, semicolons or tabs.

    A single line is one feature, a number a step. Full-width digits and signs, as Japanese keyboards type them, count.

    Raises:
        ValueError: something is no number (the line and the text are named), or lines differ in length.
    """
    plain = unicodedata.normalize("NFKC", text).replace("、", ",").replace("−", "-")
    lines = [(number, line) for number, line in enumerate(plain.splitlines(), 1) if line.strip()]
    if not lines:
        raise ValueError(_("There are no numbers; type at least one."))
    rows = []
    for number, line in lines:
        for separator in ",;":
            line = line.replace(separator, " ")
        rows.append([_number(part, _("line {line}").format(line=number)) for part in line.split()])
    if len(rows) == 1:
        rows = [[value] for value in rows[0]]
    for (number, _line), row in zip(lines, rows, strict=False):
        if len(row) != len(rows[0]):
            raise ValueError(
                _("Line {line} has {given} numbers, the first line has {expected}; give each line as many.").format(
                    line=number, given=len(row), expected=len(rows[0])
                )
            )
    if not rows or not rows[0]:
        raise ValueError(_("There are no numbers; type at least one."))
    _check_size(len(rows), len(rows[0]))
    values = np.array(rows, np.float64)
    return _numbered(_standardised(values) if standardise else values.astype(np.float32), _("typed numbers"))


def from_csv(
    data: bytes,
    *,
    columns: list[str] | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    standardise: bool = True,
) -> Sequence:
    """A CSV file, a line a step.

    Args:
        data: The file's bytes: UTF-8, UTF-16 with its mark, or Shift JIS.
        columns: The columns to take, by name; by default every numeric one.
        delimiter: What separates the cells; found out by default, from comma, semicolon, tab, bar and space.
        header: Whether the first line names the columns; by default, whether it has a cell that is no number where the
            lines below have one.
        standardise: Shifts and scales each column to mean 0 and deviation 1; a constant one becomes 0.

    A first column that is not taken names the steps.

    Raises:
        ValueError: the file is no table, too large, or a column that was asked for has text or gaps (named, with its line).
    """
    table = _read_table(data, delimiter, header)
    taken = columns or [name for name in table.names if table.is_numeric(name)]
    if not taken:
        raise ValueError(
            _("No column of the file has only numbers; its columns are {columns}.").format(columns=", ".join(table.names))
        )
    for name in taken:
        if name not in table.names:
            raise ValueError(
                _("There is no column {given!r}; the file has {allowed}.").format(given=name, allowed=", ".join(table.names))
            )
    _check_size(len(table.rows), len(taken))
    values = np.array([table.numbers(name) for name in taken], np.float64).T
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(
            _("Line {line}, column {column!r} is not finite; correct it, or leave the column out.").format(
                line=table.rows[row][0], column=taken[column]
            )
        )
    first = table.names[0]
    labels = tuple(str(n) for n in range(len(values))) if first in taken else tuple(cells[0] for _line, cells in table.rows)
    made = _standardised(values) if standardise else values.astype(np.float32)
    return Sequence(made, labels, tuple(taken), _("CSV file"))


def csv_columns(data: bytes, *, delimiter: str | None = None, header: bool | None = None) -> dict[str, bool]:
    """The columns of a CSV file by name, and whether each holds only numbers.

    Raises:
        ValueError: the file is no table, or too large.
    """
    table = _read_table(data, delimiter, header)
    return {name: table.is_numeric(name) for name in table.names}


@dataclass(frozen=True)
class _Table:
    """The cells of a file: the columns' names, and each line with its number in the file."""

    names: tuple[str, ...]
    rows: list[tuple[int, list[str]]]
    decimal_comma: bool

    def is_numeric(self, name: str) -> bool:
        column = self.names.index(name)
        return all(_is_number(self._plain(cells[column])) for _line, cells in self.rows)

    def numbers(self, name: str) -> list[float]:
        column = self.names.index(name)
        return [
            _number(self._plain(cells[column]), _("line {line}, column {column!r}").format(line=line, column=name))
            for line, cells in self.rows
        ]

    def _plain(self, cell: str) -> str:
        return cell.replace(",", ".") if self.decimal_comma else cell


def _read_table(data: bytes, delimiter: str | None, header: bool | None) -> _Table:
    if len(data) > MAX_BYTES:
        raise ValueError(
            _("The file has {given:,} bytes; {most:,} at most can be read.").format(given=len(data), most=MAX_BYTES)
        )
    text = _decode(data)
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    if not lines:
        raise ValueError(_("The file is empty; it needs a line for each step."))
    delimiter = delimiter or _find_delimiter(lines)
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
            if len(rows) > MAX_ROWS + 1:
                raise ValueError(
                    _("The file has more than {most:,} lines; cut it, or take every n-th line.").format(most=MAX_ROWS)
                )
    except csv.Error as error:
        raise ValueError(_("The file is no table: {cause}.").format(cause=error)) from error
    if len(rows[0][1]) > MAX_COLUMNS:
        raise ValueError(
            _("The file has {given} columns; {most} at most can be read.").format(given=len(rows[0][1]), most=MAX_COLUMNS)
        )
    decimal_comma = delimiter != "," and any("," in cell for _line, cells in rows[1:] for cell in cells)
    if header is None:
        below = rows[1][1] if len(rows) > 1 else []
        header = any(
            not _is_number(name.replace(",", ".")) and (not below or _is_number(cell.replace(",", ".")))
            for name, cell in zip(rows[0][1], below or rows[0][1], strict=False)
        )
    width = len(rows[0][1])
    names = rows[0][1] if header else [f"column {k + 1}" for k in range(width)]
    rows = rows[1:] if header else rows
    if not rows:
        raise ValueError(_("The file has a first line with names, and no line with numbers."))
    for line, cells in rows:
        if len(cells) != width:
            raise ValueError(
                _("Line {line} has {given} cells, the first line has {expected}; correct it, and try again.").format(
                    line=line, given=len(cells), expected=width
                )
            )
    return _Table(_unique(names), rows, decimal_comma)


def _decode(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ("utf-16",)
    elif b"\0" in data:
        raise ValueError(_("The file is not text; export it as CSV first."))
    else:
        encodings = ("utf-8-sig", "cp932")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError(_("The file is neither UTF-8, UTF-16 nor Shift JIS; save it as UTF-8."))


def _find_delimiter(lines: list[str]) -> str:
    """The delimiter that cuts every line into as many cells; of several, the one that makes the most."""

    def cells(delimiter: str) -> int:
        counts = {len(row) for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True)}
        return counts.pop() if len(counts) == 1 else 0

    try:
        counts = {delimiter: cells(delimiter) for delimiter in "\t;|, "}
    except csv.Error:
        return ","
    best = max(counts, key=lambda delimiter: counts[delimiter])
    if counts[best] > 1:
        # "1,5;2,5" also has as many commas a line: a semicolon or tab beside decimal commas wins.
        return next((d for d in "\t;|" if counts[d] > 1), best)
    return next((d for d in "\t;|," if d in lines[0]), ",")


def _unique(names: list[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    unique = []
    for k, name in enumerate(names):
        plain = name or f"column {k + 1}"
        seen[plain] = seen.get(plain, 0) + 1
        unique.append(plain if seen[plain] == 1 else f"{plain} ({seen[plain]})")
    return tuple(unique)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python's own spelling of thousands


def _number(text: str, place: str) -> float:
    if not text:
        raise ValueError(_("There is nothing at {place}; fill the gap, or leave the column out.").format(place=place))
    if not _is_number(text):
        raise ValueError(
            _("{given!r} at {place} is no number; correct it, or leave the column out.").format(given=text[:40], place=place)
        )
    return float(text)


def _check_size(rows: int, columns: int) -> None:
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise ValueError(
            _("There are {rows} steps of {columns} features; {most_rows} steps of {most_columns} at most can be read.").format(
                rows=rows, columns=columns, most_rows=MAX_ROWS, most_columns=MAX_COLUMNS
            )
        )


def _standardised(values: Float[np.ndarray, "time input_size"]) -> Float[np.ndarray, "time input_size"]:
    scale = np.abs(values).max(axis=0)
    scaled = values / np.where(scale > 0, scale, 1)  # so that the largest numbers have squares too
    centred = scaled - scaled.mean(axis=0)
    deviation = centred.std(axis=0)
    # A constant column's deviation is the rounding of its mean.
    return np.where(deviation > 1e-12, centred / np.where(deviation > 0, deviation, 1), 0).astype(np.float32)


def _numbered(values: np.ndarray, title: str = "") -> Sequence:
    time_steps, input_size = values.shape
    return Sequence(values, tuple(map(str, range(time_steps))), tuple(f"x[{k}]" for k in range(input_size)), title)


def _whole(name: str, given: Any, minimum: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < minimum:
        raise ValueError(
            _("{name} is {given!r}; it must be a whole number, at least {minimum}.").format(
                name=name, given=given, minimum=minimum
            )
        )
    return int(given)
