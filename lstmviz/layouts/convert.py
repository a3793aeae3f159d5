"""Weights from one framework's arrays to a cell, and back: blocks are read from their places and written to others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.cells import KINDS, Cell, Kind, as_numbers, check_options, is_on
from lstmviz.language import _
from lstmviz.layouts.options import hear_options, tell_options
from lstmviz.layouts.table import (
    FAMILIES,
    LAYOUTS,
    Form,
    Layout,
    Place,
    Slot,
    form_of_ours,
    places,
    shape_of,
)

STRUCTURAL = ("use_bias", "use_peepholes", "num_proj")
"""The options of ours that arrays show by being there."""


@dataclass(frozen=True)
class Move:
    """Where one gate's block of one part goes.

    Attributes:
        target: Where it lies in the layout's arrays.
        letter: The framework's letter of the gate; "" for weights that belong to none.
        source: Where it lies in the cell's weights; None where the framework stores what the cell does not.
        added: What is added to its numbers: `forget_bias`, where the framework has it in f's stored bias.
    """

    target: Place
    letter: str
    source: Place | None
    added: float = 0.0

    @property
    def text(self) -> str:
        """The move in words: `j → g: kernel[0:4, 8:16] → weight_ih_l0[16:24, 0:4] (transposed)`."""
        notes = []
        if self.source and self.target.transposed:
            notes.append(_("transposed"))
        if self.added:
            notes.append(
                _("forget_bias {value:g} added; read back, the bias holds it").format(value=self.added)
            )
        if not self.source:
            notes.append(_("the cell stores no such numbers"))
        gate = f"{self.target.gate} → {self.letter}: " if self.letter else ""
        source = str(self.source) if self.source else "0"
        return f"{gate}{source} → {self.target}" + (f" ({'; '.join(notes)})" if notes else "")


@dataclass(frozen=True, eq=False)
class Converted:
    """A cell's weights as a framework stores them.

    Attributes:
        layout: A key of `LAYOUTS`.
        family: "lstm", "gru" or "rnn".
        layer: The framework's name of such a layer, `GRU`.
        arrays: The arrays by the framework's names, read-only.
        options: What the framework has to be told, in its words.
        moves: Which block went where, in the order stored.
    """

    layout: str
    family: str
    layer: str
    arrays: Mapping[str, np.ndarray] = field(repr=False)
    options: Mapping[str, Any]
    moves: tuple[Move, ...] = field(repr=False)


def find_layout(name: str) -> Layout:
    """The layout called `name`.

    Raises:
        ValueError: there is none.
    """
    if name not in LAYOUTS:
        raise ValueError(
            _("layout is {given!r}; it must be one of {allowed}.").format(
                given=name, allowed=", ".join(LAYOUTS)
            )
        )
    return LAYOUTS[name]


# --- From a cell ------------------------------------------------------------------------------------------------------


def to_layout(cell: Cell, layout: str) -> Converted:
    """The cell's weights in a framework's arrays.

    Numbers are moved, not computed, but for `forget_bias`: where the framework does not add it when the cell runs, f's
    stored bias holds it. Read back, it is in the bias and the option is 0; the move says so.

    Args:
        cell: The cell.
        layout: A key of `LAYOUTS`.

    Raises:
        ValueError: there is no such layout, or the framework has no such cell.

    >>> from lstmviz.cells import build
    >>> converted = to_layout(build("BasicLSTMCell", num_units=8, input_size=4), "pytorch")
    >>> {name: array.shape for name, array in converted.arrays.items()}
    {'weight_ih_l0': (32, 4), 'weight_hh_l0': (32, 8), 'bias_ih_l0': (32,), 'bias_hh_l0': (32,)}
    >>> print(converted.moves[2].text)
    j → g: kernel[0:4, 8:16] → weight_ih_l0[16:24, 0:4] (transposed)
    """
    known = find_layout(layout)
    form = known.form_of(cell.kind)
    check_sayable(cell, known, form)
    added = {} if known.adds_forget_bias else _find_offsets(cell)
    present = {option for option in STRUCTURAL if is_on(option, cell.options)}
    if added:
        present.add("use_bias")
    slots = [slot for slot in form.slots if slot.when is None or slot.when in present]
    moves = tuple(_plan(cell, form, slots, added))
    arrays = {slot.name: np.zeros(shape_of(form, slot, _sizes_of(cell)), cell.dtype) for slot in slots}
    for move in moves:
        _carry(move, cell, arrays)
    for array in arrays.values():
        array.setflags(write=False)
    options = tell_options(cell, known, form, {"use_bias": "use_bias" in present})
    return Converted(
        layout,
        form.family,
        form.layer or cell.kind.name,
        MappingProxyType(arrays),
        MappingProxyType(options),
        moves,
    )


def check_sayable(cell: Cell, layout: Layout, form: Form) -> None:
    """Refuses a cell with an option that the framework does not have.

    Raises:
        ValueError: it has one.
    """
    defaults = {option.name: option.default for option in cell.kind.options}
    for option, value in cell.options.items():
        if _says(form, option, value, defaults[option]):
            continue
        others = [
            other.name
            for other in LAYOUTS.values()
            for theirs in other.forms
            if cell.kind.name in theirs.kinds and _says(theirs, option, value, defaults[option])
        ]
        raise ValueError(
            _(
                "{layout}'s {layer} has no {option} {value}{reason}; build the cell with {default}{others}."
            ).format(
                layout=layout.title,
                layer=form.title,
                option=option,
                value=value,
                reason=f" ({_(layout.missing[option])})" if option in layout.missing else "",
                default=f"{option}={defaults[option]!r}",
                others=_(", or take {layouts}").format(layouts=", ".join(dict.fromkeys(others)))
                if others
                else "",
            )
        )


def _says(form: Form, option: str, value: Any, default: Any) -> bool:
    """Whether a form has an option's value: an array for it, a word for it, or nothing else."""
    if option in ("forget_bias", "use_bias") or value == default:
        return True  # the one is added to f's bias, the other's biases are zeros where they have to be
    if option in STRUCTURAL:
        return any(slot.when == option for slot in form.slots)
    told = next((told for told in form.told if told.option == option), None)
    return told is not None and (told.values is None or value in told.values)


