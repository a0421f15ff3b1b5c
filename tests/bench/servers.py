"""The servers that are measured: stateward and its peers, each on a free loopback port."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import stores  # noqa: E402
from stores import free_port  # noqa: E402

CORES = os.cpu_count() or 1

NGINX = """
load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
daemon off;
worker_processes {cores};
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_max_body_size 1m; client_body_buffer_size 1m;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    server {{
        listen 127.0.0.1:{port} reuseport;
        default_type application/json;
        location / {{ return 200 '{{"status":"live"}}'; }}
        location /file {{ client_body_in_file_only clean; echo_read_request_body; echo '{{"created":true}}'; }}
        location /body {{ echo_read_request_body; echo '{{"created":true}}'; }}
    }}
}}
"""


@dataclass
class Server:
    url: str
    pid: int
    folder: pathlib.Path

    def pids(self) -> list[int]:
        """The process and its children."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [self.pid, *map(int, children.split())]

    def cpu_s(self) -> float:
        ticks = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident(self) -> int:
        """Bytes of memory in use."""
        pages = pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def folder(name: str) -> Iterator[pathlib.Path]:
    """A folder on the disk of the build, since /tmp may be in memory."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=name + "-", dir=ROOT / "build"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def process(command: list[str], path: pathlib.Path, url: str) -> Iterator[Server]:
    """Runs a server until the block ends or the server has; gives it once it answers."""
    log = path / "log"
    with open(log, "wb") as out:
        child = subprocess.Popen(command, cwd=path, stdout=out, stderr=out)
    try:
        for _ in range(200):
            if answers(url):
                break
            time.sleep(0.05)
        else:
            raise SystemExit(f"{command[0]} does not answer:\n{log.read_text(errors='replace')}")
        yield Server(url, child.pid, path)
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


@contextlib.contextmanager
def stateward(*flags: str, memory: bool = False, binary: pathlib.Path | None = None,
              url: str | None = None) -> Iterator[Server]:
    with folder("stateward") as path:
        listen = f"127.0.0.1:{free_port()}"
        store = url or ("memory:" if memory else f"sqlite:{path}/state.db")
        program = binary or pathlib.Path(os.environ.get("STATEWARD_BINARY", ROOT / "build" / "stateward"))
        command = [str(program), "serve", "--listen", listen, "--primary", store, "--drain-delay", "0"]
        with process([*command, "--log-level", "warning", *flags], path, f"http://{listen}/health/live") as server:
            server.url = f"http://{listen}"
            yield server


@contextlib.contextmanager
def nginx() -> Iterator[Server]:
    with folder("nginx") as path:
        path.chmod(0o755)
        port = free_port()
        config = path / "nginx.conf"
        config.write_text(NGINX.format(cores=CORES, folder=path, port=port))
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
        with process([program, "-p", str(path), "-c", str(config)], path, f"http://127.0.0.1:{port}") as server:
            yield server


@contextlib.contextmanager
def redis() -> Iterator[stores.Redis]:
    """A Redis that keeps nothing on the disk."""
    with stores.redis("--appendonly", "no") as server:
        yield server


@contextlib.contextmanager
def webdis() -> Iterator[Server]:
    with folder("webdis") as path, redis() as store:
        port = free_port()
        config = path / "webdis.json"
        config.write_text(json.dumps({
            "redis_host": "127.0.0.1", "redis_port": store.port, "http_host": "127.0.0.1", "http_port": port,
            "threads": CORES, "daemonize": False, "verbosity": 0, "logfile": str(path / "webdis.log"),
            "pool_size": 10,
        }))
        with process(["webdis", str(config)], path, f"http://127.0.0.1:{port}/PING") as server:
            server.url = f"http://127.0.0.1:{port}"
            yield server
