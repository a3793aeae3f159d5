"""Which order is my file? Bare weights of unknown origin, tried in every layout against one known output.

>>> import numpy as np
>>> import lstmviz as lv
>>> rng = np.random.default_rng(0)
>>> kernel, bias = rng.normal(size=(12, 32)), rng.normal(size=32)
>>> x = rng.normal(size=(5, 4))
>>> cell = lv.build("BasicLSTMCell", num_units=8, input_size=4, weights={"kernel": kernel, "bias": bias}, dtype="float64")
>>> h = lv.run(cell, x, device="CPU:0").states["h"]  # doctest: +SKIP
>>> print(lv.identify([kernel, bias], x, h)[0])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstmviz.detective.answers import CONFIDENCE, Match, rank
from lstmviz.detective.given import check_arrays, check_output, check_sequence
from lstmviz.detective.hints import give_hints, guess_input_sizes
from lstmviz.detective.readings import find_readings
from lstmviz.detective.search import KEPT, SEARCHES, Sample, Variant, run_all
from lstmviz.language import _

__all__ = ["CONFIDENCE", "KEPT", "Match", "Variant", "identify"]


def identify(
    arrays: Mapping[str, Any] | Sequence[Any],
    inputs: Any = None,
    outputs: Any = None,
    *,
    tolerance: float = 1e-5,
) -> list[Match]:
    """Which gate is which in bare weights, found by running them in every way against one known output.

    Every order of the gates is tried, every orientation that the shapes allow, joined kernels with the rows of x first
    or last, both ways round where two arrays have one shape, `forget_bias` 1 or 0, the activations tanh and relu, the
    gates' sigmoid and both hard ones, and for a GRU the reset before and after the product and both senses of u. The
    state before the sample is zero. Peepholes and projections are not tried.

    Args:
        arrays: The arrays of one layer, by whatever names, or in a list. Names count for nothing; the order counts only
            where each gate has arrays of its own. Float64 is kept, anything else is taken as float32.
        inputs: A sample, `[time, input_size]`; axes of length 1 for a batch may stand before. A few steps do.
        outputs: What the layer gave for it, `[time, num_units]`, or `[num_units]` after the last step alone. Without
            it the answer is hints from the weights alone; the inputs then tell no more than their number of features.
        tolerance: How far a number may lie from the known one and still fit, as a share of the largest known one.

    Returns:
        Best first: what fits, by the largest difference, then the closest of what does not, by the geometric mean of
        the differences, which a few wrong numbers in the sample do not move.

    Raises:
        ValueError: the shapes fit no layer, an array is not one of finite numbers, or there are outputs of no inputs.
    """
    named = check_arrays(arrays)
    if inputs is None:
        if outputs is not None:
            raise ValueError(
                _("there are outputs and no inputs; give what they came from too, or neither for a hint.")
            )
        return give_hints(named, guess_input_sizes(named))
    x = check_sequence("inputs", inputs)
    if not (isinstance(tolerance, int | float) and 0 < tolerance < 1):
        raise ValueError(_("tolerance is {given!r}; it must be between 0 and 1.").format(given=tolerance))
    if outputs is None:
        return give_hints(named, [x.shape[1]])
    h = check_output(outputs, len(x))
    sample = Sample(x, h, float(np.abs(h).max()), float(tolerance))
    found = find_readings(named, x.shape[1], [h.shape[1]])
    pool = [(reading, list(SEARCHES[reading.family].variants(reading))) for reading in found]
    pool = [(reading, variants) for reading, variants in pool if variants]
    with np.errstate(all="ignore"):  # the wrong ways may well overflow
        runs = run_all(pool, sample)
    return rank(runs, sum(len(variants) for _reading, variants in pool), sample)
