from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from stateward import (
    AsyncClient,
    Client,
    FormMismatch,
    NotFoundError,
    PreconditionFailed,
    SessionNotFoundError,
    StorageError,
    _calls,
    _checkpoint_calls,
    _retry,
    _service_calls,
    types,
)
from stateward.errors import InvalidRequestError, KeyReusedError, SessionExistsError
from stateward.langgraph import StatewardSaver
from tests.conftest import Server
from tests.raw_server import HANG_UP, answer, serving

Call = Callable[..., Awaitable[Any]]


@pytest.fixture(params=["sync", "async"])
async def call(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Call]:
    """Calls a method of the client by its name."""
    if request.param == "async":
        async with AsyncClient(server.url) as client:
            yield lambda name, *args, **kwargs: getattr(client, name)(*args, **kwargs)
    else:
        with Client(server.url) as sync:

            async def run(name: str, *args: Any, **kwargs: Any) -> Any:
                return getattr(sync, name)(*args, **kwargs)

            yield run


async def test_sessions(call: Call, uid: Callable[[], str]) -> None:
    id_ = f"a/b {uid()}"
    made = await call("create_session", "u-1", id_, {"a": 2**70})
    assert made["session_id"] == id_
    assert made["metadata"] == {"a": 2**70}
    assert made["metrics"] == {"request_count": 0, "total_processing_time": 0.0, "error_count": 0}
    assert await call("get_session", id_) == made
    with pytest.raises(SessionExistsError):
        await call("create_session", "u-1", id_)
    put = await call("put_session", id_, "u-2", with_context=True, if_match=made["version"])
    assert (put["user_id"], put["metadata"], put["created_at"]) == ("u-2", {}, made["created_at"])
    with pytest.raises(PreconditionFailed):
        await call("put_session", id_, "u-3", if_match=made["version"])
    updated = await call(
        "update_session",
        id_,
        {"status": "busy", "metadata_merge": {"b": 1}},
        increment_requests=True,
        add_processing_time=0.5,
        mark_error=True,
        if_match=put["version"],
    )
    assert (updated["status"], updated["metadata"]) == ("busy", {"b": 1})
    assert list(updated["metrics"].values()) == [1, 0.5, 1]
    assert (await call("end_session", id_))["status"] == "completed"
    await call("delete_session", id_, threads=True)
    await call("delete_session", id_)
    for name in ("get_session", "update_session", "end_session", "get_context"):
        with pytest.raises(SessionNotFoundError) as caught:
            await call(name, id_)
        assert str(caught.value) == f"Session {id_} not found"
    with pytest.raises(SessionNotFoundError):
        await call("put_context", id_, 1)
    with pytest.raises(SessionNotFoundError):
        await call("add_message", id_, "user", "x")


async def test_idempotency_keys(call: Call, uid: Callable[[], str]) -> None:
    key = uid()
    first = await call("create_session", "u", idempotency_key=key)
    again = await call("create_session", "u", idempotency_key=key)
    assert again["session_id"] == first["session_id"]
    with pytest.raises(KeyReusedError):
        await call("create_session", "other", idempotency_key=key)
    id_, key = first["session_id"], uid()
    for _ in range(3):
        await call("update_session", id_, increment_requests=True, idempotency_key=key)
    await call("update_session", id_, increment_requests=True)
    assert (await call("get_session", id_))["metrics"]["request_count"] == 2


