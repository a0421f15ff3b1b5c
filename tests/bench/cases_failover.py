"""The lines of the table about a store and its fallback; see cases.py."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

from cases import Case, Plan, alternate, append
from load import wrk
from servers import Server, redis, stateward, stores

Store = stores.Postgres | stores.Redis

BODY = '{"role": "user", "content": "%s"}' % ("x" * 200)
WARM_S = 1.0  # of writes before a store dies
DYING_S = 6.0  # how long answers are waited for
STORE_TIMEOUT_S = 1.0  # the default of the setting
ENOUGH = 5000  # records a second


def is_equal(server: Server) -> bool:
    """Whether both stores have everything."""
    failover = health(server)["failover"]
    return failover["state"] == "normal" and failover["waiting"] == 0


@contextlib.contextmanager
def pair(primary: Store, fallback: Store, binary: pathlib.Path | None = None) -> Iterator[Server]:
    with stateward("--fallback", fallback.url(), url=primary.url(), binary=binary) as server:
        until(lambda: is_equal(server))
        yield server


@contextlib.contextmanager
def both() -> Iterator[tuple[stores.Redis, stores.Postgres]]:
    with redis() as cache, stores.postgres() as database:
        yield cache, database


def health(server: Server) -> dict:
    """The health report, also of a server that cannot serve."""
    try:
        answer = urllib.request.urlopen(server.url + "/health", timeout=10)
    except urllib.error.HTTPError as failed:
        answer = failed
    with answer:
        return json.load(answer)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not done():
        if time.monotonic() > end:
            raise SystemExit("it never was")
        time.sleep(0.02)


def writes(plan: Plan, redis_first: bool) -> Iterator[tuple[float, float]]:
    """Both sides have stores of their own: PostgreSQL is the slower of the two."""
    with both() as (cache, database), stores.postgres() as alone:
        first, second = (cache, database) if redis_first else (database, cache)
        with pair(first, second) as ours, stateward(url=alone.url()) as theirs:
            yield from alternate(plan, append(ours, plan), append(theirs, plan))


def longest_wait(server: Server, harm: Callable[[], None]) -> float:
    """The longest that one client, which writes without pause, waits while something happens."""
    times: list[float] = []
    ending = threading.Event()

    def client() -> None:
        host = server.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        while not ending.is_set():
            connection.request("POST", "/conversations/c/messages?require_session=false", BODY,
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status < 300:
                times.append(time.monotonic())

    thread = threading.Thread(target=client)
    thread.start()
    time.sleep(WARM_S)
    harm()
    time.sleep(DYING_S)
    ending.set()
    thread.join()
    return max(b - a for a, b in zip(times, times[1:], strict=False))


def dying(plan: Plan, number: signal.Signals) -> Iterator[tuple[float, float]]:
    """In every second round the primary is PostgreSQL."""
    for i in range(plan.rounds):
        with both() as (cache, database):
            first, second = (database, cache) if i % 2 else (cache, database)
            with pair(first, second) as server:
                yield longest_wait(server, lambda store=first: store.signal(number)), STORE_TIMEOUT_S
            with contextlib.suppress(OSError):
                first.signal(signal.SIGCONT)


def after(plan: Plan) -> Iterator[tuple[float, float]]:
    with both() as (cache, database), stores.postgres() as other, pair(cache, database) as ours, \
            stateward(url=other.url()) as theirs:
        cache.kill()
        until(lambda: health(ours)["failover"]["state"] == "on_fallback")
        yield from alternate(plan, lambda: wrk(ours.url, plan.seconds, "append.lua").p99,
                             lambda: wrk(theirs.url, plan.seconds, "append.lua").p99)


def copied(server: Server) -> int:
    return int(health(server)["failover"]["copied"])


def drained(server: Server, primary: Store, seconds: int) -> float:
    """How many records a second come back to a primary that hung."""
    primary.signal(signal.SIGSTOP)
    until(lambda: health(server)["failover"]["state"] == "on_fallback")
    wrk(server.url, seconds, "append.lua")
    before = copied(server)
    primary.signal(signal.SIGCONT)
    until(lambda: copied(server) > before)
    begun, before = time.monotonic(), copied(server)
    until(lambda: is_equal(server))
    return (copied(server) - before) / (time.monotonic() - begun)


def drain(plan: Plan, redis_first: bool) -> Iterator[tuple[float, float]]:
    for _ in range(plan.rounds):
        with both() as (cache, database):
            first, second = (cache, database) if redis_first else (database, cache)
            with pair(first, second) as server:
                yield drained(server, first, plan.seconds), ENOUGH


def older_build() -> pathlib.Path:
    return pathlib.Path(os.environ["STATEWARD_BEFORE"])


def pairs(plan: Plan) -> Iterator[tuple[float, float]]:
    with both() as (cache, database), both() as (other_cache, other_database), pair(database, cache) as ours, \
            pair(other_database, other_cache, older_build()) as theirs:
        yield from alternate(plan, append(ours, plan), append(theirs, plan))


def unpaid(plan: Plan) -> Iterator[tuple[float, float]]:
    with stateward() as ours, stateward(binary=older_build()) as theirs:
        yield from alternate(plan, append(ours, plan), append(theirs, plan))


CASES = [
    Case("fo_redis", "Redis, PostgreSQL: append vs PostgreSQL alone, req/s", 0.7, lambda plan: writes(plan, True)),
    Case("fo_postgres", "PostgreSQL, Redis: append vs PostgreSQL alone, req/s", 0.7,
         lambda plan: writes(plan, False)),
    Case("fo_killed", "primary killed: longest wait vs store-timeout, s", 1.5,
         lambda plan: dying(plan, signal.SIGKILL), at_most=True),
    Case("fo_hung", "primary hangs: longest wait vs store-timeout, s", 2.5,
         lambda plan: dying(plan, signal.SIGSTOP), at_most=True),
    Case("fo_after", "on the fallback: append p99 vs one store, s", 2, after, at_most=True),
    Case("fo_drained", "copied back to Redis, records/s, vs what is enough", 1, lambda plan: drain(plan, True)),
    Case("fo_returned", "copied back to PostgreSQL, records/s, vs enough", 1, lambda plan: drain(plan, False)),
]
if "STATEWARD_BEFORE" in os.environ:  # another build, to compare with
    CASES += [
        Case("fo_pairs", "PostgreSQL, Redis: append vs another build, req/s", 1, pairs),
        Case("fo_unpaid", "no fallback: append vs another build, req/s", 1, unpaid),
    ]
