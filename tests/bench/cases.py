"""One function for each line of the table. Each gives pairs (ours, theirs), one a round."""

import random
import resource
import statistics
import string
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from load import answered, connect, fill, request, wrk
from servers import Server, folder, nginx, stateward, webdis

MANY, FEW = 100_000, 100

Over = Callable[[], AbstractContextManager[Server]]  # starts stateward over a store


@dataclass
class Plan:
    rounds: int
    seconds: int


@dataclass
class Case:
    name: str  # for --only
    what: str
    target: float
    measure: Callable[[Plan], Iterator[tuple[float, float]]]
    at_most: bool = False  # or at least


def alternate(plan: Plan, ours: Callable[[], float], theirs: Callable[[], float]) -> Iterator[tuple[float, float]]:
    """Measures both in turns; the first round warms up and does not count."""
    ours(), theirs()
    for _ in range(plan.rounds):
        yield ours(), theirs()


def live(plan: Plan) -> Iterator[tuple[float, float]]:
    with stateward() as ours, nginx() as theirs:
        yield from alternate(plan, lambda: wrk(ours.url + "/health/live", plan.seconds).rate,
                             lambda: wrk(theirs.url, plan.seconds).rate)


def append(server: Server, plan: Plan) -> Callable[[], float]:
    return lambda: wrk(server.url, plan.seconds, "append.lua").rate


def batching(plan: Plan) -> Iterator[tuple[float, float]]:
    with stateward() as ours, stateward("--batch-max-ops", "1") as theirs:
        yield from alternate(plan, append(ours, plan), append(theirs, plan))


def redis(plan: Plan) -> Iterator[tuple[float, float]]:
    """Both keep what they are given, so each round has new processes: their stores stay equally large."""
    for _ in range(plan.rounds):
        with stateward(memory=True) as ours, webdis() as theirs:
            yield append(ours, plan)(), wrk(theirs.url, plan.seconds, "rpush.lua").rate


def text(size: int) -> str:
    return "".join(random.choices(string.ascii_letters + " ", k=size))


def checkpoints(count: int) -> Iterator[bytes]:
    """Half of them in one thread, the others spread over many."""
    body = '{"checkpoint_data": {"text": "%s"}}' % text(4000)
    for i in range(count):
        thread = "hot" if i % 2 == 0 else f"t-{i % 1000}"
        yield request("PUT", f"/checkpoints/{thread}/c-{i}", body)


