"""What a viewer can take along: the kernel and the trace as arrays and tables, the figures as one page."""

from __future__ import annotations

import csv
import html
import io

import numpy as np

from lstmviz import plot
from lstmviz.cells import Cell
from lstmviz.language import _, current
from lstmviz.trace import Trace
from lstmviz.web.server import read_module


def kernel_npz(cell: Cell) -> bytes:
    """The weights under TensorFlow's variable names, and the kernel and the biases as shown."""
    joined = {
        "kernel": cell.kernel,
        "bias": cell.bias,
        "hidden_bias": cell.hidden_bias,
        "offset": cell.offset,
    }
    return _npz({**cell.weights, **joined})


def kernel_csv(cell: Cell) -> bytes:
    """The kernel and the biases as a table: a line for each row, a column for each gate's unit."""
    columns = [f"{gate.name}[{unit}]" for gate in cell.kind.gates for unit in range(cell.num_units)]
    lines: list[list[object]] = [["row", *columns]]
    names = [f"x[{k}]" for k in range(cell.input_size)] + [f"h[{k}]" for k in range(cell.output_size)]
    lines += [[name, *row.tolist()] for name, row in zip(names, cell.kernel, strict=True)]
    lines.append(["bias", *cell.bias.tolist()])
    if cell.hidden_biased:
        lines.append(["hidden bias", *cell.hidden_bias.tolist()])
    return _csv(lines)


def trace_npz(trace: Trace) -> bytes:
    """Everything the run recorded: `x`, `labels`, `preactivation_f`, `gate_f`, `state_c` and so on."""
    arrays = {"x": trace.x, "labels": np.array(trace.sequence.labels)}
    arrays |= {f"preactivation_{name}": values for name, values in trace.preactivations.items()}
    arrays |= {f"gate_{name}": values for name, values in trace.gates.items()}
    arrays |= {f"state_{name}": values for name, values in trace.states.items()}
    arrays |= {f"initial_{name}": values for name, values in trace.initial_state.items()}
    return _npz(arrays)


def trace_csv(trace: Trace) -> bytes:
    """The run as a table: a line for each step, a column for each number recorded."""
    parts = {"x": trace.x}
    parts |= {f"preactivation {name}": values for name, values in trace.preactivations.items()}
    parts |= {f"gate {name}": values for name, values in trace.gates.items()}
    parts |= {f"state {name}": values for name, values in trace.states.items()}
    head = [f"{name}[{k}]" for name, values in parts.items() for k in range(values.shape[1])]
    table = np.concatenate(list(parts.values()), axis=1)
    lines: list[list[object]] = [["step", "label", *head]]
    lines += [
        [t, label, *row.tolist()]
        for t, (label, row) in enumerate(zip(trace.sequence.labels, table, strict=True))
    ]
    return _csv(lines)


def page_html(cell: Cell, trace: Trace, values: str, units: list[int] | None, dark: bool, link: str) -> bytes:
    """The page's figures as one file that opens without a network, with Plotly's script in it once.

    `values` and `units` are as `plot.gates` takes them; `link` is the address of the view, to return to it.
    """
    theme = "dark" if dark else "light"
    figures = [
        plot.kernel(cell, theme=theme),
        plot.gates(trace, values=values, units=units, theme=theme),
        plot.summary(trace, theme=theme),
    ]
    # figure.to_html gives each figure's own part; the script goes in front of the first alone.
    parts = [
        made.to_html(
            full_html=False, include_plotlyjs=index == 0, config={"displaylogo": False, "responsive": True}
        )
        for index, made in enumerate(figures)
    ]
    title = f"{cell.kind.name}, num_units {cell.num_units}, input_size {cell.input_size}"
    background, text = ("#0e1117", "#fafafa") if dark else ("#ffffff", "#1a1c24")
    back = _("Open this view")
    return f"""<!doctype html>
<html lang="{current()}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>
<style>body {{ font-family: sans-serif; max-width: 1200px; margin: 2rem auto; padding: 0 1rem;
background: {background}; color: {text} }} a {{ color: inherit }}</style></head>
<body><h1>{html.escape(title)}</h1>
<p>{html.escape(trace.sequence.title)} · {html.escape(trace.device)} · <a href="{html.escape(link)}">{html.escape(back)}</a></p>
{"".join(parts)}
<script type="module">{read_module("linked.js").decode()}
for (const plot of document.querySelectorAll(".js-plotly-plot")) {{
  if (plot.clientWidth < 640 && plot.layout.meta?.narrow) Plotly.relayout(plot, plot.layout.meta.narrow);
  link(plot);
}}</script>
</body></html>
""".encode()


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _csv(lines: list[list[object]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    return buffer.getvalue().encode("utf-8-sig")  # the mark lets Excel read the labels of any language