def _find_offsets(cell: Cell) -> dict[str, float]:
    """What is added to gates when the cell runs, where it is not 0."""
    offsets = {gate: sum(added.values()) for gate, added in cell.offsets.items()}
    return {gate: value for gate, value in offsets.items() if value}


def _sizes_of(cell: Cell) -> dict[str, int]:
    return {"input_size": cell.input_size, "num_units": cell.num_units, "output_size": cell.output_size}


def _own_places(kind: Kind, names: Collection[str], sizes: Mapping[str, int]) -> Iterator[Place]:
    """The places in our own variables, of those in `names`."""
    form = form_of_ours(kind)
    for slot in form.slots:
        if slot.name in names:
            yield from places(form, slot, sizes)


def _plan(cell: Cell, form: Form, slots: list[Slot], added: Mapping[str, float]) -> Iterator[Move]:
    sizes = _sizes_of(cell)
    sources = {(place.part, place.gate): place for place in _own_places(cell.kind, cell.weights, sizes)}
    for slot in slots:
        for place in places(form, slot, sizes):
            addend = added.get(place.gate, 0.0) if place.part == "bias" else 0.0
            letter = form.letter(place.gate) if place.gate else ""
            yield Move(place, letter, sources.get((place.part, place.gate)), addend)


def _carry(move: Move, cell: Cell, arrays: Mapping[str, np.ndarray]) -> None:
    """Does what a move says."""
    block = move.source.read(cell.weights) if move.source else np.zeros(move.target.shape, cell.dtype)
    if move.added:
        block = block + cell.dtype.type(move.added)
    if move.source or move.added:
        move.target.write(arrays, block)


# --- To a cell --------------------------------------------------------------------------------------------------------


