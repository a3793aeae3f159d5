"""A cell: a kind with its sizes, options and weights."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz.cells.kind import KINDS, Gate, Kind, base_of, parts_of
from lstmviz.cells.numbers import as_numbers, float_type, frozen, positive, with_numbers
from lstmviz.cells.options import Option, OptionValue
from lstmviz.cells.weights import draw, sizes_of, weight_shapes
from lstmviz.equation import Equation
from lstmviz.equation.nodes import summands_of
from lstmviz.language import _


@dataclass(frozen=True, eq=False)
class GateWeights:
    """One gate's block: `kernel` `[input_size + output_size, num_units]`, `bias` and `hidden_bias` `[num_units]`."""

    gate: Gate
    input_size: int
    kernel: Float[np.ndarray, "rows num_units"]
    bias: Float[np.ndarray, " num_units"]
    hidden_bias: Float[np.ndarray, " num_units"]

    @property
    def kernel_x(self) -> Float[np.ndarray, "input_size num_units"]:
        """The rows that meet x."""
        return self.kernel[: self.input_size]

    @property
    def kernel_h(self) -> Float[np.ndarray, "output_size num_units"]:
        """The rows that meet h."""
        return self.kernel[self.input_size :]


@dataclass(frozen=True, eq=False)
class Cell:
    """A kind with its sizes, options and weights. `build` makes one and fills in what is not given.

    Attributes:
        kind: The declaration.
        num_units: The number of nodes of the hidden layer.
        input_size: The number of features of x.
        options: Every option of the kind by name.
        weights: Every variable of the kind by TensorFlow's name, read-only, all of one type (float32 or float64).

    Raises:
        ValueError: the weights are not those that the kind, its sizes and its options ask for.
    """

    kind: Kind
    num_units: int
    input_size: int
    options: Mapping[str, OptionValue]
    weights: Mapping[str, np.ndarray] = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(check_options(self.kind, self.options)))
        shapes = weight_shapes(self.kind, self.num_units, self.input_size, self.options)
        if set(shapes) != set(self.weights):
            raise ValueError(
                _("weights has {given}; {kind} with these options takes exactly {allowed}.").format(
                    given=", ".join(sorted(self.weights)) or "nothing",
                    kind=self.kind.name,
                    allowed=", ".join(shapes),
                )
            )
        for name, shape in shapes.items():
            if self.weights[name].shape != shape:
                raise ValueError(
                    _(
                        "{name} has the shape {given}; with num_units {num_units} and input_size {input_size} "
                        "it must be {allowed}."
                    ).format(
                        name=name,
                        given=list(self.weights[name].shape),
                        num_units=self.num_units,
                        input_size=self.input_size,
                        allowed=list(shape),
                    )
                )
        types = {weight.dtype.name for weight in self.weights.values()}
        if types not in ({"float32"}, {"float64"}):
            raise ValueError(
                _("weights are {given}; they must be all float32 or all float64.").format(
                    given=", ".join(sorted(types))
                )
            )
        kept = {name: frozen(self.weights[name]) for name in shapes}
        object.__setattr__(self, "weights", MappingProxyType(kept))

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return next(iter(self.weights.values())).dtype

    @property
    def sizes(self) -> dict[str, int]:
        """What the sizes in the equation stand for."""
        return sizes_of(self.num_units, self.input_size, self.options)

    @cached_property
    def equation(self) -> Equation:
        """The kind's equation with the cell's options chosen."""
        return self.kind.equation(self.options)

    @property
    def output_size(self) -> int:
        """The size of h: `num_units`, or `num_proj` where h is projected."""
        return self.sizes["output_size"]

    def astype(self, dtype: str) -> Cell:
        """The same cell storing and computing in `dtype`: from float32 to float64 each weight stays the number it is.

        `build(..., dtype="float64")` keeps the digits that float32 drops, so it differs in its weights too.

        Args:
            dtype: "float32" or "float64".

        Raises:
            ValueError: the dtype is neither.
        """
        type_ = float_type(dtype)
        if type_ == self.dtype:
            return self
        weights = {name: as_numbers(name, weight, type_) for name, weight in self.weights.items()}
        return Cell(self.kind, self.num_units, self.input_size, self.options, weights)

    def with_weights(self, changes: Any) -> Cell:
        """The same cell with other numbers among its weights; this one stays as it is.

        Args:
            changes: By a weight's name either all of it anew, or single numbers by where they stand: `{"kernel": {(3, 5): 0.25}}`,
                and `{"bias": {7: 1.0}}` of a vector.

        Raises:
            ValueError: there is no such weight or no such place in it, or a single number is not finite.

        >>> cell = build("BasicLSTMCell", num_units=8, input_size=4)
        >>> float(cell.with_weights({"kernel": {(3, 5): 0.25}}).kernel[3, 5])
        0.25
        """
        if not isinstance(changes, Mapping):
            raise ValueError(
                _(
                    'the changes are {given}; they must be a mapping from weights to what changes in them, {{"kernel": {{(3, 5): '
                    "0.25}}}}."
                ).format(given=type(changes).__name__)
            )
        weights = dict(self.weights)
        for name, change in changes.items():
            if name not in weights:
                raise ValueError(
                    _("{kind} has no weight {given!r}; it has {allowed}.").format(
                        kind=self.kind.name, given=name, allowed=", ".join(weights)
                    )
                )
            weights[name] = (
                with_numbers(name, weights[name], change)
                if isinstance(change, Mapping)
                else as_numbers(name, change, self.dtype)
            )
        return Cell(self.kind, self.num_units, self.input_size, self.options, weights)

    def activation_of(self, gate: str) -> str:
        """The name in `ACTIVATIONS` of the activation that the gate called `gate` has in this cell."""
        return self.equation.activation_of(self.kind.gate(gate).name)

    @property
    def parameter_count(self) -> int:
        """How many numbers training would adjust."""
        return sum(weight.size for weight in self.weights.values())

    @cached_property
    def kernel(self) -> Float[np.ndarray, "rows columns"]:
        """`[input_size + output_size, n_gates * num_units]`, the gates' blocks side by side, x's rows above h's.

        Where no gate sees h, or all kernels have further rows, it has these rows instead. A gate that sees less than the
        others has zeros in the other rows, one without a kernel in all.

        Raises:
            ValueError: the kernels make no such matrix.
        """
        whole = [v for v in self.kind.variables if v.is_kernel and v.name in self.weights]
        blocks = {gate.name: self._blocks_of(gate.name) for gate in self.kind.gates}
        rows = self._rows_of({meets for found in blocks.values() for meets in found})
        if len(whole) == 1 and whole[0].gates == tuple(blocks) and whole[0].meets == tuple(rows):
            return self.weights[whole[0].name]
        height = max((each.stop for each in rows.values()), default=0)
        if not height:
            raise ValueError(
                _(
                    "{kind} has no kernel: no gate is made from a product with x or a state; see cell.weights."
                ).format(kind=self.kind.name)
            )
        kernel = np.zeros((height, len(blocks) * self.num_units), self.dtype)
        for gate, found in blocks.items():
            for meets, block in found.items():
                kernel[rows[meets], self.columns(gate)] = block
        kernel.setflags(write=False)
        return kernel

    @cached_property
    def rows(self) -> Mapping[str, slice]:
        """The rows of `kernel` that meet x, h and further states; none where the kernels make no such matrix."""
        try:
            met = {meets for gate in self.kind.gates for meets in self._blocks_of(gate.name)}
        except ValueError:
            return MappingProxyType({})
        return MappingProxyType(self._rows_of(met))

    @property
    def why_no_kernel(self) -> str:
        """Why the kernels make no single matrix, in a sentence; empty where they do."""
        try:
            self.kernel  # noqa: B018
        except ValueError as error:
            return str(error)
        return ""

    def _height(self, meets: str) -> int:
        """How many rows of a kernel meet x or a state."""
        return self.input_size if meets == "x" else self.state_size(meets)

    def _rows_of(self, met: set[str]) -> dict[str, slice]:
        """The rows of the joined kernel that meet x, h and further states, in the order of the states' names behind h."""
        rows, top = {}, 0
        for name in ("x", "h", *(name for name in self.kind.states if name != "h")):
            if name in met:
                rows[name] = slice(top, top + self._height(name))
                top += self._height(name)
        return rows

    def _blocks_of(self, gate: str) -> dict[str, np.ndarray]:
        """A gate's columns of the kernels that make it, by what their rows meet."""
        blocks: dict[str, np.ndarray] = {}
        for place in self.equation.places[gate]:
            if place.met is None:
                continue
            weight, top = self.weights[place.weight], 0
            count, index = (place.block.count, place.block.index) if place.block else (1, 0)
            for part in parts_of(place.met):
                meets, width = base_of(self.equation, part), self.equation.width(part)
                height = width.evaluate(self.sizes) if width is not None else 0
                fits = meets and (height, weight.shape[1]) == (self._height(meets), count * self.num_units)
                if not fits or meets in blocks:
                    raise ValueError(
                        _(
                            "{kind} has no single kernel: the gate {gate} takes from {weight} what is no block of columns "
                            "whose rows meet x and the states, each once; cell.weights has every matrix as it is."
                        ).format(kind=self.kind.name, gate=gate, weight=place.weight)
                    )
                blocks[meets] = weight[
                    top : top + height, index * self.num_units : (index + 1) * self.num_units
                ]
                top += height
        return blocks

    @cached_property
    def bias(self) -> Float[np.ndarray, " columns"]:
        """`[n_gates * num_units]` as stored: without what is only added when the cell runs; zeros without `use_bias`.

        A bias that stands with the hidden rows alone is in `hidden_bias` instead. One that several gates share is in the columns
        of each.
        """
        return self._bias_of("x")

    @cached_property
    def hidden_bias(self) -> Float[np.ndarray, " columns"]:
        """`[n_gates * num_units]`: what is added to the hidden rows' product before another gate multiplies it.

        Zeros in the columns of gates that store no such bias.
        """
        return self._bias_of("h")

    @property
    def biased(self) -> tuple[str, ...]:
        """The gates that store a bias."""
        return self._biased("x")

    @property
    def hidden_biased(self) -> tuple[str, ...]:
        """The gates that store a hidden bias."""
        return self._biased("h")

    @cached_property
    def offset(self) -> Float[np.ndarray, " columns"]:
        """`[n_gates * num_units]`: what is added to the bias when the cell runs, `forget_bias` in f's columns."""
        values = [sum(self.offsets[gate.name].values()) for gate in self.kind.gates]
        offset = np.repeat(np.asarray(values, self.dtype), self.num_units)
        offset.setflags(write=False)
        return offset

    @cached_property
    def offsets(self) -> Mapping[str, Mapping[str, float]]:
        """Of each gate what is added when the cell runs and is not 0: the option's name, or the number's, and the value."""
        found: dict[str, dict[str, float]] = {}
        for gate, before in self.equation.before.items():
            found[gate] = {}
            for node, sign in summands_of(before):
                if node.op in ("number", "option"):
                    value = float(node.value if node.op == "number" else self.options[node.value])  # type: ignore[arg-type]
                    if value:
                        name = node.value if node.op == "option" else f"{value:g}"
                        found[gate][name] = found[gate].get(name, 0.0) + sign * value
        return MappingProxyType(found)

    @cached_property
    def peepholes(self) -> Mapping[str, tuple[str, str]]:
        """Of each gate that sees a state unit by unit: the weight, and the state as it is written, `c_{t-1}` or `c_t`."""
        states = {id(node): f"{name}_{{t-1}}" for name, node in self.equation.states.items()}
        states |= {id(node): f"{name}_t" for name, node in self.equation.new.items()}
        return MappingProxyType(
            {
                gate: (place.weight, states[id(place.by[0])])
                for gate, places in self.equation.places.items()
                for place in places
                if place.met is None and not place.added and len(place.by) == 1 and id(place.by[0]) in states
            }
        )

    @cached_property
    def multiplied(self) -> Mapping[str, str]:
        """Of each gate whose product with a kernel another gate multiplies, that gate's name."""
        return MappingProxyType(
            {
                gate: node.value.name
                for gate, places in self.equation.places.items()
                for place in places
                if place.met is not None
                for node in place.by
                if node.op == "called"
            }
        )

    def gate(self, name: str) -> GateWeights:
        """The block of the gate called `name`.

        Raises:
            ValueError: the kind has no such gate.
        """
        gate = self.kind.gate(name)
        columns = self.columns(name)
        return GateWeights(
            gate, self.input_size, self.kernel[:, columns], self.bias[columns], self.hidden_bias[columns]
        )

    def columns(self, name: str) -> slice:
        """The kernel's columns that belong to the gate called `name`."""
        index = self.kind.gates.index(self.kind.gate(name))
        return slice(index * self.num_units, (index + 1) * self.num_units)

    def state_size(self, state: str) -> int:
        """The size of the state called `state`, "c" or "h"."""
        return self.output_size if state == "h" else self.num_units

    def _biased(self, meets: str) -> tuple[str, ...]:
        biases = [v for v in self.kind.variables if v.is_bias and v.is_hidden == (meets == "h")]
        gates = [gate for v in biases if v.name in self.weights for gate in v.gates]
        return tuple(dict.fromkeys([*gates, *(self._shared if meets == "x" else ())]))

    @cached_property
    def _shared(self) -> Mapping[str, list[tuple[str, float]]]:
        """Of each gate that has some the vectors that are added to other gates too, with their signs."""
        own = {variable.name for variable in self.kind.variables if variable.is_bias}
        found: dict[str, list[tuple[str, float]]] = {}
        for gate, before in self.equation.before.items():
            for node, sign in summands_of(before):
                if node.op == "weight" and node.value not in own:
                    found.setdefault(gate, []).append((node.value, sign))
        used = Counter(name for vectors in found.values() for name, _sign in vectors)
        shared = {gate: [each for each in vectors if used[each[0]] > 1] for gate, vectors in found.items()}
        return MappingProxyType({gate: vectors for gate, vectors in shared.items() if vectors})

    def _bias_of(self, meets: str) -> np.ndarray:
        """The stored biases of the kernels that meet x, or of the others, in the kernel's columns; zeros where there is none."""
        bias = np.zeros(len(self.kind.gates) * self.num_units, self.dtype)
        for variable in self.kind.variables:
            if variable.is_bias and variable.is_hidden == (meets == "h") and variable.name in self.weights:
                for gate, block in zip(
                    variable.gates, np.split(self.weights[variable.name], len(variable.gates)), strict=True
                ):
                    bias[self.columns(gate)] += block
        for gate, vectors in self._shared.items() if meets == "x" else ():
            for name, sign in vectors:
                bias[self.columns(gate)] += sign * self.weights[name]
        bias.setflags(write=False)
        return bias


