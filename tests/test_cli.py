"""The command line: what it prints, writes and refuses, and with which exit code."""

from __future__ import annotations

import dataclasses
import errno
import importlib
import os
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import safetensors.numpy

import lstmviz as lv
from lstmviz import cli
from lstmviz.equation import sigmoid
from tests.kinds_of_ones_own import declared

ROOT = Path(__file__).parent.parent
COMMANDS = ("inspect", "render", "convert", "identify")

# What is started as a program of its own reads its files as users' do.
pytestmark = pytest.mark.usefixtures("in_this_process")


def make(kind="BasicLSTMCell", num_units=3, input_size=2, **options):
    """A cell whose biases are no zeros."""
    cell = lv.build(kind, num_units, input_size, seed=1, **options)
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(0, 0.5, weight.shape) for name, weight in cell.weights.items()}
    return lv.build(kind, num_units, input_size, weights=weights, **options)


CELL = make(forget_bias=0.0)


def write_csv(path, values):
    np.savetxt(path, values, delimiter=",", fmt="%.9g")


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def model(tmp_path):
    """A file of one layer."""
    lv.save(CELL, tmp_path / "model.safetensors")
    return str(tmp_path / "model.safetensors")


@pytest.fixture
def models(tmp_path):
    """A file of two layers, one named in Japanese, and of a dense one."""
    arrays = {"fc.weight": np.zeros((1, 3), np.float32), "fc.bias": np.zeros(1, np.float32)}
    for name, cell in {"encoder": CELL, "層": make("CudnnCompatibleGRUCell", 4, 3)}.items():
        converted = lv.layouts.to_layout(cell, "pytorch").arrays
        arrays |= {f"{name}.{key}": np.ascontiguousarray(value) for key, value in converted.items()}
    path = tmp_path / "models.safetensors"
    path.write_bytes(safetensors.numpy.save(arrays))
    return str(path)


@pytest.fixture
def run(capsys):
    """`run("inspect", file)` gives the exit code and what was printed."""

    def run_(*arguments):
        try:
            code = cli.main(list(map(str, arguments)))
        except SystemExit as ended:
            code = ended.code
        return code, *capsys.readouterr()

    return run_


