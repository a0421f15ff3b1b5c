"""What proxies, portals and other services answer is never taken for an answer of stateward."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from stateward import AsyncClient, Client, _retry, errors, frame
from stateward._async import AsyncTransport
from stateward._sync import SyncTransport
from stateward.errors import OutcomeUnknown, StorageConnectionError, StorageError
from stateward.langgraph import StatewardSaver
from stateward.transport import Request
from tests.raw_server import HANG_UP, answer, serving
from tests.test_saver import METADATA, checkpoint, config

HTML = "text/html; charset=utf-8"
PAGE = b"<html>Log in first"
PORTAL = answer(200, PAGE, Content_Type=HTML)
READ = Request("GET", "/x?q=1")
CHANGE = Request("PUT", "/x", b"{}", {"Content-Type": "application/json"})
REMOVAL = Request("DELETE", "/x", answer=None)


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "_DELAYS", (0.0, 0.0, 0.0))


async def failed(request: Request, *answers: bytes) -> StorageError:
    """How both transports fail at a request: in the same way."""
    caught = []
    for kind in (SyncTransport, AsyncTransport):
        with serving(*answers) as server:
            transport = kind(server.url)
            with pytest.raises(StorageError) as error:
                if isinstance(transport, SyncTransport):
                    await asyncio.to_thread(transport.send, request)
                else:
                    await transport.send(request)
            caught.append((error.value, len(server.seen)))
            if isinstance(transport, SyncTransport):
                transport.close()
            else:
                await transport.aclose()
    (first, tries), (second, tries_of_second) = caught
    assert (type(first), str(first), first.code) == (type(second), str(second), second.code)
    assert tries == tries_of_second
    return first


@pytest.mark.parametrize("request_", [READ, CHANGE, REMOVAL])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects(request_: Request, status: int) -> None:
    """The service sends none: whoever sent it has not asked the service."""
    error = await failed(request_, answer(status, Location="https://portal/"))
    assert type(error) is StorageConnectionError
    assert f"HTTP {status} to https://portal/" in str(error)
    assert (error.code, error.status) == ("storage_unavailable", status)


async def test_a_redirect_after_a_lost_answer() -> None:
    error = await failed(CHANGE, HANG_UP, answer(302, Location="/"))
    assert type(error) is OutcomeUnknown


@pytest.mark.parametrize(
    "other",
    [
        PORTAL,
        answer(200, b"x", Content_Type=""),
        answer(204),
        answer(206, {}),
        answer(202, {}),
        answer(300, {}),
        answer(304, {}),
        answer(200, b"frame", Content_Type=frame.FRAME_TYPE),
    ],
)
async def test_answers_that_were_not_asked_for(other: bytes) -> None:
    assert type(await failed(READ, other)) is StorageConnectionError


async def test_success_of_another_service() -> None:
    for request in (CHANGE, REMOVAL):
        error = await failed(request, PORTAL)
        assert type(error) is OutcomeUnknown
        assert (error.code, error.status) == ("outcome_unknown", 200)
        assert str(error) == (
            f"No answer from storage: {request.method} /x has an answer that is not stateward's: "
            "HTTP 200, text/html, '<html>Log in first'"
        )
    assert type(await failed(REMOVAL, answer(200, {}))) is OutcomeUnknown


@pytest.mark.parametrize(
    ("status", "read", "change"),
    [
        (400, StorageError, StorageError),
        (401, errors.UnauthorizedError, errors.UnauthorizedError),
        (403, errors.ForbiddenError, errors.ForbiddenError),
        (404, StorageError, StorageError),
        (413, errors.TooLargeError, errors.TooLargeError),
        (429, errors.RateLimitedError, errors.RateLimitedError),
        (500, StorageConnectionError, OutcomeUnknown),
        (502, StorageConnectionError, OutcomeUnknown),
        (503, StorageConnectionError, OutcomeUnknown),
        (504, StorageConnectionError, OutcomeUnknown),
        (520, StorageConnectionError, OutcomeUnknown),
    ],
)
async def test_errors_of_proxies(status: int, read: type, change: type) -> None:
    of_proxy = answer(status, b"<html>" + b"x" * 100, Content_Type=HTML)
    for request, kind in ((READ, read), (CHANGE, change)):
        error = await failed(request, of_proxy)
        assert type(error) is kind
        assert f"{request.method} /x has an answer" in str(error)
        assert f"HTTP {status}, text/html, '<html>xxx" in str(error)
        assert str(error).endswith("x'...")
        assert error.status == status


@pytest.mark.parametrize(
    "body", [b"<html>", b"[1]", b"", b'{"detail":"no code"}', b'{"code":7}', b'"\xff"']
)
@pytest.mark.parametrize("kind", ["application/problem+json", "application/json", "text/html"])
async def test_errors_that_are_no_problems(body: bytes, kind: str) -> None:
    error = await failed(READ, answer(404, body, Content_Type=kind))
    assert type(error) is StorageError
    assert f"HTTP 404, {kind}, " in str(error)


async def test_what_another_service_does_not_find() -> None:
    """A thread that seems not to be there would begin anew."""
    page = answer(404, PAGE, Content_Type=HTML)
    for not_found in (page, answer(404, {"code": "not_found"})):
        with serving(not_found) as server:
            async with StatewardSaver.from_url(server.url) as saver:
                with pytest.raises(StorageError, match="HTTP 404"):
                    saver.get_tuple(config("t"))
                with pytest.raises(StorageError, match="HTTP 404"):
                    await saver.aget_tuple(config("t"))


async def test_expected_statuses_of_others() -> None:
    with (
        serving(answer(503, PAGE, Content_Type=HTML)) as server,
        Client(server.url) as client,
        pytest.raises(StorageConnectionError, match="HTTP 503, text/html"),
    ):
        client.health()
    with serving(answer(304)) as server, Client(server.url) as client:
        assert client.get_session_if_changed("s", 1) is None
        with pytest.raises(StorageConnectionError, match="HTTP 304"):
            client.get_session("s")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"1", b'{"session_id":"s"}', b"\xff", b"[" * 100_000]
)
async def test_json_that_cannot_be_read(body: bytes) -> None:
    with serving(answer(200, body, X_Request_Id="r-1")) as server:
        with Client(server.url) as client:
            for call in (
                lambda: client.get_session("s"),
                lambda: client.put_session("s", "u"),
                lambda: client.put_context("s", 1),
                lambda: client.get_writes("t", "c"),
            ):
                with pytest.raises(StorageError, match="application/json, '") as caught:
                    call()
                assert str(caught.value).startswith("The answer cannot be read: ")
                assert type(caught.value) is StorageError
                assert caught.value.__cause__ is not None
                assert (caught.value.status, caught.value.request_id) == (200, "r-1")
        async with AsyncClient(server.url) as other:
            with pytest.raises(StorageError, match="cannot be read"):
                await other.get_session("s")


def test_members_of_another_kind() -> None:
    other = answer(200, {"removed": "1", "results": {}})
    with serving(other) as server, Client(server.url) as client:
        with pytest.raises(StorageError, match="'removed' is no int"):
            client.cleanup()
        with pytest.raises(StorageError, match="'results' is no list"):
            client.create_sessions([])


def test_metrics_that_are_no_text() -> None:
    with (
        serving(answer(200, b"\xff", Content_Type="text/plain")) as server,
        Client(server.url) as client,
        pytest.raises(StorageError, match="cannot be read"),
    ):
        client.metrics()


ITEM = {"thread_id": "t", "ns": "", "checkpoint_id": "c", "metadata": {}, "writes": []}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x09\0\0\0{}",
        b"\x02\0\0\0{}behind",
        frame.encode([]),
        frame.encode({"items": [{}], "writes": [{}]}),
        frame.encode({"items": 1, "writes": 1}),
        frame.encode({**ITEM, "checkpoint": {}, "values": [{"len": 1}], "items": []}),
        frame.encode({**ITEM, "checkpoint": {"$stateward": ["msgpack", "!"]}, "items": []}),
        b"\x01\0\0\0{",
        b"\x01\0\0\0\xff",
    ],
)
async def test_frames_that_cannot_be_read(body: bytes) -> None:
    with serving(answer(200, body, Content_Type=frame.FRAME_TYPE)) as server:
        async with StatewardSaver.from_url(server.url) as saver:
            with pytest.raises(StorageError, match="cannot be read"):
                saver.get_tuple(config("t"))
            with pytest.raises(StorageError, match="cannot be read"):
                [*saver.list(config("t"))]
            with pytest.raises(StorageError, match="cannot be read"):
                saver.get_delta_channel_history(config=config("t"), channels=["x"])
            with pytest.raises(StorageError, match="cannot be read"):
                await saver.aget_tuple(config("t"))


def test_writes_that_cannot_be_read() -> None:
    """Those of the parent of a checkpoint before version 4."""
    item: dict[str, Any] = {**ITEM, "checkpoint": {"v": 1}, "parent_checkpoint_id": "b"}
    first = answer(200, frame.encode(item), Content_Type=frame.FRAME_TYPE)
    for then in (frame.encode({}), frame.encode({"writes": [{"len": 1}]}), b""):
        second = answer(200, then, Content_Type=frame.FRAME_TYPE)
        with (
            serving(first, second) as server,
            StatewardSaver.from_url(server.url) as saver,
            pytest.raises(StorageError, match="cannot be read"),
        ):
            saver.get_tuple(config("t"))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", json.dumps({"ok": True}).encode()])
async def test_puts_that_another_service_confirms(body: bytes) -> None:
    given = checkpoint({"n": 1}, channel_versions={"n": "1"})
    with serving(answer(200, body)) as server:
        async with StatewardSaver.from_url(server.url) as saver:
            with pytest.raises(StorageError, match="cannot be read"):
                saver.put(config("t"), given, METADATA, {"n": "1"})
            with pytest.raises(StorageError, match="cannot be read"):
                await saver.aput(config("t"), given, METADATA, {"n": "1"})
            with pytest.raises(StorageError, match="cannot be read"):
                saver.put_writes(config("t", checkpoint_id="c"), [("n", 1)], "task")
            with pytest.raises(OutcomeUnknown, match="HTTP 200"):
                saver.delete_thread("t")
            with pytest.raises(OutcomeUnknown, match="HTTP 200"):
                await saver.adelete_thread("t")
