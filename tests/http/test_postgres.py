"""What PostgreSQL may do besides working: what clients are told, and that the service recovers by itself."""

from __future__ import annotations

import os
import pathlib
import pwd
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stores
from certificates import make_certificates
from conftest import BINARY, ROOT, Server, environ
from dying import until
from proxy import proxy
from wire import gauge

NEWEST = len([*(ROOT / "storage" / "schema").glob("postgres_*.sql")])


@pytest.fixture
def database(postgres: stores.Postgres, uid: str) -> Iterator[str]:
    """A database of the shared server for one test."""
    name = uid.replace("-", "_")
    postgres.sql(f"CREATE DATABASE {name}")
    yield name
    postgres.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def alone() -> Iterator[stores.Postgres]:
    """A database server that the test may stop."""
    with stores.postgres() as server:
        yield server


def append(server: Server, conversation: str, id_: str = "") -> int:
    body = {"role": "user", "content": "x", **({"id": id_} if id_ else {})}
    return server.post(f"/conversations/{conversation}/messages?require_session=false", body).status


def ids(server: Server, conversation: str) -> list[str]:
    """All messages of the conversation."""
    return [m["id"] for m in server.get(f"/conversations/{conversation}/messages?limit=0").json()["messages"]]


def detail(server: Server, *others: int) -> str:
    answer = server.post("/conversations/c/messages?require_session=false", {"role": "user", "content": "x"})
    assert answer.status in (500, 503, *others), answer.body
    assert answer.status != 503 or answer.headers["Retry-After"]
    return str(answer.json()["detail"])


def refused(url: str, tmp_path: pathlib.Path, *args: str, status: int = 1) -> str:
    """What the program says when it does not start."""
    done = subprocess.run([str(BINARY), "serve", "--primary", url, "--listen", "127.0.0.1:0", *args],
                          cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environ())
    assert done.returncode == status, done
    return done.stderr


def test_a_server_that_hangs(alone: stores.Postgres, own: Any) -> None:
    server: Server = own("--store-timeout", "300ms", primary=alone.url())
    assert append(server, "c") == 201
    alone.signal(signal.SIGSTOP)
    assert "no answer within 300 ms" in detail(server, 504)  # its COMMIT travelled with it
    until(lambda: "no answer within 300 ms" in detail(server))
    alone.signal(signal.SIGCONT)
    until(lambda: append(server, "c") == 201)


def test_a_scan_on_a_server_that_hangs(alone: stores.Postgres, own: Any) -> None:
    server: Server = own("--store-timeout", "300ms", primary=alone.url())
    alone.signal(signal.SIGSTOP)
    answer = server.get("/sessions")
    assert answer.status == 503 and "no answer within 300 ms" in answer.json()["detail"]
    alone.signal(signal.SIGCONT)
    until(lambda: server.get("/sessions").status == 200)


def test_a_scan_whose_connection_alone_is_silent(alone: stores.Postgres, own: Any) -> None:
    """The server answers others, but what it was asked, or what it said, is lost."""
    with proxy(alone.port) as between:
        url = alone.url().replace(str(alone.port), str(between.port))
        server: Server = own("--store-timeout", "300ms", primary=url)
        assert append(server, "c") == 201 and server.get("/sessions").status == 200
        between.swallow()
        answer = server.get("/sessions")
        assert answer.status == 503 and "no answer within 300 ms" in answer.json()["detail"]
        until(lambda: server.get("/sessions").status == 200)
        until(lambda: append(server, "c") == 201)
        between.swallow()
        with ThreadPoolExecutor(1) as pool:
            scan = pool.submit(lambda: server.get("/sessions"))
            until(lambda: gauge(server, "requests") > 1)
            began = time.monotonic()
            assert server.stop() == 0 and time.monotonic() - began < 10
            assert scan.result().status == 503


def keepalive(server: Server, port: int) -> int:
    """The longest time until a silent connection to that port is asked for a sign of life, in 1/100 s."""
    assert server.process
    rows = [line.split() for line in pathlib.Path(f"/proc/{server.process.pid}/net/tcp").read_text().splitlines()]
    timers = [row[5].split(":") for row in rows if row[2] == f"0100007F:{port:04X}" and row[3] == "01"]
    assert timers
    return max(int(when, 16) if kind == "02" else 1 << 30 for kind, when in timers)


