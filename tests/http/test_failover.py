"""A primary and a fallback die, hang, and come back: nothing that was answered is lost or doubled."""

from __future__ import annotations

import itertools
import json
import pathlib
import shutil
import subprocess
import threading
import time
from typing import Any

import filling
import pytest
import stores
from conftest import BINARY, Server
from dying import Load, counted, until
from pairs import KEY, QUICK, Pair, Store, answers, finish, pairs, start_over, state, until_normal, until_state

pair = pairs("redis-postgres", "postgres-redis", "postgres-sqlite")


def test_a_dead_primary_costs_a_second_or_two_and_the_fallback_answers(pair: Pair, own: Any) -> None:
    server: Server = own(*pair.args(), primary=pair.urls[0])
    until(lambda: state(server) == "normal")
    server.session("s", color="red")
    server.post("/conversations/s/messages", {"role": "user", "content": "before", "id": "m1"})
    assert pair.servers[0]
    pair.servers[0].kill()
    until(lambda: server.get("/sessions/s").status == 200)
    until(lambda: server.post("/conversations/s/messages",
                              {"role": "user", "content": "after", "id": "m2"}).status < 300)
    assert [m["content"] for m in server.get("/conversations/s/messages").json()["messages"]] == ["before", "after"]
    assert server.patch("/sessions/s", {"increment_requests": True}).json()["metrics"]["request_count"] == 1
    until(lambda: state(server) == "on_fallback")
    health = server.get("/health").json()
    assert health["status"] == "degraded"
    assert [b["state"] for b in health["backends"]] == ["down", "up"]
    assert 'stateward_failover_state{state="on_fallback"} 1' in server.get("/metrics").body.decode()
    if not pair.single:
        refused = server.put("/sessions/s", {"user_id": "u"}, headers={"If-Match": "*"})
        assert refused.status == 503, refused.body
        for body, headers in (({"session_id": "given", "user_id": "u"}, {}), ({"user_id": "u"}, KEY)):
            assert server.post("/sessions", body, headers=headers).status == 503
        assert server.put("/sessions/given", {"user_id": "u"}, headers={"If-None-Match": "*"}).status == 503
    created = server.post("/sessions", {"user_id": "u"})
    assert created.status == 201, created.body
    assert server.get(created.headers["Location"]).json() == created.json()
    pair.servers[0].start()
    until_normal(server)
    assert server.get("/sessions/s").json()["metrics"]["request_count"] == 1
    assert server.get(created.headers["Location"]).status == 200

    def told() -> bool:
        events = [line["event"] for line in server.log_lines() if "event" in line]
        return "normal" in events[events.index("on_fallback"):]

    until(told)
    assert server.stop() == 0
    pair.verify()


def test_what_is_brought_over_later_keeps_nobody_else_waiting(pair: Pair, own: Any) -> None:
    """A trim reaches the fallback some seconds after it was answered; no store is lost meanwhile."""
    server = start_over(own, pair)
    server.session("other")
    messages = {"messages": [{"role": "u", "content": i} for i in range(5)]}
    for id_ in ("trimmed", "later"):
        assert server.post(f"/conversations/{id_}/messages?require_session=false", messages).status == 201
    assert server.delete("/conversations/trimmed/messages?keep_last=2").json() == {"removed": 3}
    health = server.get("/health").json()
    assert (health["failover"]["state"], health["failover"]["waiting"], health["status"]) == ("normal", 1, "healthy")
    assert server.post("/sessions", {"session_id": "new", "user_id": "u"}).status == 201
    assert server.put("/sessions/only", {"user_id": "u"}, headers={"If-None-Match": "*"}).status == 201
    assert server.patch("/sessions/other", {"mark_error": True}, headers={"If-Match": '"1"'}).status == 200
    assert server.delete("/conversations/later/messages?keep_last=2").status == 200
    if not pair.single:
        again = server.delete("/conversations/trimmed/messages?keep_last=1")
        assert (again.status, again.code) == (503, "storage_unavailable") and "lacks newer" in again.json()["detail"]
    until_normal(server)
    assert server.delete("/conversations/trimmed/messages?keep_last=1").json() == {"removed": 1}
    until_normal(server)
    assert server.stop() == 0
    pair.verify()


