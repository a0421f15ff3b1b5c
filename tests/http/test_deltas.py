"""Values stored as deltas: several services on one store, some without a cache."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Server
from patching import step, stored, whole

STEPS = 70


@pytest.fixture(params=["postgres", "redis"])
def pair(request: pytest.FixtureRequest, own: Any, uid: str) -> list[Server]:
    """Two services on one store; the second one caches nothing."""
    name = uid.replace("-", "_")
    if request.param == "postgres":
        url, args = request.getfixturevalue("postgres").url(), ("--postgres-schema", name)
    else:
        url, args = request.getfixturevalue("quick_redis").url(), ("--redis-prefix", name + ":")
    return [own(*args, primary=url), own(*args, "--cache-bytes", "0", primary=url)]


@pytest.mark.parametrize("patched", [True, False])
def test_two_services_take_turns(pair: list[Server], uid: str, patched: bool) -> None:
    for n in range(STEPS):
        step(pair[n % 2], uid, n, patched)
        assert stored(pair[(n + 1) % 2], uid, f"c{n:03}") == whole(n)
    for n in range(STEPS):
        assert stored(pair[n % 2], uid, f"c{n:03}") == whole(n)
    size = pair[0].get(f"/threads/{uid}").json()["bytes"]
    assert size < STEPS * 200 * 4, size
    assert pair[0].delete(f"/threads/{uid}").status == 204
    step(pair[1], uid, 0)
    step(pair[0], uid, 1, False)  # what it was based on is gone
    assert [stored(s, uid, "c001") for s in pair] == [whole(1)] * 2


def test_pruned_by_the_other(pair: list[Server], uid: str) -> None:
    for n in range(40):
        step(pair[0], uid, n)
    answer = pair[1].post("/maintenance/prune", {"thread_ids": [uid], "strategy": "keep_latest"})
    assert answer.json()["removed"] == 39
    for n in range(40, 50):
        step(pair[0], uid, n)
        assert stored(pair[1], uid, f"c{n:03}") == whole(n)
