"""What every turn of an agent works with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from vivavoce.agent.calls.runner import ToolBox
from vivavoce.agent.grounding import Guard
from vivavoce.agent.session.store import Sessions
from vivavoce.core.errors import VoiceNotFound, VoiceRefused
from vivavoce.core.messages import SystemMessage
from vivavoce.core.protocols import Anticipating, SpeechDecoder, SpeechLM, VoiceBank


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
    sessions: Sessions
    graph: CompiledStateGraph[Any, Any, Any, Any]
    system: SystemMessage
    language: str
    default_voice: str
    max_steps: int
    max_calls: int
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

    def voice_of(self, facts: Mapping[str, Any]) -> str:
        """The id of the voice that a session speaks in; the default where that may no longer be spoken in."""
        try:
            return self.bank.entry(str(facts.get("voice_id") or self.default_voice)).check_may_be_spoken().id
        except (VoiceNotFound, VoiceRefused):
            return self.default_voice

    async def values_of(self, session: str) -> dict[str, Any]:
        """All that is kept of a session: its facts, its messages and its changes of voice."""
        facts, records = await self.sessions.log.all_of(session)
        messages = [record for record in records if record["role"] != "switch"]
        switches = [record["switch"] for record in records if record["role"] == "switch"]
        return {**facts, "messages": messages, "switches": switches}
