"""The formulas of the signals, `[time, input_size]`.

Step t runs from 0. Feature k has the phase `k * golden ratio mod 1`, in cycles: 0, 0.618, 0.236, … Such phases spread
evenly however many there are, no two are equal, and more features leave the earlier ones as they are.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int

Signal = Float[np.ndarray, "time input_size"]

_GOLDEN = (math.sqrt(5) - 1) / 2


def sine(time_steps: int, input_size: int, seed: int, *, period: float) -> Signal:
    """`sin(2π (t / period + phase))`."""
    return np.sin(2 * np.pi * _cycles(time_steps, input_size, period))


def square(time_steps: int, input_size: int, seed: int, *, period: float) -> Signal:
    """`height` in the first half of each cycle, `-height` in the second; see `_heights`."""
    return np.where(_cycles(time_steps, input_size, period) % 1 < 0.5, 1.0, -1.0) * _heights(input_size)


def ramp(time_steps: int, input_size: int, seed: int, *, period: float) -> Signal:
    """From -1 up to 1, and back at once: `2 ((t / period + phase) mod 1) - 1`."""
    return _cycles(time_steps, input_size, period) % 1 * 2 - 1


def chirp(time_steps: int, input_size: int, seed: int, *, period: float, last_period: float) -> Signal:
    """A sine whose frequency goes evenly from `1 / period` at the first step to `1 / last_period` at the last."""
    t = _time(time_steps)
    first, last = 1 / period, 1 / last_period
    cycles = first * t + (last - first) * t**2 / (2 * max(time_steps - 1, 1))
    return np.sin(2 * np.pi * (cycles + _phases(input_size)))


def impulse(time_steps: int, input_size: int, seed: int, *, onset: float) -> Signal:
    """`height` at the feature's onset, else 0; see `_onsets` and `_heights`."""
    return np.where(_time(time_steps) == _onsets(time_steps, input_size, onset), _heights(input_size), 0.0)


def step(time_steps: int, input_size: int, seed: int, *, onset: float) -> Signal:
    """0 before the feature's onset, `height` from there on; see `_onsets` and `_heights`."""
    return np.where(_time(time_steps) >= _onsets(time_steps, input_size, onset), _heights(input_size), 0.0)


def white_noise(time_steps: int, input_size: int, seed: int, *, deviation: float) -> Signal:
    """Normal numbers of mean 0; feature k is drawn from a generator seeded by `(seed, k)`."""
    columns = [np.random.default_rng((seed, k)).normal(0, deviation, time_steps) for k in range(input_size)]
    return np.stack(columns, axis=1)


def random_walk(time_steps: int, input_size: int, seed: int, *, step_deviation: float) -> Signal:
    """The sum of white noise, thrown back at -1 and 1, so that long walks stay in sight."""
    free = np.cumsum(white_noise(time_steps, input_size, seed, deviation=step_deviation), axis=0)
    return 1 - np.abs((free - 1) % 4 - 2)


def _time(time_steps: int) -> Int[np.ndarray, "time 1"]:
    return np.arange(time_steps)[:, np.newaxis]


def _phases(input_size: int) -> Float[np.ndarray, " input_size"]:
    return np.arange(input_size) * _GOLDEN % 1


def _cycles(time_steps: int, input_size: int, period: float) -> Signal:
    """How many periods have passed."""
    return _time(time_steps) / period + _phases(input_size)


def _heights(input_size: int) -> Float[np.ndarray, " input_size"]:
    """`1 - phase / 2`: 1 for the first feature, all different, for there are fewer steps to jump at than features."""
    return 1 - _phases(input_size) / 2


def _onsets(time_steps: int, input_size: int, onset: float) -> Int[np.ndarray, " input_size"]:
    """The onset, rounded up, for the first feature, a step later for each other; after the last step, from the onset again."""
    first = math.ceil(onset)
    return first + np.arange(input_size) % max(time_steps - first, 1)
