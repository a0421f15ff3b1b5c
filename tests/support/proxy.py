"""A TCP proxy whose traffic can be stalled, or cut, in the middle of anything."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator


class Proxy:
    """From a free port to that of a server. Stalled: bytes stay where they are, and no connection ends.
    Swallowing: bytes of the connections that are open then are lost."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.flowing = threading.Event()
        self.flowing.set()
        self.instead = b""
        self.swallowed = 0  # how often
        self.closing = threading.Event()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def stall(self) -> None:
        self.flowing.clear()

    def flow(self) -> None:
        self.flowing.set()

    def swallow(self) -> None:
        self.swallowed += 1

    def answer(self, instead: bytes) -> None:
        """From now on the client gets this instead of the server's first answer, and then the end."""
        self.instead = instead

    def close(self) -> None:
        self.closing.set()
        self.flowing.set()
        self.listener.close()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        self.flowing.wait()
        began = self.swallowed
        with client, contextlib.suppress(OSError), \
                socket.create_connection(("127.0.0.1", self.target)) as server, selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while not self.closing.is_set():
                for key, _ in ready.select(0.2):
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    self.flowing.wait()
                    if self.instead and key.data is client:
                        client.sendall(self.instead)
                        return
                    if not data:
                        return
                    if began == self.swallowed:
                        key.data.sendall(data)


@contextlib.contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    p = Proxy(port)
    try:
        yield p
    finally:
        p.close()
