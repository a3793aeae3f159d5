"""TensorFlow Lite models, made by TensorFlow's converter or by its schema's classes, and run by its interpreter."""

import contextlib
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.formats import tflite_files
from lstmviz.formats.found import Content, FormatError
from tests.formats.models import TOLERANCE, differs

tf = pytest.importorskip("tensorflow")
schema = pytest.importorskip("tensorflow.lite.python.schema_py_generated")
flatbuffers = pytest.importorskip("flatbuffers")
pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
GATES = ("i", "f", "c", "o")
TYPES = {"float32": 0, "float16": 1, "int8": 9, "int32": 2}


@pytest.fixture(autouse=True)
def here(request):
    """The reader in this process; what is marked runs where it always runs."""
    if "sandboxed" not in request.fixturenames:
        request.getfixturevalue("in_this_process")


@pytest.fixture
def sandboxed():
    """The reader in its own process."""


class Builder:
    """A model of one graph, by the classes that TensorFlow's own tools use."""

    def __init__(self):
        self.model = schema.ModelT()
        self.model.version, self.model.buffers, self.model.operatorCodes = 3, [self.buffer(None)], []
        self.graph = schema.SubGraphT()
        self.graph.name, self.graph.tensors, self.graph.operators = b"main", [], []
        self.model.subgraphs = [self.graph]

    @staticmethod
    def buffer(data):
        made = schema.BufferT()
        made.data = None if data is None else np.frombuffer(data, np.uint8)
        return made

    def tensor(self, name, shape, array=None, variable=False, scale=None, zero=0, axis=0):
        made = schema.TensorT()
        made.name, made.shape, made.isVariable = name.encode(), list(shape), variable
        made.type = TYPES[array.dtype.name] if array is not None else 0
        made.buffer = 0
        if array is not None:
            self.model.buffers.append(self.buffer(np.ascontiguousarray(array).tobytes()))
            made.buffer = len(self.model.buffers) - 1
        if scale is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.atleast_1d(scale).astype("float32")
            made.quantization.zeroPoint = np.full(np.size(scale), zero, "int64")
            made.quantization.quantizedDimension = axis
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def constant(self, name, array, **words):
        return -1 if array is None else self.tensor(name, array.shape, array, **words)

    def operator(self, kind, inputs, outputs, options=None, custom=None, version=1):
        code = schema.OperatorCodeT()
        number = getattr(schema.BuiltinOperator, kind)
        code.builtinCode, code.deprecatedBuiltinCode, code.customCode, code.version = (
            number,
            min(number, 127),
            custom,
            version,
        )
        self.model.operatorCodes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = len(self.model.operatorCodes) - 1, inputs, outputs
        if options is not None:
            made.builtinOptions = options
            made.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.graph.operators.append(made)

    def pack(self, inputs, outputs):
        self.graph.inputs, self.graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def lstm_arrays(rng, units, inputs, outputs=None, peepholes=False, projection_bias=False):
    """The arrays of an LSTM as the operator has them, in the order of its inputs 1 to 17."""
    outputs_ = outputs or units
    normal = lambda *shape: rng.normal(size=shape, scale=0.5).astype("float32")  # noqa: E731
    arrays = {f"input_{gate}": normal(units, inputs) for gate in GATES}
    arrays |= {f"recurrent_{gate}": normal(units, outputs_) for gate in GATES}
    arrays |= {f"peephole_{gate}": normal(units) if peepholes else None for gate in "ifo"}
    arrays |= {f"bias_{gate}": normal(units) for gate in GATES}
    arrays["projection"] = normal(outputs, units) if outputs else None
    arrays["projection_bias"] = normal(outputs) if projection_bias else None
    return arrays


