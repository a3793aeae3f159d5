"""Every unit at a glance: how long it keeps, how its gates saturate, how it answers a step, an impulse and a sine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.run import run
from lstmviz.run.ledger import NoLedger, ledger
from lstmviz.run.saturation import Saturation, saturate
from lstmviz.run.start import named
from lstmviz.run.trace import Trace, check_index

SETTLED = 0.05
"""A response that stays this near to where it ends, in shares of its largest, has settled."""

_NOISE_STEPS = 200


@dataclass(frozen=True, eq=False)
class Response:
    """How each unit of h answers an input, from the states that the cell rests in when x is 0.

    What it would have done without the input is taken away: a cell that does not rest answers by the difference.

    Attributes:
        x: The input, `[steps, input_size]`.
        h: How far h is from what it would have been, `[steps, output_size]`.
        gain: The answer over the input: for a step h at the end, for an impulse its largest h with its sign, for a sine the
            amplitude at its period, `[output_size]`.
        delay: Steps: until a step's answer is half of what it is at the end, until an impulse's is largest, by how much a
            sine's lags behind, from 0 up to a period. NaN where there is no answer.
        settling: Steps until the answer to a step or an impulse stays within 5% of its largest around where it ends, or 0;
            infinity where it does not in the steps that were run, NaN where there is no answer, and for a sine.
    """

    x: Float[np.ndarray, "steps input_size"] = field(repr=False)
    h: Float[np.ndarray, "steps output_size"] = field(repr=False)
    gain: Float[np.ndarray, " output_size"]
    delay: Float[np.ndarray, " output_size"]
    settling: Float[np.ndarray, " output_size"]


@dataclass(frozen=True, eq=False)
class Atlas:
    """What can be said of each unit of a cell.

    Attributes:
        trace: The run that `half_life` and `saturation` were read from.
        state: The state whose half-life it is; None where the cell has none that is kept by a factor.
        half_life: Steps until half of what the state holds is left, at the factors of the run: log 0.5 over their mean
            logarithm. 0 where one of them was 0, infinity where nothing fades; None without a state.
        saturation: By gate, of those that have bounds.
        step: The answer to a step.
        impulse: The answer to an impulse.
        sine: The answer to a sine.
    """

    trace: Trace = field(repr=False)
    state: str | None
    half_life: Float[np.ndarray, " num_units"] | None
    saturation: Mapping[str, Saturation] = field(repr=False)
    step: Response = field(repr=False)
    impulse: Response = field(repr=False)
    sine: Response = field(repr=False)


def atlas(
    cell: Cell | Trace,
    *,
    feature: int | None = None,
    amplitude: float = 1.0,
    period: int = 20,
    steps: int = 200,
) -> Atlas:
    """What each unit of a cell keeps, how its gates saturate, and how it answers.

    Args:
        cell: A run, or a cell, which is run over 200 steps of normal noise (seed 0) first: from that run come half-life and
            saturation.
        feature: The feature of x that the inputs go into; all by default.
        amplitude: How high they are.
        period: Steps of the sine's period, at least 2.
        steps: Steps of each answer, at least two periods; the cell rests for as many before.

    Raises:
        ValueError: there is no such feature, a number is none, or the run has no steps.

    >>> import lstmviz as lv
    >>> found = atlas(lv.build("GRUCell", num_units=3, input_size=2, seed=0))
    >>> found.state, found.half_life.shape, found.step.gain.shape
    ('h', (3,), (3,))
    """
    trace = cell if isinstance(cell, Trace) else _run_noise(cell)
    if not len(trace):
        raise ValueError(_("the trace has no steps, so nothing can be said of its gates; run at least one."))
    _check(trace.cell, feature, amplitude, period, steps)
    state, half_life = measure_kept(trace)
    answers = _answer(
        trace.cell, slice(None) if feature is None else feature, float(amplitude), int(period), int(steps)
    )
    return Atlas(trace, state, half_life, saturate(trace), *answers)


def measure_kept(trace: Trace) -> tuple[str | None, Float[np.ndarray, " num_units"] | None]:
    """The state that is kept by a factor, and how many steps each unit's takes until half is left; None where there is none."""
    try:
        kept = ledger(trace, None)
    except NoLedger:
        return None, None
    return kept.state, _halve(kept.factors)


def _run_noise(cell: Cell) -> Trace:
    return run(cell, np.random.default_rng(0).normal(size=(_NOISE_STEPS, cell.input_size)), engine="numpy")


