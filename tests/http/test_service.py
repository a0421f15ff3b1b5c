"""Probes, reports, configuration, start and stop of the process."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stores
from conftest import BINARY, ROOT, Server, environ, free_port
from dying import until


def test_probes(server: Server) -> None:
    for path in ("/health/live", "/health/ready", "/health/startup"):
        answer = server.get(path)
        assert answer.status == 200 and answer.json()["status"], path
        head = server.call("HEAD", path)
        assert head.status == 200 and head.body == b""


def test_health(server: Server) -> None:
    answer = server.get("/health")
    report = answer.json()
    assert answer.status == 200 and report["status"] == "healthy"
    assert report["checks"]["connection"] == "ok"
    assert report["checks"]["performance"].startswith("ok (")
    (backend,) = report["backends"]
    kind = server.primary.partition(":")[0]
    assert backend["role"] == "primary" and backend["type"] == kind and backend["state"] == "up"
    assert backend["durability"] == ("durable" if kind in ("sqlite", "postgresql") else "volatile")
    assert backend["outbox"] == 0


def test_stats(fresh: Any) -> None:
    server: Server = fresh()
    server.session("a")
    server.session("b")
    server.post("/sessions/b/end")
    for i in range(3):
        server.post("/conversations/a/messages", {"role": "u", "content": i})
    server.put("/checkpoints/t/c", {"checkpoint_data": 1})
    server.put("/writes/t/early/task", {"writes": [{"channel": "x", "value": 1}]})
    stats = server.get("/stats?fresh=true").json()
    totals = {k: v for k, v in stats.items() if k.startswith(("total", "active"))}
    assert totals == {"total_sessions": 2, "active_sessions": 1, "total_messages": 3, "total_checkpoints": 1}
    appended = stats["operations"]["message_append"]
    assert appended["total_operations"] == 3 and appended["error_count"] == 0
    assert 0 < appended["min_latency"] <= appended["avg_latency"] <= appended["max_latency"]
    server.session("c")
    assert server.get("/stats").json()["total_sessions"] == 2
    assert server.get("/stats?fresh=true").json()["total_sessions"] == 3


def test_metrics(server: Server) -> None:
    server.session("metrics")
    answer = server.get("/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
    text = answer.body.decode()
    for line in text.splitlines():
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2, line
    assert "stateward_http_requests_total" in text and 'operation="session_put"' in text


def test_docs(server: Server) -> None:
    answer = server.get("/docs")
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    page = answer.body.decode()
    assert "<script" not in page and page.endswith("</html>\n")
    for path, item in server.get("/openapi.json").json()["paths"].items():
        for method in item.keys() & {"get", "put", "post", "patch", "delete"}:
            assert f"<dt>{method.upper()} {path}</dt>" in page
    assert "`" not in page and "**" not in page
    assert server.get("/docs?x=1").pointers == ["?x"]


def names_in(path: str, pattern: str) -> set[str]:
    names = set(re.findall(pattern, (ROOT / path).read_text()))
    assert names
    return names


def test_operations_has_every_event_metric_and_error(own: Any) -> None:
    server: Server = own("--fallback", "memory:", "--single-instance", primary="memory:")
    metrics = set(re.findall("# HELP stateward_([a-z_]+) ", server.get("/metrics").body.decode()))
    log = r'log_(?:message|line)\([^"]*"([a-z_]+)"'
    events = (names_in("src/monitor.c", log) | names_in("app/main.c", log)
              | names_in("app/cli.c", log) | names_in("src/server_http.c", log) | {"request", "store_down"}
              | names_in("src/failover_report.c", '= "([a-z_]+)"'))
    errors = names_in("src/err.h", r'X\(\w+, *"(\w+)"') - {"ok", "fenced", "unauthorized", "rate_limited"}
    assert {"failover_state", "store_up"} <= metrics and {"volatile", "filling", "serving"} <= events
    text = (ROOT / "docs" / "operations.md").read_text()
    assert [name for name in sorted(metrics) if not re.search(f"^.*`{name}[`{{].*\\| (counter|gauge|histogram)", text,
                                                              re.M)] == []
    assert [name for name in sorted(events | errors) if f"`{name}`" not in text] == []


def test_volatile_stores_are_told_of(own: Any) -> None:
    server: Server = own("--fallback", "memory:", "--single-instance", primary="memory:")
    until(lambda: {line["message"].partition(":")[0] for line in server.log_lines()
                   if line["event"] == "volatile"} == {"primary", "fallback"})


def test_schemas_that_are_made_are_told_of_once(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own("--fallback", f"sqlite:{tmp_path}/other.db", "--single-instance")
    server.stop()
    server.start().stop()
    told = [line for line in server.log_lines() if line["event"] == "schema_migrated"]
    assert sorted(line["message"].partition(":")[0] for line in told) == ["fallback", "primary"]
    assert {line["from"] for line in told} == {0} and len({line["to"] for line in told}) == 1
    server = own(primary="memory:")
    assert server.stop() == 0 and "schema_migrated" not in server.log()


def test_openapi(server: Server) -> None:
    document = server.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1") and "/sessions/{id}" in document["paths"]


def test_log_line(own: Any) -> None:
    server: Server = own()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    server.put("/sessions/s%2F1", {"user_id": "u"}, headers={"X-Request-Id": "r-1", "traceparent": trace})
    server.get("/sessions/none")
    server.stop()
    lines = {x.get("request_id"): x for x in server.log_lines() if x["event"] == "request"}
    line = lines["r-1"]
    assert line["operation"] == "session_put" and line["session_id"] == "s/1"
    assert line["success"] is True and line["status"] == 201 and line["traceparent"] == trace
    assert line["client"] == "127.0.0.1"
    assert 0 < line["latency"] < 60 and line["time"].endswith("Z")
    failed = [x for x in lines.values() if x["status"] == 404]
    assert failed[0]["success"] is False and failed[0]["error"] == "session_not_found"


def test_log_line_says_what_failed(own: Any) -> None:
    server: Server = own("--body-total", "300", "--max-body", "300")
    with socket.create_connection(("127.0.0.1", server.port)) as s: # its body keeps its place
        s.sendall(b"PUT /sessions/s HTTP/1.1\r\nHost: x\r\nContent-Length: 299\r\n\r\n{")
        while "\nstateward_body_bytes 299\n" not in server.get("/metrics").body.decode():
            time.sleep(0.02)
        assert server.put("/sessions/s", {"user_id": "u" * 200}).status == 503
    server.get("/sessions/none")
    server.stop()
    failed = {x["status"]: x for x in server.log_lines() if x["event"] == "request" and not x["success"]}
    assert failed[503]["error"] == "overloaded" and failed[503]["message"] == "too many large bodies at once"
    assert failed[404]["error"] == "session_not_found" and "message" not in failed[404]


def test_request_id(server: Server) -> None:
    assert server.get("/health/live", headers={"X-Request-Id": "mine"}).headers["X-Request-Id"] == "mine"
    for bad in ("", "x" * 513, "a\tb"):
        made = server.get("/health/live", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        assert made != bad and len(made) == 36


@pytest.mark.parametrize(("method", "path", "allow"), [
    ("POST", "/sessions/x", "DELETE, GET, HEAD, PATCH, PUT"), ("DELETE", "/health", "GET, HEAD"),
    ("OPTIONS", "/sessions", "GET, HEAD, POST"), ("GET", "/batch/sessions/get", "POST"),
    ("TRACE", "/sessions", "GET, HEAD, POST"),
])
def test_method_not_allowed(server: Server, method: str, path: str, allow: str) -> None:
    answer = server.call(method, path)
    assert answer.status == 405 and answer.code == "method_not_allowed"
    assert sorted(answer.headers["Allow"].split(", ")) == allow.split(", ")


@pytest.mark.parametrize("path", ["/", "/nope", "/sessions/a/b", "/sessions/", "/health/", "//sessions",
                                  "/docs/x", "/SESSIONS"])
def test_no_such_path(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status == 404 and answer.code == "not_found", answer.body


def test_media_types(server: Server, uid: str) -> None:
    for kind, status in (("application/json", 201), ("application/json; charset=utf-8", 200),
                         ("text/plain", 415), ("application/xml", 415)):
        answer = server.put(f"/sessions/{uid}", {"user_id": "u"}, headers={"Content-Type": kind})
        assert answer.status == status, kind


# limits -----------------------------------------------------------------------------------------

def test_too_large(own: Any) -> None:
    server: Server = own("--max-body", "100KiB")
    body = '{"checkpoint_data":"' + "x" * (99 * 1024) + '"}'
    assert server.put("/checkpoints/t/c", raw=body).status == 201
    body = '{"checkpoint_data":"' + "x" * (101 * 1024) + '"}'
    answer = server.raw(f"PUT /checkpoints/t/d HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    assert b" 413 " in answer and b"too_large" in answer
    chunked = b"PUT /checkpoints/t/d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    answer = server.raw(chunked + chunk * 20 + b"0\r\n\r\n")
    assert b" 413 " in answer or answer == b""
    assert server.get("/checkpoints/t/d").status == 404


def test_chunked_body(server: Server, uid: str) -> None:
    parts = [b'{"user_id":', b'"chunk', b'ed"}']
    body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"
    answer = server.raw(b"PUT /sessions/" + uid.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert b" 201 " in answer
    assert server.get(f"/sessions/{uid}").json()["user_id"] == "chunked"


def test_length_and_encoding(server: Server, uid: str) -> None:
    answer = server.raw(b"PUT /sessions/" + uid.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert b" 400 " in answer.split(b"\r\n")[0] + b" "
    assert server.get(f"/sessions/{uid}").status == 404


def test_clients_that_leave(server: Server, uid: str) -> None:
    """Half a head, half a body, gone before the answer: the next request works."""
    head = b"PUT /sessions/" + uid.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n"
    for data in (head[:20], head, head + b'{"user', head + b'{"user_id":"u"}'):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", server.port)) as s:
                s.sendall(data)
    assert server.get("/health/live").status == 200


# configuration ----------------------------------------------------------------------------------

def run(*args: str, env: dict[str, str] | None = None, cwd: Any = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BINARY), *args], capture_output=True, text=True, timeout=30, cwd=cwd,
                          env=environ(**(env or {})))


def test_config_prints_the_table() -> None:
    out = run("config", "--max-body", "1MiB", env={"STATEWARD_QUEUE_MAX": "77"})
    assert out.returncode == 0
    for word in ("--listen", "STATEWARD_LISTEN", "--primary", "--session-ttl", "77"):
        assert word in out.stdout


def test_config_hides_passwords() -> None:
    out = run("config", "--primary", "redis://ann:secret@host/0")
    assert out.returncode == 0 and "redis://ann:***@host/0" in out.stdout and "secret" not in out.stdout


@pytest.mark.parametrize("args", [["--max-body", "x"], ["--batch-max-ops", "0"], ["--batch-max-ops", "257"],
                                  ["--nope", "1"], ["--listen"], ["--log-level", "loud"], ["stray"],
                                  ["--listen", "localhost"], ["--request-timeout", "-1"],
                                  ["--listen", "127.0.0.1:70000"], ["--listen", "127.0.0.1:80x"],
                                  ["--listen", "127.0.0.1:http"], ["--listen", "127.0.0.1:-1"],
                                  ["--listen", ":70000"], ["--body-total", "1MiB"],
                                  ["--breaker-pause-min", "1m"]])
def test_wrong_settings_stop_the_start(args: list[str], tmp_path: pathlib.Path) -> None:
    out = run("serve", "--primary", "memory:", *args, cwd=tmp_path)
    assert out.returncode == 2 and args[0] in out.stderr, out.stderr


def test_wrong_environment(tmp_path: pathlib.Path) -> None:
    out = run("serve", env={"STATEWARD_READERS": "many"}, cwd=tmp_path)
    assert out.returncode != 0 and "STATEWARD_READERS" in out.stderr


def test_a_setting_that_is_misspelt(own: Any) -> None:
    """It is told of, and no more: others may set variables too."""
    env = {"STATEWARD_PRIMARY_URL": "postgresql://u:secret@h/d", "STATEWARD_PORT": "tcp://10.0.0.1:8080"}
    server: Server = own(env=env)
    server.stop()
    told = [line for line in server.log_lines() if line["event"] == "unknown_setting"]
    assert [(line["level"], line["message"]) for line in told] == [
        ("warning", "STATEWARD_PRIMARY_URL: there is no such setting")]
    out = run("config", env=env)
    assert out.returncode == 0
    assert out.stderr == "stateward: warning: STATEWARD_PRIMARY_URL: there is no such setting\n"
    assert run("config").stderr == run("version", env=env).stderr == ""


def test_the_log_says_what_is_served(own: Any, tmp_path: pathlib.Path) -> None:
    version = run("version").stdout.split()[1]
    pair = ("--fallback", "redis://u:secret@127.0.0.1:1/0", "--single-instance", "--start-wait", "0")
    long = f"sqlite:{tmp_path}/a"
    long += "a" * (len(long) % 2) + "ä" * 70 # the 127 bytes that are shown end within a character
    for args, primary, shown in (((), "memory:", {"primary": "memory:"}), ((), long, {"primary": "sqlite"}),
                                 (pair, "memory:", {"primary": "memory:", "fallback": "redis://u:***@127.0.0.1:1/0"})):
        server: Server = own(*args, primary=primary)
        server.stop()
        (line,) = (line for line in server.log_lines() if line["event"] == "serving")
        assert line["message"] == f"http://127.0.0.1:{server.port}" and line["version"] == version
        assert {role: line[role] for role in ("primary", "fallback") if role in line} == shown


def test_a_taken_port_is_seen_before_the_store_is_made(tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        out = run("serve", "--listen", at, "--primary", "sqlite:new.db", cwd=tmp_path)
    assert out.returncode == 1 and "Address already in use" in out.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_log_goes_to_a_client(tmp_path: pathlib.Path, postgres: stores.Postgres) -> None:
    """Whose connection could have the number of an output that was closed."""
    at = free_port()
    command = f"exec {BINARY} serve --listen 127.0.0.1:{at} --drain-delay 0 --primary {postgres.url()} 0<&- >&- 2>&-"
    with subprocess.Popen(command, shell=True, env=environ(), cwd=tmp_path) as service:
        def answer() -> bytes:
            with socket.create_connection(("127.0.0.1", at), timeout=5) as s:
                s.sendall(b"GET /sessions/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return b"".join(iter(lambda: s.recv(65536), b""))

        until(lambda: _reached(at))
        answers = [answer() for _ in range(8)]
        service.terminate()
        assert service.wait(30) == 0
    assert all(b"session_not_found" in a and b'"event"' not in a for a in answers), answers


def _reached(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_unsupported_store(tmp_path: pathlib.Path) -> None:
    out = run("serve", "--primary", "mongodb://x", cwd=tmp_path)
    assert out.returncode == 2 and "--primary: Unsupported storage type: mongodb" in out.stderr


@pytest.mark.parametrize(("url", "why"), [
    ("sqlite:", "names no file"), ("sqlite://host/x.db", "names no file"),
    ("sqlite::memory:", "write memory:"), ("sqlite:x.db?mode=ro", "has parameters")])
def test_a_file_without_a_path(url: str, why: str, tmp_path: pathlib.Path) -> None:
    out = run("serve", "--primary", url, cwd=tmp_path)
    assert out.returncode == 2 and "--primary: " in out.stderr and why in out.stderr
    assert run("cleanup", "--primary", url, cwd=tmp_path).returncode == 2
    assert run("export", url, cwd=tmp_path).returncode == 2
    assert run("seal", url, cwd=tmp_path).returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_only_loopback(tmp_path: pathlib.Path) -> None:
    """And no store is made, or brought up to date, for a service that does not start."""
    for listen, what in ((f"0.0.0.0:{free_port()}", "--insecure"), ("no-such-host.invalid:80", "--listen")):
        out = run("serve", "--primary", "sqlite:x.db", "--listen", listen, cwd=tmp_path)
        assert out.returncode == 2 and what in out.stderr, out
    assert not list(tmp_path.iterdir())


def test_help() -> None:
    for command, used, unused in (("serve", "--listen", "--max-idle-hours"),
                                  ("cleanup", "--max-idle-hours", "--listen")):
        out = run(command, "--help")
        assert used in out.stdout and unused not in out.stdout
    assert "no way back" in run("cleanup", "--help").stdout
    for args in (["--help"], ["help"], ["serve", "--help"], ["cleanup", "--help"], ["config", "--help"]):
        out = run(*args)
        assert out.returncode == 0 and "stateward" in out.stdout, args
    assert run().returncode == 2 and run("nope").returncode == 2
    assert "--max-idle-hours" in run("help", "cleanup").stdout
    assert run("help", "nope").returncode == 2 and run("help", "nope").stdout == ""
    for name in ("version", "--version", "-V"):
        out = run(name)
        assert out.returncode == 0 and re.fullmatch(r"stateward \d+\.\d+\.\d+\n", out.stdout), out


def test_files_are_the_owners_alone(own: Any, tmp_path: pathlib.Path) -> None:
    def modes() -> set[int]:
        files = [*tmp_path.glob("state.db*")]
        assert {path.name for path in files} == {"state.db" + end for end in ("", "-wal", "-shm", ".lock")}
        return {path.stat().st_mode & 0o777 for path in files if path.suffix != ".lock"}

    server: Server = own(prefix=("sh", "-c", 'umask 0 && exec "$@"', "sh"))
    server.session("s")
    assert modes() == {0o600}
    server.stop()
    (tmp_path / "state.db").chmod(0o640)
    server.start()
    assert modes() == {0o640}


def test_second_process_is_refused(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own()
    out = run("serve", "--primary", server.primary, "--listen", f"127.0.0.1:{free_port()}", cwd=tmp_path)
    assert out.returncode == 1 and "in use" in out.stderr, out.stderr
    server.session("still-works")


def test_files_that_are_none_of_ours(tmp_path: pathlib.Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(os.urandom(8192))
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE theirs (x)")
    before = foreign.read_bytes()
    newer = tmp_path / "newer.db"
    listen = f"127.0.0.1:{free_port()}"
    for name, word in (("garbage.db", "database"), ("foreign.db", "foreign"), ("no/such/dir.db", "no/such")):
        out = run("serve", "--primary", f"sqlite:{tmp_path}/{name}", "--listen", listen, cwd=tmp_path)
        assert out.returncode == 1 and word in out.stderr, (name, out.stderr)
    assert foreign.read_bytes() == before
    Server(f"sqlite:{newer}", tmp_path).start().stop()
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 99")
    out = run("serve", "--primary", f"sqlite:{newer}", "--listen", listen, cwd=tmp_path)
    assert out.returncode == 1 and "newer" in out.stderr, out.stderr


def test_cleanup_command(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own()
    server.session("a")
    server.stop()
    out = run("cleanup", "--primary", server.primary, "--max-idle-hours", "0", cwd=tmp_path)
    assert out.returncode == 0 and "1" in out.stdout, out
    server.start()
    assert server.get("/sessions/a").status == 404
    server.stop()
    for args in (("--primary", f"sqlite:{tmp_path}/tpyo.db"),
                 ("--primary", server.primary, "--fallback", f"sqlite:{tmp_path}/tpyo.db", "--single-instance")):
        out = run("cleanup", *args, cwd=tmp_path)
        assert out.returncode == 1 and out.stdout == "" and "tpyo.db cannot be opened" in out.stderr, out
    assert not list(tmp_path.glob("tpyo*"))


# stopping ---------------------------------------------------------------------------------------

def test_sigterm_finishes_what_runs(own: Any) -> None:
    server: Server = own()
    server.session("s")
    answers: list[int] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            try:
                answers.append(server.post("/conversations/s/messages", {"role": "u", "content": 1}).status)
            except OSError:
                return

    threads = [threading.Thread(target=write) for _ in range(8)]
    for t in threads:
        t.start()
    time.sleep(0.3)
    assert server.stop() == 0
    stop.set()
    for t in threads:
        t.join()
    assert set(answers) == {201}
    server.start()
    stored = len(server.get("/conversations/s/messages?limit=0").json()["messages"])
    assert stored >= len(answers)


@pytest.fixture(params=["redis", "postgresql"])
def silent(request: pytest.FixtureRequest) -> Iterator[tuple[str, socket.socket]]:
    """A store that takes connections and never says a word; gives its URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as s:
        yield f"{request.param}://127.0.0.1:{s.getsockname()[1]}/0", s


