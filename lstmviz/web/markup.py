"""Words that a visitor wrote, among the page's own, which are Markdown."""

from __future__ import annotations

import re

# What CommonMark lets a backslash make plain; Streamlit's colours, icons and formulas begin with these too.
_MARKS = re.compile(r"([!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~])")

# What becomes a link of itself, whatever stands before it: addresses of pages and of people.
_ADDRESSES = re.compile(r"(?i)(https?(?=://)|www(?=\.)|(?<=[\w.+-])@(?=[\w-]))")
_WORD_JOINER = "\u2060"  # has no width and breaks no line


def escape(text: str) -> str:
    r"""Markdown that shows `text` as it is: a link to the page can say anything, and must not draw or lead elsewhere.

    >>> escape("cell was ![x](a.png)")
    'cell was \\!\\[x\\]\\(a\\.png\\)'
    """
    return _MARKS.sub(r"\\\1", _ADDRESSES.sub(rf"\1{_WORD_JOINER}", text))
