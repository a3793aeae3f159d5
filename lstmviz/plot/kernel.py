"""The kernel as a picture, gate by gate."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lstmviz.cells import Cell, Gate, Variable
from lstmviz.language import _
from lstmviz.plot import levels
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes
from lstmviz.plot.names import (
    Group,
    borders,
    column_groups,
    column_names,
    gate_title,
    name_span,
    row_groups,
    row_names,
)
from lstmviz.plot.panels import BELOW, Margins, Note, Panel, Row, Sheet, build, head
from lstmviz.plot.ticks import edges, ends, names_axis, round_places
from lstmviz.plot.words import measure, wrap

_ROW, _STRIP = 22, 24  # pixels of a row of a small kernel, and of one below it
_LEAST, _MOST = 130, 520  # pixels of the kernel's height
_LEFT, _TOP, _GAP, _LINE = 96, 76, 10, 19  # beside and above the kernel; to what is below; of a line of text
_LABEL = 15  # pixels a row needs to be named
_UNIT_NAMES, _ROW_NAMES = 6, 12  # of a window, that there is room for
_TITLES, _TITLES_NARROW = 8, 4  # gates whose titles there is room for, on a screen and on a phone
_NARROW = 254  # pixels of the kernel on a phone
_HOVER = "%{y} → %{x}<br><b>%{z:.4g}</b><extra></extra>"
_HOVER_LARGE = "%{text}<br><b>%{z:.4g}</b><extra></extra>"
_HOVER_STRIP = "%{y} → %{text}<br><b>%{z:.4g}</b><extra></extra>"
_SCALE = "coloraxis"
_EXACT = 350_000  # weights that a picture shows one by one: a kernel of 256 units, the slider's most, is among them
_EXACT_WINDOW = 60_000  # weights of a larger one that a window shows one by one
_TILES = (160, 320)  # beyond that, rows and columns of tiles: 3 pixels each, and 0.4 MB


@dataclass(frozen=True, eq=False)
class _View:
    """What of a cell's weights is shown, and how finely.

    Attributes:
        cell: The cell.
        level: How finely the kernel's window is shown.
        for_page: Whether the axes stay those of the whole, and the page names the cells of a large kernel.
    """

    cell: Cell
    level: levels.Level
    for_page: bool

    @property
    def is_large(self) -> bool:
        """Whether the whole kernel has more weights than a picture shows one by one."""
        return self.cell.kernel.size > _EXACT

    @property
    def is_window(self) -> bool:
        """Whether it is only a part of the kernel."""
        rows, columns = self.cell.kernel.shape
        return self.level.rows != (0, rows) or self.level.columns != (0, columns)

    @property
    def height(self) -> int:
        """The kernel's pixels."""
        return int(np.clip(len(self.cell.kernel) * _ROW, _LEAST, _MOST))


def draw_kernel(
    cell: Cell,
    seen_rows: tuple[int, int] | None = None,
    seen_columns: tuple[int, int] | None = None,
    for_page: bool = False,
) -> dict[str, Any]:
    """The plain dictionary of the kernel's figure; the kernel's window alone where one is given.

    The axes end with the window, and a large kernel's cells are named in the hover texts, unless it is `for_page`: there the
    axes stay those of the whole, into which the page has zoomed, and the page names the cells.
    """
    rows, columns = cell.kernel.shape
    view = _look(cell, seen_rows, seen_columns, for_page)
    apart = _find_apart(cell)
    vectors = _find_vectors(cell)
    below = [*(each.weight for each in vectors), *(variable.name for variable in apart)]
    # Biases of 1 beside weights of a tenth would leave the kernel without colour: they may be clipped, and it is said.
    scale = scales.centre(
        [cell.kernel, *(cell.weights[name] for name in below if not _is_constant(cell, name))],
        beyond=[cell.bias, cell.hidden_bias, cell.offset, *(cell.weights[name] for name in below)],
    )
    notes = [*_notes(cell), *levels.note(view.level, _("weights")), scale.bar]
    notes += scales.name_nonfinite(cell.weights.values())
    strips = list(dict.fromkeys([*_biases(cell), *(each.strip for each in vectors)]))
    return build(
        Sheet(
            f"{cell.kind.name} kernel [{rows}, {columns}]",
            [
                Row([_draw_blocks(view)], view.height),
                Row([_draw_strips(view, strips, vectors)], len(strips) * _STRIP, _GAP),
                *(Row([_draw_apart(*each)], _height_apart(each[1]), _LINE * 4) for each in apart.items()),
            ],
            Margins(_LEFT, 8, _TOP, 26 + _LINE * len(notes)),
            across=_columns_axis(view),
            columns_apart=borders(column_groups(cell)),
            scales={_SCALE: scale},
            below=[_foot(notes)],
            cell=cell,
            levels=view.level.tell((rows, columns)) if view.is_large else None,
        )
    )


