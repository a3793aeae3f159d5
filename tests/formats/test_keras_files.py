"""Keras's files, made by Keras: every layer runs as Keras runs it."""

import io
import json
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import lstmviz as lv
from lstmviz.formats.found import FormatError
from tests.formats.models import TOLERANCE, differs

pytestmark = pytest.mark.usefixtures("in_this_process")

with warnings.catch_warnings():  # TensorFlow's own use of deprecated APIs while it loads
    warnings.simplefilter("ignore")
    import keras

SUFFIXES = [".keras", ".weights.h5", ".h5"]
LAYERS = {
    "lstm": lambda n: keras.layers.LSTM(n, return_sequences=True, name="it"),
    "lstm-relu": lambda n: keras.layers.LSTM(
        n, activation="relu", recurrent_activation="hard_sigmoid", return_sequences=True, name="it"
    ),
    "lstm-bare": lambda n: keras.layers.LSTM(n, use_bias=False, return_sequences=True, name="it"),
    "gru": lambda n: keras.layers.GRU(n, return_sequences=True, name="it"),
    "gru-before": lambda n: keras.layers.GRU(n, reset_after=False, return_sequences=True, name="it"),
    "gru-bare": lambda n: keras.layers.GRU(n, use_bias=False, return_sequences=True, name="it"),
    "gru-silu": lambda n: keras.layers.GRU(n, activation="silu", return_sequences=True, name="it"),
    "rnn": lambda n: keras.layers.SimpleRNN(n, return_sequences=True, name="it"),
    "rnn-relu": lambda n: keras.layers.SimpleRNN(
        n, activation="relu", use_bias=False, return_sequences=True, name="it"
    ),
    "cell": lambda n: keras.layers.RNN(keras.layers.LSTMCell(n), return_sequences=True, name="it"),
}
ASSUMED = {"lstm-relu", "gru-silu", "rnn-relu", "gru-bare"}  # weights alone do not say so


def randomise(model, rng):
    model.set_weights([rng.normal(size=w.shape, scale=0.5) for w in model.get_weights()])
    return model


def sequential(*layers, inputs=3):
    return keras.Sequential([keras.Input((None, inputs)), *layers])


def save(model, folder, suffix):
    path = folder / f"model{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that .h5 is old, and Keras's own use of deprecated APIs
        (model.save_weights if suffix == ".weights.h5" else model.save)(path)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_in_every_file(kind, suffix, tmp_path):
    if suffix == ".weights.h5" and kind in ASSUMED:
        pytest.skip("weights alone do not say which activation, or whether a GRU without a bias resets after")
    rng = np.random.default_rng(len(kind))
    units, inputs = (int(size) for size in rng.integers(1, 7, 2))
    model = randomise(sequential(LAYERS[kind](units), inputs=inputs), rng)
    path = save(model, tmp_path, suffix)
    x = rng.normal(size=(9, inputs))
    expected = np.asarray(model(x[None].astype("float32")))[0]
    for source in (path, path.read_bytes()):
        loaded = lv.load(source, name="model")
        assert list(loaded) == ["it"] and not loaded.skipped
        assert differs(loaded["it"], x, expected) <= TOLERANCE


def nested():
    inner = keras.Sequential(
        [keras.Input((None, 6)), keras.layers.GRU(4, return_sequences=True, name="first")], name="inner"
    )
    return sequential(
        keras.layers.LSTM(5, return_sequences=True, name="first"),
        keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True), name="both"),
        inner,
        keras.layers.RNN(
            [keras.layers.LSTMCell(2), keras.layers.LSTMCell(3)], return_sequences=True, name="stack"
        ),
        keras.layers.Dense(2, name="dense"),
        keras.layers.LSTM(5, return_sequences=True, go_backwards=True, name="last"),
    )


