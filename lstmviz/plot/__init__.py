"""Plotly figures from cells and traces: pure functions, for a notebook as for the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lstmviz.cells import Cell
from lstmviz.plot import theme as themes
from lstmviz.plot.compare import draw_compare
from lstmviz.plot.describe import (
    describe_compare,
    describe_gates,
    describe_gradients,
    describe_kernel,
    describe_layout,
    describe_step,
    describe_summary,
)
from lstmviz.plot.gates import draw_gates
from lstmviz.plot.gradients import draw_gradients
from lstmviz.plot.json import pack, to_json
from lstmviz.plot.kernel import draw_kernel
from lstmviz.plot.layouts import draw_layout
from lstmviz.plot.ledger import describe_ledger, draw_ledger
from lstmviz.plot.saturation import describe_saturation, draw_saturation
from lstmviz.plot.step import draw_step, make_step_frames
from lstmviz.plot.summary import draw_summary
from lstmviz.run.compare import Comparison
from lstmviz.run.trace import Gradients, Trace

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = [
    "compare",
    "compare_json",
    "describe_compare",
    "describe_gates",
    "describe_gradients",
    "describe_kernel",
    "describe_layout",
    "describe_ledger",
    "describe_saturation",
    "describe_step",
    "describe_summary",
    "gates",
    "gates_json",
    "gradients",
    "gradients_json",
    "kernel",
    "kernel_json",
    "layout",
    "layout_json",
    "ledger",
    "ledger_json",
    "saturation",
    "saturation_json",
    "step",
    "step_frames",
    "step_json",
    "summary",
    "summary_json",
    "to_json",
]


def kernel(
    cell: Cell,
    *,
    rows: tuple[int, int] | None = None,
    columns: tuple[int, int] | None = None,
    theme: str = "light",
) -> Figure:
    """The kernel as a heatmap, the gates' blocks side by side in the kernel's own column order.

    The x rows stand above the h rows; below are the bias and what is only added when the cell runs, both strips of
    `[n_gates * num_units]`, then peepholes and the projection where the cell has them. One scale, centred on 0, for
    everything; it reaches as far as the weights do, and says so where a bias lies beyond. What is NaN or infinite is
    marked and counted. Hover tells the row, the gate's unit, the kernel's column and the value.

    A kernel of more than 350,000 weights is shown in tiles, each of which stands for as many weights as the picture says,
    with their extremes and mean; its colour follows the one farthest from 0. A window of it is shown more finely.

    Args:
        cell: The cell.
        rows: The window's rows, (first, stop); by default all.
        columns: Its columns.
        theme: "light" or "dark".

    Raises:
        ValueError: the window is not within the kernel, or the theme is neither.

    >>> import lstmviz as lv
    >>> kernel(lv.build("BasicLSTMCell", num_units=8, input_size=4)).layout.title.text
    'BasicLSTMCell kernel [12, 32]'
    """
    return _figure(draw_kernel(cell, rows, columns), theme)


def layout(cell: Cell, layout: str, *, theme: str = "light") -> Figure:
    """The cell's weights as they are, left, and as a framework stores them, right: which block goes where.

    A gate keeps its colour; the framework's letter stands in its block. The rows that meet x are pale, those that meet h
    full. What is added to a bias is written on it, and a dotted block is filled with zeros. Hover tells the places in both
    arrays. Blocks are in proportion to each other, but for the thinnest and the widest.

    Args:
        cell: The cell.
        layout: A key of `lstmviz.layouts.LAYOUTS`.
        theme: "light" or "dark".

    Raises:
        ValueError: there is no such layout, the framework has no such cell, or the theme is neither.

    >>> import lstmviz as lv
    >>> layout(lv.build("BasicLSTMCell", num_units=8, input_size=4), "keras").layout.title.text
    'BasicLSTMCell → Keras LSTM'
    """
    return _figure(draw_layout(cell, layout), theme)


def gates(
    trace: Trace,
    *,
    values: str = "activations",
    units: Iterable[int] | None = None,
    seen_units: tuple[int, int] | None = None,
    seen_steps: tuple[int, int] | None = None,
    order: Any = None,
    theme: str = "light",
) -> Figure:
    """The sequence, every gate and every state over time, on one axis, `[time, rows]` each.

    Sigmoids have a scale from 0 to 1; all others are centred on 0, with one scale for the sequence and one for the states
    and the other gates. Each panel states its own. Hover tells unit, value and step in all panels at once.

    Args:
        trace: The run.
        values: "activations" or "preactivations", the gates after or before their sigmoid or tanh.
        units: The units to draw as lines; by default all, as heatmaps.
        seen_units: A window's units, (first, stop), by default all. More than 200,000 values are shown in tiles, each of
            which stands for as many as the picture says; its colour follows the one farthest from the middle of its scale.
        seen_steps: The window's steps.
        order: All units in the order of the heatmaps' rows, as `lstmviz.order_units` gives them; by default as they are
            stored. A unit keeps its number. A window's units are then rows. What `lstmviz.rank_units` gives has groups too,
            which are parted by lines; `gradients` and `compare` take the same.
        theme: "light" or "dark".

    Raises:
        ValueError: `values`, a unit, the window, the order or the theme is not one there is.
    """
    return _figure(draw_gates(trace, values, units, seen_units, seen_steps, order=order), theme)


def gradients(*found: Gradients, order: Any = None, theme: str = "light") -> Figure:
    """How far back a cell remembers: the norms of the gradients over time, and the gradients themselves below.

    The norms stand on a logarithmic axis, a circle where one has faded to 1% of its largest. The heatmaps share one
    scale centred on 0, in which a colour stands for a power of ten. Numbers that are exactly 0, and NaN or infinity,
    have no place on the axis: the figure says where they are.

    Args:
        *found: One gives its norms for x and for each state. Several, for the same step, stand side by side with their
            norms for x, under their kind's name and the options that differ; the heatmaps are the first one's.
        order: The first one's units, each once, in the order of their rows, as `lv.order_units` gives it.
        theme: "light" or "dark".

    Raises:
        ValueError: there is none, their steps differ, or the order or the theme is not one there is.
    """
    return _figure(draw_gradients(found, order), theme)


def compare(
    comparison: Comparison, *, values: str = "activations", order: Any = None, theme: str = "light"
) -> Figure:
    """Two runs beside each other: both kernels and their difference, then how far apart the runs are over time.

    The kernels a and b share a scale, their difference has its own, and so have the differences of all gates and
    states, `[time, num_units]` each. Above those, a logarithmic axis shows the largest |a − b| of each at each step, with
    the tolerance as a dashed line. A circle and a line down mark where the runs first part, which a sentence says too.
    What one run has and the other lacks is left out, and the figure says so.

    Args:
        comparison: What `lv.compare` gives.
        values: "activations" or "preactivations", the gates after or before their sigmoid or tanh.
        order: The units, each once, in the order of the rows over time, as `lv.order_units` gives it. The kernels stay as
            they are stored, and the figure says so.
        theme: "light" or "dark".

    Raises:
        ValueError: `values`, the order or the theme is not one there is.
    """
    return _figure(draw_compare(comparison, values, order), theme)


def ledger(
    trace: Trace, unit: int, t: int | None = None, state: str | None = None, *, theme: str = "light"
) -> Figure:
    """Which step wrote what of one unit's state: bars for step `t`, and a triangle for every step of the run.

    A column is the step that wrote, a row of the triangle the step after which the state is told: its row of step `t` is
    what the bars show. Colours are centred on 0. What is left of the initial state is said below. Of a run of more than 400
    steps 400 are drawn, `t` among the last 200 of them, and what earlier ones wrote is said.

    Args:
        trace: The run.
        unit: The unit, from 0.
        t: The step after which the state is told; the last one by default.
        state: The state; by default the first of which there is a ledger.
        theme: "light" or "dark".

    Raises:
        NoLedger: a `ValueError`: the state is no sum of what earlier steps wrote.
        ValueError: there is no such unit, step, state or theme.
    """
    return _figure(draw_ledger(trace, unit, t, state), theme)


def summary(trace: Trace, *, theme: str = "light") -> Figure:
    """A small histogram of each gate, with its mean and the share of saturated values.

    Raises:
        ValueError: the theme is neither "light" nor "dark".
    """
    return _figure(draw_summary(trace), theme)


def saturation(trace: Trace, *, theme: str = "light") -> Figure:
    """Which units' gates sit at their ends: for each gate that has bounds a point a unit.

    Across is the share of steps at which it is within 0.1 of its lower end, up that near the upper one. A point at the top
    of f never forgets, one at the right of i never writes. Units at the same place are one point, larger by their number.

    Raises:
        ValueError: the run has no steps, none of its gates has bounds, or the theme is neither "light" nor "dark".
    """
    return _figure(draw_saturation(trace), theme)


def step(trace: Trace, t: int, unit: int, gate: str | None = None, *, theme: str = "light") -> Figure:
    """One step of one unit taken apart, with its numbers.

    The data flow from x and the last h through each gate's sum and activation to the new states, all as squares with
    their numbers; how the new states come about as formulas; and each gate's formula above the waterfall of its
    pre-activation: its largest terms, `x[2]  0.52 · 0.6  +0.31`, all others in one bar that says so, the bias, and what is
    added when the cell runs. All waterfalls have the same scale.

    Args:
        trace: The run.
        t: The step, from 0.
        unit: The unit, from 0.
        gate: Show the waterfall of this gate alone, with more terms.
        theme: "light" or "dark".

    Raises:
        ValueError: there is no such step, unit, gate or theme.
    """
    return _figure(draw_step(trace, t, unit, gate), theme)


def step_frames(trace: Trace, unit: int, t: int = 0, gate: str | None = None) -> dict[str, Any]:
    """What changes in `step(trace, t, unit, gate)` from step to step, so that a page can play it.

    Of a trace of more than 120 steps, the 120 around `t`: `frames["first"]` is the first of them, `frames["steps"]` how
    many they are. `drawStep` in `web/js/step.js` puts one of them into the drawn figure.

    Raises:
        ValueError: there is no such unit, step or gate.
    """
    return make_step_frames(trace, unit, t, gate)


def kernel_json(
    cell: Cell, *, rows: tuple[int, int] | None = None, columns: tuple[int, int] | None = None
) -> str:
    """`kernel(cell)` as JSON, without the time that Plotly takes to check it; tiles are packed for the page."""
    return to_json(pack(themes.apply(draw_kernel(cell, rows, columns, for_page=True), "light")))


def layout_json(cell: Cell, layout: str, name: str = "") -> str:
    """`layout(cell, layout)` as JSON, without the time that Plotly takes to check it; `name` is what the cell is called."""
    return to_json(themes.apply(draw_layout(cell, layout, name), "light"))


def gates_json(
    trace: Trace,
    *,
    values: str = "activations",
    units: Iterable[int] | None = None,
    seen_units: tuple[int, int] | None = None,
    seen_steps: tuple[int, int] | None = None,
    order: Any = None,
) -> str:
    """`gates(trace)` as JSON, without the time that Plotly takes to check it; tiles are packed for the page."""
    drawn = draw_gates(trace, values, units, seen_units, seen_steps, for_page=True, order=order)
    return to_json(pack(themes.apply(drawn, "light")))


def gradients_json(*found: Gradients, order: Any = None) -> str:
    """`gradients(*found)` as JSON, without the time that Plotly takes to check it."""
    return to_json(themes.apply(draw_gradients(found, order), "light"))


def compare_json(comparison: Comparison, *, values: str = "activations", order: Any = None) -> str:
    """`compare(comparison)` as JSON, without the time that Plotly takes to check it."""
    return to_json(pack(themes.apply(draw_compare(comparison, values, order), "light")))


def step_json(trace: Trace, t: int, unit: int, gate: str | None = None) -> str:
    """`step(trace, t, unit, gate)` as JSON, without the time that Plotly takes to check it."""
    return to_json(themes.apply(draw_step(trace, t, unit, gate), "light"))


def ledger_json(trace: Trace, unit: int, t: int | None = None, state: str | None = None) -> str:
    """`ledger(trace, unit, t, state)` as JSON, without the time that Plotly takes to check it."""
    return to_json(themes.apply(draw_ledger(trace, unit, t, state), "light"))


def summary_json(trace: Trace) -> str:
    """`summary(trace)` as JSON, without the time that Plotly takes to check it."""
    return to_json(themes.apply(draw_summary(trace), "light"))


def saturation_json(trace: Trace) -> str:
    """`saturation(trace)` as JSON, without the time that Plotly takes to check it."""
    return to_json(themes.apply(draw_saturation(trace), "light"))


def _figure(drawn: dict[str, Any], theme: str) -> Figure:
    from plotly.graph_objects import Figure  # a quarter of a second, which the page never needs

    return Figure(themes.apply(drawn, theme))
