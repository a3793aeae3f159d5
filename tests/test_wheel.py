"""A wheel has everything: who installs it needs no checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from lstmviz import __version__
from tests.servers import Served, find_free_port

ROOT = Path(__file__).parent.parent
BUILT_FROM = ("lstmviz", ".streamlit", "app.py", "setup.py", "pyproject.toml", "README.md", "LICENSE")
FRONT = "lstmviz/web/front/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel, built from a copy: setuptools leaves its own files where it builds."""
    copy, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", made, copy)
    (found,) = made.glob("lstmviz-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The `bin` of a fresh environment with the wheel in it; what it depends on is lent by this one's."""
    place = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True, timeout=120)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip("--python", place / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    return place / "bin"


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_every_file_of_the_package_is_in_the_wheel_and_so_is_the_front_door(wheel):
    with zipfile.ZipFile(wheel) as opened:
        there = {name: opened.read(name) for name in opened.namelist() if ".dist-info/" not in name}
    files = {
        path.relative_to(ROOT).as_posix(): path
        for path in (ROOT / "lstmviz").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    files |= {FRONT + name: ROOT / name for name in ("app.py", ".streamlit/config.toml")}
    assert there.keys() == files.keys()
    assert [name for name, path in files.items() if there[name] != path.read_bytes()] == []


def test_an_installed_package_knows_its_version_and_its_trained_cells(installed, tmp_path):
    told = run(installed / "lstmviz", "--version", folder=tmp_path)
    assert told == f"lstmviz {__version__}\n"
    code = "import lstmviz as lv; print(lv.__file__); [print(lv.examples.load(name).sentence) for name in lv.examples.names()]"
    where, *sentences = run(installed / "python", "-c", code, folder=tmp_path).splitlines()
    assert Path(where).is_relative_to(installed.parent)
    assert len(sentences) >= 7 and all(sentence.endswith(".") for sentence in sentences)


def run(*command, folder):
    done = subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env=english(),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def english():
    return os.environ | {"LC_ALL": "C.UTF-8"}


def test_an_installed_package_serves_the_page(installed, tmp_path):
    port, log = find_free_port(), tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [installed / "lstmviz", "serve", f"--port={port}", "--address=127.0.0.1"],
            cwd=tmp_path, env=english(), stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        served = Served(port, process, log)
        try:
            served.wait_for("/lstmviz/ready", (200, b"ready"))
            status, page = served.get("/")
            assert status == 200 and b"<title>" in page
            assert f"http://127.0.0.1:{port}" in log.read_text()
        finally:
            process.terminate()
            assert process.wait(60) is not None


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "8501.5", ""])
def test_what_is_no_port_is_refused_in_a_sentence(port, capsys):
    from lstmviz import cli

    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", f"--port={port}"])
    assert ended.value.code == 2
    assert "from 1 to 65535" in capsys.readouterr().err
