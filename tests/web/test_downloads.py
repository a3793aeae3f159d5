"""What a viewer can take along."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.web import downloads


@pytest.fixture(scope="module", params=list(lv.KINDS))
def trace(request):
    return lv.run(lv.build(request.param, num_units=3, input_size=2), lv.sequences.from_text("abba"))


def _table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def test_the_kernel_file_builds_the_same_cell_again(trace):
    cell = trace.cell
    with np.load(io.BytesIO(downloads.kernel_npz(cell)), allow_pickle=False) as saved:
        again = lv.build(
            cell.kind.name, 3, 2, weights={name: saved[name] for name in cell.weights}, **dict(cell.options)
        )
    np.testing.assert_array_equal(again.kernel, cell.kernel)
    np.testing.assert_array_equal(again.bias, cell.bias)


def test_the_kernel_table_has_a_line_a_row_and_a_column_a_unit(trace):
    head, *lines = _table(downloads.kernel_csv(trace.cell))
    if trace.cell.hidden_biased:
        name, *hidden_bias = lines.pop()
        assert name == "hidden bias"
        np.testing.assert_array_equal(np.array(hidden_bias, "f"), trace.cell.hidden_bias)
    bias = lines.pop()
    assert head[0] == "row" and head[1] == f"{trace.cell.kind.gates[0].name}[0]"
    meets_h = any("h" in variable.meets for variable in trace.cell.kind.variables if variable.is_kernel)
    assert [line[0] for line in lines] == ["x[0]", "x[1]", *(["h[0]", "h[1]", "h[2]"] if meets_h else [])]
    np.testing.assert_array_equal(np.array([line[1:] for line in lines], "f"), trace.cell.kernel)
    np.testing.assert_array_equal(np.array(bias[1:], "f"), trace.cell.bias)


def test_the_trace_file_holds_everything_recorded(trace):
    with np.load(io.BytesIO(downloads.trace_npz(trace)), allow_pickle=False) as saved:
        np.testing.assert_array_equal(saved["x"], trace.x)
        assert saved["labels"].tolist() == ["a", "b", "b", "a"]
        for name, values in trace.gates.items():
            np.testing.assert_array_equal(saved[f"gate_{name}"], values)
            np.testing.assert_array_equal(saved[f"preactivation_{name}"], trace.preactivations[name])
        for name, values in trace.states.items():
            np.testing.assert_array_equal(saved[f"state_{name}"], values)


def test_the_trace_table_has_a_line_a_step(trace):
    head, *lines = _table(downloads.trace_csv(trace))
    assert [line[:2] for line in lines] == [["0", "a"], ["1", "b"], ["2", "b"], ["3", "a"]]
    column = head.index("state h[2]")
    np.testing.assert_array_equal(np.array([line[column] for line in lines], "f"), trace.states["h"][:, 2])
