"""Trainings for viewers, each in a process of its own: what may be trained, what it may take, and what has come of it so far.

A training is for whoever looks on: it ends a few seconds after nobody asks for it any more, when its time is over, when the server
ends, and with the server where that is killed. Its weights come as messages (`lstmviz.examples.train.messages`); each set of them
becomes a model as a file's is one, so that everything that is shown of a file's layer is shown of it by the same code.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from secrets import token_urlsafe
from types import MappingProxyType
from typing import IO, Any

import numpy as np

from lstmviz import examples, language
from lstmviz.cells import Cell, build
from lstmviz.examples import Example, Head
from lstmviz.examples.tasks.table import TASKS
from lstmviz.examples.train import messages
from lstmviz.examples.train.live import BIAS, KERNEL, ROOT, Order
from lstmviz.language import _
from lstmviz.run import has_tensorflow
from lstmviz.web import draining, limits, metrics, trained
from lstmviz.web.models import Model
from lstmviz.web.view import View

KINDS = ("BasicLSTMCell", "GRUCell", "BasicRNNCell", "sLSTM", "minGRU")
"""What can be trained: the kinds of Keras's layers, and those of a shipped cell whose equation was trained as it is."""
TASKS_HERE = ("sunspots", "brackets", "latch", "echo", "adding", "parity")
"""The small tasks: a training of one takes a minute at most."""
MOST_UNITS = 64
RATES = (1e-6, 10.0)
"""Between which a learning rate may lie."""
MOST_BATCHES = 100_000
UNSEEN = 4.0
"""Seconds after which a training ends that nobody asks for."""
_KEPT = 60.0  # seconds for which one that has ended is kept for who asked for it
_GRACE = 20.0  # seconds to measure what was trained when the time is over
_RECENT = 4  # sets of weights: a number of the last but one may still be asked for
_TICK = 0.1  # seconds
_PATIENCE = 2.0  # seconds for a process that has nothing more to say
_CHUNK = 2**20  # bytes
_SPREAD = 300  # points of the curve of losses
_START = "import sys; sys.path[:] = sys.argv[1:]; from lstmviz.examples.train.live import main; main()"
# What the process is told of this one's environment: where libraries and folders are.
_PASSED = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
    "SYSTEMROOT",
    "HOME",
    "KERAS_HOME",
    "TMPDIR",
)
_SET = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}
_OVER = ("ended", "diverged", "failed")
_log = logging.getLogger(__name__)


class RefusedError(ValueError):
    """There is no such training, and the sentence says why."""


class BusyError(RefusedError):
    """There is no place for it now."""


def is_offered() -> bool:
    """Whether this server trains at all; not where a process has no group to be ended with."""
    return limits.MAX_TRAININGS > 0 and has_tensorflow() and hasattr(os, "killpg")


def can_follow(view: View) -> bool:
    """Whether a view's sequence has a task that is trained here."""
    return view.sequence in TASKS_HERE


def tell_why_not(view: View) -> str:
    """Why the cell of a view whose sequence has a task cannot be trained; "" where it can."""
    if view.cell not in KINDS:
        return _("{kind} is not trained here; {allowed} are.").format(
            kind=view.cell, allowed=", ".join(KINDS)
        )
    if view.num_units > MOST_UNITS:
        return _("Cells of up to {most} units are trained here.").format(most=MOST_UNITS)
    usual = build(view.cell, 1, 1).options
    if (
        dict(view.options) != dict(usual)
        or view.linear
        or view.held
        or view.edited
        or view.dtype != "float32"
    ):
        return _(
            "A cell is trained here with its usual options, in float32, with nothing held or edited and no layer in front."
        )
    features = examples.load(view.sequence).cell.input_size
    if view.input_size != features:
        return _("The task has {features} features.").format(features=features)
    return ""


