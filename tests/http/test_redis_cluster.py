"""All that the driver sends is sent to a real cluster of three masters: nothing touches two slots."""

from __future__ import annotations

import binascii
import collections
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import stores
from conftest import BINARY, ROOT, Server
from patching import BASE, patch, put, value

SLOTS = 16384
WITHOUT_KEY = {"PING", "CONFIG", "SCRIPT", "MONITOR", "AUTH", "SELECT", "INFO"}
ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "a": b"\a", "b": b"\b", '"': b'"', "\\": b"\\"}
# A command and the kind of its first key, which follows the prefix and the bucket.
SHAPE = re.compile(r'"(\w+)"(?: "[0-9a-f]{40}" "\d+")?(?: "\w+:(?:\{\d+\})?([a-z-]+))?')
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
ESCAPED = re.compile(r"\\x(..)|\\(.)")


def word(quoted: str) -> bytes:
    """The bytes of a word that MONITOR has quoted."""
    out, at = b"", 0
    for found in ESCAPED.finditer(quoted):
        out += quoted[at:found.start()].encode("latin-1")
        out += bytes.fromhex(found[1]) if found[1] else ESCAPES[found[2]]
        at = found.end()
    return out + quoted[at:].encode("latin-1")


def commands(monitored: bytes) -> Iterator[list[bytes]]:
    """What clients have sent, without what scripts have called. Of many alike, every fiftieth."""
    alike: collections.Counter[tuple[str, ...]] = collections.Counter()
    for line in monitored.decode("latin-1").split("\r\n"):
        head, _, rest = line.partition("] ")
        shape = SHAPE.match(rest)
        if not shape or head.endswith(" lua"):
            continue
        alike[shape.groups()] += 1
        if alike[shape.groups()] < 1000 or alike[shape.groups()] % 50 == 0:
            yield [word(quoted) for quoted in WORD.findall(rest)]


class Recorder(threading.Thread):
    """Keeps what a Redis is sent until it is quiet, or gone."""

    def __init__(self, redis: stores.Redis) -> None:
        super().__init__()
        self.monitor, self.heard, self.ending = redis.connect(), bytearray(), threading.Event()
        redis.ask(self.monitor, "MONITOR")
        self.monitor.settimeout(0.3)

    def run(self) -> None:
        quiet = False
        while not (quiet and self.ending.is_set()):
            try:
                part = self.monitor.recv(1 << 20)
            except TimeoutError:
                quiet = True
                continue
            if not part:
                break
            self.heard += part
            quiet = False
        self.monitor.close()


def drive(server: Server) -> None:
    """Calls each operation that a route has."""
    def good(method: str, path: str, body: Any = None) -> None:
        answer = server.call(method, path, body)
        assert answer.status < 300, (method, path, answer.body)

    for i in range(40):
        session, thread = f"s{i}", f"t{i}"
        good("PUT", f"/sessions/{session}?with_context=true", {"user_id": f"u{i % 3}", "metadata": {"a": i}})
        good("PATCH", f"/sessions/{session}", {"increment_requests": True, "updates": {"user_id": "v"}})
        good("PUT", f"/sessions/{session}/context", {"context": [i]})
        good("GET", f"/sessions/{session}/context")
        good("GET", f"/sessions/{session}/context/versions")
        for content in range(3):
            good("POST", f"/conversations/{session}/messages", {"role": "u", "content": content})
        good("POST", f"/conversations/{session}/messages", {"messages": [{"role": "u", "content": 1, "id": "m"}]})
        good("GET", f"/conversations/{session}/messages?limit=2")
        good("DELETE", f"/conversations/{session}/messages?keep_last=1")
        for checkpoint in range(3):
            good("PUT", f"/checkpoints/{thread}/{checkpoint}", {"checkpoint_data": i, "metadata": {"run_id": thread}})
            good("PUT", f"/writes/{thread}/{checkpoint}/task", {"writes": [{"channel": "x", "value": i}]})
            good("GET", f"/writes/{thread}/{checkpoint}")
        good("GET", f"/threads/{thread}/latest")
        good("GET", f"/checkpoints?thread_id={thread}&limit=2")
        good("POST", f"/threads/{thread}/copy", {"to": f"copy of {thread}"})
        good("GET", f"/threads/{thread}")
        good("POST", "/maintenance/prune", {"thread_ids": [thread], "strategy": "keep_latest"})
        assert put(server, f"lg{i}", "1", [value("1", BASE)], BASE).status == 201
        assert put(server, f"lg{i}", "2", [patch("2", [{"copy": [0, 9]}], BASE[:9])]).status == 201
    for path in ("/sessions?limit=7", "/sessions?user_id=u1", "/threads?limit=7", "/stats?fresh=true"):
        good("GET", path)
    good("POST", "/maintenance/delete-runs", {"run_ids": ["t0", "t1"]})
    for i in range(5):
        good("POST", f"/sessions/s{i}/end")
        good("GET", f"/sessions/s{i}")
        good("DELETE", f"/sessions/s{i}?threads=true")
        good("DELETE", f"/threads/t{i}")
    good("POST", "/maintenance/cleanup", {"max_idle_hours": 0})