def outputs_of(model, x):
    """What comes out of each layer."""
    given, found = x[None].astype("float32"), {}
    for layer in model.layers:
        given = layer(given)
        found[layer.name] = np.asarray(given)[0]
    return found


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_stacks_directions_and_models_in_models(suffix, tmp_path):
    rng = np.random.default_rng(0)
    model = randomise(nested(), rng)
    loaded = lv.load(save(model, tmp_path, suffix))
    assert len(loaded) == 7
    x = rng.normal(size=(8, 3))
    outputs = outputs_of(model, x)
    first, both, middle = outputs["first"], outputs["both"], outputs["inner"]

    def find(*words):
        (name,) = [name for name in loaded if all(word in name for word in words)]
        return loaded[name], loaded.notes.get(name, "")

    cells = list(loaded.items())
    top = next(cell for name, cell in cells if name.endswith("first") and cell.num_units == 5)
    assert differs(top, x, first) <= TOLERANCE
    forward, _note = find("both", "forward")
    backward, note = find("both", "backward")
    assert "from its end" in note
    assert differs(forward, first, both[:, :3]) <= TOLERANCE
    assert differs(backward, first, both[:, 3:], backward=True) <= TOLERANCE
    gru = next(cell for _name, cell in cells if cell.kind.name == "CudnnCompatibleGRUCell")
    assert differs(gru, both, middle) <= TOLERANCE
    lower, upper = (cell for name, cell in cells if "stack" in name)
    stacked = lv.run(lower, middle, device="CPU:0").states["h"]
    assert differs(upper, stacked, outputs["stack"]) <= TOLERANCE
    if suffix != ".weights.h5":
        assert "from its end" in find("last")[1]
        assert any("Dense" in reason for reason in loaded.skipped.values())


def test_an_old_hard_sigmoid_is_the_old_one(tmp_path):
    model = sequential(
        keras.layers.LSTM(3, recurrent_activation="hard_sigmoid", return_sequences=True, name="it")
    )
    path = save(model, tmp_path, ".h5")
    with h5py.File(path, "r+") as file:
        for place in (file, file["model_weights"]):
            place.attrs["keras_version"] = b"2.4.0"
    assert lv.load(path)["it"].options["recurrent_activation"] == "legacy_hard_sigmoid"


def test_names_as_keras_2_wrote_them(tmp_path):
    """The weights of Keras 2: names end in `:0`, and the second direction is described by the first."""
    rng = np.random.default_rng(1)
    model = randomise(
        sequential(keras.layers.Bidirectional(keras.layers.LSTM(2, return_sequences=True), name="b")), rng
    )
    weights = model.get_weights()
    path = tmp_path / "old.h5"
    told = {"name": "lstm", "units": 2, "activation": "tanh", "recurrent_activation": "sigmoid"}
    lstm = {"class_name": "LSTM", "config": told}
    config = {
        "class_name": "Sequential",
        "config": {"layers": [{"class_name": "Bidirectional", "config": {"name": "b", "layer": lstm}}]},
    }
    names = [
        f"b/{side}_lstm/{part}:0"
        for side in ("forward", "backward")
        for part in ("kernel", "recurrent_kernel", "bias")
    ]
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"], group.attrs["keras_version"] = [b"b"], b"2.2.4"
        layer = group.create_group("b")
        layer.attrs["weight_names"] = [name.encode() for name in names]
        for name, array in zip(names, weights, strict=True):
            layer.create_dataset(name, data=array)
    loaded = lv.load(path)
    assert list(loaded) == ["b/forward_lstm", "b/backward_lstm"]
    x = rng.normal(size=(5, 3))
    expected = np.asarray(model(x[None].astype("float32")))[0]
    assert differs(loaded["b/forward_lstm"], x, expected[:, :2]) <= TOLERANCE
    assert differs(loaded["b/backward_lstm"], x, expected[:, 2:], backward=True) <= TOLERANCE


@keras.saving.register_keras_serializable()
class Halved(keras.layers.Layer):
    def call(self, x):
        raise AssertionError("a reader calls nothing of the model's own")


