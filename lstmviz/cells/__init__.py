"""What a cell is: its kind, which is an equation, its sizes, options and weights.

A new kind is one equation: see `kind`. The engines run it, the figures draw its gates, the page prints its formulas,
`Trace.explain` follows its terms.
"""

from lstmviz.cells import equations as _equations  # noqa: F401  # declares the kinds
from lstmviz.cells.cell import Cell, GateWeights, build, check_options
from lstmviz.cells.formulas import Formula, formulas
from lstmviz.cells.kind import KINDS, Gate, Kind, Variable, declare_from, evaluate, kind, structure_of
from lstmviz.cells.linear import Linear, build_linear, can_fold, fold, with_bias
from lstmviz.cells.numbers import as_numbers
from lstmviz.cells.options import OPTIONS, Option, OptionValue, is_on
from lstmviz.cells.weights import INITIAL_WEIGHTS, weight_shapes
from lstmviz.equation import ACTIVATIONS

__all__ = [
    "ACTIVATIONS",
    "INITIAL_WEIGHTS",
    "KINDS",
    "OPTIONS",
    "Cell",
    "Formula",
    "Gate",
    "GateWeights",
    "Kind",
    "Linear",
    "Option",
    "OptionValue",
    "Variable",
    "as_numbers",
    "build",
    "build_linear",
    "can_fold",
    "check_options",
    "declare_from",
    "evaluate",
    "fold",
    "formulas",
    "is_on",
    "kind",
    "structure_of",
    "weight_shapes",
    "with_bias",
]
