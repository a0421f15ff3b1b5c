"""The sync transport: a pool of http.client connections.

Threads may share it: a call takes an idle connection, or opens one, and nobody waits for anybody.
After a fork the child opens connections of its own.
"""

from __future__ import annotations

import http.client
import os
import select
import ssl
import time
from collections import deque

from stateward._retry import Attempts, NoAnswer
from stateward.errors import answer_error, connection_error
from stateward.transport import TIMEOUT, Address, Done, Exchange, Request, Response, T, step

_IDLE_MAX = 64  # connections kept open


class SyncTransport:
    """After close() it may be used again: it opens connections anew."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._address = Address.parse(url, token)
        self._timeout = timeout
        self._ssl = ssl_context
        if self._address.secure and ssl_context is None:
            self._ssl = ssl.create_default_context()
        self._idle = _Idle(os.getpid())

    def run(self, exchange: Exchange[T]) -> T:
        """Carries out a call."""
        event: Response | Exception | None = None
        while True:
            todo = step(exchange, event)
            if isinstance(todo, Done):
                return todo.result
            try:
                event = self.send(todo)
            except Exception as error:
                event = error

    def send(self, request: Request) -> Response:
        """The answer to one request, repeated as often as is right."""
        attempts = Attempts(request)
        while True:
            try:
                response = self._attempt(request)
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
            time.sleep(delay)

    def close(self) -> None:
        """Closes idle connections."""
        idle, self._idle = self._idle, _Idle(os.getpid())
        if idle.pid == os.getpid():
            for connection in idle.connections:
                connection.close()

    def _attempt(self, request: Request) -> Response:
        connection, reused = self._take()
        if not reused:
            self._connect(connection)
        whole = False
        try:
            answer = self._exchange(connection, request)
            response = Response(
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
            )
            whole = not answer.will_close
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(error, sent=True, reused=reused) from error
        finally:
            if whole:
                self._give(connection)
            else:
                connection.close()
        return response

    def _exchange(
        self, connection: http.client.HTTPConnection, request: Request
    ) -> http.client.HTTPResponse:
        headers = {**self._address.headers, **request.headers}
        try:
            connection.request(
                request.method,
                self._address.base + request.path,
                body=request.body or None,
                headers=headers,
            )
        except (BrokenPipeError, ConnectionResetError):
            # A service that refuses a body may answer and close before it has read all of it.
            if not request.body:
                raise
        return connection.getresponse()

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            final = isinstance(error, ssl.SSLError)
            raise NoAnswer(error, sent=False, final=final) from error

    def _take(self) -> tuple[http.client.HTTPConnection, bool]:
        if self._idle.pid != os.getpid():
            self._idle = _Idle(os.getpid())
        connections = self._idle.connections
        while connections:
            try:
                connection = connections.pop()
            except IndexError:  # another thread took it
                break
            if _usable(connection):
                return connection, True
            connection.close()
        address = self._address
        if address.secure:
            return http.client.HTTPSConnection(
                address.host, address.port, timeout=self._timeout, context=self._ssl
            ), False
        return http.client.HTTPConnection(address.host, address.port, timeout=self._timeout), False

    def _give(self, connection: http.client.HTTPConnection) -> None:
        idle = self._idle
        if idle.pid == os.getpid() and len(idle.connections) < _IDLE_MAX:
            idle.connections.append(connection)
        else:
            connection.close()


class _Idle:
    """Idle connections, and the process that opened them."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.connections: deque[http.client.HTTPConnection] = deque()


def _usable(connection: http.client.HTTPConnection) -> bool:
    """Whether nothing is to be read: an idle connection is readable once it was closed."""
    if connection.sock is None:
        return False
    if not hasattr(select, "poll"):
        return not select.select([connection.sock], [], [], 0)[0]
    poller = select.poll()
    poller.register(connection.sock, select.POLLIN)
    return not poller.poll(0)
