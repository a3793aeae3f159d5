"""What runs in the process that trains for a server's viewer: one training, watched, slowed down and changed from outside.

An order comes in as the first line of standard input, commands as the lines after it; what is trained goes out as `messages`. It
ends when the training does, when its input ends, and with the process that started it.

It is the training of the shipped cells (`made.prepare`, `sunspots.prepare`) with somebody who looks on: with the same seed, size
and rate it gives the same weights.
"""

from __future__ import annotations

import io
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstmviz.examples.train import messages

KERNEL, BIAS = "head/kernel", "head/bias"
"""What the layer behind the cell is called among the arrays; the cell's own weights have the names of its variables."""
EVERY = 0.25
"""Seconds between two messages with weights, while nobody counts the steps."""

Send = Callable[[Mapping[str, Any], Mapping[str, np.ndarray]], None]


@dataclass(frozen=True)
class Order:
    """What is to be trained.

    Attributes:
        task: The task's name.
        kind: The kind of cell.
        num_units: Its size.
        seed: Of its first weights, and of the order of its sequences.
        rate: The learning rate at the start; 0 for the recipe's own.
        epochs: How often each sequence is seen; 0 for the recipe's own number.
    """

    task: str
    kind: str
    num_units: int
    seed: int
    rate: float = 0.0
    epochs: int = 0


class Control:
    """What a viewer wants of the training: it goes on, waits, goes some batches further, begins anew or ends."""

    def __init__(self) -> None:
        self.rate = 0.0  # as the order says
        self.is_paused = False
        self.allowed = 0  # batches, while it is paused
        self.ends = ""  # "stop" or "reset"
        self._heard: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()

    def hear(self, command: Mapping[str, Any]) -> None:
        """Takes a command, from whichever thread."""
        self._heard.put(command)

    def obey(self, wait: float = 0.0) -> bool:
        """Does what was asked for; whether anything was."""
        try:
            command = self._heard.get(timeout=wait) if wait else self._heard.get_nowait()
        except queue.Empty:
            return False
        what = command.get("do")
        if what in ("pause", "go_on"):
            self.is_paused, self.allowed = what == "pause", 0
        elif what == "step":
            self.is_paused, self.allowed = True, int(command["batches"])
        elif what == "rate":
            self.rate = float(command["rate"])
        elif what in ("stop", "reset"):
            self.ends = str(what)
        return True

    @property
    def waits(self) -> bool:
        """Whether the next batch is not to be begun."""
        return self.is_paused and not self.allowed and not self.ends


def train(order: Order, send: Send, control: Control | None = None) -> None:
    """Trains, tells of it on the way, and measures at the end what came of it."""
    from lstmviz.examples.train import made, sunspots

    control = control or Control()
    control.rate = control.rate or order.rate
    while True:
        if order.task == "sunspots":
            training = sunspots.prepare(order.kind, order.num_units, seed=order.seed)
        else:
            training = made.prepare(order.task, order.kind, order.num_units, order.seed, order.epochs or None)
        watch = _watch(training, send, control)
        with suppress(_Ended):
            training.run(watch)
        if control.ends != "reset":
            break
        control.ends, control.is_paused, control.allowed = "", True, 0
    if not watch.has_diverged:
        send(watch.tell("measuring"), {})
        send(watch.tell("ended", facts=_measure(training)), watch.arrays())


class _Ended(Exception):
    """Keras's loop is left where it is: one that is only told to stop trains another batch."""


def _measure(training: Any) -> dict[str, float]:
    """The figures of the cell on what is held out, and those of what needs no cell, as the shipped cells' own were found."""
    from lstmviz.examples.tasks.table import TASKS

    task = TASKS[training.task]
    return {**task.score(training.cell(), training.head()), **task.compare()}


