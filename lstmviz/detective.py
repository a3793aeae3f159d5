"""Which order is my file? Bare weights of unknown origin, tried in every layout against one known output.

>>> import numpy as np
>>> import lstmviz as lv
>>> rng = np.random.default_rng(0)
>>> kernel, bias = rng.normal(size=(12, 32)), rng.normal(size=32)
>>> x = rng.normal(size=(5, 4))
>>> cell = lv.build("BasicLSTMCell", num_units=8, input_size=4, weights={"kernel": kernel, "bias": bias}, dtype="float64")
>>> h = lv.run(cell, x, device="CPU:0").states["h"]  # doctest: +SKIP
>>> print(lv.identify([kernel, bias], x, h)[0])  # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz.cells import Cell, as_numbers, build
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS, Form
from lstmviz.readings import FAMILIES, ORIENTATIONS, Reading, readings, shapes_of

Array = np.ndarray

KEPT = 16
"""How many of the readings that do not fit are run to the end and told, the closest ones."""

_WORK = 3e8  # multiplications: below, no reading is given up before the sample's end
_LOOSE = 1e-3  # how far float32 may stray from the sample before a reading counts as one that does not fit


# --- The readings, run ------------------------------------------------------------------------------------------------

# Each takes an array it may overwrite; NumPy's tanh is several times faster than its exp-based sigmoid.
_SQUASH: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "tanh": np.tanh,
        "relu": lambda a: np.maximum(a, 0),
        "sigmoid": lambda a: 0.5 * np.tanh(0.5 * a) + 0.5,
        "hard_sigmoid": lambda a: np.clip(a / 6 + 0.5, 0, 1),
        "legacy_hard_sigmoid": lambda a: np.clip(0.2 * a + 0.5, 0, 1),
    }
)
_ACTIVATIONS = ("tanh", "relu")
_RECURRENT = ("sigmoid", "hard_sigmoid", "legacy_hard_sigmoid")


@dataclass(frozen=True)
class Variant:
    """What the shapes do not say about a cell.

    Attributes:
        order: The gates as they are stored, in our letters.
        activation: A name in `lstmviz.cells.ACTIVATIONS`.
        recurrent_activation: The one of the gates; None for an RNN.
        forget_bias: What is added to f when the cell runs, beside the bias; None where there is no f.
        reset_after: Whether a GRU's r meets h after its product with the kernel; None where there is no r.
        update_keeps: Whether a GRU's u is the share of the old h (else of the candidate); None where there is no u.
    """

    order: tuple[str, ...]
    activation: str
    recurrent_activation: str | None = None
    forget_bias: float | None = None
    reset_after: bool | None = None
    update_keeps: bool | None = None


def _lstm(run: _Run, x: Array, product: Array, rows: Array, first: Variant) -> tuple[Array, Array]:
    i, j, f, o = run.gates(x + product[rows], rows)
    gate, squash = _SQUASH[str(first.recurrent_activation)], _SQUASH[first.activation]
    c = run.c[rows] * gate(f + run.forget_bias[rows]) + gate(i) * squash(j)
    return c, squash(c) * gate(o)


def _gru(run: _Run, x: Array, product: Array, rows: Array, first: Variant) -> tuple[Array, Array]:
    gate, squash = _SQUASH[str(first.recurrent_activation)], _SQUASH[first.activation]
    h = run.h[rows]
    part_x = run.gates(np.broadcast_to(x, (len(rows), *x.shape)), rows)
    part_h = run.gates(product[rows] + run.bias_h, rows)
    r, u = (gate(a + b) for a, b in zip(part_x[:2], part_h[:2], strict=True))
    hidden = r * part_h[2] if first.reset_after else run.candidate(r * h, rows)
    c = squash(part_x[2] + hidden)
    u = np.where(run.update_keeps[rows], u, 1 - u)
    h = u * h + (1 - u) * c
    return h, h


def _rnn(run: _Run, x: Array, product: Array, rows: Array, first: Variant) -> tuple[Array, Array]:
    h = _SQUASH[first.activation]((x + product[rows])[:, 0])
    return h, h


@dataclass(frozen=True)
class _Search:
    """What is tried for a family: every combination of the choices, and the step that runs one."""

    step: Callable[[_Run, Array, Array, Array, Variant], tuple[Array, Array]]
    choices: Mapping[str, Sequence[Any]]

    def variants(self, reading: Reading) -> Iterator[Variant]:
        for activation in _ACTIVATIONS:
            for others in _product(self.choices):
                # Which of two biases is which matters only to a reset after the product.
                if not reading.swapped or others.get("reset_after"):
                    for order in reading.orders:
                        yield Variant(order, activation, **others)


def _product(choices: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [{}]
    for name, values in choices.items():
        made = [{**one, name: value} for one in made for value in values]
    return made


_SEARCHES: Mapping[str, _Search] = MappingProxyType(
    {
        "lstm": _Search(_lstm, {"recurrent_activation": _RECURRENT, "forget_bias": (0.0, 1.0)}),
        "gru": _Search(
            _gru,
            {
                "recurrent_activation": _RECURRENT,
                "reset_after": (False, True),
                "update_keeps": (True, False),
            },
        ),
        "rnn": _Search(_rnn, {}),
    }
)


@dataclass(frozen=True, eq=False)
class _Sample:
    """The input, and the known output: of every step, or of the last one alone."""

    inputs: Float[np.ndarray, "time input_size"]
    outputs: Float[np.ndarray, "known num_units"]
    scale: float
    tolerance: float

    def known(self, t: int) -> Array | None:
        """The known h after step t."""
        row = t - (len(self.inputs) - len(self.outputs))
        return self.outputs[row] if row >= 0 else None


class _Run:
    """Many variants of one reading, run side by side.

    Their states stand in rows, `[variants, num_units]`, and meet the hidden kernel in one product: another order of
    the gates picks other blocks of the same product.
    """

    def __init__(self, reading: Reading, variants: Sequence[Variant], sample: _Sample, dtype: str):
        self.reading, self.sample = reading, sample
        n, units = reading.bias_x.shape
        self.kernel_h = reading.kernel_h.reshape(units, n * units).astype(dtype)
        self.bias_h = reading.bias_h.astype(dtype)
        x = sample.inputs.astype(dtype) @ reading.kernel_x.reshape(-1, n * units).astype(dtype)
        bias = reading.bias_x if reading.family == "gru" else reading.bias_x + reading.bias_h
        self.x = x.reshape(-1, n, units) + bias.astype(dtype)
        self.t = 0
        self.h = np.zeros((len(variants), units), dtype)
        self.c = self.h.copy()
        self.worst = np.zeros(len(variants))  # the largest difference so far
        self.logs = np.zeros(len(variants))  # the sum of the differences' logarithms
        self.first_step = np.full(len(variants), -1)
        self.first_unit = np.full(len(variants), -1)
        self._describe(variants)

    def _describe(self, variants: Sequence[Variant]) -> None:
        self.variants = list(variants)
        gates, dtype = FAMILIES[self.reading.family].gates, self.h.dtype
        self.positions = np.array([[v.order.index(gate) for gate in gates] for v in variants]).reshape(
            -1, len(gates)
        )
        self.forget_bias = np.array([[v.forget_bias or 0.0] for v in variants], dtype)
        self.update_keeps = np.array([[v.update_keeps] for v in variants], bool)
        alike: dict[tuple[Any, ...], list[int]] = {}
        for k, v in enumerate(variants):
            alike.setdefault((v.activation, v.recurrent_activation, v.reset_after), []).append(k)
        self.groups = [np.array(rows) for rows in alike.values()]

    def keep(self, chosen: Array) -> None:
        """Drop the variants that are not chosen."""
        for name in ("h", "c", "worst", "logs", "first_step", "first_unit"):
            setattr(self, name, getattr(self, name)[chosen])
        self._describe([v for v, stays in zip(self.variants, chosen, strict=True) if stays])

    def gates(self, blocks: Array, rows: Array) -> list[Array]:
        """The gates' blocks in our order, out of `[variants, n_gates, num_units]` as they are stored."""
        return [blocks[np.arange(len(rows)), place] for place in self.positions[rows].T]

    def candidate(self, reset: Array, rows: Array) -> Array:
        """A GRU's reset state times the candidate's block, with its bias."""
        places = self.positions[rows, 2]
        units = reset.shape[1]
        result = np.empty_like(reset)
        for place in np.unique(places):
            block = self.kernel_h[:, place * units : (place + 1) * units]
            result[places == place] = reset[places == place] @ block + self.bias_h[place]
        return result

    def advance(self, until: int) -> None:
        """Run up to step `until` and compare."""
        step = _SEARCHES[self.reading.family].step
        while self.t < until and self.variants:
            product = (
                self.h @ self.kernel_h if self.t else np.zeros((len(self.h), self.x[0].size), self.h.dtype)
            )
            product = product.reshape(-1, *self.x.shape[1:])
            results = [
                step(self, self.x[self.t], product, rows, self.variants[rows[0]]) for rows in self.groups
            ]
            for rows, (c, h) in zip(self.groups, results, strict=True):
                self.c[rows], self.h[rows] = c, h
            self._compare(self.sample.known(self.t))
            self.t += 1

    def _compare(self, known: Array | None) -> None:
        if known is None:
            return
        difference = np.abs(self.h - known)
        difference = np.where(np.isfinite(difference), difference, np.inf)
        worst = difference.max(axis=1)
        limit = self.sample.tolerance * self.sample.scale
        new = (self.first_step < 0) & (worst > limit)
        self.first_step[new], self.first_unit[new] = self.t, difference[new].argmax(axis=1)
        self.worst = np.maximum(self.worst, worst)
        floor, ceiling = max(limit, 1e-30), max(1e6 * self.sample.scale, 1e-20)
        self.logs += np.log(np.clip(difference, floor, ceiling)).sum(axis=1)


