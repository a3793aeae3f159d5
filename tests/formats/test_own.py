"""A cell as it is in an .npz: every kind, one's own too, and what a stranger may have written in such a file."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.equation import concat, sigmoid
from lstmviz.formats import own
from lstmviz.formats.save import loading_code, save_bytes
from lstmviz.web import downloads
from tests.kinds_of_ones_own import FILED, SOURCE, declared

# What is not the default, of kinds that have options.
OPTIONS = {
    "LSTMCell": {"use_peepholes": True, "num_proj": 2, "cell_clip": 1.5},
    "BasicLSTMCell": {"forget_bias": 0.25, "activation": "relu"},
    "GRUCell": {"use_bias": False},
    "JANET": {"beta": 0.5},
    "Odd": {"slope": -1.0, "mixes": False},
}


@pytest.fixture(scope="module", autouse=True)
def own_kinds():
    with declared(FILED):
        yield


def same(one, other):
    assert (one.kind, one.num_units, one.input_size) == (other.kind, other.num_units, other.input_size)
    assert dict(one.options) == dict(other.options) and one.dtype == other.dtype
    assert one.weights.keys() == other.weights.keys()
    for name, weight in one.weights.items():
        np.testing.assert_array_equal(other.weights[name], weight)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [*lv.KINDS, *FILED])
def test_every_kind_comes_back_as_it_was(kind, dtype, in_this_process):
    cell = lv.build(kind, 3, 2, seed=5, dtype=dtype, **OPTIONS.get(kind, {}))
    loaded = lv.load(save_bytes(cell, ".npz", "lstmviz"))
    assert not loaded.skipped and not loaded.notes and list(loaded) == [kind]
    same(loaded[kind], cell)
    stored = loaded.stored[kind]
    assert stored.parameter_count == cell.parameter_count
    for gate in stored.gates:
        for place in gate.places:
            assert cell.weights[place.array][place.index].shape[-1] == 3


@pytest.mark.parametrize("kind", [*lv.KINDS, *FILED])
def test_the_pages_kernel_file_is_a_model_file_too(kind, in_this_process):
    cell = lv.build(kind, 3, 2, seed=5)
    loaded = lv.load(downloads.kernel_npz(cell, {"f": "forget"}))
    assert not loaded.skipped and not loaded.arrays
    same(loaded[kind], cell)


def test_a_kind_that_no_framework_has_is_saved_as_it_is_and_one_that_they_have_as_before(tmp_path):
    lv.save(lv.build("sLSTM", 3, 2), tmp_path / "s.npz")
    lv.save(lv.build("GRUCell", 3, 2), tmp_path / "g.npz")
    with np.load(tmp_path / "s.npz") as file:
        assert json.loads(str(file["lstmviz"]))["kind"] == "sLSTM"
    with np.load(tmp_path / "g.npz") as file:
        assert set(file) == {"gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"}
    with pytest.raises(ValueError, match=r"cannot be stored as PyTorch: .*lv\.save\(cell, \"cell\.npz\"\)"):
        lv.save(lv.build("sLSTM", 3, 2), tmp_path / "s.safetensors")


@pytest.mark.parametrize("kind", ["RG-LRU", "Odd"])
def test_the_loading_code_runs(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cell = lv.build(kind, 3, 2, seed=1)
    lv.save(cell, "cell.npz")
    code = loading_code(cell)
    assert ("@lv.kind" in code) == (kind == "Odd")
    names: dict = {}
    exec(code, names)
    same(names["cell"], cell)


def test_where_the_kind_is_not_declared_the_file_says_that_it_has_to_be(tmp_path):
    lv.save(lv.build("Odd", 3, 2), tmp_path / "odd.npz")
    (tmp_path / "kinds.py").write_text(SOURCE)

    def inspect(*more):
        command = [sys.executable, "-m", "lstmviz", "inspect", str(tmp_path / "odd.npz"), *more]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    alone = inspect()
    assert alone.returncode == 1 and not alone.stdout
    assert "Odd, which is not declared here" in alone.stderr and '@lv.kind("Odd")' in alone.stderr
    told = inspect("--kinds", str(tmp_path / "kinds.py"))
    assert told.returncode == 0, told.stderr
    assert "shown as Odd, slope 0.5, mixes True" in told.stdout
    (tmp_path / "wrong.py").write_text("1 / 0")
    wrong = inspect("--kinds", str(tmp_path / "wrong.py"))
    assert wrong.returncode == 1 and "ends with an error: ZeroDivisionError" in wrong.stderr


def test_a_kind_that_is_declared_with_another_equation_is_told(in_this_process):
    def first(x, h, w):
        f = sigmoid(concat(x, h) @ w("kernel")).called("f")
        return {"h": f * h + (1 - f)}

    def turned(x, h, w):
        f = sigmoid(concat(x, h) @ w("kernel")).called("f")
        return {"h": (1 - f) * h + f}

    lv.kind("Turned")(first)
    try:
        content = save_bytes(lv.build("Turned", 3, 2), ".npz")
        assert not lv.load(content).notes
        lv.kind("Turned", "another title")(first)
        assert not lv.load(content).notes
        lv.kind("Turned")(turned)
        assert "written otherwise" in lv.load(content).notes["Turned"]
    finally:
        del lv.KINDS["Turned"]


def rewritten(change):
    """The file of a cell whose text a stranger has changed."""
    content = save_bytes(lv.build("sLSTM", 3, 2), ".npz")
    with np.load(io.BytesIO(content)) as file:
        arrays = dict(file)
    told = json.loads(str(arrays["lstmviz"]))
    arrays["lstmviz"] = np.array(change(told))
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda told: "{",
        lambda told: "[" * 50_000,
        lambda told: json.dumps([told]),
        lambda told: json.dumps(told | {"kind": "../../etc"}),
        lambda told: json.dumps(told | {"kind": "x" * 90}),
        lambda told: json.dumps(told | {"kind": 3, "num_units": 1e400}),
        lambda told: json.dumps(told | {"num_units": None}),
        lambda told: json.dumps(told | {"weights": ["kernel", "missing"]}),
    ],
)
def test_a_text_that_makes_no_sense_is_refused(change, in_this_process):
    with pytest.raises(ValueError, match=r"damaged text|that it names"):
        lv.load(rewritten(change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_units": 4}, "has the shape"),
        ({"num_units": 10**12}, "has the shape"),
        ({"options": {"depth": 3}}, "is no option of sLSTM"),
        ({"weights": ["kernel"]}, "takes exactly"),
    ],
)
def test_weights_that_are_not_its_kinds_are_left_out_with_the_reason(change, said, in_this_process):
    loaded = lv.load(rewritten(lambda told: json.dumps(told | change)))
    assert not loaded and said in loaded.skipped["sLSTM"]


def test_a_weight_may_be_called_as_savez_calls_its_own(in_this_process):
    def named(x, h, w):
        f = sigmoid(concat(x, h) @ w("file") + w("allow_pickle")).called("f")
        return {"h": f * h + (1 - f)}

    lv.kind("Named")(named)
    try:
        cell = lv.build("Named", 3, 2)
        same(lv.load(save_bytes(cell, ".npz"))["Named"], cell)
    finally:
        del lv.KINDS["Named"]


def test_an_array_that_only_has_the_name_is_an_array(in_this_process):
    buffer = io.BytesIO()
    np.savez(buffer, lstmviz=np.zeros(3), weight_ih_l0=np.zeros((12, 2)), weight_hh_l0=np.zeros((12, 3)))
    assert own.LAYOUT not in {layer.layout for layer in lv.load(buffer.getvalue()).layers.values()}


def test_nothing_in_it_is_a_python_object():
    content = save_bytes(lv.build("Odd", 3, 2), ".npz")
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        for name in file.namelist():
            np.lib.format.read_array(io.BytesIO(file.read(name)), allow_pickle=False)
