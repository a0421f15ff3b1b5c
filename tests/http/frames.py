"""application/vnd.stateward.frame, written anew for the tests."""

from __future__ import annotations

import json
import struct
from typing import Any

TYPE = "application/vnd.stateward.frame"


def pack(header: Any, *raw: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + b"".join(raw)


def unpack(body: bytes) -> Any:
    """The JSON, with a member `bytes` beside each `len`, in order of appearance."""
    (n,) = struct.unpack_from("<I", body)
    header = json.loads(body[4:4 + n])
    at = 4 + n

    def walk(node: Any) -> None:
        nonlocal at
        if isinstance(node, dict):
            for key, child in list(node.items()):
                if key == "len":
                    node["bytes"] = body[at:at + child]
                    at += child
                else:
                    walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(header)
    assert at == len(body)
    return header