def _look(
    cell: Cell, seen_rows: levels.Span | None, seen_columns: levels.Span | None, for_page: bool
) -> _View:
    """What is asked for.

    Raises:
        ValueError: the window is not within the kernel.
    """
    rows, columns = cell.kernel.shape
    window = (
        levels.check_window("rows", seen_rows, rows),
        levels.check_window("columns", seen_columns, columns),
    )
    parts = borders(row_groups(cell)), borders(column_groups(cell))
    exact = _EXACT if cell.kernel.size <= _EXACT else _EXACT_WINDOW
    return _View(cell, levels.fit(*window, *parts, exact=exact, most=_TILES), for_page)


def _columns_axis(view: _View) -> dict[str, Any]:
    """The axis of the columns: the first of each gate's block is named, of a window a few round units."""
    cell, level = view.cell, view.level
    columns = cell.kernel.shape[1]
    starts = [start for _letter, start, _length in column_groups(cell)]
    names = [_("column {number}").format(number=0), *map(str, starts[1:])]
    axis = themes.axis(
        **names_axis(None if view.is_large else column_names(cell)),
        range=edges((0, columns)),
        **themes.ticks(starts, names, columns),
    )
    if view.is_window:
        units = _name_round(column_groups(cell), level.columns, _UNIT_NAMES)
        axis |= themes.ticks([at for at, _name in units], [name for _at, name in units],
                             level.columns[1] - level.columns[0])  # fmt: skip
        if not view.for_page:
            axis["range"] = edges(level.columns)
    return axis


def _rows_axis(view: _View) -> dict[str, Any]:
    """The axis of the rows: the first and the last of each group are named, of a window a few round ones."""
    cell, level = view.cell, view.level
    axis = themes.axis(
        **names_axis(None if view.is_large else row_names(cell)),
        range=edges((0, len(cell.kernel)))[::-1],
        **_row_ticks(cell, view.height),
    )
    if view.is_window:
        rows = _name_round(row_groups(cell), level.rows, _ROW_NAMES)
        axis |= {"tickvals": [at for at, _name in rows], "ticktext": [name for _at, name in rows]}
        if not view.for_page:
            axis["range"] = edges(level.rows)[::-1]
    return axis


def _draw_blocks(view: _View) -> Panel:
    """The kernel itself, with its gates' names above and its rows' beside it."""
    cell, level = view.cell, view.level
    data = level.draw(
        cell.kernel,
        names=_name_cells(cell) if view.is_large and not view.for_page else None,
        coloraxis=_SCALE,
        hovertemplate=_HOVER_LARGE if view.is_large else _HOVER,
    )
    notes = [*_gate_names(cell, level.columns), *_row_groups(cell, level.rows, view.height)]
    linked = ("kernel", "column", "row")
    return Panel(_rows_axis(view), data, notes, rows_apart=borders(row_groups(cell)), linked=linked)


