"""What Keras's description of a model says: every option is shown, known to change no number, or a reason."""

import contextlib
import json

import h5py
import numpy as np
import pytest

import lstmviz as lv
from lstmviz.formats import keras_config
from lstmviz.formats.found import FormatError

pytestmark = pytest.mark.usefixtures("in_this_process")

PLAIN = {"name": "it", "units": 2, "activation": "tanh", "recurrent_activation": "sigmoid"}


def layer(kind="LSTM", **config):
    return {"class_name": kind, "config": {**PLAIN, **config}}


def sequential(*layers):
    return {"class_name": "Sequential", "config": {"name": "model", "layers": list(layers)}}


def describe(*layers, version="2.4.0"):
    return keras_config.describe(sequential(*layers), version)


def only(*layers, version="2.4.0"):
    (found,) = [
        each for each in describe(*layers, version=version) if each.kind not in ("Masking", "Embedding")
    ]
    return found


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.2.2", "legacy_hard_sigmoid"),
        ("2.1.6-tf", "legacy_hard_sigmoid"),
        ("2.2.4", "legacy_hard_sigmoid"),
        ("2.2.4-tf", "legacy_hard_sigmoid"),
        ("2.3.0-tf", "sigmoid"),
        ("2.3.1", "sigmoid"),
        ("2.15.0", "sigmoid"),
        ("3.15.1", "sigmoid"),
    ],
)
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_what_is_not_said_is_the_default_of_the_keras_that_wrote_it(kind, version, expected):
    told = layer(kind)
    del told["config"]["recurrent_activation"]
    found = only(told, version=version)
    assert found.options["recurrent_activation"] == expected
    assert bool(found.assumed) == version.startswith("2.2.4-tf")
    if found.assumed:
        assert "1.14 and 1.15" in found.assumed[0].why and "2.0 and 2.1" in found.assumed[0].why


def test_keras_1s_word_for_it_is_understood():
    told = {"name": "it", "output_dim": 2, "inner_activation": "hard_sigmoid", "consume_less": "cpu"}
    found = only({"class_name": "LSTM", "config": told}, version="1.2.2")
    assert found.options == {"recurrent_activation": "legacy_hard_sigmoid"} and not found.problem


@pytest.mark.parametrize(
    "config",
    [
        {"unit_forget_bias": True, "kernel_initializer": {"class_name": "Zeros", "config": {}}},
        {"dropout": 0.5, "recurrent_dropout": 0.5, "seed": 3, "implementation": 2, "unroll": True},
        {"kernel_constraint": "max_norm", "bias_regularizer": "l2", "activity_regularizer": "l1"},
        {"return_sequences": True, "return_state": True, "time_major": True, "zero_output_for_mask": True},
    ],
)
def test_what_changes_no_number_of_the_cell_is_no_reason(config):
    found = only(layer(**config))
    assert found.family == "lstm" and not found.assumed and not found.problem


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        ({"cell_clip": 3.0}, "cell_clip"),
        ({"leak": 0.1}, "leak"),
        ({"activation": {"class_name": "function", "config": "mine", "module": "builtins"}}, "mine"),
        ({"activation": {"class_name": "function", "config": "tanh", "module": "my.code"}}, "tanh"),
        ({"activation": {"class_name": "LeakyReLU", "config": {"negative_slope": 0.3}}}, "LeakyReLU"),
        ({"activation": ["4wEAAAA=", None, None]}, "lambda"),
        ({"activation": "<lambda>"}, "lambda"),
        ({"recurrent_activation": "mine>tanh"}, "mine>tanh"),
        ({"activation": "softmax"}, "softmax"),
    ],
)
def test_an_option_that_no_cell_has_is_the_reason(config, cause):
    found = only(layer(**config))
    assert not found.family and cause in found.problem


def test_an_unknown_option_without_a_value_is_assumed_to_change_nothing():
    (assumed,) = only(layer(something=None)).assumed
    assert "something" in assumed.that


@pytest.mark.parametrize(
    "kind",
    [
        "MyLSTM",
        "tfa>LayerNormLSTMCell",
        "PeepholeLSTMCell",
        "Custom>LSTM",
        "ZoneoutGRU",
        "ConvLSTM2D",
        "ONLSTM",
    ],
)
def test_a_class_that_is_not_keras_plain_one_is_said_and_never_called_no_recurrent_layer(kind):
    found = only(layer(kind))
    assert not found.family and kind in found.problem and "no recurrent layer" not in found.problem
    inside = {"class_name": "RNN", "config": {"name": "it", "cell": layer(kind)}}
    found = only(inside)
    assert not found.family and kind in found.problem


