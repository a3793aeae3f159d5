"""What a stage is drawn from: a cell's weights, its run, and some of its steps, as numbers and what they are called.

A stage is one screen on which everything is seen at once: weights as the matrix product that they take part in, one step as it
flows through the cell, all steps as strips. It is drawn where it is looked at, so nothing here is a picture. `pack` puts the
numbers into bytes: four of them say how long the JSON behind them is, then come the arrays, each float32 and in C order.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from lstmviz.cells import Cell
from lstmviz.cells.kind import base_of, parts_of
from lstmviz.equation import Node
from lstmviz.language import _
from lstmviz.plot import levels
from lstmviz.plot import scale as scales
from lstmviz.plot import theme as themes
from lstmviz.plot.flow import START, FlowNode, build_graph, follow
from lstmviz.plot.levels import Span
from lstmviz.plot.names import gate_role, gate_title, state_title, step_name
from lstmviz.plot.number import write
from lstmviz.plot.unit_order import measure_title
from lstmviz.run.differ import differ
from lstmviz.run.ledger import NoLedger, ledger
from lstmviz.run.ranked import Ranked
from lstmviz.run.trace import Inside, Sum, Trace, check_index
from lstmviz.run.values import Values
from lstmviz.run.written import fill_in, say, subscript
from lstmviz.sequences.text import say_label, unseen

SHOWN = 8
"""The most units whose numbers the cell's drawing has room for."""

_EXACT = 60_000  # weights that are sent one by one
_TILES = (160, 320)  # beyond that, rows and columns of tiles
_VALUES = 120_000  # numbers of strips, and of steps, that are sent one by one
_COLUMNS, _ROWS = 600, 64  # of a strip's tiles beyond that


@dataclass(frozen=True, eq=False)
class Stage:
    """What `pack` sends: `head` is told as JSON, an array in it being a number: its place in `arrays`."""

    head: Mapping[str, Any]
    arrays: Sequence[np.ndarray]


@dataclass(eq=False)
class _Arrays:
    """The arrays on their way, each by its place."""

    kept: list[np.ndarray] = field(default_factory=list)

    def put(self, array: np.ndarray) -> int:
        self.kept.append(np.asarray(array, np.float32))
        return len(self.kept) - 1


def pack(stage: Stage, **more: Any) -> bytes:
    """A stage as bytes, with what else its page is to be told."""
    shapes = [list(array.shape) for array in stage.arrays]
    text = json.dumps({**stage.head, **more, "shapes": shapes}, ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)  # a float32 begins at a multiple of four
    return b"".join(
        (struct.pack("<I", len(text)), text, *(array.astype("<f4").tobytes() for array in stage.arrays))
    )


def make_stage(trace: Trace, t: int = 0, unit: int = 0, order: np.ndarray | Ranked | None = None) -> Stage:
    """Everything that a stage shows of a run when it is opened at step `t` and unit `unit`.

    Args:
        trace: The run.
        t: The step.
        unit: The unit.
        order: The units in the order of the strips' rows, and in its groups where it has some; None where they stand as they
            are stored.

    Raises:
        ValueError: there is no such step or unit.
    """
    arrays, cell = _Arrays(), trace.cell
    ranked = order if isinstance(order, Ranked) else None
    rows = order.order if isinstance(order, Ranked) else order
    matrices = _Matrices(cell)
    head = {
        "kind": cell.kind.name,
        "numUnits": cell.num_units,
        "inputSize": cell.input_size,
        "steps": len(trace),
        "parameters": cell.parameter_count,
        "titles": _titles(trace, matrices),
        "sentence": say_sizes(cell),
        "gates": list(_tell_gates(trace)),
        "states": [
            {"name": name, "title": state_title(cell.kind, name), "size": int(array.shape[1])}
            for name, array in trace.states.items()
        ],
        "colours": {"diverging": themes.DIVERGING, "sequential": themes.SEQUENTIAL, "nonfinite": themes.NONFINITE},
        "groups": [group.tell(arrays) for group in matrices.groups],
        "alone": list(_tell_alone(matrices, arrays)),
        "weights": _tell_scale(matrices.scale),
        "strips": list(_tell_strips(trace, arrays, rows)),
        "order": None if rows is None else rows.tolist(),
        "apart": list(ranked.groups if ranked else ()),
        "measured": _tell_measured(ranked, arrays),
        "labels": _tell_labels(trace),
        "features": list(trace.sequence.features),
        "said": _say_labels(trace),
        "unseen": unseen(),
        "title": trace.sequence.title,
        "step": _tell_steps(trace, matrices, t, unit, arrays),
    }  # fmt: skip
    return Stage(head, arrays.kept)