def test_a_class_of_the_models_own_is_not_made(tmp_path):
    model = sequential(keras.layers.LSTM(2, return_sequences=True, name="it"))
    path = save(model, tmp_path, ".keras")
    files = dict(_members(path))
    config = json.loads(files["config.json"])
    config["config"]["layers"].append(
        {
            "module": "builtins",
            "class_name": "Lambda",
            "config": {"name": "evil", "function": ["4wEAAAA=", None, None]},
        }
    )
    files["config.json"] = json.dumps(config).encode()
    loaded = lv.load(_zip(files), name="evil.keras")
    assert list(loaded) == ["it"]
    assert "Lambda" in loaded.skipped["evil"]


def test_an_activation_of_the_models_own_is_left_out(tmp_path):
    model = sequential(keras.layers.LSTM(2, return_sequences=True, name="it"))
    files = dict(_members(save(model, tmp_path, ".keras")))
    config = json.loads(files["config.json"])
    config["config"]["layers"][1]["config"]["activation"] = {"class_name": "function", "config": "my_own"}
    files["config.json"] = json.dumps(config).encode()
    loaded = lv.load(_zip(files), name="own.keras")
    assert not loaded
    assert "my_own" in loaded.skipped["it"]


def _members(path):
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def _zip(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def hdf5(fill):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    return buffer.getvalue()


def _link(file):
    file.attrs["layer_names"] = [b"a"]
    file["a"] = h5py.ExternalLink("/etc/passwd", "/")


def _soft(file):
    file.attrs["layer_names"] = [b"a"]
    file["a"] = h5py.SoftLink("/a")


def _absurd(file):
    file.attrs["layer_names"] = [b"a"]
    file.create_dataset("a/kernel", (2**20, 2**20), "f8", chunks=(1024, 1024), compression="gzip")


def _outside(file):
    file.attrs["layer_names"] = [b"a"]
    file.create_dataset("a/kernel", (4,), "f8", external=[("/etc/passwd", 0, 32)])


def _loop(file):
    file.attrs["layer_names"] = [b"a"]
    file.create_group("a")
    file["a/b"] = file["a"]


@pytest.mark.parametrize(
    ("fill", "cause"),
    [
        (_link, "link"),
        (_soft, "link"),
        (_absurd, "MB"),
        (_outside, "another file"),
        (_loop, "the same thing under two names"),
    ],
)
def test_hdf5_that_leads_out_or_promises_too_much(fill, cause):
    with pytest.raises(FormatError, match=cause) as raised:
        lv.load(hdf5(fill), name="evil.h5")
    assert "evil.h5" in str(raised.value)


def test_hdf5_of_others():
    with pytest.raises(FormatError, match="not one of Keras"):
        lv.load(hdf5(lambda file: file.create_dataset("a", data=np.zeros(3))), name="data.h5")


def _change(content, path, array):
    """The file with an array in place of another, or beside them."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        if path in file:
            del file[path]
        file[path] = array
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("path", "array"),
    [
        ("layers/lstm/cell/vars/2", np.zeros(8, np.complex64)),
        ("layers/lstm/cell/vars/2", np.array([b"a"] * 8)),
        ("layers/lstm/cell/vars/3", np.float32(2)),
        ("layers/lstm/vars/0", np.float32(2)),
        ("layers/lstm/vars/0", np.ones((2, 2), np.float32)),
        ("layers/lstm/cell/norm/vars/0", np.ones(2, np.bool_)),
    ],
)
def test_whatever_else_is_under_a_layers_name_counts(path, array, tmp_path):
    file = Path(save(sequential(keras.layers.LSTM(2, name="lstm")), tmp_path, ".weights.h5"))
    assert len(lv.load(file)) == 1
    loaded = lv.load(_change(file.read_bytes(), path, array), name="own.weights.h5")
    assert not loaded
    assert len(loaded.skipped) == 1
