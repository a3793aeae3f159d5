"""Every figure draws, describes and exports every kind of cell: ours, and one with letters, states and weights of its own."""

from __future__ import annotations

import json
import shutil

import numpy as np
import plotly.io
import pytest

import lstmviz as lv
from lstmviz.cells import Cell
from lstmviz.cells.kind import make_kind
from lstmviz.equation import maximum, sigmoid, split, tanh
from lstmviz.plot import theme as themes
from lstmviz.web.drawing import draw_layer

GATES = {
    "z": "candidate",
    "i": "input gate",
    "f": "forget gate",
    "hat": "",
    "out": "output gate",
    "g": "",
}
STATES = ("c", "n", "m", "h")


def odd(x, c, n, m, h, w):
    """A kernel that meets x alone, more states than most, and two vectors beside the kernel."""
    z, i, f, hat, out, g = split(tuple(GATES), x @ w("kernel"))
    z = tanh(z).called("z", GATES["z"])
    i, f, out = (sigmoid(part).called(name, GATES[name]) for name, part in (("i", i), ("f", f), ("out", out)))
    hat, g = sigmoid(hat).called("hat"), g.called("g")
    c, n, m = f * c + i * z + w("recurrent") * h, w("norm/gamma") * n + hat, maximum(m, g)
    return {"c": c, "n": n, "m": m, "h": out * (c + n - m)}


def odd_trace(num_units=4, steps=7):
    """A run of a kind that nobody but this file knows."""
    rng = np.random.default_rng(num_units)
    shapes = {"kernel": (3, len(GATES) * num_units), "recurrent": (num_units,), "norm/gamma": (num_units,)}
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    cell = Cell(ODD, num_units, 3, {}, weights)
    return lv.run(cell, lv.sequences.make("sine", time_steps=steps, input_size=3), engine="numpy")


ODD = make_kind(odd, "Odd", "a kind of its own")


def figures_of(trace, gradients):
    comparison = lv.compare(trace, trace)
    return {
        "kernel": (lv.plot.kernel(trace.cell), lv.plot.describe_kernel(trace.cell)),
        "gates": (lv.plot.gates(trace), lv.plot.describe_gates(trace)),
        "preactivations": (lv.plot.gates(trace, values="preactivations"), lv.plot.describe_gates(trace)),
        "lines": (lv.plot.gates(trace, units=[0]), lv.plot.describe_gates(trace)),
        "summary": (lv.plot.summary(trace, theme="dark"), lv.plot.describe_summary(trace)),
        "gradients": (lv.plot.gradients(gradients), lv.plot.describe_gradients(gradients)),
        "compare": (lv.plot.compare(comparison), lv.plot.describe_compare(comparison)),
    }


def texts(figure):
    return [annotation.text for annotation in figure.layout.annotations]


@pytest.mark.parametrize("kind", [*lv.KINDS, "Odd"])
def test_every_figure_draws_describes_and_exports_every_kind(kind):
    if kind == "Odd":
        trace = odd_trace()
    else:
        trace = lv.run(
            lv.build(kind, 3, 3), lv.sequences.make("sine", time_steps=6, input_size=3), engine="numpy"
        )
    gradients = lv.gradients(trace, unit=0)
    for name, (figure, words) in figures_of(trace, gradients).items():
        assert figure.data, name
        assert words.endswith("."), name
        assert json.loads(lv.plot.to_json(figure))["layout"]["height"] == figure.layout.height
        assert "plotly" in plotly.io.to_html(figure, include_plotlyjs=False)
        ys = [trace.yaxis or "y" for trace in figure.data]
        axes = {axis.replace("axis", "") for axis in figure.layout if axis.startswith("yaxis")}
        assert set(ys) == axes, name  # no panel is empty, and nothing is drawn beside a panel


def test_every_figure_becomes_a_static_image(tmp_path):
    pytest.importorskip("kaleido")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no Chrome or Chromium on the path, which kaleido draws with")
    trace = odd_trace()
    drawn = figures_of(trace, lv.gradients(trace, unit=0))
    files = [tmp_path / f"{name}.svg" for name in drawn]
    plotly.io.write_images([figure for figure, _words in drawn.values()], files)
    for file in files:
        assert file.read_text().startswith("<svg")


def test_a_kernel_without_rows_of_h_speaks_of_none():
    trace = odd_trace()
    figure = lv.plot.kernel(trace.cell)
    assert not any(name.startswith("h[") for name in figure.layout.yaxis.categoryarray)
    assert "<b>x</b> [3]" in texts(figure) and not any("<b>h</b>" in text for text in texts(figure))
    assert figure.layout.meta["link"]["hidden"] == 0
    assert not any("M0," in shape.path for shape in figure.layout.shapes)  # no border below the last row
    assert len(figure.data[0].z) == 3


def test_each_vector_beside_the_kernel_is_a_strip_with_its_name():
    cell = odd_trace().cell
    figure = lv.plot.kernel(cell)
    strips = figure.data[-2:]
    for strip, name in zip(strips, ("recurrent", "norm/gamma"), strict=True):
        np.testing.assert_array_equal(strip.z, [cell.weights[name]])
        assert f"<b>{name}</b> [4]" in texts(figure)
        assert strip.hovertemplate.startswith("unit %{x:d}<br>")
    assert figure.layout.coloraxis.cmax >= max(np.abs(cell.weights[name]).max() for name in cell.weights)


def test_every_gate_and_every_state_has_a_strip_with_its_name():
    trace = odd_trace()
    figure = lv.plot.gates(trace)
    heads = [text for text in texts(figure) if text.startswith("<b>")]
    assert [text.split("</b>")[0][3:] for text in heads] == ["x", *GATES, *STATES]
    for drawn, values in zip(figure.data[-4:], trace.states.values(), strict=True):
        np.testing.assert_array_equal(drawn.z, values.T)
    for drawn, values in zip(figure.data[1:7], trace.gates.values(), strict=True):
        np.testing.assert_array_equal(drawn.z, values.T)


def test_a_gate_with_the_letter_of_a_state_would_be_taken_for_it_and_is_refused():
    def confused(x, c, h, w):
        new = sigmoid(x @ w("kernel")).called("c")
        return {"c": new, "h": tanh(c)}

    with pytest.raises(ValueError, match="a gate is called c, as the state or x is"):
        make_kind(confused, "Confused").variables  # noqa: B018


def test_every_gate_has_a_colour_of_its_own_wherever_it_is_drawn():
    trace = odd_trace()
    colours = themes.gate_colours(list(GATES))
    assert len(set(colours.values())) == len(GATES)
    assert [bars.marker.color for bars in lv.plot.summary(trace).data] == list(colours.values())
    layer = draw_layer(trace.cell)
    assert all(f"color:{colour}" in layer for colour in colours.values())


def test_many_gates_are_named_by_their_letters_alone_on_a_phone():
    figure = lv.plot.kernel(odd_trace().cell)
    narrow = figure.layout.meta["narrow"]
    assert [narrow[f"annotations[{k}].text"] for k in range(len(GATES))] == [
        f"<b>{name}</b>" for name in GATES
    ]
