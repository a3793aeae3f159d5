"""What is more than a screen can show, in tiles: each stands for several numbers, and keeps their extremes.

Plotly takes 14 s and 36 MB for a heatmap of five million cells. A tile is one cell of the picture; it carries the smallest,
the largest and the mean of its numbers, and its colour follows the one that is farthest from the scale's middle, so that
no outlier is lost. A tile never reaches across the border between two parts of a picture, such as two gates' blocks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lstmviz.language import _
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes

Span = tuple[int, int]
"""From an index up to, and without, another one."""

Names = Callable[[range, range, tuple[int, int]], list[list[str]]]
"""Gets the first rows and columns of tiles and their size; gives each tile's name."""

_AT_ONCE = 2**22  # numbers of which one copy is made at a time


@dataclass(frozen=True, eq=False)
class Tiles:
    """A part of an array in tiles of `tile_rows` by `tile_columns`; those at its end may stand for fewer.

    Attributes:
        rows: The part's rows in the array.
        columns: Its columns.
        tile_rows: How many rows a tile stands for.
        tile_columns: How many columns.
        low: The smallest finite number of each tile; NaN where it has none.
        high: The largest.
        mean: The mean of the finite numbers.
        nonfinite: How many are NaN or infinite.
        size: The root of the mean square of the finite numbers: how large they are, whatever their signs.
    """

    rows: Span
    columns: Span
    tile_rows: int
    tile_columns: int
    low: Float[np.ndarray, "down across"]
    high: Float[np.ndarray, "down across"]
    mean: Float[np.ndarray, "down across"]
    nonfinite: Int[np.ndarray, "down across"]
    size: Float[np.ndarray, "down across"]

    @property
    def is_exact(self) -> bool:
        """Whether each tile is one number."""
        return self.tile_rows == self.tile_columns == 1

    def farthest(self, middle: float = 0.0) -> Float[np.ndarray, "down across"]:
        """The number of each tile that is farthest from `middle`."""
        with np.errstate(invalid="ignore"):
            return np.where(middle - self.low > self.high - middle, self.low, self.high)


def split(span: Span, borders: Sequence[int]) -> Iterator[Span]:
    """The parts that `borders` make of `span`."""
    inside = [border for border in borders if span[0] < border < span[1]]
    edges = [span[0], *inside, span[1]]
    yield from itertools.pairwise(edges)


