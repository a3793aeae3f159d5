"""An equation as the engines compute it: what can be made before the first step is made there, for all steps at once.

The numbers stay those of the equation up to rounding. What belongs to no step alone is moved out of the loop: the rows of
a kernel that meet x are a product of their own, biases and offsets are added to it. What is left depends on the states.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

from lstmviz.equation import Equation, Node
from lstmviz.equation.activations import expand
from lstmviz.equation.nodes import walk
from lstmviz.equation.shapes import Size, add, times
from lstmviz.equation.stable import rewrite, root

CONSTANT, AHEAD, STEP = range(3)
"""When a value is known: from the weights alone, from x of all steps, in its step."""

# What a library has itself; the other activations are made of it.
PRIMITIVES = ("tanh", "relu", "sigmoid", "softplus", "exponential")


@dataclass(frozen=True, eq=False)
class Lowered:
    """A step as the engines compute it.

    Attributes:
        before: Each gate before its activation.
        after: Each gate after it.
        new: The states after the step.
        phases: When each value is known, by node.
        widths: How many numbers each value has, by node; a number has none.
        given: What a run holds of gates and states, each as two leaves: where, and at what. They stand beside x, as
            columns of what goes into the loop row by row.
    """

    equation: Equation
    before: Mapping[str, Node]
    after: Mapping[str, Node]
    new: Mapping[str, Node]
    phases: Mapping[int, int]
    widths: Mapping[int, Size]
    given: tuple[Node, ...] = ()

    def columns(self, leaf: Node, sizes: Mapping[str, Any]) -> slice:
        """Where x, or a leaf beside it, stands in what goes into the loop."""
        before = [self.equation.x, *self.given][: 0 if leaf.op == "x" else self.given.index(leaf) + 1]
        start = add(*(self.widths[id(each)] for each in before)).evaluate(sizes) if before else 0
        return slice(start, start + self.widths[id(leaf)].evaluate(sizes))

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, each after what it is made from."""
        return tuple(walk(*self.new.values(), *self.before.values(), *self.after.values()))


def lower(equation: Equation, clamped: tuple[str, ...] = ()) -> Lowered:
    """The step of `equation`, to be computed; the gates and states in `clamped` may be held at something else."""
    lowering = _Lowering(equation, clamped)
    new = {name: lowering.lower_new(name) for name in equation.new}
    before = {name: lowering.lower(node) for name, node in equation.before.items()}
    after = {name: lowering.lower_gate(name) for name in equation.gates}
    return Lowered(equation, before, after, new, lowering.phases, lowering.widths, lowering.given)


def find_held(equation: Equation, clamped: Iterable[str]) -> dict[int, list[str]]:
    """The values, by `id`, that are held where a run holds these gates and states, with the names of these, gates first.

    A new state that is another one too, or the old one of another, is held only as what is handed on.
    """
    found: dict[int, list[str]] = {}
    for name in sorted(clamped, key=lambda name: name not in equation.gates):
        node = equation.gates[name] if name in equation.gates else equation.new[name]
        if name in equation.gates or (node.args and sum(node is each for each in equation.new.values()) == 1):
            found.setdefault(id(node), []).append(name)
    return found


