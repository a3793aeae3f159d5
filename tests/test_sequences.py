"""Claims across the ways to make a sequence; what each way promises by itself is in `tests/sequences/`."""

import contextlib
import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmviz import sequences
from lstmviz.sequences import (
    GENERATORS,
    csv_columns,
    from_csv,
    from_numbers,
    from_text,
    make,
    sunspots,
    wrap,
)

DATA = Path(sequences.__file__).parents[1] / "data" / "sunspots.csv"
ENDS = [
    pytest.param(name, option, end, id=f"{name}-{option.name}-{end}")
    for name, generator in GENERATORS.items()
    for option in generator.options
    for end in ("minimum", "maximum")
]
DETERMINISTIC = sorted(set(GENERATORS) - {"white_noise", "random_walk"})


# --- Generators ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "option", "end"), ENDS)
def test_an_option_reaches_its_bound_and_no_further(name, option, end):
    bound = getattr(option, end)
    assert np.isfinite(make(name, time_steps=20, input_size=3, **{option.name: bound}).values).all()
    beyond = math.nextafter(bound, -math.inf if end == "minimum" else math.inf)
    with pytest.raises(
        ValueError, match=rf"{option.name} is .* from {option.minimum:g} to {option.maximum:g}\."
    ):
        make(name, time_steps=20, input_size=3, **{option.name: beyond})


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_a_seed_changes_nothing_that_is_not_random(name):
    one, other = (make(name, time_steps=50, input_size=3, seed=seed).values for seed in (0, 9))
    np.testing.assert_array_equal(one, other)


def test_no_two_of_256_sunspot_features_are_alike():
    # In the 54 years that have them all, though the same number comes in several years.
    assert len(np.unique(sunspots(54, 256).values.T, axis=0)) == 256


@given(st.integers(2, 60), st.integers(1, 8), st.floats(2, 100))
def test_a_chirp_between_equal_periods_is_the_sine(time_steps, input_size, period):
    chirp = make("chirp", time_steps=time_steps, input_size=input_size, period=period, last_period=period)
    sine = make("sine", time_steps=time_steps, input_size=input_size, period=period)
    np.testing.assert_allclose(chirp.values, sine.values, atol=1e-5)


@pytest.mark.parametrize("name", ["step", "impulse"])
def test_an_onset_after_the_last_step_never_comes(name):
    assert not make(name, time_steps=8, input_size=5, onset=8).values.any()
    assert make(name, time_steps=8, input_size=5, onset=7).values.any()


def test_the_bundled_file_read_as_a_csv_file_is_the_sunspots():
    read, made = from_csv(DATA, columns=["SUNACTIVITY"]), sunspots(309, 1)
    np.testing.assert_allclose(read.values, made.values, atol=1e-6)
    assert read.labels == made.labels


# --- Numbers and text ------------------------------------------------------------------------------------------------


@given(st.text(alphabet="0123456789.eE+-naif_x", min_size=1, max_size=12))
@settings(max_examples=300)
def test_what_is_read_as_a_number_is_one_for_python_too(word):
    try:
        made = from_numbers(word).values[0, 0]
    except ValueError:
        return
    np.testing.assert_array_equal(made, np.float32(float(word)))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=20))
def test_full_width_numbers_are_the_same_numbers(numbers):
    wide = "、".join(map(repr, numbers)).translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    np.testing.assert_array_equal(from_numbers(wide).values[:, 0], np.array(numbers, np.float32))


@given(st.text(max_size=100), st.sampled_from([from_text, from_numbers]))
@settings(max_examples=400)
def test_any_text_at_all_is_read_or_refused(text, read):
    with contextlib.suppress(ValueError):
        made = read(text)
        assert made.values.shape == (len(made.labels), len(made.features))


def test_dates_and_bytes_are_no_numbers_to_wrap():
    for array in (np.zeros((2, 2), "datetime64[D]"), np.zeros((2, 2), "timedelta64[s]"), np.array([[b"1"]])):
        with pytest.raises(
            ValueError, match=r"x is an array of .*; it must be real numbers \[time, input_size\]"
        ):
            wrap(array)


# --- CSV files -------------------------------------------------------------------------------------------------------


def write(rows, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode()


@given(st.lists(st.text("ab (2)年x[]01", max_size=5), min_size=1, max_size=8))
def test_columns_have_names_of_their_own_whatever_the_header_says(header):
    content = write([header, *[range(len(header))] * 2])
    names = list(csv_columns(content, delimiter=",", header=True))
    assert len(names) == len(header) and all(names)
    for name, asked in zip(names, header, strict=True):
        assert name.startswith(asked.strip())
    for column, name in enumerate(names):
        assert (
            from_csv(content, columns=[name], delimiter=",", header=True, standardise=False).values[0]
            == column
        )


@given(st.data())
def test_a_bad_cell_is_named_by_the_line_on_which_its_row_starts(data):
    rows = data.draw(st.integers(3, 12))
    bad = data.draw(st.integers(0, rows - 1))
    lines, line_of = ["note,v"], []
    for row in range(rows):
        lines += [""] * data.draw(st.integers(0, 2))  # blank lines count
        line_of.append(len(lines) + 1)
        lines += [*data.draw(st.sampled_from([["n"], ['"two', 'lines"']]))]  # so do those within quotes
        lines[-1] += ",oops" if row == bad else f",{row}"
    with pytest.raises(
        ValueError, match=rf"^'oops' at line {line_of[bad]}, column 'v' is no number; correct it"
    ):
        from_csv("\n".join(lines).encode(), columns=["v"], delimiter=",", header=True)


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([True, False]))
def test_rows_are_counted_without_the_header_up_to_the_limit(rows, limit, header):
    content = write([["v"]] * header + [[row] for row in range(rows)])
    if rows <= limit:
        assert len(from_csv(content, delimiter=",", header=header, max_rows=limit)) == rows
    else:
        with pytest.raises(ValueError, match=rf"The file has more than {limit} rows?; take a part of it"):
            from_csv(content, delimiter=",", header=header, max_rows=limit)


def test_a_quote_left_open_is_an_error_and_swallows_no_rows():
    with pytest.raises(ValueError, match="Line 2"):
        from_csv(b'a,b\n1,"2\n3,4\n5,6\n7,8\n')


def test_the_nameless_index_that_pandas_writes_is_a_column_of_labels():
    made = from_csv(b",0,1\n10,1.5,2\n11,2.5,3\n", columns=[1, 2], standardise=False)
    assert made.values.tolist() == [[1.5, 2.0], [2.5, 3.0]]
    assert made.features == ("0", "1")
    assert made.labels == ("10", "11")