def test_clean_ups_beside_a_steady_flow_of_trims(pair: Pair, own: Any) -> None:
    """Something always waits to be brought over; what has expired goes all the same, in both stores."""
    server: Server = own(*pair.args(), "--session-ttl", "5", "--cleanup-interval", "1", primary=pair.urls[0])
    until_normal(server)
    for i in range(20):
        server.session(f"old{i}")
    done = threading.Event()

    def trim() -> None:
        messages = {"messages": [{"role": "u", "content": i} for i in range(3)]}
        for number in itertools.takewhile(lambda _: not done.is_set(), itertools.count()):
            conversation = f"/conversations/busy{number}/messages"
            server.post(conversation + "?require_session=false", messages)
            server.delete(conversation + "?keep_last=2")
            time.sleep(0.1)

    trimming = threading.Thread(target=trim)
    trimming.start()
    try:
        until(lambda: sum(int(line["message"].split()[0]) for line in server.log_lines()
                          if line["event"] == "sweep") >= 20)
        assert server.get("/health").json()["failover"]["waiting"] > 0
        until(lambda: server.post("/maintenance/cleanup").status == 200)
    finally:
        done.set()
        trimming.join()
    until_normal(server)
    assert server.stop() == 0
    pair.verify()


def test_a_store_that_already_holds_data_gets_a_fallback(pair: Pair, own: Any) -> None:
    """Clients write while the fallback is filled."""
    alone: Server = own(primary=pair.urls[0])
    for i in range(30):
        alone.session(f"old{i}")
        for k in range(20):
            alone.post(f"/conversations/old{i}/messages", {"role": "user", "content": "x" * 50, "id": f"m{k}"})
        alone.put(f"/checkpoints/old{i}/c", {"checkpoint_data": {"i": i}})
    assert alone.stop() == 0
    server: Server = own(*pair.args(), primary=pair.urls[0])
    load = Load(server)
    load.more()
    finish(load, pair, server)


def test_a_fallback_is_filled_however_short_the_queue_is(pair: Pair, own: Any) -> None:
    alone: Server = own(primary=pair.urls[0])
    for i in range(300):
        alone.session(f"s{i}")
    assert alone.stop() == 0
    server: Server = own(*pair.args(), "--queue-max", "10", primary=pair.urls[0])
    until_normal(server)
    assert server.stop() == 0
    pair.verify()


def test_a_store_that_was_used_alone(pair: Pair, own: Any) -> None:
    """In an emergency, or by a command: the other store gets what it lacks, whichever it was."""
    start_over(own, pair).stop()
    for i, url in enumerate(pair.urls):
        alone: Server = own(primary=url)
        alone.session(f"alone{i}")
        assert alone.stop() == 0
    server: Server = own(*pair.args(), primary=pair.urls[0])
    until_normal(server)
    assert [server.get(f"/sessions/alone{i}").status for i in range(2)] == [200, 200]
    assert server.stop() == 0
    pair.verify()


def count_on_the_fallback(own: Any, pair: Pair) -> None:
    """A session has counted one request in both stores, and two more in the fallback alone."""
    server = start_over(own, pair)
    server.session("counts")
    server.patch("/sessions/counts", {"increment_requests": True})
    until_normal(server)
    assert pair.servers[0]
    pair.servers[0].kill()
    until(lambda: state(server) == "on_fallback")
    for _ in range(2):
        assert server.patch("/sessions/counts", {"increment_requests": True, "mark_error": True}).status == 200
    assert server.stop() == 0


def add_with_key(server: Server, replayed: bool) -> None:
    answer = server.patch("/sessions/counts", {"increment_requests": True}, headers=KEY)
    assert answer.status == 200 and (answer.headers.get("Idempotency-Replayed") == "true") == replayed
    assert counted(server, "counts") == 1


def add_one(server: Server, expected: int) -> None:
    assert counted(server, "counts") == expected - 1
    assert server.patch("/sessions/counts", {"increment_requests": True}).status == 200
    assert counted(server, "counts") == expected


def together_again(own: Any, pair: Pair, expected: int) -> None:
    server = start_over(own, pair)
    until_normal(server)
    assert counted(server, "counts") == expected
    assert server.stop() == 0
    pair.verify()


