"""What a view costs a server, estimated from its sizes before anything of it is made.

The numbers were measured on 2 cores; they are there to tell a moment from a minute, and a megabyte from a gigabyte.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lstmviz.cells import weight_shapes

if TYPE_CHECKING:
    from lstmviz.web.view import View

# Seconds of one core: to draw a weight, to turn it into float64, and for each m·k² of an [m, k] matrix made orthogonal
# (on one thread, which `app.py` sees to) and each product of a linear layer that is folded in, in float64.
_DRAWN, _CONVERTED, _ORTHOGONAL, _FOLDED = 2e-8, 1e-8, 3e-10, 5e-11
# Seconds of a run: a step, and a weight of it at (64, 16, 100) and (1024, 256, 200) of the benchmark; a weight of a kernel that
# no cache holds, at (2048, 512, 60).
_STEP, _WEIGHT, _FAR_WEIGHT = 15e-6, 6e-11, 4e-10
_CACHED = 2**22  # weights


@dataclass(frozen=True)
class Cost:
    """An estimate.

    Attributes:
        build: Seconds of one core until the weights are there.
        step: Seconds that each step of a run takes.
        steps: How many there are.
        bytes: Memory at the dearest moment.
    """

    build: float
    step: float
    steps: int
    bytes: float

    @property
    def run(self) -> float:
        """Seconds that the run takes."""
        return self.step * self.steps


def estimate(view: View, steps: int) -> Cost:
    """What the pictures of `view` over so many steps cost.

    A layer of a viewer's own file costs no building.
    """
    shapes = [
        shape
        for shape in weight_shapes(view.kind, view.num_units, view.input_size, dict(view.options)).values()
        if len(shape) == 2
    ]
    weights = sum(map(math.prod, shapes))
    width = np.dtype(view.dtype).itemsize
    is_double = view.dtype == "float64"
    # Every run has the weights a second time, and cut in two a third.
    needed = weights * (4 + 2 * width + (width if is_double else 0))
    needed += steps * _recorded(view) * width * 2
    if view.edit != type(view).edit:
        needed += weights * width  # an array with an edited weight is another one
    build = 0.0
    if not view.model:
        build = weights * (_DRAWN + (_CONVERTED if is_double else 0))
        if view.initial_weights == "orthogonal":
            build += _ORTHOGONAL * sum(max(shape) * min(shape) ** 2 for shape in shapes)
            needed += 8 * 3 * max(map(math.prod, shapes))  # what is drawn, its Q, and Q with its signs
    if view.linear and not view.model:
        columns = sum(shape[1] for shape in shapes)
        square = view.input_size**2
        build += square * _DRAWN + _FOLDED * square * columns
        needed += 8 * (square + 2 * view.input_size * columns) + weights * (width + 4)
    each = _WEIGHT if weights <= _CACHED else _FAR_WEIGHT
    step = (_STEP + weights * each * width / 4) * (2 if view.linear else 1)
    return Cost(build=build, step=step, steps=steps, bytes=needed)


def _recorded(view: View) -> int:
    """The numbers that a step leaves behind: each gate before and after its activation, the states, and x."""
    return view.num_units * (2 * len(view.kind.gates) + len(view.kind.states)) + view.input_size
