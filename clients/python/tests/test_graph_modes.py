"""Graphs in every mode of durability, beside the same graphs on InMemorySaver."""

from __future__ import annotations

import itertools
import operator
import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send, interrupt

from stateward.langgraph import StatewardSaver
from tests.conftest import Server
from tests.test_graph import calculator, step, story, texts

Graph = CompiledStateGraph[Any, Any, Any, Any]
Durability = Literal["sync", "async", "exit"]

MODES: list[Durability] = ["sync", "async", "exit"]
needs_async_interrupt = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="LangGraph's interrupt() needs 3.11 in async code"
)


def nothing() -> None:
    pass


def thread(name: str) -> RunnableConfig:
    return {"configurable": {"thread_id": name}}


def history(graph: Graph, at: RunnableConfig) -> list[Any]:
    return [
        (state.next, step(state), texts(state.values), len(state.tasks), len(state.interrupts))
        for state in graph.get_state_history(at)
    ]


@pytest.mark.parametrize("mode", MODES)
def test_durability(server: Server, mode: Durability, uid: Callable[[], str]) -> None:
    """A crash-free conversation with tools, a fan-out, a subgraph that asks, and an answer."""

    def talk(graph: Graph, at: RunnableConfig) -> Any:
        seen: list[Any] = []
        for turn in range(2):
            given = {"messages": [HumanMessage("hello", id=f"h-{turn}")]}
            out = graph.invoke(given, at, durability=mode)
            seen.append([each.value for each in out["__interrupt__"]])
            out = graph.invoke(Command(resume=f"yes {turn}"), at, durability=mode)
            seen.append((texts(out), out["parts"], out["approved"]))
        return seen, history(graph, at)

    expected = talk(calculator(InMemorySaver(), nothing), thread("t"))
    with StatewardSaver.from_url(server.url) as saver:
        assert talk(calculator(saver, nothing), thread(uid())) == expected


@needs_async_interrupt
@pytest.mark.parametrize("mode", MODES)
async def test_durability_of_async_graphs(
    server: Server, mode: Durability, uid: Callable[[], str]
) -> None:
    async def talk(graph: Graph, at: RunnableConfig) -> Any:
        given = {"messages": [HumanMessage("hello", id="h")]}
        await graph.ainvoke(given, at, durability=mode)
        out = await graph.ainvoke(Command(resume="yes"), at, durability=mode)
        states = [state async for state in graph.aget_state_history(at)]
        return texts(out), out["parts"], [(s.next, step(s), texts(s.values)) for s in states]

    expected = await talk(calculator(InMemorySaver(), nothing), thread("t"))
    async with StatewardSaver.from_url(server.url) as saver:
        assert await talk(calculator(saver, nothing), thread(uid())) == expected


def test_a_whole_story_on_each_store(server: Server) -> None:
    """Time travel, forks, updates of the state, histories with filters."""
    expected = story(calculator(InMemorySaver(), nothing), nothing)
    with StatewardSaver.from_url(server.url) as saver:
        saver.delete_thread("story")
        assert story(calculator(saver, nothing), nothing) == expected
        saver.delete_thread("story")


class Log(TypedDict, total=False):
    entries: Annotated[
        list[str],
        DeltaChannel(lambda old, new: old + [x for part in new for x in part],
                     snapshot_frequency=7),
    ]  # fmt: skip
    other: int


