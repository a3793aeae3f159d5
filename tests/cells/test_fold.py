"""Which kinds take a linear layer in front into their weights."""

from __future__ import annotations

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.cells import can_fold
from lstmviz.cells.kind import make_kind
from lstmviz.equation import concat, sigmoid, tanh


def plain(x, h, w):
    f = sigmoid(concat(x, h) @ w("kernel") + w("bias")).called("f")
    return {"h": f * h + (1 - f)}


def apart(x, h, w):
    f = sigmoid(x @ w("kernel") + w("slope") * h + w("bias")).called("f")
    c = tanh(concat(x, f * h) @ w("other") + w("more")).called("c")
    return {"h": f * h + (1 - f) * c}


def without_bias(x, h, w):
    f = sigmoid(concat(x, h) @ w("kernel")).called("f")
    return {"h": f * h + (1 - f)}


def bias_elsewhere(x, h, w):
    f = sigmoid(h * (concat(x, h) @ w("kernel")) + w("bias")).called("f")
    return {"h": f * h + (1 - f)}


def one_bias_for_two(x, h, w):
    f = sigmoid(concat(x, h) @ w("kernel") + w("bias")).called("f")
    c = tanh(concat(x, h) @ w("other") + w("bias")).called("c")
    return {"h": f * h + (1 - f) * c}


def x_below_h(x, h, w):
    f = sigmoid(concat(h, x) @ w("kernel") + w("bias")).called("f")
    return {"h": f * h + (1 - f)}


def x_twice(x, h, w):
    f = sigmoid(concat(x, h, x) @ w("kernel") + w("bias")).called("f")
    return {"h": f * h + (1 - f)}


def one_kernel_for_two(x, h, w):
    f = sigmoid(x @ w("kernel") + w("bias")).called("f")
    return {"h": f * h + tanh(x @ w("kernel") + w("other")).called("c")}


def one_product_for_two(x, h, w):
    z = x @ w("kernel")
    f = sigmoid(z + w("bias")).called("f")
    return {"h": f * h + tanh(z + w("other")).called("c")}


def bias_taken_away(x, h, w):
    f = sigmoid(concat(x, h) @ w("kernel") - w("bias")).called("f")
    return {"h": f * h + (1 - f)}


def one_product_without(x, h, w):
    f = sigmoid(concat(x, h) @ w("kernel") + w("bias")).called("f")
    return {"h": f * h + tanh(x @ w("other")).called("c")}


@pytest.mark.parametrize("step", [plain, apart])
def test_where_x_meets_kernels_with_a_bias_beside_each_product_a_layer_folds(step):
    lv.kind("Folded")(step)
    try:
        cell = lv.build("Folded", 3, 2, seed=1, dtype="float64")
        linear = lv.build_linear(4, 2, seed=2, dtype="float64")
        assert can_fold(cell.kind, cell.options)
        x = np.random.default_rng(0).normal(size=(5, 4))
        behind = lv.run(cell, linear(x), engine="numpy").states["h"]
        alone = lv.run(lv.fold(linear, cell), x, engine="numpy").states["h"]
        np.testing.assert_allclose(alone, behind, atol=1e-13)
    finally:
        del lv.KINDS["Folded"]


@pytest.mark.parametrize(
    "step",
    [without_bias, bias_elsewhere, one_bias_for_two, x_below_h, x_twice, one_kernel_for_two, one_product_for_two,
     bias_taken_away, one_product_without],
)  # fmt: skip
def test_where_x_does_more_or_there_is_no_bias_for_it_none_folds(step):
    assert not can_fold(make_kind(step, "Other"), {})


def test_a_layer_norm_takes_none_and_says_why():
    cell = lv.build("LayerNormBasicLSTMCell", 3, 2)
    assert not can_fold(cell.kind, cell.options)
    with pytest.raises(ValueError, match="no bias beside each product with x"):
        lv.fold(lv.build_linear(4, 2), cell)
