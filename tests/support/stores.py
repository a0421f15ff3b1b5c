#!/usr/bin/env python3
"""Real servers for tests: stores.py STORE COMMAND... starts one, runs the command, stops it.

The command finds the server by STATEWARD_TEST_<STORE>, a URL. STORE is postgres or redis.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

POSTGRES_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


def free_port() -> int:
    """Below the ports that the system gives to connections, so that none of them takes it before it is used."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def is_running(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass
class Postgres:
    """A PostgreSQL server of its own in a folder of its own."""

    folder: pathlib.Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> pathlib.Path:
        return self.folder / "data"

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *args: str) -> None:
        """Runs a program as user postgres: root may not run a server."""
        user = "postgres" if os.geteuid() == 0 else None
        subprocess.run([str(POSTGRES_BIN / program), *args], check=True, user=user, cwd="/",
                       stdout=subprocess.DEVNULL)

    def _own(self) -> None:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)

    def init(self) -> Postgres:
        self._own()
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "postgres", "--locale=C.UTF-8", "--no-sync")
        return self

    def standby(self, folder: pathlib.Path) -> Postgres:
        """A standby that follows this server."""
        other = Postgres(folder, settings=self.settings)
        other._own()
        self._run("pg_basebackup", "-d", self.url(), "-D", str(other.data), "-R", "-X", "stream", "-c", "fast")
        return other.start()

    def until_sync(self, primary: Postgres) -> None:
        """Waits until the primary confirms only what is here as well."""
        while primary.sql("SELECT sync_state FROM pg_stat_replication") != "sync":
            time.sleep(0.05)

    def promote(self) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def start(self) -> Postgres:
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.folder), **self.settings}
        options = " ".join(f"-c {key}={value}" for key, value in settings.items())
        self._run("pg_ctl", "-D", str(self.data), "-o", f"-p {self.port} {options}", "-l",
                  str(self.folder / "log"), "-w", "start")
        return self

    @property
    def pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def pids(self) -> list[int]:
        """The processes of the server, the main one last."""
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.pid)], capture_output=True, text=True)
        return [*map(int, children.stdout.split()), self.pid]

    def signal(self, number: int) -> None:
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """Ends the server as a power cut would."""
        pids = self.pids()
        self.signal(signal.SIGKILL)
        for pid in pids:
            while is_running(pid):
                time.sleep(0.01)
        for lock in (self.data / "postmaster.pid", *self.folder.glob(".s.PGSQL.*")):
            lock.unlink()  # the killed process may not be reaped yet

    def stop(self, mode: str = "immediate") -> None:
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")

    @contextlib.contextmanager
    def session(self, text: str, url: str = "") -> Iterator[None]:
        """Runs it in a session of its own, which then stays as it is until the end of the block."""
        psql = subprocess.Popen([str(POSTGRES_BIN / "psql"), "-XAtq", url or self.url()], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        assert psql.stdin and psql.stdout
        with psql:
            psql.stdin.write(f"{text}; SELECT 'done';\n")
            psql.stdin.flush()
            while psql.stdout.readline() != "done\n":
                assert psql.poll() is None
            yield
            psql.stdin.close()

    def sql(self, text: str, database: str = "postgres") -> str:
        """What psql prints for it, without headers."""
        done = subprocess.run([str(POSTGRES_BIN / "psql"), "-XAtq", self.url(database), "-c", text],
                              check=True, capture_output=True, text=True)
        return done.stdout.strip()


@contextlib.contextmanager
def postgres(follows: Postgres | None = None, **settings: str) -> Iterator[Postgres]:
    """Runs a server; afterwards it is gone with all its files."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stateward-postgres-"))
    server = Postgres(folder, settings=settings)
    try:
        yield follows.standby(folder) if follows else server.init().start()
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def pgbouncer(server: Postgres, mode: str, **settings: int) -> Iterator[str]:
    """Runs a pool in front of a server; gives the URL that leads through it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="stateward-pgbouncer-") as folder:
        file = pathlib.Path(folder, "settings")
        file.write_text(f"""[databases]
* = host=127.0.0.1 port={server.port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
""" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
        os.chmod(folder, 0o755)
        pool = subprocess.Popen(["/usr/sbin/pgbouncer", "-q", str(file)], stderr=subprocess.DEVNULL,
                                user="postgres" if os.geteuid() == 0 else None)
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.02)
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            pool.terminate()
            pool.wait()


