"""A device without memory for a view: another computes it, and the page says so."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from unittest.mock import create_autospec

import pytest
import tensorflow as tf
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from lstmviz.run import engine
from lstmviz.web import render, server, stage
from lstmviz.web import view as views
from lstmviz.web.progress import Progress
from lstmviz.web.shelf import Shelf

QUERY = {"sequence": "sine", "time_steps": "12", "input_size": "3", "seed": "1"}


@pytest.fixture(autouse=True, scope="module")
def _warm():
    assert server.wait_warm(120)
    server._warming.join()


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch):
    """A server that has drawn nothing yet, and memory for six units."""
    for name in ("_shelf", "_spare", "_runs"):
        monkeypatch.setattr(render, name, Shelf(max_entries=64, max_bytes=2**24))
    monkeypatch.setattr(render, "_no_memory", {})
    original = engine._run_in_chunks

    def refuse(cell, *args, **more):
        if cell.num_units > 6:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return original(cell, *args, **more)

    monkeypatch.setattr(engine, "_run_in_chunks", refuse)


def _told(units: int, **more: str) -> str:
    wanted = stage.read("stage", QUERY | {"num_units": str(units)} | more)
    assert wanted
    made = wanted.make()
    assert made
    (length,) = struct.unpack_from("<I", made)
    head = json.loads(made[4 : 4 + length])
    assert head["numUnits"] == units
    return str(head["drawn"])


def test_numpy_computes_what_a_cpu_has_no_memory_for_and_the_stage_says_so():
    assert "NumPy, since CPU:0 had no memory left for this" in _told(7)
    assert "no memory" not in _told(6), "what is smaller runs there"


def test_the_draft_has_no_device_and_says_nothing_of_memory():
    assert "no memory" not in _told(7, engine="numpy")


def test_the_document_says_so_too():
    view, _problems = views.parse(QUERY | {"num_units": "7"})
    sequence, view, _problems = render.fit(view, None)
    picture = render.run_picture(view, sequence, None)
    assert picture.device == "NumPy, since CPU:0 had no memory left for this"


def test_compare_says_which_of_the_two_another_device_computed():
    page = AppTest.from_file(str(Path(__file__).parent / "apps" / "paths.py"), default_timeout=60)
    page.session_state["first"] = "compare"
    for name, value in (QUERY | {"num_units": "7", "b.num_units": "6"}).items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    said = [re.sub(r"\\(.)", r"\1", warning.value) for warning in page.warning]
    assert said == ["a was computed by NumPy, since CPU:0 had no memory left for this."]


def test_once_there_is_memory_again_nothing_is_said(monkeypatch):
    assert "no memory" in _told(7)
    monkeypatch.undo()
    for name in ("_shelf", "_spare", "_runs"):
        monkeypatch.setattr(render, name, Shelf(max_entries=64, max_bytes=2**24))
    assert "no memory" not in _told(7)


def test_who_waits_for_a_gpu_is_told_its_place():
    place = create_autospec(DeltaGenerator, instance=True)
    progress = Progress(place, ends_early=False)
    progress.waits(2)
    assert not place.empty.called, "not for what takes a moment"
    progress._started -= 1
    progress.waits(2)
    progress.waits(1)
    bar = place.empty.return_value
    texts = [
        bar.progress.call_args.kwargs["text"],
        bar.progress.return_value.progress.call_args.kwargs["text"],
    ]
    assert "2 are before yours" in texts[0] and "yours is next" in texts[1]
