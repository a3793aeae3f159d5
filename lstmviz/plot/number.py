"""Numbers as a drawing has room for them."""

from __future__ import annotations

import math

import numpy as np


def write(number: float | np.floating) -> str:
    """A number in at most three digits, `0.31`, `−12.3`, `2.1e+04`, with a minus sign as wide as a plus."""
    size = abs(float(number))
    if not math.isfinite(number):
        text = "NaN" if math.isnan(number) else "∞" if number > 0 else "-∞"
    elif size == 0:
        text = "0"
    elif size < 0.0995:
        text = f"{number:.2g}"
    elif size < 999.5:
        text = f"{number:.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}"
    else:
        text = f"{number:.2g}"
    return text.replace("-", "−")