def _draw_strips(view: _View, strips: list[str], vectors: list[_Vector]) -> Panel:
    """What is added to the columns, a strip each, and the gates' own vectors below the gates that they belong to."""
    cell, biases = view.cell, _biases(view.cell)
    level = replace(view.level, rows=(0, len(biases)), row_borders=(), tile_rows=1)
    data = level.draw(
        np.stack(list(biases.values())),
        names=_name_columns(cell) if view.is_large and not view.for_page else None,
        coloraxis=_SCALE,
        hovertemplate=_HOVER_STRIP if view.is_large else _HOVER,
    )
    for each in vectors:
        hover = f"{each.words} → %{{x}}<br><b>%{{z:.4g}}</b><extra></extra>"
        if view.is_large:
            hover = hover.replace("%{x}", _("column {number}").format(number="%{x:d}"))
        data += scales.heatmap(
            cell.weights[each.weight][np.newaxis],
            x0=cell.columns(each.gate).start,
            y0=strips.index(each.strip),
            coloraxis=_SCALE,
            hovertemplate=hover,
        )
    axis = themes.axis(
        **names_axis(strips),
        range=edges((0, len(strips)))[::-1],
        fixedrange=True,
        tickvals=list(range(len(strips))),
        ticktext=strips,
    )
    return Panel(axis, data, linked=(strips[0], "column", ""))


@dataclass(frozen=True)
class _Vector:
    """A vector of one gate's own, unit by unit: its name, its gate, the strip that it stands in, and its words in the hover."""

    weight: str
    gate: str
    strip: str
    words: str


def _find_vectors(cell: Cell) -> list[_Vector]:
    """The gates' own vectors: those of a norm by the last word of their names, and below them the peepholes."""
    peepholes = {weight for weight, _state in cell.peepholes.values()}
    found = [
        _Vector(variable.name, variable.touches[0], variable.name.rpartition("/")[2], variable.name)
        for variable in cell.kind.variables
        if variable.name in cell.weights and variable.name not in peepholes and not variable.gates
        if len(variable.touches) == 1 and cell.weights[variable.name].shape == (cell.num_units,)
    ]
    # Two of a name and a gate would stand in one place.
    places = [(each.strip, each.gate) for each in found]
    found = [each for each, place in zip(found, places, strict=True) if places.count(place) == 1]
    for gate, (weight, state) in cell.peepholes.items():
        found.append(_Vector(weight, gate, _("peepholes"), f"{weight} · {state.partition('_')[0]}"))
    return found


def _is_constant(cell: Cell, weight: str) -> bool:
    """Whether a weight starts as a constant, as biases do."""
    return next(v.initial for v in cell.kind.variables if v.name == weight) is not None


def _find_apart(cell: Cell) -> dict[Variable, np.ndarray]:
    """The weights that belong to no gate alone, such as the projection."""
    below = {each.weight for each in _find_vectors(cell)}
    return {
        variable: cell.weights[variable.name]
        for variable in cell.kind.variables
        if not variable.gates and variable.name in cell.weights and variable.name not in below
    }


def _biases(cell: Cell) -> dict[str, np.ndarray]:
    """What is added to the columns, `[n_gates * num_units]` each, under its strip's name."""
    hidden = {"hidden bias": cell.hidden_bias} if cell.hidden_biased else {}
    return {"bias": cell.bias, **hidden, **_offsets(cell)}


def _offsets(cell: Cell) -> dict[str, np.ndarray]:
    """What is added to each column when the cell runs, `[n_gates * num_units]`, under its strip's name."""
    added: dict[str, np.ndarray] = {}
    for gate, offsets in cell.offsets.items():
        for name, value in offsets.items():
            added.setdefault(_name_offset(name, value), np.zeros_like(cell.offset))[cell.columns(gate)] = (
                value
            )
    return added


def _name_offset(name: str, value: float) -> str:
    """The strip of what is added: an option's name, or a number of the equation."""
    return f"+ {name}" if name.isidentifier() else f"{'+' if value >= 0 else '−'} {abs(value):g}"


def _with_minus(words: str) -> str:
    """A number's hyphen as a minus sign."""
    return re.sub(r"-(?=\d)", "−", words)


