"""Drawings that play: what stays, and what changes from step to step, small enough to be sent for all steps at once.

`drawStep` in `web/js/step.js` puts a frame into a drawing that is there; `put` does the same to one that is to be drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmviz.plot import theme as themes
from lstmviz.plot.scale import Scale

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_NONFINITE = "!"
_FORM = "@"
_LEVELS = len(_ALPHABET)  # colours of a scale, a letter each; two letters are a bar's end
_THICK = 14  # pixels of a bar
_AXES = ("coloraxis", "coloraxis2")  # what parts at 0, and what rises from it

Numbers = Sequence[float] | np.ndarray
Place = tuple[float, float, float, float]
"""A panel's left and right as shares of the drawing's width, its top, and its height, in pixels."""


@dataclass(frozen=True)
class Text:
    """Words at `x`, a share of the panel's width, and `y` pixels below its top.

    `words` has one entry for each step, or a single one where they stay; `position` is Plotly's `textposition`. Where
    there are `forms`, one for each step or for all, each `#` in them is a hole for the next of the step's words.
    """

    x: float
    y: float
    words: tuple[str, ...]
    position: str = "middle right"
    size: int = 13
    forms: tuple[str, ...] = ()

    def write(self, numbers: dict[str, int]) -> list[str]:
        """What stands for each step's words in a frame: a form's number, new in `numbers` or known, before its words."""
        if not self.forms:
            return list(self.words)
        forms = self.forms if len(self.forms) > 1 else self.forms * len(self.words)
        return [
            f"{_FORM}{numbers.setdefault(form, len(numbers))} {words}"
            for form, words in zip(forms, self.words, strict=True)
        ]


def fill_in(text: str, forms: Sequence[str]) -> str:
    """A text of a frame as it is shown; `1 + −2` is shown as `1 − 2`."""
    if not text.startswith(_FORM):
        return text
    number, *words = text.removeprefix(_FORM).split(" ")
    filled = iter(words)
    return re.sub("#", lambda _hole: next(filled), forms[int(number)]).replace("+ −", "− ")


@dataclass(frozen=True, eq=False)
class Square:
    """A coloured square in the place of a number: `values` `[steps]` on the colours of `scale`."""

    x: float
    y: float
    values: np.ndarray
    scale: Scale

    @property
    def letters(self) -> np.ndarray:
        """Each step's colour as a letter, `[steps]`."""
        finite = np.isfinite(self.values)
        low, high = self.scale.low, self.scale.high
        size = max(abs(low), abs(high))  # the span of a run that explodes overflows
        inside = np.clip(np.where(finite, self.values, 0.0).astype(np.float64), low, high)
        share = (inside / size - low / size) / (high / size - low / size)
        levels = np.rint(share * (_LEVELS - 1)).astype(int)
        return np.where(finite, np.array([*_ALPHABET])[levels], _NONFINITE)

    @property
    def axis(self) -> str:
        """Plotly's name of the colours."""
        return _AXES[0 if self.scale.diverging else 1]


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars one below the other, each of which begins where the one before ended; the last goes from 0 to the end.

    Attributes:
        rows: Where each is, in pixels below the panel's top; one more than there are ends.
        ends: Where each but the last ends, `[steps, bars]`, from 0 to 4,095.
        zero: Where 0 is.
        left: The panel's share at which their room begins.
        right: The panel's share at which it ends.
    """

    rows: tuple[float, ...]
    ends: np.ndarray
    zero: int
    left: float
    right: float


@dataclass(frozen=True, eq=False)
class Panel:
    """A part of a drawing, `height` pixels high: `texts`, `squares` and `bars` change with the step, the rest stays."""

    height: float
    texts: tuple[Text, ...] = ()
    labels: tuple[Text, ...] = ()
    squares: tuple[Square, ...] = ()
    square_size: int = 22
    bars: Bars | None = None
    path: str = ""


# --- What stays -------------------------------------------------------------------------------------------------------


def assemble(
    panels: Sequence[Panel], wide: Sequence[Place], narrow: Sequence[Place], title: str
) -> dict[str, Any]:
    """A figure of the panels at their places, without anything that changes; on a phone they are elsewhere."""
    height, low = (max(place[2] + place[3] for place in places) for places in (wide, narrow))
    layout = themes.base_layout(title, int(height)) | {
        "margin": {"l": 8, "r": 8, "t": 0, "b": 0},
        "hovermode": False,
        "dragmode": False,
        "shapes": [],
        "coloraxis": {"colorscale": themes.DIVERGING["light"], "cmin": 0, "cmax": _LEVELS - 1, "showscale": False},
        "coloraxis2": {"colorscale": themes.SEQUENTIAL, "cmin": 0, "cmax": _LEVELS - 1, "showscale": False},
        "meta": {"narrow": {"height": int(low)}},
    }  # fmt: skip
    for index, panel in enumerate(panels):
        for name, domain in _axes(index, panel, wide[index], height).items():
            layout[name] = domain
        for name, domain in _axes(index, panel, narrow[index], low).items():
            layout["meta"]["narrow"][f"{name}.domain"] = domain["domain"]
        layout["shapes"] += _lines(index, panel)
    return {"data": [_draw(*part) for part in _parts(panels)], "layout": layout}


def _axes(index: int, panel: Panel, place: Place, height: float) -> dict[str, dict[str, Any]]:
    """A panel's axes: shares and pixels, and one for the lengths of its bars."""
    left, right, top, tall = place
    here = {"showticklabels": False, "fixedrange": True}
    axes = {
        _axis("xaxis", 2 * index): themes.axis(
            domain=[left, right], range=[0, 1], anchor=_axis("y", index), **here
        ),
        _axis("yaxis", index): themes.axis(
            domain=[max(0.0, 1 - (top + tall) / height), 1 - top / height],
            range=[tall, 0],
            anchor=_axis("x", 2 * index),
            **here,
        ),
    }
    if panel.bars:
        width = right - left
        axes[_axis("xaxis", 2 * index + 1)] = themes.axis(
            domain=[left + width * panel.bars.left, left + width * panel.bars.right],
            range=[0, _LEVELS**2 - 1],
            anchor=_axis("y", index),
            **here,
        )
    return axes


