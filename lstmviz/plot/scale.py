"""Colour scales, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.plot import theme as themes


@dataclass(frozen=True)
class Scale:
    """From which number to which the colours go.

    Attributes:
        low: Where the first colour stands.
        high: Where the last one does.
        diverging: Whether the colours part at 0, or rise from `low`.
        clipped: Whether numbers beyond `low` or `high` are drawn too, in the last colours.
        logarithmic: Whether a colour stands for a power of ten, `themes.DECADES` on each side of 0.
    """

    low: float
    high: float
    diverging: bool = True
    clipped: bool = False
    logarithmic: bool = False

    @property
    def colours(self) -> list[list[Any]]:
        """The colours in the light theme, evenly spaced, as plotly.js takes them."""
        return themes.DIVERGING["light"] if self.diverging else themes.SEQUENTIAL

    @property
    def axis(self) -> dict[str, Any]:
        """Plotly's colour axis. `bar` stands for its colour bar: Plotly's own is slow, and too wide for a phone."""
        colours = themes.LOGARITHMIC["light"] if self.logarithmic else self.colours
        return {"colorscale": colours, "cmin": self.low, "cmax": self.high, "showscale": False}

    @property
    def bar(self) -> str:
        """The scale as a line of text, `−0.4 ███████ 0.4`, in Plotly's markup."""
        blocks = "".join(f'<span style="color:{colour}">█</span>' for _at, colour in self.colours)
        low, high = write(self.low), write(self.high)
        return f"≤ {low} {blocks} ≥ {high}" if self.clipped else f"{low} {blocks} {high}"


UNIT = Scale(0.0, 1.0, diverging=False)
"""From 0 to 1, for sigmoids."""


def centre(arrays: Iterable[np.ndarray], beyond: Iterable[np.ndarray] = ()) -> Scale:
    """The scale centred on 0 that holds every finite number of `arrays`; -1 to 1 where all are 0.

    Args:
        arrays: What decides how far the scale reaches.
        beyond: What is drawn on it too, and may be clipped.
    """
    limit = max(map(_largest, arrays), default=0.0) or max(map(_largest, beyond), default=0.0) or 1.0
    return Scale(-limit, limit, clipped=any(_largest(array) > limit for array in beyond))


def write(number: float, digits: int = 2) -> str:
    """A number for a scale, with so many digits: a minus sign as wide as a plus, and infinity as its sign."""
    return f"{number:.{digits}g}".replace("-", "−").replace("inf", "∞").replace("nan", "NaN")


def name_nonfinite(arrays: Iterable[np.ndarray]) -> list[str]:
    """How many numbers are NaN or infinite, as a line of Plotly's markup; nothing where all are finite."""
    count = sum(array.size - int(np.count_nonzero(np.isfinite(array))) for array in arrays)
    if not count:
        return []
    words = _("NaN or infinite: {count:,}").format(count=count)
    return [f'<span style="color:{themes.NONFINITE}">█</span> {words}']


def mark_nonfinite(values: np.ndarray, **trace: Any) -> list[dict[str, Any]]:
    """Heatmaps that lie over the one of `values`, one for each of NaN, infinity and minus infinity that is in it.

    Plotly leaves such cells out, and what is left out looks like a 0.

    Args:
        values: The heatmap's numbers, rows by columns.
        **trace: What the heatmap has beside its numbers; `{z}` in its hover text becomes the number's name.
    """
    if np.isfinite(values).all():
        return []
    marks = []
    hover = trace.pop("hovertemplate")
    trace.pop("coloraxis")
    for name, found in (("NaN", np.isnan(values)), ("∞", np.isposinf(values)), ("−∞", np.isneginf(values))):
        if found.any():
            marks.append(
                {
                    **trace,
                    "z": np.where(found, np.float32(1), np.float32(np.nan)),
                    "colorscale": [[0, themes.NONFINITE], [1, themes.NONFINITE]],
                    "zmin": 0,
                    "zmax": 1,
                    "showscale": False,
                    "hoverongaps": False,
                    "hovertemplate": hover.replace("%{z:.4g}", name),
                }
            )
    return marks


def heatmap(values: np.ndarray, **trace: Any) -> list[dict[str, Any]]:
    """A heatmap of `values`, rows by columns, with its NaN and infinite numbers marked.

    Args:
        values: The numbers; they travel as they are.
        **trace: What Plotly's heatmap takes beside; the hover text shows the number as `%{z:.4g}`.
    """
    drawn = {"type": "heatmap", "hoverongaps": False, **trace}
    return [{**drawn, "z": values}, *mark_nonfinite(values, **drawn)]


def _largest(values: np.ndarray) -> float:
    if not values.size:
        return 0.0
    low, high = float(values.min()), float(values.max())
    if np.isfinite(low) and np.isfinite(high):  # no copy of what may be tens of millions of numbers
        return max(-low, high)
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0
