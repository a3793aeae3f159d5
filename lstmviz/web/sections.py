"""The page's sections: each says what to see, then shows it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lstmviz import cells
from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.layouts import Stored
from lstmviz.sequences import Sequence
from lstmviz.web import (
    controls,
    draft,
    drawing,
    figure,
    models,
    own_words,
    pictures,
    render,
    snippets,
    trained,
)
from lstmviz.web import view as views
from lstmviz.web.markup import escape
from lstmviz.web.view import View


def layer(view: View, cell: Cell) -> None:
    """`num_units` is the number of nodes of the hidden layer, and all gates share it."""
    facts = models.facts(view)
    text = (
        _(
            "**num_units = {num_units}** is the number of nodes of the hidden layer: this is the one of your file."
        )
        if view.model
        else _(
            "**num_units = {num_units}** is the number of nodes of the hidden layer. Move the slider and watch it grow."
        )
    ).format(num_units=cell.num_units)
    write(_("What is num_units?"), f"{text} {own_words.tell_gates(cell, facts.stored)}".strip())
    st.html(drawing.draw_layer(cell, own_words.letters(facts)))


def kernel(view: View, cell: Cell, sequence: Sequence | None) -> None:
    """The kernel by gate, and how its shape comes about."""
    facts = models.facts(view)
    stored = facts.stored
    if not cell.rows:  # a kind of a viewer's own may have weights that make no such matrix
        write(_("The kernel, gate by gate"), _say_no_kernel(cell), _parameters(cell))
        return
    texts = [
        _tell_kernel(cell, stored),
        kernel_shape(cell),
        own_words.tell_order(cell, facts),
        own_words.tell_parameters(cell, stored) if stored else _parameters(cell),
        *map(escape, facts.notes),
        own_words.beside_picture(facts),
    ]
    write(_("The kernel, gate by gate"), *texts)
    pictures.show_kernel(view, sequence)


def stored(view: View, cell: Cell) -> None:
    """A file's layer in the words of the framework that stored it: its arrays, the order of its gates, what it counts."""
    facts = models.facts(view)
    title = f"{escape(view.layer)}: {escape(facts.stored.title if facts.stored else view.cell)}"
    sizes = _("{units:,} units, takes {inputs:,} features.").format(
        units=cell.num_units, inputs=cell.input_size
    )
    if facts.stored is None:
        write(title, sizes, _parameters(cell), "\n".join(_gate_rows(cell)))
        return
    write(
        title,
        f"{sizes} {own_words.tell_arrays(facts.stored)}",
        own_words.tell_parameters(cell, facts.stored),
        "\n".join(own_words.gate_rows(cell, facts.stored)),
        own_words.tell_order(cell, facts),
        own_words.beside_picture(facts),
    )


def gates(
    view: View,
    sequence: Sequence,
    picture: render.RunPicture,
    upload: render.Upload | None,
    drawn: draft.Drawn,
) -> None:
    """Every gate over time, and whose run it is."""
    write(
        _("Every gate, step by step"),
        _(
            "The sequence on top, then each gate, then the states: a **row** is one of the {num_units} units, a **column** one "
            "of the {steps} steps. A sigmoid gate near 1 is open, near 0 shut. Hover to read one step in every picture."
        ).format(num_units=view.num_units, steps=picture.steps),
        " ".join(render.told_reading(view, upload)),
        own_words.beside_picture(models.facts(view)),
    )
    pictures.show_gates(view, sequence, picture, upload, drawn is draft.Drawn.WHILE_HELD)
    apart = None if drawn.engine else render.difference(view, sequence, upload)
    facts = _("Input: {title}. Ran {steps} steps in {milliseconds:.1f} ms on {device}.").format(
        title=escape(sequence.title),
        steps=picture.steps,
        milliseconds=picture.seconds * 1000,
        device=draft.tell(drawn, picture.device, apart),
    )
    st.caption(facts)
    if picture.first_nonfinite is not None:
        st.warning(
            _("From step {t} on the states hold NaN or infinity, as the input made them.").format(
                t=picture.first_nonfinite
            )
        )


