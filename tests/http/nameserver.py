"""A name server that can fall silent, and what makes a process ask it."""

from __future__ import annotations

import os
import pathlib
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_A = 1  # the type of a question for an address of IPv4


@dataclass
class Nameserver:
    names: dict[str, list[str]]
    """Addresses of each name; others are not known."""
    address: str
    silent: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def answer(self, question: bytes) -> bytes:
        labels, at = [], 12
        while length := question[at]:
            labels.append(question[at + 1 : at + 1 + length].decode())
            at += 1 + length
        kind, end = int.from_bytes(question[at + 1 : at + 3], "big"), at + 5
        known = self.names.get(".".join(labels))
        found = known if known and kind == _A else []
        counts = b"\0\1" + len(found).to_bytes(2, "big") + b"\0\0\0\0"
        records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(a) for a in found)
        return question[:2] + (b"\x85\x80" if known else b"\x85\x83") + counts + question[12:end] + records


@contextmanager
def nameserver(names: dict[str, list[str]]) -> Iterator[Nameserver]:
    """Needs root: it stands at port 53 of a loopback address of its own."""
    server = Nameserver(names, f"127.{random.randrange(1, 255)}.{os.getpid() >> 8 & 255}.{os.getpid() & 255}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((server.address, 53))

        def serve() -> None:
            while True:
                question, sender = sock.recvfrom(512)
                if not question:
                    return
                server.asked += 1
                if not server.silent.is_set():
                    sock.sendto(server.answer(question), sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", (server.address, 53))
            thread.join()


def asking(server: Nameserver, folder: pathlib.Path) -> tuple[str, ...]:
    """What stands before a command so that it asks this name server, for longer than any test waits."""
    conf = folder / "resolv.conf"
    conf.write_text(f"nameserver {server.address}\noptions timeout:30 attempts:5\n")
    mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", mount, str(conf))
