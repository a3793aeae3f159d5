"""The process in which strangers' files are read."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmviz.formats import answers, sandbox
from lstmviz.formats.found import Assumption, Content, FormatError, Found, Layer, Reads
from tests.formats.mutate import mutations

pytestmark = pytest.mark.skipif(os.name != "posix", reason="bounds and signals of POSIX")

_EVIL = """
import os, sys
sys.path[:] = sys.argv[2:]
from lstmviz.formats import load, sandboxed
from lstmviz.formats.found import FormatError
def read(content, layout):
{body}
load.read = read
sandboxed.main(sys.argv[1])
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder in which temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def read_by(monkeypatch, *lines, **bounds):
    """Reads a file by a reader whose body is these lines."""
    given = {"memory": 300 * 2**20, "numbers": 2**26, "processor": 10, "clock": 30, **bounds}
    monkeypatch.setattr(sandbox, "size_bounds", lambda size: sandbox.Bounds(**given))
    monkeypatch.setattr(
        sandbox, "_START", _EVIL.format(body="\n".join(f"    {line}" for line in lines) or "    pass")
    )
    return sandbox.read(b"something", "evil.h5")


@pytest.mark.parametrize("is_on_disk", [True, False])
def test_a_reader_gets_its_files_under_the_names_that_a_library_wants(tmp_path, is_on_disk):
    there = tmp_path / "given"
    there.write_bytes(b"index")
    places = {"saved/variables.index": there} if is_on_disk else {}
    content = Content("saved", {"saved/variables.index": b"index"}, places=places)
    with content.on_disk({"checkpoint.index": "saved/variables.index"}) as folder:
        assert (folder / "checkpoint.index").read_bytes() == b"index"
    assert not folder.exists() and there.exists()


# --- Ends


@pytest.mark.parametrize(
    ("lines", "bounds", "said"),
    [
        (["os.abort()"], {}, "did not survive it"),
        (["import ctypes; ctypes.string_at(0)"], {}, "did not survive it"),
        (["os._exit(0)"], {}, "did not survive it"),
        (["os.kill(os.getpid(), 9)"], {}, "did not survive it"),
        (["raise RuntimeError('a mistake')"], {}, "did not survive it"),
        (["while True: pass"], {"processor": 1}, "takes longer to read"),
        (["import time; time.sleep(60)"], {"clock": 1}, "takes longer to read"),
        (["return bytearray(2**30)"], {}, "takes more than 300 MB"),
        (["open(os.environ['TMPDIR'] + '/large', 'wb').write(b'0' * 2**20)"], {"numbers": 2**19}, "comes to more than"),
        (["open('/dev/full', 'wb', 0).write(b'0')"], {}, "no space left on the disk of"),
        (
            ["try: open('/dev/full', 'wb', 0).write(b'0')", "except OSError: raise FormatError('it is damaged')"],
            {},
            "no space left on the disk of",
        ),
        (["raise FormatError('a sentence of its own')"], {}, "a sentence of its own"),
    ],
)  # fmt: skip
def test_however_a_reader_ends_there_is_a_sentence_and_nothing_is_left(
    temporary, monkeypatch, capfd, lines, bounds, said
):
    leaves = ["import tempfile; open(os.path.join(tempfile.mkdtemp(), 'left'), 'w').close()"]
    with pytest.raises(FormatError, match=said):
        read_by(monkeypatch, *leaves, *lines, **bounds)
    assert not list(temporary.iterdir())
    assert capfd.readouterr() == ("", "")


def test_a_reader_that_is_given_up_takes_with_it_what_it_started(temporary, tmp_path, monkeypatch):
    with pytest.raises(FormatError, match="takes longer"):
        read_by(
            monkeypatch,
            "import subprocess, time",
            f"open({str(tmp_path / 'pid')!r}, 'w').write(str(subprocess.Popen(['sleep', '60']).pid))",
            "time.sleep(60)",
            clock=3,
        )
    pid = int((tmp_path / "pid").read_text())
    for _try in range(50):  # whoever inherits it has to take note of its end
        if not is_running(pid):
            break
        time.sleep(0.1)
    assert not is_running(pid)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_interrupted_wait_leaves_no_process_and_no_folder(temporary, monkeypatch):
    started = []
    wait = subprocess.Popen.wait

    def interrupt(process, timeout=None):
        if timeout is None:
            return wait(process)
        started.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_by(monkeypatch, "import time; time.sleep(60)")
    assert started[0].returncode == -9 and not list(temporary.iterdir())


