"""A cell as it is, whatever its kind: an .npz of its weights, in which a text says the kind, the sizes and the options.

The kind itself, an equation, is code and in no file: whoever reads one has to have declared it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping

import numpy as np

from lstmviz.cells import KINDS, Cell, Kind, OptionValue, as_numbers, check_options
from lstmviz.equation.nodes import Block, Name
from lstmviz.formats.found import Content, FormatError, Found, Layer
from lstmviz.language import _
from lstmviz.layouts import Place, Stored, StoredGate

LAYOUT = "lstmviz"
"""What such a layer's layout is called, and the array with the text."""
JOINED = ("kernel", "bias", "hidden_bias", "offset", "gates", "edited")
"""Arrays that may stand beside the weights, for who reads them elsewhere: the kernel and the biases as pictures show them, and
which weights were edited."""

_MOST_TEXT = 2**18  # bytes
_KIND = re.compile(r"[^\W\d_][\w-]{0,63}")


# --- Out


def write(cell: Cell, beside: Mapping[str, np.ndarray] | None = None) -> bytes:
    """The file.

    Args:
        cell: The cell.
        beside: Arrays called as in `JOINED`; a weight of the same name comes before.

    Raises:
        ValueError: a weight is called as the text is.
    """
    if LAYOUT in cell.weights:
        raise ValueError(
            _("a weight is called {name}, as the file's own text is; call it otherwise.").format(name=LAYOUT)
        )
    arrays = {**(beside or {}), **cell.weights, LAYOUT: np.array(_describe(cell))}
    buffer = io.BytesIO()
    with zipfile.ZipFile(
        buffer, "w", zipfile.ZIP_DEFLATED
    ) as file:  # `np.savez` has names of its own among its keywords
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as part:
                np.lib.format.write_array(part, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def _describe(cell: Cell) -> str:
    return json.dumps(
        {
            "kind": cell.kind.name,
            "num_units": cell.num_units,
            "input_size": cell.input_size,
            "options": dict(cell.options),
            "weights": list(cell.weights),
            "equation": _fingerprint(cell.kind, cell.options),
        }
    )


def _fingerprint(kind: Kind, options: Mapping[str, OptionValue]) -> str:
    """A number for an equation's operations, in which neither its titles nor its options' numbers count."""
    nodes = kind.equation(options).nodes
    numbers = {id(node): number for number, node in enumerate(nodes)}
    told = []
    for node in nodes:
        value = node.value
        if isinstance(value, Name):
            value = value.name
        elif isinstance(value, Block):
            value = [value.index, value.count]
        told.append([node.op, [numbers[id(each)] for each in node.args], value])
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def loading_code(cell: Cell, path: str) -> str:
    """The lines that load the file."""
    lines = ["import lstmviz as lv", ""]
    if not cell.kind.is_ours:
        first = _('the code with @lv.kind("{kind}") comes first: it is not in the file')
        lines.append("# " + first.format(kind=cell.kind.name))
    return "\n".join([*lines, f"cell = lv.load({path!r})[{cell.kind.name!r}]"])


# --- In


def read_text(content: Content) -> str | None:
    """The text of such a file; None where it is another.

    Raises:
        FormatError: it is damaged.
    """
    part = content.files.get(f"{LAYOUT}.npy")
    if part is None:
        return None
    try:
        file = io.BytesIO(part[: _MOST_TEXT + 2**10])
        if np.lib.format.read_magic(file) != (1, 0):
            return None
        shape, _is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype.kind != "U" or shape != () or dtype.itemsize > _MOST_TEXT:
            return None
        return str(np.frombuffer(part, dtype, 1, file.tell())[0])
    except (
        Exception
    ) as error:  # a header is a Python literal: what may be wrong with one is not listed anywhere
        raise FormatError(_say_damaged(content.name, str(error))) from error


def _say_damaged(name: str, cause: str) -> str:
    return _("{name} says in a damaged text what cell it holds: {cause}").format(
        name=name, cause=cause.split("\n", 1)[0][:200]
    )


def find(name: str, text: str, arrays: Mapping[str, np.ndarray], skipped: Mapping[str, str]) -> Found:
    """The cell of such a file, as a layer called as its kind.

    Args:
        name: What the file is called in messages.
        text: What it says.
        arrays: Its arrays of numbers.
        skipped: Why others are none.

    Raises:
        FormatError: the text does not say what it should, or the arrays are not those that it names.
    """
    try:
        told = json.loads(text)
        kind, names = str(told["kind"]), [str(each) for each in told["weights"]]
        options = {
            "num_units": int(told["num_units"]),
            "input_size": int(told["input_size"]),
            "options": dict(told["options"]),
            "equation": str(told["equation"]),
        }
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError) as error:
        raise FormatError(_say_damaged(name, str(error))) from error
    if not _KIND.fullmatch(kind):
        raise FormatError(_say_damaged(name, repr(kind[:60])))
    if missing := [each for each in names if each not in arrays]:
        raise FormatError(
            _("{name} is without the weights {missing} that it names.").format(
                name=name, missing=", ".join(missing)[:200]
            )
        )
    found = Found({kind: Layer(LAYOUT, kind, {each: arrays[each] for each in names}, options)})
    rest = {each: array for each, array in arrays.items() if each not in (*names, *JOINED, LAYOUT)}
    found.skipped |= dict.fromkeys(rest, _("it is none of the cell's weights"))
    found.skipped |= {each: why for each, why in skipped.items() if each not in (*JOINED, LAYOUT)}
    found.arrays |= rest
    return found