def build(
    kind: str,
    num_units: int,
    input_size: int,
    *,
    seed: int = 0,
    initial_weights: str = "glorot_uniform",
    weights: Mapping[str, Any] | None = None,
    dtype: str = "float32",
    **options: OptionValue,
) -> Cell:
    """Builds a cell.

    Args:
        kind: A name in `KINDS`.
        num_units: The number of nodes of the hidden layer, at least 1.
        input_size: The number of features of x, at least 1.
        seed: Makes the initial weights repeatable.
        initial_weights: A name in `INITIAL_WEIGHTS`. Biases are constants, as TensorFlow has them.
        weights: Weights to take instead, by TensorFlow's variable names; all of them, in TensorFlow's shapes.
        dtype: "float32" or "float64", the type that the cell stores and computes in.
        **options: The kind's options, under TensorFlow's argument names.

    Raises:
        ValueError: a name, number, option or weight is not one that the kind takes, or there is no memory for so many.

    >>> cell = build("BasicLSTMCell", num_units=8, input_size=4)
    >>> cell.kernel.shape, cell.gate("f").kernel_x.shape
    ((12, 32), (4, 8))
    """
    if kind not in KINDS:
        raise ValueError(_refuse_kind(kind))
    declaration = KINDS[kind]
    num_units = positive("num_units", num_units)
    input_size = positive("input_size", input_size)
    type_ = float_type(dtype)
    checked = check_options(declaration, options)
    if weights is not None:
        arrays = {name: as_numbers(name, value, type_) for name, value in weights.items()}
        return Cell(declaration, num_units, input_size, checked, arrays)
    try:
        arrays = draw(declaration, num_units, input_size, checked, initial_weights, seed, type_)
    except MemoryError as error:
        shapes = weight_shapes(declaration, num_units, input_size, checked).values()
        raise ValueError(
            _(
                "num_units {num_units} and input_size {input_size} make {count:,} weights, more than this machine's "
                "memory holds; take fewer."
            ).format(num_units=num_units, input_size=input_size, count=sum(map(math.prod, shapes)))
        ) from error
    return Cell(declaration, num_units, input_size, checked, arrays)