def lstm_model(arrays, steps, change=None, single=False, norms=None, quantize=None, **options):
    """A model of one UNIDIRECTIONAL_SEQUENCE_LSTM, or of one LSTM; what its options are by default is a plain one."""
    made = Builder()
    units, inputs = arrays["input_f"].shape
    outputs = arrays["recurrent_f"].shape[1]
    time_first = options.get("timeMajor", False)
    shape = [1, inputs] if single else ([steps, 1, inputs] if time_first else [1, steps, inputs])
    x = made.tensor("x", shape)
    weights = []
    for name, array in arrays.items():
        if quantize and array is not None and name.startswith(("input", "recurrent", "projection")):
            weights.append(quantize(made, name, array))
        else:
            weights.append(made.constant(name, array))
    states = [made.tensor("h", [1, outputs], variable=True), made.tensor("c", [1, units], variable=True)]
    norms = [-1] * 4 if norms is None else [made.constant(f"norm{k}", norm) for k, norm in enumerate(norms)]
    told = (schema.LSTMOptionsT if single else schema.UnidirectionalSequenceLSTMOptionsT)()
    for name, value in {"fusedActivationFunction": 4, "cellClip": 0.0, "projClip": 0.0, **options}.items():
        setattr(told, name, value)
    y = made.tensor("y", [*shape[:-1], outputs])
    kind = "LSTM" if single else "UNIDIRECTIONAL_SEQUENCE_LSTM"
    made.operator(kind, [x, *weights, *states, *norms], [y], told)
    if change:
        change(made)
    return made.pack([x], [y])


