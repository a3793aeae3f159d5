"""The files of trained cells: each an `.npz` that `lstmviz.load` reads too, and a `facts.json` for those of one task."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lstmviz.cells import Cell
from lstmviz.examples.example import Head
from lstmviz.formats import numpy_files, own
from lstmviz.formats.found import Content
from lstmviz.formats.write import write_file
from lstmviz.formats.zips import unzip

TRAINED = Path(__file__).parent / "trained"
_FACTS = "facts.json"
_KERNEL, _BIAS = "head/kernel", "head/bias"
_KEPT = 64  # as many cells stay in memory: a slider may go to and fro


@cache
def facts(task: str) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """What is known of each cell of a task, by its kind and its size."""
    return json.loads((TRAINED / task / _FACTS).read_text("utf-8"))


def path_of(task: str, kind: str, num_units: int) -> Path:
    """Where a cell is."""
    return TRAINED / task / f"{kind}_{num_units}.npz"


@lru_cache(_KEPT)
def read(task: str, kind: str, num_units: int) -> tuple[Cell, np.ndarray, np.ndarray]:
    """A cell, and the kernel and the bias of the layer behind it. In this process: the file came with the program."""
    path = path_of(task, kind, num_units)
    found = numpy_files.read(Content(path.name, unzip(path.read_bytes(), path.name)), None)
    (layer,) = found.layers.values()
    cell, _notes = own.make(layer)
    return cell, found.arrays[_KERNEL], found.arrays[_BIAS]


def write(task: str, cell: Cell, head: Head, known: Mapping[str, Any]) -> None:
    """Adds a trained cell, or replaces it. Several trainings may do so at once."""
    folder = TRAINED / task
    folder.mkdir(parents=True, exist_ok=True)
    content = own.write(cell, {_KERNEL: head.kernel, _BIAS: head.bias})
    with _alone(folder):
        write_file(path_of(task, cell.kind.name, cell.num_units), content)
        place = folder / _FACTS
        every = json.loads(place.read_text("utf-8")) if place.exists() else {}
        sizes = every.setdefault(cell.kind.name, {})
        sizes[str(cell.num_units)] = dict(known)
        every[cell.kind.name] = {size: sizes[size] for size in sorted(sizes, key=int)}
        write_file(place, (json.dumps(every, indent=1) + "\n").encode())


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Waits until no other process writes into the folder."""
    import fcntl  # not on Windows, where nothing is trained

    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
