"""The data flow of one unit as a graph from left to right: its numbers, how each is written, and where it stands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lstmviz.cells.formulas import last_is_gate
from lstmviz.equation import Equation, Node
from lstmviz.plot.number import write
from lstmviz.run.inside import choose_letter, find_moments, name_factor
from lstmviz.run.terms import name_values
from lstmviz.run.trace import Trace
from lstmviz.run.written import (
    PRODUCT,
    Written,
    is_constant,
    say,
    say_factor,
    subscript,
    write_activation,
    write_leaf,
    write_number,
    write_numbers,
    write_operation,
)

START = "[x, h]"
"""What every pre-activation is made from; it has no node of its own."""

_NODE, _WIRE = 1.0, 0.55  # rows that a node takes, and a wire that passes by
_SIGNS = {
    "add": "+",
    "sub": "−",
    "neg": "−",
    "mul": "×",
    "div": "/",
    "norm": "norm",
    "matmul": "· W",
    "sqrt": "√",
}
_AGAIN = {"matmul": "· projection"}
"""What is written where a state is made anew of itself, as by a projection, where that is not called by its operator."""
_LETTERS = "abdegkpquvy"  # for what is used more than once, as in a cell's formulas
_REPEATED = 2  # so many operations are written again where they are used again


@dataclass(frozen=True, eq=False)
class FlowNode:
    """One number of the data flow.

    Attributes:
        name: Names it in the graph.
        label: How it is written above its square, in Plotly's markup.
        operands: The names of what it is made from.
        values: The number at each step, `[steps]`.
        scale: Which colours it has: "preactivation", "sigmoid" or "state".
        sign: The operation alone, `+`, where there is no room for the label.
        wire: What is written on the wire to it.
        home: The row it would best be in; None for the middle of its operands.
        origin: The equation's node that it is one unit of.
        column: Its place from the left.
        row: Its place from the top.
    """

    name: str
    label: str
    operands: tuple[str, ...]
    values: np.ndarray
    scale: str
    sign: str = ""
    wire: str = ""
    home: float | None = None
    origin: Node | None = None
    column: int = 0
    row: float = 0.0


Point = tuple[float, float]  # column and row


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes at their places, the first row being 0, and wires as points `(column, row)` from one to the next."""

    nodes: tuple[FlowNode, ...]
    wires: tuple[tuple[Point, ...], ...]


@dataclass(frozen=True, eq=False)
class Made:
    """One operation, written out.

    Attributes:
        result: The state that it gives, `c_t`; empty for what is on the way there.
        letter: What it is called where it is used more than once and too long to be written again; else empty.
        name: Its own name; what takes the place of a state's first value has another one, `c_t'`.
        operator: The operation: `mul`, `clip`, …
        operands: The names of what it is made from.
        symbols: How it is written, `f · c_{t-1} + i · j`.
        form: The same with a `#` for each number; empty where there are too many to be written out.
        written: The same with the numbers that stand there, of all steps.
        values: What it gave at each step, `[steps]`.
        norm: What is normalised, and over how many numbers, where that is the operation.
        origin: The equation's node that it is one unit of.
    """

    result: str
    letter: str
    name: str
    operator: str
    operands: tuple[str, ...]
    symbols: str
    form: str
    written: Written = field(repr=False)
    values: np.ndarray
    norm: tuple[str, int] | None = None
    origin: Node | None = None

    @property
    def numbers(self) -> tuple[tuple[str, ...], ...]:
        """Each step's numbers for the form."""
        return tuple(map(tuple, write_numbers(self.written, len(self.values), write)))

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


def _name_sums(equation: Equation) -> dict[int, str]:
    """What each gate's sum is called."""
    return {id(node): subscript("Σ", name) for name, node in equation.before.items()}


