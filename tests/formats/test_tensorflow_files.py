"""TensorFlow's checkpoints and SavedModels, made by TensorFlow's own cells and by Keras."""

import io
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
