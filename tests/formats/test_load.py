"""What is read at all: the content decides, sizes are bounded, and every bad file says why in one sentence."""

import inspect
import io
import zipfile
from contextlib import suppress

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.formats import found
from lstmviz.formats.found import FormatError
from lstmviz.formats.load import ENDINGS, PACKED, READERS, Loaded, read, read_content
from lstmviz.formats.save import WRITERS, save_bytes
from lstmviz.layouts import to_layout
from tests.formats.mutate import mutations
from tests.formats.test_torch_files import pack, state, tensor

build = inspect.unwrap(lv.build)
CELLS = {
    "lstm": build("BasicLSTMCell", num_units=3, input_size=2, seed=1, forget_bias=0.0),
    "gru": build("CudnnCompatibleGRUCell", num_units=3, input_size=2, seed=1),
    "rnn": build("BasicRNNCell", num_units=3, input_size=2, seed=1),
}


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def sayable(suffix, layout, cell):
    try:
        return save_bytes(cell, suffix, layout)
    except ValueError:
        return None


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("family", CELLS)
@pytest.mark.parametrize(
    ("suffix", "layout"),
    [(suffix, name) for suffix, w in WRITERS.items() for name in w.layouts if name != "cudnn"],
)
def test_there_and_back_is_exact(suffix, layout, family, tmp_path):
    cell = CELLS[family]
    content = sayable(suffix, layout, cell)
    assert content is not None
    path = tmp_path / f"cell{suffix}"
    path.write_bytes(content)
    loaded = lv.load(path, layout=layout if suffix == ".npz" else None)
    (back,) = loaded.values()
    if layout == "onnx" and family == "gru" and suffix == ".npz":
        assert back.kind.name == "GRUCell"  # arrays alone do not hold linear_before_reset
        return
    assert back.kind == cell.kind
    for name, array in cell.weights.items():
        np.testing.assert_array_equal(back.weights[name], array)


def test_bare_arrays_need_a_layout_and_are_kept_for_the_detective():
    arrays = {"a": np.ones((5, 12)), "b": np.zeros(12)}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    loaded = lv.load(buffer.getvalue(), name="bare.npz")
    assert not loaded
    assert "name the layout" in loaded.skipped["a"]
    assert set(loaded.arrays) == {"a", "b"}


def test_the_content_decides_not_the_name(tmp_path):
    path = tmp_path / "weights.onnx"
    path.write_bytes(save_bytes(CELLS["lstm"], ".safetensors"))
    loaded = lv.load(path)
    assert loaded.format == "safetensors"
    assert len(loaded) == 1


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "empty"),
        (b"\x91hello", "none of the formats"),
        (b"PK\x03\x04 and no more", "zip"),
        (zipped(**{"../../evil.npy": b"x"}), "leads out"),
        (zipped(**{"/evil.npy": b"x"}), "leads out"),
        (zipped(**{"C:\\evil.npy": b"x"}), "leads out"),
        (zipped(readme=b"x"), "the-file, readme is text"),
        (b"\x93NUMPY" + b"\x00" * 20, "damaged"),
        (b"\x89HDF\r\n\x1a\n" + b"\x00" * 100, "damaged"),
    ],
)
def test_files_that_are_none(content, cause):
    with pytest.raises(FormatError, match=cause) as raised:
        lv.load(content, name="the-file")
    assert "the-file" in str(raised.value)
    assert "\n" not in str(raised.value).strip()


def test_a_zip_that_would_unpack_to_too_much():
    bomb = zipped(**{f"{k}.npy": bytes(2**20) for k in range(8)})
    assert len(bomb) < 2**16
    with pytest.raises(FormatError, match="would unpack"):
        lv.load(bomb, name="bomb.npz", max_bytes=2**22)


def test_a_zip_that_lies_about_its_sizes():
    bomb = bytearray(zipped(**{"a.npy": bytes(2**20)}))
    for place in range(len(bomb) - 4):
        if bomb[place : place + 4] == (2**20).to_bytes(4, "little"):
            bomb[place : place + 4] = (64).to_bytes(4, "little")
    with pytest.raises(FormatError, match="zip"):
        lv.load(bytes(bomb), name="bomb.npz")


def test_a_file_that_is_too_large(tmp_path):
    path = tmp_path / "large.npz"
    path.write_bytes(bytes(2**12))
    with pytest.raises(FormatError, match=r"large\.npz"):
        lv.load(path, max_bytes=2**10)


def test_arrays_that_promise_too_much_or_hold_objects():
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 1099511627776), }"
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    lie = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(FormatError, match="more than is in it"):
        lv.load(lie, name="lie.npy")
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], object), allow_pickle=True)
    with pytest.raises(FormatError, match="Python objects"):
        lv.load(buffer.getvalue(), name="evil.npy")


