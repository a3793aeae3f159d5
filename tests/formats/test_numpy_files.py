"""NumPy's archives: what arrays say by their names, their order and their shapes, and what has to be assumed."""

import inspect
import io
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.formats.found import FormatError
from lstmviz.formats.load import Loaded, read, read_content
from lstmviz.layouts import LAYOUTS, to_layout
from tests.runs import make_run

pytestmark = pytest.mark.usefixtures("in_this_process")

build = inspect.unwrap(lv.build)
KINDS = {"lstm": "BasicLSTMCell", "gru": "CudnnCompatibleGRUCell", "rnn": "BasicRNNCell"}


def load(content, name=None, layout=None):
    """`lv.load` without the process of its own, which takes a second."""
    format_, found = read(read_content(content, name), layout)
    loaded = Loaded(format_, found)
    for title, layer in found.layers.items():
        loaded.take(title, layer)
    return loaded


def npz(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def make(family, units=4, inputs=3, seed=0):
    options = {"forget_bias": 0.0} if family == "lstm" else {}
    return make_run(KINDS[family], options, units, inputs, 2, "float32", seed)[0]


def arrays_of(family, layout, **sizes):
    return dict(to_layout(make(family, **sizes), layout).arrays)


def same(cell, other):
    x = np.random.default_rng(3).normal(size=(6, cell.input_size)).astype("float32")
    np.testing.assert_allclose(lv.run(cell, x).states["h"], lv.run(other, x).states["h"], rtol=0, atol=1e-6)


SHORT = {"weight_ih_l0": "w_ih", "weight_hh_l0": "w_hh", "bias_ih_l0": "b_ih", "bias_hh_l0": "b_hh"}


@pytest.mark.parametrize("family", KINDS)
@pytest.mark.parametrize("layout", [None, "pytorch"])
def test_layers_of_shortened_names_are_found_by_their_prefix(family, layout):
    encoder, decoder = make(family, seed=1), make(family, units=5, inputs=4, seed=2)
    arrays = {
        f"{prefix}_{SHORT[name]}": array
        for prefix, cell in (("enc", encoder), ("dec", decoder))
        for name, array in to_layout(cell, "pytorch").arrays.items()
    }
    loaded = load(npz(arrays | {"fc_w": np.ones((2, 5))}), layout=layout)
    assert list(loaded) == ["enc", "dec"]
    same(loaded["enc"], encoder)
    same(loaded["dec"], decoder)
    told = [str(each) for each in loaded.assumed["enc"]]
    assert any("as PyTorch stores them" in each for each in told) == (layout is None)
    assert list(loaded.skipped) == ["fc_w"] and list(loaded.arrays) == ["fc_w"]


def test_an_array_whose_name_may_belong_to_a_layer_is_an_assumption():
    arrays = {f"enc_{SHORT[name]}": array for name, array in arrays_of("gru", "pytorch").items()}
    loaded = load(npz({"enc_emb": np.ones((9, 3))} | arrays), layout="pytorch")
    assert [each.that for each in loaded.assumed["enc"]] == ["it does without enc_emb"]


@pytest.mark.parametrize("sign", ["/", ".", "_", ":"])
@pytest.mark.parametrize("tail", ["", ":0"])
@pytest.mark.parametrize("layout", [None, "keras"])
def test_kerass_names_behind_a_prefix_are_a_layer_each(sign, tail, layout):
    cells = {"a": make("lstm", seed=4), "model_b": make("gru", seed=5)}
    arrays = {
        f"{prefix}{sign}{name}{tail}": array
        for prefix, cell in cells.items()
        for name, array in to_layout(cell, "keras").arrays.items()
    }
    arrays |= {f"dense{sign}kernel{tail}": np.ones((4, 2)), f"dense{sign}bias{tail}": np.ones(2)}
    loaded = load(npz(arrays), layout=layout)
    assert list(loaded) == list(cells)
    for name, cell in cells.items():
        same(loaded[name], cell)
        assert "activations" in loaded.assumed[name][0].that
    assert len(loaded.skipped) == 2 and all("dense" in name for name in loaded.skipped)


@pytest.mark.parametrize(
    ("prefix", "further"), [("lstm/", "lstm/gamma"), ("", "gamma"), ("m.rnn.", "m.rnn.norm.scale")]
)
def test_a_layer_with_further_arrays_under_its_name_is_left_out(prefix, further):
    arrays = {f"{prefix}{name}": array for name, array in arrays_of("lstm", "keras").items()}
    loaded = load(npz(arrays | {further: np.ones(16)}))
    assert not loaded
    assert any(further in reason for reason in loaded.skipped.values())
    assert set(loaded.arrays) == {*arrays, further}


def test_theanos_tutorial_stores_an_order_that_no_layout_has():
    kernel, recurrent, bias = arrays_of("lstm", "keras").values()
    arrays = {"lstm_W": kernel, "lstm_U": recurrent, "lstm_b": bias, "Wemb": np.ones((9, 3))}
    loaded = load(npz(arrays))
    assert not loaded and "i, f, o, c" in loaded.skipped["lstm"]
    assert set(loaded.arrays) == set(arrays)
    same(load(npz(arrays), layout="keras")["lstm"], make("lstm"))


@pytest.mark.parametrize("names", ["rnn/basic_lstm_cell/{}:0", "rnn/lstm_cell/{}"])
def test_tensorflows_variables_in_an_archive_are_found_by_their_cells(names):
    cell = build("BasicLSTMCell", 4, 3, seed=2)
    loaded = load(npz({names.format(key): array for key, array in to_layout(cell, "tf1").arrays.items()}))
    (back,) = loaded.values()
    same(back, cell)


@pytest.mark.parametrize("family", KINDS)
@pytest.mark.parametrize("layout", ["keras", "pytorch", "onnx"])
def test_numbered_arrays_are_taken_in_the_layouts_order(family, layout):
    first, second = make(family, seed=1), make(family, units=5, inputs=4, seed=2)
    listed = [
        *to_layout(first, layout).arrays.values(),
        *to_layout(second, layout).arrays.values(),
        np.ones((5, 2), np.float32),
        np.ones(2, np.float32),
    ]
    buffer = io.BytesIO()
    np.savez(buffer, *listed)
    assert not load(buffer.getvalue())
    loaded = load(buffer.getvalue(), layout=layout)
    assert list(loaded) == ["layer", "layer#2"]
    if (layout, family) != ("onnx", "gru"):  # of which arrays do not tell linear_before_reset
        same(loaded["layer"], first)
        same(loaded["layer#2"], second)
    assert "arr_0" in loaded.notes["layer"] and "in this order" in loaded.notes["layer"]
    assert len(loaded.skipped) == 2


def test_kerass_own_get_weights_is_read_in_its_order():
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4), keras.layers.Dense(2)])
    buffer = io.BytesIO()
    np.savez(buffer, *model.get_weights())
    (cell,) = load(buffer.getvalue(), layout="keras").values()
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    want = model.layers[0](x[np.newaxis]).numpy()[0]
    np.testing.assert_allclose(lv.run(cell, x).states["h"][-1], want, rtol=0, atol=1e-5)