def test_a_full_disk_on_this_side_is_called_that(temporary, monkeypatch):
    def fail(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(FormatError, match=f"no space left on the disk of {temporary}"):
        read_by(monkeypatch)


def test_a_server_without_temporary_files_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(FormatError, match=r"evil\.h5 cannot be read here: there is no folder"):
        read_by(monkeypatch)


def test_a_third_file_waits_for_one_of_two_and_not_for_ever(temporary, monkeypatch):
    monkeypatch.setattr(sandbox, "_WAIT", 0.1)
    said = []

    def read():
        try:
            sandbox.read(b"something", "evil.h5")
        except FormatError as error:
            said.append(str(error))

    with pytest.raises(FormatError, match="did not survive"):
        read_by(monkeypatch, "import time; time.sleep(2)")
    threads = [threading.Thread(target=read) for _time in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("being read already" in each for each in said) == [False, False, True]


# --- What it is told


def test_a_reader_knows_nothing_of_the_environment_but_what_it_needs(temporary, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("PYTHONSTARTUP", "hunter2")
    with pytest.raises(FormatError) as caught:
        read_by(monkeypatch, "raise FormatError(repr(dict(os.environ)))")
    assert "hunter2" not in str(caught.value) and "TMPDIR" in str(caught.value)


def test_tensorflows_parts_are_read_with_and_its_packages_stay_out():
    program = (
        "import sys; from lstmviz.formats import sandboxed; sandboxed._spare_tensorflow();"
        "from tensorflow.python.training.py_checkpoint_reader import NewCheckpointReader;"
        "from tensorflow.core.protobuf.saved_model_pb2 import SavedModel;"
        "print(callable(NewCheckpointReader), SavedModel().ByteSize());"
        "print(any(name in sys.modules for name in ('keras', 'tensorflow.python.framework.ops')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == ["True", "0", "False"]


def test_what_a_reader_prints_reaches_nobody_who_gave_the_file(temporary, monkeypatch):
    with pytest.raises(FormatError) as caught:
        read_by(monkeypatch, "os.write(2, b'/home/somebody/secrets')", "os.abort()")
    assert "somebody" not in str(caught.value)


# --- What it answers

FOUND = Found(
    {
        "lstm": Layer(
            "keras",
            "lstm",
            {"kernel": np.arange(16, dtype=np.float32).reshape(2, 8), "bias": np.zeros(8, np.float16)},
            {"activation": "tanh", "cell_clip": np.float32(0.5), "names": ["a", None]},
            ("a note",),
            (Assumption("its activation is tanh", "the file does not say"),),
            "CuDNNLSTM",
            Reads(True, 7, 0.5, {"h": np.ones((1, 2))}),
        )
    },
    {"dense": "Dense is no recurrent layer"},
    {"other": np.arange(6, dtype=">i4").reshape(2, 3).T, "scalar": np.float64(3)[...], "none": np.zeros((0, 3))},
    ["a note of the whole"],
)  # fmt: skip


def test_everything_that_was_found_comes_back(tmp_path):
    answers.write(tmp_path, "keras", FOUND)
    format_, found = answers.read(tmp_path)
    layer, given = found.layers["lstm"], FOUND.layers["lstm"]
    assert format_ == "keras" and found.skipped == FOUND.skipped and found.notes == FOUND.notes
    assert (layer.layout, layer.family, layer.called) == ("keras", "lstm", "CuDNNLSTM")
    assert layer.options == {"activation": "tanh", "cell_clip": 0.5, "names": ["a", None]}
    assert (layer.notes, layer.assumed) == (given.notes, given.assumed)
    assert (layer.reads.reverse, layer.reads.steps, layer.reads.mask_value) == (True, 7, 0.5)
    for ours, theirs in [
        (layer.arrays, given.arrays),
        (layer.reads.initial_state, given.reads.initial_state),
        (found.arrays, FOUND.arrays),
    ]:
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            assert array.dtype == theirs[name].dtype
            np.testing.assert_array_equal(array, theirs[name])


def test_an_array_of_two_names_is_written_once(tmp_path):
    array = np.zeros(1000, np.float32)
    answers.write(tmp_path, "numpy", Found(arrays={"a": array, "b": array, "c": array[:]}))
    assert (tmp_path / answers.NUMBERS).stat().st_size == array.nbytes


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("types", [["<f4", [2, 8]], ["|O", [1]]]),
        ("types", [["<f4", [2**40, 2**40]]]),
        ("types", [["<f4", [-1, 8]]]),
        ("types", [["<f4", [2.0, 8]]]),
        ("types", [["<f4", [1] * 70]]),
        ("types", [["V4", [16]]]),
        ("types", [["<M8[s]", [8]]]),
        ("types", [["<f4,<f4", [8]]]),
        ("types", {"a": 1}),
        ("layers", {"lstm": {"layout": "keras"}}),
        ("layers", []),
        ("arrays", {"a": 10**6}),
        ("arrays", {"a": "b"}),
        ("notes", None),
        ("skipped", 5),
    ],
)
def test_an_answer_that_lies_is_no_answer(tmp_path, part, value):
    answers.write(tmp_path, "keras", FOUND)
    head = json.loads((tmp_path / answers.HEAD).read_bytes())
    (tmp_path / answers.HEAD).write_text(json.dumps({**head, part: value}))
    with pytest.raises(ValueError, match="no answer"):
        answers.read(tmp_path)


@pytest.mark.parametrize("data", [b"[" * 10**6, b"", b"5", b"null", b" " * 2**24, b'{"kind": 5}', b"\xff"])
def test_a_head_of_anything_is_no_answer(tmp_path, data):
    answers.write(tmp_path, "keras", FOUND)
    (tmp_path / answers.HEAD).write_bytes(data)
    with pytest.raises(ValueError, match="no answer"):
        answers.read(tmp_path)


@pytest.mark.parametrize("part", [answers.HEAD, answers.NUMBERS])
@pytest.mark.parametrize("how", ["link", "pipe", "folder", "nothing"])
def test_an_answer_is_a_plain_file(tmp_path, part, how):
    answers.write(tmp_path, "keras", FOUND)
    secret = tmp_path / "secret"
    (tmp_path / part).rename(secret)
    if how == "link":
        (tmp_path / part).symlink_to(secret)
    elif how == "pipe":
        os.mkfifo(tmp_path / part)
    elif how == "folder":
        (tmp_path / part).mkdir()
    with pytest.raises((ValueError, OSError)):
        answers.read(tmp_path)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_answer_is_refused_or_read(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("answer")
    answers.write(folder, "keras", FOUND)
    head = (folder / answers.HEAD).read_bytes()
    (folder / answers.HEAD).write_bytes(data.draw(mutations(head)))
    with contextlib.suppress(ValueError, OSError):
        answers.read(folder)


def test_a_name_longer_than_is_told_is_refused_on_the_other_side(tmp_path):
    with pytest.raises(FormatError, match="more names"):
        answers.write(tmp_path, "numpy", Found(skipped={"a" * 2**23: "b"}))
