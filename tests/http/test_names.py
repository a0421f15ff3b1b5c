"""The store is named, and the name server falls silent: a request is not kept until it speaks again."""

from __future__ import annotations

import os
import pathlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import stores
from conftest import Server
from dying import until
from nameserver import Nameserver, asking, nameserver

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")

MESSAGE = {"role": "user", "content": "x"}


@pytest.fixture
def names() -> Iterator[Nameserver]:
    with nameserver({"store.test": ["127.0.0.1"], "two.test": ["127.0.0.77", "127.0.0.1"]}) as server:
        yield server


@pytest.fixture(params=("postgres", "redis"))
def alone(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A store whose connections may be cut."""
    with getattr(stores, {"redis": "quick_redis"}.get(request.param, request.param))() as store:
        yield store


def cut(store: Any) -> None:
    """Connections end; the store takes new ones."""
    if isinstance(store, stores.Postgres):
        store.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                  "AND backend_type = 'client backend'")
    else:
        with store.connect() as s:
            store.ask(s, "CLIENT", "KILL", "TYPE", "normal")


def append(server: Server) -> int:
    return server.post("/conversations/c/messages?require_session=false", MESSAGE).status


def named(store: Any, name: str = "store.test") -> str:
    return store.url().replace("127.0.0.1", name)


def test_no_name_server_for_a_while(alone: Any, names: Nameserver, own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own(primary=named(alone), prefix=asking(names, tmp_path))
    assert append(server) == 201
    names.silent.set()
    cut(alone)
    until(lambda: append(server) == 503)
    for _ in range(8):
        assert append(server) == 503
        assert server.get("/health/live").status == 200
    assert server.get("/health").json()["status"] == "degraded"
    names.silent.clear()
    until(lambda: append(server) == 201)


def test_no_name_server_at_the_start(alone: Any, names: Nameserver, own: Any, tmp_path: pathlib.Path) -> None:
    names.silent.set()
    server: Server = own(primary=named(alone), prefix=asking(names, tmp_path), start=False).start(wait=False)
    until(lambda: answers(server, "/health/live") == 200)
    assert answers(server, "/health/ready") == 503
    names.silent.clear()
    server.wait_ready()
    assert append(server) == 201


def test_it_ends_without_a_name_server(alone: Any, names: Nameserver, own: Any, tmp_path: pathlib.Path) -> None:
    names.silent.set()
    server: Server = own(primary=named(alone), prefix=asking(names, tmp_path), start=False).start(wait=False)
    until(lambda: answers(server, "/health/live") == 200 and names.asked > 0)
    assert server.stop() == 0


def test_one_of_two_addresses_refuses(alone: Any, names: Nameserver, own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own(primary=named(alone, "two.test"), prefix=asking(names, tmp_path))
    assert append(server) == 201


def test_one_of_two_addresses_hangs(alone: Any, names: Nameserver, own: Any, tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.77", alone.port)):
        server: Server = own(primary=named(alone, "two.test"), prefix=asking(names, tmp_path))
        until(lambda: append(server) == 201)


def test_a_name_that_is_not_known(alone: Any, names: Nameserver, own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own(primary=named(alone, "later.test"), prefix=asking(names, tmp_path), start=False)
    server.start(wait=False)
    until(lambda: "the name of the host is not known" in server.log())
    assert [line for line in server.log().splitlines() if "later.test" in line and '"serving"' not in line] == []
    names.names["later.test"] = ["127.0.0.1"]
    server.wait_ready()
    assert append(server) == 201


def test_hosts_of_which_one_has_no_address(names: Nameserver, own: Any, tmp_path: pathlib.Path,
                                           postgres: stores.Postgres) -> None:
    url = postgres.url().replace("@127.0.0.1", "@later.test:1,store.test")
    server: Server = own("--postgres-schema", "named", primary=url, prefix=asking(names, tmp_path))
    assert append(server) == 201


def answers(server: Server, path: str) -> int:
    try:
        return server.get(path).status
    except OSError:
        return 0
