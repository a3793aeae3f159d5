"""Files written, opened by the frameworks that they are for, with the lines that we say open them."""

import inspect
import io
import os
import stat
import subprocess
import sys
import warnings

import numpy as np
import pytest

import lstmviz as lv
from lstmviz import layouts
from lstmviz.formats import save as saving
from tests.runs import make_run

with warnings.catch_warnings():  # TensorFlow's own use of deprecated APIs while it loads
    warnings.simplefilter("ignore")
    import keras

build = inspect.unwrap(lv.build)

LSTMS = [
    ("BasicLSTMCell", {"forget_bias": 1.0}),
    ("BasicLSTMCell", {"forget_bias": 0.0, "use_bias": False}),
    ("LSTMCell", {"use_peepholes": True}),
    ("LSTMCell", {"num_proj": 3}),
]
OTHERS = [
    ("CudnnCompatibleGRUCell", {}),
    ("GRUCell", {}),
    ("GRUCell", {"use_bias": False}),
    ("BasicRNNCell", {"activation": "relu"}),
    ("BasicRNNCell", {"use_bias": False}),
]
FILES = [(writer.suffix, layout) for writer in saving.WRITERS.values() for layout in writer.layouts]


def sayable(layout, kind, options):
    try:
        layouts.to_layout(build(kind, 5, 4, **options), layout)
    except ValueError:
        return False
    return True


CASES = [
    (suffix, layout, kind, options, dtype, name)
    for suffix, layout in FILES
    for kind, options in LSTMS + OTHERS
    for dtype in saving.WRITERS[suffix].types
    for name in ([""] if suffix == ".npz" else ["", "encoder"])
    if sayable(layout, kind, options) and (dtype == "float32" or kind != "LSTMCell")
]
NEEDS = {".safetensors": ("torch", "safetensors"), ".onnx": ("onnx", "onnxruntime")}


def run_loaded(suffix, found, cell, x):
    """h at each step, `[time, size]`, from what the lines of code left behind."""
    if suffix == ".npz":
        return lv.run(found["cell"], x).states["h"]
    if suffix == ".safetensors":
        torch = found["torch"]
        with torch.no_grad():
            return found["layer"](torch.from_numpy(x))[0].numpy()
    if suffix == ".weights.h5":
        return found["model"](x[np.newaxis]).numpy()[0]
    return found["session"].run(None, {"X": x[:, np.newaxis]})[0][:, 0, 0]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize(("suffix", "layout", "kind", "options", "dtype", "name"), CASES)
def test_the_code_loads_the_file_and_computes_the_same(
    tmp_path, monkeypatch, suffix, layout, kind, options, dtype, name
):
    for package in NEEDS.get(suffix, ()):
        pytest.importorskip(package)
    cell, x, _state = make_run(kind, options, 5, 4, 7, dtype, 11)
    monkeypatch.chdir(tmp_path)
    lv.save(cell, f"cell{suffix}", layout, name=name)
    assert [path.name for path in tmp_path.iterdir()] == [f"cell{suffix}"]
    found = {}
    exec(saving.loading_code(cell, layout, suffix, name=name), found)
    h = run_loaded(suffix, found, cell, x)
    atol = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(h, lv.run(cell, x).states["h"], rtol=0, atol=atol)
    if "layer" in found and suffix == ".weights.h5" and name:
        assert found["layer"].name == name


@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy"
)  # in Keras, of its variables
@pytest.mark.parametrize(
    ("layer", "kind"),
    [("LSTM", "BasicLSTMCell"), ("GRU", "CudnnCompatibleGRUCell"), ("SimpleRNN", "BasicRNNCell")],
)
def test_a_keras_file_has_what_keras_itself_writes(tmp_path, layer, kind):
    h5py = pytest.importorskip("h5py")

    def look(file):
        found = {}
        file.visititems(lambda path, item: found.update({path: getattr(item, "shape", None)}))
        return found

    model = keras.Sequential([keras.Input((None, 4)), getattr(keras.layers, layer)(5)])
    model.save_weights(tmp_path / "own.weights.h5")
    lv.save(build(kind, 5, 4), tmp_path / "ours.weights.h5")
    with h5py.File(tmp_path / "own.weights.h5") as own, h5py.File(tmp_path / "ours.weights.h5") as ours:
        assert look(own) == look(ours)