def test_a_fallback_that_stays_by_itself_counts_what_it_took(pair: Pair, own: Any, tmp_path: pathlib.Path) -> None:
    count_on_the_fallback(own, pair)
    lines = subprocess.run([str(BINARY), "export", "--primary", pair.urls[1]], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    counted_there = [json.loads(line) for line in lines if '"counts"' in line and "request_count" in line]
    assert [record["request_count"] for record in counted_there] == [3]
    moved = f"sqlite:{tmp_path}/moved.db"
    subprocess.run([str(BINARY), "migrate", "--from", pair.urls[1], "--to", moved], check=True, capture_output=True)
    elsewhere: Server = own(primary=moved)
    add_one(elsewhere, 4)
    assert elsewhere.stop() == 0
    for expected in (4, 5):
        alone: Server = own(primary=pair.urls[1])
        add_one(alone, expected)
        assert alone.stop() == 0
    pair.servers[0].start()  # type: ignore[union-attr]
    together_again(own, pair, 5)


def test_a_fallback_that_becomes_the_primary_counts_what_it_took(pair: Pair, own: Any) -> None:
    count_on_the_fallback(own, pair)
    reverse = Pair((pair.urls[1], pair.urls[0]), (pair.servers[1], pair.servers[0]), pair.single)
    for expected in (4, 5):
        server: Server = own(*reverse.args(), primary=reverse.urls[0])
        add_one(server, expected)
        assert server.stop() == 0
    pair.servers[0].start()  # type: ignore[union-attr]
    together_again(own, pair, 5)


ROLES = {
    "and_back": [("ab", "", 1), ("ba", "b", 2), ("ab", "", 0)],
    "and_back_twice": [("ab", "", 1), ("ba", "", 1), ("ab", "a", 2), ("ba", "", 1), ("ab", "", 1)],
    "after_it_was_alone": [("ab", "", 1), ("b", "", 1), ("ab", "a", 2), ("b", "", 1), ("ab", "", 1)],
    "both_in_turn": [("ab", "", 1), ("ba", "b", 1), ("ba", "", 1), ("ab", "a", 2), ("ab", "", 1)]}


@pytest.mark.parametrize("roles", ROLES.values(), ids=ROLES)
@pytest.mark.parametrize("pair", ["redis-postgres", "postgres-redis"], indirect=True)
def test_roles_that_change_lose_no_count(pair: Pair, own: Any, roles: list[tuple[str, str, int]]) -> None:
    """Each step: who serves with whom, who is down meanwhile, and how many requests are counted then."""
    by_name = dict(zip("ab", zip(pair.urls, pair.servers, strict=True), strict=True))
    total = 0
    for seats, down, more in roles:
        urls = [by_name[name][0] for name in seats]
        now = Pair((urls[0], urls[-1]), pair.servers)
        if down:
            by_name[down][1].kill()  # type: ignore[union-attr]
        server: Server = own(*(now.args() if len(seats) > 1 else QUICK), primary=urls[0])
        if len(seats) > 1:
            until_state(server, "on_fallback" if down else "normal")
        if total == 0:
            server.session("counts")
        for _ in range(more):
            total += 1
            add_one(server, total)
        assert counted(server, "counts") == total
        assert server.stop() == 0
        if down:
            by_name[down][1].start()  # type: ignore[union-attr]
    together_again(own, pair, total)


@pytest.mark.parametrize("pair", ["redis-postgres"], indirect=True)
def test_two_instances_that_name_the_stores_differently(pair: Pair, own: Any) -> None:
    """The second one answers 503 until the first has ended: of what both counted some would be lost."""
    reverse = Pair((pair.urls[1], pair.urls[0]), (pair.servers[1], pair.servers[0]))
    first = start_over(own, pair)
    first.session("counts")
    second: Server = own(*reverse.args(), primary=reverse.urls[0], start=False)
    second.start(wait=False)
    until(lambda: answers(second) and "as its fallback" in second.get("/health").json()["failover"].get("problem", ""))
    end, total = time.monotonic() + 8, 0
    while time.monotonic() < end:
        total += 1
        add_one(first, total)
        assert second.patch("/sessions/counts", {"increment_requests": True}).status == 503
        assert second.get("/sessions/counts").status == second.get("/health/ready").status == 503
        time.sleep(0.05)
    assert first.stop() == 0
    until_normal(second)
    add_one(second, total + 1)
    until_normal(second)
    assert second.stop() == 0
    reverse.verify()


def test_a_redis_that_forgets(own: Any) -> None:
    """Without `appendfsync always` a Redis that was killed comes back older; without its files it comes back
    empty."""
    with stores.redis("--appendfsync", "everysec") as redis, stores.postgres() as postgres:
        pair = Pair((redis.url(), postgres.url()), (redis, postgres))
        server = start_over(own, pair)
        load = Load(server)
        for empty in (False, True, False):
            load.more()
            redis.kill()
            if empty:
                shutil.rmtree(redis.folder / "appendonlydir", ignore_errors=True)
                (redis.folder / "appendonly.aof").unlink(missing_ok=True)
            redis.start()
            time.sleep(2)
            load.more()
        finish(load, pair, server)


def test_a_redis_that_keeps_everything_and_is_emptied(own: Any) -> None:
    with stores.redis() as redis, stores.postgres() as postgres:
        pair = Pair((redis.url(), postgres.url()), (redis, postgres))
        server = start_over(own, pair)
        server.session("counts", color="red")
        add_with_key(server, replayed=False)
        until_normal(server)
        redis.answers("FLUSHALL")
        time.sleep(2.5)  # two looks, one a second
        until_normal(server)
        add_with_key(server, replayed=True)  # the fallback remembers the request
        assert server.stop() == 0
        pair.verify()
        server = start_over(own, pair)
        add_with_key(server, replayed=True)
        assert server.stop() == 0


def test_a_primary_that_is_restored_from_an_older_backup(own: Any, tmp_path: pathlib.Path) -> None:
    with stores.postgres() as postgres, stores.redis() as redis:
        pair = Pair((postgres.url(), redis.url()), (postgres, redis))
        server = start_over(own, pair)
        server.session("early")
        postgres.stop("fast")
        backup = tmp_path / "backup"
        subprocess.run(["cp", "-a", str(postgres.data), str(backup)], check=True)
        postgres.start()
        until_normal(server)
        for i in range(50):
            server.session(f"later{i}")
        server.delete("/sessions/early")
        time.sleep(2.5)  # two looks, one a second
        postgres.stop("fast")
        subprocess.run(["rm", "-rf", str(postgres.data)], check=True)
        subprocess.run(["cp", "-a", str(backup), str(postgres.data)], check=True)
        until(lambda: state(server) == "on_fallback")
        postgres.start()
        until(lambda: state(server) != "on_fallback")
        until_normal(server)
        assert server.get("/sessions/later49").status == 200
        assert server.get("/sessions/early").status == 404
        assert server.stop() == 0
        pair.verify()


def test_an_empty_store_in_the_place_of_the_fallback(own: Any) -> None:
    with stores.redis() as redis, stores.postgres() as postgres:
        pair = Pair((redis.url(), postgres.url()), (redis, postgres))
        server = start_over(own, pair)
        for i in range(50):
            server.session(f"s{i}")
        server.session("counts")
        add_with_key(server, replayed=False)
        until_normal(server)
        assert server.stop() == 0
        postgres.sql("DROP SCHEMA stateward CASCADE")
        server = start_over(own, pair)
        until_normal(server)
        assert server.stop() == 0
        pair.verify()
        reverse = Pair((pair.urls[1], pair.urls[0]), (postgres, redis))
        server = start_over(own, reverse)  # the store that was filled is the primary now
        add_with_key(server, replayed=True)
        assert server.stop() == 0
        reverse.verify()


def test_the_fallback_of_another_pair_is_left_alone(own: Any) -> None:
    with stores.redis() as redis, stores.redis() as other, stores.postgres() as postgres:
        first = start_over(own, Pair((redis.url(), postgres.url()), (redis, postgres)))
        first.session("mine")
        until_normal(first)
        assert first.stop() == 0
        alone: Server = own(primary=other.url())
        alone.session("other")
        assert alone.stop() == 0
        second: Server = own("--fallback", postgres.url(), *QUICK, primary=other.url())
        until(lambda: "another pair" in second.get("/health").json()["failover"].get("problem", ""))
        assert second.get("/sessions/other").status == 200
        assert second.get("/sessions/mine").status == 404
        second.session("more")
        assert second.stop() == 0
        alone = own(primary=postgres.url())
        assert [alone.get(f"/sessions/{id_}").status for id_ in ("mine", "other", "more")] == [200, 404, 404]


def test_a_fallback_with_data_of_its_own_is_left_alone(own: Any, tmp_path: pathlib.Path) -> None:
    """Once it is empty it is filled."""
    urls = [f"sqlite:{tmp_path}/{name}.db" for name in ("primary", "fallback")]
    for url in urls:
        alone: Server = own(primary=url)
        for id_ in ("shared", url[-6:]):
            alone.session(id_, of=url)
        assert alone.stop() == 0
    server: Server = own("--fallback", urls[1], *QUICK, "--single-instance", primary=urls[0])
    until(lambda: "data of its own" in server.get("/health").json()["failover"].get("problem", ""))
    assert server.get("/sessions/shared").json()["metadata"] == {"of": urls[0]}
    server.session("more")
    assert server.stop() == 0
    alone = own(primary=urls[1])
    assert alone.get("/sessions/shared").json()["metadata"] == {"of": urls[1]}
    assert alone.get("/sessions/more").status == 404
    assert alone.stop() == 0
    for file in tmp_path.glob("fallback.db*"):
        file.unlink()
    server.start()
    until_normal(server)
    assert server.stop() == 0
    Pair((urls[0], urls[1]), (None, None)).verify()


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_one_store_by_two_names_is_no_pair(kind: str, own: Any) -> None:
    with {"redis": stores.redis, "postgres": stores.postgres}[kind]() as store:
        other = store.url().replace("127.0.0.1", "localhost")
        assert other != store.url()
        for _ in range(2):
            server: Server = own("--fallback", other, *QUICK, primary=store.url())
            until(lambda: "by another name" in server.get("/health").json()["failover"].get("problem", ""))  # noqa: B023
            server.session("s")
            assert server.get("/sessions/s").status == 200
            assert server.stop() == 0


def test_moving_live(own: Any) -> None:
    """Attach, fill, switch, then the new store alone: clients write all the time."""
    with stores.redis() as old, stores.postgres() as new:
        server: Server = own(primary=old.url())
        filling.fill(server, 40, 400, 4)
        filled = ("/sessions/s:7", "/conversations/s:7/messages?limit=0", "/checkpoints/t2/c0003", "/threads/t3")
        before = [server.get(path).json() for path in filled]
        load = Load(server, mortal=True)

        def move(primary: Store, *args: str) -> None:
            load.more()
            assert server.stop() == 0, server.log()[-4000:]
            server.primary, server.args = primary.url(), args
            load.processes = [server.start().process]
            load.more()

        move(old, "--fallback", new.url(), *QUICK)
        until(lambda: state(server) == "normal")
        move(new, "--fallback", old.url(), *QUICK)
        until(lambda: state(server) == "normal")
        move(new)
        load.end()
        assert [server.get(path).json() for path in filled] == before


def test_starting_without_one_of_the_two(pair: Pair, own: Any) -> None:
    server = start_over(own, pair)
    server.session("s")
    until_normal(server)
    assert server.stop() == 0
    assert pair.servers[0]
    pair.servers[0].kill()
    server.args += ("--start-wait", "5s")
    server.start(wait=False)
    until(lambda: answers(server))
    while server.get("/health/ready").status == 503:
        before, health = server.get("/sessions/s"), server.get("/health")
        if health.json()["failover"]["state"] == "starting":
            assert [before.status, health.status, health.json()["status"]] == [503, 503, "unhealthy"]
        time.sleep(0.05)
    until(lambda: server.get("/sessions/s").status == 200)

    def since_the_start() -> list[tuple[str, str]]:
        lines = [line for line in server.log_lines() if line["event"] != "request"]
        started = max(i for i, line in enumerate(lines) if line["event"] == "stopped")
        return [(line["event"], line["message"].partition(":")[0]) for line in lines[started:]]

    until(lambda: "unseen" in dict(since_the_start()))
    events = since_the_start()
    assert "starting" in dict(events)
    assert ("store_down", "primary") in events and ("store_up", "primary") not in events
    pair.servers[0].start()
    until_normal(server)
    assert server.stop() == 0


@pytest.mark.parametrize("args, word", [
    (("--fallback", "sqlite:other.db"), "--single-instance"),
    (("--fallback", "nosql:x", "--single-instance"), "--fallback: Unsupported storage type"),
    (("--fallback", "redis://h/abc", "--single-instance"), "--fallback: a Redis URL"),
    (("--fallback", "sqlite:", "--single-instance"), "--fallback: "),
])
def test_settings_that_cannot_be(own: Any, args: tuple[str, ...], word: str) -> None:
    server: Server = own(*args, start=False)
    server.start(wait=False)
    assert server.process and server.process.wait(30) == 2
    assert word in server.log()


def test_the_same_store_twice(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own("--fallback", f"sqlite:{tmp_path}/state.db", "--single-instance", start=False)
    server.start(wait=False)
    assert server.process and server.process.wait(30) == 2
    assert "another store" in server.log()
