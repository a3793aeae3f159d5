"""Whose run the page draws: TensorFlow's at rest; NumPy's until it has started, while a slider is held, while a cell is trained."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, Context, Decimal
from enum import Enum

from lstmviz.language import _


class Drawn(Enum):
    """Whose run is drawn, and why."""

    AT_REST = ""
    WHILE_STARTING = "starting"
    WHILE_HELD = "held"
    WHILE_TRAINED = "trained"

    @property
    def engine(self) -> str:
        """As a view names it."""
        return "" if self is Drawn.AT_REST else "numpy"


def tell(drawn: Drawn, device: str, apart: float | None) -> str:
    """The device of the run that is drawn, why it is that one for the time being, and how far the engines lie apart.

    Args:
        drawn: Whose run is drawn.
        device: What the run names.
        apart: The largest difference between TensorFlow's run and NumPy's; None where not both have run.
    """
    if drawn is Drawn.WHILE_STARTING:
        return _("{device}, while TensorFlow starts").format(device=device)
    if drawn is Drawn.WHILE_TRAINED:
        return _("{device}, while it is trained").format(device=device)
    if drawn is Drawn.WHILE_HELD:
        return _("{device}, for now").format(device=device)
    if apart is None:
        return device
    if math.isnan(apart):
        return _("{device} · where one has a number, NumPy has NaN, or the other way round").format(
            device=device
        )
    if not apart:
        return _("{device} · equal to NumPy's").format(device=device)
    return _("{device} · differs from NumPy's by at most {most}").format(device=device, most=round_up(apart))


def round_up(number: float) -> str:
    """A positive number with one digit, no smaller than it is: 2.98e-8 is 3e-8, 3.01e-8 is 4e-8."""
    if math.isinf(number):
        return "∞"
    rounded = Decimal(number).normalize(Context(prec=1, rounding=ROUND_CEILING))
    return f"{float(rounded):g}" if 1e-3 <= number < 1e3 else f"{rounded:e}".replace("e+", "e")