async def test_list_and_batches(call: Call, uid: Callable[[], str]) -> None:
    user, ids = uid(), sorted(uid() for _ in range(5))
    sessions = [{"session_id": id_, "user_id": user} for id_ in ids]
    assert [r["created"] for r in await call("create_sessions", sessions)] == [True] * 5
    assert [r["created"] for r in await call("create_sessions", sessions[:1])] == [False]
    got = await call("get_sessions", [*ids, uid()])
    assert [s and s["session_id"] for s in got] == [*ids, None]
    found, cursor = [], None
    while True:
        page = await call("list_sessions", user_id=user, status="active", limit=2, cursor=cursor)
        found += [s["session_id"] for s in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(found) == ids
    assert (await call("list_sessions", user_id=user, status="completed"))["items"] == []


def test_what_a_message_and_a_session_must_have(server: Server) -> None:
    """A type checker says so first: these need their `ignore`."""
    with Client(server.url) as client:
        with pytest.raises(InvalidRequestError, match="content"):
            client.add_messages("s", [{"role": "user"}])  # type: ignore[typeddict-item]
        with pytest.raises(InvalidRequestError, match="role"):
            client.add_messages("s", [{"content": "x"}])  # type: ignore[typeddict-item]
        with pytest.raises(InvalidRequestError, match="user_id"):
            client.create_sessions([{"session_id": "s"}])  # type: ignore[typeddict-item]


async def test_contexts(call: Call, uid: Callable[[], str]) -> None:
    one, two = uid(), uid()
    for id_ in (one, two):
        await call("put_session", id_, "u")
    with pytest.raises(NotFoundError):
        await call("get_context", one)
    assert [await call("put_context", one, {"n": n}) for n in range(3)] == [1, 2, 3]
    assert (await call("get_context", one))["context"] == {"n": 2}
    assert (await call("get_context", one, 1))["context"] == {"n": 0}
    assert [v["version"] for v in await call("list_context_versions", one, limit=2)] == [3, 2]
    with pytest.raises(PreconditionFailed):
        await call("put_context", one, None, if_match=2)
    assert await call("share_context", two, one) == 1
    assert await call("share_context", two, one, 1) == 2
    assert (await call("get_context", two))["context"] == {"n": 0}
    assert await call("put_context", uid(), "no session", require_session=False) == 1
    with pytest.raises(SessionNotFoundError, match="/from/session_id: There is no session"):
        await call("share_context", two, uid())


async def test_conversations(call: Call, uid: Callable[[], str]) -> None:
    id_ = uid()
    await call("put_session", id_, "u")
    receipt = await call("add_message", id_, "user", "ü\u0000\ud83d", {"a": 1}, id="m-1")
    assert (receipt["id"], receipt["created"]) == ("m-1", True)
    assert not (await call("add_message", id_, "user", "other", id="m-1"))["created"]
    messages = [{"role": "ai", "content": {"n": n}} for n in range(4)]
    receipts = await call("add_messages", id_, messages)
    assert [r["created"] for r in receipts] == [True] * 4
    assert len({r["id"] for r in receipts}) == 4
    history = (await call("get_messages", id_))["messages"]
    assert [m["content"] for m in history] == ["ü\u0000\ud83d", *({"n": n} for n in range(4))]
    assert history[0]["metadata"] == {"a": 1}
    assert (await call("get_messages", id_, limit=0))["messages"] == history
    page = await call("get_messages", id_, limit=2)
    assert page["messages"] == history[3:]
    older = await call("get_messages", id_, limit=2, before=page["next_before"])
    assert older["messages"] == history[1:3]
    newer = await call("get_messages", id_, after=older["next_after"])
    assert newer["messages"] == history[3:]
    assert await call("delete_messages", id_, keep_last=2) == 3
    assert (await call("get_messages", id_))["messages"] == history[3:]
    assert (await call("get_messages", uid()))["messages"] == []
    assert (await call("add_message", uid(), "user", "", require_session=False))["created"]


async def test_threads(call: Call, uid: Callable[[], str]) -> None:
    thread, target = uid(), uid()
    with pytest.raises(NotFoundError):
        await call("get_thread", thread)
    assert await call("copy_thread", thread, target) == {"checkpoints": 0, "writes": 0}
    assert await call("prune", [thread], keep_last=2, older_than="2026-01-01T00:00:00Z") == 0
    old = datetime(2026, 1, 1)
    assert await call("prune", [thread], strategy=None, older_than=old) == 0
    assert await call("delete_runs", [uid()]) == 0
    await call("delete_thread", thread)
    assert (await call("list_threads", prefix=thread, updated_after=old))["items"] == []


async def test_a_url_that_leads_past_the_service(server: Server, uid: Callable[[], str]) -> None:
    """That there is no such path does not mean that there is no such thing."""
    url = server.url + "/elsewhere"
    at: RunnableConfig = {"configurable": {"thread_id": uid()}}
    with StatewardSaver.from_url(url) as saver, Client(url) as client:
        reads: list[Callable[[], Any]] = [
            lambda: saver.get_tuple(at),
            lambda: client.get_session(uid()),
            lambda: client.get_thread(uid()),
        ]
        for read in reads:
            with pytest.raises(StorageError, match=r"GET /.*: there is no such path") as caught:
                read()
            assert not isinstance(caught.value, NotFoundError)
            assert caught.value.status == 404
    async with StatewardSaver.from_url(url) as saver:
        with pytest.raises(StorageError, match="is the URL right"):
            await saver.aget_tuple(at)


async def test_errors_name_the_parameters_of_methods(call: Call) -> None:
    with pytest.raises(InvalidRequestError, match=r"^thread_id: must not be empty$"):
        await call("get_thread", "")
    with pytest.raises(InvalidRequestError, match=r"^session_id: must be at most 512 bytes"):
        await call("get_session", "x" * 513)
    with pytest.raises(InvalidRequestError, match=r"^checkpoint_id: must not contain"):
        await call("get_writes", "t", "a\0")
    with pytest.raises(InvalidRequestError, match=r"^task_id: must not be empty"):
        await call("put_writes", "t", "c", "", [])


@pytest.mark.parametrize("given", ["t", b"t", bytearray(b"t")])
async def test_a_single_id_is_no_list(call: Call, uid: Callable[[], str], given: Any) -> None:
    await call("put_checkpoint", "t", "c", {})
    for name in ("prune", "delete_runs", "get_sessions"):
        with pytest.raises(TypeError, match="must be a sequence of ids, not a"):
            await call(name, given)
    with pytest.raises(TypeError, match="must be a sequence of ids, not a"):
        await call("put_channels", uid(), "c", {"channel_versions": {}}, [], removed=given)
    with pytest.raises(TypeError, match="must be a sequence of ids, not a"):
        await call("prune", given, strategy="delete")
    assert (await call("get_thread", "t"))["checkpoints"] == 1
    await call("delete_thread", "t")


async def test_only_what_has_changed(call: Call, uid: Callable[[], str]) -> None:
    id_ = uid()
    made = await call("put_session", id_, "u", if_absent=True)
    with pytest.raises(PreconditionFailed):
        await call("put_session", id_, "u", if_absent=True)
    assert await call("get_session_if_changed", id_, made["version"]) is None
    assert (await call("get_session_if_changed", id_, made["version"] + 1)) == made
    await call("put_context", id_, 1)
    assert await call("get_context_if_changed", id_, 1) is None
    assert (await call("get_context_if_changed", id_, 7))["context"] == 1
    with pytest.raises(PreconditionFailed):
        await call("share_context", id_, id_, if_match=7)
    for name in ("end_session", "delete_session"):
        with pytest.raises(PreconditionFailed):
            await call(name, id_, if_match=made["version"] + 7)
    await call("delete_session", id_, if_match=made["version"])
    with pytest.raises(SessionNotFoundError):
        await call("get_session_if_changed", id_, made["version"])


async def test_documents(call: Call, uid: Callable[[], str]) -> None:
    thread, mark = uid(), uid()
    for n in range(3):
        stored = await call("put_checkpoint", thread, f"c{n}", {"n": n}, {"mark": mark, "n": n},
                            parent_checkpoint_id=f"c{n - 1}" if n else None)  # fmt: skip
        assert stored == {"thread_id": thread, "ns": "", "checkpoint_id": f"c{n}"}
    writes = [{"channel": "a", "value": [1]}, {"channel": "b", "value": None, "idx": 5}]
    await call("put_writes", thread, "c2", "t", writes, task_path="p")
    read = await call("get_checkpoint", thread, "c2")
    assert (read["checkpoint_data"], read["parent_checkpoint_id"]) == ({"n": 2}, "c1")
    assert read["writes"] == await call("get_writes", thread, "c2")
    assert [(w["idx"], w["value"]) for w in read["writes"]] == [(0, [1]), (5, None)]
    assert await call("get_latest_checkpoint", thread) == read
    for name in ("list_checkpoints", "query_checkpoints"):
        first = await call(name, thread_id=thread, limit=2)
        rest = await call(name, thread_id=thread, limit=2, cursor=first["next_cursor"])
        ids = [item["checkpoint_id"] for item in first["items"] + rest["items"]]
        assert (ids, rest["next_cursor"]) == (["c2", "c1", "c0"], None)
        found = await call(name, filter={"mark": mark, "n": 1}, values=False)
        assert [item["checkpoint_id"] for item in found["items"]] == ["c1"]
        found = await call(name, thread_id=thread, before="c1", ns="")
        assert [item["checkpoint_id"] for item in found["items"]] == ["c0"]
    await call("delete_thread", thread)
    with pytest.raises(NotFoundError):
        await call("get_latest_checkpoint", thread)


async def test_channels(call: Call, uid: Callable[[], str]) -> None:
    thread, ns = uid(), "sub:1"
    value = {"channel": "a", "version": 1, "type": "text", "base64": "aGk="}
    head = {"channel_versions": {"a": 1}, "any": "thing"}
    await call("put_channels", thread, "c1", head, [value], {"m": 1}, ns=ns)
    await call(
        "put_channels", thread, "c2", head, [], removed=["b"], parent_checkpoint_id="c1", ns=ns
    )
    write = {"idx": 0, "channel": "a", "type": "text", "base64": ""}
    await call("put_writes", thread, "c2", "t", [write], mode="ignore", ns=ns)
    read = await call("get_checkpoint", thread, "c2", ns=ns)
    assert (read["checkpoint"], read["values"], read["metadata"]) == (head, [value], {})
    assert read["writes"] == [{"task_id": "t", "task_path": "", **write}]
    page = await call("query_checkpoints", thread_id=thread, checkpoint_id="c1")
    assert [page["values"][index] for index in page["items"][0]["values"]] == [value]
    with pytest.raises(FormMismatch):
        await call("put_checkpoint", thread, "c3", {}, ns=ns)


async def test_service(call: Call, uid: Callable[[], str]) -> None:
    assert (await call("health"))["status"] == "healthy"
    assert (await call("live"))["status"] == "live"
    assert (await call("ready"))["status"] == "ready"
    assert (await call("startup"))["status"] == "started"
    assert "# TYPE " in await call("metrics")
    assert (await call("openapi"))["openapi"].startswith("3.1")
    assert (await call("stats", fresh=True))["total_sessions"] >= 0
    assert await call("cleanup", 10_000) == 0
    with pytest.raises(InvalidRequestError) as caught:
        await call("list_sessions", limit=0)
    assert caught.value.problem["errors"][0]["pointer"]


async def test_repeats_carry_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "_DELAYS", (0.0, 0.0, 0.0))
    session = dict.fromkeys(types.Session.__required_keys__)
    receipts = {"messages": [{"id": "m"}]}
    answers = (HANG_UP, answer(201, session), HANG_UP, answer(201, receipts))
    with serving(*answers) as server, Client(server.url) as client:
        client.create_session("u")
        client.add_message("s", "user", "x")
    first, second, third, fourth = server.seen
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] != ""
    assert third.body == fourth.body
    assert b'"id":"' in third.body


