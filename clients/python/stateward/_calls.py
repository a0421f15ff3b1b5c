"""The calls for sessions, contexts, conversations and threads, written once; see `transport.py`.

`client.py` makes methods of these, and of those in `_checkpoint_calls.py` and `_service_calls.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar, cast

from stateward import types
from stateward.transport import Exchange, Request, etag, json_request, listed, path, present

BATCH_MAX = 1000  # items the service takes in one list

T = TypeVar("T")


def in_batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in lists that the service takes."""
    for start in range(0, len(items), BATCH_MAX):
        yield items[start : start + BATCH_MAX]


def create_session(
    user_id: str,
    session_id: str | None = None,
    metadata: dict[str, Any] | None = None,
    *,
    idempotency_key: str | None = None,
) -> Exchange[types.Session]:
    """A new session; SessionExistsError if there is one. Without an id the service gives one."""
    body = present(user_id=user_id, session_id=session_id, metadata=metadata)
    response = yield json_request("POST", "/sessions", body, key=idempotency_key or _new_id())
    return response.record(types.Session)


def put_session(
    session_id: str,
    user_id: str,
    metadata: dict[str, Any] | None = None,
    *,
    with_context: bool = False,
    if_match: int | None = None,
    if_absent: bool = False,
) -> Exchange[types.Session]:
    """Creates a session, or replaces user_id and metadata of the one that exists.

    with_context: a session without a context gets its metadata as one. if_match: the version that
    the session must have, else PreconditionFailed. if_absent: PreconditionFailed if it exists.
    """
    response = yield json_request(
        "PUT",
        path("sessions", session_id, query={"with_context": with_context or None}),
        present(user_id=user_id, metadata=metadata),
        if_match=if_match,
        if_absent=if_absent,
    )
    return response.record(types.Session)


def get_session(session_id: str) -> Exchange[types.Session]:
    """The session, or SessionNotFoundError."""
    response = yield Request("GET", path("sessions", session_id), session_id=session_id)
    return response.record(types.Session)


def get_session_if_changed(session_id: str, version: int) -> Exchange[types.Session | None]:
    """The session, or None while it still has this version."""
    response = yield _unless(version, session_id, path("sessions", session_id))
    return None if response.status == 304 else response.record(types.Session)