def test_a_saved_onnx_model_is_valid_and_open_in_time_and_batch():
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    content = saving.save_bytes(build("LSTMCell", 5, 4, use_peepholes=True), ".onnx", name="layer_1")
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert model.graph.node[0].name == "layer_1"
    session = runtime.InferenceSession(content)
    for steps, batch in ((1, 1), (6, 3)):
        y, h, c = session.run(None, {"X": np.ones((steps, batch, 4), "float32")})
        assert (y.shape, h.shape, c.shape) == ((steps, 1, batch, 5), (1, batch, 5), (1, batch, 5))


def test_a_layout_need_not_be_named_where_a_file_has_its_own(tmp_path):
    pytest.importorskip("safetensors")
    lv.save(build("BasicLSTMCell", 5, 4), tmp_path / "cell.npz")
    with np.load(tmp_path / "cell.npz") as file:
        assert set(file) == {"kernel", "bias"}
    lv.save(build("BasicLSTMCell", 5, 4), str(tmp_path / "Cell.SafeTensors"))
    assert (tmp_path / "Cell.SafeTensors").exists()


WRONG = [
    ("cell.pickle", None, {}, "it must be one of .npz, .safetensors"),
    ("cell", None, {}, "cell"),
    ("cell.safetensors", "keras", {}, "must be one of pytorch"),
    ("cell.onnx", "pytorch", {}, "must be one of onnx"),
    ("cell.npz", "caffe", {}, "layout is 'caffe'"),
    ("cell.onnx", None, {"dtype": "float64"}, "astype"),
    ("cell.weights.h5", None, {"recurrent_activation": "legacy_hard_sigmoid"}, "Keras's LSTM has no"),
]


@pytest.mark.parametrize(("path", "layout", "options", "said"), WRONG)
def test_what_cannot_be_written_is_refused_and_nothing_is_left(tmp_path, path, layout, options, said):
    with pytest.raises(ValueError, match=said):
        lv.save(build("BasicLSTMCell", 5, 4, **options), tmp_path / path, layout)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "cell.npz"
    lv.save(build("BasicLSTMCell", 5, 4), path)
    before = path.read_bytes()

    def fail(*_args):
        raise OSError("no space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="no space"):
        lv.save(build("BasicLSTMCell", 6, 4), path)
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="no umask")
def test_a_saved_file_can_be_read_by_those_who_can_read_others(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    lv.save(build("BasicLSTMCell", 5, 4), tmp_path / "cell.npz")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "cell.npz")}
    assert len(modes) == 1


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ValueError, match="pip install safetensors"):
        saving.save_bytes(build("BasicLSTMCell", 5, 4), ".safetensors")


def test_saving_arrays_loads_no_tensorflow():
    code = "import lstmviz as lv, sys; from lstmviz.formats.save import save_bytes\nsave_bytes(lv.build('GRUCell', 3, 2), '.npz')\n"
    code += "sys.exit(any(name in sys.modules for name in ('tensorflow', 'plotly', 'onnx', 'h5py')))"
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0


def test_bytes_are_those_of_the_file(tmp_path):
    cell = build("GRUCell", 5, 4)
    lv.save(cell, tmp_path / "cell.npz", "keras")
    with (
        np.load(tmp_path / "cell.npz") as file,
        np.load(io.BytesIO(saving.save_bytes(cell, ".npz", "keras"))) as same,
    ):
        assert set(file) == set(same) == {"kernel", "recurrent_kernel", "bias"}
        np.testing.assert_array_equal(file["kernel"], same["kernel"])
