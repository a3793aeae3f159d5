"""What a run recorded, and where each number came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lstmviz.cells import ACTIVATIONS, Cell, Gate
from lstmviz.language import _
from lstmviz.run.arrays import activate
from lstmviz.run.clamp import NOTHING, Clamp
from lstmviz.run.inside import Outline, outline, say_norms
from lstmviz.run.terms import Summand, take_apart
from lstmviz.run.values import NoSum, Values
from lstmviz.run.written import fill_in, plain, write, write_activation, write_numbers
from lstmviz.sequences import Sequence

RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {name: activation.bounds for name, activation in ACTIVATIONS.items() if activation.bounds}
)
"""The activations that saturate, with the bounds they approach or reach."""

MARGIN = 0.1
"""A gate this near to a bound counts as saturated."""


@dataclass(frozen=True)
class Term:
    """One summand of a pre-activation: `value * weight`.

    Attributes:
        name: How it is written, `x[2]`, `h[5]`, `r[5] * h[5]`, `c[3]`, `bias`, `r[3] * hidden_bias` or `forget_bias`; `c[3]` is
            the new c in a gate that sees that one. A value of the equation without a name of its own is written by what it
            is made of, `(1 − f[3]) * h[5]`.
        value: What met the weight; 1 for the bias and for `forget_bias`.
        weight: The number from the kernel, the bias or the peephole.
    """

    name: str
    value: float
    weight: float

    @property
    def product(self) -> float:
        """What the term adds to the sum."""
        return self.value * self.weight


@dataclass(frozen=True)
class Explanation:
    """The terms of one gate's value at one step for one unit.

    Attributes:
        t: The step.
        gate: The gate's name.
        unit: The unit.
        terms: Each summand, in the order of the kernel's rows, then the biases, the offset and the peephole.
        preactivation: What the run recorded before the activation; `sum` equals it up to rounding.
        activation: What the run recorded after it.
    """

    t: int
    gate: str
    unit: int
    terms: tuple[Term, ...]
    preactivation: float
    activation: float

    @property
    def sum(self) -> float:
        """The sum of the terms, in float64."""
        return float(np.sum([term.product for term in self.terms], dtype=np.float64))

    @property
    def bias(self) -> float:
        """The stored bias alone, added whatever the other gates do; 0 where none is stored."""
        return self._weight("bias")

    @property
    def forget_bias(self) -> float:
        """What is added when the cell runs; 0 in gates that have no such offset."""
        return self._weight("forget_bias")

    @property
    def hidden_bias(self) -> float:
        """The stored bias that another gate multiplies; 0 in gates that store none."""
        return next((term.weight for term in self.terms if term.name.endswith("hidden_bias")), 0.0)

    def _weight(self, name: str) -> float:
        return next((term.weight for term in self.terms if term.name == name), 0.0)


@dataclass(frozen=True)
class Sum:
    """A sum inside a pre-activation.

    Attributes:
        name: What `Inside.sentence` calls it.
        terms: Each summand, as in an `Explanation`.
        value: What the step had there, computed from what the run recorded; `sum` equals it up to rounding.
    """

    name: str
    terms: tuple[Term, ...]
    value: float

    @property
    def sum(self) -> float:
        """The sum of the terms, in float64."""
        return float(np.sum([term.product for term in self.terms], dtype=np.float64))


@dataclass(frozen=True)
class Inside:
    """What one gate's value at one step for one unit is made of, where its pre-activation is no sum of terms.

    Attributes:
        t: The step.
        gate: The gate's name.
        unit: The unit.
        sums: The sums inside the pre-activation; itself alone where it is one, none where no product with weights is in it.
        obstacles: What keeps the pre-activation from being a sum: "a norm over all units"; nothing where it is one.
        sentence: What is done with the sums, with the numbers.
        result: What that gives; it equals the pre-activation up to rounding.
        preactivation: What the run recorded before the activation.
        activation: What the run recorded after it.
    """

    t: int
    gate: str
    unit: int
    sums: tuple[Sum, ...]
    obstacles: tuple[str, ...]
    sentence: str
    result: float
    preactivation: float
    activation: float


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of one gate's pre-activation for one unit, or of a sum inside it, over some steps.

    Attributes:
        names: How each is written; see `Term`.
        labels: The same where a state that the step itself made is told from the one before it: `c_t[3]`.
        values: What met the weights.
        weights: The numbers from the kernel, the biases, the offset and the peephole.
        alone: Which of them no number of x or of a state meets: biases and offsets.
        symbols: How a formula writes those that no matrix is in, with their signs, `−m_t`, `w_o · c_t`; "" for the others.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    values: Float[np.ndarray, "steps terms"]
    weights: Float[np.ndarray, " terms"]
    alone: tuple[bool, ...]
    symbols: tuple[str, ...]

    @classmethod
    def of(cls, found: list[Summand], dtype: np.dtype[Any]) -> Terms:
        """The terms as arrays."""
        return cls(
            tuple(term.name for term in found),
            tuple(term.label for term in found),
            np.stack([term.values for term in found], axis=1),
            np.array([term.weight for term in found], dtype),
            tuple(term.alone for term in found),
            tuple(term.symbol for term in found),
        )

    def at(self, step: int) -> tuple[Term, ...]:
        """One step's terms."""
        return tuple(map(Term, self.names, self.values[step].tolist(), self.weights.tolist()))

    @property
    def products(self) -> Float[np.ndarray, "steps terms"]:
        """What each term adds to the sum, in float64."""
        with np.errstate(invalid="ignore", over="ignore"):
            products: np.ndarray = self.values.astype(np.float64) * self.weights.astype(np.float64)
            return products