def test_connections_are_kept_alive(alone: stores.Postgres, own: Any) -> None:
    server: Server = own(primary=alone.url())
    until(lambda: keepalive(server, alone.port) <= 1000)
    other: Server = own(primary=f"{alone.url()}?keepalives_idle=100")
    assert 5000 < keepalive(other, alone.port) <= 10000


@pytest.fixture
def slow(postgres: stores.Postgres, database: str) -> Iterator[str]:
    """A user for whom looking at a checkpoint takes 1.5 s, once make_slow() was called."""
    postgres.sql(f"CREATE ROLE {database} LOGIN")
    postgres.sql(f"GRANT CREATE ON DATABASE {database} TO {database}")
    yield postgres.url(database, database)
    postgres.sql(f"DROP DATABASE {database} WITH (FORCE)")
    postgres.sql(f"DROP ROLE {database}")


def make_slow(postgres: stores.Postgres, database: str) -> None:
    postgres.sql("""SET search_path = stateward;
        CREATE FUNCTION slow() RETURNS boolean LANGUAGE sql AS 'SELECT pg_sleep(1.5) IS NOT NULL';
        ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY;
        ALTER TABLE checkpoints FORCE ROW LEVEL SECURITY;
        CREATE POLICY slow ON checkpoints USING (slow())""", database)


def test_a_scan_that_takes_long(postgres: stores.Postgres, database: str, slow: str, own: Any) -> None:
    """A scan is answered though the server is silent for longer than the time-out; others do not wait for it."""
    server: Server = own("--store-timeout", "300ms", primary=slow)
    assert server.put("/checkpoints/t/c", {"checkpoint_data": {}, "metadata": {}}).status == 201
    make_slow(postgres, database)
    with ThreadPoolExecutor(1) as pool:
        scan = pool.submit(lambda: server.get("/checkpoints"))
        appended = 0
        while not scan.done():
            assert append(server, f"c{appended}") == 201
            appended += 1
        assert scan.result().status == 200, scan.result().body
        assert [c["checkpoint_id"] for c in scan.result().json()["items"]] == ["c"]
    assert appended > 4
    assert server.get("/checkpoints/t/c").status == 503  # not a scan: nobody waits that long


def test_a_restart(alone: stores.Postgres, own: Any) -> None:
    server: Server = own(primary=alone.url())
    assert append(server, "c") == 201
    alone.stop("fast")
    assert "connection refused" in detail(server)
    alone.start()
    until(lambda: append(server, "c") == 201)


def test_sessions_that_are_terminated(postgres: stores.Postgres, database: str, own: Any) -> None:
    server: Server = own(primary=postgres.url(database))
    assert append(server, "c", "m") == 201
    unseen = 0
    for i in range(20):
        postgres.sql("SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE "
                     f"datname = '{database}' AND application_name = 'stateward'")  # the connections are gone then
        unseen += append(server, "c", f"m{i}") == 201
        until(lambda i=i: append(server, "c", f"m{i}") == 200)
    assert unseen >= 15  # a new connection may take longer than a request waits
    assert ids(server, "c") == ["m", *(f"m{i}" for i in range(20))]


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03"])
def test_what_meets_others_is_tried_again(state: str, postgres: stores.Postgres, database: str, own: Any) -> None:
    """A trigger refuses each message three times; its sequence survives the roll-back."""
    server: Server = own(primary=postgres.url(database))
    assert append(server, "c") == 201
    postgres.sql(f"""SET search_path = stateward;
        CREATE SEQUENCE tries;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = stateward AS $$ BEGIN
            IF nextval('tries') % 4 <> 0 THEN RAISE EXCEPTION 'others' USING ERRCODE = '{state}'; END IF;
            RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON conversations FOR EACH ROW EXECUTE FUNCTION refuse()""", database)
    for i in range(5):
        assert append(server, "c", f"m{i}") == 201
    assert postgres.sql("SELECT last_value FROM stateward.tries", database) == "20"
    assert len(ids(server, "c")) == 6


