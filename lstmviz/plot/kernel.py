"""The kernel as a picture, gate by gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lstmviz.cells import Cell, Gate, Variable
from lstmviz.language import _
from lstmviz.plot import levels
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes
from lstmviz.plot.link import link
from lstmviz.plot.panels import round_places, share_height

_ROW, _STRIP = 22, 24  # pixels of a row of a small kernel, and of one below it
_LEAST, _MOST = 130, 520  # pixels of the kernel's height
_LEFT, _TOP, _GAP, _LINE = 96, 76, 10, 19  # beside and above the kernel; to what is below; of a line of text
_LABEL = 15  # pixels a row needs to be named
_UNIT_NAMES, _ROW_NAMES = 6, 12  # of a window, that there is room for
_HOVER = "%{y} → %{x}<br><b>%{z:.4g}</b><extra></extra>"
_HOVER_LARGE = "%{text}<br><b>%{z:.4g}</b><extra></extra>"
_HOVER_STRIP = "%{y} → %{text}<br><b>%{z:.4g}</b><extra></extra>"
_EXACT = 350_000  # weights that a picture shows one by one: a kernel of 256 units, the slider's most, is among them
_EXACT_WINDOW = 60_000  # weights of a larger one that a window shows one by one
_TILES = (160, 320)  # beyond that, rows and columns of tiles: 3 pixels each, and 0.4 MB


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
    borders = (cell.input_size,), tuple(range(cell.num_units, columns, cell.num_units))
    window = (
        levels.check_window("rows", seen_rows, rows),
        levels.check_window("columns", seen_columns, columns),
    )
    is_large = cell.kernel.size > _EXACT
    level = levels.fit(*window, *borders, exact=_EXACT if not is_large else _EXACT_WINDOW, most=_TILES)
    biases = _biases(cell)
    strip = replace(level, rows=(0, len(biases)), row_borders=(), tile_rows=1)
    apart = [v for v in cell.kind.variables if v.name in cell.weights and _is_apart(v)]
    peepholes = [gate for gate in cell.kind.gates if gate.peephole in cell.weights]
    strips = [*biases, *([_("peepholes")] if peepholes else [])]
    vectors = [cell.weights[str(gate.peephole)] for gate in peepholes]
    matrices = [cell.weights[variable.name] for variable in apart]
    # Biases of 1 beside weights of a tenth would leave the kernel without colour: they may be clipped, and it is said.
    scale = scales.centre(
        [cell.kernel, *vectors, *matrices], beyond=[cell.bias, cell.hidden_bias, cell.offset]
    )

    heights = [int(np.clip(rows * _ROW, _LEAST, _MOST)), len(strips) * _STRIP]
    heights += [int(np.clip(matrix.shape[0] * _ROW, 80, 260)) for matrix in matrices]
    gaps = [0, _GAP] + [_LINE * 4] * len(matrices)
    notes = [*_notes(cell), *levels.note(level, _("weights")), scale.bar]
    notes += scales.name_nonfinite(cell.weights.values())
    bottom = 26 + _LINE * len(notes)
    domains = share_height(heights, gaps)
    title = f"{cell.kind.name} kernel [{rows}, {columns}]"
    layout = themes.base_layout(title, sum(heights) + sum(gaps) + _TOP + bottom)
    starts = list(range(0, columns, cell.num_units))
    names = [_("column {number}").format(number=0), *map(str, starts[1:])]
    layout |= {
        "meta": {
            "narrow": {f"annotations[{k}].font.size": 12 for k in range(len(starts))},  # the gates' names
            **({"levels": level.tell((rows, columns))} if is_large else {}),
            "link": link(cell, [("x", "y", "kernel", "column", "row"), ("x", "y2", strips[0], "column", "")]),
        },
        "margin": {"l": _LEFT, "r": 8, "t": _TOP, "b": bottom},
        "coloraxis": scale.axis,
        "xaxis": themes.axis(**names_axis(None if is_large else column_names(cell)), anchor="y2",
                             range=[-0.5, columns - 0.5], **themes.ticks(starts, names, columns)),
        "yaxis": themes.axis(**names_axis(None if is_large else row_names(cell)), domain=domains[0],
                             range=[rows - 0.5, -0.5], **_row_ticks(cell, heights[0])),
        "yaxis2": themes.axis(type="category", categoryorder="array", categoryarray=strips, domain=domains[1],
                              range=[len(strips) - 0.5, -0.5], fixedrange=True,
                              tickvals=list(range(len(strips))), ticktext=strips),
        "shapes": _separators(cell, domains),
        "annotations": [*_gate_names(cell, level.columns),
                        *_row_groups(cell, level.rows, domains[0], heights[0]), _foot(notes)],
    }  # fmt: skip
    if level.rows != (0, rows) or level.columns != (0, columns):
        for axis, changes in _window_axes(cell, level, is_there=not for_page).items():
            layout[axis] |= changes
    on_scale: dict[str, Any] = {
        "coloraxis": "coloraxis",
        "hovertemplate": _HOVER_LARGE if is_large else _HOVER,
    }
    cell_names = _name_cells(cell) if is_large and not for_page else None
    data = level.draw(cell.kernel, names=cell_names, **on_scale)
    if is_large:
        on_scale["hovertemplate"] = _HOVER_STRIP
    strip_names = _name_columns(cell) if is_large and not for_page else None
    data += strip.draw(np.stack(list(biases.values())), names=strip_names, yaxis="y2", **on_scale)
    for gate, vector in zip(peepholes, vectors, strict=True):
        hover = f"{gate.peephole} · c → %{{x}}<br><b>%{{z:.4g}}</b><extra></extra>"
        if is_large:
            hover = hover.replace("%{x}", _("column {number}").format(number="%{x:d}"))
        data += scales.heatmap(
            vector[np.newaxis],
            x0=cell.columns(gate.name).start,
            y0=len(strips) - 1,
            yaxis="y2",
            coloraxis="coloraxis",
            hovertemplate=hover,
        )
    for index, (variable, matrix) in enumerate(zip(apart, matrices, strict=True)):
        data += _draw_matrix(variable, matrix, domains[index + 2], index + 2, layout)
    return {"data": data, "layout": layout}


def _is_apart(variable: Variable) -> bool:
    """Whether a variable is a matrix that belongs to no gate, such as the projection."""
    return not variable.gates and len(variable.shape) == 2


def _biases(cell: Cell) -> dict[str, np.ndarray]:
    """What is added to the columns, `[n_gates * num_units]` each, under its strip's name."""
    hidden = {"hidden bias": cell.hidden_bias} if cell.hidden_biased else {}
    return {"bias": cell.bias, **hidden, **_offsets(cell)}


