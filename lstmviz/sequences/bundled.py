"""The data set that comes along: the yearly sunspot numbers, 1700-2008."""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib import resources

import numpy as np
from jaxtyping import Float

from lstmviz.language import _

SUNSPOTS_SOURCE = "NOAA, National Geophysical Data Center (now NCEI), public domain"


def sunspot_numbers(
    time_steps: int, input_size: int, *, standardise: bool = True
) -> Float[np.ndarray, "time input_size"]:
    """The last years; feature k is the number k years before the step's own.

    Standardised over all years, so that any two windows agree where they overlap.
    """
    _years, numbers = _table()
    if standardise:
        numbers = (numbers - numbers.mean()) / numbers.std()
    last = len(numbers) - np.arange(time_steps)[::-1, np.newaxis] - 1
    return numbers[last - np.arange(input_size)]


def sunspot_years(time_steps: int) -> tuple[str, ...]:
    """The years of the last steps."""
    years, _numbers = _table()
    return years[len(years) - time_steps :]


def sunspot_features(input_size: int) -> tuple[str, ...]:
    """What each feature is."""
    first = (_("x[0]: this year"), _("x[1]: 1 year before"))
    return first[:input_size] + tuple(_("x[{k}]: {k} years before").format(k=k) for k in range(2, input_size))


def longest_sunspots(input_size: int) -> int:
    """How many steps have a number for each feature."""
    years, _numbers = _table()
    return max(len(years) - input_size + 1, 0)


@cache
def _table() -> tuple[tuple[str, ...], np.ndarray]:
    """The years and their numbers."""
    content = (resources.files("lstmviz") / "data" / "sunspots.csv").read_text("utf-8")
    rows = list(csv.reader(io.StringIO(content)))[1:]
    return tuple(year for year, _number in rows), np.array([float(number) for _year, number in rows])
