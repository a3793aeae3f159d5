"""One recurrent operator of ONNX: every input and every attribute of it accounted for, or the reason why it is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmviz.formats.found import Assumption, Layer, Reads
from lstmviz.formats.onnx_constants import Constants, Unknown, Value
from lstmviz.formats.onnx_graph import Scope, bound_attributes
from lstmviz.language import _
from lstmviz.layouts.table import ONNX_DEFAULTS

_FAMILIES = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn", "DynamicQuantizeLSTM": "lstm"}
_LSTM_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
_INPUTS = {
    "LSTM": _LSTM_INPUTS,
    "GRU": _LSTM_INPUTS[:6],
    "RNN": _LSTM_INPUTS[:6],
    "DynamicQuantizeLSTM": (*_LSTM_INPUTS, "W_scale", "W_zero_point", "R_scale", "R_zero_point"),
}
_WEIGHTS = ("W", "R", "B", "P")
_STATES = {"initial_h": "h", "initial_c": "c"}
_SIDES = {"forward": ("",), "reverse": ("",), "bidirectional": ("", "_reverse")}
_NO_CLIP = 3.4e38  # the largest float32 clips nothing


@dataclass(frozen=True, eq=False)
class Operator:
    """A recurrent operator and where it stands.

    Attributes:
        node: The operator.
        scope: What it can name.
        constants: The model's constants.
    """

    node: Any
    scope: Scope
    constants: Constants

    @property
    def inputs(self) -> dict[str, str]:
        """What it takes by its inputs' names.

        Raises:
            ValueError: it takes more than it has.
        """
        names = _INPUTS[self.node.op_type]
        if len(self.node.input) > len(names) and any(self.node.input[len(names) :]):
            raise ValueError(
                _("it takes {given} inputs; ONNX's {operator} has {allowed}").format(
                    given=len(self.node.input), operator=self.node.op_type, allowed=len(names)
                )
            )
        return {key: name for key, name in zip(names, self.node.input, strict=False) if name}

    def find(self, key: str) -> Value:
        """The constant that it takes as one of its inputs.

        Raises:
            ValueError: it takes none there, or none that is known.
        """
        if key not in self.inputs:
            raise ValueError(
                _("it has no {input}, which every {operator} has").format(
                    input=key, operator=self.node.op_type
                )
            )
        try:
            return self.constants.find(self.scope, self.inputs[key])
        except Unknown as error:
            raise ValueError(_("its {input}: {reason}").format(input=key, reason=error)) from error


def read_layers(operator: Operator, options: Mapping[str, Any]) -> Iterator[tuple[str, Layer]]:
    """The layers of an operator, one for each direction, each with what its name ends in.

    Args:
        operator: The operator.
        options: Its attributes' values.

    Raises:
        ValueError: it is left out; the message says why.
    """
    values = {key: operator.find(key) for key in ("W", "R")}
    values |= {key: operator.find(key) for key in ("B", "P") if key in operator.inputs}
    is_quantized = operator.node.op_type == "DynamicQuantizeLSTM"
    arrays = {key: _as_floats(key, value, is_quantized and key in "WR") for key, value in values.items()}
    if is_quantized:
        arrays |= {key: _dequantize(operator, key, arrays[key]) for key in "WR"}
    direction, told, notes = _read_options(dict(options))
    sides = _SIDES[direction]
    for key, array in arrays.items():
        if array.shape[:1] != (len(sides),):
            raise ValueError(
                _("its {input} has the shape {given}, and does not begin with its {count} directions").format(
                    input=key, given=list(array.shape), count=len(sides)
                )
            )
    lengths = _Lengths(operator)
    states = _States(operator, len(sides), arrays["R"].shape[-1], options.get("layout", 0))
    notes += [*_say_stored(values, is_quantized), *_say_place(operator.scope), *lengths.notes, *states.notes]
    for number, side in enumerate(sides):
        own, more = _one_side(told, number, len(sides))
        yield (
            side,
            Layer(
                "onnx",
                _FAMILIES[operator.node.op_type],
                {key: array[number : number + 1] for key, array in arrays.items()},
                own,
                notes=(*notes, *more),
                assumed=(*lengths.assumed, *states.assumed),
                called=operator.node.op_type if is_quantized else "",
                reads=Reads(
                    reverse=bool(side) or direction == "reverse",
                    steps=lengths.steps,
                    initial_state={key: state[number] for key, state in states.known.items()},
                ),
            ),
        )


def read_attributes(onnx: Any, operator: Operator) -> dict[str, Any]:
    """An operator's attributes by name, text as text.

    Raises:
        ValueError: one has a value of no kind that such an operator takes.
    """
    told = {}
    for name, attribute in bound_attributes(operator.node, operator.scope).items():
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = _text(value)
        elif isinstance(value, int | float):
            pass
        elif all(isinstance(each, bytes | int | float) for each in value):
            value = [_text(each) if isinstance(each, bytes) else each for each in value]
        else:
            raise ValueError(_("its {attribute} is no number and no text").format(attribute=name))
        told[name] = value
    return told


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


# --- Attributes -------------------------------------------------------------------------------------------------------


def _read_options(options: dict[str, Any]) -> tuple[str, dict[str, Any], list[str]]:
    """The direction, and what is left for the layout to understand; with what is to be said."""
    direction = options.pop("direction", "forward")
    if direction not in _SIDES:
        raise ValueError(
            _("its direction is {given!r}; ONNX has {allowed}").format(
                given=direction, allowed=", ".join(_SIDES)
            )
        )
    for name in (
        "layout",
        "output_sequence",
    ):  # the order of x's axes, and whether Y is wanted: no cell knows them
        if options.pop(name, 0) not in (0, 1):
            raise ValueError(_("its {attribute} is neither 0 nor 1").format(attribute=name))
    clip = options.get("clip")
    if isinstance(clip, float) and clip >= _NO_CLIP:
        del options["clip"]
    return direction, options, []


def _one_side(options: Mapping[str, Any], number: int, sides: int) -> tuple[dict[str, Any], list[str]]:
    """The options of one of the directions: the operator lists the functions of both, one direction's after the other's."""
    own = dict(options)
    names = [str(name) for name in own.get("activations", ())]
    numbers = {
        place: list(own.pop(key, ())) for place, key in enumerate(("activation_alpha", "activation_beta"))
    }
    if not names:
        own.pop("activations", None)
        return own, _say_unused(any(numbers.values()))
    if len(names) % sides:
        raise ValueError(
            _("its activations are {given}, for {count} directions").format(given=names, count=sides)
        )
    count = len(names) // sides
    own["activations"] = names[number * count : (number + 1) * count]
    is_more = False
    for place, key in enumerate(("activation_alpha", "activation_beta")):
        takes = [ONNX_DEFAULTS.get(name.lower(), (None, None))[place] is not None for name in names]
        first, last = sum(takes[: number * count]), sum(takes[: (number + 1) * count])
        if given := numbers[place][first:last]:
            own[key] = given
        is_more |= len(numbers[place]) > sum(takes)
    return own, _say_unused(is_more)


def _say_unused(is_more: bool) -> list[str]:
    if not is_more:
        return []
    return [_("It lists more alphas or betas than its activations take: those beyond are not used.")]


# --- Inputs -----------------------------------------------------------------------------------------------------------


def _as_floats(key: str, value: Value, is_whole: bool) -> np.ndarray:
    """The weights as floating-point numbers that a cell can have; `is_whole`: as they are stored."""
    array = value.array
    if is_whole:
        if array.dtype.kind not in "iu":
            raise ValueError(
                _("its {input} is {type}, no whole numbers").format(input=key, type=array.dtype.name)
            )
        return array
    if array.dtype in (np.float32, np.float64):
        return array
    if array.dtype.kind == "f" or array.dtype.name.startswith(("bfloat", "float")):
        return array.astype(np.float32)
    raise ValueError(
        _("its {input} is {type}, no floating-point numbers").format(input=key, type=array.dtype.name)
    )


def _dequantize(operator: Operator, key: str, stored: np.ndarray) -> np.ndarray:
    """`[directions, rows, columns]` as the LSTM operator has it, of whole numbers that are stored the other way round."""
    if stored.ndim != 3:
        raise ValueError(_("its {input} has the shape {given}").format(input=key, given=list(stored.shape)))
    parts = [operator.find(f"{key}_scale").array.astype(np.float32)]
    if f"{key}_zero_point" in operator.inputs:
        parts.append(operator.find(f"{key}_zero_point").array.astype(np.float32))
    shaped = []
    for part in parts:
        if part.shape not in ((stored.shape[0],), (stored.shape[0], stored.shape[2])):
            raise ValueError(
                _("its {input}'s scale or zero point has the shape {given}").format(
                    input=key, given=list(part.shape)
                )
            )
        shaped.append(part.reshape(stored.shape[0], 1, -1))
    scale, zero = shaped[0], shaped[1] if len(shaped) > 1 else np.float32(0)
    return np.ascontiguousarray(((stored.astype(np.float32) - zero) * scale).transpose(0, 2, 1))


def _say_stored(values: Mapping[str, Value], is_quantized: bool) -> Iterator[str]:
    """As what its weights are stored, where a cell cannot have them so."""
    types = sorted(frozenset[str]().union(*(value.types for value in values.values())))
    if types:
        yield _(
            "Weights of it are stored as {types} and are shown as wider numbers of the same value."
        ).format(types=", ".join(types))
    if is_quantized:
        yield _(
            "Its W and R are stored as whole numbers with a scale, and are shown dequantized. Where ONNX Runtime runs it, "
            "x and h are rounded to whole numbers too before each product: its numbers differ by that from those here."
        )
    elif any("DequantizeLinear" in value.through for value in values.values()):
        yield _("Weights of it are stored as whole numbers with a scale, and are shown dequantized.")


def _say_place(scope: Scope) -> Iterator[str]:
    """Where it stands, if not in the model's own graph."""
    for operator, name in scope.around:
        if operator == "If":
            yield _("It is in a branch of {name}: it runs where the condition says so.").format(name=name)
        elif operator in ("Loop", "Scan"):
            yield _("It is in the loop {name}: it runs once in each turn.").format(name=name)
        else:
            yield _("It is in a graph that the operator {name} ({operator}) holds.").format(
                name=name, operator=operator
            )


