"""Asks a question that brings its own tools, and scores what came of it."""

import asyncio
import time
import uuid

from vivavoce.agent import Agent
from vivavoce.core.audio import AudioClip
from vivavoce.core.settings import Settings
from vivavoce.eval.lab.lab import Item, Result
from vivavoce.eval.toolcall.asking import Asked, ask_for_calls
from vivavoce.eval.toolcall.brought.agents import agent_for
from vivavoce.eval.toolcall.brought.deeds import score_deeds
from vivavoce.eval.toolcall.brought.questions import BroughtQuestion
from vivavoce.eval.toolcall.brought.scoring import score


async def measure_brought(item: Item, holder: Agent, settings: Settings, *, transcribes: bool) -> Result:
    """The result of an item. holder: see `agent_for`. transcribes: see `ask_for_calls`.

    Raises:
        VivavoceError: the agent cannot be opened or asked.
    """
    question = BroughtQuestion.of(item.facts)
    start = time.perf_counter()
    async with agent_for(question, settings, holder) as agent:
        opened_s = round(time.perf_counter() - start, 3)
        if question.wishes:
            asked, finished = await _ask_to_the_end(agent, question)
        else:
            asked = await ask_for_calls(agent, question.text, question.audio, transcribes=transcribes, speaks_first=True)
            finished = set[str]()
    scored, record = score(question, asked)
    if question.wishes:
        scored = score_deeds(question, scored, asked.calls, finished, asked.said)
        record["finished"] = sorted(finished)
    return Result(
        item.id, item.cluster, item.facts, scored.scores, scored.verdict, scored.why, record | {"opened_s": opened_s}
    )


async def _ask_to_the_end(agent: Agent, question: BroughtQuestion) -> tuple[Asked, set[str]]:
    """All calls of a turn with what is said at its end, and the tools that did what they were called for."""
    said = await asyncio.to_thread(AudioClip.load, question.audio) if question.audio else question.text
    turn = (await agent.ask(said, session=f"toolcall-{uuid.uuid4().hex[:12]}")).check_answered()
    calls = tuple(result.call for result in turn.tool_calls)
    finished = {result.call.name for result in turn.tool_calls if result.status == "done"}
    return Asked(turn.heard, turn.answer_text, calls, turn.timings.total_s), finished
