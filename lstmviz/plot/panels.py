"""The one builder of figures of panels: a figure declares what its panels show, and here they get places, axes and words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lstmviz.cells import Cell
from lstmviz.plot import theme as themes
from lstmviz.plot.link import link
from lstmviz.plot.scale import Scale
from lstmviz.plot.words import LINE, PHONE, fold

Span = tuple[float, float]
"""From a share of the drawing's width or height to another one."""

ABOVE = {"x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"}
ABOVE_RIGHT = {"x": 1, "y": 1, "xanchor": "right", "yanchor": "bottom"}
BELOW = {"x": 0, "y": 0, "xanchor": "left", "yanchor": "top", "align": "left"}
"""Where a note stands at a panel, or at all of them."""


@dataclass(frozen=True)
class Note:
    """Words on a figure.

    Attributes:
        words: What they say, in Plotly's markup.
        place: Where they stand, as `theme.text` takes it; `x` and `y` are shares of the panel, in a figure's own notes of
            all panels, or numbers of the axis that an `xref` names.
        narrow: What is different on a phone.
    """

    words: str
    place: Mapping[str, Any]
    narrow: Mapping[str, Any] = field(default_factory=dict)


def head(
    words: str, bar: str = "", narrow: Mapping[str, Any] | None = None, **place: Any
) -> tuple[Note, ...]:
    """What stands above a panel: what it shows, and, on the right, its scale as a line of text."""
    notes = Note(words, ABOVE | place, narrow or {}), Note(bar, ABOVE_RIGHT)
    return notes if bar else notes[:1]


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of a figure.

    Attributes:
        down: Its y axis, as Plotly takes it; the builder adds the place.
        data: What is drawn in it, as Plotly takes it; the builder adds the axes.
        notes: What stands at it; see `head`.
        across: An x axis of its own; None for the one that all others share.
        span: The share of the width that it has.
        rows_apart: Rows before which a line is drawn.
        columns_apart: Columns before which one is drawn, on an x axis of its own.
        level: A number of its y axis that a dashed line marks.
        linked: Its name, and what its columns and rows stand for, as `linked.js` has it; None where nothing is marked in it.
    """

    down: Mapping[str, Any]
    data: Sequence[dict[str, Any]]
    notes: Sequence[Note] = ()
    across: Mapping[str, Any] | None = None
    span: Span = (0.0, 1.0)
    rows_apart: Sequence[int] = ()
    columns_apart: Sequence[int] = ()
    level: float | None = None
    linked: tuple[str, str, str] | None = None


@dataclass(frozen=True, eq=False)
class Row:
    """Panels side by side: their height, and the gap above them for what stands there, in pixels."""

    panels: Sequence[Panel]
    height: int
    gap: int = 0


@dataclass(frozen=True)
class Margins:
    """Pixels around the panels; a phone may have other ones above and below, which the figure's height makes room for."""

    left: int
    right: int
    top: int
    bottom: int
    phone_top: int | None = None
    phone_bottom: int | None = None

    @property
    def height(self) -> int:
        """What they add to the panels' height."""
        return (self.phone_top or self.top) + (self.phone_bottom or self.bottom)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A figure of panels.

    Attributes:
        title: Its title.
        rows: Its panels, from the top.
        margins: What is around them.
        across: The x axis that the panels share; None where each has its own.
        columns_apart: Columns of that axis before which a line runs down through all panels that share it.
        scales: The colours of each colour axis.
        above: What it says above the panels.
        below: What it says below.
        cell: The cell that its panels are linked by; None where nothing is marked in them.
        steps: How many steps there are.
        layout: What Plotly's layout has beside.
        narrow: What of the layout is different on a phone, by paths.
        levels: What a page needs to ask for a finer picture.
        order: The units in the order of the rows that are units, where that is not as they are stored.
    """

    title: str
    rows: Sequence[Row]
    margins: Margins
    across: Mapping[str, Any] | None = None
    columns_apart: Sequence[int] = ()
    scales: Mapping[str, Scale] = field(default_factory=dict)
    above: Sequence[Note] = ()
    below: Sequence[Note] = ()
    cell: Cell | None = None
    steps: int = 0
    layout: Mapping[str, Any] = field(default_factory=dict)
    narrow: Mapping[str, Any] = field(default_factory=dict)
    levels: Mapping[str, Any] | None = None
    order: Sequence[int] | None = None


def build(sheet: Sheet) -> dict[str, Any]:
    """The figure as the plain dictionary that Plotly reads."""
    height = measure(sheet.rows) + sheet.margins.height
    sheet = _fold(sheet, height)
    placed = list(_place(sheet))
    annotations, narrow = _write(sheet, placed)
    layout = themes.base_layout(sheet.title, height)
    layout |= {
        "margin": {"l": sheet.margins.left, "r": sheet.margins.right, "t": sheet.margins.top, "b": sheet.margins.bottom},
        **sheet.layout,
        **dict(_axes(sheet, placed)),
        **{name: scale.axis for name, scale in sheet.scales.items()},
        "annotations": annotations,
    }  # fmt: skip
    if shapes := [*_columns(sheet, placed), *(shape for each in placed for shape in each.shapes())]:
        layout["shapes"] = shapes
    if meta := _tell(sheet, placed, narrow):
        layout["meta"] = meta
    return {"data": [trace for each in placed for trace in each.traces()], "layout": layout}


def _fold(sheet: Sheet, height: int) -> Sheet:
    """The sheet, which is so high, with what stands below it on as many lines as a phone needs, and there the room for these."""
    below, more = [], 0
    for note in sheet.below:
        words = str(note.narrow.get("text", note.words))
        room = PHONE - sheet.margins.left - note.place.get("xshift", 0)
        folded = fold(words, room, note.narrow.get("font.size", themes.text("")["font"]["size"]))
        more = max(more, LINE * (folded.count("<br>") - words.count("<br>")))
        below.append(note if folded == words else replace(note, narrow={**note.narrow, "text": folded}))
    if not more:
        return sheet
    margins = replace(sheet.margins, phone_bottom=(sheet.margins.phone_bottom or sheet.margins.bottom) + more)
    return replace(sheet, below=below, margins=margins, narrow={**sheet.narrow, "height": height + more})


def measure(rows: Sequence[Row]) -> int:
    """The height of the rows with their gaps, in pixels."""
    return sum(row.height + row.gap for row in rows)


def share_height(rows: Sequence[Row]) -> list[Span]:
    """From where to where each row goes, from the top, in shares of the height."""
    total, above, shares = measure(rows), 0, []
    for row in rows:
        above += row.gap
        top = 1 - above / total
        above += row.height
        shares.append((1 - above / total, top))
    return shares


@dataclass(frozen=True, eq=False)
class _Placed:
    """A panel with its axes' names and the share of the height that it has."""

    panel: Panel
    x: str
    y: str
    height: Span

    def traces(self) -> Iterator[dict[str, Any]]:
        own = {} if self.panel.across is None else {"xaxis": self.x}
        for trace in self.panel.data:
            yield {**trace, **own, "yaxis": self.y}

    def annotate(self, note: Note) -> dict[str, Any]:
        """The note, its shares of the panel as those of the drawing."""
        place = dict(note.place)
        if "xref" in place:
            place["xref"] = self.x
        else:
            place["x"] = _within(self.panel.span, place["x"])
        place["y"] = _within(self.height, place["y"])
        return themes.text(note.words, **place)

    def shapes(self) -> Iterator[dict[str, Any]]:
        """Lines before rows and columns, and one at a number."""
        panel = self.panel
        if panel.across is not None:
            if path := _grid(panel, panel.across):
                yield themes.lines(path, xref=self.x, yref=self.y)
        elif panel.rows_apart:
            path = "".join(f"M0,{row - 0.5}H1" for row in panel.rows_apart)
            yield themes.lines(path, xref="paper", yref=self.y)
        if panel.level is not None:
            yield themes.dashed(panel.level, self.y)