def _refuse_kind(given: Any) -> str:
    """What there is in place of a kind that is not known: the kind that is meant, where the name says it."""
    meant = [name for name in KINDS if isinstance(given, str) and _stem(name) == _stem(given)]
    if len(meant) == 1:
        return _("cell is {given!r}; here it is called {name}.").format(given=given, name=meant[0])
    return _("cell is {given!r}; it must be one of {allowed}.").format(given=given, allowed=", ".join(KINDS))


def _stem(name: str) -> str:
    """A kind's name as far as people write it alike: `IndRNNCell` and `indrnn` are one."""
    return re.sub(r"[\W_]|cell$", "", name.lower())


def check_options(kind: Kind, given: Mapping[str, Any]) -> dict[str, OptionValue]:
    """Every option of `kind`, as given or by default.

    Raises:
        ValueError: an option the kind does not have, or a value that the option does not take.
    """
    known = {option.name: option for option in kind.options}
    for name in given:
        if name not in known:
            raise ValueError(
                _("{name} is no option of {kind}; it has {allowed}.").format(
                    name=name, kind=kind.name, allowed=", ".join(known)
                )
            )
    values = {name: _check_option(option, given.get(name, option.default)) for name, option in known.items()}
    for name, option in known.items():
        if option.needs and values[name] is not None and values[option.needs] is None:
            raise ValueError(
                _("{name} is {given}, but {needs} is not set; set {needs} too, or leave {name} out.").format(
                    name=name, given=values[name], needs=option.needs
                )
            )
    return values


def _check_option(option: Option, value: Any) -> OptionValue:
    if value is None and option.default is None:
        return None
    if option.type is str:
        if not isinstance(value, str) or value not in option.choices:
            raise ValueError(
                _("{name} is {given!r}; it must be one of {allowed}.").format(
                    name=option.name, given=value, allowed=", ".join(option.choices)
                )
            )
        return str(value)
    if option.type is bool:
        if not isinstance(value, bool | np.bool_):
            raise ValueError(
                _("{name} is {given!r}; it must be True or False.").format(name=option.name, given=value)
            )
        return bool(value)
    if option.type is int:
        return positive(option.name, value)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | np.floating | np.integer)
        or not math.isfinite(value)
    ):
        raise ValueError(
            _("{name} is {given!r}; it must be a finite number.").format(name=option.name, given=value)
        )
    if value < option.minimum:
        raise ValueError(
            _("{name} is {given}; it must be at least {minimum:g}.").format(
                name=option.name, given=value, minimum=option.minimum
            )
        )
    return float(value)