def test_notices_do_not_reach_the_log(postgres: stores.Postgres, database: str, own: Any) -> None:
    server: Server = own(primary=postgres.url(database))
    postgres.sql("""SET search_path = stateward;
        CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE WARNING 'collation'; RETURN NEW; END $$;
        CREATE TRIGGER warn BEFORE INSERT ON conversations FOR EACH ROW EXECUTE FUNCTION warn()""", database)
    assert append(server, "c") == 201
    assert server.stop() == 0
    assert server.log_lines()  # each is JSON


def test_a_primary_that_is_read_only(postgres: stores.Postgres, database: str, own: Any) -> None:
    server: Server = own(primary=postgres.url(database))
    assert append(server, "c", "m1") == 201
    terminate = ("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                 f"WHERE datname = '{database}' AND application_name = 'stateward'")
    postgres.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    postgres.sql(terminate)
    until(lambda: "read-only" in detail(server))
    assert ids(server, "c") == ["m1"]
    postgres.sql(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    postgres.sql(terminate)
    until(lambda: append(server, "c", "m2") == 201)


def test_a_table_that_is_missing(postgres: stores.Postgres, database: str, own: Any) -> None:
    server: Server = own(primary=postgres.url(database))
    assert append(server, "c") == 201
    postgres.sql("ALTER TABLE stateward.conversations RENAME TO elsewhere", database)
    assert detail(server) == 'postgres: relation "conversations" does not exist (42P01)'
    assert server.put("/sessions/s", {"user_id": "u"}).status == 201
    postgres.sql("ALTER TABLE stateward.elsewhere RENAME TO conversations", database)
    assert append(server, "c") == 201


def test_wrong_passwords_users_and_databases(alone: stores.Postgres, tmp_path: pathlib.Path) -> None:
    alone.sql("CREATE ROLE ann LOGIN PASSWORD 'right'")
    hba = alone.data / "pg_hba.conf"
    hba.write_text("host all ann 127.0.0.1/32 scram-sha-256\nhost all bob 127.0.0.1/32 reject\n" + hba.read_text())
    alone.sql("SELECT pg_reload_conf()")
    for user, database, reason in (
            ("ann:s3cret", "postgres", "refuses the user or the password"),
            ("ann", "postgres", "wants a password"),
            ("bob:s3cret", "postgres", "admits nobody from here"),
            ("carl", "postgres", "does not exist"),
            ("postgres", "none", "does not exist")):
        said = refused(alone.url(database, user), tmp_path)
        assert reason in said and "s3cret" not in said and said.startswith("stateward: postgres: "), said


@pytest.mark.parametrize(("parameter", "reason"), [
    ("sslmode=bogus", "a parameter of the URL has a value that is not known"),
    ("target_session_attrs=bogus", "a parameter of the URL has a value that is not known"),
    ("channel_binding=require", "no channel binding, as channel_binding asks for"),
    ("options=-c%20nonsense%3D1", "the server refuses options that are in the URL"),
    ("options=-c%20work_mem%3Dx", "the server refuses options that are in the URL"),
    ("sslmode=require", "no connection by TLS as sslmode asks for"),
    ("host=127.0.0.1,127.0.0.1&port=1,2,3", "the URL is malformed")])
def test_parameters_that_cannot_be_met(parameter: str, reason: str, postgres: stores.Postgres,
                                       tmp_path: pathlib.Path) -> None:
    assert refused(f"{postgres.url()}?{parameter}", tmp_path) == f"stateward: postgres: {reason}\n"


def waits(url: str, own: Any) -> str:
    """What the program says when it starts without a store, which may come."""
    server: Server = own(primary=url, start=False).start(wait=False)
    until(lambda: "serving" in server.log())
    return detail(server)


@pytest.mark.parametrize(("wanted", "reason"), [
    ("standby", "the server is no standby (target_session_attrs)"),
    ("read-only", "the server is not read-only (target_session_attrs)")])
def test_servers_of_another_kind(wanted: str, reason: str, postgres: stores.Postgres, own: Any) -> None:
    assert waits(f"{postgres.url()}?target_session_attrs={wanted}", own) == f"postgres: {reason}"


@pytest.mark.parametrize(("state", "reason"), [
    ("28P01", "the server refuses the user or the password"),
    ("28000", "the server does not admit the user, or nobody from here (pg_hba.conf)"),
    ("3D000", "the database does not exist"),
    ("53200", "the server is out of memory"),
    ("53300", "the server has too many connections"),
    ("57P03", "the server is starting up or shutting down"),
    ("55000", "the database takes no connections"),
    ("XX000", "the server refuses the connection; its log says why")])
def test_servers_that_speak_another_language(state: str, reason: str, postgres: stores.Postgres, own: Any,
                                             tmp_path: pathlib.Path) -> None:
    text = b"S\xd0\x92\xd0\x90\xd0\x96\xd0\x9d\xd0\x9e\0VFATAL\0C" + state.encode() + b"\0MNein: s3cret\0\0"
    with proxy(postgres.port) as between:
        between.answer(b"E" + (len(text) + 4).to_bytes(4, "big") + text)
        url = postgres.url().replace(str(postgres.port), str(between.port)) + "?sslmode=disable"
        if state[:2] in ("28", "3D"):  # somebody has to change something
            assert refused(url, tmp_path) == f"stateward: postgres: {reason}\n"
        else:
            assert waits(url, own) == f"postgres: {reason}"


def test_tls(tmp_path_factory: pytest.TempPathFactory, own: Any, tmp_path: pathlib.Path) -> None:
    """sslmode and sslrootcert reach libpq."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    with stores.postgres() as server:
        for end in ("crt", "key"):
            file = server.data / f"server.{end}"
            file.write_bytes((folder / f"server.{end}").read_bytes())
            file.chmod(0o600)
            shutil.chown(file, server.data.owner())
        server.sql("ALTER SYSTEM SET ssl = on")
        server.sql("SELECT pg_reload_conf()")
        until(lambda: server.sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "t")
        url = f"{server.url()}?sslmode=verify-full&sslrootcert={folder}"
        service: Server = own(primary=f"{url}/ca.crt")
        assert append(service, "c") == 201
        assert server.sql("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                          "WHERE application_name = 'stateward'") == "t"
        assert service.stop() == 0
        assert "no connection by TLS as sslmode asks for" in refused(f"{url}/other.crt", tmp_path)
        assert "sslmode needs a root certificate" in refused(f"{url}/none.crt", tmp_path)


def test_a_user_who_may_not_make_a_schema(postgres: stores.Postgres, database: str, tmp_path: pathlib.Path) -> None:
    postgres.sql(f"CREATE ROLE {database} LOGIN")
    try:
        assert "permission denied" in refused(postgres.url(database, database), tmp_path)
    finally:
        postgres.sql(f"DROP ROLE {database}")


def test_too_many_connections(postgres: stores.Postgres, database: str, tmp_path: pathlib.Path) -> None:
    postgres.sql(f"CREATE ROLE {database} LOGIN CONNECTION LIMIT 1")
    postgres.sql(f"GRANT CREATE ON DATABASE {database} TO {database}")
    try:
        assert "too many connections" in refused(postgres.url(database, database), tmp_path)
    finally:
        postgres.sql(f"DROP OWNED BY {database}", database)
        postgres.sql(f"DROP ROLE {database}")


def test_a_server_that_admits_us_no_more(postgres: stores.Postgres, database: str, own: Any) -> None:
    """What was right at the start may be wrong later, and right again after that."""
    postgres.sql(f"CREATE ROLE {database} LOGIN")
    postgres.sql(f"GRANT CREATE ON DATABASE {database} TO {database}")
    terminate = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{database}'"
    server: Server = own(primary=postgres.url(database, database))
    try:
        for takes, gives, reason in (
                (f"ALTER ROLE {database} CONNECTION LIMIT 0", f"ALTER ROLE {database} CONNECTION LIMIT -1",
                 "too many connections"),
                (f"ALTER ROLE {database} NOLOGIN", f"ALTER ROLE {database} LOGIN",
                 "refuses the user"),
                (f"ALTER DATABASE {database} ALLOW_CONNECTIONS false",
                 f"ALTER DATABASE {database} ALLOW_CONNECTIONS true", "takes no connections")):
            until(lambda: append(server, "c") == 201)
            postgres.sql(takes)
            postgres.sql(terminate)
            assert reason in detail(server)
            postgres.sql(gives)
        until(lambda: append(server, "c") == 201)
        server.stop()
    finally:
        postgres.sql(f"DROP OWNED BY {database}", database)
        postgres.sql(f"DROP ROLE {database}")


def test_changes_of_one_thread_by_two_instances(postgres: stores.Postgres, database: str, own: Any) -> None:
    """What a statement saw before it had the lock does not count: sizes stay exact, each task is there once."""
    servers = [own(primary=postgres.url(database)) for _ in range(2)]
    for thread in ("a", "b"):
        assert servers[0].put(f"/checkpoints/{thread}/c0", {"checkpoint_data": {"a": 1}}).status == 201

    def change(client: int) -> set[int]:
        rnd, server, seen = random.Random(client), servers[client % 2], set()
        for i in range(120):
            thread = rnd.choice("ab")
            task = f"shared{rnd.randrange(100)}" if i % 2 else f"own{client}-{i}"
            writes = [{"channel": "x", "value": "y" * rnd.randrange(50)}]
            seen.add(server.put(f"/writes/{thread}/c0/{task}", {"writes": writes}).status)
            if client == 0 and i % 5 == 0:
                seen.add(server.put(f"/checkpoints/{thread}/c{i}", {"checkpoint_data": {"a": i}}).status)
            if client == 1 and i % 10 == 0:
                prune = {"thread_ids": [thread], "keep_last": 3}
                seen.add(server.post("/maintenance/prune", prune).status)
        return seen

    with ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(change, range(8))) <= {200, 201}
    sizes = postgres.sql(
        "SELECT n.bytes - (SELECT coalesce(sum(octet_length(v.bytes)), 0) FROM stateward.checkpoint_values v "
        "WHERE v.namespace = n.id) - coalesce(sum(octet_length(c.metadata)), 0) - coalesce(sum((SELECT "
        "sum(octet_length(k.body)) FROM stateward.checkpoint_writes k WHERE k.checkpoint = c.id)), 0) FROM "
        "stateward.namespaces n JOIN stateward.checkpoints c ON c.namespace = n.id GROUP BY n.id, n.bytes", database)
    assert sizes.split() == ["0", "0"]
    assert postgres.sql("SELECT count(*) FROM stateward.checkpoint_writes k WHERE NOT EXISTS (SELECT 1 FROM "
                        "stateward.checkpoints c WHERE c.id = k.checkpoint)", database).strip() == "0"


def test_how_durable_it_is(alone: stores.Postgres, own: Any) -> None:
    """Asked each second, so a server that is set to lose commits is noticed."""
    server: Server = own(primary=alone.url())

    def says(durability: str) -> bool:
        return bool(server.get("/health").json()["backends"][0]["durability"] == durability)

    until(lambda: says("durable"))
    assert "volatile" not in server.log()
    alone.sql("ALTER SYSTEM SET synchronous_commit = off")
    alone.sql("SELECT pg_reload_conf()")
    until(lambda: says("volatile"))
    until(lambda: any(line["event"] == "volatile" and line["level"] == "warning" for line in server.log_lines()))
    alone.sql("ALTER SYSTEM RESET synchronous_commit")
    alone.sql("SELECT pg_reload_conf()")
    until(lambda: says("durable"))


@pytest.mark.parametrize(("url", "reason"), [
    ("postgresql://u:s3cret@h:port/d", "a port is a number from 1 to 65535"),
    ("postgresql://u:s3cret@[::1/d", "the URL is malformed"),
    ("postgresql://u:s3cret@h/d?nonsense=1", "the URL is malformed")])
def test_malformed_urls(url: str, reason: str, tmp_path: pathlib.Path) -> None:
    assert refused(url, tmp_path, status=2) == f"stateward: --primary: postgres: {reason}\n"


def test_names_of_schemas(postgres: stores.Postgres, database: str, own: Any, tmp_path: pathlib.Path) -> None:
    for name in ("A", "a b", "a;b", "1a", "a" * 64):
        said = refused(postgres.url(database), tmp_path, "--postgres-schema", name, status=2)
        assert "postgres-schema: a schema is named" in said
    for name in ("other_1", "right"):
        server: Server = own("--postgres-schema", name, primary=postgres.url(database))
        assert append(server, "c") == 201
        assert postgres.sql(f'SELECT count(*) FROM "{name}".conversations', database) == "1"


def older_schema(number: int) -> str:
    """Statements that make the schema of an earlier version."""
    files = [(ROOT / "storage" / "schema" / f"postgres_000{n}.sql").read_text() for n in range(1, number + 1)]
    return ("CREATE SCHEMA stateward; SET search_path = stateward; "
            "CREATE TABLE schema_versions (number BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now());"
            + "".join(files) + f"INSERT INTO schema_versions SELECT generate_series(1, {number})")


def test_newer_schemas(postgres: stores.Postgres, database: str, own: Any, tmp_path: pathlib.Path) -> None:
    """The next number is that of a version to which instances are moved one by one."""
    newer = "INSERT INTO stateward.schema_versions SELECT max(number) + 1 FROM stateward.schema_versions"
    own(primary=postgres.url(database)).stop()
    postgres.sql(newer, database)
    own(primary=postgres.url(database)).stop()
    postgres.sql(newer, database)
    assert "made by a newer version" in refused(postgres.url(database), tmp_path)


def test_a_migration_waits_for_a_table_in_use(alone: stores.Postgres, own: Any) -> None:
    """As during a backup, which locks all tables: whoever else uses them waits behind each try of the migration."""
    alone.sql(older_schema(1))

    def tries() -> int:
        return (alone.folder / "log").read_text().count("canceling statement due to lock timeout")

    with alone.session("BEGIN; LOCK TABLE stateward.checkpoint_writes IN ACCESS SHARE MODE"):
        pid = alone.sql("SELECT pid FROM pg_locks WHERE relation = 'stateward.checkpoint_writes'::regclass")
        server: Server = own(primary=alone.url(), start=False).start(wait=False)
        until(lambda: tries() > 0)
        end = time.monotonic() + 6
        while time.monotonic() < end:
            alone.sql("SET lock_timeout = 500; SELECT count(*) FROM stateward.checkpoint_writes")
            time.sleep(0.1)
        assert tries() <= 5
        assert detail(server) == ("postgres: the update of the schema waits for table checkpoint_writes, "
                                  f"which process {pid} of the server uses")
        assert server.get("/health/live").status == 200 and server.get("/health/startup").status == 503
    until(lambda: server.get("/health/ready").status == 200)
    assert append(server, "c") == 201
    assert alone.sql("SELECT max(number) FROM stateward.schema_versions") == str(NEWEST)


def test_a_migration_waits_for_that_of_another_instance(postgres: stores.Postgres, database: str, own: Any) -> None:
    server: Server = own(primary=postgres.url(database))
    key = postgres.sql("SELECT classid FROM pg_locks WHERE locktype = 'advisory' AND database = "
                       f"(SELECT oid FROM pg_database WHERE datname = '{database}')")
    server.stop()
    postgres.sql("DROP SCHEMA stateward CASCADE", database)
    with postgres.session(f"BEGIN; SELECT pg_advisory_xact_lock({key}, 0) IS NULL", postgres.url(database)):
        server = own(primary=postgres.url(database), start=False).start(wait=False)
        time.sleep(2)  # longer than records are waited for
    server.wait_ready()
    assert "store_down" not in server.log()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_databases_of_other_encodings(encoding: str, postgres: stores.Postgres, uid: str,
                                      tmp_path: pathlib.Path) -> None:
    name = uid.replace("-", "_")
    postgres.sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    said = refused(postgres.url(name), tmp_path)
    assert said == f"stateward: postgres: the database must have ENCODING 'UTF8', it has {encoding}\n"
    assert postgres.sql("SELECT to_regnamespace('stateward') IS NULL", name) == "t"


def test_two_instances_with_one_number(postgres: stores.Postgres, database: str, own: Any,
                                       tmp_path: pathlib.Path) -> None:
    own("--instance", "7", primary=postgres.url(database))
    assert "another process runs as instance 7" in refused(postgres.url(database), tmp_path, "--instance", "7")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_is_full(postgres: stores.Postgres, database: str, own: Any, tmp_path: pathlib.Path) -> None:
    disk = pathlib.Path(tempfile.mkdtemp(prefix="stateward-disk-"))
    owner = pwd.getpwnam("postgres")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=24m,uid={owner.pw_uid},gid={owner.pw_gid},mode=700",
                    "tmpfs", disk], check=True)
    try:
        postgres.sql(f"CREATE TABLESPACE {database} LOCATION '{disk}'")
        postgres.sql(f"ALTER DATABASE {database} SET TABLESPACE {database}")
        server: Server = own(primary=postgres.url(database))
        assert append(server, "c", "m1") == 201
        big = {"role": "user", "content": random.randbytes(300_000).hex()}
        until(lambda: server.post("/conversations/c/messages?require_session=false", big).status == 503)
        answer = server.post("/conversations/c/messages?require_session=false", big)
        assert answer.json()["detail"] == "postgres: the disk of the server is full"
        assert "m1" in ids(server, "c")
        assert server.get("/health").json()["status"] == "degraded"
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        assert server.post("/conversations/c/messages?require_session=false", big).status == 201
        server.stop()
    finally:
        postgres.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        postgres.sql(f"DROP TABLESPACE IF EXISTS {database}")
        subprocess.run(["umount", disk], check=True)
        disk.rmdir()


def test_pools(alone: stores.Postgres, own: Any, tmp_path: pathlib.Path) -> None:
    with stores.pgbouncer(alone, "transaction") as url:
        assert "a pool in transaction mode stands between" in refused(url, tmp_path)
    with stores.pgbouncer(alone, "transaction", server_round_robin=1, min_pool_size=10) as url, alone.session("", url):
        until(lambda: alone.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") == "11")
        assert "a pool in transaction mode stands between" in refused(url, tmp_path)
    assert alone.sql("SELECT to_regclass('schema_versions') IS NULL") == "t"
    with stores.pgbouncer(alone, "session") as url:
        server: Server = own(primary=url)
        assert append(server, "c", "m1") == 201
        assert ids(server, "c") == ["m1"]
        server.stop()
    assert alone.sql("SELECT count(*) FROM stateward.conversations") == "1"


def test_a_pool_that_has_lost_the_server_proves_nothing(alone: stores.Postgres, own: Any) -> None:
    """The pool answers for a server whose COMMIT it has not heard of: what may be stored must not be called
    refused."""
    text = b"SFATAL\0VFATAL\0C08P01\0Mserver conn crashed?\0\0"
    with proxy(alone.port) as pool:
        server: Server = own("--lanes", "1", primary=alone.url().replace(str(alone.port), str(pool.port)))
        told = []
        for i in range(8):
            until(lambda: append(server, "c") == 201)
            pool.answer(b"E" + (len(text) + 4).to_bytes(4, "big") + text)
            told.append(server.post("/conversations/c/messages?require_session=false",
                                    {"role": "user", "content": i}).status)
            pool.answer(b"")
        until(lambda: append(server, "c") == 201)
        messages = server.get("/conversations/c/messages?limit=0").json()["messages"]
        kept = [m["content"] for m in messages if m["content"] != "x"]
        assert set(told) <= {503, 504}
        assert kept and {told[i] for i in kept} == {504}
        server.stop()


def test_a_page_reads_few_rows_of_a_long_thread(postgres: stores.Postgres, database: str, own: Any) -> None:
    """Plans are made while the tables are empty; such plans read, and sorted, all checkpoints of the thread."""
    s = own(primary=postgres.url(database))
    channel = {"checkpoint": {"v": 4, "channel_versions": {}}, "metadata": {}, "values": []}
    for thread, body in (("t", channel), ("d", {"checkpoint_data": 1})):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i, t=thread, b=body: s.put(f"/checkpoints/{t}/{i:04}", b), range(2000)))

    def rows_read() -> int:
        return int(postgres.sql("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'checkpoints'",
                                database))

    for path in ("/checkpoints?thread_id=t&limit=10", "/threads/t", "/checkpoints?thread_id=d&limit=10", "/threads/d"):
        settled = 0
        while settled != (settled := rows_read()):
            time.sleep(1.2) # a backend reports them once a second
        for _ in range(6):
            assert s.get(path).status == 200
        until(lambda before=settled: rows_read() > before)
        assert rows_read() - settled < 1000
