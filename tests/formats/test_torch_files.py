"""PyTorch's files, made by PyTorch where it is there: no pickle is run, and every layer runs as PyTorch runs it."""

import collections
import io
import os
import pickle
import warnings
import zipfile

import numpy as np
import pytest
import safetensors.numpy

import lstmviz as lv
from lstmviz.formats.found import FormatError
from lstmviz.formats.save import save_bytes
from tests.formats.models import TOLERANCE, differs


def pack(program, files=(), folder="archive"):
    """A zip as `torch.save` writes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{folder}/data.pkl", program)
        archive.writestr(f"{folder}/byteorder", b"little")
        for name, data in dict(files).items():
            archive.writestr(f"{folder}/data/{name}", data)
    return buffer.getvalue()


class _Called:
    """What a pickle calls when it is loaded: `function(*arguments)`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def touched(path):
    return f"touch {path}"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_no_pickle_is_run(protocol, tmp_path):
    trap = tmp_path / "trap"
    for evil in (
        _Called(os.system, touched(trap)),
        {"state_dict": _Called(os.system, touched(trap))},
        collections.OrderedDict(weight=_Called(eval, f"open({str(trap)!r}, 'w')")),
    ):
        content = pack(pickle.dumps(evil, protocol))
        with pytest.raises(FormatError, match=r"evil\.pt holds more than tensors"):
            lv.load(content, name="evil.pt")
    assert not trap.exists()


def test_a_bare_pickle_is_refused(tmp_path):
    trap = tmp_path / "trap"
    with pytest.raises(FormatError, match=r"old\.pth is a bare pickle"):
        lv.load(pickle.dumps(_Called(os.system, touched(trap)), 2), name="old.pth")
    assert not trap.exists()


def tensor(shape, strides, key="0", offset=0, storage="FloatStorage"):
    """The program that makes one tensor, in the opcodes that `torch.save` uses."""
    numbers = b"".join(b"J" + n.to_bytes(4, "little", signed=True) for n in shape)
    steps = b"".join(b"J" + n.to_bytes(4, "little", signed=True) for n in strides)
    name = key.encode()
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\n"
        + storage.encode()
        + b"\nX"
        + len(name).to_bytes(4, "little")
        + name
        + b"X\x03\x00\x00\x00cpuK\x04tQJ"
        + offset.to_bytes(4, "little", signed=True)
        + b"("
        + numbers
        + b"t("
        + steps
        + b"t\x89NtR"
    )


def state(**tensors):
    items = b"".join(
        b"X" + len(name).to_bytes(4, "little") + name.encode() + made for name, made in tensors.items()
    )
    return b"\x80\x02}(" + items + b"u."


@pytest.mark.parametrize(
    "made",
    [
        tensor((2**30, 2**30), (0, 0)),
        tensor((2**20,), (1,)),
        tensor((4,), (2**30,)),
        tensor((4,), (1,), offset=2**30),
        tensor((4,), (1,), key="missing"),
        tensor((-4,), (1,)),
        tensor((4,), (-1,)),
    ],
)
def test_tensors_that_promise_more_than_there_is(made):
    with pytest.raises(FormatError, match=r"evil\.pt is damaged"):
        lv.load(pack(state(weight_ih_l0=made), {"0": bytes(16)}), name="evil.pt")


def test_a_tensor_named_a_million_times_is_not_made_as_often():
    one = tensor((2**18,), (1,))
    many = state(**{f"t{k}": one for k in range(2000)})
    with pytest.raises(FormatError, match=r"larger than is read|takes more than"):
        lv.load(pack(many, {"0": bytes(2**20)}), name="evil.pt")


def test_containers_in_containers_a_thousand_times():
    program = b"\x80\x02]q\x00"
    for level in range(1, 15):
        program += b"](" + bytes([ord("h"), level - 1]) * 1000 + b"e" + bytes([ord("q"), level])
    loaded = lv.load(pack(program + b"."), name="deep.pt")
    assert not loaded


def test_a_storage_of_anothers_kind_is_refused():
    with pytest.raises(FormatError, match="holds more than tensors"):
        lv.load(pack(state(a=tensor((1,), (1,), storage="Evil"))), name="evil.pt")


# --- against PyTorch itself


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def run(torch, layer, x):
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it computes in another way
        return layer(torch.tensor(x[:, None], dtype=torch.float32))[0][:, 0].numpy()


CASES = {
    "lstm": ("LSTM", {}),
    "lstm-bare": ("LSTM", {"bias": False}),
    "projection": ("LSTM", {"proj_size": 2}),
    "gru": ("GRU", {}),
    "gru-bare": ("GRU", {"bias": False}),
    "rnn": ("RNN", {}),
}


