"""A run's units in an order: what figures are given, which make no runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int


@dataclass(frozen=True, eq=False)
class Ranked:
    """A run's units in an order, and in groups.

    Attributes:
        order: The units, each once.
        groups: The places in `order`, from 1 on, at which another group begins.
    """

    order: Int[np.ndarray, " num_units"]
    groups: tuple[int, ...]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The order alone, wherever NumPy is given this."""
        return np.array(self.order, dtype=dtype)


__all__ = ["Ranked"]
