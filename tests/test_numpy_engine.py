"""The engine without TensorFlow against TensorFlow's, and its plans."""

import numpy as np
import pytest
from hypothesis import given, settings

import lstmviz as lv
from lstmviz.cells import structure_of
from lstmviz.equation import concat, norm, sigmoid, split, tanh
from lstmviz.run import numpy_engine
from lstmviz.run.arrays import Program
from lstmviz.run.lowered import lower
from lstmviz.run.plan import make_plan
from tests.runs import make_run, runs

TOLERANCE = {"float32": 1e-6, "float64": 1e-13}


def assert_same(one, other, tolerance):
    for group in ("states", "preactivations", "gates"):
        for name, values in getattr(one, group).items():
            scale = max(1.0, float(np.abs(values).max(initial=0)))  # relu and linear have no bound
            found = getattr(other, group)[name]
            np.testing.assert_allclose(
                found, values, rtol=0, atol=tolerance * scale, err_msg=f"{group} {name}"
            )


@given(runs())
@settings(max_examples=100, deadline=None)
def test_numpys_numbers_are_tensorflows(case):
    cell, x, state = make_run(*case)
    expected = lv.run(cell, x, initial_state=state)
    assert_same(expected, lv.run(cell, x, initial_state=state, engine="numpy"), TOLERANCE[cell.dtype.name])


def compute(cell, x, state, *, reorder):
    """A run by one of the two plans, whichever is worth it."""
    plan = make_plan(lower(cell.kind.equation(dict(structure_of(cell.options)))), reorder=reorder)
    numbers = {name: value for name, value in cell.options.items() if isinstance(value, float)}
    program = Program(plan, cell.weights, numbers, cell.sizes, cell.dtype)
    return plan, program.run(x, state)


@given(runs(compiled=False))
@settings(max_examples=100, deadline=None)
def test_blocks_in_another_order_give_the_same_numbers_under_the_same_names(case):
    cell, x, state = make_run(*case)
    (_plan, own), (_other, moved) = (compute(cell, x, state, reorder=reorder) for reorder in (False, True))
    for group, other in zip(own, moved, strict=True):
        for name, values in group.items():
            tolerance = TOLERANCE[cell.dtype.name] * max(1.0, float(np.abs(values).max(initial=0)))
            np.testing.assert_allclose(other[name], values, rtol=0, atol=tolerance, err_msg=name)


def groups(kind, *, reorder, **options):
    cell = lv.build(kind, num_units=3, input_size=2, **options)
    plan = make_plan(lower(cell.kind.equation(dict(structure_of(cell.options)))), reorder=reorder)
    names = {id(plan_node): name for name, plan_node in plan.lowered.after.items()}
    calls = [call for call in plan.calls if id(call[0]) in names]
    return {"".join(sorted(names[id(node)] for node in call)) for call in calls}


def test_equal_activations_of_one_product_are_one_call():
    assert groups("BasicLSTMCell", reorder=True) == {"fio", "j"}
    assert groups("BasicLSTMCell", reorder=False) == {"i", "j", "fo"}
    assert groups("GRUCell", reorder=False) == {"ru", "c"}
    assert groups("BasicLSTMCell", reorder=True, recurrent_activation="tanh") == {"fijo"}


def test_a_gate_that_needs_another_one_first_is_a_call_of_its_own():
    # o looks at the new c, which i and f make.
    assert groups("LSTMCell", reorder=True, use_peepholes=True) == {"fi", "j", "o"}


def test_a_wide_cell_or_a_short_run_leaves_the_kernel_as_it_is():
    def moved(num_units, steps):
        return bool(numpy_engine._find_plan(lv.build("BasicLSTMCell", num_units, 16), steps).moved)

    assert moved(64, 100)
    assert moved(128, 100)
    assert not moved(1024, 200)
    assert not moved(256, 10)


def delay(x, a, b, h, w):
    """States that are only handed on, and gates that are made of half a product each."""
    first, second = split("fs", concat(x, a) @ w("kernel"))
    f = sigmoid(norm(first, w("gamma"), w("beta"))).called("f")
    g = sigmoid(first * 2 + second).called("g")
    return {"a": b, "b": a, "h": tanh(f * h + g * second)}


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_states_that_change_places_keep_their_numbers(own_kinds, dtype):
    lv.kind("Delay")(delay)
    rng = np.random.default_rng(0)
    cell = lv.build("Delay", num_units=4, input_size=3, dtype=dtype, seed=1)
    x = rng.normal(size=(7, 3))
    state = {name: rng.normal(size=4) for name in ("a", "b", "h")}
    trace = lv.run(cell, x, engine="numpy", initial_state=state)
    a, b = (state[name].astype(dtype) for name in ("a", "b"))
    np.testing.assert_array_equal(trace.states["a"], [b, a, b, a, b, a, b])
    np.testing.assert_array_equal(trace.states["b"], [a, b, a, b, a, b, a])
    assert_same(lv.run(cell, x, initial_state=state), trace, TOLERANCE[dtype])
