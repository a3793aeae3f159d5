"""A layer of Keras's in its arrays: `sequential/lstm/lstm_cell/kernel` and what stands beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lstmviz.formats.found import Assumption, Found, Layer, Reads
from lstmviz.formats.keras_cells import KERAS_3, UNKNOWN, Version, assume_default
from lstmviz.formats.keras_config import Described
from lstmviz.formats.naming import find_family, say_backward, say_no_floats
from lstmviz.language import _

ARRAYS = ("kernel", "recurrent_kernel", "bias")
"""A plain cell's arrays, in the order in which Keras makes and numbers them."""
_PLAIN_CELL = re.compile(r"(?:^|/)(?:lstm|gru|simple_rnn)_cell(?:_\d+)?$")
# What Keras calls its own layers, unless told; in files it writes `CuDNNLSTM` in several ways.
_PLAIN_LAYER = re.compile(r"(lstm|gru|simple_?rnn|rnn|cu_?dnn_?_?(lstm|gru))(_?\d+)?(#\d+)?")
_GATES_OF_KERAS_1 = {"lstm": "ifco", "gru": "zrh"}
_CUDNN = {4: ("lstm", "CuDNNLSTM"), 3: ("gru", "CuDNNGRU")}


@dataclass(frozen=True, eq=False)
class Held:
    """What a file holds of one cell.

    Attributes:
        place: Where: what all its arrays' full names begin with.
        parts: Its arrays by Keras's names, `kernel`, or by Keras 1's, `W_i`.
        beside: What else stands under its name.
    """

    place: str
    parts: dict[str, np.ndarray] = field(default_factory=dict)
    beside: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All of it by full names."""
        own = {f"{self.place}/{name}".strip("/"): array for name, array in self.parts.items()}
        return own | self.beside


def take_keras(
    place: str, parts: dict[str, np.ndarray], described: Sequence[Described], found: Found
) -> None:
    """Adds the layer of Keras's whose variables are at a place, as the file describes it."""
    matches = [each for each in described if _is_within(each.names, place.split("/"))]
    if matches:
        take_described(max(matches, key=lambda each: len(each.names)), Held(place, parts), found)
    else:
        take_undescribed(title_of(place), parts, found)


def take_described(described: Described, held: Held, found: Found) -> None:
    """Adds a layer as its description and its arrays have it, or the reason why it is left out."""
    problem = described.problem or _say_beside(held) or _say_no_matrices(held.parts)
    if problem:
        found.leave_out(described.title, problem, held.arrays)
        return
    arrays, notes, called = _as_plain(held.parts)
    if problem := _say_contradiction(described, arrays):
        found.leave_out(described.title, problem, held.arrays)
        return
    options, assumed = dict(described.options), [*described.assumed]
    called = described.kind if described.kind.startswith("CuDNN") else called
    if called and called != described.kind:  # Keras turns one into the other as it loads
        options = {"reset_after": True} if described.family == "gru" else {}
    if described.family == "gru" and "reset_after" not in options:
        assumed += _settle_reset(arrays, options, described.version)
    if described.reverse:
        notes = [say_backward(), *notes]
    found.layers[found.free_title(described.title)] = Layer(
        "keras",
        described.family,
        arrays,
        options,
        (*notes, *described.notes),
        tuple(assumed),
        called,
        Reads(reverse=described.reverse, mask_value=described.mask_value),
    )


def take_undescribed(
    title: str,
    parts: Mapping[str, np.ndarray],
    found: Found,
    *,
    beside: Mapping[str, np.ndarray] | None = None,
    version: Version = KERAS_3,
    cell: str = "",
    kind: str = "",
    assumed: Sequence[Assumption] = (),
) -> None:
    """Adds a layer of Keras's of which there are the weights alone.

    Args:
        title: What it is called.
        parts: Its arrays by Keras's names.
        found: What it is added to.
        beside: What else stands under its name, by full names.
        version: The Keras that wrote it, whose defaults are assumed.
        cell: What the cell is called, where that is known.
        kind: What the file calls the layer's class, `my_lstm`; "" where only its name may say it.
        assumed: What else is.
    """
    held = Held(title, dict(parts), dict(beside or {}))
    if problem := _say_beside(held) or _say_no_matrices(held.parts):
        found.leave_out(title, problem, held.arrays)
        return
    arrays, notes, called = _as_plain(held.parts)
    try:
        family = find_family(arrays, "keras")
    except ValueError as error:
        found.leave_out(title, str(error), held.arrays)
        return
    is_first = "kernel" not in parts  # Keras 1 has no other default
    options, more = _assume_options(
        family, arrays, called, Version("1") if is_first and not version.text else version
    )
    side = re.search(r"(?:^|/)(backward|forward)_", title)
    is_back = bool(side and side[1] == "backward")
    own = re.sub("^(forward|backward)_", "", title.rpartition("/")[2])
    is_named = bool(called or _PLAIN_LAYER.fullmatch(kind or own))  # cuDNN's arrays say it
    is_told = any(each.that == _say_plain() for each in assumed)
    more = [
        *more,
        _assume_side(side[1] if side else ""),
        *_assume_class(cell, is_named, is_told),
        *assumed,
    ]
    found.layers[found.free_title(title)] = Layer(
        "keras",
        family,
        arrays,
        options,
        (say_backward(), *notes) if is_back else tuple(notes),
        tuple(more),
        called,
        Reads(reverse=is_back),
    )