def _run_all(pool: Sequence[tuple[Reading, list[Variant]]], sample: _Sample) -> list[_Run]:
    """Every variant in float32, given up once it is clear; then the best in float64."""
    runs = [_Run(reading, variants, sample, "float32") for reading, variants in pool]
    steps, t = len(sample.inputs), 1
    while True:
        for run in runs:
            run.advance(min(t, steps))
        work = math.prod(runs[0].kernel_h.shape) * max(steps - t, 1)
        done = t >= steps
        if len(sample.outputs) == steps or done:
            _give_up(runs, KEPT if done else max(KEPT, int(_WORK / work)))
        if done:
            break
        t *= 2
    final = [_Run(run.reading, run.variants, sample, "float64") for run in runs if run.variants]
    for run in final:
        run.advance(steps)
    return final


def _give_up(runs: Sequence[_Run], count: int) -> None:
    """Keep what still fits, and the `count` closest of the rest."""
    logs = np.concatenate([run.logs for run in runs])
    fits = np.concatenate([run.worst <= max(_LOOSE, run.sample.tolerance) * run.sample.scale for run in runs])
    chosen = fits.copy()
    chosen[np.argsort(np.where(fits, np.inf, logs), kind="stable")[:count]] = True
    ends = np.cumsum([len(run.variants) for run in runs])[:-1]
    for run, stays in zip(runs, np.split(chosen, ends), strict=True):
        run.keep(stays)