def messages(count: int) -> Iterator[bytes]:
    parts = ",".join('{"role": "user", "content": "%s"}' % text(200) for _ in range(100))
    for _ in range(count // 100):
        yield request("POST", "/conversations/hot/messages?require_session=false", '{"messages": [%s]}' % parts)


def by_size(plan: Plan, path: str, content: Callable[[int], Iterator[bytes]], over: Over = stateward,
            many: int = MANY, few: int = FEW) -> Iterator[tuple[float, float]]:
    """The same request to a store that holds much, and to one that holds little."""
    with over() as ours, over() as theirs:
        fill(ours, content(many))
        fill(theirs, content(few))
        yield from alternate(plan, lambda: wrk(ours.url + path, plan.seconds).rate,
                             lambda: wrk(theirs.url + path, plan.seconds).rate)


def latest(plan: Plan) -> Iterator[tuple[float, float]]:
    return by_size(plan, "/threads/hot/latest", checkpoints)


def newest(plan: Plan, over: Over = stateward) -> Iterator[tuple[float, float]]:
    return by_size(plan, "/conversations/hot/messages?limit=50", messages, over)


def hot(plan: Plan) -> Iterator[tuple[float, float]]:
    with stateward() as server:
        fill(server, (request("PUT", f"/sessions/s-{i}", '{"user_id": "u"}') for i in range(1000)))
        yield from alternate(plan, lambda: wrk(server.url, plan.seconds, "patch.lua", "1").rate,
                             lambda: wrk(server.url, plan.seconds, "patch.lua", "1000").rate)


def cpu_us(server: Server, plan: Plan, path: str) -> float:
    before = server.cpu_s()
    count = wrk(server.url + path, plan.seconds, "body.lua", connections=8).count
    return (server.cpu_s() - before) / count * 1e6


def body(plan: Plan) -> Iterator[tuple[float, float]]:
    with stateward() as ours, nginx() as theirs:
        yield from alternate(plan, lambda: cpu_us(ours, plan, "/checkpoints/t-"),
                             lambda: cpu_us(theirs, plan, "/body/"))


def body_file(plan: Plan) -> Iterator[tuple[float, float]]:
    with stateward() as ours, nginx() as theirs:
        yield from alternate(plan, lambda: cpu_us(ours, plan, "/checkpoints/t-"),
                             lambda: cpu_us(theirs, plan, "/file/"))


def tail(plan: Plan) -> Iterator[tuple[float, float]]:
    """wrk waits for each answer before it sends the next request, so half the peak rate is a mean."""
    with stateward() as server:
        peak = statistics.median(append(server, plan)() for _ in range(3))
        for _ in range(plan.rounds):
            result = wrk(server.url, plan.seconds, "append.lua", str(64 / (peak / 2) * 1000))
            yield result.p99 * 1e6, result.p50 * 1e6


def idle(plan: Plan) -> Iterator[tuple[float, float]]:
    for _ in range(plan.rounds):
        with stateward() as server:
            yield server.resident() / 1e6, 1


def connection(plan: Plan) -> Iterator[tuple[float, float]]:
    """Each connection has made one request; then all stay open."""
    count = 2000
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for _ in range(plan.rounds):
        with stateward() as server:
            before = server.resident()
            open_ones = [connect(server) for _ in range(count)]
            for s in open_ones:
                s.sendall(request("GET", "/sessions?limit=1"))
                while answered(s, b"") is not None:
                    pass
            yield (server.resident() - before) / count / 1e3, 1
            for s in open_ones:
                s.close()


def stored(plan: Plan) -> Iterator[tuple[float, float]]:
    """The size of the file after the server has ended, against the bytes of the contents."""
    count, size = 20_000, 600
    one = request("POST", "/conversations/c-%d/messages?require_session=false",
                  '{"role": "user", "content": "%s"}' % text(size)).decode()
    for _ in range(plan.rounds):
        with folder("stored") as path:
            store = f"sqlite:{path}/state.db"
            with stateward("--primary", store) as server:
                fill(server, ((one % (i % 200)).encode() for i in range(count)))
            yield (path / "state.db").stat().st_size / count, size


CASES = [
    Case("live", "GET /health/live vs nginx return 200, req/s", 0.9, live),
    Case("batch", "durable append, c=64, vs --batch-max-ops 1, req/s", 5, batching),
    Case("redis", "append on memory: vs webdis RPUSH on Redis, req/s", 1.4, redis),
    Case("latest", "latest 4 KB checkpoint of 100 000 vs of 100, req/s", 0.8, latest),
    Case("newest", "last 50 of 100 000 messages vs of 100, req/s", 0.8, newest),
    Case("hot", "PATCH one session vs 1000, c=64, req/s", 0.8, hot),
    Case("body", "PUT 256 KB checkpoint vs nginx reads it, CPU us", 6, body, at_most=True),
    Case("file", "PUT 256 KB checkpoint vs nginx, to a file, CPU us", 6, body_file, at_most=True),
    Case("tail", "append at half the peak rate, p99 vs p50, us", 5, tail, at_most=True),
    Case("idle", "idle memory, MB", 20, idle, at_most=True),
    Case("connection", "memory of an idle connection, KB", 40, connection, at_most=True),
    Case("stored", "database bytes of a message of 600 bytes", 1.5, stored, at_most=True),
]
