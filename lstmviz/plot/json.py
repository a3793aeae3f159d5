"""Figures as the JSON that plotly.js reads."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import orjson

_MOST_DECIMALS = 12  # beyond, a number has more zeros than one can count
_STEPS = 32_767  # of a packed number, between 0 and the largest


def pack(figure: dict[str, Any]) -> dict[str, Any]:
    """The figure with its tiles in eight bytes each, a third of what Plotly would read, for `web/js/tiles.js` to unpack.

    A tile's extremes and mean go as shares of the largest of them, in 32,767 steps: less than a colour shows. A hover
    text shows as many decimals as that leaves.
    """
    return figure | {"data": [_pack(trace) if _has_tiles(trace) else trace for trace in figure["data"]]}


def _has_tiles(trace: dict[str, Any]) -> bool:
    return isinstance(trace.get("customdata"), np.ndarray) and trace["customdata"].ndim == 3


def _pack(trace: dict[str, Any]) -> dict[str, Any]:
    tiles = trace["customdata"].astype(np.float64)
    finite = np.isfinite(tiles)
    largest = float(np.abs(tiles, where=finite, out=np.zeros_like(tiles)).max(initial=0.0)) or 1.0
    steps = np.rint(np.where(finite, tiles, 0.0) / largest * _STEPS).astype("<i2")
    steps[~finite] = -_STEPS - 1
    rows, columns, _numbers = steps.shape
    packed = {
        "rows": rows,
        "columns": columns,
        "largest": largest,
        "middle": trace["meta"]["middle"],
        "numbers": base64.b64encode(np.ascontiguousarray(steps.transpose(2, 0, 1)).data).decode(),
    }
    hover = trace["hovertemplate"].replace(":.4g}", f"{_format_packed(largest)}}}")
    kept = {name: value for name, value in trace.items() if name not in ("z", "customdata")}
    return kept | {"hovertemplate": hover, "packed": packed}


def _format_packed(largest: float) -> str:
    """How plotly.js writes a packed number: four digits of one that is small beside the largest would be made up."""
    decimals = math.floor(-math.log10(largest / _STEPS))
    return f":.{decimals}f" if 0 <= decimals <= _MOST_DECIMALS else ":.4g"


def to_json(figure: Any) -> str:
    """The JSON of a figure, with arrays in base64: a few bytes a number, where a list costs twenty.

    Args:
        figure: A `plotly.graph_objects.Figure`, or the plain dictionary of one.
    """
    plain = figure if isinstance(figure, dict) else figure.to_plotly_json()
    return orjson.dumps(plain, default=_encode, option=orjson.OPT_NON_STR_KEYS).decode()


def _encode(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
        array = np.ascontiguousarray(value)
        encoded = {"dtype": f"f{array.itemsize}", "bdata": base64.b64encode(array.data).decode()}
        if array.ndim > 1:
            encoded["shape"] = ", ".join(map(str, array.shape))
        return encoded
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a figure holds a {type(value).__name__}, which JSON does not know")
