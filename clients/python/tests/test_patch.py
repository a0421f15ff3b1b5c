from __future__ import annotations

import random
from itertools import pairwise

import ormsgpack
import pytest

from stateward import _patch


def rebuilt(old: bytes, parts: list[_patch.Part]) -> bytes:
    """As the service does it."""
    return b"".join(
        part if isinstance(part, bytes) else old[part[0] : part[0] + part[1]] for part in parts
    )


def sizes(old: bytes, new: bytes) -> list[tuple[int, int] | int]:
    """The patch, with lengths for the bytes that are sent; it gives the new value."""
    parts = _patch.make(old, new)
    assert rebuilt(old, parts) == new
    for part in parts:
        if isinstance(part, bytes):
            assert part
        else:
            offset, length = part
            assert offset >= 0
            assert 0 < length <= len(old) - offset
    return [len(part) if isinstance(part, bytes) else part for part in parts]


def message(n: int) -> str:
    return random.Random(n).randbytes(300).hex()


def packed(messages: list[str]) -> bytes:
    return ormsgpack.packb(messages)


ONE = len(packed([message(0)])) - 1


@pytest.mark.parametrize("count", [1, 14, 15, 16, 17, 100, 300])
def test_a_list_that_grows(count: int) -> None:
    old, new = ([message(n) for n in range(size)] for size in (count, count + 1))
    before, after = (1 if size < 16 else 3 for size in (count, count + 1))
    assert sizes(packed(old), packed(new)) == [after, (before, count * ONE), ONE]


def test_a_list_whose_first_goes() -> None:
    old = [message(n) for n in range(100)]
    assert sizes(packed(old), packed([*old[5:], message(100)])) == [3, (3 + 5 * ONE, 95 * ONE), ONE]


def test_changes_in_the_middle() -> None:
    old = [message(n) for n in range(100)]
    new = [*old, message(100)]
    new[3] += "and more"
    sent = [part for part in sizes(packed(old), packed(new)) if isinstance(part, int)]
    assert sum(sent) < 1.1 * ONE
    del new[50]
    sent = [part for part in sizes(packed(old), packed(new)) if isinstance(part, int)]
    assert sum(sent) < 1.1 * ONE


def test_a_list_within_a_map() -> None:
    def state(count: int) -> bytes:
        messages = [message(n) for n in range(count)]
        return ormsgpack.packb({"name": "n" * 50, "log": messages, "rest": "r" * 100})

    sent = [part for part in sizes(state(20), state(21)) if isinstance(part, int)]
    assert sum(sent) < 1.1 * ONE


def test_nothing_in_common() -> None:
    old, new = random.Random(1).randbytes(9000), random.Random(2).randbytes(9000)
    parts = _patch.make(old, new)
    assert _patch.inserted(parts) >= len(new) - 2


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        (b"", b"", []),
        (b"", b"abc", [3]),
        (b"abc", b"", []),
        (b"abc", b"abc", [(0, 3)]),
        (b"x" * 1000, b"x" * 1000, [(0, 1000)]),
    ],
)
def test_edges(old: bytes, new: bytes, patch: list[tuple[int, int] | int]) -> None:
    assert sizes(old, new) == patch


def test_random_edits() -> None:
    """Few different bytes: much stands in several places."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    r = random.Random(seed)
    for _ in range(5000):
        text = bytearray(r.choices(b"ab", k=r.randrange(300)))
        versions = [bytes(text)]
        for _ in range(r.randrange(1, 5)):
            start = r.randrange(len(text) + 1)
            stop = min(len(text), start + r.randrange(60))
            text[start:stop] = bytes(r.choices(b"abc", k=r.randrange(80)))
            versions.append(bytes(text))
        for old, new in pairwise(versions):
            sizes(old, new)
