"""A reader in a process of its own, with bounds: what crashes on a damaged file crashes there.

HDF5's and TensorFlow's readers are written in C and C++, and trust a file more than a stranger's file deserves.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lstmviz import language
from lstmviz.formats.found import Assumption, Content, FormatError, Found, Layer, Reads
from lstmviz.language import _

_SECONDS = 120  # of the clock; half as many of a processor
_MEMORY = 12 * 2**30  # bytes of addresses: TensorFlow alone takes half of them
_ROOT = Path(__file__).parents[2]


def read(module: str, content: Content, layout: str | None) -> Found:
    """What a reader finds, in a process that ends with it.

    Args:
        module: The reader's name in `lstmviz.formats`.
        content: The file.
        layout: As for `load`.

    Raises:
        FormatError: what the reader raises, or that it did not survive the file.
    """
    told: dict[str, Any] = {
        "module": module,
        "name": content.name,
        "layout": layout,
        "language": language.current(),
    }
    told |= {"folder": content.folder and str(content.folder), "allowed": content.allowed}
    told |= {"files": list(content.files), "around": list(content.around)}
    request = _pack(told, [*content.files.values(), *content.around.values()])
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    try:
        # This process makes the reader's temporary files' folder: it goes also where the reader was killed.
        with tempfile.TemporaryDirectory(prefix="lstmviz-", ignore_cleanup_errors=True) as folder:
            done = subprocess.run(
                [sys.executable, "-m", "lstmviz.formats.sandbox"],
                input=request,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
                env={**os.environ, "PYTHONPATH": path, "TMPDIR": folder, "TEMP": folder, "TMP": folder},
            )
    except subprocess.TimeoutExpired as error:
        raise FormatError(
            _("{name} took longer than {seconds} s to read, and was given up.").format(
                name=content.name, seconds=_SECONDS
            )
        ) from error
    if done.returncode or not done.stdout:
        raise FormatError(
            _("{name} is damaged: the program that reads such files did not survive it.").format(
                name=content.name
            )
        )
    answer, parts = _unpack(done.stdout)
    if "error" in answer:
        raise FormatError(answer["error"])
    return _to_found(answer, parts)


def _to_found(answer: dict[str, Any], parts: list[bytes]) -> Found:
    arrays = [
        np.frombuffer(part, np.dtype(type_)).reshape(shape)
        for part, (type_, shape) in zip(parts, answer["types"], strict=True)
    ]

    def named(numbers: dict[str, int]) -> dict[str, np.ndarray]:
        return {key: arrays[number] for key, number in numbers.items()}

    layers = {
        name: Layer(
            told["layout"],
            told["family"],
            named(told["arrays"]),
            told["options"],
            tuple(told["notes"]),
            tuple(Assumption(**each) for each in told["assumed"]),
            told["called"],
            Reads(**{**told["reads"], "initial_state": named(told["reads"]["initial_state"])}),
        )
        for name, told in answer["layers"].items()
    }
    return Found(layers, answer["skipped"], named(answer["arrays"]), answer["notes"])


def _from_found(found: Found) -> tuple[dict[str, Any], list[np.ndarray]]:
    arrays: list[np.ndarray] = []

    def number(named: Mapping[str, np.ndarray]) -> dict[str, int]:
        start = len(arrays)
        arrays.extend(np.ascontiguousarray(array) for array in named.values())
        return {key: start + place for place, key in enumerate(named)}

    layers = {
        name: {
            "layout": layer.layout,
            "family": layer.family,
            "arrays": number(layer.arrays),
            "options": dict(layer.options),
            "notes": layer.notes,
            "assumed": [asdict(each) for each in layer.assumed],
            "called": layer.called,
            "reads": {
                "reverse": layer.reads.reverse,
                "steps": layer.reads.steps,
                "mask_value": layer.reads.mask_value,
                "initial_state": number(layer.reads.initial_state),
            },
        }
        for name, layer in found.layers.items()
    }
    others = number(found.arrays)
    types = [(array.dtype.str, array.shape) for array in arrays]
    told = {"layers": layers, "skipped": found.skipped, "notes": found.notes}
    return {**told, "arrays": others, "types": types}, arrays


def _pack(told: dict[str, Any], parts: list[Any]) -> bytes:
    """A line of JSON with the parts' lengths, then the parts."""
    data = [part.tobytes() if isinstance(part, np.ndarray) else part for part in parts]
    head = json.dumps({**told, "lengths": [len(part) for part in data]}).encode()
    return b"\n".join([head, b"".join(data)])


def _unpack(data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    head, _line, rest = data.partition(b"\n")
    told: dict[str, Any] = json.loads(head)
    parts, start = [], 0
    for length in told["lengths"]:
        parts.append(rest[start : start + length])
        start += length
    return told, parts


def main() -> None:
    """Reads one file from the standard input and answers on the standard output."""
    _bound()
    told, parts = _unpack(sys.stdin.buffer.read())
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)  # a library that prints does not print into the answer
        count = len(told["files"])
        content = Content(
            told["name"],
            dict(zip(told["files"], parts[:count], strict=True)),
            dict(zip(told["around"], parts[count:], strict=True)),
            told["folder"] and Path(told["folder"]),
            told["allowed"],
        )
        reader = importlib.import_module(f"lstmviz.formats.{told['module']}")
        with language.use(told["language"]):
            try:
                answer = _pack(*_from_found(reader.read(content, told["layout"])))
            except FormatError as error:
                answer = _pack({"error": str(error)}, [])
        output.write(answer)


def _bound() -> None:
    """Bounds what this process may take, where the system can."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS // 2, _SECONDS // 2))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


if __name__ == "__main__":
    main()
