"""Checkpoints whose values come as patches of earlier ones."""

from __future__ import annotations

import os
import random
from typing import Any

import frames
import xxhash
from conftest import Answer, Server

BASE = os.urandom(50_000)


def hash_of(data: bytes, type_: str = "msgpack") -> str:
    return xxhash.xxh3_128_hexdigest(type_.encode() + b"\0" + data)


def value(version: Any, data: bytes, **more: Any) -> dict[str, Any]:
    return {"channel": "m", "version": version, "type": "msgpack", **more} | (
        {} if more else {"len": len(data)})


def patch(version: Any, parts: Any, whole: bytes, base: bytes = BASE, base_version: Any = "1") -> Any:
    return value(version, b"", parts=parts, hash=hash_of(whole),
                 base={"version": base_version, "hash": hash_of(base)})


def put(server: Server, thread: str, checkpoint: str, values: list[Any], *raw: bytes,
        ns: str = "", parent: str | None = None) -> Answer:
    header: dict[str, Any] = {"checkpoint": {"channel_versions": {v["channel"]: v["version"] for v in values}},
              "values": values, "parent_checkpoint_id": parent}
    return server.put(f"/checkpoints/{thread}/{checkpoint}?ns={ns}", raw=frames.pack(header, *raw),
                      headers={"Content-Type": frames.TYPE})


def stored(server: Server, thread: str, checkpoint: str) -> bytes:
    answer = server.get(f"/checkpoints/{thread}/{checkpoint}", headers={"Accept": frames.TYPE})
    assert answer.status == 200, answer.body
    (one,) = frames.unpack(answer.body)["values"]
    return one["bytes"]


def text(n: int) -> bytes:
    r = random.Random(n)
    return bytes(r.choice(b"abcdefghij ") for _ in range(200))


def whole(n: int) -> bytes:
    return b"%05d" % n + b"".join(text(i) for i in range(n + 1))


def step(server: Server, thread: str, n: int, patched: bool = True) -> None:
    if n == 0 or not patched:
        values, raw = [value(str(n), whole(n))], [whole(n)]
    else:
        base = whole(n - 1)
        parts = [{"len": 5}, {"copy": [5, len(base) - 5]}, {"len": 200}]
        values = [patch(str(n), parts, whole(n), base, str(n - 1))]
        raw = [b"%05d" % n, text(n)]
    answer = put(server, thread, f"c{n:03}", values, *raw, parent=f"c{n - 1:03}" if n else None)
    assert answer.status == 201, answer.body
