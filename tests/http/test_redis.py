"""A Redis that dies, hangs, refuses: what clients see, and that the service recovers by itself."""

from __future__ import annotations

import os
import pathlib
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
import stores
from conftest import BINARY, Answer, Server
from dying import refused
from dying import until as eventually
from pairs import Pair, until_normal
from proxy import proxy
from wire import SANITIZED, memory


def put(s: Server, id_: str) -> Answer:
    return s.put(f"/sessions/{id_}", {"user_id": "u"})


def until(s: Server, id_: str) -> None:
    """Tries until a write succeeds."""
    for _ in range(500):
        if put(s, id_).status in (200, 201):
            return
        time.sleep(0.02)
    raise AssertionError("the service did not recover: " + s.log()[-2000:])


def until_refused(s: Server, *words: str) -> None:
    """Tries until a write is refused for this reason; each try may meet another connection."""
    for i in range(500):
        answer = put(s, f"refused{i}")
        if answer.status == 503 and all(word in answer.json()["detail"] for word in words):
            refused(answer, *words)
            return
        time.sleep(0.02)
    raise AssertionError(answer.body)


def test_killed_and_back(redis: stores.Redis, own: Any) -> None:
    s = own(primary=redis.url())
    assert put(s, "a").status == 201
    redis.kill()
    refused(put(s, "b"))
    assert s.get("/health/live").status == 200
    redis.start()
    until(s, "c")
    eventually(lambda: s.get("/sessions/a").status == 200)
    assert s.process.poll() is None


def test_a_restart_between_requests_is_not_seen(redis: stores.Redis, own: Any) -> None:
    """The restart also makes Redis forget its scripts."""
    s = own(primary=redis.url())
    assert put(s, "a").status == 201
    redis.kill()
    redis.start()
    assert put(s, "b").status in (201, 503)
    until(s, "b")
    redis.answers("SCRIPT", "FLUSH")
    assert put(s, "c").status == 201


def test_hangs(redis: stores.Redis, own: Any) -> None:
    s = own("--store-timeout", "300ms", primary=redis.url())
    assert put(s, "a").status == 201
    redis.signal(signal.SIGSTOP)
    try:
        first = put(s, "b")
        assert first.status in (503, 504), first.body
        for _ in range(3):
            assert s.get("/sessions/a").status == 503
        assert s.get("/health/live").status == 200
    finally:
        redis.signal(signal.SIGCONT)
    until(s, "b")