def _offsets(cell: Cell) -> dict[str, np.ndarray]:
    """What is added to each column when the cell runs, `[n_gates * num_units]`, under its strip's name."""
    added: dict[str, np.ndarray] = {}
    for gate in cell.kind.gates:
        if gate.offset:
            row = added.setdefault(f"+ {gate.offset}", np.zeros_like(cell.offset))
            row[cell.columns(gate.name)] = cell.offset[cell.columns(gate.name)]
    return added


def _notes(cell: Cell) -> list[str]:
    note = _("{name} {value:g} is added when the cell runs, not stored")
    notes = [
        note.format(name=gate.offset, value=cell.options[gate.offset])
        for gate in cell.kind.gates
        if gate.offset
    ]
    note = _("Σ of {gate} = x · kernel + bias + {times} · (h · kernel + hidden bias)")
    notes += [note.format(gate=gate.name, times=gate.times) for gate in cell.kind.gates if gate.times]
    return notes if cell.biased else [*notes, _("the cell stores no bias")]


def _draw_matrix(
    variable: Variable, matrix: np.ndarray, domain: list[float], number: int, layout: dict[str, Any]
) -> list[dict[str, Any]]:
    """A panel of its own for a matrix that belongs to no gate; adds its axes and title to `layout`."""
    (rows, columns), unit = matrix.shape, _("unit {number}")
    x, y = f"x{number}", f"y{number + 1}"
    layout[f"xaxis{number}"] = themes.axis(
        anchor=y,
        range=[-0.5, columns - 0.5],
        tickvals=_ends(columns),
        ticktext=[f"h[{k}]" for k in _ends(columns)],
    )
    layout[f"yaxis{number + 1}"] = themes.axis(
        anchor=x,
        domain=domain,
        range=[rows - 0.5, -0.5],
        tickvals=_ends(rows),
        ticktext=[unit.format(number=k) for k in _ends(rows)],
    )
    words = f"<b>{variable.name}</b> {list(matrix.shape)}"
    layout["annotations"].append(
        themes.text(words, x=0, y=domain[1], xanchor="left", yanchor="bottom", yshift=2)
    )
    hover = unit.format(number="%{y:d}") + " → h[%{x:d}]<br><b>%{z:.4g}</b><extra></extra>"
    level = levels.fit((0, rows), (0, columns), (), (), exact=_EXACT, most=_TILES)
    return level.draw(matrix, xaxis=x, yaxis=y, coloraxis="coloraxis", hovertemplate=hover)


