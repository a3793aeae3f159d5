"""Keras 3's files beyond plain layers: classes of one's own, directions, masks, states, half precision, an optimizer."""

import numpy as np
import pytest

import lstmviz as lv
from tests.formats.models import TOLERANCE
from tests.formats.test_keras_files import SUFFIXES, keras, randomise, save, sequential

pytestmark = pytest.mark.usefixtures("in_this_process")

L = keras.layers
WHOLE = (".keras", ".h5")
MANY = {"return_sequences": True}


def h_of(loaded, name, x):
    """A layer's h at the steps that it takes, and which these are."""
    reads = loaded.reads[name]
    x = np.asarray(x, np.float32)
    return lv.run(loaded[name], reads.arrange(x), device="CPU:0").states["h"], reads.order(x)


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_second_direction_of_its_own_name_and_activation(suffix, tmp_path):
    rng = np.random.default_rng(0)
    first = L.LSTM(2, go_backwards=True, name="first", **MANY)
    other = L.LSTM(2, activation="relu", name="other", **MANY)
    model = randomise(sequential(L.Bidirectional(first, backward_layer=other, name="both")), rng)
    loaded = lv.load(save(model, tmp_path, suffix))
    assert list(loaded) == ["both/forward_first", "both/other"]
    assert [loaded.reads[name].reverse for name in loaded] == [True, False]
    assert [cell.options["activation"] for cell in loaded.values()] == ["tanh", "relu"]
    x = rng.normal(size=(6, 3))
    y = np.asarray(model(x[None].astype("float32")))[0]
    h, _order = h_of(loaded, "both/forward_first", x)
    assert np.abs(h - y[:, :2]).max() <= TOLERANCE  # as it reads, the last step first
    h, _order = h_of(loaded, "both/other", x)
    assert np.abs(h[::-1] - y[:, 2:]).max() <= TOLERANCE  # Keras turns what its second copy gives


@pytest.mark.parametrize("suffix", WHOLE)
@pytest.mark.parametrize("backwards", [False, True])
def test_masked_steps_are_passed_over_in_either_direction(backwards, suffix, tmp_path):
    rng = np.random.default_rng(1)
    layer = L.LSTM(3, go_backwards=backwards, name="it", **MANY)
    model = randomise(sequential(L.Masking(0.5), L.Dropout(0.3), layer), rng)
    x = rng.normal(size=(8, 3)).astype("float32")
    x[[0, 3, 6, 7]] = 0.5
    x[2, :2] = 0.5  # one feature differs: the step counts
    loaded = lv.load(save(model, tmp_path, suffix))
    assert loaded.reads["it"].mask_value == 0.5
    h, order = h_of(loaded, "it", x)
    assert sorted(order) == [1, 2, 4, 5]
    y = np.asarray(model(x[None]))[0]
    y = y[::-1] if backwards else y  # by the step's own number
    assert np.abs(h - y[order]).max() <= TOLERANCE


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_decoder_starts_from_states_that_are_not_shown(suffix, tmp_path):
    inputs = keras.Input((5, 3))
    x, h, c = L.LSTM(2, return_state=True, name="enc", **MANY)(inputs)
    outputs = L.LSTM(2, name="dec", **MANY)(x, initial_state=[h, c])
    loaded = lv.load(save(keras.Model(inputs, outputs), tmp_path, suffix))
    assert list(loaded) == ["enc", "dec"] and not loaded.assumed["enc"]
    assert [each.that for each in loaded.assumed["dec"]] == ["it starts from zeros"]


@keras.saving.register_keras_serializable("mine")
class MyLSTM(L.LSTM):
    """A layer of one's own; what it does with the same arrays is not in the file."""


