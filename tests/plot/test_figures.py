"""What holds for every figure: themes, JSON, summaries, texts, exports."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.plot import theme as themes


@pytest.fixture(scope="module")
def cell():
    return lv.build("LSTMCell", 5, 3, use_peepholes=True, num_proj=2)


@pytest.fixture(scope="module")
def trace(cell):
    return lv.run(cell, lv.sequences.make("sine", time_steps=30, input_size=3))


@pytest.fixture(scope="module")
def comparison(cell, trace):
    return lv.compare(trace, lv.run(lv.build("LSTMCell", 5, 3, seed=1), trace.sequence))


@pytest.fixture(scope="module")
def figures(cell, trace, comparison):
    def draw(theme):
        return {
            "kernel": lv.plot.kernel(cell, theme=theme),
            "gates": lv.plot.gates(trace, theme=theme),
            "lines": lv.plot.gates(trace, units=[0, 4], theme=theme),
            "summary": lv.plot.summary(trace, theme=theme),
            "gradients": lv.plot.gradients(lv.gradients(trace, unit=1), theme=theme),
            "compare": lv.plot.compare(comparison, theme=theme),
            "ledger": lv.plot.ledger(trace, 1, theme=theme),
        }

    return draw


NAMES = ("kernel", "gates", "lines", "summary", "gradients", "compare", "ledger")


def lightness(colour):
    """CIE L* of `#rrggbb`."""
    rgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def contrast(one, other):
    """WCAG's contrast of two colours."""
    high, low = sorted((((lightness(c) + 16) / 116) ** 3 for c in (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", NAMES)
def test_the_dark_theme_is_the_light_one_with_its_patch(figures, name):
    light, dark = figures("light")[name], figures("dark")[name]
    patch = dict(light.layout.meta["dark"])
    light.plotly_relayout({**patch, "paper_bgcolor": dark.layout.paper_bgcolor})
    assert light.to_plotly_json()["layout"] == dark.to_plotly_json()["layout"]
    assert patch["font.color"] == themes.FONT["dark"]


@pytest.mark.parametrize("name", NAMES)
def test_no_light_colour_is_left_in_the_dark_theme(figures, name):
    layout = json.loads(lv.plot.to_json(figures("dark")[name]))["layout"]
    del layout["meta"]
    text = json.dumps(layout)
    assert themes.FONT["light"] not in text
    assert themes.GRID["light"] not in text
    assert not any(colour in text for _at, colour in themes.DIVERGING["light"])


@pytest.mark.parametrize("draw", [lv.plot.kernel, lv.plot.gates, lv.plot.summary])
def test_a_theme_that_is_not_there_is_refused(cell, trace, draw):
    with pytest.raises(ValueError, match="theme is 'blue'; it must be one of light, dark"):
        draw(cell if draw is lv.plot.kernel else trace, theme="blue")


def test_diverging_colours_leave_the_background_step_by_step_on_both_sides():
    for theme, background in (("light", "#ffffff"), ("dark", "#0f161c")):
        steps = [lightness(colour) for _at, colour in themes.DIVERGING[theme]]
        away = np.abs(np.array(steps) - lightness(background))
        assert 1 < away[3] < 10  # seen as a cell, yet near the background
        assert (np.diff(away[3:]) > 5).all() and (np.diff(away[3::-1]) > 5).all()
        assert (
            np.abs(away - away[::-1]).max() < 26
        )  # one side a little farther: greyscale tells them apart by it


def test_sequential_colours_grow_lighter_evenly():
    steps = np.diff([lightness(colour) for _at, colour in themes.SEQUENTIAL])
    assert (steps > 10).all() and steps.max() < 2 * steps.min()


def test_text_is_readable_on_both_backgrounds():
    assert contrast(themes.FONT["light"], "#ffffff") > 7
    assert contrast(themes.FONT["dark"], "#0f161c") > 7


@pytest.mark.parametrize("name", NAMES)
def test_no_text_is_smaller_than_12_pixels(figures, name):
    sizes = []

    def collect(part):
        if isinstance(part, dict):
            for key, value in part.items():
                sizes.extend(
                    [value["size"]] if "font" in key and isinstance(value, dict) and "size" in value else []
                )
                collect(value)
        elif isinstance(part, list | tuple):
            for value in part:
                collect(value)

    collect(figures("light")[name].to_plotly_json()["layout"])
    assert min(sizes) >= 12


@pytest.mark.parametrize("name", NAMES)
def test_plotlys_own_template_stays_out(figures, name):
    assert "colorway" not in figures("light")[name].to_json()


def test_the_pages_json_is_the_figure(cell, trace, comparison):
    pairs = [
        (lv.plot.kernel_json(cell), lv.plot.kernel(cell)),
        (lv.plot.gates_json(trace), lv.plot.gates(trace)),
        (lv.plot.gates_json(trace, units=[1], values="preactivations"),
         lv.plot.gates(trace, units=[1], values="preactivations")),
        (lv.plot.summary_json(trace), lv.plot.summary(trace)),
        (lv.plot.compare_json(comparison, values="preactivations"),
         lv.plot.compare(comparison, values="preactivations")),
        (lv.plot.gradients_json(lv.gradients(trace, 1)), lv.plot.gradients(lv.gradients(trace, 1))),
    ]  # fmt: skip
    for text, figure in pairs:
        assert (
            go.Figure(json.loads(text)).to_plotly_json()
            == go.Figure(json.loads(lv.plot.to_json(figure))).to_plotly_json()
        )


@given(st.integers(0, 5), st.integers(1, 5), st.sampled_from(["f4", "f8"]), st.booleans())
def test_arrays_travel_bit_by_bit(rows, columns, dtype, transposed):
    array = np.random.default_rng(0).normal(size=(rows, columns)).astype(dtype)
    array[:1, :1] = np.nan
    array = array.T if transposed else array
    sent = json.loads(lv.plot.to_json({"data": [{"z": array}]}))["data"][0]["z"]
    if not array.size:
        assert sent == array.tolist()
        return
    assert sent["dtype"] == dtype
    shape = [int(n) for n in sent["shape"].split(",")]
    read = np.frombuffer(base64.b64decode(sent["bdata"]), dtype).reshape(shape)
    np.testing.assert_array_equal(read, array)


def test_what_json_does_not_know_is_refused():
    with pytest.raises(TypeError, match="object"):
        lv.plot.to_json({"data": [object()]})


def test_the_summary_draws_the_traces_own_numbers(trace):
    figure = lv.plot.summary(trace)
    texts = [annotation.text for annotation in figure.layout.annotations]
    for bars, text, (name, summary) in zip(figure.data, texts, trace.summary().items(), strict=True):
        np.testing.assert_array_equal(bars.y, summary.counts)
        assert text.startswith(f"<b>{name}</b>")
        assert f"saturated: {summary.low:.0%} low, {summary.high:.0%} high" in text


def test_the_summary_of_a_gate_without_bounds_says_nothing_of_saturation():
    cell = lv.build("BasicRNNCell", 2, 1, activation="linear")
    (words,) = lv.plot.summary(lv.run(cell, np.ones((3, 1), np.float32))).layout.annotations
    assert "mean" in words.text and "saturated" not in words.text


def test_the_summary_of_no_steps_says_so():
    trace = lv.run(lv.build("GRUCell", 2, 1), np.zeros((0, 1), np.float32))
    assert all("no values" in a.text for a in lv.plot.summary(trace).layout.annotations)


def test_the_kernels_text_names_its_shape_and_its_largest_weight():
    kernel = np.zeros((3, 8), np.float32)
    kernel[2, 5] = -3
    cell = lv.build("BasicLSTMCell", 2, 1, weights={"kernel": kernel, "bias": np.zeros(8, np.float32)})
    text = lv.plot.describe_kernel(cell)
    assert "3 rows and 8 columns, blocks i, j, f, o" in text
    assert "farthest from 0 is -3.000, from h[1] to f[1]" in text


def test_the_kernels_text_counts_what_is_not_finite():
    kernel = np.array([[np.inf, 0.5], [np.nan, -1], [0, 0]], np.float32)
    cell = lv.build("BasicRNNCell", 2, 1, weights={"kernel": kernel, "bias": np.zeros(2, np.float32)})
    text = lv.plot.describe_kernel(cell)
    assert "-1.000, from h[0] to z[1]" in text and "NaN or infinite: 2" in text


def test_the_gates_text_names_the_most_saturated_gate():
    cell = lv.build("BasicLSTMCell", 2, 1, forget_bias=50.0)
    text = lv.plot.describe_gates(lv.run(cell, np.zeros((4, 1), np.float32)))
    assert "4 steps, 2 units" in text
    assert "Gate f is saturated most, in 100% of its values" in text


@pytest.mark.parametrize("language", lv.language.LANGUAGES)
def test_shapes_stay_as_they_are_in_every_language(cell, language):
    with lv.language.use(language):
        assert lv.plot.kernel(cell).layout.title.text.endswith("kernel [5, 20]")


def test_plotly_is_not_imported_before_a_figure_is_asked_for():
    code = "import sys, lstmviz as lv; lv.plot.kernel_json(lv.build('GRUCell', 2, 1)); print('plotly' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_figure_becomes_a_static_image(cell):
    pytest.importorskip("kaleido")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no Chrome or Chromium on the path, which kaleido draws with")
    image = lv.plot.kernel(cell).to_image("svg")
    assert image.startswith(b"<svg") and b"kernel [5, 20]" in image


def test_a_summary_says_each_gates_mean_and_saturation():
    cell = lv.build(
        "BasicLSTMCell", 3, 1, weights={"kernel": np.zeros((4, 12)), "bias": np.repeat([9, 0, 0, -9], 3)}
    )
    words = lv.plot.describe_summary(lv.run(cell, np.zeros((4, 1))))
    assert "i has the mean 1.00, 100% saturated" in words and "f has the mean 0.73, 0% saturated" in words
