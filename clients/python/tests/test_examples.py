"""The examples do what they say."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import stores
from langchain_core.messages import AIMessage
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command

from examples import chat, import_postgres
from stateward import Client
from stateward.langgraph import StatewardSaver
from tests.conftest import BINARY, Server
from tests.test_graph import State, calculator, story
from tests.test_graph_modes import Graph, approver, logger, thread
from tests.test_saver import METADATA, checkpoint, config

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"
DIALOG = ["Book a flight to Oslo", "yes", "What did I ask?"]
ANSWERS = [
    "May I book a flight to Oslo? (yes or no)",
    "Booked: a flight to Oslo.",
    "5 messages so far, the first: Book a flight to Oslo",
]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(EXAMPLES.parent), **more}


def test_chat(server: Server, uid: Callable[[], str]) -> None:
    name = uid()
    assert [chat.say(server.url, name, text) for text in DIALOG] == ANSWERS
    assert chat.say(server.url, name, "Book a ship") == "May I book a ship? (yes or no)"
    assert chat.say(server.url, name, "no") == "Not booked: a ship."


def test_the_text_of_chat_shows_what_it_prints() -> None:
    shown = [line.partition("->")[2].strip() for line in (chat.__doc__ or "").splitlines()]
    shown = [line.removesuffix(" ...") for line in shown if line]
    assert len(shown) == len(ANSWERS)
    assert all(answer.startswith(line) for answer, line in zip(ANSWERS, shown, strict=True))


def test_the_readme(own_server: Server) -> None:
    """Its pieces of Python run, one after the other."""
    text = (EXAMPLES.parent / "README.md").read_text()
    pieces = [textwrap.dedent(piece) for piece in re.findall(r"(?:^    .*\n|^\n)+", text, re.M)]
    pieces = [piece for piece in pieces if "\nfrom stateward" in piece]
    builder = StateGraph(State).add_node("agent", lambda state: {"messages": []})
    builder.add_edge(START, "agent")
    known: dict[str, Any] = {"builder": builder, "inputs": {"messages": [("user", "hello")]}}
    for piece in pieces:
        assert "http://127.0.0.1:8080" in piece
        exec(piece.replace("http://127.0.0.1:8080", own_server.url), known)
    assert len(pieces) == 2
    assert [message["content"] for message in known["page"]["messages"]] == ["Hello"]


@pytest.mark.parametrize("name", ["chat.py", "chat_on_redis.sh", "import_postgres.py"])
def test_commands(name: str) -> None:
    """Each can be run by its name, and says how it wants to be called."""
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [str(EXAMPLES / name)],
        check=False,
        capture_output=True,
        text=True,
        env=environment(PATH=path),
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usage: {name} ")


def test_chat_with_another_model(server: Server, uid: Callable[[], str]) -> None:
    with StatewardSaver.from_url(server.url) as saver:
        graph = chat.build(saver, lambda messages: AIMessage(f"{len(messages)}"))
        out = graph.invoke({"messages": [("user", "hi")]}, thread(uid()))
    assert out["messages"][-1].content == "1"


def test_chat_on_redis(tmp_path: pathlib.Path) -> None:
    """Three runs of the program, over a service of the script's own."""
    with stores.redis() as redis:
        command = [str(EXAMPLES / "chat_on_redis.sh"), redis.url(), *DIALOG]
        places = environment(
            STATEWARD=str(BINARY),
            LISTEN=f"127.0.0.1:{stores.free_port()}",
            PYTHON=sys.executable,
        )
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=places, cwd=tmp_path
        )
        assert redis.answers("DBSIZE") != b":0\r\n"
    assert done.stdout.splitlines() == ANSWERS