@keras.saving.register_keras_serializable("mine")
class NormedCell(L.LSTMCell):
    """A cell with a norm in it."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.norm = L.LayerNormalization()

    def build(self, input_shape):
        super().build(input_shape)
        self.norm.build((None, self.units))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("make", [lambda: MyLSTM(2, name="it"), lambda: L.RNN(NormedCell(2), name="it")])
def test_a_class_of_ones_own_is_left_out_or_assumed(make, suffix, tmp_path):
    loaded = lv.load(save(sequential(make()), tmp_path, suffix))
    if suffix == ".weights.h5" and loaded:  # the arrays of a plain one, and no class
        assert loaded.assumed["it"]
        return
    assert not loaded and list(loaded.skipped) == ["it"]
    expected = "more arrays" if suffix == ".weights.h5" else "none of Keras's plain recurrent layers"
    assert expected in loaded.skipped["it"]


class Own(keras.Model):
    """A model without a list of layers."""

    def __init__(self):
        super().__init__()
        self.zeroth = L.LSTM(3, **MANY)
        self.head = L.Dense(2)
        self.stack = [L.GRU(2, **MANY), L.SimpleRNN(2)]

    def call(self, x):
        for layer in (self.zeroth, *self.stack, self.head):
            x = layer(x)
        return x


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_layers_of_a_model_class_of_ones_own_are_assumed(suffix, tmp_path):
    model = Own()
    x = np.random.default_rng(2).normal(size=(1, 5, 3)).astype("float32")
    model(x)
    randomise(model, np.random.default_rng(3))
    loaded = lv.load(save(model, tmp_path, suffix))
    assert [cell.num_units for cell in loaded.values()] in ([3, 2, 2], [2, 2, 3])
    assert all(loaded.assumed[name] for name in loaded)
    (first,) = [name for name, cell in loaded.items() if cell.num_units == 3]
    h, _order = h_of(loaded, first, x[0])
    assert np.abs(h - np.asarray(model.zeroth(x))[0]).max() <= TOLERANCE
    if suffix == ".keras":
        assert any("Own" in each.why for each in loaded.assumed[first])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_float16"])
def test_half_precision_is_widened_and_told(dtype, suffix, tmp_path):
    layer = L.GRU(2, dtype=dtype, recurrent_initializer="glorot_uniform", name="it")
    model = randomise(sequential(layer), np.random.default_rng(4))
    loaded = lv.load(save(model, tmp_path, suffix))
    (name,) = loaded
    told = " ".join(loaded.notes.values())
    if dtype != "mixed_float16" or suffix != ".weights.h5":  # whose weights are float32
        assert dtype in told
    for stored, weight in zip(loaded.layers[name].arrays.values(), layer.get_weights(), strict=True):
        np.testing.assert_array_equal(stored.astype("float32"), np.asarray(weight).astype("float32"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_optimizers_numbers_are_no_layers(suffix, tmp_path):
    model = sequential(L.LSTM(2, dropout=0.1, name="it"))
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 4, 3)), np.zeros((2, 2)), verbose=0)
    loaded = lv.load(save(model, tmp_path, suffix))
    assert list(loaded) == ["it"] and len(loaded.skipped) == 1
    assert "optimizer" in next(iter(loaded.skipped.values()))


@pytest.mark.parametrize("ending", [".hdf5", ".ckpt", ".keras", ".h5", ".model"])
def test_the_content_decides_and_not_the_ending(ending, tmp_path):
    path = save(sequential(L.LSTM(2, name="it")), tmp_path, ".h5")
    other = path.rename(tmp_path / f"other{ending}")
    assert list(lv.load(other)) == ["it"]


class Attention(L.Layer):
    """One of Keras's names, and a recurrent layer in it."""

    def __init__(self, **words):
        super().__init__(**words)
        self.inner = L.LSTM(2)

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x)


def assumed_of(loaded, name):
    return [each.that for each in loaded.assumed[name]]


PLAIN = "it is a plain layer of Keras's"
EVERY = "it reads every step of its sequence, from the first to the last"


@pytest.mark.parametrize("name", ["my_lstm", "lstm", "encoder"])
def test_weights_alone_of_a_class_of_ones_own_are_no_plain_layer_for_certain(name, tmp_path):
    loaded = lv.load(save(sequential(MyLSTM(2, name=name)), tmp_path, ".weights.h5"))
    assert PLAIN in assumed_of(loaded, name)
    plain = lv.load(save(sequential(L.LSTM(2, name=name)), tmp_path, ".weights.h5"))
    assert PLAIN not in assumed_of(plain, name)  # its folder is its class


def test_weights_alone_do_not_say_from_which_end_a_layer_reads(tmp_path):
    model = sequential(L.LSTM(2, go_backwards=True, name="it"))
    assert EVERY in assumed_of(lv.load(save(model, tmp_path, ".weights.h5")), "it")
    assert lv.load(save(model, tmp_path, ".keras")).reads["it"].reverse


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_class_of_ones_own_of_one_of_kerass_names_is_not_called_no_recurrent_layer(suffix, tmp_path):
    loaded = lv.load(save(sequential(Attention()), tmp_path, suffix))
    assert not loaded
    assert all("is no recurrent layer" not in reason for reason in loaded.skipped.values())


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_mask_of_the_models_own_and_masks_that_differ_are_assumed_away(suffix, tmp_path):
    x, y, mask = keras.Input((5, 3)), keras.Input((5, 3)), keras.Input((5,), dtype="bool")
    given, shared, same = L.LSTM(2, name="given"), L.LSTM(2, name="shared"), L.LSTM(2, name="same")
    masked = L.Masking(2.0)(x)
    outputs = [given(x, mask=mask), shared(masked), shared(y), same(masked), same(masked)]
    loaded = lv.load(save(keras.Model([x, y, mask], outputs), tmp_path, suffix))
    for name in ("given", "shared"):
        assert assumed_of(loaded, name) == ["every step of its sequence counts"]
        assert loaded.reads[name].mask_value is None
    assert loaded.reads["same"].mask_value == 2.0
    assert not loaded.assumed["same"]


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_mask_is_told_once(suffix, tmp_path):
    loaded = lv.load(save(sequential(L.Masking(0.0), L.LSTM(2, name="it")), tmp_path, suffix))
    assert loaded.notes["it"].count("pass") == 1
