"""What a reader is given of a file, what it finds in it, and what it says of a bad one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from lstmviz.language import _

MAX_FILE_BYTES = 2**30
"""A larger file is not read; also what everything in it may come to once unpacked."""
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
        around: Of one file out of a zip or a folder, the others there, by their path from the file's own folder.
        folder: Of a file that was given by its path, the folder it is in.
        allowed: What everything that is read may come to, in bytes, once unpacked.
        places: Where files lie on the disk already, by their name in `files`.
    """

    name: str
    files: Mapping[str, bytes] = field(repr=False)
    around: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    folder: Path | None = None
    allowed: int = MAX_FILE_BYTES
    places: Mapping[str, Path] = field(default_factory=dict, repr=False)

    @property
    def data(self) -> bytes:
        """The one file's bytes; b"" for a folder."""
        return self.files.get("", b"")

    @contextmanager
    def on_disk(self, names: Mapping[str, str]) -> Iterator[Path]:
        """A folder with some of the files under names of the reader's own, for a library that opens nothing else.

        In another process (`sandbox.py`) they lie there without being read or copied, and the folder goes with that
        process, however it ends.

        Args:
            names: The name in `files` by the name there, `{"checkpoint.index": "variables/variables.index"}`.
        """
        with tempfile.TemporaryDirectory() as folder:  # readable by this user alone
            for name, part in names.items():
                place = Path(folder, name)
                if part in self.places:
                    place.symlink_to(self.places[part].absolute())
                else:
                    place.write_bytes(self.files[part])
            yield Path(folder)

    def companion(self, name: str) -> bytes | None:
        """A file that this one names, from its own folder or below it; None where there is none.

        Raises:
            FormatError: the name leads out of the folder, or the file is larger than is read.
        """
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0]:
            raise FormatError(
                _("{name} names a file outside its own folder, {part!r}, which is not opened.").format(
                    name=self.name, part=name[:200]
                )
            )
        if (known := self.around.get(path.as_posix(), self.files.get(path.as_posix()))) is not None:
            return known
        if self.folder is None:
            return None
        place = self.folder.joinpath(*path.parts)
        steps = [self.folder.joinpath(*path.parts[: k + 1]) for k in range(len(path.parts))]
        if any(step.is_symlink() for step in steps) or not place.is_file():
            return None
        if place.stat().st_size > self.allowed:
            raise FormatError(say_too_large(f"{self.name}, {name}", place.stat().st_size, self.allowed))
        return place.read_bytes()


def say_too_large(name: str, size: int, allowed: int) -> str:
    """That something would take more bytes than are read."""
    return _("{name} has {given:,.0f} MB; at most {allowed:,.0f} MB are read.").format(
        name=name, given=size / 2**20, allowed=allowed / 2**20
    )


@dataclass(frozen=True)
class Assumption:
    """Something that a layer is shown by and its file does not say.

    Attributes:
        that: What is assumed, a clause that can follow "if": "its activation is tanh".
        why: Why it has to be, a clause that can stand alone: "the file does not say".
    """

    that: str
    why: str

    def __str__(self) -> str:
        return _("{that}: {why}").format(that=self.that, why=self.why)


def say_assumed(assumed: Iterable[Assumption]) -> str:
    """What a layer is shown by and its file does not say, as a sentence of its own.

    >>> say_assumed([Assumption("its activation is tanh", "the file does not say")])
    'Assumed: its activation is tanh (the file does not say).'
    """
    listed = _("; ").join(_("{that} ({why})").format(that=each.that, why=each.why) for each in assumed)
    return _("Assumed: {listed}.").format(listed=listed)


def say_if(assumed: Iterable[Assumption]) -> str:
    """The conditions under which what is said of a layer holds; "" where it rests on no assumption.

    >>> say_if([Assumption("its activation is tanh", "the file does not say")])
    'if its activation is tanh: the file does not say'
    """
    return _("; and ").join(_("if {assumption}").format(assumption=each) for each in assumed)


