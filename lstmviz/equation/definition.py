"""An equation, and what follows from it: its gates, its weights, their blocks and shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any
from unicodedata import normalize

from lstmviz.equation import shapes
from lstmviz.equation.activations import ACTIVATIONS
from lstmviz.equation.nodes import Block, Node, walk
from lstmviz.equation.shapes import Shapes, Size
from lstmviz.language import _

Step = Callable[..., Mapping[str, Node]]


class Weights:
    """What an equation gets as `w`: `w("kernel")` is the weight of that name, in the order of the first calls."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.initial: dict[str, float | None] = {}

    def __repr__(self) -> str:
        return "w"

    def __call__(self, name: Any, initial: Any = None) -> Node:
        """The weight called `name`.

        Args:
            name: TensorFlow's name of the variable, `gates/kernel`.
            initial: The constant that it starts as. By default what is only added starts as 0, a norm's factor as 1,
                and all else as the initial weights that were asked for.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(_("a weight is called {given!r}; it must be a text.").format(given=name))
        if not {"", ".", ".."}.isdisjoint(name.split("/")):  # a file of arrays has such parts as folders
            raise ValueError(
                _(
                    "a weight is called {given!r}; between its slashes it must have words, as in gates/kernel."
                ).format(given=name)
            )
        # An address lists edits behind semicolons.
        if ";" in name or name != name.strip() or not name.isprintable():
            raise ValueError(
                _(
                    "a weight is called {given!r}; it must have no semicolon, no space at its ends, and only signs that are seen."
                ).format(given=name)
            )
        if initial is not None and (
            isinstance(initial, bool) or not isinstance(initial, int | float) or not math.isfinite(initial)
        ):
            raise ValueError(
                _("the weight {name} starts as {given!r}; it must be a finite number, or left out.").format(
                    name=name, given=initial
                )
            )
        self.initial[name] = initial if initial is not None else self.initial.get(name)
        return self.nodes.setdefault(name, Node("weight", (), name))


@dataclass(frozen=True)
class Place:
    """Where a gate's pre-activation takes numbers of a weight from.

    Attributes:
        weight: The weight's name.
        block: Which of its blocks of columns; None for all of them.
        met: What meets the rows of a matrix; None for a vector.
        added: Whether a vector is a summand alone, as a bias is.
        by: What the summand is multiplied with, unit by unit: gates and states.
    """

    weight: str
    block: Block | None
    met: Node | None
    added: bool = False
    by: tuple[Node, ...] = ()


@dataclass(frozen=True, eq=False)
class Equation:
    """A kind's step with its options chosen.

    Attributes:
        x: The leaf for x.
        states: The leaves for the states before the step, by name; h is the output.
        weights: The leaves for the weights, by name, in the equation's order.
        initial: The constant that each weight starts as; None where it is drawn.
        new: The states after the step.
        gates: What the equation calls by a name, in the order of the kernel's columns.
        shapes: How many numbers everything has.
    """

    x: Node
    states: Mapping[str, Node]
    weights: Mapping[str, Node]
    initial: Mapping[str, float | None]
    new: Mapping[str, Node]
    gates: Mapping[str, Node]
    shapes: Shapes

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, each after what it is made from."""
        return tuple(walk(*self.new.values()))

    @cached_property
    def before(self) -> Mapping[str, Node]:
        """Each gate before its activation: the gate itself where it has none."""
        found = {}
        for name, gate in self.gates.items():
            (inside,) = gate.args
            found[name] = inside.args[0] if inside.op == "activation" else inside
        return MappingProxyType(found)

    def activation_of(self, gate: str) -> str:
        """The name in `ACTIVATIONS` of a gate's activation."""
        (inside,) = self.gates[gate].args
        return inside.value if inside.op == "activation" else "linear"

    def width(self, node: Node) -> Size | None:
        """How many numbers a node has; None for a single one."""
        return self.shapes.widths.get(id(node))

    @cached_property
    def places(self) -> Mapping[str, tuple[Place, ...]]:
        """Which weights' numbers each gate's pre-activation is made from."""
        ends = {id(node) for node in self.new.values()}
        return MappingProxyType(
            {
                name: tuple(dict.fromkeys(_find_places(before, ends, top=True)))
                for name, before in self.before.items()
            }
        )