def test_a_store_that_hangs_does_not_keep_the_service_from_starting(own: Any,
                                                                     silent: tuple[str, socket.socket]) -> None:
    url, store = silent
    server: Server = own("--lanes", "16", "--store-timeout", "300ms", primary=url, start=False)
    server.start(wait=False)
    until(lambda: "serving" in server.log())
    store.setblocking(False)
    tried = 0
    with contextlib.suppress(BlockingIOError):
        while store.accept():
            tried += 1
    assert 1 <= tried < 8, "the first lane, and what the monitor has asked since"
    assert [server.get("/health" + path).status for path in ("/live", "/ready", "/startup", "")] == [200, 503, 503, 503]
    assert server.get("/sessions/s").status == 503
    until(lambda: "/sessions/s" in server.log())
    lines = [(x["level"], x["status"]) for x in server.log_lines() if x["event"] == "request"]
    assert lines == [("info", 200), *[("info", 503)] * 3, ("error", 503)], "a 503 of a probe is no failure"
    counted = re.findall(r'http_requests_total\{status="(\d+)"\} (\d+)', server.get("/metrics").body.decode())
    assert counted == [("500", "0"), ("503", "1"), ("504", "0")]


def test_sigterm_while_it_starts(own: Any, silent: tuple[str, socket.socket]) -> None:
    url, store = silent
    server: Server = own("--store-timeout", "1h", primary=url, start=False)
    server.start(wait=False)
    with store.accept()[0]:
        assert server.process
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "sighup" in server.log())
        assert server.stop() == 0
    assert [line["event"] for line in server.log_lines()] == ["sighup", "stopped"]


