"""Real graphs, with the service killed and started again while they run."""

from __future__ import annotations

import asyncio
import operator
import random
import sys
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send, StateSnapshot, interrupt

from stateward.langgraph import StatewardSaver
from tests.conftest import Server
from tests.test_saver import Sealed

Graph = CompiledStateGraph[Any, Any, Any, Any]


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    parts: Annotated[list[int], operator.add]
    approved: str


class Part(TypedDict):
    n: int


def calculator(saver: BaseCheckpointSaver[str] | None, crash: Callable[[], None]) -> Graph:
    """agent <-> tools, then a fan-out, a subgraph that asks, and the end."""

    def agent(state: State) -> State:
        messages = state["messages"]
        sums = [m for m in messages if isinstance(m, ToolMessage)]
        n = len(messages)
        if len(sums) % 3 < 2:
            call = {"name": "add", "args": {"a": n, "b": 1}, "id": f"call-{n}"}
            return {"messages": [AIMessage("", tool_calls=[call], id=f"ai-{n}")]}
        return {"messages": [AIMessage(f"sum {sums[-1].content}", id=f"ai-{n}")]}

    def tools(state: State) -> State:
        crash()
        (call,) = state["messages"][-1].tool_calls  # type: ignore[union-attr]
        result = call["args"]["a"] + call["args"]["b"]
        message = ToolMessage(str(result), tool_call_id=call["id"], id=f"tool-{result}")
        return {"messages": [message]}

    def after_agent(state: State) -> Any:
        if state["messages"][-1].tool_calls:  # type: ignore[union-attr]
            return "tools"
        return [Send("part", {"n": n}) for n in range(3)]

    def part(state: Part) -> State:
        return {"parts": [state["n"]]}

    def prepare(state: State) -> State:
        return {"messages": [AIMessage("shall I?", id=f"ask-{len(state['messages'])}")]}

    def ask(state: State) -> State:
        crash()
        return {"approved": interrupt({"question": "ok?"})}

    inner = StateGraph(State)
    inner.add_node("prepare", prepare)
    inner.add_node("ask", ask)
    inner.add_edge(START, "prepare")
    inner.add_edge("prepare", "ask")
    inner.add_edge("ask", END)

    outer = StateGraph(State)
    outer.add_node("agent", agent)
    outer.add_node("tools", tools)
    outer.add_node("part", part)
    outer.add_node("approve", inner.compile())
    outer.add_edge(START, "agent")
    outer.add_conditional_edges("agent", after_agent, ["tools", "part"])
    outer.add_edge("tools", "agent")
    outer.add_edge("part", "approve")
    outer.add_edge("approve", END)
    return outer.compile(checkpointer=saver)


def texts(state: Any) -> list[str]:
    return [f"{message.id}: {message.content}" for message in state["messages"]]


def step(state: StateSnapshot) -> Any:
    return (state.metadata or {}).get("step")


def story(graph: Graph, crash: Callable[[], None]) -> list[Any]:
    """A conversation with all that checkpoints are for. Returns what it saw."""
    seen: list[Any] = []
    config: RunnableConfig = {"configurable": {"thread_id": "story"}}

    def note(name: str, *values: Any) -> None:
        seen.append((name, *values))

    def note_state(name: str, at: RunnableConfig) -> None:
        state = graph.get_state(at, subgraphs=True)
        inner = [texts(task.state.values) for task in state.tasks if task.state]
        interrupts = [each.value for each in state.interrupts]
        note(name, state.next, step(state), texts(state.values), inner, interrupts)

    out = graph.invoke({"messages": [HumanMessage("hello", id="h-1")]}, config)
    note("interrupted", [each.value for each in out["__interrupt__"]])
    note_state("waiting", config)
    crash()
    out = graph.invoke(Command(resume="yes"), config)
    note("resumed", texts(out), out["parts"], out["approved"])

    history = list(graph.get_state_history(config))
    note("history", [(s.next, step(s), (s.metadata or {}).get("source")) for s in history])
    past = next(s for s in history if s.next == ("tools",))
    out = graph.invoke(None, past.config)
    note("time travel", [each.value for each in out["__interrupt__"]], texts(out))
    crash()

    at = graph.update_state(
        past.config, {"messages": [HumanMessage("instead", id="h-2")]}, as_node="tools"
    )
    note_state("forked", at)
    out = graph.invoke(None, at)
    out = graph.invoke(Command(resume="no"), config)
    note("fork resumed", texts(out), out["parts"], out["approved"])
    note_state("the first branch", history[0].config)
    found = list(graph.get_state_history(config, filter={"source": "update"}, limit=5))
    note("updates", [step(s) for s in found])
    note("all", len(list(graph.get_state_history(config))))
    return seen