def define(step: Step, states: tuple[str, ...], options: Mapping[str, Any]) -> Equation:
    """The equation that `step` writes down.

    Args:
        step: A function of x, the states, the weights and the options.
        states: The states' names, h among them.
        options: Each option's value; a number that is no whole one becomes a leaf of that name, so that one equation serves
            all its values.

    Raises:
        ValueError: what it gives are not the states, or nothing says how large something is.
    """
    _check_states(states)
    x, weights = Node("x"), Weights()
    before = {name: Node("state", (), name) for name in states}
    given = {
        name: Node("option", (), name) if _is_number(value) else value for name, value in options.items()
    }
    try:
        new = step(x, *before.values(), weights, **given)
    except (TypeError, AttributeError) as error:
        raise ValueError(
            _(
                "the equation cannot be read: {cause}. It may have + - * / with numbers, @ with weights, and the functions of "
                "lstmviz.equation."
            ).format(cause=error)
        ) from error
    if isinstance(new, Mapping):
        # Python writes the micro sign among its own names as the letter mu; in a text it stays.
        new = {normalize("NFKC", name) if isinstance(name, str) else name: node for name, node in new.items()}
    if (
        not isinstance(new, Mapping)
        or set(new) != set(states)
        or not all(isinstance(n, Node) for n in new.values())
    ):
        raise ValueError(
            _("the equation gives {given}; it must give the new states by name: {allowed}.").format(
                given=sorted(map(str, new)) if isinstance(new, Mapping) else new, allowed=", ".join(states)
            )
        )
    new = _tell_apart({name: new[name] for name in states})
    nodes = list(walk(*new.values()))
    _check_activations(nodes)
    gates = _find_gates(nodes, states)
    if not weights.nodes:
        raise ValueError(_('the equation has no weights; let it have at least one, w("kernel").'))
    _check_blocks(nodes, gates, {id(node) for node in new.values()})
    # h is as long as `num_proj` says, where there is such an option and it is on.
    output = shapes.of("num_units" if options.get("num_proj") is None else "output_size")
    sizes = {name: output if name == "h" else shapes.of("num_units") for name in states}
    leaves = {id(x): shapes.of("input_size")} | {id(node): sizes[name] for name, node in before.items()}
    ends = {f"{name}_t": (node, sizes[name]) for name, node in new.items()}
    ends |= {name: (node, shapes.of("num_units")) for name, node in gates.items()}
    unused = [name for name in weights.nodes if all(node is not weights.nodes[name] for node in nodes)]
    if unused:
        raise ValueError(
            _("no state depends on {names}; leave it out, or use it.").format(names=", ".join(unused))
        )
    found = shapes.infer(nodes, leaves, ends)
    constants = {name: _initial(weights, name, nodes) for name in weights.nodes}
    equation = Equation(x, before, weights.nodes, constants, new, gates, found)
    order = sorted(gates, key=lambda name: _order_of(equation, name))
    return Equation(x, before, weights.nodes, constants, new, {name: gates[name] for name in order}, found)


def _is_number(value: Any) -> bool:
    return isinstance(value, float)


def _tell_apart(new: Mapping[str, Node]) -> dict[str, Node]:
    """Each new state as a node of its own, also where it is an old state, a weight or another new state as that is."""
    found: dict[str, Node] = {}
    for name, node in new.items():
        is_taken = not node.args or any(node is other for other in found.values())
        found[name] = Node("activation", (node,), "linear") if is_taken else node
    return found


def _list_written(states: tuple[str, ...]) -> tuple[str, ...]:
    """What is written for x, the step and the new states."""
    return ("x", "x_t", "t", *(f"{state}_t" for state in states))


def _check_states(states: tuple[str, ...]) -> None:
    for name in states:
        if name in _list_written(states):
            raise ValueError(
                _(
                    "a state is called {name}, as the step, x or a new state is written; call it otherwise."
                ).format(name=name)
            )


