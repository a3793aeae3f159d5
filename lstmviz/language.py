"""The languages of every text a person may see.

English is the source; `locale/<language>/LC_MESSAGES/lstmviz.po` holds the others. The current language is a
context variable, so that two viewers of one server can read two languages at once.
"""

from __future__ import annotations

import gettext
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from numbers import Integral
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "English", "ja": "日本語"}

_LOCALE = Path(__file__).parent / "locale"
_current: ContextVar[str] = ContextVar("language", default="en")


def current() -> str:
    """The language in use here, a key of `LANGUAGES`."""
    return _current.get()


@contextmanager
def use(language: str) -> Iterator[None]:
    """Speak `language` inside the `with` block.

    Raises:
        ValueError: the language has no catalogue.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language is {language!r}; it must be one of {', '.join(LANGUAGES)}.")
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def _(message: str) -> str:
    """`message` in the current language; named placeholders like `{given}` stay for `str.format`.

    In English, a noun that a placeholder counts stands in the singular where that is filled in with 1: `{count} steps`.
    """
    language = _current.get()
    return _english(message) if language == "en" else _catalogue(language).gettext(message)


def _mark(message: str) -> str:
    """Marks a text for the catalogues; whoever shows it translates it."""
    return message


NOUNS = {
    "arrays": "array", "axes": "axis", "batches": "batch", "bits": "bit", "bytes": "byte", "cells": "cell",
    "characters": "character", "checkpoints": "checkpoint", "columns": "column", "containers": "container",
    "directions": "direction", "features": "feature", "files": "file", "gates": "gate", "gradients": "gradient",
    "graphs": "graph", "inputs": "input", "labels": "label", "layers": "layer", "letters": "letter", "names": "name",
    "nodes": "node", "numbers": "number", "operations": "operation", "operators": "operator", "others": "other",
    "outputs": "output",
    "parameters": "parameter", "parts": "part", "places": "place", "readings": "reading", "rows": "row", "scales": "scale",
    "sequences": "sequence", "states": "state", "steps": "step", "tables": "table", "tensors": "tensor", "times": "time",
    "units": "unit", "values": "value", "weights": "weight", "years": "year",
}  # fmt: skip
"""What texts count, and how one of it is called."""

_VERBS = {"are": "is", "were": "was", "have": "has", "take": "takes", "fit": "fits"}
_COUNTED = re.compile(
    rf"(?<![}}\d] × )\{{(\w+)(?:[:!][^{{}}]*)?\}} ({'|'.join(NOUNS)})\b(?: ({'|'.join(_VERBS)})\b)?"
)


class _Counting(str):
    """An English text that counts something."""

    __slots__ = ()

    def format(self, *args: Any, **fields: Any) -> str:
        """The text filled in; what there is one of, in the singular, with its verb."""

        def agree(found: re.Match[str]) -> str:
            count, (noun, verb) = fields.get(found[1]), found.groups()[1:]
            if isinstance(count, bool) or not isinstance(count, Integral | str) or str(count) != "1":
                return found[0]
            text = found[0][: found.start(2) - found.start()] + NOUNS[noun]
            return f"{text} {_VERBS[verb]}" if verb else text

        return _COUNTED.sub(agree, str(self)).format(*args, **fields)


@lru_cache(4096)
def _english(message: str) -> str:
    return _Counting(message) if _COUNTED.search(message) else message


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    # Read from the .po itself: no compiled file to go stale, and English never pays for Babel.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with (_LOCALE / language / "LC_MESSAGES" / "lstmviz.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