def start(*arguments, text=True, **environment):
    """The program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "lstmviz", *map(str, arguments)],
        check=False,
        capture_output=True,
        encoding="utf-8" if text else None,
        timeout=300,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )


# --- Help and exit codes


def test_help_names_the_commands(run):
    code, printed, errors = run("--help")
    assert (code, errors) == (0, "")
    assert all(f"\n    {name} " in printed for name in (*COMMANDS, "serve"))


def test_every_array_of_a_cell_of_ones_own_is_named_and_a_gate_without_one_is_not(run, tmp_path):
    def step(x, h, w):
        f = sigmoid(x @ w("kernel") + w("peep") * h).called("f")
        return {"h": f * h + (1 - f).called("i") * (x @ w("in"))}

    with declared({"Own": step}):
        lv.save(lv.build("Own", 3, 2), tmp_path / "own.npz")
        code, printed, _errors = run("inspect", str(tmp_path / "own.npz"))
    lines = [line.strip() for line in printed.splitlines()]
    assert code == 0 and "gates as stored: f, i" in lines and "f: kernel[0:2, 0:3]" in lines
    assert "in no gate's place: peep [3], in [2, 3]" in lines
    assert not any(line.startswith("i:") for line in lines)


def test_the_page_is_served_with_the_kinds_of_a_file_which_is_run_before(run, tmp_path, monkeypatch):
    file, became = tmp_path / "kinds.py", []
    monkeypatch.setattr(
        os, "execv", lambda program, arguments: became.append(os.environ.get("LSTMVIZ_KINDS"))
    )
    monkeypatch.setenv("LSTMVIZ_KINDS", "none")  # what is set is taken back after the test
    monkeypatch.chdir(tmp_path)
    file.write_text("1 / 0")
    assert run("serve", "--kinds", "kinds.py")[0] == 1 and not became
    file.write_text("import lstmviz")
    assert run("serve", "--kinds", "kinds.py")[0] == 0
    assert run("serve")[0] == 0
    assert became == [str(file), str(file)]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(run, name):
    code, printed, _errors = run(name, "--help")
    assert code == 0
    assert printed.startswith(f"usage: lstmviz {name} ") and "Keras" in printed and "PyTorch" in printed


def test_the_version_is_the_packages(run):
    assert run("--version")[:2] == (0, f"lstmviz {lv.__version__}\n")


@pytest.mark.parametrize(
    "arguments", [[], ["explode"], ["inspect"], ["convert", "a", "-o", "b", "--to", "torch7"]]
)
def test_what_is_no_command_ends_with_2_and_the_usage(run, arguments):
    code, printed, errors = run(*arguments)
    assert (code, printed) == (2, "")
    assert errors.startswith("usage: ")


def test_the_script_that_is_installed_is_this_one():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    module, _, name = scripts["lstmviz"].partition(":")
    assert getattr(importlib.import_module(module), name) is cli.main


def test_the_program_needs_no_streamlit():
    program = "import sys, lstmviz.cli; print('streamlit' in sys.modules, 'tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.split() == ["False", "False"]


def test_the_readmes_lines_are_commands():
    readme = (ROOT / "README.md").read_text("utf-8")
    lines = [shlex.split(line, comments=True) for line in re.findall(r"^lstmviz (.*)$", readme, re.MULTILINE)]
    assert [line[0] for line in lines] == list(COMMANDS)
    for line in lines:
        cli._parser().parse_args(line)


# --- inspect


def test_inspect_tells_the_format_kind_sizes_and_parameters(run, model):
    code, printed, errors = run("inspect", model)
    assert (code, errors) == (0, "")
    assert printed.startswith("model.safetensors: safetensors\n")
    assert "\nlayer: PyTorch LSTM\n" in printed
    assert (
        f"input_size 2, num_units 3, {4 * 3 * (2 + 3 + 2)} parameters, float32" in printed
    )  # as PyTorch counts
    assert "shown as BasicLSTMCell, activation tanh, " in printed and "forget_bias" not in printed


def test_inspect_tells_the_frameworks_gates_in_its_order_with_their_places(run, model):
    _code, printed, _errors = run("inspect", model)
    assert "\n  gates as stored: i, f, g, o\n" in printed
    places = "weight_ih_l0[6:9, 0:2], weight_hh_l0[6:9, 0:3], bias_ih_l0[6:9], bias_hh_l0[6:9]"
    assert f"\n  g (here j): {places}\n" in printed


def test_inspect_tells_the_statistics_of_each_bias_that_is_stored(run, model):
    _code, printed, _errors = run("inspect", model)
    arrays = lv.layouts.to_layout(CELL, "pytorch").arrays
    for number, letter in enumerate("ifgo"):
        for name in ("bias_ih_l0", "bias_hh_l0"):
            place = f"{3 * number}:{3 * number + 3}"
            bias = arrays[name][3 * number : 3 * number + 3].astype(float)
            measured = f"mean {bias.mean():+.3f} ± {bias.std():.3f}, {bias.min():+.3f} to {bias.max():+.3f}"
            assert f"\n  bias of {letter}, {name}[{place}]: {measured}\n" in printed


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")
@pytest.mark.parametrize(
    ("layer", "parameters", "letters"),
    [("LSTM", 520, "i, f, c, o"), ("GRU", 420, "z, r, h"), ("SimpleRNN", 130, "h")],
)
def test_inspect_counts_and_calls_a_keras_layer_as_keras_does(run, tmp_path, layer, parameters, letters):
    keras = pytest.importorskip("keras")
    model = keras.Sequential(
        [keras.Input((None, 2)), getattr(keras.layers, layer)(10, name="mine", go_backwards=True)]
    )
    model.save(tmp_path / "m.keras")
    assert parameters == model.count_params()
    code, printed, _errors = run("inspect", tmp_path / "m.keras")
    assert code == 0
    assert f"\nmine: Keras {layer}\n" in printed and f" {parameters} parameters, " in printed
    assert f"\n  gates as stored: {letters}\n" in printed
    assert printed.count("It reads the sequence from its end.") == 1


def test_inspect_lists_every_layer_and_says_what_it_left_out(run, models):
    code, printed, _errors = run("inspect", models)
    assert code == 0
    assert "\nencoder: PyTorch LSTM\n" in printed
    assert "\n層: PyTorch GRU\n" in printed
    left_out = printed.partition("\nLeft out:\n")[2]
    assert "fc.weight [1, 3] float32: " in left_out and "encoder" not in left_out


def test_inspect_lists_bare_arrays_with_their_shapes(run, tmp_path):
    np.savez(tmp_path / "bare.npz", one=np.zeros((5, 12), np.float32), two=np.zeros(12, np.float32))
    code, printed, _errors = run("inspect", tmp_path / "bare.npz")
    assert code == 0
    assert "one [5, 12] float32" in printed and "two [12] float32" in printed and "identify" in printed


def test_inspect_reads_bare_arrays_in_the_layout_that_it_is_told(run, tmp_path):
    np.savez(tmp_path / "bare.npz", kernel=CELL.kernel, bias=CELL.bias)
    code, printed, _errors = run("inspect", tmp_path / "bare.npz", "--layout", "tf1")
    assert code == 0
    assert "TensorFlow 1 BasicLSTMCell / LSTMCell\n  input_size 2, num_units 3, " in printed
    (line,) = [line for line in printed.splitlines() if "bias of f, bias[6:9]: " in line]
    assert line.endswith("; forget_bias 1 is added when the cell runs")  # TensorFlow's default


def test_a_name_in_a_file_cannot_steer_the_terminal(run, tmp_path):
    arrays = lv.layouts.to_layout(CELL, "pytorch").arrays
    named = {f"\x1b[31mred.{key}": np.ascontiguousarray(value) for key, value in arrays.items()}
    (tmp_path / "m.safetensors").write_bytes(safetensors.numpy.save(named))
    _code, printed, errors = run("inspect", tmp_path / "m.safetensors")
    assert "\x1b" not in printed + errors
    assert r"\x1b[31mred: PyTorch LSTM" in printed


# --- convert


@pytest.mark.parametrize(
    ("layout", "ending"),
    [
        ("pytorch", ".safetensors"),
        ("keras", ".weights.h5"),
        ("onnx", ".onnx"),
        ("keras", ".npz"),
        ("tf1", ".npz"),
    ],
)
def test_convert_writes_the_same_cell_and_prints_the_proof(run, model, tmp_path, layout, ending):
    out = tmp_path / f"out{ending}"
    code, printed, errors = run("convert", model, "--to", layout, "-o", out)
    assert (code, errors) == (0, "")
    title = lv.layouts.LAYOUTS[layout].title
    assert (
        f"layer as {title}: In {title}'s own equations, over 200 steps, the largest difference is h "
        in printed
    )
    assert "Equal to this cell.\n" in printed
    assert f"{out} written" in printed
    assert out.read_bytes() == lv.formats.save.save_bytes(CELL, out.name, layout) or ending == ".weights.h5"


def test_onnx_runtime_computes_from_what_convert_wrote_what_the_cell_does(run, model, tmp_path):
    out = tmp_path / "out.onnx"
    assert run("convert", model, "--to", "onnx", "-o", out)[0] == 0
    x = np.random.default_rng(2).normal(size=(7, 2)).astype(np.float32)
    session = onnxruntime.InferenceSession(out.read_bytes())
    given = {each.name: x.reshape(7, 1, 2) for each in session.get_inputs()}
    got = np.asarray(session.run(None, given)[0]).reshape(7, 3)
    np.testing.assert_allclose(got, lv.run(CELL, x).states["h"], atol=1e-5)


def test_convert_prints_lines_that_are_python(run, model, tmp_path):
    _code, printed, _errors = run("convert", model, "--to", "pytorch", "-o", tmp_path / "o.safetensors")
    lines = printed.partition("to load it:\n")[2]
    compile(lines, "printed", "exec")
    assert str(tmp_path / "o.safetensors") in lines


def test_what_is_not_proved_is_not_written(run, model, tmp_path, monkeypatch):
    prove = cli.prove
    monkeypatch.setattr(
        cli, "prove", lambda trace, layout: dataclasses.replace(prove(trace, layout), largest={"h": 0.5})
    )
    code, printed, errors = run("convert", model, "--to", "keras", "-o", tmp_path / "out.npz")
    assert (code, printed) == (1, "")
    assert "h 5.0e-01, more than the" in errors and errors.endswith("Nothing was written.\n")
    assert not (tmp_path / "out.npz").exists()


def test_a_layer_is_picked_by_its_name(run, models, tmp_path):
    out = tmp_path / "out.npz"
    assert run("convert", models, "--layer", "層", "--to", "pytorch", "-o", out)[0] == 0
    with np.load(out) as arrays:
        assert arrays["weight_ih_l0"].shape == (12, 3)


@pytest.fixture
def unsaid(tmp_path):
    """A state dict of PyTorch's, which does not hold the RNN's activation."""
    lv.save(make("BasicRNNCell"), tmp_path / "rnn.safetensors")
    return tmp_path / "rnn.safetensors"


def test_what_is_assumed_is_said_wherever_a_layer_is_shown(run, unsaid, tmp_path):
    page = tmp_path / "page.html"
    for arguments in (["inspect"], ["render", "-o", page]):
        code, printed, _errors = run(arguments[0], unsaid, *arguments[1:])
        assert code == 0
        assert "assumed: its nonlinearity is tanh: " in printed
    assert "Assumed: its nonlinearity is tanh (" in page.read_text("utf-8")


def test_what_rests_on_an_assumption_is_converted_on_demand_alone(run, unsaid, tmp_path):
    out = tmp_path / "out.npz"
    code, printed, errors = run("convert", unsaid, "--to", "keras", "-o", out)
    assert (code, printed) == (1, "")
    assert "would be equal only if its nonlinearity is tanh: " in errors and "give --assume" in errors
    assert not out.exists()
    code, printed, errors = run("convert", unsaid, "--to", "keras", "-o", out, "--assume")
    assert (code, errors) == (0, "") and out.exists()
    assert "Equal to this cell, if its nonlinearity is tanh: " in printed


# --- render; tests/browser opens the page


def test_render_writes_a_page_and_says_what_of(run, models, tmp_path):
    out = tmp_path / "page.html"
    code, printed, errors = run("render", models, "--layer", "encoder", "-o", out)
    assert (code, errors) == (0, "")
    assert printed.startswith(f"{out} written: encoder, BasicLSTMCell, 60 steps on ")
    page = out.read_text("utf-8")
    assert "<h1>encoder: BasicLSTMCell, num_units 3, input_size 2</h1>" in page
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_render_takes_the_numbers_of_the_file_as_they_are(run, model, tmp_path, monkeypatch):
    seen = []
    inner = cli._run
    monkeypatch.setattr(cli, "_run", lambda cell, x, **how: seen.append(x) or inner(cell, x, **how))
    (tmp_path / "x.csv").write_text("a,b\n5,100\n6,300\n7,200\n")
    assert run("render", model, "--input", tmp_path / "x.csv", "-o", tmp_path / "p.html")[0] == 0
    assert seen[0].values.tolist() == [[5, 100], [6, 300], [7, 200]]
    assert seen[0].features == ("a", "b")


@pytest.fixture
def backward(tmp_path):
    """A bidirectional layer of PyTorch's with its two cells."""
    arrays = {}
    for seed, side in enumerate(("", "_reverse")):
        cell = lv.build("BasicLSTMCell", 3, 2, seed=seed + 5, forget_bias=0.0)
        converted = lv.layouts.to_layout(cell, "pytorch").arrays
        arrays |= {f"rnn.{name}{side}": np.ascontiguousarray(array) for name, array in converted.items()}
    (tmp_path / "both.safetensors").write_bytes(safetensors.numpy.save(arrays))
    return tmp_path / "both.safetensors"