def check_declared(layer: Layer) -> None:
    """Refuses a layer whose kind is not known in this process.

    Raises:
        FormatError: it is not.
    """
    if layer.layout == LAYOUT and layer.family not in KINDS:
        raise FormatError(
            _(
                "the file holds a cell of the kind {kind}, which is not declared here. Its equation is code and in no file: "
                'declare it with @lv.kind("{kind}"), then load the file again.'
            ).format(kind=layer.family)
        )


def make(layer: Layer) -> tuple[Cell, tuple[str, ...]]:
    """The cell of a layer that `find` found, and what there is to say of it.

    Raises:
        ValueError: the weights or the options are not those that its kind takes.
    """
    check_declared(layer)
    kind, told = KINDS[layer.family], layer.options
    options = check_options(kind, told["options"])
    is_double = any(array.dtype == np.float64 for array in layer.arrays.values())
    dtype = np.dtype(np.float64 if is_double else np.float32)
    weights = {name: as_numbers(name, array, dtype, copy=False) for name, array in layer.arrays.items()}
    cell = Cell(kind, told["num_units"], told["input_size"], options, weights)
    if kind.is_ours or _fingerprint(kind, options) == told["equation"]:
        return cell, ()
    said = _(
        "The equation of {kind} that is declared here is written otherwise than the one it was saved with: its numbers may be "
        "others."
    )
    return cell, (said.format(kind=kind.name),)


def describe(cell: Cell) -> Stored:
    """The cell's own arrays in the words that frameworks' are told in."""
    variables = [v for v in cell.kind.variables if v.name in cell.weights and (v.is_kernel or v.is_bias)]
    gates: dict[str, list[Place]] = {gate.name: [] for gate in cell.kind.gates}
    for variable in variables:
        *rows, _columns = cell.weights[variable.name].shape
        part = variable.meets[0] if variable.is_kernel else "bias"
        for index, gate in enumerate(variable.gates):
            columns = slice(index * cell.num_units, (index + 1) * cell.num_units)
            at: tuple[int | slice, ...] = (*(slice(0, length) for length in rows), columns)
            stored = (rows[0] if rows else 1, cell.num_units)
            gates[gate].append(Place(variable.name, part, gate, at, stored, False))
    return Stored(
        title=cell.kind.name,
        layer=cell.kind.name,
        parameter_count=cell.parameter_count,
        gates=tuple(StoredGate(name, name, tuple(places)) for name, places in gates.items()),
        shapes={name: weight.shape for name, weight in cell.weights.items()},
        adds_forget_bias="forget_bias" in cell.options,
    )
