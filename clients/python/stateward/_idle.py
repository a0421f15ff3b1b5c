"""Connections that wait for their next request."""

from __future__ import annotations

import time
from collections import deque
from typing import Generic, Protocol, TypeVar

_LOOK = 1.0  # seconds between looks at those that nobody takes


class _Connection(Protocol):
    @property
    def usable(self) -> bool: ...

    def close(self) -> None: ...


C = TypeVar("C", bound=_Connection)


class Idle(Generic[C]):
    """The newest is taken first: the service ends those that have long been idle. Thread-safe."""

    def __init__(self) -> None:
        self.connections: deque[C] = deque()
        self._look_at = 0.0

    def take(self) -> C | None:
        while self.connections:
            try:
                connection = self.connections.pop()
            except IndexError:  # another thread took it
                break
            if connection.usable:
                return connection
            connection.close()
        return None

    def give(self, connection: C) -> None:
        self._drop_ended()
        self.connections.append(connection)

    def _drop_ended(self) -> None:
        """Those that are left over from busier times; without it they would stay half closed."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK
        while self.connections:
            try:
                oldest = self.connections.popleft()
            except IndexError:
                break
            if oldest.usable:
                self.connections.appendleft(oldest)
                break
            oldest.close()