def interpret(data, x):
    """The outputs of a fresh interpreter, `[time, units]`."""
    interpreter = tf.lite.Interpreter(
        model_content=data, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    (given,), outputs = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(given["index"], x.reshape(given["shape"]).astype("float32"))
    interpreter.invoke()
    return [interpreter.get_tensor(each["index"]) for each in outputs]


CASES = {
    "plain": ({}, {}),
    "peepholes": ({"peepholes": True}, {}),
    "projection": ({"outputs": 3}, {}),
    "everything": ({"outputs": 3, "peepholes": True}, {"cellClip": 0.3, "projClip": 0.2}),
    "clipped": ({}, {"cellClip": 0.25}),
    "projClip without a projection": ({}, {"projClip": 0.1}),
    "relu": ({}, {"fusedActivationFunction": 1}),
    "time first": ({}, {"timeMajor": True}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_option_of_the_lstm(case):
    shape, options = CASES[case]
    rng = np.random.default_rng(len(case))
    units, inputs = (int(size) for size in rng.integers(2, 9, 2))
    data = lstm_model(lstm_arrays(rng, units, inputs, **shape), 7, **options)
    x = rng.normal(size=(7, inputs))
    loaded = lv.load(data, name="m.tflite")
    assert list(loaded) == ["UNIDIRECTIONAL_SEQUENCE_LSTM"]
    ((name, cell),) = loaded.items()
    (outputs,) = interpret(data, x)
    assert differs(cell, x, outputs.reshape(7, -1)) <= TOLERANCE
    assert not loaded.assumed[name]
    assert loaded.stored[name].layer == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    assert "i, j, f, o" in loaded.notes[name]


def test_it_runs_in_a_process_of_its_own(sandboxed, tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "m.tflite"
    path.write_bytes(lstm_model(lstm_arrays(rng, 3, 2), 4))
    x = rng.normal(size=(4, 2))
    loaded = lv.load(path)
    assert loaded.format == "tflite"
    assert (
        differs(loaded["UNIDIRECTIONAL_SEQUENCE_LSTM"], x, interpret(path.read_bytes(), x)[0][0]) <= TOLERANCE
    )


@pytest.mark.parametrize("per_channel", [False, True])
def test_quantized_weights_are_dequantized_and_told(per_channel):
    rng = np.random.default_rng(1)
    kept = {}

    def quantize(made, name, array):
        top = np.abs(array).max(axis=1) if per_channel else np.abs(array).max()
        scale = (top / 127).astype("float32")
        grid = scale[:, None] if per_channel else scale
        stored = np.round(array / grid).astype("int8")
        kept[name] = stored.astype("float32") * grid
        return made.tensor(name, array.shape, stored, scale=scale)

    arrays = lstm_arrays(rng, 8, 6)
    data = lstm_model(arrays, 5, quantize=quantize)
    exact = lstm_model({**arrays, **kept}, 5)
    x = rng.normal(size=(5, 6))
    ((name, cell),) = (loaded := lv.load(data)).items()
    assert "stored as INT8" in loaded.notes[name] and "rounded to whole numbers" in loaded.notes[name]
    assert differs(cell, x, interpret(exact, x)[0][0]) <= TOLERANCE
    if not per_channel:  # the interpreter runs these; the others are of converters to come
        assert differs(cell, x, interpret(data, x)[0][0]) <= 0.05


def test_float16_weights_behind_dequantize_operators_are_read_and_told():
    rng = np.random.default_rng(2)
    arrays = {
        name: None if array is None else array.astype("float16").astype("float32")
        for name, array in lstm_arrays(rng, 4, 3).items()
    }

    def narrow(made, name, array):
        stored = made.tensor(f"{name}_half", array.shape, array.astype("float16"))
        wide = made.tensor(name, array.shape)
        made.operator("DEQUANTIZE", [stored], [wide], schema.DequantizeOptionsT(), version=3)
        return wide

    data, x = lstm_model(arrays, 5, quantize=narrow), rng.normal(size=(5, 3))
    ((name, cell),) = (loaded := lv.load(data)).items()
    assert "stored as FLOAT16" in loaded.notes[name]
    assert differs(cell, x, interpret(data, x)[0][0]) <= TOLERANCE


def test_one_step_operators_are_read():
    rng = np.random.default_rng(3)
    data, x = lstm_model(lstm_arrays(rng, 4, 3), 1, single=True), rng.normal(size=(1, 3))
    ((name, cell),) = (loaded := lv.load(data)).items()
    assert name == "LSTM"
    assert "does one step" in loaded.notes[name]
    assert differs(cell, x, interpret(data, x)[0]) <= TOLERANCE


def test_the_older_form_with_one_matrix():
    rng = np.random.default_rng(4)
    made, units, inputs = Builder(), 4, 3
    normal = lambda *shape: rng.normal(size=shape).astype("float32")  # noqa: E731
    x, h = made.tensor("x", [1, inputs]), made.tensor("h", [1, units])
    weights, bias = (
        made.constant("w", normal(4 * units, inputs + units)),
        made.constant("b", normal(4 * units)),
    )
    c = made.tensor("c", [1, units])
    outputs = [made.tensor(name, [1, size]) for name, size in
               (("h2", units), ("c2", units), ("concat", inputs + units), ("gates", 4 * units))]  # fmt: skip
    options = schema.LSTMOptionsT()
    options.kernelType, options.fusedActivationFunction = 1, 4
    made.operator("LSTM", [x, h, weights, bias, c], outputs, options)
    data = made.pack([x, h, c], outputs[:1])
    interpreter = tf.lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    values = {"x": normal(1, inputs), "h": normal(1, units), "c": normal(1, units)}
    for each in interpreter.get_input_details():
        interpreter.set_tensor(each["index"], values[each["name"]])
    interpreter.invoke()
    expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    loaded = lv.load(data)
    trace = lv.run(loaded["LSTM"], values["x"], initial_state={"h": values["h"][0], "c": values["c"][0]})
    assert np.max(np.abs(trace.states["h"] - expected)) <= TOLERANCE
    assert [each.that for each in loaded.assumed["LSTM"]] == [
        "its h starts from zeros",
        "its c starts from zeros",
    ]


def test_both_directions_of_the_bidirectional_lstm():
    rng = np.random.default_rng(5)
    made, units, inputs, steps = Builder(), 4, 3, 6
    x = made.tensor("x", [1, steps, inputs])
    sides = [
        [
            made.constant(f"{k}{name}", array)
            for name, array in lstm_arrays(rng, units, inputs, peepholes=True).items()
        ]
        for k in range(2)
    ]
    states = [made.tensor(f"s{k}", [1, units], variable=True) for k in range(4)]
    outputs = [made.tensor(f"y{k}", [1, steps, units]) for k in range(2)]
    options = schema.BidirectionalSequenceLSTMOptionsT()
    options.fusedActivationFunction, options.timeMajor = 4, False
    made.operator(
        "BIDIRECTIONAL_SEQUENCE_LSTM", [x, *sides[0], *sides[1], *states, *[-1] * 9], outputs, options
    )
    data, values = made.pack([x], outputs), rng.normal(size=(steps, inputs))
    loaded = lv.load(data)
    assert list(loaded) == ["BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM_reverse"]
    expected = interpret(data, values)
    for (name, cell), own in zip(loaded.items(), expected, strict=True):
        assert loaded.reads[name].reverse == name.endswith("_reverse")
        assert differs(cell, values, own[0], backward=loaded.reads[name].reverse) <= TOLERANCE


@pytest.mark.parametrize("activation", [0, 1, 4])
def test_the_plain_recurrent_operator(activation):
    rng = np.random.default_rng(6)
    made, units, inputs, steps = Builder(), 4, 3, 6
    x = made.tensor("x", [1, steps, inputs])
    shapes = {"w": (units, inputs), "r": (units, units), "b": (units,)}
    weights = [made.constant(n, rng.normal(size=s, scale=0.4).astype("float32")) for n, s in shapes.items()]
    state, y = made.tensor("h", [1, units], variable=True), made.tensor("y", [1, steps, units])
    options = schema.SequenceRNNOptionsT()
    options.fusedActivationFunction, options.timeMajor = activation, False
    made.operator("UNIDIRECTIONAL_SEQUENCE_RNN", [x, *weights, state], [y], options)
    data, values = made.pack([x], [y]), rng.normal(size=(steps, inputs))
    ((name, cell),) = lv.load(data).items()
    assert name == "UNIDIRECTIONAL_SEQUENCE_RNN"
    assert differs(cell, values, interpret(data, values)[0][0]) <= TOLERANCE


def test_a_sequence_that_is_turned_before_is_read_from_its_end():
    rng = np.random.default_rng(7)
    for axis, is_turned in ((1, True), (2, False)):

        def turn(made, axis=axis):
            operator = made.graph.operators[0]
            turned = made.tensor("turned", [1, 5, 3])
            given = made.constant("axis", np.array([axis], "int32"))
            made.operator("REVERSE_V2", [operator.inputs[0], given], [turned], schema.ReverseV2OptionsT())
            operator.inputs[0] = turned
            made.graph.operators.reverse()

        data, x = lstm_model(lstm_arrays(rng, 4, 3), 5, turn), rng.normal(size=(5, 3))
        ((name, cell),) = (loaded := lv.load(data)).items()
        assert loaded.reads[name].reverse == is_turned
        if is_turned:
            outputs = interpret(data, x)[0][0]  # in the order in which they are made
            assert differs(cell, x, outputs[::-1], backward=True) <= TOLERANCE


def test_states_are_kept_between_runs_and_that_is_told():
    rng = np.random.default_rng(8)
    data, x = lstm_model(lstm_arrays(rng, 4, 3), 5), rng.normal(size=(1, 5, 3)).astype("float32")
    interpreter = tf.lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    outputs = []
    for _run in range(2):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3
    ((_name, note),) = lv.load(data).notes.items()
    assert "keeps its states from one run to the next" in note


def without(*names):
    rng = np.random.default_rng(9)
    return {name: None if name in names else array for name, array in lstm_arrays(rng, 4, 3).items()}


ONES = [np.ones(4, "float32")] * 4
LEFT_OUT = {
    "no input gate": (lambda: lstm_model(without("input_i", "recurrent_i", "bias_i"), 5), "CIFG"),
    "layer norm": (lambda: lstm_model(without(), 5, norms=ONES), "layer normalization"),
    "relu6": (lambda: lstm_model(without(), 5, fusedActivationFunction=3), "RELU6"),
    "no activation": (lambda: lstm_model(without(), 5, fusedActivationFunction=0), "is NONE"),
    "diagonal": (lambda: lstm_model(without(), 5, diagonalRecurrentTensors=True), "diagonals"),
    "projection bias": (
        lambda: lstm_model(lstm_arrays(np.random.default_rng(0), 4, 3, 2, projection_bias=True), 5),
        "its projection has a bias",
    ),
    "a peephole short": (
        lambda: lstm_model({**lstm_arrays(np.random.default_rng(0), 4, 3, peepholes=True), "peephole_o": None}, 5),
        "peephole weights (o)",
    ),
    "no bias": (lambda: lstm_model(without("bias_f"), 5), "no biases (f)"),
    "other shapes": (lambda: lstm_model({**without(), "input_o": np.ones((5, 3), "float32")}, 5), "[5, 3]"),
    "whole numbers without a scale": (
        lambda: lstm_model(without(), 5, quantize=lambda made, name, a: made.constant(name, a.astype("int8"))),
        "what scales them",
    ),
    "weights that are given": (
        lambda: lstm_model(without(), 5, quantize=lambda made, name, a: made.tensor(name, a.shape)),
        "given or computed when the model runs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_no_cell_does_is_left_out_with_the_reason(case):
    make, cause = LEFT_OUT[case]
    loaded = lv.load(make())
    assert not loaded
    assert cause in loaded.skipped["UNIDIRECTIONAL_SEQUENCE_LSTM"]


def test_custom_operators_that_are_recurrent_by_name_are_left_out_by_it():
    made = Builder()
    x, y = made.tensor("x", [1, 3]), made.tensor("y", [1, 3])
    made.operator("CUSTOM", [x], [y], custom=b"UNIDIRECTIONAL_SEQUENCE_GRU")
    made.operator("SVDF", [x], [y])
    made.operator("RELU", [x], [y])
    skipped = lv.load(made.pack([x], [y])).skipped
    assert "custom operator UNIDIRECTIONAL_SEQUENCE_GRU" in skipped["UNIDIRECTIONAL_SEQUENCE_GRU"]
    assert "filter with a memory" in skipped["SVDF"]
    assert skipped["other operators"] == "1 that are not recurrent; what they make together is not read"


def test_weights_behind_the_tables_of_a_large_file():
    rng = np.random.default_rng(10)
    data, x = lstm_model(lstm_arrays(rng, 4, 3), 5), rng.normal(size=(5, 3))
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    tail, parts = 2**16, []
    for buffer in model.buffers:
        if buffer.data is not None and len(buffer.data):
            parts.append(np.asarray(buffer.data, np.uint8).tobytes())
            buffer.data, buffer.offset, buffer.size = None, tail, len(parts[-1])
            tail += buffer.size
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    moved = bytes(builder.Output()).ljust(2**16, b"\0") + b"".join(parts)
    ((_name, cell),) = lv.load(moved).items()
    assert differs(cell, x, interpret(data, x)[0][0]) <= TOLERANCE
    assert "leads out of the file" in lv.load(moved[:-8]).skipped["UNIDIRECTIONAL_SEQUENCE_LSTM"]


CONVERT = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
keras = __import__(sys.argv[1])
x = keras.Input((6, 3), batch_size=1)
layer = keras.layers.LSTM(5, return_sequences=True, go_backwards=sys.argv[3] == "back")
model = keras.Model(x, layer(x))
call = tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec((1, 6, 3), tf.float32))
converter = tf.lite.TFLiteConverter.from_concrete_functions([call], model)
open(sys.argv[2], "wb").write(converter.convert())
"""


def convert(tmp_path, package, way="forward"):
    path = tmp_path / "m.tflite"
    own = Path(__file__).parents[2] / "build" / "tf_keras"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(own), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-c", CONVERT, package, str(path), way], env=env, capture_output=True, check=False
    )
    if b"No module named 'tf_keras'" in done.stderr:
        pytest.skip("tf_keras is not there")
    assert not done.returncode, done.stderr.decode()[-2000:]
    return path.read_bytes()


@pytest.mark.parametrize("way", ["back"])
def test_what_the_converter_makes_of_keras_2(tmp_path, way):
    data, x = convert(tmp_path, "tf_keras", way), np.random.default_rng(0).normal(size=(6, 3))
    ((name, cell),) = (loaded := lv.load(data)).items()
    assert cell.options["cell_clip"] == 10.0  # the converter's own
    assert loaded.reads[name].reverse == (way == "back")
    outputs = interpret(data, x)[0][0]
    outputs = outputs[::-1] if way == "back" else outputs
    assert differs(cell, x, outputs, backward=way == "back") <= TOLERANCE


def test_what_the_converter_makes_of_keras_3_is_a_loop(tmp_path):
    loaded = lv.load(convert(tmp_path, "keras"))
    assert not loaded
    assert "a loop in single operators" in loaded.skipped["WHILE"]


# --- Bounds ------------------------------------------------------------------------------------------------------------


def test_many_operators_that_share_weights_are_bounded():
    rng = np.random.default_rng(11)

    def many(made):
        made.graph.operators *= 400

    data = lstm_model(lstm_arrays(rng, 256, 256), 5, many)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    loaded = lv.load(data)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert time.process_time() - start < 20
    assert grown < 300 * 2**10
    assert any("at most" in reason for reason in loaded.skipped.values())


def test_damaged_models_are_told_as_such():
    data = lstm_model(lstm_arrays(np.random.default_rng(12), 4, 3), 5)
    told = []
    for place in range(8, len(data), 3):
        for damaged in (data[:place], data[:place] + b"\xff\xff\xff\x7f" + data[place + 4 :]):
            with contextlib.suppress(FormatError):
                found = tflite_files.read(Content("m", {"": damaged}), None)
                told.append(set(found.layers) | set(found.skipped))
    assert any("UNIDIRECTIONAL_SEQUENCE_LSTM" in names for names in told)
    with pytest.raises(FormatError, match="damaged TensorFlow Lite model"):
        lv.load(data[:200])
