"""The async transport: one aiohttp session for each event loop that uses it."""

from __future__ import annotations

import asyncio
import io
import os
import ssl

import aiohttp
from yarl import URL

from stateward._retry import Attempts, NoAnswer
from stateward.errors import answer_error, connection_error
from stateward.transport import TIMEOUT, Address, Done, Exchange, Request, Response, T, step

_LARGE = 1 << 20  # bytes; aiohttp wants larger bodies as files


class AsyncTransport:
    """After aclose() it may be used again: it opens connections anew."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._address = Address.parse(url, token)
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout)
        self._ssl: ssl.SSLContext | bool = True if ssl_context is None else ssl_context
        # By process and loop. Those of a parent process stay untouched: closing them would take
        # its sockets out of the epoll set that both share.
        self._sessions: dict[tuple[int, asyncio.AbstractEventLoop], aiohttp.ClientSession] = {}

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
                    raise connection_error(failure.cause) from failure.cause
            else:
                if response.status < 400 or response.status in request.expected:
                    return response
                delay = attempts.after_answer(response)
                if delay is None:
                    raise answer_error(request, response)
            await asyncio.sleep(delay)

    async def aclose(self) -> None:
        """Closes the connections of the running loop, and those of loops that are closed."""
        session = self._sessions.pop((os.getpid(), asyncio.get_running_loop()), None)
        if session is not None:
            await session.close()
        await self._close_left()

    async def _attempt(self, request: Request) -> Response:
        body: bytes | io.BytesIO | None = request.body or None
        if len(request.body) > _LARGE:
            body = io.BytesIO(request.body)
        try:
            async with (await self._session()).request(
                request.method,
                URL(self._address.url + request.path, encoded=True),
                data=body,
                headers={**self._address.headers, **request.headers},
                allow_redirects=False,
                ssl=self._ssl,
            ) as answer:
                return Response(
                    answer.status,
                    {name.lower(): value for name, value in answer.headers.items()},
                    await answer.read(),
                )
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            sent = not isinstance(
                error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
            )
            final = isinstance(error, aiohttp.ClientSSLError)
            # aiohttp does not say whether a connection had served before. Most that end without
            # an answer had.
            reused = isinstance(error, aiohttp.ServerDisconnectedError)
            raise NoAnswer(error, sent=sent, reused=reused, final=final) from error

    async def _session(self) -> aiohttp.ClientSession:
        key = (os.getpid(), asyncio.get_running_loop())
        session = self._sessions.get(key)
        if session is None or session.closed:
            session = self._sessions[key] = aiohttp.ClientSession(
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Content-Type",),
            )
            await self._close_left()
        return session

    async def _close_left(self) -> None:
        """Closes the sessions of loops that ended without aclose()."""
        for key in list(self._sessions):
            pid, loop = key
            if pid == os.getpid() and loop.is_closed():
                session = self._sessions.pop(key, None)  # None: another thread was first
                if session is not None:
                    await session.close()
