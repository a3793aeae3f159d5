"""By what the page's pictures can order a cell's units, and what that takes."""

from __future__ import annotations

from lstmviz.language import _
from lstmviz.plot.unit_order import order_title
from lstmviz.run.order import COSTS, HALF_LIFE, STORED, WITHOUT, list_orders
from lstmviz.web.cost import estimate
from lstmviz.web.view import View

LONGEST = 5.0
"""Seconds, by estimate, that runs of its own may take."""
_MOST_KEPT = (
    2_000_000  # numbers of a state, each in float64 several times while it is told how long a unit keeps
)


def titles(view: View) -> dict[str, str]:
    """What each order is called that the cells of a view have."""
    return {name: order_title(name) for name in list_orders(view.kind, dict(view.options))}


def seconds(view: View, steps: int) -> float:
    """What an order's own runs take, by estimate."""
    if view.order == WITHOUT:
        return estimate(view, steps).run * view.num_units
    return estimate(view, COSTS.get(view.order, 0)).run


def why_not(view: View, steps: int) -> str:
    """Why the page does not order a view's units so, in a sentence; empty where it does."""
    own = view.order == WITHOUT or view.order in COSTS
    if own and view.held:
        return _("it takes runs of its own, in which nothing is held")
    if view.order == HALF_LIFE and steps * view.num_units > _MOST_KEPT:
        return _(
            "it takes too much memory over so many steps here; in Python, `lv.order_units` has no such bound"
        )
    if seconds(view, steps) > LONGEST:
        return _(
            "it takes more than {seconds:.0f} s here; in Python, `lv.order_units` has no such bound"
        ).format(seconds=LONGEST)
    return ""


__all__ = ["LONGEST", "STORED", "seconds", "titles", "why_not"]
