"""The data flow of one unit as a graph from left to right: its numbers, how each is written, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lstmviz.cells import OPERATORS, Operation, flow
from lstmviz.plot.number import write
from lstmviz.trace import Trace

START = "[x, h]"
"""What every pre-activation is made from; it has no node of its own."""

_SYMBOLS: Mapping[str, str] = {"sigmoid": "σ", "linear": ""}  # the others are written by their names
_NODE, _WIRE = 1.0, 0.55  # rows that a node takes, and a wire that passes by


@dataclass(frozen=True, eq=False)
class Node:
    """One number of the data flow.

    Attributes:
        name: Names it in the graph.
        label: How it is written above its square, in Plotly's markup.
        operands: The names of what it is made from.
        values: The number at each step, `[steps]`.
        scale: Which colours it has: "preactivation", "sigmoid" or "state".
        wire: What is written on the wire to it.
        home: The row it would best be in; None for the middle of its operands.
        column: Its place from the left.
        row: Its place from the top.
    """

    name: str
    label: str
    operands: tuple[str, ...]
    values: np.ndarray
    scale: str
    wire: str = ""
    home: float | None = None
    column: int = 0
    row: float = 0.0


Wire = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes at their places, the first row being 0, and wires as points `(column, row)` from one to the next."""

    nodes: tuple[Node, ...]
    wires: tuple[Wire, ...]


@dataclass(frozen=True, eq=False)
class Made:
    """One operation, written out.

    Attributes:
        operation: The declaration.
        name: Its own name; a state that is given again has another one.
        operands: The names of what it is made from.
        symbols: How it is written, `f · c_{t-1} + i · j`.
        numbers: The same with each step's numbers.
        values: What it gave at each step, `[steps]`.
    """

    operation: Operation
    name: str
    operands: tuple[str, ...]
    symbols: str
    numbers: tuple[str, ...]
    values: np.ndarray

    @property
    def is_state(self) -> bool:
        """Whether it gives a new state."""
        return self.operation.result.endswith("_t")

    @property
    def is_again(self) -> bool:
        """Whether it takes the place of an operation before it."""
        return self.name != self.operation.result


def follow(trace: Trace, unit: int, steps: slice) -> list[Made]:
    """The operations between the gates and the new states, with one unit's numbers.

    They end before a projection that has no such unit.
    """
    values = {gate.name: trace.gates[gate.name][steps, unit] for gate in trace.cell.kind.gates}
    values |= {old: each[:, unit] for old, each in _old_states(trace, steps).items()}
    written = {name: (name, *map(write, numbers)) for name, numbers in values.items()}
    latest, loose, made = {name: name for name in values}, set(), []
    parameters = [parameter for _operation, parameter in flow(trace.cell)]
    for (operation, results), parameter in zip(trace.follow(steps), parameters, strict=True):
        if unit >= results.shape[1]:
            break
        operator, result = OPERATORS[operation.operator], operation.result
        inside = [
            [f"({text})" if name in loose and operator.binds else text for text in written[name]]
            for name in operation.operands
        ]
        text = [
            operator.text.format(*parts, p=_write_parameter(parameter)) for parts in zip(*inside, strict=True)
        ]
        if not operator.inner:
            text[1:] = [""] * (len(text) - 1)
        name = f"{latest[result]}'" if result in latest else result
        operands = tuple(latest[operand] for operand in operation.operands)
        made.append(Made(operation, name, operands, text[0], tuple(text[1:]), results[:, unit]))
        latest[result] = name
        if made[-1].is_state:
            text = [result, *map(write, results[:, unit])]
        elif operator.loose:
            loose.add(result)
        written[result] = tuple(text)
    return made


def build_graph(trace: Trace, unit: int, steps: slice) -> Graph:
    """The graph of one unit's numbers over `steps`, derived from the declaration of the cell's kind."""
    made = follow(trace, unit, steps)
    nodes = [*_gate_nodes(trace, unit, steps, made)]
    for each in made:
        label = (
            (each.operation.operator if each.is_again else each.operation.result)
            if each.is_state
            else each.symbols
        )
        scale = "sigmoid" if each.operation.operator == "complement" else "state"
        nodes.append(Node(each.name, mark_up(label), each.operands, each.values, scale))
    used = {name for node in nodes for name in node.operands}
    for name, values in _old_states(trace, steps).items():
        if name in used:
            nodes.append(Node(name, mark_up(name), (), values[:, unit], "state", home=_home(trace, name)))
    return _place(nodes)


def _old_states(trace: Trace, steps: slice) -> dict[str, np.ndarray]:
    """What the flow reads of the states before each step, `[steps, num_units]`, as `c_{t-1}`."""
    read = {name for operation in trace.cell.kind.flow for name in operation.operands}
    read |= {"c_{t-1}" for gate in trace.cell.kind.gates if gate.peephole in trace.cell.weights}
    names = {f"{state}_{{t-1}}": state for state in trace.states}
    return {name: trace.before_each(state, steps) for name, state in names.items() if name in read}