@dataclass(frozen=True, eq=False)
class Heard:
    """What is known of a training at one moment.

    Attributes:
        version: Grows with everything that is heard.
        told: Where the training is, see `live`.
        curve: The losses so far: a mean for each of a few hundred equal parts of the training, the last one of what there is of it.
        model: The last weights, as a model; None before the first ones.
        problem: Why it ended, where it did not end by itself.
    """

    version: int = 0
    told: Mapping[str, Any] = field(default_factory=lambda: {"state": "starting"})
    curve: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    model: Model | None = None
    problem: str = ""

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to come."""
        return self.told["state"] in _OVER


@dataclass(eq=False)
class Training:
    """A training for one viewer.

    Attributes:
        view: The view that it was begun from.
        order: What is trained.
        ticket: Names it on the routes; nobody guesses it.
        heard: What is known of it.
    """

    view: View
    order: Order
    ticket: str = field(default_factory=lambda: token_urlsafe(16))
    heard: Heard = field(default_factory=Heard)

    def __post_init__(self) -> None:
        self._recent: deque[Model] = deque(maxlen=_RECENT)
        self._losses: list[float] = []
        self._seen = self._begun = time.monotonic()
        self._is_late = False
        self._process: subprocess.Popen[bytes] | None = None
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="training", daemon=True)

    def look(self) -> None:
        """Somebody looks on."""
        self._seen = time.monotonic()

    def ask(self, command: Mapping[str, Any]) -> None:
        """Has the process do something; what comes faster than it can hear is dropped."""
        process = self._process
        with contextlib.suppress(OSError, ValueError):
            if process and process.stdin:
                os.write(process.stdin.fileno(), json.dumps(command).encode() + b"\n")

    def end(self) -> None:
        """Ends it, whatever it does."""
        self._ends.set()

    # --- Its thread

    def _follow(self) -> None:
        """Starts the process, hears it to its end, and forgets the training when nobody wants it any more.

        The process ends with the thread that started it, so that thread stays.
        """
        with language.use(self.view.lang):
            try:
                with tempfile.TemporaryFile() as said:
                    self._hear(said)
            except Exception as error:
                _log.exception("A training ended")
                self._fail(_("The training ended: {cause}.").format(cause=type(error).__name__))
            finally:
                _places.release()
        while time.monotonic() - self._seen < _KEPT and not self._ends.wait(_TICK):
            pass
        _trainings.pop(self.ticket, None)

    def _hear(self, said: IO[bytes]) -> None:
        self._process = process = _start(self.order, said)
        why = ""
        try:
            why = self._listen(process)
            if not why:  # it has closed its output, and ends
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE)
        finally:
            code = _end(process)
        if not self.heard.is_over:
            said.seek(0, os.SEEK_END)
            said.seek(max(0, said.tell() - 2000))
            _log.warning("A training ended with %s: %s", code, ascii(said.read().decode("utf-8", "replace")))
            self._fail(why or self._say_death(code))

    def _listen(self, process: subprocess.Popen[bytes]) -> str:
        """Hears a process until it ends, or is to be ended: why, where nobody reads it any more."""
        assert process.stdout
        reader = messages.Reader()
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            while True:
                if (why := self._find_end()) is not None:
                    return why
                if not ready.select(_TICK):
                    continue
                content = os.read(process.stdout.fileno(), _CHUNK)
                if not content:
                    return ""
                for message in reader.feed(content):
                    self._take(message)

    def _find_end(self) -> str | None:
        """Why the process is to be ended now; None where it is not."""
        if draining.is_draining():
            return _("The server is ending, and the training with it.")
        if self._ends.is_set() or time.monotonic() - self._seen > UNSEEN:
            return _("Nobody looked on any more.")
        over = time.monotonic() - self._begun - limits.MAX_TRAINING_SECONDS
        if over > 0 and not self._is_late:
            self._is_late = True
            self.ask({"do": "stop"})
        return self._say_late() if over > _GRACE else None

    def _take(self, message: messages.Message) -> None:
        told = dict(message.told)
        if told["state"] == "memory":
            self._fail(self._say_memory())
            return
        if told["step"] < int(self.heard.told.get("step", 0)):
            self._losses.clear()  # it began anew
        self._losses += told.pop("losses")
        model, problem = self.heard.model, ""
        if message.arrays:
            model = self._make_model(message.arrays, told)
            self._recent.append(model)
        if self._is_late and told["state"] == "ended":
            problem = self._say_late()
        elif told["state"] == "diverged":
            problem = _("The loss is no finite number any more: the learning rate is too large.")
        curve = _summarise(self._losses, size_part(told["steps"]))
        self.heard = Heard(self.heard.version + 1, told, curve, model, problem)

    def _make_model(self, arrays: Mapping[str, np.ndarray], told: Mapping[str, Any]) -> Model:
        """The weights as a model.

        Raises:
            ValueError: they are none of such a cell.
        """
        order = self.order
        weights = {name: array for name, array in arrays.items() if name not in (KERNEL, BIAS)}
        size = examples.load(order.task).cell.input_size
        cell = build(order.kind, order.num_units, size, weights=weights)
        head = Head(arrays[KERNEL], arrays[BIAS], TASKS[order.task].reads)
        layer = trained.name_made_here(order.task)
        # The name of the file that the page gives of it, see `download_buttons`.
        model = Model(f"trained-here-{order.task}-kernel.npz", {layer: cell})
        trained.keep_made_here(model, _make_example(order, cell, head, told))
        return model

    def _fail(self, sentence: str) -> None:
        told = {**self.heard.told, "state": "failed"}
        self.heard = replace(self.heard, version=self.heard.version + 1, told=told, problem=sentence)

    def _say_death(self, code: int) -> str:
        if code == -getattr(signal, "SIGXCPU", 0) != 0:
            return self._say_late()
        if code in (-signal.SIGABRT, -getattr(signal, "SIGKILL", 9)):  # so end those that find no memory
            return _("The training's process was ended, perhaps for want of memory.")
        return _("The training's process ended before the training did.")

    @staticmethod
    def _say_late() -> str:
        return _("The {seconds:,} s that a training may take here were over.").format(
            seconds=limits.MAX_TRAINING_SECONDS
        )

    @staticmethod
    def _say_memory() -> str:
        return _("The training took more than the {allowed:,.0f} MB that it may take.").format(
            allowed=limits.MAX_TRAINING_MEMORY / 1e6
        )


def size_part(steps: int) -> int:
    """How many batches a point of the curve stands for."""
    return max(1, -(-steps // _SPREAD))


def _summarise(losses: list[float], wide: int) -> np.ndarray:
    starts = np.arange(0, len(losses), wide)
    if not len(starts):
        return np.zeros(0, np.float32)
    counts = np.minimum(wide, len(losses) - starts)
    return (np.add.reduceat(np.array(losses, np.float64), starts) / counts).astype(np.float32)


def _make_example(order: Order, cell: Cell, head: Head, told: Mapping[str, Any]) -> Example:
    """The cell as an example: what is known of a shipped one, and of the figures what was measured."""
    known = {"seed": order.seed, "step": told["step"], "steps": told["steps"]}
    return replace(
        examples.load(order.task),
        cell=cell,
        head=head,
        look="",
        facts=MappingProxyType(dict(told.get("facts", {})) | known),
    )


def _start(order: Order, said: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {key: os.environ[key] for key in _PASSED if key in os.environ} | _SET
    bounds = {
        "memory": limits.MAX_TRAINING_MEMORY,
        "processor": limits.MAX_TRAINING_SECONDS + int(_GRACE),
    }
    process = subprocess.Popen(
        # As a file's reader is started: nothing of the environment or the user's own site decides what is imported.
        [sys.executable, "-I", "-S", "-c", _START, str(ROOT), *filter(None, sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        env=environment,
        # A group of its own, for it to be ended with what it starts; no session of its own, in which Linux would weigh its
        # low priority against nobody else's.
        process_group=0,
    )
    assert process.stdin
    os.write(process.stdin.fileno(), json.dumps(asdict(order) | bounds).encode() + b"\n")
    os.set_blocking(process.stdin.fileno(), False)
    return process


def _end(process: subprocess.Popen[bytes]) -> int:
    """Ends a process that still runs, and takes leave of it; its exit code."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()
    return code


