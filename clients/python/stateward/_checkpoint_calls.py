"""The calls for checkpoints and writes as JSON; `_calls.py` has the others.

A thread holds documents (any JSON), or channels as LangGraph has them. `stateward.langgraph` sends
the latter as frames, which cost less; this is for looking at them, and for other frameworks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stateward import types
from stateward.transport import (
    Exchange,
    Request,
    json_bytes,
    json_request,
    listed,
    path,
    path_in,
    present,
)


def put_checkpoint(
    thread_id: str,
    checkpoint_id: str,
    checkpoint_data: Any,
    metadata: dict[str, Any] | None = None,
    *,
    parent_checkpoint_id: str | None = None,
    ns: str = "",
) -> Exchange[types.CheckpointStored]:
    """Stores a document as the newest checkpoint of its thread. The same id again replaces."""
    rest = present(metadata=metadata, parent_checkpoint_id=parent_checkpoint_id)
    return (
        yield from _put(thread_id, checkpoint_id, ns, {"checkpoint_data": checkpoint_data, **rest})
    )


def put_channels(
    thread_id: str,
    checkpoint_id: str,
    checkpoint: dict[str, Any],
    values: Sequence[types.Value],
    metadata: dict[str, Any] | None = None,
    *,
    removed: Sequence[str] | None = None,
    parent_checkpoint_id: str | None = None,
    ns: str = "",
) -> Exchange[types.CheckpointStored]:
    """Stores a checkpoint in channel form, with its new values.

    checkpoint: any object; its `channel_versions` name channels and versions. A channel that is not
    in `values` has the value that was stored for its version before. removed: channels without one.
    """
    body = {"checkpoint": checkpoint, "values": [*values]}
    rest = present(
        metadata=metadata,
        removed=None if removed is None else listed("removed", removed),
        parent_checkpoint_id=parent_checkpoint_id,
    )
    return (yield from _put(thread_id, checkpoint_id, ns, {**body, **rest}))


def _put(
    thread_id: str, checkpoint_id: str, ns: str, body: dict[str, Any]
) -> Exchange[types.CheckpointStored]:
    target = path_in(ns, "checkpoints", thread_id, checkpoint_id)
    response = yield json_request("PUT", target, body)
    return response.record(types.CheckpointStored)


def get_checkpoint(
    thread_id: str, checkpoint_id: str, *, ns: str = ""
) -> Exchange[types.Checkpoint]:
    """A checkpoint with its values and writes, or NotFoundError."""
    target = path_in(ns, "checkpoints", thread_id, checkpoint_id)
    response = yield Request("GET", target)
    return response.record(types.Checkpoint)


def get_latest_checkpoint(thread_id: str, *, ns: str = "") -> Exchange[types.Checkpoint]:
    """The newest document, or the checkpoint of the highest id; NotFoundError if there is none."""
    response = yield Request("GET", path_in(ns, "threads", thread_id, "latest"))
    return response.record(types.Checkpoint)


def list_checkpoints(
    *,
    thread_id: str | None = None,
    ns: str | None = None,
    checkpoint_id: str | None = None,
    before: str | None = None,
    limit: int = 10,
    filter: dict[str, Any] | None = None,
    values: bool = True,
    cursor: str | None = None,
) -> Exchange[types.CheckpointPage]:
    """A page of checkpoints, newest first. `next_cursor` of the answer is for the next.

    ns=None: all namespaces. before: ids below this one, or for documents older than that one.
    filter: keys that the metadata must have with these values. values=False: without values.
    """
    query = {
        "thread_id": thread_id,
        "ns": ns,
        "checkpoint_id": checkpoint_id,
        "before": before,
        "limit": limit,
        "filter": None if filter is None else json_bytes(filter).decode(),
        "values": None if values else False,
        "cursor": cursor,
    }
    response = yield Request("GET", path("checkpoints", query=query))
    return response.record(types.CheckpointPage)


def query_checkpoints(
    *,
    thread_id: str | None = None,
    ns: str | None = None,
    checkpoint_id: str | None = None,
    before: str | None = None,
    limit: int = 10,
    filter: dict[str, Any] | None = None,
    values: bool = True,
    cursor: str | None = None,
    channels: Sequence[str] | None = None,
) -> Exchange[types.CheckpointPage]:
    """As list_checkpoints(), for filters that are too long for a URL.

    channels: values and writes of others are left out.
    """
    body = present(
        thread_id=thread_id,
        ns=ns,
        checkpoint_id=checkpoint_id,
        before=before,
        limit=limit,
        filter=filter,
        values=values,
        cursor=cursor,
        channels=None if channels is None else listed("channels", channels),
    )
    response = yield json_request("POST", "/checkpoints/query", body, reads=True)
    return response.record(types.CheckpointPage)


def put_writes(
    thread_id: str,
    checkpoint_id: str,
    task_id: str,
    writes: Sequence[types.NewWrite],
    *,
    task_path: str | None = None,
    mode: types.WriteMode | None = None,
    ns: str = "",
) -> Exchange[types.WritesStored]:
    """Stores the writes of a task, up to 65536; the checkpoint may come later.

    mode, for an idx that is known: "upsert" replaces it, "ignore" keeps it, "replace" replaces all
    writes of the task. Without one: upsert, and replace for documents.
    """
    body = {"writes": [*writes], **present(task_path=task_path, mode=mode)}
    target = path_in(ns, "writes", thread_id, checkpoint_id, task_id)
    response = yield json_request("PUT", target, body)
    return response.record(types.WritesStored)


def get_writes(thread_id: str, checkpoint_id: str, *, ns: str = "") -> Exchange[list[types.Write]]:
    """The writes of all tasks of a checkpoint, in order."""
    target = path_in(ns, "writes", thread_id, checkpoint_id)
    response = yield Request("GET", target)
    return response.member("writes", list)