def _place(sheet: Sheet) -> Iterator[_Placed]:
    """The panels that share an axis come first, each with its axes' names."""
    shares = share_height(sheet.rows)
    every = [(panel, share) for row, share in zip(sheet.rows, shares, strict=True) for panel in row.panels]
    every.sort(key=lambda each: each[0].across is not None)
    last_x = 0 if sheet.across is None else 1
    for number, (panel, share) in enumerate(every, 1):
        last_x += panel.across is not None
        yield _Placed(panel, _number("x", last_x), _number("y", number), share)


def _number(letter: str, number: int) -> str:
    return letter if number == 1 else f"{letter}{number}"


def _axes(sheet: Sheet, placed: list[_Placed]) -> Iterator[tuple[str, dict[str, Any]]]:
    if sheet.across is not None:
        last = [each for each in placed if each.panel.across is None][-1]
        yield "xaxis", {**sheet.across, "anchor": last.y}
    for each in placed:
        down = {**each.panel.down, "domain": list(each.height)}
        if each.panel.across is not None:
            down["anchor"] = each.x
            place = {
                "anchor": each.y,
                **({} if each.panel.span == (0.0, 1.0) else {"domain": list(each.panel.span)}),
            }
            yield each.x.replace("x", "xaxis"), {**each.panel.across, **place}
        yield each.y.replace("y", "yaxis"), down