def logger(saver: BaseCheckpointSaver[str]) -> Graph:
    def grow(state: Log) -> dict[str, Any]:
        return {"entries": [f"entry {len(state['entries'])}"], "other": len(state["entries"])}

    def ask(state: Log) -> dict[str, Any]:
        return {"entries": [interrupt("what?")]} if len(state["entries"]) % 4 == 0 else {}

    builder = StateGraph(Log)
    builder.add_node("grow", grow)
    builder.add_node("ask", ask)
    builder.add_edge(START, "grow")
    builder.add_edge("grow", "ask")
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("mode", MODES)
def test_delta_channels(server: Server, mode: Durability, uid: Callable[[], str]) -> None:
    def talk(graph: Graph, at: RunnableConfig) -> Any:
        for turn in range(12):
            out = graph.invoke({"entries": [f"input {turn}"]}, at, durability=mode)
            if "__interrupt__" in out:
                graph.invoke(Command(resume=f"answer {turn}"), at, durability=mode)
        states = list(graph.get_state_history(at))
        past = states[len(states) // 2]
        fork = graph.update_state(past.config, {"entries": ["fork"]}, as_node="ask")
        states = [*states, graph.get_state(fork), graph.get_state(at)]
        return [(state.values, state.next, step(state)) for state in states]

    expected = talk(logger(InMemorySaver()), thread("t"))
    with StatewardSaver.from_url(server.url) as saver:
        assert talk(logger(saver), thread(uid())) == expected


class Tools(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    results: Annotated[list[str], operator.add]


class Call(TypedDict):
    name: str
    args: dict[str, Any]
    id: str


def approver(saver: BaseCheckpointSaver[str]) -> Graph:
    """An agent that calls three tools at once, each of which asks twice."""

    def agent(state: Tools) -> Tools:
        n = len(state["messages"])
        calls = [{"name": f"tool{i}", "args": {}, "id": f"call-{n}-{i}"} for i in range(3)]
        return {"messages": [AIMessage("", tool_calls=calls, id=f"ai-{n}")]}

    def spread(state: Tools) -> list[Send]:
        last = state["messages"][-1]
        assert isinstance(last, AIMessage)
        return [Send("tool", call) for call in last.tool_calls]

    def tool(call: Call) -> Tools:
        first = interrupt(f"{call['id']}: may I?")
        second = interrupt(f"{call['id']}: really?")
        message = ToolMessage(f"{first} {second}", tool_call_id=call["id"], id=call["id"])
        return {"messages": [message], "results": [f"{call['id']} {first} {second}"]}

    builder = StateGraph(Tools)
    builder.add_node("agent", agent)
    builder.add_node("tool", tool)  # type: ignore[arg-type]
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", spread, ["tool"])
    builder.add_edge("tool", END)
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("keep_last", [1, 3])
def test_interrupts_of_many_tools_survive_pruning(
    server: Server, keep_last: int, uid: Callable[[], str]
) -> None:
    def talk(graph: Graph, at: RunnableConfig, prune: Callable[[], None]) -> Any:
        seen: list[Any] = []
        for turn in range(2):
            out = graph.invoke({"messages": [HumanMessage("go", id=f"h-{turn}")]}, at)
            answers = itertools.count()
            while asked := out.get("__interrupt__"):
                seen.append(sorted(each.value for each in asked))
                prune()
                # Half of the questions are answered at a time.
                some = sorted(asked, key=lambda each: str(each.value))[: (len(asked) + 1) // 2]
                resume = {each.id: f"answer {next(answers)}" for each in some}
                out = graph.invoke(Command(resume=resume), at)
            seen.append((texts(out), sorted(out["results"])))
            prune()
        return seen

    expected = talk(approver(InMemorySaver()), thread("t"), nothing)
    name = uid()
    with StatewardSaver.from_url(server.url) as saver:

        def prune() -> None:
            saver.prune([name], keep_last=keep_last)
            assert len(list(saver.list(thread(name)))) <= keep_last

        assert talk(approver(saver), thread(name), prune) == expected
    assert len(expected) > 8


def test_subgraphs_that_remember(server: Server, uid: Callable[[], str]) -> None:
    """A subgraph with a memory of its own keeps it in a namespace of the thread."""

    class Count(TypedDict, total=False):
        n: Annotated[int, operator.add]
        asked: str

    def build(saver: BaseCheckpointSaver[str]) -> Graph:
        inner = StateGraph(Count)
        inner.add_node("count", lambda state: {"n": 1})
        inner.add_node("ask", lambda state: {"asked": interrupt(state["n"])})
        inner.add_edge(START, "count")
        inner.add_edge("count", "ask")
        outer = StateGraph(Count)
        outer.add_node("inner", inner.compile(checkpointer=True))
        outer.add_edge(START, "inner")
        return outer.compile(checkpointer=saver)

    def talk(graph: Graph, at: RunnableConfig) -> Any:
        seen: list[Any] = []
        for turn in range(4):
            out = graph.invoke({"n": 10}, at)
            seen.append([each.value for each in out["__interrupt__"]])
            seen.append(graph.invoke(Command(resume=f"a{turn}"), at))
            state = graph.get_state(at, subgraphs=True)
            seen.append((state.values, state.next))
        return seen

    expected = talk(build(InMemorySaver()), thread("t"))
    name = uid()
    with StatewardSaver.from_url(server.url) as saver:
        assert talk(build(saver), thread(name)) == expected
        spaces = {item.config["configurable"]["checkpoint_ns"] for item in saver.list(thread(name))}
        assert spaces == {"", "inner"}


def test_subgraphs_many_levels_deep(server: Server, uid: Callable[[], str]) -> None:
    """Each level adds a node and an id to the namespace, of which the service takes 2048 bytes."""
    depth = 30

    class Answer(TypedDict, total=False):
        text: str

    def build(saver: BaseCheckpointSaver[str], level: int = depth) -> Graph:
        node: Any = lambda state: {"text": interrupt("well?")}  # noqa: E731
        builder = StateGraph(Answer)
        builder.add_node(f"level-{level}", build(saver, level - 1) if level else node)
        builder.add_edge(START, f"level-{level}")
        return builder.compile(checkpointer=saver if level == depth else None)

    at = thread(uid())
    with StatewardSaver.from_url(server.url) as saver:
        assert "__interrupt__" in build(saver).invoke({"text": ""}, at)
        assert build(saver).invoke(Command(resume="so"), at) == {"text": "so"}
        spaces = [item.config["configurable"]["checkpoint_ns"] for item in saver.list(at)]
    assert 1200 < max(map(len, spaces)) < 2048
