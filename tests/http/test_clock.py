"""The clock that stamps come from: it stays above what is stored, and close to the time."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import stores
from conftest import Server
from dying import until

STAMP = 1 << 10
"""Stamps in a microsecond."""


@dataclass
class Store:
    url: str
    cut: Callable[[], object]
    """Ends all connections."""
    bounds: Callable[[], list[float]]
    """What is stored as the times that stamps stay below."""
    raise_to: Callable[[float], object]
    """Stores such a time, as if another process had done so."""


def of_redis(server: stores.Redis) -> Store:
    def bounds() -> list[float]:
        words = server.answers("HVALS", "aiecs:clock").decode().split("\r\n")
        return [int(word) / 1e6 for word in words if len(word) == 16]

    return Store(server.url(), lambda: server.answers("CLIENT", "KILL", "TYPE", "normal"), bounds,
                 lambda at: server.answers("HSET", "aiecs:clock", "9", str(int(at * 1e6))))


def of_postgres(server: stores.Postgres) -> Store:
    def cut() -> None:
        server.sql("SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity "
                   "WHERE application_name = 'stateward'")

    return Store(server.url(), cut,
                 lambda: [int(high) / STAMP / 1e6 for high in server.sql("SELECT high FROM stateward.clocks").split()],
                 lambda at: server.sql("INSERT INTO stateward.clocks (instance, lane, high) "
                                       f"VALUES (9, 0, {int(at * 1e6) * STAMP + 9})"))


@pytest.fixture(params=["redis", "postgres"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "redis":
        with stores.redis() as redis:
            yield of_redis(redis)
    else:
        with stores.postgres() as postgres:
            yield of_postgres(postgres)


def use_all_lanes(s: Server) -> None:
    def put(i: int) -> None:
        until(lambda: s.put(f"/sessions/s{i}", {"user_id": "u"}).status in (200, 201))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, range(64)))


def stamp(s: Server, thread: str = "t") -> float:
    """The time in a new stamp: that of a thread which is written again after it was deleted."""
    for _ in range(2):
        until(lambda: s.delete(f"/threads/{thread}").status in (200, 204, 404))
        until(lambda: s.put(f"/checkpoints/{thread}/c", {"checkpoint_data": 1}).status in (200, 201))
    at = s.get(f"/threads/{thread}").json()["updated_at"]
    return datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()


def test_new_connections_do_not_move_it(store: Store, own: Any) -> None:
    s: Server = own(primary=store.url)
    use_all_lanes(s)
    assert stamp(s) < time.time() + 0.3
    for _ in range(8):
        store.cut()
        use_all_lanes(s)
        assert stamp(s) < time.time() + 0.3


def test_two_instances_do_not_push_each_other(store: Store, own: Any) -> None:
    both: list[Server] = [own(primary=store.url), own(primary=store.url)]
    for i in range(8):
        for s in both:
            use_all_lanes(s)
            assert stamp(s, f"t{i}") < time.time() + 2
        store.cut()
    for s in both:  # once all lanes are connected again, the time catches up
        until(lambda s=s: stamp(s) < time.time() + 0.3)


def test_it_passes_what_is_stored(store: Store, own: Any) -> None:
    s: Server = own(primary=store.url)
    stamp(s)
    far = time.time() + 600
    store.raise_to(far)
    store.cut()
    use_all_lanes(s)
    last = stamp(s)
    assert far < last < far + 2
    s.kill()
    s.start()
    after = stamp(s)
    assert last < after < far + 4
    store.cut()
    use_all_lanes(s)
    assert after < stamp(s) < far + 4


def test_a_restart_after_a_crash(store: Store, own: Any) -> None:
    s: Server = own(primary=store.url)
    for i in range(3):
        use_all_lanes(s)
        last = stamp(s, f"t{i}")
        s.kill()
        assert max(store.bounds()) > last
        s.start()
        assert last < stamp(s, f"t{i}") < time.time() + 2


def test_an_end_leaves_no_lead(store: Store, own: Any) -> None:
    s: Server = own(primary=store.url)
    for i in range(3):
        use_all_lanes(s)
        last = stamp(s, f"t{i}")
        assert s.stop() == 0
        assert last < max(store.bounds()) < time.time()
        s.start()
        assert last < stamp(s, f"t{i}") < time.time() + 0.3


def test_redis_has_forgotten_its_scripts(own: Any) -> None:
    with stores.redis() as server:
        s: Server = own(primary=server.url())
        for i in range(3):
            use_all_lanes(s)
            assert server.answers("SCRIPT", "FLUSH").startswith(b"+OK")
            time.sleep(0.6)  # the clock is noted again
            assert s.put(f"/sessions/a{i}", {"user_id": "u"}).status == 201
