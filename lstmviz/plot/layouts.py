"""The same weights in two layouts: which block goes where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS, Converted, Form, Move, Place, Slot, form_of_ours, places, to_layout
from lstmviz.plot import theme as themes
from lstmviz.plot.words import PHONE, fold

_UNITS = 12  # what `num_units` measures in the drawing, where blocks are not to scale
_INPUTS = (6, 20)  # what `input_size` may measure there
_VECTOR = 5  # the height of a bias
_GAP, _TITLE, _BETWEEN = 3, 5, 34  # between arrays, for an array's name, between the two layouts
_LETTER = 1.5  # the width of a letter of an array's name
_PIXEL = 4.6  # pixels of one such measure
_TOP = 72
_PARTS = {"x": 0.35, "h": 0.8, "projection": 0.8}  # how full a block's colour is
_NAMELESS = themes.NEUTRAL


@dataclass(frozen=True)
class _Box:
    """A block in the drawing."""

    place: Place
    x: tuple[float, float]
    y: tuple[float, float]

    @property
    def middle(self) -> tuple[float, float]:
        return sum(self.x) / 2, sum(self.y) / 2


def draw_layout(cell: Cell, layout: str, name: str = "") -> dict[str, Any]:
    """The plain dictionary of the figure; `name` is what the cell is called, by default its kind.

    Raises:
        ValueError: there is no such layout, or the framework has no such cell.
    """
    converted = to_layout(cell, layout)
    sizes = _measure(cell)
    ours = form_of_ours(cell.kind)
    form = LAYOUTS[layout].form_of(cell.kind)
    left = list(_arrange(ours, cell.weights, sizes, 0))
    start = _find_right(left, cell.weights) + _BETWEEN
    right = list(_arrange(form, converted.arrays, sizes, start))
    width = _find_right(right, converted.arrays)
    height = max(box.y[1] for box in left + right)
    notes = "<br>".join(_notes(converted))
    narrow = fold(notes, PHONE - 16)
    bottom, low = (20 + 20 * len(words.split("<br>")) for words in (notes, narrow))
    title = f"{name or cell.kind.name} → {LAYOUTS[layout].title} {converted.layer}"
    drawn = themes.base_layout(title, int(height * _PIXEL) + _TOP + bottom)
    drawn |= {
        "margin": {"l": 8, "r": 8, "t": _TOP - 16, "b": bottom},
        "xaxis": themes.axis(range=[-1, width + 1], showticklabels=False, fixedrange=True),
        "yaxis": themes.axis(range=[height + 1, -_TITLE], showticklabels=False, fixedrange=True),
        "dragmode": False,
        "annotations": [
            *_name_arrays(left, cell.weights),
            *_name_arrays(right, converted.arrays),
            *_write_letters(left, right, converted),
            themes.text(notes, x=0, y=0, xanchor="left", yanchor="top", align="left", yshift=-8),
        ],
    }
    if narrow != notes:
        last = f"annotations[{len(drawn['annotations']) - 1}].text"
        drawn["meta"] = {"narrow": {last: narrow, "margin.b": low, "height": drawn["height"] + low - bottom}}
    return {"data": list(_draw(cell, converted, left, right)), "layout": drawn}


def _measure(cell: Cell) -> dict[str, int]:
    """The sizes in the drawing: in proportion to each other, but neither too thin to be seen nor too wide."""
    inputs = int(np.clip(round(_UNITS * cell.input_size / cell.num_units), *_INPUTS))
    output = int(np.clip(round(_UNITS * cell.output_size / cell.num_units), *_INPUTS))
    return {"input_size": inputs, "num_units": _UNITS, "output_size": output}


def _arrange(
    form: Form, arrays: Mapping[str, np.ndarray], sizes: dict[str, int], start: float
) -> Iterator[_Box]:
    """The arrays from the top: those that are taller than wide beside each other."""
    left, top, lowest = start, 0.0, 0.0
    for slot in form.slots:
        if slot.name not in arrays:
            continue
        boxes = [_place(place, slot, number) for number, place in enumerate(places(form, slot, sizes))]
        width, height = (max(getattr(box, axis)[1] for box in boxes) for axis in "xy")
        if left > start and width >= height:
            left, top = start, lowest
        for box in boxes:
            yield replace(box, x=(box.x[0] + left, box.x[1] + left), y=(box.y[0] + top, box.y[1] + top))
        lowest = max(lowest, top + height + _GAP + _TITLE)
        if width < height:
            left += max(width, _LETTER * len(_name(slot.name, arrays[slot.name]))) + _GAP
        else:
            left, top = start, lowest


def _name(name: str, array: np.ndarray) -> str:
    return f"{name} {list(array.shape)}"


def _place(place: Place, slot: Slot, number: int) -> _Box:
    """One block in its own array, whose corner is at 0."""
    at = {
        axis: (index.start, index.stop)
        for axis, index in zip(slot.axes, place.index, strict=True)
        if isinstance(index, slice)
    }
    if "flat" in at:
        return _Box(place, (0, 3 * _UNITS), (number * _VECTOR, (number + 1) * _VECTOR))
    if "rows" not in at:
        return _Box(place, at["columns"], (0, _VECTOR))
    if place.part in ("bias", "hidden_bias"):  # rows of 1
        at["rows"] = (at["rows"][0] * _VECTOR, at["rows"][1] * _VECTOR)
    return _Box(place, *((at["rows"], at["columns"]) if place.transposed else (at["columns"], at["rows"])))


def _draw(cell: Cell, converted: Converted, left: list[_Box], right: list[_Box]) -> Iterator[dict[str, Any]]:
    """The ways first, under the blocks."""
    leaves = {(box.place.part, box.place.gate): box for box in left}
    words = {}
    for box, move in zip(right, converted.moves, strict=True):
        if move.source:
            key = move.source.part, move.source.gate
            words[key] = move.text
            ends = _find_end(leaves[key], left, 1), _find_end(box, right, 0)
            yield _draw_way(*ends, _colour(cell, move.target.gate), move)
    for key, box in leaves.items():
        yield _draw_box(box, _colour(cell, box.place.gate), words[key])
    for box, move in zip(right, converted.moves, strict=True):
        empty = move.source is None and not move.added
        yield _draw_box(box, "" if empty else _colour(cell, box.place.gate), move.text)


def _find_end(box: _Box, boxes: list[_Box], side: int) -> tuple[float, float]:
    """Where a way leaves or reaches an array: of blocks beside each other each has a height of its own, in their order."""
    row = [other for other in boxes if other.place.array == box.place.array and other.y == box.y]
    share = (row.index(box) + 1) / (len(row) + 1)
    return (row[-1].x[1] if side else row[0].x[0]), box.y[0] + share * (box.y[1] - box.y[0])


def _colour(cell: Cell, gate: str) -> str:
    return themes.gate_colours([each.name for each in cell.kind.gates]).get(gate, _NAMELESS)


def _draw_way(
    start: tuple[float, float], end: tuple[float, float], colour: str, move: Move
) -> dict[str, Any]:
    """A curve, level at both ends."""
    (x0, y0), (x1, y1) = start, end
    share = np.linspace(0, 1, 24)
    rise = share**2 * (3 - 2 * share)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": (x0 + share * (x1 - x0)).astype("float32"),
        "y": (y0 + rise * (y1 - y0)).astype("float32"),
        "line": {"color": colour, "width": 2.5 if move.target.part in _PARTS else 1.5},
        "opacity": 0.55,
        "hoverinfo": "skip",
    }


def _draw_box(box: _Box, colour: str, words: str) -> dict[str, Any]:
    (x0, x1), (y0, y1) = box.x, box.y
    drawn: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "x": [x0, x1, x1, x0, x0],
        "y": [y0, y0, y1, y1, y0],
        "line": {"color": colour or _NAMELESS, "width": 1.5, **({} if colour else {"dash": "dot"})},
        "hoveron": "fills",
        "text": words,
        "hoverinfo": "text",
        "fill": "toself",
        "fillcolor": _fade(colour, _PARTS.get(box.place.part, 0.55)) if colour else "rgba(0,0,0,0)",
    }
    return drawn


def _fade(colour: str, share: float) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def _name_arrays(boxes: list[_Box], arrays: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    for name, corner in _find_corners(boxes).items():
        words = _name(name, arrays[name]).replace(name, f"<b>{name}</b>", 1)
        yield _at(corner, words, xanchor="left", yanchor="bottom", size=12)


def _find_corners(boxes: list[_Box]) -> dict[str, tuple[float, float]]:
    """The upper left corner of each array."""
    return {box.place.array: (box.x[0], box.y[0]) for box in reversed(boxes)}


def _find_right(boxes: list[_Box], arrays: Mapping[str, np.ndarray]) -> float:
    """Where the arrays and their names end."""
    names = [x + _LETTER * len(_name(name, arrays[name])) for name, (x, _y) in _find_corners(boxes).items()]
    return max(*names, *(box.x[1] for box in boxes))


def _write_letters(left: list[_Box], right: list[_Box], converted: Converted) -> Iterator[dict[str, Any]]:
    for box in left:
        yield _at(box.middle, _letter(box.place, box.place.gate))
    for box, move in zip(right, converted.moves, strict=True):
        empty = move.source is None and not move.added
        words = "0" if empty else _letter(box.place, move.letter)
        yield _at(box.middle, words + (f" + {move.added:g}" if move.added else ""))


def _letter(place: Place, letter: str) -> str:
    return f"<b>{letter}</b>" if letter else ""


def _at(point: tuple[float, float], words: str, size: int = 13, **place: Any) -> dict[str, Any]:
    return themes.text(words, x=point[0], y=point[1], xref="x", yref="y", font={"size": size}, **place)


def _notes(converted: Converted) -> list[str]:
    layout, moves = LAYOUTS[converted.layout].title, converted.moves
    letters = dict.fromkeys(f"{m.target.gate} → {m.letter}" for m in moves if m.letter != m.target.gate)
    notes = [_("pale: meets x; full: meets h") + "".join(f" · {change}" for change in letters)]
    if any(move.target.transposed for move in moves):
        notes.append(_("{layout} stores the kernels transposed").format(layout=layout))
    for move in moves:
        if move.added:
            note = _("forget_bias {value:g} is added to f’s bias: {layout} adds none when the cell runs")
            notes.append(note.format(value=move.added, layout=layout))
    if any(move.source is None and not move.added for move in moves):
        notes.append(_("0: {layout} stores numbers here that the cell has not").format(layout=layout))
    return notes