@dataclass(frozen=True, eq=False)
class Reads:
    """How a layer reads its sequence, as far as its file says.

    Attributes:
        reverse: From the end.
        steps: So many steps and no more: what follows them is padding. None for all.
        mask_value: A step whose features all equal it is passed over. None for none.
        initial_state: What it starts from, by our names of the states, `[num_units]` and `[output_size]`; zeros for one
            that is missing.
    """

    reverse: bool = False
    steps: int | None = None
    mask_value: float | None = None
    initial_state: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)

    def tell(self) -> tuple[str, ...]:
        """How it reads, as sentences; none where it takes every step in turn and starts from zeros."""
        told = []
        if self.reverse:
            told.append(_("It reads the sequence from its end."))
        if self.steps is not None:
            told.append(_("It reads {count:,} steps; what follows is padding.").format(count=self.steps))
        if self.mask_value is not None:
            told.append(
                _("A step whose features are all {value:g} is passed over.").format(value=self.mask_value)
            )
        if self.initial_state:
            told.append(
                _("It starts from an initial state that the file holds: {states}.").format(
                    states=", ".join(self.initial_state)
                )
            )
        return tuple(told)

    def arrange(self, x: np.ndarray) -> np.ndarray:
        """The steps that count, in the order in which the layer takes them: `[time, input_size]`."""
        return x[self.order(x)]

    def order(self, x: np.ndarray) -> np.ndarray:
        """The numbers of the steps of `x` that count, in the order in which the layer takes them."""
        kept = np.arange(len(x))[: self.steps]
        if self.mask_value is not None:
            kept = kept[np.any(x[kept] != x.dtype.type(self.mask_value), axis=1)]
        return kept[::-1] if self.reverse else kept


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer's arrays as the framework stores them; `from_layout` makes it a cell.

    Attributes:
        layout: A key of `LAYOUTS`.
        family: "lstm", "gru" or "rnn".
        arrays: The arrays by the framework's names, of PyTorch those of its first layer, `weight_ih_l0`.
        options: What the framework was told, in its words.
        notes: What there is to know about it, sentences.
        assumed: What it is shown by and the file does not say.
        called: The framework's class, where it is another than the layout's usual one: "CuDNNLSTM".
        reads: How it reads its sequence.
        framework: Whose class it is, where it is not the layout's own: "TensorFlow Lite".
    """

    layout: str
    family: str
    arrays: Mapping[str, np.ndarray] = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    assumed: tuple[Assumption, ...] = ()
    called: str = ""
    reads: Reads = field(default_factory=Reads)
    framework: str = ""


@dataclass(eq=False)
class Found:
    """What is in a file.

    Attributes:
        layers: The recurrent layers by name, in the file's order.
        skipped: What else it has, by name, with the reason why it cannot be shown.
        arrays: Arrays that belong to no layer that is known, by name: for the detective.
        notes: What there is to know about the file as a whole, sentences.
    """

    layers: dict[str, Layer] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def free_title(self, title: str) -> str:
        """The title, with a number behind it where it is taken."""
        number, free = 1, title
        while free in self.layers or free in self.skipped:
            number += 1
            free = f"{title}#{number}"
        return free

    def leave_out(self, title: str, reason: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Leaves a unit of the file out, once, with the reason; its arrays stay for the detective, by their full names."""
        self.skipped[self.free_title(title)] = reason
        self.arrays |= {name: array for name, array in arrays.items() if array.dtype.kind in "fiu"}


@contextmanager
def needing(package: str, extra: str, name: str) -> Iterator[None]:
    """Around the import of a package that reads a format.

    Raises:
        FormatError: it is not installed; the message names the extra that brings it.
    """
    try:
        yield
    except ImportError as error:
        raise FormatError(
            _(
                '{name} needs the package {package}, which is not installed: pip install "lstmviz[{extra}]"'
            ).format(name=name, package=package, extra=extra)
        ) from error