def _ends(length: int) -> list[int]:
    return sorted({0, length - 1})


def column_names(cell: Cell) -> list[str]:
    """What the hover calls each of the kernel's columns."""
    words = _("{gate}[{unit}], kernel column {column}")
    return [
        words.format(gate=gate.name, unit=unit, column=index * cell.num_units + unit)
        for index, gate in enumerate(cell.kind.gates)
        for unit in range(cell.num_units)
    ]


def names_axis(names: list[str] | None) -> dict[str, Any]:
    """An axis of names, which the hover shows; without names, of numbers: Plotly makes a cell for each name there is."""
    return {} if names is None else {"type": "category", "categoryorder": "array", "categoryarray": names}


def _name_cells(cell: Cell) -> levels.Names:
    name_columns = _name_columns(cell)

    def name(rows: range, columns: range, tile: tuple[int, int]) -> list[list[str]]:
        (names,) = name_columns(range(1), columns, tile)
        letters = [_name_row(cell, row, tile[0]) for row in rows]
        return [[f"{letter} → {name}" for name in names] for letter in letters]

    return name


def _name_row(cell: Cell, row: int, tile: int) -> str:
    of_x = ("x", row, cell.input_size)
    letter, first, size = of_x if row < cell.input_size else ("h", row - cell.input_size, cell.output_size)
    last = min(first + tile, size) - 1
    return f"{letter}[{first}]" if last == first else f"{letter}[{first}…{last}]"


def _name_columns(cell: Cell) -> levels.Names:
    def name(rows: range, columns: range, tile: tuple[int, int]) -> list[list[str]]:
        names = []
        for column in columns:
            gate, first = divmod(column, cell.num_units)
            last = min(first + tile[1], cell.num_units) - 1
            letter = cell.kind.gates[gate].name
            names.append(f"{letter}[{first}]" if last == first else f"{letter}[{first}…{last}]")
        return [names] * len(rows)

    return name


def row_names(cell: Cell) -> list[str]:
    """What the hover calls each of the kernel's rows."""
    return [f"x[{k}]" for k in range(cell.input_size)] + [f"h[{k}]" for k in range(cell.output_size)]


def _row_ticks(cell: Cell, height: int) -> dict[str, Any]:
    """The first and the last row of each group, as far as there is room."""
    pixels = height / (cell.input_size + cell.output_size)
    shown: list[int] = []
    for start, length in ((0, cell.input_size), (cell.input_size, cell.output_size)):
        for row in (start + k for k in _ends(length)):
            if not shown or (row - shown[-1]) * pixels >= _LABEL:
                shown.append(row)
    names = row_names(cell)
    return {"tickvals": shown, "ticktext": [names[row] for row in shown]}


