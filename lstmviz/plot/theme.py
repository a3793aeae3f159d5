"""The figures' colours and fonts, in the light theme and the dark."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from lstmviz.language import _

# Blue to orange, centred: told apart by every common colour blindness. In greyscale, blue is the darker one on a light
# page and the lighter one on a dark page. The middle is nearly the page's background, so that what is near 0 steps back
# and yet is seen as a cell.
_DIVERGING = {
    "light": ("#08306b", "#2a6fb0", "#86b6dc", "#f3f3f0", "#f9c890", "#e58a2c", "#b04e00"),
    "dark": ("#b5e0ff", "#5fb0ee", "#2f6ea3", "#20262d", "#6b3c12", "#c06f1f", "#f0b070"),
}
DIVERGING = {
    theme: [[k / 6, colour] for k, colour in enumerate(colours)] for theme, colours in _DIVERGING.items()
}
"""Colour scales for what is centred on 0, as plotly.js takes them."""

DECADES = 6
"""Powers of ten between the last colours of `LOGARITHMIC` and its middle: three colours a side, a hundredfold each."""


def _spread(colours: tuple[str, ...]) -> list[list[Any]]:
    """`colours`, evenly spread over the powers of ten above and below 0; the values drawn stay what they are."""
    half = len(colours) // 2
    upper = []
    for step in range(2 * DECADES + 1):  # two a decade: between them plotly.js goes straight
        place = step / (2 * DECADES)
        at = min(int(place * half), half - 1)
        share = place * half - at
        above = _mix(colours[half + at], colours[half + at + 1], share)
        below = _mix(colours[half - at], colours[half - at - 1], share)
        upper.append((0.5 * 10 ** ((place - 1) * DECADES), above, below))
    stops = [[0.5 - reach, below] for reach, _above, below in reversed(upper)]
    return [*stops, [0.5, colours[half]], *([0.5 + reach, above] for reach, above, _below in upper)]


def _mix(one: str, other: str, share: float) -> str:
    """The colour that lies `share` of the way from `one` to `other`, all of them `#rrggbb`."""
    pairs = [(int(one[k : k + 2], 16), int(other[k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


LOGARITHMIC = {theme: _spread(colours) for theme, colours in _DIVERGING.items()}
"""The colours of `DIVERGING` for what spans many powers of ten on both sides of 0."""

# Cividis (Nuñez, Anderton and Renslow 2018) at six places: made for colour-blind eyes, rising in lightness.
SEQUENTIAL = [
    [k / 5, c] for k, c in enumerate(("#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"))
]
"""The colour scale from 0 to 1, in both themes."""

NONFINITE = "#d6249f"
"""What is NaN or infinite: a colour of neither scale, in both themes."""

RISES, FALLS, NEUTRAL = "#e07f1f", "#2f74b5", "#868d94"
"""What adds, what takes away, and what is neither; in both themes."""

GATES = ("#0072b2", "#d55e00", "#009e73", "#aa5c8a", "#694bd2", "#5a692d", "#f02d4b", "#e15ae1")
"""Colours for gates: Okabe and Ito's (2008), the pink a little darker, then four that stay apart from these and each other
for every common colour blindness, and from a page of either theme."""

_OF_LETTERS = {"i": 0, "j": 1, "f": 2, "o": 3, "r": 0, "u": 1, "c": 2}  # places in `GATES`

LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f")
"""Colours for lines (Okabe and Ito 2008, yellow left out, for it fades on white)."""

FONT = {"light": "#16212b", "dark": "#f0f4f7"}
GRID = {"light": "#c5cdd4", "dark": "#44505b"}
_BACKGROUND = {"light": "#ffffff", "dark": "#0f161c"}
PAGE = {"light": ("#ffffff", "#1a1c24"), "dark": ("#0e1117", "#fafafa")}
"""A page's background and text around the figures: Streamlit's own."""


def gate_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each gate of a kind, by name: the letters of LSTM and GRU have their own, any other gate a free one.

    Where two letters have the same one, LSTM's keeps it. Beyond eight gates, colours come again.
    """
    colours: dict[str, str] = {}
    rank = {letter: place for place, letter in enumerate(_OF_LETTERS)}
    for name in sorted(names, key=lambda name: rank.get(name, len(rank))):
        free = [colour for colour in GATES if colour not in colours.values()]
        own = GATES[_OF_LETTERS[name]] if name in _OF_LETTERS else None
        if own is None or own not in free:
            own = free[0] if free else GATES[len(colours) % len(GATES)]
        colours[name] = own
    return {name: colours[name] for name in names}


