"""Gate orders and conversions between frameworks: the same weights, stored in five ways.

>>> from lstmviz.cells import build
>>> keras = to_layout(build("BasicLSTMCell", num_units=8, input_size=4, forget_bias=0.0), "keras")
>>> {name: array.shape for name, array in keras.arrays.items()}
{'kernel': (4, 32), 'recurrent_kernel': (8, 32), 'bias': (32,)}
>>> from_layout(keras.arrays, keras.layout, keras.family, **keras.options).num_units
8
"""

from __future__ import annotations

from lstmviz.layouts.convert import Converted, Move, from_layout, to_layout
from lstmviz.layouts.proof import Proof, check, prove
from lstmviz.layouts.stored import Stored, StoredGate, describe_stored
from lstmviz.layouts.table import (
    FAMILIES,
    LAYOUTS,
    PARTS,
    Form,
    Layout,
    Place,
    Slot,
    Told,
    form_of_ours,
    is_stored,
    places,
    shape_of,
)

__all__ = [
    "FAMILIES",
    "LAYOUTS",
    "PARTS",
    "Converted",
    "Form",
    "Layout",
    "Move",
    "Place",
    "Proof",
    "Slot",
    "Stored",
    "StoredGate",
    "Told",
    "check",
    "describe_stored",
    "form_of_ours",
    "from_layout",
    "is_stored",
    "places",
    "prove",
    "shape_of",
    "to_layout",
]
