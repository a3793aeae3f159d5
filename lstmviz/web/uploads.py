"""The files in an uploader that are still here."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import streamlit as st


def kept(key: str) -> list[Any]:
    """The files in the uploader `key`, each with `name`, `file_id` and `getvalue()`.

    After a restart, or a connection lost for long, a browser still names files that the server does not hold any more;
    Streamlit leaves something without a name or content in their place.
    """
    held = st.session_state.get(key)
    files = held if isinstance(held, list) else [held]
    return [file for file in files if hasattr(file, "getvalue")]


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
