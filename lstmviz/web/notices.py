"""What gave way, above what is shown: one line, however much it was, so that it takes no room from what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from lstmviz.language import _
from lstmviz.web.markup import escape

_ALONE = 1  # sentences that are shown as they are


def draw(problems: Sequence[str], faults: Sequence[str] = (), place: Any = st) -> None:
    """Says what gave way, several things in one that opens, and what is wrong still.

    Args:
        problems: What gave way, a sentence each.
        faults: What is wrong for as long as it is not mended: each is shown.
        place: Where they stand.
    """
    problems = list(dict.fromkeys(problems))
    if len(problems) > _ALONE:
        head = _("{count} values of this setting are not as they were asked for").format(count=len(problems))
        _warn(problems, place.expander(head, icon=":material/warning:"))
    else:
        _warn(problems, place)
    _warn(faults, place)


def _warn(sentences: Sequence[str], place: Any) -> None:
    for sentence in sentences:
        place.warning(escape(sentence))


__all__ = ["draw"]
