"""lstmviz shows what is inside a recurrent cell.

>>> import lstmviz as lv
>>> cell = lv.build("BasicLSTMCell", num_units=8, input_size=4)
>>> trace = lv.run(cell, lv.sequences.make("sine", time_steps=60, input_size=4))
>>> lv.plot.gates(trace).show()  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lstmviz import cells, language, notebook, sequences
from lstmviz.cells import KINDS, Cell, Linear, build, build_linear, fold, kind
from lstmviz.run import gradients, need_tensorflow, run
from lstmviz.run.atlas import Atlas, Response, Saturation, atlas
from lstmviz.run.compare import Comparison, Parting, compare
from lstmviz.run.differ import Differing, differ
from lstmviz.run.ledger import Ledger, NoLedger, ledger
from lstmviz.run.order import Ranked, order_units, rank_units
from lstmviz.run.search import Found, Place, search
from lstmviz.run.silence import Silenced, silence
from lstmviz.run.trace import Explanation, Gradients, Inside, Trace
from lstmviz.run.values import NoSum
from lstmviz.sequences import Sequence

if TYPE_CHECKING:
    from lstmviz import detective, examples, formats, layouts, plot
    from lstmviz.detective import identify
    from lstmviz.formats.load import load
    from lstmviz.formats.save import save
    from lstmviz.run import devices, engine

__version__ = "0.1.0"
__all__ = [
    "KINDS",
    "Atlas",
    "Cell",
    "Comparison",
    "Differing",
    "Explanation",
    "Found",
    "Gradients",
    "Inside",
    "Ledger",
    "Linear",
    "NoLedger",
    "NoSum",
    "Parting",
    "Place",
    "Ranked",
    "Response",
    "Saturation",
    "Sequence",
    "Silenced",
    "Trace",
    "atlas",
    "build",
    "build_linear",
    "cells",
    "compare",
    "detective",
    "devices",
    "differ",
    "engine",
    "examples",
    "fold",
    "formats",
    "gradients",
    "identify",
    "kind",
    "language",
    "layouts",
    "ledger",
    "load",
    "notebook",
    "order_units",
    "rank_units",
    "plot",
    "run",
    "save",
    "search",
    "sequences",
    "silence",
]


notebook.register()


def __getattr__(name: str) -> Any:
    # TensorFlow takes 3 s to import and Plotly a quarter: each comes with the first use of what needs it.
    if name == "engine":
        need_tensorflow("lv.engine")
        from lstmviz.run import engine

        return engine
    if name == "devices":
        need_tensorflow("lv.devices")
        from lstmviz.run import devices

        return devices
    if name == "identify":
        from lstmviz.detective import identify

        return identify
    if name == "load":
        from lstmviz.formats.load import load

        return load
    if name == "save":
        from lstmviz.formats.save import save

        return save
    if name == "examples":
        import lstmviz.examples as examples

        return examples
    if name == "detective":
        import lstmviz.detective as detective

        return detective
    if name == "formats":
        import lstmviz.formats as formats

        return formats
    if name == "layouts":
        import lstmviz.layouts as layouts

        return layouts
    if name == "plot":
        import lstmviz.plot as plot

        return plot
    raise AttributeError(f"module 'lstmviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