@pytest.mark.parametrize(("flags", "turned"), [([], True), (["--no-reverse"], False), (["--reverse"], True)])
def test_a_layer_is_run_in_the_order_in_which_it_reads_with_true_labels(
    run, backward, tmp_path, monkeypatch, flags, turned
):
    seen = []
    inner = cli._run
    monkeypatch.setattr(cli, "_run", lambda *given, **how: seen.append(inner(*given, **how)) or seen[-1])
    (tmp_path / "x.csv").write_text("day,a,b\nMo,5,1\nTu,6,3\nWe,7,2\n")
    arguments = ["--layer", "rnn_reverse", "--input", tmp_path / "x.csv", "-o", tmp_path / "p.html", *flags]
    code, printed, _errors = run("render", backward, *arguments)
    assert code == 0
    (trace,) = seen
    rows, labels = [[5, 1], [6, 3], [7, 2]], ("Mo", "Tu", "We")
    assert trace.x.tolist() == (rows[::-1] if turned else rows)
    assert trace.sequence.labels == (labels[::-1] if turned else labels)
    told = "It reads the sequence from its end." if turned else "Read from its start, as was asked for"
    assert printed.count(told) == 1 and (tmp_path / "p.html").read_text("utf-8").count(told) == 1


def test_an_unread_direction_can_be_asked_for(run, model, tmp_path):
    code, printed, _errors = run("render", model, "--reverse", "-o", tmp_path / "p.html")
    assert code == 0 and "It reads the sequence from its end." in printed


