"""A gate's pre-activation as a waterfall: its largest terms, the rest in one, and what is added once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lstmviz.language import _
from lstmviz.plot.number import write
from lstmviz.run.trace import Terms

PLACES = 4096
"""The positions that a bar's end can have."""

_FARTHEST = 1e38  # beyond it, differences overflow


@dataclass(frozen=True, eq=False)
class Waterfall:
    """The bars of one gate at each step; the last bar, their sum, is not among them.

    Attributes:
        forms: What the bars of the largest terms are called, `h[5]  # · −0.6`, `[largest][steps]`.
        values: What goes into the hole, `[largest][steps]`.
        ends: What the bars below them are called at every step: the others, the bias, an offset.
        products: What each bar adds, `[steps, bars]`.
    """

    forms: tuple[tuple[str, ...], ...]
    values: tuple[tuple[str, ...], ...]
    ends: tuple[str, ...]
    products: Float[np.ndarray, "steps bars"]

    @property
    def sums(self) -> Float[np.ndarray, "steps bars"]:
        """The sum after each bar; what is not finite has no length."""
        with np.errstate(over="ignore"):
            sums = np.cumsum(np.where(np.isfinite(self.products), self.products, 0.0), axis=1)
            return np.clip(sums, -_FARTHEST, _FARTHEST)


@dataclass(frozen=True)
class Reach:
    """From where to where waterfalls go that are to be compared."""

    low: float
    high: float

    def place(self, sums: Float[np.ndarray, " *places"]) -> Int[np.ndarray, " *places"]:
        """Positions from 0 to 4,095."""
        return np.asarray(np.rint((sums - self.low) / (self.high - self.low) * (PLACES - 1)), int)


def make_waterfall(terms: Terms, largest: int) -> Waterfall:
    """The waterfall of `terms`: each step's `largest` products in order of their size, and all others in one bar."""
    products = terms.products
    once = np.array(terms.alone, bool)
    met = products[:, ~once]
    # Where one term would be left, it is shown too.
    count = largest if met.shape[1] > largest + 1 else met.shape[1]
    size = np.where(np.isnan(met), np.inf, np.abs(met))
    chosen = np.argsort(-size, axis=1, kind="stable")[:, :count]
    bars, ends = [np.take_along_axis(met, chosen, axis=1)], []
    if others := met.shape[1] - count:
        rest = met.copy()
        np.put_along_axis(rest, chosen, 0.0, axis=1)
        with np.errstate(invalid="ignore", over="ignore"):
            bars.append(rest.sum(axis=1, keepdims=True))
        ends.append(_("{count:,} others").format(count=others))
    bars.append(products[:, once])
    ends += [shorten(name) for name, alone in zip(terms.names, once, strict=True) if alone]
    weights = [write(weight) for weight in terms.weights.tolist()]
    forms = [f"{shorten(label)}  # · {weight}" for label, weight in zip(terms.labels, weights, strict=True)]
    index = np.flatnonzero(~once)[chosen]
    return Waterfall(
        tuple(tuple(forms[k] for k in column) for column in index.T.tolist()),
        tuple(
            tuple(map(write, column)) for column in np.take_along_axis(terms.values, index, axis=1).T.tolist()
        ),
        tuple(ends),
        np.concatenate(bars, axis=1),
    )


def find_reach(waterfalls: Iterable[Waterfall]) -> Reach:
    """The reach of all the waterfalls' bars at all their steps, and a little more; it holds 0."""
    sums = [waterfall.sums for waterfall in waterfalls]
    low = min((float(each.min(initial=0.0)) for each in sums), default=0.0)
    high = max((float(each.max(initial=0.0)) for each in sums), default=0.0)
    air = (high - low) * 0.02 or 1.0
    return Reach(low - air, high + air)


def shorten(name: str) -> str:
    """A term's name in little room: `r[5] * h[5]` as `r·h[5]`, and the new c's number `c_t[3]` as `cₜ[3]`."""
    return re.sub(r"\[\d+\] \* ", "·", name).replace("_t[", "ₜ[")
