"""What the service answers: dicts with these members. Times are RFC 3339 texts."""

from __future__ import annotations

from typing import Any, Literal, TypedDict


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


class _NewSession(TypedDict):
    session_id: str
    user_id: str


class NewSession(_NewSession, total=False):
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


class _NewMessage(TypedDict):
    role: str
    content: Any


class NewMessage(_NewMessage, total=False):
    """`id`: a second one of the same id changes nothing; None is no id."""

    id: str | None
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


class Value(TypedDict):
    """A value of a channel: bytes, and a word that says how to read them."""

    channel: str
    version: str | int | float
    type: str
    base64: str


class Write(TypedDict, total=False):
    """With `value` among documents, with `type` and `base64` among channels."""

    task_id: str
    task_path: str
    idx: int
    channel: str
    value: Any
    type: str
    base64: str


class NewWrite(TypedDict, total=False):
    """With `value` among documents, with `idx`, `type` and `base64` among channels."""

    idx: int
    channel: str
    value: Any
    type: str
    base64: str


WriteMode = Literal["upsert", "ignore", "replace"]


class WritesStored(TypedDict):
    checkpoint_id: str
    task_id: str


class CheckpointStored(TypedDict):
    thread_id: str
    ns: str
    checkpoint_id: str


class _OfEachForm(TypedDict):
    thread_id: str
    ns: str
    checkpoint_id: str
    parent_checkpoint_id: str | None
    metadata: dict[str, Any]
    created_at: str
    writes: list[Write]


class _Checkpoint(_OfEachForm, total=False):
    checkpoint_data: Any
    checkpoint: dict[str, Any]


class Checkpoint(_Checkpoint, total=False):
    """With `checkpoint_data` a document, with `checkpoint` and `values` one of channels."""

    values: list[Value]


class CheckpointItem(_Checkpoint, total=False):
    """A checkpoint of a page; `values` are indexes into those of the page."""

    values: list[int]


class _PageValues(TypedDict, total=False):
    values: list[Value]


class CheckpointPage(_PageValues):
    """`values`: unless none were asked for."""

    items: list[CheckpointItem]
    next_cursor: str | None


class Probe(TypedDict):
    status: str


class _BackendLater(TypedDict, total=False):
    oldest_seconds: float
    error: str
    volatile_by: str


class Backend(_BackendLater):
    """A store below the service.

    `outbox`: changes that wait to be copied from it, `oldest_seconds`: the age of the oldest;
    `error`: why the store was lost last; `volatile_by`: the setting of the store that makes it
    throw data away when its memory is full.
    """

    role: Literal["primary", "fallback"]
    type: str
    state: Literal["up", "down"]
    outbox: int
    durability: Literal["durable", "volatile"]


class _FailoverProblem(TypedDict, total=False):
    problem: str


class Failover(_FailoverProblem):
    """Of two stores; `problem`: what keeps them from becoming equal."""

    state: Literal[
        "starting",
        "normal",
        "on_fallback",
        "recovering",
        "fallback_down",
        "filling",
        "both_down",
    ]
    waiting: int
    copied: int


class _HealthOfTwo(TypedDict, total=False):
    failover: Failover


class Health(_HealthOfTwo):
    """`failover`: with a fallback only."""

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: str
    checks: dict[str, str]
    backends: list[Backend]


class OperationStats(TypedDict):
    """Latencies are in seconds."""

    total_operations: int
    error_count: int
    error_rate: float
    avg_latency: float
    min_latency: float
    max_latency: float


class Stats(TypedDict):
    total_sessions: int
    active_sessions: int
    total_messages: int
    total_checkpoints: int
    counted_at: str
    operations: dict[str, OperationStats]