def fill(saver: PostgresSaver) -> list[str]:
    """Threads with all that PostgresSaver can hold."""
    story(calculator(saver, lambda: None), lambda: None)
    log: Graph = logger(saver)
    for turn in range(12):
        if "__interrupt__" in log.invoke({"entries": [f"input {turn}"]}, thread("log")):
            log.invoke(Command(resume="answer"), thread("log"))
    approver(saver).invoke({"messages": [("user", "go")]}, thread("asks"))
    values: dict[str, Any] = {
        "int": 1, "float": 1.5, "true": True, "none": None, "text": "ü", "bytes": b"\x00",
        "list": [1], "gone": 1,
    }  # fmt: skip
    at = config("values")
    for n in range(3):
        values["beyond 64 bits"] = n - 2**70
        given = checkpoint(values, channel_versions=dict.fromkeys(values, n))
        at = saver.put(at, given, METADATA, given["channel_versions"])
        saver.put_writes(at, [("a", n), ("__error__", "e"), ("b", n)], "t", "~1")
        values = {name: value for name, value in values.items() if name != "gone"}
    return ["asks", "log", "story", "values"]


@pytest.fixture(scope="session")
def source() -> Iterator[tuple[str, PostgresSaver, list[str]]]:
    """A database with the tables of PostgresSaver, the saver, the names of its threads."""
    with stores.postgres() as server, PostgresSaver.from_conn_string(server.url()) as saver:
        saver.setup()
        yield server.url(), saver, fill(saver)


def test_import(server: Server, source: tuple[str, PostgresSaver, list[str]]) -> None:
    postgres, theirs, names = source
    for _ in range(2):  # the second time changes nothing
        lines = [*import_postgres.run(postgres, server.url)]
        assert [line.partition(":")[0] for line in lines] == names
        with StatewardSaver.from_url(server.url) as saver:
            for name in names:
                imported = by_place(saver.list(thread(name)))
                assert imported
                assert imported == by_place(theirs.list(thread(name)))
    with StatewardSaver.from_url(server.url) as saver:
        graph: Graph = approver(saver)
        asked = graph.get_state(thread("asks")).interrupts
        out = graph.invoke(Command(resume={asked[0].id: "yes"}), thread("asks"))
        assert len(out["__interrupt__"]) == 3
        for name in names:
            saver.delete_thread(name)


def test_import_of_one_thread(
    server: Server,
    source: tuple[str, PostgresSaver, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["import_postgres.py", source[0], server.url, "values"])
    import_postgres.main()
    assert capsys.readouterr().out == "values: 3 checkpoints, 9 writes\n"
    with StatewardSaver.from_url(server.url) as saver:
        assert len([*saver.list(thread("values"))]) == 3
        assert saver.get_tuple(thread("story")) is None
        saver.delete_thread("values")


def test_import_beside_threads_that_cannot_be_moved(
    server: Server, source: tuple[str, PostgresSaver, list[str]], uid: Callable[[], str]
) -> None:
    postgres, theirs, names = source
    with Client(server.url) as client:
        client.put_checkpoint(document := uid(), "c", {})
    refused = {
        "": "thread_id: must not be empty",
        "a\nb": "thread_id: must not contain control characters",
        document: "document form",
    }
    for name in refused:
        given = checkpoint({"a": [1]})
        theirs.put(config(name), given, METADATA, given["channel_versions"])
    lines = []
    try:
        with pytest.raises(SystemExit, match="not moved: 3 of the threads"):
            for line in import_postgres.run(postgres, server.url):
                lines.append(line)
        for name, reason in refused.items():
            (line,) = (line for line in lines if line.startswith(f"{name!r}: not moved: "))
            assert reason in line
        assert len(lines) == len(refused) + len(names)
    finally:
        for name in refused:
            theirs.delete_thread(name)
        with StatewardSaver.from_url(server.url) as saver:
            for name in [*names, document]:
                saver.delete_thread(name)


def by_place(items: Iterable[CheckpointTuple]) -> list[CheckpointTuple]:
    return sorted(items, key=lambda item: str(item.config))
