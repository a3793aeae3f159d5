"""Which model is meant, where a folder or an archive holds one among other files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from lstmviz.formats.files import without_hidden
from lstmviz.formats.found import Content, FormatError
from lstmviz.formats.zips import is_zip, unzip
from lstmviz.language import _

Know = Callable[[Content], str | None]
"""Of which format something is, a key of `READERS`; None where it is of none."""

_MOST_FOLDERS = 500
_LISTED = 8
# A zip of arrays is data beside a model as often as it is one, and ONNX has no first bytes that others lack.
_SURE_ENDINGS = {"numpy": (".npz",), "onnx": (".onnx",)}


@dataclass(frozen=True, eq=False)
class _Unit:
    """A model: one file, or the files of a folder."""

    name: str
    content: Content
    is_sure: bool


def choose(content: Content, know: Know) -> tuple[Content, str]:
    """The one model among the files, and a sentence that says what it is among; the content itself where it is a model.

    Raises:
        FormatError: there are several models.
    """
    if "" in content.files:
        return content, ""
    whole = know(content)
    if whole is not None and whole != "tensorflow":  # whose parts may lie among anything
        return content, ""
    units = _find_checkpoints(content) if whole is not None else []
    units += _find_folders(content, know, [unit.name for unit in units])
    units += _find_files(content, know, [unit.name for unit in units])
    units = [unit for unit in units if unit.is_sure] or units
    if len(units) > 1:
        listed = ", ".join([unit.name or "." for unit in units[:_LISTED]] + ["…"] * (len(units) > _LISTED))
        raise FormatError(
            _("{name} holds several models: {listed}. Give one of them.").format(
                name=content.name, listed=listed
            )
        )
    if whole is not None or not units:
        return content, ""
    (unit,) = units
    own = 1 if unit.name in content.files else len(unit.content.files)  # an archive in it is one file of its
    others = len(content.files) - own
    note = _("{part} is the one model in {name}; other files there: {count:,}.").format(
        part=unit.name, name=content.name, count=others
    )
    return unit.content, note


def _find_folders(content: Content, know: Know, taken: list[str]) -> list[_Unit]:
    """The folders that are models of several files, the outer ones, outside those of checkpoints."""
    parents = {parent.as_posix() for name in content.files for parent in PurePosixPath(name).parents}
    found: list[_Unit] = []
    for folder in sorted(parents - {"."}, key=lambda each: (each.count("/"), each))[:_MOST_FOLDERS]:
        outer = [*(unit.name for unit in found), *taken]
        if any(_is_in(f"{folder}/", each) for each in outer if each):
            continue
        files = _below(content.files, folder)
        inner = Content(f"{content.name}, {folder}", files, allowed=content.allowed)
        if (key := know(inner)) is not None and not (key == "tensorflow" and taken):
            found.append(_Unit(folder, inner, key not in _SURE_ENDINGS))
    return found


def _find_checkpoints(content: Content) -> list[_Unit]:
    """The folders of TensorFlow's checkpoints and SavedModels; several checkpoints of one folder are one training."""
    folders = []
    for name in content.files:
        if name.endswith(".index"):
            folder = PurePosixPath(name).parent
            is_saved = (
                folder.name == "variables" and (folder.parent / "saved_model.pb").as_posix() in content.files
            )
            folders.append((folder.parent if is_saved else folder).as_posix())
    return [_Unit("" if each == "." else each, content, True) for each in dict.fromkeys(folders)]


def _find_files(content: Content, know: Know, folders: list[str]) -> list[_Unit]:
    """The files that are models by themselves, outside those folders; in a zip in the zip too."""
    found = []
    left = content.allowed - sum(map(len, content.files.values()))
    for name, data in content.files.items():
        if any(_is_in(name, folder) for folder in folders if folder) or not data:
            continue
        inner = _open_file(content, name, data, left)
        left -= sum(map(len, inner.files.values())) if "" not in inner.files else 0
        if (key := know(inner)) is not None and not (key == "tensorflow" and "" in folders):
            sure = key not in _SURE_ENDINGS or name.lower().endswith(_SURE_ENDINGS[key])
            found.append(_Unit(name, inner, sure))
    return found


def _open_file(content: Content, name: str, data: bytes, left: int) -> Content:
    title = f"{content.name}, {name}"
    if is_zip(data):
        return Content(title, without_hidden(unzip(data, title, left)), allowed=content.allowed)
    folder = PurePosixPath(name).parent.as_posix()
    around = content.files if folder == "." else _below(content.files, folder)
    own = PurePosixPath(name).name
    others = {other: each for other, each in around.items() if other != own}
    return Content(title, {"": data}, around=others, allowed=content.allowed)


def _below(files: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    return {name[len(folder) + 1 :]: data for name, data in files.items() if _is_in(name, folder)}


def _is_in(name: str, folder: str) -> bool:
    return name.startswith(f"{folder}/")
