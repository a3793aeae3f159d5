"""Which runs are worth a compilation of their own, and when that is made.

A loop that is compiled for one shape (XLA does so) takes a quarter to half of the time; its compilation takes about a
second of one core, and some 15 MB that TensorFlow never gives back. So nobody waits for it, and only a shape that keeps
coming back is compiled: once the runs of it have taken as long as the compilation will, in a thread beside them, one at a
time, and never more than so many in one process.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

PRICE = 1.0
"""Seconds that runs of one shape take in all before it is compiled."""
MOST = 16
"""How many shapes are compiled in one process."""

_RUNS = 3  # a run that is only long comes once
_WATCHED = 256  # shapes whose seconds are counted at a time

Loop = Callable[..., Any]


class CompiledShapes:
    """The loops compiled for one shape each, and the time that others have taken so far."""

    def __init__(self, price: float | None = None, most: int = MOST) -> None:
        self.price, self.most = PRICE if price is None else price, most
        self._lock = threading.Lock()
        self._loops: dict[Hashable, Loop | None] = {}  # None: it is being compiled, or cannot be
        self._spent: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()
        self._thread: threading.Thread | None = None

    def find(self, shape: Hashable) -> Loop | None:
        """The loop compiled for a shape, if there is one."""
        return self._loops.get(shape)

    def note(self, shape: Hashable, seconds: float, compile_loop: Callable[[], Loop]) -> None:
        """Counts what a run of a shape has taken, and has it compiled once that pays."""
        with self._lock:
            if shape in self._loops or len(self._loops) >= self.most:
                return
            runs, spent = self._spent.pop(shape, (0, 0.0))
            self._spent[shape] = runs + 1, spent + seconds
            if len(self._spent) > _WATCHED:
                self._spent.popitem(last=False)  # the one that nobody ran for longest
            busy = self._thread is not None and self._thread.is_alive()
            if busy or runs + 1 < _RUNS or spent + seconds < self.price:
                return
            self._loops[shape] = None
            del self._spent[shape]
            self._thread = threading.Thread(target=self._compile, args=(shape, compile_loop), name="compile")
            self._thread.start()

    def compile_now(self, shape: Hashable, compile_loop: Callable[[], Loop]) -> bool:
        """Compiles a shape before it is run; whether there is a loop for it."""
        with self._lock:
            if shape not in self._loops and len(self._loops) < self.most:
                self._compile(shape, compile_loop)
        return self.find(shape) is not None

    def wait(self) -> None:
        """Waits for the compilation that goes on, if one does."""
        if (thread := self._thread) is not None:
            thread.join()

    def _compile(self, shape: Hashable, compile_loop: Callable[[], Loop]) -> None:
        self._loops[shape] = None
        try:
            self._loops[shape] = compile_loop()
        except Exception:  # what XLA cannot compile runs as before
            logging.getLogger(__name__).info("%s is not compiled", shape, exc_info=True)
