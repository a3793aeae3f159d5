"""Who is served when: work for many clients, none of whom can keep the others waiting for long.

A client is told apart by its address and by a cookie of its browser. The address alone would take a room behind one NAT, or the
whole world behind a proxy, for one client; the cookie alone would let one machine be as many as it makes up. So addresses
take turns, and the browsers of an address take turns within it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

_Made = TypeVar("_Made")


class Client(NamedTuple):
    """Whose work it is: a browser at an address."""

    address: str
    browser: str


class NotDone(Exception):
    """The work was not begun: its client is gone, or asked for so much else since."""


@dataclass(eq=False)
class _Ticket:
    client: Client
    work: Callable[[], Any]
    is_gone: Callable[[], Awaitable[bool]]
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def refuse(self) -> None:
        if not self.done.done():
            self.done.set_exception(NotDone())


class Lane:
    """Threads that work through what clients ask for, in turns.

    Everything but the work itself happens on the event loop.

    Args:
        name: What the threads are called.
        threads: How much is worked on at once.
        each_running: How much of it may be one client's.
        each_waiting: How much else of one client may wait; the newest of it is kept.
        address_waiting: The same for all clients at one address.
    """

    def __init__(
        self, name: str, *, threads: int, each_running: int, each_waiting: int, address_waiting: int
    ) -> None:
        self.name = name
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._threads = threads
        self._each_running = each_running
        self._each_waiting = each_waiting
        self._address_waiting = address_waiting
        self._waiting: OrderedDict[str, OrderedDict[str, deque[_Ticket]]] = OrderedDict()
        self._running: Counter[Client] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(
        self, client: Client, work: Callable[[], _Made], is_gone: Callable[[], Awaitable[bool]]
    ) -> _Made:
        """What `work` returns, once it is the client's turn.

        Raises:
            NotDone: the work was not begun.
        """
        ticket = _Ticket(client, work, is_gone)
        self._put(ticket)
        self._start()
        made: _Made = await ticket.done
        return made

    @property
    def waiting(self) -> int:
        """How much has not been begun."""
        return sum(len(queue) for browsers in self._waiting.values() for queue in browsers.values())

    @property
    def running(self) -> int:
        """How much is being worked on."""
        return self._running.total()

    def _put(self, ticket: _Ticket) -> None:
        browsers = self._waiting.setdefault(ticket.client.address, OrderedDict())
        queue = browsers.setdefault(ticket.client.browser, deque())
        queue.append(ticket)
        if len(queue) > self._each_waiting:
            queue.popleft().refuse()
        elif sum(map(len, browsers.values())) > self._address_waiting:
            longest = max(browsers, key=lambda browser: len(browsers[browser]))
            browsers[longest].popleft().refuse()
            self._forget(Client(ticket.client.address, longest))

    def _start(self) -> None:
        while self._running.total() < self._threads and (ticket := self._next()):
            self._running[ticket.client] += 1
            task = asyncio.get_running_loop().create_task(self._work(ticket))
            self._tasks.add(task)  # the loop itself would let it go
            task.add_done_callback(self._tasks.discard)

    def _next(self) -> _Ticket | None:
        """The oldest work of the browser whose turn it is; it and its address go to the end of their lines."""
        for address, browsers in self._waiting.items():
            for browser, queue in browsers.items():
                client = Client(address, browser)
                if self._running[client] < self._each_running:
                    ticket = queue.popleft()
                    browsers.move_to_end(browser)
                    self._waiting.move_to_end(address)
                    self._forget(client)
                    return ticket
        return None

    def _forget(self, client: Client) -> None:
        """Keeps no line in which nobody waits."""
        browsers = self._waiting[client.address]
        if not browsers[client.browser]:
            del browsers[client.browser]
        if not browsers:
            del self._waiting[client.address]

    async def _work(self, ticket: _Ticket) -> None:
        try:
            if ticket.done.done() or await ticket.is_gone():
                ticket.refuse()
                return
            made = await asyncio.get_running_loop().run_in_executor(self._pool, ticket.work)
            if not ticket.done.done():
                ticket.done.set_result(made)
        except Exception as error:
            if not ticket.done.done():
                ticket.done.set_exception(error)
        finally:
            self._running[ticket.client] -= 1
            if not self._running[ticket.client]:
                del self._running[ticket.client]
            self._start()