def with_answers(
    stage: Stage,
    title: str,
    answers: Float[np.ndarray, " time"],
    truth: Float[np.ndarray, " time"],
    names: tuple[str, ...] = (),
    sure: Float[np.ndarray, " time"] | None = None,
) -> Stage:
    """The stage with what its cell answers at each step, and what is right; NaN where that is not known.

    Args:
        stage: The stage of the run.
        title: What the cell answers.
        answers: Its answers.
        truth: What is right.
        names: What each answer is called, where it is the place of one among several.
        sure: How sure each answer is, from 0 to 1, where it is chosen among some.
    """
    known = [number for number in np.concatenate([answers, truth]) if math.isfinite(number)]
    told = {
        "title": title,
        "answers": len(stage.arrays),
        "truth": len(stage.arrays) + 1,
        "low": float(min(known, default=0.0)),
        "high": float(max(known, default=1.0)),
        "names": list(names),
    }
    arrays = [*stage.arrays, np.asarray(answers, np.float32), np.asarray(truth, np.float32)]
    if sure is not None:
        told["sure"] = len(arrays)
        arrays.append(np.asarray(sure, np.float32))
    return Stage({**stage.head, "answer": told}, arrays)


def make_steps(trace: Trace, t: int, unit: int) -> Stage:
    """The steps around `t` alone, for another unit or further steps of a run whose stage is there.

    Raises:
        ValueError: there is no such step or unit.
    """
    arrays = _Arrays()
    return Stage({"step": _tell_steps(trace, _Matrices(trace.cell), t, unit, arrays)}, arrays.kept)


def say_sizes(cell: Cell) -> list[dict[str, str]]:
    """What `num_units` makes of the kernels, as parts of a sentence; a part may say what its number counts."""
    kernels = [v for v in cell.kind.variables if v.is_kernel and v.name in cell.weights]
    parts = [_part(f"num_units {cell.num_units}", "units"), _part(" → ")]
    for index, variable in enumerate(kernels):
        rows, columns = cell.weights[variable.name].shape
        count = len(variable.gates)
        named = [_part(f"{variable.name} ")]
        wide = f"{count} × {cell.num_units}" if count > 1 else str(cell.num_units)
        heights = [(meets, _height(cell, meets)) for meets in variable.meets if all(variable.meets)]
        shape = f"[{rows}, {columns}]"
        if sum(height for _meets, height in heights) == rows:
            sides = [_part("[")]
            for place, (meets, height) in enumerate(heights):
                sides += [_part(" + " if place else ""), _part(str(height), "x" if meets == "x" else "units")]
            sides += [_part(", "), _part(wide, "columns"), _part("]")]
            named += sides
            # One part by one gate is the shape already: its numbers are said once.
            shape = "" if "".join(side["text"] for side in sides) == shape else f" = {shape}"
        named.append(_part(shape))
        if count > 1:
            words = _("{kernel}, made {count} times as wide, cut in {count} when used")
            before, after = (text.format(count=count) for text in words.split("{kernel}"))
            named = [_part(before), *named, _part(after)]
        parts += [_part("; " if index else ""), *named]
    parts.append(_part(" → " if kernels else ""))
    parts.append(_part(_("{count:,} parameters").format(count=cell.parameter_count), "parameters"))
    return [part for part in parts if part["text"]]


def _part(text: str, counts: str = "") -> dict[str, str]:
    return {"text": text, "counts": counts}


def _height(cell: Cell, meets: str) -> int:
    return cell.input_size if meets == "x" else cell.state_size(meets)


def _titles(trace: Trace, matrices: _Matrices) -> dict[str, str]:
    cell = trace.cell
    shapes = [f"{v.name} {list(cell.weights[v.name].shape)}" for v in matrices.kernels]
    return {
        "kernel": " · ".join(shapes) or _("no kernel"),
        "gates": _("{kind}: {steps} steps × {units} units").format(
            kind=cell.kind.name, steps=len(trace), units=cell.num_units
        ),
    }


