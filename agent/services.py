"""What every turn of an agent works with."""

from dataclasses import dataclass
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from vivavoce.agent.calls.runner import ToolBox
from vivavoce.agent.grounding import Guard
from vivavoce.agent.session.recordings import AudioStore
from vivavoce.agent.state import to_switch
from vivavoce.core.errors import VoiceNotFound, VoiceRefused
from vivavoce.core.messages import SystemMessage
from vivavoce.core.protocols import Anticipating, SpeechDecoder, SpeechLM, VoiceBank
from vivavoce.core.voice import VoiceSwitch


@dataclass(frozen=True, slots=True)
class Services:
    """The parts and limits of an agent.

    system: what every model reads first. language: of what the agent says by itself. result_chars: longest tool result
    that a model reads.
    """

    lm: SpeechLM
    decoder: SpeechDecoder
    bank: VoiceBank
    tools: ToolBox
    graph: CompiledStateGraph[Any, Any, Any, Any]
    audio: AudioStore
    system: SystemMessage
    language: str
    default_voice: str
    max_steps: int
    result_chars: int
    guard: Guard | None
    anticipating: tuple[Anticipating, ...]

    def anticipate(self, heard: str) -> None:
        """Let searches begin with what the user seems to say."""
        for one in self.anticipating:
            one.anticipate(heard)

    def discard(self, heard: str) -> None:
        """Drop what was begun with this and no tool was called for."""
        for one in self.anticipating:
            one.discard(heard)

    async def voice_of(self, session: str) -> str:
        """The id of the voice that a session speaks in; the default where that may no longer be spoken in."""
        values = await self.values_of(session)
        voice_id = str(values.get("voice_id") or self.default_voice)
        try:
            return self.bank.entry(voice_id).check_may_be_spoken().id
        except (VoiceNotFound, VoiceRefused):
            return self.default_voice

    async def switches_of(self, session: str) -> tuple[VoiceSwitch, ...]:
        """Every change of the voice in a session."""
        return tuple(to_switch(record) for record in (await self.values_of(session)).get("switches", []))

    async def values_of(self, session: str) -> dict[str, Any]:
        """The state of a session."""
        snapshot = await self.graph.aget_state({"configurable": {"thread_id": session}})
        return snapshot.values
