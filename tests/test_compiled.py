"""Loops that are compiled for one shape: when, how many, and that their numbers are the same."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings

import lstmviz as lv
from lstmviz.run import engine
from lstmviz.run.compiled import CompiledShapes
from tests.runs import make_run, runs

TOLERANCE = {"float32": 1e-6, "float64": 1e-13}


@pytest.fixture
def shapes(monkeypatch):
    """None compiled yet; the others are back after the test."""
    found = CompiledShapes()
    monkeypatch.setattr(engine, "shapes", found)
    return found


def test_a_loop_compiled_for_its_shape_gives_the_same_numbers(monkeypatch):
    @given(runs())
    @settings(max_examples=8)
    def check(case):
        kind, options, num_units, input_size, steps, dtype, seed = case
        cell, x, state = make_run(kind, options, num_units, input_size, steps + 16, dtype, seed)
        monkeypatch.setattr(engine, "shapes", CompiledShapes(most=0))
        expected = lv.run(cell, x, device="CPU:0", initial_state=state)
        monkeypatch.setattr(engine, "shapes", CompiledShapes())
        assert engine.compile_shape(cell, len(x), "CPU:0")
        found = lv.run(cell, x, device="CPU:0", initial_state=state)
        assert found.device == expected.device == "CPU:0"
        for group in ("states", "preactivations", "gates"):
            for name, values in getattr(expected, group).items():
                tolerance = TOLERANCE[dtype] * max(1.0, float(np.abs(values).max(initial=0)))
                np.testing.assert_allclose(getattr(found, group)[name], values, rtol=0, atol=tolerance)

    check()


def test_a_compiled_loop_serves_every_cell_of_its_shape_and_no_other(shapes, monkeypatch):
    calls = []
    real = engine._compiled_by_shape

    def count(*key):
        loop = real(*key)

        def counted(x, *rest):
            calls.append(x.shape[0])
            return loop(x, *rest)

        return counted

    monkeypatch.setattr(engine, "_compiled_by_shape", count)
    assert engine.compile_shape(lv.build("GRUCell", 4, 3, seed=1), 20, "CPU:0")
    calls.clear()
    lv.run(lv.build("GRUCell", 4, 3, seed=2), np.zeros((20, 3)), device="CPU:0")
    assert calls == [20]
    for cell, steps in (
        (lv.build("GRUCell", 4, 3), 21),
        (lv.build("GRUCell", 5, 3), 20),
        (lv.build("MGU", 4, 3), 20),
    ):
        lv.run(cell, np.zeros((steps, 3)), device="CPU:0")
    assert calls == [20]


def test_a_wide_cell_and_a_run_of_few_steps_are_not_compiled(shapes):
    assert not engine.compile_shape(lv.build("BasicLSTMCell", 1024, 16), 100, "CPU:0")
    assert not engine.compile_shape(lv.build("BasicLSTMCell", 4, 3), 15, "CPU:0")


def test_a_shape_is_compiled_once_its_runs_have_taken_as_long_as_that_takes():
    shapes, made = CompiledShapes(price=1.0), []

    def compile_loop():
        made.append(1)
        return len

    for seconds in (0.3, 0.3, 0.3):
        shapes.note("a", seconds, compile_loop)
    shapes.note("another", 0.3, compile_loop)
    assert not made
    assert shapes.find("a") is None
    shapes.note("a", 0.2, compile_loop)
    shapes.wait()
    assert made == [1]
    assert shapes.find("a") is len
    shapes.note("a", 5.0, compile_loop)
    shapes.wait()
    assert made == [1]


def test_a_run_that_is_only_long_is_not_compiled():
    shapes = CompiledShapes(price=1.0)
    shapes.note("a", 60.0, pytest.fail)
    shapes.note("a", 60.0, pytest.fail)
    assert shapes.find("a") is None


def test_runs_go_on_beside_a_compilation_and_only_one_is_made_at_a_time():
    shapes, go_on, made = CompiledShapes(price=0.0), threading.Event(), []

    def wait_and_compile():
        made.append("a")
        go_on.wait(60)
        return len

    for _run in range(3):
        shapes.note("a", 1.0, wait_and_compile)
    for _run in range(5):
        shapes.note("b", 1.0, lambda: made.append("b"))
    assert shapes.find("a") is None
    go_on.set()
    shapes.wait()
    assert made == ["a"]
    assert shapes.find("a") is len


def test_no_more_than_so_many_shapes_are_compiled():
    shapes = CompiledShapes(price=0.0, most=2)
    for shape in "abcd":
        for _run in range(5):
            shapes.note(shape, 1.0, lambda: len)
            shapes.wait()
    assert [shapes.find(shape) is not None for shape in "abcd"] == [True, True, False, False]
    assert not shapes.compile_now("e", pytest.fail)


def test_what_cannot_be_compiled_runs_as_before():
    shapes, tried = CompiledShapes(price=0.0), []

    def refuse():
        tried.append(1)
        raise ValueError("XLA does not know this operation")

    for _run in range(9):
        shapes.note("a", 1.0, refuse)
        shapes.wait()
    assert shapes.find("a") is None
    assert tried == [1]


def test_a_long_run_goes_over_to_a_compiled_loop_with_the_numbers_it_had(monkeypatch):
    cell = lv.build("BasicLSTMCell", 8, 2, seed=3)
    x = np.random.default_rng(0).normal(size=(3000, 2)).astype("float32")
    monkeypatch.setattr(engine, "shapes", CompiledShapes(most=0))
    expected = lv.run(cell, x, device="CPU:0")
    shapes = CompiledShapes(price=0.0)
    monkeypatch.setattr(engine, "shapes", shapes)
    monkeypatch.setattr(engine, "_round_down", lambda length: 64)  # so that a chunk's shape comes back
    trace = lv.run(cell, x, device="CPU:0", progress=lambda done, steps: shapes.wait())
    assert shapes.find(engine._shape_of(cell, 64, "CPU:0")) is not None
    for name, values in expected.states.items():
        np.testing.assert_allclose(trace.states[name], values, rtol=0, atol=1e-6)
