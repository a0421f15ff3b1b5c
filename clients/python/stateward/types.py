"""What the service answers: dicts with these members. Times are RFC 3339 texts."""

from __future__ import annotations

from typing import Any, TypedDict


class Metrics(TypedDict):
    request_count: int
    total_processing_time: float
    error_count: int


class Session(TypedDict):
    session_id: str
    user_id: str
    created_at: str
    updated_at: str
    last_activity_at: str
    status: str
    metadata: dict[str, Any]
    metrics: Metrics
    version: int


class SessionPage(TypedDict):
    items: list[Session]
    next_cursor: str | None


class NewSession(TypedDict, total=False):
    session_id: str
    user_id: str
    metadata: dict[str, Any]


class Created(TypedDict, total=False):
    """One result of a batch: the session and whether it is new, or the error."""

    session: Session
    created: bool
    error: dict[str, Any]


class Context(TypedDict):
    session_id: str
    version: int
    context: Any
    updated_at: str


class ContextVersion(TypedDict):
    version: int
    updated_at: str
    bytes: int


class NewMessage(TypedDict, total=False):
    id: str
    role: str
    content: Any
    metadata: dict[str, Any]


class Receipt(TypedDict):
    """What became of a message; `created` is False for one that was stored before."""

    id: str
    seq: int
    timestamp: str
    created: bool


class Message(TypedDict):
    id: str
    seq: int
    role: str
    content: Any
    timestamp: str
    metadata: dict[str, Any]


class MessagePage(TypedDict):
    messages: list[Message]
    next_before: str | None
    next_after: str | None


class Thread(TypedDict):
    thread_id: str
    namespaces: list[str]
    checkpoints: int
    latest: str | None
    updated_at: str
    bytes: int


class ThreadPage(TypedDict):
    items: list[Thread]
    next_cursor: str | None


class Copied(TypedDict):
    checkpoints: int
    writes: int
