"""What a figure says of its panels, so that a page can mark one place in all its figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.plot.names import row_groups

Panel = tuple[str, str, str, str, str]
"""A panel's x axis, y axis and name, and what its columns and rows stand for, as `linked.js` has it."""


def link(
    cell: Cell, panels: list[Panel], steps: int = 0, order: Sequence[int] | None = None
) -> dict[str, Any]:
    """What goes into a figure's `layout.meta.link`.

    Args:
        cell: The cell that the panels are of.
        panels: The panels, from the top.
        steps: How many steps there are.
        order: The units in the order of the rows over time that are units; None where they stand as they are stored.
    """
    names = ("x", "y", "name", "columns", "rows")
    return {
        "panels": [dict(zip(names, panel, strict=True)) for panel in panels],
        "gates": [gate.name for gate in cell.kind.gates],
        "groups": row_groups(cell),
        "units": cell.num_units,
        "inputs": cell.input_size,
        "outputs": cell.output_size,
        "hidden": sum(rows.stop - rows.start for name, rows in cell.rows.items() if name != "x"),
        "steps": steps,
        **({} if order is None else {"order": list(order)}),
        "words": {"step": _("step {t}"), "share": _("after step {t}, step {step} wrote {share}")},
    }
