"""Models among other files: in folders, zips and tars, which one is meant, and what may be unpacked."""

import gzip
import inspect
import io
import os
import socket
import tarfile
import threading
import time
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz.formats import zips
from lstmviz.formats.found import FormatError
from lstmviz.formats.load import read, read_content
from lstmviz.formats.save import save_bytes
from tests.formats.mutate import mutations
from tests.formats.test_load import zipped

pytestmark = pytest.mark.usefixtures("in_this_process")

build = inspect.unwrap(lv.build)
CELL = build("BasicLSTMCell", num_units=3, input_size=2, seed=1, forget_bias=0.0)
MODEL = {suffix: save_bytes(CELL, suffix) for suffix in (".safetensors", ".onnx")}
NPZ = save_bytes(CELL, ".npz", "keras")
BESIDE = {"README.md": b"# a model", "vocab.json": b"{}", "data/x.csv": b"1,2\n", "sub/empty": b""}
JUNK = {
    "__MACOSX/._model.onnx": b"\0\5\x16\7" + bytes(90),
    ".DS_Store": b"\0\0\0\1Bud1",
    "a/.git/config": b"[core]",
}


def tarred(files, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), 0.5  # which takes an extended header
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def write_all(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


PACKED = {
    "zip": lambda files: zipped(**files),
    "tar": tarred,
    "tar.gz": lambda files: tarred(files, "w:gz"),
}


@pytest.mark.parametrize("packed", [*PACKED, "folder"])
@pytest.mark.parametrize("place", ["model{}", "deep/down/model{}"])
@pytest.mark.parametrize("suffix", MODEL)
def test_the_one_model_among_other_files_is_read(tmp_path, packed, place, suffix):
    files = {place.format(suffix): MODEL[suffix], **BESIDE, **JUNK}
    source = write_all(tmp_path / "all", files) if packed == "folder" else PACKED[packed](files)
    loaded = lv.load(source, name="all")
    assert len(loaded) == 1
    assert f"{place.format(suffix)} is the one model in all; other files there: 4" in loaded.notes[""]


def test_the_files_around_the_model_are_known_by_their_path_from_it():
    from lstmviz.formats.choose import choose
    from lstmviz.formats.load import know

    files = {"m/model.onnx": MODEL[".onnx"], "m/w/model.data": b"w", "other": b"o"}
    chosen, _note = choose(read_content(zipped(**files), "m.zip"), know)
    assert dict(chosen.around) == {"w/model.data": b"w"}
    assert chosen.companion("w/model.data") == b"w"


@pytest.mark.parametrize("packed", [*PACKED, "folder"])
def test_several_models_are_named(tmp_path, packed):
    files = {"a.onnx": MODEL[".onnx"], "b/c.safetensors": MODEL[".safetensors"], **BESIDE}
    source = write_all(tmp_path / "all", files) if packed == "folder" else PACKED[packed](files)
    with pytest.raises(FormatError, match=r"all holds several models: a\.onnx, b/c\.safetensors\. Give one"):
        lv.load(source, name="all")


def test_arrays_beside_a_model_are_its_data_and_alone_they_are_the_model():
    array = io.BytesIO()
    np.save(array, np.ones((5, 2), np.float32))
    data = {"x_test.npy": array.getvalue(), "raw.bin": b"\x08\x01" + bytes(9)}
    assert len(lv.load(zipped(**{"m.safetensors": MODEL[".safetensors"]}, **data))) == 1
    assert len(lv.load(zipped(**{"README": b"x", "m.npz": NPZ}))) == 1


def test_a_zip_in_a_zip_is_unpacked_and_counts():
    inner = zipped(**{"kernel.npy": b"\x93NUMPY" + bytes(2**20)})
    with pytest.raises(FormatError, match="would unpack"):
        lv.load(zipped(**{"README": b"x", "m.npz": inner}), max_bytes=2**20)


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")
def test_an_unpacked_keras_model_and_a_checkpoint_in_folders(tmp_path):
    keras = pytest.importorskip("keras")
    tensorflow = pytest.importorskip("tensorflow")
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.LSTM(3)])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        archive.extractall(tmp_path / "all" / "m")
    write_all(tmp_path / "all", BESIDE)
    assert len(lv.load(tmp_path / "all")) == 1
    tensorflow.train.Checkpoint(lstm=model.layers[0]).save(str(tmp_path / "all" / "ckpt" / "m"))
    with pytest.raises(FormatError, match=r"several models: ckpt, m\."):
        lv.load(tmp_path / "all")


def test_one_part_of_a_checkpoint_stands_for_the_whole(tmp_path):
    keras = pytest.importorskip("keras")
    tensorflow = pytest.importorskip("tensorflow")
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.LSTM(3)])
    saved = tensorflow.train.Checkpoint(lstm=model.layers[0]).save(str(tmp_path / "m[1]"))
    whole = read_content(saved).files
    for part in (f"{saved}.index", f"{saved}.data-00000-of-00001"):
        assert read_content(part).files.keys() == whole.keys()


def test_a_gzipped_model_is_read():
    assert len(lv.load(gzip.compress(MODEL[".onnx"]))) == 1
    assert len(lv.load(gzip.compress(NPZ))) == 1


# --- What would hurt


