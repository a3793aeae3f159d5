"""What is annotated in lstmviz is checked while the tests run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import Float, TypeCheckError

import lstmviz as lv
from tests.annotations import checked

REFUSED = (BeartypeCallHintViolation, TypeCheckError)
ROW, TABLE = np.zeros(3), np.zeros((3, 2))


@checked
def column(row: Float[np.ndarray, " n"], table: Float[np.ndarray, "n m"]) -> Float[np.ndarray, " m"]:
    return table[0] if row[0] == 0 else row


def test_lengths_that_have_one_name_are_one_length_in_arguments_and_result():
    assert column(ROW, TABLE).shape == column(table=np.zeros((4, 5)), row=np.zeros(4))[:2].shape == (2,)
    for row, table in (
        (ROW, TABLE.T),
        (ROW[:0], TABLE),
        (ROW + 1, TABLE),
        (ROW.astype(int), TABLE),
        (None, TABLE),
    ):
        with pytest.raises(REFUSED):
            column(row, table)


def test_a_length_means_nothing_to_the_functions_that_are_called():
    @checked
    def transpose(table: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "m n"]:
        return column(np.zeros(2), table.T)[np.newaxis].repeat(2, axis=0)

    assert transpose(TABLE).shape == (2, 3)


def inside(largest):
    @checked
    def add(number: float, *, more: int = 1) -> int:
        return number + more if number < largest else "too much"

    return add


def test_a_function_inside_another_is_checked_with_its_own_variables():
    one, other = inside(5), inside(9)
    assert (one(2), other(7), other(7, more=2)) == (3, 8, 9)
    for wrong in (lambda: one(7), lambda: other(9), lambda: one("2"), lambda: other(2, more=1.5)):
        with pytest.raises(REFUSED):
            wrong()


def test_methods_properties_and_the_fields_of_a_dataclass_are_checked():
    @checked
    @dataclass(frozen=True)
    class Pair:
        row: Float[np.ndarray, " n"]
        table: Float[np.ndarray, "n m"]

        @property
        @checked
        def count(self) -> int:
            return self.row[0]

        @classmethod
        @checked
        def make(cls, count: int) -> str:
            return cls(np.zeros(count), np.zeros((count, 1)))

    assert Pair(ROW, TABLE).row is ROW
    for wrong in (lambda: Pair(ROW, TABLE.T), lambda: Pair(ROW, TABLE).count, lambda: Pair.make(3)):
        with pytest.raises(REFUSED):
            wrong()


def test_a_generator_is_checked_as_what_it_is():
    @checked
    def count(end: int) -> Iterator[int]:
        yield from range(end)

    @checked
    def wrong(end: int) -> int:
        yield from range(end)

    assert list(count(3)) == [0, 1, 2]
    for call in (lambda: count("3"), lambda: wrong(3)):
        with pytest.raises(REFUSED):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: lv.build(3, 2, 1),
        lambda: lv.run(lv.build("GRUCell", 2, 1), TABLE, device=3),
        lambda: lv.Sequence(np.zeros(3, "float32")),
        lambda: lv.Gradients(
            lv.run(lv.build("GRUCell", 2, 1), TABLE[:, :1], engine="numpy"), 0, 2.5, TABLE, {}, {}
        ),
    ],
)
def test_lstmvizs_own_annotations_are(call):
    with pytest.raises(REFUSED):
        call()
