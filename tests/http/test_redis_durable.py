"""How durable a Redis is, and what it may not be asked: what the service says of it."""

from __future__ import annotations

import pathlib
import re
import subprocess
import time
from typing import Any

import pytest
import stores
from conftest import BINARY, Server
from dying import until
from pairs import until_state


def says(s: Server, durability: str) -> bool:
    return bool(s.get("/health").json()["backends"][0]["durability"] == durability)


def test_how_durable_it_is(redis: stores.Redis, own: Any) -> None:
    """Asked each second, so a Redis that comes back with other settings is noticed, too."""
    s = own(primary=redis.url())

    until(lambda: says(s, "durable"))
    assert "volatile" not in s.log()
    redis.kill()
    redis.args += ("--appendfsync", "everysec")
    redis.start()
    until(lambda: says(s, "volatile"))
    until(lambda: any(line["event"] == "volatile" and line["level"] == "warning" for line in s.log_lines()))
    redis.answers("CONFIG", "SET", "appendfsync", "always")
    until(lambda: says(s, "durable"))
    redis.answers("CONFIG", "SET", "no-appendfsync-on-rewrite", "yes")  # it does not sync while a child saves
    until(lambda: says(s, "volatile"))
    redis.answers("CONFIG", "SET", "no-appendfsync-on-rewrite", "no")
    until(lambda: says(s, "durable"))
    redis.answers("ACL", "SETUSER", "default", "-config")
    until(lambda: says(s, "volatile"))


def test_a_file_that_is_switched_on_while_redis_runs(redis: stores.Redis, own: Any) -> None:
    """It brings everything back only when its first rewrite has ended. Later ones change nothing."""
    s = own(primary=redis.url())

    def rewrites() -> bool:
        return b"aof_rewrite_in_progress:1" in redis.answers("INFO", "persistence")

    until(lambda: says(s, "durable"))
    redis.answers("CONFIG", "SET", "appendonly", "no")
    until(lambda: says(s, "volatile"))
    redis.answers("EVAL", "for i = 1, 200 do redis.call('set', 'other' .. i, i) end", "0")
    redis.answers("CONFIG", "SET", "rdb-key-save-delay", "20000")
    redis.answers("CONFIG", "SET", "appendonly", "yes")
    until(rewrites)
    while rewrites():
        time.sleep(0.1)
        assert says(s, "volatile") or not rewrites()
    until(lambda: says(s, "durable"))
    redis.answers("BGREWRITEAOF")
    until(rewrites)
    while rewrites():
        time.sleep(0.1)
        assert says(s, "durable")
    redis.kill()  # with it ends what was known of its file
    redis.start()
    until(lambda: s.put("/sessions/a", {"user_id": "u"}).status in (200, 201) and says(s, "durable"))


def test_one_that_throws_data_away(redis: stores.Redis, own: Any) -> None:
    """Any policy but noeviction takes what was answered, though it is synced; without a limit it does nothing."""
    redis.stop()
    redis.args += ("--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl")
    redis.start()
    s = own(primary=redis.url())

    def shows(durability: str, by: str | None = None) -> None:
        until(lambda: [s.get("/health").json()["backends"][0].get(key) for key in ("durability", "volatile_by")]
                   == [durability, by])

    def warnings() -> int:
        return sum(line["event"] == "volatile" and "maxmemory-policy" in line["message"] for line in s.log_lines())

    shows("volatile", "maxmemory-policy")
    until(lambda: warnings() == 1)
    redis.answers("CONFIG", "SET", "maxmemory-policy", "noeviction")
    shows("durable")
    redis.answers("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    shows("volatile", "maxmemory-policy")
    until(lambda: warnings() == 2)
    done = subprocess.run([str(BINARY), "diagnose", redis.url()], capture_output=True, text=True)
    assert re.search("durable .*maxmemory-policy", done.stdout), done.stdout
    redis.answers("CONFIG", "SET", "maxmemory", "0")
    shows("durable")
    redis.answers("CONFIG", "SET", "maxmemory", "100mb")
    redis.answers("ACL", "SETUSER", "default", "-config")
    shows("volatile", "maxmemory-policy")
    redis.answers("ACL", "SETUSER", "default", "+config", "-info")
    shows("volatile")


@pytest.mark.parametrize("by", ["acl", "rename-command"])
def test_without_info(own: Any, tmp_path: pathlib.Path, by: str) -> None:
    """Nobody knows how durable it is then, and a pair would not know which Redis it is."""
    with stores.redis(*(("--rename-command", "INFO", "") if by == "rename-command" else ())) as redis:
        if by == "acl":
            redis.answers("ACL", "SETUSER", "default", "-info")
        s = own(primary=redis.url())
        for _ in range(2):
            assert s.put("/sessions/a", {"user_id": "u"}).status == 201
            assert s.patch("/sessions/a", {"increment_requests": True}).status == 200
            assert s.delete("/sessions/a").status == 204
        assert says(s, "volatile")
        assert subprocess.run([str(BINARY), "diagnose", redis.url()], stdout=subprocess.DEVNULL).returncode == 0
        s.stop()
        both = ("--fallback", f"sqlite:{tmp_path}/fallback.db", "--single-instance")
        s = own(*both, primary=redis.url(), start=False).start(wait=False)
        assert s.process.wait(10) == 1
        assert s.log().strip().endswith('may not run "info"')


def test_a_pair_that_may_not_ask_info_any_more(redis: stores.Redis, own: Any, tmp_path: pathlib.Path) -> None:
    s = own("--fallback", f"sqlite:{tmp_path}/fallback.db", "--single-instance", primary=redis.url())
    until_state(s, "normal")
    redis.answers("ACL", "SETUSER", "default", "-info")
    until_state(s, "on_fallback")
    until(lambda: 'may not run \\"info\\"' in s.log())
    redis.answers("ACL", "SETUSER", "default", "+info")
    until_state(s, "normal")