def summary(view: View, sequence: Sequence, upload: render.Upload | None) -> None:
    """How open and how saturated each gate was."""
    write(
        _("How open was each gate?"),
        _(
            "The spread of each gate's values over all steps and units. A gate that sits at its ends is *saturated*: it "
            "hardly reacts any more, and hardly learns."
        ),
    )
    picture = render.summary_picture(view, sequence, upload)
    figure.figure(picture.figure, key="summary", alt=picture.alternative)


def taken_apart(view: View, sequence: Sequence, upload: render.Upload | None) -> None:
    """One unit at one step with its numbers, and time's controls."""
    write(
        _("Where does a number come from?"),
        _(
            "One unit at one step, with its numbers: each gate's largest terms, their sum, the activation, and the new state. "
            "**Click** a value in a picture above to take it apart; **play** to watch it change. The space bar plays, the arrow "
            "keys go step by step."
        ),
    )
    pictures.show_step(view, sequence, upload)


def figures() -> None:
    """The pictures, to be saved."""
    write(
        _("The pictures"),
        _(
            "Each is saved as PNG or SVG with the buttons above it, as it is shown: zoomed, with the units chosen here."
        ),
    )


def step(view: View, cell: Cell) -> None:
    """One step of time as formulas beside their shapes, and which gate is which."""
    head = [_("operation"), _("formula"), _("shape")]
    operations = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    operations += [
        f"| {_(formula.operation)} | ${formula.latex}$ | `{list(formula.shape)}` |"
        for formula in cells.formulas(cell)
    ]
    facts = models.facts(view)
    gates = own_words.gate_rows(cell, facts.stored) if facts.stored else _gate_rows(cell)
    texts = [
        _(
            "What happens at each step, in order, with the shape of what comes out (one sequence at a time, so 1 row)."
        ),
        "\n".join(operations),
        "\n".join(gates),
    ]
    if facts.stored:
        texts.append(own_words.tell_order(cell, facts))
    if facts.stored is None or facts.stored.adds_forget_bias:
        texts.append(_tell_forget_bias(cell))
    with st.container(key="formulas"):
        write(_("One step of time"), *texts)


def _tell_forget_bias(cell: Cell) -> str:
    """That a number is added to a gate that is in no variable; "" where there is none."""
    value = cell.options.get("forget_bias")
    gates = [name for name, added in cell.offsets.items() if "forget_bias" in added]
    if value is None or (value and gates != ["f"]):
        return ""  # a kind of a viewer's own may do anything with such an option
    added = _(
        "`forget_bias = {value:g}` is added to **f** when the cell runs. It is in no variable, so a checkpoint does not hold it"
    ).format(value=value)
    if "f" in cell.biased or "use_bias" in cell.options:
        return added + _(": whoever moves the weights elsewhere has to add it to f's bias.")
    return added + _(": whoever moves the weights elsewhere has to add it there too.")


def _gate_rows(cell: Cell) -> list[str]:
    """The table of gates: what each does, its activation, its columns of the kernel."""
    head = [_("gate"), _("what it does"), _("activation"), _("kernel columns")]
    rows = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for gate in cell.kind.gates:
        columns = cell.columns(gate.name)
        rows.append(
            f"| **`{gate.name}`** | {own_words.tell_gate(gate)} | {cell.activation_of(gate.name)} "
            f"| {columns.start} – {columns.stop - 1} |"
        )
    return rows


