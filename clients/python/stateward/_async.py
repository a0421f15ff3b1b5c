"""The async transport: a pool of connections for each event loop that uses it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections import deque
from collections.abc import AsyncGenerator
from typing import cast

from stateward import _http
from stateward._endpoint import Endpoint
from stateward._http import Answers, BadAnswer
from stateward._refusals import answer_error, connection_error
from stateward._retry import Attempts, NoAnswer
from stateward.transport import Done, Exchange, Request, Response, T, step

_OPEN_MAX = 100  # connections of a loop; further requests wait
_GOODBYE = 1.0  # seconds for a connection to end in an orderly way
_BUFFER = 1 << 18  # bytes that may lie received and unread


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
        attempts = Attempts(request)
        while True:
            try:
                response = await self._attempt(request)
            except NoAnswer as failure:
                delay = attempts.after_failure(failure)
                if delay is None:
                    error = connection_error(str(failure), self._address.url, attempts.in_doubt)
                    raise error from failure.cause
            else:
                if request.is_answered_by(response):
                    return response
                delay = attempts.after_answer(response)
                if delay is None:
                    raise answer_error(request, response, attempts.in_doubt)
            await asyncio.sleep(delay)

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
            connection = pool.take()
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
                    pool.idle.append(connection)
                else:
                    connection.close()
        return response

    async def _connect(self) -> _Connection:
        address = self._address
        opening = asyncio.open_connection(address.host, address.port, limit=_BUFFER, ssl=self._ssl)
        try:
            return _Connection(*await asyncio.wait_for(opening, self._timeout))
        except asyncio.TimeoutError as error:
            raise NoAnswer(TimeoutError("timed out"), sent=False) from error
        except OSError as error:
            final = isinstance(error, ssl.SSLError)
            raise NoAnswer(error, sent=False, final=final) from error

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
        self.idle: deque[_Connection] = deque()
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
                await asyncio.gather(*(connection.aclose() for connection in self.idle))
                self.idle.clear()

    async def aclose(self) -> None:
        await self._end.aclose()

    def take(self) -> _Connection | None:
        while self.idle:
            connection = self.idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return None


class _Connection:
    """One request at a time; after an exception only close() is left."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._answers = Answers()
        self._receivable = _http.waiter(writer.get_extra_info("socket").fileno())

    @property
    def usable(self) -> bool:
        """Whether it has not been closed meanwhile; the loop may not have noticed yet."""
        if self._reader.at_eof() or self._writer.is_closing():
            return False
        return not self._receivable(0)

    @property
    def reusable(self) -> bool:
        return self._answers.reusable

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
                silence.broken()
                wanted = reading.send(part)
        except StopIteration as end:
            if self._unsent:
                self._answers.reusable = False
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


class _Silence:
    """Ends a connection on which no byte has moved for too long. Cheaper than a task that waits."""

    def __init__(self, transport: asyncio.WriteTransport, timeout: float) -> None:
        self.was_too_long = False
        self._transport = transport
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._unsent = transport.get_write_buffer_size()
        self._timer = self._loop.call_at(self._next_look(), self._look)

    def broken(self) -> None:
        self._since = self._loop.time()

    def stop(self) -> None:
        self._timer.cancel()

    def _next_look(self) -> float:
        # That bytes were sent is seen only by looking.
        end = self._since + self._timeout
        return min(end, self._loop.time() + self._timeout / 4) if self._unsent else end

    def _look(self) -> None:
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._unsent = unsent
            self.broken()
        if self._loop.time() < self._since + self._timeout:
            self._timer = self._loop.call_at(self._next_look(), self._look)
        else:
            self.was_too_long = True
            self._transport.abort()