def _notes(cell: Cell) -> list[str]:
    note = _("{name} {value:g} is added when the cell runs, not stored")
    notes = [
        _with_minus(note.format(name=name if name.isidentifier() else "", value=value).strip())
        for added in cell.offsets.values()
        for name, value in added.items()
    ]
    note = _("Σ of {gate} = x · kernel + bias + {times} · (h · kernel + hidden bias)")
    notes += [note.format(gate=gate, times=times) for gate, times in cell.multiplied.items()]
    notes += _say_missing(cell)
    return notes if cell.biased else [*notes, _("the cell stores no bias")]


def _say_missing(cell: Cell) -> list[str]:
    """Which rows gates have no weights of, where others have: they are drawn as 0."""
    seen: dict[str, set[str]] = {gate.name: set() for gate in cell.kind.gates}
    for variable in cell.kind.variables:
        if variable.is_kernel and variable.name in cell.weights:
            for gate in variable.gates:
                seen[gate] |= {base if base in cell.rows else "h" for base in variable.meets}
    missing: dict[str, list[str]] = {}
    for gate, met in seen.items():
        if left := [base for base in cell.rows if base not in met]:
            missing.setdefault(", ".join(left), []).append(gate)
    note = _("0: no block of {gates} has weights of {rows}")
    return [note.format(gates=", ".join(gates), rows=rows) for rows, gates in missing.items()]


def _height_apart(weights: np.ndarray) -> int:
    """Pixels of a panel of its own: a vector is a strip."""
    return _STRIP if weights.ndim == 1 else int(np.clip(len(_flatten(weights)) * _ROW, 80, 260))


def _flatten(weights: np.ndarray) -> np.ndarray:
    """The weights as rows of their last axis."""
    return weights.reshape(-1, weights.shape[-1])


def _draw_apart(variable: Variable, weights: np.ndarray) -> Panel:
    """A panel of its own for weights that belong to no gate's block."""
    rows, columns = _flatten(weights).shape
    down, across = _name_axes(variable)
    level = levels.fit((0, rows), (0, columns), (), (), exact=_EXACT, most=_TILES)
    place = " → ".join(words for words in (down.format("%{y:d}"), across.format("%{x:d}")) if words)
    return Panel(
        themes.axis(
            range=edges((0, rows))[::-1],
            tickvals=ends(rows),
            ticktext=[down.format(k) for k in ends(rows)],
        ),
        level.draw(
            _flatten(weights), coloraxis=_SCALE, hovertemplate=f"{place}<br><b>%{{z:.4g}}</b><extra></extra>"
        ),
        head(f"<b>{variable.name}</b> {list(weights.shape)}", yshift=2),
        across=themes.axis(
            range=edges((0, columns)),
            tickvals=ends(columns),
            ticktext=[across.format(k) for k in ends(columns)],
        ),
    )


def _name_axes(variable: Variable) -> tuple[str, str]:
    """What the rows and columns of weights are called, with a hole for their number; "" for a vector's only row."""
    unit = _("unit {number}").replace("{number}", "{}")
    if variable.shape == ("num_units", "output_size"):
        return unit, "h[{}]"
    across = unit if variable.shape[-1] == "num_units" else "{}"
    return ("" if len(variable.shape) == 1 else "{}"), across


def _name_cells(cell: Cell) -> levels.Names:
    groups, name_columns = row_groups(cell), _name_columns(cell)

    def name(rows: range, columns: range, tile: tuple[int, int]) -> list[list[str]]:
        (names,) = name_columns(range(1), columns, tile)
        letters = [name_span(groups, row, tile[0]) for row in rows]
        return [[f"{letter} → {name}" for name in names] for letter in letters]

    return name


def _name_columns(cell: Cell) -> levels.Names:
    groups = column_groups(cell)

    def name(rows: range, columns: range, tile: tuple[int, int]) -> list[list[str]]:
        return [[name_span(groups, column, tile[1]) for column in columns]] * len(rows)

    return name


