"""Zips: unpacked in memory, and never to more than was allowed."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath

from lstmviz.formats.found import MAX_FILE_BYTES, MAX_PARTS, FormatError
from lstmviz.language import _


def is_zip(data: bytes) -> bool:
    """Whether bytes begin as a zip's do."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def unzip(data: bytes, name: str, allowed: int = MAX_FILE_BYTES) -> dict[str, bytes]:
    """A zip's files by name. Nothing is written anywhere.

    Raises:
        FormatError: it is damaged, encrypted, would come to too much, or names a place outside itself.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check(members, name, allowed)
            return {member.filename: _read(archive, member) for member in members}
    except FormatError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise FormatError(
            _("{name} is a damaged or encrypted zip: {cause}").format(name=name, cause=error)
        ) from error
    except Exception as error:  # zlib.error, lzma.LZMAError: each decompressor has its own
        raise FormatError(_("{name} is a damaged zip: {cause}").format(name=name, cause=error)) from error


def _check(members: list[zipfile.ZipInfo], name: str, allowed: int) -> None:
    total = sum(member.file_size for member in members)
    if len(members) > MAX_PARTS or total > allowed:
        raise FormatError(
            _(
                "{name} would unpack to {count:,} files of {given:,.0f} MB; at most {files:,} of {allowed:,.0f} MB are read."
            ).format(
                name=name,
                count=len(members),
                given=total / 2**20,
                files=MAX_PARTS,
                allowed=allowed / 2**20,
            )
        )
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise FormatError(
                _("{name} has a file that leads out of the zip: {part!r}.").format(
                    name=name, part=member.filename
                )
            )


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as file:
        content = file.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise zipfile.BadZipFile(f"{member.filename} has another size than it says")
    return content
