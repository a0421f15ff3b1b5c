"""The async transport: a pool of connections for each event loop that uses it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from typing import Any, cast

from stateward import _http
from stateward._endpoint import Endpoint
from stateward._http import Answers, BadAnswer
from stateward._idle import Idle
from stateward._retry import Attempts, NoAnswer
from stateward.transport import Done, Exchange, Request, Response, T, step

_OPEN_MAX = 100  # connections of a loop; further requests wait
_GOODBYE = 1.0  # seconds for a connection to end in an orderly way
_BUFFER = 1 << 18  # bytes that may lie received and unread
_PUNCTUAL = 0.05  # seconds that a timer may be late in a loop that nothing blocks
_EXCUSES = 3  # periods of silence in a row that do not count, as the loop was blocked at their end


class AsyncTransport(Endpoint):
    """After aclose() it may be used again: it opens connections anew."""

    def _begin(self) -> None:
        # By process and loop. Those of a parent process stay untouched: closing them would take
        # its sockets out of the epoll set that both share.
        self._pools: dict[tuple[int, asyncio.AbstractEventLoop], _Pool] = {}

    async def run(self, exchange: Exchange[T]) -> T:
        """Carries out a call."""
        event: Response | Exception | None = None
        while True:
            todo = step(exchange, event)
            if isinstance(todo, Done):
                return todo.result
            try:
                event = await self.send(todo)
            except Exception as error:
                event = error

    async def send(self, request: Request) -> Response:
        """The answer to one request, repeated as often as is right."""
        attempts = Attempts(request, self._outage)
        while True:
            try:
                outcome = attempts.after(await self._attempt(request), self._address.url)
            except NoAnswer as failure:
                outcome = attempts.after(failure, self._address.url)
            if isinstance(outcome, Response):
                return outcome
            await asyncio.sleep(outcome)

    async def aclose(self) -> None:
        """Closes the idle connections of the running loop."""
        pool = self._pools.pop((os.getpid(), asyncio.get_running_loop()), None)
        if pool is not None:
            await pool.aclose()
        self._drop_left()

    async def _attempt(self, request: Request) -> Response:
        data = self._encode(request)
        pool = await self._pool()
        async with pool.limit:
            connection = pool.idle.take()
            reused = connection is not None
            if connection is None:
                connection = await self._connect()
            whole = False
            try:
                response = await connection.exchange(data, request.method, self._timeout)
                whole = connection.reusable and not pool.closed
            except (OSError, BadAnswer) as error:
                raise NoAnswer(error, sent=True, reused=reused) from error
            finally:
                if whole:
                    pool.idle.give(connection)
                else:
                    connection.close()
        return response

    async def _connect(self) -> _Connection:
        excuses = _EXCUSES
        while True:
            due = asyncio.get_running_loop().time() + self._timeout
            try:
                return await asyncio.wait_for(self._open(), self._timeout)
            except asyncio.TimeoutError as error:
                if not excuses or not _was_blocked(due):
                    raise NoAnswer(TimeoutError("timed out"), sent=False) from error
                excuses -= 1
            except OSError as error:
                raise NoAnswer(error, sent=False) from error

    async def _open(self) -> _Connection:
        loop = asyncio.get_running_loop()
        reader = _Reader(limit=_BUFFER, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.create_connection(
            lambda: protocol, self._address.host, self._address.port, ssl=self._ssl
        )
        self._outage.end()
        return _Connection(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    async def _pool(self) -> _Pool:
        key = (os.getpid(), asyncio.get_running_loop())
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = _Pool()
            await pool.end_with_loop()
            self._drop_left()
        return pool

    def _drop_left(self) -> None:
        """Forgets the connections of loops that ended."""
        for key in list(self._pools):
            pid, loop = key
            if pid == os.getpid() and loop.is_closed():
                self._pools.pop(key, None)  # None: another thread was first


class _Pool:
    """The connections of one loop."""

    def __init__(self) -> None:
        self.limit = asyncio.Semaphore(_OPEN_MAX)
        self.idle: Idle[_Connection] = Idle()
        self.closed = False
        self._pid = os.getpid()
        self._end = self._until_the_end()

    async def end_with_loop(self) -> None:
        """Those that are idle when the loop ends are closed then."""
        # asyncio.run() and its like close no connections at the end, but asynchronous generators.
        await anext(self._end)

    async def _until_the_end(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if self._pid == os.getpid():
                self.closed = True
                idle = self.idle.connections
                await asyncio.gather(*(connection.aclose() for connection in idle))
                idle.clear()

    async def aclose(self) -> None:
        await self._end.aclose()


class _Connection:
    """One request at a time; after an exception only close() is left."""

    def __init__(self, reader: _Reader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._taken = 0  # bytes of those received
        self._writer = writer
        self._answers = Answers()
        self._receivable = _http.waiter(writer.get_extra_info("socket").fileno())

    @property
    def usable(self) -> bool:
        """Whether it is idle still; the loop may not have noticed yet that it is not."""
        if self._reader.at_eof() or self._writer.is_closing() or self._unread:
            return False
        return not self._receivable(0)

    @property
    def reusable(self) -> bool:
        return self._answers.reusable

    @property
    def _unread(self) -> bool:
        return self._reader.received > self._taken

    async def exchange(self, data: bytes, method: str, timeout: float) -> Response:
        """Sends an encoded request and reads the answer."""
        # Nobody waits until all is sent: a service that refuses a body answers before that.
        self._writer.write(data)
        silence = _Silence(self._writer.transport, timeout)
        try:
            reading = self._answers.read(method)
            wanted = next(reading)
            while True:
                part = await self._reader.read(wanted)
                self._taken += len(part)
                silence.broken()
                wanted = reading.send(part)
        except StopIteration as end:
            if self._unsent:
                self._answers.last = True
            return cast(Response, end.value)
        except (OSError, BadAnswer):
            if silence.was_too_long:
                raise TimeoutError("timed out") from None
            raise
        finally:
            silence.stop()

    @property
    def _unsent(self) -> bool:
        return bool(self._writer.transport.get_write_buffer_size())

    def close(self) -> None:
        # Nobody waits for the rest of a body that was refused, or of a call that was cancelled.
        if self._unsent:
            self._writer.transport.abort()
        else:
            self._writer.close()

    async def aclose(self) -> None:
        self._writer.close()
        closing = asyncio.ensure_future(self._closed())
        await asyncio.wait([closing], timeout=_GOODBYE)
        self._writer.transport.abort()  # with TLS a peer that hangs would be waited for
        await closing

    async def _closed(self) -> None:
        with contextlib.suppress(OSError):  # it is closed all the same
            await self._writer.wait_closed()


class _Reader(asyncio.StreamReader):
    """Counts what it receives, since it does not say whether there is more than was read."""

    received = 0

    def feed_data(self, data: Any) -> None:
        self.received += len(data)
        super().feed_data(data)


def _was_blocked(due: float) -> bool:
    """Whether the loop was, when a timer was due: then what came meanwhile is not yet read."""
    return asyncio.get_running_loop().time() > due + _PUNCTUAL


class _Silence:
    """Ends a connection on which no byte has moved for too long. Cheaper than a task that waits."""

    def __init__(self, transport: asyncio.WriteTransport, timeout: float) -> None:
        self.was_too_long = False
        self._transport = transport
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._unsent = transport.get_write_buffer_size()
        self.broken()
        self._look_later()

    def broken(self) -> None:
        self._since = self._loop.time()
        self._excuses = _EXCUSES

    def stop(self) -> None:
        self._timer.cancel()

    def _look_later(self) -> None:
        # That bytes were sent is seen only by looking.
        self._due = self._since + self._timeout
        if self._unsent:
            self._due = min(self._due, self._loop.time() + self._timeout / 4)
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._unsent = unsent
            self.broken()
        if self._loop.time() < self._since + self._timeout:
            self._look_later()
        elif self._excuses and _was_blocked(self._due):
            self._excuses -= 1
            self._since = self._loop.time()
            self._look_later()
        else:
            self.was_too_long = True
            self._transport.abort()
