"""Windows of large pictures, as the browser asks for them."""

from __future__ import annotations

import base64
import json
import time

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.web import pictures, render, server
from lstmviz.web import view as views

QUERY = {"num_units": "400", "input_size": "50", "sequence": "sine", "time_steps": "3000"}


@pytest.fixture(autouse=True)
def warm(monkeypatch):
    monkeypatch.setattr(server, "is_warm", lambda: True)


def fetch(key, **window):
    made = pictures.fetch(key, QUERY | window)
    return json.loads(made)["figure"] if made else None


def test_a_window_of_the_kernel_holds_single_weights():
    figure = fetch("kernel", rows="40-60", columns="390-420")
    cell = lv.build("BasicLSTMCell", 400, 50)
    z = figure["data"][0]["z"]
    numbers = np.frombuffer(base64.b64decode(z["bdata"]), "<f4").reshape(20, 30)
    assert (numbers == cell.kernel[40:60, 390:420]).all()
    assert figure["layout"]["meta"]["levels"]["tile"] == [1, 1]


def test_a_window_of_a_long_run_is_there_though_the_run_is_not_quick():
    view, _problems = views.parse(QUERY)
    assert not render.is_quick(view, 3000)
    assert fetch("gates") is None  # the page's script draws it, with its progress
    levels = fetch("gates", rows="0-100", columns="100-200")["layout"]["meta"]["levels"]
    assert (levels["rows"], levels["columns"], levels["of"]) == ([0, 100], [100, 200], [400, 3000])


@pytest.mark.parametrize("rows", ["5-5", "-1-3", "0-9999", "a-b", "3", "1-2-3"])
def test_a_window_that_is_none_gets_nothing(rows):
    assert fetch("kernel", rows=rows, columns="0-10") is None


def test_a_window_of_a_strangers_upload_gets_nothing():
    query = {"num_units": "4", "sequence": "csv", "rows": "0-2", "columns": "0-2"}
    assert pictures.fetch("gates", query | {"upload": "guessed"}) is None
    upload = render.Upload("data.csv", b"1,2\n3,4\n5,6\n7,9\n")
    made = pictures.fetch("gates", query | {"upload": upload.ticket})
    assert made and "4 steps" in json.loads(made)["figure"]["layout"]["title"]["text"]
    ticket = upload.ticket
    del upload
    until = time.monotonic() + 10
    while render.find_upload(ticket) and time.monotonic() < until:
        time.sleep(0.01)  # the thread that has made the picture may not have let go of it yet
    assert render.find_upload(ticket) is None
    assert pictures.fetch("gates", query | {"upload": ticket}) is None
