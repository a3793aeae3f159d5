"""The table that ranks a cell's units, beside the library's own numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

import lstmviz as lv
from lstmviz.web import render, trained, units
from lstmviz.web.view import parse


def _found(**query: str):
    view, problems = parse(query)
    sequence, view, more = render.fit(view, None)
    assert problems == more == []
    return view, sequence, units.columns(*render.ranked_units(view, sequence, None))


def test_the_units_without_which_a_trained_cells_loss_rises_most_come_first():
    view, sequence, table = _found(num_units="6")
    cell, found = render.load_cell(view), trained.find(view)

    def loss(trace):
        roots, right = (
            found.head.outputs(trace.states["h"])[:-1, 0],
            found.targets[:-1],
        )  # of the last year nobody knows the next
        return np.square(roots - np.sqrt(right)).mean()

    whole = loss(lv.run(cell, sequence))
    changes = {unit: loss(lv.run(cell, sequence, clamp={"h": {unit: 0.0}})) - whole for unit in range(6)}
    assert table["unit"] == sorted(changes, key=lambda unit: -changes[unit])
    assert table["without it"] == pytest.approx(sorted(changes.values(), reverse=True), rel=6e-3)


def test_of_random_weights_it_is_h_that_changes():
    view, sequence, table = _found(seed="3", cell="GRUCell", num_units="3")
    cell = render.load_cell(view)
    h = lv.run(cell, sequence).states["h"][-1]
    first = table["unit"][0]
    held = lv.run(cell, sequence, clamp={"h": {first: 0.0}}).states["h"][-1]
    assert table["without it"][0] == pytest.approx(float(np.linalg.norm(held - h)), rel=6e-3)
    assert "half-life of h" in table and "r high" in table


def test_a_cell_without_a_ledger_has_no_half_life_and_a_projected_h_no_answers_of_a_unit():
    _view, _sequence, table = _found(cell="BasicRNNCell", seed="0")
    assert not [name for name in table if name.startswith("half-life")]
    _view, _sequence, table = _found(cell="LSTMCell", num_proj="3", seed="0")
    assert "without it" not in table and not [name for name in table if "gain" in name]
    assert table["unit"] == list(range(8)) and len(table["f high"]) == 8


def test_a_click_on_a_row_pins_its_unit_and_the_pinned_units_row_is_marked(monkeypatch):
    view, _sequence, table = _found(num_units="6")
    state: dict[str, object] = {"view": view}
    monkeypatch.setattr(st, "session_state", state)
    units._show_pinned(table, None)
    assert state["ranked_units"] == {"selection": {"rows": [], "columns": [], "cells": []}}
    state["ranked_units"] = {"selection": {"rows": [], "columns": [], "cells": [(3, "f high")]}}
    units._pin()
    assert state["view"].unit == table["unit"][3]
    units._show_pinned(table, table["unit"][5])
    assert state["ranked_units"]["selection"]["cells"] == [(5, "f high")]
    state["view"] = replace(view, lock=("unit",), unit=1)
    units._pin()
    assert state["view"].unit == 1, "a link holds it"


def test_what_is_no_finite_number_is_left_empty():
    assert [units._plain(number) for number in (np.inf, np.nan, np.float32(1.23456), np.int64(7))] == [
        None,
        None,
        1.23,
        7,
    ]