def test_a_link_in_a_folder_is_not_followed(tmp_path):
    secret = tmp_path / "secret.index"
    secret.write_bytes(b"secret")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "variables.index").symlink_to(secret)
    with pytest.raises(FormatError, match="links in it are not followed"):
        lv.load(folder)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        lv.load(tmp_path / "nothing")


def test_a_layout_that_is_none():
    with pytest.raises(FormatError, match="caffe"):
        lv.load(b"x", layout="caffe")


def test_every_reader_says_what_its_files_are_called():
    for key, reader in READERS.items():
        assert reader.title and reader.endings, key


def test_the_list_of_endings_is_the_readers_own_and_what_models_are_packed_in():
    own = {ending for reader in READERS.values() for ending in reader.endings}
    assert set(ENDINGS) == own | set(PACKED)
    assert {".keras", ".hdf5", ".ckpt", ".zip", ".tar.gz", ".bin"} <= set(ENDINGS)


def test_how_a_layer_reads_is_among_its_notes_once():
    reads = found.Reads(reverse=True, steps=5, mask_value=0.0, initial_state={"h": np.ones(3)})
    assert len(reads.tell()) == 4
    layer = found.Layer(
        "keras", "lstm", to_layout(CELLS["lstm"], "keras").arrays, notes=reads.tell()[:1], reads=reads
    )
    loaded = Loaded("keras", found.Found())
    loaded.take("back", layer)
    assert loaded.notes["back"].count("It reads the sequence from its end.") == 1
    assert all(sentence in loaded.notes["back"] for sentence in reads.tell())
    assert found.Reads().tell() == ()


def test_what_is_refused_for_its_size_is_not_kept():
    def pack_arrays(**arrays):
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    large, small = (
        to_layout(build("BasicLSTMCell", units, 2, forget_bias=0.0), "keras").arrays for units in (9, 3)
    )
    arrays = {
        f"{name}/{key}": a for name, cell in (("large", large), ("small", small)) for key, a in cell.items()
    }
    most = sum(array.size for array in small.values())
    loaded = lv.load(pack_arrays(**arrays, one=np.ones(most - 1), two=np.ones(9)), max_weights=most)
    assert list(loaded) == ["small"]
    assert f"at most {most} are shown" in loaded.skipped["large"]
    assert set(loaded.arrays) == {"one"} and "two" in loaded.skipped
    assert "too large to be kept for the detective: 1." in loaded.notes[""]
    assert set(loaded.named_arrays) == {"one", *(f"small/{key}" for key in small)}


# --- damaged files

HDF5 = io.BytesIO()
with h5py.File(HDF5, "w") as _file:
    _file.attrs["layer_names"] = [b"lstm"]
    _group = _file.create_group("lstm")
    _group.attrs["weight_names"] = [b"lstm/kernel:0", b"lstm/recurrent_kernel:0", b"lstm/bias:0"]
    for _name, _array in lv.layouts.to_layout(CELLS["lstm"], "keras").arrays.items():
        _group.create_dataset(f"lstm/{_name}:0", data=_array)

WHOLE = {
    ".npz": save_bytes(CELLS["lstm"], ".npz", "keras"),
    ".safetensors": save_bytes(CELLS["gru"], ".safetensors"),
    ".onnx": save_bytes(CELLS["lstm"], ".onnx"),
}
_WEIGHTS = lv.layouts.to_layout(CELLS["lstm"], "pytorch").arrays
WHOLE[".pt"] = pack(
    state(
        **{
            name: tensor(
                array.shape, [n // array.itemsize for n in np.ascontiguousarray(array).strides], key=str(k)
            )
            for k, (name, array) in enumerate(_WEIGHTS.items())
        }
    ),
    {str(k): array.tobytes() for k, array in enumerate(_WEIGHTS.values())},
)
WALLED = {".weights.h5": save_bytes(CELLS["gru"], ".weights.h5"), ".h5": HDF5.getvalue()}


def _survives(content):
    with suppress(FormatError):
        assert all(isinstance(cell, lv.Cell) for cell in lv.load(content, name="damaged").values())


def test_the_whole_files_are_read():
    for suffix, content in (WHOLE | WALLED).items():
        assert lv.load(content, name=suffix), suffix


@pytest.mark.parametrize("suffix", WHOLE)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_files_are_refused_or_read(suffix, data):
    """In this process: what is no FormatError would pass for a reader that did not survive."""
    with suppress(FormatError):
        format_, whole = read(read_content(data.draw(mutations(WHOLE[suffix])), "damaged"))
        loaded = Loaded(format_, whole)
        for title, layer in whole.layers.items():
            loaded.take(title, layer)


@pytest.mark.parametrize("suffix", WALLED)
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_hdf5_is_refused_or_read(suffix, data):
    _survives(data.draw(mutations(WALLED[suffix])))


def test_bounds_are_what_they_are_said_to_be():
    assert found.MAX_FILE_BYTES == 2**30
