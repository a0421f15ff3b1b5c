"""What clean-up collects on PostgreSQL while others write: what came back to life meanwhile must stay.

Each test stops one of the two where it matters: at a gate that a function of the server waits for, or at a lock
that another session holds.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stores
from conftest import Server
from dying import until

GATE = 7
LONG_AGO = "(CAST(extract(epoch FROM now() - interval '2 hours') * 1e6 AS BIGINT))"
ALONE = ("--store-timeout", "30s", "--cleanup-interval", "0")
CLEANING = ("--store-timeout", "30s", "--cleanup-interval", "1")


class Session:
    """A session with the database that lasts until it is told to end."""

    def __init__(self, url: str) -> None:
        self.psql = subprocess.Popen([str(stores.POSTGRES_BIN / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", url],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, sql: str) -> None:
        """Runs a statement. Returns when it is done."""
        assert self.psql.stdin and self.psql.stdout
        print(sql + ";\n\\echo done", file=self.psql.stdin, flush=True)
        while (line := self.psql.stdout.readline()) != "done\n":
            assert line, self.psql.wait()

    def end(self) -> None:
        self.psql.communicate()


class Database:
    """A database of the shared server, whose owner is bound by row policies; what the service and psql do there."""

    def __init__(self, postgres: stores.Postgres, name: str) -> None:
        self.postgres, self.name = postgres, name
        self.url = postgres.url(name, name)
        self.sessions: list[Session] = []

    def sql(self, text: str) -> str:
        return self.postgres.sql("SET search_path = stateward; " + text, self.name)

    def session(self) -> Session:
        """A session that has begun a transaction."""
        self.sessions.append(Session(self.postgres.url(self.name)))
        self.sessions[-1].run("SET search_path = stateward; BEGIN")
        return self.sessions[-1]

    def gate(self) -> Session:
        """Makes a function stop() that waits until the returned session rolls back. lock_timeout does not end
        that."""
        self.sql(f"""
            CREATE FUNCTION stop() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
                WHILE NOT pg_try_advisory_xact_lock_shared({GATE}) LOOP PERFORM pg_sleep(0.01); END LOOP;
                RETURN true;
            END $$""")
        holder = self.session()
        holder.run(f"SELECT pg_advisory_xact_lock({GATE})")
        return holder

    def waits(self, for_: str, statement: str = "") -> bool:
        """Whether the service waits, in a statement that begins so, for PgSleep or for a lock."""
        return self.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stateward' AND datname = "
                        f"'{self.name}' AND '{for_}' IN (wait_event, wait_event_type) "
                        f"AND query LIKE '{statement}%'") != "0"


@pytest.fixture
def database(postgres: stores.Postgres, uid: str) -> Iterator[Database]:
    name = uid.replace("-", "_")
    postgres.sql(f"CREATE ROLE {name} LOGIN")
    postgres.sql(f"CREATE DATABASE {name} OWNER {name}")
    made = Database(postgres, name)
    yield made
    for session in made.sessions:
        session.end()
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")
    postgres.sql(f"DROP ROLE {name}")


def test_a_deleted_thread_that_is_put_anew_stays(database: Database, own: Any) -> None:
    """The clean-up sees the tombstone as it was a moment before; then comes the put; then it collects."""
    server: Server = own(*ALONE, primary=database.url)
    for thread in ("gate", "t"):
        assert server.put(f"/checkpoints/{thread}/c1", {"checkpoint_data": {}}).status == 201
        assert server.delete(f"/threads/{thread}").status == 204
    gate = database.gate()
    database.sql(f"UPDATE threads SET tomb = ({LONG_AGO} << 10) + id")
    database.sql("CREATE POLICY gate ON threads USING (thread_id <> 'gate' OR stop())")
    database.sql("ALTER TABLE threads ENABLE ROW LEVEL SECURITY; ALTER TABLE threads FORCE ROW LEVEL SECURITY")
    own(*CLEANING, primary=database.url)
    until(lambda: database.waits("PgSleep"))
    assert server.put("/checkpoints/t/c2", {"checkpoint_data": {"now": 2}}).status == 201
    gate.run("ROLLBACK")
    until(lambda: database.sql("SELECT count(*) FROM threads WHERE thread_id = 'gate'") == "0")
    assert server.get("/checkpoints/t/c2").json()["checkpoint_data"] == {"now": 2}
    assert server.get("/threads/t").json()["checkpoints"] == 1


def test_a_key_that_is_used_anew_stays(database: Database, own: Any) -> None:
    """The clean-up waits for the request that uses the key, and then must look again."""
    server: Server = own(*ALONE, primary=database.url)
    key = {"Idempotency-Key": "k"}
    server.session("s")
    assert server.patch("/sessions/s", {"increment_requests": True}, headers=key).status == 200
    gate = database.gate()
    database.sql(f"UPDATE idempotency_keys SET at_us = {LONG_AGO}")
    database.sql("""
        CREATE FUNCTION stop_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM stateward.stop();
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER gate AFTER INSERT OR UPDATE ON idempotency_keys DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION stop_commit()""")
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(server.patch, "/sessions/s", {"increment_requests": True}, headers=key)
        until(lambda: database.waits("PgSleep"))
        cleaning: Server = own(*CLEANING, primary=database.url)
        until(lambda: database.waits("Lock"))
        gate.run("ROLLBACK")
        assert again.result().status == 200
    assert cleaning.stop() == 0
    replayed = server.patch("/sessions/s", {"increment_requests": True}, headers=key)
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert server.get("/sessions/s").json()["metrics"]["request_count"] == 2


def test_parts_of_a_deleted_session_that_another_removes(database: Database, own: Any) -> None:
    """Two instances remove the same session: if one finds nothing to do, something may still be left."""
    server: Server = own(*ALONE, primary=database.url)
    server.session("s")
    for number in range(120):
        assert server.post("/conversations/s/messages", {"role": "u", "content": number}).status == 201
    database.sql("UPDATE sessions SET tenant = -id, gen = 0, user_id = NULL")
    other = database.session()
    other.run("DELETE FROM conversations WHERE seq IN (SELECT seq FROM conversations ORDER BY seq LIMIT 50)")
    own(*CLEANING, primary=database.url)
    until(lambda: database.waits("Lock"))
    other.run("COMMIT")
    until(lambda: database.sql("SELECT count(*) FROM sessions") == "0")
    assert database.sql("SELECT count(*) FROM conversations") == "0"


@pytest.mark.parametrize("n_others", [1, 2])
def test_parts_of_a_deleted_thread_that_others_remove(database: Database, own: Any, n_others: int) -> None:
    """The same with writes that wait for their checkpoints."""
    server: Server = own(*ALONE, primary=database.url)
    for number in range(120):
        body = {"writes": [{"channel": "a", "value": number}]}
        assert server.put(f"/writes/t/c{number:03}/task", body).status == 201
    database.sql("UPDATE namespaces SET thread = -id")
    others = [database.session() for _ in range(n_others)]
    for i, other in enumerate(others):
        some = f"(SELECT id FROM checkpoints ORDER BY checkpoint_id LIMIT 50 OFFSET {50 * i})"
        other.run(f"DELETE FROM checkpoint_writes WHERE checkpoint IN {some}")
        other.run(f"DELETE FROM checkpoints WHERE id IN {some}")
    own(*CLEANING, primary=database.url)
    for other in others:
        until(lambda: database.waits("Lock"))
        other.run("COMMIT")
    until(lambda: database.sql("SELECT count(*) FROM namespaces") == "0")
    assert database.sql("SELECT count(*) FROM checkpoints") == "0"
    assert database.sql("SELECT count(*) FROM checkpoint_writes") == "0"


def test_a_removal_looks_again_when_another_has_copied_something(database: Database, own: Any) -> None:
    """An import brings back an older checkpoint while its value is still there and about to go."""
    def put(name: str, versions: dict[str, int], run: str, *values: dict[str, Any]) -> None:
        body = {"checkpoint": {"channel_versions": versions}, "metadata": {"run_id": run}, "values": values}
        assert server.put(f"/checkpoints/t/{name}", body).status == 201

    server: Server = own(*ALONE, primary=database.url)
    put("a0", {"a": 1}, "ends", {"channel": "a", "version": 1, "type": "bytes", "base64": "YWJj"})
    for number in range(1, 8):
        put(f"a{number}", {"a": 1}, "ends")
    for number in range(20):
        put(f"b{number}", {}, "stays")
    whole = server.get("/checkpoints/t/a0").json()
    gate, other = database.gate(), database.session()
    database.sql("""
        CREATE TABLE old_checkpoints AS SELECT * FROM checkpoints WHERE checkpoint_id = 'a0';
        CREATE TABLE old_values AS SELECT * FROM checkpoint_values
            WHERE channel = 'a' OR id IN (SELECT head FROM old_checkpoints);
        CREATE POLICY gate ON checkpoints USING (current_query() NOT LIKE 'FETCH%' OR stop());
        ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY;
        ALTER TABLE checkpoints FORCE ROW LEVEL SECURITY;
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_sleep(0.01);
            RETURN OLD;
        END $$;
        CREATE TRIGGER slow BEFORE DELETE ON checkpoints FOR EACH ROW EXECUTE FUNCTION slow()""")
    with ThreadPoolExecutor(2) as pool:
        removal = pool.submit(server.post, "/maintenance/delete-runs", {"run_ids": ["ends"]})
        until(lambda: database.waits("PgSleep", "FETCH"))
        merge = pool.submit(other.run, """
            SELECT NULL FROM threads WHERE thread_id = 't' FOR UPDATE;
            INSERT INTO checkpoint_values SELECT * FROM old_values ON CONFLICT DO NOTHING;
            INSERT INTO checkpoints OVERRIDING SYSTEM VALUE SELECT * FROM old_checkpoints;
            UPDATE namespaces SET checkpoints = checkpoints + 1, bytes = bytes + 100;
            COMMIT""")
        until(lambda: database.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0")
        gate.run("ROLLBACK")
        merge.result()
        assert removal.result().json()["removed"] == 8
    reader: Server = own(*ALONE, primary=database.url)  # it remembers nothing
    assert reader.get("/checkpoints/t/a0").json() == whole


def test_a_tombstone_that_is_in_use_is_collected_later(database: Database, own: Any) -> None:
    server: Server = own(*ALONE, primary=database.url)
    for thread in ("t", "other"):
        assert server.delete(f"/threads/{thread}").status == 204
    database.sql(f"UPDATE threads SET tomb = {LONG_AGO} << 10")
    user = database.session()
    user.run("SELECT NULL FROM threads WHERE thread_id = 't' FOR UPDATE")
    own(*CLEANING, primary=database.url)
    until(lambda: database.waits("Lock") or database.sql("SELECT count(*) FROM threads") == "1")
    user.run("ROLLBACK")
    until(lambda: database.sql("SELECT count(*) FROM threads WHERE tomb > 0") == "0")
    assert database.sql("SELECT count(*) FROM threads") == "0"