def _tell_gates(trace: Trace) -> Iterator[dict[str, Any]]:
    hues = themes.gate_colours([gate.name for gate in trace.cell.kind.gates])
    for gate in trace.cell.kind.gates:
        yield {
            "name": gate.name,
            "title": gate_title(gate),
            "role": gate_role(gate),
            "activation": trace.activation_of(gate),
            "share": trace.is_share(gate),
            "hue": hues[gate.name],
        }


def _tell_scale(scale: scales.Scale) -> dict[str, Any]:
    return {"low": scale.low, "high": scale.high, "diverging": scale.diverging}


# --- The weights ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Matrix:
    """A matrix of weights and what meets its rows.

    Attributes:
        name: The variable's name.
        values: Its numbers.
        parts: What its rows meet, from the top: the equation's node, how it is written, what it is in the end, how high.
        product: What the product is in the equation.
    """

    name: str
    values: Float[np.ndarray, "rows columns"]
    parts: tuple[tuple[Node, str, str, int], ...]
    product: Node

    def tell(self, group: _Group, arrays: _Arrays) -> dict[str, Any]:
        rows = list(_spans([height for _node, _name, _meets, height in self.parts]))
        told: dict[str, Any] = {
            "name": self.name,
            "shape": list(self.values.shape),
            "rows": [
                {"name": name, "meets": meets, "height": height} for _n, name, meets, height in self.parts
            ],
        }
        if group.tile == (1, 1):
            return told | {"values": arrays.put(self.values), "tile": [1, 1]}
        columns = list(_spans(group.widths))
        found = [[levels.tile(self.values, row, column, *group.tile) for column in columns] for row in rows]
        told["tile"] = list(group.tile)
        told["rowStarts"] = [start for row in rows for start in range(*row, group.tile[0])]
        told["columnStarts"] = [start for column in columns for start in range(*column, group.tile[1])]
        told["values"] = arrays.put(np.block([[_marked(each.size, each) for each in line] for line in found]))
        told["low"] = arrays.put(np.block([[each.low for each in line] for line in found]))
        told["high"] = arrays.put(np.block([[each.high for each in line] for line in found]))
        return told


@dataclass(frozen=True, eq=False)
class _Group:
    """Matrices one below the other, whose columns are the same.

    Attributes:
        gates: The gates that the columns belong to, in their order; none for a matrix that no gate is made from.
        widths: How many columns each has.
        matrices: From the top.
        vectors: What else belongs to these columns, by name, and of each gate that it has.
        added: Which of these are summands alone: biases, offsets.
        tile: How many rows and columns stand for one.
        starts: Of each vector that is a weight where each gate's numbers begin in it.
    """

    gates: tuple[str, ...]
    widths: tuple[int, ...]
    matrices: tuple[_Matrix, ...]
    vectors: Mapping[str, Mapping[str, np.ndarray]]
    added: frozenset[str]
    tile: tuple[int, int]
    starts: Mapping[str, Mapping[str, int]]

    def tell(self, arrays: _Arrays) -> dict[str, Any]:
        return {
            "gates": list(self.gates),
            "widths": list(self.widths),
            "matrices": [matrix.tell(self, arrays) for matrix in self.matrices],
            "vectors": [
                {
                    "name": name,
                    "added": name in self.added,
                    "of": [gate in parts for gate in self.gates],
                    "starts": [self.starts.get(name, {}).get(gate, -1) for gate in self.gates],
                    "values": arrays.put(self._spread(parts)),
                }
                for name, parts in self.vectors.items()
            ],
        }

    def _spread(self, parts: Mapping[str, np.ndarray]) -> Float[np.ndarray, " columns"]:
        """A vector over all columns, NaN for gates that it has nothing of; of tiles, their means."""
        sides = zip(self.gates, self.widths, strict=True)
        whole = np.concatenate([parts.get(gate, np.full(width, np.nan)) for gate, width in sides])
        return _thin(whole, list(_spans(self.widths)), self.tile[1])

    def met(self, values: Any) -> Float[np.ndarray, "steps rows"]:
        """What met the rows at each step: of tiles, their means."""
        found = []
        for matrix in self.matrices:
            for node, _name, _meets, height in matrix.parts:
                here = np.broadcast_to(values.of(node), (values.steps, height))
                found.append(_thin(here, [(0, height)], self.tile[0]))
        return np.concatenate(found, axis=1)

    def sums(self, trace: Trace, values: Any, steps: slice) -> Float[np.ndarray, "steps columns"]:
        """What the columns' gates were before their activations; of a matrix that makes no gate, the product."""
        if self.gates:
            whole = np.concatenate([trace.preactivations[gate][steps] for gate in self.gates], axis=1)
        else:
            whole = np.broadcast_to(values.of(self.matrices[0].product), (values.steps, sum(self.widths)))
        return _thin(whole, list(_spans(self.widths)), self.tile[1])


