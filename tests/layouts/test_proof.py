"""Proofs: converted arrays in the framework's own equations."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

import lstmviz as lv
from lstmviz import layouts
from tests.conversions import NAMES, conversions
from tests.runs import make_run

build = inspect.unwrap(lv.build)


@given(conversions())
@settings(max_examples=60, deadline=None)
def test_every_conversion_is_proved(conversion):
    layout, case = conversion
    cell, x, state = make_run(*case)
    trace = lv.run(cell, x, initial_state=state)
    proof = layouts.prove(trace, layout)
    assert proof.ok, (proof, dict(proof.largest))
    assert set(proof.largest) == set(trace.states) and proof.steps == len(trace)


EVERY = [
    (kind, layout)
    for layout in NAMES
    for kind in lv.KINDS
    if any(kind in form.kinds for form in layouts.LAYOUTS[layout].forms) and kind != "BasicRNNCell"
]


@pytest.mark.parametrize(("kind", "layout"), EVERY)
def test_no_proof_holds_with_any_two_gates_blocks_swapped(kind, layout):
    cell, x, _state = make_run(kind, {}, 4, 3, 12, "float32", 5)
    trace = lv.run(cell, x)
    converted = layouts.to_layout(cell, layout)
    assert layouts.check(trace, converted).ok
    swapped = 0
    for index, a in enumerate(converted.moves):
        for b in converted.moves[index + 1 :]:
            blocks = a.target.read(converted.arrays), b.target.read(converted.arrays)
            if (
                a.target.part != b.target.part
                or np.array_equal(*blocks)
                or blocks[0].shape != blocks[1].shape
            ):
                continue
            arrays = {name: array.copy() for name, array in converted.arrays.items()}
            a.target.write(arrays, blocks[1])
            b.target.write(arrays, blocks[0])
            assert not layouts.check(trace, replace(converted, arrays=arrays)).ok, (a.text, b.text)
            swapped += 1
    assert swapped >= 6


@pytest.mark.parametrize(("kind", "layout"), EVERY)
def test_no_proof_holds_with_a_kernel_transposed(kind, layout):
    cell, x, _state = make_run(kind, {}, 4, 4, 12, "float32", 5)
    trace, converted = lv.run(cell, x), layouts.to_layout(cell, layout)
    for move in converted.moves:
        if move.target.part in ("x", "h"):
            arrays = {name: array.copy() for name, array in converted.arrays.items()}
            move.target.write(arrays, move.target.read(converted.arrays).T.copy())
            assert not layouts.check(trace, replace(converted, arrays=arrays)).ok, move.text


def test_a_forget_bias_left_out_is_found():
    cell, x, _state = make_run("BasicLSTMCell", {"forget_bias": 1.0}, 4, 3, 12, "float32", 5)
    without = layouts.to_layout(build("BasicLSTMCell", 4, 3, weights=cell.weights, forget_bias=0.0), "keras")
    assert not layouts.check(lv.run(cell, x), without).ok


def test_a_chaotic_cell_is_proved_all_the_same():
    rng = np.random.default_rng(1)
    weights = {"kernel": 4 * rng.normal(size=(36, 128)), "bias": rng.normal(size=128)}
    cell = build("BasicLSTMCell", 32, 4, weights=weights)
    trace = lv.run(cell, rng.normal(size=(400, 4)).astype("float32"))
    assert layouts.prove(trace, "pytorch").ok


def test_infinities_and_nan_that_are_in_both_are_no_difference():
    weights = {"kernel": np.full((3, 2), 1e30), "bias": np.array([0, np.nan])}
    cell = build("BasicRNNCell", 2, 1, weights=weights, activation="linear")
    trace = lv.run(cell, np.full((4, 1), 1e30, "float32"))
    assert not np.isfinite(trace.states["h"]).any()
    broken = layouts.to_layout(cell, "keras")
    arrays = {**broken.arrays, "bias": np.zeros(2, "float32")}
    proof = layouts.check(trace, replace(broken, arrays=arrays))
    assert not proof.ok and np.isnan(proof.largest["h"])


def test_a_run_without_steps_has_nothing_to_prove():
    trace = lv.run(build("GRUCell", 3, 2), np.zeros((0, 2), "float32"))
    proof = layouts.prove(trace, "keras")
    assert proof.ok and proof.steps == 0 and dict(proof.largest) == {"h": 0.0}


def test_a_proof_says_under_which_condition_the_cell_is_the_layer():
    cell, x, _state = make_run("BasicLSTMCell", {}, 4, 3, 12, "float32", 5)
    proof = layouts.prove(lv.run(cell, x), "pytorch")
    assert proof.tell().endswith("Equal to this cell.")
    told = proof.tell("if its activation is tanh: the file does not say")
    assert told.endswith("Equal to this cell, if its activation is tanh: the file does not say.")
    failed = replace(proof, largest={"h": 0.5}).tell("if its activation is tanh")
    assert failed.startswith("Not equal to this cell: ") and "h 5.0e-01, more than" in failed
