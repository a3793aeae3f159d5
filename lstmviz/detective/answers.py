"""The answers: a way to read the arrays, how well it fits, in words, and the cell that they then are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.cells import Cell, build
from lstmviz.detective.known import find_layouts
from lstmviz.detective.readings import Reading
from lstmviz.detective.search import Run, Sample, Variant
from lstmviz.language import _, _mark
from lstmviz.layouts import FAMILIES

Array = np.ndarray


CONFIDENCE: Mapping[str, str] = MappingProxyType(
    {"likely": _mark("likely"), "possible": _mark("possible"), "unlikely": _mark("unlikely")}
)
"""How sure a hint is, the surest first."""


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
        return build_cell(self, reading)

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


def build_cell(match: Match, reading: Reading) -> Cell:
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


def rank(runs: Sequence[Run], tried: int, sample: Sample) -> list[Match]:
    """What was run, as answers: what fits by its error, then the rest by the geometric mean of its differences."""
    limit = sample.tolerance * sample.scale
    scored = []
    for run in runs:
        for k, variant in enumerate(run.variants):
            first = None if run.worst[k] <= limit else (int(run.first_step[k]), int(run.first_unit[k]))
            match = make_match(run.reading, variant, tried, float(run.worst[k]), first)
            scored.append((not match.fits, match.error if match.fits else float(run.logs[k]), match))
    matches = [match for _fits, _score, match in sorted(scored, key=lambda each: each[:2])]
    fitting = [match for match in matches if match.fits]
    if not fitting:
        return [replace(matches[0], is_closest=True), *matches[1:]]
    words = [match.description for match in fitting]
    told = [replace(match, ambiguous_with=(*words[:k], *words[k + 1 :])) for k, match in enumerate(fitting)]
    return told + matches[len(fitting) :]


def make_match(
    reading: Reading, variant: Variant, tried: int, error: float, first: tuple[int, int] | None
) -> Match:
    """One answer; `first` is the step and the unit where it differs first, None where it fits."""
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
        layouts=find_layouts(reading, variant),
        arrays=reading.arrays,
        error=error,
        fits=first is None,
        first_difference=first,
        tried=tried,
        _reading=reading,
    )
