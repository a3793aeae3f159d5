"""The pins: what pyproject.toml asks for, in one version set, with nothing of the machine that made them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-gpu.txt")
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64", "platform_python_implementation": "CPython"}
MAC = {"sys_platform": "darwin", "platform_machine": "arm64", "platform_python_implementation": "CPython"}


def pins(file: str, environment: dict[str, str]) -> dict[str, str]:
    """Each package that `file` installs there, with its version."""
    lines = [line for line in (ROOT / file).read_text().splitlines() if line and not line.startswith("#")]
    requirements = [Requirement(line) for line in lines]
    there = [r for r in requirements if r.marker is None or r.marker.evaluate(environment)]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in there}


@pytest.mark.parametrize("file", [*FILES, "requirements-cells.txt", "package.json"])
def test_pins_name_no_registry_and_no_path(file):
    assert not re.search(r"://|--|/", (ROOT / file).read_text())


def test_typescript_is_pinned_to_one_version():
    (pinned,) = json.loads((ROOT / "package.json").read_text())["devDependencies"].items()
    assert re.fullmatch(r"typescript \d+\.\d+\.\d+", " ".join(pinned))


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("environment", [LINUX, MAC], ids=["linux", "mac"])
def test_one_build_of_tensorflow_is_installed(file, environment):
    builds = {"tensorflow", "tensorflow-cpu"} & pins(file, environment).keys()
    cpu = environment is LINUX and file != "requirements-gpu.txt"
    assert builds == {"tensorflow-cpu" if cpu else "tensorflow"}


def test_the_three_files_agree_on_every_version():
    runtime = pins("requirements.txt", LINUX)
    development, gpu = pins("requirements-dev.txt", LINUX), pins("requirements-gpu.txt", LINUX)
    assert runtime.items() <= development.items()
    assert {name: runtime[name] for name in runtime if name != "tensorflow-cpu"}.items() <= gpu.items()
    assert gpu["tensorflow"] == runtime["tensorflow-cpu"]
    assert any(name.startswith("nvidia-cudnn") for name in gpu)


@pytest.mark.parametrize(
    ("extras", "file"),
    [
        (["cpu", "onnx", "safetensors"], "requirements.txt"),
        (["cpu", "dev", "onnx", "safetensors"], "requirements-dev.txt"),
        (["gpu", "onnx", "safetensors"], "requirements-gpu.txt"),
    ],
)
def test_the_pins_satisfy_what_the_project_asks_for(extras, file):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = list(project["dependencies"])
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    asked += project["optional-dependencies"]["page"]
    asked = [each for each in asked if each != "lstmviz[page]"]
    pinned = pins(file, LINUX)
    for requirement in map(Requirement, asked):
        if requirement.marker is None or requirement.marker.evaluate(LINUX):
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_both_builds_of_tensorflow_bring_the_page():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert "lstmviz[page]" in extras["cpu"]
    assert "lstmviz[page]" in extras["gpu"]
