"""A reader in a process of its own, with bounds: what crashes on a damaged file, or never ends, does so there.

Some readers are written in C and C++ and trust a file more than a stranger's file deserves; a parser of Python's own can
keep the interpreter to itself for minutes. So nothing of a file is looked at in this process. What reads is `sandboxed.py`.
Bytes cross in files of one folder, which this side makes and takes away, however the other side ended.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import itertools
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lstmviz import language
from lstmviz.formats import answers
from lstmviz.formats.found import MAX_FILE_BYTES, MAX_PARTS, FormatError, Found
from lstmviz.language import _

_AT_ONCE = 2
_WAIT = 20.0  # seconds for one of the two before to end
_turns = threading.BoundedSemaphore(_AT_ONCE)
_ROOT = Path(__file__).parents[2]
_START = (
    "import sys; sys.path[:] = sys.argv[2:]; from lstmviz.formats.sandboxed import main; main(sys.argv[1])"
)
# What the process is told of this one's environment: where libraries are, and the language of the system's messages.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "SYSTEMROOT")
_SET = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "HDF5_USE_FILE_LOCKING": "FALSE",  # a file may lie where nothing can be locked
    "TF_CPP_MIN_LOG_LEVEL": "3",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}
_FULL = (errno.ENOSPC, errno.EDQUOT)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bounds:
    """What the reading of a file may take.

    Attributes:
        memory: Bytes above what the process has before it reads.
        numbers: Bytes of all that it finds.
        processor: Seconds of a processor.
        clock: Seconds until it is given up.
    """

    memory: int
    numbers: int
    processor: int
    clock: int


def size_bounds(size: int) -> Bounds:
    """What the reading of a file of so many bytes may take.

    A small file gets little, whatever it says of itself. Eight copies are many: a file's bytes, what a library makes of them,
    the arrays, one of these on its way. A reader that takes six was seen, and a true file must not be refused.
    """
    processor = 10 + 60 * size // 2**30  # a slow machine needs 2 s for TensorFlow's library
    return Bounds(
        memory=300 * 2**20 + 8 * size,
        numbers=64 * 2**20 + 4 * size,  # which this process has too, and again as cells
        processor=processor,
        clock=60 + 2 * processor,
    )


def read(
    source: str | os.PathLike[str] | bytes,
    name: str | None = None,
    layout: str | None = None,
    max_bytes: int = MAX_FILE_BYTES,
) -> tuple[str, Found]:
    """What is in a file and of which format it is, read in a process that ends with it. No more than two run at a time.

    Args:
        source: As for `load`.
        name: As for `load`.
        layout: As for `load`.
        max_bytes: As for `load`.

    Raises:
        FormatError: what the reader raises, that it did not survive the file or took more than it may, that the disk is
            full, or that two files are being read already.
        FileNotFoundError: there is no such file.
        OSError: it cannot be opened.
    """
    title = name or (_("the file") if isinstance(source, bytes) else Path(source).name or str(source))
    bounds = size_bounds(min(_measure(source), max_bytes))
    with _turn(), _folder(title) as folder:
        request = {
            "source": _lay_out(source, folder),
            "name": name or (title if isinstance(source, bytes) else None),
            "layout": layout,
            "max_bytes": max_bytes,
            "language": language.current(),
            "bounds": asdict(bounds),
        }
        Path(folder, "request.json").write_text(json.dumps(request), encoding="utf-8")
        code = _run(folder, title, bounds)
        if words := _last_words(folder):  # a library's own start says much that is no trouble
            _log.log(
                logging.WARNING if code else logging.DEBUG, "Reading a file ended with %s: %s", code, words
            )
        return _read_answer(folder, title, code, bounds)


def _measure(source: str | os.PathLike[str] | bytes) -> int:
    """Bytes of a file, a folder, or the files whose names begin with a path."""
    if isinstance(source, bytes):
        return len(source)
    path = Path(source)
    with contextlib.suppress(OSError, ValueError):
        if path.is_dir():
            walked = (Path(place, name) for place, _folders, names in os.walk(path) for name in names)
            parts = list(itertools.islice(walked, MAX_PARTS))
        else:
            parts = [path] if path.exists() else list(path.parent.glob(f"{glob.escape(path.name)}.*"))
        return sum(part.lstat().st_size for part in parts)
    return 0


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=_WAIT):
        raise FormatError(_("Two files are being read already; try again in a moment."))
    try:
        yield
    finally:
        _turns.release()


@contextmanager
def _folder(title: str) -> Iterator[Path]:
    """A folder for this file alone, gone at the end."""
    try:
        made = tempfile.TemporaryDirectory(prefix="lstmviz-", ignore_cleanup_errors=True)
    except OSError as error:
        if error.errno in _FULL:
            raise FormatError(_say_full(title)) from error
        raise FormatError(
            _("{name} cannot be read here: there is no folder for temporary files ({cause}).").format(
                name=title, cause=error.strerror or error
            )
        ) from error
    with made as folder:
        try:
            yield Path(folder)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise FormatError(_say_full(title)) from error


def _lay_out(source: str | os.PathLike[str] | bytes, folder: Path) -> str:
    """Where the file is: a path is opened there, bytes are written for it."""
    for name in ("tmp", "given"):
        (folder / name).mkdir()
    if not isinstance(source, bytes):
        return os.fspath(source)
    (folder / "given" / "file").write_bytes(source)
    return str(folder / "given" / "file")


def _run(folder: Path, title: str, bounds: Bounds) -> int:
    """Runs the reader to its end; its exit code."""
    here = str(folder / "tmp")  # the reader's own temporary files
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ} | _SET
    environment |= {"TMPDIR": here, "TEMP": here, "TMP": here, "HOME": here}
    paths = [str(_ROOT), *filter(None, sys.path)]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            # Nothing of the environment or the user's own site decides what is imported: the paths are these.
            [sys.executable, "-I", "-S", "-c", _START, str(folder), *paths],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=environment,
            start_new_session=True,
        )
    try:
        return process.wait(bounds.clock)
    except subprocess.TimeoutExpired as error:
        raise FormatError(_say_slow(title)) from error
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the reader with whatever it has started, if it still runs."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
        process.wait()


def _read_answer(folder: Path, title: str, code: int, bounds: Bounds) -> tuple[str, Found]:
    if code == -getattr(signal, "SIGXCPU", 0) != 0:
        raise FormatError(_say_slow(title))
    try:
        if code:
            raise ValueError(f"exit code {code}")
        answer = answers.read(folder)
    except (ValueError, OSError) as error:
        raise FormatError(
            _(
                "{name} cannot be read: the program that reads such files did not survive it; it may be damaged."
            ).format(name=title)
        ) from error
    if isinstance(answer, answers.Failure):
        raise _as_error(answer, title, bounds)
    return answer


def _as_error(failure: answers.Failure, title: str, bounds: Bounds) -> Exception:
    if failure.kind == "missing":
        return FileNotFoundError(failure.sentence)
    if failure.kind == "system":
        return OSError(failure.sentence)
    if failure.kind == "disk":
        return FormatError(_say_full(title))
    if failure.kind == "memory":
        return FormatError(
            _("{name} takes more than {allowed:,.0f} MB to read, and was given up.").format(
                name=title, allowed=bounds.memory / 2**20
            )
        )
    if failure.kind == "numbers":
        return FormatError(
            _("{name} comes to more than {allowed:,.0f} MB of numbers, and was given up.").format(
                name=title, allowed=bounds.numbers / 2**20
            )
        )
    return FormatError(failure.sentence)


def _say_slow(name: str) -> str:
    return _("{name} takes longer to read than a file of its size should, and was given up.").format(
        name=name
    )


def _say_full(name: str) -> str:
    return _("{name} cannot be read now: there is no space left on the disk of {folder}.").format(
        name=name, folder=tempfile.gettempdir()
    )


def _last_words(folder: Path) -> str:
    """The end of what the reader printed, for the server's log alone."""
    with contextlib.suppress(OSError), (folder / "said").open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 2000))
        said = file.read().decode("utf-8", "replace").strip()
        return ascii(said) if said else ""
    return ""