def linear(view: View, cell: Cell, picture: render.RunPicture) -> None:
    """A linear layer in front of the cell is not needed: it folds into the kernel."""
    title = _("Does the input need a layer of its own?")
    if not cells.can_fold(cell.kind, cell.options):
        write(
            title,
            _(
                "Not its matrix: the kernel's x rows *are* a weight matrix for x. Its bias would be one that {kind} has not: there "
                "is none beside each product with x, so a linear layer in front cannot be folded away here."
            ).format(kind=f"`{cell.kind.name}`"),
        )
        return
    write(
        title,
        _(
            "No: the kernel's x rows *are* a weight matrix for x, and the bias is its bias. Put a linear layer in front, and it "
            "can be folded away: $(x A + a) K_x + b = x (A K_x) + (a K_x + b)$."
        ),
    )
    controls.draw_linear(view)
    if view.linear and view.edited:
        st.markdown(_("The weights that are edited are those of the kernel that the layer is folded into."))
    if picture.fold_difference is None:
        return
    layer = render.load_linear(view)
    columns = len(cell.bias)
    st.markdown(
        _(
            "The layer's kernel `{a}` and bias `{b}` are folded into the kernel's x rows `{k}` and the bias `{c}`: the pictures "
            "above show the folded cell. Both ways ran over this sequence; the largest difference between their outputs is "
            "**{difference:.2g}**, the rounding of float32."
        ).format(
            a=list(layer.kernel.shape),
            b=list(layer.bias.shape),
            k=[cell.input_size, columns],
            c=[columns],
            difference=picture.fold_difference,
        )
    )


def code(view: View, cell: Cell, sequence: Sequence) -> None:
    """The same cell as code to copy."""
    missing: list[str] = []
    if view.model:
        codes = _codes_of_file(view, cell, sequence)
    else:
        codes, missing = snippets.all_of(
            cell,
            sequence_code(view),
            trained.drawn_as(view),
            view.seed,
            len(sequence),
            _weights_code(view),
            view.held,
            view.edited,
            render.load_unfolded(view) if view.linear else None,
        )
    write(_("The same cell as code"), *missing)
    for place, text in zip(st.tabs(list(codes)), codes.values(), strict=True):
        place.code(text)


def _weights_code(view: View) -> str:
    """The code of the weights of a trained cell."""
    found = trained.base(view)
    return f'lv.examples.load("{found.name}", "{view.cell}", {view.num_units}).cell.weights' if found else ""


def _codes_of_file(view: View, cell: Cell, sequence: Sequence) -> dict[str, str]:
    facts = models.facts(view)
    if trained.is_made_here(view):
        weights = f"next(iter(lv.load({models.path(view)!r}).values())).weights"  # the page's own file of it
        return {"lstmviz": snippets.this_library(cell, sequence_code(view), "", 0, weights, view.held)}
    if facts.stored is None:
        return {"lstmviz": snippets.this_library_identified(models.path(view))}
    run = snippets.Run(
        path=models.path(view),
        layer=view.layer,
        sequence=sequence_code(view),
        reverse=view.reverse,
        has_state=bool(facts.reads.initial_state) and view.initial_state == "file",
        time_steps=len(sequence),
        stored_as=models.layout(view),
        held=view.held,
        edited=view.edited,
        has_kernel=bool(cell.rows),
    )
    reads = replace(run, reverse=models.is_reversed(view))
    return {
        "lstmviz": snippets.this_library_from_file(run),
        **snippets.own_framework(cell, facts.layout, reads),
    }


def write(title: str, *texts: str) -> None:
    """A heading and its texts as one element, for each costs the browser a turn."""
    st.markdown("\n\n".join([f"## {title}", *filter(None, texts)]))


