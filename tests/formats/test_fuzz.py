"""Damaged files of every format: nothing but a FormatError comes out of a reader, in this process.

Archives are damaged inside, member by member: outside, their own checksum would stop nearly all of it.
"""

import gzip
import io
import json
import warnings
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.formats.found import FormatError
from lstmviz.formats.load import Loaded, read, read_content
from lstmviz.formats.save import save_bytes
from lstmviz.layouts import to_layout
from tests.formats import test_torch_files as of_torch
from tests.formats.attacks import zipped
from tests.formats.mutate import mutations

LSTM = lv.build("BasicLSTMCell", num_units=3, input_size=2, seed=0)


def _npz():
    return save_bytes(LSTM, ".npz", "keras")


def _state_dict():
    weights = to_layout(LSTM, "pytorch").arrays
    tensors = {
        name: of_torch.tensor(array.shape, [n // array.itemsize for n in array.strides], key=str(key))
        for key, (name, array) in enumerate((n, np.ascontiguousarray(a)) for n, a in weights.items())
    }
    return of_torch.pack(
        of_torch.state(**tensors), {str(k): array.tobytes() for k, array in enumerate(weights.values())}
    )


def _legacy():
    torch = pytest.importorskip("torch")
    return of_torch._saved(torch, of_torch._net(torch), _use_new_zipfile_serialization=False)


def _torchscript():
    torch = pytest.importorskip("torch")
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # which the files that exist do not mind
        torch.jit.save(torch.jit.script(torch.nn.LSTM(2, 3)), buffer)
    return buffer.getvalue()


def _tensorflow_js():
    arrays = to_layout(LSTM, "keras").arrays
    entries = [
        {"name": f"lstm/lstm_cell/{name}", "shape": list(array.shape), "dtype": "float32"}
        for name, array in arrays.items()
    ]
    layer = {"class_name": "LSTM", "config": {"name": "lstm", "units": 3}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    told = {
        "format": "layers-model",
        "modelTopology": {"keras_version": "2.4.0", "model_config": config},
        "weightsManifest": [{"paths": ["w.bin"], "weights": entries}],
    }
    data = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values())
    return zipped([("model.json", json.dumps(told).encode()), ("w.bin", data)])


def _tensorflow_lite():
    of_tflite = pytest.importorskip("tests.formats.test_tflite_files")
    return of_tflite.lstm_model(of_tflite.lstm_arrays(np.random.default_rng(0), 3, 2), 4)


def _gzipped():
    return gzip.compress(save_bytes(LSTM, ".safetensors", "pytorch"))


WHOLE = {
    "npz": _npz, "state dict": _state_dict, "PyTorch before 1.6": _legacy, "TorchScript": _torchscript,
    "TensorFlow.js": _tensorflow_js, "TensorFlow Lite": _tensorflow_lite, "gzip": _gzipped,
    "ONNX": lambda: save_bytes(LSTM, ".onnx"),
}  # fmt: skip


def damage(draw, content):
    """The content with one of its members damaged, or itself where it has none."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return draw(mutations(content))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = draw(st.sampled_from(sorted(members)))
    return zipped({**members, chosen: draw(mutations(members[chosen]))}.items(), zipfile.ZIP_STORED)


@pytest.fixture(scope="module")
def whole(request):
    return WHOLE[request.param]()


@pytest.mark.parametrize("whole", WHOLE, indirect=True)
def test_the_whole_file_is_read(whole):
    _format, found = read(read_content(whole, "whole"))
    assert found.layers


@pytest.mark.parametrize("whole", WHOLE, indirect=True)
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_damage_of_any_kind_is_refused_or_read(whole, data):
    with suppress(FormatError):
        format_, found = read(read_content(damage(data.draw, whole), "damaged"))
        loaded = Loaded(format_, found)
        for title, layer in found.layers.items():
            loaded.take(title, layer)
