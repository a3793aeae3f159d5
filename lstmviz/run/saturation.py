"""How often each unit's gates are near the ends of what they can be, as in Karpathy et al. 2015 (arXiv:1506.02078)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from lstmviz.language import _
from lstmviz.run.trace import MARGIN, RANGES, Trace


@dataclass(frozen=True, eq=False)
class Saturation:
    """The shares of steps at which each unit of a gate is saturated, `[num_units]`.

    Attributes:
        left: Near the lower bound: a sigmoid below 0.1, a tanh below -0.9.
        right: Near the upper bound: a sigmoid above 0.9, a tanh above 0.9.
    """

    left: Float[np.ndarray, " num_units"]
    right: Float[np.ndarray, " num_units"]


def measure_saturation(trace: Trace) -> Mapping[str, Saturation]:
    """How each gate that has bounds is saturated, by its name.

    Raises:
        ValueError: the run has no steps, or none of its gates has bounds.
    """
    if not len(trace):
        raise ValueError(_("the trace has no steps, so nothing can be said of its gates; run at least one."))
    found = saturate(trace)
    if not found:
        raise ValueError(_("No gate of this cell has ends at which it could be saturated."))
    return found


def saturate(trace: Trace) -> Mapping[str, Saturation]:
    """The same; nothing of a cell whose gates have no bounds."""
    found = {}
    for gate in trace.cell.kind.gates:
        bounds = RANGES.get(trace.activation_of(gate))
        if bounds:
            values = trace.gates[gate.name]
            found[gate.name] = Saturation(
                np.mean(values < bounds[0] + MARGIN, axis=0), np.mean(values > bounds[1] - MARGIN, axis=0)
            )
    return MappingProxyType(found)


__all__ = ["Saturation", "measure_saturation", "saturate"]
