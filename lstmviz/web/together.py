"""What many ask for at one moment: it is made once, and given to all of them."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

from starlette.responses import Response

_SECONDS = 3.0  # for which an answer is kept
_MOST_ANSWERS = 32
_MOST_BYTES = 2**20  # of an answer that is kept


class Together:
    """Answers to requests, on the event loop."""

    def __init__(self) -> None:
        self._made: OrderedDict[Hashable, tuple[float, Response]] = OrderedDict()
        self._making: dict[Hashable, asyncio.Event] = {}

    async def answer(self, key: Hashable, make: Callable[[], Awaitable[Response]]) -> Response:
        """The answer to what is asked for, made by the first who asks; whoever comes meanwhile waits for that.

        Where the first one hangs up, or there is no such answer, each asks for themselves.
        """
        if making := self._making.get(key):
            await making.wait()
        if found := self._find(key):
            return found
        if key in self._making:
            return await make()
        done = self._making[key] = asyncio.Event()
        try:
            made = await make()
            if made.status_code == 200 and len(made.body) <= _MOST_BYTES:
                self._keep(key, made)
            return made
        finally:
            del self._making[key]
            done.set()

    def _find(self, key: Hashable) -> Response | None:
        at, found = self._made.get(key, (0.0, None))
        return found if found and time.monotonic() - at < _SECONDS else None

    def _keep(self, key: Hashable, made: Response) -> None:
        self._made[key] = (time.monotonic(), made)
        self._made.move_to_end(key)
        while len(self._made) > _MOST_ANSWERS:
            self._made.popitem(last=False)