def _mark(message: str) -> str:
    """Marks a text for the catalogues; whoever shows it translates it."""
    return message


CONFIDENCE: Mapping[str, str] = MappingProxyType(
    {"likely": _mark("likely"), "possible": _mark("possible"), "unlikely": _mark("unlikely")}
)
"""How sure a hint is, the surest first."""


# --- The answer -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Match:
    """One way to read the arrays, and how well it gives the known output.

    Attributes:
        family: "lstm", "gru" or "rnn".
        order: The gates as they are stored, in our letters; "?" where a hint cannot say.
        orientation: "in, out" where a kernel has a row for each input, "out, in" where it has one for each unit of each
            gate, or "mixed".
        rows: "split" for two kernels; "x, h" or "h, x" for one, by what its rows meet first.
        biases: How many there are: 0, 1 or 2.
        forget_bias: What is added to f when the cell runs, and stored nowhere; None where there is no f.
        activation: The function of the new input and of the output.
        recurrent_activation: The function of the gates; None for an RNN.
        reset_after: Whether a GRU's reset gate meets h after the product with the kernel; None where there is none.
        update_keeps: Whether a GRU's u is the share of the old h that stays, rather than the candidate's; None where
            there is none.
        layouts: The frameworks that store such weights in this way; may be empty.
        arrays: The given name of each part: `kernel` or `kernel_x` and `kernel_h`; `bias` or `bias_x` and `bias_h`.
        error: The largest difference to the known output; NaN for a hint.
        fits: Whether the error is within the tolerance.
        first_difference: The first step, and the unit in it that is furthest away, where the difference is beyond the
            tolerance; None where it fits.
        tried: How many ways were tried.
        ambiguous_with: The other ways that fit as well, in words: the sample cannot tell them apart.
        is_closest: Whether nothing fits and this comes closest.
        is_hint: Whether this is a guess from the weights alone.
        confidence: Of a hint: a key of `CONFIDENCE`; else "".
    """

    family: str
    order: tuple[str, ...]
    orientation: str
    rows: str
    biases: int
    forget_bias: float | None
    activation: str
    recurrent_activation: str | None
    reset_after: bool | None
    update_keeps: bool | None
    layouts: tuple[str, ...]
    arrays: Mapping[str, str]
    error: float
    fits: bool
    first_difference: tuple[int, int] | None
    tried: int
    ambiguous_with: tuple[str, ...] = field(default=(), repr=False)
    is_closest: bool = False
    is_hint: bool = False
    confidence: str = ""
    _reading: Reading | None = field(default=None, repr=False)

    @cached_property
    def cell(self) -> Cell:
        """The cell that these weights are when they are read in this way.

        Raises:
            ValueError: this is a hint that does not say which gate is which.
        """
        reading = self._reading
        if reading is None or "?" in self.order:
            raise ValueError(
                _(
                    "the order is {given}; a cell needs every gate's place: give a sample input and its output."
                ).format(given=", ".join(self.order))
            )
        return _build(self, reading)

    @property
    def description(self) -> str:
        """The way to read the arrays, without how well it fits."""
        words = [", ".join(self.order)]
        if self.layouts:
            words[0] += f" ({', '.join(self.layouts)})"
        kernels = (
            _("kernels")
            if self.rows == "split"
            else _("a joined kernel (rows {rows})").format(rows=self.rows)
        )
        words.append(f"{kernels} [{self.orientation}]")
        words.append(_("biases: {count}").format(count=self.biases))
        if self.forget_bias is not None:
            words.append(f"forget_bias {self.forget_bias:g}")
        if self.reset_after is not None:
            words.append(_("reset after the product") if self.reset_after else _("reset before the product"))
        if self.update_keeps is False:
            words.append(_("u is the share of the candidate"))
        words.append("/".join(filter(None, (self.activation, self.recurrent_activation))))
        return f"{FAMILIES[self.family].title} {'; '.join(words)}"

    def __str__(self) -> str:
        if self.is_hint:
            return _("A hint from the weights alone, {confidence}: {description}.").format(
                confidence=_(CONFIDENCE[self.confidence]), description=self.description
            )
        if self.fits:
            told = _("{description}: gives the known output within {error:.2g}.").format(
                description=self.description, error=self.error
            )
            if self.ambiguous_with:
                told += " " + _(
                    "Other readings that fit as well: {count}; this sample cannot tell them apart."
                ).format(count=len(self.ambiguous_with))
            return told
        step, unit = self.first_difference or (0, 0)
        if self.is_closest:
            text = _(
                "None of the {tried} readings fits. The closest, {description}, differs first at step {step} in unit "
                "{unit}, and by {error:.2g} at most."
            )
        else:
            text = _(
                "{description}: does not fit; it differs first at step {step} in unit {unit}, and by {error:.2g} at most."
            )
        return text.format(
            tried=self.tried, description=self.description, step=step, unit=unit, error=self.error
        )


