"""Two runs beside each other: where and how much they differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.run.clamp import say_held
from lstmviz.run.trace import Trace

VALUES = ("activations", "preactivations")


@dataclass(frozen=True)
class Parting:
    """The first number in which two runs differ by more than the tolerance.

    Attributes:
        t: The step.
        name: The gate or the state.
        unit: The unit.
        a: The number in the first run.
        b: The number in the second.
        difference: `a - b`; NaN where one of them is NaN.
    """

    t: int
    name: str
    unit: int
    a: float
    b: float
    difference: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two runs have both, subtracted: gates and states of one name, over the steps and units that both have.

    All differences are `a - b` in float64. NaN against NaN, and infinity against the same infinity, is 0; NaN against
    a number is NaN.

    Attributes:
        a: The first run.
        b: The second.
        tolerance: How far two numbers may lie apart and still count as equal, in absolute terms.
        differences: Of each gate's activation and each state, in the order of computation, `[time, num_units]`.
        preactivations: Of each gate's pre-activation, `[time, num_units]`.
        kernel_difference: Of the kernels, `[input_size + output_size, n_gates * num_units]`; None where the shapes or
            the gates differ, or one has none, and `left_out` says so.
    """

    a: Trace
    b: Trace
    tolerance: float
    differences: Mapping[str, Float[np.ndarray, "time _size"]] = field(repr=False)
    preactivations: Mapping[str, Float[np.ndarray, "time _size"]] = field(repr=False)
    kernel_difference: Float[np.ndarray, "rows columns"] | None = field(repr=False)

    def __len__(self) -> int:
        """The steps that both have."""
        return min(len(self.a), len(self.b))

    @property
    def num_units(self) -> int:
        """The units that both have."""
        return min(self.a.cell.num_units, self.b.cell.num_units)

    @property
    def largest(self) -> dict[str, float]:
        """How far the runs lie apart at most, in each gate and state; NaN where NaN stands against a number."""
        return {name: _largest(array) for name, array in self.differences.items()}

    @property
    def first(self) -> Parting | None:
        """Where gates and states first part: the earliest step, in it the earliest in the order of computation.

        None where they nowhere differ by more than the tolerance.
        """
        return self.parting("activations")

    @property
    def input_parting(self) -> int | None:
        """The first step whose x differs by more than the tolerance; 0 where the numbers of features differ."""
        if self.a.cell.input_size != self.b.cell.input_size:
            return 0
        apart = _apart(_subtract(self.a.x[: len(self)], self.b.x[: len(self)]), self.tolerance)
        steps = np.flatnonzero(apart.any(axis=1))
        return int(steps[0]) if steps.size else None

    def shown(self, values: str = "activations") -> dict[str, Float[np.ndarray, "time _size"]]:
        """The differences of gates and states in the order of computation, the gates' before or after activation.

        Raises:
            ValueError: `values` is neither "activations" nor "preactivations".
        """
        if values not in VALUES:
            raise ValueError(
                _("values is {given!r}; it must be one of {allowed}.").format(
                    given=values, allowed=", ".join(VALUES)
                )
            )
        gates = self.preactivations if values == "preactivations" else {}
        return {name: gates.get(name, array) for name, array in self.differences.items()}

    def parting(self, values: str = "activations") -> Parting | None:
        """Where what `shown(values)` gives first exceeds the tolerance; None where it never does.

        Raises:
            ValueError: `values` is neither "activations" nor "preactivations".
        """
        best: tuple[int, str, int] | None = None
        for name, difference in self.shown(values).items():  # an earlier name wins within a step
            apart = _apart(difference, self.tolerance)
            steps = np.flatnonzero(apart.any(axis=1))
            if steps.size and (best is None or steps[0] < best[0]):
                best = int(steps[0]), name, int(np.argmax(apart[steps[0]]))
        if best is None:
            return None
        t, name, unit = best
        a, b = (float(_recorded(trace, values)[name][t, unit]) for trace in (self.a, self.b))
        return Parting(t, name, unit, a, b, float(self.shown(values)[name][t, unit]))

    @property
    def labels(self) -> tuple[str, str]:
        """What sets the runs apart: kinds, sizes, options, number type, device, what is held; empty where that is the same.

        Seeds are not among them, for a cell knows its weights and not where they came from.
        """
        facts = _facts(self.a), _facts(self.b)
        apart = [name for name in facts[0] if name in facts[1] and facts[0][name] != facts[1][name]]
        a, b = (", ".join(_write_fact(name, own[name]) for name in apart) for own in facts)
        return a, b

    @property
    def other_weights(self) -> tuple[str, ...]:
        """The variables, under TensorFlow's names, that have one shape in both cells and hold other numbers."""
        a, b = self.a.cell.weights, self.b.cell.weights
        return tuple(
            name
            for name in a
            if name in b and a[name].shape == b[name].shape and _subtract(a[name], b[name]).any()
        )

    @property
    def holds_others(self) -> bool:
        """Whether one run held gates or states at what the other did not."""
        a, b = self.a.clamp, self.b.clamp
        return set(a) != set(b) or any(not np.array_equal(a[name], b[name], equal_nan=True) for name in a)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What one of the runs has and the other lacks, and what therefore has no difference, in sentences."""
        a, b = self.a.cell, self.b.cell
        sizes = {"num_units": (a.num_units, b.num_units), _("steps"): (len(self.a), len(self.b))}
        if any(cell.output_size != cell.num_units for cell in (a, b)):
            sizes["h"] = a.output_size, b.output_size
        said = [_say_alone(self.a, self.b, "a"), _say_alone(self.b, self.a, "b")]
        said += [
            _("{what}: {a} in a, {b} in b; the first {least} are compared.").format(
                what=what, a=in_a, b=in_b, least=min(in_a, in_b)
            )
            for what, (in_a, in_b) in sizes.items()
            if in_a != in_b
        ]
        without = dict.fromkeys(cell.why_no_kernel for cell in (a, b) if not cell.rows)
        said += without
        if self.kernel_difference is None and not without:
            said.append(
                _("The kernels are {a} and {b}: they have no difference.").format(
                    a=_write_kernel(a), b=_write_kernel(b)
                )
            )
        return tuple(filter(None, said))


def compare(a: Trace, b: Trace, tolerance: float = 1e-5) -> Comparison:
    """Compares two runs: of two kinds, sizes, options, weights, devices or number types.

    Args:
        a: The first run.
        b: The second. Gates are compared with gates of the same name, states with states.
        tolerance: How far two numbers may lie apart and still count as equal; at least 0.

    Raises:
        ValueError: the tolerance is negative, infinite or no number.

    >>> import lstmviz as lv
    >>> x = lv.sequences.make("sine", time_steps=9, input_size=2)
    >>> kept, plain = (lv.run(lv.build("BasicLSTMCell", 3, 2, forget_bias=f), x, "CPU:0") for f in (1.0, 0.0))
    >>> first = compare(kept, plain).first
    >>> first.t, first.name, first.unit
    (0, 'f', 0)
    """
    if (
        isinstance(tolerance, bool)
        or not isinstance(tolerance, int | float | np.floating | np.integer)
        or not 0 <= tolerance < math.inf
    ):
        raise ValueError(
            _("tolerance is {given!r}; it must be a finite number, at least 0.").format(given=tolerance)
        )
    names = _order(a.cell, b.cell)
    before, after = (tuple(_recorded(trace, values) for trace in (a, b)) for values in VALUES[::-1])
    return Comparison(
        a,
        b,
        float(tolerance),
        MappingProxyType({name: _subtract_common(after[0][name], after[1][name]) for name in names}),
        MappingProxyType(
            {name: _subtract_common(before[0][name], before[1][name]) for name in names if name in a.gates}
        ),
        _subtract(a.cell.kernel, b.cell.kernel) if _have_same_blocks(a.cell, b.cell) else None,
    )


def largest_difference(a: Trace, b: Trace) -> float:
    """How far two runs of one cell over one sequence lie apart at most, in gates before and after activation and in states.

    NaN where one has NaN and the other a number. One array is subtracted at a time: a long run fills most of the memory.
    """
    pairs = ((a.preactivations, b.preactivations), (a.gates, b.gates), (a.states, b.states))
    each = [_largest(_subtract(own[name], theirs[name])) for own, theirs in pairs for name in own]
    return float(np.max(each, initial=0))


def _order(a: Cell, b: Cell) -> list[str]:
    """The gates and states of both cells in the order in which a step computes them; the gates at one time in the kernel's."""
    gates = set(a.equation.gates) & set(b.equation.gates)
    common = gates | (set(a.kind.states) & set(b.kind.states))  # a GRU's gate c is no LSTM's state c
    depths = [_depths(cell) for cell in (a, b)]
    kernel = [*(gate.name for gate in a.kind.gates), *a.kind.states]
    return sorted(common, key=lambda name: (max(each[name] for each in depths), kernel.index(name)))


