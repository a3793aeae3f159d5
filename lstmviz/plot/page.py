"""The figures as one file that opens without a network."""

from __future__ import annotations

import html
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from lstmviz import plot
from lstmviz.cells import Cell
from lstmviz.language import _, current
from lstmviz.plot import theme as themes
from lstmviz.run.trace import Trace

_CONFIG = {"displaylogo": False, "responsive": True}


def page_html(
    cell: Cell,
    trace: Trace,
    *,
    values: str = "activations",
    units: Iterable[int] | None = None,
    dark: bool = False,
    link: str = "",
    name: str = "",
    order: Any = None,
    notes: Iterable[str] = (),
) -> bytes:
    """The kernel, the gates over time and their summary as one HTML file, with Plotly's script in it once.

    Of a cell without a kernel that could be drawn it says why there is none.

    Args:
        cell: The cell.
        trace: A run of it.
        values: As `plot.gates` takes it.
        units: As `plot.gates` takes it.
        dark: In the dark theme.
        link: The address of the view, to return to it; "" for none.
        name: What the layer is called, for the page's title; "" for nothing.
        order: The units in the order of the gates' rows, as `plot.gates` takes it.
        notes: What there is to know of the layer or the run, a paragraph each: what was assumed, how it reads.

    Raises:
        ValueError: `values` or a unit is not one there is.
    """
    theme = "dark" if dark else "light"
    figures = [
        *([plot.kernel(cell, theme=theme)] if cell.rows else []),
        plot.gates(trace, values=values, units=units, order=order, theme=theme),
        plot.summary(trace, theme=theme),
    ]
    # figure.to_html gives each figure's own part; the script goes in front of the first alone.
    parts = [
        made.to_html(full_html=False, include_plotlyjs=index == 0, config=_CONFIG)
        for index, made in enumerate(figures)
    ]
    background, text = themes.PAGE[theme]
    sizes = f"{cell.kind.name}, num_units {cell.num_units}, input_size {cell.input_size}"
    title = f"{name}: {sizes}" if name else sizes
    facts = [html.escape(fact) for fact in (trace.sequence.title, trace.device) if fact]
    if link:
        back = _("Open this view")
        facts.append(f'<a href="{html.escape(link)}">{html.escape(back)}</a>')
    return f"""<!doctype html>
<html lang="{current()}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>
<style>body {{ font-family: sans-serif; max-width: 1200px; margin: 2rem auto; padding: 0 1rem;
background: {background}; color: {text}; overflow-wrap: anywhere }} a {{ color: inherit }}</style></head>
<body><h1>{html.escape(title)}</h1>
<p>{" · ".join(facts)}</p>
{"".join(f"<p>{html.escape(note)}</p>" for note in [*notes, cell.why_no_kernel] if note)}
{"".join(parts)}
<script type="module">{_linked()}
for (const plot of document.querySelectorAll(".js-plotly-plot")) {{
  if (plot.clientWidth < 640 && plot.layout.meta?.narrow) Plotly.relayout(plot, plot.layout.meta.narrow);
  link(plot);
}}</script>
</body></html>
""".encode()


@cache
def _linked() -> str:
    """The module that marks one place in all figures of a page."""
    return Path(__file__).with_name("linked.js").read_text(encoding="utf-8")
