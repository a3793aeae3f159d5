"""How often something may be done."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_ADDRESSES = 10_000  # that are remembered


class Allowance:
    """So many times in so many seconds, for each address; what is not used comes back bit by bit.

    Args:
        times: How many.
        seconds: In which time.
        clock: Seconds.
    """

    def __init__(self, times: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._times, self._rate, self._clock = times, times / seconds, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def has(self, address: str) -> bool:
        """Whether it may be done once more."""
        return self._find(group(address)) >= 1

    def use(self, address: str) -> bool:
        """Does it, and says whether it may be done."""
        name = group(address)
        left = self._find(name)
        self._left[name] = (self._clock(), max(0.0, left - 1))
        self._left.move_to_end(name)
        while len(self._left) > _MOST_ADDRESSES:
            self._left.popitem(last=False)
        return left >= 1

    def _find(self, name: str) -> float:
        at, left = self._left.get(name, (self._clock(), float(self._times)))
        return min(float(self._times), left + (self._clock() - at) * self._rate)


def group(address: str) -> str:
    """What one machine can be at once: an address, of the newer ones the 64 bits that a network gets."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
