"""CSV files, as people have them."""

from __future__ import annotations

import contextlib
import csv
import inspect
import io
import os
from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lstmviz
from lstmviz import language
from lstmviz.sequences import MAX_COLUMNS, MAX_STEPS, csv_columns, from_csv
from lstmviz.sequences.scale import standardised

SUNSPOTS = Path(lstmviz.__file__).parent / "data" / "sunspots.csv"
DELIMITERS = [",", ";", "\t", "|", " "]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp932"]

unchecked_from_csv = inspect.unwrap(from_csv)  # as in a program, where nothing checks annotations

TABLES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(2, 8), st.integers(2, 6)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)
NAMES = st.text("abcdefghijk XYZ,;|\t\"'\né年度値温", min_size=1, max_size=8).map(str.strip).filter(str.strip)


def _write(rows, *, delimiter=",", encoding="utf-8", line_end="\r\n", quoting=csv.QUOTE_MINIMAL) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=quoting).writerows(rows)
    return file.getvalue().encode(encoding)


def _numbers(content: bytes, **options) -> list[list[float]]:
    return from_csv(content, standardise=False, **options).values.tolist()


# --- There and back


@given(
    TABLES,
    st.sampled_from(DELIMITERS),
    st.sampled_from(ENCODINGS),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_a_table_without_names_is_read_back_to_the_last_bit(table, delimiter, encoding, line_end, quoting):
    rows = [[repr(float(number)) for number in row] for row in table]
    content = _write(rows, delimiter=delimiter, encoding=encoding, line_end=line_end, quoting=quoting)
    made = from_csv(content, standardise=False)
    np.testing.assert_array_equal(made.values, table)
    assert made.features == tuple(f"x[{k}]" for k in range(table.shape[1]))
    assert made.labels == tuple(map(str, range(len(table))))


@given(TABLES, st.sampled_from(DELIMITERS), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.data())
def test_a_table_with_names_is_read_back_with_them(table, delimiter, encoding, data):
    width = table.shape[1]
    names = data.draw(st.lists(NAMES, min_size=width, max_size=width, unique=True))
    rows = [names, *[[repr(float(number)) for number in row] for row in table]]
    content = _write(rows, delimiter=delimiter, encoding=encoding)
    made = from_csv(content, standardise=False)
    np.testing.assert_array_equal(made.values, table)
    assert made.features == tuple(names)
    assert csv_columns(content) == dict.fromkeys(names, True)


@given(TABLES, st.sampled_from(DELIMITERS), st.data())
def test_columns_are_taken_by_name_or_index_in_the_order_asked_for(table, delimiter, data):
    names = [f"name {k}" for k in range(table.shape[1])]
    content = _write([names, *table.astype(float).tolist()], delimiter=delimiter)
    order = data.draw(st.lists(st.integers(0, table.shape[1] - 1), min_size=1, unique=True))
    asked = [names[k] if data.draw(st.booleans()) else k for k in order]
    made = from_csv(content, columns=asked, standardise=False)
    np.testing.assert_array_equal(made.values, table[:, order])
    assert made.features == tuple(names[k] for k in order)


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(2, 9), st.integers(2, 5)),
        elements=st.floats(-1e6, 1e6, allow_subnormal=False),
    ),
    st.sampled_from([";", "\t", "|", " "]),
)
def test_decimal_commas_are_understood_where_something_else_separates(table, delimiter):
    rows = [[repr(float(number)).replace(".", ",") for number in row] for row in table]
    assume(any("," in cell for row in rows for cell in row))
    content = delimiter.join(f"x{k}" for k in range(table.shape[1])).encode() + b"\n"
    content += "\n".join(delimiter.join(row) for row in rows).encode()
    np.testing.assert_array_equal(_numbers(content, delimiter=delimiter), table.astype(np.float32))


