"""What a sequence promises."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lstmviz import sequences
from lstmviz.sequences import Sequence, wrap

SHAPES = st.tuples(st.integers(0, 20), st.integers(1, 20))


@given(hnp.arrays(np.float32, SHAPES) | hnp.arrays(np.float64, SHAPES))
def test_an_array_is_wrapped_with_all_its_bits_and_its_precision(array):
    sequence = wrap(array)
    assert sequence.values.dtype == array.dtype
    np.testing.assert_array_equal(sequence.values, array)
    assert (len(sequence), sequence.time_steps, sequence.input_size) == (len(array), *array.shape)
    assert sequence.labels == tuple(str(t) for t in range(len(array)))
    assert sequence.features == tuple(f"x[{k}]" for k in range(array.shape[1]))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64, np.float16, np.longdouble])
def test_other_numbers_become_float32(dtype):
    sequence = wrap(np.array([[0, 1], [1, 1]], dtype))
    assert sequence.values.dtype == np.float32
    assert sequence.values.tolist() == [[0, 1], [1, 1]]


def test_nan_and_infinity_are_let_through():
    assert str(wrap([[np.nan], [np.inf], [-np.inf]]).values.ravel().tolist()) == "[nan, inf, -inf]"


def test_a_sequence_is_wrapped_as_itself():
    sequence = wrap([[1.0]])
    assert wrap(sequence) is sequence


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ([1.0, 2.0], r"shape \[2\].*\[time, input_size\]"),
        (np.zeros((2, 3, 4)), r"shape \[2, 3, 4\].*\[time, input_size\]"),
        (3.0, r"shape \[\]"),
        (np.zeros((5, 0)), r"shape \[5, 0\].*one feature at least"),
        ([["a"]], "array of .*str.*real numbers"),
        ([[1j]], "complex128.*real numbers"),
        ([[None]], "object.*real numbers"),
        ([[1.0], [1.0, 2.0]], r"no array \[time, input_size\]"),
    ],
)
def test_what_is_no_sequence_is_refused_by_what_it_is(given, named):
    with pytest.raises(ValueError, match=named):
        wrap(given)


def test_nobody_can_write_into_a_sequence_by_any_way():
    array = np.zeros((3, 2), np.float32)
    for sequence in (wrap(array), Sequence(array, ("a", "b", "c"), ("x", "y"))):
        array[:] = 7
        assert not sequence.values.any()
        array[:] = 0
        with pytest.raises(ValueError, match="read-only"):
            sequence.values[0, 0] = 1
        with pytest.raises(dataclasses.FrozenInstanceError):
            sequence.title = "other"


def test_the_array_of_the_caller_stays_his_own():
    array = np.zeros((3, 2), np.float32)
    Sequence(array, ("a", "b", "c"), ("x", "y"))
    assert array.flags.writeable


def test_numpy_reads_a_sequence():
    sequence = wrap(np.arange(6.0).reshape(3, 2))
    assert np.asarray(sequence) is sequence.values
    assert np.asarray(sequence, np.float32).dtype == np.float32
    assert np.array(sequence, copy=True).flags.writeable
    assert np.sum(sequence) == 15


def test_a_sequence_is_cut_without_a_copy():
    sequence = sequences.make("sine", time_steps=10, input_size=2)
    cut = dataclasses.replace(sequence, values=sequence.values[:3], labels=sequence.labels[:3])
    assert np.shares_memory(cut.values, sequence.values)


@pytest.mark.parametrize(
    ("values", "labels", "features", "named"),
    [
        (np.zeros((2, 1), np.float32), ("a",), ("x",), r"\[2, 1\] has 1 label and 1 feature name"),
        (np.zeros((2, 1), np.float32), ("a", "b"), (), "has 2 labels and 0 feature names"),
        (np.zeros(2, np.float32), ("a", "b"), (), r"array \[2\] of float32.*\[time, input_size\]"),
        (np.zeros((2, 1), int), ("a", "b"), ("x",), "int64.*float32 or float64"),
    ],
)
def test_a_sequence_that_does_not_add_up_is_refused(values, labels, features, named):
    # As in a program, where nothing checks annotations.
    unchecked = object.__new__(Sequence)
    for name, value in {"values": values, "labels": labels, "features": features}.items():
        object.__setattr__(unchecked, name, value)
    with pytest.raises(ValueError, match=named):
        inspect.unwrap(Sequence.__post_init__)(unchecked)


def test_sequences_need_neither_pandas_nor_tensorflow_nor_streamlit():
    program = "import sys, lstmviz.sequences as s; s.from_csv(b'a,b\\n1,2\\n'); s.sunspots(3, 2); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "lstmviz.sequences" in loaded
    assert {"pandas", "tensorflow", "streamlit", "plotly"}.isdisjoint(loaded)


@given(st.data(), hnp.arrays(np.float32, SHAPES))
def test_steps_taken_in_another_order_keep_their_labels(data, array):
    order = data.draw(st.permutations(range(len(array))))[: data.draw(st.integers(0, len(array)))]
    sequence = wrap(array)
    taken = sequence.take(np.array(order, int))
    assert taken.labels == tuple(str(step) for step in order)
    np.testing.assert_array_equal(taken.values, array[order])
    assert taken.features == sequence.features and not taken.values.flags.writeable