def test_one_that_hangs_costs_few_requests(redis: stores.Redis, own: Any) -> None:
    """A new connection is waited for only briefly, however often one is tried."""
    s = own("--lanes", "2", "--store-timeout", "2s", primary=redis.url())
    until(s, "a")

    def ask(client: int) -> list[float]:
        took, ends = [], time.monotonic() + 8
        while time.monotonic() < ends:
            began = time.monotonic()
            answer = put(s, f"b{client}") if len(took) % 2 else s.get("/sessions/a")
            took.append(time.monotonic() - began)
            assert answer.status in (503, 504), answer.body
            time.sleep(0.1)
        return took

    redis.signal(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(4) as pool:
            took = [t for client in pool.map(ask, range(4)) for t in client]
    finally:
        redis.signal(signal.SIGCONT)
    slow = [t for t in took if t > 1]
    assert len(took) > 5 * len(slow), sorted(took)
    until(s, "b")


def test_one_that_waits_holds_up_no_other(redis: stores.Redis, own: Any) -> None:
    """A loop runs a lone operation itself; while that hangs, another thread serves all other connections."""
    s = own("--loops", "1", "--store-timeout", "1s", primary=redis.url())
    for _ in range(2):
        until(s, "a")
        for i in range(20):
            assert put(s, f"a{i}").status in (200, 201)
        redis.signal(signal.SIGSTOP)
        try:
            with ThreadPoolExecutor(1) as pool:
                lost = pool.submit(put, s, "b")
                served = 0
                while not lost.done():
                    served += s.get("/health/live").status == 200
            assert lost.result().status in (503, 504)
            assert served > 10
        finally:
            redis.signal(signal.SIGCONT)


def test_read_only(redis: stores.Redis, own: Any) -> None:
    s = own(primary=redis.url())
    assert put(s, "a").status == 201
    redis.answers("REPLICAOF", "127.0.0.1", "1")
    refused(put(s, "b"), "read-only replica")
    assert s.get("/sessions/a").status in (200, 503)
    redis.answers("REPLICAOF", "NO", "ONE")
    until(s, "b")


def test_a_name_that_leads_to_another_primary_by_now(redis: stores.Redis, own: Any) -> None:
    """The old one goes on as a replica, and keeps the connections that it has."""
    with stores.redis() as other, proxy(redis.port) as name:
        s = own(primary=f"redis://127.0.0.1:{name.port}/0")
        assert put(s, "a").status == 201
        other.answers("REPLICAOF", "127.0.0.1", str(redis.port))
        eventually(lambda: b"master_link_status:up" in other.answers("INFO", "replication"))
        other.answers("REPLICAOF", "NO", "ONE")
        name.target = other.port
        redis.answers("REPLICAOF", "127.0.0.1", str(other.port))
        until(s, "b")
        eventually(lambda: s.get("/sessions/a").status == 200)
        s.stop()


def test_a_replica_costs_few_connections(redis: stores.Redis, own: Any) -> None:
    """Each is closed, for the name may lead elsewhere; but not one for each request."""
    s = own("--lanes", "2", primary=redis.url())
    assert put(s, "a").status == 201
    redis.answers("REPLICAOF", "127.0.0.1", "1")
    until_refused(s, "read-only replica")
    time.sleep(1.1)
    before, begun = connections(redis), time.monotonic()
    while time.monotonic() < begun + 3:
        refused(put(s, "b"), "read-only replica")
    assert 2 <= connections(redis) - before <= 5 * (time.monotonic() - begun + 1)
    assert s.get("/health").json()["status"] == "unhealthy"
    redis.answers("REPLICAOF", "NO", "ONE")
    until(s, "b")


def connections(redis: stores.Redis) -> int:
    """How many there have ever been."""
    said = re.search(rb"total_connections_received:(\d+)", redis.answers("INFO", "stats"))
    assert said
    return int(said[1])


@pytest.mark.parametrize(("setting", "value", "back", "words"), [
    ("maxmemory", "1", "0", "maxmemory"),
    ("min-replicas-to-write", "1", "0", "too few replicas"),
    ("save", "3600 1", "", "cannot write to its disk"),
])
def test_writes_are_refused_and_reads_go_on(redis: stores.Redis, own: Any, setting: str, value: str, back: str,
                                            words: str) -> None:
    """Also when the clock of the service has not been kept for long, and with connections made meanwhile."""
    s = own(primary=redis.url())
    assert put(s, "a").status == 201
    (redis.folder / "dump.rdb").mkdir()  # it cannot be written
    redis.answers("CONFIG", "SET", setting, value)
    redis.answers("BGSAVE")
    until_refused(s, words)
    for _ in range(2):
        ends = time.monotonic() + 6
        while time.monotonic() < ends:
            refused(put(s, "b"), words)
            assert s.get("/sessions/a").status == s.get("/sessions?user_id=u").status == 200
            time.sleep(0.2)
        s.stop()
        s.start()
    refused(put(s, "b"), words)
    eventually(lambda: s.get("/health").json()["status"] == "degraded")
    assert s.get("/health").json()["status"] == "degraded"
    assert words in s.get("/health").body.decode()
    redis.answers("CONFIG", "SET", setting, back)
    assert put(s, "b").status == 201
    assert not {"store_down", "store_up"} & {line["event"] for line in s.log_lines()}


def test_password_changes(redis: stores.Redis, own: Any) -> None:
    s = own(primary=redis.url())
    assert put(s, "a").status == 201
    redis.answers("CONFIG", "SET", "requirepass", "geheim")
    redis.password = "geheim"
    redis.answers("CLIENT", "KILL", "TYPE", "normal")
    refused(put(s, "b"), "password")
    redis.answers("CONFIG", "SET", "requirepass", "")
    redis.password = ""
    until(s, "b")


def test_wrong_password(own: Any) -> None:
    with stores.redis() as server:
        server.answers("CONFIG", "SET", "requirepass", "richtig")
        s = own(primary=f"redis://:falsch@127.0.0.1:{server.port}/0", start=False)
        s.start(wait=False)
        assert s.process.wait(10) != 0
        assert "password" in s.log() and "falsch" not in s.log()
        server.password = "richtig"


def test_a_database_that_is_not_there(redis: stores.Redis, own: Any) -> None:
    s = own(primary=redis.url(database=99), start=False).start(wait=False)
    assert s.process.wait(10) == 1
    assert "there is no database of this number" in s.log()


def test_instances_have_numbers_of_their_own(redis: stores.Redis, own: Any) -> None:
    for _ in range(2):
        own(primary=redis.url())
    assert redis.answers("EVAL", "return #redis.call('keys', 'aiecs:node:*')", "0") == b":2\r\n"


def test_it_loads_for_long(redis: stores.Redis, own: Any) -> None:
    s = own(primary=redis.url())
    assert put(s, "a").status == 201
    redis.answers("EVAL", "for i = 1, 3000 do redis.call('set', 'other' .. i, i) end", "0")
    redis.answers("BGREWRITEAOF")
    while b"aof_rewrite_in_progress:0" not in redis.answers("INFO", "persistence"):
        time.sleep(0.02)
    redis.kill()
    redis.args += ("--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024")
    redis.start(wait=False)
    until_refused(s, "still loading")
    eventually(lambda: s.get("/sessions/a").status == 200)
    until(s, "b")


def test_too_many_clients(redis: stores.Redis, own: Any) -> None:
    with redis.connect() as control:
        s = own("--lanes", "4", primary=redis.url())
        assert put(s, "a").status == 201
        redis.ask(control, "CONFIG", "SET", "maxclients", "2")
        redis.ask(control, "CLIENT", "KILL", "TYPE", "normal")
        until_refused(s, "too many clients")
        redis.ask(control, "CONFIG", "SET", "maxclients", "1000")
        until(s, "b")


@pytest.mark.parametrize(("rules", "words"), [
    (["-@all"], "may not run"),
    (["-evalsha", "-eval"], 'may not run \"evalsha\"'),
    (["-hgetall"], 'may not run \"hgetall\"'),
    (["-@write"], "may not run"),
    (["-zadd"], "may not run"),
    (["resetkeys", "~otherprefix*"], "may not use keys with this prefix"),
])
def test_the_user_may_not_do_it(redis: stores.Redis, own: Any, rules: list[str], words: str) -> None:
    """One kind of error for all that is refused, and again right as soon as the Redis is."""
    s: Server = own(primary=redis.url())
    until(s, "before")
    with redis.connect() as control:
        redis.ask(control, "ACL", "SETUSER", "admin", "on", "nopass", "+@all", "~*")
        redis.ask(control, "AUTH", "admin", "any")
        redis.ask(control, "ACL", "SETUSER", "default", *rules)
        put(s, "refused")  # a single command is missed when it is used first
        eventually(lambda: s.get("/health").json()["status"] == "unhealthy")
        ends = time.monotonic() + 1
        while time.monotonic() < ends:
            refused(put(s, "refused"), words)
            refused(s.patch("/sessions/before", {"increment_requests": True}), words)
            refused(s.get("/sessions/before"), words)
            time.sleep(0.05)
        health = s.get("/health")
        assert words in health.body.decode().replace('\\"', '"'), health.body
        redis.ask(control, "ACL", "SETUSER", "default", "+@all", "allkeys")
    until(s, "after")
    eventually(lambda: s.get("/health").json()["status"] != "unhealthy")  # degraded for a while


NEEDED = """
    hget hmget hset hsetnx hdel hgetall hkeys hvals hlen hexists hincrby zadd zrem zrange zrevrange zrangebylex
    zrevrangebylex zrangebyscore zrevrangebyscore zcard zcount zscore sadd srem smembers get set setbit exists del
    unlink pexpire persist evalsha ping
"""


def test_a_missing_permission_at_the_start(redis: stores.Redis, own: Any) -> None:
    """Each is found before anything is changed, and named."""
    s = own(primary=f"redis://ann:geheim@127.0.0.1:{redis.port}/0", start=False)
    for command in NEEDED.split():
        redis.answers("ACL", "SETUSER", "ann", "reset", "on", ">geheim", "+@all", "-" + command, "~aiecs:*")
        s.start(wait=False)
        assert s.process.wait(10) == 1
        assert s.log().strip().endswith(f'may not run "{command}"'), (command, s.log())
        assert "geheim" not in s.log()
    assert redis.answers("DBSIZE") == b":0\r\n"
    needed = ["+" + command for command in ["eval", "script", "select", "config", "info", *NEEDED.split()]]
    redis.answers("ACL", "SETUSER", "ann", "reset", "on", ">geheim", *needed, "~aiecs:*")
    s.start()
    assert put(s, "a").status == 201


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("sync", ["everysec", "always"])
def test_a_disk_that_is_full(own: Any, tmp_path: pathlib.Path, sync: str) -> None:
    """A Redis that always syncs ends itself; another one refuses changes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=True)
    redis = stores.Redis(disk, ("--appendfsync", sync, "--auto-aof-rewrite-percentage", "0"))
    try:
        redis.start()
        s = own(primary=redis.url())
        assert put(s, "a").status == 201
        big = {"role": "user", "content": random.randbytes(300_000).hex()}
        eventually(lambda: s.post("/conversations/a/messages", big).status in (503, 504))
        until_refused(s, "cannot write to its disk" if sync == "everysec" else "redis: ")
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        if sync == "always":
            assert redis.process and redis.process.wait(10) == 1
            redis.start()
        eventually(lambda: s.get("/sessions/a").status == 200)
        s.stop()
    finally:
        redis.stop()
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize(("url", "words"), [
    ("rediss://127.0.0.1:1/0?ssl=yes", "ssl_ca_certs"),
    ("rediss://127.0.0.1:x/0", "rediss://"),
    ("redis://127.0.0.1:x/0", "redis://"),
    ("redis://127.0.0.1/abc", "redis://"),
])
def test_wrong_url(own: Any, url: str, words: str) -> None:
    s = own(primary=url, start=False)
    s.start(wait=False)
    assert s.process.wait(10) == 2
    assert words in s.log() and "stateward: --primary: " in s.log()


def test_nobody_is_there_at_start(tmp_path: pathlib.Path, own: Any) -> None:
    server = stores.Redis(tmp_path / "redis")
    s = own(primary=server.url(), start=False).start(wait=False)
    for _ in range(200):
        try:
            if s.get("/health/live").status == 200:
                break
        except OSError:
            time.sleep(0.02)
    refused(put(s, "a"))
    server.start()
    try:
        until(s, "a")
    finally:
        server.stop()


def test_socket_and_database(redis: stores.Redis, own: Any) -> None:
    s = own(primary=f"unix:{redis.folder}/sock?db=3")
    assert put(s, "a").status == 201
    assert redis.answers("DBSIZE") == b":0\r\n"


MANY = 25_000


def pages(s: Server, path: str, **query: Any) -> list[int]:
    """The lengths of all pages of a list."""
    lengths = []
    while not lengths or query["cursor"]:
        page = s.get(f"{path}?{urlencode(query)}").json()
        lengths.append(len(page["items"]))
        query["cursor"] = page["next_cursor"]
    return lengths


def create(s: Server, count: int) -> None:
    for at in range(0, count, 1000):
        new = [{"session_id": f"s-{i}", "user_id": "u"} for i in range(at, at + 1000)]
        assert s.post("/batch/sessions/create", {"sessions": new}).status == 200


def test_lists_that_look_at_many_take_little_memory(redis: stores.Redis, own: Any) -> None:
    """Hardly anything matches the filter; lists must not hold all that they have looked at."""
    s = own(primary=redis.url())
    create(s, MANY)
    for i in range(3):
        assert s.patch(f"/sessions/s-{i * 9000}", {"updates": {"status": "rare"}}).status == 200
        s.put(f"/checkpoints/t-{i}/c", {"checkpoint_data": 1})
    before = memory(s)
    for filters in ({"status": "rare"}, {"status": "rare", "user_id": "u"}):
        found = pages(s, "/sessions", limit=2, **filters)
        assert sum(found) == 3
        assert len(found) in (3, 4)
    assert pages(s, "/sessions", status="none") == [0, 0, 0]
    assert sum(pages(s, "/sessions", user_id="u", limit=1000)) == MANY
    assert sum(pages(s, "/sessions", limit=1000)) == MANY
    assert pages(s, "/threads", limit=2) == [2, 1]
    assert SANITIZED or memory(s, "VmHWM") - before < 32 << 20


def test_clean_up_of_many(redis: stores.Redis, own: Any) -> None:
    """All ids must not be read and held again for each part of it; and it may take longer than one operation."""
    s = own("--request-timeout", "500ms", primary=redis.url())
    create(s, 5000)
    before = memory(s)
    assert s.post("/maintenance/cleanup", {"max_idle_hours": 0}).json() == {"removed": 5000}
    assert SANITIZED or memory(s, "VmHWM") - before < 16 << 20


EXPIRING = """local expiring = {}
for _, kind in ipairs({'session', 'order', 'messages', 'contexts'}) do
    for _, key in ipairs(redis.call('KEYS', '*}' .. kind .. ':default:*')) do
        if redis.call('PTTL', key) >= 0 then expiring[#expiring + 1] = key end
    end
end
return expiring"""


def fill(s: Server, id_: str) -> None:
    """A session with all the keys that it may have."""
    assert put(s, id_).status == 201
    assert s.put(f"/sessions/{id_}/context", {"context": {"a": 1}}).status in (200, 201)
    assert s.patch(f"/sessions/{id_}", {"updates": {"status": "done"}}).status == 200
    assert s.post(f"/conversations/{id_}/messages", {"role": "user", "content": "x"}).status in (200, 201)


def test_redis_drops_nothing_of_a_session(redis: stores.Redis, own: Any) -> None:
    """What expires is decided when it is read, by the setting of then; clean-up removes it."""
    s = own("--session-ttl", "1h", primary=redis.url())
    fill(s, "s")
    assert s.delete("/conversations/s/messages?keep_last=0").json() == {"removed": 1}
    assert s.post("/conversations/s/messages", {"role": "user", "content": "x"}).status == 201
    assert s.post("/conversations/none/messages?require_session=false", {"role": "user", "content": "x"}).status == 201
    fill(s, "d")
    assert s.delete("/sessions/d").status == 204
    assert redis.answers("EVAL", "return #redis.call('KEYS', '*:default:s')", "0") == b":4\r\n"
    assert redis.answers("EVAL", EXPIRING, "0") == b"*0\r\n"


# What the version before did with each write.
EXPIRE = """for _, kind in ipairs({'session', 'order', 'messages', 'contexts'}) do
    for _, key in ipairs(redis.call('KEYS', '*}' .. kind .. ':default:*')) do
        redis.call('PEXPIRE', key, ARGV[1])
    end
end
return #redis.call('KEYS', '*}session:default:*')"""

# Ids in the index of the last session that come before it, so that a clean-up finds it only after many others.
PRECEDE = """for _, key in ipairs(redis.call('KEYS', '*}sessions:default')) do
    if redis.call('ZSCORE', key, 'z') then
        for i = 1, 3000 do redis.call('ZADD', key, 0, 'a' .. i) end
        return 1
    end
end"""


@pytest.mark.parametrize("ttl", ["0", "720h", "1h"])
def test_what_an_older_version_lets_expire_stays(redis: stores.Redis, own: Any, ttl: str) -> None:
    """The setting of today holds for sessions that nobody touches, whatever it was when they were written."""
    s = own("--session-ttl", "24h", "--cleanup-interval", "0", primary=redis.url())
    ids = [f"s{i}" for i in range(100)] + ["z"]
    for id_ in ids:
        fill(s, id_)
    assert s.post("/conversations/none/messages?require_session=false", {"role": "user", "content": "x"}).status == 201
    assert s.delete("/sessions/s0").status == 204
    s.stop()
    assert redis.answers("EVAL", PRECEDE, "0") == b":1\r\n"
    assert redis.answers("EVAL", EXPIRE, "0", "6000") == b":102\r\n"
    s.args = ("--session-ttl", ttl, "--cleanup-interval", "1s")
    s.start()
    eventually(lambda: redis.answers("EVAL", EXPIRING, "0") == b"*0\r\n")
    for id_ in ids[1:]:
        assert s.get(f"/sessions/{id_}").status == s.get(f"/sessions/{id_}/context").status == 200
        assert len(s.get(f"/conversations/{id_}/messages").json()["messages"]) == 1
    assert len(s.get("/conversations/none/messages").json()["messages"]) == 1


def test_in_a_fallback_too(redis: stores.Redis, own: Any, tmp_path: pathlib.Path) -> None:
    """What an older version lets expire stays."""
    pair = Pair((f"sqlite:{tmp_path}/primary.db", redis.url()), (None, redis), single=True)
    s = own(*pair.args(), "--cleanup-interval", "1s", primary=pair.urls[0])
    until_normal(s)
    fill(s, "s")
    until_normal(s)
    assert redis.answers("EVAL", EXPIRING, "0") == b"*0\r\n"
    redis.kill()  # a connection is looked at once
    redis.start()
    assert redis.answers("EVAL", EXPIRE, "0", "60000") == b":1\r\n"
    eventually(lambda: redis.answers("EVAL", EXPIRING, "0") == b"*0\r\n")
    until_normal(s)
    s.stop()
    pair.verify()


FORGET = """for _, key in ipairs(redis.call('KEYS', '*session:default:s')) do redis.call('DEL', key) end
for _, key in ipairs(redis.call('KEYS', '*active:default')) do redis.call('ZADD', key, 1, 's') end
return 1"""


def forget(s: Server, redis: stores.Redis) -> None:
    """A session of ann of which Redis has dropped the hash alone."""
    assert s.put("/sessions/s", {"user_id": "ann"}).status in (200, 201)
    assert s.put("/sessions/s/context", {"context": {"a": 1}}).status in (200, 201)
    assert s.post("/conversations/s/messages", {"role": "user", "content": "secret", "id": "m"}).status == 201
    assert redis.answers("EVAL", FORGET, "0") == b":1\r\n"


def left(redis: stores.Redis, pattern: str) -> bytes:
    return redis.answers("EVAL", "return #redis.call('KEYS', ARGV[1])", "0", pattern)


def test_what_is_left_of_a_session_is_not_shown_to_the_next(redis: stores.Redis, own: Any) -> None:
    s = own("--session-ttl", "1h", "--cleanup-interval", "0", primary=redis.url())
    message = {"role": "user", "content": "new"}

    def shows(*contents: str) -> None:
        assert [m["content"] for m in s.get("/conversations/s/messages").json()["messages"]] == list(contents)

    forget(s, redis)
    shows()
    assert s.put("/sessions/s", {"user_id": "ben"}).status == 201
    shows()
    assert s.get("/sessions/s/context").status == 404
    assert s.get("/sessions?user_id=ann").json()["items"] == []
    assert s.post("/conversations/s/messages", message).status == 201
    shows("new")
    assert s.delete("/sessions/s").status == 204
    forget(s, redis)
    assert s.post("/conversations/s/messages?require_session=false", message).status == 201
    shows("new")
    # what another store has of the session is merged as if nothing were left of it
    with stores.redis() as other:
        o = own(primary=other.url())
        assert o.post("/conversations/s/messages?require_session=false", {**message, "id": "m"}).status == 201
        forget(s, redis)
        lines = subprocess.run([str(BINARY), "export", other.url()], capture_output=True, check=True).stdout
        subprocess.run([str(BINARY), "import", redis.url()], input=lines, capture_output=True, check=True)
    shows("new")


def test_what_is_left_of_a_session_is_cleaned_up(redis: stores.Redis, own: Any) -> None:
    s = own("--session-ttl", "1h", "--cleanup-interval", "0", primary=redis.url())
    forget(s, redis)
    assert s.get("/stats").json()["total_messages"] == 0  # what has expired is not counted
    s.post("/maintenance/cleanup", {"max_idle_hours": 0})
    assert left(redis, "*:default:s") == b":0\r\n"
    assert left(redis, "*active:default") == left(redis, "*sessions:default") == b":0\r\n"
    assert s.get("/stats").json()["total_messages"] == 0
    assert s.get("/sessions?user_id=ben").json()["items"] == []
    assert left(redis, "*user:default:ann") == b":1\r\n"
    assert s.get("/sessions?user_id=ann").json()["items"] == []
    assert left(redis, "*user:default:ann") == b":0\r\n"


def test_a_list_takes_out_of_the_set_of_a_user_only_what_is_gone(redis: stores.Redis, own: Any) -> None:
    s = own("--session-ttl", "1h", "--cleanup-interval", "0", primary=redis.url())
    forget(s, redis)
    assert s.put("/sessions/stays", {"user_id": "ann"}).status == 201
    s.post("/maintenance/cleanup", {"max_idle_hours": 1})
    for _ in range(2):
        assert [i["session_id"] for i in s.get("/sessions?user_id=ann").json()["items"]] == ["stays"]
    sets = "return redis.call('SUNION', unpack(redis.call('KEYS', '*user:default:ann')))"
    assert redis.answers("EVAL", sets, "0") == b"*1\r\n$5\r\nstays\r\n"


STEPS = 400


LONGEST = """local most = 0
for _, entry in ipairs(redis.call('SLOWLOG', 'GET', 1000)) do
    local more = string.match(entry[4][#entry[4]], '%((%d+) more arguments%)')
    most = math.max(most, tonumber(more or 0))
end
return most"""


def words_of(redis: stores.Redis, change: Callable[[], Answer]) -> int:
    """How many words the longest command of a change has."""
    redis.answers("CONFIG", "SET", "slowlog-log-slower-than", "0")
    redis.answers("CONFIG", "SET", "slowlog-max-len", "1000")
    redis.answers("SLOWLOG", "RESET")
    answer = change()
    assert answer.status in (200, 204), answer.body
    return int(redis.answers("EVAL", LONGEST, "0")[1:])


SUM = """local n = 0
for _, key in ipairs(redis.call('KEYS', ARGV[2])) do n = n + redis.call(ARGV[1], key) end
return n"""


def count(redis: stores.Redis, command: str, pattern: str) -> int:
    """What a command counts in all keys of a pattern."""
    return int(redis.answers("EVAL", SUM, "0", command, pattern)[1:])


def test_what_goes_from_a_thread_goes_by_few_commands(redis: stores.Redis, own: Any) -> None:
    """Redis does nothing else while it runs the script of a removal."""
    s = own(primary=redis.url())
    for i in range(STEPS):
        step = {"checkpoint_data": {"text": "and so on " * 20, "i": i}, "metadata": {"run_id": f"run {i // 50}"}}
        assert s.put(f"/checkpoints/t/c-{i:03}", step).status == 201
        if i % 2:
            assert s.put(f"/writes/t/c-{i:03}/task", {"writes": [{"idx": 0, "channel": "a", "value": 1}]}).status == 201
    prune = {"thread_ids": ["t"], "keep_last": STEPS // 2}
    assert STEPS < words_of(redis, lambda: s.post("/maintenance/prune", prune)) < 6 * STEPS
    assert count(redis, "HLEN", "*checkpoints:default:t:") == count(redis, "ZCARD", "*created:default") == STEPS // 2
    assert count(redis, "SCARD", "*run:default:*") == STEPS // 2
    assert count(redis, "EXISTS", "*writes:default:t:*") == count(redis, "HLEN", "*weights:default:t:") == STEPS // 4
    assert count(redis, "HLEN", "*values:default:t:") == count(redis, "ZCARD", "*names:default:t:") >= STEPS // 2
    assert count(redis, "HLEN", "*bases:default:t:") <= count(redis, "HLEN", "*values:default:t:")
    assert s.get(f"/checkpoints/t/c-{STEPS // 2}").json()["checkpoint_data"]["i"] == STEPS // 2
    assert words_of(redis, lambda: s.delete("/threads/t")) < 3 * (STEPS // 2)
    assert count(redis, "EXISTS", "*:default:t*") == 1  # its tombstone
    assert count(redis, "EXISTS", "*created:default") == count(redis, "EXISTS", "*run:default:*") == 0