def test_many_increments_at_once(server: Server, uid: Callable[[], str]) -> None:
    id_ = uid()
    with Client(server.url) as client:
        client.put_session(id_, "u")
        with ThreadPoolExecutor(8) as pool:
            list(
                pool.map(lambda _: client.update_session(id_, increment_requests=True), range(200))
            )
        assert client.get_session(id_)["metrics"]["request_count"] == 200


async def test_many_messages_across_a_crash(own_server: Server) -> None:
    async with AsyncClient(own_server.url) as client:
        await client.put_session("s", "u")
        sending = asyncio.gather(*(client.add_message("s", "user", n) for n in range(300)))
        await asyncio.sleep(0.05)
        own_server.kill()
        own_server.start(wait=False)
        assert len(await sending) == 300
        history = (await client.get_messages("s", limit=0))["messages"]
    assert sorted(m["content"] for m in history) == [*range(300)]


def test_both_clients_have_every_call() -> None:
    calls = {
        name
        for module in (_calls, _checkpoint_calls, _service_calls)
        for name, call in vars(module).items()
        if inspect.isgeneratorfunction(call) and not name.startswith("_")
    } - {"in_batches"}
    assert len(calls) > 40
    assert calls <= {*vars(Client)} & {*vars(AsyncClient)}
    assert str(inspect.signature(Client.get_session)).startswith("(self, /, session_id")
    assert "session_id" in inspect.signature(Client("http://x").get_session).parameters
    assert AsyncClient.get_session.__doc__ == _calls.get_session.__doc__
    assert inspect.iscoroutinefunction(AsyncClient.get_session)
