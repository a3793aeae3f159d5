"""What a picture shows, in a sentence or two, for who cannot see it."""

from __future__ import annotations

import math

import numpy as np

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS, to_layout
from lstmviz.plot import scale as scales
from lstmviz.plot.compare import say_parting, say_settings
from lstmviz.plot.gradients import draw_curves
from lstmviz.plot.names import name_span, row_groups
from lstmviz.plot.number import write
from lstmviz.run.clamp import say_held
from lstmviz.run.compare import Comparison
from lstmviz.run.saturation import saturate
from lstmviz.run.trace import Gradients, Inside, Term, Trace, check_index
from lstmviz.run.values import NoSum


def describe_kernel(cell: Cell) -> str:
    """The kernel's shape, its largest weight and where it is, and how many weights are not finite.

    Where a cell has no single kernel, why not, and its matrices' shapes.
    """
    if not cell.rows:
        shapes = [f"{name} {list(each.shape)}" for name, each in cell.weights.items() if each.ndim > 1]
        matrices = _("Its matrices: {shapes}.").format(shapes=", ".join(shapes)) if shapes else ""
        return f"{cell.why_no_kernel} {matrices}".strip()
    rows, columns = cell.kernel.shape
    row, column = _find_farthest(cell.kernel)
    gate = cell.kind.gates[int(column) // cell.num_units].name
    name = name_span(row_groups(cell), row, 1)
    text = _(
        "The kernel as a heatmap of {rows} rows and {columns} columns, blocks {gates}. "
        "The weight farthest from 0 is {value:.3f}, from {row} to {gate}[{unit}]."
    ).format(
        rows=rows,
        columns=columns,
        gates=", ".join(gate.name for gate in cell.kind.gates),
        value=float(cell.kernel[row, column]),
        row=name,
        gate=gate,
        unit=int(column) % cell.num_units,
    )
    if nonfinite := cell.kernel.size - int(np.count_nonzero(np.isfinite(cell.kernel))):
        text += " " + _("NaN or infinite: {count:,}").format(count=nonfinite)
    return text


def describe_layout(cell: Cell, layout: str, name: str = "") -> str:
    """Which block of the cell's weights goes where, in words; `name` is what the cell is called, by default its kind.

    Raises:
        ValueError: there is no such layout, or the framework has no such cell.
    """
    converted = to_layout(cell, layout)
    return _("The weights of {kind} and where {layout} stores each block: {moves}.").format(
        kind=name or cell.kind.name,
        layout=f"{LAYOUTS[layout].title} {converted.layer}",
        moves="; ".join(move.text for move in converted.moves),
    )


def _find_farthest(values: np.ndarray) -> tuple[int, int]:
    """The row and column of the finite number farthest from 0; row by row, for a copy may be hundreds of megabytes."""
    low, high = values.min(axis=1), values.max(axis=1)
    for row in np.flatnonzero(~(np.isfinite(low) & np.isfinite(high))):
        finite = values[row][np.isfinite(values[row])]
        low[row], high[row] = (finite.min(), finite.max()) if finite.size else (0, 0)
    farthest = int(np.argmax(np.maximum(-low, high)))
    sizes = np.where(np.isfinite(values[farthest]), np.abs(values[farthest]), -1)
    return farthest, int(np.argmax(sizes))


def describe_gates(trace: Trace) -> str:
    """The trace's shape, and the gate that is saturated most."""
    text = _(
        "The sequence, the gates {gates} and the states {states} over {steps} steps, {units} units each."
    ).format(
        gates=", ".join(trace.gates),
        states=", ".join(trace.states),
        steps=len(trace),
        units=trace.cell.num_units,
    )
    if trace.clamp:
        text += " " + _("The run held {names}.").format(names=say_held(trace.clamp))
    found = saturate(trace) if len(trace) else {}
    shares = {name: float((of.left + of.right).mean()) for name, of in found.items()}
    most = max(shares, key=lambda name: shares[name], default="")
    if shares.get(most, 0.0) > 0:
        text += " " + _("Gate {gate} is saturated most, in {share:.0%} of its values.").format(
            gate=most, share=shares[most]
        )
    return text


def describe_summary(trace: Trace) -> str:
    """Each gate's mean, and the share of its values that is saturated."""
    parts = []
    for name, found in trace.summary().items():
        words = _("{gate} has the mean {mean}").format(gate=name, mean=write(found.mean))
        if found.low is not None and found.high is not None:
            words += _(", {share:.0%} saturated").format(share=found.low + found.high)
        parts.append(words)
    return _("Histograms of each gate's values: {parts}.").format(parts="; ".join(parts))


def describe_gradients(*found: Gradients) -> str:
    """What is differentiated, over how many steps, and how far back each norm has faded to 1% of its largest.

    Raises:
        ValueError: there are no gradients, or their steps differ.
    """
    curves, first = draw_curves(found), found[0]
    text = _(
        "The gradient of {h} at step {t} of {kind} with respect to {names} over {steps} steps, {units} units, "
        "as heatmaps below its norms."
    ).format(
        h=f"h[{first.unit}]",
        t=first.t,
        kind=first.trace.cell.kind.name,
        names=", ".join(["x", *first.states]),
        steps=len(first),
        units=first.trace.cell.num_units,
    )
    norms = (
        _("The norm with respect to x, back from step {t}:")
        if len(found) > 1
        else _("The norms, back from step {t}:")
    )
    return f"{text} {norms.format(t=first.t)} {'; '.join(curve.words for curve in curves)}."


def describe_compare(comparison: Comparison, *, values: str = "activations") -> str:
    """What sets two runs apart, where they first part, how far apart each gate and state is, and what is left out.

    Raises:
        ValueError: `values` is neither "activations" nor "preactivations".
    """
    largest = {name: float(np.abs(array).max(initial=0)) for name, array in comparison.shown(values).items()}
    return " ".join(
        [
            (
                _("Two runs over {steps} steps: their kernels, and their differences over time.")
                if any(trace.cell.rows for trace in (comparison.a, comparison.b))
                else _("Two runs over {steps} steps: their differences over time.")
            ).format(steps=len(comparison)),
            f"{say_settings(comparison)}.",
            say_parting(comparison, comparison.parting(values)),
            _("The largest differences: {found}.").format(
                found=", ".join(f"{name} {scales.write(number)}" for name, number in largest.items())
            ),
            *comparison.left_out,
        ]
    )


def describe_step(trace: Trace, t: int, unit: int) -> str:
    """The gates and states of one unit at one step, and what moved each gate most.

    Raises:
        ValueError: there is no such step or unit.
    """
    t, unit = check_index("t", t, len(trace)), check_index("unit", unit, trace.cell.num_units)
    parts = [_say_gate(trace, t, gate.name, unit) for gate in trace.cell.kind.gates]
    states = [
        _("{state} goes from {old} to {new}").format(
            state=name, old=write(float(trace.before(t, name)[unit])), new=write(float(values[t, unit]))
        )
        for name, values in trace.states.items()
        if unit < values.shape[1]
    ]
    return _("Unit {unit} at step {t}: {parts}.").format(unit=unit, t=t, parts="; ".join([*parts, *states]))


def _say_gate(trace: Trace, t: int, gate: str, unit: int) -> str:
    """A gate's value, and its largest term; where it is no sum, why, and the largest term of each sum inside it."""
    if trace.is_clamped(t, gate, unit):
        return _("{gate} is held at {value}").format(
            gate=gate, value=write(float(trace.gates[gate][t, unit]))
        )
    try:
        terms = trace.terms(gate, unit, slice(t, t + 1))
    except NoSum:
        return _say_inside(trace.inside(t, gate, unit))
    value, (products,) = float(trace.gates[gate][t, unit]), terms.products
    most = int(np.argmax(np.where(np.isnan(products), np.inf, np.abs(products))))
    return _("{gate} is {value}, most of all by {term} ({product})").format(
        gate=gate, value=write(value), term=terms.names[most], product=write(float(products[most]))
    )


def _say_inside(found: Inside) -> str:
    said = [_("{gate} is {value}, no sum of terms, for {what} is in it").format(
        gate=found.gate, value=write(found.activation), what=_(" and ").join(found.obstacles)
    )]  # fmt: skip
    for each in found.sums:
        most = max(each.terms, key=_measure)
        said.append(
            _("the sum {name} inside it {value}, most of all by {term} ({product})").format(
                name=each.name, value=write(each.value), term=most.name, product=write(most.product)
            )
        )
    return ", ".join(said)


def _measure(term: Term) -> float:
    """How much a term moves the sum; what is NaN makes all of it NaN."""
    return math.inf if math.isnan(term.product) else abs(term.product)