def packed(torch, weights, suffix):
    if suffix == ".safetensors":
        return safetensors.numpy.save({name: np.ascontiguousarray(w.numpy()) for name, w in weights.items()})
    buffer = io.BytesIO()
    torch.save(weights, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("case", CASES)
def test_every_layer(torch, case, suffix):
    kind, options = CASES[case]
    rng = np.random.default_rng(len(case))
    inputs, units = int(rng.integers(1, 6)), int(rng.integers(3, 8))
    torch.manual_seed(0)
    layer = getattr(torch.nn, kind)(inputs, units, **options)
    x = rng.normal(size=(9, inputs))
    loaded = lv.load(packed(torch, layer.state_dict(), suffix), name=f"model{suffix}")
    assert list(loaded) == ["layer"] and not loaded.skipped
    assert differs(loaded["layer"], x, run(torch, layer, x)) <= TOLERANCE


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_stack_in_both_directions_among_other_layers(torch, suffix):
    torch.manual_seed(1)
    model = torch.nn.ModuleDict(
        {"encoder": torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True), "head": torch.nn.Linear(8, 2)}
    )
    loaded = lv.load(packed(torch, model.state_dict(), suffix), name="model")
    assert list(loaded) == ["encoder.l0", "encoder.l0_reverse", "encoder.l1", "encoder.l1_reverse"]
    assert set(loaded.skipped) == {"head.weight", "head.bias"}
    assert "from its end" in loaded.notes["encoder.l1_reverse"]
    x = np.random.default_rng(0).normal(size=(7, 3))
    below = np.concatenate(
        [
            lv.run(loaded["encoder.l0"], x.astype("float32"), device="CPU:0").states["h"],
            lv.run(loaded["encoder.l0_reverse"], x[::-1].astype("float32"), device="CPU:0").states["h"][::-1],
        ],
        axis=1,
    )
    outputs = run(torch, model["encoder"], x)
    assert differs(loaded["encoder.l1"], below, outputs[:, :4]) <= TOLERANCE
    assert differs(loaded["encoder.l1_reverse"], below, outputs[:, 4:], backward=True) <= TOLERANCE


def test_a_cell_of_its_own_in_a_training_checkpoint(torch):
    torch.manual_seed(2)
    cell = torch.nn.GRUCell(3, 4)
    optimizer = torch.optim.Adam(cell.parameters())
    cell(torch.zeros(1, 3)).sum().backward()
    optimizer.step()
    whole = {
        "epoch": 3,
        "model": cell.state_dict(),
        "optimizer": optimizer.state_dict(),
        "best": 0.5,
        "tags": ["a"],
    }
    (name,) = loaded = lv.load(packed(torch, whole, ".pt"))
    assert name == "model"
    x = np.random.default_rng(0).normal(size=(5, 3))
    h, outputs = torch.zeros(1, 4), []
    with torch.no_grad():
        for row in torch.tensor(x, dtype=torch.float32):
            h = cell(row[None], h)
            outputs.append(h[0].numpy())
    assert differs(loaded[name], x, np.stack(outputs)) <= TOLERANCE


@pytest.mark.parametrize("type_", ["float64", "float16", "bfloat16"])
def test_other_types_of_numbers(torch, type_):
    layer = torch.nn.LSTM(2, 3).to(getattr(torch, type_))
    cell = lv.load(packed(torch, layer.state_dict(), ".pt"))["layer"]
    expected = layer.weight_ih_l0.detach().to(torch.float64).numpy()
    # TensorFlow's order is i, j, f, o, PyTorch's i, f, g, o.
    i, f, g, o = np.split(expected, 4)
    np.testing.assert_array_equal(cell.kernel[:2], np.concatenate([i, g, f, o]).T)
    assert cell.dtype == (np.float64 if type_ == "float64" else np.float32)


def test_views_and_transposed_tensors(torch):
    layer = torch.nn.RNN(3, 3)
    weights = layer.state_dict()
    weights["weight_ih_l0"] = weights["weight_ih_l0"].T
    weights["weight_hh_l0"] = torch.cat([weights["weight_hh_l0"]] * 2)[3:]
    cell = lv.load(packed(torch, weights, ".pt"))["layer"]
    np.testing.assert_array_equal(cell.kernel[:3], weights["weight_ih_l0"].numpy().T)
    np.testing.assert_array_equal(cell.kernel[3:], weights["weight_hh_l0"].numpy().T)


def test_a_whole_module_is_refused(torch):
    buffer = io.BytesIO()
    torch.save(torch.nn.LSTM(2, 3), buffer)
    with pytest.raises(FormatError, match="state_dict"):
        lv.load(buffer.getvalue(), name="module.pt")


# --- safetensors


def test_safetensors_with_lying_headers():
    good = save_bytes(lv.build("BasicLSTMCell", num_units=2, input_size=2), ".safetensors")
    length = int.from_bytes(good[:8], "little")
    header = good[8 : 8 + length]
    for lie in (
        header.replace(b"[8,2]", b"[8,9]", 1),
        header.replace(b'"F32"', b'"F64"', 1),
        header.replace(b"[0,", b"[9,", 1),
        b"{" + b"x" * (length - 1),
    ):
        assert lie != header
        with pytest.raises(FormatError, match=r"lie\.safetensors"):
            lv.load(len(lie).to_bytes(8, "little") + lie + good[8 + length :], name="lie.safetensors")
    for length in (2**62, len(good)):
        with pytest.raises(FormatError, match=r"lie\.safetensors"):
            lv.load(length.to_bytes(8, "little") + good[8:], name="lie.safetensors")
