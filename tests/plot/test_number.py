"""Numbers as a drawing writes them."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lstmviz.plot.number import write


def read(text):
    return float(text.replace("−", "-"))


@given(st.floats(-1.7e308, 1.7e308))
@example(0.0995)
@example(0.09949)
@example(9.995)
@example(99.95)
@example(999.5)
@example(-999.49)
@example(5e-324)
@example(-1.7e308)
def test_a_number_has_at_most_three_digits_and_keeps_its_size_and_sign(number):
    text = write(number)
    assert len(re.sub(r"e.*|\D", "", text).lstrip("0")) <= 3
    assert "-" not in text
    close = max(abs(number) * 0.05, 5e-324)
    assert abs(read(text) - number) <= close
    assert (number < 0) == text.startswith("−")
    assert len(text) <= len("−1.8e+308")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (-0.0, "0"), (1.0, "1.00"), (0.314, "0.31"), (-12.34, "−12.3"), (21_000, "2.1e+04"),
     (0.00123, "0.0012"), (-1e-7, "−1e−07"), (999.4, "999"), (999.6, "1e+03"),
     (math.nan, "NaN"), (-math.nan, "NaN"), (math.inf, "∞"), (-math.inf, "−∞")],
)  # fmt: skip
def test_how_numbers_are_written(number, text):
    assert write(number) == text
    assert write(np.float64(number)) == text


@given(st.floats(width=32))
def test_float32_is_written_as_the_same_number_in_float64(number):
    assert write(np.float32(number)) == write(float(np.float32(number)))


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_a_larger_number_never_reads_as_a_smaller_one(one, other):
    assert (one <= other) <= (read(write(one)) <= read(write(other)))
