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


MAX_UNITS = 4096
MAX_INPUT_SIZE = 4096
MAX_STEPS = read_limit("LSTMVIZ_MAX_STEPS", 10_000)
# Both bound what one viewer can ask of the server's memory; a browser gets pictures of a few megabytes whatever the size.
MAX_WEIGHTS = read_limit("LSTMVIZ_MAX_WEIGHTS", 64_000_000)
MAX_RECORDED = read_limit("LSTMVIZ_MAX_RECORDED", 64_000_000)
# What the server keeps of large cells and long runs while they are looked at, in bytes.
MAX_KEPT = read_limit("LSTMVIZ_MAX_KEPT", 768 * 2**20)
# The rows of an orthogonal kernel are made so in the third power of its size: 21 million weights take 7 s on 2 cores.
MAX_ORTHOGONAL = 8_000_000
# What a viewer's model file may have; Streamlit's own bound, in .streamlit/config.toml, is 200 MB.
MAX_MODEL = read_limit("LSTMVIZ_MAX_MODEL", 200 * 2**20)
# A table of more numbers is more than a spreadsheet reads.
MAX_TABLE = 2_500_000