def test_pandas_reads_the_same():
    table = pandas.read_csv(SUNSPOTS)
    made = from_csv(SUNSPOTS)
    assert list(made.features) == list(table.columns)
    np.testing.assert_allclose(made.values, (table - table.mean()) / table.std(ddof=0), atol=1e-5)
    np.testing.assert_allclose(from_csv(SUNSPOTS, standardise=False).values, table, rtol=1e-6)


def test_a_file_is_read_by_its_path_or_its_bytes():
    content = SUNSPOTS.read_bytes()
    for data in (content, SUNSPOTS, str(SUNSPOTS)):
        np.testing.assert_array_equal(from_csv(data).values, from_csv(content).values)


# --- What is found out


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1,5;2,5\n3;4", [[1.5, 2.5], [3, 4]]),
        ("1,5;2,5;3,5\n1,5;2,5;3,5", [[1.5, 2.5, 3.5]] * 2),
        ("a;b\n1,5;2\n3,5;4", [[1.5, 2], [3.5, 4]]),
        ("1.5,2.5\n3.5,4.5", [[1.5, 2.5], [3.5, 4.5]]),
        ("1, 2, 3\n4, 5, 6", [[1, 2, 3], [4, 5, 6]]),
        ("1 2\n3 4", [[1, 2], [3, 4]]),
        ("1   2\n3 4", [[1, 2], [3, 4]]),
        ("x\n1\n2", [[1], [2]]),
        ("1\n2\n3", [[1], [2], [3]]),
        ("7", [[7]]),
        ("day,v\n2020-01-01 00:00,5\n2020-01-02 00:00,6", [[5], [6]]),
        ('name,v\n"Doe, J",5\n"Roe; R",6', [[5], [6]]),
        ('"a\nb",v\n1,5\n2,6', [[1, 5], [2, 6]]),
        ("sep=;\na;b\n1;2", [[1, 2]]),
        ("a,b\n1,2\n\n3,4\n\n", [[1, 2], [3, 4]]),
        ("a,b\n1,2\n,\n,\n", [[1, 2]]),
        ("  \na,b\n1,2\n  \n3,4\n \n", [[1, 2], [3, 4]]),
        ("a,b,\n1,2,\n3,4,\n", [[1, 2], [3, 4]]),
        ("\uff11\uff0e\uff15,\uff12", [[1.5, 2]]),
        ("city|rain, mm\nBonn|1\nUlm|2", [[1], [2]]),
    ],
)
def test_delimiter_header_and_numbers_are_found_out(content, expected):
    assert _numbers(content.encode()) == expected


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_a_row_of_names_is_told_from_numbers_and_can_be_told(delimiter):
    content = f"1{delimiter}2\n3{delimiter}4".encode()
    assert len(_numbers(content)) == len(_numbers(content, header=False)) == 2
    assert from_csv(content, header=True, standardise=False).features == ("1", "2")
    with pytest.raises(ValueError, match="'a' at line 1, column 'x\\[0\\]' is no number"):
        from_csv(b"a\n1\n2", header=False)


def test_japanese_excels_files_are_read():
    content = "年度,気温\r\n平成元年,15.5\r\n平成二年,16.0\r\n".encode("cp932")
    made = from_csv(content, standardise=False)
    assert (made.features, made.labels) == (("気温",), ("平成元年", "平成二年"))
    assert csv_columns("年,値\n1,2\n".encode("cp932")) == {"年": True, "値": True}


def test_western_excels_files_are_read():
    content = "Länge;Größe\r\n1,5;2\r\n3;4,5\r\n".encode("cp1252")
    assert from_csv(content).features == ("Länge", "Größe")


def test_a_first_column_that_is_not_taken_names_the_steps():
    content = b"YEAR,SUN\n1700,5\n1701,11\n"
    assert from_csv(content, columns=["SUN"]).labels == ("1700", "1701")
    assert from_csv(content, columns=[1]).labels == ("1700", "1701")
    assert from_csv(content).labels == ("0", "1")
    assert from_csv(b"month,v\nMay,1\nMay,2\n").labels == ("May", "May")