def _check(cell: Cell, feature: Any, amplitude: Any, period: Any, steps: Any) -> None:
    if feature is not None:
        check_index("feature", feature, cell.input_size)
    is_number = isinstance(amplitude, Real) and not isinstance(amplitude, bool)
    if not is_number or not 0 < abs(amplitude) <= float(np.finfo(cell.dtype).max):
        raise ValueError(
            _("amplitude is {given!r}; it must be a finite number other than 0.").format(given=amplitude)
        )
    if isinstance(period, bool) or not isinstance(period, int | np.integer) or period < 2:
        raise ValueError(_("period is {given!r}; it must be a whole number from 2 on.").format(given=period))
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 2 * period:
        raise ValueError(
            _("steps is {given!r}; it must be at least two periods, {least}.").format(
                given=steps, least=2 * period
            )
        )


def _halve(factors: Float[np.ndarray, "steps num_units"]) -> Float[np.ndarray, " num_units"]:
    """Steps until half is left, at the mean logarithm of the factors."""
    with np.errstate(all="ignore"):
        mean = np.log(np.abs(factors)).mean(axis=0)
        found: np.ndarray = np.where(mean < 0, np.log(0.5) / mean, np.where(np.isnan(mean), np.nan, np.inf))
    return np.where(np.isneginf(mean), 0.0, found)


def _answer(
    cell: Cell, columns: Any, amplitude: float, period: int, steps: int
) -> tuple[Response, Response, Response]:
    """The answers to a step, to an impulse and to a sine."""
    silent = np.zeros((steps, cell.input_size), cell.dtype)
    rest = run(cell, silent, engine="numpy")
    start = {name: states[-1] for name, states in rest.states.items()}
    still = run(cell, silent, initial_state=start, engine="numpy").states["h"].astype(np.float64)
    shapes = np.ones(steps), np.eye(1, steps)[0], np.sin(2 * np.pi * np.arange(steps) / period)
    answers = []
    for shape in shapes:
        x = silent.copy()
        x[:, columns] = (amplitude * shape).reshape(steps, *[1] * (x[:, columns].ndim - 1))
        h = run(cell, x, initial_state=start, engine="numpy").states["h"] - still
        answers.append((x, h))
    step, impulse, sine = answers
    return (
        _respond(*step, *_read_step(step[1]), amplitude),
        _respond(*impulse, *_read_impulse(impulse[1]), amplitude),
        _respond(*sine, *_read_sine(sine[1], period), amplitude),
    )


def _respond(
    x: np.ndarray, h: np.ndarray, size: np.ndarray, delay: np.ndarray, settling: np.ndarray, amplitude: float
) -> Response:
    named("xh", (x, h))
    answered = np.abs(h).max(axis=0) > 0
    delay, settling = (np.where(answered, each, np.nan) for each in (delay, settling))
    return Response(x, h, size / amplitude, delay, settling)


def _read_step(h: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where it ends, when it is half of that, and when it stays near it."""
    end = h[-1]
    return end, _first(np.sign(end) * h >= np.abs(end) / 2), _settle(h - end, np.abs(h).max(axis=0))


def _read_impulse(h: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The largest answer, when it is, and when nothing is left."""
    peak = np.argmax(np.abs(h), axis=0)
    size = np.take_along_axis(h, peak[np.newaxis], axis=0)[0]
    return size, peak.astype(np.float64), _settle(h, np.abs(size))


def _read_sine(h: np.ndarray, period: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Amplitude and lag at the period, over the last whole periods of the second half."""
    count = (len(h) // 2 // period) * period
    at = 2 * np.pi * np.arange(len(h) - count, len(h)) / period
    sine, cosine = (2 * (wave @ h[-count:]) / count for wave in (np.sin(at), np.cos(at)))
    lag = np.mod(-np.arctan2(cosine, sine), 2 * np.pi) * period / (2 * np.pi)
    return np.hypot(sine, cosine), lag, np.full(h.shape[1], np.nan)


def _first(true: np.ndarray) -> np.ndarray:
    return np.where(true.any(axis=0), np.argmax(true, axis=0), np.nan)


def _settle(apart: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """The step from which on a response is near enough to where it goes; infinity where it is not for the last tenth."""
    far = np.abs(apart) > SETTLED * largest
    last = len(far) - 1 - np.argmax(far[::-1], axis=0)
    settled = np.where(far.any(axis=0), last + 1.0, 0.0)
    return np.where(settled > 0.9 * len(far), np.inf, settled)


__all__ = ["Atlas", "Response", "Saturation", "atlas"]
