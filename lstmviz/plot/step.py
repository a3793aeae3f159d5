"""One unit's step taken apart: what its numbers are made from, as data flow, as formulas and as waterfalls."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lstmviz.cells import Cell, Gate
from lstmviz.equation import Node
from lstmviz.equation.nodes import walk
from lstmviz.language import _
from lstmviz.plot import flow, frames
from lstmviz.plot import scale as scales
from lstmviz.plot.frames import Bars, Panel, Place, Square, Text
from lstmviz.plot.names import gate_title
from lstmviz.plot.number import write
from lstmviz.plot.waterfall import Reach, Waterfall, find_reach, make_waterfall, shorten
from lstmviz.plot.words import wrap
from lstmviz.run.inside import InnerSum, Outline, say_norms
from lstmviz.run.trace import Terms, Trace, check_index
from lstmviz.run.written import Written, subscript, write_activation, write_numbers
from lstmviz.sequences.text import spell

WINDOW = 120
"""The most steps whose frames are made at once; of a longer trace those around the step that is asked for."""

_CELLS = 16  # squares for x and h
_LARGEST, _LARGEST_OF_ONE = 5, 20  # bars for the largest terms, of each of all gates and of a single one
_ROW, _LINE = 20, 19  # pixels of a bar and of a line of text
_NODES, _NODES_CROWDED = 66, 92  # pixels from node to node
_TOP, _GAP = 44.0, 22.0  # pixels above the panels, and between them
_PANEL = 330  # pixels of a gate's panel on a small screen
_LABEL = 24  # characters of a step's label
_LETTERS, _LETTERS_CROWDED = 18, 9  # of a node's label
_CROWDED = 8  # columns from which on words of neighbours stand at two heights


def draw_step(trace: Trace, t: int, unit: int, gate: str | None) -> dict[str, Any]:
    """The plain dictionary of the step's figure."""
    t = check_index("t", t, len(trace))
    _refuse_held(trace, unit, slice(t, t + 1))
    steps = find_window(trace, t)
    groups = _draw_panels(trace, unit, gate, steps)
    panels = [panel for group in groups for panel in group]
    title = _("{kind}, one step of unit {unit}").format(kind=trace.cell.kind.name, unit=unit)
    figure = frames.assemble(panels, *_arrange(groups), title)
    frames.put(frames.make_frames(panels, steps), t, figure["data"])
    return figure


def make_step_frames(trace: Trace, unit: int, t: int, gate: str | None) -> dict[str, Any]:
    """What changes with the step, for every step of the window around `t`."""
    steps = find_window(trace, check_index("t", t, len(trace)))
    _refuse_held(trace, unit, steps)
    panels = [panel for group in _draw_panels(trace, unit, gate, steps) for panel in group]
    return {"unit": int(unit), **frames.make_frames(panels, steps)}


def _refuse_held(trace: Trace, unit: int, steps: slice) -> None:
    """Refuses a unit of which the run held something at these steps: it is not what the formulas make of it.

    Raises:
        ValueError: it did.
    """
    unit = check_index("unit", unit, trace.cell.num_units)
    for name, held in trace.clamp.items():
        found = np.flatnonzero(~np.isnan(held[steps, unit : unit + 1]))
        if found.size:
            raise ValueError(
                _(
                    "{name} is held at step {t}, so it is not what the formulas of its step say; lv.plot.gates shows the run."
                ).format(name=f"{name}[{unit}]", t=range(len(trace))[steps][int(found[0])])
            )


