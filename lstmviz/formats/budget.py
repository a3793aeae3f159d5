"""How much the layers of one file may come to: many of them can share the same weights, each with arrays of its own."""

from __future__ import annotations

from collections.abc import Iterable

from lstmviz.formats.found import Layer
from lstmviz.language import _

MOST_LAYERS = 1_000
_FREE_BYTES = 64 * 2**20  # that the layers of a small file may come to


class Budget:
    """What has been read of one file.

    Args:
        allowed: What everything may come to, in bytes.

    Attributes:
        is_spent: Whether layers were refused already: what follows need not be made.
    """

    def __init__(self, allowed: int) -> None:
        self._allowed, self._bytes = allowed, 0
        self.is_spent = False

    def charge(self, layers: Iterable[Layer], stored: int) -> None:
        """Counts layers, of a file of so many bytes.

        Raises:
            ValueError: they would come to more than is read.
        """
        size = sum(array.nbytes for layer in layers for array in layer.arrays.values())
        allowed = min(self._allowed, _FREE_BYTES + 4 * stored)
        if self._bytes + size > allowed:
            self.is_spent = True
            raise ValueError(
                _(
                    "with the layers before it, it comes to {given:,.0f} MB; at most {allowed:,.0f} MB are read"
                ).format(given=(self._bytes + size) / 2**20, allowed=allowed / 2**20)
            )
        self._bytes += size


def say_beyond() -> str:
    """Why operators behind so many layers are left out."""
    return _(
        "of one file, at most {most:,} layers are read, of no more bytes than a multiple of its own"
    ).format(most=MOST_LAYERS)
