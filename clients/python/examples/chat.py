#!/usr/bin/env python3
"""A chat agent that asks before it acts, and remembers across runs and machines.

    stateward serve &
    chat.py --thread ann "Book a flight to Oslo"   ->  May I book a flight to Oslo? (yes or no)
    chat.py --thread ann yes                       ->  Booked: a flight to Oslo.
    chat.py --thread ann "What did I ask?"         ->  5 messages so far, the first: Book a ...

Each call is a process of its own: everything between two of them is in stateward. The model is a
stand-in that needs no key; give build() a model of yours, with the tool bound to it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt

from stateward.langgraph import StatewardSaver

Model = Callable[[Sequence[AnyMessage]], AIMessage]


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def stand_in(messages: Sequence[AnyMessage]) -> AIMessage:
    """Calls the tool for what sounds like an order, and answers everything else."""
    last = messages[-1]
    if isinstance(last, ToolMessage):
        return AIMessage(str(last.content))
    text = str(last.content)
    if text.lower().startswith("book "):
        call: Any = {"name": "book", "args": {"what": text[5:]}, "id": f"call-{len(messages)}"}
        return AIMessage("", tool_calls=[call])
    return AIMessage(f"{len(messages)} messages so far, the first: {messages[0].content}")


def build(
    saver: BaseCheckpointSaver[str], model: Model = stand_in
) -> CompiledStateGraph[Any, Any, Any, Any]:
    def agent(state: State) -> dict[str, Any]:
        return {"messages": [model(state["messages"])]}

    def tools(state: State) -> dict[str, Any]:
        last = state["messages"][-1]
        assert isinstance(last, AIMessage)
        (call,) = last.tool_calls
        what = call["args"]["what"]
        # The graph stops here until somebody answers, be it seconds or weeks.
        answer = interrupt(f"May I book {what}? (yes or no)")
        result = f"Booked: {what}." if answer == "yes" else f"Not booked: {what}."
        return {"messages": [ToolMessage(result, tool_call_id=call["id"])]}

    def after_agent(state: State) -> str:
        last = state["messages"][-1]
        return "tools" if isinstance(last, AIMessage) and last.tool_calls else END

    builder = StateGraph(State)
    builder.add_node("agent", agent)
    builder.add_node("tools", tools)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", after_agent, ["tools", END])
    builder.add_edge("tools", "agent")
    return builder.compile(checkpointer=saver)


def say(url: str, thread: str, text: str) -> str:
    """What the agent says to a text, or to the answer that it waits for."""
    config: RunnableConfig = {"configurable": {"thread_id": thread}}
    with StatewardSaver.from_url(url) as saver:
        graph = build(saver)
        waiting = graph.get_state(config).interrupts
        given: Any = Command(resume=text) if waiting else {"messages": [HumanMessage(text)]}
        out = graph.invoke(given, config)
    if asked := out.get("__interrupt__"):
        return str(asked[0].value)
    return str(out["messages"][-1].content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--thread", default="chat")
    parser.add_argument("text")
    args = parser.parse_args()
    print(say(args.url, args.thread, args.text))


if __name__ == "__main__":
    main()