@pytest.mark.parametrize("first", ["312", "112", "a c"])
def test_a_first_column_of_numbers_that_do_not_rise_or_with_gaps_names_no_steps(first):
    content = "id,v\n" + "".join(f"{cell},5\n" for cell in first)
    assert from_csv(content.encode(), columns=["v"]).labels == ("0", "1", "2")


def test_names_are_made_different():
    assert list(csv_columns(b"a,a,,a (2),a\n1,2,3,4,5")) == ["a", "a (3)", "x[2]", "a (2)", "a (4)"]


def test_a_column_of_text_is_left_out_and_said_to_be():
    content = b"city,a,note,b\nBonn,1,,2\nUlm,3,ok,4\n"
    assert csv_columns(content) == {"city": False, "a": True, "note": False, "b": True}
    assert from_csv(content).features == ("a", "b")


def test_a_constant_column_becomes_zeros():
    assert from_csv(b"a,b\n7,1\n7,3\n").values.tolist() == [[0, -1], [0, 1]]


@given(TABLES.map(lambda table: table.astype(float)))
def test_columns_are_standardised_one_by_one(table):
    content = _write([[repr(number) for number in row] for row in table.tolist()])
    np.testing.assert_array_equal(from_csv(content).values, standardised(table))


# --- What is refused