def _build(match: Match, reading: Reading) -> Cell:
    """The cell in our words: blocks in our order, one bias where two do the same."""
    places = [match.order.index(gate) for gate in FAMILIES[match.family].gates]
    x, h = reading.kernel_x[:, places], reading.kernel_h[:, places]
    bias_x, bias_h = reading.bias_x[places], reading.bias_h[places]
    if match.update_keeps is False:  # 1 - sigmoid(a) = sigmoid(-a), and so for the hard ones
        turned = np.array([1, -1, 1])
        x, h = x * turned[:, None], h * turned[:, None]
        bias_x, bias_h = bias_x * turned[:, None], bias_h * turned[:, None]
    parts = {"x": x, "h": h, "bias_x": bias_x, "bias_h": bias_h, "bias": bias_x + bias_h}
    kind, weights = _WEIGHTS[match.family, bool(match.reset_after)]
    options: dict[str, Any] = {"activation": match.activation, "use_bias": match.biases > 0}
    if match.recurrent_activation not in (None, "sigmoid"):
        options["recurrent_activation"] = match.recurrent_activation
    if match.forget_bias is not None:
        options["forget_bias"] = match.forget_bias
    return build(
        kind,
        num_units=reading.num_units,
        input_size=reading.input_size,
        weights={
            name: _join([parts[part] for part in of], blocks)
            for name, (of, blocks) in weights.items()
            if match.biases or not name.endswith("bias")
        },
        dtype="float64" if reading.kernel_x.dtype == np.float64 else "float32",
        **options,
    )