def test_a_convolution_is_said_to_be_one():
    text = "it is a ConvLSTM2D, a convolution in every gate, which no cell here has"
    assert only(layer("ConvLSTM2D")).problem == text


@pytest.mark.parametrize("told", [{"registered_name": "my>LSTM"}, {"module": "my.layers"}, {"module": None}])
def test_a_class_of_keras_name_and_another_package_is_not_keras(told):
    assert not only({**layer(), **told}).family
    assert only({**layer(), "module": "keras.layers", "registered_name": None}).family == "lstm"


def test_a_wrapper_that_changes_its_layer_is_the_reason():
    found = only({"class_name": "SpectralNormalization", "config": {"name": "w", "layer": layer()}})
    assert "SpectralNormalization around a LSTM" in found.problem


def test_constants_beside_the_sequence_are_the_reason():
    rnn = {"class_name": "RNN", "config": {"name": "it", "num_constants": 1, "cell": layer("LSTMCell")}}
    assert "constants" in only(rnn).problem


# --- What feeds a layer -----------------------------------------------------------------------------------------------

MASKING = {"class_name": "Masking", "config": {"name": "m", "mask_value": -1.0}}


def between(kind, **config):
    return {"class_name": kind, "config": {"name": kind.lower(), **config}}


def test_a_masking_is_followed_to_the_layer_that_it_feeds():
    assert only(MASKING, layer()).mask_value == -1.0
    found = describe(MASKING, between("Dropout"), layer())[-1]
    assert found.mask_value == -1.0 and "m, a Masking" in found.notes[0]
    found = describe(MASKING, between("Dense"), layer())[-1]
    assert found.mask_value is None and "further up" in found.notes[0]
    assert not describe(MASKING, between("Flatten"), layer())[-1].notes
    first, second = describe(MASKING, layer(return_sequences=True), layer(name="b"))[1:]
    assert first.mask_value == -1.0 and second.mask_value is None and "further up" in second.notes[0]
    assert not describe(MASKING, layer(), layer(name="b"))[-1].notes


def test_a_masking_goes_into_wrappers_and_models():
    both = {"class_name": "Bidirectional", "config": {"name": "b", "layer": layer()}}
    assert [each.mask_value for each in describe(MASKING, both)[1:]] == [-1.0, -1.0]
    assert describe(MASKING, {**sequential(layer()), "name": "inner"})[-1].mask_value == -1.0
    stack = {"class_name": "StackedRNNCells", "config": {"cells": [layer("LSTMCell"), layer("GRUCell")]}}
    rnn = {"class_name": "RNN", "config": {"name": "it", "cell": stack}}
    assert [each.mask_value for each in describe(MASKING, rnn)[1:]] == [-1.0, None]


def test_words_that_are_masked_are_told():
    embedding = between("Embedding", mask_zero=True)
    assert "mask_zero" in describe(embedding, layer())[-1].notes[0]
    assert not describe(between("Embedding", mask_zero=False), layer())[-1].notes


def functional(nodes, after="enc"):
    layers = [
        {"class_name": "InputLayer", "config": {"name": "in"}, "name": "in", "inbound_nodes": []},
        {**MASKING, "name": "m", "inbound_nodes": [[["in", 0, 0, {}]]]},
        {**layer(name="enc"), "name": "enc", "inbound_nodes": [[["in", 0, 0, {}]]]},
        {**layer(name="dec"), "name": "dec", "inbound_nodes": nodes},
    ]
    config = {"class_name": "Functional", "config": {"name": "f", "layers": layers}}
    return {each.title: each for each in keras_config.describe(config, "2.4.0")}


def tensor(name, number=0):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, number]}}


@pytest.mark.parametrize(
    "nodes",
    [
        [[["m", 0, 0, {}], ["enc", 0, 1, {}], ["enc", 0, 2, {}]]],
        [[["m", 0, 0, {"initial_state": [["enc", 0, 1], ["enc", 0, 2]]}]]],
        [{"args": [tensor("m")], "kwargs": {"initial_state": [tensor("enc", 1), tensor("enc", 2)]}}],
        [{"args": [[tensor("m"), tensor("enc", 1), tensor("enc", 2)]], "kwargs": {}}],
    ],
)
def test_a_decoders_states_are_told_and_the_graph_is_followed(nodes):
    found = functional(nodes)
    (assumed,) = found["dec"].assumed
    assert assumed.that == "it starts from zeros" and "the model computes" in assumed.why
    assert found["dec"].mask_value == -1.0 and found["enc"].mask_value is None
    assert not found["enc"].assumed


