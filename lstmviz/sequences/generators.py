"""Every sequence that can be made with any number of features, declared once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.language import _, _mark
from lstmviz.sequences import bundled, signals
from lstmviz.sequences.sequence import Sequence, numbered

_MAX_VALUES = 2**27  # half a gigabyte of float32


@dataclass(frozen=True)
class SignalOption:
    """A number that shapes a signal: its bounds, both allowed, what it is called, and by how much a control moves it."""

    name: str
    default: float
    minimum: float
    maximum: float
    title: str
    step: float = 1.0


@dataclass(frozen=True)
class Generator:
    """A sequence that can be made with any number of features.

    Attributes:
        name: What it is called in code and addresses.
        title: What it is called on the page, before its translation.
        function: `(time_steps, input_size, seed, **options)` to `[time, input_size]`; more features leave the earlier
            ones as they are.
        options: What shapes it.
        longest: From a number of features, how many steps there are; None where it never ends.
        labels: From a number of steps, their names; None for 0, 1, …
        features: From a number of features, their names; None for x[0], x[1], …
        source: Where its data come from.
    """

    name: str
    title: str
    function: Callable[..., signals.Signal]
    options: tuple[SignalOption, ...] = ()
    longest: Callable[[int], int] | None = None
    labels: Callable[[int], tuple[str, ...]] | None = None
    features: Callable[[int], tuple[str, ...]] | None = None
    source: str = ""


def make(name: str, *, time_steps: int, input_size: int, seed: int = 0, **options: float) -> Sequence:
    """Makes one of the `GENERATORS`, `[time_steps, input_size]` float32; `lstmviz.sequences.signals` has the formulas.

    Args:
        name: A name in `GENERATORS`.
        time_steps: How many steps, from 0.
        input_size: How many features, from 1; each has a phase, a delay or a seed of its own, and more of them leave the
            earlier ones as they are.
        seed: For those that are random, from 0.
        **options: What shapes the signal, such as `period=20`.

    Raises:
        ValueError: a name or number that is not allowed, or more steps than there are.

    >>> make("sine", time_steps=60, input_size=4, period=12).values.shape
    (60, 4)
    """
    generator = _find(name)
    time_steps = _whole("time_steps", time_steps, 0)
    input_size = _whole("input_size", input_size, 1)
    seed = _whole("seed", seed, 0)
    shaping = _check_options(generator, options)
    _check_length(generator, time_steps, input_size)
    values = generator.function(time_steps, input_size, seed, **shaping).astype(np.float32)
    made = numbered(values, _(generator.title))
    return replace(
        made,
        labels=generator.labels(time_steps) if generator.labels else made.labels,
        features=generator.features(input_size) if generator.features else made.features,
        source=generator.source,
    )


def longest(name: str, input_size: int) -> int | None:
    """How many steps a generated sequence can have with so many features; None where it never ends.

    Raises:
        ValueError: there is no such sequence.

    >>> longest("sunspots", 4)
    306
    """
    most = _find(name).longest
    return most(input_size) if most else None


def sunspots(time_steps: int, input_size: int, standardise: bool = True) -> Sequence:
    """The last years of the yearly sunspot numbers 1700-2008; feature k is the number k years before the step's own.

    Source: NOAA's National Geophysical Data Center, public domain; see `lstmviz/data/README.md`.

    Args:
        time_steps: How many years, up to 310 - input_size: each step has all its features.
        input_size: How many features, from 1.
        standardise: Mean 0 and deviation 1 over all 309 years, else the numbers themselves.

    Raises:
        ValueError: more years than there are.

    >>> sunspots(60, 4).labels[-1]
    '2008'
    """
    made = make("sunspots", time_steps=time_steps, input_size=input_size)
    if standardise:
        return made
    raw = bundled.sunspot_numbers(time_steps, input_size, standardise=False)
    return replace(made, values=raw.astype(np.float32))


def _sunspots(time_steps: int, input_size: int, seed: int) -> signals.Signal:
    return bundled.sunspot_numbers(time_steps, input_size)


_PERIOD = SignalOption("period", 20.0, 2.0, 10_000.0, _mark("period in steps"))
_LAST_PERIOD = SignalOption("last_period", 5.0, 2.0, 10_000.0, _mark("period at the end"))
_ONSET = SignalOption("onset", 5.0, 0.0, 10_000.0, _mark("first step"))
_DEVIATION = SignalOption("deviation", 1.0, 0.0, 100.0, _mark("standard deviation"), step=0.1)
_STEP_DEVIATION = SignalOption(
    "step_deviation", 0.15, 0.0, 1.0, _mark("standard deviation of a step"), step=0.05
)

_DECLARED = (
    Generator(
        "sunspots",
        _mark("sunspots, yearly 1700-2008"),
        _sunspots,
        longest=bundled.longest_sunspots,
        labels=bundled.sunspot_years,
        features=bundled.sunspot_features,
        source=bundled.SUNSPOTS_SOURCE,
    ),
    Generator("sine", _mark("sine"), signals.sine, (_PERIOD,)),
    Generator("square", _mark("square wave"), signals.square, (_PERIOD,)),
    Generator("impulse", _mark("impulse"), signals.impulse, (_ONSET,)),
    Generator("step", _mark("step up"), signals.step, (_ONSET,)),
    Generator("ramp", _mark("ramp"), signals.ramp, (_PERIOD,)),
    Generator("chirp", _mark("chirp"), signals.chirp, (_PERIOD, _LAST_PERIOD)),
    Generator("white_noise", _mark("white noise"), signals.white_noise, (_DEVIATION,)),
    Generator("random_walk", _mark("random walk"), signals.random_walk, (_STEP_DEVIATION,)),
)

GENERATORS: Mapping[str, Generator] = MappingProxyType({generator.name: generator for generator in _DECLARED})
"""Every sequence that can be generated, by name, in the order to offer them."""


def _find(name: str) -> Generator:
    if name not in GENERATORS:
        raise ValueError(
            _("sequence is {given!r}; it must be one of {allowed}.").format(
                given=name, allowed=", ".join(GENERATORS)
            )
        )
    return GENERATORS[name]


def _check_length(generator: Generator, time_steps: int, input_size: int) -> None:
    most = generator.longest(input_size) if generator.longest else _MAX_VALUES // input_size
    if time_steps > most:
        raise ValueError(
            _("time_steps is {given:,}; {name} with {input_size:,} features has {most:,} at most.").format(
                given=time_steps, name=generator.name, input_size=input_size, most=most
            )
        )


def _check_options(generator: Generator, given: Mapping[str, Any]) -> dict[str, float]:
    known = {option.name: option for option in generator.options}
    for name in given:
        if name not in known:
            raise ValueError(
                _("{name} is no option of {generator}; it has {allowed}.").format(
                    name=name, generator=generator.name, allowed=", ".join(known) or _("none")
                )
            )
    return {name: _check_option(option, given.get(name, option.default)) for name, option in known.items()}


def _check_option(option: SignalOption, given: Any) -> float:
    is_number = isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool)
    if not is_number or math.isnan(given) or not option.minimum <= given <= option.maximum:
        raise ValueError(
            _("{name} is {given!r}; it must be a number from {low:g} to {high:g}.").format(
                name=option.name, given=given, low=option.minimum, high=option.maximum
            )
        )
    return float(given)


def _whole(name: str, given: Any, minimum: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < minimum:
        raise ValueError(
            _("{name} is {given!r}; it must be a whole number, at least {minimum}.").format(
                name=name, given=given, minimum=minimum
            )
        )
    return int(given)