def _join(parts: Sequence[Array], blocks: tuple[int, ...]) -> Array:
    """The blocks of these parts, `[..., n_gates, num_units]`, side by side, and the parts below each other."""
    chosen = [part[..., blocks, :].reshape(*part.shape[:-2], -1) for part in parts]
    return chosen[0] if chosen[0].ndim == 1 else np.concatenate(chosen)


_ALL = (0, 1, 2, 3)
_WEIGHTS: Mapping[tuple[str, bool], tuple[str, Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]]]] = (
    MappingProxyType(
        {
            ("lstm", False): ("BasicLSTMCell", {"kernel": (("x", "h"), _ALL), "bias": (("bias",), _ALL)}),
            ("rnn", False): ("BasicRNNCell", {"kernel": (("x", "h"), (0,)), "bias": (("bias",), (0,))}),
            ("gru", False): (
                "GRUCell",
                {
                    "gates/kernel": (("x", "h"), (0, 1)),
                    "gates/bias": (("bias",), (0, 1)),
                    "candidate/kernel": (("x", "h"), (2,)),
                    "candidate/bias": (("bias",), (2,)),
                },
            ),
            ("gru", True): (
                "CudnnCompatibleGRUCell",
                {
                    "gates/kernel": (("x", "h"), (0, 1)),
                    "gates/bias": (("bias",), (0, 1)),
                    "candidate/input_projection/kernel": (("x",), (2,)),
                    "candidate/input_projection/bias": (("bias_x",), (2,)),
                    "candidate/hidden_projection/kernel": (("h",), (2,)),
                    "candidate/hidden_projection/bias": (("bias_h",), (2,)),
                },
            ),
        }
    )
)
"""By family and `reset_after`: the kind of cell, and for each of its variables the parts and blocks it is made of."""


# --- Known layouts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Known:
    """How one framework stores one family."""

    layout: str
    family: str
    order: tuple[str, ...]
    orientation: str
    rows: str
    biases: tuple[int, ...]
    forget_bias: tuple[float, ...]
    reset_after: tuple[bool, ...]
    activations: tuple[str, ...]
    recurrent: tuple[str, ...]
    apart: bool

    def stores(self, reading: Reading) -> bool:
        """Whether the arrays are shaped as this framework shapes them."""
        return (
            (self.family, self.orientation, self.rows) == (reading.family, reading.orientation, reading.rows)
            and reading.biases in self.biases
            and self.apart == (reading.form.last is not None)
            and (len(reading.form.slots) <= 3)
        )

    def runs(self, variant: Variant) -> bool:
        """Whether this framework's cell does what the variant does."""
        return (
            self.order == variant.order
            and variant.activation in self.activations
            and variant.recurrent_activation in (None, *self.recurrent)
            and variant.forget_bias in (None, *self.forget_bias)
            and variant.reset_after in (None, *self.reset_after)
            and variant.update_keeps in (None, True)
        )


