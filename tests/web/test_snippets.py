"""The code that the page offers, run."""

from __future__ import annotations

import contextlib
import io
import sys
import types
import warnings

import numpy as np
import pytest

from lstmviz.cells import ACTIVATIONS, KINDS, build
from lstmviz.web import sections, snippets
from lstmviz.web.view import View
from tests import keras3

CELLS = [
    build("BasicRNNCell", 8, 4, activation="relu"),
    build("BasicLSTMCell", 8, 4),
    build("BasicLSTMCell", 3, 2, forget_bias=0.0, activation="linear"),
    build("LSTMCell", 5, 3, use_peepholes=True, num_proj=2, cell_clip=1.5, proj_clip=0.5, forget_bias=0.25),
    build("GRUCell", 6, 1, activation="sigmoid"),
    build("GRUCell", 2, 3, recurrent_activation="hard_sigmoid", use_bias=False),
    build("CudnnCompatibleGRUCell", 7, 2),
    build("CudnnCompatibleGRUCell", 4, 5, recurrent_activation="legacy_hard_sigmoid", activation="softsign"),
    build("BasicLSTMCell", 4, 3, use_bias=False, forget_bias=0.0, activation="hard_sigmoid"),
]
UNSAYABLE_IN_TENSORFLOW_1 = ("recurrent_activation", "use_bias")
_IDS = [f"{cell.kind.name}-{cell.num_units}-{cell.input_size}" for cell in CELLS]


def _run(code: str) -> tuple[dict, str]:
    names: dict = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "snippet", "exec"), names)
    return names, printed.getvalue()


@pytest.mark.parametrize("cell", CELLS, ids=_IDS)
def test_the_tensorflow_1_code_builds_the_variables_it_says(cell, monkeypatch):
    # TensorFlow 1 itself installs on no Python of today; TensorFlow 2 carries its API and, privately, its cells.
    import tensorflow as tf
    from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl

    tf1 = types.ModuleType("tensorflow")
    tf1.__dict__.update(
        {
            name: getattr(tf.compat.v1, name)
            for name in ("placeholder", "float32", "tanh", "sigmoid", "identity", "clip_by_value")
        }
    )
    tf1.nn = types.SimpleNamespace(
        relu=tf.nn.relu, relu6=tf.nn.relu6, dynamic_rnn=tf.compat.v1.nn.dynamic_rnn
    )

    class CudnnCompatibleGRUCell(rnn_cell_impl.GRUCell):
        """In no TensorFlow of today: what of its signature TensorFlow 1.15's source has."""

        def __init__(self, num_units, reuse=None, kernel_initializer=None):
            super().__init__(num_units, reuse=reuse, kernel_initializer=kernel_initializer)

    cudnn_rnn = types.SimpleNamespace(CudnnCompatibleGRUCell=CudnnCompatibleGRUCell)
    tf1.contrib = types.SimpleNamespace(rnn=rnn_cell_impl, cudnn_rnn=cudnn_rnn)
    monkeypatch.setitem(sys.modules, "tensorflow", tf1)
    with tf.Graph().as_default(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow 1's classes say at each turn that they are deprecated
        code = snippets.tensorflow1(cell, time_steps=7)
        names, printed = _run(code)
        built = {v.name.split("/", 2)[-1].removesuffix(":0"): tuple(v.shape) for v in names["cell"].variables}
    for name in UNSAYABLE_IN_TENSORFLOW_1:
        default = {option.name: option.default for option in cell.kind.options}.get(name)
        assert (f"TensorFlow 1 has no {name}" in code) == (cell.options.get(name) != default)
    if cell.kind.name != "CudnnCompatibleGRUCell" and cell.biased:
        assert set(built.values()) == {weight.shape for weight in cell.weights.values()}
    assert names["outputs"].shape == (1, 7, cell.output_size)
    assert printed


@pytest.mark.parametrize("cell", CELLS, ids=_IDS)
def test_the_keras_code_runs_and_counts_the_same_parameters_where_keras_can_say_the_cell(cell):
    code = snippets.keras3(cell, time_steps=7)
    names, _printed = _run(code)
    assert names["outputs"].shape == (1, 7, cell.num_units)
    unsayable = [
        name for name in ("use_peepholes", "num_proj", "cell_clip", "proj_clip") if cell.options.get(name)
    ]
    for name in unsayable:
        assert f"Keras has no {name}" in code
    if not unsayable:
        # Of two biases for r and u, where only their sum counts, TensorFlow 1 stores one.
        again = 2 * cell.num_units if cell.hidden_biased else 0
        assert names["layer"].count_params() == cell.parameter_count + again
        assert ("two biases for r, u too" in code) == bool(again)
        layer = names["layer"].cell
        a = np.linspace(-5, 5, 41, dtype="float32")
        for name in ("activation", "recurrent_activation"):
            if name in cell.options:
                expected = keras3.activation(cell.options[name])(a)
                np.testing.assert_allclose(getattr(layer, name)(a), expected, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS, ids=_IDS)
def test_this_librarys_code_builds_the_same_cell(cell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    view = View(cell=cell.kind.name, num_units=cell.num_units, input_size=cell.input_size, time_steps=9)
    code = snippets.this_library(cell, sections.sequence_code(view), "glorot_uniform", 0)
    names, _printed = _run(code)
    assert names["cell"].options == cell.options
    for name, weight in cell.weights.items():
        np.testing.assert_array_equal(names["cell"].weights[name], weight)
    assert len(names["trace"]) == 9
    assert (tmp_path / "gates.html").stat().st_size > 1000


def test_there_is_code_for_every_kind():
    assert {cell.kind.name for cell in CELLS} == set(KINDS)


@pytest.mark.parametrize(
    "view",
    [
        View(sequence="sine", seed=3),
        View(sequence="text", text='it\'s "so"\n'),
        View(sequence="numbers", numbers="1 2\n3 4", standardise=False),
    ],
)
def test_the_code_of_the_sequence_makes_what_the_page_shows(view):
    import lstmviz as lv
    from lstmviz.web import render

    shown, _cut = render.load_sequence(view, None)
    made = eval(sections.sequence_code(view), {"lv": lv})
    np.testing.assert_array_equal(made.values, shown.values)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_said_in_tensorflow_1(name):
    import tensorflow as tf

    a = np.linspace(-5, 5, 41, dtype="float32")
    said = eval(snippets._TENSORFLOW_FUNCTIONS[name], {"tf": tf.compat.v1})
    np.testing.assert_allclose(said(a), keras3.activation(name)(a), rtol=1e-6, atol=1e-6)
