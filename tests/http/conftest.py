"""The running binary, and a client small enough to send anything, valid or not."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HELPERS = [file.stem for file in ROOT.glob("tests/http/*.py") if not file.stem.startswith(("conftest", "test_"))]
sys.path.insert(0, str(ROOT / "tests" / "support"))

# What the helpers assert says what it found too.
pytest.register_assert_rewrite("stores", *HELPERS)

import stores  # noqa: E402
from stores import free_port  # noqa: E402

BINARY = pathlib.Path(os.environ.get("STATEWARD_BIN", ROOT / "build" / "stateward"))

# The stores on which every endpoint must behave the same.
KINDS = ("memory", "sqlite", "postgres", "redis")

# What a sanitizer or a failed assertion writes.
FINDINGS = ("ERROR: ", "WARNING: ThreadSanitizer", "runtime error: ", "Assertion `")


def environ(**settings: str) -> dict[str, str]:
    """The environment without other settings, and without what the tests are told in the same way."""
    return {name: value for name, value in os.environ.items() if not name.startswith("STATEWARD_")} | settings


def seg(id_: str) -> str:
    """An id as one percent-encoded path segment."""
    return urllib.parse.quote(id_, safe="")


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem document."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        problem = self.json()
        assert problem["status"] == self.status
        assert problem["request_id"] == self.headers["X-Request-Id"]
        return str(problem["code"])

    @property
    def pointers(self) -> list[str]:
        return [e["pointer"] for e in self.json().get("errors", [])]


@dataclass
class Server:
    """One stateward process on a free port."""

    primary: str
    cwd: pathlib.Path
    args: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    user: str | None = None
    prefix: tuple[str, ...] = ()
    """A command that becomes the one behind it."""
    env: dict[str, str] = field(default_factory=dict)

    @property
    def log_path(self) -> pathlib.Path:
        return self.cwd / f"log-{self.port}"

    def start(self, wait: bool = True) -> Server:
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, str(BINARY), "serve", "--listen", f"127.0.0.1:{self.port}",
                 "--primary", self.primary, "--drain-delay", "0", *self.args],
                cwd=self.cwd, stdout=log, stderr=log, user=self.user, env=environ(**self.env))
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        for _ in range(500):
            assert self.process and self.process.poll() is None, self.log()
            try:
                if self.call("GET", "/health/ready").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError("not ready: " + self.log())

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log().splitlines()]

    def kill(self) -> None:
        """Ends the process as a power cut would."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Sends SIGTERM. Returns the exit status."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def call(self, method: str, path: str, body: Any = None, *, raw: bytes | str | None = None,
             headers: dict[str, str] | None = None,
             conn: http.client.HTTPConnection | None = None) -> Answer:
        """Sends `body` as JSON, or `raw` as it is."""
        own = conn is None
        conn = conn or self.connect()
        data = raw if raw is not None else None if body is None else json.dumps(body)
        if isinstance(data, str):
            data = data.encode()
        try:
            conn.request(method, path, data, headers or {})
            r = conn.getresponse()
            return Answer(r.status, r.headers, r.read())
        finally:
            if own:
                conn.close()

    def raw(self, data: bytes, *, half_close: bool = False) -> bytes:
        """Sends bytes, and reads until the server closes or nothing comes for two seconds."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as s:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            out = b""
            try:
                while part := s.recv(65536):
                    out += part
            except TimeoutError:
                pass
            return out

    # shorthands -------------------------------------------------------------------------------
    def get(self, path: str, **kw: Any) -> Answer:
        return self.call("GET", path, **kw)

    def put(self, path: str, body: Any = None, **kw: Any) -> Answer:
        return self.call("PUT", path, body, **kw)

    def post(self, path: str, body: Any = None, **kw: Any) -> Answer:
        return self.call("POST", path, body, **kw)

    def patch(self, path: str, body: Any = None, **kw: Any) -> Answer:
        return self.call("PATCH", path, body, **kw)

    def delete(self, path: str, **kw: Any) -> Answer:
        return self.call("DELETE", path, **kw)

    def session(self, id_: str, **metadata: Any) -> dict[str, Any]:
        answer = self.put("/sessions/" + seg(id_), {"user_id": "u", "metadata": metadata})
        assert answer.status in (200, 201), answer.body
        return answer.json()


@pytest.fixture(scope="session")
def postgres() -> Iterator[stores.Postgres]:
    """A PostgreSQL server, shared by all tests that do not stop it."""
    with stores.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def quick_redis() -> Iterator[stores.Redis]:
    """A Redis server, shared by all tests that do not stop it."""
    with stores.quick_redis() as server:
        yield server


@pytest.fixture
def redis() -> Iterator[stores.Redis]:
    """One that a test may harm."""
    with stores.redis() as server:
        yield server


@pytest.fixture(scope="session", params=KINDS)
def server(request: pytest.FixtureRequest,
           tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server per kind of store, shared by all tests that do not restart it."""
    cwd = tmp_path_factory.mktemp(request.param)
    urls = {"memory": lambda: "memory:", "sqlite": lambda: f"sqlite:{cwd}/state.db",
            "postgres": lambda: request.getfixturevalue("postgres").url(),
            "redis": lambda: request.getfixturevalue("quick_redis").url()}
    s = Server(urls[request.param](), cwd).start()
    yield s
    assert s.stop() == 0, s.log()[-4000:]
    assert not any(mark in s.log() for mark in FINDINGS), s.log()[-8000:]


@pytest.fixture
def own(tmp_path: pathlib.Path) -> Iterator[Any]:
    """Makes servers for one test, and ends those that still run."""
    made: list[Server] = []

    def make(*args: str, primary: str | None = None, start: bool = True, **kw: Any) -> Server:
        s = Server(primary or f"sqlite:{tmp_path}/state.db", tmp_path, args, **kw)
        made.append(s)
        return s.start() if start else s

    yield make
    for s in made: # not killed: sanitizers report at the end
        if s.process and s.process.poll() is None:
            s.stop()
        assert not any(mark in s.log() for mark in FINDINGS), s.log()[-8000:]


@pytest.fixture(params=KINDS)
def fresh(request: pytest.FixtureRequest, own: Any, uid: str) -> Any:
    """Like own(), over an empty store of each kind; the servers of one test share that store."""
    place: dict[str, Any] = {}
    name, args = uid.replace("-", "_"), ()
    if request.param == "memory":
        place["primary"] = "memory:"
    elif request.param == "postgres":
        place["primary"] = request.getfixturevalue("postgres").url()
        args = ("--postgres-schema", name)
    elif request.param == "redis":
        place["primary"] = request.getfixturevalue("quick_redis").url()
        args = ("--redis-prefix", name + ":")
    return lambda *more, **kw: own(*args, *more, **place, **kw)


_counter = iter(range(10**9))


@pytest.fixture
def uid() -> str:
    """An id that no other test uses, and that no other one is made of by adding a number."""
    return f"t{os.getpid()}-{next(_counter)}x"