def apply(figure: dict[str, Any], theme: str) -> dict[str, Any]:
    """The figure, drawn for the light theme, in `theme`.

    The dark theme's changes are in `layout.meta["dark"]` too, so that a page can switch without asking again.

    Raises:
        ValueError: the theme is neither "light" nor "dark".
    """
    if theme not in FONT:
        raise ValueError(
            _("theme is {given!r}; it must be one of {allowed}.").format(given=theme, allowed=", ".join(FONT))
        )
    layout = figure["layout"]
    changes = dark_changes(layout)
    layout["meta"] = {**layout.get("meta", {}), "dark": changes}
    if theme == "dark":
        for path, value in changes.items():
            _set(layout, path, value)
        layout["paper_bgcolor"] = _BACKGROUND["dark"]  # alone, light text would stand on nothing
    return figure


def base_layout(title: str, height: int) -> dict[str, Any]:
    """What every figure's layout begins with; `height` in pixels."""
    return {
        "template": "none",  # Plotly's own is 7 KB, and measures every axis once more
        "title": {"text": title, "x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container",
                  "yanchor": "top", "pad": {"t": 8}, "font": {"size": 16}},
        "height": height,
        "font": {"color": FONT["light"], "size": 13, "family": "Source Sans, Noto Sans, Noto Sans JP, sans-serif"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"font": {"size": 13}, "namelength": 0},
        "dragmode": "zoom",
        "showlegend": False,
    }  # fmt: skip


def axis(**given: Any) -> dict[str, Any]:
    """An axis without grid or zero line, which a heatmap would hide; small, and quick to draw."""
    return {
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "automargin": False,
        "ticks": "",
        "tickangle": 0,
        "tickfont": {"size": 12},
        "ticklabeloverflow": "allow",  # else each label is measured again: a quarter of the drawing
        **given,
    }


def ticks(positions: list[int], words: list[str], length: int) -> dict[str, Any]:
    """Short words at positions of an axis of `length` categories, whose names stay what the hover shows.

    A hair off the middle: Plotly's hover would show a tick's words for whatever is within 1/10,000 of the axis.
    """
    return {"tickvals": [position + length / 5_000 for position in positions], "ticktext": words}


def lines(path: str, **place: Any) -> dict[str, Any]:
    """Lines between blocks of a heatmap, as one shape, for each shape takes its time."""
    return {"type": "path", "path": path, "line": {"color": FONT["light"], "width": 1.5}, **place}


def dashed(number: float, axis: str) -> dict[str, Any]:
    """A dashed line across the whole figure at a number of a y axis."""
    line = {"color": FONT["light"], "width": 1.5, "dash": "dash"}
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": axis,
        "y0": number,
        "y1": number,
        "line": line,
    }


def text(words: str, **place: Any) -> dict[str, Any]:
    """Words on the figure, by default placed in shares of its drawing area."""
    return {
        "text": words,
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "font": {"size": 13},
        **place,
    }


def escape(words: str) -> str:
    """Words from a file or a person, such that Plotly takes none of it for markup."""
    return html.escape(words, quote=False)


def dark_changes(layout: dict[str, Any]) -> dict[str, Any]:
    """What changes in the dark theme, as a flat patch of paths."""
    changes: dict[str, Any] = {"font.color": FONT["dark"]}
    for name, value in layout.items():
        for scale in (DIVERGING, LOGARITHMIC):
            if name.startswith("coloraxis") and value["colorscale"] == scale["light"]:
                changes[f"{name}.colorscale"] = scale["dark"]
        if name.startswith(("xaxis", "yaxis")) and value.get("showgrid"):
            changes[f"{name}.gridcolor"] = GRID["dark"]
    for index in range(len(layout.get("shapes", ()))):
        changes[f"shapes[{index}].line.color"] = FONT["dark"]
    for index, annotation in enumerate(layout.get("annotations", ())):
        darker = annotation["text"]
        for light, dark in zip(_DIVERGING["light"], _DIVERGING["dark"], strict=True):
            darker = darker.replace(light, dark)
        if darker != annotation["text"]:
            changes[f"annotations[{index}].text"] = darker
    return changes


def _set(layout: dict[str, Any], path: str, value: Any) -> None:
    *steps, last = path.replace("[", ".").replace("]", "").split(".")
    place: Any = layout
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
