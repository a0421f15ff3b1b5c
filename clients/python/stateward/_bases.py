"""What the service is known to have: the last version of each channel, to send patches of it.

A version that was sent or read is remembered, within a bound of bytes; those not used for longest
go first. Nothing depends on it: what the service lacks, it says, and the value is sent whole.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from xxhash import xxh3_128

from stateward import _patch
from stateward._patch import Part

MEMORY = 32 << 20  # bytes
SIZE_MIN = 400  # bytes; what is smaller is not worth a patch
_OVERHEAD = 300  # bytes of an entry beside its data
_REFUSED_FOR = 60.0  # seconds without patches, once a service has said that it knows none


@dataclass
class Value:
    """A value of a channel as it is sent and stored."""

    channel: str
    version: str | int | float
    type: str
    data: bytes
    _hash: str | None = field(default=None, compare=False)

    @property
    def hash(self) -> str:
        if self._hash is None:
            digest = xxh3_128(self.type.encode() + b"\0")
            digest.update(self.data)
            self._hash = digest.hexdigest()
        return self._hash

    @property
    def patchable(self) -> bool:
        # Of "msgpack+aes" two versions have nothing in common.
        return len(self.data) >= SIZE_MIN and "+" not in self.type


@dataclass(frozen=True)
class Patch:
    base: Value
    parts: list[Part]


class Bases:
    """Threads may share it. A child process begins with nothing."""

    def __init__(self, memory: int = MEMORY) -> None:
        if memory < 0:
            raise ValueError(f"patch_memory is below 0: {memory}")
        self._memory = memory
        self._refused_until = 0.0
        self._begin()

    def _begin(self) -> None:
        # The lock guards the two below. It is held for a look into them, never during a call.
        self._lock = threading.Lock()
        self._values: OrderedDict[tuple[str, str, str], Value] = OrderedDict()
        self._bytes = 0
        self._pid = os.getpid()

    @property
    def used(self) -> int:
        """Bytes of memory."""
        return self._bytes

    def patches(self, thread_id: str, ns: str, values: Iterable[Value]) -> dict[str, Patch]:
        """Those channels whose values are better not sent whole."""
        if not self._memory or time.monotonic() < self._refused_until:
            return {}
        self._forget_after_fork()
        found = {}
        for value in values:
            if value.patchable and (patch := self._patch((thread_id, ns, value.channel), value)):
                found[value.channel] = patch
        return found

    def _patch(self, key: tuple[str, str, str], value: Value) -> Patch | None:
        with self._lock:
            base = self._values.get(key)
        if base is None or base.type != value.type:
            return None
        parts = _patch.make(base.data, value.data)
        # The names of base and hash take some bytes, too.
        worth_it = _patch.inserted(parts) + SIZE_MIN // 2 < len(value.data)
        return Patch(base, parts) if worth_it else None

    def remember(self, thread_id: str, ns: str, values: Iterable[Value]) -> None:
        """The service has these now."""
        if not self._memory:
            return
        self._forget_after_fork()
        for value in values:
            key = (thread_id, ns, value.channel)
            with self._lock:
                self._drop(self._values.pop(key, None))
                if value.patchable and _size(value) <= self._memory:
                    self._values[key] = value
                    self._bytes += _size(value)
                while self._bytes > self._memory:
                    self._drop(self._values.popitem(last=False)[1])

    def refused(self) -> None:
        """The service knows no patches: an older one, which may be replaced by a newer."""
        self._refused_until = time.monotonic() + _REFUSED_FOR

    def _drop(self, value: Value | None) -> None:
        if value is not None:
            self._bytes -= _size(value)

    def _forget_after_fork(self) -> None:
        # Another thread of the parent may have held the lock.
        if self._pid != os.getpid():
            self._begin()


def _size(value: Value) -> int:
    return len(value.data) + _OVERHEAD
