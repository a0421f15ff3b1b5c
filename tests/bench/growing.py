"""A thread that grows as LangGraph's does, put step by step as a client with patches would.

Each step is a checkpoint with four new values, one of them the list of all messages, and the writes of
two tasks. Messages are 380 characters of words that do not repeat themselves, packed as LangGraph packs
them (about 620 bytes).
"""

from __future__ import annotations

import http.client
import json
import pathlib
import random
import struct
import sys
import uuid
from typing import Any

import xxhash

FRAME = {"Content-Type": "application/vnd.stateward.frame"}

_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
_random = random.Random(7)
_WORDS = ["".join(_random.choice(_LETTERS) for _ in range(_random.randint(2, 10))) for _ in range(6000)]


def msgpack(value: Any) -> bytes:
    """As much of msgpack as messages need."""
    if value is None:
        return b"\xc0"
    if isinstance(value, int):
        return struct.pack(">B", value) if value < 128 else b"\xcd" + struct.pack(">H", value)
    if isinstance(value, str):
        raw = value.encode()
        head = (struct.pack("B", 0xA0 | len(raw)) if len(raw) < 32 else
                b"\xd9" + struct.pack("B", len(raw)) if len(raw) < 256 else b"\xda" + struct.pack(">H", len(raw)))
        return head + raw
    if isinstance(value, dict):
        return struct.pack("B", 0x80 | len(value)) + b"".join(msgpack(k) + msgpack(v) for k, v in value.items())
    return array(len(value)) + b"".join(map(msgpack, value))


def array(n: int) -> bytes:
    return struct.pack("B", 0x90 | n) if n < 16 else b"\xdc" + struct.pack(">H", n)


def message(i: int) -> bytes:
    r = random.Random(i)
    text = ""
    while len(text) < 380:
        text += r.choice(_WORDS) + " "
    kind = ("human", "HumanMessage") if i % 2 == 0 else ("ai", "AIMessage")
    fields = {"content": text[:380], "additional_kwargs": {}, "response_metadata": {}, "type": kind[0],
              "name": None, "id": str(uuid.UUID(int=r.getrandbits(128), version=4))}
    if kind[0] == "ai":
        fields |= {"tool_calls": [], "invalid_tool_calls": [], "usage_metadata": None}
    body = msgpack([f"langchain_core.messages.{kind[0]}", kind[1], fields, "model_validate_json"])
    return b"\xc8" + struct.pack(">H", len(body)) + b"\x05" + body


def _hash(type_: str, data: bytes) -> str:
    return xxhash.xxh3_128_hexdigest(type_.encode() + b"\0" + data)


