"""The pictures as tables, for who cannot see them, or wants the numbers."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import numpy as np
import streamlit as st

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.plot.names import row_names
from lstmviz.plot.number import write
from lstmviz.run.trace import Sum, Trace
from lstmviz.web import sections
from lstmviz.web.fixed import offer
from lstmviz.web.view import View

_MOST = 32  # rows and columns of a table
_STYLE = "overflow-x:auto;margin-bottom:1rem"


def draw_switch() -> None:
    """The section's heading and its switch."""
    sections.write(
        _("The same as tables"),
        _(
            "The kernel, and the pinned step with every unit's values and one gate's terms, as tables that a screen reader "
            "reads cell by cell. The downloads hold all of it."
        ),
    )
    offer(st.toggle, "tables")(_("tables"))


def draw(view: View, cell: Cell, trace: Trace | None) -> None:
    """The tables: real ones, with captions and headers."""
    parts = [_kernel(cell)] if cell.rows else []
    if trace is not None and len(trace):
        t, gate, unit = view.pin
        parts += [_step(trace, t), _terms(trace, t, gate, unit)]
    st.html("".join(parts))


def _kernel(cell: Cell) -> str:
    rows, columns = cell.kernel.shape
    names = row_names(cell)
    heads = [f"{gate.name}[{unit}]" for gate in cell.kind.gates for unit in range(cell.num_units)]
    body = [
        (name, map(write, row[:_MOST].tolist()))
        for name, row in zip(names[:_MOST], cell.kernel[:_MOST], strict=True)
    ]
    body.append(("bias", map(write, cell.bias[:_MOST].tolist())))
    caption = _("The kernel, {rows} rows by {columns} columns, and the bias").format(
        rows=rows, columns=columns
    )
    return _table(caption + _more(rows, columns), [_("row"), *heads[:_MOST]], body)


def _step(trace: Trace, t: int) -> str:
    columns = {**trace.gates, **trace.states}
    units = trace.cell.num_units
    body = [
        (
            str(unit),
            [write(float(each[t, unit])) if unit < each.shape[1] else "" for each in columns.values()],
        )
        for unit in range(min(units, _MOST))
    ]
    caption = _("Step {t}: each unit's gates and states").format(t=t)
    return _table(caption + _more(units, len(columns)), [_("unit"), *columns], body)


def _terms(trace: Trace, t: int, gate: str, unit: int) -> str:
    if gate not in trace.gates:  # a state has no terms of its own
        gate = trace.cell.kind.gates[0].name
    found = trace.inside(t, gate, unit)
    parts = []
    for each in found.sums:
        caption = _("{gate}[{unit}] at step {t}: its terms, the largest first")
        if found.obstacles:
            caption = _("{gate}[{unit}] at step {t}: the terms of {name} inside it, the largest first")
        last = [(_("activation"), ["", "", write(found.activation)])] if not found.obstacles else []
        parts.append(_sum(each, caption.format(gate=gate, unit=unit, t=t, name=each.name), last))
    if found.obstacles or not found.sums:
        told = _("{gate}[{unit}] at step {t}: {sentence}")
        parts.append(f"<p>{escape(told.format(gate=gate, unit=unit, t=t, sentence=found.sentence))}</p>")
    return "".join(parts)


def _sum(shown: Sum, caption: str, last: list[tuple[str, list[str]]]) -> str:
    """The terms of a sum, and what stands below it."""
    order = sorted(shown.terms, key=lambda term: -abs(term.product) if np.isfinite(term.product) else -np.inf)
    body = [(term.name, list(map(write, (term.value, term.weight, term.product)))) for term in order[:_MOST]]
    body += [(_("sum"), ["", "", write(shown.sum)]), *last]
    heads = [_("term"), _("value"), _("weight"), _("product")]
    return _table(caption + _more(len(shown.terms), 3), heads, body)


def _more(rows: int, columns: int) -> str:
    if rows <= _MOST and columns <= _MOST:
        return ""
    return " " + _("(the first {rows} rows and {columns} columns)").format(
        rows=min(rows, _MOST), columns=min(columns, _MOST)
    )


def _table(caption: str, heads: Iterable[str], body: Iterable[tuple[str, Iterable[str]]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(word)}</td>" for word in words)}</tr>'
        for name, words in body
    )
    # Wider than its place it scrolls, so the keyboard has to reach it.
    return (
        f'<div style="{_STYLE}" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="lv-table"><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
