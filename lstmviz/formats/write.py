"""Files that are written whole, or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import uuid
from pathlib import Path

from lstmviz.language import _

_STREAMS = re.compile(r"/dev(?:/fd)?|/proc/\w+/fd")  # where Linux has a process's open files


def write_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes a file that is complete or not there: under another name beside its place, and then renamed.

    What is there keeps its mode, and a link leads to the new file as it led to the old one. What is no regular file, a
    pipe or `/dev/stdout`, is written to as it is.

    Raises:
        OSError: it cannot be written.
    """
    mode = _find_mode(Path(path))
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if is_stream(path):
        with Path(path).open("wb") as file:
            file.write(content)
        return
    place = Path(os.path.realpath(path))
    if mode is not None and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    unfinished = place.with_name(f".{uuid.uuid4().hex}.part")
    try:
        unfinished.write_bytes(content)
        if mode is not None:
            unfinished.chmod(stat.S_IMODE(mode))
        unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a pipe, a device or a stream that is open already, `/dev/stdout`: nothing to be replaced."""
    mode = _find_mode(Path(path))
    is_open = _STREAMS.fullmatch(Path(path).absolute().parent.as_posix())
    return mode is not None and not stat.S_ISDIR(mode) and (bool(is_open) or not stat.S_ISREG(mode))


def say_cause(error: OSError) -> str:
    """Why something was not written, a clause."""
    if error.errno == errno.ENOSPC:
        return _("there is no space left on the disk")
    if error.errno == getattr(errno, "EDQUOT", None):
        return _("the disk space that is allotted to you is used up")
    return error.strerror or str(error)


def _find_mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
