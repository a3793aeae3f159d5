"""What the documents say runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import plotly.graph_objects as go
import pytest

import lstmviz

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The page is a script, and draws itself when it is imported.
MODULES = [
    "lstmviz",
    *(
        m.name
        for m in pkgutil.walk_packages(lstmviz.__path__, "lstmviz.")
        if not m.name.startswith("lstmviz.web")
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_give_what_they_say(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.failed == 0


def test_there_are_examples_in_the_docstrings():
    assert sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES) >= 5


def test_the_readmes_python_runs_and_its_shapes_are_right(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(go.Figure, "show", lambda figure: None)  # there is no notebook here
    code, _own = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    cell, trace = names["cell"], names["trace"]
    assert cell.kernel.shape == (12, 32)
    assert cell.gate("f").kernel.shape == (12, 8)
    assert trace.gates["f"].shape == trace.preactivations["f"].shape == (60, 8)
    assert trace.states["c"].shape == trace.states["h"].shape == (60, 8)
    assert (tmp_path / "kernel.html").stat().st_size > 1000


def test_the_readmes_own_cell_runs():
    _code, own = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(own, names)
    cell, trace = names["cell"], names["trace"]
    assert {name: weight.shape for name, weight in cell.weights.items()} == {
        "gates/kernel": (12, 8), "gates/bias": (8,), "candidate/kernel": (12, 8), "candidate/bias": (8,)
    }  # fmt: skip
    x, h, f = trace.x[3], trace.before(3, "h"), trace.gates["f"][3]
    c = np.tanh(np.concatenate([x, f * h]) @ cell.weights["candidate/kernel"])
    np.testing.assert_allclose(trace.states["h"][3], (1 - f) * h + f * c, atol=1e-6)


def test_the_readmes_table_has_every_parameter_of_the_address():
    from lstmviz.web import view

    first_cells = [line.split("|")[1] for line in README.splitlines() if line.startswith("| `")]
    listed = set(re.findall(r"`(\w+)`", " ".join(first_cells)))
    own = set(view.PARAMETERS) - {"options", "signal", "versus"}
    options = {option.name for kind in lstmviz.KINDS.values() for option in kind.options}
    assert own | options <= listed


def test_the_readmes_link_opens_without_a_complaint():
    from lstmviz.web import view

    (link,) = re.findall(r"^http://localhost:8501/\?\S+$", README, re.MULTILINE)
    picked, problems = view.parse(
        {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    )
    assert problems == []
    assert (picked.cell, picked.num_units) == ("GRUCell", 16)


def test_the_readmes_files_are_there():
    named = re.findall(r"`((?:lstmviz|tests|benchmarks)/[\w./]*|\w+\.(?:py|txt))`", README)
    named += re.findall(r"\]\(([\w./]+)\)", README)  # images and pages linked to
    assert "docs/explorer.png" in named
    assert [
        name for name in named if not ((ROOT / name).exists() or (ROOT / "lstmviz" / name).exists())
    ] == []


def test_the_readmes_sequences_are_the_pages():
    from lstmviz.web import view

    (row,) = [line for line in README.splitlines() if line.startswith("| `sequence`")]
    assert set(re.findall(r"`(\w+)`", row)) - {"sequence"} == set(view.SEQUENCES)


def test_the_readmes_table_of_files_has_every_ending_that_is_read():
    from lstmviz.formats.load import ENDINGS

    table = README.partition("| | files |")[2].partition("\n\n")[0]
    beside = {".onnx.data"}  # which is read with its model alone
    assert set(re.findall(r"`(\.[\w.]+)`", table)) - beside == set(ENDINGS)
