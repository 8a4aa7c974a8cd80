"""The audio search: a voice for a description, set for the session at once; and talk about voices."""

from collections.abc import Awaitable, Callable

from pydantic import BaseModel, ConfigDict, Field

from vivavoce.core.calls import current_call
from vivavoce.core.errors import ToolFailed, VoiceNotFound
from vivavoce.core.language import sentences
from vivavoce.core.messages import SessionFacts, ToolOutput, ToolSpec
from vivavoce.core.protocols import VoiceBank
from vivavoce.core.voice import MIN_FIT, VoiceEntry, VoiceFilters, VoiceHit
from vivavoce.tools.arguments import parse, schema_of
from vivavoce.tools.examples import VOICE
from vivavoce.tools.saying import say
from vivavoce.tools.voices.requests import (
    Action,
    action_of,
    changes_pitch,
    compared,
    leans_on,
    nth,
    wants_another,
    wants_any_other,
)
from vivavoce.tools.voices.sentences import difference, listed, provenance

LISTED = 4
SPEAKABLE = VoiceFilters(may_be_spoken=True)
DESCRIPTION = (
    "Find a voice by description and speak in it from now on, or go back to the default voice; list voices that fit, "
    "compare two, or say why a voice was chosen and whose it is.\n按描述查找音色并立即使用，或恢复默认音色、列出、比较音色。"
)


class VoiceArguments(BaseModel):
    """What is wanted of the voices."""

    model_config = ConfigDict(extra="forbid")

    description: str = Field(min_length=1, max_length=500, description="the voice or the request, as the user said it")
    action: Action | None = Field(None, description="what to do; left out, it is understood from the description")