class _Lengths:
    """How many steps of the sequence count: `sequence_lens`, a number for each sequence."""

    def __init__(self, operator: Operator) -> None:
        self.steps: int | None = None
        self.notes: list[str] = []
        self.assumed: list[Assumption] = []
        if "sequence_lens" not in operator.inputs:
            return
        try:
            given = operator.constants.find(operator.scope, operator.inputs["sequence_lens"]).array
        except Unknown as error:
            why = _("its sequence_lens: {reason}").format(reason=error)
            self.assumed.append(Assumption(_("every step of its sequence counts"), why))
            return
        if given.ndim != 1 or not given.size or given.dtype.kind not in "iu" or given.min() < 1:
            raise ValueError(
                _("its sequence_lens is {given}; it must be a length of at least 1 for each sequence").format(
                    given=given.reshape(-1)[:8].tolist()
                )
            )
        self.steps = int(given[0])
        if np.any(given != given[0]):
            self.notes.append(
                _("It gives {count:,} sequences lengths of their own; here the first one's is taken.").format(
                    count=given.size
                )
            )


class _States:
    """What it starts from: `initial_h` and `initial_c`, `[directions, batch, units]`, or the batch first with layout 1."""

    def __init__(self, operator: Operator, sides: int, units: int, layout: Any) -> None:
        self.known: dict[str, np.ndarray] = {}
        self.notes: list[str] = []
        self.assumed: list[Assumption] = []
        for key, name in _STATES.items():
            if key in operator.inputs:
                self._read(operator, key, name, (sides, units), layout)

    def _read(self, operator: Operator, key: str, name: str, shape: tuple[int, int], layout: Any) -> None:
        splat = operator.constants.find_splat(operator.scope, operator.inputs[key])
        if splat is not None:
            if splat:
                self.known[name] = np.full(shape, splat, np.float32)
            return
        try:
            value = operator.constants.find(operator.scope, operator.inputs[key])
        except Unknown as error:
            why = _("its {input}: {reason}").format(input=key, reason=error)
            self.assumed.append(Assumption(_("its {state} starts from zeros").format(state=name), why))
            return
        given = _as_floats(key, value, False)
        array = given.swapaxes(0, 1) if layout == 1 and given.ndim == 3 else given
        if array.ndim != 3 or array.shape[::2] != shape or not array.shape[1]:
            raise ValueError(
                _("its {input} has the shape {given}").format(input=key, given=list(given.shape))
            )
        if np.any(array != array[:, :1]):
            self.notes.append(
                _("Its {input} has {count:,} sequences' states; here the first one's is taken.").format(
                    input=key, count=array.shape[1]
                )
            )
        self.known[name] = np.ascontiguousarray(array[:, 0])
