"""What runs in the other process of `sandbox.py`: one reader, one file, then the end."""

from __future__ import annotations

import errno
import json
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from lstmviz import language
from lstmviz.formats import answers, load
from lstmviz.formats.found import FormatError

_LIBRARIES = 2**31  # bytes of addresses: TensorFlow's take 700 MB
_FULL = (errno.ENOSPC, errno.EDQUOT)


def main(folder: str) -> None:
    """Reads the file that the request in a folder names, and leaves the answer there."""
    request = json.loads(Path(folder, "request.json").read_bytes())
    _tie_to_parent()
    _spare_tensorflow()
    _bound(request["bounds"])
    with language.use(request["language"]):
        _answer(Path(folder), request)


def _answer(folder: Path, request: Mapping[str, Any]) -> None:
    try:
        content = load.read_content(request["source"], request["name"], request["max_bytes"])
        answers.write(folder, *load.read(content, request["layout"]))
    except Exception as error:
        kind = next(filter(None, map(_find_kind, _causes(error))), None) or _name_kind(error)
        if kind is None:
            raise
        if kind not in ("refused", "missing"):
            traceback.print_exception(error)  # for the server's log
        answers.write_failure(folder, answers.Failure(kind, str(error)))


def _name_kind(error: Exception) -> str | None:
    if isinstance(error, FormatError):
        return "refused"
    if isinstance(error, OSError):
        return "missing" if isinstance(error, FileNotFoundError) else "system"
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that led to it: readers take most of them for damage."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _find_kind(error: BaseException) -> str | None:
    if isinstance(error, MemoryError):
        return "memory"
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return "numbers"
    # Libraries in C tell it in words alone.
    if (isinstance(error, OSError) and error.errno in _FULL) or "No space left on device" in str(error):
        return "disk"
    return None


def _bound(bounds: Mapping[str, Any]) -> None:
    """Bounds what this process may take, where the system can."""
    with suppress(ImportError):
        import resource

        processor, memory = bounds["processor"], bounds["memory"]
        limits = {
            "RLIMIT_CORE": (0, 0),
            "RLIMIT_CPU": (processor, processor + 1),
            "RLIMIT_FSIZE": (bounds["numbers"],) * 2,
            "RLIMIT_DATA": (_used("VmData") + memory,) * 2,
            "RLIMIT_AS": (_used("VmSize") + memory + _LIBRARIES,) * 2,
            "RLIMIT_NOFILE": (256, 256),
        }
        for name, pair in limits.items():
            with suppress(AttributeError, ValueError, OSError):
                resource.setrlimit(getattr(resource, name), pair)


def _used(what: str) -> int:
    """Bytes that this process has of a kind, a key of Linux's status; 0 where it does not say."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) * 1024
    return 2**28


def _tie_to_parent() -> None:
    """Ends with the thread that waits for it, and gains no rights that it has not (Linux)."""
    with suppress(Exception):
        import ctypes

        system = ctypes.CDLL(None)
        system.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
        system.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


def _spare_tensorflow() -> None:
    """Lets a part of TensorFlow be imported alone, in 0.5 s: its packages import all the rest and Keras, in 3 s.

    In place of the packages stand empty ones that say where their parts are; those that are used ask nothing more of them.
    """
    spec = find_spec("tensorflow")
    if spec is None or spec.submodule_search_locations is None:
        return
    root = Path(*spec.submodule_search_locations[:1])
    for name, place in (("tensorflow", root), ("tensorflow.python", root / "python")):
        package = ModuleType(name)
        package.__path__ = [str(place)]
        sys.modules[name] = package
