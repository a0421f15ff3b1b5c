"""A store comes back older than it was, while the service runs or before it starts: nothing that both had is lost."""

from __future__ import annotations

import pathlib
import subprocess
import time
from typing import Any

import pytest
import stores
from conftest import Answer, Server
from dying import Load, counted, until
from pairs import Pair, Store, finish, start_over, until_normal

ONE = {"increment_requests": True}
ORDERS = ["redis-postgres", "postgres-redis"]


def pair_of(order: str, redis: stores.Redis, postgres: stores.Postgres) -> Pair:
    both: tuple[Store, Store] = (redis, postgres) if order == "redis-postgres" else (postgres, redis)
    return Pair((both[0].url(), both[1].url()), both)


def copied(server: Server) -> int:
    """How many records were copied from one store to the other by a drain or a fill. -1: nothing answers."""
    try:
        lines = server.get("/metrics").body.decode().splitlines()
    except OSError:
        return -1
    name = "stateward_failover_copied_records_total"
    return next(int(float(line.split()[1])) for line in lines if line.startswith(name))


def answer(server: Server, method: str, session: str) -> Answer | None:
    """None: nothing serves yet."""
    try:
        got = server.call(method, f"/sessions/{session}", ONE if method == "PATCH" else None)
    except OSError:
        return None
    return None if got.status == 503 else got


def restore(store: Store, backup: pathlib.Path) -> None:
    """Gives a store that is down the files of a backup."""
    files = store.folder if isinstance(store, stores.Redis) else store.data
    subprocess.run(["rm", "-rf", str(files)], check=True)
    subprocess.run(["cp", "-a", str(backup), str(files)], check=True)


def stop(store: Store) -> None:
    store.stop() if isinstance(store, stores.Redis) else store.stop("fast")


def size(redis: stores.Redis) -> tuple[pathlib.Path, int]:
    file = max(redis.folder.rglob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
    return file, file.stat().st_size


def cut(redis: stores.Redis, mark: tuple[pathlib.Path, int]) -> None:
    """Kills it; what was written after `mark` was not synced."""
    redis.kill()
    with mark[0].open("r+b") as file:
        assert file.seek(0, 2) > mark[1]
        file.truncate(mark[1])
    redis.start()


def count(server: Server, n: int) -> list[int]:
    return [server.patch("/sessions/c", ONE).json()["metrics"]["request_count"] for _ in range(n)]


def starts_whole(server: Server, counts: list[int]) -> None:
    """From the start on it answers what was acknowledged; a store is filled."""
    end = time.monotonic() + 30
    server.start(wait=False)
    while not (copied(server) >= 2 and len(counts) > 30):
        assert time.monotonic() < end
        read, patched = answer(server, "GET", "later"), answer(server, "PATCH", "c")
        assert read is None or read.status == 200, read.body
        if patched and patched.status == 200:
            counts.append(patched.json()["metrics"]["request_count"])
    until_normal(server)
    assert counts == list(range(1, len(counts) + 1))
    assert counted(server, "c") == len(counts)


@pytest.mark.parametrize("order", ORDERS)
def test_a_redis_that_loses_its_last_writes(order: str, own: Any) -> None:
    """Without `appendfsync always` a Redis that dies with its machine lacks what was not synced."""
    with stores.redis("--appendfsync", "everysec") as redis, stores.postgres() as postgres:
        pair = pair_of(order, redis, postgres)
        server = start_over(own, pair)
        load = Load(server)
        for _ in range(2):
            load.more()
            mark = size(redis)
            time.sleep(0.4)
            until(lambda: mark[0].stat().st_size > mark[1])  # noqa: B023  a busy disk delays it
            before, records = copied(server), load.acknowledged // 2
            cut(redis, mark)
            until(lambda: copied(server) >= before + records)  # noqa: B023
            load.more()
        finish(load, pair, server)


@pytest.mark.parametrize("order", ORDERS)
def test_a_redis_that_loses_its_last_writes_with_the_service(order: str, own: Any) -> None:
    with stores.redis("--appendfsync", "everysec") as redis, stores.postgres() as postgres:
        pair = pair_of(order, redis, postgres)
        server = start_over(own, pair)
        server.session("c")
        counts = count(server, 5)
        mark = size(redis)
        server.session("later")
        counts += count(server, 5)
        server.kill()
        cut(redis, mark)
        starts_whole(server, counts)
        assert server.stop() == 0
        pair.verify()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_a_store_that_is_restored_while_the_service_is_stopped(kind: str, order: str, own: Any,
                                                               tmp_path: pathlib.Path) -> None:
    """It is a few seconds older, and durable. What is read from the start on is what was acknowledged."""
    with stores.redis() as redis, stores.postgres() as postgres:
        pair = pair_of(order, redis, postgres)
        store: Store = redis if kind == "redis" else postgres
        server = start_over(own, pair)
        server.session("c")
        until_normal(server)
        assert server.stop() == 0
        stop(store)
        files = redis.folder if kind == "redis" else postgres.data
        subprocess.run(["cp", "-a", str(files), str(tmp_path / "backup")], check=True)
        store.start()
        server.start()
        until_normal(server)
        counts = count(server, 5)
        server.session("later")
        until_normal(server)
        time.sleep(2.5)  # two looks, one a second
        assert server.stop() == 0
        stop(store)
        restore(store, tmp_path / "backup")
        store.start()
        starts_whole(server, counts)
        assert server.stop() == 0
        pair.verify()
