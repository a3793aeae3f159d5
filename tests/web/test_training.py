"""Trainings in processes of their own: bounded, told whole, and gone with whoever looked on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstmviz import examples
from lstmviz.examples.train import messages
from lstmviz.examples.train.live import BIAS, KERNEL
from lstmviz.web import draining, limits, trained, training
from lstmviz.web import view as views

_ROOT = Path(__file__).parent.parent.parent
# In place of Keras's loop: the shipped cell, sent as the loop sends weights, and whatever a test adds.
_PRETENCE = """
import sys
sys.path[:] = sys.argv[1:]
import os, time
import numpy as np
from lstmviz import examples
from lstmviz.examples.train import live, messages
example = examples.load("parity")
arrays = {{**example.cell.weights, live.KERNEL: example.head.kernel, live.BIAS: example.head.bias}}
where = {{"state": "running", "step": 0, "steps": 100, "epoch": 0, "epochs": 1, "batches": 100, "rate": 0.01, "losses": []}}
def train(order, send, control):
{body}
live._run = train
live.main()
"""
_SENT = 'send(where | {"step": 1, "losses": [0.5]}, arrays)\n'


@pytest.fixture
def pretend(monkeypatch):
    """Has processes do something in place of a training; they and all that was kept of them end with the test."""

    def pretend(body: str) -> None:
        monkeypatch.setattr(
            training, "_START", _PRETENCE.format(body=textwrap.indent(textwrap.dedent(body), "    "))
        )

    yield pretend
    training.end_all()
    assert not training._trainings


def make_view(**query: str) -> views.View:
    view, problems = views.parse({"sequence": "parity", "cell": "BasicLSTMCell", "num_units": "4"} | query)
    assert not problems
    return trained.fitted(view)


def wait(found, until, seconds=20.0, looks=True):
    """Waits for something of a training, as somebody who looks on, and gives what is known of it."""
    limit = time.monotonic() + seconds
    while not until(found):
        assert time.monotonic() < limit, found.heard
        if looks:
            found.look()
        time.sleep(0.02)
    return found.heard


def is_over(found):
    """Whether all is told and the process is gone."""
    return found.heard.is_over and found._process.returncode is not None


def begin(view):
    """Begins when there is a place."""
    limit = time.monotonic() + 5
    while True:
        try:
            return training.begin(view)
        except training.BusyError:
            assert time.monotonic() < limit
            time.sleep(0.02)


def has_weights(found):
    return found.heard.model is not None


def is_gone(pid: int) -> bool:
    """Whether there is no such process, not even one that nobody has taken leave of."""
    return not Path(f"/proc/{pid}").exists()


# --- What arrives


def test_weights_arrive_whole_and_are_a_model_of_the_viewers_own(pretend):
    pretend(
        _SENT
        + 'send(where | {"state": "ended", "step": 2, "losses": [0.25], "facts": {"accuracy": 1.0}}, arrays)'
    )
    found = training.begin(make_view())
    heard = wait(found, is_over)
    shipped = examples.load("parity")
    (cell,) = heard.model.cells.values()
    for name, weight in shipped.cell.weights.items():
        np.testing.assert_array_equal(cell.weights[name], weight)
    np.testing.assert_array_equal(trained.of_model(heard.model).head.kernel, shipped.head.kernel)
    assert trained.of_model(heard.model).facts["accuracy"] == 1.0
    assert heard.curve.tolist() == [0.5, 0.25] and not heard.problem


def test_of_a_process_that_dies_on_the_way_no_half_is_taken(pretend):
    pretend(
        _SENT
        + """
        arrays["kernel"] = arrays["kernel"] + 1
        sent = messages.write(where | {"step": 2}, arrays)
        send.__closure__[0].cell_contents.write(sent[: len(sent) // 2])
        send.__closure__[0].cell_contents.flush()
        os._exit(3)
        """.replace("\n        ", "\n")
    )
    heard = wait(training.begin(make_view()), is_over)
    assert heard.told["state"] == "failed" and heard.told["step"] == 1
    assert heard.problem == "The training's process ended before the training did."
    (cell,) = heard.model.cells.values()
    np.testing.assert_array_equal(cell.kernel, examples.load("parity").cell.kernel)


@pytest.mark.parametrize(
    "sent",
    [
        b"\xff" * 64,
        messages.write({"state": "running"})[:-1] + b"\xff",
        messages.write({"step": 1, "state": "running", "losses": [], "steps": 2}, {"kernel": np.zeros(3)}),
    ],
)
def test_what_is_no_message_ends_it_with_a_sentence(pretend, sent):
    pretend(f"os.write(send.__closure__[0].cell_contents.fileno(), {sent!r}); time.sleep(60)")
    heard = wait(training.begin(make_view()), is_over)
    assert heard.told["state"] == "failed" and heard.problem.startswith("The training ended: ")


def test_a_message_comes_out_as_it_went_in_however_it_is_cut():
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(0, np.float32)}
    sent = messages.write({"x": 1}, arrays) + messages.write({"y": [2]})
    reader = messages.Reader()
    (first, second) = (message for at in range(len(sent)) for message in reader.feed(sent[at : at + 1]))
    assert first.told == {"x": 1} and second.told == {"y": [2]} and not second.arrays
    for name, array in arrays.items():
        np.testing.assert_array_equal(first.arrays[name], array)


def test_a_training_that_begins_anew_has_a_curve_of_its_own(pretend):
    pretend(
        _SENT + 'send(where, arrays); send(where | {"state": "ended", "step": 1, "losses": [9.0]}, arrays)'
    )
    assert wait(training.begin(make_view()), is_over).curve.tolist() == [9.0]


# --- Bounds


def test_nothing_is_trained_where_the_environment_says_so(monkeypatch):
    monkeypatch.setattr(limits, "MAX_TRAININGS", 0)
    assert not training.is_offered()
    with pytest.raises(training.RefusedError, match="trains no cells"):
        training.begin(make_view())


def test_there_are_no_more_at_once_than_allowed_and_a_place_becomes_free(pretend):
    pretend(_SENT + "time.sleep(60)")
    first = training.begin(make_view())
    wait(first, has_weights)
    assert training.count() == 1
    with pytest.raises(training.BusyError, match="try again in a moment"):
        training.begin(make_view())
    first.end()
    wait(first, is_over, looks=False)
    wait(begin(make_view()), has_weights)


def test_when_its_time_is_over_it_is_measured_and_then_ended(pretend, monkeypatch):
    monkeypatch.setattr(limits, "MAX_TRAINING_SECONDS", 1)
    pretend(
        _SENT
        + """
        while not control.ends:
            control.obey(0.1)
        send(where | {"state": "ended", "step": 1, "facts": {"accuracy": 0.5}}, arrays)
        """.replace("\n        ", "\n")
    )
    heard = wait(training.begin(make_view()), is_over)
    assert heard.told["state"] == "ended" and heard.told["facts"] == {"accuracy": 0.5}
    assert heard.problem == "The 1 s that a training may take here were over."


def test_one_that_does_not_hear_that_its_time_is_over_is_ended(pretend, monkeypatch):
    monkeypatch.setattr(limits, "MAX_TRAINING_SECONDS", 1)
    monkeypatch.setattr(training, "_GRACE", 0.5)
    pretend(_SENT + "time.sleep(60)")
    found = training.begin(make_view())
    heard = wait(found, is_over)
    assert heard.told["state"] == "failed" and heard.problem.endswith("were over.")
    assert is_gone(found._process.pid)


def test_more_memory_than_it_may_take_is_a_sentence(pretend, monkeypatch):
    monkeypatch.setattr(limits, "MAX_TRAINING_MEMORY", 400 * 2**20)
    pretend(_SENT + "kept = bytearray(500 * 2**20)")
    heard = wait(training.begin(make_view()), is_over)
    assert heard.problem == "The training took more than the 419 MB that it may take."
    pretend(_SENT + "os.abort()")  # as C++ ends where it finds none
    heard = wait(begin(make_view()), is_over)
    assert "perhaps for want of memory" in heard.problem


def test_it_yields_to_others_and_is_told_nothing_of_the_environment(pretend, monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_COOKIE_SECRET", "secret")
    pretend(
        'where["nice"], where["env"] = os.nice(0), "STREAMLIT_SERVER_COOKIE_SECRET" in os.environ\n'
        'send(where | {"state": "ended"}, arrays)'
    )
    told = wait(training.begin(make_view()), is_over).told
    assert told["nice"] == 19 and told["env"] is False


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"cell": "MGU"}, "MGU is not trained here; BasicLSTMCell, GRUCell,"),
        ({"num_units": "65"}, "Cells of up to 64 units"),
        ({"forget_bias": "0"}, "with its usual options"),
        ({"clamp": "f.0:1"}, "with nothing held or edited"),
        ({"dtype": "float64"}, "in float32"),
        ({"linear": "true"}, "no layer in front"),
        ({"sequence": "sunspots", "input_size": "3"}, "The task has 4 features."),
    ],
)
def test_what_cannot_be_trained_says_why(query, why):
    assert why in training.tell_why_not(make_view(**query))
    with pytest.raises(training.RefusedError, match=re.escape(why)):
        training.begin(make_view(**query))


def test_every_task_and_kind_that_is_offered_can_be_trained_in_the_size_of_the_shipped_cell():
    for task in training.TASKS_HERE:
        for kind in training.KINDS:
            assert not training.tell_why_not(make_view(sequence=task, cell=kind, num_units="8")), (task, kind)
    with pytest.raises(training.RefusedError, match="no task"):
        training.begin(make_view(sequence="sine"))


# --- Nobody is left behind


def test_one_that_nobody_looks_at_ends_within_seconds(pretend):
    pretend(_SENT + "time.sleep(60)")
    found = training.begin(make_view())
    wait(found, has_weights)
    pid, left = found._process.pid, time.monotonic()
    wait(found, is_over, looks=False)
    assert time.monotonic() - left < training.UNSEEN + 2
    assert is_gone(pid) and found.heard.problem == "Nobody looked on any more."


def test_a_server_that_is_told_to_end_ends_it(pretend, monkeypatch):
    pretend(_SENT + "time.sleep(60)")
    found = training.begin(make_view())
    wait(found, has_weights)
    monkeypatch.setattr(draining._draining, "is_set", lambda: True)
    wait(found, is_over, 2)
    assert is_gone(found._process.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_is_left_when_its_server_is_killed(how):
    body = textwrap.indent(_SENT + "time.sleep(60)", "    ")
    code = f"""
import time
from lstmviz.web import trained, training
from lstmviz.web import view as views
training._START = {_PRETENCE.format(body=body)!r}
view = trained.fitted(views.parse({{"sequence": "parity", "cell": "BasicLSTMCell", "num_units": "4"}})[0])
found = training.begin(view)
while True:
    found.look()
    time.sleep(0.1)
    if found.heard.model:
        print(found._process.pid, flush=True)
"""
    server = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )
    pid = int(server.stdout.readline())
    assert not is_gone(pid)
    server.send_signal(how)
    server.wait(10)
    server.stdout.close()
    limit = time.monotonic() + 5
    while not is_gone(pid):
        assert time.monotonic() < limit, "the training goes on without its server"
        time.sleep(0.05)


def test_a_process_whose_input_ends_ends_too():
    """Where the system ends no process with its parent, as outside of Linux."""
    body = "    time.sleep(60)"
    started = subprocess.Popen(
        [sys.executable, "-c", _PRETENCE.format(body=body), *sys.path],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    bounds = b'{"task": "parity", "kind": "GRUCell", "num_units": 3, "seed": 0, "memory": 2000000000, "processor": 60}\n'
    started.stdin.write(bounds)
    started.stdin.flush()
    with pytest.raises(subprocess.TimeoutExpired):
        started.wait(1)
    started.stdin.close()
    assert started.wait(5) == 0
    started.stdout.close()


def test_what_was_trained_is_kept_a_while_for_who_asked_and_then_forgotten(pretend, monkeypatch):
    monkeypatch.setattr(training, "_KEPT", 1.0)
    pretend('send(where | {"state": "ended"}, arrays)')
    found = training.begin(make_view())
    wait(found, is_over)
    assert training.find(found.ticket) is found
    limit = time.monotonic() + 5
    while training.find(found.ticket):
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_tickets_are_not_to_be_guessed(pretend):
    pretend(_SENT + "time.sleep(60)")
    found = training.begin(make_view())
    assert len(found.ticket) >= 22
    for guess in ("", "0", found.ticket[:-1], found.ticket + "a"):
        assert training.find(guess) is None


# --- The real one


def test_a_real_training_goes_through_its_states_and_is_measured():
    found = training.begin(replace(make_view(cell="GRUCell"), seed=3), epochs=1)
    try:
        heard = wait(found, is_over, 90)
        assert heard.told["state"] == "ended" and heard.told["step"] == heard.told["steps"] == 200, heard
        example = trained.of_model(heard.model)
        assert set(example.facts) >= {"accuracy", "accuracy_long", "chance", "seed"}
        assert len(heard.curve) == 200 and np.isfinite(heard.curve).all()
        assert example.head.kernel.shape == (4, 1) and {KERNEL, BIAS}.isdisjoint(example.cell.weights)
        assert is_gone(found._process.pid)
    finally:
        found.end()