@dataclass
class Redis:
    """A Redis server, which may be killed and started again on the same port and data."""

    folder: pathlib.Path
    args: tuple[str, ...] = ()
    password: str = ""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    env: dict[str, str] = field(default_factory=dict)
    """Added to the environment."""

    def url(self, database: int = 0) -> str:
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}/{database}"

    def start(self, wait: bool = True) -> Redis:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mend()
        with open(self.folder / "redis.log", "ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
                 "--unixsocket", str(self.folder / "sock"), "--save", "", "--appendonly", "yes",
                 "--appendfsync", "always", "--dir", str(self.folder), *self.args],
                stdout=log, stderr=log, env=os.environ | self.env)
        while wait and not self.answers("PING").startswith(b"+PONG"):
            assert self.process.poll() is None, (self.folder / "redis.log").read_text()
            time.sleep(0.02)
        return self

    def mend(self) -> None:
        """Drops half a transaction from the end of the file, as docs/operations.md says: Redis undoes it once, but
        joins it with what came after when it starts the next time."""
        for manifest in self.folder.glob("appendonlydir/*.manifest"):
            subprocess.run(["redis-check-aof", "--fix", manifest], input=b"y\n", stdout=subprocess.DEVNULL, check=True)

    def answers(self, *args: str) -> bytes:
        """The bytes of the answer to a command; empty without contact."""
        try:
            with self.connect() as s:
                if self.password:
                    self.ask(s, "AUTH", self.password)
                return self.ask(s, *args)
        except OSError:
            return b""

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def ask(self, s: socket.socket, *args: str | bytes) -> bytes:
        """Sends a command. Returns the beginning of the answer, which is all of a short one."""
        words = [w if isinstance(w, bytes) else w.encode() for w in args]
        s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return s.recv(1 << 20)

    def signal(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    def kill(self) -> None:
        """Ends the server as a power cut would."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(30)


@contextlib.contextmanager
def redis(*args: str) -> Iterator[Redis]:
    """Runs a server; afterwards it is gone with all its files."""
    with tempfile.TemporaryDirectory(prefix="stateward-redis-") as folder:
        server = Redis(pathlib.Path(folder), args)
        try:
            yield server.start()
        finally:
            server.stop()


@contextlib.contextmanager
def quick_redis() -> Iterator[Redis]:
    """A Redis that does not wait for its disk, for tests with many writes and no crash."""
    with redis("--appendfsync", "no") as server:
        yield server


@contextlib.contextmanager
def redis_node() -> Iterator[Redis]:
    """A cluster of one node, which has all slots and refuses what touches two."""
    with redis("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", str(free_port()),
               "--appendfsync", "no") as server:
        server.answers("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        while b"cluster_state:ok" not in server.answers("CLUSTER", "INFO"):
            time.sleep(0.05)
        yield server


@contextlib.contextmanager
def redis_cluster() -> Iterator[list[Redis]]:
    """Three masters that share the slots."""
    with contextlib.ExitStack() as stack:
        masters = [stack.enter_context(redis("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
                                             "--cluster-port", str(free_port()), "--appendfsync", "no"))
                   for _ in range(3)]
        addresses = [f"127.0.0.1:{master.port}" for master in masters]
        subprocess.run(["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"], check=True,
                       stdout=subprocess.DEVNULL)
        for master in masters:
            while b"cluster_state:ok" not in master.answers("CLUSTER", "INFO"):
                time.sleep(0.05)
        yield masters


# What the tests that run on each store are given.
STORES: dict[str, Callable[[], contextlib.AbstractContextManager[Postgres | Redis]]] = {
    "postgres": postgres,
    "redis": quick_redis,
}


def main() -> int:
    name, *command = sys.argv[1:]
    with contextlib.ExitStack() as stack:
        environment = {**os.environ, f"STATEWARD_TEST_{name.upper()}": stack.enter_context(STORES[name]()).url()}
        if name == "redis":
            environment["STATEWARD_TEST_REDIS_NODE"] = stack.enter_context(redis_node()).url()
        return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
