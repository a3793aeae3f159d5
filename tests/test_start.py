"""The container's start command, run as a plain process.

No Docker is needed: the Dockerfile's last stage is read, its files are laid out as it lays them out, and its
command runs in its environment, by a user who can write nowhere but in the stand-in for the container's /tmp.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import re
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
NOBODY = 65534
START_LIMIT = 120.0  # seconds; TensorFlow alone takes 3 to import, more on a busy machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the container's users are Linux's")


@dataclass(frozen=True)
class Image:
    """What the Dockerfile's last stage says, and what its stage of the code copies and does."""

    environment: Mapping[str, str]
    copies: tuple[tuple[str, ...], ...] = field(repr=False)
    compiles: tuple[str, ...]
    user: str
    healthcheck: tuple[str, ...]
    command: tuple[str, ...]
    port: str


def read_dockerfile() -> Image:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    stages = [stage.splitlines() for stage in text.split("FROM ")]
    said, code = (_read_stage(stage[1:]) for stage in (stages[-1], stages[-2]))
    return Image(
        environment=dict(pair.split("=", 1) for line in said["ENV"] for pair in shlex.split(line)),
        copies=tuple(tuple(line.split()) for line in code["COPY"]),
        compiles=tuple(shlex.split(code["RUN"][-1].split("&&")[0])),
        user=said["USER"][-1],
        healthcheck=tuple(json.loads(said["HEALTHCHECK"][-1].split("CMD", 1)[1])),
        command=tuple(json.loads(said["CMD"][-1])),
        port=said["EXPOSE"][-1],
    )


def _read_stage(lines: list[str]) -> dict[str, list[str]]:
    words = [line.split(None, 1) for line in lines if line.strip()]
    return {name: [rest for word, rest in words if word == name] for name, _ in words}


IMAGE = read_dockerfile()


