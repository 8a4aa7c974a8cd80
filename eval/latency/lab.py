"""The latency lab: time to first audio and of each stage, beside the same stages one after the other."""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from vivavoce.agent import Agent, Timings
from vivavoce.app.parts import Parts
from vivavoce.app.turn_json import turn_json
from vivavoce.app.wiring import open_agent
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ConfigError
from vivavoce.core.messages import ToolResult
from vivavoce.core.settings import Settings
from vivavoce.eval.lab.driver import evenly
from vivavoce.eval.lab.home import own_home
from vivavoce.eval.lab.lab import Item, Measure, Options, Result, with_seed
from vivavoce.eval.lab.one_open import OneOpen
from vivavoce.eval.lab.page import Page
from vivavoce.eval.latency.report import AGENT, STAGES, latency_page
from vivavoce.eval.latency.set import OWN, LatencySet, read_latency_set
from vivavoce.eval.latency.stages import StageByStage

DIGITS = 4


class LatencyLab:
    """Each question several times, by the agent and stage by stage; the two take turns."""

    name = "latency"
    sets = (OWN,)
    parallel = False

    def items(self, options: Options) -> Sequence[Item]:
        """A turn each. limit: of questions. seeds: repeat all rounds.

        After the agent answered one question, the stages are asked another: a prompt that was just read is not read again,
        so whoever came second would profit from it.
        """
        asked = _the_set(options)
        questions = evenly(asked.questions, options.limit)
        budgets = [budget.model_dump() for budget in asked.budgets]
        items: list[Item] = []
        for seed in options.seeds:
            for number in range(asked.rounds):
                for place, question in enumerate(questions):
                    other = questions[(place + (len(questions) + 1) // 2) % len(questions)]
                    turns = (_item(AGENT, question, number, budgets), _item(STAGES, other, number, budgets))
                    items += [with_seed(turn, seed, options) for turn in turns]
        return items

    @asynccontextmanager
    async def open(self, options: Options, folder: Path) -> AsyncGenerator[Measure]:
        """An agent with the documents of the set, which has answered each question once: what is loaded then, stays."""
        asked = _the_set(options)
        questions = evenly(asked.questions, options.limit)
        clips = {question.stem: AudioClip.load(question, options.settings.max_question_s) for question in questions}
        with own_home(options.settings, folder) as settings:
            if asked.documents:
                await asyncio.to_thread(Parts(settings).index.add, asked.documents)

            def warm(seed: int) -> AbstractAsyncContextManager[tuple[Agent, StageByStage]]:
                return _warm(settings.changed(seed=seed), clips)

            async with OneOpen(warm, options.seeds[0]) as agents:

                async def measure(item: Item) -> Result:
                    clip = clips[item.facts["question"]]
                    async with agents.using(item.facts["seed"]) as (agent, stages):
                        if item.facts["way"] == AGENT:
                            return await _of_agent(agent, item, clip)
                        return await _staged(stages, item, clip)

                yield measure

    def page(self, results: Sequence[Result], facts: Mapping[str, Any]) -> Page:
        """The report."""
        return latency_page(results)


@asynccontextmanager
async def _warm(settings: Settings, clips: Mapping[str, AudioClip]) -> AsyncGenerator[tuple[Agent, StageByStage]]:
    """An agent that has answered each question once, and the same parts one after the other."""
    async with open_agent(settings) as agent:
        for clip in clips.values():
            (await agent.ask(clip)).check_answered()
        yield agent, StageByStage(agent.services)


def _the_set(options: Options) -> LatencySet:
    if len(options.sets) != 1:
        raise ConfigError("the latency lab takes one set at a time")
    return read_latency_set(options.sets[0])


def _item(way: str, question: Path, number: int, budgets: Sequence[Mapping[str, Any]]) -> Item:
    facts = {"way": way, "question": question.stem, "round": number, "budgets": list(budgets)}
    return Item(f"{way}/{question.stem}/{number}", question.stem, facts, {"answered": 0.0})


async def _of_agent(agent: Agent, item: Item, clip: AudioClip) -> Result:
    turn = (await agent.ask(clip)).check_answered()
    record = turn_json(turn, None)
    return timed(item, turn.timings, turn.answer_audio, turn.tool_calls, record)


async def _staged(stages: StageByStage, item: Item, clip: AudioClip) -> Result:
    turn = await stages.ask(clip)
    record = {
        "heard": turn.heard,
        "answer_text": turn.text,
        "tool_calls": [{"name": result.call.name, "status": result.status} for result in turn.results],
        "timings": {
            "spans": [[one.stage, round(one.start_s, DIGITS), round(one.end_s, DIGITS)] for one in turn.timings.spans]
        },
    }
    return timed(item, turn.timings, turn.audio, turn.results, record)


def timed(
    item: Item, timings: Timings, audio: AudioClip | None, calls: Sequence[ToolResult], record: Mapping[str, Any]
) -> Result:
    """A turn as numbers: seconds by measure; the real-time factor is the whole turn over what it spoke.

    Dispatch of tools is what the controller adds to them: from the call to its result, less what the tool itself took.
    """
    scores = {"answered": float(audio is not None), "whole turn": timings.total_s}
    if audio is not None and timings.ttfa_s is not None:
        scores |= {"time to first audio": timings.ttfa_s, "real-time factor": timings.total_s / audio.duration_s}
    in_tools = 0.0
    for stage, seconds in timings.seconds.items():
        if stage.startswith("tool: "):
            in_tools += seconds
        else:
            scores[stage] = seconds
    if calls:
        scores |= {"tools": in_tools, "dispatch of tools": max(0.0, in_tools - sum(call.duration_s for call in calls))}
    load = {"load": os.getloadavg()[0], "answer_s": audio.duration_s if audio is not None else 0.0}
    verdict = "answered" if audio is not None else "silent"
    return Result(item.id, item.cluster, item.facts, scores, verdict, record={**record, **load})
