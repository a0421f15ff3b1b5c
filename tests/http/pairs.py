"""Two stores of a pair, and what their service says of them."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import stores
from conftest import BINARY, Server
from dying import Load, until

KEY = {"Idempotency-Key": "k"}
QUICK = ("--store-timeout", "300ms", "--breaker-pause-max", "1s", "--start-wait", "2s")

Store = stores.Postgres | stores.Redis


@dataclass
class Pair:
    """Two stores. A file has no server."""

    urls: tuple[str, str]
    servers: tuple[Store | None, Store | None]
    single: bool = False

    def args(self) -> tuple[str, ...]:
        return ("--fallback", self.urls[1], *QUICK, *(("--single-instance",) if self.single else ()))

    def verify(self, orphans: bool = False) -> None:
        """Both hold the same. `orphans`: values that no checkpoint has may be in one of them only."""
        done = subprocess.run([str(BINARY), "verify", "--a", self.urls[0], "--b", self.urls[1]],
                              capture_output=True, text=True)
        rows = {kind: [int(n) for n in row] for kind, *row in map(str.split, done.stdout.splitlines())
                if len(row) == 5 and all(n.isdigit() for n in row)}
        assert len(rows) == 7, done.stdout[-4000:] + done.stderr[-2000:]
        unequal = {kind for kind, row in rows.items() if any(row[2:])}
        assert not unequal or (orphans and unequal == {"value"} and rows["value"][4] == 0), done.stdout[-4000:]


@contextlib.contextmanager
def open_pair(primary: str, fallback: str, folder: pathlib.Path) -> Iterator[Pair]:
    kinds: dict[str, Callable[[], contextlib.AbstractContextManager[Store]]] = {
        "redis": stores.redis, "postgres": stores.postgres}
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(kinds[kind]()) if kind in kinds else None for kind in (primary, fallback)]
        urls = [server.url() if server else f"sqlite:{folder}/{i}.db" for i, server in enumerate(servers)]
        yield Pair((urls[0], urls[1]), (servers[0], servers[1]), single="sqlite" in (primary, fallback))


def pairs(*kinds: str) -> Any:
    """A fixture: a pair of each of these kinds."""
    @pytest.fixture(params=kinds)
    def pair(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Pair]:
        primary, fallback = request.param.split("-")
        with open_pair(primary, fallback, tmp_path) as p:
            yield p

    return pair


def state(server: Server) -> str:
    return str(server.get("/health").json()["failover"]["state"])


def answers(server: Server) -> bool:
    """Whether the port is open."""
    try:
        return server.get("/health/live").status == 200
    except OSError:
        return False


def until_state(server: Server, expected: str) -> None:
    until_normal(server) if expected == "normal" else until(lambda: state(server) == expected)


def until_normal(server: Server) -> None:
    def equal() -> bool:
        health = server.get("/health").json()
        return (health["failover"]["state"] == "normal" and health["failover"]["waiting"] == 0
                and all(b["outbox"] == 0 for b in health["backends"]))

    for _ in range(1200):
        if equal():
            return
        time.sleep(0.05)
    raise AssertionError(server.get("/health").body)


def finish(load: Load, pair: Pair, *servers: Server) -> None:
    """All that was acknowledged is in both stores, each by itself too, and nothing waits."""
    load.rest()
    for server in servers:
        until_normal(server)
    for server in servers:
        load.check(server)
    for server in servers:
        assert server.stop() == 0, server.log()[-4000:]
    pair.verify(orphans=True)
    for url in pair.urls:
        alone = Server(url, servers[0].cwd).start()
        load.check(alone)
        assert alone.stop() == 0, alone.log()[-4000:]


def start_over(own: Any, pair: Pair) -> Server:
    server: Server = own(*pair.args(), primary=pair.urls[0])
    until_normal(server)
    return server
