"""TensorFlow's checkpoints and SavedModels, made by TensorFlow's own cells and by Keras."""

import io
import json
import os
import shutil
import subprocess
import sys
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.formats.found import FormatError
from tests.formats.models import TOLERANCE, differs
from tests.formats.mutate import mutations
from tests.formats.test_keras_files import keras, nested, outputs_of, randomise

pytestmark = pytest.mark.usefixtures("in_this_process")

ROOT = Path(__file__).parents[2]
KINDS = {
    "rnn": "BasicRNNCell", "lstm": "BasicLSTMCell", "peepholes": "LSTMCell", "projection": "LSTMCell", "gru": "GRUCell",
}  # fmt: skip


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tf1")
    done = subprocess.run(
        [sys.executable, "-m", "tests.formats.tf1_models", str(folder)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder


def zipped(paths, root):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in paths:
            archive.write(path, path.relative_to(root).as_posix())
    return buffer.getvalue()


@pytest.mark.parametrize("name", KINDS)
def test_a_checkpoint_of_tensorflow_1(name, checkpoints):
    with np.load(checkpoints / f"{name}.npz") as known:
        x, h = known["x"], known["h"]
    loaded = lv.load(checkpoints / f"{name}-0")
    ((title, cell),) = loaded.items()
    assert title.startswith("model/rnn/")
    assert cell.kind.name == KINDS[name] or name == "peepholes"
    assert differs(cell, x, h) <= TOLERANCE
    assert "Assumed" in loaded.notes[title]


def test_a_stack_of_cells_in_a_zip(checkpoints):
    with np.load(checkpoints / "stack.npz") as known:
        x, h = known["x"], known["h"]
    loaded = lv.load(zipped(checkpoints.glob("stack-0.*"), checkpoints), name="stack.zip")
    lower, upper = (loaded[f"model/rnn/multi_rnn_cell/cell_{k}/basic_lstm_cell"] for k in (0, 1))
    assert differs(upper, lv.run(lower, x, device="CPU:0").states["h"], h) <= TOLERANCE


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    model = randomise(nested(), np.random.default_rng(3))
    folder = tmp_path_factory.mktemp("saved")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.export(folder, verbose=False)
    return model, folder


def test_a_saved_model_as_a_folder_and_as_a_zip(exported):
    model, folder = exported
    x = np.random.default_rng(4).normal(size=(7, 3))
    outputs = outputs_of(model, x)
    files = [path for path in folder.rglob("*") if path.is_file()]
    for source in (folder, zipped(files, folder), zipped(files, folder.parent)):
        loaded = lv.load(source, name="saved")
        assert len(loaded) == 7
        first = next(cell for name, cell in loaded.items() if "first" in name and cell.num_units == 5)
        assert differs(first, x, outputs["first"]) <= TOLERANCE
        back = next(cell for name, cell in loaded.items() if "backward_lstm" in name)
        assert differs(back, outputs["first"], outputs["both"][:, 3:], backward=True) <= TOLERANCE


def test_a_checkpoint_of_tensorflow_2(tmp_path):
    import tensorflow as tf

    rng = np.random.default_rng(5)
    model = randomise(
        keras.Sequential([keras.Input((None, 2)), keras.layers.GRU(3, return_sequences=True)]), rng
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = tf.train.Checkpoint(model=model).save(str(tmp_path / "ckpt"))
    (cell,) = lv.load(path).values()
    x = rng.normal(size=(6, 2))
    assert differs(cell, x, np.asarray(model(x[None].astype("float32")))[0]) <= TOLERANCE


def test_damaged_checkpoints(checkpoints):
    files = {path.name: path.read_bytes() for path in checkpoints.glob("lstm-0.*")}
    (index,) = (name for name in files if name.endswith(".index"))
    for damaged in (files[index][:40], b"\xff" * len(files[index])):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in (files | {index: damaged}).items():
                archive.writestr(name, data)
        with pytest.raises(FormatError, match=r"bad\.zip"):
            lv.load(buffer.getvalue(), name="bad.zip")


@settings(max_examples=3)
@given(data=st.data())
def test_any_damage_is_refused_or_survived(checkpoints, data):
    files = {path.name: path.read_bytes() for path in checkpoints.glob("lstm-0.*")}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, data.draw(mutations(content)))
    with suppress(FormatError):
        assert all(isinstance(cell, lv.Cell) for cell in lv.load(buffer.getvalue()).values())


def save(folder, name, variables):
    """A checkpoint of TensorFlow 1's form with variables of these names."""
    import tensorflow as tf

    folder.mkdir(exist_ok=True)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for key, value in variables.items():
            own = np.asarray(value)
            own = own if own.dtype.kind in "bc" else own.astype("float32")
            tf.compat.v1.get_variable(key, initializer=own, use_resource=False)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(folder / name), write_meta_graph=False)
    return folder


def cell_of(scope, *, rows=5, units=2, kernel="kernel", bias="bias", fill=None):
    rng = np.random.default_rng(rows)
    made = rng.normal(size=(rows, 4 * units)) if fill is None else np.full((rows, 4 * units), fill)
    return {f"{scope}/{kernel}": made, f"{scope}/{bias}": rng.normal(size=4 * units)}


SPELLINGS = {
    "RNN/BasicLSTMCell": ("Linear/Matrix", "Linear/Bias", "BasicLSTMCell"),
    "rnn/basic_lstm_cell": ("weights", "biases", "BasicLSTMCell"),
    "rnn/lstm_block_cell": ("kernel", "bias", "LSTMBlockCell"),
    "lstm_fused_cell": ("kernel", "bias", "LSTMBlockFusedCell"),
    "rnn/my_cell": ("kernel", "bias", "BasicLSTMCell"),
    "bidirectional_rnn/bw/cudnn_compatible_lstm_cell": ("kernel", "bias", "CudnnCompatibleLSTMCell"),
}


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """One checkpoint with a cell of every spelling, cells with more in them, and an optimizer's variables."""
    variables = {}
    for scope, (kernel, bias, _called) in SPELLINGS.items():
        variables |= cell_of(scope, kernel=kernel, bias=bias)
    variables |= cell_of("rnn/lstm_cell") | {
        "rnn/lstm_cell/kernel/Adam": np.zeros((5, 8)),
        "Adam/m/x/kernel": [1.0],
    }
    variables |= {"rnn/basic_lstm_cell/weights/ExponentialMovingAverage": np.ones((5, 8))}
    variables |= {"rnn/basic_lstm_cell/biases/ExponentialMovingAverage": np.ones(8)}
    variables |= cell_of("own/lstm_cell") | {"own/lstm_cell/zoneout/mask": np.ones(2)}
    variables |= {"rnn/layer_norm_basic_lstm_cell/kernel": np.ones((5, 8)), "dense/kernel": np.ones((5, 8))}
    variables |= {"rnn/layer_norm_basic_lstm_cell/input/gamma": np.ones(2), "dense/bias": np.ones(8)}
    for number in (9, 10):
        variables |= {
            f"deep/cell_{number}/gru_cell/{name}": np.ones(shape)
            for name, shape in {
                "gates/kernel": (4, 4),
                "gates/bias": 4,
                "candidate/kernel": (4, 2),
                "candidate/bias": 2,
            }.items()
        }
    return lv.load(save(tmp_path_factory.mktemp("named") / "it", "model.ckpt", variables))


@pytest.mark.parametrize("scope", SPELLINGS)
def test_every_spelling_of_a_cell_is_read_and_its_class_told(named, scope):
    _kernel, _bias, called = SPELLINGS[scope]
    assert named[scope].input_size == 3 and named[scope].num_units == 2
    assert named.stored[scope].layer == called
    is_cudnn = called == "CudnnCompatibleLSTMCell"
    assert named[scope].options["forget_bias"] == (0.0 if is_cudnn else 1.0)
    assert named.reads[scope].reverse == ("/bw/" in scope)
    assert any("forget_bias" in each.that for each in named.assumed[scope])


def test_a_cell_of_a_name_of_its_own_is_assumed_to_be_what_its_shapes_are(named):
    told = " ".join(map(str, named.assumed["rnn/my_cell"]))
    assert "it is a BasicLSTMCell" in told and "'my_cell'" in told
    assert not any("it is a" in str(each) for each in named.assumed["rnn/lstm_cell"])


def test_cells_with_more_in_them_are_left_out_for_that(named):
    assert "own/lstm_cell/zoneout/mask [2]" in named.skipped["own/lstm_cell"]
    reason = named.skipped["rnn/layer_norm_basic_lstm_cell"]
    assert "LayerNormBasicLSTMCell" in reason and "input/gamma" in reason
    assert not any("no cell:" in each for each in named.skipped.values())


@pytest.mark.parametrize(
    "further",
    [
        {"rnn/lstm_cell/scale": 2.0},
        {"rnn/lstm_cell/is_fast": True},
        {"rnn/lstm_cell/bias": np.zeros(8, "complex64")},
    ],
)
def test_scalars_and_other_types_under_a_cells_name_count(further, tmp_path):
    plain = cell_of("rnn/lstm_cell")
    assert list(lv.load(save(tmp_path / "plain", "m", plain))) == ["rnn/lstm_cell"]
    loaded = lv.load(save(tmp_path / "own", "m", plain | further))
    assert not loaded
    assert next(iter(further)).rpartition("/")[2] in loaded.skipped["rnn/lstm_cell"]


def test_a_dense_layer_is_no_cell_though_its_shapes_fit(named):
    assert named.skipped["dense/kernel"] == "it belongs to no recurrent layer that is known here"


def test_an_optimizers_variables_are_one_entry_and_moving_averages_are_called_so(named):
    assert named.skipped["optimizer"].endswith(": 2")
    assert not any("Adam" in name for name in [*named, *named.skipped])
    average = named["rnn/basic_lstm_cell (moving average)"]
    assert np.all(average.kernel == 1) and not np.all(named["rnn/basic_lstm_cell"].kernel == 1)


def test_layers_stand_in_the_order_of_their_numbers(named):
    assert [name for name in named if name.startswith("deep/")] == [
        "deep/cell_9/gru_cell",
        "deep/cell_10/gru_cell",
    ]


@pytest.mark.parametrize("told", [None, 9])
def test_the_newest_checkpoint_is_read_and_the_others_named(tmp_path, told):
    for number in (9, 10):
        save(tmp_path / "it", f"model.ckpt-{number}", cell_of("rnn/basic_lstm_cell", fill=number))
    state = tmp_path / "it" / "checkpoint"
    if told is None:
        state.unlink()
    else:
        state.write_text('model_checkpoint_path: "/home/somebody/model.ckpt-9"\n')
    loaded = lv.load(tmp_path / "it")
    assert loaded["rnn/basic_lstm_cell"].kernel[0, 0] == (told or 10)
    assert f"model.ckpt-{10 if told else 9}" in loaded.notes[""].partition("the others")[2]


def test_a_graph_without_weights_is_called_what_it_is(tmp_path):
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph = GraphDef()
    for op in ("Placeholder", "Const", "MatMul"):
        graph.node.add(name=op.lower(), op=op)
    with pytest.raises(FormatError, match="graph of TensorFlow without weights"):
        lv.load(graph.SerializeToString(), name="frozen.pb")


# --- Keras 2's SavedModels


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_models")
    path = os.pathsep.join([str(ROOT / "build" / "tf_keras"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/formats/saved_models.py"), str(folder)],
        env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    if "No module named 'tf_keras'" in done.stderr:
        pytest.skip("pip install --no-deps --target build/tf_keras tf-keras")
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def into_saved_model(folder, target):
    """The same SavedModel as TensorFlow 2.0 to 2.4 wrote it: the JSON on the objects in `saved_model.pb`."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    from lstmviz.formats.tensorflow_metadata import _in_keras_metadata

    shutil.copytree(folder, target)
    model = SavedModel.FromString((target / "saved_model.pb").read_bytes())
    for number, text in _in_keras_metadata((target / "keras_metadata.pb").read_bytes()):
        own = model.meta_graphs[0].object_graph_def.nodes[number].user_object
        own.identifier, own.metadata = "_tf_keras_layer", text.decode()
    (target / "saved_model.pb").write_bytes(model.SerializeToString())
    (target / "keras_metadata.pb").unlink()
    return target


@pytest.mark.parametrize("name", ["relu", "gru", "backwards", "masked", "nested"])
def test_a_keras_saved_model_runs_as_keras_ran_it(saved, name, tmp_path):
    with np.load(saved / "outputs.npz") as outputs:
        x, y = outputs[f"{name}/x"], outputs[f"{name}/y"]
    for folder in (saved / name, into_saved_model(saved / name, tmp_path / name)):
        loaded = lv.load(folder)
        (title,) = loaded
        assert title == ("inner/it" if name == "nested" else "it")
        assert not loaded.assumed[title] and "optimizer" in loaded.skipped
        reads = loaded.reads[title]
        h = lv.run(loaded[title], reads.arrange(x), device="CPU:0").states["h"]
        kept = (
            y if name == "backwards" else y[reads.order(x)]
        )  # Keras leaves a backward layer's outputs in its order
        assert np.abs(h - kept).max() <= TOLERANCE


def test_both_directions_of_a_keras_saved_model_run_as_keras_ran_them(saved):
    with np.load(saved / "outputs.npz") as outputs:
        x, y = outputs["both/x"], outputs["both/y"]
    loaded = lv.load(saved / "both")
    assert [loaded.reads[title].reverse for title in loaded] == [False, True]
    for (title, cell), kept in zip(loaded.items(), (y[:, :3], y[:, 3:]), strict=True):
        assert differs(cell, x, kept, backward=loaded.reads[title].reverse) <= TOLERANCE


def test_a_cell_of_a_class_of_the_models_own_is_left_out_by_its_name(saved):
    loaded = lv.load(saved / "own")
    assert not loaded
    assert any("Doubled" in reason for reason in loaded.skipped.values())


def without_keys(text, keys):
    """Keras's JSON without some of its keys, at any depth."""
    if isinstance(text, list):
        return [without_keys(each, keys) for each in text]
    if not isinstance(text, dict):
        return text
    return {key: without_keys(value, keys) for key, value in text.items() if key not in keys}


@pytest.mark.parametrize("left_out", [(), ("recurrent_activation",)])
def test_without_the_version_of_keras_what_is_left_to_its_defaults_is_assumed(saved, left_out):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    from lstmviz.formats.tensorflow_metadata import _in_keras_metadata, read_metadata

    model = SavedModel()
    nodes = model.meta_graphs.add().object_graph_def.nodes
    for number, text in _in_keras_metadata((saved / "relu" / "keras_metadata.pb").read_bytes()):
        while len(nodes) <= number:
            nodes.add()
        own = nodes[number].user_object
        own.identifier = "_tf_keras_layer"
        own.metadata = json.dumps(without_keys(json.loads(text), ("keras_version", *left_out)))
    told = read_metadata(None, model.SerializeToString())
    (layer,) = [each for each in told.described if each.names[-1] == "it"]
    assert layer.options["activation"] == "relu" and not layer.problem
    assert ["recurrent_activation sigmoid" in each.that for each in layer.assumed] == [True] * len(left_out)


def test_damaged_metadata_is_refused(saved, tmp_path):
    shutil.copytree(saved / "relu", tmp_path / "it")
    place = tmp_path / "it" / "keras_metadata.pb"
    place.write_bytes(place.read_bytes()[:-9])
    with pytest.raises(FormatError, match="damaged"):
        lv.load(tmp_path / "it")


# --- TensorFlow's fused operators, which 1.15's LSTMBlockCell, LSTMBlockFusedCell and GRUBlockCell call


def peephole_vectors(rng, units):
    return {f"w_{gate}_diag": rng.normal(size=units).astype("float32") for gate in "ifo"}


@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("scope", ["lstm_cell", "lstm_fused_cell", "cudnn_compatible_lstm_cell"])
def test_block_lstms_run_as_tensorflows_operator_does(tmp_path, scope, peepholes):
    import tensorflow as tf

    rng = np.random.default_rng(len(scope))
    x = rng.normal(size=(9, 3)).astype("float32")
    arrays = {
        "kernel": rng.normal(size=(7, 16)).astype("float32"),
        "bias": rng.normal(size=16).astype("float32"),
    }
    diagonals = peephole_vectors(rng, 4)
    zeros = tf.zeros([1, 4])
    h = tf.raw_ops.BlockLSTM(
        seq_len_max=9, x=x[:, None], cs_prev=zeros, h_prev=zeros, w=arrays["kernel"], b=arrays["bias"],
        wci=diagonals["w_i_diag"], wcf=diagonals["w_f_diag"], wco=diagonals["w_o_diag"], use_peephole=peepholes,
        forget_bias=0.0 if scope.startswith("cudnn") else 1.0, cell_clip=-1.0,
    ).h  # fmt: skip
    kept = arrays | (diagonals if peepholes else {})
    folder = save(tmp_path / "it", "m", {f"rnn/{scope}/{name}": array for name, array in kept.items()})
    (cell,) = lv.load(folder).values()
    assert differs(cell, x, np.asarray(h)[:, 0]) <= TOLERANCE


@pytest.mark.parametrize("names", [("w_ru", "b_ru", "w_c", "b_c"), None])
def test_a_block_gru_runs_as_tensorflows_operator_does(tmp_path, names):
    import tensorflow as tf

    rng = np.random.default_rng(11)
    x = rng.normal(size=(9, 3)).astype("float32")
    shapes = {"gates/kernel": (7, 8), "gates/bias": 8, "candidate/kernel": (7, 4), "candidate/bias": 4}
    arrays = {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    w_ru, b_ru, w_c, b_c = arrays.values()
    h, steps = tf.zeros([1, 4]), []
    for step in x:
        h = tf.raw_ops.GRUBlockCell(x=step[None], h_prev=h, w_ru=w_ru, b_ru=b_ru, w_c=w_c, b_c=b_c).h
        steps.append(np.asarray(h)[0])
    called = dict(zip(names or arrays, arrays.values(), strict=True))
    folder = save(
        tmp_path / "it", "m", {f"rnn/gru_block_cell/{name}": array for name, array in called.items()}
    )
    (cell,) = lv.load(folder).values()
    assert differs(cell, x, np.stack(steps)) <= TOLERANCE


def test_a_cell_of_a_name_of_its_own_says_what_else_its_shapes_are_and_that_they_are_none(tmp_path):
    rng = np.random.default_rng(8)
    shapes = {"rnn/fits_two": (24, 16), "rnn/my_rnn": (8, 5), "rnn/my_cell": (3, 7)}
    variables = {}
    for scope, shape in shapes.items():
        variables |= {f"{scope}/kernel": rng.normal(size=shape), f"{scope}/bias": rng.normal(size=shape[1])}
    loaded = lv.load(save(tmp_path / "it", "m", variables))
    assert list(loaded) == ["rnn/fits_two", "rnn/my_rnn"]
    assert "those of a BasicRNNCell too" in str(loaded.assumed["rnn/fits_two"][0])
    assert "it is a BasicRNNCell" in loaded.assumed["rnn/my_rnn"][0].that
    reason = loaded.skipped["rnn/my_cell"]
    assert "kernel [3, 7]" in reason and "fit none" in reason


def test_an_array_under_a_recurrent_layers_name_is_not_said_to_be_no_part_of_one(tmp_path):
    variables = cell_of("rnn/basic_lstm_cell") | {"rnn/dense/kernel": np.ones((5, 8))}
    loaded = lv.load(save(tmp_path / "it", "m", variables))
    assert "stands under a recurrent layer's name" in loaded.skipped["rnn/dense/kernel"]