def _tell_kernel(cell: Cell, stored: Stored | None) -> str:
    """What the kernel's rows, columns, colours and strips are."""
    variables = cell.kind.variables
    kernels = [variable for variable in variables if variable.is_kernel]
    meets = {state for variable in kernels for state in variable.meets}
    if stored is not None:
        arrays = _("Every gate's weights in one array.")
    elif len(kernels) == 1:
        arrays = _("One array holds every gate's weights.")
    else:
        names = ", ".join(f"`{variable.name}`" for variable in kernels)
        arrays = _("Every gate's weights side by side; they are stored as {names}.").format(names=names)
    if meets <= {"x"}:
        rows = _("A **row** meets one number of `x`; a **column** belongs to one node of one gate.")
    elif meets <= {"x", "h"}:
        rows = _(
            "A **row** meets one number of `x` or of the last `h`; a **column** belongs to one node of one gate."
        )
    else:
        rows = _(
            "A **row** meets one number of `x` or of a state; a **column** belongs to one node of one gate."
        )
    strips = (
        _("Orange is positive, blue negative, and the strip below is the bias.")
        if any(variable.is_bias for variable in variables)
        else _("Orange is positive, blue negative.")
    )
    in_columns = {variable.name for variable in variables if variable.is_kernel or variable.is_bias}
    below = ", ".join(f"`{name}`" for name in cell.weights if name not in in_columns)
    if below and stored is None:
        strips += " " + _("Further below: {names}.").format(names=below)
    return " ".join(filter(None, [arrays, rows, strips, own_words.tell_arrays(stored) if stored else ""]))


def _say_no_kernel(cell: Cell) -> str:
    """Why there is no kernel to be drawn."""
    try:
        shape = cell.kernel.shape
    except ValueError as error:
        return escape(str(error))
    return f"`{list(shape)}`"


def kernel_shape(cell: Cell) -> str:
    """The kernel's shape as sums of sizes, in names and in numbers; in numbers alone where it is no such sum."""
    shape = list(cell.kernel.shape)
    first = [v for v in cell.kind.variables if v.is_kernel and v.gates == cell.kind.blocks[0]]
    terms = [term for variable in first for term in variable.shape[0].split(" + ")]
    sizes = [cells.evaluate(term, cell.sizes) for term in terms]
    count = len(cell.kind.gates)
    if [sum(sizes), count * cell.num_units] != shape:
        return f"**`{shape}`**"
    output = "num_units" if cell.output_size == cell.num_units else "num_proj"
    times = f"{count} × " if count > 1 else ""
    named = " + ".join(terms).replace("output_size", output).replace(" * ", " × ")
    numbers = f"[{' + '.join(map(str, sizes))}, {times}{cell.num_units}]"
    return f"`[{named}, {times}num_units]` = `{numbers}` = **`{shape}`**"


def _parameters(cell: Cell) -> str:
    terms = " + ".join(
        f"{' × '.join(map(str, weight.shape))} ({name})" if weight.ndim > 1 else f"{weight.size} ({name})"
        for name, weight in cell.weights.items()
    )
    return _("Parameters to train: {terms} = **{count:,}**").format(terms=terms, count=cell.parameter_count)


def sequence_code(view: View) -> str:
    """The code that makes the view's sequence."""
    if view.is_generated:
        options = "".join(f", {name}={value!r}" for name, value in view.signal)
        seed = f", seed={view.seed}" if view.seed else ""
        return f'lv.sequences.make("{view.sequence}", time_steps={view.time_steps}, input_size={view.input_size}{seed}{options})'
    if view.sequence in trained.SEQUENCES:
        return f'lv.examples.load("{view.sequence}").sequence'
    if view.sequence == views.TEXT:
        return f"lv.sequences.from_text({view.text!r}, encoding={view.encoding!r}{_alphabet_code(view)})"
    if view.sequence == views.NUMBERS:
        return f"lv.sequences.from_numbers({view.numbers!r}, standardise={view.standardise})"
    if view.sequence == views.TEXT_FILE:
        read = 'open("text.txt", encoding="utf-8-sig").read()'
        return f"lv.sequences.from_text({read}, encoding={view.encoding!r}{_alphabet_code(view)})"
    return f'lv.sequences.from_csv("data.csv", standardise={view.standardise})'


def _alphabet_code(view: View) -> str:
    return f", alphabet={view.alphabet!r}" if view.alphabet else ""
