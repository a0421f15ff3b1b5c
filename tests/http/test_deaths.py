"""The store is killed, hangs, or is replaced under load: nothing that was answered is lost or doubled."""

from __future__ import annotations

import contextlib
import pathlib
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import stores
from conftest import Server
from dying import Load, deaths
from preload import library

KILLS, HANGS, TEARS = 10, 5, 15


@pytest.fixture(params=["redis", "postgres"])
def store(request: pytest.FixtureRequest) -> Iterator[stores.Postgres | stores.Redis]:
    """A store that keeps what it confirms, and that the test may kill."""
    kinds: dict[str, contextlib.AbstractContextManager[stores.Postgres | stores.Redis]] = {
        "redis": stores.redis(), "postgres": stores.postgres()}
    with kinds[request.param] as server:
        yield server


def test_deaths(store: stores.Postgres | stores.Redis, own: Any) -> None:
    server: Server = own("--store-timeout", "300ms", primary=store.url())
    load = Load(server)
    deaths(load, store, KILLS, HANGS)
    load.end()
    assert load.failed


def test_deaths_below_two_instances(store: stores.Postgres | stores.Redis, own: Any) -> None:
    load = Load(*(own("--store-timeout", "300ms", primary=store.url()) for _ in range(2)))
    deaths(load, store, kills=2, hangs=1)
    load.end()


def test_a_redis_that_dies_in_the_middle_of_a_write(own: Any, tmp_path: pathlib.Path) -> None:
    """Each time the file ends in half a transaction, whose other half nobody was told of either."""
    torn = tmp_path / "torn"
    with stores.redis() as store:
        store.env = {"LD_PRELOAD": str(library("torn_write", tmp_path)), "TORN_FILE": str(torn)}
        store.stop()
        store.start()
        server: Server = own("--store-timeout", "300ms", primary=store.url())
        load = Load(server)
        for _ in range(TEARS):
            load.more()
            torn.touch()
            assert store.process and store.process.wait(30) == -signal.SIGKILL
            store.start()
        load.more()
        load.end()


def test_a_standby_that_is_promoted(own: Any) -> None:
    with stores.postgres() as alone, stores.postgres(follows=alone) as standby:
        alone.settings["synchronous_standby_names"] = "'*'"
        alone.stop("fast")
        alone.start()
        standby.until_sync(alone)
        server: Server = own(primary=f"postgresql://postgres@127.0.0.1:{alone.port},127.0.0.1:{standby.port}"
                                     "/postgres?target_session_attrs=read-write")
        load = Load(server)
        load.more()
        alone.kill()
        standby.promote()
        load.more()
        load.end()
