"""Two instances on one store: they start at once, count together, and keep one order of messages."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from conftest import Server

SHARED = pytest.mark.parametrize("fresh", ["postgres", "redis"], indirect=True)
COUNTS, MESSAGES, COPIES = 400, 200, 60


@pytest.fixture
def both(fresh: Any) -> list[Server]:
    """Two instances that start at once on an empty store: whoever comes first makes what both need."""
    servers: list[Server] = [fresh(start=False) for _ in range(2)]
    for server in servers:
        server.start(wait=False)
    for server in servers:
        server.wait_ready()
    servers[0].session("s")
    return servers


@SHARED
def test_all_increments_count(both: list[Server]) -> None:
    def patch(number: int) -> int:
        return both[number % 2].patch("/sessions/s", {"increment_requests": True}).status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(patch, range(COUNTS))) == {200}
    for server in both:
        assert server.get("/sessions/s").json()["metrics"]["request_count"] == COUNTS


@SHARED
def test_messages_stay_in_order(both: list[Server]) -> None:
    """A message that was answered before another was sent has the lower seq, whichever instance took it."""
    def append(number: int) -> int:
        answer = both[number % 2].post("/conversations/s/messages", {"role": "u", "content": number})
        assert answer.status == 201, answer.body
        return int(answer.json()["messages"][0]["seq"])

    def one_after_the_other(start: int) -> list[int]:
        return [append(start + i) for i in range(MESSAGES // 8)]

    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(one_after_the_other, range(0, 8000, 1000)))
    assert all(run == sorted(run) for run in runs)
    pages = [server.get("/conversations/s/messages?limit=0").json()["messages"] for server in both]
    assert pages[0] == pages[1] and len(pages[0]) == MESSAGES
    seqs = [m["seq"] for m in pages[0]]
    assert all(a < b for a, b in zip(seqs, seqs[1:], strict=False))
    assert sorted(seq for run in runs for seq in run) == seqs


@SHARED
def test_a_key_repeated_at_the_other_instance_counts_once(both: list[Server]) -> None:
    def patch(number: int) -> tuple[int, bool]:
        answer = both[number % 2].patch("/sessions/s", {"increment_requests": True},
                                        headers={"Idempotency-Key": f"k{number // 4}"})
        return answer.status, answer.headers["Idempotency-Replayed"] == "true"

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(patch, range(80)))
    assert {status for status, _ in answers} == {200}
    assert sum(not replayed for _, replayed in answers) == 20
    assert both[1].get("/sessions/s").json()["metrics"]["request_count"] == 20


def step(number: int, run: str = "r") -> dict[str, Any]:
    """A checkpoint whose head is stored as the difference from the one before."""
    return {"checkpoint": {"channel_versions": {}, "number": number, "long": random.Random(1).randbytes(300).hex()},
            "metadata": {"run_id": run}, "values": []}


@SHARED
def test_runs_that_are_deleted_take_nothing_that_others_need(both: list[Server]) -> None:
    threads, runs = 5, 7

    def put(thread: int) -> set[int]:
        seen = set()
        for number in range(200):
            path = f"/checkpoints/t{thread}/{number:06}"
            assert both[1].put(path, step(number, f"{thread}.{number % runs}")).status == 201
            seen.add(both[number % 2].get(path).status)
        return seen

    def delete(seed: int) -> None:
        choose = random.Random(seed)
        while not all(p.done() for p in puts):
            body = {"run_ids": [f"{choose.randrange(threads)}.{choose.randrange(runs)}"]}
            assert both[seed].post("/maintenance/delete-runs", body).status == 200

    with ThreadPoolExecutor(threads + 2) as pool:
        puts = [pool.submit(put, thread) for thread in range(threads)]
        for d in [pool.submit(delete, seed) for seed in range(2)]:
            d.result()
    assert set().union(*(p.result() for p in puts)) <= {200, 404}


@pytest.mark.parametrize("fresh", ["postgres"], indirect=True)
def test_a_copy_of_a_thread_that_changes_is_what_it_was_at_one_time(both: list[Server]) -> None:
    """The counts of the copy are those of what is there."""
    assert both[1].put("/checkpoints/t/first", step(0)).status == 201
    done = threading.Event()

    def put(client: int) -> None:
        number = 1
        while not done.is_set():
            assert both[1].put(f"/checkpoints/t/{client}.{number:06}", step(number)).status == 201
            number += 1

    with ThreadPoolExecutor(4) as pool:
        puts = [pool.submit(put, client) for client in range(4)]
        try:
            for i in range(COPIES):
                assert both[0].post("/threads/t/copy", {"to": f"copy{i}"}).status == 200
                assert both[0].post("/maintenance/prune", {"thread_ids": ["t"], "keep_last": 100}).status == 200
        finally:
            done.set()
        for p in puts:
            p.result()
    for i in range(COPIES):
        listed = both[0].get(f"/checkpoints?thread_id=copy{i}&limit=1000")
        assert listed.status == 200, (i, listed.body)
        assert both[0].get(f"/threads/copy{i}").json()["checkpoints"] == len(listed.json()["items"]), i


@SHARED
def test_writes_into_a_thread_that_is_deleted_leave_nothing(both: list[Server], request: pytest.FixtureRequest,
                                                            uid: str) -> None:
    def put(thread: str, name: str) -> set[int]:
        seen = set()
        for i in range(100):
            body = {"writes": [{"channel": "a", "value": i}]}
            seen.add(both[1].put(f"/writes/{thread}/c0000/{name}.{i}", body).status)
        return seen

    for thread in ("t1", "t2"):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i, thread=thread: both[0].put(  # type: ignore[misc]
                f"/checkpoints/{thread}/c{i:04}", {"checkpoint_data": i}), range(1500)))
            puts = [pool.submit(put, thread, str(client)) for client in range(7)]
            time.sleep(0.05)
            assert both[0].delete(f"/threads/{thread}").status == 204
            assert set().union(*(p.result() for p in puts)) <= {200, 201}
        both[0].delete(f"/threads/{thread}")
    if "postgres" in request.node.name:
        left = request.getfixturevalue("postgres").sql(
            f'SELECT count(*) FROM "{uid.replace("-", "_")}".checkpoint_writes')
        assert left == "0"


@pytest.mark.parametrize("fresh", ["postgres"], indirect=True)
def test_neither_waits_for_what_waits_for_it(both: list[Server], request: pytest.FixtureRequest) -> None:
    """A session and the thread of its id are locked in one order, by whichever requests of whichever instance."""
    postgres = request.getfixturevalue("postgres")
    ids, chosen = [f"both-{i}" for i in range(12)], random.Random(9)
    for id_ in ids:
        both[0].session(id_)
        assert both[0].put(f"/checkpoints/{id_}/first", {"checkpoint_data": {}}).status == 201

    def change(number: int) -> int:
        server, id_ = chosen.choice(both), chosen.choice(ids)
        message = {"role": "u", "content": number} | ({"id": f"m{number}"} if number % 8 == 3 else {})
        return chosen.choice([
            lambda: server.patch(f"/sessions/{id_}", {"increment_requests": True}),
            lambda: server.put(f"/checkpoints/{id_}/c{number}", {"checkpoint_data": {"n": number}}),
            lambda: server.put(f"/writes/{id_}/first/t{number}", {"writes": [{"channel": "c", "value": number}]}),
            lambda: server.post(f"/conversations/{id_}/messages", message),
        ])().status

    before = len((postgres.folder / "log").read_text())
    postgres.sql("ALTER SYSTEM SET deadlock_timeout = '50ms'")
    postgres.sql("SELECT pg_reload_conf()")
    try:
        with ThreadPoolExecutor(24) as pool:
            assert set(pool.map(change, range(6000))) == {200, 201}
    finally:
        postgres.sql("ALTER SYSTEM RESET deadlock_timeout")
        postgres.sql("SELECT pg_reload_conf()")
    log = (postgres.folder / "log").read_text()[before:]
    assert not [line for line in log.splitlines() if "deadlock detected" in line or "lock timeout" in line]
