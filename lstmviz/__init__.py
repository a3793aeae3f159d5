"""lstmviz shows what is inside a recurrent cell.

>>> import lstmviz as lv
>>> cell = lv.build("BasicLSTMCell", num_units=8, input_size=4)
>>> trace = lv.run(cell, lv.sequences.make("sine", time_steps=60, input_size=4))
>>> lv.plot.gates(trace).show()  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lstmviz import cells, language, sequences
from lstmviz.cells import KINDS, Cell, Linear, build, build_linear, fold
from lstmviz.compare import Comparison, Parting, compare
from lstmviz.sequences import Sequence
from lstmviz.trace import Explanation, Gradients, Trace

if TYPE_CHECKING:
    from lstmviz import detective, devices, engine, formats, layouts, plot
    from lstmviz.detective import identify
    from lstmviz.engine import gradients, run
    from lstmviz.formats.load import load
    from lstmviz.formats.save import save

__version__ = "0.1.0"
__all__ = [
    "KINDS",
    "Cell",
    "Comparison",
    "Explanation",
    "Gradients",
    "Linear",
    "Parting",
    "Sequence",
    "Trace",
    "build",
    "build_linear",
    "cells",
    "compare",
    "detective",
    "devices",
    "engine",
    "fold",
    "formats",
    "gradients",
    "identify",
    "language",
    "layouts",
    "load",
    "plot",
    "run",
    "save",
    "sequences",
]

# TensorFlow takes 3 s to import and Plotly a quarter: each comes with the first use of what needs it.
_LAZY_MODULES = ("detective", "devices", "engine", "formats", "layouts", "plot")
_LAZY_NAMES = {
    "gradients": "engine",
    "identify": "detective",
    "load": "formats.load",
    "run": "engine",
    "save": "formats.save",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY_MODULES:
        return importlib.import_module(f"lstmviz.{name}")
    if name in _LAZY_NAMES:
        return getattr(importlib.import_module(f"lstmviz.{_LAZY_NAMES[name]}"), name)
    raise AttributeError(f"module 'lstmviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
