"""One unit's step taken apart: what its numbers are made from, as data flow, as formulas and as waterfalls."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstmviz.cells import Gate
from lstmviz.language import _
from lstmviz.plot import flow, frames
from lstmviz.plot import scale as scales
from lstmviz.plot.frames import Bars, Panel, Place, Square, Text
from lstmviz.plot.number import write
from lstmviz.plot.waterfall import Reach, Waterfall, find_reach, is_alone, make_waterfall, shorten
from lstmviz.run.trace import Terms, Trace, check_index

WINDOW = 120
"""The most steps whose frames are made at once; of a longer trace those around the step that is asked for."""

_CELLS = 16  # squares for x and h
_LARGEST, _LARGEST_OF_ONE = 5, 20  # bars for the largest terms, of each of all gates and of a single one
_ROW, _LINE = 20, 19  # pixels of a bar and of a line of text
_NODES, _NODES_CROWDED = 66, 92  # pixels from node to node
_TOP, _GAP = 44.0, 22.0  # pixels above the panels, and between them
_LABEL = 24  # characters of a step's label
_CROWDED = 8  # columns from which on words of neighbours stand at two heights


def draw_step(trace: Trace, t: int, unit: int, gate: str | None) -> dict[str, Any]:
    """The plain dictionary of the step's figure."""
    t = check_index("t", t, len(trace))
    steps = find_window(trace, t)
    panels = _draw_panels(trace, unit, gate, steps)
    title = _("{kind}, one step of unit {unit}").format(kind=trace.cell.kind.name, unit=unit)
    figure = frames.assemble(panels, *_arrange(panels), title)
    frames.put(frames.make_frames(panels, steps), t, figure["data"])
    return figure


def make_step_frames(trace: Trace, unit: int, t: int, gate: str | None) -> dict[str, Any]:
    """What changes with the step, for every step of the window around `t`."""
    steps = find_window(trace, check_index("t", t, len(trace)))
    return {"unit": int(unit), **frames.make_frames(_draw_panels(trace, unit, gate, steps), steps)}