def test_states_that_are_kept_and_other_types_are_told():
    assert "stateful" in only(layer(stateful=True)).notes[0]
    policy = {"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}
    for dtype in ("mixed_bfloat16", policy):
        assert "mixed_bfloat16" in only(layer(dtype=dtype)).notes[0]
    assert not only(layer(dtype="float32")).notes


# --- Directions -------------------------------------------------------------------------------------------------------


def test_the_copies_of_a_layer_that_goes_backwards_read_from_the_other_ends():
    for turned in (False, True):
        wrapped = {
            "class_name": "Bidirectional",
            "config": {"name": "b", "layer": layer(go_backwards=turned)},
        }
        assert [each.reverse for each in describe(wrapped)] == [turned, not turned]
    own = layer(name="other", go_backwards=False, activation="relu")
    config = {"name": "b", "layer": layer(go_backwards=True), "backward_layer": own}
    forward, backward = describe({"class_name": "Bidirectional", "config": config})
    assert (forward.reverse, backward.reverse) == (True, False)
    assert backward.title == "b/other" and backward.options["activation"] == "relu"


# --- Descriptions that are hostile ------------------------------------------------------------------------------------


def nest(depth, entry, wrapper="Bidirectional"):
    for _step in range(depth):
        entry = {"class_name": wrapper, "config": {"name": "n", "layer": entry}}
    return entry


@pytest.mark.parametrize(
    "config",
    [
        nest(30, layer()),
        nest(500, layer(), "TimeDistributed"),
        sequential(*[layer()] * 30_000),
        sequential(3),
        sequential({"class_name": "LSTM"}),
        sequential({"class_name": "LSTM", "config": 3}),
        sequential({"class_name": "RNN", "config": {"cell": None}}),
        sequential(*[{"class_name": "Masking", "config": []}] * 2),
        {"class_name": "Sequential", "config": {"layers": [[]]}},
        [],
        None,
    ],
)
def test_a_hostile_description_is_refused(config):
    with contextlib.suppress(ValueError):  # the one thing that may be raised
        assert not any(each.family for each in keras_config.describe(config, "2.4.0"))


def test_a_description_that_is_too_long_or_too_deep_is_refused(tmp_path):
    for text in ("[" * 100_000, "[]," * 4_000_000):
        with pytest.raises(ValueError, match=r"."):
            keras_config.parse(text)


# --- Old files --------------------------------------------------------------------------------------------------------


def write(path, layers, version=None, config=None):
    """A file as Keras 1 and 2 write it: `{layer: {variable: array}}`."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if config else file
        if version:
            root.attrs["keras_version"] = file.attrs["keras_version"] = version.encode()
        if config:
            file.attrs["model_config"] = json.dumps(config).encode()
        root.attrs["layer_names"] = [name.encode() for name in layers]
        for name, variables in layers.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [each.encode() for each in variables]
            for each, array in variables.items():
                group[each] = array
    return path


def hard_sigmoid(z):
    return np.clip(0.2 * z + 0.5, 0, 1)


def run_lstm(x, kernel, recurrent, bias, inner):
    """Keras 1.2's and 2.2's LSTM: i, f, c, o."""
    h = c = np.zeros(recurrent.shape[0])
    for row in x:
        i, f, g, o = np.split(row @ kernel + h @ recurrent + bias, 4)
        c = inner(f) * c + inner(i) * np.tanh(g)
        h = inner(o) * np.tanh(c)
        yield h


def run_gru(x, kernel, recurrent, bias, inner):
    """Keras 1.2's and 2.2's GRU: z, r, h, and r on h before the product."""
    units = recurrent.shape[0]
    h = np.zeros(units)
    for row in x:
        z, r, g = np.split(row @ kernel + bias, 3)
        z = inner(z + h @ recurrent[:, :units])
        r = inner(r + h @ recurrent[:, units : 2 * units])
        h = z * h + (1 - z) * np.tanh(g + (r * h) @ recurrent[:, 2 * units :])
        yield h


RUNS = {"lstm": (run_lstm, "ifco", "icfo"), "gru": (run_gru, "zrh", "zrh")}


def make_arrays(rng, gates):
    units, inputs = (int(size) for size in rng.integers(1, 6, 2))
    shapes = {
        "kernel": (inputs, gates * units),
        "recurrent_kernel": (units, gates * units),
        "bias": (gates * units,),
    }
    arrays = {name: rng.normal(size=shape, scale=0.7).astype("float32") for name, shape in shapes.items()}
    return arrays, rng.normal(size=(12, inputs)).astype("float32")


def largest_difference(cell, x, expected):
    return np.abs(lv.run(cell, x, device="CPU:0").states["h"] - list(expected)).max()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", RUNS)
def test_weights_alone_of_keras_before_2_3_have_its_hard_sigmoid(family, seed, tmp_path):
    run, order, _kept = RUNS[family]
    arrays, x = make_arrays(np.random.default_rng(seed), len(order))
    variables = {f"it_1/{name}:0": array for name, array in arrays.items()}
    loaded = lv.load(write(tmp_path / "old.h5", {"it_1": variables}, "2.2.0"))
    assert list(loaded) == ["it_1"]
    assert "hard_sigmoid" in loaded.assumed["it_1"][0].that and "2.2.0" in loaded.assumed["it_1"][0].why
    assert largest_difference(loaded["it_1"], x, run(x, *arrays.values(), hard_sigmoid)) <= 1e-5


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize("is_joined", [True, False])
@pytest.mark.parametrize("family", RUNS)
def test_keras_1_kept_an_array_a_gate(family, is_joined, is_whole, tmp_path):
    run, order, kept = RUNS[family]
    arrays, x = make_arrays(np.random.default_rng(7), len(order))
    names = dict(zip("WUb", arrays, strict=True))
    if is_joined:
        variables = {f"it_1_{old}": arrays[name] for old, name in names.items()}
    else:
        blocks = {
            name: dict(zip(order, np.split(array, len(order), axis=-1), strict=True))
            for name, array in arrays.items()
        }
        variables = {f"it_1_{old}_{gate}": blocks[name][gate] for gate in kept for old, name in names.items()}
    told = {"name": "it_1", "output_dim": len(arrays["recurrent_kernel"]), "inner_activation": "sigmoid"}
    config = {"class_name": "Sequential", "config": [{"class_name": family.upper(), "config": told}]}
    path = write(
        tmp_path / "one.h5", {"it_1": variables}, "1.2.2" if is_whole else None, config if is_whole else None
    )
    loaded = lv.load(path)
    assert list(loaded) == ["it_1"] and not loaded.skipped
    inner = (lambda z: 1 / (1 + np.exp(-z))) if is_whole else hard_sigmoid
    assert bool(loaded.assumed["it_1"]) != is_whole
    assert largest_difference(loaded["it_1"], x, run(x, *arrays.values(), inner)) <= 1e-5


def test_a_gru_of_2_2_4_tf_is_that_of_the_tensorflow_whose_bias_it_has(tmp_path):
    rng = np.random.default_rng(8)
    kernels = {"gru/kernel:0": rng.normal(size=(3, 6)), "gru/recurrent_kernel:0": rng.normal(size=(2, 6))}
    for shape, expected in (((6,), "legacy_hard_sigmoid"), ((2, 6), "sigmoid")):
        variables = {**kernels, "gru/bias:0": rng.normal(size=shape)}
        loaded = lv.load(write(tmp_path / "tf.h5", {"gru": variables}, "2.2.4-tf"))
        assert loaded["gru"].options["recurrent_activation"] == expected
        assert "1.14" in loaded.assumed["gru"][0].why


def test_a_gru_without_a_bias_does_not_show_when_it_resets(tmp_path):
    rng = np.random.default_rng(9)
    variables = {"gru/kernel:0": rng.normal(size=(3, 6)), "gru/recurrent_kernel:0": rng.normal(size=(2, 6))}
    for version, kind in (("2.2.4", "GRUCell"), ("2.4.0", "CudnnCompatibleGRUCell")):
        loaded = lv.load(write(tmp_path / "bare.h5", {"gru": variables}, version))
        assert loaded["gru"].kind.name == kind
        assert any("reset_after" in each.that for each in loaded.assumed["gru"])


def lstm_arrays(prefix, units=2):
    rng = np.random.default_rng(10)
    shapes = {"kernel": (3, 4 * units), "recurrent_kernel": (units, 4 * units), "bias": (4 * units,)}
    return {f"{prefix}/{name}:0": rng.normal(size=shape).astype("f4") for name, shape in shapes.items()}


@pytest.mark.parametrize("config", [None, sequential(layer())])
@pytest.mark.parametrize("more", ["it/lstm_cell/gamma:0", "it/lstm_cell/norm/beta:0", "it/peephole:0"])
def test_what_stands_beside_a_cells_arrays_decides(more, config, tmp_path):
    variables = {**lstm_arrays("it/lstm_cell"), more: np.ones(2, "f4")}
    loaded = lv.load(write(tmp_path / "more.h5", {"it": variables}, "2.4.0", config))
    assert not loaded and list(loaded.skipped) == ["it"]
    assert more.removesuffix(":0") in loaded.skipped["it"] and "[2]" in loaded.skipped["it"]


def test_what_a_description_and_the_arrays_do_not_agree_on_is_the_reason(tmp_path):
    variables = lstm_arrays("it/lstm_cell")
    for told, cause in ((layer(units=3), "3 units"), (layer(use_bias=False), "use_bias False")):
        loaded = lv.load(write(tmp_path / "other.h5", {"it": variables}, "2.4.0", sequential(told)))
        assert not loaded and cause in loaded.skipped["it"]


def test_the_optimizers_numbers_are_told_once_and_are_no_layers(tmp_path):
    path = write(tmp_path / "trained.h5", {"it": lstm_arrays("it")}, "2.4.0", sequential(layer()))
    with h5py.File(path, "r+") as file:
        group = file.create_group("optimizer_weights")
        for number in range(3):
            group[f"Adam/it/kernel/m_{number}"] = np.ones((3, 8), "f4")
    loaded = lv.load(path)
    assert list(loaded) == ["it"] and list(loaded.skipped) == ["optimizer_weights"]


def test_layers_stand_in_the_models_order(tmp_path):
    names = ["z", "b", "a", "y"]
    layers = {name: lstm_arrays(name) for name in names}
    config = sequential(*[layer(name=name) for name in names])
    for given in (config, None):
        assert list(lv.load(write(tmp_path / "order.h5", layers, "2.4.0", given))) == names


# --- Files that promise more than they hold ---------------------------------------------------------------------------


def _unwritten(file):
    file.create_dataset("it/kernel", (4000, 16000), "f4", chunks=(256, 16000), compression="gzip")


def _half_written(file):
    data = file.create_dataset("it/kernel", (1024, 1024), "f4", chunks=(64, 1024), compression="gzip")
    data[:512] = np.random.default_rng(0).normal(size=(512, 1024))


def _large_chunk(file):
    data = file.create_dataset(
        "it/kernel", (2, 2), "f4", chunks=(20_000, 10_000), maxshape=(None, None), compression="gzip"
    )
    data.resize((2, 2))


@pytest.mark.parametrize("fill", [_unwritten, _half_written, _large_chunk])
def test_numbers_that_are_not_in_the_file_are_not_made(fill, tmp_path):
    path = tmp_path / "hollow.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"it"]
        fill(file)
    with pytest.raises(FormatError, match=r"holds only|never written|MB"):
        lv.load(path)


def test_one_dataset_under_many_names_is_refused(tmp_path):
    path = tmp_path / "many.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"it"]
        group = file.create_group("it")
        group["0"] = np.zeros((1000, 1000), "f4")
        for number in range(1, 2000):
            group[str(number)] = group["0"]
        group.attrs["weight_names"] = [str(number).encode() for number in range(2000)]
    with pytest.raises(FormatError, match="under two names"):
        lv.load(path)


@pytest.mark.parametrize(("at", "value"), [(8, 2**40), (8, 64), (24, 2**33), (24, 255), (-8, 0)])
def test_a_heap_of_texts_whose_sizes_are_not_true_is_damaged(at, value, tmp_path):
    """HDF5's library does not end on some of them."""
    path = write(tmp_path / "heap.h5", {"it": lstm_arrays("it")}, "2.4.0")
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL")
    place = heap + at if at > 0 else _end_of_heap(data, heap) + 8
    data[place : place + 8] = value.to_bytes(8, "little")
    with pytest.raises(FormatError, match=r"damaged.*heap"):
        lv.load(bytes(data), name="heap.h5")


def _end_of_heap(data, heap):
    """Where what is left of a heap begins."""
    at = heap + 16
    while data[at]:
        at += 16 + -(-int.from_bytes(data[at + 8 : at + 16], "little") // 8) * 8
    return at
