"""The languages of every text a person may see.

English is the source; `locale/<language>/LC_MESSAGES/lstmviz.po` holds the others. The current language is a
context variable, so that two viewers of one server can read two languages at once.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

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
    """`message` in the current language; named placeholders like `{given}` stay for `str.format`."""
    return _catalogue(_current.get()).gettext(message)


def _mark(message: str) -> str:
    """Marks a text for the catalogues; whoever shows it translates it."""
    return message


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
