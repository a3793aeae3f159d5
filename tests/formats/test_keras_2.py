"""Files of Keras 2: every layer runs as `tf_keras` runs it, or is left out for what its file says of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import lstmviz as lv
from tests.formats.models import TOLERANCE

pytestmark = pytest.mark.usefixtures("in_this_process")

ROOT = Path(__file__).parents[2]
SUFFIXES = (".h5", ".keras", ".old.h5", ".weights.h5")
WHOLE = SUFFIXES[:2]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of models, and by name each one's x and outputs."""
    folder = tmp_path_factory.mktemp("keras2")
    path = os.pathsep.join([str(ROOT / "build" / "tf_keras"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/formats/keras2_models.py"), str(folder)],
        env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        check=False,
        text=True,
    )
    if "No module named 'tf_keras'" in done.stderr:
        pytest.skip("pip install --no-deps --target build/tf_keras tf-keras")
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, np.load(folder / "outputs.npz")


def run(loaded, name, x):
    """What the layer gives, its outputs at the steps that it takes, and those steps."""
    reads = loaded.reads[name]
    return lv.run(loaded[name], reads.arrange(x), device="CPU:0").states["h"], reads.order(x)


@pytest.mark.parametrize("suffix", WHOLE)
@pytest.mark.parametrize("name", ["lstm", "lstm_old", "gru", "gru_before", "gru_bare", "rnn"])
def test_every_layer_of_keras_2(models, name, suffix):
    folder, outputs = models
    loaded = lv.load(folder / f"{name}{suffix}")
    assert list(loaded) == ["it"] and not loaded.skipped and not loaded.assumed["it"]
    h, _order = run(loaded, "it", outputs[f"{name}/x"])
    assert np.abs(h - outputs[f"{name}/y"]).max() <= TOLERANCE


@pytest.mark.parametrize("suffix", [".old.h5", ".weights.h5"])
@pytest.mark.parametrize("name", ["lstm", "gru", "gru_before"])
def test_weights_alone_are_shown_as_assumed(models, name, suffix):
    folder, outputs = models
    loaded = lv.load(folder / f"{name}{suffix}")
    (title,) = loaded
    assert loaded.assumed[title]
    h, _order = run(loaded, title, outputs[f"{name}/x"])
    assert np.abs(h - outputs[f"{name}/y"]).max() <= TOLERANCE


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", ["both", "both_turned", "both_own"])
def test_each_direction_reads_from_its_end(models, name, suffix):
    if suffix not in WHOLE and name != "both":
        pytest.skip("weights alone do not say it: see below")
    folder, outputs = models
    loaded = lv.load(folder / f"{name}{suffix}")
    x, y = outputs[f"{name}/x"], outputs[f"{name}/y"]
    forward, backward = loaded
    assert [loaded.reads[each].reverse for each in loaded] == [name == "both_turned", name != "both_turned"]
    for title, part in ((forward, y[:, :2]), (backward, y[:, 2:])):
        h, order = run(loaded, title, x)
        assert ("from its end" in loaded.notes.get(title, "")) == loaded.reads[title].reverse
        if name == "both_turned":  # Keras turns what its second copy gives, whichever way that reads
            order = order[::-1] if title == backward else np.arange(len(x))
        assert np.abs(h - part[order]).max() <= TOLERANCE


@pytest.mark.parametrize("suffix", [".old.h5", ".weights.h5"])
def test_the_direction_of_weights_alone_is_assumed(models, suffix):
    loaded = lv.load(models[0] / f"both_turned{suffix}")
    assert len(loaded) == 2
    for title in loaded:
        assert any("reads the sequence" in each.that for each in loaded.assumed[title])


@pytest.mark.parametrize("suffix", WHOLE)
def test_what_a_masking_leaves_out_is_passed_over(models, suffix):
    folder, outputs = models
    loaded = lv.load(folder / f"masked{suffix}")
    assert loaded.reads["it"].mask_value == -1.0 and "Masking" in loaded.notes["it"]
    h, order = run(loaded, "it", outputs["masked/x"])
    assert len(order) == 4
    assert np.abs(h - outputs["masked/y"][order]).max() <= TOLERANCE


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_layer_that_goes_backwards(models, suffix):
    folder, outputs = models
    loaded = lv.load(folder / f"backwards{suffix}")
    h, _order = run(loaded, "it", outputs["backwards/x"])
    assert np.abs(h - outputs["backwards/y"]).max() <= TOLERANCE  # Keras gives the last step first


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_stack_is_shown_cell_by_cell(models, suffix):
    folder, outputs = models
    loaded = lv.load(folder / f"stack{suffix}")
    lower, upper = loaded
    h, _order = run(loaded, lower, outputs["stack/x"])
    h, _order = run(loaded, upper, h)
    assert np.abs(h - outputs["stack/y"]).max() <= TOLERANCE


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_time_distributed_layer_runs_anew_each_step(models, suffix):
    folder, outputs = models
    loaded = lv.load(folder / f"each{suffix}")
    (name,) = loaded
    assert "TimeDistributed" in loaded.notes[name]
    for x, last in zip(outputs["each/x"], outputs["each/y"], strict=True):
        assert np.abs(run(loaded, name, x)[0][-1] - last).max() <= TOLERANCE


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("name", "whole", "bare"),
    [
        ("conv", "it is a ConvLSTM1D, a convolution in every gate", "a convolution in every gate"),
        ("peephole", "it is a PeepholeLSTMCell", "1 more arrays than"),
        ("normed", "it is a NormedCell", "more arrays"),
    ],
)
def test_a_cell_with_more_in_it_is_left_out_for_what_it_is(models, name, whole, bare, suffix):
    loaded = lv.load(models[0] / f"{name}{suffix}")
    assert not loaded
    (reason,) = loaded.skipped.values()
    assert (whole if suffix in WHOLE else bare) in reason
    if suffix == ".weights.h5" and name == "peephole":
        assert "vars/3 [2]" in reason


@pytest.mark.parametrize("name", ["CuDNNLSTM", "CuDNNGRU"])
@pytest.mark.parametrize("is_whole", [True, False])
def test_cudnns_layers_run_as_keras_turns_them(models, tmp_path, name, is_whole):
    _folder, outputs = models
    path = tmp_path / "model.h5"
    own = "cu_dnn_1"
    with h5py.File(path, "w") as file:
        if is_whole:
            layer = {"class_name": name, "config": {"name": own, "units": 4}}
            file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": [layer]})
        root = file.create_group("model_weights") if is_whole else file
        root.attrs["layer_names"], root.attrs["keras_version"] = [own.encode()], b"2.1.5"
        names = [f"{own}/{part}:0" for part in ("kernel", "recurrent_kernel", "bias")]
        root.create_group(own).attrs["weight_names"] = [each.encode() for each in names]
        for number, each in enumerate(names):
            root[own][each] = outputs[f"{name}/{number}"]
    loaded = lv.load(path)
    assert list(loaded) == [own] and not loaded.skipped
    assert not [
        each for each in loaded.assumed[own] if "activation" in each.that or "plain layer" in each.that
    ]
    assert loaded.stored[own].title == f"Keras {name}" and "cuDNN" in loaded.notes[own]
    h, _order = run(loaded, own, outputs[f"{name}/x"])
    assert np.abs(h - outputs[f"{name}/y"]).max() <= TOLERANCE
