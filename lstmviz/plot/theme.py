"""The figures' colours and fonts, in the light theme and the dark."""

from __future__ import annotations

from typing import Any

# Blue to orange, centred: told apart by every common colour blindness, and by lightness in greyscale. The middle is
# the page's background, so that what is near 0 steps back.
_DIVERGING_ENDS = ("#0b4f8a", "#3c87c4", "#9cc4e4", "{middle}", "#f5b87a", "#d9741a", "#8c3b00")
DIVERGING = {
    theme: [[k / 6, colour.format(middle=middle)] for k, colour in enumerate(colours)]
    for theme, middle, colours in (
        ("light", "#f7f7f5", _DIVERGING_ENDS),
        ("dark", "#20262d", ("#8fd0ff", "#4a9fe0", "#25567f", "{middle}", "#7d4a1c", "#e08a35", "#ffcf9a")),
    )
}
"""Colour scales for what is centred on 0, as plotly.js takes them."""

# Viridis (Smith and van der Walt 2015) at seven places: safe for colour-blind eyes, rising in lightness.
_VIRIDIS = ("#440154", "#443983", "#31688e", "#21918c", "#35b779", "#90d743", "#fde725")
SEQUENTIAL = [[k / 6, colour] for k, colour in enumerate(_VIRIDIS)]
"""The colour scale from 0 to 1, in both themes."""

GATES = ("#0072b2", "#d55e00", "#009e73", "#aa5c8a")
"""A colour for each gate (Okabe and Ito 2008, the pink a little darker)."""

LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f")
"""Colours for lines (Okabe and Ito 2008, yellow left out, for it fades on white)."""

FONT = {"light": "#16212b", "dark": "#f0f4f7"}
_GRID = {"light": "#c5cdd4", "dark": "#44505b"}
_SEPARATOR = {"light": "#16212b", "dark": "#f0f4f7"}
_BACKGROUND = {"light": "#ffffff", "dark": "#0f161c"}


def apply(figure: dict[str, Any], theme: str) -> dict[str, Any]:
    """The figure, drawn for the light theme, in `theme`.

    The dark theme's changes are in `layout.meta["dark"]` too, so that a page can switch without asking again.

    Raises:
        ValueError: the theme is neither "light" nor "dark".
    """
    if theme not in FONT:
        raise ValueError(f"theme is {theme!r}; it must be light or dark.")
    layout = figure["layout"]
    changes = dark_changes(layout)
    layout["meta"] = {"dark": changes}
    if theme == "dark":
        for path, value in changes.items():
            _set(layout, path, value)
        layout["paper_bgcolor"] = _BACKGROUND["dark"]
    return figure


def base_layout(title: str, height: int) -> dict[str, Any]:
    """What every figure's layout begins with."""
    return {
        "template": "none",
        "title": {"text": title, "x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container",
                  "yanchor": "top", "pad": {"t": 8}, "font": {"size": 16}},
        "height": height,
        "font": {"color": FONT["light"], "size": 13, "family": "Source Sans, Noto Sans, Noto Sans JP, sans-serif"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": "zoom",
        "showlegend": False,
    }  # fmt: skip


def axis(**given: Any) -> dict[str, Any]:
    """An axis without grid or zero line, which a heatmap would hide."""
    return {"showgrid": False, "zeroline": False, "fixedrange": False, "automargin": False, **given}


def separator(**given: Any) -> dict[str, Any]:
    """A line between two blocks of a heatmap."""
    return {"type": "line", "line": {"color": _SEPARATOR["light"], "width": 1.5}, "layer": "above", **given}


def dark_changes(layout: dict[str, Any]) -> dict[str, Any]:
    """What changes in the dark theme, as a flat patch of paths."""
    changes: dict[str, Any] = {"font.color": FONT["dark"]}
    for name, value in layout.items():
        if name.startswith("coloraxis") and value["colorscale"] == DIVERGING["light"]:
            changes[f"{name}.colorscale"] = DIVERGING["dark"]
        if name.startswith(("xaxis", "yaxis")) and value.get("showgrid"):
            changes[f"{name}.gridcolor"] = _GRID["dark"]
    for index, shape in enumerate(layout.get("shapes", ())):
        if shape["line"]["color"] == _SEPARATOR["light"]:
            changes[f"shapes[{index}].line.color"] = _SEPARATOR["dark"]
    return changes


def _set(layout: dict[str, Any], path: str, value: Any) -> None:
    *steps, last = path.replace("[", ".").replace("]", "").split(".")
    place: Any = layout
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
