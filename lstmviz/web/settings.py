"""What the environment may set of a server: one table, which the README lists and the start checks."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PREFIX = "LSTMVIZ_"


class SettingError(ValueError):
    """A variable of the environment holds what its setting cannot be."""


@dataclass(frozen=True)
class Setting:
    """A variable of the environment.

    Attributes:
        name: The variable.
        default: What holds where it is not set.
        unit: What its number counts; empty for one that is no number.
        meaning: What it decides.
        least: The least number that it may be.
    """

    name: str
    default: int | str
    unit: str
    meaning: str
    least: int = 1


_DECLARED = (
    Setting("LSTMVIZ_MAX_WEIGHTS", 70_000_000, "weights", "of a cell's kernel"),
    Setting("LSTMVIZ_MAX_STEPS", 10_000, "steps", "of a sequence"),
    Setting("LSTMVIZ_MAX_RECORDED", 64_000_000, "values", "that a run records"),
    Setting("LSTMVIZ_MAX_BUILD", 4, "seconds", "of one processor core in which a cell's weights are made"),
    Setting("LSTMVIZ_MAX_RUN", 60, "seconds", "that a run takes, by estimate"),
    Setting("LSTMVIZ_MAX_MEMORY", 1_500_000_000, "bytes", "that a view needs while it is made"),
    Setting("LSTMVIZ_MAX_KEPT", 768 * 2**20, "bytes", "of large cells kept while they are looked at"),
    Setting("LSTMVIZ_MAX_MODEL", 200 * 2**20, "bytes", "of a viewer's model file"),
    Setting("LSTMVIZ_MAX_ROOMS", 100, "rooms", "that a presenter shares, at one time"),
    Setting("LSTMVIZ_MAX_FOLLOWERS", 500, "followers", "of a room, on one server"),
    Setting("LSTMVIZ_ROOM_IDLE", 3600, "seconds", "after which a room ends whose presenter is gone"),
    Setting("LSTMVIZ_ROOM_LIFE", 8 * 3600, "seconds", "after which any room ends"),
    Setting("LSTMVIZ_TRAIN", 1, "trainings", "at once, each in a process of its own; 0 offers none", least=0),
    Setting("LSTMVIZ_TRAIN_SECONDS", 600, "seconds", "after which a training is ended, pauses among them"),
    Setting("LSTMVIZ_TRAIN_MEMORY", 2_000_000_000, "bytes", "that a training's process may take"),
    Setting("LSTMVIZ_MAX_SEARCH", 2_000_000, "steps", "of a further text that a pattern is searched in"),
    Setting(
        "LSTMVIZ_ROOMS", "memory", "", "where rooms are kept, such as redis://host:6379 for several servers"
    ),
    Setting("LSTMVIZ_FRAME_ANCESTORS", "'self'", "", "the sites that may show the page in a frame"),
    Setting("LSTMVIZ_KINDS", "none", "", "a Python file that declares kinds of cell, which the start runs"),
)
SETTINGS: Mapping[str, Setting] = {setting.name: setting for setting in _DECLARED}

MEMORY = "memory"
_REDIS = re.compile(r"(rediss?://|unix:///)[^\s,]{1,500}", re.ASCII)
_ORIGINS = re.compile(r"[\w:/.*'\[\]-]+( [\w:/.*'\[\]-]+)*", re.ASCII)
_MOST_DIGITS = 15  # what a browser counts with: a control that shows a bound refuses more


def read_number(name: str, environment: Mapping[str, str] = os.environ) -> int:
    """What a variable that is a number is set to, else its default.

    Raises:
        SettingError: it is no whole number from the least one on.
    """
    default, least = SETTINGS[name].default, SETTINGS[name].least
    given = environment.get(name, "").strip()
    digits = given.replace("_", "")
    if not given:
        return int(default)
    if not digits.isascii() or not digits.isdecimal() or len(digits) > _MOST_DIGITS or int(digits) < least:
        raise SettingError(
            f"{name} is {given[:80]!r}; it must be a whole number of {SETTINGS[name].unit} from {least}, of at most "
            f"{_MOST_DIGITS} digits, such as {default}."
        )
    return int(digits)


def read_rooms(environment: Mapping[str, str] = os.environ) -> str:
    """Where rooms are kept: `MEMORY`, or the address of a Redis.

    Raises:
        SettingError: it is neither; the sentence does not quote what may hold a password.
    """
    name = "LSTMVIZ_ROOMS"
    given = environment.get(name, "").strip() or MEMORY
    if given != MEMORY and not _REDIS.fullmatch(given):
        said = "an address that cannot be read" if "@" in given else repr(given[:80])
        raise SettingError(
            f"{name} is {said}; it must be {MEMORY!r}, or be like redis://user:password@host:6379/0, "
            "rediss://host:6379 or unix:///run/redis.sock."
        )
    return given


def read_frame_ancestors(environment: Mapping[str, str] = os.environ) -> str:
    """Who may show the page in a frame.

    Raises:
        SettingError: it would end its directive or the header.
    """
    name = "LSTMVIZ_FRAME_ANCESTORS"
    return check_frame_ancestors(environment.get(name, str(SETTINGS[name].default)))


def check_frame_ancestors(given: str) -> str:
    """`given` itself.

    Raises:
        SettingError: it would end its directive or the header.
    """
    if not _ORIGINS.fullmatch(given):
        raise SettingError(
            f"LSTMVIZ_FRAME_ANCESTORS is {given[:80]!r}; it must be 'none', 'self' or origins "
            "separated by one space, such as https://blog.example."
        )
    return given


def read_kinds(environment: Mapping[str, str] = os.environ) -> str:
    """The Python file that declares kinds of cell beside the package's; empty where there is none.

    Raises:
        SettingError: there is no such file.
    """
    given = environment.get("LSTMVIZ_KINDS", "").strip()
    if given in ("", "none"):
        return ""
    if not Path(given).is_file():
        raise SettingError(
            f"LSTMVIZ_KINDS is {given[:200]!r}; it must be a Python file that declares kinds of cell with @lv.kind."
        )
    return given


def find_unknown(environment: Mapping[str, str] = os.environ) -> list[str]:
    """A sentence for each variable that looks like one of ours and is none."""
    said = []
    for name in sorted(name for name in environment if name.startswith(PREFIX) and name not in SETTINGS):
        close = difflib.get_close_matches(name[:80], SETTINGS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SETTINGS)}."
        said.append(f"{name[:80]} is no setting of lstmviz and changes nothing; {hint}")
    return said


def check(environment: Mapping[str, str] = os.environ) -> None:
    """Ends the process with a sentence on stderr if a setting cannot be what it is set to; warns of unknown ones.

    To be called before anything else of the page is imported: what reads a setting at its import would end the start with
    a traceback.

    Raises:
        SystemExit: a setting cannot be that.
    """
    try:
        for setting in SETTINGS.values():
            if setting.unit:
                read_number(setting.name, environment)
        read_rooms(environment)
        read_frame_ancestors(environment)
        read_kinds(environment)
    except SettingError as error:
        raise SystemExit(str(error)) from None  # Python writes it to stderr and ends with code 1
    for sentence in find_unknown(environment):
        sys.stderr.write(f"{sentence}\n")
