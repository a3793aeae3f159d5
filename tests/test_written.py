"""Formulas that stand in texts, written by hand: each is computed beside what it speaks of."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import lstmviz as lv
from lstmviz import language
from lstmviz.cells.linear import Linear, fold
from lstmviz.web import sections


def test_the_folded_layers_formula_is_what_folding_does():
    (formula,) = re.findall(r"\$(.+?)\$", inspect.getsource(sections.linear))
    rng = np.random.default_rng(0)
    cell = lv.build("BasicLSTMCell", 4, 3, seed=1, dtype="float64")
    cell = lv.build(
        "BasicLSTMCell", 4, 3, weights=cell.weights | {"bias": rng.normal(size=16)}, dtype="float64"
    )
    layer = Linear(rng.normal(size=(5, 3)), rng.normal(size=3))
    x = rng.normal(size=5)
    folded = fold(layer, cell)
    left, right = (_compute(side, x=x, A=layer.kernel, a=layer.bias, K_x=cell.kernel[:3], b=cell.bias)
                   for side in formula.split("="))  # fmt: skip
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-12)
    np.testing.assert_allclose(x @ folded.kernel[:5] + folded.bias, right, rtol=0, atol=1e-12)
    translated = language._catalogue("ja").gettext  # the same formula in every language
    (text,) = (each for each in _texts(sections.linear) if formula in each)
    assert formula in translated(text)


def _compute(side, **values):
    """Products as they are written side by side."""
    product = re.sub(r"(?<=[\w)]) (?=[\w(])", "@", side.strip())
    return eval(product, values)


def _texts(function):
    """The texts that a function has in it, those of several lines in one."""
    source = re.sub(r'"\s*\n\s*"', "", inspect.getsource(function))
    return re.findall(r'_\(\s*"((?:[^"\\]|\\.)*)"', source)


@pytest.mark.parametrize("use_bias", [True, False])
def test_the_kernels_note_about_a_product_that_a_gate_multiplies_is_what_ran(use_bias):
    rng = np.random.default_rng(0)
    kind = "CudnnCompatibleGRUCell"
    shapes = lv.build(kind, 4, 3, use_bias=use_bias).weights
    weights = {name: rng.normal(size=each.shape) for name, each in shapes.items()}
    cell = lv.build(kind, 4, 3, weights=weights, dtype="float64", use_bias=use_bias)
    trace = lv.run(cell, rng.normal(size=(3, 3)), engine="numpy")
    notes = " ".join(each.text for each in lv.plot.kernel(cell).layout.annotations)
    (gate, formula) = re.search(r"Σ of (\w) = (.+?\))", notes).groups()
    x, h = trace.x[2], trace.before(2, "h")
    block = cell.gate(gate)
    first = (
        formula.replace("x · kernel", "x_kernel")
        .replace("h · kernel", "h_kernel")
        .replace("hidden bias", "hidden_bias")
    )
    names = {"x_kernel": x @ block.kernel_x, "h_kernel": h @ block.kernel_h, "bias": block.bias,
             "hidden_bias": block.hidden_bias, **{name: values[2] for name, values in trace.gates.items()}}  # fmt: skip
    np.testing.assert_allclose(
        eval(first.replace("·", "*"), names), trace.preactivations[gate][2], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(
    "kind", [name for name, kind in lv.KINDS.items() if "use_peepholes" in [o.name for o in kind.options]]
)
def test_peepholes_are_where_their_help_says(kind):
    cell = lv.build(kind, 4, 3, use_peepholes=True)
    (option,) = (each for each in cell.kind.options if each.name == "use_peepholes")
    assert option.help == "Lets f, and i where there is one, see the old c, and o the new one."
    old = {gate for gate in ("f", "i") if gate in {each.name for each in cell.kind.gates}}
    assert {gate: state for gate, (_weight, state) in cell.peepholes.items()} == {
        **dict.fromkeys(old, "c_{t-1}"), "o": "c_t",
    }  # fmt: skip
