"""Zips, tars and gzips: unpacked in memory, and never to more than was allowed."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from lstmviz.formats.found import MAX_FILE_BYTES, MAX_PARTS, FormatError
from lstmviz.language import _

_ENTRY = b"PK\x01\x02"  # before each file's entry in a zip's list
_DRIVE = re.compile(r"[A-Za-z]:/")
_PIECE = 2**20  # bytes that are unpacked at a time: as much memory is taken as is asked for
_BLOCK = 512  # bytes of a tar's header, and what its files are rounded up to
_MOST_HEADER = 2**16  # bytes of one of its extended headers


def is_zip(data: bytes) -> bool:
    """Whether bytes begin as a zip's do."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(data: bytes, name: str, allowed: int = MAX_FILE_BYTES) -> dict[str, bytes] | None:
    """The files by name in a zip, a tar or a gzipped tar; a gzipped file alone under ""; None where it is none of these.

    Raises:
        FormatError: see `unzip`.
    """
    if is_zip(data):
        return unzip(data, name, allowed)
    if data[:3] == b"\x1f\x8b\x08":
        inner = _gunzip(data, name, allowed)
        return _untar(inner, name, allowed) if _is_tar(inner) else {"": inner}
    return _untar(data, name, allowed) if _is_tar(data) else None


def unzip(data: bytes, name: str, allowed: int = MAX_FILE_BYTES) -> dict[str, bytes]:
    """A zip's files by name. Nothing is written anywhere.

    Raises:
        FormatError: it is damaged, encrypted, would come to too much, or names a place outside itself.
    """
    if data.count(_ENTRY) > 2 * MAX_PARTS:  # the list is made into objects before anything else
        raise FormatError(
            _("{name} has more than {allowed:,} files; fewer are read.").format(name=name, allowed=MAX_PARTS)
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check([(member.filename, member.file_size) for member in members], name, allowed)
            return {member.filename: _read(archive, member) for member in members}
    except FormatError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise FormatError(
            _("{name} is a damaged or encrypted zip: {cause}").format(name=name, cause=error)
        ) from error
    except Exception as error:  # zlib.error, lzma.LZMAError: each decompressor has its own
        raise FormatError(_("{name} is a damaged zip: {cause}").format(name=name, cause=error)) from error


def _check(members: Iterable[tuple[str, int]], name: str, allowed: int) -> None:
    """Looks at the names and the sizes that an archive states, before anything is unpacked."""
    listed = list(members)
    total = sum(size for _name, size in listed)
    if len(listed) > MAX_PARTS or total > allowed:
        raise FormatError(
            _(
                "{name} would unpack to {count:,} files of {given:,.0f} MB; at most {files:,} of {allowed:,.0f} MB are read."
            ).format(
                name=name,
                count=len(listed),
                given=total / 2**20,
                files=MAX_PARTS,
                allowed=allowed / 2**20,
            )
        )
    for member, _size in listed:
        path = PurePosixPath(member.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or not path.parts or _DRIVE.match(path.as_posix()):
            raise FormatError(
                _("{name} has a file that leads out of the archive: {part!r}.").format(
                    name=name, part=member[:200]
                )
            )


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as file:
        content = file.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise zipfile.BadZipFile(f"{member.filename} has another size than it says")
    return content


# --- Tar and gzip


def _is_tar(data: bytes) -> bool:
    return data[257:262] == b"ustar"


def _gunzip(data: bytes, name: str, allowed: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            pieces, left = [], allowed
            while left >= 0 and (piece := file.read(min(_PIECE, left + 1))):
                pieces.append(piece)
                left -= len(piece)
            inner = b"".join(pieces)
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(_("{name} is a damaged gzip: {cause}").format(name=name, cause=error)) from error
    if len(inner) > allowed:
        raise FormatError(
            _("{name} would unpack to more than the {allowed:,.0f} MB that are read.").format(
                name=name, allowed=allowed / 2**20
            )
        )
    return inner


def _untar(data: bytes, name: str, allowed: int) -> dict[str, bytes]:
    """A tar's own files; links, devices and folders are passed over.

    Python's own reader takes minutes for a header that is made for it.
    """
    try:
        entries = list(_walk_tar(data))
    except (ValueError, IndexError) as error:
        raise FormatError(_("{name} is a damaged tar: {cause}").format(name=name, cause=error)) from error
    _check([(entry, size) for entry, size, _start in entries], name, allowed)
    return {entry: data[start : start + size] for entry, size, start in entries}


def _walk_tar(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Each file's name, size and place, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html.

    Raises:
        ValueError: a header is damaged, or there are too many.
    """
    told: dict[str, str] = {}
    place = count = 0
    while any(head := data[place : place + _BLOCK]):
        count += 1
        size = int(told.get("size", _tar_number(head[124:136])))
        start, kind = place + _BLOCK, head[156:157]
        place = start - (-size // _BLOCK) * _BLOCK
        if size < 0 or start + size > len(data) or count > 4 * MAX_PARTS:
            raise ValueError(_("its headers promise more than is in it"))
        body = data[start : start + size] if kind in b"LxK" and size <= _MOST_HEADER else b""
        if kind == b"L":  # GNU's way to have a long name
            told = {"path": _tar_text(body)}
        elif kind == b"x":
            told = dict(_read_pax(body))
        else:
            if kind in (b"0", b"\0", b"7"):
                own, before = (
                    _tar_text(head[:100]),
                    _tar_text(head[345:500] if head[262:263] == b"\0" else b""),
                )
                path = told.get("path") or (f"{before}/{own}" if before else own)
                yield path.removeprefix("./"), size, start
            if kind not in (b"K", b"g"):
                told = {}


def _tar_number(field: bytes) -> int:
    if field[:1] == b"\x80":  # GNU's way to have a large one
        return int.from_bytes(field[1:], "big")
    return int(field.strip(b" \0") or b"0", 8)


def _tar_text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")


def _read_pax(body: bytes) -> Iterator[tuple[str, str]]:
    """The records `length key=value` of an extended header."""
    while body:
        length = int(body.partition(b" ")[0][:9])
        key, _equals, value = body[:length].partition(b" ")[2].rstrip(b"\n").partition(b"=")
        if length <= 0:
            raise ValueError(_("a header has no length"))
        yield _tar_text(key), _tar_text(value)
        body = body[length:]