class _Matrices:
    """A cell's matrices in groups."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.kernels = [v for v in cell.kind.variables if v.is_kernel and v.name in cell.weights]
        self.shown: set[str] = set()
        self.groups = list(self._make_groups())

    @cached_property
    def scale(self) -> scales.Scale:
        """The scale that all weights are drawn on."""
        matrices = [matrix.values for group in self.groups for matrix in group.matrices]
        weights = self.cell.weights.values()
        # Biases of 1 beside weights of a tenth would leave the kernel without colour.
        return scales.centre(matrices or list(weights), beyond=weights)

    def _make_groups(self) -> Iterator[_Group]:
        found: dict[tuple[str, ...], list[_Matrix]] = {}
        variables = {v.name: v for v in self.cell.kind.variables}
        for name, values in self.cell.weights.items():
            matrix = self._make_matrix(name, values) if values.ndim == 2 else None
            if matrix is not None:
                gates = variables[name].gates if variables[name].is_kernel else ()
                found.setdefault(gates or (f" {name}",), []).append(matrix)
        exact = sum(each.values.size for group in found.values() for each in group) <= _EXACT
        for key, group in found.items():
            gates = key if not key[0].startswith(" ") else ()
            columns = group[0].values.shape[1]
            widths = (self.cell.num_units,) * len(gates) if gates else (columns,)
            heights = [height for each in group for _n, _w, _m, height in each.parts]
            tile = (
                (1, 1) if exact else (levels.choose(list(_spans(heights)), _TILES[0]), _tile_columns(widths))
            )
            self.shown.update(each.name for each in group)
            vectors = dict(self._vectors(gates))
            biases = {name for name, v in variables.items() if v.is_bias}
            added = frozenset(name for name in vectors if name in biases or name not in variables)
            starts = {
                name: {gate: place * self.cell.num_units for place, gate in enumerate(v.gates or v.touches)}
                for name, v in variables.items()
                if name in vectors
            }
            yield _Group(gates, widths, tuple(group), vectors, added, tile, starts)

    def _make_matrix(self, name: str, values: np.ndarray) -> _Matrix | None:
        """The matrix and its first product; None where it takes part in none."""
        equation = self.cell.equation
        names = {id(node): gate for gate, node in equation.gates.items()}
        names |= {id(node): f"{state}_{{t-1}}" for state, node in equation.states.items()}
        names |= {id(node): f"{state}_t" for state, node in equation.new.items() if id(node) not in names}
        names[id(equation.x)] = "x_t"
        leaf = equation.weights[name]
        for node in equation.nodes:
            if node.op == "matmul" and node.args[1] is leaf:
                parts = parts_of(node.args[0])
                heights = self._heights(parts, len(values))
                if heights is None:
                    return None
                bases = [base_of(equation, part) for part in parts]
                told = zip(parts, (say(part, names) for part in parts), bases, heights, strict=True)
                return _Matrix(name, values, tuple(told), node)
        return None

    def _heights(self, parts: tuple[Node, ...], rows: int) -> list[int] | None:
        if len(parts) == 1:
            return [rows]
        widths = [self.cell.equation.width(part) for part in parts]
        heights = [0 if width is None else int(width.evaluate(self.cell.sizes)) for width in widths]
        return heights if sum(heights) == rows else None

    def _vectors(self, gates: tuple[str, ...]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """What is added to, or multiplied into, the columns of these gates, besides the matrices."""
        units = self.cell.num_units
        for variable in self.cell.kind.variables:
            if variable.name not in self.cell.weights or len(variable.shape) != 1:
                continue
            of = variable.gates or variable.touches
            values = self.cell.weights[variable.name]
            if gates and of and set(of) <= set(gates) and values.size == len(of) * units:
                self.shown.add(variable.name)
                yield variable.name, dict(zip(of, np.split(values, len(of)), strict=True))
        names = dict.fromkeys(name for gate in gates for name in self.cell.offsets[gate])
        for name in names:
            found = {gate: self.cell.offsets[gate].get(name) for gate in gates}
            yield name, {g: np.full(units, value) for g, value in found.items() if value is not None}


def _tell_alone(matrices: _Matrices, arrays: _Arrays) -> Iterator[dict[str, Any]]:
    """The weights that stand in no group: norms' factors, vectors that no single gate sees."""
    for name, values in matrices.cell.weights.items():
        if name not in matrices.shown and values.ndim == 1:
            tile = _tile_columns((values.size,))
            yield {
                "name": name,
                "size": int(values.size),
                "tile": tile,
                "values": arrays.put(_thin(values, [(0, values.size)], tile)),
            }