class VoiceSearchTool:
    """``voice_search`` over a voice bank."""

    def __init__(self, bank: VoiceBank) -> None:
        self._bank = bank
        self.spec = ToolSpec("voice_search", DESCRIPTION, schema_of(VoiceArguments), VOICE, idempotent=True)
        self._actions: dict[Action, Callable[[str, SessionFacts], Awaitable[ToolOutput]]] = {
            "switch": self._switch,
            "default": self._default,
            "list": self._list,
            "compare": self._compare,
            "explain": self._explain,
            "who": self._who,
            "manner": self._manner,
        }

    async def call(self, arguments: str) -> ToolOutput:
        """A voice as an effect where a new one is wanted and one fits; a sentence about voices otherwise."""
        given = parse(arguments, VoiceArguments)
        return await self._actions[given.action or action_of(given.description)](given.description, current_call().session)

    async def _default(self, request: str, session: SessionFacts) -> ToolOutput:
        voice = self._bank.entry(session.default_voice_id)
        content = f"voice set to {voice.name}"
        return ToolOutput(content, spoken=say(sentences.VOICE_RESTORED), voice_id=voice.id, asked=request)

    async def _switch(self, description: str, session: SessionFacts) -> ToolOutput:
        wanted = leans_on(description, session.asked)
        hits = self._in_turn(list(await self._bank.search(wanted, 2 * LISTED, SPEAKABLE)), description, session)
        if not hits or (hits[0].score < MIN_FIT and not wants_any_other(description)):
            return ToolOutput(*_refusal(hits))
        first, others = hits[0], [hit for hit in hits[1:LISTED] if hit.score >= MIN_FIT]
        content = f"voice set to {first.voice.name}: {first.voice.description} Why: {first.reason}. {_alternatives(others)}"
        spoken = say(sentences.VOICE_SET, name=first.voice.name)
        return ToolOutput(content, spoken=spoken, voice_id=first.voice.id, asked=wanted)

    def _in_turn(self, hits: list[VoiceHit], description: str, session: SessionFacts) -> list[VoiceHit]:
        """Hits with the one that is meant first: the best, the one after that which speaks, the second, a deeper one."""
        if at := nth(description):
            return hits[at - 1 :]
        if way := changes_pitch(description):
            now = self._current(session).acoustics.f0_hz or 0.0
            return [hit for hit in hits if way * ((hit.voice.acoustics.f0_hz or now) - now) > 0]
        if not wants_another(description):
            return hits
        ids = [hit.voice.id for hit in hits if hit.score >= MIN_FIT]
        if session.voice_id not in ids:
            return [hit for hit in hits if hit.voice.id != session.voice_id]
        at = ids.index(session.voice_id)
        return [*hits[at + 1 : len(ids)], *hits[:at]] or [hit for hit in hits if hit.voice.id != session.voice_id]

    async def _list(self, request: str, session: SessionFacts) -> ToolOutput:
        asked = session.asked if "alternative" in request.lower() or "else" in request.lower() else ""
        hits = [
            hit
            for hit in await self._bank.search(asked or request, 3 * LISTED, SPEAKABLE)
            if hit.voice.id != session.voice_id
        ]
        fitting = [hit for hit in hits if hit.score >= MIN_FIT][:LISTED]
        lines = "; ".join(f"{hit.voice.name}: {hit.voice.description}" for hit in fitting or hits[:LISTED])
        names = [hit.voice.name for hit in fitting or hits[:LISTED]]
        if not names:
            return ToolOutput("no voices", spoken=say(sentences.NO_OTHER_VOICE))
        spoken = say(sentences.VOICES_FITTING if fitting else sentences.VOICES_AMONG_OTHERS, names=listed(names))
        return ToolOutput(f"{len(self._bank)} voices in all. {lines}", spoken=spoken)

    async def _compare(self, request: str, session: SessionFacts) -> ToolOutput:
        wanted = compared(request)
        if wanted is None:
            raise ToolFailed(say(sentences.NO_TWO_VOICES))
        one, other = [await self._meant(part, session) for part in wanted]
        if one.id == other.id:
            return ToolOutput("the same voice", spoken=say(sentences.SAME_VOICE, name=one.name))
        return ToolOutput(f"{one.name}: {one.description} {other.name}: {other.description}", spoken=difference(one, other))

    async def _explain(self, _: str, session: SessionFacts) -> ToolOutput:
        voice = self._current(session)
        if not session.asked or voice.id == session.default_voice_id:
            return ToolOutput(voice.description, spoken=say(sentences.VOICE_NOT_ASKED_FOR, name=voice.name))
        hits = await self._bank.search(session.asked, 50, SPEAKABLE)
        reason = next((hit.reason for hit in hits if hit.voice.id == voice.id), voice.description)
        spoken = say(sentences.VOICE_CHOSEN, asked=session.asked, name=voice.name, reason=reason)
        return ToolOutput(reason, spoken=spoken)

    async def _who(self, _: str, session: SessionFacts) -> ToolOutput:
        voice = self._current(session)
        whose = provenance(voice)
        spoken = say(sentences.VOICE_HEARD, name=voice.name, description=voice.description, provenance=whose)
        return ToolOutput(f"{spoken} Source: {voice.source}", spoken=spoken)

    async def _manner(self, _: str, __: SessionFacts) -> ToolOutput:
        return ToolOutput("no voice was searched", spoken=say(sentences.NO_MANNER))

    def _current(self, session: SessionFacts) -> VoiceEntry:
        return self._bank.entry(session.voice_id)

    async def _meant(self, words: str, session: SessionFacts) -> VoiceEntry:
        if not words:
            return self._current(session)
        try:
            return self._bank.entry("-".join(words.lower().split()))
        except VoiceNotFound:
            hits = await self._bank.search(words, 1)
        if not hits or hits[0].score < MIN_FIT:
            raise ToolFailed(say(sentences.VOICE_UNKNOWN, words=words))
        return hits[0].voice


def _refusal(hits: list[VoiceHit]) -> tuple[str, str]:
    """(content, spoken) where nothing fits."""
    if not hits or "; but not " not in hits[0].reason:
        return "no voice fits", say(sentences.NO_VOICE_FITS)
    name = hits[0].voice.name
    return f"no voice fits; nearest is {name}: {hits[0].reason}", say(sentences.NEAREST_VOICE, name=name)


def _alternatives(others: list[VoiceHit]) -> str:
    named = [f"{hit.voice.name} ({hit.reason})" for hit in others]
    return f"Alternatives: {'; '.join(named)}." if named else "Nothing else fits."
