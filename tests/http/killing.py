"""Writers that record what was acknowledged, a server that is killed under them, and the comparison."""

from __future__ import annotations

import contextlib
import http.client
import random
import sqlite3
import threading
import time
from dataclasses import dataclass, field

from conftest import Server

CLIENTS = 16


@dataclass
class Journal:
    """The ids of one client: those that were acknowledged, and those whose answer never came."""

    messages: set[str] = field(default_factory=set)
    checkpoints: set[str] = field(default_factory=set)
    increments: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)


class Killing:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.kills = self.killed_starts = 0  # under load; without
        self.journals = [Journal() for _ in range(CLIENTS)]
        self.wrong: list[bytes] = []
        for k in range(CLIENTS):
            server.session(f"s{k}")

    def _write(self, name: str, journal: Journal, prefix: int) -> None:
        """Appends, counts and puts until the server is gone."""
        conn, i = self.server.connect(), 0
        while True:
            i += 1
            id_ = f"{prefix}-{i}"
            try:
                if i % 3 == 0:
                    answer = self.server.post(f"/conversations/{name}/messages",
                                              {"role": "u", "content": id_, "id": id_}, conn=conn)
                    done = journal.messages
                elif i % 3 == 1:
                    answer = self.server.put(f"/checkpoints/{name}/{id_}", {"checkpoint_data": id_}, conn=conn)
                    done = journal.checkpoints
                else:
                    answer = self.server.patch(f"/sessions/{name}", {"increment_requests": True}, conn=conn,
                                               headers={"Idempotency-Key": id_})
                    done = journal.increments
            except (OSError, http.client.HTTPException):
                journal.tried.add(id_)
                return
            if answer.status not in (200, 201):
                self.wrong.append(answer.body)
                return
            done.add(id_)

    def round(self, longest_s: float) -> None:
        """Some seconds of writing, kill -9, a new start; at times it is killed while it starts, too."""
        threads = [threading.Thread(daemon=True, target=self._write, args=(f"s{k}", j, self.kills))
                   for k, j in enumerate(self.journals)]
        for t in threads:
            t.start()
        time.sleep(random.uniform(0.1, longest_s))
        self.server.kill()
        self.kills += 1
        for t in threads:
            t.join()
        assert not self.wrong, self.wrong
        if self.kills % 4 == 0:
            self.server.start(wait=False)
            time.sleep(random.uniform(0, 0.05))
            self.server.kill()
            self.killed_starts += 1
        self.server.start()

    def acknowledged(self) -> int:
        return sum(len(j.messages) + len(j.checkpoints) + len(j.increments) for j in self.journals)

    def interrupted(self) -> int:
        return sum(len(j.tried) for j in self.journals)

    def check(self) -> None:
        """Nothing is lost, doubled, or there though nobody sent it; the file is sound."""
        for k, journal in enumerate(self.journals):
            self._check_one(f"s{k}", journal)
        assert self.server.stop() == 0
        with contextlib.closing(sqlite3.connect(self.server.primary.removeprefix("sqlite:"))) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def _check_one(self, name: str, journal: Journal) -> None:
        page = self.server.get(f"/conversations/{name}/messages?limit=0").json()
        contents = [m["content"] for m in page["messages"]]
        assert len(contents) == len(set(contents))
        assert journal.messages <= set(contents) <= journal.messages | journal.tried
        stored: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.server.get(f"/checkpoints?thread_id={name}&limit=1000{cursor}").json()
            assert all(i["checkpoint_data"] == i["checkpoint_id"] for i in page["items"])
            stored += [i["checkpoint_id"] for i in page["items"]]
            cursor = page["next_cursor"] and "&cursor=" + page["next_cursor"]
        assert len(stored) == len(set(stored))
        assert journal.checkpoints <= set(stored) <= journal.checkpoints | journal.tried
        count = self.server.get(f"/sessions/{name}").json()["metrics"]["request_count"]
        assert len(journal.increments) <= count <= len(journal.increments | journal.tried)
