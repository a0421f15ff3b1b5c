"""The stateward binary as the tests use it: on a free port, over a store of its own."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = pathlib.Path(os.environ.get("STATEWARD_BIN", ROOT / "build" / "stateward"))
sys.path.insert(0, str(ROOT / "tests" / "support"))

import stores  # noqa: E402
from stores import free_port  # noqa: E402


@dataclass
class Server:
    directory: pathlib.Path
    primary: str = ""  # a sqlite file in the directory
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> Server:
        arguments = ["--listen", f"127.0.0.1:{self.port}", "--drain-delay", "0"]
        arguments += ["--primary", self.primary or f"sqlite:{self.directory}/state.db"]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", *arguments], cwd=self.directory, stdout=log, stderr=log
            )
        if wait:
            self._wait_ready()
        return self

    def kill(self) -> None:
        """As a power cut would end it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(30)
        self.process = None
        assert status == 0, self.log()

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")[-4000:]

    def _wait_ready(self) -> None:
        for _ in range(500):
            assert self.process is not None
            assert self.process.poll() is None, self.log()
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", "/health/ready")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.02)
        raise AssertionError("not ready: " + self.log())


@pytest.fixture(scope="session", params=["sqlite", *stores.STORES])
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    """A kind of store by its URL; empty for a sqlite file, which has one server only."""
    with contextlib.ExitStack() as stack:
        known = stores.STORES.get(request.param)
        yield stack.enter_context(known()).url() if known else ""


@pytest.fixture(scope="session")
def server(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server per kind of store, for all tests that do not harm it."""
    server = Server(tmp_path_factory.mktemp("server"), store).start()
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path: pathlib.Path) -> Iterator[Server]:
    """A server on a sqlite file that the test may kill."""
    server = Server(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
def second_server(store: str, tmp_path: pathlib.Path) -> Iterator[Server]:
    """Another server on the same kind of store, which the test may kill."""
    server = Server(tmp_path, store).start()
    yield server
    server.kill()


@pytest.fixture
def uid() -> Callable[[], str]:
    """Makes ids that no other test uses."""
    return lambda: f"t{os.getpid()}-{next(_numbers)}"


_numbers = itertools.count()
