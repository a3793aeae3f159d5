"""PyTorch's files, made by PyTorch where it is there: no pickle is run, and every layer runs as PyTorch runs it."""

import argparse
import collections
import datetime
import io
import json
import os
import pathlib
import pickle
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pytest
import safetensors.numpy

import lstmviz as lv
from lstmviz.formats.found import FormatError
from lstmviz.formats.save import save_bytes
from tests.formats.models import TOLERANCE, differs

pytestmark = pytest.mark.usefixtures("in_this_process")


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
    with pytest.raises(FormatError, match=r"old\.pth is .*pickle"):
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


def test_a_storage_of_anothers_kind_is_left_out_with_its_tensor():
    loaded = lv.load(pack(state(a=tensor((1,), (1,), storage="Evil"))), name="evil.pt")
    assert not loaded and "kind that is not read" in loaded.skipped["a"]


# --- programs that cost more than they weigh: each has to end within these bounds, in a process that has no more

_BOUNDED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from lstmviz.formats.load import Content
from lstmviz.formats.found import FormatError
from lstmviz.formats import torch_files
data = sys.stdin.buffer.read()
try:
    torch_files.read(Content("evil.pt", {"a/data.pkl": data, "a/data/0": bytes(4)}), None)
except FormatError:
    pass
print("survived")
"""


def _doubled(count):
    """A dictionary whose key is a tuple of doubled tuples: its hash would take 2^count steps."""
    return b"\x80\x02})" + b"".join(b"q%ch%c\x86" % (i, i) for i in range(count)) + b"Ns."


ATTACKS = {
    "doubled tuples as a key": _doubled(60),
    "marks upon marks": b"\x80\x02]" + b"N" * 200_000 + b"(t" * 100_000 + b".",
    "marks alone": b"\x80\x02" + b"(" * 400_000 + b".",
    "a dictionary copied again and again": b"\x80\x02("
    + b"K\x01" * 200_000
    + b"dq\x000"
    + b"ccollections\nOrderedDict\nh\x00\x85R0" * 50_000
    + b"N.",
    "a text encoded again and again": b"\x80\x02X"
    + (10**7).to_bytes(4, "little")
    + b"a" * 10**7
    + b"q\x00X\x06\x00\x00\x00latin1q\x010"
    + b"c_codecs\nencode\nh\x00h\x01\x86R0" * 50_000
    + b"N.",
    "a list of lists": b"\x80\x02](" + b"]N a".replace(b" ", b"") * 100_000 + b"e.",
    "objects upon objects": b"\x80\x02](" + b"ca\nb\n)R" * 100_000 + b"e.",
    "a chain of lists": b"\x80\x02" + b"]q\x00" + b"]q\x01h\x00ah\x01q\x00" * 60_000 + b".",
    "a name of a million letters": b"\x80\x02}X"
    + (10**6).to_bytes(4, "little")
    + b"k" * 10**6
    + b"]K\x01as.",
    "a number of millions of digits": b"\x80\x02L" + b"9" * 4_000_000 + b"L\n.",
    "a tuple where a name should be": b"\x80\x04)"
    + b"".join(b"q%ch%c\x86" % (i, i) for i in range(60))
    + b")\x93.",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_pickle_costs_what_it_weighs(attack):
    done = subprocess.run(
        [sys.executable, "-c", _BOUNDED], input=ATTACKS[attack], capture_output=True, timeout=120, check=False
    )
    assert done.stdout == b"survived\n", done.stderr[-500:]


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


def _saved(torch, what, **options):
    buffer = io.BytesIO()
    torch.save(what, buffer, **options)
    return buffer.getvalue()


def _net(torch):
    torch.manual_seed(5)
    net = torch.nn.Module()
    net.encoder = torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    net.decoder = torch.nn.RNN(8, 5, nonlinearity="relu")
    net.cell = torch.nn.GRUCell(5, 6)
    net.head = torch.nn.Linear(6, 1)
    return net


NET = ["encoder.l0", "encoder.l0_reverse", "encoder.l1", "encoder.l1_reverse", "decoder", "cell"]


@pytest.mark.parametrize("new", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole module", "state dict"])
def test_every_container_holds_the_same_layers(torch, new, whole):
    net = _net(torch)
    content = _saved(torch, net if whole else net.state_dict(), _use_new_zipfile_serialization=new)
    loaded = lv.load(content, name="net.pth")
    assert list(loaded) == NET
    assert loaded.reads["encoder.l1_reverse"].reverse and not loaded.reads["encoder.l1"].reverse
    x = torch.randn(7, 3)
    (forward, backward) = (loaded[f"encoder.l0{side}"] for side in ("", "_reverse"))
    first = torch.nn.LSTM(3, 4, bidirectional=True)
    first.load_state_dict({k: v for k, v in net.encoder.state_dict().items() if "_l0" in k})
    h = first(x)[0].detach().numpy()
    assert differs(forward, x, h[:, :4]) <= TOLERANCE
    assert differs(backward, x, h[:, 4:], backward=True) <= TOLERANCE
    y = torch.randn(7, 8)
    if whole:  # the module states its nonlinearity
        assert not loaded.assumed["decoder"]
        assert differs(loaded["decoder"], y, net.decoder(y)[0].detach().numpy()) <= TOLERANCE
    else:
        assert "nonlinearity" in loaded.assumed["decoder"][0].that


def test_a_class_of_ones_own_is_left_out_by_its_name(torch):
    class ZoneoutLSTMCell(torch.nn.LSTMCell):
        pass

    ZoneoutLSTMCell.__qualname__ = "ZoneoutLSTMCell"
    globals()["ZoneoutLSTMCell"] = ZoneoutLSTMCell  # so that it can be pickled
    for new in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its source cannot be found, says PyTorch
            content = _saved(torch, ZoneoutLSTMCell(3, 4), _use_new_zipfile_serialization=new)
        loaded = lv.load(content, name="zoneout.pt")
        assert not loaded
        assert "ZoneoutLSTMCell" in loaded.skipped["layer"]


def test_torchscript_and_torch_export_hold_the_same_layers(torch, tmp_path):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(3, 4, num_layers=2)

        def forward(self, x):
            return self.lstm(x)[0]

    net, x = Net().eval(), torch.randn(7, 1, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        torch.jit.save(torch.jit.script(net), tmp_path / "scripted.pt")
        torch.jit.save(torch.jit.trace(net, x), tmp_path / "traced.pt")
        torch.export.save(torch.export.export(net, (x,)), tmp_path / "exported.pt2")
    for name in ("scripted.pt", "traced.pt", "exported.pt2"):
        loaded = lv.load(tmp_path / name)
        assert list(loaded) == ["lstm.l0", "lstm.l1"], name
        below = lv.run(loaded["lstm.l0"], x[:, 0].numpy(), device="CPU:0").states["h"]
        assert differs(loaded["lstm.l1"], below, net(x)[:, 0].detach().numpy()) <= TOLERANCE


BESIDE = {
    "a norm": ["norm.weight", "norm.bias"],
    "peepholes": ["weight_ci", "weight_cf", "weight_co"],
    "a leak": ["alpha"],
    "a norm for each gate": ["ln_ih.weight", "ln_hh.weight", "ln_c.weight"],
}


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("prefix", ["", "decoder.cell."])
@pytest.mark.parametrize("ending", ["", "_l0"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_cell_with_more_in_it_is_left_out_and_says_what(beside, prefix, ending, suffix):
    rng = np.random.default_rng(3)
    shapes = {"weight_ih": (16, 3), "weight_hh": (16, 4), "bias_ih": (16,), "bias_hh": (16,)}
    arrays = {f"{prefix}{name}{ending}": rng.standard_normal(shape) for name, shape in shapes.items()}
    arrays |= {f"{prefix}{name}": rng.standard_normal(4) for name in BESIDE[beside]}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    if suffix == ".safetensors":
        content = safetensors.numpy.save(arrays)
    else:
        torch = pytest.importorskip("torch")
        content = _saved(torch, {name: torch.from_numpy(array) for name, array in arrays.items()})
    loaded = lv.load(content, name=f"own{suffix}")
    assert not loaded
    (reason,) = loaded.skipped.values()  # told once
    assert all(name in reason for name in BESIDE[beside])


def test_what_stands_beside_a_layer_under_another_name_does_not_matter(torch):
    weights = {f"rnn.{name}": value for name, value in torch.nn.LSTM(3, 4).state_dict().items()}
    weights |= {"rnn_norm.weight": torch.ones(4), "fc.weight": torch.ones(1, 4)}
    loaded = lv.load(_saved(torch, weights), name="m.pt")
    assert list(loaded) == ["rnn"] and set(loaded.skipped) == {"rnn_norm.weight", "fc.weight"}


def test_a_module_whose_arrays_are_not_what_it_states_is_left_out(torch):
    layer = torch.nn.LSTM(3, 4)
    layer.num_layers, layer.bidirectional = 1, True
    loaded = lv.load(_saved(torch, layer), name="m.pt")
    assert not loaded and "bidirectional" in loaded.skipped["layer"]


def test_a_stack_with_a_layer_missing_says_so(torch):
    weights = {k: v for k, v in torch.nn.LSTM(4, 4, num_layers=2).state_dict().items() if "_l1" in k}
    loaded = lv.load(_saved(torch, weights), name="m.pt")
    assert list(loaded) == ["layer.l1"] and "missing" in loaded.notes["layer.l1"]


def test_a_safetensors_header_with_a_name_twice_is_refused():
    good = safetensors.numpy.save({"weight_hh": np.zeros((4, 1), np.float32)})
    length = int.from_bytes(good[:8], "little")
    header = good[8 : 8 + length].rstrip()
    entry = header[1:-1]
    twice = b"{" + entry + b"," + entry + b"}"
    with pytest.raises(FormatError, match="twice"):
        lv.load(len(twice).to_bytes(8, "little") + twice + good[8 + length :], name="twice.safetensors")


def test_harmless_objects_beside_the_tensors_are_kept_and_told(torch):
    weights = torch.nn.LSTM(3, 4).state_dict()
    beside = {
        "best": np.float64(0.1),
        "mean": np.arange(3.0),
        "args": argparse.Namespace(lr=0.1),
        "path": pathlib.PurePosixPath("a"),
        "device": torch.device("cpu"),
        "size": torch.Size([1, 2]),
        "dtype": torch.float32,
        "log": collections.defaultdict(list, a=[1]),
        "vocabulary": {"a", "b"},
        "counted": collections.Counter("aab"),
        "raw": b"x",
        "complex": 1j,
        "when": datetime.datetime(2026, 1, 1),
    }
    for new in (True, False):
        content = _saved(torch, {"state_dict": weights, **beside}, _use_new_zipfile_serialization=new)
        loaded = lv.load(content, name="checkpoint.pt")
        assert list(loaded) == ["state_dict"]
        assert "argparse.Namespace" in loaded.skipped["args"]
        np.testing.assert_array_equal(loaded.arrays["mean"], np.arange(3.0))


def test_what_would_be_called_is_told_and_not_called(torch, tmp_path):
    trap = tmp_path / "trap"
    weights = torch.nn.LSTM(3, 4).state_dict()
    loaded = lv.load(
        _saved(torch, {"model": weights, "evil": _Called(os.system, touched(trap))}), name="m.pt"
    )
    assert list(loaded) == ["model"]
    assert "would call" in loaded.skipped["evil"] and "system" in loaded.skipped["evil"]
    assert not trap.exists()


@pytest.mark.parametrize("how", ["weight_norm", "parametrizations.weight_norm", "spectral_norm", "prune"])
def test_weights_that_are_computed_are_computed(torch, how):
    layer = torch.nn.LSTM(3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older ones are deprecated
        if how == "prune":
            prune = pytest.importorskip("torch.nn.utils.prune")
            prune.random_unstructured(layer, "weight_hh_l0", 0.5)
        elif how == "parametrizations.weight_norm":
            torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
        else:
            getattr(torch.nn.utils, how)(layer, "weight_hh_l0")
    layer.eval()
    x = torch.randn(7, 1, 3)
    expected = layer(x)[0][:, 0].detach().numpy()
    loaded = lv.load(_saved(torch, layer.state_dict()), name="m.pt")
    assert differs(loaded["layer"], x[:, 0], expected) <= TOLERANCE
    assert loaded.notes["layer"]


@pytest.mark.parametrize("place", ["weight_hh_l0_raw", "module"])
def test_weight_drop_is_shown_as_it_is_evaluated_and_that_is_an_assumption(torch, place):
    weights = torch.nn.LSTM(3, 4).state_dict()
    raw = torch.randn(16, 4)
    named = {f"module.{name}" if place == "module" else name: value for name, value in weights.items()}
    loaded = lv.load(_saved(torch, {**named, "weight_hh_l0_raw": raw}), name="dropped.pt")
    ((title, _cell),) = loaded.items()
    np.testing.assert_array_equal(loaded.layers[title].arrays["weight_hh_l0"], raw.numpy())
    assert "weight_hh_l0_raw" in loaded.assumed[title][0].that
    same = lv.load(_saved(torch, {**named, "weight_hh_l0_raw": weights["weight_hh_l0"]}), name="same.pt")
    assert not any(same.assumed.values())


def test_layers_stand_in_the_files_order(torch):
    weights = {
        f"rnn.{name}": value for name, value in torch.nn.LSTM(3, 3, num_layers=12).state_dict().items()
    }
    assert list(lv.load(_saved(torch, weights), name="m.pt")) == [f"rnn.l{k}" for k in range(12)]


def test_an_optimizers_state_is_no_layer_and_told_once(torch):
    net = _net(torch)
    optimizer = torch.optim.Adam(net.parameters())
    net.encoder(torch.randn(4, 3))[0].sum().backward()
    optimizer.step()
    content = _saved(torch, {"model": net.state_dict(), "optimizer": optimizer.state_dict()})
    loaded = lv.load(content, name="m.pt")
    assert list(loaded) == [f"model.{name}" for name in NET]
    assert "optimizer" in loaded.skipped["optimizer.state"]
    assert not [name for name in loaded.skipped if name.startswith("optimizer.state.")]


def test_bfloat16_is_widened_and_told(torch):
    weights = {name: value.bfloat16() for name, value in torch.nn.LSTM(3, 4).state_dict().items()}
    assert "bfloat16" in lv.load(_saved(torch, weights), name="m.pt").notes["layer"]


def test_whole_numbers_are_no_weights(torch):
    weights = {name: (9 * value).to(torch.int8) for name, value in torch.nn.LSTM(3, 4).state_dict().items()}
    loaded = lv.load(_saved(torch, weights), name="m.pt")
    assert not loaded and "whole numbers" in loaded.skipped["layer"]


def test_a_quantised_layer_says_what_to_do(torch):
    net = torch.nn.Sequential(torch.nn.LSTM(3, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated
        quantised = torch.ao.quantization.quantize_dynamic(net, {torch.nn.LSTM}, dtype=torch.qint8)
        content = _saved(torch, quantised.state_dict())
    loaded = lv.load(content, name="q.pt")
    assert not loaded and any("before it is quantised" in reason for reason in loaded.skipped.values())


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


@pytest.mark.parametrize(
    ("names", "framework"),
    [
        (["lstm.Wx", "lstm.Wh", "lstm.bias"], "MLX"),
        (["gru.Wx", "gru.Wh", "gru.b", "gru.bhn"], "MLX"),
        (["cell.ii.kernel", "cell.hf.kernel", "cell.hf.bias"], "Flax"),
    ],
)
def test_other_frameworks_recurrent_layers_are_told_by_their_own(names, framework):
    arrays = {name: np.ones((4, 4), "float32") for name in [*names, "fc.weight"]}
    loaded = lv.load(safetensors.numpy.save(arrays), name="model.safetensors")
    assert not loaded
    assert all(f"as {framework} names a recurrent" in loaded.skipped[name] for name in names)
    assert loaded.skipped["fc.weight"] == "its name is none that PyTorch gives a recurrent layer's weights"


@pytest.mark.parametrize("part", ["weight_ih_l0", "bias_ih_l0", "bias_hh_l0", "bias"])
def test_a_layer_of_whose_tensors_one_is_not_read_is_left_out(torch, part):
    layer = {f"lstm.{name}": tensor for name, tensor in torch.nn.LSTM(3, 4).state_dict().items()}
    changed = [
        name for name in layer if part in name
    ]  # without both halves of its bias it would be another layer
    for change in (torch.Tensor.to_sparse, torch.Tensor.bool):
        content = _saved(torch, layer | {name: change(layer[name].detach()) for name in changed})
        loaded = lv.load(content, name="unread.pt")
        assert not loaded
        assert changed[0].rpartition(".")[2] in loaded.skipped["lstm"]


def test_a_safetensors_layer_without_its_complex_bias_is_no_layer_without_a_bias():
    weights = {"lstm.weight_ih_l0": np.ones((16, 3), "f4"), "lstm.weight_hh_l0": np.ones((16, 4), "f4")}
    head = {name: ("F32", array.shape, array.tobytes()) for name, array in weights.items()}
    head |= {f"lstm.bias_{way}_l0": ("C64", (16,), bytes(128)) for way in ("ih", "hh")}
    told, data = {}, b""
    for name, (type_, shape, numbers) in head.items():
        offsets = [len(data), len(data) + len(numbers)]
        told[name] = {"dtype": type_, "shape": shape, "data_offsets": offsets}
        data += numbers
    text = json.dumps(told).encode()
    loaded = lv.load(len(text).to_bytes(8, "little") + text + data, name="complex.safetensors")
    assert not loaded
    assert "bias_ih_l0" in loaded.skipped["lstm"]


def test_what_is_under_a_class_of_ones_own_is_told_with_it(torch):
    class NormedLSTM(torch.nn.LSTM):
        def __init__(self):
            super().__init__(3, 4)
            self.norm = torch.nn.LayerNorm(4)

    NormedLSTM.__qualname__ = "NormedLSTM"
    globals()["NormedLSTM"] = NormedLSTM  # so that it can be pickled
    loaded = lv.load(_saved(torch, torch.nn.Sequential(NormedLSTM())), name="normed.pt")
    assert not loaded
    assert list(loaded.skipped) == ["0"]
    assert "NormedLSTM" in loaded.skipped["0"]
