"""Which units are otherwise at some steps than at the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lstmviz.language import _
from lstmviz.run.trace import Trace, check_index


@dataclass(frozen=True, eq=False)
class Differing:
    """Units that differ between some steps of a run and its other steps, those first that differ most.

    Attributes:
        name: The gate or the state.
        units: The units.
        inside: The mean of each over the steps that were selected.
        outside: Its mean over the others.
        apart: How far these are apart, in deviations that are left within both: Cohen's d. Infinite where the two differ and
            nothing is left; 0 where they do not differ.
    """

    name: str
    units: tuple[int, ...]
    inside: Float[np.ndarray, " found"]
    outside: Float[np.ndarray, " found"]
    apart: Float[np.ndarray, " found"]


def differ(trace: Any, steps: Any, name: str = "h", most: int = 10) -> Differing:
    """The units of a gate or a state that differ most between some steps and all the others.

    Args:
        trace: The run.
        steps: The numbers of the steps that are selected, such as those of every `(` of a text.
        name: The gate or the state.
        most: How many units to give.

    Raises:
        ValueError: there is no such step, gate or state, or all steps are selected, or none.

    >>> import lstmviz as lv
    >>> text = lv.sequences.from_text("a(b)a(b)")
    >>> trace = lv.run(lv.build("GRUCell", num_units=3, input_size=text.input_size), text, engine="numpy")
    >>> differ(trace, [t for t, label in enumerate(text.labels) if label == "("]).units
    (1, 0, 2)
    """
    if not isinstance(trace, Trace):
        raise ValueError(
            _(
                "what differs is found in a run; {given} is none: give what lstmviz.run made of the cell."
            ).format(given=type(trace).__name__)
        )
    recorded = {**trace.states, **trace.gates}
    if name not in recorded:
        raise ValueError(
            _("{kind} has no gate or state {name!r}; it has {allowed}.").format(
                kind=trace.cell.kind.name, name=name, allowed=", ".join([*trace.gates, *trace.states])
            )
        )
    if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1:
        raise ValueError(
            _("{name} is {given!r}; it must be a whole number from 1 on.").format(name="most", given=most)
        )
    selected = np.zeros(len(trace), bool)
    for step in steps:
        selected[check_index("a step", step, len(trace))] = True
    if selected.all() or not selected.any():
        raise ValueError(
            _("{count:,} of {all:,} steps are selected; it must be some of them, and not all.").format(
                count=int(selected.sum()), all=len(trace)
            )
        )
    values = recorded[name].astype(np.float64)
    with np.errstate(all="ignore"):
        (inside, within), (outside, beyond) = (
            (part.mean(axis=0), ((part - part.mean(axis=0)) ** 2).sum(axis=0))
            for part in (values[selected], values[~selected])
        )
        left = np.sqrt((within + beyond) / max(1, len(values) - 2))
        apart = np.where(inside == outside, 0.0, (inside - outside) / left)
    order: Int[np.ndarray, " units"] = np.argsort(
        np.where(np.isnan(apart), np.inf, -np.abs(apart)), kind="stable"
    )[:most]
    return Differing(name, tuple(order.tolist()), inside[order], outside[order], apart[order])


__all__ = ["Differing", "differ"]