@given(order=st.permutations(range(3)), family=st.sampled_from(["lstm", "gru"]))
@settings(max_examples=20, deadline=None)
def test_any_names_will_do_where_the_shapes_fit_in_one_way_alone(order, family):
    named = list(enumerate(arrays_of(family, "keras").values()))
    loaded = load(npz({f"some {k}": named[k][1] for k in order}), layout="keras")
    (cell,) = loaded.values()
    same(cell, make(family))
    assert "By their shapes" in loaded.notes["layer"]


def test_shapes_that_fit_in_several_ways_are_left_to_names():
    arrays = arrays_of("rnn", "keras", units=4, inputs=4)
    loaded = load(npz({f"some {k}": array for k, array in enumerate(arrays.values())}), layout="keras")
    assert not loaded
    assert "fit in several ways" in loaded.skipped["layer"] and set(loaded.arrays) == {
        "some 0",
        "some 1",
        "some 2",
    }


def test_what_arrays_do_not_hold_is_assumed_of_every_layout():
    told = {
        (layout, family): " ".join(
            map(str, load(npz(arrays_of(family, layout)), layout=layout).assumed["layer"])
        )
        for layout in LAYOUTS
        for family in KINDS
        if layout != "cudnn"
    }
    assert "forget_bias is 1" in told["tf1", "lstm"] and "tanh" in told["tf1", "lstm"]
    wide = load(npz(arrays_of("lstm", "tf1", units=2, inputs=40)), layout="tf1").assumed["layer"]
    assert "an RNN too" in str(wide[0])
    assert "linear_before_reset=0" in told["onnx", "gru"]
    assert all("tanh" in words for (layout, family), words in told.items() if family == "rnn")
    assert told["pytorch", "lstm"] == told["pytorch", "gru"] == ""
    without = {name: array for name, array in arrays_of("gru", "keras").items() if name != "bias"}
    assert "reset_after=True" in str(load(npz(without)).assumed["layer"][0])