def _marked(numbers: np.ndarray, tiles: levels.Tiles) -> np.ndarray:
    """What tiles show, NaN where numbers of one are NaN or infinite."""
    return np.where(tiles.nonfinite > 0, np.nan, numbers)


def _tile_columns(widths: Sequence[int]) -> int:
    return levels.choose(list(_spans(widths)), _TILES[1])


def _spans(lengths: Iterable[int]) -> Iterator[Span]:
    start = 0
    for length in lengths:
        yield start, start + length
        start += length


def _thin(values: np.ndarray, spans: Sequence[Span], tile: int) -> np.ndarray:
    """The means of so many numbers each along the last axis, none across the end of a span."""
    if tile == 1:
        return values
    starts = np.array([start for span in spans for start in range(*span, tile)])
    ends = np.array([min(start + tile, span[1]) for span in spans for start in range(*span, tile)])
    with np.errstate(invalid="ignore", over="ignore"):
        means: np.ndarray = np.add.reduceat(values, starts, axis=-1, dtype=np.float64) / (ends - starts)
    return means


# --- The run ----------------------------------------------------------------------------------------------------------


def _tell_strips(trace: Trace, arrays: _Arrays, order: np.ndarray | None = None) -> Iterator[dict[str, Any]]:
    """Everything that was recorded, from the top: the sequence, the gates, the states; rows that are units in an order."""
    found: list[tuple[str, str, np.ndarray, scales.Scale]] = [
        ("x", trace.sequence.title, trace.x, scales.centre([trace.x]))
    ]
    for gate in trace.cell.kind.gates:
        recorded = trace.gates[gate.name]
        scale = scales.UNIT if trace.is_share(gate) else scales.centre([recorded])
        found.append((gate.name, gate_title(gate), recorded, scale))
    for name, array in trace.states.items():
        found.append((name, state_title(trace.cell.kind, name), array, scales.centre([array])))
    total = sum(array.size for _name, _title, array, _scale in found)
    for name, title, array, scale in found:
        told = {"name": name, "title": title, "rows": int(array.shape[1]), "scale": _tell_scale(scale)}
        is_ordered = order is not None and name != "x" and array.shape[1] == trace.cell.num_units
        stored, told["ordered"] = array.T, is_ordered
        whole = stored[order] if is_ordered else stored
        if total <= _VALUES or not len(trace):
            yield told | {"values": arrays.put(whole), "tile": [1, 1]}
            continue
        rows, columns = (0, whole.shape[0]), (0, whole.shape[1])
        level = levels.fit(rows, columns, (), (), exact=_VALUES // len(found), most=(_ROWS, _COLUMNS))
        tiles = levels.tile(whole, rows, columns, *level.tile)
        if is_ordered and name in trace.gates:
            as_stored = levels.tile(stored, rows, columns, *level.tile)
            told["stored"] = arrays.put(_marked(as_stored.mean, as_stored))
        yield told | {
            "values": arrays.put(_marked(tiles.mean, tiles)),
            "low": arrays.put(tiles.low),
            "high": arrays.put(tiles.high),
            "tile": list(level.tile),
        }


def _tell_measured(ranked: Ranked | None, arrays: _Arrays) -> dict[str, Any] | None:
    """What the number is called that the rows are ordered by, and what each unit has of it; None where there is none."""
    if ranked is None or ranked.values is None:
        return None
    return {"title": measure_title(ranked), "values": arrays.put(ranked.values)}


def _say_labels(trace: Trace) -> dict[str, str]:
    """The labels of steps and of features that are said otherwise than they are written."""
    sequence = trace.sequence
    said = {label: say_label(label) for label in dict.fromkeys((*sequence.labels, *sequence.features))}
    return {label: words for label, words in said.items() if words != label}


def _tell_labels(trace: Trace) -> list[str] | None:
    """What the steps are called; None where by their numbers."""
    labels = list(trace.sequence.labels)
    return None if labels == [str(t) for t in range(len(labels))] else labels


# --- Some steps -------------------------------------------------------------------------------------------------------


def _tell_steps(trace: Trace, matrices: _Matrices, t: int, unit: int, arrays: _Arrays) -> dict[str, Any]:
    """What changes from step to step beside the strips: what meets the matrices, their sums, and the flow through the cell."""
    if not len(trace):
        return {"first": 0, "count": 0}
    t, unit = check_index("t", t, len(trace)), check_index("unit", unit, trace.cell.num_units)
    steps = _find_window(trace, matrices, t)
    values = trace.values(steps, np.float64)
    first = max(0, min(unit - SHOWN // 2, trace.cell.num_units - SHOWN))
    graph = build_graph(trace, unit, steps)
    return {
        "first": steps.start,
        "count": steps.stop - steps.start,
        "unit": unit,
        "firstUnit": first,
        "shown": min(SHOWN, trace.cell.num_units),
        "met": [arrays.put(group.met(values)) for group in matrices.groups],
        "sums": [arrays.put(group.sums(trace, values, steps)) for group in matrices.groups],
        "nodes": [_tell_node(node, _find_whole(trace, steps, values, node), values.steps, unit, first, arrays)
                  for node in graph.nodes],
        "wires": [[list(point) for point in wire] for wire in graph.wires],
        "start": START,
    }  # fmt: skip


def _find_whole(trace: Trace, steps: slice, values: Values, node: FlowNode) -> np.ndarray | None:
    """All units' numbers of a node; a gate's sum as it was recorded, so that it need not be summed again."""
    if node.origin is None:
        return None
    gate = next((name for name, sum_of in trace.cell.equation.before.items() if sum_of is node.origin), None)
    return np.asarray(values.of(node.origin)) if gate is None else trace.preactivations[gate][steps]


def _find_window(trace: Trace, matrices: _Matrices, t: int) -> slice:
    """The steps around `t` that are sent at once."""
    each = SHOWN * 24
    for group in matrices.groups:
        rows = sum(len(matrix.values) for matrix in group.matrices)
        each += rows // group.tile[0] + sum(group.widths) // group.tile[1]
    count = max(1, min(len(trace), _VALUES // each))
    first = max(0, min(t - count // 2, len(trace) - count))
    return slice(first, first + count)


def _tell_node(
    node: FlowNode, whole: np.ndarray | None, steps: int, unit: int, first: int, arrays: _Arrays
) -> dict[str, Any]:
    """A number of the flow, with those of the units beside it where it has any; `at` is the unit's place among them."""
    shown, at = node.values[:, np.newaxis], 0
    if whole is not None and whole.ndim and whole.shape[-1] > 1:
        whole = np.broadcast_to(whole, (steps, whole.shape[-1]))
        shown, at = whole[:, first : first + SHOWN].copy(), unit - first
        shown[:, at] = node.values  # as it was recorded
    return {
        "name": node.name,
        "label": node.label,
        "operands": list(node.operands),
        "scale": node.scale,
        "sign": node.sign,
        "wire": node.wire,
        "column": node.column,
        "row": node.row,
        "at": at,
        "values": arrays.put(shown),
    }


# --- One number -------------------------------------------------------------------------------------------------------

_LARGEST = 12  # terms that are told apart


LEDGER = "ledger"
"""What `make_row` takes for a name where it is to be told which step wrote what of a state."""


def make_row(trace: Trace, name: str, unit: int, t: int) -> Stage:
    """One unit over all steps: of a gate or a state, or, as `LEDGER`, what each step wrote of the state after step `t`.

    Its scale is the unit's own, for nothing else is coloured with it; that of a share is from 0 to 1.

    Raises:
        ValueError: there is no such step, gate, state or unit, or the state has no ledger.
    """
    arrays = _Arrays()
    check_index("t", t, len(trace))
    if name == LEDGER:
        check_index("unit", unit, trace.cell.num_units)
        found = ledger(trace, unit, t)
        values = np.full(len(trace), np.nan)
        values[: t + 1] = found.shares
        told = {"name": found.state, "scale": _tell_scale(scales.centre([found.shares]))}
        return Stage(told | {"values": arrays.put(values)}, arrays.kept)
    if name not in trace.gates and name not in trace.states:
        raise ValueError(
            _("{kind} has no gate or state {name!r}; it has {allowed}.").format(
                kind=trace.cell.kind.name, name=name, allowed=", ".join([*trace.gates, *trace.states])
            )
        )
    recorded = trace.gates[name] if name in trace.gates else trace.states[name]
    check_index("unit", unit, recorded.shape[1])
    gate = next((gate for gate in trace.cell.kind.gates if gate.name == name), None)
    scale = scales.UNIT if gate and trace.is_share(gate) else scales.centre([recorded[:, unit]])
    return Stage(
        {"name": name, "scale": _tell_scale(scale), "values": arrays.put(recorded[:, unit])}, arrays.kept
    )


def make_contrast(trace: Trace, name: str, steps: Sequence[int]) -> dict[str, Any]:
    """The units of a gate or a state that differ most between some steps and the others.

    Raises:
        ValueError: there is no such gate or state, or none or all of the steps are selected.
    """
    found = differ(trace, steps, name)
    each = zip(found.units, found.inside.tolist(), found.outside.tolist(), found.apart.tolist(), strict=True)
    return {"name": found.name, "steps": len(set(steps)), "units": [list(one) for one in each]}


def make_number(trace: Trace, t: int, name: str, unit: int) -> dict[str, Any]:
    """One number taken apart: of a gate the terms of its sums and what is made of them, of a state its formula.

    Args:
        trace: The run.
        t: The step.
        name: A gate or a state.
        unit: The unit.

    Raises:
        ValueError: there is no such step, gate, state or unit.
    """
    t, unit = check_index("t", t, len(trace)), check_index("unit", unit, trace.cell.num_units)
    title = _("{name}[{unit}] at step {t}").format(name=name, unit=unit, t=step_name(trace.sequence, t))
    told: dict[str, Any] = {"title": title, "column": ""}
    if name not in trace.cell.equation.gates and name in trace.states:
        check_index("unit", unit, trace.states[name].shape[1])  # a projection has fewer
        lines = list(_write_state(trace, t, name, unit))
        if trace.is_clamped(t, name, unit):
            value = write(float(trace.states[name][t, unit]))
            lines = [_("{name} is held at {value} at this step.").format(name=name, value=value)]
            return told | {"sums": [], "lines": lines}
        sums = list(_tell_ledger(trace, t, name, unit))
        if sums:
            lines.append(
                _(
                    "Above, which step wrote it: what a step wrote of {name}, times what is left of that."
                ).format(name=name)
            )
        return told | {"sums": sums, "lines": lines}
    found = trace.inside(t, name, unit)
    return told | {
        "column": f"{title}: {_say_column(trace, found)}",
        "sums": [_tell_sum(subscript("Σ", name) if not found.obstacles else each.name, each) for each in found.sums],
        "lines": [found.sentence],
    }  # fmt: skip


def _tell_ledger(trace: Trace, t: int, state: str, unit: int) -> Iterator[dict[str, Any]]:
    """A state as the sum of what each step wrote of it, the largest apart; nothing where it is no such sum."""
    try:
        found = ledger(trace, unit, t, state)
    except NoLedger:
        return
    shares = found.shares
    size = np.where(np.isnan(shares), np.inf, np.abs(shares))
    shown = sorted(
        np.argsort(-size, kind="stable")[: _LARGEST if len(size) > _LARGEST + 1 else None].tolist()
    )
    start = [[_("the start"), 1.0, float(found.initial), float(found.initial)]] if found.initial else []
    others = np.delete(shares, shown)
    yield {
        "name": f"{state}[{unit}]",
        "terms": [
            *start,
            *(
                [
                    _("step {t}").format(t=step_name(trace.sequence, step)),
                    float(found.writes[step]),
                    float(found.survival[step]),
                    float(shares[step]),
                ]
                for step in shown
            ),
        ],
        "others": len(others),
        "rest": float(others.sum()),
        "value": float(found.value),
    }


_ROUNDING = 1e-5  # of a float32's sum, as a share of its summands' sizes
_BESIDE = 16  # steps before and behind one, in which a column's sum is compared with what was recorded
_NAMED = 2  # terms that are named where a column lacks more


def _say_column(trace: Trace, found: Inside) -> str:
    """What the marked column of the weights comes to, and where that is not all of it, what else there is."""
    numbers = f"{subscript('Σ', found.gate)} = {write(found.preactivation)}, {found.gate} = {write(found.activation)}"
    group = next((each for each in _Matrices(trace.cell).groups if found.gate in each.gates), None)
    if _is_column_sum(trace, group, found) if group else not found.obstacles:
        return numbers
    if group is None or found.obstacles:
        told = _("No sum of terms: {what} is in it.").format(what=_(" and ").join(found.obstacles))
        return f"{numbers} · {told}"
    own = {each for matrix in group.matrices for each in _name_rows(matrix)} | group.added
    beyond = [
        term.name for each in found.sums for term in each.terms if term.name not in own and "[" in term.name
    ]
    if not beyond:
        told = _("Not the sum of this column.")
        return f"{numbers} · {told}"
    terms = ", ".join([*beyond[:_NAMED], *(["…"] if len(beyond) > _NAMED else [])])
    told = _("Not the sum of this column alone: it has {terms}.").format(terms=terms)
    return f"{numbers} · {told}"


def _name_rows(matrix: _Matrix) -> Iterator[str]:
    """What the terms of its rows are called, where these are not multiplied by anything else."""
    for _node, name, meets, height in matrix.parts:
        if name in ("x_t", f"{meets}_{{t-1}}"):
            yield from (f"{meets}[{row}]" for row in range(height))


def _is_column_sum(trace: Trace, group: _Group, found: Inside) -> bool:
    """Whether a gate's sum is what meets the rows times its column, and what is added below: at the steps around this one."""
    steps = slice(max(0, found.t - _BESIDE), found.t + _BESIDE)
    values = trace.values(steps, np.float64)
    column = sum(group.widths[: group.gates.index(found.gate)]) + found.unit
    added = [
        group.vectors[name][found.gate][found.unit]
        for name in group.added
        if found.gate in group.vectors[name]
    ]
    made, size = np.full(values.steps, np.sum(added, dtype=np.float64)), np.abs(added).sum()
    with np.errstate(all="ignore"):
        for matrix in group.matrices:
            weights, row = matrix.values[:, column].astype(np.float64), 0
            for node, _name, _meets, height in matrix.parts:
                met = np.broadcast_to(values.of(node), (values.steps, height))
                made = made + met @ weights[row : row + height]
                size = size + np.abs(met) @ np.abs(weights[row : row + height])
                row += height
        apart = np.abs(made - trace.preactivations[found.gate][steps, found.unit])
    return not np.any(apart > _ROUNDING * size)


def _tell_sum(name: str, found: Sum) -> dict[str, Any]:
    """A sum with its largest terms in their order, and the others in one; what is added once is never among these."""
    size = [
        math.inf if "[" not in term.name or math.isnan(term.product) else abs(term.product)
        for term in found.terms
    ]
    ranked = sorted(range(len(size)), key=lambda k: -size[k])
    count = _LARGEST if len(ranked) > _LARGEST + 1 else len(ranked)
    shown = sorted(ranked[:count])
    rest = float(np.sum([found.terms[k].product for k in ranked[count:]], dtype=np.float64))
    terms = [found.terms[k] for k in shown]
    return {
        "name": name,
        "terms": [[term.name, term.value, term.weight, term.product] for term in terms],
        "others": len(ranked) - count,
        "rest": rest,
        "value": found.value,
    }


def _write_state(trace: Trace, t: int, name: str, unit: int) -> Iterator[str]:
    """How a state was made from gates and old states, in symbols and in numbers, after the letters that it is written with."""
    made = [each for each in follow(trace, unit, slice(t, t + 1)) if each.form]
    ends = [each for each in made if each.result == f"{name}_t"]
    letters = {letter for each in ends for letter in re.findall(r"\b[a-z]\b(?!_)", each.symbols)}
    for each in made:
        if each in ends or (each.letter in letters and not each.result):
            filled = fill_in(each.form, each.numbers[0])
            yield f"{each.result or each.letter} = {each.symbols} = {filled} = {write(float(each.values[0]))}"