def _axis(name: str, index: int) -> str:
    return name if not index else f"{name}{index + 1}"


def _lines(index: int, panel: Panel) -> list[dict[str, Any]]:
    lines = []
    if panel.path:
        lines.append((panel.path, _axis("x", 2 * index), 0.35))
    if panel.bars:
        zero, rows = panel.bars.zero, panel.bars.rows
        path = f"M{zero},{rows[0] - 10:g}V{rows[-1] + 10:g}"
        lines.append((path, _axis("x", 2 * index + 1), 0.6))
    return [
        themes.lines(path, xref=x, yref=_axis("y", index), layer="below", opacity=opacity)
        for path, x, opacity in lines
    ]


def _parts(panels: Sequence[Panel]) -> Iterator[tuple[str, int, Panel, Any]]:
    """Plotly's traces in their order: what they draw, of which panel."""
    for index, panel in enumerate(panels):
        for axis in _AXES:
            squares = [square for square in panel.squares if square.axis == axis]
            if squares:
                yield "fills", index, panel, squares
        if panel.bars:
            yield "bars", index, panel, panel.bars
        if panel.texts:
            yield "texts", index, panel, panel.texts
        if panel.labels:
            yield "labels", index, panel, panel.labels


def _draw(what: str, index: int, panel: Panel, part: Any) -> dict[str, Any]:
    trace: dict[str, Any] = {"hoverinfo": "skip", "yaxis": _axis("y", index), "xaxis": _axis("x", 2 * index)}
    if what == "bars":
        trace |= {"type": "bar", "orientation": "h", "y": list(part.rows), "width": _THICK, "marker": {}}
        return trace | {"xaxis": _axis("x", 2 * index + 1)}
    trace |= {
        "type": "scatter",
        "uid": f"{what}-{index}-{part[0].axis if what == 'fills' else ''}",  # names the element it is drawn in
        "x": [each.x for each in part],
        "y": [each.y for each in part],
        "cliponaxis": False,
    }
    if what == "fills":
        line = {"width": 1, "color": themes.NEUTRAL}
        marker: dict[str, Any] = {
            "symbol": "square",
            "size": panel.square_size,
            "coloraxis": part[0].axis,
            "line": line,
        }
        return trace | {"mode": "markers", "marker": marker}
    trace |= {"mode": "text", "textposition": [each.position for each in part]}
    trace["textfont"] = {"size": [each.size for each in part]}
    return trace | ({"text": [each.words[0] for each in part]} if what == "labels" else {})


