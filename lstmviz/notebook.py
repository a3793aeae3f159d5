"""What a notebook shows of a cell and of a trace: the picture, and the facts in a line.

The picture goes out as Plotly's own kind of data. JupyterLab and Notebook 7 draw it with the extension that the plotly package
brings, VS Code with its own, none of them with a network. As HTML it would carry all of Plotly's script in every output,
4.8 MB, where the data of the first view's kernel and gates are 9 and 35 KB. So what draws no such data, and has only HTML,
gets the facts and the description of the picture in words; who asks for the HTML itself, by `show_html`, gets all of it.

`import lstmviz` tells IPython where it runs; where it is started later, `%load_ext lstmviz.notebook` does.
Nothing here imports Plotly, or what draws with it, before a value is shown.
"""

from __future__ import annotations

import html
import json
import sys
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.run.trace import Trace

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PLOTLY = "application/vnd.plotly.v1+json"
"""The media type of Plotly's figures in notebooks."""

_LINE = 22  # pixels that the facts take below the title


def register() -> None:
    """Tells IPython how to show cells and traces, if it runs in this process."""
    ipython = sys.modules.get("IPython")  # whoever runs it has imported it
    if ipython is not None and (shell := ipython.get_ipython()) is not None:
        load_ipython_extension(shell)


def load_ipython_extension(shell: Any) -> None:
    """Tells an IPython shell how to show cells and traces: `%load_ext lstmviz.notebook`."""
    # A formatter of HTML alone would come before the bundle's own HTML, and carry Plotly's script in every output.
    bundles = shell.display_formatter.mimebundle_formatter
    for shown in (Cell, Trace):
        bundles.for_type_by_name(shown.__module__, shown.__name__, show)


def show(value: Any) -> dict[str, Any]:
    """What a notebook may show of a cell or a trace, by media type.

    Raises:
        TypeError: the value is neither.
    """
    facts, figure, words = _look(value)
    config = {"displaylogo": False, "responsive": True}
    drawn = {PLOTLY: {**json.loads(figure.to_json()), "config": config}} if figure is not None else {}
    return {
        **drawn,
        "text/html": _write_html(facts, words),
        "text/plain": facts,
    }


def show_html(value: Any) -> str:
    """The picture with all that draws it, and the facts below its title: 4.8 MB for who has HTML alone, and no network."""
    facts, figure, words = _look(value)
    if figure is None:
        return _write_html(facts, words)
    drawn: str = figure.to_html(full_html=False, include_plotlyjs=True, config={"displaylogo": False})
    return drawn


def _write_html(facts: str, words: str) -> str:
    return f"<p><b>{html.escape(facts)}</b></p><p>{html.escape(words)}</p>"


@singledispatch
def _look(value: Any) -> tuple[str, Figure | None, str]:
    """The facts, the picture with them below its title, and the picture in words; or why there is no picture."""
    raise TypeError(f"{type(value).__name__} has no picture")


@_look.register(Cell)
def _look_at_cell(cell: Cell) -> tuple[str, Figure | None, str]:
    from lstmviz import plot

    facts = _("{kind}, num_units {num_units}, input_size {input_size}, {count:,} parameters, {dtype}").format(
        kind=cell.kind.name,
        num_units=cell.num_units,
        input_size=cell.input_size,
        count=cell.parameter_count,
        dtype=cell.dtype.name,
    )
    if not cell.rows:
        return facts, None, cell.why_no_kernel
    return facts, _with_facts(plot.kernel(cell), facts), plot.describe_kernel(cell)


@_look.register(Trace)
def _look_at_trace(trace: Trace) -> tuple[str, Figure, str]:
    from lstmviz import plot

    facts = _("{kind}, num_units {num_units}, {steps:,} steps on {device} in {milliseconds:,.1f} ms").format(
        kind=trace.cell.kind.name,
        num_units=trace.cell.num_units,
        steps=len(trace),
        device=trace.device,
        milliseconds=1000 * trace.seconds,
    )
    return facts, _with_facts(plot.gates(trace), facts), plot.describe_gates(trace)


def _with_facts(figure: Figure, facts: str) -> Figure:
    from lstmviz.plot import theme as themes

    layout = figure.layout
    return figure.update_layout(
        title_subtitle={"text": html.escape(facts, quote=False), "font": {"size": 13}},
        margin_t=layout.margin.t + _LINE,
        height=layout.height + _LINE,
        paper_bgcolor=themes.PAGE["light"][0],  # dark words would stand on a dark notebook
    )