def find_repeated(equation: Equation) -> dict[int, str]:
    """A letter for each value between gates and states that is used more than once and too long to be written again; by `id`."""
    uses = Counter(id(each) for node in equation.nodes for each in node.args)
    ends, sums = {id(node) for node in equation.new.values()}, _name_sums(equation)
    taken = {*equation.gates, *equation.states, *equation.weights, choose_letter(equation), "x"}
    free = iter([each for each in _LETTERS if each not in taken])
    found = {}
    for node in equation.nodes:
        own = id(node) not in {*ends, *sums} and node.op not in ("called", "concat", "part", "matmul")
        if own and uses[id(node)] > 1 and not is_constant(node) and _count(node, {*ends, *sums}) > _REPEATED:
            found[id(node)] = next(free, "")
    return {node: letter for node, letter in found.items() if letter}


def _count(node: Node, named: set[int]) -> int:
    """How many operations are written in a value, what has a name left out."""
    if not node.args or node.op in ("called", "part", "matmul") or is_constant(node):
        return 0
    return 1 + sum(_count(each, named) for each in node.args if id(each) not in named)


def write_with_letters(equation: Equation, *nodes: Node) -> tuple[list[str], list[str]]:
    """Expressions as formulas write them, and what each letter in them stands for, `a = exp(…)`.

    Args:
        equation: The equation.
        *nodes: Values of it, or made of them.
    """
    names = {**_name_sums(equation), **name_values(equation)}
    letters = {node: letter for node, letter in find_repeated(equation).items() if node not in names}
    every = {id(node): node for node in equation.nodes}
    said = [say(node, names | letters) for node in nodes]
    told: dict[str, str] = {}
    waiting = list(said)
    while waiting:
        words = waiting.pop()
        for node, letter in letters.items():
            if letter not in told and re.search(rf"(?<![\w]){letter}(?![\w(])", words):
                others = {each: name for each, name in letters.items() if each != node}
                told[letter] = say(every[node], names | others)
                waiting.append(told[letter])
    return said, [f"{letter} = {words}" for letter, words in told.items()]


