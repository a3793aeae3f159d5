"""The data flow of one unit as a graph from left to right: its numbers, how each is written, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lstmviz.cells.formulas import last_is_gate
from lstmviz.equation import Node
from lstmviz.equation.nodes import walk
from lstmviz.plot.number import write
from lstmviz.run.trace import Trace
from lstmviz.run.values import Values

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
class FlowNode:
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

    nodes: tuple[FlowNode, ...]
    wires: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True, eq=False)
class Made:
    """One operation, written out.

    Attributes:
        result: The state that it gives, `c_t`; empty for what is on the way there.
        name: Its own name; what takes the place of a state's first value has another one, `c_t'`.
        operator: The operation: `mul`, `clip`, …
        operands: The names of what it is made from.
        symbols: How it is written, `f · c_{t-1} + i · j`.
        form: The same with a `#` for each number; empty where there are too many to be written out.
        numbers: Each step's numbers for these.
        values: What it gave at each step, `[steps]`.
    """

    result: str
    name: str
    operator: str
    operands: tuple[str, ...]
    symbols: str
    form: str
    numbers: tuple[tuple[str, ...], ...]
    values: np.ndarray

    @property
    def is_state(self) -> bool:
        """Whether it gives a new state."""
        return bool(self.result)

    @property
    def is_again(self) -> bool:
        """Whether it takes the place of an operation before it."""
        return self.is_state and self.name != self.result


def follow(trace: Trace, unit: int, steps: slice) -> list[Made]:
    """The operations between the gates and the new states, with one unit's numbers.

    They end before a projection that has no such unit.
    """
    return _Flow(trace, unit, steps).made


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


@dataclass(frozen=True)
class _Text:
    """How an operation is written: with `{0}`, `{1}` for its operands; whether it is loose, and which operands it binds."""

    text: str
    loose: bool = False
    binds: tuple[bool, ...] = (False, False, False)
    inner: bool = True


_TEXTS: Mapping[str, _Text] = {
    "add": _Text("{0} + {1}", loose=True),
    "sub": _Text("{0} − {1}", loose=True, binds=(False, True)),
    "neg": _Text("−{0}", loose=True, binds=(True, True)),
    "mul": _Text("{0} · {1}", binds=(True, True)),
    "div": _Text("{0} / {1}", binds=(True, True)),
    "max": _Text("max({0}, {1})"),
    "min": _Text("min({0}, {1})"),
    "if_zero": _Text("if {0} = 0: {1}, else {2}", loose=True, binds=(True, True, True)),
    "sqrt": _Text("√({0})"),
    "log": _Text("log({0})"),
    "clip": _Text("clip({0}, ±{1})"),
    "matmul": _Text("{0} · {1}", inner=False),
    "norm": _Text("norm({0})", inner=False),
}


class _Flow:
    """The operations of one unit's step between the gates and the new states, and the sources that they begin at."""

    def __init__(self, trace: Trace, unit: int, steps: slice) -> None:
        self.trace, self.unit, self.steps = trace, unit, steps
        self.equation = trace.cell.equation
        self.values = trace.values(steps, np.float64)
        self.count = self.values.steps
        self.names = {id(node): name for name, node in self.equation.gates.items()}
        self.names |= {id(node): f"{name}_{{t-1}}" for name, node in self.equation.states.items()}
        self.sums = {id(node): f"Σ_{name}" for name, node in self.equation.before.items()}
        self.old: dict[str, np.ndarray] = {}
        self.sources: dict[str, np.ndarray] = {}
        self.written: dict[int, _Written] = {}
        self.latest: dict[str, str] = {}
        self.made: list[Made] = []
        self.ends = {id(node): f"{name}_t" for name, node in self.equation.new.items()}
        self.results = {
            id(each): f"{name}_t" for name, node in self.equation.new.items() for each in _chain(node)
        }
        for node in walk(*self.equation.new.values()):
            if id(node) in self.ends and not self._make_to(node):
                break

    def _make_to(self, node: Node) -> bool:
        """Makes everything up to a new state; False where it has no such unit."""
        self._write(node)
        return id(node) in self.written

    def _column(self, node: Node) -> np.ndarray | None:
        """One unit's numbers at each step; None where the node has no such unit."""
        values = self.values.of(node)
        if np.ndim(values) == 0:
            return np.full(self.count, values, np.float64)
        if self.unit >= values.shape[-1]:
            return None
        return np.broadcast_to(values[..., self.unit], self.count).astype(np.float64)

    def _write(self, node: Node) -> _Written | None:
        if id(node) not in self.written and (made := self._make(node)) is not None:
            self.written[id(node)] = made
        return self.written.get(id(node))

    def _make(self, node: Node) -> _Written | None:
        if node.op in ("number", "option"):
            number = _write_constant(node, self.values)
            return _Written(number, number, ((),) * self.count)
        if node.op == "called" and id(node) in self.ends:
            return self._finish(node, "copy", [self._gate(node)], _Text("{0}"))
        if node.op == "called":
            return self._gate(node)
        column = self._column(node)
        if column is None:  # what it is made from may have such a unit
            self._write_operands(node)
            return None
        if node.op == "state":
            self.old[self.names[id(node)]] = column
            return self._leaf(self.names[id(node)], column)
        if self._is_constant(node):
            return self._leaf(_say(node), column)
        if self._is_source(node):
            name = (
                self.sums.get(id(node)) or f"z_{node.value.name if node.op == 'part' else len(self.sources)}"
            )
            if id(node) not in self.sums:
                self.sources[name] = column
            self.names[id(node)] = name
            return self._leaf(name, column)
        operands = self._write_operands(node)
        if any(each is None for each in operands):
            return None
        text = _TEXTS.get(node.op)
        if node.op == "activation":
            shown = write_activation(node.value)
            text = _Text(f"{shown}({{0}})" if shown else "{0}")
        elif node.op == "matmul":
            text = _Text(
                "{0} · projection"
                if node.args[1].value == "projection/kernel"
                else f"{{0}} · {node.args[1].value}",
                inner=False,
            )
        assert text is not None
        return self._finish(node, node.op, [each for each in operands if each is not None], text)

    def _write_operands(self, node: Node) -> list[_Written | None]:
        """Of each operand how it is written; a product's and a norm's weights are not."""
        return [
            self._write(each)
            for each in node.args
            if each.op != "weight" or node.op not in ("matmul", "norm")
        ]

    def _finish(self, node: Node, operator: str, operands: list[_Written], text: _Text) -> _Written:
        """Notes the operation, and gives how it is written where something is made of it."""
        inside = [each.bracket(binds) for each, binds in zip(operands, text.binds, strict=False)]
        symbols = text.text.format(*(each.symbols for each in inside))
        form, numbers = "", ((),) * self.count
        if text.inner:
            form = text.text.format(*(each.form for each in inside))
            numbers = tuple(sum(row, ()) for row in zip(*(each.numbers for each in inside), strict=True))
        result = self.results.get(id(node), "")
        name = f"{self.latest[result]}'" if result in self.latest else result or f"n{len(self.made)}"
        values = self._column(node)
        assert values is not None
        args = [node] if operator == "copy" else node.args
        named = [self._name(each) for each in args]
        self.made.append(
            Made(result, name, operator, tuple(filter(None, named)), symbols, form, numbers, values)
        )
        if result:  # from here on it is called by its name
            self.latest[result] = name
        if operator != "copy":
            self.names[id(node)] = name
        return self._leaf(result, values) if result else _Written(symbols, form, numbers, text.loose)

    def _name(self, node: Node) -> str | None:
        return self.names.get(id(node))

    def _gate(self, node: Node) -> _Written:
        column = self._column(node)
        assert column is not None
        return self._leaf(node.value.name, column)

    def _leaf(self, name: str, column: np.ndarray) -> _Written:
        return _Written(name, "#", tuple((write(number),) for number in column.tolist()))

    def _is_source(self, node: Node) -> bool:
        """Whether a gate's sum, or a part of the product with the kernel, stands here."""
        if id(node) in self.sums and node.op != "called":
            return True
        return node.op == "part" or (node.op == "matmul" and last_is_gate(node))

    def _is_constant(self, node: Node) -> bool:
        return all(each.op not in ("x", "state", "called") for each in walk(node))

    def read_by(self, node: Node, *, inside: bool = False) -> Iterator[str]:
        """What a gate's sum reads: the kernel's product, gates, old states and new ones."""
        if node.op == "called":
            yield node.value.name
        elif id(node) in self.ends:
            yield self.latest.get(self.ends[id(node)], self.ends[id(node)])
        elif node.op == "state":
            if not inside:
                name = self.names[id(node)]
                column = self._column(node)
                assert column is not None
                self.old[name] = column
                yield name
        elif node.op == "matmul":
            yield START
            yield from self.read_by(node.args[0], inside=True)
        else:
            for each in node.args:
                yield from self.read_by(each, inside=inside)


