"""JSON for the parts of a checkpoint that the service reads: the header and the metadata.

What JSON does not have (NaN, bytes, objects) is stood in for by `{"$stateward": [type, base64]}`
as the serializer gives it. Everything else stays plain, so that filters work. Names that are
numbers become texts, as everywhere in JSON, and with PostgresSaver.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol

from stateward.transport import json_bytes

_MARK = "$stateward"


def dumps(value: Any, serde: SerializerProtocol) -> bytes:
    try:
        text = json_bytes(value)
    except (ValueError, TypeError):  # NaN; not serializable
        return json_bytes(_plain(value, serde))
    # What looks like a stand-in already must not be revived as one.
    return json_bytes(_plain(value, serde)) if _MARK.encode() in text else text


def loads(text: bytes, serde: SerializerProtocol) -> Any:
    if _MARK.encode() not in text:
        return json.loads(text)

    def revive(members: dict[str, Any]) -> Any:
        if not _is_stand_in(members):
            return members
        type_, data = members[_MARK]
        return serde.loads_typed((type_, base64.b64decode(data)))

    return json.loads(text, object_hook=revive)


def _is_stand_in(members: dict[Any, Any]) -> bool:
    """Two texts are no version: a channel of that name does not look like one."""
    held = members.get(_MARK) if len(members) == 1 else None
    if not isinstance(held, (list, tuple)) or len(held) != 2:
        return False
    return all(isinstance(text, str) for text in held)


def _plain(value: Any, serde: SerializerProtocol) -> Any:
    if isinstance(value, dict) and not _is_stand_in(value):
        if all(isinstance(name, str) for name in value):
            return {name: _plain(member, serde) for name, member in value.items()}
    elif type(value) in (list, tuple):
        return [_plain(member, serde) for member in value]
    elif not isinstance(value, dict):
        try:
            json_bytes(value)
        except (ValueError, TypeError):
            pass
        else:
            return value
    type_, data = serde.dumps_typed(value)
    return {_MARK: [type_, base64.b64encode(data).decode()]}