def from_layout(arrays: Mapping[str, Any], layout: str, family: str, **options: Any) -> Cell:
    """A cell from a framework's arrays.

    Where the framework stores two biases that are only ever added, the cell's bias is their sum. `forget_bias` is 0
    where the framework does not add one: its stored bias has it.

    Args:
        arrays: The arrays by the framework's names; of PyTorch those of the first layer, `weight_ih_l0`.
        layout: A key of `LAYOUTS`.
        family: "lstm", "gru" or "rnn".
        **options: What the framework was told, in its words: `activation`, `reset_after`, `linear_before_reset`...
            What is left out is at the framework's default. cuDNN's buffer needs `inputSize` and `hiddenSize`.

    Raises:
        ValueError: the layout, the family or an option is not known, an array is missing, too many or of another shape,
            or no cell does what the options say.

    >>> cell = from_layout({"kernel": np.ones((3, 2)), "recurrent_kernel": np.ones((2, 2))}, "keras", "rnn")
    >>> cell.kind.name, cell.num_units, cell.input_size, cell.options["use_bias"]
    ('BasicRNNCell', 2, 3, False)
    """
    known = find_layout(layout)
    numbers = _as_floats(arrays)
    form, slots, sizes = find_stored(known, family, numbers, options)
    heard, _given_sizes = hear_options(known, form, options)
    blocks = {(p.part, p.gate): p.read(numbers) for slot in slots for p in places(form, slot, sizes)}
    parts = {part for part, _gate in blocks}
    shown = {
        "use_bias": bool(parts & {"bias", "hidden_bias"}),
        "use_peepholes": "peephole" in parts,
        "num_proj": sizes["output_size"] if "projection" in parts else None,
    }
    _check_shown(shown, heard)
    kind = _choose_kind(form, heard, shown)
    if not known.adds_forget_bias:
        heard["forget_bias"] = 0.0
    own = {option.name for option in kind.options}
    chosen = {name: value for name, value in (heard | shown).items() if name in own}
    weights = _lay_out(kind, blocks, sizes, chosen)
    # Not `build`, which copies what it is given: of a large model, each copy counts.
    return Cell(kind, sizes["num_units"], sizes["input_size"], check_options(kind, chosen), weights)


def find_stored(
    layout: Layout, family: str, arrays: Mapping[str, np.ndarray], options: Mapping[str, Any]
) -> tuple[Form, list[Slot], dict[str, int]]:
    """How a layout stores a family in arrays of these shapes: the form, its arrays that are there, and the sizes.

    Raises:
        ValueError: the family is not known, an option is not, or the arrays are not those of one.
    """
    if family not in FAMILIES:
        raise ValueError(
            _("family is {given!r}; it must be one of {allowed}.").format(
                given=family, allowed=", ".join(FAMILIES)
            )
        )
    form = _choose_form(layout, family, arrays, options)
    _heard, given_sizes = hear_options(layout, form, options)
    slots = [slot for slot in form.slots if slot.name in arrays]
    return form, slots, _find_sizes(layout, form, slots, arrays, given_sizes)


