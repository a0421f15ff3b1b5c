"""The sync transport: a pool of connections.

Threads may share it: a call takes an idle connection, or opens one, and nobody waits for anybody.
After a fork the child opens connections of its own.
"""

from __future__ import annotations

import os
import socket
import time

from stateward._endpoint import Endpoint
from stateward._http import BadAnswer, Connection
from stateward._idle import Idle
from stateward._retry import Attempts, NoAnswer
from stateward.transport import Done, Exchange, Request, Response, T, step

_IDLE_MAX = 64  # connections kept open


class SyncTransport(Endpoint):
    """After close() it may be used again: it opens connections anew."""

    def _begin(self) -> None:
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
        attempts = Attempts(request, self._outage)
        while True:
            try:
                outcome = attempts.after(self._attempt(request), self._address.url)
            except NoAnswer as failure:
                outcome = attempts.after(failure, self._address.url)
            if isinstance(outcome, Response):
                return outcome
            time.sleep(outcome)

    def close(self) -> None:
        """Closes idle connections."""
        idle, self._idle = self._idle, _Idle(os.getpid())
        for connection in idle.connections:
            connection.close()

    def _attempt(self, request: Request) -> Response:
        data = self._encode(request)
        idle = self._here()
        connection = idle.take()
        reused = connection is not None
        if connection is None:
            connection = self._connect()
        whole = False
        try:
            response = connection.exchange(data, request.method)
            whole = connection.reusable
        except (OSError, BadAnswer) as error:
            raise NoAnswer(error, sent=True, reused=reused) from error
        finally:
            if whole and idle is self._idle:  # else close() was called meanwhile
                idle.give(connection)
            else:
                connection.close()
        return response

    def _connect(self) -> Connection:
        address = self._address
        try:
            sock = socket.create_connection((address.host, address.port), self._timeout)
        except OSError as error:
            raise NoAnswer(error, sent=False) from error
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._ssl is not None:
                sock = self._ssl.wrap_socket(sock, server_hostname=address.host)
        except OSError as error:
            sock.close()
            raise NoAnswer(error, sent=False) from error
        self._outage.end()
        return Connection(sock, self._timeout)

    def _here(self) -> _Idle:
        """The idle connections of this process."""
        if self._idle.pid != os.getpid():
            self.close()  # the parent process has its own descriptors, and notices nothing
        return self._idle


class _Idle(Idle[Connection]):
    """And the process that opened them."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.pid = pid

    def give(self, connection: Connection) -> None:
        if self.pid == os.getpid() and len(self.connections) < _IDLE_MAX:
            super().give(connection)
        else:
            connection.close()