@pytest.mark.parametrize(
    ("content", "options", "named"),
    [
        (
            b"a,b\n1,2\n3,four\n5,6\n",
            {},
            "'four' at line 3, column 'b' is no number; correct it, or leave it out",
        ),
        (b"a,b\n1,2\n3,\n5,6\n", {}, "nothing at line 3, column 'b'; fill the gap, or leave it out"),
        (b"a,b\n1,2\n,\n5,6\n", {}, "nothing at line 3, column 'a'"),
        (b'a\n1\n""\n2\n', {}, "nothing at line 3, column 'a'"),
        (b"a,b\n1,2\n3,NA\n5,6\n", {}, "'NA' at line 3, column 'b'"),
        (b"a,b\n1,2\n3,nan\n5,6\n", {}, "'nan' at line 3, column 'b' is not finite"),
        (b"a,b\n1,2\n3,1e999\n5,6\n", {}, "'1e999' at line 3, column 'b' is too large"),
        (
            b"a,b\n1,2\n3,1e39\n",
            {"standardise": False},
            r"1e\+39 at line 3, column 'b' is too large for float32",
        ),
        (b"a,b\n1,2\n3\n", {}, "Line 3 has 1 cell, the first row has 2"),
        (b"a,b\n1,2\n\n3,4,5\n", {}, "Line 4 has 3 cells, the first row has 2"),
        (b'a,"b\nc"\n1,2\nx,3\n4,5', {}, "'x' at line 4, column 'a'"),
        (b'a\tb\n1\t"1,234"\n2\t3.5\n3\t4.5', {}, "'1,234' at line 2, column 'b'"),
        (b"city,town\nBonn,Ulm\n", {}, "No column .* made of numbers; it has 'city', 'town'"),
        (b"a,b\n1,2\n", {"columns": ["c"]}, "no column 'c'; the file has 'a', 'b'"),
        (b"a,b\n1,2\n", {"columns": "c"}, "no column 'c'; the file has 'a', 'b'"),
        (b"a,b\n1,2\n", {"columns": [2]}, "no column 2; the file has 'a', 'b', or 0 to 1"),
        (b"a,b\n1,2\n", {"columns": [-1]}, "no column -1; .* 0 to 1"),
        (b"a,b\n1,2\n", {"columns": []}, "columns is empty; take at least one of 'a', 'b'"),
        (b"a,b\n1,2\n", {"columns": ["a", 0]}, "columns has 'a' twice"),
        (b"city,v\nBonn,2\n", {"columns": ["city"]}, "'Bonn' at line 2, column 'city' is no number"),
        (b"a;b\n1;2\n", {"delimiter": ";;"}, "delimiter is ';;'; it must be one character"),
        (b"a;b\n1;2\n", {"delimiter": ""}, "delimiter is ''"),
        (b"", {}, "file is empty"),
        (b"\xef\xbb\xbf", {}, "file is empty"),
        (b" \r\n,,\n\n", {}, "file is empty"),
        (b"a,b\n", {}, "column names and no row below"),
        (b"1,2\n", {"header": True}, "column names and no row below"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", {}, "no text in UTF-8, UTF-16 or Shift JIS"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", {}, "no text in UTF-8, UTF-16 or Shift JIS; save it as CSV"),
        (b"a\n" + b"1\n" * (MAX_STEPS + 1), {}, "more than 10,000 rows"),
        (b"1\n" * 4, {"max_rows": 3}, "more than 3 rows"),
        (b"1\n" * 100, {"max_rows": 3}, "more than 3 rows"),
        (b"1," * MAX_COLUMNS + b"1", {}, "more than 1,000 columns"),
        (b"a\n" + b"\n" * 1_100_000 + b"1", {}, "more than 10,000 rows"),
        ((b"1," * 999 + b"1\n") * 1_001, {}, "more than 1,000,000 cells"),
        (b"," * 2_100_000, {}, "Line 1 .* more than 1,000,000 cells"),
        (b"1\n" * 4, {"max_bytes": 7}, "The file has more than 7 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_what_is_wrong_and_where(content, options, named):
    with pytest.raises(ValueError, match=named):
        from_csv(content, **options)


def test_the_largest_file_is_read():
    assert from_csv(b"a\n" + b"1\n" * MAX_STEPS + b"\n").time_steps == MAX_STEPS
    assert from_csv(b"1\n" * 4, max_rows=4, max_bytes=8).time_steps == 4
    assert from_csv(b"1," * (MAX_COLUMNS - 1) + b"1").input_size == MAX_COLUMNS


def test_no_more_bytes_of_a_file_are_read_than_allowed(tmp_path):
    endless = tmp_path / "endless.csv"
    with endless.open("wb") as file:
        file.truncate(2**40)  # a terabyte of nothing, on disk none
    with pytest.raises(ValueError, match=r"endless\.csv has more than 1,000 bytes"):
        from_csv(endless, max_bytes=1000)


@pytest.mark.parametrize("path", ["/no/such/file.csv", "no\0path", os.sep])
def test_a_path_that_cannot_be_read_is_named(path):
    with pytest.raises(ValueError, match=r"cannot be read: .* Give the path of a CSV file, or its bytes"):
        from_csv(path)


def test_errors_are_in_the_viewers_language():
    with language.use("ja"), pytest.raises(ValueError, match="3") as found:
        from_csv(b"a,b\n1,2\n3,four\n5,6\n")
    assert "four" in str(found.value) and "is no number" not in str(found.value)


# --- Whatever the bytes

BYTES = (
    st.binary(max_size=200)
    | st.text('0123456789.,;|\t \n\r"ab-e\ufeff年', max_size=200).map(str.encode)
    | st.text(max_size=80).flatmap(
        lambda text: st.sampled_from(ENCODINGS).map(lambda e: text.encode(e, "replace"))
    )
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    BYTES, st.booleans(), st.sampled_from([None, ",", ";", "a", " "]), st.sampled_from([None, True, False])
)
def test_any_bytes_are_read_or_refused(content, standardise, delimiter, header):
    with contextlib.suppress(ValueError):
        columns = csv_columns(content, delimiter=delimiter, header=header)
        made = from_csv(content, standardise=standardise, delimiter=delimiter, header=header)
        assert made.features == tuple(name for name, numeric in columns.items() if numeric)
        assert np.isfinite(made.values).all()


@given(st.data())
def test_a_damaged_file_is_read_or_refused(data):
    content = bytearray(_write([["year", "sun"], *[[1700 + k, k / 2] for k in range(9)]]))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        made = from_csv(bytes(content))
        assert np.isfinite(made.values).all()