@dataclass(frozen=True, eq=False)
class GateSummary:
    """One gate's values over all steps and units.

    Attributes:
        low: The share of values saturated at the lower bound (a sigmoid below 0.1, a tanh below -0.9); None where
            the activation has no bounds.
        high: The same at the upper bound.
        mean: The mean of the finite values; NaN where there are none.
        counts: A histogram of the finite values, `[bins]`.
        edges: Its bins' edges, `[bins + 1]`.
        nonfinite: How many values are NaN or infinite.
    """

    low: float | None
    high: float | None
    mean: float
    counts: Int[np.ndarray, " bins"]
    edges: Float[np.ndarray, " edges"]
    nonfinite: int


@dataclass(frozen=True, eq=False)
class Trace:
    """Everything a run recorded.

    Attributes:
        cell: The cell that ran.
        sequence: Its input, `[time, input_size]`, with names of steps and features.
        preactivations: Each gate before its sigmoid or tanh, offsets and peepholes added, `[time, num_units]`.
        gates: Each gate after it, `[time, num_units]`.
        states: `c` `[time, num_units]` and `h` `[time, output_size]` after each step.
        initial_state: The states before the first step, `[num_units]` and `[output_size]`.
        device: Where the run's tensors were, "CPU:0".
        seconds: How long the run took.
        clamp: What the run held, by gate or state, `[time, size]`: NaN where a number was free. A pre-activation is what it
            would be.
    """

    cell: Cell
    sequence: Sequence = field(repr=False)
    preactivations: Mapping[str, Float[np.ndarray, "time num_units"]] = field(repr=False)
    gates: Mapping[str, Float[np.ndarray, "time num_units"]] = field(repr=False)
    states: Mapping[str, Float[np.ndarray, "time _size"]] = field(repr=False)
    initial_state: Mapping[str, Float[np.ndarray, " _size"]] = field(repr=False)
    device: str
    seconds: float
    clamp: Clamp = field(default_factory=lambda: NOTHING, repr=False)

    def __len__(self) -> int:
        return len(self.sequence)

    def is_clamped(self, t: int, name: str, unit: int) -> bool:
        """Whether the run held a gate's or a state's number at step `t`, so that it is not what the equation makes it."""
        held = self.clamp.get(name)
        return held is not None and not np.isnan(held[t, unit])

    @property
    def x(self) -> Float[np.ndarray, "time input_size"]:
        """The values of the sequence."""
        values: np.ndarray = self.sequence.values
        return values

    def activation_of(self, gate: Gate) -> str:
        """The name of the activation that `gate` has in this cell."""
        return self.cell.activation_of(gate.name)

    def is_share(self, gate: Gate) -> bool:
        """Whether `gate` goes from 0, shut, to 1, open."""
        return RANGES.get(self.activation_of(gate)) == (0.0, 1.0)

    def before(self, t: int, state: str) -> Float[np.ndarray, " _size"]:
        """The state that step `t` started from."""
        return self.states[state][t - 1] if t else self.initial_state[state]

    def before_each(self, state: str, steps: slice) -> Float[np.ndarray, "steps _size"]:
        """The states that each of `steps` started from."""
        first, last, _stride = steps.indices(len(self))
        start = self.initial_state[state][np.newaxis] if first == 0 else self.states[state][first - 1 : first]
        return np.concatenate([start, self.states[state][first : max(last - 1, first)]])[: last - first]

    def explain(self, t: int, gate: str, unit: int) -> Explanation:
        """The terms of one pre-activation, from the recorded values and the cell's weights.

        A gate that the run held is made of nothing, and has no terms.

        Args:
            t: The step, from 0.
            gate: A gate of the cell's kind.
            unit: The unit, from 0.

        Raises:
            NoSum: a `ValueError`: the pre-activation is no sum of terms, such as a norm over all units, or the run held the
                gate; `inside` has what can be shown of it.
            ValueError: there is no such step, gate or unit.
        """
        t, unit = self._check(t, gate, unit)
        if self.is_clamped(t, gate, unit):
            raise NoSum(
                _(
                    "{name} is held at {value} at step {t}, so it is no sum of terms. trace.inside(t, gate, unit) has what it "
                    "would be."
                ).format(name=f"{gate}[{unit}]", value=write(float(self.gates[gate][t, unit])), t=t)
            )
        terms = self.terms(gate, unit, slice(t, t + 1))
        before, after = float(self.preactivations[gate][t, unit]), float(self.gates[gate][t, unit])
        return Explanation(t, gate, unit, terms.at(0), before, after)

    def inside(self, t: int, gate: str, unit: int) -> Inside:
        """What can be shown of a pre-activation that `explain` refuses: the sums inside it, and what is done with them.

        Args:
            t: The step, from 0.
            gate: A gate of the cell's kind.
            unit: The unit, from 0.

        Raises:
            ValueError: there is no such step, gate or unit.

        >>> import lstmviz as lv
        >>> cell = lv.build("LayerNormBasicLSTMCell", num_units=3, input_size=2)
        >>> found = lv.run(cell, [[0.0, 1.0]], engine="numpy").inside(t=0, gate="f", unit=1)
        >>> [term.name for term in found.sums[0].terms]
        ['x[0]', 'x[1]', 'h[0]', 'h[1]', 'h[2]']
        """
        t, unit = self._check(t, gate, unit)
        found = self.outline(gate, unit, slice(t, t + 1))
        sums = tuple(
            Sum(plain(each.name), Terms.of(each.terms, self.cell.dtype).at(0), float(each.values[0]))
            for each in found.sums
        )
        before, after = float(self.preactivations[gate][t, unit]), float(self.gates[gate][t, unit])
        sentence = self._say(found, gate, before, after)
        if self.is_clamped(t, gate, unit):
            sentence = self._say_clamped(found, gate, before, after)
        return Inside(t, gate, unit, sums, found.obstacles, sentence, float(found.values[0]), before, after)

    def outline(self, gate: str, unit: int, steps: slice = slice(None)) -> Outline:
        """The sums inside one gate's pre-activation for one unit, and what is done with them, at each of `steps`.

        Raises:
            ValueError: there is no such gate or unit.
        """
        self.cell.kind.gate(gate)
        return outline(self.values(steps), gate, check_index("unit", unit, self.cell.num_units))

    def _check(self, t: Any, gate: str, unit: Any) -> tuple[int, int]:
        self.cell.kind.gate(gate)
        return check_index("t", t, len(self)), check_index("unit", unit, self.cell.num_units)

    def _say(self, found: Outline, gate: str, before: float, after: float) -> str:
        """What is done with the sums inside a gate at the one step that was looked at, with its numbers."""
        steps = " = ".join([*self._write_steps(found, gate, before), write(after)])
        if not found.obstacles:
            return f"{gate} = {steps}."
        words = _(
            "{gate} = {steps}: before its activation it is no sum of terms, for {what} is in it."
        ).format(gate=gate, steps=steps, what=_(" and ").join(found.obstacles))
        norms = tuple((plain(name), count) for name, count in found.norms)
        return f"{words} {say_norms(norms, self.cell.num_units)}." if norms else words

    def _say_clamped(self, found: Outline, gate: str, before: float, after: float) -> str:
        """That a gate was held, and what it would have been."""
        free = activate(self.cell.activation_of(gate), np.array([before]))
        steps = " = ".join([*self._write_steps(found, gate, before), write(float(free[0]))])
        return _("{gate} is held at {value} at this step; else it would be {steps}.").format(
            gate=gate, value=write(after), steps=steps
        )

    def _write_steps(self, found: Outline, gate: str, before: float) -> list[str]:
        """A gate in symbols, with the numbers where it is no sum, and as the activation of one number, where it has one."""
        squash = write_activation(self.cell.activation_of(gate))
        call = f"{squash}({{}})" if squash else "{}"
        (numbers,) = write_numbers(found.written, 1, write)
        steps = [call.format(plain(found.written.symbols))]
        if found.obstacles:
            steps.append(call.format(fill_in(found.written.form, numbers)))
        return [*steps, call.format(write(before))] if squash else steps

    def terms(self, gate: str, unit: int, steps: slice = slice(None)) -> Terms:
        """The terms of one gate's pre-activation for one unit, at each of `steps`.

        Raises:
            NoSum: a `ValueError`: it is no sum of terms.
            ValueError: there is no such gate or unit.
        """
        self.cell.kind.gate(gate)
        unit = check_index("unit", unit, self.cell.num_units)
        return Terms.of(take_apart(self.values(steps), gate, unit), self.cell.dtype)

    def values(self, steps: slice = slice(None), dtype: Any = None) -> Values:
        """What the values inside each of `steps` were, recorded or computed from what was, in the cell's type or `dtype`."""
        return Values(
            self.cell,
            self.x[steps],
            {name: self.before_each(name, steps) for name in self.states},
            {name: values[steps] for name, values in self.gates.items()},
            {name: values[steps] for name, values in self.states.items()},
            dtype,
            tuple(self.clamp),
        )

    def summary(self, bins: int = 20) -> dict[str, GateSummary]:
        """Each gate's saturation, mean and histogram."""
        return {gate.name: self._summarise(gate, bins) for gate in self.cell.kind.gates}

    def first_nonfinite(self) -> int | None:
        """The first step at which a state is NaN or infinite; None where there is none."""
        finite = [np.isfinite(values).all(axis=1) for values in self.states.values()]
        bad = np.flatnonzero(~np.all(finite, axis=0))
        return int(bad[0]) if bad.size else None

    def _summarise(self, gate: Gate, bins: int) -> GateSummary:
        values = self.gates[gate.name]
        finite = values[np.isfinite(values)]
        bounds = RANGES.get(self.activation_of(gate))
        span = bounds or ((float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0))
        counts, edges = np.histogram(finite, bins, span)
        low = high = None
        if bounds and values.size:
            low = float(np.mean(values < bounds[0] + MARGIN))
            high = float(np.mean(values > bounds[1] - MARGIN))
        mean = float(finite.mean(dtype=np.float64)) if finite.size else float("nan")
        return GateSummary(low, high, mean, counts, edges, values.size - finite.size)


