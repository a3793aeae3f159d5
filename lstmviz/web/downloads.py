"""What a viewer can take along: the kernel and the trace as arrays and tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np

from lstmviz.cells import Cell
from lstmviz.formats import own
from lstmviz.plot.names import row_names
from lstmviz.run.trace import Trace


def kernel_npz(cell: Cell, letters: Mapping[str, str] | None = None, edited: Sequence[str] = ()) -> bytes:
    """The weights under their variables' names, what cell they are of, and the kernel and the biases as shown.

    `lstmviz.load` reads it.

    Args:
        cell: The cell.
        letters: A framework's letters of the gates, by our names; they are told as `gates`, in the kernel's order.
        edited: What there is to say of edited weights; it is told as `edited`.
    """
    joined = {
        **({"kernel": cell.kernel} if cell.rows else {}),
        "bias": cell.bias,
        "hidden_bias": cell.hidden_bias,
        "offset": cell.offset,
    }
    if letters:
        joined["gates"] = np.array([letters.get(gate.name, gate.name) for gate in cell.kind.gates])
    if edited:
        joined["edited"] = np.array(edited)
    return own.write(cell, joined)


def kernel_csv(cell: Cell, letters: Mapping[str, str] | None = None) -> bytes:
    """The kernel and the biases as a table: a line for each row, a column for each gate's unit, by a framework's letters."""
    names = [(letters or {}).get(gate.name, gate.name) for gate in cell.kind.gates]
    columns = [f"{name}[{unit}]" for name in names for unit in range(cell.num_units)]
    lines: list[list[object]] = [["row", *columns]]
    if cell.rows:
        lines += [[name, *row.tolist()] for name, row in zip(row_names(cell), cell.kernel, strict=True)]
    lines.append(["bias", *cell.bias.tolist()])
    if cell.hidden_biased:
        lines.append(["hidden bias", *cell.hidden_bias.tolist()])
    return _csv(lines)


def trace_npz(trace: Trace, letters: Mapping[str, str] | None = None, edited: Sequence[str] = ()) -> bytes:
    """Everything the run recorded: `x`, `labels`, `preactivation_f`, `gate_f`, `state_c` and so on, by a framework's letters."""
    gates, preactivations = _rename(trace.gates, letters), _rename(trace.preactivations, letters)
    arrays = {"x": trace.x, "labels": np.array(trace.sequence.labels)}
    arrays |= {"edited": np.array(edited)} if edited else {}
    arrays |= {f"preactivation_{name}": values for name, values in preactivations.items()}
    arrays |= {f"gate_{name}": values for name, values in gates.items()}
    arrays |= {f"state_{name}": values for name, values in trace.states.items()}
    arrays |= {f"initial_{name}": values for name, values in trace.initial_state.items()}
    return _npz(arrays)


def trace_csv(trace: Trace, letters: Mapping[str, str] | None = None) -> bytes:
    """The run as a table: a line for each step, a column for each number recorded, gates by a framework's letters."""
    gates, preactivations = _rename(trace.gates, letters), _rename(trace.preactivations, letters)
    parts = {"x": trace.x}
    parts |= {f"preactivation {name}": values for name, values in preactivations.items()}
    parts |= {f"gate {name}": values for name, values in gates.items()}
    parts |= {f"state {name}": values for name, values in trace.states.items()}
    head = [f"{name}[{k}]" for name, values in parts.items() for k in range(values.shape[1])]
    table = np.concatenate(list(parts.values()), axis=1)
    lines: list[list[object]] = [["step", "label", *head]]
    lines += [
        [t, label, *row.tolist()]
        for t, (label, row) in enumerate(zip(trace.sequence.labels, table, strict=True))
    ]
    return _csv(lines)


def _rename(values: Mapping[str, np.ndarray], letters: Mapping[str, str] | None) -> dict[str, np.ndarray]:
    """The same arrays by a framework's letters of the gates."""
    return {(letters or {}).get(name, name): array for name, array in values.items()}


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _csv(lines: list[list[object]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    return buffer.getvalue().encode("utf-8-sig")  # the mark lets Excel read the labels of any language