class Thread:
    """A client of one thread."""

    def __init__(self, port: int, thread: str, patches: bool = True) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.thread, self.patches = thread, patches
        self.messages = b""
        self.last: tuple[str, bytes] | None = None  # version and bytes of the list
        self.versions: dict[str, str] = {}
        self.seen: dict[str, Any] = {"__input__": {}}
        self.parent: str | None = None
        self.n = 0
        self.sent = 0
        self.random = random.Random(thread)

    def _put(self, path: str, header: Any, *raw: bytes) -> None:
        text = json.dumps(header, separators=(",", ":")).encode()
        body = struct.pack("<I", len(text)) + text + b"".join(raw)
        self.sent += len(body)
        self._send(path, body)

    def _send(self, path: str, body: bytes) -> None:
        self.http.request("PUT", path, body=body, headers=FRAME)
        answer = self.http.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {text!r}")

    def _next(self, channel: str) -> str:
        n = int(self.versions.get(channel, "0").split(".")[0]) + 1
        self.versions[channel] = f"{n:032}.{self.random.random():016}"
        return self.versions[channel]

    def _list(self) -> tuple[dict[str, Any], list[bytes]]:
        """The value of `messages`, as a patch of the last one if there is one."""
        new = message(self.n)
        before, head = self.last, array(self.n + 1)
        self.messages += new
        whole = head + self.messages
        value: dict[str, Any] = {"channel": "messages", "version": self.versions["messages"], "type": "msgpack"}
        self.last = (self.versions["messages"], whole)
        if before is None or not self.patches:
            return value | {"len": len(whole)}, [whole]
        version, base = before
        skip = len(array(self.n))
        return value | {
            "parts": [{"len": len(head)}, {"copy": [skip, len(base) - skip]}, {"len": len(new)}],
            "base": {"version": version, "hash": _hash("msgpack", base)},
            "hash": _hash("msgpack", whole)}, [head, new]

    def step(self) -> None:
        i, bits = self.n, self.random.getrandbits
        id_ = f"1f0{i:05x}-{bits(16):04x}-6{i % 4096:03x}-8000-{bits(48):012x}"
        for channel in ("messages", "branch:to:agent", "route", "usage"):
            self._next(channel)
        self.seen = {**self.seen, "agent": dict(self.versions)}
        value, raw = self._list()
        small = {"branch:to:agent": ("null", b""), "route": ("msgpack", msgpack("agent" if i % 2 else "tools")),
                 "usage": ("msgpack", msgpack({"in": i * 13 % 30000, "out": i * 7 % 30000}))}
        header = {
            "checkpoint": {"v": 4, "id": id_, "ts": f"2026-01-01T00:{i // 60 % 60:02}:{i % 60:02}.{bits(19):06}+00:00",
                           "channel_versions": dict(self.versions), "versions_seen": self.seen,
                           "updated_channels": sorted(self.versions)},
            "metadata": {"source": "loop", "step": i, "parents": {}, "run_id": self.thread},
            "parent_checkpoint_id": self.parent,
            "values": [value] + [{"channel": c, "version": self.versions[c], "type": t, "len": len(b)}
                                 for c, (t, b) in small.items()]}
        self._put(f"/checkpoints/{self.thread}/{id_}", header, *raw, *(b for _, b in small.values()))
        self._writes(id_, "agent", [("messages", "msgpack", array(1) + message(i + 1)),
                                    ("branch:to:agent", "null", b"")])
        self._writes(id_, "tools", [("route", "msgpack", msgpack("tools")),
                                    ("usage", "msgpack", msgpack({"in": i % 30000, "out": i % 30000}))])
        self.parent = id_
        self.n += 1

    def _writes(self, checkpoint: str, node: str, writes: list[tuple[str, str, bytes]]) -> None:
        task = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        listed = [{"idx": k, "channel": c, "type": t, "len": len(b)} for k, (c, t, b) in enumerate(writes)]
        self._put(f"/writes/{self.thread}/{checkpoint}/{task}",
                  {"task_path": f"~__pregel_pull, {node}", "writes": listed}, *(b for _, _, b in writes))


class Recorded(Thread):
    """A client whose requests go to a file, as replay.c reads them."""

    def __init__(self, thread: str) -> None:
        super().__init__(0, thread)
        self.requests: list[bytes] = []

    def _send(self, path: str, body: bytes) -> None:
        head = (f"PUT {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {FRAME['Content-Type']}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        self.requests.append(struct.pack("<I", len(head) + len(body)) + head + body)

    def record(self, steps: int, path: pathlib.Path) -> None:
        self.requests = []
        for _ in range(steps):
            self.step()
        path.write_bytes(b"".join(self.requests))


def record(folder: str, threads: int, first: int, more: int) -> None:
    """Records the first steps of each thread, and those that follow."""
    for i in range(threads):
        thread = Recorded(f"replayed-{i}")
        thread.record(first, pathlib.Path(folder, f"first-{i}"))
        thread.record(more, pathlib.Path(folder, f"more-{i}"))


def main() -> None:
    """growing.py PORT STEPS...: says when it has reached each of these numbers, and waits for a line.

    growing.py record FOLDER THREADS FIRST MORE: writes requests for replay.c.
    """
    if sys.argv[1] == "record":
        record(sys.argv[2], *map(int, sys.argv[3:]))
        return
    port, marks = int(sys.argv[1]), [int(n) for n in sys.argv[2:]]
    thread = Thread(port, "growing-" + uuid.uuid4().hex)
    for mark in marks:
        while thread.n < mark:
            thread.step()
        print(mark, flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