@dataclass(frozen=True, eq=False)
class Gradients:
    """The gradient of one unit's h at one step, with respect to what came before it.

    A state's row `s` is the gradient with respect to that state as step `s` hands it on to step `s + 1`, the others
    handed on being held: how much h at step `t` would move if the run were stopped after step `s`, this one number
    changed, and the run resumed. So the last row of h is 1 at `unit` and 0 elsewhere, and the last row of c is 0.

    Attributes:
        trace: The run.
        unit: The unit of h.
        t: The step.
        x: With respect to each x, `[t + 1, input_size]`.
        states: With respect to each state after each step, `c` `[t + 1, num_units]` and `h` `[t + 1, output_size]`.
        initial_state: With respect to the states before the first step, `[num_units]` and `[output_size]`.
    """

    trace: Trace = field(repr=False)
    unit: int
    t: int
    x: Float[np.ndarray, "steps input_size"] = field(repr=False)
    states: Mapping[str, Float[np.ndarray, "steps _size"]] = field(repr=False)
    initial_state: Mapping[str, Float[np.ndarray, " _size"]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.x)

    def norms(self) -> dict[str, Float[np.ndarray, " steps"]]:
        """The Euclidean norm of each step's gradient, `[t + 1]` in float64, of x and of each state."""
        arrays = {"x": self.x, **self.states}
        return {name: _lengths(array.astype(np.float64)) for name, array in arrays.items()}

    def reach(self, share: float = 0.01) -> dict[str, int | None]:
        """How many steps before `t` the norm has fallen below `share` of its largest, and stays there.

        0 is step `t` itself. None where the norm never falls so low, or is 0 everywhere: then nothing is remembered,
        and nothing forgotten.
        """
        found: dict[str, int | None] = {}
        for name, norms in self.norms().items():
            finite = norms[np.isfinite(norms)]
            kept = np.flatnonzero(~(norms < share * finite.max(initial=0)))
            found[name] = self.t - int(kept[0]) + 1 if kept.size and kept[0] > 0 else None
        return found


def _lengths(rows: Float[np.ndarray, "steps size"]) -> Float[np.ndarray, " steps"]:
    # By the largest first: the square of a float64 below 1e-162 would be 0.
    largest = np.abs(rows).max(axis=1, initial=0)
    scale = np.where(np.isfinite(largest) & (largest > 0), largest, 1)
    with np.errstate(over="ignore"):  # beyond float64 is infinity, which a figure shows as such
        lengths: np.ndarray = scale * np.linalg.norm(rows / scale[:, np.newaxis], axis=1)
    return lengths


def check_index(name: str, given: Any, length: int) -> int:
    """`given` as a whole number from 0 to `length - 1`.

    Raises:
        ValueError: it is none.
    """
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or not 0 <= given < length:
        allowed = (
            _("0 to {last}").format(last=length - 1) if length else _("nothing, for the trace has no steps")
        )
        raise ValueError(
            _("{name} is {given!r}; it must be {allowed}.").format(name=name, given=given, allowed=allowed)
        )
    return int(given)
