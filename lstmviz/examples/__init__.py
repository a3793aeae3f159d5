"""Trained cells that come with the package.

>>> names()[0]
'sunspots'
>>> example = load("sunspots", num_units=8)
>>> example.cell.kernel.shape, example.sequence.labels[-1]
((12, 32), '2008')
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType

import numpy as np

from lstmviz.examples import shipped
from lstmviz.examples.example import FACTS, Example, Head, name_fact
from lstmviz.examples.tasks.table import TASKS
from lstmviz.language import _, current
from lstmviz.sequences import Sequence

__all__ = ["FACTS", "Example", "Head", "cells", "load", "name_fact", "names"]


def names() -> tuple[str, ...]:
    """The examples, in the order to offer them."""
    return tuple(TASKS)


def cells(name: str) -> dict[str, tuple[int, ...]]:
    """The kinds of cell that were trained for an example, and of each the sizes; the first kind is the usual one.

    Raises:
        ValueError: there is no such example.
    """
    _check(name)
    return dict(_cells(name))


@cache
def _cells(name: str) -> Mapping[str, tuple[int, ...]]:
    return {kind: tuple(map(int, sizes)) for kind, sizes in shipped.facts(name).items()}


def load(name: str, cell: str | None = None, num_units: int | None = None) -> Example:
    """A trained cell, with a sequence to show it with and what was measured.

    Args:
        name: One of `names()`.
        cell: The kind, where it was trained in several: see `cells`. By default the first one.
        num_units: The size; by default the largest one up to 8, else the smallest one.

    Raises:
        ValueError: there is no such example, or none of this kind or size.

    >>> load("sunspots", "BasicLSTMCell", 2).cell.num_units
    2
    """
    there = cells(name)
    kind = next(iter(there)) if cell is None else cell
    if not isinstance(kind, str) or kind not in there:
        raise ValueError(
            _("cell is {given!r}; for {name} there are {allowed}.").format(
                given=cell, name=name, allowed=", ".join(there)
            )
        )
    sizes = there[kind]
    size = max((s for s in sizes if s <= _USUAL), default=min(sizes)) if num_units is None else num_units
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size not in sizes:
        raise ValueError(
            _("num_units is {given!r}; {kind} was trained for {name} with {allowed}.").format(
                given=num_units, kind=kind, name=name, allowed=", ".join(map(str, sizes))
            )
        )
    return _make(name, kind, int(size))


_USUAL = 8  # units, as the page has them by default


def _make(name: str, kind: str, size: int) -> Example:
    task = TASKS[name]
    trained, kernel, bias = shipped.read(name, kind, size)
    sequence, targets = _show(name, current())
    return Example(
        name=name,
        title=_(task.title),
        look=_(task.look[kind]),
        cell=trained,
        head=Head(kernel, bias, task.reads),
        sequence=sequence,
        targets=targets,
        facts=MappingProxyType(dict(shipped.facts(name)[kind][str(size)])),
        source=_(task.source),
        licence=_(task.licence),
        says=_(task.says),
    )


@lru_cache(32)
def _show(name: str, _language: str) -> tuple[Sequence, np.ndarray]:
    """The sequence with its names in a language, and its targets."""
    sequence, targets = TASKS[name].make()
    targets.setflags(write=False)
    return sequence, targets


def _check(name: str) -> None:
    if not isinstance(name, str) or name not in TASKS:
        raise ValueError(
            _("the example is {given!r}; it must be one of {allowed}.").format(
                given=name, allowed=", ".join(TASKS)
            )
        )