@pytest.mark.parametrize("kind", ["npz", "csv", "bare.csv"])
def test_a_run_starts_from_the_state_that_is_given(run, model, tmp_path, monkeypatch, kind):
    seen = []
    inner = cli._run
    monkeypatch.setattr(cli, "_run", lambda *given, **how: seen.append(inner(*given, **how)) or seen[-1])
    h, c = np.array([0.5, -0.25, 1.0]), np.array([2.0, 0.0, -1.0])
    path = tmp_path / f"state.{kind}"
    if kind == "npz":
        np.savez(path, h=h, c=c)
    else:
        head = "" if kind == "bare.csv" else "c,h\n"
        columns = (h, c) if kind == "bare.csv" else (c, h)
        path.write_text(head + "".join(f"{a},{b}\n" for a, b in zip(*columns, strict=True)))
    code, printed, errors = run("render", model, "--initial-state", path, "-o", tmp_path / "p.html")
    assert (code, errors) == (0, "")
    np.testing.assert_array_equal(seen[0].initial_state["h"], h)
    np.testing.assert_array_equal(seen[0].initial_state["c"], c)
    assert str(path) in printed


def test_a_state_that_the_layer_has_not_is_refused(run, model, tmp_path):
    np.savez(tmp_path / "s.npz", m=np.ones(3))
    code, _printed, errors = run(
        "render", model, "--initial-state", tmp_path / "s.npz", "-o", tmp_path / "p.html"
    )
    assert code == 1 and "s.npz has m; a state of this layer is " in errors
    np.savez(tmp_path / "s.npz", h=np.ones(5))
    code, _printed, errors = run(
        "render", model, "--initial-state", tmp_path / "s.npz", "-o", tmp_path / "p.html"
    )
    assert code == 1 and "5" in errors and not (tmp_path / "p.html").exists()