def recorded(redis: stores.Redis, server: Server) -> bytes:
    """Runs every op, by routes and by the parts of the contract about whole records and pairs, and records it."""
    recorder = Recorder(redis)
    recorder.start()
    server.start()
    drive(server)
    done = set(re.findall(r'^stateward_operations_total\{operation="(\w+)"\} ',
                          server.get("/metrics").body.decode(), re.M))
    known = set(re.findall(r"X\([A-Z_]+, (\w+), ", (ROOT / "src" / "op.h").read_text()))
    assert known - done == {"merge", "read_range", "probe", "tenant_list", "tenant_forget", "describe",
                            "records_get", "pair_read", "pair_change"}
    server.stop()
    for case in ("records", "random", "expiry", "pair"):
        subprocess.run([BINARY.parent / "tests" / "contract_redis"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "STATEWARD_TEST_REDIS": redis.url(), "CK_RUN_SUITE": "redis",
                            "CK_RUN_CASE": case, "CK_TIMEOUT_MULTIPLIER": "10"})
    recorder.ending.set()
    recorder.join()
    return bytes(recorder.heard)


def slot(key: bytes) -> int:
    tag = re.search(rb"\{([^}]+)\}", key)
    return binascii.crc_hqx(tag[1] if tag else key, 0) % SLOTS


def key_of(command: list[bytes]) -> bytes:
    return command[3] if command[0].upper() in (b"EVALSHA", b"EVAL") else command[1]


class Cluster:
    """A client that knows where each slot lies, and follows no redirection."""

    def __init__(self, masters: list[stores.Redis]) -> None:
        self.files: dict[int, Any] = {}
        self.sockets: dict[int, socket.socket] = {}
        self.first: list[tuple[int, int]] = []
        for master in masters:
            self.sockets[master.port] = s = master.connect()
            s.settimeout(30)
            self.files[master.port] = s.makefile("rb")
        nodes = self.ask(masters[0].port, [b"CLUSTER", b"NODES"]).decode()
        for line in nodes.splitlines():
            _, address, _, _, _, _, _, _, *ranges = line.split()
            port = int(address.partition("@")[0].rpartition(":")[2])
            for range_ in ranges:
                start, _, end = range_.partition("-")
                self.first.append((int(end or start), port))
        self.first.sort()

    def ask(self, port: int, command: list[bytes]) -> bytes:
        self.sockets[port].sendall(b"*%d\r\n" % len(command) + b"".join(
            b"$%d\r\n%s\r\n" % (len(w), w) for w in command))
        return self.read(port)

    def read(self, port: int) -> bytes:
        """Reads an answer. Returns its first line, or its text; the rest is skipped."""
        line = self.files[port].readline()
        if line[:1] == b"$" and int(line[1:]) >= 0:
            return bytes(self.files[port].read(int(line[1:]) + 2)[:-2])
        if line[:1] == b"*":
            for _ in range(int(line[1:])):
                self.read(port)
        return bytes(line)

    def owner(self, key: bytes) -> int:
        return next(port for last, port in self.first if slot(key) <= last)

    def close(self) -> None:
        for port, s in self.sockets.items():
            self.files[port].close()
            s.close()


def test_no_command_leaves_its_slot(own: Any) -> None:
    with stores.quick_redis() as alone:
        sent = list(commands(recorded(alone, own(primary=alone.url(), start=False))))
    names = {command[0].decode().upper() for command in sent}
    assert {"EVAL", "EVALSHA", "HMGET", "ZREVRANGEBYLEX", "HGETALL"} <= names
    assert not names & {"KEYS", "SCAN", "FLUSHDB"}
    asked: dict[int, int] = {}
    with stores.redis_cluster() as masters:
        cluster = Cluster(masters)
        for command in sent:
            name = command[0].decode().upper()
            if name == "SCRIPT":
                for master in masters:
                    cluster.ask(master.port, command)
            if name in WITHOUT_KEY:
                continue
            port = cluster.owner(key_of(command))
            answer = cluster.ask(port, command)
            asked[port] = asked.get(port, 0) + 1
            assert not answer.startswith((b"-CROSSSLOT", b"-MOVED", b"-ERR", b"-NOSCRIPT")), (answer, command)
        cluster.close()
    assert len(asked) == 3 and min(asked.values()) > 100, asked