class _Flow:
    """The operations of one unit's step between the gates and the new states, and the sources that they begin at."""

    def __init__(self, trace: Trace, unit: int, steps: slice) -> None:
        self.trace, self.unit, self.steps = trace, unit, steps
        self.equation = trace.cell.equation
        self.values = trace.values(steps, np.float64)
        self.count = self.values.steps
        self.letter = choose_letter(self.equation)
        self.names = {id(node): name for name, node in self.equation.gates.items()}
        self.names |= {id(node): f"{name}_{{t-1}}" for name, node in self.equation.states.items()}
        self.sums = _name_sums(self.equation)
        self.repeated = find_repeated(self.equation)
        self.old: dict[str, np.ndarray] = {}
        self.sources: dict[str, np.ndarray] = {}
        self.origins = {f"{name}_{{t-1}}": node for name, node in self.equation.states.items()}
        self.written: dict[int, Written] = {}
        self.latest: dict[str, str] = {}
        self.made: list[Made] = []
        self.norms: dict[int, tuple[str, int]] = {}
        self.ends = {id(node): f"{name}_t" for name, node in self.equation.new.items()}
        self.results = {
            id(each): f"{name}_t" for name, node in self.equation.new.items() for each in _chain(node)
        }
        for node in self.equation.nodes:
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

    def _write(self, node: Node) -> Written | None:
        if id(node) not in self.written and (made := self._make(node)) is not None:
            self.written[id(node)] = made
        return self.written.get(id(node))

    def _make(self, node: Node) -> Written | None:
        """How a value is written, everything that it is made of being noted before it; None where it has no such unit."""
        if node.op == "number":
            return write_number(node.value)
        if node.op == "option":
            number = write(float(self.values.of(node)))
            return Written(number, number)
        if node.op == "called" and id(node) in self.ends:
            return self._finish(node, "copy", self._gate(node))
        if node.op == "called":
            return self._gate(node)
        column = self._column(node)
        if column is None:
            for each in node.args:  # what it is made of may have such a unit
                self._write(each)
            return None
        if node.op == "state":
            self.old[self.names[id(node)]] = column
            return write_leaf(self.names[id(node)], column)
        if is_constant(node):
            return write_leaf(say_factor(node), column)
        if self._is_source(node):
            return write_leaf(self._name_source(node, column), column)
        if node.op in ("matmul", "concat"):
            written = [self._write(each) for each in node.args if each.op != "weight"]
            if None in written:
                return None
            return self._finish(node, node.op, self._write_all_units(node, column))
        operands = self._write_operands(node)
        return None if operands is None else self._finish(node, node.op, write_operation(node, operands))

    def _write_operands(self, node: Node) -> list[Written] | None:
        """Of each operand how it is written; of a norm its mean and deviation too. None where one has no such unit."""
        found = [self._write(each) for each in (node.args[:1] if node.op == "norm" else node.args)]
        operands = [each for each in found if each is not None]
        if len(operands) < len(found):
            return None
        if node.op == "norm":
            mean, deviation = find_moments(self.values.of(node.args[0]), node.value)
            operands += [write_leaf("mean", mean), write_leaf("deviation", deviation)]
            for each in node.args[1:]:
                column = self._column(each)
                assert column is not None
                operands.append(write_leaf(name_factor(each), column))
            self.norms[id(node)] = operands[0].symbols, self.values.of(node.args[0]).shape[-1]
        return operands

    def _write_all_units(self, node: Node, column: np.ndarray) -> Written:
        """What takes the numbers of all units is written with its own number alone."""
        words = {id(each): self._word(each) for each in node.args if each.op != "weight"}
        words |= {id(w): "projection" for w in node.args if w.value == "projection/kernel"}
        return Written(say(node, words), "#", (column,), PRODUCT)

    def _word(self, node: Node) -> str:
        written = self._write(node)
        assert written is not None
        return written.within(PRODUCT).symbols

    def _name_source(self, node: Node, column: np.ndarray) -> str:
        """The name of a gate's sum, or of a part of the product with the kernel that is none."""
        if id(node) in self.sums:
            self.names[id(node)] = self.sums[id(node)]
        elif id(node) not in self.names:
            name = subscript(self.letter, node.value.name if node.op == "part" else str(len(self.sources)))
            self.names[id(node)] = name + "'" * sum(each.rstrip("'") == name for each in self.sources)
            self.sources[self.names[id(node)]] = column
            self.origins[self.names[id(node)]] = node
        return self.names[id(node)]

    def _finish(self, node: Node, operator: str, written: Written) -> Written:
        """Notes the operation, and gives how it is written where something is made of it."""
        values = self._column(node)
        assert values is not None
        result, letter = self.results.get(id(node), ""), self.repeated.get(id(node), "")
        name = (
            f"{self.latest[result]}'" if result in self.latest else result or letter or f"#{len(self.made)}"
        )
        args = [node] if operator == "copy" else node.args
        operands = tuple(self.names[id(each)] for each in args if id(each) in self.names)
        self.made.append(
            Made(
                result,
                letter,
                name,
                operator,
                operands,
                written.symbols,
                written.form,
                written,
                values,
                self.norms.get(id(node)),
                node,
            )
        )
        if result:  # from here on it is called by its name
            self.latest[result] = name
        if operator != "copy":
            self.names[id(node)] = name
        return write_leaf(result or letter, values) if result or letter else written

    def _gate(self, node: Node) -> Written:
        column = self._column(node)
        assert column is not None
        return write_leaf(node.value.name, column)

    def _is_source(self, node: Node) -> bool:
        """Whether a gate's sum, or a part of the product with the kernel, stands here."""
        if id(node) in self.sums and node.op != "called":
            return True
        return node.op == "part" or (node.op == "matmul" and last_is_gate(node))

    def read_by(self, node: Node, *, inside: bool = False) -> Iterator[str]:
        """What a gate's sum reads: the kernel's product, gates, old states and new ones."""
        if node.op == "called":
            yield node.value.name
        elif self.names.get(id(node)) in self.sources:
            yield self.names[id(node)]
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