def test_draining(own: Any) -> None:
    server: Server = own("--drain-delay", "2s")
    assert server.process
    server.process.send_signal(signal.SIGTERM)
    for _ in range(100):
        answer = server.get("/health/ready")
        if answer.status == 503:
            break
        time.sleep(0.01)
    assert answer.status == 503 and answer.headers["Retry-After"]
    assert server.get("/health/live").status == 200
    written = server.put("/sessions/s", {"user_id": "u"})
    assert written.status == 201 and written.headers["Connection"].lower() == "close"
    assert server.process.wait(20) == 0


def test_expiry(fresh: Any) -> None:
    server: Server = fresh("--session-ttl", "1s", "--checkpoint-ttl", "1s")
    server.session("s")
    server.post("/conversations/s/messages", {"role": "u", "content": 1})
    server.put("/checkpoints/t/c", {"checkpoint_data": 1})
    assert server.get("/sessions/s").status == 200 and server.get("/checkpoints/t/c").status == 200
    time.sleep(1.3)
    assert server.get("/sessions/s").status == 404
    assert server.get("/conversations/s/messages").json()["messages"] == []
    assert server.get("/checkpoints/t/c").status == 404 and server.get("/threads/t").status == 404
    assert server.post("/sessions", {"session_id": "s", "user_id": "u"}).status == 201
    assert server.get("/conversations/s/messages").json()["messages"] == []