def _as_floats(arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays in float64 where one of them is, else in float32."""
    double = any(getattr(array, "dtype", None) == np.float64 for array in arrays.values())
    dtype = np.dtype(np.float64 if double else np.float32)
    return {name: as_numbers(name, array, dtype, copy=False) for name, array in arrays.items()}


def _choose_form(
    layout: Layout, family: str, arrays: Mapping[str, np.ndarray], options: Mapping[str, Any]
) -> Form:
    """The form that the options speak of and the arrays' names and numbers of axes fit."""
    forms = [form for form in layout.forms if form.family == family]
    told = [f for f in forms if all(options.get(key, value) == value for key, value in f.fixed.items())]
    if not told:
        wrong = {key: options[key] for form in forms for key in form.fixed if key in options}
        allowed = dict.fromkeys(str(dict(form.fixed)) for form in forms)
        raise ValueError(
            _("the options are {given}; {layout} has {allowed}.").format(
                given=wrong, layout=layout.title, allowed=", ".join(allowed)
            )
        )
    for form in told:
        if _fits(form, arrays):
            return form
    raise ValueError(
        _("arrays has {given}; {layout} stores {allowed}.").format(
            given=", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items()) or "nothing",
            layout=layout.title,
            allowed=_(" or ").join(dict.fromkeys(_describe(form) for form in told)),
        )
    )


def _fits(form: Form, arrays: Mapping[str, np.ndarray]) -> bool:
    slots = {slot.name: slot for slot in form.slots}
    if not set(arrays) <= set(slots) or any(arrays[n].ndim != len(slots[n].axes) for n in arrays):
        return False
    present = {slot.when for slot in form.slots if slot.name in arrays} | {None}
    return all(slot.name in arrays for slot in form.slots if slot.when in present)


def _describe(form: Form) -> str:
    """The arrays of a form, in brackets those that need not be: `GRU: kernel, recurrent_kernel (bias)`."""
    names = [slot.name for slot in form.slots if slot.when is None]
    optional = [slot.name for slot in form.slots if slot.when is not None]
    return f"{form.title}: {', '.join(names)}" + (f" ({', '.join(optional)})" if optional else "")


def _find_sizes(
    layout: Layout,
    form: Form,
    slots: list[Slot],
    arrays: Mapping[str, np.ndarray],
    given: Mapping[str, int],
) -> dict[str, int]:
    """The sizes that the arrays' shapes say, checked against all of them."""
    sizes, axes = dict(given), {s.name: dict(zip(s.axes, arrays[s.name].shape, strict=True)) for s in slots}
    for slot in slots:
        if "columns" in axes[slot.name] and slot.parts != ("projection",):
            gates = len(form.order if slot.gates is None else slot.gates)
            repeats = 1 if "rows" in slot.axes else len(slot.parts)
            sizes.setdefault("num_units", axes[slot.name]["columns"] // (gates * repeats))
        if slot.parts == ("projection",):
            sizes.setdefault("output_size", axes[slot.name]["columns"])
    if "num_units" in sizes:
        sizes.setdefault("output_size", sizes["num_units"])
    for slot in slots:
        if "x" in slot.parts and "rows" in axes[slot.name] and "output_size" in sizes:
            below = sizes["output_size"] if "h" in slot.parts else 0
            sizes.setdefault("input_size", axes[slot.name]["rows"] - below)
    missing = [
        name
        for ours, name in layout.sizes.items()
        if ours in ("input_size", "num_units") and ours not in sizes
    ]
    if missing:
        raise ValueError(
            _("{names} have no shape to tell the sizes from; give {missing} too.").format(
                names=", ".join(slot.name for slot in slots), missing=", ".join(missing)
            )
        )
    _check_shapes(layout, form, slots, arrays, sizes)
    return sizes


def _check_shapes(
    layout: Layout,
    form: Form,
    slots: list[Slot],
    arrays: Mapping[str, np.ndarray],
    sizes: Mapping[str, int],
) -> None:
    for slot in slots:
        if min(sizes.values()) >= 1 and arrays[slot.name].shape == shape_of(form, slot, sizes):
            continue
        raise ValueError(
            _(
                "{name} has the shape {given}; with num_units {num_units}, input_size {input_size} and an h of "
                "{output_size}, {layout}'s {layer} has {allowed}."
            ).format(
                name=slot.name,
                given=list(arrays[slot.name].shape),
                layout=layout.title,
                layer=form.title,
                allowed=list(shape_of(form, slot, sizes)),
                **sizes,
            )
        )


def _check_shown(shown: Mapping[str, Any], heard: dict[str, Any]) -> None:
    """Takes out of what was told what the arrays show themselves, and refuses what they do not show."""
    for option, value in shown.items():
        told = heard.pop(option, value)
        if told != value:
            raise ValueError(
                _("{option} is {given!r}, but the arrays are those of {shown!r}; leave it out.").format(
                    option=option, given=told, shown=value
                )
            )


def _choose_kind(form: Form, heard: Mapping[str, Any], shown: Mapping[str, Any]) -> Kind:
    """The first of the form's kinds that has what was told and shown."""
    needed = {*heard, *(option for option in ("use_peepholes", "num_proj") if shown[option])}
    *narrower, widest = form.kinds
    for name in narrower:
        if needed <= {option.name for option in KINDS[name].options}:
            return KINDS[name]
    return KINDS[widest]  # which has every option that the form speaks of


def _lay_out(
    kind: Kind,
    blocks: Mapping[tuple[str, str], np.ndarray],
    sizes: Mapping[str, int],
    options: Mapping[str, Any],
) -> dict[str, np.ndarray]:
    """The kind's variables, from the blocks: two biases that are only ever added become one."""
    form, dtype = form_of_ours(kind), next(iter(blocks.values())).dtype
    slots = [slot for slot in form.slots if is_on(slot.when, {"use_bias": True, **options})]
    arrays = {slot.name: np.zeros(shape_of(form, slot, sizes), dtype) for slot in slots}
    own = [place for slot in slots for place in places(form, slot, sizes)]
    apart = {place.gate for place in own if place.part == "hidden_bias"}
    for place in own:
        block = blocks.get((place.part, place.gate))
        second = blocks.get(("hidden_bias", place.gate)) if place.part == "bias" else None
        if block is not None and second is not None and place.gate not in apart:
            block = np.where(second == 0, block, block + second)  # so that -0 stays -0
        elif block is None and place.gate not in apart:
            block = second
        if block is not None:
            place.write(arrays, block)
    return arrays
