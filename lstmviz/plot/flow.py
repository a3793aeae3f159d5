"""The data flow of one unit as a graph from left to right: its numbers, how each is written, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lstmviz.cells import OPERATORS, Operation, flow
from lstmviz.plot.number import write
from lstmviz.run.trace import Trace

START = "[x, h]"
"""What every pre-activation is made from; it has no node of its own."""

_SYMBOLS: Mapping[str, str] = {
    "sigmoid": "σ",
    "linear": "",
    "hard_sigmoid": "hard σ",
    "legacy_hard_sigmoid": "legacy hard σ",
    "leaky_relu": "leaky relu",
    "exponential": "exp",
}  # the others are written by their names
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


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes at their places, the first row being 0, and wires as points `(column, row)` from one to the next."""

    nodes: tuple[Node, ...]
    wires: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True, eq=False)
class Made:
    """One operation, written out.

    Attributes:
        operation: The declaration.
        name: Its own name; a state that is given again has another one.
        operands: The names of what it is made from.
        symbols: How it is written, `f · c_{t-1} + i · j`.
        form: The same with a `#` for each number; empty where there are too many to be written out.
        numbers: Each step's numbers for these.
        values: What it gave at each step, `[steps]`.
    """

    operation: Operation
    name: str
    operands: tuple[str, ...]
    symbols: str
    form: str
    numbers: tuple[tuple[str, ...], ...]
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
    written = {
        name: _Written(name, "#", tuple((write(n),) for n in numbers)) for name, numbers in values.items()
    }
    latest, made = {name: name for name in values}, []
    parameters = [parameter for _operation, parameter in flow(trace.cell)]
    for (operation, results), parameter in zip(trace.follow(steps), parameters, strict=True):
        if unit >= results.shape[1]:
            break
        result = operation.result
        out = _write_out(operation, parameter, [written[name] for name in operation.operands])
        name = f"{latest[result]}'" if result in latest else result
        operands = tuple(latest[operand] for operand in operation.operands)
        made.append(Made(operation, name, operands, out.symbols, out.form, out.numbers, results[:, unit]))
        latest[result] = name
        if made[-1].is_state:  # from here on it is called by its name
            out = _Written(result, "#", tuple((write(number),) for number in results[:, unit]))
        written[result] = out
    return made


@dataclass(frozen=True)
class _Written:
    """An expression in symbols and as a form for each step's numbers; whether it needs brackets where something binds."""

    symbols: str
    form: str
    numbers: tuple[tuple[str, ...], ...]
    loose: bool = False

    def bracket(self, binds: bool) -> _Written:
        if not (self.loose and binds):
            return self
        return replace(self, symbols=f"({self.symbols})", form=f"({self.form})")


def _write_out(operation: Operation, parameter: object, operands: list[_Written]) -> _Written:
    operator = OPERATORS[operation.operator]
    inside = [operand.bracket(operator.binds) for operand in operands]
    shown = _write_parameter(parameter)
    symbols = operator.text.format(*(operand.symbols for operand in inside), p=shown)
    if not operator.inner:
        return _Written(symbols, "", ((),) * len(operands[0].numbers))
    form = operator.text.format(*(operand.form for operand in inside), p=shown)
    numbers = (sum(row, ()) for row in zip(*(operand.numbers for operand in inside), strict=True))
    return _Written(symbols, form, tuple(numbers), operator.loose)


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
        operands = [START, *(name for name in (*gate.reads, gate.times or "") if name in trace.gates)]
        if gate.peephole in trace.cell.weights:
            operands.append(latest["c_t"] if gate.peeps_at_new_c else "c_{t-1}")
        activation, home, before = trace.activation_of(gate), _home(trace, gate.name), f"Σ_{gate.name}"
        values, scale = trace.preactivations[gate.name][steps, unit], "preactivation"
        yield Node(before, mark_up(before), tuple(operands), values, scale, home=home)
        values, scale = trace.gates[gate.name][steps, unit], "sigmoid" if trace.is_share(gate) else "state"
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


Edge = tuple[str, str]
_Rows = dict[tuple[str | Edge, int], float]  # of a node or a wire, in a column


def _place(nodes: list[Node]) -> Graph:
    """Each node right of what it is made from; wires that cross a column get room in it."""
    columns = _columns(nodes)
    homes = {node.name: node.home for node in nodes}
    edges = [(operand, node.name) for node in nodes for operand in node.operands]
    rows: _Rows = {}
    for column in range(max(columns.values()) + 1):
        wanted: dict[str | Edge, tuple[float, float]] = {}
        for edge in edges:
            thread = _thread(edge, homes, columns, column)
            if thread in wanted or not columns[edge[0]] < column < columns[edge[1]]:
                continue
            home = homes[edge[1]]
            before = rows.get((_thread(edge, homes, columns, column - 1), column - 1), 0.0)
            wanted[thread] = (before if home is None else home, _WIRE)
        for node in nodes:
            if columns[node.name] == column:
                ends = [_thread(edge, homes, columns, column - 1) for edge in edges if edge[1] == node.name]
                wanted[node.name] = (
                    _find_row(node, [rows.get((end, column - 1), 0.0) for end in ends]),
                    _NODE,
                )
        rows |= {(thread, column): row for thread, row in _spread(wanted).items()}
    top = min(rows.values())
    placed = (
        replace(node, column=columns[node.name], row=rows[node.name, columns[node.name]] - top)
        for node in nodes
    )
    first = [rows[_thread(edge, homes, columns, 0), 0] for edge in edges if edge[0] == START]
    rows |= {(START, -1): (min(first) + max(first)) / 2}
    wires = (
        tuple((float(column), rows[_thread(edge, homes, columns, column), column] - top)
              for column in range(columns[edge[0]], columns[edge[1]] + 1))
        for edge in edges
    )  # fmt: skip
    return Graph(tuple(placed), tuple(dict.fromkeys(wires)))


def _find_row(node: Node, operands: list[float]) -> float:
    if node.home is not None:
        return node.home
    return sum(operands) / len(operands)


def _thread(
    edge: Edge, homes: Mapping[str, float | None], columns: Mapping[str, int], column: int
) -> str | Edge:
    """What an edge is in a column: the node that stands there, else a wire; wires from one node run together."""
    source, target = edge
    if column in (columns[source], columns[target]):
        return source if column == columns[source] else target
    return (source, "" if homes[target] is None else target)


def _columns(nodes: list[Node]) -> dict[str, int]:
    columns = {START: -1}
    operands = {node.name: node.operands for node in nodes}
    old = {name for name, made_from in operands.items() if not made_from}
    # Gates that wait for no result stand below each other, whether or not they see an old state.
    early = {name: set(made_from) for name, made_from in operands.items()
             if START in made_from and old | {START} >= set(made_from)}  # fmt: skip
    columns |= dict.fromkeys(early, int(any(old & made_from for made_from in early.values())))

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


def _spread(wanted: Mapping[str | Edge, tuple[float, float]]) -> dict[str | Edge, float]:
    """Rows as near to the wanted ones as their sizes allow, in the same order."""
    ordered = sorted(wanted, key=lambda name: wanted[name][0])
    rows: dict[str | Edge, float] = {}
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