def _known() -> Iterator[_Known]:
    """What the table of layouts says; what lies in one buffer, as cuDNN has it, is not tried."""
    for layout in LAYOUTS.values():
        for form in layout.forms:
            kernels = [slot for slot in form.slots if {"x", "h"} & set(slot.parts)]
            joined = {{"x", "h"} <= set(slot.parts) for slot in kernels}
            if len(joined) > 1 or any("flat" in slot.axes for slot in kernels):
                continue
            biases = [slot for slot in form.slots if {"bias", "hidden_bias"} & set(slot.parts)]
            count = len({part for slot in biases for part in slot.parts})
            yield _Known(
                layout=layout.name,
                family=form.family,
                order=form.order,
                orientation=ORIENTATIONS[kernels[0].axes.index("columns") < kernels[0].axes.index("rows")],
                rows="x, h" if joined == {True} else "split",
                biases=(0, count) if biases[0].when else (count,),
                forget_bias=(1.0, 0.0) if layout.adds_forget_bias else (0.0,),
                reset_after=("CudnnCompatibleGRUCell" in form.kinds,),
                activations=_sayable(form, "activation", _ACTIVATIONS),
                recurrent=_sayable(form, "recurrent_activation", _RECURRENT),
                apart=any(set(slot.gates or form.order) != set(form.order) for slot in kernels),
            )


