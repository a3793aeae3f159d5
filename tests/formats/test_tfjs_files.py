"""TensorFlow.js's model.json: its layers run as the Keras model that it was made from."""

import io
import json
import zipfile

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.formats.found import FormatError
from tests.formats.models import TOLERANCE, differs
from tests.formats.test_keras_files import keras, randomise, sequential

pytestmark = pytest.mark.usefixtures("in_this_process")


def make_model(rng):
    lstm = keras.layers.LSTM(2, activation="relu", return_sequences=True, name="it")
    return randomise(sequential(lstm, keras.layers.Dense(1, name="dense")), rng)


def write(model, kept=None, shards=2, **changes):
    """The files that the converter writes; `kept` gives the type to which numbers are quantised."""
    weights, data = [], b""
    for variable in model.weights:
        array, entry = np.asarray(variable.numpy()), {}
        if kept == "float16":
            array, entry = array.astype("<f2"), {"quantization": {"dtype": kept}}
        elif kept:
            least, most = float(array.min()), float(array.max())
            scale = (most - least) / np.iinfo(kept).max or 1.0
            array = np.round((array - least) / scale).astype(kept)
            entry = {"quantization": {"dtype": kept, "scale": scale, "min": least}}
        weights.append({"name": variable.path, "shape": list(array.shape), "dtype": "float32", **entry})
        data += array.tobytes()
    names = [f"group1-shard{number + 1}of{shards}.bin" for number in range(shards)]
    cut = len(data) // shards + 1
    told = {
        "format": "layers-model",
        "modelTopology": {"keras_version": "3.15.1", "model_config": json.loads(model.to_json())},
        "weightsManifest": [{"paths": names, "weights": weights}],
    }
    files = {name: data[number * cut : (number + 1) * cut] for number, name in enumerate(names)}
    return {"model.json": json.dumps({**told, **changes}).encode(), **files}


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_file_beside_its_shards_a_folder_and_a_zip(tmp_path):
    rng = np.random.default_rng(0)
    model = make_model(rng)
    files = write(model)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    x = rng.normal(size=(6, 3))
    expected = np.asarray(model.layers[0](x[None].astype("float32")))[0]
    for source in (tmp_path / "model.json", tmp_path, zipped(files)):
        loaded = lv.load(source, name="web")
        assert loaded.format == "tfjs" and list(loaded) == ["it"] and not loaded.assumed["it"]
        assert loaded.skipped == {"dense": "Dense is no recurrent layer"}
        assert differs(loaded["it"], x, expected) <= TOLERANCE


@pytest.mark.parametrize("kept", ["float16", "uint8", "uint16"])
def test_quantised_numbers_are_what_they_stand_for(kept):
    rng = np.random.default_rng(1)
    model = make_model(rng)
    loaded = lv.load(zipped(write(model, kept)), name="web.zip")
    assert kept in loaded.notes[""]
    for stored, variable in zip(loaded.layers["it"].arrays.values(), model.weights, strict=False):
        step = np.ptp(variable.numpy()) / {"float16": 1000, "uint8": 255, "uint16": 65535}[kept]
        assert np.abs(stored - variable.numpy()).max() <= step


def test_a_models_own_topology_has_the_defaults_of_tensorflow_js():
    lstm = {"class_name": "LSTM", "config": {"name": "lstm_LSTM1", "units": 2}}
    topology = {
        "class_name": "Sequential",
        "config": {"layers": [lstm]},
        "keras_version": "tfjs-layers 4.22.0",
    }
    rng = np.random.default_rng(2)
    arrays = {"kernel": (3, 8), "recurrent_kernel": (2, 8), "bias": (8,)}
    weights = [{"name": f"lstm_LSTM1/{n}", "shape": s, "dtype": "float32"} for n, s in arrays.items()]
    data = b"".join(rng.normal(size=shape).astype("<f4").tobytes() for shape in arrays.values())
    told = {"modelTopology": topology, "weightsManifest": [{"paths": ["w.bin"], "weights": weights}]}
    loaded = lv.load(zipped({"m.json": json.dumps(told).encode(), "w.bin": data}), name="m.zip")
    assert loaded["lstm_LSTM1"].options["recurrent_activation"] == "legacy_hard_sigmoid"


def test_a_graph_shows_what_its_names_say():
    model = make_model(np.random.default_rng(3))
    graph = {"format": "graph-model", "modelTopology": {"node": []}}
    loaded = lv.load(zipped(write(model, **graph)), name="graph.zip")
    (name,) = loaded
    assert any("graph" in each.that for each in loaded.assumed[name])
    told = json.loads(write(model, **graph)["model.json"])
    told["weightsManifest"][0]["weights"] = [{"name": "x/MatMul", "shape": [2], "dtype": "float32"}]
    files = {**write(model), "model.json": json.dumps(told).encode()}
    with pytest.raises(FormatError, match=r"is a graph of TensorFlow\.js"):
        lv.load(zipped(files), name="graph.zip")


def _change(told, **changes):
    told["weightsManifest"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda told: _change(told, paths=["../secret.bin"]), "outside its own folder"),
        (lambda told: _change(told, paths=["https://example.org/w.bin"]), "outside its own folder"),
        (lambda told: _change(told, paths=["missing.bin"]), "not beside it"),
        (lambda told: _change(told, paths=["group1-shard1of2.bin"] * 2), "twice"),
        (lambda told: _change(told, paths=["group1-shard1of2.bin"]), "end before"),
        (lambda told: _change(told, weights=[{"name": "a", "shape": [-1], "dtype": "float32"}]), "length"),
        (
            lambda told: _change(told, weights=[{"name": "a", "shape": [2**62], "dtype": "uint8"}]),
            "end before",
        ),
        (lambda told: _change(told, weights=[{"name": "a", "shape": [1], "dtype": "float8"}]), "float8"),
        (lambda told: _change(told, weights=3), "model.json"),
        (lambda told: told.update(weightsManifest={}), None),
        (lambda told: told.update(modelTopology=[]), "model.json"),
    ],
)
def test_a_damaged_file_is_told(change, cause):
    files = write(make_model(np.random.default_rng(4)))
    told = json.loads(files["model.json"])
    change(told)
    source = zipped({**files, "model.json": json.dumps(told).encode()})
    if cause is None:
        assert not lv.load(source, name="web.zip")
        return
    with pytest.raises(FormatError, match=cause) as raised:
        lv.load(source, name="web.zip")
    assert "web.zip" in str(raised.value)
