"""The guard: sentences of an answer are compared with the passages that were retrieved for it."""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vivavoce.core.errors import VivavoceError
from vivavoce.core.language.sentences import UNSURE
from vivavoce.core.messages import ToolResult
from vivavoce.core.passage import Passage, Provenance, Treatment
from vivavoce.core.protocols import GroundingCheck

Mode = Literal["flag", "hedge", "drop"]

# A full stop ends a sentence where a capital, a digit, a quotation mark or Chinese follows, not in "9 a.m. on Sundays".
SENTENCE_END = re.compile(r"[.!?]+[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9\u3040-\u9fff])|[。！？]+\s*(?=.)", re.DOTALL)
PRONOUN_I = re.compile(r"I\b")
logger = logging.getLogger(__name__)
TREATMENTS: dict[Mode, Treatment] = {"flag": "said", "hedge": "hedged", "drop": "dropped"}


@dataclass(frozen=True, slots=True)
class Guard:
    """How answers are checked. mode: see `Settings.grounding`. language: in which doubt is spoken."""

    check: GroundingCheck
    mode: Mode
    language: str = "en"


class GuardedAnswer:
    """One answer on its way to the decoder. provenance: of the sentences that were judged so far, in order.

    Sentences that are only flagged are spoken at once and judged meanwhile; others wait for the judgement.
    """

    def __init__(self, guard: Guard, passages: Sequence[Passage], question: str) -> None:
        self._guard = guard
        self._passages = tuple(passages)
        self._question = question
        self._pending = ""
        self._judging: list[asyncio.Task[Provenance]] = []
        self.provenance: list[Provenance] = []

    async def push(self, text: str) -> str:
        """The next piece of the answer; what of it may be spoken now."""
        self._pending += text
        spoken = ""
        while (end := SENTENCE_END.search(self._pending)) is not None:
            sentence, self._pending = self._pending[: end.end()], self._pending[end.end() :]
            spoken += await self._passed(sentence)
        self._gather()
        return text if self._guard.mode == "flag" else spoken

    async def finish(self) -> str:
        """What is left, when the model has written all."""
        sentence, self._pending = self._pending, ""
        spoken = await self._passed(sentence)
        await asyncio.gather(*self._judging)
        self._gather()
        return "" if self._guard.mode == "flag" else spoken

    async def close(self) -> None:
        """Judge nothing more."""
        for judging in self._judging:
            judging.cancel()
        await asyncio.gather(*self._judging, return_exceptions=True)

    async def _passed(self, text: str) -> str:
        """A sentence as it is to be spoken."""
        if not text.strip():
            return text
        judging = asyncio.create_task(self._judged(text.strip()))
        self._judging.append(judging)
        if self._guard.mode == "flag":
            return text
        treatment = (await judging).treatment
        return "" if treatment == "dropped" else hedged(text, self._guard.language) if treatment == "hedged" else text

    async def _judged(self, sentence: str) -> Provenance:
        try:
            found = await asyncio.to_thread(self._guard.check.check, sentence, self._passages, self._question)
        except VivavoceError:
            logger.warning("a sentence could not be checked", exc_info=True)
            return Provenance(sentence, None, 0.0, supported=False, why="it could not be checked")
        passage = self._passages[found.passage] if found.supported and found.passage >= 0 else None
        treatment: Treatment = "said" if found.supported else TREATMENTS[self._guard.mode]
        return Provenance(sentence, passage, found.support, found.supported, found.why, treatment)

    def _gather(self) -> None:
        """Take over what is judged, in order."""
        while self._judging and self._judging[0].done():
            self.provenance.append(self._judging.pop(0).result())


def passages_of(results: Sequence[ToolResult]) -> list[Passage]:
    """What an answer may rest on: passages that tools retrieved, and beside them what other tools found; [] without any."""
    done = [result for result in results if result.status == "done"]
    if not any(result.output.passages for result in done):
        return []
    return [passage for result in done for passage in result.output.passages or (_as_passage(result),)]


def _as_passage(result: ToolResult) -> Passage:
    name = result.call.name
    return Passage(result.output.spoken or result.output.content, name, f"{name.replace('_', ' ')} tool")


async def provenance_of(spoken: str, guard: Guard, passages: Sequence[Passage], question: str) -> list[Provenance]:
    """What the sentences rest on that were spoken before an interruption."""
    answer = GuardedAnswer(replace(guard, mode="flag"), passages, question)
    await answer.push(spoken)
    await answer.finish()
    return answer.provenance


def hedged(text: str, language: str = "en") -> str:
    """A sentence with its doubt spoken before it."""
    first = text.lstrip()
    keeps_capital = PRONOUN_I.match(first) or first[:2].isupper() or not first[:1].isascii()
    return UNSURE(language) + (first if keeps_capital else first[0].lower() + first[1:])
