"""The files in an uploader that are still here."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

import streamlit as st

from lstmviz import language
from lstmviz.language import _


def kept(key: str) -> list[Any]:
    """The files in the uploader `key`, each with `name`, `file_id` and `getvalue()`.

    After a restart, or a connection lost for long, a browser still names files that the server does not hold any more;
    Streamlit leaves something without a name or content in their place.
    """
    held = st.session_state.get(key)
    files = held if isinstance(held, list) else [held]
    return [file for file in files if hasattr(file, "getvalue")]


def draw(label: str, key: str, most: int, **how: Any) -> None:
    """An uploader. On another path it is another one, empty at first: what was made of the files before stays.

    Args:
        label: What goes in.
        key: The element's key.
        most: Megabytes of a file.
        **how: As `st.file_uploader` takes it.
    """
    is_new = key not in st.session_state
    st.file_uploader(label, key=key, max_upload_size=most, **how)
    if language.current() != "en":
        st.html(_say(key, most, how.get("type", ())))
    if is_new:
        st.session_state[_seen(key)] = _name(key)


def _say(key: str, most: int, types: Iterable[str]) -> str:
    """Streamlit's own words on an uploader, which are English, in the page's language: style that says others in their place."""
    bounds = [_("at most {most} MB each").format(most=most), ", ".join(types).upper()]
    said = {
        "[data-testid=stFileUploaderDropzone] [data-testid=stBaseButton-secondary] p": _("Choose a file"),
        "[data-testid=stFileUploaderDropzoneInstructions] span": " · ".join(filter(None, bounds)),
    }
    rules = []
    for place, words in said.items():
        at, quoted = f".st-key-{key} {place}", json.dumps(words, ensure_ascii=False)
        # Not hidden: for a screen reader Streamlit's word stays in front, or some would find no name.
        rules.append(f"{at} {{ font-size: 0; }}")
        rules.append(f"{at}::after {{ font-size: 1rem; content: {quoted}; }}")
    return "\n".join(["<style>", *rules, "</style>"])


def is_changed(key: str) -> bool:
    """Whether an uploader that is on the page has other files than it was last asked for, or drawn with."""
    if key not in st.session_state or st.session_state.get(_seen(key), "") == _name(key):
        return False
    st.session_state[_seen(key)] = _name(key)
    return True


def forget(key: str) -> None:
    """Lets files that are still in an uploader count as new ones."""
    st.session_state[_seen(key)] = ""


def _name(key: str) -> str:
    """What tells an uploader's files from others."""
    return " ".join(file.file_id for file in kept(key))


def _seen(key: str) -> str:
    return f"{key}_seen"


def join(files: list[Any]) -> tuple[str, bytes]:
    """What files that belong together are called, and their content: several as a zip of them, without compression."""
    name = ", ".join(file.name for file in files)
    if len(files) == 1:
        return name, files[0].getvalue()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in {file.name: file for file in files}.values():
            archive.writestr(file.name, file.getvalue())
    return name, packed.getvalue()


def path(files: list[Any]) -> str:
    """What code that loads the files from a folder names: the one that leads to the others, or a checkpoint's prefix."""
    names = [file.name for file in files]
    leading = [
        name for ending in (".index", ".onnx", ".json", ".pb") for name in names if name.endswith(ending)
    ]
    first: str = (leading or names)[0]
    return first.removesuffix(".index")
