"""What the page says of a file's layer, in the words of the framework that stored it."""

from __future__ import annotations

from lstmviz.cells import Cell, Gate
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS, Stored
from lstmviz.plot.names import gate_role, gate_title
from lstmviz.web.markup import escape
from lstmviz.web.models import Facts


def letters(facts: Facts) -> dict[str, str]:
    """The framework's letter of each of our gates, in the order in which it stores them; none of a single gate."""
    gates = facts.stored.gates if facts.stored else ()
    return {gate.gate: gate.letter for gate in gates} if len(gates) > 1 else {}


def tell_gates(cell: Cell, stored: Stored | None) -> str:
    """That all gates have as many nodes, by their framework's letters and in its order."""
    names = [gate.letter for gate in stored.gates] if stored else [gate.name for gate in cell.kind.gates]
    if len(names) < 2:
        return ""
    return _(
        "All {count} gates, {gates}, share it: each has {num_units} nodes of its own, because the gates' values are "
        "multiplied node by node."
    ).format(count=len(names), gates=", ".join(f"`{name}`" for name in names), num_units=cell.num_units)


def tell_arrays(stored: Stored) -> str:
    """The arrays as they are in the file."""
    return _("{title} stores {arrays}.").format(
        title=stored.title,
        arrays=", ".join(f"`{name}` `{list(shape)}`" for name, shape in stored.shapes.items()),
    )


def tell_order(cell: Cell, facts: Facts) -> str:
    """Where the framework's gates are, and that the pictures have another order or other letters; "" where they have not."""
    stored = facts.stored
    if stored is None:
        return ""
    ours, theirs = [gate.name for gate in cell.kind.gates], letters(facts)
    if ours == list(theirs.values()) or not theirs:
        return ""
    words = {
        "ours": ", ".join(ours),
        "framework": LAYOUTS[facts.layout].title,
        "theirs": ", ".join(theirs.values()),
        "ranges": _ranges(stored),
    }
    text = _("The pictures are drawn in TensorFlow 1's order, {ours}; {framework} stores {theirs}.")
    if words["ranges"]:
        text = _(
            "The pictures are drawn in TensorFlow 1's order, {ours}; {framework} stores {theirs}: {ranges}."
        )
    sentences = [text.format(**words)]
    renamed = [f"`{gate}` = `{letter}`" for gate, letter in theirs.items() if gate != letter]
    if renamed:
        sentences.append(_("In the pictures and the formulas {renamed}.").format(renamed=", ".join(renamed)))
    return " ".join(sentences)


def _ranges(stored: Stored) -> str:
    """Each gate's rows or columns of the first array, where they tell the gates apart."""
    firsts = [gate.places[0] for gate in stored.gates]
    axes = {
        axis for axis, at in enumerate(firsts[0].index) if any(p.index[axis:][:1] != (at,) for p in firsts)
    }
    if len({place.array for place in firsts}) != 1 or len(axes) != 1:
        return ""
    (axis,) = axes
    if len(firsts[0].index) == 1:
        return ""  # numbers in a row, of which each gate has several stretches
    words = _("rows {ranges}") if axis == len(firsts[0].index) - 2 else _("columns {ranges}")
    return words.format(
        ranges=", ".join(
            f"{gate.places[0].index[axis].start}–{gate.places[0].index[axis].stop - 1} `{gate.letter}`"  # type: ignore[union-attr]
            for gate in stored.gates
        )
    )


def tell_parameters(cell: Cell, stored: Stored) -> str:
    """How many numbers the framework counts, array by array; and how many are drawn, where that differs."""
    terms = " + ".join(f"{' × '.join(map(str, shape))} ({name})" for name, shape in stored.shapes.items())
    text = _("Parameters of {title}: {terms} = **{count:,}**").format(
        title=stored.title, terms=terms, count=stored.parameter_count
    )
    drawn = cell.parameter_count
    if drawn < stored.parameter_count:
        text += " " + _(
            "({count:,} are drawn: where two biases are only ever added, their sum is drawn.)"
        ).format(count=drawn)
    elif drawn > stored.parameter_count:
        text += " " + _("({count:,} are drawn: what is not stored is drawn as zeros.)").format(count=drawn)
    return text


def gate_rows(cell: Cell, stored: Stored) -> list[str]:
    """The table of gates in the framework's order: its letter, ours, what it does, its activation, its places."""
    head = [_("gate"), _("in the pictures"), _("what it does"), _("activation"), _("in the file's arrays")]
    rows = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for each in stored.gates:
        gate = cell.kind.gate(each.gate)
        places = ", ".join(f"`{place}`" for place in each.places)
        rows.append(
            f"| **`{each.letter}`** | `{gate.name}` | {tell_gate(gate)} "
            f"| {cell.activation_of(gate.name)} | {places} |"
        )
    return rows


def tell_gate(gate: Gate) -> str:
    """What a gate is called and what it does, as a cell of a table; "" where its kind does not say."""
    title, role = escape(gate_title(gate)), escape(gate_role(gate))
    return f"**{title}** {role}".strip() if title else role


def beside_picture(facts: Facts) -> str:
    """What a picture rests on and the file does not say, as Markdown; "" for nothing."""
    return f":material/info: **{escape(facts.assumption)}**" if facts.assumption else ""


def notes(cell: Cell, facts: Facts) -> list[str]:
    """What there is to know of a layer, for a page that leaves this one: its class, its order, its facts, what is assumed."""
    if facts.stored is None:
        return []
    counted = _("{title}, {count:,} parameters.").format(
        title=facts.stored.title, count=facts.stored.parameter_count
    )
    return [
        *filter(None, [counted, tell_order(cell, facts).replace("`", ""), *facts.notes, facts.assumption])
    ]
