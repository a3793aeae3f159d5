"""The ways in which bare arrays can be read as the weights of one recurrent layer.

Shapes decide a part of it: which array is a kernel and which a bias, what stands in rows and what in columns. What
they leave open, two square kernels for example, becomes several readings. The order of the gates is not decided here:
a reading keeps its blocks as they are stored.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from lstmviz.language import _
from lstmviz.layouts import FAMILIES

ORIENTATIONS = ("in, out", "out, in")
"""Of a kernel: a row for each input (TensorFlow), or a row for each unit of each gate (PyTorch)."""

ROWS = ("split", "x, h", "h, x")
"""Two kernels, or one whose rows meet first x and then h, or first h and then x."""


@dataclass(frozen=True)
class KernelSlot:
    """A place for one kernel: what its rows meet, "x", "h" or "xh", and which blocks its columns are."""

    meets: str
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class Spread:
    """A way to spread a layer's kernels over arrays.

    Attributes:
        slots: The kernels.
        biases: The blocks in each bias array, for one bias; None where every block has a bias of its own beside.
        last: The gate whose block stands last, where the spread says so.
    """

    slots: tuple[KernelSlot, ...]
    biases: tuple[tuple[int, ...], ...]
    last: str | None = None


def _spreads(family: str) -> tuple[Spread, ...]:
    n = len(FAMILIES[family].gates)
    whole = tuple(range(n))
    spreads = [
        Spread((KernelSlot("x", whole), KernelSlot("h", whole)), (whole,)),
        Spread((KernelSlot("xh", whole),), (whole,)),
    ]
    if n > 1:
        each = tuple((k,) for k in whole)
        spreads += [
            Spread((*(KernelSlot("x", k) for k in each), *(KernelSlot("h", k) for k in each)), each),
            Spread(tuple(KernelSlot("xh", k) for k in each), each),
        ]
    if family == "gru":  # TensorFlow 1's GRUCell and CudnnCompatibleGRUCell: the candidate lies apart
        apart = ((0, 1), (2,))
        spreads += [
            Spread((KernelSlot("xh", (0, 1)), KernelSlot("xh", (2,))), apart, last="c"),
            Spread((KernelSlot("xh", (0, 1)), KernelSlot("x", (2,)), KernelSlot("h", (2,))), apart, last="c"),
        ]
    return tuple(spreads)


SPREADS: Mapping[str, tuple[Spread, ...]] = MappingProxyType(
    {family: _spreads(family) for family in FAMILIES}
)


@dataclass(frozen=True, eq=False)
class Reading:
    """One way to read the arrays; the blocks stand in the order in which they are stored.

    Attributes:
        family: A name in `FAMILIES`.
        kernel_x: What x meets, `[input_size, n_gates, num_units]`.
        kernel_h: What h meets, `[num_units, n_gates, num_units]`.
        bias_x: What is added to the products with x, `[n_gates, num_units]`.
        bias_h: What is added to the products with h; zeros where there is one bias.
        orientation: One of `ORIENTATIONS`, or "mixed".
        rows: One of `ROWS`.
        biases: How many biases there are.
        spread: How the kernels are spread over the arrays.
        arrays: The given name of the array in each part, `{"kernel_x": "weight_ih"}`; several names are joined by commas.
        swapped: Whether this is the reading before with its two biases exchanged.
    """

    family: str
    kernel_x: Float[np.ndarray, "input_size n_gates num_units"] = field(repr=False)
    kernel_h: Float[np.ndarray, "num_units n_gates num_units"] = field(repr=False)
    bias_x: Float[np.ndarray, "n_gates num_units"] = field(repr=False)
    bias_h: Float[np.ndarray, "n_gates num_units"] = field(repr=False)
    orientation: str
    rows: str
    biases: int
    spread: Spread
    arrays: Mapping[str, str]
    swapped: bool = False

    @property
    def input_size(self) -> int:
        """The number of features of x."""
        return len(self.kernel_x)

    @property
    def num_units(self) -> int:
        """The number of units of h."""
        return len(self.kernel_h)

    @property
    def orders(self) -> list[tuple[str, ...]]:
        """The orders in which the gates can be stored, in our letters; our own order is the first."""
        gates = FAMILIES[self.family].gates
        return [o for o in itertools.permutations(gates) if self.spread.last in (None, o[-1])]


def readings(arrays: Mapping[str, np.ndarray], family: str, input_size: int, num_units: int) -> list[Reading]:
    """Every reading that the shapes allow; each uses every array once.

    Args:
        arrays: The arrays by the names they were given.
        family: A name in `FAMILIES`.
        input_size: The number of features of x.
        num_units: The number of units of h.
    """
    n = len(FAMILIES[family].gates)
    reduced = {name: _reduce(array) for name, array in arrays.items()}
    found: list[Reading] = []
    for parts in (reduced, *_cut(reduced, n, input_size, num_units)):
        for spread in SPREADS[family]:
            if len(parts) > len(spread.slots) + 2 * len(spread.biases):
                continue  # a whole model's arrays, say
            for chosen in _fill(spread.slots, parts, input_size, num_units):
                rest = {name: array for name, array in parts.items() if name not in chosen}
                biases = list(_biases(rest, spread, num_units))
                for kernels in _kernels(spread, chosen, parts, input_size, num_units):
                    found += (_reading(family, spread, kernels, bias) for bias in biases)
    return found


def find_readings(named: Mapping[str, np.ndarray], input_size: int, sizes: Sequence[int]) -> list[Reading]:
    """Every reading for these numbers of units.

    Raises:
        ValueError: there is none.
    """
    found = [
        reading
        for num_units in sizes
        for family in FAMILIES
        for reading in readings(named, family, input_size, num_units)
    ]
    if found:
        return found
    listed = [f"{name} {list(array.shape)}" for name, array in named.items()]
    given = ", ".join(listed[:12] + ["…"] * (len(listed) > 12))
    if len(sizes) == 1:
        allowed = "; ".join(shapes_of(family, input_size, sizes[0]) for family in FAMILIES)
        raise ValueError(
            _(
                "the arrays fit no layer with input_size {input_size} and num_units {num_units}: {given}. They would be "
                "{allowed} (kernels also transposed, up to two biases; no peepholes, no projection). Give all arrays of "
                "one layer and no others."
            ).format(input_size=input_size, num_units=sizes[0], given=given, allowed=allowed)
        )
    raise ValueError(
        _(
            "the arrays fit no LSTM, GRU or RNN with input_size {input_size}: {given}. Give all arrays of one layer and no "
            "others."
        ).format(input_size=input_size, given=given)
    )


def shapes_of(family: str, input_size: int, num_units: int) -> str:
    """The shapes that a layer of these sizes has, in words for an error."""
    columns = len(FAMILIES[family].gates) * num_units
    return _("{title}: kernel {joined}, or {x} and {h}; bias {bias}").format(
        title=FAMILIES[family].title,
        joined=[input_size + num_units, columns],
        x=[input_size, columns],
        h=[num_units, columns],
        bias=[columns],
    )


def _reduce(array: np.ndarray) -> np.ndarray:
    """Without the leading axis of a single direction or layer, as ONNX has it."""
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    return array


def _cut(
    arrays: Mapping[str, np.ndarray], n: int, input_size: int, num_units: int
) -> Iterator[dict[str, np.ndarray]]:
    """The parts of a single array: a buffer as cuDNN keeps it (kernels, then biases), or a stack of blocks."""
    if len(arrays) == 1:
        ((name, flat),) = arrays.items()
        columns = n * num_units
        shapes = [(columns, input_size), (columns, num_units)]
        for biases in range(3):
            whole = [*shapes, *[(columns,)] * biases]
            if flat.ndim == 1 and flat.size == sum(map(math.prod, whole)):
                ends = list(itertools.accumulate(map(math.prod, whole)))
                pieces = np.split(flat, ends[:-1])
                yield {
                    f"{name}[{end - piece.size}:{end}]": piece.reshape(shape)
                    for piece, shape, end in zip(pieces, whole, ends, strict=True)
                }
    if n > 1 and any(array.ndim == 3 and array.shape[0] == n for array in arrays.values()):
        yield {
            part: piece
            for name, array in arrays.items()
            for part, piece in (
                ((f"{name}[{k}]", array[k]) for k in range(n))
                if array.ndim in (2, 3) and array.shape[0] == n
                else ((name, array),)
            )
        }


def _shape(slot: KernelSlot, input_size: int, num_units: int) -> tuple[int, int]:
    rows = {"x": input_size, "h": num_units, "xh": input_size + num_units}[slot.meets]
    return rows, len(slot.blocks) * num_units


def _fill(
    slots: Sequence[KernelSlot], arrays: Mapping[str, np.ndarray], input_size: int, num_units: int
) -> Iterator[tuple[str, ...]]:
    """The names of the arrays for the slots. Slots that differ in their blocks alone are filled in the given order."""
    names = list(arrays)
    fitting = []
    for slot in slots:
        shape = _shape(slot, input_size, num_units)
        fitting.append([k for k, name in enumerate(names) if arrays[name].shape in (shape, shape[::-1])])
    alike: dict[tuple[str, int], list[int]] = {}
    for place, slot in enumerate(slots):
        alike.setdefault((slot.meets, len(slot.blocks)), []).append(place)

    def choices(places: list[int]) -> Iterable[tuple[int, ...]]:
        """Evenly spaced arrays: all kernels of x after each other, or alternating with those of h."""
        shared = fitting[places[0]]
        for chosen in itertools.combinations(shared, len(places)):
            if len({b - a for a, b in itertools.pairwise(chosen)}) <= 1:
                yield chosen

    for chosen in itertools.product(*(choices(places) for places in alike.values())):
        flat = list(itertools.chain(*chosen))
        if len(set(flat)) == len(slots):
            by_place = dict(zip(itertools.chain(*alike.values()), flat, strict=True))
            yield tuple(names[by_place[place]] for place in range(len(slots)))


@dataclass(frozen=True, eq=False)
class _Kernels:
    x: np.ndarray
    h: np.ndarray
    orientation: str
    rows: str
    names: Mapping[str, str]


def _kernels(
    spread: Spread,
    chosen: Sequence[str],
    arrays: Mapping[str, np.ndarray],
    input_size: int,
    num_units: int,
) -> Iterator[_Kernels]:
    """The kernels in each orientation that the shapes allow, and joined rows in both orders."""
    kinds = sorted({slot.meets for slot in spread.slots})
    n = 1 + max(block for slot in spread.slots for block in slot.blocks)
    for orientations in itertools.product(ORIENTATIONS, repeat=len(kinds)):
        turned = dict(zip(kinds, orientations, strict=True))
        for rows in ROWS[1:] if "xh" in kinds else ROWS[:1]:
            dtype = arrays[chosen[0]].dtype
            x = np.empty((input_size, n, num_units), dtype)
            h = np.empty((num_units, n, num_units), dtype)
            names: dict[str, list[str]] = {}
            for slot, name in zip(spread.slots, chosen, strict=True):
                matrix = _turn(arrays[name], turned[slot.meets], _shape(slot, input_size, num_units))
                if matrix is None:
                    break
                blocks = matrix.reshape(len(matrix), len(slot.blocks), num_units)
                split = input_size if rows == "x, h" else num_units
                parts = (blocks[:split], blocks[split:]) if slot.meets == "xh" else (blocks, blocks)
                for_x, for_h = parts[::-1] if rows == "h, x" else parts
                if "x" in slot.meets:
                    x[:, slot.blocks] = for_x
                if "h" in slot.meets:
                    h[:, slot.blocks] = for_h
                names.setdefault("kernel" if slot.meets == "xh" else f"kernel_{slot.meets}", []).append(name)
            else:
                orientation = orientations[0] if len(set(orientations)) == 1 else "mixed"
                joined = {part: ", ".join(each) for part, each in names.items()}
                yield _Kernels(x, h, orientation, rows, joined)


def _turn(array: np.ndarray, orientation: str, shape: tuple[int, int]) -> np.ndarray | None:
    """`array` as `[in, out]`, or None if it cannot have that orientation. Turning a single number changes nothing."""
    if orientation == ORIENTATIONS[0]:
        return array if array.shape == shape else None
    return array.T if array.shape == shape[::-1] and array.size > 1 else None


@dataclass(frozen=True, eq=False)
class _Biases:
    x: np.ndarray
    h: np.ndarray
    count: int
    names: Mapping[str, str]
    swapped: bool = False


def _biases(rest: Mapping[str, np.ndarray], spread: Spread, num_units: int) -> Iterator[_Biases]:
    """What the arrays that are no kernels are as biases: none, one or two, whole or in the spread's pieces."""
    n = 1 + max(block for slot in spread.slots for block in slot.blocks)
    none = np.zeros((n, num_units))
    if not rest:
        yield _Biases(none, none, 0, {})
        return
    names, sizes = list(rest), [array.size for array in rest.values()]
    if any(
        array.ndim > 2 or (array.ndim == 2 and array.shape[0] not in (1, 2, n)) for array in rest.values()
    ):
        return
    flat = [array.reshape(-1) for array in rest.values()]
    whole = (tuple(range(n)),)
    for pieces in dict.fromkeys((whole, spread.biases)):
        lengths = [len(piece) * num_units for piece in pieces]
        if sizes == lengths or (len(set(lengths)) == len(lengths) and sorted(sizes) == sorted(lengths)):
            by_size = dict(zip(sizes, flat, strict=True))
            parts = flat if sizes == lengths else [by_size[length] for length in lengths]
            yield _Biases(np.concatenate(parts).reshape(n, num_units), none, 1, {"bias": ", ".join(names)})
    yield from _two(_pairs(names, flat, spread, n * num_units), n, num_units)