def _gate_nodes(trace: Trace, unit: int, steps: slice, made: list[Made]) -> Iterable[Node]:
    latest = {each.operation.result: each.name for each in made}
    for gate in trace.cell.kind.gates:
        operands = [START, *(name for name in gate.reads if name in trace.gates)]
        if gate.peephole in trace.cell.weights:
            operands.append(latest["c_t"] if gate.peeps_at_new_c else "c_{t-1}")
        activation, home, before = trace.activation_of(gate), _home(trace, gate.name), f"Σ_{gate.name}"
        values, scale = trace.preactivations[gate.name][steps, unit], "preactivation"
        yield Node(before, mark_up(before), tuple(operands), values, scale, home=home)
        values, scale = trace.gates[gate.name][steps, unit], "sigmoid" if activation == "sigmoid" else "state"
        yield Node(
            gate.name, f"<b>{gate.name}</b>", (before,), values, scale, write_activation(activation), home
        )


def _home(trace: Trace, name: str) -> float:
    """Gates stand in their order, and each old state below the gate that it is multiplied with."""
    order = [gate.name for gate in trace.cell.kind.gates]
    for operation in trace.cell.kind.flow:
        for old in operation.operands:
            if old.endswith("_{t-1}") and old not in order:
                beside = [order.index(other) for other in operation.operands if other in order]
                order.insert(max(beside) + 1, old)
    return float(order.index(name))


# --- Places -----------------------------------------------------------------------------------------------------------


def _place(nodes: list[Node]) -> Graph:
    """Each node one column right of what it is made from; wires that cross a column get room in it."""
    columns = _columns(nodes)
    by_name = {node.name: node for node in nodes}
    edges = [(operand, node.name) for node in nodes for operand in node.operands]
    at: dict[tuple[object, int], float] = {}  # the row of a node or of a wire, in a column
    for column in range(max(columns.values()) + 1):
        wanted: dict[object, tuple[float, float]] = {}
        for node in nodes:
            if columns[node.name] == column:
                before = [at[_thread(edge, by_name, columns, column - 1)] for edge in edges
                          if edge[1] == node.name and edge[0] != START]  # fmt: skip
                middle = sum(before) / len(before) if before else 0.0
                wanted[node.name] = (middle if node.home is None else node.home, _NODE)
        for edge in edges:
            if columns[edge[0]] < column < columns[edge[1]]:
                thread, target = _thread(edge, by_name, columns, column)[0], by_name[edge[1]]
                row = (
                    target.home
                    if target.home is not None
                    else at[_thread(edge, by_name, columns, column - 1)]
                )
                wanted[thread] = (row, _WIRE)
        at |= {(name, column): row for name, row in _spread(wanted).items()}
    top = min(at.values())
    placed = [replace(n, column=columns[n.name], row=at[n.name, columns[n.name]] - top) for n in nodes]
    starts = [at[node.name, columns[node.name]] - top for node in nodes if columns[node.name] == 0]
    middle = (min(starts) + max(starts)) / 2
    wires = []
    for source, target in edges:
        points = [(-1.0, middle)] if source == START else []
        points += [(column, at[_thread((source, target), by_name, columns, column)] - top)
                   for column in range(max(columns[source], 0), columns[target])]  # fmt: skip
        wires.append((*points, (columns[target], at[target, columns[target]] - top)))
    return Graph(tuple(placed), tuple(dict.fromkeys(wires)))


def _thread(
    edge: tuple[str, str], nodes: Mapping[str, Node], columns: Mapping[str, int], column: int
) -> tuple[object, int]:
    """What an edge is in a column: its node, where that stands, else a wire; wires of one node run together."""
    source, target = edge
    if columns[source] == column:
        return source, column
    return (edge if nodes[target].home is not None else ("from", source)), column


def _columns(nodes: list[Node]) -> dict[str, int]:
    columns = {START: -1}
    operands = {node.name: node.operands for node in nodes}

    def find(name: str) -> int:
        if name not in columns:
            columns[name] = 1 + max((find(operand) for operand in operands[name]), default=-1)
        return columns[name]

    for name in operands:
        find(name)
    for node in nodes:  # an old state stands as near as can be to where it is used
        if not node.operands:
            columns[node.name] = (
                min(columns[other.name] for other in nodes if node.name in other.operands) - 1
            )
    return columns


def _spread(wanted: Mapping[object, tuple[float, float]]) -> dict[object, float]:
    """Rows as near to the wanted ones as their sizes allow, in the same order."""
    ordered = sorted(wanted, key=lambda name: wanted[name][0])
    rows: dict[object, float] = {}
    free = -np.inf
    for name in ordered:
        row, size = wanted[name]
        rows[name] = max(row, free + size / 2)
        free = rows[name] + size / 2
    moved = sum(rows[name] - wanted[name][0] for name in ordered) / max(len(ordered), 1)
    return {name: float(row - moved) for name, row in rows.items()}


# --- Writing ----------------------------------------------------------------------------------------------------------


def write_activation(name: str) -> str:
    """An activation as it is written in a formula."""
    return _SYMBOLS.get(name, name)


def mark_up(symbols: str) -> str:
    """LaTeX's subscripts as Plotly's: `c_{t-1}` becomes `c<sub>t−1</sub>`."""
    return re.sub(
        r"_(?:\{([^}]*)\}|(\w))",
        lambda found: f"<sub>{(found[1] or found[2]).replace('-', '−')}</sub>",
        symbols,
    )


def _write_parameter(parameter: object) -> str:
    if isinstance(parameter, float | int):
        return write(parameter)
    return write_activation(parameter) if isinstance(parameter, str) else ""