def _depths(cell: Cell) -> dict[str, int]:
    """How many gates and new states a step makes, one of the other, before it has made each gate and each state."""
    equation = cell.equation
    names = {id(node): name for name, node in equation.new.items()}
    gates = {id(node): name for name, node in equation.gates.items()}
    depth: dict[int, int] = {}
    found: dict[str, int] = {}
    for node in equation.nodes:
        depth[id(node)] = max((depth[id(each)] for each in node.args), default=0)
        if id(node) in gates or id(node) in names:
            depth[id(node)] += 1
            found |= {own[id(node)]: depth[id(node)] for own in (gates, names) if id(node) in own}
    return found


def _have_same_blocks(a: Cell, b: Cell) -> bool:
    gates = [[gate.name for gate in cell.kind.gates] for cell in (a, b)]
    if gates[0] != gates[1] or not (a.rows and b.rows):
        return False
    return a.kernel.shape == b.kernel.shape and a.input_size == b.input_size


def _recorded(trace: Trace, values: str) -> dict[str, np.ndarray]:
    gates = trace.preactivations if values == "preactivations" else trace.gates
    return {**trace.states, **gates}


def _subtract_common(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    steps, units = np.minimum(a.shape, b.shape)
    return _subtract(a[:steps, :units], b[:steps, :units])


def _subtract(a: Float[np.ndarray, "*axes"], b: Float[np.ndarray, "*axes"]) -> Float[np.ndarray, "*axes"]:
    with np.errstate(invalid="ignore", over="ignore"):  # infinity - infinity
        difference = a.astype(np.float64) - b.astype(np.float64)
    difference[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
    difference.setflags(write=False)
    return difference


def _apart(difference: Float[np.ndarray, "time size"], tolerance: float) -> Bool[np.ndarray, "time size"]:
    apart: np.ndarray = ~(np.abs(difference) <= tolerance)  # NaN too
    return apart


def _largest(difference: np.ndarray) -> float:
    return float(np.abs(difference).max(initial=0))


def _facts(trace: Trace) -> dict[str, Any]:
    cell = trace.cell
    sizes = {"num_units": cell.num_units, "input_size": cell.input_size}
    place = {"dtype": cell.dtype.name, "device": trace.device}
    return {"cell": cell.kind.name, **sizes, **cell.options, **place, "clamp": say_held(trace.clamp)}


def _write_fact(name: str, value: Any) -> str:
    if name == "cell":
        return str(value)
    if name == "clamp":
        return _("held: {names}").format(names=value) if value else _("nothing held")
    return f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"


def _say_alone(one: Trace, other: Trace, letter: str) -> str:
    """The gates and states that `one` has alone; empty where there are none."""
    alone = [
        name
        for own, theirs in ((one.gates, other.gates), (one.states, other.states))
        for name in own
        if name not in theirs
    ]
    return _("Only {run} has {names}.").format(run=letter, names=", ".join(alone)) if alone else ""


def _write_kernel(cell: Cell) -> str:
    return f"{list(cell.kernel.shape)} ({', '.join(gate.name for gate in cell.kind.gates)})"
