"""Pairs of stores come to harm under 16 clients, again and again: nothing that was answered is lost, doubled or undone.

Each test goes on for some seconds, or for STATEWARD_FAILOVER_SECONDS.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stores
from conftest import Server
from dying import Load, counted, until
from pairs import KEY, QUICK, Pair, Store, finish, pairs, start_over, state, until_normal
from proxy import Proxy, proxy

SECONDS = float(os.environ.get("STATEWARD_FAILOVER_SECONDS", "0"))
CLIENTS = 16

pair = pairs("redis-postgres", "postgres-redis", "postgres-sqlite")


def rounds(load: Load, seconds: float) -> Iterator[None]:
    """Each begins after all clients have got through again."""
    end = time.monotonic() + (SECONDS or seconds)
    while time.monotonic() < end:
        load.more()
        yield
    load.more()


def hurt(store: Store) -> Callable[[], object]:
    """Kills the store, or makes it hang. Returns what brings it back."""
    if random.random() < 0.5:
        store.kill()
        return store.start
    store.signal(signal.SIGSTOP)
    return lambda: store.signal(signal.SIGCONT)


def test_stores_that_die_and_hang(pair: Pair, own: Any) -> None:
    """One of the two at a time, at random; the service goes on with the other one."""
    server: Server = own(*pair.args(), primary=pair.urls[0])
    load = Load(server, clients=CLIENTS)
    load.more()
    end = time.monotonic() + (SECONDS or 60)
    while time.monotonic() < end:
        heal = hurt(random.choice([s for s in pair.servers if s]))
        time.sleep(random.uniform(0.2, 3))
        heal()
        time.sleep(random.uniform(0.2, 3))
    finish(load, pair, server)
    assert load.acknowledged


def test_the_service_is_killed_too(pair: Pair, own: Any) -> None:
    # Never from one store alone, whose contents may be old: rule 11. A busy machine needs seconds to start a store.
    server: Server = own(*pair.args(), "--start-wait", "60s", primary=pair.urls[0])
    load = Load(server, mortal=True, clients=CLIENTS)
    for _ in rounds(load, 16):
        heal = hurt(random.choice([s for s in pair.servers if s]))
        time.sleep(random.uniform(0.1, 1.5))
        server.kill()
        server.start(wait=False)
        time.sleep(random.uniform(0.1, 1.5))
        heal()
        server.wait_ready()
    finish(load, pair, server)


@contextlib.contextmanager
def through_proxies(pair: Pair) -> Iterator[tuple[Pair, list[Proxy]]]:
    """The same pair behind a proxy for each store that has a server."""
    with contextlib.ExitStack() as stack:
        urls, made = list(pair.urls), []
        for i, store in enumerate(pair.servers):
            if store:
                made.append(stack.enter_context(proxy(store.port)))
                urls[i] = urls[i].replace(f":{store.port}/", f":{made[-1].port}/")
        yield Pair((urls[0], urls[1]), pair.servers, pair.single), made


def test_traffic_that_stalls(pair: Pair, own: Any) -> None:
    """A network swallows everything for a while and delivers it later, to one store or to both."""
    with through_proxies(pair) as (far, proxies):
        server: Server = own(*far.args(), primary=far.urls[0])
        load = Load(server, clients=CLIENTS)
        for _ in rounds(load, 12):
            stalled = random.choice([*([p] for p in proxies), proxies])
            for one in stalled:
                one.stall()
            time.sleep(random.uniform(0.1, 2.5))
            for one in stalled:
                one.flow()
        finish(load, pair, server)


@pytest.mark.parametrize("pair", ["redis-postgres", "postgres-redis"], indirect=True)
def test_two_instances_of_which_one_is_cut_off(pair: Pair, own: Any) -> None:
    """For a while one instance reaches only the fallback, then only the primary; the other reaches both."""
    with through_proxies(pair) as (far, proxies):
        whole: Server = own("--fallback", pair.urls[1], *QUICK, primary=pair.urls[0])
        cut: Server = own("--fallback", far.urls[1], *QUICK, primary=far.urls[0])
        load = Load(whole, cut, clients=CLIENTS)
        for number, _ in enumerate(rounds(load, 10)):
            one = proxies[number % 2]
            one.stall()
            time.sleep(random.uniform(0.5, 2))
            one.flow()
        finish(load, pair, whole, cut)


# The session is locked until what is brought over waits for it; meanwhile it is counted under its key, as by a request
# that was cut off on its way.
COUNTED_MEANWHILE = """
SET search_path = stateward;
SELECT 1 FROM sessions WHERE session_id = 's' FOR UPDATE;
DO 'BEGIN WHILE NOT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted) LOOP PERFORM pg_sleep(0.005); END LOOP; END';
INSERT INTO idempotency_keys VALUES (decode('{}', 'hex'), decode(repeat('00', 16), 'hex'),
                                     (extract(epoch FROM now()) * 1000000)::bigint);
UPDATE sessions SET request_count = request_count + 1 WHERE session_id = 's';
"""


@pytest.mark.parametrize("pair", ["postgres-redis"], indirect=True)
def test_what_both_stores_have_counted_counts_once(pair: Pair, own: Any) -> None:
    postgres, redis = pair.servers
    assert isinstance(postgres, stores.Postgres) and redis
    with through_proxies(pair) as (far, proxies):
        server = start_over(own, far)
        server.session("s")
        until_normal(server)
        proxies[0].stall()
        until(lambda: state(server) == "on_fallback")
        assert server.patch("/sessions/s", {"increment_requests": True}, headers=KEY).status == 200
        keys = subprocess.check_output(["redis-cli", "-u", redis.url(), "--scan", "--pattern", "*pending:default:s"],
                                       text=True).split()
        op_id = subprocess.check_output(["redis-cli", "-u", redis.url(), "HKEYS", *keys], text=True).strip()
        with ThreadPoolExecutor(1) as pool:
            counting = pool.submit(postgres.sql, COUNTED_MEANWHILE.format(op_id))
            until(lambda: postgres.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1")
            proxies[0].flow()
            counting.result()
        until_normal(server)
        assert counted(server, "s") == 1
        assert server.stop() == 0
    pair.verify()
