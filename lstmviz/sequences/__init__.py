"""Inputs: signals, text, numbers, CSV files and a bundled data set, each as `[time, input_size]`.

>>> make("sine", time_steps=60, input_size=4).values.shape
(60, 4)
>>> from_text("hello").labels
('h', 'e', 'l', 'l', 'o')
"""

from __future__ import annotations

from lstmviz.sequences.csv_files import MAX_BYTES, csv_columns, from_csv
from lstmviz.sequences.generators import GENERATORS, Generator, SignalOption, longest, make, sunspots
from lstmviz.sequences.numbers import MAX_COLUMNS, from_numbers
from lstmviz.sequences.sequence import MAX_STEPS, Sequence, wrap
from lstmviz.sequences.text import MAX_ALPHABET, from_text

__all__ = [
    "GENERATORS",
    "MAX_ALPHABET",
    "MAX_BYTES",
    "MAX_COLUMNS",
    "MAX_STEPS",
    "Generator",
    "Sequence",
    "SignalOption",
    "csv_columns",
    "from_csv",
    "from_numbers",
    "from_text",
    "longest",
    "make",
    "sunspots",
    "wrap",
]