@pytest.mark.parametrize("type_", ["float16", ">f4", "float64", "int32"])
def test_numbers_of_another_type_are_shown_as_they_are_and_told(type_):
    arrays = {name: np.round(array * 8).astype(type_) for name, array in arrays_of("lstm", "keras").items()}
    loaded = load(npz(arrays))
    (cell,) = loaded.values()
    assert cell.dtype == (np.float64 if type_ == "float64" else np.float32)
    np.testing.assert_array_equal(cell.gate("f").kernel[:3], arrays["kernel"][:, 4:8].astype(cell.dtype))
    assert ("in the file, and shown as float32" in loaded.notes["layer"]) == (type_ in ("float16", "int32"))


def test_whole_numbers_of_8_bits_are_quantised_ones():
    loaded = load(npz({name: array.astype("int8") for name, array in arrays_of("lstm", "keras").items()}))
    assert not loaded and "quantised" in loaded.skipped["layer"]


def test_fortrans_order_is_heard():
    arrays = {name: np.asfortranarray(array) for name, array in arrays_of("gru", "keras").items()}
    same(load(npz(arrays))["layer"], make("gru"))


# --- Hostile archives


def header(text, version=1):
    text = text.encode() + b"\n"
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


@pytest.mark.parametrize(
    ("descr", "shape", "cause"),
    [
        ("'<f4'", "(-1, 5)", "more than is in it"),
        ("'<f4'", "(0, 99999999999999999999999)", "more than is in it"),
        ("'<f4'", "(True, 1)", "more than is in it"),
        ("'<f4'", "(" + "1," * 40 + ")", "more than is in it"),
        ("'|V2'", "(1,)", "bfloat16"),
        ("'|V0'", "(999999999999,)", "holds no real numbers|bfloat16"),
        ("'<U9'", "(1,)", "holds no real numbers"),
        ("'<c8'", "(1,)", "holds no real numbers"),
        ("[('a', '<f4'), ('b', '<f4', (100000,))]", "(1,)", "holds no real numbers"),
        ("'no such type'", "(1,)", "damaged array"),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_a_header_is_looked_at_before_anything_is_made(descr, shape, cause, version):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    content = header(text, version) + bytes(64)
    try:
        said = str(load(content, name="a.npy").skipped)
    except FormatError as error:
        said = str(error)
    assert any(word in said for word in cause.split("|")), said


def test_a_header_of_megabytes_is_no_header():
    started = time.process_time()
    with pytest.raises(FormatError, match="damaged"):
        load(header("[" * 2**20 + "]" * 2**20, 2) + bytes(64), name="deep.npy")
    assert time.process_time() - started < 2


def test_many_arrays_and_long_names_take_no_long():
    buffer = io.BytesIO()
    array = io.BytesIO()
    np.save(array, np.ones((2, 2), np.float32))
    with zipfile.ZipFile(buffer, "w") as archive:
        for k in range(9_000):
            archive.writestr(f"{'a_' * 50}{k}_kernel.npy", array.getvalue())
    for layout in (None, "keras", "pytorch"):
        started = time.process_time()
        assert not load(buffer.getvalue(), layout=layout)
        assert time.process_time() - started < 5


@pytest.mark.parametrize("layout", ["pytorch", "keras"])
@pytest.mark.parametrize("prefix", ["", "encoder/"])
def test_a_layer_of_whose_arrays_one_is_not_read_is_left_out(prefix, layout):
    arrays = arrays_of("lstm", layout)
    unread = {name: array.astype(np.complex64) for name, array in arrays.items() if "bias" in name}
    named = {f"{prefix}{name}": array for name, array in {**arrays, **unread}.items()}
    loaded = load(npz(named))
    assert not loaded
    title = prefix.rstrip("/") or "layer"
    assert next(iter(unread)) in loaded.skipped[title]
    beside = load(
        npz({f"{prefix}{name}": array for name, array in arrays.items()} | {"words": np.array(["a"])})
    )
    assert list(beside) == [title]  # what is not under its name does not matter


def test_an_array_that_is_told_as_the_reason_is_not_told_again():
    arrays = {f"lstm.{name}": array for name, array in arrays_of("lstm", "keras").items()}
    loaded = load(npz(arrays | {"lstm.gamma": np.ones(4, np.float32)}))
    assert list(loaded.skipped) == ["lstm"]
    assert "lstm.gamma" in loaded.skipped["lstm"]
    assert "lstm.gamma" in loaded.arrays
