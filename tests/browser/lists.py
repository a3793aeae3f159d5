"""A widget's list, as a visitor picks from it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, TimeoutError

_PATIENCE = 4_000  # milliseconds that an option is waited for before its list is opened again
_TRIES = 8


def choose(page: Page, key: str, option: str | re.Pattern[str]) -> None:
    """Picks an option from the list of the control `key`.

    Streamlit draws a list anew where an answer to an earlier change arrives while it is open, and may close it: a visitor
    then opens it again.
    """
    field = page.locator(f".st-key-{key} input").first
    entry = page.get_by_role("option", name=option, exact=True)
    for left in reversed(range(_TRIES)):
        if not entry.is_visible():
            field.click()
        try:
            entry.click(timeout=_PATIENCE)
            return
        except TimeoutError:
            if not left:
                raise