def _row_ticks(cell: Cell, height: int) -> dict[str, Any]:
    """The first and the last row of each group, as far as there is room."""
    pixels = height / len(cell.kernel)
    shown: list[int] = []
    for _letter, start, length in row_groups(cell):
        for row in (start + k for k in ends(length)):
            if not shown or (row - shown[-1]) * pixels >= _LABEL:
                shown.append(row)
    names = row_names(cell)
    return {"tickvals": shown, "ticktext": [names[row] for row in shown]}


def _gate_names(cell: Cell, seen: levels.Span) -> list[Note]:
    """The gates' names above the middle of what is `seen` of their blocks; many leave each other no room for words."""
    notes, many = [], len(cell.kind.gates)
    for gate, (letter, start, length) in zip(cell.kind.gates, column_groups(cell), strict=True):
        first, stop = _cut((start, start + length), seen) or (start, start + length)
        place = {"x": (first + stop - 1) / 2, "y": 1, "xref": "x", "yanchor": "bottom", "yshift": 2}
        words = _gate_name(gate) if many <= _TITLES else f"<b>{letter}</b>"
        narrow = _narrow_name(gate, _NARROW / many) if many <= _TITLES_NARROW else f"<b>{letter}</b>"
        short = {} if narrow == words else {"text": narrow}
        notes.append(Note(words, place, {"font.size": 12, **short}))
    return notes


def _cut(span: levels.Span, seen: levels.Span) -> levels.Span | None:
    """The part of `span` that is `seen`, if any is."""
    start, stop = max(span[0], seen[0]), min(span[1], seen[1])
    return (start, stop) if start < stop else None


def _gate_name(gate: Gate) -> str:
    # On two lines, so that the names of four narrow blocks do not meet on a phone; Japanese names are one word.
    first, *rest = gate_title(gate).split(" ")
    return f"<b>{gate.name}</b> {first}<br>{' '.join(rest)}" if rest else f"<b>{gate.name}</b><br>{first}"


def _narrow_name(gate: Gate, room: float) -> str:
    """A gate's name for a phone, where so many pixels are its block's: on as many lines as it takes."""
    words = _gate_name(gate)
    if max(map(measure, words.split("<br>"))) <= room:
        return words
    return "<br>".join([f"<b>{gate.name}</b>", *wrap([gate_title(gate)], int(room))])


def _row_groups(cell: Cell, seen: levels.Span, height: int) -> list[Note]:
    """`x [512]` and `h [2048]` beside the middle of what is `seen` of them, as far as there is room."""
    names = []
    for letter, start, length in row_groups(cell):
        first, stop = _cut((start, start + length), seen) or (0, 0)
        pixels = (stop - first) * height / (seen[1] - seen[0])
        if pixels >= _LABEL:
            share = 1 - ((first + stop) / 2 - seen[0]) / (seen[1] - seen[0])
            words = f"<b>{letter}</b> [{length}]"
            # Beside the rows' names, or, where it is too long for that, in their column.
            shift = -50 if length < 1000 else -40
            place = {"x": 0, "y": share, "xanchor": "right", "yanchor": "middle", "xshift": shift}
            names.append(Note(words, place))
    return names


def _name_round(blocks: list[Group], seen: levels.Span, most: int) -> list[tuple[int, str]]:
    """Where round numbers stand in what is `seen` of the blocks (letter, start, length), with their names; about `most`."""
    apart = (seen[1] - seen[0]) / most
    named: list[tuple[int, str]] = []
    for letter, start, length in blocks:
        first, stop = _cut((start, start + length), seen) or (start, start)
        for place in round_places(first - start, stop - start, apart):
            if (
                named and start + place - named[-1][0] < apart / 2
            ):  # a block begins right behind a round number
                named.pop()
            named.append((start + place, f"{letter}[{place}]"))
    return named


def _foot(lines: list[str]) -> Note:
    """The lines below the picture: what is added when the cell runs, and the scale."""
    return Note("<br>".join(lines), BELOW | {"xshift": 8 - _LEFT, "yshift": -22})
