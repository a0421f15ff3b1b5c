#!/usr/bin/env python3
"""What takes too long to run for each change: many deaths, and memory over millions of requests."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "http"))

from conftest import Server, stores  # noqa: E402
from dying import CLIENTS, Load, deaths  # noqa: E402
from killing import Killing  # noqa: E402
from wire import gauge, memory  # noqa: E402

MIB = 1024 * 1024
STEPS = 20
SLACK = 8 * MIB # how much a heap may move by itself


def row(*cells: object) -> None:
    print("".join(f"{c:>16}" for c in cells), flush=True)


def database_mib(folder: pathlib.Path) -> str:
    return f"{sum(f.stat().st_size for f in folder.glob('state.db*')) / MIB:.1f}"


def soak_kills(folder: pathlib.Path, kills: int) -> None:
    print(f"\n{kills} times kill -9 under 16 writers")
    row("kills", "acknowledged", "in doubt", "database MiB", "seconds")
    server = Server(f"sqlite:{folder}/state.db", folder).start()
    begun = time.monotonic()
    killing = Killing(server)
    shown = 0
    while killing.kills < kills:
        killing.round(longest_s=3.0)
        if killing.kills >= min(kills, shown + max(1, kills // STEPS)):
            shown = killing.kills
            row(shown, killing.acknowledged(), killing.interrupted(), database_mib(folder),
                f"{time.monotonic() - begun:.0f}")
    killing.check()
    print("none lost, none doubled, the database is sound")


def soak_store(folder: pathlib.Path, name: str, kills: int, hangs: int) -> None:
    print(f"\n{name} is killed {kills} times and hangs {hangs} times under {CLIENTS} clients")
    row("deaths", "acknowledged", "refused", "seconds")
    with stores.redis() if name == "redis" else stores.postgres() as store:
        server = Server(store.url(), folder, ("--store-timeout", "300ms")).start()
        load = Load(server)
        begun = time.monotonic()

        def tell(done: int) -> None:
            if done % max(1, (kills + hangs) // STEPS) == 0:
                row(done, load.acknowledged, load.failed, f"{time.monotonic() - begun:.0f}")

        deaths(load, store, kills, hangs, tell)
        load.end()
        assert server.stop() == 0, server.log()[-4000:]
    print("none lost, none doubled, the service went on")


def served(server: Server) -> int:
    text = server.get("/metrics").body.decode()
    return sum(int(n) for n in re.findall(r'^stateward_http_requests_total\{status="\d+"\} (\d+)$', text, re.M))


def soak_requests(folder: pathlib.Path, requests: int) -> None:
    print(f"\n{requests} requests of 14 kinds on 64 connections; after the first quarter the most that is "
          f"resident may exceed the most until then by {SLACK / MIB:.0f} MiB")
    row("requests", "resident MiB", "database MiB", "connections", "requests/s")
    # A small cache of values is full in the first quarter.
    server = Server(f"sqlite:{folder}/state.db", folder, ("--log-level", "error", "--cache-bytes", "8MiB")).start()
    for start in range(0, 1000, 500):
        sessions = [{"session_id": f"s{start + i}", "user_id": "ann"} for i in range(500)]
        assert server.post("/batch/sessions/create", {"sessions": sessions}).status == 200
    seen: list[int] = []
    shown, seconds = 0, 2
    while shown < requests:
        begun, before = time.monotonic(), served(server)
        subprocess.run(["wrk", "-t", "2", "-c", "64", "-d", str(seconds), "-s", HERE / "mixed.lua",
                        f"http://127.0.0.1:{server.port}"], check=True, stdout=subprocess.DEVNULL)
        shown = served(server)
        rate = (shown - before) / (time.monotonic() - begun)
        seconds = max(1, round(requests / STEPS / rate))
        seen.append(memory(server))
        row(shown, f"{seen[-1] / MIB:.1f}", database_mib(folder), gauge(server, "connections"), f"{rate:.0f}")
    warm, rest = seen[:max(1, len(seen) // 4)], seen[len(seen) // 4:]
    grown = max(rest, default=0) - max(warm)
    assert server.stop() == 0, server.log()[-4000:]
    print(f"{grown / MIB:+.1f} MiB after the first quarter; at most {SLACK / MIB:.0f} are allowed")
    assert grown <= SLACK


def soak_pairs(folder: pathlib.Path, minutes: int) -> None:
    """All of test_failover_harm.py for longer."""
    print(f"\n{minutes} minutes of each harm to each pair of stores, with 16 clients: stores die and hang, the service "
          "is killed too, traffic stalls, one of two instances is cut off", flush=True)
    subprocess.run([sys.executable, "-m", "pytest", "-q", HERE.parent / "http" / "test_failover_harm.py"], check=True,
                   cwd=folder, env={**os.environ, "STATEWARD_FAILOVER_SECONDS": str(minutes * 60)})


def soak_worlds(_: pathlib.Path, seeds: int) -> None:
    for kind in ("", "--forget", "--collect"):
        print(f"\n{seeds} worlds of failover in virtual time {kind}", flush=True)
        command = [HERE.parents[1] / "build" / "tests" / "failover_sim", "--seeds", str(seeds), *kind.split()]
        subprocess.run(command, check=True)


def soak_moves(folder: pathlib.Path, moves: int) -> None:
    """All of test_transfer.py on a store of full size."""
    size = "5000/50000/100"
    for _ in range(moves):
        print(f"\n{size} sessions/messages/threads, moved between each pair of stores, with kills", flush=True)
        subprocess.run([sys.executable, "-m", "pytest", "-q", HERE.parent / "http" / "test_transfer.py"], check=True,
                       cwd=folder, env={**os.environ, "STATEWARD_TEST_SIZE": size})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--requests", type=int, default=2_000_000, help="10000000 for a long run")
    parser.add_argument("--store-kills", type=int, default=50, help="of Redis, and of PostgreSQL")
    parser.add_argument("--store-hangs", type=int, default=20)
    parser.add_argument("--minutes", type=int, default=10, help="of each harm to each pair of stores")
    parser.add_argument("--seeds", type=int, default=50_000, help="worlds of failover")
    parser.add_argument("--moves", type=int, default=1)
    args = parser.parse_args()

    def soak_stores(folder: pathlib.Path, _: int) -> None:
        for name in ("redis", "postgres"):
            soak_store(folder, name, args.store_kills, args.store_hangs)

    for what, count in ((soak_kills, args.kills), (soak_stores, args.store_kills + args.store_hangs),
                        (soak_pairs, args.minutes), (soak_worlds, args.seeds), (soak_requests, args.requests),
                        (soak_moves, args.moves)):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="stateward-soak-"))
        if count:
            what(folder, count)
        shutil.rmtree(folder) # kept if something was wrong


if __name__ == "__main__":
    main()
