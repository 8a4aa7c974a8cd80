"""The speech lab: what the agent hears and understands of recordings, by its own ears and nothing else."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from vivavoce.agent import Agent, HeardText, TurnDone
from vivavoce.app.backends import backend_of
from vivavoce.core.audio import AudioClip
from vivavoce.eval.lab.driver import evenly
from vivavoce.eval.lab.home import own_home
from vivavoce.eval.lab.lab import Item, Measure, Options, Result, with_seed
from vivavoce.eval.lab.one_open import agents_by_seed
from vivavoce.eval.lab.page import Page
from vivavoce.eval.lab.turns import ask
from vivavoce.eval.speech.recordings import Recording, load
from vivavoce.eval.speech.report import speech_page
from vivavoce.eval.speech.scores import chose, error_unit, errors, says_one_of, sentence_chrf
from vivavoce.eval.speech.sets import OWN, read_set

WRITE_DOWN = "Write down word for word what I say next, and nothing else."


class SpeechLab:
    """Word errors, translation, paralinguistics, multiple choice and spoken questions; sets: see `sets.read_set`."""

    name = "speech"
    sets = tuple(OWN)[:1]
    parallel = True

    def items(self, options: Options) -> Sequence[Item]:
        """Every recording of every set, once for each seed."""
        cache = options.settings.home / "cache" / "eval"
        items: list[Item] = []
        for name in options.sets:
            for recording in evenly(read_set(name, cache), options.limit):
                items += [with_seed(_item(name, recording), seed, options) for seed in options.seeds]
        return sorted(items, key=lambda item: options.seeds.index(item.facts["seed"]))  # an agent for each

    @asynccontextmanager
    async def open(self, options: Options, folder: Path) -> AsyncGenerator[Measure]:
        """An agent in a home of its own."""
        with own_home(options.settings, folder) as settings:
            async with agents_by_seed(settings, options.seeds) as agents:

                async def measure(item: Item) -> Result:
                    clip = await asyncio.to_thread(load, Path(item.facts["audio"]))
                    async with agents.using(item.facts["seed"]) as agent:
                        if item.facts["task"] == "transcription" and backend_of(settings).transcribes:
                            start = time.perf_counter()
                            heard = await _heard(agent, clip)
                            return judged(item, heard, {"heard_s": round(time.perf_counter() - start, 3)})
                        return await _answered(agent, clip, item, folder)

                yield measure

    def page(self, results: Sequence[Result], facts: Mapping[str, Any]) -> Page:
        """The report."""
        return speech_page(results)


def _item(name: str, recording: Recording) -> Item:
    worst = {_metric(recording.task, recording.language): float(recording.task == "transcription")}
    facts = {"set": name, **recording.as_facts()}
    return Item(f"{name}/{recording.id}", recording.cluster, facts, worst)


def _metric(task: str, language: str) -> str:
    return {"transcription": error_unit(language), "translation": "chrf"}.get(task, task)


async def _heard(agent: Agent, clip: AudioClip) -> str:
    """What the agent understood; the turn is interrupted then, as a user may, since the answer is not measured."""
    async with aclosing(agent.stream(clip)) as events:
        async for event in events:
            match event:
                case HeardText(text):
                    return text
                case TurnDone(turn):
                    return turn.check_answered().heard
                case _:
                    pass
    return ""


async def _answered(agent: Agent, clip: AudioClip, item: Item, folder: Path) -> Result:
    session = f"speech-{uuid.uuid4().hex[:12]}"
    told = WRITE_DOWN if item.facts["task"] == "transcription" else item.facts["instruction"]
    if told:
        (await agent.ask(told, session=session)).check_answered()
    turn, record = await ask(agent, clip, session=session, folder=folder, name=item.id)
    return judged(item, turn.answer_text, {"turn": record})


def judged(item: Item, said: str, record: Mapping[str, Any]) -> Result:
    """A recording with what came of it, compared with what should have."""
    facts = item.facts
    task, language, references = facts["task"], facts["language"], facts["references"]
    match task:
        case "transcription":
            found = errors(references[0], said, language)
            score, right = found.rate, found.rate == 0
            why = f"{found.substitutions} wrong, {found.deletions} missing, {found.insertions} added, of {found.length}"
        case "translation":
            score, right = sentence_chrf(said, references[0]), said.strip() == references[0]
            why = "chrF of the sentence"
        case "choice":
            right = chose(said, references[0], facts["choices"])
            score, why = float(right), "the right choice and no other was named" if right else f"wanted {references[0]!r}"
        case _:
            right = says_one_of(said, references, language)
            score, why = float(right), "" if right else f"wanted one of {references}"
    verdict = "right" if right else "wrong"
    return Result(item.id, item.cluster, facts, {_metric(task, language): score}, verdict, why, {"said": said, **record})
