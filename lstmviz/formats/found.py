"""What a reader gets from a file, and what it says of a bad one."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstmviz.language import _

MAX_FILE_BYTES = 2**30
"""A larger file is not read; also what the parts of a zip may come to once unpacked."""
MAX_PARTS = 10_000
"""A zip, a checkpoint or a tree of more parts is not read."""


class FormatError(ValueError):
    """A file that is not read: one sentence names the file and the cause."""


@dataclass(frozen=True, eq=False)
class Content:
    """A file that was read whole, or the files of a folder or a zip.

    Attributes:
        name: What the file is called in messages.
        files: The bytes by name: one file under "", a folder's by their path in it with "/".
    """

    name: str
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def data(self) -> bytes:
        """The one file's bytes; b"" for a folder."""
        return self.files.get("", b"")


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer's arrays as the framework stores them; `from_layout` makes it a cell.

    Attributes:
        layout: A key of `LAYOUTS`.
        family: "lstm", "gru" or "rnn".
        arrays: The arrays by the framework's names, of PyTorch those of its first layer, `weight_ih_l0`.
        options: What the framework was told, in its words.
        note: What had to be assumed, a sentence; "" where the file says everything.
    """

    layout: str
    family: str
    arrays: Mapping[str, np.ndarray] = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(eq=False)
class Found:
    """What is in a file.

    Attributes:
        layers: The recurrent layers by name, in the file's order.
        skipped: What else it has, by name, with the reason why it cannot be shown.
        arrays: Arrays that belong to no layer that is known, by name: for the detective.
    """

    layers: dict[str, Layer] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def need(package: str, extra: str, name: str) -> Any:
    """A package that reads a format.

    Raises:
        FormatError: it is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise FormatError(
            _(
                '{name} needs the package {package}, which is not installed: pip install "lstmviz[{extra}]"'
            ).format(name=name, package=package, extra=extra)
        ) from error
