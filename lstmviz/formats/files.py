"""Files from the disk: what a path leads to is looked at before a byte is read, and no more is read than is allowed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from lstmviz.formats.found import MAX_PARTS, FormatError, say_too_large
from lstmviz.language import _

_CHECKPOINT_PART = re.compile(r"(?P<prefix>.+)\.(?:index|meta|data-\d{5}-of-\d{5})")
_SAVED_MODEL_PARTS = ("saved_model.pb", "keras_metadata.pb")
# Pipes are opened without waiting for whoever writes to them; Windows has neither flag.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)


def read_path(
    source: str | os.PathLike[str], allowed: int, endings: Collection[str]
) -> tuple[dict[str, bytes], Path | None]:
    """What a path leads to: one file's bytes under "", or those of a folder's or a checkpoint's files by their names.

    A part of a SavedModel or of a checkpoint stands for the whole of it.

    Args:
        source: A file, a folder, or what a checkpoint's files' names begin with.
        allowed: How many bytes are read at most.
        endings: How models end: of a folder that is too large, the one file that ends so is read.

    Returns:
        The bytes, and of one file the folder it is in.

    Raises:
        FormatError: it is no file and no folder, or too large, or there is nothing in it.
        FileNotFoundError: there is nothing of that name.
        OSError: it cannot be read.
    """
    if not (name := os.fspath(source)) or "\0" in name:
        raise FormatError(_("{name!r} is no file's name.").format(name=name))
    path = _whole(Path(source))
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        if parts := _list_checkpoint(path):
            return _read_all(parts, path.name, allowed), None
        raise FileNotFoundError(_("there is no file {path}.").format(path=path)) from error
    if stat.S_ISDIR(mode):
        return _read_folder(path, allowed, endings)
    return {"": read_file(path, path.name, allowed)}, path.parent


def read_file(path: Path, name: str, allowed: int) -> bytes:
    """A regular file's bytes.

    Raises:
        FormatError: it is a device, a pipe or a socket, or has more bytes than are read.
        OSError: it cannot be read.
    """
    _check_regular(path.stat().st_mode, path)  # opening a tape would wind it
    with open(path, "rb", opener=lambda file, _flags: os.open(file, _FLAGS)) as file:
        told = os.fstat(file.fileno())
        _check_regular(told.st_mode, path)  # another may have taken its name
        # As much memory is taken as is asked for.
        data = b"" if told.st_size > allowed else file.read(told.st_size + 1)
    if (size := max(told.st_size, len(data))) > allowed:
        raise FormatError(say_too_large(name, size, allowed))
    return data


def _check_regular(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        raise FormatError(
            _(
                "{path} is a device, a pipe or a socket, and no file; save the model to a file, and give that."
            ).format(path=path)
        )


def _whole(path: Path) -> Path:
    """The folder or the checkpoint that a path names one part of; else the path."""
    if path.name in _SAVED_MODEL_PARTS and (path.parent / "variables").is_dir():
        return path.parent
    part = _CHECKPOINT_PART.fullmatch(path.name)
    if part and len(_list_checkpoint(whole := path.with_name(part["prefix"]))) > 1 and not whole.exists():
        return whole
    return path


def _list_checkpoint(prefix: Path) -> dict[str, Path]:
    """The files of a checkpoint by name; none where there is no such checkpoint."""
    if not prefix.name or not prefix.parent.is_dir():
        return {}
    found = {}
    for part in sorted(prefix.parent.iterdir()):
        match = _CHECKPOINT_PART.fullmatch(part.name)
        if match and match["prefix"] == prefix.name and part.is_file():
            found[part.name] = part
    return found


def _read_folder(
    folder: Path, allowed: int, endings: Collection[str]
) -> tuple[dict[str, bytes], Path | None]:
    parts = {part.relative_to(folder).as_posix(): part for part in _walk(folder)}
    if not parts:
        raise FormatError(
            _("{path} is a folder without a file of its own; links in it are not followed.").format(
                path=folder
            )
        )
    total = sum(part.stat().st_size for part in parts.values())
    if total > allowed:
        models = [part for name, part in parts.items() if name.lower().endswith(tuple(endings))]
        if len(models) != 1:
            raise FormatError(
                say_too_large(folder.name or str(folder), total, allowed) + " " + _say_choose(models)
            )
        return {"": read_file(models[0], models[0].name, allowed)}, models[0].parent
    return _read_all(parts, folder.name, allowed), None


def _say_choose(models: list[Path]) -> str:
    listed = ", ".join(model.name for model in models[:8])
    return (
        _("Give one of its files: {listed}.").format(listed=listed) if models else _("Give one of its files.")
    )


def _read_all(parts: Mapping[str, Path], name: str, allowed: int) -> dict[str, bytes]:
    found, left = {}, allowed
    for key, part in parts.items():
        found[key] = read_file(part, f"{name}, {key}", left)
        left -= len(found[key])
    return found


def _walk(folder: Path) -> list[Path]:
    """A folder's own files, without what links lead to and without hidden folders.

    Raises:
        FormatError: there are too many.
    """
    found: list[Path] = []
    for count, (place, folders, names) in enumerate(os.walk(folder)):  # does not follow links to folders
        folders[:] = sorted(each for each in folders if not is_hidden(f"{each}/"))
        found += [part for name in names if _is_own(part := Path(place, name)) and not is_hidden(name)]
        if len(found) > MAX_PARTS or count > MAX_PARTS:
            raise FormatError(
                _("{path} has more than {allowed:,} files; give the model's own folder or file.").format(
                    path=folder, allowed=MAX_PARTS
                )
            )
    return sorted(found)


def _is_own(part: Path) -> bool:
    return stat.S_ISREG(part.lstat().st_mode)


def is_hidden(name: str) -> bool:
    """Whether a file, by its path in a folder or a zip, is none of what somebody put there: macOS's notes, `.git`."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part in ("__MACOSX", "__pycache__") for part in parts) or (
        parts[-1:] in (("Thumbs.db",), ("desktop.ini",))
    )


def without_hidden(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that somebody put there."""
    return dict(_seen(files))


def _seen(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    return ((name, data) for name, data in files.items() if not is_hidden(name))