@pytest.fixture(scope="module")
def app() -> Iterator[Path]:
    """What the image has in /app: the repository's own files, as the COPY lines pick them, and read-only."""
    if not (ROOT / ".git").exists():
        pytest.skip("which files are the repository's own is read from git")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    files = [name for name in listed.stdout.split("\0") if name]
    # Not pytest's tmp_path, whose parents are closed to other users.
    holder = Path(tempfile.mkdtemp(prefix="lstmviz-start-"))
    folder = holder / "app"
    for *sources, target in IMAGE.copies:
        for source in sources:
            picked = [name for name in files if name == source or name.startswith(f"{source}/")]
            assert picked, f"the Dockerfile copies {source}, which is not in the repository"
            for name in picked:
                place = folder / target / Path(name).name if target.endswith("/") else folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, place)
    for path in [holder, *holder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in holder.rglob("*"):
        path.chmod(stat.S_IRWXU)
    holder.chmod(stat.S_IRWXU)
    shutil.rmtree(holder)


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """The stand-in for the container's /tmp: the one folder that the server may write."""
    folder = Path(tempfile.mkdtemp(prefix="lstmviz-start-tmp-"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def environment(scratch) -> dict[str, str]:
    """The image's environment, with this machine's interpreter, a free port and the stand-in for /tmp."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {
        name: value.replace("/tmp", str(scratch)).replace("/venv/bin", str(Path(sys.executable).parent))
        for name, value in IMAGE.environment.items()
    }
    return given | {"STREAMLIT_SERVER_PORT": str(port), "TMPDIR": str(scratch)}


def as_unprivileged(command: tuple[str, ...], path: str) -> list[str]:
    """`command`, run by nobody where this process is root, else as it is."""
    found = shutil.which(command[0], path=path)
    assert found, f"{command[0]} is not in {path}"
    if os.geteuid() != 0:
        return [found, *command[1:]]
    # Root's interpreter may lie in root's closed home: reading it is allowed, writing anything is not.
    reading = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    return ["setpriv", *user, *reading, "--bounding-set=-all,+dac_read_search", found, *command[1:]]


@pytest.fixture(scope="module")
def server(app, scratch, environment) -> Iterator[subprocess.Popen[bytes]]:
    """The container's start command, up and answering."""
    log = scratch / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            as_unprivileged(IMAGE.command, environment["PATH"]),
            cwd=app,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_LIMIT
        for path, expected in (("/_stcore/health", b"ok"), ("/lstmviz/ready", b"ready")):
            while (answer := get(environment, path)) != (200, expected):
                said = log.read_text(errors="replace")
                assert process.poll() is None, f"the server ended with {process.returncode}:\n{said}"
                assert time.monotonic() < deadline, (
                    f"not {expected} in {START_LIMIT:g} s, but {answer}:\n{said}"
                )
                time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get(environment: Mapping[str, str], path: str) -> tuple[int, bytes] | None:
    """The status and the body of `path`, or None where nobody listens yet."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(environment["STREAMLIT_SERVER_PORT"]), timeout=10
    )
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return None
    finally:
        connection.close()


def test_the_start_command_serves_the_page_as_an_unprivileged_user(server, environment):
    owner = int(re.search(r"^Uid:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text(), re.M)[1])
    assert owner != 0
    status, body = get(environment, "/")
    assert status == 200
    assert b"<title>" in body


def test_the_health_check_says_healthy_while_it_serves_and_not_otherwise(server, environment):
    check = [sys.executable, *IMAGE.healthcheck[1:]]
    assert IMAGE.healthcheck[0] == "python"
    assert subprocess.run(check, env=environment, check=False).returncode == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody_there = environment | {"STREAMLIT_SERVER_PORT": str(free.getsockname()[1])}
    assert subprocess.run(check, env=nobody_there, check=False, capture_output=True).returncode != 0


def test_the_first_view_runs_without_an_error(server, environment, scratch):
    """A session as a browser opens it: here TensorFlow runs, and here anything would want to write."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.sync.client import connect

    opened = BackMsg()
    opened.rerun_script.query_string = ""
    address = f"ws://127.0.0.1:{environment['STREAMLIT_SERVER_PORT']}/_stcore/stream"
    drawn = []
    with connect(address, subprotocols=["streamlit"], max_size=None, proxy=None) as session:
        session.send(opened.SerializeToString())
        while True:
            message = ForwardMsg.FromString(session.recv(timeout=START_LIMIT))
            if message.WhichOneof("type") == "delta" and message.delta.WhichOneof("type") == "new_element":
                drawn.append(message.delta.new_element)
            if message.WhichOneof("type") == "script_finished":
                break
    assert message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    failed = [element.exception.message for element in drawn if element.WhichOneof("type") == "exception"]
    assert not failed, (scratch / "log").read_text(errors="replace")
    assert any(element.WhichOneof("type") == "bidi_component" for element in drawn), "no figure was drawn"


def test_the_image_runs_as_a_user_with_a_number_other_than_roots():
    assert IMAGE.user.isdigit()  # a name would not do for Kubernetes' runAsNonRoot
    assert int(IMAGE.user) != 0


def test_the_build_context_holds_what_the_image_copies():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for *sources, _ in IMAGE.copies for source in sources}
    assert copied <= allowed


def test_a_change_of_code_moves_no_weights_and_at_most_two_megabytes(app, tmp_path):
    layer = tmp_path / "app"
    shutil.copytree(app, layer, copy_function=shutil.copyfile)
    for folder in filter(Path.is_dir, [layer, *layer.rglob("*")]):
        folder.chmod(0o755)
    command = [{"python": sys.executable, "/app": str(layer)}.get(word, word) for word in IMAGE.compiles]
    subprocess.run(command, check=True, timeout=120)
    assert (layer / "lstmviz" / "__pycache__").is_dir(), "its bytecode is in it"
    shutil.rmtree(layer / "lstmviz" / "examples" / "trained")
    with tarfile.open(tmp_path / "layer", "w:gz", compresslevel=6) as packed:
        packed.add(layer, "app")
    assert (tmp_path / "layer").stat().st_size <= 2_000_000


@pytest.mark.parametrize("name", ["lstmviz", "lstmviz-gpu"])
def test_compose_starts_the_image_with_one_writable_folder_and_no_rights(name):
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    service = services["lstmviz"] | services[name]
    assert service["read_only"] is True
    assert [mount.split(":")[0] for mount in service["tmpfs"]] == [IMAGE.environment["HOME"]]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    (published,) = service["ports"]
    assert published.rsplit(":", 1)[1] == IMAGE.port == IMAGE.environment["STREAMLIT_SERVER_PORT"]
    variants = re.search(r'case "\$VARIANT" in(.*?)esac', (ROOT / "Dockerfile").read_text(), re.DOTALL)[1]
    assert f"{service['build']['args']['VARIANT']})" in variants


@pytest.mark.skipif(shutil.which("strip") is None, reason="binutils is not installed here")
def test_the_image_takes_out_headers_tests_and_names_of_functions_and_nothing_else(tmp_path):
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    gone = (
        "tensorflow/include/a.h",
        "clang/cindex.py",
        "pandas/tests/test_a.py",
        "numpy/_core/tests/test_b.py",
    )
    kept = (
        "tensorflow/__init__.py",
        "numpy/testing/__init__.py",
        "numpy.libs/libopenblas.so",
        "keras/tests/a.py",
    )
    for name in (*gone, *kept):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_bytes(b"not a library")
    found = importlib.util.find_spec("tensorflow")
    assert found and found.origin
    library = next(Path(found.origin).parent.glob("python/_pywrap_mlir*.so"))
    shutil.copy(library, packages / "tensorflow" / library.name)
    subprocess.run([ROOT / "tools" / "slim.sh", tmp_path], check=True, timeout=60)
    left = {path.relative_to(packages).as_posix() for path in packages.rglob("*") if path.is_file()}
    assert left == {*kept, f"tensorflow/{library.name}"}
    assert (packages / "tensorflow" / library.name).stat().st_size < library.stat().st_size
    assert (packages / "numpy.libs" / "libopenblas.so").read_bytes() == b"not a library"
