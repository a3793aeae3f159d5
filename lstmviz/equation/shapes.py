"""How many numbers each value of an equation has, as sums of `input_size`, `num_units` and `output_size`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lstmviz.equation.nodes import Node, walk
from lstmviz.language import _


@dataclass(frozen=True)
class Size:
    """A sum of sizes: `{"input_size": 1, "num_units": 1}`; a name that begins with `?` is not known yet."""

    terms: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        return " + ".join(f"{count} * {name}" if count > 1 else name for name, count in self.terms)

    def evaluate(self, sizes: Mapping[str, Any]) -> Any:
        """The number that it stands for: a whole one, or a tensor, as the sizes are."""
        return sum(count * sizes[name] for name, count in self.terms)


def of(*names: str) -> Size:
    """The sum of some sizes."""
    return add(*(Size(((name, 1),)) for name in names))


def add(*sizes: Size) -> Size:
    """The sum of the sizes."""
    total: dict[str, int] = {}
    for size in sizes:
        for name, count in size.terms:
            total[name] = total.get(name, 0) + count
    return Size(tuple(total.items()))


def times(count: int, size: Size) -> Size:
    """So many times a size."""
    return Size(tuple((name, count * each) for name, each in size.terms))


@dataclass
class Shapes:
    """The sizes found so far.

    Attributes:
        widths: Of each value, by node; a number has none.
        weights: The axes of each weight, by name: one for a vector, rows and columns for a matrix.
    """

    widths: dict[int, Size] = field(default_factory=dict)
    weights: dict[str, tuple[Size, ...]] = field(default_factory=dict)
    known: dict[str, Size] = field(default_factory=dict)
    count: int = 0

    def new(self) -> Size:
        """A size that is not known yet."""
        self.count += 1
        return of(f"?{self.count}")

    def resolve(self, size: Size) -> Size:
        """The size in what is known now."""
        if not any(name in self.known for name, _count in size.terms):
            return size
        parts = (times(count, self.known.get(name, of(name))) for name, count in size.terms)
        return self.resolve(add(*parts))

    def unify(self, a: Size, b: Size, where: Node) -> None:
        """Both are one size.

        Raises:
            ValueError: they cannot be.
        """
        a, b = self.resolve(a), self.resolve(b)
        if dict(a.terms) == dict(b.terms):
            return
        for one, other in ((a, b), (b, a)):
            (name, count), *more = one.terms
            names = [each for each, _count in other.terms]
            if not more and name.startswith("?") and name not in names:
                if any(each % count for _name, each in other.terms):
                    continue
                self.known[name] = Size(tuple((each, number // count) for each, number in other.terms))
                return
        raise ValueError(
            _("in {where} a vector of {a} meets one of {b}; they must have as many numbers.").format(
                where=where, a=a, b=b
            )
        )


def infer(nodes: list[Node], leaves: Mapping[int, Size], ends: Mapping[str, tuple[Node, Size]]) -> Shapes:
    """The sizes of all values and weights.

    Args:
        nodes: All nodes, each after what it is made from.
        leaves: The sizes of x and the states, by node.
        ends: The values whose sizes are given: new states and gates.

    Raises:
        ValueError: sizes do not fit, or nothing says what they are.
    """
    shapes = Shapes(dict(leaves))
    for node in nodes:
        if (width := _width(node, shapes)) is not None:
            shapes.widths[id(node)] = width
    for node, size in ends.values():
        if id(node) in shapes.widths:
            shapes.unify(shapes.widths[id(node)], size, node)
    shapes.widths = {key: shapes.resolve(size) for key, size in shapes.widths.items()}
    shapes.weights = {name: tuple(map(shapes.resolve, axes)) for name, axes in shapes.weights.items()}
    for name, axes in shapes.weights.items():
        if any(each.startswith("?") for axis in axes for each, _count in axis.terms):
            raise ValueError(
                _(
                    "nothing says how many numbers {name} has: let it make a gate or a state, or add it to one."
                ).format(name=name)
            )
    return shapes


def _width(node: Node, shapes: Shapes) -> Size | None:
    """How many numbers the node gives; None for a number."""
    if node.op in ("number", "option", "x", "state"):
        return shapes.widths.get(id(node))
    if node.op == "weight":
        return None  # a vector or a matrix, as it is used
    if node.op == "matmul":
        return _multiply(node, shapes)
    widths = [_find(each, node, shapes) for each in node.args]
    there = [width for width in widths if width is not None]
    if (node.op == "concat" and len(there) < len(widths)) or (node.op == "part" and not there):
        raise ValueError(
            _(
                "{where} has a number where a vector must be; leave it out, or let a state or x be there."
            ).format(where=node)
        )
    if node.op == "concat":
        return add(*there)
    if node.op == "part":
        part = shapes.new()
        shapes.unify(there[0], times(node.value.count, part), node)
        return part
    for width in there[1:]:
        shapes.unify(there[0], width, node)
    return there[0] if there else None


def _find(node: Node, within: Node, shapes: Shapes) -> Size | None:
    """The width of an operand; a weight that is one is a vector."""
    if node.op != "weight":
        return shapes.widths.get(id(node))
    axes = shapes.weights.setdefault(node.value, (shapes.new(),))
    if len(axes) != 1:
        raise ValueError(
            _("{name} is a matrix, and stands in {where} as a vector.").format(name=node.value, where=within)
        )
    return axes[0]


def _multiply(node: Node, shapes: Shapes) -> Size:
    met, weight = node.args
    rows = _find(met, node, shapes)
    if rows is None:
        raise ValueError(
            _("{where} multiplies a number with a matrix; let a vector meet it.").format(where=node)
        )
    for part in met.args if met.op == "concat" else (met,):
        if not any(each.op in ("x", "state") for each in walk(part)):
            raise ValueError(
                _("{where} multiplies weights with a matrix; let x or a state be in what meets it.").format(
                    where=node
                )
            )
    axes = shapes.weights.setdefault(weight.value, (rows, shapes.new()))
    if len(axes) != 2:
        raise ValueError(
            _("{name} is a vector, and stands in {where} as a matrix.").format(name=weight.value, where=node)
        )
    shapes.unify(axes[0], rows, node)
    return axes[1]


def count(axes: tuple[int, ...]) -> int:
    """How many numbers an array has."""
    return math.prod(axes)