def _sayable(form: Form, option: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The functions that a framework can be told, or that it always has: the first."""
    told = next((told for told in form.told if told.option == option), None)
    if told is None:
        return names[:1]
    return (
        names if told.values is None else tuple(n for n in names if n in {*told.values, *told.heard.values()})
    )


_KNOWN = tuple(_known())


def _layouts(reading: Reading, variant: Variant) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(known.layout for known in _KNOWN if known.stores(reading) and known.runs(variant))
    )


# --- Asking -----------------------------------------------------------------------------------------------------------


def identify(
    arrays: Mapping[str, Any] | Sequence[Any],
    inputs: Any = None,
    outputs: Any = None,
    *,
    tolerance: float = 1e-5,
) -> list[Match]:
    """Which gate is which in bare weights, found by running them in every way against one known output.

    Every order of the gates is tried, every orientation that the shapes allow, joined kernels with the rows of x first
    or last, both ways round where two arrays have one shape, `forget_bias` 1 or 0, the activations tanh and relu, the
    gates' sigmoid and both hard ones, and for a GRU the reset before and after the product and both senses of u. The
    state before the sample is zero. Peepholes and projections are not tried.

    Args:
        arrays: The arrays of one layer, by whatever names, or in a list. Names count for nothing; the order counts only
            where each gate has arrays of its own. Float64 is kept, anything else is taken as float32.
        inputs: A sample, `[time, input_size]`; axes of length 1 for a batch may stand before. A few steps do.
        outputs: What the layer gave for it, `[time, num_units]`, or `[num_units]` after the last step alone. Without
            it the answer is hints from the weights alone; the inputs then tell no more than their number of features.
        tolerance: How far a number may lie from the known one and still fit, as a share of the largest known one.

    Returns:
        Best first: what fits, by the largest difference, then the closest of what does not, by the geometric mean of
        the differences, which a few wrong numbers in the sample do not move.

    Raises:
        ValueError: the shapes fit no layer, an array is not one of finite numbers, or there are outputs of no inputs.
    """
    named = _named(arrays)
    if inputs is None:
        if outputs is not None:
            raise ValueError(
                _("there are outputs and no inputs; give what they came from too, or neither for a hint.")
            )
        return _hints(named, _input_sizes(named))
    x = _sequence("inputs", inputs)
    if not (isinstance(tolerance, int | float) and 0 < tolerance < 1):
        raise ValueError(_("tolerance is {given!r}; it must be between 0 and 1.").format(given=tolerance))
    if outputs is None:
        return _hints(named, [x.shape[1]])
    h = _known_output(outputs, len(x))
    sample = _Sample(x, h, float(np.abs(h).max()), float(tolerance))
    found = _read(named, x.shape[1], [h.shape[1]])
    pool = [(reading, list(_SEARCHES[reading.family].variants(reading))) for reading in found]
    pool = [(reading, variants) for reading, variants in pool if variants]
    with np.errstate(all="ignore"):  # the wrong ways may well overflow
        runs = _run_all(pool, sample)
    return _rank(runs, sum(len(variants) for _reading, variants in pool), sample)


def _named(arrays: Mapping[str, Any] | Sequence[Any]) -> dict[str, Array]:
    if isinstance(arrays, np.ndarray) or not isinstance(arrays, Mapping):
        listed = [arrays] if isinstance(arrays, np.ndarray) else list(arrays)
        arrays = {f"arrays[{k}]": array for k, array in enumerate(listed)}
    if not arrays:
        raise ValueError(_("arrays is empty; give the kernels and biases of one layer."))
    exact = any(np.asarray(array).dtype == np.float64 for array in arrays.values())
    dtype = np.dtype(np.float64 if exact else np.float32)
    return {
        str(name): _finite(str(name), as_numbers(str(name), array, dtype)) for name, array in arrays.items()
    }


def _finite(name: str, array: Array) -> Array:
    if not array.size or not np.isfinite(array).all():
        raise ValueError(_("{name} must be finite numbers, at least one.").format(name=name))
    return array


def _sequence(name: str, value: Any) -> Array:
    """`value` as `[time, features]`, without a batch of one."""
    array = _finite(name, as_numbers(name, value, np.dtype(np.float64)))
    lengths = [length for length in array.shape[:-1] if length != 1]
    if array.ndim < 2 or len(lengths) > 1:
        raise ValueError(
            _("{name} has the shape {given}; it must be one sequence, [time, features].").format(
                name=name, given=list(array.shape)
            )
        )
    return array.reshape(-1, array.shape[-1])


def _known_output(outputs: Any, steps: int) -> Array:
    array = as_numbers("outputs", outputs, np.dtype(np.float64))
    h = _sequence("outputs", array[np.newaxis] if array.ndim == 1 else array)
    if len(h) not in (1, steps):
        raise ValueError(
            _("outputs has {given} steps; it must have {steps} as inputs has, or only the last one.").format(
                given=len(h), steps=steps
            )
        )
    return h


def _read(named: Mapping[str, Array], input_size: int, sizes: Sequence[int]) -> list[Reading]:
    """Every reading for these numbers of units.

    Raises:
        ValueError: there is none.
    """
    found = [
        reading
        for num_units in sizes
        for family in FAMILIES
        for reading in readings(named, family, input_size, num_units)
    ]
    if found:
        return found
    listed = [f"{name} {list(array.shape)}" for name, array in named.items()]
    given = ", ".join(listed[:12] + ["…"] * (len(listed) > 12))
    if len(sizes) == 1:
        allowed = "; ".join(shapes_of(family, input_size, sizes[0]) for family in FAMILIES)
        raise ValueError(
            _(
                "the arrays fit no layer with input_size {input_size} and num_units {num_units}: {given}. They would be "
                "{allowed} (kernels also transposed, up to two biases; no peepholes, no projection). Give all arrays of "
                "one layer and no others."
            ).format(input_size=input_size, num_units=sizes[0], given=given, allowed=allowed)
        )
    raise ValueError(
        _(
            "the arrays fit no LSTM, GRU or RNN with input_size {input_size}: {given}. Give all arrays of one layer and no "
            "others."
        ).format(input_size=input_size, given=given)
    )


def _rank(runs: Sequence[_Run], tried: int, sample: _Sample) -> list[Match]:
    limit = sample.tolerance * sample.scale
    scored = []
    for run in runs:
        for k, variant in enumerate(run.variants):
            first = None if run.worst[k] <= limit else (int(run.first_step[k]), int(run.first_unit[k]))
            match = _match(run.reading, variant, tried, float(run.worst[k]), first)
            scored.append((not match.fits, match.error if match.fits else float(run.logs[k]), match))
    matches = [match for _fits, _score, match in sorted(scored, key=lambda each: each[:2])]
    fitting = [match for match in matches if match.fits]
    if not fitting:
        return [replace(matches[0], is_closest=True), *matches[1:]]
    words = [match.description for match in fitting]
    told = [replace(match, ambiguous_with=(*words[:k], *words[k + 1 :])) for k, match in enumerate(fitting)]
    return told + matches[len(fitting) :]


def _match(
    reading: Reading, variant: Variant, tried: int, error: float, first: tuple[int, int] | None
) -> Match:
    return Match(
        family=reading.family,
        order=variant.order,
        orientation=reading.orientation,
        rows=reading.rows,
        biases=reading.biases,
        forget_bias=variant.forget_bias,
        activation=variant.activation,
        recurrent_activation=variant.recurrent_activation,
        reset_after=variant.reset_after,
        update_keeps=variant.update_keeps,
        layouts=_layouts(reading, variant),
        arrays=reading.arrays,
        error=error,
        fits=first is None,
        first_difference=first,
        tried=tried,
        _reading=reading,
    )


# --- Hints ------------------------------------------------------------------------------------------------------------


_COUNTS = {len(family.gates) for family in FAMILIES.values()}


def _input_sizes(named: Mapping[str, Array]) -> list[int]:
    """The numbers of features that the arrays' shapes leave open: an axis, or what a joined kernel has beyond its h."""
    sizes = set()
    for shape in {array.shape for array in named.values() if array.ndim == 2}:
        for rows, columns in (shape, shape[::-1]):
            sizes |= {rows, *(rows - columns // n for n in _COUNTS if columns % n == 0)}
    return sorted(size for size in sizes if size > 0)


def _hints(named: Mapping[str, Array], input_sizes: Sequence[int]) -> list[Match]:
    """What the shapes, and biases near 1, suggest: never more than a guess.

    Raises:
        ValueError: the shapes fit no layer.
    """
    lengths = {length for array in named.values() for length in array.shape}
    sizes = sorted({length // n for length in lengths for n in _COUNTS if length % n == 0} - {0})
    found: list[Reading] = []
    for input_size in input_sizes:
        with suppress(ValueError):
            found += _read(named, input_size, sizes)
    if not found:
        if len(input_sizes) == 1:
            _read(named, input_sizes[0], sizes)  # which says why
        given = ", ".join(f"{name} {list(array.shape)}" for name, array in [*named.items()][:12])
        raise ValueError(
            _(
                "the arrays fit no LSTM, GRU or RNN: {given}. Give all arrays of one layer and no others."
            ).format(given=given)
        )
    hints = [hint for reading in found if not reading.swapped for hint in _hints_of(reading)]
    return sorted(hints, key=lambda hint: list(CONFIDENCE).index(hint.confidence))


def _hints_of(reading: Reading) -> Iterator[Match]:
    """One for each framework that shapes its arrays so; else one that says only where f seems to be."""
    forget = _near_one(reading) if "f" in FAMILIES[reading.family].gates else None
    found = [known for known in _KNOWN if known.stores(reading)]
    for known in found:
        confidence = "possible"
        if forget is not None:
            confidence = "likely" if known.order[forget] == "f" else "unlikely"
        yield _hint(reading, known.order, known.layout, confidence, known)
    if not found or (forget is not None and all(known.order[forget] != "f" for known in found)):
        order = ["?"] * len(FAMILIES[reading.family].gates)
        if len(order) == 1:
            order = list(FAMILIES[reading.family].gates)
        if forget is not None:
            order[forget] = "f"
        yield _hint(reading, tuple(order), None, "possible" if forget is not None else "unlikely")


def _near_one(reading: Reading) -> int | None:
    """The one block whose bias lies near 1 while the others lie near 0, as Keras's `unit_forget_bias` starts it."""
    bias = (reading.bias_x + reading.bias_h).mean(axis=1)
    (near,) = np.nonzero(np.abs(bias - 1) < 0.35)
    far = np.abs(np.delete(bias, near)) < 0.4
    return int(near[0]) if len(near) == 1 and far.all() else None


def _hint(
    reading: Reading, order: tuple[str, ...], layout: str | None, confidence: str, known: _Known | None = None
) -> Match:
    gates = FAMILIES[reading.family].gates
    variant = Variant(
        order,
        "tanh",
        recurrent_activation=None if reading.family == "rnn" else "sigmoid",
        forget_bias=(known.forget_bias[0] if known else 0.0) if "f" in gates else None,
        reset_after=known.reset_after[-1] if known and "r" in gates else None,
        update_keeps=True if "u" in gates else None,
    )
    match = _match(reading, variant, 0, math.nan, (0, 0))
    return replace(
        match,
        layouts=() if layout is None else (layout,),
        first_difference=None,
        is_hint=True,
        confidence=confidence,
    )
