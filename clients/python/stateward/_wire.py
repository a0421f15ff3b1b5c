"""Checkpoints and writes as they travel: frames of JSON and serialized values.

Nothing here knows of connections; `langgraph.py` strings the pieces together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from stateward import _serde_json, frame, types
from stateward._bases import Patch, Value
from stateward._patch import Part
from stateward.errors import FormMismatch
from stateward.transport import JSON_TYPE, Exchange, Request, Response, json_bytes, path_in

_SEND = {"Content-Type": frame.FRAME_TYPE}
_ACCEPT = {"Accept": frame.FRAME_TYPE}


@dataclass(frozen=True)
class Place:
    """A checkpoint; without an id the latest one, or that which is about to be put."""

    thread_id: str
    ns: str
    checkpoint_id: str | None = None

    def path(self, kind: str, *ids: str) -> str:
        """Of things in this thread and namespace."""
        return path_in(self.ns, kind, self.thread_id, *ids)


@dataclass(frozen=True)
class Write:
    task_id: str
    channel: str
    data: tuple[str, bytes]


@dataclass
class Stored:
    """A checkpoint as the service has it: values and writes are still serialized."""

    place: Place
    parent_id: str | None
    checkpoint: dict[str, Any]
    metadata: CheckpointMetadata
    values: list[Value] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    items: list[Stored]
    cursor: str | None


@dataclass(frozen=True)
class Put:
    """A checkpoint to be put, serialized."""

    place: Place
    """With the id of the parent."""
    checkpoint_id: str
    head: bytes
    """The members of the body before `values`, as JSON text."""
    values: list[Value]

    @classmethod
    def of(
        cls,
        place: Place,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
        serde: SerializerProtocol,
    ) -> Put:
        header = {name: value for name, value in checkpoint.items() if name != "channel_values"}
        given = checkpoint["channel_values"]
        versions = checkpoint["channel_versions"]
        rest: dict[str, Any] = {}
        if removed := [channel for channel in new_versions if channel not in given]:
            rest["removed"] = removed
        if place.checkpoint_id is not None:
            rest["parent_checkpoint_id"] = place.checkpoint_id
        # Header and metadata are encoded on their own: they may hold what JSON does not have.
        head = b'{"checkpoint":%b,"metadata":%b,%b' % (
            _serde_json.dumps(header, serde),
            _serde_json.dumps(metadata, serde),
            json_bytes(rest)[1:-1] + b"," if rest else b"",
        )
        values = [
            Value(channel, versions[channel], *_serialize(given[channel], serde))
            for channel, version in new_versions.items()
            # Under a version that the checkpoint does not name, nobody would find it.
            if channel in given and versions.get(channel) == version
        ]
        return cls(place, checkpoint["id"], head, values)

    def send(self, patches: Mapping[str, Patch]) -> Exchange[None]:
        """The channels in `patches` as patches, the others whole."""
        described, raw = [], []
        for value in self.values:
            patch = patches.get(value.channel)
            entry: dict[str, Any] = {
                "channel": value.channel,
                "version": value.version,
                "type": value.type,
            }
            if patch is None:
                entry["len"] = len(value.data)
                raw.append(value.data)
            else:
                entry["parts"] = [_part(part) for part in patch.parts]
                entry["base"] = {"version": patch.base.version, "hash": patch.base.hash}
                entry["hash"] = value.hash
                raw += [part for part in patch.parts if isinstance(part, bytes)]
            described.append(entry)
        target = self.place.path("checkpoints", self.checkpoint_id)
        text = b'%b"values":%b}' % (self.head, json_bytes(described))
        response = yield Request("PUT", target, frame.encode_text(text, raw), _SEND)
        response.record(types.CheckpointStored)


def _part(part: Part) -> dict[str, Any]:
    return {"len": len(part)} if isinstance(part, bytes) else {"copy": part}


def _serialize(value: Any, serde: SerializerProtocol) -> tuple[str, bytes]:
    """Bytes of its own: the serializer hands on a bytearray itself, which may change."""
    type_, data = serde.dumps_typed(value)
    return type_, bytes(data)


def put_writes(
    place: Place,
    writes: Sequence[tuple[str, Any]],
    task_id: str,
    task_path: str,
    serde: SerializerProtocol,
) -> Exchange[None]:
    """No request for no writes, else one: LangGraph would take a part of them for all."""
    special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
    by_idx: dict[int, tuple[str, Any]] = {}
    for i, (channel, value) in enumerate(writes):
        idx = WRITES_IDX_MAP.get(channel, i)
        if special or idx not in by_idx:
            by_idx[idx] = (channel, value)
    target = place.path("writes", str(place.checkpoint_id), task_id)
    mode = "upsert" if special else "ignore"
    described: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for idx, (channel, value) in sorted(by_idx.items()):
        type_, data = _serialize(value, serde)
        described.append({"idx": idx, "channel": channel, "type": type_, "len": len(data)})
        raw.append(data)
    if described:
        head = {"task_path": task_path, "mode": mode, "writes": described}
        response = yield Request("PUT", target, frame.encode(head, raw), _SEND)
        response.record(types.WritesStored)


def get(place: Place) -> Request:
    if place.checkpoint_id is None:
        target = path_in(place.ns, "threads", place.thread_id, "latest")
    else:
        target = place.path("checkpoints", place.checkpoint_id)
    return Request("GET", target, headers=_ACCEPT, answer=frame.FRAME_TYPE)


def get_writes(place: Place) -> Request:
    target = place.path("writes", str(place.checkpoint_id))
    return Request("GET", target, headers=_ACCEPT, answer=frame.FRAME_TYPE)


def query(members: dict[str, Any], serde: SerializerProtocol) -> Request:
    """One page of a listing; for the members see POST /checkpoints/query."""
    given = {name: value for name, value in members.items() if value is not None}
    if "filter" in given:  # compared with metadata as it is stored
        given["filter"] = {
            name: json.loads(_serde_json.dumps(value, serde))
            for name, value in given["filter"].items()
        }
    headers = {"Content-Type": JSON_TYPE, **_ACCEPT}
    return Request(
        "POST",
        "/checkpoints/query",
        json_bytes(given),
        headers,
        answer=frame.FRAME_TYPE,
        reads=True,
    )


def read_checkpoint(response: Response, serde: SerializerProtocol) -> Stored:
    with response.reading():
        return _read_checkpoint(response, serde)


def _read_checkpoint(response: Response, serde: SerializerProtocol) -> Stored:
    reader = frame.Reader(response.body)
    item = _serde_json.loads(reader.text, serde)
    if "checkpoint_data" in item:
        raise FormMismatch(
            "the thread holds documents, not LangGraph checkpoints", code="form_mismatch"
        )
    stored = _stored(item)
    for name, member in item.items():
        if name == "values":
            stored.values = list(_values(reader, member))
        elif name == "writes":
            stored.writes = list(_writes(reader, member))
    reader.end()
    return stored


def read_writes(response: Response) -> list[Write]:
    with response.reading():
        reader = frame.Reader(response.body)
        writes = list(_writes(reader, json.loads(reader.text)["writes"]))
        reader.end()
    return writes


def read_page(response: Response, serde: SerializerProtocol) -> Page:
    with response.reading():
        return _read_page(response, serde)


def _read_page(response: Response, serde: SerializerProtocol) -> Page:
    reader = frame.Reader(response.body)
    page = _serde_json.loads(reader.text, serde)
    # A listing of all threads may hold documents, which are not LangGraph's.
    given = [item for item in page["items"] if "checkpoint" in item]
    values: list[Value] = []
    writes: list[list[Write]] = []
    for name in page:
        if name == "values":
            values = list(_values(reader, page["values"]))
        elif name == "items":
            writes = [list(_writes(reader, item["writes"])) for item in given]
    reader.end()
    items = [_stored(item) for item in given]
    for i, stored in enumerate(items):
        stored.values = [values[index] for index in given[i]["values"]]
        stored.writes = writes[i]
    return Page(items, page["next_cursor"])


def _stored(item: dict[str, Any]) -> Stored:
    return Stored(
        Place(item["thread_id"], item["ns"], item["checkpoint_id"]),
        item.get("parent_checkpoint_id"),
        item["checkpoint"],
        item["metadata"],
    )


def _values(reader: frame.Reader, entries: Iterable[dict[str, Any]]) -> Iterator[Value]:
    for entry in entries:
        data = reader.take(entry["len"])
        yield Value(entry["channel"], entry["version"], entry["type"], data)


def _writes(reader: frame.Reader, entries: Iterable[dict[str, Any]]) -> Iterator[Write]:
    for entry in entries:
        data = (entry["type"], reader.take(entry["len"]))
        yield Write(entry["task_id"], entry["channel"], data)
