"""The table of the two settings that are compared: a row for all that makes a run another one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lstmviz.web import beside, parameters
from lstmviz.web import view as views
from lstmviz.web.view import View, parse

UNUSUAL = {
    "clamp": "f.0:1",
    "edit": "bias:0:1",
    "linear": True,
    "layer": "x",
    "reverse": True,
    "initial_state": "zeros",
}


def _table(query: dict[str, str]) -> tuple[View, View, list[str]]:
    view, problems = parse(query)
    assert problems == []
    other = views.other(view)
    return view, other, list(dict.fromkeys([*beside.settings(view, other), *beside.settings(other, view)]))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"edit": "kernel:3,5:0.25", "b.edit": "none"}, "edit"),
        ({"clamp": "f.3:1,h.0:0", "b.clamp": "none"}, "clamp"),
        ({"b.clamp": "f.3.10-20:1"}, "clamp"),
        ({"b.edit": "bias:3:0.25"}, "edit"),
        ({"linear": "true", "b.dtype": "float64"}, "linear"),
        ({"b.forget_bias": "0"}, "forget_bias"),
        ({"b.cell": "GRUCell"}, "forget_bias"),
    ],
)
def test_what_sets_the_two_apart_has_a_row(query, name):
    assert name in _table(query)[2]


def test_that_nothing_is_held_or_edited_goes_without_saying():
    names = _table({"b.seed": "1"})[2]
    assert not {"clamp", "edit", "linear"} & set(names)
    assert {"num_units", "seed", "initial_weights", "dtype", "device", "forget_bias"} <= set(names)


@pytest.mark.parametrize("row", parameters.ROWS, ids=lambda row: row.name)
def test_no_parameter_that_changes_a_run_is_left_out_of_the_table(row):
    """Whatever is added to the address is in the table, unless it is said to change no run or to be of what is read."""
    if row.name in ("cell", *parameters._READ):
        return  # the kind is the table's first row; what is read is read by both
    view = replace(View(), sequence="sine", model="x" if row.name in beside._OF_FILES else "")
    other = row.put(view, UNUSUAL[row.name]) if row.name in beside._UNSAID else view
    is_of_run = "trace" not in row.spares
    assert (row.name in beside.settings(view, other)) == is_of_run
