"""Requests as a browser makes them: over connections that stay open until the server closes them."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable

import h11

_CHUNK = 1 << 16


class Cookies(dict[str, str]):
    """A browser's cookies for one server, by name."""

    def take(self, lines: Iterable[str]) -> None:
        """Keeps what an answer's `Set-Cookie` lines say."""
        for line in lines:
            name, _is, value = line.split(";", 1)[0].partition("=")
            self[name.strip()] = value.strip()

    @property
    def line(self) -> str:
        """As a request sends them."""
        return "; ".join(f"{name}={value}" for name, value in self.items())


class Connections:
    """A viewer's connections to one server; as many at once as a browser has."""

    MOST = 6

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies = Cookies()
        self._free: list[_Connection] = []
        self._turn = asyncio.Semaphore(self.MOST)

    async def get(self, target: str) -> tuple[int, bytes, int]:
        """The status, the body, and the bytes of the whole answer as it came."""
        async with self._turn:
            connection = self._free.pop() if self._free else await _Connection.open(self.port)
            try:
                found = await connection.get(target, self.cookies)
            except (h11.RemoteProtocolError, ConnectionError):  # the server had closed it
                connection.close()
                connection = await _Connection.open(self.port)
                found = await connection.get(target, self.cookies)
            if connection.is_reusable():
                self._free.append(connection)
            else:
                connection.close()
            return found

    def close(self) -> None:
        for connection in self._free:
            connection.close()
        self._free.clear()


class _Connection:
    def __init__(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.host = f"localhost:{port}".encode()
        self.reader, self.writer = reader, writer
        self.state = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, port: int) -> _Connection:
        return cls(port, *await asyncio.open_connection("127.0.0.1", port))

    async def get(self, target: str, cookies: Cookies) -> tuple[int, bytes, int]:
        headers = [(b"host", self.host), (b"accept-encoding", b"gzip, deflate"), (b"accept", b"*/*")]
        headers += [(b"cookie", cookies.line.encode())] if cookies else []
        request = h11.Request(method=b"GET", target=target.encode(), headers=headers)
        self.writer.write((self.state.send(request) or b"") + (self.state.send(h11.EndOfMessage()) or b""))
        status, body, received, is_packed = 0, [], 0, False
        while True:
            event = self.state.next_event()
            if event is h11.NEED_DATA:
                data = await self.reader.read(_CHUNK)
                received += len(data)
                self.state.receive_data(data)
            elif isinstance(event, h11.Response):
                status = event.status_code
                is_packed = dict(event.headers).get(b"content-encoding") == b"gzip"
                cookies.take(value.decode() for name, value in event.headers if name == b"set-cookie")
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                whole = b"".join(body)
                return status, gzip.decompress(whole) if is_packed else whole, received

    def is_reusable(self) -> bool:
        if self.state.our_state is not h11.DONE or self.state.their_state is not h11.DONE:
            return False
        self.state.start_next_cycle()
        return True

    def close(self) -> None:
        self.writer.close()