def test_convert_says_that_the_order_of_reading_is_not_written(run, backward, tmp_path):
    out = tmp_path / "o.safetensors"
    code, printed, _errors = run("convert", backward, "--layer", "rnn_reverse", "--to", "pytorch", "-o", out)
    assert code == 0
    assert "It reads the sequence from its end.\nWhat is written are the weights alone, " in printed


# --- Where it is written


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither")
def test_a_link_stays_and_a_file_keeps_its_mode(run, model, tmp_path):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "real.npz"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link = tmp_path / "link.npz"
    link.symlink_to(target)
    assert run("convert", model, "--to", "keras", "-o", link)[0] == 0
    assert link.is_symlink() and link.resolve() == target
    assert target.read_bytes()[:2] == b"PK" and target.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in target.parent.iterdir()] == ["real.npz"]


# The program once for each standard output and name of it, all from one that has imported TensorFlow: that takes longer
# than what follows.
CONVERSIONS = """
import os, sys
from lstmviz import cli
from lstmviz.run import engine
model, *pairs = sys.argv[1:]
for out, path in zip(pairs[::2], pairs[1::2]):
    child = os.fork()
    if not child:
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), 1) if path else None
        sys.exit(cli.main(["convert", model, "--to", "pytorch", "-o", out]))
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{out} to {path}")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_what_goes_to_the_standard_output_is_the_file_alone(model, tmp_path):
    done = start("convert", model, "--to", "pytorch", "-o", "-", text=False)
    assert done.returncode == 0
    assert set(safetensors.numpy.load(done.stdout)) == set(lv.layouts.to_layout(CELL, "pytorch").arrays)
    assert b"Equal to this cell." in done.stderr
    pairs = ["-", tmp_path / "by-sign", "/dev/stdout", tmp_path / "by-name", "/dev/stdout", ""]
    command = [sys.executable, "-c", CONVERSIONS, model, *map(str, pairs)]
    piped = subprocess.run(command, check=True, capture_output=True, cwd=ROOT, timeout=300).stdout
    assert piped == (tmp_path / "by-sign").read_bytes() == (tmp_path / "by-name").read_bytes() == done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_a_pipe_is_written_to_and_stays(run, model, tmp_path):
    pipe = tmp_path / "pipe.npz"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    assert run("convert", model, "--to", "keras", "-o", pipe)[0] == 0
    reader.join(10)
    assert got[0][:2] == b"PK" and pipe.is_fifo()


def test_a_full_disk_is_called_that(run, model, tmp_path, monkeypatch):
    def fail(*_given):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", fail)
    code, _printed, errors = run("convert", model, "--to", "keras", "-o", tmp_path / "o.npz")
    assert code == 1 and errors.endswith("o.npz cannot be written: there is no space left on the disk.\n")
    assert not list(tmp_path.glob("*.npz")) and not list(tmp_path.glob(".*"))


# --- identify


@pytest.mark.parametrize("layout", ["tf1", "keras", "pytorch", "onnx"])
def test_identify_finds_the_layout_of_bare_arrays(run, tmp_path, layout):
    cell = make("LSTMCell", 4, 3, forget_bias=1.0)
    x = lv.sequences.make("white_noise", time_steps=6, input_size=3)
    write_csv(tmp_path / "x.csv", x.values)
    write_csv(tmp_path / "h.csv", lv.run(cell, x).states["h"])
    arrays = lv.layouts.to_layout(cell, layout).arrays
    np.savez(
        tmp_path / "a.npz", **{f"array{k}": np.squeeze(array) for k, array in enumerate(arrays.values())}
    )
    code, printed, errors = run(
        "identify", tmp_path / "a.npz", "--input", tmp_path / "x.csv", "--output", tmp_path / "h.csv"
    )
    assert (code, errors) == (0, "")
    first = printed.splitlines()[0]
    assert layout in first and "gives the known output" in first


def test_identify_looks_at_the_arrays_of_a_layer_whose_names_are_known(run, models, tmp_path):
    x = lv.sequences.make("white_noise", time_steps=6, input_size=2)
    write_csv(tmp_path / "x.csv", x.values)
    write_csv(tmp_path / "h.csv", lv.run(CELL, x).states["h"])
    sample = ("--input", tmp_path / "x.csv", "--output", tmp_path / "h.csv")
    code, printed, _errors = run("identify", models, "--layer", "encoder", *sample)
    assert code == 0
    assert "pytorch" in printed.splitlines()[0] and "gives the known output" in printed.splitlines()[0]


def test_identify_without_an_output_gives_hints(run, models, tmp_path):
    write_csv(tmp_path / "x.csv", np.eye(2))
    code, printed, _errors = run("identify", models, "--layer", "encoder", "--input", tmp_path / "x.csv")
    assert code == 0
    assert printed.startswith("A hint from the weights alone")


@pytest.mark.parametrize("aligned", [True, False])
def test_identify_turns_a_sample_round_for_a_layer_that_reads_from_the_end(run, backward, tmp_path, aligned):
    cell = lv.load(backward)["rnn_reverse"]
    x = lv.sequences.make("white_noise", time_steps=6, input_size=2)
    h = lv.run(cell, x.values[::-1].copy()).states["h"]
    write_csv(tmp_path / "x.csv", x.values)
    write_csv(tmp_path / "h.csv", h[::-1] if aligned else h)
    sample = ("--input", tmp_path / "x.csv", "--output", tmp_path / "h.csv")
    code, printed, _errors = run("identify", backward, "--layer", "rnn_reverse", *sample)
    assert code == 0
    assert "gives the known output" in printed
    assert (
        "gives the known output"
        not in run("identify", backward, "--layer", "rnn_reverse", "--no-reverse", *sample)[1]
    )


def test_identify_takes_the_arrays_that_are_named(run, tmp_path):
    x = lv.sequences.make("white_noise", time_steps=6, input_size=2)
    write_csv(tmp_path / "x.csv", x.values)
    write_csv(tmp_path / "h.csv", lv.run(CELL, x).states["h"])
    sample = ("--input", tmp_path / "x.csv", "--output", tmp_path / "h.csv")
    arrays = {f"a{k}": array for k, array in enumerate(lv.layouts.to_layout(CELL, "keras").arrays.values())}
    np.savez(tmp_path / "a.npz", **arrays, dense=np.ones((3, 7)), other=np.ones((9, 9)))
    code, _printed, errors = run("identify", tmp_path / "a.npz", *sample)
    assert code == 1 and "Choose among them: --arrays a0,a1,a2,dense,other" in errors
    code, printed, _errors = run("identify", tmp_path / "a.npz", "--arrays", "a0,a1, a2", *sample)
    assert code == 0 and "keras" in printed.splitlines()[0] and "gives the known output" in printed
    code, _printed, errors = run("identify", tmp_path / "a.npz", "--arrays", "a0,nope", *sample)
    assert code == 1 and "has no 'nope'; it has a0,a1,a2,dense,other." in errors


def test_identify_takes_a_layers_own_arrays_by_name(run, models, tmp_path):
    names = ",".join(f"encoder/{name}" for name in lv.layouts.to_layout(CELL, "pytorch").arrays)
    code, printed, _errors = run("identify", models, "--arrays", names)
    assert code == 0 and printed.startswith("A hint from the weights alone")


# --- What is refused


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("inspect {tmp}/none.keras", "none.keras"),
        ("inspect {tmp}/empty.keras", "empty.keras is empty."),
        ("inspect {tmp}/noise.bin", "noise.bin is none of the formats that are read: Keras 3, "),
        ("inspect {tmp}/cut.safetensors", "cut.safetensors"),
        ("render {tmp}/none.keras -o {tmp}/out", "none.keras"),
        (
            "render {models} -o {tmp}/out",
            "no --layer was given: {models} has 'encoder', '層'; give one of them.",
        ),
        ("render {model} --layer nope -o {tmp}/out", "--layer 'nope': {model} has "),
        (
            "render {model} -o {tmp}/no/out",
            "{tmp}/no/out cannot be written: there is no folder {tmp}/no; make it first.",
        ),
        ("render {model} -o {tmp}/folder", "{tmp}/folder cannot be written: "),
        ("inspect {tmp}/folder", "{tmp}/folder is a folder without a file of its own"),
        ("inspect /dev/null", "/dev/null is a device, a pipe or a socket, and no file"),
        ("render {model} --input {tmp}/none.csv -o {tmp}/out", "none.csv"),
        ("render {model} --input {tmp}/words.csv -o {tmp}/out", "{tmp}/words.csv: "),
        ("render {model} --input {tmp}/hole.csv -o {tmp}/out", "{tmp}/hole.csv: "),
        (
            "render {model} --input {tmp}/three.csv -o {tmp}/out",
            "{tmp}/three.csv has 3 columns of numbers (a, b, c); the layer takes 2, its input_size.",
        ),
        ("convert {model} --to keras -o {tmp}/out.bin", "'out.bin' has no ending that says what to write"),
        (
            "convert {model} --to keras -o {tmp}/out.safetensors",
            "layout is 'keras'; in a file that ends in .safetensors",
        ),
        ("convert {model} --to keras -o {tmp}/no/out.npz", "there is no folder {tmp}/no; make it first."),
        (
            "convert {models} --layer x --to keras -o {tmp}/out.npz",
            "--layer 'x': {models} has 'encoder', '層'",
        ),
        ("identify {model} --output {tmp}/three.csv", "there are outputs and no inputs"),
        ("identify {model} --input {tmp}/none.csv", "none.csv"),
        ("identify {model} --input {tmp}/three.csv --output {tmp}/three.csv", "input_size 3"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_exit_code_1(run, model, models, tmp_path, arguments, told):
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.keras").write_bytes(b"")
    (tmp_path / "noise.bin").write_bytes(b"\x91\x92 nothing that is known")
    (tmp_path / "cut.safetensors").write_bytes(Path(model).read_bytes()[:-7])
    (tmp_path / "words.csv").write_text("a,b\nmany,words\n")
    (tmp_path / "hole.csv").write_text("a,b\n1,2\n3,\n5,6\n")
    (tmp_path / "three.csv").write_text("a,b,c\n1,2,3\n4,5,7\n")
    before = sorted(tmp_path.rglob("*"))
    names = {"tmp": tmp_path, "model": model, "models": models}
    code, printed, errors = run(*(word.format(**names) for word in arguments.split()))
    assert (code, printed) == (1, "")
    assert errors.startswith("lstmviz: ") and errors.count("\n") == 1
    assert told.format(**names) in errors
    assert sorted(tmp_path.rglob("*")) == before, "something was left behind"


def test_without_tensorflow_a_layer_is_rendered_from_numpys_run_and_that_is_said(
    run, model, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys.modules["lstmviz.run"], "has_tensorflow", lambda: False)
    code, printed, errors = run("render", model, "-o", tmp_path / "out.html")
    assert code == 0 and "steps on NumPy" in printed
    assert errors.startswith("lstmviz: TensorFlow is not installed: NumPy computes the same equation.")


def test_without_tensorflow_nothing_is_proved_and_what_brings_it_is_told(run, model, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["lstmviz.run"], "has_tensorflow", lambda: False)
    code, printed, errors = run("convert", model, "--to", "pytorch", "-o", tmp_path / "out.safetensors")
    assert (code, printed) == (1, "")
    assert errors == (
        'lstmviz: A run on CPU:0 needs TensorFlow, which is not installed: pip install "lstmviz[cpu]"\n'
    )
    assert not (tmp_path / "out.safetensors").exists()


# --- In a terminal


def test_an_interrupted_run_ends_without_a_traceback(run, monkeypatch):
    def interrupt(given):
        raise KeyboardInterrupt

    monkeypatch.setitem(cli._COMMANDS, "inspect", interrupt)
    assert run("inspect", "model.keras") == (130, "", "")


def test_the_program_alone_prints_its_answer_and_nothing_of_tensorflows(model, tmp_path):
    done = start("convert", model, "--to", "pytorch", "-o", tmp_path / "out.safetensors")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the largest difference is h " in done.stdout and "Equal to this cell." in done.stdout


def test_the_program_alone_ends_with_1_and_a_sentence(tmp_path):
    done = start("inspect", tmp_path / "none.keras")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lstmviz: ") and done.stderr.count("\n") == 1


def test_a_terminal_without_the_signs_shows_the_rest(models):
    done = start("inspect", models, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\n?: PyTorch GRU" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_whoever_reads_no_further_is_told_nothing(models):
    command = [sys.executable, "-m", "lstmviz", "inspect", models]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as program:
        program.stdout.close()  # before it has written anything
        errors = program.stderr.read()
    assert (program.returncode, errors) == (0, b"")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": ""}, "ja"),
    ],
)
def test_the_terminals_language_is_spoken_where_it_is_known(environment, language):
    assert cli._speak(environment) == language


def test_an_error_is_told_in_the_terminals_language(run, model, tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    code, _printed, errors = run("convert", model, "--to", "keras", "-o", tmp_path / "out.safetensors")
    assert code == 1
    assert "layout が 'keras' です" in errors