def list_sessions(
    *,
    user_id: str | None = None,
    status: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Exchange[types.SessionPage]:
    """A page of sessions, latest activity first. `next_cursor` of the answer is for the next."""
    query = {"user_id": user_id, "status": status, "limit": limit, "cursor": cursor}
    response = yield Request("GET", path("sessions", query=query))
    return response.record(types.SessionPage)


def update_session(
    session_id: str,
    updates: dict[str, Any] | None = None,
    *,
    increment_requests: bool = False,
    add_processing_time: float | None = None,
    mark_error: bool = False,
    if_match: int | None = None,
    idempotency_key: str | None = None,
) -> Exchange[types.Session]:
    """Changes a session in one atomic step.

    updates: any of user_id, status, metadata (replaces), metadata_merge (shallow).
    """
    body = present(
        updates=updates,
        increment_requests=increment_requests or None,
        add_processing_time=add_processing_time,
        mark_error=mark_error or None,
    )
    response = yield json_request(
        "PATCH",
        path("sessions", session_id),
        body,
        key=idempotency_key or _new_id(),
        if_match=if_match,
        session_id=session_id,
    )
    return response.record(types.Session)


def end_session(
    session_id: str, status: str = "completed", *, if_match: int | None = None
) -> Exchange[types.Session]:
    """Sets the status; the session stays readable."""
    response = yield json_request(
        "POST",
        path("sessions", session_id, "end"),
        {"status": status},
        if_match=if_match,
        session_id=session_id,
    )
    return response.record(types.Session)


def delete_session(
    session_id: str, *, threads: bool = False, if_match: int | None = None
) -> Exchange[None]:
    """Removes a session with its messages and contexts; threads: also the thread of that id."""
    headers = {} if if_match is None else {"If-Match": etag(if_match)}
    target = path("sessions", session_id, query={"threads": threads or None})
    yield Request("DELETE", target, headers=headers, idempotent=if_match is None, answer=None)


def create_sessions(sessions: Sequence[types.NewSession]) -> Exchange[list[types.Created]]:
    """Up to 1000 sessions, each as in put_session(); the results stand in the same order."""
    response = yield json_request("POST", "/batch/sessions/create", {"sessions": [*sessions]})
    return response.member("results", list)


def get_sessions(session_ids: Sequence[str]) -> Exchange[list[types.Session | None]]:
    """Up to 1000 sessions, in the same order; None for an unknown one."""
    body = {"session_ids": listed("session_ids", session_ids)}
    response = yield json_request("POST", "/batch/sessions/get", body, reads=True)
    return response.member("sessions", list)


def put_context(
    session_id: str,
    context: Any,
    *,
    require_session: bool = True,
    if_match: int | None = None,
) -> Exchange[int]:
    """Stores the next version of the session's task context. Returns its number."""
    return (yield from _put_context(session_id, {"context": context}, require_session, if_match))


def share_context(
    session_id: str,
    from_session_id: str,
    version: int | None = None,
    *,
    require_session: bool = True,
    if_match: int | None = None,
) -> Exchange[int]:
    """Stores the context of another session as the next version. Returns its number."""
    source = present(session_id=from_session_id, version=version)
    return (yield from _put_context(session_id, {"from": source}, require_session, if_match))


def _put_context(
    session_id: str, body: dict[str, Any], require_session: bool, if_match: int | None
) -> Exchange[int]:
    # Not idempotent: each attempt would store a version.
    response = yield json_request(
        "PUT",
        path("sessions", session_id, "context", query=_unless_true(require_session)),
        body,
        idempotent=False,
        if_match=if_match,
        session_id=session_id,
    )
    return response.member("version", int)


def get_context(session_id: str, version: int | None = None) -> Exchange[types.Context]:
    """The newest context, or that version; NotFoundError if there is none."""
    target = path("sessions", session_id, "context", query={"version": version})
    response = yield Request("GET", target, session_id=session_id)
    return response.record(types.Context)


def get_context_if_changed(session_id: str, version: int) -> Exchange[types.Context | None]:
    """The newest context, or None while it still is this version."""
    response = yield _unless(version, session_id, path("sessions", session_id, "context"))
    return None if response.status == 304 else response.record(types.Context)


def list_context_versions(
    session_id: str, *, limit: int = 50
) -> Exchange[list[types.ContextVersion]]:
    """The versions that are kept, newest first, without their bodies."""
    target = path("sessions", session_id, "context", "versions", query={"limit": limit})
    response = yield Request("GET", target, session_id=session_id)
    return response.member("items", list)


def add_message(
    session_id: str,
    role: str,
    content: Any,
    metadata: dict[str, Any] | None = None,
    *,
    id: str | None = None,
    require_session: bool = True,
) -> Exchange[types.Receipt]:
    """Appends a message. A second one of the same id changes nothing."""
    message = present(role=role, metadata=metadata, id=id)
    message["content"] = content
    receipts = yield from add_messages(
        session_id, [cast(types.NewMessage, message)], require_session=require_session
    )
    return receipts[0]


def add_messages(
    session_id: str, messages: Sequence[types.NewMessage], *, require_session: bool = True
) -> Exchange[list[types.Receipt]]:
    """Appends up to 1000 messages in order, all or none. Those without an id are given one."""
    response = yield json_request(
        "POST",
        path("conversations", session_id, "messages", query=_unless_true(require_session)),
        {"messages": [_with_id(message) for message in messages]},
        session_id=session_id,
    )
    return response.member("messages", list)


def get_messages(
    session_id: str, *, limit: int = 50, before: str | None = None, after: str | None = None
) -> Exchange[types.MessagePage]:
    """Messages, oldest first: without cursors the newest `limit`, with limit=0 all."""
    query = {"limit": limit, "before": before, "after": after}
    response = yield Request("GET", path("conversations", session_id, "messages", query=query))
    return response.record(types.MessagePage)


def delete_messages(
    session_id: str, *, before: str | None = None, keep_last: int | None = None
) -> Exchange[int]:
    """Removes messages before a cursor, but never the newest keep_last. Returns how many."""
    query = {"before": before, "keep_last": keep_last}
    response = yield Request("DELETE", path("conversations", session_id, "messages", query=query))
    return response.member("removed", int)


def list_threads(
    *,
    prefix: str | None = None,
    updated_after: datetime | str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Exchange[types.ThreadPage]:
    """A page of threads by id. `next_cursor` of the answer is for the next."""
    after = _time(updated_after)
    query = {"prefix": prefix, "updated_after": after, "limit": limit, "cursor": cursor}
    response = yield Request("GET", path("threads", query=query))
    return response.record(types.ThreadPage)


def get_thread(thread_id: str) -> Exchange[types.Thread]:
    """What a thread holds, or NotFoundError."""
    response = yield Request("GET", path("threads", thread_id))
    return response.record(types.Thread)


def delete_thread(thread_id: str) -> Exchange[None]:
    """Removes the checkpoints, values and writes of a thread."""
    yield Request("DELETE", path("threads", thread_id), answer=None)


def copy_thread(thread_id: str, to: str) -> Exchange[types.Copied]:
    """Copies a whole thread; ThreadExistsError when the target holds anything."""
    # Not idempotent: a repeat would find the target of the first attempt.
    target = path("threads", thread_id, "copy")
    response = yield json_request("POST", target, {"to": to}, idempotent=False)
    return response.record(types.Copied)


def prune(
    thread_ids: Sequence[str],
    *,
    strategy: str | None = "keep_latest",
    keep_last: int | None = None,
    older_than: datetime | str | None = None,
) -> Exchange[int]:
    """Removes old checkpoints of up to 1000 threads, of each namespace. Returns how many.

    "keep_latest" keeps the newest keep_last (1), and with older_than also what was put since then.
    "delete" removes all. With strategy=None only the bounds count: what one of them keeps stays.
    """
    bounds = present(strategy=strategy, keep_last=keep_last, older_than=_time(older_than))
    body = {"thread_ids": listed("thread_ids", thread_ids), **bounds}
    response = yield json_request("POST", "/maintenance/prune", body)
    return response.member("removed", int)


def delete_runs(run_ids: Sequence[str]) -> Exchange[int]:
    """Removes the checkpoints of up to 1000 runs. Returns how many."""
    body = {"run_ids": listed("run_ids", run_ids)}
    response = yield json_request("POST", "/maintenance/delete-runs", body)
    return response.member("removed", int)


def cleanup(max_idle_hours: float | None = None) -> Exchange[int]:
    """Removes sessions idle for so long (24 hours), with all that is theirs. Returns how many."""
    body = present(max_idle_hours=max_idle_hours)
    response = yield json_request("POST", "/maintenance/cleanup", body)
    return response.member("removed", int)


def _unless(version: int, session_id: str, target: str) -> Request:
    """Asks for something of a session unless it is still of this version."""
    headers = {"If-None-Match": etag(version)}
    return Request("GET", target, headers=headers, session_id=session_id, expected=(304,))


def _new_id() -> str:
    return str(uuid.uuid4())


def _with_id(message: types.NewMessage) -> types.NewMessage:
    """None is no id: the service would give one to each attempt."""
    return message if message.get("id") is not None else {**message, "id": _new_id()}


def _time(given: datetime | str | None) -> str | None:
    """RFC 3339. A datetime without a zone is one of this machine's, as everywhere in Python."""
    return given.astimezone(timezone.utc).isoformat() if isinstance(given, datetime) else given


def _unless_true(require_session: bool) -> dict[str, bool | None]:
    return {"require_session": None if require_session else False}