def _chain(node: Node) -> list[Node]:
    """A new state and what it was before its clips and its projection."""
    chain = [node]
    while chain[-1].op == "clip" or (chain[-1].op == "matmul" and not last_is_gate(chain[-1])):
        chain.append(chain[-1].args[0])
    return chain


def _write_constant(node: Node, values: Values) -> str:
    """A number of the equation as it stands there, `1`; an option's in three digits."""
    if node.op == "number":
        return f"{node.value:g}".replace("-", "−")
    return write(float(values.of(node)))


def _say(node: Node) -> str:
    """An expression of weights alone."""
    if node.op == "weight":
        return str(node.value)
    if node.op in ("number", "option"):
        return f"{node.value:g}".replace("-", "−") if node.op == "number" else str(node.value)
    if node.op == "activation":
        return f"{write_activation(node.value)}({_say(node.args[0])})"
    return _TEXTS[node.op].text.format(*map(_say, node.args))


def build_graph(trace: Trace, unit: int, steps: slice) -> Graph:
    """The graph of one unit's numbers over `steps`, read from the equation of the cell's kind."""
    flow = _Flow(trace, unit, steps)
    nodes = [*_gate_nodes(flow)]
    nodes += [
        FlowNode(name, mark_up(name), (START,), values, "preactivation")
        for name, values in flow.sources.items()
    ]
    for each in flow.made:
        label = (each.operator if each.is_again else each.result) if each.is_state else each.symbols
        scale = "sigmoid" if each.operator == "sub" and each.symbols.startswith("1 −") else "state"
        nodes.append(FlowNode(each.name, mark_up(label), each.operands, each.values, scale))
    used = {name for node in nodes for name in node.operands}
    for name, values in flow.old.items():
        if name in used:
            nodes.append(FlowNode(name, mark_up(name), (), values, "state", home=_home(flow, name)))
    return _place(nodes)


