"""A run's units in an order: what figures are given, which make no runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

STORED, SIMILARITY, WITHOUT, HALF_LIFE = "stored", "similarity", "without", "half_life"
"""Orders that every figure has a name for."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """A run's units in an order, and in groups.

    Attributes:
        order: The units, each once.
        groups: The places in `order`, from 1 on, at which another group begins.
        by: What they are ordered by, as `order_units` takes it; "" where nothing says so.
        values: What each unit has of it, as the units are stored; with `similarity` its correlation with the unit before, NaN
            of the first. None where there are no such numbers.
        whose: Which of two runs the numbers are of, where both have this order; "" for the run that is drawn.
    """

    order: Int[np.ndarray, " num_units"]
    groups: tuple[int, ...]
    by: str = ""
    values: Float[np.ndarray, " num_units"] | None = None
    whose: str = ""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The order alone, wherever NumPy is given this."""
        return np.array(self.order, dtype=dtype)


__all__ = ["HALF_LIFE", "SIMILARITY", "STORED", "WITHOUT", "Ranked"]
