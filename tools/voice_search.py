"""The audio search: a voice for a description, set for the session at once."""

import re

from pydantic import BaseModel, ConfigDict, Field

from vivavoce.core.messages import ToolOutput, ToolSpec
from vivavoce.core.protocols import VoiceBank
from vivavoce.core.voice import DEFAULT_VOICE_ID
from vivavoce.tools.arguments import parse, schema_of
from vivavoce.tools.examples import VOICE

MIN_SCORE = 0.3  # see `FolderVoiceBank.search`: what nothing in the bank fits stays below
LISTED = 3
BACK = re.compile(
    r"\b(normal|default|original|usual|regular|standard|first|own|old|previous|your)\s+(original\s+|normal\s+|own\s+)?voice\b"
    r"|\bback to (normal|default|yourself|your)\b|\b(reset|restore|undo)\b.*\bvoice\b"
    r"|\b(sound|talk|speak|be) (like|as) (you|yourself)\b|\bspeak normally\b"
    r"|默认|原来的声音|恢复|正常的声音",
    re.IGNORECASE,
)
NOT_BACK = re.compile(r"\b(like|as) (a|an|the) |\bold voice of\b|\bchange your voice\b", re.IGNORECASE)
DESCRIPTION = (
    "Find a voice by description and speak in it from now on, or go back to the default voice.\n"
    "按描述查找音色并立即使用，或恢复默认音色。"
)


class VoiceArguments(BaseModel):
    """What voice is wanted."""

    model_config = ConfigDict(extra="forbid")

    description: str = Field(min_length=1, max_length=500, description="the voice, as the user described it")


class VoiceSearchTool:
    """``voice_search`` over a voice bank."""

    def __init__(self, bank: VoiceBank) -> None:
        self._bank = bank
        self.spec = ToolSpec("voice_search", DESCRIPTION, schema_of(VoiceArguments), VOICE)

    async def call(self, arguments: str) -> ToolOutput:
        """The voice that fits best, as an effect; none when nothing fits."""
        description = parse(arguments, VoiceArguments).description
        if wants_default(description):
            voice = self._bank.get(DEFAULT_VOICE_ID)
            text = "All right, I am back to my normal voice."
            return ToolOutput(f"voice set to {voice.name}", spoken=text, voice_id=voice.id)
        hits = await self._bank.search(description, LISTED)
        if not hits or hits[0].score < MIN_SCORE:
            return ToolOutput("no voice fits", spoken="I am sorry, I have no voice like that.")
        voice = hits[0].voice
        others = ", ".join(hit.voice.name for hit in hits[1:])
        content = f"voice set to {voice.name}: {voice.description} Alternatives: {others}."
        return ToolOutput(content, spoken=f"All right, I am now speaking as {voice.name}.", voice_id=voice.id)


def wants_default(description: str) -> bool:
    """Whether the request is to go back rather than to find a voice."""
    return bool(BACK.search(description)) and not NOT_BACK.search(description)
