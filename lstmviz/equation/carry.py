"""What an equation does to a state's old value: a factor for each unit, and what is added.

`f * c + i * j` keeps `f` of the old c and writes `i * j`. A state of which that can be said may be followed back to the
steps that wrote it; gates, whatever they see, are taken as the numbers that they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lstmviz.equation.definition import Equation
from lstmviz.equation.nodes import Node, walk, wrap

_Parts = tuple[Node | None, Node | None]

# Each of these is its argument times one of two numbers, like a gate that is open or not. Which one is read from the new
# state, which a run records, and which has the argument's sign. 0.2 is the slope of `leaky_relu` in `activations.py`.
_SLOPES: Mapping[str, Callable[[Node], Node]] = {
    "relu": lambda a: Node("if_zero", (a, wrap(0.0), wrap(1.0))),
    "leaky_relu": lambda a: Node("select", (a, wrap(1.0), wrap(0.2))),
}


@dataclass(frozen=True, eq=False)
class Carry:
    """A state's new value as `factor * old + write`, unit by unit.

    Attributes:
        factor: What the old value is multiplied by.
        write: What is added; None where nothing is.
    """

    factor: Node
    write: Node | None


class Obstacle(Exception):
    """A new state that is not its old value times a factor and a summand.

    Attributes:
        node: What stands in the way: the operation that the old value is in. The old state itself where the new one is made
            without it but for gates, and another state where the two are made of each other.
    """

    def __init__(self, node: Node) -> None:
        super().__init__(repr(node))
        self.node = node


def find_carry(equation: Equation, state: str) -> Carry:
    """How much of its old value a state keeps, and what is added.

    What an equation calls by a name, and what goes through an activation, is a gate: it may hold the state. The name of
    the new state itself is only its name.

    Raises:
        Obstacle: the old value is in something else than sums and products with what holds it through gates alone.
    """
    leaf, holding = equation.states[state], _find_holding(equation, state)
    factor, write = _Reading(leaf, equation.new[state], holding).take_apart(equation.new[state])
    if factor is None:
        *_names, inside = _list_outer(equation.new[state])
        around = _is_squashed(inside) and any(id(each) in holding for each in inside.args)
        raise Obstacle(inside if around else _find_between(equation, state, holding))
    other = _find_partner(equation, state)
    if other is not None:
        raise Obstacle(equation.states[other])
    return Carry(factor, write)


@dataclass(frozen=True, eq=False)
class _Reading:
    """A state's leaf, its new value, and the nodes that hold the old one other than through gates."""

    leaf: Node
    new: Node
    holding: set[int]

    def take_apart(self, node: Node) -> _Parts:
        """The factor of the state in `node`, and the rest; None for 0."""
        if node is self.leaf:
            return wrap(1.0), None
        if id(node) not in self.holding:
            return None, node
        if node.op == "called":
            return self.take_apart(node.args[0])
        if node.op == "activation":
            return self._open(node)
        if node.op in ("add", "sub"):
            (a, b), (c, d) = map(self.take_apart, node.args)
            return _combine(node.op, a, c), _combine(node.op, b, d)
        if node.op == "neg":
            return _each(lambda part: -part, self.take_apart(node.args[0]))
        return self._scale(node)

    def _open(self, node: Node) -> _Parts:
        """An activation around all that the state is in; one of two slopes is a factor of its own."""
        parts = self.take_apart(node.args[0])
        if node.value == "linear":
            return parts
        slope = _SLOPES[node.value](self.new)
        return _each(lambda part: _multiply(slope, part), parts)

    def _scale(self, node: Node) -> _Parts:
        """A product, or a quotient, of which one side alone holds the state."""
        if node.op not in ("mul", "div"):
            raise Obstacle(node)
        one, other = node.args
        if id(other) in self.holding and (node.op == "div" or id(one) in self.holding):
            raise Obstacle(node)
        if node.op == "div":
            return _each(lambda part: part / other, self.take_apart(one))
        by, of = (one, other) if id(other) in self.holding else (other, one)
        return _each(lambda part: _multiply(by, part), self.take_apart(of))


def _each(change: Callable[[Node], Node], parts: _Parts) -> _Parts:
    a, b = parts
    return None if a is None else change(a), None if b is None else change(b)


def _multiply(by: Node, part: Node) -> Node:
    if part.op == "neg":
        return -_multiply(by, part.args[0])
    return by if part.op == "number" and part.value == 1.0 else by * part


def _combine(op: str, a: Node | None, b: Node | None) -> Node | None:
    if b is not None and b.op == "neg":  # h + k (y − h) keeps 1 − k of h
        op, b = "sub" if op == "add" else "add", b.args[0]
    if a is None or b is None:
        return a if b is None else -b if op == "sub" else b
    return Node(op, (a, b))


def _is_squashed(node: Node) -> bool:
    return node.op == "activation" and node.value != "linear"


def _list_outer(node: Node) -> Iterator[Node]:
    """A new state's names, and the activations around it that can be opened, from outside; then what is inside."""
    yield node
    if node.op == "called" or (node.op == "activation" and node.value in ("linear", *_SLOPES)):
        yield from _list_outer(node.args[0])


def _find_holding(equation: Equation, state: str) -> set[int]:
    """The nodes that hold a state other than through gates."""
    leaf = equation.states[state]
    held = {id(leaf)}
    open_ = {id(node) for new in equation.new.values() for node in _list_outer(new)}
    for new in equation.new.values():  # what is inside is no gate for being a new state
        *_outer, inside = _list_outer(new)
        open_.discard(id(inside))
    for node in walk(*equation.new.values()):
        is_gate = id(node) not in open_ and (_is_squashed(node) or node.op == "called")
        if not is_gate and any(id(each) in held for each in node.args):
            held.add(id(node))
    return held


def _find_between(equation: Equation, state: str, holding: set[int]) -> Node:
    """What is between a state's old value and a new one that does not hold it.

    An activation around the old value alone, unit by unit, that has no name, as `tanh(h)`; where there is none the old state.
    """
    leaf, new = equation.states[state], equation.new[state]
    outer = {id(node) for node in _list_outer(new)}
    alone = {id(leaf)}  # what holds the old value, unit by unit
    found: dict[int, Node] = {}  # what holds it behind such an activation, and which that is
    for node in walk(new):
        if node.op == "called" and id(node) not in outer:
            continue
        behind = next((found[id(each)] for each in node.args if id(each) in found), None)
        if any(id(each) in alone for each in node.args):
            if id(node) in holding and node.op not in ("matmul", "concat", "part"):
                alone.add(id(node))
            elif behind is None and _is_squashed(node):
                behind = node
        if behind is not None:
            found[id(node)] = behind
    return found.get(id(new), leaf)


def _find_partner(equation: Equation, state: str) -> str | None:
    """Another state that is made of this one, as this one is made of it, outside gates."""
    found = {name: _find_holding(equation, name) for name in equation.states}
    made_of = {
        name: [other for other, new in equation.new.items() if id(new) in holding]
        for name, holding in found.items()
    }
    reached = _reach(made_of, state)
    return next((name for name in reached if name != state and state in _reach(made_of, name)), None)


def _reach(made_of: Mapping[str, list[str]], start: str) -> list[str]:
    """The states that are made of `start`, and those made of these."""
    found: list[str] = []
    left = list(made_of[start])
    while left:
        name = left.pop(0)
        if name not in found:
            found.append(name)
            left += made_of[name]
    return found


__all__ = ["Carry", "Obstacle", "find_carry"]