# --- All of them

_trainings: dict[str, Training] = {}
_places = threading.BoundedSemaphore(max(1, limits.MAX_TRAININGS))


def count() -> int:
    """How many processes train now."""
    return sum(not each.heard.is_over for each in [*_trainings.values()])


metrics.watch("trainings", "Trainings that are under way", count)


def find(ticket: str) -> Training | None:
    """The training of that ticket, if its viewer still looks on."""
    return _trainings.get(ticket)


def begin(view: View, rate: float = 0.0, epochs: int = 0) -> Training:
    """Begins to train the cell of a view, afresh from the view's seed.

    Args:
        view: Its sequence has a task.
        rate: The learning rate; 0 for the task's own.
        epochs: How often each sequence is seen; 0 for as often as the shipped cells saw them.

    Raises:
        RefusedError: this server does not train it.
        BusyError: it trains as much as it may.
    """
    with language.use(view.lang):
        if not is_offered():
            raise RefusedError(_("This server trains no cells."))
        if not can_follow(view):
            raise RefusedError(_("This sequence has no task to be trained for."))
        if why := tell_why_not(view):
            raise RefusedError(why)
        if draining.is_draining() or not _places.acquire(blocking=False):
            raise BusyError(_("This server trains as many cells as it may already; try again in a moment."))
    order = Order(view.sequence, view.cell, view.num_units, view.seed, rate, epochs)
    training = Training(view, order)
    _trainings[training.ticket] = training
    try:
        training._thread.start()
    except RuntimeError:  # the system has no thread left
        _trainings.pop(training.ticket)
        _places.release()
        raise
    return training


def end_all() -> None:
    """Ends every training: the server ends."""
    for training in [*_trainings.values()]:
        training.end()
    for training in [*_trainings.values()]:
        training._thread.join(5)