# --- What changes -----------------------------------------------------------------------------------------------------


def make_frames(panels: Sequence[Panel], steps: slice) -> dict[str, Any]:
    """What changes at each of `steps`, as strings, one a step.

    `texts` holds the words, a line each, or `@`, a number of `forms` and what to fill in; `fills` a letter for each
    square, its colour from A to _, or ! for what is not finite; `bars` two letters for each end of a bar. `places` says
    which traces of the figure take how many of them, in order.
    """
    places: dict[str, list[list[int]]] = {"texts": [], "fills": [], "bars": []}
    texts: list[list[str]] = []
    forms: dict[str, int] = {}
    fills: list[np.ndarray] = []
    bars: list[np.ndarray] = []
    zero = 0
    letters = np.array([*_ALPHABET])
    for number, (what, _index, _panel, part) in enumerate(_parts(panels)):
        if what == "texts":
            texts += [text.write(forms) for text in part]
        elif what == "fills":
            fills += [square.letters for square in part]
        elif what == "bars":
            zero = part.zero
            ends = part.ends
            bars.append(
                np.stack([letters[ends // _LEVELS], letters[ends % _LEVELS]], 2).reshape(len(ends), -1)
            )
        if what in places:
            places[what].append([number, len(part.rows) if what == "bars" else len(part)])
    return {
        "first": steps.start,
        "steps": steps.stop - steps.start,
        "places": places,
        "zero": zero,
        "colours": {"rises": themes.RISES, "falls": themes.FALLS, "nonfinite": themes.NONFINITE},
        "forms": list(forms),
        "texts": ["\n".join(words) for words in zip(*texts, strict=True)],
        "fills": ["".join(row) for row in np.stack(fills, axis=1)],
        "bars": ["".join(row) for row in np.concatenate(bars, axis=1)] if bars else [""] * len(fills[0]),
    }


def put(frames: dict[str, Any], t: int, data: list[dict[str, Any]]) -> None:
    """Puts step `t` into a figure's traces.

    Raises:
        ValueError: the frames do not hold it.
    """
    step = t - frames["first"]
    if not 0 <= step < frames["steps"]:
        last = frames["first"] + frames["steps"] - 1
        raise ValueError(f"t is {t!r}; these frames hold the steps {frames['first']} to {last}.")
    words = (fill_in(text, frames["forms"]) for text in frames["texts"][step].split("\n"))
    for number, count in frames["places"]["texts"]:
        data[number]["text"] = [themes.escape(next(words)) for _place in range(count)]
    fills = iter(frames["fills"][step])
    for number, count in frames["places"]["fills"]:
        levels = [_ALPHABET.find(next(fills)) for _place in range(count)]
        colours = [frames["colours"]["nonfinite"] if level < 0 else level for level in levels]
        data[number]["marker"] = {**data[number]["marker"], "color": colours}
    code = iter(map(_ALPHABET.find, frames["bars"][step]))
    for number, count in frames["places"]["bars"]:
        ends = [next(code) * _LEVELS + next(code) for _bar in range(count - 1)]
        starts = [frames["zero"], *ends[:-1], frames["zero"]]
        lengths = [end - start for start, end in zip(starts, [*ends, ends[-1]], strict=True)]
        signs = [frames["colours"]["rises" if length >= 0 else "falls"] for length in lengths[:-1]]
        marker = {**data[number]["marker"], "color": [*signs, themes.NEUTRAL]}
        data[number] |= {"base": starts, "x": lengths, "marker": marker}
