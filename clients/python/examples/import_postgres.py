#!/usr/bin/env python3
"""Moves threads from the tables of PostgresSaver to stateward.

    import_postgres.py postgresql://user@host/db http://127.0.0.1:8080 [THREAD...]

Needs psycopg. Reads checkpoints, checkpoint_blobs and checkpoint_writes, changes nothing there, and
may run again: what is there already is replaced. Serialized values are carried over as they are,
those that another language or your own serializer has written, too. Run it once while agents work,
and once more when they have stopped, before they start on StatewardSaver. A thread that stateward
cannot hold, as one whose id is empty, is named, and does not keep the others from moving.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, cast

import psycopg
from langgraph.checkpoint.base import WRITES_IDX_MAP
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg.rows import dict_row

from stateward.errors import FormMismatch, InvalidRequestError, TooLargeError
from stateward.langgraph import StatewardSaver

Row = dict[str, Any]
Connection = psycopg.Connection[Row]

REFUSALS = (FormMismatch, InvalidRequestError, TooLargeError)

THREADS = "SELECT DISTINCT thread_id FROM checkpoints ORDER BY thread_id"
CHECKPOINTS = """SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata
FROM checkpoints WHERE thread_id = %s ORDER BY checkpoint_ns, checkpoint_id"""
BLOBS = """SELECT channel, type, blob FROM jsonb_each_text(%s::jsonb) AS v
JOIN checkpoint_blobs b ON b.channel = v.key AND b.version = v.value
WHERE thread_id = %s AND checkpoint_ns = %s AND type <> 'empty'"""
WRITES = """SELECT checkpoint_ns, checkpoint_id, task_id, task_path, channel, type, blob
FROM checkpoint_writes WHERE thread_id = %s
ORDER BY checkpoint_ns, checkpoint_id, task_id, task_path, idx"""


class AsStored:
    """A serializer for what is serialized already: values are pairs of type and bytes."""

    def dumps_typed(self, obj: tuple[str, bytes]) -> tuple[str, bytes]:
        return obj

    def loads_typed(self, data: tuple[str, bytes]) -> tuple[str, bytes]:
        return data


def move(source: Connection, saver: StatewardSaver, thread_id: str) -> tuple[int, int]:
    """Copies one thread. Returns how many checkpoints and writes it has."""
    checkpoints = writes = 0
    with closing(_rows(source, CHECKPOINTS, thread_id)) as rows:
        for ns, group in itertools.groupby(rows, _ns):
            sent: dict[str, Any] = {}  # the last version of each channel that was sent
            for row in group:
                _put(source, saver, thread_id, ns, row, sent)
                checkpoints += 1
    with closing(_rows(source, WRITES, thread_id)) as rows:
        for (ns, id_, task, path), group in itertools.groupby(rows, _task):
            given = [(row["channel"], (row["type"], row["blob"])) for row in group]
            place = {"thread_id": thread_id, "checkpoint_ns": ns, "checkpoint_id": id_}
            # The special ones (errors, interrupts) were stored on their own, too.
            for special in (True, False):
                some = [write for write in given if (write[0] in WRITES_IDX_MAP) == special]
                saver.put_writes({"configurable": place}, some, task, path)
            writes += len(given)
    return checkpoints, writes


def _put(
    source: Connection,
    saver: StatewardSaver,
    thread_id: str,
    ns: str,
    row: Row,
    sent: dict[str, Any],
) -> None:
    checkpoint = row["checkpoint"]
    versions = checkpoint.get("channel_versions") or {}
    new = {name: version for name, version in versions.items() if sent.get(name) != version}
    # Numbers, short texts and the like stand in the checkpoint itself.
    plain = checkpoint.get("channel_values") or {}
    values = {name: _serialized(plain[name]) for name in plain if name in new}
    blobs = source.execute(BLOBS, (json.dumps(new), thread_id, ns)).fetchall()
    values |= {blob["channel"]: (blob["type"], blob["blob"] or b"") for blob in blobs}
    config = {"thread_id": thread_id, "checkpoint_ns": ns}
    if row["parent_checkpoint_id"]:
        config["checkpoint_id"] = row["parent_checkpoint_id"]
    saver.put(
        {"configurable": config},
        cast(Any, {**checkpoint, "channel_values": values}),
        row["metadata"],
        new,
    )
    sent.update(new)


def _serialized(value: Any) -> tuple[str, bytes]:
    """As LangGraph's serializer reads it; it writes no integers of more than 64 bits itself."""
    try:
        return JsonPlusSerializer().dumps_typed(value)
    except TypeError:
        return "json", json.dumps(value).encode()


def _rows(source: Connection, sql: str, thread_id: str) -> Generator[Row, None, None]:
    """A thread may be larger than memory."""
    with source.cursor(name="rows") as cursor:
        cursor.itersize = 100
        yield from cursor.execute(cast(Any, sql), (thread_id,))


def _ns(row: Row) -> str:
    return str(row["checkpoint_ns"])


def _task(row: Row) -> tuple[str, str, str, str]:
    return row["checkpoint_ns"], row["checkpoint_id"], row["task_id"], row["task_path"]


def run(postgres: str, url: str, threads: Sequence[str] = ()) -> Iterator[str]:
    """Says what became of each thread; at last SystemExit if some could not be moved."""
    left = 0
    with (
        psycopg.connect(postgres, row_factory=dict_row) as source,
        StatewardSaver.from_url(url, serde=AsStored()) as saver,
    ):
        # All that is read is the state of one moment.
        source.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        source.read_only = True
        given: Iterable[str] = threads or [row["thread_id"] for row in source.execute(THREADS)]
        for thread_id in given:
            try:
                checkpoints, writes = move(source, saver, thread_id)
            except REFUSALS as error:
                left += 1
                yield f"{thread_id!r}: not moved: {error}"
            else:
                yield f"{thread_id}: {checkpoints} checkpoints, {writes} writes"
    if left:
        raise SystemExit(f"not moved: {left} of the threads")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("postgres", help="where PostgresSaver keeps its tables, as libpq takes it")
    parser.add_argument("url", help="where stateward is")
    parser.add_argument("thread", nargs="*", help="only these; all if none is named")
    args = parser.parse_args()
    for line in run(args.postgres, args.url, args.thread):
        print(line)


if __name__ == "__main__":
    main()
