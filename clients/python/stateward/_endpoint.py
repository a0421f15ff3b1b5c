"""What both transports are made of: where the service is, and how to speak to it."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod

from stateward import _http
from stateward._retry import Outage
from stateward.transport import TIMEOUT, Address, Request


class Endpoint(ABC):
    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """ssl_context: for an https URL only; None: the certificates that the system trusts."""
        self._address = Address.parse(url, token)
        if not isinstance(timeout, (int, float)) or not timeout > 0:
            raise ValueError(f"timeout is not a number of seconds above 0: {timeout!r}")
        self._timeout = min(timeout, _http.WAIT_MAX)
        self._ssl: ssl.SSLContext | None = None
        if self._address.secure:
            self._ssl = ssl_context or ssl.create_default_context()
        self._fixed = _http.fixed_head(self._address.host_header, self._address.headers)
        self._outage = Outage()
        self._begin()

    @abstractmethod
    def _begin(self) -> None:
        """Starts without connections."""

    def _encode(self, request: Request) -> bytes:
        return _http.encode(request, self._address.base, self._fixed)