def _within(span: Span, share: float) -> float:
    return span[0] + share * (span[1] - span[0])


def _grid(panel: Panel, across: Mapping[str, Any]) -> str:
    """The lines before rows and columns of a panel, `across` being an x axis of its own."""
    if not (panel.rows_apart or panel.columns_apart):
        return ""
    (left, right), (bottom, top) = across["range"], panel.down["range"]
    down = "".join(f"M{column - 0.5},{top}V{bottom}" for column in panel.columns_apart)
    return down + "".join(f"M{left},{row - 0.5}H{right}" for row in panel.rows_apart)


def _columns(sheet: Sheet, placed: list[_Placed]) -> Iterator[dict[str, Any]]:
    """Lines down through all panels that share the x axis, as one shape."""
    if not sheet.columns_apart:
        return
    shared = [each.height for each in placed if each.panel.across is None]
    bottom, top = min(low for low, _high in shared), max(high for _low, high in shared)
    path = "".join(f"M{column - 0.5},{bottom:.4f}V{top:.4f}" for column in sheet.columns_apart)
    yield themes.lines(path, xref="x", yref="paper")


def _write(sheet: Sheet, placed: list[_Placed]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All notes, and what of them is different on a phone, by paths."""
    noted = [(note, themes.text(note.words, **note.place)) for note in sheet.above]
    noted += [(note, each.annotate(note)) for each in placed for note in each.panel.notes]
    noted += [(note, themes.text(note.words, **note.place)) for note in sheet.below]
    narrow = {
        f"annotations[{index}].{name}": value
        for index, (note, _annotation) in enumerate(noted)
        for name, value in note.narrow.items()
    }
    return [annotation for _note, annotation in noted], narrow


def _tell(sheet: Sheet, placed: list[_Placed], narrow: dict[str, Any]) -> dict[str, Any]:
    """What a page needs beside: a phone's changes, how finely is drawn, and what the panels show."""
    margins = {"margin.t": sheet.margins.phone_top, "margin.b": sheet.margins.phone_bottom}
    narrow = {**narrow, **sheet.narrow, **{path: size for path, size in margins.items() if size is not None}}
    meta: dict[str, Any] = {"narrow": narrow} if narrow else {}
    if sheet.levels is not None:
        meta["levels"] = sheet.levels
    if sheet.cell is not None:
        panels = [(each.x, each.y, *each.panel.linked) for each in placed if each.panel.linked]
        meta["link"] = link(sheet.cell, panels, sheet.steps, sheet.order)
    return meta