def title_of(place: str) -> str:
    """A layer's name from where its arrays are: that of its cell is Keras's own."""
    return _PLAIN_CELL.sub("", place) or "layer"


def is_recurrent(parts: Mapping[str, np.ndarray]) -> bool:
    """Whether arrays' names are those of a recurrent cell."""
    return "recurrent_kernel" in parts or {"W", "U"} <= {name[:1] for name in parts}


def _is_within(names: Sequence[str], path: Sequence[str]) -> bool:
    """Whether a path passes the names, in their order."""
    rest = iter(path)
    return all(name in rest for name in names)


# --- Why arrays are not those of a plain cell -------------------------------------------------------------------------


def _say_beside(held: Held) -> str:
    if not held.beside:
        return ""
    names = ", ".join(f"{name} {list(array.shape)}" for name, array in list(held.beside.items())[:6])
    return _(
        "it keeps {count} more arrays than a plain cell: {names}; what it does with them is not in the file"
    ).format(count=len(held.beside), names=names)


def _say_no_matrices(parts: Mapping[str, np.ndarray]) -> str:
    for name, array in parts.items():
        if array.dtype.kind != "f":
            return say_no_floats(name, array)
    recurrent = parts.get("recurrent_kernel")
    if recurrent is not None and recurrent.ndim in (3, 4, 5):
        return _(
            "its kernels have {axes} axes: it is a convolution in every gate, which no cell here has"
        ).format(axes=recurrent.ndim)
    return ""


def _say_contradiction(described: Described, arrays: Mapping[str, np.ndarray]) -> str:
    """What the description says and the arrays do not."""
    recurrent = arrays.get("recurrent_kernel")
    if recurrent is not None and described.units not in (None, recurrent.shape[0]):
        return _("it is described with {units} units, and its recurrent_kernel has {rows} rows").format(
            units=described.units, rows=recurrent.shape[0]
        )
    if described.has_bias is not None and described.has_bias != ("bias" in arrays):
        return _("it is described with use_bias {given}, and its arrays are {names}").format(
            given=described.has_bias, names=", ".join(arrays)
        )
    return ""


# --- Arrays as Keras has them today -----------------------------------------------------------------------------------


def _as_plain(parts: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], list[str], str]:
    """A cell's arrays as a plain layer of Keras has them, what is to be said of it, and the class that has others."""
    notes: list[str] = []
    if "kernel" not in parts:
        return _from_keras_1(parts), notes, ""
    count, called = _find_cudnn(parts)
    if not count:
        return dict(parts), notes, ""
    notes.append(_say_cudnn(count).format(called=called, numbers=sum(a.size for a in parts.values())))
    return _from_cudnn(parts, count), notes, called


def _say_cudnn(count: int) -> str:
    if count == 3:
        return _(
            "{called} keeps {numbers:,} numbers as cuDNN wants them; they are shown as Keras itself turns them for a plain "
            "layer: each gate's blocks transposed, the two halves of the bias as its two rows."
        )
    return _(
        "{called} keeps {numbers:,} numbers as cuDNN wants them; they are shown as Keras itself turns them for a plain "
        "layer: each gate's blocks transposed, the two halves of the bias added."
    )


def _find_cudnn(parts: Mapping[str, np.ndarray]) -> tuple[int, str]:
    """How many gates, and which class: its bias has two halves on one axis."""
    if parts.keys() != set(ARRAYS) or [parts[name].ndim for name in ARRAYS] != [2, 2, 1]:
        return 0, ""
    units, columns = parts["recurrent_kernel"].shape
    for count, (_family, called) in _CUDNN.items():
        if columns == count * units and len(parts["bias"]) == 2 * columns:
            return count, called
    return 0, ""