class _Lowering:
    def __init__(self, equation: Equation, clamped: tuple[str, ...] = ()) -> None:
        self.equation = equation
        self.held = find_held(equation, clamped)
        self.free: dict[int, Node] = {}
        self.done: dict[int, Node] = {}
        self.kept: list[Node] = []  # so that no node's id is given to another one
        self.phases: dict[int, int] = {}
        self.widths: dict[int, Size] = {}
        self.offsets, self.folded = _find_offsets(equation)
        self.leaves = {name: self._make_leaves(name) for name in clamped}
        self.given = tuple(leaf for leaves in self.leaves.values() for leaf in leaves)
        if self.given:
            self._note(equation.x, equation.width(equation.x))

    def _make_leaves(self, name: str) -> tuple[Node, Node]:
        """Where a gate or a state is held, and at what."""
        is_gate = name in self.equation.gates
        width = self.equation.width(self.equation.gates[name] if is_gate else self.equation.states[name])
        where, value = (self._note(Node("given", (), (name, what)), width) for what in ("where", "value"))
        return where, value

    def lower_new(self, name: str) -> Node:
        """A new state, which may be held."""
        node = self.equation.new[name]
        made = self.lower(node)
        is_held = name in self.held.get(id(node), ())
        return self._hold(made, name) if name in self.leaves and not is_held else made

    def lower_gate(self, name: str) -> Node:
        """A gate: where it is a new state, which may be held, as what it was before that."""
        node = self.equation.gates[name]
        made = self.lower(node)
        return self.free.get(id(node), made)

    def _hold(self, made: Node, name: str) -> Node:
        where, value = self.leaves[name]
        return self._note(Node("if_zero", (where, made, value)), self.widths[id(where)])

    def lower(self, node: Node) -> Node:
        """The node as it is computed."""
        if id(node) not in self.done:
            made = self._lower(node)
            for block, number in self.offsets.get(id(node), ()):
                width = self.widths[id(made)]
                made = self._add(self._note(Node("in_block", (self.lower(number),), block), width), made)
            for name in self.held.get(id(node), ()):
                if name in self.equation.new:
                    self.free[id(node)] = made
                made = self._hold(made, name)
            self.done[id(node)] = made
            self.kept += [node, made]
        return self.done[id(node)]

    def _lower(self, node: Node) -> Node:
        width = self.equation.width(node) or self.widths.get(id(node))
        if node.op == "called":
            return self.lower(node.args[0])
        if id(node) in self.folded:
            return self.lower(self.folded[id(node)])
        if (stable := rewrite(node, self.held.keys())) is not None:
            return self.lower(stable)
        if node.op == "activation" and node.value not in PRIMITIVES:
            (inside,) = node.args
            return self.lower(expand(Node("activation", (self.lower(inside),), node.value)))
        if node.op == "weight":
            axes = self.equation.shapes.weights[node.value]
            return self._note(node, axes[0] if len(axes) == 1 else None)
        if node.op == "clip":
            a, bound = map(self.lower, node.args)
            under = self._note(Node("neg", (bound,)), self.widths.get(id(bound)))
            low = self._note(Node("max", (a, under)), width)
            return self._note(Node("min", (low, bound)), width)
        if node.op == "matmul":
            return self._multiply(node)
        if node.op == "add":
            return self._sum(node)
        args = tuple(map(self.lower, node.args))
        width = width or next((w for each in args if (w := self.widths.get(id(each)))), None)
        if node.op == "sqrt":
            return self._note_all(root(args[0]), width)
        return self._note(Node(node.op, args, node.value) if args else node, width)

    def _note_all(self, node: Node, width: Size | None) -> Node:
        """Notes what is made of nodes that are noted."""
        for each in node.args:
            if id(each) not in self.phases:
                self._note_all(each, width if each.args else None)
        return self._note(node, width)

    def _note(self, node: Node, width: Size | None) -> Node:
        if id(node) not in self.phases:
            self.kept.append(node)
            own = {"x": AHEAD, "given": AHEAD, "state": STEP}.get(node.op, CONSTANT)
            self.phases[id(node)] = max([own, *(self.phases[id(each)] for each in node.args)])
            if width is not None:
                self.widths[id(node)] = width
        self.done.setdefault(id(node), node)
        return node

    def _multiply(self, node: Node) -> Node:
        """A product for each run of rows whose partners are known at one time."""
        met, weight = node.args
        parts = met.args if met.op == "concat" else (met,)
        width = self.equation.width(node)
        runs: list[tuple[int, list[Node], Size, Size]] = []
        start = Size(())
        for part in parts:
            made = self.lower(part)
            size = self.equation.width(part)
            assert size is not None  # a product's vector has a size
            phase = max(self.phases[id(made)], AHEAD)
            if runs and runs[-1][0] == phase:
                _phase, run, first, last = runs.pop()
                runs.append((phase, [*run, made], first, add(last, size)))
            else:
                runs.append((phase, [made], start, size))
            start = add(start, size)
        products = []
        for _phase, run, first, size in runs:
            vector = run[0] if len(run) == 1 else self._note(Node("concat", tuple(run)), size)
            rows = self._note(Node("rows", (self.lower(weight),), (first, size)), None)
            products.append(self._note(Node("matmul", (vector, rows)), width))
        return self._add(*products)

    def _sum(self, node: Node) -> Node:
        return self._add(*map(self.lower, node.args))

    def _add(self, *summands: Node) -> Node:
        """The sum, what is known first first."""
        flat: list[Node] = []
        for each in summands:
            flat += self._summands(each)
        flat.sort(key=lambda each: self.phases[id(each)])  # stable

        def plus(a: Node, b: Node) -> Node:
            return self._note(Node("add", (a, b)), self.widths.get(id(a)) or self.widths.get(id(b)))

        return reduce(plus, flat)

    def _summands(self, node: Node) -> list[Node]:
        """What a sum of several phases is the sum of; a sum of one phase is left as it is."""
        if node.op != "add" or len({self.phases[id(each)] for each in node.args}) == 1:
            return [node]
        return [each for arg in node.args for each in self._summands(arg)]


def _find_offsets(equation: Equation) -> tuple[dict[int, list[tuple[object, Node]]], dict[int, Node]]:
    """Numbers that are added to one block alone: they are added to all blocks' sum, once and for all steps.

    Gives what is added to which split value, and the sums that are then no more than their block.
    """
    users: dict[int, list[Node]] = {}
    for node in equation.nodes:
        for each in node.args:
            users.setdefault(id(each), []).append(node)
    seen = {
        id(node) for node in (*equation.new.values(), *equation.gates.values(), *equation.before.values())
    }
    offsets: dict[int, list[tuple[object, Node]]] = {}
    folded: dict[int, Node] = {}
    for node in equation.nodes:
        if node.op == "add" and node.args[0].op == "part" and node.args[1].op in ("number", "option"):
            part, number = node.args
            whole = part.args[0]
            parts = users[id(whole)]
            # Nobody but this sum may see the block, for it is another one then.
            blocks = [each.value.index for each in parts if each.op == "part"]
            alone = len(blocks) == len(parts) and blocks.count(part.value.index) == 1
            even = len({each.value.count for each in parts if each.op == "part"}) == 1
            if alone and even and len(users[id(part)]) == 1 and not {id(part), id(whole)} & seen:
                offsets.setdefault(id(whole), []).append((part.value, number))
                folded[id(node)] = part
    return offsets, folded


__all__ = ["AHEAD", "CONSTANT", "PRIMITIVES", "STEP", "Lowered", "find_held", "lower", "times"]
