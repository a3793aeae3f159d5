"""What the routes could not make and leave to the page's script: said once for each place in the code.

The script tells a viewer why something is not shown. Where the reason is a fault of ours there may be nothing that it tells,
and what is missing goes unseen.
"""

from __future__ import annotations

import logging
import traceback

_log = logging.getLogger(__name__)
_noted: set[tuple[str, str, int | None]] = set()


def note(key: str, error: Exception) -> None:
    """Says in the log what was not made, and which line stopped it; of what a viewer has given it says nothing.

    Args:
        key: The name of what was asked for.
        error: Why it was not made.
    """
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = type(error).__name__, last.filename, last.lineno
    if place not in _noted:  # strangers may ask as often as they like
        _noted.add(place)
        _log.warning("%s was not made: %s at %s:%s", key, *place)