def test_story(own_server: Server) -> None:
    def nothing() -> None:
        pass

    crashes = 0

    def crash() -> None:
        nonlocal crashes
        crashes += 1
        own_server.kill()
        own_server.start(wait=False)

    expected = story(calculator(InMemorySaver(), nothing), nothing)
    with StatewardSaver.from_url(own_server.url) as saver:
        assert story(calculator(saver, crash), crash) == expected
    assert crashes > 5


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="LangGraph's interrupt() needs 3.11 in async code"
)
async def test_twelve_threads_at_once(own_server: Server) -> None:
    def nothing() -> None:
        pass

    def order(graph: Graph, name: str) -> tuple[RunnableConfig, Any]:
        return {"configurable": {"thread_id": name}}, {
            "messages": [HumanMessage(name, id=f"h-{name}")]
        }

    async def conversation(graph: Graph, name: str) -> Any:
        config, given = order(graph, name)
        for turn in range(3):
            given["messages"][0].id = f"h-{name}-{turn}"
            await graph.ainvoke(given, config)
            await graph.ainvoke(Command(resume=f"{name}-{turn}"), config)
        state = await graph.aget_state(config)
        history = [s async for s in graph.aget_state_history(config)]
        return texts(state.values), state.values["parts"], state.values["approved"], len(history)

    names = [f"thread-{i}" for i in range(12)]
    reference = calculator(InMemorySaver(), nothing)
    expected = [await conversation(reference, name) for name in names]

    async with StatewardSaver.from_url(own_server.url) as saver:
        graph = calculator(saver, nothing)
        running = asyncio.gather(*(conversation(graph, name) for name in names))
        for _ in range(3):
            await asyncio.sleep(0.3)
            own_server.kill()
            own_server.start(wait=False)
        assert await running == expected


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("sealed", [True, False])
async def test_aes_leaves_nothing_to_read(
    own_server: Server, sync: bool, sealed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values, writes, deltas: no text of them is stored; without a cipher each is."""

    class Log(TypedDict, total=False):
        entries: Annotated[
            list[str],
            DeltaChannel(lambda old, new: old + [x for part in new for x in part],
                         snapshot_frequency=4),
        ]  # fmt: skip
        messages: Annotated[list[AnyMessage], add_messages]

    said: list[str] = []

    def text() -> str:
        said.append(random.Random(len(said)).randbytes(40).hex())
        return said[-1]

    def grow(state: Log) -> Log:
        return {"entries": [text()], "messages": [AIMessage(text(), id=f"ai-{len(said)}")]}

    async def turn(graph: Graph) -> None:
        given: Log = {"entries": [text()], "messages": [HumanMessage(text(), id=f"h-{len(said)}")]}
        if sync:
            graph.invoke(given, config)
            state, history = graph.get_state(config), list(graph.get_state_history(config))
        else:
            await graph.ainvoke(given, config)
            state = await graph.aget_state(config)
            history = [s async for s in graph.aget_state_history(config)]
        assert state.values["entries"] == said[::2]
        assert [message.content for message in state.values["messages"]] == said[1::2]
        assert history[0].values == state.values
        assert len(history) == 3 * len(said) // 4

    monkeypatch.setenv("LANGGRAPH_AES_KEY", "0123456789abcdef")
    config: RunnableConfig = {"configurable": {"thread_id": "log"}}
    builder = StateGraph(Log)
    builder.add_node("grow", grow)
    builder.add_edge(START, "grow")
    for _ in range(2):  # the second one has the key only
        serde = EncryptedSerializer.from_pycryptodome_aes() if sealed else None
        async with StatewardSaver.from_url(own_server.url, serde=serde) as saver:
            for _ in range(5):
                await turn(builder.compile(checkpointer=saver))
    # The file packs what it can, so look at what it gives out as well.
    with StatewardSaver.from_url(own_server.url, serde=Sealed()) as plain:
        stored = repr(list(plain.list(config))).encode()
    own_server.stop()
    stored += b"".join(file.read_bytes() for file in own_server.directory.glob("state.db*"))
    assert [s for s in said if s.encode() in stored] == ([] if sealed else said)


async def test_delta_channels_survive_prune(own_server: Server) -> None:
    class Log(TypedDict):
        entries: Annotated[
            list[str],
            DeltaChannel(lambda old, new: old + [x for part in new for x in part],
                         snapshot_frequency=5),
        ]  # fmt: skip
        other: int

    def grow(state: Log) -> dict[str, Any]:
        return {"entries": [f"entry {len(state['entries'])}"], "other": len(state["entries"])}

    builder = StateGraph(Log)
    builder.add_node("grow", grow)
    builder.add_edge(START, "grow")
    config: RunnableConfig = {"configurable": {"thread_id": "log"}}
    async with StatewardSaver.from_url(own_server.url) as saver:
        graph: Graph = builder.compile(checkpointer=saver)
        for turn in range(12):
            await graph.ainvoke({"entries": [f"input {turn}"]}, config)
            before = (await graph.aget_state(config)).values
            await saver.aprune(["log"])
            assert (await graph.aget_state(config)).values == before
        assert len(before["entries"]) == 24
        assert len([s async for s in graph.aget_state_history(config)]) <= 11
