"""Asks a question that brings its own tools, and scores what came of it."""

import time

from vivavoce.agent import Agent
from vivavoce.core.settings import Settings
from vivavoce.eval.lab.lab import Item, Result
from vivavoce.eval.toolcall.asking import ask_for_calls
from vivavoce.eval.toolcall.brought.agents import agent_for
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
        asked = await ask_for_calls(agent, question.text, question.audio, transcribes=transcribes, speaks_first=True)
    scored, record = score(question, asked)
    return Result(
        item.id, item.cluster, item.facts, scored.scores, scored.verdict, scored.why, record | {"opened_s": opened_s}
    )