def find_window(trace: Trace, t: int) -> slice:
    """The steps around `t` whose frames are made at once."""
    first = max(0, min(t - WINDOW // 2, len(trace) - WINDOW))
    return slice(first, min(first + WINDOW, len(trace)))


def _draw_panels(trace: Trace, unit: int, gate: str | None, steps: slice) -> list[list[Panel]]:
    """The panels of inputs, flow and states, and then those of each gate."""
    unit = check_index("unit", unit, trace.cell.num_units)
    gates = trace.cell.kind.gates if gate is None else (trace.cell.kind.gate(gate),)
    largest = _LARGEST if gate is None else _LARGEST_OF_ONE
    outlines = [trace.outline(each.name, unit, steps) for each in gates]
    falls = [[make_waterfall(_terms(trace, each), largest) for each in made.sums] for made in outlines]
    reach = find_reach(itertools.chain.from_iterable(falls))
    return [
        [_draw_inputs(trace, steps), _draw_flow(trace, unit, steps), _draw_states(trace, unit, steps)],
        *(_draw_gate(trace, unit, steps, *each, reach) for each in zip(gates, outlines, falls, strict=True)),
    ]


def _terms(trace: Trace, found: InnerSum) -> Terms:
    return Terms.of(found.terms, trace.cell.dtype)


def _arrange(groups: Sequence[Sequence[Panel]]) -> tuple[list[Place], list[Place]]:
    """The panels' places on a screen, from left to right and the waterfalls in pairs, and on a phone, one a line."""
    (inputs, graph, states), *gates = groups
    wide: list[Place] = [(0.0, 0.19, _TOP, inputs.height), (0.21, 1.0, _TOP, graph.height)]
    # The formulas go below the graph where the inputs are higher than it.
    under = _TOP + graph.height + _GAP
    wide.append((0.21, 1.0, under, states.height))
    y = max(_TOP + inputs.height, under + states.height + _GAP)
    for is_alone, row in _find_rows(gates):
        for index, panel in enumerate(row):
            left = 0.52 * index
            wide.append((left, 1.0 if is_alone else left + 0.48, y, panel.height))
        y += max(panel.height for panel in row) + _GAP
    narrow: list[Place] = []
    y = _TOP
    for panel in itertools.chain.from_iterable(groups):
        narrow.append((0.0, 1.0, y, panel.height))
        y += panel.height + _GAP
    return wide, narrow


def _find_rows(gates: Sequence[Sequence[Panel]]) -> Iterator[tuple[bool, list[Panel]]]:
    """The gates' panels in rows of two: a lone gate has all the width, and so has what stands above a gate's sums."""
    row: list[Panel] = []
    for group in gates:
        if len(group) > 1:
            yield from ((False, each) for each in [row] if each)
            yield True, [group[0]]
            sums = group[1:]
            yield from ((False, list(sums[k : k + 2])) for k in range(0, len(sums), 2))
            row = []
        else:
            row.append(group[0])
            if len(row) > 1:
                yield False, row
                row = []
    if row:
        yield len(gates) == 1, row


def _draw_inputs(trace: Trace, steps: slice) -> Panel:
    """The step's number, and x above the last h as squares, as many as there is room for."""
    x, h = trace.x[steps], trace.before_each("h", steps)
    shown_x = min(x.shape[1], max(_CELLS // 2, _CELLS - h.shape[1]))
    shown_h = min(h.shape[1], _CELLS - shown_x)
    texts, squares = [Text(0, 10, _name_steps(trace, steps), size=18)], []
    met = "[x_t, h_{t-1}]" if _sees_h(trace.cell) else "x_t,  h_{t-1}"
    labels = [Text(0, 40, (flow.mark_up(met),))]
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
        words = " ".join(spell(label).splitlines())
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
    labels = [Text(0, 10, (_say_product(trace.cell),))]
    texts, squares = [], []
    for node in graph.nodes:
        x, y = find(node.column, node.row)
        aside = 14 * (node.column % 2) if crowded else 0
        squares.append(Square(x, y, node.values, found[node.scale]))
        label = _fit(node, crowded)
        labels.append(Text(x, y - 21 - aside, (label,), "middle center"))
        texts.append(Text(x, y + 20 + aside, tuple(map(write, node.values.tolist())), "middle center"))
        if node.wire and not crowded:
            labels.append(Text(find(node.column - 0.5, 0)[0], y - 9, (node.wire,), "middle center"))
    path = "".join(_draw_wire([find(*point) for point in wire]) for wire in graph.wires)
    first, last = (find(0, end)[1] for end in (0, max(node.row for node in graph.nodes)))
    path += f"M0,{first - 12:.0f}V{last + 12:.0f}"  # x and h, as one vector
    height = last + 40
    return Panel(height, tuple(texts), tuple(labels), tuple(squares), path=path)


def _sees_h(cell: Cell) -> bool:
    """Whether the kernel has rows of h."""
    return "h" in cell.rows or not cell.rows


def _say_product(cell: Cell) -> str:
    """What becomes of x and h on the way to the sums, as far as the kernel and the bias make it."""
    names = ", ".join(subscript("Σ", gate.name) for gate in cell.kind.gates)
    before = cell.equation.before.values()
    if not cell.rows or any(cell.rows.keys().isdisjoint(_met(cell, gate.name)) for gate in cell.kind.gates):
        return flow.mark_up(f"→ {names}")  # what makes them is in no gate's block
    rows, width = cell.kernel.shape
    done = " = " if all(map(_is_plain, before)) else " → "
    met, bias = "" if _sees_h(cell) else "x_t ", " + bias" if cell.biased else ""
    norms = [cell.equation.width(node) for node in walk(*before) if node.op == "norm"]
    if norms and not bias and {str(width) for width in norms} == {"num_units"}:
        done = _(", then a norm over all units → ")
    return flow.mark_up(f"{met}· kernel [{rows}, {width}]{bias}{done}{names}")


def _met(cell: Cell, gate: str) -> set[str]:
    """What the rows of a gate's block meet."""
    return {
        base if base in cell.rows else "h"
        for variable in cell.kind.variables
        if variable.is_kernel and gate in variable.gates and variable.name in cell.weights
        for base in variable.meets
    }


def _is_plain(node: Node) -> bool:
    """Whether a sum is the product with a kernel, biases and numbers, and nothing else."""
    if node.op in ("add", "sub", "part"):
        return all(map(_is_plain, node.args))
    return node.op in ("matmul", "weight", "number", "option")


def _fit(node: flow.FlowNode, crowded: bool) -> str:
    """What stands above a node: what it is, or, where there is no room for that, what is done there, or how its name begins."""
    room = _LETTERS_CROWDED if crowded else _LETTERS
    is_long = len(re.sub("<[^>]*>", "", node.label)) > room
    label = (node.sign or _cut(node.label, room - 1)) if is_long else node.label
    return f"{label} {node.wire}".strip() if crowded else label


def _cut(markup: str, count: int) -> str:
    """The first letters of words with Plotly's markup, and dots."""
    left, made = count, ""
    for part in re.split("(<[^>]*>)", markup):
        if part.startswith("<"):
            made += part
        elif left > 0:
            made += part[:left] + ("…" if len(part) >= left else "")
            left -= len(part)
    return made


def _draw_wire(points: Sequence[tuple[float, float]]) -> str:
    path = f"M{points[0][0]:.4f},{points[0][1]:.0f}"
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        middle = (x0 + x1) / 2
        path += f"C{middle:.4f},{y0:.0f} {middle:.4f},{y1:.0f} {x1:.4f},{y1:.0f}"
    return path


def _draw_states(trace: Trace, unit: int, steps: slice) -> Panel:
    """How the new states come about, as formulas with numbers."""
    texts, labels, y = [], [], 8.0
    operations = flow.follow(trace, unit, steps)
    for made in operations:
        if not made.is_state and not made.letter:
            continue
        symbols = f"{made.result or made.letter} {'←' if made.is_again else '='} {made.symbols}"
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
    for line in _say_norms(tuple(each.norm for each in operations if each.norm), trace.cell.num_units):
        labels.append(Text(0, y, (line,)))
        y += _LINE
    return Panel(y, tuple(texts), tuple(labels))


def _draw_gate(
    trace: Trace, unit: int, steps: slice, gate: Gate, made: Outline, falls: list[Waterfall], reach: Reach
) -> list[Panel]:
    """A gate's formula with its numbers, above the waterfall of its pre-activation, or of each sum inside it."""
    head = _Lines()
    head.add(f"<b>{gate.name}</b> {gate_title(gate)}", size=15)
    if not made.obstacles:
        (found,) = made.sums
        written = _write_sum(_terms(trace, found))
        _write_gate(head, trace, unit, steps, gate, written)
        total = trace.preactivations[gate.name][steps, unit]
        return [_draw_waterfall(head, found.name, total, falls[0], reach)]
    _write_gate(head, trace, unit, steps, gate, made.written)
    for line in wrap(_say_refusal(made, trace.cell.num_units), _PANEL):
        head.add(line)
    panels = []
    if len(made.sums) != 1:  # above all of them
        panels.append(Panel(head.y, tuple(head.texts), tuple(head.labels)))
        head = _Lines()
    for found, fall in zip(made.sums, falls, strict=True):
        written = _write_sum(_terms(trace, found))
        head.add(flow.mark_up(f"{found.name} = {written.symbols}"))
        single = len(written.numbers) == 1
        form = _equal("#") if single else _equal(written.form, "#")
        numbers = (found.values,) if single else (*written.numbers, found.values)
        head.fill(form, Written("", form, numbers), len(found.values))
        panels.append(_draw_waterfall(head, found.name, found.values, fall, reach))
        head = _Lines()
    return panels


class _Lines:
    """Lines of text one below the other, those that stay and those with each step's numbers."""

    def __init__(self) -> None:
        self.y = 8.0
        self.labels: list[Text] = []
        self.texts: list[Text] = []

    def add(self, words: str, size: int = 13) -> None:
        self.labels.append(Text(0, self.y, (words,), size=size))
        self.y += _LINE + (3 if size > 13 else 0)

    def fill(self, form: str, written: Written, steps: int) -> None:
        numbers = write_numbers(written, steps, write)
        self.texts.append(Text(0, self.y, tuple(map(" ".join, numbers)), forms=(form,)))
        self.y += _LINE


def _write_gate(lines: _Lines, trace: Trace, unit: int, steps: slice, gate: Gate, written: Written) -> None:
    """What is done to make a gate's pre-activation, and its activation: in symbols, and with numbers."""
    before = trace.preactivations[gate.name][steps, unit]
    after = trace.gates[gate.name][steps, unit]
    squash = write_activation(trace.activation_of(gate))
    call = f"{squash}({{}})" if squash else "{}"
    sides = [call.format(written.form), *([call.format("#")] if squash else []), "#"]
    numbers = [*written.numbers, *([before] if squash else []), after]
    form = _equal(*sides)
    lines.add(flow.mark_up(f"{gate.name} = {call.format(written.symbols)}"))
    lines.fill(form, Written("", form, tuple(numbers)), len(after))


def _say_refusal(made: Outline, num_units: int) -> list[str]:
    """Why there is no waterfall of the pre-activation itself, and what is below instead."""
    what = _(" and ").join(made.obstacles)
    said = [_("No sum of terms: {what} is in it.").format(what=what)]
    return said + _say_norms(made.norms, num_units)


def _say_norms(norms: tuple[tuple[str, int], ...], num_units: int) -> list[str]:
    words = say_norms(norms, num_units)
    return [flow.mark_up(words[:1].upper() + words[1:] + ".")] if words else []


def _draw_waterfall(head: _Lines, name: str, values: np.ndarray, fall: Waterfall, reach: Reach) -> Panel:
    """A sum's waterfall below the lines about it; its last bar is the sum."""
    first = head.y + 10
    labels, texts = list(head.labels), list(head.texts)
    rows = tuple(first + _ROW * k for k in range(fall.products.shape[1] + 1))
    largest = len(fall.forms)
    for y, forms, words in zip(rows[:largest], fall.forms, fall.values, strict=True):
        texts.append(Text(0.46, y, words, "middle left", forms=forms))
    for y, end in zip(rows[largest:], [*fall.ends, flow.mark_up(name)], strict=True):
        labels.append(Text(0.46, y, (end,), "middle left"))
    columns = [[_sign(number) for number in column] for column in fall.products.T.tolist()]
    total = [write(number) for number in values.tolist()]
    texts += [Text(0.84, y, tuple(column)) for y, column in zip(rows, [*columns, total], strict=True)]
    drawn = Bars(rows, reach.place(fall.sums), int(reach.place(np.zeros(()))), 0.48, 0.84)
    return Panel(rows[-1] + 14, tuple(texts), tuple(labels), bars=drawn)


def _write_sum(terms: Terms) -> Written:
    """What a sum is the sum of, `x · W + h · W + bias − m_t`, with each step's numbers for these."""
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(terms.names):
        groups.setdefault(_group(terms, index, name), []).append(index)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = [terms.products[:, index].sum(axis=1) for index in groups.values()]
    symbols = " + ".join(groups).replace("+ −", "− ")
    return Written(symbols, " + ".join("#" * len(groups)), tuple(sums))


def _group(terms: Terms, index: int, name: str) -> str:
    """How a formula writes the sum of all terms that are like one of them."""
    if symbol := terms.symbols[index]:
        return symbol
    alike = re.sub(r"\[\d+\]", "", shorten(name)).replace(" * ", "·")
    return alike if terms.alone[index] else f"{alike} · W"


def _equal(*sides: str) -> str:
    return " ".join(f"= {side}" for side in sides)


def _sign(number: float) -> str:
    words = write(number)
    return f"+{words}" if number > 0 else words


def _state_scale(trace: Trace) -> scales.Scale:
    """The scale of the states and of the gates that are no sigmoids, as in the picture of all gates."""
    gates = [trace.gates[g.name] for g in trace.cell.kind.gates if not trace.is_share(g)]
    return scales.centre([*gates, *trace.states.values()])
