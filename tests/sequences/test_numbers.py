"""Numbers, typed or pasted."""
# ruff: noqa: RUF001  # full-width digits are what Japanese keyboards type

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lstmviz.sequences import MAX_COLUMNS, MAX_STEPS, from_numbers
from lstmviz.sequences.numbers import parse_number
from lstmviz.sequences.scale import standardised

TABLES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(2, 8), st.integers(1, 6)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)
WIDE = {ord(narrow): ord(narrow) + 0xFEE0 for narrow in "0123456789.,;+-e"}


def _write(table: np.ndarray, separator: str) -> str:
    return "\n".join(separator.join(repr(float(number)) for number in row) for row in table)


@given(TABLES, st.sampled_from([",", ", ", " , ", ";", "; ", "\t", " ", "   "]), st.booleans())
def test_a_written_table_is_read_back_to_the_last_bit(table, separator, full_width):
    text = _write(table, separator)
    made = from_numbers(text.translate(WIDE) if full_width else text)
    np.testing.assert_array_equal(made.values, table)
    assert made.labels == tuple(map(str, range(len(table))))


@pytest.mark.parametrize(
    "text", ["1 2 3", "1,2,3", "1;2;3", "1\t2\t3", "1\n2\n3", "1, 2,\t3", "1,2,3,\n", "\n1\r\n\r\n2\r3\n"]
)
def test_a_line_or_a_column_of_numbers_is_one_feature_a_number_a_step(text):
    assert from_numbers(text).values.tolist() == [[1], [2], [3]]


def test_a_separator_at_the_end_of_a_line_is_a_habit():
    assert from_numbers("1,2,\n3,4 ,").values.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "text", ["1,5; 2\n3; -4,25", "1,5 2;\n3 -4,25;", "1．5；2\n3；−4．25", "1,5;2\n3;ー4,25"]
)
def test_with_semicolons_a_comma_stands_before_the_decimals(text):
    assert from_numbers(text).values.tolist() == [[1.5, 2], [3, -4.25]]


def test_japanese_keyboards_are_understood():
    assert from_numbers("１，２、３\u3000－４").values.tolist() == [[1], [2], [3], [-4]]
    assert from_numbers("１．５ ２。５ −３ ー４ ＋５ １ｅ２").values.ravel().tolist() == [
        1.5,
        2.5,
        -3,
        -4,
        5,
        100,
    ]


def test_nan_and_infinity_can_be_typed():
    assert (
        str(from_numbers("nan NaN inf -inf +Infinity").values.ravel().tolist())
        == "[nan, nan, inf, -inf, inf]"
    )


@pytest.mark.parametrize("text", ["", " \n\t\n", ",", "\u3000"])
def test_no_numbers_are_refused(text):
    with pytest.raises(ValueError, match=r"no numbers; type at least one|nothing at line 1"):
        from_numbers(text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("1 2\n3 four", "'four' at line 2 is no number"),
        ("1\n\n２，三", "Line 3 has 2 numbers, the first line has 1"),
        ("1 2\n\n3 三", "'三' at line 3 is no number"),
        ("1,,2", "nothing at line 1"),
        ("1\t\t2\n1\t2\t3", "nothing at line 1"),
        (",1,2", "nothing at line 1"),
        ("1 2\n3", "Line 2 has 1 number, the first line has 2"),
        ("1,2,3; 4,5,6", "'1,2,3' at line 1 is no number"),
        ("1_000", "'1_000' at line 1"),
        ("0x10", "'0x10' at line 1"),
        ("10²", "'10²' at line 1"),
        ("1e400", "'1e400' at line 1 is too large; scale it"),
        ("1\n1e39", r"1e\+39 at line 2 is too large for float32"),
        ("x" * 1000, "'x{39}…' at line 1"),
    ],
)
def test_what_is_no_number_is_named_with_its_line(text, named):
    with pytest.raises(ValueError, match=named):
        from_numbers(text)


def test_infinity_cannot_be_standardised():
    with pytest.raises(ValueError, match="'inf' at line 2 cannot be standardised"):
        from_numbers("1\ninf", standardise=True)


def test_as_much_as_is_allowed_is_read_and_no_more():
    assert from_numbers("1 " * MAX_STEPS).time_steps == MAX_STEPS
    assert from_numbers(("1 " * MAX_COLUMNS + "\n") * 2).input_size == MAX_COLUMNS
    with pytest.raises(ValueError, match=r"10,001 steps of 1 feature; 10,000 of 1,000 can be read"):
        from_numbers("1\n" * (MAX_STEPS + 1))
    with pytest.raises(ValueError, match="2 steps of 1,001 features"):
        from_numbers(("1 " * (MAX_COLUMNS + 1) + "\n") * 2)


@given(st.text(alphabet="0123456789.,;+-eEnaif \t\n、；−x", max_size=60), st.booleans())
def test_whatever_is_typed_is_read_or_refused(text, standardise):
    with contextlib.suppress(ValueError):
        made = from_numbers(text, standardise)
        assert made.time_steps >= 1 and made.input_size >= 1


@given(st.floats() | st.integers(-(10**30), 10**30))
def test_a_number_that_python_writes_is_read_as_python_reads_it(number):
    np.testing.assert_equal(parse_number(str(number)), float(number))


# --- Standardised


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 50), st.integers(1, 4)),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_a_standardised_column_has_mean_zero_and_deviation_one_or_is_zero(table):
    made = standardised(table)
    assert made.dtype == np.float32 and made.shape == table.shape
    for before, after in zip(table.T, made.T.astype(float), strict=True):
        if (before == before[0]).all():
            assert not after.any()
        else:
            assert after.mean() == pytest.approx(0, abs=1e-5)
            assert after.std() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("offset", [0.0, 1e9, 1.7e15, -4e15])
def test_small_differences_of_large_numbers_are_kept(offset):
    column = np.arange(10.0)[:, np.newaxis]
    np.testing.assert_allclose(standardised(column + offset), (column - 4.5) / column.std(), rtol=1e-6)


def test_typed_numbers_are_standardised_on_request():
    assert from_numbers("1 3", standardise=True).values.ravel().tolist() == [-1, 1]
    assert from_numbers("5 5 5", standardise=True).values.ravel().tolist() == [0, 0, 0]