def _watch(training: Any, send: Send, control: Control) -> Any:
    import keras

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        """Looks on at each batch."""

        def __init__(self) -> None:
            super().__init__()
            self.step, self.sent = 0, time.monotonic()
            self.losses: list[float] = []
            self.has_diverged = False
            self.own_rate = float(training.rate.initial_learning_rate)
            control.rate = control.rate or self.own_rate
            self.set_rate()
            self.report()

        def set_rate(self) -> None:
            training.rate.factor.assign(control.rate / self.own_rate)

        def tell(self, state: str = "", **more: Any) -> dict[str, Any]:
            """Where the training is; the losses since it was told last."""
            losses, self.losses = self.losses, []
            per_epoch = max(1, training.steps // training.epochs)
            return {
                "state": state or ("paused" if control.waits else "running" if self.step else "compiling"),
                "step": self.step,
                "steps": training.steps,
                "epoch": min(training.epochs, self.step // per_epoch),
                "epochs": training.epochs,
                "batches": per_epoch,
                "rate": control.rate,
                "now": float(training.rate(self.step)),
                "losses": losses,
                **more,
            }

        def arrays(self) -> dict[str, np.ndarray]:
            """The weights as they are."""
            head = training.head()
            return {**training.cell().weights, KERNEL: head.kernel, BIAS: head.bias}

        def report(self) -> None:
            """Sends where the training is, with the weights."""
            arrays = self.arrays()
            if not all(np.isfinite(each).all() for each in arrays.values()):
                self.diverge()
            send(self.tell(), arrays)
            self.sent = time.monotonic()

        def diverge(self) -> None:
            """Ends a training in which there is nothing to be learnt any more."""
            self.has_diverged = True
            send(self.tell("diverged"), {})
            raise _Ended

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            """Waits where somebody paused; Keras would tell the mean of all batches so far."""
            if control.waits:
                self.report()
            while True:
                before = control.rate
                heard = control.obey(0.5 if control.waits else 0.0)
                if control.rate != before:
                    self.set_rate()
                if heard and control.waits:
                    self.report()
                if not heard and not control.waits:
                    break
            if control.ends:
                raise _Ended
            self.model.reset_metrics()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Tells of it when it is time."""
            loss = float((logs or {})["loss"])
            self.step += 1
            control.allowed -= bool(control.allowed)
            if not np.isfinite(loss):
                self.diverge()
            self.losses.append(loss)
            if time.monotonic() - self.sent >= EVERY and not control.waits:
                self.report()

    return Watch()


# --- The process ------------------------------------------------------------------------------------------------------


def main() -> None:
    """Trains what the first line of the input says, for whoever reads the output."""
    sent = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no message
    _tie_to_parent()
    given = io.FileIO(0, closefd=False)  # without a lock that its reader would keep at the end
    order = json.loads(given.readline())
    _yield_to_others()
    _bound(order.pop("memory"), order.pop("processor"))
    asked = Order(**order)
    control = Control()
    threading.Thread(target=_listen, args=(given, control), daemon=True).start()

    def send(told: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        sent.write(messages.write(told, arrays))
        sent.flush()

    try:
        _run(asked, send, control)
    except MemoryError:
        send({"state": "memory"}, {})


def _run(asked: Order, send: Send, control: Control) -> None:
    from lstmviz.examples.train.with_keras import start

    start(asked.seed)
    train(asked, send, control)


def _listen(given: io.FileIO, control: Control) -> None:
    """Hears commands; where nobody is there any more who could give one, this process ends."""
    for line in given:
        control.hear(json.loads(line))
    os._exit(0)


def _yield_to_others() -> None:
    """Takes what others leave of the processor."""
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, 0, 19)


def _bound(memory: int, processor: int) -> None:
    """Bounds what this process may take, where the system can."""
    with suppress(ImportError):
        import resource

        bounds = {
            "RLIMIT_CORE": (0, 0),
            "RLIMIT_CPU": (processor, processor + 5),
            "RLIMIT_DATA": (memory, memory),
            "RLIMIT_NOFILE": (256, 256),
        }
        for name, pair in bounds.items():
            with suppress(AttributeError, ValueError, OSError):
                resource.setrlimit(getattr(resource, name), pair)


def _tie_to_parent() -> None:
    """Ends with the thread that started this process, and gains no rights that it has not (Linux)."""
    with suppress(Exception):
        import ctypes

        system = ctypes.CDLL(None)
        system.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
        system.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


ROOT = Path(__file__).parents[3]
"""Where the package is."""