def _separators(cell: Cell, domains: list[list[float]]) -> list[dict[str, Any]]:
    """Lines between the gates' blocks, down to the last strip, and between the rows of x and those of h."""
    edges = [edge - 0.5 for edge in range(cell.num_units, cell.kernel.shape[1], cell.num_units)]
    bottom, top, border = domains[1][0], domains[0][1], cell.input_size - 0.5
    across = themes.lines(f"M0,{border}H1", xref="paper", yref="y")
    if not edges:
        return [across]
    down = "".join(f"M{edge},{bottom:.4f}V{top:g}" for edge in edges)
    return [themes.lines(down, xref="x", yref="paper"), across]


def _gate_names(cell: Cell, seen: levels.Span) -> list[dict[str, Any]]:
    """The gates' names above the middle of what is `seen` of their blocks."""
    names = []
    for gate in cell.kind.gates:
        block = cell.columns(gate.name)
        start, stop = _cut((block.start, block.stop), seen) or (block.start, block.stop)
        middle = (start + stop - 1) / 2
        names.append(themes.text(_gate_name(gate), x=middle, y=1, xref="x", yanchor="bottom", yshift=2))
    return names


def _cut(span: levels.Span, seen: levels.Span) -> levels.Span | None:
    """The part of `span` that is `seen`, if any is."""
    start, stop = max(span[0], seen[0]), min(span[1], seen[1])
    return (start, stop) if start < stop else None


def _gate_name(gate: Gate) -> str:
    # On two lines, so that the names of four narrow blocks do not meet on a phone; Japanese names are one word.
    first, *rest = _(gate.title).split(" ")
    return f"<b>{gate.name}</b> {first}<br>{' '.join(rest)}" if rest else f"<b>{gate.name}</b><br>{first}"


def _row_groups(cell: Cell, seen: levels.Span, domain: list[float], height: int) -> list[dict[str, Any]]:
    """`x [512]` and `h [2048]` beside the middle of what is `seen` of them, as far as there is room."""
    names = []
    for letter, start, length in (("x", 0, cell.input_size), ("h", cell.input_size, cell.output_size)):
        first, stop = _cut((start, start + length), seen) or (0, 0)
        pixels = (stop - first) * height / (seen[1] - seen[0])
        if pixels >= _LABEL:
            share = domain[1] - (domain[1] - domain[0]) * ((first + stop) / 2 - seen[0]) / (seen[1] - seen[0])
            words = f"<b>{letter}</b> [{length}]"
            # Beside the rows' names, or, where it is too long for that, in their column.
            shift = -50 if length < 1000 else -40
            names.append(themes.text(words, x=0, y=share, xanchor="right", yanchor="middle", xshift=shift))
    return names


def _window_axes(cell: Cell, level: levels.Level, is_there: bool) -> dict[str, dict[str, Any]]:
    """What of the axes differs where a window is drawn: round units and rows are named, for no block may begin in it.

    With `is_there` the axes end with the window.
    """
    blocks = [(gate.name, cell.columns(gate.name).start, cell.num_units) for gate in cell.kind.gates]
    groups = [("x", 0, cell.input_size), ("h", cell.input_size, cell.output_size)]
    units = _name_round(blocks, level.columns, _UNIT_NAMES)
    rows = _name_round(groups, level.rows, _ROW_NAMES)
    axes: dict[str, dict[str, Any]] = {
        "xaxis": themes.ticks([at for at, _name in units], [name for _at, name in units],
                              level.columns[1] - level.columns[0]),
        "yaxis": {"tickvals": [at for at, _name in rows], "ticktext": [name for _at, name in rows]},
    }  # fmt: skip
    if is_there:
        axes["xaxis"]["range"] = [level.columns[0] - 0.5, level.columns[1] - 0.5]
        axes["yaxis"]["range"] = [level.rows[1] - 0.5, level.rows[0] - 0.5]
    return axes


def _name_round(blocks: list[tuple[str, int, int]], seen: levels.Span, most: int) -> list[tuple[int, str]]:
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


def _foot(lines: list[str]) -> dict[str, Any]:
    """The lines below the picture: what is added when the cell runs, and the scale."""
    words = "<br>".join(lines)
    return themes.text(
        words, x=0, y=0, xanchor="left", yanchor="top", xshift=8 - _LEFT, yshift=-22, align="left"
    )
