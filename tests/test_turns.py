"""A GPU does one run at a time, in the order asked for; what it has no memory for is told and keeps nobody from what is smaller."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

import lstmviz as lv
from lstmviz.run import engine
from lstmviz.run.turns import TURNS, OutOfMemory, Turns
from tests.test_devices import run_with_two_cpus


def test_who_comes_waits_for_who_came_before_and_hears_how_many_these_are():
    turns, done, heard = Turns(), [], {2: [], 3: []}
    first, is_asked = threading.Event(), [threading.Event() for _number in range(4)]

    def work(number):
        is_asked[number].set()
        with turns.take("GPU:0", heard[number].append if number in heard else None):
            if number == 1:
                first.wait(30)
            done.append(number)

    with ThreadPoolExecutor(3) as threads:
        for number in (1, 2, 3):
            threads.submit(work, number)
            is_asked[number].wait(30)
            while turns.waiting != number - 1:
                time.sleep(0.01)
        while not (heard[2] and heard[3]):
            time.sleep(0.01)
        first.set()
    assert done == [1, 2, 3]
    assert set(heard[2]) == {1} and heard[3][0] == 2
    assert turns.waiting == 0


def test_devices_have_lines_of_their_own():
    turns = Turns()
    with turns.take("GPU:0"), turns.take("GPU:1"):
        assert turns.waiting == 0


def test_who_does_not_want_it_any_more_leaves_the_line():
    turns = Turns()

    def give_up(_ahead):
        raise KeyError

    with turns.take("GPU:0"):
        with pytest.raises(KeyError), turns.take("GPU:0", give_up):
            raise AssertionError
        assert turns.waiting == 0
    with turns.take("GPU:0"):
        pass


def test_runs_on_a_device_for_one_never_overlap_and_those_on_another_go_on():
    (line,) = run_with_two_cpus(
        """
        import threading, time
        from concurrent.futures import ThreadPoolExecutor
        from lstmviz.run import engine
        engine.is_for_one = lambda place: place == "CPU:1"
        now, most, heard = {"CPU:0": 0, "CPU:1": 0}, {"CPU:0": 0, "CPU:1": 0}, []
        lock, original = threading.Lock(), engine._run_in_chunks
        def watched(cell, loop, x, start, place, progress, **more):
            with lock:
                now[place] += 1
                most[place] = max(most[place], now[place])
            time.sleep(0.3)
            try:
                return original(cell, loop, x, start, place, progress, **more)
            finally:
                with lock:
                    now[place] -= 1
        engine._run_in_chunks = watched
        class Progress:
            def __call__(self, done, steps): pass
            def waits(self, ahead): heard.append(ahead)
        cell = lv.build("GRUCell", 3, 2)
        jobs = [(cell, np.ones((4, 2)), place, None, Progress()) for place in ("CPU:0", "CPU:1") * 3]
        with ThreadPoolExecutor(6) as threads:
            traces = list(threads.map(lambda job: lv.run(*job), jobs))
        assert all((trace.states["h"] == traces[0].states["h"]).all() for trace in traces)
        print(most["CPU:1"], most["CPU:0"] > 1, max(heard))
        """
    )
    assert line == "1 True 2"


def _have_no_memory(monkeypatch, most_units):
    """TensorFlow says that a device has no memory for cells of more units."""
    original = engine._run_in_chunks

    def refuse(cell, *args, **more):
        if cell.num_units > most_units:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[4096]")
        return original(cell, *args, **more)

    monkeypatch.setattr(engine, "_run_in_chunks", refuse)


def test_no_memory_is_told_in_a_sentence_and_a_smaller_run_is_done(monkeypatch):
    _have_no_memory(monkeypatch, 8)
    monkeypatch.setattr(engine, "is_for_one", lambda _place: True)
    x = np.ones((5, 2), np.float32)
    with pytest.raises(
        ValueError, match=r"CPU:0 has no memory left for 480 weights over 5 steps; take fewer units"
    ) as raised:
        lv.run(lv.build("BasicLSTMCell", 10, 2, use_bias=False), x, device="CPU:0")
    assert raised.type is OutOfMemory and TURNS.waiting == 0
    assert lv.run(lv.build("BasicLSTMCell", 8, 2), x, device="CPU:0").device == "CPU:0"
