"""The command line: what it prints, writes and refuses, and with which exit code."""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import safetensors.numpy

import lstmviz as lv
from lstmviz import cli

ROOT = Path(__file__).parent.parent
COMMANDS = ("inspect", "render", "convert", "identify")


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


def start(*arguments, **environment):
    """The program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "lstmviz", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )


# --- Help and exit codes


def test_help_names_the_commands(run):
    code, printed, errors = run("--help")
    assert (code, errors) == (0, "")
    assert all(f"\n    {name} " in printed for name in COMMANDS)


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
    assert "BasicLSTMCell" in printed
    assert f"input_size 2, num_units 3, {4 * 3 * (2 + 3 + 1)} parameters, float32" in printed


def test_inspect_tells_the_statistics_of_each_gates_bias(run, model):
    _code, printed, _errors = run("inspect", model)
    for name in "ijfo":
        bias = CELL.gate(name).bias.astype(float)
        line = f"bias of {name}: mean {bias.mean():+.3f} ± {bias.std():.3f}, {bias.min():+.3f} to {bias.max():+.3f}"
        assert f"\n  {line}\n" in printed  # and no forget_bias, which PyTorch does not add


def test_inspect_lists_every_layer_and_says_what_it_left_out(run, models):
    code, printed, _errors = run("inspect", models)
    assert code == 0
    assert "\nencoder: BasicLSTMCell\n" in printed
    assert "\n層: CudnnCompatibleGRUCell\n" in printed
    assert "hidden bias of c: " in printed
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
    assert "LSTMCell\n  input_size 2, num_units 3, " in printed
    (line,) = [line for line in printed.splitlines() if "bias of f: " in line]
    assert line.endswith("; forget_bias 1 is added when the cell runs")  # TensorFlow's default


def test_a_name_in_a_file_cannot_steer_the_terminal(run, tmp_path):
    arrays = lv.layouts.to_layout(CELL, "pytorch").arrays
    named = {f"\x1b[31mred.{key}": np.ascontiguousarray(value) for key, value in arrays.items()}
    (tmp_path / "m.safetensors").write_bytes(safetensors.numpy.save(named))
    _code, printed, errors = run("inspect", tmp_path / "m.safetensors")
    assert "\x1b" not in printed + errors
    assert r"\x1b[31mred: BasicLSTMCell" in printed


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
    assert f" as {title}, run over 200 steps: the largest difference is h " in printed
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
    assert "h 5.0e-01, more than the" in errors and "nothing was written" in errors
    assert not (tmp_path / "out.npz").exists()


def test_a_layer_is_picked_by_its_name(run, models, tmp_path):
    out = tmp_path / "out.npz"
    assert run("convert", models, "--layer", "層", "--to", "pytorch", "-o", out)[0] == 0
    with np.load(out) as arrays:
        assert arrays["weight_ih_l0"].shape == (12, 3)


def test_what_had_to_be_assumed_is_said_wherever_a_layer_is_used(run, tmp_path):
    path = tmp_path / "rnn.safetensors"
    lv.save(make("BasicRNNCell"), path)  # a state dict of PyTorch does not hold the RNN's activation
    page, npz = tmp_path / "page.html", tmp_path / "out.npz"
    for arguments in (["inspect"], ["render", "-o", page], ["convert", "--to", "keras", "-o", npz]):
        code, printed, _errors = run(arguments[0], path, *arguments[1:])
        assert code == 0
        assert "assumed: " in printed and "tanh" in printed.partition("assumed: ")[2]


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
    monkeypatch.setattr(cli, "_run", lambda cell, x: seen.append(x) or inner(cell, x))
    (tmp_path / "x.csv").write_text("a,b\n5,100\n6,300\n7,200\n")
    assert run("render", model, "--input", tmp_path / "x.csv", "-o", tmp_path / "p.html")[0] == 0
    assert seen[0].values.tolist() == [[5, 100], [6, 300], [7, 200]]
    assert seen[0].features == ("a", "b")


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


def test_tensorflow_missing_is_told_with_what_brings_it(run, model, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "lstmviz.engine", raising=False)
    monkeypatch.delattr(lv, "engine", raising=False)
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # what makes importing it fail
    code, printed, errors = run("render", model, "-o", tmp_path / "out.html")
    assert (code, printed) == (1, "")
    assert errors == 'lstmviz: tensorflow is needed and not installed: pip install "lstmviz[cpu]"\n'


# --- In a terminal


def test_an_interrupted_run_ends_without_a_traceback(run, monkeypatch):
    def interrupt(given):
        raise KeyboardInterrupt

    monkeypatch.setitem(cli._COMMANDS, "inspect", interrupt)
    assert run("inspect", "model.keras") == (130, "", "")


def test_the_program_alone_prints_its_answer_and_nothing_of_tensorflows(model, tmp_path):
    done = start("convert", model, "--to", "pytorch", "-o", tmp_path / "out.safetensors")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the largest difference is h " in done.stdout


def test_the_program_alone_ends_with_1_and_a_sentence(tmp_path):
    done = start("inspect", tmp_path / "none.keras")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lstmviz: ") and done.stderr.count("\n") == 1


def test_a_terminal_without_the_signs_shows_the_rest(models):
    done = start("inspect", models, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\n?: CudnnCompatibleGRUCell" in done.stdout


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