def _pairs(
    names: Sequence[str], flat: Sequence[np.ndarray], spread: Spread, columns: int
) -> Iterator[tuple[np.ndarray, np.ndarray, str, str]]:
    """Two biases: two arrays, two halves of one, or as many pieces as twice the blocks."""
    if len(flat) == 1 and flat[0].size == 2 * columns:
        yield flat[0][:columns], flat[0][columns:], f"{names[0]}[:{columns}]", f"{names[0]}[{columns}:]"
    if len(flat) == 2 and flat[0].size == flat[1].size == columns:
        yield flat[0], flat[1], names[0], names[1]
    pieces = len(spread.biases)
    if pieces > 2 and len(flat) == 2 * pieces and all(each.size * pieces == columns for each in flat):
        for one, two in (
            (slice(None, pieces), slice(pieces, None)),
            (slice(None, None, 2), slice(1, None, 2)),
        ):
            yield (
                np.concatenate(flat[one]),
                np.concatenate(flat[two]),
                ", ".join(names[one]),
                ", ".join(names[two]),
            )
    if spread.last and len(flat) == 3:  # the gates' bias, and two of the candidate
        units = columns // 3
        gates = [k for k, each in enumerate(flat) if each.size == 2 * units]
        rest = [k for k, each in enumerate(flat) if each.size == units]
        if len(gates) == 1 and len(rest) == 2:
            (g,), (a, b) = gates, rest
            zeros = np.zeros(2 * units, flat[g].dtype)
            yield (
                np.concatenate([flat[g], flat[a]]),
                np.concatenate([zeros, flat[b]]),
                f"{names[g]}, {names[a]}",
                names[b],
            )


def _two(
    pairs: Iterable[tuple[np.ndarray, np.ndarray, str, str]], n: int, num_units: int
) -> Iterator[_Biases]:
    for a, b, name_a, name_b in pairs:
        x, h = a.reshape(n, num_units), b.reshape(n, num_units)
        yield _Biases(x, h, 2, {"bias_x": name_a, "bias_h": name_b})
        if not np.array_equal(x, h):
            yield _Biases(h, x, 2, {"bias_x": name_b, "bias_h": name_a}, swapped=True)


def _reading(family: str, spread: Spread, kernels: _Kernels, biases: _Biases) -> Reading:
    return Reading(
        family=family,
        kernel_x=kernels.x,
        kernel_h=kernels.h,
        bias_x=biases.x,
        bias_h=biases.h,
        orientation=kernels.orientation,
        rows=kernels.rows,
        biases=biases.count,
        spread=spread,
        arrays=MappingProxyType({**kernels.names, **biases.names}),
        swapped=biases.swapped,
    )
