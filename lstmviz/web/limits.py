"""What a server shows at most; its environment may set lower or higher bounds."""

from __future__ import annotations

import os
from collections.abc import Mapping


def read_limit(name: str, default: int, environment: Mapping[str, str] = os.environ) -> int:
    """A bound from the environment.

    Args:
        name: The variable, such as `LSTMVIZ_MAX_WEIGHTS`.
        default: What holds where it is not set.
        environment: Where to look.

    Raises:
        ValueError: it is no whole number from 1.
    """
    given = environment.get(name, "").strip().replace("_", "")
    if not given:
        return default
    if not given.isascii() or not given.isdecimal() or int(given) < 1:
        raise ValueError(f"{name} is {given!r}; it must be a whole number from 1, such as {default}.")
    return int(given)


MAX_UNITS = 1024
MAX_INPUT_SIZE = 1024
MAX_STEPS = read_limit("LSTMVIZ_MAX_STEPS", 10_000)
# What a browser draws and a phone loads without trouble; both bound the bytes of a picture.
MAX_WEIGHTS = read_limit("LSTMVIZ_MAX_WEIGHTS", 2_500_000)
MAX_RECORDED = 2_500_000
