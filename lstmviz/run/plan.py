"""In what order NumPy computes a step's values, which of them at once, and what stands beside what in memory.

A small cell's step costs what its calls cost. Equal activations of the blocks of one product are one call where the
blocks stand side by side, and the columns of a kernel may be put so before the first step: the numbers stay the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lstmviz.equation import Node
from lstmviz.run.lowered import CONSTANT, STEP, Lowered

Group = tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """The plan for a step.

    Attributes:
        lowered: The step.
        calls: What is computed, in order: one value, or several at once.
        blocks: The order of the blocks of each value that is split, by the value.
        moved: The operands that are put in that order before the first step, by `(value, position)`, and whose order it is.
        flipped: The blocks that are computed with the other sign, by the value that is split, for a sigmoid begins with it.
    """

    lowered: Lowered
    calls: tuple[Group, ...]
    blocks: Mapping[int, tuple[int, ...]]
    moved: Mapping[tuple[int, int], Node]
    flipped: Mapping[int, frozenset[int]]


def make_plan(lowered: Lowered, *, reorder: bool) -> Plan:
    """The plan for a step; blocks of a product are put in another order than their own only with `reorder`."""
    return _Planning(lowered, reorder).plan()


def list_packs(groups: Sequence[Sequence[Node]]) -> Iterator[Group]:
    """What has to stand side by side, for the values of each group to be computed at once."""
    for group in groups:
        if len(group) > 1:
            yield tuple(node.args[0] for node in group)
        yield tuple(group)


class _Planning:
    def __init__(self, lowered: Lowered, reorder: bool) -> None:
        self.lowered = lowered
        self.stepped = [node for node in lowered.nodes if self.phase(node) == STEP]
        self.uses: dict[int, list[Node]] = {}
        for node in lowered.nodes:
            for each in node.args:
                self.uses.setdefault(id(each), []).append(node)
        self.new = {id(node) for node in lowered.new.values()}
        self.outputs = self.new | {
            id(node) for group in (lowered.before, lowered.after) for node in group.values()
        }
        self.wholes = {id(n.args[0]): n.args[0] for n in self.stepped if n.op == "part"}
        # Of a value whose blocks may change places: the operands that have to do so with it.
        self.free: dict[int, list[tuple[int, int]]] = {}
        for key, whole in self.wholes.items():
            if reorder and (operands := self.find_operands(whole)) is not None:
                self.free[key] = operands

    def phase(self, node: Node) -> int:
        return self.lowered.phases[id(node)]

    def plan(self) -> Plan:
        groups: list[Group] = []
        for node in self.stepped:
            if node.op not in ("part", "state"):
                groups = self.join(node, groups)
        order = self.order(groups)
        assert order is not None  # no value was let into a group for which there is none
        moved = {operand: self.wholes[key] for key, operands in self.free.items() for operand in operands}
        blocks = {key: self.order_blocks(whole, groups) for key, whole in self.wholes.items()}
        flipped = {key: frozenset(self.find_flipped(whole, groups)) for key, whole in self.wholes.items()}
        return Plan(self.lowered, order, blocks, moved, flipped)

    def find_operands(self, whole: Node) -> list[tuple[int, int]] | None:
        """What a value's columns come from; None where somebody needs them in their own order."""
        if id(whole) in self.outputs or any(user.op != "part" for user in self.uses[id(whole)]):
            return None
        operands: list[tuple[int, int]] = []
        inside = [whole]
        while inside:
            node = inside.pop()
            if node is not whole and (len(self.uses[id(node)]) > 1 or id(node) in self.outputs):
                return None
            if node.op == "matmul" and self.phase(node.args[1]) == CONSTANT:
                operands.append((id(node), 1))
            elif node.op in ("add", "sub"):
                inside += [each for each in node.args if self.phase(each) == STEP]
                operands += [(id(node), at) for at, each in enumerate(node.args) if self.phase(each) != STEP]
            else:
                return None
        return operands

    def join(self, node: Node, groups: list[Group]) -> list[Group]:
        """The groups with one value more: in the first group that can take it, or in one of its own."""
        for at, group in enumerate(groups):
            if self.is_alike(group, node):
                joined = [*groups[:at], _in_order((*group, node)), *groups[at + 1 :]]
                apart = Counter(id(each) for pack in list_packs(joined) if len(pack) > 1 for each in pack)
                if max(apart.values()) == 1 and self.order(joined):
                    return joined
        return [*groups, (node,)]

    def is_alike(self, group: Group, node: Node) -> bool:
        """Whether a value is made as those of a group are, of what may stand beside what they are made of."""
        if (node.op, node.value) != (group[0].op, group[0].value) or node.op not in ("activation", "norm"):
            return False
        a, b = group[-1].args[0], node.args[0]
        if any(self.phase(each) != CONSTANT for each in node.args[1:]) or "state" in (a.op, b.op):
            return False
        if a.op == b.op == "part":
            beside = b.value.index in (group[0].args[0].value.index - 1, a.value.index + 1)
            return a.args[0] is b.args[0] and (id(a.args[0]) in self.free or beside)
        same_size = self.lowered.widths[id(a)] == self.lowered.widths[id(b)]
        return "part" not in (a.op, b.op) and self.phase(a) == self.phase(b) == STEP and same_size

    def order(self, groups: Sequence[Group]) -> tuple[Group, ...] | None:
        """The groups, each after what it is made from; None where there is no such order."""
        left = list(groups)
        missing = {id(node) for group in groups for node in group}
        order: list[Group] = []
        while left:
            ready = next((group for group in left if not missing & set(self.list_made_from(group))), None)
            if ready is None:
                return None
            order.append(ready)
            missing -= {id(node) for node in ready}
            left.remove(ready)
        return tuple(order)

    def list_made_from(self, group: Group) -> Iterator[int]:
        for node in group:
            for each in node.args:
                yield id(hold(each))

    def order_blocks(self, whole: Node, groups: Sequence[Group]) -> tuple[int, ...]:
        """The blocks that are computed at once side by side, then the others."""
        count = next(user.value.count for user in self.uses[id(whole)] if user.op == "part")
        if id(whole) not in self.free:
            return tuple(range(count))
        first = [
            part.value.index for pack in self.find_inputs(whole, groups) if len(pack) > 1 for part in pack
        ]
        return (*first, *(index for index in range(count) if index not in first))

    def find_flipped(self, whole: Node, groups: Sequence[Group]) -> Iterator[int]:
        """The blocks of which only a sigmoid knows."""
        if id(whole) not in self.free:
            return
        for pack in self.find_inputs(whole, groups, "sigmoid"):
            if all(len(self.uses[id(part)]) == 1 and id(part) not in self.new for part in pack):
                yield from (part.value.index for part in pack)

    def find_inputs(
        self, whole: Node, groups: Sequence[Group], activation: str | None = None
    ) -> Iterator[Group]:
        """The blocks of a value that are the first operands of one group each."""
        for group in groups:
            if group[0].op in ("activation", "norm") and activation in (None, group[0].value):
                inputs = tuple(node.args[0] for node in group)
                if inputs[0].op == "part" and inputs[0].args[0] is whole:
                    yield inputs


def _in_order(group: Group) -> Group:
    """What is made of blocks in the order of the blocks."""
    blocks = all(node.args[0].op == "part" for node in group)
    return tuple(sorted(group, key=lambda node: node.args[0].value.index)) if blocks else group


def hold(node: Node) -> Node:
    """What holds a value's numbers: a part lies in what it is a part of."""
    while node.op == "part":
        node = node.args[0]
    return node


__all__ = ["Group", "Plan", "hold", "list_packs", "make_plan"]