def build_graph(trace: Trace, unit: int, steps: slice) -> Graph:
    """The graph of one unit's numbers over `steps`, read from the equation of the cell's kind."""
    flow = _Flow(trace, unit, steps)
    rests = {f"1 − {gate.name}" for gate in trace.cell.kind.gates if trace.is_share(gate)}
    nodes = [*_gate_nodes(flow)]
    nodes += [
        FlowNode(name, mark_up(name), (START,), values, "preactivation", origin=flow.origins[name])
        for name, values in flow.sources.items()
    ]
    for each in flow.made:
        label = (
            (_AGAIN.get(each.operator, each.operator) if each.is_again else each.result)
            if each.is_state
            else each.letter or each.symbols
        )
        scale = "sigmoid" if each.symbols in rests else "state"
        sign = _SIGNS.get(each.operator) or each.symbols.partition("(")[0]
        nodes.append(
            FlowNode(each.name, mark_up(label), each.operands, each.values, scale, sign, origin=each.origin)
        )
    used = {name for node in nodes for name in node.operands}
    for name, values in flow.old.items():
        if name in used:
            home, origin = _home(flow, name), flow.origins[name]
            nodes.append(FlowNode(name, mark_up(name), (), values, "state", home=home, origin=origin))
    return _place(nodes)


def _gate_nodes(flow: _Flow) -> Iterable[FlowNode]:
    trace = flow.trace
    for gate in trace.cell.kind.gates:
        sum_of = flow.equation.before[gate.name]
        before, home = subscript("Σ", gate.name), _home(flow, gate.name)
        operands = tuple(dict.fromkeys(flow.read_by(sum_of)))
        operands = tuple(name for name in operands if name != gate.name)
        values = trace.preactivations[gate.name][flow.steps, flow.unit]
        yield FlowNode(before, mark_up(before), operands, values, "preactivation", home=home, origin=sum_of)
        values, scale = (
            trace.gates[gate.name][flow.steps, flow.unit],
            "sigmoid" if trace.is_share(gate) else "state",
        )
        wire = write_activation(trace.activation_of(gate))
        origin = flow.equation.gates[gate.name]
        yield FlowNode(gate.name, f"<b>{gate.name}</b>", (before,), values, scale, "", wire, home, origin)


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


class _Spot(NamedTuple):
    """What of a node its place hangs on."""

    name: str
    operands: tuple[str, ...]
    home: float | None


def _place(nodes: list[FlowNode]) -> Graph:
    """The nodes at their places: the same for all cells of one equation, whatever their sizes and numbers."""
    spots = tuple(_Spot(node.name, node.operands, node.home) for node in nodes)
    places, wires = _lay_out(spots)
    at = zip(nodes, places, strict=True)
    return Graph(tuple(replace(node, column=column, row=row) for node, (column, row) in at), wires)


@lru_cache(64)
def _lay_out(nodes: tuple[_Spot, ...]) -> tuple[tuple[tuple[int, float], ...], tuple[tuple[Point, ...], ...]]:
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
    placed = ((columns[node.name], rows[node.name, columns[node.name]] - top) for node in nodes)
    first = [rows[_thread(edge, homes, columns, 0), 0] for edge in edges if edge[0] == START] or [top]
    rows |= {(START, -1): (min(first) + max(first)) / 2}
    wires = (
        tuple((float(column), rows[_thread(edge, homes, columns, column), column] - top)
              for column in range(columns[edge[0]], columns[edge[1]] + 1))
        for edge in edges
    )  # fmt: skip
    return tuple(placed), tuple(dict.fromkeys(wires))


def _find_row(node: _Spot, operands: list[float]) -> float:
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


def _columns(nodes: Sequence[_Spot]) -> dict[str, int]:
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


def mark_up(symbols: str) -> str:
    """LaTeX's subscripts as Plotly's: `c_{t-1}` becomes `c<sub>t−1</sub>`; a word with an underscore stays."""
    return re.sub(
        r"_(?:\{([^}]*)\}|([^\W_])(?!\w))",
        lambda found: f"<sub>{(found[1] or found[2]).replace('-', '−')}</sub>",
        symbols,
    )
