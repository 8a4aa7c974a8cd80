"""What the controller costs and what it keeps: turns that are killed, long sessions, overhead, tools that hang.

    python -m bench.controller [--kills N] [--turns N]

Everything runs on a scripted model and tones, so that nothing is measured but the controller and its store.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from operator import add
from pathlib import Path
from typing import Annotated, Any, TypedDict

import numpy as np
from langgraph.graph import END, START, StateGraph
from rich.console import Console
from rich.progress import track

from tests.support.killed_turns import Killing
from vivavoce.agent import Agent
from vivavoce.agent.session.checkpoints import open_checkpoints
from vivavoce.app import AudioClip, open_agent, tool

RESULT = "fact " * 800  # 4,000 characters
HANG_S, HANGING = 8.0, 6
console = Console()


def lookup(n: int) -> str:
    """Look something up."""
    return f"{n} {RESULT}"


def short(n: int) -> str:
    """Look something up."""
    return f"value {n}"


def hang(n: int) -> str:
    """Answer much too late."""
    time.sleep(HANG_S)
    return str(n)


def killed(folder: Path, kills: int) -> None:
    """Kill processes at random points of turns whose tools have effects."""
    killing = Killing(folder / "killed", "bench")
    for _ in track(range(kills), "kills", console=console):
        killing.once()
    counts = killing.counts
    console.print(
        f"{counts.kills} kills, {counts.in_a_turn} in a turn: {counts.vanished_turns} turns vanished, "
        f"{counts.unknown_effects} effects unknown to the session, {counts.effects_run_twice} run twice, "
        f"{counts.not_told_once} interrupted calls not told of once, {len(counts.other)} other faults"
    )


async def grown(folder: Path, turns: int) -> None:
    """One session, each turn with a tool result of 4,000 characters."""
    sizes, seconds = [0], list[float]()
    async with _agent(folder, lookup) as agent:
        for n in track(range(turns), "turns of one session", console=console):
            start = time.perf_counter()
            await agent.ask(f'tool lookup {{"n": {n}}}', session="long")
            seconds.append(time.perf_counter() - start)
            sizes.append(_bytes(folder))
    third = turns // 3
    early, late = (sizes[2 * third] - sizes[third]) / third, (sizes[-1] - sizes[2 * third]) / (turns - 2 * third)
    first, last = statistics.median(seconds[:third]), statistics.median(seconds[2 * third :])
    console.print(
        f"{turns} turns with results of 4,000 characters: {sizes[-1] / 1e6:.1f} MB; {early / 1e3:.1f} kB a turn in the "
        f"second third, {late / 1e3:.1f} in the last; {1e3 * first:.0f} ms a turn in the "
        f"first third, {1e3 * last:.0f} in the last"
    )


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("sessions.sqlite*"))


class _Messages(TypedDict):
    messages: Annotated[list[Any], add]


@asynccontextmanager
async def _bare(folder: Path) -> AsyncGenerator[Callable[[str, str], Any]]:
    """A graph of LangGraph with the same checkpointer and the same steps, and nothing else."""

    async def generate(state: _Messages) -> dict[str, Any]:
        last = state["messages"][-1]
        made = {"call": "short"} if last["role"] == "user" else {"text": last["text"]}
        return {"messages": [{"role": "assistant", **made}]}

    async def run_tool(state: _Messages) -> dict[str, Any]:
        return {"messages": [{"role": "tool", "text": short(len(state["messages"]))}]}

    graph = StateGraph(_Messages)
    graph.add_node("generate", generate)
    graph.add_node("run_tool", run_tool)
    graph.add_edge(START, "generate")
    graph.add_conditional_edges("generate", lambda state: "run_tool" if "call" in state["messages"][-1] else END)
    graph.add_edge("run_tool", "generate")
    async with open_checkpoints(folder / "bare.sqlite") as saver:
        compiled = graph.compile(checkpointer=saver)

        async def ask(text: str, session: str) -> None:
            config: Any = {"configurable": {"thread_id": session}}
            await compiled.ainvoke({"messages": [{"role": "user", "text": text}]}, config, durability="sync")

        yield ask


async def compared(folder: Path, turns: int) -> None:
    """Turns with one tool, of the agent and of the bare graph in turn; ten to a session."""
    ours, bare = list[float](), list[float]()
    async with _agent(folder / "ours", short) as agent, _bare(folder) as ask:
        for n in track(range(turns + 10), "turns beside a bare graph", console=console):
            text, session = f'tool short {{"n": {n}}}', f"s{n // 10}"
            start = time.perf_counter()
            await agent.ask(text, session=session)
            between = time.perf_counter()
            await ask(text, session)
            ours.append(between - start)
            bare.append(time.perf_counter() - between)
    ours, bare = sorted(ours[10:]), sorted(bare[10:])  # the first warm both up
    middle, high = len(ours) // 2, int(0.99 * len(ours))
    console.print(
        f"a turn with one tool, n = {len(ours)}: p50 {1e3 * ours[middle]:.1f} ms, {ours[middle] / bare[middle]:.2f} of a "
        f"bare LangGraph graph's {1e3 * bare[middle]:.1f}; p99 {1e3 * ours[high]:.1f} ms, "
        f"{1e3 * (ours[high] - bare[high]):+.1f}"
    )


async def hung(folder: Path) -> None:
    """A spoken turn of one user, while blocking tools of others hang."""
    clip = AudioClip((0.3 * np.sin(np.arange(16_000) * 0.05)).astype(np.float32), 16_000)
    async with _agent(folder, tool(hang, timeout_s=2 * HANG_S)) as agent:
        alone = await _median(agent, clip)
        others = [asyncio.create_task(agent.ask(f'tool hang {{"n": {n}}}', session=f"h{n}")) for n in range(HANGING)]
        await asyncio.sleep(0.5)
        beside = await _median(agent, clip)
        await asyncio.gather(*others)
    console.print(
        f"a spoken turn: {1e3 * alone:.0f} ms alone, {1e3 * beside:.0f} ms beside {HANGING} blocking tools that hang"
    )


async def _median(agent: Agent, clip: AudioClip) -> float:
    seconds = list[float]()
    for n in range(11):
        start = time.perf_counter()
        await agent.ask(clip, session=f"v{n}")
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


@asynccontextmanager
async def _agent(folder: Path, made: Any) -> AsyncGenerator[Agent]:
    async with open_agent(tools=[made], only=(), model="scripted", home=folder) as agent:
        yield agent


def main() -> None:
    """Measure, one after the other, in one process and on one thread beside the database's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--turns", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        killed(folder, options.kills)
        asyncio.run(grown(folder / "long", options.turns))
        asyncio.run(compared(folder, options.turns))
        asyncio.run(hung(folder / "hung"))


if __name__ == "__main__":
    main()
