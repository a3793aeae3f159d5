"""Every figure of kinds that are declared in the tests alone: they draw, describe, and become static images."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import plotly.io
import pytest

import lstmviz as lv
from lstmviz import notebook
from lstmviz.equation import concat, norm, sigmoid, split, tanh
from lstmviz.plot import theme as themes
from lstmviz.plot.number import write
from lstmviz.plot.page import page_html
from tests import kinds_of_ones_own

KINDS = pytest.mark.parametrize("kind", kinds_of_ones_own.STEPS)


@pytest.fixture(autouse=True)
def own():
    with kinds_of_ones_own.declared():
        yield


def figures_of(trace, theme):
    gate = next(iter(trace.gates))
    comparison = lv.compare(trace, trace)
    kernel = (
        {"kernel": (lv.plot.kernel(trace.cell, theme=theme), lv.plot.describe_kernel(trace.cell))}
        if trace.cell.rows
        else {}
    )
    assert lv.plot.describe_kernel(trace.cell).endswith(".")
    return kernel | {
        "compare": (lv.plot.compare(comparison, theme=theme), lv.plot.describe_compare(comparison)),
        "gates": (lv.plot.gates(trace, theme=theme), lv.plot.describe_gates(trace)),
        "preactivations": (lv.plot.gates(trace, values="preactivations", theme=theme), "."),
        "lines": (lv.plot.gates(trace, units=[0, 1], theme=theme), "."),
        "summary": (lv.plot.summary(trace, theme=theme), lv.plot.describe_summary(trace)),
        "step": (lv.plot.step(trace, 3, 1, theme=theme), lv.plot.describe_step(trace, 3, 1)),
        "one gate": (lv.plot.step(trace, 3, 1, gate, theme=theme), lv.plot.describe_step(trace, 0, 2)),
    }


def texts(figure):
    drawn = [text for each in figure.data for text in getattr(each, "text", None) or ()]
    return [*drawn, *(annotation.text for annotation in figure.layout.annotations)]


@KINDS
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_of_a_kind_of_ones_own_draws_and_describes(kind, theme):
    trace = kinds_of_ones_own.run(kind)
    for name, (figure, words) in figures_of(trace, theme).items():
        assert figure.data, name
        assert words.endswith("."), name
        assert json.loads(lv.plot.to_json(figure))["layout"]["font"]["color"] == themes.FONT[theme]
        for text in [words, *texts(figure)]:
            assert "None" not in text, (name, text)
            assert not re.search(r"Node\(|[{}]|(?<!:)#", text), (name, text)
    assert lv.plot.step_frames(trace, 1)["steps"] == len(trace)


@KINDS
def test_gradients_of_a_kind_of_ones_own_draw_and_describe(kind):
    found = lv.gradients(kinds_of_ones_own.run(kind), unit=1)
    assert lv.plot.gradients(found).data
    assert lv.plot.describe_gradients(found).endswith(".")


def test_figures_of_kinds_of_ones_own_become_static_images(tmp_path):
    pytest.importorskip("kaleido")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no Chrome or Chromium on the path, which kaleido draws with")
    figures = [lv.plot.step(kinds_of_ones_own.run(kind), 3, 1) for kind in kinds_of_ones_own.STEPS]
    files = [tmp_path / f"{kind}.svg" for kind in kinds_of_ones_own.STEPS]
    plotly.io.write_images(figures, files)
    for file in files:
        assert file.read_text().startswith("<svg")


@KINDS
def test_gates_have_colours_of_their_own(kind):
    gates = [gate.name for gate in lv.KINDS[kind].gates]
    assert len(set(themes.gate_colours(gates).values())) == len(gates) <= len(themes.GATES)


def test_where_there_is_no_single_kernel_its_figure_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="OwnConstant has no single kernel: the gate g takes from mix"):
        lv.plot.kernel(kinds_of_ones_own.run("OwnConstant").cell)


def test_without_a_single_kernel_its_matrices_are_named():
    said = lv.plot.describe_kernel(lv.build("OwnConstant", 3, 2))
    assert said.startswith("OwnConstant has no single kernel")
    assert said.endswith("Its matrices: kernel [5, 3], mix [3, 3].")


def test_a_name_that_is_too_long_for_a_step_is_cut_and_none_is_lost():
    @lv.kind("OwnLong")
    def long(x, c, h, w):
        names = ("remembering_gate", "forgetting_gate", "proposal")
        i, f, g = split(names, concat(x, h) @ w("kernel"))
        c = sigmoid(f).called(names[1]) * c + sigmoid(i).called(names[0]) * tanh(g).called(names[2])
        return {"c": c, "h": tanh(c) * sigmoid(norm(c, 1.0, 0.0) * 2 + c / (2 + c * c))}

    try:
        shown = texts(lv.plot.step(kinds_of_ones_own.run("OwnLong"), 3, 1))
    finally:
        del lv.KINDS["OwnLong"]
    for name in (
        "<b>remember…</b> σ",
        "<b>forgetti…</b> σ",
        "<b>proposal</b> tanh",
        "Σ<sub>remembe…</sub>",
    ):
        assert name in shown, name


def test_without_a_single_kernel_runs_are_compared_and_shown_and_it_is_said_why():
    trace = kinds_of_ones_own.run("OwnConstant")
    comparison = lv.compare(trace, kinds_of_ones_own.run("OwnMinimalGRU"))
    said = lv.plot.describe_compare(comparison)
    assert "OwnConstant has no single kernel" in said and "they have no difference" not in said
    assert "kernels" not in lv.plot.describe_compare(lv.compare(trace, trace))
    page = page_html(trace.cell, trace).decode()
    assert "OwnConstant has no single kernel" in page and page.count("Plotly.newPlot(") >= 2
    shown = notebook.show(trace.cell)
    assert "OwnConstant has no single kernel" in shown["text/html"] and notebook.PLOTLY not in shown
    assert "OwnConstant has no single kernel" in notebook.show_html(trace.cell)


def test_rows_that_a_gate_has_no_weights_of_are_0_and_said_to_be():
    cell = kinds_of_ones_own.run("OwnWords").cell
    assert dict(cell.rows) == {"x": slice(0, 3), "h": slice(3, 8)}
    opening, new = cell.columns("opening"), cell.columns("new")
    np.testing.assert_array_equal(cell.kernel[:3, opening], cell.weights["open/kernel"])
    np.testing.assert_array_equal(cell.kernel[3:, opening], 0)
    np.testing.assert_array_equal(cell.kernel[:3, new], cell.weights["new/kernel"])
    np.testing.assert_array_equal(cell.kernel[3:, new], cell.weights["recurrent"])
    (note,) = [text for text in texts(lv.plot.kernel(cell)) if "no block of" in text]
    assert "0: no block of opening has weights of h" in note


def test_vectors_of_a_norm_stand_below_their_gates():
    cell = lv.build("LayerNormBasicLSTMCell", 3, 2, seed=1)
    figure = lv.plot.kernel(cell)
    assert list(figure.layout.yaxis2.ticktext) == ["bias", "+ forget_bias", "gamma", "beta"]
    (drawn,) = [each for each in figure.data if "forget/gamma" in (each.hovertemplate or "")]
    np.testing.assert_array_equal(drawn.z, [cell.weights["forget/gamma"]])
    assert (drawn.x0, drawn.y0) == (cell.columns("f").start, 2)
    assert (
        figure.layout.coloraxis.cmax == np.abs(cell.kernel).max()
    )  # gamma's ones take no colour from the kernel
    assert any(text.startswith("<b>state/gamma</b>") for text in texts(figure))


def test_a_normed_gate_shows_the_sum_inside_and_what_is_done_to_it():
    trace = kinds_of_ones_own.run("LayerNormBasicLSTMCell")
    shown = texts(lv.plot.step(trace, 3, 1, "f"))
    found = trace.inside(3, "f", 1)
    assert "f = σ((z<sub>f</sub> − mean) / deviation · gamma + beta + forget_bias)" in shown
    assert "No sum of terms: a norm over all units is in it." in shown
    assert "Mean and deviation are those of z<sub>f</sub> over all 5 units." in shown
    assert "z<sub>f</sub> = x · W + h · W" in shown
    assert write(found.sums[0].value) in shown
    said = lv.plot.describe_step(trace, 3, 1)
    assert "no sum of terms, for a norm over all units is in it, the sum z_f inside it" in said


def test_a_step_of_the_slstm_has_its_states_with_true_formulas():
    shown = texts(lv.plot.step(kinds_of_ones_own.run("sLSTM"), 3, 1))
    for state in ("c", "n", "h"):
        assert any(text.startswith(f"{state}<sub>t</sub> = ") for text in shown), state
    assert any(text.startswith("m<sub>t</sub> = ") and "max(" in text for text in shown)
    assert "h<sub>t</sub> = o · c<sub>t</sub> / n<sub>t</sub>" in shown
    assert any(text.startswith("i = exp(x · W + h · W + bias − m<sub>t</sub>)") for text in shown)


@pytest.mark.parametrize(
    ("kind", "options", "gate", "formula", "bar"),
    [
        ("IndRNN", {}, "z", "z = relu(x · W + bias + recurrent_kernel · h<sub>t−1</sub>)", "h[1]"),
        ("LSTMCell", {"use_peepholes": True}, "f",
         "f = σ(x · W + h · W + bias + forget_bias + w<sub>f</sub> · c<sub>t−1</sub>)", "c[1]"),
        ("LSTMCell", {"use_peepholes": True}, "o",
         "o = σ(x · W + h · W + bias + w<sub>o</sub> · c<sub>t</sub>)", "cₜ[1]"),
        ("sLSTM", {}, "i", "i = exp(x · W + h · W + bias − m<sub>t</sub>)", "mₜ[1]"),
    ],
)  # fmt: skip
def test_a_vector_that_meets_a_state_is_no_matrix_and_a_new_state_is_told_from_the_old(
    kind, options, gate, formula, bar
):
    trace = kinds_of_ones_own.run(kind, num_units=2, input_size=1, options=options)  # every term has its bar
    shown = texts(lv.plot.step(trace, 3, 1, gate))
    assert formula in shown
    assert any(text.startswith(f"{bar}  ") for text in shown), bar
    assert f"{bar[0]}[1]" in [term.name for term in trace.explain(3, gate, 1).terms]


def test_what_is_taken_away_is_written_with_a_minus():
    @lv.kind("OwnMinus")
    def minus(x, h, w):
        f = sigmoid(x @ w("kernel") - w("w_f_diag") * h).called("f")
        return {"h": f * h + 1 - f}

    try:
        shown = texts(lv.plot.step(kinds_of_ones_own.run("OwnMinus"), 3, 1, "f"))
    finally:
        del lv.KINDS["OwnMinus"]
    assert "f = σ(x · W − w<sub>f</sub> · h<sub>t−1</sub>)" in shown


def test_a_norm_over_several_gates_at_once_is_not_said_to_be_over_the_units():
    @lv.kind("OwnWide")
    def wide(x, h, w):
        a, b = split("ab", norm(concat(x, h) @ w("kernel"), w("gamma"), w("beta")))
        return {"h": sigmoid(a).called("a") * tanh(b).called("b")}

    try:
        trace = kinds_of_ones_own.run("OwnWide")
        with pytest.raises(lv.NoSum, match=r"a norm over all 2 \* num_units numbers is in it"):
            trace.explain(3, "a", 1)
        assert "over all 10 numbers" in trace.inside(3, "a", 1).sentence
        assert not any("over all units" in text for text in texts(lv.plot.step(trace, 3, 1)))
    finally:
        del lv.KINDS["OwnWide"]


def test_what_is_added_below_0_has_a_minus_below_the_kernel():
    cell = lv.build("BasicLSTMCell", num_units=3, input_size=2, forget_bias=-1.5)
    assert "forget_bias −1.5 is added when the cell runs" in " ".join(texts(lv.plot.kernel(cell)))


def test_states_are_called_what_their_kind_says():
    heads = [text for text in texts(lv.plot.gates(kinds_of_ones_own.run("sLSTM"))) if text.startswith("<b>")]
    assert any(head.startswith("<b>n</b> normaliser") for head in heads)
    assert any(head.startswith("<b>m</b> stabiliser") for head in heads)
    heads = texts(lv.plot.gates(kinds_of_ones_own.run("OwnStates")))
    assert any(head.startswith("<b>slow</b> state") for head in heads)


def test_a_kind_says_only_of_its_states_what_they_are_called():
    with pytest.raises(ValueError, match="states has k; the equation of Wrong has the states h"):
        lv.kind("Wrong", states={"k": "counter"})(kinds_of_ones_own.minimal_gru)
    assert "Wrong" not in lv.KINDS
