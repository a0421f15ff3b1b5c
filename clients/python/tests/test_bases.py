from __future__ import annotations

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import xxhash

from stateward import _bases
from stateward._bases import Bases, Value

TEXT = random.Random(1).randbytes(4000)


def value(data: bytes, type_: str = "msgpack", version: str = "1", channel: str = "c") -> Value:
    return Value(channel, version, type_, data)


def patched(bases: Bases, new: Value, thread_id: str = "t", ns: str = "") -> bool:
    return new.channel in bases.patches(thread_id, ns, [new])


def test_hash() -> None:
    assert value(b"data").hash == xxhash.xxh3_128_hexdigest(b"msgpack\0data")
    assert len(value(b"").hash) == 32


def test_what_is_sent_as_a_patch() -> None:
    bases = Bases()
    old, new = value(TEXT), value(TEXT + b"more", version="2")
    assert not patched(bases, new)
    bases.remember("t", "", [old])
    patch = bases.patches("t", "", [new])["c"]
    assert patch.base is old
    assert patch.parts == [(0, 4000), b"more"]
    assert not patched(bases, new, thread_id="u")
    assert not patched(bases, new, ns="n")
    assert not patched(bases, value(TEXT, channel="d"))
    assert not patched(bases, value(TEXT, type_="pickle"))
    assert not patched(bases, value(random.Random(2).randbytes(4000)))
    assert not patched(bases, value(TEXT[:100]))


def test_encrypted_values_go_whole() -> None:
    bases = Bases()
    bases.remember("t", "", [value(TEXT, "msgpack+aes")])
    assert bases.used == 0
    assert not patched(bases, value(TEXT, "msgpack+aes"))


def test_the_last_version_counts() -> None:
    bases = Bases()
    bases.remember("t", "", [value(TEXT), value(TEXT + b"2", version="2")])
    assert bases.patches("t", "", [value(TEXT, version="3")])["c"].base.version == "2"
    bases.remember("t", "", [value(b"small", version="3")])
    assert not patched(bases, value(TEXT, version="4"))
    assert bases.used == 0


def test_memory_is_bounded() -> None:
    bases = Bases(50_000)
    for i in range(1000):
        bases.remember(f"t{i}", "", [value(TEXT)])
        assert bases.used <= 50_000
    bases.remember("t", "", [value(TEXT * 100)])
    assert not patched(bases, value(TEXT * 100))
    assert patched(bases, value(TEXT), thread_id="t999")
    assert not patched(bases, value(TEXT), thread_id="t900")


def test_memory_is_not_below_zero() -> None:
    with pytest.raises(ValueError, match="patch_memory is below 0: -1"):
        Bases(-1)


def test_no_memory_no_patches() -> None:
    bases = Bases(0)
    bases.remember("t", "", [value(TEXT)])
    assert not patched(bases, value(TEXT))


def test_a_refusal_holds_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    bases = Bases()
    bases.remember("t", "", [value(TEXT)])
    bases.refused()
    assert not patched(bases, value(TEXT))
    now += 61
    assert patched(bases, value(TEXT))


def test_a_child_takes_no_lock_of_its_parent() -> None:
    bases = Bases()
    bases.remember("t", "", [value(TEXT)])
    with bases._lock:
        child = os.fork()
        if child == 0:
            ok = not patched(bases, value(TEXT))
            bases.remember("t", "", [value(TEXT)])
            os._exit(0 if ok and patched(bases, value(TEXT)) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert patched(bases, value(TEXT))


def test_threads_at_once() -> None:
    bases = Bases(100_000)
    start = threading.Barrier(8)

    def work(seed: int) -> None:
        r = random.Random(seed)
        start.wait()
        for i in range(500):
            thread_id = f"t{r.randrange(40)}"
            bases.patches(thread_id, "", [value(TEXT + b"x" * i)])
            bases.remember(thread_id, "", [value(TEXT[: r.randrange(4000)])])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert bases.used == sum(map(_bases._size, bases._values.values())) <= 100_000