def choose(spans: Sequence[Span], most: int) -> int:
    """The smallest length of a tile with which all `spans` together have at most `most` tiles, or one each."""
    lengths = [stop - start for start, stop in spans]
    most = max(most, len(lengths))
    tile = max(1, sum(lengths) // most)
    while sum(-(-length // tile) for length in lengths) > most:
        tile += 1
    return tile


def tile(
    values: Float[np.ndarray, "rows columns"],
    rows: Span,
    columns: Span,
    tile_rows: int = 1,
    tile_columns: int = 1,
) -> Tiles:
    """The part `values[rows, columns]` in tiles.

    Args:
        values: The whole array; no copy of it is made.
        rows: The part's rows, without a border inside.
        columns: Its columns.
        tile_rows: How many rows a tile stands for.
        tile_columns: How many columns.
    """
    part = values[slice(*rows), slice(*columns)]
    down, across = (-(-part.shape[0] // tile_rows), -(-part.shape[1] // tile_columns))
    low, high = (np.empty((down, across), values.dtype) for _which in range(2))
    total, squares, nonfinite = (
        np.empty((down, across)),
        np.empty((down, across)),
        np.zeros((down, across), int),
    )
    starts = np.arange(0, part.shape[1], tile_columns)
    at_once = max(1, _AT_ONCE // max(1, part.shape[1] * tile_rows))
    for first in range(0, down, at_once):
        some = slice(first, min(first + at_once, down))
        strip = part[some.start * tile_rows : some.stop * tile_rows]
        low[some], high[some], total[some] = _reduce(strip, tile_rows, starts)
        squares[some] = _add_squares(strip, tile_rows, starts)
        if not (np.isfinite(low[some]).all() and np.isfinite(high[some]).all()):
            finite = np.isfinite(strip)
            nonfinite[some] = _add(~finite, tile_rows, starts, int)
            low[some] = _reduce(np.where(finite, strip, np.inf), tile_rows, starts)[0]
            high[some] = _reduce(np.where(finite, strip, -np.inf), tile_rows, starts)[1]
            total[some] = _reduce(np.where(finite, strip, 0), tile_rows, starts)[2]
            squares[some] = _add_squares(np.where(finite, strip, 0), tile_rows, starts)
    counts = np.outer(_lengths(part.shape[0], tile_rows), _lengths(part.shape[1], tile_columns)) - nonfinite
    empty = counts == 0
    low[empty] = high[empty] = np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (total / counts).astype(values.dtype)
        size = np.sqrt(squares / counts).astype(values.dtype)
    return Tiles(rows, columns, tile_rows, tile_columns, low, high, mean, nonfinite, size)


def _reduce(
    strip: np.ndarray, tile_rows: int, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The smallest, the largest and the sum of each tile; rows first, since these lie together in memory."""
    lows, highs = _reduce_rows(np.minimum, strip, tile_rows), _reduce_rows(np.maximum, strip, tile_rows)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = _add(strip, tile_rows, starts, np.float64)
    return np.minimum.reduceat(lows, starts, axis=1), np.maximum.reduceat(highs, starts, axis=1), sums


def _add_squares(strip: np.ndarray, tile_rows: int, starts: np.ndarray) -> np.ndarray:
    """The sum of each tile's squares, in float64: of no number that a weight can have do they overflow there."""
    with np.errstate(invalid="ignore", over="ignore"):
        return _add(np.square(strip, dtype=np.float64), tile_rows, starts, np.float64)


def _reduce_rows(
    reduction: np.ufunc, strip: np.ndarray, tile_rows: int, dtype: type | None = None
) -> np.ndarray:
    """Each tile's rows made one. Whole tiles as one more axis: fifteen times as fast as `reduceat` over rows."""
    whole = len(strip) // tile_rows * tile_rows
    tiles = strip[:whole].reshape(-1, tile_rows, strip.shape[1])
    rows = reduction.reduce(tiles, axis=1, dtype=dtype)
    if whole == len(strip):
        return rows
    return np.concatenate([rows, reduction.reduce(strip[whole:], axis=0, keepdims=True, dtype=dtype)])


def _add(strip: np.ndarray, tile_rows: int, starts: np.ndarray, dtype: type) -> np.ndarray:
    made: np.ndarray = np.add.reduceat(_reduce_rows(np.add, strip, tile_rows, dtype), starts, axis=1)
    return made


def _lengths(length: int, tile_length: int) -> np.ndarray:
    """How many numbers each tile stands for along one side."""
    starts = np.arange(0, length, tile_length)
    return np.minimum(tile_length, length - starts)


@dataclass(frozen=True)
class Level:
    """How finely a window of an array is shown.

    Attributes:
        rows: The window's rows.
        columns: Its columns.
        row_borders: Rows at which a part begins.
        column_borders: Columns at which one begins.
        tile_rows: How many rows a cell of the picture stands for.
        tile_columns: How many columns.
    """

    rows: Span
    columns: Span
    row_borders: tuple[int, ...] = ()
    column_borders: tuple[int, ...] = ()
    tile_rows: int = 1
    tile_columns: int = 1

    @property
    def is_exact(self) -> bool:
        """Whether each cell of the picture is one number."""
        return self.tile_rows == self.tile_columns == 1

    def draw(
        self, values: np.ndarray, middle: float = 0.0, names: Names | None = None, **trace: Any
    ) -> list[dict[str, Any]]:
        """Heatmaps of the window `values[rows, columns]`, on axes that are linear where it is not the whole array.

        Args:
            values: The whole array.
            middle: The number from which the farthest of a tile is the one that gives it its colour.
            names: What the hover text's `%{text}` calls a row and a column.
            **trace: As `scale.heatmap` takes it.
        """
        if self.is_exact:
            window = values[slice(*self.rows), slice(*self.columns)]
            if names:
                trace["text"] = names(range(*self.rows), range(*self.columns), (1, 1))
            return scales.heatmap(window, x0=self.columns[0], y0=self.rows[0], **trace)
        drawn = []
        for rows in split(self.rows, self.row_borders):
            for columns in split(self.columns, self.column_borders):
                tiles = tile(values, rows, columns, self.tile_rows, self.tile_columns)
                text = (
                    names(range(*rows, self.tile_rows), range(*columns, self.tile_columns), self.tile)
                    if names
                    else None
                )
                drawn += _draw_tiles(tiles, middle, trace if text is None else {**trace, "text": text})
        return drawn

    @property
    def tile(self) -> tuple[int, int]:
        """How many rows and columns a cell of the picture stands for."""
        return self.tile_rows, self.tile_columns

    @property
    def hovered(self) -> tuple[str, str]:
        """The row and the column under the pointer, for a hover text: about, where a cell stands for several."""
        row, column = ("≈" if length > 1 else "" for length in self.tile)
        return f"{row}%{{y:.0f}}", f"{column}%{{x:.0f}}"

    def tell(self, of: tuple[int, int]) -> dict[str, Any]:
        """What a page needs to ask for a finer level: the window, the size of all, the size of a tile."""
        return {
            "rows": list(self.rows),
            "columns": list(self.columns),
            "of": list(of),
            "tile": list(self.tile),
        }


def fit(
    rows: Span,
    columns: Span,
    row_borders: Sequence[int],
    column_borders: Sequence[int],
    *,
    exact: int,
    most: tuple[int, int],
) -> Level:
    """The finest level of a window: single numbers where it has at most `exact`, else at most so many rows and columns."""
    borders = tuple(row_borders), tuple(column_borders)
    if (rows[1] - rows[0]) * (columns[1] - columns[0]) <= exact:
        return Level(rows, columns, *borders)
    return Level(
        rows,
        columns,
        *borders,
        choose(list(split(rows, row_borders)), most[0]),
        choose(list(split(columns, column_borders)), most[1]),
    )


def check_window(name: str, given: Any, length: int) -> Span:
    """`given` as a span of at least one within `length`; all of it where nothing is given.

    Raises:
        ValueError: it is none.
    """
    if given is None:
        return 0, length
    try:
        start, stop = given
        fits = (
            isinstance(start, int | np.integer)
            and isinstance(stop, int | np.integer)
            and 0 <= start < stop <= length
        )
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            _("{name} is {given!r}; it must be a pair (first, stop) within 0 and {length}.").format(
                name=name, given=given, length=length
            )
        )
    return int(start), int(stop)


def _draw_tiles(tiles: Tiles, middle: float, trace: dict[str, Any]) -> list[dict[str, Any]]:
    place = {
        "type": "heatmap",
        "hoverongaps": False,
        # The last tile of a part may reach beyond it: the next part is drawn over it, or the axis ends there.
        "x0": tiles.columns[0] + (tiles.tile_columns - 1) / 2,
        "dx": tiles.tile_columns,
        "y0": tiles.rows[0] + (tiles.tile_rows - 1) / 2,
        "dy": tiles.tile_rows,
        **trace,
    }
    hover = trace["hovertemplate"].replace("<extra></extra>", "")
    shown = _("{number} (of {rows} × {columns})").format(
        number="%{z:.4g}", rows=tiles.tile_rows, columns=tiles.tile_columns
    )
    range_ = _("from {low} to {high}, mean {mean}").format(
        low="%{customdata[0]:.4g}", high="%{customdata[1]:.4g}", mean="%{customdata[2]:.4g}"
    )
    drawn = [
        {
            **place,
            "z": tiles.farthest(middle),
            "customdata": np.stack([tiles.low, tiles.high, tiles.mean], axis=2),
            "meta": {"middle": middle},
            "hovertemplate": f"{hover.replace('%{z:.4g}', shown)}<br>{range_}<extra></extra>",
        }
    ]
    if tiles.nonfinite.any():
        del place["coloraxis"]
        counted = _("NaN or infinite: {count}").format(count="%{customdata:,d}")
        drawn.append(
            {
                **place,
                "z": np.where(tiles.nonfinite > 0, np.float32(1), np.float32(np.nan)),
                "customdata": tiles.nonfinite.astype(np.float32),
                "colorscale": [[0, themes.NONFINITE], [1, themes.NONFINITE]],
                "zmin": 0,
                "zmax": 1,
                "showscale": False,
                "hovertemplate": f"{hover.replace('%{z:.4g}', counted)}<extra></extra>",
            }
        )
    return drawn


def note(level: Level, things: str) -> list[str]:
    """The line that says what a cell of the picture stands for; none where it is one number."""
    if level.is_exact:
        return []
    return [
        _(
            "a cell stands for {rows} × {columns} {things} and shows the one farthest from its scale's middle"
        ).format(rows=level.tile_rows, columns=level.tile_columns, things=things),
        _("zoom in to see single {things}").format(things=things),
    ]


def choose_stretch(steps: int, most: int) -> int:
    """How many steps of a line two of its points stand for; 1 where each step has its own."""
    stretch = -(-steps // max(most, 1))
    return 1 if stretch <= 2 else stretch


def thin(values: Float[np.ndarray, " steps"], most: int) -> tuple[Float[np.ndarray, " points"], float]:
    """A line of at most about `2 * most` points that keeps every extreme, and the steps from point to point.

    Of each stretch of steps there are the smallest and the largest finite number, in the order in which they come. Where a
    line has numbers that are not finite, it has a third point between the two, which is NaN where one of them is.
    """
    stretch = choose_stretch(len(values), most)
    if stretch == 1:
        return values, 1.0
    padded = np.pad(values, (0, -len(values) % stretch), mode="edge").reshape(-1, stretch)
    finite = np.isfinite(padded)
    lowest = np.where(finite, padded, np.inf).argmin(axis=1)
    highest = np.where(finite, padded, -np.inf).argmax(axis=1)
    ends = np.sort(np.stack([lowest, highest], axis=1), axis=1)
    points = np.take_along_axis(padded, ends, axis=1)
    if finite.all():
        return points.reshape(-1), stretch / 2
    points[~finite.any(axis=1)] = np.nan
    between = np.where(finite.all(axis=1), points[:, 1], np.nan)
    return np.stack([points[:, 0], between, points[:, 1]], axis=1).reshape(-1), stretch / 3
