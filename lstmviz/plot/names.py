"""What gates, states, and the kernel's rows and columns are called."""

from __future__ import annotations

from lstmviz.cells import Cell, Gate, Kind
from lstmviz.language import _
from lstmviz.sequences import Sequence
from lstmviz.sequences.text import say_label

Group = tuple[str, int, int]
"""Rows or columns side by side: their letter, where they begin, and how many they are."""


def gate_title(gate: Gate) -> str:
    """What a gate is called beside its letter; "" where its kind does not say."""
    return _(gate.title) if gate.title else ""  # a catalogue has words about itself for ""


def gate_role(gate: Gate) -> str:
    """What a gate does, in a sentence without its subject; "" where its kind does not say."""
    return _(gate.role) if gate.role else ""


def state_title(kind: Kind, name: str) -> str:
    """What a state is called beside its letter: as its kind says, else as any LSTM's c and h are."""
    if title := kind.state_titles.get(name):
        return _(title)
    return {"c": _("cell state"), "h": _("hidden state, the output")}.get(name, _("state"))


def step_name(sequence: Sequence, t: int) -> str:
    """What a step is called: by its number, and what it is behind that; a character alone could be taken for the sentence's own."""
    label = sequence.labels[t]
    return str(t) if label == str(t) else f"{t} · {say_label(label)}"


def row_groups(cell: Cell) -> list[Group]:
    """The kernel's rows that meet x, and those that meet h and further states, where it has any."""
    return [(name, rows.start, rows.stop - rows.start) for name, rows in cell.rows.items()]


def column_groups(cell: Cell) -> list[Group]:
    """The kernel's columns, gate by gate."""
    return [(gate.name, cell.columns(gate.name).start, cell.num_units) for gate in cell.kind.gates]


def borders(groups: list[Group]) -> tuple[int, ...]:
    """Where a group begins behind another one."""
    return tuple(start for _letter, start, _length in groups[1:])


def row_names(cell: Cell) -> list[str]:
    """What the hover calls each of the kernel's rows."""
    return [f"{letter}[{k}]" for letter, _start, length in row_groups(cell) for k in range(length)]


def column_names(cell: Cell) -> list[str]:
    """What the hover calls each of the kernel's columns."""
    words = _("{gate}[{unit}], kernel column {column}")
    return [
        words.format(gate=letter, unit=unit, column=start + unit)
        for letter, start, length in column_groups(cell)
        for unit in range(length)
    ]


def name_span(groups: list[Group], first: int, length: int) -> str:
    """What rows or columns from `first` on are called together, `x[3]` or `x[3…5]`; they end with their group."""
    letter, start, size = next(group for group in reversed(groups) if group[1] <= first)
    last = min(first - start + length, size) - 1
    return f"{letter}[{last}]" if last == first - start else f"{letter}[{first - start}…{last}]"