def _from_cudnn(parts: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """As `_convert_rnn_weights` in `keras/src/saving/legacy/hdf5_format.py` does."""
    kernel, recurrent, bias = (parts[name] for name in ARRAYS)
    turned = [np.reshape(block.T, block.shape, order="F") for block in np.hsplit(kernel, count)]
    halves = bias.reshape(2, -1)
    return {
        "kernel": np.hstack(turned),
        "recurrent_kernel": np.hstack([block.T for block in np.hsplit(recurrent, count)]),
        "bias": halves if count == 3 else halves.sum(axis=0, dtype=bias.dtype),
    }


def _from_keras_1(parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Keras 1 kept an array a gate, `W_i`, or with `consume_less="gpu"` one of all, in today's order."""
    if set(parts) == {"W", "U", "b"}:
        return {name: parts[old] for name, old in zip(ARRAYS, "WUb", strict=True)}
    gates = next(
        (
            order
            for order in _GATES_OF_KERAS_1.values()
            if set(parts) == {f"{p}_{g}" for p in "WUb" for g in order}
        ),
        "",
    )
    shapes = {part: {parts[f"{part}_{gate}"].shape for gate in gates} for part in "WUb"}
    if not gates or any(len(each) != 1 for each in shapes.values()):
        return dict(parts)
    return {
        name: np.concatenate([parts[f"{old}_{gate}"] for gate in gates], axis=-1)
        for name, old in zip(ARRAYS, "WUb", strict=True)
    }


# --- What weights alone do not say ------------------------------------------------------------------------------------


def _assume_options(
    family: str, arrays: Mapping[str, np.ndarray], called: str, version: Version
) -> tuple[dict[str, object], list[Assumption]]:
    if called:  # cuDNN has no other activations
        return ({"reset_after": True} if family == "gru" else {}), []
    if family == "rnn":
        return {}, [Assumption(_("its activation is Keras's default, tanh"), _("the file does not say"))]
    options: dict[str, object] = {}
    if family == "gru" and "bias" in arrays:
        options["reset_after"] = arrays["bias"].ndim == 2
    recurrent = version.recurrent_activation
    if version.stands_for_two and options.get("reset_after"):
        recurrent = "sigmoid"  # what TensorFlow 2 makes; TensorFlow 1 makes the other bias
    if recurrent != "sigmoid":
        options["recurrent_activation"] = recurrent
    assumed = [assume_default(version if version.number != (3, 0) else UNKNOWN, recurrent)]
    if family == "gru" and "bias" not in arrays:
        assumed += _settle_reset(arrays, options, version)
    return options, assumed


def _settle_reset(
    arrays: Mapping[str, np.ndarray], options: dict[str, object], version: Version
) -> list[Assumption]:
    """Whether a GRU resets after the product: its bias shows it, else it is what its Keras has."""
    if "bias" in arrays:
        options["reset_after"] = arrays["bias"].ndim == 2
        return []
    options["reset_after"] = version.reset_after
    return [
        Assumption(
            _("its reset_after is {value}").format(value=version.reset_after),
            _("the file does not say, and only a bias would show it"),
        )
    ]


def _assume_side(side: str) -> Assumption:
    ends = {
        "backward": _("it reads the sequence from its end"),
        "forward": _("it reads the sequence from its start"),
    }
    if side not in ends:
        that = _("it reads every step of its sequence, from the first to the last")
        return Assumption(that, _("weights alone do not say"))
    return Assumption(
        ends[side], _("its name begins with {side}_, and weights alone do not say").format(side=side)
    )


def _say_plain() -> str:
    return _("it is a plain layer of Keras's")


def _assume_class(cell: str, is_named: bool, is_told: bool) -> list[Assumption]:
    """That it is one of Keras's own; `is_named`: it is called as Keras calls those; `is_told`: that is assumed already."""
    if cell and not _PLAIN_CELL.search(cell):
        why = _("it is called {cell}, its arrays are a plain cell's, and the file does not say its class")
        return [Assumption(_("it is a plain cell of Keras's"), why.format(cell=cell))]
    if is_named or is_told:
        return []
    why = _("its arrays are a plain layer's, and neither they nor its name say its class")
    return [Assumption(_say_plain(), why)]


def assume_own(kind: str) -> tuple[Assumption, ...]:
    """What the layers of a model of a class of its own are shown by."""
    return (
        Assumption(
            _say_plain(),
            _("the model is a {kind}, a class of its own that is not in the file").format(kind=kind),
        ),
    )
