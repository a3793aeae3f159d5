"""What the tests of the readers share: a loaded cell against the framework that made the file."""

import numpy as np

import lstmviz as lv

TOLERANCE = 1e-5


def differs(cell, x, outputs, backward=False):
    """The largest difference of a cell's outputs to a framework's, `[time, num_units]` each."""
    x = np.asarray(x, np.float32)
    h = lv.run(cell, x[::-1] if backward else x, device="CPU:0").states["h"]
    h = h[::-1] if backward else h
    assert h.shape == outputs.shape
    return float(np.max(np.abs(h - outputs)))
