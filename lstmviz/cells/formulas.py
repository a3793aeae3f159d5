"""A cell's step as formulas, in the order of the lesson: concat, product, bias, split, activations, new states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lstmviz.cells.cell import Cell
from lstmviz.cells.kind import parts_of
from lstmviz.cells.latex import (
    SUM,
    Latex,
    Symbols,
    Tex,
    add,
    name_weight,
    write_bounds,
    write_number,
    write_subscript,
    write_word,
)
from lstmviz.equation import Node
from lstmviz.language import _mark

_SUM_LETTERS, _LETTERS = "zsyvq", "abdegkpquvy"  # for sums, and for what is used more than once
_LEAVES = ("x", "state", "weight", "number", "option")
_REPEATED = 2  # so many operations are written again where they are used again


@dataclass(frozen=True)
class Formula:
    """One operation of the step.

    Attributes:
        operation: What it is called, in English, to be translated.
        latex: Its formula.
        shape: The shape of what it gives, one sequence at a time: one row.
        result: The gate or the state that it gives, where it gives one.
    """

    operation: str
    latex: str
    shape: tuple[int, ...]
    result: str | None = None


def formulas(cell: Cell) -> list[Formula]:
    """The step of `cell` as formulas, with the numbers of its options.

    Each is made of x_t, states, weights, and what stands in a formula before it.
    """
    return list(_Writer(cell).write())


@dataclass(frozen=True, eq=False)
class _Item:
    """Formulas that belong together: those of a sum, of a gate, of a state, of what is used more than once."""

    node: Node
    write: Callable[[], Iterator[Formula]]
    needs: frozenset[int]


class _Writer:
    def __init__(self, cell: Cell) -> None:
        self.cell, self.equation = cell, cell.equation
        gates = self.equation.gates
        ends = {id(node) for node in self.equation.new.values()}
        # A kind whose one gate is its new state, as a plain recurrent cell: its letter is its sum's.
        alone = len(gates) == 1 and all(id(node) in ends for node in gates.values())
        self.gates = {} if alone else dict(gates)
        self.ends = self._find_ends()
        self.symbols = Symbols()
        self._name_leaves()
        self.sums = self._find_sums()
        self._name_sums()
        self.repeated = self._find_repeated()
        for node in self.repeated:
            self.symbols.name(node, *filter(self._is_free, _LETTERS), "a")
        self.latex = Latex(self.equation, cell.options, self.symbols)

    def write(self) -> Iterator[Formula]:
        """The formulas: sums, gates, what is used again, and states, each as soon as what it is made of is there."""
        waiting, made = list(self._items()), {id(node) for node in self._named()}
        defined: set[float] = set()
        while waiting:
            item = next(each for each in waiting if not each.needs & made)
            waiting.remove(item)
            for norm in self._inside(item.node):
                if norm.op == "norm" and norm.value not in defined:
                    defined.add(norm.value)
                    yield self._define_norm(norm)
            yield from item.write()
            made.discard(id(item.node))

    # --- What has a symbol ---------------------------------------------------------------------------------------------

    def _find_ends(self) -> dict[str, Node]:
        """The new states that give their value a symbol: a value of two states has that of the first."""
        named = {id(node) for node in self.gates.values()}
        found: dict[str, Node] = {}
        for state, node in self.equation.new.items():
            if node.op not in _LEAVES and id(node) not in named:
                named.add(id(node))
                found[state] = node
        return found

    def _name_leaves(self) -> None:
        name = self.symbols.name
        name(self.equation.x, "x_t")
        for state, node in self.equation.states.items():
            name(node, f"{write_word(state)}_{{t-1}}")
        for state, node in self.ends.items():
            name(node, f"{write_word(state)}_t")
        for gate, node in self.gates.items():
            name(node, write_word(gate))
        own = {"x", *map(write_word, self.equation.states)}  # a weight of that name would be read as these
        for weight, node in self.equation.weights.items():
            name(node, *(each for each in name_weight(weight) if each not in own))

    def _find_sums(self) -> list[Node]:
        """What is split, else the first gate's own sum, in the order in which they are made."""
        split = {id(each.args[0]) for each in self.equation.nodes if each.op == "part"}
        if split:
            return [each for each in self.equation.nodes if id(each) in split and each not in self.symbols]
        own = [
            node
            for node in self.equation.before.values()
            if node not in self.symbols and self._first(node).op == "matmul"
        ]
        return own[:1]

    def _first(self, node: Node) -> Node:
        """The first summand."""
        while node.op == "add" and node.args[0] not in self.symbols:
            node = node.args[0]
        return node

    def _name_sums(self) -> None:
        states = self.equation.states
        letters = [each for each in _SUM_LETTERS if each not in states and self._is_free(each)] or ["z"]
        for node in self.sums:
            self.symbols.name(node, letters[0])
            for part in self._parts(node):
                self.symbols.name(part, write_subscript(self.symbols[node], write_word(part.value.name)))

    def _find_repeated(self) -> list[Node]:
        """What is used more than once and too long to be written again."""
        nodes = self.equation.nodes
        uses = [id(arg) for node in nodes for arg in node.args] + [
            id(node) for node in self.equation.new.values()
        ]
        found = []
        for node in nodes:
            if node in self.symbols or node.op in (*_LEAVES, "called", "concat") or uses.count(id(node)) < 2:
                continue
            inside = [each for each in self._inside(node) if each.op not in _LEAVES]
            if len(inside) > _REPEATED or any(each.op == "matmul" for each in inside):
                found.append(node)
        return found

    def _is_free(self, letter: str) -> bool:
        return self.symbols.is_free(letter) and letter not in self.equation.states

    def _parts(self, node: Node) -> list[Node]:
        return [each for each in self.equation.nodes if each.op == "part" and each.args[0] is node]

    def _inside(self, node: Node) -> Iterator[Node]:
        """What a value is made of, what has a symbol left out."""
        yield node
        for each in node.args:
            if each not in self.symbols:
                yield from self._inside(each)

    # --- The formulas, in order ----------------------------------------------------------------------------------------

    def _named(self) -> list[Node]:
        return [*self.sums, *self.gates.values(), *self.repeated, *self.ends.values()]

    def _items(self) -> Iterator[_Item]:
        for node in self.sums:
            yield self._item(node, lambda node=node: self._write_sum(node))  # type: ignore[misc]
        for node in self.gates.values():
            yield self._item(node, lambda node=node: self._write_gate(node))  # type: ignore[misc]
        for node in self.repeated:
            yield self._item(node, lambda node=node: self._write_repeated(node))  # type: ignore[misc]
        for state, node in self.equation.new.items():
            if self.ends.get(state) is node:
                yield self._item(node, lambda state=state: self._write_state(state))  # type: ignore[misc]
            else:
                same = Node("called", (node,))  # of another name
                yield self._item(same, lambda state=state: self._write_same(state))  # type: ignore[misc]

    def _item(self, node: Node, write: Callable[[], Iterator[Formula]]) -> _Item:
        """Formulas, and what has to be there before them."""
        made = {id(each) for each in self._named()}
        needs: set[int] = set()
        stack, seen = list(node.args), set()
        while stack:
            each = stack.pop()
            if id(each) in made:
                needs.add(id(each))
            elif id(each) not in seen:
                seen.add(id(each))
                stack += each.args
        return _Item(node, write, frozenset(needs))

    def _shape(self, node: Node) -> tuple[int, ...]:
        width = self.equation.width(node)
        if node.op == "weight":
            width = self.equation.shapes.weights[node.value][0]
        return (1, 1 if width is None else width.evaluate(self.cell.sizes))

    def _define_norm(self, node: Node) -> Formula:
        a = next((each for each in "avuy" if self.symbols.is_free(each)), r"\cdot")
        epsilon = write_number(node.value).within(SUM)
        latex = (
            rf"{self.latex.norms[node.value]}({a}) = "
            rf"\frac{{{a} - \mathrm{{mean}}({a})}}{{\sqrt{{\mathrm{{var}}({a}) + {epsilon}}}}}"
        )
        return Formula(_mark("norm over all units"), latex, self._shape(node))

    def _write_sum(self, node: Node) -> Iterator[Formula]:
        letter, shape = self.symbols[node], self._shape(node)
        first, *more = self._summands(node)
        if first.op == "matmul":
            if len(parts_of(first.args[0])) > 1:
                met = first.args[0]
                yield Formula(_mark("concat"), self.latex.write(met).text, self._shape(met))
            product = self.latex.expand(first) if first is node else self.latex.write(first)
            yield Formula(_mark("matmul"), f"{letter} = {product.text}", shape)
        else:
            more = []
            named = {"concat": _mark("concat"), "activation": _mark("activation")}
            yield Formula(
                named.get(node.op, _mark("sum")), f"{letter} = {self.latex.expand(node).text}", shape
            )
        for each in more:
            operation = _mark("bias add") if each.op == "weight" else _mark("add")
            latex = rf"{letter} \leftarrow {add(Tex(letter), self.latex.write(each)).text}"
            yield Formula(operation, latex, shape)
        yield from self._write_split(node)

    def _summands(self, node: Node) -> list[Node]:
        """What a sum is the sum of; a lone product is its own."""
        if node.op != "add":
            return [node]
        found: list[Node] = []
        for each in node.args:
            if each.op == "add" and each not in self.symbols:
                found += self._summands(each)
            elif not self.latex.adds_nothing(each):
                found.append(each)
        return found

    def _write_split(self, node: Node) -> Iterator[Formula]:
        parts = self._parts(node)
        for count in dict.fromkeys(part.value.count for part in parts):
            names = [[] for _index in range(count)]  # type: list[list[str]]
            for part in (each for each in parts if each.value.count == count):
                names[part.value.index].append(self.symbols[part])
            for row in range(max(map(len, names))):  # a value may be split twice
                blocks = ", ".join(each[row] if row < len(each) else r"\_" for each in names)
                latex = rf"{blocks} = \mathrm{{split}}({self.symbols[node]}, {count})"
                yield Formula(
                    _mark("split"), latex, self._shape(next(p for p in parts if p.value.count == count))
                )

    def _write_gate(self, node: Node) -> Iterator[Formula]:
        gate = node.value
        latex = f"{self.symbols[node]} = {self.latex.expand(node).text}"
        yield Formula(gate.title or gate.name, latex, self._shape(node), gate.name)

    def _write_repeated(self, node: Node) -> Iterator[Formula]:
        latex = f"{self.symbols[node]} = {self.latex.expand(node).text}"
        yield Formula(_mark("value used twice"), latex, self._shape(node))

    def _write_state(self, state: str) -> Iterator[Formula]:
        """The new state, and then what is done to it at last: a clip, a projection."""
        node = self.ends[state]
        first, *last = self._chain(node)
        symbol = self.symbols[node]
        latex = self.latex.expand(first) if first is node else self.latex.write(first)
        yield Formula(
            _NAMES.get(state, _mark("new state")),
            f"{symbol} = {latex.text}",
            self._shape(first),
            None if last else state,
        )
        for each in last:
            operand = self.latex.write(each.args[1])
            if each.op == "clip":
                operation = _CLIPS.get(state, _mark("clip"))
                made = rf"\mathrm{{clip}}({symbol}, {write_bounds(operand)})"
            else:
                operation = _mark("project h") if state == "h" else _mark("matmul")
                made = rf"{symbol} \cdot {operand.text}"
            latex_again = rf"{symbol} \leftarrow {made}"
            yield Formula(operation, latex_again, self._shape(each), state if each is node else None)

    def _chain(self, node: Node) -> list[Node]:
        """What a new state was before its clips and its projection, and then each of these."""
        chain = [node]
        while chain[0].op == "clip" or (chain[0].op == "matmul" and not last_is_gate(chain[0])):
            before = chain[0].args[0]
            if before in self.symbols:
                break
            chain.insert(0, before)
        return chain

    def _write_same(self, state: str) -> Iterator[Formula]:
        """A new state that is a gate, another state, or an old one."""
        node = self.equation.new[state]
        latex = f"{write_word(state)}_t = {self.latex.write(node).text}"
        yield Formula(_NAMES.get(state, _mark("new state")), latex, self._shape(node), state)


_NAMES = {"c": _mark("new c"), "h": _mark("new h")}
_CLIPS = {"c": _mark("clip c"), "h": _mark("clip h")}


def last_is_gate(node: Node) -> bool:
    """Whether a product belongs to a gate: its vector has x in it, or the states before the step."""
    return any(each.op in ("x", "state") for each in parts_of(node.args[0]))