def _gate_nodes(flow: _Flow) -> Iterable[FlowNode]:
    trace = flow.trace
    for gate in trace.cell.kind.gates:
        sum_of = flow.equation.before[gate.name]
        before, home = f"Σ_{gate.name}", _home(flow, gate.name)
        operands = tuple(dict.fromkeys(flow.read_by(sum_of)))
        operands = tuple(name for name in operands if name != gate.name)
        values = trace.preactivations[gate.name][flow.steps, flow.unit]
        yield FlowNode(before, mark_up(before), operands, values, "preactivation", home=home)
        values, scale = (
            trace.gates[gate.name][flow.steps, flow.unit],
            "sigmoid" if trace.is_share(gate) else "state",
        )
        wire = write_activation(trace.activation_of(gate))
        yield FlowNode(gate.name, f"<b>{gate.name}</b>", (before,), values, scale, wire, home)


def _home(flow: _Flow, name: str) -> float:
    """Gates stand in their order, and each old state below the gate that it is multiplied with."""
    order = [gate.name for gate in flow.trace.cell.kind.gates]
    for each in flow.made:
        for old in each.operands:
            if old.endswith("_{t-1}") and old not in order:
                beside = [order.index(other) for other in each.operands if other in order]
                order.insert(max(beside, default=len(order) - 1) + 1, old)
    return float(order.index(name)) if name in order else float(len(order))


# --- Places -----------------------------------------------------------------------------------------------------------


Edge = tuple[str, str]
_Rows = dict[tuple[str | Edge, int], float]  # of a node or a wire, in a column


def _place(nodes: list[FlowNode]) -> Graph:
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


def _find_row(node: FlowNode, operands: list[float]) -> float:
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


def _columns(nodes: list[FlowNode]) -> dict[str, int]:
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
