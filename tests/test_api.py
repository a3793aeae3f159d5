"""The public names, and what importing them costs."""

import subprocess
import sys

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.equation import concat, sigmoid, tanh

HEAVY = ("tensorflow", "keras", "plotly", "streamlit", "babel")


def loaded_after(statement):
    program = f"import sys\n{statement}\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_lstmviz_loads_nothing_heavy():
    assert loaded_after("import lstmviz") == []


def test_cells_and_sequences_are_made_without_tensorflow():
    assert (
        loaded_after("""
import lstmviz as lv
lv.fold(lv.build_linear(3, 4), lv.build("LSTMCell", num_units=8, input_size=4, use_peepholes=True))
lv.sequences.make("sine", time_steps=60, input_size=4)
""")
        == []
    )


def test_every_public_name_is_there():
    for name in lv.__all__:
        assert getattr(lv, name) is not None
    assert set(lv.__all__) <= set(dir(lv))


def test_a_name_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match="'lstmviz' has no attribute 'foo'"):
        lv.foo  # noqa: B018


def test_the_designs_own_lines_run():
    rng = np.random.default_rng(0)
    cell = lv.build("BasicLSTMCell", num_units=8, input_size=4, seed=0, forget_bias=1.0)
    assert (cell.kernel.shape, cell.bias.shape) == ((12, 32), (32,))
    assert cell.gate("f").kernel.shape == (12, 8)
    assert cell.gate("f").kernel_x.shape == (4, 8)
    assert cell.gate("f").kernel_h.shape == (8, 8)
    weights = {"kernel": rng.normal(size=(12, 32)), "bias": np.zeros(32)}
    cell = lv.build("BasicLSTMCell", num_units=8, input_size=4, weights=weights)
    trace = lv.run(cell, rng.normal(size=(13, 4)), device="CPU:0")
    assert trace.device == "CPU:0"
    assert trace.gates["f"].shape == trace.preactivations["f"].shape == (13, 8)
    assert trace.states["c"].shape == trace.states["h"].shape == (13, 8)
    explanation = trace.explain(t=12, gate="f", unit=3)
    assert explanation.sum == pytest.approx(trace.preactivations["f"][12, 3], abs=1e-5)


@pytest.mark.parametrize("engine", [None, "numpy"])
def test_a_cell_of_ones_own_is_one_equation(own_kinds, engine):
    @lv.kind("MinimalGRU")
    def minimal_gru(x, h, w):
        f = sigmoid(concat(x, h) @ w("gates/kernel") + w("gates/bias")).called("f", "forget gate")
        c = tanh(concat(x, f * h) @ w("candidate/kernel") + w("candidate/bias")).called("c", "candidate")
        return {"h": (1 - f) * h + f * c}

    rng = np.random.default_rng(0)
    cell = lv.build("MinimalGRU", num_units=8, input_size=4, seed=0)  # shapes follow from the equation
    assert {name: weight.shape for name, weight in cell.weights.items()} == {
        "gates/kernel": (12, 8), "gates/bias": (8,), "candidate/kernel": (12, 8), "candidate/bias": (8,),
    }  # fmt: skip
    x = rng.normal(size=(6, 4)).astype("float32")
    trace = lv.run(cell, x) if engine is None else lv.run(cell, x, engine=engine)
    assert (trace.device == "NumPy") == (engine == "numpy")

    h = np.zeros(8)
    for t, row in enumerate(x.astype(float)):
        f = 1 / (1 + np.exp(-(np.concatenate([row, h]) @ cell.weights["gates/kernel"])))
        c = np.tanh(np.concatenate([row, f * h]) @ cell.weights["candidate/kernel"])
        h = h + f * (c - h)
        for found, expected in ((trace.gates["f"], f), (trace.gates["c"], c), (trace.states["h"], h)):
            np.testing.assert_allclose(found[t], expected, rtol=0, atol=1e-6)

    explanation = trace.explain(t=3, gate="f", unit=2)
    assert explanation.sum == pytest.approx(trace.preactivations["f"][3, 2], abs=1e-6)
    assert [term.name for term in explanation.terms][3:6] == ["x[3]", "h[0]", "h[1]"]
    assert trace.explain(t=3, gate="c", unit=2).terms[4].name == "f[0] * h[0]"
    words = " ".join(text for each in lv.plot.step(trace, 3, 2).data for text in each.text or ())
    assert "forget gate" in words and "candidate" in words

    slopes = lv.gradients(trace, unit=2)
    nudged = [x.copy(), x.copy()]
    nudged[0][4, 1], nudged[1][4, 1] = x[4, 1] + 0.01, x[4, 1] - 0.01
    ends = [lv.run(cell.astype("float64"), each, engine="numpy").states["h"][-1, 2] for each in nudged]
    assert slopes.x[4, 1] == pytest.approx((ends[0] - ends[1]) / 0.02, abs=1e-4)
    assert slopes.x[4, 1] != 0


BARE = """
import sys, warnings
from importlib.abc import MetaPathFinder

class OnlyWhatIsAskedFor(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

HIDDEN = {
    "tensorflow", "keras", "streamlit", "starlette", "tornado", "pyarrow", "pandas", "h5py", "torch", "onnx", "safetensors", "scipy"
}
sys.meta_path.insert(0, OnlyWhatIsAskedFor())
import lstmviz as lv

x = lv.sequences.make("sine", time_steps=12, input_size=3)
for kind in lv.KINDS:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        trace = lv.run(lv.build(kind, num_units=4, input_size=3), x)
    assert trace.device == "NumPy", trace.device
    assert len(said) == (kind == next(iter(lv.KINDS))), (kind, said)
    lv.plot.kernel(trace.cell), lv.plot.gates(trace), lv.plot.step(trace, 3, 2).to_html(include_plotlyjs=False)
assert not HIDDEN & set(sys.modules)
"""


@pytest.mark.parametrize("name", ["engine", "devices"])
def test_without_tensorflow_what_needs_it_says_what_brings_it(name, monkeypatch):
    monkeypatch.setattr(sys.modules["lstmviz.run"], "has_tensorflow", lambda: False)
    with pytest.raises(
        ValueError, match=rf"lv\.{name} needs TensorFlow, which is not installed: pip install"
    ):
        getattr(lv, name)


def test_without_tensorflow_and_streamlit_every_kind_runs_and_is_drawn():
    done = subprocess.run(
        [sys.executable, "-c", BARE], check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