def _check_activations(nodes: list[Node]) -> None:
    for node in nodes:
        if node.op == "activation" and node.value not in ACTIVATIONS:
            raise ValueError(
                _("activation is {given!r}; it must be one of {allowed}.").format(
                    given=node.value, allowed=", ".join(ACTIVATIONS)
                )
            )


def _find_gates(nodes: list[Node], states: tuple[str, ...]) -> dict[str, Node]:
    gates: dict[str, Node] = {}
    for node in nodes:
        if node.op != "called":
            continue
        name = node.value.name
        if gates.setdefault(name, node) is not node:
            raise ValueError(
                _("two values are called {name}; each gate has a name of its own.").format(name=name)
            )
        if name in (*states, *_list_written(states)):
            raise ValueError(
                _("a gate is called {name}, as the state or x is; call it by another letter.").format(
                    name=name
                )
            )
    if not gates:
        raise ValueError(
            _('nothing in the equation has a name; let at least one gate have one: .called("f").')
        )
    return gates


def _check_blocks(nodes: list[Node], gates: Mapping[str, Node], ends: set[int]) -> None:
    """Refuses blocks that are called by each other's gates: formulas and figures would name the wrong one.

    A block may be called as no gate is, and a gate may be made of many blocks.
    """
    parts = [node for node in nodes if node.op == "part"]
    reads = {name: {id(each) for each in _own_parts(gate.args[0], ends)} for name, gate in gates.items()}
    for part in parts:
        name = part.value.name
        if name not in gates or id(part) in reads[name]:
            continue
        for other in parts:
            gate = other.value.name
            same = other.args[0] is part.args[0] and other.value.count == part.value.count
            if same and gate in gates and id(part) in reads[gate] and id(other) not in reads[gate]:
                raise ValueError(
                    _(
                        "the block called {name} makes the gate {gate}, and the block called {gate} does not; "
                        "call each block of a split as its gate is."
                    ).format(name=name, gate=gate)
                )


def _own_parts(node: Node, ends: set[int]) -> Iterator[Node]:
    """The blocks that a gate is made of, those left out that make other gates or states first."""
    stack, seen = [node], {*ends}
    while stack:
        each = stack.pop()
        if each.op == "part":
            yield each
        elif each.op != "called" and id(each) not in seen:
            seen.add(id(each))
            stack += each.args


def _order_of(equation: Equation, gate: str) -> tuple[int, int]:
    """Gates stand in the order of the first weight that they take a block of, then of its blocks."""
    names = list(equation.weights)
    kernels = [place for place in equation.places[gate] if place.met is not None]
    if not kernels:
        return len(names), 0
    first = min(kernels, key=lambda place: names.index(place.weight))
    return names.index(first.weight), first.block.index if first.block else 0


def _initial(weights: Weights, name: str, nodes: list[Node]) -> float | None:
    """The constant that a weight starts as, as it was said, or as it is used."""
    if (said := weights.initial[name]) is not None:
        return said
    leaf = weights.nodes[name]
    uses = {(node.op, index) for node in nodes for index, each in enumerate(node.args) if each is leaf}
    if uses <= {("add", 0), ("add", 1), ("sub", 1)} or uses == {("norm", 2)}:
        return 0.0
    return 1.0 if uses == {("norm", 1)} else None


def _find_places(
    node: Node, ends: set[int], *, top: bool = False, block: Block | None = None, added: bool = False,
    by: tuple[Node, ...] = (),
) -> Iterator[Place]:  # fmt: skip
    if node.op == "weight":
        yield Place(node.value, block, None, added, by)
    elif node.op == "matmul":
        met, weight = node.args
        yield Place(weight.value, block, met, by=by)
    elif node.op == "called" or (not top and id(node) in ends):
        return  # another gate's own, or what came of all gates
    elif node.op == "part":
        yield from _find_places(node.args[0], ends, block=node.value, by=by)
    elif node.op in ("mul", "div"):
        one, other = node.args
        yield from _find_places(one, ends, block=block, by=(*by, other))
        yield from _find_places(other, ends, block=block, by=(*by, one))
    else:
        for each in node.args:
            yield from _find_places(each, ends, block=block, added=node.op in ("add", "sub"), by=by)
