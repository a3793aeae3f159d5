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
from lstmviz.layouts import to_layout
from lstmviz.run import run
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
TODAY = [
    build("CoupledInputForgetGateLSTMCell", 4, 2, use_peepholes=True, forget_bias=0.5, activation="relu"),
    build("LayerNormBasicLSTMCell", 4, 2, forget_bias=0.0),
    build("sLSTM", 3, 2),
    build("minGRU", 3, 2),
    build("minLSTM", 3, 2),
    build("MGU", 3, 2),
    build("JANET", 3, 2, beta=0.5),
    build("IndRNN", 3, 2),
    build("LiGRU", 3, 2, activation="tanh"),
    build("RG-LRU", 3, 2),
]
CONTRIB = [cell for cell in TODAY if cell.kind.name in snippets._CONTRIB_VARIABLES]
UNSAYABLE_IN_TENSORFLOW_1 = ("recurrent_activation", "use_bias")


def _name(cell):
    return f"{cell.kind.name}-{cell.num_units}-{cell.input_size}"


def _noise(cell, steps=7):
    return np.random.default_rng(0).normal(size=(steps, cell.input_size)).astype("float32")


def _run(code: str) -> tuple[dict, str]:
    names: dict = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "snippet", "exec"), names)
    return names, printed.getvalue()


@pytest.mark.parametrize("cell", CELLS, ids=_name)
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
    is_there = cell.kind.name != "CudnnCompatibleGRUCell"  # which no TensorFlow of today has
    if is_there and not changed(cell) & set(UNSAYABLE_IN_TENSORFLOW_1):
        ours = run(cell, _noise(cell), engine="numpy").states["h"]
        np.testing.assert_allclose(_run_tensorflow_1(tf, cell, names), ours, rtol=1e-4, atol=1e-5)


def changed(cell):
    return {option.name for option in cell.kind.options if cell.options[option.name] != option.default}


def _run_tensorflow_1(tf, cell, names):
    """The outputs of the code's graph with our weights in its variables."""
    graph = names["outputs"].graph
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        for variable, weight in zip(names["cell"].variables, cell.weights.values(), strict=True):
            session.run(variable.assign(weight))
        return session.run(names["outputs"], {names["x"]: _noise(cell)[np.newaxis]})[0]


@pytest.mark.parametrize("cell", CELLS, ids=_name)
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
        if "legacy_hard_sigmoid" in cell.options.values():
            return  # which Keras 3 has under no name, so there is no layout to carry the weights in
        names["layer"].set_weights(list(to_layout(cell, "keras").arrays.values()))
        x = _noise(cell)
        ours = run(cell, x, engine="numpy").states["h"]
        np.testing.assert_allclose(names["layer"](x[np.newaxis])[0], ours, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", [*CELLS, *TODAY], ids=_name)
def test_this_librarys_code_builds_the_same_cell(cell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    view = View(cell=cell.kind.name, num_units=cell.num_units, input_size=cell.input_size, time_steps=9)
    code = snippets.this_library(cell, sections.sequence_code(view), "glorot_uniform", 0)
    names, _printed = _run(code)
    assert names["cell"].options == cell.options
    for name, weight in cell.weights.items():
        np.testing.assert_array_equal(names["cell"].weights[name], weight)
    assert len(names["trace"]) == 9
    expected = run(cell, names["x"], engine="numpy").states["h"]
    np.testing.assert_allclose(names["trace"].states["h"], expected, rtol=1e-5, atol=1e-6)
    assert (tmp_path / "gates.html").stat().st_size > 1000


def test_there_is_code_for_every_kind():
    assert {cell.kind.name for cell in [*CELLS, *TODAY]} == set(KINDS)


@pytest.mark.parametrize("cell", [*CELLS, *TODAY], ids=_name)
def test_what_no_framework_has_is_left_out_with_a_sentence(cell):
    codes, missing = snippets.all_of(cell, "x", "glorot_uniform", 0, 7)
    assert ("Keras 3" in codes) == (cell in CELLS)
    assert ("TensorFlow 1" in codes) == (cell in CELLS or cell in CONTRIB)
    assert bool(missing) == (cell in TODAY)
    assert not missing or "Keras" in missing[0]


# What TensorFlow 1.15's `tensorflow/contrib/rnn/python/ops/rnn_cell.py` lets these classes be told, and in which order.
_SIGNATURES = {
    "CoupledInputForgetGateLSTMCell": (
        "num_units use_peepholes initializer num_proj proj_clip num_unit_shards num_proj_shards forget_bias state_is_tuple "
        "activation reuse layer_norm norm_gain norm_shift"
    ),
    "LayerNormBasicLSTMCell": (
        "num_units forget_bias input_size activation layer_norm norm_gain norm_shift dropout_keep_prob dropout_prob_seed reuse"
    ),
    "IndRNNCell": "num_units activation reuse name dtype",
}


@pytest.mark.parametrize("cell", CONTRIB, ids=_name)
def test_the_code_of_what_tf_contrib_had_tells_its_class_what_it_took(cell, monkeypatch):
    # No TensorFlow that installs today has these classes; what they compute is compared in `tests/cells`.
    import tensorflow as tf

    told = {}

    def stand_in(name, names):
        def make(*given, **named):
            assert named.keys() <= set(names.split())
            told[name] = dict(zip(names.split(), given, strict=False)) | named
            return types.SimpleNamespace(variables=[types.SimpleNamespace(shape=())])

        return make

    made = {name: stand_in(name, names) for name, names in _SIGNATURES.items()}
    tf1 = types.ModuleType("tensorflow")
    tf1.contrib = types.SimpleNamespace(rnn=types.SimpleNamespace(**made))
    tf1.float32, tf1.placeholder = tf.float32, lambda *_: None
    tf1.nn = types.SimpleNamespace(dynamic_rnn=lambda *_, **__: (None, None), relu=tf.nn.relu)
    tf1.tanh = tf.tanh
    monkeypatch.setitem(sys.modules, "tensorflow", tf1)
    code = snippets.tensorflow1(cell, time_steps=7)
    _run(code)
    ((name, arguments),) = told.items()
    assert name.removesuffix("Cell") == cell.kind.name.removesuffix("Cell")
    # Their defaults are ours, but for IndRNN's activation.
    defaults = {option.name: option.default for option in cell.kind.options}
    functions = {"relu": tf.nn.relu, "tanh": tf.tanh}
    for option, value in cell.options.items():
        given = arguments.get(option, defaults[option] if cell.kind.name != "IndRNN" else None)
        assert given == value or given is functions.get(value)
    assert "TensorFlow 1.15 is the last that has it" in code


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
