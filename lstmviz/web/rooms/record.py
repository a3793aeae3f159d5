"""A room, and who may do what in it: rules without a clock, a network or a store of their own.

Whoever opens a room gets a token; a code that is good once hands it to a second device. Of all that hold a token one drives: the
one whose epoch is the room's. The epoch only grows, so what the one before still sends is told from what counts.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: nothing that is read as another
NAME_LENGTH = 9
"""Letters of a room's name: 45 bits."""
_CODE_DIGITS = 6
CODE_SECONDS = 120.0
CODE_TRIES = 5
"""Wrong codes after which a code is none: together with its digits, five in a million."""
MOST_KEYS = 8  # devices that a room is handed to

_LIKE = str.maketrans("oil", "011")


class Refused(Exception):
    """Something that is not done; `why` is a word that the page has a sentence for."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Record:
    """All that is kept of a room.

    Attributes:
        name: What followers ask for.
        keys: The digests of the tokens; the tokens themselves are kept by those who hold them alone.
        opened: When, in seconds since 1970, as several servers count.
        seen: When one who holds a token was last there.
        epoch: Which time somebody took over; the one that drives knows it.
        number: How many moves there were.
        state: The last one, in JSON; empty before the first.
        code: The digest of a code that is good once; empty where there is none.
        code_until: Until when.
        code_tries: How many wrong ones were given in its time.
    """

    name: str
    keys: tuple[str, ...]
    opened: float
    seen: float
    epoch: int = 1
    number: int = 0
    state: str = ""
    code: str = ""
    code_until: float = 0.0
    code_tries: int = 0

    def write(self) -> str:
        """As a store keeps it."""
        return json.dumps(asdict(self), separators=(",", ":"))


Rule = Callable[[Record], Record]
"""What becomes of a room; it may be tried more than once, and raises `Refused` where nothing does."""


def read(text: str | bytes) -> Record:
    """A room as `Record.write` wrote it."""
    found = json.loads(text)
    return Record(**found | {"keys": tuple(found["keys"])})


def find_name(given: Any) -> str:
    """The name that somebody typed or clicked, as rooms are called; empty where no room can be called so."""
    if not isinstance(given, str) or len(given) > 4 * NAME_LENGTH:
        return ""
    name = given.strip().lower().replace("-", "").replace(" ", "").translate(_LIKE)
    return name if len(name) == NAME_LENGTH and set(name) <= set(ALPHABET) else ""


def make(now: float) -> tuple[Record, str]:
    """A new room, and its presenter's token."""
    name = "".join(secrets.choice(ALPHABET) for _letter in range(NAME_LENGTH))
    token = secrets.token_urlsafe(32)
    return Record(name, (_digest(token),), now, now), token


def holds(record: Record, token: Any) -> bool:
    """Whether that is one of the room's tokens."""
    given = _digest(token if isinstance(token, str) else "")
    return (
        sum(secrets.compare_digest(given, key) for key in record.keys) > 0
    )  # all are looked at, whichever it is


def drive(epoch: Any, is_taken: bool, now: float) -> Rule:
    """One that holds a token comes: it drives where it was the last that did, or takes over; else nothing changes.

    Each time it is given an epoch of its own, so that of two pages with one token, as a copied tab has it, one drives.
    """

    def rule(record: Record) -> Record:
        if is_taken or epoch == record.epoch:
            return replace(record, epoch=record.epoch + 1, seen=now)
        return replace(record, seen=now)

    return rule


def move(epoch: Any, state: str, now: float) -> Rule:
    """What the one that drives shows next."""

    def rule(record: Record) -> Record:
        if epoch != record.epoch:
            raise Refused("driver")
        return replace(record, number=record.number + 1, state=state, seen=now)

    return rule


def touch(now: float) -> Rule:
    """The presenter is still there."""
    return lambda record: replace(record, seen=max(now, record.seen))


def hand_over(now: float) -> tuple[Rule, str]:
    """A code with which a second device gets a token of its own; a code before it is none any more."""
    code = "".join(secrets.choice("0123456789") for _digit in range(_CODE_DIGITS))

    def rule(record: Record) -> Record:
        if len(record.keys) >= MOST_KEYS:
            raise Refused("devices")
        return replace(record, code=_digest(code), code_until=now + CODE_SECONDS, code_tries=0, seen=now)

    return rule, code


def redeem(given: Any, now: float) -> tuple[Rule, str]:
    """Takes a code: where it is right, the token that comes with this is one of the room's and drives; a wrong one is counted."""
    token = secrets.token_urlsafe(32)
    digest = _digest("".join(given.split())) if isinstance(given, str) and len(given) <= 40 else ""

    def rule(record: Record) -> Record:
        if not record.code or now > record.code_until or record.code_tries >= CODE_TRIES:
            raise Refused("code")
        if not secrets.compare_digest(digest, record.code):
            return replace(record, code_tries=record.code_tries + 1)
        keys = (*record.keys, _digest(token))
        return replace(record, keys=keys, code="", epoch=record.epoch + 1, seen=now)

    return rule, token


def ends(record: Record, idle: float, life: float) -> float:
    """When a room ends by itself: some time after its presenter was last there, and at the latest so long after it was opened."""
    return min(record.seen + idle, record.opened + life)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