def find_window(trace: Trace, t: int) -> slice:
    """The steps around `t` whose frames are made at once."""
    first = max(0, min(t - WINDOW // 2, len(trace) - WINDOW))
    return slice(first, min(first + WINDOW, len(trace)))


def _draw_panels(trace: Trace, unit: int, gate: str | None, steps: slice) -> list[Panel]:
    unit = check_index("unit", unit, trace.cell.num_units)
    gates = trace.cell.kind.gates if gate is None else (trace.cell.kind.gate(gate),)
    largest = _LARGEST if gate is None else _LARGEST_OF_ONE
    terms = [trace.terms(each.name, unit, steps) for each in gates]
    waterfalls = [make_waterfall(each, largest) for each in terms]
    reach = find_reach(waterfalls)
    return [
        _draw_inputs(trace, steps),
        _draw_flow(trace, unit, steps),
        _draw_states(trace, unit, steps),
        *(
            _draw_gate(trace, unit, steps, *each, reach)
            for each in zip(gates, terms, waterfalls, strict=True)
        ),
    ]


def _arrange(panels: Sequence[Panel]) -> tuple[list[Place], list[Place]]:
    """The panels' places on a screen, from left to right and the waterfalls in pairs, and on a phone, one a line."""
    inputs, graph, states, *gates = panels
    wide: list[Place] = [(0.0, 0.19, _TOP, inputs.height), (0.21, 1.0, _TOP, graph.height)]
    # The formulas go below the graph where the inputs are higher than it.
    under = _TOP + graph.height + _GAP
    wide.append((0.21, 1.0, under, states.height))
    y = max(_TOP + inputs.height, under + states.height + _GAP)
    for index, panel in enumerate(gates):
        left = 0.52 * (index % 2)
        wide.append((left, left + 0.48 if len(gates) > 1 else 1.0, y, panel.height))
        if index % 2 or index == len(gates) - 1:
            y += panel.height + _GAP
    narrow: list[Place] = []
    y = _TOP
    for panel in panels:
        narrow.append((0.0, 1.0, y, panel.height))
        y += panel.height + _GAP
    return wide, narrow


def _draw_inputs(trace: Trace, steps: slice) -> Panel:
    """The step's number, and x above the last h as squares, as many as there is room for."""
    x, h = trace.x[steps], trace.before_each("h", steps)
    shown_x = min(x.shape[1], max(_CELLS // 2, _CELLS - h.shape[1]))
    shown_h = min(h.shape[1], _CELLS - shown_x)
    texts, squares = [Text(0, 10, _name_steps(trace, steps), size=18)], []
    labels = [Text(0, 40, (flow.mark_up("[x_t, h_{t-1}]"),))]
    y = 66.0
    parts = [("x", x, shown_x, scales.centre([trace.x])), ("h", h, shown_h, _state_scale(trace))]
    for name, values, shown, scale in parts:
        for row in range(shown):
            labels.append(Text(0.34, y, (f"{name}[{row}]",), "middle left"))
            squares.append(Square(0.44, y, values[:, row], scale))
            texts.append(Text(0.52, y, tuple(map(write, values[:, row].tolist()))))
            y += _ROW
        if more := values.shape[1] - shown:
            labels.append(Text(0.1, y, (_("… {count:,} more").format(count=more),)))
            y += _ROW
        y += 8
    return Panel(y, tuple(texts), tuple(labels), tuple(squares), square_size=14)


def _name_steps(trace: Trace, steps: slice) -> tuple[str, ...]:
    names = []
    for t, label in enumerate(trace.sequence.labels[steps], steps.start):
        words = " ".join(label.splitlines())
        words = words if len(words) <= _LABEL else f"{words[: _LABEL - 1]}…"
        names.append(f"t = {t}" if label == str(t) or not words.strip() else f"t = {t} ({words})")
    return tuple(names)


def _draw_flow(trace: Trace, unit: int, steps: slice) -> Panel:
    """The graph from the kernel's product to the new states."""
    graph = flow.build_graph(trace, unit, steps)
    columns = max(node.column for node in graph.nodes) + 1

    crowded = columns >= _CROWDED
    pitch = _NODES_CROWDED if crowded else _NODES

    def find(column: float, row: float) -> tuple[float, float]:
        return (column + 1) / (columns + 0.6), 64 + row * pitch

    found = {
        "preactivation": scales.centre(trace.preactivations.values()),
        "sigmoid": scales.UNIT,
        "state": _state_scale(trace),
    }
    names = ", ".join(f"Σ<sub>{name}</sub>" for name in trace.gates)
    shape = list(trace.cell.kernel.shape) if trace.cell.rows else ""
    labels = [Text(0, 10, (f"· kernel {shape} + bias = {names}" if shape else names,))]
    texts, squares = [], []
    for node in graph.nodes:
        x, y = find(node.column, node.row)
        aside = 14 * (node.column % 2) if crowded else 0
        squares.append(Square(x, y, node.values, found[node.scale]))
        label = f"{node.label} {node.wire}" if crowded else node.label
        labels.append(Text(x, y - 21 - aside, (label,), "middle center"))
        texts.append(Text(x, y + 20 + aside, tuple(map(write, node.values.tolist())), "middle center"))
        if node.wire and not crowded:
            labels.append(Text(find(node.column - 0.5, 0)[0], y - 9, (node.wire,), "middle center"))
    path = "".join(_draw_wire([find(*point) for point in wire]) for wire in graph.wires)
    first, last = (find(0, end)[1] for end in (0, max(node.row for node in graph.nodes)))
    path += f"M0,{first - 12:.0f}V{last + 12:.0f}"  # x and h, as one vector
    height = last + 40
    return Panel(height, tuple(texts), tuple(labels), tuple(squares), path=path)


def _draw_wire(points: Sequence[tuple[float, float]]) -> str:
    path = f"M{points[0][0]:.4f},{points[0][1]:.0f}"
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        middle = (x0 + x1) / 2
        path += f"C{middle:.4f},{y0:.0f} {middle:.4f},{y1:.0f} {x1:.4f},{y1:.0f}"
    return path


def _draw_states(trace: Trace, unit: int, steps: slice) -> Panel:
    """How the new states come about, as formulas with numbers."""
    texts, labels, y = [], [], 8.0
    for made in flow.follow(trace, unit, steps):
        if not made.is_state:
            continue
        symbols = f"{made.result} {'←' if made.is_again else '='} {made.symbols}"
        numbers = zip(made.numbers, map(write, made.values.tolist()), strict=True)
        sides = [] if made.form in ("", "#") else [made.form]
        words = tuple(" ".join([*(row if sides else ()), result]) for row, result in numbers)
        labels.append(Text(0, y, (flow.mark_up(symbols),)))
        texts.append(Text(0, y + _LINE, words, forms=(_equal(*sides, "#"),)))
        y += 2 * _LINE + 6
    if unit >= trace.cell.output_size:
        note = _(
            "h holds {count} numbers, each made of all {units} units; none is unit {unit}'s own."
        ).format(count=trace.cell.output_size, units=trace.cell.num_units, unit=unit)
        labels.append(Text(0, y, (note,)))
        y += _LINE
    return Panel(y, tuple(texts), tuple(labels))


def _draw_gate(
    trace: Trace, unit: int, steps: slice, gate: Gate, terms: Terms, waterfall: Waterfall, reach: Reach
) -> Panel:
    """A gate's formula with its numbers, above the waterfall of its pre-activation."""
    before = [write(number) for number in trace.preactivations[gate.name][steps, unit].tolist()]
    after = [write(number) for number in trace.gates[gate.name][steps, unit].tolist()]
    symbols, sums = _group(terms)
    squash = flow.write_activation(trace.activation_of(gate))
    call = f"{squash}({{}})" if squash else "{}"
    sides = [call.format(" + ".join("#" * len(symbols))), *([call.format("#")] if squash else []), "#"]
    numbers = tuple(
        " ".join([*row, *([z] if squash else []), a]) for row, z, a in zip(sums, before, after, strict=True)
    )
    title = f"<b>{gate.name}</b> {_(gate.title)}"
    labels = [
        Text(0, 8, (title,), size=15),
        Text(0, 30, (f"{gate.name} = {call.format(' + '.join(symbols))}",)),
    ]
    texts = [Text(0, 30 + _LINE, numbers, forms=(_equal(*sides),))]
    rows = tuple(78.0 + _ROW * k for k in range(waterfall.products.shape[1] + 1))
    largest = len(waterfall.forms)
    for y, forms, values in zip(rows[:largest], waterfall.forms, waterfall.values, strict=True):
        texts.append(Text(0.46, y, values, "middle left", forms=forms))
    for y, end in zip(rows[largest:], [*waterfall.ends, flow.mark_up(f"Σ_{gate.name}")], strict=True):
        labels.append(Text(0.46, y, (end,), "middle left"))
    columns = [[_sign(number) for number in column] for column in waterfall.products.T.tolist()]
    texts += [Text(0.84, y, tuple(column)) for y, column in zip(rows, [*columns, before], strict=True)]
    drawn = Bars(rows, reach.place(waterfall.sums), int(reach.place(np.zeros(()))), 0.48, 0.84)
    return Panel(rows[-1] + 14, tuple(texts), tuple(labels), bars=drawn)


def _group(terms: Terms) -> tuple[list[str], list[list[str]]]:
    """What a pre-activation is the sum of, `x · W`, `h · W`, `bias`, and each step's numbers for these."""
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(terms.names):
        groups.setdefault(shorten(name).partition("[")[0], []).append(index)
    symbols = [name if is_alone(terms.names[index[0]]) else f"{name} · W" for name, index in groups.items()]
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.stack([terms.products[:, index].sum(axis=1) for index in groups.values()], axis=1)
    return symbols, [list(map(write, row)) for row in sums.tolist()]


def _equal(*sides: str) -> str:
    return " ".join(f"= {side}" for side in sides)


def _sign(number: float) -> str:
    words = write(number)
    return f"+{words}" if number > 0 else words


def _state_scale(trace: Trace) -> scales.Scale:
    """The scale of the states and of the gates that are no sigmoids, as in the picture of all gates."""
    gates = [trace.gates[g.name] for g in trace.cell.kind.gates if not trace.is_share(g)]
    return scales.centre([*gates, *trace.states.values()])
