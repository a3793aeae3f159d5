"""What a presenter's page says that it shows, read as a stranger's words are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from lstmviz.web import parameters
from lstmviz.web import view as views
from lstmviz.web.paths import names
from lstmviz.web.rooms.record import Refused

MOST_BYTES = 24 * 2**10
"""Of a message; the longest address that the page knows, with a text of 1,000 letters, is 18,000."""
_ELSEWHERE = (names.MEMORY, names.COMPARE, names.MODEL, names.TAKE_ALONG, names.DOCUMENT)
_MOST_NAMES = 100
_MOST_SPEED = 40  # steps a second, as the player's


def read_message(given: str | bytes) -> dict[str, Any]:
    """A message, of which nothing is known but that it is a table.

    Raises:
        Refused: it is none, or too large.
    """
    if len(given if isinstance(given, bytes) else given.encode(errors="replace")) > MOST_BYTES:
        raise Refused("size")
    try:
        found = json.loads(given)
    except (ValueError, RecursionError):
        raise Refused("message") from None
    if not isinstance(found, dict):
        raise Refused("message")
    return found


def read_state(given: Any) -> str:
    """What followers are told of a setting: the address as a link of the page would say it, what is pinned, the step, the play.

    A file of the presenter's own is in no address: `own` alone says that there is one. Of who has gone to a path that has no
    stage `at` says which, beside what was shown before.

    Raises:
        Refused: it is no setting of the page.
    """
    if not isinstance(given, Mapping):
        raise Refused("state")
    path = given.get("path")
    told: dict[str, Any] = {"path": path if path in (names.EXPLORE, names.LEARN) else names.EXPLORE}
    if given.get("at") in _ELSEWHERE:
        told["at"] = given["at"]
    view = None if given.get("own") is True else _read_view(given.get("query"))
    if view is None:
        return _write(told | {"own": True})
    view = views.pinned(view, given)
    step = given.get("step")
    play = given.get("play")
    told["query"] = urlencode({"num_units": str(view.num_units)} | views.to_query(view.unpinned))
    told |= {"t": view.t, "unit": view.unit, "gate": view.gate}
    told["step"] = step if isinstance(step, str) and parameters.STEP.fullmatch(step) else ""
    is_speed = isinstance(play, int) and not isinstance(play, bool) and 0 < play <= _MOST_SPEED
    told["play"] = play if is_speed else 0
    return _write(told)


def _read_view(query: Any) -> views.View | None:
    """The view; None where it is of a file that is here for the presenter alone."""
    if not isinstance(query, str):
        raise Refused("state")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_NAMES, errors="replace")
    except ValueError:
        raise Refused("address") from None
    given = {name: value for name, value in pairs if name not in views.FOLLOWING}  # each viewer has their own
    view, problems = views.parse(given)
    if problems or len({name for name, _value in pairs}) < len(pairs):
        raise Refused("address")
    return None if view.layer or view.sequence == views.CSV else view


def _write(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