def test_a_gzip_that_would_unpack_to_too_much():
    bomb = gzip.compress(bytes(2**26))
    with pytest.raises(FormatError, match="would unpack"):
        lv.load(bomb, name="bomb.gz", max_bytes=2**20)


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_a_tar_that_leads_out_of_itself(name):
    with pytest.raises(FormatError, match="leads out"):
        lv.load(tarred({name: b"x"}), name="t.tar")


def test_links_and_devices_in_a_tar_are_passed_over():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for type_ in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            member = tarfile.TarInfo("a")
            member.type, member.linkname = type_, "/etc/passwd"
            archive.addfile(member)
        member = tarfile.TarInfo("x" * 200)
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    assert zips.unpack(buffer.getvalue(), "t") == {"x" * 200: b"abc"}


@given(
    files=st.dictionaries(
        st.text(
            st.characters(codec="utf-8", exclude_characters="\0/\\", exclude_categories=["Cc"]),
            min_size=1,
            max_size=120,
        ).filter(lambda name: name.strip(".") and ":" not in name),
        st.binary(max_size=1500),
        min_size=1,
    ),
    kind=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
@settings(max_examples=60, deadline=None)
def test_a_tar_is_read_as_python_reads_it(files, kind):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    assert zips.unpack(buffer.getvalue(), "t") == files


@settings(max_examples=60, deadline=None)
@given(data=st.data(), packed=st.sampled_from(list(PACKED)))
def test_damaged_archives_are_refused_or_read(data, packed):
    content = data.draw(mutations(PACKED[packed]({"m.safetensors": MODEL[".safetensors"], **BESIDE})))
    with suppress(FormatError):
        read(read_content(content))


def test_a_list_of_a_million_files_is_refused_before_it_is_read():
    entry = b"PK\x01\x02" + bytes(24) + b"\x01\x00" + bytes(16) + b"a"
    count = 10**6
    end = (
        b"PK\x05\x06"
        + bytes(8)
        + (len(entry) * count).to_bytes(4, "little")
        + (4).to_bytes(4, "little")
        + bytes(2)
    )
    started = time.process_time()
    with pytest.raises(FormatError, match="files"):
        read_content(b"PK\x03\x04" + entry * count + end, name="many.zip")
    assert time.process_time() - started < 2


def test_a_header_made_to_keep_a_reader_busy_takes_no_time():
    member = tarfile.TarInfo("pax")
    member.type, member.size = tarfile.XHDTYPE, 2**21
    for body in (b"1" * 2**21, b"9 " + b"a" * (2**21 - 2), b"0 a=b\n" * (2**21 // 6) + b"00"):
        started = time.process_time()
        with pytest.raises(FormatError):
            read_content(member.tobuf(tarfile.USTAR_FORMAT) + body + bytes(1024), name="t.tar")
        assert time.process_time() - started < 2


# --- What is no file


@pytest.mark.skipif(os.name == "nt", reason="Windows has none of these")
@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
def test_what_is_no_file_is_told_at_once(tmp_path, kind):
    path = tmp_path / "it"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    said = []

    def look():
        try:
            lv.load(path)
        except FormatError as error:
            said.append(str(error))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(5)
    assert said and "a device, a pipe or a socket" in said[0]


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_a_name_that_no_file_can_have(name):
    with pytest.raises(FormatError, match="no file's name"):
        lv.load(name)


def test_a_folder_without_a_file(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(FormatError, match="a folder without a file"):
        lv.load(tmp_path / "a")


def test_a_folder_of_too_much_is_read_for_its_one_model_alone(tmp_path):
    write_all(tmp_path, {"m.onnx": MODEL[".onnx"], "train.dat": bytes(2**16)})
    assert len(lv.load(tmp_path, max_bytes=2**14)) == 1
    write_all(tmp_path, {"n.onnx": MODEL[".onnx"]})
    with pytest.raises(FormatError, match=r"at most .*Give one of its files: m\.onnx, n\.onnx"):
        lv.load(tmp_path, max_bytes=2**14)


def test_a_folder_of_too_many_files_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("lstmviz.formats.files.MAX_PARTS", 3)
    write_all(tmp_path, BESIDE | {"more": b"x"})
    with pytest.raises(FormatError, match="more than 3 files"):
        read_content(tmp_path)


def test_a_broken_archive_beside_others_is_named():
    broken = zipped(**{"a.npy": bytes(99)})[:-30]
    with pytest.raises(FormatError, match=r"all\.zip, data\.zip is a damaged"):
        read(read_content(zipped(**{"README": b"x", "data.zip": broken}), "all.zip"))


def test_a_bz2_or_lzma_member_is_unpacked_no_further_than_it_says(tmp_path):
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr("a.npy", bytes(2**24))
        bomb = bytearray(buffer.getvalue())
        for place in range(len(bomb) - 4):
            if bomb[place : place + 4] == (2**24).to_bytes(4, "little"):
                bomb[place : place + 4] = (64).to_bytes(4, "little")
        with pytest.raises(FormatError, match="zip"):
            zips.unzip(bytes(bomb), "bomb.npz", 2**20)


@pytest.mark.parametrize("beside", [{}, BESIDE])
def test_the_other_files_are_counted_where_the_model_is_an_archive_itself(beside):
    loaded = lv.load(zipped(**{"outer/arrays.npz": NPZ, **beside}), name="all.zip")
    assert f"other files there: {len(beside)}." in loaded.notes[""]
